/* tables.h - the store on disk: every table, its keys and values, and who writes it. Read this before anything in store/.
 * Room: store.
 *
 * STORE/            0700
 *   key             16 bytes, 0600: the secret behind ids and remembered hashes; archive it
 *   lock            held (flock) by the one command that writes; the pid of its holder in it
 *   data.mdb        LMDB, the tables below
 *   lock.mdb        LMDB's own table of readers
 *   looked          what the last run knew of the leaves of data.mdb (leaves.h); it may be gone
 *   making          there only while init makes the rest
 *
 * Every value begins with 8 bytes: XXH3-64 of the rest, seeded with XXH3-64 of the table's name and the key. Numbers in
 * keys are big-endian, so that keys sort as numbers; numbers in values are little-endian.
 *
 * A run takes effect in one instant: all its data is written under numbers that nothing refers to yet (a new segment, the
 * run's own number), in as many transactions as memory asks for; the last, tiny one writes `meta`, which refers to it.
 * What `meta` does not refer to is garbage of a run that was cut, and is swept before the next one.
 *
 * table          key                               value                                      written by
 * meta           "store"                           format, name, shards, date of making       init
 *                "settings"                        struct settings                            init, set
 *                "ref"                             packed reference data                      init, ref
 *                "state"                           struct state: last run, segments, queues   run, at its end
 *                "pending"                         the folder that is to appear               run, at its end; cleared after
 *                "unfinished"                      a run began to write                       run, first; cleared at its end
 *                "keys"                            struct db_keys: what all keys add up to     every transaction, last
 * runs           run                               as-of, digest of its inputs                run, at its end
 * open           segment, first hash               phones with an open case: struct chunk     run
 *                segment, first hash, piece        the rest of one that is too large for one value: 1, 2, …
 * closed         segment, first hash               phones without one                         run
 * closed_filter  segment, first hash               which hashes a stretch of closed holds     run
 * notices        segment, first hash               notice ids that opened a case              run
 * notices_filter segment, first hash               likewise                                   run
 * history        run, first hash, number           what befell each phone in that run: history.h  run
 * due            first due time, run, sequence     phones by the time at which they come due  run
 * awaited        operator, as-of, run, sequence    SMS that wait for a final receipt          run
 * inputs         run, first file                   names and hashes of its inputs (zstd)      run
 * folders        run, file, block                  its output folder (zstd; block 0 with the  run; kept are the last keep_runs
 *                                                  file's name before it)
 *
 * open, closed and notices are sorted segments. A run appends one to each (only what changed, the newest wins), or, where it
 * touches much of open, writes the whole anew. Neighbouring segments of like size are merged (merge.h), so that there are few
 * of them and each record is rewritten a logarithmic number of times; a run moves a merge on by as much as it wrote itself,
 * times two, so that no run pays for all. What a merge under way has made is read by nobody until it is whole. */

/* Values, each behind its 8 bytes of checksum; structs below are those on disk, byte for byte, little-endian:
 *
 *   open, closed,   | count 4 | pieces 4 | entry 0 | entry 1 | … | record 0 | record 1 | …     a chunk
 *   notices           entry: | hash 8 | sub 4 | end 4 |, in the order of (hash, sub); a record is what lies between two ends
 *   *_filter        | last hash 8 | blocks 4 | unused 4 | block of 64 | …           Bloom's, 12 bits a hash, 7 of them set
 *   due             | time 8 | phone 4 | …                                          in the order of times
 *   awaited         | phone 4 | case << 4 | slot 4 | SMS << 1 | ended 4 | …
 *
 *   A record of open and closed: engine/phone.c. Of notices: struct notice_record. history: history.h. inputs, folders: kept.h.
 *   ref: io/ref_pack.c. Times are ms since 1970 UTC, sizes bytes. */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "engine/counts.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define STORE_FORMAT 7
#define STORE_KEY_SIZE 16
#define STORE_NAME_SIZE 16
#define STORE_SEGMENTS_MAX 64
#define STORE_MERGES_MAX 8

enum table { TABLE_META, TABLE_RUNS, TABLE_OPEN, TABLE_CLOSED, TABLE_CLOSED_FILTER, TABLE_NOTICES, TABLE_NOTICES_FILTER,
             TABLE_HISTORY, TABLE_DUE, TABLE_AWAITED, TABLE_INPUTS, TABLE_FOLDERS, TABLE_COUNT };

/* the tables made of segments */
enum { SEGMENTED_OPEN, SEGMENTED_CLOSED, SEGMENTED_NOTICES, SEGMENTED_COUNT };

struct settings {
    int64_t remind_after, expire_after, response_after, receipt_after, silent_after, remember; /* ms */
    uint32_t max_segments, keep_runs, lenient, shards;
    char short_code[8]; /* 3 to 8 digits, zeros behind */
};

struct segment { /* a live one */
    uint32_t number;
    uint32_t reserved;
    uint64_t entries, bytes;
    int64_t marks_ms; /* closed: no mark in it is younger; NEVER_MS where there is none */
};

struct merge { /* one under way */
    uint32_t first, inputs; /* number of the oldest segment that it merges, and how many they are: neighbours */
    uint64_t next_hash;     /* all hashes below are done */
    struct segment output;
};

struct operator_state { /* by operator id */
    int64_t heard_ms;     /* greatest received_at of all runs, or NEVER_MS */
    int64_t silence_ms;   /* the heard_ms whose silence was reported, or NEVER_MS */
    int64_t receipted_ms; /* greatest `at` of its receipts, or NEVER_MS */
    int64_t settled_ms;   /* SMS up to this as-of were looked at for missing receipts, or NEVER_MS */
};

struct state {
    uint32_t run; /* the last one; 0 none */
    uint32_t next_segment;
    int64_t as_of_ms;
    int64_t due_until_ms; /* due times up to here were popped */
    uint32_t look_at_all; /* settings or outages changed: due times of all open cases are to be worked out anew */
    uint32_t operator_count;
    int64_t forgotten_ms;      /* marks older than this were forgotten, or NEVER_MS */
    uint32_t segment_counts[SEGMENTED_COUNT], merge_counts[SEGMENTED_COUNT];
    struct segment segments[SEGMENTED_COUNT][STORE_SEGMENTS_MAX]; /* oldest first */
    struct merge merges[SEGMENTED_COUNT][STORE_MERGES_MAX];
    struct counts totals; /* only open, overdue, cases_open, cases_closed are kept up */
    struct operator_state operators[]; /* operator_count */
};

struct chunk { /* of open, closed, notices; behind the checksum */
    uint32_t count;
    uint32_t pieces; /* values behind this one that hold the rest of it: a phone can have millions of marks */
    /* struct chunk_entry entries[count], then the records one after another */
};

struct chunk_entry {
    uint64_t hash; /* phone hash, or the first 64 bits of a notice id's hash */
    uint32_t sub;  /* phone, or the next 32 bits: settles ties of hash */
    uint32_t end;  /* where its record ends, from the first record's beginning; an empty record: gone */
} __attribute__((packed)); /* small values stand unaligned in LMDB's pages */
static_assert(sizeof(struct chunk) == 8 && sizeof(struct chunk_entry) == 16, "no padding on disk");

struct notice_record {
    uint64_t content;     /* hash of its content */
    int64_t registered_ms;
    uint32_t phone, case_number;
};
static_assert(sizeof(struct notice_record) == 24, "no padding on disk");

struct due_entry { /* 12 bytes on disk: time, phone */
    int64_t due_ms;
    uint32_t phone;
} __attribute__((packed));
static_assert(sizeof(struct due_entry) == 12, "no padding on disk");

struct awaited_entry {
    uint32_t phone;
    uint32_t case_slot; /* case number << 4 | slot */
    uint32_t sms;       /* SMS number << 1 | 1 where it waits no longer */
};
static_assert(sizeof(struct awaited_entry) == 12, "no padding on disk");

/* LMDB puts a value over half a page into pages of its own, 16 bytes of them for itself: these waste nothing. */
#ifndef CHUNK_SIZE /* a test makes them small */
#define CHUNK_SIZE (8 * 4096 - 16)
#define FILTER_SIZE (4096 - 16)
#endif
#define QUEUE_SIZE (4 * 4096 - 16)
#define PIECE_SIZE (64 * 4096 - 16) /* no value is larger, as LMDB holds each whole in memory until it commits */

#endif
