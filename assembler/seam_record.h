/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ASSEMBLER_SEAM_RECORD_H
#define ASSEMBLER_SEAM_RECORD_H

/*
 * What is kept of a seam, as JSON: how two chunks' readings were joined, what each of them had
 * heard in the overlap, and what stands in the text. GET /chunked-seams shows it as it is
 * (schemas/http/seams.schema.json). Pure.
 */

#include "assembler/job.h"
#include "common/attrs.h"
#include "common/seam.h"

/* The seam between two neighbours of one sample rate, in positions of the earlier one. The readings
 * stay theirs. */
struct seam_input seam_record_input(const struct chunk *earlier, const struct chunk *later);
/* `earlier` is placed in the recording. Owned by the caller; at most some kilobytes. */
char *seam_record(const struct job *job, const struct chunk *earlier, const struct chunk *later,
                  const struct seam_choice *choice);

#endif
