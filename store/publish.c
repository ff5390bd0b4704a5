/* publish.c - see publish.h. */
#include "store/publish.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int publish_place(struct publish_place *place, const char *folder, uint32_t run, struct fault *fault)
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
    if (snprintf(place->hidden, sizeof place->hidden, ".%s.besik-%u.tmp", place->name, run) > 255)
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

static bool is_plain_name(const char *name, size_t room)
{
    return memchr(name, 0, room) && *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool publish_place_is_sound(const struct publish_place *place)
{
    size_t size = strnlen(place->name, sizeof place->name);
    bool plain = memchr(place->parent, 0, sizeof place->parent) && place->parent[0] == '/' &&
                 is_plain_name(place->name, sizeof place->name) && is_plain_name(place->hidden, sizeof place->hidden);
    return plain && place->hidden[0] == '.' && strncmp(place->hidden + 1, place->name, size) == 0 &&
           strncmp(place->hidden + 1 + size, ".besik-", strlen(".besik-")) == 0;
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
    return publish_place(place, folder, 0, fault);
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

int publish_finish(const struct publish_place *place, struct fault *fault)
{
    int parent = open_parent(place, fault), failed = 0;
    if (parent < 0)
        return -1;
    /* The hidden folder was made durable before the run took effect: where it is not there, it was renamed before. */
    if (sys.rename(parent, place->hidden, parent, place->name) != 0 && errno != ENOENT)
        failed = fault_errno(fault, errno,
                             "%s/%s: the run took effect, but its folder cannot be put in place from %s; make room for it and "
                             "give the command again",
                             place->parent, place->name, place->hidden);
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

void publish_abandon(const struct publish_place *place)
{
    struct fault ignored = {0};
    int parent = open_parent(place, &ignored);
    if (parent < 0)
        return;
    (void)remove_hidden(parent, place->hidden);
    sys.close(parent);
}
