/* apply.h - everything that a run decides about one phone (contract sections 4, 6, 7, 8, 10).
 * Room: engine (pure: no allocation, no clock, no I/O).  Start: apply_event, then apply_message.c and apply_end.c.
 *
 *   apply_begin  the phone's record as stored, or none
 *   apply_event  its events of this run, in the order of event_compare, each once
 *   apply_end    what waited in vain, the clock, superseding, findings, the next due time
 *
 * Effects are data until the end: what is made may still be superseded, or silenced by a withdrawal. The lists belong to
 * the caller, who must widen what apply_tight names before each event and before the end. Events and the record must stay
 * where they are until the phone's results were read; the next apply_begin empties the lists. Counts, news and totals go on adding up.
 * Errors: a damaged record alone; a list that was not widened is a failed CHECK. Thread: a struct apply belongs to one worker; it
 * shares nothing but struct run_facts, which nobody writes. */
#ifndef ENGINE_APPLY_H
#define ENGINE_APPLY_H

#include "engine/counts.h"
#include "engine/event.h"
#include "engine/flow.h"
#include "engine/phone.h"
#include "engine/ref.h"

struct totals_row { /* a totals record that passed its checks */
    bool of_agency;
    uint16_t operator; /* or */
    uint8_t agency;
    uint8_t kind;      /* enum kind */
    int64_t from_ms, to_ms;
    uint32_t number;   /* what is counted for it is totals_counts[number] */
    int64_t reach_ms;  /* the latest `to` of its kind and party up to it (totals_reach) */
};

struct totals_count {
    uint64_t found;    /* distinct identities */
    uint64_t identity; /* the last one counted, by its number among all that were heard */
};

/* Rows are sorted (kind, party, from), as for qsort, and then told how far each reaches: so a record is counted for those that hold
 * it without being held against all. */
int totals_order(const void *a, const void *b);
void totals_reach(struct totals_row *rows, uint32_t count);

/* What is the same for all phones of a run; read-only while it goes on. */
struct run_facts {
    const struct ref *ref;
    uint32_t run;
    int64_t as_of_ms, previous_ms; /* previous_ms: as-of of the run before, NEVER_MS for the first */
    int64_t remind_after, expire_after, response_after, receipt_after, remember;
    int64_t forget_before_ms;  /* marks older than this count for nothing, be they still stored or not */
    bool lenient;              /* reply_form */
    uint64_t seed;             /* of the hashes that are remembered */
    uint64_t message_seed;     /* of those of messages' content (event_message_seed) */
    const int64_t *settled_ms; /* by operator id: SMS sent up to this as-of were looked at for missing receipts */
    const struct totals_row *totals; /* sorted, and told their reach */
    uint32_t totals_count;
};

enum verdict_outcome { VERDICT_REJECT, VERDICT_MISS, VERDICT_WARNING, VERDICT_DUPLICATE, VERDICT_MENDED,
                       VERDICT_OUTCOME_COUNT };

struct verdict { /* on a record that was not simply applied */
    const struct event *event;
    uint8_t outcome; /* enum verdict_outcome */
    uint8_t reason;  /* enum reason */
    bool phone_known; /* rejects.csv names the phone */
};

struct made { /* an SMS that this run made for a case */
    uint32_t kase;   /* index */
    uint32_t number; /* in the case, given when it is sent; 0: superseded */
    uint8_t kind, what, lang; /* enum sms_kind; enum step, or enum info of an info; enum lang */
    uint8_t reason;           /* of a correction */
    uint8_t form;             /* of a correction for bad_form: enum reply_fault */
    int64_t ends_at_ms;       /* of a reminder */
    struct span place, queue_number, amount, agency_reason;
};

struct found { /* a finding; its id is the SMS's, the request's, the message's or the notice's */
    uint8_t finding;
    bool has_case;
    uint8_t slot;      /* 0 none */
    uint8_t agency;    /* of findings on requests */
    uint16_t operator; /* of findings on SMS and messages */
    uint32_t kase;     /* index, where has_case */
    uint32_t sms_number;
    int64_t since_ms;
    struct span id;    /* message or notice id where the finding has no case's id */
    struct span party; /* hospital */
    bool revived;      /* of late_reply */
};

enum history_event { HISTORY_NOTICE, HISTORY_WITHDRAWAL, HISTORY_RESPONSE, HISTORY_MESSAGE, HISTORY_RECEIPT,
                     HISTORY_REMINDER, HISTORY_EXPIRY, HISTORY_REVIVAL, HISTORY_SUPERSEDED, HISTORY_EVENT_COUNT };
enum history_result { RESULT_DONE, RESULT_MISS, RESULT_REJECT, RESULT_PROMPT, RESULT_INFO, RESULT_CORRECTION,
                      RESULT_REMINDER, RESULT_REQUEST, RESULT_COUNT };
extern const char *const HISTORY_WORDS[HISTORY_EVENT_COUNT];

struct history {
    uint32_t case_number;
    uint8_t event;  /* enum history_event */
    uint8_t result; /* enum history_result */
    uint8_t detail; /* enum reason of a miss or reject; step, info or agency of what was superseded */
    uint8_t step;   /* where the case stands then */
    int64_t at_ms;
    const struct event *source; /* NULL for the clock's doings */
};

struct awaited { /* an SMS that went out waits for its final receipt, or no longer does */
    int64_t at_ms;
    uint16_t operator;
    uint8_t slot;
    bool cancel;
    uint32_t case_number, sms_number;
};

struct heard_identity { /* a record that counts for totals */
    uint64_t identity;
    int64_t at_ms;
    uint16_t party; /* operator id or enum agency */
    uint8_t kind;
};

struct operator_news { /* by operator id */
    int64_t heard_ms;     /* greatest received_at of its messages; NEVER_MS */
    int64_t receipted_ms; /* greatest `at` of receipts of its SMS that were no repeats; NEVER_MS */
    int64_t late_count, late_first_ms, late_last_ms; /* message_late */
};

#define LIST(type)                                                                                    \
    struct {                                                                                          \
        type *items;                                                                                  \
        uint32_t count, capacity;                                                                     \
    }

/* which lists apply_tight can name */
enum apply_list { LIST_CASES, LIST_SMS, LIST_MARKS, LIST_VERDICTS, LIST_MADE, LIST_FOUND, LIST_HISTORY, LIST_AWAITED,
                  LIST_HEARD, LIST_WAITING, LIST_BYTES, LIST_COUNT };

struct apply {
    const struct run_facts *run;
    struct phone phone;
    LIST(struct verdict) verdicts;
    LIST(struct made) made; /* from the end on by case, and within one as they were made */
    LIST(struct found) found;
    LIST(struct history) history;
    LIST(struct awaited) awaited;
    LIST(struct heard_identity) heard;
    LIST(const struct event *) waiting;
    LIST(char) bytes;     /* names and accounts in their accepted form */
    uint32_t *mark_index; /* open addressing over marks; room for four times mark_capacity (a power of two) */
    uint32_t marks_indexed, index_mask;
    struct counts counts;
    struct operator_news *news; /* by operator id */
    struct totals_count *totals_counts; /* by the row's number */
    uint64_t identities;        /* that were heard, of all phones; for totals */
    bool changed;               /* the record must be written */
    bool was_known;             /* there was a record */
    bool was_open;              /* it had an open case */
    bool due_changed;           /* phone.due_ms must be queued */
};

/* `phone`: 9 digits (value_phone); `hash`: value_phone_hash of it. */
void apply_begin(struct apply *apply, uint32_t phone, uint64_t hash);
/* Where there is a record: the caller has widened cases, sms and marks by phone_measure. False: the record is damaged. */
bool apply_load(struct apply *apply, struct span record);
void apply_event(struct apply *apply, const struct event *event);
/* Once; behind it what was made has its numbers, and phone_encode may write the record where `changed` says so. */
void apply_end(struct apply *apply);

/* The first list with too little room for any next event, or for the end; LIST_COUNT where all have enough.
 * *ret_need is the capacity that it must have at least. */
enum apply_list apply_tight(const struct apply *apply, uint32_t *ret_need);

/* The operator through which a phone is served now (section 9). */
uint16_t apply_operator(const struct apply *apply);

/* ---- shared by apply*.c ---- */

struct kase *apply_case_by_notice(struct apply *apply, struct span notice_id);
void apply_verdict(struct apply *apply, const struct event *event, enum verdict_outcome outcome, enum reason reason);
void apply_note(struct apply *apply, const struct kase *kase, enum history_event event, enum history_result result,
                unsigned detail, const struct event *source);
struct made *apply_make(struct apply *apply, struct kase *kase, enum sms_kind kind, unsigned what);
void apply_prompt(struct apply *apply, struct kase *kase, enum step step);
/* Moves a case by the flow table: request, info, outcome, next step. Returns the info made, or NULL. */
struct made *apply_flow(struct apply *apply, struct kase *kase, enum trigger trigger, enum outcome given_up);
void apply_response(struct apply *apply, const struct event *event);
void apply_message(struct apply *apply, const struct event *event);
/* Applies the responses that waited for this request. */
void apply_release_responses(struct apply *apply, const struct kase *kase, enum agency agency);
void apply_find(struct apply *apply, struct found found);
/* The last SMS of the open prompt if it has failed, else NULL. */
const struct sms *apply_failed_sms(const struct apply *apply, const struct kase *kase);
void apply_cancel_awaited(struct apply *apply, const struct kase *kase, uint32_t sms_number);
void apply_hear(struct apply *apply, const struct event *event, unsigned party);

#endif
