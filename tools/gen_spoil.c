/* gen_spoil.c - records that cannot be used, of every reason that contract section 4 knows: a good record of somebody who has no
 * case, with one thing wrong. None of them may change what a case is meant to live through. */
#include "tools/gen_rows.h"

#define FIELDS_MAX 10
#define LONG_SIZE 4100u
#define LONG_SELDOM 8u /* of so many too_long one is written: it is as long as forty good ones */

/* What a column holds: its own faults. */
enum column {
    COLUMN_ID,
    COLUMN_TIME,
    COLUMN_PHONE,
    COLUMN_OPERATOR,
    COLUMN_CODE,
    COLUMN_TEXT,
    COLUMN_IIN,
    COLUMN_BIRTH,
    COLUMN_SEX,
    COLUMN_ORDER,
    COLUMN_REGION,
    COLUMN_ACCOUNT,
    COLUMN_CAUSE,
    COLUMN_STATUS,
    COLUMN_PARTY,
    COLUMN_KIND,
    COLUMN_COUNT_OF,
    COLUMN_EMPTY
};

static const struct shape {
    uint8_t count;
    uint8_t columns[FIELDS_MAX];
} SHAPES[KIND_COUNT] = {
    [KIND_NOTICES] = {10,
                      {COLUMN_ID, COLUMN_TIME, COLUMN_PHONE, COLUMN_IIN, COLUMN_BIRTH, COLUMN_SEX, COLUMN_ORDER, COLUMN_REGION,
                       COLUMN_ACCOUNT, COLUMN_EMPTY}},
    [KIND_WITHDRAWALS] = {3, {COLUMN_ID, COLUMN_TIME, COLUMN_CAUSE}},
    [KIND_RESPONSES] = {8,
                        {COLUMN_ID, COLUMN_STATUS, COLUMN_TIME, COLUMN_EMPTY, COLUMN_EMPTY, COLUMN_EMPTY, COLUMN_EMPTY,
                         COLUMN_EMPTY}},
    [KIND_RECEIPTS] = {5, {COLUMN_ID, COLUMN_STATUS, COLUMN_TIME, COLUMN_OPERATOR, COLUMN_EMPTY}},
    [KIND_TOTALS] = {5, {COLUMN_PARTY, COLUMN_KIND, COLUMN_TIME, COLUMN_TIME, COLUMN_COUNT_OF}},
};
static const struct shape MESSAGES[4] = {
    {6, {COLUMN_OPERATOR, COLUMN_ID, COLUMN_TIME, COLUMN_PHONE, COLUMN_CODE, COLUMN_TEXT}},
    {7, {COLUMN_TIME, COLUMN_PHONE, COLUMN_TEXT, COLUMN_OPERATOR, COLUMN_ID, COLUMN_CODE, COLUMN_EMPTY}},
    {6, {COLUMN_ID, COLUMN_OPERATOR, COLUMN_PHONE, COLUMN_TIME, COLUMN_TEXT, COLUMN_CODE}},
    {6, {COLUMN_OPERATOR, COLUMN_ID, COLUMN_TIME, COLUMN_PHONE, COLUMN_CODE, COLUMN_TEXT}},
};

static const uint8_t FAULTS[KIND_COUNT][16] = {
    [KIND_NOTICES] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_TOO_LONG, REASON_BAD_UTF8, REASON_BAD_ID, REASON_BAD_TIME,
                      REASON_TOO_OLD, REASON_FUTURE, REASON_BAD_MSISDN, REASON_BAD_IIN, REASON_BAD_BIRTH_DATE, REASON_BAD_SEX,
                      REASON_BAD_CHILD_ORDER, REASON_BAD_REGION},
    [KIND_WITHDRAWALS] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_TOO_LONG, REASON_BAD_UTF8, REASON_BAD_ID, REASON_BAD_TIME,
                          REASON_FUTURE, REASON_BAD_CAUSE, REASON_NO_NOTICE},
    [KIND_MESSAGES] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_TOO_LONG, REASON_BAD_UTF8, REASON_BAD_ID, REASON_BAD_TIME,
                       REASON_TOO_OLD, REASON_FUTURE, REASON_BAD_MSISDN, REASON_BAD_OPERATOR, REASON_OTHER_SHORT_CODE,
                       REASON_NO_CASE},
    [KIND_RESPONSES] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_TOO_LONG, REASON_BAD_UTF8, REASON_BAD_ID, REASON_BAD_TIME,
                        REASON_FUTURE, REASON_NO_REQUEST, REASON_BAD_STATUS},
    [KIND_RECEIPTS] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_TOO_LONG, REASON_BAD_UTF8, REASON_BAD_ID, REASON_BAD_TIME,
                       REASON_FUTURE, REASON_NO_SMS, REASON_BAD_STATUS},
    [KIND_TOTALS] = {REASON_BAD_CSV, REASON_BAD_FIELDS, REASON_BAD_PARTY, REASON_BAD_KIND, REASON_BAD_TIME, REASON_BAD_COUNT},
};

struct spoil {
    const struct gen *gen;
    enum kind kind;
    uint16_t party;
    uint32_t day;
    uint64_t hash;
    enum reason fault;
    struct span id; /* of a request or SMS that besik knows; may be empty */
};

static char *put_id(char *out, const struct spoil *spoil)
{
    static const struct span BAD[] = {{"", 0}, {"N 1", 3}, {"№7", 4}};
    bool bad_status = spoil->fault == REASON_BAD_STATUS;
    if (spoil->fault == REASON_BAD_ID)
        return put_span(out, BAD[spoil->hash % 3]);
    if (bad_status && spoil->id.size)
        return put_span(out, spoil->id);
    if (spoil->kind == KIND_RESPONSES || spoil->kind == KIND_RECEIPTS) {
        static const char ALPHABET[] = "0123456789abcdefghjkmnpqrstvwxyz";
        *out++ = spoil->kind == KIND_RESPONSES ? 'q' : 's';
        uint64_t hash = spoil->hash;
        for (unsigned i = 0; i < 26; i++, hash = i == 12 ? gen_mix(hash) : hash / 32)
            *out++ = ALPHABET[hash % 32];
        return out;
    }
    return put_hex(PUT(out, "Z-"), spoil->hash, 16);
}

static char *put_when(char *out, const struct spoil *spoil)
{
    static const struct span BAD[] = {{"2026-02-30T10:00:00+05:00", 25},
                                      {"2026-03-05 10:00:00+05:00", 25},
                                      {"yesterday", 9},
                                      {"2026-03-05T10:00:00", 19},
                                      {"", 0}};
    int64_t ms = gen_as_of(spoil->day) - HOUR_MS - (int64_t)gen_below(spoil->hash, 16, 20 * 3600) * SECOND_MS;
    if (spoil->fault == REASON_BAD_TIME)
        return put_span(out, BAD[spoil->hash % 5]);
    if (spoil->fault == REASON_TOO_OLD)
        ms -= 700 * DAY_MS;
    if (spoil->fault == REASON_FUTURE)
        ms += 9 * DAY_MS; /* a late file's day may lie some before the run's */
    return put_time(out, spoil->gen, ms, TIME_PLAIN);
}

static char *put_msisdn(char *out, const struct spoil *spoil)
{
    static const struct span BAD[] = {
        {"7701123456", 10}, {"74951234567", 11}, {"", 0}, {"7701123456a", 11}, {"77172123456", 11}};
    if (spoil->fault == REASON_BAD_MSISDN)
        return put_span(out, BAD[spoil->hash % 5]);
    return put_phone(out, gen_stranger(spoil->gen, spoil->hash), 0);
}

static char *put_status(char *out, const struct spoil *spoil)
{
    if (spoil->fault == REASON_BAD_STATUS)
        return PUT(out, "lost");
    return spoil->kind == KIND_RESPONSES ? PUT(out, "registered") : PUT(out, "delivered");
}

static char *put_party(char *out, const struct spoil *spoil)
{
    return spoil->fault == REASON_BAD_PARTY ? PUT(out, "nobody") : PUT(out, "registry");
}

static char *put_column(char *out, const struct spoil *spoil, enum column column)
{
    const struct gen *gen = spoil->gen;
    switch (column) {
    case COLUMN_ID:
        return put_id(out, spoil);
    case COLUMN_TIME:
        return put_when(out, spoil);
    case COLUMN_PHONE:
        return put_msisdn(out, spoil);
    case COLUMN_OPERATOR:
        return spoil->fault == REASON_BAD_OPERATOR ? PUT(out, "nomad-tel")
                                                   : put_span(out, gen->ref->operators[spoil->party].code);
    case COLUMN_CODE:
        return spoil->fault == REASON_OTHER_SHORT_CODE ? PUT(out, "1400") : PUT(out, "1414");
    case COLUMN_TEXT:
        return spoil->hash & 1 ? PUT(out, "R 1 1") : PUT(out, "\"Такси, пожалуйста\"");
    case COLUMN_IIN:
        return put_iin(out, spoil->hash, spoil->fault != REASON_BAD_IIN);
    case COLUMN_BIRTH:
        return spoil->fault == REASON_BAD_BIRTH_DATE ? PUT(out, "2027-01-01") : PUT(out, "2026-02-20");
    case COLUMN_SEX:
        return spoil->fault == REASON_BAD_SEX ? PUT(out, "Ж") : PUT(out, "F");
    case COLUMN_ORDER:
        return spoil->fault == REASON_BAD_CHILD_ORDER ? PUT(out, "0") : PUT(out, "1");
    case COLUMN_REGION:
        return spoil->fault == REASON_BAD_REGION ? PUT(out, "999999999")
                                                 : put_digits(out, gen->ref->regions[gen->regions[0]].code, 9);
    case COLUMN_CAUSE:
        return spoil->fault == REASON_BAD_CAUSE ? PUT(out, "unknown") : PUT(out, "mistake");
    case COLUMN_STATUS:
        return put_status(out, spoil);
    case COLUMN_PARTY:
        return put_party(out, spoil);
    case COLUMN_KIND:
        return spoil->fault == REASON_BAD_KIND ? PUT(out, "notices") : PUT(out, "responses");
    case COLUMN_COUNT_OF:
        return spoil->fault == REASON_BAD_COUNT ? PUT(out, "many") : PUT(out, "0");
    case COLUMN_ACCOUNT:
    case COLUMN_EMPTY:
        break;
    }
    return out;
}

static unsigned faults_of(enum kind kind)
{
    unsigned count = 0;
    while (count < 16 && FAULTS[kind][count])
        count++;
    return count;
}

static enum reason draw_fault(enum kind kind, uint64_t hash)
{
    enum reason fault = FAULTS[kind][gen_below(hash, 0, faults_of(kind))];
    return fault == REASON_TOO_LONG && hash >> 40 & (LONG_SELDOM - 1) ? REASON_BAD_FIELDS : fault;
}

static int spoil(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day, uint64_t hash, struct span id,
                 enum reason fault)
{
    struct gen_file *file = gen_files_row(files, kind, party, day);
    if (!file)
        return -1;
    struct spoil spoil = {
        .gen = files->gen, .kind = kind, .party = party, .day = day, .hash = gen_mix(hash), .id = id, .fault = fault};
    const struct shape *shape = kind == KIND_MESSAGES ? &MESSAGES[file->style] : &SHAPES[kind];
    char *out = file->data + file->size;
    unsigned count = spoil.fault == REASON_BAD_FIELDS ? shape->count - 1u : shape->count;
    bool odd_done = false;
    for (unsigned i = 0; i < count; i++) {
        enum column column = shape->columns[i];
        if (i)
            *out++ = ',';
        bool odd = !odd_done && (column == COLUMN_ID || (kind == KIND_TOTALS && i == 0)); /* a column that besik reads */
        odd_done |= odd;
        if (odd && spoil.fault == REASON_BAD_CSV) {
            out = PUT(out, "\"a\"b");
        } else if (odd && spoil.fault == REASON_BAD_UTF8) {
            out = PUT(out, "N\xff");
        } else if (odd && spoil.fault == REASON_TOO_LONG) {
            memset(out, 'x', LONG_SIZE);
            out += LONG_SIZE;
        } else {
            out = put_column(out, &spoil, column);
        }
    }
    out = kind == KIND_MESSAGES && file->style == 1 ? PUT(out, "\r\n") : PUT(out, "\n");
    file->size = (size_t)(out - file->data);
    file->records++;
    return 0;
}

int gen_spoil(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day, uint64_t hash, struct span id)
{
    return spoil(files, kind, party, day, hash, id, draw_fault(kind, hash));
}

int gen_spoil_in_turn(struct gen_files *files, enum kind kind, uint32_t day)
{
    return spoil(files, kind, 0, day, gen_hash(files->gen, GEN_SPOILS, (uint64_t)kind << 32 | day), (struct span){NULL, 0},
                 FAULTS[kind][day % faults_of(kind)]);
}
