/* span.h - a borrowed run of bytes. Room: engine. The owner is whoever made the bytes; a span never frees, and whoever gives one out
 * says how long it stands. No NUL behind it. Empty: size 0, data may be NULL. */
#ifndef ENGINE_SPAN_H
#define ENGINE_SPAN_H

#include <stddef.h>
#include <string.h>

struct span {
    const char *data;
    size_t size;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static inline int span_equal(struct span a, struct span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Order of two numbers of one type: -1, 0, 1. */
#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* Order as bytes: a shorter one first where it is the other's beginning. */
static inline int span_compare(struct span a, struct span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : COMPARE(a.size, b.size);
}

#endif
