/* run_due.c - due times: those reached become events of their phones, those to come are queued (store/tables.h). */
#include "tools/run.h"

#include "engine/values.h"
#include "store/queues.h"

#include <stdlib.h>

#define GROUP_MAX (QUEUE_ENTRIES_MAX * 64) /* sorted together, then cut */

/* Most came due at one of a few times: a pass or two of the radix sort. */
static int sort_due(struct run *run, struct due_entry *entries, size_t count)
{
    buffer_clear(&run->queues.scratch);
    struct sort_entry *order = (struct sort_entry *)buffer_room(
        &run->queues.scratch, count * (2 * sizeof *order + sizeof *entries), run->fault);
    if (!order)
        return -1;
    struct due_entry *were = (struct due_entry *)(order + 2 * count);
    memcpy(were, entries, count * sizeof *entries);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct sort_entry){(uint64_t)were[i].due_ms ^ (UINT64_C(1) << 63), &were[i]}; /* of times before 1970, too */
    sort_entries(order, order + count, count, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        memcpy(&entries[i], order[i].item, sizeof *entries);
    return 0;
}

/* Writes what is gathered as sorted values of the table. */
static int flush_due(struct run *run)
{
    struct due_entry *entries = (struct due_entry *)run->queues.due.data;
    size_t count = run->queues.due.size / sizeof *entries;
    if (!count || !run->writing) /* what is popped before writing began waits; a dry run queues nothing */
        return 0;
    if (sort_due(run, entries, count))
        return -1;
    for (size_t at = 0; at < count;) {
        size_t some = count - at < QUEUE_ENTRIES_MAX ? count - at : QUEUE_ENTRIES_MAX;
        if (queue_put_due(&run->writer, run->facts.run, run->queues.due_sequence++, entries + at, some, run->fault))
            return -1;
        at += some;
    }
    buffer_clear(&run->queues.due);
    return 0;
}

int run_queue_due(struct run *run, const struct due_entry *entries, size_t count)
{
    if (run->options->dry_run)
        return 0;
    if (buffer_add(&run->queues.due, entries, count * sizeof *entries, run->fault))
        return -1;
    return run->queues.due.size >= GROUP_MAX * sizeof *entries ? flush_due(run) : 0;
}

static int awaited_order(const void *a, const void *b)
{
    const struct awaited_row *x = a, *y = b;
    int order = COMPARE(x->operator, y->operator);
    return order ? order : COMPARE(x->at_ms, y->at_ms);
}

/* Nearly all rows are of this run's as-of: parted by operator they are in order. */
static void sort_awaited(struct run *run, struct awaited_row *rows, size_t count)
{
    bool alike = true;
    for (size_t i = 0; i < count && alike; i++)
        alike = rows[i].at_ms == rows[0].at_ms;
    buffer_clear(&run->queues.scratch);
    struct awaited_row *parted = alike ? (struct awaited_row *)buffer_room(&run->queues.scratch, count * sizeof *rows, run->fault) : NULL;
    if (!parted) {
        qsort(rows, count, sizeof *rows, awaited_order);
        return;
    }
    size_t at = 0;
    for (uint32_t operator = 0; operator < run->facts.ref->operator_count && at < count; operator++)
        for (size_t i = 0; i < count; i++)
            if (rows[i].operator == operator)
                parted[at++] = rows[i];
    memcpy(rows, parted, count * sizeof *rows);
}

static int flush_awaited(struct run *run)
{
    struct awaited_row *rows = (struct awaited_row *)run->queues.awaited.data;
    size_t count = run->queues.awaited.size / sizeof *rows;
    if (!count || !run->writing)
        return 0;
    sort_awaited(run, rows, count);
    for (size_t at = 0; at < count;) {
        struct awaited_entry entries[QUEUE_ENTRIES_MAX];
        size_t some = 0;
        const struct awaited_row *first = &rows[at];
        while (at < count && some < QUEUE_ENTRIES_MAX && rows[at].operator == first->operator &&
               rows[at].at_ms == first->at_ms)
            entries[some++] = rows[at++].entry;
        struct awaited_key key = {first->operator, first->at_ms, run->facts.run, run->queues.awaited_sequence++};
        if (queue_put_awaited(&run->writer, &key, entries, some, run->fault))
            return -1;
    }
    buffer_clear(&run->queues.awaited);
    return 0;
}

int run_queue_awaited(struct run *run, const struct awaited_row *rows, size_t count)
{
    if (buffer_add(&run->queues.awaited, rows, count * sizeof *rows, run->fault))
        return -1;
    return run->queues.awaited.size >= GROUP_MAX * sizeof *rows ? flush_awaited(run) : 0;
}

int run_flush_queues(struct run *run)
{
    return flush_due(run) || flush_awaited(run) ? -1 : 0;
}

static int add_due_event(struct run *run, uint32_t phone)
{
    struct event event = {.phone = phone, .kind = EVENT_DUE, .at_ms = INT64_MAX};
    return run_add_event(run, 0, &event, run->fault);
}

/* Reads the queue up to as-of. Of a value that reaches beyond, the rest is queued anew. */
int run_pop_due(struct run *run)
{
    MDB_txn *txn;
    if (store_read_begin(run->store, &txn, run->fault))
        return -1;
    MDB_cursor *cursor;
    int error = db_calls.cursor_open(txn, run->store->db.tables[TABLE_DUE], &cursor), failed = 0;
    uint8_t from[8];
    const struct state *state = run->store->state;
    db_put_time(from, state->due_until_ms);
    MDB_val key = {sizeof from, from}, value;
    if (!error)
        error = db_cursor_get(cursor, TABLE_DUE, &key, &value, MDB_SET_RANGE);
    else
        cursor = NULL;
    while (!error && !failed && db_get_time(key.mv_data) <= run->facts.as_of_ms) {
        struct span payload = {NULL, 0};
        if (store_due_is_live(state, key.mv_data))
            failed = db_check(TABLE_DUE, &key, &value, &payload, run->fault) ||
                     (!queue_due_is_sound(key.mv_data, payload) && db_damaged(run->fault, TABLE_DUE));
        size_t count = failed ? 0 : payload.size / sizeof(struct due_entry);
        for (size_t i = 0; i < count && !failed; i++) {
            struct due_entry entry;
            memcpy(&entry, payload.data + i * sizeof entry, sizeof entry);
            failed = entry.due_ms <= run->facts.as_of_ms ? add_due_event(run, entry.phone)
                                                         : run_queue_due(run, &entry, 1);
        }
        error = db_cursor_get(cursor, TABLE_DUE, &key, &value, MDB_NEXT);
    }
    if (cursor)
        mdb_cursor_close(cursor);
    store_read_end(txn);
    if (!failed && error && error != MDB_NOTFOUND)
        failed = db_fault(run->fault, error, "read");
    run->state->due_until_ms = run->facts.as_of_ms;
    return failed;
}
