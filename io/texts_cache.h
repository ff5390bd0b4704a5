/* texts_cache.h - SMS that were rendered before, by the few facts that they depend on.
 * Room: io; seen by texts.c only.  Bounded: when it is full it is emptied, and fills again. */
#ifndef IO_TEXTS_CACHE_H
#define IO_TEXTS_CACHE_H

#include "io/texts.h"

#include <stddef.h>

#ifndef TEXTS_CACHE_SLOTS /* a test makes it small */
#define TEXTS_CACHE_SLOTS 8192u /* a power of two; half of them are used at most */
#endif
#define TEXTS_CACHE_BYTES ((size_t)8 << 20)

/* Two words that hold every fact that the text depends on; facts that it does not depend on are 0. */
struct texts_key {
    uint64_t what, where; /* what is never 0 */
};

struct texts_cached {
    struct texts_key key; /* what 0: free */
    char *block;          /* text, then the quoted form */
    uint32_t text_size, quoted_size, segments;
};

struct texts_cache {
    struct texts_cached *slots;
    size_t count, bytes;
};

/* False: the text depends on a person's or an agency's words too, and is not kept. */
bool texts_key_of(const struct text_facts *facts, struct texts_key *ret_key);

int texts_cache_open(struct texts_cache *cache, struct fault *fault);
void texts_cache_close(struct texts_cache *cache); /* a zeroed one is taken */

bool texts_cache_find(const struct texts_cache *cache, struct texts_key key, struct text_result *ret_result);

/* Keeps a copy of *result under a key that is not there yet, and points *result to it. */
int texts_cache_keep(struct texts_cache *cache, struct texts_key key, struct text_result *result,
                     struct fault *fault);

#endif
