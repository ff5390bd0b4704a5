/* run_reconcile.c - the findings that are no single phone's: missing receipts, late and silent operators, wrong totals
 * (contract section 10). */
#include "tools/run.h"

#include "engine/check.h"
#include "engine/values.h"
#include "store/queues.h"

#include <inttypes.h>

/* Entries that are one SMS's differ only in the lowest bit of `sms`: cancelled or not. */
static int entry_order(const void *a, const void *b, const void *nobody)
{
    const struct awaited_entry *x = a, *y = b;
    (void)nobody;
    return COMPARE(x->sms, y->sms);
}

/* By phone, case and SMS, in worker 0's lists: qsort would take memory of its own. */
static const struct sort_entry *sort_bucket(struct run *run, const struct buffer *bucket)
{
    struct run_worker *worker = &run->workers[0];
    const struct awaited_entry *entries = (const struct awaited_entry *)bucket->data;
    size_t count = bucket->size / sizeof *entries;
    buffer_clear(&worker->order);
    buffer_clear(&worker->spare);
    struct sort_entry *order = (struct sort_entry *)buffer_room(&worker->order, count * sizeof *order, run->fault);
    struct sort_entry *spare = (struct sort_entry *)buffer_room(&worker->spare, count * sizeof *spare, run->fault);
    if (!order || !spare)
        return NULL;
    for (size_t i = 0; i < count; i++)
        order[i] = (struct sort_entry){(uint64_t)entries[i].phone << 32 | entries[i].case_slot, &entries[i]};
    sort_entries(order, spare, count, entry_order, NULL);
    return order;
}

static int find_missing(struct run *run, uint32_t operator, int64_t at_ms, struct buffer *bucket)
{
    size_t count = bucket->size / sizeof(struct awaited_entry);
    const struct sort_entry *entries = sort_bucket(run, bucket);
    if (!entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct awaited_entry *entry = entries[i].item;
        bool cancelled = entry->sms & 1;
        if (!cancelled && i + 1 < count && entries[i + 1].key == entries[i].key &&
            ((const struct awaited_entry *)entries[i + 1].item)->sms == (entry->sms | 1))
            cancelled = true;
        if (cancelled)
            continue;
        struct id_facts facts = {.phone = entry->phone, .case_number = entry->case_slot >> 4,
                                 .sms_number = entry->sms >> 1};
        char id[ID_SIZE];
        ids_sms(&run->workers[0].ids, &facts, id);
        struct finding_row row = {.finding = FINDING_RECEIPT_MISSING, .slot = entry->case_slot & 15, .since_ms = at_ms,
                                  .phone = entry->phone, .has_phone = true};
        if (run_add_finding(run, 0, &row, run->facts.ref->operators[operator].code, (struct span){id, ID_SIZE},
                            SPAN("no final receipt yet"), run->fault))
            return -1;
    }
    buffer_clear(bucket);
    return 0;
}

/* What this run itself cancelled of (operator, at): in the table already, save in a dry run, which writes nothing. */
static int add_own(struct run *run, uint32_t operator, int64_t at_ms, struct buffer *bucket)
{
    if (run->writing)
        return 0;
    const struct awaited_row *rows = (const struct awaited_row *)run->queues.awaited.data;
    size_t count = run->queues.awaited.size / sizeof *rows;
    for (size_t i = 0; i < count; i++)
        if (rows[i].operator == operator && rows[i].at_ms == at_ms &&
            buffer_add(bucket, &rows[i].entry, sizeof rows[i].entry, run->fault))
            return -1;
    return 0;
}

static int look_at_receipts_of(struct run *run, MDB_txn *txn, uint32_t operator)
{
    struct operator_state *state = &run->state->operators[operator];
    int64_t until = run->facts.as_of_ms - run->facts.receipt_after;
    if (!finding_awaits_receipts(state, run->facts.as_of_ms) || until <= state->settled_ms)
        return 0;
    uint8_t from[10];
    db_put_u16(from, (uint16_t)operator);
    db_put_time(from + 2, state->settled_ms == NEVER_MS ? NEVER_MS : state->settled_ms + 1);
    MDB_cursor *cursor;
    MDB_val key = {sizeof from, from}, value;
    int error = db_calls.cursor_open(txn, run->store->db.tables[TABLE_AWAITED], &cursor), failed = 0;
    if (error)
        return db_fault(run->fault, error, "read");
    struct buffer bucket = {0};
    int64_t bucket_ms = NEVER_MS;
    error = db_cursor_get(cursor, TABLE_AWAITED, &key, &value, MDB_SET_RANGE);
    while (!error && !failed) {
        const struct awaited_key told = queue_awaited_key(key.mv_data);
        if (told.operator != operator || told.at_ms > until)
            break;
        if (told.at_ms != bucket_ms && bucket.size)
            failed = add_own(run, operator, bucket_ms, &bucket) || find_missing(run, operator, bucket_ms, &bucket);
        bucket_ms = told.at_ms;
        struct span payload;
        if (told.run > run->facts.run - !run->writing) { /* of a run that was cut: not swept in a dry run */
            error = db_cursor_get(cursor, TABLE_AWAITED, &key, &value, MDB_NEXT);
            continue;
        }
        failed = failed || db_check(TABLE_AWAITED, &key, &value, &payload, run->fault) ||
                 (!queue_awaited_is_sound(payload) && db_damaged(run->fault, TABLE_AWAITED)) ||
                 buffer_add(&bucket, payload.data, payload.size, run->fault);
        error = db_cursor_get(cursor, TABLE_AWAITED, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (!failed && bucket.size)
        failed = add_own(run, operator, bucket_ms, &bucket) || find_missing(run, operator, bucket_ms, &bucket);
    buffer_free(&bucket);
    if (!failed && error && error != MDB_NOTFOUND)
        failed = db_fault(run->fault, error, "read");
    state->settled_ms = until;
    return failed;
}

static int look_at_receipts(struct run *run)
{
    MDB_txn *txn = NULL;
    int failed = run->writing ? run_flush_queues(run) : store_read_begin(run->store, &txn, run->fault);
    for (uint32_t i = 0; i < run->facts.ref->operator_count && !failed; i++)
        failed = look_at_receipts_of(run, run->writing ? run->writer.txn : txn, i);
    store_read_end(txn);
    return failed;
}

static int look_at_operators(struct run *run)
{
    const struct ref *ref = run->facts.ref;
    char detail[160], from[VALUE_TIME_MAX + 1], to[VALUE_TIME_MAX + 1];
    for (uint32_t i = 0; i < ref->operator_count; i++) {
        const struct operator_news *news = &run->news[i];
        struct operator_state *state = &run->state->operators[i];
        if (news->late_count) {
            from[value_time_write(news->late_first_ms, from)] = 0;
            to[value_time_write(news->late_last_ms, to)] = 0;
            int size = snprintf(detail, sizeof detail, "%" PRId64 " messages, %s to %s", news->late_count, from, to);
            struct finding_row row = {.finding = FINDING_MESSAGE_LATE, .since_ms = news->late_first_ms};
            if (run_add_finding(run, 0, &row, ref->operators[i].code, (struct span){NULL, 0},
                                (struct span){detail, (size_t)size}, run->fault))
                return -1;
        }
        if (state->silence_ms != state->heard_ms &&
            finding_is_silent(state, (uint16_t)i, ref, run->store->settings.silent_after, run->facts.as_of_ms)) {
            state->silence_ms = state->heard_ms;
            struct finding_row row = {.finding = FINDING_OPERATOR_SILENT, .since_ms = state->heard_ms};
            if (run_add_finding(run, 0, &row, ref->operators[i].code, (struct span){NULL, 0},
                                SPAN("no messages since"), run->fault))
                return -1;
        }
    }
    return 0;
}

static int look_at_totals(struct run *run)
{
    for (uint32_t i = 0; i < run->ingest.totals_count; i++) {
        const struct ingest_totals *totals = &run->ingest.totals[i];
        const struct totals_row *row = &totals->row;
        if (!run->inputs.pieces[totals->piece].valid || run->totals_found[i] == totals->count)
            continue;
        struct span party = row->of_agency ? span_of(AGENCY_WORDS[row->agency])
                                           : run->facts.ref->operators[row->operator].code;
        char detail[96];
        int size = snprintf(detail, sizeof detail, "told %" PRIu64 ", found %" PRIu64, totals->count, run->totals_found[i]);
        struct finding_row finding = {.finding = FINDING_COUNT_MISMATCH, .since_ms = row->from_ms};
        if (run_add_finding(run, 0, &finding, party, span_of(KIND_WORDS[row->kind]), (struct span){detail, (size_t)size},
                            run->fault))
            return -1;
    }
    return 0;
}

int run_reconcile(struct run *run)
{
    for (uint32_t i = 0; i < run->facts.ref->operator_count; i++) {
        struct operator_state *state = &run->state->operators[i];
        if (run->news[i].heard_ms > state->heard_ms)
            state->heard_ms = run->news[i].heard_ms;
        if (run->news[i].receipted_ms > state->receipted_ms)
            state->receipted_ms = run->news[i].receipted_ms;
    }
    return look_at_receipts(run) || look_at_operators(run) || look_at_totals(run) ? -1 : 0;
}
