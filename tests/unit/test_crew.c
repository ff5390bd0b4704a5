/* test_crew.c - workers: each pass by each of them, once; what one lacks is told, and nobody waits for it. */
#include "io/crew.h"

#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 5, PASSES = 200 };

static struct sys real;
static struct crew crew;
static struct fault fault;

static void set_up(void)
{
    real = sys;
    setenv("BESIK_IO", "plain", 1);
}

static void tear_down(void)
{
    sys = real;
}

TestSuite(crew, .init = set_up, .fini = tear_down, .timeout = 60);

struct tally {
    atomic_uint passes[WORKERS];
    uint32_t failing; /* the index of the worker that does, or WORKERS */
};

static void count(struct crew_worker *worker, void *context)
{
    struct tally *tally = context;
    atomic_fetch_add(&tally->passes[worker->index], 1);
    cr_assert_not_null(worker->ring);
    if (worker->index == tally->failing)
        fault_set(&worker->fault, FAULT_INPUT, "worker %u", worker->index);
}

Test(crew, every_worker_every_pass)
{
    struct tally tally = {.failing = WORKERS};
    cr_assert_eq(crew_open(&crew, WORKERS, &fault), 0, "%s", fault.text);
    for (unsigned pass = 1; pass <= PASSES; pass++) {
        cr_assert_eq(crew_run(&crew, count, &tally, &fault), 0);
        for (unsigned i = 0; i < WORKERS; i++)
            cr_assert_eq(atomic_load(&tally.passes[i]), pass);
    }
    cr_expect_not(crew_failed(&crew));
    crew_close(&crew);
    crew_close(&crew); /* of none: nothing */
}

Test(crew, one_that_fails)
{
    struct tally tally = {.failing = 3};
    cr_assert_eq(crew_open(&crew, WORKERS, &fault), 0);
    cr_expect_eq(crew_run(&crew, count, &tally, &fault), -1);
    cr_expect_eq(fault.code, FAULT_INPUT);
    cr_expect_str_eq(fault.text, "worker 3");
    cr_expect(crew_failed(&crew));
    for (unsigned i = 0; i < WORKERS; i++)
        cr_expect_eq(atomic_load(&tally.passes[i]), 1u, "all are waited for");
    crew_close(&crew);
}

/* A fault that stands already is no success of the pass. */
Test(crew, fault_from_before)
{
    struct tally tally = {.failing = WORKERS};
    cr_assert_eq(crew_open(&crew, 1, &fault), 0);
    fault_set(&fault, FAULT_FAILED, "before");
    cr_expect_eq(crew_run(&crew, count, &tally, &fault), -1);
    cr_expect_str_eq(fault.text, "before");
    crew_close(&crew);
}

static atomic_uint allocations;

static void *first_only(size_t size)
{
    return atomic_fetch_add(&allocations, 1) ? NULL : real.alloc(size);
}

static void *none(size_t size)
{
    (void)size;
    return NULL;
}

Test(crew, no_memory)
{
    sys.alloc = none;
    cr_expect_eq(crew_open(&crew, WORKERS, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    crew_close(&crew);
    sys.alloc = first_only; /* workers, but no queue for any of them */
    fault = (struct fault){0};
    cr_expect_eq(crew_open(&crew, WORKERS, &fault), -1);
    cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, "queue"), "%s", fault.text);
    cr_expect_null(crew.workers, "closed");
}

/* No stack is that large, so no thread begins. */
Test(crew, no_threads)
{
    pthread_attr_t attributes;
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, (size_t)1 << 47), 0);
    cr_assert_eq(pthread_setattr_default_np(&attributes), 0);
    cr_expect_eq(crew_open(&crew, WORKERS, &fault), -1);
    cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, "start a worker"), "%s", fault.text);
    cr_expect_null(crew.workers);
}

static atomic_uint ticks;

static void tick(void *context)
{
    cr_assert_eq(context, &ticks);
    atomic_fetch_add(&ticks, 1);
}

static void wait_for_tick(struct crew_worker *worker, void *context)
{
    (void)worker, (void)context;
    while (!atomic_load(&ticks))
        usleep(1000);
}

/* Who waits for the crew has a look now and then. */
Test(crew, ticks)
{
    cr_assert_eq(crew_open(&crew, 2, &fault), 0);
    crew.tick = tick;
    crew.tick_context = &ticks;
    cr_expect_eq(crew_run(&crew, wait_for_tick, NULL, &fault), 0);
    cr_expect_geq(atomic_load(&ticks), 1u);
    crew_close(&crew);
}
