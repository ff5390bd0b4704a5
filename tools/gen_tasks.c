/* gen_tasks.c - the work of making dumps, shared out among workers (gen_make.h). */
#include "tools/gen_make.h"

#include "io/crew.h"

#include <pthread.h>
#include <string.h>

struct pass {
    const struct gen_tasks *tasks;
    atomic_uint next;
    pthread_mutex_t lock; /* of the making's sums */
};

static void add_sums(struct gen_sums *sum, const struct gen_sums *more)
{
    sum->files += more->files;
    sum->records += more->records;
    sum->bytes += more->bytes;
    sum->plain_bytes += more->plain_bytes;
}

static void work(struct crew_worker *worker, void *context)
{
    struct pass *pass = context;
    struct gen_making *making = pass->tasks->making;
    while (!crew_failed(worker->crew) && !(making->stop && atomic_load(making->stop))) {
        uint32_t number = atomic_fetch_add(&pass->next, 1);
        if (number >= pass->tasks->count)
            return;
        struct gen_files files;
        char source[32];
        pass->tasks->name(number, pass->tasks->context, source);
        gen_files_open(&files, making->gen, making->dir, source, making->plain, &worker->fault);
        files.volumes = making->volumes;
        files.apart = making->apart;
        int failed = pass->tasks->task(&files, number, pass->tasks->context);
        if (gen_files_close(&files) || failed)
            return;
        pthread_mutex_lock(&pass->lock);
        add_sums(&making->sums, &files.sums);
        pthread_mutex_unlock(&pass->lock);
    }
}

static void tick(void *context)
{
    struct pass *pass = context;
    const struct gen_making *making = pass->tasks->making;
    unsigned done = atomic_load(&pass->next);
    pthread_mutex_lock(&pass->lock);
    uint64_t records = making->sums.records;
    pthread_mutex_unlock(&pass->lock);
    if (making->tick)
        making->tick(making->tick_context, (double)done / pass->tasks->count, records);
}

int gen_do_tasks(const struct gen_tasks *tasks, struct fault *fault)
{
    struct gen_making *making = tasks->making;
    struct crew crew;
    struct pass pass = {.tasks = tasks};
    uint32_t workers = making->workers < tasks->count ? making->workers : tasks->count;
    if (!tasks->count)
        return 0;
    if (crew_open(&crew, workers ? workers : 1, fault))
        return -1;
    pthread_mutex_init(&pass.lock, NULL);
    crew.tick = tick;
    crew.tick_context = &pass;
    int failed = crew_run(&crew, work, &pass, fault);
    crew_close(&crew);
    pthread_mutex_destroy(&pass.lock);
    if (!failed && making->stop && atomic_load(making->stop))
        return fault_set(fault, FAULT_FAILED, "stopped");
    return failed;
}
