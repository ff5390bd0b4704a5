/* reader.c - see reader.h. */
#include "tools/reader.h"

#include "engine/flow.h"
#include "engine/values.h"
#include "io/buffer_fields.h"

#include <errno.h>
#include <stdio.h>

int reader_open(struct reader *reader, const char *dir, struct fault *fault)
{
    *reader = (struct reader){.fault = fault, .phone.due_ms = INT64_MAX};
    if (open_store(&reader->store, &reader->ref_set, dir, STORE_READ, fault))
        return -1;
    reader->ref = ref_of(reader->ref_set);
    return ids_open(&reader->ids, reader->store.key, fault);
}

void reader_close(struct reader *reader)
{
    if (!reader->store.dir) /* it was not opened */
        return;
    phone_unload(&reader->phone);
    segment_view_close(&reader->open);
    segment_view_close(&reader->closed);
    ids_close(&reader->ids);
    ref_free(reader->ref_set);
    store_close(&reader->store);
}

/* ---- phones ---- */

static int open_views(struct reader *reader, struct segment_view *open, struct segment_view *closed)
{
    const struct store *store = &reader->store;
    return segment_view_live(open, &store->db, store->snapshot, store->state, SEGMENTED_OPEN, reader->fault) ||
                   segment_view_live(closed, &store->db, store->snapshot, store->state, SEGMENTED_CLOSED, reader->fault)
               ? -1
               : 0;
}

static int load(struct reader *reader, uint64_t hash, uint32_t number, struct span record)
{
    reader->phone.hash = hash;
    reader->phone.number = number;
    return phone_load(&reader->phone, record, reader->fault);
}

/* Both tables in step; a phone that stands in both counts as open, unless its record there is empty. */
static int walk(struct reader *reader, struct segment_view *open, struct segment_view *closed, bool open_only, reader_look *look,
                void *context)
{
    struct fault *fault = reader->fault;
    for (;;) {
        struct segment_entry a, b;
        bool in_open = segment_peek(open, &a), in_closed = !open_only && segment_peek(closed, &b);
        if (!in_open && !in_closed)
            return 0;
        int order = !in_open ? 1 : !in_closed ? -1 : a.hash != b.hash ? COMPARE(a.hash, b.hash) : COMPARE(a.sub, b.sub);
        const struct segment_entry *entry = order < 0 || (order == 0 && a.record.size) ? &a : &b;
        if (entry->record.size && (load(reader, entry->hash, entry->sub, entry->record) || look(reader, context)))
            return -1;
        if ((order <= 0 && segment_next(open, fault)) || (order >= 0 && segment_next(closed, fault)))
            return -1;
    }
}

int reader_each(struct reader *reader, bool open_only, reader_look *look, void *context)
{
    struct segment_view open = {0}, closed = {0};
    int failed = open_views(reader, &open, &closed) || segment_scan(&open, 0, reader->fault) ||
                 (!open_only && segment_scan(&closed, 0, reader->fault)) || walk(reader, &open, &closed, open_only, look, context);
    segment_view_close(&open);
    segment_view_close(&closed);
    return failed ? -1 : 0;
}

int reader_find(struct reader *reader, uint32_t phone)
{
    uint64_t hash = value_phone_hash(phone);
    struct span record;
    reader->phone.hash = hash;
    reader->phone.number = phone;
    reader->phone.case_count = 0;
    if (open_views(reader, &reader->open, &reader->closed)) /* open to the end: the phone's words stand in its record */
        return -1;
    int there = segment_find(&reader->open, hash, phone, &record, reader->fault);
    if (there == 0)
        there = segment_find(&reader->closed, hash, phone, &record, reader->fault);
    return there > 0 && load(reader, hash, phone, record) ? -1 : there;
}

/* Each line of standard input that is not empty. */
static int read_msisdns(struct buffer *phones, struct fault *fault)
{
    char line[128];
    for (unsigned long number = 1; fgets(line, sizeof line, stdin); number++) {
        bool whole = strchr(line, '\n') || feof(stdin);
        uint32_t phone;
        size_t size = strlen(line);
        if (whole && strspn(line, " \t\r\n") == size)
            continue;
        size -= size && line[size - 1] == '\n';
        size -= size && line[size - 1] == '\r';
        if (!whole || !value_phone((struct span){line, size}, &phone))
            return fault_set(fault, FAULT_USAGE, "standard input, line %lu: not a Kazakh mobile number", number);
        if (buffer_add(phones, &phone, sizeof phone, fault))
            return -1;
    }
    if (ferror(stdin))
        return fault_errno(fault, errno, "standard input: read");
    return phones->size ? 0 : fault_set(fault, FAULT_USAGE, "standard input holds no phone number");
}

int reader_msisdns(const char *given, struct buffer *phones, struct fault *fault)
{
    uint32_t phone;
    if (strcmp(given, "-") != 0)
        return value_phone(span_of(given), &phone) ? buffer_add(phones, &phone, sizeof phone, fault)
                                                   : fault_set(fault, FAULT_USAGE, "not a Kazakh mobile number");
    return read_msisdns(phones, fault);
}

int reader_msisdn(const char *given, uint32_t *ret_phone, struct fault *fault)
{
    struct buffer phones = {0};
    int failed = reader_msisdns(given, &phones, fault);
    if (!failed && phones.size > sizeof *ret_phone)
        failed = fault_set(fault, FAULT_USAGE, "standard input holds more than one number: give one");
    if (!failed)
        memcpy(ret_phone, phones.data, sizeof *ret_phone);
    buffer_free(&phones);
    return failed;
}

/* ---- words ---- */

struct span reader_operator(const struct reader *reader, unsigned operator)
{
    return operator< reader->ref->operator_count ? reader->ref->operators[operator].code : SPAN("");
}

const char *reader_sms_status(const struct sms *sms)
{
    return sms->final                                  ? RECEIPT_WORDS[sms->final]
           : sms->statuses & 1u << RECEIPT_ACCEPTED ? RECEIPT_WORDS[RECEIPT_ACCEPTED]
                                                       : "";
}

const char *reader_sms_step(const struct sms *sms)
{
    return sms->kind == SMS_INFO ? INFO_WORDS[sms->what] : STEP_WORDS[sms->what];
}

bool reader_is_failure(const struct history_row *row, uint32_t case_number, const char *id)
{
    char identity[HISTORY_IDENTITY_MAX];
    return row->event == HISTORY_RECEIPT && row->detail == RECEIPT_FAILED && row->case_number == case_number &&
           history_identity(row, identity) >= ID_SIZE && memcmp(identity, id, ID_SIZE) == 0;
}

void reader_result(const struct history_row *row, char out[64])
{
    const char *what = "";
    switch ((enum history_result)row->result) {
    case RESULT_DONE:
        what = row->event == HISTORY_RECEIPT ? RECEIPT_WORDS[row->detail % RECEIPT_STATUS_COUNT] : "taken";
        snprintf(out, 64, "%s", row->event == HISTORY_NOTICE ? "opened" : row->event == HISTORY_REMINDER ? "sent" : what);
        return;
    case RESULT_MISS:
    case RESULT_REJECT:
        snprintf(out, 64, "%s %s", row->result == RESULT_MISS ? "miss" : "reject", REASON_WORDS[row->detail % REASON_COUNT]);
        return;
    case RESULT_PROMPT:
    case RESULT_CORRECTION:
    case RESULT_REMINDER:
        what = row->result == RESULT_PROMPT ? "prompt" : row->result == RESULT_CORRECTION ? "correction" : "reminder";
        snprintf(out, 64, "%s %s", what, STEP_WORDS[row->detail % STEP_COUNT]);
        return;
    case RESULT_INFO:
        snprintf(out, 64, "info %s", INFO_WORDS[row->detail % INFO_COUNT]);
        return;
    case RESULT_REQUEST:
        snprintf(out, 64, "request %s", AGENCY_WORDS[row->detail % AGENCY_COUNT]);
        return;
    case RESULT_COUNT:
        break;
    }
    out[0] = 0;
}

/* ---- JSON ---- */

void reader_put_time(struct buffer *out, const char *key, int64_t ms, struct fault *fault)
{
    buffer_add_text(out, key, fault);
    if (ms == NEVER_MS) {
        buffer_add_text(out, "null", fault);
        return;
    }
    buffer_add(out, "\"", 1, fault);
    buffer_time(out, ms, fault);
    buffer_add(out, "\"", 1, fault);
}

void reader_put_text(struct buffer *out, const char *key, struct span text, struct fault *fault)
{
    buffer_add_text(out, key, fault);
    buffer_json_or_null(out, text, fault);
}
