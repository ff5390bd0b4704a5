/* ids.c - see ids.h. */
#include "io/ids.h"

#include "engine/check.h"
#include "engine/phone.h"
#include "engine/sys/sys.h"
#include "engine/values.h"

#include <string.h>

#define BLOCK AES_SIZE
#define KIND_SMS 1
#define KIND_REQUEST 2 /* + agency */
#define KIND_PHONE 16

static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

int ids_open(struct ids *ids, const uint8_t key[16], struct fault *fault)
{
    /* the key itself is not used for blocks: it keeps other secrets too */
    static const uint8_t PURPOSE[BLOCK] = "besik ids, 1";
    uint8_t derived[BLOCK];
    (void)fault; /* nothing here can fail */
    sys.keep(ids, sizeof *ids);
    aes_set(&ids->aes, key);
    aes_encrypt(&ids->aes, PURPOSE, derived);
    aes_set(&ids->aes, derived);
    explicit_bzero(derived, sizeof derived);
    return 0;
}

void ids_close(struct ids *ids)
{
    explicit_bzero(ids, sizeof *ids);
}

static void put_big_endian(uint8_t *out, uint32_t number, unsigned size)
{
    while (size--) {
        out[size] = (uint8_t)number;
        number >>= 8;
    }
}

static uint32_t get_big_endian(const uint8_t *in, unsigned size)
{
    uint32_t number = 0;
    while (size--)
        number = number << 8 | *in++;
    return number;
}

static void encode(const struct ids *ids, char letter, uint8_t kind, const struct id_facts *facts, uint32_t sms_number,
                   char out[ID_SIZE])
{
    uint8_t block[BLOCK] = {kind}, secret[BLOCK];
    put_big_endian(block + 1, facts->phone, 4);
    put_big_endian(block + 5, facts->case_number, 3);
    put_big_endian(block + 8, sms_number, 3);
    aes_encrypt(&ids->aes, block, secret);
    out[0] = letter;
    /* 26 digits of 5 bits, two zero bits in front: 13 of the upper 63, one across the middle, 12 of the lower 60 */
    uint64_t high, low;
    memcpy(&high, secret, sizeof high);
    memcpy(&low, secret + 8, sizeof low);
    high = __builtin_bswap64(high);
    low = __builtin_bswap64(low);
    uint64_t upper = high >> 1;
    for (unsigned i = 13; i >= 1; i--, upper >>= 5)
        out[i] = DIGITS[upper & 31];
    out[14] = DIGITS[(high & 1) << 4 | low >> 60];
    for (unsigned i = ID_SIZE - 1; i > 14; i--, low >>= 5)
        out[i] = DIGITS[low & 31];
}

static bool decode(const struct ids *ids, char letter, struct span text, uint8_t *ret_kind, struct id_facts *ret_facts)
{
    if (text.size != ID_SIZE || text.data[0] != letter)
        return false;
    uint8_t secret[BLOCK], block[BLOCK];
    unsigned held = 0, bits = 0, at = 0;
    for (unsigned i = 1; i < ID_SIZE; i++) {
        const char *digit = memchr(DIGITS, text.data[i], 32);
        if (!digit)
            return false;
        held = held << 5 | (unsigned)(digit - DIGITS);
        bits += 5;
        if (i == 1) {
            if (held >> 3)
                return false;
            bits = 3;
        }
        if (bits >= 8) {
            bits -= 8;
            secret[at++] = (uint8_t)(held >> bits);
            held &= (1u << bits) - 1;
        }
    }
    CHECK(at == BLOCK);
    aes_decrypt(&ids->aes, secret, block);
    for (unsigned i = 11; i < BLOCK; i++)
        if (block[i])
            return false;
    *ret_kind = block[0];
    *ret_facts = (struct id_facts){
        .phone = get_big_endian(block + 1, 4),
        .case_number = get_big_endian(block + 5, 3),
        .sms_number = get_big_endian(block + 8, 3),
    };
    return ret_facts->phone <= VALUE_PHONE_MAX && ret_facts->case_number > 0;
}

void ids_sms(const struct ids *ids, const struct id_facts *facts, char out[ID_SIZE])
{
    encode(ids, 's', KIND_SMS, facts, facts->sms_number, out);
}

void ids_request(const struct ids *ids, const struct id_facts *facts, char out[ID_SIZE])
{
    encode(ids, 'q', (uint8_t)(KIND_REQUEST + facts->agency), facts, 0, out);
}

void ids_phone(const struct ids *ids, uint32_t phone, char out[ID_SIZE])
{
    struct id_facts facts = {.phone = phone};
    encode(ids, 'p', KIND_PHONE, &facts, 0, out);
}

bool ids_read_sms(const struct ids *ids, struct span text, struct id_facts *ret_facts)
{
    uint8_t kind;
    return decode(ids, 's', text, &kind, ret_facts) && kind == KIND_SMS && ret_facts->sms_number > 0;
}

bool ids_read_request(const struct ids *ids, struct span text, struct id_facts *ret_facts)
{
    uint8_t kind;
    if (!decode(ids, 'q', text, &kind, ret_facts) || kind < KIND_REQUEST || kind >= KIND_REQUEST + AGENCY_COUNT ||
        ret_facts->sms_number)
        return false;
    ret_facts->agency = (uint8_t)(kind - KIND_REQUEST);
    return true;
}
