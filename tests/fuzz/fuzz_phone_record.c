/* fuzz_phone_record.c - a phone's record as a store may hold it: any bytes are refused or decode to a phone that encodes to a
 * record of the same phone, within the bound that is promised, and whose words all exist. */
#include "engine/check.h"
#include "engine/phone.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool decode(struct phone *phone, struct span record)
{
    uint32_t cases, sms, marks;
    *phone = (struct phone){0};
    if (!phone_measure(record, &cases, &sms, &marks))
        return false;
    CHECK((size_t)cases + sms + marks <= record.size); /* a count that lies asks for little */
    *phone = (struct phone){.cases = malloc(cases * sizeof *phone->cases + 1),
                            .case_capacity = cases,
                            .sms = malloc(sms * sizeof *phone->sms + 1),
                            .sms_capacity = sms,
                            .marks = malloc(marks * sizeof *phone->marks + 1),
                            .mark_capacity = marks};
    return phone_decode(phone, record);
}

static void drop(struct phone *phone)
{
    free(phone->cases);
    free(phone->sms);
    free(phone->marks);
}

/* What whoever reads a phone takes for granted. */
static void sound(const struct phone *phone, struct span record)
{
    uint32_t sms = 0;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        const struct span texts[] = {kase->notice_id,  kase->hospital, kase->iin,   kase->account_on_file, kase->account,
                                     kase->surname,    kase->given,    kase->patronymic, kase->reference};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            CHECK(texts[t].size == 0 || (texts[t].data >= record.data &&
                                         texts[t].data + texts[t].size <= record.data + record.size));
        CHECK(kase->number == i + 1 && kase->slot >= 1 && kase->slot <= SLOT_MAX && kase->step <= STEP_CLOSED);
        CHECK(kase->sms_first == sms && kase->last_sms <= kase->sms_count);
        for (uint32_t k = 0; k < kase->sms_count; k++, sms++)
            CHECK(phone->sms[sms].what < (phone->sms[sms].kind == SMS_INFO ? (int)INFO_COUNT : (int)STEP_COUNT));
    }
    CHECK(sms == phone->sms_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct phone phone, again;
    struct span record = {(const char *)data, size};
    if (decode(&phone, record)) {
        sound(&phone, record);
        char *first = malloc(phone_encoded_max(&phone, 0)), *second = malloc(phone_encoded_max(&phone, 0));
        size_t first_size = phone_encode(&phone, NULL, NULL, 0, INT64_MIN, first);
        CHECK(first_size <= phone_encoded_max(&phone, 0));
        CHECK(decode(&again, (struct span){first, first_size}));
        CHECK(again.case_count == phone.case_count && again.sms_count == phone.sms_count);
        size_t second_size = phone_encode(&again, NULL, NULL, 0, INT64_MIN, second);
        CHECK(second_size == first_size && memcmp(first, second, first_size) == 0);
        drop(&again);
        free(first);
        free(second);
    }
    drop(&phone);
    return 0;
}
