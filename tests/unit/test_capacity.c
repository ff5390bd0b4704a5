/* test_capacity.c - what capacity makes of its figures: the page, the text, JSON, the line on a terminal, what bounds a night, and
 * what it reads of run.json; on a machine of one core, with a target, with cases that stand elsewhere. */
#include "tools/capacity.h"

#include "engine/sys/sys.h"
#include "tools/capacity_plot.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char dir[64];
static struct sys real;
static struct fault fault;

static void set_up(void)
{
    real = sys;
    strcpy(dir, "/tmp/test_capacity.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void tear_down(void)
{
    char command[100];
    sys = real;
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert(chdir("/") == 0 && system(command) == 0);
}

TestSuite(capacity, .init = set_up, .fini = tear_down, .timeout = 60);

static long left; /* calls until the one that fails; 0: none does */

static bool fails(int error)
{
    if (!left || --left)
        return false;
    errno = error;
    return true;
}

static void *f_alloc(size_t size) { return fails(ENOMEM) ? NULL : real.alloc(size); }
static void *f_realloc(void *block, size_t size) { return fails(ENOMEM) ? NULL : real.realloc(block, size); }
static int f_open(int at, const char *path, int flags, mode_t mode) { return fails(EIO) ? -1 : real.open(at, path, flags, mode); }
static ssize_t f_pwrite(int fd, const void *from, size_t size, off_t at) { return fails(ENOSPC) ? -1 : real.pwrite(fd, from, size, at); }
static int f_fsync(int fd) { return fails(EIO) ? -1 : real.fsync(fd); }
static int f_statvfs(const char *path, struct statvfs *ret) { return fails(EIO) ? -1 : real.statvfs(path, ret); }
static int f_stat(int at, const char *path, struct stat *ret, int flags) { return fails(EIO) ? -1 : real.stat(at, path, ret, flags); }
static ssize_t f_read(int fd, void *to, size_t size) { return fails(EIO) ? -1 : real.read(fd, to, size); }
static int f_unlink(int at, const char *path, int flags) { return fails(EIO) ? -1 : real.unlink(at, path, flags); }
static DIR *f_opendir(int at, const char *path, int flags) { return fails(EIO) ? NULL : real.opendir(at, path, flags); }
static struct dirent *f_readdir(DIR *folder) { return fails(EIO) ? NULL : real.readdir(folder); }

static const char *slurp(const char *path)
{
    static char text[1 << 20];
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0, "%s", path);
    ssize_t size = read(fd, text, sizeof text - 1);
    cr_assert(size >= 0 && size < (ssize_t)sizeof text - 1);
    text[size] = 0;
    close(fd);
    return text;
}

static void has(const char *text, const char *wanted, bool there)
{
    cr_expect_eq(strstr(text, wanted) != NULL, there, "'%s' is %s", wanted, there ? "missing" : "there");
}

#define NIGHTS 70u

/* One core, a target of 30 s, others at work, nights of which one took no time at all. */
static struct capacity some_capacity(void)
{
    static struct capacity_night nights[NIGHTS];
    static struct capacity_place places[] = {{"name", 2, 1}, {"closed: assigned", 0, 1}};
    struct capacity capacity = {.dir = dir, .html = "page.html", .cases = 2000, .days = NIGHTS, .workers = 1, .target = 30,
                                .outage = 5, .operator_code = "tele2"};
    for (uint32_t i = 0; i < NIGHTS; i++)
        nights[i] = (struct capacity_night){.night = i + 1, .records = 1000 * i, .seconds = i, .process_seconds = i, .others = 0.5,
                                            .plain_bytes = 1000, .written = 2000, .stages = {0, 0.5, 0, 0.25}};
    capacity.machine = (struct capacity_machine){"A&B <\"C\"> 1", "Linux 6", "ext4 on /dev/x", 1, 8000000000u, 1000000000u};
    capacity.campaign = (struct capacity_campaign){.cases = 2000, .days = NIGHTS, .nights = nights, .count = NIGHTS, .seconds = 2415,
                                                   .slowest = NIGHTS - 1,
                                                   .check = {.places = places, .count = 2, .cases = 2, .elsewhere = 1,
                                                             .samples = {"N26-1: planned name, found closed: assigned"}, .sample_count = 1}};
    capacity.found = (struct capacity_target){.held = 2000, .broke = 2100, .resource = "disk", .held_seconds = 29, .broke_seconds = 31, .tries = 4};
    return capacity;
}

Test(capacity, page)
{
    struct capacity capacity = some_capacity();
    cr_assert_eq(capacity_write_page(&capacity, &fault), 0, "%s", fault.text);
    const char *text = slurp("page.html");
    static const char *const WANTED[] = {"A&amp;B &lt;&quot;C&quot;&gt; 1, 1 core, 8.0 GB memory", "seed 0, 1 worker</p>", "1 of 2 cases do not stand",
                                         "Other processes kept 50 %", "within 30 s", "<b>disk</b><span>bounds it", ">target</text>", "r=\"2\""};
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++)
        has(text, WANTED[i], true);
    static const char *const UNWANTED[] = {"id=\"workers\"", "id=\"forecast\"", "nan", ">inf", "All 2 cases"};
    for (size_t i = 0; i < sizeof UNWANTED / sizeof *UNWANTED; i++)
        has(text, UNWANTED[i], false);
    capacity.found.resource = NULL; /* nothing broke: what bounds the slowest night is told */
    capacity.machine.cores = 2;
    capacity.workers = 2;
    capacity.campaign.check.elsewhere = 0;
    capacity.campaign.count = 3;
    capacity.campaign.seconds = 1000;
    capacity.campaign.slowest = 2;
    capacity.forecast = (struct capacity_forecast){.small = 200, .middle = 666, .made = true, .of = {{1, 2, 3, 0}, {1, 2, 3, 4}}};
    capacity.campaign.workers_count = 1;
    capacity.campaign.workers[0] = 1;
    cr_assert_eq(capacity_write_page(&capacity, &fault), 0, "%s", fault.text);
    text = slurp("page.html");
    static const char *const THEN[] = {"2 cores", "2 workers</p>", "All 2 cases stand", "nothing ran out", "r=\"4\"", "id=\"workers\"", "id=\"forecast\""};
    for (size_t i = 0; i < sizeof THEN / sizeof *THEN; i++)
        has(text, THEN[i], true);
    has(text, "Other processes", false);
}

/* Each call fails once: it is told, and a page that there was no memory for is not begun. */
Test(capacity, page_that_cannot_be_made)
{
    struct capacity capacity = some_capacity();
    bool made = false;
    unsigned failed = 0;
    for (long n = 1; !made; n++) {
        cr_assert_lt(n, 200);
        fault = (struct fault){0};
        unlink("page.html");
        left = n;
        sys.alloc = f_alloc;
        sys.realloc = f_realloc;
        made = capacity_write_page(&capacity, &fault) == 0;
        sys = real;
        failed += !made;
        cr_assert(made == (left > 0) && made == (fault.code == FAULT_NONE), "call %ld: %s", n, fault.text);
        cr_assert_eq(access("page.html", F_OK) == 0, made, "call %ld", n);
    }
    cr_expect_gt(failed, 3u);
    for (int i = 0; i < 2; i++) {
        fault = (struct fault){0};
        left = 1;
        *(i ? (void **)&sys.pwrite : (void **)&sys.open) = i ? (void *)f_pwrite : (void *)f_open;
        cr_expect_eq(capacity_write_page(&capacity, &fault), -1);
        sys = real;
        cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, "--html page.html: "), "%s", fault.text);
    }
}

/* ---- as text, and as JSON ---- */

static const char *told(void (*what)(struct capacity *capacity), struct capacity *capacity)
{
    fflush(stdout);
    int before = dup(STDOUT_FILENO), file = open("told", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDOUT_FILENO);
    what(capacity);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(file);
    return slurp("told");
}

static void begin(struct capacity *capacity) { capacity_tell_begin(capacity, 5000000); }
static int result;
static void end(struct capacity *capacity)
{
    fault = (struct fault){0};
    result = capacity_tell_end(capacity, &fault);
}

Test(capacity, text_with_a_target)
{
    struct capacity capacity = some_capacity();
    const char *text = told(begin, &capacity);
    has(text, "1 core, ", true);
    has(text, "target: the slowest of 70 nights within 30 s; scenario nightly, seed 0, 1 worker; 1.0 GB free in ", true);
    text = told(end, &capacity);
    cr_expect(result == -1 && fault.code == FAULT_FAILED && strstr(fault.text, "1 of 2 cases do not stand"), "%s", fault.text);
    has(text, "night   records", true);
    has(text, "\n   70     69000    69.00 ", true);
    has(text, "  <<<\n", true);
    has(text, "N26-1: planned name, found closed: assigned", true);
    has(text, "Other processes kept 50 %", true);
    has(text, "forecast from", false);
    capacity.campaign.check.elsewhere = 0;
    capacity.machine.cores = capacity.workers = 3;
    capacity.found.resource = NULL;
    text = told(end, &capacity);
    cr_expect_eq(result, 0);
    has(text, "All 2 cases stand where they were meant to. 2,000 cases in 70 nights are the most of which this machine", true);
    has(text, "(the slowest took 29.0 s); nothing ran out.", true);
    text = told(begin, &capacity);
    has(text, "3 cores, ", true);
    has(text, "3 workers; 1.0 GB", true);
}

Test(capacity, json_with_a_target)
{
    struct capacity capacity = some_capacity();
    capacity.json = true;
    cr_expect_str_eq(told(begin, &capacity), "");
    const char *text = told(end, &capacity);
    cr_expect_eq(result, -1, "what stands elsewhere is a failure here too");
    has(text, ",\"forecast\":null", true);
    has(text, "\"target\":{\"seconds\":30.000,\"held_cases\":2000,\"held_seconds\":29.000,\"broke_cases\":2100,\"broke_seconds\":31.000,"
              "\"resource\":\"disk\",\"campaigns\":4}", true);
    capacity.found.resource = NULL;
    capacity.campaign.check.elsewhere = 0;
    text = told(end, &capacity);
    cr_expect_eq(result, 0);
    has(text, "\"resource\":null", true);
    long n = 0;
    do {
        left = ++n;
        sys.realloc = f_realloc;
        sys.alloc = f_alloc;
        text = told(end, &capacity);
        sys = real;
        cr_assert(left > 0 || (result == -1 && fault.code == FAULT_FAILED && !*text), "call %ld: %s", n, fault.text);
    } while (left == 0);
    cr_expect(n > 1 && result == 0);
}

Test(capacity, sentences)
{
    struct capacity capacity = some_capacity();
    char text[512];
    capacity.target = 0;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "With 28 births a day this machine's longest night takes 69.0 s for 69,000 records (1,000 a second); ", true);
    capacity.scenario = SCENARIO_REPLAY;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "A 5-day outage of tele2, among 28 births a day, is caught up in 6.0 s", true);
    capacity.scenario = SCENARIO_STORM;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "tele2's dump given 20 times over", true);
    capacity.campaign.nights[capacity_storm_night(&capacity) - 1].seconds = 0.25;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "is a night of 0.25 s", true);
    capacity.campaign.nights[capacity_storm_night(&capacity) - 1].seconds = 400;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "is a night of 400 s", true);
    capacity.campaign.count = 3; /* cut before the night in question: the slowest is told */
    capacity.campaign.slowest = 1;
    capacity_sentence(&capacity, text, sizeof text);
    has(text, "is a night of 1.0 s", true);
}

/* ---- what a campaign leaves ---- */

static bool is_empty(void)
{
    return rmdir(dir) == 0 && mkdir(dir, 0700) == 0 && chdir(dir) == 0;
}

/* Each call that removes fails once: it is told, the rest goes all the same, and given again nothing is left. */
Test(capacity, what_cannot_be_removed_is_told)
{
    struct capacity capacity = {.dir = dir};
    for (int call = 0; call < 3; call++) {
        bool met = true;
        for (long n = 1; met; n++) {
            cr_assert_eq(system("mkdir -p store runs/out dumps/day-001 withheld/day-002 && touch store/data.mdb runs/out/a runs/out/b "
                                "dumps/day-001/c run.err && ln -s /nowhere withheld/day-002/d"), 0);
            fault = (struct fault){0};
            left = n;
            if (call == 0)
                sys.unlink = f_unlink;
            else if (call == 1)
                sys.opendir = f_opendir;
            else
                sys.readdir = f_readdir;
            int failed = capacity_clean(&capacity, &fault);
            met = left == 0;
            left = 0;
            sys = real;
            cr_assert_eq(failed != 0, met, "call %d, %ld: %s", call, n, fault.text);
            cr_assert(!met || (fault.code == FAULT_FAILED && strstr(fault.text, ": remove: ")), "call %d, %ld: %s", call, n, fault.text);
            unsigned stay = 0;
            for (size_t i = 0; i < 5; i++)
                stay += access((const char *const[]){"store", "runs", "dumps", "withheld", "run.err"}[i], F_OK) == 0;
            cr_assert_leq(stay, 1u, "call %d, %ld: of five only that one", call, n);
            cr_assert(capacity_clean(&capacity, &fault) == 0 && is_empty(), "call %d, %ld", call, n);
            cr_assert_lt(n, 100);
        }
    }
}

/* ---- what bounds it, what a run tells of itself ---- */

Test(capacity, bounds)
{
    struct capacity capacity = {.workers = 4, .machine = {.cores = 2}};
    struct capacity_night night = {.process_seconds = 10, .cpu_seconds = 16, .stages = {1, 2, 3, 2}};
    cr_expect_str_eq(capacity_bound(&capacity, &night), "cpu", "16 of 20 s of two cores");
    night.cpu_seconds = 4;
    cr_expect_str_eq(capacity_bound(&capacity, &night), "commit");
    night.busy = 0.8;
    cr_expect_str_eq(capacity_bound(&capacity, &night), "cpu", "others keep them busy");
    night.busy = 0;
    night.anonymous = CAPACITY_MEMORY;
    cr_expect_str_eq(capacity_bound(&capacity, &night), "memory");
    night.anonymous = 0;
    static const char *const WAITS[CAPACITY_STAGES] = {"read", "disk", "commit", "disk"};
    for (unsigned i = 0; i < CAPACITY_STAGES; i++) {
        memset(night.stages, 0, sizeof night.stages);
        night.stages[i] = 1;
        cr_expect_eq(capacity_longest(&night), i);
        cr_expect_str_eq(capacity_bound(&capacity, &night), WAITS[i]);
    }
    capacity.workers = 0;
    cr_expect_eq(capacity_cpu_share(&capacity, &night), 0);
    capacity.workers = 1;
    night.process_seconds = 0;
    cr_expect_eq(capacity_cpu_share(&capacity, &night), 0);
}

static struct capacity_night read_run(const char *text)
{
    struct capacity_night night = {0};
    FILE *file = fopen("run.json", "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    cr_assert_eq(capacity_read_run(".", &night, &fault), 0, "%s", fault.text);
    return night;
}

Test(capacity, run_json)
{
    struct capacity_night night = read_run("{}");
    cr_expect(night.records == 0 && night.cases == 0 && night.bytes == 0 && night.seconds == 0, "what is not told is nothing");
    night = read_run("{\"inputs\": [{\"bytes\": 10}, {\"bytes\": 20}], \"outputs\": [{\"bytes\": 1000}],\n\"counts\": {\"records\": {\"notices\": 3, "
                     "\"messages\": 4}, \"sms\": {\"prompt\": {\"name\": 3}, \"reminder\": {\"order\": 1}, \"info\": {\"all\": 9}}, \"requests\": {\"registry\": 2}, "
                     "\"closed\": 5, \"cases\": {\"closed\": 50}}, \"timing\": {\"seconds\": 1.5, \"read\": 0.5, \"commit\": 0.25}}");
    cr_expect(night.records == 7 && night.bytes == 30 && night.sms == 13, "%lu %lu %lu", night.records, night.bytes, night.sms);
    cr_expect_eq(night.cases, 3 + 1 + 2 + 5, "asked, reminded, sent, closed: %lu", night.cases);
    cr_expect(night.seconds == 1.5 && night.stages[CAPACITY_READ] == 0.5 && night.stages[CAPACITY_COMMIT] == 0.25 && night.stages[CAPACITY_APPLY] == 0);
    night = read_run("{\"counts\": {\"cases\": {\"closed\": 50}, \"records\": {\"notices\": 3");
    cr_expect(night.cases == 0 && night.records == 3, "those that stand closed are nobody's work; cut: %lu %lu", night.cases, night.records);
    cr_expect_eq(capacity_read_run("nowhere", &night, &fault), -1);
    cr_expect(strstr(fault.text, "nowhere/run.json: open"), "%s", fault.text);
    for (int i = 0; i < 2; i++) {
        fault = (struct fault){0};
        left = 1;
        *(i ? (void **)&sys.read : (void **)&sys.realloc) = i ? (void *)f_read : (void *)f_realloc;
        cr_expect_eq(capacity_read_run(".", &night, &fault), -1);
        sys = real;
        cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, i ? "./run.json: read" : "memory"), "%s", fault.text);
    }
}

/* In a folder that is taken for the root (chroot) the kernel lists no mount of its file system. */
static bool is_listed(const char *path)
{
    char wanted[32], line[4096];
    struct stat stat;
    bool found = false;
    cr_assert_eq(real.stat(AT_FDCWD, path, &stat, 0), 0);
    snprintf(wanted, sizeof wanted, " %u:%u ", major(stat.st_dev), minor(stat.st_dev));
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, wanted);
    if (file)
        fclose(file);
    return found;
}

Test(capacity, machine)
{
    struct capacity_machine machine = {0};
    double median, worst;
    cr_assert_eq(capacity_look_at_machine(&machine, dir, &fault), 0, "%s", fault.text);
    cr_expect(machine.cores && machine.memory && machine.free_bytes && *machine.cpu);
    cr_expect(is_listed(dir) ? strstr(machine.disk, " on ") != NULL : strcmp(machine.disk, "unknown file system") == 0, "%s", machine.disk);
    sys.stat = f_stat;
    left = 1;
    cr_assert_eq(capacity_look_at_machine(&machine, dir, &fault), 0);
    cr_expect_str_eq(machine.disk, "unknown file system");
    sys = real;
    sys.statvfs = f_statvfs;
    left = 1;
    cr_expect_eq(capacity_look_at_machine(&machine, dir, &fault), -1);
    cr_expect(strstr(fault.text, ": free space"), "%s", fault.text);
    sys = real;
    cr_assert_eq(capacity_probe_sync(dir, &median, &worst, &fault), 0);
    cr_expect(median > 0 && worst >= median && access("probe", F_OK) != 0);
    for (int i = 0; i < 3; i++) {
        fault = (struct fault){0};
        left = 1;
        if (i == 0)
            sys.open = f_open;
        else if (i == 1)
            sys.pwrite = f_pwrite;
        else
            sys.fsync = f_fsync;
        cr_expect_eq(capacity_probe_sync(dir, &median, &worst, &fault), -1);
        sys = real;
        cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, i ? "probe: write" : "probe: make"), "%s", fault.text);
        cr_expect_neq(access("probe", F_OK), 0, "nothing is left");
    }
}

/* ---- plots ---- */

static const char *drawn(const struct plot *plot, bool bars)
{
    static char text[1 << 16];
    struct buffer out = {0};
    if (bars)
        plot_bars(plot, false, &out, &fault);
    else
        plot_lines(plot, &out, &fault);
    cr_assert(fault.code == FAULT_NONE && out.size < sizeof text);
    memcpy(text, out.data, out.size);
    text[out.size] = 0;
    buffer_free(&out);
    return text;
}

Test(capacity, plots_of_nothing_and_of_much)
{
    static struct plot plot;
    plot = (struct plot){.id = "x", .title = "T", .note = "n", .unit = "u", .below = "b"};
    for (int bars = 0; bars < 2; bars++) {
        const char *text = drawn(&plot, bars);
        has(text, "nan", false);
        has(text, ">1.00</text>", true);
        has(text, "</svg>\n</figure>", true);
    }
    static const struct {
        double value;
        const char *top; /* of the axis */
    } ROWS[] = {{0.0007, ">0.00100<"}, {0.03, ">0.0500<"}, {0.2, ">0.20<"}, {1, ">1.00<"}, {3, ">5.00<"}, {2.4, ">2.500<"}, {70, ">100<"}, {9999, ">10 k<"},
                {2.4e6, ">2.5 M<"}, {7e9, ">10 G<"}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        plot.points = plot.series = 1;
        strcpy(plot.labels[0], "1");
        plot.values[0][0] = ROWS[i].value;
        const char *text = drawn(&plot, i % 2);
        cr_expect_not_null(strstr(text, ROWS[i].top), "%g: no %s in %.1500s", ROWS[i].value, ROWS[i].top, text);
    }
}

/* ---- the line on a terminal ---- */

Test(capacity, live)
{
    struct capacity capacity = {.days = 16, .live = {.on = true, .total = 100, .done = 1}};
    int before = dup(STDERR_FILENO), file = open("line", O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    capacity_live_show(&capacity, 12345, 7, "run");
    capacity.live.done = 50;
    capacity_live_show(&capacity, 12345, 8, "dumps"); /* too soon after it */
    capacity.live.next = 0;
    capacity_live_tick(&capacity);
    capacity.live.next = 0;
    capacity.live.total = 0;
    capacity_live_show(&capacity, 5, 9, "check");
    capacity_live_end(&capacity);
    capacity_live_end(&capacity);
    capacity_live_begin(&capacity);
    bool on = capacity.live.on;
    capacity_live_show(&capacity, 5, 10, "check");
    dup2(before, STDERR_FILENO);
    cr_expect_not(on, "a file is no terminal");
    const char *text = slurp("line");
    unsigned lines = 0;
    for (const char *at = text; (at = strstr(at, "\r\033[K")); at++)
        lines++;
    cr_expect_eq(lines, 4u, "three lines, and cleared once: %u in %s", lines, text);
    has(text, "12,345 cases, night 7 of 16: run; ", true);
    has(text, "night 8 of 16: dumps; ", true);
    has(text, ", 50 %, about ", true);
    has(text, "night 9 of 16: check; ", true);
    has(text, "night 10", false);
}
