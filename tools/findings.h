/* findings.h - a row of reconciliation.csv (contract section 10): packed, ordered, written.
 * Room: tools. Used by a run and by `besik report`. Thread: any. Errors: only writing can fail, for want of memory. Times are ms. */
#ifndef TOOLS_FINDINGS_H
#define TOOLS_FINDINGS_H

#include "engine/ref.h"
#include "engine/sys/buffer.h"
#include "engine/words.h"
#include "store/tables.h"

#include <stdbool.h>
#include <stdint.h>

#define FINDING_HEADER "finding,party,id,msisdn,slot,since,detail\n"
#define FINDING_SIZE_MAX 12800

struct finding_row { /* packed: | struct finding_row 32 | party | id | detail | zeros to a multiple of 8 | */
    uint64_t hash;
    int64_t since_ms;
    uint32_t phone;
    uint16_t party_size, id_size, detail_size;
    uint8_t finding, slot; /* slot 0: none */
    bool has_phone;
    uint8_t reserved[3];
};

/* Writes the row and its words to `out` (FINDING_SIZE_MAX bytes); sets the sizes and the hash. Returns the bytes. */
size_t finding_pack(struct finding_row *row, struct span party, struct span id, struct span detail, char *out);
struct span finding_party(const struct finding_row *row);
size_t finding_bytes(const struct finding_row *row);

/* Order of the file: (finding, party, phone hash, msisdn, id, slot, since), then detail. A sort_compare. */
int finding_order(const void *a, const void *b, const void *context);
bool finding_alike(const struct finding_row *a, const struct finding_row *b); /* in all columns but detail */
int finding_write(const struct finding_row *row, struct buffer *out, struct fault *fault);
int finding_write_json(const struct finding_row *row, struct buffer *out, struct fault *fault);

/* receipt_missing is of operators alone one of whose SMS has had a receipt of late; operator_silent of those whose latest message is
 * `silent_after` old, and of which no outage is on. */
bool finding_awaits_receipts(const struct operator_state *operator, int64_t as_of_ms);
bool finding_is_silent(const struct operator_state *operator, uint16_t id, const struct ref *ref, int64_t silent_after, int64_t as_of_ms);

#endif
