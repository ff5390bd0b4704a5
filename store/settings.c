/* settings.c - the settings of a store (contract section 5): names, defaults, bounds. See store.h. */
#include "store/store.h"

#include "engine/values.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DAYS(n) ((n) * DAY_MS)

enum setting_form { FORM_DURATION, FORM_NUMBER, FORM_CODE, FORM_REPLY, FORM_SHARDS };

static const struct setting {
    const char *name;
    enum setting_form form;
    size_t offset;
    int64_t low, high;
    const char *bounds;
} SETTINGS[] = {
    {"short_code", FORM_CODE, offsetof(struct settings, short_code), 3, 8, "3 to 8 digits"},
    {"remind_after", FORM_DURATION, offsetof(struct settings, remind_after), HOUR_MS, DAYS(365), "1h to 365d, as 36h"},
    {"expire_after", FORM_DURATION, offsetof(struct settings, expire_after), HOUR_MS, DAYS(365), "1h to 365d, as 10d"},
    {"response_after", FORM_DURATION, offsetof(struct settings, response_after), HOUR_MS, DAYS(365), "1h to 365d, as 5d"},
    {"receipt_after", FORM_DURATION, offsetof(struct settings, receipt_after), HOUR_MS, DAYS(365), "1h to 365d, as 2d"},
    {"silent_after", FORM_DURATION, offsetof(struct settings, silent_after), HOUR_MS, DAYS(365), "1h to 365d, as 1d"},
    {"remember", FORM_DURATION, offsetof(struct settings, remember), HOUR_MS, DAYS(36500), "three times expire_after to 36500d, as 400d"},
    {"max_segments", FORM_NUMBER, offsetof(struct settings, max_segments), 2, 20, "2 to 20"},
    {"keep_runs", FORM_NUMBER, offsetof(struct settings, keep_runs), 1, 1000, "1 to 1000"},
    {"reply_form", FORM_REPLY, offsetof(struct settings, lenient), 0, 1, "strict or lenient"},
    {"shards", FORM_SHARDS, offsetof(struct settings, shards), 1, 1024, "a power of two, 1 to 1024, given at init only"},
};

void store_default_settings(struct settings *settings)
{
    *settings = (struct settings){
        .remind_after = DAYS(3), .expire_after = DAYS(10), .response_after = DAYS(5), .receipt_after = DAYS(2),
        .silent_after = DAYS(1), .remember = DAYS(400),    .max_segments = 8,         .keep_runs = 14,
        .shards = 64,            .short_code = "1414",
    };
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '-' ? '_' : *a) != *b)
            return false;
    return *a == *b;
}

int store_set(struct settings *settings, const char *name, const char *value, bool making, struct fault *fault)
{
    const struct setting *setting = NULL;
    for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++)
        if (same_name(name, SETTINGS[i].name))
            setting = &SETTINGS[i];
    if (!setting)
        return fault_set(fault, FAULT_USAGE, "%s: no such setting", name);
    char *field = (char *)settings + setting->offset;
    struct span text = span_of(value);
    int64_t duration = 0;
    uint64_t number = 0;
    bool good = false;
    switch (setting->form) {
    case FORM_DURATION:
        good = value_duration(text, &duration) && duration >= setting->low && duration <= setting->high;
        if (good)
            memcpy(field, &duration, sizeof duration);
        break;
    case FORM_SHARDS:
        good = making && value_number(text, (uint64_t)setting->high, &number) && number && !(number & (number - 1));
        break;
    case FORM_NUMBER:
        good = value_number(text, (uint64_t)setting->high, &number) && number >= (uint64_t)setting->low;
        break;
    case FORM_REPLY:
        good = strcmp(value, "strict") == 0 || strcmp(value, "lenient") == 0;
        number = strcmp(value, "lenient") == 0;
        break;
    case FORM_CODE:
        good = value_number(text, UINT64_MAX, &number) && text.size >= 3 && text.size <= 8;
        if (good) {
            memset(field, 0, sizeof settings->short_code);
            memcpy(field, value, text.size);
        }
        break;
    }
    if (!good)
        return fault_set(fault, FAULT_USAGE, "%s %s: must be %s", setting->name, value, setting->bounds);
    if (setting->form == FORM_NUMBER || setting->form == FORM_SHARDS || setting->form == FORM_REPLY) {
        uint32_t small = (uint32_t)number;
        memcpy(field, &small, sizeof small);
    }
    return 0;
}

/* In the largest unit that it is whole in. */
static void show_duration(int64_t ms, char value[32])
{
    static const struct {
        int64_t ms;
        char name;
    } UNITS[] = {{DAY_MS, 'd'}, {HOUR_MS, 'h'}, {60 * SECOND_MS, 'm'}, {SECOND_MS, 's'}};
    unsigned unit = 0;
    while (unit < 3 && ms % UNITS[unit].ms)
        unit++;
    snprintf(value, 32, "%lld%c", (long long)(ms / UNITS[unit].ms), UNITS[unit].name);
}

const char *store_setting(const struct settings *settings, unsigned i, char value[32])
{
    if (i >= sizeof SETTINGS / sizeof *SETTINGS)
        return NULL;
    const struct setting *setting = &SETTINGS[i];
    const char *field = (const char *)settings + setting->offset;
    int64_t duration;
    uint32_t number;
    if (setting->form == FORM_DURATION) {
        memcpy(&duration, field, sizeof duration);
        show_duration(duration, value);
    } else if (setting->form == FORM_CODE) {
        snprintf(value, 32, "%.8s", field);
    } else {
        memcpy(&number, field, sizeof number);
        if (setting->form == FORM_REPLY)
            snprintf(value, 32, "%s", number ? "lenient" : "strict");
        else
            snprintf(value, 32, "%u", number);
    }
    return setting->name;
}

int store_check_settings(const struct settings *settings, struct fault *fault)
{
    if (settings->remind_after >= settings->expire_after)
        return fault_set(fault, FAULT_USAGE, "remind_after must be less than expire_after");
    if (settings->remember < 3 * settings->expire_after)
        return fault_set(fault, FAULT_USAGE, "remember must be at least three times expire_after");
    return 0;
}

static bool is_code(const char code[8])
{
    size_t digits = 0;
    while (digits < 8 && code[digits] >= '0' && code[digits] <= '9')
        digits++;
    for (size_t i = digits; i < 8; i++)
        if (code[i])
            return false;
    return digits >= 3;
}

bool store_settings_are_sound(const struct settings *settings)
{
    for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++) {
        const struct setting *setting = &SETTINGS[i];
        const char *field = (const char *)settings + setting->offset;
        int64_t number = 0;
        uint32_t small = 0;
        if (setting->form == FORM_CODE) {
            if (!is_code(field))
                return false;
            continue;
        }
        if (setting->form == FORM_DURATION) {
            memcpy(&number, field, sizeof number);
        } else {
            memcpy(&small, field, sizeof small);
            number = small;
        }
        if (number < setting->low || number > setting->high || (setting->form == FORM_SHARDS && number & (number - 1)))
            return false;
    }
    return true;
}
