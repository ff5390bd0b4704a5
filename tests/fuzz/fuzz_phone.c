/* fuzz_phone.c - phones: against striking out first and comparing after, and what is kept is taken as itself.
 */
#define XXH_INLINE_ALL
#include "engine/check.h"
#include "engine/values.h"

#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool slow_phone(const uint8_t *data, size_t size, uint32_t *ret_phone)
{
    char *left = malloc(size + 1);
    CHECK(left);
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        if (!memchr(" -()", data[i], 4))
            left[count++] = (char)data[i];
    left[count] = '\0';
    const char *digits = left[0] == '+' && left[1] == '7' ? left + 1 : left;
    bool good = strlen(digits) == count - (size_t)(digits - left); /* no NUL inside */
    good = good && strlen(digits) == 11 && strspn(digits, "0123456789") == 11;
    good = good && (strncmp(digits, "77", 2) == 0 || strncmp(digits, "87", 2) == 0);
    good = good && digits[2] != '1' && digits[2] != '2';
    if (good)
        *ret_phone = (uint32_t)strtoul(digits + 2, NULL, 10);
    free(left);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t phone = 0, slow = 0, again = 0;
    bool taken = value_phone((struct span){(const char *)data, size}, &phone);
    CHECK(taken == slow_phone(data, size, &slow));
    if (!taken)
        return 0;
    CHECK(phone == slow && phone <= 999999999);
    char digits[11];
    value_phone_write(phone, digits);
    CHECK(value_phone((struct span){digits, 11}, &again) && again == phone);
    CHECK(value_phone_hash(phone) == XXH3_64bits_withSeed(digits, 11, 0));
    return 0;
}
