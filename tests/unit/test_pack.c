/* test_pack.c - numbers and ids there and back; what form an id has, at each place of it. */
#include "engine/pack.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(pack, numbers)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        for (int more = -1; more <= 1; more++) {
            uint64_t number = (UINT64_C(1) << bit) + (uint64_t)(int64_t)more, got;
            char bytes[PACK_NUMBER_MAX];
            const char *at = bytes;
            size_t size = (size_t)(pack_number(bytes, number) - bytes);
            cr_assert(unpack_number(&at, bytes + size, &got) && got == number && at == bytes + size);
            at = bytes;
            cr_expect(!unpack_number(&at, bytes + size - 1, &got), "cut");
            cr_expect_eq(unpack_zigzag(pack_zigzag((int64_t)number)), (int64_t)number);
        }
    }
    static const char endless[11] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    const char *at = endless;
    uint64_t got;
    cr_expect(!unpack_number(&at, endless + sizeof endless, &got));
}

static enum pack_form there_and_back(const char *text, size_t size)
{
    char packed[PACK_ID_MAX / 2 + 1], back[PACK_ID_MAX + 1];
    packed[PACK_ID_MAX / 2] = 77;
    enum pack_form form = pack_id(text, size, packed);
    cr_assert_eq(packed[PACK_ID_MAX / 2], 77);
    if (form == PACK_RAW)
        return form;
    memset(back, '!', sizeof back);
    unpack_id(form, packed, size, back);
    cr_assert(memcmp(back, text, size) == 0 && back[size] == '!', "%.*s became %.*s", (int)size, text,
              (int)size, back);
    return form;
}

/* Each byte at each place of ids of each size: hex takes 0-9 and a-f alone. */
Test(pack, each_byte_at_each_place)
{
    for (size_t size = 1; size <= PACK_ID_MAX; size++) {
        char text[PACK_ID_MAX + 1];
        for (size_t i = 0; i < size; i++)
            text[i] = "0123456789abcdef"[(i * 7 + size) % 16];
        cr_assert_eq(there_and_back(text, size), PACK_HEX);
        for (size_t place = 0; place < size; place++) {
            char was = text[place];
            for (unsigned byte = 0; byte < 256; byte++) {
                text[place] = (char)byte;
                bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
                cr_assert_eq(there_and_back(text, size), digit ? PACK_HEX : PACK_RAW, "size %zu, %zu: %u",
                             size, place, byte);
            }
            text[place] = was;
        }
    }
    char longer[PACK_ID_MAX + 1];
    memset(longer, '0', sizeof longer);
    cr_expect_eq(there_and_back(longer, sizeof longer), PACK_RAW);
    cr_expect_eq(there_and_back("", 0), PACK_HEX);
}

Test(pack, uuid)
{
    char text[] = "01234567-89ab-cdef-fedc-ba9876543210";
    cr_assert_eq(there_and_back(text, 36), PACK_UUID);
    for (size_t place = 0; place < 36; place++) {
        char was = text[place];
        for (unsigned byte = 0; byte < 256; byte++) {
            text[place] = (char)byte;
            bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            bool fits = was == '-' ? byte == '-' : digit;
            cr_assert_eq(there_and_back(text, 36), fits ? PACK_UUID : PACK_RAW, "%zu: %u", place, byte);
        }
        text[place] = was;
    }
}
