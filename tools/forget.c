/* forget.c - see forget.h. */
#include "tools/forget.h"

#include "engine/values.h"
#include "store/blobs.h"
#include "store/history.h"
#include "store/queues.h"
#include "store/scrub.h"
#include "tools/phone_load.h"
#include "tools/strike.h"

#define REBUILT_MAX 4096 /* entries of the newest closed segment that is written anew rather than followed by another */

struct forget {
    struct strike strike;
    uint32_t phone;
    uint64_t hash;
    bool gone; /* from the table at hand: its record becomes an empty one */
    struct buffer closed; /* the record that is to stand among the closed, of a phone that stood open */
    struct forgotten *forgotten;
    struct history_reader reader;
    struct history_packer packer;
};

/* ---- the phone's record, in whatever segments it stands ---- */

static int put_forgotten(struct forget *forget, struct buffer *out)
{
    struct strike *strike = &forget->strike;
    char *room = buffer_room(out, phone_encoded_max(&strike->phone, 0), strike->fault);
    if (!room)
        return -1;
    out->size += phone_encode(&strike->phone, NULL, NULL, 0, strike->store->state->forgotten_ms, room);
    return 0;
}

static int edit(struct strike *strike, const struct chunk_entry *entry, struct span record, bool *ret_changed, void *context)
{
    struct forget *forget = context;
    if (entry->hash != forget->hash || entry->sub != forget->phone || !record.size)
        return buffer_add(&strike->kept, record.data, record.size, strike->fault);
    *ret_changed = true;
    if (forget->gone)
        return 0;
    if (phone_load(&strike->phone, record, strike->fault))
        return -1;
    (void)phone_forget(&strike->phone, strike->store->state->as_of_ms);
    return put_forgotten(forget, &strike->kept);
}

/* The chunk of a segment that would hold the phone, if any. */
static int strike_segment(struct forget *forget, enum table table, uint32_t number)
{
    struct strike *strike = &forget->strike;
    struct strike_place place = {.table = table};
    MDB_cursor *cursor;
    MDB_val key, value;
    db_put_u32(place.key, number);
    db_put_u64(place.key + 4, forget->hash);
    int error = db_calls.cursor_open(strike->writer.txn, strike->store->db.tables[table], &cursor);
    if (error)
        return db_fault(strike->fault, error, "read");
    error = db_cursor_at_most(cursor, table, place.key, SEGMENT_KEY_SIZE, &key, &value);
    while (!error && key.mv_size != SEGMENT_KEY_SIZE) /* a piece of it */
        error = db_cursor_get(cursor, table, &key, &value, MDB_PREV);
    bool mine = !error && db_get_u32(key.mv_data) == number;
    struct span payload;
    struct chunk head;
    int failed = error && error != MDB_NOTFOUND ? db_fault(strike->fault, error, "read") : 0;
    if (mine) {
        memcpy(place.key, key.mv_data, place.key_size = SEGMENT_KEY_SIZE);
        failed = db_check(table, &key, &value, &payload, strike->fault);
        if (!failed && payload.size < sizeof head)
            failed = db_damaged(strike->fault, table);
        if (!failed)
            memcpy(&head, payload.data, sizeof head);
        if (!failed && head.pieces)
            failed = segment_put_together(cursor, table, place.key, payload, &strike->whole, &strike->whole_capacity, &payload,
                                          strike->fault);
    }
    mdb_cursor_close(cursor);
    return failed || (mine && strike_chunk(strike, &place, payload, edit, forget)) ? -1 : 0;
}

static int strike_table(struct forget *forget, unsigned segmented, enum table table)
{
    const struct state *state = forget->strike.store->state;
    forget->gone = table == TABLE_OPEN;
    for (uint32_t i = 0; i < state->segment_counts[segmented]; i++)
        if (strike_segment(forget, table, state->segments[segmented][i].number))
            return -1;
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++)
        if (strike_segment(forget, table, state->merges[segmented][i].output.number))
            return -1;
    return 0;
}

/* ---- from open to closed ---- */

static int add_entry(struct segment_builder *builder, uint64_t hash, uint32_t sub, struct span record, struct fault *fault)
{
    char *room = segment_room(builder, record.size, fault);
    if (!room)
        return -1;
    memcpy(room, record.data, record.size);
    return segment_add(builder, hash, sub, record.size, fault);
}

/* All of a segment, or of none, with the phone's record in its place. */
static int build(struct forget *forget, struct segment_builder *builder, struct segment_view *view)
{
    struct fault *fault = forget->strike.fault;
    struct span record = {forget->closed.data, forget->closed.size};
    struct segment_entry entry;
    bool added = false;
    while (view && segment_peek(view, &entry)) {
        bool mine = entry.hash == forget->hash && entry.sub == forget->phone;
        bool behind = entry.hash > forget->hash || (entry.hash == forget->hash && entry.sub > forget->phone);
        if (!added && behind && add_entry(builder, forget->hash, forget->phone, record, fault))
            return -1;
        added |= behind;
        if ((!mine && add_entry(builder, entry.hash, entry.sub, entry.record, fault)) || segment_next(view, fault))
            return -1;
    }
    return (!added && add_entry(builder, forget->hash, forget->phone, record, fault)) || segment_end(builder, fault) ? -1 : 0;
}

static bool is_merged(const struct state *state, uint32_t number)
{
    for (uint32_t i = 0; i < state->merge_counts[SEGMENTED_CLOSED]; i++) {
        const struct merge *merge = &state->merges[SEGMENTED_CLOSED][i];
        uint32_t place = 0;
        while (state->segments[SEGMENTED_CLOSED][place].number != merge->first)
            place++;
        for (uint32_t j = 0; j < merge->inputs; j++)
            if (state->segments[SEGMENTED_CLOSED][place + j].number == number)
                return true;
    }
    return false;
}

/* A small newest segment is written anew with the phone in it, else one of its own follows it. */
static int add_closed(struct forget *forget)
{
    struct strike *strike = &forget->strike;
    struct state *state = strike->store->state;
    uint32_t *count = &state->segment_counts[SEGMENTED_CLOSED];
    struct segment *newest = *count ? &state->segments[SEGMENTED_CLOSED][*count - 1] : NULL;
    bool anew = newest && newest->entries <= REBUILT_MAX && !is_merged(state, newest->number);
    if (!anew && *count >= STORE_SEGMENTS_MAX - 2)
        return fault_set(strike->fault, FAULT_FAILED, "the store has many segments to merge: give besik run, then the command again");
    struct segment_view view = {0};
    struct segment_builder builder = {0};
    struct blobs blobs = {0};
    struct segment segment = {.number = state->next_segment, .marks_ms = state->as_of_ms + DAY_MS};
    if (anew && newest->marks_ms > segment.marks_ms)
        segment.marks_ms = newest->marks_ms;
    int failed = segment_build(&builder, TABLE_CLOSED, TABLE_CLOSED_FILTER, strike->fault) ||
                 (anew && (segment_view_open(&view, &strike->store->db, strike->writer.txn, TABLE_CLOSED, TABLE_COUNT, newest, 1,
                                             strike->fault) ||
                           segment_scan(&view, 0, strike->fault)));
    if (!failed) {
        segment_begin(&builder, segment.number, &blobs);
        failed = build(forget, &builder, anew ? &view : NULL);
    }
    segment_view_close(&view);
    failed = failed || blobs_write(&blobs, &strike->writer, strike->fault);
    if (!failed) {
        state->next_segment++;
        segment.entries = builder.entries_total;
        segment.bytes = builder.bytes_total;
        state->segments[SEGMENTED_CLOSED][anew ? *count - 1 : (*count)++] = segment;
    }
    segment_builder_free(&builder);
    blobs_free(&blobs);
    return failed ? -1 : 0;
}

/* ---- what stands of the phone now ---- */

static int find_phone(struct forget *forget, bool *ret_open)
{
    struct strike *strike = &forget->strike;
    const struct state *state = strike->store->state;
    struct segment_view open = {0}, closed = {0};
    const struct db *db = &strike->store->db;
    MDB_txn *txn = strike->writer.txn;
    int there = segment_view_live(&open, db, txn, state, SEGMENTED_OPEN, strike->fault) ||
                        segment_view_live(&closed, db, txn, state, SEGMENTED_CLOSED, strike->fault)
                    ? -1
                    : phone_find(&strike->phone, &open, &closed, forget->phone, ret_open, strike->fault);
    if (there > 0) { /* while the record stands */
        struct counts *totals = &strike->store->state->totals;
        phone_count(&strike->phone, -1, totals);
        forget->forgotten->cases += strike->phone.case_count;
        forget->forgotten->closed += phone_forget(&strike->phone, state->as_of_ms);
        phone_count(&strike->phone, 1, totals);
        there = *ret_open && put_forgotten(forget, &forget->closed) ? -1 : there;
    }
    segment_view_close(&open);
    segment_view_close(&closed);
    return there < 0 ? -1 : 0;
}

/* ---- queues and history ---- */

static int strike_awaited(struct strike *strike, const struct strike_place *place, struct span payload, void *context)
{
    const struct forget *forget = context;
    buffer_clear(&strike->out);
    if (!queue_awaited_is_sound(payload))
        return db_damaged(strike->fault, TABLE_AWAITED);
    for (size_t at = 0; at < payload.size; at += sizeof(struct awaited_entry)) {
        struct awaited_entry entry;
        memcpy(&entry, payload.data + at, sizeof entry);
        if (entry.phone != forget->phone && buffer_add(&strike->out, &entry, sizeof entry, strike->fault))
            return -1;
    }
    return strike->out.size == payload.size ? 0 : strike_put_out(strike, place);
}

/* Of a value all but the phone's rows is packed into strike->out. */
static int keep_rows(struct forget *forget, struct span payload)
{
    struct strike *strike = &forget->strike;
    struct history_reader *reader = &forget->reader;
    struct history_row row;
    bool open = false;
    uint32_t phone = 0;
    int there = history_read(reader, payload) ? 1 : -1;
    while (there > 0 && (there = history_next(reader, &row)) > 0) {
        if (row.phone == forget->phone) {
            forget->forgotten->entries++;
            continue;
        }
        bool next = open && row.phone != phone;
        if ((next && history_end_phone(&forget->packer, strike->fault)) ||
            (!strike->out.size && history_begin(&forget->packer, &strike->out, reader->state.base_ms, strike->fault)) ||
            ((next || !open) && history_begin_phone(&forget->packer, row.phone, strike->fault)) ||
            history_add(&forget->packer, &row, strike->fault))
            return -1;
        open = true;
        phone = row.phone;
    }
    if (there < 0)
        return db_damaged(strike->fault, TABLE_HISTORY);
    return open ? history_end_phone(&forget->packer, strike->fault) : 0;
}

static int strike_history(struct forget *forget, const struct strike_place *place)
{
    struct strike *strike = &forget->strike;
    struct span payload;
    uint64_t before = forget->forgotten->entries;
    buffer_clear(&strike->out);
    int there = db_get(&strike->store->db, strike->writer.txn, TABLE_HISTORY, place->key, place->key_size, &payload, strike->fault);
    if (there || keep_rows(forget, payload))
        return there > 0 ? 0 : -1;
    return forget->forgotten->entries == before ? 0 : strike_put_out(strike, place);
}

/* Keys first: what is put may begin a new transaction. */
static int strike_histories(struct forget *forget)
{
    struct strike *strike = &forget->strike;
    struct buffer places = {0};
    MDB_cursor *cursor;
    int error = db_calls.cursor_open(strike->writer.txn, strike->store->db.tables[TABLE_HISTORY], &cursor), failed = 0;
    if (error)
        return db_fault(strike->fault, error, "read");
    for (uint32_t run = 1; run <= strike->store->state->run && !failed; run++) {
        MDB_val key, value;
        bool own;
        int there = history_seek(cursor, run, forget->hash, &key, &value, &own, strike->fault);
        while (there == 0) {
            struct strike_place place = {.table = TABLE_HISTORY, .key_size = key.mv_size};
            memcpy(place.key, key.mv_data, key.mv_size);
            there = buffer_add(&places, &place, sizeof place, strike->fault) ? -1
                    : own ? history_seek_on(cursor, run, forget->hash, &key, &value, strike->fault)
                          : 1;
        }
        failed = there < 0;
    }
    mdb_cursor_close(cursor);
    const struct strike_place *place = (const struct strike_place *)places.data;
    for (size_t i = 0; i < places.size / sizeof *place && !failed; i++)
        failed = strike_history(forget, &place[i]);
    buffer_free(&places);
    return failed ? -1 : 0;
}

/* ---- the whole ---- */

/* The record, the queue and the state in one transaction; what follows can be given again on its own. */
static int strike_all(struct forget *forget)
{
    struct strike *strike = &forget->strike;
    bool open;
    if (db_write_begin(&strike->writer, &strike->store->db, SIZE_MAX, strike->fault))
        return -1;
    int failed = find_phone(forget, &open) || strike_table(forget, SEGMENTED_OPEN, TABLE_OPEN) ||
                 strike_table(forget, SEGMENTED_CLOSED, TABLE_CLOSED) || (open && add_closed(forget)) ||
                 strike_walk(strike, TABLE_AWAITED, strike_awaited, forget) ||
                 store_put_state(strike->store->state, &strike->writer, strike->fault) || db_write_commit(&strike->writer, strike->fault);
    db_write_abort(&strike->writer);
    if (failed || db_write_begin(&strike->writer, &strike->store->db, STRIKE_TRANSACTION, strike->fault))
        return -1;
    failed = strike_histories(forget) || forget_folders(strike, forget->phone, &forget->forgotten->rows) ||
             db_write_commit(&strike->writer, strike->fault);
    db_write_abort(&strike->writer);
    return failed ? -1 : 0;
}

static int forget_phone(struct store *store, uint32_t phone, struct forgotten *forgotten, struct fault *fault)
{
    struct forget forget = {.strike = {.store = store, .fault = fault, .phone.number = phone}, .phone = phone,
                            .hash = value_phone_hash(phone), .forgotten = forgotten};
    int failed = strike_all(&forget) || strike_sweep(&forget.strike);
    buffer_free(&forget.closed);
    strike_free(&forget.strike);
    return failed ? -1 : 0;
}

int forget_go(struct store *store, const uint32_t *phones, size_t count, struct forgotten *ret_forgotten, struct fault *fault)
{
    struct strike strike = {.store = store, .fault = fault};
    *ret_forgotten = (struct forgotten){.phones = count};
    int failed = strike_sweep(&strike); /* what a run, or a forget that was cut, left */
    strike_free(&strike);
    if (failed)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (forget_phone(store, phones[i], ret_forgotten, fault))
            return -1;
    return store_scrub(store, STRIKE_TRANSACTION, &ret_forgotten->cleared, fault);
}
