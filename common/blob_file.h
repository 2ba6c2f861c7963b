/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_BLOB_FILE_H
#define COMMON_BLOB_FILE_H

/*
 * The blob store `file:///directory`: an object is the file of its key below the directory. Objects
 * appear whole (written under another name, synced, linked) and never change.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/err.h"

struct blob_file;

/* Makes the directory if it is missing; refuses any other scheme by name. */
void blob_file_free(struct blob_file *store);
bool blob_file_open(const char *url, struct blob_file **ret_store, struct err *err) MUST_CHECK;
/* Absolute, without a final slash; borrowed. */
const char *blob_file_directory(const struct blob_file *store);
/* The path of an object, owned by the caller. Asserts that the key passes
 * chunk_object_key_parse(). */
char *blob_file_path(const struct blob_file *store, const char *object_key);
/* Below which the objects lie, a folder for each job; owned by the caller. */
char *blob_file_uploads(const struct blob_file *store);
/* Opens an object for reading: its descriptor (owned by the caller) and size, or BLOB_MISSING. */
enum blob_presence { BLOB_PRESENT, BLOB_MISSING, BLOB_FAILED };
enum blob_presence blob_file_read(const struct blob_file *store, const char *object_key,
                                  int *ret_fd, int64_t *ret_size_bytes, struct err *err) MUST_CHECK;
/* Size only. */
enum blob_presence blob_file_stat(const struct blob_file *store, const char *object_key,
                                  int64_t *ret_size_bytes, struct err *err) MUST_CHECK;
/* Deletes an object; one that is not there is fine. */
bool blob_file_delete(const struct blob_file *store, const char *object_key,
                      struct err *err) MUST_CHECK;

#endif
