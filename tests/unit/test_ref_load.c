/* test_ref_load.c - reference data: what is taken, every refusal with its words, updates, and the packed
 * form. */
#include "engine/ref.h"
#include "engine/sys/sys.h"
#include "io/ref_load.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { FILES = 7 };
static const char *const NAMES[FILES] = {"options.csv",   "offices.csv", "localities.csv",
                                         "operators.csv", "outages.csv", "texts.csv", "dumps.ini"};

/* The least that is taken, and one region that stands in offices.csv only. */
/* clang-format off */
#define OPTIONS_HEAD "step,number,code,kk,ru\n"
#define OPTIONS_ROWS \
    "education,1,high,Жоғары,Высшее\neducation,2,none,Жоқ,Нет\nincome,1,job,Жұмыс,Работа\n" \
    "privilege,1,none,Жоқ,Нет\nprivilege,2,large,Көп,Много\n"
#define OFFICES_HEAD "region,number,code,kk,ru,address_kk,address_ru\n"
#define OFFICES_ROWS \
    "101000000,1,A-1,бөлім 1,отдел 1,\"Абай к-сі, 1\",\"ул. Абая, 1\"\n" \
    "101000000,2,A-2,бөлім 2,отдел 2,м2,а2\n202000000,7,B-7,бөлім 7,отдел 7,м7,а7\n" \
    "303000000,1,C-1,бөлім,отдел,м,а\n"
#define LOCALITIES_HEAD "region,number,kato,kk,ru\n"
#define LOCALITIES_ROWS \
    "101000000,1,101000001,Ауыл,Село\n101000000,15,101000015,\"Ауыл \"\"А\"\"\",\"Село, А\"\n" \
    "202000000,1,202000001,Ауыл,Село\n"
#define OPERATORS_HEAD "prefix,operator\n"
#define OPERATORS_ROWS "701,kcell\n777,beeline\n702,kcell\n700,altel\n"
/* clang-format on */

static const char *const BASE[FILES] = {OPTIONS_HEAD OPTIONS_ROWS, OFFICES_HEAD OFFICES_ROWS,
                                        LOCALITIES_HEAD LOCALITIES_ROWS, OPERATORS_HEAD OPERATORS_ROWS};

static char dir[64];

static void make_dir(void)
{
    snprintf(dir, sizeof dir, "/tmp/test_ref_XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void remove_dir(void)
{
    char path[128];
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, NAMES[i]);
        remove(path);
    }
    rmdir(dir);
}

TestSuite(ref_load, .init = make_dir, .fini = remove_dir);

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    remove(path);
    if (!text)
        return;
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

/* The base files, one of them replaced (NULL: left out). */
static void write_base(const char *name, const char *text)
{
    for (int i = 0; i < FILES; i++)
        write_file(NAMES[i], name && strcmp(name, NAMES[i]) == 0 ? text : BASE[i]);
}

static struct ref_set *load(const struct ref_set *old)
{
    struct ref_set *set = NULL;
    struct fault fault = {0};
    cr_assert_eq(ref_load(&set, dir, old, &fault), 0, "%s", fault.text);
    cr_assert_eq(fault.code, FAULT_NONE);
    return set;
}

static void expect_refused(const struct ref_set *old, const char *reason)
{
    struct ref_set *set = NULL;
    struct fault fault = {0};
    cr_expect_eq(ref_load(&set, dir, old, &fault), -1, "not refused: %s", reason);
    cr_expect_eq(fault.code, FAULT_INPUT, "%s", reason);
    char line[512];
    snprintf(line, sizeof line, "%s/%s", dir, reason);
    cr_expect(strstr(fault.text, line) != NULL, "not '%s' in '%s'", line, fault.text);
    cr_expect_null(set);
}

static bool same(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

Test(ref_load, takes_what_the_files_say)
{
    write_base("outages.csv", "operator,from,to\n*,2026-01-01T00:00:00+05:00,2026-01-02T00:00:00+05:00\n"
                              "*,2026-03-01T00:00:00Z,2026-02-01T00:00:00Z\n" /* called off before it began */
                              "*,2026-03-01T00:00:00Z,2026-03-01T00:00:00Z\n"
                              "kcell,2026-02-01T00:00:00Z,\n");
    struct ref_set *set = load(NULL);
    const struct ref *ref = ref_of(set);
    cr_expect_eq(ref->options[STEP_EDUCATION].count, 2);
    cr_expect_eq(ref->options[STEP_INCOME].count, 1);
    cr_expect(same(ref_find(&ref->options[STEP_PRIVILEGE], 2)->code, "large"));
    cr_expect_eq(ref->region_count, 3);
    const struct ref_region *region = ref_region(ref, 101000000);
    cr_assert_not_null(region);
    cr_expect(region->active);
    cr_expect(same(region->offices.entries[0].addresses[LANG_RU], "ул. Абая, 1"));
    cr_expect(same(region->offices.entries[1].names[LANG_KK], "бөлім 2"));
    cr_expect(same(ref_find(&region->localities, 15)->names[LANG_KK], "Ауыл \"А\""));
    cr_expect(same(ref_find(&region->localities, 15)->code, "101000015"));
    cr_expect_null(ref_find(&region->localities, 2));
    cr_expect_not(ref_region(ref, 303000000)->active, "it has no locality");
    /* ids in the order of codes as bytes */
    cr_expect_eq(ref->operator_count, 4);
    cr_expect(same(ref->operators[0].code, "other") && same(ref->operators[1].code, "altel") &&
              same(ref->operators[2].code, "beeline") && same(ref->operators[3].code, "kcell"));
    cr_expect_eq(ref->operator_ranks[0], 3);
    cr_expect_eq(ref->operator_ranks[1], 0);
    cr_expect_eq(ref->prefixes[702], 3);
    cr_expect_eq(ref->prefixes[703], REF_OPERATOR_OTHER);
    cr_expect_eq(ref->outage_count, 2);
    cr_expect_eq(ref->outages[0].operator, - 1);
    cr_expect_eq(ref->outages[0].to_ms - ref->outages[0].from_ms, 86400000);
    cr_expect_eq(ref->outages[1].operator, 3);
    cr_expect_eq(ref->outages[1].to_ms, INT64_MAX);
    ref_free(set);
}

Test(ref_load, takes_any_form_of_csv)
{
    write_base("operators.csv",
               "\xef\xbb\xbfnote,operator,prefix\r\n\"a\r\nb\",\"kcell\",701\r\n\r\n,tele2,707");
    struct ref_set *set = load(NULL);
    cr_expect_eq(ref_of(set)->operator_count, 3);
    cr_expect_eq(ref_of(set)->prefixes[707], 2);
    ref_free(set);
}

Test(ref_load, takes_the_shipped_set)
{
    struct ref_set *set = NULL;
    struct fault fault = {0};
    cr_assert_eq(ref_load(&set, SHARE_DIR "/ref", NULL, &fault), 0, "%s", fault.text);
    const struct ref *ref = ref_of(set);
    cr_expect_eq(ref->region_count, 231);
    uint32_t offices = 0, localities = 0;
    for (uint32_t i = 0; i < ref->region_count; i++) {
        cr_expect(ref->regions[i].active);
        offices += ref->regions[i].offices.count;
        localities += ref->regions[i].localities.count;
    }
    cr_expect_eq(offices, 1406);
    cr_expect_eq(localities, 9996);
    ref_free(set);
}

static const struct {
    const char *file, *text, *reason;
} REFUSALS[] = {
    {"options.csv", NULL, "options.csv: missing"},
    {"offices.csv", NULL, "offices.csv: missing"},
    {"localities.csv", NULL, "localities.csv: missing"},
    {"operators.csv", NULL, "operators.csv: missing"},
    {"operators.csv", "", "operators.csv:1: no header"},
    {"operators.csv", "\xef\xbb\xbf\n\n", "operators.csv:1: no header"},
    {"operators.csv", "prefix;operator\n", "operators.csv:1: no column 'prefix'"},
    {"operators.csv", "prefix,Operator\n", "operators.csv:1: no column 'operator'"},
    {"operators.csv", "prefix,operator,prefix\n", "operators.csv:1: columns 1 and 3 have the same name"},
    {"operators.csv", "prefix,operator,x,x\n", "operators.csv:1: columns 3 and 4 have the same name"},
    {"operators.csv", OPERATORS_HEAD "701\n", "operators.csv:2: 1 fields, the header has 2"},
    {"operators.csv", OPERATORS_HEAD "701,kcell,\n", "operators.csv:2: 3 fields, the header has 2"},
    {"operators.csv", OPERATORS_HEAD "\n\"701\"x,kcell\n", "operators.csv:3: not a CSV record"},
    {"operators.csv", OPERATORS_HEAD "\n701,\"kcell\n", "operators.csv:3: not a CSV record"},
    {"operators.csv", OPERATORS_HEAD "70,kcell\n", "operators.csv:2: prefix is not 3 digits"},
    {"operators.csv", OPERATORS_HEAD "7 1,kcell\n", "operators.csv:2: prefix is not 3 digits"},
    {"operators.csv", OPERATORS_HEAD "701,KCell\n", "operators.csv:2: operator is not 1 to 32 of"},
    {"operators.csv", OPERATORS_HEAD "701,\n", "operators.csv:2: operator is not 1 to 32 of"},
    {"operators.csv", OPERATORS_HEAD "701,other\n", "operators.csv:2: operator 'other' is reserved"},
    {"operators.csv", OPERATORS_HEAD "701,a\n702,a\n701,a\n", "operators.csv:4: prefix 701 stands twice"},
    {"operators.csv", OPERATORS_HEAD "701,kcell\xff\n", "operators.csv:2: 'operator' is not UTF-8"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "office,1,a,b,c\n",
     "options.csv:7: step is not education, income or privilege"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,0,a,b,c\n",
     "options.csv:7: number '0' is not 1 to 999"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,02,a,b,c\n",
     "options.csv:7: number '02' is not 1 to 999"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,1000,a,b,c\n",
     "options.csv:7: number '1000' is not 1 to 999"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,٣,a,b,c\n",
     "options.csv:7: number '٣' is not 1 to 999"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,,a,b,c\n", "options.csv:7: number '' is not 1 to 999"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,2,,b,c\n", "options.csv:7: 'code' is empty"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,2,a, ,c\n", "options.csv:7: 'kk' is empty"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,2,a,b,\n", "options.csv:7: 'ru' is empty"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,2,a,\"b\n2 - c\",d\n",
     "options.csv:7: 'kk' has a control character in it"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,2,a,b\xc2\x85,d\n",
     "options.csv:7: 'kk' has a control character in it"},
    {"options.csv", OPTIONS_HEAD OPTIONS_ROWS "income,1,job,b,c\n",
     "options.csv:7: number 1 stands twice in its list, first on line 4"},
    {"options.csv", OPTIONS_HEAD "income,1,a,b,c\nprivilege,1,a,b,c\n",
     "options.csv: no option of education"},
    {"options.csv", OPTIONS_HEAD "education,1,a,b,c\nprivilege,1,a,b,c\n",
     "options.csv: no option of income"},
    {"options.csv", OPTIONS_HEAD "education,1,a,b,c\nincome,1,a,b,c\n",
     "options.csv: no option of privilege"},
    {"options.csv", OPTIONS_HEAD "education,1,a,b,c\nincome,1,a,b,c\nprivilege,2,a,b,c\n",
     "options.csv: privilege has no number 1, which is always 'none'"},
    {"offices.csv", OFFICES_HEAD "10100000,1,a,b,c,d,e\n", "offices.csv:2: region is not 9 digits"},
    {"offices.csv", OFFICES_HEAD "101000000,1,a,b,c,,e\n", "offices.csv:2: 'address_kk' is empty"},
    {"offices.csv", OFFICES_HEAD "101000000,1,a,b,c,d,\n", "offices.csv:2: 'address_ru' is empty"},
    {"offices.csv", OFFICES_HEAD OFFICES_ROWS "101000000,2,A-2,b,c,d,e\n",
     "offices.csv:6: number 2 stands twice in its list, first on line 3"},
    {"localities.csv", LOCALITIES_HEAD "1010000000,1,101000001,b,c\n",
     "localities.csv:2: region is not 9 digits"},
    {"localities.csv", LOCALITIES_HEAD "101000000,1,10100000x,b,c\n",
     "localities.csv:2: kato is not 9 digits"},
    {"localities.csv", LOCALITIES_HEAD "101000000,1,101000001,b,c\n\n101000000,1,101000001,b,c\n",
     "localities.csv:4: number 1 stands twice in its list, first on line 2"},
    {"outages.csv", "operator,from\n", "outages.csv:1: no column 'to'"},
    {"outages.csv", "operator,from,to\nactiv,2026-01-01T00:00:00Z,\n",
     "outages.csv:2: operator is neither * nor one of operators.csv"},
    {"outages.csv", "operator,from,to\nother,2026-01-01T00:00:00Z,\n",
     "outages.csv:2: operator is neither * nor one of operators.csv"},
    {"outages.csv", "operator,from,to\n*,2026-01-01,\n", "outages.csv:2: 'from' is not a time"},
    {"outages.csv", "operator,from,to\n*,2026-01-01T00:00:00Z,later\n",
     "outages.csv:2: 'to' is neither empty nor a time"},
    {"texts.csv", "kind,step,lang\n", "texts.csv:1: no column 'text'"},
    {"texts.csv", "kind,step,lang,text\nprompt,registering,ru,x\n", "texts.csv:2: no such kind and step"},
    {"texts.csv", "kind,step,lang,text\nreminder,,ru,До {date}\n", "texts.csv:2: lacks {prompt}"},
    {"texts.csv",
     "kind,step,lang,text\nreminder,,ru,\"{date}\n{prompt}\"\nreminder,*,ru,\"{date}\n{prompt}\"\n",
     "texts.csv:4: the same kind, step and lang stand twice"},
};

Test(ref_load, refuses_at_the_first_load)
{
    for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++) {
        write_base(REFUSALS[i].file, REFUSALS[i].text);
        expect_refused(NULL, REFUSALS[i].reason);
    }
}

Test(ref_load, refuses_what_is_no_file_or_too_long)
{
    char path[128], text[8192];
    write_base("outages.csv", NULL);
    snprintf(path, sizeof path, "%s/outages.csv", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_refused(NULL, "outages.csv: not a file");
    snprintf(text, sizeof text, OPTIONS_HEAD OPTIONS_ROWS "income,2,a,b,%04097d\n", 7);
    write_base("options.csv", text);
    expect_refused(NULL, "options.csv:7: 'ru' is longer than 4096 bytes");
}

Test(ref_load, names_many_faults_at_once)
{
    char text[2048] = OPERATORS_HEAD;
    for (int i = 0; i < 30; i++)
        strcat(text, "7,x\n");
    write_base("operators.csv", text);
    write_file("options.csv", NULL);
    struct ref_set *set = NULL;
    struct fault fault = {0};
    cr_expect_eq(ref_load(&set, dir, NULL, &fault), -1);
    cr_expect(strstr(fault.text, "options.csv: missing\n") != NULL);
    cr_expect(strstr(fault.text, "operators.csv:20: prefix is not 3 digits\nand 11 more") != NULL, "%s",
              fault.text);
    cr_expect(strstr(fault.text, "operators.csv:21:") == NULL);
}

static const struct {
    const char *file, *text, *reason;
} UPDATE_REFUSALS[] = {
    {"options.csv", OPTIONS_HEAD "education,1,none,Жоқ,Нет\nincome,1,job,b,c\nprivilege,1,none,b,c\n",
     "options.csv:2: number 1 has the code 'high' for ever, not 'none': give a new code a new number"},
    {"options.csv", OPTIONS_HEAD "education,1,high,b,c\nincome,1,job,b,c\nprivilege,9,none,b,c\n",
     "options.csv: privilege has no number 1, which is always 'none'"},
    {"options.csv", OPTIONS_HEAD "education,1,high,b,c\nincome,1,job,b,c\nprivilege,1,nothing,b,c\n",
     "options.csv:4: number 1 has the code 'none' for ever, not 'nothing'"},
    {"offices.csv", OFFICES_HEAD "101000000,1,A-9,b,c,d,e\n202000000,7,B-7,b,c,d,e\n",
     "offices.csv:2: number 1 has the code 'A-1' for ever, not 'A-9'"},
    {"offices.csv", OFFICES_HEAD "101000000,1,A-1,b,c,d,e\n",
     "offices.csv: region 202000000 is left without an office"},
    {"localities.csv", LOCALITIES_HEAD "101000000,1,101000001,b,c\n",
     "localities.csv: region 202000000 is left without a locality"},
    {"localities.csv", LOCALITIES_HEAD "101000000,1,101000002,b,c\n202000000,1,202000001,b,c\n",
     "localities.csv:2: number 1 has the code '101000001' for ever, not '101000002'"},
};

Test(ref_load, refuses_updates_that_break_numbers_or_regions)
{
    write_base(NULL, NULL);
    struct ref_set *old = load(NULL);
    for (size_t i = 0; i < sizeof UPDATE_REFUSALS / sizeof *UPDATE_REFUSALS; i++) {
        write_base(UPDATE_REFUSALS[i].file, UPDATE_REFUSALS[i].text);
        expect_refused(old, UPDATE_REFUSALS[i].reason);
    }
    ref_free(old);
}

Test(ref_load, keeps_what_an_update_leaves_out)
{
    write_base(NULL, NULL);
    struct ref_set *first = load(NULL);
    write_file("offices.csv", OFFICES_HEAD "101000000,2,A-2,жаңа,новый,м,а\n202000000,7,B-7,b,c,d,e\n");
    write_file("operators.csv", OPERATORS_HEAD "701,zeta\n702,kcell\n703,activ\n");
    struct ref_set *second = load(first);
    ref_free(first); /* nothing of the old set is used any more */
    const struct ref *ref = ref_of(second);
    const struct ref_region *region = ref_region(ref, 101000000);
    cr_expect_eq(region->offices.count, 2);
    cr_expect(region->active);
    cr_expect_not(region->offices.entries[0].active);
    cr_expect(same(region->offices.entries[0].addresses[LANG_KK], "Абай к-сі, 1"));
    cr_expect(region->offices.entries[1].active);
    cr_expect(same(region->offices.entries[1].names[LANG_RU], "новый"));
    cr_assert_not_null(ref_region(ref, 303000000), "kept, though it stands in no file any more");
    cr_expect_not(ref_region(ref, 303000000)->active);
    /* other, altel, beeline, kcell as they were; then activ, zeta */
    cr_expect_eq(ref->operator_count, 6);
    cr_expect(same(ref->operators[3].code, "kcell") && ref->operators[3].active);
    cr_expect(same(ref->operators[1].code, "altel") && !ref->operators[1].active);
    cr_expect(same(ref->operators[4].code, "activ") && same(ref->operators[5].code, "zeta"));
    cr_expect_eq(ref->operator_ranks[4], 0);
    cr_expect_eq(ref->prefixes[701], 5);
    cr_expect_eq(ref->prefixes[777], REF_OPERATOR_OTHER);

    /* a number comes back with its code only; so does an outage of an operator that is known from before */
    write_file("offices.csv", OFFICES_HEAD "101000000,1,A-3,b,c,d,e\n202000000,7,B-7,b,c,d,e\n");
    expect_refused(second, "offices.csv:2: number 1 has the code 'A-1' for ever, not 'A-3'");
    write_file("offices.csv", OFFICES_HEAD "101000000,1,A-1,b,c,d,e\n202000000,7,B-7,b,c,d,e\n");
    write_file("outages.csv", "operator,from,to\nbeeline,2026-01-01T00:00:00Z,\n");
    struct ref_set *third = load(second);
    region = ref_region(ref_of(third), 101000000);
    cr_expect(region->offices.entries[0].active && !region->offices.entries[1].active);
    cr_expect_eq(ref_of(third)->outages[0].operator, 2);
    cr_expect_not(ref_same_clock(second, third));
    ref_free(second);
    ref_free(third);
}

Test(ref_load, a_region_becomes_active_once_it_is_in_both_files)
{
    write_base(NULL, NULL);
    struct ref_set *first = load(NULL);
    write_file("localities.csv", LOCALITIES_HEAD LOCALITIES_ROWS "303000000,1,303000001,b,c\n");
    struct ref_set *second = load(first);
    cr_expect(ref_region(ref_of(second), 303000000)->active);
    cr_expect(ref_same_clock(first, second));
    write_base(NULL, NULL);
    expect_refused(second, "localities.csv: region 303000000 is left without a locality");
    ref_free(first);
    ref_free(second);
}

static bool same_clock(const char *outages, const char *operators, const struct ref_set *than)
{
    write_base("outages.csv", outages);
    write_file("operators.csv", operators);
    struct ref_set *set = load(NULL);
    bool is = ref_same_clock(set, than) && ref_same_clock(than, set);
    ref_free(set);
    return is;
}

Test(ref_load, clocks_that_differ)
{
#define OUTAGE "operator,from,to\n"
    write_base("outages.csv", OUTAGE "kcell,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n");
    struct ref_set *set = load(NULL);
    cr_expect(same_clock(OUTAGE "kcell,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect(same_clock(OUTAGE "kcell,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD "701,kcell\n777,beeline\n702,kcell\n700,altel\n", set));
    cr_expect_not(same_clock(OUTAGE, OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect_not(same_clock(OUTAGE "kcell,2026-01-01T00:00:01Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect_not(same_clock(OUTAGE "kcell,2026-01-01T00:00:00Z,2026-01-02T00:00:01Z\n", OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect_not(same_clock(OUTAGE "altel,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect_not(same_clock(OUTAGE "*,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD OPERATORS_ROWS, set));
    cr_expect_not(same_clock(OUTAGE "kcell,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n", OPERATORS_HEAD OPERATORS_ROWS "703,altel\n", set));
    ref_free(set);
}

Test(ref_load, refuses_more_than_there_is_room_for)
{
    static char text[1 << 16], ini[(1 << 20) + 2], deep[5000];
    struct ref_set *old = NULL, *set = NULL;
    struct fault fault = {0};
    size_t size = 0;
    for (unsigned round = 0; round < 2; round++) { /* a thousand operators, and as many others */
        size = (size_t)sprintf(text, OPERATORS_HEAD);
        for (unsigned i = 0; i < 1000; i++)
            size += (size_t)sprintf(text + size, "%03u,op%u-%u\n", i, round, i);
        write_base("operators.csv", text);
        if (round == 0)
            old = load(NULL);
    }
    expect_refused(old, "operators.csv: more than 1023 operators");
    ref_free(old);
    size = (size_t)sprintf(text, "prefix,operator");
    for (unsigned i = 0; i < 255; i++)
        size += (size_t)sprintf(text + size, ",c%u", i);
    strcpy(text + size, "\n");
    write_base("operators.csv", text);
    expect_refused(NULL, "operators.csv:1: more than 256 columns");
    memset(ini, '#', sizeof ini - 1);
    write_base("dumps.ini", ini);
    expect_refused(NULL, "dumps.ini: larger than 1024 KiB");
    write_base("dumps.ini", "[a]\nkind = none\n");
    expect_refused(NULL, "dumps.ini:2: kind is none of");
    memset(deep, 'x', sizeof deep - 1);
    cr_expect_eq(ref_load(&set, deep, NULL, &fault), -1);
    cr_expect_eq(fault.code, FAULT_INPUT, "a path that is too long: %.99s", fault.text);
}

#define MESSAGES "[a]\nkind = messages\nmessage_id = i\nreceived_at = r\nmsisdn = p\nshort_code = s\ntext = t\n" /* 7 lines */

Test(ref_load, operators_of_dumps)
{
    static const char *const REFUSED[][2] = {
        {MESSAGES "operator = \"tele2\"\n", "dumps.ini:8: operator 'tele2' is not in operators.csv"},
        {MESSAGES "operator = o\noperator.k = kcell\noperator.t = tele2\n", "dumps.ini:10: operator 'tele2' is not in"},
        {MESSAGES "operator = \"their\"\noperator.Their = tele2\n", "dumps.ini:9: operator 'tele2' is not in"},
    };
    for (unsigned i = 0; i < 3; i++) {
        write_base("dumps.ini", REFUSED[i][0]);
        expect_refused(NULL, REFUSED[i][1]);
    }
    static const char *const TAKEN[] = {
        MESSAGES "operator = \"kcell\"\n", MESSAGES "operator = \"K cell\"\noperator.k CELL = kcell\n", MESSAGES "operator = o\noperator.x = altel\n",
        "[r]\nkind = receipts\nsms_id = i\nstatus = s\nat = a\noperator = \"tele2\"\n", /* of receipts it is not looked at */
    };
    struct ref_set *before = NULL;
    for (unsigned i = 0; i < 4; i++) {
        ref_free(before);
        write_base("dumps.ini", TAKEN[i]);
        before = load(NULL);
    }
    write_base("dumps.ini", TAKEN[2]); /* one that goes, and was known: its number stays, but its messages are bad_operator */
    write_file("operators.csv", OPERATORS_HEAD "701,kcell\n");
    expect_refused(before, "dumps.ini:9: operator 'altel' is not in operators.csv");
    ref_free(before);
}

/* ---- the packed form ---- */

static void expect_same_block(const struct ref_set *set, const char *block, size_t size)
{
    struct fault fault = {0};
    char *again;
    size_t again_size;
    cr_assert_eq(ref_pack(set, &again, &again_size, &fault), 0);
    cr_expect(again_size == size && memcmp(again, block, size) == 0);
    sys.free(again);
}

#define DUMPS "[a]\nkind = withdrawals\ndelimiter = ;\nencoding = KOI8-R\nline = {nr} {when}\nmatch = *.log\n" \
              "notice_id = nr\nwithdrawn_at = when\ntime = %Y%m%d%H%M\nzone = Asia/Almaty\ncause = \"death\"\n"

static struct ref_set *load_rich(void)
{
    write_base("texts.csv",
               "kind,step,lang,text\nreminder,,kk,\"{date}\n{prompt}\"\nlist,more,ru,№ {range}\n");
    write_file("outages.csv", "operator,from,to\n*,2026-01-01T00:00:00Z,\n");
    write_file("dumps.ini", DUMPS);
    struct ref_set *first = load(NULL);
    write_file("offices.csv", OFFICES_HEAD "101000000,2,A-2,b,c,d,e\n202000000,7,B-7,b,c,d,e\n");
    struct ref_set *set = load(first);
    ref_free(first);
    return set;
}

Test(ref_load, packs_and_unpacks)
{
    struct ref_set *set = load_rich(), *copy = NULL;
    struct fault fault = {0};
    char *block;
    size_t size;
    cr_assert_eq(ref_pack(set, &block, &size, &fault), 0);
    cr_assert_eq(ref_unpack(&copy, block, size, &fault), 0, "%s", fault.text);
    expect_same_block(copy, block, size);
    cr_expect(ref_same_clock(set, copy));
    const struct ref_region *region = ref_region(ref_of(copy), 101000000);
    cr_expect(region->active && !region->offices.entries[0].active);
    cr_expect_eq(ref_of(copy)->operator_ranks[0], 3);
    uint32_t count;
    const struct ref_text *texts = ref_texts(copy, &count);
    cr_expect_eq(count, 2);
    cr_expect(same(texts[0].text, "{date}\n{prompt}") && same(texts[0].step, ""));
    cr_expect(same(ref_dumps(copy), DUMPS));
    sys.free(block);
    ref_free(set);
    ref_free(copy);
}

/* Any bytes at all: an exact-sized heap copy lets the sanitizer see a step too far. */
static void unpack_bytes(const char *bytes, size_t size, bool is_sealed)
{
    char *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, bytes, size);
    if (is_sealed && size >= 20) {
        uint64_t sum = XXH3_64bits(copy + 20, size - 20);
        memcpy(copy + 12, &sum, sizeof sum);
    }
    struct ref_set *set = NULL;
    struct fault fault = {0};
    int result = ref_unpack(&set, copy, size, &fault);
    free(copy);
    if (result == 0)
        ref_free(set);
    else
        cr_expect((fault.code == FAULT_INPUT || fault.code == FAULT_FAILED) && set == NULL);
    if (!is_sealed)
        cr_expect_eq(result, -1, "taken at size %zu", size);
}

Test(ref_load, unpack_stands_any_bytes)
{
    struct ref_set *set = load_rich();
    struct fault fault = {0};
    char *block;
    size_t size;
    cr_assert_eq(ref_pack(set, &block, &size, &fault), 0);
    for (size_t i = 0; i < size; i++) {
        unpack_bytes(block, i, false);
        unpack_bytes(block, i, true);
        for (int bit = 0; bit < 8; bit++) {
            block[i] ^= (char)(1 << bit);
            unpack_bytes(block, size, false);
            if (i >= 20)
                unpack_bytes(block, size, true);
            block[i] ^= (char)(1 << bit);
        }
        char byte = block[i];
        block[i] = '\xff';
        unpack_bytes(block, size, true);
        block[i] = byte;
    }
    sys.free(block);
    ref_free(set);
}

/* ---- memory and disk that fail ---- */

static unsigned allocs_left;

static void *failing_alloc(size_t size)
{
    return allocs_left-- > 0 ? malloc(size) : (allocs_left = 0, NULL);
}

static void *failing_realloc(void *block, size_t size)
{
    return allocs_left-- > 0 ? realloc(block, size) : (allocs_left = 0, NULL);
}

static int load_pack_unpack(struct fault *fault)
{
    struct ref_set *set = NULL, *copy = NULL;
    char *block = NULL;
    size_t size = 0;
    int result = ref_load(&set, dir, NULL, fault);
    if (result == 0)
        result = ref_pack(set, &block, &size, fault);
    if (result == 0)
        result = ref_unpack(&copy, block, size, fault);
    sys.free(block);
    ref_free(set);
    ref_free(copy);
    return result;
}

Test(ref_load, failing_memory_is_a_fault)
{
    write_base("outages.csv", "operator,from,to\n*,2026-01-01T00:00:00Z,\n");
    write_file("dumps.ini", DUMPS);
    sys.alloc = failing_alloc;
    sys.realloc = failing_realloc;
    unsigned allowed = 0;
    for (;; allowed++) {
        struct fault fault = {0};
        allocs_left = allowed;
        if (load_pack_unpack(&fault) == 0)
            break;
        cr_assert_eq(fault.code, FAULT_FAILED, "with %u allocations", allowed);
    }
    cr_expect_gt(allowed, 10);
}

static ssize_t failing_pread(int fd, void *buffer, size_t size, off_t offset)
{
    (void)fd, (void)buffer, (void)size, (void)offset;
    errno = EIO;
    return -1;
}

Test(ref_load, a_failing_disk_is_no_fault_of_the_data)
{
    write_base(NULL, NULL);
    sys.pread = failing_pread;
    struct ref_set *set = NULL;
    struct fault fault = {0};
    cr_expect_eq(ref_load(&set, dir, NULL, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    cr_expect(strstr(fault.text, "options.csv: Input/output error") != NULL, "%s", fault.text);
}
