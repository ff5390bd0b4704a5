/* test_ids.c - request and SMS ids: there and back, and what was never issued is known as such (contract, section 9). */
#include "engine/phone.h"
#include "io/ids.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const uint8_t KEY[16] = "0123456789abcdef", OTHER_KEY[16] = "0123456789abcdeg";
static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

static uint64_t dice_state = 99;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state % sides;
}

static struct ids open_ids(const uint8_t key[16])
{
    struct ids ids;
    struct fault fault = {0};
    cr_assert_eq(ids_open(&ids, key, &fault), 0);
    return ids;
}

static struct id_facts some_facts(unsigned round)
{
    static const struct id_facts EDGES[] = {
        {0, 1, 1, 0},
        {999999999, CASE_NUMBER_MAX, SMS_NUMBER_MAX, 2},
        {10000001, 1, 1, 1},
        {1, CASE_NUMBER_MAX, 1, 2},
    };
    if (round < sizeof EDGES / sizeof *EDGES)
        return EDGES[round];
    return (struct id_facts){(uint32_t)dice(1000000000), (uint32_t)(1 + dice(dice(2) ? 9 : CASE_NUMBER_MAX)),
                             (uint32_t)(1 + dice(dice(2) ? 40 : SMS_NUMBER_MAX)), (uint8_t)dice(AGENCY_COUNT)};
}

static bool reads(const struct ids *ids, struct span text)
{
    struct id_facts facts;
    return ids_read_sms(ids, text, &facts) || ids_read_request(ids, text, &facts);
}

Test(ids, there_and_back)
{
    struct ids ids = open_ids(KEY), again = open_ids(KEY);
    for (unsigned round = 0; round < 4000; round++) {
        struct id_facts facts = some_facts(round), got = {0};
        char sms[ID_SIZE], request[ID_SIZE], same[ID_SIZE];
        ids_sms(&ids, &facts, sms);
        ids_request(&ids, &facts, request);
        struct span sms_text = {sms, ID_SIZE}, request_text = {request, ID_SIZE};
        cr_assert(sms[0] == 's' && request[0] == 'q');
        cr_assert(sms[1] < '8' && request[1] < '8', "the first two of 130 bits are zero");
        for (unsigned i = 1; i < ID_SIZE; i++)
            cr_assert(memchr(DIGITS, sms[i], 32) && memchr(DIGITS, request[i], 32));
        cr_assert(ids_read_sms(&again, sms_text, &got));
        cr_assert(got.phone == facts.phone && got.case_number == facts.case_number && got.sms_number == facts.sms_number);
        cr_assert(ids_read_request(&again, request_text, &got));
        cr_assert(got.phone == facts.phone && got.case_number == facts.case_number && got.agency == facts.agency);
        cr_assert(!ids_read_sms(&ids, request_text, &got) && !ids_read_request(&ids, sms_text, &got));
        ids_sms(&again, &facts, same);
        cr_assert_eq(memcmp(sms, same, ID_SIZE), 0, "the same whenever it is made");
        facts.sms_number ^= 1; /* a request id knows no SMS */
        ids_request(&ids, &facts, same);
        cr_assert_eq(memcmp(request, same, ID_SIZE), 0);
        sms[0] = 'q', request[0] = 's'; /* under the other letter */
        cr_assert(!reads(&ids, sms_text) && !reads(&ids, request_text));
    }
    ids_close(&ids);
    ids_close(&again);
    ids_close(&again); /* closed ones are taken */
}

Test(ids, forging)
{
    struct ids ids = open_ids(KEY), other = open_ids(OTHER_KEY);
    for (unsigned round = 0; round < 120; round++) {
        struct id_facts facts = some_facts(round);
        char id[ID_SIZE];
        if (round % 2)
            ids_sms(&ids, &facts, id);
        else
            ids_request(&ids, &facts, id);
        struct span text = {id, ID_SIZE};
        cr_assert(reads(&ids, text));
        cr_assert_not(reads(&other, text), "another store's key");
        for (unsigned at = 0; at < ID_SIZE; at++) {
            char kept = id[at];
            for (unsigned c = 0; c < 256; c++) { /* any other byte anywhere: other digits, capitals, i l o u, no text at all */
                id[at] = (char)c;
                cr_assert(c == (uint8_t)kept || !reads(&ids, text), "round %u, byte %u becomes %02x", round, at, c);
            }
            for (unsigned bit = 0; bit < 8; bit++) {
                id[at] = (char)(kept ^ 1 << bit);
                cr_assert_not(reads(&ids, text));
            }
            id[at] = kept;
        }
        for (unsigned a = 1; a < ID_SIZE; a++) { /* two digits the wrong way round */
            for (unsigned b = a + 1; b < ID_SIZE; b++) {
                char swapped[ID_SIZE];
                memcpy(swapped, id, ID_SIZE);
                swapped[a] = id[b], swapped[b] = id[a];
                cr_assert(id[a] == id[b] || !reads(&ids, (struct span){swapped, ID_SIZE}));
            }
        }
    }
    for (unsigned round = 0; round < 200000; round++) { /* guesses */
        char guess[ID_SIZE];
        guess[0] = round % 2 ? 's' : 'q';
        guess[1] = DIGITS[dice(8)];
        for (unsigned i = 2; i < ID_SIZE; i++)
            guess[i] = DIGITS[dice(32)];
        cr_assert_not(reads(&ids, (struct span){guess, ID_SIZE}));
    }
    ids_close(&ids);
    ids_close(&other);
}

Test(ids, shape)
{
    struct ids ids = open_ids(KEY);
    struct id_facts facts = some_facts(2);
    char id[ID_SIZE + 3] = "", upper[ID_SIZE];
    ids_sms(&ids, &facts, id);
    for (size_t size = 0; size <= ID_SIZE + 2; size++)
        cr_expect_eq(reads(&ids, (struct span){id, size}), size == ID_SIZE, "%zu bytes", size);
    for (unsigned i = 0; i < ID_SIZE; i++)
        upper[i] = (char)(id[i] >= 'a' ? id[i] - 32 : id[i]);
    cr_expect_not(reads(&ids, (struct span){upper, ID_SIZE}));
    upper[0] = 's';
    cr_expect_not(reads(&ids, (struct span){upper, ID_SIZE}));
    static const char *const NEVER[] = {"", "s", "q", "s00000000000000000000000000", "q00000000000000000000000000",
                                        "s7zzzzzzzzzzzzzzzzzzzzzzzzz", "szzzzzzzzzzzzzzzzzzzzzzzzzz", "no-such-request"};
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++)
        cr_expect_not(reads(&ids, span_of(NEVER[i])), "%s", NEVER[i]);
    /* no number is 0, as they count from 1 */
    facts.sms_number = 0;
    ids_sms(&ids, &facts, id);
    cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}));
    facts.sms_number = 1, facts.case_number = 0;
    ids_sms(&ids, &facts, id);
    cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}));
    ids_request(&ids, &facts, id);
    cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}));
    ids_close(&ids);
    ids_close(&(struct ids){0});
}

static void encrypt(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int size = 0;
    cr_assert(EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, key, NULL) == 1 && EVP_CIPHER_CTX_set_padding(context, 0) == 1 &&
              EVP_EncryptUpdate(context, out, &size, in, 16) == 1 && size == 16);
    EVP_CIPHER_CTX_free(context);
}

/* An id as one who has the key would make it, of any block. */
static void forge(char letter, const uint8_t block[16], char out[ID_SIZE])
{
    uint8_t derived[16], secret[16];
    encrypt(KEY, (const uint8_t *)"besik ids, 1\0\0\0\0", derived);
    encrypt(derived, block, secret);
    out[0] = letter;
    for (unsigned i = 1; i < ID_SIZE; i++) {
        unsigned digit = 0;
        for (unsigned bit = 0; bit < 5; bit++) {
            int at = (int)(i - 1) * 5 + (int)bit - 2; /* of 128, the most significant first */
            digit = digit << 1 | (at < 0 ? 0u : secret[at / 8] >> (7 - at % 8) & 1u);
        }
        out[i] = DIGITS[digit];
    }
}

/* Even with the key: what no SMS and no request can have is no id. */
Test(ids, blocks)
{
    struct ids ids = open_ids(KEY);
    struct id_facts facts = {.phone = 999999999, .case_number = 7, .sms_number = 3, .agency = AGENCY_BENEFIT};
    uint8_t sms[16] = {1, 0x3b, 0x9a, 0xc9, 0xff, 0, 0, 7, 0, 0, 3}, request[16] = {4, 0x3b, 0x9a, 0xc9, 0xff, 0, 0, 7};
    char id[ID_SIZE], ours[ID_SIZE];
    forge('s', sms, id);
    ids_sms(&ids, &facts, ours);
    cr_assert_eq(memcmp(id, ours, ID_SIZE), 0);
    forge('q', request, id);
    ids_request(&ids, &facts, ours);
    cr_assert_eq(memcmp(id, ours, ID_SIZE), 0);
    for (unsigned bit = 88; bit < 128; bit++) { /* the zeros */
        sms[bit / 8] ^= (uint8_t)(1 << bit % 8), request[bit / 8] ^= (uint8_t)(1 << bit % 8);
        forge('s', sms, id);
        cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}), "bit %u", bit);
        forge('q', request, id);
        cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}), "bit %u", bit);
        sms[bit / 8] ^= (uint8_t)(1 << bit % 8), request[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (unsigned kind = 0; kind < 256; kind++) {
        sms[0] = request[0] = (uint8_t)kind;
        forge('s', sms, id);
        cr_expect_eq(reads(&ids, (struct span){id, ID_SIZE}), kind == 1, "SMS of kind %u", kind);
        forge('q', request, id);
        cr_expect_eq(reads(&ids, (struct span){id, ID_SIZE}), kind >= 2 && kind < 2 + AGENCY_COUNT, "request of kind %u", kind);
    }
    sms[0] = 1, request[0] = 2;
    request[10] = 1; /* an SMS number in a request */
    forge('q', request, id);
    cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}));
    sms[1] = 0x3b, sms[2] = 0x9a, sms[3] = 0xca, sms[4] = 0; /* a phone of ten digits */
    forge('s', sms, id);
    cr_expect_not(reads(&ids, (struct span){id, ID_SIZE}));
    ids_close(&ids);
}

/* Ids are archived by agencies and operators: their bytes are for ever. (Made with the openssl command, by ids.h.) */
Test(ids, golden)
{
    struct ids ids = open_ids(KEY);
    const struct id_facts facts = {.phone = 10000001, .case_number = 2, .sms_number = 3, .agency = AGENCY_AKIMAT};
    char sms[ID_SIZE + 1] = "", request[ID_SIZE + 1] = "";
    ids_sms(&ids, &facts, sms);
    ids_request(&ids, &facts, request);
    cr_expect_str_eq(sms, "s012c8arjnd6jj4k88kh8rv80b1", "%s", sms);
    cr_expect_str_eq(request, "q16bvr4b9s6f9rvzm0sgf92rqhj", "%s", request);
    ids_close(&ids);
}
