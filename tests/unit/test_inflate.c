/* test_inflate.c - the decompressors by themselves: members and frames cut at any byte, and every bit
 * flipped. */
#include "io/inflate.h"

#include "packed.h"

#include <stdbool.h>

struct codec {
    void *stream;
    bool gzip;
};

static const char *codec_run(struct codec codec, struct inflate_io *io)
{
    return codec.gzip ? inflate_gzip_run(codec.stream, io) : inflate_zstd_run(codec.stream, io);
}

/* Feeds packed[0..end) in pieces that end at `cut`, then every `step` bytes, room for `room` bytes at a time.
 */
static const char *feed(bool gzip, const struct bytes *packed, size_t end, size_t cut, size_t step,
                        size_t room, struct bytes *out)
{
    struct codec codec = {.gzip = gzip};
    codec.stream = gzip ? (void *)inflate_gzip_open() : (void *)inflate_zstd_open();
    const char *reason = NULL;
    unsigned char *buffer = malloc(room);
    for (size_t at = 0; at < end && reason == NULL;) {
        size_t size = at < cut ? cut - at : step;
        size = size < end - at ? size : end - at;
        unsigned char *piece = malloc(size);
        memcpy(piece, packed->data + at, size);
        struct inflate_io io = {.in = piece, .in_size = size};
        do {
            io.out = buffer;
            io.out_size = room;
            reason = codec_run(codec, &io);
            add(out, buffer, room - io.out_size);
        } while (reason == NULL && io.out_size == 0);
        cr_expect(reason != NULL || io.in_size == 0);
        free(piece);
        at += size;
    }
    if (reason == NULL)
        reason = gzip ? inflate_gzip_end(codec.stream) : inflate_zstd_end(codec.stream);
    free(buffer);
    if (gzip)
        inflate_gzip_close(codec.stream);
    else
        inflate_zstd_close(codec.stream);
    return reason;
}

static void cut_everywhere(bool gzip, const struct bytes *packed, const struct bytes *plain)
{
    for (size_t cut = 1; cut <= packed->size; cut++) {
        for (unsigned way = 0; way < 4; way++) {
            size_t step = way & 1 ? 1 : packed->size, room = way & 2 ? 1 : plain->size + 1;
            if (way == 3)
                room = 1 + cut % 40;
            struct bytes out = {0};
            const char *reason = feed(gzip, packed, packed->size, cut, step, room, &out);
            cr_assert_null(reason, "cut %zu, way %u: %s", cut, way, reason);
            cr_assert(out.size == plain->size && memcmp(out.data, plain->data, out.size) == 0);
            free(out.data);
        }
    }
}

Test(inflate, gzip_cut_everywhere)
{
    static const unsigned FLAGS[] = {
        0, FLAG_HCRC, FLAG_TEXT | FLAG_EXTRA | FLAG_NAME | FLAG_COMMENT | FLAG_HCRC, FLAG_NAME};
    struct bytes part = rows(300), plain = {0}, packed = {0};
    for (unsigned i = 0; i < 4; i++) {
        size_t size = i == 1 ? 0 : part.size - i;
        add_gzip(&packed, part.data, size, FLAGS[i]);
        add(&plain, part.data, size);
    }
    add_gzip(&packed, "", 0, 0);
    cut_everywhere(true, &packed, &plain);
    free(part.data);
    free(plain.data);
    free(packed.data);
}

Test(inflate, zstd_cut_everywhere)
{
    struct bytes part = rows(900), plain = {0}, packed = {0};
    add(&packed, EMPTY_SKIPPABLE, 8);
    add_zstd(&packed, part.data, part.size, 0);
    add(&packed, SKIPPABLE, 12);
    add_zstd(&packed, "", 0, 0);
    add_zstd(&packed, part.data, part.size, 10);
    add(&packed, EMPTY_SKIPPABLE, 8);
    add(&packed, SKIPPABLE, 12);
    add(&plain, part.data, part.size);
    add(&plain, part.data, part.size);
    cut_everywhere(false, &packed, &plain);
    free(part.data);
    free(plain.data);
    free(packed.data);
}

/* No flip of a byte gives other text than was packed: a fault, or (in what nobody reads) the same. */
static void flip_everywhere(bool gzip, const struct bytes *packed, const struct bytes *plain)
{
    for (size_t i = 0; i < packed->size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            packed->data[i] ^= (unsigned char)(1u << bit);
            struct bytes out = {0};
            const char *reason = feed(gzip, packed, packed->size, 50, 50, 1000, &out);
            if (reason == NULL)
                cr_expect(out.size == plain->size && memcmp(out.data, plain->data, out.size) == 0, "%zu %u",
                          i, bit);
            free(out.data);
            packed->data[i] ^= (unsigned char)(1u << bit);
        }
    }
}

Test(inflate, flips)
{
    struct bytes plain = rows(2000), gzip = {0}, zstd = {0};
    add_gzip(&gzip, plain.data, plain.size, FLAG_EXTRA | FLAG_NAME | FLAG_HCRC);
    add_zstd(&zstd, plain.data, plain.size, 0);
    flip_everywhere(true, &gzip, &plain);
    flip_everywhere(false, &zstd, &plain);
    free(plain.data);
    free(gzip.data);
    free(zstd.data);
}
