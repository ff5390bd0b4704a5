/* gen_day.c - what a day brings unasked: births, withdrawals, totals, replies of mothers whom the hospital's leaflet told all
 * questions, and strangers. See gen_make.h. */
#include "tools/gen_make.h"
#include "tools/gen_rows.h"

#include "engine/phone.h"

#include <stdio.h>

#define FIRST_BIRTH_MS (600 * SECOND_MS)
#define BIRTHS_MS (19 * HOUR_MS) /* from the first to the last of a day */
#define SIBLING_MS (90 * SECOND_MS)
#define LEAFLET_MS (300 * SECOND_MS) /* from the notice to the first reply */
#define REPLY_MS (120 * SECOND_MS)

/* of a million */
#define STRANGER_PPM 60000u
#define OTHER_CODE_PPM 20000u
#define ERROR_PPM 80000u
#define AGAIN_PPM 30000u   /* notices that come with the next day's too */
#define CONFLICT_PPM 3000u /* and with something else in them */
#define BAD_ACCOUNT_PPM 6000u
#define TEXT_MAX 512

struct days {
    const struct gen *gen;
    uint32_t first, parts;
};

struct birth {
    struct gen_plan plan;
    int64_t at_ms;
    const struct ref_region *region;
};

static const struct span HOSPITALS[] = {
    {"H017", 4}, {"H203", 4}, {"\"Роддом №2, Абай\"", sizeof "\"Роддом №2, Абай\"" - 1}, {"", 0}};

static char *put_notice(char *out, const struct gen *gen, const struct birth *birth, bool changed)
{
    const struct gen_plan *plan = &birth->plan;
    uint64_t hash = gen_hash(gen, GEN_NAMES, (2ull << 40) + plan->number);
    out = put_notice_id(out, plan->number);
    *out++ = ',';
    out = put_time(out, gen, birth->at_ms, TIME_PLAIN);
    *out++ = ',';
    out = put_phone(out, plan->phone, gen_mix(hash));
    *out++ = ',';
    out = put_iin(out, gen_hash(gen, GEN_NAMES, (3ull << 40) + plan->family), true);
    *out++ = ',';
    out = put_bytes(out, gen->dates[GEN_DATES_BEFORE + plan->born - 1 - (hash & 1)], 10);
    out = hash & 2 ? PUT(out, ",F,") : PUT(out, ",M,");
    out = put_number(out, 1 + gen_below(hash, 8, 4) + (changed ? 5 : 0) + (plan->alone ? 0u : plan->slot));
    *out++ = ',';
    out = put_digits(out, birth->region->code, 9);
    *out++ = ',';
    if (!plan->accountless)
        out = put_account(out, gen_mix(hash ^ 0x6163), !gen_chance(hash, 40, BAD_ACCOUNT_PPM));
    *out++ = ',';
    return PUT(put_span(out, HOSPITALS[hash >> 62]), "\n");
}

static int write_notice(struct gen_files *files, const struct birth *birth, uint32_t day, bool changed)
{
    struct gen_file *file = gen_files_row(files, KIND_NOTICES, 0, day);
    if (!file)
        return -1;
    file->size = (size_t)(put_notice(file->data + file->size, files->gen, birth, changed) - file->data);
    file->records++;
    return 0;
}

/* A tenth child on a phone whose nine slots are held. */
static int write_tenth(struct gen_files *files, const struct birth *birth)
{
    struct gen_file *file = gen_files_row(files, KIND_NOTICES, 0, birth->plan.given);
    if (!file)
        return -1;
    struct birth tenth = *birth;
    tenth.at_ms += SIBLING_MS;
    char *row = file->data + file->size;
    file->size = (size_t)(put_notice(row, files->gen, &tenth, true) - file->data);
    *row = 'T'; /* an id of its own, which is no case's number */
    file->records++;
    return 0;
}

static int bring_notice(struct gen_files *files, const struct birth *birth)
{
    const struct gen_plan *plan = &birth->plan;
    uint64_t hash = gen_hash(files->gen, GEN_REPEATS, plan->number);
    if (write_notice(files, birth, plan->given, false))
        return -1;
    if (plan->slot == SLOT_MAX && write_tenth(files, birth))
        return -1;
    if (gen_chance(hash, 0, AGAIN_PPM) && write_notice(files, birth, plan->given + (hash >> 63), false))
        return -1;
    if (gen_chance(hash, 20, CONFLICT_PPM) && write_notice(files, birth, plan->given + 1, true))
        return -1;
    return gen_chance(hash, 40, files->gen->errors)
               ? gen_spoil(files, KIND_NOTICES, 0, plan->given, gen_mix(hash), (struct span){NULL, 0})
               : 0;
}

static int bring_withdrawal(struct gen_files *files, const struct gen_plan *plan)
{
    uint64_t hash = gen_hash(files->gen, GEN_REPEATS, (1ull << 40) + plan->number);
    unsigned times = hash >> 60 ? 1 : 2; /* the second is a repeat */
    for (unsigned i = 0; i < times && plan->withdrawn <= files->gen->days; i++) {
        struct gen_file *file = gen_files_row(files, KIND_WITHDRAWALS, 0, plan->withdrawn);
        if (!file)
            return -1;
        char *out = put_notice_id(file->data + file->size, plan->number);
        *out++ = ',';
        out = put_time(out, files->gen, gen_as_of(plan->withdrawn - 1) + SECOND_MS, TIME_PLAIN); /* the first of its day */
        out = hash & 1 ? PUT(out, ",death\n") : PUT(out, ",mistake\n");
        file->size = (size_t)(out - file->data);
        file->records++;
    }
    return 0;
}

/* ---- messages ---- */

static unsigned draw_number(const struct ref_list *list, uint64_t hash)
{
    uint32_t start = gen_below(hash, 0, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct ref_entry *entry = &list->entries[(start + i) % list->count];
        if (entry->active)
            return entry->number;
    }
    return 1;
}

static char *put_leaflet_reply(char *out, const struct gen *gen, const struct birth *birth, enum step step, uint64_t hash)
{
    const struct gen_plan *plan = &birth->plan;
    out = put_typed(put_typed(PUT(out, "R"), plan->slot), plan->lang);
    if (step == STEP_LANGUAGE)
        return out;
    if (step == STEP_NAME)
        return put_name(PUT(out, " "), gen, plan);
    const struct ref_list *list = step == STEP_OFFICE ? &birth->region->offices : &gen->ref->options[step];
    return put_typed(put_typed(out, STEP_REPLY_CODES[step]), draw_number(list, hash));
}

static int send_leaflet(struct gen_files *files, const struct birth *birth)
{
    const struct gen_plan *plan = &birth->plan;
    char text[TEXT_MAX];
    for (enum step step = STEP_LANGUAGE; step <= STEP_OFFICE; step++) {
        uint64_t hash = gen_hash(files->gen, GEN_MESSAGE_IDS, (uint64_t)plan->number * STEP_COUNT + step);
        struct gen_message message = {.operator = plan->operator,
                                      .phone = plan->phone,
                                      .hash = hash,
                                      .received_ms = birth->at_ms + LEAFLET_MS + step * REPLY_MS + (int64_t)(hash % 20000)};
        uint64_t chance = gen_mix(hash);
        if (gen_chance(chance, 0, ERROR_PPM)) { /* no miss, as the run itself opens all these prompts */
            struct gen_message error = message;
            error.hash = chance;
            error.received_ms -= 30 * SECOND_MS;
            error.text.data = text;
            error.text.size =
                (size_t)(put_error(text, plan, step, !plan->alone || chance >> 63, gen_mix(chance)) - text);
            if (gen_send(files, plan->born, &error))
                return -1;
        }
        message.text = (struct span){text, (size_t)(put_leaflet_reply(text, files->gen, birth, step, chance) - text)};
        if (gen_send(files, plan->born, &message))
            return -1;
    }
    return 0;
}

/* Somebody else writes too: to us without a case, or to another service of this number. */
static int send_strange(struct gen_files *files, const struct birth *birth)
{
    const struct gen *gen = files->gen;
    uint64_t hash = gen_hash(gen, GEN_STRANGERS, birth->plan.number);
    struct gen_message message = {
        .operator = birth->plan.operator, .received_ms = birth->at_ms + (int64_t)(hash % 3000000), .hash = hash};
    if (gen_chance(hash, 0, STRANGER_PPM)) {
        message.phone = gen_stranger(gen, hash);
        message.text = hash >> 63 ? SPAN("R 1 1") : SPAN("Здравствуйте, это роддом?");
        if (gen_send(files, birth->plan.born, &message))
            return -1;
    }
    if (!gen_chance(hash, 20, OTHER_CODE_PPM))
        return 0;
    message.phone = birth->plan.phone;
    message.short_code = "1400";
    message.text = SPAN("BAL 5");
    message.hash = gen_mix(hash);
    return gen_send(files, birth->plan.born, &message);
}

/* ---- totals: an hour without traffic, told right and told wrong ---- */

static int bring_totals(struct gen_files *files, uint32_t day)
{
    struct span code = files->gen->ref->operators[files->gen->operators[0]].code;
    for (unsigned count = 0; count < 2; count++) {
        struct gen_file *file = gen_files_row(files, KIND_TOTALS, 0, day);
        if (!file)
            return -1;
        char *out = PUT(put_span(file->data + file->size, code), ",messages,");
        out = put_time(out, files->gen, gen_as_of(day) - 6 * DAY_MS - HOUR_MS, TIME_PLAIN);
        *out++ = ',';
        out = put_time(out, files->gen, gen_as_of(day) - 6 * DAY_MS - HOUR_MS + SECOND_MS, TIME_PLAIN);
        *out++ = ',';
        out = PUT(put_number(out, count), "\n");
        file->size = (size_t)(out - file->data);
        file->records++;
    }
    return 0;
}

static int bring_spoiled(struct gen_files *files, uint32_t day)
{
    return files->gen->errors &&
                   (gen_spoil_in_turn(files, KIND_TOTALS, day) || gen_spoil_in_turn(files, KIND_WITHDRAWALS, day) ||
                    gen_spoil_in_turn(files, KIND_NOTICES, day))
               ? -1
               : 0;
}

/* ---- a part of a day ---- */

static int bring(struct gen_files *files, uint32_t number, uint32_t day_first, uint32_t day_cases)
{
    const struct gen *gen = files->gen;
    struct birth birth;
    gen_plan(gen, number, &birth.plan);
    struct gen_plan *plan = &birth.plan;
    uint32_t first = gen_family(gen, plan->family).first;
    uint64_t hash = gen_hash(gen, GEN_TIMES, plan->family);
    birth.at_ms = gen_as_of(plan->born - 1) + FIRST_BIRTH_MS + BIRTHS_MS * (int64_t)(first - day_first) / (int64_t)day_cases +
                  (int64_t)(hash % 60000) + (plan->slot - 1) * SIBLING_MS;
    birth.region = &gen->ref->regions[gen->regions[gen_below(hash, 16, gen->region_count)]];
    return bring_notice(files, &birth) || (plan->withdrawn && bring_withdrawal(files, plan)) ||
                   (plan->leaflet && send_leaflet(files, &birth)) || send_strange(files, &birth)
               ? -1
               : 0;
}

static uint32_t cases_until(const struct gen *gen, uint32_t block)
{
    uint64_t cases = (uint64_t)block * GEN_FAMILY_BLOCK;
    return cases < gen->cases ? (uint32_t)cases : gen->cases;
}

static int make_part(struct gen_files *files, uint32_t number, const void *context)
{
    const struct days *days = context;
    uint32_t day = days->first + number / days->parts, part = number % days->parts, first, until;
    gen_born_on(days->gen, day, &first, &until);
    uint32_t day_first = cases_until(days->gen, first), day_cases = cases_until(days->gen, until) - day_first;
    uint32_t begin = first + part * GEN_PART_BLOCKS, end = begin + GEN_PART_BLOCKS < until ? begin + GEN_PART_BLOCKS : until;
    if (part == 0 && (bring_totals(files, day) || bring_spoiled(files, day)))
        return -1;
    for (uint32_t n = cases_until(days->gen, begin); begin < end && n < cases_until(days->gen, end); n++)
        if (bring(files, n, day_first, day_cases))
            return -1;
    return 0;
}

static void name_part(uint32_t number, const void *context, char source[32])
{
    const struct days *days = context;
    snprintf(source, 32, "%03u-%03u", days->first + number / days->parts, number % days->parts + 1);
}

int gen_make_days(struct gen_making *making, uint32_t first, uint32_t last, struct fault *fault)
{
    const struct gen *gen = making->gen;
    uint32_t blocks = (gen->cases + GEN_FAMILY_BLOCK - 1) / GEN_FAMILY_BLOCK;
    uint32_t day_blocks = (blocks + gen->days - 1) / gen->days;
    struct days days = {.gen = gen, .first = first, .parts = (day_blocks + GEN_PART_BLOCKS - 1) / GEN_PART_BLOCKS};
    struct gen_tasks tasks = {
        .making = making, .count = (last - first + 1) * days.parts, .task = make_part, .name = name_part, .context = &days};
    for (uint32_t day = first; day <= last; day++) /* also those on which nobody is born */
        if (gen_make_day(making->dir, day, fault))
            return -1;
    return gen_do_tasks(&tasks, fault);
}
