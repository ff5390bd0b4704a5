/* rows.c - see rows.h. */
#include "io/rows.h"

#include "engine/values.h"

static size_t put_number(char *out, unsigned number)
{
    size_t size = 0;
    if (number >= 10)
        size = put_number(out, number / 10);
    out[size] = (char)('0' + number % 10);
    return size + 1;
}

int rows_sms(const struct rows *rows, const struct phone *phone, const struct made *made, struct buffer *buffer,
             struct fault *fault)
{
    const struct kase *kase = &phone->cases[made->kase];
    struct text_facts facts = {
        .kind = made->kind,
        .step = made->kind == SMS_INFO ? STEP_CLOSED : (enum step)made->what,
        .info = made->kind == SMS_INFO ? (enum info)made->what : INFO_COUNT,
        .lang = made->lang,
        .reason = made->reason,
        .form = (enum reply_fault)made->form,
        .slot = kase->slot,
        .child_order = kase->child_order,
        .region = kase->region,
        .office = kase->office,
        .account = kase->account_on_file,
        .place = made->place,
        .queue_number = made->queue_number,
        .amount = made->amount,
        .agency_reason = made->agency_reason,
        .ends_at_ms = made->ends_at_ms,
    };
    struct text_result text;
    if (texts_render(rows->texts, &facts, &text, fault))
        return -1;
    const char *what = made->kind == SMS_INFO ? INFO_WORDS[made->what] : STEP_WORDS[made->what];
    char *out = buffer_room(buffer, 160 + text.quoted.size, fault);
    if (!out)
        return -1;
    char *begin = out;
    struct id_facts id = {.phone = phone->number, .case_number = kase->number, .sms_number = made->number};
    ids_sms(rows->ids, &id, out);
    out += ID_SIZE;
    *out++ = ',';
    value_phone_write(phone->number, out);
    out += 11;
    const char *const words[] = {rows->short_code, SMS_KIND_WORDS[made->kind], what, LANG_WORDS[made->lang]};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *out++ = ',';
        out = stpcpy(out, words[i]);
    }
    *out++ = ',';
    out += put_number(out, text.segments);
    *out++ = ',';
    memcpy(out, text.quoted.data, text.quoted.size);
    out += text.quoted.size;
    *out++ = '\n';
    buffer->size += (size_t)(out - begin);
    buffer->rows++;
    return 0;
}

static void put(struct buffer *buffer, const char *key, struct span value, struct fault *fault)
{
    buffer_add_text(buffer, key, fault);
    buffer_json(buffer, value, fault);
}

int rows_request(const struct rows *rows, const struct phone *phone, const struct kase *kase, enum agency agency,
                 struct buffer *buffer, struct fault *fault)
{
    const struct ref *ref = rows->run->ref;
    char id[ID_SIZE], msisdn[11], birth_date[10], sex[1] = {(char)kase->sex}, region[9], created[VALUE_TIME_MAX];
    struct id_facts facts = {.phone = phone->number, .case_number = kase->number, .agency = (uint8_t)agency};
    ids_request(rows->ids, &facts, id);
    value_phone_write(phone->number, msisdn);
    value_date_write(kase->birth_day, birth_date);
    unsigned place = kase->region;
    for (unsigned i = 9; i-- > 0; place /= 10)
        region[i] = (char)('0' + place % 10);
    size_t created_size = value_time_write(kase->requests[agency].created_ms, created);
    const struct {
        const char *key;
        struct span value;
    } facts_of_all[] = {
        {"{\"request_id\":", {id, ID_SIZE}},
        {",\"agency\":", span_of(AGENCY_WORDS[agency])},
        {",\"created_at\":", {created, created_size}},
        {",\"notice_id\":", kase->notice_id},
        {",\"msisdn\":", {msisdn, sizeof msisdn}},
        {",\"mother_iin\":", kase->iin},
        {",\"birth_date\":", {birth_date, sizeof birth_date}},
        {",\"sex\":", {sex, 1}},
        {",\"surname\":", kase->surname},
        {",\"given\":", kase->given},
        {",\"patronymic\":", kase->patronymic},
        {",\"region\":", {region, 9}},
    };
    for (size_t i = 0; i < sizeof facts_of_all / sizeof *facts_of_all; i++)
        put(buffer, facts_of_all[i].key, facts_of_all[i].value, fault);
    if (agency == AGENCY_REGISTRY) {
        put(buffer, ",\"education\":", ref_code(&ref->options[STEP_EDUCATION], kase->education), fault);
        put(buffer, ",\"income\":", ref_code(&ref->options[STEP_INCOME], kase->income), fault);
        put(buffer, ",\"office\":", ref_code(ref_choices(ref, STEP_OFFICE, kase->region), kase->office), fault);
    } else if (agency == AGENCY_AKIMAT) {
        put(buffer, ",\"locality\":", ref_code(ref_choices(ref, STEP_LOCALITY, kase->region), kase->locality), fault);
    } else {
        buffer_format(buffer, fault, ",\"child_order\":%u", kase->child_order);
        put(buffer, ",\"account\":", kase->account, fault);
        buffer_add_text(buffer, ",\"registration_reference\":", fault);
        buffer_json_or_null(buffer, kase->reference, fault);
    }
    buffer->rows++;
    buffer_add(buffer, "}\n", 2, fault);
    return fault->code ? -1 : 0;
}
