/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Ogg files with Opus or Vorbis. A unit is a page; the packets that end on it are its. Its granule
 * is the position behind its last sample, so that it tells its time by itself.
 *
 * Links of a chained file are taken for more of the same stream, without absolute times: their
 * granules begin anew. Vorbis links must share the code books of the first, unless their beginning
 * is among the bytes. Pages of other streams beside it (video) are units without samples.
 *
 * What a short Vorbis block completes depends on the block before it. Where that lies on a page
 * that is not there, it is taken for short too: at most a quarter of a long block of a chunk's head
 * is told wrong by a chunk that is decoded alone; its time is right all the same.
 */

#include <stdio.h>
#include <string.h>

#include "worker/media_bytes.h"
#include "worker/media_framer.h"
#include "worker/media_ogg_stream.h"
#include "worker/media_opus.h"

#define HEADER_PAGES_MAX 4096
#define PACKET_BYTES_MAX ((size_t)1 << 20)
#define AVERAGED_PAGES 16
#define LARGEST_UNIT_MIN 8192

static bool ogg_is_format(const uint8_t *magic, size_t length)
{
    return length >= 4 && memcmp(magic, "OggS", 4) == 0;
}

/* --- packets and their samples --- */

/* One page taken apart. */
struct page_visit {
    const struct media_header *header;    /* borrowed, as all below */
    const struct media_packet_sink *sink; /* NULL: only count */
    struct media_source *source;
    const struct ogg_page *page;
    int32_t previous_block; /* Vorbis: of the packet before; -1: not looked for yet */
    int64_t samples;
};

/* The block of the last packet that ends before this page; 0: none, the stream begins here. */
static int32_t block_before(const struct page_visit *visit)
{
    const struct vorbis_stream *stream = &visit->header->detail.ogg.vorbis;
    struct ogg_page before;
    if (visit->page->offset == visit->header->audio_start) {
        return 0;
    }
    if (!ogg_page_before(visit->source, visit->page, &before)) {
        return stream->short_block;
    }
    int32_t segment = 0;
    struct ogg_piece piece = {0};
    int32_t last = -1; /* where the last packet that ends there begins */
    while (ogg_page_next_piece(&before, &segment, &piece)) {
        last = piece.begins && piece.ends ? piece.offset : piece.ends ? -1 : last;
    }
    const uint8_t *bytes =
        last < 0 ? NULL : media_source_at(visit->source, before.offset + last, 1);
    struct vorbis_block block = {.samples = stream->short_block};
    if (bytes != NULL && !vorbis_packet_parse(stream, bytes, 1, &block)) {
        return 0; /* a header */
    }
    return block.samples;
}

static int64_t vorbis_samples(struct page_visit *visit, const uint8_t *bytes, size_t length)
{
    const struct vorbis_stream *stream = &visit->header->detail.ogg.vorbis;
    struct vorbis_block block = {.samples = stream->long_block, .previous = stream->long_block};
    if (bytes != NULL && !vorbis_packet_parse(stream, bytes, length, &block)) {
        visit->previous_block = 0; /* a header: a link of a chain begins */
        return 0;
    }
    if (visit->previous_block < 0) {
        bool is_begin = visit->page->offset == visit->header->audio_start;
        visit->previous_block =
            block.previous > 0 && !is_begin ? block.previous : block_before(visit);
    }
    int64_t samples = visit->previous_block == 0 ? 0 : (visit->previous_block + block.samples) / 4;
    visit->previous_block = block.samples;
    return samples;
}

static bool is_opus_header(const uint8_t *bytes, size_t length)
{
    return length >= 8 && (memcmp(bytes, "OpusHead", 8) == 0 || memcmp(bytes, "OpusTags", 8) == 0);
}

/* NULL: the packet is lost. */
static void visit_packet(struct page_visit *visit, const uint8_t *bytes, size_t length)
{
    struct media_packet packet = {.bytes = bytes, .length = length};
    if (!visit->header->detail.ogg.is_opus) {
        packet.samples = vorbis_samples(visit, bytes, length);
    } else if (bytes != NULL) {
        if (is_opus_header(bytes, length)) {
            return;
        }
        packet.samples = opus_packet_samples(bytes, length);
    } else {
        packet.samples = visit->header->detail.ogg.opus_samples;
    }
    visit->samples += packet.samples;
    if (visit->sink != NULL) {
        visit->sink->on_packet(visit->sink->context, &packet);
    }
}

static void visit_continued(struct page_visit *visit, const struct ogg_piece *piece)
{
    CLEANUP(buf_done) struct buf packet;
    buf_init(&packet, PACKET_BYTES_MAX);
    bool is_whole = ogg_packet_gather_head(visit->source, visit->page, &packet);
    if (is_whole) {
        const uint8_t *rest = media_source_at(visit->source, visit->page->offset + piece->offset,
                                              piece->length > 0 ? (size_t)piece->length : 1);
        is_whole = rest != NULL;
        if (is_whole) {
            buf_append(&packet, rest, (size_t)piece->length);
        }
    }
    is_whole = is_whole && !buf_is_over(&packet);
    visit_packet(visit, is_whole ? (const uint8_t *)packet.data : NULL, packet.length);
}

/* Counts the page's samples, and gives the sink its packets. */
static int64_t visit_page(struct media_source *source, const struct media_header *header,
                          const struct ogg_page *page, const struct media_packet_sink *sink)
{
    struct page_visit visit = {
        .header = header, .sink = sink, .source = source, .page = page, .previous_block = -1};
    int32_t segment = 0;
    struct ogg_piece piece = {0};
    while (ogg_page_next_piece(page, &segment, &piece)) {
        if (!piece.ends) {
            break;
        }
        if (!piece.begins) {
            visit_continued(&visit, &piece);
            continue;
        }
        const uint8_t *bytes =
            media_source_at(source, page->offset, (size_t)page->length) + piece.offset;
        if (piece.length > 0) {
            visit_packet(&visit, bytes, (size_t)piece.length);
        }
    }
    return visit.samples;
}

/* --- the framer's functions --- */

/* Pages of streams beside ours hold nothing; those that nobody announced are a later link's. */
static bool is_other_stream(const struct media_header *header, uint32_t serial)
{
    for (int i = 0; i < header->detail.ogg.other_count; i++) {
        if (header->detail.ogg.others[i] == serial) {
            return true;
        }
    }
    return false;
}

static enum media_unit_status ogg_unit_at(struct media_source *source,
                                          const struct media_header *header, int64_t offset,
                                          int64_t limit UNUSED, struct media_unit *ret_unit)
{
    struct ogg_page page;
    enum media_unit_status status = ogg_page_at(source, offset, header->audio_end, &page);
    if (status != MEDIA_UNIT_READY) {
        return status;
    }
    struct media_unit unit = {.offset = offset, .length = page.length};
    if (!is_other_stream(header, page.serial)) {
        unit.samples = visit_page(source, header, &page, NULL);
        /* The last page's granule may cut samples off at the end. */
        unit.has_position = page.serial == header->detail.ogg.serial && unit.samples > 0 &&
                            page.granule > 0 && !page.is_last;
        unit.position =
            page.granule - unit.samples - header->detail.ogg.first_granule - header->initial_skip;
    }
    if (offset == header->audio_start) {
        unit.has_position = true;
        unit.position = -header->initial_skip;
    }
    *ret_unit = unit;
    return MEDIA_UNIT_READY;
}

static void ogg_unpack(struct media_source *source, const struct media_header *header,
                       const struct media_unit *unit, const struct media_packet_sink *sink)
{
    struct ogg_page page;
    if (ogg_page_at(source, unit->offset, header->audio_end, &page) == MEDIA_UNIT_READY &&
        !is_other_stream(header, page.serial)) {
        (void)visit_page(source, header, &page, sink);
    }
}

static bool ogg_sync(struct media_source *source, const struct media_header *header, int64_t offset,
                     int64_t limit, int64_t *ret_position)
{
    for (int64_t at = media_find_byte(source, 'O', offset, limit); at < limit;
         at = media_find_byte(source, 'O', at + 1, limit)) {
        struct ogg_page page;
        enum media_unit_status status = ogg_page_at(source, at, header->audio_end, &page);
        if (status == MEDIA_UNIT_UNKNOWN) {
            /* A page of which the end is missing begins like one. */
            const uint8_t *bytes = media_source_at(source, at, OGG_PAGE_HEADER_BYTES);
            status = bytes != NULL && ogg_page_header_bytes(bytes) > 0 ? MEDIA_UNIT_READY : status;
        }
        if (status == MEDIA_UNIT_READY) {
            *ret_position = at;
            return true;
        }
    }
    return false;
}

/* --- the header --- */

static enum media_status refuse(struct err *err, const char *reason)
{
    (void)err_set(err, ERR_REJECT, "media", 0, "%s", reason);
    return MEDIA_REFUSED;
}

/* The page at `position`, with the bytes asked for in growing stretches: a comment may hold a cover
 * of megabytes. */
static enum media_status header_page_at(struct media_source *source, int64_t start,
                                        int64_t position, struct ogg_page *ret_page,
                                        struct media_need *ret_need, struct err *err)
{
    int64_t total = media_source_total_size(source);
    switch (ogg_page_at(source, position, total, ret_page)) {
    case MEDIA_UNIT_READY:
        return MEDIA_READY;
    case MEDIA_UNIT_UNKNOWN: {
        int64_t wanted = OGG_PAGE_BYTES_MAX + (position - start);
        int64_t rest = total - position;
        if (!media_has_bytes(source, position, rest < wanted ? rest : wanted, ret_need)) {
            return MEDIA_NEED;
        }
        return refuse(err, "the Ogg header cannot be read");
    }
    case MEDIA_UNIT_CUT:
    case MEDIA_UNIT_INVALID:
    case MEDIA_UNIT_END:
        break;
    }
    return refuse(err, "the Ogg header is damaged");
}

static void set_opus(const struct opus_head *head, struct media_header *header)
{
    (void)snprintf(header->codec, sizeof(header->codec), "opus");
    header->sample_rate = OPUS_SAMPLE_RATE;
    header->channels = head->channels;
    header->initial_skip = head->pre_skip;
    header->detail.ogg.is_opus = true;
}

static void set_vorbis(const struct vorbis_stream *stream, struct media_header *header)
{
    (void)snprintf(header->codec, sizeof(header->codec), "vorbis");
    header->sample_rate = stream->sample_rate;
    header->channels = stream->channels;
    header->detail.ogg.vorbis = *stream;
}

/* A logical stream's first page: ours, if it is the first of a codec that we know. */
static void read_first_page(struct media_source *source, const struct ogg_page *page,
                            struct media_header *header)
{
    size_t length = (size_t)(page->length - page->header_bytes);
    const uint8_t *bytes =
        length == 0 ? NULL : media_source_at(source, page->offset + page->header_bytes, length);
    struct opus_head head;
    struct vorbis_stream stream;
    bool is_free = header->codec[0] == '\0' && bytes != NULL;
    if (is_free && opus_head_parse(bytes, length, &head)) {
        set_opus(&head, header);
    } else if (is_free && vorbis_identification_parse(bytes, length, &stream)) {
        set_vorbis(&stream, header);
    } else {
        if (header->detail.ogg.other_count < MEDIA_OGG_OTHERS_MAX) {
            header->detail.ogg.others[header->detail.ogg.other_count++] = page->serial;
        }
        return;
    }
    header->detail.ogg.serial = page->serial;
    header->detail.ogg.first_page = page->offset;
}

static enum media_status read_first_pages(struct media_source *source, int64_t start,
                                          struct media_header *header, struct media_need *ret_need,
                                          struct err *err)
{
    int64_t position = start;
    for (int i = 0; i <= MEDIA_OGG_OTHERS_MAX; i++) {
        struct ogg_page page;
        enum media_status status = header_page_at(source, start, position, &page, ret_need, err);
        if (status != MEDIA_READY) {
            return status;
        }
        if (!page.is_first) {
            break;
        }
        read_first_page(source, &page, header);
        position += page.length;
    }
    return header->codec[0] != '\0' ? MEDIA_READY
                                    : refuse(err, "Ogg is supported with Opus and Vorbis only");
}

/* Goes through the packets of our stream's header: Opus has two, Vorbis three. The last one is put
 * together in `last`; the audio begins on the page behind it. */
static enum media_status read_header_packets(struct media_source *source,
                                             struct media_header *header, struct buf *last,
                                             struct media_need *ret_need, struct err *err)
{
    int wanted = header->detail.ogg.is_opus ? 2 : 3;
    int64_t position = header->detail.ogg.first_page;
    int packets = 0;
    for (int i = 0; i < HEADER_PAGES_MAX && packets < wanted; i++) {
        struct ogg_page page;
        enum media_status status =
            header_page_at(source, header->detail.ogg.first_page, position, &page, ret_need, err);
        if (status != MEDIA_READY) {
            return status;
        }
        position += page.length;
        int32_t segment = 0;
        struct ogg_piece piece = {0};
        while (page.serial == header->detail.ogg.serial &&
               ogg_page_next_piece(&page, &segment, &piece)) {
            if (packets == wanted - 1 && piece.length > 0) {
                const uint8_t *bytes =
                    media_source_at(source, page.offset + piece.offset, (size_t)piece.length);
                if (bytes != NULL && !header->detail.ogg.is_opus) {
                    buf_append(last, bytes, (size_t)piece.length);
                }
            }
            packets += piece.ends ? 1 : 0;
        }
    }
    header->audio_start = position;
    return packets >= wanted ? MEDIA_READY : refuse(err, "the Ogg header has no end");
}

/* Over the pages at hand. */
static void measure_pages(struct media_source *source, struct media_header *header)
{
    int64_t position = header->audio_start;
    int64_t samples = 0;
    int32_t largest = LARGEST_UNIT_MIN;
    struct media_unit unit;
    for (int i = 0; i < AVERAGED_PAGES; i++) {
        if (ogg_unit_at(source, header, position, header->audio_end, &unit) != MEDIA_UNIT_READY) {
            break;
        }
        position += unit.length;
        samples += unit.samples;
        largest = unit.length > largest ? (int32_t)unit.length : largest;
    }
    int64_t bytes = position - header->audio_start;
    int64_t rate = samples == 0 ? 0 : bytes * header->sample_rate / samples;
    header->bytes_per_second = rate > 0 ? rate : 1;
    /* Pages vary; one that is larger still is completed by the chunk that it reaches into. */
    header->largest_unit_bytes = 2 * largest;
    header->preroll_bytes = 1; /* a page: it ends with a whole block */
    if (header->detail.ogg.is_opus) {
        header->preroll_bytes = (int32_t)(1 + header->bytes_per_second * OPUS_PREROLL_MS / 1000);
    }
}

/* Keeps the length of a page's last packet. */
static void on_measured_packet(void *context, const struct media_packet *packet)
{
    struct media_header *header = context;
    header->detail.ogg.opus_samples = packet->samples;
}

/* A recording cut out of a stream that was running begins with a granule of its own. */
static enum media_status read_first_audio_page(struct media_source *source,
                                               struct media_header *header,
                                               struct media_need *ret_need, struct err *err)
{
    struct ogg_page page;
    if (header->audio_start >= header->audio_end) {
        return MEDIA_READY;
    }
    enum media_status status =
        header_page_at(source, header->audio_start, header->audio_start, &page, ret_need, err);
    if (status != MEDIA_READY) {
        return status;
    }
    const struct media_packet_sink sink = {.on_packet = on_measured_packet, .context = header};
    int64_t first = page.granule - visit_page(source, header, &page, &sink);
    bool is_told = page.serial == header->detail.ogg.serial && page.granule > 0 && !page.is_last;
    header->detail.ogg.first_granule = is_told ? first : 0;
    return MEDIA_READY;
}

static enum media_status ogg_read_header(struct media_source *source, int64_t start,
                                         struct media_header *header, struct media_need *ret_need,
                                         struct err *err)
{
    CLEANUP(buf_done) struct buf setup;
    buf_init(&setup, PACKET_BYTES_MAX);
    enum media_status status = read_first_pages(source, start, header, ret_need, err);
    if (status == MEDIA_READY) {
        status = read_header_packets(source, header, &setup, ret_need, err);
    }
    if (status == MEDIA_READY && !header->detail.ogg.is_opus &&
        (buf_is_over(&setup) || !vorbis_setup_parse((const uint8_t *)buf_string(&setup),
                                                    setup.length, &header->detail.ogg.vorbis))) {
        return refuse(err, "the Vorbis header is damaged");
    }
    if (status == MEDIA_READY) {
        status = read_first_audio_page(source, header, ret_need, err);
    }
    if (status == MEDIA_READY) {
        measure_pages(source, header);
    }
    return status;
}

static void append_length(struct buf *setup, size_t length)
{
    for (; length >= UINT8_MAX; length -= UINT8_MAX) {
        buf_append(setup, "\xff", 1);
    }
    const uint8_t rest = (uint8_t)length;
    buf_append(setup, &rest, 1);
}

/* The three headers as Xiph lacing has them; the comment is left empty. */
static bool write_vorbis_setup(const uint8_t *identification, size_t identification_length,
                               const struct buf *code_books, struct buf *setup)
{
    static const uint8_t COMMENT[] = "\x03vorbis\0\0\0\0\0\0\0\0\x01";
    const size_t comment_length = sizeof(COMMENT) - 1;
    buf_append(setup, "\x02", 1);
    append_length(setup, identification_length);
    append_length(setup, comment_length);
    buf_append(setup, identification, identification_length);
    buf_append(setup, COMMENT, comment_length);
    buf_append(setup, code_books->data, code_books->length);
    return code_books->length > 0;
}

static bool ogg_write_setup(struct media_source *source, const struct media_header *header,
                            struct buf *setup)
{
    struct ogg_page first;
    struct media_header copy = *header;
    struct media_need need;
    struct err err;
    CLEANUP(buf_done) struct buf code_books;
    buf_init(&code_books, PACKET_BYTES_MAX);
    if (read_header_packets(source, &copy, &code_books, &need, &err) != MEDIA_READY ||
        ogg_page_at(source, header->detail.ogg.first_page, header->audio_end, &first) !=
            MEDIA_UNIT_READY) {
        return false;
    }
    size_t length = (size_t)(first.length - first.header_bytes);
    const uint8_t *bytes = media_source_at(source, first.offset + first.header_bytes, length);
    if (bytes == NULL) {
        return false;
    }
    if (!header->detail.ogg.is_opus) {
        return write_vorbis_setup(bytes, length, &code_books, setup);
    }
    buf_append(setup, bytes, length);
    return true;
}

const struct media_framer media_ogg_framer = {.format = "ogg",
                                              .is_format = ogg_is_format,
                                              .read_header = ogg_read_header,
                                              .unit_at = ogg_unit_at,
                                              .sync = ogg_sync,
                                              .unpack = ogg_unpack,
                                              .write_setup = ogg_write_setup};
