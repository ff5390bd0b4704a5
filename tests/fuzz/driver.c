/* driver.c - a fuzz target without a fuzzer: runs it over every file of the folders given, in the order of their names.
 * A target fails by aborting; the file it had in hand was named just before. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        return -1;
    }
    long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1); /* no byte more, so that a read behind it is seen */
    int failed = !data || fread(data, 1, (size_t)size, file) != (size_t)size;
    fclose(file);
    if (failed) {
        perror(path);
        return -1;
    }
    puts(path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    int files = 0, failed = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        int count = scandir(argv[i], &entries, no_dots, alphasort);
        if (count < 0) {
            perror(argv[i]);
            return 1;
        }
        for (int k = 0; k < count; k++) {
            char path[4096];
            if (snprintf(path, sizeof path, "%s/%s", argv[i], entries[k]->d_name) < (int)sizeof path)
                failed |= run_file(path);
            free(entries[k]);
        }
        free(entries);
        files += count;
    }
    printf("%d files\n", files);
    return failed || !files;
}
