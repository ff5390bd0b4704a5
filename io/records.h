/* records.h - from the fields of a CSV record to an event, or to the reason why not (contract sections 2 to 4).
 * Room: io; no I/O.  Thread: a struct record_reader belongs to one worker; what it read last stands until its next call.
 * The checks that need a phone's state (duplicate, no_case, …) come later, in engine/apply. */
#ifndef IO_RECORDS_H
#define IO_RECORDS_H

#include "engine/apply.h"
#include "engine/event.h"
#include "engine/ref.h"
#include "io/csv.h"
#include "io/ids.h"

#define RECORD_COLUMNS_MAX 10
#define RECORD_COLUMN_ABSENT UINT32_MAX

struct record_layout { /* what a header says */
    enum kind kind;
    uint32_t column_count;              /* of the header, unknown ones too */
    uint32_t at[RECORD_COLUMNS_MAX];    /* where each column of the kind stands, or RECORD_COLUMN_ABSENT */
};

/* The columns of a kind in the order of section 3, the required ones first. */
unsigned record_columns(enum kind kind);
unsigned record_required(enum kind kind);
const char *record_column(enum kind kind, unsigned column);

/* Is it what a record of the kind may say as its status, of any agency? */
bool record_has_status(enum kind kind, struct span status);

/* Reads a header. False with a reason for people in `wrong` (a column twice, no kind or two fit). */
bool record_layout_read(struct record_layout *layout, const struct csv_field *fields, uint32_t count, char wrong[256]);

struct record_rules { /* the same for a whole run */
    const struct ref *ref;
    int64_t as_of_ms, remember;
    char short_code[9];
};

struct record_reader {
    const struct record_rules *rules;
    const struct ids *ids;
    char scratch[CSV_RECORD_MAX + 64]; /* unquoted fields */
    size_t scratch_size;
    /* the last record read */
    struct event event;                /* piece and line are the caller's */
    char payload[65536];
    char identity[2 * 4096 + 2];       /* as rejects.csv shows it */
    size_t identity_size;
    bool is_part;                      /* the caller's: the next is a part of an SMS, whose text may end with half a character (profile_text.h) */
    bool phone_known;                  /* event.phone is the record's phone in accepted form */
    struct totals_row totals;          /* of KIND_TOTALS */
    uint64_t totals_count;
};

static_assert(offsetof(struct record_reader, payload) == offsetof(struct record_reader, event) + sizeof(struct event),
              "the payload stands right behind its event");

/* Reads a record of field_count fields, as csv_next gave them: one behind another in one buffer. REASON_NONE: `event` and `payload` are it (KIND_TOTALS:
 * `totals`); else the reason why it is rejected, `identity` and `phone_known` set for rejects.csv. */
enum reason record_read(struct record_reader *reader, const struct record_layout *layout, const struct csv_field *fields,
                        uint32_t field_count);

/* Says of the message that was read that it is a part of one. */
void record_add_part(struct record_reader *reader, struct span reference, uint32_t parts, uint32_t part);

#endif
