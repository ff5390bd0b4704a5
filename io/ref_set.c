/* ref_set.c - memory of a set of reference data, and what is asked of a set; see ref_set.h and ref_load.h. */
#include "io/ref_set.h"

#include "engine/sys/sys.h"

#include <stdlib.h>

#define BLOCK_SIZE ((size_t)256 << 10)

int ref_set_open(struct ref_set **ret_set, struct fault *fault)
{
    struct ref_set *set = sys.alloc(sizeof *set);
    if (!set)
        return fault_memory(fault);
    *set = (struct ref_set){0};
    *ret_set = set;
    return 0;
}

void ref_free(struct ref_set *set)
{
    if (!set)
        return;
    while (set->blocks) {
        struct ref_block *next = set->blocks->next;
        sys.free(set->blocks);
        set->blocks = next;
    }
    sys.free(set);
}

void *ref_set_alloc(struct ref_set *set, size_t size, struct fault *fault)
{
    size = size ? (size + 15) & ~(size_t)15 : 16;
    struct ref_block *block = set->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = sys.alloc(sizeof *block + room);
        if (!block) {
            fault_memory(fault);
            return NULL;
        }
        *block = (struct ref_block){.next = set->blocks, .size = room};
        set->blocks = block;
    }
    char *at = block->data + block->used;
    block->used += size;
    memset(at, 0, size);
    return at;
}

static int compare_codes(const void *a, const void *b, void *operators)
{
    const struct ref_operator *all = operators;
    return span_compare(all[*(const uint16_t *)a].code, all[*(const uint16_t *)b].code);
}

int ref_set_rank(struct ref_set *set, struct fault *fault)
{
    struct ref *ref = &set->ref;
    uint16_t ids[REF_OPERATORS_MAX];
    for (uint32_t i = 0; i < ref->operator_count; i++)
        ids[i] = (uint16_t)i;
    qsort_r(ids, ref->operator_count, sizeof *ids, compare_codes, (void *)ref->operators);
    uint16_t *ranks = ref_set_alloc(set, ref->operator_count * sizeof *ranks, fault);
    if (!ranks)
        return -1;
    for (uint32_t i = 0; i < ref->operator_count; i++)
        ranks[ids[i]] = (uint16_t)i;
    ref->operator_ranks = ranks;
    return 0;
}

const struct ref *ref_of(const struct ref_set *set)
{
    return &set->ref;
}

const struct ref_text *ref_texts(const struct ref_set *set, uint32_t *ret_count)
{
    *ret_count = set->text_count;
    return set->texts;
}

struct span ref_dumps(const struct ref_set *set)
{
    return set->dumps;
}

/* Ids of two sets need not agree, codes do. */
static bool same_operator(const struct ref *a, int32_t a_id, const struct ref *b, int32_t b_id)
{
    if (a_id < 0 || b_id < 0)
        return a_id == b_id;
    return span_equal(a->operators[a_id].code, b->operators[b_id].code);
}

bool ref_same_clock(const struct ref_set *a, const struct ref_set *b)
{
    const struct ref *x = &a->ref, *y = &b->ref;
    if (x->outage_count != y->outage_count)
        return false;
    for (uint32_t i = 0; i < x->outage_count; i++) {
        const struct ref_outage *p = &x->outages[i], *q = &y->outages[i];
        if (p->from_ms != q->from_ms || p->to_ms != q->to_ms ||
            !same_operator(x, p->operator, y, q->operator))
            return false;
    }
    for (unsigned i = 0; i < sizeof x->prefixes / sizeof *x->prefixes; i++)
        if (!same_operator(x, x->prefixes[i], y, y->prefixes[i]))
            return false;
    return true;
}
