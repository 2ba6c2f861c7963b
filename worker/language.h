/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKER_LANGUAGE_H
#define WORKER_LANGUAGE_H

/* Speech services name languages as "english" or "en": one form. Pure. */

#define LANGUAGE_SIZE 8

/* The ISO 639 code of a language's English name or code; "" for anything else. */
void language_code(const char *name, char ret_code[static LANGUAGE_SIZE]);

#endif
