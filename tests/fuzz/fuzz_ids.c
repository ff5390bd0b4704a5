/* fuzz_ids.c - request and SMS ids: what is read writes back as the same, what is written reads back, and an id of another
 * store, of the other sort or with anything changed is none of ours. */
#include "engine/check.h"
#include "engine/phone.h"
#include "io/ids.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char DIGITS[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Whatever is taken was given: its facts make the very same bytes. */
static bool takes(const struct ids *ids, struct span text)
{
    struct id_facts facts = {0};
    char out[ID_SIZE];
    bool sms = ids_read_sms(ids, text, &facts), request = !sms && ids_read_request(ids, text, &facts);
    if (!sms && !request)
        return false;
    CHECK(facts.phone < 1000000000 && facts.case_number >= 1 && facts.case_number <= CASE_NUMBER_MAX);
    CHECK(sms ? facts.sms_number >= 1 && facts.sms_number <= SMS_NUMBER_MAX : facts.agency < AGENCY_COUNT);
    (sms ? ids_sms : ids_request)(ids, &facts, out);
    CHECK(text.size == ID_SIZE && memcmp(out, text.data, ID_SIZE) == 0);
    return true;
}

static uint32_t number(const uint8_t *data)
{
    uint32_t out;
    memcpy(&out, data, sizeof out);
    return out;
}

static void given(const struct ids *ids, const struct ids *others, const uint8_t data[16])
{
    struct id_facts facts = {.phone = number(data) % 1000000000,
                             .case_number = number(data + 4) % CASE_NUMBER_MAX + 1,
                             .sms_number = number(data + 8) % SMS_NUMBER_MAX + 1,
                             .agency = data[12] % AGENCY_COUNT},
                    back = {0};
    bool sms = data[12] & 0x80;
    char id[ID_SIZE];
    (sms ? ids_sms : ids_request)(ids, &facts, id);
    struct span text = {id, ID_SIZE};
    CHECK((sms ? ids_read_sms : ids_read_request)(ids, text, &back));
    CHECK(back.phone == facts.phone && back.case_number == facts.case_number);
    CHECK(sms ? back.sms_number == facts.sms_number : back.agency == facts.agency);
    CHECK(!takes(others, text));
    id[0] = sms ? 'q' : 's';
    CHECK(!takes(ids, text));
    id[0] = sms ? 's' : 'q';
    CHECK(!takes(ids, (struct span){id, ID_SIZE - 1}));
    char *digit = &id[1 + data[13] % (ID_SIZE - 1)], was = *digit;
    *digit = data[14] & 1 ? (char)data[15] : DIGITS[data[15] % 32];
    CHECK(takes(ids, text) == (*digit == was)); /* 46 bits would have to fall right */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ids ids, others;
    static bool ready;
    if (!ready) {
        ready = true;
        struct fault fault = {0};
        CHECK(ids_open(&ids, (const uint8_t *)"a key of 16 byte", &fault) == 0);
        CHECK(ids_open(&others, (const uint8_t *)"a key of 16 bytf", &fault) == 0);
    }
    takes(&ids, (struct span){(const char *)data, size});
    if (size >= 16)
        given(&ids, &others, data);
    return 0;
}
