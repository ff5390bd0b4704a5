/* reader.h - what commands share that read a store: its last snapshot, its ids, and one phone after another in the order of
 * section 9, or one alone. Room: tools.  A reader holds no lock: no run waits for it.
 * Thread: one. Errors: -1 with the fault. The phone at hand stands until `look` returns, of reader_find until reader_close. */
#ifndef TOOLS_READER_H
#define TOOLS_READER_H

#include "engine/apply.h"
#include "engine/sys/buffer.h"
#include "io/ids.h"
#include "store/history.h"
#include "store/segment.h"
#include "tools/open_store.h"
#include "tools/phone_load.h"

struct reader {
    struct store store;
    struct ref_set *ref_set;
    const struct ref *ref; /* of ref_set */
    struct fault *fault;
    struct ids ids;
    struct phone phone; /* the one at hand */
    struct segment_view open, closed;
    struct history_reader history;
};

int reader_open(struct reader *reader, const char *dir, struct fault *fault);
void reader_close(struct reader *reader); /* zeroed ones are taken */

/* Every phone once, in the order of (hash, number); `open_only`: those with an open case. */
typedef int reader_look(struct reader *reader, void *context);
int reader_each(struct reader *reader, bool open_only, reader_look *look, void *context);

/* 1 and the record in reader->phone (case_count 0 where there is none: 0), -1. Once a reader. */
int reader_find(struct reader *reader, uint32_t phone);

/* The number from the command line, or with '-' those of standard input, one a line, so that they stand in no list of processes: at
 * least one, appended to `phones` as uint32_t. A line that is none is told by its place alone. */
int reader_msisdns(const char *given, struct buffer *phones, struct fault *fault);
int reader_msisdn(const char *given, uint32_t *ret_phone, struct fault *fault); /* of one */

/* ---- words for what records hold; "" or an empty span: none ---- */

struct span reader_operator(const struct reader *reader, unsigned operator);
const char *reader_sms_status(const struct sms *sms);
const char *reader_sms_step(const struct sms *sms);
void reader_result(const struct history_row *row, char out[64]);

/* Is it the receipt that says that the case's SMS of that id (ID_SIZE) failed? */
bool reader_is_failure(const struct history_row *row, uint32_t case_number, const char *id);

/* ---- pieces of JSON: `key` with all that stands before the value ---- */

void reader_put_time(struct buffer *out, const char *key, int64_t ms, struct fault *fault); /* NEVER_MS: null */
void reader_put_text(struct buffer *out, const char *key, struct span text, struct fault *fault); /* empty: null */

#endif
