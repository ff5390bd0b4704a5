/* test_ring.c - the ring's promise, for both backends: whole reads and writes, ends of files, errors. Where
 * the kernel refuses io_uring, what is meant for it runs plain, or not at all. */
#include "io/ring.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct ring *open_ring(bool plain)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, plain), 0);
    cr_assert(!plain || ring_is_plain(ring));
    return ring;
}

static ssize_t wait_for(struct ring *ring, uint64_t tag)
{
    struct ring_done done;
    cr_assert_eq(ring_wait(ring, &done), 0);
    cr_assert_eq(done.tag, tag);
    return done.result;
}

static void write_and_read(bool plain)
{
    struct ring *ring = open_ring(plain);
    int fd = memfd_create("ring", MFD_CLOEXEC);
    char text[] = "0123456789", back[32] = {0};
    cr_expect_eq(ring_write(ring, fd, text, 10, 5, 1), 0);
    cr_expect_eq(ring_in_flight(ring), 1);
    cr_expect_eq(wait_for(ring, 1), 10);
    cr_expect_eq(ring_fsync(ring, fd, 2), 0);
    cr_expect_eq(wait_for(ring, 2), 0);
    cr_expect_eq(ring_read(ring, fd, back, sizeof back, 3, 3), 0);
    cr_expect_eq(wait_for(ring, 3), 12);
    cr_expect(back[0] == 0 && back[1] == 0 && memcmp(back + 2, text, 10) == 0);
    cr_expect_eq(ring_read(ring, fd, back, sizeof back, 15, 4), 0);
    cr_expect_eq(wait_for(ring, 4), 0); /* at the end */
    cr_expect_eq(ring_read(ring, -1, back, sizeof back, 0, 5), 0);
    cr_expect_eq(wait_for(ring, 5), -EBADF);
    struct ring_done done;
    cr_expect_eq(ring_wait(ring, &done), -ENOENT);
    cr_expect_eq(ring_settle(ring), -ENOENT);
    close(fd);
    ring_close(ring);
}

Test(ring, write_and_read)
{
    write_and_read(false);
    write_and_read(true);
}

static void full(bool plain)
{
    struct ring *ring = open_ring(plain);
    int fd = memfd_create("ring", MFD_CLOEXEC);
    char byte = 'x';
    struct ring_slot slots[RING_DEPTH] = {{0}};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < RING_DEPTH; i++) {
            slots[i].in_flight = true;
            cr_expect_eq(ring_write(ring, fd, &byte, 1, i, RING_TAG(&slots[i])), 0);
        }
        cr_expect_eq(ring_write(ring, fd, &byte, 1, 0, 0), -EAGAIN);
        for (unsigned i = 0; i < RING_DEPTH; i++)
            cr_expect_eq(ring_settle(ring), 0);
        for (unsigned i = 0; i < RING_DEPTH; i++)
            cr_expect(!slots[i].in_flight && slots[i].result == 1);
    }
    cr_expect_eq(ring_write(ring, fd, &byte, 1, 0, RING_TAG(&slots[0])), 0);
    ring_close(ring); /* waits for it */
    close(fd);
}

Test(ring, full)
{
    full(false);
    full(true);
}

Test(ring, plain_by_environment)
{
    setenv("BESIK_IO", "plain", 1);
    struct ring *ring = open_ring(false);
    cr_expect(ring_is_plain(ring));
    ring_close(ring);
}

/* ---- faults: short counts, interruptions and errors, `fault_count` times from call `fault_first` on ---- */

static unsigned fault_first, fault_count, fault_calls;
static ssize_t fault_result; /* -errno, or as many bytes at most */

static ssize_t faulty(size_t size)
{
    unsigned call = ++fault_calls;
    if (call < fault_first || call - fault_first >= fault_count)
        return (ssize_t)size;
    return fault_result < 0 || (size_t)fault_result < size ? fault_result : (ssize_t)size;
}

static ssize_t faulty_pread(int fd, void *buffer, size_t size, off_t offset)
{
    ssize_t limit = faulty(size);
    errno = limit < 0 ? (int)-limit : 0;
    return limit < 0 ? -1 : pread(fd, buffer, (size_t)limit, offset);
}

static ssize_t faulty_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    ssize_t limit = faulty(size);
    errno = limit < 0 ? (int)-limit : 0;
    return limit < 0 ? -1 : pwrite(fd, buffer, (size_t)limit, offset);
}

static int faulty_fsync(int fd)
{
    ssize_t limit = faulty(0);
    errno = limit < 0 ? (int)-limit : 0;
    return limit < 0 ? -1 : fsync(fd);
}

static ssize_t faulty_completion(enum ring_op op, int fd, size_t size, ssize_t result)
{
    (void)op, (void)fd, (void)size;
    return result < 0 ? result : faulty((size_t)result);
}

static void set_fault(unsigned first, unsigned count, ssize_t result)
{
    fault_first = first;
    fault_count = count;
    fault_calls = 0;
    fault_result = result;
}

static void faults(bool plain)
{
    enum { SIZE = 1000 };
    struct ring *ring = open_ring(plain);
    int fd = memfd_create("ring", MFD_CLOEXEC);
    char text[SIZE], back[SIZE];
    for (unsigned i = 0; i < SIZE; i++)
        text[i] = (char)(i * 7);
    static const struct {
        ssize_t result;
        unsigned count;
        bool done;
    } KINDS[] = {{-EINTR, 3, true},         {-EAGAIN, 3, true},        {1, 5, true},
                 {1, UINT_MAX, true},       {-EIO, 1, false},          {-ENOSPC, 1, false},
                 {-EINTR, UINT_MAX, false}, {-EAGAIN, UINT_MAX, false}};
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        for (unsigned first = 1; first <= 2; first++) {
            cr_assert_eq(ftruncate(fd, 0), 0);
            set_fault(first, KINDS[k].count, KINDS[k].result);
            cr_assert_eq(ring_write(ring, fd, text, SIZE, 0, 1), 0);
            ssize_t wrote = wait_for(ring, 1);
            bool met = fault_calls >= first;
            cr_expect_eq(wrote, KINDS[k].done || !met ? SIZE : KINDS[k].result, "write, kind %zu: %zd", k,
                         wrote);
            cr_assert_eq(pwrite(fd, text, SIZE, 0), SIZE);
            set_fault(first, KINDS[k].count, KINDS[k].result);
            memset(back, 0, SIZE);
            cr_assert_eq(ring_read(ring, fd, back, SIZE, 0, 2), 0);
            ssize_t got = wait_for(ring, 2);
            met = fault_calls >= first;
            cr_expect_eq(got, KINDS[k].done || !met ? SIZE : KINDS[k].result, "read, kind %zu: %zd", k, got);
            cr_expect(got < 0 || memcmp(text, back, SIZE) == 0);
        }
    }
    set_fault(1, 1, -EINTR); /* a failed sync is never tried again */
    cr_assert_eq(ring_fsync(ring, fd, 3), 0);
    cr_expect_eq(wait_for(ring, 3), -EINTR);
    cr_expect_eq(fault_calls, 1);
    set_fault(1, UINT_MAX, 0); /* a write that writes nothing, for ever */
    cr_assert_eq(ring_write(ring, fd, text, SIZE, 0, 4), 0);
    cr_expect_eq(wait_for(ring, 4), -EIO);
    close(fd);
    ring_close(ring);
}

Test(ring, faults_plain)
{
    sys.pread = faulty_pread;
    sys.pwrite = faulty_pwrite;
    sys.fsync = faulty_fsync;
    faults(true);
}

Test(ring, faults_uring)
{
    ring_fault_hook = faulty_completion;
    struct ring *ring = open_ring(false);
    bool plain = ring_is_plain(ring);
    ring_close(ring);
    if (!plain)
        faults(false);
}
