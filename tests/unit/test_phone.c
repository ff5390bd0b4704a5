/* test_phone.c - the stored form of a phone: there and back, cut and damaged, and what is forgotten. */
#include "engine/phone.h"

#include "engine/event.h"
#include "engine/flow.h"
#include "engine/values.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 14, SMS_EACH = 9, SENT_EACH = 4, MARKS = 40 };

static uint64_t dice_state;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return sides ? dice_state % sides : dice_state;
}

static int64_t some_time(void)
{
    static const int64_t EDGES[] = {NEVER_MS, INT64_MAX, 0, -1, 1, INT64_MIN + 1, 1795000000000, -1795000000000};
    return dice(4) ? 1795000000000 + (int64_t)dice(400ull * DAY_MS) : EDGES[dice(sizeof EDGES / sizeof *EDGES)];
}

static int64_t some_day_ms(void)
{
    return (int64_t)dice(110000) * DAY_MS + (int64_t)dice(2) - 25000 * DAY_MS;
}

static uint32_t some_number(uint32_t max)
{
    static const uint32_t EDGES[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX};
    uint32_t number = dice(2) ? (uint32_t)dice((uint64_t)max + 1) : EDGES[dice(sizeof EDGES / sizeof *EDGES)];
    return number > max ? max : number;
}

static struct span some_text(size_t max)
{
    static char room[1 << 16];
    static size_t used;
    size_t size = dice(3) ? dice(max < 20 ? max + 1 : 20) : dice(max + 1);
    if (used + size > sizeof room)
        used = 0;
    char *text = room + used;
    for (size_t i = 0; i < size; i++)
        text[i] = (char)dice(256);
    used += size;
    return (struct span){size ? text : NULL, size};
}

static struct kase some_case(uint32_t number)
{
    struct kase kase = {
        .number = number,
        .slot = (uint8_t)(1 + dice(9)),
        .step = (uint8_t)dice(STEP_COUNT),
        .lang = (uint8_t)dice(LANG_COUNT),
        .sex = dice(2) ? 'M' : 'F',
        .child_order = (uint8_t)dice(21),
        .withdrawn = (uint8_t)dice(2),
        .outcomes = {(uint8_t)dice(OUTCOME_COUNT), (uint8_t)dice(OUTCOME_COUNT), (uint8_t)dice(OUTCOME_COUNT)},
        .closed_by = (uint8_t)dice(OUTCOME_COUNT),
        .closed_step = (uint8_t)dice(STEP_COUNT),
        .expired_step = (uint8_t)dice(STEP_COUNT),
        .expired_ms = some_time(),
        .closed_ms = some_time(),
        .region = some_number(999999999),
        .birth_day = (int32_t)dice(60000) - 20000,
        .registered_ms = some_time(),
        .begun_ms = some_time(),
        .since_ms = some_time(),
        .prompt_run = some_number(UINT32_MAX),
        .prompt_ms = some_time(),
        .reminded_ms = some_time(),
        .misses = (uint8_t)dice(4),
        .missed_run = some_number(UINT32_MAX),
        .corrected_run = some_number(UINT32_MAX),
        .education = (uint16_t)some_number(999),
        .income = (uint16_t)some_number(999),
        .office = (uint16_t)some_number(999),
        .privilege = (uint16_t)some_number(999),
        .locality = (uint16_t)some_number(999),
    };
    struct span *texts[] = {&kase.notice_id, &kase.hospital, &kase.iin, &kase.account_on_file, &kase.account, &kase.surname, &kase.given,
                            &kase.patronymic, &kase.reference};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = some_text(i == 1 || i == 8 ? 4096 : 64);
    for (unsigned i = 0; i < AGENCY_COUNT; i++)
        if (dice(2))
            kase.requests[i] = (struct request){1, (uint8_t)dice(OUTCOME_COUNT), (uint8_t)dice(2), (uint8_t)dice(2), some_number(UINT32_MAX),
                                                some_time(), some_time()};
    return kase;
}

static struct sms some_sms(void)
{
    static const uint8_t FINALS[] = {0, RECEIPT_DELIVERED, RECEIPT_FAILED};
    return (struct sms){.at_ms = some_time(), .operator = (uint16_t)some_number(UINT16_MAX), .kind = (uint8_t)dice(SMS_KIND_COUNT),
                        .what = (uint8_t)dice(INFO_COUNT), .statuses = (uint8_t)dice(8), .final = FINALS[dice(3)]};
}

struct room { /* lists of their own for a phone to be decoded into */
    struct kase cases[CASES];
    struct sms sms[CASES * (SMS_EACH + SENT_EACH)];
    struct mark marks[MARKS];
};

static struct phone empty_phone(struct room *room)
{
    return (struct phone){.cases = room->cases, .case_capacity = CASES, .sms = room->sms, .sms_capacity = CASES * (SMS_EACH + SENT_EACH),
                          .marks = room->marks, .mark_capacity = MARKS};
}

struct life { /* a phone, and what goes out of it now */
    struct room room;
    struct phone phone;
    struct sms sent[CASES * SENT_EACH];
    uint32_t sent_case[CASES * SENT_EACH], sent_count;
};

static void some_life(struct life *life)
{
    *life = (struct life){0};
    struct phone *phone = &life->phone;
    *phone = empty_phone(&life->room);
    phone->latest_ms = some_time();
    phone->latest_operator = (uint16_t)some_number(UINT16_MAX);
    phone->due_ms = some_time();
    if (phone->due_ms == NEVER_MS) /* "none" is INT64_MAX */
        phone->due_ms = INT64_MAX;
    phone->case_count = (uint32_t)dice(dice(3) ? 4 : CASES + 1);
    for (uint32_t i = 0; i < phone->case_count; i++) {
        struct kase *kase = &phone->cases[i];
        *kase = some_case(i + 1);
        kase->sms_first = phone->sms_count;
        kase->sms_count = (uint32_t)dice(SMS_EACH + 1);
        for (uint32_t j = 0; j < kase->sms_count; j++)
            phone->sms[phone->sms_count++] = some_sms();
        uint32_t now = (uint32_t)dice(SENT_EACH + 1);
        for (uint32_t j = 0; j < now; j++) {
            life->sent_case[life->sent_count] = i;
            life->sent[life->sent_count++] = some_sms();
        }
        kase->last_sms = (uint32_t)dice(kase->sms_count + now + 1);
    }
    phone->mark_count = (uint32_t)dice(MARKS + 1);
    for (uint32_t i = 0; i < phone->mark_count; i++)
        phone->marks[i] = mark_of(dice(0), dice(0), some_day_ms());
}

static bool same_case(const struct kase *a, const struct kase *b)
{
    const struct span *texts_a[] = {&a->notice_id, &a->hospital, &a->iin, &a->account_on_file, &a->account, &a->surname, &a->given,
                                    &a->patronymic, &a->reference};
    const struct span *texts_b[] = {&b->notice_id, &b->hospital, &b->iin, &b->account_on_file, &b->account, &b->surname, &b->given,
                                    &b->patronymic, &b->reference};
    for (unsigned i = 0; i < sizeof texts_a / sizeof *texts_a; i++)
        if (!span_equal(*texts_a[i], *texts_b[i]))
            return false;
    for (unsigned i = 0; i < AGENCY_COUNT; i++) {
        const struct request *x = &a->requests[i], *y = &b->requests[i];
        if (x->made != y->made || (x->made && (x->status != y->status || x->sent != y->sent || x->reported != y->reported ||
                                               x->made_run != y->made_run || x->created_ms != y->created_ms ||
                                               x->responded_ms != y->responded_ms)))
            return false;
    }
    return a->number == b->number && a->slot == b->slot && a->step == b->step && a->lang == b->lang && a->sex == b->sex &&
           a->child_order == b->child_order && a->withdrawn == b->withdrawn && memcmp(a->outcomes, b->outcomes, sizeof a->outcomes) == 0 &&
           a->closed_by == b->closed_by && a->closed_step == b->closed_step && a->expired_step == b->expired_step &&
           a->expired_ms == b->expired_ms && a->closed_ms == b->closed_ms && a->region == b->region && a->birth_day == b->birth_day &&
           a->registered_ms == b->registered_ms && a->begun_ms == b->begun_ms && a->since_ms == b->since_ms &&
           a->prompt_run == b->prompt_run && a->prompt_ms == b->prompt_ms && a->reminded_ms == b->reminded_ms && a->misses == b->misses &&
           a->missed_run == b->missed_run && a->corrected_run == b->corrected_run && a->last_sms == b->last_sms &&
           a->education == b->education && a->income == b->income && a->office == b->office && a->privilege == b->privilege &&
           a->locality == b->locality;
}

static bool same_sms(const struct sms *a, const struct sms *b)
{
    return a->at_ms == b->at_ms && a->operator == b->operator && a->kind == b->kind && a->what == b->what && a->statuses == b->statuses &&
           a->final == b->final;
}

/* Encodes into bytes of just that size. */
static struct span encode(const struct life *life, int64_t forget_before_ms)
{
    size_t most = phone_encoded_max(&life->phone, life->sent_count);
    char *bytes = malloc(most);
    size_t size = phone_encode(&life->phone, life->sent, life->sent_case, life->sent_count, forget_before_ms, bytes);
    cr_assert_leq(size, most);
    return (struct span){realloc(bytes, size), size};
}

Test(phone, there_and_back)
{
    static struct life life;
    static struct room room;
    dice_state = 4711;
    for (unsigned round = 0; round < 3000; round++) {
        some_life(&life);
        struct span record = encode(&life, INT64_MIN);
        uint32_t cases, sms, marks;
        cr_assert(phone_measure(record, &cases, &sms, &marks));
        cr_assert(cases == life.phone.case_count && sms == life.phone.sms_count + life.sent_count && marks == life.phone.mark_count);
        struct phone got = empty_phone(&room);
        /* no wider than measured */
        got.case_capacity = cases, got.sms_capacity = sms, got.mark_capacity = marks;
        cr_assert(phone_decode(&got, record), "round %u", round);
        cr_assert(got.known && got.latest_ms == life.phone.latest_ms && got.latest_operator == life.phone.latest_operator &&
                  got.due_ms == life.phone.due_ms);
        cr_assert(got.case_count == cases && got.sms_count == sms && got.mark_count == marks);
        uint32_t sent = 0, first = 0;
        bool open = false;
        for (uint32_t i = 0; i < cases; i++) {
            const struct kase *was = &life.phone.cases[i], *is = &got.cases[i];
            cr_assert(same_case(was, is), "round %u, case %u", round, i + 1);
            open |= was->step != STEP_CLOSED;
            cr_assert_eq(is->sms_first, first);
            for (uint32_t j = 0; j < was->sms_count; j++)
                cr_assert(same_sms(&life.phone.sms[was->sms_first + j], &got.sms[is->sms_first + j]));
            uint32_t behind = was->sms_count;
            for (; sent < life.sent_count && life.sent_case[sent] == i; sent++)
                cr_assert(same_sms(&life.sent[sent], &got.sms[is->sms_first + behind++]), "what went out now stands behind");
            cr_assert_eq(is->sms_count, behind);
            first += behind;
        }
        cr_assert_eq(sent, life.sent_count);
        cr_assert_eq(phone_is_open(&got), open);
        for (uint32_t i = 0; i < marks; i++)
            cr_assert(memcmp(&got.marks[i], &life.phone.marks[i], sizeof got.marks[i]) == 0);
        /* and what was decoded is encoded alike */
        struct span again = {malloc(phone_encoded_max(&got, 0)), 0};
        again.size = phone_encode(&got, NULL, NULL, 0, INT64_MIN, (char *)again.data);
        cr_assert(span_equal(again, record));
        free((char *)again.data);
        free((char *)record.data);
    }
}

Test(phone, forgetting)
{
    static struct life life;
    static struct room room;
    dice_state = 99;
    for (unsigned round = 0; round < 500; round++) {
        some_life(&life);
        int64_t before = life.phone.mark_count && dice(2) ? mark_ms(&life.phone.marks[dice(life.phone.mark_count)]) : some_time();
        struct span record = encode(&life, before);
        struct phone got = empty_phone(&room);
        cr_assert(phone_decode(&got, record));
        uint32_t kept = 0;
        for (uint32_t i = 0; i < life.phone.mark_count; i++)
            if (mark_ms(&life.phone.marks[i]) >= before)
                cr_assert(memcmp(&got.marks[kept++], &life.phone.marks[i], sizeof *got.marks) == 0, "in their order; at the bound it is kept");
        cr_assert_eq(got.mark_count, kept);
        cr_assert_eq(got.case_count, life.phone.case_count);
        free((char *)record.data);
    }
}

/* What is struck of a life: the seven values that name a person or pay one, of the cases closed before; nothing else. */
Test(phone, striking)
{
    static struct life life, was;
    static struct room room;
    dice_state = 2024;
    unsigned struck = 0, kept = 0, at_bound = 0;
    for (unsigned round = 0; round < 1000; round++) {
        some_life(&life);
        for (uint32_t i = 0; i < life.phone.case_count; i++)
            if (dice(2))
                life.phone.cases[i].step = STEP_CLOSED;
        was = life;
        int64_t before = life.phone.case_count && dice(2) ? life.phone.cases[dice(life.phone.case_count)].closed_ms : some_time();
        bool any = false;
        for (uint32_t i = 0; i < life.phone.case_count; i++) {
            struct kase *kase = &was.room.cases[i];
            bool goes = kase->step == STEP_CLOSED && kase->closed_ms < before && kase->iin.size;
            at_bound += kase->step == STEP_CLOSED && kase->closed_ms == before && kase->iin.size;
            any |= goes;
            *(goes ? &struck : &kept) += 1;
            if (goes) {
                struct span *texts[] = {&kase->iin,   &kase->account_on_file, &kase->account,  &kase->surname,
                                        &kase->given, &kase->patronymic,      &kase->reference};
                for (size_t j = 0; j < sizeof texts / sizeof *texts; j++)
                    *texts[j] = (struct span){NULL, 0};
            }
        }
        cr_assert_eq(phone_strike(&life.phone, before), any, "round %u", round);
        struct span record = encode(&life, INT64_MIN);
        struct phone got = empty_phone(&room);
        cr_assert(phone_decode(&got, record), "what was struck is a record still");
        cr_assert(got.case_count == was.phone.case_count && got.mark_count == was.phone.mark_count &&
                  got.sms_count == was.phone.sms_count + was.sent_count);
        for (uint32_t i = 0; i < got.case_count; i++) {
            cr_assert(same_case(&was.room.cases[i], &got.cases[i]), "round %u, case %u", round, i + 1);
            cr_assert_eq(case_is_struck(&got.cases[i]), was.room.cases[i].iin.size == 0);
        }
        cr_assert_not(phone_strike(&got, before), "nothing is left to strike");
        free((char *)record.data);
    }
    cr_assert(struck > 300 && kept > 300 && at_bound > 100, "%u struck, %u kept, %u closed at the bound", struck, kept, at_bound);
}

/* What is forgotten of a life: all but ids, times, outcomes and SMS; what stood open is closed, withdrawn, as of then. */
/* Only a request that was made, told and not answered is overdue, and only while its case is not withdrawn. */
Test(phone, overdue)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        struct kase kase = {.withdrawn = bits >> 3 & 1};
        kase.requests[AGENCY_AKIMAT] = (struct request){.made = bits & 1, .reported = bits >> 1 & 1,
                                                        .status = bits & 4 ? OUTCOME_QUEUED : OUTCOME_NONE};
        cr_expect_eq(request_is_overdue(&kase, AGENCY_AKIMAT), bits == 3, "%u", bits);
        cr_expect_not(request_is_overdue(&kase, AGENCY_REGISTRY));
    }
}

Test(phone, forgotten)
{
    static struct life life, was;
    static struct room room;
    dice_state = 77;
    for (unsigned round = 0; round < 500; round++) {
        some_life(&life);
        was = life;
        uint32_t open = 0;
        for (uint32_t i = 0; i < life.phone.case_count; i++)
            open += life.phone.cases[i].step != STEP_CLOSED;
        struct kase before[sizeof was.room.cases / sizeof *was.room.cases];
        memcpy(before, life.phone.cases, life.phone.case_count * sizeof *before);
        cr_assert_eq(phone_forget(&life.phone, 1764000000000), open);
        cr_assert_eq(phone_forget(&life.phone, 1764000000001), 0u, "once is enough");
        struct span record = encode(&life, INT64_MIN);
        struct phone got = empty_phone(&room);
        cr_assert(phone_decode(&got, record), "what was forgotten is a record still");
        cr_assert(!phone_is_open(&got) && got.due_ms == INT64_MAX && got.mark_count == was.phone.mark_count &&
                  got.sms_count == was.phone.sms_count + was.sent_count);
        for (uint32_t i = 0; i < got.case_count; i++) {
            const struct kase *kase = &got.cases[i], *old = &before[i];
            cr_assert(case_is_struck(kase) && kase->withdrawn && !kase->surname.size && !kase->given.size && !kase->patronymic.size &&
                      !kase->account.size && !kase->account_on_file.size && !kase->reference.size && !kase->hospital.size);
            cr_assert(!kase->education && !kase->income && !kase->office && !kase->privilege && !kase->locality && !kase->region &&
                      !kase->sex && !kase->child_order && !kase->lang && !kase->birth_day);
            cr_assert(kase->number == old->number && kase->slot == old->slot && kase->registered_ms == old->registered_ms &&
                      span_equal(kase->notice_id, old->notice_id) && memcmp(kase->requests, old->requests, sizeof kase->requests) == 0);
            cr_assert_eq(kase->closed_ms, old->step == STEP_CLOSED ? old->closed_ms : 1764000000000);
            if (old->step != STEP_CLOSED)
                cr_assert(kase->closed_by == OUTCOME_WITHDRAWN && kase->outcomes[step_phase(old->step)] == OUTCOME_WITHDRAWN);
        }
        free((char *)record.data);
    }
}

/* Whatever the bytes: false, or a phone that can be used and encoded. */
static bool survives(struct span record, struct room *room)
{
    uint32_t cases, sms, marks;
    if (!phone_measure(record, &cases, &sms, &marks))
        return false;
    cr_assert(cases <= record.size && sms <= record.size && marks <= record.size, "a damaged count asks for much");
    struct kase *case_list = malloc((cases + 1) * sizeof *case_list);
    struct sms *sms_list = malloc((sms + 1) * sizeof *sms_list);
    struct mark *mark_list = malloc((marks + 1) * sizeof *mark_list);
    struct phone got = {.cases = case_list, .case_capacity = cases, .sms = sms_list, .sms_capacity = sms, .marks = mark_list,
                        .mark_capacity = marks};
    bool good = phone_decode(&got, record);
    if (good) {
        uint32_t first = 0;
        for (uint32_t i = 0; i < got.case_count; i++) {
            const struct kase *kase = &got.cases[i];
            cr_assert(kase->number == i + 1 && kase->slot >= 1 && kase->slot <= SLOT_MAX && kase->step < STEP_COUNT && kase->lang < LANG_COUNT &&
                      kase->closed_step < STEP_COUNT && kase->expired_step < STEP_COUNT && kase->closed_by < OUTCOME_COUNT &&
                      kase->last_sms <= kase->sms_count && kase->sms_first == first);
            first += kase->sms_count;
            for (unsigned p = 0; p < PHASE_COUNT; p++)
                cr_assert(kase->outcomes[p] < OUTCOME_COUNT);
            for (unsigned a = 0; a < AGENCY_COUNT; a++)
                cr_assert(kase->requests[a].status < OUTCOME_COUNT);
        }
        cr_assert_eq(first, got.sms_count);
        for (uint32_t i = 0; i < got.sms_count; i++)
            cr_assert(got.sms[i].kind < SMS_KIND_COUNT && got.sms[i].final < 3 && got.sms[i].what <= STEP_COUNT);
        char *bytes = malloc(phone_encoded_max(&got, 0));
        size_t size = phone_encode(&got, NULL, NULL, 0, INT64_MIN, bytes);
        cr_assert_leq(size, phone_encoded_max(&got, 0));
        free(bytes);
    }
    (void)room;
    free(case_list);
    free(sms_list);
    free(mark_list);
    return good;
}

Test(phone, cut_short)
{
    static struct life life;
    static struct room room;
    dice_state = 5;
    for (unsigned round = 0; round < 60; round++) {
        some_life(&life);
        struct span record = encode(&life, INT64_MIN);
        for (size_t size = 0; size < record.size; size += 1 + (record.size > 2000 ? dice(37) : 0)) {
            char *cut = malloc(size + !size); /* not a byte more: reading beyond shows */
            memcpy(cut, record.data, size);
            cr_assert_not(survives((struct span){cut, size}, &room), "%zu of %zu bytes", size, record.size);
            free(cut);
        }
        char *longer = malloc(record.size + 1);
        memcpy(longer, record.data, record.size);
        longer[record.size] = 0;
        cr_assert_not(survives((struct span){longer, record.size + 1}, &room), "a byte too many");
        free(longer);
        free((char *)record.data);
    }
}

/* ---- a record written by hand, field after field, to meet each bound ---- */

enum form { BYTE, NUMBER, TIME, TEXT };
struct field {
    const char *name;
    enum form form;
    uint64_t usual, most; /* `most` is taken, one more is refused; of a time or a text 0: nothing to try */
};

#define CODE_MOST (OUTCOME_COUNT - 1)
#define HEAD {"latest", TIME, 0, 0}, {"latest operator", NUMBER, 0, UINT16_MAX}, {"due", TIME, 0, 0}
#define CASE                                                                                                                       \
    {"number", NUMBER, 1, 1}, {"slot", BYTE, 1, SLOT_MAX}, {"step", BYTE, 0, STEP_CLOSED}, {"lang", BYTE, 0, LANG_RU},             \
        {"sex", BYTE, 'M', 'M'}, {"child order", BYTE, 1, 20}, {"withdrawn", BYTE, 0, 1}, {"closed by", BYTE, 0, CODE_MOST},       \
        {"closed step", BYTE, 0, STEP_CLOSED}, {"expired step", BYTE, 0, STEP_CLOSED}, {"misses", BYTE, 0, 3},                     \
        {"outcome 0", BYTE, 0, CODE_MOST}, {"outcome 1", BYTE, 0, CODE_MOST},                                                      \
        {"outcome 2", BYTE, 0, CODE_MOST}, {"registered", TIME, 0, 0}, {"begun", TIME, 0, 0}, {"since", TIME, 0, 0},               \
        {"expired", TIME, 0, 0}, {"closed", TIME, 0, 0}, {"region", NUMBER, 0, UINT32_MAX}, {"birth day", NUMBER, 0, UINT32_MAX},  \
        {"prompt run", NUMBER, 0, UINT32_MAX}, {"prompt", TIME, 0, 0}, {"reminded", TIME, 0, 0},                                   \
        {"missed run", NUMBER, 0, UINT32_MAX}, {"corrected run", NUMBER, 0, UINT32_MAX}, {"last sms", NUMBER, 0, 2},               \
        {"education", NUMBER, 0, 999}, {"income", NUMBER, 0, 999}, {"office", NUMBER, 0, 999}, {"privilege", NUMBER, 0, 999},      \
        {"locality", NUMBER, 0, 999}, {"notice id", TEXT, 0, 0}, {"hospital", TEXT, 0, 0}, {"iin", TEXT, 0, 0},                    \
        {"account on file", TEXT, 0, 0}, {"account", TEXT, 0, 0}, {"surname", TEXT, 0, 0}, {"given", TEXT, 0, 0},                  \
        {"patronymic", TEXT, 0, 0}, {"reference", TEXT, 0, 0}
#define REQUEST                                                                                                                    \
    {"made", BYTE, 1, 1}, {"status", BYTE, 0, CODE_MOST}, {"sent, reported", BYTE, 0, 3}, {"made run", NUMBER, 0, UINT32_MAX},     \
        {"created", TIME, 0, 0}, {"responded", TIME, 0, 0}
#define SMS(kind, what_most)                                                                                                       \
    {"sent", TIME, 0, 0}, {"operator", NUMBER, 0, UINT16_MAX}, {"kind", BYTE, kind, SMS_KIND_COUNT - 1}, {"what", BYTE, 0, what_most},           \
        {"statuses, final", BYTE, 0, 0x27}
/* a case with a request of each agency and two SMS */
static const struct field RECORD[] = {
    HEAD, CASE, REQUEST, REQUEST, REQUEST, {"sms count", NUMBER, 2, 2}, SMS(SMS_REMINDER, STEP_COUNT - 1), SMS(SMS_INFO, INFO_COUNT - 1),
};
enum { RECORD_FIELDS = sizeof RECORD / sizeof *RECORD, RECORD_MAX = 400 };

static char *write_number(char *out, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *out++ = (char)(number | 0x80);
    *out++ = (char)number;
    return out;
}

/* The record with one of its fields another. */
static struct span write_record(char out[RECORD_MAX], int field, uint64_t value)
{
    char *at = out;
    const uint8_t counts[] = {1, 2, 0};
    memcpy(at, counts, sizeof counts);
    at += sizeof counts;
    for (int i = 0; i < RECORD_FIELDS; i++) {
        uint64_t number = i == field ? value : RECORD[i].usual;
        at = RECORD[i].form == BYTE ? (*at = (char)number, at + 1) : write_number(at, number);
    }
    return (struct span){out, (size_t)(at - out)};
}

Test(phone, bounds)
{
    static struct room room;
    char bytes[RECORD_MAX];
    for (int i = 0; i < RECORD_FIELDS; i++) {
        const struct field *field = &RECORD[i];
        struct phone phone = empty_phone(&room);
        cr_assert(phone_decode(&phone, write_record(bytes, i, field->usual)), "%s", field->name);
        if (field->form == TIME || field->form == TEXT)
            continue;
        phone = empty_phone(&room);
        cr_expect(phone_decode(&phone, write_record(bytes, i, field->most)), "%s at its most", field->name);
        phone = empty_phone(&room);
        cr_expect_not(phone_decode(&phone, write_record(bytes, i, field->most + 1)), "%s beyond", field->name);
    }
    static const char *const AT_LEAST_ONE[] = {"number", "slot"};
    for (int i = 0; i < RECORD_FIELDS; i++)
        for (size_t j = 0; j < 2; j++)
            if (!strcmp(RECORD[i].name, AT_LEAST_ONE[j])) {
                struct phone phone = empty_phone(&room);
                cr_expect_not(phone_decode(&phone, write_record(bytes, i, 0)), "%s 0", RECORD[i].name);
            }
}

/* A byte of which not every value below its most has a meaning: what nobody writes is damage. */
Test(phone, bytes_that_mean_nothing)
{
    static struct room room;
    char bytes[RECORD_MAX];
    unsigned tried = 0;
    for (int i = 0; i < RECORD_FIELDS; i++) {
        bool sex = strcmp(RECORD[i].name, "sex") == 0, statuses = strcmp(RECORD[i].name, "statuses, final") == 0;
        for (unsigned byte = 0; (sex || statuses) && byte < 256; byte++) {
            bool good = sex ? byte == 0 || byte == 'F' || byte == 'M' : (byte & 15) < 8 && byte >> 4 <= 2;
            struct phone phone = empty_phone(&room);
            cr_expect_eq(phone_decode(&phone, write_record(bytes, i, byte)), good, "%s %02x", RECORD[i].name, byte);
            tried++;
        }
    }
    cr_expect_eq(tried, 3 * 256u, "one sex, two SMS");
}

/* Every kind of SMS says what it asks by its own words. */
Test(phone, bounds_of_sms)
{
    static struct room room;
    char bytes[RECORD_MAX];
    for (unsigned kind = 0; kind <= SMS_KIND_COUNT; kind++) {
        for (unsigned what = 0; what < 256; what++) {
            struct span record = write_record(bytes, -1, 0);
            bytes[record.size - 3] = (char)kind; /* of the last SMS */
            bytes[record.size - 2] = (char)what;
            struct phone phone = empty_phone(&room);
            bool good = kind < SMS_KIND_COUNT && what < (kind == SMS_INFO ? (unsigned)INFO_COUNT : (unsigned)STEP_COUNT);
            cr_expect_eq(phone_decode(&phone, record), good, "kind %u, what %u", kind, what);
        }
    }
}

/* Numbers of ten bytes at most; a text that ends where the record ends; a plain time cut. */
Test(phone, bounds_of_bytes)
{
    static struct room room;
    static const struct {
        const char *head; /* behind three counts of 0: latest, its operator, due */
        size_t size;
        bool good;
        int64_t due_ms;
    } ROWS[] = {
        {"\0\0\0", 3, true, INT64_MAX},
        {"\0\0\1\0\0\0\0\0\0\0\0", 11, true, 0},
        {"\0\0\1\1\0\0\0\0\0\0\x80", 11, true, INT64_MIN + 1},
        {"\0\0\1\0\0\0\0\0\0\0", 10, false, 0},
        {"\0\0\1\0\0\0\0\0\0\0\0\0", 12, false, 0},
        {"\0\0\2", 3, true, 0}, /* whole seconds: no difference, one down, one up; then milliseconds */
        {"\0\0\4", 3, true, -1000},
        {"\0\0\6", 3, true, 1000},
        {"\0\0\3", 3, true, 0},
        {"\0\0\5", 3, true, -1},
        {"\0\0\7", 3, true, 1},
        {"\6\0\12", 3, true, 3000}, /* told from the latest */
        {"\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 12, true, (INT64_C(1) << 62) - 1},
        {"\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\1", 12, false, 0}, /* seconds beyond 64 bits of milliseconds */
        {"\0\0\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", 13, false, 0},
        {"\0\xff\xff\3\0", 5, true, INT64_MAX},
        {"\0\x80\x80\4\0", 5, false, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char bytes[16] = {0, 0, 0};
        memcpy(bytes + 3, ROWS[i].head, ROWS[i].size);
        struct phone phone = empty_phone(&room);
        bool good = phone_decode(&phone, (struct span){bytes, 3 + ROWS[i].size});
        cr_expect_eq(good, ROWS[i].good, "row %zu", i);
        cr_expect(!good || phone.due_ms == ROWS[i].due_ms, "row %zu: due %lld", i, (long long)phone.due_ms);
    }
    char bytes[RECORD_MAX];
    for (int i = 0; i < RECORD_FIELDS; i++) { /* a text that takes all that is left, or more */
        if (RECORD[i].form != TEXT)
            continue;
        for (uint64_t size = RECORD_FIELDS; size; size *= 2) {
            struct phone phone = empty_phone(&room);
            cr_expect_not(phone_decode(&phone, write_record(bytes, i, size)), "%s of %llu bytes", RECORD[i].name, (unsigned long long)size);
        }
    }
}

/* No more of a kind than the bytes could hold; of the least ones as many as there are. */
Test(phone, bounds_of_counts)
{
    static char bytes[700];
    static const size_t LEAST[3] = {45, 5, 13};
    for (unsigned kind = 0; kind < 3; kind++) {
        for (size_t size = 3; size <= sizeof bytes; size++) {
            uint32_t most = (uint32_t)(size / LEAST[kind]);
            for (uint32_t count = most; count <= most + 1 && count < 128; count++) {
                uint32_t got[3];
                memset(bytes, 0, sizeof bytes);
                bytes[kind] = (char)count;
                cr_expect_eq(phone_measure((struct span){bytes, size}, &got[0], &got[1], &got[2]), count == most, "%u: %u in %zu bytes",
                             kind, count, size);
            }
        }
    }
    /* ten cases of which nothing is said, and ten marks */
    static char least[3 + 3 + 10 * 45 + 10 * 13] = {10, 0, 10};
    for (unsigned i = 0; i < 10; i++) {
        char *at = least + 6 + i * 45;
        at[0] = (char)(i + 1), at[1] = 1;
    }
    static struct room room;
    struct phone phone = empty_phone(&room);
    cr_expect(phone_decode(&phone, (struct span){least, sizeof least}));
    cr_expect(phone.case_count == 10 && phone.mark_count == 10);
}

static size_t encoded_size(const struct life *life)
{
    struct span record = encode(life, INT64_MIN);
    free((char *)record.data);
    return record.size;
}

/* What is near takes few bytes: a mark of two months before the latest message or after it 13, an SMS of the run of the one
 * before it 5, of an hour later 6; whole seconds fewer than milliseconds. */
Test(phone, near_is_short)
{
    static struct life life;
    static const int64_t NOW = 1795000000000;
    some_life(&life);
    struct phone *phone = &life.phone;
    *phone = empty_phone(&life.room);
    phone->latest_ms = NOW, phone->due_ms = NOW + DAY_MS;
    phone->case_count = 1;
    struct kase *kase = &phone->cases[0];
    *kase = (struct kase){.number = 1, .slot = 1, .registered_ms = NOW, .begun_ms = NOW, .since_ms = NOW, .closed_ms = NEVER_MS,
                          .expired_ms = NEVER_MS, .prompt_ms = NOW, .reminded_ms = NEVER_MS};
    life.sent_count = 0;
    size_t alone = encoded_size(&life);
    for (int day = -60; day <= 60; day++)
        if (phone->mark_count < MARKS)
            phone->marks[phone->mark_count++] = mark_of(1, 2, NOW + day * DAY_MS * 3 / 2 % (60 * DAY_MS));
    cr_expect_eq(encoded_size(&life), alone + MARKS * 13);
    phone->mark_count = 0;
    static const struct {
        int64_t after_ms;
        size_t size;
    } ROWS[] = {{0, 5}, {15000, 5}, {-15000, 5}, {DAY_MS / 24, 6}, {DAY_MS / 24 + 1, 8}, {15, 5}, {DAY_MS * 30, 8}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        phone->sms_count = kase->sms_count = 2;
        phone->sms[0] = (struct sms){.at_ms = NOW};
        phone->sms[1] = (struct sms){.at_ms = NOW + ROWS[i].after_ms};
        cr_expect_eq(encoded_size(&life), alone + 5 + ROWS[i].size, "row %zu", i);
        phone->sms_count = kase->sms_count = 0; /* the same where they go out now */
        life.sent[0] = phone->sms[0], life.sent[1] = phone->sms[1], life.sent_case[0] = life.sent_case[1] = 0, life.sent_count = 2;
        cr_expect_eq(encoded_size(&life), alone + 5 + ROWS[i].size, "row %zu", i);
        life.sent_count = 0;
    }
    /* an hour later than the one it is told from, each time of a case is a byte longer */
    int64_t *times[] = {&kase->since_ms, &kase->prompt_ms, &kase->reminded_ms, &kase->expired_ms, &kase->closed_ms};
    int64_t near[] = {kase->begun_ms, kase->since_ms, kase->prompt_ms, kase->since_ms, kase->since_ms};
    for (size_t i = 1; i < sizeof times / sizeof *times; i++) {
        *times[i] = near[i];
        size_t same = encoded_size(&life);
        *times[i] = near[i] + DAY_MS / 24;
        cr_expect_eq(encoded_size(&life), same + 1, "%zu", i);
        *times[i] = near[i];
    }
}

/* Counts that the bytes cannot hold are refused before anything is asked for. */
Test(phone, damaged_counts)
{
    static struct room room;
    static const struct {
        const char *bytes;
        size_t size;
    } ROWS[] = {
        {"", 0}, {"\x01", 1}, {"\x01\0\0", 3}, {"\0\x01\0", 3}, {"\0\0\x01", 3}, {"\xff\xff\xff\xff\x0f\0\0", 7}, {"\0\0\0", 3},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct span record = {ROWS[i].bytes, ROWS[i].size};
        struct phone phone = empty_phone(&room);
        cr_expect_not(phone_decode(&phone, record), "row %zu", i);
    }
}

Test(phone, damaged)
{
    static struct life life;
    static struct room room;
    dice_state = 17;
    unsigned taken = 0, refused = 0;
    for (unsigned round = 0; round < 80; round++) {
        some_life(&life);
        struct span record = encode(&life, INT64_MIN);
        char *bytes = (char *)record.data;
        for (unsigned times = 0; times < 600; times++) {
            size_t at = dice(3) ? dice(record.size) : dice(record.size < 60 ? record.size : 60);
            char was = bytes[at];
            bytes[at] = (char)(dice(2) ? was ^ 1 << dice(8) : (int)dice(256));
            if (survives(record, &room))
                taken++;
            else
                refused++;
            bytes[at] = was;
        }
        for (unsigned times = 0; times < 100; times++) { /* much at once */
            char *noise = malloc(record.size);
            memcpy(noise, bytes, record.size);
            for (unsigned i = 0; i < 20; i++)
                noise[dice(record.size)] = (char)dice(256);
            (void)survives((struct span){noise, record.size}, &room);
            free(noise);
        }
        free(bytes);
    }
    for (unsigned round = 0; round < 20000; round++) {
        char noise[300];
        size_t size = dice(sizeof noise);
        for (size_t i = 0; i < size; i++)
            noise[i] = (char)(dice(4) ? dice(4) : dice(256));
        char *exact = malloc(size + !size);
        memcpy(exact, noise, size);
        (void)survives((struct span){exact, size}, &room);
        free(exact);
    }
    cr_expect(taken > 1000 && refused > 1000, "%u taken, %u refused", taken, refused);
}
