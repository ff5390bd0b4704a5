/* segment.c - building and reading sorted segments. See segment.h; the bytes are drawn in tables.h.
 *
 * A chunk is found through LMDB by its first hash; within it by binary search. A filter page tells for a stretch of hashes
 * which are surely not there: blocks of 64 bytes, 12 bits a hash, 7 bits set, so that a name that is nowhere costs one page. */
#include "store/segment.h"

#include "engine/check.h"
#include "engine/sys/list.h"
#include "engine/sys/sys.h"
#include "engine/values.h"

#define CHUNK_PAYLOAD (CHUNK_SIZE - 8)
#define FILTER_HEAD 16 /* last hash, count of blocks */
#define FILTER_BLOCK 64
#define FILTER_BITS_PER_HASH 12
#define FILTER_BLOCKS_MAX ((FILTER_SIZE - 8 - FILTER_HEAD) / FILTER_BLOCK)
#define FILTER_HASHES_MAX (FILTER_BLOCKS_MAX * FILTER_BLOCK * 8 / FILTER_BITS_PER_HASH)
#define KEY_SIZE SEGMENT_KEY_SIZE
#define PIECE_PAYLOAD (PIECE_SIZE - 8)

const struct segmented_tables SEGMENTED_TABLES[SEGMENTED_COUNT] = {
    [SEGMENTED_OPEN] = {TABLE_OPEN, TABLE_COUNT},
    [SEGMENTED_CLOSED] = {TABLE_CLOSED, TABLE_CLOSED_FILTER},
    [SEGMENTED_NOTICES] = {TABLE_NOTICES, TABLE_NOTICES_FILTER},
};

static void make_key(uint8_t key[KEY_SIZE], uint32_t number, uint64_t hash)
{
    db_put_u32(key, number);
    db_put_u64(key + 4, hash);
}

/* ---- filters ---- */

static uint64_t filter_mix(uint64_t hash)
{
    hash ^= hash >> 31;
    hash *= 0x9FB21C651E98DF25u;
    return hash ^ hash >> 28;
}

static uint8_t *filter_block(uint8_t *blocks, uint32_t count, uint64_t mix)
{
    return blocks + (size_t)(((mix >> 32) * count) >> 32) * FILTER_BLOCK;
}

static void filter_set(uint8_t *blocks, uint32_t count, uint64_t hash)
{
    uint64_t mix = filter_mix(hash);
    uint8_t *block = filter_block(blocks, count, mix);
    uint64_t bits = mix * 0xD6E8FEB86659FD93u;
    for (unsigned i = 0; i < 7; i++, bits >>= 9)
        block[(bits & 511) >> 3] |= (uint8_t)(1 << (bits & 7));
}

static bool filter_test(const uint8_t *blocks, uint32_t count, uint64_t hash)
{
    uint64_t mix = filter_mix(hash);
    const uint8_t *block = filter_block((uint8_t *)blocks, count, mix);
    uint64_t bits = mix * 0xD6E8FEB86659FD93u;
    for (unsigned i = 0; i < 7; i++, bits >>= 9)
        if (!(block[(bits & 511) >> 3] & 1 << (bits & 7)))
            return false;
    return true;
}

/* ---- building ---- */

int segment_build(struct segment_builder *builder, enum table table, enum table filter_table, struct fault *fault)
{
    *builder = (struct segment_builder){.table = table, .filter_table = filter_table};
    if (filter_table == TABLE_COUNT)
        return 0;
    builder->filter_hashes = sys.alloc(FILTER_HASHES_MAX * sizeof *builder->filter_hashes);
    return builder->filter_hashes ? 0 : fault_memory(fault);
}

void segment_begin(struct segment_builder *builder, uint32_t number, struct blobs *blobs)
{
    builder->number = number;
    builder->blobs = blobs;
    builder->count = builder->filter_count = 0;
    buffer_clear(&builder->records);
    builder->entries_total = builder->bytes_total = 0;
}

size_t segment_pieces(size_t size)
{
    return (size + PIECE_PAYLOAD - 1) / PIECE_PAYLOAD;
}

size_t segment_piece_at(size_t piece)
{
    return piece * PIECE_PAYLOAD;
}

/* Copies bytes from `from` on of the chunk that the builder holds: head, index, records. */
static void copy_chunk(const struct segment_builder *builder, const struct chunk *head, size_t from, size_t size, char *out)
{
    const struct span parts[] = {{(const char *)head, sizeof *head},
                                 {(const char *)builder->entries, builder->count * sizeof *builder->entries},
                                 {builder->records.data, builder->records.size}};
    for (unsigned i = 0; i < 3 && size; i++) {
        if (from >= parts[i].size) {
            from -= parts[i].size;
            continue;
        }
        size_t some = parts[i].size - from < size ? parts[i].size - from : size;
        memcpy(out, parts[i].data + from, some);
        out += some;
        size -= some;
        from = 0;
    }
}

static int flush_chunk(struct segment_builder *builder, struct fault *fault)
{
    if (!builder->count)
        return 0;
    uint8_t key[SEGMENT_PIECE_KEY_SIZE];
    make_key(key, builder->number, builder->entries[0].hash);
    size_t size = sizeof(struct chunk) + builder->count * sizeof *builder->entries + builder->records.size, pieces = segment_pieces(size);
    struct chunk head = {builder->count, (uint32_t)pieces - 1};
    for (size_t piece = 0; piece < pieces; piece++) {
        size_t from = segment_piece_at(piece), some = piece + 1 < pieces ? PIECE_PAYLOAD : size - from;
        db_put_u32(key + KEY_SIZE, (uint32_t)piece);
        char *out = blobs_add(builder->blobs, builder->table, key, piece ? sizeof key : KEY_SIZE, some, fault);
        if (!out)
            return -1;
        copy_chunk(builder, &head, from, some, out);
    }
    builder->entries_total += builder->count;
    builder->bytes_total += size;
    builder->count = 0;
    buffer_clear(&builder->records);
    return 0;
}

static int flush_filter(struct segment_builder *builder, struct fault *fault)
{
    uint32_t count = builder->filter_count;
    if (!count)
        return 0;
    uint32_t blocks = (count * FILTER_BITS_PER_HASH + FILTER_BLOCK * 8 - 1) / (FILTER_BLOCK * 8);
    uint8_t key[KEY_SIZE];
    make_key(key, builder->number, builder->filter_hashes[0]);
    uint8_t *page = blobs_add(builder->blobs, builder->filter_table, key, sizeof key, FILTER_HEAD + blocks * FILTER_BLOCK,
                              fault);
    if (!page)
        return -1;
    memset(page, 0, FILTER_HEAD + blocks * FILTER_BLOCK);
    memcpy(page, &builder->filter_hashes[count - 1], 8);
    memcpy(page + 8, &blocks, 4);
    for (uint32_t i = 0; i < count; i++)
        filter_set(page + FILTER_HEAD, blocks, builder->filter_hashes[i]);
    builder->filter_count = 0;
    return 0;
}

char *segment_room(struct segment_builder *builder, size_t size_max, struct fault *fault)
{
    return buffer_room(&builder->records, size_max, fault);
}

int segment_add(struct segment_builder *builder, uint64_t hash, uint32_t sub, size_t size, struct fault *fault)
{
    size_t whole = sizeof(struct chunk) + (builder->count + 1) * sizeof *builder->entries + builder->records.size + size;
    if (builder->count) {
        const struct chunk_entry *last = &builder->entries[builder->count - 1];
        CHECK(last->hash < hash || (last->hash == hash && last->sub < sub));
        if (whole > CHUNK_PAYLOAD && last->hash != hash) { /* equal hashes stay together */
            const char *record = builder->records.data + builder->records.size;
            if (flush_chunk(builder, fault))
                return -1;
            memmove(builder->records.data, record, size);
        }
    }
    if (list_grow(&builder->entries, &builder->capacity, builder->count + 1ull, fault))
        return -1;
    builder->records.size += size;
    CHECK(builder->records.size <= UINT32_MAX);
    builder->entries[builder->count++] = (struct chunk_entry){hash, sub, (uint32_t)builder->records.size};
    if (builder->filter_table != TABLE_COUNT &&
        (!builder->filter_count || builder->filter_hashes[builder->filter_count - 1] != hash)) {
        if (builder->filter_count == FILTER_HASHES_MAX && flush_filter(builder, fault))
            return -1;
        builder->filter_hashes[builder->filter_count++] = hash;
    }
    return 0;
}

int segment_end(struct segment_builder *builder, struct fault *fault)
{
    return flush_chunk(builder, fault) || flush_filter(builder, fault) ? -1 : 0;
}

void segment_builder_free(struct segment_builder *builder)
{
    sys.free(builder->entries);
    buffer_free(&builder->records);
    sys.free(builder->filter_hashes);
    *builder = (struct segment_builder){0};
}

/* ---- reading ---- */

int segment_view_open(struct segment_view *view, const struct db *db, MDB_txn *txn, enum table table,
                      enum table filter_table, const struct segment *segments, uint32_t count, struct fault *fault)
{
    *view = (struct segment_view){.db = db, .txn = txn, .table = table, .filter_table = filter_table};
    for (uint32_t i = 0; i < count; i++) {
        struct segment_cursor *cursor = &view->cursors[view->count++];
        cursor->number = segments[i].number;
        int error = db_calls.cursor_open(txn, db->tables[table], &cursor->cursor);
        if (!error && filter_table != TABLE_COUNT)
            error = db_calls.cursor_open(txn, db->tables[filter_table], &cursor->filter);
        if (error) {
            segment_view_close(view);
            return db_fault(fault, error, "read");
        }
    }
    return 0;
}

int segment_view_live(struct segment_view *view, const struct db *db, MDB_txn *txn, const struct state *state, unsigned segmented,
                      struct fault *fault)
{
    const struct segmented_tables *tables = &SEGMENTED_TABLES[segmented];
    return segment_view_open(view, db, txn, tables->table, tables->filter, state->segments[segmented],
                             state->segment_counts[segmented], fault);
}

void segment_view_close(struct segment_view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->cursors[i].cursor)
            mdb_cursor_close(view->cursors[i].cursor);
        if (view->cursors[i].filter)
            mdb_cursor_close(view->cursors[i].filter);
        sys.free(view->cursors[i].whole);
    }
    view->count = 0;
}

void segment_rewind(struct segment_view *view)
{
    for (uint32_t i = 0; i < view->count; i++) {
        struct segment_cursor *cursor = &view->cursors[i];
        cursor->ended = cursor->filter_ended = cursor->loaded = cursor->filter_loaded = false;
    }
}

/* Moves an LMDB cursor to the value of `number` with the greatest first hash ≤ hash, or, where `hash` lies before all, to
 * the first. 1 there, 0 the segment holds none in this table, -1. */
static int seek(MDB_cursor *cursor, enum table table, uint32_t number, uint64_t hash, MDB_val *key, MDB_val *value, struct fault *fault)
{
    uint8_t wanted[KEY_SIZE];
    make_key(wanted, number, hash);
    *key = (MDB_val){sizeof wanted, wanted};
    int error = db_cursor_get(cursor, table, key, value, MDB_SET_RANGE);
    if (!error && memcmp(key->mv_data, wanted, KEY_SIZE) == 0)
        return 1;
    bool behind = !error && db_get_u32(key->mv_data) == number;
    if (error && error != MDB_NOTFOUND)
        return db_fault(fault, error, "read");
    error = db_cursor_get(cursor, table, key, value, error ? MDB_LAST : MDB_PREV);
    if (!error && key->mv_size == SEGMENT_PIECE_KEY_SIZE) { /* of a chunk in pieces: to its first */
        memcpy(wanted, key->mv_data, KEY_SIZE);
        *key = (MDB_val){sizeof wanted, wanted};
        error = db_cursor_get(cursor, table, key, value, MDB_SET_RANGE);
    }
    if (error && error != MDB_NOTFOUND)
        return db_fault(fault, error, "read");
    if (!error && db_get_u32(key->mv_data) == number)
        return 1;
    if (!behind)
        return 0;
    make_key(wanted, number, hash);
    *key = (MDB_val){sizeof wanted, wanted};
    error = db_cursor_get(cursor, table, key, value, MDB_SET_RANGE);
    return error ? db_fault(fault, error, "read") : 1;
}

/* The next value of the same segment: 1, 0 the end, -1. */
static int step(MDB_cursor *cursor, enum table table, uint32_t number, MDB_val *key, MDB_val *value, struct fault *fault)
{
    int error = db_cursor_get(cursor, table, key, value, MDB_NEXT);
    if (error == MDB_NOTFOUND)
        return 0;
    if (error)
        return db_fault(fault, error, "read");
    return db_get_u32(key->mv_data) == number;
}

static bool entry_before(const struct chunk_entry *entry, uint64_t hash, uint32_t sub)
{
    return entry->hash < hash || (entry->hash == hash && entry->sub < sub);
}

/* Do records follow one another to the end, and names in their order? All who read a chunk take it for granted. */
static bool sound(const struct chunk_entry *entries, uint32_t count, size_t size)
{
    for (uint32_t i = 1; i < count; i++)
        if (entries[i].end < entries[i - 1].end || !entry_before(&entries[i - 1], entries[i].hash, entries[i].sub))
            return false;
    return entries[count - 1].end == size;
}

int segment_put_together(MDB_cursor *cursor, enum table table, const uint8_t key[SEGMENT_KEY_SIZE], struct span first, char **whole,
                         size_t *capacity, struct span *ret_whole, struct fault *fault)
{
    struct chunk head;
    uint8_t wanted[SEGMENT_PIECE_KEY_SIZE];
    memcpy(&head, first.data, sizeof head);
    memcpy(wanted, key, SEGMENT_KEY_SIZE);
    size_t size = 0, need = ((size_t)head.pieces + 1) * PIECE_PAYLOAD;
    if (head.pieces > UINT32_MAX / PIECE_PAYLOAD || first.size != PIECE_PAYLOAD)
        return db_damaged(fault, table);
    if (need > *capacity) {
        char *grown = sys.realloc(*whole, need);
        if (!grown)
            return fault_memory(fault);
        *whole = grown;
        *capacity = need;
    }
    memcpy(*whole, first.data, size = first.size);
    for (uint32_t piece = 1; piece <= head.pieces; piece++) {
        MDB_val name, value;
        struct span payload;
        int error = db_cursor_get(cursor, table, &name, &value, MDB_NEXT);
        db_put_u32(wanted + SEGMENT_KEY_SIZE, piece);
        if (error && error != MDB_NOTFOUND)
            return db_fault(fault, error, "read");
        if (error || name.mv_size != sizeof wanted || memcmp(name.mv_data, wanted, sizeof wanted) != 0)
            return db_damaged(fault, table);
        if (db_check(table, &name, &value, &payload, fault))
            return -1;
        if (payload.size > PIECE_PAYLOAD)
            return db_damaged(fault, table);
        memcpy(*whole + size, payload.data, payload.size);
        size += payload.size;
    }
    *ret_whole = (struct span){*whole, size};
    return 0;
}

static int load_chunk(const struct segment_view *view, struct segment_cursor *cursor, const MDB_val *key,
                      const MDB_val *value, struct fault *fault)
{
    struct span payload;
    if (db_check(view->table, key, value, &payload, fault))
        return -1;
    struct chunk head;
    if (payload.size < sizeof head)
        return db_damaged(fault, view->table);
    memcpy(&head, payload.data, sizeof head);
    if (head.pieces && segment_put_together(cursor->cursor, view->table, key->mv_data, payload, &cursor->whole,
                                            &cursor->whole_capacity, &payload, fault))
        return -1;
    if (!head.count || (payload.size - sizeof head) / sizeof *cursor->entries < head.count)
        return db_damaged(fault, view->table);
    cursor->entries = (const struct chunk_entry *)(payload.data + sizeof head);
    cursor->records = payload.data + sizeof head + head.count * sizeof *cursor->entries;
    if (!sound(cursor->entries, head.count, payload.size - sizeof head - head.count * sizeof *cursor->entries))
        return db_damaged(fault, view->table);
    cursor->count = head.count;
    cursor->position = 0;
    cursor->loaded = true;
    return 0;
}

static struct span entry_record(const struct segment_cursor *cursor, uint32_t i)
{
    uint32_t begin = i ? cursor->entries[i - 1].end : 0;
    return (struct span){cursor->records + begin, cursor->entries[i].end - begin};
}

/* Loads the chunk that holds the first name ≥ (hash, sub) and puts `position` on it. 1, 0 the end, -1. */
static int locate(const struct segment_view *view, struct segment_cursor *cursor, uint64_t hash, uint32_t sub,
                  struct fault *fault)
{
    MDB_val key, value;
    if (cursor->ended)
        return 0;
    if (!cursor->loaded) {
        int there = seek(cursor->cursor, view->table, cursor->number, hash, &key, &value, fault);
        cursor->ended = there == 0;
        if (there <= 0 || load_chunk(view, cursor, &key, &value, fault))
            return there <= 0 ? there : -1;
    }
    for (unsigned steps = 0; entry_before(&cursor->entries[cursor->count - 1], hash, sub); steps++) {
        int there = step(cursor->cursor, view->table, cursor->number, &key, &value, fault);
        if (there == 1 && steps == 1) /* far away: jump. A jump may land before the end of a chunk's hashes: step once more */
            there = seek(cursor->cursor, view->table, cursor->number, hash, &key, &value, fault);
        cursor->ended = there == 0;
        if (there <= 0 || load_chunk(view, cursor, &key, &value, fault))
            return there <= 0 ? there : -1;
    }
    uint32_t low = cursor->position, high = cursor->count - 1;
    if (low && !entry_before(&cursor->entries[low - 1], hash, sub))
        low = 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (entry_before(&cursor->entries[middle], hash, sub))
            low = middle + 1;
        else
            high = middle;
    }
    cursor->position = low;
    return 1;
}

/* Does the filter allow that the segment holds this hash? 1, 0, -1. */
static int filter_allows(const struct segment_view *view, struct segment_cursor *cursor, uint64_t hash, struct fault *fault)
{
    if (view->filter_table == TABLE_COUNT)
        return 1;
    if (cursor->filter_ended)
        return 0;
    MDB_val key, value;
    for (unsigned steps = 0; !cursor->filter_loaded || hash > cursor->filter_last; steps++) {
        int there = cursor->filter_loaded && steps == 0
                        ? step(cursor->filter, view->filter_table, cursor->number, &key, &value, fault)
                        : steps <= 1 ? seek(cursor->filter, view->filter_table, cursor->number, hash, &key, &value, fault)
                                     : step(cursor->filter, view->filter_table, cursor->number, &key, &value, fault);
        cursor->filter_ended = there == 0;
        if (there <= 0)
            return there;
        if (db_check(view->filter_table, &key, &value, &cursor->filter_page, fault))
            return -1;
        uint32_t blocks;
        if (cursor->filter_page.size < FILTER_HEAD + FILTER_BLOCK)
            return db_damaged(fault, view->table);
        memcpy(&cursor->filter_last, cursor->filter_page.data, 8);
        memcpy(&blocks, cursor->filter_page.data + 8, 4);
        if (FILTER_HEAD + (uint64_t)blocks * FILTER_BLOCK != cursor->filter_page.size)
            return db_damaged(fault, view->table);
        cursor->filter_first = db_get_u64((const uint8_t *)key.mv_data + 4);
        cursor->filter_loaded = true;
    }
    if (hash < cursor->filter_first)
        return 0;
    uint32_t blocks;
    memcpy(&blocks, cursor->filter_page.data + 8, 4);
    return filter_test((const uint8_t *)cursor->filter_page.data + FILTER_HEAD, blocks, hash);
}

int segment_find(struct segment_view *view, uint64_t hash, uint32_t sub, struct span *ret_record, struct fault *fault)
{
    for (uint32_t i = view->count; i-- > 0;) {
        struct segment_cursor *cursor = &view->cursors[i];
        int there = filter_allows(view, cursor, hash, fault);
        if (there > 0)
            there = locate(view, cursor, hash, sub, fault);
        if (there < 0)
            return -1;
        if (!there)
            continue;
        const struct chunk_entry *entry = &cursor->entries[cursor->position];
        if (entry->hash == hash && entry->sub == sub) {
            *ret_record = entry_record(cursor, cursor->position);
            return ret_record->size > 0;
        }
    }
    return 0;
}

bool segment_notice(struct span record, struct notice_record *ret_notice)
{
    if (record.size != sizeof *ret_notice)
        return false;
    memcpy(ret_notice, record.data, sizeof *ret_notice);
    return ret_notice->phone <= VALUE_PHONE_MAX;
}

int segment_scan(struct segment_view *view, uint64_t from_hash, struct fault *fault)
{
    segment_rewind(view);
    for (uint32_t i = 0; i < view->count; i++)
        if (locate(view, &view->cursors[i], from_hash, 0, fault) < 0)
            return -1;
    return 0;
}

bool segment_peek(const struct segment_view *view, struct segment_entry *ret_entry)
{
    const struct segment_cursor *first = NULL;
    for (uint32_t i = 0; i < view->count; i++) { /* of equals the newest: the last */
        const struct segment_cursor *cursor = &view->cursors[i];
        if (cursor->ended)
            continue;
        const struct chunk_entry *entry = &cursor->entries[cursor->position];
        if (!first || !entry_before(&first->entries[first->position], entry->hash, entry->sub))
            first = cursor;
    }
    if (!first)
        return false;
    const struct chunk_entry *entry = &first->entries[first->position];
    *ret_entry = (struct segment_entry){entry->hash, entry->sub, entry_record(first, first->position)};
    return true;
}

int segment_next(struct segment_view *view, struct fault *fault)
{
    struct segment_entry entry;
    if (!segment_peek(view, &entry))
        return 0;
    for (uint32_t i = 0; i < view->count; i++) {
        struct segment_cursor *cursor = &view->cursors[i];
        if (cursor->ended)
            continue;
        const struct chunk_entry *at = &cursor->entries[cursor->position];
        if (at->hash != entry.hash || at->sub != entry.sub)
            continue;
        if (++cursor->position < cursor->count)
            continue;
        MDB_val key, value;
        int there = step(cursor->cursor, view->table, cursor->number, &key, &value, fault);
        cursor->ended = there == 0;
        if (there < 0 || (there && load_chunk(view, cursor, &key, &value, fault)))
            return -1;
    }
    return 0;
}
