/* command_gen.c - besik gen: made-up dumps, of so many cases, or in answer to a run. The making is gen_make.h. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "io/crew.h"
#include "tools/gen_make.h"
#include "tools/gen_options.h"
#include "tools/options.h"
#include "tools/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Makes DIR, or takes an empty one. */
int gen_take_folder(const char *dir, struct fault *fault)
{
    if (sys.mkdir(AT_FDCWD, dir, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return fault_path(fault, errno, "make", "%s", dir);
    DIR *folder = sys.opendir(AT_FDCWD, dir, O_NOFOLLOW);
    if (!folder)
        return fault_path(fault, errno, "open", "%s", dir);
    int error;
    bool empty = !sys_next_name(folder, &error);
    sys.closedir(folder);
    if (error)
        return fault_errno(fault, error, "%s: read", dir);
    return empty ? 0 : fault_set(fault, FAULT_USAGE, "%s: is not empty; give a folder that is, or that is not there yet", dir);
}

/* The folder of these very dumps is taken too: a command that failed can be given again. */
static int begin_folder(const struct gen *gen, const char *dir, struct fault *fault)
{
    struct gen there = {0};
    struct fault none = {0};
    if (gen_read(&there, dir, &none) == 0 && there.cases == gen->cases && there.days == gen->days && there.seed == gen->seed &&
        there.errors == gen->errors)
        return 0;
    return gen_take_folder(dir, fault) || gen_save(gen, dir, fault) ? -1 : 0;
}

/* "0.01" or "1%" as so many of a million */
static bool read_share(const char *text, uint32_t *ret_ppm)
{
    uint64_t whole = 0, part = 0, unit = 1000000;
    const char *at = text;
    bool digits = false;
    for (; *at >= '0' && *at <= '9' && whole < 1000; at++, digits = true)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, digits = true)
            if (unit > 1)
                part += (uint64_t)(*at - '0') * (unit /= 10);
    uint64_t ppm = whole * 1000000 + part;
    if (*at == '%') {
        ppm /= 100;
        at++;
    }
    *ret_ppm = (uint32_t)ppm;
    return digits && !*at && ppm <= GEN_ERRORS_MAX;
}

static int read_one(const char *name, const char *given, uint64_t low, uint64_t high, uint64_t *number, struct fault *fault)
{
    if (!given || (value_number(span_of(given), high, number) && *number >= low))
        return 0;
    return fault_set(fault, FAULT_USAGE, "--%s %s: must be %" PRIu64 " to %" PRIu64, name, given, low, high);
}

int gen_read_options(const struct gen_options *options, struct gen *gen, uint32_t *workers, struct fault *fault)
{
    uint64_t cases = gen->cases, days = gen->days, seed = gen->seed, threads = 0;
    if (read_one("cases", options->cases, 1, GEN_CASES_MAX, &cases, fault) ||
        read_one("days", options->days, 1, GEN_DAYS_MAX, &days, fault) ||
        read_one("seed", options->seed, 0, INT64_MAX, &seed, fault) ||
        read_one("workers", options->workers, 1, CREW_MAX, &threads, fault))
        return -1;
    if (options->errors && !read_share(options->errors, &gen->errors))
        return fault_set(fault, FAULT_USAGE, "--errors %s: must be a share from 0 to 0.5, as 0.01 or 1%%", options->errors);
    gen->cases = (uint32_t)cases;
    gen->days = (uint32_t)days;
    gen->seed = seed;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    *workers = threads ? (uint32_t)threads : processors < 1 ? 1 : processors > CREW_MAX ? CREW_MAX : (uint32_t)processors;
    return 0;
}

static void tell(const struct gen_sums *sums, double seconds, bool json, const char *what)
{
    double mb = (double)sums->plain_bytes / 1e6;
    if (json)
        printf("{\"files\":%" PRIu64 ",\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"plain_bytes\":%" PRIu64
               ",\"seconds\":%.3f}\n",
               sums->files, sums->records, sums->bytes, sums->plain_bytes, seconds);
    else
        printf("%s: %" PRIu64 " files, %" PRIu64 " records, %.1f MB (%.1f MB before compression) in %.2f s, %.0f MB/s\n", what,
               sums->files, sums->records, (double)sums->bytes / 1e6, mb, seconds, seconds > 0 ? mb / seconds : 0);
}

static void tick(void *context, double share, uint64_t records)
{
    progress_tick(context, share, 1, records);
}

static int go(struct gen_making *making, const char *folder, bool json, struct fault *fault)
{
    struct progress progress;
    char what[64] = "gen";
    progress_open(&progress, false);
    progress_stage(&progress, "gen");
    making->tick = tick;
    making->tick_context = &progress;
    double began = progress_now();
    uint32_t night = 0;
    int failed = folder ? gen_make_answers(making, folder, &night, fault) : gen_make_days(making, 1, making->gen->days, fault);
    progress_close(&progress);
    if (failed)
        return -1;
    if (folder)
        snprintf(what, sizeof what, "answers to night %u, from day %u on", night, night + 1);
    tell(&making->sums, progress_now() - began, json, what);
    if (folder || json)
        return 0;
    char as_of[VALUE_TIME_MAX + 1], shown[PATH_SHOWN_MAX];
    path_shown(span_of(making->dir), shown, sizeof shown);
    as_of[value_time_write(gen_as_of(1), as_of)] = 0;
    printf("night 1: besik run STORE --out OUT --as-of %s %s/" GEN_DAY_FOLDER ", then besik gen %s --answers OUT\n", as_of,
           shown, 1u, shown);
    return 0;
}

int command_gen(int argc, char **argv, struct fault *fault)
{
    struct gen gen = {.days = GEN_DAYS_DEFAULT, .seed = 1, .errors = GEN_ERRORS_DEFAULT};
    struct gen_options given = {0};
    const char *answers = NULL;
    bool json = false, plain = false;
    const struct option options[] = {
        {"cases", "N", "how many children are born", &given.cases, NULL},
        {"days", "D", "in how many days (default: 16)", &given.days, NULL},
        {"seed", "S", "the same seed, the same bytes (default: 1)", &given.seed, NULL},
        {"errors", "SHARE", "records that cannot be used, of every reason (default: 0.01)", &given.errors, NULL},
        {"answers", "FOLDER", "answer what a run has written there, into the days that follow", &answers, NULL},
        {"plain", NULL, "compress no file", NULL, &plain},
        {"workers", "N", "threads (default: one a processor); the bytes do not hang on it", &given.workers, NULL},
        {"json", NULL, "tell the figures as one JSON object", NULL, &json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "gen",
        .arguments = "DIR --cases N [--days D] [--seed S] [--errors SHARE] | DIR --answers FOLDER",
        .summary =
            "Makes dumps up, as real ones are: DIR/day-001 and on. Day d is given to the run as of 22:00 of that day, the\n"
            "first being 2026-03-02. With --answers citizens read the SMS of that run and answer as shown, agencies answer\n"
            "its requests, operators give receipts. Names, phones, IINs and accounts are nobody's.",
        .options = options,
        .notes = "Example: besik gen dumps --cases 10000 --seed 7\n"
                 "         besik run store --out out1 --as-of 2026-03-02T22:00:00+05:00 dumps/day-001\n"
                 "         besik gen dumps --answers out1",
    };
    int count;
    uint32_t workers;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one DIR (see besik gen --help)");
    if (!answers == !given.cases || (answers && (given.days || given.seed || given.errors)))
        return fault_set(fault, FAULT_USAGE, "give either --cases N, or --answers FOLDER alone (see besik gen --help)");
    int failed = gen_read_options(&given, &gen, &workers, fault);
    if (!failed && answers)
        failed = gen_read(&gen, argv[0], fault) || gen_open(&gen, fault);
    else if (!failed)
        failed = gen_open(&gen, fault) || begin_folder(&gen, argv[0], fault);
    struct gen_making making = {.gen = &gen, .dir = argv[0], .workers = workers, .plain = plain};
    if (!failed)
        failed = go(&making, answers, json, fault);
    gen_close(&gen);
    return failed ? -1 : 0;
}
