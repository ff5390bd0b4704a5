/* crew.c - see crew.h. */
#include "io/crew.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define TICK_NS 200000000

static void *live(void *argument)
{
    struct crew_worker *worker = argument;
    struct crew *crew = worker->crew;
    int error = ring_open(&worker->ring, false);
    if (error)
        fault_errno(&worker->fault, error, "open a queue of reads and writes");
    uint64_t seen = 0;
    pthread_mutex_lock(&crew->lock);
    if (--crew->running == 0)
        pthread_cond_broadcast(&crew->done);
    for (;;) {
        while (crew->pass == seen && !crew->stop)
            pthread_cond_wait(&crew->wake, &crew->lock);
        if (crew->stop)
            break;
        seen = crew->pass;
        pthread_mutex_unlock(&crew->lock);
        if (worker->fault.code == FAULT_NONE)
            crew->task(worker, crew->context);
        pthread_mutex_lock(&crew->lock);
        if (worker->fault.code != FAULT_NONE)
            atomic_store(&crew->failed, true);
        if (--crew->running == 0)
            pthread_cond_broadcast(&crew->done);
    }
    pthread_mutex_unlock(&crew->lock);
    ring_close(worker->ring);
    return NULL;
}

int crew_open(struct crew *crew, uint32_t count, struct fault *fault)
{
    *crew = (struct crew){0};
    crew->workers = sys.alloc(count * sizeof *crew->workers);
    if (!crew->workers)
        return fault_memory(fault);
    memset(crew->workers, 0, count * sizeof *crew->workers);
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    pthread_cond_init(&crew->done, NULL);
    crew->running = count;
    for (; crew->count < count; crew->count++) {
        struct crew_worker *worker = &crew->workers[crew->count];
        worker->index = crew->count;
        worker->crew = crew;
        int error = pthread_create(&worker->thread, NULL, live, worker);
        if (error) {
            crew_close(crew);
            return fault_errno(fault, error, "start a worker");
        }
    }
    /* Only a crew whose every worker has its queue is one: nobody waits for a worker that cannot work. */
    if (crew_join(crew, fault)) {
        crew_close(crew);
        return -1;
    }
    return 0;
}

void crew_close(struct crew *crew)
{
    if (!crew->workers)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->stop = true;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->count; i++)
        pthread_join(crew->workers[i].thread, NULL);
    pthread_cond_destroy(&crew->wake);
    pthread_cond_destroy(&crew->done);
    pthread_mutex_destroy(&crew->lock);
    sys.free(crew->workers);
    *crew = (struct crew){0};
}

void crew_start(struct crew *crew, crew_pass *task, void *context)
{
    pthread_mutex_lock(&crew->lock);
    crew->task = task;
    crew->context = context;
    crew->running = crew->count;
    crew->pass++;
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
}

int crew_join(struct crew *crew, struct fault *fault)
{
    pthread_mutex_lock(&crew->lock);
    while (crew->running) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (pthread_cond_timedwait(&crew->done, &crew->lock, &until) == ETIMEDOUT && crew->tick) {
            pthread_mutex_unlock(&crew->lock);
            crew->tick(crew->tick_context);
            pthread_mutex_lock(&crew->lock);
        }
    }
    pthread_mutex_unlock(&crew->lock);
    for (uint32_t i = 0; i < crew->count; i++)
        if (crew->workers[i].fault.code != FAULT_NONE)
            return fault->code == FAULT_NONE ? fault_pass(fault, &crew->workers[i].fault) : -1;
    return fault->code == FAULT_NONE ? 0 : -1;
}

int crew_run(struct crew *crew, crew_pass *task, void *context, struct fault *fault)
{
    crew_start(crew, task, context);
    return crew_join(crew, fault);
}

bool crew_failed(const struct crew *crew)
{
    return atomic_load(&((struct crew *)crew)->failed);
}
