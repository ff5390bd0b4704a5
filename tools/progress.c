/* progress.c - see progress.h. */
#include "tools/progress.h"

#include "tools/notify.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LIVE_EVERY 0.25
#define LINES_EVERY 10.0

double progress_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_open(struct progress *progress, bool lines)
{
    *progress = (struct progress){.lines = lines, .live = !lines && isatty(STDERR_FILENO) == 1, .stage = "start"};
    progress->notify = notify_open();
    notify_status(&progress->notify, progress->stage);
    progress->began = progress->stage_began = progress_now();
    progress->next = progress->began + (lines ? LINES_EVERY : LIVE_EVERY);
    progress->next_status = progress->began + LINES_EVERY;
}

void progress_ready(struct progress *progress)
{
    notify_ready(&progress->notify);
}

void progress_stage(struct progress *progress, const char *stage)
{
    progress->stage = stage;
    progress->stage_began = progress_now();
    notify_status(&progress->notify, stage);
    progress_tick(progress, 0, 1, 0);
}

void progress_tick(struct progress *progress, double done, double total, uint64_t records)
{
    bool told = progress->live || progress->lines;
    if (!told && progress->notify < 0)
        return;
    double now = progress_now();
    bool due = told && now >= progress->next, status_due = progress->notify >= 0 && now >= progress->next_status;
    if (!due && !status_due)
        return;
    double share = total > 0 ? done / total : 0, spent = now - progress->stage_began;
    double left = share > 0.01 ? spent / share - spent : 0;
    double rate = now > progress->began ? (double)records / (now - progress->began) : 0;
    char line[128];
    snprintf(line, sizeof line, "%-8s %3.0f %%  %.0f records/s  %.0f s left", progress->stage, share * 100, rate, left);
    if (due && progress->lines) {
        fprintf(stderr, "stage=%s share=%.3f records=%llu records_per_s=%.0f seconds=%.1f left_s=%.0f\n", progress->stage,
                share, (unsigned long long)records, rate, now - progress->began, left);
        progress->next = now + LINES_EVERY;
    } else if (due) {
        fprintf(stderr, "\r\033[K%s", line);
        progress->shown = true;
        progress->next = now + LIVE_EVERY;
    }
    if (status_due) {
        notify_status(&progress->notify, line);
        progress->next_status = now + LINES_EVERY;
    }
}

void progress_close(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}

void progress_end(struct progress *progress, const char *text)
{
    progress_close(progress);
    notify_stop(&progress->notify, text);
}
