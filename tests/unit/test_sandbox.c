/* test_sandbox.c - what a process can no longer do in the sandbox, tried by a child that has entered it. */
#include "tools/sandbox.h"

#include "io/ring.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char home[] = "/tmp/besik-test-XXXXXX";
static char ours[64], theirs[64], file_of_theirs[80];

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(home));
    snprintf(ours, sizeof ours, "%s/ours", home);
    snprintf(theirs, sizeof theirs, "%s/theirs", home);
    snprintf(file_of_theirs, sizeof file_of_theirs, "%s/file", theirs);
    cr_assert(mkdir(ours, 0700) == 0 && mkdir(theirs, 0700) == 0);
    close(open(file_of_theirs, O_WRONLY | O_CREAT, 0600));
}

static void tear_down(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", home);
    cr_assert_eq(system(command), 0);
}

TestSuite(sandbox, .init = set_up, .fini = tear_down, .timeout = 60);

static void *live(void *context)
{
    return context;
}

static int start_thread(void)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, live, NULL);
    return error ? error : pthread_join(thread, NULL);
}

/* The number of the first try whose end is another than it should be; 0 where all are right. */
#define MUST(condition)                                                                               \
    do {                                                                                              \
        tries++;                                                                                      \
        if (!(condition))                                                                             \
            return tries;                                                                             \
    } while (0)
#define REFUSED(call, error) (errno = 0, (call) == -1 && errno == (error))

static int try_files(void)
{
    int tries = 0;
    char path[100], other[100];
    snprintf(path, sizeof path, "%s/new", ours);
    snprintf(other, sizeof other, "%s/new", theirs);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    MUST(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0);
    MUST((fd = open(ours, O_TMPFILE | O_RDWR, 0600)) >= 0);
    MUST(REFUSED(open(file_of_theirs, O_RDONLY), EACCES));
    MUST(REFUSED(open(file_of_theirs, O_WRONLY), EACCES));
    MUST(REFUSED(open("/etc/passwd", O_RDONLY), EACCES));
    MUST(REFUSED(open(other, O_WRONLY | O_CREAT, 0600), EACCES));
    MUST(REFUSED(unlink(file_of_theirs), EACCES));
    MUST(REFUSED(mkdir(other, 0700), EACCES));
    MUST(renameat(AT_FDCWD, path, AT_FDCWD, other) == -1 && (errno == EACCES || errno == EXDEV));
    MUST(REFUSED(symlink("/etc/passwd", path), EPERM) && REFUSED(link(file_of_theirs, path), EPERM));
    return 0;
}

static int try_calls(void)
{
    int tries = 0;
    char *const argv[] = {(char *)"true", NULL};
    MUST(REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM));
    MUST(REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
    MUST(REFUSED(execv("/bin/true", argv), EPERM));
    MUST(REFUSED(fork(), EPERM));
    MUST(REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM));
    MUST(REFUSED(chmod(ours, 0777), EPERM));
    MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM);
    MUST(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    MUST(start_thread() == 0);
    sandbox_settle();
    char parameters[256] = {0};
    MUST(start_thread() == EPERM);
    MUST(REFUSED(syscall(__NR_io_uring_setup, 4, parameters), EPERM));
    MUST(REFUSED(socket(AF_INET, SOCK_DGRAM, 0), EPERM));
    return 0;
}

static int in_sandbox(int (*try)(void), const char **ret_lacks)
{
    int ends[2], status;
    char lacks[64] = "";
    static char told[64];
    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sandbox sandbox;
        sandbox_begin(&sandbox);
        sandbox_allow(&sandbox, ours, SANDBOX_WRITE);
        sandbox_allow(&sandbox, "/no/such/path", SANDBOX_READ);
        const char *lack = sandbox_enter(&sandbox);
        snprintf(lacks, sizeof lacks, "%s", lack ? lack : "");
        if (write(ends[1], lacks, sizeof lacks) != sizeof lacks)
            _exit(99);
        _exit(try());
    }
    cr_assert_eq(read(ends[0], told, sizeof told), (ssize_t)sizeof told);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
    *ret_lacks = told;
    return WEXITSTATUS(status);
}

Test(sandbox, no_file_elsewhere)
{
    const char *lacks;
    int wrong = in_sandbox(try_files, &lacks);
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    cr_expect_eq(version < 1, strstr(lacks, "Landlock") != NULL, "what the kernel lacks is told, and only that: %s", lacks);
    if (version >= 1)
        cr_expect_eq(wrong, 0, "try %d", wrong);
    else
        cr_expect_eq(wrong, 3, "without Landlock the first that is not refused is to read a file");
}

Test(sandbox, no_network_no_program_no_process)
{
    const char *lacks;
    int wrong = in_sandbox(try_calls, &lacks);
    cr_expect_eq(strstr(lacks, "seccomp") != NULL, false, "%s", lacks);
    cr_expect_eq(wrong, 0, "try %d", wrong);
}

/* A ring reads, writes and syncs; it does not even tell any more what it could do. */
Test(sandbox, rings_are_held_to_their_calls)
{
    struct ring *ring;
    cr_assert_eq(ring_open(&ring, false), 0);
    DIR *dir = opendir("/proc/self/fd");
    unsigned rings = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char target[64] = "";
        if (readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1) < 0 || strcmp(target, "anon_inode:[io_uring]") != 0)
            continue;
        char probe[sizeof(struct io_uring_probe)] = {0};
        rings++;
        cr_expect(REFUSED(syscall(__NR_io_uring_register, atoi(entry->d_name), IORING_REGISTER_PROBE, probe, 0), EACCES), "%s",
                  strerror(errno));
    }
    closedir(dir);
    cr_expect_eq(rings, ring_is_plain(ring) ? 0u : 1u);
    ring_close(ring);
}
