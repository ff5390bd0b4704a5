/* rows.h - what leaves besik, as rows: SMS for the operators, requests for the agencies, rejects (contract section 9).
 * Room: io; no I/O.  Thread: its objects belong to one worker. Rows are copied into the buffer; they fail for want of memory alone. */
#ifndef IO_ROWS_H
#define IO_ROWS_H

#include "engine/apply.h"
#include "engine/sys/buffer.h"
#include "io/ids.h"
#include "io/texts.h"

#define ROWS_SMS_HEADER "sms_id,msisdn,short_code,kind,step,lang,segments,text\n"
#define ROWS_REJECT_HEADER "file,line,kind,outcome,reason,identity,msisdn,detail\n"

struct rows {
    const struct run_facts *run;
    const struct ids *ids;
    struct texts *texts;
    char short_code[9];
};

/* Appends the row of one SMS that goes out. */
int rows_sms(const struct rows *rows, const struct phone *phone, const struct made *made, struct buffer *buffer,
             struct fault *fault);
/* Appends the line of one request that goes out. */
int rows_request(const struct rows *rows, const struct phone *phone, const struct kase *kase, enum agency agency,
                 struct buffer *buffer, struct fault *fault);

struct reject_row {
    struct span file, identity, detail;
    uint64_t line;
    enum kind kind;
    const char *outcome;
    enum reason reason;
    bool phone_known;
    uint32_t phone;
};
int rows_reject(const struct reject_row *row, struct buffer *buffer, struct fault *fault);

#endif
