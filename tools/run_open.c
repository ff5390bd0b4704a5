/* run_open.c - the table of open cases, where a run writes the whole of it anew: when it does, and how a part in which nothing
 * changes is spared.
 *
 *   decided before the pass   many events against few open cases: likely most will change
 *   a part of the pass        as it is, until one of its cases changes; then what lay before that one is copied, and all behind it
 *   after the pass            all parts are as they were: the old segments stay, and nothing was written (the same dumps again);
 *                             some are: those are copied too, as the old segments go */
#include "tools/run.h"

#define REWRITE_SHARE 4 /* open is written anew where a fourth of it or more is touched */

int run_open_decide(struct run *run)
{
    const struct state *state = run->store->state;
    uint64_t open = 0, events = 0;
    for (uint32_t i = 0; i < state->segment_counts[SEGMENTED_OPEN]; i++)
        open += state->segments[SEGMENTED_OPEN][i].entries;
    for (uint32_t part = 0; part < run_parts(run); part++)
        events += spool_size(&run->events, part);
    run->look_at_all = state->look_at_all;
    run->rewrite.whole = open && (run->look_at_all || events / 64 >= open / REWRITE_SHARE);
    if (open < 4096 && state->segment_counts[SEGMENTED_OPEN] > 1) /* so few that it is always cheap */
        run->rewrite.whole = true;
    run->state->look_at_all = 0;
    if (!run->rewrite.whole)
        return 0;
    run->state->segment_counts[SEGMENTED_OPEN] = run->state->merge_counts[SEGMENTED_OPEN] = 0;
    run->rewrite.as_is = sys.alloc(run_parts(run) * sizeof *run->rewrite.as_is);
    return run->rewrite.as_is ? 0 : fault_memory(run->fault);
}

static uint64_t first_hash(const struct run *run, uint32_t part)
{
    return run->part_bits ? (uint64_t)part << (64 - run->part_bits) : 0;
}

int run_open_begin(struct run *run, struct run_worker *worker, uint32_t part, struct fault *fault)
{
    worker->part = part;
    if (!run->rewrite.whole)
        return 0;
    run->rewrite.as_is[part] = true;
    return segment_scan(&worker->open, first_hash(run, part), fault);
}

static int copy(struct run_worker *worker, const struct segment_entry *entry, struct fault *fault)
{
    if (!entry->record.size) /* gone */
        return 0;
    char *room = segment_room(&worker->open_builder, entry->record.size, fault);
    if (!room)
        return -1;
    memcpy(room, entry->record.data, entry->record.size);
    return segment_add(&worker->open_builder, entry->hash, entry->sub, entry->record.size, fault);
}

/* Copies the part's entries that lie before `end`; NULL: all. */
static int copy_before(struct run *run, struct run_worker *worker, struct segment_view *view, const struct segment_entry *end,
                       struct fault *fault)
{
    struct segment_entry entry;
    if (segment_scan(view, first_hash(run, worker->part), fault))
        return -1;
    while (segment_peek(view, &entry) && part_of(entry.hash, run->part_bits) == worker->part &&
           (!end || entry.hash < end->hash || (entry.hash == end->hash && entry.sub < end->sub)))
        if (copy(worker, &entry, fault) || segment_next(view, fault))
            return -1;
    return 0;
}

int run_open_keep(struct run *run, struct run_worker *worker, const struct segment_entry *entry, struct fault *fault)
{
    return run->rewrite.as_is[worker->part] ? 0 : copy(worker, entry, fault);
}

int run_open_change(struct run *run, struct run_worker *worker, uint64_t hash, uint32_t sub, struct fault *fault)
{
    if (!run->rewrite.whole || !run->rewrite.as_is[worker->part])
        return 0;
    run->rewrite.as_is[worker->part] = false;
    return copy_before(run, worker, &worker->copied, &(struct segment_entry){.hash = hash, .sub = sub}, fault);
}

int run_open_copy(struct run *run, struct run_worker *worker, uint32_t part, struct fault *fault)
{
    worker->part = part;
    return run->rewrite.as_is[part] ? copy_before(run, worker, &worker->open, NULL, fault) : 0;
}

bool run_open_lacks(struct run *run)
{
    const struct state *old = run->store->state;
    uint32_t as_is = 0;
    for (uint32_t part = 0; run->rewrite.whole && part < run_parts(run); part++)
        as_is += run->rewrite.as_is[part];
    run->rewrite.copying = as_is && as_is < run_parts(run);
    if (as_is == run_parts(run)) {
        run->state->segment_counts[SEGMENTED_OPEN] = old->segment_counts[SEGMENTED_OPEN];
        run->state->merge_counts[SEGMENTED_OPEN] = old->merge_counts[SEGMENTED_OPEN];
    }
    return run->rewrite.copying;
}
