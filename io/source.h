/* source.h - the decompressed bytes of one input file as a stream: plain, gzip (any number of members) or zstd (any number
 * of frames, skippable ones too), told by content; counted and hashed as given on the way.
 * Room: io.  Several reads are in flight on the worker's ring. Thread: the ring's owner.
 * A file whose size or times change while it is read is refused. Source: RFC 1952 (gzip), RFC 8878 (zstd). */
#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include "engine/fault.h"
#include "io/ring.h"

#include <stdint.h>
#include <xxhash.h>

enum source_form { SOURCE_PLAIN, SOURCE_GZIP, SOURCE_ZSTD };

struct source;

/* Opens the file (O_RDONLY; links to files are followed) and looks at its first bytes. `name` is for messages and must
 * outlive the source. Faults are added with fault_add(FAULT_INPUT, "NAME: reason"), or set by fault_errno for I/O errors. */
int source_open(struct source **ret_source, struct ring *ring, const char *name, struct fault *fault);
enum source_form source_form(const struct source *source);

/* What bytes that are in no form of section 3 seem to be instead, as a reason for people; NULL: nothing known. */
const char *source_foreign(const char *bytes, size_t size);

/* Fills buffer with up to `size` decompressed bytes. Returns how many (0: the end, all checksums right, no garbage
 * behind), or -1 with the fault set. Blocks until `size` bytes or the end are there. */
ssize_t source_read(struct source *source, void *buffer, size_t size, struct fault *fault);

/* After the end: the bytes as given, and their XXH128. */
uint64_t source_bytes(const struct source *source);
XXH128_hash_t source_hash(const struct source *source);
/* While it is read: about how many bytes of the file were taken so far. */
uint64_t source_position(const struct source *source);
void source_close(struct source *source); /* NULL is taken */

#endif
