/* shipped.c - see shipped.h. */
#include "tools/shipped.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *shipped_path(const char *name, char path[4200])
{
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size > 0) {
        self[size] = 0;
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = 0;
        snprintf(path, 4200, "%s/../share/besik/%s", self, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    snprintf(path, 4200, "%s/%s", BESIK_SHARE_INSTALL, name);
    if (access(path, R_OK) != 0)
        snprintf(path, 4200, "%s/%s", BESIK_SHARE_BUILD, name);
    return path;
}
