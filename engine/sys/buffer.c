/* buffer.c - see buffer.h. */
#include "engine/sys/buffer.h"

#include <stdarg.h>

int buffer_format(struct buffer *buffer, struct fault *fault, const char *format, ...)
{
    char *room = buffer_room(buffer, 512, fault);
    if (!room)
        return -1;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(room, 512, format, args);
    va_end(args);
    if (size >= 512) {
        room = buffer_room(buffer, (size_t)size + 1, fault);
        if (!room)
            return -1;
        va_start(args, format);
        vsnprintf(room, (size_t)size + 1, format, args);
        va_end(args);
    }
    buffer->size += (size_t)size;
    return 0;
}
