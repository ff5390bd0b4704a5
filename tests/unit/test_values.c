/* test_values.c - the values of contract section 2 and the names of section 7: the shared vectors, then edges
 * of our own. A row is what is given and what is kept; NULL (in the vectors: nothing) means that it is
 * refused. */
#include "engine/values.h"
#include "tests/unit/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <utf8proc.h>

struct row {
    const char *given, *kept;
};

/* Each way to show what is kept: writes it as text, false where it is refused. */
typedef bool keep_function(struct span text, char kept[CELL_MAX]);

static bool keep_phone(struct span text, char kept[CELL_MAX])
{
    uint32_t phone;
    if (!value_phone(text, &phone))
        return false;
    value_phone_write(phone, kept);
    kept[11] = '\0';
    return true;
}

static bool keep_time(struct span text, char kept[CELL_MAX])
{
    int64_t ms;
    if (!value_time(text, &ms))
        return false;
    kept[value_time_write(ms, kept)] = '\0';
    return true;
}

static bool keep_date(struct span text, char kept[CELL_MAX])
{
    int32_t day;
    if (!value_date(text, &day))
        return false;
    value_date_write(day, kept);
    kept[10] = '\0';
    return true;
}

static bool keep_account(struct span text, char kept[CELL_MAX])
{
    kept[20] = '\0';
    return value_account(text, kept);
}

static bool keep_name(struct span text, char kept[CELL_MAX])
{
    static char out[VALUE_NAME_MAX];
    struct value_name name;
    if (!value_text(text) || !value_name(text, out, &name))
        return false;
    snprintf(kept, CELL_MAX, "%.*s|%.*s|%.*s", (int)name.surname.size, name.surname.data,
             (int)name.given.size, name.given.data, (int)name.patronymic.size, name.patronymic.data);
    return true;
}

static bool keep_duration(struct span text, char kept[CELL_MAX])
{
    int64_t ms;
    if (!value_duration(text, &ms))
        return false;
    snprintf(kept, CELL_MAX, "%lld", (long long)ms);
    return true;
}

static bool keep_size(struct span text, char kept[CELL_MAX])
{
    uint64_t bytes;
    if (!value_size(text, &bytes))
        return false;
    snprintf(kept, CELL_MAX, "%llu", (unsigned long long)bytes);
    return true;
}

static bool keep_number_20(struct span text, char kept[CELL_MAX])
{
    uint64_t number;
    if (!value_number(text, 20, &number))
        return false;
    snprintf(kept, CELL_MAX, "%llu", (unsigned long long)number);
    return true;
}

static bool keep_number_any(struct span text, char kept[CELL_MAX])
{
    uint64_t number;
    if (!value_number(text, UINT64_MAX, &number))
        return false;
    snprintf(kept, CELL_MAX, "%llu", (unsigned long long)number);
    return true;
}

/* The yes-or-no ones keep what they were given. */
static bool keep_same(bool (*accepts)(struct span), struct span text, char kept[CELL_MAX])
{
    snprintf(kept, CELL_MAX, "%.*s", (int)text.size, text.data);
    return accepts(text);
}

static bool keep_iin(struct span text, char kept[CELL_MAX])
{
    return keep_same(value_iin, text, kept);
}

static bool keep_id(struct span text, char kept[CELL_MAX])
{
    return keep_same(value_id, text, kept);
}

static bool keep_operator(struct span text, char kept[CELL_MAX])
{
    return keep_same(value_operator, text, kept);
}

static bool keep_text(struct span text, char kept[CELL_MAX])
{
    return keep_same(value_text, text, kept);
}

static void check_row(keep_function *keep, const char *given, const char *kept)
{
    char got[CELL_MAX];
    /* a copy of just its size: a read beyond it is then seen by the sanitizer */
    size_t size = strlen(given);
    char *copy = malloc(size ? size : 1);
    cr_assert_not_null(copy);
    memcpy(copy, given, size);
    bool taken = keep((struct span){copy, size}, got);
    free(copy);
    if (kept)
        cr_expect(taken && strcmp(got, kept) == 0, "'%s': '%s', not '%s'", given, taken ? got : "(refused)",
                  kept);
    else
        cr_expect_not(taken, "'%s' is taken as '%s'", given, got);
}

static void check_rows(keep_function *keep, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(keep, rows[i].given, rows[i].kept);
}

#define CHECK_ROWS(keep, rows) check_rows(keep, rows, sizeof(rows) / sizeof((rows)[0]))

/* `ok_column`: the second column says 1 or 0, not what is kept. */
static void check_vectors(keep_function *keep, const char *path, bool ok_column)
{
    static char cells[COLUMNS_MAX][CELL_MAX];
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    int rows = 0;
    cr_assert_geq(vector_read(file, cells), 2); /* the header */
    while (vector_read(file, cells) >= 2) {
        const char *kept = ok_column ? (cells[1][0] == '1' ? cells[0] : "") : cells[1];
        check_row(keep, cells[0], kept[0] ? kept : NULL);
        rows++;
    }
    fclose(file);
    cr_assert_gt(rows, 10);
}

Test(values, phone)
{
    check_vectors(keep_phone, TESTS_DIR "/vectors/msisdn.csv", false);
    static const struct row ROWS[] = {
        {"77000000000", "77000000000"},
        {"77999999999", "77999999999"},
        {"87999999999", "77999999999"},
        {"77100000000", NULL}, /* land lines */
        {"77200000000", NULL},
        {"87172123456", NULL},
        {"+77300000000", "77300000000"},
        {"(+77011234567)", "77011234567"}, /* what is struck out may stand anywhere */
        {"7-7-0-1-1-2-3-4-5-6-7", "77011234567"},
        {"  -()77011234567)))(((                        ", "77011234567"},
        {"++77011234567", NULL},
        {"7+7011234567", NULL},
        {"77011234567+", NULL},
        {"+87011234567", NULL},
        {"770112345678", NULL},
        {"+7701123456x", NULL}, /* a letter for a digit, in each of the forms */
        {"+7 701 123 45 6x", NULL},
        {"7 701 123 45 6x", NULL},
        {"8 (701) 123-45-6x", NULL},
        {"+7 172 123 45 67", NULL},
        {"8 (717) 212-34-56", NULL}, /* Astana's land lines */
        {"8 (172) 12-34-56", NULL},
        {"9 701 123 45 67", NULL},
        {"+9 701 123 45 67", NULL},
        {"077011234567", NULL},
        {"x77011234567", NULL},
        {"97011234567", NULL},
        {"78011234567", NULL},
        {"7701123456 ", NULL},
        {"77011234567\t", NULL}, /* only spaces are struck out, not other white space */
        {"\xc2\xa0"
         "77011234567",
         NULL},
        {"77011234567\xc2\xa0", NULL},
        {"-", NULL},
        {"+", NULL},
        {"", NULL},
    };
    CHECK_ROWS(keep_phone, ROWS);
}

Test(values, phone_hash)
{
    /* by xxhsum -H3 of the 11 digits */
    static const struct {
        uint32_t phone;
        uint64_t hash;
    } ROWS[] = {
        {0u, 0x0089538971f437bcu},         {11234567u, 0x049b3c1eea324e36u},
        {470000000u, 0x7bf07017904fa534u}, {999999999u, 0x335d496d40568d0au},
        {51234567u, 0x76faa780acf89601u},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        cr_expect_eq(value_phone_hash(ROWS[i].phone), ROWS[i].hash, "%u", ROWS[i].phone);
}

Test(values, time)
{
    check_vectors(keep_time, TESTS_DIR "/vectors/time.csv", false);
    static const struct row ROWS[] = {
        {"2026-11-23t03:15:30z", "2026-11-23T08:15:30+05:00"}, /* either case */
        {"2026-11-23T08:15:30-00:00", "2026-11-23T13:15:30+05:00"},
        {"2026-11-23T08:15:30+23:59", "2026-11-22T13:16:30+05:00"},
        {"2026-11-23T08:15:30-23:59", "2026-11-24T13:14:30+05:00"},
        {"2026-11-23T08:15:30+24:00", NULL},
        {"2026-11-23T08:15:30+05:60", NULL},
        {"2026-11-23T08:15:30.1Z", "2026-11-23T13:15:30.100+05:00"}, /* the fraction, cut to ms */
        {"2026-11-23T08:15:30.12Z", "2026-11-23T13:15:30.120+05:00"},
        {"2026-11-23T08:15:30.001Z", "2026-11-23T13:15:30.001+05:00"},
        {"2026-11-23T08:15:30.9999Z", "2026-11-23T13:15:30.999+05:00"},
        {"2026-11-23T08:15:30.000999999Z", "2026-11-23T13:15:30+05:00"},
        {"2026-11-23T08:15:30.123456789+05:00", "2026-11-23T08:15:30.123+05:00"},
        {"2026-11-23T08:15:30.1234567890Z", NULL},
        {"2026-11-23T08:15:30.1234567890+05:00", NULL},
        {"2026-11-23T08:15:30.Z", NULL},
        {"2026-11-23T08:15:30,5Z", NULL},
        {"2026-11-23T08:15:30.5", NULL},
        {"2026-11-23T08:15:59Z", "2026-11-23T13:15:59+05:00"},
        {"2026-12-31T23:59:60Z", NULL}, /* no leap seconds */
        {"2026-11-23T23:59:59+05:00", "2026-11-23T23:59:59+05:00"},
        {"1900-01-01T00:00:00Z", "1900-01-01T05:00:00+05:00"}, /* the written year counts */
        {"1900-01-01T00:00:00+23:59", "1899-12-31T05:01:00+05:00"},
        {"1899-12-31T23:59:59-10:00", NULL},
        {"2199-12-31T23:59:59.999-23:59", "2200-01-02T04:58:59.999+05:00"},
        {"2200-01-01T00:00:00+23:59", NULL},
        {"1969-12-31T23:59:59.999Z",
         "1970-01-01T04:59:59.999+05:00"}, /* before 1970 the fraction counts up too */
        {"1969-12-31T18:59:59.999Z", "1969-12-31T23:59:59.999+05:00"},
        {"1900-02-29T00:00:00Z", NULL},
        {"2000-02-29T00:00:00Z", "2000-02-29T05:00:00+05:00"},
        {"2100-02-29T00:00:00Z", NULL},
        {"2026-04-31T00:00:00Z", NULL},
        {"2026-00-10T00:00:00Z", NULL},
        {"2026-10-00T00:00:00Z", NULL},
        {"2026-1-23T08:15:30+05:00", NULL},
        {"2026/11/23T08:15:30+05:00", NULL},
        {"2026-11-23T08.15.30+05:00", NULL},
        {" 2026-11-23T08:15:30+05:00", NULL},
        {"2026-11-23T08:15:30+05:00 ", NULL},
        {"2026-11-23T08:15:30+05:0", NULL},
        {"2026-11-23T08:15:30+05-00", NULL},
        {"2026-11-23T08:15:30*05:00", NULL},
        {"2026-11-23T08:15:30+0x:00", NULL},
        {"2026-11-23T08:15:30+05:x0", NULL},
        {"2026-11-23T08:15:30+05", NULL},
        {"2026-11-23T08:15:30 05:00", NULL},
        {"2026-11-23T08:15:30ZZ", NULL},
        {"2026-11-23T08:15:30Z+05:00", NULL},
        {"+026-11-23T08:15:30Z", NULL},
        {"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa6-11-23T08:15:30Z", NULL}, /* other digits */
    };
    CHECK_ROWS(keep_time, ROWS);

    /* any two bytes where two digits should stand: what is taken is digits, though others may weigh as much */
    static const size_t PAIRS[] = {0, 2, 5, 8, 11, 14, 17, 20, 23};
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        char text[] = "2011-11-11T11:11:11+11:11";
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned second = 0; second < 256; second++) {
                int64_t ms;
                text[PAIRS[i]] = (char)first, text[PAIRS[i] + 1] = (char)second;
                if (value_time((struct span){text, sizeof text - 1}, &ms))
                    cr_assert(first >= '0' && first <= '9' && second >= '0' && second <= '9', "%.25s", text);
            }
        }
    }
}

Test(values, day_of)
{
    static const struct {
        const char *time, *day;
    } ROWS[] = {
        {"2026-11-23T23:59:59.999+05:00", "2026-11-23"}, {"2026-11-24T00:00:00+05:00", "2026-11-24"},
        {"2026-11-23T18:59:59Z", "2026-11-23"},          {"2026-11-23T19:00:00Z", "2026-11-24"},
        {"1969-12-31T18:59:59.999Z", "1969-12-31"},      {"1969-12-31T19:00:00Z", "1970-01-01"},
        {"1900-01-01T00:00:00+23:59", "1899-12-31"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        int64_t ms;
        int32_t day;
        cr_assert(value_time(span_of(ROWS[i].time), &ms));
        cr_assert(value_date(span_of(ROWS[i].day), &day));
        cr_expect_eq(value_day_of(ms), day, "%s", ROWS[i].time);
    }
}

Test(values, date)
{
    static const struct row ROWS[] = {
        {"2026-11-23", "2026-11-23"}, {"0001-01-01", "0001-01-01"}, {"9999-12-31", "9999-12-31"},
        {"0000-01-01", NULL},         {"2024-02-29", "2024-02-29"}, {"2023-02-29", NULL},
        {"0004-02-29", "0004-02-29"}, {"1900-02-29", NULL},         {"2000-02-29", "2000-02-29"},
        {"2026-06-31", NULL},         {"2026-13-01", NULL},         {"2026-00-01", NULL},
        {"2026-01-00", NULL},         {"2026-01-32", NULL},         {"2026-1-01", NULL},
        {"2026-01-1", NULL},          {"20260101", NULL},           {"2026-01-01 ", NULL},
        {"2026-01-01T", NULL},        {"2026 01 01", NULL},         {"", NULL},
    };
    CHECK_ROWS(keep_date, ROWS);

    /* every two figures for month and day, of a leap year and another */
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int year = 2023; year <= 2024; year++) {
        for (int month = 0; month < 100; month++) {
            for (int of_month = 0; of_month < 100; of_month++) {
                char text[64];
                int32_t day;
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, of_month);
                bool real = month >= 1 && month <= 12 && of_month >= 1 && of_month <= DAYS[month - 1] + (year == 2024 && month == 2);
                cr_assert_eq(value_date((struct span){text, 10}, &day), real, "%s", text);
            }
        }
    }

    /* every day, one by one, against a calendar that only counts */
    int32_t expected = -719162; /* 0001-01-01 */
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            int leap = month == 2 && (year % 400 == 0 || (year % 4 == 0 && year % 100 != 0));
            for (int of_month = 1; of_month <= DAYS[month - 1] + leap; of_month++, expected++) {
                char text[32], back[10];
                int32_t day;
                snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, of_month);
                cr_assert(value_date((struct span){text, 10}, &day) && day == expected, "%s", text);
                value_date_write(day, back);
                cr_assert_eq(memcmp(text, back, 10), 0, "%s", text);
            }
        }
    }
}

Test(values, iin)
{
    check_vectors(keep_iin, TESTS_DIR "/vectors/iin.csv", true);
    /* what is no digit, where it would weigh as much as the digit that should stand there (11 more) */
    for (unsigned i = 0; i < 12; i++) {
        char text[] = "820524441905";
        text[i] = (char)(text[i] + 11);
        cr_expect_not(value_iin((struct span){text, 12}), "%s", text);
    }
    /* of each month the last day, and no more: some of ten numbers is right, or none is */
    static const int DAYS[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int month = 0; month < 100; month++) {
        for (int day = 0; day < 100; day++) {
            int taken = 0;
            for (int last = 0; last < 100; last++) {
                char text[64];
                snprintf(text, sizeof text, "04%02d%02d5000%02d", month, day, last);
                taken += value_iin((struct span){text, 12});
            }
            cr_expect_eq(taken > 0, month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1], "%02d-%02d", month, day);
        }
    }
    /* whether the date is real decides: some check digit must do, or none may */
    static const struct {
        const char *digits_7;
        bool real;
    } ROWS[] = {
        {"0002290", true},  /* a foreigner of 2000 */
        {"0002291", false}, /* 1800 */
        {"0002293", false}, /* 1900 */
        {"0002294", false}, /* 1900 */
        {"0002295", true},  /* 2000 */
        {"0002296", true},  /* 2000 */
        {"0402292", true},  /* 1804 */
        {"0102290", false}, /* neither 1901 nor 2001 */
        {"0102285", true},  {"9912315", true},  {"9901017", false}, {"9901018", false}, {"9901019", false},
        {"9900013", false}, {"9913013", false}, {"9901003", false}, {"9901323", false}, {"9904313", false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        int taken = 0;
        for (int last = 0; last < 100000; last++) {
            char text[16];
            snprintf(text, sizeof text, "%s%05d", ROWS[i].digits_7, last);
            taken += value_iin((struct span){text, 12});
        }
        /* one of ten, save the few of which no digit is right */
        cr_expect(ROWS[i].real ? taken > 9800 && taken <= 10000 : taken == 0, "%s: %d", ROWS[i].digits_7,
                  taken);
    }
}

Test(values, account)
{
    check_vectors(keep_account, TESTS_DIR "/vectors/account.csv", false);
    static const struct row ROWS[] = {
        {" KZ84722C000012345678 ", "KZ84722C000012345678"},
        {"K Z 8 4 7 2 2 C 0 0 0 0 1 2 3 4 5 6 7 8", "KZ84722C000012345678"},
        {"KZ84\t722C000012345678", NULL}, /* spaces only */
        {"KZ84\xc2\xa0"
         "722C000012345678",
         NULL},
        {"\xd0\x9aZ84722C000012345678", NULL}, /* Cyrillic К */
        {"KZ84722\xd0\xa1"
         "000012345678",
         NULL}, /* Cyrillic С */
        {"KZ8A722C000012345678", NULL},
        {"KY84722C000012345678", NULL}, /* another country */
        {"UZ84722C000012345678", NULL},
        {"KZ84722{000012345678", NULL}, /* just beyond the letters */
        {"KZ84722@000012345678", NULL},
        {"KZ84722C00001234567_", NULL},
        {"KZ84 722C 0000 1234 5678 9", NULL},
        {"KZ", NULL},
        {"                    ", NULL},
        {"", NULL},
    };
    CHECK_ROWS(keep_account, ROWS);

    /* 97 = 00, 98 = 01 and 99 = 02 modulo 97: of two check figures that would both do only the one in 02–98
     * is good */
    for (int bank = 0; bank < 1000; bank++) {
        int taken = 0;
        for (int check = 0; check < 100; check++) {
            char text[64], out[20];
            snprintf(text, sizeof text, "KZ%02d%03d0000000000000", check, bank);
            bool good = value_account((struct span){text, 20}, out);
            cr_assert(!good || (check >= 2 && check <= 98), "%s", text);
            taken += good;
        }
        cr_assert_eq(taken, 1, "%d", bank);
    }
}

/* 97 as a pencil does it: what a byte weighs among the digits, and what is left of the whole. */
static unsigned account_rest(const char account[20])
{
    unsigned rest = 0;
    for (unsigned i = 0; i < 20; i++) {
        char byte = account[(i + 4) % 20];
        unsigned weight = byte >= '0' && byte <= '9' ? (unsigned)(byte - '0') : (unsigned)(byte - 'A' + 10);
        rest = (rest * (weight > 9 ? 100 : 10) + weight) % 97;
    }
    return rest;
}

/* Every byte at every place, with two digits elsewhere that make the check come out right as often as they can: KZ, five digits,
 * then digits and letters, and of the check figures 02 to 98. */
Test(values, account_places)
{
    for (unsigned at = 0; at < 20; at++) {
        unsigned free_at = at < 18 ? 18 : 16;
        for (unsigned byte = 1; byte < 256; byte++) {
            char upper = (char)(byte >= 'a' && byte <= 'z' ? byte - 'a' + 'A' : byte);
            bool digit = byte >= '0' && byte <= '9', letter = upper >= 'A' && upper <= 'Z';
            bool fits = at == 0 ? upper == 'K' : at == 1 ? upper == 'Z' : at < 7 ? digit : digit || letter;
            if (byte == ' ')
                continue; /* struck out: 19 are left */
            unsigned taken = 0, right = 0;
            for (unsigned k = 0; k < 100; k++) {
                char text[21] = "KZ047220000123456780", kept[20];
                text[at] = (char)byte;
                text[free_at] = (char)('0' + k / 10), text[free_at + 1] = (char)('0' + k % 10);
                bool good = value_account((struct span){text, 20}, kept);
                text[at] = upper;
                cr_assert(!good || memcmp(text, kept, 20) == 0);
                taken += good;
                int check = (text[2] - '0') * 10 + text[3] - '0';
                right += account_rest(text) == 1 && check >= 2 && check <= 98;
            }
            cr_expect_eq(taken, fits ? right : 0, "byte %02x at %u: %u of %u", byte, at, taken, right);
        }
    }
}

#define TEN "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

Test(values, id)
{
    static const struct row ROWS[] = {
        {"1", "1"},
        {"!~", "!~"},
        {SIXTY "abcd", SIXTY "abcd"},
        {SIXTY "abcde", NULL},
        {"", NULL},
        {"a b", NULL},
        {" a", NULL},
        {"a\t", NULL},
        {"a\x7f", NULL},
        {"\x1f", NULL},
        {"a,\"b", "a,\"b"},
        {"\xd0\xb0", NULL},
        {"a\x80", NULL},
    };
    CHECK_ROWS(keep_id, ROWS);
    char text[] = SIXTY "abcd "; /* every byte at every place of ids of every size; what stands behind does not count */
    for (size_t size = 1; size <= 64; size++) {
        for (size_t at = 0; at < size; at++) {
            char was = text[at];
            for (int byte = 0; byte < 256; byte++) {
                text[at] = (char)byte;
                cr_assert_eq(value_id((struct span){text, size}), byte > 0x20 && byte < 0x7f, "%02x at %zu of %zu", (unsigned)byte, at, size);
            }
            text[at] = was;
        }
    }
    cr_expect_not(value_id(SPAN("a\0b")));
}

Test(values, operator_code)
{
    static const struct row ROWS[] = {
        {"kcell", "kcell"},
        {"a", "a"},
        {"0", "0"},
        {"a-b_c9", "a-b_c9"},
        {"other", "other"}, /* the form only */
        {TEN TEN TEN "ab", TEN TEN TEN "ab"},
        {TEN TEN TEN "abc", NULL},
        {"", NULL},
        {"_a", NULL},
        {"-a", NULL},
        {"Kcell", NULL},
        {"a b", NULL},
        {"a.b", NULL},
        {"a{b", NULL},
        {"a`b", NULL},
        {"*", NULL},
        {"\xd0\xb0", NULL},
    };
    CHECK_ROWS(keep_operator, ROWS);
    for (int byte = 1; byte < 256; byte++) { /* [a-z0-9][a-z0-9_-]* */
        bool first = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'), behind = first || byte == '_' || byte == '-';
        char text[] = {(char)byte, 'k', (char)byte};
        cr_expect_eq(value_operator((struct span){text, 1}), first, "%02x alone", (unsigned)byte);
        cr_expect_eq(value_operator((struct span){text, 2}), first, "%02x first", (unsigned)byte);
        cr_expect_eq(value_operator((struct span){text + 1, 2}), behind, "%02x behind", (unsigned)byte);
    }
}

Test(values, text)
{
    static const struct row ROWS[] = {
        {"", ""},
        {"\x01\x7f\n", "\x01\x7f\n"},
        {"\xc2\x80", "\xc2\x80"}, /* the ends of each length */
        {"\xdf\xbf", "\xdf\xbf"},
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"\xef\xbf\xbf", "\xef\xbf\xbf"},
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        {"\xc0\x80", NULL}, /* overlong */
        {"\xc1\xbf", NULL},
        {"\xe0\x9f\xbf", NULL},
        {"\xf0\x8f\xbf\xbf", NULL},
        {"\xed\x9f\xbf", "\xed\x9f\xbf"}, /* surrogates, and what lies about them */
        {"\xed\xa0\x80", NULL},
        {"\xed\xbf\xbf", NULL},
        {"\xee\x80\x80", "\xee\x80\x80"},
        {"\xf4\x90\x80\x80", NULL}, /* too great */
        {"\xf5\x80\x80\x80", NULL},
        {"\xff", NULL},
        {"\x80", NULL}, /* a tail alone, a lead alone, cut ones */
        {"a\xd0", NULL},
        {"\xe2\x82", NULL},
        {"\xf0\x9f\x91", NULL},
        {"\xd0\xd0", NULL},
        {"\xe2\x28\xa1", NULL},
    };
    CHECK_ROWS(keep_text, ROWS);

    /* the same at every place of ASCII and of Cyrillic, so that the steps of eight bytes meet it in each lane
     */
    for (int cyrillic = 0; cyrillic < 2; cyrillic++) {
        for (size_t before = 0; before < 20; before++) {
            for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
                char text[128] = "";
                for (size_t k = 0; k < before; k++)
                    strcat(text, cyrillic ? "\xd2\x9b" : "a");
                strcat(text, ROWS[i].given);
                for (size_t k = 0; k < 9; k++)
                    strcat(text, cyrillic ? "\xd1\x8f" : "z");
                cr_expect_eq(value_text(span_of(text)), ROWS[i].kept != NULL, "row %zu at %zu", i, before);
            }
            char text[64];
            memset(text, 'a', sizeof text);
            text[before] = '\0';
            cr_expect_not(value_text((struct span){text, 40}), "NUL at %zu", before);
        }
    }
}

/* Any two bytes, with tails behind them, and each of the four places any byte: valid where the code point that they spell is one
 * and is spelt so. */
static bool spells_code_points(const unsigned char *bytes, size_t size)
{
    while (size) {
        size_t length = bytes[0] < 0x80 ? 1 : bytes[0] < 0xc0 ? 0 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : bytes[0] < 0xf8 ? 4 : 0;
        if (length == 0 || length > size || bytes[0] == 0)
            return false;
        uint32_t code_point = length == 1 ? bytes[0] : bytes[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
            if (bytes[i] < 0x80 || bytes[i] > 0xbf)
                return false;
            code_point = code_point << 6 | (bytes[i] & 0x3f);
        }
        static const uint32_t LEAST[] = {0, 1, 0x80, 0x800, 0x10000};
        if (code_point < LEAST[length] || code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000))
            return false;
        bytes += length;
        size -= length;
    }
    return true;
}

Test(values, text_bytes)
{
    static const unsigned char USUAL[][4] = {{'a', 'a', 'a', 'a'}, {0xd0, 0x90, 0xd1, 0x8f}, {0xe2, 0x82, 0xac, 'a'}, {0xf0, 0x9f, 0x91, 0xb6},
                                             {0xf1, 0x80, 0x80, 0x80}, {0xf4, 0x80, 0x80, 0x80}, {0xed, 0x80, 0x80, 0x80}, {0xe1, 0xbf, 0xbf, 'a'}};
    for (unsigned before = 0; before < 9; before++) { /* in each lane of the steps of eight bytes */
        for (unsigned first = 0; first < 256; first++) {
            for (unsigned second = 0; second < 256; second++) {
                char text[16] = "aaaaaaaaa";
                const unsigned char bytes[] = {(unsigned char)first, (unsigned char)second, 0x80, 0x80};
                for (size_t size = 1; size <= 4; size++) {
                    memcpy(text + before, bytes, size);
                    cr_assert_eq(value_text((struct span){text, before + size}), spells_code_points(bytes, size), "%02x %02x, %zu at %u", first,
                                 second, size, before);
                }
            }
        }
        for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++) {
            for (unsigned at = 0; at < 4; at++) {
                for (unsigned byte = 0; byte < 256; byte++) {
                    char text[16] = "aaaaaaaaa";
                    unsigned char bytes[4];
                    memcpy(bytes, USUAL[i], 4);
                    bytes[at] = (unsigned char)byte;
                    memcpy(text + before, bytes, 4);
                    cr_assert_eq(value_text((struct span){text, before + 4}), spells_code_points(bytes, 4), "row %zu, %u: %02x", i, at, byte);
                }
            }
        }
    }
}

Test(values, decode)
{
    for (uint32_t code_point = 1; code_point < 0x110000; code_point++) {
        if (code_point >= 0xd800 && code_point < 0xe000)
            continue;
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t size = utf8proc_encode_char((utf8proc_int32_t)code_point, bytes);
        uint32_t back;
        cr_assert(value_text((struct span){(const char *)bytes, (size_t)size}), "U+%04X", code_point);
        cr_assert_eq(value_decode((const char *)bytes, &back), size, "U+%04X", code_point);
        cr_assert_eq(back, code_point);
    }
}

Test(values, number)
{
    static const struct row UP_TO_20[] = {
        {"0", "0"},
        {"20", "20"},
        {"21", NULL},
        {"007", "7"},
        {"0000000000000000000000000000000000000020", "20"},
        {"", NULL},
        {"-1", NULL},
        {"+1", NULL},
        {" 1", NULL},
        {"1 ", NULL},
        {"1.0", NULL},
        {"1e1", NULL},
        {"0x1", NULL},
        {"\xd9\xa1", NULL},
        {"99999999999999999999999999", NULL},
    };
    CHECK_ROWS(keep_number_20, UP_TO_20);
    static const struct row ANY[] = {
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", NULL},
        {"18446744073709551620", NULL},
        {"184467440737095516150", NULL},
    };
    CHECK_ROWS(keep_number_any, ANY);
}

Test(values, duration)
{
    static const struct row ROWS[] = {
        {"0s", "0"},
        {"1s", "1000"},
        {"90m", "5400000"},
        {"24h", "86400000"},
        {"400d", "34560000000"},
        {"106751991167d", "9223372036828800000"}, /* the last whole day of int64 */
        {"106751991168d", NULL},
        {"9223372036854775s", "9223372036854775000"},
        {"9223372036854776s", NULL},
        {"18446744073709551616s", NULL},
        {"d", NULL},
        {"1", NULL},
        {"1D", NULL},
        {"1w", NULL},
        {"1d1h", NULL},
        {"1 d", NULL},
        {"1.5h", NULL},
        {"-1d", NULL},
        {"1ms", NULL},
        {"", NULL},
    };
    CHECK_ROWS(keep_duration, ROWS);
}

Test(values, size)
{
    static const struct row ROWS[] = {
        {"0", "0"},
        {"1", "1"},
        {"64k", "65536"},
        {"512M", "536870912"},
        {"2G", "2147483648"},
        {"17179869183G", "18446744072635809792"},
        {"17179869184G", NULL},
        {"18446744073709551615", "18446744073709551615"},
        {"18446744073709551616", NULL},
        {"k", NULL},
        {"1K", NULL},
        {"1m", NULL},
        {"1g", NULL},
        {"1kb", NULL},
        {"1T", NULL},
        {"1 k", NULL},
        {"-1", NULL},
        {"", NULL},
    };
    CHECK_ROWS(keep_size, ROWS);
}

#define LETTERS_8 "абвгдежз"
#define LETTERS_40 LETTERS_8 LETTERS_8 LETTERS_8 LETTERS_8 LETTERS_8

Test(values, name)
{
    check_vectors(keep_name, TESTS_DIR "/vectors/name.csv", false);
    static const struct row ROWS[] = {
        {"А Б", "А|Б|"},
        {"А Б В Г", "А|Б|В Г"},
        {"\t А \r\n Б\xc2\xa0\xc2\xa0В\t\tГ \n", "А|Б|В Г"}, /* white space, before and behind as well */
        {"Ван-дер-Ваальс Ян", "Ван-дер-Ваальс|Ян|"},
        {"О'’-Нил Ян", "О'’-Нил|Ян|"},
        {"Ян 'Нил", NULL},
        {"Ян Нил'", NULL},
        {"Ян ’Нил", NULL},
        {"Ян - Нил", NULL},
        {"Ян Нил -", NULL},
        {"Ян", NULL},
        {"Ян ", NULL},
        {"   ", NULL},
        {"", NULL},
        {"А Б В Г Д", NULL},
        {LETTERS_40 " " LETTERS_40 " " LETTERS_40 " " LETTERS_40,
         LETTERS_40 "|" LETTERS_40 "|" LETTERS_40 " " LETTERS_40},
        {"Ян " LETTERS_40 "а", NULL},
        {LETTERS_40 "-а Ян", NULL},              /* the letters of a word count, not of its parts */
        {LETTERS_8 "-" LETTERS_8 "'’ Ян", NULL}, /* ends with no letter */
        {"а-------------------------------------------б Ян",
         "а-------------------------------------------б|Ян|"},
        {"Аи\xcc\x86 Бе\xcc\x88", "Ай|Бё|"}, /* decomposed */
        {"Жозе\xcc\x81 e\xcc\x81", NULL},    /* е and acute have no composed form: the mark stays */
        {"Jose\xcc\x81 e\xcc\x81", "José|é|"},
        {"e\xcc\xa3\xcc\x82 Ян", "ệ|Ян|"}, /* two marks, in either order */
        {"e\xcc\x82\xcc\xa3 Ян", "ệ|Ян|"},
        {"\xe1\xba\xb9\xcc\x82 Ян", "ệ|Ян|"},
        {"\xe2\x84\xaa \xe2\x84\xab", "K|Å|"}, /* the signs of Kelvin and Ångström are letters in NFC */
        {"u\xcd\x84 Ян", "ǘ|Ян|"},             /* U+0344 comes apart into two marks */
        {"\xcc\x81"
         "а Ян",
         NULL}, /* a mark first, after a space, after a hyphen */
        {"Ян \xcc\x81"
         "а",
         NULL},
        {"а \xcc\x86 Ян", NULL},
        {"а-\xcc\x86"
         "б Ян",
         NULL},
        {"Ян и\xcc\x86\xcc\x86", NULL}, /* one mark too many */
        {"Ян "
         "и\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86"
         "\xcc\x86"
         "\xcc\x86\xcc\x86\xcc\x86\xcc\x86\xcc\x86",
         NULL},
        {"Ян А×Б", NULL},
        {"Ян А÷Б", NULL},
        {"Ян ҂А", NULL},
        {"Ян и\xd2\x83\xcc\x86", NULL},
        {"Ян и\xcc\x86\xd2\x83", NULL},
        {"Ян А҃", NULL},
        {"Ян А҈", NULL},
        {"Ян Ҋ", "Ян|Ҋ|"},
        {"Ян ԯ", "Ян|ԯ|"},
        {"Ян ԱԲ", NULL}, /* Armenian */
        {"Ян Əliyev", "Ян|Əliyev|"},
        {"Ян ẞỿ", "Ян|ẞỿ|"},
        {"Ян ἀ", NULL},
        {"Ян ɐ", NULL}, /* U+0250: beyond 024F */
        {"Ян 각", NULL},
        {"Ян\xe2\x80\x83Нил", NULL}, /* an em space is no white space here */
        {"Ян Нил\xe2\x80\x8b", NULL},
        {"Ян ʼНил", NULL},
        {"Ян Нил`", NULL},
    };
    CHECK_ROWS(keep_name, ROWS);

    /* 40 letters that come in as 120 code points, and 4,096 bytes that are one word of dashes: no bound is
     * passed */
    char text[4097] = "", kept[CELL_MAX];
    for (int i = 0; i < 40; i++)
        strcat(text, "e\xcc\x82\xcc\xa3");
    strcat(text, " Ян");
    cr_expect(keep_name(span_of(text), kept));
    cr_expect_eq(strlen(kept), 40 * 3 + 1 + strlen("Ян") + 1);
    memset(text, '-', 4096);
    memcpy(text, "a b", 3);
    text[4095] = 'c';
    cr_expect(keep_name((struct span){text, 4096}, kept));
    /* what stands behind the text is not looked at, were it a mark */
    cr_expect(keep_name((struct span){"Ян e\xcc\x81\xcc\xa3", strlen("Ян e\xcc\x81")}, kept));
    cr_expect_str_eq(kept, "Ян|é|");
    /* what would not fit the room is no name, wherever the room ends */
    static char out[VALUE_NAME_MAX], long_text[VALUE_NAME_MAX + 64];
    struct value_name name;
    for (size_t over = 0; over < 4; over++) {
        size_t size = VALUE_NAME_MAX - 2 + over;
        memset(long_text, '-', size);
        memcpy(long_text, "a b c", 5);
        memcpy(long_text + size, "d e", 3);
        /* in `out` without the spaces between surname, given name and patronymic */
        bool fits = size + 3 - 2 <= VALUE_NAME_MAX;
        cr_expect_eq(value_name((struct span){long_text, size + 3}, out, &name), fits, "%zu", over);
        memcpy(long_text + size, "\xd0\xaf\xd0\xaf\xd0\xaf", 6); /* letters of two bytes, within a word */
        cr_expect_eq(value_name((struct span){long_text, size + 6}, out, &name), size + 6 - 2 <= VALUE_NAME_MAX, "%zu", over);
        cr_expect_eq(value_name((struct span){long_text, size + 2}, out, &name), size + 2 - 2 <= VALUE_NAME_MAX, "%zu", over);
    }
    /* marks by the thousand, in the order that is the worst to sort, cost no time */
    strcpy(text, "Ян а");
    for (size_t size = strlen(text); size + 4 <= 4096; size += 4)
        memcpy(text + size, size % 8 ? "\xcc\x81\xcc\xa3" : "\xcc\xa3\xcc\xb8", 4);
    cr_expect_not(keep_name((struct span){text, 4096}, kept));
}

/* Why names may be brought to NFC cluster by cluster: no code point that is no mark joins one before it to a
 * letter. */
Test(values, name_clusters)
{
    for (utf8proc_int32_t code_point = 1; code_point < 0x110000; code_point++) {
        if (code_point >= 0xd800 && code_point < 0xe000)
            continue;
        bool mark = utf8proc_get_property(code_point)->combining_class != 0;
        utf8proc_int32_t parts[8], joined[8];
        int boundary = 0;
        utf8proc_ssize_t count =
            utf8proc_decompose_char(code_point, parts, 8, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
        cr_assert(count >= 1 && count <= 4);
        memcpy(joined, parts, sizeof joined);
        utf8proc_ssize_t joined_count =
            utf8proc_normalize_utf32(joined, count, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (joined_count != 1 || !value_is_letter((uint32_t)joined[0]))
            continue;
        cr_assert(!mark && utf8proc_get_property(parts[0])->combining_class == 0, "U+%04X",
                  (unsigned)code_point);
        for (utf8proc_ssize_t i = 1; i < count; i++)
            cr_assert_neq(utf8proc_get_property(parts[i])->combining_class, 0, "U+%04X",
                          (unsigned)code_point);
    }
}

Test(values, letter)
{
    static const struct {
        uint32_t from, to; /* the letters, each range with both ends */
    } RANGES[] = {
        {'A', 'Z'},    {'a', 'z'},     {0xc0, 0xd6},   {0xd8, 0xf6},
        {0xf8, 0x24f}, {0x400, 0x481}, {0x48a, 0x52f}, {0x1e00, 0x1eff},
    };
    for (uint32_t code_point = 0; code_point < 0x110000; code_point++) {
        bool letter = false;
        for (size_t i = 0; i < sizeof RANGES / sizeof RANGES[0]; i++)
            letter = letter || (code_point >= RANGES[i].from && code_point <= RANGES[i].to);
        cr_assert_eq(value_is_letter(code_point), letter, "U+%04X", code_point);
    }
}
