/* test_publish.c - an output folder appears whole or not at all, whatever fails on the way. */
#include "store/publish.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64], out[128];
static struct publish_place place;
static struct fault fault;
static struct sys real;
static unsigned syncs;

static void set_up(void)
{
    real = sys;
    strcpy(dir, "/tmp/test_publish.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(out, sizeof out, "%s/night", dir);
    cr_assert_eq(publish_place(&place, out, "7", &fault), 0, "%s", fault.text);
}

static void tear_down(void)
{
    char command[128];
    sys = real;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(publish, .init = set_up, .fini = tear_down);

static bool is_there(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

#define STORE "0123456789abcdef0123456789abcdef"

static void write_file(int dir_fd, const char *name, const char *text)
{
    int file = openat(dir_fd, name, O_CREAT | O_WRONLY | O_EXCL, 0600);
    cr_assert_geq(file, 0, "what an earlier try left is gone");
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

/* A folder begun, with files in it. */
static void begin_with(const char *json)
{
    int fd;
    cr_assert_eq(publish_begin(&place, &fd, &fault), 0, "%s", fault.text);
    write_file(fd, "sms.csv", "");
    if (json)
        write_file(fd, "run.json", json);
    close(fd);
}

static void begin(void)
{
    begin_with("{\"besik\": 1, \"run\": 7, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"" STORE "\",\n \"timing\": {}}\n");
}

static int no_unlink(int dir_fd, const char *path, int flags);

Test(publish, places)
{
    char longer[4200], name[300];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    memset(name, 'y', sizeof name);
    memcpy(name, "/tmp/", 5);
    name[5 + 255] = 0; /* a name of 255 bytes: with what is put around it no file system takes it */
    char beyond[300];
    memset(beyond, 'z', sizeof beyond);
    beyond[sizeof beyond - 1] = 0;
    const char *const BAD[] = {"", "/", "///", ".", "..", "/tmp/.", "/tmp/..", "/tmp/../", longer, beyond, name, "/nowhere/at/all/night"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        fault = (struct fault){0};
        cr_expect_eq(publish_place(&place, BAD[i], "1", &fault), -1, "%zu", i);
        cr_expect_eq(fault.code, FAULT_USAGE, "%zu", i);
    }
    fault = (struct fault){0};
    cr_assert_eq(publish_place(&place, "/tmp/night///", "12", &fault), 0);
    cr_expect_str_eq(place.parent, "/tmp");
    cr_expect_str_eq(place.name, "night");
    cr_expect_str_eq(place.hidden, ".night.besik-12.tmp");
    cr_assert_eq(publish_place(&place, "/night", "1", &fault), 0);
    cr_expect_str_eq(place.parent, "/");
    cr_assert_eq(chdir(dir), 0);
    cr_assert_eq(publish_place(&place, "night", "1", &fault), 0);
    cr_expect_str_eq(place.parent, dir);
    cr_expect_str_eq(place.name, "night");
}

Test(publish, whole)
{
    begin();
    cr_expect(is_there(place.hidden) && !is_there("night"));
    begin(); /* a second try begins with nothing */
    cr_assert_eq(publish_finish(&place, STORE, 7, &fault), 0, "%s", fault.text);
    cr_expect(!is_there(place.hidden) && is_there("night/sms.csv"));
    cr_assert_eq(publish_finish(&place, STORE, 7, &fault), 0, "done before");
    cr_expect(is_there("night/sms.csv"));
}

/* The hidden folder is not there: whether what stands in its place is that run's is asked of its run.json. */
Test(publish, gone)
{
    static const struct {
        const char *json;
        int result;
    } ROWS[] = {
        {"{\"besik\": 1, \"run\": 7, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"" STORE "\",\n", 0},
        {"{\"besik\": 1, \"run\": 8, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"" STORE "\",\n", 1},
        {"{\"besik\": 1, \"run\": 7, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"1123456789abcdef0123456789abcdef\",\n", 1},
        {"{\"besik\": 1, \"run\": 7, \"as_of\": \"2026-11-24T22:00:00+05:00\", \"store\": \"" STORE "\",\n \"timing\": {" PUBLISH_DRY_RUN, 1},
        {"{\"besik\": 1, \"run\": 7", 1},
        {"", 1},
        {NULL, 1},
    };
    cr_expect_eq(publish_finish(&place, STORE, 7, &fault), 1, "nothing stands");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        begin_with(ROWS[i].json);
        int fd = open(dir, O_RDONLY | O_DIRECTORY);
        cr_assert_eq(renameat(fd, place.hidden, fd, place.name), 0);
        fault = (struct fault){0};
        cr_expect_eq(publish_finish(&place, STORE, 7, &fault), ROWS[i].result, "row %zu: %s", i, fault.text);
        cr_expect(is_there("night/sms.csv"), "row %zu", i);
        cr_assert_eq(renameat(fd, place.name, fd, place.hidden), 0);
        close(fd);
    }
}

Test(publish, stamps)
{
    struct publish_stamp stamp;
    cr_expect_not(publish_read_stamp(AT_FDCWD, out, &stamp), "nothing stands");
    begin();
    cr_assert_eq(publish_finish(&place, STORE, 7, &fault), 0);
    cr_assert(publish_read_stamp(AT_FDCWD, out, &stamp));
    cr_expect(stamp.run == 7 && !stamp.dry_run && strcmp(stamp.store, STORE) == 0 && strcmp(stamp.as_of, "2026-11-24T22:00:00+05:00") == 0);
    static char deep[5000];
    memset(deep, 'x', sizeof deep - 1);
    cr_expect_not(publish_read_stamp(AT_FDCWD, deep, &stamp));
}

/* What a process that was killed left is removed by the note, and nothing that a note cannot be of. */
Test(publish, noted)
{
    char note[128], aside[128];
    snprintf(note, sizeof note, "%s/hidden", dir);
    snprintf(aside, sizeof aside, "%s/.aside", dir);
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text); /* nothing is noted */
    cr_assert_eq(publish_note(dir, &place, &fault), 0, "%s", fault.text);
    begin();
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text);
    cr_expect(!is_there(place.hidden) && !is_there("hidden"));
    cr_assert_eq(publish_note(dir, &place, &fault), 0);
    cr_assert_eq(publish_note(dir, &place, &fault), 0, "over an older one: %s", fault.text);
    begin();
    sys.unlink = no_unlink;
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text);
    sys = real;
    cr_expect(is_there("hidden") && is_there(place.hidden), "it stays noted until it is gone");
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text);
    cr_expect(!is_there(place.hidden) && !is_there("hidden"));

    cr_assert_eq(mkdir(aside, 0700), 0);
    struct publish_place other = place;
    strcpy(other.hidden, ".aside");
    cr_assert_eq(publish_note(dir, &other, &fault), 0);
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text);
    cr_expect(is_there(".aside") && !is_there("hidden"), "a note that is damaged is struck alone");
    cr_assert_eq(publish_note(dir, &place, &fault), 0);
    cr_assert_eq(truncate(note, 100), 0);
    begin();
    cr_expect_eq(publish_clear_noted(dir, &fault), 0, "%s", fault.text);
    cr_expect(is_there(place.hidden) && !is_there("hidden"), "a note that was cut, likewise");
    cr_assert_eq(symlink(aside, note), 0);
    cr_expect_eq(publish_note(dir, &place, &fault), -1, "a link is not followed");
    fault = (struct fault){0};
    cr_expect_eq(publish_clear_noted(dir, &fault), -1);
    cr_expect(fault.code == FAULT_FAILED && is_there(".aside") && is_there("hidden"), "%s", fault.text);
    static char deep[5000];
    memset(deep, 'x', sizeof deep - 1);
    fault = (struct fault){0};
    cr_expect_eq(publish_note(deep, &place, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    fault = (struct fault){0};
    cr_expect_eq(publish_clear_noted(deep, &fault), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
}

Test(publish, never_over_another)
{
    begin();
    cr_assert_eq(mkdir(out, 0700), 0);
    cr_expect_eq(publish_finish(&place, STORE, 7, &fault), -1);
    cr_expect(strstr(fault.text, "give the command again"), "%s", fault.text);
    cr_expect(is_there(place.hidden) && !is_there("night/sms.csv"));
}

Test(publish, abandoned)
{
    begin();
    publish_abandon(&place);
    cr_expect(!is_there(place.hidden) && !is_there("night"));
    publish_abandon(&place); /* nothing there: nothing to do */
    cr_assert_eq(rmdir(dir), 0, "nothing was left");
    publish_abandon(&place);
    cr_assert_eq(mkdir(dir, 0700), 0);
}

Test(publish, parent_gone)
{
    int fd;
    cr_assert_eq(rmdir(dir), 0);
    cr_expect_eq(publish_begin(&place, &fd, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED, "%s", fault.text);
    fault = (struct fault){0};
    cr_expect_eq(publish_finish(&place, STORE, 7, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED, "%s", fault.text);
    cr_assert_eq(mkdir(dir, 0700), 0);
}

/* ---- calls that fail ---- */

static int no_sync(int fd)
{
    (void)fd;
    syncs++;
    errno = EIO;
    return -1;
}

static int no_mkdir(int dir_fd, const char *path, mode_t mode)
{
    (void)dir_fd, (void)path, (void)mode;
    errno = EDQUOT;
    return -1;
}

static int no_unlink(int dir_fd, const char *path, int flags)
{
    (void)dir_fd, (void)path, (void)flags;
    errno = EPERM;
    return -1;
}

static DIR *no_opendir(int dir_fd, const char *path, int flags)
{
    (void)dir_fd, (void)path, (void)flags;
    errno = EMFILE;
    return NULL;
}

static int open_parent_only(int dir_fd, const char *path, int flags, mode_t mode)
{
    if (dir_fd == AT_FDCWD)
        return real.open(dir_fd, path, flags, mode);
    errno = EMFILE;
    return -1;
}

static void expect_no_begin(const char *what)
{
    int fd = 0;
    fault = (struct fault){0};
    cr_expect_eq(publish_begin(&place, &fd, &fault), -1, "%s", what);
    cr_expect_eq(fd, -1, "%s", what);
    cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, what), "%s: %s", what, fault.text);
    sys = real;
}

Test(publish, begins_that_fail)
{
    sys.mkdir = no_mkdir;
    expect_no_begin("make");
    sys.open = open_parent_only;
    expect_no_begin("open");
    sys.fsync = no_sync;
    expect_no_begin("sync");
    cr_expect_eq(syncs, 1, "a sync that failed is not tried again");
    begin();
    sys.unlink = no_unlink;
    expect_no_begin("remove what an earlier run left");
    sys.opendir = no_opendir;
    expect_no_begin("remove what an earlier run left");
    begin();
}

Test(publish, sync_that_fails_at_the_end)
{
    begin();
    sys.fsync = no_sync;
    cr_expect_eq(publish_finish(&place, STORE, 7, &fault), -1);
    cr_expect(strstr(fault.text, "sync"), "%s", fault.text);
    cr_expect_eq(syncs, 1);
    sys = real;
    cr_expect_eq(publish_finish(&place, STORE, 7, &fault), 0, "given again: its folder stands");
}

/* ---- folders that are no run's ---- */

static unsigned calls_left; /* until the one that fails; 0: none does */
static bool fails(void)
{
    errno = EIO;
    return calls_left && --calls_left == 0;
}

static int failing_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    return fails() ? -1 : real.open(dir_fd, path, flags, mode);
}

static int failing_sync(int fd)
{
    return fails() ? -1 : real.fsync(fd);
}

static int failing_rename(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails() ? -1 : real.rename(from_fd, from, to_fd, to);
}

static int reveal(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, place.hidden);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(fd, 0);
    fault = (struct fault){0};
    int result = publish_reveal(&place, fd, &fault);
    close(fd);
    return result;
}

/* Given again after each call that failed it is put in place. */
Test(publish, revealed)
{
    cr_assert_eq(publish_place_new(&place, out, &fault), 0, "%s", fault.text);
    begin();
    for (unsigned failing = 1; failing <= 4; failing++) {
        sys.open = failing_open, sys.fsync = failing_sync, sys.rename = failing_rename;
        calls_left = failing;
        cr_expect_eq(reveal(), -1, "call %u", failing);
        cr_expect(fault.code == FAULT_FAILED && fault.text[0], "call %u", failing);
        sys = real;
        cr_expect(is_there(place.hidden) && !is_there("night"), "call %u", failing);
    }
    cr_expect_eq(reveal(), 0, "%s", fault.text);
    cr_expect(is_there("night/sms.csv") && !is_there(place.hidden));
    fault = (struct fault){0};
    cr_expect_eq(publish_place_new(&place, out, &fault), -1, "it is there");
    cr_expect_eq(fault.code, FAULT_USAGE, "%s", fault.text);
}

/* ---- places as a damaged store may have them ---- */

Test(publish, places_that_are_none)
{
    static const struct {
        const char *parent, *name, *hidden;
        bool good;
    } ROWS[] = {
        {"/srv", "night", ".night.besik-7.tmp", true}, {"srv", "night", ".night.besik-7.tmp", false}, {"", "night", ".night.besik-7.tmp", false},
        {"/srv", "", "..besik-7.tmp", false},          {"/srv", ".", "...besik-7.tmp", false},        {"/srv", "..", "....besik-7.tmp", false},
        {"/srv", "a/b", ".a/b.besik-7.tmp", false},    {"/srv", "night", "", false},                  {"/srv", "night", ".", false},
        {"/srv", "night", "..", false},                {"/srv", "night", ".night", false},            {"/srv", "night", ".day.besik-7.tmp", false},
        {"/srv", "night", "night.besik-7.tmp", false}, {"/srv", "night", ".night.besik-/x", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        memset(&place, 0, sizeof place);
        strcpy(place.parent, ROWS[i].parent);
        strcpy(place.name, ROWS[i].name);
        strcpy(place.hidden, ROWS[i].hidden);
        cr_expect_eq(publish_place_is_sound(&place), ROWS[i].good, "row %zu", i);
    }
    char *const FIELDS[] = {place.parent, place.name, place.hidden};
    static const size_t SIZES[] = {sizeof place.parent, sizeof place.name, sizeof place.hidden};
    for (size_t i = 0; i < 3; i++) { /* without an end */
        cr_assert_eq(publish_place(&place, out, "7", &fault), 0, "%s", fault.text);
        memset(FIELDS[i] + strlen(FIELDS[i]), 'x', SIZES[i] - strlen(FIELDS[i]));
        cr_expect_not(publish_place_is_sound(&place), "field %zu", i);
    }
}
