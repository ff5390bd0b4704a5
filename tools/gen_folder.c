/* gen_folder.c - see gen_folder.h. */
#include "tools/gen_folder.h"

#include "engine/sys/list.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_SIZE 27 /* of SMS and requests */

/* The night of a run, by its as-of: the one that is over by then. */
static int read_night(struct gen_folder *folder, const char *dir, struct fault *fault)
{
    char path[4200], head[1024], as_of[64];
    snprintf(path, sizeof path, "%s/run.json", dir);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY, 0);
    if (fd < 0)
        return fault_of_path(errno) ? fault_set(fault, FAULT_USAGE, "%s: is no folder of a run: no run.json in it", dir)
                                    : fault_errno(fault, errno, "%s: open", path);
    ssize_t size = sys_read_all(fd, head, sizeof head - 1, 0);
    sys.close(fd);
    if (size < 0)
        return fault_errno(fault, errno, "%s: read", path);
    head[size] = 0;
    int64_t ms;
    if (sscanf(head, "{\"besik\": 1, \"run\": %*u, \"as_of\": \"%63[^\"]\"", as_of) != 1 || !value_time(span_of(as_of), &ms))
        return fault_set(fault, FAULT_INPUT, "%s: is no run.json of besik", path);
    if (ms < gen_as_of(0) || ms >= gen_as_of(GEN_DAYS_MAX))
        return fault_set(fault, FAULT_USAGE,
                         "%s: the run's as-of must lie within %d days from 2026-03-01 22:00 on, as besik gen told", path,
                         GEN_DAYS_MAX);
    folder->night = (uint32_t)((ms - GEN_BEGIN_MS) / DAY_MS);
    return 0;
}

static int operator_of(const struct gen *gen, struct span code)
{
    for (uint32_t id = 0; id < gen->ref->operator_count; id++)
        if (span_equal(gen->ref->operators[id].code, code))
            return (int)id;
    return -1;
}

/* Is it a file to answer, and whose? */
static bool is_ours(const struct gen *gen, const char *name, bool *ret_requests, uint16_t *ret_party)
{
    size_t size = strlen(name);
    if (strncmp(name, "outbound-", 9) == 0 && size > 13 && strcmp(name + size - 4, ".csv") == 0) {
        int id = operator_of(gen, (struct span){name + 9, size - 13});
        *ret_requests = false;
        *ret_party = (uint16_t)id;
        return id >= 0;
    }
    for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "requests-%s.ndjson", AGENCY_WORDS[agency]);
        *ret_requests = true;
        *ret_party = (uint16_t)agency;
        if (strcmp(name, wanted) == 0)
            return true;
    }
    return false;
}

static int map_file(struct gen_run_file *file, const char *dir, struct fault *fault)
{
    char path[4500];
    struct stat stat;
    snprintf(path, sizeof path, "%s/%s", dir, file->name);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0 || sys.fstat(fd, &stat) != 0) {
        int error = errno;
        if (fd >= 0)
            sys.close(fd);
        return fault_errno(fault, error, "%s: open", path);
    }
    file->size = (size_t)stat.st_size;
    file->data = file->size ? sys.map_file(fd, file->size, false) : NULL;
    int error = errno;
    sys.close(fd);
    return file->data || !file->size ? 0 : fault_errno(fault, error, "%s: read", path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct gen_run_file *)a)->name, ((const struct gen_run_file *)b)->name);
}

static int add_file(struct gen_folder *folder, const char *name, struct fault *fault)
{
    struct gen_run_file file = {0};
    if (!is_ours(folder->gen, name, &file.requests, &file.party))
        return 0;
    if (list_grow(&folder->files, &folder->capacity, folder->count + 1ull, fault))
        return -1;
    file.name = sys.alloc(strlen(name) + 1);
    if (!file.name)
        return fault_memory(fault);
    memcpy(file.name, name, strlen(name) + 1);
    folder->files[folder->count++] = file;
    return 0;
}

int gen_folder_open(struct gen_folder *folder, const char *dir, struct fault *fault)
{
    if (read_night(folder, dir, fault))
        return -1;
    DIR *opened = sys.opendir(AT_FDCWD, dir, 0);
    if (!opened)
        return fault_errno(fault, errno, "%s: open", dir);
    int failed = 0, error = 0;
    for (const char *name; !failed && (name = sys_next_name(opened, &error));)
        failed = add_file(folder, name, fault);
    sys.closedir(opened);
    if (error)
        return fault_errno(fault, error, "%s: read", dir);
    if (failed)
        return -1;
    if (folder->count)
        qsort(folder->files, folder->count, sizeof *folder->files, by_name);
    for (uint32_t i = 0; i < folder->count; i++) {
        struct gen_run_file *file = &folder->files[i];
        if (map_file(file, dir, fault))
            return -1;
        file->first_task = folder->tasks;
        folder->tasks += (uint32_t)((file->size + GEN_RANGE_SIZE - 1) / GEN_RANGE_SIZE);
    }
    return 0;
}

void gen_folder_close(struct gen_folder *folder)
{
    for (uint32_t i = 0; i < folder->count; i++) {
        if (folder->files[i].data)
            sys.unmap((void *)folder->files[i].data, folder->files[i].size);
        sys.free(folder->files[i].name);
    }
    sys.free(folder->files);
}

/* Does a record of outbound begin here? No text holds such a line. */
static bool begins_record(const struct gen_run_file *file, size_t at)
{
    if (at + ID_SIZE + 2 > file->size || file->data[at] != 's' || memcmp(file->data + at + ID_SIZE, ",7", 2) != 0)
        return false;
    for (size_t i = at; i < at + ID_SIZE; i++)
        if (!((file->data[i] >= '0' && file->data[i] <= '9') || (file->data[i] >= 'a' && file->data[i] <= 'z')))
            return false;
    return true;
}

size_t gen_record_from(const struct gen_run_file *file, size_t from)
{
    if (from >= file->size)
        return file->size;
    for (size_t at = from ? from - 1 : 0; at < file->size;) {
        const char *line = memchr(file->data + at, '\n', file->size - at);
        if (!line)
            return file->size;
        at = (size_t)(line - file->data) + 1;
        if (file->requests || at >= file->size || begins_record(file, at))
            return at;
    }
    return file->size;
}

const struct gen_run_file *gen_folder_file(const struct gen_folder *folder, uint32_t task, uint32_t *ret_place)
{
    uint32_t i = folder->count - 1;
    while (folder->files[i].first_task > task || !folder->files[i].size)
        i--;
    *ret_place = i;
    return &folder->files[i];
}
