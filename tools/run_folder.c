/* run_folder.c - what a run leaves in the store to be asked for later: its folder, for `besik reissue`, and the names and hashes of
 * its inputs, for `besik why`. A file's blocks are packed on their way to the disk, by the thread that writes it; what is packed
 * waits for the thread that writes the store. */
#include "tools/run.h"

#include "store/kept.h"

int run_folder_open(struct run *run)
{
    struct run_folder *folder = &run->folder;
    pthread_mutex_init(&folder->lock, NULL);
    folder->open = true;
    folder->packer = kept_packer();
    return folder->packer ? 0 : fault_memory(run->fault);
}

void run_folder_close(struct run *run)
{
    struct run_folder *folder = &run->folder;
    if (!folder->open)
        return;
    pthread_mutex_destroy(&folder->lock);
    kept_packer_free(folder->packer);
    buffer_free(&folder->packed);
    blobs_free(&folder->blobs);
    blobs_free(&folder->spare);
}

static int pack_block(void *context, uint32_t file, const char *name, uint64_t block, const char *data, size_t size, struct fault *fault)
{
    struct run *run = context;
    struct run_folder *folder = &run->folder;
    uint8_t key[KEPT_KEY_SIZE];
    kept_key(run->facts.run, (uint16_t)file, (uint32_t)block, key);
    pthread_mutex_lock(&folder->lock);
    buffer_clear(&folder->packed);
    int failed = kept_pack(folder->packer, block ? (struct span){NULL, 0} : span_of(name), data, size, &folder->packed, fault);
    char *out = failed ? NULL : blobs_add(&folder->blobs, TABLE_FOLDERS, key, sizeof key, folder->packed.size, fault);
    if (out)
        memcpy(out, folder->packed.data, folder->packed.size);
    pthread_mutex_unlock(&folder->lock);
    return out ? 0 : -1;
}

void run_folder_file(struct run *run, struct output *output)
{
    if (!run->writing)
        return;
    pthread_mutex_lock(&run->folder.lock);
    struct output_watch watch = {pack_block, run, run->folder.files++};
    pthread_mutex_unlock(&run->folder.lock);
    output_watch(output, &watch);
}

int run_folder_store(struct run *run)
{
    struct run_folder *folder = &run->folder;
    if (!run->writing)
        return 0;
    pthread_mutex_lock(&folder->lock);
    struct blobs full = folder->blobs;
    folder->blobs = folder->spare;
    folder->spare = full;
    pthread_mutex_unlock(&folder->lock);
    if (blobs_write(&folder->spare, &run->writer, run->fault))
        return -1;
    blobs_clear(&folder->spare);
    return 0;
}

/* From file `first` on as many as go into one value; returns the next file's number in *ret_next. */
static int put_inputs(struct run *run, uint32_t first, uint32_t *ret_next)
{
    struct run_worker *worker = &run->workers[0];
    uint32_t i = first;
    buffer_clear(&worker->loaded);
    buffer_clear(&worker->text);
    for (; i < run->inputs.file_count && worker->loaded.size < KEPT_INPUTS_SIZE; i++) {
        const struct input_file *file = &run->inputs.files[i];
        size_t size = strlen(file->name);
        struct kept_input input = {.kind = file->has_kind ? (uint8_t)file->kind : KEPT_NO_KIND,
                                   .name_size = (uint16_t)(size < UINT16_MAX ? size : UINT16_MAX)};
        XXH128_canonical_t hash;
        XXH128_canonicalFromHash(&hash, file->hash);
        memcpy(input.hash, hash.digest, sizeof input.hash);
        if (buffer_add(&worker->loaded, &input, sizeof input, run->fault) ||
            buffer_add(&worker->loaded, file->name, input.name_size, run->fault))
            return -1;
    }
    uint8_t key[KEPT_INPUTS_KEY_SIZE];
    db_put_u32(key, run->facts.run);
    db_put_u32(key + 4, first);
    *ret_next = i;
    return kept_pack(run->folder.packer, (struct span){NULL, 0}, worker->loaded.data, worker->loaded.size, &worker->text, run->fault) ||
                   db_put(&run->writer, TABLE_INPUTS, key, sizeof key, worker->text.data, worker->text.size, run->fault)
               ? -1
               : 0;
}

int run_folder_inputs(struct run *run)
{
    for (uint32_t next = 0; run->writing && next < run->inputs.file_count;)
        if (put_inputs(run, next, &next))
            return -1;
    return 0;
}
