/* test_gen.c - the made-up country: phones and families there and back, values that besik takes, errors that are errors, what an
 * SMS shows, ranges of a folder's files, and fates told by hand. */
#include "tools/gen.h"

#include "engine/reply.h"
#include "engine/phone.h"
#include "tools/gen_folder.h"
#include "tools/gen_plan.h"
#include "tools/gen_rows.h"
#include "tools/gen_shown.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct gen gen;

static void open_country(void)
{
    struct fault fault = {0};
    gen = (struct gen){.cases = 50000, .days = 16, .seed = 11, .errors = GEN_ERRORS_DEFAULT};
    cr_assert_eq(gen_open(&gen, &fault), 0, "%s", fault.text);
}

static void close_country(void)
{
    gen_close(&gen);
}

TestSuite(gen, .init = open_country, .fini = close_country);

Test(gen, each_case_has_its_family_and_each_family_its_phone)
{
    uint32_t next = 0;
    unsigned sizes[SLOT_MAX + 1] = {0};
    for (uint32_t family = 0; next < gen.cases; family++) {
        struct gen_family found = gen_family(&gen, family);
        uint32_t phone = gen_phone(&gen, family), read;
        uint64_t place;
        char digits[11];
        value_phone_write(phone, digits);
        cr_assert(value_phone((struct span){digits, 11}, &read) && read == phone);
        cr_assert(gen_place(&gen, phone, &place) && place == family);
        cr_assert(gen_operator_of(&gen, family) != REF_OPERATOR_OTHER);
        if (!found.count)
            continue;
        cr_assert_eq(found.first, next, "family %u begins with case %u, not %u", family, found.first, next);
        for (uint32_t i = 0; i < found.count; i++) {
            uint32_t rank;
            cr_assert_eq(gen_family_of(next, &rank), family);
            cr_assert_eq(rank, i);
            cr_assert_eq(gen_birth_day(&gen, next++), gen_birth_day(&gen, found.first));
        }
        sizes[found.count]++;
    }
    cr_assert(sizes[1] && sizes[2] && sizes[3] && sizes[9]);
}

Test(gen, each_block_is_born_on_one_day)
{
    uint32_t until = 0, first;
    for (uint32_t day = 1; day <= gen.days; day++) {
        uint32_t last = until;
        gen_born_on(&gen, day, &first, &until);
        cr_assert_eq(first, last);
        for (uint32_t block = first; block < until; block++)
            cr_assert_eq(gen_birth_day(&gen, block * GEN_FAMILY_BLOCK), day);
    }
    cr_assert_eq(until, (gen.cases + GEN_FAMILY_BLOCK - 1) / GEN_FAMILY_BLOCK);
    gen_born_on(&gen, gen.days + 1, &first, &until);
    cr_assert_eq(until, 0);
}

Test(gen, strangers_are_no_family)
{
    uint64_t place;
    for (uint64_t i = 0; i < 10000; i++)
        cr_assert(gen_place(&gen, gen_stranger(&gen, gen_mix(i)), &place) && !gen_family(&gen, (uint32_t)place).count);
}

Test(gen, values_are_good_or_bad_as_told)
{
    char text[64], account[20];
    uint32_t number, phone;
    int64_t ms;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t hash = gen_mix(i);
        for (int good = 0; good < 2; good++) {
            size_t size = (size_t)(put_iin(text, hash, good) - text);
            cr_assert_eq(value_iin((struct span){text, size}), good, "IIN %.*s", (int)size, text);
            size = (size_t)(put_account(text, hash, good) - text);
            cr_assert_eq(value_account((struct span){text, size}, account), good, "account %.*s", (int)size, text);
        }
        size_t size = (size_t)(put_phone(text, gen_phone(&gen, i), hash) - text);
        cr_assert(value_phone((struct span){text, size}, &phone) && phone == gen_phone(&gen, i));
        int64_t wanted = gen_as_of(3) + (int64_t)(hash % (90ull * DAY_MS));
        for (enum time_style style = TIME_PLAIN; style <= TIME_UTC; style++) {
            size = (size_t)(put_time(text, &gen, wanted, style) - text);
            cr_assert(value_time((struct span){text, size}, &ms), "%.*s", (int)size, text);
            cr_assert_eq(ms, style == TIME_MS ? wanted : wanted - wanted % 1000);
        }
        for (unsigned style = 0; style < 4; style++) {
            size = (size_t)(put_message_id(text, style, hash) - text);
            cr_assert(value_id((struct span){text, size}));
        }
        size = (size_t)(put_notice_id(text, (uint32_t)i) - text);
        cr_assert(read_notice_id((struct span){text, size}, &number) && number == i);
    }
    cr_assert(!read_notice_id(SPAN("T26-000000001"), &number) && !read_notice_id(SPAN("N26-00000000x"), &number));
}

/* Is it what the plan says: a reply in form that names the slot, or none at all? */
static void check_error(const struct gen_plan *plan, enum step step, bool in_form, uint64_t hash)
{
    char text[512];
    struct reply reply;
    struct span said = {text, (size_t)(put_error(text, plan, step, in_form, hash) - text)};
    cr_assert(value_text(said));
    cr_assert_eq(reply_parse(said, &reply), in_form, "'%.*s'", (int)said.size, said.data);
    cr_assert(!in_form || reply.digits[0] == plan->slot);
}

Test(gen, errors_are_errors)
{
    static const enum step STEPS[] = {STEP_LANGUAGE, STEP_NAME, STEP_EDUCATION, STEP_INCOME, STEP_OFFICE, STEP_PRIVILEGE, STEP_LOCALITY, STEP_ORDER, STEP_ACCOUNT};
    struct gen_plan plan;
    for (uint32_t number = 0; number < 300; number++) {
        gen_plan(&gen, number, &plan);
        for (unsigned i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
            for (uint64_t draw = 0; draw < 20; draw++) {
                check_error(&plan, STEPS[i], true, gen_mix(number * 977 + draw));
                check_error(&plan, STEPS[i], false, gen_mix(number * 977 + draw));
            }
    }
}

static void reads(struct span sms, enum step step, unsigned slot, unsigned lang_or_privileged, const char *wanted)
{
    struct gen_shown *shown = malloc(sizeof *shown);
    struct gen_plan plan = {.slot = (uint8_t)slot, .lang = lang_or_privileged ? LANG_RU : LANG_KK, .privileged = lang_or_privileged};
    char text[512];
    gen_read_shown(sms, step, shown);
    cr_assert_eq(shown->slot, slot, "%.*s", (int)sms.size, sms.data);
    char *end = gen_put_reply(text, &gen, &plan, step, shown);
    if (wanted) {
        cr_assert_not_null(end);
        *end = 0;
        cr_assert_str_eq(text, wanted);
    } else {
        cr_assert_null(end);
    }
    free(shown);
}

Test(gen, replies_are_as_shown)
{
    struct span language = SPAN("Ответ начните с английской R, перед каждой цифрой пробел:\nR 3 1 - Қазақша\nR 3 2 - Русский");
    reads(language, STEP_LANGUAGE, 3, 0, "R 3 1");
    reads(language, STEP_LANGUAGE, 3, 1, "R 3 2");
    reads(SPAN("Ваш уровень: R 1 2 2 и цифры:\n7 - Основное"), STEP_EDUCATION, 1, 1, "R 1 2 2 7");
    reads(SPAN("Не по форме: английская R, цифры через пробел.\nR 2 1 6 и цифры:\n1 5 - с.Карааул, 3"), STEP_LOCALITY, 2, 1, "R 2 1 6 1 5");
    reads(SPAN("Льгота: R 1 2 5 и цифры:\n1 - Нет\n1 2 - Малообеспеченная"), STEP_PRIVILEGE, 1, 1, "R 1 2 5 1 2");
    reads(SPAN("Льгота: R 1 2 5 и цифры:\n1 - Нет\n1 2 - Малообеспеченная"), STEP_PRIVILEGE, 1, 0, "R 1 2 5 1");
    reads(SPAN("Льгота: R 1 2 5 и цифры:\n1 - Нет"), STEP_PRIVILEGE, 1, 1, NULL);
    reads(SPAN("Очередность: 3.\nR 1 2 7 1 - верно\nR 1 2 7 2 - неверно"), STEP_ORDER, 1, 1, "R 1 2 7 1");
    reads(SPAN("Ждем ответ до 12.03.2026.\nR 9 1 4 және цифрлар:\n8 - АХАТ бөлімі №8"), STEP_OFFICE, 9, 0, "R 9 1 4 8");
    reads(SPAN("Ваш уровень образования неизвестен"), STEP_EDUCATION, 0, 0, NULL);
}

static struct gen_shown shown_by(struct span sms, enum step step)
{
    static struct gen_shown shown;
    gen_read_shown(sms, step, &shown);
    return shown;
}

/* What merely looks like a reply or like an entry of a list is none. */
Test(gen, what_is_shown_stands_alone)
{
    static const struct {
        const char *sms, *head; /* head "": no reply is shown */
        enum step step;
        unsigned slot, count, last; /* numbers of the list, and the last of them */
    } ROWS[] = {
        {"R", "", STEP_LANGUAGE, 0, 0, 0},
        {"R ", "", STEP_LANGUAGE, 0, 0, 0},
        {"R 1", "", STEP_LANGUAGE, 0, 0, 0},
        {"R 1 2", "R 1", STEP_LANGUAGE, 1, 0, 0},
        {"R 1 2x", "", STEP_LANGUAGE, 0, 0, 0},
        {"R 1 2Z", "", STEP_LANGUAGE, 0, 0, 0},
        {"R 1 23", "", STEP_LANGUAGE, 0, 0, 0},
        {"R 1 2.", "R 1", STEP_LANGUAGE, 1, 0, 0},
        {"R 1 x", "", STEP_LANGUAGE, 0, 0, 0},
        {"xR 1 2, 4R 1 2, ZR 1 2", "", STEP_LANGUAGE, 0, 0, 0},
        {"-R 3 2", "R 3", STEP_LANGUAGE, 3, 0, 0},
        {"R 1 2 3 4 5 6 7 8 9 1", "R 1", STEP_LANGUAGE, 1, 0, 0},
        {"R 1 2\n", "", STEP_EDUCATION, 1, 0, 0},
        {"7 - x\nR 1 2 2\n7 - x", "R 1 2 2", STEP_EDUCATION, 1, 1, 7},
        {"R 1 2 2\n7", "R 1 2 2", STEP_EDUCATION, 1, 1, 7},
        {"R 1 2 2\n7x\n0 - x\n1 2", "R 1 2 2", STEP_EDUCATION, 1, 1, 12},
        {"R 1 2 2\n1 2 3 4 5 - x\n1 \n2 y", "R 1 2 2", STEP_EDUCATION, 1, 2, 2},
        {"R 1 2 2\n7 - x\nR 4 2 2 1", "R 1 2 2", STEP_EDUCATION, 4, 1, 7},
        {"R 1 2 2\n7 - x", "R 1", STEP_LANGUAGE, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct gen_shown shown = shown_by(span_of(ROWS[i].sms), ROWS[i].step);
        cr_expect_eq(shown.head_digits != 0, *ROWS[i].head != 0, "'%s'", ROWS[i].sms);
        cr_expect(!shown.head_digits || strcmp(shown.head, ROWS[i].head) == 0, "'%s': %s", ROWS[i].sms, shown.head);
        cr_expect_eq(shown.slot, ROWS[i].slot, "'%s': slot %u", ROWS[i].sms, shown.slot);
        cr_expect_eq(shown.count, ROWS[i].count, "'%s': %u numbers", ROWS[i].sms, shown.count);
        cr_expect(!shown.count || shown.numbers[shown.count - 1] == ROWS[i].last, "'%s': %u", ROWS[i].sms, shown.numbers[shown.count - 1]);
    }
    char many[9000] = "R 1 2 2";
    for (unsigned i = 0; i <= GEN_SHOWN_MAX; i++)
        strcat(many, "\n7 - x");
    cr_expect_eq(shown_by(span_of(many), STEP_EDUCATION).count, GEN_SHOWN_MAX, "more than a list can hold");
    /* what there is nothing to choose from is not answered */
    struct gen_plan plan = {.slot = 1};
    char out[512];
    static const enum step WAITS[] = {STEP_EDUCATION, STEP_REGISTERING, STEP_QUEUEING, STEP_ASSIGNING, STEP_CLOSED};
    struct gen_shown shown = shown_by(SPAN("R 1 2 2"), STEP_EDUCATION);
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++)
        cr_expect_null(gen_put_reply(out, &gen, &plan, WAITS[i], &shown), "%s", STEP_WORDS[WAITS[i]]);
}

Test(gen, ranges_begin_with_records)
{
    const char *id = "s0123456789abcdefghjkmnpqrs";
    char text[4096];
    int size = snprintf(text, sizeof text, "sms_id,msisdn,text\n%s,77010000001,\"a\ns, b\n%.20s\n\"\n%s,77010000002,c\n", id, id, id);
    struct gen_run_file file = {.data = text, .size = (size_t)size};
    size_t first = strlen("sms_id,msisdn,text\n"), second = (size_t)(strstr(text + first + 1, "\ns0123456789abcdefghjkmnpqrs,") - text) + 1;
    for (size_t from = 0; from <= file.size + 1; from++) {
        size_t wanted = from <= first ? first : from <= second ? second : file.size;
        cr_assert_eq(gen_record_from(&file, from), wanted, "from %zu: %zu, not %zu", from, gen_record_from(&file, from), wanted);
    }
}

/* ---- fates ---- */

static void stands(const struct gen_plan *plan, uint32_t night, enum step step, enum outcome registration)
{
    struct gen_fate fate;
    gen_fate(&gen, plan, night, &fate);
    cr_assert_eq(fate.step, step, "night %u: %s, not %s", night, STEP_WORDS[fate.step], STEP_WORDS[step]);
    cr_assert_eq(fate.outcomes[PHASE_REGISTRATION], registration);
}

static struct gen_plan reader(enum gen_trouble trouble, enum step step)
{
    struct gen_plan plan;
    uint32_t number = 0;
    do /* of one whose prompts do not fail, and whose registry answers at once */
        gen_plan(&gen, number, &plan);
    while (number++, gen_prompt_fails(&gen, &plan, STEP_LANGUAGE) || gen_prompt_fails(&gen, &plan, STEP_NAME) ||
                         gen_response(&gen, plan.number, AGENCY_REGISTRY).days != 1 || gen_response(&gen, plan.number, AGENCY_REGISTRY).refused ||
                         gen_error_in_form(&gen, &plan, STEP_NAME) || !plan.alone || plan.ported);
    plan.leaflet = false;
    plan.withdrawn = 0;
    plan.trouble = trouble;
    plan.trouble_step = step;
    plan.late_days = 11;
    plan.born = plan.given = 1;
    return plan;
}

Test(gen, a_reader_goes_a_step_a_night)
{
    struct gen_plan plan = reader(GEN_NO_TROUBLE, STEP_LANGUAGE);
    struct gen_fate fate;
    gen_fate(&gen, &plan, 0, &fate);
    cr_assert(!fate.there);
    for (uint32_t night = 1; night <= 6; night++)
        stands(&plan, night, (enum step)(STEP_LANGUAGE + night - 1), OUTCOME_NONE);
    stands(&plan, 7, STEP_PRIVILEGE, OUTCOME_REGISTERED);
    plan.leaflet = true;
    stands(&plan, 1, STEP_REGISTERING, OUTCOME_NONE);
    stands(&plan, 2, STEP_PRIVILEGE, OUTCOME_REGISTERED);
}

Test(gen, troubles_take_their_nights)
{
    struct gen_plan plan = reader(GEN_MISTAKE, STEP_NAME);
    stands(&plan, 3, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 4, STEP_EDUCATION, OUTCOME_NONE);
    plan.trouble = GEN_HOPELESS;
    stands(&plan, 4, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 5, STEP_CLOSED, OUTCOME_MISSED);
    plan.trouble = GEN_SLOW; /* asked in night 2, reminded in night 5 */
    stands(&plan, 5, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 6, STEP_EDUCATION, OUTCOME_NONE);
    plan.trouble = GEN_SILENT;
    stands(&plan, 11, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 12, STEP_CLOSED, OUTCOME_EXPIRED);
    plan.trouble = GEN_LATE; /* written in night 3, given in night 14: revived */
    stands(&plan, 13, STEP_CLOSED, OUTCOME_EXPIRED);
    stands(&plan, 14, STEP_EDUCATION, OUTCOME_NONE);
    plan.withdrawn = 13;
    stands(&plan, 14, STEP_CLOSED, OUTCOME_EXPIRED);
    plan.withdrawn = 9;
    stands(&plan, 14, STEP_CLOSED, OUTCOME_WITHDRAWN);
}

Test(gen, withheld_dumps_come_all_at_once)
{
    struct gen_plan plan = reader(GEN_NO_TROUBLE, STEP_LANGUAGE);
    gen.withheld = (struct gen_withheld){plan.operator, 3, 15};
    stands(&plan, 2, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 12, STEP_CLOSED, OUTCOME_EXPIRED);
    stands(&plan, 15, STEP_EDUCATION, OUTCOME_NONE);
    plan.trouble = GEN_MISTAKE; /* one that is not in form does not revive */
    plan.trouble_step = STEP_NAME;
    stands(&plan, 16, STEP_CLOSED, OUTCOME_EXPIRED);
    gen.withheld.until = 8;
    stands(&plan, 8, STEP_NAME, OUTCOME_NONE);
    stands(&plan, 9, STEP_EDUCATION, OUTCOME_NONE);
}

Test(gen, wrong_figures_are_refused)
{
    static const struct gen WRONG[] = {{.days = 1}, {.cases = GEN_CASES_MAX + 1, .days = 1}, {.cases = 1}, {.cases = 1, .days = GEN_DAYS_MAX + 1}};
    for (unsigned i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct fault fault = {0};
        struct gen wrong = WRONG[i];
        cr_assert_eq(gen_open(&wrong, &fault), -1);
        cr_assert_eq(fault.code, FAULT_USAGE);
    }
}
