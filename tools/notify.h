/* notify.h - what systemd is told of a run, as sd_notify does it: ready, what it is at, how it ended. Room: tools.
 * A datagram socket that $NOTIFY_SOCKET names, opened before the sandbox closes; only written to from then on. Where there is
 * none, or nobody listens, nothing is told and the run goes on: this is for people, and never a failure of a run.
 * Thread: one. Source: sd_notify(3). */
#ifndef TOOLS_NOTIFY_H
#define TOOLS_NOTIFY_H

int notify_open(void); /* -1: nobody asked to be told */
void notify_ready(int *fd);
void notify_status(int *fd, const char *text);
void notify_stop(int *fd, const char *text); /* the last: closes it */

#endif
