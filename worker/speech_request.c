/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/speech_request.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "common/mem.h"
#include "worker/media_report.h"

static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "PCM is sent as it lies in memory");

#define PATH "/audio/transcriptions"
#define WAV_HEADER_SIZE 44
#define SAMPLES_MAX (INT32_MAX / 2)

/* The WAV file, as curl reads it. */
struct wav {
    uint8_t header[WAV_HEADER_SIZE];
    const uint8_t *pcm; /* borrowed */
    size_t pcm_bytes;
    size_t position;
};

struct speech_request {
    CURL *easy; /* owned until taken */
    curl_mime *form;
    struct curl_slist *headers;
    struct wav wav;
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void wav_init(struct wav *wav, const struct speech_audio *audio)
{
    static const uint8_t FORMAT[] = {16, 0, 0, 0, 1, 0, 1, 0}; /* PCM, one channel */

    assert(audio->count <= SAMPLES_MAX);
    wav->pcm = (const uint8_t *)audio->samples;
    wav->pcm_bytes = audio->count * sizeof *audio->samples;
    memcpy(wav->header, "RIFF", 4);
    put_u32(wav->header + 4, (uint32_t)(WAV_HEADER_SIZE - 8 + wav->pcm_bytes));
    memcpy(wav->header + 8, "WAVEfmt ", 8);
    memcpy(wav->header + 16, FORMAT, sizeof FORMAT);
    put_u32(wav->header + 24, MEDIA_PCM_RATE);
    put_u32(wav->header + 28, MEDIA_PCM_RATE * sizeof *audio->samples);
    put_u32(wav->header + 32, sizeof *audio->samples | 16U << 16); /* bytes, and bits, a sample */
    memcpy(wav->header + 36, "data", 4);
    put_u32(wav->header + 40, (uint32_t)wav->pcm_bytes);
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t on_read(char *to, size_t size, size_t count, void *context)
{
    struct wav *wav = context;
    size_t room = size * count;
    size_t copied = 0;

    if (wav->position < WAV_HEADER_SIZE) {
        copied = min_size(room, WAV_HEADER_SIZE - wav->position);
        memcpy(to, wav->header + wav->position, copied);
        wav->position += copied;
    }
    if (wav->position >= WAV_HEADER_SIZE) {
        size_t at = wav->position - WAV_HEADER_SIZE;
        size_t more = min_size(room - copied, wav->pcm_bytes - at);
        memcpy(to + copied, wav->pcm + at, more);
        wav->position += more;
        copied += more;
    }
    return copied;
}

/* curl goes back when a kept connection turns out to be closed. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct wav *wav = context;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > WAV_HEADER_SIZE + wav->pcm_bytes)
        return CURL_SEEKFUNC_CANTSEEK;
    wav->position = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void add_field(struct speech_request *request, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    curl_mimepart *part = curl_mime_addpart(request->form);
    (void)curl_mime_name(part, name);
    (void)curl_mime_data(part, value, CURL_ZERO_TERMINATED);
}

static void add_file(struct speech_request *request)
{
    curl_mimepart *part = curl_mime_addpart(request->form);
    curl_off_t length = (curl_off_t)(WAV_HEADER_SIZE + request->wav.pcm_bytes);

    (void)curl_mime_name(part, "file");
    (void)curl_mime_filename(part, "window.wav");
    (void)curl_mime_type(part, "audio/wav");
    (void)curl_mime_data_cb(part, length, on_read, on_seek, NULL, &request->wav);
}

const char *speech_service_model(const struct speech_service *service, bool is_music)
{
    bool has_music_model = service->music_model != NULL && service->music_model[0] != '\0';

    return is_music && has_music_model ? service->music_model : service->model;
}

static void add_form(struct speech_request *request, const struct speech_service *service,
                     const struct speech_audio *audio)
{
    request->form = curl_mime_init(request->easy);
    add_field(request, "model", speech_service_model(service, audio->is_music));
    add_field(request, "response_format", "verbose_json");
    add_field(request, "timestamp_granularities[]", "word");
    add_field(request, "timestamp_granularities[]", "segment");
    add_field(request, "temperature", "0");
    add_field(request, "language", audio->language);
    add_field(request, "prompt", audio->prompt);
    add_file(request);
    (void)curl_easy_setopt(request->easy, CURLOPT_MIMEPOST, request->form);
}

static void add_headers(struct speech_request *request, const char *key)
{
    request->headers = curl_slist_append(NULL, "Accept: application/json");
    if (key != NULL && key[0] != '\0') {
        CLEANUP(mem_free_at) char *line = mem_format("Authorization: Bearer %s", key);
        request->headers = curl_slist_append(request->headers, line);
    }
    (void)curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
    (void)curl_easy_setopt(request->easy, CURLOPT_USERAGENT, "chunkscribe-worker");
}

struct speech_request *speech_request_new(const struct speech_service *service,
                                          const struct speech_audio *audio)
{
    struct speech_request *request = mem_new(sizeof *request);
    size_t url_length = strlen(service->url);

    if (url_length > 0 && service->url[url_length - 1] == '/')
        url_length--;
    CLEANUP(mem_free_at) char *url = mem_format("%.*s" PATH, (int)url_length, service->url);
    request->easy = curl_easy_init();
    if (request->easy == NULL)
        abort();
    (void)curl_easy_setopt(request->easy, CURLOPT_URL, url);
    wav_init(&request->wav, audio);
    add_form(request, service, audio);
    add_headers(request, service->key);
    return request;
}

void speech_request_free(struct speech_request *request)
{
    if (request == NULL)
        return;
    curl_easy_cleanup(request->easy);
    curl_mime_free(request->form);
    curl_slist_free_all(request->headers);
    free(request);
}

CURL *speech_request_take_easy(struct speech_request *request)
{
    assert(request->easy != NULL);
    return TAKE(request->easy);
}
