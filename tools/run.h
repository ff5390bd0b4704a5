/* run.h - one run, from files in to folder out: the state that its passes share, and the passes.
 * Room: tools.  Start: run_go in run.c, which is the table of contents.
 * Thread: passes are called by the program's first thread, which alone writes the store; workers have what is in their struct run_worker,
 * and of struct run only look at what a pass does not change; the filer writes the output files. What they share besides is under a
 * lock: `window` and `folder`.
 * Errors: a pass returns 0, or -1 with run->fault (or the fault that it was given) set. Times are ms, sizes bytes. */
#ifndef TOOLS_RUN_H
#define TOOLS_RUN_H

#include "engine/apply.h"
#include "io/crew.h"
#include "io/ingest.h"
#include "io/input.h"
#include "io/output.h"
#include "io/rows.h"
#include "io/sort.h"
#include "io/spool.h"
#include "io/walk.h"
#include "store/history.h"
#include "store/publish.h"
#include "store/segment.h"
#include "store/store.h"
#include "tools/findings.h"
#include "tools/progress.h"

#include <stdbool.h>
#include <stdint.h>

struct run_options {
    const char *store, *out, *as_of, *tmp, *metrics;
    char *const *paths;
    int path_count;
    bool dry_run, rebuild, json, progress, keep_rejected;
    uint32_t workers; /* 0: as many as there are processors */
    uint64_t memory;  /* bytes */
    int64_t sms_limit; /* -1: none */
};

/* A pseudo kind of event, behind all others of a phone: a due time of it was reached. */
#define EVENT_DUE KIND_COUNT

struct part_output { /* what the apply of one part made, until the one writer has written it */
    struct blobs blobs;
    struct buffer *outbound;              /* by operator id */
    struct buffer requests[AGENCY_COUNT];
    struct buffer due;                    /* struct due_entry */
    struct buffer awaited;                /* struct awaited_row */
    uint64_t open_entries, open_bytes, closed_entries, closed_bytes;
    uint32_t part;
    bool ready;
};

struct awaited_row { /* on its way to the table */
    int64_t at_ms;
    uint32_t operator;
    struct awaited_entry entry;
};

struct index_row { /* a notice that opened a case, on its way to the index */
    uint64_t hash;
    uint32_t sub, reserved;
    struct notice_record record;
};

struct run_estimate { /* bytes that the inputs will become, about */
    uint64_t events, stored, published, spilled;
};

struct run_worker {
    struct apply apply;
    struct ids ids;
    struct texts *texts;
    struct rows rows;
    MDB_txn *txn;
    struct segment_view open, closed, notices;
    struct segment_view copied;     /* open, once more, where it is written anew */
    uint32_t part;                  /* the one at hand */
    struct segment_builder open_builder, closed_builder, index_builder;
    struct buffer packed, loaded;   /* a part's events */
    char event[EVENT_SIZE_MAX + 16]; /* one, packed: short-lived */
    struct buffer order, spare;     /* struct sort_entry */
    struct buffer joined;           /* events that were parts of SMS (run_parts.c) */
    struct buffer text;             /* short-lived */
    struct buffer history;          /* of the part: a value in the making */
    struct history_packer packer;   /* it writes that */
    char identity[HISTORY_IDENTITY_MAX]; /* short-lived */
    struct buffer retired;          /* full blocks of apply.bytes, until the phone is done */
    uint64_t history_first;
    uint32_t history_number; /* of the values with that first hash */
    uint64_t *duplicates, *mended, *joined_parts; /* by file; of SMS in parts all but the first */
    uint64_t *sms;                  /* by operator and kind: that were written */
    struct part_output *output;
};

struct run_folder { /* blocks of the folder, on their way to the store */
    pthread_mutex_t lock;
    bool open;
    void *packer; /* store/kept.h */
    uint32_t files;
    struct buffer packed; /* a block */
    struct blobs blobs, spare;
};

/* Parts under way: each is its worker's until it is `ready`, then the two writers'. All of it under the lock (run_window.c). */
struct run_window {
    struct part_output *parts; /* part p stands in parts[p % size] */
    uint32_t size;
    pthread_mutex_t lock;
    pthread_cond_t news;
    uint32_t next, stored, filed; /* to be taken by a worker; in the store; in the files */
};

struct run_files { /* of the folder: the filer's, while it is at work */
    int folder_fd;
    struct ring *ring;
    struct output **outbound; /* by operator id */
    uint64_t *outbound_rows;
    struct output *requests[AGENCY_COUNT];
    uint64_t request_rows[AGENCY_COUNT];
    struct output *rejects, *findings;
    uint64_t rejects_rows, findings_rows;
    struct output *kept[KIND_COUNT]; /* of --keep-rejected */
    uint64_t kept_rows[KIND_COUNT];
};

struct run_rewrite { /* of the open cases (run_open.c) */
    bool whole;      /* the whole table is written anew */
    bool copying;    /* the second pass over the parts, for those that are as they were */
    bool *as_is;     /* by part, each its worker's: nothing of its open cases is written yet, as none changed */
};

struct run_queues { /* rows of the store's queues that are not yet written (run_due.c) */
    struct buffer due, awaited, scratch;
    uint32_t due_sequence, awaited_sequence;
};

struct run_metrics {
    char folder[4096];
    int fd; /* -1 none */
    struct party_count { /* findings by party */
        enum finding finding;
        uint64_t rows; /* of the party at hand */
        struct buffer party, lines;
    } party;
};

struct run {
    const struct run_options *options;
    struct fault *fault;
    struct progress progress;
    int64_t began_ms;
    double stages[4]; /* seconds, by enum run_stage */

    /* what it works on */
    struct store *store;
    struct ref_set *ref_set;   /* the store's */
    struct profiles *profiles; /* of the store's dumps.ini; NULL: none */
    struct run_facts facts;
    struct record_rules rules;
    struct walk walk;
    struct inputs inputs;
    struct ingest ingest;
    struct run_estimate estimate;
    struct publish_place place;
    int64_t *settled_ms; /* by operator */

    /* who works, and what passes from one pass to the next */
    struct crew crew;
    struct run_worker *workers;
    uint32_t worker_count;
    struct spool_pool pool;
    struct spool events, notices, rejects, findings, index;
    unsigned part_bits; /* of events, notices and index: log2 of their number */
    struct run_window window;
    struct run_rewrite rewrite;
    bool look_at_all; /* every open case is looked at, not only those named or due */

    /* what came of it, after the pass over the phones */
    struct counts counts; /* of all workers */
    struct operator_news *news;
    uint64_t *totals_found; /* by row of ingest.totals */
    struct totals_row *totals_rows;

    /* into the store */
    struct state *state; /* as it will be */
    struct db_writer writer;
    bool writing;
    bool deciding; /* whether it took effect is the store's to say */
    uint32_t segment_numbers[SEGMENTED_COUNT]; /* of this run */
    struct run_queues queues;

    /* into the folder */
    struct crew filer; /* the one thread that writes the output files */
    bool filing;       /* it is at work: until run_finish_files */
    struct run_files files;
    struct run_folder folder;
    struct keeping *keeping; /* of --keep-rejected (run_keep.c) */
    struct buffer json;      /* run.json */
    struct run_metrics metrics;
};

enum run_stage { STAGE_READ, STAGE_APPLY, STAGE_COMMIT, STAGE_PUBLISH };

int run_go(const struct run_options *options, struct fault *fault);

/* ---- passes, in their order ---- */

int run_pop_due(struct run *run);         /* due times reached: events (run_due.c) */
int run_tell_notices_apart(struct run *run); /* run_notices.c */
int run_join_parts(struct run *run, uint32_t index, struct fault *fault); /* of the events that the worker has loaded (run_parts.c) */
int run_apply_phones(struct run *run);    /* run_window.c, run_phones.c, with run_write.c on the other side */
int run_index_notices(struct run *run);   /* run_notices.c */
int run_merge_segments(struct run *run);  /* few segments of unlike size (run_merge.c) */
int run_reconcile(struct run *run);       /* findings of operators and totals (run_reconcile.c) */
int run_write_rejects(struct run *run);   /* run_report.c */
int run_write_findings(struct run *run);  /* run_report.c */
int run_write_json(struct run *run, double seconds); /* run_json.c */

/* ---- shared by passes ---- */

/* An event of a phone, by worker `worker`. */
int run_add_event(struct run *run, uint32_t worker, const struct event *event, struct fault *fault);
/* run_metrics.c: the file is made at the start, under a hidden name, as its mode can't be set any more once the run is locked down.
 * `done`, what was counted stands. A failure is told, and no more. */
int run_open_metrics(struct run *run);
void run_write_metrics(const struct run *run, bool success, bool done);
void run_count_finding(struct run *run, enum finding finding, struct span party);
void run_count_finding_end(struct run *run);
/* run_again.c. --out stands already: 1 it is this very run, which is told, and nothing is to be done; else a fault. */
int run_check_folder_again(struct run *run);
bool run_folder_stands(const char *path);
int run_digest_inputs(struct run *run, XXH128_hash_t *ret_digest); /* their contents as a multiset tell them from other runs' */
/* run_end.c */
void run_add_up(struct run *run); /* what the workers counted */
int run_check_sms_limit(struct run *run);
int run_publish(struct run *run);    /* a run of a store takes effect in it: from then on it is only to be ended */
void run_clean_up(struct run *run);  /* of what is needed no longer; a failure is nothing: the next command that writes does it again */
void run_tell_summary(struct run *run, double seconds); /* a line on standard output, or with --json the folder's run.json */
int run_folder_open(struct run *run); /* run_folder.c */
void run_folder_close(struct run *run);
void run_folder_file(struct run *run, struct output *output); /* its blocks are packed, for reissue; any thread */
int run_folder_store(struct run *run);                        /* what is packed so far goes to the store */
int run_folder_inputs(struct run *run);
/* In the order of rejects.csv: 1 kept, 0 rejected-KIND.csv has no room for it (run_keep.c). */
int run_keep_reject(struct run *run, const struct reject *reject);
int run_end_keeping(struct run *run);
void run_close_keeping(struct run *run);
int run_load_part(struct run *run, struct run_worker *worker, struct spool *spool, uint32_t part, struct fault *fault);
int run_add_reject(struct run *run, uint32_t worker, const struct event *event, enum verdict_outcome outcome, enum reason reason,
                   bool phone_known, struct fault *fault);
int run_add_finding(struct run *run, uint32_t worker, struct finding_row *row, struct span party, struct span id,
                    struct span detail, struct fault *fault);
int run_open_output(struct run *run, struct ring *ring, struct output **output, const char *name, const char *header,
                    struct fault *fault);
int run_file_part(struct run *run, struct part_output *part, struct crew_worker *filer);
int run_store_part(struct run *run, struct part_output *part);
void run_finish_parts(struct run *run, struct crew_worker *filer); /* writes what is left and syncs, while others go on */
int run_finish_files(struct run *run); /* waits for that */
void run_close_files(struct run *run);
int run_flush_queues(struct run *run);
int run_queue_due(struct run *run, const struct due_entry *entries, size_t count);
int run_queue_awaited(struct run *run, const struct awaited_row *rows, size_t count);
uint32_t run_notice_sub_of(const struct event *event, uint64_t seed);
uint32_t run_notice_sub(const struct run *run, const struct event *event); /* the second part of its name in the index */
/* A record's identity without its operator, as rejects.csv shows it: it points into the event or into `room` (HISTORY_IDENTITY_MAX). */
struct span run_identity_tail(const struct event *event, char *room);
/* run_open.c. In a part, what is kept and what changes comes in the order of (hash, sub). */
int run_open_decide(struct run *run);
int run_open_begin(struct run *run, struct run_worker *worker, uint32_t part, struct fault *fault);
int run_open_keep(struct run *run, struct run_worker *worker, const struct segment_entry *entry, struct fault *fault);
int run_open_change(struct run *run, struct run_worker *worker, uint64_t hash, uint32_t sub, struct fault *fault); /* before its entry is added */
bool run_open_lacks(struct run *run); /* after the pass: are some parts to be copied, and others not? */
int run_open_copy(struct run *run, struct run_worker *worker, uint32_t part, struct fault *fault);
int run_emit_history(struct run *run, struct run_worker *worker, struct fault *fault); /* of worker->apply; run_history.c */
int run_flush_history(struct run *run, struct run_worker *worker, struct fault *fault);

static inline uint32_t run_parts(const struct run *run)
{
    return 1u << run->part_bits;
}

#endif
