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

struct decoding {
    struct media_source *source;   /* borrowed */
    const struct media_sink *sink; /* borrowed */
    struct media_codec *codec;
    struct media_resample *resample;
    int16_t *samples; /* owned; one unit's */
    int64_t capacity;
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
    if (samples > decoding->capacity) {
        decoding->samples =
            mem_resize(decoding->samples, (size_t)samples, sizeof(*decoding->samples));
        decoding->capacity = samples;
    }
}

/* A unit of which bytes are missing is as long as it claims, and silent. */
static bool decode_unit(struct decoding *decoding, const struct media_step *step)
{
    const struct media_unit *unit = &step->unit;
    assert(unit->length > 0 && unit->length <= MEDIA_VIEW_MAX);
    const uint8_t *bytes =
        step->is_cut ? NULL : media_source_at(decoding->source, unit->offset, (size_t)unit->length);
    reserve(decoding, unit->samples);
    if (bytes == NULL) {
        memset(decoding->samples, 0, (size_t)unit->samples * sizeof(*decoding->samples));
        return step->is_cut;
    }
    return media_codec_decode(decoding->codec, bytes, (size_t)unit->length, unit->samples,
                              decoding->samples);
}

static bool decode_step(struct decoding *decoding, const struct media_step *step, struct err *err)
{
    bool is_decoded = decode_unit(decoding, step);
    if (step->part == MEDIA_PART_PREROLL) {
        return true;
    }
    decoding->heard_units++;
    decoding->undecodable_units += is_decoded ? 0 : 1;
    const int16_t *pcm = NULL;
    size_t count = media_resample_push(decoding->resample, decoding->samples,
                                       (size_t)step->unit.samples, &pcm);
    return send_pcm(decoding, pcm, count, err);
}

static bool check_result(const struct decoding *decoding, const struct media_header *header,
                         struct err *err)
{
    if (media_source_has_failed(decoding->source)) {
        return err_set(err, ERR_RETRY, "media", 0, "the chunk's bytes could not be read");
    }
    if (decoding->heard_units > 0 && decoding->undecodable_units == decoding->heard_units) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "none of the %" PRId64 " units of %s audio can be decoded: %s",
                       decoding->heard_units, header->codec, media_codec_last_complaint());
    }
    return true;
}

static bool decode_all(struct decoding *decoding, const struct media_header *header,
                       const struct media_range *range, struct err *err)
{
    struct media_walk walk;
    struct media_step step;
    media_walk_init(&walk, decoding->source, header, range);
    while (media_walk_next(&walk, &step)) {
        if (!decode_step(decoding, &step, err)) {
            return false;
        }
    }
    const int16_t *pcm = NULL;
    size_t count = media_resample_finish(decoding->resample, &pcm);
    return send_pcm(decoding, pcm, count, err) && check_result(decoding, header, err);
}

static bool decode_owned(struct media_source *source, const struct media_header *header,
                         const struct media_decode_options *options, const struct media_sink *sink,
                         struct media_decode_result *result, struct err *err)
{
    int32_t pcm_rate = options->pcm_rate == 0 ? header->sample_rate : options->pcm_rate;
    CLEANUP(free_codec) struct media_codec *codec = media_codec_new(header, err);
    CLEANUP(free_resample)
    struct media_resample *resample =
        codec == NULL ? NULL : media_resample_new(header->sample_rate, pcm_rate, err);
    if (resample == NULL) {
        return false;
    }
    struct decoding decoding = {
        .source = source, .sink = sink, .codec = codec, .resample = resample};
    bool is_done = decode_all(&decoding, header, &options->range, err);
    free(decoding.samples);
    result->pcm_samples = decoding.pcm_samples;
    result->undecodable_units = decoding.undecodable_units;
    return is_done;
}

enum media_status media_decode(struct media_source *source,
                               const struct media_decode_options *options,
                               const struct media_sink *sink,
                               struct media_decode_result *ret_result, struct err *err)
{
    struct media_decode_result result = {0};
    struct media_header header;
    enum media_status status = media_header_read(source, &header, &result.need, err);
    if (status == MEDIA_READY) {
        if (!media_report_make(source, &header, &options->range, options->max_seconds,
                               &result.report, err)) {
            return MEDIA_REFUSED;
        }
        sink->on_start(sink->context, &result.report);
        if (result.report.samples > 0 &&
            !decode_owned(source, &header, options, sink, &result, err)) {
            return MEDIA_REFUSED;
        }
    }
    *ret_result = result;
    return status;
}
