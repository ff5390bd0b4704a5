/* check.c - see check.h. */
#include "tools/check.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "store/kept.h"
#include "store/segment.h"

#define SAID_MAX 20 /* lines a table */
#define TRIES 100   /* to catch a snapshot while a run commits */

void check_say(struct check *check, unsigned table, const char *what)
{
    struct fault ignored = {0};
    check->broken_count++;
    if (++check->table_broken[table] > SAID_MAX)
        return;
    (void)buffer_format(&check->broken, &ignored, "%s: %s\n", table == CHECK_PAGES ? "pages" : DB_TABLE_NAMES[table], what);
}

/* A chunk of several pieces, whole; the cursor moves behind them. -1: it is said what is wrong. */
static int put_together(struct check *check, MDB_cursor *cursor, enum table table, const uint8_t *key, struct span *payload, char **whole,
                        size_t *capacity)
{
    struct chunk head = {0};
    struct fault bad = {0};
    if (payload->size >= sizeof head)
        memcpy(&head, payload->data, sizeof head);
    if (head.pieces && segment_put_together(cursor, table, key, *payload, whole, capacity, payload, &bad)) {
        check_say(check, table, "a piece of a value is missing or damaged");
        return -1;
    }
    return 0;
}

int check_walk(struct check *check, enum table table, size_t key_size,
               int (*look)(struct check *check, const uint8_t *key, struct span payload))
{
    MDB_cursor *cursor;
    MDB_val key, value;
    char *whole = NULL;
    size_t capacity = 0;
    bool chunks = table == TABLE_OPEN || table == TABLE_CLOSED || table == TABLE_NOTICES;
    int error = db_calls.cursor_open(check->txn, check->store->db.tables[table], &cursor), failed = 0;
    if (error)
        return db_fault(check->fault, error, "read");
    for (error = db_calls.cursor_get(cursor, &key, &value, MDB_FIRST); !error && !failed;
         error = db_calls.cursor_get(cursor, &key, &value, MDB_NEXT)) {
        struct fault damaged = {0};
        struct span payload;
        check->values[table]++;
        check->bytes[table] += value.mv_size;
        if (db_check(table, &key, &value, &payload, &damaged))
            check_say(check, table, "a value has another checksum than it was written with");
        else if (key.mv_size == SEGMENT_PIECE_KEY_SIZE && table == TABLE_HISTORY)
            failed = look(check, key.mv_data, payload);
        else if (key_size && key.mv_size != key_size)
            check_say(check, table, "a key is of the wrong size");
        else
            failed = chunks && put_together(check, cursor, table, key.mv_data, &payload, &whole, &capacity)
                         ? 0
                         : look(check, key.mv_data, payload);
    }
    sys.free(whole);
    mdb_cursor_close(cursor);
    return failed ? -1 : error != MDB_NOTFOUND ? db_fault(check->fault, error, "read") : 0;
}

/* ---- meta and runs ---- */

static int look_at_meta(struct check *check, const uint8_t *key, struct span payload)
{
    (void)check, (void)key, (void)payload; /* store_open reads them; here their checksums count */
    return 0;
}

static int look_at_run(struct check *check, const uint8_t *key, struct span payload)
{
    const struct state *state = check->store->state;
    uint32_t run = db_get_u32(key);
    struct run_row row;
    if (payload.size != sizeof row) {
        check_say(check, TABLE_RUNS, "a row is of the wrong size");
        return 0;
    }
    memcpy(&row, payload.data, sizeof row);
    if (run != check->values[TABLE_RUNS])
        check_say(check, TABLE_RUNS, "runs are not numbered 1, 2, …");
    if (run > state->run || (run == state->run && row.as_of_ms != state->as_of_ms))
        check_say(check, TABLE_RUNS, "a run is not that of the state");
    return 0;
}

/* ---- what is kept of runs ---- */

static int look_at_inputs(struct check *check, const uint8_t *key, struct span payload)
{
    (void)payload;
    check->leftovers += db_get_u32(key) > check->store->state->run;
    return 0;
}

static int look_at_folder(struct check *check, const uint8_t *key, struct span payload)
{
    const struct state *state = check->store->state;
    uint32_t run = db_get_u32(key), block = db_get_u32(key + 6), file = (uint32_t)key[4] << 8 | key[5];
    struct span name;
    struct fault damaged = {0};
    if (run > state->run || (uint64_t)run + check->store->settings.keep_runs <= state->run)
        check->leftovers++;
    else if (block != (run == check->kept_run && file == check->kept_file ? check->kept_block + 1 : 0))
        check_say(check, TABLE_FOLDERS, "a block of a kept file is missing");
    else if (kept_unpack(block == 0, payload, &name, &check->out, &damaged))
        check_say(check, TABLE_FOLDERS, "a block of a kept file is none");
    check->kept_run = run;
    check->kept_file = file;
    check->kept_block = block;
    return 0;
}

static void look_at_state(struct check *check)
{
    const struct state *state = check->store->state;
    struct fault bounds = {0};
    if (store_check_settings(&check->store->settings, &bounds))
        check_say(check, TABLE_META, "settings are out of their bounds");
    if (check->values[TABLE_RUNS] != state->run)
        check_say(check, TABLE_RUNS, "there are not as many runs as the state tells");
    if (state->operator_count > check->ref->operator_count)
        check_say(check, TABLE_META, "the state knows operators that the reference data lack");
    if (state->run && state->due_until_ms != state->as_of_ms)
        check_say(check, TABLE_META, "the queue of due times was not read up to the last run");
    for (unsigned i = 0; i < SEGMENTED_COUNT; i++) {
        for (uint32_t j = 0; j < state->segment_counts[i]; j++)
            for (uint32_t k = 0; k <= j; k++)
                if (state->segments[i][j].number >= state->next_segment ||
                    (k < j && state->segments[i][j].number == state->segments[i][k].number))
                    check_say(check, TABLE_META, "a segment's number is not one, or another's too");
        for (uint32_t j = 0; j < state->merge_counts[i]; j++)
            if (state->merges[i][j].output.number >= state->next_segment || state->merges[i][j].inputs > state->segment_counts[i])
                check_say(check, TABLE_META, "a merge under way is none");
    }
}

/* ---- the whole ---- */

/* It cannot be opened: because of its pages? */
static int explain(struct check *check, const char *dir)
{
    struct fault broken = {0};
    if (check->fault->code != FAULT_BUSY && pages_look(dir, 0, true, &check->pages, &broken) < 0 && broken.code == FAULT_INPUT)
        *check->fault = broken;
    return -1;
}

static void close_store(struct check *check)
{
    ref_free(check->ref_set);
    check->ref_set = NULL;
    store_close(check->store);
}

/* Opens the store's last snapshot and looks its pages over; a writer may go on meanwhile. */
static int open_snapshot(struct check *check, const char *dir)
{
    for (unsigned i = 0; i < TRIES; i++) {
        struct fault broken = {0};
        if (open_store(check->store, &check->ref_set, dir, STORE_READ, check->fault))
            return explain(check, dir);
        check->txn = check->store->snapshot;
        int looked = pages_look(dir, mdb_txn_id(check->txn), true, &check->pages, &broken);
        if (looked < 0 && broken.code != FAULT_INPUT) {
            *check->fault = broken;
            return -1;
        }
        if (looked < 0)
            check_say(check, CHECK_PAGES, broken.text);
        if (looked <= 0)
            return 0;
        close_store(check);
    }
    return fault_set(check->fault, FAULT_BUSY, "%s: is being written to all the time: give the command again later", dir);
}

int check_go(struct check *check, const char *dir)
{
    struct db_keys keys;
    struct fault broken = {0};
    if (open_snapshot(check, dir))
        return -1;
    if (check->broken_count) /* LMDB is not to be led over such pages */
        return 0;
    check->ref = ref_of(check->ref_set);
    if (db_get_keys(&check->store->db, check->txn, &keys, check->fault))
        return -1;
    if (pages_compare(&check->pages, &keys, &broken))
        check_say(check, CHECK_PAGES, broken.text);
    if (check_walk(check, TABLE_META, 0, look_at_meta) || check_walk(check, TABLE_RUNS, 4, look_at_run) ||
        check_walk(check, TABLE_INPUTS, KEPT_INPUTS_KEY_SIZE, look_at_inputs) ||
        check_walk(check, TABLE_FOLDERS, KEPT_KEY_SIZE, look_at_folder))
        return -1;
    look_at_state(check);
    return check_segments(check) || check->broken_count ? -(check->fault->code != FAULT_NONE) : check_phones(check);
}

void check_free(struct check *check)
{
    segment_view_close(&check->open);
    segment_view_close(&check->closed);
    phone_unload(&check->phone);
    buffer_free(&check->broken);
    buffer_free(&check->out);
    buffer_free(&check->due);
    close_store(check);
}
