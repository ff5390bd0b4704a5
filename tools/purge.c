/* purge.c - see purge.h. */
#include "tools/purge.h"

#include "store/history.h"
#include "store/scrub.h"
#include "tools/phone_load.h"
#include "tools/strike.h"

struct purge {
    struct strike strike;
    int64_t closed_before_ms;
    struct purged *purged;
    struct history_reader reader;
    struct history_packer packer;
};

/* ---- records ---- */

static int strike_record(struct strike *strike, const struct chunk_entry *entry, struct span record, bool *ret_changed, void *context)
{
    const struct purge *purge = context;
    (void)entry;
    if (!record.size)
        return 0;
    if (phone_load(&strike->phone, record, strike->fault))
        return -1;
    if (!phone_strike(&strike->phone, purge->closed_before_ms))
        return buffer_add(&strike->kept, record.data, record.size, strike->fault);
    *ret_changed = true;
    char *room = buffer_room(&strike->kept, phone_encoded_max(&strike->phone, 0), strike->fault);
    if (!room)
        return -1;
    strike->kept.size += phone_encode(&strike->phone, NULL, NULL, 0, strike->store->state->forgotten_ms, room);
    return 0;
}

static int strike_records(struct strike *strike, const struct strike_place *place, struct span payload, void *context)
{
    return strike_chunk(strike, place, payload, strike_record, context);
}

/* ---- finding a phone ---- */

struct views {
    struct segment_view open, closed;
};

static int open_views(struct purge *purge, MDB_txn *txn, struct views *views)
{
    const struct store *store = purge->strike.store;
    *views = (struct views){0};
    return segment_view_live(&views->open, &store->db, txn, store->state, SEGMENTED_OPEN, purge->strike.fault) ||
                   segment_view_live(&views->closed, &store->db, txn, store->state, SEGMENTED_CLOSED, purge->strike.fault)
               ? -1
               : 0;
}

static void close_views(struct views *views)
{
    segment_view_close(&views->open);
    segment_view_close(&views->closed);
}

/* ---- counting: what a phone's newest record will lose ---- */

static int count_record(struct purge *purge, struct span record)
{
    if (!record.size)
        return 0;
    if (phone_load(&purge->strike.phone, record, purge->strike.fault))
        return -1;
    uint64_t before = 0, after = 0;
    for (uint32_t i = 0; i < purge->strike.phone.case_count; i++)
        before += case_is_struck(&purge->strike.phone.cases[i]);
    phone_strike(&purge->strike.phone, purge->closed_before_ms);
    for (uint32_t i = 0; i < purge->strike.phone.case_count; i++)
        after += case_is_struck(&purge->strike.phone.cases[i]);
    purge->purged->cases += after - before;
    return 0;
}

/* `hiding`, where given: records that it holds are newer. */
static int count_table(struct purge *purge, struct segment_view *view, struct segment_view *hiding)
{
    struct segment_entry entry;
    if (segment_scan(view, 0, purge->strike.fault))
        return -1;
    while (segment_peek(view, &entry)) {
        struct span newer;
        int hidden = hiding ? segment_find(hiding, entry.hash, entry.sub, &newer, purge->strike.fault) : 0;
        if (hidden < 0 || (!hidden && count_record(purge, entry.record)) || segment_next(view, purge->strike.fault))
            return -1;
    }
    return 0;
}

static int count_cases(struct purge *purge)
{
    MDB_txn *txn;
    struct views views;
    if (store_read_begin(purge->strike.store, &txn, purge->strike.fault))
        return -1;
    int failed = open_views(purge, txn, &views) || count_table(purge, &views.open, NULL);
    segment_rewind(&views.open);
    failed = failed || count_table(purge, &views.closed, &views.open);
    close_views(&views);
    store_read_end(txn);
    return failed ? -1 : 0;
}

/* ---- history: packed anew, row by row ---- */

static int find_phone(struct purge *purge, struct views *views, uint32_t number)
{
    purge->strike.phone.case_count = 0;
    return phone_find(&purge->strike.phone, &views->open, &views->closed, number, NULL, purge->strike.fault) < 0 ? -1 : 0;
}

static bool row_is_struck(const struct phone *phone, const struct history_row *row)
{
    return row->case_number >= 1 && row->case_number <= phone->case_count &&
           case_is_struck(&phone->cases[row->case_number - 1]);
}

/* Packs what is kept of a value into strike.out, which stays empty where that is nothing. */
static int keep_rows(struct purge *purge, struct views *views, struct span payload)
{
    struct history_reader *reader = &purge->reader;
    struct history_row row;
    bool first = true, open = false; /* no phone yet; the phone at hand has a row that is kept */
    uint32_t phone = 0;
    int there = history_read(reader, payload) ? 1 : -1;
    while (there > 0 && (there = history_next(reader, &row)) > 0) {
        if (first || row.phone != phone) {
            if ((open && history_end_phone(&purge->packer, purge->strike.fault)) || find_phone(purge, views, row.phone))
                return -1;
            first = open = false;
            phone = row.phone;
        }
        if (row_is_struck(&purge->strike.phone, &row)) {
            purge->purged->entries++;
            continue;
        }
        if ((!purge->strike.out.size && history_begin(&purge->packer, &purge->strike.out, reader->state.base_ms, purge->strike.fault)) ||
            (!open && history_begin_phone(&purge->packer, phone, purge->strike.fault)) ||
            history_add(&purge->packer, &row, purge->strike.fault))
            return -1;
        open = true;
    }
    if (there < 0)
        return db_damaged(purge->strike.fault, TABLE_HISTORY);
    return open ? history_end_phone(&purge->packer, purge->strike.fault) : 0;
}

static int strike_history(struct strike *strike, const struct strike_place *place, struct span payload, void *context)
{
    struct purge *purge = context;
    struct views views;
    uint64_t before = purge->purged->entries;
    buffer_clear(&strike->out);
    int failed = open_views(purge, strike->writer.txn, &views) || keep_rows(purge, &views, payload);
    close_views(&views);
    return failed ? -1 : purge->purged->entries == before ? 0 : strike_put_out(strike, place);
}

/* ---- kept folders ---- */

/* Of a run before that time all cases are in it as they were then: its folder goes. */
static int strike_folder(struct strike *strike, const struct strike_place *place, struct span payload, void *context)
{
    const struct purge *purge = context;
    struct run_row row;
    (void)payload;
    int there = store_get_run(strike->store, db_get_u32(place->key), &row, strike->fault);
    if (there < 0)
        return -1;
    return there == 0 && row.as_of_ms < purge->closed_before_ms
               ? db_delete(&strike->writer, TABLE_FOLDERS, place->key, place->key_size, strike->fault)
               : 0;
}

/* ---- the whole ---- */

/* The records come first: by them it is known whose history is to go. */
static int strike_all(struct purge *purge)
{
    struct strike *strike = &purge->strike;
    if (db_write_begin(&strike->writer, &strike->store->db, STRIKE_TRANSACTION, strike->fault))
        return -1;
    int failed = strike_walk(strike, TABLE_CLOSED, strike_records, purge) || strike_walk(strike, TABLE_OPEN, strike_records, purge) ||
                 strike_walk(strike, TABLE_HISTORY, strike_history, purge) || strike_walk(strike, TABLE_FOLDERS, strike_folder, purge) ||
                 store_put_state(strike->store->state, &strike->writer, strike->fault) || db_write_commit(&strike->writer, strike->fault);
    db_write_abort(&strike->writer);
    return failed ? -1 : 0;
}

int purge_go(struct store *store, int64_t closed_before_ms, struct purged *ret_purged, struct fault *fault)
{
    struct purge purge = {.strike = {.store = store, .fault = fault}, .closed_before_ms = closed_before_ms, .purged = ret_purged};
    *ret_purged = (struct purged){0};
    int failed = strike_sweep(&purge.strike) || count_cases(&purge) || strike_all(&purge) ||
                 store_scrub(store, STRIKE_TRANSACTION, &ret_purged->cleared, fault);
    strike_free(&purge.strike);
    return failed ? -1 : 0;
}
