/* test_profile.c - dumps.ini: templates of lines, texts of gateways, times, words; mistakes are in tests/cli/profiles.py. */
#include "io/profile.h"
#include "io/profile_text.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct profile_line line;

/* The values of a line as "name=value|…", or NULL. */
static const char *taken(const char *text)
{
    static char out[1024];
    struct span values[PROFILE_NAMES_MAX];
    if (!profile_line_match(&line, span_of(text), values))
        return NULL;
    size_t size = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < line.name_count; i++)
        size += (size_t)sprintf(out + size, "%s%.*s=%.*s", i ? "|" : "", (int)line.names[i].size, line.names[i].data, (int)values[i].size,
                                values[i].data);
    return out;
}

static void expect_taken(const char *text, const char *wanted)
{
    const char *got = taken(text);
    cr_expect(wanted ? got && strcmp(got, wanted) == 0 : !got, "'%s': %s", text, got ? got : "(no)");
}

static void read_template(const char *text)
{
    cr_assert_null(profile_line_read(&line, span_of(text)), "%s", text);
}

Test(profile, lines)
{
    read_template("<{a}> {}: {b+} [{c}]");
    expect_taken("<1> x: y [2]", "a=1|b=y|c=2");
    expect_taken("<> : [x] [y] []", "a=|b=[x] [y]|c=");
    expect_taken("<1> x: y [2] ", NULL);
    expect_taken(" <1> x: y [2]", NULL);
    expect_taken("<1> x y [2]", NULL);
    expect_taken("", NULL);
    read_template("{a}");
    expect_taken("", "a=");
    expect_taken("x y", "a=x y");
    read_template("{a} end");
    expect_taken("x end end", "a=x end");
    expect_taken("end", NULL);
    read_template("id:{id}{sub? sub:}{n? dlvrd:} done:{done} stat:{stat}{err? err:}{text? text:}");
    expect_taken("id:1 sub:2 dlvrd:3 done:4 stat:5 err:6 text:7", "id=1|sub=2|n=3|done=4|stat=5|err=6|text=7");
    expect_taken("id:1 done:4 stat:5", "id=1|sub=|n=|done=4|stat=5|err=|text=");
    expect_taken("id:1 done:4 stat:5 text: sub:9 err:8", "id=1|sub=|n=|done=4|stat=5 text: sub:9|err=8|text=");
    expect_taken("id:1 dlvrd:3 done:4 stat:5 text:", "id=1|sub=|n=3|done=4|stat=5|err=|text=");
    expect_taken("id:1 stat:5 done:4", NULL);
}

Test(profile, templates_that_are_none)
{
    static const char *const WRONG[] = {"", "text", "{", "{a", "{a}{b}", "{a} {a}", "{} {}", "{a?}", "{a}{b+}"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        cr_expect_not_null(profile_line_read(&line, span_of(WRONG[i])), "'%s'", WRONG[i]);
}

static void expect_text(enum profile_text form, bool ucs2, const char *given, const char *wanted)
{
    char out[1024];
    size_t size = profile_text(form, ucs2, span_of(given), out);
    cr_expect(span_equal((struct span){out, size}, span_of(wanted)), "'%s': '%.*s'", given, (int)size, out);
}

Test(profile, texts)
{
    expect_text(PROFILE_PLAIN, false, "R %31", "R %31");
    expect_text(PROFILE_HEX_UCS2, true, "005200200031", "R 1");
    expect_text(PROFILE_HEX_UCS2, true, "0410D83DDe00", "А😀");
    expect_text(PROFILE_HEX_UCS2, false, "0052", "0052"); /* another coding */
    expect_text(PROFILE_HEX_UCS2, true, "", "");
    expect_text(PROFILE_HEX_UCS2, true, "005", "\xff");
    expect_text(PROFILE_HEX_UCS2, true, "00g2", "\xff");
    expect_text(PROFILE_HEX_UCS2, true, "005241", "\xffR");
    expect_text(PROFILE_URL, false, "R+1%201%2b", "R 1 1+");
    expect_text(PROFILE_URL, false, "%D0%90", "А");
    expect_text(PROFILE_URL, true, "%04%10%00+", "А ");
    expect_text(PROFILE_URL, false, "%4", "\xff");
    expect_text(PROFILE_URL, false, "%zz", "\xff");
    expect_text(PROFILE_PYTHON, false, "'R 1 1'", "R 1 1");
    expect_text(PROFILE_PYTHON, false, "\"it's\"", "it's");
    expect_text(PROFILE_PYTHON, false, "'a\\n\\t\\\\\\'\\x41\\u0410\\U0001f600'", "a\n\t\\'AА😀");
    expect_text(PROFILE_PYTHON, false, "b'R 1 1'", "R 1 1");
    expect_text(PROFILE_PYTHON, false, "b'\\x04\\x10\\x00 '", "А ");
    expect_text(PROFILE_PYTHON, false, "b'\\xd0\\x90'", "А");
    expect_text(PROFILE_PYTHON, false, "R 1 1", "\xff");
    expect_text(PROFILE_PYTHON, false, "'", "\xff");
    expect_text(PROFILE_PYTHON, false, "", "\xff");
    expect_text(PROFILE_PYTHON, false, "'\\x4'", "\xff");
    expect_text(PROFILE_PYTHON, false, "'\\q'", "\xff");
    expect_text(PROFILE_PYTHON, false, "'\\", "\xff");
    expect_text(PROFILE_PYTHON, false, "'\\'", "\xff");
    expect_text(PROFILE_PYTHON, false, "'x\"", "\xff");
    expect_text(PROFILE_PYTHON, false, "B'x'", "x");
    expect_text(PROFILE_PYTHON, false, "b'\\q'", "\xff");
    expect_text(PROFILE_PYTHON, false, "'\\u20b8'", "₸");
    expect_text(PROFILE_PYTHON, false, "'\\U00110000'", "\xff");
    expect_text(PROFILE_HEX_UCS2, true, "20B8", "₸");
    expect_text(PROFILE_HEX_UCS2, true, "D83D", "\xed\xa0\xbd"); /* half a pair is no UTF-8 */
    expect_text(PROFILE_HEX_UCS2, true, "D83D0041", "\xed\xa0\xbd" "A");
    expect_text(PROFILE_HEX_UCS2, true, "D83DE000", "\xed\xa0\xbd\xee\x80\x80");
    expect_text(PROFILE_PLAIN, false, "", "");
}

static void expect_parts(const char *const parts[], const char *wanted)
{
    char whole[256], part[128];
    size_t size = 0;
    for (; *parts; parts++)
        size = profile_add_part(whole, size, (struct span){part, profile_text(PROFILE_HEX_UCS2, true, span_of(*parts), part)});
    cr_expect(span_equal((struct span){whole, size}, span_of(wanted)), "'%.*s', not '%s'", (int)size, whole, wanted);
}

Test(profile, texts_in_parts)
{
    expect_parts((const char *[]){"0410D83D", "DE000041", NULL}, "А😀A");
    expect_parts((const char *[]){"D83D", "DE00", "D83D", "DE00", NULL}, "😀😀");
    expect_parts((const char *[]){"DE000410D83D", "DE000041", NULL}, "\xed\xb8\x80" "А😀A"); /* the first half never came */
    expect_parts((const char *[]){"0410D83D", "", "0041DE00", NULL}, "А\xed\xa0\xbd" "A\xed\xb8\x80");
    expect_parts((const char *[]){"0041", "DE00", NULL}, "A\xed\xb8\x80");
    expect_parts((const char *[]){"DE00", "D83D", NULL}, "\xed\xb8\x80\xed\xa0\xbd");
    expect_parts((const char *[]){"DBFF", "DFFF", NULL}, "\U0010ffff");
    expect_parts((const char *[]){"D7FF", "E000", NULL}, "\xed\x9f\xbf\xee\x80\x80");
    expect_parts((const char *[]){"", "", NULL}, "");
}

Test(profile, parts_less_their_halves)
{
    static const char *const ROWS[][2] = {
        {"", ""}, {"A", "A"}, {"\xed\xa0\xbd", ""}, {"\xed\xb8\x80", ""}, {"\xed\xb8\x80\xed\xa0\xbd", ""}, {"\xed\xb8\x80" "A\xed\xa0\xbd", "A"},
        {"\xed\xa0\xbd" "A\xed\xb8\x80", "\xed\xa0\xbd" "A\xed\xb8\x80"}, /* the other way round there is nothing to wait for */
        {"\xed\x9f\xbf", "\xed\x9f\xbf"}, {"A\xed\xa0", "A\xed\xa0"}, {"\xed\xa0\xbd\xed\xa0\xbd", "\xed\xa0\xbd"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        cr_expect(span_equal(profile_without_halves(span_of(ROWS[i][0])), span_of(ROWS[i][1])), "row %zu", i);
}

#define HEX_16 "0000000000000000"
#define HEX_64 HEX_16 HEX_16 HEX_16 HEX_16
#define LONG_HEX HEX_64 HEX_64 HEX_64 HEX_64

Test(profile, user_data_headers)
{
    static const struct {
        const char *given;
        bool url, good;
        struct profile_part part;
    } ROWS[] = {
        {"", false, true, {0, 0, 0}},
        {"050003CC0201", false, true, {0xcc, 2, 1}},
        {"060804012c0302", false, true, {300, 3, 2}},
        {"%05%00%03%CC%02%01", true, true, {0xcc, 2, 1}},
        {"0B0504158200000003070201", false, true, {7, 2, 1}}, /* ports before it */
        {"040103CC02", false, false, {0, 0, 0}},
        {"0500", false, false, {0, 0, 0}},
        {"0", false, false, {0, 0, 0}},
        {"zz", false, false, {0, 0, 0}},
        {"00", false, true, {0, 0, 0}},
        {"050002CC0201", false, true, {0, 0, 0}}, /* elements of another size */
        {"06080300010201", false, true, {0, 0, 0}},
        {"0608030001020100", false, true, {0, 0, 0}},
        {LONG_HEX LONG_HEX LONG_HEX LONG_HEX "0", false, false, {0, 0, 0}}, /* over 1024 */
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct profile_part part;
        bool good = profile_udh(span_of(ROWS[i].given), ROWS[i].url, &part);
        cr_expect_eq(good, ROWS[i].good, "'%s'", ROWS[i].given);
        cr_expect(!good || (part.reference == ROWS[i].part.reference && part.parts == ROWS[i].part.parts && part.part == ROWS[i].part.part),
                  "'%s'", ROWS[i].given);
    }
}

static struct profiles *read_ini(const char *text)
{
    struct profiles *profiles = NULL;
    struct fault fault = {0};
    cr_assert_eq(profiles_open(&profiles, "x", span_of(text), &fault), 0, "%s", fault.text);
    return profiles;
}

#define RESPONSES "[q]\nkind = responses\nrequest_id = a\nstatus = b\nresponded_at = c\n"
#define RECEIPTS "[r]\r\nkind = receipts\nsms_id = a\nstatus = b\nat = c\n"

Test(profile, times)
{
    static const struct {
        const char *time, *given, *utc; /* utc NULL: none of them */
    } ROWS[] = {
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "01.02.2026 03:04:05", "1769897045"},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "31.02.2026 03:04:05", NULL},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "29.02.2028 03:04:05", "1835388245"},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "01.02.2026 03:04:60", NULL},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "01.02.2026 03:04:05 ", NULL},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "01.02.2026", NULL},
        {"time = %d.%m.%Y %H:%M:%S\nzone = +05:00", "", NULL},
        {"time = %d.%m.%Y %H:%M\nzone = +05:00", "01.02.1899 03:04", NULL},
        {"time = %d.%m.%Y %H:%M\nzone = +05:00", "01.02.2026 03:04", "1769897040"},
        {"time = %Y day %j, %R\nzone = Z", "2026 day 032, 03:04", "1769915040"},
        {"time = %d-%b-%y %I.%M %p\nzone = Z", "01-Feb-26 03.04 PM", "1769958240"},
        {"time = %D%%%H%M\nzone = Z", "02/01/26%0304", "1769915040"},
        {"time = %y%m%d%H%M%S\ntime = %y%m%d%H%M\nzone = Z", "2602010304", "1769915040"},
        {"time = %y%m%d%H%M%S\ntime = %y%m%d%H%M\nzone = Z", "260201030405", "1769915045"},
        {"time = %y%m%d%H%M%S\ntime = %y%m%d%H%M\nzone = Z", "26020103040", "1769915040"},
        {"time = %s", "1769915045", "1769915045"},
        {"time = %s", "-1", NULL},
        {"time = %s", "99999999999", NULL},
        {"time = %Y-%m-%d %H:%M:%S %z", "2026-02-01 03:04:05 +0300", "1769904245"},
        {"time = %Y-%m-%d %H:%M:%S %z", "2026-02-01 03:04:05", NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char ini[512], got[32] = "";
        int64_t ms;
        snprintf(ini, sizeof ini, RECEIPTS "%s\n", ROWS[i].time);
        struct profiles *profiles = read_ini(ini);
        bool good = profile_time(profiles_at(profiles, 0), span_of(ROWS[i].given), &ms);
        if (good)
            snprintf(got, sizeof got, "%lld", (long long)(ms / 1000));
        cr_expect(good == (ROWS[i].utc != NULL) && (!good || strcmp(got, ROWS[i].utc) == 0), "%s, '%s': %s", ROWS[i].time, ROWS[i].given, got);
        profiles_close(profiles);
    }
}

Test(profile, words_and_places)
{
    struct profiles *profiles = read_ini("\xef\xbb\xbf# none\n; none\n\n" RECEIPTS
                                         "status.OK now = delivered\nstatus.Нет=failed\noperator = \"x y\"\noperator.x y = kcell\n"
                                         "[s]\nkind=withdrawals\nheader = no\nmatch = *\ndelimiter=tab\nnotice_id=3\nwithdrawn_at=1\ncause=\"\"\n");
    const struct profile *r = profiles_at(profiles, 0), *s = profiles_at(profiles, 1);
    cr_expect(r && s && !profiles_at(profiles, 2));
    cr_expect_str_eq(r->name, "r");
    cr_expect_eq(r->line, 4);
    cr_expect(span_equal(profile_word(r, SPAN("status"), SPAN("ok NOW")), SPAN("delivered")));
    cr_expect(span_equal(profile_word(r, SPAN("status"), SPAN("Нет")), SPAN("failed")));
    cr_expect(span_equal(profile_word(r, SPAN("status"), SPAN("DELIVRD")), SPAN("DELIVRD")));
    cr_expect(span_equal(profile_word(r, SPAN("operator"), SPAN("x y")), SPAN("kcell")));
    cr_expect(s->headless && s->delimiter == '\t' && s->sources[0].number == 2 && s->sources[1].number == 0);
    cr_expect(s->sources[2].from == PROFILE_CONSTANT && s->sources[2].text.size == 0);
    profiles_close(profiles);
    profiles_close(NULL);
}

Test(profile, what_words_may_mean)
{
    static const char *const INIS[] = {
        RECEIPTS "status.1 = accepted\nstatus.2 = DELIVRD\nstatus.3 = Failed\nstatus.4 = undeliv\nstatus.5 = EXPIRED\nstatus.6 = UNKNOWN\n",
        RESPONSES "status.1 = registered\nstatus.2 = queued\nstatus.3 = assigned\nstatus.4 = refused\n",
        "[r]\nkind = receipts\nsms_id = a\nstatus = \"ok\"\nat = c\nstatus.ok = delivered\n",
        "[m]\nkind = messages\nmessage_id = i\noperator = \"1-й\"\nreceived_at = r\nmsisdn = p\nshort_code = s\ntext = t\noperator.1-й = kcell\n",
        RECEIPTS "operator = \"Their Name\"\nstatus.Нет = failed\nstatus.НЕТ = failed\n", /* an operator is not looked at in receipts; letter case of A to Z alone does not matter */
        "[t]\nkind = totals\nparty = a\ncolumn.kind = b\nfrom = c\nto = d\ncount = e\ntime = %d.%m.%Y\nzone = Z\n", /* of days */
    };
    for (size_t i = 0; i < sizeof INIS / sizeof *INIS; i++)
        profiles_close(read_ini(INIS[i]));
}

/* ---- mistakes: each is named with its line ---- */

#define HEAD "[m]\nkind = messages\nmessage_id = i\noperator = o\nreceived_at = r\nmsisdn = p\nshort_code = s\ntext = t\n" /* 8 lines */

Test(profile, mistakes)
{
    static const struct {
        const char *ini, *says;
    } ROWS[] = {
        {"kind = messages\n", "x:1: stands before the first [profile]"},
        {"[m]\nfoo\n", "x:2: neither [NAME] nor KEY = VALUE"},
        {"[]\nkind = totals\n", "x:1: a section is [NAME]"},
        {"[m\nkind = totals\n", "x:1: a section is [NAME]"},
        {"[m] x\nkind = totals\n", "x:1: a section is [NAME]"},
        {HEAD "[m]\n", "x:9: [m] stands twice"},
        {"[m]\nmatch = *\n", "x:1: [m] has no kind"},
        {"[m]\nkind = sms\n", "x:2: kind is none of"},
        {"[m]\ntext = t\n", "x:2: 'text' stands before the section's kind"},
        {HEAD "kind = totals\n", "x:9: kind is given twice"},
        {HEAD "encoding = KOI8-R\nencoding = KOI8-R\n", "x:10: encoding is given twice"},
        {HEAD "zone = Z\nzone = Z\n", "x:10: zone is given twice"},
        {HEAD "line = {i} {o}\nline = {i} {o}\n", "x:10: line is given twice"},
        {HEAD "match = a\nmatch = b\n", "x:10: match is given twice"},
        {HEAD "delimiter = ;;\n", "x:9: delimiter is none of"},
        {HEAD "delimiter = :\n", "x:9: delimiter is none of"},
        {HEAD "encoding = NOSUCH-1\n", "x:9: encoding 'NOSUCH-1' is none"},
        {HEAD "encoding = UTF-16//IGNORE\n", "x:9: encoding 'UTF-16//IGNORE' is none"},
        {HEAD "header = maybe\n", "x:9: header is neither yes nor no"},
        {HEAD "text_form = base64\n", "x:9: text_form is none of"},
        {HEAD "time = %s\ntime = %s\ntime = %s\ntime = %s\ntime = %s\n", "x:13: time is given more than 4 times"},
        {HEAD "time = iso\n", "x:9: time is no form of strptime"},
        {HEAD "time = %Q %d.%m.%Y %H:%M\n", "x:9: time is no form of strptime"},
        {HEAD "time = %d.%m.%Y %H:%M:%S,%f\n", "x:9: time is no form of strptime"},
        {HEAD "time = %d.%m.%Y %H:%M %\n", "x:9: time is no form of strptime"},
        {HEAD "time = %d.%m.%Y %H:%M %Z\n", "x:9: time has %Z"},
        {HEAD "time = %d.%m.%Y %H:%M %EZ\n", "x:9: time has %Z"},
        {HEAD "time = %s.%%\n", "x:9: time has %s"},
        {HEAD "time = %H:%M\n", "x:9: time does not tell year"},
        {HEAD "time = %d.%m.%Y\n", "x:1: [m] has time, but no zone"}, /* a day alone is its midnight */
        {HEAD "time = %d.%m.%Y %H\n", "x:9: time does not tell year"},
        {HEAD "time = %d.%m %H:%M\n", "x:9: time does not tell year"},
        {HEAD "time = %d %Y %H:%M\n", "x:9: time does not tell year"},
        {HEAD "time = %m.%Y %H:%M\n", "x:9: time does not tell year"},
        {HEAD "time = %d.%m.%Y %I:%M\n", "x:9: time does not tell year"},
        {HEAD "time = %d.%m.%Y %H%%M\n", "x:9: time does not tell year"},
        {HEAD "zone = Mars/Base\n", "x:9: zone 'Mars/Base' is neither"},
        {HEAD "line = nothing\n", "x:9: line "},
        {HEAD "text = u\n", "x:9: the same column is given twice"},
        {"[m]\nkind = messages\ntext =\n", "x:3: a column without a name"},
        {"[m]\nkind = messages\ntext = \"\n", "x:3: a constant that its quote does not close"},
        {"[m]\nkind = messages\ntext = \"a\n", "x:3: a constant that its quote does not close"},
        {HEAD "status. = x\n", "x:9: status.WORD = MEANING: a word lacks"},
        {HEAD "operator.x =\n", "x:9: operator.WORD = MEANING: a word lacks"},
        {HEAD "operator.x = a\noperator.x = b\n", "x:10: operator.x is given twice"},
        {HEAD "operator.x = a\noperator.X = b\n", "x:10: operator.X is given twice"},
        {HEAD "operator.x = Kcell\n", "x:9: 'Kcell' is no code of an operator"},
        {HEAD "operator.x = other\n", "x:9: 'other' is no code of an operator"},
        {"[m]\nkind = messages\noperator = \"../x\"\n", "x:3: '../x' is no code of an operator"},
        {"[m]\nkind = messages\noperator = \"other\"\n", "x:3: 'other' is no code of an operator"},
        {"[m]\nkind = messages\noperator = \"\"\n", "x:3: '' is no code of an operator"},
        {"[m]\nkind = messages\noperator.x = y z\noperator = \"x\"\n", "x:4: 'y z' is no code of an operator"},
        {RECEIPTS "status.OK = delivered\nstatus.ok = failed\n", "x:7: status.ok is given twice"},
        {RECEIPTS "status.OK = deliverd\n", "x:6: 'deliverd' is no status of receipts"},
        {RECEIPTS "status.OK = delivered ; as they say\n", "is no status of receipts"},
        {RECEIPTS "status.OK = registered\n", "x:6: 'registered' is no status of receipts"},
        {"[r]\nkind = receipts\nstatus = \"done\"\n", "x:3: 'done' is no status of receipts"},
        {RESPONSES "status.OK = done\n", "x:6: 'done' is no status of responses"},
        {RESPONSES "status.OK = Registered\n", "x:6: 'Registered' is no status of responses"},
        {RESPONSES "status.OK = delivered\n", "x:6: 'delivered' is no status of responses"},
        {HEAD "operator.x = a\nstatus.x = b\n", "x:1: [m]: messages have no status"},
        {HEAD "take = x\n", "x:1: [m] has take, but no line"},
        {HEAD "take.a = x\ntake.b = y\n", "x:10: take is given twice"},
        {HEAD "foo = x\n", "x:9: 'foo' is neither a key of a profile nor a column of messages"},
        {HEAD "header = no\n", "x:1: [m] has no header to be known by"},
        {HEAD "header = no\nmatch = *\n", "x:1: with header = no a column is a number from 1, not 'i'"},
        {"[w]\nkind = withdrawals\nheader = no\nmatch = *\nnotice_id = 0\nwithdrawn_at = 1\ncause = 2\n", "not '0'"},
        {HEAD "match = *\nline = {i} {o} {r} {p} {s} {u}\n", "x:1: line has no field {t}"},
        {"[w]\nkind = withdrawals\nnotice_id = *\nwithdrawn_at = w\ncause = c\n", "x:1: [w]: only message_id and notice_id can be *"},
        {HEAD "take.* = x\n", "x:1: [m]: only message_id and notice_id can be *"},
        {HEAD "udh = *\n", "x:1: [m]: only message_id and notice_id can be *"},
        {HEAD "time = %Y\n", "x:1: [m] has time, but no zone"},
        {HEAD "zone = Z\n", "x:1: [m] has zone, but no time"},
        {HEAD "part = a\n", "x:1: [m]: part_reference, parts and part go together"},
        {HEAD "part = a\nparts = b\n", "x:1: [m]: part_reference, parts and part go together"},
        {HEAD "parts = b\n", "x:1: [m]: part_reference, parts and part go together"},
        {HEAD "coding = \"8\"\n", "are columns, no constants"},
        {HEAD "part = a\nparts = b\npart_reference = c\nudh = u\n", "x:1: [m]: parts are told by columns or by udh"},
        {"[w]\nkind = withdrawals\nnotice_id = n\nwithdrawn_at = w\ncause = c\ntext_form = url\n", "x:1: [w]: text_form, coding, udh and parts are of messages"},
        {"[w]\nkind = withdrawals\nnotice_id = n\nwithdrawn_at = w\ncause = c\ncoding = x\n", "x:1: [w]: text_form, coding, udh and parts are of messages"},
        {"[w]\nkind = withdrawals\nnotice_id = n\nwithdrawn_at = w\n", "x:1: [w] does not say where cause is had from"},
        {"\xff", "x:1: not UTF-8"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct profiles *profiles = NULL;
        struct fault fault = {0};
        cr_expect_eq(profiles_open(&profiles, "x", span_of(ROWS[i].ini), &fault), -1, "row %zu", i);
        cr_expect(fault.code == FAULT_INPUT && strstr(fault.text, ROWS[i].says), "row %zu: %s", i, fault.text);
    }
}

Test(profile, many_mistakes_and_none)
{
    struct profiles *profiles = NULL;
    struct fault fault = {0};
    char ini[512] = "";
    for (unsigned i = 0; i < 30; i++)
        strcat(ini, "x\n");
    cr_expect_eq(profiles_open(&profiles, "x", span_of(ini), &fault), -1);
    cr_expect(strstr(fault.text, "x:20: ") && !strstr(fault.text, "x:21: ") && strstr(fault.text, "and 10 more"), "%s", fault.text);
    profiles = read_ini("");
    cr_expect_null(profiles_at(profiles, 0));
    cr_expect_not(profiles_join(profiles));
    profiles_close(profiles);
    cr_expect_not(profiles_join(NULL));
    profiles = read_ini(HEAD "\tencoding =  utf8 \t\r\n[n]\nkind = messages\nmessage_id = *\noperator = o\nreceived_at = r\nmsisdn = p\nshort_code = s\ntext = t\nudh = u\n"
                        "[o]\nkind = notices\nnotice_id = *\nregistered_at = a\nmsisdn = b\nmother_iin = c\nbirth_date = d\nsex = e\nchild_order = f\nregion = g\n");
    cr_expect_null(profiles_at(profiles, 0)->encoding, "UTF-8 needs no converter");
    cr_expect(profiles_join(profiles));
    profiles_close(profiles);
}

/* ---- lines of very many fields ---- */

Test(profile, templates_of_too_many_fields)
{
    char text[64 * PROFILE_NAMES_MAX + 64] = "";
    for (unsigned i = 0; i < 4 * PROFILE_NAMES_MAX; i++)
        sprintf(text + strlen(text), "{n%u} ", i);
    const char *wrong = profile_line_read(&line, span_of(text));
    cr_expect(wrong && strstr(wrong, "too many"), "%s", wrong ? wrong : "(taken)");
    text[0] = 0;
    for (unsigned i = 0; i < 4 * PROFILE_NAMES_MAX; i++)
        strcat(text, "{} ");
    wrong = profile_line_read(&line, span_of(text));
    cr_expect(wrong && strstr(wrong, "too many"), "%s", wrong ? wrong : "(taken)");
}
