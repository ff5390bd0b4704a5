/* fuzz_segment.c - sorted segments of small chunks (CMakeLists.txt): whole ones against a plain list, spoiled ones (checksums
 * right) refused or read within their bounds. The input: how many segments, their entries, then what is spoiled. */
#include "store/segment.h"

#include "fake_db.h"
#include "fresh_fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENTS 3
#define ENTRIES_MAX 16

struct entry {
    uint64_t hash;
    uint32_t sub, segment;
    size_t size;
};
struct scene {
    struct db db;
    struct segment segments[SEGMENTS];
    struct entry entries[SEGMENTS * ENTRIES_MAX]; /* the oldest segment first, each in order */
    unsigned count, segment_count;
    enum table table, filter;
    bool spoiled;
};

static void byte_fill(char *out, const struct entry *entry)
{
    memset(out, (char)(entry->hash * 7 + entry->sub + entry->segment), entry->size);
}

/* Three bytes an entry: how far from the last hash, its sub, its size. */
static size_t build(struct scene *scene, const uint8_t *data, size_t size, uint32_t number)
{
    struct segment_builder builder;
    struct blobs blobs = {0};
    struct fault *fault = fresh_fault();
    struct db_writer writer = {.db = &scene->db, .limit = SIZE_MAX};
    size_t used = 0;
    uint64_t hash = 0;
    uint32_t sub = 0;
    CHECK(segment_build(&builder, scene->table, scene->filter, fault) == 0);
    segment_begin(&builder, number, &blobs);
    for (unsigned i = 0; i < ENTRIES_MAX && used + 3 <= size && data[used] != 255; i++, used += 3) {
        uint64_t step = data[used] >= 128 ? (uint64_t)data[used] << 50 : data[used];
        if (step > UINT64_MAX - hash)
            break;
        sub = step || !i ? data[used + 1] : sub + 1 + data[used + 1];
        hash += step;
        struct entry entry = {hash, sub, number, data[used + 2] < 230 ? data[used + 2] % 40 : data[used + 2] * 3};
        char *room = segment_room(&builder, entry.size, fault);
        byte_fill(room, &entry);
        CHECK(segment_add(&builder, hash, sub, entry.size, fault) == 0);
        scene->entries[scene->count++] = entry;
    }
    CHECK(segment_end(&builder, fault) == 0 && blobs_write(&blobs, &writer, fault) == 0);
    segment_builder_free(&builder);
    blobs_free(&blobs);
    scene->segments[scene->segment_count++] = (struct segment){.number = number};
    return used + (used < size);
}

/* The newest entry of the least name ≥ (hash, sub), or > where `behind`; NULL: none. */
static const struct entry *model(const struct scene *scene, uint64_t hash, uint32_t sub, bool behind)
{
    const struct entry *best = NULL;
    for (unsigned i = 0; i < scene->count; i++) {
        const struct entry *e = &scene->entries[i];
        if (e->hash < hash || (e->hash == hash && (behind ? e->sub <= sub : e->sub < sub)))
            continue;
        if (!best || e->hash < best->hash || (e->hash == best->hash && e->sub <= best->sub))
            best = e;
    }
    return best;
}

static void within(struct span record)
{
    for (unsigned i = 0; i < fake_count; i++)
        if (record.data >= fake_values[i].value && record.data + record.size <= fake_values[i].value + fake_values[i].size)
            return;
    CHECK(!"a record lies in a value");
}

/* Whatever a record is: one of a notice, or refused. */
static void as_notice(struct span record)
{
    struct notice_record notice, slow = {0};
    bool whole = record.size == sizeof slow;
    memcpy(&slow, record.data, whole ? sizeof slow : 0);
    bool taken = segment_notice(record, &notice);
    CHECK(taken == (whole && slow.phone < 1000000000) && (!taken || memcmp(&notice, &slow, sizeof slow) == 0));
}

static void same(const struct entry *entry, struct span record)
{
    char wanted[1024];
    byte_fill(wanted, entry);
    CHECK(record.size == entry->size && memcmp(record.data, wanted, entry->size) == 0);
}

static void find_one(const struct scene *scene, struct segment_view *view, uint64_t hash, uint32_t sub, bool *failed)
{
    struct fault *fault = fresh_fault();
    struct span record;
    int there = *failed ? 0 : segment_find(view, hash, sub, &record, fault);
    *failed |= there < 0;
    CHECK(there >= 0 || (scene->spoiled && fault->text[0]));
    if (there > 0)
        within(record);
    if (scene->spoiled)
        return;
    const struct entry *entry = model(scene, hash, sub, false);
    bool is = entry && entry->hash == hash && entry->sub == sub;
    CHECK((there > 0) == (is && entry->size > 0));
    if (there > 0)
        same(entry, record);
}

static void find_all(const struct scene *scene, struct segment_view *view)
{
    bool failed = false;
    const struct entry *entry = model(scene, 0, 0, false);
    find_one(scene, view, 0, 0, &failed);
    for (; entry; entry = model(scene, entry->hash, entry->sub, true)) {
        if (entry->hash || entry->sub)
            find_one(scene, view, entry->hash, entry->sub, &failed);
        if (entry->sub < UINT32_MAX)
            find_one(scene, view, entry->hash, entry->sub + 1, &failed);
    }
}

static void scan(const struct scene *scene, struct segment_view *view, uint64_t from)
{
    struct fault *fault = fresh_fault();
    struct segment_entry got;
    const struct entry *wanted = model(scene, from, 0, false);
    int failed = segment_scan(view, from, fault);
    for (unsigned steps = 0; !failed && segment_peek(view, &got); steps++) {
        CHECK(steps < 100000);
        within(got.record);
        as_notice(got.record);
        if (!scene->spoiled) {
            CHECK(wanted && got.hash == wanted->hash && got.sub == wanted->sub);
            same(wanted, got.record);
            wanted = model(scene, wanted->hash, wanted->sub, true);
        }
        failed = segment_next(view, fault);
    }
    CHECK(scene->spoiled || (!failed && !wanted));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    static struct scene scene;
    scene = (struct scene){.table = TABLE_CLOSED, .filter = data[0] & 1 ? TABLE_CLOSED_FILTER : TABLE_COUNT};
    fake_open(&scene.db);
    unsigned wanted = 1 + (data[0] >> 1) % SEGMENTS;
    bool spoil = data[0] & 0x80;
    uint64_t from = (uint64_t)data[1] << (data[2] & 63);
    data += 3, size -= 3;
    for (uint32_t number = 1; number <= wanted; number++) {
        size_t used = build(&scene, data, size, number * 2);
        data += used, size -= used;
    }
    if (spoil && size >= 4) {
        scene.spoiled = true;
        fake_spoil(data, size);
    }
    struct segment_view view;
    struct fault *fault = fresh_fault();
    CHECK(segment_view_open(&view, &scene.db, NULL, scene.table, scene.filter, scene.segments, scene.segment_count, fault) == 0);
    find_all(&scene, &view);
    scan(&scene, &view, from);
    segment_view_close(&view);
    return 0;
}
