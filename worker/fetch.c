/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/fetch.h"

#include <inttypes.h>
#include <unistd.h>

#include "common/chunk_layout.h"
#include "worker/hearing_rules.h"
#include "worker/previous_overlap.h"

#define US_PER_SECOND INT64_C(1000000)

/* The fetch of one chunk, while it goes on. */
struct fetching {
    const struct fetch_source *source;
    const struct event *work;
    struct fetch_files *files;
    struct err *err;
};

static const struct chunk_layout *layout_of(const struct fetching *fetching)
{
    return &fetching->work->work.layout;
}

void fetch_close(struct fetch_files *files)
{
    for (size_t i = 0; i < files->blob_count; i++)
        (void)close(files->blobs[i].fd);
    *files = (struct fetch_files){0};
}

static const struct fetch_blob *find_blob(const struct fetch_files *files, int32_t chunk_index)
{
    for (size_t i = 0; i < files->blob_count; i++) {
        if (files->blobs[i].chunk_index == chunk_index)
            return &files->blobs[i];
    }
    return NULL;
}

/* Opens the chunk's blob unless it is open. */
static enum blob_presence open_blob(struct fetching *fetching, int32_t chunk_index,
                                    const struct fetch_blob **ret_blob)
{
    struct fetch_files *files = fetching->files;
    struct fetch_blob blob = {.chunk_index = chunk_index};
    char key[CHUNK_KEY_SIZE];

    *ret_blob = find_blob(files, chunk_index);
    if (*ret_blob != NULL)
        return BLOB_PRESENT;
    chunk_object_key(fetching->work->job.text, chunk_index, fetching->work->work.extension, key);
    enum blob_presence presence =
        blob_file_read(fetching->source->store, key, &blob.fd, &blob.size_bytes, fetching->err);
    if (presence != BLOB_PRESENT)
        return presence;
    if (blob.size_bytes == chunk_layout_size(layout_of(fetching), chunk_index)) {
        files->blobs[files->blob_count++] = blob;
        *ret_blob = &files->blobs[files->blob_count - 1];
        return BLOB_PRESENT;
    }
    (void)close(blob.fd); /* it gets no extent, by which there is room for a blob */
    (void)err_set(fetching->err, ERR_REJECT, "blob", 0,
                  "chunk %" PRId32 " has %" PRId64 " bytes stored, not its %" PRId64, chunk_index,
                  blob.size_bytes, chunk_layout_size(layout_of(fetching), chunk_index));
    return BLOB_FAILED;
}

/* By the record of the work they were stored when it was written. */
static bool is_told_stored(const struct event_work *work, int64_t byte)
{
    return byte >= work->stored_from && byte < work->stored_to;
}

/* What will come is waited for; what was there is lost, as any blob may be. */
static enum fetch_result lacks_header(const struct fetching *fetching, int32_t chunk_index,
                                      struct media_need missing, struct media_need *ret_missing)
{
    if (is_told_stored(&fetching->work->work, missing.start)) {
        (void)err_set(fetching->err, ERR_RETRY, "blob", 0,
                      "chunk %" PRId32 " with the file's header was uploaded and is not stored",
                      chunk_index);
        return FETCH_FAILED;
    }
    *ret_missing = missing;
    return FETCH_WAITING;
}

static enum fetch_result too_scattered(const struct fetching *fetching)
{
    (void)err_set(fetching->err, ERR_REJECT, "media", 0,
                  "the recording's header lies in too many places; larger chunks hold it in fewer");
    return FETCH_FAILED;
}

/* Adds bytes [start, end) of the recording, which lie in this chunk. */
static enum blob_presence add_part(struct fetching *fetching, int32_t chunk_index, int64_t start,
                                   int64_t end)
{
    struct chunk_range range = chunk_layout_range(layout_of(fetching), chunk_index);
    const struct fetch_blob *blob;
    enum blob_presence presence = open_blob(fetching, chunk_index, &blob);

    if (presence == BLOB_PRESENT)
        fetching->files->extents[fetching->files->extent_count++] =
            (struct media_extent){.offset = start,
                                  .length = end - start,
                                  .fd = blob->fd,
                                  .fd_offset = start - range.start};
    return presence;
}

/* Adds bytes [start, end) of the recording, whichever chunks they lie in. */
static enum fetch_result add_stretch(struct fetching *fetching, struct media_need stretch,
                                     struct media_need *ret_missing)
{
    while (stretch.start < stretch.end) {
        int32_t chunk_index = chunk_layout_chunk_at(layout_of(fetching), stretch.start);
        struct chunk_range range = chunk_layout_range(layout_of(fetching), chunk_index);
        int64_t end = stretch.end < range.end ? stretch.end : range.end;
        if (fetching->files->extent_count == MEDIA_EXTENTS_MAX)
            return too_scattered(fetching);
        switch (add_part(fetching, chunk_index, stretch.start, end)) {
        case BLOB_PRESENT:
            break;
        case BLOB_MISSING:
            return lacks_header(fetching, chunk_index, stretch, ret_missing);
        case BLOB_FAILED:
            return FETCH_FAILED;
        }
        stretch.start = end;
    }
    return FETCH_READY;
}

static enum media_status read_header(struct fetching *fetching, struct header_facts *facts,
                                     struct media_need *ret_need)
{
    struct media_source *source = media_source_new(
        layout_of(fetching)->total_size, fetching->files->extents, fetching->files->extent_count);
    enum media_status status = media_header_read(source, &facts->header, ret_need, fetching->err);

    media_source_free(source);
    return status;
}

/* Asks for the header with what is there, until it is whole. */
static enum fetch_result find_header(struct fetching *fetching, struct header_facts *facts,
                                     struct media_need *ret_missing)
{
    int64_t total = layout_of(fetching)->total_size;
    struct media_need need = {
        .start = 0, .end = total < MEDIA_HEADER_FIRST_BYTES ? total : MEDIA_HEADER_FIRST_BYTES};

    while (facts->stretch_count < HEADER_STRETCHES_MAX) {
        enum fetch_result result = add_stretch(fetching, need, ret_missing);
        if (result != FETCH_READY)
            return result;
        facts->stretches[facts->stretch_count++] = need;
        switch (read_header(fetching, facts, &need)) {
        case MEDIA_READY:
            header_cache_put(fetching->source->headers, &fetching->work->job, facts);
            return FETCH_READY;
        case MEDIA_REFUSED:
            return FETCH_FAILED;
        case MEDIA_NEED:
            break;
        }
    }
    return too_scattered(fetching);
}

static enum fetch_result add_header(struct fetching *fetching, struct header_facts *facts,
                                    struct media_need *ret_missing)
{
    const struct header_facts *known =
        header_cache_find(fetching->source->headers, &fetching->work->job);

    if (known == NULL)
        return find_header(fetching, facts, ret_missing);
    *facts = *known;
    for (size_t i = 0; i < facts->stretch_count; i++) {
        enum fetch_result result = add_stretch(fetching, facts->stretches[i], ret_missing);
        if (result != FETCH_READY)
            return result;
    }
    return FETCH_READY;
}

/* A neighbour that is not stored yet is left out: whichever of two neighbours starts later sees the
 * other. One whose blob is bad is left out too: that is its own failure. */
static bool add_neighbour(struct fetching *fetching, int32_t chunk_index, int64_t start,
                          int64_t end)
{
    if (fetching->files->extent_count == MEDIA_EXTENTS_MAX)
        return too_scattered(fetching) == FETCH_READY;
    return add_part(fetching, chunk_index, start, end) != BLOB_FAILED ||
           fetching->err->kind == ERR_REJECT;
}

/* The end of the chunk before, or as much of it as there is. */
static bool add_previous(struct fetching *fetching, int64_t bytes)
{
    int32_t index = fetching->work->chunk_index - 1;
    struct chunk_range range = chunk_layout_range(layout_of(fetching), index);
    int64_t start = range.end - range.start > bytes ? range.end - bytes : range.start;

    return add_neighbour(fetching, index, start, range.end);
}

static bool add_next(struct fetching *fetching, int64_t bytes)
{
    int32_t index = fetching->work->chunk_index + 1;
    struct chunk_range range = chunk_layout_range(layout_of(fetching), index);
    int64_t end = range.end - range.start > bytes ? range.start + bytes : range.end;

    return add_neighbour(fetching, index, range.start, end);
}

static int64_t previous_us(const struct fetching *fetching, const struct media_header *header,
                           bool hears_next)
{
    const struct fetch_source *source = fetching->source;
    const struct event_work *work = &fetching->work->work;
    int64_t bytes = chunk_layout_size(&work->layout, fetching->work->chunk_index);
    int64_t window_us =
        hearing_rules_window(work->options.content_type, source->window_us, source->overlap_us);
    int64_t heard_us =
        bytes * US_PER_SECOND / header->bytes_per_second + (hears_next ? source->overlap_us : 0);

    return previous_overlap_us(source->overlap_us, window_us, heard_us);
}

static bool add_neighbours(struct fetching *fetching, const struct media_header *header)
{
    int32_t own = fetching->work->chunk_index;
    int64_t overlap_ms = fetching->source->overlap_us / 1000;
    size_t before = fetching->files->extent_count;

    if (own + 1 < layout_of(fetching)->total_chunks &&
        !add_next(fetching, media_header_overlap_bytes(header, overlap_ms)))
        return false;
    if (own == 0)
        return true;
    bool hears_next = fetching->files->extent_count > before;
    int64_t previous_ms = previous_us(fetching, header, hears_next) / 1000;
    return add_previous(fetching, media_header_overlap_bytes(header, previous_ms));
}

/* The chunk comes behind the header: what is kept for the others must do without it. */
static enum fetch_result open_all(struct fetching *fetching, struct media_need *ret_missing)
{
    int32_t own = fetching->work->chunk_index;
    struct chunk_range range = chunk_layout_range(layout_of(fetching), own);
    struct header_facts facts = {.stretch_count = 0};
    enum fetch_result result = add_header(fetching, &facts, ret_missing);

    if (result != FETCH_READY)
        return result;
    if (fetching->files->extent_count == MEDIA_EXTENTS_MAX)
        return too_scattered(fetching);
    enum blob_presence presence = add_part(fetching, own, range.start, range.end);
    if (presence == BLOB_MISSING)
        (void)err_set(fetching->err, ERR_RETRY, "blob", 0, "the chunk's bytes are not stored");
    if (presence != BLOB_PRESENT)
        return FETCH_FAILED;
    fetching->files->bytes_per_second = facts.header.bytes_per_second;
    return add_neighbours(fetching, &facts.header) ? FETCH_READY : FETCH_FAILED;
}

enum fetch_result fetch_open(const struct fetch_source *source, const struct event *work,
                             struct fetch_files *ret_files, struct media_need *ret_missing,
                             struct err *err)
{
    *ret_files = (struct fetch_files){0};
    struct fetching fetching = {.source = source, .work = work, .files = ret_files, .err = err};
    enum fetch_result result = open_all(&fetching, ret_missing);

    if (result != FETCH_READY)
        fetch_close(ret_files);
    return result;
}
