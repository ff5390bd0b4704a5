/* publish.c - see publish.h. */
#include "store/publish.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAIL (sizeof ".tmp" - 1)

void publish_run_tag(const char *store, uint32_t run, char tag[PUBLISH_RUN_TAG])
{
    snprintf(tag, PUBLISH_RUN_TAG, "%.8s-%u", store, run);
}

int publish_place(struct publish_place *place, const char *folder, const char *tag, struct fault *fault)
{
    char path[4096];
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    if (size == 0 || size >= sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: not a path for a new folder", folder);
    memcpy(path, folder, size);
    path[size] = 0;
    char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) >= sizeof place->name)
        return fault_set(fault, FAULT_USAGE, "%s: not a path for a new folder", folder);
    snprintf(place->name, sizeof place->name, "%.255s", name);
    if (snprintf(place->hidden, sizeof place->hidden, ".%s.besik-%s.tmp", place->name, tag) > 255)
        return fault_set(fault, FAULT_USAGE, "%s: the name is too long", folder);
    if (slash)
        *slash = 0;
    char *parent = realpath(!slash ? "." : *path ? path : "/", NULL);
    if (!parent && errno == ENOMEM)
        return fault_memory(fault);
    if (!parent)
        return fault_set(fault, FAULT_USAGE, "%s: its parent folder: %s", folder, strerror(errno));
    int fits = snprintf(place->parent, sizeof place->parent, "%s", parent) < (int)sizeof place->parent;
    free(parent);
    return fits ? 0 : fault_set(fault, FAULT_USAGE, "%s: path too long", folder);
}

void publish_place_again(const struct publish_place *place, struct publish_place *ret_again)
{
    *ret_again = *place;
    memcpy(ret_again->hidden + strlen(place->hidden) - TAIL, ".new", TAIL);
}

static bool is_plain_name(const char *name, size_t room)
{
    return memchr(name, 0, room) && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool publish_place_is_sound(const struct publish_place *place)
{
    size_t size = strnlen(place->name, sizeof place->name);
    bool plain = memchr(place->parent, 0, sizeof place->parent) && place->parent[0] == '/' &&
                 is_plain_name(place->name, sizeof place->name) && is_plain_name(place->hidden, sizeof place->hidden);
    size_t hidden = plain ? strlen(place->hidden) : 0;
    return hidden > TAIL && memcmp(place->hidden + hidden - TAIL, ".tmp", TAIL) == 0 && place->hidden[0] == '.' &&
           strncmp(place->hidden + 1, place->name, size) == 0 && strncmp(place->hidden + 1 + size, ".besik-", strlen(".besik-")) == 0;
}

static int open_parent(const struct publish_place *place, struct fault *fault)
{
    int fd = sys.open(AT_FDCWD, place->parent, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        fault_errno(fault, errno, "%s: open", place->parent);
    return fd;
}

static int remove_file(int dir_fd, const char *name)
{
    return sys.unlink(dir_fd, name, 0);
}

/* A folder of plain files. */
static int remove_hidden(int parent_fd, const char *name)
{
    return sys_remove_folder(parent_fd, name, remove_file);
}

int publish_place_new(struct publish_place *place, const char *folder, struct fault *fault)
{
    struct stat stat;
    if (sys.stat(AT_FDCWD, folder, &stat, AT_SYMLINK_NOFOLLOW) == 0)
        return fault_set(fault, FAULT_USAGE, "%s: is there already; give another folder", folder);
    return publish_place(place, folder, "0", fault);
}

int publish_begin(const struct publish_place *place, int *ret_fd, struct fault *fault)
{
    int parent = open_parent(place, fault), fd = -1;
    if (parent < 0)
        return -1;
    if (remove_hidden(parent, place->hidden) != 0)
        fault_errno(fault, errno, "%s/%s: remove what an earlier run left", place->parent, place->hidden);
    else if (sys.mkdir(parent, place->hidden, 0700) != 0)
        fault_errno(fault, errno, "%s/%s: make", place->parent, place->hidden);
    else if ((fd = sys.open(parent, place->hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)) < 0)
        fault_errno(fault, errno, "%s/%s: open", place->parent, place->hidden);
    if (fd >= 0 && sys.fsync(parent) != 0) { /* else its name may be lost after the run took effect */
        fault_errno(fault, errno, "%s: sync", place->parent);
        sys.close(fd);
        fd = -1;
    }
    sys.close(parent);
    *ret_fd = fd;
    return fd < 0 ? -1 : 0;
}

/* ---- whose folder it is ---- */

#define STAMP_HEAD "{\"besik\": 1, \"run\": %u, \"as_of\": \"%39[^\"]\", \"store\": \"%32[0-9a-f]\""
#define STAMP_HEAD_MAX 256

bool publish_read_stamp(int dir_fd, const char *folder, struct publish_stamp *ret_stamp)
{
    char path[4200], bytes[STAMP_HEAD_MAX + 1];
    const size_t tail = sizeof PUBLISH_DRY_RUN - 1;
    struct stat stat;
    *ret_stamp = (struct publish_stamp){0};
    if (snprintf(path, sizeof path, "%s/run.json", folder) >= (int)sizeof path)
        return false;
    int fd = sys.open(dir_fd, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return false;
    ssize_t size = sys.pread(fd, bytes, STAMP_HEAD_MAX, 0);
    bool is_one = false;
    if (size > 0) {
        bytes[size] = 0;
        is_one = sscanf(bytes, STAMP_HEAD, &ret_stamp->run, ret_stamp->as_of, ret_stamp->store) == 3;
    }
    if (is_one && sys.fstat(fd, &stat) == 0 && stat.st_size >= (off_t)tail)
        ret_stamp->dry_run = sys.pread(fd, bytes, tail, stat.st_size - (off_t)tail) == (ssize_t)tail &&
                             memcmp(bytes, PUBLISH_DRY_RUN, tail) == 0;
    sys.close(fd);
    return is_one;
}

/* The hidden folder was made durable before the run took effect: where it is not there, it was renamed before, or taken away. */
static bool stands(int parent_fd, const struct publish_place *place, const char *store, uint32_t run)
{
    struct publish_stamp stamp;
    return publish_read_stamp(parent_fd, place->name, &stamp) && stamp.run == run && strcmp(stamp.store, store) == 0 && !stamp.dry_run;
}

int publish_finish(const struct publish_place *place, const char *store, uint32_t run, struct fault *fault)
{
    int parent = sys.open(AT_FDCWD, place->parent, O_RDONLY | O_DIRECTORY, 0), failed = 0;
    if (parent < 0)
        return fault_errno(fault, errno, "%s: the run took effect, but the folder in which its own is to appear cannot be opened; make it "
                           "again and give the command again",
                           place->parent);
    if (sys.rename(parent, place->hidden, parent, place->name) != 0) {
        if (errno != ENOENT)
            failed = fault_errno(fault, errno,
                                 "%s/%s: the run took effect, but its folder cannot be put in place from %s; make room for it and "
                                 "give the command again",
                                 place->parent, place->name, place->hidden);
        else if (!stands(parent, place, store, run))
            failed = 1;
    }
    if (!failed && sys.fsync(parent) != 0)
        failed = fault_errno(fault, errno, "%s: sync", place->parent);
    sys.close(parent);
    return failed;
}

int publish_reveal(const struct publish_place *place, int fd, struct fault *fault)
{
    if (sys.fsync(fd) != 0)
        return fault_errno(fault, errno, "%s/%s: sync", place->parent, place->hidden);
    int parent = open_parent(place, fault), failed = 0;
    if (parent < 0)
        return -1;
    if (sys.rename(parent, place->hidden, parent, place->name) != 0)
        failed = fault_errno(fault, errno, "%s/%s: put in place", place->parent, place->name);
    else if (sys.fsync(parent) != 0) {
        failed = fault_errno(fault, errno, "%s: sync", place->parent);
        (void)sys.rename(parent, place->name, parent, place->hidden); /* so that the command can be given again */
    }
    sys.close(parent);
    return failed;
}

int publish_abandon(const struct publish_place *place)
{
    int parent = sys.open(AT_FDCWD, place->parent, O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0)
        return errno == ENOENT ? 0 : -1;
    int failed = remove_hidden(parent, place->hidden);
    sys.close(parent);
    return failed;
}

/* ---- what a killed process left ---- */

static bool note_path(const char *store_dir, char path[4200])
{
    return snprintf(path, 4200, "%s/hidden", store_dir) < 4200;
}

int publish_note(const char *store_dir, const struct publish_place *place, struct fault *fault)
{
    char path[4200];
    if (!note_path(store_dir, path))
        return fault_set(fault, FAULT_USAGE, "%s: path too long", store_dir);
    int fd = sys.open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", path);
    int failed = sys_write_all(fd, place, sizeof *place, 0) ? fault_errno(fault, errno, "%s: write", path) : 0;
    sys.close(fd);
    return failed;
}

int publish_clear_noted(const char *store_dir, struct fault *fault)
{
    char path[4200];
    struct publish_place place;
    if (!note_path(store_dir, path))
        return fault_set(fault, FAULT_USAGE, "%s: path too long", store_dir);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return errno == ENOENT ? 0 : fault_errno(fault, errno, "%s: open", path);
    ssize_t size = sys_read_all(fd, &place, sizeof place, 0);
    int error = errno;
    sys.close(fd);
    if (size < 0)
        return fault_errno(fault, error, "%s: read", path);
    if (size < (ssize_t)sizeof place || !publish_place_is_sound(&place) || publish_abandon(&place) == 0)
        (void)sys.unlink(AT_FDCWD, path, 0);
    return 0;
}
