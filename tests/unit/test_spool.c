/* test_spool.c - what was added is loaded: whole, in order, part by part, with a pool so small that it spills. */
#include "io/spool.h"

#include "engine/sys/large.h"
#include "engine/sys/sys.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* a record: size, worker, part, serial, then bytes that follow from them */
struct head {
    uint32_t size, worker, part, serial;
};

static char tmp_dir[] = "/tmp/besik-test-spool-XXXXXX";

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(tmp_dir));
}

static void tear_down(void)
{
    DIR *dir = opendir(tmp_dir);
    unsigned files = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        files += entry->d_name[0] != '.';
    closedir(dir);
    cr_expect_eq(files, 0u, "spill files have no name");
    rmdir(tmp_dir);
}

TestSuite(spool, .init = set_up, .fini = tear_down, .timeout = 60);

static uint64_t next_dice(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static char byte_at(const struct head *head, uint32_t i)
{
    return (char)(head->worker * 31 + head->part * 7 + head->serial * 3 + i);
}

struct adding {
    struct spool *spool;
    uint32_t worker, records, size_max;
    uint64_t bytes, *by_part;
    int failed;
    struct fault fault;
};

static void *add_records(void *context)
{
    struct adding *adding = context;
    uint64_t state = adding->worker * 77 + 1;
    static __thread char body[100000];
    uint32_t *serials = calloc(adding->spool->part_count, sizeof *serials);
    for (uint32_t i = 0; i < adding->records && !adding->failed; i++) {
        struct head head = {.worker = adding->worker, .part = (uint32_t)(next_dice(&state) % adding->spool->part_count)};
        head.size = (uint32_t)(next_dice(&state) % 8 ? next_dice(&state) % 100 : next_dice(&state) % (adding->size_max + 1));
        head.serial = serials[head.part]++;
        for (uint32_t b = 0; b < head.size; b++)
            body[b] = byte_at(&head, b);
        adding->failed = spool_add(adding->spool, adding->worker, head.part, &head, sizeof head, head.size ? body : NULL, head.size,
                                   &adding->fault);
        adding->bytes += sizeof head + head.size;
        adding->by_part[head.part] += sizeof head + head.size;
    }
    free(serials);
    return NULL;
}

/* Reads a part back: each worker's records in the order in which it added them, one worker's behind another's. */
static uint32_t check_part(struct spool *spool, uint32_t part, uint64_t expected)
{
    struct fault fault = {0};
    uint64_t size = spool_size(spool, part);
    cr_assert_eq(size, expected, "part %u", part);
    char *bytes = malloc(size + 1);
    bytes[size] = '!';
    cr_assert_eq(spool_load(spool, part, bytes, &fault), 0, "%s", fault.text);
    cr_assert_eq(bytes[size], '!');
    uint32_t count = 0, serials[64] = {0}, last_worker = 0;
    for (uint64_t at = 0; at < size; count++) {
        struct head head;
        cr_assert_leq(at + sizeof head, size);
        memcpy(&head, bytes + at, sizeof head);
        at += sizeof head;
        cr_assert(head.part == part && head.worker < 64 && head.worker >= last_worker && head.serial == serials[head.worker]);
        serials[head.worker]++;
        last_worker = head.worker;
        cr_assert_leq(at + head.size, size);
        for (uint32_t b = 0; b < head.size; b++)
            cr_assert_eq(bytes[at + b], byte_at(&head, b));
        at += head.size;
    }
    free(bytes);
    return count;
}

static uint64_t round_trip(size_t limit, uint32_t parts, uint32_t workers, uint32_t records, uint32_t size_max)
{
    struct spool_pool pool;
    struct spool spool;
    struct fault fault = {0};
    struct adding adding[8];
    pthread_t threads[8];
    spool_pool_open(&pool, limit);
    cr_assert_eq(spool_open(&spool, &pool, tmp_dir, parts, workers, &fault), 0, "%s", fault.text);
    for (uint32_t w = 0; w < workers; w++) {
        adding[w] = (struct adding){.spool = &spool, .worker = w, .records = records, .size_max = size_max,
                                    .by_part = calloc(parts, sizeof(uint64_t))};
        pthread_create(&threads[w], NULL, add_records, &adding[w]);
    }
    uint64_t bytes = 0;
    for (uint32_t w = 0; w < workers; w++) {
        pthread_join(threads[w], NULL);
        cr_assert_eq(adding[w].failed, 0, "%s", adding[w].fault.text);
        bytes += adding[w].bytes;
    }
    uint32_t count = 0;
    for (uint32_t part = 0; part < parts; part++) {
        uint64_t expected = 0;
        for (uint32_t w = 0; w < workers; w++)
            expected += adding[w].by_part[part];
        count += check_part(&spool, part, expected);
        cr_assert_eq(spool_size(&spool, part), 0u, "a part is loaded once");
    }
    cr_assert_eq(count, records * workers);
    uint64_t spilled = pool.spilled;
    cr_assert_leq(spilled, bytes);
    cr_assert_leq(pool.taken, limit, "%zu of %zu", pool.taken, limit);
    for (uint32_t w = 0; w < workers; w++)
        free(adding[w].by_part);
    spool_close(&spool);
    spool_pool_close(&pool);
    return spilled;
}

Test(spool, in_memory)
{
    cr_expect_eq(round_trip(64 << 20, 1, 1, 2000, 300), 0u);
    cr_expect_eq(round_trip(64 << 20, 64, 3, 3000, 9000), 0u);
    cr_expect_eq(round_trip(64 << 20, 7, 1, 0, 0), 0u);
}

Test(spool, spilling)
{
    cr_expect_gt(round_trip(0, 1, 1, 30000, 300), 0u);
    cr_expect_gt(round_trip(0, 3, 1, 2000, 90000), 0u);
    cr_expect_gt(round_trip(2 << 20, 64, 1, 20000, 9000), 0u);
    cr_expect_gt(round_trip(4 << 20, 16, 4, 8000, 20000), 0u);
    cr_expect_gt(round_trip(0, 300, 7, 6000, 3000), 0u);
}

/* Records whose pieces end just where a chunk does. */
Test(spool, edges_of_chunks)
{
    enum { ROOM = SPOOL_CHUNK - 16 };
    for (uint32_t before = ROOM - 40; before <= ROOM + 8; before++) {
        struct spool_pool pool;
        struct spool spool;
        struct fault fault = {0};
        static char some[3 * SPOOL_CHUNK], got[6 * SPOOL_CHUNK];
        for (size_t i = 0; i < sizeof some; i++)
            some[i] = (char)(i * 7 + i / 251);
        spool_pool_open(&pool, before % 2 ? 0 : 8 << 20);
        cr_assert_eq(spool_open(&spool, &pool, tmp_dir, 2, 1, &fault), 0);
        cr_assert_eq(spool_add(&spool, 0, 1, some, before, NULL, 0, &fault), 0);
        cr_assert_eq(spool_add(&spool, 0, 1, some, 16, some + 16, 17, &fault), 0);
        cr_assert_eq(spool_add(&spool, 0, 1, some, 2 * ROOM, some + 5, 3, &fault), 0);
        cr_assert_eq(spool_add(&spool, 0, 1, "", 0, some, 1, &fault), 0);
        cr_assert_eq(spool_size(&spool, 0), 0u);
        cr_assert_eq(spool_size(&spool, 1), before + 33 + 2 * ROOM + 3 + 1);
        cr_assert_eq(spool_load(&spool, 0, got, &fault), 0);
        cr_assert_eq(spool_load(&spool, 1, got, &fault), 0);
        cr_assert(memcmp(got, some, before) == 0 && memcmp(got + before, some, 33) == 0 && memcmp(got + before + 33, some, 2 * ROOM) == 0 &&
                      memcmp(got + before + 33 + 2 * ROOM, some + 5, 3) == 0 && got[before + 33 + 2 * ROOM + 3] == some[0],
                  "%u bytes before", before);
        spool_close(&spool);
        spool_pool_close(&pool);
    }
}

/* Several spools share a pool: what one gives back the other can have. */
Test(spool, shared_pool)
{
    struct spool_pool pool;
    struct spool first, second;
    struct fault fault = {0};
    static char block[1 << 20], got[4 << 20];
    memset(block, 'x', sizeof block);
    spool_pool_open(&pool, 4 << 20);
    cr_assert_eq(spool_open(&first, &pool, tmp_dir, 4, 2, &fault), 0);
    cr_assert_eq(spool_open(&second, &pool, tmp_dir, 4, 2, &fault), 0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(spool_add(&first, i % 2, 2, block, sizeof block, NULL, 0, &fault), 0);
    cr_assert_eq(pool.spilled, 0u);
    cr_assert_eq(spool_load(&first, 2, got, &fault), 0);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(spool_add(&second, i % 2, 1, block, sizeof block, NULL, 0, &fault), 0);
    cr_expect_eq(pool.spilled, 0u, "the first spool's chunks are there again");
    cr_expect_leq(pool.taken, (size_t)4 << 20);
    spool_close(&first);
    spool_close(&second);
    spool_close(&(struct spool){0});
    spool_pool_close(&pool);
}

/* ---- a disk that fails ---- */

static int no_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    (void)dir_fd, (void)path, (void)flags, (void)mode;
    errno = EACCES;
    return -1;
}

static int calls_left;
static ssize_t short_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    if (calls_left-- > 0)
        return pwrite(fd, buffer, size > 1000 ? 1000 : size, offset); /* short, but it goes on */
    errno = ENOSPC;
    return -1;
}

static ssize_t fussy_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    if (calls_left++ % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, buffer, size > 777 ? 777 : size, offset);
}

static ssize_t fussy_pread(int fd, void *buffer, size_t size, off_t offset)
{
    if (calls_left++ % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pread(fd, buffer, size > 777 ? 777 : size, offset);
}

static ssize_t broken_pread(int fd, void *buffer, size_t size, off_t offset)
{
    (void)fd, (void)buffer, (void)size, (void)offset;
    errno = EIO;
    return -1;
}

static int fill(struct spool *spool, struct fault *fault)
{
    static char block[10000];
    for (unsigned i = 0; i < 1000; i++)
        if (spool_add(spool, 0, i % 3, block, sizeof block, NULL, 0, fault))
            return -1;
    return 0;
}

Test(spool, short_and_interrupted_calls)
{
    sys.pwrite = fussy_pwrite;
    sys.pread = fussy_pread;
    cr_expect_gt(round_trip(0, 4, 1, 6000, 9000), 0u);
}

Test(spool, failing_disk)
{
    struct spool_pool pool;
    struct spool spool;
    struct fault fault = {0};
    static char got[8 << 20];
    struct sys whole = sys;
    spool_pool_open(&pool, 0);
    cr_assert_eq(spool_open(&spool, &pool, tmp_dir, 3, 1, &fault), 0);
    sys.open = no_open;
    cr_expect_eq(fill(&spool, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    cr_expect_not_null(strstr(fault.text, tmp_dir), "%s", fault.text);
    spool_close(&spool);
    sys = whole;
    cr_assert_eq(spool_open(&spool, &pool, tmp_dir, 3, 1, &fault), 0);
    fault = (struct fault){0};
    calls_left = 400;
    sys.pwrite = short_pwrite;
    cr_expect_eq(fill(&spool, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    cr_expect_not_null(strstr(fault.text, "No space left"), "%s", fault.text);
    spool_close(&spool);
    sys = whole;
    cr_assert_eq(spool_open(&spool, &pool, tmp_dir, 3, 1, &fault), 0);
    fault = (struct fault){0};
    cr_assert_eq(fill(&spool, &fault), 0);
    sys.pread = broken_pread;
    cr_expect_eq(spool_load(&spool, 0, got, &fault), -1);
    cr_expect_eq(fault.code, FAULT_FAILED);
    sys = whole;
    spool_close(&spool);
    spool_pool_close(&pool);
}

/* ---- memory that fails ---- */

static long allocs_left; /* then there is none any more */

static void *last_alloc(size_t size)
{
    return allocs_left-- > 0 ? malloc(size) : NULL;
}

static void *last_realloc(void *block, size_t size)
{
    return allocs_left-- > 0 ? realloc(block, size) : NULL;
}

static void *no_map(size_t size)
{
    (void)size;
    return NULL;
}

Test(spool, memory_that_runs_out)
{
    struct spool_pool pool;
    struct spool spool;
    unsigned failed = 0;
    int result = -1;
    spool_pool_open(&pool, 0);
    sys.alloc = last_alloc;
    sys.realloc = last_realloc;
    for (long allowed = 0; result; allowed++) {
        struct fault fault = {0};
        cr_assert_lt(allowed, 100);
        allocs_left = allowed;
        result = spool_open(&spool, &pool, tmp_dir, 3, 2, &fault);
        if (!result) {
            result = fill(&spool, &fault);
            spool_close(&spool);
        }
        failed += result != 0;
        cr_assert_eq(fault.code, result ? FAULT_FAILED : FAULT_NONE, "%s", fault.text);
    }
    cr_expect_eq(failed, 7u, "its workers, their streams, its own chunks, the list of what was spilled, which grows twice: %u", failed);
    spool_pool_close(&pool);
}

/* Where the pool gets none, or the account allows none, records are spilled. */
Test(spool, without_a_pool)
{
    struct sys whole = sys;
    sys.map = no_map;
    cr_expect_gt(round_trip(64 << 20, 4, 1, 6000, 9000), 0u);
    sys = whole;
    large_open(1 << 20, tmp_dir);
    cr_expect_gt(round_trip(64 << 20, 4, 1, 6000, 9000), 0u);
    large_close();
}

static ssize_t ended_pread(int fd, void *buffer, size_t size, off_t offset)
{
    (void)fd, (void)buffer, (void)size, (void)offset;
    return 0;
}

Test(spool, a_spill_file_that_was_cut)
{
    static char got[8 << 20];
    struct spool_pool pool;
    struct spool spool;
    struct fault fault = {0};
    spool_pool_open(&pool, 0);
    cr_assert_eq(spool_open(&spool, &pool, tmp_dir, 3, 1, &fault) || fill(&spool, &fault), 0, "%s", fault.text);
    sys.pread = ended_pread;
    cr_expect_eq(spool_load(&spool, 0, got, &fault), -1);
    cr_expect(fault.code == FAULT_FAILED && strstr(fault.text, "read a spill file"), "%s", fault.text);
    spool_close(&spool);
    spool_pool_close(&pool);
}
