/* besik.c - the front door: which command, and what its failure means to the shell. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "tools/options.h"
#include "tools/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name, *summary;
    int (*go)(int argc, char **argv, struct fault *fault);
} COMMANDS[] = {
    {"init", "make a store", command_init},
    {"ref", "replace a store's reference data", command_ref},
    {"set", "change a setting of a store", command_set},
    {"run", "the main job: one run over a set of input files", command_run},
    {"case", "a phone's cases, where they stand, and their history", command_case},
    {"status", "the last run, who holds the store, where cases stand", command_status},
    {"report", "what operators, agencies and the store disagree on now", command_report},
    {"list", "open cases, by step and by how long they stand there", command_list},
    {"why", "the record, rule and run behind an SMS or request", command_why},
    {"profile", "which profile reads a file, and its first records as understood", command_profile},
    {"check", "is the store whole: each page, each value, each promise", command_check},
    {"backup", "a copy of a store, while runs go on", command_backup},
    {"reissue", "the folder of one of the last runs once more", command_reissue},
    {"export", "cases, history, SMS or requests as rows, without names", command_export},
    {"purge", "strike what is personal of cases that closed long ago", command_purge},
    {"forget", "strike all of one phone, save that its ids stay known", command_forget},
    {"gen", "made-up dumps, as real ones are", command_gen},
    {"capacity", "what can this machine carry, and where does it break", command_capacity},
};

static void print_help(void)
{
    puts("besik: bulk processing of the SMS service for newborns' parents\n\nusage: besik COMMAND …  (besik COMMAND --help)\n");
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        printf("  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
}

/* besik(1): the help of each command, one after another. */
static void print_manual(void)
{
    puts(".TH BESIK 1 \"\" \"besik " BESIK_VERSION "\" \"User Commands\"\n.SH NAME\n"
         "besik \\- bulk processing of the SMS service for newborns' parents\n.SH SYNOPSIS\n.B besik\n.I COMMAND\n…\n.SH DESCRIPTION\n"
         "besik takes the dumps of a day, brings every case up to date, and writes a folder of SMS for the operators, requests for\n"
         "the agencies, rejects and findings. Formats, checks and rules stand in MANUAL.md, which is installed beside its reference data.\n"
         ".SH COMMANDS");
    options_manual = true;
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        char help[] = "--help", *argv[] = {help, NULL};
        struct fault ignored = {0};
        (void)COMMANDS[i].go(1, argv, &ignored);
    }
    puts(".SH EXIT STATUS");
    options_print_exits();
}

/* LMDB reads its file as memory: where the disk cannot give a page, that is a signal. */
static void unreadable(int number)
{
    static const char LINE[] = "besik: the store's file cannot be read, or is cut: look at the disk, give besik check STORE, then the command again\n";
    (void)number;
    (void)!write(STDERR_FILENO, LINE, sizeof LINE - 1);
    _exit(FAULT_FAILED);
}

static void keep_secrets(void)
{
    umask(0077);
    signal(SIGXFSZ, SIG_IGN); /* a write over a limit fails, and is told */
    if (!SANDBOX_ON)
        return;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* a core would hold personal data */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    struct sigaction action = {.sa_handler = unreadable, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGBUS, &action, NULL);
}

/* A launcher may have closed them: the next file that is opened, the store's, would be taken for standard output or error. */
static bool hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd)
            return false;
    return true;
}

/* What was told may have been too much to hold back, and have failed before: a failure, not silence. */
static int end(const char *command, struct fault *fault)
{
    if (fault->code == FAULT_NONE && (fflush(stdout) != 0 || ferror(stdout)))
        fault_set(fault, FAULT_FAILED, "standard output: cannot write");
    if (fault->code != FAULT_NONE)
        fprintf(stderr, "besik%s%s: %s%s\n", *command ? " " : "", command, fault->before ? fault->before : "", fault->text);
    sys.free(fault->before);
    return (int)fault->code;
}

/* 0, or -1: a command is named. */
static int tell_of_itself(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (argc == 2 && strcmp(argv[1], "help") == 0))
        print_help();
    else if (strcmp(argv[1], "--man") == 0) /* for the build */
        print_manual();
    else if (strcmp(argv[1], "--version") == 0)
        puts("besik " BESIK_VERSION);
    else
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    static char help[] = "--help";
    struct fault fault = {0};
    if (!hold_standard_descriptors())
        return FAULT_FAILED; /* and there is nowhere to say so */
    keep_secrets();
    if (argc == 3 && strcmp(argv[1], "help") == 0) { /* as COMMAND --help */
        argv[1] = argv[2];
        argv[2] = help;
    }
    if (tell_of_itself(argc, argv) == 0)
        return argc < 2 ? FAULT_USAGE : end("", &fault);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) != 0)
            continue;
        if (COMMANDS[i].go(argc - 2, argv + 2, &fault) != 0 && fault.code == FAULT_NONE)
            fault_set(&fault, FAULT_FAILED, "failed"); /* it should have said why */
        return end(argv[1], &fault);
    }
    fault_set(&fault, FAULT_USAGE, "%s: no such command (see besik --help)", argv[1]);
    return end("", &fault);
}
