/* alloc.c - preloaded into besik: makes its N-th allocation fail, wherever it is made: in besik, in LMDB, zstd, libcrypto,
 * liburing, libc.
 *
 *   ALLOC_AT     which allocation, from 1; 0: none
 *   ALLOC_ON     once, or always: from then on
 *   ALLOC_COUNT  a file: how many allocations there were is written to it at the end
 *
 * Counted from this library's constructor on until main has returned (what comes then, as gcov's writing, is not besik's): malloc, calloc, realloc, posix_memalign, aligned_alloc, memalign, anonymous
 * mmap, a thread's start, a ring's. What stands is never moved: a realloc that fails leaves it. The real calls are libc's own
 * names for them, not dlsym's, which allocates. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

struct io_uring;
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
typedef int create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument);
typedef int ring_init(unsigned entries, struct io_uring *ring, unsigned flags);

static atomic_long calls;
static atomic_bool counting;
static long at;
static bool always;
static int count_fd = -1; /* opened before a run locks itself down */
static create *real_create;
static ring_init *real_ring_init;

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("ALLOC_AT"), *on = getenv("ALLOC_ON"), *path = getenv("ALLOC_COUNT");
    real_create = (create *)dlsym(RTLD_NEXT, "pthread_create");
    real_ring_init = (ring_init *)dlsym(RTLD_NEXT, "io_uring_queue_init");
    count_fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    at = number ? atol(number) : 0;
    always = on && strcmp(on, "always") == 0;
    atomic_store(&counting, true);
}

typedef int main_function(int, char **, char **);
typedef int libc_start(main_function *main, int argc, char **argv, main_function *init, void (*fini)(void), void (*rtld_fini)(void),
                  void *stack_end);
static main_function *besik_main;

static int counted_main(int argc, char **argv, char **environment)
{
    int code = besik_main(argc, argv, environment);
    atomic_store(&counting, false);
    return code;
}

libc_start __libc_start_main;
int __libc_start_main(main_function *main, int argc, char **argv, main_function *init, void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    besik_main = main;
    return ((libc_start *)dlsym(RTLD_NEXT, "__libc_start_main"))(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%ld\n", atomic_load(&calls));
    if (count_fd >= 0 && write(count_fd, text, (size_t)size) != size)
        abort();
}

/* Is this allocation one that fails? */
static bool refused(void)
{
    if (!atomic_load(&counting))
        return false;
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (!at || (always ? now < at : now != at))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return refused() ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    return refused() ? NULL : __libc_calloc(count, size);
}
void *realloc(void *block, size_t size)
{
    return refused() ? NULL : __libc_realloc(block, size);
}
void *memalign(size_t alignment, size_t size)
{
    return refused() ? NULL : __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}
int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    void *block = memalign(alignment, size);
    if (!block)
        return ENOMEM;
    *ret_block = block;
    return 0;
}
void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t offset)
{
    if ((flags & MAP_ANONYMOUS) && refused())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, where, size, protection, flags, fd, offset);
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    return refused() ? EAGAIN : real_create(thread, attr, start, argument);
}
int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    return refused() ? -ENOMEM : real_ring_init(entries, ring, flags);
}
