/* sandbox.c - see sandbox.h. Raw system calls: neither libc nor a library of Debian 12 knows Landlock. */
#include "tools/sandbox.h"

#include "engine/fault.h"
#include "engine/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "sandbox.c: which AUDIT_ARCH_ is it?"
#endif

/* ---- files ---- */

#define RIGHT_TRUNCATE (1ull << 14)
#define RIGHT_DEVICES (1ull << 15)
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_WRITE                                                                                                  \
    (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |    \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | RIGHT_TRUNCATE)
#define RIGHTS_OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)

struct rules { /* as newer kernels have it: an older one is given the front */
    uint64_t files, network, scoped;
};

void sandbox_begin(struct sandbox *sandbox)
{
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    *sandbox = (struct sandbox){.rules = -1};
    if (version < 1)
        return;
    sandbox->rights = (1ull << 13) - 1;
    if (version >= 2)
        sandbox->rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        sandbox->rights |= RIGHT_TRUNCATE;
    if (version >= 5)
        sandbox->rights |= RIGHT_DEVICES;
    struct rules rules = {.files = sandbox->rights, .network = 3, .scoped = 3}; /* TCP; abstract sockets and signals */
    size_t size = version >= 6 ? sizeof rules : version >= 4 ? offsetof(struct rules, scoped) : offsetof(struct rules, network);
    sandbox->rules = (int)syscall(__NR_landlock_create_ruleset, &rules, size, 0);
}

void sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_right right)
{
    struct stat stat;
    if (sandbox->rules < 0)
        return;
    int fd = sys.open(AT_FDCWD, path, O_PATH, 0);
    if (fd < 0) {
        if (!fault_of_path(errno) && !sandbox->error) /* of a path whoever comes to open it tells */
            sandbox->error = errno;
        return;
    }
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    rule.allowed_access = (right == SANDBOX_WRITE ? RIGHTS_WRITE : RIGHTS_READ) & sandbox->rights;
    if (sys.fstat(fd, &stat) != 0)
        sandbox->error = sandbox->error ? sandbox->error : errno;
    else if (!S_ISDIR(stat.st_mode))
        rule.allowed_access &= RIGHTS_OF_FILES;
    (void)syscall(__NR_landlock_add_rule, sandbox->rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    sys.close(fd);
}

/* ---- system calls ---- */

/* Whatever a run needs from here on. Others answer EPERM. */
static const uint16_t ALLOWED[] = {
    __NR_read, __NR_write, __NR_pread64, __NR_pwrite64, __NR_readv, __NR_writev, __NR_preadv, __NR_pwritev, __NR_lseek,
    __NR_openat, __NR_close, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_statfs, __NR_fstatfs, __NR_getdents64,
    __NR_readlinkat, __NR_faccessat, __NR_getcwd, __NR_mkdirat, __NR_unlinkat, __NR_renameat2, __NR_fsync, __NR_fdatasync,
    __NR_sync_file_range, __NR_msync, __NR_ftruncate, __NR_fallocate, __NR_fadvise64, __NR_flock, __NR_fcntl,
    __NR_munmap, __NR_mremap, __NR_madvise, __NR_brk, __NR_mlock, __NR_munlock, __NR_mincore,
    __NR_futex, __NR_set_robust_list, __NR_get_robust_list, __NR_rseq, __NR_set_tid_address, __NR_membarrier,
    __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_sigaltstack, __NR_restart_syscall, __NR_tgkill, __NR_kill,
    __NR_exit, __NR_exit_group, __NR_getpid, __NR_gettid, __NR_getppid, __NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid,
    __NR_sched_yield, __NR_sched_getaffinity, __NR_getcpu, __NR_clock_gettime, __NR_clock_getres, __NR_clock_nanosleep,
    __NR_nanosleep, __NR_gettimeofday, __NR_getrandom, __NR_getrusage, __NR_prlimit64, __NR_sysinfo, __NR_uname, __NR_times,
    __NR_ppoll, __NR_dup, __NR_io_uring_enter, __NR_seccomp,
#if defined(__x86_64__) /* calls of old that the others never had */
    __NR_open, __NR_stat, __NR_lstat, __NR_access, __NR_readlink, __NR_mkdir, __NR_unlink, __NR_rmdir, __NR_rename, __NR_poll,
    __NR_time, __NR_arch_prctl, __NR_renameat,
#else
    __NR_renameat,
#endif
};
#define ALLOWED_COUNT (sizeof ALLOWED / sizeof *ALLOWED)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define HAS(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, yes, no)
#define END(action) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSED(error) (SECCOMP_RET_ERRNO | (error))

/* Argument `n`'s lower half is in the front on both machines. */
static const struct sock_filter JUDGED[] = {
    LOAD(arch),
    IS(ARCH, 1, 0),
    END(REFUSED(EPERM)),
    LOAD(nr),
    /* no memory that can be written becomes code */
    IS(__NR_mmap, 1, 0),
    IS(__NR_mprotect, 0, 4),
    LOAD(args[2]),
    HAS(PROT_EXEC, 0, 1),
    END(REFUSED(EPERM)),
    END(SECCOMP_RET_ALLOW),
    /* threads, no processes; clone3 hides what it asks for, and libc does without */
    IS(__NR_clone3, 0, 1),
    END(REFUSED(ENOSYS)),
    IS(__NR_clone, 0, 4),
    LOAD(args[0]),
    HAS(CLONE_THREAD, 1, 0),
    END(REFUSED(EPERM)),
    END(SECCOMP_RET_ALLOW),
    /* is it a terminal, and how wide */
    IS(__NR_ioctl, 0, 5),
    LOAD(args[1]),
    IS(TCGETS, 2, 0),
    IS(TIOCGWINSZ, 1, 0),
    END(REFUSED(ENOTTY)),
    END(SECCOMP_RET_ALLOW),
    IS(__NR_io_uring_setup, 1, 0),
    IS(__NR_io_uring_register, 0, 1),
    END(SECCOMP_RET_ALLOW),
};
#define JUDGED_COUNT (sizeof JUDGED / sizeof *JUDGED)

static long add_filter(struct sock_filter *program, size_t count, unsigned flags)
{
    struct sock_fprog all = {.len = (unsigned short)count, .filter = program};
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &all);
}

static long filter_calls(void)
{
    struct sock_filter program[JUDGED_COUNT + 2 * ALLOWED_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < JUDGED_COUNT; i++)
        program[count++] = JUDGED[i];
    for (size_t i = 0; i < ALLOWED_COUNT; i++) {
        program[count++] = (struct sock_filter)IS(ALLOWED[i], 0, 1);
        program[count++] = (struct sock_filter)END(SECCOMP_RET_ALLOW);
    }
    program[count++] = (struct sock_filter)END(REFUSED(EPERM));
    return add_filter(program, count, 0);
}

const char *sandbox_enter(struct sandbox *sandbox)
{
    bool files = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox->rules >= 0 &&
                 syscall(__NR_landlock_restrict_self, sandbox->rules, 0) == 0;
    if (sandbox->rules >= 0)
        sys.close(sandbox->rules);
    sandbox->rules = -1;
    bool calls = filter_calls() == 0;
    return files ? (calls ? NULL : "seccomp") : calls ? "Landlock" : "Landlock and seccomp";
}

void sandbox_settle(void)
{
    struct sock_filter program[] = {
        LOAD(nr),
        IS(__NR_io_uring_setup, 3, 0),
        IS(__NR_io_uring_register, 2, 0),
        IS(__NR_clone, 1, 0),
        END(SECCOMP_RET_ALLOW),
        END(REFUSED(EPERM)),
    };
    (void)add_filter(program, sizeof program / sizeof *program, SECCOMP_FILTER_FLAG_TSYNC);
}
