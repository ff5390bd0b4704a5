/* scene.h - a phone's life as text, for the tests of engine/apply: one line a run, parts parted by '|'.
 *
 *   run AT                       begins a run with as-of AT; AT is time from the scene's zero: 0, 3d, 1d2h, -1h
 *   notice ID WHEN [KEY=VALUE…]  account hospital iin birth sex order region; `badaccount`; a child of its own unless iin is said
 *   withdraw ID WHEN
 *   msg [OPERATOR:]ID WHEN TEXT  kcell where no operator is said; code=NNNN before TEXT: another short code
 *   resp CASE.AGENCY STATUS WHEN [reference= place= queue= amount= reason=]
 *   receipt CASE.SMS STATUS WHEN [operator= ref=]
 *   WHEN: -1h, +0 from the run's as-of; @1d from the scene's zero
 *   goto STEP [KEY=VALUE…]       at the beginning: a case N1 is brought to STEP, an hour a run; the run that got it there
 *                                is the scene's zero
 *   strike AT                    ends the run; then what `besik purge` strikes of the cases closed before AT is struck
 *   = EFFECT                     the run has this effect; a run has just the effects that stand so; `...`: never mind which
 *   at CASE STEP [KEY VALUE…]    where a case stands after the run
 *   lenient; set NAME DURATION, outage OPERATOR FROM TO, phone DIGITS, total PARTY KIND FROM TO, settled OPERATOR AT
 *
 * EFFECT: `m1 reject bad_slot`, `1.3 prompt name kk` (case.number), `1 request registry`, `find late_reply kcell m1 1 2d`,
 * `superseded 2`, `late kcell 1`, `total 0 3` (row, count); with `awaited on` also `wait 1.3`, `unwait 1.3`.
 *
 * Between runs the phone is encoded and decoded. Lists are just as wide as apply_tight asks. With `only_due` a run that has
 * no event looks at the phone only if a due time says so. */
#ifndef TESTS_UNIT_SCENE_H
#define TESTS_UNIT_SCENE_H

#include "engine/apply.h"
#include "engine/values.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCENE_EVENTS_MAX = 4096, SCENE_OUTAGES_MAX = 16, SCENE_OPERATORS = 4, SCENE_LINES_MAX = 256 };
#define SCENE_BEGIN_MS (20393LL * DAY_MS + 19 * HOUR_MS) /* 2025-11-02T00:00:00+05:00 */
#define SCENE_PHONE 10000001u                             /* 77010000001, kcell */
#define SCENE_SEED 77u
#define SCENE_TOTALS 40

/* ---- a small country ---- */

#define SCENE_ENTRY(number_, active_, code_) {.number = (number_), .active = (active_), .code = SPAN(code_)}
static const struct ref_entry SCENE_EDUCATION[] = {
    SCENE_ENTRY(1, true, "higher"), SCENE_ENTRY(2, true, "college"), SCENE_ENTRY(3, false, "gone"),
    SCENE_ENTRY(4, true, "basic")};
static const struct ref_entry SCENE_INCOME[] = {SCENE_ENTRY(1, true, "work"), SCENE_ENTRY(2, true, "own"),
                                                SCENE_ENTRY(12, true, "dozen"), SCENE_ENTRY(999, true, "last")};
static const struct ref_entry SCENE_PRIVILEGE[] = {SCENE_ENTRY(1, true, "none"), SCENE_ENTRY(2, true, "large"),
                                                   SCENE_ENTRY(3, false, "gone")};
static const struct ref_entry SCENE_OFFICES[] = {SCENE_ENTRY(1, true, "o1"), SCENE_ENTRY(2, true, "o2"),
                                                 SCENE_ENTRY(15, true, "o15")};
static const struct ref_entry SCENE_OTHER_OFFICES[] = {SCENE_ENTRY(3, true, "p3")};
static const struct ref_entry SCENE_LOCALITIES[] = {SCENE_ENTRY(1, true, "l1"), SCENE_ENTRY(2, true, "l2"),
                                                    SCENE_ENTRY(777, true, "l777")};
static const struct ref_region SCENE_REGIONS[] = {
    {.code = 111000000, .active = true, .offices = {SCENE_OFFICES, 3}, .localities = {SCENE_LOCALITIES, 3}},
    {.code = 222000000, .active = true, .offices = {SCENE_OTHER_OFFICES, 1}, .localities = {SCENE_LOCALITIES, 1}},
};
static const struct ref_operator SCENE_OPERATOR_LIST[SCENE_OPERATORS] = {
    {SPAN("other"), true}, {SPAN("kcell"), true}, {SPAN("beeline"), true}, {SPAN("tele2"), true}};
static const uint16_t SCENE_RANKS[SCENE_OPERATORS] = {2, 1, 0, 3}; /* beeline kcell other tele2 */

struct scene {
    struct ref ref;
    struct ref_outage outages[SCENE_OUTAGES_MAX];
    struct run_facts facts;
    struct apply apply;
    struct totals_row totals[SCENE_TOTALS];
    struct totals_count totals_counts[SCENE_TOTALS];
    struct operator_news news[SCENE_OPERATORS];
    int64_t settled[SCENE_OPERATORS];
    struct event *events[SCENE_EVENTS_MAX];
    uint32_t event_count;
    char *record;
    size_t record_size;
    bool record_open;
    int64_t due[1024]; /* queued */
    uint32_t due_count;
    int64_t zero_ms;
    uint32_t phone;
    bool only_due, show_awaited, in_run, begun, any;
    uint32_t looks; /* how often the phone was looked at */
    const char *title;
    char *got[SCENE_LINES_MAX], *wanted[SCENE_LINES_MAX], *states[SCENE_LINES_MAX];
    uint32_t got_count, wanted_count, state_count;
    struct scene_block {
        struct scene_block *next;
        max_align_t bytes[];
    } *blocks; /* what lives as long as the scene */
    char failed[4096]; /* what went otherwise, for people; empty: nothing */
};

static inline void *scene_keep(struct scene *scene, size_t size)
{
    struct scene_block *block = calloc(1, sizeof *block + size);
    block->next = scene->blocks;
    scene->blocks = block;
    return block->bytes;
}

static inline void scene_fail(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void scene_fail(struct scene *scene, const char *format, ...)
{
    size_t used = strlen(scene->failed);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(scene->failed + used, sizeof scene->failed - used, format, arguments);
    va_end(arguments);
}

/* ---- durations ---- */

static inline int64_t scene_span(struct scene *scene, const char *text)
{
    int64_t sum = 0, sign = 1;
    const char *at = text;
    if (*at == '-' || *at == '+')
        sign = *at++ == '-' ? -1 : 1;
    while (*at >= '0' && *at <= '9') {
        int64_t number = strtoll(at, (char **)&at, 10), unit = 0;
        if (at[0] == 'm' && at[1] == 's')
            unit = 1, at += 2;
        else if (*at == 'd')
            unit = DAY_MS, at++;
        else if (*at == 'h')
            unit = HOUR_MS, at++;
        else if (*at == 'm')
            unit = 60 * SECOND_MS, at++;
        else if (*at == 's')
            unit = SECOND_MS, at++;
        else if (number)
            break;
        sum += number * unit;
    }
    if (*at || at == text)
        cr_assert_fail("%s: not a duration: %s", scene->title, text);
    return sign * sum;
}

static inline const char *scene_show(struct scene *scene, int64_t ms)
{
    char *out = scene_keep(scene, 64), *at = out;
    int64_t rest = ms - scene->zero_ms;
    if (rest < 0) {
        *at++ = '-';
        rest = -rest;
    }
    static const struct {
        int64_t size;
        const char *name;
    } UNITS[] = {{DAY_MS, "d"}, {HOUR_MS, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    for (size_t i = 0; i < 5; i++) {
        if (rest / UNITS[i].size)
            at += sprintf(at, "%lld%s", (long long)(rest / UNITS[i].size), UNITS[i].name);
        rest %= UNITS[i].size;
    }
    if (at == out)
        strcpy(at, "0");
    return out;
}

static inline int64_t scene_when(struct scene *scene, const char *text)
{
    return *text == '@' ? scene->zero_ms + scene_span(scene, text + 1)
                        : scene->facts.as_of_ms + scene_span(scene, text);
}

/* ---- begin, end ---- */

static inline struct scene *scene_new(const char *title)
{
    struct scene *scene = calloc(1, sizeof *scene);
    scene->title = title;
    scene->phone = SCENE_PHONE;
    scene->zero_ms = SCENE_BEGIN_MS;
    scene->ref = (struct ref){
        .options = {[STEP_EDUCATION] = {SCENE_EDUCATION, 4},
                    [STEP_INCOME] = {SCENE_INCOME, 4},
                    [STEP_PRIVILEGE] = {SCENE_PRIVILEGE, 3}},
        .regions = SCENE_REGIONS,
        .region_count = 2,
        .operators = SCENE_OPERATOR_LIST,
        .operator_count = SCENE_OPERATORS,
        .operator_ranks = SCENE_RANKS,
        .prefixes = {[701] = 1, [705] = 2, [707] = 3},
        .outages = scene->outages,
    };
    scene->facts = (struct run_facts){
        .ref = &scene->ref,
        .previous_ms = NEVER_MS,
        .remind_after = 3 * DAY_MS,
        .expire_after = 10 * DAY_MS,
        .response_after = 5 * DAY_MS,
        .receipt_after = 2 * DAY_MS,
        .remember = 400 * DAY_MS,
        .seed = SCENE_SEED,
        .message_seed = event_message_seed(SCENE_SEED, SPAN("1414")),
        .settled_ms = scene->settled,
        .totals = scene->totals,
    };
    for (unsigned i = 0; i < SCENE_OPERATORS; i++)
        scene->settled[i] = NEVER_MS;
    scene->apply.run = &scene->facts;
    scene->apply.news = scene->news;
    scene->apply.totals_counts = scene->totals_counts;
    return scene;
}

static inline void scene_free(struct scene *scene)
{
    struct apply *apply = &scene->apply;
    free(apply->phone.cases);
    free(apply->phone.sms);
    free(apply->phone.marks);
    free(apply->mark_index);
    free(apply->verdicts.items);
    free(apply->made.items);
    free(apply->found.items);
    free(apply->history.items);
    free(apply->awaited.items);
    free(apply->heard.items);
    free(apply->waiting.items);
    free(scene->record);
    for (struct scene_block *block = scene->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(scene);
}

/* ---- events ---- */

static inline void scene_event(struct scene *scene, struct event head, const struct span *fields, unsigned count)
{
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += 2 + fields[i].size;
    struct event *event = scene_keep(scene, sizeof head + size + 8);
    head.phone = scene->phone;
    head.line = scene->event_count;
    head.size = (uint16_t)size;
    *event = head;
    char *at = (char *)(event + 1);
    for (unsigned i = 0; i < count; i++) {
        uint16_t length = (uint16_t)fields[i].size;
        memcpy(at, &length, 2);
        memcpy(at + 2, fields[i].data, length);
        at += 2 + length;
    }
    cr_assert_lt(scene->event_count, (uint32_t)SCENE_EVENTS_MAX);
    scene->events[scene->event_count++] = event;
}

static inline void scene_notice(struct scene *scene, const char *id, int64_t at_ms, const char *options)
{
    struct span fields[NOTICE_FIELDS] = {
        [NOTICE_ID] = span_of(id),          [NOTICE_IIN] = span_of(id),          [NOTICE_BIRTH_DATE] = SPAN("2025-10-30"),
        [NOTICE_SEX] = SPAN("F"),           [NOTICE_CHILD_ORDER] = SPAN("2"),    [NOTICE_REGION] = SPAN("111000000"),
        [NOTICE_ACCOUNT] = SPAN(""),        [NOTICE_HOSPITAL] = SPAN(""),
    };
    static const char *const KEYS[NOTICE_FIELDS] = {
        [NOTICE_IIN] = "iin=",       [NOTICE_BIRTH_DATE] = "birth=", [NOTICE_SEX] = "sex=",        [NOTICE_CHILD_ORDER] = "order=",
        [NOTICE_REGION] = "region=", [NOTICE_ACCOUNT] = "account=",  [NOTICE_HOSPITAL] = "hospital="};
    struct event head = {.kind = KIND_NOTICES, .at_ms = at_ms};
    char *copy = scene_keep(scene, strlen(options) + 1), *rest;
    strcpy(copy, options);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool known = strcmp(word, "badaccount") == 0;
        if (known)
            head.flags |= EVENT_BAD_ACCOUNT;
        for (unsigned i = 0; i < NOTICE_FIELDS; i++) {
            if (KEYS[i] && strncmp(word, KEYS[i], strlen(KEYS[i])) == 0) {
                fields[i] = span_of(word + strlen(KEYS[i]));
                known = true;
            }
        }
        cr_assert(known, "%s: notice: %s", scene->title, word);
    }
    scene_event(scene, head, fields, NOTICE_FIELDS);
}

static inline void scene_withdraw(struct scene *scene, const char *id, int64_t at_ms)
{
    struct span fields[] = {span_of(id), SPAN("death")};
    scene_event(scene, (struct event){.kind = KIND_WITHDRAWALS, .at_ms = at_ms}, fields, 2);
}

static inline unsigned scene_operator(struct scene *scene, const char *word)
{
    for (unsigned i = 0; i < SCENE_OPERATORS; i++)
        if (span_equal(span_of(word), SCENE_OPERATOR_LIST[i].code))
            return i;
    cr_assert_fail("%s: operator %s", scene->title, word);
    return 0;
}

static inline void scene_message(struct scene *scene, unsigned operator, const char *id, int64_t at_ms, const char *code,
                                 const char *text)
{
    struct span fields[] = {span_of(id), span_of(text)};
    scene_event(scene,
                (struct event){.kind = KIND_MESSAGES, .at_ms = at_ms, .operator = (uint16_t)operator,
                               .operator_rank = scene->facts.ref->operator_ranks[operator],
                               .flags = strcmp(code, "1414") ? EVENT_OTHER_CODE : 0},
                fields, MESSAGE_FIELDS);
}

static inline void scene_response(struct scene *scene, uint32_t number, enum agency agency, const char *status,
                                  int64_t at_ms, const char *options)
{
    static const char *const KEYS[RESPONSE_FIELDS] = {
        [RESPONSE_REFERENCE] = "reference=", [RESPONSE_PLACE] = "place=",   [RESPONSE_QUEUE_NUMBER] = "queue=",
        [RESPONSE_AMOUNT] = "amount=",       [RESPONSE_REASON] = "reason="};
    struct span fields[RESPONSE_FIELDS];
    char *id = scene_keep(scene, 32);
    sprintf(id, "%u.%s", number, AGENCY_WORDS[agency]);
    for (unsigned i = 0; i < RESPONSE_FIELDS; i++)
        fields[i] = SPAN("");
    fields[RESPONSE_ID] = span_of(id);
    fields[RESPONSE_STATUS] = span_of(status);
    char *copy = scene_keep(scene, strlen(options) + 1), *rest;
    strcpy(copy, options);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        bool known = false;
        for (unsigned i = 0; i < RESPONSE_FIELDS; i++) {
            if (KEYS[i] && strncmp(word, KEYS[i], strlen(KEYS[i])) == 0) {
                fields[i] = span_of(word + strlen(KEYS[i]));
                known = true;
            }
        }
        cr_assert(known, "%s: resp: %s", scene->title, word);
    }
    scene_event(scene,
                (struct event){.kind = KIND_RESPONSES, .at_ms = at_ms, .case_number = number, .agency = (uint8_t)agency},
                fields, RESPONSE_FIELDS);
}

static inline void scene_receipt(struct scene *scene, uint32_t number, uint32_t sms, const char *status, int64_t at_ms)
{
    unsigned word = 0;
    while (word < RECEIPT_STATUS_COUNT && strcmp(RECEIPT_WORDS[word], status))
        word++;
    char *id = scene_keep(scene, 32);
    sprintf(id, "%u.%u", number, sms);
    struct span fields[RECEIPT_FIELDS] = {span_of(id), span_of(status), SPAN(""), SPAN(""), span_of(status)};
    scene_event(scene,
                (struct event){.kind = KIND_RECEIPTS, .at_ms = at_ms, .case_number = number, .sms_number = sms,
                               .status = (uint8_t)word},
                fields, RECEIPT_FIELDS);
}

/* ---- playing a run ---- */

static inline void scene_got(struct scene *scene, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void scene_got(struct scene *scene, const char *format, ...)
{
    char *line = scene_keep(scene, 256);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, 256, format, arguments);
    va_end(arguments);
    cr_assert_lt(scene->got_count, (uint32_t)SCENE_LINES_MAX);
    scene->got[scene->got_count++] = line;
}

/* Every list moves whenever it grows, and grows by no more than it must. */
static inline void scene_widen(void *list, uint32_t *capacity, uint32_t used, uint32_t need, size_t size)
{
    void **items = list;
    void *fresh = malloc((size_t)need * size);
    if (used)
        memcpy(fresh, *items, used * size);
    free(*items);
    *items = fresh;
    *capacity = need;
}

static inline void scene_widen_marks(struct apply *apply, uint32_t need)
{
    uint32_t capacity = 1;
    while (capacity < need)
        capacity *= 2;
    scene_widen(&apply->phone.marks, &apply->phone.mark_capacity, apply->phone.mark_count, capacity, sizeof(struct mark));
    apply->mark_index = realloc(apply->mark_index, (size_t)capacity * 4 * sizeof *apply->mark_index);
}

static inline void scene_loosen(struct scene *scene)
{
    struct apply *apply = &scene->apply;
    struct phone *phone = &apply->phone;
    uint32_t need = 0;
    for (enum apply_list list; (list = apply_tight(apply, &need)) != LIST_COUNT;) {
#define SCENE_WIDEN(of) scene_widen(&(of).items, &(of).capacity, (of).count, need, sizeof *(of).items)
        switch (list) {
        case LIST_CASES:
            scene_widen(&phone->cases, &phone->case_capacity, phone->case_count, need, sizeof *phone->cases);
            break;
        case LIST_SMS:
            scene_widen(&phone->sms, &phone->sms_capacity, phone->sms_count, need, sizeof *phone->sms);
            break;
        case LIST_MARKS:
            scene_widen_marks(apply, need);
            break;
        case LIST_VERDICTS:
            SCENE_WIDEN(apply->verdicts);
            break;
        case LIST_MADE:
            SCENE_WIDEN(apply->made);
            break;
        case LIST_FOUND:
            SCENE_WIDEN(apply->found);
            break;
        case LIST_HISTORY:
            SCENE_WIDEN(apply->history);
            break;
        case LIST_AWAITED:
            SCENE_WIDEN(apply->awaited);
            break;
        case LIST_HEARD:
            SCENE_WIDEN(apply->heard);
            break;
        case LIST_WAITING:
            SCENE_WIDEN(apply->waiting);
            break;
        case LIST_BYTES: /* names point into it: a new block */
            need = VALUE_NAME_MAX + 64;
            apply->bytes.items = scene_keep(scene, need);
            apply->bytes.count = 0;
            apply->bytes.capacity = need;
            break;
        case LIST_COUNT:
            break;
        }
#undef SCENE_WIDEN
    }
}

static inline int scene_event_order(const void *a, const void *b)
{
    const struct event *x = *(struct event *const *)a, *y = *(struct event *const *)b;
    int order = event_compare(x, y);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static inline void scene_load(struct scene *scene)
{
    struct phone *phone = &scene->apply.phone;
    struct span record = {scene->record, scene->record_size};
    uint32_t cases, sms, marks;
    cr_assert(phone_measure(record, &cases, &sms, &marks), "%s: measure", scene->title);
    if (cases > phone->case_capacity)
        scene_widen(&phone->cases, &phone->case_capacity, 0, cases, sizeof *phone->cases);
    if (sms > phone->sms_capacity)
        scene_widen(&phone->sms, &phone->sms_capacity, 0, sms, sizeof *phone->sms);
    if (marks > phone->mark_capacity)
        scene_widen_marks(&scene->apply, marks);
    cr_assert(apply_load(&scene->apply, record), "%s: load", scene->title);
}

static inline void scene_store(struct scene *scene)
{
    struct apply *apply = &scene->apply;
    struct sms *sent = calloc(apply->made.count + 1, sizeof *sent);
    uint32_t *of_case = calloc(apply->made.count + 1, sizeof *of_case), count = 0;
    for (uint32_t c = 0; c < apply->phone.case_count; c++) {
        for (uint32_t i = 0; i < apply->made.count; i++) {
            const struct made *made = &apply->made.items[i];
            if (made->kase != c || !made->number)
                continue;
            sent[count] = (struct sms){.at_ms = scene->facts.as_of_ms, .operator = apply_operator(apply), .kind = made->kind,
                                       .what = made->what};
            of_case[count++] = c;
        }
    }
    size_t most = phone_encoded_max(&apply->phone, count);
    char *record = malloc(most);
    size_t size = phone_encode(&apply->phone, sent, of_case, count, scene->facts.as_of_ms - scene->facts.remember, record);
    cr_assert_leq(size, most);
    free(scene->record);
    scene->record = realloc(record, size); /* not a byte more: reading beyond shows */
    scene->record_size = size;
    scene->record_open = phone_is_open(&apply->phone);
    free(sent);
    free(of_case);
}

static inline const char *scene_identity(struct scene *scene, const struct event *event)
{
    struct span fields[EVENT_FIELDS_MAX];
    event_fields(event, fields);
    struct span id = fields[0];
    char *out = scene_keep(scene, 128);
    snprintf(out, 128, "%s%.*s", event->kind == KIND_WITHDRAWALS ? "-" : "", (int)id.size, id.data);
    return out;
}

static inline void scene_render(struct scene *scene)
{
    struct apply *apply = &scene->apply;
    static const char *const OUTCOMES_HERE[] = {"reject", "miss", "warning", "duplicate", "mended"};
    for (uint32_t i = 0; i < apply->verdicts.count; i++) {
        const struct verdict *verdict = &apply->verdicts.items[i];
        const char *space = verdict->reason ? " " : "";
        scene_got(scene, "%s %s%s%s%s", scene_identity(scene, verdict->event), OUTCOMES_HERE[verdict->outcome], space,
                  REASON_WORDS[verdict->reason], verdict->phone_known ? "" : " phoneless");
    }
    for (uint32_t i = 0; i < apply->made.count; i++) {
        const struct made *made = &apply->made.items[i];
        if (!made->number)
            continue;
        char more[80] = "";
        if (made->kind == SMS_CORRECTION)
            snprintf(more, sizeof more, " %s", REASON_WORDS[made->reason]);
        if (made->kind == SMS_REMINDER)
            snprintf(more, sizeof more, " ends %s", scene_show(scene, made->ends_at_ms));
        scene_got(scene, "%u.%u %s %s %s%s", apply->phone.cases[made->kase].number, made->number,
                  SMS_KIND_WORDS[made->kind],
                  made->kind == SMS_INFO ? INFO_WORDS[made->what] : STEP_WORDS[made->what], LANG_WORDS[made->lang], more);
    }
    for (uint32_t c = 0; c < apply->phone.case_count; c++)
        for (enum agency agency = 0; agency < AGENCY_COUNT; agency++) {
            const struct request *request = &apply->phone.cases[c].requests[agency];
            if (request->made && request->sent && request->made_run == scene->facts.run)
                scene_got(scene, "%u request %s", c + 1, AGENCY_WORDS[agency]);
        }
    for (uint32_t i = 0; i < apply->found.count; i++) {
        const struct found *found = &apply->found.items[i];
        char id[96], slot[8] = "-";
        struct span party = SCENE_OPERATOR_LIST[found->operator].code;
        uint32_t number = found->has_case ? apply->phone.cases[found->kase].number : 0;
        snprintf(id, sizeof id, "%.*s", (int)found->id.size, found->id.data ? found->id.data : "");
        if (found->finding == FINDING_RESPONSE_CONFLICT || found->finding == FINDING_RESPONSE_MISSING) {
            party = span_of(AGENCY_WORDS[found->agency]);
            snprintf(id, sizeof id, "%u", number);
        }
        if (found->finding == FINDING_RECEIPT_CONFLICT || found->finding == FINDING_SMS_FAILED ||
            found->finding == FINDING_FAILED_BUT_ANSWERED)
            snprintf(id, sizeof id, "%u.%u", number, found->sms_number);
        if (found->finding == FINDING_NOTICE_ALIKE)
            party = found->party.size ? found->party : SPAN("-");
        if (found->slot)
            snprintf(slot, sizeof slot, "%u", found->slot);
        scene_got(scene, "find %s %.*s %s %s %s%s", FINDING_WORDS[found->finding], (int)party.size, party.data, id, slot,
                  scene_show(scene, found->since_ms), found->revived ? " revived" : "");
    }
    if (apply->counts.superseded)
        scene_got(scene, "superseded %lld", (long long)apply->counts.superseded);
    for (unsigned i = 0; i < SCENE_OPERATORS; i++)
        if (scene->news[i].late_count)
            scene_got(scene, "late %.*s %lld %s %s", (int)SCENE_OPERATOR_LIST[i].code.size, SCENE_OPERATOR_LIST[i].code.data,
                      (long long)scene->news[i].late_count, scene_show(scene, scene->news[i].late_first_ms),
                      scene_show(scene, scene->news[i].late_last_ms));
    for (uint32_t i = 0; i < scene->facts.totals_count; i++)
        scene_got(scene, "total %u %llu", i, (unsigned long long)scene->totals_counts[i].found);
    for (uint32_t i = 0; i < apply->awaited.count && scene->show_awaited; i++) {
        const struct awaited *awaited = &apply->awaited.items[i];
        scene_got(scene, "%s %u.%u %.*s %u %s", awaited->cancel ? "unwait" : "wait", awaited->case_number, awaited->sms_number,
                  (int)SCENE_OPERATOR_LIST[awaited->operator].code.size, SCENE_OPERATOR_LIST[awaited->operator].code.data,
                  awaited->slot, scene_show(scene, awaited->at_ms));
    }
}

/* Plays the events gathered; the effects stand in `got`. */
static inline void scene_play(struct scene *scene)
{
    struct apply *apply = &scene->apply;
    scene->got_count = 0;
    uint32_t kept = 0;
    bool is_due = false;
    for (uint32_t i = 0; i < scene->due_count; i++) {
        if (scene->due[i] <= scene->facts.as_of_ms)
            is_due = true;
        else
            scene->due[kept++] = scene->due[i];
    }
    scene->due_count = kept;
    memset(&apply->counts, 0, sizeof apply->counts);
    memset(scene->totals_counts, 0, sizeof scene->totals_counts);
    qsort(scene->totals, scene->facts.totals_count, sizeof *scene->totals, totals_order);
    totals_reach(scene->totals, scene->facts.totals_count);
    for (unsigned i = 0; i < SCENE_OPERATORS; i++)
        scene->news[i] = (struct operator_news){.heard_ms = NEVER_MS, .receipted_ms = NEVER_MS};
    if (!scene->only_due || scene->event_count || (is_due && scene->record_open)) {
        scene->looks++;
        qsort(scene->events, scene->event_count, sizeof *scene->events, scene_event_order);
        apply->bytes.items = NULL;
        apply->bytes.capacity = 0;
        apply_begin(apply, scene->phone, value_phone_hash(scene->phone));
        if (scene->record_size)
            scene_load(scene);
        for (uint32_t i = 0; i < scene->event_count; i++) {
            scene_loosen(scene);
            apply_event(apply, scene->events[i]);
        }
        scene_loosen(scene);
        apply_end(apply);
        scene_render(scene);
        if (apply->due_changed) {
            cr_assert_lt(scene->due_count, 1024u);
            scene->due[scene->due_count++] = apply->phone.due_ms;
        }
        if (apply->changed && apply->phone.case_count)
            scene_store(scene);
    } else {
        for (uint32_t i = 0; i < scene->facts.totals_count; i++)
            scene_got(scene, "total %u 0", i);
    }
    scene->facts.previous_ms = scene->facts.as_of_ms;
    scene->event_count = 0;
    scene->in_run = false;
}

static inline void scene_begin_run(struct scene *scene, int64_t as_of_ms)
{
    scene->facts.run++;
    scene->facts.as_of_ms = as_of_ms;
    scene->facts.forget_before_ms = as_of_ms - scene->facts.remember;
    scene->facts.totals_count = 0;
    scene->in_run = true;
    scene->any = false;
    scene->wanted_count = scene->state_count = 0;
}

/* As `besik purge` does between runs. */
static inline void scene_strike(struct scene *scene, int64_t closed_before_ms)
{
    struct phone *phone = &scene->apply.phone;
    apply_begin(&scene->apply, scene->phone, 0);
    scene_load(scene);
    phone_strike(phone, closed_before_ms);
    scene_store(scene);
}

/* ---- what is expected ---- */

static inline int scene_line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline bool scene_is_word(const char *word, const char *of)
{
    return strcmp(word, of) == 0;
}

static inline void scene_check_state(struct scene *scene, char *text)
{
    char *rest, *word = strtok_r(text, " ", &rest);
    const struct phone *phone = &scene->apply.phone;
    unsigned number = (unsigned)strtoul(word, NULL, 10);
    if (number > phone->case_count || !number) {
        scene_fail(scene, "  run at %s: no case %u\n", scene_show(scene, scene->facts.as_of_ms), number);
        return;
    }
    const struct kase *kase = &phone->cases[number - 1];
    word = strtok_r(NULL, " ", &rest);
    const char *when = scene_show(scene, scene->facts.as_of_ms);
    if (!scene_is_word(word, STEP_WORDS[kase->step]))
        scene_fail(scene, "  run at %s: case %u is at %s, not %s\n", when, number, STEP_WORDS[kase->step], word);
    while ((word = strtok_r(NULL, " ", &rest))) {
        char *value = strtok_r(NULL, " ", &rest), is[64] = "?";
        cr_assert_not_null(value, "%s: at … %s", scene->title, word);
        for (enum phase phase = 0; phase < PHASE_COUNT; phase++)
            if (scene_is_word(word, PHASE_WORDS[phase]))
                snprintf(is, sizeof is, "%s", kase->outcomes[phase] ? OUTCOME_WORDS[kase->outcomes[phase]] : "none");
        if (scene_is_word(word, "misses"))
            snprintf(is, sizeof is, "%u", kase->misses);
        if (scene_is_word(word, "slot"))
            snprintf(is, sizeof is, "%u", kase->slot);
        if (scene_is_word(word, "lang"))
            snprintf(is, sizeof is, "%s", LANG_WORDS[kase->lang]);
        if (scene_is_word(word, "withdrawn"))
            snprintf(is, sizeof is, "%u", kase->withdrawn);
        if (scene_is_word(word, "operator"))
            snprintf(is, sizeof is, "%s", SCENE_OPERATOR_LIST[apply_operator(&scene->apply)].code.data);
        if (scene_is_word(word, "reminded"))
            snprintf(is, sizeof is, "%s", kase->reminded_ms == NEVER_MS ? "never" : scene_show(scene, kase->reminded_ms));
        if (scene_is_word(word, "surname"))
            snprintf(is, sizeof is, "%.*s", (int)kase->surname.size, kase->surname.data ? kase->surname.data : "");
        if (scene_is_word(word, "given"))
            snprintf(is, sizeof is, "%.*s", (int)kase->given.size, kase->given.data ? kase->given.data : "");
        if (scene_is_word(word, "account"))
            snprintf(is, sizeof is, "%.*s", (int)kase->account.size, kase->account.data ? kase->account.data : "");
        if (scene_is_word(word, "reference"))
            snprintf(is, sizeof is, "%.*s", (int)kase->reference.size, kase->reference.data ? kase->reference.data : "");
        const struct {
            const char *word;
            unsigned is;
        } NUMBERS[] = {{"education", kase->education}, {"income", kase->income},     {"office", kase->office},
                       {"category", kase->privilege},  {"locality", kase->locality}, {"sms", kase->sms_count},
                       {"marks", phone->mark_count}};
        for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
            if (scene_is_word(word, NUMBERS[i].word))
                snprintf(is, sizeof is, "%u", NUMBERS[i].is);
        if (!scene_is_word(scene_is_word(value, "''") ? "" : value, is))
            scene_fail(scene, "  run at %s: case %u: %s is %s, not %s\n", when, number, word, is, value);
    }
}

static inline void scene_finish_run(struct scene *scene)
{
    if (!scene->in_run)
        return;
    scene_play(scene);
    qsort(scene->got, scene->got_count, sizeof *scene->got, scene_line_order);
    qsort(scene->wanted, scene->wanted_count, sizeof *scene->wanted, scene_line_order);
    const char *when = scene_show(scene, scene->facts.as_of_ms);
    for (uint32_t g = 0, w = 0; !scene->any && (g < scene->got_count || w < scene->wanted_count);) {
        int order = g == scene->got_count      ? 1
                    : w == scene->wanted_count ? -1
                                               : strcmp(scene->got[g], scene->wanted[w]);
        if (order < 0)
            scene_fail(scene, "  run at %s: unasked: %s\n", when, scene->got[g]);
        if (order > 0)
            scene_fail(scene, "  run at %s: lacking: %s\n", when, scene->wanted[w]);
        g += order <= 0;
        w += order >= 0;
    }
    for (uint32_t i = 0; i < scene->state_count; i++)
        scene_check_state(scene, scene->states[i]);
}

/* ---- the language ---- */

static inline char *scene_word(char **rest)
{
    char *word = *rest + strspn(*rest, " ");
    char *end = word + strcspn(word, " ");
    *rest = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static inline void scene_goto(struct scene *scene, const char *step, const char *options)
{
    static const struct {
        enum step step; /* where the line leads */
        const char *text;
        int agency;
    } WAY[] = {
        {STEP_LANGUAGE, NULL, -1},
        {STEP_NAME, "R 1 2", -1},
        {STEP_EDUCATION, "R 1 2 Ким Анна", -1},
        {STEP_INCOME, "R 1 2 2 1", -1},
        {STEP_OFFICE, "R 1 2 3 1", -1},
        {STEP_REGISTERING, "R 1 2 4 1", -1},
        {STEP_PRIVILEGE, "registered", AGENCY_REGISTRY},
        {STEP_LOCALITY, "R 1 2 5 1", -1},
        {STEP_QUEUEING, "R 1 2 6 1", -1},
        {STEP_ORDER, "queued", AGENCY_AKIMAT},
        {STEP_ACCOUNT, "R 1 2 7 1", -1},
        {STEP_ASSIGNING, "R 1 2 8 2 KZ86125KZT5004100100", -1},
        {STEP_CLOSED, "assigned", AGENCY_BENEFIT},
    };
    for (size_t i = 0; i < sizeof WAY / sizeof *WAY; i++) {
        scene_begin_run(scene, SCENE_BEGIN_MS + (int64_t)i * HOUR_MS);
        int64_t at = scene->facts.as_of_ms - 60000;
        char *id = scene_keep(scene, 16);
        sprintf(id, "g%zu", i);
        if (!WAY[i].text)
            scene_notice(scene, "N1", at - 2 * HOUR_MS, options);
        else if (WAY[i].agency >= 0)
            scene_response(scene, 1, (enum agency)WAY[i].agency, WAY[i].text, at, "queue=5 reference=A7");
        else
            scene_message(scene, 1, id, at, "1414", WAY[i].text);
        scene_play(scene);
        cr_assert_eq(scene->apply.phone.cases[0].step, WAY[i].step, "%s: goto: at %s, not %s", scene->title,
                     STEP_WORDS[scene->apply.phone.cases[0].step], STEP_WORDS[WAY[i].step]);
        scene->zero_ms = scene->facts.as_of_ms;
        if (scene_is_word(step, STEP_WORDS[WAY[i].step]))
            return;
    }
    cr_assert_fail("%s: goto %s", scene->title, step);
}

static inline void scene_do(struct scene *scene, char *line)
{
    char *rest = line, *word = scene_word(&rest);
    if (scene_is_word(word, "run")) {
        scene_finish_run(scene);
        scene_begin_run(scene, scene->zero_ms + scene_span(scene, scene_word(&rest)));
    } else if (scene_is_word(word, "goto")) {
        char *step = scene_word(&rest);
        scene_goto(scene, step, rest);
    } else if (scene_is_word(word, "strike")) {
        scene_finish_run(scene);
        scene_strike(scene, scene->zero_ms + scene_span(scene, scene_word(&rest)));
    } else if (scene_is_word(word, "notice")) {
        char *id = scene_word(&rest), *when = scene_word(&rest);
        scene_notice(scene, id, scene_when(scene, when), rest);
    } else if (scene_is_word(word, "withdraw")) {
        char *id = scene_word(&rest), *when = scene_word(&rest);
        scene_withdraw(scene, id, scene_when(scene, when));
    } else if (scene_is_word(word, "msg")) {
        char *id = scene_word(&rest), *when = scene_word(&rest), *colon = strchr(id, ':');
        const char *code = "1414";
        unsigned operator = 1;
        if (colon) {
            *colon = 0;
            operator = scene_operator(scene, id);
            id = colon + 1;
        }
        if (strncmp(rest, "code=", 5) == 0)
            code = scene_word(&rest) + 5;
        scene_message(scene, operator, id, scene_when(scene, when), code, rest);
    } else if (scene_is_word(word, "resp")) {
        char *id = scene_word(&rest), *status = scene_word(&rest), *when = scene_word(&rest), *agency = strchr(id, '.') + 1;
        enum agency which = 0;
        while (which < AGENCY_COUNT - 1 && !scene_is_word(agency, AGENCY_WORDS[which]))
            which++;
        cr_assert(scene_is_word(agency, AGENCY_WORDS[which]), "%s: agency %s", scene->title, agency);
        scene_response(scene, (uint32_t)strtoul(id, NULL, 10), which, scene_is_word(status, "''") ? "" : status,
                       scene_when(scene, when), rest);
    } else if (scene_is_word(word, "receipt")) {
        char *id = scene_word(&rest), *status = scene_word(&rest), *when = scene_word(&rest);
        scene_receipt(scene, (uint32_t)strtoul(id, NULL, 10), (uint32_t)strtoul(strchr(id, '.') + 1, NULL, 10), status,
                      scene_when(scene, when));
    } else if (scene_is_word(word, "=")) {
        scene->wanted[scene->wanted_count++] = rest;
    } else if (scene_is_word(word, "...")) {
        scene->any = true;
    } else if (scene_is_word(word, "at")) {
        scene->states[scene->state_count++] = rest;
    } else if (scene_is_word(word, "set")) {
        char *name = scene_word(&rest);
        int64_t value = scene_span(scene, scene_word(&rest));
        *(scene_is_word(name, "remind_after")     ? &scene->facts.remind_after
          : scene_is_word(name, "expire_after")   ? &scene->facts.expire_after
          : scene_is_word(name, "response_after") ? &scene->facts.response_after
          : scene_is_word(name, "receipt_after")  ? &scene->facts.receipt_after
                                                  : &scene->facts.remember) = value;
    } else if (scene_is_word(word, "outage")) {
        char *operator = scene_word(&rest), *from = scene_word(&rest), *to = scene_word(&rest);
        scene->outages[scene->ref.outage_count++] = (struct ref_outage){
            scene_is_word(operator, "*") ? -1 : (int)scene_operator(scene, operator),
            scene->zero_ms + scene_span(scene, from),
            scene_is_word(to, "open") ? INT64_MAX : scene->zero_ms + scene_span(scene, to)};
    } else if (scene_is_word(word, "no_outages")) {
        scene->ref.outage_count = 0;
    } else if (scene_is_word(word, "phone")) {
        cr_assert(value_phone(span_of(scene_word(&rest)), &scene->phone));
    } else if (scene_is_word(word, "lenient")) {
        scene->facts.lenient = true;
    } else if (scene_is_word(word, "awaited")) {
        scene->show_awaited = true;
    } else if (scene_is_word(word, "settled")) {
        unsigned operator = scene_operator(scene, scene_word(&rest));
        scene->settled[operator] = scene->zero_ms + scene_span(scene, scene_word(&rest));
    } else if (scene_is_word(word, "total")) {
        char *party = scene_word(&rest), *kind = scene_word(&rest);
        struct totals_row *row = &scene->totals[scene->facts.totals_count];
        *row = (struct totals_row){.kind = KIND_MESSAGES, .number = scene->facts.totals_count++};
        if (scene_is_word(kind, "responses")) {
            row->of_agency = true;
            row->kind = KIND_RESPONSES;
            while (!scene_is_word(party, AGENCY_WORDS[row->agency]))
                row->agency++;
        } else {
            row->kind = scene_is_word(kind, "receipts") ? KIND_RECEIPTS : KIND_MESSAGES;
            row->operator = (uint16_t)scene_operator(scene, party);
        }
        row->from_ms = scene_when(scene, scene_word(&rest));
        row->to_ms = scene_when(scene, scene_word(&rest));
    } else if (*word) {
        cr_assert_fail("%s: what is \"%s\"?", scene->title, word);
    }
}

/* Plays a scene; false where something was not as expected, which then stands in *ret_failed (4096 bytes). */
static inline bool scene_run(const char *title, const char *text, bool only_due, char *ret_failed)
{
    struct scene *scene = scene_new(title);
    scene->only_due = only_due;
    char *copy = scene_keep(scene, strlen(text) + 1);
    strcpy(copy, text);
    for (char *line = copy, *next; line; line = next) {
        next = strchr(line, '|');
        if (next)
            *next++ = 0;
        line += strspn(line, " \n");
        size_t size = strlen(line);
        while (size && next && (line[size - 1] == ' ' || line[size - 1] == '\n'))
            line[--size] = 0;
        scene_do(scene, line);
    }
    scene_finish_run(scene);
    bool good = !scene->failed[0];
    if (ret_failed)
        strcpy(ret_failed, scene->failed);
    scene_free(scene);
    return good;
}

struct scene_row {
    const char *title, *text;
};

/* Every scene, looked at in each run, and again only when due. */
static inline void scene_table(const struct scene_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char failed[4096];
        for (int only_due = 0; only_due < 2; only_due++)
            cr_expect(scene_run(rows[i].title, rows[i].text, only_due, failed), "%s%s\n%s", rows[i].title,
                      only_due ? " (looked at only when due)" : "", failed);
    }
}

#define SCENES(rows) scene_table(rows, sizeof(rows) / sizeof *(rows))

#endif
