/* fault.c - see fault.h. */
#include "engine/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fault_set(struct fault *fault, enum fault_code code, const char *format, ...)
{
    if (fault->code != FAULT_NONE)
        return -1;
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->text, sizeof fault->text, format, args);
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
    vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    size_t used = strlen(fault->text);
    snprintf(fault->text + used, sizeof fault->text - used, ": %s%s", strerror(error < 0 ? -error : error),
             advice(error < 0 ? -error : error));
    return -1;
}

int fault_add(struct fault *fault, enum fault_code code, const char *format, ...)
{
    static const char MORE[] = "\n… and more: mend these and give the command again to see the rest";
    if (fault->code != FAULT_NONE && fault->code != code)
        return -1;
    size_t used = fault->code == FAULT_NONE ? 0 : strlen(fault->text), more = sizeof MORE - 1;
    if (used > more && strcmp(fault->text + used - more, MORE) == 0)
        return -1;
    fault->code = code;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (used + strlen(line) + 2 + sizeof MORE > sizeof fault->text)
        memcpy(fault->text + used, MORE, sizeof MORE);
    else
        snprintf(fault->text + used, sizeof fault->text - used, "%s%s", used ? "\n" : "", line);
    return -1;
}
