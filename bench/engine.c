/* engine.c - how fast the rules alone are: cases whose records lie in memory in the order of their phones, and their messages.
 *
 *   engine REFDIR [CASES] [ROUNDS]
 *
 * Each case is brought from its notice to the registry's request: one look for the notice, then one for the five replies of a
 * dialogue, a mistake and a repeat, as a bulk replay brings them. A look is: decode the record, apply the events, the end of
 * the run, encode. Prints the median of the rounds, on one core. No file, no texts, no ids. */
#include "engine/apply.h"
#include "engine/check.h"
#include "engine/values.h"
#include "io/ref_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPLIES 7
#define LIST_ROOM 1024
#define RECORD_ROOM 4096
#define AS_OF_MS (20783LL * DAY_MS) /* 2026-11-26 */

struct record {
    size_t size;
    char bytes[488];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *room(size_t size)
{
    void *out = calloc(1, size);
    CHECK(out);
    return out;
}

static void widen(struct apply *apply, const struct ref *ref)
{
#define ROOM(list) ((list).items = room(LIST_ROOM * sizeof *(list).items), (list).capacity = LIST_ROOM)
    ROOM(apply->verdicts), ROOM(apply->made), ROOM(apply->found), ROOM(apply->history), ROOM(apply->awaited);
    ROOM(apply->heard), ROOM(apply->waiting);
    apply->bytes.items = room(apply->bytes.capacity = 1 << 20);
    apply->phone.cases = room((apply->phone.case_capacity = LIST_ROOM) * sizeof *apply->phone.cases);
    apply->phone.sms = room((apply->phone.sms_capacity = LIST_ROOM) * sizeof *apply->phone.sms);
    apply->phone.marks = room((apply->phone.mark_capacity = LIST_ROOM) * sizeof *apply->phone.marks);
    apply->mark_index = room(4 * LIST_ROOM * sizeof *apply->mark_index);
    apply->news = room(ref->operator_count * sizeof *apply->news);
}

static struct event *put_event(char **at, struct event head, const struct span *fields, unsigned count)
{
    struct event *event = (struct event *)*at;
    char *out = (char *)(event + 1);
    for (unsigned i = 0; i < count; i++) {
        uint16_t size = (uint16_t)fields[i].size;
        memcpy(out, &size, 2);
        memcpy(out + 2, fields[i].data, fields[i].size);
        out += 2 + size;
    }
    head.size = (uint16_t)(out - (char *)(event + 1));
    *event = head;
    *at += event_bytes(event);
    return event;
}

/* The record of a phone whose events these are, encoded with what went out. */
static size_t look(struct apply *apply, uint32_t phone, const char *record, size_t size, struct event *const *events, unsigned count,
                   char *out)
{
    static struct sms sent[LIST_ROOM];
    static uint32_t of_case[LIST_ROOM];
    uint32_t sms = 0;
    apply_begin(apply, phone, value_phone_hash(phone));
    apply->bytes.count = 0;
    if (size)
        CHECK(apply_load(apply, (struct span){record, size}));
    for (unsigned i = 0; i < count; i++)
        apply_event(apply, events[i]);
    apply_end(apply);
    for (uint32_t i = 0; i < apply->made.count; i++) {
        const struct made *made = &apply->made.items[i];
        if (!made->number)
            continue;
        sent[sms] = (struct sms){.at_ms = apply->run->as_of_ms, .operator = apply_operator(apply), .kind = made->kind, .what = made->what};
        of_case[sms++] = made->kase;
    }
    return phone_encode(&apply->phone, sent, of_case, sms, NEVER_MS, out);
}

static uint32_t phone_of(uint32_t number)
{
    return 701000000u + number;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = value_phone_hash(*(const uint32_t *)a), y = value_phone_hash(*(const uint32_t *)b);
    return (x > y) - (x < y);
}

static struct event *put_notice(char **at, uint32_t phone, struct span region)
{
    char id[16], iin[13];
    struct span fields[NOTICE_FIELDS] = {{id, (size_t)sprintf(id, "N%09u", phone)}, {iin, (size_t)sprintf(iin, "%012u", phone)},
                                         SPAN("2026-11-20"), SPAN("F"), SPAN("2"), region, SPAN(""), SPAN("")};
    return put_event(at, (struct event){.kind = KIND_NOTICES, .at_ms = AS_OF_MS - 3 * DAY_MS, .phone = phone}, fields, NOTICE_FIELDS);
}

/* Language, name, a mistake, education, income, the same again, office. */
static struct event *put_reply(char **at, const struct ref *ref, uint32_t phone, unsigned number)
{
    static const char *const TEXTS[REPLIES] = {"R 1 2", "R 1 2 Ахметова Айша Сериковна", "Рахмет!", "R 1 2 2 1", "R 1 2 3 1",
                                               "R 1 2 3 1", "R 1 2 4 1"};
    char id[32];
    uint16_t operator = ref->prefixes[701];
    struct span fields[MESSAGE_FIELDS] = {{id, (size_t)sprintf(id, "%08x%08x", phone, number - (number > 4))}, span_of(TEXTS[number])};
    return put_event(at, (struct event){.kind = KIND_MESSAGES, .at_ms = AS_OF_MS - DAY_MS + 60000 * (number - (number > 4)), .phone = phone,
                      .operator = operator, .operator_rank = ref->operator_ranks[operator]}, fields, MESSAGE_FIELDS);
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fputs("usage: engine REFDIR [CASES] [ROUNDS]\n", stderr), 2;
    uint32_t cases = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 200000;
    unsigned rounds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 5;
    struct ref_set *set;
    struct fault fault = {0};
    if (ref_load(&set, argv[1], NULL, &fault))
        return fprintf(stderr, "%s\n", fault.text), 1;
    const struct ref *ref = ref_of(set);
    struct span region = SPAN("354000000");
    int64_t *settled = room(ref->operator_count * sizeof *settled);
    for (uint32_t i = 0; i < ref->operator_count; i++)
        settled[i] = NEVER_MS;
    struct run_facts facts = {.ref = ref, .run = 1, .as_of_ms = AS_OF_MS - 2 * DAY_MS, .previous_ms = NEVER_MS,
        .remind_after = 3 * DAY_MS, .expire_after = 10 * DAY_MS, .response_after = 5 * DAY_MS, .receipt_after = 2 * DAY_MS,
        .remember = 400 * DAY_MS, .forget_before_ms = NEVER_MS, .seed = 1, .message_seed = event_message_seed(1, SPAN("1414")),
        .settled_ms = settled};
    struct apply apply = {.run = &facts};
    widen(&apply, ref);
    uint32_t *phones = room(cases * sizeof *phones);
    for (uint32_t i = 0; i < cases; i++)
        phones[i] = phone_of(i);
    qsort(phones, cases, sizeof *phones, by_hash);

    /* the notices' run, not timed: the resident records; then the messages, one behind another in phone order */
    struct record *records = room(cases * sizeof *records);
    char *bytes = room((size_t)cases * 1024), *at = bytes, *notice = room(4096), *out = room(RECORD_ROOM);
    struct event **events = room((size_t)cases * REPLIES * sizeof(struct event *));
    for (uint32_t i = 0; i < cases; i++) {
        char *end = notice;
        struct event *event = put_notice(&end, phones[i], region);
        records[i].size = look(&apply, phones[i], NULL, 0, &event, 1, records[i].bytes);
        CHECK(records[i].size <= sizeof records[i].bytes);
        for (unsigned k = 0; k < REPLIES; k++)
            events[(size_t)i * REPLIES + k] = put_reply(&at, ref, phones[i], k);
    }
    facts.run = 2;
    facts.previous_ms = facts.as_of_ms;
    facts.as_of_ms = AS_OF_MS;
    double *seconds = room(rounds * sizeof *seconds);
    size_t written = 0, requests = 0;
    for (unsigned round = 0; round < rounds; round++) {
        double began = now();
        written = requests = 0;
        for (uint32_t i = 0; i < cases; i++) {
            written += look(&apply, phones[i], records[i].bytes, records[i].size, events + (size_t)i * REPLIES, REPLIES, out);
            requests += apply.phone.cases[0].requests[AGENCY_REGISTRY].made;
        }
        seconds[round] = now() - began;
    }
    CHECK(requests == cases); /* each case is where it was to be */
    qsort(seconds, rounds, sizeof *seconds, by_time);
    double median = seconds[rounds / 2];
    printf("cases_per_ms=%.0f events_per_second=%.0f seconds=%.4f lowest=%.4f highest=%.4f cases=%u events=%llu record_bytes=%.1f\n",
           cases / median / 1e3, (double)cases * REPLIES / median, median, seconds[0], seconds[rounds - 1], cases,
           (unsigned long long)cases * REPLIES, (double)written / cases);
    return 0;
}
