/* run_merge.c - keeps segments few: before a run, neighbouring segments of like size are merged into one, so that each record
 * is rewritten a logarithmic number of times. The old ones stay until the run has taken effect. */
#include "tools/run.h"

#include "engine/check.h"

#define LIKE 2 /* a segment is merged with the newer ones when it is not this many times as large as they are together */

static const struct {
    enum table table, filter;
} TABLES[SEGMENTED_COUNT] = {
    [SEGMENTED_OPEN] = {TABLE_OPEN, TABLE_COUNT},
    [SEGMENTED_CLOSED] = {TABLE_CLOSED, TABLE_CLOSED_FILTER},
    [SEGMENTED_NOTICES] = {TABLE_NOTICES, TABLE_NOTICES_FILTER},
};

/* The first of the newest segments that are to become one; `count` where none are. */
static uint32_t first_to_merge(const struct segment *segments, uint32_t count)
{
    uint64_t newer = 0;
    uint32_t first = count;
    for (uint32_t i = count; i-- > 0;) {
        if (newer && segments[i].bytes <= LIKE * newer)
            first = i;
        newer += segments[i].bytes;
    }
    if (count >= STORE_SEGMENTS_MAX - 2) /* never so many that a run finds no place */
        first = 0;
    return first;
}

/* Merges segments [first, count) of a table, one thread, in order. */
static int merge(struct run *run, unsigned segmented, uint32_t first, struct segment *merged)
{
    const struct state *state = run->store->state;
    struct run_worker *worker = &run->workers[0];
    struct segment_builder *builder = segmented == SEGMENTED_OPEN     ? &worker->open_builder
                                      : segmented == SEGMENTED_CLOSED ? &worker->closed_builder
                                                                      : &worker->index_builder;
    struct segment_view view = {0};
    struct blobs blobs = {0};
    MDB_txn *txn = NULL;
    int failed = store_read_begin(run->store, &txn, run->fault) ||
                 segment_view_open(&view, &run->store->db, txn, TABLES[segmented].table, TABLES[segmented].filter,
                                   state->segments[segmented] + first, state->segment_counts[segmented] - first,
                                   run->fault) ||
                 segment_scan(&view, 0, run->fault);
    segment_begin(builder, merged->number, &blobs);
    struct segment_entry entry;
    while (!failed && segment_peek(&view, &entry, run->fault) > 0) {
        bool drop = entry.record.size == 0 && first == 0; /* nothing older is left to be hidden */
        if (!drop) {
            char *room = segment_room(builder, entry.record.size, run->fault);
            failed = !room;
            if (!failed && entry.record.size)
                memcpy(room, entry.record.data, entry.record.size);
            failed = failed || segment_add(builder, entry.hash, entry.sub, entry.record.size, run->fault);
        }
        if (!failed && blobs.size > ((size_t)4 << 20)) {
            failed = blobs_write(&blobs, &run->writer, run->fault);
            blobs_clear(&blobs);
        }
        failed = failed || segment_next(&view, run->fault);
    }
    failed = failed || segment_end(builder, run->fault) || blobs_write(&blobs, &run->writer, run->fault);
    merged->entries = builder->entries_total;
    merged->bytes = builder->bytes_total;
    blobs_free(&blobs);
    segment_view_close(&view);
    store_read_end(txn);
    return failed ? -1 : 0;
}

int run_merge_segments(struct run *run)
{
    if (!run->writing)
        return 0;
    for (unsigned segmented = 0; segmented < SEGMENTED_COUNT; segmented++) {
        uint32_t *count = &run->state->segment_counts[segmented];
        struct segment *segments = run->state->segments[segmented];
        uint32_t first = first_to_merge(segments, *count);
        if (segmented == SEGMENTED_OPEN && run->rewrite_open) {
            *count = 0; /* the pass over the phones writes it all anew */
            continue;
        }
        if (first + 1 >= *count)
            continue;
        struct segment merged = {.number = run->state->next_segment++};
        if (merge(run, segmented, first, &merged))
            return -1;
        segments[first] = merged;
        *count = merged.entries ? first + 1 : first;
    }
    return 0;
}
