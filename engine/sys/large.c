/* large.c - see large.h.
 *
 *   a large block:  | head | bytes …          page-aligned, its pages anonymous, or a range of the file
 *
 * The file only grows: a range that is given back becomes a hole. A block that outgrows its range gets another one behind. */
#include "engine/sys/large.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PAGE ((size_t)4096)
#define MAGIC UINT64_C(0x6c61726765206d65)

struct head {
    uint64_t magic; /* ^ the block's own address: no other bytes are taken for a head */
    size_t size;    /* of the mapping */
    uint64_t offset; /* in the file, or ANONYMOUS */
    uint64_t reserved[5];
};
#define ANONYMOUS UINT64_MAX

/* The one thing here that all share, as malloc's own state is. */
static struct {
    atomic_bool on;
    atomic_ullong left;
    const char *dir;
    pthread_mutex_t lock; /* of the file */
    int fd;
    uint64_t file_size;
} account = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

void large_open(uint64_t limit, const char *dir)
{
    account.dir = dir;
    account.file_size = 0;
    atomic_store(&account.left, limit);
    atomic_store(&account.on, true);
}

void large_close(void)
{
    atomic_store(&account.on, false);
    if (account.fd >= 0)
        (void)sys.close(account.fd);
    account.fd = -1;
}

uint64_t large_in_file(void)
{
    return account.file_size;
}

bool large_charge(size_t size)
{
    if (!atomic_load(&account.on))
        return true;
    unsigned long long left = atomic_load(&account.left);
    do {
        if (left < size)
            return false;
    } while (!atomic_compare_exchange_weak(&account.left, &left, left - size));
    return true;
}

void large_discharge(size_t size)
{
    if (atomic_load(&account.on))
        atomic_fetch_add(&account.left, size);
}

/* ---- mappings ---- */

static void *in_file(size_t size, uint64_t *ret_offset)
{
    pthread_mutex_lock(&account.lock);
    if (account.fd < 0)
        account.fd = sys.open(AT_FDCWD, account.dir, O_TMPFILE | O_RDWR, 0600);
    int error = account.fd < 0 ? errno : 0;
    uint64_t offset = account.file_size;
    account.file_size += size;
    pthread_mutex_unlock(&account.lock);
    for (unsigned tries = 0; !error && (error = sys.reserve(account.fd, (off_t)offset, (off_t)size)) == EINTR && tries < 100; tries++)
        error = 0;
    void *block = error ? NULL : sys.map_shared(account.fd, (off_t)offset, size);
    if (!error && !block)
        error = errno;
    if (error) {
        errno = error;
        return NULL;
    }
    *ret_offset = offset;
    return block;
}

static void unmap(struct head *head)
{
    size_t size = head->size;
    uint64_t offset = head->offset;
    (void)sys.unmap(head, size);
    if (offset == ANONYMOUS)
        large_discharge(size);
    else if (account.fd >= 0)
        (void)sys.punch(account.fd, (off_t)offset, (off_t)size); /* at worst the space comes back at the end */
}

static void *map(size_t size)
{
    size = (size + sizeof(struct head) + PAGE - 1) & ~(PAGE - 1);
    uint64_t offset = ANONYMOUS;
    struct head *head = NULL;
    if (large_charge(size)) {
        head = sys.map(size);
        if (!head)
            large_discharge(size);
    } else {
        head = in_file(size, &offset);
    }
    if (!head)
        return NULL;
    *head = (struct head){.magic = MAGIC ^ (uint64_t)(uintptr_t)head, .size = size, .offset = offset};
    return head + 1;
}

/* The head of a large block, NULL where it is malloc's. What stands before malloc's may not be ours to read, say the
 * sanitizers; it is of the same page, and so is there. */
__attribute__((no_sanitize("address", "thread"))) static struct head *head_of(void *block)
{
    if (((uintptr_t)block & (PAGE - 1)) != sizeof(struct head))
        return NULL;
    struct head *head = (struct head *)block - 1;
    return head->magic == (MAGIC ^ (uint64_t)(uintptr_t)head) ? head : NULL;
}

/* ---- the calls ---- */

void *large_alloc(size_t size)
{
    return size < LARGE_MIN || !atomic_load(&account.on) ? malloc(size) : map(size);
}

void large_free(void *block)
{
    struct head *head = block ? head_of(block) : NULL;
    if (head)
        unmap(head);
    else
        free(block);
}

/* Anonymous pages are moved, not copied, while the account lasts. */
static void *grow(struct head *head, size_t size)
{
    size_t whole = (size + sizeof *head + PAGE - 1) & ~(PAGE - 1);
    if (whole <= head->size)
        return head + 1;
    if (head->offset != ANONYMOUS || !large_charge(whole - head->size))
        return NULL;
    struct head *moved = sys.remap(head, head->size, whole);
    if (!moved) {
        large_discharge(whole - head->size);
        return NULL;
    }
    moved->size = whole;
    moved->magic = MAGIC ^ (uint64_t)(uintptr_t)moved;
    return moved + 1;
}

void *large_realloc(void *block, size_t size)
{
    struct head *head = block ? head_of(block) : NULL;
    if (!head && (size < LARGE_MIN || !atomic_load(&account.on)))
        return realloc(block, size);
    void *grown = head ? grow(head, size) : NULL;
    if (grown)
        return grown;
    grown = map(size);
    if (!grown)
        return NULL;
    if (block) {
        size_t old = head ? head->size - sizeof *head : malloc_usable_size(block);
        memcpy(grown, block, old < size ? old : size);
        large_free(block);
    }
    return grown;
}
