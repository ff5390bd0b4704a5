/* packed.h - gzip and zstd made for test_source.c and test_inflate.c. */
#ifndef TESTS_UNIT_PACKED_H
#define TESTS_UNIT_PACKED_H

#include <criterion/criterion.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct bytes {
    unsigned char *data;
    size_t size, capacity;
};

static inline void add(struct bytes *bytes, const void *data, size_t size)
{
    if (bytes->size + size >= bytes->capacity) {
        bytes->capacity = 2 * (bytes->size + size) + 64;
        bytes->data = realloc(bytes->data, bytes->capacity);
    }
    if (size > 0)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

/* Rows that look like messages, the same for a size. */
static inline struct bytes rows(size_t size)
{
    struct bytes bytes = {0};
    add(&bytes, "", 0);
    uint32_t state = 7;
    while (bytes.size < size) {
        char row[96];
        state = state * 1664525 + 1013904223;
        int length =
            snprintf(row, sizeof row, "kcell,%08x,2026-11-21T00:00:%02u+05:00,7701%07u,1414,R 1 %u\n", state,
                     state % 60, state % 10000000, state % 9);
        add(&bytes, row, (size_t)length);
    }
    bytes.size = size;
    return bytes;
}

/* ---- gzip and zstd to be read ---- */

enum { FLAG_TEXT = 1, FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16 };

static inline void add_gzip(struct bytes *bytes, const void *data, size_t size, unsigned flags)
{
    struct bytes head = {0};
    add(&head, (unsigned char[]){0x1f, 0x8b, 8, (unsigned char)flags, 1, 2, 3, 4, 0, 3}, 10);
    if (flags & FLAG_EXTRA)
        add(&head, "\5\0extra", 7);
    if (flags & FLAG_NAME)
        add(&head, "name", 5);
    if (flags & FLAG_COMMENT)
        add(&head, "a comment", 10);
    uint32_t crc = crc32_gzip_refl(0, head.data, head.size);
    if (flags & FLAG_HCRC)
        add(&head, &(uint16_t){(uint16_t)crc}, 2);
    add(bytes, head.data, head.size);
    free(head.data);

    struct isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    unsigned char *out = malloc(size + 1024);
    stream.next_in = (uint8_t *)(uintptr_t)data;
    stream.avail_in = (uint32_t)size;
    stream.next_out = out;
    stream.avail_out = (uint32_t)size + 1024;
    stream.end_of_stream = 1;
    cr_assert_eq(isal_deflate_stateless(&stream), COMP_OK);
    add(bytes, out, stream.total_out);
    free(out);
    add(bytes, &(uint32_t){crc32_gzip_refl(0, data, size)}, 4);
    add(bytes, &(uint32_t){(uint32_t)size}, 4);
}

static inline void add_zstd(struct bytes *bytes, const void *data, size_t size, int window_log)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, window_log == 0);
    size_t bound = ZSTD_compressBound(size);
    unsigned char *out = malloc(bound);
    size_t packed = ZSTD_compress2(context, out, bound, data, size);
    cr_assert(!ZSTD_isError(packed));
    add(bytes, out, packed);
    free(out);
    ZSTD_freeCCtx(context);
}

#define SKIPPABLE "\x5a\x2a\x4d\x18\4\0\0\0skip"
#define EMPTY_SKIPPABLE "\x50\x2a\x4d\x18\0\0\0"

#endif
