/* walk.c - see walk.h.  A folder is read whole, its names sorted, then taken one by one: no folder stays open
 * while the folders in it are read, so depth costs no descriptors. */
#include "io/walk.h"

#include "engine/span.h"
#include "engine/sys/list.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct found {
    struct walk_file file;
    uint32_t order; /* in which it was met */
};

struct gather {
    struct found *found;
    uint32_t count, capacity;
    struct flaws flaws;
    struct fault *fault;
};

struct entry {
    char *path;
    struct stat stat;
    bool is_link;
    int error; /* of stat, or 0 */
};

struct folder {
    struct entry *entries;
    uint32_t count, capacity;
};

static int take_argument(struct gather *gather, const char *path);
static int take_folder(struct gather *gather, const char *path, int flags);
static int take_file(struct gather *gather, const char *path, const struct stat *stat);
static int settle(struct gather *gather, struct walk *walk);

int walk_gather(struct walk *walk, char *const *paths, int path_count, struct fault *fault)
{
    *walk = (struct walk){0};
    struct gather gather = {.fault = fault};
    int result = 0;
    for (int i = 0; i < path_count && result == 0; i++)
        result = take_argument(&gather, paths[i]);
    if (result == 0)
        result = settle(&gather, walk);
    if (result == 0)
        walk->flaws = gather.flaws;
    else
        flaws_free(&gather.flaws);
    for (uint32_t i = 0; i < gather.count; i++)
        sys.free(gather.found[i].file.name);
    sys.free(gather.found);
    return result;
}

void walk_free(struct walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++)
        sys.free(walk->files[i].name);
    sys.free(walk->files);
    flaws_free(&walk->flaws);
    *walk = (struct walk){0};
}

/* What the people who gave the files can mend is a flaw, and the listing goes on (0); the rest stops it (-1). */
static int refuse(struct gather *gather, const char *path, int error)
{
    char text[sizeof gather->fault->text / 2];
    if (error && !fault_of_path(error))
        return fault_errno(gather->fault, error, "%s: look", path);
    snprintf(text, sizeof text, "%s: %s", path, !error ? "not a plain file" : error == ENOENT ? "no such file or folder" : strerror(error));
    return flaws_add(&gather->flaws, path, text, gather->fault);
}

/* What a command line names is followed, be it a link to a file or to a folder. */
static int take_argument(struct gather *gather, const char *path)
{
    struct stat stat;
    if (sys.stat(AT_FDCWD, path, &stat, 0) != 0)
        return refuse(gather, path, errno);
    if (S_ISDIR(stat.st_mode))
        return take_folder(gather, path, 0);
    return S_ISREG(stat.st_mode) ? take_file(gather, path, &stat) : refuse(gather, path, 0);
}

static char *join(const char *folder, const char *name)
{
    size_t head = strlen(folder), tail = strlen(name);
    while (head > 0 && folder[head - 1] == '/')
        head--;
    char *path = sys.alloc(head + tail + 2);
    if (path == NULL)
        return NULL;
    memcpy(path, folder, head);
    path[head] = '/';
    memcpy(path + head + 1, name, tail + 1);
    return path;
}

static int take_file(struct gather *gather, const char *path, const struct stat *stat)
{
    if (list_grow(&gather->found, &gather->capacity, gather->count + 1ull, gather->fault))
        return -1;
    size_t size = strlen(path) + 1;
    char *name = sys.alloc(size);
    if (name == NULL)
        return fault_memory(gather->fault);
    memcpy(name, path, size);
    gather->found[gather->count] = (struct found){
        .file = {.name = name, .size = stat->st_size, .device = stat->st_dev, .inode = stat->st_ino},
        .order = gather->count};
    gather->count++;
    return 0;
}

/* ---- folders ---- */

static int folder_add(struct gather *gather, struct folder *folder, int dir_fd, const char *path,
                      const char *name)
{
    if (list_grow(&folder->entries, &folder->capacity, folder->count + 1ull, gather->fault))
        return -1;
    struct entry *entry = &folder->entries[folder->count];
    *entry = (struct entry){.path = join(path, name)};
    if (entry->path == NULL)
        return fault_memory(gather->fault);
    folder->count++;
    int failed = sys.stat(dir_fd, name, &entry->stat, AT_SYMLINK_NOFOLLOW);
    entry->is_link = failed == 0 && S_ISLNK(entry->stat.st_mode);
    if (entry->is_link)
        failed = sys.stat(dir_fd, name, &entry->stat, 0);
    entry->error = failed ? errno : 0;
    return 0;
}

/* Names and kinds of all that is in a folder; closes `dir`. */
static int folder_read(struct gather *gather, struct folder *folder, DIR *dir, const char *path)
{
    int result = 0, error = 0;
    for (const char *name; result == 0 && (name = sys_next_name(dir, &error));)
        if (name[0] != '.')
            result = folder_add(gather, folder, dirfd(dir), path, name);
    (void)sys.closedir(dir);
    return error ? fault_errno(gather->fault, error, "%s: read", path) : result;
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path,
                  ((const struct entry *)b)->path); /* as bytes: strcmp is unsigned */
}

static int take_folder(struct gather *gather, const char *path, int flags)
{
    DIR *dir = sys.opendir(AT_FDCWD, path, flags);
    if (dir == NULL)
        return refuse(gather, path, errno);
    struct folder folder = {0};
    int result = folder_read(gather, &folder, dir, path);
    if (folder.count > 1)
        qsort(folder.entries, folder.count, sizeof *folder.entries, entry_order);
    for (size_t i = 0; i < folder.count && result == 0; i++) {
        const struct entry *entry = &folder.entries[i];
        if (entry->error != 0)
            result = refuse(gather, entry->path, entry->error);
        else if (S_ISREG(entry->stat.st_mode))
            result = take_file(gather, entry->path, &entry->stat);
        else if (!S_ISDIR(entry->stat.st_mode))
            result = refuse(gather, entry->path, 0);
        else if (!entry->is_link)
            result = take_folder(gather, entry->path, O_NOFOLLOW);
    }
    for (size_t i = 0; i < folder.count; i++)
        sys.free(folder.entries[i].path);
    sys.free(folder.entries);
    return result;
}

/* ---- each file once, in the order of names ---- */

static int inode_order(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = COMPARE(x->file.device, y->file.device);
    if (!order)
        order = COMPARE(x->file.inode, y->file.inode);
    return order ? order : COMPARE(x->order, y->order);
}

static int name_order(const void *a, const void *b)
{
    return strcmp(((const struct walk_file *)a)->name, ((const struct walk_file *)b)->name);
}

static int settle(struct gather *gather, struct walk *walk)
{
    if (gather->count == 0)
        return 0;
    struct walk_file *files = sys.alloc(gather->count * sizeof *files);
    if (files == NULL)
        return fault_memory(gather->fault);
    qsort(gather->found, gather->count, sizeof *gather->found, inode_order);
    uint32_t count = 0;
    for (uint32_t i = 0; i < gather->count; i++) {
        struct walk_file *file = &gather->found[i].file;
        if (count > 0 && files[count - 1].device == file->device && files[count - 1].inode == file->inode)
            continue;
        files[count++] = *file;
        file->name = NULL; /* handed over */
    }
    qsort(files, count, sizeof *files, name_order);
    *walk = (struct walk){.files = files, .count = count};
    return 0;
}
