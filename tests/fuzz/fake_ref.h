/* fake_ref.h - a folder of reference data in memory, behind the table of system calls: the least that is taken, and what an input
 * makes of it. */
#ifndef FUZZ_FAKE_REF_H
#define FUZZ_FAKE_REF_H

#include "engine/check.h"
#include "big_blocks.h"
#include "io/ref_set.h"
#include "io/sys.h"

#include <errno.h>
#include <stdlib.h>

#define FAKE_DIR "ref"
#define FAKE_FILES 6
static const char *const FAKE_NAMES[FAKE_FILES] = {"options.csv",   "offices.csv", "localities.csv",
                                                   "operators.csv", "outages.csv", "texts.csv"};
static const char *const FAKE_BASE[FAKE_FILES] = {
    "step,number,code,kk,ru\neducation,1,high,Жоғары,Высшее\neducation,12,none,Жоқ,Нет\nincome,1,job,Жұмыс,Работа\n"
    "privilege,1,none,Жоқ,Нет\nprivilege,2,large,Көп,Много\n",
    "region,number,code,kk,ru,address_kk,address_ru\n101000000,1,A-1,бөлім 1,отдел 1,\"Абай к-сі, 1\",\"ул. Абая, 1\"\n"
    "101000000,2,A-2,бөлім 2,отдел 2,м2,а2\n202000000,7,B-7,бөлім 7,отдел 7,м7,а7\n",
    "region,number,kato,kk,ru\n101000000,1,101000001,Ауыл,Село\n101000000,15,101000015,\"Ауыл \"\"А\"\"\",\"Село, А\"\n"
    "202000000,1,202000001,Ауыл,Село\n",
    "prefix,operator\n701,kcell\n777,beeline\n702,kcell\n",
};
static struct span fake_files[FAKE_FILES]; /* data NULL: not there */

static int fake_file_open(int dir_fd, const char *path, int flags, mode_t mode)
{
    (void)dir_fd, (void)flags, (void)mode;
    for (int i = 0; i < FAKE_FILES; i++)
        if (strncmp(path, FAKE_DIR "/", sizeof FAKE_DIR) == 0 && strcmp(path + sizeof FAKE_DIR, FAKE_NAMES[i]) == 0 &&
            fake_files[i].data)
            return 1000 + i;
    errno = ENOENT;
    return -1;
}

static int fake_file_close(int fd)
{
    CHECK(fd >= 1000 && fd < 1000 + FAKE_FILES);
    return 0;
}

static int fake_file_stat(int fd, struct stat *ret)
{
    *ret = (struct stat){.st_mode = S_IFREG | 0600, .st_size = (off_t)fake_files[fd - 1000].size};
    return 0;
}

static ssize_t fake_file_read(int fd, void *buffer, size_t size, off_t offset)
{
    const struct span *file = &fake_files[fd - 1000];
    size_t left = (size_t)offset < file->size ? file->size - (size_t)offset : 0;
    size = size < left ? size : left;
    if (size)
        memcpy(buffer, file->data + offset, size);
    return (ssize_t)size;
}

static void fake_folder(void)
{
    keep_big_blocks();
    sys.open = fake_file_open, sys.close = fake_file_close, sys.fstat = fake_file_stat, sys.pread = fake_file_read;
    for (int i = 0; i < FAKE_FILES; i++)
        fake_files[i] = FAKE_BASE[i] ? span_of(FAKE_BASE[i]) : (struct span){NULL, 0};
}

#endif
