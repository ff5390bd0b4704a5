/* output.c - see output.h.  Appended bytes fill a block; a full block is hashed and written while the next
 * one fills. Blocks are allocated when they are first needed, and are touched only as far as they are filled.
 *
 *   file   | block 0 | block 1 | block 2 | …     block n of the file lies in buffer n % BLOCKS
 *            synced ->   in flight ->  ^ filling */
#include "io/output.h"

#include "engine/sys/hash.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define BLOCKS 4u
#define BLOCK_SIZE ((size_t)256 << 10)
#define DIRECT_ALIGN ((size_t)4096) /* of memory, offset and size where the page cache is passed by */
#define SYNC_SIZE                                                                                            \
    ((uint64_t)8 << 20) /* write-back is begun in strides of this, so that fsync finds little to do */

struct block {
    char *room; /* what is to be freed */
    char *data; /* aligned, in it */
    uint64_t offset;
    size_t size; /* as submitted */
    bool direct;
    struct ring_slot slot;
};

struct output {
    struct ring *ring;
    XXH3_state_t *hash;
    int fd;
    bool failed, finished;
    bool direct, no_direct; /* the page cache is passed by now; it can't be */
    struct block blocks[BLOCKS];
    unsigned current;
    size_t filled;      /* of the current block */
    uint64_t submitted; /* bytes given to the ring */
    uint64_t synced;    /* write-back begun up to here */
    struct ring_slot sync;
    struct output_watch watch; /* .watch NULL: nobody */
    char name[];
};

static int submit(struct output *output, struct fault *fault);
static int claim(struct output *output, struct block *block, struct fault *fault);
static int settle(struct output *output, struct block *block, struct fault *fault);
static void sync_behind(struct output *output);
static void choose_way(struct output *output, bool direct);
static int start_write(struct output *output, struct block *block, struct fault *fault);
static int fail(struct output *output, int error, const char *doing, struct fault *fault);

int output_open(struct output **ret_output, struct ring *ring, int dir_fd, const char *name,
                struct fault *fault)
{
    size_t name_size = strlen(name) + 1;
    struct output *output = sys.alloc(sizeof *output + name_size);
    if (output == NULL)
        return fault_errno(fault, ENOMEM, "%s: write", name);
    memset(output, 0, sizeof *output);
    memcpy(output->name, name, name_size);
    output->ring = ring;
    output->hash = XXH3_createState();
    if (output->hash == NULL) {
        sys.free(output);
        return fault_errno(fault, ENOMEM, "%s: write", name);
    }
    (void)XXH3_128bits_reset(output->hash);
    output->fd = sys.open(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (output->fd < 0) {
        (void)fail(output, errno, "create", fault);
        (void)XXH3_freeState(output->hash);
        sys.free(output);
        return -1;
    }
    *ret_output = output;
    return 0;
}

void output_watch(struct output *output, const struct output_watch *watch)
{
    output->watch = *watch;
}

int output_append(struct output *output, const void *data, size_t size, struct fault *fault)
{
    const char *left = data;
    while (size > 0) {
        if (output->failed)
            return -1;
        struct block *block = &output->blocks[output->current];
        if (output->filled == 0 && claim(output, block, fault) != 0)
            return -1;
        size_t room = BLOCK_SIZE - output->filled;
        size_t part = size < room ? size : room;
        memcpy(block->data + output->filled, left, part);
        output->filled += part;
        left += part;
        size -= part;
        if (output->filled == BLOCK_SIZE && submit(output, fault) != 0)
            return -1;
    }
    return output->failed ? -1 : 0;
}

int output_finish(struct output *output, struct fault *fault)
{
    if (output->failed || output->finished)
        return output->failed ? -1 : 0;
    if (output->filled > 0 && submit(output, fault) != 0)
        return -1;
    for (unsigned i = 0; i < BLOCKS; i++)
        if (settle(output, &output->blocks[i], fault) != 0)
            return -1;
    struct ring_slot *slot = &output->sync;
    int error;
    while ((error = ring_fsync(output->ring, output->fd, RING_TAG(slot))) == -EAGAIN)
        if ((error = ring_settle(output->ring)) != 0)
            break;
    slot->in_flight = error == 0;
    while (slot->in_flight && error == 0)
        error = ring_settle(output->ring);
    if (error != 0 || slot->result < 0)
        return fail(output, error != 0 ? error : (int)slot->result, "sync", fault);
    output->finished = true;
    return 0;
}

uint64_t output_bytes(const struct output *output)
{
    return output->submitted + output->filled;
}

XXH128_hash_t output_hash(const struct output *output)
{
    return XXH3_128bits_digest(output->hash);
}

void output_close(struct output *output)
{
    if (output == NULL)
        return;
    bool idle = true;
    while (idle && output->sync.in_flight)
        idle = ring_settle(output->ring) == 0;
    for (unsigned i = 0; i < BLOCKS; i++)
        while (idle && output->blocks[i].slot.in_flight)
            idle = ring_settle(output->ring) == 0;
    (void)sys.close(output->fd);
    (void)XXH3_freeState(output->hash);
    if (!idle) /* the ring broke down, and the kernel may still read the blocks: leave them */
        return;
    for (unsigned i = 0; i < BLOCKS; i++)
        sys.free(output->blocks[i].room);
    sys.free(output);
}

static int fail(struct output *output, int error, const char *doing, struct fault *fault)
{
    output->failed = true;
    error = error < 0 ? -error : error;
    if (error == ENOSPC || error == EDQUOT)
        return fault_set(fault, FAULT_FAILED, "%s: the disk is full: make room and give the command again",
                         output->name);
    return fault_errno(fault, error, "%s: %s", output->name, doing);
}

/* Whole blocks pass the page cache by: the kernel's copies of them were a tenth of a bulk run. Best effort: what the file system
 * does not take, and a file's end, goes through the cache. */
static void choose_way(struct output *output, bool direct)
{
    if (direct == output->direct || (direct && (output->no_direct || output->submitted % BLOCK_SIZE)))
        return;
    int flags = fcntl(output->fd, F_GETFL);
    if (flags >= 0 && fcntl(output->fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0)
        output->direct = direct;
}

static int start_write(struct output *output, struct block *block, struct fault *fault)
{
    int error;
    while ((error = ring_write(output->ring, output->fd, block->data, block->size, (off_t)block->offset,
                               RING_TAG(&block->slot))) == -EAGAIN)
        if ((error = ring_settle(output->ring)) != 0) /* full of others' work: make room */
            break;
    if (error != 0)
        return fail(output, error, "write", fault);
    block->slot = (struct ring_slot){.in_flight = true};
    return 0;
}

/* Gives the current block to the ring and goes on to the next. */
static int submit(struct output *output, struct fault *fault)
{
    struct block *block = &output->blocks[output->current];
    choose_way(output, output->filled == BLOCK_SIZE);
    block->offset = output->submitted;
    block->size = output->filled;
    (void)XXH3_128bits_update(output->hash, block->data, block->size);
    const struct output_watch *watch = &output->watch;
    if (watch->watch != NULL && watch->watch(watch->context, watch->file, output->name, block->offset / BLOCK_SIZE, block->data,
                                             block->size, fault) != 0) {
        output->failed = true;
        return -1;
    }
    block->direct = output->direct;
    if (start_write(output, block, fault) != 0)
        return -1;
    output->submitted += output->filled;
    output->filled = 0;
    output->current = (output->current + 1) % BLOCKS;
    return 0;
}

/* Makes a block ready to be filled: allocated, and what it held before is written. */
static int claim(struct output *output, struct block *block, struct fault *fault)
{
    if (block->data == NULL) {
        block->room = sys.alloc(BLOCK_SIZE + DIRECT_ALIGN);
        if (block->room == NULL)
            return fail(output, ENOMEM, "write", fault);
        block->data = block->room + (-(uintptr_t)block->room & (DIRECT_ALIGN - 1));
        return 0;
    }
    if (settle(output, block, fault) != 0)
        return -1;
    sync_behind(output);
    return 0;
}

static int wait_for(struct output *output, const struct block *block, struct fault *fault)
{
    while (block->slot.in_flight) {
        int error = ring_settle(output->ring);
        if (error != 0)
            return fail(output, error, "write", fault);
    }
    return 0;
}

/* Waits for a block's write, if it has one, and looks at what came of it. */
static int settle(struct output *output, struct block *block, struct fault *fault)
{
    if (wait_for(output, block, fault) != 0)
        return -1;
    if (block->slot.result == -EINVAL && block->direct) { /* the file system took the flag, but not such a write */
        choose_way(output, false);
        output->no_direct = true;
        block->direct = false;
        if (start_write(output, block, fault) != 0 || wait_for(output, block, fault) != 0)
            return -1;
    }
    if (block->slot.result < 0)
        return fail(output, (int)block->slot.result, "write", fault);
    return (size_t)block->slot.result == block->size ? 0 : fail(output, EIO, "write", fault);
}

static void sync_behind(struct output *output)
{
    uint64_t written = output->submitted;
    for (unsigned i = 0; i < BLOCKS; i++)
        if (output->blocks[i].slot.in_flight && output->blocks[i].offset < written)
            written = output->blocks[i].offset;
    if (written - output->synced < SYNC_SIZE)
        return;
    (void)sys.sync_range(output->fd, (off_t)output->synced,
                         (off_t)(written - output->synced)); /* best effort */
    output->synced = written;
}
