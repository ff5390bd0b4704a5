/* preloaded.h - what the preloaded libraries share: libc's own function behind ours, and the mode that an open may have. */
#ifndef TESTS_PRELOADED_H
#define TESTS_PRELOADED_H

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* `mode`, of an open whose last named argument is its flags. */
#define MODE(last)                                                                                    \
    va_list args;                                                                                     \
    va_start(args, last);                                                                             \
    mode_t mode = last & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;                          \
    va_end(args)

#endif
