/* test_source.c - files as streams: form by content, all that is broken, I/O that fails, rings that are
 * shared. */
#include "io/source.h"

#include "engine/sys/sys.h"
#include "packed.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- files ---- */

static int file_of(const struct bytes *bytes, char *name)
{
    int fd = memfd_create("source", MFD_CLOEXEC);
    cr_assert_eq(pwrite(fd, bytes->data, bytes->size, 0), (ssize_t)bytes->size);
    sprintf(name, "/proc/self/fd/%d", fd);
    return fd;
}

/* All of a file, `step` bytes a call; NULL and the fault where it fails. */
static char *slurp(struct ring *ring, const char *name, size_t step, size_t *ret_size, struct fault *fault)
{
    struct source *source;
    if (source_open(&source, ring, name, fault) != 0)
        return NULL;
    struct bytes bytes = {0};
    char *buffer = malloc(step);
    ssize_t size;
    while ((size = source_read(source, buffer, step, fault)) > 0) {
        add(&bytes, buffer, (size_t)size);
        if ((size_t)size < step)
            cr_expect_eq(source_read(source, buffer, step, fault), 0); /* short only at the end */
    }
    free(buffer);
    if (size < 0)
        cr_expect_eq(source_read(source, &(char){0}, 1, fault), -1); /* and it stays so */
    source_close(source);
    if (size < 0) {
        free(bytes.data);
        return NULL;
    }
    add(&bytes, "", 1);
    *ret_size = bytes.size - 1;
    return (char *)bytes.data;
}

/* What is wrong with these bytes as a file, without its name; "" if nothing. */
static const char *wrong(const struct bytes *bytes)
{
    static struct fault fault;
    fault = (struct fault){0};
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    char name[64];
    int fd = file_of(bytes, name);
    size_t size;
    char *text = slurp(ring, name, 4096, &size, &fault);
    free(text);
    close(fd);
    ring_close(ring);
    if (text != NULL)
        return "";
    cr_expect_eq(fault.code, FAULT_INPUT);
    return fault.text + strlen(name) + 2;
}

static void expect_whole(const struct bytes *packed, const struct bytes *plain, enum source_form form)
{
    char name[64];
    int fd = file_of(packed, name);
    for (int backend = 0; backend < 2; backend++) {
        struct ring *ring = NULL;
        cr_assert_eq(ring_open(&ring, backend), 0);
        struct fault fault = {0};
        size_t size = 0;
        char *text = slurp(ring, name, backend ? 3333 : 1 << 20, &size, &fault);
        cr_assert_not_null(text, "%s", fault.text);
        cr_expect(size == plain->size && memcmp(text, plain->data, size) == 0);
        free(text);

        struct source *source;
        cr_assert_eq(source_open(&source, ring, name, &fault), 0);
        cr_expect_eq(source_form(source), form);
        char *buffer = malloc(plain->size + 1);
        cr_expect_eq(source_read(source, buffer, plain->size + 1, &fault), (ssize_t)plain->size);
        cr_expect_eq(source_bytes(source), packed->size);
        cr_expect(XXH128_isEqual(source_hash(source), XXH3_128bits(packed->data, packed->size)));
        free(buffer);
        source_close(source);

        cr_assert_eq(source_open(&source, ring, name, &fault), 0); /* closed with reads in flight */
        source_close(source);
        cr_expect_eq(ring_in_flight(ring), 0);
        ring_close(ring);
    }
    close(fd);
}

Test(source, forms_and_sizes)
{
    static const size_t SIZES[] = {0, 1, 2, 3, 100, 262143, 262144, 262145, 1048576, 5000000};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        struct bytes plain = rows(SIZES[i]), gzip = {0}, zstd = {0};
        expect_whole(&plain, &plain, SOURCE_PLAIN);
        add_gzip(&gzip, plain.data, plain.size, 0);
        expect_whole(&gzip, &plain, SOURCE_GZIP);
        add_zstd(&zstd, plain.data, plain.size, 0);
        expect_whole(&zstd, &plain, SOURCE_ZSTD);
        free(plain.data);
        free(gzip.data);
        free(zstd.data);
    }
}

Test(source, many_members_and_frames)
{
    struct bytes part = rows(3000), plain = {0}, gzip = {0}, zstd = {0};
    for (unsigned i = 0; i < 2000; i++) {
        size_t size = i * 7919 % 3000;
        add(&plain, part.data, size);
        add_gzip(&gzip, part.data, size, i % 32);
        add_zstd(&zstd, part.data, size, i % 2 ? 0 : 10);
        add(&zstd, SKIPPABLE, i % 3 ? 0 : 12);
    }
    expect_whole(&gzip, &plain, SOURCE_GZIP);
    expect_whole(&zstd, &plain, SOURCE_ZSTD);
    free(part.data);
    free(plain.data);
    free(gzip.data);
    free(zstd.data);
}

Test(source, short_beginnings_are_plain)
{
    static const char *const TEXTS[] = {"\x1f", "\x28\xb5\x2f", "\x50\x2a\x4d", "\x60\x2a\x4d\x18",
                                        "x\x1f\x8b"};
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct bytes plain = {0};
        add(&plain, TEXTS[i], strlen(TEXTS[i]));
        expect_whole(&plain, &plain, SOURCE_PLAIN);
        free(plain.data);
    }
}

/* ---- broken ---- */

Test(source, gzip_cut_short_or_with_garbage)
{
    struct bytes packed = {0};
    add_gzip(&packed, "hello", 5, 0);
    size_t first = packed.size;
    add_gzip(&packed, "world", 5, FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT | FLAG_HCRC);
    size_t all = packed.size;
    for (packed.size = 2; packed.size <= all; packed.size++)
        cr_expect_str_eq(wrong(&packed), packed.size == first || packed.size == all ? "" : "gzip: cut short");
    static const char *const GARBAGE[] = {"\0", "\0\0\0\0", "x", "\x1f\x8c", "kcell,1\n"};
    for (size_t i = 0; i < sizeof GARBAGE / sizeof *GARBAGE; i++) {
        packed.size = all;
        add(&packed, GARBAGE[i], i < 2 ? i * 3 + 1 : strlen(GARBAGE[i]));
        cr_expect_str_eq(wrong(&packed), "gzip: garbage after the last member");
    }
    free(packed.data);
}

Test(source, zstd_cut_short_or_with_garbage)
{
    struct bytes packed = {0};
    add_zstd(&packed, "hello hello hello", 17, 0);
    size_t first = packed.size;
    add(&packed, SKIPPABLE, 12);
    size_t second = packed.size;
    add_zstd(&packed, "world", 5, 0);
    size_t all = packed.size;
    for (packed.size = 4; packed.size <= all; packed.size++) {
        bool whole = packed.size == first || packed.size == second || packed.size == all;
        bool barely = (packed.size > first && packed.size < first + 4) ||
                      (packed.size > second && packed.size < second + 4);
        cr_expect_str_eq(wrong(&packed), whole    ? ""
                                         : barely ? "zstd: garbage after the last frame"
                                                  : "zstd: cut short");
    }
    static const char *const GARBAGE[] = {
        "\0", "\0\0\0\0", "x", "\x28\xb5\x2f\xfc", "\x27\xb5\x2f\xfd\0\0", "kcell,1\n"};
    for (size_t i = 0; i < sizeof GARBAGE / sizeof *GARBAGE; i++) {
        packed.size = all;
        add(&packed, GARBAGE[i], i < 2 ? i * 3 + 1 : strlen(GARBAGE[i]));
        cr_expect_str_eq(wrong(&packed), "zstd: garbage after the last frame");
    }
    free(packed.data);
}

Test(source, reasons)
{
    struct bytes gzip = {0}, zstd = {0};
    struct bytes text = rows(1000);
    add_gzip(&gzip, text.data, text.size, FLAG_HCRC);
    add_zstd(&zstd, text.data, text.size, 0);
    struct {
        struct bytes *bytes;
        size_t at;
        unsigned char value;
        const char *reason;
    } const ROWS[] = {
        {&gzip, 2, 7, "gzip: broken header"},
        {&gzip, 3, 0xe0, "gzip: broken header"},
        {&gzip, 4, 99, "gzip: broken header"}, /* its own checksum */
        {&gzip, 12, 0xff, "gzip: broken data"},
        {&gzip, gzip.size - 8, (unsigned char)~gzip.data[gzip.size - 8], "gzip: the checksum is wrong"},
        {&gzip, gzip.size - 1, 1, "gzip: the checksum is wrong"}, /* the size */
        {&zstd, 4, 0xff, "zstd: broken data"},
        {&zstd, zstd.size - 1, (unsigned char)~zstd.data[zstd.size - 1], "zstd: the checksum is wrong"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        unsigned char kept = ROWS[i].bytes->data[ROWS[i].at];
        ROWS[i].bytes->data[ROWS[i].at] = ROWS[i].value;
        cr_expect_str_eq(wrong(ROWS[i].bytes), ROWS[i].reason, "row %zu", i);
        ROWS[i].bytes->data[ROWS[i].at] = kept;
    }
    struct bytes window = {0};
    add(&window, "\x28\xb5\x2f\xfd\x00\x90\1\0\0", 9); /* 2^28 */
    cr_expect_str_eq(wrong(&window), "zstd: needs a window of more than 128 MiB");
    window.data[5] = 0x88; /* 2^27, an empty last block */
    cr_expect_str_eq(wrong(&window), "");
    free(gzip.data);
    free(zstd.data);
    free(text.data);
    free(window.data);
}

/* ---- files that are none, that fail, that change ---- */

Test(source, not_a_plain_file)
{
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    struct source *source;
    struct fault fault = {0};
    cr_expect_eq(source_open(&source, ring, "/dev/null", &fault), -1);
    cr_expect_eq(source_open(&source, ring, "/tmp", &fault), -1);
    cr_expect_eq(source_open(&source, ring, "/tmp/none/such", &fault), -1);
    cr_expect_eq(fault.code, FAULT_INPUT);
    cr_expect_str_eq(fault.text, "/dev/null: not a plain file\n/tmp: not a plain file\n"
                                 "/tmp/none/such: no such file or folder");
    ring_close(ring);
}

Test(source, changes_are_refused)
{
    struct bytes plain = rows(3000000);
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, true), 0);
    for (int longer = 0; longer < 2; longer++) {
        char name[64], *buffer = malloc(plain.size + 1);
        int fd = file_of(&plain, name);
        struct source *source;
        struct fault fault = {0};
        cr_assert_eq(source_open(&source, ring, name, &fault), 0);
        cr_assert_eq(ftruncate(fd, longer ? 4000000 : 2000000), 0);
        cr_expect_eq(source_read(source, buffer, plain.size + 1, &fault), -1);
        cr_expect_eq(fault.code, FAULT_INPUT);
        cr_expect_not_null(strstr(fault.text, longer ? ": changed while" : ": became shorter while"));
        source_close(source);
        close(fd);
        free(buffer);
    }
    ring_close(ring);
    free(plain.data);
}

static unsigned calls, failing;

static bool fails(void)
{
    return ++calls == failing;
}

static ssize_t failing_pread(int fd, void *buffer, size_t size, off_t offset)
{
    errno = EIO;
    return fails() ? -1 : pread(fd, buffer, size, offset);
}

static int failing_fstat(int fd, struct stat *stat)
{
    errno = EIO;
    return fails() ? -1 : fstat(fd, stat);
}

static void *failing_alloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

Test(source, every_call_fails_once)
{
    struct bytes plain = rows(2000000), packed[3] = {{0}};
    add(&packed[0], plain.data, plain.size);
    add_gzip(&packed[1], plain.data, plain.size, 0);
    add_zstd(&packed[2], plain.data, plain.size, 0);
    for (unsigned form = 0; form < 3; form++) {
        char name[64];
        int fd = file_of(&packed[form], name);
        for (failing = 1;; failing++) {
            struct ring *ring = NULL;
            cr_assert_eq(ring_open(&ring, true), 0);
            sys.pread = failing_pread;
            sys.fstat = failing_fstat;
            sys.alloc = failing_alloc;
            calls = 0;
            struct fault fault = {0};
            size_t size;
            char *text = slurp(ring, name, 100000, &size, &fault);
            sys.alloc = malloc;
            bool met = calls >= failing;
            cr_expect_eq(ring_in_flight(ring), 0);
            ring_close(ring);
            free(text);
            if (!met) {
                cr_expect(text != NULL && size == plain.size && failing > 5);
                break;
            }
            cr_expect(text == NULL && fault.code == FAULT_FAILED, "form %u, call %u", form, failing);
        }
        close(fd);
        free(packed[form].data);
    }
    free(plain.data);
}

/* More sources than the ring is deep, read by turns. */
Test(source, share_a_ring)
{
    enum { COUNT = 9 };
    struct bytes plain = rows(2000000);
    struct ring *ring = NULL;
    cr_assert_eq(ring_open(&ring, false), 0);
    struct source *sources[COUNT];
    int fds[COUNT];
    char names[COUNT][64];
    struct fault fault = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        fds[i] = file_of(&plain, names[i]);
        cr_assert_eq(source_open(&sources[i], ring, names[i], &fault), 0);
    }
    char *buffer = malloc(100000);
    for (size_t at = 0; at < plain.size; at += 100000) {
        for (unsigned i = 0; i < COUNT; i++) {
            cr_assert_eq(source_read(sources[i], buffer, 100000, &fault), 100000);
            cr_assert_eq(memcmp(buffer, plain.data + at, 100000), 0);
        }
    }
    for (unsigned i = 0; i < COUNT; i++) {
        cr_expect_eq(source_read(sources[i], buffer, 1, &fault), 0);
        source_close(sources[i]);
        close(fds[i]);
    }
    ring_close(ring);
    free(buffer);
    free(plain.data);
}
