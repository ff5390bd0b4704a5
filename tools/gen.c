/* gen.c - see gen.h: the reference data, the permutation of phones, and the small file that a folder of dumps keeps. */
#include "tools/gen.h"

#include "engine/sys/sys.h"
#include "tools/shipped.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRIDE 15485863u /* a prime that divides no space of phones */
#define PORTED_PPM 30000u
#define FAMILIES_IN_BLOCK 61u
#define NINE_EVERY 32u /* of so many blocks one has a phone with nine children */
#define PREFIX_NUMBERS 10000000u
#define PLAN_FILE ".gen" /* a name that a run over the whole folder skips */

/* ---- the reference data ---- */

static void take_prefixes(struct gen *gen)
{
    bool seen[REF_OPERATORS_MAX] = {false};
    for (uint32_t prefix = 700; prefix < 800; prefix++) {
        uint16_t operator = gen->ref->prefixes[prefix];
        unsigned second = prefix / 10 % 10; /* 771… and 772… were land lines once: the value itself may not begin so */
        if (operator == REF_OPERATOR_OTHER || second == 1 || second == 2)
            continue;
        gen->ranks[prefix] = (uint16_t)gen->prefix_count;
        gen->prefixes[gen->prefix_count++] = (uint16_t)prefix;
        seen[operator] = true;
    }
    for (uint32_t id = 0; id < gen->ref->operator_count && gen->operator_count < GEN_OPERATORS_MAX; id++)
        if (seen[id])
            gen->operators[gen->operator_count++] = (uint16_t)id;
}

static uint64_t inverse_of(uint64_t n, uint64_t modulus)
{
    int64_t a = (int64_t)n, b = (int64_t)modulus, x = 1, y = 0;
    while (b) {
        int64_t quotient = a / b, rest = a % b, next = x - quotient * y;
        a = b;
        b = rest;
        x = y;
        y = next;
    }
    return (uint64_t)(x < 0 ? x + (int64_t)modulus : x);
}

static int load_country(struct gen *gen, struct fault *fault)
{
    char path[4200];
    if (ref_load(&gen->set, shipped_path("ref", path), NULL, fault))
        return -1;
    gen->ref = ref_of(gen->set);
    take_prefixes(gen);
    gen->regions = sys.alloc((gen->ref->region_count + 1) * sizeof *gen->regions);
    gen->dates = sys.alloc(GEN_DATES * sizeof *gen->dates);
    if (!gen->regions || !gen->dates)
        return fault_memory(fault);
    for (uint32_t i = 0; i < gen->ref->region_count; i++)
        if (gen->ref->regions[i].active)
            gen->regions[gen->region_count++] = i;
    int32_t day = value_day_of(GEN_BEGIN_MS);
    for (int32_t i = 0; i < GEN_DATES; i++)
        value_date_write(day - GEN_DATES_BEFORE + i, gen->dates[i]);
    if (!gen->prefix_count || !gen->region_count)
        return fault_set(fault, FAULT_INPUT, "%s: has no mobile operator, or no region", path);
    return 0;
}

int gen_open(struct gen *gen, struct fault *fault)
{
    if (gen->cases < 1 || gen->cases > GEN_CASES_MAX)
        return fault_set(fault, FAULT_USAGE, "--cases: must be 1 to %u", GEN_CASES_MAX);
    if (gen->days < 1 || gen->days > GEN_DAYS_MAX)
        return fault_set(fault, FAULT_USAGE, "--days: must be 1 to %d", GEN_DAYS_MAX);
    gen->mixed = gen_mix(gen->seed + 0x6265736b696bull);
    gen->withheld.operator = -1;
    if (load_country(gen, fault))
        return -1;
    gen->space = (uint64_t)gen->prefix_count * PREFIX_NUMBERS;
    if (gen->cases > gen->space / 10 * 9)
        return fault_set(fault, FAULT_USAGE, "--cases: the operators have no more than %" PRIu64 " numbers", gen->space);
    gen->stride = STRIDE % gen->space;
    gen->inverse = inverse_of(gen->stride, gen->space);
    gen->start = gen_hash(gen, GEN_PHONES, 0) % gen->space;
    return 0;
}

void gen_close(struct gen *gen)
{
    ref_free(gen->set);
    sys.free(gen->regions);
    sys.free(gen->dates);
    *gen = (struct gen){0};
}

/* ---- the folder's own file ---- */

static int plan_path(const char *dir, char path[4200], struct fault *fault)
{
    return snprintf(path, 4200, "%s/%s", dir, PLAN_FILE) < 4200 ? 0 : fault_set(fault, FAULT_USAGE, "%s: path too long", dir);
}

/* Under another name first: a folder that was cut short holds it whole or not at all. */
int gen_save(const struct gen *gen, const char *dir, struct fault *fault)
{
    char path[4200], made[4208], text[256];
    if (plan_path(dir, path, fault))
        return -1;
    snprintf(made, sizeof made, "%s.tmp", path);
    int size = snprintf(text, sizeof text, "besik-gen 1\ncases %u\ndays %u\nseed %" PRIu64 "\nerrors %u\n", gen->cases, gen->days,
                        gen->seed, gen->errors);
    int fd = sys.open(AT_FDCWD, made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", made);
    int failed = sys_write_all(fd, text, (size_t)size, 0) == 0 && sys.replace(AT_FDCWD, made, AT_FDCWD, path) == 0
                     ? 0
                     : fault_errno(fault, errno, "%s: write", path);
    sys.close(fd);
    if (failed)
        (void)sys.unlink(AT_FDCWD, made, 0);
    return failed;
}

int gen_read(struct gen *gen, const char *dir, struct fault *fault)
{
    char path[4200], text[256] = "";
    if (plan_path(dir, path, fault))
        return -1;
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fault_of_path(errno)
                   ? fault_set(fault, FAULT_USAGE, "%s: holds no dumps of besik gen: give besik gen DIR --cases N first", dir)
                   : fault_errno(fault, errno, "%s: open", path);
    ssize_t size = sys_read_all(fd, text, sizeof text - 1, 0);
    int error = errno;
    sys.close(fd);
    if (size < 0)
        return fault_errno(fault, error, "%s: read", path);
    if (sscanf(text, "besik-gen 1 cases %u days %u seed %" SCNu64 " errors %u", &gen->cases, &gen->days, &gen->seed,
               &gen->errors) != 4)
        return fault_set(fault, FAULT_INPUT, "%s: is no file of besik gen: give besik gen to another folder", path);
    return 0;
}

/* ---- families ---- */

/* In each block of 64 cases: 58 singles, twins, triplets, one more single; in one of 32 blocks 55 singles and a phone of
 * nine, the last in a full block. All children of a phone are born on one day, so that a slot is the place in the family. */
static bool has_nine(uint32_t block)
{
    return block % NINE_EVERY == NINE_EVERY - 1;
}

uint32_t gen_family_of(uint32_t number, uint32_t *ret_rank)
{
    uint32_t block = number / GEN_FAMILY_BLOCK, at = number % GEN_FAMILY_BLOCK, family = at, rank = 0;
    if (has_nine(block) && at >= 55) {
        family = 55;
        rank = at - 55;
    } else if (!has_nine(block) && at >= 58) {
        family = at < 60 ? 58 : at < 63 ? 59 : 60;
        rank = at < 60 ? at - 58 : at < 63 ? at - 60 : 0;
    }
    if (ret_rank)
        *ret_rank = rank;
    return block * FAMILIES_IN_BLOCK + family;
}

struct gen_family gen_family(const struct gen *gen, uint32_t family)
{
    uint32_t block = family / FAMILIES_IN_BLOCK, at = family % FAMILIES_IN_BLOCK;
    struct gen_family found = {.first = at, .count = 1};
    if (has_nine(block))
        found.count = at < 55 ? 1 : at == 55 ? 9 : 0;
    else if (at >= 58)
        found = at == 58 ? (struct gen_family){58, 2} : at == 59 ? (struct gen_family){60, 3} : (struct gen_family){63, 1};
    uint64_t first = (uint64_t)block * GEN_FAMILY_BLOCK + found.first;
    if (first >= gen->cases)
        return (struct gen_family){0, 0};
    if (first + found.count > gen->cases)
        found.count = gen->cases - (uint32_t)first;
    found.first = (uint32_t)first;
    return found;
}

/* ---- phones ---- */

uint32_t gen_phone(const struct gen *gen, uint64_t place)
{
    uint64_t v = (gen->start + place % gen->space * gen->stride) % gen->space;
    return (gen->prefixes[v / PREFIX_NUMBERS] - 700u) * PREFIX_NUMBERS + (uint32_t)(v % PREFIX_NUMBERS);
}

bool gen_place(const struct gen *gen, uint32_t phone, uint64_t *ret_place)
{
    uint32_t prefix = 700 + phone / PREFIX_NUMBERS;
    if (prefix > 799 || gen->ranks[prefix] >= gen->prefix_count || gen->prefixes[gen->ranks[prefix]] != prefix)
        return false;
    uint64_t v = (uint64_t)gen->ranks[prefix] * PREFIX_NUMBERS + phone % PREFIX_NUMBERS;
    *ret_place = (v + gen->space - gen->start) % gen->space * gen->inverse % gen->space;
    return true;
}

uint32_t gen_stranger(const struct gen *gen, uint64_t hash)
{
    uint64_t tenth = gen->space / 20; /* the last of the places: families are the first */
    return gen_phone(gen, gen->space - 1 - hash % tenth);
}

uint16_t gen_operator_of(const struct gen *gen, uint32_t family)
{
    uint64_t hash = gen_hash(gen, GEN_PHONES, family + 1ull);
    if (gen_chance(hash, 0, PORTED_PPM))
        return gen->operators[gen_below(hash, 24, gen->operator_count)];
    return ref_prefix_operator(gen->ref, gen_phone(gen, family));
}

/* ---- days ---- */

static uint32_t blocks(const struct gen *gen)
{
    return (gen->cases + GEN_FAMILY_BLOCK - 1) / GEN_FAMILY_BLOCK;
}

uint32_t gen_birth_day(const struct gen *gen, uint32_t number)
{
    return 1 + (uint32_t)((uint64_t)(number / GEN_FAMILY_BLOCK) * gen->days / blocks(gen));
}

void gen_born_on(const struct gen *gen, uint32_t day, uint32_t *ret_first, uint32_t *ret_until)
{
    uint64_t all = blocks(gen), days = gen->days;
    *ret_first = *ret_until = 0;
    if (day < 1 || day > gen->days)
        return;
    *ret_first = (uint32_t)(((day - 1) * all + days - 1) / days);
    *ret_until = (uint32_t)((day * all + days - 1) / days);
}
