/* phone.h - what besik keeps of one phone: its cases, their SMS and requests, and the messages that are remembered.
 * Room: engine (pure).  The record is the unit of storage: decoded when a record or a due time names the phone, changed,
 * encoded again (its bytes are drawn in phone.c). Spans point into the stored bytes, into events, or into the apply's arena; none
 * is owned here. Errors: false, where the bytes are no record.  Thread: a struct phone belongs to one. */
#ifndef ENGINE_PHONE_H
#define ENGINE_PHONE_H

#include "engine/counts.h"
#include "engine/span.h"
#include "engine/words.h"

#include <stdbool.h>
#include <stdint.h>

#define NEVER_MS INT64_MIN /* "has not happened" */
#define SLOT_MAX 9
#define MARK_DAY_MS INT64_C(86400000)
#define CASE_NUMBER_MAX ((1u << 24) - 1) /* what an id can carry */
#define SMS_NUMBER_MAX ((1u << 24) - 1)

struct sms { /* one that went out; its number in the case is its place, from 1 */
    int64_t at_ms; /* as-of of the run that sent it */
    uint16_t operator;
    uint8_t kind;     /* enum sms_kind */
    uint8_t what;     /* enum step, or enum info of an info */
    uint8_t statuses; /* bits by enum receipt_status */
    uint8_t final;    /* 0 none, else RECEIPT_DELIVERED or RECEIPT_FAILED: the first final one */
};

struct request {
    uint8_t made;       /* 1 once the case has asked this agency */
    uint8_t status;     /* enum outcome: the agency's word; OUTCOME_NONE until it answered */
    uint8_t sent;       /* 0: superseded, the answer came in the run that made it */
    uint8_t reported;   /* response_missing was written */
    uint32_t made_run;
    int64_t created_ms; /* as-of of that run */
    int64_t responded_ms;
};

struct kase {
    uint32_t number; /* 1, 2, … on the phone */
    uint8_t slot;    /* 1 … 9 */
    uint8_t step;    /* enum step */
    uint8_t lang;    /* enum lang */
    uint8_t sex;     /* 'M' or 'F' */
    uint8_t child_order;
    uint8_t withdrawn;
    uint8_t outcomes[PHASE_COUNT]; /* enum outcome */
    uint8_t closed_by;             /* enum outcome that closed it, where it is closed */
    uint8_t closed_step;           /* the prompt that expired, where one closed it */
    uint8_t expired_step;          /* the kindergarten prompt that expired while the case went on, else STEP_CLOSED */
    int64_t expired_ms;            /* as-of of the run that gave it up */
    int64_t closed_ms;             /* as-of of the run that closed it last */
    uint32_t region;
    int32_t birth_day;
    int64_t registered_ms;
    int64_t begun_ms; /* as-of of the run that opened the case */
    int64_t since_ms; /* as-of of the run that brought it to its step */
    /* the open prompt */
    uint32_t prompt_run; /* the run that opened it, and that run's as-of */
    int64_t prompt_ms;
    int64_t reminded_ms; /* as-of of the run that sent its reminder, or NEVER_MS */
    uint8_t misses;
    uint32_t missed_run, corrected_run; /* the last run in which a miss counted, a correction was made */
    uint32_t last_sms; /* number of the prompt's last SMS that went out; 0 none */
    /* answers: numbers of their lists, 0 not given */
#define CHOICE_FIELD(step, name, code) uint16_t name;
    CHOICES(CHOICE_FIELD)
    struct span notice_id, hospital, iin, account_on_file, account, surname, given, patronymic, reference;
    struct request requests[AGENCY_COUNT];
    uint32_t sms_first, sms_count; /* into the phone's sms list */
};

struct mark { /* a message that found a case here */
    uint64_t identity;
    uint32_t content; /* half a hash: it is met only beside an equal identity */
    int32_t until;    /* the first day (UTC, since 1970) that begins no earlier than the message: when it may be forgotten */
};

static inline struct mark mark_of(uint64_t identity, uint64_t content, int64_t at_ms)
{
    int64_t day = at_ms / MARK_DAY_MS;
    return (struct mark){identity, (uint32_t)content, (int32_t)(day + (at_ms > day * MARK_DAY_MS))};
}

static inline int64_t mark_ms(const struct mark *mark)
{
    return mark->until * MARK_DAY_MS;
}

/* The lists belong to the caller, who widens them (list_tight) between calls; nothing here allocates. */
struct phone {
    uint64_t hash;
    uint32_t number;
    bool known;            /* has had a case, before or now */
    uint16_t latest_operator;
    int64_t latest_ms;     /* time of the greatest (received_at, operator) that found a case; NEVER_MS */
    int64_t due_ms;        /* the due time that is queued for it; INT64_MAX none */
    struct kase *cases;
    uint32_t case_count, case_capacity;
    struct sms *sms;
    uint32_t sms_count, sms_capacity;
    struct mark *marks;
    uint32_t mark_count, mark_capacity;
};

/* What decoding needs at most, read from the record's head: how many cases, SMS and marks it holds. False: not a record. */
bool phone_measure(struct span record, uint32_t *ret_cases, uint32_t *ret_sms, uint32_t *ret_marks);
/* Fills the phone, whose lists have room by phone_measure; hash and number are set by the caller. Spans point into the
 * record. False where the bytes are no record (a damaged store). */
bool phone_decode(struct phone *phone, struct span record);

/* A bound on what encoding writes, `extra_sms` more SMS counted in. */
size_t phone_encoded_max(const struct phone *phone, uint32_t extra_sms);
/* Encodes without marks older than `forget_before_ms`. Returns the size. The SMS of the cases are given in the order of
 * cases; `sent` holds those that went out now, `sent_case[i]` is the index of the case of sent[i], ascending. */
size_t phone_encode(const struct phone *phone, const struct sms *sent, const uint32_t *sent_case, uint32_t sent_count,
                    int64_t forget_before_ms, char *out);

/* Strikes names, IINs, accounts and the registry's reference from the cases closed before this. False: none had any left.
 * Ids, times, outcomes and SMS stay, and so does all that tells a repeat. */
bool phone_strike(struct phone *phone, int64_t closed_before_ms);
/* Strikes all of every case save ids, times, outcomes and SMS; what stood open is closed as of then, as by a withdrawal: nothing
 * leaves for it any more. Returns how many stood open. */
uint32_t phone_forget(struct phone *phone, int64_t as_of_ms);
/* Was it struck? Every other case has an IIN. */
static inline bool case_is_struck(const struct kase *kase)
{
    return kase->iin.size == 0;
}

/* Is the request overdue: reported, and still waited for? */
bool request_is_overdue(const struct kase *kase, enum agency agency);
/* Adds the phone's cases, `sign` times, to what counts say of all that stand: open, overdue, cases_open, cases_closed. */
void phone_count(const struct phone *phone, int sign, struct counts *counts);

bool phone_is_open(const struct phone *phone); /* has it a case that is not closed */

#endif
