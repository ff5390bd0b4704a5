/* capacity_night.c - a besik command as a child, measured from outside: what it is made of does not change for it. */
#include "tools/capacity.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_NS 5000000L
#define TICK_EVERY 40u

/* ---- the child ---- */

static void become(const char *const *arguments, const char *errors)
{
    int null = open("/dev/null", O_WRONLY), told = open(errors, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_IGN); /* who waits for it ends it */
    if (null >= 0)
        dup2(null, STDOUT_FILENO);
    if (told >= 0)
        dup2(told, STDERR_FILENO);
    execv("/proc/self/exe", (char *const *)arguments);
    _exit(FAULT_FAILED);
}

/* Anonymous memory of a process now, as the kernel tells it. */
static uint64_t anonymous_of(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    ssize_t size = sys.read(fd, text, sizeof text - 1);
    sys.close(fd);
    text[size > 0 ? size : 0] = 0;
    const char *line = strstr(text, "RssAnon:");
    return line ? strtoull(line + 8, NULL, 10) * 1024 : 0;
}

static int failed_child(const char *const *arguments, const char *errors, int status, struct fault *fault)
{
    char text[2048] = "";
    int fd = sys.open(AT_FDCWD, errors, O_RDONLY, 0);
    ssize_t size = fd < 0 ? 0 : sys_read_all(fd, text, sizeof text - 1, 0);
    if (fd >= 0)
        sys.close(fd);
    text[size > 0 ? size : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    if (WIFSIGNALED(status))
        return fault_set(fault, FAULT_FAILED, "besik %s ended by signal %d", arguments[1], WTERMSIG(status));
    return fault_set(fault, FAULT_FAILED, "besik %s ended with %d: %s", arguments[1], WEXITSTATUS(status), text);
}

struct ticks {
    double at, busy, all;
};

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void take_figures(struct capacity_night *night, const struct rusage *usage, uint64_t anonymous,
                         const struct ticks *before)
{
    struct ticks now;
    capacity_read_busy(&now.busy, &now.all);
    double all = now.all > before->all ? now.all - before->all : 1;
    night->process_seconds = progress_now() - before->at;
    night->anonymous = anonymous;
    night->written = (uint64_t)usage->ru_oublock * 512;
    night->cpu_seconds = seconds_of(usage->ru_utime) + seconds_of(usage->ru_stime);
    night->busy = (now.busy - before->busy) / all;
    double others = night->busy - night->cpu_seconds * (double)sysconf(_SC_CLK_TCK) / all;
    night->others = others > 0 ? others : 0;
}

int capacity_run(struct capacity *capacity, const char *const *arguments, struct capacity_night *night, struct fault *fault)
{
    char errors[4300];
    snprintf(errors, sizeof errors, "%s/run.err", capacity->dir);
    fflush(NULL);
    struct ticks before = {.at = progress_now()};
    capacity_read_busy(&before.busy, &before.all);
    pid_t pid = fork();
    if (pid < 0)
        return fault_errno(fault, errno, "start besik %s", arguments[1]);
    if (pid == 0)
        become(arguments, errors);
    int status = 0;
    struct rusage usage = {0};
    uint64_t anonymous = 0;
    for (unsigned looks = 1;; looks++) {
        pid_t ended = wait4(pid, &status, WNOHANG, &usage);
        if (ended == pid)
            break;
        if (ended < 0 && errno != EINTR)
            return fault_errno(fault, errno, "wait for besik %s", arguments[1]);
        if (atomic_load(&capacity_stop))
            kill(pid, SIGKILL); /* a run may be: what it leaves is removed */
        uint64_t now = anonymous_of(pid);
        anonymous = now > anonymous ? now : anonymous;
        if (looks % TICK_EVERY == 0)
            capacity_live_tick(capacity);
        nanosleep(&(struct timespec){0, LOOK_EVERY_NS}, NULL);
    }
    if (atomic_load(&capacity_stop))
        return fault_set(fault, FAULT_FAILED, "stopped");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return failed_child(arguments, errors, status, fault);
    if (night)
        take_figures(night, &usage, anonymous, &before);
    return 0;
}

/* ---- run.json: our own, in a form that we know ---- */

static double number_behind(const char *text, const char *key)
{
    const char *at = text ? strstr(text, key) : NULL;
    return at ? strtod(at + strlen(key), NULL) : 0;
}

/* The numbers of an object of words and numbers, added up: {"name": 3, "order": 4} */
static uint64_t sum_of(const char *text, const char *key)
{
    const char *at = text ? strstr(text, key) : NULL;
    uint64_t sum = 0;
    int depth = 0;
    for (at = at ? strchr(at, '{') : NULL; at && *at; at++) {
        depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
        if (depth == 0)
            break;
        if (*at == ':')
            sum += strtoull(at + 1, NULL, 10);
    }
    return sum;
}

static void read_figures(const char *text, struct capacity_night *night)
{
    const char *counts = strstr(text, "\"counts\": "), *timing = strstr(text, "\"timing\": "),
               *outputs = strstr(text, "\"outputs\": ");
    const char *sms = counts ? strstr(counts, "\"sms\": ") : NULL;
    static const char *const ASKS[] = {"\"prompt\": ", "\"correction\": ", "\"reminder\": "};
    night->records = sum_of(counts, "\"records\": ");
    night->sms = sum_of(counts, "\"sms\": ");
    const char *closed = counts ? strstr(counts, "\"closed\": ") : NULL,
               *standing = counts ? strstr(counts, "\"cases\": ") : NULL;
    night->cases = sum_of(counts, "\"requests\": ");
    if (closed && (!standing || closed < standing)) /* behind it: those that stand closed */
        night->cases += (uint64_t)number_behind(closed, "\"closed\": ");
    for (unsigned i = 0; i < 3; i++)
        night->cases += sum_of(sms, ASKS[i]);
    for (const char *at = text; (at = strstr(at, "\"bytes\": ")) && (!outputs || at < outputs); at++)
        night->bytes += strtoull(at + 9, NULL, 10);
    night->seconds = number_behind(timing, "\"seconds\": ");
    for (unsigned i = 0; i < CAPACITY_STAGES; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\": ", CAPACITY_STAGE_WORDS[i]);
        night->stages[i] = number_behind(timing, key);
    }
}

int capacity_read_run(const char *folder, struct capacity_night *night, struct fault *fault)
{
    char path[4400];
    struct buffer text = {0};
    snprintf(path, sizeof path, "%s/run.json", folder);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: open", path);
    int failed = 0;
    for (ssize_t size = 1; !failed && size > 0; text.size += size > 0 ? (size_t)size : 0) {
        char *room = buffer_room(&text, 65536, fault);
        size = room ? sys.read(fd, room, 65535) : -1;
        failed = size < 0 ? -1 : 0;
    }
    sys.close(fd);
    if (!failed && (failed = buffer_add(&text, "", 1, fault)) == 0)
        read_figures(text.data, night);
    buffer_free(&text);
    return failed ? fault_set(fault, FAULT_FAILED, "%s: read", path) : 0;
}

/* ---- what bounds it ---- */

unsigned capacity_longest(const struct capacity_night *night)
{
    unsigned longest = 0;
    for (unsigned i = 1; i < CAPACITY_STAGES; i++)
        if (night->stages[i] > night->stages[longest])
            longest = i;
    return longest;
}

double capacity_cpu_share(const struct capacity *capacity, const struct capacity_night *night)
{
    uint32_t threads = capacity->workers < capacity->machine.cores ? capacity->workers : capacity->machine.cores;
    return night->process_seconds > 0 && threads ? night->cpu_seconds / night->process_seconds / threads : 0;
}

#define CPU_SHARE 0.75
#define MEMORY_SHARE 0.9

/* Busy processors bound it, whoever keeps them so; else it waits: for memory, as what has no room is spilled; in its longest stage. */
const char *capacity_bound(const struct capacity *capacity, const struct capacity_night *night)
{
    if (capacity_cpu_share(capacity, night) >= CPU_SHARE || night->busy >= CPU_SHARE)
        return "cpu";
    if ((double)night->anonymous >= MEMORY_SHARE * (double)CAPACITY_MEMORY)
        return "memory";
    static const char *const WAITS[CAPACITY_STAGES] = {"read", "disk", "commit", "disk"};
    return WAITS[capacity_longest(night)];
}
