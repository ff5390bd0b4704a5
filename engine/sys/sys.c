/* sys.c - see sys.h: the real calls behind the table. */
#include "engine/sys/sys.h"

#include "engine/sys/large.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HUGE_SIZE ((size_t)2 << 20)

static int real_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    return openat(dir_fd, path, flags | O_CLOEXEC, mode);
}

static int real_sync_range(int fd, off_t offset, off_t size)
{
    return sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
}

/* Some file systems refuse RENAME_NOREPLACE. There a look comes first: one run at a time holds the store, so
 * what the look leaves open is only a stranger who makes the very same name in between. */
static int real_rename(int old_dir_fd, const char *old_path, int new_dir_fd, const char *new_path)
{
    if (renameat2(old_dir_fd, old_path, new_dir_fd, new_path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    struct stat there;
    if (fstatat(new_dir_fd, new_path, &there, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    if (errno != ENOENT)
        return -1;
    return renameat(old_dir_fd, old_path, new_dir_fd, new_path);
}

static DIR *real_opendir(int dir_fd, const char *path, int flags)
{
    int fd = openat(dir_fd, path, flags | O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return dir;
}

static void *real_map(size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return NULL;
    if (size >= HUGE_SIZE)
        (void)madvise(block, size, MADV_HUGEPAGE); /* best effort: small pages only cost time */
    return block;
}

static void *real_map_file(int fd, size_t size, bool scattered)
{
    void *block = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (block == MAP_FAILED)
        return NULL;
    if (scattered)
        (void)madvise(block, size, MADV_RANDOM); /* else each page read brings its neighbours with it */
    return block;
}

static void real_will_need(const void *part, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)part & ~(page - 1);
    (void)madvise((void *)begin, (uintptr_t)part + size - begin, MADV_WILLNEED);
}

static void real_keep(const void *secret, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)secret & ~(page - 1), end = (uintptr_t)secret + size;
    (void)mlock(secret, size);
    (void)madvise((void *)begin, end - begin, MADV_DONTDUMP);
}

static void *real_remap(void *block, size_t old_size, size_t size)
{
    void *moved = mremap(block, old_size, size, MREMAP_MAYMOVE);
    return moved == MAP_FAILED ? NULL : moved;
}

static int real_punch(int fd, off_t offset, off_t size)
{
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

static void *real_map_shared(int fd, off_t offset, size_t size)
{
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return block == MAP_FAILED ? NULL : block;
}

struct sys sys = {
    .open = real_open,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .read = read,
    .write = write,
    .fsync = fsync,
    .sync_range = real_sync_range,
    .ftruncate = ftruncate,
    .fstat = fstat,
    .stat = fstatat,
    .statvfs = statvfs,
    .mkdir = mkdirat,
    .unlink = unlinkat,
    .rename = real_rename,
    .replace = renameat,
    .opendir = real_opendir,
    .readdir = readdir,
    .closedir = closedir,
    .map = real_map,
    .map_file = real_map_file,
    .will_need = real_will_need,
    .unmap = munmap,
    .keep = real_keep,
    .remap = real_remap,
    .reserve = posix_fallocate,
    .punch = real_punch,
    .map_shared = real_map_shared,
    .iconv_open = iconv_open,
    .alloc = large_alloc,
    .realloc = large_realloc,
    .free = large_free,
};

const char *sys_next_name(DIR *dir, int *ret_error)
{
    const struct dirent *entry;
    do {
        errno = 0;
        entry = sys.readdir(dir);
    } while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *ret_error = entry ? 0 : errno;
    return entry ? entry->d_name : NULL;
}

int sys_remove_folder(int dir_fd, const char *name, int (*remove)(int dir_fd, const char *name))
{
    DIR *folder = sys.opendir(dir_fd, name, O_NOFOLLOW);
    if (!folder)
        return errno == ENOENT ? 0 : -1;
    int error = 0, unreadable;
    for (const char *inside; (inside = sys_next_name(folder, &unreadable));)
        if (remove(dirfd(folder), inside) != 0)
            error = errno;
    sys.closedir(folder);
    if (!error && !unreadable)
        return sys.unlink(dir_fd, name, AT_REMOVEDIR);
    errno = error ? error : unreadable;
    return -1;
}

ssize_t sys_read_all(int fd, void *data, size_t size, off_t offset)
{
    size_t done = 0;
    unsigned interrupted = 0;
    while (done < size) {
        char *to = (char *)data + done;
        ssize_t got = offset < 0 ? sys.read(fd, to, size - done) : sys.pread(fd, to, size - done, offset + (off_t)done);
        if (got < 0 && errno == EINTR && ++interrupted < 100)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

int sys_write_all(int fd, const void *data, size_t size, off_t offset)
{
    size_t done = 0;
    unsigned interrupted = 0;
    while (done < size) {
        ssize_t put = sys.pwrite(fd, (const char *)data + done, size - done, offset + (off_t)done);
        if (put < 0 && errno == EINTR && ++interrupted < 100)
            continue;
        if (put == 0)
            errno = ENOSPC;
        if (put <= 0)
            return -1;
        done += (size_t)put;
    }
    return 0;
}
