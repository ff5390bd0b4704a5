/* export_history.c - the histories of many runs in the order of phones. See export.h.
 * The history of a run lies in the order of phones; a heap of runs gives the next phone, all of whose entries are gathered, run
 * after run, and told case by case. */
#include "tools/export.h"

#include "engine/values.h"
#include "io/sort.h"

struct stream { /* the history of one run */
    uint32_t run;
    MDB_cursor *cursor;
    struct history_reader reader;
    struct history_row row; /* the next one */
    uint64_t hash;
};

struct merge_heap {
    struct export *export;
    struct stream *streams;
    uint32_t *heap, count, stream_count; /* numbers of streams, the least first */
    struct buffer told, identities;      /* struct told of one phone */
    struct buffer order, spare;          /* struct sort_entry */
};

struct told {
    uint32_t run;
    struct history_row row;
    size_t identity_at, identity_size; /* in identities */
};

/* The run's next row: 1, 0 at its end, -1. `op` tells where its next value is. */
static int next_value(struct merge_heap *merge, struct stream *stream, MDB_cursor_op op)
{
    struct fault *fault = merge->export->fault;
    uint8_t from[4];
    db_put_u32(from, stream->run);
    MDB_val key = {sizeof from, from}, value;
    struct span payload;
    int error = db_cursor_get(stream->cursor, TABLE_HISTORY, &key, &value, op);
    if (error == MDB_NOTFOUND || (!error && db_get_u32(key.mv_data) != stream->run))
        return 0;
    if (error)
        return db_fault(fault, error, "read");
    if (db_check(TABLE_HISTORY, &key, &value, &payload, fault))
        return -1;
    return history_read(&stream->reader, payload) ? 1 : db_damaged(fault, TABLE_HISTORY);
}

static int advance(struct merge_heap *merge, struct stream *stream)
{
    for (;;) {
        int there = history_next(&stream->reader, &stream->row);
        if (there < 0)
            return db_damaged(merge->export->fault, TABLE_HISTORY);
        if (there) {
            stream->hash = value_phone_hash(stream->row.phone);
            return 1;
        }
        there = next_value(merge, stream, MDB_NEXT);
        if (there <= 0)
            return there;
    }
}

static int begin(struct merge_heap *merge, struct stream *stream)
{
    struct reader *reader = merge->export->reader;
    int error = db_calls.cursor_open(reader->store.snapshot, reader->store.db.tables[TABLE_HISTORY], &stream->cursor);
    if (error)
        return db_fault(reader->fault, error, "read");
    int there = next_value(merge, stream, MDB_SET_RANGE);
    return there <= 0 ? there : advance(merge, stream);
}

static bool is_before(const struct merge_heap *merge, uint32_t a, uint32_t b)
{
    const struct stream *x = &merge->streams[a], *y = &merge->streams[b];
    if (x->hash != y->hash)
        return x->hash < y->hash;
    if (x->row.phone != y->row.phone)
        return x->row.phone < y->row.phone;
    return x->run < y->run;
}

static void sift(struct merge_heap *merge, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->count; child++)
            if (is_before(merge, merge->heap[child], merge->heap[least]))
                least = child;
        if (least == at)
            return;
        uint32_t number = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = number;
        at = least;
    }
}

static int told_order(const void *a, const void *b, const void *context)
{
    (void)context;
    return a < b ? -1 : a > b; /* as they were gathered */
}

static int tell_phone(struct merge_heap *merge, uint32_t phone)
{
    struct export *export = merge->export;
    const struct told *told = (const struct told *)merge->told.data;
    size_t count = merge->told.size / sizeof *told;
    buffer_clear(&merge->order);
    struct sort_entry *entries = (struct sort_entry *)buffer_room(&merge->order, count * sizeof *entries, export->fault);
    struct sort_entry *spare = (struct sort_entry *)buffer_room(&merge->spare, count * sizeof *spare, export->fault);
    if (!entries || !spare)
        return -1;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct sort_entry){told[i].row.case_number, &told[i]};
    sort_entries(entries, spare, count, told_order, NULL);
    char room[ID_SIZE], result[64];
    struct span name = export_phone(export, phone, room);
    for (size_t i = 0; i < count; i++) {
        const struct told *one = entries[i].item;
        reader_result(&one->row, result);
        const struct export_value values[EXPORT_COLUMNS_MAX] = {
            {.text = name},
            {.number = one->row.case_number},
            {.number = one->run},
            {.number = one->row.at_ms},
            {.text = span_of(HISTORY_WORDS[one->row.event % HISTORY_EVENT_COUNT])},
            {.text = {merge->identities.data + one->identity_at, one->identity_size}},
            {.text = span_of(result)},
            {.text = span_of(STEP_WORDS[one->row.step % STEP_COUNT])},
        };
        if (export_row(export, values))
            return -1;
    }
    buffer_clear(&merge->told);
    buffer_clear(&merge->identities);
    return 0;
}

static int gather(struct merge_heap *merge, const struct stream *stream)
{
    struct fault *fault = merge->export->fault;
    char *room = buffer_room(&merge->identities, HISTORY_IDENTITY_MAX, fault);
    if (!room)
        return -1;
    struct told told = {stream->run, stream->row, merge->identities.size, history_identity(&stream->row, room)};
    merge->identities.size += told.identity_size;
    return buffer_add(&merge->told, &told, sizeof told, fault);
}

static int merge_all(struct merge_heap *merge)
{
    for (uint32_t i = 0; i < merge->stream_count; i++) {
        merge->streams[i].run = merge->export->first_run + i;
        int there = begin(merge, &merge->streams[i]);
        if (there < 0)
            return -1;
        if (there)
            merge->heap[merge->count++] = i;
    }
    for (uint32_t i = merge->count / 2; i-- > 0;)
        sift(merge, i);
    while (merge->count) {
        struct stream *stream = &merge->streams[merge->heap[0]];
        uint32_t phone = stream->row.phone;
        if (gather(merge, stream))
            return -1;
        int there = advance(merge, stream);
        if (there < 0)
            return -1;
        if (!there)
            merge->heap[0] = merge->heap[--merge->count];
        sift(merge, 0);
        if ((!merge->count || merge->streams[merge->heap[0]].row.phone != phone) && tell_phone(merge, phone))
            return -1;
    }
    return 0;
}

int export_history(struct export *export)
{
    uint32_t last = export->reader->store.state->run;
    struct merge_heap merge = {.export = export, .stream_count = export->first_run <= last ? last - export->first_run + 1 : 0};
    size_t size = merge.stream_count * sizeof *merge.streams;
    merge.streams = sys.alloc(size + 1);
    merge.heap = sys.alloc(merge.stream_count * sizeof *merge.heap + 1);
    int failed = merge.streams && merge.heap ? 0 : fault_memory(export->fault);
    if (merge.streams) /* they are looked through at the end, whatever failed */
        memset(merge.streams, 0, size);
    failed = failed || merge_all(&merge);
    for (uint32_t i = 0; merge.streams && i < merge.stream_count; i++)
        if (merge.streams[i].cursor)
            mdb_cursor_close(merge.streams[i].cursor);
    sys.free(merge.streams);
    sys.free(merge.heap);
    buffer_free(&merge.told);
    buffer_free(&merge.identities);
    buffer_free(&merge.order);
    buffer_free(&merge.spare);
    return failed ? -1 : 0;
}
