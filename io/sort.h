/* sort.h - sorts references by a 64-bit key, and those with equal keys by a comparison. Room: io; pure. Thread: any.
 * Errors: none, and no memory but the caller's. */
#ifndef IO_SORT_H
#define IO_SORT_H

#include <stddef.h>
#include <stdint.h>

struct sort_entry {
    uint64_t key;
    const void *item;
};

typedef int sort_compare(const void *a, const void *b, const void *context);

/* Sorts entries[0..count); `spare` is as large. Equal keys: by `compare` (a total order, so that the outcome is one);
 * NULL: as they stood. */
void sort_entries(struct sort_entry *entries, struct sort_entry *spare, size_t count, sort_compare *compare,
                  const void *context);

#endif
