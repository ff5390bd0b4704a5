/* findings.c - see findings.h. */
#include "tools/findings.h"

#include "engine/check.h"
#include "engine/phone.h"
#include "engine/values.h"
#include "io/buffer_fields.h"

#define ACTIVE_WITHIN (7 * DAY_MS)

bool finding_awaits_receipts(const struct operator_state *operator, int64_t as_of_ms)
{
    return operator->receipted_ms != NEVER_MS && operator->receipted_ms >= as_of_ms - ACTIVE_WITHIN;
}

bool finding_is_silent(const struct operator_state *operator, uint16_t id, const struct ref *ref, int64_t silent_after, int64_t as_of_ms)
{
    return operator->heard_ms != NEVER_MS && as_of_ms - operator->heard_ms >= silent_after && !ref_outage_on(ref, id, as_of_ms);
}

size_t finding_pack(struct finding_row *row, struct span party, struct span id, struct span detail, char *out)
{
    CHECK(sizeof *row + party.size + id.size + detail.size + 8 <= FINDING_SIZE_MAX);
    row->party_size = (uint16_t)party.size;
    row->id_size = (uint16_t)id.size;
    row->detail_size = (uint16_t)detail.size;
    row->hash = row->has_phone ? value_phone_hash(row->phone) : 0;
    memcpy(out, row, sizeof *row);
    size_t size = sizeof *row;
    const struct span parts[] = {party, id, detail};
    for (unsigned i = 0; i < 3; i++) {
        if (parts[i].size)
            memcpy(out + size, parts[i].data, parts[i].size);
        size += parts[i].size;
    }
    while (size & 7)
        out[size++] = 0;
    return size;
}

size_t finding_bytes(const struct finding_row *row)
{
    return (sizeof *row + (size_t)row->party_size + row->id_size + row->detail_size + 7) & ~(size_t)7;
}

struct span finding_party(const struct finding_row *row)
{
    return (struct span){(const char *)(row + 1), row->party_size};
}

static struct span row_id(const struct finding_row *row)
{
    return (struct span){(const char *)(row + 1) + row->party_size, row->id_size};
}

static struct span row_detail(const struct finding_row *row)
{
    return (struct span){(const char *)(row + 1) + row->party_size + row->id_size, row->detail_size};
}

static int row_key_order(const struct finding_row *x, const struct finding_row *y)
{
    int order = span_compare(finding_party(x), finding_party(y));
    if (!order)
        order = COMPARE(x->hash, y->hash);
    if (!order)
        order = COMPARE(x->phone, y->phone);
    if (!order)
        order = span_compare(row_id(x), row_id(y));
    if (!order)
        order = COMPARE(x->slot, y->slot);
    if (!order && x->since_ms != y->since_ms) {
        /* as written: bytes order is time order but for the years' width, which is fixed, and the optional fraction */
        char a[VALUE_TIME_MAX], b[VALUE_TIME_MAX];
        struct span text_a = {a, value_time_write(x->since_ms, a)}, text_b = {b, value_time_write(y->since_ms, b)};
        order = span_compare(text_a, text_b);
    }
    return order;
}

int finding_order(const void *a, const void *b, const void *context)
{
    const struct finding_row *x = a, *y = b;
    (void)context;
    int order = COMPARE(x->finding, y->finding);
    if (!order)
        order = row_key_order(x, y);
    return order ? order : span_compare(row_detail(x), row_detail(y));
}

bool finding_alike(const struct finding_row *a, const struct finding_row *b)
{
    return a->finding == b->finding && row_key_order(a, b) == 0;
}

int finding_write(const struct finding_row *row, struct buffer *out, struct fault *fault)
{
    char slot[2] = {(char)('0' + row->slot), 0};
    buffer_format(out, fault, "%s,", FINDING_WORDS[row->finding]);
    buffer_csv(out, finding_party(row), ',', fault);
    buffer_csv(out, row_id(row), ',', fault);
    if (row->has_phone)
        buffer_phone(out, row->phone, fault);
    buffer_format(out, fault, ",%s,", row->slot ? slot : "");
    buffer_time(out, row->since_ms, fault);
    buffer_add(out, ",", 1, fault);
    buffer_csv(out, row_detail(row), '\n', fault);
    return fault->code ? -1 : 0;
}

int finding_write_json(const struct finding_row *row, struct buffer *out, struct fault *fault)
{
    char phone[11], slot[8], since[VALUE_TIME_MAX];
    (void)snprintf(slot, sizeof slot, row->slot ? "%u" : "null", (unsigned)row->slot);
    value_phone_write(row->phone, phone);
    const struct {
        const char *key;
        struct span value;
        bool plain; /* as it is: a number, or null */
    } columns[] = {
        {"{\"finding\":", span_of(FINDING_WORDS[row->finding]), false},
        {",\"party\":", finding_party(row), false},
        {",\"id\":", row_id(row), false},
        {",\"msisdn\":", {phone, row->has_phone ? sizeof phone : 0}, false},
        {",\"slot\":", span_of(slot), true},
        {",\"since\":", {since, value_time_write(row->since_ms, since)}, false},
        {",\"detail\":", row_detail(row), false},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        buffer_add_text(out, columns[i].key, fault);
        if (columns[i].plain)
            buffer_add(out, columns[i].value.data, columns[i].value.size, fault);
        else
            buffer_json_or_null(out, columns[i].value, fault);
    }
    buffer_add(out, "}\n", 2, fault);
    return fault->code ? -1 : 0;
}
