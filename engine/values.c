/* values.c - phones, IINs, accounts and the small ones; see values.h.
 * Times are in value_time.c, UTF-8 in value_utf8.c, names in value_name.c. */
#include "engine/values.h"

#include "engine/lanes.h"

#include <assert.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "digits_8 writes a little-endian word");

#define XXH_INLINE_ALL /* 11 bytes: the length is known here, so the hash folds to a few instructions */
#include <xxhash.h>

/* 0 … 9, or more than 9 where the byte is no digit */
static inline unsigned digit_of(char byte)
{
    return (unsigned)(unsigned char)byte - '0';
}

/* phone */

/* `digits` are the 11 (or more) characters that are left, '+' gone; the leading one is checked by the caller.
 */
static bool phone_take(const char *digits, uint32_t *ret_phone)
{
    uint32_t phone = 0;
    unsigned bad = digits[1] != '7';
    for (unsigned i = 2; i < 11; i++) {
        unsigned digit = digit_of(digits[i]);
        bad |= digit > 9;
        phone = phone * 10 + digit;
    }
    /* land lines begin with 1 or 2 */
    if (bad || digits[2] == '1' || digits[2] == '2')
        return false;
    *ret_phone = phone;
    return true;
}

bool value_phone(struct span text, uint32_t *ret_phone)
{
    /* 11 bytes can only be 11 digits: that is how nearly all of them come */
    if (text.size == 11)
        return (text.data[0] == '7' || text.data[0] == '8') && phone_take(text.data, ret_phone);

    char left[12];
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == ' ' || byte == '-' || byte == '(' || byte == ')')
            continue;
        if (count == sizeof left)
            return false;
        left[count++] = byte;
    }
    if (count == 12)
        return left[0] == '+' && left[1] == '7' && phone_take(left + 1, ret_phone);
    return count == 11 && (left[0] == '7' || left[0] == '8') && phone_take(left, ret_phone);
}

/* Eight digits at once, as lanes of one word: halves, then pairs, then digits, the first one lowest. */
static inline uint64_t digits_8(uint32_t number)
{
    uint64_t halves = (uint64_t)(number % 10000) << 32 | number / 10000;
    uint64_t hundreds = (halves * 10486 >> 20) & 0x0000007f0000007f;
    uint64_t pairs = hundreds | (halves - hundreds * 100) << 16;
    uint64_t tens = (pairs * 103 >> 10) & 0x000f000f000f000f;
    return (tens | (pairs - tens * 10) << 8) + 0x3030303030303030;
}

void value_phone_write(uint32_t phone, char out[11])
{
    uint64_t digits = digits_8(phone % 100000000);
    out[0] = out[1] = '7';
    out[2] = (char)('0' + phone / 100000000);
    memcpy(out + 3, &digits, sizeof digits);
}

uint64_t value_phone_hash(uint32_t phone)
{
    char digits[11];
    value_phone_write(phone, digits);
    return XXH3_64bits(digits, sizeof digits);
}

/* IIN: YYMMDD, century and sex, 4 digits, check digit */

static bool iin_date(const unsigned digits[12])
{
    static const uint8_t DAYS[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = digits[0] * 10 + digits[1];
    unsigned month = digits[2] * 10 + digits[3];
    unsigned day = digits[4] * 10 + digits[5];
    unsigned century = digits[6];
    if (century > 6 || month < 1 || month > 12 || day < 1 || day > DAYS[month])
        return false;
    if (month != 2 || day != 29)
        return true;
    /* 1800 and 1900 were no leap years, 2000 was; a foreigner (0) may be of either century */
    return year % 4 == 0 && (year != 0 || century == 0 || century >= 5);
}

bool value_iin(struct span text)
{
    if (text.size != 12)
        return false;
    unsigned digits[12], bad = 0;
    for (unsigned i = 0; i < 12; i++) {
        digits[i] = digit_of(text.data[i]);
        bad |= digits[i] > 9;
    }
    if (bad || !iin_date(digits))
        return false;
    unsigned first = 0, second = 0;
    for (unsigned i = 0; i < 11; i++) {
        first += digits[i] * (i + 1);
        second += digits[i] * ((i + 2) % 11 + 1); /* 3 … 11, 1, 2 */
    }
    unsigned check = first % 11;
    if (check == 10)
        check = second % 11;
    return check == digits[11]; /* 10 again is no digit, so never equal */
}

/* account: KZ IBAN */

static bool account_checks(const char account[20])
{
    /* ISO 13616: the first four behind the rest, letters as 10 … 35, the whole as one number modulo 97 */
    uint64_t rest = 0;
    for (unsigned i = 0; i < 20; i++) {
        char byte = account[(i + 4) % 20];
        unsigned digit = digit_of(byte);
        rest = digit <= 9 ? rest * 10 + digit : rest * 100 + (unsigned)(byte - 'A' + 10);
        if (i % 7 == 6) /* 97 × 100^7 still fits */
            rest %= 97;
    }
    return rest % 97 == 1;
}

bool value_account(struct span text, char ret_account[20])
{
    char account[20];
    unsigned count = 0;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == ' ')
            continue;
        if (count == sizeof account)
            return false;
        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        bool digit = digit_of(byte) <= 9, letter = byte >= 'A' && byte <= 'Z';
        if (count >= 2 && count < 7 ? !digit : !digit && !letter)
            return false;
        account[count++] = byte;
    }
    if (count != sizeof account || account[0] != 'K' || account[1] != 'Z')
        return false;
    unsigned check = digit_of(account[2]) * 10 + digit_of(account[3]);
    if (check < 2 || check > 98 || !account_checks(account))
        return false;
    memcpy(ret_account, account, sizeof account);
    return true;
}

/* ids and operators */

bool value_id(struct span text)
{
    if (text.size < 1 || text.size > 64)
        return false;
    uint64_t bad = 0; /* a lane's top bit: the byte is no ASCII, under 0x21, or 0x7f */
    for (size_t i = 0; i < text.size; i += 8) {
        uint64_t word = ALL('0');
        memcpy(&word, text.data + i, text.size - i < 8 ? text.size - i : 8);
        uint64_t low = word & ALL(0x7f);
        bad |= word | ~(low + ALL(0x80 - 0x21)) | (low + ALL(1));
    }
    return !(bad & ALL(0x80));
}

bool value_operator(struct span text)
{
    if (text.size < 1 || text.size > 32 || text.data[0] == '_' || text.data[0] == '-')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && digit_of(byte) > 9 && byte != '_' && byte != '-')
            return false;
    }
    return true;
}

/* numbers */

bool value_number(struct span text, uint64_t max, uint64_t *ret_number)
{
    if (text.size == 0)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = digit_of(text.data[i]);
        if (digit > 9 || __builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, digit, &number) || number > max)
            return false;
    }
    *ret_number = number;
    return true;
}

bool value_duration(struct span text, int64_t *ret_ms)
{
    if (text.size == 0)
        return false;
    int64_t unit;
    switch (text.data[text.size - 1]) {
    case 's':
        unit = SECOND_MS;
        break;
    case 'm':
        unit = 60 * SECOND_MS;
        break;
    case 'h':
        unit = HOUR_MS;
        break;
    case 'd':
        unit = DAY_MS;
        break;
    default:
        return false;
    }
    uint64_t number;
    if (!value_number((struct span){text.data, text.size - 1}, (uint64_t)(INT64_MAX / unit), &number))
        return false;
    *ret_ms = (int64_t)number * unit;
    return true;
}

bool value_size(struct span text, uint64_t *ret_bytes)
{
    if (text.size == 0)
        return false;
    char last = text.data[text.size - 1];
    unsigned shift = last == 'k' ? 10 : last == 'M' ? 20 : last == 'G' ? 30 : 0;
    uint64_t number;
    if (!value_number((struct span){text.data, text.size - (shift != 0)}, UINT64_MAX >> shift, &number))
        return false;
    *ret_bytes = number << shift;
    return true;
}
