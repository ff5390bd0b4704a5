/* test_aes.c - io/aes.h: FIPS 197's own example, and both ways of doing it against each other. */
#include "io/aes.h"

#include <criterion/criterion.h>
#include <string.h>

Test(aes, example_of_the_standard)
{
    static const uint8_t KEY[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static const uint8_t SECRET[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                       0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    uint8_t plain[16], out[16], back[16];
    for (unsigned i = 0; i < 16; i++)
        plain[i] = (uint8_t)(i * 0x11);
    for (unsigned portable = 0; portable < 2; portable++) {
        struct aes aes;
        (portable ? aes_set_portable : aes_set)(&aes, KEY);
        aes_encrypt(&aes, plain, out);
        aes_decrypt(&aes, out, back);
        cr_expect(memcmp(out, SECRET, 16) == 0, "portable %u", portable);
        cr_expect(memcmp(back, plain, 16) == 0, "portable %u", portable);
    }
}

Test(aes, twins_agree)
{
    uint8_t key[16] = {1}, block[16] = {2}, out[16], other[16];
    for (unsigned i = 0; i < 10000; i++) {
        struct aes aes, portable;
        aes_set(&aes, key);
        aes_set_portable(&portable, key);
        aes_encrypt(&aes, block, out);
        aes_encrypt(&portable, block, other);
        cr_assert(memcmp(out, other, 16) == 0, "encrypt, %u", i);
        aes_decrypt(&aes, block, out);
        aes_decrypt(&portable, block, other);
        cr_assert(memcmp(out, other, 16) == 0, "decrypt, %u", i);
        memcpy(key, block, 16);
        memcpy(block, out, 16);
    }
}
