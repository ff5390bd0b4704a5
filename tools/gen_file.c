/* gen_file.c - see gen_file.h. */
#include "tools/gen_file.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#define BLOCK_SIZE ((size_t)1 << 20)
#define PACKED_SIZE (BLOCK_SIZE + BLOCK_SIZE / 8)
#define ZSTD_LEVEL 1

enum form { FORM_PLAIN, FORM_GZIP, FORM_ZSTD };
static const char *const ENDINGS[] = {"", ".gz", ".zst"};

void gen_files_open(struct gen_files *files, const struct gen *gen, const char *dir, const char *source, bool plain,
                    struct fault *fault)
{
    *files = (struct gen_files){.gen = gen, .dir = dir, .plain = plain, .fault = fault};
    snprintf(files->source, sizeof files->source, "%s", source);
}

int gen_make_day(const char *dir, uint32_t day, struct fault *fault)
{
    char path[4200];
    if (snprintf(path, sizeof path, "%s/" GEN_DAY_FOLDER, dir, day) >= (int)sizeof path)
        return fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
    return sys.mkdir(AT_FDCWD, path, 0700) == 0 || errno == EEXIST ? 0 : fault_errno(fault, errno, "%s: make", path);
}

/* ---- headers: operators write their dumps in ways of their own ---- */

static const char *header_of(enum kind kind, unsigned style)
{
    static const char *const MESSAGES[] = {
        "operator,message_id,received_at,msisdn,short_code,text\n",
        "\xef\xbb\xbfreceived_at,msisdn,text,operator,message_id,short_code,smsc\r\n",
        "message_id,operator,msisdn,received_at,text,short_code\n",
        "operator,message_id,received_at,msisdn,short_code,text\n",
    };
    switch (kind) {
    case KIND_NOTICES:
        return "notice_id,registered_at,msisdn,mother_iin,birth_date,sex,child_order,region,account,hospital\n";
    case KIND_WITHDRAWALS:
        return "notice_id,withdrawn_at,cause\n";
    case KIND_MESSAGES:
        return MESSAGES[style % 4];
    case KIND_RESPONSES:
        return "request_id,status,responded_at,reference,place,queue_number,amount,reason\n";
    case KIND_RECEIPTS:
        return "sms_id,status,at,operator,operator_ref\n";
    case KIND_TOTALS:
    case KIND_COUNT:
        break;
    }
    return "party,kind,from,to,count\n";
}

/* ---- opening ---- */

static void name_of(const struct gen_files *files, enum kind kind, uint16_t party, char name[128])
{
    if (kind == KIND_MESSAGES || kind == KIND_RECEIPTS) {
        struct span code = files->gen->ref->operators[party].code;
        snprintf(name, 128, "%s-%.*s-%s", KIND_WORDS[kind], (int)code.size, code.data, files->source);
    } else if (kind == KIND_RESPONSES) {
        snprintf(name, 128, "%s-%s-%s", KIND_WORDS[kind], AGENCY_WORDS[party % AGENCY_COUNT], files->source);
    } else {
        snprintf(name, 128, "%s-%s", KIND_WORDS[kind], files->source);
    }
}

static enum form form_of(const struct gen_files *files, const char *name)
{
    uint64_t sum = 0;
    for (const char *at = name; *at; at++)
        sum = sum * 131 + (unsigned char)*at;
    static const uint8_t FORMS[] = {FORM_PLAIN, FORM_PLAIN, FORM_PLAIN, FORM_PLAIN, FORM_GZIP, FORM_ZSTD, FORM_ZSTD, FORM_ZSTD};
    return files->plain ? FORM_PLAIN : FORMS[gen_hash(files->gen, GEN_FILES, sum) >> 61];
}

static struct gen_file *open_file(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day)
{
    char name[128];
    struct gen_file *file = files->count < GEN_FILES_MAX ? sys.alloc(sizeof *file) : NULL;
    char *data = file ? sys.alloc(BLOCK_SIZE + GEN_ROW_MAX) : NULL;
    if (!data) {
        sys.free(file);
        fault_memory(files->fault);
        return NULL;
    }
    *file = (struct gen_file){.kind = kind, .party = party, .day = day, .data = data};
    name_of(files, kind, party, name);
    file->form = form_of(files, name);
    for (unsigned i = 0; i < files->gen->operator_count; i++)
        if (files->gen->operators[i] == party)
            file->style = (uint16_t)(i % 4);
    snprintf(file->path, sizeof file->path, "%s/" GEN_DAY_FOLDER "/%s.csv%s", files->dir, day, name, ENDINGS[file->form]);
    files->files[files->count++] = file;
    file->fd = gen_make_day(files->dir, day, files->fault)
                   ? -1
                   : sys.open(AT_FDCWD, file->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (file->fd < 0) {
        fault_errno(files->fault, errno, "%s: make", file->path);
        return NULL;
    }
    files->sums.files++;
    const char *header = header_of(kind, file->style);
    file->size = strlen(header);
    memcpy(file->data, header, file->size);
    return file;
}

/* ---- writing ---- */

static size_t pack_gzip(struct gen_files *files, const struct gen_file *file)
{
    struct isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    uint8_t level[ISAL_DEF_LVL1_DEFAULT];
    stream.level = 1;
    stream.level_buf = level;
    stream.level_buf_size = sizeof level;
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.next_in = (uint8_t *)file->data;
    stream.avail_in = (uint32_t)file->size;
    stream.next_out = (uint8_t *)files->packed;
    stream.avail_out = (uint32_t)PACKED_SIZE;
    return isal_deflate_stateless(&stream) == COMP_OK ? stream.total_out : 0;
}

static int pack(struct gen_files *files, const struct gen_file *file, size_t *ret_size)
{
    if (!files->packed)
        files->packed = sys.alloc(PACKED_SIZE);
    if (!files->zstd)
        files->zstd = ZSTD_createCCtx();
    if (!files->packed || !files->zstd)
        return fault_memory(files->fault);
    *ret_size = file->form == FORM_GZIP
                    ? pack_gzip(files, file)
                    : ZSTD_compressCCtx(files->zstd, files->packed, PACKED_SIZE, file->data, file->size, ZSTD_LEVEL);
    return *ret_size && *ret_size <= PACKED_SIZE
               ? 0
               : fault_set(files->fault, FAULT_FAILED, "%s: cannot be compressed", file->path);
}

static int flush(struct gen_files *files, struct gen_file *file)
{
    const char *data = file->data;
    size_t size = file->size;
    files->sums.plain_bytes += size;
    file->plain_bytes += size;
    if (file->form != FORM_PLAIN) {
        if (pack(files, file, &size))
            return -1;
        data = files->packed;
    }
    files->sums.bytes += size;
    file->size = 0;
    if (sys_write_all(file->fd, data, size, file->at) != 0)
        return fault_errno(files->fault, errno, "%s: write", file->path);
    file->at += (off_t)size;
    return 0;
}

struct gen_file *gen_files_row(struct gen_files *files, enum kind kind, uint16_t party, uint32_t day)
{
    struct gen_file *file = NULL;
    for (unsigned i = 0; i < files->count && !file; i++) {
        struct gen_file *one = files->files[i];
        if (one->kind == kind && one->party == party && one->day == day)
            file = one;
    }
    if (!file && !(file = open_file(files, kind, party, day)))
        return NULL;
    if (file->fd < 0 || (file->size >= BLOCK_SIZE - GEN_ROW_MAX && flush(files, file)))
        return NULL;
    return file;
}

static void count_volume(struct gen_files *files, const struct gen_file *file)
{
    if (!files->volumes || file->day > GEN_DAYS_MAX)
        return;
    struct gen_volume *volume = &files->volumes[file->day];
    bool apart = file->party == files->apart;
    atomic_fetch_add(apart && file->kind == KIND_MESSAGES   ? &volume->messages
                     : apart && file->kind == KIND_RECEIPTS ? &volume->receipts
                                                            : &volume->others,
                     file->plain_bytes);
}

int gen_files_close(struct gen_files *files)
{
    for (unsigned i = 0; i < files->count; i++) {
        struct gen_file *file = files->files[i];
        if (file->fd >= 0) {
            if (files->fault->code == FAULT_NONE && file->size)
                flush(files, file);
            if (sys.close(file->fd) != 0)
                fault_errno(files->fault, errno, "%s: close", file->path);
        }
        files->sums.records += file->records;
        count_volume(files, file);
        sys.free(file->data);
        sys.free(file);
    }
    files->count = 0;
    sys.free(files->packed);
    ZSTD_freeCCtx(files->zstd);
    files->packed = files->zstd = NULL;
    return files->fault->code == FAULT_NONE ? 0 : -1;
}
