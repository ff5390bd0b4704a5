/* test_commands.c - each command with each call of the tables `sys` and `db_calls` failing, one after another: it ends with a
 * fault that says what failed, or as if nothing had; and given again it ends in the undisturbed bytes. Without a
 * start of a program and without real disks, so that every point can be tried; kills and real calls are tests/faults'. */
#include "tools/commands.h"

#include "engine/sys/sys.h"
#include "store/db.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLE TESTS_DIR "/sample"

#ifdef BESIK_COVERAGE /* a weak name would not be brought in by the linker, and no child's counts be written */
extern void __gcov_dump(void);
#define WRITE_COUNTS() __gcov_dump()
#else
#define WRITE_COUNTS() (void)0
#endif

static char dir[64];
static struct sys real;
static struct db_calls real_db;

/* capacity starts the program that it is as "besik": this one is besik too, then. */
__attribute__((constructor)) static void be_besik(int argc, char **argv)
{
    struct fault fault = {0};
    if (argc < 2 || strcmp(argv[0], "besik") != 0)
        return;
    int (*go)(int, char **, struct fault *) = strcmp(argv[1], "init") == 0 ? command_init : command_run;
    if (go(argc - 2, argv + 2, &fault))
        fprintf(stderr, "besik %s: %s\n", argv[1], fault.text);
    exit((int)fault.code);
}

/* ---- calls that fail ---- */

/* A command runs in a child: it may crash, or lock itself in. */
static struct shared {
    atomic_long calls;
    struct fault fault;
    int result;
} *shared;

static long failing;  /* which call, from 1; 0: none */
static bool for_good; /* and all after it */
static int error_of_disk = EIO;

static bool fails(int error)
{
    long now = atomic_fetch_add(&shared->calls, 1) + 1;
    if (!failing || (for_good ? now < failing : now != failing))
        return false;
    errno = error;
    return true;
}

#define DISK fails(error_of_disk) ? -1 :
static int x_open(int at, const char *path, int flags, mode_t mode) { return DISK real.open(at, path, flags, mode); }
static ssize_t x_pread(int fd, void *buffer, size_t size, off_t offset) { return DISK real.pread(fd, buffer, size, offset); }
static ssize_t x_pwrite(int fd, const void *buffer, size_t size, off_t offset) { return DISK real.pwrite(fd, buffer, size, offset); }
static ssize_t x_read(int fd, void *buffer, size_t size) { return DISK real.read(fd, buffer, size); }
static ssize_t x_write(int fd, const void *buffer, size_t size) { return DISK real.write(fd, buffer, size); }
static int x_fsync(int fd) { (void)fd; return DISK 0; }
static int x_ftruncate(int fd, off_t size) { return DISK real.ftruncate(fd, size); }
static int x_fstat(int fd, struct stat *ret) { return DISK real.fstat(fd, ret); }
static int x_stat(int at, const char *path, struct stat *ret, int flags) { return DISK real.stat(at, path, ret, flags); }
static int x_statvfs(const char *path, struct statvfs *ret) { return DISK real.statvfs(path, ret); }
static int x_mkdir(int at, const char *path, mode_t mode) { return DISK real.mkdir(at, path, mode); }
static int x_unlink(int at, const char *path, int flags) { return DISK real.unlink(at, path, flags); }
static int x_rename(int a, const char *old, int b, const char *new) { return DISK real.rename(a, old, b, new); }
static int x_replace(int a, const char *old, int b, const char *new) { return DISK real.replace(a, old, b, new); }
static DIR *x_opendir(int at, const char *path, int flags) { return fails(error_of_disk) ? NULL : real.opendir(at, path, flags); }
static struct dirent *x_readdir(DIR *folder) { return fails(error_of_disk) ? NULL : real.readdir(folder); }
static void *x_map_file(int fd, size_t size, bool scattered) { return fails(ENOMEM) ? NULL : real.map_file(fd, size, scattered); }
static void *x_map(size_t size) { return fails(ENOMEM) ? NULL : real.map(size); }
static void *x_alloc(size_t size) { return fails(ENOMEM) ? NULL : real.alloc(size); }
static iconv_t x_iconv_open(const char *to, const char *from) { return fails(ENOMEM) ? (iconv_t)-1 : real.iconv_open(to, from); }
static void *x_realloc(void *block, size_t size) { return fails(ENOMEM) ? NULL : real.realloc(block, size); }

#define DATABASE fails(error_of_disk) ? error_of_disk :
static int x_env_open(MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode)
{
    return DATABASE real_db.env_open(env, path, flags | MDB_NOSYNC, mode);
}
static int x_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret) { return DATABASE real_db.txn_begin(env, parent, flags, ret); }
static int x_txn_commit(MDB_txn *txn)
{
    if (!fails(error_of_disk))
        return real_db.txn_commit(txn);
    mdb_txn_abort(txn); /* as LMDB does with one that it cannot write */
    return error_of_disk;
}
static int x_get(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value) { return DATABASE real_db.get(txn, table, key, value); }
static int x_put(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags) { return DATABASE real_db.put(txn, table, key, value, flags); }
static int x_del(MDB_txn *txn, MDB_dbi table, MDB_val *key, MDB_val *value) { return DATABASE real_db.del(txn, table, key, value); }
static int x_cursor_open(MDB_txn *txn, MDB_dbi table, MDB_cursor **ret) { return DATABASE real_db.cursor_open(txn, table, ret); }
static int x_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op) { return DATABASE real_db.cursor_get(cursor, key, value, op); }
static int x_cursor_del(MDB_cursor *cursor, unsigned flags) { return DATABASE real_db.cursor_del(cursor, flags); }

static void put_in_faults(void)
{
    real = sys;
    real_db = db_calls;
    sys.open = x_open, sys.pread = x_pread, sys.pwrite = x_pwrite, sys.read = x_read, sys.write = x_write, sys.fsync = x_fsync;
    sys.ftruncate = x_ftruncate, sys.fstat = x_fstat, sys.stat = x_stat, sys.statvfs = x_statvfs, sys.mkdir = x_mkdir;
    sys.unlink = x_unlink, sys.rename = x_rename, sys.replace = x_replace, sys.opendir = x_opendir, sys.map = x_map;
    sys.readdir = x_readdir, sys.map_file = x_map_file, sys.alloc = x_alloc, sys.realloc = x_realloc, sys.iconv_open = x_iconv_open;
    db_calls.env_open = x_env_open, db_calls.txn_begin = x_txn_begin, db_calls.txn_commit = x_txn_commit, db_calls.get = x_get;
    db_calls.put = x_put, db_calls.del = x_del, db_calls.cursor_open = x_cursor_open, db_calls.cursor_get = x_cursor_get;
    db_calls.cursor_del = x_cursor_del;
}

/* ---- a district's store, and what is done to it ---- */

static void shell(const char *format, const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof command, format, a, b);
    cr_assert_eq(system(command), 0, "%s", command);
}

/* A command of words parted by blanks. */
static int give(int (*go)(int, char **, struct fault *), const char *words, struct fault *fault)
{
    char text[512], *argv[32], *rest;
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    shared->fault = (struct fault){0};
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        shared->result = go(argc, argv, &shared->fault);
        WRITE_COUNTS();
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "%s: crashed at %ld", words, failing);
    *fault = shared->fault;
    return shared->result;
}

static void must(int (*go)(int, char **, struct fault *), const char *words)
{
    struct fault fault;
    cr_assert_eq(give(go, words, &fault), 0, "%s: %s", words, fault.text);
}

#define INIT "store --key " SAMPLE "/key --shards 4"
#define RUN(day, out) "store --workers 1 --memory 16M --as-of 2026-11-0" #day "T22:00:00+05:00 --out " out " "

static void set_up(void)
{
    strcpy(dir, access("/dev/shm", W_OK) ? "/tmp/test_commands.XXXXXX" : "/dev/shm/test_commands.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
    setenv("BESIK_IO", "plain", 1);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    cr_assert_not_null(freopen("/dev/null", "w", stdout));
    put_in_faults();
    must(command_init, INIT);
    must(command_run, RUN(2, "out2") SAMPLE "/night1");
    must(command_run, RUN(3, "out3") SAMPLE "/night2");
    shell("cp -r store evening && rm -rf %s%s", "store", "");
}

static void tear_down(void)
{
    sys = real;
    db_calls = real_db;
    cr_assert_eq(chdir("/"), 0);
    shell("rm -rf %s%s", dir, "");
}

TestSuite(commands, .init = set_up, .fini = tear_down, .timeout = 900);

struct scene {
    int (*go)(int, char **, struct fault *);
    const char *start; /* the store that it begins with */
    const char *words;
    const char *out;   /* the folder that it makes, or NULL */
};

static void remove_folder(const char *name)
{
    char path[512];
    struct dirent *entry;
    DIR *folder = opendir(name);
    while (folder && (entry = readdir(folder)))
        if (snprintf(path, sizeof path, "%s/%s", name, entry->d_name) > 0)
            unlink(path);
    if (folder)
        closedir(folder);
    rmdir(name);
}

static char *slurp(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    char *bytes = malloc((*ret_size = (size_t)ftell(file)) + 1);
    rewind(file);
    cr_assert_eq(fread(bytes, 1, *ret_size, file), *ret_size);
    fclose(file);
    return bytes;
}

/* Each file of a folder: copied to another, or the same there; run.json, which tells times, aside. Returns how many. */
static unsigned each_file(const char *from, const char *to, bool copy)
{
    char path[512], other[512];
    unsigned count = 0;
    struct dirent *entry;
    DIR *folder = opendir(from);
    cr_assert_not_null(folder, "%s", from);
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "run.json") == 0)
            continue;
        size_t size, other_size;
        snprintf(path, sizeof path, "%s/%s", from, entry->d_name);
        snprintf(other, sizeof other, "%s/%s", to, entry->d_name);
        char *bytes = slurp(path, &size);
        if (copy) {
            FILE *file = fopen(other, "wb");
            cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
        } else {
            char *others = slurp(other, &other_size);
            cr_assert(size == other_size && memcmp(bytes, others, size) == 0, "%s differs", other);
            free(others);
        }
        free(bytes);
        count++;
    }
    closedir(folder);
    return count;
}

static void remove_hidden(void)
{
    DIR *here = opendir(".");
    for (struct dirent *entry; (entry = readdir(here));)
        if (strncmp(entry->d_name, ".out.besik-", strlen(".out.besik-")) == 0)
            remove_folder(entry->d_name);
    closedir(here);
}

static void begin(const struct scene *scene)
{
    remove_folder("store");
    remove_folder("out");
    remove_hidden();
    if (strcmp(scene->start, "none") == 0)
        return;
    cr_assert_eq(mkdir("store", 0700), 0);
    cr_assert_geq(each_file(scene->start, "store", true), 2u);
}

/* The command once more, without faults. */
static void give_again(const struct scene *scene, long n)
{
    struct fault fault;
    int result = give(scene->go, scene->words, &fault);
    bool made = (scene->go == command_init || scene->go == command_reissue) && strstr(fault.text, "is there already"); /* only its last steps failed */
    cr_assert(result == 0 || made, "call %ld of %s: given again: %s", n, scene->words, fault.text);
    if (made && scene->go == command_init)
        must(command_report, "store");
    if (scene->go == command_forget)
        must(command_check, "store");
    if (scene->out)
        cr_assert_eq(each_file("want", scene->out, false), each_file(scene->out, "want", false));
}

/* All points, or `most` of them evenly; the fault is met once or, at every third, for good. Every `again`-th is given again. */
static void sweep(const struct scene *scene, long most, long again)
{
    struct fault fault;
    failing = 0;
    begin(scene);
    atomic_store(&shared->calls, 0);
    must(scene->go, scene->words);
    long count = atomic_load(&shared->calls), step = (count + most - 1) / most, failed = 0;
    remove_folder("want");
    if (scene->out)
        cr_assert_eq(rename(scene->out, "want"), 0);
    for (long n = 1; n <= count; n += step) {
        begin(scene);
        atomic_store(&shared->calls, 0);
        failing = n;
        for_good = n / step % 3 == 0;
        int result = give(scene->go, scene->words, &fault);
        failing = 0;
        cr_assert(result == 0 || result == -1);
        if (result) {
            failed++;
            cr_assert(fault.code != FAULT_NONE && fault.text[0], "call %ld of %s fails, and nothing is said", n, scene->words);
            cr_assert_null(strstr(fault.text, "7701"), "%s", fault.text);
        }
        if (n / step % again == 0)
            give_again(scene, n);
    }
    cr_assert_gt(failed, count / step / 2, "%ld of %ld points failed", failed, count / step);
    fprintf(stderr, "%.40s: %ld calls, every %ld: %ld failed\n", scene->words, count, step, failed);
}

Test(commands, init)
{
    sweep(&(struct scene){command_init, "none", INIT, NULL}, 200, 3);
}

Test(commands, ref)
{
    sweep(&(struct scene){command_ref, "evening", "store " SHARE_DIR "/ref", NULL}, 100, 9);
}

Test(commands, set)
{
    sweep(&(struct scene){command_set, "evening", "store remind-after 2d", NULL}, 200, 9);
}

Test(commands, run)
{
    sweep(&(struct scene){command_run, "evening", RUN(4, "out") SAMPLE "/night3", "out"}, 1000, 5);
}

/* Which call is the n-th hangs on the workers; whatever it is, the bytes are the same when it is given again. */
Test(commands, run_of_workers_that_share_files)
{
    setenv("BESIK_BLOCK", "200", 1);
    sweep(&(struct scene){command_run, "evening",
                          "store --workers 3 --memory 32M --as-of 2026-11-04T22:00:00+05:00 --out out " SAMPLE "/night3", "out"}, 400, 5);
}

Test(commands, run_with_metrics)
{
    sweep(&(struct scene){command_run, "evening", RUN(4, "out") "--metrics besik.prom " SAMPLE "/night3", "out"}, 100, 5);
}

static int replace_fails(int a, const char *old, int b, const char *new) { (void)a, (void)old, (void)b, (void)new; errno = ENOSPC; return -1; }

/* A run of which only the metrics fail is done; of one that failed, it alone says that it is to be given again. */
Test(commands, metrics_that_fail_are_not_the_run)
{
    size_t size;
    struct fault fault;
    static const struct {
        const char *words, *told;
        int result;
    } RUNS[] = {{RUN(4, "out") "--metrics besik.prom " SAMPLE "/night3", "the run itself is done", 0},
                {RUN(2, "out4") "--metrics besik.prom " SAMPLE "/night3", "do not tell that the run failed", -1}};
    begin(&(struct scene){command_run, "evening", "", "out"});
    sys.replace = replace_fails;
    for (unsigned i = 0; i < 2; i++) {
        int kept = dup(STDERR_FILENO), told = open("told", O_RDWR | O_CREAT | O_TRUNC, 0600);
        dup2(told, STDERR_FILENO);
        int result = give(command_run, RUNS[i].words, &fault);
        dup2(kept, STDERR_FILENO);
        close(kept);
        close(told);
        char *text = slurp("told", &size);
        text[size] = 0;
        cr_expect_eq(result, RUNS[i].result, "%s", fault.text);
        cr_expect(strstr(text, "--metrics besik.prom: ") && strstr(text, RUNS[i].told) && !strstr(text, "again"), "%s", text);
        cr_expect_eq(access(".besik.prom.tmp", F_OK), -1);
        free(text);
    }
}

Test(commands, dry_run)
{
    sweep(&(struct scene){command_run, "evening", RUN(4, "out") "--dry-run " SAMPLE "/night3", NULL}, 100, 1000000);
}

Test(commands, report)
{
    sweep(&(struct scene){command_report, "evening", "store", NULL}, 200, 9);
}

Test(commands, phones_case)
{
    sweep(&(struct scene){command_case, "evening", "store 77011200101 --json", NULL}, 200, 9);
}

Test(commands, readers)
{
    sweep(&(struct scene){command_status, "evening", "store --json", NULL}, 100, 9);
    sweep(&(struct scene){command_list, "evening", "store", NULL}, 100, 9);
    sweep(&(struct scene){command_export, "evening", "store history", NULL}, 100, 9);
    sweep(&(struct scene){command_export, "evening", "store --csv sheets", NULL}, 100, 9);
    shell("rm -rf %s%s", "sheets", "");
}

/* The key is the sample's: so is the id, of an SMS of its second night. */
Test(commands, check)
{
    sweep(&(struct scene){command_check, "evening", "store --json", NULL}, 300, 9);
}

Test(commands, why)
{
    char line[512] = "", words[128];
    FILE *file = fopen("out3/outbound-kcell.csv", "r");
    cr_assert(file && fgets(line, sizeof line, file) && fgets(line, sizeof line, file));
    fclose(file);
    snprintf(words, sizeof words, "store %.27s --json", line);
    sweep(&(struct scene){command_why, "evening", words, NULL}, 100, 9);
}

Test(commands, reissue)
{
    sweep(&(struct scene){command_reissue, "evening", "store 2 --out out", "out"}, 150, 5);
    cr_assert_eq(each_file("out3", "want", false), each_file("want", "out3", false));
}

Test(commands, backup)
{
    sweep(&(struct scene){command_backup, "evening", "store out", NULL}, 100, 1000000);
}

Test(commands, forget)
{
    sweep(&(struct scene){command_forget, "evening", "store 77011200101", NULL}, 300, 7);
}

/* ---- dumps in another form ---- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

/* A store with a dumps.ini, "profiled", and a dump that only it can read: an SMS whole, one in parts, and what is rejected. */
static void make_profiled(void)
{
    shell("cp -r %s/ref ref%s", SHARE_DIR, "");
    write_text("ref/dumps.ini", "[a]\nkind = messages\ndelimiter = ;\nencoding = KOI8-R\ntime = %d.%m.%Y %H:%M\nzone = Asia/Almaty\n"
                                "operator = \"kcell\"\nmessage_id = *\nreceived_at = when\nmsisdn = who\nshort_code = \"1414\"\n"
                                "text = what\npart_reference = ref\nparts = of\npart = n\n");
    write_text("dump.csv", "when;who;what;ref;of;n\n03.11.2026 23:00;77011200101;R 1 1;;;\n03.11.2026 23:01;77011200101;R 1 2 \xeb\xc9;7;2;1\n"
                           "03.11.2026 23:02;77011200101;\xcd \xe1\xce\xce\xc1;7;2;2\n03.11.2026 23:03;77011200101;x;8;2;1\n"
                           "31.11.2026 23:03;77011200101;x;;;\n03.11.2026 23:03;7701;x;;;\n\"x\"y\n");
    shell("cp -r evening %s%s", "store", "");
    must(command_ref, "store ref");
    shell("mv store %s%s", "profiled", "");
}

Test(commands, dumps_in_another_form)
{
    make_profiled();
    sweep(&(struct scene){command_run, "profiled", RUN(4, "out") "--keep-rejected dump.csv", "out"}, 400, 5);
}

Test(commands, profile)
{
    make_profiled();
    sweep(&(struct scene){command_profile, "profiled", "check --json --store store dump.csv", NULL}, 200, 9);
    sweep(&(struct scene){command_ref, "profiled", "store ref", NULL}, 200, 9);
}

/* Weeks later all is closed, and may be struck. */
Test(commands, purge)
{
    shell("cp -r evening %s%s", "store", "");
    must(command_set, "store remember 30d");
    must(command_run, "store --workers 1 --memory 16M --as-of 2026-11-08T22:00:00+05:00 --out out8");
    must(command_run, "store --workers 1 --memory 16M --as-of 2026-11-28T22:00:00+05:00 --out out28");
    must(command_run, "store --workers 1 --memory 16M --as-of 2026-12-31T22:00:00+05:00 --out out31");
    shell("mv store %s%s", "aged", "");
    sweep(&(struct scene){command_purge, "aged", "store --closed-before 2026-11-30T00:00:00+05:00", NULL}, 100, 9);
}

/* Each point of a making of dumps: it says what failed, and given again the bytes are those of one undisturbed. */
static void sweep_dumps(const char *words, const char *start, long most)
{
    struct fault fault;
    shell("rm -rf %s && cp -r %s dumps", "dumps", start);
    atomic_store(&shared->calls, 0);
    must(command_gen, words);
    long count = atomic_load(&shared->calls), step = (count + most - 1) / most, failed = 0;
    shell("rm -rf %s && mv dumps %s", "want", "want");
    for (long n = 1; n <= count; n += step) {
        shell("rm -rf %s && cp -r %s dumps", "dumps", start);
        atomic_store(&shared->calls, 0);
        failing = n;
        for_good = n / step % 3 == 0;
        int result = give(command_gen, words, &fault);
        failing = 0;
        cr_assert(!result || (fault.code != FAULT_NONE && fault.text[0]), "call %ld of %s fails, and nothing is said", n, words);
        failed += result != 0;
        if (result)
            must(command_gen, words);
        shell("diff -r %s %s", "want", "dumps"); /* a folder that was read in part is no folder that was read */
    }
    cr_assert_gt(failed, count / step / 2);
    fprintf(stderr, "%.40s: %ld calls, every %ld: %ld failed\n", words, count, step, failed);
}

Test(commands, gen)
{
    cr_assert_eq(mkdir("empty", 0700), 0);
    sweep_dumps("dumps --cases 300 --days 2 --workers 2", "empty", 60);
    shell("mv %s %s", "want", "begun");
    must(command_init, "gen-store");
    must(command_run, "gen-store --workers 1 --memory 16M --as-of 2026-03-02T22:00:00+05:00 --out gen-out begun/day-001");
    sweep_dumps("dumps --answers gen-out --workers 2", "begun", 60);
}

/* From some call on each is interrupted, for ever: the command ends all the same. */
static void interrupt(const struct scene *scene, long most)
{
    struct fault fault;
    failing = 0;
    begin(scene);
    atomic_store(&shared->calls, 0);
    must(scene->go, scene->words);
    long count = atomic_load(&shared->calls), step = (count + most - 1) / most;
    error_of_disk = EINTR;
    for_good = true;
    for (long n = 1; n <= count; n += step) {
        begin(scene);
        shell("rm -rf %s%s", "dumps", "");
        atomic_store(&shared->calls, 0);
        failing = n;
        if (give(scene->go, scene->words, &fault))
            cr_assert(fault.code != FAULT_NONE && fault.text[0], "call %ld of %s fails, and nothing is said", n, scene->words);
        failing = 0;
    }
}

Test(commands, interrupted_for_ever)
{
    interrupt(&(struct scene){command_reissue, "evening", "store 2 --out out", "out"}, 60);
    interrupt(&(struct scene){command_gen, "none", "dumps --cases 100 --days 1 --workers 1", NULL}, 60);
    setenv("BESIK_BLOCK", "200", 1);
    interrupt(&(struct scene){command_run, "evening", RUN(4, "out") SAMPLE "/night3", "out"}, 60);
}

/* ---- campaigns: each night's run is a program of its own, and meets no fault ---- */

static void sweep_campaign(const char *words, long most)
{
    struct fault fault;
    failing = 0;
    atomic_store(&shared->calls, 0);
    must(command_capacity, words);
    cr_assert_neq(access("try", F_OK), 0, "what it made goes");
    long count = atomic_load(&shared->calls), step = (count + most - 1) / most, failed = 0;
    for (long n = 1; n <= count; n += step) {
        atomic_store(&shared->calls, 0);
        failing = n;
        for_good = n / step % 4 == 0;
        int result = give(command_capacity, words, &fault);
        failing = 0;
        failed += result != 0;
        cr_assert(!result || (fault.code != FAULT_NONE && fault.text[0]), "call %ld of %s fails, and nothing is said", n, words);
        cr_assert_null(strstr(fault.text, "7701"), "%s", fault.text);
        bool left = access("try", F_OK) == 0;
        cr_assert(!left || result, "call %ld of %s: something is left, and it says that all is well", n, words);
        cr_assert(!left || for_good || strstr(fault.text, "remove") || strstr(fault.text, "read"), "call %ld of %s leaves something: %s", n, words, fault.text);
        shell("rm -rf %s%s", "try", "");
    }
    cr_assert_gt(failed, count / step / 2);
    fprintf(stderr, "%.60s: %ld calls, every %ld: %ld failed\n", words, count, step, failed);
}

Test(commands, capacity)
{
    sweep_campaign("try --cases 64 --days 2 --workers 1 --html page.html", 45);
    sweep_campaign("try --cases 64 --days 2 --workers 1 --scenario storm --json", 30);
    sweep_campaign("try --cases 64 --days 5 --workers 1 --scenario replay --outage 1", 25);
}
