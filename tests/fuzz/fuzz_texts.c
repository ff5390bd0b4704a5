/* fuzz_texts.c - a row of texts.csv of the fuzzer's own: refused, or every SMS made with it is UTF-8, counts its segments right, is
 * within max_segments, has no placeholder left, and stands as one CSV field.
 *
 * The input: row, language, case, max_segments, office, facts' size; the facts' words; an LF; the row's text. */
#include "fake_ref.h"

#include "engine/flow.h"
#include "engine/segments.h"
#include "engine/values.h"
#include "io/csv.h"
#include "io/texts.h"
#include "io/texts_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sound(const struct text_result *result)
{
    struct csv_field field;
    uint32_t count;
    size_t next;
    CHECK(result->text.size && value_text(result->text) && result->segments == segments_count(result->text));
    CHECK(csv_next(result->quoted.data, result->quoted.size, 0, true, &field, 1, &count, &next) == CSV_RECORD && count == 1 &&
          next == result->quoted.size);
    char *plain = malloc(field.size + 1u);
    CHECK(csv_unescape(&field, plain) == result->text.size && memcmp(plain, result->text.data, result->text.size) == 0);
    free(plain);
}

static void render(struct texts *texts, const struct text_facts *facts)
{
    struct text_result result;
    struct fault fault = {0};
    CHECK(texts_render(texts, facts, &result, &fault) == 0);
    sound(&result);
}

/* All SMS that a row may be part of. */
static void render_all(struct texts *texts, struct text_facts facts)
{
    static const enum reason WRONG[] = {REASON_BAD_FORM, REASON_BAD_SLOT, REASON_BAD_ANSWER, REASON_BAD_LANGUAGE, REASON_NOT_ASKED};
    for (enum step step = 0; step < STEP_COUNT; step++) {
        if (!step_is_prompt(step))
            continue;
        struct text_facts prompt = facts;
        prompt.step = step;
        prompt.lang = step == STEP_LANGUAGE ? LANG_BOTH : facts.lang ? facts.lang : LANG_KK;
        for (enum sms_kind kind = 0; kind < SMS_KIND_COUNT; kind++) {
            prompt.kind = kind;
            prompt.reason = WRONG[facts.child_order % 5];
            if (kind != SMS_INFO)
                render(texts, &prompt);
        }
    }
    facts.kind = SMS_INFO;
    for (facts.info = 0; facts.info < INFO_COUNT; facts.info++)
        render(texts, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ref_set *set;
    struct fault fault = {0};
    if (!set) {
        fake_folder();
        CHECK(ref_load(&set, FAKE_DIR, NULL, &fault) == 0);
    }
    if (size < 8 || size > 4096)
        return 0;
    const struct ref_text *built_in = &TEXTS_BUILTIN[data[0] % TEXTS_BUILTIN_COUNT];
    const char *text = (const char *)data + 6, *end = memchr(text, '\n', size - 6);
    struct span words = {text, end ? (size_t)(end - text) : 0};
    struct ref_text row = *built_in;
    if (end)
        row.text = (struct span){end + 1, size - 6 - words.size - 1};
    if (!value_text(row.text) || !value_text(words) || row.text.size > 4096)
        return 0;
    if (texts_check(row.kind, row.step, row.lang, row.text))
        return 0;
    struct text_facts facts = {.lang = data[1] % 3,
                               .slot = 1 + data[2] % 9,
                               .child_order = 1 + data[2] % 20,
                               .region = data[4] & 0x80 ? 202000000 : 101000000,
                               .office = data[4] % 9,
                               .account = data[5] & 1 ? SPAN("KZ86125KZT5004100100") : (struct span){NULL, 0},
                               .place = data[5] & 2 ? words : (struct span){NULL, 0},
                               .queue_number = words,
                               .amount = data[5] & 4 ? words : (struct span){NULL, 0},
                               .agency_reason = words,
                               .ends_at_ms = 1795000000000};
    set->texts = &row;
    set->text_count = 1;
    struct texts *texts;
    CHECK(texts_open(&texts, set, 2 + data[3] % 19, &fault) == 0);
    render_all(texts, facts);
    texts_close(texts);
    set->texts = NULL;
    set->text_count = 0;
    return 0;
}
