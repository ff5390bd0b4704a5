/* phone.c - the stored form of a phone: varints and length-prefixed bytes, in the order of the fields below.
 *
 *   [cases][sms][marks] counts, then latest, due; each case, its requests, its SMS; the marks last (12 bytes
 * each and a day). */
#include "engine/phone.h"

#include "engine/check.h"
#include "engine/flow.h"
#include "engine/pack.h"

/* ---- writing ---- */

/* A time, told from another that is likely near: 0 NEVER_MS, 1 eight bytes follow, else twice the difference
 * and two more, in seconds where it is whole ones, in milliseconds and one more where not. */
#define TIME_NEVER 0
#define TIME_PLAIN 1
#define TIME_NEAR (INT64_C(1) << 60)

static char *put_time(char *out, int64_t ms, int64_t near_ms)
{
    int64_t since;
    if (ms == NEVER_MS) {
        *out++ = TIME_NEVER;
        return out;
    }
    if (__builtin_sub_overflow(ms, near_ms == NEVER_MS ? 0 : near_ms, &since) || since > TIME_NEAR ||
        since < -TIME_NEAR) {
        *out++ = TIME_PLAIN;
        memcpy(out, &ms, sizeof ms);
        return out + sizeof ms;
    }
    bool whole = since % 1000 == 0;
    return pack_number(out, (pack_zigzag(whole ? since / 1000 : since) << 1 | !whole) + 2);
}

static char *put_span(char *out, struct span text)
{
    out = pack_number(out, text.size);
    if (text.size)
        memcpy(out, text.data, text.size);
    return out + text.size;
}

/* ---- reading: any fault sets `bad`, and what is read then is zero ---- */

struct cursor {
    const char *at, *end;
    bool bad;
};

static uint64_t get_long_number(struct cursor *in)
{
    uint64_t number;
    if (unpack_number(&in->at, in->end, &number))
        return number;
    in->bad = true;
    in->at = in->end;
    return 0;
}

/* A record is three dozen numbers, nearly all of one byte or two: those stand where they are read, without a call. */
static inline __attribute__((always_inline)) uint64_t get_number(struct cursor *in)
{
    const char *at = in->at;
    if (at < in->end && !(*at & 0x80)) {
        in->at = at + 1;
        return (uint8_t)*at;
    }
    if (in->end - at >= 2 && !(at[1] & 0x80)) {
        in->at = at + 2;
        return (uint64_t)(*at & 0x7f) | (uint64_t)(uint8_t)at[1] << 7;
    }
    return get_long_number(in);
}

static uint64_t get_up_to(struct cursor *in, uint64_t max)
{
    uint64_t number = get_number(in);
    if (number > max) {
        in->bad = true;
        return 0;
    }
    return number;
}

static int64_t get_time(struct cursor *in, int64_t near_ms)
{
    uint64_t number = get_number(in);
    int64_t ms;
    if (number == TIME_NEVER)
        return NEVER_MS;
    if (number == TIME_PLAIN) {
        if (in->end - in->at < (ptrdiff_t)sizeof ms) {
            in->bad = true;
            return 0;
        }
        memcpy(&ms, in->at, sizeof ms);
        in->at += sizeof ms;
        return ms;
    }
    number -= 2;
    int64_t since = unpack_zigzag(number >> 1);
    if (__builtin_mul_overflow(since, number & 1 ? 1 : 1000, &since) ||
        __builtin_add_overflow(since, near_ms == NEVER_MS ? 0 : near_ms, &ms)) {
        in->bad = true;
        return 0;
    }
    return ms;
}

static struct span get_span(struct cursor *in)
{
    uint64_t size = get_number(in);
    if (size > (uint64_t)(in->end - in->at)) {
        in->bad = true;
        in->at = in->end;
        return (struct span){NULL, 0};
    }
    struct span text = {in->at, size};
    in->at += size;
    return text;
}

/* ---- one case ---- */

static char *put_case(char *out, const struct kase *kase)
{
    out = pack_number(out, kase->number);
    const uint8_t bytes[] = {kase->slot,        kase->step,      kase->lang,      kase->sex,
                             kase->child_order, kase->withdrawn, kase->closed_by, kase->closed_step,
                             kase->expired_step, kase->misses,   kase->outcomes[0], kase->outcomes[1],
                             kase->outcomes[2]};
    memcpy(out, bytes, sizeof bytes);
    out += sizeof bytes;
    out = put_time(out, kase->registered_ms, 0);
    out = put_time(out, kase->begun_ms, kase->registered_ms);
    out = put_time(out, kase->since_ms, kase->begun_ms);
    out = put_time(out, kase->expired_ms, kase->since_ms);
    out = put_time(out, kase->closed_ms, kase->since_ms);
    out = pack_number(out, kase->region);
    out = pack_number(out, pack_zigzag(kase->birth_day));
    out = pack_number(out, kase->prompt_run);
    out = put_time(out, kase->prompt_ms, kase->since_ms);
    out = put_time(out, kase->reminded_ms, kase->prompt_ms);
    out = pack_number(out, kase->missed_run);
    out = pack_number(out, kase->corrected_run);
    out = pack_number(out, kase->last_sms);
#define PUT_CHOICE(step, name, code) out = pack_number(out, kase->name);
    CHOICES(PUT_CHOICE)
    out = put_span(out, kase->notice_id);
    out = put_span(out, kase->hospital);
    out = put_span(out, kase->iin);
    out = put_span(out, kase->account_on_file);
    out = put_span(out, kase->account);
    out = put_span(out, kase->surname);
    out = put_span(out, kase->given);
    out = put_span(out, kase->patronymic);
    out = put_span(out, kase->reference);
    for (unsigned i = 0; i < AGENCY_COUNT; i++) {
        const struct request *request = &kase->requests[i];
        *out++ = (char)request->made;
        if (!request->made)
            continue;
        *out++ = (char)request->status;
        *out++ = (char)(request->sent | request->reported << 1);
        out = pack_number(out, request->made_run);
        out = put_time(out, request->created_ms, kase->begun_ms);
        out = put_time(out, request->responded_ms, request->created_ms);
    }
    return out;
}

static uint8_t get_byte(struct cursor *in, unsigned max)
{
    if (in->at >= in->end || (uint8_t)*in->at > max) {
        in->bad = true;
        return 0;
    }
    return (uint8_t)*in->at++;
}

/* Sets all of the case but where its SMS stand. (Clearing it first would cost as much as a third of this.) */
static void get_case(struct cursor *in, struct kase *kase)
{
    kase->number = (uint32_t)get_up_to(in, CASE_NUMBER_MAX);
    kase->slot = get_byte(in, SLOT_MAX);
    kase->step = get_byte(in, STEP_CLOSED);
    kase->lang = get_byte(in, LANG_RU);
    kase->sex = get_byte(in, 'M');
    in->bad |= kase->sex && kase->sex != 'F' && kase->sex != 'M'; /* 0: struck */
    kase->child_order = get_byte(in, 20);
    kase->withdrawn = get_byte(in, 1);
    kase->closed_by = get_byte(in, OUTCOME_COUNT - 1);
    kase->closed_step = get_byte(in, STEP_CLOSED);
    kase->expired_step = get_byte(in, STEP_CLOSED);
    kase->misses = get_byte(in, 3);
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        kase->outcomes[i] = get_byte(in, OUTCOME_COUNT - 1);
    kase->registered_ms = get_time(in, 0);
    kase->begun_ms = get_time(in, kase->registered_ms);
    kase->since_ms = get_time(in, kase->begun_ms);
    kase->expired_ms = get_time(in, kase->since_ms);
    kase->closed_ms = get_time(in, kase->since_ms);
    kase->region = (uint32_t)get_up_to(in, UINT32_MAX);
    kase->birth_day = (int32_t)unpack_zigzag(get_up_to(in, UINT32_MAX));
    kase->prompt_run = (uint32_t)get_up_to(in, UINT32_MAX);
    kase->prompt_ms = get_time(in, kase->since_ms);
    kase->reminded_ms = get_time(in, kase->prompt_ms);
    kase->missed_run = (uint32_t)get_up_to(in, UINT32_MAX);
    kase->corrected_run = (uint32_t)get_up_to(in, UINT32_MAX);
    kase->last_sms = (uint32_t)get_up_to(in, SMS_NUMBER_MAX);
#define GET_CHOICE(step, name, code) kase->name = (uint16_t)get_up_to(in, 999);
    CHOICES(GET_CHOICE)
    kase->notice_id = get_span(in);
    kase->hospital = get_span(in);
    kase->iin = get_span(in);
    kase->account_on_file = get_span(in);
    kase->account = get_span(in);
    kase->surname = get_span(in);
    kase->given = get_span(in);
    kase->patronymic = get_span(in);
    kase->reference = get_span(in);
    for (unsigned i = 0; i < AGENCY_COUNT; i++) {
        struct request *request = &kase->requests[i];
        *request = (struct request){.made = get_byte(in, 1)};
        if (!request->made)
            continue;
        request->status = get_byte(in, OUTCOME_COUNT - 1);
        uint8_t flags = get_byte(in, 3);
        request->sent = flags & 1;
        request->reported = flags >> 1;
        request->made_run = (uint32_t)get_up_to(in, UINT32_MAX);
        request->created_ms = get_time(in, kase->begun_ms);
        request->responded_ms = get_time(in, request->created_ms);
    }
}

/* before_ms: when the SMS before it went out, or its case began */
static char *put_sms(char *out, const struct sms *sms, int64_t before_ms)
{
    out = put_time(out, sms->at_ms, before_ms);
    out = pack_number(out, sms->operator);
    *out++ = (char)sms->kind;
    *out++ = (char)sms->what;
    *out++ = (char)(sms->statuses | sms->final << 4);
    return out;
}

static void get_sms(struct cursor *in, struct sms *sms, int64_t before_ms)
{
    *sms = (struct sms){0};
    sms->at_ms = get_time(in, before_ms);
    sms->operator = (uint16_t)get_up_to(in, UINT16_MAX);
    sms->kind = get_byte(in, SMS_KIND_COUNT - 1);
    sms->what = get_byte(in, sms->kind == SMS_INFO ? INFO_COUNT - 1u : STEP_COUNT - 1u);
    uint8_t flags = get_byte(in, 0x27);
    in->bad |= (flags & 8) != 0; /* of the four bits three are statuses */
    sms->statuses = flags & 7;
    sms->final = flags >> 4;
}

/* ---- the whole ---- */

/* the least that one of them takes, so that a damaged count cannot ask for much */
#define CASE_SIZE_MIN 45
#define SMS_SIZE_MIN 5
#define MARK_SIZE 13

/* The day that marks are told from: that of the latest message. */
static int32_t near_day(const struct phone *phone)
{
    return phone->latest_ms == NEVER_MS ? 0 : (int32_t)(phone->latest_ms / MARK_DAY_MS);
}

static bool get_counts(struct cursor *in, uint32_t *ret_cases, uint32_t *ret_sms, uint32_t *ret_marks)
{
    size_t size = (size_t)(in->end - in->at);
    *ret_cases = (uint32_t)get_up_to(in, size / CASE_SIZE_MIN);
    *ret_sms = (uint32_t)get_up_to(in, size / SMS_SIZE_MIN);
    *ret_marks = (uint32_t)get_up_to(in, size / MARK_SIZE);
    return !in->bad;
}

bool phone_measure(struct span record, uint32_t *ret_cases, uint32_t *ret_sms, uint32_t *ret_marks)
{
    struct cursor in = {record.data, record.data + record.size, false};
    return get_counts(&in, ret_cases, ret_sms, ret_marks);
}

bool phone_decode(struct phone *phone, struct span record)
{
    struct cursor in = {record.data, record.data + record.size, false};
    if (!get_counts(&in, &phone->case_count, &phone->sms_count, &phone->mark_count))
        return false;
    CHECK(phone->case_count <= phone->case_capacity && phone->sms_count <= phone->sms_capacity &&
          phone->mark_count <= phone->mark_capacity);
    phone->known = true;
    phone->latest_ms = get_time(&in, 0);
    phone->latest_operator = (uint16_t)get_up_to(&in, UINT16_MAX);
    phone->due_ms = get_time(&in, phone->latest_ms);
    if (phone->due_ms == NEVER_MS) /* as "none" is written: the shorter way */
        phone->due_ms = INT64_MAX;
    uint32_t sms = 0;
    for (uint32_t i = 0; i < phone->case_count && !in.bad; i++) {
        struct kase *kase = &phone->cases[i];
        get_case(&in, kase);
        kase->sms_first = sms;
        kase->sms_count = (uint32_t)get_up_to(&in, phone->sms_count - sms);
        if (kase->number != i + 1 || kase->slot == 0 || kase->last_sms > kase->sms_count)
            in.bad = true;
        int64_t before_ms = kase->begun_ms;
        for (uint32_t j = 0; j < kase->sms_count && !in.bad; j++, sms++) {
            get_sms(&in, &phone->sms[sms], before_ms);
            before_ms = phone->sms[sms].at_ms;
        }
    }
    int32_t near = near_day(phone);
    for (uint32_t i = 0; i < phone->mark_count && !in.bad; i++) {
        struct mark *mark = &phone->marks[i];
        if (in.end - in.at < MARK_SIZE) {
            in.bad = true;
            break;
        }
        memcpy(&mark->identity, in.at, 8);
        memcpy(&mark->content, in.at + 8, 4);
        in.at += 12;
        mark->until = (int32_t)((uint32_t)near + (uint32_t)unpack_zigzag(get_up_to(&in, UINT32_MAX)));
    }
    return !in.bad && in.at == in.end && sms == phone->sms_count;
}

size_t phone_encoded_max(const struct phone *phone, uint32_t extra_sms)
{
    size_t size = 80 + (size_t)(phone->sms_count + extra_sms) * 20 + (size_t)phone->mark_count * 26;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        size += 420 + kase->notice_id.size + kase->hospital.size + kase->iin.size +
                kase->account_on_file.size + kase->account.size + kase->surname.size + kase->given.size +
                kase->patronymic.size + kase->reference.size;
    }
    return size;
}

size_t phone_encode(const struct phone *phone, const struct sms *sent, const uint32_t *sent_case,
                    uint32_t sent_count, int64_t forget_before_ms, char *out)
{
    char *begin = out;
    uint32_t marks = 0;
    for (uint32_t i = 0; i < phone->mark_count; i++)
        marks += mark_ms(&phone->marks[i]) >= forget_before_ms;
    out = pack_number(out, phone->case_count);
    out = pack_number(out, phone->sms_count + sent_count);
    out = pack_number(out, marks);
    out = put_time(out, phone->latest_ms, 0);
    out = pack_number(out, phone->latest_operator);
    out = put_time(out, phone->due_ms == INT64_MAX ? NEVER_MS : phone->due_ms, phone->latest_ms);
    uint32_t at = 0;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        out = put_case(out, kase);
        uint32_t end = at;
        while (end < sent_count && sent_case[end] == i)
            end++;
        out = pack_number(out, kase->sms_count + (end - at));
        int64_t before_ms = kase->begun_ms;
        for (uint32_t j = 0; j < kase->sms_count; j++) {
            const struct sms *sms = &phone->sms[kase->sms_first + j];
            out = put_sms(out, sms, before_ms);
            before_ms = sms->at_ms;
        }
        for (; at < end; at++) {
            out = put_sms(out, &sent[at], before_ms);
            before_ms = sent[at].at_ms;
        }
    }
    int32_t near = near_day(phone);
    for (uint32_t i = 0; i < phone->mark_count; i++) {
        const struct mark *mark = &phone->marks[i];
        if (mark_ms(mark) < forget_before_ms)
            continue;
        memcpy(out, &mark->identity, 8);
        memcpy(out + 8, &mark->content, 4);
        out = pack_number(out + 12, pack_zigzag((int32_t)((uint32_t)mark->until - (uint32_t)near)));
    }
    return (size_t)(out - begin);
}

bool request_is_overdue(const struct kase *kase, enum agency agency)
{
    const struct request *request = &kase->requests[agency];
    return request->made && request->reported && !request->status && !kase->withdrawn;
}

void phone_count(const struct phone *phone, int sign, struct counts *counts)
{
    for (uint32_t i = 0; i < phone->case_count; i++) {
        const struct kase *kase = &phone->cases[i];
        counts->open[kase->step] += sign;
        *(kase->step == STEP_CLOSED ? &counts->cases_closed : &counts->cases_open) += sign;
        for (enum agency agency = 0; agency < AGENCY_COUNT; agency++)
            counts->overdue[agency] += sign * request_is_overdue(kase, agency);
    }
}

bool phone_is_open(const struct phone *phone)
{
    for (uint32_t i = 0; i < phone->case_count; i++)
        if (phone->cases[i].step != STEP_CLOSED)
            return true;
    return false;
}

bool phone_strike(struct phone *phone, int64_t closed_before_ms)
{
    bool struck = false;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        struct kase *kase = &phone->cases[i];
        if (kase->step != STEP_CLOSED || kase->closed_ms >= closed_before_ms || case_is_struck(kase))
            continue;
        kase->iin = kase->account_on_file = kase->account = kase->surname = kase->given = kase->patronymic =
            kase->reference = (struct span){NULL, 0};
        struck = true;
    }
    return struck;
}

uint32_t phone_forget(struct phone *phone, int64_t as_of_ms)
{
    static const struct span NOTHING = {NULL, 0};
    uint32_t open = 0;
    for (uint32_t i = 0; i < phone->case_count; i++) {
        struct kase *kase = &phone->cases[i];
        kase->iin = kase->account_on_file = kase->account = kase->surname = kase->given = kase->patronymic = kase->reference =
            kase->hospital = NOTHING;
#define CLEAR_CHOICE(step, name, code) kase->name = 0;
        CHOICES(CLEAR_CHOICE)
        kase->lang = LANG_BOTH;
        kase->sex = kase->child_order = 0;
        kase->region = 0;
        kase->birth_day = 0;
        kase->withdrawn = 1;
        kase->last_sms = 0;
        if (kase->step == STEP_CLOSED)
            continue;
        kase->outcomes[step_phase(kase->step)] = OUTCOME_WITHDRAWN;
        kase->step = STEP_CLOSED;
        kase->closed_by = OUTCOME_WITHDRAWN;
        kase->closed_ms = kase->since_ms = as_of_ms;
        open++;
    }
    phone->due_ms = INT64_MAX;
    return open;
}
