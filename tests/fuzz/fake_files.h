/* fake_files.h - files in memory, behind the table of system calls: the kernel would take most of the time of an input. */
#ifndef FUZZ_FAKE_FILES_H
#define FUZZ_FAKE_FILES_H

#include "engine/check.h"
#include "engine/span.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <string.h>

#define FAKE_FILES_MAX 8
#define FAKE_FD 1000 /* of the first */

static struct fake_file {
    const char *name;
    struct span bytes;
    int open;
} fake_files[FAKE_FILES_MAX];

static struct fake_file *fake_file_of(int fd)
{
    CHECK(fd >= FAKE_FD && fd < FAKE_FD + FAKE_FILES_MAX && fake_files[fd - FAKE_FD].open);
    return &fake_files[fd - FAKE_FD];
}

static int fake_file_find(const char *path)
{
    for (int i = 0; i < FAKE_FILES_MAX; i++)
        if (fake_files[i].name && strcmp(path, fake_files[i].name) == 0)
            return FAKE_FD + i;
    errno = ENOENT;
    return -1;
}

static int fake_file_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    (void)dir_fd, (void)flags, (void)mode;
    int fd = fake_file_find(path);
    if (fd >= 0)
        fake_files[fd - FAKE_FD].open++;
    return fd;
}

static int fake_file_close(int fd)
{
    fake_file_of(fd)->open--;
    return 0;
}

static void fake_file_tell(const struct fake_file *file, struct stat *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->st_mode = S_IFREG | 0600;
    ret->st_size = (off_t)file->bytes.size;
}

static int fake_file_fstat(int fd, struct stat *ret)
{
    fake_file_tell(fake_file_of(fd), ret);
    return 0;
}

static int fake_file_stat(int dir_fd, const char *path, struct stat *ret, int flags)
{
    (void)dir_fd, (void)flags;
    int fd = fake_file_find(path);
    if (fd >= 0)
        fake_file_tell(&fake_files[fd - FAKE_FD], ret);
    return fd < 0 ? -1 : 0;
}

static ssize_t fake_file_read(int fd, void *buffer, size_t size, off_t offset)
{
    const struct span bytes = fake_file_of(fd)->bytes;
    size_t left = (size_t)offset < bytes.size ? bytes.size - (size_t)offset : 0;
    size = size < left ? size : left;
    if (size)
        memcpy(buffer, bytes.data + offset, size);
    return (ssize_t)size;
}

/* From now on there are no files but these. */
static inline void fake_files_begin(void)
{
    sys.open = fake_file_open, sys.close = fake_file_close, sys.pread = fake_file_read;
    sys.fstat = fake_file_fstat, sys.stat = fake_file_stat;
}

/* Puts a file in a place of its own, instead of the one before. `name` and `bytes` are borrowed. */
static inline void fake_file(unsigned place, const char *name, struct span bytes)
{
    CHECK(place < FAKE_FILES_MAX && !fake_files[place].open);
    fake_files[place] = (struct fake_file){name, bytes, 0};
}

#endif
