/* run_again.c - the same run given again: its folder stands, and nothing is to be done. */
#include "tools/run.h"

#include "engine/values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int hash_order(const void *a, const void *b)
{
    return XXH128_cmp(a, b);
}

int run_digest_inputs(struct run *run, XXH128_hash_t *ret_digest)
{
    XXH128_hash_t *hashes = sys.alloc((run->inputs.file_count + 1) * sizeof *hashes);
    if (!hashes)
        return fault_memory(run->fault);
    for (uint32_t i = 0; i < run->inputs.file_count; i++)
        hashes[i] = run->inputs.files[i].hash;
    qsort(hashes, run->inputs.file_count, sizeof *hashes, hash_order);
    *ret_digest = XXH3_128bits(hashes, run->inputs.file_count * sizeof *hashes);
    sys.free(hashes);
    return 0;
}

/* What the run told when it was done. Returns 1, or a fault. */
static int tell_folder_again(struct run *run, uint32_t number)
{
    if (!run->options->json) {
        char shown[PATH_SHOWN_MAX];
        printf("run %u: done before: %s\n", number, path_shown(span_of(run->options->out), shown, sizeof shown));
        return 1;
    }
    char path[4200], bytes[16384];
    snprintf(path, sizeof path, "%s/run.json", run->options->out);
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    ssize_t size = fd < 0 ? -1 : 1;
    for (off_t at = 0; size > 0; at += size)
        if ((size = sys.pread(fd, bytes, sizeof bytes, at)) > 0)
            fwrite(bytes, 1, (size_t)size, stdout);
    int error = errno;
    if (fd >= 0)
        sys.close(fd);
    return size < 0 ? fault_errno(run->fault, error, "%s: read", path) : 1;
}

int run_check_folder_again(struct run *run)
{
    struct run_row row;
    struct publish_stamp stamp;
    char as_of[VALUE_TIME_MAX + 1];
    bool stamped = publish_read_stamp(AT_FDCWD, run->options->out, &stamp);
    bool ours = stamped && strcmp(stamp.store, run->store->name) == 0;
    if (ours && stamp.dry_run)
        return fault_set(run->fault, FAULT_USAGE, "%s: stands already, and is of a dry run; remove it or give another --out",
                         run->options->out);
    int there = ours ? store_get_run(run->store, stamp.run, &row, run->fault) : 1;
    if (there < 0)
        return -1;
    if (there == 0)
        as_of[value_time_write(row.as_of_ms, as_of)] = 0;
    if (there == 0 && strcmp(as_of, stamp.as_of) == 0) {
        XXH128_hash_t digest;
        bool same_time = !run->options->as_of || run->facts.as_of_ms == row.as_of_ms;
        run->ingest.hash_only = true;
        if (same_time && (ingest_run(&run->ingest, run->fault) || run_digest_inputs(run, &digest)))
            return -1;
        if (same_time && XXH128_isEqual(digest, row.digest))
            return tell_folder_again(run, stamp.run);
    }
    return fault_set(run->fault, FAULT_USAGE, "%s: stands already and %s; give another --out", run->options->out,
                     stamped ? "holds another run" : "is no folder of a run");
}

bool run_folder_stands(const char *path)
{
    struct stat stat;
    return sys.stat(AT_FDCWD, path, &stat, AT_SYMLINK_NOFOLLOW) == 0;
}
