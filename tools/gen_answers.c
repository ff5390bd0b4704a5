/* gen_answers.c - the world's answer to a run's folder: citizens read their SMS and write back, agencies decide, operators give
 * receipts. See gen_make.h. */
#include "tools/gen_folder.h"
#include "tools/gen_make.h"
#include "tools/gen_rows.h"
#include "tools/gen_shown.h"

#include "engine/sys/buffer.h"
#include "engine/sys/sys.h"

#include <stdio.h>
#include <xxhash.h>

#define FIRST_REPLY_MS (1800 * SECOND_MS)
#define REPLIES_MS (20 * HOUR_MS)
#define FIRST_RESPONSE_MS (10 * HOUR_MS)
#define TEXT_MAX 512
#define AGAIN_DAYS 30 /* whoever hears nothing writes again for so long */

/* of a million */
#define NO_RECEIPT_PPM 15000u
#define INFO_FAILS_PPM 10000u
#define ACCEPTED_PPM 60000u /* an `accepted` before the final one */
#define CONFLICT_PPM 2000u
#define THANKS_PPM 100000u
#define AGAIN_PPM 10000u
#define RESPONSE_TWICE_PPM 10000u

/* ---- an SMS ---- */

struct reading {
    struct gen_files *files;
    const struct gen_folder *folder;
    const struct gen_run_file *file;
    struct gen_shown shown;
    int64_t at_ms; /* when the replies of this stretch are written */
};

static int write_receipt(struct reading *reading, struct span id, const char *status, uint64_t hash, int64_t later_ms)
{
    const struct gen *gen = reading->folder->gen;
    struct gen_file *file = gen_files_row(reading->files, KIND_RECEIPTS, reading->file->party, reading->folder->night + 1);
    if (!file)
        return -1;
    char *out = put_span(file->data + file->size, id);
    *out++ = ',';
    out = put_bytes(out, status, strlen(status));
    *out++ = ',';
    out = put_time(out, gen, gen_as_of(reading->folder->night) + 300 * SECOND_MS + (int64_t)(hash % 3000000) + later_ms,
                   TIME_PLAIN);
    *out++ = ',';
    out = put_span(out, gen->ref->operators[reading->file->party].code);
    *out++ = ',';
    out = PUT(put_hex(out, hash, 10), "\n");
    file->size = (size_t)(out - file->data);
    file->records++;
    return 0;
}

static int give_receipt(struct reading *reading, struct span id, bool fails, bool info, uint64_t hash)
{
    static const char *const DELIVERED[] = {"delivered", "DELIVRD", "delivered", "delivered"};
    static const char *const FAILED[] = {"failed", "UNDELIV", "EXPIRED", "REJECTD"};
    uint64_t more = gen_mix(hash);
    fails |= info && gen_chance(hash, 0, INFO_FAILS_PPM);
    if (!fails && gen_chance(hash, 20, NO_RECEIPT_PPM))
        return 0;
    if (gen_chance(hash, 40, ACCEPTED_PPM) && write_receipt(reading, id, hash >> 63 ? "accepted" : "ACCEPTD", hash, 0))
        return -1;
    if (write_receipt(reading, id, fails ? FAILED[more & 3] : DELIVERED[more & 3], hash, 1000))
        return -1;
    if (info && gen_chance(more, 0, CONFLICT_PPM) && write_receipt(reading, id, fails ? "delivered" : "failed", hash, 2000))
        return -1;
    return gen_chance(more, 20, reading->files->gen->errors)
               ? gen_spoil(reading->files, KIND_RECEIPTS, reading->file->party, reading->folder->night + 1, more, id)
               : 0;
}

/* Some tell their language once more before they answer what is asked: it was answered already. */
static int say_language_again(struct reading *reading, const struct gen_plan *plan, const struct gen_message *reply)
{
    char text[16], *end = put_typed(put_typed(PUT(text, "R"), plan->slot), plan->lang);
    struct gen_message again = *reply;
    again.hash = gen_mix(reply->hash ^ 0x6c616e67);
    again.received_ms -= 20 * SECOND_MS;
    again.text = (struct span){text, (size_t)(end - text)};
    return plan->alone && gen_chance(again.hash, 0, AGAIN_PPM) ? gen_send(reading->files, reading->folder->night + 1, &again)
                                                               : 0;
}

static int send_reply(struct reading *reading, const struct gen_plan *plan, enum step step, enum sms_kind kind,
                      struct gen_reply reply)
{
    const struct gen *gen = reading->folder->gen;
    char text[TEXT_MAX], *end;
    uint64_t hash =
        gen_hash(gen, GEN_MESSAGE_IDS,
                 (((uint64_t)plan->number * STEP_COUNT + step) * SMS_KIND_COUNT + kind) * 512 + reply.received + (1ull << 44));
    if (reply.reaction == GEN_ERROR)
        end = put_error(text, plan, step, gen_error_in_form(gen, plan, step), gen_mix(hash));
    else
        end = gen_put_reply(text, gen, plan, step, &reading->shown);
    if (!end)
        return 0; /* shows no reply that fits: then nobody answers, and the plan will tell */
    struct gen_message message = {.operator = plan->operator,
                                  .phone = plan->phone,
                                  .hash = hash,
                                  .text = {text, (size_t)(end - text)},
                                  .received_ms = reading->at_ms + (int64_t)(hash % 60000)};
    bool in_time = reply.file_day == reply.received;
    if (in_time && step > STEP_LANGUAGE && reply.reaction == GEN_ANSWER && say_language_again(reading, plan, &message))
        return -1;
    if (gen_send(reading->files, reply.file_day, &message))
        return -1;
    /* whose answers are withheld hear nothing, and so write again each day */
    bool withheld = in_time && gen_given(gen, plan->operator, reply.received) > reply.received;
    for (uint32_t day = reply.received + 1;
         withheld && plan->alone && reply.reaction == GEN_ANSWER && day < gen->withheld.until && day <= reply.received + AGAIN_DAYS;
         day++) {
        message.hash = gen_mix(message.hash);
        message.received_ms += DAY_MS;
        if (gen_send(reading->files, day, &message))
            return -1;
    }
    return 0;
}

static int thank(struct reading *reading, const struct gen_plan *plan)
{
    uint64_t hash = gen_hash(reading->folder->gen, GEN_CHATTER, plan->number);
    struct gen_message message = {.operator = plan->operator,
                                  .phone = plan->phone,
                                  .hash = hash,
                                  .received_ms = reading->at_ms,
                                  .text = hash >> 63 ? SPAN("Рахмет!") : SPAN("Спасибо,\nвсё получили")};
    return plan->alone && gen_chance(hash, 0, THANKS_PPM) ? gen_send(reading->files, reading->folder->night + 1, &message) : 0;
}

static unsigned word_of(struct span word, const char *const *words, unsigned count)
{
    unsigned i = 0;
    while (i < count && !span_equal(word, span_of(words[i])))
        i++;
    return i;
}

enum { SMS_ID, SMS_MSISDN, SMS_CODE, SMS_KIND_WORD, SMS_STEP, SMS_LANG, SMS_SEGMENTS, SMS_TEXT, SMS_COLUMNS };

static int read_sms(struct reading *reading, const struct csv_field *fields)
{
    const struct gen *gen = reading->folder->gen;
    struct span spans[SMS_COLUMNS];
    for (unsigned i = 0; i < SMS_COLUMNS; i++)
        spans[i] = (struct span){fields[i].data, fields[i].size};
    uint32_t phone;
    uint64_t place;
    unsigned kind = word_of(spans[SMS_KIND_WORD], SMS_KIND_WORDS, SMS_KIND_COUNT);
    if (!value_phone(spans[SMS_MSISDN], &phone) || !gen_place(gen, phone, &place) || place >= GEN_CASES_MAX ||
        kind == SMS_KIND_COUNT)
        return 0;
    struct gen_family family = gen_family(gen, (uint32_t)place);
    if (!family.count)
        return 0; /* not of ours */
    struct gen_plan plan;
    uint64_t hash = gen_hash(gen, GEN_RECEIPTS, XXH3_64bits(spans[SMS_ID].data, spans[SMS_ID].size));
    if (kind == SMS_INFO) {
        gen_plan(gen, family.first, &plan);
        bool done = span_equal(spans[SMS_STEP], span_of(INFO_WORDS[INFO_ASSIGNED]));
        return give_receipt(reading, spans[SMS_ID], false, true, hash) || (done && thank(reading, &plan)) ? -1 : 0;
    }
    unsigned step = word_of(spans[SMS_STEP], STEP_WORDS, STEP_COUNT);
    if (step >= STEP_CLOSED)
        return 0;
    gen_read_shown(spans[SMS_TEXT], step, &reading->shown);
    if (!reading->shown.slot || reading->shown.slot > family.count)
        return 0;
    gen_plan(gen, family.first + reading->shown.slot - 1, &plan);
    bool fails = kind == SMS_PROMPT && gen_prompt_fails(gen, &plan, step);
    struct gen_reply reply = gen_reply(&plan, step, kind, reading->folder->night);
    return give_receipt(reading, spans[SMS_ID], fails, false, hash) ||
                   (reply.reaction != GEN_NOTHING && send_reply(reading, &plan, step, kind, reply))
               ? -1
               : 0;
}

static int read_outbound(struct reading *reading, size_t begin, size_t end)
{
    const struct gen_run_file *file = reading->file;
    struct csv_field fields[SMS_COLUMNS];
    uint32_t count;
    for (size_t at = begin, next; at < end; at = next) {
        enum csv_result result = csv_next(file->data, file->size, at, true, fields, SMS_COLUMNS, &count, &next);
        if (result == CSV_END)
            break;
        reading->at_ms = gen_as_of(reading->folder->night) + FIRST_REPLY_MS +
                         REPLIES_MS * (int64_t)at / (int64_t)file->size;
        if (result == CSV_RECORD && count == SMS_COLUMNS && read_sms(reading, fields))
            return -1;
    }
    return 0;
}

/* ---- a request ---- */

static bool find_text(struct span line, const char *key, struct span *ret_text)
{
    const char *at = memmem(line.data, line.size, key, strlen(key));
    if (!at)
        return false;
    at += strlen(key);
    const char *end = memchr(at, '"', line.size - (size_t)(at - line.data));
    *ret_text = (struct span){at, end ? (size_t)(end - at) : 0};
    return end;
}

static char *put_facts(char *out, enum agency agency, bool refused, uint64_t hash)
{
    static const char *const REASONS[] = {"Нет заявления отца", "\"Документ \"\"форма 3\"\" не приложен\"",
                                          "Ауылда балабақша жоқ", ""};
    /* reference, place, queue_number, amount, reason */
    if (refused) {
        const char *reason = REASONS[hash & 3];
        return put_bytes(PUT(out, ",,,,"), reason, strlen(reason));
    }
    if (agency == AGENCY_REGISTRY)
        return hash & 1 ? PUT(put_digits(PUT(out, "AK-2026-"), hash >> 32, 7), ",\"Бірлік көшесі, 12\",,,")
                        : PUT(put_digits(PUT(out, "AK-2026-"), hash >> 32, 7), ",,,,");
    if (agency == AGENCY_AKIMAT)
        return PUT(put_number(PUT(out, ",«Балдәурен» балабақшасы,"), 1 + gen_below(hash, 8, 4000)), ",,");
    return PUT(put_number(PUT(out, ",,,"), 40000 + gen_below(hash, 8, 120000)), ",");
}

static int write_response(struct reading *reading, struct span id, uint32_t number, struct gen_response response, bool spoiled)
{
    static const char *const GRANTED[] = {"registered", "queued", "assigned"};
    const struct gen *gen = reading->folder->gen;
    enum agency agency = (enum agency)reading->file->party;
    uint32_t day = reading->folder->night + response.days;
    uint64_t hash = gen_hash(gen, GEN_AGENCY, (1ull << 40) + (uint64_t)number * AGENCY_COUNT + agency);
    struct gen_file *file = gen_files_row(reading->files, KIND_RESPONSES, reading->file->party, day);
    if (!file)
        return -1;
    const char *status = response.refused ? "refused" : GRANTED[agency];
    char *out = put_span(file->data + file->size, id);
    *out++ = ',';
    out = put_bytes(out, status, strlen(status));
    *out++ = ',';
    out = put_time(out, gen, gen_as_of(day - 1) + FIRST_RESPONSE_MS + (int64_t)(hash % 20000000), TIME_PLAIN);
    *out++ = ',';
    out = PUT(spoiled ? PUT(out, ",,,,") : put_facts(out, agency, response.refused, hash), "\n");
    file->size = (size_t)(out - file->data);
    file->records++;
    return 0;
}

static int read_request(struct reading *reading, struct span line)
{
    struct span id, notice;
    uint32_t number;
    const struct gen *gen = reading->folder->gen;
    if (!find_text(line, "\"request_id\":\"", &id) || !find_text(line, "\"notice_id\":\"", &notice) ||
        !read_notice_id(notice, &number) || number >= gen->cases)
        return 0;
    enum agency agency = (enum agency)reading->file->party;
    struct gen_response response = gen_response(gen, number, agency);
    uint64_t hash = gen_hash(gen, GEN_REPEATS, (2ull << 40) + (uint64_t)number * AGENCY_COUNT + agency);
    if (!response.days)
        return 0;
    bool unready = agency == AGENCY_AKIMAT && !response.refused && gen_chance(hash, 0, gen->errors);
    if (unready && write_response(reading, id, number, response, true)) /* queued, and no number */
        return -1;
    if (write_response(reading, id, number, response, false))
        return -1;
    if (gen_chance(hash, 20, RESPONSE_TWICE_PPM)) { /* again, and now and then otherwise */
        response.refused ^= hash >> 62 == 0;
        response.days++;
        if (write_response(reading, id, number, response, false))
            return -1;
    }
    return gen_chance(hash, 40, gen->errors) ? gen_spoil(reading->files, KIND_RESPONSES, reading->file->party,
                                                         reading->folder->night + response.days, hash, id)
                                             : 0;
}

static int read_requests(struct reading *reading, size_t begin, size_t end)
{
    for (size_t at = begin; at < end;) {
        const char *from = reading->file->data + at, *line = memchr(from, '\n', reading->file->size - at);
        size_t size = line ? (size_t)(line - from) : reading->file->size - at;
        if (read_request(reading, (struct span){from, size}))
            return -1;
        at += size + 1;
    }
    return 0;
}

/* ---- a task: a range of a file ---- */

static int answer(struct gen_files *files, uint32_t number, const void *context)
{
    const struct gen_folder *folder = context;
    uint32_t place;
    const struct gen_run_file *file = gen_folder_file(folder, number, &place);
    struct reading *reading = sys.alloc(sizeof *reading);
    if (!reading)
        return fault_memory(files->fault);
    reading->files = files;
    reading->folder = folder;
    reading->file = file;
    size_t from = (number - file->first_task) * GEN_RANGE_SIZE;
    /* the header of outbound is no record; requests have none */
    size_t begin = file->requests && !from ? 0 : gen_record_from(file, from), end = gen_record_from(file, from + GEN_RANGE_SIZE);
    int failed = file->requests ? read_requests(reading, begin, end) : read_outbound(reading, begin, end);
    sys.free(reading);
    return failed;
}

static void name_answers(uint32_t number, const void *context, char source[32])
{
    const struct gen_folder *folder = context;
    uint32_t place;
    const struct gen_run_file *file = gen_folder_file(folder, number, &place);
    snprintf(source, 32, "%03u-a%02u-%03u", folder->night, place, number - file->first_task + 1);
}

int gen_make_answers(struct gen_making *making, const char *dir, uint32_t *ret_night, struct fault *fault)
{
    struct gen_folder folder = {.gen = making->gen};
    int failed = gen_folder_open(&folder, dir, fault) || gen_make_day(making->dir, folder.night + 1, fault);
    struct gen_tasks tasks = {
        .making = making, .count = folder.tasks, .task = answer, .name = name_answers, .context = &folder};
    failed = failed || gen_do_tasks(&tasks, fault);
    gen_folder_close(&folder);
    *ret_night = folder.night;
    return failed ? -1 : 0;
}
