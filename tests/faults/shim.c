/* shim.c - preloaded into besik: makes the N-th system call of a class fail, or kills the process at it.
 *
 *   FAULT_CLASS  write: pwrite, pwritev, write, fsync, fdatasync, ftruncate, mkdirat, unlinkat, renameat2
 *                read: openat, open, pread, read, fstat, mmap (anonymous)
 *   FAULT_AT     which call, from 1; 0: none
 *   FAULT_KIND   kill_before, kill_after, EIO, ENOSPC, EINTR, EAGAIN, short
 *   FAULT_ON     once, or always: from then on
 *   FAULT_COUNT  a file: how many calls of the class there were is written to it at the end
 *
 * Calls on descriptors 0 to 2 do not count. LMDB's calls pass here too. io_uring's do not: use BESIK_IO=plain. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NONE, KILL_BEFORE, KILL_AFTER, FAIL, SHORT };

static atomic_long calls;
static long at;
static enum kind kind;
static int fail_with, always, of_reads;

__attribute__((constructor)) static void begin(void)
{
    const char *what = getenv("FAULT_KIND"), *number = getenv("FAULT_AT"), *on = getenv("FAULT_ON");
    const char *class = getenv("FAULT_CLASS");
    static const struct {
        const char *name;
        enum kind kind;
        int error;
    } KINDS[] = {{"kill_before", KILL_BEFORE, 0}, {"kill_after", KILL_AFTER, 0}, {"EIO", FAIL, EIO}, {"ENOSPC", FAIL, ENOSPC},
                 {"EINTR", FAIL, EINTR}, {"EAGAIN", FAIL, EAGAIN}, {"short", SHORT, 0}};
    for (size_t i = 0; what && i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strcmp(what, KINDS[i].name) == 0) {
            kind = KINDS[i].kind;
            fail_with = KINDS[i].error;
        }
    }
    at = number ? atol(number) : 0;
    always = on && strcmp(on, "always") == 0;
    of_reads = class && strcmp(class, "read") == 0;
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", atomic_load(&calls));
        fclose(file);
    }
}

/* Is this call the one? */
static enum kind meet(int reads)
{
    if (reads != of_reads)
        return NONE;
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (!at || (always && kind >= FAIL ? now < at : now != at))
        return NONE;
    if (kind == KILL_BEFORE)
        kill(getpid(), SIGKILL);
    return kind;
}

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define AROUND(reads, type, call, shorter)                                                            \
    do {                                                                                              \
        enum kind met = meet(reads);                                                                  \
        if (met == FAIL) {                                                                            \
            errno = fail_with;                                                                        \
            return (type)-1;                                                                          \
        }                                                                                             \
        type result = met == SHORT ? shorter : call;                                                  \
        if (met == KILL_AFTER)                                                                        \
            kill(getpid(), SIGKILL);                                                                  \
        return result;                                                                                \
    } while (0)

#define HALF(size) ((size) > 1 ? (size) / 2 : (size))

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    AROUND(0, ssize_t, REAL(pwrite64)(fd, data, size, offset), REAL(pwrite64)(fd, data, HALF(size), offset));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    AROUND(0, ssize_t, REAL(pwrite)(fd, data, size, offset), REAL(pwrite)(fd, data, HALF(size), offset));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    AROUND(0, ssize_t, REAL(pwritev)(fd, parts, count, offset), REAL(pwritev)(fd, parts, HALF(count), offset));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    AROUND(0, ssize_t, REAL(pwritev64)(fd, parts, count, offset), REAL(pwritev64)(fd, parts, HALF(count), offset));
}
ssize_t write(int fd, const void *data, size_t size)
{
    if (fd <= 2)
        return REAL(write)(fd, data, size);
    AROUND(0, ssize_t, REAL(write)(fd, data, size), REAL(write)(fd, data, HALF(size)));
}
int fsync(int fd)
{
    AROUND(0, int, REAL(fsync)(fd), REAL(fsync)(fd));
}
int fdatasync(int fd)
{
    AROUND(0, int, REAL(fdatasync)(fd), REAL(fdatasync)(fd));
}
int ftruncate(int fd, off_t size)
{
    AROUND(0, int, REAL(ftruncate)(fd, size), REAL(ftruncate)(fd, size));
}
int ftruncate64(int fd, off64_t size)
{
    AROUND(0, int, REAL(ftruncate64)(fd, size), REAL(ftruncate64)(fd, size));
}
int mkdirat(int dir, const char *path, mode_t mode)
{
    AROUND(0, int, REAL(mkdirat)(dir, path, mode), REAL(mkdirat)(dir, path, mode));
}
int unlinkat(int dir, const char *path, int flags)
{
    AROUND(0, int, REAL(unlinkat)(dir, path, flags), REAL(unlinkat)(dir, path, flags));
}
int renameat2(int old_dir, const char *old_path, int new_dir, const char *new_path, unsigned flags)
{
    AROUND(0, int, REAL(renameat2)(old_dir, old_path, new_dir, new_path, flags),
           REAL(renameat2)(old_dir, old_path, new_dir, new_path, flags));
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}
#define OPEN(name)                                                                                    \
    int name(int dir, const char *path, int flags, ...)                                               \
    {                                                                                                 \
        va_list args;                                                                                 \
        va_start(args, flags);                                                                        \
        mode_t mode = mode_of(flags, args);                                                           \
        va_end(args);                                                                                 \
        AROUND(1, int, REAL(name)(dir, path, flags, mode), REAL(name)(dir, path, flags, mode));       \
    }
OPEN(openat)
OPEN(openat64)
ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    AROUND(1, ssize_t, REAL(pread64)(fd, data, size, offset), REAL(pread64)(fd, data, HALF(size), offset));
}
ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    AROUND(1, ssize_t, REAL(pread)(fd, data, size, offset), REAL(pread)(fd, data, HALF(size), offset));
}
int fstat(int fd, struct stat *out)
{
    AROUND(1, int, REAL(fstat)(fd, out), REAL(fstat)(fd, out));
}
void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!(flags & MAP_ANONYMOUS))
        return REAL(mmap)(where, size, protection, flags, fd, offset);
    enum kind met = meet(1);
    if (met == FAIL) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return REAL(mmap)(where, size, protection, flags, fd, offset);
}
