/* buffer.h - bytes that grow. Room: engine/sys.  Thread: one at a time. */
#ifndef ENGINE_SYS_BUFFER_H
#define ENGINE_SYS_BUFFER_H

#include "engine/fault.h"
#include "engine/span.h"
#include "engine/sys/sys.h"

#include <stdint.h>
#include <stdio.h>

struct buffer {
    char *data;
    size_t size, capacity;
    uint64_t rows; /* counted by whoever appends them */
};

/* A zeroed one is empty; whoever has it frees it. Its bytes move whenever it grows: what points into them stands until the next call
 * that adds. */

/* Room for `size` more bytes behind the content; the caller adds to ->size what it used. NULL: no memory. */
static inline char *buffer_room(struct buffer *buffer, size_t size, struct fault *fault)
{
    if (buffer->size + size >= buffer->capacity) { /* never NULL for nothing */
        size_t capacity = (buffer->size + size) * 3 / 2 + 1024;
        char *data = sys.realloc(buffer->data, capacity);
        if (!data) {
            fault_memory(fault);
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

static inline int buffer_add(struct buffer *buffer, const void *data, size_t size, struct fault *fault)
{
    char *room = buffer_room(buffer, size, fault);
    if (!room)
        return -1;
    if (size)
        memcpy(room, data, size);
    buffer->size += size;
    return 0;
}

static inline int buffer_add_text(struct buffer *buffer, const char *text, struct fault *fault)
{
    return buffer_add(buffer, text, strlen(text), fault);
}

static inline void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->rows = 0;
}

static inline void buffer_free(struct buffer *buffer)
{
    sys.free(buffer->data);
    *buffer = (struct buffer){0};
}

/* Fails for want of memory alone, and the fault keeps that: what is made of many pieces may be written on, and `fault` asked at
 * its end. */
int buffer_format(struct buffer *buffer, struct fault *fault, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
