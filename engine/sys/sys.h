/* sys.h - every system call and allocation that can fail, in one table, so that faults can be injected.
 * Room: engine/sys.  Functions behave as their libc namesakes (errno, -1). The table is set once, before
 * threads start; tests swap entries.  Nothing outside sys.c calls libc's own. */
#ifndef ENGINE_SYS_SYS_H
#define ENGINE_SYS_SYS_H

#include <dirent.h>
#include <iconv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct statvfs;

struct sys {
    int (*open)(int dir_fd, const char *path, int flags, mode_t mode); /* openat; O_CLOEXEC is added */
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *buffer, size_t size, off_t offset);
    ssize_t (*read)(int fd, void *buffer, size_t size);
    ssize_t (*write)(int fd, const void *buffer, size_t size);
    int (*fsync)(int fd);
    int (*sync_range)(int fd, off_t offset, off_t size); /* sync_file_range, write only; best effort */
    int (*ftruncate)(int fd, off_t size);
    int (*fstat)(int fd, struct stat *ret);
    int (*stat)(int dir_fd, const char *path, struct stat *ret, int flags); /* fstatat */
    int (*statvfs)(const char *path, struct statvfs *ret);
    int (*mkdir)(int dir_fd, const char *path, mode_t mode);
    int (*unlink)(int dir_fd, const char *path, int flags);
    int (*rename)(int old_dir_fd, const char *old_path, int new_dir_fd, const char *new_path); /* never over another */
    int (*replace)(int old_dir_fd, const char *old_path, int new_dir_fd, const char *new_path);
    DIR *(*opendir)(int dir_fd, const char *path, int flags);
    struct dirent *(*readdir)(DIR *dir);
    int (*closedir)(DIR *dir);
    void *(*map)(size_t size);             /* zeroed anonymous pages; NULL on failure */
    void *(*map_file)(int fd, size_t size, bool scattered); /* to be read, `scattered`: a page here and there; NULL on failure */
    void (*will_need)(const void *part, size_t size); /* of a mapped file: read in while others are looked at; best effort */
    int (*unmap)(void *block, size_t size);
    void (*keep)(const void *secret, size_t size); /* out of swap and dumps; best effort */
    void *(*remap)(void *block, size_t old_size, size_t size); /* mremap, may move; NULL on failure */
    int (*reserve)(int fd, off_t offset, off_t size);          /* posix_fallocate: returns the errno */
    int (*punch)(int fd, off_t offset, off_t size);            /* makes a hole; best effort */
    void *(*map_shared)(int fd, off_t offset, size_t size);      /* shared, to read and write; NULL on failure */
    iconv_t (*iconv_open)(const char *to, const char *from);
    void *(*alloc)(size_t size);           /* malloc; large ones as large.h says */
    void *(*realloc)(void *block, size_t size);
    void (*free)(void *block);
};

extern struct sys sys;

/* The name of the next entry, but "." and ".."; NULL at the end, or where it cannot be read: *ret_error is 0, or the errno. */
const char *sys_next_name(DIR *dir, int *ret_error);
/* Removes a folder, and what is in it by `remove`; 0 too where there is none. What cannot be removed does not keep the rest: -1 with errno. */
int sys_remove_folder(int dir_fd, const char *name, int (*remove)(int dir_fd, const char *name));
/* pread or, where `offset` is -1, read until there are `size` bytes or the file ends, and again after some EINTR. -1 with errno. */
ssize_t sys_read_all(int fd, void *data, size_t size, off_t offset);
/* pwrite until all `size` bytes are there, and again after some EINTR. -1 with errno: ENOSPC where nothing is taken any more. */
int sys_write_all(int fd, const void *data, size_t size, off_t offset);

#endif
