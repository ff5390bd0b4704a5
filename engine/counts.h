/* counts.h - what a run counts (contract section 9, run.json). Room: engine. One a worker, added up by the
 * one thread that goes on after the pass. In units of records, SMS, cases. */
#ifndef ENGINE_COUNTS_H
#define ENGINE_COUNTS_H

#include "engine/words.h"

#include <stddef.h>
#include <stdint.h>

#define SMS_WHAT_MAX 16 /* steps or infos */

struct counts {
    int64_t records[KIND_COUNT];
    int64_t rejects[KIND_COUNT][REASON_COUNT];
    int64_t misses[REASON_COUNT];
    int64_t sms[SMS_KIND_COUNT][SMS_WHAT_MAX];
    int64_t requests[AGENCY_COUNT];
    int64_t superseded, opened, closed, revived, withdrawn;
    int64_t given_up[2]; /* missed, expired */
    int64_t outcomes[PHASE_COUNT][OUTCOME_COUNT];
    int64_t findings[FINDING_COUNT];
    int64_t open[STEP_COUNT]; /* by step; a worker's are changes, the store's the sum */
    int64_t overdue[AGENCY_COUNT]; /* requests that were reported as response_missing and wait on; likewise */
    int64_t cases_open, cases_closed;
};

/* All members are int64_t: adding is adding arrays. */
static inline void counts_add(struct counts *sum, const struct counts *part)
{
    int64_t *to = (int64_t *)sum;
    const int64_t *from = (const int64_t *)part;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

#endif
