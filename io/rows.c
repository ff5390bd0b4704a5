/* rows.c - see rows.h. */
#include "io/rows.h"

#include "engine/values.h"
#include "io/buffer_fields.h"
#include "io/csv.h"

#define ROW_MAX 512 /* keys, quotes and numbers of a request */

static size_t put_number(char *out, uint64_t number)
{
    size_t size = 0;
    if (number >= 10)
        size = put_number(out, number / 10);
    out[size] = (char)('0' + number % 10);
    return size + 1;
}

static char *put_words(char *out, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *out++ = ',';
        out = stpcpy(out, words[i]);
    }
    return out;
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
    out = put_words(out, words, sizeof words / sizeof *words);
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

static char *put_key(char *out, struct span key, struct span value)
{
    out = mempcpy(out, key.data, key.size);
    return json_put(out, value);
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
        struct span key, value;
    } facts_of_all[] = {
        {SPAN("{\"request_id\":"), {id, ID_SIZE}},
        {SPAN(",\"agency\":"), span_of(AGENCY_WORDS[agency])},
        {SPAN(",\"created_at\":"), {created, created_size}},
        {SPAN(",\"notice_id\":"), kase->notice_id},
        {SPAN(",\"msisdn\":"), {msisdn, sizeof msisdn}},
        {SPAN(",\"mother_iin\":"), kase->iin},
        {SPAN(",\"birth_date\":"), {birth_date, sizeof birth_date}},
        {SPAN(",\"sex\":"), {sex, 1}},
        {SPAN(",\"surname\":"), kase->surname},
        {SPAN(",\"given\":"), kase->given},
        {SPAN(",\"patronymic\":"), kase->patronymic},
        {SPAN(",\"region\":"), {region, sizeof region}},
    };
    struct span education = {NULL, 0}, income = {NULL, 0}, office = {NULL, 0}, locality = {NULL, 0};
    if (agency == AGENCY_REGISTRY) {
        education = ref_code(&ref->options[STEP_EDUCATION], kase->education);
        income = ref_code(&ref->options[STEP_INCOME], kase->income);
        office = ref_code(ref_choices(ref, STEP_OFFICE, kase->region), kase->office);
    } else if (agency == AGENCY_AKIMAT) {
        locality = ref_code(ref_choices(ref, STEP_LOCALITY, kase->region), kase->locality);
    }
    size_t most = ROW_MAX + JSON_MAX(education.size + income.size + office.size + locality.size + kase->account.size + kase->reference.size);
    for (size_t i = 0; i < sizeof facts_of_all / sizeof *facts_of_all; i++)
        most += JSON_MAX(facts_of_all[i].value.size);
    char *begin = buffer_room(buffer, most, fault), *out = begin;
    if (!begin)
        return -1;
    for (size_t i = 0; i < sizeof facts_of_all / sizeof *facts_of_all; i++)
        out = put_key(out, facts_of_all[i].key, facts_of_all[i].value);
    if (agency == AGENCY_REGISTRY) {
        out = put_key(out, SPAN(",\"education\":"), education);
        out = put_key(out, SPAN(",\"income\":"), income);
        out = put_key(out, SPAN(",\"office\":"), office);
    } else if (agency == AGENCY_AKIMAT) {
        out = put_key(out, SPAN(",\"locality\":"), locality);
    } else {
        out = mempcpy(out, ",\"child_order\":", 15);
        out += put_number(out, kase->child_order);
        out = put_key(out, SPAN(",\"account\":"), kase->account);
        out = mempcpy(out, ",\"registration_reference\":", 26);
        out = kase->reference.size ? json_put(out, kase->reference) : mempcpy(out, "null", 4);
    }
    out = mempcpy(out, "}\n", 2);
    buffer->size += (size_t)(out - begin);
    buffer->rows++;
    return 0;
}

int rows_reject(const struct reject_row *row, struct buffer *buffer, struct fault *fault)
{
    size_t most = 160 + 2 * (3 * row->file.size + row->identity.size + row->detail.size);
    char *out = buffer_room(buffer, most + 3 * row->file.size, fault);
    if (!out)
        return -1;
    char *begin = out, *name = out + most; /* behind what is made of it */
    out += csv_quote((struct span){name, name_text(row->file, name)}, out);
    *out++ = ',';
    out += put_number(out, row->line);
    const char *const words[] = {KIND_WORDS[row->kind], row->outcome, REASON_WORDS[row->reason]};
    out = put_words(out, words, sizeof words / sizeof *words);
    *out++ = ',';
    out += csv_quote(row->identity, out);
    *out++ = ',';
    if (row->phone_known) {
        value_phone_write(row->phone, out);
        out += 11;
    }
    *out++ = ',';
    out += csv_quote(row->detail, out);
    *out++ = '\n';
    buffer->size += (size_t)(out - begin);
    buffer->rows++;
    return 0;
}
