/* fuzz_iin_account.c - IINs, accounts and the small values: against slow and obvious twins. */
#include "engine/check.h"
#include "engine/values.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slow_iin(const char *text) /* a C string */
{
    if (strlen(text) != 12 || strspn(text, "0123456789") != 12)
        return false;
    bool real = false;
    for (int century = 18; century <= 20; century++) {
        static const char *const SEXES[] = {"12", "034", "056"};
        char date[24];
        int32_t day;
        snprintf(date, sizeof date, "%02d%.2s-%.2s-%.2s", century, text, text + 2, text + 4);
        if (strchr(SEXES[century - 18], text[6]) && value_date((struct span){date, 10}, &day))
            real = true;
    }
    static const int WEIGHTS[2][11] = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                       {3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2}};
    for (int pass = 0; pass < 2; pass++) {
        int sum = 0;
        for (int i = 0; i < 11; i++)
            sum += (text[i] - '0') * WEIGHTS[pass][i];
        if (sum % 11 < 10)
            return real && sum % 11 == text[11] - '0';
    }
    return false;
}

static bool slow_account(const char *text, size_t size, char out[20])
{
    char left[21] = "";
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ')
            continue;
        if (count == 20)
            return false;
        left[count++] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
    }
    if (count != 20 || strncmp(left, "KZ", 2) != 0)
        return false;
    for (int i = 2; i < 20; i++)
        if (!(left[i] >= '0' && left[i] <= '9') && !(i >= 7 && left[i] >= 'A' && left[i] <= 'Z'))
            return false;
    int check = (left[2] - '0') * 10 + left[3] - '0', rest = 0;
    for (int i = 0; i < 20; i++) {
        char byte = left[(i + 4) % 20];
        if (byte >= 'A')
            rest = (rest * 10 + (byte - 'A' + 10) / 10) % 97 * 10 + (byte - 'A' + 10) % 10;
        else
            rest = rest * 10 + byte - '0';
        rest %= 97;
    }
    memcpy(out, left, 20);
    return check >= 2 && check <= 98 && rest == 1;
}

static bool slow_number(const char *text, size_t size, unsigned __int128 unit, uint64_t max,
                        uint64_t *ret_number)
{
    unsigned __int128 number = 0;
    if (size == 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (number <= max)
            number = number * 10 + (unsigned)(text[i] - '0');
    }
    *ret_number = (uint64_t)(number * unit);
    return number <= max && number * unit <= max;
}

static bool all_of(const uint8_t *data, size_t size, int (*is)(int), const char *others)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] == 0 || data[i] >= 0x80 || (!is(data[i]) && !strchr(others, data[i])))
            return false;
    return true;
}

static int is_code(int byte)
{
    return islower(byte) || isdigit(byte);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span given = {(const char *)data, size};
    char text[16] = "";
    memcpy(text, data, size == 12 && !memchr(data, 0, 12) ? 12 : 0);
    CHECK(value_iin(given) == slow_iin(text));

    char account[20], slow[20], again[20];
    bool taken = value_account(given, account);
    CHECK(taken == slow_account(given.data, size, slow));
    if (taken) {
        CHECK(memcmp(account, slow, 20) == 0);
        CHECK(value_account((struct span){account, 20}, again) && memcmp(again, account, 20) == 0);
    }

    CHECK(value_id(given) == (size >= 1 && size <= 64 && all_of(data, size, isgraph, "")));
    CHECK(value_operator(given) ==
          (size >= 1 && size <= 32 && is_code(data[0]) && all_of(data, size, is_code, "_-")));

    static const uint64_t MAXIMA[] = {0, 9, 20, 999, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    uint64_t number = 0, slow_one = 0;
    for (size_t i = 0; i < sizeof MAXIMA / sizeof MAXIMA[0]; i++) {
        taken = value_number(given, MAXIMA[i], &number);
        CHECK(taken == slow_number(given.data, size, 1, MAXIMA[i], &slow_one));
        CHECK(!taken || number == slow_one);
    }

    static const struct {
        char letter;
        int64_t unit;
    } DURATIONS[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    bool expected = false;
    for (size_t i = 0; i < 4 && size > 0; i++)
        if (given.data[size - 1] == DURATIONS[i].letter)
            expected =
                slow_number(given.data, size - 1, (unsigned __int128)DURATIONS[i].unit, INT64_MAX, &slow_one);
    int64_t ms = 0;
    CHECK(value_duration(given, &ms) == expected && (!expected || ms == (int64_t)slow_one));

    static const char SIZES[] = "kMG";
    expected = slow_number(given.data, size, 1, UINT64_MAX, &slow_one);
    for (unsigned i = 0; i < 3 && size > 0; i++)
        if (given.data[size - 1] == SIZES[i])
            expected = slow_number(given.data, size - 1, (unsigned __int128)1 << (10 * (i + 1)), UINT64_MAX,
                                   &slow_one);
    uint64_t bytes = 0;
    CHECK(value_size(given, &bytes) == expected && (!expected || bytes == slow_one));
    return 0;
}
