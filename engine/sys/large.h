/* large.h - blocks that grow, on an account: as long as it lasts they are anonymous memory, beyond it pages of a file.
 * Room: engine/sys.  Behind sys.alloc, sys.realloc and sys.free, so that whoever lets a list grow need not know.
 *
 * A run opens the account with its --memory. Blocks under LARGE_MIN are malloc's and not counted: they are few. Larger ones are
 * mapped; what the account has no room for lies in a spill file in --tmp (O_TMPFILE: unlinked at birth, 0600), whose space is
 * had before it is used, so that a full disk is ENOSPC here and not a SIGBUS later. The kernel may write such pages to disk and
 * take them back at any time. Without an account all is malloc's.
 * Thread: any; opened before threads start, closed after they ended. */
#ifndef ENGINE_SYS_LARGE_H
#define ENGINE_SYS_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LARGE_MIN ((size_t)256 << 10)

/* `dir` must live until large_close. */
void large_open(uint64_t limit, const char *dir);
/* Blocks that still stand stay good; those in the file lose nothing but their name, which they never had. */
void large_close(void);
uint64_t large_in_file(void); /* bytes that the file was asked for since large_open */

/* Puts `size` bytes of anonymous memory that come from elsewhere on the account. False: it has no room for them. */
bool large_charge(size_t size);
void large_discharge(size_t size);

/* As their namesakes without the prefix. */
void *large_alloc(size_t size);
void *large_realloc(void *block, size_t size);
void large_free(void *block);

#endif
