/* test_fault.c - a fault's text and code: the first one counts, lines of one code add up, and what no longer fits is said. */
#include "engine/fault.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

Test(fault, the_first_one_counts)
{
    static struct fault fault;
    cr_expect_eq(fault_set(&fault, FAULT_USAGE, "%s of %d", "one", 2), -1);
    cr_expect_eq(fault_set(&fault, FAULT_BUSY, "another"), -1);
    cr_expect_eq(fault_errno(&fault, EIO, "a third"), -1);
    cr_expect_eq(fault_add(&fault, FAULT_INPUT, "of another code"), -1);
    cr_expect_eq(fault.code, FAULT_USAGE);
    cr_expect_str_eq(fault.text, "one of 2");
}

Test(fault, errno_of_either_sign)
{
    static struct fault plus, minus;
    char want[200];
    snprintf(want, sizeof want, "in/a: %s", strerror(ENOTEMPTY));
    cr_expect_eq(fault_errno(&plus, ENOTEMPTY, "in/%s", "a"), -1);
    cr_expect_eq(fault_errno(&minus, -ENOTEMPTY, "in/%s", "a"), -1);
    cr_expect_str_eq(plus.text, want);
    cr_expect_str_eq(minus.text, want);
    cr_expect_eq(plus.code, FAULT_FAILED);
}

/* What the one on call can do about it stands behind the error's name. */
Test(fault, advice)
{
    static const struct {
        int error;
        const char *ends;
    } ROWS[] = {
        {ENOSPC, "(the disk is full): make room and give the command again"},
        {EDQUOT, "(the disk is full): make room and give the command again"},
        {ENOMEM, "a run takes less with fewer --workers and less --memory)"},
        {EIO, ": give the command again"},
        {EINTR, ": give the command again"},
        {EAGAIN, ": give the command again"},
        {EACCES, ": Permission denied: give the user that runs besik the right to it, then the command again"},
        {EPERM, ": give the user that runs besik the right to it, then the command again"},
        {EROFS, ": mount its file system for writing, or give another place, then the command again"},
        {EMFILE, ": raise the limit (ulimit -n), then give the command again"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct fault fault = {0};
        fault_errno(&fault, ROWS[i].error, "in/a");
        size_t size = strlen(fault.text), tail = strlen(ROWS[i].ends);
        cr_expect(size > tail && !strcmp(fault.text + size - tail, ROWS[i].ends), "row %zu: %s", i, fault.text);
    }
}

/* Which errors name a path that is to be mended, and which are the machine's: of all that Linux knows. */
Test(fault, errors_of_a_path)
{
    static const int OF_PATH[] = {ENOENT, ENOTDIR, EISDIR, EACCES, EPERM, ELOOP, ENAMETOOLONG};
    for (int error = 0; error < 134; error++) {
        bool of_path = false;
        for (size_t i = 0; i < sizeof OF_PATH / sizeof *OF_PATH; i++)
            of_path = of_path || error == OF_PATH[i];
        cr_expect_eq(fault_of_path(error), of_path, "%s", strerror(error));
    }
}

/* A path of the command line: with one errno it is to be mended, with another the machine failed at something. */
Test(fault, of_a_path)
{
    static const struct {
        int error;
        enum fault_code code;
        const char *text;
    } ROWS[] = {{ENOENT, FAULT_USAGE, "--key a\\nb: No such file or directory"},
                {EACCES, FAULT_USAGE, "--key a\\nb: Permission denied"},
                {EIO, FAULT_FAILED, "--key a\\nb: open: Input/output error: give the command again"},
                {EMFILE, FAULT_FAILED, "--key a\\nb: open: Too many open files: raise the limit (ulimit -n), then give the command again"}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct fault fault = {0};
        cr_expect_eq(fault_path(&fault, ROWS[i].error, "open", "--key %s", "a\nb"), -1);
        cr_expect_eq(fault.code, ROWS[i].code);
        cr_expect_str_eq(fault.text, ROWS[i].text);
    }
}

/* What --memory has no room for lies in a file: then it is the disk that is short. */
Test(fault, short_of_memory)
{
    static const int DISK[] = {ENOSPC, EDQUOT}, MEMORY[] = {ENOMEM, EAGAIN, 0};
    for (size_t i = 0; i < sizeof DISK / sizeof *DISK; i++) {
        struct fault fault = {0};
        errno = DISK[i];
        cr_expect_eq(fault_memory(&fault), -1);
        cr_expect(fault.code == FAULT_FAILED && !strncmp(fault.text, "the disk is full: ", 18), "%s", fault.text);
    }
    for (size_t i = 0; i < sizeof MEMORY / sizeof *MEMORY; i++) {
        struct fault fault = {0};
        errno = MEMORY[i];
        cr_expect_eq(fault_memory(&fault), -1);
        cr_expect(fault.code == FAULT_FAILED && !strncmp(fault.text, "out of memory: ", 15), "%s", fault.text);
    }
}

Test(fault, advice_on_a_limit_of_files)
{
    struct fault fault = {0};
    fault_errno(&fault, EFBIG, "in/a");
    cr_expect_str_eq(fault.text, "in/a: File too large (a limit on the size of files, as ulimit -f sets it): raise it and give the command again");
}

/* An error that is none of the disk's, a limit's, a right's, memory's or the moment's says itself what to mend. */
Test(fault, no_advice)
{
    for (int error = 1; error < 134; error++) {
        if (error == ENOSPC || error == EDQUOT || error == ENOMEM || error == EIO || error == EINTR || error == EAGAIN || error == EFBIG ||
            error == EACCES || error == EPERM || error == EROFS || error == EMFILE)
            continue;
        struct fault fault = {0};
        char want[200];
        snprintf(want, sizeof want, "in/a: %s", strerror(error));
        fault_errno(&fault, error, "in/a");
        cr_expect_str_eq(fault.text, want);
    }
}

Test(fault, lines_of_one_code)
{
    static struct fault fault;
    cr_expect_eq(fault_add(&fault, FAULT_INPUT, "%s:%d", "a", 1), -1);
    cr_expect_eq(fault_add(&fault, FAULT_INPUT, "%s:%d", "b", 2), -1);
    cr_expect_eq(fault_add(&fault, FAULT_FAILED, "not of this code"), -1);
    cr_expect_eq(fault.code, FAULT_INPUT);
    cr_expect_str_eq(fault.text, "a:1\nb:2");
}

/* More lines than fit: whole lines stand, and the last says once that there are more. */
Test(fault, more_than_fits)
{
    static struct fault fault;
    for (int i = 0; i < 5000; i++)
        fault_add(&fault, FAULT_INPUT, "in/file-%04d.csv: cut", i);
    cr_assert_lt(strlen(fault.text), sizeof fault.text);
    int lines = 0;
    const char *line = fault.text;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        char want[64];
        int size = snprintf(want, sizeof want, "in/file-%04d.csv: cut", lines);
        cr_assert(end - line == size && memcmp(line, want, (size_t)size) == 0, "line %d: %.*s", lines, (int)(end - line), line);
    }
    cr_expect_gt(lines, 500);
    cr_expect_str_eq(line, "… and more: mend these and give the command again to see the rest");
}

/* What to do goes behind the last line, save where that says that there are more. */
Test(fault, what_to_do)
{
    static struct fault fault, full;
    fault_add(&fault, FAULT_INPUT, "a:1: bad");
    fault_add(&fault, FAULT_INPUT, "b:2: bad");
    cr_expect_eq(fault_end(&fault, "mend it"), -1);
    cr_expect_str_eq(fault.text, "a:1: bad\nb:2: bad: mend it");
    for (int i = 0; i < 5000; i++)
        fault_add(&full, FAULT_INPUT, "in/file-%04d.csv: cut", i);
    cr_expect_eq(fault_end(&full, "mend it"), -1);
    cr_expect_null(strstr(full.text, "mend it"));
}

/* Controls and what is no UTF-8 are escaped; where there is no room whole pieces are left out. */
Test(fault, path_as_a_terminal_may_have_it)
{
    static const struct {
        struct span path;
        const char *shown;
    } ROWS[] = {
        {{"", 0}, ""},
        {{"a b\\.csv", 8}, "a b\\.csv"},
        {{"\0\n\t\r\x1b[31m\x7f", 10}, "\\x00\\n\\t\\r\\x1b[31m\\x7f"},
        {{"\xc2\x85", 2}, "\\xc2\\x85"}, /* U+0085 */
        {{"\xc2\xa0", 2}, "\xc2\xa0"},
        {{"\xc2", 1}, "\\xc2"},
        {{"\xd2\x9b\xe2\x82\xb8\xf0\x9f\x91\xb6", 9}, "\xd2\x9b\xe2\x82\xb8\xf0\x9f\x91\xb6"},
        {{"\xf0\x9f\x91", 3}, "\\xf0\\x9f\\x91"}, /* cut */
        {{"\xd2\x41\xff\xed\xa0\x80", 6}, "\\xd2A\\xff\\xed\\xa0\\x80"},
    };
    char shown[64];
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        cr_expect_eq(path_shown(ROWS[i].path, shown, sizeof shown), shown);
        cr_expect_str_eq(shown, ROWS[i].shown, "row %zu: %s", i, shown);
        for (size_t room = 1; room <= strlen(ROWS[i].shown); room++) {
            memset(shown, 'x', sizeof shown);
            path_shown(ROWS[i].path, shown, room);
            cr_expect(strlen(shown) < room && room - strlen(shown) <= 4 && strncmp(shown, ROWS[i].shown, strlen(shown)) == 0, "row %zu in %zu", i, room);
        }
    }
}

/* A short line behind one that was too long to fit would stand behind the last. */
Test(fault, nothing_behind_the_last_line)
{
    static const char MORE[] = "… and more: mend these and give the command again to see the rest";
    static struct fault fault;
    static char text[1000];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 20; i++)
        fault_add(&fault, FAULT_INPUT, "%s", text);
    cr_expect_eq(fault_add(&fault, FAULT_INPUT, "short"), -1);
    cr_expect_null(strstr(fault.text, "short"));
    cr_assert_gt(strlen(fault.text), sizeof MORE);
    cr_expect_str_eq(fault.text + strlen(fault.text) - (sizeof MORE - 1), MORE);
}

/* What just fits, with room for the last line behind it, is told; a byte more is not. */
Test(fault, what_just_fits)
{
    static const char MORE[] = "\n… and more: mend these and give the command again to see the rest";
    for (size_t over = 0; over < 2; over++) {
        static struct fault fault;
        static char text[1024];
        fault = (struct fault){0};
        size_t most = sizeof fault.text - sizeof MORE - 1; /* of the lines, each with its line end but the last */
        memset(text, 'x', sizeof text);
        while (most + over - strlen(fault.text) > 2000)
            fault_add(&fault, FAULT_INPUT, "%.*s", 900, text);
        size_t left = most + over - strlen(fault.text) - 1;
        fault_add(&fault, FAULT_INPUT, "%.*s", 900, text);
        fault_add(&fault, FAULT_INPUT, "%.*sy", (int)(left - 902), text);
        cr_expect_eq(strchr(fault.text, 'y') != NULL, over == 0, "%zu: %zu", over, strlen(fault.text));
        cr_expect_eq(strstr(fault.text, MORE) != NULL, over == 1);
        cr_expect_lt(strlen(fault.text), sizeof fault.text);
    }
}

Test(fault, a_long_line_alone)
{
    static struct fault fault;
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    fault_add(&fault, FAULT_INPUT, "%s", text);
    cr_expect_gt(strlen(fault.text), 1000u);
    cr_expect_eq(fault.text[strspn(fault.text, "x")], '\0');
}
