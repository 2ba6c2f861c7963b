/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GATEWAY_STATIC_FILES_H
#define GATEWAY_STATIC_FILES_H

/*
 * The page and what it needs, read once at the start and served from memory. Only names that were
 * found then can be asked for, so no path ever leaves the folder.
 */

#include <stdbool.h>

#include "common/attrs.h"
#include "common/err.h"

struct http_request;
struct static_files;

/* Reads the plain files directly in `folder`; subfolders and names that start with '.' are left
 * out. Fails: unreadable folder, a file over 1 MiB, more than 64 files. */
MUST_CHECK bool static_files_load(const char *folder, struct static_files **ret_files,
                                  struct err *err);
void static_files_free(struct static_files *files);

/* `name` "" or NULL is index.html. 304 for a matching If-None-Match, 404 for an unknown name. */
void static_files_serve(const struct static_files *files, struct http_request *take_request,
                        const char *name);

#endif
