/* test_kept.c - what is kept of runs: folders come out block by block as they went in, inputs by their number; a block that is
 * missing, cut or another's is told, never passed over. */
#define TEST_DB_SEED 0x6b657074
#include "test_db_env.h"

#include "store/kept.h"

#include <string.h>

static struct fault fault;
static void *packer;

static void begin(void)
{
    set_up();
    packer = kept_packer();
    cr_assert_not_null(packer);
}

static void end(void)
{
    kept_packer_free(packer);
    tear_down();
}

TestSuite(kept, .init = begin, .fini = end, .timeout = 120);

static void put(enum table table, const uint8_t *key, size_t key_size, const struct buffer *value)
{
    struct db_writer writer;
    cr_assert_eq(db_write_begin(&writer, &db, SIZE_MAX, &fault), 0, "%s", fault.text);
    cr_assert_eq(value ? db_put(&writer, table, key, key_size, value->data, value->size, &fault)
                       : db_delete(&writer, table, key, key_size, &fault), 0, "%s", fault.text);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
}

static void put_block(uint32_t run, uint16_t file, uint32_t block, const char *name, const char *data, size_t size)
{
    struct buffer value = {0};
    uint8_t key[KEPT_KEY_SIZE];
    kept_key(run, file, block, key);
    cr_assert_eq(kept_pack(packer, name ? span_of(name) : (struct span){NULL, 0}, data, size, &value, &fault), 0);
    put(TABLE_FOLDERS, key, sizeof key, &value);
    buffer_free(&value);
}

/* what was told of a folder: "name:bytes" of each file, '|' between blocks */
static char told[4096];
static int stop_at = -1;

static int take(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context)
{
    (void)file, (void)context;
    size_t size = strlen(told);
    snprintf(told + size, sizeof told - size, "%s%.*s%s%.*s", size && !block ? " " : "", (int)name.size, name.data ? name.data : "",
             block ? "|" : ":", (int)bytes.size, bytes.data ? bytes.data : "");
    return stop_at-- == 0 ? -1 : 0;
}

static int tell(uint32_t run)
{
    MDB_txn *txn;
    told[0] = 0;
    fault = (struct fault){0};
    cr_assert_eq(db_calls.txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    int there = kept_folder(&db, txn, run, take, NULL, &fault);
    mdb_txn_abort(txn);
    return there;
}

Test(kept, folders)
{
    put_block(7, 0, 0, "b.csv", "one\n", 4);
    put_block(7, 0, 1, NULL, "two\n", 4);
    put_block(7, 0, 2, NULL, "three\n", 6);
    put_block(7, 1, 0, "a.csv", "", 0);
    put_block(7, 2, 0, "c", "x", 1);
    put_block(8, 0, 0, "b.csv", "later", 5);
    cr_expect_eq(tell(7), 0);
    cr_expect_str_eq(told, "b.csv:one\n|two\n|three\n a.csv: c:x");
    cr_expect_eq(tell(8), 0);
    cr_expect_str_eq(told, "b.csv:later");
    cr_expect_eq(tell(6), 1);
    cr_expect_eq(tell(9), 1);
    stop_at = 1;
    cr_expect_eq(tell(7), -1, "who takes may stop");
    stop_at = -1;
}

Test(kept, damaged_folders)
{
    uint8_t key[KEPT_KEY_SIZE];
    struct buffer junk = {0};
    put_block(1, 0, 0, "a", "one", 3);
    put_block(1, 0, 1, NULL, "two", 3);
    put_block(1, 0, 2, NULL, "three", 5);
    cr_expect_eq(tell(1), 0);
    kept_key(1, 0, 1, key);
    put(TABLE_FOLDERS, key, sizeof key, NULL);
    cr_expect_eq(tell(1), -1, "a block is missing");
    cr_expect_eq(fault.code, FAULT_INPUT);
    put_block(1, 0, 1, NULL, "two", 3);
    kept_key(1, 0, 0, key);
    for (unsigned i = 0; i < 2000; i++) { /* whatever the bytes are */
        buffer_clear(&junk);
        for (uint64_t size = dice(40); size; size--) {
            char byte = (char)dice(i % 2 ? 256 : 4);
            cr_assert_eq(buffer_add(&junk, &byte, 1, &fault), 0);
        }
        put(TABLE_FOLDERS, key, sizeof key, &junk);
        cr_expect_eq(tell(1), -1);
        cr_expect_eq(fault.code, FAULT_INPUT, "%s", fault.text);
    }
    buffer_free(&junk);
}

static void add_input(struct buffer *plain, unsigned number)
{
    char name[32];
    struct kept_input input = {.kind = (uint8_t)(number % 6), .name_size = (uint16_t)snprintf(name, sizeof name, "in/%u.csv", number)};
    memset(input.hash, (int)number, sizeof input.hash);
    cr_assert_eq(buffer_add(plain, &input, sizeof input, &fault) || buffer_add(plain, name, input.name_size, &fault), 0);
}

static void put_inputs(uint32_t run, unsigned from, unsigned to)
{
    struct buffer plain = {0}, value = {0};
    uint8_t key[KEPT_INPUTS_KEY_SIZE];
    for (unsigned i = from; i < to; i++)
        add_input(&plain, i);
    db_put_u32(key, run);
    db_put_u32(key + 4, from);
    cr_assert_eq(kept_pack(packer, (struct span){NULL, 0}, plain.data, plain.size, &value, &fault), 0);
    put(TABLE_INPUTS, key, sizeof key, &value);
    buffer_free(&plain);
    buffer_free(&value);
}

Test(kept, inputs)
{
    struct buffer plain = {0};
    struct kept_input input;
    struct span name;
    MDB_txn *txn;
    put_inputs(3, 0, 5);
    put_inputs(4, 0, 100);
    put_inputs(4, 100, 250);
    put_inputs(6, 0, 1);
    cr_assert_eq(db_calls.txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    for (unsigned i = 0; i < 250; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "in/%u.csv", i);
        cr_assert_eq(kept_input(&db, txn, 4, i, &plain, &input, &name, &fault), 0, "%u", i);
        cr_expect(span_equal(name, span_of(wanted)) && input.kind == i % 6 && input.hash[15] == i);
    }
    static const struct {
        uint32_t run;
        uint64_t number;
        int there;
    } ROWS[] = {{4, 250, 1}, {3, 4, 0}, {3, 5, 1}, {2, 0, 1}, {5, 0, 1}, {6, 0, 0}, {7, 0, 1}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        cr_expect_eq(kept_input(&db, txn, ROWS[i].run, ROWS[i].number, &plain, &input, &name, &fault), ROWS[i].there, "row %zu", i);
    mdb_txn_abort(txn);
    buffer_free(&plain);
}
