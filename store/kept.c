/* kept.c - see kept.h. */
#include "store/kept.h"

#include <zstd.h>
#include <zstd_errors.h>

void kept_key(uint32_t run, uint16_t file, uint32_t block, uint8_t out[KEPT_KEY_SIZE])
{
    db_put_u32(out, run);
    db_put_u16(out + 4, file);
    db_put_u32(out + 6, block);
}

void *kept_packer(void)
{
    static const struct {
        ZSTD_cParameter parameter;
        int value;
    } PARAMETERS[] = {{ZSTD_c_compressionLevel, -7}, {ZSTD_c_windowLog, 18}, {ZSTD_c_hashLog, 13}, {ZSTD_c_minMatch, 7}};
    ZSTD_CCtx *packer = ZSTD_createCCtx();
    for (size_t i = 0; packer && i < sizeof PARAMETERS / sizeof *PARAMETERS; i++)
        (void)ZSTD_CCtx_setParameter(packer, PARAMETERS[i].parameter, PARAMETERS[i].value);
    return packer;
}

void kept_packer_free(void *packer)
{
    ZSTD_freeCCtx(packer);
}

int kept_pack(void *packer, struct span name, const char *data, size_t size, struct buffer *out, struct fault *fault)
{
    uint8_t name_size = (uint8_t)name.size;
    if (name.size && (buffer_add(out, &name_size, 1, fault) || buffer_add(out, name.data, name.size, fault)))
        return -1;
    size_t bound = ZSTD_compressBound(size);
    char *room = buffer_room(out, bound, fault);
    if (!room)
        return -1;
    size_t packed = ZSTD_compress2(packer, room, bound, data, size);
    if (ZSTD_isError(packed)) /* there is room for whatever comes out: nothing else can fail */
        return fault_memory(fault);
    out->size += packed;
    return 0;
}

static int unpack(enum table table, struct span payload, struct buffer *plain, struct fault *fault)
{
    unsigned long long size = ZSTD_getFrameContentSize(payload.data, payload.size);
    buffer_clear(plain);
    if (size > UINT32_MAX)
        return db_damaged(fault, table);
    char *room = buffer_room(plain, size + 1, fault);
    if (!room)
        return -1;
    size_t got = ZSTD_decompress(room, size, payload.data, payload.size);
    if (ZSTD_isError(got) && ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation)
        return fault_memory(fault);
    if (got != size)
        return db_damaged(fault, table);
    plain->size = size;
    return 0;
}

int kept_unpack(bool first, struct span payload, struct span *ret_name, struct buffer *plain, struct fault *fault)
{
    *ret_name = (struct span){NULL, 0};
    if (first) {
        size_t size = payload.size ? (uint8_t)payload.data[0] : 0;
        if (!size || payload.size <= size)
            return db_damaged(fault, TABLE_FOLDERS);
        *ret_name = (struct span){payload.data + 1, size};
        payload = (struct span){payload.data + 1 + size, payload.size - 1 - size};
    }
    return unpack(TABLE_FOLDERS, payload, plain, fault);
}

int kept_folder(const struct db *db, MDB_txn *txn, uint32_t run, kept_take *take, void *context, struct fault *fault)
{
    MDB_cursor *cursor;
    uint8_t from[KEPT_KEY_SIZE];
    kept_key(run, 0, 0, from);
    MDB_val key = {sizeof from, from}, value;
    int error = db_calls.cursor_open(txn, db->tables[TABLE_FOLDERS], &cursor), failed = 0;
    if (error)
        return db_fault(fault, error, "read");
    struct buffer plain = {0};
    uint32_t file = UINT32_MAX, block = 0;
    bool any = false;
    for (error = db_cursor_get(cursor, TABLE_FOLDERS, &key, &value, MDB_SET_RANGE); !error && !failed;
         error = db_cursor_get(cursor, TABLE_FOLDERS, &key, &value, MDB_NEXT)) {
        const uint8_t *bytes = key.mv_data;
        uint32_t now = (uint32_t)bytes[4] << 8 | bytes[5];
        if (db_get_u32(bytes) != run)
            break;
        block = now == file ? block + 1 : 0;
        file = now;
        any = true;
        struct span payload, name;
        if (db_get_u32(bytes + 6) != block)
            failed = db_damaged(fault, TABLE_FOLDERS);
        failed = failed || db_check(TABLE_FOLDERS, &key, &value, &payload, fault) ||
                 kept_unpack(block == 0, payload, &name, &plain, fault) ||
                 take(name, file, block, (struct span){plain.data, plain.size}, context);
    }
    buffer_free(&plain);
    mdb_cursor_close(cursor);
    if (!failed && error && error != MDB_NOTFOUND)
        failed = db_fault(fault, error, "read");
    return failed ? -1 : any ? 0 : 1;
}

int kept_first(const struct store *store, MDB_txn *txn, uint32_t *ret_run, struct fault *fault)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    uint32_t last = store->state->run, keep = store->settings.keep_runs;
    *ret_run = 0;
    int error = db_calls.cursor_open(txn, store->db.tables[TABLE_FOLDERS], &cursor);
    if (error)
        return db_fault(fault, error, "read");
    error = db_cursor_get(cursor, TABLE_FOLDERS, &key, &value, MDB_FIRST);
    if (!error && db_get_u32(key.mv_data) <= last)
        *ret_run = db_get_u32(key.mv_data);
    mdb_cursor_close(cursor);
    if (*ret_run && last > keep && *ret_run < last - keep + 1) /* the setting was lowered since */
        *ret_run = last - keep + 1;
    return error && error != MDB_NOTFOUND ? db_fault(fault, error, "read") : 0;
}

int kept_input(const struct db *db, MDB_txn *txn, uint32_t run, uint64_t number, struct buffer *plain, struct kept_input *ret_input,
               struct span *ret_name, struct fault *fault)
{
    MDB_cursor *cursor;
    uint8_t wanted[KEPT_INPUTS_KEY_SIZE];
    db_put_u32(wanted, run);
    db_put_u32(wanted + 4, (uint32_t)number);
    MDB_val key, value;
    int error = db_calls.cursor_open(txn, db->tables[TABLE_INPUTS], &cursor);
    if (error)
        return db_fault(fault, error, "read");
    error = db_cursor_at_most(cursor, TABLE_INPUTS, wanted, sizeof wanted, &key, &value); /* a value holds many */
    struct span payload;
    int there = 1;
    if (!error && db_get_u32(key.mv_data) == run)
        there = db_check(TABLE_INPUTS, &key, &value, &payload, fault) || unpack(TABLE_INPUTS, payload, plain, fault) ? -1 : 0;
    else if (error && error != MDB_NOTFOUND)
        there = db_fault(fault, error, "read");
    uint64_t at_number = there ? 0 : db_get_u32((const uint8_t *)key.mv_data + 4);
    mdb_cursor_close(cursor);
    for (size_t at = 0; !there; at_number++) {
        if (plain->size - at < sizeof *ret_input)
            return plain->size == at ? 1 : db_damaged(fault, TABLE_INPUTS);
        memcpy(ret_input, plain->data + at, sizeof *ret_input);
        at += sizeof *ret_input;
        if (plain->size - at < ret_input->name_size)
            return db_damaged(fault, TABLE_INPUTS);
        *ret_name = (struct span){plain->data + at, ret_input->name_size};
        at += ret_input->name_size;
        if (at_number == number)
            return 0;
    }
    return there;
}
