/* zone.h - local time to instants, by an IANA zone of the system's tzdata or a fixed offset (contract section 13).
 * Room: io.  A zone is read once, into a list of its changes, by one thread before others start: libc's own conversion hangs on the
 * environment and on files. Afterwards a zone is only looked at, by any thread. Changes are found from 1900 to 2200 (contract section 2). */
#ifndef IO_ZONE_H
#define IO_ZONE_H

#include "engine/fault.h"

#include <stdbool.h>
#include <stdint.h>

struct zone;

/* `name`: Asia/Almaty, +05:00, +0500, Z or UTC. 1: there is no such zone; -1: the machine failed. */
int zone_open(struct zone **ret_zone, const char *name, struct fault *fault);
void zone_close(struct zone *zone); /* NULL is taken */

/* `local`: seconds that a clock on the wall shows, counted as if it were UTC. A time that comes twice is the earlier; false: one that
 * does not exist. */
bool zone_instant(const struct zone *zone, int64_t local, int64_t *ret_seconds);

#endif
