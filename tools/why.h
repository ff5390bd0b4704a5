/* why.h - what made an SMS or a request go out: the run, the entry of history, and by it the input record and the rule.
 * Room: tools.  History tells what befell a case, in order; the flow table tells what each of that sends. So the entry that made
 * something is the last one of its run that can have: of the prompts, corrections and reminders of a run only the last goes out.
 * Thread: the reader's. Errors: -1 with reader->fault; what is not known is no error. */
#ifndef TOOLS_WHY_H
#define TOOLS_WHY_H

#include "tools/reader.h"

struct why_target { /* an SMS, or a request */
    bool is_request;
    enum agency agency;
    enum sms_kind kind;
    unsigned what; /* enum step, or enum info */
    int64_t at_ms; /* as-of of its run */
    uint32_t run;  /* of a request; 0: to be found */
    uint32_t number_before; /* of a reminder: the SMS before it in the case, where that failed; else 0 */
    uint32_t rank; /* how many alike were sent before, as of the same instant */
};

struct why_cause {
    uint32_t run;   /* 0: not known */
    bool known;     /* the rest stands: it may have been struck, or be older than this form of history */
    struct history_row row; /* its spans are not kept; line 0: no record */
    struct buffer identity;
    uint32_t record_run; /* that read the record: `run`, or one before */
    unsigned section;    /* of the contract */
    enum step step;      /* at which the case stood; STEP_COUNT: there was none yet */
    char on[48], says[160];
};

/* The phone's record stands in the reader. 0 or -1; what is not known is told by `ret_cause`. */
int why_find(struct reader *reader, uint32_t case_number, const struct why_target *target, struct why_cause *ret_cause);

#endif
