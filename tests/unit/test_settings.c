/* test_settings.c - the settings of a store: each within its bounds, shown as it is given, and refused where a store's own are none. */
#include "store/store.h"

#include "engine/values.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct settings settings;

static void begin(void)
{
    store_default_settings(&settings);
}

TestSuite(settings, .init = begin);

static const char *shown(const char *name)
{
    static char value[32];
    const char *is;
    for (unsigned i = 0; (is = store_setting(&settings, i, value)); i++)
        if (strcmp(is, name) == 0)
            return value;
    return "(none)";
}

Test(settings, set_and_shown)
{
    static const struct {
        const char *name, *value, *shown; /* shown NULL: it is as before */
        bool making;
    } ROWS[] = {
        {"short_code", "123", "123", false},      {"short-code", "12345678", "12345678", false}, {"short_code", "12", NULL, false},
        {"short_code", "123456789", NULL, false}, {"short_code", "12a4", NULL, false},           {"short_code", "", NULL, false},
        {"remind_after", "36h", "36h", false},    {"remind-after", "48h", "2d", false},          {"remind_after", "90m", "90m", false},
        {"remind_after", "3601s", "3601s", false}, {"remind_after", "59m", NULL, false},         {"remind_after", "366d", NULL, false},
        {"remind_after", "3", NULL, false},       {"remember", "36500d", "36500d", false},       {"remember", "36501d", NULL, false},
        {"max_segments", "2", "2", false},        {"max_segments", "20", "20", false},           {"max_segments", "1", NULL, false},
        {"max_segments", "21", NULL, false},      {"max_segments", "x", NULL, false},            {"keep_runs", "1000", "1000", false},
        {"keep_runs", "0", NULL, false},          {"reply_form", "lenient", "lenient", false},   {"reply_form", "strict", "strict", false},
        {"reply_form", "loose", NULL, false},     {"shards", "1", "1", true},                    {"shards", "1024", "1024", true},
        {"shards", "1025", NULL, true},           {"shards", "3", NULL, true},                   {"shards", "0", NULL, true},
        {"shards", "8", NULL, false},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char name[32], before[32];
        struct fault fault = {0};
        begin();
        snprintf(name, sizeof name, "%s", ROWS[i].name);
        for (char *at = name; *at; at++)
            *at = *at == '-' ? '_' : *at;
        snprintf(before, sizeof before, "%s", shown(name));
        int failed = store_set(&settings, ROWS[i].name, ROWS[i].value, ROWS[i].making, &fault);
        cr_expect_eq(failed, ROWS[i].shown ? 0 : -1, "row %zu: %s", i, fault.text);
        cr_expect_str_eq(shown(name), ROWS[i].shown ? ROWS[i].shown : before, "row %zu", i);
        cr_expect(!failed || (fault.code == FAULT_USAGE && strstr(fault.text, "must be")), "row %zu: %s", i, fault.text);
        cr_expect(failed || store_settings_are_sound(&settings), "row %zu", i);
    }
}

Test(settings, names_that_are_none)
{
    static const char *const NONE[] = {"", "short", "short_codes", "Shards", "remind after"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        struct fault fault = {0};
        cr_expect_eq(store_set(&settings, NONE[i], "1", true, &fault), -1, "%s", NONE[i]);
        cr_expect(fault.code == FAULT_USAGE && strstr(fault.text, "no such setting"), "%s", fault.text);
    }
}

static void expect_check(const char *remind, const char *expire, const char *remember, bool good)
{
    struct fault fault = {0};
    begin();
    cr_assert_eq(store_set(&settings, "remind_after", remind, false, &fault) || store_set(&settings, "expire_after", expire, false, &fault) ||
                     store_set(&settings, "remember", remember, false, &fault),
                 0, "%s", fault.text);
    cr_expect_eq(store_check_settings(&settings, &fault), good ? 0 : -1);
    cr_expect_eq(fault.code, good ? FAULT_NONE : FAULT_USAGE, "%s", fault.text);
}

Test(settings, bounds_of_several)
{
    expect_check("3d", "10d", "400d", true);
    expect_check("9d", "10d", "30d", true);
    expect_check("10d", "10d", "400d", false);
    expect_check("3d", "10d", "29d", false);
}

/* A byte of each field that makes it none. */
Test(settings, that_are_none)
{
    cr_expect(store_settings_are_sound(&settings));
    for (size_t at = 0; at < offsetof(struct settings, short_code); at++) {
        begin();
        ((uint8_t *)&settings)[at] = 0xff; /* low bytes of durations may be anything, and 255 runs be kept */
        bool may_be = (at < offsetof(struct settings, max_segments) && at % 8 < 5) || at == offsetof(struct settings, keep_runs);
        cr_expect(may_be || !store_settings_are_sound(&settings), "byte %zu", at);
    }
    for (size_t at = 0; at < sizeof settings.short_code; at++) {
        static const char BAD[] = {'/', ':', ' ', '\xff'};
        for (size_t i = 0; i < sizeof BAD; i++) {
            begin();
            settings.short_code[at] = BAD[i];
            cr_expect_not(store_settings_are_sound(&settings), "digit %zu", at);
        }
    }
    begin();
    memcpy(settings.short_code, "12345678", 8);
    cr_expect(store_settings_are_sound(&settings));
    memset(settings.short_code, 0, 8);
    cr_expect_not(store_settings_are_sound(&settings));
    begin();
    settings.shards = 48;
    cr_expect_not(store_settings_are_sound(&settings), "no power of two");
}
