/* check.h - besik check: all that the tables promise, alone and to one another. Room: tools.
 * check.c walks the file and the values; check_segments.c what is in segments; check_phones.c what records, notices, queues
 * and totals promise each other. What is broken is told by table and promise, never by whose record it is.
 * Thread: one, in a process of its own (command_check.c). All is read in the one snapshot that `store` holds: runs go on meanwhile. */
#ifndef TOOLS_CHECK_H
#define TOOLS_CHECK_H

#include "engine/sys/buffer.h"
#include "store/history.h"
#include "store/pages.h"
#include "store/segment.h"
#include "tools/open_store.h"
#include "tools/phone_load.h"

struct segment_check { /* the segment whose values are being walked */
    enum table table;
    unsigned segmented;
    uint32_t number;
    bool live;
    uint64_t next_hash;      /* of a merge under way: beyond it a cut run may have written */
    uint64_t entries, bytes; /* met */
    struct segment told;     /* by the state */
    bool begun;
    uint64_t last_hash;
};

struct check {
    struct store *store;
    MDB_txn *txn;
    struct ref_set *ref_set;
    const struct ref *ref; /* of ref_set */
    struct fault *fault;
    struct buffer broken; /* lines: "TABLE: what" */
    uint64_t broken_count, table_broken[TABLE_COUNT + 1];
    uint64_t values[TABLE_COUNT], bytes[TABLE_COUNT];
    uint64_t leftovers; /* values that the next run sweeps */
    uint64_t phones, cases;
    struct pages pages;
    struct phone phone; /* the record at hand */
    struct buffer out;
    struct segment_check segment;
    uint32_t live_met; /* live segments that have values */
    struct buffer due; /* struct due_entry that are live, sorted by phone and time */
    struct counts totals;
    /* what two tables say of the same things, in any order: their sums are to be equal */
    uint64_t notices_of_cases, notices_of_index, awaited_of_cases, awaited_of_queue;
    struct segment_view open, closed; /* of history's phones */
    struct history_reader reader;
    uint32_t history_run;
    uint32_t kept_run, kept_file, kept_block; /* of the folder's block before */
};

#define CHECK_PAGES TABLE_COUNT

void check_say(struct check *check, unsigned table, const char *what);

/* Calls `look` with each value whose checksum is right. */
int check_walk(struct check *check, enum table table, size_t key_size,
               int (*look)(struct check *check, const uint8_t *key, struct span payload));

int check_segments(struct check *check); /* chunks and filters */
int check_phones(struct check *check);   /* newest records, notices, queues, totals, history */

/* All of it. Returns 0 or a fault of the system; what is broken is in `broken`. */
int check_go(struct check *check, const char *dir);
void check_free(struct check *check);

#endif
