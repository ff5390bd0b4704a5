/* merge.h - which segments are merged, and when one that is whole takes their place: the state alone, no data moves here.
 * Room: store.  The moving is tools/run_merge.c's.
 *
 * Merged are three neighbours or more, none larger than two fifths of them all: so a record that is rewritten lands in a
 * segment well larger than its own, and is rewritten a logarithmic number of times. Several merges, of small and of large
 * segments, are under way side by side; each waits for the next run where it has done its share of this one.
 * Thread: the owner of the struct state, which is a copy until the run takes effect. Errors: none; a state that is not sound was
 * refused when the store was opened. */
#ifndef STORE_MERGE_H
#define STORE_MERGE_H

#include "store/tables.h"

/* Begins what merges are due among the oldest `eligible` segments of a table. A segment alone is rewritten once all its marks
 * are older than `forget_before_ms`. */
void merge_begin(struct state *state, unsigned segmented, uint32_t eligible, int64_t forget_before_ms);

/* Where in the list of segments a merge's inputs begin. */
uint32_t merge_place(const struct state *state, unsigned segmented, const struct merge *merge);

/* Merge `which` is whole: its output takes the place of its inputs (or, empty, none), and it is struck from the list. */
void merge_finish(struct state *state, unsigned segmented, uint32_t which);

/* So many segments that all merges must be done with at once, lest a run finds no place. */
static inline bool merge_is_pressing(const struct state *state, unsigned segmented)
{
    return state->segment_counts[segmented] >= STORE_SEGMENTS_MAX - 2;
}

#endif
