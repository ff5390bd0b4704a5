/* check.h - CHECK(): an assertion that stays on in release; for programmer errors only.
 * Room: engine.  Bad input is a value, a failing disk is an errno; neither comes here. A failed one prints file, line and condition, no
 * data, and aborts. Thread: any. */
#ifndef ENGINE_CHECK_H
#define ENGINE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                              \
    do {                                                                                              \
        if (__builtin_expect(!(condition), 0)) {                                                      \
            fprintf(stderr, "besik: bug at %s:%d: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                                  \
        }                                                                                             \
    } while (0)

#define NODISCARD __attribute__((warn_unused_result))

/* A large local array on a hot path, written before it is read: not zeroed as all other locals are by the build. */
#if __has_attribute(uninitialized)
#define UNINITIALIZED __attribute__((uninitialized))
#else
#define UNINITIALIZED
#endif

#endif
