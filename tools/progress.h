/* progress.h - what a run tells while it goes on: a live line on a terminal, or key=value lines with --progress; and to systemd,
 * where it asks (notify.h). Room: tools.  Told by the calling thread of progress_tick; cheap when it is not time yet.
 * Nothing here fails. `stage` is borrowed until the next. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool live, lines;
    int notify;
    double began, stage_began, next, next_status;
    const char *stage;
    bool shown;
};

double progress_now(void); /* seconds, monotonic */
void progress_open(struct progress *progress, bool lines);
void progress_ready(struct progress *progress); /* nothing that the command or its folders got wrong is left */
void progress_stage(struct progress *progress, const char *stage);
/* done of total units; records in all so far (0: not told). */
void progress_tick(struct progress *progress, double done, double total, uint64_t records);
void progress_close(struct progress *progress); /* wipes the live line */
void progress_end(struct progress *progress, const char *text); /* how it ended, to systemd; closes */

#endif
