/* inflate_zstd.c - zstd over libzstd's stream; see inflate.h.
 *
 * A frame's header is gathered and looked at here before the library gets it: so garbage behind the last
 * frame is told from a frame that is cut, frames of zstd's old formats are not taken, and the size that a
 * header tells is always compared (the library's stream forgets to where the last block is empty). */
#include "io/inflate.h"

#include "engine/sys/sys.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#define ZSTD_STATIC_LINKING_ONLY /* custom memory: a stranger's window is to be on the account of engine/sys/large.h */
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 27 /* 128 MiB: what a stranger's file may make us hold */
#define MAGIC_SIZE 4u
#define HEADER_MAX 18u

const char inflate_no_memory[] = "zstd: no memory for its window";

static const char BROKEN[] = "zstd: broken data", GARBAGE[] = "zstd: garbage after the last frame";

struct inflate_zstd {
    ZSTD_DCtx *context;
    unsigned char header[HEADER_MAX];
    unsigned gathered; /* bytes of the header; 0: between frames */
    bool inside;       /* the library has the header */
    bool any;          /* a frame has ended already */
    uint64_t told;     /* the frame's size as its header has it, or ZSTD_CONTENTSIZE_UNKNOWN */
    uint64_t made;
};

static const char *begin(struct inflate_zstd *zstd, struct inflate_io *io);
static const char *step(struct inflate_zstd *zstd, ZSTD_inBuffer *in, ZSTD_outBuffer *out);

static void *take(void *nobody, size_t size)
{
    (void)nobody;
    return sys.alloc(size);
}

static void give(void *nobody, void *block)
{
    (void)nobody;
    sys.free(block);
}

struct inflate_zstd *inflate_zstd_open(void)
{
    struct inflate_zstd *zstd = sys.alloc(sizeof *zstd);
    if (zstd == NULL)
        return NULL;
    *zstd = (struct inflate_zstd){.context = ZSTD_createDCtx_advanced((ZSTD_customMem){take, give, NULL})};
    if (zstd->context == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        inflate_zstd_close(zstd);
        return NULL;
    }
    return zstd;
}

void inflate_zstd_close(struct inflate_zstd *zstd)
{
    if (zstd == NULL)
        return;
    (void)ZSTD_freeDCtx(zstd->context);
    sys.free(zstd);
}

const char *inflate_zstd_run(struct inflate_zstd *zstd, struct inflate_io *io)
{
    while (io->out_size > 0) {
        if (!zstd->inside) {
            const char *reason = begin(zstd, io);
            if (reason != NULL || !zstd->inside)
                return reason;
        }
        ZSTD_inBuffer in = {io->in, io->in_size, 0};
        ZSTD_outBuffer out = {io->out, io->out_size, 0};
        const char *reason = step(zstd, &in, &out);
        io->in += in.pos;
        io->in_size -= in.pos;
        io->out += out.pos;
        io->out_size -= out.pos;
        if (reason != NULL || (in.pos == 0 && out.pos == 0 && zstd->inside))
            return reason; /* starved */
    }
    return NULL;
}

const char *inflate_zstd_end(const struct inflate_zstd *zstd)
{
    if (zstd->gathered == 0 && zstd->any)
        return NULL;
    return zstd->any && zstd->gathered < MAGIC_SIZE ? GARBAGE : "zstd: cut short";
}

/* ---- headers (RFC 8878, 3.1.1) ---- */

static bool is_frame(const unsigned char *magic)
{
    return memcmp(magic, "\x28\xb5\x2f\xfd", MAGIC_SIZE) == 0;
}

static bool is_skippable(const unsigned char *magic)
{
    return (magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, "\x2a\x4d\x18", 3) == 0;
}

/* How many bytes of the header are wanted, as far as the gathered ones tell. */
static unsigned wanted(const struct inflate_zstd *zstd)
{
    static const unsigned ID_SIZE[4] = {0, 1, 2, 4}, TOLD_SIZE[4] = {0, 2, 4, 8};
    if (zstd->gathered < MAGIC_SIZE || !is_frame(zstd->header))
        return MAGIC_SIZE;
    if (zstd->gathered == MAGIC_SIZE)
        return MAGIC_SIZE + 1;
    unsigned descriptor = zstd->header[MAGIC_SIZE];
    bool single = descriptor >> 5 & 1; /* a segment: no window is told, but always a size */
    unsigned told = TOLD_SIZE[descriptor >> 6] + (single && descriptor >> 6 == 0);
    return MAGIC_SIZE + 1 + !single + ID_SIZE[descriptor & 3] + told;
}

/* The next bytes of a header; when it is whole the library gets it. */
static const char *begin(struct inflate_zstd *zstd, struct inflate_io *io)
{
    while (zstd->gathered < wanted(zstd)) {
        if (io->in_size == 0)
            return NULL;
        zstd->header[zstd->gathered++] = *io->in++;
        io->in_size--;
        if (zstd->gathered == MAGIC_SIZE && !is_frame(zstd->header) && !is_skippable(zstd->header))
            return zstd->any ? GARBAGE : BROKEN;
    }
    zstd->inside = true;
    zstd->made = 0;
    zstd->told = ZSTD_CONTENTSIZE_UNKNOWN;
    if (is_frame(zstd->header))
        zstd->told = ZSTD_getFrameContentSize(zstd->header, zstd->gathered);
    ZSTD_inBuffer in = {zstd->header, zstd->gathered, 0};
    while (in.pos < in.size) {
        ZSTD_outBuffer out = {io->out, 0, 0}; /* a header alone makes no output */
        const char *reason = step(zstd, &in, &out);
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

/* ---- the library ---- */

static const char *reason_of(size_t result)
{
    switch ((int)ZSTD_getErrorCode(result)) {
    case ZSTD_error_checksum_wrong:
        return "zstd: the checksum is wrong";
    case ZSTD_error_frameParameter_windowTooLarge:
        return "zstd: needs a window of more than 128 MiB";
    case ZSTD_error_dictionary_wrong:
        return "zstd: needs a dictionary";
    case ZSTD_error_memory_allocation:
        return inflate_no_memory;
    default:
        return BROKEN;
    }
}

/* One step; the frame may end by it. */
static const char *step(struct inflate_zstd *zstd, ZSTD_inBuffer *in, ZSTD_outBuffer *out)
{
    size_t result = ZSTD_decompressStream(zstd->context, out, in);
    if (ZSTD_isError(result))
        return reason_of(result);
    zstd->made += out->pos;
    if (result != 0)
        return NULL;
    if (zstd->told != ZSTD_CONTENTSIZE_UNKNOWN && zstd->told != zstd->made)
        return BROKEN;
    zstd->gathered = 0;
    zstd->inside = false;
    zstd->any = true;
    return NULL;
}
