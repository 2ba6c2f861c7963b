/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/media_source.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

/* Framers step through a file byte by byte at worst: they look at this much at a time. Those with
 * tables read in several places in turn. */
#define WINDOW_BYTES ((size_t)2 * MEDIA_VIEW_MAX)
#define WINDOW_COUNT 6

struct window {
    uint8_t *bytes; /* owned, WINDOW_BYTES; NULL: never used */
    int64_t offset;
    size_t length;
    uint64_t last_use;
};

struct media_source {
    int64_t total_size;
    struct media_extent extents[MEDIA_EXTENTS_MAX]; /* by offset, none empty */
    size_t extent_count;
    struct window windows[WINDOW_COUNT];
    uint64_t uses;
    struct media_hint hint;
    bool failed;
};

void media_source_free(struct media_source *source)
{
    if (source == NULL) {
        return;
    }
    for (size_t i = 0; i < WINDOW_COUNT; i++) {
        free(source->windows[i].bytes);
    }
    free(source);
}

/* Keeps the extents in order of offset. */
static void add_extent(struct media_source *source, struct media_extent extent)
{
    if (extent.offset < 0 || extent.offset >= source->total_size || extent.length <= 0) {
        return;
    }
    if (extent.length > source->total_size - extent.offset) {
        extent.length = source->total_size - extent.offset;
    }
    size_t place = source->extent_count++;
    while (place > 0 && source->extents[place - 1].offset > extent.offset) {
        source->extents[place] = source->extents[place - 1];
        place--;
    }
    source->extents[place] = extent;
}

struct media_source *media_source_new(int64_t total_size, const struct media_extent *extents,
                                      size_t count)
{
    assert(count <= MEDIA_EXTENTS_MAX);
    struct media_source *source = mem_new(sizeof(*source));
    source->total_size = total_size > 0 ? total_size : 0;
    for (size_t i = 0; i < count; i++) {
        add_extent(source, extents[i]);
    }
    return source;
}

int64_t media_source_total_size(const struct media_source *source)
{
    return source->total_size;
}

static int64_t extent_end(const struct media_extent *extent)
{
    return extent->offset + extent->length;
}

int64_t media_source_available_end(const struct media_source *source, int64_t offset)
{
    int64_t end = offset;
    for (size_t i = 0; i < source->extent_count; i++) {
        const struct media_extent *extent = &source->extents[i];
        if (extent->offset <= end && extent_end(extent) > end) {
            end = extent_end(extent);
        }
    }
    return end;
}

int64_t media_source_available_start(const struct media_source *source, int64_t offset)
{
    int64_t start = offset;
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < source->extent_count; i++) {
            const struct media_extent *extent = &source->extents[i];
            if (extent->offset < start && extent_end(extent) >= start) {
                start = extent->offset;
                moved = true;
            }
        }
    }
    return start;
}

static const struct media_extent *extent_at(const struct media_source *source, int64_t offset)
{
    for (size_t i = 0; i < source->extent_count; i++) {
        const struct media_extent *extent = &source->extents[i];
        if (offset >= extent->offset && offset < extent_end(extent)) {
            return extent;
        }
    }
    return NULL;
}

/* Reads inside one extent; 0 only if the file behind it is shorter than it says. */
static size_t read_extent(struct media_source *source, const struct media_extent *extent,
                          int64_t offset, uint8_t *ret_bytes, size_t length)
{
    int64_t inside = offset - extent->offset;
    if ((int64_t)length > extent->length - inside) {
        length = (size_t)(extent->length - inside);
    }
    if (extent->bytes != NULL) {
        memcpy(ret_bytes, extent->bytes + inside, length);
        return length;
    }
    ssize_t got;
    do {
        got = pread(extent->fd, ret_bytes, length, extent->fd_offset + inside);
    } while (got < 0 && errno == EINTR);
    if (got <= 0) {
        source->failed = true;
        return 0;
    }
    return (size_t)got;
}

/* Copies up to `length` bytes and returns how many are there without a break. */
static size_t read_bytes(struct media_source *source, int64_t offset, void *ret_bytes,
                         size_t length)
{
    uint8_t *bytes = ret_bytes;
    size_t done = 0;
    while (done < length) {
        int64_t position = offset + (int64_t)done;
        const struct media_extent *extent = extent_at(source, position);
        size_t got =
            extent == NULL ? 0 : read_extent(source, extent, position, bytes + done, length - done);
        if (got == 0) {
            break;
        }
        done += got;
    }
    return done;
}

static bool window_holds(const struct window *window, int64_t offset, size_t length)
{
    return offset >= window->offset &&
           offset - window->offset + (int64_t)length <= (int64_t)window->length;
}

/* The window that holds the stretch, else the one that was not looked at for longest. */
static struct window *find_window(struct media_source *source, int64_t offset, size_t length)
{
    struct window *oldest = &source->windows[0];
    for (size_t i = 0; i < WINDOW_COUNT; i++) {
        struct window *window = &source->windows[i];
        if (window_holds(window, offset, length)) {
            return window;
        }
        oldest = window->last_use < oldest->last_use ? window : oldest;
    }
    return oldest;
}

static void fill_window(struct media_source *source, struct window *window, int64_t offset)
{
    if (window->bytes == NULL) {
        window->bytes = mem_array(1, WINDOW_BYTES);
    }
    window->offset = offset;
    window->length = read_bytes(source, offset, window->bytes, WINDOW_BYTES);
}

const uint8_t *media_source_at(struct media_source *source, int64_t offset, size_t length)
{
    assert(length > 0 && length <= MEDIA_VIEW_MAX);
    if (offset < 0 || offset > source->total_size - (int64_t)length) {
        return NULL;
    }
    struct window *window = find_window(source, offset, length);
    if (!window_holds(window, offset, length)) {
        fill_window(source, window, offset);
    }
    window->last_use = ++source->uses;
    return window_holds(window, offset, length) ? window->bytes + (offset - window->offset) : NULL;
}

struct media_hint *media_source_hint(struct media_source *source)
{
    return &source->hint;
}

bool media_source_read(struct media_source *source, int64_t offset, void *ret_bytes, size_t length)
{
    return read_bytes(source, offset, ret_bytes, length) == length;
}

bool media_source_has_failed(const struct media_source *source)
{
    return source->failed;
}
