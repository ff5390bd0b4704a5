/* ref_load.h - reference data from CSV files to struct ref, checked wholly, and to the blobs that a store keeps.
 * Room: io.  Thread: one.  Source: contract section 5; files of UTF-8 CSV as in section 3 (BOM, CRLF, quotes, any order of
 * columns, unknown columns ignored).  Faults are FAULT_INPUT "FILE:LINE: reason", up to 20 of them named at once. */
#ifndef IO_REF_LOAD_H
#define IO_REF_LOAD_H

#include "engine/fault.h"
#include "engine/ref.h"

struct ref_set; /* owns everything that its struct ref and texts point to */

/* Reads DIR/{options,offices,localities,operators}.csv and, if there, outages.csv, texts.csv and dumps.ini. `old` (or NULL) is the
 * store's present set: numbers keep their codes (another code for a known number is refused), what the update leaves out
 * is kept inactive, operators keep their ids. Refuses what section 5 and 12 refuse. The new set points into neither; ref_free ends it. */
int ref_load(struct ref_set **ret_set, const char *dir, const struct ref_set *old, struct fault *fault);

/* The set as one block of bytes to keep (own format with a version, sizes in it), and back. `ret_block` is malloced by
 * sys.alloc, the caller frees it with sys.free. ref_unpack copies what it needs out of the block. */
int ref_pack(const struct ref_set *set, char **ret_block, size_t *ret_size, struct fault *fault);
int ref_unpack(struct ref_set **ret_set, const char *block, size_t size, struct fault *fault);
void ref_free(struct ref_set *set); /* NULL is taken */

const struct ref *ref_of(const struct ref_set *set); /* this and what follows stand as long as the set */

/* One row of texts.csv that replaces a built-in text. */
struct ref_text {
    struct span kind, step, lang, text;
};
const struct ref_text *ref_texts(const struct ref_set *set, uint32_t *ret_count);

/* dumps.ini as it was given, to be read by profiles_open; empty where there was none. */
struct span ref_dumps(const struct ref_set *set);

/* Whether two sets declare the same outages and prefixes (else due times must be looked at anew). */
bool ref_same_clock(const struct ref_set *a, const struct ref_set *b);

#endif
