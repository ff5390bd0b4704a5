/* test_sys.c - what the table's real calls add to libc's. */
#include "engine/sys/sys.h"

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

/* ---- sys_write_all ---- */

static int times, error; /* of these calls fail, then each takes 3 bytes; error 0: nothing is taken */
static bool refuses(void)
{
    if (!times)
        return false;
    times--;
    errno = error;
    return true;
}

static ssize_t fussy_pwrite(int to, const void *bytes, size_t size, off_t offset)
{
    return refuses() ? error ? -1 : 0 : pwrite(to, bytes, size > 3 ? 3 : size, offset);
}

Test(sys, write_all_goes_on_until_all_is_there_or_says_why_not)
{
    static const struct {
        int times, error, says;
    } ROWS[] = {{0, 0, 0},           {1, EINTR, 0},     {99, EINTR, 0},        {100, EINTR, EINTR},
                {1, ENOSPC, ENOSPC}, {1, EIO, EIO},     {1, EAGAIN, EAGAIN},   {1, 0, ENOSPC}};
    struct sys before = sys;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char there[16] = "";
        int file = open(dir, O_TMPFILE | O_RDWR, 0600);
        cr_assert_geq(file, 0);
        times = ROWS[i].times;
        error = ROWS[i].error;
        errno = 0;
        sys.pwrite = fussy_pwrite;
        int failed = sys_write_all(file, "0123456789", 10, 2);
        int says = failed ? errno : 0;
        sys = before;
        cr_expect_eq(failed, ROWS[i].says ? -1 : 0, "row %zu", i);
        cr_expect_eq(says, ROWS[i].says, "row %zu: %d", i, says);
        cr_expect_eq(pread(file, there, sizeof there, 0), failed ? 0 : 12, "row %zu", i);
        if (!failed)
            cr_expect_arr_eq(there + 2, "0123456789", 10);
        close(file);
    }
}

/* ---- sys_read_all ---- */

static ssize_t fussy_pread(int from, void *bytes, size_t size, off_t offset)
{
    return refuses() ? error ? -1 : 0 : pread(from, bytes, size > 3 ? 3 : size, offset);
}

Test(sys, read_all_goes_on_until_all_is_there_or_the_file_ends)
{
    static const struct {
        int times, error, size; /* size -1: it fails */
    } ROWS[] = {{0, 0, 10}, {1, EINTR, 10}, {99, EINTR, 10}, {100, EINTR, -1}, {1, EIO, -1}, {1, 0, 0}};
    struct sys before = sys;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char got[16] = "";
        int file = open(dir, O_TMPFILE | O_RDWR, 0600);
        cr_assert_eq(pwrite(file, "0123456789", 10, 0), 10);
        times = ROWS[i].times;
        error = ROWS[i].error;
        sys.pread = fussy_pread;
        ssize_t size = sys_read_all(file, got, sizeof got, 0);
        sys = before;
        cr_expect_eq(size, ROWS[i].size, "row %zu: %zd", i, size);
        cr_expect(size <= 0 || memcmp(got, "0123456789", 10) == 0, "row %zu", i);
        cr_assert_eq(lseek(file, 4, SEEK_SET), 4);
        cr_expect_eq(sys_read_all(file, got, sizeof got, -1), 6, "from where it stands");
        close(file);
    }
}

/* ---- sys_next_name ---- */

static struct dirent *fussy_readdir(DIR *folder)
{
    return refuses() ? NULL : readdir(folder);
}

Test(sys, next_name_tells_the_end_from_a_folder_that_cannot_be_read)
{
    struct sys before = sys;
    make("a");
    make(".b");
    for (int i = 0; i < 2; i++) {
        int failed = -1;
        unsigned count = 0;
        DIR *folder = sys.opendir(fd, ".", 0);
        cr_assert_not_null(folder);
        sys.readdir = fussy_readdir;
        times = i;
        error = EIO;
        errno = EINVAL; /* of something before it */
        for (const char *name; (name = sys_next_name(folder, &failed)); count++)
            cr_expect(strcmp(name, "a") == 0 || strcmp(name, ".b") == 0, "%s", name);
        sys = before;
        sys.closedir(folder);
        cr_expect_eq(count, i ? 0u : 2u);
        cr_expect_eq(failed, i ? EIO : 0);
    }
}

Test(sys, what_cannot_be_mapped_is_null)
{
    cr_expect_null(sys.map_file(fd, 4096, true), "a folder");
    cr_expect_null(sys.map_shared(fd, 0, 4096));
    char *block = sys.map(4096);
    cr_expect_null(sys.remap(block, 4096, (size_t)1 << 60));
    cr_expect_eq(sys.unmap(block, 4096), 0);
}
