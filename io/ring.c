/* ring.c - see ring.h.  A fixed set of requests; a request leaves only when it is whole, at its end or
 * failed.
 *
 *   ring_read/write/fsync -> take a free request -> start it
 *   ring_wait -> one step of the backend -> request whole? hand it out : start what is left of it
 *
 * The plain backend starts nothing: it does the oldest request when somebody waits, so that a read is hot
 * when it comes. */
#include "io/ring.h"

#include "engine/check.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP_MAX                                                                                             \
    ((size_t)1 << 30)   /* bytes a single call is asked for; the kernel's own limit is just under 2 GiB */
#define RETRIES_MAX 100 /* interrupted or refused that often without a byte moved: believe it */

struct request {
    uint64_t tag;
    char *buffer; /* written to the file only where op is RING_WRITE */
    size_t size, done;
    off_t offset;
    int fd;
    enum ring_op op;
    unsigned retries;
};

struct ring {
    struct io_uring uring;
    bool plain;
    unsigned in_flight;
    struct request requests[RING_DEPTH];
    uint8_t idle[RING_DEPTH]; /* stack of free requests */
    uint8_t line[RING_DEPTH]; /* plain: requests in flight, a queue from `first` on */
    unsigned first;
};

ssize_t (*ring_fault_hook)(enum ring_op op, int fd, size_t size, ssize_t result);

static int queue(struct ring *ring, enum ring_op op, int fd, void *buffer, size_t size, off_t offset,
                 uint64_t tag);
static int wait_plain(struct ring *ring, struct ring_done *ret_done);
static int wait_uring(struct ring *ring, struct ring_done *ret_done);
static bool uring_open(struct io_uring *uring);
static void uring_start(struct ring *ring, struct request *request);
static bool step_done(struct request *request, ssize_t moved, ssize_t *ret_result);

int ring_open(struct ring **ret_ring, bool plain)
{
    struct ring *ring = sys.alloc(sizeof *ring);
    if (ring == NULL)
        return -ENOMEM;
    memset(ring, 0, sizeof *ring);
    for (unsigned i = 0; i < RING_DEPTH; i++)
        ring->idle[i] = (uint8_t)(RING_DEPTH - 1 - i);
    const char *wish = getenv("BESIK_IO");
    ring->plain = plain || (wish != NULL && strcmp(wish, "plain") == 0) || !uring_open(&ring->uring);
    *ret_ring = ring;
    return 0;
}

void ring_close(struct ring *ring)
{
    if (ring == NULL)
        return;
    struct ring_done done;
    while (ring->in_flight > 0 && ring_wait(ring, &done) == 0)
        ;
    if (!ring->plain)
        io_uring_queue_exit(&ring->uring);
    sys.free(ring);
}

bool ring_is_plain(const struct ring *ring)
{
    return ring->plain;
}

unsigned ring_in_flight(const struct ring *ring)
{
    return ring->in_flight;
}

int ring_read(struct ring *ring, int fd, void *buffer, size_t size, off_t offset, uint64_t tag)
{
    return queue(ring, RING_READ, fd, buffer, size, offset, tag);
}

int ring_write(struct ring *ring, int fd, const void *buffer, size_t size, off_t offset, uint64_t tag)
{
    return queue(ring, RING_WRITE, fd, (void *)(uintptr_t)buffer, size, offset, tag);
}

int ring_fsync(struct ring *ring, int fd, uint64_t tag)
{
    return queue(ring, RING_FSYNC, fd, NULL, 0, 0, tag);
}

int ring_wait(struct ring *ring, struct ring_done *ret_done)
{
    if (ring->in_flight == 0)
        return -ENOENT;
    return ring->plain ? wait_plain(ring, ret_done) : wait_uring(ring, ret_done);
}

int ring_settle(struct ring *ring)
{
    struct ring_done done;
    int error = ring_wait(ring, &done);
    if (error != 0)
        return error;
    struct ring_slot *slot = (struct ring_slot *)(uintptr_t)done.tag;
    slot->result = done.result;
    slot->in_flight = false;
    return 0;
}

static int queue(struct ring *ring, enum ring_op op, int fd, void *buffer, size_t size, off_t offset,
                 uint64_t tag)
{
    if (ring->in_flight == RING_DEPTH)
        return -EAGAIN;
    unsigned index = ring->idle[RING_DEPTH - 1 - ring->in_flight];
    struct request *request = &ring->requests[index];
    *request =
        (struct request){.tag = tag, .buffer = buffer, .size = size, .offset = offset, .fd = fd, .op = op};
    if (ring->plain)
        ring->line[(ring->first + ring->in_flight) % RING_DEPTH] = (uint8_t)index;
    ring->in_flight++;
    if (!ring->plain) {
        uring_start(ring, request);
        /* What is refused now stays in the queue and is given again by whoever waits. */
        (void)io_uring_submit(&ring->uring);
    }
    return 0;
}

static void release(struct ring *ring, struct request *request)
{
    ring->in_flight--;
    ring->idle[RING_DEPTH - 1 - ring->in_flight] = (uint8_t)(request - ring->requests);
}

/* Takes in what one call moved (or -errno). True where the request is over, with its result. */
static bool step_done(struct request *request, ssize_t moved, ssize_t *ret_result)
{
    if (request->op == RING_FSYNC) { /* never again: after a failure the kernel may have dropped the pages */
        *ret_result = moved;
        return true;
    }
    bool again =
        moved == -EINTR || moved == -EAGAIN || (moved == 0 && request->op == RING_WRITE && request->size > 0);
    if (again && ++request->retries <= RETRIES_MAX)
        return false;
    if (moved < 0 || again) {
        *ret_result = moved < 0 ? moved : -EIO;
        return true;
    }
    if (moved > 0)
        request->retries = 0;
    request->done += (size_t)moved;
    *ret_result = (ssize_t)request->done;
    return moved == 0 || request->done >= request->size;
}

static size_t step_size(const struct request *request)
{
    size_t left = request->size - request->done;
    return left < STEP_MAX ? left : STEP_MAX;
}

/* ---- plain ---- */

static ssize_t plain_step(const struct request *request)
{
    off_t offset = request->offset + (off_t)request->done;
    ssize_t moved = -1;
    switch (request->op) {
    case RING_READ:
        moved = sys.pread(request->fd, request->buffer + request->done, step_size(request), offset);
        break;
    case RING_WRITE:
        moved = sys.pwrite(request->fd, request->buffer + request->done, step_size(request), offset);
        break;
    case RING_FSYNC:
        moved = sys.fsync(request->fd);
        break;
    }
    return moved < 0 ? -errno : moved;
}

static int wait_plain(struct ring *ring, struct ring_done *ret_done)
{
    struct request *request = &ring->requests[ring->line[ring->first]];
    ssize_t result;
    while (!step_done(request, plain_step(request), &result))
        ;
    *ret_done = (struct ring_done){.tag = request->tag, .result = result};
    ring->first = (ring->first + 1) % RING_DEPTH;
    release(ring, request);
    return 0;
}

/* ---- io_uring ---- */

/* Rings go past a filter of system calls: this one will read, write and sync for ever, and nothing else. Kernels before 5.10
 * do not know that. */
static bool uring_restrict(struct io_uring *uring)
{
    struct io_uring_restriction allowed[] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READ},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITE},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC},
    };
    /* Debian 12's liburing declares these two, but has them not */
    return syscall(__NR_io_uring_register, uring->ring_fd, IORING_REGISTER_RESTRICTIONS, allowed,
                   sizeof allowed / sizeof *allowed) == 0 &&
           syscall(__NR_io_uring_register, uring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) == 0;
}

static bool uring_open(struct io_uring *uring)
{
    /* Older kernels answer EINVAL to a flag that they do not know. Refused altogether (EPERM, ENOSYS …) we
     * are plain. */
    static const unsigned FLAGS[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED,
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED, IORING_SETUP_R_DISABLED};
    int error = -EINVAL;
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS && error == -EINVAL; i++)
        error = io_uring_queue_init(RING_DEPTH, uring, FLAGS[i]);
    if (error != 0)
        return false;
    struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
    bool able = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_READ) &&
                io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
                io_uring_opcode_supported(probe, IORING_OP_FSYNC);
    if (probe != NULL)
        io_uring_free_probe(probe);
    able = able && uring_restrict(uring); /* where it cannot be held to that, plain calls are as good */
    if (!able)
        io_uring_queue_exit(uring);
    return able;
}

/* Puts (the rest of) a request into the submission queue. */
static void uring_start(struct ring *ring, struct request *request)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    CHECK(sqe != NULL); /* as many entries as requests, and a request has one at most */
    unsigned size = (unsigned)step_size(request);
    uint64_t offset = (uint64_t)request->offset + request->done;
    switch (request->op) {
    case RING_READ:
        io_uring_prep_read(sqe, request->fd, request->buffer + request->done, size, offset);
        break;
    case RING_WRITE:
        io_uring_prep_write(sqe, request->fd, request->buffer + request->done, size, offset);
        break;
    case RING_FSYNC:
        io_uring_prep_fsync(sqe, request->fd, 0);
        break;
    }
    io_uring_sqe_set_data(sqe, request);
}

static int wait_uring(struct ring *ring, struct ring_done *ret_done)
{
    unsigned refused = 0;
    for (;;) {
        struct io_uring_cqe *cqe = NULL;
        if (io_uring_peek_cqe(&ring->uring, &cqe) != 0 || cqe == NULL) {
            int error = io_uring_submit_and_wait(&ring->uring, 1);
            if (error < 0 &&
                ((error != -EINTR && error != -EAGAIN && error != -EBUSY) || ++refused > RETRIES_MAX))
                return error;
            continue;
        }
        struct request *request = io_uring_cqe_get_data(cqe);
        ssize_t moved = cqe->res;
        io_uring_cqe_seen(&ring->uring, cqe);
        if (ring_fault_hook != NULL)
            moved = ring_fault_hook(request->op, request->fd, step_size(request), moved);
        ssize_t result;
        if (!step_done(request, moved, &result)) {
            uring_start(ring, request);
            continue;
        }
        *ret_done = (struct ring_done){.tag = request->tag, .result = result};
        release(ring, request);
        return 0;
    }
}
