/* source.c - see source.h.  Pieces of the file are read ahead into a few buffers, in turn; a piece is hashed
 * when it comes and stays until the decompressor has used it up.
 *
 *   file   |  piece 0  |  piece 1  |  piece 2  |  piece 3  |  piece 4 …
 *                ^ current    in flight on the ring  ->
 *
 * Piece n lies in buffer n % buffer_count.
 * A small file has one buffer of its own size: 100,000 of them must be cheap. Just the bytes that fstat told
 * are read; a file that changes meanwhile is refused, for its bytes would be neither the old nor the new
 * ones. */
#include "io/source.h"

#include "engine/sys/hash.h"
#include "engine/sys/sys.h"
#include "io/inflate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define PIECE_SIZE ((size_t)256 << 10) /* larger ones fall out of L2 between the kernel's copy and ours */
#define BUFFERS_MAX 4u

struct source {
    XXH3_state_t *hash;
    const char *name;
    struct ring *ring;
    int fd;
    enum source_form form;
    bool failed, finished;
    struct stat stat; /* as it was when we began */

    size_t piece_size;
    unsigned buffer_count;
    uint64_t piece_count;
    uint64_t asked, taken; /* pieces queued on the ring; pieces that came and were hashed */
    struct ring_slot slots[BUFFERS_MAX];

    struct inflate_io io; /* in: what is left of the current piece */
    struct inflate_gzip *gzip;
    struct inflate_zstd *zstd;
    unsigned char buffers[];
};

static struct source *make(struct ring *ring, const char *name, int fd, const struct stat *stat);
static int begin(struct source *source, struct fault *fault);
static int refuse(const char *name, int error, const char *doing, struct fault *fault);
static int next_piece(struct source *source, struct fault *fault);
static int check_unchanged(const struct source *source, struct fault *fault);
static int read_failed(const struct source *source, int error, struct fault *fault);

int source_open(struct source **ret_source, struct ring *ring, const char *name, struct fault *fault)
{
    struct stat stat;
    if (sys.stat(AT_FDCWD, name, &stat, 0) != 0) /* before open, which would wait for the writer of a pipe */
        return refuse(name, errno, "open", fault);
    if (!S_ISREG(stat.st_mode))
        return fault_add(fault, FAULT_INPUT, "%s: not a plain file", name);
    int fd = sys.open(AT_FDCWD, name, O_RDONLY | O_NOCTTY, 0);
    if (fd < 0)
        return refuse(name, errno, "open", fault);
    struct source *source = NULL;
    if (sys.fstat(fd, &stat) != 0)
        (void)fault_errno(fault, errno, "%s: read", name);
    else if (!S_ISREG(stat.st_mode))
        (void)fault_add(fault, FAULT_INPUT, "%s: not a plain file", name);
    else if ((source = make(ring, name, fd, &stat)) == NULL)
        (void)fault_errno(fault, ENOMEM, "%s: read", name);
    if (source == NULL) {
        (void)sys.close(fd);
        return -1;
    }
    if (begin(source, fault) != 0) {
        source_close(source);
        return -1;
    }
    *ret_source = source;
    return 0;
}

const char *source_foreign(const char *bytes, size_t size)
{
#define WORDS(what) "is " what ": besik reads plain files, gzip and zstd"
    static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
    } KNOWN[] = {{"\xff\xfe\0\0", 4, "is UTF-32: a profile with encoding = UTF-32 reads it"},
                 {"\xff\xfe", 2, "is UTF-16: a profile with encoding = UTF-16 reads it"},
                 {"\xfe\xff", 2, "is UTF-16: a profile with encoding = UTF-16 reads it"},
                 {"\xfd" "7zXZ", 5, WORDS("packed by xz")},
                 {"BZh", 3, WORDS("packed by bzip2")},
                 {"PK\3\4", 4, WORDS("a zip archive, or a workbook")},
                 {"7z\xbc\xaf\x27\x1c", 6, WORDS("a 7z archive")},
                 {"Rar!", 4, WORDS("a RAR archive")},
                 {"\x1f\x9d", 2, WORDS("packed by compress")},
                 {"\x1f\x8b", 2, WORDS("packed twice")},
                 {"\x28\xb5\x2f\xfd", 4, WORDS("packed twice")},
                 {"\x04\x22\x4d\x18", 4, WORDS("packed by lz4")},
                 {"x\x01", 2, WORDS("a zlib stream")},
                 {"x\x5e", 2, WORDS("a zlib stream")},
                 {"x\x9c", 2, WORDS("a zlib stream")},
                 {"x\xda", 2, WORDS("a zlib stream")},
                 {"\xd0\xcf\x11\xe0", 4, WORDS("a workbook")},
                 {"%PDF", 4, WORDS("PDF")}};
#undef WORDS
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++)
        if (size >= KNOWN[i].size && memcmp(bytes, KNOWN[i].bytes, KNOWN[i].size) == 0)
            return KNOWN[i].reason;
    return NULL;
}

enum source_form source_form(const struct source *source)
{
    return source->form;
}

uint64_t source_bytes(const struct source *source)
{
    return (uint64_t)source->stat.st_size;
}

uint64_t source_position(const struct source *source)
{
    uint64_t position = source->taken * source->piece_size;
    return position < (uint64_t)source->stat.st_size ? position : (uint64_t)source->stat.st_size;
}

XXH128_hash_t source_hash(const struct source *source)
{
    return XXH3_128bits_digest(source->hash);
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    bool idle = true;
    for (unsigned i = 0; i < source->buffer_count; i++)
        while (idle && source->slots[i].in_flight)
            idle = ring_settle(source->ring) == 0;
    inflate_gzip_close(source->gzip);
    inflate_zstd_close(source->zstd);
    (void)sys.close(source->fd);
    (void)XXH3_freeState(source->hash);
    if (idle) /* else the kernel may still write into its buffers */
        sys.free(source);
}

/* What the people who gave the file can mend is FAULT_INPUT. */
static int refuse(const char *name, int error, const char *doing, struct fault *fault)
{
    return fault_of_path(error) ? fault_add(fault, FAULT_INPUT, "%s: %s", name, error == ENOENT ? "no such file or folder" : strerror(error))
                                : fault_errno(fault, error, "%s: %s", name, doing);
}

static struct source *make(struct ring *ring, const char *name, int fd, const struct stat *stat)
{
    size_t size = (size_t)stat->st_size;
    size_t piece_size = size < PIECE_SIZE ? size : PIECE_SIZE;
    uint64_t piece_count = size == 0 ? 0 : (size - 1) / piece_size + 1;
    unsigned buffer_count = piece_count < BUFFERS_MAX ? (unsigned)piece_count : BUFFERS_MAX;
    struct source *source = sys.alloc(sizeof *source + buffer_count * piece_size);
    if (source == NULL)
        return NULL;
    memset(source, 0, sizeof *source);
    source->hash = XXH3_createState();
    if (source->hash == NULL) {
        sys.free(source);
        return NULL;
    }
    source->name = name;
    source->ring = ring;
    source->fd = fd;
    source->stat = *stat;
    source->piece_size = piece_size;
    source->buffer_count = buffer_count;
    source->piece_count = piece_count;
    return source;
}

/* Takes the first piece and tells by it what the file is. */
static int begin(struct source *source, struct fault *fault)
{
    (void)XXH3_128bits_reset(source->hash);
    if (source->piece_count > source->buffer_count)
        (void)posix_fadvise(source->fd, 0, 0,
                            POSIX_FADV_SEQUENTIAL); /* a hint; read-ahead of the kernel's own grows */
    if (source->piece_count == 0)
        return 0;
    if (next_piece(source, fault) != 0)
        return -1;
    const unsigned char *in = source->io.in;
    size_t size = source->io.in_size;
    bool made = true;
    if (size >= 2 && in[0] == 0x1f && in[1] == 0x8b) {
        source->form = SOURCE_GZIP;
        made = (source->gzip = inflate_gzip_open()) != NULL;
    } else if (size >= 4 && (memcmp(in, "\x28\xb5\x2f\xfd", 4) == 0 ||
                             ((in[0] & 0xf0) == 0x50 && memcmp(in + 1, "\x2a\x4d\x18", 3) == 0))) {
        source->form = SOURCE_ZSTD;
        made = (source->zstd = inflate_zstd_open()) != NULL;
    }
    return made ? 0 : fault_errno(fault, ENOMEM, "%s: read", source->name);
}

/* ---- reading ---- */

static const char *run(struct source *source)
{
    struct inflate_io *io = &source->io;
    if (source->form == SOURCE_GZIP)
        return inflate_gzip_run(source->gzip, io);
    if (source->form == SOURCE_ZSTD)
        return inflate_zstd_run(source->zstd, io);
    size_t size = io->in_size < io->out_size ? io->in_size : io->out_size;
    if (size == 0) /* an empty file has no piece to point into */
        return NULL;
    memcpy(io->out, io->in, size);
    io->in += size;
    io->in_size -= size;
    io->out += size;
    io->out_size -= size;
    return NULL;
}

static const char *end(const struct source *source)
{
    if (source->form == SOURCE_GZIP)
        return inflate_gzip_end(source->gzip);
    return source->form == SOURCE_ZSTD ? inflate_zstd_end(source->zstd) : NULL;
}

ssize_t source_read(struct source *source, void *buffer, size_t size, struct fault *fault)
{
    if (source->failed)
        return -1;
    source->io.out = buffer;
    source->io.out_size = size;
    const char *reason = NULL;
    while (source->io.out_size > 0 && !source->finished) {
        reason = run(source);
        if (reason != NULL || source->io.out_size == 0)
            break;
        if (source->taken < source->piece_count) {
            source->failed = next_piece(source, fault) != 0;
        } else if ((reason = end(source)) == NULL) {
            source->finished = true;
            source->failed = check_unchanged(source, fault) != 0;
        }
        if (reason != NULL || source->failed)
            break;
    }
    if (reason != NULL) {
        source->failed = true;
        if (reason == inflate_no_memory)
            return read_failed(source, ENOMEM, fault);
        (void)fault_add(fault, FAULT_INPUT, "%s: %s", source->name, reason);
    }
    return source->failed ? -1 : (ssize_t)(size - source->io.out_size);
}

static size_t piece_size_of(const struct source *source, uint64_t piece)
{
    uint64_t left = (uint64_t)source->stat.st_size - piece * source->piece_size;
    return left < source->piece_size ? (size_t)left : source->piece_size;
}

static unsigned char *piece_buffer(struct source *source, uint64_t piece)
{
    return source->buffers + piece % source->buffer_count * source->piece_size;
}

static int read_failed(const struct source *source, int error, struct fault *fault)
{
    return fault_errno(fault, error, "%s: read", source->name);
}

/* Queues reads of the pieces before `until` that are not asked for yet. */
static int ask(struct source *source, uint64_t until, struct fault *fault)
{
    while (source->asked < source->piece_count && source->asked < until) {
        uint64_t piece = source->asked;
        struct ring_slot *slot = &source->slots[piece % source->buffer_count];
        int error =
            ring_read(source->ring, source->fd, piece_buffer(source, piece), piece_size_of(source, piece),
                      (off_t)(piece * source->piece_size), RING_TAG(slot));
        if (error == 0) {
            *slot = (struct ring_slot){.in_flight = true};
            source->asked++;
        } else if (error == -EAGAIN) { /* full of others' work: make room */
            error = ring_settle(source->ring);
        }
        if (error != 0)
            return read_failed(source, error, fault);
    }
    return 0;
}

/* Lets the current piece go, keeps the ring busy, and takes the next piece. */
static int next_piece(struct source *source, struct fault *fault)
{
    if (ask(source, source->taken + source->buffer_count, fault) != 0)
        return -1;
    uint64_t piece = source->taken;
    struct ring_slot *slot = &source->slots[piece % source->buffer_count];
    while (slot->in_flight) {
        int error = ring_settle(source->ring);
        if (error != 0)
            return read_failed(source, error, fault);
    }
    if (slot->result < 0)
        return read_failed(source, (int)slot->result, fault);
    size_t size = piece_size_of(source, piece);
    if ((size_t)slot->result < size)
        return fault_add(fault, FAULT_INPUT, "%s: became shorter while it was read", source->name);
    source->io.in = piece_buffer(source, piece);
    source->io.in_size = size;
    (void)XXH3_128bits_update(source->hash, source->io.in, size);
    source->taken++;
    return 0;
}

static int check_unchanged(const struct source *source, struct fault *fault)
{
    struct stat now;
    if (sys.fstat(source->fd, &now) != 0)
        return read_failed(source, errno, fault);
    const struct stat *then = &source->stat;
    if (now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == then->st_mtim.tv_nsec)
        return 0;
    return fault_add(fault, FAULT_INPUT, "%s: changed while it was read", source->name);
}
