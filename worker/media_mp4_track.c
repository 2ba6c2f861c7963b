/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_mp4_track.h"

#include "common/buf.h"
#include "worker/media_bytes.h"
#include "worker/media_framer.h"
#include "worker/media_mp4_box.h"
#include "worker/media_mp4_entry.h"
#include "worker/media_opus.h"

#define FULL_BOX_BYTES 4
#define TRACKS_MAX 64
#define DOPS_HEAD_BYTES 11
#define DURATION_MAX (INT64_C(1) << 40)

static bool refuse(struct err *err, const char *reason)
{
    return err_set(err, ERR_REJECT, "media", 0, "the MP4 header is damaged: %s", reason);
}

/* `bytes` bytes of a box's content; NULL: it is shorter. */
static const uint8_t *content_at(struct media_source *source, const struct mp4_box *box,
                                 int64_t offset, int64_t bytes)
{
    return box->end - box->content < offset + bytes
               ? NULL
               : media_source_at(source, box->content + offset, (size_t)bytes);
}

/* Of mvhd and mdhd: behind two times, which are longer in version 1. 0: damaged. */
static int32_t read_timescale(struct media_source *source, const struct mp4_box *parent,
                              uint32_t type)
{
    struct mp4_box box;
    if (!mp4_box_find(source, parent->content, parent->end, type, &box)) {
        return 0;
    }
    const uint8_t *version = content_at(source, &box, 0, 1);
    int64_t times_bytes = version != NULL && version[0] == 1 ? 16 : 8;
    const uint8_t *bytes = content_at(source, &box, FULL_BOX_BYTES + times_bytes, 4);
    uint32_t timescale = bytes == NULL ? 0 : be32(bytes);
    return timescale <= INT32_MAX ? (int32_t)timescale : 0;
}

static bool is_audio(struct media_source *source, const struct mp4_box *mdia)
{
    struct mp4_box hdlr;
    const uint8_t *bytes =
        mp4_box_find(source, mdia->content, mdia->end, MP4_TYPE('h', 'd', 'l', 'r'), &hdlr)
            ? content_at(source, &hdlr, FULL_BOX_BYTES + 4, 4)
            : NULL;
    return bytes != NULL && be32(bytes) == MP4_TYPE('s', 'o', 'u', 'n');
}

static uint32_t read_id(struct media_source *source, const struct mp4_box *trak)
{
    struct mp4_box tkhd;
    if (!mp4_box_find(source, trak->content, trak->end, MP4_TYPE('t', 'k', 'h', 'd'), &tkhd)) {
        return 0;
    }
    const uint8_t *version = content_at(source, &tkhd, 0, 1);
    int64_t times_bytes = version != NULL && version[0] == 1 ? 16 : 8;
    const uint8_t *bytes = content_at(source, &tkhd, FULL_BOX_BYTES + times_bytes, 4);
    return bytes == NULL ? 0 : be32(bytes);
}

/* --- the edit list --- */

struct edit {
    int64_t duration; /* in the movie's time scale; 0: to the end */
    int64_t start;    /* in the track's; -1: nothing is heard for so long */
};

static bool edit_at(struct media_source *source, const struct mp4_box *elst, bool is_long,
                    int64_t index, struct edit *ret_edit)
{
    int64_t entry_bytes = is_long ? 20 : 12;
    const uint8_t *bytes =
        content_at(source, elst, FULL_BOX_BYTES + 4 + index * entry_bytes, entry_bytes);
    if (bytes == NULL) {
        return false;
    }
    uint64_t duration = is_long ? be64(bytes) : be32(bytes);
    ret_edit->duration = duration > DURATION_MAX ? DURATION_MAX : (int64_t)duration;
    ret_edit->start = is_long ? (int64_t)be64(bytes + 8) : (int32_t)be32(bytes + 4);
    return true;
}

/* What an edit list cuts off by less than a second is what the encoder added; more was cut by
 * somebody. Several edits would put the audio in another order: they are left aside. */
static void read_edits(struct media_source *source, const struct mp4_box *trak,
                       int32_t movie_timescale, struct mp4_track *track)
{
    static const uint32_t PATH[] = {MP4_TYPE('e', 'd', 't', 's'), MP4_TYPE('e', 'l', 's', 't'), 0};
    struct mp4_box elst;
    struct edit heard = {.start = -1};
    int heard_count = 0;
    if (!mp4_box_descend(source, trak, PATH, &elst)) {
        return;
    }
    const uint8_t *head = content_at(source, &elst, 0, FULL_BOX_BYTES + 4);
    int64_t count = head == NULL ? 0 : be32(head + 4);
    bool is_long = head != NULL && head[0] == 1;
    for (int64_t i = 0; i < count && heard_count < 2; i++) {
        struct edit edit;
        if (!edit_at(source, &elst, is_long, i, &edit)) {
            break;
        }
        if (edit.start >= 0) {
            heard = edit;
            heard_count++;
        }
    }
    if (heard_count != 1 || heard.start > DURATION_MAX) {
        return;
    }
    track->edit_start = heard.start;
    if (heard.duration > 0 && movie_timescale > 0) {
        track->edit_end =
            heard.start + media_rescale(heard.duration, track->timescale, movie_timescale);
    }
}

/* --- fragments --- */

static void read_fragments(struct media_source *source, const struct mp4_box *moov,
                           struct mp4_track *track)
{
    struct mp4_box mvex;
    struct mp4_box trex;
    track->has_fragments =
        mp4_box_find(source, moov->content, moov->end, MP4_TYPE('m', 'v', 'e', 'x'), &mvex);
    int64_t at = track->has_fragments ? mvex.content : 0;
    for (int i = 0; i < TRACKS_MAX && track->has_fragments; i++) {
        if (!mp4_box_find(source, at, mvex.end, MP4_TYPE('t', 'r', 'e', 'x'), &trex)) {
            return;
        }
        const uint8_t *bytes = content_at(source, &trex, FULL_BOX_BYTES, 16);
        if (bytes != NULL && be32(bytes) == track->id) {
            track->default_duration = be32(bytes + 8);
            track->default_size = be32(bytes + 12);
            return;
        }
        at = trex.end;
    }
}

/* --- the track --- */

static bool read_track(struct media_source *source, const struct mp4_box *moov,
                       const struct mp4_box *trak, const struct mp4_box *mdia,
                       struct mp4_track *track, struct err *err)
{
    static const uint32_t PATH[] = {MP4_TYPE('m', 'i', 'n', 'f'), MP4_TYPE('s', 't', 'b', 'l'), 0};
    struct mp4_box stbl;
    struct mp4_box stsd;
    track->id = read_id(source, trak);
    track->timescale = read_timescale(source, mdia, MP4_TYPE('m', 'd', 'h', 'd'));
    if (track->timescale == 0 || !mp4_box_descend(source, mdia, PATH, &stbl) ||
        !mp4_box_find(source, stbl.content, stbl.end, MP4_TYPE('s', 't', 's', 'd'), &stsd)) {
        return refuse(err, "its audio track has no description");
    }
    if (!mp4_entry_read(source, &stsd, track, err)) {
        return false;
    }
    if (!mp4_tables_read(source, &stbl, &track->tables)) {
        return refuse(err, "its audio track has no table of samples");
    }
    /* MP3 tells its rate in its frames; a track's time scale is that. */
    if (track->track.kind == MEDIA_TRACK_MP3 && track->track.sample_rate == 0) {
        track->track.sample_rate = track->timescale;
    }
    read_edits(source, trak, read_timescale(source, moov, MP4_TYPE('m', 'v', 'h', 'd')), track);
    read_fragments(source, moov, track);
    return true;
}

bool mp4_track_read(struct media_source *source, const struct mp4_box *moov,
                    struct mp4_track *ret_track, struct err *err)
{
    int64_t at = moov->content;
    struct mp4_box box;
    if (mp4_box_find(source, moov->content, moov->end, MP4_TYPE('c', 'm', 'o', 'v'), &box)) {
        return err_set(err, ERR_REJECT, "media", 0,
                       "QuickTime with a compressed header is not supported");
    }
    for (int i = 0; i < TRACKS_MAX; i++) {
        struct mp4_box mdia;
        if (!mp4_box_find(source, at, moov->end, MP4_TYPE('t', 'r', 'a', 'k'), &box)) {
            break;
        }
        if (mp4_box_find(source, box.content, box.end, MP4_TYPE('m', 'd', 'i', 'a'), &mdia) &&
            is_audio(source, &mdia)) {
            struct mp4_track track = {.edit_end = INT64_MAX};
            if (!read_track(source, moov, &box, &mdia, &track, err)) {
                return false;
            }
            *ret_track = track;
            return true;
        }
        at = box.end;
    }
    return err_set(err, ERR_REJECT, "media", 0, "the MP4 file has no audio track");
}

/* MP4 keeps the numbers of Opus's own header in the other byte order. */
static bool write_opus_head(const uint8_t *dops, int64_t length, struct buf *setup)
{
    uint8_t head[OPUS_HEAD_BYTES] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1};
    head[9] = dops[1];
    head[10] = dops[3];
    head[11] = dops[2];
    for (int i = 0; i < 4; i++) {
        head[12 + i] = dops[7 - i];
    }
    head[16] = dops[9];
    head[17] = dops[8];
    head[18] = dops[10];
    buf_append(setup, head, sizeof(head));
    buf_append(setup, dops + DOPS_HEAD_BYTES, (size_t)length - DOPS_HEAD_BYTES);
    return true;
}

bool mp4_track_write_setup(struct media_source *source, const struct mp4_track *track,
                           struct buf *setup)
{
    if (track->setup_length == 0) {
        return true;
    }
    const uint8_t *bytes =
        media_source_at(source, track->setup_offset, (size_t)track->setup_length);
    if (bytes == NULL) {
        return false;
    }
    if (track->track.kind == MEDIA_TRACK_OPUS) {
        return write_opus_head(bytes, track->setup_length, setup);
    }
    buf_append(setup, bytes, (size_t)track->setup_length);
    return true;
}
