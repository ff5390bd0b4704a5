/* test_making.c - a store's folder while init makes it: by whatever path it is called, one init at a time, and whose way it was not. */
#include "store/making.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
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
    char holder[64];
    snprintf(holder, sizeof holder, "another besik init as process %d works", (int)getpid());
    cr_expect(fault.code == FAULT_BUSY && strstr(fault.text, holder), "%s", fault.text);
    close(second);
    second = -1;
    fault = (struct fault){0};
    cr_assert_eq(unlink("store/making"), 0);
    cr_expect_eq(making_begin("store", &second, &fault), -1, "it has not yet said who it is");
    cr_expect(fault.code == FAULT_BUSY && strstr(fault.text, "another besik init works"), "%s", fault.text);
    close(second);
    close(first);
    fault = (struct fault){0};
    cr_expect_eq(making_begin("store", &first, &fault), 0, "a half made one is taken over: %s", fault.text);
    close(first);
}

static int looks_left, holder_fd;

/* At some look the other one has said who it is, or has ended. */
static int open_later(int at, const char *path, int flags, mode_t mode)
{
    if (strcmp(path, "store/making") == 0 && looks_left && --looks_left == 0) {
        if (holder_fd >= 0) {
            close(holder_fd);
        } else {
            FILE *file = fopen("store/making", "w");
            cr_assert(file && fputs("4711\n", file) >= 0 && fclose(file) == 0);
        }
    }
    return real.open(at, path, flags, mode);
}

Test(making, who_has_it_is_waited_for_to_say_so)
{
    int first = -1, second = -1;
    cr_assert_eq(making_begin("store", &first, &fault), 0, "%s", fault.text);
    cr_assert_eq(unlink("store/making"), 0);
    sys.open = open_later;
    looks_left = 3;
    holder_fd = -1;
    cr_expect_eq(making_begin("store", &second, &fault), -1);
    cr_expect(fault.code == FAULT_BUSY && strstr(fault.text, "another besik init as process 4711 works"), "%s", fault.text);
    close(second);
    second = -1;
    cr_assert_eq(unlink("store/making"), 0);
    fault = (struct fault){0};
    looks_left = 3;
    holder_fd = first;
    cr_expect_eq(making_begin("store", &second, &fault), 0, "it ended: %s", fault.text);
    close(second);
}

/* ---- two that race: the other one comes in between, and is as far as told ---- */

static int other_fd;
static bool other_ends;

static void other(void)
{
    struct fault none = {0};
    struct sys before = sys;
    sys = real; /* it meets nobody */
    other_fd = -1;
    cr_assert_eq(making_begin("store", &other_fd, &none), 0, "%s", none.text);
    cr_assert_eq(making_file("store", "key", "fedcba9876543210", 16, &none), 0, "%s", none.text);
    if (other_ends) {
        cr_assert_eq(making_end("store", &none), 0, "%s", none.text);
        close(other_fd);
        other_fd = -1;
    }
    sys = before;
}

static int mkdir_then_other(int at, const char *path, mode_t mode)
{
    int failed = real.mkdir(at, path, mode), error = errno;
    other();
    errno = error;
    return failed;
}

static int other_then_mkdir(int at, const char *path, mode_t mode)
{
    other();
    return real.mkdir(at, path, mode);
}

static int open_then_other(int at, const char *path, int flags, mode_t mode)
{
    int fd = real.open(at, path, flags, mode);
    sys.open = real.open;
    other();
    return fd;
}

Test(making, two_at_once)
{
    for (int i = 0; i < 6; i++) {
        int fd = -1;
        sys = real;
        other_ends = i % 2;
        if (i / 2 == 0)
            sys.mkdir = mkdir_then_other;
        else if (i / 2 == 1)
            sys.mkdir = other_then_mkdir;
        else
            sys.open = open_then_other;
        fault = (struct fault){0};
        cr_expect_eq(making_begin("store", &fd, &fault), -1, "race %d", i);
        cr_expect_eq(fault.code, other_ends ? FAULT_USAGE : FAULT_BUSY, "race %d: %s", i, fault.text);
        cr_expect_eq(access("store/key", F_OK), 0, "race %d: the other's key is there", i);
        cr_expect_eq(access("store/making", F_OK), other_ends ? -1 : 0, "race %d: and whether it is whole", i);
        close(fd);
        close(other_fd);
        unlink("store/making");
        cr_assert(unlink("store/key") == 0 && rmdir("store") == 0);
    }
}

Test(making, paths_that_are_too_long)
{
    static char deep[4095];
    int fd = -1;
    memset(deep, 'x', sizeof deep - 1);
    cr_expect_eq(making_begin(deep, &fd, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(making_file(deep, "key", "", 0, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(making_check(deep, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
}
