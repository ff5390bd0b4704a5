/* making.c - see making.h. */
#include "store/making.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOOKS_MAX 100u /* a millisecond apart */

/* While STORE/making is there, the rest of the folder is not whole, and only init may touch it: given again after a kill or a
 * loss of power, it begins anew. So no key of a store that was ever whole is overwritten. */
static const char MAKING[] = "making";
static const char *const MADE[] = {"key", "lock", "data.mdb", "lock.mdb", "looked"};

static int sync_folder(const char *dir, struct fault *fault)
{
    int fd = sys.open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: open", dir);
    int failed = sys.fsync(fd) ? fault_errno(fault, errno, "%s: sync", dir) : 0;
    sys.close(fd);
    return failed;
}

static int sync_parent(const char *dir, struct fault *fault)
{
    char path[4096];
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    while (size > 0 && dir[size - 1] != '/')
        size--;
    if (snprintf(path, sizeof path, "%.*s", size ? (int)size : 1, size ? dir : ".") >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    return sync_folder(path, fault);
}

/* What stands in a folder: nothing, a store that was not made whole, or something else. */
enum standing { STANDS_NOTHING, STANDS_HALF, STANDS_OTHER };

static int look_into(const char *dir, enum standing *ret_standing, struct fault *fault)
{
    DIR *folder = sys.opendir(AT_FDCWD, dir, O_NOFOLLOW);
    if (!folder)
        return fault_errno(fault, errno, "%s: open", dir);
    bool empty = true, making = false;
    int error;
    for (const char *name; (name = sys_next_name(folder, &error));) {
        empty = false;
        making |= strcmp(name, MAKING) == 0;
    }
    sys.closedir(folder);
    *ret_standing = empty ? STANDS_NOTHING : making ? STANDS_HALF : STANDS_OTHER;
    return error ? fault_errno(fault, error, "%s: read", dir) : 0;
}

/* The file that says so holds who makes it, to be named. */
static int mark(const char *path, struct fault *fault)
{
    char pid[16];
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", path);
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    int failed = sys_write_all(fd, pid, (size_t)size, 0) ? fault_errno(fault, errno, "%s: write", path) : 0;
    sys.close(fd);
    return failed;
}

static bool read_holder(const char *path, char pid[16])
{
    memset(pid, 0, 16);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return false;
    (void)sys_read_all(fd, pid, 15, 0);
    sys.close(fd);
    pid[strspn(pid, "0123456789")] = 0;
    return *pid;
}

/* Who has the folder and is not named yet is about to say so, or to end: that is waited for, not long. */
static int lock(int fd, const char *dir, const char *path, struct fault *fault)
{
    char pid[16];
    int error;
    for (unsigned looks = 0; (error = flock(fd, LOCK_EX | LOCK_NB) ? errno : 0) == EWOULDBLOCK; looks++) {
        if (read_holder(path, pid) || looks == LOOKS_MAX)
            break;
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    if (error != EWOULDBLOCK)
        return error ? fault_errno(fault, error, "%s: lock", dir) : 0;
    return fault_set(fault, FAULT_BUSY, "%s: busy, another besik init%s%s works on it; wait for it to end", dir,
                     *pid ? " as process " : "", pid);
}

/* The folder itself is locked before anybody looks into it: of two at once, one finds what the other left. */
int making_begin(const char *dir, int *ret_fd, struct fault *fault)
{
    enum standing standing = STANDS_NOTHING;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, MAKING) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    if (sys.mkdir(AT_FDCWD, dir, 0700) != 0 && errno != EEXIST)
        return errno != EACCES && fault_of_path(errno) ? fault_set(fault, FAULT_USAGE, "%s: cannot be made: %s", dir, strerror(errno))
                                                         : fault_errno(fault, errno, "%s: make", dir);
    *ret_fd = sys.open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (*ret_fd < 0)
        return errno == ENOTDIR ? fault_set(fault, FAULT_USAGE, "%s: is a file or a link: give a new folder, or an empty one", dir)
                                : fault_errno(fault, errno, "%s: open", dir);
    if (lock(*ret_fd, dir, path, fault) || look_into(dir, &standing, fault))
        return -1;
    if (standing == STANDS_OTHER)
        return fault_set(fault, FAULT_USAGE, "%s: is there already and is not empty", dir);
    struct stat stat;
    if (sys.fstat(*ret_fd, &stat) != 0)
        return fault_errno(fault, errno, "%s: look", dir);
    (void)fchmod(*ret_fd, stat.st_mode & 07700); /* an empty folder that was there; where it is another's, its files are 0600 all the same */
    if (mark(path, fault))
        return -1;
    for (size_t i = 0; i < sizeof MADE / sizeof *MADE && standing == STANDS_HALF; i++)
        if (snprintf(path, sizeof path, "%s/%s", dir, MADE[i]) < (int)sizeof path && sys.unlink(AT_FDCWD, path, 0) != 0 &&
            errno != ENOENT)
            return fault_errno(fault, errno, "%s: remove", path);
    return sync_folder(dir, fault);
}

int making_end(const char *dir, struct fault *fault)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, MAKING);
    if (sync_folder(dir, fault))
        return -1;
    if (sys.unlink(AT_FDCWD, path, 0) != 0)
        return fault_errno(fault, errno, "%s: remove", path);
    return sync_folder(dir, fault) || sync_parent(dir, fault) ? -1 : 0;
}

int making_check(const char *dir, struct fault *fault)
{
    char path[4096];
    struct stat stat;
    if (snprintf(path, sizeof path, "%s/%s", dir, MAKING) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    if (sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0)
        return fault_set(fault, FAULT_INPUT, "%s: was not made whole: give besik init again", dir);
    return errno == ENOENT || errno == ENOTDIR ? 0 : fault_errno(fault, errno, "%s: look", path);
}

int making_file(const char *dir, const char *name, const void *data, size_t size, struct fault *fault)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", path);
    int failed = 0;
    if (sys_write_all(fd, data, size, 0) != 0)
        failed = fault_errno(fault, errno, "%s: write", path);
    else if (sys.fsync(fd) != 0)
        failed = fault_errno(fault, errno, "%s: sync", path);
    sys.close(fd);
    return failed;
}
