/* fuzz_texts.c - a row of texts.csv of the fuzzer's own: refused, or every SMS made with it, and one info, is UTF-8, counts its
 * segments right, has no placeholder left, and stands as one CSV field.
 *
 * The input: row, language and info, slot and order, max_segments, office, which facts are there; the facts' words; an LF; the
 * row's text. The built-in rows are looked over once; the cache is small (CMakeLists.txt), so that it is emptied too. */
#include "io/texts.c"

#include "fake_ref.h"

#include "engine/flow.h"
#include "fresh_fault.h"

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
    struct fault *fault = fresh_fault();
    CHECK(texts_render(texts, facts, &result, fault) == 0);
    sound(&result);
}

static bool is_made_with(enum sms_kind kind, enum text_row row)
{
    if (row < TEXT_ROW_INFO || row == TEXT_ROW_MORE) /* the prompt, its list: they come again in all others */
        return kind != SMS_INFO;
    return kind == (row == TEXT_ROW_REMINDER ? SMS_REMINDER : SMS_CORRECTION);
}

/* What goes out at a step and is made with the row. */
static void render_step(struct texts *texts, struct text_facts facts, enum step step, enum text_row row)
{
    static const enum reason WRONG[] = {REASON_BAD_FORM, REASON_BAD_SLOT, REASON_BAD_ANSWER, REASON_BAD_LANGUAGE, REASON_NOT_ASKED};
    bool form = row >= TEXT_ROW_FORM, corrects = row >= TEXT_ROW_CORRECTION && row < TEXT_ROW_REMINDER;
    facts.step = step;
    facts.lang = step == STEP_LANGUAGE ? LANG_BOTH : facts.lang ? facts.lang : LANG_KK;
    facts.reason = form ? REASON_BAD_FORM : corrects ? (enum reason)(row - TEXT_ROW_CORRECTION) : WRONG[facts.child_order % 5];
    facts.form = form ? (enum reply_fault)(row - TEXT_ROW_FORM) : REPLY_OTHER;
    for (enum sms_kind kind = 0; kind < SMS_KIND_COUNT; kind++) {
        facts.kind = kind;
        if (is_made_with(kind, row))
            render(texts, &facts);
    }
}

/* All SMS that the row may be part of, and one info of the built-in rows. */
static void render_all(struct texts *texts, struct text_facts facts, enum text_row row, enum info info)
{
    bool prompt = row < TEXT_ROW_INFO, of_info = !prompt && row < TEXT_ROW_CORRECTION;
    for (enum step step = 0; step < STEP_COUNT; step++)
        if (step_is_prompt(step) && !of_info && (!prompt || row == TEXT_ROW_PROMPT + step))
            render_step(texts, facts, step, row);
    facts.kind = SMS_INFO;
    facts.info = info;
    render(texts, &facts);
    facts.info = (enum info)(row - TEXT_ROW_INFO);
    if (of_info)
        render(texts, &facts);
}

/* texts_open, without looking over the built-in rows for each input. NULL: the row is refused. */
static struct texts *open_with(const struct ref_set *set, const struct ref_text *row, unsigned max_segments)
{
    static struct texts *built_in;
    struct fault *fault = fresh_fault();
    if (!built_in)
        CHECK(texts_open(&built_in, set, 20, fault) == 0);
    struct texts *texts = sys.alloc(sizeof *texts);
    *texts = (struct texts){.ref = ref_of(set), .max_segments = max_segments};
    memcpy(texts->rows, built_in->rows, sizeof texts->rows);
    spread_form(texts, row);
    if (set_row(texts, row, fault)) {
        CHECK(fault->code == FAULT_INPUT && fault->text[0]);
        texts_close(texts);
        return NULL;
    }
    CHECK(texts_cache_open(&texts->cache, fault) == 0);
    return texts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ref_set *set;
    struct fault *fault = fresh_fault();
    if (!set) {
        fake_folder();
        CHECK(ref_load(&set, FAKE_DIR, NULL, fault) == 0);
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
    enum text_row number = text_row_of(row.kind, row.step);
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
    struct texts *texts = open_with(set, &row, 2 + data[3] % 19);
    if (!texts)
        return 0;
    render_all(texts, facts, number, data[1] / 3 % INFO_COUNT);
    texts_close(texts);
    return 0;
}
