/* leaves.c - see leaves.h. */
#include "store/leaves.h"

#include "engine/sys/list.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC 0x326b6f6cu /* "lok2" */
#define LOW_MAX 24
#define LOOKED_MAX ((size_t)64 << 20)

struct looked { /* the head of the file */
    uint32_t magic, format;
    uint64_t txn, digest;
    uint64_t counts[TABLE_COUNT];
};

struct leaf {
    uint64_t page;
    struct leaf_sums sums;
    atomic_bool met; /* it was looked at */
    bool written;    /* it may be another page by now; it was looked at before */
    uint8_t low_size, low[LOW_MAX];
    _Atomic uint32_t run; /* leaves that may be one page by now are a run: on the way to its first, which is its own; */
    _Atomic uint32_t end; /* of that: the run's last */
};

struct leaf_list {
    struct leaf *items;
    uint32_t count, capacity;
    uint64_t pages; /* of the table's leaves before the last write, */
    uint32_t last;  /* which was to this one */
};

struct leaves {
    char *dir;
    struct leaf_list tables[TABLE_COUNT];
    struct pages_map map; /* of the store as it stood when they were added */
    uint64_t digest;
    const char *looked;          /* what the file held, or NULL */
    const struct leaves *before; /* of leaves_note */
    atomic_bool broken;
};

static int path_of(const char *dir, char path[4096])
{
    return snprintf(path, 4096, "%s/looked", dir) < 4096 ? 0 : -1;
}

/* ---- the file ---- */

static size_t looked_size(const uint64_t counts[TABLE_COUNT])
{
    size_t size = sizeof(struct looked) + sizeof(uint64_t);
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        if (counts[table] > LOOKED_MAX)
            return SIZE_MAX;
        size += counts[table] * sizeof(struct leaf_sums);
    }
    return size;
}

/* The file's bytes where they are whole, else NULL. */
static char *read_looked(const char *dir)
{
    char path[4096], *bytes = NULL;
    struct stat stat;
    int fd = path_of(dir, path) ? -1 : sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return NULL;
    size_t size = sys.fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size > 0 ? (size_t)stat.st_size : 0;
    if (size >= sizeof(struct looked) + sizeof(uint64_t) && size <= LOOKED_MAX)
        bytes = sys.alloc(size);
    const struct looked *head = (const struct looked *)bytes;
    uint64_t sum;
    bool whole = bytes && sys_read_all(fd, bytes, size, 0) == (ssize_t)size && head->magic == MAGIC && head->format == STORE_FORMAT &&
                 looked_size(head->counts) == size;
    if (whole) {
        memcpy(&sum, bytes + size - sizeof sum, sizeof sum);
        whole = sum == XXH3_64bits(bytes, size - sizeof sum);
    }
    sys.close(fd);
    if (!whole) {
        sys.free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static void take_away(const char *dir)
{
    char path[4096];
    if (path_of(dir, path) == 0)
        (void)sys.unlink(AT_FDCWD, path, 0);
}

static bool write_looked(const struct leaves *leaves, uint64_t txn)
{
    struct looked head = {.magic = MAGIC, .format = STORE_FORMAT, .txn = txn, .digest = leaves->digest};
    for (unsigned table = 0; table < TABLE_COUNT; table++)
        head.counts[table] = leaves->tables[table].count;
    size_t size = looked_size(head.counts);
    char path[4096], *bytes = size <= LOOKED_MAX ? sys.alloc(size) : NULL, *out = bytes;
    if (!bytes || path_of(leaves->dir, path)) {
        sys.free(bytes);
        return false;
    }
    out = mempcpy(out, &head, sizeof head);
    for (unsigned table = 0; table < TABLE_COUNT; table++)
        for (uint32_t i = 0; i < head.counts[table]; i++)
            out = mempcpy(out, &leaves->tables[table].items[i].sums, sizeof(struct leaf_sums));
    uint64_t sum = XXH3_64bits(bytes, (size_t)(out - bytes));
    memcpy(out, &sum, sizeof sum);
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    bool done = fd >= 0 && sys_write_all(fd, bytes, size, 0) == 0;
    if (fd >= 0 && sys.close(fd) != 0)
        done = false;
    sys.free(bytes);
    return done;
}

/* ---- as pages.c walks ---- */

int leaves_add(struct leaves *leaves, enum table table, uint64_t page, struct span low, struct fault *fault)
{
    struct leaf_list *list = &leaves->tables[table];
    if (list_grow(&list->items, &list->capacity, list->count + 1ull, fault))
        return -1;
    uint32_t i = list->count++;
    struct leaf *leaf = &list->items[i];
    *leaf = (struct leaf){.page = page, .run = i, .end = i, .low_size = (uint8_t)(low.size < LOW_MAX ? low.size : LOW_MAX)};
    if (low.size)
        memcpy(leaf->low, low.data, leaf->low_size);
    return 0;
}

void leaves_digest(struct leaves *leaves, const void *bytes, size_t size)
{
    leaves->digest = XXH3_64bits_withSeed(bytes, size, leaves->digest);
}

/* Looks at a leaf as pages_look would; false where it is damaged. */
static bool look_at(const struct leaves *leaves, enum table table, uint32_t i, struct leaf_sums *ret_sums)
{
    const struct leaf_list *list = &leaves->tables[table];
    const struct leaf *leaf = &list->items[i];
    struct span low = {(const char *)leaf->low, leaf->low_size}, high = {NULL, 0};
    if (i + 1 < list->count)
        high = (struct span){(const char *)leaf[1].low, leaf[1].low_size};
    return pages_look_at_leaf(&leaves->map, table, leaf->page, i ? &low : NULL, i + 1 < list->count ? &high : NULL, ret_sums);
}

static int by_page(const void *a, const void *b)
{
    const struct leaf *x = *(const struct leaf *const *)a, *y = *(const struct leaf *const *)b;
    return COMPARE(x->page, y->page);
}

/* Sums of leaves that are the same pages as before and were not written since; the others are read. */
static bool sum_up(struct leaves *leaves, enum table table)
{
    struct leaf_list *list = &leaves->tables[table];
    const struct leaf_list *before = leaves->before ? &leaves->before->tables[table] : NULL;
    uint32_t known = before ? before->count : 0;
    const struct leaf **sorted = sys.alloc((known + 1) * sizeof *sorted);
    if (!sorted)
        return false;
    for (uint32_t i = 0; i < known; i++)
        sorted[i] = &before->items[i];
    qsort(sorted, known, sizeof *sorted, by_page);
    bool good = true;
    for (uint32_t i = 0; i < list->count && good; i++) {
        const struct leaf *leaf = &list->items[i];
        const struct leaf **found = bsearch(&leaf, sorted, known, sizeof *sorted, by_page);
        if (found && !(*found)->written)
            list->items[i].sums = (*found)->sums;
        else
            good = look_at(leaves, table, i, &list->items[i].sums);
    }
    sys.free(sorted);
    return good;
}

/* What the file told of them; false where it is not of this store. */
static bool take_noted(struct leaves *leaves, uint64_t txn)
{
    struct looked head;
    memcpy(&head, leaves->looked, sizeof head);
    const char *at = leaves->looked + sizeof head;
    if (head.txn != txn || head.digest != leaves->digest)
        return false;
    for (enum table table = 0; table < TABLE_COUNT; table++) {
        struct leaf_list *list = &leaves->tables[table];
        if (head.counts[table] != list->count)
            return false;
        for (uint32_t i = 0; i < list->count; i++, at += sizeof list->items[i].sums)
            memcpy(&list->items[i].sums, at, sizeof list->items[i].sums);
    }
    return true;
}

int leaves_settle(struct leaves *leaves, uint64_t txn, struct db_keys *keys)
{
    if (leaves->looked && !take_noted(leaves, txn))
        return 1;
    for (enum table table = 0; table < TABLE_COUNT; table++) {
        if (!leaves->looked && !sum_up(leaves, table))
            return 1;
        for (uint32_t i = 0; i < leaves->tables[table].count; i++)
            keys->sums[table] += leaves->tables[table].items[i].sums.keys;
    }
    return 0;
}

/* ---- the life of one ---- */

static struct leaves *open_leaves(const char *dir, const struct leaves *before)
{
    struct leaves *leaves = sys.alloc(sizeof *leaves);
    if (!leaves)
        return NULL;
    *leaves = (struct leaves){.before = before, .dir = sys.alloc(strlen(dir) + 1)};
    if (!leaves->dir) {
        leaves_close(leaves);
        return NULL;
    }
    strcpy(leaves->dir, dir);
    return leaves;
}

void leaves_doubt(struct leaves *leaves)
{
    leaves->broken = true;
}

void leaves_close(struct leaves *leaves)
{
    if (!leaves)
        return;
    if (leaves->broken)
        take_away(leaves->dir);
    for (unsigned table = 0; table < TABLE_COUNT; table++)
        sys.free(leaves->tables[table].items);
    pages_unmap(&leaves->map);
    sys.free(leaves->dir);
    sys.free(leaves);
}

int leaves_look(const char *dir, struct pages *ret_pages, struct leaves **ret_leaves, struct fault *fault)
{
    *ret_leaves = NULL;
    char *looked = read_looked(dir);
    struct leaves *leaves = looked ? open_leaves(dir, NULL) : NULL;
    int failed = -1;
    if (leaves) {
        struct fault ignored = {0}; /* all is looked at then, which tells it better */
        leaves->looked = looked;
        failed = pages_walk(dir, leaves, &leaves->map, ret_pages, &ignored);
        leaves->looked = NULL;
    }
    sys.free(looked);
    if (!failed) {
        *ret_leaves = leaves;
        return 0;
    }
    leaves_close(leaves);
    return pages_look(dir, 0, false, ret_pages, fault);
}

void leaves_note(const char *dir, const struct leaves *before, const struct db_keys *keys)
{
    struct pages pages;
    struct fault ignored = {0};
    struct leaves *leaves = before && before->broken ? NULL : open_leaves(dir, before);
    if (!leaves)
        return;
    if (pages_walk(dir, leaves, &leaves->map, &pages, &ignored) == 0 && pages_compare(&pages, keys, &ignored) == 0 &&
        !write_looked(leaves, pages.txn))
        take_away(dir);
    leaves_close(leaves);
}

/* ---- before LMDB meets one ---- */

/* The last leaf whose keys may be as low as `key`. */
static uint32_t leaf_of(const struct leaf_list *list, struct span key)
{
    uint32_t begin = 0, end = list->count;
    while (end - begin > 1) {
        uint32_t middle = begin + (end - begin) / 2;
        struct span low = {(const char *)list->items[middle].low, list->items[middle].low_size};
        if (span_compare(low, key) <= 0)
            begin = middle;
        else
            end = middle;
    }
    return begin;
}

static bool meet(struct leaves *leaves, enum table table, uint32_t i)
{
    struct leaf *leaf = &leaves->tables[table].items[i];
    struct leaf_sums sums;
    if (!leaf->met && (!look_at(leaves, table, i, &sums) || memcmp(&sums, &leaf->sums, sizeof sums) != 0)) {
        leaves->broken = true;
        return false;
    }
    leaf->met = true;
    return true;
}

static uint32_t run_of(const struct leaf_list *list, uint32_t i)
{
    while (list->items[i].run != i)
        i = list->items[i].run;
    return i;
}

/* The leaf behind the run, or the last of all. */
static uint32_t after_run(const struct leaf_list *list, uint32_t i)
{
    uint32_t end = list->items[run_of(list, i)].end;
    return end + (end + 1 < list->count);
}

/* The leaf and the next are of one run. */
static void join(struct leaf_list *list, uint32_t i)
{
    uint32_t first = run_of(list, i), second = run_of(list, i + 1);
    if (first == second)
        return;
    list->items[first].end = (uint32_t)list->items[second].end;
    list->items[second].run = first;
    list->items[i].run = list->items[i + 1].run = first; /* so that the way stays short */
}

/* The last write made one page of two: the leaf's and one beside it. */
static void join_around(struct leaf_list *list)
{
    uint32_t first = run_of(list, list->last), end = list->items[first].end;
    if (first)
        join(list, first - 1);
    if (end + 1 < list->count)
        join(list, end);
}

bool leaves_meet(struct leaves *leaves, enum table table, const void *key, size_t size, bool last, uint64_t written)
{
    struct leaf_list *list = &leaves->tables[table];
    if (!list->count)
        return true;
    uint32_t at = key ? leaf_of(list, (struct span){key, size}) : last ? list->count - 1 : 0;
    if (written) {
        if (written < list->pages)
            join_around(list);
        list->pages = written;
        list->last = at;
    }
    uint32_t begin = run_of(list, at), end = after_run(list, at);
    begin -= begin > 0;
    /* the others of a run were met when they were joined to it; behind a deletion that made it one with the next, a cursor goes on */
    const uint32_t near[] = {begin, at, end, after_run(list, end)};
    for (unsigned i = 0; i < (written ? 4 : 3); i++) {
        if (!meet(leaves, table, near[i]))
            return false;
        if (written) /* by one thread; the others must not write it at all */
            list->items[near[i]].written = true;
    }
    return true;
}
