/* log.c - preloaded into besik: logs what it does to the files below a folder, in order and with the bytes, for power.py.
 *
 *   POWER_ROOT  the folder; relative paths are taken from where the process begins
 *   POWER_LOG   a file outside of it, appended to
 *
 * A record: a line of words, then its bytes. `b ID` begins an operation, `d ID RESULT` tells that it is done:
 *   start PID                               b ID write FD OFFSET SIZE SYNC + bytes (SYNC 1: durable when done)
 *   open FD CREATED PATH                    b ID truncate FD SIZE
 *   b ID create PATH  b ID mkdir PATH       b ID rename OLD\tNEW
 *   b ID unlink PATH                        b ID sync FD
 * Renames are tabbed; paths end their lines. Writes through io_uring are logged as they are handed in. */
#define _GNU_SOURCE
#include "rings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4096

static char root[4096], cwd[4096];
static char *paths[FDS_MAX]; /* by descriptor: of files and folders below the root; else NULL */
static unsigned char by_itself[FDS_MAX]; /* a write is durable when it is done */
static int log_fd = -1;
static long last_id;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("POWER_LOG"), *below = getenv("POWER_ROOT");
    if (!path || !below || !getcwd(cwd, sizeof cwd))
        return;
    snprintf(root, sizeof root, "%s/", below);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    char line[64];
    int size = snprintf(line, sizeof line, "start %ld\n", (long)getpid());
    (void)!syscall(SYS_write, log_fd, line, (size_t)size);
}

/* One record, whole; past shim.c, which may be loaded too and is not to count it. */
static void put(const struct iovec *parts, int count)
{
    int error = errno;
    if (syscall(SYS_writev, log_fd, parts, count) < 0)
        abort();
    errno = error;
}

static void put_line(const char *format, ...)
{
    char line[9000];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    struct iovec part = {line, (size_t)size};
    put(&part, 1);
}

/* The path below the root of a name in a folder, or NULL. */
static const char *below(int dir, const char *name, char out[8192])
{
    if (log_fd < 0 || (*name != '/' && dir != AT_FDCWD && (dir < 0 || dir >= FDS_MAX || !paths[dir])))
        return NULL;
    char whole[8192];
    if (*name == '/')
        snprintf(whole, sizeof whole, "%.4000s", name);
    else if (dir == AT_FDCWD)
        snprintf(whole, sizeof whole, "%.4000s/%.4000s", cwd, name);
    else
        snprintf(whole, sizeof whole, "%.4000s%.4000s/%.180s", root, paths[dir], name);
    size_t size = 0, length = strlen(root);
    for (const char *c = whole; *c; c++) { /* a/./b, a//b and a/ are a/b and a */
        if (c[0] == '/' && (c[1] == '/' || c[1] == 0 || (c[1] == '.' && (c[2] == '/' || c[2] == 0)))) {
            c += c[1] == '.';
            continue;
        }
        out[size++] = *c;
    }
    out[size] = 0;
    if (strncmp(out, root, length - 1) != 0 || (out[length - 1] != '/' && out[length - 1]))
        return NULL;
    return out[length - 1] ? out + length : "";
}

static int is_watched(int fd)
{
    return log_fd >= 0 && fd >= 0 && fd < FDS_MAX && paths[fd];
}

static long next_id(void)
{
    return __atomic_add_fetch(&last_id, 1, __ATOMIC_SEQ_CST);
}

static void done(long id, long result)
{
    if (id)
        put_line("d %ld %ld\n", id, result);
}

static long begin_name(const char *what, int dir, const char *name)
{
    char out[8192];
    const char *path = below(dir, name, out);
    if (!path)
        return 0;
    long id = next_id();
    put_line("b %ld %s %s\n", id, what, path);
    return id;
}

static long begin_write(int fd, const struct iovec *data, int count, off_t offset)
{
    if (!is_watched(fd))
        return 0;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += data[i].iov_len;
    char line[128];
    long id = next_id();
    struct iovec parts[128];
    if (count > 127)
        abort();
    parts[0].iov_base = line;
    parts[0].iov_len =
        (size_t)snprintf(line, sizeof line, "b %ld write %d %ld %zu %d\n", id, fd, (long)offset, size, by_itself[fd]);
    memcpy(parts + 1, data, (size_t)count * sizeof *data);
    put(parts, count + 1);
    return id;
}

static long begin_sync(int fd)
{
    if (!is_watched(fd))
        return 0;
    long id = next_id();
    put_line("b %ld sync %d\n", id, fd);
    return id;
}

#define LOGGED(type, start, call)                                                                     \
    do {                                                                                              \
        long id = start;                                                                              \
        type result = call;                                                                           \
        done(id, (long)result);                                                                       \
        return result;                                                                                \
    } while (0)
#define ONE(data, size) (&(struct iovec){(void *)(uintptr_t)(data), size})

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    LOGGED(ssize_t, begin_write(fd, ONE(data, size), 1, offset), REAL(pwrite64)(fd, data, size, offset));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    LOGGED(ssize_t, begin_write(fd, ONE(data, size), 1, offset), REAL(pwrite)(fd, data, size, offset));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    LOGGED(ssize_t, begin_write(fd, parts, count, offset), REAL(pwritev)(fd, parts, count, offset));
}
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    LOGGED(ssize_t, begin_write(fd, parts, count, is_watched(fd) ? lseek(fd, 0, SEEK_CUR) : 0), REAL(writev)(fd, parts, count));
}
ssize_t write(int fd, const void *data, size_t size)
{
    LOGGED(ssize_t, begin_write(fd, ONE(data, size), 1, is_watched(fd) ? lseek(fd, 0, SEEK_CUR) : 0), REAL(write)(fd, data, size));
}
int fsync(int fd)
{
    LOGGED(int, begin_sync(fd), REAL(fsync)(fd));
}
int fdatasync(int fd)
{
    LOGGED(int, begin_sync(fd), REAL(fdatasync)(fd));
}
static long begin_truncate(int fd, off_t size)
{
    if (!is_watched(fd))
        return 0;
    long id = next_id();
    put_line("b %ld truncate %d %ld\n", id, fd, (long)size);
    return id;
}
int ftruncate(int fd, off_t size)
{
    LOGGED(int, begin_truncate(fd, size), REAL(ftruncate)(fd, size));
}
int ftruncate64(int fd, off64_t size)
{
    LOGGED(int, begin_truncate(fd, size), REAL(ftruncate64)(fd, size));
}
int mkdirat(int dir, const char *path, mode_t mode)
{
    LOGGED(int, begin_name("mkdir", dir, path), REAL(mkdirat)(dir, path, mode));
}
int unlinkat(int dir, const char *path, int flags)
{
    LOGGED(int, begin_name("unlink", dir, path), REAL(unlinkat)(dir, path, flags));
}
static long begin_rename(int old_dir, const char *old_path, int new_dir, const char *new_path)
{
    char old_out[8192], new_out[8192];
    const char *old = below(old_dir, old_path, old_out), *new = below(new_dir, new_path, new_out);
    if (!old || !new)
        return 0;
    long id = next_id();
    put_line("b %ld rename %s\t%s\n", id, old, new);
    return id;
}
int renameat(int old_dir, const char *old_path, int new_dir, const char *new_path)
{
    LOGGED(int, begin_rename(old_dir, old_path, new_dir, new_path), REAL(renameat)(old_dir, old_path, new_dir, new_path));
}
int renameat2(int old_dir, const char *old_path, int new_dir, const char *new_path, unsigned flags)
{
    LOGGED(int, begin_rename(old_dir, old_path, new_dir, new_path),
           REAL(renameat2)(old_dir, old_path, new_dir, new_path, flags));
}

/* Calls that nothing here understands: better to end than to miss them in silence. */
static int unknown(const char *name)
{
    fprintf(stderr, "log.c: %s is not known here\n", name);
    abort();
}
#define UNKNOWN(name, ...)                                                                            \
    int name(__VA_ARGS__)                                                                             \
    {                                                                                                 \
        return unknown(#name);                                                                        \
    }
UNKNOWN(msync, void *pages __attribute__((unused)), size_t size __attribute__((unused)), int flags __attribute__((unused)))
UNKNOWN(linkat, int a __attribute__((unused)), const char *b __attribute__((unused)), int c __attribute__((unused)),
        const char *d __attribute__((unused)), int e __attribute__((unused)))
UNKNOWN(fallocate, int a __attribute__((unused)), int b __attribute__((unused)), off_t c __attribute__((unused)),
        off_t d __attribute__((unused)))

/* ---- opening ---- */

static void opened(int fd, const char *path, int flags, long id)
{
    done(id, fd);
    if (fd < 0 || fd >= FDS_MAX)
        return;
    free(paths[fd]);
    paths[fd] = path && (flags & O_TMPFILE) != O_TMPFILE ? strdup(path) : NULL; /* without a name it is gone anyway */
    by_itself[fd] = (flags & O_DSYNC) != 0;
    if (paths[fd])
        put_line("open %d %s\n", fd, path);
}

static int open_by(int dir, const char *name, int flags, mode_t mode)
{
    char out[8192];
    const char *path = below(dir, name, out);
    struct stat there;
    bool creates = path && flags & O_CREAT && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) != 0;
    long id = creates ? begin_name("create", dir, name) : 0;
    int fd = REAL(openat)(dir, name, flags, mode);
    opened(fd, path, flags, id);
    return fd;
}

int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags);
    return open_by(dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...)
{
    MODE(flags);
    return open_by(dir, path, flags, mode);
}
int open(const char *path, int flags, ...)
{
    MODE(flags);
    return open_by(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...)
{
    MODE(flags);
    return open_by(AT_FDCWD, path, flags, mode);
}
/* what glibc's fortified headers make of an open without a mode */
int __openat_2(int dir, const char *path, int flags);
int __openat_2(int dir, const char *path, int flags)
{
    return open_by(dir, path, flags, 0);
}

/* ---- io_uring ---- */

#define IN_FLIGHT_MAX 1024

static struct {
    uint64_t tag;
    long id; /* 0: not watched */
} in_flight[IN_FLIGHT_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void meet_request(struct io_uring_sqe *request)
{
    long id = 0;
    if (request->opcode == IORING_OP_WRITE)
        id = begin_write(request->fd, ONE(request->addr, request->len), 1, (off_t)request->off);
    else if (request->opcode == IORING_OP_FSYNC)
        id = begin_sync(request->fd);
    else if (request->opcode != IORING_OP_READ)
        abort();
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (i < IN_FLIGHT_MAX && in_flight[i].tag)
        i++;
    if (i == IN_FLIGHT_MAX)
        abort();
    in_flight[i].tag = request->user_data;
    in_flight[i].id = id;
    pthread_mutex_unlock(&lock);
}

static void meet_result(struct io_uring_cqe *result)
{
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (i < IN_FLIGHT_MAX && in_flight[i].tag != result->user_data)
        i++;
    if (i == IN_FLIGHT_MAX)
        abort();
    in_flight[i].tag = 0;
    long id = in_flight[i].id;
    pthread_mutex_unlock(&lock);
    done(id, result->res);
}
