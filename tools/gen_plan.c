/* gen_plan.c - see gen_plan.h: tempers drawn from hashes. Where a case ends by them is told by gen_fate.c. */
#include "tools/gen_plan.h"

/* of a million */
#define LEAFLET_PPM 400000u
#define PRIVILEGED_PPM 60000u
#define DISPUTED_PPM 20000u
#define ACCOUNTLESS_PPM 450000u
#define LATE_NOTICE_PPM 20000u
#define WITHDRAWN_PPM 4000u
#define PROMPT_FAILS_PPM 12000u
#define IN_FORM_PPM 400000u
#define REFUSED_PPM 25000u
#define NEVER_PPM 4000u

static const struct {
    enum gen_trouble trouble;
    uint32_t ppm;
} TROUBLES[] = {{GEN_MISTAKE, 150000}, {GEN_HOPELESS, 20000}, {GEN_SILENT, 50000}, {GEN_SLOW, 40000}, {GEN_LATE, 20000}};

static const enum step PROMPTS[] = {STEP_LANGUAGE,  STEP_NAME,     STEP_EDUCATION, STEP_INCOME, STEP_OFFICE,
                                    STEP_PRIVILEGE, STEP_LOCALITY, STEP_ORDER,     STEP_ACCOUNT};
#define PROMPT_COUNT 9u
#define PROMPTS_BY_LEAFLET 5u /* are answered unasked */

static void draw_trouble(const struct gen *gen, struct gen_plan *plan)
{
    uint64_t hash = gen_hash(gen, GEN_TEMPER, plan->number);
    uint32_t from = 0, thrown = (uint32_t)((hash & 0xfffff) * 1000000 >> 20);
    plan->trouble = GEN_NO_TROUBLE;
    for (unsigned i = 0; i < sizeof TROUBLES / sizeof *TROUBLES; from += TROUBLES[i++].ppm)
        if (thrown >= from && thrown < from + TROUBLES[i].ppm)
            plan->trouble = TROUBLES[i].trouble;
    if (plan->trouble == GEN_LATE && !plan->alone)
        plan->trouble =
            GEN_NO_TROUBLE; /* of several children none may write to a slot that has closed: another would be blamed */
    unsigned first = plan->leaflet ? PROMPTS_BY_LEAFLET : 0;
    plan->trouble_step = PROMPTS[first + gen_below(hash, 20, PROMPT_COUNT - first)];
    static const uint8_t LATE_DAYS[] = {1, 1, 2, 2, 3, 4, 6, 11};
    plan->late_days = LATE_DAYS[hash >> 61];
}

void gen_plan(const struct gen *gen, uint32_t number, struct gen_plan *plan)
{
    uint32_t rank, family = gen_family_of(number, &rank);
    uint64_t facts = gen_hash(gen, GEN_FACTS, number), whims = gen_mix(facts);
    plan->number = number;
    plan->family = family;
    plan->phone = gen_phone(gen, family);
    plan->operator = gen_operator_of(gen, family);
    plan->ported = plan->operator != ref_prefix_operator(gen->ref, plan->phone);
    plan->slot = (uint8_t)(rank + 1);
    plan->lang = facts >> 63 ? LANG_RU : LANG_KK;
    plan->alone = gen_family(gen, family).count == 1;
    /* all children of a family go by the same way, as their mother does */
    plan->leaflet = gen_chance(gen_hash(gen, GEN_FACTS, (1ull << 40) + family), 0, LEAFLET_PPM);
    plan->privileged = gen_chance(facts, 0, PRIVILEGED_PPM);
    plan->disputed = plan->alone && gen_chance(facts, 20, DISPUTED_PPM);
    plan->accountless = gen_chance(facts, 40, ACCOUNTLESS_PPM);
    plan->born = plan->given = gen_birth_day(gen, number);
    if (plan->alone && !plan->leaflet && plan->born < gen->days && gen_chance(whims, 0, LATE_NOTICE_PPM))
        plan->given++;
    plan->withdrawn = 0;
    if (plan->alone && gen_chance(whims, 20, WITHDRAWN_PPM))
        plan->withdrawn = plan->given + 1 + gen_below(whims, 40, 8);
    draw_trouble(gen, plan);
}

struct gen_response gen_response(const struct gen *gen, uint32_t number, enum agency agency)
{
    uint64_t hash = gen_hash(gen, GEN_AGENCY, (uint64_t)number * AGENCY_COUNT + agency);
    static const uint8_t DAYS[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3};
    return (struct gen_response){.days = gen_chance(hash, 20, NEVER_PPM) ? 0 : DAYS[hash >> 60],
                                 .refused = gen_chance(hash, 0, REFUSED_PPM)};
}

struct gen_reply gen_reply(const struct gen_plan *plan, enum step step, enum sms_kind kind,
                           uint32_t night)
{
    struct gen_reply reply = {.reaction = GEN_NOTHING, .received = night + 1, .file_day = night + 1};
    if (plan->leaflet && step <= STEP_OFFICE)
        return reply; /* has answered that already */
    enum gen_trouble trouble = step == plan->trouble_step ? plan->trouble : GEN_NO_TROUBLE;
    if (kind == SMS_REMINDER)
        reply.reaction = trouble == GEN_SLOW ? GEN_ANSWER : GEN_NOTHING; /* the others have written, or never will */
    else if (trouble == GEN_SILENT || trouble == GEN_SLOW)
        reply.reaction = GEN_NOTHING;
    else if (trouble == GEN_HOPELESS || (trouble == GEN_MISTAKE && kind == SMS_PROMPT))
        reply.reaction = GEN_ERROR;
    else
        reply.reaction = GEN_ANSWER;
    if (trouble == GEN_LATE)
        reply.file_day += plan->late_days;
    return reply;
}

bool gen_error_in_form(const struct gen *gen, const struct gen_plan *plan, enum step step)
{
    return !plan->alone || gen_chance(gen_hash(gen, GEN_FORMS, (uint64_t)plan->number * STEP_COUNT + step), 0, IN_FORM_PPM);
}

bool gen_prompt_fails(const struct gen *gen, const struct gen_plan *plan, enum step step)
{
    uint64_t hash = gen_hash(gen, GEN_RECEIPTS, (uint64_t)plan->number * STEP_COUNT + step);
    return !plan->ported && gen_chance(hash, 0, PROMPT_FAILS_PPM); /* a ported number's first SMS goes to another operator */
}

uint32_t gen_given(const struct gen *gen, uint16_t operator, uint32_t day)
{
    const struct gen_withheld *withheld = &gen->withheld;
    return withheld->operator == operator && day >= withheld->from && day < withheld->until ? withheld->until : day;
}
