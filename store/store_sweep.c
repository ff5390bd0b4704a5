/* store_sweep.c - what nobody reads any more is deleted: segments merged away, what a run that was cut wrote, queues and folders past
 * their time. See store.h and tables.h. */
#include "store/store.h"

#include "store/scrub.h"

#define UNFINISHED TABLE_META, "unfinished", sizeof "unfinished" - 1

struct sweep {
    const struct state *state;
    uint32_t keep_runs;
    uint32_t number;   /* of the segment that is dead */
    uint32_t operator; /* whose queue is swept */
};

static const struct {
    unsigned segmented;
    enum table table;
} SEGMENTED[] = {{SEGMENTED_OPEN, TABLE_OPEN},
                 {SEGMENTED_CLOSED, TABLE_CLOSED},
                 {SEGMENTED_CLOSED, TABLE_CLOSED_FILTER},
                 {SEGMENTED_NOTICES, TABLE_NOTICES},
                 {SEGMENTED_NOTICES, TABLE_NOTICES_FILTER}};

static bool segment_is_live(const struct state *state, unsigned segmented, uint32_t number)
{
    for (uint32_t i = 0; i < state->segment_counts[segmented]; i++)
        if (state->segments[segmented][i].number == number)
            return true;
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++)
        if (state->merges[segmented][i].output.number == number)
            return true;
    return false;
}

static enum db_verdict judge_segment(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    return db_get_u32(key) == sweep->number ? DB_DELETE : DB_STOP;
}

/* From segment to segment: the live ones are jumped over, not walked. */
static int sweep_segments(const struct state *state, struct db_writer *writer, unsigned segmented, enum table table,
                          struct fault *fault)
{
    for (uint64_t number = 0; number <= UINT32_MAX; number++) {
        uint8_t key[12] = {0};
        db_put_u32(key, (uint32_t)number);
        MDB_cursor *cursor;
        MDB_val k = {sizeof key, key}, v;
        int error = db_calls.cursor_open(writer->txn, writer->db->tables[table], &cursor);
        if (!error) {
            error = db_cursor_get(cursor, table, &k, &v, MDB_SET_RANGE);
            if (!error)
                number = db_get_u32(k.mv_data);
            mdb_cursor_close(cursor);
        }
        if (error)
            return error == MDB_NOTFOUND ? 0 : db_fault(fault, error, "sweep");
        struct sweep sweep = {.state = state, .number = (uint32_t)number};
        db_put_u32(key, (uint32_t)number);
        if (!segment_is_live(state, segmented, (uint32_t)number) &&
            db_sweep(writer, table, key, sizeof key, judge_segment, &sweep, fault))
            return -1;
    }
    return 0;
}

bool store_due_is_live(const struct state *state, const uint8_t *key)
{
    int64_t due_ms = db_get_time(key);
    uint32_t run = db_get_u32(key + 8);
    return run <= state->run && (due_ms > state->due_until_ms || (due_ms == state->due_until_ms && run == state->run));
}

static enum db_verdict judge_due(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    if (db_get_time(key) > sweep->state->due_until_ms)
        return DB_STOP;
    return store_due_is_live(sweep->state, key) ? DB_KEEP : DB_DELETE;
}

static enum db_verdict judge_awaited(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    bool mine = ((uint32_t)key[0] << 8 | key[1]) == sweep->operator;
    return mine && db_get_time(key + 2) <= sweep->state->operators[sweep->operator].settled_ms ? DB_DELETE : DB_STOP;
}

static enum db_verdict judge_history(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    return db_get_u32(key) > sweep->state->run ? DB_DELETE : DB_KEEP;
}

static enum db_verdict judge_old_folder(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    return (uint64_t)db_get_u32(key) + sweep->keep_runs <= sweep->state->run ? DB_DELETE : DB_STOP;
}

static enum db_verdict judge_cut_due(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    return db_get_u32(key + 8) > sweep->state->run ? DB_DELETE : DB_KEEP;
}

static enum db_verdict judge_cut_awaited(const uint8_t *key, size_t size, const void *context)
{
    const struct sweep *sweep = context;
    (void)size;
    return db_get_u32(key + 10) > sweep->state->run ? DB_DELETE : DB_KEEP;
}

/* How far a cut run moved the merges on. */
static int sweep_cut_merges(const struct state *state, struct db_writer *writer, unsigned segmented, enum table table,
                            struct fault *fault)
{
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++) {
        const struct merge *merge = &state->merges[segmented][i];
        struct sweep sweep = {.state = state, .number = merge->output.number};
        uint8_t from[12];
        db_put_u32(from, merge->output.number);
        db_put_u64(from + 4, merge->next_hash);
        if (db_sweep(writer, table, from, sizeof from, judge_segment, &sweep, fault))
            return -1;
    }
    return 0;
}

/* What a cut run wrote under its own number: only then are the queues walked whole. */
static int sweep_cut_run(const struct state *state, struct db_writer *writer, struct fault *fault)
{
    struct sweep sweep = {.state = state};
    uint8_t run[4], zero[1] = {0};
    db_put_u32(run, state->run + 1);
    for (size_t i = 0; i < sizeof SEGMENTED / sizeof *SEGMENTED; i++)
        if (sweep_cut_merges(state, writer, SEGMENTED[i].segmented, SEGMENTED[i].table, fault))
            return -1;
    return db_sweep(writer, TABLE_DUE, zero, 0, judge_cut_due, &sweep, fault) ||
                   db_sweep(writer, TABLE_AWAITED, zero, 0, judge_cut_awaited, &sweep, fault) ||
                   db_sweep(writer, TABLE_HISTORY, run, sizeof run, judge_history, &sweep, fault) ||
                   db_sweep(writer, TABLE_INPUTS, run, sizeof run, judge_history, &sweep, fault) ||
                   db_sweep(writer, TABLE_FOLDERS, run, sizeof run, judge_history, &sweep, fault) ||
                   db_delete(writer, UNFINISHED, fault)
               ? -1
               : 0;
}

int store_sweep(const struct store *store, struct db_writer *writer, struct fault *fault)
{
    const struct state *state = store->state;
    for (size_t i = 0; i < sizeof SEGMENTED / sizeof *SEGMENTED; i++)
        if (sweep_segments(state, writer, SEGMENTED[i].segmented, SEGMENTED[i].table, fault))
            return -1;
    struct sweep sweep = {.state = state, .keep_runs = store->settings.keep_runs};
    uint8_t zero[1] = {0};
    if (db_sweep(writer, TABLE_DUE, zero, 0, judge_due, &sweep, fault) ||
        db_sweep(writer, TABLE_FOLDERS, zero, 0, judge_old_folder, &sweep, fault))
        return -1;
    for (; sweep.operator < state->operator_count; sweep.operator++) {
        uint8_t from[2];
        db_put_u16(from, (uint16_t)sweep.operator);
        if (db_sweep(writer, TABLE_AWAITED, from, sizeof from, judge_awaited, &sweep, fault))
            return -1;
    }
    if (store_scrub_clear(writer, fault))
        return -1;
    struct span unfinished;
    int there = db_get(writer->db, writer->txn, UNFINISHED, &unfinished, fault);
    return there < 0 || (there == 0 && sweep_cut_run(state, writer, fault)) ? -1 : 0;
}

int store_mark_unfinished(struct db_writer *writer, bool unfinished, struct fault *fault)
{
    return unfinished ? db_put(writer, UNFINISHED, "1", 1, fault) : db_delete(writer, UNFINISHED, fault);
}
