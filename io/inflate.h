/* inflate.h - gzip and zstd as streams of bytes to bytes: any number of members or frames, all checksums
 * checked. Room: io; only source.c and tests use it.  No I/O.  Only inflate_gzip.c includes ISA-L, only
 * inflate_zstd.c zstd. Reasons are literals for people: "gzip: cut short".  Thread: one at a time.
 * Source: RFC 1952 (gzip), RFC 8878 (zstd); a zstd window of more than 128 MiB is refused. */
#ifndef IO_INFLATE_H
#define IO_INFLATE_H

#include <stddef.h>

/* What is left of the present piece of input and of the room for output; both are moved on. */
struct inflate_io {
    const unsigned char *in;
    size_t in_size;
    unsigned char *out;
    size_t out_size;
};

extern const char inflate_no_memory[]; /* the one reason that is not the file's fault */

struct inflate_gzip;
struct inflate_zstd;

/* _run goes on until no output room is left, or the input is used up and nothing is pending. Returns NULL or
 * the reason why the file is broken. A piece of input must stay where it is until a call came back with
 * output room left: only then may `in` be set to the next one. _end, after such a call and no more input:
 * NULL where a member or frame has just ended, else the reason. */
struct inflate_gzip *inflate_gzip_open(void); /* NULL: no memory */
const char *inflate_gzip_run(struct inflate_gzip *gzip, struct inflate_io *io);
const char *inflate_gzip_end(const struct inflate_gzip *gzip);
void inflate_gzip_close(struct inflate_gzip *gzip); /* NULL is taken */

struct inflate_zstd *inflate_zstd_open(void);
const char *inflate_zstd_run(struct inflate_zstd *zstd, struct inflate_io *io);
const char *inflate_zstd_end(const struct inflate_zstd *zstd);
void inflate_zstd_close(struct inflate_zstd *zstd);

#endif
