/* capacity.h - what a machine can carry: nights of made-up dumps in closed loop, each a besik run of its own, measured from
 * outside; and whether every case ends where it was meant to. Room: tools.
 *
 *   capacity.c         a campaign: nights 1 … D with so many cases, and what is withheld or given twenty times
 *   capacity_night.c   one night: the run as a child, its figures
 *   capacity_check.c   the store against the plan
 *   capacity_search.c  the forecast from smaller campaigns, and --target
 *   capacity_machine.c CPU, memory, disk; what a sync costs
 *   capacity_tell.c    figures as text and as JSON; capacity_page.c as a page
 *
 * DIR/store, DIR/dumps and so on are the campaign's own and go at its end.
 * Thread: one; runs are processes, dumps are made by a crew of their own. Errors: -1 with the fault; cases that stand elsewhere are a
 * figure (capacity_check), told as exit 1 at the end. Seconds are wall time unless named cpu, sizes bytes. */
#ifndef TOOLS_CAPACITY_H
#define TOOLS_CAPACITY_H

#include "engine/sys/buffer.h"
#include "tools/gen_make.h"
#include "tools/gen_plan.h"
#include "tools/progress.h"

#include <stdatomic.h>

#define CAPACITY_CASES_DEFAULT 100000u
#define CAPACITY_MEMORY ((uint64_t)1 << 30) /* --memory of a run, unless told */
#define CAPACITY_OTHERS 0.1                 /* share from which it is told that others were at work */
#define CAPACITY_OUTAGE_DEFAULT 14u
#define CAPACITY_STORM_TIMES 20u
#define CAPACITY_OUTAGE_FROM 2u /* the first night whose dumps are withheld */
#define CAPACITY_WORKERS_MAX 8  /* points of the plot by workers */
#define CAPACITY_SAMPLES_MAX 10 /* cases named that stand elsewhere */

enum scenario { SCENARIO_NIGHTLY, SCENARIO_REPLAY, SCENARIO_STORM, SCENARIO_COUNT };
extern const char *const SCENARIO_WORDS[SCENARIO_COUNT];

enum { CAPACITY_READ, CAPACITY_APPLY, CAPACITY_COMMIT, CAPACITY_PUBLISH, CAPACITY_STAGES };
extern const char *const CAPACITY_STAGE_WORDS[CAPACITY_STAGES];

struct capacity_night {
    uint32_t night;
    uint64_t records, cases;     /* read; brought on: asked, reminded, corrected, sent to an agency, closed */
    uint64_t bytes, plain_bytes; /* of the dumps: as given, and before compression */
    uint64_t sms, published;     /* bytes of the folder */
    double process_seconds;      /* from its start to its end */
    double seconds, cpu_seconds, stages[CAPACITY_STAGES];
    uint64_t anonymous, written, store; /* bytes: greatest anonymous memory, written to disk, the store's file */
    double sync_median, sync_worst;     /* seconds that a write of 256 KiB and its sync took, after the night */
    double busy, others;                /* shares of the machine's processors: at work meanwhile, and for others than us */
    double made_seconds;                /* that making the dumps took */
};

struct capacity_place { /* where a case may stand: a step, or its outcomes once it is closed */
    char name[96];
    uint64_t planned, found;
};

struct capacity_check {
    struct capacity_place *places;
    uint32_t count, capacity;
    uint64_t cases, elsewhere; /* that do not stand where they were meant to, missing and unknown ones too */
    char samples[CAPACITY_SAMPLES_MAX][256];
    uint32_t sample_count;
};

struct capacity_campaign {
    uint32_t cases, days;
    struct capacity_night *nights; /* `count` of them */
    uint32_t count;
    double seconds;                               /* of all runs */
    uint64_t records, written, anonymous, store;  /* sums, and the greatest of the last two */
    uint32_t slowest;                             /* index */
    bool cut;                                     /* a night took longer than it may */
    double workers_seconds[CAPACITY_WORKERS_MAX]; /* a dry run of the last night by so many workers */
    uint32_t workers[CAPACITY_WORKERS_MAX], workers_count;
    struct capacity_check check;
};

struct capacity_machine {
    char cpu[128], kernel[64], disk[128];
    uint32_t cores;
    uint64_t memory, free_bytes; /* of the machine; on DIR's disk */
};

enum capacity_foresee { FORESEEN_SECONDS, FORESEEN_MEMORY, FORESEEN_STORE, FORESEEN_WRITTEN, FORESEEN_COUNT };

struct capacity_forecast {
    uint32_t small, middle; /* cases of the campaigns that it was made from */
    bool made;
    struct capacity_foretold {
        double small, middle, told, truth;
    } of[FORESEEN_COUNT];
};

extern const struct capacity_foreseen { /* how each is told */
    const char *name, *key, *label;     /* in words with its unit, in JSON, under a bar */
    double unit;
} CAPACITY_FORESEEN[FORESEEN_COUNT];

struct capacity_target {
    uint32_t held, broke;               /* cases; the largest campaign that kept to it, the smallest that did not (0: none) */
    const char *resource;               /* what ran out */
    double held_seconds, broke_seconds; /* of the slowest night */
    uint32_t tries;
};

struct capacity_live { /* the line on a terminal */
    bool on, shown;
    double began, next;
    double done, total; /* work, by cases and nights; total 0: not known */
    uint32_t cases, night;
    const char *doing;
};

struct capacity {
    const char *dir, *html;
    uint32_t cases, days, errors, workers, outage;
    uint64_t seed;
    enum scenario scenario;
    double target; /* seconds, 0: none */
    bool json, keep, made_dir;
    struct capacity_machine machine;
    struct capacity_campaign campaign;
    struct capacity_forecast forecast;
    struct capacity_target found;
    uint16_t operator; /* whose dumps are withheld, or come as a storm */
    char operator_code[40];
    struct capacity_live live;
};

extern atomic_bool capacity_stop; /* Ctrl-C */

int capacity_go(struct capacity *capacity, struct fault *fault);

/* Plays a campaign of so many cases. `limit`: seconds that a night may take, 0: any. `full`: with the dry runs by workers, and each
 * night told as it ends. */
int capacity_play(struct capacity *capacity, uint32_t cases, double limit, bool full, struct capacity_campaign *campaign,
                  struct fault *fault);
void capacity_free(struct capacity_campaign *campaign); /* its nights and places; a zeroed one is taken */
int capacity_clean(const struct capacity *capacity, struct fault *fault); /* all that is removed that can be */
uint32_t capacity_outage_until(const struct capacity *capacity);
uint32_t capacity_storm_night(const struct capacity *capacity);

/* A besik command as a child; a fault where it fails. `night` NULL: nothing is measured. */
int capacity_run(struct capacity *capacity, const char *const *arguments, struct capacity_night *night, struct fault *fault);
int capacity_read_run(const char *folder, struct capacity_night *night, struct fault *fault); /* run.json */

int capacity_compare(const struct gen *gen, const char *dir, uint32_t night, struct capacity_check *check,
                     struct fault *fault);

int capacity_foretell(struct capacity *capacity, struct fault *fault);
int capacity_search(struct capacity *capacity, struct fault *fault);
uint64_t capacity_space(const struct capacity *capacity,
                        uint32_t cases); /* bytes that a campaign takes in DIR at most, about */

int capacity_look_at_machine(struct capacity_machine *machine, const char *dir, struct fault *fault);
void capacity_read_busy(double *ret_busy, double *ret_all); /* ticks of all processors since the start */
int capacity_probe_sync(const char *dir, double *ret_median, double *ret_worst, struct fault *fault);

unsigned capacity_longest(const struct capacity_night *night); /* the stage */
const char *capacity_bound(const struct capacity *capacity,
                           const struct capacity_night *night); /* cpu read commit memory disk */
double capacity_others(const struct capacity *capacity);        /* of the whole campaign */
double capacity_cpu_share(const struct capacity *capacity, const struct capacity_night *night);

void capacity_live_begin(struct capacity *capacity);
void capacity_live_show(struct capacity *capacity, uint32_t cases, uint32_t night, const char *doing); /* from now on */
void capacity_live_tick(struct capacity *capacity); /* cheap when it is not time yet */
void capacity_live_end(struct capacity *capacity);
double capacity_work(uint32_t cases, uint32_t days); /* of a campaign, to weigh it against others */

void capacity_tell_begin(const struct capacity *capacity, uint64_t space);
/* What a campaign came to of each. */
void capacity_foresee_of(const struct capacity_campaign *campaign, double of[FORESEEN_COUNT]);
void capacity_tell_forecast(struct capacity *capacity); /* before the truth is known */
void capacity_tell_night(struct capacity *capacity, const struct capacity_night *night);
int capacity_tell_end(struct capacity *capacity, struct fault *fault);
const char *capacity_grouped(uint64_t number, char out[32]); /* "1,234,567" */
void capacity_sentence(const struct capacity *capacity, char *out, size_t size);
int capacity_put_json(const struct capacity *capacity, struct buffer *out, struct fault *fault);
int capacity_write_page(const struct capacity *capacity, struct fault *fault);

#endif
