/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_FRAMER_H
#define WORKER_MEDIA_FRAMER_H

/*
 * What a container format must be able to do so that any stretch of a file can be decoded alone:
 * one table per format, listed in media_header.c. Framers are pure and face hostile bytes: every
 * call ends after a bounded search, and whatever it returns lies within the recording.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "worker/media_header.h"
#include "worker/media_source.h"

/* How far sync looks for a unit at most. */
#define MEDIA_SYNC_BYTES_MAX ((int64_t)64 * 1024 * 1024)

/* One or more units that lie behind each other without a gap. */
struct media_unit {
    int64_t offset;
    int64_t length;          /* > 0 */
    int32_t lookahead_bytes; /* behind it, without which its end is not known */
    int64_t samples; /* 0: none of its own (a page on which no packet ends, a cluster's head) */
    bool has_position;
    int64_t position; /* of its first sample in the recording */
};

/* What a decoder takes at once. */
struct media_packet {
    const uint8_t *bytes; /* NULL: lost */
    size_t length;
    int64_t samples; /* that come of it */
};

struct media_packet_sink {
    void (*on_packet)(void *context, const struct media_packet *packet);
    void *context;
};

enum media_unit_status {
    MEDIA_UNIT_READY,   /* all of its bytes are there */
    MEDIA_UNIT_CUT,     /* it is there and its length known, but not all of its bytes */
    MEDIA_UNIT_UNKNOWN, /* too few bytes to tell; *ret_unit may have the length it has at least */
    MEDIA_UNIT_INVALID, /* no unit begins here: sync again behind it */
    MEDIA_UNIT_END      /* the audio ends here */
};

struct media_framer {
    const char *format;
    /* Whether the file's first bytes (from behind any ID3v2 tags, which all formats may have) are
     * this format's. `length` is at least 16 unless the file is shorter. */
    bool (*is_format)(const uint8_t *magic, size_t length);
    /* `start` is the first byte behind the tags. Fills what is the format's own of a zeroed header
     * whose audio_end is the file's. As media_header_read(). */
    enum media_status (*read_header)(struct media_source *source, int64_t start,
                                     struct media_header *header, struct media_need *ret_need,
                                     struct err *err);
    /* The unit that begins at `offset`, audio_start <= offset < audio_end, which is the end of a
     * unit or was found by sync. A framer may join units that begin before `limit` (> offset).
     * Fills *ret_unit when READY or CUT. */
    enum media_unit_status (*unit_at)(struct media_source *source,
                                      const struct media_header *header, int64_t offset,
                                      int64_t limit, struct media_unit *ret_unit);
    /* The smallest position >= offset, < limit, at which a unit begins; the same whichever offset
     * it is asked from. False: none, as far as the bytes reach. */
    bool (*sync)(struct media_source *source, const struct media_header *header, int64_t offset,
                 int64_t limit, int64_t *ret_position);
    /* Gives the sink the packets of the unit that unit_at() told last, all bytes of which are
     * there; the sum of their samples
     * is at most the unit's, what lacks is silence. NULL: the unit's bytes are one packet. */
    void (*unpack)(struct media_source *source, const struct media_header *header,
                   const struct media_unit *unit, const struct media_packet_sink *sink);
    /* Appends what the decoder must know before the first packet (libav's "extradata"); false: it
     * cannot be read. NULL: nothing. */
    bool (*write_setup)(struct media_source *source, const struct media_header *header,
                        struct buf *setup);
};

/* Whether [offset, offset + length) is there; else sets the need, with some bytes more so that the
 * next question is answered too. Only for stretches that lie within the recording. */
bool media_has_bytes(struct media_source *source, int64_t offset, int64_t length,
                     struct media_need *ret_need) MUST_CHECK;

/* The first bytes of [offset, limit), as far as they are there and at most MEDIA_VIEW_MAX; NULL:
 * none. Valid until the next question to the source. */
const uint8_t *media_view(struct media_source *source, int64_t offset, int64_t limit,
                          int64_t *ret_length);
/* Where in [offset, limit) the byte stands next; `limit` if nowhere, as far as the bytes reach. */
int64_t media_find_byte(struct media_source *source, uint8_t byte, int64_t offset, int64_t limit);

/* value * to / from, rounded down, of a time in one time scale (`from` in a second) in another one;
 * at most 2^31 seconds, and time scales of at most 31 bits. */
int64_t media_rescale(int64_t value, int64_t to, int64_t from);

extern const struct media_framer media_adts_framer;
extern const struct media_framer media_flac_framer;
extern const struct media_framer media_matroska_framer;
extern const struct media_framer media_mp3_framer;
extern const struct media_framer media_mp4_framer;
extern const struct media_framer media_ogg_framer;
extern const struct media_framer media_wav_framer;

#endif
