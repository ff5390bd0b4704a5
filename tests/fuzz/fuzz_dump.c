/* fuzz_dump.c - dumps in other forms. The first byte chooses what the rest is:
 *
 *   0  records of withdrawals: the same in section 3's form, with semicolons and, where they are UTF-8, in UTF-16 must be read alike
 *   1  a log, taken by a template: lines ascend, and each is taken or passed over
 *   2  a dumps.ini: read, or refused with a line
 *   3  an SMS's text and a user data header as gateways write them: no byte beyond the room that is promised */
#include "io/dump.h"

#include "engine/values.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

#define HEADER "notice_id,withdrawn_at,cause\n"
#define COLUMNS "kind = withdrawals\nnotice_id = notice_id\nwithdrawn_at = withdrawn_at\ncause = cause\n"

static struct ring *ring;
static struct profiles *semicolons, *wide, *log_lines;

static struct profiles *make(const char *ini)
{
    struct profiles *profiles = NULL;
    struct fault fault = {0};
    REQUIRE(profiles_open(&profiles, "x", span_of(ini), &fault) == 0 && profiles_prepare(profiles, 1, &fault) == 0);
    return profiles;
}

static void set_up(void)
{
    if (ring)
        return;
    REQUIRE(ring_open(&ring, true) == 0);
    semicolons = make("[a]\ndelimiter = ;\n" COLUMNS);
    wide = make("[a]\nencoding = UTF-16LE\ndelimiter = |\n" COLUMNS);
    log_lines = make("[a]\nkind = messages\nmatch = *\ntake = S\nline = {d} S [{f?from:}] [{t+}] u:{u}\ntime = %Y\nzone = Asia/Almaty\n"
                     "operator = f\nmessage_id = *\nreceived_at = d\nmsisdn = f\nshort_code = \"1\"\ntext = t\ntext_form = python\nudh = u\n");
}

/* A file of its own for what is given. */
static struct dump *open_bytes(const char *bytes, size_t size, const struct profiles *profiles, int *ret_fd, char name[64])
{
    struct dump *dump;
    struct fault fault = {0};
    *ret_fd = memfd_create("fuzz", MFD_CLOEXEC);
    REQUIRE(*ret_fd >= 0 && write(*ret_fd, bytes, size) == (ssize_t)size);
    snprintf(name, 64, "/proc/self/fd/%d", *ret_fd);
    REQUIRE(dump_open(&dump, ring, name, profiles, &fault) == 0);
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
    int fds[2], found = 1;
    char names[2][64];
    struct fault fault = {0};
    struct dump *a = open_bytes(plain, plain_size, NULL, &fds[0], names[0]);
    struct dump *b = open_bytes(other, other_size, profiles, &fds[1], names[1]);
    REQUIRE(!dump_profile(a) && dump_profile(b) && dump_layout(b)->kind == KIND_WITHDRAWALS);
    char delimiter = dump_profile(b)->delimiter;
    while (found > 0) {
        struct dump_record x, y;
        found = dump_next(a, &x, &fault);
        REQUIRE(dump_next(b, &y, &fault) == found && found >= 0);
        swap(y.raw.data, y.raw.size, delimiter);
        for (uint32_t i = 0; i < y.field_count && !y.reason; i++)
            swap(y.fields[i].data, y.fields[i].size, delimiter);
        REQUIRE(!found || same_record(&x, &y));
    }
    REQUIRE(dump_lines(a) == dump_lines(b));
    dump_close(a);
    dump_close(b);
    close(fds[0]);
    close(fds[1]);
}

/* UTF-8 to UTF-16, little end first. */
static size_t widen(const char *text, size_t size, char *out)
{
    iconv_t converter = iconv_open("UTF-16LE", "UTF-8");
    char *in = (char *)text, *to = out;
    size_t left = size, room = 2 * size;
    REQUIRE(iconv(converter, &in, &left, &to, &room) != (size_t)-1);
    iconv_close(converter);
    return (size_t)(to - out);
}

static void try_forms(const uint8_t *data, size_t size)
{
    size_t whole = sizeof HEADER - 1 + size;
    char *plain = malloc(whole), *other = malloc(whole), *wider = malloc(2 * whole);
    REQUIRE(plain && other && wider);
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
    char name[64];
    int fd, found;
    uint64_t line = 0;
    struct fault fault = {0};
    char *bytes = malloc(size + 1);
    REQUIRE(bytes);
    bytes[0] = '\n'; /* so that it is no gzip, zstd or besik's own form */
    memcpy(bytes + 1, data, size);
    struct dump *dump = open_bytes(bytes, size + 1, log_lines, &fd, name);
    struct dump_record record;
    while (dump_profile(dump) && (found = dump_next(dump, &record, &fault)) != 0) {
        REQUIRE(found > 0 && record.line > line && memchr(record.raw.data, 'S', record.raw.size));
        REQUIRE(record.reason || record.field_count == record_columns(KIND_MESSAGES));
        REQUIRE(record.parts == 0 || (record.part >= 1 && record.part <= record.parts && record.parts <= 255));
        line = record.line;
    }
    dump_close(dump);
    close(fd);
    free(bytes);
}

static void try_ini(const uint8_t *data, size_t size)
{
    struct profiles *profiles = NULL;
    struct fault fault = {0};
    if (profiles_open(&profiles, "ini", (struct span){(const char *)data, size}, &fault) == 0)
        profiles_close(profiles);
    else
        REQUIRE(fault.code == FAULT_INPUT && strncmp(fault.text, "ini:", 4) == 0);
}

static void try_text(const uint8_t *data, size_t size)
{
    if (size == 0)
        return;
    struct span text = {(const char *)data + 1, size - 1};
    char *out = malloc(3 * text.size + 1);
    struct profile_part part;
    REQUIRE(out);
    REQUIRE(profile_text((enum profile_text)(data[0] & 3), data[0] & 4, text, out) <= 3 * text.size + 1);
    if (profile_udh(text, data[0] & 8, &part))
        REQUIRE(part.parts <= 255 && part.part <= 255 && part.reference <= 65535);
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
