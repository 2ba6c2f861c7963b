/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_UPLOAD_PUT_H
#define GATEWAY_UPLOAD_PUT_H

/*
 * Takes the body of a signed PUT into a file of the local blob store. The caller has checked the
 * signature and says where the blob goes and how long it must be; this module enforces the size
 * and the store's room before a byte is read, writes a temporary file beside it as the bytes
 * arrive, and makes it visible whole: fsync, link (never over an existing one), fsync of the
 * directory, in the pool. A repeated PUT is compared with what is stored while it is read: the same
 * bytes are 200, others 409. Loop thread only, but for the pool's part.
 */

#include <stdint.h>

struct http_request;
struct pool;
struct store_room;
struct upload_put;

struct upload_target {
    const char *path;    /* of the blob, absolute; its directory is made if missing; copied */
    uint64_t size_bytes; /* exactly */
};

struct upload_put_stats {
    uint64_t active;
    uint64_t stored;
    uint64_t repeated; /* the same bytes again */
    uint64_t conflicts;
    uint64_t failed; /* disk full, I/O errors */
    uint64_t aborted;
    uint64_t bytes;
};

/* Temporary files are named ".<blob>.<16 hex digits>.part": what a reaper may delete once it is
 * older than the longest upload. */
#define UPLOAD_PUT_TEMPORARY_SUFFIX ".part"

/* Both are borrowed; the pool must be stopped (its work done) before upload_put_free(). */
struct upload_put *upload_put_new(struct pool *pool, struct store_room *room);
const struct upload_put_stats *upload_put_stats(const struct upload_put *uploads);
void upload_put_free(struct upload_put *uploads);

/* The handler of a ROUTE_BODY_SINK route calls this with a verified target. Releases the request:
 * 200 with ETag "<sha256 of the content in hex>", or a problem. Checks x-amz-checksum-sha256 and
 * Content-MD5 (both base64) when sent. */
void upload_put_start(struct upload_put *uploads, struct http_request *take_request,
                      const struct upload_target *target);

#endif
