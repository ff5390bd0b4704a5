/* test_sys.c - what the table's real calls add to libc's. */
#include "io/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static int fd;

static void set_up(void)
{
    strcpy(dir, "/tmp/test_sys.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    fd = sys.open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    cr_assert_geq(fd, 0);
}

static void tear_down(void)
{
    char command[128];
    close(fd);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(sys, .init = set_up, .fini = tear_down);

Test(sys, no_descriptor_outlives_exec)
{
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    DIR *entries = sys.opendir(fd, ".", 0);
    cr_assert_not_null(entries);
    cr_expect(fcntl(dirfd(entries), F_GETFD) & FD_CLOEXEC);
    sys.closedir(entries);
    cr_expect_null(sys.opendir(fd, "nowhere", 0));
    cr_expect_eq(errno, ENOENT);
}

static void make(const char *name)
{
    cr_assert_eq(sys.mkdir(fd, name, 0700), 0);
}

Test(sys, rename_never_over_another)
{
    make("a");
    make("b");
    cr_expect_eq(sys.rename(fd, "a", fd, "b"), -1);
    cr_expect_eq(errno, EEXIST);
    cr_expect_eq(sys.rename(fd, "a", fd, "c"), 0);
    cr_expect_eq(sys.rename(fd, "a", fd, "c"), -1);
    cr_expect_eq(errno, ENOENT, "what is not there is said, not what is");
    /* refused with the errno of a file system that knows no such rename: the plain one is tried, and refused too */
    cr_expect_eq(sys.rename(fd, "b", fd, "b/inside"), -1);
    cr_expect_eq(errno, EINVAL);
    cr_expect_eq(faccessat(fd, "b", F_OK, 0), 0);
}

Test(sys, pages_are_zero_and_their_own)
{
    static const size_t SIZES[] = {4096, 3 << 20};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        char *block = sys.map(SIZES[i]);
        cr_assert_not_null(block);
        cr_expect(block[0] == 0 && block[SIZES[i] - 1] == 0);
        block[SIZES[i] - 1] = 1;
        cr_expect_eq(sys.unmap(block, SIZES[i]), 0);
    }
    cr_expect_null(sys.map((size_t)1 << 60), "NULL, not MAP_FAILED");
}
