/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_codec.h"

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libswresample/swresample.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

struct media_codec {
    AVCodecContext *context; /* owned, as all below */
    AVPacket *packet;
    AVFrame *frame;
    SwrContext *downmix; /* made for the format below */
    AVChannelLayout layout;
    int format;
    int32_t sample_rate;
    int32_t last_rate; /* of the last frame */
    bool has_begun;    /* has taken a packet */
    uint8_t *bytes;    /* the packet with the padding that libavcodec reads beyond it */
    size_t capacity;
};

/* libav logs by a callback of the process: the only state of this file that no object owns. */
static char last_complaint[128];

static void on_log(void *object, int level, const char *format, va_list arguments)
    PRINTF_LIKE(3, 0);

static void on_log(void *object UNUSED, int level, const char *format, va_list arguments)
{
    if (level > AV_LOG_ERROR) {
        return;
    }
    (void)vsnprintf(last_complaint, sizeof(last_complaint), format, arguments);
    last_complaint[strcspn(last_complaint, "\n")] = '\0';
}

const char *media_codec_last_complaint(void)
{
    return last_complaint;
}

void media_codec_free(struct media_codec *codec)
{
    if (codec == NULL) {
        return;
    }
    avcodec_free_context(&codec->context);
    av_packet_free(&codec->packet);
    av_frame_free(&codec->frame);
    swr_free(&codec->downmix);
    av_channel_layout_uninit(&codec->layout);
    free(codec->bytes);
    free(codec);
}

/* libav frees it with the context. */
static bool set_setup(AVCodecContext *context, const struct buf *setup)
{
    if (setup->length == 0) {
        return true;
    }
    context->extradata = av_mallocz(setup->length + AV_INPUT_BUFFER_PADDING_SIZE);
    if (context->extradata == NULL) {
        return false;
    }
    memcpy(context->extradata, setup->data, setup->length);
    context->extradata_size = (int)setup->length;
    return true;
}

/* libopus takes its time as the format defines it; libav's own decoder holds samples back where the
 * codec changes its mode. */
static const AVCodec *find_decoder(const char *codec)
{
    const AVCodec *decoder =
        strcmp(codec, "opus") == 0 ? avcodec_find_decoder_by_name("libopus") : NULL;
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get_by_name(codec);
    if (decoder == NULL && descriptor != NULL) {
        decoder = avcodec_find_decoder(descriptor->id);
    }
    return decoder;
}

static bool open_context(struct media_codec *codec, const struct media_header *header,
                         const struct buf *setup, struct err *err)
{
    const AVCodec *decoder = find_decoder(header->codec);
    if (decoder == NULL) {
        return err_set(err, ERR_REJECT, "media", 0, "there is no decoder for %s", header->codec);
    }
    codec->context = avcodec_alloc_context3(decoder);
    codec->packet = av_packet_alloc();
    codec->frame = av_frame_alloc();
    if (codec->context == NULL || codec->packet == NULL || codec->frame == NULL ||
        !set_setup(codec->context, setup)) {
        return err_set(err, ERR_RETRY, "media", 0, "out of memory");
    }
    AVCodecContext *context = codec->context;
    context->sample_rate = header->sample_rate;
    av_channel_layout_default(&context->ch_layout, header->channels);
    context->thread_count = 1;
    context->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL; /* delays are the report's business */
    int result = avcodec_open2(context, decoder, NULL);
    if (result < 0) {
        return err_set(err, ERR_REJECT, "media", result, "the decoder for %s refuses: %s",
                       header->codec, last_complaint);
    }
    return true;
}

struct media_codec *media_codec_new(const struct media_header *header, const struct buf *setup,
                                    struct err *err)
{
    av_log_set_callback(on_log);
    struct media_codec *codec = mem_new(sizeof(*codec));
    codec->sample_rate = header->sample_rate;
    if (!open_context(codec, header, setup, err)) {
        media_codec_free(codec);
        return NULL;
    }
    return codec;
}

static bool downmix_fits(const struct media_codec *codec, const AVFrame *frame)
{
    return codec->downmix != NULL && codec->format == frame->format &&
           av_channel_layout_compare(&codec->layout, &frame->ch_layout) == 0;
}

/* Frames of one file may differ: MP3 encoders switch between mono and stereo. */
static bool prepare_downmix(struct media_codec *codec, const AVFrame *frame)
{
    if (downmix_fits(codec, frame)) {
        return true;
    }
    swr_free(&codec->downmix);
    if (av_channel_layout_copy(&codec->layout, &frame->ch_layout) < 0) {
        return false;
    }
    codec->format = frame->format;
    AVChannelLayout in;
    if (frame->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        av_channel_layout_default(&in, frame->ch_layout.nb_channels);
    } else {
        in = codec->layout; /* borrowed: swr copies it */
    }
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    int rate = codec->sample_rate;
    if (swr_alloc_set_opts2(&codec->downmix, &mono, AV_SAMPLE_FMT_S16, rate, &in,
                            (enum AVSampleFormat)frame->format, rate, 0, NULL) < 0 ||
        swr_init(codec->downmix) < 0) {
        swr_free(&codec->downmix);
        return false;
    }
    return true;
}

/* Appends the frame's samples to the unit's; returns how many. */
static int64_t take_frame(struct media_codec *codec, int64_t space, int16_t *ret_samples)
{
    const AVFrame *frame = codec->frame;
    codec->last_rate = frame->sample_rate;
    if (frame->sample_rate != codec->sample_rate || space <= 0 || !prepare_downmix(codec, frame)) {
        return 0;
    }
    int count = frame->nb_samples < space ? frame->nb_samples : (int)space;
    uint8_t *out[1] = {(uint8_t *)ret_samples};
    int converted = swr_convert(codec->downmix, out, count,
                                (const uint8_t **)(uintptr_t)frame->extended_data, count);
    return converted > 0 ? converted : 0;
}

static bool send_packet(struct media_codec *codec, const struct media_packet *packet)
{
    size_t length = packet->length;
    size_t needed = length + AV_INPUT_BUFFER_PADDING_SIZE;
    if (needed > codec->capacity) {
        codec->bytes = mem_resize(codec->bytes, 1, needed);
        codec->capacity = needed;
    }
    memcpy(codec->bytes, packet->bytes, length);
    memset(codec->bytes + length, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    codec->packet->data = codec->bytes;
    codec->packet->size = (int)length;
    return avcodec_send_packet(codec->context, codec->packet) >= 0;
}

int32_t media_codec_sample_rate(const struct media_codec *codec)
{
    return codec->last_rate;
}

bool media_codec_decode(struct media_codec *codec, const struct media_packet *packet,
                        int16_t *ret_samples)
{
    int64_t samples = packet->samples;
    int64_t done = 0;
    bool is_taken = packet->bytes != NULL && packet->length > 0 && send_packet(codec, packet);
    if (is_taken) {
        while (avcodec_receive_frame(codec->context, codec->frame) >= 0) {
            done += take_frame(codec, samples - done, ret_samples + done);
            av_frame_unref(codec->frame);
        }
    }
    memset(ret_samples + done, 0, (size_t)(samples - done) * sizeof(*ret_samples));
    /* That the first packet lacks what came before, as a block of Vorbis does, or is itself what
     * came before, is not the recording's fault. */
    bool is_whole = done == samples || (!codec->has_begun && (is_taken || packet->bytes == NULL));
    codec->has_begun = codec->has_begun || is_taken;
    return is_whole;
}
