/* test_making.c - a store's folder while init makes it: by whatever path it is called, one init at a time, and whose way it was not. */
#include "store/making.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char base[64];
static struct fault fault;
static struct sys real;

static void begin(void)
{
    real = sys;
    strcpy(base, "/tmp/besik-making-XXXXXX");
    cr_assert_not_null(mkdtemp(base));
    cr_assert_eq(chdir(base), 0);
}

static void end(void)
{
    sys = real;
    unlink("store/making");
    unlink("store/key");
    rmdir("store");
    cr_assert_eq(chdir("/"), 0);
    rmdir(base);
}

TestSuite(making, .init = begin, .fini = end);

Test(making, by_each_path)
{
    char whole[96];
    snprintf(whole, sizeof whole, "%s/store//", base);
    const char *const PATHS[] = {"store", "./store", "store/", "store///", whole};
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        int fd = -1;
        fault = (struct fault){0};
        cr_assert_eq(making_begin(PATHS[i], &fd, &fault), 0, "%s: %s", PATHS[i], fault.text);
        cr_expect_eq(making_check(PATHS[i], &fault), -1, "it is not whole yet");
        cr_expect_eq(fault.code, FAULT_INPUT);
        fault = (struct fault){0};
        cr_expect_eq(making_file(PATHS[i], "key", "0123456789abcdef", 16, &fault), 0, "%s", fault.text);
        cr_expect_eq(making_end(PATHS[i], &fault), 0, "%s: %s", PATHS[i], fault.text);
        cr_expect_eq(making_check(PATHS[i], &fault), 0);
        close(fd);
        fd = -1;
        cr_expect_eq(making_begin(PATHS[i], &fd, &fault), -1, "it is there");
        cr_expect_eq(fault.code, FAULT_USAGE);
        cr_expect_eq(access("store/key", F_OK), 0, "and untouched");
        cr_assert(unlink("store/key") == 0 && rmdir("store") == 0);
    }
}

Test(making, by_one_at_a_time)
{
    int first = -1, second = -1;
    cr_assert_eq(making_begin("store", &first, &fault), 0, "%s", fault.text);
    cr_expect_eq(making_begin("store", &second, &fault), -1);
    cr_expect(fault.code == FAULT_BUSY && strstr(fault.text, "another besik init"), "%s", fault.text);
    close(second);
    close(first);
    fault = (struct fault){0};
    cr_expect_eq(making_begin("store", &first, &fault), 0, "a half made one is taken over: %s", fault.text);
    close(first);
}

static int gone(int fd, struct stat *ret)
{
    int failed = real.fstat(fd, ret);
    ret->st_nlink = 0;
    return failed;
}

Test(making, another_was_done_meanwhile)
{
    int fd = -1;
    sys.fstat = gone;
    cr_expect_eq(making_begin("store", &fd, &fault), -1);
    cr_expect_eq(fault.code, FAULT_BUSY, "%s", fault.text);
    close(fd);
}

static int made_before(int at, const char *path, mode_t mode)
{
    (void)at, (void)path, (void)mode;
    return 0;
}

Test(making, paths_that_are_too_long)
{
    static char deep[4095];
    int fd = -1;
    memset(deep, 'x', sizeof deep - 1);
    cr_expect_eq(making_begin(deep, &fd, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED, "the system's own: %s", fault.text);
    sys.mkdir = made_before;
    fault = (struct fault){0};
    cr_expect_eq(making_begin(deep, &fd, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(making_file(deep, "key", "", 0, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(making_check(deep, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
}
