/* rings.h - seeing io_uring from a preloaded library: each request as it is handed in, each result before besik sees it.
 * The includer gives meet_request and meet_result; io_uring_submit and its kin are defined here, around the real ones.
 *
 * A kernel that posts results by itself (before 6.1, without DEFER_TASKRUN) may show one to besik before it was seen here. */
#ifndef TESTS_RINGS_H
#define TESTS_RINGS_H

#include "preloaded.h"

#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>

static void meet_request(struct io_uring_sqe *request); /* may change it */
static void meet_result(struct io_uring_cqe *result);   /* likewise; of a request that was met */

#define RINGS_MAX 64

static struct {
    struct io_uring *ring;
    unsigned seen; /* results up to here were met */
} rings[RINGS_MAX];
static pthread_mutex_t rings_lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned *rings_seen(struct io_uring *ring)
{
    pthread_mutex_lock(&rings_lock);
    unsigned i = 0;
    while (i < RINGS_MAX && rings[i].ring && rings[i].ring != ring)
        i++;
    if (i == RINGS_MAX)
        abort();
    rings[i].ring = ring;
    pthread_mutex_unlock(&rings_lock);
    return &rings[i].seen;
}

static void rings_requests(struct io_uring *ring)
{
    for (unsigned i = ring->sq.sqe_head; i != ring->sq.sqe_tail; i++)
        meet_request(&ring->sq.sqes[i & ring->sq.ring_mask]);
}

static void rings_results(struct io_uring *ring)
{
    unsigned *seen = rings_seen(ring), last = io_uring_smp_load_acquire(ring->cq.ktail);
    for (; *seen != last; ++*seen)
        meet_result(&ring->cq.cqes[*seen & ring->cq.ring_mask]);
}

int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    *rings_seen(ring) = 0;
    return REAL(io_uring_queue_init)(entries, ring, flags);
}
int io_uring_submit(struct io_uring *ring)
{
    rings_requests(ring);
    int result = REAL(io_uring_submit)(ring);
    rings_results(ring);
    return result;
}
int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    rings_requests(ring);
    int result = REAL(io_uring_submit_and_wait)(ring, count);
    rings_results(ring);
    return result;
}
int __io_uring_get_cqe(struct io_uring *ring, struct io_uring_cqe **ret_result, unsigned submit, unsigned count, sigset_t *mask)
{
    int result = REAL(__io_uring_get_cqe)(ring, ret_result, submit, count, mask);
    rings_results(ring);
    return result;
}

#endif
