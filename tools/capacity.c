/* capacity.c - a campaign of nights in closed loop. See capacity.h. */
#include "tools/capacity.h"

#include "engine/sys/sys.h"
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 4300
#define ARGUMENTS_MAX 24

const char *const SCENARIO_WORDS[SCENARIO_COUNT] = {"nightly", "replay", "storm"};
const char *const CAPACITY_STAGE_WORDS[CAPACITY_STAGES] = {"read", "apply", "commit", "publish"};
static const char *const OWN[] = {"store", "dumps", "runs", "withheld", "storm", "run.err", "probe"};

atomic_bool capacity_stop;

uint32_t capacity_outage_until(const struct capacity *capacity)
{
    return CAPACITY_OUTAGE_FROM + capacity->outage;
}

uint32_t capacity_storm_night(const struct capacity *capacity)
{
    return (capacity->days * 3 + 3) / 4;
}

/* ---- folders ---- */

/* A folder with all in it, or a file; 0 too where there is none. */
static int remove_at(int at, const char *name)
{
    if (sys.unlink(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR ? sys_remove_folder(at, name, remove_at) : -1;
}

static int remove_tree(const char *path, struct fault *fault)
{
    return remove_at(AT_FDCWD, path) ? fault_errno(fault, errno, "%s: remove", path) : 0;
}

static const char *inside(const struct capacity *capacity, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", capacity->dir, name);
    return path;
}

int capacity_clean(const struct capacity *capacity, struct fault *fault)
{
    char path[PATH_SIZE];
    int failed = 0;
    for (unsigned i = 0; i < sizeof OWN / sizeof *OWN; i++)
        failed |= remove_tree(inside(capacity, OWN[i], path), fault);
    return failed;
}

static int make_folder(const char *path, struct fault *fault)
{
    return sys.mkdir(AT_FDCWD, path, 0700) == 0 || errno == EEXIST ? 0 : fault_errno(fault, errno, "%s: make", path);
}

static uint64_t file_size(const char *path)
{
    struct stat stat;
    return sys.stat(AT_FDCWD, path, &stat, 0) == 0 ? (uint64_t)stat.st_size : 0;
}

/* ---- one operator's files: moved aside, or copied again and again ---- */

static bool is_of_operator(const struct capacity *capacity, const char *name, bool receipts)
{
    char start[64];
    snprintf(start, sizeof start, "messages-%s-", capacity->operator_code);
    if (strncmp(name, start, strlen(start)) == 0)
        return true;
    snprintf(start, sizeof start, "receipts-%s-", capacity->operator_code);
    return receipts && strncmp(name, start, strlen(start)) == 0;
}

static int copy_file(const char *from, const char *to, struct fault *fault)
{
    static char block[1 << 20];
    int in = sys.open(AT_FDCWD, from, O_RDONLY, 0),
        out = in < 0 ? -1 : sys.open(AT_FDCWD, to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ssize_t size = out < 0 ? -1 : 0;
    for (off_t at = 0; out >= 0 && (size = sys_read_all(in, block, sizeof block, at)) > 0; at += size)
        if (sys_write_all(out, block, (size_t)size, at) != 0) {
            size = -1;
            break;
        }
    int error = errno;
    if (in >= 0)
        sys.close(in);
    if (out >= 0)
        sys.close(out);
    return size < 0 ? fault_errno(fault, error, "%s: copy", to) : 0;
}

/* Moves (`times` 0) or copies so often the operator's files of a day's folder into folders of their own. */
static int take_files(const struct capacity *capacity, const char *day_folder, const char *aside, unsigned times,
                      struct fault *fault)
{
    DIR *folder = sys.opendir(AT_FDCWD, day_folder, 0);
    if (!folder)
        return fault_errno(fault, errno, "%s: open", day_folder);
    int failed = make_folder(aside, fault), error = 0;
    for (const char *name; !failed && (name = sys_next_name(folder, &error));) {
        char from[PATH_SIZE + 300], to[PATH_SIZE + 340];
        if (!is_of_operator(capacity, name, times == 0))
            continue;
        snprintf(from, sizeof from, "%s/%s", day_folder, name);
        for (unsigned i = 0; !failed && i < times; i++) {
            snprintf(to, sizeof to, "%s/%02u-%s", aside, i + 1, name);
            failed = copy_file(from, to, fault);
        }
        snprintf(to, sizeof to, "%s/%s", aside, name);
        if (!times && sys.rename(AT_FDCWD, from, AT_FDCWD, to) != 0)
            failed = fault_errno(fault, errno, "%s: move", from);
    }
    sys.closedir(folder);
    return error ? fault_errno(fault, error, "%s: read", day_folder) : failed;
}

/* What the scenario does with the dumps of a night; *ret_more is a folder that the run is given too, or stays empty. */
static int arrange(const struct capacity *capacity, uint32_t night, const char *day_folder, char ret_more[PATH_SIZE],
                   struct fault *fault)
{
    char name[64], aside[PATH_SIZE], parent[PATH_SIZE];
    if (capacity->scenario == SCENARIO_REPLAY && night >= CAPACITY_OUTAGE_FROM && night < capacity_outage_until(capacity)) {
        snprintf(name, sizeof name, "withheld/" GEN_DAY_FOLDER, night);
        return make_folder(inside(capacity, "withheld", parent), fault) ||
                       take_files(capacity, day_folder, inside(capacity, name, aside), 0, fault)
                   ? -1
                   : 0;
    }
    if (capacity->scenario == SCENARIO_REPLAY && night == capacity_outage_until(capacity))
        inside(capacity, "withheld", ret_more);
    if (capacity->scenario == SCENARIO_STORM && night == capacity_storm_night(capacity))
        return take_files(capacity, day_folder, inside(capacity, "storm", ret_more), CAPACITY_STORM_TIMES - 1, fault);
    return 0;
}

/* ---- a night ---- */

static void tick(void *context, double share, uint64_t records)
{
    (void)share;
    (void)records;
    capacity_live_tick(context);
}

struct play { /* a campaign under way */
    struct capacity *capacity;
    struct gen gen;
    struct gen_making making;
    struct capacity_campaign *campaign;
    struct gen_volume *volumes; /* by day */
    char dumps[PATH_SIZE], store[PATH_SIZE], out[PATH_SIZE];
};

static int run_night(struct play *play, uint32_t number, const char *out, const char *day_folder, const char *more,
                     uint32_t workers, bool dry, struct capacity_night *night, struct fault *fault)
{
    char as_of[VALUE_TIME_MAX + 1], threads[16];
    as_of[value_time_write(gen_as_of(number), as_of)] = 0;
    snprintf(threads, sizeof threads, "%u", workers);
    const char *arguments[ARGUMENTS_MAX] = {"besik",   "run", play->store, "--out", out,
                                            "--as-of", as_of, "--workers", threads, day_folder};
    unsigned count = 10;
    if (*more)
        arguments[count++] = more;
    if (dry)
        arguments[count++] = "--dry-run";
    return capacity_run(play->capacity, arguments, night, fault) || capacity_read_run(out, night, fault) ? -1 : 0;
}

/* The last night again and again without taking effect: how the work grows with workers. */
static int try_workers(struct play *play, uint32_t number, const char *day_folder, const char *more, struct fault *fault)
{
    struct capacity_campaign *campaign = play->campaign;
    char dry[PATH_SIZE];
    inside(play->capacity, "runs/dry", dry);
    for (uint32_t workers = 1; campaign->workers_count < CAPACITY_WORKERS_MAX; workers *= 2) {
        if (workers > play->capacity->machine.cores)
            workers = play->capacity->machine.cores;
        struct capacity_night night = {0};
        if (run_night(play, number, dry, day_folder, more, workers, true, &night, fault))
            return -1;
        if (remove_tree(dry, fault))
            return -1;
        campaign->workers[campaign->workers_count] = workers;
        campaign->workers_seconds[campaign->workers_count++] = night.seconds;
        if (workers == play->capacity->machine.cores)
            break;
    }
    return 0;
}

static int folder_size(const char *path, uint64_t *ret_sum, struct fault *fault)
{
    DIR *folder = sys.opendir(AT_FDCWD, path, 0);
    if (!folder)
        return fault_errno(fault, errno, "%s: open", path);
    int error;
    *ret_sum = 0;
    for (const char *name; (name = sys_next_name(folder, &error));) {
        struct stat stat;
        if (sys.stat(dirfd(folder), name, &stat, AT_SYMLINK_NOFOLLOW) == 0)
            *ret_sum += (uint64_t)stat.st_size;
    }
    sys.closedir(folder);
    return error ? fault_errno(fault, error, "%s: read", path) : 0;
}

/* Bytes of the dumps that a night is given, before compression. */
static uint64_t volume_of(const struct play *play, uint32_t number)
{
    const struct capacity *capacity = play->capacity;
    const struct gen_volume *volumes = play->volumes;
    uint32_t until = capacity_outage_until(capacity);
    uint64_t sum = volumes[number].others;
    bool replay = capacity->scenario == SCENARIO_REPLAY, withheld = replay && number >= CAPACITY_OUTAGE_FROM && number < until;
    if (!withheld)
        sum += volumes[number].messages + volumes[number].receipts;
    for (uint32_t day = CAPACITY_OUTAGE_FROM; replay && number == until && day < until; day++)
        sum += volumes[day].messages + volumes[day].receipts;
    if (capacity->scenario == SCENARIO_STORM && number == capacity_storm_night(capacity))
        sum += volumes[number].messages * (CAPACITY_STORM_TIMES - 1);
    return sum;
}

static void add_up(struct capacity_campaign *campaign, const struct capacity_night *night)
{
    campaign->seconds += night->seconds;
    campaign->records += night->records;
    campaign->written += night->written;
    if (night->anonymous > campaign->anonymous)
        campaign->anonymous = night->anonymous;
    if (night->store > campaign->store)
        campaign->store = night->store;
    if (night->seconds > campaign->nights[campaign->slowest].seconds)
        campaign->slowest = night->night - 1;
}

/* What the kernel does not count on this file system (it counts no write into memory) is what came to stand on it. */
static void settle_written(struct capacity_night *night, uint64_t store_before)
{
    uint64_t least = night->published + (night->store > store_before ? night->store - store_before : 0);
    if (night->written < least)
        night->written = least;
}

static int play_night(struct play *play, uint32_t number, bool full, struct fault *fault)
{
    struct capacity *capacity = play->capacity;
    struct capacity_campaign *campaign = play->campaign;
    struct capacity_night *night = &campaign->nights[campaign->count];
    char day_folder[PATH_SIZE + 16], more[PATH_SIZE] = "", data[PATH_SIZE + 16];
    *night = (struct capacity_night){.night = number};
    snprintf(day_folder, sizeof day_folder, "%s/" GEN_DAY_FOLDER, play->dumps, number);
    snprintf(data, sizeof data, "%s/data.mdb", play->store);
    uint64_t before = file_size(data);
    double began = progress_now();
    capacity_live_show(capacity, play->gen.cases, number, "dumps");
    if (gen_make_days(&play->making, number, number, fault) || arrange(capacity, number, day_folder, more, fault))
        return -1;
    night->made_seconds = progress_now() - began;
    if (full && number == capacity->days) {
        capacity_live_show(capacity, play->gen.cases, number, "by workers");
        if (try_workers(play, number, day_folder, more, fault))
            return -1;
    }
    capacity_live_show(capacity, play->gen.cases, number, "run");
    if (run_night(play, number, play->out, day_folder, more, capacity->workers, false, night, fault))
        return -1;
    night->plain_bytes = volume_of(play, number);
    night->store = file_size(data);
    if (folder_size(play->out, &night->published, fault))
        return -1;
    settle_written(night, before);
    if (remove_tree(day_folder, fault) || (*more && remove_tree(more, fault)) ||
        capacity_probe_sync(capacity->dir, &night->sync_median, &night->sync_worst, fault))
        return -1;
    capacity_live_show(capacity, play->gen.cases, number, "answers");
    began = progress_now();
    if (number < capacity->days && gen_make_answers(&play->making, play->out, &(uint32_t){0}, fault))
        return -1;
    night->made_seconds += progress_now() - began;
    if ((!capacity->keep || number < capacity->days) && remove_tree(play->out, fault))
        return -1;
    campaign->count++;
    add_up(campaign, night);
    capacity->live.done += capacity_work(play->gen.cases, number) - capacity_work(play->gen.cases, number - 1);
    return 0;
}

/* ---- a campaign ---- */

static int open_play(struct play *play, uint32_t cases, struct fault *fault)
{
    struct capacity *capacity = play->capacity;
    play->gen = (struct gen){.cases = cases, .days = capacity->days, .errors = capacity->errors, .seed = capacity->seed};
    inside(capacity, "dumps", play->dumps);
    inside(capacity, "store", play->store);
    inside(capacity, "runs/out", play->out); /* a run makes its folder under another name beside it */
    char runs[PATH_SIZE];
    if (gen_open(&play->gen, fault) || make_folder(play->dumps, fault) || make_folder(inside(capacity, "runs", runs), fault))
        return -1;
    if (capacity->scenario == SCENARIO_REPLAY)
        play->gen.withheld = (struct gen_withheld){capacity->operator, CAPACITY_OUTAGE_FROM, capacity_outage_until(capacity)};
    play->making = (struct gen_making){.gen = &play->gen,
                                       .dir = play->dumps,
                                       .workers = capacity->workers,
                                       .stop = &capacity_stop,
                                       .tick = tick,
                                       .tick_context = capacity};
    size_t volumes = (GEN_DAYS_MAX + 1) * sizeof *play->volumes;
    play->volumes = play->making.volumes = sys.alloc(volumes);
    play->making.apart = capacity->operator;
    if (!play->volumes)
        return fault_memory(fault);
    memset(play->volumes, 0, volumes);
    play->campaign->nights = sys.alloc(capacity->days * sizeof *play->campaign->nights);
    if (!play->campaign->nights)
        return fault_memory(fault);
    memset(play->campaign->nights, 0, capacity->days * sizeof *play->campaign->nights);
    const char *arguments[] = {"besik", "init", play->store, NULL};
    return capacity_run(capacity, arguments, NULL, fault);
}

int capacity_play(struct capacity *capacity, uint32_t cases, double limit, bool full, struct capacity_campaign *campaign,
                  struct fault *fault)
{
    struct play play = {.capacity = capacity, .campaign = campaign};
    *campaign = (struct capacity_campaign){.cases = cases, .days = capacity->days};
    int failed = capacity_clean(capacity, fault) || open_play(&play, cases, fault);
    for (uint32_t night = 1; !failed && night <= capacity->days && !campaign->cut; night++) {
        failed = play_night(&play, night, full, fault);
        if (!failed && full)
            capacity_tell_night(capacity, &campaign->nights[night - 1]);
        if (!failed && limit > 0 && campaign->nights[night - 1].seconds > limit)
            campaign->cut = true;
    }
    if (!failed && !campaign->cut) {
        capacity_live_show(capacity, cases, capacity->days, "check");
        failed = capacity_compare(&play.gen, play.store, capacity->days, &campaign->check, fault);
    }
    gen_close(&play.gen);
    sys.free(play.volumes);
    if ((!capacity->keep || atomic_load(&capacity_stop)) && capacity_clean(capacity, failed ? &(struct fault){0} : fault))
        failed = -1;
    return failed ? -1 : 0;
}

void capacity_free(struct capacity_campaign *campaign)
{
    sys.free(campaign->nights);
    sys.free(campaign->check.places);
    *campaign = (struct capacity_campaign){0};
}

/* ---- the whole ---- */

/* The operator of the most prefixes. */
static int choose_operator(struct capacity *capacity, struct fault *fault)
{
    struct gen gen = {.cases = 1, .days = 1};
    unsigned counts[REF_OPERATORS_MAX] = {0};
    if (gen_open(&gen, fault)) {
        gen_close(&gen);
        return -1;
    }
    for (uint32_t i = 0; i < gen.prefix_count; i++)
        counts[gen.ref->prefixes[gen.prefixes[i]]]++;
    for (uint32_t i = 0; i < gen.operator_count; i++)
        if (counts[gen.operators[i]] > counts[capacity->operator])
            capacity->operator = gen.operators[i];
    struct span code = gen.ref->operators[capacity->operator].code;
    snprintf(capacity->operator_code, sizeof capacity->operator_code, "%.*s", (int)code.size, code.data);
    gen_close(&gen);
    return 0;
}

static int check_space(const struct capacity *capacity, uint64_t space, struct fault *fault)
{
    if (capacity->machine.free_bytes >= space)
        return 0;
    return fault_set(fault, FAULT_FAILED,
                     "%s: %" PRIu64 " MB free, about %" PRIu64 " MB needed: free some, give another DIR or fewer --cases",
                     capacity->dir, capacity->machine.free_bytes / 1000000, space / 1000000);
}

int capacity_go(struct capacity *capacity, struct fault *fault)
{
    uint64_t space = capacity_space(capacity, capacity->cases);
    if (capacity_look_at_machine(&capacity->machine, capacity->dir, fault) || choose_operator(capacity, fault))
        return -1;
    capacity_tell_begin(capacity, space);
    if (check_space(capacity, space, fault))
        return -1;
    capacity_live_begin(capacity);
    int failed;
    if (capacity->target > 0)
        failed = capacity_search(capacity, fault);
    else
        failed =
            capacity_foretell(capacity, fault) || capacity_play(capacity, capacity->cases, 0, true, &capacity->campaign, fault);
    capacity_live_end(capacity);
    if (failed)
        return -1;
    double truth[FORESEEN_COUNT];
    capacity_foresee_of(&capacity->campaign, truth);
    for (unsigned i = 0; i < FORESEEN_COUNT; i++)
        capacity->forecast.of[i].truth = truth[i];
    if (capacity->html && capacity_write_page(capacity, fault))
        return -1;
    return capacity_tell_end(capacity, fault);
}
