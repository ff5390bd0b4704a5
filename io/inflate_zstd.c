/* inflate_zstd.c - zstd over libzstd's stream; see inflate.h.  A frame's first four bytes are gathered and looked at here,
 * so that garbage behind the last frame is told from a frame that is cut, and frames of zstd's old formats are not taken. */
#include "io/inflate.h"

#include "io/sys.h"

#include <stdbool.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#define WINDOW_LOG_MAX 27 /* 128 MiB: what a stranger's file may make us hold */

const char inflate_no_memory[] = "zstd: no memory for its window";

struct inflate_zstd {
    ZSTD_DCtx *context;
    unsigned char magic[4];
    unsigned magic_size; /* gathered so far; 4: inside a frame */
    bool any;            /* a frame has ended already */
};

struct inflate_zstd *inflate_zstd_open(void)
{
    struct inflate_zstd *zstd = sys.alloc(sizeof *zstd);
    if (zstd == NULL)
        return NULL;
    *zstd = (struct inflate_zstd){.context = ZSTD_createDCtx()};
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
        return "zstd: broken data";
    }
}

/* One step of the library; the frame may end by it. */
static const char *step(struct inflate_zstd *zstd, ZSTD_inBuffer *in, ZSTD_outBuffer *out)
{
    size_t result = ZSTD_decompressStream(zstd->context, out, in);
    if (ZSTD_isError(result))
        return reason_of(result);
    if (result == 0) {
        zstd->magic_size = 0;
        zstd->any = true;
    }
    return NULL;
}

/* The next bytes of a frame's first four; with the fourth they are looked at and given to the library. */
static const char *begin(struct inflate_zstd *zstd, struct inflate_io *io)
{
    while (zstd->magic_size < 4 && io->in_size > 0) {
        zstd->magic[zstd->magic_size++] = *io->in++;
        io->in_size--;
    }
    if (zstd->magic_size < 4)
        return NULL;
    const unsigned char *magic = zstd->magic;
    bool frame = memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0;
    bool skippable = (magic[0] & 0xf0) == 0x50 && memcmp(magic + 1, "\x2a\x4d\x18", 3) == 0;
    if (!frame && !skippable)
        return zstd->any ? "zstd: garbage after the last frame" : "zstd: broken data";
    ZSTD_inBuffer in = {magic, 4, 0};
    while (in.pos < in.size) {
        ZSTD_outBuffer out = {io->out, io->out_size, 0}; /* a header alone makes no output */
        const char *reason = step(zstd, &in, &out);
        if (reason != NULL)
            return reason;
    }
    return NULL;
}

const char *inflate_zstd_run(struct inflate_zstd *zstd, struct inflate_io *io)
{
    while (io->out_size > 0) {
        if (zstd->magic_size < 4) {
            const char *reason = begin(zstd, io);
            if (reason != NULL || zstd->magic_size < 4)
                return reason;
        }
        ZSTD_inBuffer in = {io->in, io->in_size, 0};
        ZSTD_outBuffer out = {io->out, io->out_size, 0};
        const char *reason = step(zstd, &in, &out);
        io->in += in.pos;
        io->in_size -= in.pos;
        io->out += out.pos;
        io->out_size -= out.pos;
        if (reason != NULL || (in.pos == 0 && out.pos == 0 && zstd->magic_size == 4))
            return reason; /* starved */
    }
    return NULL;
}

const char *inflate_zstd_end(const struct inflate_zstd *zstd)
{
    if (zstd->magic_size == 0 && zstd->any)
        return NULL;
    return zstd->any && zstd->magic_size < 4 ? "zstd: garbage after the last frame" : "zstd: cut short";
}
