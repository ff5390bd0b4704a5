/* command_capacity.c - besik capacity: its options, and Ctrl-C. The campaign is capacity.c. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "tools/capacity.h"
#include "tools/gen_options.h"
#include "tools/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void stop(int number)
{
    (void)number;
    atomic_store(&capacity_stop, true);
}

static void hear_signals(void)
{
    struct sigaction action = {.sa_handler = stop};
    static const int NUMBERS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE}; /* nobody reads on: then it need not go on */
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        sigaction(NUMBERS[i], &action, NULL);
}

static int read_scenario(struct capacity *capacity, const char *scenario, const char *outage, bool days_given,
                         struct fault *fault)
{
    uint64_t number;
    for (enum scenario i = 0; scenario && i < SCENARIO_COUNT; i++) {
        if (strcmp(scenario, SCENARIO_WORDS[i]) == 0) {
            capacity->scenario = i;
            scenario = NULL;
        }
    }
    if (scenario)
        return fault_set(fault, FAULT_USAGE, "--scenario %s: must be nightly, replay or storm", scenario);
    if (outage && (!value_number(span_of(outage), GEN_DAYS_MAX - 4, &number) || !number))
        return fault_set(fault, FAULT_USAGE, "--outage %s: must be 1 to %d days", outage, GEN_DAYS_MAX - 4);
    if (outage && capacity->scenario != SCENARIO_REPLAY)
        return fault_set(fault, FAULT_USAGE, "--outage: goes with --scenario replay");
    if (outage)
        capacity->outage = (uint32_t)number;
    if (capacity->scenario != SCENARIO_REPLAY)
        return 0;
    if (!days_given)
        capacity->days = capacity_outage_until(capacity) + 2;
    if (capacity->days < capacity_outage_until(capacity))
        return fault_set(fault, FAULT_USAGE, "--days %u: an outage of %u days is over in night %u", capacity->days,
                         capacity->outage, capacity_outage_until(capacity));
    return 0;
}

static int read_target(struct capacity *capacity, const char *target, struct fault *fault)
{
    int64_t ms;
    if (!target)
        return 0;
    if (!value_duration(span_of(target), &ms) || ms < SECOND_MS)
        return fault_set(fault, FAULT_USAGE, "--target %s: must be a duration of a second or more, as 30s or 10m", target);
    capacity->target = (double)ms / 1000;
    return 0;
}

/* Could the page be written? It is in the end, after hours. */
static int check_page(const char *path, struct fault *fault)
{
    struct stat stat;
    bool there = sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | (there ? 0 : O_CREAT | O_EXCL), 0600), error = errno;
    if (fd >= 0)
        sys.close(fd);
    if (fd >= 0 && !there && sys.unlink(AT_FDCWD, path, 0) != 0)
        return fault_errno(fault, errno, "--html %s: remove", path);
    return fd >= 0 ? 0 : fault_path(fault, error, "make", "--html %s", path);
}

static int play(struct capacity *capacity, struct fault *fault)
{
    if (capacity->html && check_page(capacity->html, fault))
        return -1;
    hear_signals(); /* from here on there is something to clean up */
    struct stat stat;
    capacity->made_dir = sys.stat(AT_FDCWD, capacity->dir, &stat, 0) != 0;
    if (gen_take_folder(capacity->dir, fault))
        return -1;
    int failed = capacity_go(capacity, fault);
    capacity_live_end(capacity);
    if (!capacity->keep || atomic_load(&capacity_stop)) {
        struct fault other = {0};
        int left = capacity_clean(capacity, &other);
        if (!left && capacity->made_dir && sys.unlink(AT_FDCWD, capacity->dir, AT_REMOVEDIR) != 0)
            left = fault_errno(&other, errno, "%s: remove", capacity->dir);
        if (left && !failed)
            *fault = other;
        failed |= left;
    }
    capacity_free(&capacity->campaign);
    return failed ? -1 : 0;
}

int command_capacity(int argc, char **argv, struct fault *fault)
{
    struct capacity capacity = {.outage = CAPACITY_OUTAGE_DEFAULT};
    struct gen gen = {.cases = CAPACITY_CASES_DEFAULT, .days = GEN_DAYS_DEFAULT, .seed = 1, .errors = GEN_ERRORS_DEFAULT};
    struct gen_options given = {0};
    const char *target = NULL, *scenario = NULL, *outage = NULL;
    const struct option options[] = {
        {"cases", "N", "how many children are born (default: 100000)", &given.cases, NULL},
        {"days", "D", "nights (default: 16; replay: the outage and 4)", &given.days, NULL},
        {"errors", "SHARE", "records that cannot be used (default: 0.01)", &given.errors, NULL},
        {"seed", "S", "the same seed, the same dumps and plan (default: 1)", &given.seed, NULL},
        {"workers", "N", "threads of each run (default: one a processor)", &given.workers, NULL},
        {"target", "DURATION", "find the most cases of which no night takes longer", &target, NULL},
        {"scenario", "WORD",
         "nightly; replay: an operator's dumps are withheld, then given all at once; storm: given twenty times", &scenario,
         NULL},
        {"outage", "DAYS", "of replay (default: 14)", &outage, NULL},
        {"html", "FILE", "a page with plots, and each number in a table", &capacity.html, NULL},
        {"keep", NULL, "leave the store and the last folder in DIR", NULL, &capacity.keep},
        {"json", NULL, "tell all figures as one JSON object", NULL, &capacity.json},
        {NULL, NULL, NULL, NULL, NULL},
    };
    const struct command command = {
        .name = "capacity",
        .arguments = "DIR [--cases N] [--days D] [--target DURATION] [--scenario nightly|replay|storm]",
        .summary = "What can this machine carry? Plays nights of made-up dumps in closed loop, in a store of its own in DIR "
                   "(which must\n"
                   "be empty, on the disk in question), tells what each night costs and what bounds it, and checks that after "
                   "the last\n"
                   "one every case stands where it was meant to (else exit 1). Before that a tenth and a third are played, to "
                   "forecast\n"
                   "the whole. Ctrl-C ends it; DIR is left as it was.",
        .options = options,
        .notes = "Example: besik capacity /var/lib/besik/try --cases 1000000 --html capacity.html\n"
                 "         besik capacity /var/lib/besik/try --target 10m",
    };
    int count;
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one DIR (see besik capacity --help)");
    if (gen_read_options(&given, &gen, &capacity.workers, fault))
        return -1;
    capacity.dir = argv[0];
    capacity.cases = gen.cases;
    capacity.days = gen.days;
    capacity.seed = gen.seed;
    capacity.errors = gen.errors;
    if (read_scenario(&capacity, scenario, outage, given.days, fault) || read_target(&capacity, target, fault))
        return -1;
    if (capacity.target > 0 && given.cases)
        return fault_set(fault, FAULT_USAGE, "--target finds --cases: give one of them");
    return play(&capacity, fault);
}
