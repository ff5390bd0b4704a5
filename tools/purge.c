/* purge.c - see purge.h. */
#include "tools/purge.h"

#include "engine/check.h"
#include "engine/values.h"
#include "io/buffer.h"
#include "io/sys.h"
#include "store/history.h"
#include "store/scrub.h"
#include "store/segment.h"
#include "tools/phone_load.h"

#define TRANSACTION ((size_t)16 << 20)

struct purge {
    struct store *store;
    struct fault *fault;
    int64_t closed_before_ms;
    struct db_writer writer;
    struct phone phone;
    char *whole; /* a chunk put together */
    size_t whole_capacity;
    struct buffer kept, out; /* records as they are kept; the value to write */
    struct history_reader reader;
    struct history_packer packer;
    struct purged *purged;
};

struct place { /* of the value at hand */
    enum table table;
    uint8_t key[64];
    size_t key_size;
};

/* A chunk of several pieces, whole. */
static int put_together(struct purge *purge, MDB_cursor *cursor, const struct place *place, struct span *payload)
{
    struct chunk head;
    if (payload->size < sizeof head || place->key_size != SEGMENT_KEY_SIZE)
        return db_damaged(purge->fault, place->table);
    memcpy(&head, payload->data, sizeof head);
    return head.pieces ? segment_put_together(cursor, place->table, place->key, *payload, &purge->whole, &purge->whole_capacity,
                                              payload, purge->fault)
                       : 0;
}

/* Writes the chunk in purge->out over the one that had `pieces` pieces, in one transaction: it has become smaller. */
static int put_chunk(struct purge *purge, const struct place *place, size_t pieces)
{
    const char *bytes = purge->out.data;
    size_t size = purge->out.size, now = segment_pieces(size);
    uint8_t key[SEGMENT_PIECE_KEY_SIZE];
    struct db_writer *writer = &purge->writer;
    struct chunk head;
    memcpy(&head, bytes, sizeof head);
    head.pieces = (uint32_t)now - 1;
    memcpy(purge->out.data, &head, sizeof head);
    memcpy(key, place->key, SEGMENT_KEY_SIZE);
    for (size_t piece = 0; piece < pieces; piece++) {
        size_t from = segment_piece_at(piece), end = segment_piece_at(piece + 1);
        db_put_u32(key + SEGMENT_KEY_SIZE, (uint32_t)piece);
        size_t key_size = piece ? sizeof key : SEGMENT_KEY_SIZE;
        if (piece < now ? db_put(writer, place->table, key, key_size, bytes + from, (end < size ? end : size) - from, purge->fault)
                        : db_delete(writer, place->table, key, key_size, purge->fault))
            return -1;
        if (piece == 0) /* the first may begin a new transaction, the others stay in it */
            writer->limit = SIZE_MAX;
    }
    writer->limit = TRANSACTION;
    return 0;
}

/* The first value behind `place`: 1, 0 at the end, -1. A cursor of its own each time: a put may begin a new transaction. */
static int next_value(struct purge *purge, struct place *place, struct span *ret_payload)
{
    MDB_cursor *cursor;
    MDB_val key = {place->key_size, place->key}, value;
    int error = db_calls.cursor_open(purge->writer.txn, purge->store->db.tables[place->table], &cursor);
    if (error)
        return db_fault(purge->fault, error, "read");
    error = db_calls.cursor_get(cursor, &key, &value, place->key_size ? MDB_SET_RANGE : MDB_FIRST);
    if (!error && key.mv_size == place->key_size && memcmp(key.mv_data, place->key, place->key_size) == 0)
        error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT);
    while (!error && place->table != TABLE_HISTORY && key.mv_size == SEGMENT_PIECE_KEY_SIZE) /* seen with its first */
        error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT);
    int there = error ? 0 : 1;
    if (error && error != MDB_NOTFOUND)
        there = db_fault(purge->fault, error, "read");
    if (there > 0 && (key.mv_size > sizeof place->key || db_check(place->table, &key, &value, ret_payload, purge->fault)))
        there = key.mv_size > sizeof place->key ? db_damaged(purge->fault, place->table) : -1;
    if (there > 0)
        memcpy(place->key, key.mv_data, place->key_size = key.mv_size);
    if (there > 0 && place->table != TABLE_HISTORY && put_together(purge, cursor, place, ret_payload))
        there = -1;
    mdb_cursor_close(cursor);
    return there;
}

static int walk(struct purge *purge, enum table table,
                int (*strike)(struct purge *purge, const struct place *place, struct span payload))
{
    struct place place = {.table = table};
    struct span payload;
    int there;
    while ((there = next_value(purge, &place, &payload)) > 0)
        if (strike(purge, &place, payload))
            return -1;
    return there;
}

/* ---- records ---- */

/* The state knows how large a segment is: merges hang on that. */
static void shrink_segment(struct state *state, unsigned segmented, uint32_t number, uint64_t bytes)
{
    for (uint32_t i = 0; i < state->segment_counts[segmented]; i++)
        if (state->segments[segmented][i].number == number)
            state->segments[segmented][i].bytes -= bytes;
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++)
        if (state->merges[segmented][i].output.number == number)
            state->merges[segmented][i].output.bytes -= bytes;
}

/* One record into purge->kept; *ret_struck is set where it differs. */
static int strike_record(struct purge *purge, struct span record, bool *ret_struck)
{
    if (!record.size)
        return 0;
    if (phone_load(&purge->phone, record, purge->fault))
        return -1;
    if (!phone_strike(&purge->phone, purge->closed_before_ms))
        return buffer_add(&purge->kept, record.data, record.size, purge->fault);
    *ret_struck = true;
    char *room = buffer_room(&purge->kept, phone_encoded_max(&purge->phone, 0), purge->fault);
    if (!room)
        return -1;
    purge->kept.size += phone_encode(&purge->phone, NULL, NULL, 0, purge->store->state->forgotten_ms, room);
    return 0;
}

static int strike_chunk(struct purge *purge, const struct place *place, struct span payload)
{
    struct chunk head;
    bool struck = false;
    if (payload.size < sizeof head)
        return db_damaged(purge->fault, place->table);
    memcpy(&head, payload.data, sizeof head);
    size_t index = (size_t)head.count * sizeof(struct chunk_entry);
    if (payload.size - sizeof head < index)
        return db_damaged(purge->fault, place->table);
    const char *records = payload.data + sizeof head + index;
    size_t size = payload.size - sizeof head - index, begin = 0;
    buffer_clear(&purge->kept);
    buffer_clear(&purge->out);
    if (buffer_add(&purge->out, payload.data, sizeof head + index, purge->fault))
        return -1;
    struct chunk_entry *entries = (struct chunk_entry *)(purge->out.data + sizeof head);
    for (uint32_t i = 0; i < head.count; i++) {
        size_t end = entries[i].end;
        if (end < begin || end > size)
            return db_damaged(purge->fault, place->table);
        if (strike_record(purge, (struct span){records + begin, end - begin}, &struck))
            return -1;
        entries[i].end = (uint32_t)purge->kept.size;
        begin = end;
    }
    if (!struck)
        return 0;
    shrink_segment(purge->store->state, place->table == TABLE_OPEN ? SEGMENTED_OPEN : SEGMENTED_CLOSED,
                   db_get_u32(place->key), size - purge->kept.size);
    return buffer_add(&purge->out, purge->kept.data, purge->kept.size, purge->fault) ||
                   put_chunk(purge, place, segment_pieces(payload.size))
               ? -1
               : 0;
}

/* ---- finding a phone ---- */

struct views {
    struct segment_view open, closed;
};

static int open_views(struct purge *purge, MDB_txn *txn, struct views *views)
{
    const struct state *state = purge->store->state;
    *views = (struct views){0};
    return segment_view_open(&views->open, &purge->store->db, txn, TABLE_OPEN, TABLE_COUNT, state->segments[SEGMENTED_OPEN],
                             state->segment_counts[SEGMENTED_OPEN], purge->fault) ||
                   segment_view_open(&views->closed, &purge->store->db, txn, TABLE_CLOSED, TABLE_CLOSED_FILTER,
                                     state->segments[SEGMENTED_CLOSED], state->segment_counts[SEGMENTED_CLOSED],
                                     purge->fault)
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
    if (phone_load(&purge->phone, record, purge->fault))
        return -1;
    uint64_t before = 0, after = 0;
    for (uint32_t i = 0; i < purge->phone.case_count; i++)
        before += case_is_struck(&purge->phone.cases[i]);
    phone_strike(&purge->phone, purge->closed_before_ms);
    for (uint32_t i = 0; i < purge->phone.case_count; i++)
        after += case_is_struck(&purge->phone.cases[i]);
    purge->purged->cases += after - before;
    return 0;
}

/* `hiding`, where given: records that it holds are newer. */
static int count_table(struct purge *purge, struct segment_view *view, struct segment_view *hiding)
{
    struct segment_entry entry;
    if (segment_scan(view, 0, purge->fault))
        return -1;
    while (segment_peek(view, &entry, purge->fault) > 0) {
        struct span newer;
        int hidden = hiding ? segment_find(hiding, entry.hash, entry.sub, &newer, purge->fault) : 0;
        if (hidden < 0 || (!hidden && count_record(purge, entry.record)) || segment_next(view, purge->fault))
            return -1;
    }
    return 0;
}

static int count_cases(struct purge *purge)
{
    MDB_txn *txn;
    struct views views;
    if (store_read_begin(purge->store, &txn, purge->fault))
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
    uint64_t hash = value_phone_hash(number);
    struct span record;
    int there = segment_find(&views->open, hash, number, &record, purge->fault);
    if (there == 0)
        there = segment_find(&views->closed, hash, number, &record, purge->fault);
    purge->phone.case_count = 0;
    return there < 0 || (there && phone_load(&purge->phone, record, purge->fault)) ? -1 : 0;
}

static bool row_is_struck(const struct phone *phone, const struct history_row *row)
{
    return row->case_number >= 1 && row->case_number <= phone->case_count &&
           case_is_struck(&phone->cases[row->case_number - 1]);
}

/* Packs what is kept of a value into purge->out, which stays empty where that is nothing. */
static int keep_rows(struct purge *purge, struct views *views, struct span payload)
{
    struct history_reader *reader = &purge->reader;
    struct history_row row;
    bool first = true, open = false; /* no phone yet; the phone at hand has a row that is kept */
    uint32_t phone = 0;
    int there = history_read(reader, payload) ? 1 : -1;
    while (there > 0 && (there = history_next(reader, &row)) > 0) {
        if (first || row.phone != phone) {
            if ((open && history_end_phone(&purge->packer, purge->fault)) || find_phone(purge, views, row.phone))
                return -1;
            first = open = false;
            phone = row.phone;
        }
        if (row_is_struck(&purge->phone, &row)) {
            purge->purged->entries++;
            continue;
        }
        if ((!purge->out.size && history_begin(&purge->packer, &purge->out, reader->state.base_ms, purge->fault)) ||
            (!open && history_begin_phone(&purge->packer, phone, purge->fault)) ||
            history_add(&purge->packer, &row, purge->fault))
            return -1;
        open = true;
    }
    if (there < 0)
        return db_damaged(purge->fault, TABLE_HISTORY);
    return open ? history_end_phone(&purge->packer, purge->fault) : 0;
}

static int strike_history(struct purge *purge, const struct place *place, struct span payload)
{
    struct views views;
    uint64_t before = purge->purged->entries;
    buffer_clear(&purge->out);
    int failed = open_views(purge, purge->writer.txn, &views) || keep_rows(purge, &views, payload);
    close_views(&views);
    if (failed || purge->purged->entries == before)
        return failed ? -1 : 0;
    if (!purge->out.size)
        return db_delete(&purge->writer, TABLE_HISTORY, place->key, place->key_size, purge->fault);
    return db_put(&purge->writer, TABLE_HISTORY, place->key, place->key_size, purge->out.data, purge->out.size, purge->fault);
}

/* ---- the whole ---- */

static int sweep(struct purge *purge)
{
    if (db_write_begin(&purge->writer, &purge->store->db, TRANSACTION, purge->fault))
        return -1;
    int failed = store_sweep(purge->store, &purge->writer, purge->fault) || db_write_commit(&purge->writer, purge->fault);
    db_write_abort(&purge->writer);
    return failed ? -1 : 0;
}

/* The records come first: by them it is known whose history is to go. */
static int strike(struct purge *purge)
{
    if (db_write_begin(&purge->writer, &purge->store->db, TRANSACTION, purge->fault))
        return -1;
    int failed = walk(purge, TABLE_CLOSED, strike_chunk) || walk(purge, TABLE_OPEN, strike_chunk) ||
                 walk(purge, TABLE_HISTORY, strike_history) ||
                 store_put_state(purge->store->state, &purge->writer, purge->fault) ||
                 db_write_commit(&purge->writer, purge->fault);
    db_write_abort(&purge->writer);
    return failed ? -1 : 0;
}

int purge_go(struct store *store, int64_t closed_before_ms, struct purged *ret_purged, struct fault *fault)
{
    struct purge purge = {.store = store, .fault = fault, .closed_before_ms = closed_before_ms, .purged = ret_purged};
    *ret_purged = (struct purged){0};
    int failed = sweep(&purge) || count_cases(&purge) || strike(&purge) ||
                 store_scrub(store, TRANSACTION, &ret_purged->cleared, fault);
    sys.free(purge.whole);
    buffer_free(&purge.kept);
    buffer_free(&purge.out);
    phone_unload(&purge.phone);
    return failed ? -1 : 0;
}
