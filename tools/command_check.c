/* command_check.c - besik check: is the store whole? The walking is done by a child: LMDB trusts what it reads, and may crash
 * on a damaged file. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "tools/check.h"
#include "tools/options.h"
#include "tools/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const struct check *check, bool json)
{
    uint64_t values = 0;
    if (json)
        printf("{\"ok\":%s,\"run\":%u,\"pages\":%llu,\"free_pages\":%llu,\"phones\":%llu,\"cases\":%llu,\"leftovers\":%llu,\"tables\":{",
               check->broken_count ? "false" : "true", check->store->state->run, (unsigned long long)check->pages.pages,
               (unsigned long long)check->pages.free_pages, (unsigned long long)check->phones,
               (unsigned long long)check->cases, (unsigned long long)check->leftovers);
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        printf(json ? "%s\"%s\":{\"values\":%llu,\"bytes\":%llu}" : "%s%-14s %10llu values %14llu bytes\n",
               json && i ? "," : "", DB_TABLE_NAMES[i], (unsigned long long)check->values[i],
               (unsigned long long)check->bytes[i]);
        values += check->values[i];
    }
    if (json) {
        printf("},\"broken\":%llu}\n", (unsigned long long)check->broken_count);
        return;
    }
    if (check->broken.size)
        fwrite(check->broken.data, 1, check->broken.size, stdout);
    if (!check->broken_count)
        printf("ok: %llu pages, %llu of them free; %llu values, %llu of them for the next run to sweep; %llu phones, %llu cases\n",
               (unsigned long long)check->pages.pages, (unsigned long long)check->pages.free_pages, (unsigned long long)values,
               (unsigned long long)check->leftovers, (unsigned long long)check->phones, (unsigned long long)check->cases);
}

static int look(const char *dir, bool json, struct fault *fault)
{
    struct store store = {.lock_fd = -1};
    struct check check = {.store = &store, .fault = fault};
    int failed = check_go(&check, dir);
    if (!failed) {
        tell(&check, json);
        failed = buffer_add(&check.broken, "", 1, fault);
        if (!failed && check.broken_count)
            failed = fault_set(fault, FAULT_INPUT,
                               "%s: %llu promises are broken, the first: %.*s; restore the store from a backup or rebuild it from "
                               "its inputs",
                               dir, (unsigned long long)check.broken_count,
                               (int)(strchrnul(check.broken.data, '\n') - check.broken.data), check.broken.data);
    }
    check_free(&check);
    return failed;
}

/* The end of the child, which leaves nothing of its parent's to do twice. */
static void leave(int code)
{
#ifdef BESIK_COVERAGE
    extern void __gcov_dump(void); /* else what the child did is not counted */
    __gcov_dump();
#endif
    _exit(code);
}

static void lock_down(const char *dir)
{
    struct sandbox sandbox;
    if (!SANDBOX_ON)
        return;
    sandbox_begin(&sandbox);
    sandbox_allow(&sandbox, dir, SANDBOX_WRITE); /* LMDB's list of readers is written to */
    const char *lacks = sandbox_enter(&sandbox);
    if (lacks)
        fprintf(stderr, "besik check: this kernel lacks %s: the check goes on without being locked down by it\n", lacks);
    sandbox_settle();
}

static int await(pid_t child, int from_child, const char *dir, struct fault *fault)
{
    struct fault told = {0};
    ssize_t size = sys_read_all(from_child, &told, sizeof told, -1);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return fault_errno(fault, errno, "wait for the child that checks");
    if (WIFSIGNALED(status))
        return fault_set(fault, FAULT_INPUT,
                         "%s: the check was ended by signal %d, as happens on a damaged page; restore the store from a backup or "
                         "rebuild it from its inputs",
                         dir, WTERMSIG(status));
    if (WEXITSTATUS(status) == 0)
        return 0;
    if (size != (ssize_t)sizeof told)
        return fault_set(fault, FAULT_FAILED, "%s: the check ended without a word: give the command again", dir);
    *fault = told;
    return -1;
}

int command_check(int argc, char **argv, struct fault *fault)
{
    bool json = false;
    const struct option options[] = {{"json", NULL, "tell it as one JSON object", NULL, &json}, {NULL, NULL, NULL, NULL, NULL}};
    const struct command command = {
        .name = "check",
        .arguments = "STORE [--json]",
        .summary = "Is the store whole? Reads all of it, as the last run left it: each page of the file, each value's checksum,\n"
                   "each record, and what the tables promise each other. Tells how much each table holds, and ok, or what is\n"
                   "broken. It reads only, and no run waits for it.",
        .options = options,
        .notes = "Exit 3: the store is damaged; what is broken stands on standard output, by table, without personal data.\n"
                 "Example: besik check /var/lib/besik/store",
    };
    int count, ends[2];
    int help = options_read(&command, argc, argv, &count, fault);
    if (help)
        return help > 0 ? 0 : -1;
    if (count != 1)
        return fault_set(fault, FAULT_USAGE, "give one STORE (see besik check --help)");
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_errno(fault, errno, "make a pipe");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGBUS, SIG_DFL); /* the parent is to tell of it */
        lock_down(argv[0]);
        int failed = look(argv[0], json, fault);
        if (!failed && (fflush(stdout) != 0 || ferror(stdout)))
            failed = fault_set(fault, FAULT_FAILED, "standard output: cannot write");
        fflush(stdout);
        if (failed)
            (void)!write(ends[1], fault, sizeof *fault);
        leave(failed ? 1 : 0);
    }
    close(ends[1]);
    int failed = child < 0 ? fault_errno(fault, errno, "start a child") : await(child, ends[0], argv[0], fault);
    close(ends[0]);
    return failed;
}
