/* strike.c - see strike.h. */
#include "tools/strike.h"

#include "engine/sys/sys.h"
#include "tools/phone_load.h"

static bool is_chunked(enum table table)
{
    return table == TABLE_OPEN || table == TABLE_CLOSED || table == TABLE_NOTICES;
}

void strike_free(struct strike *strike)
{
    sys.free(strike->whole);
    buffer_free(&strike->plain);
    buffer_free(&strike->kept);
    buffer_free(&strike->out);
    phone_unload(&strike->phone);
}

int strike_sweep(struct strike *strike)
{
    if (db_write_begin(&strike->writer, &strike->store->db, STRIKE_TRANSACTION, strike->fault))
        return -1;
    int failed = store_sweep(strike->store, &strike->writer, strike->fault) || db_write_commit(&strike->writer, strike->fault);
    db_write_abort(&strike->writer);
    return failed ? -1 : 0;
}

/* A chunk of several pieces, whole. */
static int put_together(struct strike *strike, MDB_cursor *cursor, const struct strike_place *place, struct span *payload)
{
    struct chunk head;
    if (payload->size < sizeof head || place->key_size != SEGMENT_KEY_SIZE)
        return db_damaged(strike->fault, place->table);
    memcpy(&head, payload->data, sizeof head);
    return head.pieces ? segment_put_together(cursor, place->table, place->key, *payload, &strike->whole, &strike->whole_capacity,
                                              payload, strike->fault)
                       : 0;
}

/* Writes the chunk in strike->out over the one that had `pieces` pieces, in one transaction: it has become smaller. */
static int put_chunk(struct strike *strike, const struct strike_place *place, size_t pieces)
{
    const char *bytes = strike->out.data;
    size_t size = strike->out.size, now = segment_pieces(size);
    uint8_t key[SEGMENT_PIECE_KEY_SIZE];
    struct db_writer *writer = &strike->writer;
    struct chunk head;
    memcpy(&head, bytes, sizeof head);
    head.pieces = (uint32_t)now - 1;
    memcpy(strike->out.data, &head, sizeof head);
    memcpy(key, place->key, SEGMENT_KEY_SIZE);
    for (size_t piece = 0; piece < pieces || piece < now; piece++) {
        size_t from = segment_piece_at(piece), end = segment_piece_at(piece + 1);
        db_put_u32(key + SEGMENT_KEY_SIZE, (uint32_t)piece);
        size_t key_size = piece ? sizeof key : SEGMENT_KEY_SIZE;
        if (piece < now ? db_put(writer, place->table, key, key_size, bytes + from, (end < size ? end : size) - from, strike->fault)
                        : db_delete(writer, place->table, key, key_size, strike->fault))
            return -1;
        if (piece == 0) /* the first may begin a new transaction, the others stay in it */
            writer->limit = SIZE_MAX;
    }
    writer->limit = STRIKE_TRANSACTION;
    return 0;
}

int strike_next(struct strike *strike, struct strike_place *place, struct span *ret_payload)
{
    MDB_cursor *cursor;
    MDB_val key = {place->key_size, place->key}, value;
    int error = db_calls.cursor_open(strike->writer.txn, strike->store->db.tables[place->table], &cursor);
    if (error)
        return db_fault(strike->fault, error, "read");
    error = db_calls.cursor_get(cursor, &key, &value, place->key_size ? MDB_SET_RANGE : MDB_FIRST);
    if (!error && key.mv_size == place->key_size && memcmp(key.mv_data, place->key, place->key_size) == 0)
        error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT);
    while (!error && is_chunked(place->table) && key.mv_size == SEGMENT_PIECE_KEY_SIZE) /* seen with its first */
        error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT);
    int there = error ? 0 : 1;
    if (error && error != MDB_NOTFOUND)
        there = db_fault(strike->fault, error, "read");
    if (there > 0 && (key.mv_size > sizeof place->key || db_check(place->table, &key, &value, ret_payload, strike->fault)))
        there = key.mv_size > sizeof place->key ? db_damaged(strike->fault, place->table) : -1;
    if (there > 0)
        memcpy(place->key, key.mv_data, place->key_size = key.mv_size);
    if (there > 0 && is_chunked(place->table) && put_together(strike, cursor, place, ret_payload))
        there = -1;
    mdb_cursor_close(cursor);
    return there;
}

int strike_walk(struct strike *strike, enum table table, strike_value *take, void *context)
{
    struct strike_place place = {.table = table};
    struct span payload;
    int there;
    while ((there = strike_next(strike, &place, &payload)) > 0)
        if (take(strike, &place, payload, context))
            return -1;
    return there;
}

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

int strike_chunk(struct strike *strike, const struct strike_place *place, struct span payload, strike_edit *edit, void *context)
{
    struct chunk head;
    bool struck = false;
    if (payload.size < sizeof head)
        return db_damaged(strike->fault, place->table);
    memcpy(&head, payload.data, sizeof head);
    size_t index = (size_t)head.count * sizeof(struct chunk_entry);
    if (payload.size - sizeof head < index)
        return db_damaged(strike->fault, place->table);
    const char *records = payload.data + sizeof head + index;
    size_t size = payload.size - sizeof head - index, begin = 0;
    buffer_clear(&strike->kept);
    buffer_clear(&strike->out);
    if (buffer_add(&strike->out, payload.data, sizeof head + index, strike->fault))
        return -1;
    struct chunk_entry *entries = (struct chunk_entry *)(strike->out.data + sizeof head);
    for (uint32_t i = 0; i < head.count; i++) {
        size_t end = entries[i].end;
        if (end < begin || end > size)
            return db_damaged(strike->fault, place->table);
        struct chunk_entry entry;
        memcpy(&entry, &entries[i], sizeof entry);
        if (edit(strike, &entry, (struct span){records + begin, end - begin}, &struck, context))
            return -1;
        entries[i].end = (uint32_t)strike->kept.size;
        begin = end;
    }
    if (!struck)
        return 0;
    shrink_segment(strike->store->state, place->table == TABLE_OPEN ? SEGMENTED_OPEN : SEGMENTED_CLOSED,
                   db_get_u32(place->key), size - strike->kept.size);
    return buffer_add(&strike->out, strike->kept.data, strike->kept.size, strike->fault) ||
                   put_chunk(strike, place, segment_pieces(payload.size))
               ? -1
               : 0;
}

int strike_put_out(struct strike *strike, const struct strike_place *place)
{
    return strike->out.size ? db_put(&strike->writer, place->table, place->key, place->key_size, strike->out.data, strike->out.size,
                                     strike->fault)
                            : db_delete(&strike->writer, place->table, place->key, place->key_size, strike->fault);
}
