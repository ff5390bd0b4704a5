/* fuzz_settings.c - a setting's name and value as given, NAME LF VALUE: refused with the others untouched, or within bounds. */
#include "engine/check.h"
#include "engine/values.h"
#include "fresh_fault.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_duration(int64_t ms, int64_t most)
{
    return ms >= HOUR_MS && ms <= most && ms % SECOND_MS == 0;
}

static void in_bounds(const struct settings *s)
{
    CHECK(is_duration(s->remind_after, 365 * DAY_MS) && is_duration(s->expire_after, 365 * DAY_MS));
    CHECK(is_duration(s->response_after, 365 * DAY_MS) && is_duration(s->receipt_after, 365 * DAY_MS));
    CHECK(is_duration(s->silent_after, 365 * DAY_MS) && is_duration(s->remember, INT64_MAX));
    CHECK(s->max_segments >= 2 && s->max_segments <= 20 && s->keep_runs >= 1 && s->keep_runs <= 1000);
    CHECK(s->lenient <= 1 && s->shards >= 1 && s->shards <= 1024 && (s->shards & (s->shards - 1)) == 0);
    size_t digits = 0;
    while (digits < sizeof s->short_code && s->short_code[digits] >= '0' && s->short_code[digits] <= '9')
        digits++;
    CHECK(digits >= 3);
    for (size_t i = digits; i < sizeof s->short_code; i++)
        CHECK(s->short_code[i] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    if (!end || size > 200)
        return 0;
    char name[201] = "", value[201] = "";
    memcpy(name, data, (size_t)(end - data));
    memcpy(value, end + 1, size - (size_t)(end - data) - 1);
    for (int making = 0; making <= 1; making++) {
        struct settings settings, before;
        struct fault *fault = fresh_fault();
        store_default_settings(&settings);
        before = settings;
        if (store_set(&settings, name, value, making, fault)) {
            CHECK(fault->text[0] && memcmp(&settings, &before, sizeof settings) == 0);
            continue;
        }
        in_bounds(&settings);
        CHECK(store_settings_are_sound(&settings));
        if (store_check_settings(&settings, fault) == 0)
            CHECK(settings.remind_after < settings.expire_after && settings.remember / 3 >= settings.expire_after);
        CHECK(making || settings.shards == before.shards);
    }
    return 0;
}
