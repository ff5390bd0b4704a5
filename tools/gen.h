/* gen.h - a made-up country: who is born when, on which phone, and with which temper; all of it drawn from a seed.
 * Room: tools.  Nothing is remembered: each fact of a case is a hash of the seed and its number, and the number is read
 * back from the phone or the notice. So the same seed gives the same bytes, by any compiler and any number of workers.
 *
 *   gen.c          the country: reference data, phones, days
 *   gen_plan.h     what a case is meant to live through, and where it stands after a night
 *   gen_rows.h     fields of CSV, written fast
 *   gen_file.h     files of a night, plain, gzip or zstd
 *   gen_spoil.c    records that cannot be used, of every reason
 *   gen_day.c      what a day's dumps hold that nobody needs to read an SMS for
 *   gen_folder.h   a run's folder, in ranges
 *   gen_answers.c  what citizens, agencies and operators answer to a run's folder
 *
 * Thread: any, once gen_open is through: a struct gen is then only read. Errors: only opening, saving and reading can fail.
 *
 * Day d is what comes in between the as-of of night d - 1 and that of night d, 24 hours later; night 0 is GEN_BEGIN. */
#ifndef TOOLS_GEN_H
#define TOOLS_GEN_H

#include "engine/fault.h"
#include "engine/ref.h"
#include "engine/values.h"
#include "io/ref_load.h"

#include <stdbool.h>
#include <stdint.h>

#define GEN_BEGIN_MS 1772384400000LL /* 2026-03-01T22:00:00+05:00 */
#define GEN_DAYS_MAX 400
#define GEN_CASES_MAX 100000000u
#define GEN_OPERATORS_MAX 64
#define GEN_ERRORS_MAX 500000u /* of a million */
#define GEN_ERRORS_DEFAULT 10000u
#define GEN_DAYS_DEFAULT 16u
#define GEN_FAMILY_BLOCK 64u /* cases; families are laid out alike in each block */
#define GEN_PART_BLOCKS 512u /* blocks that one file of a day holds */

/* what a hash is drawn for; append only, else the bytes of a seed change */
enum gen_stream {
    GEN_PHONES,
    GEN_TEMPER,
    GEN_FACTS,
    GEN_AGENCY,
    GEN_NAMES,
    GEN_MESSAGE_IDS,
    GEN_TIMES,
    GEN_FORMS,
    GEN_STRANGERS,
    GEN_SPOILS,
    GEN_RECEIPTS,
    GEN_ANSWERS,
    GEN_FILES,
    GEN_REPEATS,
    GEN_CHATTER,
};

/* A capacity run withholds an operator's dumps of some nights, and gives them all in one. */
struct gen_withheld {
    int operator;         /* its id, -1: nobody's */
    uint32_t from, until; /* the dumps of days from … until - 1 come with those of day `until` */
};

struct gen {
    uint64_t seed, mixed;
    uint32_t cases, days, errors; /* errors: of a million records so many more that cannot be used */
    struct gen_withheld withheld;
    struct ref_set *set;
    const struct ref *ref;
    uint16_t prefixes[1000]; /* the 3 digits after the country's 7, of mobile operators */
    uint16_t ranks[1000];    /* 3 digits -> place in `prefixes` */
    uint32_t prefix_count;
    uint16_t operators[GEN_OPERATORS_MAX]; /* ids of those with a prefix, ascending */
    uint32_t operator_count;
    uint32_t *regions; /* places in ref->regions of the active ones */
    uint32_t region_count;
    uint64_t space, stride, inverse, start; /* of the permutation of phones */
    char (*dates)[10];                      /* "2026-03-01", from GEN_DATES_BEFORE days before the begin */
};

#define GEN_DATES_BEFORE 8
#define GEN_DATES (GEN_DATES_BEFORE + GEN_DAYS_MAX + 64)

/* Takes cases, days, seed and errors; loads the shipped reference data. A wrong figure is FAULT_USAGE. */
int gen_open(struct gen *gen, struct fault *fault);
void gen_close(struct gen *gen); /* a zeroed one is taken */

/* The folder's own small file, with cases, days, seed and errors: what answers need to know. */
int gen_save(const struct gen *gen, const char *dir, struct fault *fault);
int gen_read(struct gen *gen, const char *dir, struct fault *fault); /* fills these four only */

static inline uint64_t gen_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    return x ^ x >> 32;
}

static inline uint64_t gen_hash(const struct gen *gen, enum gen_stream stream, uint64_t n)
{
    return gen_mix(gen_mix(n + gen->mixed) + ((uint64_t)stream + 1) * 0x9e3779b97f4a7c15ull);
}

/* Is it one of `ppm` in a million? Other bits of a hash are other throws: shift 0, 20, 40. */
static inline bool gen_chance(uint64_t hash, unsigned shift, uint32_t ppm)
{
    return ((hash >> shift & 0xfffff) * 1000000 >> 20) < ppm;
}

/* A whole number below `count`, by 24 bits of the hash. */
static inline uint32_t gen_below(uint64_t hash, unsigned shift, uint32_t count)
{
    return (uint32_t)((hash >> shift & 0xffffff) * count >> 24);
}

static inline int64_t gen_as_of(uint32_t night)
{
    return GEN_BEGIN_MS + (int64_t)night * DAY_MS;
}

/* ---- phones and families ---- */

struct gen_family {
    uint32_t first, count; /* its cases */
};

uint32_t gen_family_of(uint32_t number, uint32_t *ret_rank);          /* the family of a case, and its place in it from 0 */
struct gen_family gen_family(const struct gen *gen, uint32_t family); /* count 0: there is none */
uint32_t gen_phone(const struct gen *gen, uint64_t place); /* as the engine keeps phones; families first, strangers behind */
bool gen_place(const struct gen *gen, uint32_t phone, uint64_t *ret_place);
uint32_t gen_stranger(const struct gen *gen, uint64_t hash);      /* a phone that is no family's */
uint16_t gen_operator_of(const struct gen *gen, uint32_t family); /* that serves it, ported numbers too */

/* Blocks of families that are born on a day: first … until - 1. */
void gen_born_on(const struct gen *gen, uint32_t day, uint32_t *ret_first, uint32_t *ret_until);
uint32_t gen_birth_day(const struct gen *gen, uint32_t number);

#endif
