/* run_phones.c - the heart of a run: part after part, the sorted events of each phone meet what the store keeps of it.
 *
 *   a part's events, sorted by (phone hash, phone, time, kind, identity)  ─┐
 *   the open cases in the same order, from the store's segments           ─┴─>  engine/apply  ->  struct part_output
 *
 * Which part when: run_window.c. */
#include "tools/run_phones.h"

#include "tools/phone_load.h"

/* ---- order ---- */

static int event_order(const void *a, const void *b, const void *context)
{
    const struct event *x = a, *y = b;
    const struct run *run = context;
    if (x->phone != y->phone)
        return COMPARE(x->phone, y->phone);
    if (x->kind == EVENT_DUE || y->kind == EVENT_DUE)
        return (x->kind == EVENT_DUE) - (y->kind == EVENT_DUE);
    int order = event_compare(x, y);
    return order ? order : input_order(&run->inputs, x->piece, x->line, y->piece, y->line);
}

/* `record`: what the open table holds of the phone, empty where nothing. */
static int do_phone(struct phones *phones, uint64_t hash, uint32_t number, const struct sort_entry *events, size_t count,
                    struct span record)
{
    struct run_worker *worker = phones->worker;
    struct apply *apply = &worker->apply;
    bool was_in_open = record.size > 0;
    bool only_due = count == 0 || ((const struct event *)events[0].item)->kind == EVENT_DUE;
    if (!was_in_open) {
        if (only_due)
            return 0; /* its case has closed since: nothing is due any more */
        int there = segment_find(&worker->closed, hash, number, &record, phones->fault);
        if (there < 0)
            return -1;
        if (!there)
            record = (struct span){NULL, 0};
    }
    apply_begin(apply, number, hash);
    run_room_for_phone(phones);
    if (record.size && run_room_for_record(phones, record))
        return -1;
    if (record.size && !apply_load(apply, record))
        return phone_damaged(phones->fault);
    for (size_t i = 0; i < count; i++) {
        const struct event *event = events[i].item;
        if (event->kind == EVENT_DUE)
            break;
        if (run_room_for_event(phones))
            return -1;
        apply_event(apply, event);
    }
    if (run_room_for_event(phones))
        return -1;
    apply_end(apply);
    if (run_emit(phones))
        return -1;
    if (!apply->changed || !apply->phone.case_count)
        return was_in_open && phones->run->rewrite.whole
                   ? run_open_keep(phones->run, worker, &(struct segment_entry){hash, number, record}, phones->fault)
                   : 0;
    return run_emit_record(phones, was_in_open);
}

/* ---- one part ---- */

/* An open case that no event names. */
static int do_nothing_new(struct phones *phones, const struct segment_entry *entry)
{
    if (!entry->record.size) /* gone */
        return 0;
    return phones->run->look_at_all ? do_phone(phones, entry->hash, entry->sub, NULL, 0, entry->record)
                                    : run_open_keep(phones->run, phones->worker, entry, phones->fault);
}

static uint32_t phone_of(const struct sort_entry *event)
{
    return ((const struct event *)event->item)->phone;
}

static size_t count_of_one_phone(const struct sort_entry *events, size_t count)
{
    size_t same = 1;
    while (same < count && events[same].key == events->key && phone_of(&events[same]) == phone_of(events))
        same++;
    return same;
}

static int entry_order(const struct segment_entry *entry, const struct sort_entry *event)
{
    return entry->hash != event->key ? COMPARE(entry->hash, event->key) : COMPARE(entry->sub, phone_of(event));
}

static int do_part(struct phones *phones, uint32_t part)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    if (run_load_part(run, worker, &run->events, part, phones->fault) ||
        (profiles_join(run->profiles) && run_join_parts(run, phones->index, phones->fault)))
        return -1;
    struct sort_entry *events = (struct sort_entry *)worker->order.data;
    size_t left = worker->order.size / sizeof *events;
    sort_entries(events, (struct sort_entry *)worker->spare.data, left, event_order, run);
    if (run_open_begin(run, worker, part, phones->fault))
        return -1;
    for (;;) { /* both lists side by side, where the open cases are gone through at all */
        struct segment_entry entry = {0};
        bool there = run->rewrite.whole && segment_peek(&worker->open, &entry) && part_of(entry.hash, run->part_bits) == part;
        if (!there && !left)
            return run_flush_history(run, worker, phones->fault) ? -1 : 0;
        int order = !left ? -1 : !there ? 1 : entry_order(&entry, events);
        if (order < 0) {
            if (do_nothing_new(phones, &entry))
                return -1;
        } else {
            size_t count = count_of_one_phone(events, left);
            struct span record = order == 0 ? entry.record : (struct span){NULL, 0};
            if ((!run->rewrite.whole && segment_find(&worker->open, events->key, phone_of(events), &record, phones->fault) < 0) ||
                do_phone(phones, events->key, phone_of(events), events, count, record))
                return -1;
            events += count;
            left -= count;
        }
        if (order <= 0 && segment_next(&worker->open, phones->fault))
            return -1;
    }
}

int run_make_part(struct phones *phones, uint32_t part)
{
    struct run *run = phones->run;
    struct run_worker *worker = phones->worker;
    struct part_output *output = worker->output;
    segment_begin(&worker->open_builder, run->segment_numbers[SEGMENTED_OPEN], &output->blobs);
    segment_begin(&worker->closed_builder, run->segment_numbers[SEGMENTED_CLOSED], &output->blobs);
    if ((run->rewrite.copying ? run_open_copy(run, worker, part, phones->fault) : do_part(phones, part)) ||
        segment_end(&worker->open_builder, phones->fault) || segment_end(&worker->closed_builder, phones->fault))
        return -1;
    output->open_entries = worker->open_builder.entries_total;
    output->open_bytes = worker->open_builder.bytes_total;
    output->closed_entries = worker->closed_builder.entries_total;
    output->closed_bytes = worker->closed_builder.bytes_total;
    return 0;
}
