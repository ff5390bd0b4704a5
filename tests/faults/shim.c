/* shim.c - preloaded into besik: makes the N-th system call of a class fail, or kills the process at it.
 *
 *   FAULT_CLASS  write: pwrite, pwritev, write, writev, fsync, fdatasync, msync, sync_file_range, ftruncate, mkdirat,
 *                       unlinkat, renameat, renameat2
 *                read:  open, openat, pread, read, lseek, readdir, readlink, fstat, fstatat, fstatfs, statvfs, fcntl (locks), flock,
 *                       mmap
 *                ring:  requests to io_uring: reads, writes, syncs
 *   FAULT_AT     which call, from 1; 0: none
 *   FAULT_KIND   kill_before, kill_after, EIO, ENOSPC, EINTR, EAGAIN, short; full: from then on the disk has no more than
 *                FAULT_ROOM bytes of room, as somebody else fills it
 *   FAULT_FILL   of full: a file, which takes the rest of its disk; without one the disk is only said to be full
 *   FAULT_ON     once, or always: from then on (EINTR: a thousand times, as LMDB's own writes are tried again without end)
 *   FAULT_COUNT  a file, to which is written at the end: how many calls of the class there were, and how many syncs of a file
 *                of which a sync had failed before
 *
 * Calls on descriptors 0 to 2 do not count. LMDB's calls pass here too. */
#define _GNU_SOURCE
#include "rings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, KILL_BEFORE, KILL_AFTER, FULL, FAIL, SHORT };
#define STORM 1000

enum class { WRITE, READ, RING };

static atomic_long calls, again, room = -1; /* bytes that a full disk is said to have; -1: it is not said */
static long at;
static enum kind kind;
static enum class class;
static int fail_with, always, count_fd = -1;

__attribute__((constructor)) static void begin(void)
{
    static const struct {
        const char *name;
        enum kind kind;
        int error;
    } KINDS[] = {{"kill_before", KILL_BEFORE, 0}, {"kill_after", KILL_AFTER, 0}, {"EIO", FAIL, EIO}, {"ENOSPC", FAIL, ENOSPC},
                 {"EINTR", FAIL, EINTR}, {"EAGAIN", FAIL, EAGAIN}, {"short", SHORT, 0},
                 {"full", FULL, 0}};
    const char *what = getenv("FAULT_KIND"), *number = getenv("FAULT_AT"), *on = getenv("FAULT_ON");
    const char *of = getenv("FAULT_CLASS"), *path = getenv("FAULT_COUNT");
    for (size_t i = 0; what && i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strcmp(what, KINDS[i].name) == 0) {
            kind = KINDS[i].kind;
            fail_with = KINDS[i].error;
        }
    }
    at = number ? atol(number) : 0;
    always = on && strcmp(on, "always") == 0;
    class = of && strcmp(of, "read") == 0 ? READ : of && strcmp(of, "ring") == 0 ? RING : WRITE;
    if (path)
        count_fd = REAL(openat)(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (count_fd >= 0)
        (void)!REAL(pwrite)(count_fd, "\n", 1, 64); /* its place, before the disk is full */
}

__attribute__((destructor)) static void end(void)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%ld %ld\n", atomic_load(&calls), atomic_load(&again));
    if (count_fd >= 0)
        (void)!REAL(pwrite)(count_fd, line, (size_t)size, 0);
}

/* ---- a full disk ---- */

static void fill(void)
{
    const char *path = getenv("FAULT_FILL"), *left = getenv("FAULT_ROOM");
    long keep = left ? atol(left) : 0;
    if (!path) {
        atomic_store(&room, keep);
        return;
    }
    int fd = REAL(openat)(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct statvfs space;
    if (fd < 0 || REAL(statvfs)(path, &space) != 0)
        abort();
    off_t size = (off_t)(space.f_bavail * space.f_frsize) - keep;
    if (size > 0 && posix_fallocate(fd, 0, size) != 0)
        abort();
    close(fd);
}

/* Is this call the one? */
static enum kind meet(enum class of)
{
    if (of != class)
        return NONE;
    long now = atomic_fetch_add(&calls, 1) + 1;
    long last = !always || kind < FAIL ? at : kind == FAIL && fail_with == EINTR ? at + STORM : LONG_MAX;
    if (!at || now < at || now > last)
        return NONE;
    if (kind == KILL_BEFORE)
        kill(getpid(), SIGKILL);
    if (kind != FULL)
        return kind;
    fill();
    return NONE;
}

/* A write, which a disk that is said to be full has no room for. What is written anew counts as if it were more. */
static enum kind meet_write(size_t size)
{
    enum kind met = meet(WRITE);
    long had = atomic_load(&room), wanted = (long)size;
    if (met != NONE || had < 0)
        return met;
    while (had >= wanted && !atomic_compare_exchange_weak(&room, &had, had - wanted))
        ;
    fail_with = ENOSPC;
    return had >= wanted ? NONE : FAIL;
}

static size_t sum(const struct iovec *parts, int count)
{
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

/* ---- a sync that failed is not to be tried again: the kernel may have dropped the pages and called them clean ---- */

#define FAILED_MAX 64

static void watch_sync(int fd, int failed)
{
    static struct {
        dev_t device;
        ino_t number;
    } files[FAILED_MAX];
    static unsigned count;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct stat stat;
    if (REAL(fstat)(fd, &stat) != 0)
        return;
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (i < count && (files[i].device != stat.st_dev || files[i].number != stat.st_ino))
        i++;
    if (i < count)
        atomic_fetch_add(&again, 1);
    else if (failed && count < FAILED_MAX) {
        files[count].device = stat.st_dev;
        files[count++].number = stat.st_ino;
    }
    pthread_mutex_unlock(&lock);
}

/* A write that is its own sync; one that was interrupted has done nothing. */
static void watch_write(int fd, int failed)
{
    if (REAL(fcntl64)(fd, F_GETFL) & O_DSYNC && !(failed && errno == EINTR)) {
        int error = errno;
        watch_sync(fd, failed);
        errno = error;
    }
}

/* ---- calls ---- */

#define AROUND(meeting, type, call, shorter, watch)                                                   \
    do {                                                                                              \
        enum kind met = meeting;                                                                      \
        type result = (type)-1;                                                                       \
        if (met == FAIL)                                                                              \
            errno = fail_with;                                                                        \
        else                                                                                          \
            result = met == SHORT ? shorter : call;                                                   \
        watch;                                                                                        \
        if (met == KILL_AFTER)                                                                        \
            kill(getpid(), SIGKILL);                                                                  \
        return result;                                                                                \
    } while (0)

#define HALF(size) ((size) > 1 ? (size) / 2 : (size))
#define WRITTEN watch_write(fd, result < 0 || met == SHORT)
#define SYNCED watch_sync(fd, result < 0)
#define PLAIN(class, type, name, ...) AROUND(meet(class), type, REAL(name)(__VA_ARGS__), REAL(name)(__VA_ARGS__), (void)0)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    AROUND(meet_write(size), ssize_t, REAL(pwrite64)(fd, data, size, offset), REAL(pwrite64)(fd, data, HALF(size), offset), WRITTEN);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    AROUND(meet_write(size), ssize_t, REAL(pwrite)(fd, data, size, offset), REAL(pwrite)(fd, data, HALF(size), offset), WRITTEN);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    AROUND(meet_write(sum(parts, count)), ssize_t, REAL(pwritev)(fd, parts, count, offset), REAL(pwritev)(fd, parts, HALF(count), offset), WRITTEN);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    AROUND(meet_write(sum(parts, count)), ssize_t, REAL(pwritev64)(fd, parts, count, offset), REAL(pwritev64)(fd, parts, HALF(count), offset), WRITTEN);
}
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    AROUND(meet_write(sum(parts, count)), ssize_t, REAL(writev)(fd, parts, count), REAL(writev)(fd, parts, HALF(count)), WRITTEN);
}
ssize_t write(int fd, const void *data, size_t size)
{
    if (fd <= 2)
        return REAL(write)(fd, data, size);
    AROUND(meet_write(size), ssize_t, REAL(write)(fd, data, size), REAL(write)(fd, data, HALF(size)), WRITTEN);
}
int fsync(int fd)
{
    AROUND(meet(WRITE), int, REAL(fsync)(fd), REAL(fsync)(fd), SYNCED);
}
int fdatasync(int fd)
{
    AROUND(meet(WRITE), int, REAL(fdatasync)(fd), REAL(fdatasync)(fd), SYNCED);
}
int msync(void *pages, size_t size, int flags)
{
    PLAIN(WRITE, int, msync, pages, size, flags);
}
int sync_file_range(int fd, off64_t offset, off64_t size, unsigned flags)
{
    PLAIN(WRITE, int, sync_file_range, fd, offset, size, flags);
}
int ftruncate(int fd, off_t size)
{
    PLAIN(WRITE, int, ftruncate, fd, size);
}
int ftruncate64(int fd, off64_t size)
{
    PLAIN(WRITE, int, ftruncate64, fd, size);
}
int mkdirat(int dir, const char *path, mode_t mode)
{
    PLAIN(WRITE, int, mkdirat, dir, path, mode);
}
int unlinkat(int dir, const char *path, int flags)
{
    PLAIN(WRITE, int, unlinkat, dir, path, flags);
}
int renameat(int old_dir, const char *old_path, int new_dir, const char *new_path)
{
    PLAIN(WRITE, int, renameat, old_dir, old_path, new_dir, new_path);
}
int renameat2(int old_dir, const char *old_path, int new_dir, const char *new_path, unsigned flags)
{
    PLAIN(WRITE, int, renameat2, old_dir, old_path, new_dir, new_path, flags);
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags);
    PLAIN(READ, int, openat, dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...)
{
    MODE(flags);
    PLAIN(READ, int, openat64, dir, path, flags, mode);
}
int open(const char *path, int flags, ...)
{
    MODE(flags);
    PLAIN(READ, int, open, path, flags, mode);
}
int open64(const char *path, int flags, ...)
{
    MODE(flags);
    PLAIN(READ, int, open64, path, flags, mode);
}
/* what glibc's fortified headers make of an open without a mode */
int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags)
{
    PLAIN(READ, int, openat, dir, path, flags);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    AROUND(meet(READ), ssize_t, REAL(pread64)(fd, data, size, offset), REAL(pread64)(fd, data, HALF(size), offset), (void)0);
}
ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    AROUND(meet(READ), ssize_t, REAL(pread)(fd, data, size, offset), REAL(pread)(fd, data, HALF(size), offset), (void)0);
}
ssize_t read(int fd, void *data, size_t size)
{
    AROUND(meet(READ), ssize_t, REAL(read)(fd, data, size), REAL(read)(fd, data, HALF(size)), (void)0);
}
int fstat(int fd, struct stat *out)
{
    PLAIN(READ, int, fstat, fd, out);
}
int __fxstat(int version, int fd, struct stat *out); /* LMDB's */
int __fxstat(int version, int fd, struct stat *out)
{
    PLAIN(READ, int, __fxstat, version, fd, out);
}
int fstatfs(int fd, struct statfs *out)
{
    PLAIN(READ, int, fstatfs, fd, out);
}
off_t lseek(int fd, off_t offset, int from)
{
    PLAIN(READ, off_t, lseek, fd, offset, from);
}
ssize_t readlink(const char *path, char *out, size_t size)
{
    PLAIN(READ, ssize_t, readlink, path, out, size);
}
int fstatat(int dir, const char *path, struct stat *out, int flags)
{
    PLAIN(READ, int, fstatat, dir, path, out, flags);
}
int statvfs(const char *path, struct statvfs *out)
{
    enum kind met = meet(READ);
    int failed = met == FAIL ? -1 : REAL(statvfs)(path, out);
    long left = atomic_load(&room);
    if (met == FAIL)
        errno = fail_with;
    else if (!failed && left >= 0)
        out->f_bavail = (fsblkcnt_t)left / out->f_frsize;
    return failed;
}
int flock(int fd, int how)
{
    PLAIN(READ, int, flock, fd, how);
}
struct dirent *readdir(DIR *dir)
{
    enum kind met = meet(READ);
    if (met != FAIL)
        return REAL(readdir)(dir);
    errno = fail_with;
    return NULL;
}
/* Only LMDB's locks: flags of descriptors are set and read without fail. */
static int lock_by(int (*real)(int, int, ...), int fd, int what, void *argument)
{
    if (what != F_SETLK && what != F_SETLKW)
        return real(fd, what, argument);
    AROUND(meet(READ), int, real(fd, what, argument), real(fd, what, argument), (void)0);
}
#define FCNTL(name)                                                                                   \
    int name(int fd, int what, ...)                                                                   \
    {                                                                                                 \
        va_list args;                                                                                 \
        va_start(args, what);                                                                         \
        void *argument = va_arg(args, void *);                                                        \
        va_end(args);                                                                                 \
        return lock_by(REAL(name), fd, what, argument);                                               \
    }
FCNTL(fcntl)
FCNTL(fcntl64)
void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (meet(READ) == FAIL) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return REAL(mmap)(where, size, protection, flags, fd, offset);
}

/* ---- io_uring: a request that is to fail is handed in as one that does nothing ---- */

#define IN_FLIGHT_MAX 1024

static struct {
    uint64_t tag; /* 0: free */
    enum kind met;
    int fd, sync;
} in_flight[IN_FLIGHT_MAX];
static pthread_mutex_t in_flight_lock = PTHREAD_MUTEX_INITIALIZER;

static void meet_request(struct io_uring_sqe *request)
{
    enum kind met = meet(RING);
    pthread_mutex_lock(&in_flight_lock);
    unsigned i = 0;
    while (i < IN_FLIGHT_MAX && in_flight[i].tag)
        i++;
    if (i == IN_FLIGHT_MAX)
        abort();
    in_flight[i].tag = request->user_data;
    in_flight[i].met = met;
    in_flight[i].fd = request->fd;
    in_flight[i].sync = request->opcode == IORING_OP_FSYNC;
    pthread_mutex_unlock(&in_flight_lock);
    if (met == FAIL) {
        uint64_t tag = request->user_data;
        io_uring_prep_nop(request);
        request->user_data = tag;
    } else if (met == SHORT && request->opcode != IORING_OP_FSYNC) {
        request->len = HALF(request->len);
    }
}

static void meet_result(struct io_uring_cqe *result)
{
    pthread_mutex_lock(&in_flight_lock);
    unsigned i = 0;
    while (i < IN_FLIGHT_MAX && in_flight[i].tag != result->user_data)
        i++;
    if (i == IN_FLIGHT_MAX)
        abort();
    in_flight[i].tag = 0;
    enum kind met = in_flight[i].met;
    int fd = in_flight[i].fd, sync = in_flight[i].sync;
    pthread_mutex_unlock(&in_flight_lock);
    if (met == KILL_AFTER)
        kill(getpid(), SIGKILL);
    if (met == FAIL)
        result->res = -fail_with;
    if (sync)
        watch_sync(fd, result->res < 0);
}
