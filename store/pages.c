/* pages.c - see pages.h. The form of LMDB 0.9's file, on machines of 64 bits and little-endian:
 *
 *   page   number 8, unused 2, flags 2, then lower 2 and upper 2, or the count of pages of a long value 4; then
 *          offsets of nodes up to `lower`, and the nodes from `upper` to the end
 *   node   size 4, flags 2, key size 2, key, value; in a branch size and flags are the child's number; padded to even
 *   meta   page 0 and 1 in turn: magic, version, address, size of the map, the tree of free pages, the tree of tables,
 *          the last page, the transaction
 *
 * Free pages are listed by the transaction that freed them: a count, then that many numbers, descending. */
#include "store/pages.h"

#include "engine/sys/sys.h"
#include "store/leaves.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#define HEAD PAGES_HEAD
#define NODE 8
#define META_MAGIC 0xBEEFC0DEu
#define NO_PAGE UINT64_MAX
#define DEPTH_MAX 32
#define PAGES_MAX ((uint64_t)1 << 28) /* of 4096 bytes: the map's 1 TiB */
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_LONG = 4, PAGE_META = 8 };
enum { NODE_LONG = 1, NODE_TREE = 2 };

struct tree {
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t branches, leaves, long_pages, entries, root;
};

struct meta {
    uint32_t magic, version;
    uint64_t address, map_size;
    struct tree free_pages, tables;
    uint64_t last_page, txn;
};
static_assert(sizeof(struct tree) == 48 && sizeof(struct meta) == 136, "LMDB's own form");

enum tree_kind { TREE_FREE = TABLE_COUNT, TREE_TABLES }; /* else a table */

struct look {
    const char *dir;
    const uint8_t *file;
    size_t page_size;
    uint64_t file_pages; /* that the file has: pages behind it were taken and freed in one transaction, and never written */
    struct meta meta;
    uint8_t *used; /* a bit a page; NULL: one leaf is looked at, not how pages are used */
    bool whole;
    struct leaves *leaves; /* told of the leaves, which are not looked at; NULL: they are */
    struct tree trees[TABLE_COUNT];
    bool there[TABLE_COUNT];
    uint64_t places; /* struct leaf_sums, of all that was looked at */
    struct pages *pages;
    struct fault *fault;
};

struct branch { /* a tree as it is walked */
    struct look *look;
    unsigned kind;
    struct tree told, met;
};

struct node {
    struct span key;
    const uint8_t *value;
    uint32_t size; /* of the value */
    uint16_t flags;
    uint64_t child;
};

static int broken(const struct look *look, const char *where, uint64_t page, const char *what)
{
    return fault_set(look->fault, FAULT_INPUT,
                     "%s/data.mdb: page %llu (%s): %s; restore the store from a backup or rebuild it from its inputs",
                     look->dir, (unsigned long long)page, where, what);
}

static const char *name_of(unsigned kind)
{
    return kind == TREE_FREE ? "free pages" : kind == TREE_TABLES ? "list of tables" : DB_TABLE_NAMES[kind];
}

static const uint8_t *page_at(const struct look *look, uint64_t number)
{
    return look->file + number * look->page_size;
}

static uint16_t get_u16(const uint8_t *in)
{
    uint16_t n;
    memcpy(&n, in, sizeof n);
    return n;
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t n;
    memcpy(&n, in, sizeof n);
    return n;
}

/* May the pages be read? (Only the list of free pages may name others.) */
static bool can_be(const struct look *look, uint64_t first, uint64_t count)
{
    return first >= 2 && first < look->file_pages && first <= look->meta.last_page && count <= look->file_pages - first &&
           count <= look->meta.last_page - first + 1;
}

/* Each page has one use. */
static int mark(const struct look *look, unsigned kind, uint64_t page)
{
    if (look->used[page / 8] & 1 << page % 8)
        return broken(look, name_of(kind), page, "it has two uses");
    look->used[page / 8] |= (uint8_t)(1 << page % 8);
    return 0;
}

static int claim(const struct look *look, unsigned kind, uint64_t from, uint64_t first, uint64_t count)
{
    if (!can_be(look, first, count))
        return broken(look, name_of(kind), from, "it names a page that cannot be");
    for (uint64_t page = first; look->used && page < first + count; page++)
        if (mark(look, kind, page))
            return -1;
    return 0;
}

static int head_is(const struct look *look, unsigned kind, uint64_t number, unsigned flags)
{
    const uint8_t *page = page_at(look, number);
    return get_u64(page) == number && get_u16(page + 10) == flags ? 0
                                                                 : broken(look, name_of(kind), number, "its head is damaged");
}

static uint64_t long_pages(size_t size, size_t page_size)
{
    return (HEAD - 1 + (uint64_t)size) / page_size + 1;
}

bool pages_is_long(const uint8_t *page, uint64_t number, size_t size, size_t page_size)
{
    uint32_t told;
    memcpy(&told, page + 12, sizeof told);
    return get_u64(page) == number && get_u16(page + 10) == PAGE_LONG && told == long_pages(size, page_size);
}

/* ---- nodes ---- */

static int key_order(unsigned kind, struct span a, struct span b)
{
    if (kind != TREE_FREE)
        return span_compare(a, b);
    uint64_t x = get_u64((const uint8_t *)a.data), y = get_u64((const uint8_t *)b.data);
    return COMPARE(x, y);
}

/* Bytes that the node takes, 0 where it is none. */
static size_t read_node(const struct look *look, unsigned kind, const uint8_t *page, unsigned offset, bool leaf, struct node *ret)
{
    if (offset & 1 || offset < HEAD || offset + NODE > look->page_size)
        return 0;
    const uint8_t *node = page + offset;
    uint16_t key_size = get_u16(node + 6);
    ret->key = (struct span){(const char *)node + NODE, key_size};
    ret->flags = get_u16(node + 4);
    ret->size = (uint32_t)get_u16(node + 2) << 16 | get_u16(node);
    ret->value = node + NODE + key_size;
    ret->child = (uint64_t)ret->flags << 32 | ret->size;
    size_t held = !leaf ? 0 : ret->flags & NODE_LONG ? sizeof(uint64_t) : ret->size;
    size_t whole = (NODE + (size_t)key_size + held + 1) & ~(size_t)1;
    if (offset + whole > look->page_size || (kind == TREE_FREE && key_size != 8 && (leaf || key_size)))
        return 0;
    if (leaf && (ret->flags & ~(unsigned)(NODE_LONG | NODE_TREE) || (kind == TREE_TABLES) != !!(ret->flags & NODE_TREE)))
        return 0;
    size_t most = (((look->page_size - HEAD) / 2) & ~(size_t)1) - 2; /* beyond it a value has pages of its own */
    if (leaf && !(ret->flags & NODE_LONG) && NODE + key_size + (size_t)ret->size > most)
        return 0;
    return whole;
}

static int read_free_list(struct branch *tree, uint64_t page, const uint8_t *value, size_t size)
{
    uint64_t count = size < 8 ? UINT64_MAX : get_u64(value), last = NO_PAGE;
    if (count > size / 8 - 1)
        return broken(tree->look, name_of(tree->kind), page, "a list of free pages is damaged");
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = get_u64(value + 8 * i);
        if (number >= last)
            return broken(tree->look, name_of(tree->kind), page, "a list of free pages is out of order");
        if (number < 2 || number > tree->look->meta.last_page)
            return broken(tree->look, name_of(tree->kind), page, "it names a page that cannot be");
        if (mark(tree->look, tree->kind, last = number))
            return -1;
    }
    tree->look->pages->free_pages += count;
    if (tree->look->leaves)
        leaves_digest(tree->look->leaves, value, 8 * (count + 1));
    return 0;
}

static int read_tree(struct branch *tree, uint64_t page, const struct node *node)
{
    struct look *look = tree->look;
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        if (!span_equal(node->key, span_of(DB_TABLE_NAMES[table])) || node->size != sizeof(struct tree))
            continue;
        memcpy(&look->trees[table], node->value, sizeof(struct tree));
        look->there[table] = true;
        if (look->leaves)
            leaves_digest(look->leaves, &look->trees[table], sizeof(struct tree));
        return 0;
    }
    return broken(look, name_of(tree->kind), page, "it tells of no table of ours");
}

/* A node of a leaf: its value's own pages, and what it means. */
static int read_leaf_node(struct branch *tree, uint64_t page, const struct node *node)
{
    struct look *look = tree->look;
    const uint8_t *value = node->value;
    tree->met.entries++;
    if (tree->kind == TREE_FREE && get_u64((const uint8_t *)node->key.data) > look->meta.txn)
        return broken(look, name_of(tree->kind), page, "it tells of a transaction that has not been");
    if (node->flags & NODE_LONG) {
        uint64_t first = get_u64(value), count = long_pages(node->size, look->page_size);
        if (look->whole || tree->kind == TREE_FREE) {
            if (!can_be(look, first, 1))
                return broken(look, name_of(tree->kind), page, "it names a page that cannot be");
            const uint8_t *long_page = page_at(look, first);
            uint32_t told;
            memcpy(&told, long_page + 12, sizeof told);
            if (tree->kind == TREE_FREE && told > count) /* a list of LMDB's that it wrote anew, shorter, keeps its pages */
                count = told;
            if (!pages_is_long(long_page, first, count * look->page_size - HEAD, look->page_size))
                return broken(look, name_of(tree->kind), first, "its head is damaged");
        }
        struct {
            uint64_t first, size;
        } place = {first, node->size};
        look->places += XXH3_64bits_withSeed(&place, sizeof place, XXH3_64bits(node->key.data, node->key.size));
        tree->met.long_pages += count;
        if (claim(look, tree->kind, page, first, count))
            return -1;
        value = page_at(look, first) + HEAD;
    }
    if (tree->kind == TREE_FREE)
        return read_free_list(tree, page, value, node->size);
    if (tree->kind == TREE_TABLES)
        return read_tree(tree, page, node);
    look->pages->keys.sums[tree->kind] += db_key_sum(tree->kind, node->key.data, node->key.size);
    return 0;
}

/* ---- trees ---- */

static int walk_page(struct branch *tree, uint64_t number, unsigned level, const struct span *low, const struct span *high);

/* The tree's leaves are told of, and these are they. */
static bool is_told(const struct branch *tree, unsigned level)
{
    return tree->look->leaves && leaves_has(tree->kind) && level == tree->told.depth;
}

/* A child of a branch: walked, or told of. */
static int walk_child(struct branch *tree, uint64_t parent, uint64_t number, unsigned level, const struct span *low, const struct span *high)
{
    struct look *look = tree->look;
    if (claim(look, tree->kind, parent, number, 1))
        return -1;
    if (!is_told(tree, level))
        return walk_page(tree, number, level, low, high);
    tree->met.leaves++;
    return leaves_add(look->leaves, tree->kind, number, low ? *low : (struct span){NULL, 0}, look->fault);
}

/* A branch's children, or a leaf's long values, are asked for at once: read one by one, a disk would make each wait. */
static void ask_ahead(const struct branch *tree, const uint8_t *page, unsigned count, bool leaf)
{
    const struct look *look = tree->look;
    struct node node;
    for (unsigned i = 0; i < count; i++) {
        if (!read_node(look, tree->kind, page, get_u16(page + HEAD + 2 * i), leaf, &node))
            return;
        uint64_t first = leaf ? node.flags & NODE_LONG ? get_u64(node.value) : NO_PAGE : node.child;
        if (can_be(look, first, 1))
            sys.will_need(page_at(look, first), leaf ? look->page_size + node.size : look->page_size);
    }
}

/* `low`, `high`: all keys lie in [low, high); NULL: no bound. */
static int walk_page(struct branch *tree, uint64_t number, unsigned level, const struct span *low, const struct span *high)
{
    struct look *look = tree->look;
    const char *where = name_of(tree->kind);
    bool leaf = level == tree->told.depth;
    const uint8_t *page = page_at(look, number);
    if (head_is(look, tree->kind, number, leaf ? PAGE_LEAF : PAGE_BRANCH))
        return -1;
    (*(leaf ? &tree->met.leaves : &tree->met.branches))++;
    unsigned lower = get_u16(page + 12), upper = get_u16(page + 14);
    if (lower & 1 || lower <= HEAD || lower > upper || upper > look->page_size)
        return broken(look, where, number, "its bounds are damaged");
    size_t taken = 0;
    struct node node, next;
    struct span before = {NULL, 0};
    unsigned count = (lower - HEAD) / 2;
    if (leaf ? tree->kind == TREE_FREE : !is_told(tree, level + 1)) /* of other leaves' long values none is read */
        ask_ahead(tree, page, count, leaf);
    for (unsigned i = 0; i < count; i++) {
        size_t size = read_node(look, tree->kind, page, get_u16(page + HEAD + 2 * i), leaf, &node);
        taken += size;
        if (!size || (const uint8_t *)node.key.data < page + upper)
            return broken(look, where, number, "a node is damaged");
        bool bounded = leaf || i; /* the first child of a branch takes all that is less */
        if (bounded && ((i > !leaf && key_order(tree->kind, before, node.key) >= 0) ||
                        (low && key_order(tree->kind, node.key, *low) < 0) ||
                        (high && key_order(tree->kind, node.key, *high) >= 0)))
            return broken(look, where, number, "its keys are out of order");
        before = node.key;
        if (leaf) {
            if (read_leaf_node(tree, number, &node))
                return -1;
            continue;
        }
        if (i + 1 < count && !read_node(look, tree->kind, page, get_u16(page + HEAD + 2 * (i + 1)), false, &next))
            return broken(look, where, number, "a node is damaged");
        if (tree->kind == TREE_FREE && i + 1 < count && next.key.size != 8)
            return broken(look, where, number, "a node is damaged");
        if (walk_child(tree, number, node.child, level + 1, i ? &node.key : low, i + 1 < count ? &next.key : high))
            return -1;
    }
    if (look->leaves && !leaf)
        leaves_digest(look->leaves, page, look->page_size);
    return taken == look->page_size - upper ? 0 : broken(look, where, number, "its nodes do not fill it");
}

static int walk_tree(struct look *look, unsigned kind, const struct tree *told)
{
    struct branch tree = {.look = look, .kind = kind, .told = *told};
    tree.met = (struct tree){.pad = kind == TREE_FREE ? (uint32_t)look->page_size : 0, .flags = kind == TREE_FREE ? 8 : 0,
                             .depth = told->depth, .root = told->root};
    if (told->depth > DEPTH_MAX || (told->depth == 0) != (told->root == NO_PAGE))
        return broken(look, name_of(kind), told->root, "its tree is damaged");
    if (told->depth && (claim(look, kind, told->root, told->root, 1) || walk_page(&tree, told->root, 1, NULL, NULL)))
        return -1;
    if (look->leaves && leaves_has(kind) && told->depth > 1) { /* its leaves tell these */
        tree.met.entries = told->entries;
        tree.met.long_pages = told->long_pages;
    }
    if (kind < TABLE_COUNT)
        look->pages->entries[kind] = tree.met.entries;
    return memcmp(&tree.met, told, sizeof *told) == 0 ? 0 : broken(look, name_of(kind), told->root, "its counts are damaged");
}

static int walk_trees(struct look *look)
{
    if (walk_tree(look, TREE_FREE, &look->meta.free_pages) || walk_tree(look, TREE_TABLES, &look->meta.tables))
        return -1;
    for (unsigned table = 0; table < TABLE_COUNT; table++) {
        if (!look->there[table])
            return broken(look, DB_TABLE_NAMES[table], look->meta.tables.root, "the table is gone");
        if (walk_tree(look, table, &look->trees[table]))
            return -1;
    }
    for (uint64_t page = 2; page <= look->meta.last_page && !look->leaves; page++)
        if (!(look->used[page / 8] & 1 << page % 8))
            return broken(look, "free pages", page, "nothing tells what it is for");
    return 0;
}

/* ---- the meta pages ---- */

static bool is_power_of_two(uint64_t n)
{
    return n && !(n & (n - 1));
}

/* Transactions are told by the two pages in turn, so their numbers are neighbours. */
static int read_metas(struct look *look, uint64_t size, uint64_t txn)
{
    struct meta metas[2];
    if (size < HEAD + sizeof *metas)
        return broken(look, "meta", 0, "the file is cut");
    memcpy(&metas[0], look->file + HEAD, sizeof *metas);
    look->page_size = metas[0].free_pages.pad;
    if (!is_power_of_two(look->page_size) || look->page_size < 4096 || look->page_size > 32768 || size < 2 * look->page_size)
        return broken(look, "meta", 0, "its page size is damaged");
    memcpy(&metas[1], page_at(look, 1) + HEAD, sizeof *metas);
    for (unsigned i = 0; i < 2; i++) {
        const struct meta *meta = &metas[i];
        if (get_u64(page_at(look, i)) != i || get_u16(page_at(look, i) + 10) != PAGE_META || meta->magic != META_MAGIC ||
            meta->version != 1 || meta->address || !is_power_of_two(meta->map_size) || meta->map_size >> 40 > 1 ||
            meta->free_pages.pad != look->page_size || meta->free_pages.flags != 8)
            return broken(look, "meta", i, "its head is damaged");
    }
    const struct meta *newest = &metas[metas[1].txn > metas[0].txn];
    if (txn && metas[0].txn != txn && metas[1].txn != txn)
        return 1;
    look->meta = txn ? metas[metas[1].txn == txn] : *newest;
    if (metas[0].txn % 2 != 0 || metas[1].txn % 2 != 1 || newest->txn - metas[metas[1].txn <= metas[0].txn].txn != 1)
        return broken(look, "meta", newest == &metas[1], "its number of transaction is damaged");
    look->file_pages = size / look->page_size;
    if (look->meta.last_page < 2 || look->meta.last_page > PAGES_MAX)
        return broken(look, "meta", look->meta.txn & 1, "its last page cannot be");
    return 0;
}

/* Maps the file and walks what is asked for. */
static int look_over(struct look *look, uint64_t txn, struct pages_map *ret_map)
{
    struct fault *fault = look->fault;
    char path[4096];
    struct stat stat;
    if (snprintf(path, sizeof path, "%s/data.mdb", look->dir) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", look->dir);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return errno == ENOENT ? db_missing(look->dir, fault) : fault_errno(fault, errno, "%s: open", path);
    int failed = sys.fstat(fd, &stat) ? fault_errno(fault, errno, "%s: look", path) : 0;
    size_t size = failed ? 0 : (size_t)stat.st_size;
    if (!failed && !size)
        failed = broken(look, "meta", 0, "the file is empty");
    if (!failed && !(look->file = sys.map_file(fd, size, !look->whole)))
        failed = fault_errno(fault, errno, "%s: map", path);
    sys.close(fd);
    failed = failed ? failed : read_metas(look, size, txn);
    if (!failed) {
        size_t bits = look->meta.last_page / 8 + 1;
        look->used = sys.alloc(bits);
        if (look->used)
            memset(look->used, 0, bits);
        failed = look->used ? walk_trees(look) : fault_memory(fault);
        look->pages->txn = look->meta.txn;
        look->pages->pages = look->meta.last_page + 1;
    }
    sys.free(look->used);
    *ret_map = (struct pages_map){look->file, size, look->page_size, look->meta.last_page};
    return failed;
}

void pages_unmap(struct pages_map *map)
{
    if (map->file)
        (void)sys.unmap((void *)(uintptr_t)map->file, map->size);
    *map = (struct pages_map){0};
}

int pages_look(const char *dir, uint64_t txn, bool whole, struct pages *ret_pages, struct fault *fault)
{
    struct look look = {.dir = dir, .whole = whole, .pages = ret_pages, .fault = fault};
    struct pages_map map = {0};
    *ret_pages = (struct pages){0};
    int failed = look_over(&look, txn, &map);
    pages_unmap(&map);
    return failed;
}

/* (LMDB's caveats forbid to open and close its file once more while it has it open, for its locks' sake: those of 0.9.24 are on
 * lock.mdb alone.) */
int pages_walk(const char *dir, struct leaves *leaves, struct pages_map *ret_map, struct pages *ret_pages, struct fault *fault)
{
    struct look look = {.dir = dir, .leaves = leaves, .pages = ret_pages, .fault = fault};
    *ret_pages = (struct pages){0};
    int failed = look_over(&look, 0, ret_map);
    if (failed)
        return failed;
    leaves_digest(leaves, &look.meta, sizeof look.meta);
    return leaves_settle(leaves, look.meta.txn, &ret_pages->keys);
}

bool pages_look_at_leaf(const struct pages_map *map, enum table table, uint64_t page, const struct span *low, const struct span *high,
                        struct leaf_sums *ret_sums)
{
    struct pages pages = {0};
    struct fault ignored = {0};
    struct look look = {.dir = "", .file = map->file, .page_size = map->page_size, .pages = &pages, .fault = &ignored};
    struct branch tree = {.look = &look, .kind = table, .told = {.depth = 1}};
    look.meta.last_page = map->last_page;
    look.file_pages = map->size / map->page_size;
    if (walk_page(&tree, page, 1, low, high))
        return false;
    *ret_sums = (struct leaf_sums){pages.keys.sums[table], look.places};
    return true;
}

int pages_compare(const struct pages *pages, const struct db_keys *keys, struct fault *fault)
{
    for (unsigned table = 0; table < TABLE_COUNT; table++)
        if (pages->keys.sums[table] != keys->sums[table])
            return fault_set(fault, FAULT_INPUT,
                             "store: table %s: its keys are not those that were written; restore the store from a backup or "
                             "rebuild it from its inputs",
                             DB_TABLE_NAMES[table]);
    return 0;
}
