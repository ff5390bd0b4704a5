/* floor.c - the least that a job of this size costs here: read the input, write as many bytes to as many files, make all durable.
 *
 *   floor DIR --write BYTES --files N [--commits N] [--commit-bytes BYTES] INPUT…
 *
 * Reads each INPUT to its end; writes BYTES to N files in DIR, in equal parts, and syncs each, then DIR; makes --commits LMDB
 * transactions of --commit-bytes each in DIR/lmdb. It parses nothing and orders nothing. Prints seconds=… on one line. */
#define _GNU_SOURCE /* sync_file_range */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK ((size_t)1 << 20)
#define MAP_SIZE ((size_t)64 << 30)

static char block[BLOCK];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static unsigned long read_file(const char *path)
{
    unsigned long sum = 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        die(path);
    for (ssize_t got; (got = read(fd, block, BLOCK)) != 0;) {
        if (got < 0)
            die(path);
        sum += (unsigned long)got;
    }
    close(fd);
    return sum;
}

static void write_file(const char *dir, int number, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%d", dir, number);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die(path);
    for (size_t done = 0, behind = 0; done < size;) {
        ssize_t put = write(fd, block, size - done < BLOCK ? size - done : BLOCK);
        if (put < 0)
            die(path);
        done += (size_t)put;
        if (done - behind >= 8 * BLOCK) { /* write behind, as whoever wants to be fast does */
            sync_file_range(fd, (off_t)behind, (off_t)(done - behind), SYNC_FILE_RANGE_WRITE);
            behind = done;
        }
    }
    if (fsync(fd))
        die(path);
    close(fd);
}

static void commit(const char *dir, int commits, size_t size)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char path[4096];
    snprintf(path, sizeof path, "%s/lmdb", dir);
    if (mkdir(path, 0700))
        die(path);
    if (mdb_env_create(&env) || mdb_env_set_mapsize(env, MAP_SIZE) || mdb_env_open(env, path, 0, 0600))
        die("lmdb");
    for (int i = 0; i < commits; i++) {
        if (mdb_txn_begin(env, NULL, 0, &txn) || mdb_dbi_open(txn, NULL, MDB_INTEGERKEY | MDB_CREATE, &dbi))
            die("lmdb");
        for (size_t done = 0; done < size; done += 16 * 4096 - 16) {
            size_t number = (size_t)i << 32 | done;
            MDB_val key = {sizeof number, &number}, value = {16 * 4096 - 16, block};
            if (mdb_put(txn, dbi, &key, &value, MDB_APPEND))
                die("lmdb");
        }
        if (mdb_txn_commit(txn))
            die("lmdb");
    }
    mdb_env_close(env);
}

int main(int argc, char **argv)
{
    size_t bytes = 0, commit_bytes = 0;
    int files = 1, commits = 0, at = 2;
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: floor DIR --write BYTES --files N [--commits N] [--commit-bytes BYTES] INPUT…\n", stderr);
        return 2;
    }
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        size_t value = strtoull(argv[at + 1], NULL, 10);
        if (!strcmp(argv[at], "--write"))
            bytes = value;
        else if (!strcmp(argv[at], "--files"))
            files = (int)value;
        else if (!strcmp(argv[at], "--commits"))
            commits = (int)value;
        else if (!strcmp(argv[at], "--commit-bytes"))
            commit_bytes = value;
        else
            return fprintf(stderr, "floor: no option %s\n", argv[at]), 2;
    }
    for (size_t i = 0; i < BLOCK; i++) /* nothing that a file system would store as a hole */
        block[i] = (char)(i * 2654435761u >> 13);
    if (mkdir(argv[1], 0700))
        die(argv[1]);
    double began = now();
    unsigned long read = 0;
    for (; at < argc; at++)
        read += read_file(argv[at]);
    for (int i = 0; i < files; i++)
        write_file(argv[1], i, bytes / (size_t)files);
    if (commits)
        commit(argv[1], commits, commit_bytes);
    int fd = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (fd < 0 || fsync(fd))
        die(argv[1]);
    printf("seconds=%.4f read=%lu\n", now() - began, read);
    return 0;
}
