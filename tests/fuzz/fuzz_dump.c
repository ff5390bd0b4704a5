/* fuzz_dump.c - dumps in other forms. The first byte chooses what the rest is:
 *
 *   0  records of withdrawals: the same in section 3's form, with semicolons and, where they are UTF-8, in UTF-16 must be read alike
 *   1  a log, taken by a template: lines ascend, and each is taken or passed over
 *   2  a dumps.ini: read, or refused with a line
 *   3  an SMS's text and a user data header as gateways write them: no byte beyond the room that is promised */
#include "io/dump.h"

#include "big_blocks.h"
#include "engine/check.h"
#include "engine/values.h"
#include "fake_files.h"
#include "fresh_fault.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER "notice_id,withdrawn_at,cause\n"
#define COLUMNS "kind = withdrawals\nnotice_id = notice_id\nwithdrawn_at = withdrawn_at\ncause = cause\n"

static struct ring *ring;
static struct profiles *semicolons, *wide, *log_lines;

static struct profiles *make(const char *ini)
{
    struct profiles *profiles = NULL;
    struct fault *fault = fresh_fault();
    CHECK(profiles_open(&profiles, "x", span_of(ini), fault) == 0 && profiles_prepare(profiles, 1, fault) == 0);
    return profiles;
}

static void set_up(void)
{
    if (ring)
        return;
    keep_big_blocks();
    CHECK(ring_open(&ring, true) == 0);
    semicolons = make("[a]\ndelimiter = ;\n" COLUMNS);
    wide = make("[a]\nencoding = UTF-16LE\ndelimiter = |\n" COLUMNS);
    log_lines = make("[a]\nkind = messages\nmatch = *\ntake = S\nline = {d} S [{f?from:}] [{t+}] u:{u}\ntime = %Y%m%d%H%M\nzone = Asia/Almaty\n"
                     "operator = f\nmessage_id = *\nreceived_at = d\nmsisdn = f\nshort_code = \"1\"\ntext = t\ntext_form = python\nudh = u\n");
    fake_files_begin(); /* no zones any more: to look through one takes a hundred times as long as all else */
}

static struct dump *open_bytes(unsigned place, const char *bytes, size_t size, const struct profiles *profiles)
{
    static const char *const NAMES[] = {"a file", "another"};
    struct dump *dump;
    struct fault *fault = fresh_fault();
    fake_file(place, NAMES[place], (struct span){bytes, size});
    CHECK(dump_open(&dump, ring, NAMES[place], profiles, fault) == 0);
    return dump;
}

static bool same_record(const struct dump_record *a, const struct dump_record *b)
{
    if (a->line != b->line || a->reason != b->reason || !span_equal(a->raw, b->raw) || a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count && !a->reason; i++)
        if (a->fields[i].size != b->fields[i].size || memcmp(a->fields[i].data, b->fields[i].data, a->fields[i].size) != 0)
            return false;
    return true;
}

static void swap(const char *text, size_t size, char delimiter)
{
    char *own = (char *)text;
    for (size_t i = 0; i < size; i++)
        own[i] = own[i] == ',' ? delimiter : own[i] == delimiter ? ',' : own[i];
}

/* Both say the same, save that commas and delimiters have changed places. */
static void compare(const char *plain, size_t plain_size, const char *other, size_t other_size, const struct profiles *profiles)
{
    int found = 1;
    struct fault *fault = fresh_fault();
    struct dump *a = open_bytes(0, plain, plain_size, NULL);
    struct dump *b = open_bytes(1, other, other_size, profiles);
    CHECK(!dump_profile(a) && dump_profile(b) && dump_layout(b)->kind == KIND_WITHDRAWALS);
    char delimiter = dump_profile(b)->delimiter;
    while (found > 0) {
        struct dump_record x, y;
        found = dump_next(a, &x, fault);
        CHECK(dump_next(b, &y, fault) == found && found >= 0);
        swap(y.raw.data, y.raw.size, delimiter);
        for (uint32_t i = 0; i < y.field_count && !y.reason; i++)
            swap(y.fields[i].data, y.fields[i].size, delimiter);
        CHECK(!found || same_record(&x, &y));
    }
    CHECK(dump_lines(a) == dump_lines(b));
    dump_close(a);
    dump_close(b);
}

/* UTF-8 to UTF-16, little end first. */
static size_t widen(const char *text, size_t size, char *out)
{
    iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
    char *in = (char *)text, *to = out;
    size_t left = size, room = 2 * size;
    CHECK(iconv(converter, &in, &left, &to, &room) != (size_t)-1);
    iconv_close(converter);
    return (size_t)(to - out);
}

static void try_forms(const uint8_t *data, size_t size)
{
    size_t whole = sizeof HEADER - 1 + size;
    char *plain = malloc(whole), *other = malloc(whole), *wider = malloc(2 * whole);
    CHECK(plain && other && wider);
    memcpy(plain, HEADER, sizeof HEADER - 1);
    memcpy(plain + sizeof HEADER - 1, data, size);
    memcpy(other, plain, whole);
    swap(other, whole, ';');
    /* what would turn the bytes into a compressed file does not stand first: the header does */
    compare(plain, whole, other, whole, semicolons);
    struct span text = {(const char *)data, size};
    if (value_text(text)) {
        memcpy(other, plain, whole);
        swap(other, whole, '|');
        compare(plain, whole, wider, widen(other, whole, wider), wide);
    }
    free(plain);
    free(other);
    free(wider);
}

static void try_log(const uint8_t *data, size_t size)
{
    int found;
    uint64_t line = 0;
    struct fault *fault = fresh_fault();
    char *bytes = malloc(size + 1);
    CHECK(bytes);
    bytes[0] = '\n'; /* so that it is no gzip, zstd or besik's own form */
    memcpy(bytes + 1, data, size);
    struct dump *dump = open_bytes(0, bytes, size + 1, log_lines);
    struct dump_record record;
    while (dump_profile(dump) && (found = dump_next(dump, &record, fault)) != 0) {
        CHECK(found > 0 && record.line > line && memchr(record.raw.data, 'S', record.raw.size));
        CHECK(record.reason || record.field_count == record_columns(KIND_MESSAGES));
        CHECK(record.parts == 0 || (record.part >= 1 && record.part <= record.parts && record.parts <= 255));
        line = record.line;
    }
    dump_close(dump);
    free(bytes);
}

static void try_ini(const uint8_t *data, size_t size)
{
    struct profiles *profiles = NULL;
    struct fault *fault = fresh_fault();
    if (profiles_open(&profiles, "ini", (struct span){(const char *)data, size}, fault) == 0)
        profiles_close(profiles);
    else
        CHECK(fault->code == FAULT_INPUT && strncmp(fault->text, "ini:", 4) == 0);
}

static void try_text(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    struct span text = {(const char *)data + 1, size - 1};
    char *out = malloc(3 * text.size + 1);
    struct profile_part part;
    CHECK(out);
    CHECK(profile_text((enum profile_text)(data[0] & 3), data[0] & 4, text, out) <= 3 * text.size + 1);
    if (profile_udh(text, data[0] & 8, &part))
        CHECK(part.parts <= 255 && part.part <= 255 && part.reference <= 65535);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const TRIES[])(const uint8_t *, size_t) = {try_forms, try_log, try_ini, try_text};
    if (size == 0)
        return 0;
    set_up();
    TRIES[data[0] % 4](data + 1, size - 1);
    return 0;
}
