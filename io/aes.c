/* aes.c - see aes.h. */
#define OPENSSL_SUPPRESS_DEPRECATED /* AES_encrypt: what replaces it allocates */
#include "io/aes.h"

#include <assert.h>
#include <openssl/aes.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

static_assert(sizeof(AES_KEY) <= sizeof ((struct aes *)0)->plain[0], "room for libcrypto's form of a key");

void aes_set_portable(struct aes *aes, const uint8_t key[AES_SIZE])
{
    *aes = (struct aes){.portable = true};
    AES_set_encrypt_key(key, 128, (AES_KEY *)aes->plain[0]);
    AES_set_decrypt_key(key, 128, (AES_KEY *)aes->plain[1]);
}

#ifdef __x86_64__
#define WITH_AES __attribute__((target("aes,sse2")))

WITH_AES static __m128i next_key(__m128i key, __m128i assist)
{
    assist = _mm_shuffle_epi32(assist, 0xff);
    for (unsigned i = 0; i < 3; i++) /* each word takes in those before it */
        key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    return _mm_xor_si128(key, assist);
}

WITH_AES static void expand(struct aes *aes, const uint8_t key[AES_SIZE])
{
    __m128i k[11];
    k[0] = _mm_loadu_si128((const __m128i *)key);
#define ROUND(i, constant) k[i] = next_key(k[(i) - 1], _mm_aeskeygenassist_si128(k[(i) - 1], constant))
    ROUND(1, 0x01), ROUND(2, 0x02), ROUND(3, 0x04), ROUND(4, 0x08), ROUND(5, 0x10);
    ROUND(6, 0x20), ROUND(7, 0x40), ROUND(8, 0x80), ROUND(9, 0x1b), ROUND(10, 0x36);
#undef ROUND
    __m128i *to = (__m128i *)aes->keys[0], *back = (__m128i *)aes->keys[1];
    for (unsigned i = 0; i <= 10; i++) {
        _mm_storeu_si128(to + i, k[i]);
        _mm_storeu_si128(back + 10 - i, i == 0 || i == 10 ? k[i] : _mm_aesimc_si128(k[i]));
    }
}

WITH_AES static void encrypt_block(const uint8_t *keys, const uint8_t *in, uint8_t *out)
{
    const __m128i *k = (const __m128i *)keys;
    __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)in), _mm_loadu_si128(k));
    for (unsigned i = 1; i < 10; i++)
        block = _mm_aesenc_si128(block, _mm_loadu_si128(k + i));
    _mm_storeu_si128((__m128i *)out, _mm_aesenclast_si128(block, _mm_loadu_si128(k + 10)));
}

WITH_AES static void decrypt_block(const uint8_t *keys, const uint8_t *in, uint8_t *out)
{
    const __m128i *k = (const __m128i *)keys;
    __m128i block = _mm_xor_si128(_mm_loadu_si128((const __m128i *)in), _mm_loadu_si128(k));
    for (unsigned i = 1; i < 10; i++)
        block = _mm_aesdec_si128(block, _mm_loadu_si128(k + i));
    _mm_storeu_si128((__m128i *)out, _mm_aesdeclast_si128(block, _mm_loadu_si128(k + 10)));
}
#endif

void aes_set(struct aes *aes, const uint8_t key[AES_SIZE])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("aes")) {
        *aes = (struct aes){0};
        expand(aes, key);
        return;
    }
#endif
    aes_set_portable(aes, key);
}

void aes_encrypt(const struct aes *aes, const uint8_t in[AES_SIZE], uint8_t out[AES_SIZE])
{
#ifdef __x86_64__
    if (!aes->portable) {
        encrypt_block(aes->keys[0], in, out);
        return;
    }
#endif
    AES_encrypt(in, out, (const AES_KEY *)aes->plain[0]);
}

void aes_decrypt(const struct aes *aes, const uint8_t in[AES_SIZE], uint8_t out[AES_SIZE])
{
#ifdef __x86_64__
    if (!aes->portable) {
        decrypt_block(aes->keys[1], in, out);
        return;
    }
#endif
    AES_decrypt(in, out, (const AES_KEY *)aes->plain[1]);
}
