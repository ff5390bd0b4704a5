/* test_output.c - files of an output folder: bytes, count and hash for any pieces, many on one ring, and
 * every failure. */
#include "io/output.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static int folder_fd;

static void make_folder(void)
{
    strcpy(folder, "/tmp/test_output.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(folder_fd, 0);
}

static void drop_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(output, .init = make_folder, .fini = drop_folder);

static char *pattern(size_t size)
{
    char *data = malloc(size + 1);
    uint32_t state = 5;
    for (size_t i = 0; i < size; i++)
        data[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

static void expect_file(const char *name, const char *data, size_t size)
{
    int fd = openat(folder_fd, name, O_RDONLY);
    cr_assert_geq(fd, 0);
    struct stat stat;
    cr_assert_eq(fstat(fd, &stat), 0);
    cr_expect_eq(stat.st_mode & 0777, 0600);
    cr_assert_eq((size_t)stat.st_size, size);
    char *back = malloc(size + 1);
    cr_assert_eq(read(fd, back, size), (ssize_t)size);
    cr_expect(size == 0 || memcmp(back, data, size) == 0);
    free(back);
    close(fd);
}

struct watched { /* what a watcher has seen */
    size_t size;
    uint64_t next, fails_at;
    char *data;
};

static int watch(void *context, uint32_t file, const char *name, uint64_t block, const char *data, size_t size, struct fault *fault)
{
    struct watched *watched = context;
    cr_expect(file == 42 && strcmp(name, "file") == 0 && block == watched->next && size > 0);
    if (watched->next++ == watched->fails_at)
        return fault_set(fault, FAULT_FAILED, "seen enough");
    memcpy(watched->data + watched->size, data, size);
    watched->size += size;
    return 0;
}

static void write_pieces(bool plain, size_t size, size_t piece)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, plain), 0);
    struct output *output;
    struct fault fault = {0};
    char *data = pattern(size);
    cr_assert_eq(output_open(&output, ring, folder_fd, "file", &fault), 0, "%s", fault.text);
    struct watched watched = {.fails_at = UINT64_MAX, .data = malloc(size + 1)};
    output_watch(output, &(struct output_watch){watch, &watched, 42});
    for (size_t at = 0; at < size; at += piece)
        cr_assert_eq(output_append(output, data + at, size - at < piece ? size - at : piece, &fault), 0);
    cr_assert_eq(output_append(output, "", 0, &fault), 0);
    cr_expect_eq(output_bytes(output), size);
    cr_assert_eq(output_finish(output, &fault), 0, "%s", fault.text);
    cr_assert_eq(output_finish(output, &fault), 0); /* once more does nothing */
    cr_expect_eq(output_bytes(output), size);
    cr_expect(XXH128_isEqual(output_hash(output), XXH3_128bits(data, size)));
    cr_expect(watched.size == size && memcmp(watched.data, data, size) == 0, "seen as written");
    free(watched.data);
    output_close(output);
    expect_file("file", data, size);
    cr_assert_eq(unlinkat(folder_fd, "file", 0), 0);
    cr_expect_eq(ring_in_flight(ring), 0);
    ring_close(ring);
    free(data);
}

/* A watcher that fails fails the file. */
Test(output, watcher_fails)
{
    struct ring *ring = NULL;
    struct output *output;
    struct fault fault = {0};
    char *data = pattern(1000000);
    struct watched watched = {.fails_at = 2, .data = malloc(1000000)};
    cr_assert_eq(ring_open(&ring, true), 0);
    cr_assert_eq(output_open(&output, ring, folder_fd, "file", &fault), 0);
    output_watch(output, &(struct output_watch){watch, &watched, 42});
    cr_expect_eq(output_append(output, data, 1000000, &fault), -1);
    cr_expect_str_eq(fault.text, "seen enough");
    cr_expect_eq(output_finish(output, &fault), -1);
    output_close(output);
    ring_close(ring);
    free(watched.data);
    free(data);
}

Test(output, sizes_and_pieces)
{
    static const size_t SIZES[] = {0, 1, 262143, 262144, 262145, 1048576, 3000000};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        for (int plain = 0; plain < 2; plain++) {
            write_pieces(plain, SIZES[i], 150);
            write_pieces(plain, SIZES[i], 262144);
            write_pieces(plain, SIZES[i], SIZES[i] + 1);
        }
    }
}

/* More of them than the ring is deep, by turns. */
Test(output, share_a_ring)
{
    enum { COUNT = 12, SIZE = 2000000, PIECE = 5000 };
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, false), 0);
    struct output *outputs[COUNT];
    struct fault fault = {0};
    char names[COUNT][8], *data = pattern(SIZE + COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        sprintf(names[i], "f%u", i);
        cr_assert_eq(output_open(&outputs[i], ring, folder_fd, names[i], &fault), 0);
    }
    for (size_t at = 0; at < SIZE; at += PIECE)
        for (unsigned i = 0; i < COUNT; i++)
            cr_assert_eq(output_append(outputs[i], data + i + at, PIECE, &fault), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        if (i != 3) /* that one is given up with writes in flight */
            cr_assert_eq(output_finish(outputs[i], &fault), 0);
        output_close(outputs[i]);
        if (i != 3)
            expect_file(names[i], data + i, SIZE);
    }
    cr_expect_eq(ring_in_flight(ring), 0);
    ring_close(ring);
    free(data);
}

Test(output, never_over_another)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    cr_assert_eq(symlinkat("/tmp/elsewhere", folder_fd, "link"), 0);
    close(openat(folder_fd, "there", O_CREAT | O_WRONLY, 0600));
    struct output *output;
    struct fault fault = {0}, other = {0};
    cr_expect_eq(output_open(&output, ring, folder_fd, "there", &fault), -1);
    cr_expect_str_eq(fault.text, "there: create: File exists");
    cr_expect_eq(output_open(&output, ring, folder_fd, "link", &other), -1);
    cr_expect_eq(other.code, FAULT_FAILED);
    ring_close(ring);
}

/* ---- every call fails: once, or from then on ---- */

static unsigned calls, failing;
static bool from_then_on;
static int failure;

static bool fails(void)
{
    calls++;
    errno = failure;
    return from_then_on ? calls >= failing : calls == failing;
}

static ssize_t failing_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    return fails() ? -1 : pwrite(fd, buffer, size, offset);
}

static int failing_fsync(int fd)
{
    return fails() ? -1 : fsync(fd);
}

static int failing_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    return fails() ? -1 : openat(dir_fd, path, flags, mode);
}

static void *failing_alloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

static int no_sync_range(int fd, off_t offset, off_t size)
{
    (void)fd, (void)offset, (void)size;
    errno = EIO;
    return -1; /* it does no harm */
}

static int write_once(struct ring *ring, const char *data, size_t size, struct fault *fault)
{
    struct output *output;
    if (output_open(&output, ring, folder_fd, "file", fault) != 0)
        return -1;
    int result = 0;
    for (size_t at = 0; at < size && result == 0; at += 50000)
        result = output_append(output, data + at, 50000, fault);
    if (result == 0)
        result = output_finish(output, fault);
    if (result != 0) { /* and it stays so */
        cr_expect_eq(output_append(output, data, 1, fault), -1);
        cr_expect_eq(output_finish(output, fault), -1);
    }
    output_close(output);
    return result;
}

static void all_failures(int error, const char *told)
{
    enum { SIZE = 12000000 };
    char *data = pattern(SIZE);
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    failure = error;
    sys.pwrite = failing_pwrite;
    sys.fsync = failing_fsync;
    sys.open = failing_open;
    sys.alloc = failing_alloc;
    sys.sync_range = no_sync_range;
    for (int way = 0; way < 2; way++) {
        from_then_on = way;
        for (failing = 1;; failing++) {
            calls = 0;
            struct fault fault = {0};
            int result = write_once(ring, data, SIZE, &fault);
            (void)unlinkat(folder_fd, "file", 0);
            cr_expect_eq(ring_in_flight(ring), 0);
            if (calls < failing) {
                cr_expect(result == 0 && failing > 45);
                break;
            }
            cr_expect(result == -1 && fault.code == FAULT_FAILED, "call %u", failing);
            bool of_memory = strstr(fault.text, "Cannot allocate") != NULL;
            cr_expect(of_memory || strstr(fault.text, told) != NULL, "call %u: %s", failing, fault.text);
        }
    }
    sys.alloc = malloc;
    ring_close(ring);
    free(data);
}

Test(output, io_errors)
{
    all_failures(EIO, "Input/output error");
}

Test(output, full_disk)
{
    all_failures(ENOSPC, "file: the disk is full: make room");
}

Test(output, interrupted_writes_are_finished)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    sys.pwrite = failing_pwrite;
    failure = EINTR;
    char *data = pattern(1000000);
    for (failing = 1; failing < 6; failing++) {
        calls = 0;
        struct fault fault = {0};
        cr_expect_eq(write_once(ring, data, 1000000, &fault), 0);
        expect_file("file", data, 1000000);
        cr_assert_eq(unlinkat(folder_fd, "file", 0), 0);
    }
    ring_close(ring);
    free(data);
}

/* ---- a file system that takes O_DIRECT as a flag, and refuses such a write: from the n-th on, so that both are in one file ---- */

static unsigned direct_writes;

static ssize_t no_direct_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    if (fcntl(fd, F_GETFL) & O_DIRECT && ++direct_writes >= failing) {
        errno = EINVAL;
        return -1;
    }
    return pwrite(fd, buffer, size, offset);
}

Test(output, direct_writes_refused)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    sys.pwrite = no_direct_pwrite;
    char *data = pattern(3000000);
    for (failing = 1; failing <= 8; failing++) {
        direct_writes = 0;
        struct fault fault = {0};
        cr_expect_eq(write_once(ring, data, 3000000, &fault), 0, "%s", fault.text);
        expect_file("file", data, 3000000);
        cr_assert_eq(unlinkat(folder_fd, "file", 0), 0);
    }
    cr_expect_gt(direct_writes, 0); /* else nothing was shown */
    ring_close(ring);
    free(data);
}
