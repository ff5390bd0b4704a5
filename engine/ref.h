/* ref.h - reference data as a run sees it (contract section 5), read-only while it runs.
 * Room: engine (pure: look-ups only; io/ref_load.c fills it).  Thread: any. What is looked up stands as long as the set (ref_free).
 *
 * A number keeps its code for ever, so cases keep numbers. Entries that an update left out stay with active = false:
 * they still give a code, a name or an address, but no answer names them any more. */
#ifndef ENGINE_REF_H
#define ENGINE_REF_H

#include "engine/span.h"
#include "engine/words.h"

#include <stdbool.h>
#include <stdint.h>

#define REF_NUMBER_MAX 999
#define REF_OPERATOR_OTHER 0 /* operator id of the reserved code `other` */
#define REF_OPERATORS_MAX 1024

struct ref_entry {
    uint16_t number; /* 1 … 999 */
    bool active;
    struct span code;                   /* option or office code, KATO of a locality */
    struct span names[LANG_COUNT];      /* [LANG_KK], [LANG_RU] */
    struct span addresses[LANG_COUNT];  /* offices only */
};

struct ref_list {
    const struct ref_entry *entries; /* by number, ascending */
    uint32_t count;
};

struct ref_region {
    uint32_t code; /* the 9 digits of its KATO code as a number */
    bool active;   /* in both offices.csv and localities.csv with an active entry in each */
    struct ref_list offices, localities;
};

struct ref_operator {
    struct span code;
    bool active; /* in operators.csv now */
};

struct ref_outage {
    int32_t operator; /* operator id, -1: all */
    int64_t from_ms, to_ms; /* half-open; to_ms INT64_MAX: still on */
};

struct ref {
    struct ref_list options[STEP_COUNT]; /* STEP_EDUCATION, STEP_INCOME, STEP_PRIVILEGE */
    const struct ref_region *regions;    /* by code, ascending */
    uint32_t region_count;
    const struct ref_operator *operators; /* by id: order of first appearance, never reused; [0] is `other` */
    uint32_t operator_count;
    const uint16_t *operator_ranks;      /* id -> rank of its code in byte order among all */
    uint16_t prefixes[1000];             /* 3 digits after the country's 7 -> operator id; 0 where none */
    const struct ref_outage *outages;    /* as declared; spans may overlap */
    uint32_t outage_count;
};

const struct ref_entry *ref_find(const struct ref_list *list, unsigned number); /* active or not; NULL */
struct span ref_code(const struct ref_list *list, unsigned number);             /* its code, active or not; empty */
const struct ref_region *ref_region(const struct ref *ref, uint32_t code);      /* active or not; NULL */
/* The list that a prompt's answer chooses from; NULL where the step has none. */
const struct ref_list *ref_choices(const struct ref *ref, enum step step, uint32_t region_code);
int ref_operator(const struct ref *ref, struct span code);  /* id of an active operator, or -1; `other` is none */
uint16_t ref_prefix_operator(const struct ref *ref, uint32_t phone); /* by prefix, else REF_OPERATOR_OTHER */

/* Milliseconds of [from, to) that lie in an outage of the operator or of all, overlaps once. */
int64_t ref_outage_ms(const struct ref *ref, uint16_t operator, int64_t from_ms, int64_t to_ms);
bool ref_outage_on(const struct ref *ref, uint16_t operator, int64_t at_ms);

#endif
