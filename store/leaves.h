/* leaves.h - what is known of the leaves of a store's trees, so that a run need not look at all of them: only at those that it meets,
 * each before LMDB does.
 * Room: store.  A run ends by writing STORE/looked: of which transaction it is, a digest of all else that pages_look looks at, and of
 * each leaf struct leaf_sums: what its keys add up to, and where its long values lie, which nothing else tells once how all pages are
 * used is not looked at. The next run takes it where it fits the store to the bit, and looks at everything where it does not; so it is
 * no part of the store: it may be cut, old or gone. A leaf that is not what it was is a fault, and the file goes, so that the same
 * command again looks at everything.
 *
 *   looked   | magic 4 | STORE_FORMAT 4 | txn 8 | digest 8 | leaves of each table, 8 each | keys 8, places 8 of each leaf … | XXH3-64 of all
 *            before it 8 |
 *
 * Why a leaf of the store as it stood at the beginning may be read while the writer goes on: LMDB never writes over a page that a
 * committed transaction has. It copies it, and the old page is free for later transactions once no reader has a snapshot with it. Whoever
 * is about to meet a leaf looks at it first, the writer before it has it copied; so a leaf that nobody has met is in the newest tree
 * still, on the same page. And where the writer changes one that a worker is just looking at, that worker's own transaction keeps
 * the page. A leaf that was met is never looked at again, so it does not matter what its page holds by then.
 *
 * Thread: opened, noted and closed by the one that holds the store's lock, while no other is at work; leaves_meet by any. */
#ifndef STORE_LEAVES_H
#define STORE_LEAVES_H

#include "store/db.h"
#include "store/pages.h"

/* `meta` holds what the others are checked by, and is small: it is looked at as a whole. */
static inline bool leaves_has(unsigned table)
{
    return table != TABLE_META && table < TABLE_COUNT;
}

/* Looks the store over, at its leaves only where `looked` does not tell of them; then *ret_leaves is to watch over the store
 * (db_watch), else NULL. 0 or -1, as pages_look. */
int leaves_look(const char *dir, struct pages *ret_pages, struct leaves **ret_leaves, struct fault *fault);

/* Writes `looked` for the store as it stands now: `before`, where it is not NULL, tells of the leaves that were not written since.
 * The caller holds the lock. That it fails means that the next run looks at everything. */
void leaves_note(const char *dir, const struct leaves *before, const struct db_keys *keys);

void leaves_doubt(struct leaves *leaves); /* what `looked` told turned out wrong: it is taken away at the end */
/* Closes, once nothing watches by it any more; takes `looked` away where it was wrong. NULL is taken. */
void leaves_close(struct leaves *leaves);

/* A call of LMDB's is about to meet `key` in the table (NULL: its first or, with `last`, its last), or to change it (`written`: how many
 * leaves the table has before, as LMDB counts them; the writer's thread). Looks at the leaves that the call may come to, once each: the
 * one that holds it and its neighbours, and behind deletions that made leaves one, further ones. (In a tree of four levels there is one
 * more: the first below a branch of branches of which one is left. Of that the next run's look tells.) Any thread. False: one is not
 * what it was. */
bool leaves_meet(struct leaves *leaves, enum table table, const void *key, size_t size, bool last, uint64_t written);

/* ---- for pages.c, as it walks ---- */

/* A leaf, in order; all keys in it are `low` or more (of the first: any). */
int leaves_add(struct leaves *leaves, enum table table, uint64_t page, struct span low, struct fault *fault);
void leaves_digest(struct leaves *leaves, const void *bytes, size_t size);
/* All is added: 0, or 1 where `looked` is not of this store; adds the sums to *keys. */
int leaves_settle(struct leaves *leaves, uint64_t txn, struct db_keys *keys);

#endif
