/* fake_db.h - a store's tables in memory, as hostile as an input makes them: keys and values of any bytes, each in a block of
 * its own so that a read behind it is seen, their checksums right, so that our own readers get to see them. */
#ifndef FUZZ_FAKE_DB_H
#define FUZZ_FAKE_DB_H

#include "engine/check.h"
#include "store/db.h"

#define FAKE_MAX 256

struct fake_value {
    unsigned table;
    uint8_t *key;
    char *value; /* with its checksum */
    size_t key_size, size;
};
static struct fake_value fake_values[FAKE_MAX]; /* by table and key */
static unsigned fake_count;

struct fake_cursor {
    unsigned table;
    int at;
    bool deleted; /* `at` is the one behind what was deleted */
};

static int fake_order(const struct fake_value *value, unsigned table, const void *key, size_t key_size)
{
    if (value->table != table)
        return value->table < table ? -1 : 1;
    size_t size = value->key_size < key_size ? value->key_size : key_size;
    int order = memcmp(value->key, key, size);
    return order ? order : (value->key_size > key_size) - (value->key_size < key_size);
}

/* The first that is not before the key. */
static int fake_place(unsigned table, const void *key, size_t key_size)
{
    int place = 0;
    while (place < (int)fake_count && fake_order(&fake_values[place], table, key, key_size) < 0)
        place++;
    return place;
}

static void fake_drop(int at)
{
    free(fake_values[at].key);
    free(fake_values[at].value);
    memmove(fake_values + at, fake_values + at + 1, (--fake_count - (unsigned)at) * sizeof *fake_values);
}

static int fake_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    (void)txn, (void)flags;
    int at = fake_place(table, key->mv_data, key->mv_size);
    if (at < (int)fake_count && fake_order(&fake_values[at], table, key->mv_data, key->mv_size) == 0)
        fake_drop(at);
    CHECK(fake_count < FAKE_MAX);
    memmove(fake_values + at + 1, fake_values + at, (fake_count++ - (unsigned)at) * sizeof *fake_values);
    fake_values[at] = (struct fake_value){table, malloc(key->mv_size), malloc(value->mv_size), key->mv_size, value->mv_size};
    memcpy(fake_values[at].key, key->mv_data, key->mv_size);
    value->mv_data = fake_values[at].value;
    return 0;
}

static void fake_sign(struct fake_value *value)
{
    uint64_t sum = db_checksum(value->table, value->key, value->key_size, value->value + 8, value->size - 8);
    memcpy(value->value, &sum, 8);
}

/* Adds a value as it is; false where there is no room. */
static inline bool fake_add(unsigned table, const void *key, size_t key_size, const void *payload, size_t size)
{
    MDB_val k = {key_size, (void *)(uintptr_t)key}, v = {size + 8, NULL};
    if (fake_count == FAKE_MAX)
        return false;
    fake_put(NULL, table, &k, &v, 0);
    if (size)
        memcpy((char *)v.mv_data + 8, payload, size);
    fake_sign(&fake_values[fake_place(table, key, key_size)]);
    return true;
}

static int fake_tell(int at, unsigned table, MDB_val *key, MDB_val *value)
{
    if (at < 0 || at >= (int)fake_count || fake_values[at].table != table)
        return MDB_NOTFOUND;
    *key = (MDB_val){fake_values[at].key_size, fake_values[at].key};
    *value = (MDB_val){fake_values[at].size, fake_values[at].value};
    return 0;
}

static int fake_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    (void)txn;
    MDB_val found;
    int at = fake_place(table, key->mv_data, key->mv_size);
    bool there = at < (int)fake_count && fake_order(&fake_values[at], table, key->mv_data, key->mv_size) == 0;
    return there ? fake_tell(at, table, &found, value) : MDB_NOTFOUND;
}

static int fake_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    (void)txn, (void)value;
    int at = fake_place(table, key->mv_data, key->mv_size);
    if (at >= (int)fake_count || fake_order(&fake_values[at], table, key->mv_data, key->mv_size))
        return MDB_NOTFOUND;
    fake_drop(at);
    return 0;
}

static int fake_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret_cursor)
{
    (void)txn;
    struct fake_cursor *cursor = calloc(1, sizeof *cursor);
    cursor->table = table;
    *ret_cursor = (MDB_cursor *)cursor;
    return 0;
}

void mdb_cursor_close(MDB_cursor *cursor) /* ours, not the library's */
{
    free(cursor);
}

static int fake_cursor_get(MDB_cursor *opaque, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    struct fake_cursor *cursor = (struct fake_cursor *)opaque;
    int at = op == MDB_SET_RANGE ? fake_place(cursor->table, key->mv_data, key->mv_size)
             : op == MDB_FIRST   ? fake_place(cursor->table, "", 0)
             : op == MDB_LAST    ? fake_place(cursor->table + 1, "", 0) - 1
             : op == MDB_PREV    ? cursor->at - 1
                                 : cursor->at + !cursor->deleted;
    cursor->deleted = false;
    int error = fake_tell(at, cursor->table, key, value);
    if (!error || op == MDB_SET_RANGE)
        cursor->at = at;
    return error;
}

static int fake_cursor_del(MDB_cursor *opaque, unsigned flags)
{
    struct fake_cursor *cursor = (struct fake_cursor *)opaque;
    (void)flags;
    fake_drop(cursor->at);
    cursor->deleted = true;
    return 0;
}

static MDB_txn *fake_cursor_txn(MDB_cursor *cursor)
{
    (void)cursor;
    return NULL;
}

static struct leaves *fake_leaves_of(MDB_txn *txn)
{
    (void)txn;
    return NULL;
}

static int fake_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret_txn)
{
    (void)env, (void)parent, (void)flags;
    *ret_txn = NULL;
    return 0;
}

static void fake_open(struct db *db)
{
    db_calls.txn_begin = fake_begin;
    db_calls.get = fake_get, db_calls.put = fake_put, db_calls.del = fake_del;
    db_calls.cursor_open = fake_cursor_open, db_calls.cursor_get = fake_cursor_get, db_calls.cursor_del = fake_cursor_del;
    db_calls.cursor_txn = fake_cursor_txn, db_calls.leaves_of = fake_leaves_of;
    for (unsigned i = 0; i < TABLE_COUNT; i++)
        db->tables[i] = i;
    while (fake_count)
        fake_drop((int)fake_count - 1);
}

/* Four bytes a change: which value, where in its payload, what is turned. */
static inline void fake_spoil(const uint8_t *data, size_t size)
{
    for (; size >= 4 && fake_count; data += 4, size -= 4) {
        struct fake_value *value = &fake_values[data[0] % fake_count];
        size_t at = (size_t)data[1] | (size_t)data[2] << 8;
        if (value->size > 8)
            value->value[8 + at % (value->size - 8)] ^= (char)data[3];
        fake_sign(value);
    }
}

#endif
