/* test_stored.c - what the store keeps of phones and runs (segments, whole and in pieces, their filters, histories, folders, inputs):
 * each call that writes or reads it fails once; each of its values is cut and changed at every byte under a checksum that is right,
 * as one that was damaged before it was written would be: a fault, or no more than there is. */
#include "engine/values.h"
#include "store/history.h"
#include "store/kept.h"
#include "store/segment.h"

#define TEST_DB_SEED 41
#include "failing_calls.h"
#include "test_db_env.h"

#include <string.h>

#define ENTRIES 3000 /* more than one page of a filter, and a chunk */
#define LARGE (ENTRIES - 10) /* a record that takes pieces */
#define RUN 3
#define FIRST_PHONE 701000000u
#define MANY 40 /* of its rows a value each: a phone that goes on */

static struct store store;
static struct segment segments[2] = {{.number = 1}, {.number = 2}};

static void open_store(void)
{
    set_up();
    store = (struct store){.dir = dir, .lock_fd = -1, .db = db, .state = calloc(1, sizeof *store.state)};
    store.state->run = RUN;
    store.settings.keep_runs = 2;
}

static void close_store(void)
{
    free(store.state);
    tear_down();
}

TestSuite(stored, .init = open_store, .fini = close_store, .timeout = 300);

static void nothing(void)
{
}

/* ---- what is written ---- */

static uint64_t hash_of(unsigned i)
{
    return (uint64_t)(1 + i / 2) << 40;
}

static size_t size_of(unsigned i)
{
    return i == LARGE ? 2 * PIECE_SIZE + 1000 : i % 7 ? sizeof(struct notice_record) : 0;
}

/* Segment 2 has every ninth entry of segment 1 anew. */
static int add_entries(struct segment_builder *builder, unsigned step, struct fault *fault)
{
    for (unsigned i = 0; i < ENTRIES; i += step) {
        char *room = segment_room(builder, size_of(i), fault);
        if (!room)
            return -1;
        memset(room, 0, size_of(i));
        if (segment_add(builder, hash_of(i), i % 2, size_of(i), fault))
            return -1;
    }
    return segment_end(builder, fault);
}

static int write_blobs(const struct blobs *blobs, struct fault *fault)
{
    struct db_writer writer;
    if (db_write_begin(&writer, &db, 1 << 17, fault))
        return -1;
    int failed = blobs_write(blobs, &writer, fault) || db_write_commit(&writer, fault);
    db_write_abort(&writer);
    return failed ? -1 : 0;
}

static int write_segment(unsigned which, unsigned step, struct fault *fault)
{
    struct segment_builder builder;
    struct blobs blobs = {0};
    if (segment_build(&builder, TABLE_NOTICES, TABLE_NOTICES_FILTER, fault))
        return -1;
    segment_begin(&builder, segments[which].number, &blobs);
    int failed = add_entries(&builder, step, fault) || write_blobs(&blobs, fault);
    segment_builder_free(&builder);
    blobs_free(&blobs);
    return failed ? -1 : 0;
}

static int write_segments(struct fault *fault)
{
    return write_segment(0, 1, fault) || write_segment(1, 9, fault) ? -1 : 0;
}

static uint64_t phone_hash(uint32_t phone)
{
    return (uint64_t)(phone - FIRST_PHONE + 1) << 50;
}

static int add_value(struct blobs *blobs, enum table table, const uint8_t *key, size_t key_size, struct buffer *value, struct fault *fault)
{
    void *to = blobs_add(blobs, table, key, key_size, value->size, fault);
    if (!to)
        return -1;
    memcpy(to, value->data, value->size);
    buffer_clear(value);
    return 0;
}

/* A row for each form of what it may have. */
static int add_rows(struct history_packer *packer, uint32_t phone, unsigned from, unsigned end, struct fault *fault)
{
    static const char *const TAILS[] = {"0123456789abcdef", "100000000000007919", "01234567-89ab-cdef-0123-456789abcdef", "MSG-2026-1",
                                        "MSG-2026-2", ""};
    if (history_begin_phone(packer, phone, fault))
        return -1;
    for (unsigned i = from; i < end; i++) {
        struct history_row row = {.phone = phone, .case_number = 1 + i % 3, .at_ms = 1000 * i + i % 2, .event = (uint8_t)(i % 9), .detail = (uint8_t)(i % 2),
                                  .file = i, .line = i % 4, .head = span_of(i % 6 ? i % 2 ? "kcell" : "tele2" : ""), .tail = span_of(TAILS[i % 6])};
        if (!row.tail.size)
            row.head = row.tail;
        if (history_add(packer, &row, fault))
            return -1;
    }
    return history_end_phone(packer, fault);
}

static int pack_history(struct history_packer *packer, struct blobs *blobs, struct buffer *value, struct fault *fault)
{
    uint8_t key[16];
    db_put_u32(key, RUN);
    db_put_u64(key + 4, phone_hash(FIRST_PHONE));
    if (history_begin(packer, value, 0, fault))
        return -1;
    for (uint32_t phone = FIRST_PHONE; phone < FIRST_PHONE + 5; phone++)
        if (add_rows(packer, phone, 0, 20, fault))
            return -1;
    if (add_value(blobs, TABLE_HISTORY, key, 12, value, fault))
        return -1;
    db_put_u64(key + 4, phone_hash(FIRST_PHONE + 5));
    for (uint32_t number = 0; number < MANY; number++) { /* one that goes on */
        db_put_u32(key + 12, number);
        if (history_begin(packer, value, 0, fault) || add_rows(packer, FIRST_PHONE + 5, number, number + 1, fault) ||
            add_value(blobs, TABLE_HISTORY, key, number ? 16 : 12, value, fault))
            return -1;
    }
    return 0;
}

static int write_history(struct fault *fault)
{
    static struct history_packer packer;
    struct blobs blobs = {0};
    struct buffer value = {0};
    int failed = pack_history(&packer, &blobs, &value, fault) || write_blobs(&blobs, fault);
    buffer_free(&value);
    blobs_free(&blobs);
    return failed ? -1 : 0;
}

static int pack_runs(void *packer, struct blobs *blobs, struct buffer *value, struct buffer *plain, struct fault *fault)
{
    static const char TEXT[] = "sms_id,msisdn,short_code\n1,2,3\n4,5,6\n";
    uint8_t key[KEPT_KEY_SIZE];
    for (uint32_t run = RUN - 1; run <= RUN; run++) {
        for (unsigned file = 0; file < 2; file++) {
            for (uint32_t block = 0; block < 2; block++) {
                kept_key(run, (uint16_t)file, block, key);
                if (kept_pack(packer, block ? (struct span){NULL, 0} : SPAN("a.csv"), TEXT, sizeof TEXT, value, fault) ||
                    add_value(blobs, TABLE_FOLDERS, key, sizeof key, value, fault))
                    return -1;
            }
        }
        for (uint32_t first = 0; first < 6; first += 3) {
            buffer_clear(plain);
            for (uint32_t i = first; i < first + 3; i++) {
                struct kept_input input = {.kind = 1, .name_size = 4};
                if (buffer_add(plain, &input, sizeof input, fault) || buffer_add(plain, "in/a", 4, fault))
                    return -1;
            }
            db_put_u32(key, run);
            db_put_u32(key + 4, first);
            if (kept_pack(packer, (struct span){NULL, 0}, plain->data, plain->size, value, fault) ||
                add_value(blobs, TABLE_INPUTS, key, KEPT_INPUTS_KEY_SIZE, value, fault))
                return -1;
        }
    }
    return 0;
}

static int write_runs(struct fault *fault)
{
    struct blobs blobs = {0};
    struct buffer value = {0}, plain = {0};
    void *packer = kept_packer();
    int failed = pack_runs(packer, &blobs, &value, &plain, fault) || write_blobs(&blobs, fault);
    kept_packer_free(packer);
    buffer_free(&plain);
    buffer_free(&value);
    blobs_free(&blobs);
    return failed ? -1 : 0;
}

static void write_for_sure(int (*write)(struct fault *fault))
{
    static struct fault fault;
    fault = (struct fault){0};
    cr_assert_eq(write(&fault), 0, "%s", fault.text);
}

/* ---- what is read ---- */

static unsigned records, notices; /* that were read */

static void take_record(struct span record)
{
    struct notice_record notice;
    notices += segment_notice(record, &notice);
    records++;
}

static int find_names(struct segment_view *view, struct fault *fault)
{
    for (unsigned i = 0; i < ENTRIES + 50; i += i < ENTRIES - 20 ? 83 : 1) {
        struct span record;
        int there = segment_find(view, hash_of(i) + (i % 5 == 4), i % 2, &record, fault);
        if (there < 0)
            return -1;
        if (there)
            take_record(record);
    }
    return 0;
}

static int scan(struct segment_view *view, struct fault *fault)
{
    struct segment_entry entry;
    if (segment_scan(view, 5, fault))
        return -1;
    while (segment_peek(view, &entry)) {
        take_record(entry.record);
        if (segment_next(view, fault))
            return -1;
    }
    return 0;
}

static int read_segments(struct fault *fault)
{
    MDB_txn *txn;
    struct segment_view view;
    if (store_read_begin(&store, &txn, fault))
        return -1;
    int failed = -1;
    for (int filtered = 0; filtered < 2; filtered++) {
        failed = segment_view_open(&view, &db, txn, TABLE_NOTICES, filtered ? TABLE_NOTICES_FILTER : TABLE_COUNT, segments, 2, fault);
        if (failed)
            break;
        failed = find_names(&view, fault) || (!filtered && scan(&view, fault));
        segment_view_close(&view);
        if (failed)
            break;
    }
    store_read_end(txn);
    return failed ? -1 : 0;
}

static int take_row(uint32_t run, const struct history_row *row, void *context)
{
    static char identity[HISTORY_IDENTITY_MAX];
    (void)run, (void)context;
    (void)history_identity(row, identity);
    records++;
    return 0;
}

static int read_history(struct fault *fault)
{
    static struct history_reader reader;
    MDB_txn *txn;
    if (store_read_begin(&store, &txn, fault))
        return -1;
    int failed = 0;
    for (uint32_t run = RUN - 1; run <= RUN + 1; run++)
        for (uint32_t phone = FIRST_PHONE - 1; phone < FIRST_PHONE + 8 && !failed; phone++)
            failed = history_of_phone(&db, txn, run, phone, phone_hash(phone), &reader, take_row, NULL, fault);
    store_read_end(txn);
    return failed;
}

static int take_block(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context)
{
    (void)name, (void)file, (void)block, (void)bytes, (void)context;
    records++;
    return 0;
}

static int read_runs(struct fault *fault)
{
    struct buffer plain = {0};
    struct kept_input input;
    struct span name;
    MDB_txn *txn;
    uint32_t first;
    if (store_read_begin(&store, &txn, fault))
        return -1;
    int failed = kept_first(&store, txn, &first, fault);
    for (uint32_t run = RUN - 1; run <= RUN + 1 && !failed; run++) {
        failed = kept_folder(&db, txn, run, take_block, NULL, fault) < 0;
        for (uint64_t i = 0; i < 8 && !failed; i++) {
            int there = kept_input(&db, txn, run, i, &plain, &input, &name, fault);
            records += there == 0;
            failed = there < 0;
        }
    }
    store_read_end(txn);
    buffer_free(&plain);
    return failed ? -1 : 0;
}

static const struct {
    const char *name;
    int (*write)(struct fault *fault), (*read)(struct fault *fault);
    unsigned writes, reads; /* points at which a call fails, at the least */
} FORMS[] = {
    {"segments", write_segments, read_segments, 40, 40},
    {"histories", write_history, read_history, 20, 20},
    {"runs", write_runs, read_runs, 15, 15},
};

/* Writing that failed and is given again is as if it had not been tried; reading leaves nothing behind. */
Test(stored, each_call_fails_once)
{
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        unsigned writes = sweep(FORMS[i].write, nothing), reads = sweep(FORMS[i].read, nothing);
        cr_expect_gt(writes, FORMS[i].writes, "%s: %u", FORMS[i].name, writes);
        cr_expect_gt(reads, FORMS[i].reads, "%s: %u", FORMS[i].name, reads);
    }
}

/* ---- values that are damaged ---- */

static struct {
    enum table table;
    uint8_t key[64];
    size_t key_size;
    uint8_t *value; /* NULL: none */
    size_t size;
    bool met;
} spoiled;

static void put_in_its_place(MDB_cursor *cursor, const MDB_val *key, MDB_val *value)
{
    if (!spoiled.value || mdb_cursor_dbi(cursor) != db.tables[spoiled.table] || key->mv_size != spoiled.key_size ||
        memcmp(key->mv_data, spoiled.key, spoiled.key_size) != 0)
        return;
    *value = (MDB_val){spoiled.size, spoiled.value};
    spoiled.met = true;
}

static int spoiling_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    int error = mdb_cursor_get(cursor, key, value, op);
    if (!error)
        put_in_its_place(cursor, key, value);
    return error;
}

/* Reads with a value that is `size` bytes (its checksum left out), in a block of its own: a sanitizer sees what is read beyond. */
static int read_spoiled(int (*read)(struct fault *fault), const uint8_t *payload, size_t size, struct fault *fault)
{
    spoiled.size = size + 8;
    spoiled.value = malloc(spoiled.size);
    spoiled.met = false;
    memcpy(spoiled.value + 8, payload, size);
    uint64_t checksum = db_checksum(spoiled.table, spoiled.key, spoiled.key_size, payload, size);
    memcpy(spoiled.value, &checksum, sizeof checksum);
    *fault = (struct fault){0};
    int failed = read(fault);
    cr_assert(spoiled.met, "it is read");
    cr_assert_eq(failed ? FAULT_INPUT : FAULT_NONE, fault->code, "%s", fault->text);
    cr_assert(!failed || strstr(fault->text, "damaged"), "%s", fault->text);
    free(spoiled.value);
    spoiled.value = NULL;
    return failed;
}

struct spoiling {
    unsigned values, cut, cut_unseen, changed, refused; /* how many */
};

/* One value of the table: cut at every byte (of large ones at every few), and each byte changed to several others. */
static void spoil_value(int (*read)(struct fault *fault), const uint8_t *whole, size_t size, struct spoiling *sums)
{
    static const uint8_t CHANGES[] = {0x01, 0x80, 0xff, 0x10};
    struct fault fault;
    uint8_t *bytes = malloc(size + 1);
    size_t head = size < 400 ? size : 40, step = size < 4000 ? 1 + dice(60) : size / 60 + 1;
    sums->values++;
    for (size_t at = 0; at < size; at += at < head ? 1 : step) {
        sums->cut++;
        sums->cut_unseen += read_spoiled(read, whole, at, &fault) == 0;
        for (size_t i = 0; i < sizeof CHANGES; i++) {
            memcpy(bytes, whole, size);
            bytes[at] ^= CHANGES[i];
            sums->changed++;
            sums->refused += read_spoiled(read, bytes, size, &fault) != 0;
        }
    }
    memcpy(bytes, whole, size);
    bytes[size] = 0;
    (void)read_spoiled(read, bytes, size + 1, &fault);
    free(bytes);
}

/* The first values of a table, and the last. */
static struct spoiling spoil(int (*read)(struct fault *fault), enum table table, unsigned at_most)
{
    struct spoiling sums = {0};
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    MDB_stat stat;
    db_calls.cursor_get = spoiling_get;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, db.tables[table], &stat), 0);
    cr_assert_eq(mdb_cursor_open(txn, db.tables[table], &cursor), 0);
    for (size_t i = 0; i < stat.ms_entries; i++) {
        cr_assert_eq(mdb_cursor_get(cursor, &key, &value, i ? MDB_NEXT : MDB_FIRST), 0);
        if (i >= at_most && i + 5 < stat.ms_entries)
            continue;
        spoiled.table = table;
        spoiled.key_size = key.mv_size;
        memcpy(spoiled.key, key.mv_data, key.mv_size);
        spoil_value(read, (const uint8_t *)value.mv_data + 8, value.mv_size - 8, &sums);
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    db_calls.cursor_get = mdb_cursor_get;
    return sums;
}

Test(stored, segments_that_are_damaged)
{
    write_for_sure(write_segments);
    struct spoiling sums = spoil(read_segments, TABLE_NOTICES, 1);
    cr_expect_gt(sums.values, 3u);
    cr_expect_lt(sums.cut_unseen * 10, sums.cut, "%u of %u: only the last piece may be cut, and then its record is", sums.cut_unseen, sums.cut);
    cr_expect_gt(sums.refused, 50u, "%u of %u", sums.refused, sums.changed);
    sums = spoil(read_segments, TABLE_NOTICES_FILTER, 1);
    cr_expect_eq(sums.cut_unseen, 0u);
    cr_expect_gt(sums.refused, 10u);
}

Test(stored, histories_that_are_damaged)
{
    write_for_sure(write_history);
    struct spoiling sums = spoil(read_history, TABLE_HISTORY, 3);
    cr_expect_lt(sums.cut_unseen, 30u, "only between phones: %u of %u", sums.cut_unseen, sums.cut);
    cr_expect_gt(sums.refused, 200u, "%u of %u", sums.refused, sums.changed);
}

Test(stored, folders_and_inputs_that_are_damaged)
{
    write_for_sure(write_runs);
    struct spoiling sums = spoil(read_runs, TABLE_FOLDERS, 10);
    cr_expect_eq(sums.cut_unseen, 0u);
    cr_expect_gt(sums.refused, 50u);
    sums = spoil(read_runs, TABLE_INPUTS, 10);
    cr_expect_eq(sums.cut_unseen, 0u);
    cr_expect_gt(sums.refused, 50u);
}

/* ---- which folder is the first that is kept ---- */

static uint32_t first_kept(void)
{
    struct fault fault = {0};
    MDB_txn *txn;
    uint32_t run;
    cr_assert_eq(store_read_begin(&store, &txn, &fault), 0);
    cr_assert_eq(kept_first(&store, txn, &run, &fault), 0, "%s", fault.text);
    store_read_end(txn);
    return run;
}

Test(stored, the_first_folder_that_is_kept)
{
    cr_expect_eq(first_kept(), 0u, "there is none");
    write_for_sure(write_runs);
    cr_expect_eq(first_kept(), RUN - 1u);
    store.settings.keep_runs = 1;
    cr_expect_eq(first_kept(), RUN, "the setting was lowered");
    store.settings.keep_runs = 9;
    cr_expect_eq(first_kept(), RUN - 1u);
    store.state->run = RUN - 2;
    cr_expect_eq(first_kept(), 0u, "of runs that were cut");
}
