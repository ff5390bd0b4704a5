/* records.c - see records.h. Each kind's checks stand in the order of contract section 4. */
#include "io/records.h"

#include "engine/check.h"
#include "engine/values.h"
#include "io/profile_text.h"

#include <stdio.h>
#include <strings.h>

/* columns by kind: the required ones first */
struct kind_columns {
    unsigned required, count;
    const char *names[RECORD_COLUMNS_MAX];
};
enum { N_ID, N_REGISTERED_AT, N_MSISDN, N_IIN, N_BIRTH_DATE, N_SEX, N_CHILD_ORDER, N_REGION, N_ACCOUNT, N_HOSPITAL };
enum { W_ID, W_AT, W_CAUSE };
enum { M_OPERATOR, M_ID, M_RECEIVED_AT, M_MSISDN, M_SHORT_CODE, M_TEXT };
enum { Q_ID, Q_STATUS, Q_AT, Q_REFERENCE, Q_PLACE, Q_QUEUE_NUMBER, Q_AMOUNT, Q_REASON };
enum { R_ID, R_STATUS, R_AT, R_OPERATOR, R_OPERATOR_REF };
enum { T_PARTY, T_KIND, T_FROM, T_TO, T_COUNT };

static const struct kind_columns COLUMNS[KIND_COUNT] = {
    [KIND_NOTICES] = {8, 10, {"notice_id", "registered_at", "msisdn", "mother_iin", "birth_date", "sex", "child_order",
                              "region", "account", "hospital"}},
    [KIND_WITHDRAWALS] = {3, 3, {"notice_id", "withdrawn_at", "cause"}},
    [KIND_MESSAGES] = {6, 6, {"operator", "message_id", "received_at", "msisdn", "short_code", "text"}},
    [KIND_RESPONSES] = {3, 8, {"request_id", "status", "responded_at", "reference", "place", "queue_number", "amount",
                               "reason"}},
    [KIND_RECEIPTS] = {3, 5, {"sms_id", "status", "at", "operator", "operator_ref"}},
    [KIND_TOTALS] = {5, 5, {"party", "kind", "from", "to", "count"}},
};

unsigned record_columns(enum kind kind)
{
    return COLUMNS[kind].count;
}

unsigned record_required(enum kind kind)
{
    return COLUMNS[kind].required;
}

const char *record_column(enum kind kind, unsigned column)
{
    return COLUMNS[kind].names[column];
}

/* ---- headers ---- */

static bool names_column(const struct csv_field *field, const char *name)
{
    char buffer[64];
    size_t size = strlen(name);
    if (field->size < size || field->size > sizeof buffer)
        return false;
    size_t got = csv_unescape(field, buffer);
    return got == size && memcmp(buffer, name, size) == 0;
}

bool record_layout_read(struct record_layout *layout, const struct csv_field *fields, uint32_t count, char wrong[256])
{
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (csv_same(&fields[i], &fields[j])) {
                snprintf(wrong, 256, "its header names column %u a second time, as column %u", j + 1, i + 1);
                return false;
            }
        }
    }
    enum kind first = KIND_COUNT;
    unsigned fitting = 0, best_missing = UINT32_MAX;
    enum kind nearest = KIND_COUNT;
    const char *missing = NULL;
    for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
        const struct kind_columns *columns = &COLUMNS[kind];
        struct record_layout found = {.kind = kind, .column_count = count};
        unsigned lacks = 0;
        const char *lacked = NULL;
        for (unsigned c = 0; c < columns->count; c++) {
            found.at[c] = RECORD_COLUMN_ABSENT;
            for (uint32_t i = 0; i < count; i++)
                if (names_column(&fields[i], columns->names[c]))
                    found.at[c] = i;
            if (c < columns->required && found.at[c] == RECORD_COLUMN_ABSENT) {
                lacks++;
                if (!lacked)
                    lacked = columns->names[c];
            }
        }
        if (!lacks) {
            first = fitting ? layout->kind : kind;
            *layout = found;
            fitting++;
        } else if (lacks < best_missing && lacks < columns->required) {
            best_missing = lacks;
            nearest = kind;
            missing = lacked;
        }
    }
    if (fitting == 1)
        return true;
    if (fitting > 1)
        snprintf(wrong, 256, "its header fits two kinds of file (%s and %s)", KIND_WORDS[first], KIND_WORDS[layout->kind]);
    else if (nearest != KIND_COUNT)
        snprintf(wrong, 256, "its header fits no kind of file (nearest: %s, which needs column %s)", KIND_WORDS[nearest],
                 missing);
    else
        snprintf(wrong, 256, "its header fits no kind of file (are its columns parted by commas?)");
    return false;
}

/* ---- building ---- */

static void put_field(struct record_reader *reader, struct span field)
{
    uint16_t size = (uint16_t)field.size;
    char *at = reader->payload + reader->event.size;
    CHECK(reader->event.size + sizeof size + field.size <= sizeof reader->payload - 1);
    memcpy(at, &size, sizeof size);
    if (size)
        memcpy(at + sizeof size, field.data, size);
    reader->event.size = (uint16_t)(reader->event.size + sizeof size + size);
}

static void set_identity(struct record_reader *reader, struct span a, const struct span *b)
{
    memcpy(reader->identity, a.data, a.size);
    reader->identity_size = a.size;
    if (b) {
        reader->identity[reader->identity_size++] = ':';
        memcpy(reader->identity + reader->identity_size, b->data, b->size);
        reader->identity_size += b->size;
    }
}

static enum reason check_time(struct record_reader *reader, struct span text, bool remembered)
{
    const struct record_rules *rules = reader->rules;
    if (!value_time(text, &reader->event.at_ms))
        return REASON_BAD_TIME;
    if (remembered && reader->event.at_ms < rules->as_of_ms - rules->remember)
        return REASON_TOO_OLD;
    return reader->event.at_ms > rules->as_of_ms + DAY_MS ? REASON_FUTURE : REASON_NONE;
}

static enum reason bad_id(struct record_reader *reader)
{
    reader->identity_size = 0;
    reader->phone_known = false;
    return REASON_BAD_ID;
}

static bool is_child_order(struct span text)
{
    uint64_t number;
    return text.size <= 2 && value_number(text, 20, &number) && number > 0 && text.data[0] != '0';
}

static enum reason read_notice(struct record_reader *reader, const struct span *f)
{
    struct event *event = &reader->event;
    reader->phone_known = value_phone(f[N_MSISDN], &event->phone);
    set_identity(reader, f[N_ID], NULL);
    if (!value_id(f[N_ID]))
        return bad_id(reader);
    enum reason reason = check_time(reader, f[N_REGISTERED_AT], true);
    if (reason)
        return reason;
    int32_t born;
    uint64_t region;
    const struct ref_region *place;
    char account[20];
    if (!reader->phone_known)
        return REASON_BAD_MSISDN;
    if (!value_iin(f[N_IIN]))
        return REASON_BAD_IIN;
    if (!value_date(f[N_BIRTH_DATE], &born) || born > value_day_of(event->at_ms))
        return REASON_BAD_BIRTH_DATE;
    if (!span_equal(f[N_SEX], SPAN("M")) && !span_equal(f[N_SEX], SPAN("F")))
        return REASON_BAD_SEX;
    if (!is_child_order(f[N_CHILD_ORDER]))
        return REASON_BAD_CHILD_ORDER;
    if (f[N_REGION].size != 9 || !value_number(f[N_REGION], 999999999, &region) ||
        !(place = ref_region(reader->rules->ref, (uint32_t)region)) || !place->active)
        return REASON_BAD_REGION;
    struct span given = f[N_ACCOUNT], on_file = {NULL, 0};
    while (given.size && given.data[0] == ' ')
        given = (struct span){given.data + 1, given.size - 1};
    if (given.size) {
        if (value_account(given, account))
            on_file = (struct span){account, sizeof account};
        else
            event->flags |= EVENT_BAD_ACCOUNT;
    }
    put_field(reader, f[N_ID]);
    put_field(reader, f[N_IIN]);
    put_field(reader, f[N_BIRTH_DATE]);
    put_field(reader, f[N_SEX]);
    put_field(reader, f[N_CHILD_ORDER]);
    put_field(reader, f[N_REGION]);
    put_field(reader, on_file);
    put_field(reader, f[N_HOSPITAL]);
    return REASON_NONE;
}

static enum reason read_withdrawal(struct record_reader *reader, const struct span *f)
{
    set_identity(reader, f[W_ID], NULL);
    if (!value_id(f[W_ID]))
        return bad_id(reader);
    enum reason reason = check_time(reader, f[W_AT], false);
    if (reason)
        return reason;
    if (!span_equal(f[W_CAUSE], SPAN("death")) && !span_equal(f[W_CAUSE], SPAN("mistake")) &&
        !span_equal(f[W_CAUSE], SPAN("other")))
        return REASON_BAD_CAUSE;
    put_field(reader, f[W_ID]);
    put_field(reader, f[W_CAUSE]);
    return REASON_NONE;
}

static enum reason read_message(struct record_reader *reader, const struct span *f)
{
    struct event *event = &reader->event;
    reader->phone_known = value_phone(f[M_MSISDN], &event->phone);
    set_identity(reader, f[M_OPERATOR], &f[M_ID]);
    if (!value_id(f[M_ID]))
        return bad_id(reader);
    enum reason reason = check_time(reader, f[M_RECEIVED_AT], true);
    if (reason)
        return reason;
    if (!reader->phone_known)
        return REASON_BAD_MSISDN;
    int operator = ref_operator(reader->rules->ref, f[M_OPERATOR]);
    if (operator < 0)
        return REASON_BAD_OPERATOR;
    event->operator = (uint16_t)operator;
    event->operator_rank = reader->rules->ref->operator_ranks[operator];
    if (!span_equal(f[M_SHORT_CODE], span_of(reader->rules->short_code)))
        event->flags |= EVENT_OTHER_CODE;
    put_field(reader, f[M_ID]);
    put_field(reader, f[M_TEXT]);
    return REASON_NONE;
}

static enum reason read_response(struct record_reader *reader, const struct span *f)
{
    struct event *event = &reader->event;
    struct id_facts facts;
    set_identity(reader, f[Q_ID], &f[Q_STATUS]);
    if (!value_id(f[Q_ID]))
        return bad_id(reader);
    enum reason reason = check_time(reader, f[Q_AT], false);
    if (reason)
        return reason;
    if (!ids_read_request(reader->ids, f[Q_ID], &facts))
        return REASON_NO_REQUEST;
    event->phone = facts.phone;
    event->case_number = facts.case_number;
    event->agency = facts.agency;
    put_field(reader, f[Q_ID]);
    put_field(reader, f[Q_STATUS]);
    for (unsigned column = Q_REFERENCE; column <= Q_REASON; column++)
        put_field(reader, f[column]);
    return REASON_NONE;
}

/* accepted, delivered, failed, or SMPP's words for them, in any letter case; RECEIPT_STATUS_COUNT: none of them */
static enum receipt_status receipt_status(struct span text)
{
    static const struct {
        const char *word;
        enum receipt_status status;
    } WORDS[] = {
        {"accepted", RECEIPT_ACCEPTED},   {"delivered", RECEIPT_DELIVERED}, {"failed", RECEIPT_FAILED},
        {"ACCEPTD", RECEIPT_ACCEPTED},    {"ENROUTE", RECEIPT_ACCEPTED},    {"UNKNOWN", RECEIPT_ACCEPTED},
        {"DELIVRD", RECEIPT_DELIVERED},   {"UNDELIV", RECEIPT_FAILED},      {"EXPIRED", RECEIPT_FAILED},
        {"DELETED", RECEIPT_FAILED},      {"REJECTD", RECEIPT_FAILED},
    };
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++)
        if (strlen(WORDS[i].word) == text.size && strncasecmp(WORDS[i].word, text.data, text.size) == 0)
            return WORDS[i].status;
    return RECEIPT_STATUS_COUNT;
}

bool record_has_status(enum kind kind, struct span status)
{
    static const enum outcome OF_AGENCIES[] = {OUTCOME_REGISTERED, OUTCOME_QUEUED, OUTCOME_ASSIGNED, OUTCOME_REFUSED};
    for (size_t i = 0; kind == KIND_RESPONSES && i < sizeof OF_AGENCIES / sizeof *OF_AGENCIES; i++)
        if (span_equal(status, span_of(OUTCOME_WORDS[OF_AGENCIES[i]])))
            return true;
    return kind == KIND_RECEIPTS && receipt_status(status) != RECEIPT_STATUS_COUNT;
}

static enum reason read_receipt(struct record_reader *reader, const struct span *f)
{
    struct event *event = &reader->event;
    struct id_facts facts;
    set_identity(reader, f[R_ID], &f[R_STATUS]);
    if (!value_id(f[R_ID]))
        return bad_id(reader);
    enum reason reason = check_time(reader, f[R_AT], false);
    if (reason)
        return reason;
    if (!ids_read_sms(reader->ids, f[R_ID], &facts))
        return REASON_NO_SMS;
    enum receipt_status status = receipt_status(f[R_STATUS]);
    event->phone = facts.phone;
    event->case_number = facts.case_number;
    event->sms_number = facts.sms_number;
    event->status = (uint8_t)status; /* bad_status comes after no_sms, which the phone's state settles */
    put_field(reader, f[R_ID]);
    put_field(reader, status < RECEIPT_STATUS_COUNT ? span_of(RECEIPT_WORDS[status]) : f[R_STATUS]);
    put_field(reader, f[R_OPERATOR]);
    put_field(reader, f[R_OPERATOR_REF]);
    put_field(reader, f[R_STATUS]);
    return REASON_NONE;
}

static enum reason read_totals(struct record_reader *reader, const struct span *f)
{
    struct totals_row *row = &reader->totals;
    *row = (struct totals_row){.of_agency = true, .agency = AGENCY_COUNT, .kind = KIND_COUNT};
    int operator = ref_operator(reader->rules->ref, f[T_PARTY]);
    if (operator >= 0) {
        row->of_agency = false;
        row->operator = (uint16_t)operator;
    }
    for (uint8_t i = 0; i < AGENCY_COUNT && operator < 0; i++)
        if (span_equal(f[T_PARTY], span_of(AGENCY_WORDS[i])))
            row->agency = i;
    if (row->of_agency && row->agency == AGENCY_COUNT)
        return REASON_BAD_PARTY;
    static const enum kind GIVEN[] = {KIND_RESPONSES, KIND_MESSAGES, KIND_RECEIPTS};
    for (unsigned i = row->of_agency ? 0 : 1; i < (row->of_agency ? 1u : 3u); i++)
        if (span_equal(f[T_KIND], span_of(KIND_WORDS[GIVEN[i]])))
            row->kind = (uint8_t)GIVEN[i];
    if (row->kind == KIND_COUNT)
        return REASON_BAD_KIND;
    if (!value_time(f[T_FROM], &row->from_ms) || !value_time(f[T_TO], &row->to_ms))
        return REASON_BAD_TIME;
    return value_number(f[T_COUNT], 999999999999999999u, &reader->totals_count) ? REASON_NONE : REASON_BAD_COUNT;
}

/* A field's value: where it stands, or unquoted in the scratch. */
static struct span field_value(struct record_reader *reader, const struct csv_field *field)
{
    if (!field->escaped)
        return (struct span){field->data, field->size};
    char *out = reader->scratch + reader->scratch_size;
    size_t size = csv_unescape(field, out);
    reader->scratch_size += size;
    return (struct span){out, size};
}

enum reason record_read(struct record_reader *reader, const struct record_layout *layout, const struct csv_field *fields,
                        uint32_t field_count)
{
    reader->event = (struct event){.kind = (uint8_t)layout->kind};
    reader->scratch_size = 0;
    reader->identity_size = 0;
    reader->phone_known = false;
    if (field_count != layout->column_count)
        return REASON_BAD_FIELDS;
    struct span values[RECORD_COLUMNS_MAX];
    unsigned count = COLUMNS[layout->kind].count;
    const struct csv_field *last = &fields[field_count - 1];
    bool all_readable = value_text((struct span){fields[0].data, (size_t)(last->data + last->size - fields[0].data)});
    bool readable = true; /* columns that nobody reads may be anything */
    for (unsigned i = 0; i < count; i++) {
        values[i] = (struct span){"", 0};
        if (layout->at[i] == RECORD_COLUMN_ABSENT)
            continue;
        values[i] = field_value(reader, &fields[layout->at[i]]);
        if (values[i].size > 4096)
            return REASON_TOO_LONG;
        if (!all_readable)
            readable &= reader->is_part && i == M_TEXT ? profile_part_is_text(values[i]) : value_text(values[i]);
    }
    if (!readable)
        return REASON_BAD_UTF8;
    switch (layout->kind) {
    case KIND_NOTICES:
        return read_notice(reader, values);
    case KIND_WITHDRAWALS:
        return read_withdrawal(reader, values);
    case KIND_MESSAGES:
        return read_message(reader, values);
    case KIND_RESPONSES:
        return read_response(reader, values);
    case KIND_RECEIPTS:
        return read_receipt(reader, values);
    case KIND_TOTALS:
        return read_totals(reader, values);
    case KIND_COUNT:
        break;
    }
    CHECK(!"a layout has a kind");
    return REASON_NONE;
}

void record_add_part(struct record_reader *reader, struct span reference, uint32_t parts, uint32_t part)
{
    char field[2 + 64] = {(char)parts, (char)part};
    CHECK(reference.size <= 64 && parts <= 255 && part <= 255 && reader->event.kind == KIND_MESSAGES);
    memcpy(field + 2, reference.data, reference.size);
    put_field(reader, (struct span){field, 2 + reference.size});
    reader->event.flags |= EVENT_PART;
}
