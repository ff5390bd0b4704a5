/* ref_draft.h - the lists of reference data while they are read: flat, with their lines, then merged with the
 * present set. Room: io; seen by ref_load.c only. */
#ifndef IO_REF_DRAFT_H
#define IO_REF_DRAFT_H

#include "io/ref_table.h"

#include <stddef.h>

/* A growing array of items of one size; sys.free(items) at the end. */
struct draft {
    void *items;
    uint32_t count, capacity;
};

struct draft_entry {
    uint32_t list; /* the step of an option, else the region */
    uint32_t line; /* 0: kept from the present set */
    struct ref_entry entry;
};

/* One zeroed item more; NULL with a fault. */
void *draft_add(struct draft *draft, size_t item_size, struct fault *fault);

/* Copies a text into the set that is being read. */
int draft_copy(struct ref_reader *reader, struct span text, struct span *ret_copy);

/* The three drafts of struct draft_entry, and the files that they come from. */
struct draft_lists {
    struct draft options, offices, localities;
};

#define OPTIONS_CSV "options.csv"
#define OFFICES_CSV "offices.csv"
#define LOCALITIES_CSV "localities.csv"

/* Sorts what was read by list and number; numbers that stand twice are refused. */
void draft_lists_sort(struct draft_lists *lists, struct ref_reader *reader);

/* Sorted drafts without a fault: refuses what section 5 refuses, keeps what the update leaves out. `old` may
 * be NULL. */
int draft_lists_merge(struct draft_lists *lists, const struct ref *old, struct ref_reader *reader);

/* Fills the options and regions of the reader's set. */
int draft_lists_build(const struct draft_lists *lists, struct ref_reader *reader);

#endif
