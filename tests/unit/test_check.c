/* test_check.c - besik check finds each promise that is broken: a store's values are changed and written as a run would, with the
 * right checksum, so that nothing but what they promise is wrong. */
#include "tools/check.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "store/kept.h"
#include "tools/commands.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE TESTS_DIR "/sample"
#define LAST UINT32_MAX
#define NO_RUN 99u /* that was */

static char dir[64];

static void shell(const char *command)
{
    cr_assert_eq(system(command), 0, "%s", command);
}

/* In a child: a run may lock itself in. */
static void must(int (*go)(int, char **, struct fault *), const char *words)
{
    static struct fault fault;
    char text[512], *argv[32], *rest;
    int argc = 0, status;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        int failed = go(argc, argv, &fault);
        if (failed)
            fprintf(stderr, "%s: %s\n", words, fault.text);
        _exit(failed != 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%s", words);
}

#define RUN "store --workers 1 --memory 16M --as-of 2026-11-"

static void set_up(void)
{
    strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/test_check.XXXXXX" : "/dev/shm/test_check.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    setenv("BESIK_IO", "plain", 1);
    cr_assert_not_null(freopen("/dev/null", "w", stdout));
    must(command_init, "store --key " SAMPLE "/key --shards 4");
    must(command_run, RUN "02T22:00:00+05:00 --out out1 " SAMPLE "/night1");
    must(command_run, RUN "03T22:00:00+05:00 --out out2 " SAMPLE "/night2");
    must(command_run, RUN "04T22:00:00+05:00 --out out3 " SAMPLE "/night3");
    shell("mv store whole");
}

static void tear_down(void)
{
    char command[128];
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    shell(command);
}

TestSuite(check, .init = set_up, .fini = tear_down, .timeout = 300);

/* ---- what check says ---- */

static struct fault fault;
static char said[65536];
static uint64_t leftovers;

static int look(void)
{
    struct store store = {.lock_fd = -1};
    fault = (struct fault){0};
    struct check check = {.store = &store, .fault = &fault};
    int failed = check_go(&check, "store");
    snprintf(said, sizeof said, "%.*s", (int)check.broken.size, check.broken.size ? check.broken.data : "");
    leftovers = check.leftovers;
    check_free(&check);
    return failed;
}

/* ---- a value that is changed ---- */

static struct {
    uint8_t key[32], bytes[1 << 19];
    size_t key_size, size;
} value;

static void take_value(const struct store *store, enum table table, uint32_t nth)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, got;
    struct span payload;
    cr_assert_eq(store_read_begin(store, &txn, &fault), 0);
    cr_assert_eq(db_calls.cursor_open(txn, store->db.tables[table], &cursor), 0);
    int error = db_calls.cursor_get(cursor, &key, &got, nth == LAST ? MDB_LAST : MDB_FIRST);
    for (uint32_t i = 0; !error && nth != LAST && i < nth; i++)
        error = db_calls.cursor_get(cursor, &key, &got, MDB_NEXT);
    cr_assert_eq(error, 0, "%s has no value %u", DB_TABLE_NAMES[table], nth);
    cr_assert_eq(db_check(table, &key, &got, &payload, &fault), 0, "%s", fault.text);
    cr_assert(key.mv_size < sizeof value.key && payload.size < sizeof value.bytes);
    memset(&value, 0, sizeof value);
    memcpy(value.key, key.mv_data, value.key_size = key.mv_size);
    memcpy(value.bytes, payload.data, value.size = payload.size);
    mdb_cursor_close(cursor);
    store_read_end(txn);
}

static struct chunk *head(void) { return (struct chunk *)value.bytes; }
static struct chunk_entry *entries(void) { return (struct chunk_entry *)(value.bytes + sizeof(struct chunk)); }
static uint8_t *records(void) { return (uint8_t *)(entries() + head()->count); }

static void is_cut(void) { value.size = 4; }
static void is_short(void) { value.size--; }
static void is_long(void) { value.size++; }
static void has_long_key(void) { value.key_size++; }
static void is_of_no_run(void) { db_put_u32(value.key, NO_RUN); }
static void is_due_of_no_run(void) { db_put_u32(value.key + 8, NO_RUN); }
static void is_awaited_of_no_run(void) { db_put_u32(value.key + 10, NO_RUN); }
static void is_of_no_operator(void) { db_put_u16(value.key, 60000); }
static void is_the_next_block(void) { db_put_u32(value.key + 6, 1); }
static void is_nothing(void) { memset(value.bytes, 0, value.size); }
static void is_empty(void) { head()->count = 0; }
static void has_a_piece_more(void) { head()->pieces = 1; }
static void has_large_record(void) { entries()[0].end = 0xffffff; }
static void has_no_order(void)
{
    cr_assert_gt(head()->count, 1u);
    entries()[1].hash = 0;
}
static void has_other_phone(void) { entries()[0].sub ^= 1; }
static void has_no_record(void) { memset(records(), 0xff, value.size - (size_t)(records() - value.bytes)); }
static void has_other_key(void) { db_put_u64(value.key + 4, db_get_u64(value.key + 4) - 1); }
static void comes_again(void) { db_put_u64(value.key + 4, db_get_u64(value.key + 4) + 1); }
static void is_of_the_last(void) { db_put_u64(value.key + 4, UINT64_MAX); }
static void has_notice_of_nobody(void) { memset(records() + offsetof(struct notice_record, phone), 0xff, 4); }
static void has_notice_of_other(void) { records()[offsetof(struct notice_record, case_number)] ^= 1; }
static void has_more_blocks(void) { value.bytes[8]++; }
static void hides_all(void) { memset(value.bytes + 16, 0, value.size - 16); }

struct value_spoil {
    enum table table;
    uint32_t nth;
    void (*change)(void);
    const char *says; /* NULL: nothing is broken, it is only left over */
    bool beside;      /* the value that was stays */
};

static void spoil_value(const struct value_spoil *spoil)
{
    struct store store;
    struct db_writer writer;
    shell("rm -rf store && cp -r whole store");
    cr_assert_eq(store_open(&store, "store", STORE_WRITE, &fault), 0, "%s", fault.text);
    take_value(&store, spoil->table, spoil->nth);
    cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
    if (!spoil->beside)
        cr_assert_eq(db_delete(&writer, spoil->table, value.key, value.key_size, &fault), 0);
    spoil->change();
    cr_assert_eq(db_put(&writer, spoil->table, value.key, value.key_size, value.bytes, value.size, &fault), 0);
    cr_assert_eq(db_write_commit(&writer, &fault), 0, "%s", fault.text);
    db_write_abort(&writer);
    store_close(&store);
}

static const struct value_spoil VALUES[] = {
    {TABLE_RUNS, 0, has_long_key, "runs: a key is of the wrong size", true},
    {TABLE_RUNS, 1, is_long, "runs: a row is of the wrong size", false},
    {TABLE_RUNS, 1, is_of_no_run, "runs: runs are not numbered 1, 2, …", false},
    {TABLE_RUNS, 1, is_of_no_run, "runs: a run is not that of the state", false},
    {TABLE_RUNS, 1, is_of_no_run, "runs: there are not as many runs as the state tells", true},
    {TABLE_INPUTS, 0, is_of_no_run, NULL, true},
    {TABLE_FOLDERS, 0, is_of_no_run, NULL, true},
    {TABLE_FOLDERS, 1, is_the_next_block, "folders: a block of a kept file is missing", false},
    {TABLE_FOLDERS, 1, is_nothing, "folders: a block of a kept file is none", false},
    {TABLE_OPEN, 0, has_a_piece_more, "open: a piece of a value is missing or damaged", false},
    {TABLE_OPEN, 0, is_of_no_run, NULL, true},
    {TABLE_OPEN, 0, is_of_no_run, "open: a segment does not hold as much as the state tells", false},
    {TABLE_OPEN, 0, is_cut, "open: a value is cut", false},
    {TABLE_OPEN, 0, is_empty, "open: a value's head is none", false},
    {TABLE_OPEN, 0, has_large_record, "open: a value's records overlap", false},
    {TABLE_OPEN, 0, has_no_order, "open: a value's names are out of order", false},
    {TABLE_OPEN, 0, has_other_phone, "open: a record is named by no phone", false},
    {TABLE_OPEN, 0, has_no_record, "open: a record cannot be decoded", false},
    {TABLE_OPEN, 0, has_other_key, "open: a value is not what its key tells", false},
    {TABLE_OPEN, 0, comes_again, "open: what lies in one value reaches into the next", true},
    {TABLE_OPEN, 0, comes_again, "open: a segment does not hold as much as the state tells", true},
    {TABLE_NOTICES, 0, has_notice_of_nobody, "notices: a record is of the wrong size, or of no phone", false},
    {TABLE_NOTICES, 0, has_notice_of_other, "notices: the index does not name each case's notice, and nothing else", false},
    {TABLE_NOTICES_FILTER, 0, is_cut, "notices_filter: a value is cut", false},
    {TABLE_NOTICES_FILTER, 0, has_more_blocks, "notices_filter: a value's head is none", false},
    {TABLE_NOTICES_FILTER, 0, hides_all, "notices_filter: it hides a name that is there", false},
    {TABLE_HISTORY, 0, is_of_no_run, NULL, true},
    {TABLE_HISTORY, 0, is_of_the_last, "history: a value is not rows of phones that are known", false},
    {TABLE_HISTORY, 0, is_cut, "history: a value is not rows of phones that are known", false},
    {TABLE_DUE, LAST, is_due_of_no_run, NULL, true},
    {TABLE_DUE, LAST, is_short, "due: a value is cut, out of order, or not what its key tells", false},
    {TABLE_AWAITED, LAST, is_awaited_of_no_run, NULL, true},
    {TABLE_AWAITED, LAST, is_short, "awaited: a value is cut, of no SMS or of no operator", false},
    {TABLE_AWAITED, LAST, is_of_no_operator, "awaited: a value is cut, of no SMS or of no operator", true},
};

Test(check, a_whole_store_is_whole)
{
    shell("cp -r whole store");
    cr_assert_eq(look(), 0, "%s", fault.text);
    cr_assert_str_eq(said, "");
    must(command_check, "store");
    must(command_check, "store --json");
}

Test(check, values_that_do_not_keep_what_they_promise)
{
    shell("cp -r whole store");
    cr_assert_eq(look(), 0);
    uint64_t before = leftovers;
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        const struct value_spoil *spoil = &VALUES[i];
        spoil_value(spoil);
        cr_expect_eq(look(), 0, "%zu of %s: %s", i, DB_TABLE_NAMES[spoil->table], fault.text);
        if (spoil->says)
            cr_expect_not_null(strstr(said, spoil->says), "%zu: \"%s\" is not said, but: %s", i, spoil->says, said);
        else
            cr_expect(!said[0] && leftovers == before + 1, "%zu of %s: %lu left over, %s", i, DB_TABLE_NAMES[spoil->table],
                      (unsigned long)(leftovers - before), said);
    }
}

Test(check, what_is_broken_ends_it_with_exit_3)
{
    for (int json = 0; json < 2; json++) {
        char name[] = "store", option[] = "--json", *argv[] = {name, option};
        spoil_value(&(struct value_spoil){TABLE_OPEN, 0, is_cut, "", false});
        fault = (struct fault){0};
        cr_assert_eq(command_check(1 + json, argv, &fault), -1);
        cr_assert_eq(fault.code, FAULT_INPUT);
        cr_assert_not_null(strstr(fault.text, "promises are broken, the first: open: a value is cut"), "%s", fault.text);
    }
}

/* ---- tables of which all is gone, and a checksum ---- */

static void remove_all(enum table table)
{
    struct store store;
    struct db_writer writer;
    shell("rm -rf store && cp -r whole store");
    cr_assert_eq(store_open(&store, "store", STORE_WRITE, &fault), 0, "%s", fault.text);
    MDB_stat stat;
    for (;;) {
        MDB_txn *txn;
        cr_assert_eq(store_read_begin(&store, &txn, &fault), 0);
        cr_assert_eq(mdb_stat(txn, store.db.tables[table], &stat), 0);
        store_read_end(txn);
        if (!stat.ms_entries)
            break;
        take_value(&store, table, 0);
        cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
        cr_assert_eq(db_delete(&writer, table, value.key, value.key_size, &fault), 0);
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
        db_write_abort(&writer);
    }
    store_close(&store);
}

Test(check, tables_of_which_all_is_gone)
{
    static const struct {
        enum table table;
        const char *says;
    } GONE[] = {{TABLE_DUE, "due: an open case's due time is not queued"},
                {TABLE_AWAITED, "awaited: it does not name each SMS that waits for its receipt, and nothing else"},
                {TABLE_OPEN, "open: a segment is gone"},
                {TABLE_RUNS, "runs: there are not as many runs as the state tells"},
                {TABLE_NOTICES_FILTER, NULL}}; /* then all of notices is looked at */
    for (size_t i = 0; i < sizeof GONE / sizeof *GONE; i++) {
        remove_all(GONE[i].table);
        cr_expect_eq(look(), 0, "%s", fault.text);
        if (GONE[i].says)
            cr_expect_not_null(strstr(said, GONE[i].says), "\"%s\" is not said, but: %s", GONE[i].says, said);
    }
}

Test(check, a_value_of_another_checksum)
{
    for (enum table table = TABLE_RUNS; table < TABLE_COUNT; table++) {
        struct store store;
        struct db_writer writer;
        char bytes[1 << 16], wanted[128];
        if (table == TABLE_CLOSED || table == TABLE_CLOSED_FILTER) /* may have none so early */
            continue;
        shell("rm -rf store && cp -r whole store");
        cr_assert_eq(store_open(&store, "store", STORE_WRITE, &fault), 0, "%s", fault.text);
        take_value(&store, table, 0);
        cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
        MDB_val key = {value.key_size, value.key}, got;
        cr_assert_eq(db_calls.get(writer.txn, store.db.tables[table], &key, &got), 0);
        cr_assert_leq(got.mv_size, sizeof bytes);
        memcpy(bytes, got.mv_data, got.mv_size);
        bytes[got.mv_size - 1] ^= 1;
        got.mv_data = bytes;
        cr_assert_eq(db_calls.put(writer.txn, store.db.tables[table], &key, &got, 0), 0);
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
        db_write_abort(&writer);
        store_close(&store);
        cr_expect_eq(look(), 0, "%s", fault.text);
        snprintf(wanted, sizeof wanted, "%s: a value has another checksum than it was written with", DB_TABLE_NAMES[table]);
        cr_expect_not_null(strstr(said, wanted), "\"%s\" is not said, but: %s", wanted, said);
    }
}

/* ---- the state ---- */

static void due_later(struct store *store) { store->state->due_until_ms++; }
static void no_segments(struct store *store) { store->state->next_segment = 1; }
static void one_more(struct store *store) { store->state->segments[SEGMENTED_OPEN][0].entries++; }
static void one_open_more(struct store *store) { store->state->totals.cases_open++; }
static void one_run_more(struct store *store) { store->state->run++; }
static void operators_more(struct store *store) { store->state->operator_count = REF_OPERATORS_MAX; }
static void reminds_late(struct store *store) { store->settings.remind_after = store->settings.expire_after + DAY_MS; }
static void segment_more(struct store *store)
{
    struct state *state = store->state;
    uint32_t count = state->segment_counts[SEGMENTED_OPEN]++;
    state->segments[SEGMENTED_OPEN][count] = (struct segment){.number = state->next_segment++, .marks_ms = NEVER_MS};
}
static void merges_nothing(struct store *store)
{
    struct state *state = store->state;
    state->merge_counts[SEGMENTED_OPEN] = 1;
    state->merges[SEGMENTED_OPEN][0] = (struct merge){.first = state->segments[SEGMENTED_OPEN][0].number, .inputs = 1,
                                                      .output = {.number = state->next_segment}};
}

Test(check, a_state_that_the_tables_do_not_bear_out)
{
    static const struct {
        void (*change)(struct store *store);
        const char *says;
    } STATES[] = {
        {due_later, "meta: the queue of due times was not read up to the last run"},
        {no_segments, "meta: a segment's number is not one, or another's too"},
        {one_more, "open: a segment does not hold as much as the state tells"},
        {one_open_more, "meta: the counts of cases by step are not those of the cases"},
        {one_run_more, "runs: there are not as many runs as the state tells"},
        {operators_more, "meta: the state knows operators that the reference data lack"},
        {reminds_late, "meta: settings are out of their bounds"},
        {segment_more, "open: a segment is gone"},
        {merges_nothing, "meta: a merge under way is none"},
    };
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        struct store store;
        struct db_writer writer;
        shell("rm -rf store && cp -r whole store");
        cr_assert_eq(store_open(&store, "store", STORE_WRITE, &fault), 0, "%s", fault.text);
        STATES[i].change(&store);
        cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
        cr_assert_eq(store_put_state(store.state, &writer, &fault) || store_put_settings(&store, &writer, &fault), 0);
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
        db_write_abort(&writer);
        store_close(&store);
        cr_expect_eq(look(), 0, "%zu: %s", i, fault.text);
        cr_expect_not_null(strstr(said, STATES[i].says), "\"%s\" is not said, but: %s", STATES[i].says, said);
    }
}

/* ---- phones ---- */

/* True where the phone is one that can be changed so. */
static bool withdrawn_and_open(struct phone *phone) { return phone->cases[0].step != STEP_CLOSED && (phone->cases[0].withdrawn = 1); }
static bool in_the_future(struct phone *phone) { return (phone->cases[0].since_ms += 1000 * DAY_MS); }
static bool prompt_not_sent(struct phone *phone) { return step_is_prompt(phone->cases[0].step) && !(phone->cases[0].last_sms = 0); }
static bool of_no_operator(struct phone *phone) { return phone->latest_ms != NEVER_MS && (phone->latest_operator = 60000); }
static bool sent_by_nobody(struct phone *phone) { return phone->sms_count && (phone->sms[0].operator = 60000); }
static bool none_open(struct phone *phone)
{
    for (uint32_t i = 0; i < phone->case_count; i++) {
        phone->cases[i].step = STEP_CLOSED;
        phone->cases[i].closed_ms = phone->cases[i].since_ms;
    }
    return phone->case_count;
}
static bool asked_later(struct phone *phone)
{
    for (unsigned i = 0; i < AGENCY_COUNT; i++)
        if (phone->cases[0].requests[i].made)
            return (phone->cases[0].requests[i].made_run = NO_RUN);
    return false;
}
static bool waits_for_nothing(struct phone *phone)
{
    struct kase *kase = &phone->cases[0];
    return kase->step != STEP_CLOSED && !step_is_prompt(kase->step) && !(kase->requests[step_agency(kase->step)].made = 0);
}

/* Writes the chunk at hand anew with one phone changed. */
static bool change_phone(struct store *store, bool (*change)(struct phone *phone))
{
    static char made[1 << 20];
    struct phone phone = {0};
    size_t at = sizeof(struct chunk) + head()->count * sizeof(struct chunk_entry), begin = 0, first = at;
    bool changed = false;
    memcpy(made, value.bytes, at);
    struct chunk_entry *names = (struct chunk_entry *)(made + sizeof(struct chunk));
    for (uint32_t i = 0; i < head()->count; i++) {
        struct span record = {(const char *)records() + begin, entries()[i].end - begin};
        begin = entries()[i].end;
        phone.hash = entries()[i].hash;
        phone.number = entries()[i].sub;
        if (!changed && record.size) {
            cr_assert_eq(phone_load(&phone, record, &fault), 0, "%s", fault.text);
            changed = phone.case_count && change(&phone);
            if (changed) {
                record.size = phone_encode(&phone, NULL, NULL, 0, NEVER_MS, made + at);
                record.data = NULL;
            }
        }
        if (record.data)
            memcpy(made + at, record.data, record.size);
        at += record.size;
        names[i].end = (uint32_t)(at - first);
    }
    phone_unload(&phone);
    for (uint32_t i = 0; i < store->state->segment_counts[SEGMENTED_OPEN]; i++)
        if (store->state->segments[SEGMENTED_OPEN][i].number == db_get_u32(value.key))
            store->state->segments[SEGMENTED_OPEN][i].bytes += at - value.size;
    memcpy(value.bytes, made, value.size = at);
    return changed;
}

Test(check, phones_that_do_not_keep_what_they_promise)
{
    static const struct {
        bool (*change)(struct phone *phone);
        const char *says;
    } PHONES[] = {
        {withdrawn_and_open, "open: a case was withdrawn, and stands open"},
        {in_the_future, "open: a case is ahead of the last run"},
        {prompt_not_sent, "open: a case has an open prompt that was not sent"},
        {of_no_operator, "open: a phone is of no operator"},
        {sent_by_nobody, "open: an SMS is of no operator, or later than the last run"},
        {none_open, "open: a phone stands in the wrong table"},
        {asked_later, "open: a request is ahead of the last run"},
        {waits_for_nothing, "open: a case waits for an agency that has nothing to answer"},
    };
    for (size_t i = 0; i < sizeof PHONES / sizeof *PHONES; i++) {
        struct store store;
        struct db_writer writer;
        shell("rm -rf store && cp -r whole store");
        cr_assert_eq(store_open(&store, "store", STORE_WRITE, &fault), 0, "%s", fault.text);
        take_value(&store, TABLE_OPEN, LAST); /* of the newest segment: what it tells counts */
        cr_assert(change_phone(&store, PHONES[i].change), "no phone for \"%s\"", PHONES[i].says);
        cr_assert_eq(db_write_begin(&writer, &store.db, SIZE_MAX, &fault), 0);
        cr_assert_eq(db_put(&writer, TABLE_OPEN, value.key, value.key_size, value.bytes, value.size, &fault) ||
                         store_put_state(store.state, &writer, &fault), 0);
        cr_assert_eq(db_write_commit(&writer, &fault), 0);
        db_write_abort(&writer);
        store_close(&store);
        cr_expect_eq(look(), 0, "%zu: %s", i, fault.text);
        cr_expect_not_null(strstr(said, PHONES[i].says), "\"%s\" is not said, but: %s", PHONES[i].says, said);
    }
}
