/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_MEDIA_MP4_TABLE_H
#define WORKER_MEDIA_MP4_TABLE_H

/*
 * The sample tables of an MP4 track: where each sample lies, how long it is and when it is heard.
 * They are never loaded but looked up in the file, so that memory doesn't grow with the recording's
 * length; a cursor goes through them once. Pure.
 *
 * An MP4 "sample" is a packet, or a block of PCM; an MP4 "chunk" is a run of samples without a gap.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "worker/media_source.h"

struct mp4_box;

/* The entries of one table, which lie in the file without a gap. */
struct mp4_table {
    int64_t offset;
    int64_t count;
};

struct mp4_tables {
    struct mp4_table times;   /* stts: how many samples take how long */
    struct mp4_table runs;    /* stsc: from which chunk on how many samples each has */
    struct mp4_table sizes;   /* stsz, stz2; its count is the number of samples */
    struct mp4_table offsets; /* stco, co64: of the chunks */
    int32_t size_bits;        /* of an entry; 0: all have `size` */
    int32_t size;
    int32_t offset_bytes; /* 4 or 8 */
};

/* A sample, and how far the tables are passed through with it. */
struct mp4_cursor {
    int64_t sample;
    int64_t offset; /* in the file */
    int64_t sought; /* no sample begins between it and `offset` */
    int64_t chunk;
    int64_t chunk_end; /* the first sample behind the chunk */
    int64_t run;       /* entry of the table */
    int64_t time_entry;
    int64_t time_entry_sample; /* the first one that the entry tells of */
    int64_t time_entry_start;  /* when that begins */
};

/* From the stbl box, all of which must be there. False: a table is missing or damaged. */
bool mp4_tables_read(struct media_source *source, const struct mp4_box *stbl,
                     struct mp4_tables *ret_tables) MUST_CHECK;

/* Whether the chunks lie in the order of their times. Looks at each of them. */
bool mp4_tables_are_in_order(struct media_source *source, const struct mp4_tables *tables);

/* The length of all samples, in the track's time scale. */
int64_t mp4_tables_duration(struct media_source *source, const struct mp4_tables *tables);

/* Where the last sample ends. */
int64_t mp4_tables_end(struct media_source *source, const struct mp4_tables *tables);

/* Sets the cursor to the first sample. False: there is none. */
bool mp4_cursor_begin(struct media_source *source, const struct mp4_tables *tables,
                      struct mp4_cursor *ret_cursor) MUST_CHECK;
/* Moves a cursor, all 0 at first, to the first sample that begins at or behind `offset`; one that
 * has passed it begins anew. False: none does. */
bool mp4_cursor_seek(struct media_source *source, const struct mp4_tables *tables, int64_t offset,
                     struct mp4_cursor *cursor) MUST_CHECK;
/* Sets the cursor to the sample that is heard at `time`. False: there is none. */
bool mp4_cursor_seek_time(struct media_source *source, const struct mp4_tables *tables,
                          int64_t time, struct mp4_cursor *cursor) MUST_CHECK;
/* To the next sample of the same chunk, past `count` of them. The count must not lead beyond the
 * chunk's end. */
void mp4_cursor_advance(struct media_source *source, const struct mp4_tables *tables, int64_t count,
                        struct mp4_cursor *cursor);

/* Of the cursor's sample; 0: empty, or not to be read. */
int64_t mp4_cursor_size(struct media_source *source, const struct mp4_tables *tables,
                        const struct mp4_cursor *cursor);
/* When it begins, and how long it lasts, in the track's time scale. */
int64_t mp4_cursor_time(struct media_source *source, const struct mp4_tables *tables,
                        struct mp4_cursor *cursor, int64_t *ret_duration);

#endif
