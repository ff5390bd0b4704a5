/* ring.h - one worker's queue of reads and writes: io_uring where the kernel lets us, plain calls behind the same
 * interface where it does not (containers refuse it), with the same bytes.
 * Room: io.  Only ring.c includes <liburing.h>.  Thread: a ring belongs to the thread that opened it (SINGLE_ISSUER).
 * Errors: -errno.  A short read or write is completed inside (requeued) before it is handed out. */
#ifndef IO_RING_H
#define IO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RING_DEPTH 16

struct ring;

struct ring_done {
    uint64_t tag;  /* as given at submission */
    ssize_t result; /* bytes moved (less than asked only at the end of the file), or -errno */
};

/* plain forces pread/pwrite; so does BESIK_IO=plain in the environment (read once by ring_open). Returns 0 or -errno. */
int ring_open(struct ring **ret_ring, bool plain);
void ring_close(struct ring *ring); /* NULL is taken; waits for what is in flight */
bool ring_is_plain(const struct ring *ring);

/* Queue one operation. The buffer must live until its completion was taken. -EAGAIN where RING_DEPTH are in flight. */
int ring_read(struct ring *ring, int fd, void *buffer, size_t size, off_t offset, uint64_t tag);
int ring_write(struct ring *ring, int fd, const void *buffer, size_t size, off_t offset, uint64_t tag);
int ring_fsync(struct ring *ring, int fd, uint64_t tag);

unsigned ring_in_flight(const struct ring *ring);
/* Takes one completion, waiting for it. Returns 0, or -errno (-ENOENT where nothing is in flight). */
int ring_wait(struct ring *ring, struct ring_done *ret_done);

/* Where sources and outputs share a ring, whoever waits may meet the completion of another. So their tags are
 * addresses of slots (RING_TAG), and ring_settle takes one completion and writes it into its slot. On one ring
 * either all tags are slots or none is. Returns as ring_wait. */
struct ring_slot {
    bool in_flight; /* set by the submitter, cleared by ring_settle */
    ssize_t result;
};
#define RING_TAG(slot) ((uint64_t)(uintptr_t)(slot))
int ring_settle(struct ring *ring);

/* For fault injection: sees the result of every io_uring completion before ring.c does, and gives the one to be
 * believed. NULL: none. Set before threads start. (The plain backend is driven through sys.) */
enum ring_op { RING_READ, RING_WRITE, RING_FSYNC };
extern ssize_t (*ring_fault_hook)(enum ring_op op, int fd, size_t size, ssize_t result);

#endif
