/* fault.c - see fault.h. */
#include "engine/fault.h"

#include "engine/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 8192 /* two paths and what is said of them */

/* ---- what a terminal may have ---- */

/* Bytes of the character at `at`, where it is one that is shown as it is; else 0. */
static size_t plain_character(const char *at, size_t left)
{
    unsigned char lead = (unsigned char)*at;
    size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (size == 1)
        return lead >= ' ' && lead != 0x7f;
    bool control = lead == 0xc2 && left > 1 && (unsigned char)at[1] < 0xa0; /* U+0080 to U+009F */
    return size <= left && !control && value_text((struct span){at, size}) ? size : 0;
}

char *path_shown(struct span path, char *out, size_t room)
{
    size_t used = 0;
    for (size_t at = 0; at < path.size;) {
        char escaped[5];
        const char *from = path.data + at;
        size_t taken = plain_character(from, path.size - at), size = taken;
        if (!taken) {
            const char *letter = *from ? strchr("\nn\tt\rr", *from) : NULL;
            size = (size_t)(letter ? snprintf(escaped, sizeof escaped, "\\%c", letter[1])
                                   : snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)*from));
            from = escaped;
        }
        if (used + size + 1 > room)
            break;
        memcpy(out + used, from, size);
        used += size;
        at += taken ? taken : 1;
    }
    out[used] = 0;
    return out;
}

/* ---- faults ---- */

__attribute__((format(printf, 3, 0))) static void put(char *out, size_t room, const char *format, va_list args)
{
    char line[LINE_MAX_BYTES];
    int size = vsnprintf(line, sizeof line, format, args);
    path_shown((struct span){line, size < (int)sizeof line ? (size_t)size : sizeof line - 1}, out, room);
}

int fault_set(struct fault *fault, enum fault_code code, const char *format, ...)
{
    if (fault->code != FAULT_NONE)
        return -1;
    fault->code = code;
    va_list args;
    va_start(args, format);
    put(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return -1;
}

#define MEMORY_ADVICE "free some and give the command again (a run takes less with fewer --workers and less --memory)"

static const char *advice(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT: return " (the disk is full): make room and give the command again";
    case EFBIG: return " (a limit on the size of files, as ulimit -f sets it): raise it and give the command again";
    case ENOMEM: return " (out of memory): " MEMORY_ADVICE;
    case EACCES:
    case EPERM: return ": give the user that runs besik the right to it, then the command again";
    case EROFS: return ": mount its file system for writing, or give another place, then the command again";
    case EMFILE: return ": raise the limit (ulimit -n), then give the command again";
    case EIO:
    case EINTR:
    case EAGAIN: return ": give the command again";
    default: return ""; /* the error itself says what to mend */
    }
}

bool fault_of_path(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EISDIR || error == EACCES || error == EPERM || error == ELOOP ||
           error == ENAMETOOLONG;
}

int fault_memory(struct fault *fault)
{
    if (errno == ENOSPC || errno == EDQUOT) /* what --memory has no room for lies in a file (engine/sys/large.h) */
        return fault_set(fault, FAULT_FAILED, "the disk is full: a file of what does not fit into memory: make room, or give --tmp "
                                              "another folder, and give the command again");
    return fault_set(fault, FAULT_FAILED, "out of memory: " MEMORY_ADVICE);
}

int fault_errno(struct fault *fault, int error, const char *format, ...)
{
    if (fault->code != FAULT_NONE)
        return -1;
    fault->code = FAULT_FAILED;
    va_list args;
    va_start(args, format);
    put(fault->text, sizeof fault->text, format, args);
    va_end(args);
    size_t used = strlen(fault->text);
    snprintf(fault->text + used, sizeof fault->text - used, ": %s%s", strerror(error < 0 ? -error : error),
             advice(error < 0 ? -error : error));
    return -1;
}

int fault_path(struct fault *fault, int error, const char *doing, const char *format, ...)
{
    char what[PATH_SHOWN_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return fault_of_path(error) ? fault_set(fault, FAULT_USAGE, "%s: %s", what, strerror(error)) : fault_errno(fault, error, "%s: %s", what, doing);
}

static const char MORE[] = "\n… and more: mend these and give the command again to see the rest";

static bool ends_with_more(const struct fault *fault)
{
    size_t used = strlen(fault->text), more = sizeof MORE - 1;
    return used > more && strcmp(fault->text + used - more, MORE) == 0;
}

static int add_line(struct fault *fault, enum fault_code code, const char *line, size_t size)
{
    if (fault->code != FAULT_NONE && (fault->code != code || ends_with_more(fault)))
        return -1;
    size_t used = fault->code == FAULT_NONE ? 0 : strlen(fault->text);
    fault->code = code;
    if (used + size + 2 + sizeof MORE > sizeof fault->text)
        memcpy(fault->text + used, MORE, sizeof MORE);
    else
        snprintf(fault->text + used, sizeof fault->text - used, "%s%.*s", used ? "\n" : "", (int)size, line);
    return -1;
}

int fault_add(struct fault *fault, enum fault_code code, const char *format, ...)
{
    char line[sizeof fault->text / 2];
    va_list args;
    va_start(args, format);
    put(line, sizeof line, format, args);
    va_end(args);
    return add_line(fault, code, line, strlen(line));
}

int fault_pass(struct fault *fault, const struct fault *from)
{
    for (const char *line = from->text; line;) {
        const char *end = strchr(line, '\n');
        add_line(fault, from->code, line, end ? (size_t)(end - line) : strlen(line));
        line = end ? end + 1 : NULL;
    }
    return -1;
}

int fault_end(struct fault *fault, const char *what)
{
    size_t used = strlen(fault->text);
    if (!ends_with_more(fault))
        snprintf(fault->text + used, sizeof fault->text - used, ": %s", what);
    return -1;
}
