/* test_texts.c - every SMS that besik writes: it says what section 12 wants, and each reply that it shows is
 * taken. */
#include "engine/segments.h"
#include "engine/sys/sys.h"
#include "io/csv.h"
#include "tests/unit/shown.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define ASTANA_DISTRICT 711110000u
#define ACCOUNT "KZ86125KZT5004100100"
#define ENDS_AT 1796200000000LL /* 2026-12-02 in +05:00 */

static const enum step PROMPTS[] = {STEP_LANGUAGE,  STEP_NAME,     STEP_EDUCATION, STEP_INCOME, STEP_OFFICE,
                                    STEP_PRIVILEGE, STEP_LOCALITY, STEP_ORDER,     STEP_ACCOUNT};
static const enum reason CORRECTIONS[] = {REASON_BAD_FORM,     REASON_BAD_SLOT,  REASON_BAD_ANSWER,
                                          REASON_BAD_LANGUAGE, REASON_NOT_ASKED, REASON_BAD_NAME,
                                          REASON_BAD_ACCOUNT};

/* ---- the world ---- */

static struct ref_set *set;
static struct fault fault;

static void open_set(void)
{
    cr_assert_eq(ref_load(&set, SHARE_DIR "/ref", NULL, &fault), 0, "%s", fault.text);
}

static void close_set(void)
{
    ref_free(set);
}

TestSuite(texts, .init = open_set, .fini = close_set);

static struct texts *open_texts(const struct ref_set *of, unsigned max_segments)
{
    struct texts *texts = NULL;
    cr_assert_eq(texts_open(&texts, of, max_segments, &fault), 0, "%s", fault.text);
    return texts;
}

static struct text_result render(struct texts *texts, const struct text_facts *facts)
{
    struct text_result result = {0};
    cr_assert_eq(texts_render(texts, facts, &result, &fault), 0, "%s", fault.text);
    cr_expect_eq(result.segments, segments_count(result.text));
    char *quoted = malloc(2 * result.text.size + 2);
    size_t size = csv_quote(result.text, quoted);
    cr_expect(span_equal(result.quoted, (struct span){quoted, size}));
    free(quoted);
    cr_expect(value_text(result.text));
    cr_expect(result.text.size && !contains(result.text, "{"), "%.*s", (int)result.text.size,
              result.text.data);
    return result;
}

static struct text_facts facts_of(enum step step, enum lang lang)
{
    return (struct text_facts){.kind = SMS_PROMPT,
                               .step = step,
                               .lang = step == STEP_LANGUAGE ? LANG_BOTH : lang,
                               .slot = 1,
                               .child_order = 3,
                               .region = ASTANA_DISTRICT,
                               .ends_at_ms = ENDS_AT};
}

static void expect_text(const struct text_facts *facts, const char *expected)
{
    struct texts *texts = open_texts(set, 8);
    struct text_result result = render(texts, facts);
    cr_expect(span_equal(result.text, span_of(expected)), "is\n%.*s\nnot\n%s", (int)result.text.size,
              result.text.data, expected);
    texts_close(texts);
}

/* ---- golden texts ---- */

/* clang-format off */
#define LANGUAGE_KK \
    "Сәбиіңіз құтты болсын! «Баланың туылуы» қызметінің тілін таңдаңыз. " \
    "Жауап ағылшын R әрпінен басталсын, әр цифр алдында бос орын:\n" \
    "R 1 1 - Қазақша\nR 1 2 - Русский"
#define LANGUAGE_RU \
    "Поздравляем с рождением ребенка! Выберите язык услуги «Рождение ребенка». " \
    "Ответ начните с английской R, перед каждой цифрой пробел:\n" \
    "R 1 1 - Қазақша\nR 1 2 - Русский"
#define INCOME_RU \
    "Ваш источник дохода: R 1 2 3 и цифры:\n1 - Работа по найму\n2 - Предпринимательство\n" \
    "3 - Самостоятельная занятость\n4 - Личное подсобное хозяйство\n5 - Пенсия\n6 - Пособие\n" \
    "7 - Стипендия\n8 - Доход от имущества\n9 - Иждивение родственников\n" \
    "1 0 - На обеспечении государства\n1 1 - Иной источник"
/* clang-format on */

Test(texts, golden_prompts)
{
    struct text_facts facts = facts_of(STEP_LANGUAGE, LANG_BOTH);
    expect_text(&facts, LANGUAGE_KK "\n\n" LANGUAGE_RU);
    facts = facts_of(STEP_NAME, LANG_RU);
    facts.slot = 9;
    expect_text(
        &facts,
        "Напишите R 9 2 и фамилию, имя, отчество (при наличии) ребенка. Пример:\nR 9 2 Ахметова Айша");
    facts = facts_of(STEP_NAME, LANG_KK);
    expect_text(&facts, "R 1 1 деп бастап, баланың тегін, атын, әкесінің атын (бар болса) жазыңыз. "
                        "Мысалы:\nR 1 1 Ахметова Айша");
    facts = facts_of(STEP_INCOME, LANG_RU);
    expect_text(&facts, INCOME_RU);
    facts = facts_of(STEP_OFFICE, LANG_KK);
    facts.region = 101000000;
    expect_text(&facts, "Тіркеу органы: R 1 1 4 және цифрлар:\n1 - Семей Қ.Ә., АХАТ бөлімі");
    facts = facts_of(STEP_ORDER, LANG_KK);
    facts.child_order = 12;
    expect_text(
        &facts,
        "Баланың туылу тәртібі: 12-бала. Жәрдемақы мөлшері осыған байланысты.\nR 1 1 7 1 - дұрыс\nR 1 1 7 "
        "2 - дұрыс емес");
    facts = facts_of(STEP_ACCOUNT, LANG_RU);
    expect_text(&facts, "Банковский счет для пособия:\nR 1 2 8 2 KZ… - номер счета, начиная с KZ");
    facts.account = SPAN(ACCOUNT);
    expect_text(
        &facts,
        "Банковский счет для пособия:\nR 1 2 8 1 - счет *0100\nR 1 2 8 2 KZ… - номер счета, начиная с KZ");
}

Test(texts, golden_corrections_and_reminders)
{
    struct text_facts facts = facts_of(STEP_LANGUAGE, LANG_BOTH);
    facts.kind = SMS_CORRECTION;
    facts.reason = REASON_BAD_FORM;
    expect_text(&facts, "Пішімі қате: ағылшын R, әр цифр алдында бос орын.\n" LANGUAGE_KK
                        "\n\nНе по форме: английская R, цифры через пробел.\n" LANGUAGE_RU);
    facts.form = REPLY_ALPHABET;
    expect_text(&facts, "Р кириллицамен жазылған: ағылшын R керек.\n" LANGUAGE_KK
                        "\n\nБуква Р русская: нужна английская R.\n" LANGUAGE_RU);
    facts.form = REPLY_NO_SPACE;
    expect_text(&facts, "Бос орын жетпейді: ол әр цифр мен сөз алдында керек.\n" LANGUAGE_KK
                        "\n\nНе хватает пробела: он нужен перед каждой цифрой и словом.\n" LANGUAGE_RU);
    facts = facts_of(STEP_INCOME, LANG_RU);
    facts.kind = SMS_CORRECTION;
    facts.reason = REASON_BAD_ANSWER;
    expect_text(&facts, "Такого варианта нет.\n" INCOME_RU);
    facts.kind = SMS_REMINDER;
    expect_text(&facts, "Ждем ответ до 02.12.2026.\n" INCOME_RU);
}

Test(texts, golden_infos)
{
    struct text_facts facts = {
        .kind = SMS_INFO, .info = INFO_FILED, .lang = LANG_RU, .slot = 1, .region = 101000000, .office = 1};
    expect_text(
        &facts,
        "Заявка на регистрацию рождения направлена:\nСемей Г.А., отдел РАГС, ул. Сатпаева, 54\nО результате "
        "сообщим по SMS.");
    facts.info = INFO_REGISTERED;
    facts.lang = LANG_KK;
    expect_text(&facts,
                "Баланың тууы тіркелді. Куәлікті алу орны:\nСәтбаев көшесі, 54\nӨзіңізбен бірге туу туралы "
                "медициналық анықтаманы алып келіңіз.");
    facts.lang = LANG_RU;
    facts.place = SPAN("ЦОН\r\nокно 5\x7f");
    expect_text(
        &facts,
        "Рождение ребенка зарегистрировано. Место получения свидетельства:\nЦОН окно 5 \nВозьмите с собой "
        "медицинскую справку о рождении.");
    facts.info = INFO_ASSIGNED;
    facts.place = SPAN("");
    expect_text(
        &facts,
        "Вам назначено пособие.\nПроактивная услуга завершена. Благодарим за пользование государственными "
        "услугами!");
    facts.amount = SPAN("163800.00");
    expect_text(
        &facts,
        "Вам назначено пособие.\nРазмер: 163800.00\nПроактивная услуга завершена. Благодарим за пользование "
        "государственными услугами!");
    facts.info = INFO_QUEUED;
    facts.queue_number = SPAN("R 17");
    expect_text(&facts, "Ваш ребенок поставлен в очередь в детский сад.\nНомер очереди: R 17");
    facts.info = INFO_REGISTRATION_MANUAL;
    facts.lang = LANG_BOTH;
    expect_text(
        &facts,
        "Баланың тууын SMS арқылы тіркеу мүмкін болмады. Тіркеу органына, ХҚКО-ға немесе egov.kz порталына "
        "жүгініңіз. Белсенді қызмет аяқталды.\n\nЗарегистрировать рождение ребенка по SMS не удалось. "
        "Обратитесь в регистрирующий орган, ЦОН или на egov.kz. Проактивная услуга завершена.");
}

Test(texts, agency_words_are_cut_at_120_code_points)
{
    struct texts *texts = open_texts(set, 8);
    static const enum info REFUSED[] = {INFO_REGISTRATION_REFUSED, INFO_QUEUE_REFUSED, INFO_BENEFIT_REFUSED};
    for (size_t i = 0; i < COUNT(REFUSED); i++)
        for (unsigned points = 119; points <= 121; points++) {
            char words[512] = "", expected[512];
            for (unsigned k = 0; k < points; k++)
                strcat(words, "😕");
            struct text_facts facts = {
                .kind = SMS_INFO, .info = REFUSED[i], .lang = LANG_RU, .agency_reason = span_of(words)};
            struct text_result result = render(texts, &facts);
            snprintf(expected, sizeof expected, "Причина: %.*s%s\n", (int)(points > 120 ? 480 : points * 4),
                     words, points > 120 ? "…" : "");
            cr_expect(contains(result.text, expected), "%u", points);
            facts.agency_reason = SPAN(" \t\r\n\u00a0");
            cr_expect_not(contains(render(texts, &facts).text, "Причина"));
        }
    texts_close(texts);
}

/* ---- every prompt, correction and reminder ---- */

static void expect_good(struct texts *texts, const struct text_facts *facts, unsigned max_segments)
{
    static struct shown shown;
    struct text_result result = render(texts, facts);
    struct span text = result.text;
    shown_of(text, facts->step, &shown);
    for (size_t i = 0; i < shown.count; i++)
        cr_expect(is_taken(shown.replies[i], ref_of(set), facts), "'%s' of\n%.*s", shown.replies[i],
                  (int)text.size, text.data);
    char wanted[64];
    if (facts->step == STEP_LANGUAGE || facts->step == STEP_ORDER) {
        for (int answer = 1; answer <= 2; answer++) {
            if (facts->step == STEP_LANGUAGE)
                snprintf(wanted, sizeof wanted, "R %u %d", facts->slot, answer);
            else
                snprintf(wanted, sizeof wanted, "R %u %d 7 %d", facts->slot, (int)facts->lang, answer);
            cr_expect(shows(&shown, wanted), "%.*s", (int)text.size, text.data);
        }
    } else if (facts->step == STEP_ACCOUNT) {
        snprintf(wanted, sizeof wanted, "R %u %d 8 1", facts->slot, (int)facts->lang);
        cr_expect_eq(shows(&shown, wanted), facts->account.size > 0);
        snprintf(wanted, sizeof wanted, "R %u %d 8 2 KZ", facts->slot, (int)facts->lang);
        cr_expect(contains(text, wanted));
        cr_expect(!facts->account.size || contains(text, "*0100"));
    } else if (facts->step == STEP_NAME) {
        cr_expect_eq(shown.count, 0u);
    } else {
        cr_expect_geq(shown.count, 1u);
        cr_expect_leq(result.segments, max_segments);
    }
    if (facts->step == STEP_ORDER)
        cr_expect(contains(text, facts->child_order == 17 ? "17" : "3"));
    if (facts->kind == SMS_REMINDER && max_segments > 2)
        cr_expect(contains(text, "02.12.2026"));
}

static void expect_all_kinds_good(struct texts *texts, struct text_facts facts, unsigned max_segments)
{
    expect_good(texts, &facts, max_segments);
    facts.kind = SMS_REMINDER;
    expect_good(texts, &facts, max_segments);
    facts.kind = SMS_CORRECTION;
    for (size_t i = 0; i < COUNT(CORRECTIONS); i++) {
        facts.reason = CORRECTIONS[i];
        expect_good(texts, &facts, max_segments);
    }
}

Test(texts, every_reply_shown_is_taken)
{
    for (unsigned max_segments = 2; max_segments <= 20; max_segments += 3) {
        struct texts *texts = open_texts(set, max_segments);
        for (size_t i = 0; i < COUNT(PROMPTS); i++)
            for (int lang = LANG_KK; lang <= LANG_RU; lang++)
                for (unsigned slot = 1; slot <= 9; slot++) {
                    struct text_facts facts = facts_of(PROMPTS[i], (enum lang)lang);
                    facts.slot = slot;
                    facts.child_order = slot == 9 ? 17 : 3;
                    facts.account = slot % 2 ? SPAN(ACCOUNT) : SPAN("");
                    expect_all_kinds_good(texts, facts, max_segments);
                }
        texts_close(texts);
    }
}

/* In one language all but lists fit two parts, lead-in included, save the language prompt, which comes in
 * both. */
Test(texts, built_in_texts_are_short)
{
    struct texts *texts = open_texts(set, 8);
    static const enum step SHORT[] = {STEP_NAME, STEP_ORDER, STEP_ACCOUNT};
    for (size_t i = 0; i < COUNT(SHORT); i++)
        for (int lang = LANG_KK; lang <= LANG_RU; lang++) {
            struct text_facts facts = facts_of(SHORT[i], (enum lang)lang);
            facts.account = SPAN(ACCOUNT);
            cr_expect_leq(render(texts, &facts).segments, 2u, "%s", STEP_WORDS[SHORT[i]]);
            facts.kind = SMS_REMINDER;
            cr_expect_leq(render(texts, &facts).segments, 3u, "%s", STEP_WORDS[SHORT[i]]);
            facts.kind = SMS_CORRECTION;
            for (size_t k = 0; k < COUNT(CORRECTIONS); k++) {
                facts.reason = CORRECTIONS[k];
                cr_expect_leq(render(texts, &facts).segments, 3u, "%s", STEP_WORDS[SHORT[i]]);
            }
        }
    struct text_facts facts = facts_of(STEP_LANGUAGE, LANG_BOTH);
    cr_expect_leq(render(texts, &facts).segments, 6u);
    texts_close(texts);
}

/* ---- lists ---- */

/* With the next entry put in, is the cut SMS too long? */
static bool next_is_too_much(struct text_result result, const struct ref_entry *entry, enum lang lang,
                             unsigned max_segments)
{
    char *longer = malloc(result.text.size + entry->names[lang].size + 16);
    const char *more = memrchr(result.text.data, '\n', result.text.size);
    size_t size = (size_t)(more - result.text.data);
    memcpy(longer, result.text.data, size);
    longer[size++] = '\n';
    char digits[8];
    int count = snprintf(digits, sizeof digits, "%u", entry->number);
    for (int i = 0; i < count; i++) {
        longer[size++] = digits[i];
        longer[size++] = ' ';
    }
    longer[size++] = '-';
    longer[size++] = ' ';
    memcpy(longer + size, entry->names[lang].data, entry->names[lang].size);
    size += entry->names[lang].size;
    size_t rest = result.text.size - (size_t)(more - result.text.data);
    memcpy(longer + size, more, rest);
    bool is_too_long = segments_count((struct span){longer, size + rest}) > max_segments;
    free(longer);
    return is_too_long;
}

static void expect_list(struct texts *texts, const struct text_facts *facts, unsigned max_segments)
{
    static struct shown shown;
    struct text_result result = render(texts, facts);
    const struct ref_list *list = ref_choices(ref_of(set), facts->step, facts->region);
    shown_of(result.text, facts->step, &shown);
    cr_assert(shown.count >= 1 && shown.count <= list->count);
    cr_assert_leq(result.segments, max_segments);
    for (size_t i = 0; i < shown.count; i++) { /* the shipped lists have no gaps and nothing inactive */
        char number[8], reply[SHOWN_SIZE];
        int size = snprintf(reply, sizeof reply, "R %u %d %u", facts->slot, (int)facts->lang,
                            STEP_REPLY_CODES[facts->step]);
        int count = snprintf(number, sizeof number, "%u", list->entries[i].number);
        for (int k = 0; k < count; k++)
            size += snprintf(reply + size, sizeof reply - (size_t)size, " %c", number[k]);
        cr_assert_str_eq(shown.replies[i], reply);
    }
    bool is_cut = contains(result.text, "egov.kz, 1414");
    cr_assert_eq(is_cut, shown.count < list->count);
    if (is_cut)
        cr_assert(next_is_too_much(result, &list->entries[shown.count], facts->lang, max_segments) ||
                  shown.count + 1 == list->count);
}

Test(texts, lists_of_all_regions_at_every_max_segments, .timeout = 300)
{
    const struct ref *ref = ref_of(set);
    for (unsigned max_segments = 2; max_segments <= 20; max_segments++) {
        struct texts *texts = open_texts(set, max_segments);
        for (uint32_t i = 0; i < ref->region_count; i++)
            for (int lang = LANG_KK; lang <= LANG_RU; lang++) {
                struct text_facts facts = facts_of(STEP_OFFICE, (enum lang)lang);
                facts.region = ref->regions[i].code;
                expect_list(texts, &facts, max_segments);
                facts.step = STEP_LOCALITY;
                expect_list(texts, &facts, max_segments);
                facts.kind = SMS_REMINDER;
                expect_list(texts, &facts, max_segments);
                facts.kind = SMS_CORRECTION;
                facts.reason = REASON_BAD_ANSWER;
                expect_list(texts, &facts, max_segments);
            }
        texts_close(texts);
    }
}

/* ---- what is kept, and memory that fails ---- */

Test(texts, more_than_is_kept_is_made_anew)
{
    struct texts *texts = open_texts(set, 8);
    const struct ref *ref = ref_of(set);
    struct text_facts facts = facts_of(STEP_OFFICE, LANG_RU);
    struct text_result first = render(texts, &facts);
    char *kept = strndup(first.text.data, first.text.size);
    for (unsigned slot = 1; slot <= 9; slot++)
        for (uint32_t i = 0; i < ref->region_count; i++)
            for (int lang = LANG_KK; lang <= LANG_RU; lang++)
                for (int kind = 0; kind < 2; kind++) {
                    struct text_facts other = facts_of(STEP_OFFICE, (enum lang)lang);
                    other.kind = kind ? SMS_REMINDER : SMS_PROMPT;
                    other.slot = slot;
                    other.region = ref->regions[i].code;
                    struct text_result result;
                    cr_assert_eq(texts_render(texts, &other, &result, &fault), 0);
                }
    for (int again = 0; again < 2; again++) {
        struct text_result result = render(texts, &facts);
        cr_expect(span_equal(result.text, span_of(kept)));
    }
    free(kept);
    texts_close(texts);
}

static unsigned allocs_left;

static void *failing_alloc(size_t size)
{
    return allocs_left-- > 0 ? malloc(size) : (allocs_left = 0, NULL);
}

static void *failing_realloc(void *block, size_t size)
{
    return allocs_left-- > 0 ? realloc(block, size) : (allocs_left = 0, NULL);
}

Test(texts, failing_memory_is_a_fault)
{
    struct text_facts facts = facts_of(STEP_INCOME, LANG_RU);
    sys.alloc = failing_alloc;
    sys.realloc = failing_realloc;
    unsigned allowed = 0;
    for (;; allowed++) {
        struct texts *texts = NULL;
        struct text_result result;
        struct fault at = {0};
        allocs_left = allowed;
        int failed = texts_open(&texts, set, 3, &at);
        if (!failed)
            failed = texts_render(texts, &facts, &result, &at);
        if (failed && texts) { /* it goes on once there is memory again */
            struct fault none = {0};
            allocs_left = 1000;
            cr_expect_eq(texts_render(texts, &facts, &result, &none), 0);
            cr_expect(contains(result.text, "1 - "));
        }
        texts_close(texts);
        if (!failed)
            break;
        cr_assert_eq(at.code, FAULT_FAILED);
    }
    cr_expect_gt(allowed, 4u);
}
