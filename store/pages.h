/* pages.h - LMDB's file looked over page by page, by its bytes alone: LMDB 0.9.24 trusts every page that it meets, and a flipped
 * bit can make it crash, go astray, or leave something out.
 * Room: store.  Looked at are both meta pages, all branches and leaves, and the list of free pages: headers, nodes, the order
 * of keys, counts, and that each page has exactly one use. Values in pages of their own are not read (their checksums are
 * looked at by whoever reads them), so this costs a thousandth of the store's size. The form of a page is drawn in pages.c.
 * Source: LMDB 0.9.24's own file, on a little-endian machine of 64 bits. Errors: FAULT_INPUT names file, page and what is wrong with it.
 * The file is mapped apart from LMDB's own map; what keeps its pages as they are is the caller's: the store's lock while nothing was
 * committed, a reader's transaction for its snapshot, or what leaves.h says. Thread: one, save where told. */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "store/db.h"

struct pages {
    uint64_t txn; /* the snapshot that was looked at */
    uint64_t pages, free_pages;
    struct db_keys keys; /* what they add up to */
    uint64_t entries[TABLE_COUNT];
};

/* `txn` 0: the newest, which must not change meanwhile (the caller holds the lock); else the snapshot of a reader.
 * `whole`: heads of values' own pages too. 1 where the meta pages do not tell of `txn` any more; -1 and FAULT_INPUT where the
 * file is damaged. */
int pages_look(const char *dir, uint64_t txn, bool whole, struct pages *ret_pages, struct fault *fault);

/* ---- for leaves.c ---- */

struct leaves;

struct leaf_sums {
    uint64_t keys, places; /* what its keys add up to, as db_key_sum; and where its long values lie, and how long they are */
};

struct pages_map { /* data.mdb as it stood at a transaction */
    const uint8_t *file;
    size_t size, page_size;
    uint64_t last_page;
};
void pages_unmap(struct pages_map *map); /* nobody looks at it any more; a zeroed one is taken */

/* pages_look of the newest, without the leaves that `leaves` is told of: of each table but `meta` that has branches. Keeps the map
 * (zeroed before), to be unmapped whatever was returned. 0; 1 or -1 where all must be looked at. */
int pages_walk(const char *dir, struct leaves *leaves, struct pages_map *ret_map, struct pages *ret_pages, struct fault *fault);

/* One leaf, all of whose keys are in [low, high); NULL: no bound. False where it is damaged. Any thread. */
bool pages_look_at_leaf(const struct pages_map *map, enum table table, uint64_t page, const struct span *low, const struct span *high,
                        struct leaf_sums *ret_sums);

/* Is it the first page of a long value of so many bytes, as LMDB writes it? It believes the head of those that it frees or overwrites:
 * how many pages there are, and that they are not its own copy. */
#define PAGES_HEAD 16 /* bytes of a page before a long value */
bool pages_is_long(const uint8_t *page, uint64_t number, size_t size, size_t page_size);

/* FAULT_INPUT where the keys are not those that were written. */
int pages_compare(const struct pages *pages, const struct db_keys *keys, struct fault *fault);

#endif
