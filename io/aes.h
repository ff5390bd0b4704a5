/* aes.h - AES-128, a block at a time, without an allocation: libcrypto 3.0 makes some 6,700 before its first block, and crashes
 * when one of them fails. Room: io.  Thread: a struct aes is only read once it is set. Errors: none. Source: FIPS 197.
 * It holds the key's rounds: whoever owns it keeps it out of swap (sys.keep) and wipes it. */
#ifndef IO_AES_H
#define IO_AES_H

#include <stdbool.h>
#include <stdint.h>

#define AES_SIZE 16

struct aes {
    bool portable;             /* libcrypto's plain code, where the processor has no instructions for it */
    uint8_t keys[2][11 * AES_SIZE]; /* of the rounds, to encrypt and to decrypt; not where portable */
    uint32_t plain[2][64];     /* libcrypto's own form of them; only where portable */
};

void aes_set(struct aes *aes, const uint8_t key[AES_SIZE]);
void aes_set_portable(struct aes *aes, const uint8_t key[AES_SIZE]); /* the twin, for tests */
/* `in` and `out` may be the same block. */
void aes_encrypt(const struct aes *aes, const uint8_t in[AES_SIZE], uint8_t out[AES_SIZE]);
void aes_decrypt(const struct aes *aes, const uint8_t in[AES_SIZE], uint8_t out[AES_SIZE]);

#endif
