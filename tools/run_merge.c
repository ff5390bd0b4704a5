/* run_merge.c - keeps segments few: moves the merges that are under way (store/merge.h) on, each by a share of what this run
 * wrote itself, so that no run pays for all. Old marks are left behind. The inputs stay until a merge is whole and the run
 * has taken effect. */
#include "tools/run.h"

#include "store/merge.h"
#include "tools/phone_load.h"

#include "engine/check.h"

#define SHARE 2                      /* times the bytes that the run added to the table */
#define SHARE_MIN ((uint64_t)64 << 10) /* so that small ones are done at once */

struct mover {
    struct run *run;
    unsigned segmented;
    struct segment_builder *builder;
    MDB_txn *txn;
    struct phone phone; /* room for a record that is looked into */
};

/* A closed phone's record without the marks that no message can meet any more. */
static int add_closed(struct mover *mover, const struct segment_entry *entry, int64_t *ret_marks_ms)
{
    struct run *run = mover->run;
    struct phone *phone = &mover->phone;
    if (phone_load(phone, entry->record, run->fault))
        return -1;
    char *room = segment_room(mover->builder, phone_encoded_max(phone, 0), run->fault);
    if (!room)
        return -1;
    for (uint32_t i = 0; i < phone->mark_count; i++)
        if (mark_ms(&phone->marks[i]) >= run->facts.forget_before_ms && mark_ms(&phone->marks[i]) > *ret_marks_ms)
            *ret_marks_ms = mark_ms(&phone->marks[i]);
    size_t size = phone_encode(phone, NULL, NULL, 0, run->facts.forget_before_ms, room);
    return segment_add(mover->builder, entry->hash, entry->sub, size, run->fault);
}

static int add(struct mover *mover, const struct segment_entry *entry, int64_t *ret_marks_ms)
{
    struct fault *fault = mover->run->fault;
    if (mover->segmented == SEGMENTED_CLOSED && entry->record.size)
        return add_closed(mover, entry, ret_marks_ms);
    char *room = segment_room(mover->builder, entry->record.size, fault);
    if (!room)
        return -1;
    if (entry->record.size)
        memcpy(room, entry->record.data, entry->record.size);
    return segment_add(mover->builder, entry->hash, entry->sub, entry->record.size, fault);
}

/* Moves entries from the view on to the output until `share` bytes of them are read; *ret_whole where none is left. */
static int move(struct mover *mover, struct merge *merge, struct segment_view *view, bool oldest, uint64_t share,
                struct blobs *blobs, bool *ret_whole)
{
    struct run *run = mover->run;
    struct segment_entry entry;
    uint64_t moved = 0, last_hash = 0;
    if (segment_scan(view, merge->next_hash, run->fault))
        return -1;
    segment_begin(mover->builder, merge->output.number, blobs);
    while (segment_peek(view, &entry)) {
        if (moved >= share && entry.hash != last_hash) { /* equal hashes stay together */
            merge->next_hash = entry.hash;
            *ret_whole = false;
            break;
        }
        last_hash = entry.hash;
        moved += sizeof(struct chunk_entry) + entry.record.size;
        bool drop = entry.record.size == 0 && oldest; /* nothing older is left to be hidden */
        if ((!drop && add(mover, &entry, &merge->output.marks_ms)) || segment_next(view, run->fault))
            return -1;
        if (blobs->bytes.size > ((size_t)4 << 20)) {
            if (blobs_write(blobs, &run->writer, run->fault))
                return -1;
            blobs_clear(blobs);
        }
    }
    if (segment_end(mover->builder, run->fault) || blobs_write(blobs, &run->writer, run->fault))
        return -1;
    merge->output.entries += mover->builder->entries_total;
    merge->output.bytes += mover->builder->bytes_total;
    return 0;
}

static int advance(struct mover *mover, uint32_t which, uint64_t share, bool *ret_whole)
{
    struct run *run = mover->run;
    struct merge *merge = &run->state->merges[mover->segmented][which];
    uint32_t place = merge_place(run->state, mover->segmented, merge);
    struct segment_view view = {0};
    struct blobs blobs = {0};
    *ret_whole = true;
    int failed = segment_view_open(&view, &run->store->db, mover->txn, SEGMENTED_TABLES[mover->segmented].table,
                                   SEGMENTED_TABLES[mover->segmented].filter, run->state->segments[mover->segmented] + place,
                                   merge->inputs, run->fault) ||
                 move(mover, merge, &view, place == 0, share, &blobs, ret_whole);
    blobs_free(&blobs);
    segment_view_close(&view);
    return failed ? -1 : 0;
}

static int merge_table(struct run *run, unsigned segmented, struct mover *mover)
{
    struct run_worker *worker = &run->workers[0];
    struct state *state = run->state;
    struct segment_builder *const builders[SEGMENTED_COUNT] = {&worker->open_builder, &worker->closed_builder,
                                                               &worker->index_builder};
    mover->segmented = segmented;
    mover->builder = builders[segmented];
    uint32_t eligible = state->segment_counts[segmented];
    const struct segment *newest = &state->segments[segmented][eligible ? eligible - 1 : 0];
    uint64_t added = 0;
    if (eligible && newest->number == run->segment_numbers[segmented]) { /* this run's own: the snapshot lacks it */
        added = newest->bytes;
        eligible--;
    }
    merge_begin(state, segmented, eligible, run->facts.forget_before_ms);
    uint64_t share = merge_is_pressing(state, segmented) ? UINT64_MAX : SHARE * added + SHARE_MIN;
    for (uint32_t i = 0; i < state->merge_counts[segmented];) {
        bool whole;
        if (advance(mover, i, share, &whole))
            return -1;
        if (whole)
            merge_finish(state, segmented, i);
        else
            i++;
    }
    return 0;
}

int run_merge_segments(struct run *run)
{
    if (!run->writing)
        return 0;
    struct mover mover = {.run = run};
    int failed = store_read_begin(run->store, &mover.txn, run->fault);
    for (unsigned segmented = 0; segmented < SEGMENTED_COUNT && !failed; segmented++)
        failed = merge_table(run, segmented, &mover);
    store_read_end(mover.txn);
    phone_unload(&mover.phone);
    return failed ? -1 : 0;
}
