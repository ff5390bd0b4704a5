/* test_walk.c - which files a command line names: order, hidden names, links, files met twice, and what is
 * refused. */
#include "io/walk.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/test_walk.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void drop_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(chdir("/") + system(command), 0);
}

TestSuite(walk, .init = make_folder, .fini = drop_folder);

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

/* The names that a walk over `paths` (NULL ends them) gives, each followed by a blank; or the fault's text.
 */
static const char *names(char *const *paths)
{
    static char out[4096];
    int count = 0;
    while (paths[count] != NULL)
        count++;
    struct walk walk;
    struct fault fault = {0};
    *out = '\0';
    int failed = walk_gather(&walk, paths, count, &fault);
    if (failed)
        cr_expect(walk.count == 0 && walk.files == NULL && !flaws_any(&walk.flaws));
    if (failed || flaws_tell(&walk.flaws, &fault)) {
        walk_free(&walk);
        snprintf(out, sizeof out, "%d %.2000s%.2000s", (int)fault.code, fault.before ? fault.before : "", fault.text);
        sys.free(fault.before);
        return out;
    }
    for (uint32_t i = 0; i < walk.count; i++) {
        strcat(out, walk.files[i].name);
        strcat(out, " ");
    }
    walk_free(&walk);
    return out;
}

#define NAMES(...) names((char *const[]){__VA_ARGS__, NULL})

Test(walk, order_and_depth)
{
    mkdir("in", 0700);
    mkdir("in/a", 0700);
    mkdir("in/a/deep", 0700);
    mkdir("in/.hidden", 0700);
    put("in/b.csv", "bb");
    put("in/B.csv", "");
    put("in/\xd0\xb0.csv", "");
    put("in/a/x.csv", "");
    put("in/a-b.csv", "");
    put("in/a/deep/y.csv", "");
    put("in/.skipped.csv", "");
    put("in/.hidden/z.csv", "");
    put(".named.csv", "");
    cr_expect_str_eq(NAMES("in"), "in/B.csv in/a-b.csv in/a/deep/y.csv in/a/x.csv in/b.csv in/\xd0\xb0.csv ");
    cr_expect_str_eq(NAMES("in//"),
                     "in/B.csv in/a-b.csv in/a/deep/y.csv in/a/x.csv in/b.csv in/\xd0\xb0.csv ");
    cr_expect_str_eq(NAMES("in/b.csv", "./in/a", ".named.csv"),
                     "./in/a/deep/y.csv ./in/a/x.csv .named.csv in/b.csv ");
    mkdir("none", 0700);
    cr_expect_str_eq(NAMES("none"), "");

    char *const paths[] = {"in/b.csv"};
    struct walk walk;
    struct fault fault = {0};
    cr_assert_eq(walk_gather(&walk, paths, 1, &fault), 0);
    struct stat there;
    cr_assert_eq(stat("in/b.csv", &there), 0);
    cr_expect(walk.files[0].size == 2 && walk.files[0].inode == there.st_ino &&
              walk.files[0].device == there.st_dev);
    walk_free(&walk);
}

Test(walk, links_and_repeats)
{
    mkdir("in", 0700);
    mkdir("other", 0700);
    put("in/b.csv", "");
    put("other/c.csv", "");
    cr_assert_eq(symlink("../other", "in/folder"), 0); /* not followed inside */
    cr_assert_eq(symlink("../other/c.csv", "in/z.csv"), 0);
    cr_assert_eq(symlink("in", "link"), 0); /* followed where it is named */
    cr_assert_eq(link("in/b.csv", "in/twin.csv"), 0);
    cr_expect_str_eq(NAMES("in"), "in/b.csv in/z.csv ");
    cr_expect_str_eq(NAMES("link"), "link/b.csv link/z.csv ");
    cr_expect_str_eq(NAMES("other", "in"), "in/b.csv other/c.csv ");
    cr_expect_str_eq(NAMES("in", "other", "in", "in/twin.csv"), "in/b.csv in/z.csv ");
    cr_expect_str_eq(NAMES("in/twin.csv", "in"), "in/twin.csv in/z.csv ");
    cr_expect_str_eq(NAMES("in/folder"), "in/folder/c.csv ");
}

Test(walk, all_that_is_refused_is_named)
{
    mkdir("in", 0700);
    put("in/b.csv", "");
    cr_assert_eq(mkfifo("in/pipe", 0600), 0);
    cr_assert_eq(symlink("nowhere", "in/gone"), 0);
    cr_expect_str_eq(
        NAMES("missing", "in", "/dev/null", "in/b.csv/x"),
        "3 /dev/null: not a plain file\nin/b.csv/x: Not a directory\nin/gone: no such file or folder\nin/pipe: not a plain file\n"
        "missing: no such file or folder: mend these 5 files, have them sent again, or leave them out");
    cr_expect_str_eq(NAMES(""), "3 : no such file or folder: mend it, have it sent again, or leave it out");
}

Test(walk, deep)
{
    for (int i = 0; i < 1500; i++) { /* more folders than descriptors */
        cr_assert_eq(mkdir("d", 0700), 0);
        cr_assert_eq(chdir("d"), 0);
    }
    put("x", "");
    cr_assert_eq(chdir(folder), 0);
    char *const paths[] = {"d"};
    struct walk walk;
    struct fault fault = {0};
    cr_assert_eq(walk_gather(&walk, paths, 1, &fault), 0, "%s", fault.text);
    cr_expect(walk.count == 1 && strlen(walk.files[0].name) == 2 * 1500 + 1);
    walk_free(&walk);
}

/* Every call that can fail does, one after another; the answer is a fault, and nothing leaks. */
static unsigned calls, failing;

static bool fails(void)
{
    return ++calls == failing;
}

static int failing_stat(int dir_fd, const char *path, struct stat *ret, int flags)
{
    errno = EIO;
    return fails() ? -1 : fstatat(dir_fd, path, ret, flags);
}

static struct dirent *failing_readdir(DIR *dir)
{
    if (!fails())
        return readdir(dir);
    errno = EIO;
    return NULL;
}

static void *failing_alloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

static void *failing_realloc(void *block, size_t size)
{
    return fails() ? NULL : realloc(block, size);
}

Test(walk, every_call_fails_once)
{
    mkdir("in", 0700);
    mkdir("in/a", 0700);
    put("in/b.csv", "");
    put("in/a/x.csv", "");
    sys.stat = failing_stat;
    sys.readdir = failing_readdir;
    sys.alloc = failing_alloc;
    sys.realloc = failing_realloc;
    for (failing = 1;; failing++) {
        calls = 0;
        char *const paths[] = {"in"};
        struct walk walk;
        struct fault fault = {0};
        int result = walk_gather(&walk, paths, 1, &fault);
        if (calls < failing) {
            cr_expect(result == 0 && walk.count == 2 && failing > 10);
            walk_free(&walk);
            return;
        }
        cr_expect(result == -1 && fault.code == FAULT_FAILED, "call %u", failing);
    }
}
