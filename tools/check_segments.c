/* check_segments.c - see check.h: each chunk and each filter by itself, and each segment against what the state tells of it. */
#include "tools/check.h"

#include "engine/values.h"

#define FILTER_HEAD 16
#define FILTER_BLOCK 64
#define SEGMENT_KEY 12

/* ---- segments one after another ---- */

static void end_segment(struct check *check)
{
    struct segment_check *segment = &check->segment;
    if (segment->live && (segment->entries != segment->told.entries || segment->bytes != segment->told.bytes))
        check_say(check, segment->table, "a segment does not hold as much as the state tells");
    segment->live = false;
}

static void begin_segment(struct check *check, uint32_t number)
{
    const struct state *state = check->store->state;
    struct segment_check *segment = &check->segment;
    unsigned segmented = segment->segmented;
    end_segment(check);
    *segment = (struct segment_check){.table = segment->table, .segmented = segmented, .number = number,
                                      .next_hash = UINT64_MAX, .begun = true};
    for (uint32_t i = 0; i < state->segment_counts[segmented]; i++)
        if (state->segments[segmented][i].number == number) {
            segment->live = true;
            segment->told = state->segments[segmented][i];
            check->live_met++;
        }
    for (uint32_t i = 0; i < state->merge_counts[segmented]; i++)
        if (state->merges[segmented][i].output.number == number) {
            segment->live = true;
            segment->told = state->merges[segmented][i].output;
            segment->next_hash = state->merges[segmented][i].next_hash;
        }
}

/* False: it is what the next run sweeps. */
static bool is_live(struct check *check, const uint8_t *key)
{
    struct segment_check *segment = &check->segment;
    uint32_t number = db_get_u32(key);
    bool first = !segment->begun || segment->number != number;
    if (first)
        begin_segment(check, number);
    bool live = segment->live && db_get_u64(key + 4) < segment->next_hash;
    if (live && !first && segment->entries && db_get_u64(key + 4) <= segment->last_hash)
        check_say(check, segment->table, "what lies in one value reaches into the next");
    check->leftovers += !live;
    return live;
}

/* ---- chunks ---- */

static int look_at_record(struct check *check, enum table table, const struct chunk_entry *entry, struct span record)
{
    if (table == TABLE_NOTICES) {
        struct notice_record notice;
        if (!segment_notice(record, &notice))
            check_say(check, table, "a record is of the wrong size, or of no phone");
        return 0;
    }
    if (entry->hash != value_phone_hash(entry->sub) || entry->sub > VALUE_PHONE_MAX)
        check_say(check, table, "a record is named by no phone");
    if (!record.size)
        return 0;
    struct fault bad = {0};
    if (phone_load(&check->phone, record, &bad)) {
        check_say(check, table, "a record cannot be decoded");
        return 0;
    }
    buffer_clear(&check->out);
    char *room = buffer_room(&check->out, phone_encoded_max(&check->phone, 0), check->fault);
    if (!room)
        return -1;
    size_t size = phone_encode(&check->phone, NULL, NULL, 0, NEVER_MS, room);
    if (size != record.size || memcmp(room, record.data, size) != 0)
        check_say(check, table, "a record is not in the form in which it is written");
    return 0;
}

static int look_at_chunk(struct check *check, const uint8_t *key, struct span payload)
{
    struct segment_check *segment = &check->segment;
    enum table table = segment->table;
    struct chunk head;
    if (!is_live(check, key))
        return 0;
    if (payload.size < sizeof head) {
        check_say(check, table, "a value is cut");
        return 0;
    }
    memcpy(&head, payload.data, sizeof head);
    const struct chunk_entry *entries = (const struct chunk_entry *)(payload.data + sizeof head);
    if (!head.count || (payload.size - sizeof head) / sizeof *entries < head.count) {
        check_say(check, table, "a value's head is none");
        return 0;
    }
    const char *records = (const char *)(entries + head.count);
    size_t size = payload.size - sizeof head - head.count * sizeof *entries, begin = 0;
    for (uint32_t i = 0; i < head.count; i++) {
        const struct chunk_entry *entry = &entries[i], *last = i ? entry - 1 : entry;
        if (entry->end < begin || entry->end > size) {
            check_say(check, table, "a value's records overlap");
            return 0;
        }
        if (i && (last->hash > entry->hash || (last->hash == entry->hash && last->sub >= entry->sub)))
            check_say(check, table, "a value's names are out of order");
        if (look_at_record(check, table, entry, (struct span){records + begin, entry->end - begin}))
            return -1;
        begin = entry->end;
    }
    if (begin != size || entries[0].hash != db_get_u64(key + 4))
        check_say(check, table, "a value is not what its key tells");
    segment->last_hash = entries[head.count - 1].hash;
    segment->entries += head.count;
    segment->bytes += payload.size;
    return 0;
}

/* ---- filters ---- */

static int look_at_filter(struct check *check, const uint8_t *key, struct span payload)
{
    struct segment_check *segment = &check->segment;
    uint64_t last;
    uint32_t blocks;
    if (!is_live(check, key))
        return 0;
    segment->told = (struct segment){0};
    if (payload.size < FILTER_HEAD + FILTER_BLOCK) {
        check_say(check, segment->table, "a value is cut");
        return 0;
    }
    memcpy(&last, payload.data, sizeof last);
    memcpy(&blocks, payload.data + 8, sizeof blocks);
    if (FILTER_HEAD + (uint64_t)blocks * FILTER_BLOCK != payload.size || last < db_get_u64(key + 4))
        check_say(check, segment->table, "a value's head is none");
    segment->told.entries = ++segment->entries; /* how many there are is told nowhere */
    segment->last_hash = last;
    return 0;
}

/* Each name that a segment holds is found in it, through its filter. */
static int look_through_filter(struct check *check, enum table table, enum table filter, const struct segment *segment)
{
    struct segment_view all = {0}, one = {0};
    struct segment_entry entry;
    struct span record;
    int failed = segment_view_open(&all, &check->store->db, check->txn, table, TABLE_COUNT, segment, 1, check->fault) ||
                 segment_view_open(&one, &check->store->db, check->txn, table, filter, segment, 1, check->fault) ||
                 segment_scan(&all, 0, check->fault);
    while (!failed && segment_peek(&all, &entry)) {
        int there = segment_find(&one, entry.hash, entry.sub, &record, check->fault);
        failed = there < 0;
        if (!failed && there != (entry.record.size > 0))
            check_say(check, filter, "it hides a name that is there");
        failed = failed || segment_next(&all, check->fault);
    }
    segment_view_close(&all);
    segment_view_close(&one);
    return failed ? -1 : 0;
}

static int look_at_segments(struct check *check, unsigned segmented, enum table table, enum table filter)
{
    const struct state *state = check->store->state;
    check->segment = (struct segment_check){.table = table, .segmented = segmented};
    check->live_met = 0;
    if (check_walk(check, table, SEGMENT_KEY, look_at_chunk))
        return -1;
    end_segment(check);
    if (check->live_met != state->segment_counts[segmented])
        check_say(check, table, "a segment is gone");
    if (filter == TABLE_COUNT)
        return 0;
    check->segment = (struct segment_check){.table = filter, .segmented = segmented};
    if (check_walk(check, filter, SEGMENT_KEY, look_at_filter))
        return -1;
    if (check->table_broken[table] || check->table_broken[filter])
        return 0;
    for (uint32_t i = 0; i < state->segment_counts[segmented]; i++)
        if (look_through_filter(check, table, filter, &state->segments[segmented][i]))
            return -1;
    return 0;
}

int check_segments(struct check *check)
{
    return look_at_segments(check, SEGMENTED_OPEN, TABLE_OPEN, TABLE_COUNT) ||
                   look_at_segments(check, SEGMENTED_CLOSED, TABLE_CLOSED, TABLE_CLOSED_FILTER) ||
                   look_at_segments(check, SEGMENTED_NOTICES, TABLE_NOTICES, TABLE_NOTICES_FILTER)
               ? -1
               : 0;
}
