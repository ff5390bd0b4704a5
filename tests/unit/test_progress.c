/* test_progress.c - what is told of a run under way: a line on a terminal, lines for a log, the service manager; no more often than
 * it should. Clocks are moved by hand. */
#include "tools/progress.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int before = -1;
static char told[4096];

static void begin(void)
{
    int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    cr_assert_geq(file, 0);
    fflush(stderr);
    before = dup(STDERR_FILENO);
    dup2(file, STDERR_FILENO);
    close(file);
}

/* What was written since, and on from here. */
static const char *since(void)
{
    fflush(stderr);
    ssize_t size = pread(STDERR_FILENO, told, sizeof told - 1, 0);
    cr_assert_geq(size, 0);
    told[size] = 0;
    cr_assert(ftruncate(STDERR_FILENO, 0) == 0 && lseek(STDERR_FILENO, 0, SEEK_SET) == 0);
    return told;
}

static void end(void)
{
    dup2(before, STDERR_FILENO);
}

TestSuite(progress, .init = begin, .fini = end);

Test(progress, lines_for_a_log)
{
    struct progress progress;
    progress_open(&progress, true);
    progress_stage(&progress, "read");
    cr_expect_str_eq(since(), "", "not yet due");
    progress.next = 0;
    progress.began -= 10;
    progress.stage_began -= 10;
    progress_tick(&progress, 1, 4, 1000);
    const char *text = since();
    cr_expect(strstr(text, "stage=read share=0.250 records=1000 records_per_s=") == text && strstr(text, " left_s=30\n"), "%s", text);
    progress_tick(&progress, 2, 4, 2000);
    cr_expect_str_eq(since(), "", "too soon after it");
    progress.next = 0;
    progress_tick(&progress, 2, 0, 2000);
    text = since();
    cr_expect(strstr(text, "share=0.000") && strstr(text, " left_s=0\n"), "of nothing no share is known: %s", text);
    progress.next = 0;
    progress.began = progress_now() + 1000; /* a clock that was put back */
    progress_tick(&progress, 2, 4, 2000);
    cr_expect_not_null(strstr(since(), "records_per_s=0 "));
    progress_close(&progress);
    cr_expect_str_eq(since(), "", "there is no line to clear");
}

Test(progress, a_line_on_a_terminal)
{
    struct progress progress;
    progress_open(&progress, false);
    cr_expect_not(progress.live, "a file is none");
    progress.next = 0;
    progress_tick(&progress, 1, 2, 5);
    cr_expect_str_eq(since(), "", "nobody looks");
    progress.live = true;
    progress_tick(&progress, 1, 2, 5);
    const char *text = since();
    cr_expect(strstr(text, "\r\033[Kstart ") == text && strstr(text, " 50 %") && !strchr(text, '\n'), "%s", text);
    progress_close(&progress);
    cr_expect_str_eq(since(), "\r\033[K");
    progress_close(&progress);
    cr_expect_str_eq(since(), "", "it is cleared once");
}
