/* timed.c - runs a command and prints what it cost as a whole: key=value, one line.
 *
 *   timed [--cold FILE]… -- COMMAND …
 *
 * --cold drops a file from the page cache before, so that `read_bytes` counts each page that the command reads of it.
 * seconds wall, cpu_seconds, read_bytes and written_bytes (as the kernel accounts them: pages brought in and pages dirtied),
 * anon_bytes (the greatest RssAnon seen, sampled every 5 ms). The exit status is the command's. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long anon_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "RssAnon: %ld", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

int main(int argc, char **argv)
{
    int at = 1;
    for (; at + 1 < argc && strcmp(argv[at], "--cold") == 0; at += 2) {
        int fd = open(argv[at + 1], O_RDONLY);
        if (fd < 0) {
            perror(argv[at + 1]);
            return 2;
        }
        fsync(fd);
        posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
    if (at + 1 >= argc || strcmp(argv[at], "--") != 0) {
        fputs("usage: timed [--cold FILE]… -- COMMAND …\n", stderr);
        return 2;
    }
    double began = now();
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[at + 1], argv + at + 1);
        perror(argv[at + 1]);
        _exit(127);
    }
    int status = 0;
    long anon = 0;
    struct rusage usage;
    while (wait4(pid, &status, WNOHANG, &usage) == 0) {
        long seen = anon_kib(pid);
        anon = seen > anon ? seen : anon;
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    double seconds = now() - began;
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6 + (double)usage.ru_stime.tv_sec +
                 (double)usage.ru_stime.tv_usec * 1e-6;
    printf("seconds=%.3f cpu_seconds=%.3f read_bytes=%ld written_bytes=%ld anon_bytes=%ld exit=%d\n", seconds, cpu,
           usage.ru_inblock * 512L, usage.ru_oublock * 512L, anon * 1024, WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
