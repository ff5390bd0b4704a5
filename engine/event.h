/* event.h - one input record that passed its own checks, as it travels to its phone.
 * Room: engine (pure).  An event is a header and a payload of fields; it borrows nothing and is copied whole.
 *
 *   [struct event][u16 size][bytes] [u16 size][bytes] …   the record's fields: identity first, then content, then the rest
 *
 *   byte  0      8      12     16    20                24          28    30    31
 *         at_ms  phone  piece  line  case | operators  SMS number  size  kind  flags | agency | status
 *
 * Thread: any; nothing here is shared. Errors: none, as only records that passed their checks come here.
 * Order within a phone (contract section 4): instant, kind, identity and content field by field as bytes, (file, line). */
#ifndef ENGINE_EVENT_H
#define ENGINE_EVENT_H

#include "engine/span.h"
#include "engine/words.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct event {
    int64_t at_ms;    /* the record's own time */
    uint32_t phone;   /* 9 digits (value_phone) */
    uint32_t piece;   /* which piece of which input file it stood in: file and base line (input's table of pieces) */
    uint32_t line;    /* LFs between the piece's beginning and the record */
    union {
        uint32_t case_number; /* responses and receipts: from the id */
        struct {              /* messages */
            uint16_t operator;      /* id */
            uint16_t operator_rank; /* of its code among all, in byte order */
        };
    };
    uint32_t sms_number; /* receipts: from the id, counted from 1 */
    uint16_t size;       /* bytes of payload behind this header */
    uint8_t kind;        /* enum kind */
    union {
        uint8_t flags;  /* notices and messages: EVENT_… (seven bits) */
        uint8_t agency; /* responses: from the id */
        uint8_t status; /* receipts: enum receipt_status, or more where it is none */
    };
};
static_assert(sizeof(struct event) == 32, "an event header has no padding");

#define EVENT_OTHER_CODE 1  /* a message to another short code: rejected, yet counted for totals */
#define EVENT_PART 4        /* a message that is a part of one; joined before the engine sees it */
#define EVENT_BAD_ACCOUNT 2 /* a notice whose account was not one: a warning if the case opens */
#define EVENT_SIZE_MAX (sizeof(struct event) + 65535)

enum receipt_status { RECEIPT_ACCEPTED, RECEIPT_DELIVERED, RECEIPT_FAILED, RECEIPT_STATUS_COUNT };
extern const char *const RECEIPT_WORDS[RECEIPT_STATUS_COUNT];

/* fields by kind */
enum { NOTICE_ID, NOTICE_IIN, NOTICE_BIRTH_DATE, NOTICE_SEX, NOTICE_CHILD_ORDER, NOTICE_REGION, NOTICE_ACCOUNT,
       NOTICE_HOSPITAL, NOTICE_FIELDS };
enum { WITHDRAWAL_ID, WITHDRAWAL_CAUSE, WITHDRAWAL_FIELDS };
enum { RESPONSE_ID, RESPONSE_STATUS, RESPONSE_REFERENCE, RESPONSE_PLACE, RESPONSE_QUEUE_NUMBER, RESPONSE_AMOUNT,
       RESPONSE_REASON, RESPONSE_FIELDS };
enum { MESSAGE_ID, MESSAGE_TEXT, MESSAGE_FIELDS, MESSAGE_PART = MESSAGE_FIELDS /* of EVENT_PART alone: a byte for how many there
       are, a byte for which it is, and the reference that they share */ }; /* its operator stands in the header; its short code is ours */
enum { RECEIPT_ID, RECEIPT_STATUS, RECEIPT_OPERATOR, RECEIPT_OPERATOR_REF, RECEIPT_STATUS_GIVEN, RECEIPT_FIELDS };
#define EVENT_FIELDS_MAX 8

/* Splits the payload into its fields, which point into the event; returns how many there are. */
unsigned event_fields(const struct event *event, struct span fields[EVENT_FIELDS_MAX]);

static inline const char *event_payload(const struct event *event)
{
    return (const char *)(event + 1);
}

static inline size_t event_bytes(const struct event *event) /* rounded up, so that events may lie one behind another */
{
    return (sizeof *event + event->size + 7) & ~(size_t)7;
}

/* Packed, as it waits in memory or in a spill file: a message in half the bytes, any other as it is and a byte.
 *
 *   message  flags << 1 | 1  phone (4)  time (6)  piece, line, operator, rank (numbers)  id  text     numbers, ids: pack.h
 *   other    0  struct event  payload */
static inline size_t event_packed_max(const struct event *event)
{
    return sizeof *event + event->size + 16;
}
/* `payload` may stand apart from its header. Returns the size. */
size_t event_pack(const struct event *event, const char *payload, char *out);
/* Back into `out` (EVENT_SIZE_MAX) from the packed one at `at`; what it says is trusted. Returns the packed size. */
size_t event_unpack(const char *at, struct event *out);

/* Order of two events of one phone save their (file, line): <0, 0, >0. */
int event_compare(const struct event *a, const struct event *b);

/* Is everything that counts as identity and content alike, time included? */
static inline bool event_equal(const struct event *a, const struct event *b)
{
    return event_compare(a, b) == 0;
}

/* What is remembered of a message: 64 bits each of its identity on the phone and of its content; of a notice likewise.
 * `seed` is drawn from the store's key, so that nobody outside can choose clashes; of a message's content the short code,
 * which is content too, is mixed in (event_message_seed). */
uint64_t event_message_seed(uint64_t seed, struct span short_code);
uint64_t event_identity_hash(const struct event *event, uint64_t seed);
uint64_t event_content_hash(const struct event *event, uint64_t seed);

#endif
