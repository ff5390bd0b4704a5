/* fake_ref.h - a folder of reference data in memory, behind the table of system calls: the least that is taken, and what an input
 * makes of it. */
#ifndef FUZZ_FAKE_REF_H
#define FUZZ_FAKE_REF_H

#include "big_blocks.h"
#include "fake_files.h"
#include "io/ref_set.h"

#define FAKE_DIR "ref"
#define FAKE_FILES 6
static const char *const FAKE_NAMES[FAKE_FILES] = {FAKE_DIR "/options.csv",   FAKE_DIR "/offices.csv", FAKE_DIR "/localities.csv",
                                                   FAKE_DIR "/operators.csv", FAKE_DIR "/outages.csv", FAKE_DIR "/texts.csv"};
static const char *const FAKE_BASE[FAKE_FILES] = {
    "step,number,code,kk,ru\neducation,1,high,Жоғары,Высшее\neducation,12,none,Жоқ,Нет\nincome,1,job,Жұмыс,Работа\n"
    "privilege,1,none,Жоқ,Нет\nprivilege,2,large,Көп,Много\n",
    "region,number,code,kk,ru,address_kk,address_ru\n101000000,1,A-1,бөлім 1,отдел 1,\"Абай к-сі, 1\",\"ул. Абая, 1\"\n"
    "101000000,2,A-2,бөлім 2,отдел 2,м2,а2\n202000000,7,B-7,бөлім 7,отдел 7,м7,а7\n",
    "region,number,kato,kk,ru\n101000000,1,101000001,Ауыл,Село\n101000000,15,101000015,\"Ауыл \"\"А\"\"\",\"Село, А\"\n"
    "202000000,1,202000001,Ауыл,Село\n",
    "prefix,operator\n701,kcell\n777,beeline\n702,kcell\n",
};

static void fake_folder(void)
{
    keep_big_blocks();
    fake_files_begin();
    for (unsigned i = 0; i < FAKE_FILES; i++)
        fake_file(i, FAKE_BASE[i] ? FAKE_NAMES[i] : NULL, FAKE_BASE[i] ? span_of(FAKE_BASE[i]) : (struct span){NULL, 0});
}

#endif
