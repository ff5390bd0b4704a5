/* store_copy.c - a store's own copy: key, lock and LMDB's file, without free pages. See store.h. */
#include "store/store.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>

static int copy_file(int folder_fd, const char *name, const void *data, size_t size, struct fault *fault)
{
    int fd = sys.open(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", name);
    int failed = 0;
    if (sys_write_all(fd, data, size, 0) != 0 || sys.fsync(fd) != 0)
        failed = fault_errno(fault, errno, "%s: write", name);
    sys.close(fd);
    return failed;
}

int store_copy(const struct store *store, int folder_fd, uint64_t *ret_bytes, struct fault *fault)
{
    static const char ZEROS[DB_LOCK_FILE_SIZE];
    struct stat stat;
    if (copy_file(folder_fd, "key", store->key, STORE_KEY_SIZE, fault) || copy_file(folder_fd, "lock", NULL, 0, fault) ||
        copy_file(folder_fd, "lock.mdb", ZEROS, sizeof ZEROS, fault))
        return -1;
    int fd = sys.open(folder_fd, "data.mdb", O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "data.mdb: make");
    int error = mdb_env_copyfd2(store->db.env, fd, MDB_CP_COMPACT); /* without free pages: nothing old is in them */
    int failed = error ? db_fault(fault, error, "copy") : 0;
    if (!failed && (sys.fsync(fd) != 0 || sys.fstat(fd, &stat) != 0))
        failed = fault_errno(fault, errno, "data.mdb: sync");
    *ret_bytes = failed ? 0 : (uint64_t)stat.st_size;
    sys.close(fd);
    return failed;
}
