/* forget_folders.c - rows of one phone leave the folders that are kept. See forget.h.
 * A file is looked through first; only one that names the phone is written anew, a block behind the one that is being read. */
#include "tools/forget.h"

#include "engine/values.h"
#include "store/kept.h"
#include "tools/strike.h"

#include <stdio.h>

#define MSISDN_SIZE 11
#define BLOCK_SIZE ((size_t)256 << 10)

struct hit { /* a file that names the phone */
    uint32_t run, file, blocks;
    char name[KEPT_NAME_MAX + 1];
};

struct search {
    char msisdn[MSISDN_SIZE];
    uint32_t run;
    char tail[2 * MSISDN_SIZE]; /* of the block before, and the first of this one: a number may lie across */
    size_t tail_size;
    struct hit file; /* the one at hand */
    bool named;
    struct buffer hits;
    struct fault *fault;
};

/* rejected-KIND.csv: records as they came. */
static bool is_raw(struct span name)
{
    return name.size > 9 && memcmp(name.data, "rejected-", 9) == 0;
}

static int end_search(struct search *search)
{
    bool named = search->named;
    search->named = false;
    return named ? buffer_add(&search->hits, &search->file, sizeof search->file, search->fault) : 0;
}

static int look(struct span name, uint32_t file, uint32_t block, struct span bytes, void *context)
{
    struct search *search = context;
    if (block == 0) {
        if (end_search(search))
            return -1;
        search->tail_size = 0;
        search->file = (struct hit){.run = search->run, .file = file};
        snprintf(search->file.name, sizeof search->file.name, "%.*s", (int)name.size, name.data);
        search->named = is_raw(name); /* it may name it in another form: each row is to be looked at */
    }
    search->file.blocks = block + 1;
    size_t head = bytes.size < MSISDN_SIZE - 1 ? bytes.size : MSISDN_SIZE - 1;
    if (head)
        memcpy(search->tail + search->tail_size, bytes.data, head);
    search->named |= memmem(search->tail, search->tail_size + head, search->msisdn, MSISDN_SIZE) != NULL ||
                     (bytes.size && memmem(bytes.data, bytes.size, search->msisdn, MSISDN_SIZE) != NULL);
    search->tail_size = head;
    if (head)
        memcpy(search->tail, bytes.data + bytes.size - head, head);
    return 0;
}

struct rewriting {
    struct strike *strike;
    const struct hit *hit;
    const char *msisdn;
    uint32_t phone;
    void *packer;
    struct buffer row, out, packed;
    bool quoted;
    uint32_t written; /* blocks */
    uint64_t rows;    /* left out */
};

static int put_block(struct rewriting *rewriting, size_t size)
{
    struct strike *strike = rewriting->strike;
    uint8_t key[KEPT_KEY_SIZE];
    kept_key(rewriting->hit->run, (uint16_t)rewriting->hit->file, rewriting->written, key);
    struct span name = rewriting->written ? (struct span){NULL, 0} : span_of(rewriting->hit->name);
    buffer_clear(&rewriting->packed);
    if (kept_pack(rewriting->packer, name, rewriting->out.data, size, &rewriting->packed, strike->fault) ||
        db_put(&strike->writer, TABLE_FOLDERS, key, sizeof key, rewriting->packed.data, rewriting->packed.size, strike->fault))
        return -1;
    rewriting->written++;
    rewriting->out.size -= size;
    if (rewriting->out.size)
        memmove(rewriting->out.data, rewriting->out.data + size, rewriting->out.size);
    return 0;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The phone's number at `at`, in whatever form it is taken: eleven digits, and between them what is struck out (contract section 2). */
static bool number_is(const char *at, const char *end, uint32_t wanted)
{
    const char *begin = at;
    uint32_t phone;
    unsigned digits = 0;
    for (; at < end && digits < MSISDN_SIZE && (is_digit(*at) || (*at && strchr(" -()", *at))); at++)
        digits += is_digit(*at);
    return (at == end || !is_digit(*at)) && value_phone((struct span){begin, (size_t)(at - begin)}, &phone) && phone == wanted;
}

/* What was rejected stands as it came, be it a line of a log: the number may stand between whatever its form has there. */
static bool names_phone(const struct rewriting *rewriting)
{
    const char *begin = rewriting->row.data, *end = begin + rewriting->row.size;
    if (memmem(begin, rewriting->row.size, rewriting->msisdn, MSISDN_SIZE))
        return true;
    for (const char *at = begin; is_raw(span_of(rewriting->hit->name)) && at < end; at++)
        if ((*at == '7' || *at == '8') && (at == begin || !is_digit(at[-1])) && number_is(at, end, rewriting->phone))
            return true;
    return false;
}

/* A CSV row may have line ends in quotes; a JSON line has none. */
static int take(struct rewriting *rewriting, struct span bytes, bool json)
{
    struct fault *fault = rewriting->strike->fault;
    for (size_t i = 0, begin = 0; i < bytes.size; i++) {
        rewriting->quoted ^= bytes.data[i] == '"' && !json;
        bool end = bytes.data[i] == '\n' && !rewriting->quoted;
        if (!end && i + 1 < bytes.size)
            continue;
        if (buffer_add(&rewriting->row, bytes.data + begin, i + 1 - begin, fault))
            return -1;
        begin = i + 1;
        if (!end)
            continue;
        if (names_phone(rewriting))
            rewriting->rows++;
        else if (buffer_add(&rewriting->out, rewriting->row.data, rewriting->row.size, fault))
            return -1;
        buffer_clear(&rewriting->row);
    }
    return 0;
}

/* So that what is written never overtakes what is read: a block is put once another was read. */
static int rewrite_file(struct rewriting *rewriting)
{
    struct strike *strike = rewriting->strike;
    const struct hit *hit = rewriting->hit;
    size_t length = strlen(hit->name);
    bool json = length > 7 && strcmp(hit->name + length - 7, ".ndjson") == 0;
    uint8_t key[KEPT_KEY_SIZE];
    for (uint32_t block = 0; block < hit->blocks; block++) {
        struct span payload, name;
        kept_key(hit->run, (uint16_t)hit->file, block, key);
        int there = db_get(&strike->store->db, strike->writer.txn, TABLE_FOLDERS, key, sizeof key, &payload, strike->fault);
        if (there || kept_unpack(block == 0, payload, &name, &strike->plain, strike->fault) ||
            take(rewriting, (struct span){strike->plain.data, strike->plain.size}, json))
            return there > 0 ? db_damaged(strike->fault, TABLE_FOLDERS) : -1;
        while (rewriting->out.size >= BLOCK_SIZE && rewriting->written <= block)
            if (put_block(rewriting, BLOCK_SIZE))
                return -1;
    }
    while (rewriting->out.size || !rewriting->written)
        if (put_block(rewriting, rewriting->out.size < BLOCK_SIZE ? rewriting->out.size : BLOCK_SIZE))
            return -1;
    for (uint32_t block = rewriting->written; block < hit->blocks; block++) {
        kept_key(hit->run, (uint16_t)hit->file, block, key);
        if (db_delete(&strike->writer, TABLE_FOLDERS, key, sizeof key, strike->fault))
            return -1;
    }
    return 0;
}

int forget_folders(struct strike *strike, uint32_t phone, uint64_t *rows)
{
    struct search search = {.fault = strike->fault};
    struct rewriting rewriting = {.strike = strike, .phone = phone, .packer = kept_packer()};
    int failed = rewriting.packer ? 0 : fault_memory(strike->fault);
    value_phone_write(phone, search.msisdn);
    for (search.run = 1; search.run <= strike->store->state->run && !failed; search.run++)
        failed = kept_folder(&strike->store->db, strike->writer.txn, search.run, look, &search, strike->fault) < 0 ||
                 end_search(&search);
    const struct hit *hits = (const struct hit *)search.hits.data;
    strike->writer.limit = SIZE_MAX; /* a file is whole, before and after; and all of them together, so are their folders */
    for (size_t i = 0; i < search.hits.size / sizeof *hits && !failed; i++) {
        rewriting.hit = &hits[i];
        rewriting.msisdn = search.msisdn;
        rewriting.written = 0;
        rewriting.quoted = false;
        buffer_clear(&rewriting.out);
        buffer_clear(&rewriting.row);
        failed = rewrite_file(&rewriting);
    }
    *rows += rewriting.rows;
    buffer_free(&search.hits);
    buffer_free(&rewriting.row);
    buffer_free(&rewriting.out);
    buffer_free(&rewriting.packed);
    kept_packer_free(rewriting.packer);
    return failed ? -1 : 0;
}
