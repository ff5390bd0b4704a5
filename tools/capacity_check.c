/* capacity_check.c - does every case stand where its plan says? Reads the store as it is, case by case. */
#include "tools/capacity.h"

#include "engine/sys/list.h"
#include "engine/sys/sys.h"
#include "tools/gen_rows.h"
#include "tools/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
    const struct gen *gen;
    uint32_t night;
    struct capacity_check *check;
    struct fault *fault;
    uint8_t *seen; /* a bit a case */
};

/* ---- a place, by its name ---- */

static void name_place(const struct gen_fate *fate, char name[96])
{
    if (!fate->there) {
        snprintf(name, 96, "not there");
        return;
    }
    if (fate->step != STEP_CLOSED) { /* what has ended before belongs to the place too: order after queued, or after refused */
        const char *kindergarten = OUTCOME_WORDS[fate->outcomes[PHASE_KINDERGARTEN]];
        snprintf(name, 96, "%s%s%s%s", STEP_WORDS[fate->step], *kindergarten ? " (kindergarten " : "", kindergarten,
                 *kindergarten ? ")" : "");
        return;
    }
    size_t used = (size_t)snprintf(name, 96, "closed:");
    for (enum phase phase = 0; phase < PHASE_COUNT && used < 96; phase++)
        if (fate->outcomes[phase])
            used += (size_t)snprintf(name + used, 96 - used, " %s", OUTCOME_WORDS[fate->outcomes[phase]]);
    if (fate->withdrawn && used < 96 && !strstr(name, "withdrawn"))
        snprintf(name + used, 96 - used, " (withdrawn)");
}

static struct capacity_place *place_of(struct looking *looking, const struct gen_fate *fate)
{
    struct capacity_check *check = looking->check;
    char name[96];
    name_place(fate, name);
    for (uint32_t i = 0; i < check->count; i++)
        if (strcmp(check->places[i].name, name) == 0)
            return &check->places[i];
    if (list_grow(&check->places, &check->capacity, check->count + 1ull, looking->fault))
        return NULL;
    struct capacity_place *place = &check->places[check->count++];
    *place = (struct capacity_place){0};
    memcpy(place->name, name, sizeof name);
    return place;
}

static bool same_fate(const struct gen_fate *a, const struct gen_fate *b)
{
    return a->there == b->there && a->withdrawn == b->withdrawn && a->step == b->step &&
           memcmp(a->outcomes, b->outcomes, sizeof a->outcomes) == 0;
}

static void name_sample(struct capacity_check *check, uint32_t number, const struct gen_fate *planned,
                        const struct gen_fate *found)
{
    char meant[96], is[96], id[16];
    check->elsewhere++;
    if (check->sample_count == CAPACITY_SAMPLES_MAX)
        return;
    name_place(planned, meant);
    name_place(found, is);
    *put_notice_id(id, number) = 0;
    snprintf(check->samples[check->sample_count++], sizeof *check->samples, "%s: planned %s, found %s", id, meant, is);
}

/* ---- the store's cases ---- */

static int look_at_case(struct looking *looking, const struct kase *kase)
{
    uint32_t number;
    struct gen_fate planned = {0}, found = {.there = true, .withdrawn = kase->withdrawn, .step = kase->step};
    memcpy(found.outcomes, kase->outcomes, sizeof found.outcomes);
    struct capacity_place *place = place_of(looking, &found);
    if (!place)
        return -1;
    place->found++;
    bool known = read_notice_id(kase->notice_id, &number) && number < looking->gen->cases;
    if (!known || looking->seen[number / 8] & 1u << number % 8) { /* nobody's, or one twice */
        looking->check->elsewhere++;
        return 0;
    }
    looking->seen[number / 8] |= (uint8_t)(1u << number % 8);
    struct gen_plan plan;
    gen_plan(looking->gen, number, &plan);
    gen_fate(looking->gen, &plan, looking->night, &planned);
    if (!same_fate(&planned, &found))
        name_sample(looking->check, number, &planned, &found);
    return 0;
}

static int look_at_phone(struct reader *reader, void *context)
{
    for (uint32_t i = 0; i < reader->phone.case_count; i++)
        if (look_at_case(context, &reader->phone.cases[i]))
            return -1;
    return 0;
}

/* The plan of all; those that the store does not hold are told on the way. */
static int add_planned(struct looking *looking)
{
    for (uint32_t number = 0; number < looking->gen->cases; number++) {
        struct gen_plan plan;
        struct gen_fate planned, missing = {0};
        gen_plan(looking->gen, number, &plan);
        gen_fate(looking->gen, &plan, looking->night, &planned);
        struct capacity_place *place = place_of(looking, &planned);
        if (!place)
            return -1;
        place->planned++;
        if (looking->seen[number / 8] & 1u << number % 8 || !planned.there)
            continue;
        name_sample(looking->check, number, &planned, &missing);
    }
    looking->check->cases = looking->gen->cases;
    return 0;
}

static unsigned rank_of(const char *name) /* steps in their order, what is closed behind them */
{
    for (enum step step = 0; step < STEP_CLOSED; step++) {
        size_t size = strlen(STEP_WORDS[step]);
        if (strncmp(name, STEP_WORDS[step], size) == 0 && (!name[size] || name[size] == ' '))
            return step;
    }
    return STEP_CLOSED;
}

static int place_order(const void *a, const void *b)
{
    const struct capacity_place *x = a, *y = b;
    unsigned left = rank_of(x->name), right = rank_of(y->name);
    return left != right ? (left > right) - (left < right) : strcmp(x->name, y->name);
}

int capacity_compare(const struct gen *gen, const char *dir, uint32_t night, struct capacity_check *check, struct fault *fault)
{
    struct reader reader;
    struct looking looking = {.gen = gen, .night = night, .check = check, .fault = fault};
    size_t bits = gen->cases / 8 + 1;
    looking.seen = sys.alloc(bits);
    if (!looking.seen)
        return fault_memory(fault);
    memset(looking.seen, 0, bits);
    int failed = reader_open(&reader, dir, fault) || reader_each(&reader, false, look_at_phone, &looking) || add_planned(&looking);
    if (!failed && check->count)
        qsort(check->places, check->count, sizeof *check->places, place_order);
    reader_close(&reader);
    sys.free(looking.seen);
    return failed ? -1 : 0;
}
