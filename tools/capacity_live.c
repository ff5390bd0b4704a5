/* capacity_live.c - what is going on, on a terminal: the campaign, its night, and how long it may still take. */
#include "tools/capacity.h"

#include <stdio.h>
#include <unistd.h>

#define EVERY 0.25
#define SHARE_KNOWN 0.03 /* before that much is done nobody can tell */

/* A night's work grows with the cases that are open by then. */
double capacity_work(uint32_t cases, uint32_t days)
{
    return (double)cases * days * (days + 5);
}

void capacity_live_begin(struct capacity *capacity)
{
    struct capacity_live *live = &capacity->live;
    live->on = isatty(STDERR_FILENO) == 1;
    live->began = progress_now();
    live->doing = "";
}

void capacity_live_show(struct capacity *capacity, uint32_t cases, uint32_t night, const char *doing)
{
    capacity->live.cases = cases;
    capacity->live.night = night;
    capacity->live.doing = doing;
    capacity_live_tick(capacity);
}

void capacity_live_tick(struct capacity *capacity)
{
    struct capacity_live *live = &capacity->live;
    double now = live->on ? progress_now() : 0, spent = now - live->began;
    if (!live->on || now < live->next)
        return;
    char cases[32];
    fprintf(stderr, "\r\033[K%s cases, night %u of %u: %s; %.0f s", capacity_grouped(live->cases, cases), live->night,
            capacity->days, live->doing, spent);
    double share = live->total > 0 ? live->done / live->total : 0;
    if (share > SHARE_KNOWN)
        fprintf(stderr, ", %.0f %%, about %.0f s left", share * 100, spent / share - spent);
    live->shown = true;
    live->next = now + EVERY;
}

void capacity_live_end(struct capacity *capacity)
{
    if (capacity->live.shown)
        fputs("\r\033[K", stderr);
    capacity->live.shown = false;
}
