/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_decode.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/media_codec.h"
#include "worker/media_resample.h"
#include "worker/media_walk.h"

/* A Vorbis code book at its largest; others need less than a hundred bytes. */
#define SETUP_BYTES_MAX ((size_t)1 << 20)

/* How much of what cannot be decoded is silence at a time. */
#define SILENCE_SAMPLES 4096
#define TRIAL_UNITS 4
#define TRIAL_SAMPLES_MAX 8192
/* The parameters of SBR come every half second or so. */
#define SBR_PREROLL_MS 500

struct decoding {
    struct media_source *source; /* borrowed, as the next two */
    const struct media_header *header;
    const struct media_sink *sink;
    struct media_codec *codec;
    struct media_resample *resample;
    int16_t *samples; /* owned; one packet's */
    int64_t capacity;
    uint8_t *bytes; /* owned; those of a unit that is one packet */
    size_t bytes_capacity;
    int64_t heard_units; /* of which samples went out */
    int64_t pcm_samples;
    int64_t undecodable_units;
};

static void free_codec(struct media_codec **codec)
{
    media_codec_free(*codec);
}

static void free_resample(struct media_resample **resample)
{
    media_resample_free(*resample);
}

static bool send_pcm(struct decoding *decoding, const int16_t *samples, size_t count,
                     struct err *err)
{
    decoding->pcm_samples += (int64_t)count;
    if (count > 0 && !decoding->sink->on_pcm(decoding->sink->context, samples, count)) {
        return err_set(err, ERR_CANCELLED, "media", 0, "nobody wants the samples any more");
    }
    return true;
}

static void reserve(struct decoding *decoding, int64_t samples)
{
    samples = samples < SILENCE_SAMPLES ? SILENCE_SAMPLES : samples;
    if (samples > decoding->capacity) {
        decoding->samples =
            mem_resize(decoding->samples, (size_t)samples, sizeof(*decoding->samples));
        decoding->capacity = samples;
    }
}

/* A unit on its way through the decoder. */
struct unpacking {
    struct decoding *decoding;
    int64_t samples; /* the unit's */
    int64_t done;
    bool is_heard; /* its samples go out */
    bool is_sound; /* no packet failed */
    bool is_stopped;
    struct err *err; /* says why */
};

/* Sends the first `count` of decoding->samples on. */
static void emit(struct unpacking *unpacking, int64_t count)
{
    struct decoding *decoding = unpacking->decoding;
    const int16_t *pcm = NULL;
    unpacking->done += count;
    if (!unpacking->is_heard || unpacking->is_stopped) {
        return;
    }
    size_t length = media_resample_push(decoding->resample, decoding->samples, (size_t)count, &pcm);
    unpacking->is_stopped = !send_pcm(decoding, pcm, length, unpacking->err);
}

static void on_packet(void *context, const struct media_packet *packet)
{
    struct unpacking *unpacking = context;
    struct decoding *decoding = unpacking->decoding;
    assert(packet->samples >= 0 && packet->samples <= unpacking->samples - unpacking->done);
    reserve(decoding, packet->samples);
    if (!media_codec_decode(decoding->codec, packet, decoding->samples)) {
        unpacking->is_sound = false;
    }
    emit(unpacking, packet->samples);
}

static void emit_silence(struct unpacking *unpacking)
{
    struct decoding *decoding = unpacking->decoding;
    while (unpacking->done < unpacking->samples && !unpacking->is_stopped) {
        int64_t rest = unpacking->samples - unpacking->done;
        int64_t count = rest < SILENCE_SAMPLES ? rest : SILENCE_SAMPLES;
        reserve(decoding, count);
        memset(decoding->samples, 0, (size_t)count * sizeof(*decoding->samples));
        emit(unpacking, count);
    }
}

static const uint8_t *unit_bytes(struct decoding *decoding, const struct media_unit *unit)
{
    size_t length = (size_t)unit->length;
    if (length <= MEDIA_VIEW_MAX) {
        return media_source_at(decoding->source, unit->offset, length);
    }
    if (length > decoding->bytes_capacity) {
        decoding->bytes = mem_resize(decoding->bytes, 1, length);
        decoding->bytes_capacity = length;
    }
    return media_source_read(decoding->source, unit->offset, decoding->bytes, length)
               ? decoding->bytes
               : NULL;
}

static void unpack_unit(struct decoding *decoding, const struct media_unit *unit,
                        const struct media_packet_sink *sink)
{
    const struct media_framer *framer = decoding->header->framer;
    if (framer->unpack != NULL) {
        framer->unpack(decoding->source, decoding->header, unit, sink);
        return;
    }
    const struct media_packet packet = {.bytes = unit_bytes(decoding, unit),
                                        .length = (size_t)unit->length,
                                        .samples = unit->samples};
    if (packet.bytes != NULL) {
        sink->on_packet(sink->context, &packet);
    }
}

/* Unlike a damaged unit, one of which bytes are missing is silent without being counted. */
static bool decode_step(struct decoding *decoding, const struct media_step *step, struct err *err)
{
    const struct media_unit *unit = &step->unit;
    struct unpacking unpacking = {.decoding = decoding,
                                  .samples = unit->samples,
                                  .is_heard = step->part != MEDIA_PART_PREROLL,
                                  .is_sound = true,
                                  .err = err};
    const struct media_packet_sink sink = {.on_packet = on_packet, .context = &unpacking};
    if (!step->is_cut) {
        unpack_unit(decoding, unit, &sink);
    }
    bool is_decoded = step->is_cut || (unpacking.is_sound && unpacking.done == unit->samples);
    emit_silence(&unpacking);
    if (unpacking.is_heard && unit->samples > 0) {
        decoding->heard_units++;
        decoding->undecodable_units += is_decoded ? 0 : 1;
    }
    return !unpacking.is_stopped;
}

static bool check_result(const struct decoding *decoding, struct err *err)
{
    if (media_source_has_failed(decoding->source)) {
        return err_set(err, ERR_RETRY, "media", 0, "the chunk's bytes could not be read");
    }
    if (decoding->heard_units > 0 && decoding->undecodable_units == decoding->heard_units) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "none of the %" PRId64 " units of %s audio can be decoded: %s",
                       decoding->heard_units, decoding->header->codec,
                       media_codec_last_complaint());
    }
    return true;
}

static bool decode_all(struct decoding *decoding, const struct media_range *range, struct err *err)
{
    struct media_walk walk;
    struct media_step step;
    media_walk_init(&walk, decoding->source, decoding->header, range);
    while (media_walk_next(&walk, &step)) {
        if (!decode_step(decoding, &step, err)) {
            return false;
        }
    }
    const int16_t *pcm = NULL;
    size_t count = media_resample_finish(decoding->resample, &pcm);
    return send_pcm(decoding, pcm, count, err) && check_result(decoding, err);
}

static struct media_codec *open_codec(struct media_source *source,
                                      const struct media_header *header, struct err *err)
{
    CLEANUP(buf_done) struct buf setup;
    buf_init(&setup, SETUP_BYTES_MAX);
    if (header->framer->write_setup != NULL &&
        (!header->framer->write_setup(source, header, &setup) || buf_is_over(&setup))) {
        (void)err_set(err, ERR_REJECT, "media", 0, "the %s header is damaged", header->codec);
        return NULL;
    }
    return media_codec_new(header, &setup, err);
}

static bool decode_reading(struct media_source *source, const struct media_header *header,
                           const struct media_decode_options *options,
                           const struct media_sink *sink, struct media_decode_result *result,
                           struct err *err)
{
    int32_t pcm_rate = options->pcm_rate == 0 ? header->sample_rate : options->pcm_rate;
    CLEANUP(free_codec) struct media_codec *codec = open_codec(source, header, err);
    CLEANUP(free_resample)
    struct media_resample *resample =
        codec == NULL ? NULL
                      : media_resample_new(options->resamplers, header->sample_rate, pcm_rate, err);
    if (resample == NULL) {
        return false;
    }
    struct decoding decoding = {
        .source = source, .header = header, .sink = sink, .codec = codec, .resample = resample};
    bool is_done = decode_all(&decoding, &options->range, err);
    free(decoding.samples);
    free(decoding.bytes);
    result->pcm_samples = decoding.pcm_samples;
    result->undecodable_units = decoding.undecodable_units;
    return is_done;
}

struct trial {
    struct media_codec *codec; /* borrowed, as below */
    int16_t *samples;
};

static void on_trial_packet(void *context, const struct media_packet *packet)
{
    struct trial *trial = context;
    if (packet->samples <= TRIAL_SAMPLES_MAX) {
        (void)media_codec_decode(trial->codec, packet, trial->samples);
    }
}

/* The rate of the first units that can be decoded; 0 if none can. */
static int32_t decoded_rate(struct media_source *source, const struct media_header *header,
                            struct media_codec *codec)
{
    struct trial trial = {.codec = codec,
                          .samples = mem_array(TRIAL_SAMPLES_MAX, sizeof(*trial.samples))};
    const struct media_packet_sink sink = {.on_packet = on_trial_packet, .context = &trial};
    struct decoding decoding = {.source = source, .header = header};
    int64_t offset = header->audio_start;
    for (int i = 0; i < TRIAL_UNITS && offset < header->audio_end; i++) {
        struct media_unit unit;
        if (header->framer->unit_at(source, header, offset, offset + 1, &unit) !=
            MEDIA_UNIT_READY) {
            break;
        }
        unpack_unit(&decoding, &unit, &sink);
        offset += unit.length;
    }
    free(decoding.bytes);
    free(trial.samples);
    return media_codec_sample_rate(codec);
}

/* HE-AAC looks like AAC of half its rate until it is decoded. */
static void settle_rate(struct media_source *source, struct media_header *header)
{
    struct err err;
    CLEANUP(free_codec) struct media_codec *codec = open_codec(source, header, &err);
    if (codec != NULL && decoded_rate(source, header, codec) == 2 * header->sample_rate) {
        header->sample_rate *= 2;
        header->rate_factor = 2;
        header->preroll_bytes += (int32_t)(header->bytes_per_second * SBR_PREROLL_MS / 1000);
        if (header->preroll_samples > 0) {
            header->preroll_samples += header->sample_rate * SBR_PREROLL_MS / 1000;
        }
    }
}

enum media_status media_decode_header(struct media_source *source, struct media_header *ret_header,
                                      struct media_need *ret_need, struct err *err)
{
    enum media_status status = media_header_read(source, ret_header, ret_need, err);
    if (status == MEDIA_READY && ret_header->may_double_rate) {
        settle_rate(source, ret_header);
    }
    return status;
}

enum media_status media_decode(struct media_source *source,
                               const struct media_decode_options *options,
                               const struct media_sink *sink,
                               struct media_decode_result *ret_result, struct err *err)
{
    struct media_decode_result result = {0};
    struct media_header header;
    enum media_status status = media_decode_header(source, &header, &result.need, err);
    if (status == MEDIA_READY) {
        if (!media_report_make(source, &header, &options->range, options->max_seconds,
                               &result.report, err)) {
            return MEDIA_REFUSED;
        }
        sink->on_start(sink->context, &result.report);
        if (media_report_has_reading(&result.report) &&
            !decode_reading(source, &header, options, sink, &result, err)) {
            return MEDIA_REFUSED;
        }
    }
    *ret_result = result;
    return status;
}
