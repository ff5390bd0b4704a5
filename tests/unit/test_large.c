/* test_large.c - blocks on account: what they hold stays as they grow from malloc's to anonymous pages to the file's, and the
 * account is never overdrawn. */
#include "engine/sys/large.h"

#include "engine/fault.h"
#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static void close_account(void)
{
    large_close();
}

TestSuite(large, .fini = close_account, .timeout = 60);

static void fill(char *block, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        block[i] = (char)(i * 7 + i / 251);
}

static bool holds(const char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != (char)(i * 7 + i / 251))
            return false;
    return true;
}

static char *grow_to(char *block, size_t from, size_t to)
{
    char *grown = sys.realloc(block, to);
    cr_assert_not_null(grown);
    cr_assert_eq((uintptr_t)grown % 16, 0u);
    cr_assert(holds(grown, from < to ? from : to), "from %zu to %zu", from, to);
    fill(grown, from, to);
    return grown;
}

Test(large, grows_through_all_kinds)
{
    large_open(4 * MIB, "/tmp");
    char *block = NULL;
    size_t size = 0;
    for (size_t next = 100; next < 40 * MIB; next = next * 3 / 2 + 1) {
        block = grow_to(block, size, next);
        size = next;
        if (size < 3 * MIB)
            cr_assert_eq(large_in_file(), 0u, "%zu bytes need no file", size);
    }
    cr_expect_gt(large_in_file(), 40 * MIB, "what outgrew the account is in the file");
    cr_expect(large_charge(4 * MIB), "and all of the account is there again");
    large_discharge(4 * MIB);
    sys.free(block);
}

Test(large, many_share_the_account)
{
    large_open(10 * MIB, "/tmp");
    char *blocks[40];
    for (unsigned i = 0; i < 40; i++) {
        blocks[i] = sys.alloc(MIB);
        cr_assert_not_null(blocks[i]);
        fill(blocks[i], 0, MIB);
    }
    cr_expect_not(large_charge(2 * MIB));
    for (unsigned i = 0; i < 40; i++)
        cr_expect(holds(blocks[i], MIB));
    for (unsigned i = 0; i < 40; i += 2)
        sys.free(blocks[i]);
    for (unsigned i = 1; i < 40; i += 2)
        cr_expect(holds(blocks[i], MIB));
    for (unsigned i = 1; i < 40; i += 2)
        sys.free(blocks[i]);
    cr_expect(large_charge(10 * MIB));
    cr_expect_not(large_charge(1));
}

Test(large, without_account_nothing_is_counted)
{
    char *block = grow_to(NULL, 0, 8 * MIB);
    cr_expect_eq(large_in_file(), 0u);
    large_open(0, "/tmp");
    block = grow_to(block, 8 * MIB, 9 * MIB); /* had before, grown under the account */
    cr_expect_gt(large_in_file(), 0u);
    sys.free(block);
    cr_expect(large_charge(0));
}

static int full_disk(int fd, off_t offset, off_t size)
{
    (void)fd, (void)offset, (void)size;
    return ENOSPC;
}

static int calls;
static int interrupted(int fd, off_t offset, off_t size)
{
    return calls++ % 2 ? posix_fallocate(fd, offset, size) : EINTR;
}

static int no_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    (void)dir_fd, (void)path, (void)flags, (void)mode;
    errno = EACCES;
    return -1;
}

static void *no_map(int fd, off_t offset, size_t size)
{
    (void)fd, (void)offset, (void)size;
    errno = ENOMEM;
    return NULL;
}

Test(large, what_fails_leaves_the_block)
{
    struct sys whole = sys;
    large_open(0, "/tmp");
    char *block = grow_to(NULL, 0, 1000);
    sys.open = no_open;
    cr_expect_null(sys.realloc(block, MIB));
    sys = whole;
    sys.reserve = full_disk;
    cr_expect_null(sys.realloc(block, MIB));
    cr_expect_eq(errno, ENOSPC);
    struct fault fault = {0};
    fault_memory(&fault);
    cr_expect_not_null(strstr(fault.text, "--tmp"), "%s", fault.text);
    sys = whole;
    sys.map_shared = no_map;
    cr_expect_null(sys.realloc(block, MIB));
    sys = whole;
    cr_expect(holds(block, 1000));
    sys.reserve = interrupted;
    block = grow_to(block, 1000, MIB);
    sys.reserve = full_disk;
    cr_expect_null(sys.realloc(block, 9 * MIB));
    sys = whole;
    cr_expect(holds(block, MIB));
    sys.free(block);
}
