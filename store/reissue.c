/* reissue.c - see reissue.h. */
#include "store/reissue.h"

#include "engine/sys/sys.h"
#include "store/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct reissue {
    const struct publish_place *place;
    struct fault *fault;
    int folder, fd; /* of the hidden folder, of the file at hand */
    char name[KEPT_NAME_MAX + 1];
    off_t at;
    uint32_t files;
};

static int end_file(struct reissue *reissue)
{
    if (reissue->fd < 0)
        return 0;
    int failed = sys.fsync(reissue->fd) ? fault_errno(reissue->fault, errno, "%s/%s: sync", reissue->place->hidden, reissue->name) : 0;
    sys.close(reissue->fd);
    reissue->fd = -1;
    return failed;
}

static int begin_file(struct reissue *reissue, struct span name)
{
    if (end_file(reissue))
        return -1;
    snprintf(reissue->name, sizeof reissue->name, "%.*s", (int)name.size, name.data);
    if (strchr(reissue->name, '/') || reissue->name[0] == '.')
        return db_damaged(reissue->fault, TABLE_FOLDERS);
    reissue->fd = sys.open(reissue->folder, reissue->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    reissue->at = 0;
    reissue->files++;
    return reissue->fd < 0 ? fault_errno(reissue->fault, errno, "%s/%s: make", reissue->place->hidden, reissue->name) : 0;
}

static int take(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context)
{
    struct reissue *reissue = context;
    (void)file;
    if (block == 0 && begin_file(reissue, name))
        return -1;
    if (sys_write_all(reissue->fd, bytes.data, bytes.size, reissue->at) != 0)
        return fault_errno(reissue->fault, errno, "%s/%s: write", reissue->place->hidden, reissue->name);
    reissue->at += (off_t)bytes.size;
    return 0;
}

int reissue_folder(const struct db *db, MDB_txn *txn, uint32_t run, const struct publish_place *place, int *ret_fd, uint32_t *ret_files,
                   struct fault *fault)
{
    struct reissue reissue = {.place = place, .fault = fault, .folder = -1, .fd = -1};
    if (publish_begin(place, &reissue.folder, fault))
        return -1;
    int there = kept_folder(db, txn, run, take, &reissue, fault);
    if (end_file(&reissue))
        there = -1;
    if (there) {
        sys.close(reissue.folder);
        (void)publish_abandon(place);
        return there;
    }
    *ret_fd = reissue.folder;
    *ret_files = reissue.files;
    return 0;
}
