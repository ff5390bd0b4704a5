/* history.c - see history.h, where the bytes are drawn. */
#include "store/history.h"

#include "engine/apply.h"
#include "engine/check.h"
#include "engine/pack.h"
#include "engine/values.h"
#include "engine/words.h"

#include <assert.h>
#include <string.h>

#define END_OF_PHONE 0xff
#define ONE_CASE 0x10 /* flags beside the step: the case is the phone's first */
#define HAS_DETAIL 0x20
#define HAS_IDENTITY 0x40
#define HAS_PLACE 0x80
#define NO_HEAD 0
#define NEW_HEAD 15
#define HEAD_MAX 32 /* an operator's code */
#define SHARED_MIN 4
#define ROW_SIZE_MAX 96 /* without its tail's bytes */

#define SHARED PACK_OTHER

static_assert(STEP_COUNT <= 16, "a step has four bits");

/* ---- times ---- */

/* Zigzag; the lowest bit tells milliseconds from seconds. */
static char *put_since(char *out, int64_t ms)
{
    bool whole = ms % 1000 == 0;
    return pack_number(out, pack_zigzag(whole ? ms / 1000 : ms) << 1 | !whole);
}

static bool get_since(struct history_reader *reader, int64_t *ret_ms)
{
    uint64_t number;
    return unpack_number(&reader->at, reader->end, &number) &&
           !__builtin_mul_overflow(unpack_zigzag(number >> 1), number & 1 ? 1 : 1000, ret_ms);
}

static bool is_time(int64_t ms)
{
    return ms >= -HISTORY_MS_MAX - 1 && ms <= HISTORY_MS_MAX;
}

/* ---- tails ---- */

static void keep_tail(struct history_state *state, struct span tail)
{
    state->tail_size = tail.size <= HISTORY_TAIL_KEPT ? (uint32_t)tail.size : 0;
    if (state->tail_size)
        memcpy(state->tail, tail.data, state->tail_size);
}

static char *put_tail(struct history_state *state, struct span tail, char *out)
{
    char packed[PACK_ID_MAX / 2];
    size_t shared = 0;
    enum pack_form form = pack_id(tail.data, tail.size, packed);
    if (form == PACK_RAW) {
        while (shared < state->tail_size && shared < tail.size && state->tail[shared] == tail.data[shared])
            shared++;
        if (shared < SHARED_MIN)
            shared = 0;
        out = pack_number(out, tail.size << 2 | (shared ? SHARED : PACK_RAW));
        if (shared)
            *out++ = (char)shared;
        out = mempcpy(out, tail.data + shared, tail.size - shared);
    } else {
        out = pack_number(out, tail.size << 2 | form);
        out = mempcpy(out, packed, pack_id_bytes(form, tail.size));
    }
    keep_tail(state, tail);
    return out;
}

static bool get_tail(struct history_reader *reader, struct span *ret_tail)
{
    uint64_t number;
    if (!unpack_number(&reader->at, reader->end, &number) || number >> 2 > HISTORY_IDENTITY_MAX)
        return false;
    size_t size = number >> 2, shared = 0;
    enum pack_form form = number & 3;
    if (form == SHARED) {
        if (reader->at == reader->end)
            return false;
        shared = (uint8_t)*reader->at++;
    }
    if (shared > size || shared > reader->state.tail_size || (form == PACK_UUID && size != PACK_UUID_SIZE))
        return false;
    size_t bytes = pack_id_bytes(form, size - shared);
    if ((size_t)(reader->end - reader->at) < bytes)
        return false;
    *ret_tail = (struct span){form == PACK_RAW ? reader->at : reader->tail, size};
    if (form == SHARED) {
        memcpy(reader->tail, reader->state.tail, shared);
        memcpy(reader->tail + shared, reader->at, bytes);
    } else if (form != PACK_RAW) {
        unpack_id(form, reader->at, size, reader->tail);
    }
    reader->at += bytes;
    keep_tail(&reader->state, *ret_tail);
    return true;
}

/* ---- heads ---- */

static char *put_head(struct history_packer *packer, struct span head, char *out)
{
    struct history_state *state = &packer->state;
    CHECK(head.size <= HEAD_MAX);
    if (!head.size) {
        *out++ = NO_HEAD;
        return out;
    }
    for (uint32_t i = 0; i < state->head_count; i++) {
        if (span_equal(state->heads[i], head)) {
            *out++ = (char)(i + 1);
            return out;
        }
    }
    *out++ = NEW_HEAD;
    *out++ = (char)head.size;
    memcpy(out, head.data, head.size);
    if (state->head_count < HISTORY_HEADS) {
        char *own = packer->head_bytes + state->head_count * HEAD_MAX;
        memcpy(own, head.data, head.size);
        state->heads[state->head_count++] = (struct span){own, head.size};
    }
    return out + head.size;
}

static bool get_head(struct history_reader *reader, struct span *ret_head)
{
    struct history_state *state = &reader->state;
    if (reader->at == reader->end)
        return false;
    unsigned which = (uint8_t)*reader->at++;
    if (which == NO_HEAD)
        return true;
    if (which != NEW_HEAD) {
        if (which > state->head_count)
            return false;
        *ret_head = state->heads[which - 1];
        return true;
    }
    uint64_t size;
    if (!unpack_number(&reader->at, reader->end, &size) || !size || size > HEAD_MAX ||
        (size_t)(reader->end - reader->at) < size)
        return false;
    *ret_head = (struct span){reader->at, size};
    reader->at += size;
    if (state->head_count < HISTORY_HEADS)
        state->heads[state->head_count++] = *ret_head;
    return true;
}

/* ---- writing ---- */

int history_begin(struct history_packer *packer, struct buffer *out, int64_t base_ms, struct fault *fault)
{
    packer->out = out;
    packer->state.base_ms = base_ms;
    packer->state.head_count = packer->state.tail_size = 0;
    return buffer_add(out, &base_ms, sizeof base_ms, fault);
}

int history_begin_phone(struct history_packer *packer, uint32_t phone, struct fault *fault)
{
    packer->state.last_ms = packer->state.base_ms;
    return buffer_add(packer->out, &phone, sizeof phone, fault);
}

int history_add(struct history_packer *packer, const struct history_row *row, struct fault *fault)
{
    struct history_state *state = &packer->state;
    char *begin = buffer_room(packer->out, ROW_SIZE_MAX + row->tail.size, fault), *out = begin;
    if (!begin)
        return -1;
    bool has_identity = row->head.size || row->tail.size;
    CHECK(row->event < 15 && row->result < 16 && row->step < 16);
    *out++ = (char)(row->event | row->result << 4);
    *out++ = (char)(row->step | (row->case_number == 1 ? ONE_CASE : 0) | (row->detail ? HAS_DETAIL : 0) |
                    (has_identity ? HAS_IDENTITY : 0) | (row->line ? HAS_PLACE : 0));
    if (row->case_number != 1)
        out = pack_number(out, row->case_number);
    if (row->detail)
        *out++ = (char)row->detail;
    out = put_since(out, row->at_ms - state->last_ms);
    state->last_ms = row->at_ms;
    if (has_identity)
        out = put_tail(state, row->tail, put_head(packer, row->head, out));
    if (row->line)
        out = pack_number(pack_number(out, row->file), row->line);
    packer->out->size += (size_t)(out - begin);
    return 0;
}

int history_end_phone(struct history_packer *packer, struct fault *fault)
{
    static const uint8_t end = END_OF_PHONE;
    return buffer_add(packer->out, &end, 1, fault);
}

/* ---- reading ---- */

bool history_read(struct history_reader *reader, struct span value)
{
    reader->at = value.data;
    reader->end = value.data + value.size;
    reader->in_phone = false;
    reader->state.head_count = reader->state.tail_size = 0;
    if (value.size < sizeof reader->state.base_ms)
        return false;
    memcpy(&reader->state.base_ms, value.data, sizeof reader->state.base_ms);
    reader->at += sizeof reader->state.base_ms;
    return is_time(reader->state.base_ms);
}

/* What whoever reads a row takes for granted. */
static bool is_sound(const struct history_row *row)
{
    return row->event < HISTORY_EVENT_COUNT && row->result < RESULT_COUNT && row->step < STEP_COUNT && row->case_number &&
           row->head.size + (row->head.size > 0) + row->tail.size <= HISTORY_IDENTITY_MAX;
}

static bool get_row(struct history_reader *reader, struct history_row *row)
{
    struct history_state *state = &reader->state;
    uint8_t first = (uint8_t)*reader->at++;
    if (reader->at == reader->end)
        return false;
    uint8_t second = (uint8_t)*reader->at++;
    uint64_t number = 1;
    int64_t since;
    *row = (struct history_row){
        .phone = reader->phone, .event = first & 15, .result = first >> 4, .step = second & 15};
    if (!(second & ONE_CASE) && (!unpack_number(&reader->at, reader->end, &number) || number > UINT32_MAX))
        return false;
    row->case_number = (uint32_t)number;
    if (second & HAS_DETAIL) {
        if (reader->at == reader->end)
            return false;
        row->detail = (uint8_t)*reader->at++;
    }
    if (!get_since(reader, &since) || __builtin_add_overflow(state->last_ms, since, &row->at_ms) || !is_time(row->at_ms))
        return false;
    state->last_ms = row->at_ms;
    if (second & HAS_IDENTITY && (!get_head(reader, &row->head) || !get_tail(reader, &row->tail)))
        return false;
    if (second & HAS_PLACE && (!unpack_number(&reader->at, reader->end, &row->file) ||
                               !unpack_number(&reader->at, reader->end, &row->line) || !row->line))
        return false;
    return is_sound(row);
}

int history_next(struct history_reader *reader, struct history_row *ret_row)
{
    if (reader->in_phone && reader->at < reader->end && (uint8_t)*reader->at == END_OF_PHONE) {
        reader->at++;
        reader->in_phone = false;
    }
    if (reader->at == reader->end)
        return reader->in_phone ? -1 : 0;
    if (!reader->in_phone) {
        if ((size_t)(reader->end - reader->at) <= sizeof reader->phone)
            return -1;
        memcpy(&reader->phone, reader->at, sizeof reader->phone);
        reader->at += sizeof reader->phone;
        reader->in_phone = true;
        reader->state.last_ms = reader->state.base_ms;
        if ((uint8_t)*reader->at == END_OF_PHONE || reader->phone > VALUE_PHONE_MAX) /* a phone has a row */
            return -1;
    }
    return get_row(reader, ret_row) ? 1 : -1;
}

size_t history_identity(const struct history_row *row, char *out)
{
    size_t size = row->head.size;
    if (size) {
        memcpy(out, row->head.data, size);
        out[size++] = ':';
    }
    if (row->tail.size)
        memcpy(out + size, row->tail.data, row->tail.size);
    return size + row->tail.size;
}

/* ---- in the store ---- */

static int found(int error, struct fault *fault)
{
    return error == MDB_NOTFOUND ? 1 : error ? db_fault(fault, error, "read") : 0;
}

static void first_key(uint32_t run, uint64_t hash, uint8_t out[12])
{
    db_put_u32(out, run);
    db_put_u64(out + 4, hash);
}

int history_seek(MDB_cursor *cursor, uint32_t run, uint64_t hash, MDB_val *ret_key, MDB_val *ret_value, bool *ret_own,
                 struct fault *fault)
{
    uint8_t wanted[12];
    first_key(run, hash, wanted);
    int error = db_cursor_at_most(cursor, TABLE_HISTORY, wanted, sizeof wanted, ret_key, ret_value);
    *ret_own = !error && ret_key->mv_size == sizeof wanted && memcmp(ret_key->mv_data, wanted, sizeof wanted) == 0;
    return !error && db_get_u32(ret_key->mv_data) != run ? 1 : found(error, fault);
}

int history_seek_on(MDB_cursor *cursor, uint32_t run, uint64_t hash, MDB_val *ret_key, MDB_val *ret_value, struct fault *fault)
{
    uint8_t wanted[12];
    first_key(run, hash, wanted);
    int error = db_cursor_get(cursor, TABLE_HISTORY, ret_key, ret_value, MDB_NEXT);
    bool mine = !error && ret_key->mv_size > sizeof wanted && memcmp(ret_key->mv_data, wanted, sizeof wanted) == 0;
    return !error && !mine ? 1 : found(error, fault);
}

static int take_value(struct span payload, uint32_t run, uint32_t phone, struct history_reader *reader, history_take *take, void *context,
                      struct fault *fault)
{
    struct history_row row;
    int there = history_read(reader, payload) ? 1 : -1;
    while (there > 0 && (there = history_next(reader, &row)) > 0)
        if (row.phone == phone && take(run, &row, context))
            return -1;
    return there < 0 ? db_damaged(fault, TABLE_HISTORY) : 0;
}

int history_of_phone(const struct db *db, MDB_txn *txn, uint32_t run, uint32_t phone, uint64_t hash, struct history_reader *reader,
                     history_take *take, void *context, struct fault *fault)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    bool own;
    int error = db_calls.cursor_open(txn, db->tables[TABLE_HISTORY], &cursor);
    if (error)
        return db_fault(fault, error, "read");
    int there = history_seek(cursor, run, hash, &key, &value, &own, fault);
    while (there == 0) {
        struct span payload;
        if (db_check(TABLE_HISTORY, &key, &value, &payload, fault) ||
            take_value(payload, run, phone, reader, take, context, fault))
            there = -1;
        else
            there = own ? history_seek_on(cursor, run, hash, &key, &value, fault) : 1;
    }
    mdb_cursor_close(cursor);
    return there < 0 ? -1 : 0;
}
