/* inflate_gzip.c - gzip (RFC 1952) over ISA-L's inflate; see inflate.h.
 *
 * Member headers are read here, a byte at a time: ISA-L 2.30's isal_inflate forgets a header's flags where
 * the input is cut inside one, and does not go from member to member. It does the deflate data and the
 * trailer (ISAL_GZIP_NO_HDR_VER: CRC and size are compared); in that mode what it reads ahead is never more
 * than the 8 bytes of the trailer. */
#include "io/inflate.h"

#include "engine/sys/sys.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STEP_MAX ((size_t)1 << 30) /* ISA-L counts in 32 bits, and goes wrong near the end of them */

enum { FLAG_HCRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xe0 };

enum part {
    MAGIC1,
    MAGIC2,
    METHOD,
    FLAGS,
    FIXED,
    EXTRA_SIZE1,
    EXTRA_SIZE2,
    EXTRA,
    NAME,
    COMMENT,
    HCRC1,
    HCRC2,
    DATA
};

struct inflate_gzip {
    enum part part;    /* MAGIC1: between members */
    bool any;          /* a member has ended already */
    unsigned flags;    /* of the header in work; a field's flag is struck when it is through */
    unsigned left;     /* bytes left of FIXED or EXTRA */
    uint32_t crc;      /* of the header so far */
    uint32_t crc_kept; /* the same, as it was before the field that tells it */
    unsigned stalls;   /* calls in a row that moved nothing though they could */
    struct inflate_state state;
};

static const char *header_byte(struct inflate_gzip *gzip, unsigned char byte);
static const char *data(struct inflate_gzip *gzip, struct inflate_io *io, bool *ret_starved);

struct inflate_gzip *inflate_gzip_open(void)
{
    struct inflate_gzip *gzip = sys.alloc(sizeof *gzip);
    if (gzip == NULL)
        return NULL;
    gzip->part = MAGIC1;
    gzip->any = false;
    gzip->stalls = 0;
    isal_inflate_init(&gzip->state);
    return gzip;
}

void inflate_gzip_close(struct inflate_gzip *gzip)
{
    sys.free(gzip);
}

const char *inflate_gzip_run(struct inflate_gzip *gzip, struct inflate_io *io)
{
    while (io->out_size > 0) {
        if (gzip->part == DATA) {
            bool starved;
            const char *reason = data(gzip, io, &starved);
            if (reason != NULL || starved)
                return reason;
            continue;
        }
        if (io->in_size == 0)
            return NULL;
        const char *reason = header_byte(gzip, *io->in);
        if (reason != NULL)
            return reason;
        io->in++;
        io->in_size--;
    }
    return NULL;
}

const char *inflate_gzip_end(const struct inflate_gzip *gzip)
{
    return gzip->part == MAGIC1 && gzip->any ? NULL : "gzip: cut short";
}

/* The optional field that comes after those that are through, or the data. */
static enum part part_of_flags(struct inflate_gzip *gzip)
{
    if (gzip->flags & FLAG_EXTRA)
        return EXTRA_SIZE1;
    if (gzip->flags & FLAG_NAME)
        return NAME;
    if (gzip->flags & FLAG_COMMENT)
        return COMMENT;
    if (gzip->flags & FLAG_HCRC)
        return HCRC1;
    isal_inflate_reset(&gzip->state);
    gzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
    return DATA;
}

/* The part that flag `done` announced (0: the fixed one) has ended. */
static void next_part(struct inflate_gzip *gzip, unsigned done)
{
    gzip->flags &= ~done;
    gzip->part = part_of_flags(gzip);
}

static const char *header_byte(struct inflate_gzip *gzip, unsigned char byte)
{
    static const char BROKEN[] = "gzip: broken header", GARBAGE[] = "gzip: garbage after the last member";
    if (gzip->part == MAGIC1)
        gzip->crc = 0;
    uint32_t crc_before = gzip->crc;
    gzip->crc = crc32_gzip_refl(gzip->crc, &byte, 1);
    switch (gzip->part) {
    case MAGIC1:
    case MAGIC2:
        if (byte != (gzip->part == MAGIC1 ? 0x1f : 0x8b))
            return gzip->any ? GARBAGE : BROKEN;
        gzip->part++;
        break;
    case METHOD:
        if (byte != 8)
            return BROKEN;
        gzip->part = FLAGS;
        break;
    case FLAGS:
        if (byte & FLAGS_RESERVED)
            return BROKEN;
        gzip->flags = byte;
        gzip->left = 6; /* time, extra flags, system */
        gzip->part = FIXED;
        break;
    case EXTRA_SIZE1:
        gzip->left = byte;
        gzip->part = EXTRA_SIZE2;
        break;
    case EXTRA_SIZE2:
        gzip->left |= (unsigned)byte << 8;
        gzip->part = EXTRA;
        if (gzip->left == 0)
            next_part(gzip, FLAG_EXTRA);
        break;
    case FIXED:
    case EXTRA:
        if (--gzip->left == 0)
            next_part(gzip, gzip->part == EXTRA ? FLAG_EXTRA : 0);
        break;
    case NAME:
    case COMMENT:
        if (byte == 0)
            next_part(gzip, gzip->part == NAME ? FLAG_NAME : FLAG_COMMENT);
        break;
    case HCRC1:
        gzip->crc_kept = crc_before;
        if (byte != (crc_before & 0xff))
            return BROKEN;
        gzip->part = HCRC2;
        break;
    case HCRC2:
        if (byte != (gzip->crc_kept >> 8 & 0xff))
            return BROKEN;
        next_part(gzip, FLAG_HCRC);
        break;
    case DATA:
        break;
    }
    return NULL;
}

/* Deflate data and the trailer. Starved: all input is used, and nothing more comes of it. */
static const char *data(struct inflate_gzip *gzip, struct inflate_io *io, bool *ret_starved)
{
    struct inflate_state *state = &gzip->state;
    uint32_t in_size = (uint32_t)(io->in_size < STEP_MAX ? io->in_size : STEP_MAX);
    uint32_t out_size = (uint32_t)(io->out_size < STEP_MAX ? io->out_size : STEP_MAX);
    state->next_in = (uint8_t *)(uintptr_t)io->in; /* ISA-L only reads it */
    state->avail_in = in_size;
    state->next_out = io->out;
    state->avail_out = out_size;
    int result = isal_inflate(state);
    bool moved = in_size != state->avail_in || out_size != state->avail_out;
    io->in += in_size - state->avail_in;
    io->in_size -= in_size - state->avail_in;
    io->out += out_size - state->avail_out;
    io->out_size -= out_size - state->avail_out;
    *ret_starved = false;
    if (result == ISAL_INCORRECT_CHECKSUM)
        return "gzip: the checksum is wrong";
    if (result < 0)
        return "gzip: broken data";
    if (state->block_state == ISAL_BLOCK_FINISH) {
        gzip->part = MAGIC1;
        gzip->any = true;
        moved = true;
    }
    *ret_starved = !moved && io->in_size == 0;
    gzip->stalls = moved || *ret_starved ? 0 : gzip->stalls + 1;
    return gzip->stalls < 8 ? NULL : "gzip: broken data"; /* never seen; but no file may keep us for ever */
}
