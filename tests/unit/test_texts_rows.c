/* test_texts_rows.c - texts.csv: which rows are taken, what they change, and names that try to look like
 * replies. */
#include "io/texts.h"

#include "tests/unit/shown.h"

#include <stdlib.h>
#include <unistd.h>

static struct fault fault;

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
    return result;
}

static struct text_facts facts_of(enum step step, enum lang lang)
{
    return (struct text_facts){.kind = SMS_PROMPT,
                               .step = step,
                               .lang = lang,
                               .slot = 1,
                               .region = 711110000,
                               .ends_at_ms = 1796200000000};
}

static char dir[64];

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

static struct ref_set *load_own(const char *texts, const char *localities)
{
    static const char *const NAMES[] = {"options.csv", "offices.csv", "localities.csv", "operators.csv",
                                        "texts.csv"};
    char path[128];
    snprintf(dir, sizeof dir, "/tmp/test_texts_XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    write_file("options.csv",
               "step,number,code,kk,ru\neducation,1,a,А,А\nincome,1,a,А,А\nprivilege,1,none,Жоқ,Нет\n");
    write_file("offices.csv", "region,number,code,kk,ru,address_kk,address_ru\n711110000,1,O,б,о,м,а\n");
    write_file("localities.csv", localities);
    write_file("operators.csv", "prefix,operator\n701,kcell\n");
    write_file("texts.csv", texts);
    struct ref_set *own = NULL;
    cr_assert_eq(ref_load(&own, dir, NULL, &fault), 0, "%s", fault.text);
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        remove(path);
    }
    rmdir(dir);
    return own;
}

#define TEXTS_HEAD "kind,step,lang,text\n"
#define LOCALITIES_HEAD "region,number,kato,kk,ru\n"

Test(texts_rows, rows_of_texts_csv_replace)
{
    struct ref_set *own =
        load_own(TEXTS_HEAD "list,more,ru,Vse nomera {range}: egov.kz\n"
                            "prompt,locality,ru,\"Vash gorod, {head} 6 i cifry:\r\n{list}\r\nSpasibo\"\n"
                            "reminder,*,ru,\"{prompt}\nDo {date}\"\n",
                 LOCALITIES_HEAD "711110000,2,711110002,a,Abai\n711110000,45,711110003,b,Alga\n"
                                 "711110000,999,711110004,c,Zhambyl\n");
    struct texts *texts = open_texts(own, 8);
    struct text_facts facts = facts_of(STEP_LOCALITY, LANG_RU);
    facts.kind = SMS_REMINDER;
    struct text_result result = render(texts, &facts);
    cr_expect(
        span_equal(result.text,
                   SPAN("Vash gorod, R 1 2 6 i cifry:\n2 - Abai\n4 5 - Alga\n9 9 9 - Zhambyl\nSpasibo\nDo "
                        "02.12.2026")),
        "%.*s", (int)result.text.size, result.text.data);
    cr_expect_eq(result.segments, 1u);
    facts.lang = LANG_KK;
    cr_expect(contains(render(texts, &facts).text, "Жауапты 02.12.2026 дейін"));
    texts_close(texts);
    ref_free(own);
}

Test(texts_rows, names_are_no_replies)
{
    struct ref_set *own =
        load_own(TEXTS_HEAD, LOCALITIES_HEAD "711110000,1,711110001,R 1 1 6 9,\"5, мкр \"\"R 1 2 6 7\"\"\"\n"
                                             "711110000,2,711110002,1 5 - а,R 1 2 6\n");
    struct texts *texts = open_texts(own, 8);
    static struct shown shown;
    for (int lang = LANG_KK; lang <= LANG_RU; lang++) {
        struct text_facts facts = facts_of(STEP_LOCALITY, (enum lang)lang);
        struct text_result result = render(texts, &facts);
        shown_of(result.text, STEP_LOCALITY, &shown);
        cr_expect_eq(shown.count, 2u);
        for (size_t i = 0; i < shown.count; i++)
            cr_expect(is_taken(shown.replies[i], ref_of(own), &facts), "%s", shown.replies[i]);
    }
    texts_close(texts);
    ref_free(own);
}

Test(texts_rows, too_much_for_a_list_gives_way)
{
    char localities[2048] = LOCALITIES_HEAD, row[256];
    for (int i = 1; i <= 9; i++) {
        snprintf(
            row, sizeof row,
            "711110000,%d,71111000%d,к,Очень длинное имя места, которое не кончается и не кончается №%d\n", i,
            i, i);
        char *comma = strstr(row, "места, ");
        memmove(comma + strlen("места"), comma + strlen("места, "), strlen(comma + strlen("места, ")) + 1);
        strcat(localities, row);
    }
    struct ref_set *own = load_own(
        TEXTS_HEAD "correction,bad_answer,ru,\"Такого варианта, к сожалению, нет.\n{prompt}\"\n", localities);
    struct texts *texts = open_texts(own, 2);
    struct text_facts facts = facts_of(STEP_LOCALITY, LANG_RU);
    facts.kind = SMS_CORRECTION;
    facts.reason = REASON_BAD_ANSWER;
    struct text_result result = render(texts, &facts);
    cr_expect_leq(result.segments, 2u);
    cr_expect(contains(result.text, "\n1 - Очень длинное"));
    cr_expect_not(contains(result.text, "сожалению"), "the lead-in goes first");
    texts_close(texts);
    ref_free(own);
}

static const struct {
    const char *kind, *step, *lang, *text, *wrong; /* wrong NULL: taken */
} ROWS[] = {
    {"prompt", "language", "ru", "R {slot} 1 - Қазақша\nR {slot} 2 - Русский", NULL},
    {"prompt", "language", "ru", "R {slot} 1 - Қазақша", "lacks 'R {slot} 1' or 'R {slot} 2', with Latin R"},
    {"prompt", "language", "ru", "Р {slot} 1, Р {slot} 2", "{slot} stands elsewhere than in 'R {slot} '"},
    {"prompt", "language", "ru", "R {slot} 1 R {slot} 2 R {slot} 3",
     "shows a reply that this prompt does not take"},
    {"prompt", "language", "ru", "R {slot} 1 R {slot} 2x", "shows a reply that this prompt does not take"},
    {"prompt", "language", "ru", "R 1 1 - Қазақша\nR 1 2 - Русский", "lacks {slot}"},
    {"prompt", "language", "ru", "R {slot} 1 R {slot} 2 R 1 9",
     "shows R and digits, which a citizen would take for a reply"},
    {"prompt", "language", "kk+ru", "R {slot} 1 R {slot} 2",
     "lang is not kk or ru (an SMS in kk+ru is made of both)"},
    {"prompt", "language", "en", "R {slot} 1 R {slot} 2",
     "lang is not kk or ru (an SMS in kk+ru is made of both)"},
    {"prompt", "registering", "ru", "x", "no such kind and step"},
    {"prompt", "closed", "ru", "x", "no such kind and step"},
    {"prompt", "", "ru", "x", "no such kind and step"},
    {"letter", "name", "ru", "x", "no such kind and step"},
    {"prompt", "name", "ru", "Имя: {head}, пример:\n{head} Ким Анна", NULL},
    {"prompt", "name", "ru", "Имя: {head}", "lacks an example: a line of {head}, surname and given name"},
    {"prompt", "name", "ru", "{head} Ким", "lacks an example: a line of {head}, surname and given name"},
    {"prompt", "name", "ru", "{head}имя\n{head} Ким Анна", "shows a reply that this prompt does not take"},
    {"prompt", "name", "ru", "{head} 2-4 слова\n{head} Ким Анна",
     "shows a reply that this prompt does not take"},
    {"prompt", "name", "ru", "Ким Анна", "lacks {head}"},
    {"prompt", "name", "ru", "{head} Ким Анна {order}", "{order} has no value in this row"},
    {"prompt", "name", "ru", "{head} Ким Анна {nonsense}", "a { that begins no placeholder"},
    {"prompt", "name", "ru", "{head} Ким Анна {", "a { that begins no placeholder"},
    {"prompt", "name", "ru", "№{head}\nx{head} Ким Анна", "{head} is stuck to what is before it"},
    {"prompt", "name", "ru", "\x01{head} Ким Анна", "'text' has a control character in it"},
    {"prompt", "name", "ru", "{head} Ким Анна\xff", "'text' is not UTF-8"},
    {"prompt", "education", "ru", "{head} 2:\n{list}\nСпасибо", NULL},
    {"prompt", "education", "ru", "{head} 2", "lacks {list}"},
    {"prompt", "education", "ru", "{head} 3:\n{list}", "shows a reply that this prompt does not take"},
    {"prompt", "education", "ru", "{head} 2 1:\n{list}", "shows a reply that this prompt does not take"},
    {"prompt", "education", "ru", "{head} 2{list}", "shows a reply that this prompt does not take"},
    {"prompt", "education", "ru", "{head} 2\nСписок {list}", "{list} does not stand alone on its line"},
    {"prompt", "education", "ru", "{list}\n{head} 2", "{list} stands before the line with {head}"},
    {"prompt", "education", "ru", "{head} 2\n{list}\n5 минут", "a line begins with a digit of its own"},
    {"prompt", "education", "ru", "{head}\n{list}", "shows a reply that this prompt does not take"},
    {"prompt", "income", "kk", "{head} 3:\n{list}", NULL},
    {"prompt", "office", "kk", "{head} 4:\n{list}", NULL},
    {"prompt", "privilege", "kk", "{head} 5:\n{list}", NULL},
    {"prompt", "locality", "kk", "{head} 6:\n{list}", NULL},
    {"prompt", "order", "kk", "{order}: {head} 7 1, {head} 7 2.", NULL},
    {"prompt", "order", "kk", "{order}: {head} 7 1", "lacks {head} with the digits of a reply"},
    {"prompt", "order", "kk", "{head} 7 1, {head} 7 2.", "lacks {order}"},
    {"prompt", "order", "kk", "{head} 7 {order}, {head} 7 1, {head} 7 2",
     "shows a reply that this prompt does not take"},
    {"prompt", "order", "kk", "{order}: {head} 71, {head} 7 2",
     "shows a reply that this prompt does not take"},
    {"prompt", "account", "kk", "{account}: {head} 8 1\n{head} 8 2 KZ…", NULL},
    {"prompt", "account", "kk", "{account}\n{head} 8 1\n{head} 8 2 KZ…",
     "{account} and {head} 8 1 do not stand on one line of their own"},
    {"prompt", "account", "kk", "{account}: {head} 8 1, {head} 8 2 KZ…",
     "{account} and {head} 8 1 do not stand on one line of their own"},
    {"prompt", "account", "kk", "{account}: {head} 8 1\n{head} 8 2 IBAN", "lacks {head} 8 2 KZ"},
    {"prompt", "account", "kk", "{account}: {head} 8 1", "lacks {head} with the digits of a reply"},
    {"info", "registered", "ru", "Место:\n{place}", NULL},
    {"info", "registered", "ru", "Место", "lacks {place}"},
    {"info", "registered", "ru", "Место: {place}", "every line has a placeholder, and may be left out"},
    {"info", "registered", "ru", "Место R 1 2\n{place}",
     "shows R and digits, which a citizen would take for a reply"},
    {"info", "registered", "ru", "{head}\n{place}\nx", "{head} has no value in this row"},
    {"info", "queued", "ru", "x", "lacks {queue}"},
    {"info", "assigned", "ru", "x", "lacks {amount}"},
    {"info", "filed", "ru", "x", "lacks {office}"},
    {"info", "benefit_refused", "ru", "x", "lacks {reason}"},
    {"info", "privileged", "ru", "В акимат", NULL},
    {"info", "nothing", "ru", "x", "no such kind and step"},
    {"correction", "bad_slot", "ru", "Не тот ребенок\n{prompt}", NULL},
    {"correction", "bad_slot", "ru", "Не тот ребенок", "lacks {prompt}"},
    {"correction", "bad_slot", "ru", "Не тот ребенок: {prompt}", "{prompt} does not stand alone on its line"},
    {"correction", "too_late", "ru", "{prompt}", "no such kind and step"},
    {"correction", "", "ru", "{prompt}", "no such kind and step"},
    {"reminder", "", "ru", "{prompt}\nДо {date}", NULL},
    {"reminder", "*", "ru", "{prompt}\nДо {date}", NULL},
    {"reminder", "name", "ru", "{prompt}\nДо {date}", "no such kind and step"},
    {"reminder", "", "ru", "{prompt}", "lacks {date}"},
    {"list", "more", "ru", "Все {range}", NULL},
    {"list", "more", "ru", "Все", "lacks {range}"},
    {"list", "more", "ru", "{range} есть", "{range} begins a line"},
};

Test(texts_rows, rows_are_checked)
{
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        const char *wrong = texts_check(span_of(ROWS[i].kind), span_of(ROWS[i].step), span_of(ROWS[i].lang),
                                        span_of(ROWS[i].text));
        cr_expect(wrong == ROWS[i].wrong || (wrong && ROWS[i].wrong && strcmp(wrong, ROWS[i].wrong) == 0),
                  "%s %s '%s': '%s', not '%s'", ROWS[i].kind, ROWS[i].step, ROWS[i].text,
                  wrong ? wrong : "taken", ROWS[i].wrong ? ROWS[i].wrong : "taken");
    }
}
