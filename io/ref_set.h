/* ref_set.h - the memory behind a set of reference data; seen by ref_load.c and ref_pack.c only.
 * Room: io.  Everything that a set points to lies in its own blocks and goes with it. */
#ifndef IO_REF_SET_H
#define IO_REF_SET_H

#include "io/ref_load.h"

#include <stddef.h>

struct ref_block {
    struct ref_block *next;
    size_t size, used;
    _Alignas(16) char data[];
};

struct ref_set {
    struct ref ref;
    struct ref_text *texts;
    uint32_t text_count;
    struct span dumps; /* dumps.ini as it is, empty: none */
    struct ref_block *blocks;
};

int ref_set_open(struct ref_set **ret_set, struct fault *fault);

/* Zeroed memory that lives as long as the set, aligned for anything; NULL with a fault. */
void *ref_set_alloc(struct ref_set *set, size_t size, struct fault *fault);

/* Fills operator_ranks from the operators; -1 with a fault. */
int ref_set_rank(struct ref_set *set, struct fault *fault);

#endif
