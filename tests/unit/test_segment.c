/* test_segment.c - sorted segments against a plain sorted array: finds, scans, several segments, ties of hash, the gone, huge
 * records, parts, and values that were damaged. */
#include "store/segment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST_DB_SEED 1
#include "test_db_env.h"

TestSuite(segment, .init = set_up, .fini = tear_down, .timeout = 120);

/* ---- the model: entries in order; a record is a seed, so that its bytes need not be kept ---- */

struct entry {
    uint64_t hash;
    uint32_t sub;
    uint32_t size, seed;
};

struct list {
    struct entry *entries;
    size_t count;
};

static char byte_at(const struct entry *entry, uint32_t i)
{
    return (char)(entry->seed * 31 + i * 7 + i / 251);
}

static int entry_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash) : (x->sub > y->sub) - (x->sub < y->sub);
}

static uint64_t some_hash(unsigned shape)
{
    switch (shape % 5) {
    case 0:
        return dice(0) * 0x9E3779B97F4A7C15u;
    case 1: /* many ties */
        return dice(60) << 56 | dice(3);
    case 2: /* all in a corner */
        return UINT64_MAX - dice(5000);
    case 3: /* the ends */
        return dice(3) ? dice(0) : dice(2) ? 0 : UINT64_MAX;
    default: /* clusters far apart */
        return dice(7) << 61 | dice(400);
    }
}

/* one of several sizes, huge ones now and then; 0: gone */
static uint32_t some_size(unsigned sizes)
{
    if (sizes == 0)
        return 24;
    if (sizes == 1)
        return (uint32_t)(dice(8) ? 1 + dice(300) : 0);
    return (uint32_t)(dice(30) ? dice(900) : dice(6) ? CHUNK_SIZE - 60 + dice(60) : 100000 + dice(200000));
}

static struct list some_list(size_t count, unsigned shape, unsigned sizes, const struct list *also)
{
    struct list list = {malloc((count + 1) * sizeof *list.entries), 0};
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {some_hash(shape), (uint32_t)dice(dice(2) ? 4 : UINT32_MAX), some_size(sizes), (uint32_t)dice(0)};
        if (also && also->count && dice(2)) { /* a name that an older segment has */
            const struct entry *old = &also->entries[dice(also->count)];
            entry.hash = old->hash, entry.sub = old->sub;
        }
        list.entries[i] = entry;
    }
    qsort(list.entries, count, sizeof *list.entries, entry_order);
    for (size_t i = 0; i < count; i++)
        if (!list.count || entry_order(&list.entries[list.count - 1], &list.entries[i]))
            list.entries[list.count++] = list.entries[i];
    return list;
}

/* Writes a list as segment `number`, cut in `parts` at their hashes' top bits. */
static struct segment write_segment(const struct list *list, uint32_t number, unsigned bits, enum table table, enum table filter)
{
    struct segment_builder builder;
    struct blobs blobs = {0};
    struct db_writer writer;
    struct fault fault = {0};
    struct segment segment = {.number = number};
    cr_assert_eq(segment_build(&builder, table, filter, &fault), 0);
    cr_assert_eq(db_write_begin(&writer, &db, 1 << 20, &fault), 0);
    size_t at = 0;
    for (uint64_t part = 0; part < 1ull << bits; part++) {
        segment_begin(&builder, number, &blobs);
        for (; at < list->count && (bits ? list->entries[at].hash >> (64 - bits) : 0) == part; at++) {
            const struct entry *entry = &list->entries[at];
            char *room = segment_room(&builder, entry->size + dice(100), &fault);
            cr_assert_not_null(room);
            for (uint32_t i = 0; i < entry->size; i++)
                room[i] = byte_at(entry, i);
            cr_assert_eq(segment_add(&builder, entry->hash, entry->sub, entry->size, &fault), 0);
        }
        cr_assert_eq(segment_end(&builder, &fault), 0);
        cr_assert_eq(blobs_write(&blobs, &writer, &fault), 0, "%s", fault.text);
        blobs_clear(&blobs);
        segment.entries += builder.entries_total;
        segment.bytes += builder.bytes_total;
    }
    cr_assert_eq(at, list->count);
    cr_assert_eq(segment.entries, list->count);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    segment_builder_free(&builder);
    blobs_free(&blobs);
    return segment;
}

static bool same_record(const struct entry *entry, struct span record)
{
    if (record.size != entry->size)
        return false;
    for (uint32_t i = 0; i < entry->size; i++)
        if (record.data[i] != byte_at(entry, i))
            return false;
    return true;
}

/* What the newest list that has the name says of it. */
static const struct entry *model_find(const struct list *lists, unsigned count, uint64_t hash, uint32_t sub)
{
    struct entry name = {.hash = hash, .sub = sub};
    while (count-- > 0) {
        const struct entry *found = bsearch(&name, lists[count].entries, lists[count].count, sizeof name, entry_order);
        if (found)
            return found;
    }
    return NULL;
}

static void check_find(struct segment_view *view, const struct list *lists, unsigned count, uint64_t hash, uint32_t sub)
{
    struct fault fault = {0};
    struct span record = {NULL, 0};
    int there = segment_find(view, hash, sub, &record, &fault);
    const struct entry *expected = model_find(lists, count, hash, sub);
    cr_assert_neq(there, -1, "%s", fault.text);
    cr_assert_eq(there, expected && expected->size ? 1 : 0, "%016llx %u", (unsigned long long)hash, sub);
    cr_assert(!there || same_record(expected, record), "%016llx %u", (unsigned long long)hash, sub);
}

/* Names in order: all there are, some of them far apart, their neighbours, and strangers. */
static void check_finds(struct segment_view *view, const struct list *lists, unsigned count, unsigned shape, unsigned one_in)
{
    size_t names = 0, room = 0;
    for (unsigned i = 0; i < count; i++)
        room += lists[i].count;
    struct entry *ask = malloc((4 * room + 200) * sizeof *ask);
    for (unsigned i = 0; i < count; i++) {
        for (size_t e = 0; e < lists[i].count; e++) {
            if (dice(one_in))
                continue;
            struct entry *entry = &lists[i].entries[e];
            ask[names++] = *entry;
            if (dice(4) == 0)
                ask[names++] = (struct entry){.hash = entry->hash, .sub = entry->sub + 1};
            if (dice(4) == 0)
                ask[names++] = (struct entry){.hash = entry->hash - 1, .sub = entry->sub};
            if (dice(4) == 0)
                ask[names++] = (struct entry){.hash = entry->hash + 1, .sub = 0};
        }
    }
    for (unsigned i = 0; i < 190 / one_in; i++)
        ask[names++] = (struct entry){.hash = some_hash(shape), .sub = (uint32_t)dice(5)};
    qsort(ask, names, sizeof *ask, entry_order);
    segment_rewind(view);
    for (size_t i = 0; i < names; i++)
        check_find(view, lists, count, ask[i].hash, ask[i].sub); /* some twice */
    free(ask);
}

static void check_scan(struct segment_view *view, const struct list *lists, unsigned count, uint64_t from)
{
    struct fault fault = {0};
    size_t at[8] = {0};
    cr_assert_eq(segment_scan(view, from, &fault), 0, "%s", fault.text);
    for (unsigned i = 0; i < count; i++)
        while (at[i] < lists[i].count && lists[i].entries[at[i]].hash < from)
            at[i]++;
    for (;;) {
        const struct entry *next = NULL;
        for (unsigned i = 0; i < count; i++)
            if (at[i] < lists[i].count && (!next || entry_order(&lists[i].entries[at[i]], next) <= 0))
                next = &lists[i].entries[at[i]];
        struct segment_entry got;
        cr_assert_eq(segment_peek(view, &got), next != NULL);
        if (!next)
            break;
        cr_assert(got.hash == next->hash && got.sub == next->sub && same_record(next, got.record));
        for (unsigned i = 0; i < count; i++)
            if (at[i] < lists[i].count && entry_order(&lists[i].entries[at[i]], next) == 0)
                at[i]++;
        cr_assert_eq(segment_next(view, &fault), 0, "%s", fault.text);
    }
    cr_assert_eq(segment_next(view, &fault), 0, "past the end nothing happens");
}

static void check_lists(const struct list *lists, const struct segment *segments, unsigned count, unsigned shape, enum table table,
                        enum table filter)
{
    struct segment_view view;
    struct fault fault = {0};
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, table, filter, segments, count, &fault), 0, "%s", fault.text);
    static const unsigned SHARES[] = {1, 1, 5, 60, 1000};
    for (size_t i = 0; i < sizeof SHARES / sizeof *SHARES; i++)
        check_finds(&view, lists, count, shape, SHARES[i]);
    check_scan(&view, lists, count, 0);
    for (unsigned i = 0; i < 6; i++)
        check_scan(&view, lists, count, some_hash(shape));
    check_scan(&view, lists, count, UINT64_MAX);
    segment_view_close(&view);
    mdb_txn_abort(txn);
}

/* ---- tests ---- */

static uint32_t next_number = 1;

static void one_segment(size_t count, unsigned shape, unsigned sizes, unsigned bits)
{
    struct list list = some_list(count, shape, sizes, NULL);
    bool filtered = dice(2);
    enum table table = filtered ? TABLE_CLOSED : TABLE_OPEN, filter = filtered ? TABLE_CLOSED_FILTER : TABLE_COUNT;
    struct segment segment = write_segment(&list, next_number, bits, table, filter);
    next_number += (uint32_t)(1 + dice(3));
    check_lists(&list, &segment, 1, shape, table, filter);
    free(list.entries);
}

Test(segment, one)
{
    for (unsigned shape = 0; shape < 5; shape++) {
        for (size_t count = 0; count < 6; count++)
            one_segment(count, shape, 1, 0);
        one_segment(3000, shape, 0, 0);
        one_segment(3000, shape, 1, 3);
        one_segment(5000, shape, 0, 10);
        one_segment(400, shape, 2, 0);
        one_segment(400, shape, 2, 6);
    }
}

/* Segments of other numbers lie before and behind in the same table, and other segments' filters too. */
Test(segment, several)
{
    for (unsigned round = 0; round < 20; round++) {
        struct list lists[6];
        struct segment segments[6];
        unsigned count = (unsigned)(2 + dice(5)), shape = round % 5;
        bool filtered = round % 2;
        enum table table = filtered ? TABLE_NOTICES : TABLE_OPEN, filter = filtered ? TABLE_NOTICES_FILTER : TABLE_COUNT;
        uint32_t number = next_number;
        next_number += 10;
        for (unsigned i = 0; i < count; i++) {
            lists[i] = some_list(dice(4) ? 1 + dice(900) : dice(3), shape, round % 3, i ? &lists[dice(i)] : NULL);
            segments[i] = write_segment(&lists[i], number + (round % 4 == 0 ? count - i : i), round % 5 ? 0 : 4, table, filter);
        }
        check_lists(lists, segments, count, shape, table, filter);
        check_lists(lists, segments, 1, shape, table, filter);
        check_lists(lists + 1, segments + 1, count - 1, shape, table, filter);
        for (unsigned i = 0; i < count; i++)
            free(lists[i].entries);
    }
}

Test(segment, none)
{
    struct list some = some_list(100, 0, 1, NULL);
    (void)write_segment(&some, 8, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    struct list empty = {some.entries, 0};
    struct segment missing[] = {{.number = 7}, {.number = 9}, {.number = 0}, {.number = UINT32_MAX}};
    check_lists(&empty, missing, 0, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    for (unsigned i = 0; i < 4; i++) {
        check_lists(&empty, missing + i, 1, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
        check_lists(&empty, missing + i, 1, 0, TABLE_CLOSED, TABLE_COUNT);
    }
    free(some.entries);
}

/* A stretch of names that begins or ends where a chunk does. */
Test(segment, edges_of_chunks)
{
    for (unsigned round = 0; round < 40; round++) {
        struct list list = {malloc(3000 * sizeof *list.entries), 0};
        uint32_t size = (uint32_t)(round < 20 ? CHUNK_SIZE / 2 - 60 + round * 4 : 1 + dice(5000));
        for (unsigned i = 0; i < 300; i++)
            list.entries[list.count++] = (struct entry){1000 + i * 1000 / (1 + round % 3), (round % 2) * i, size, i};
        qsort(list.entries, list.count, sizeof *list.entries, entry_order);
        size_t kept = 0;
        for (size_t i = 0; i < list.count; i++)
            if (!kept || entry_order(&list.entries[kept - 1], &list.entries[i]))
                list.entries[kept++] = list.entries[i];
        list.count = kept;
        struct segment segment = write_segment(&list, next_number++, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
        check_lists(&list, &segment, 1, 4, TABLE_CLOSED, TABLE_CLOSED_FILTER);
        free(list.entries);
    }
}

/* As many of one hash as do not fit a chunk stay together, and are found. */
Test(segment, one_hash_for_all)
{
    struct list list = {malloc(9000 * sizeof *list.entries), 0};
    for (unsigned i = 0; i < 9000; i++)
        list.entries[list.count++] = (struct entry){i < 2 ? 5 : i < 8900 ? 77 : 78, i, 40, i};
    struct segment segment = write_segment(&list, 3, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    check_lists(&list, &segment, 1, 4, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    free(list.entries);
}

/* Records of megabytes: no value is large, and a missing piece is told. */
Test(segment, pieces)
{
    struct list list = {malloc(400 * sizeof *list.entries), 0};
    for (unsigned i = 0; i < 400; i++)
        list.entries[list.count++] =
            (struct entry){(uint64_t)(i / 2) << 50, i, i % 40 == 7 ? PIECE_SIZE * (i / 40) + (uint32_t)dice(PIECE_SIZE) : (uint32_t)dice(400), i};
    struct segment segment = write_segment(&list, 9, 2, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    check_lists(&list, &segment, 1, 4, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    unsigned pieces = 0;
    uint64_t hash = 0;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_cursor_open(txn, db.tables[TABLE_CLOSED], &cursor), 0);
    for (int error = mdb_cursor_get(cursor, &key, &value, MDB_FIRST); !error; error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        cr_assert_leq(value.mv_size, (size_t)PIECE_SIZE);
        pieces += key.mv_size == SEGMENT_PIECE_KEY_SIZE;
        if (key.mv_size == SEGMENT_PIECE_KEY_SIZE)
            hash = db_get_u64((const uint8_t *)key.mv_data + 4);
    }
    cr_expect_gt(pieces, 30u);
    uint8_t name[SEGMENT_PIECE_KEY_SIZE];
    db_put_u32(name, 9);
    db_put_u64(name + 4, hash);
    db_put_u32(name + 12, 2);
    key = (MDB_val){sizeof name, name};
    cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_SET), 0);
    cr_assert_eq(mdb_cursor_del(cursor, 0), 0);
    mdb_cursor_close(cursor);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    struct segment_view view;
    struct fault fault = {0};
    struct span record;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, TABLE_CLOSED, TABLE_COUNT, &segment, 1, &fault), 0);
    cr_expect_eq(segment_find(&view, hash, 0, &record, &fault), -1);
    cr_expect_not_null(strstr(fault.text, "damaged"), "%s", fault.text);
    segment_view_close(&view);
    mdb_txn_abort(txn);
    free(list.entries);
}

static unsigned reads;
static int counted_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    reads++;
    return mdb_cursor_get(cursor, key, value, op);
}

/* The filter spares chunks: of names that are nowhere few read one. (False negatives: check_finds would meet them.) */
Test(segment, filter_spares)
{
    struct list list = some_list(20000, 0, 0, NULL);
    struct segment segment = write_segment(&list, 1, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    struct segment_view view;
    struct fault fault = {0};
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, TABLE_CLOSED, TABLE_CLOSED_FILTER, &segment, 1, &fault), 0);
    unsigned located = 0, nowhere = 0;
    db_calls.cursor_get = counted_get;
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t hash = (uint64_t)i * (UINT64_MAX / 5000) + 12345;
        struct span record;
        view.cursors[0].loaded = false;
        if (model_find(&list, 1, hash, 0))
            continue;
        cr_assert_eq(segment_find(&view, hash, 0, &record, &fault), 0);
        nowhere++;
        located += view.cursors[0].loaded;
    }
    cr_log_info("%u of %u strangers read a chunk\n", located, nowhere);
    cr_expect_lt(located * 50, nowhere, "%u of %u", located, nowhere);
    segment_view_close(&view);
    mdb_txn_abort(txn);
    free(list.entries);
}

/* A name far ahead is jumped to: a run that names few phones of many reads few pages. */
Test(segment, far_ahead)
{
    struct list list = {malloc(60000 * sizeof *list.entries), 0};
    for (unsigned i = 0; i < 60000; i++)
        list.entries[list.count++] = (struct entry){(uint64_t)i << 40, 0, 100, i};
    struct segment segment = write_segment(&list, 1, 4, TABLE_OPEN, TABLE_COUNT);
    struct segment_view view;
    struct fault fault = {0};
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, TABLE_OPEN, TABLE_COUNT, &segment, 1, &fault), 0);
    db_calls.cursor_get = counted_get;
    reads = 0;
    unsigned asked = 0;
    for (unsigned i = 0; i < 60000; i += 5987, asked++)
        check_find(&view, &list, 1, list.entries[i].hash, 0);
    cr_expect_leq(reads, 6 * asked, "%u reads for %u names", reads, asked);
    segment_view_close(&view);
    mdb_txn_abort(txn);
    free(list.entries);
}

/* ---- damage ---- */

/* Changes a value of the table: flips bit `bit` of byte `at`, or cuts it there. */
static size_t damage(enum table table, unsigned index, size_t at, unsigned bit, bool cut, uint64_t *ret_first)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_cursor_open(txn, db.tables[table], &cursor), 0);
    cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    while (index--)
        cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    size_t size = value.mv_size;
    uint8_t *copy = malloc(size), name[12];
    memcpy(copy, value.mv_data, size);
    memcpy(name, key.mv_data, 12);
    *ret_first = db_get_u64(name + 4);
    mdb_cursor_close(cursor);
    at %= size;
    if (!cut)
        copy[at] = (uint8_t)(copy[at] ^ 1u << bit);
    MDB_val k = {12, name}, v = {cut ? at : size, copy};
    cr_assert_eq(mdb_put(txn, db.tables[table], &k, &v, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    free(copy);
    return size;
}

static void put_back(enum table table, uint64_t first, uint32_t number, const char *bytes, size_t size)
{
    MDB_txn *txn;
    uint8_t name[12];
    db_put_u32(name, number);
    db_put_u64(name + 4, first);
    MDB_val k = {12, name}, v = {size, (void *)bytes};
    cr_assert_eq(mdb_txn_begin(db.env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_put(txn, db.tables[table], &k, &v, 0), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

static char *value_of(enum table table, unsigned index, size_t *ret_size)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_cursor_open(txn, db.tables[table], &cursor), 0);
    cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    while (index--)
        cr_assert_eq(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    char *copy = malloc(value.mv_size);
    memcpy(copy, value.mv_data, *ret_size = value.mv_size);
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return copy;
}

/* Finds every name: each answer is right, or the fault; returns how many faults. */
static unsigned find_all(const struct list *list, const struct segment *segment, const char *table)
{
    struct segment_view view;
    struct fault fault = {0};
    MDB_txn *txn;
    unsigned faults = 0;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, TABLE_CLOSED, TABLE_CLOSED_FILTER, segment, 1, &fault), 0);
    for (size_t i = 0; i < list->count; i += 7) {
        struct span record;
        fault = (struct fault){0};
        int there = segment_find(&view, list->entries[i].hash, list->entries[i].sub, &record, &fault);
        if (there < 0) {
            faults++;
            cr_assert_eq(fault.code, FAULT_INPUT);
            cr_assert(strstr(fault.text, table) && strstr(fault.text, "damaged"), "%s", fault.text);
            segment_rewind(&view);
        } else {
            cr_assert_eq(there, list->entries[i].size > 0);
            cr_assert(!there || same_record(&list->entries[i], record));
        }
    }
    segment_view_close(&view);
    mdb_txn_abort(txn);
    return faults;
}

static bool scan_all(const struct list *list, const struct segment *segment)
{
    struct segment_view view;
    struct fault fault = {0};
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(segment_view_open(&view, &db, txn, TABLE_CLOSED, TABLE_COUNT, segment, 1, &fault), 0);
    int failed = segment_scan(&view, 0, &fault);
    for (size_t i = 0; !failed; i++) {
        struct segment_entry entry;
        if (!segment_peek(&view, &entry)) {
            cr_assert(i == list->count, "the scan ends early and says nothing");
            break;
        }
        cr_assert(i < list->count && entry.hash == list->entries[i].hash && same_record(&list->entries[i], entry.record));
        failed = segment_next(&view, &fault);
    }
    cr_assert(!failed || fault.code == FAULT_INPUT);
    segment_view_close(&view);
    mdb_txn_abort(txn);
    return failed;
}

Test(segment, damaged)
{
    struct list list = some_list(3000, 0, 1, NULL);
    struct segment segment = write_segment(&list, 1, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER);
    cr_assert_eq(find_all(&list, &segment, "closed"), 0u);
    cr_assert_not(scan_all(&list, &segment));
    for (unsigned round = 0; round < 60; round++) {
        enum table table = round % 3 ? TABLE_CLOSED : TABLE_CLOSED_FILTER;
        unsigned index = (unsigned)dice(2); /* there are two pages of filter, and more chunks */
        size_t size;
        uint64_t first;
        char *whole = value_of(table, index, &size);
        size_t at = dice(3) ? dice(size) : dice(30); /* the head too */
        damage(table, index, at, (unsigned)dice(8), dice(4) == 0, &first);
        cr_assert_gt(find_all(&list, &segment, table == TABLE_CLOSED ? "closed:" : "closed_filter:"), 0u, "byte %zu of %zu", at, size);
        cr_assert_eq(scan_all(&list, &segment), table == TABLE_CLOSED);
        put_back(table, first, 1, whole, size);
        free(whole);
    }
    cr_assert_eq(find_all(&list, &segment, "closed"), 0u);
    /* a value that is whole, but another's */
    size_t size;
    char *other = value_of(TABLE_CLOSED, 1, &size);
    put_back(TABLE_CLOSED, list.entries[0].hash, 1, other, size);
    cr_assert_gt(find_all(&list, &segment, "closed:"), 0u);
    free(other);
    free(list.entries);
}

/* ---- LMDB itself fails ---- */

static int gets_left;
static int failing_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    return gets_left-- > 0 ? mdb_cursor_get(cursor, key, value, op) : EIO;
}

static int failing_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret_cursor)
{
    return gets_left-- > 0 ? mdb_cursor_open(txn, table, ret_cursor) : ENOMEM;
}

Test(segment, failing_reads)
{
    struct list list = some_list(3000, 0, 1, NULL);
    struct segment segments[] = {write_segment(&list, 1, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER),
                                 write_segment(&list, 2, 0, TABLE_CLOSED, TABLE_CLOSED_FILTER)};
    for (int left = 0; left < 40; left++) {
        struct segment_view view;
        struct fault fault = {0};
        MDB_txn *txn;
        cr_assert_eq(mdb_txn_begin(db.env, NULL, MDB_RDONLY, &txn), 0);
        db_calls.cursor_open = failing_open;
        gets_left = left;
        int failed = segment_view_open(&view, &db, txn, TABLE_CLOSED, TABLE_CLOSED_FILTER, segments, 2, &fault);
        cr_assert_eq(failed, left < 4 ? -1 : 0);
        cr_assert_eq(fault.code, left < 4 ? FAULT_FAILED : FAULT_NONE);
        if (!failed) {
            db_calls.cursor_get = failing_get;
            gets_left = left;
            bool met = false;
            for (size_t i = 0; i < list.count && !met; i++) {
                struct span record;
                int there = segment_find(&view, list.entries[i].hash, list.entries[i].sub, &record, &fault);
                met = there < 0;
                cr_assert(met || there == (list.entries[i].size > 0));
            }
            cr_assert(met == (gets_left < 0) && met == (fault.code == FAULT_FAILED));
            fault = (struct fault){0};
            gets_left = left;
            int end = segment_scan(&view, 0, &fault);
            while (!end) {
                struct segment_entry entry;
                if (!segment_peek(&view, &entry))
                    break;
                end = segment_next(&view, &fault);
            }
            db_calls.cursor_get = mdb_cursor_get;
            cr_assert((end == -1) == (fault.code == FAULT_FAILED), "%d reads: a scan that failed says so", left);
            segment_view_close(&view);
        }
        mdb_txn_abort(txn);
    }
    free(list.entries);
}
