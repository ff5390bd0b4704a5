/* fuzz_source.c - gzip and zstd as a stranger may send them.
 *
 * The first byte chooses: 0 the rest is a file as it is; 1 gzip and 2 zstd: the rest is packed here and must
 * come back; 3 and 4: the same with a byte flipped: a fault or the same bytes, never others. In all of them
 * the file read through source.c and its bytes fed to inflate.h in small pieces must agree, in bytes and in
 * the reason; and what libzstd gives for the whole in one call, where no streaming is, must be the same. */
#include "engine/check.h"
#include "big_blocks.h"
#include "fake_files.h"
#include "fresh_fault.h"
#include "io/inflate.h"
#include "io/source.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifndef OUT_MAX
#define OUT_MAX ((size_t)1 << 16) /* bombs are cut there */
#endif

struct result {
    unsigned char *data;
    size_t size;
    enum source_form form;
    char reason[128]; /* empty: whole */
};

static unsigned char *room(void)
{
    unsigned char *data = big_alloc(OUT_MAX);
    CHECK(data != NULL);
    return data;
}

static struct result through_pieces(const uint8_t *file, size_t size, enum source_form form, size_t piece,
                                    size_t step);

#ifdef FUZZ_INFLATE
static struct result through_source(const uint8_t *file, size_t size, size_t step)
{
    (void)step;
    enum source_form form = size >= 2 && memcmp(file, "\x1f\x8b", 2) == 0 ? SOURCE_GZIP : SOURCE_ZSTD;
    return through_pieces(file, size, form, size ? size : 1, OUT_MAX);
}
#else
static struct result through_source(const uint8_t *file, size_t size, size_t step)
{
    struct result result = {.data = room()};
    static struct ring *ring;
    if (ring == NULL)
        CHECK(ring_open(&ring, true) == 0);
    static const char name[] = "a file";
    fake_files_begin();
    fake_file(0, name, (struct span){(const char *)file, size});
    struct fault *fault = fresh_fault();
    struct source *source;
    CHECK(source_open(&source, ring, name, fault) == 0);
    result.form = source_form(source);
    ssize_t got = 1;
    while (got > 0 && result.size < OUT_MAX) {
        size_t left = OUT_MAX - result.size, want = step < left ? step : left;
        got = source_read(source, result.data + result.size, want, fault);
        CHECK(got <= (ssize_t)want);
        result.size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        CHECK(fault->code == FAULT_INPUT && strncmp(fault->text, name, strlen(name)) == 0);
        snprintf(result.reason, sizeof result.reason, "%.127s", fault->text + strlen(name) + 2);
    }
    if (got == 0) {
        CHECK(source_bytes(source) == size);
        CHECK(XXH128_isEqual(source_hash(source), XXH3_128bits(file, size)));
    }
    source_close(source);
    CHECK(ring_in_flight(ring) == 0 && !fake_files[0].open);
    return result;
}
#endif

/* In pieces of `piece` bytes, each in a block of its own, with room for `step` bytes at a time. */
static struct result through_pieces(const uint8_t *file, size_t size, enum source_form form, size_t piece,
                                    size_t step)
{
    struct result result = {.data = room(), .form = form};
    bool is_gzip = form == SOURCE_GZIP;
    struct inflate_gzip *gzip = is_gzip ? inflate_gzip_open() : NULL;
    struct inflate_zstd *zstd = is_gzip ? NULL : inflate_zstd_open();
    const char *reason = NULL;
    size_t at = 0;
    while (at < size && reason == NULL && result.size < OUT_MAX) {
        size_t part = piece < size - at ? piece : size - at;
        unsigned char *own = malloc(part);
        memcpy(own, file + at, part);
        struct inflate_io io = {.in = own, .in_size = part};
        do {
            size_t left = OUT_MAX - result.size;
            io.out = result.data + result.size;
            io.out_size = step < left ? step : left;
            size_t given = io.out_size;
            reason = is_gzip ? inflate_gzip_run(gzip, &io) : inflate_zstd_run(zstd, &io);
            result.size += given - io.out_size;
        } while (reason == NULL && io.out_size == 0 && result.size < OUT_MAX);
        CHECK(reason != NULL || result.size == OUT_MAX || io.in_size == 0);
        free(own);
        at += part;
    }
    if (reason == NULL && result.size < OUT_MAX)
        reason = is_gzip ? inflate_gzip_end(gzip) : inflate_zstd_end(zstd);
    snprintf(result.reason, sizeof result.reason, "%s", reason != NULL ? reason : "");
    inflate_gzip_close(gzip);
    inflate_zstd_close(zstd);
    return result;
}

static void same(const struct result *a, const struct result *b)
{
    CHECK(strcmp(a->reason, b->reason) == 0);
    if (a->reason[0] == '\0')
        CHECK(a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}

/* libzstd's own word on the whole file: where both take it, the same bytes. (About empty blocks and ones
 * larger than the window its call and its stream differ in what they take.) */
static void same_as_one_call(const uint8_t *file, size_t size, const struct result *result)
{
    unsigned char *data = room();
    static ZSTD_DCtx *context;
    if (context == NULL)
        context = ZSTD_createDCtx();
    size_t got = ZSTD_decompressDCtx(context, data, OUT_MAX, file, size);
    if (result->reason[0] == '\0' && !ZSTD_isError(got))
        CHECK(got == result->size && memcmp(data, result->data, got) == 0);
    big_free(data);
}

static struct result check(const uint8_t *file, size_t size, size_t piece, size_t step)
{
    struct result result = through_source(file, size, step * 100);
    if (result.form == SOURCE_PLAIN) {
        CHECK(result.reason[0] == '\0' && result.size == size &&
                (size == 0 || memcmp(result.data, file, size) == 0));
        return result;
    }
    if (result.size == OUT_MAX)
        return result;
    struct result again = through_pieces(file, size, result.form, piece, step);
    if (again.size < OUT_MAX) /* else cut before what is broken: small steps bring more of what is before that */
        same(&result, &again);
    big_free(again.data);
    if (result.form == SOURCE_ZSTD)
        same_as_one_call(file, size, &result);
    return result;
}

/* A member of `data`: all header fields that `flags` asks for; stored where `level` is even, else deflated by
 * ISA-L. */
static size_t pack_gzip(unsigned char *out, const uint8_t *data, size_t size, unsigned flags, unsigned level,
                        size_t *ret_head)
{
    size_t at = 0;
    flags &= 31;
    memcpy(out, (unsigned char[]){0x1f, 0x8b, 8, (unsigned char)flags, 0, 0, 0, 0, 0, 3}, 10);
    at += 10;
    if (flags & 4) {
        memcpy(out + at, "\3\0abc", 5);
        at += 5;
    }
    for (unsigned flag = 8; flag <= 16; flag *= 2) {
        if (flags & flag) {
            memcpy(out + at, "name", 5);
            at += 5;
        }
    }
    if (flags & 2) {
        uint32_t crc = crc32_gzip_refl(0, out, at);
        out[at++] = (unsigned char)crc;
        out[at++] = (unsigned char)(crc >> 8);
    }
    *ret_head = at;
    if (level % 2 == 0) {
        out[at++] = 1;
        out[at++] = (unsigned char)size;
        out[at++] = (unsigned char)(size >> 8);
        out[at++] = (unsigned char)~size;
        out[at++] = (unsigned char)~(size >> 8);
        memcpy(out + at, data, size);
        at += size;
    } else {
        struct isal_zstream stream;
        isal_deflate_stateless_init(&stream);
        stream.next_in = (uint8_t *)(uintptr_t)data;
        stream.avail_in = (uint32_t)size;
        stream.next_out = out + at;
        stream.avail_out = (uint32_t)size + 1024;
        stream.end_of_stream = 1;
        CHECK(isal_deflate_stateless(&stream) == COMP_OK);
        at += stream.total_out;
    }
    uint32_t trailer[2] = {crc32_gzip_refl(0, data, size), (uint32_t)size};
    memcpy(out + at, trailer, 8);
    return at + 8;
}

static size_t pack_zstd(unsigned char *out, size_t room_size, const uint8_t *data, size_t size,
                        unsigned level)
{
    static ZSTD_CCtx *context;
    if (context == NULL)
        context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, (int)(level % 5));
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, level & 1);
    size_t packed = ZSTD_compress2(context, out, room_size, data, size);
    CHECK(!ZSTD_isError(packed));
    return packed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    keep_big_blocks();
    if (size < 5 || size > 30000)
        return 0;
    unsigned kind = data[0] % 5, piece = 1u + data[1], step = data[2] < 64 ? 1u + data[2] : 64u * data[2],
             split = data[3], flip = data[4];
    data += 5;
    size -= 5;
    if (kind == 0) {
        big_free(check(data, size, piece, step).data);
        return 0;
    }
    /* Two members or frames, the second perhaps empty. */
    size_t first = size * split / 255, all = 0, head = 0, head_of_second, first_size,
           room_size = 2 * ZSTD_compressBound(size) + 4096;
    unsigned char *file = malloc(room_size);
    if (kind % 2) {
        first_size = all = pack_gzip(file, data, first, flip, split, &head);
        all += pack_gzip(file + all, data + first, size - first, split, flip, &head_of_second);
    } else {
        first_size = all = pack_zstd(file, room_size, data, first, split);
        all += pack_zstd(file + all, room_size - all, data + first, size - first, flip);
    }
    enum source_form form = kind % 2 ? SOURCE_GZIP : SOURCE_ZSTD;
    if (kind > 2) /* not in gzip's header, which may well be that of other data then */
        file[head + (split * 256u + flip) % (first_size - head)] ^= (unsigned char)(1u << piece % 8);
    struct result result = check(file, all, piece, step);
    if (kind <= 2)
        CHECK(result.reason[0] == '\0' && result.form == form);
    if (result.reason[0] == '\0' && result.form == form && result.size < OUT_MAX) /* flipped it may be a bomb */
        CHECK(result.size == size && (size == 0 || memcmp(result.data, data, size) == 0));
    big_free(result.data);
    free(file);
    return 0;
}
