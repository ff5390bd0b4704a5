/* notify.c - see notify.h. By hand: libsystemd is a library more for four lines of text. */
#include "tools/notify.h"

#include "engine/sys/sys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define PATIENCE_S 5 /* with a listener that does not read */
#define MESSAGE_MAX 512

int notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = path ? strlen(path) : 0;
    if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return -1;
    memcpy(address.sun_path, path, size);
    if (path[0] == '@')
        address.sun_path[0] = 0; /* a name that is no file */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct timeval patience = {.tv_sec = PATIENCE_S};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) == 0)
        return fd;
    sys.close(fd);
    return -1;
}

static void tell(int *fd, const char *state, const char *text)
{
    char message[MESSAGE_MAX];
    int size = snprintf(message, sizeof message, "%s%s", state, text);
    if (*fd < 0 || size < 0)
        return;
    size = size < MESSAGE_MAX ? size : MESSAGE_MAX - 1;
    for (size_t i = strlen(state); i < (size_t)size; i++)
        if ((unsigned char)message[i] < ' ') /* a file's name must not become a line of its own, which is a command */
            message[i] = '?';
    if (sys.write(*fd, message, (size_t)size) < 0) { /* one that does not read is not waited for again */
        sys.close(*fd);
        *fd = -1;
    }
}

void notify_ready(int *fd)
{
    tell(fd, "READY=1", "");
}

void notify_status(int *fd, const char *text)
{
    tell(fd, "STATUS=", text);
}

void notify_stop(int *fd, const char *text)
{
    tell(fd, "STOPPING=1\nSTATUS=", text);
    if (*fd >= 0)
        sys.close(*fd);
    *fd = -1;
}
