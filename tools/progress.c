/* progress.c - see progress.h. */
#include "tools/progress.h"

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
    progress->began = progress->stage_began = progress_now();
    progress->next = progress->began + (lines ? LINES_EVERY : LIVE_EVERY);
}

void progress_stage(struct progress *progress, const char *stage)
{
    progress->stage = stage;
    progress->stage_began = progress_now();
    progress_tick(progress, 0, 1, 0);
}

void progress_tick(struct progress *progress, double done, double total, uint64_t records)
{
    if (!progress->live && !progress->lines)
        return;
    double now = progress_now();
    if (now < progress->next)
        return;
    double share = total > 0 ? done / total : 0, spent = now - progress->stage_began;
    double left = share > 0.01 ? spent / share - spent : 0;
    double rate = now > progress->began ? (double)records / (now - progress->began) : 0;
    if (progress->lines) {
        fprintf(stderr, "stage=%s share=%.3f records=%llu records_per_s=%.0f seconds=%.1f left_s=%.0f\n", progress->stage,
                share, (unsigned long long)records, rate, now - progress->began, left);
        progress->next = now + LINES_EVERY;
    } else {
        fprintf(stderr, "\r\033[K%-8s %3.0f %%  %.0f records/s  %.0f s left", progress->stage, share * 100, rate, left);
        progress->shown = true;
        progress->next = now + LIVE_EVERY;
    }
}

void progress_close(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
