/* capacity_machine.c - what the figures were measured on. */
#include "tools/capacity.h"

#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PROBES 15
#define PROBE_SIZE (256u << 10)

static void find_cpu(struct capacity_machine *machine)
{
    char line[512];
    struct utsname name;
    snprintf(machine->cpu, sizeof machine->cpu, "processor of unknown make");
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value)
            continue;
        value[strcspn(value, "\n")] = 0;
        snprintf(machine->cpu, sizeof machine->cpu, "%.100s", value + 2);
        break;
    }
    if (file)
        fclose(file);
    if (uname(&name) == 0)
        snprintf(machine->kernel, sizeof machine->kernel, "%.20s %.40s", name.sysname, name.release);
}

/* The file system under a path, as the kernel names it: "ext4 on /dev/vda". */
static void find_disk(struct capacity_machine *machine, const char *dir)
{
    char line[4096], wanted[32];
    struct stat stat;
    snprintf(machine->disk, sizeof machine->disk, "unknown file system");
    if (sys.stat(AT_FDCWD, dir, &stat, 0) != 0)
        return;
    snprintf(wanted, sizeof wanted, " %u:%u ", major(stat.st_dev), minor(stat.st_dev));
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char type[48], source[64];
        char *behind = strstr(line, " - ");
        if (strstr(line, wanted) && behind && sscanf(behind, " - %47s %63s", type, source) == 2)
            snprintf(machine->disk, sizeof machine->disk, "%s on %s", type, source);
    }
    if (file)
        fclose(file);
}

int capacity_look_at_machine(struct capacity_machine *machine, const char *dir, struct fault *fault)
{
    struct statvfs space;
    if (sys.statvfs(dir, &space) != 0)
        return fault_errno(fault, errno, "%s: free space", dir);
    machine->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    machine->cores = cores > 0 ? (uint32_t)cores : 1;
    machine->memory = (uint64_t)(pages > 0 ? pages : 0) * (uint64_t)(page > 0 ? page : 0);
    find_cpu(machine);
    find_disk(machine, dir);
    return 0;
}

void capacity_read_busy(double *ret_busy, double *ret_all)
{
    double user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0;
    FILE *file = fopen("/proc/stat", "r");
    if (file &&
        fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal) < 4)
        idle = 0;
    if (file)
        fclose(file);
    *ret_busy = user + nice + system + irq + soft + steal;
    *ret_all = *ret_busy + idle + wait;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int capacity_probe_sync(const char *dir, double *ret_median, double *ret_worst, struct fault *fault)
{
    static char block[PROBE_SIZE];
    char path[4300];
    double seconds[PROBES];
    snprintf(path, sizeof path, "%s/probe", dir);
    int fd = sys.open(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fault_errno(fault, errno, "%s: make", path);
    int failed = 0;
    for (unsigned i = 0; !failed && i < PROBES; i++) {
        double began = progress_now();
        memset(block, (int)i, sizeof block);
        if (sys_write_all(fd, block, sizeof block, (off_t)i * PROBE_SIZE) != 0 || sys.fsync(fd) != 0)
            failed = fault_errno(fault, errno, "%s: write", path);
        seconds[i] = progress_now() - began;
    }
    sys.close(fd);
    (void)sys.unlink(AT_FDCWD, path, 0);
    qsort(seconds, PROBES, sizeof *seconds, by_size);
    *ret_median = seconds[PROBES / 2];
    *ret_worst = seconds[PROBES - 1];
    return failed;
}
