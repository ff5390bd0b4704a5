/* test_leaves_unseen.c - LMDB comes to no leaf that was not looked at before: all of these are kept out of its reach, so that it would
 * crash. Trees of three and four levels, whose leaves and branches run empty and are made one. */
#include "store/leaves.c" /* to see which were met */

#include <criterion/criterion.h>
#include <sys/mman.h>

#define TEST_DB_SEED 41
#include "test_leaves_env.h"

#define TABLE TABLE_DUE
#define KEY 16
#define PAGE 4096
#define LONGEST 400

static struct db_calls real;
static struct leaves *watched;
static bool *reached; /* by leaf */

static void allow(uint32_t i, int protection)
{
    cr_assert_eq(mprotect((void *)(uintptr_t)(db.map + watched->tables[TABLE].items[i].page * PAGE), PAGE, protection), 0);
}

static void allow_what_was_met(void)
{
    for (uint32_t i = 0; watched && i < watched->tables[TABLE].count; i++)
        if (!reached[i] && watched->tables[TABLE].items[i].met) {
            reached[i] = true;
            allow(i, PROT_READ);
        }
}

static int put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags)
{
    allow_what_was_met();
    return real.put(txn, table, key, value, flags);
}
static int del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    allow_what_was_met();
    return real.del(txn, table, key, value);
}
static int get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value)
{
    allow_what_was_met();
    return real.get(txn, table, key, value);
}
static int cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    allow_what_was_met();
    return real.cursor_get(cursor, key, value, op);
}
static int cursor_del(MDB_cursor *cursor, unsigned flags)
{
    allow_what_was_met();
    return real.cursor_del(cursor, flags);
}

static void begin_watch(void)
{
    struct fault fault = {0};
    struct pages pages;
    cr_assert_eq(leaves_look(dir, &pages, &watched, &fault), 0, "%s", fault.text);
    cr_assert_not_null(watched);
    reached = calloc(watched->tables[TABLE].count, sizeof *reached);
    for (uint32_t i = 0; i < watched->tables[TABLE].count; i++)
        allow(i, PROT_NONE);
    db_watch(&db, watched);
}

/* What the leaves' own notes tell is what a look at all tells. */
static void end_watch(void)
{
    static char carried[1 << 22], anew[1 << 22];
    char path[100];
    struct leaves *before = watched;
    for (uint32_t i = 0; i < watched->tables[TABLE].count; i++)
        allow(i, PROT_READ);
    db_watch(&db, NULL);
    watched = NULL;
    snprintf(path, sizeof path, "%s/looked", dir);
    note(before);
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, carried, sizeof carried);
    close(fd);
    note(NULL);
    fd = open(path, O_RDONLY);
    cr_assert_eq(read(fd, anew, sizeof anew), size);
    close(fd);
    cr_assert(size > 1000 && size < (ssize_t)sizeof carried);
    cr_expect_arr_eq(carried, anew, (size_t)size);
    leaves_close(before);
    free(reached);
}

static void begin(void)
{
    set_up();
    real = db_calls;
    db_calls.put = put, db_calls.del = del, db_calls.get = get, db_calls.cursor_get = cursor_get, db_calls.cursor_del = cursor_del;
}

static void end(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/looked", dir);
    unlink(path);
    tear_down();
}

TestSuite(leaves_unseen, .init = begin, .fini = end, .timeout = 300);

static void key_of(unsigned number, uint8_t key[KEY])
{
    memset(key, 0, KEY);
    db_put_u32(key, number);
}

/* From the last to the first, so that pages are half full; returns how deep the tree is. */
static unsigned fill(unsigned count, size_t value_size)
{
    static const char VALUE[LONGEST];
    struct fault fault = {0};
    struct db_writer writer;
    uint8_t key[KEY];
    MDB_stat stat;
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0);
    for (unsigned i = count; i-- > 0;) {
        key_of(i, key);
        cr_assert_eq(db_put(&writer, TABLE, key, KEY, VALUE, value_size, &fault), 0, "%s", fault.text);
    }
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, db.tables[TABLE], &stat), 0);
    mdb_txn_abort(txn);
    return stat.ms_depth;
}

struct range {
    unsigned end, every;
};
static enum db_verdict most(const uint8_t *key, size_t size, const void *context)
{
    (void)size;
    const struct range *range = context;
    unsigned number = db_get_u32(key);
    return number >= range->end ? DB_STOP : range->every && number % range->every == 0 ? DB_KEEP : DB_DELETE;
}

/* Here and there a part of the keys is swept, deleted from its end, or written over and filled up again. */
static void change(unsigned count, unsigned span)
{
    static const char VALUE[LONGEST];
    struct fault fault = {0};
    struct db_writer writer;
    uint8_t key[KEY];
    unsigned from = (unsigned)dice(count), size = 1 + (unsigned)dice(span), how = (unsigned)dice(4);
    struct range range = {from + size, (unsigned)dice(3) ? 2 + (unsigned)dice(60) : 0};
    cr_assert_eq(db_write_begin(&writer, &db, dice(2) ? 1 << 14 : SIZE_MAX, &fault), 0, "%s", fault.text);
    key_of(from, key);
    if (how == 0)
        cr_assert_eq(db_sweep(&writer, TABLE, key, KEY, most, &range, &fault), 0, "%s", fault.text);
    for (unsigned i = 0; how && i < size; i++) {
        unsigned number = how == 1 ? from + size - 1 - i : from + i;
        key_of(number, key);
        if (number < count && !(range.every && number % range.every == 0))
            cr_assert_eq(how == 3 ? db_put(&writer, TABLE, key, KEY, VALUE, dice(LONGEST), &fault) : db_delete(&writer, TABLE, key, KEY, &fault),
                         0, "%s", fault.text);
    }
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
}

static void play(unsigned count, size_t value_size, unsigned depth, unsigned rounds, unsigned span)
{
    cr_assert_eq(fill(count, value_size), depth);
    note(NULL);
    for (unsigned round = 0; round < rounds; round++) {
        begin_watch();
        for (unsigned i = 0; i < 4; i++)
            change(count, span);
        end_watch();
    }
}

Test(leaves_unseen, three_levels)
{
    play(8000, 150, 3, 100, 800);
}

Test(leaves_unseen, four_levels)
{
    play(200000, 150, 4, 8, 6000);
}
