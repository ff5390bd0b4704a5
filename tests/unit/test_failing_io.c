/* test_failing_io.c - reading as a run does it (reference data, texts, the list of files, packed and profiled dumps) and rows made in memory:
 * each call that can fail fails once, at each time that it is made; it is told, nothing leaks, and without it all is as it was. */
#include "io/buffer_fields.h"
#include "io/dump.h"
#include "io/source.h"
#include "io/texts.h"
#include "io/walk.h"

#include "failing_calls.h"
#include "packed.h"

#include <stdlib.h>
#include <unistd.h>

static char dir[] = "/tmp/besik-failing-XXXXXX";
static const char *const FILES[] = {"options.csv", "offices.csv", "localities.csv", "operators.csv", "outages.csv", "texts.csv",  "dumps.ini",
                                    "utf16.csv",   "kannel.log",  "plain.csv",      "packed.gz",     "packed.zst"};
static char paths[sizeof FILES / sizeof *FILES][64];
enum file { OPTIONS, OFFICES, LOCALITIES, OPERATORS, OUTAGES, TEXTS, DUMPS, UTF16, LOG, PLAIN, GZIP, ZSTD, FILE_COUNT };

static const char INI[] = "[a]\nkind = messages\nencoding = UTF-16LE\ndelimiter = ;\nmessage_id = id\nreceived_at = at\nmsisdn = from\noperator = \"kcell\"\n"
                          "text = text\nshort_code = \"1414\"\ntime = %Y-%m-%d %H:%M:%S\nzone = Asia/Almaty\n"
                          "[b]\nkind = receipts\nline = id:{id} stat:{stat} at:{at}\nmatch = *.log\nsms_id = id\nstatus = stat\nat = at\n"
                          "time = %s\nstatus.DELIVRD = delivered\n";

static void put_file(enum file file, const void *bytes, size_t size)
{
    FILE *out = fopen(paths[file], "wb");
    cr_assert(out && fwrite(bytes, 1, size, out) == size && fclose(out) == 0);
}

static void put_text(enum file file, const char *text)
{
    put_file(file, text, strlen(text));
}

static void put_utf16(enum file file, const char *text)
{
    struct bytes bytes = {0};
    for (; *text; text++)
        add(&bytes, (char[2]){*text, 0}, 2);
    put_file(file, bytes.data, bytes.size);
    free(bytes.data);
}

static void put_dumps(void)
{
    struct bytes plain = rows(700000), gzip = {0}, zstd = {0};
    put_file(PLAIN, plain.data, plain.size);
    add_gzip(&gzip, plain.data, plain.size, 0);
    put_file(GZIP, gzip.data, gzip.size);
    add_zstd(&zstd, plain.data, plain.size, 0);
    put_file(ZSTD, zstd.data, zstd.size);
    free(plain.data);
    free(gzip.data);
    free(zstd.data);
    put_utf16(UTF16, "id;at;from;text\n1;2026-02-01 03:04:05;77011234567;R 1 1\n2;2026-02-01 03:04:06;77011234567;\"R 1; 2\"\n");
    put_text(LOG, "id:s1 stat:DELIVRD at:1769915045\nnothing\nid:s2 stat:EXPIRED at:x\n");
}

static void begin(void)
{
    cr_assert_not_null(mkdtemp(dir));
    for (size_t i = 0; i < FILE_COUNT; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", dir, FILES[i]);
    put_text(OPTIONS, "step,number,code,kk,ru\neducation,1,high,a,b\nincome,1,job,a,b\nprivilege,1,none,a,b\n");
    put_text(OFFICES, "region,number,code,kk,ru,address_kk,address_ru\n101000000,1,A-1,a,b,c,d\n202000000,7,B-7,a,b,c,d\n");
    put_text(LOCALITIES, "region,number,kato,kk,ru\n101000000,1,101000001,a,b\n202000000,1,202000001,a,b\n");
    put_text(OPERATORS, "prefix,operator\n701,kcell\n777,beeline\n");
    put_text(OUTAGES, "operator,from,to\n*,2026-01-01T00:00:00Z,\n");
    put_text(TEXTS, "kind,step,lang,text\nreminder,,kk,\"{date}\r\n{prompt}\"\ncorrection,bad_form,ru,\"x\n{prompt}\"\n");
    put_text(DUMPS, INI);
    put_dumps();
}

static void end(void)
{
    for (size_t i = 0; i < FILE_COUNT; i++)
        unlink(paths[i]);
    rmdir(dir);
}

TestSuite(failing_io, .init = begin, .fini = end, .timeout = 300);

static void nothing(void)
{
}

/* ---- reference data, and the texts that it makes ---- */

static struct ref_set *old;

static int render_all(struct texts *texts, struct fault *fault)
{
    static const struct text_facts FACTS[] = {
        {.kind = SMS_PROMPT, .step = STEP_LANGUAGE, .lang = LANG_BOTH, .slot = 1},
        {.kind = SMS_PROMPT, .step = STEP_OFFICE, .lang = LANG_KK, .slot = 1, .region = 101000000},
        {.kind = SMS_PROMPT, .step = STEP_ACCOUNT, .lang = LANG_RU, .slot = 1, .account = {"KZ86125KZT5004100100", 20}},
        {.kind = SMS_CORRECTION, .step = STEP_NAME, .lang = LANG_RU, .reason = REASON_BAD_FORM, .form = REPLY_CASE, .slot = 2},
        {.kind = SMS_REMINDER, .step = STEP_EDUCATION, .lang = LANG_KK, .slot = 1, .ends_at_ms = 1796200000000},
        {.kind = SMS_INFO, .info = INFO_QUEUED, .lang = LANG_RU, .slot = 1, .queue_number = {"17", 2}, .place = {"x", 1}},
    };
    struct text_result result;
    for (size_t i = 0; i < sizeof FACTS / sizeof *FACTS; i++)
        if (texts_render(texts, &FACTS[i], &result, fault))
            return -1;
    return 0;
}

static int load(struct fault *fault)
{
    struct ref_set *set = NULL, *copy = NULL;
    struct texts *texts = NULL;
    char *block = NULL;
    size_t size;
    int failed = ref_load(&set, dir, old, fault) || ref_pack(set, &block, &size, fault) || ref_unpack(&copy, block, size, fault) ||
                 texts_open(&texts, copy, 8, fault) || render_all(texts, fault);
    texts_close(texts);
    sys.free(block);
    ref_free(copy);
    ref_free(set);
    return failed ? -1 : 0;
}

Test(failing_io, reference_data)
{
    static struct fault fault;
    unsigned points = sweep(load, nothing);
    cr_expect_gt(points, 40u, "%u", points);
    cr_assert_eq(ref_load(&old, dir, NULL, &fault), 0, "%s", fault.text);
    put_text(OFFICES, "region,number,code,kk,ru,address_kk,address_ru\n101000000,2,A-2,a,b,c,d\n202000000,7,B-7,a,b,c,d\n303000000,1,C,a,b,c,d\n");
    put_text(OPERATORS, "prefix,operator\n701,kcell\n702,zeta\n");
    points = sweep(load, nothing);
    cr_expect_gt(points, 40u, "%u", points);
    ref_free(old);
    old = NULL;
}

/* ---- the list of files ---- */

static int gather(struct fault *fault)
{
    char *const GIVEN[] = {dir, paths[PLAIN]};
    struct walk walk;
    if (walk_gather(&walk, GIVEN, 2, fault))
        return -1;
    cr_assert_eq(walk.count, FILE_COUNT, "%u", walk.count);
    walk_free(&walk);
    return 0;
}

Test(failing_io, list_of_files)
{
    unsigned points = sweep(gather, nothing);
    cr_expect_gt(points, 40u, "%u", points);
}

/* ---- dumps ---- */

static int read_source(struct ring *ring, const char *name, struct fault *fault)
{
    static char bytes[100000];
    struct source *source;
    ssize_t size;
    uint64_t all = 0;
    if (source_open(&source, ring, name, fault))
        return -1;
    while ((size = source_read(source, bytes, sizeof bytes, fault)) > 0)
        all += (uint64_t)size;
    cr_assert(size < 0 || all == 700000);
    cr_assert_leq(source_position(source), source_bytes(source));
    source_close(source);
    return size < 0 ? -1 : 0;
}

static int open_plain(struct ring **ret_ring, struct fault *fault)
{
    int error = ring_open(ret_ring, true);
    return error ? fault_errno(fault, error, "open a ring") : 0;
}

static int read_sources(struct fault *fault)
{
    struct ring *ring;
    if (open_plain(&ring, fault))
        return -1;
    int failed = 0;
    for (enum file file = PLAIN; file <= ZSTD && !failed; file++)
        failed = read_source(ring, paths[file], fault);
    ring_close(ring);
    return failed ? -1 : 0;
}

Test(failing_io, packed_dumps)
{
    unsigned points = sweep(read_sources, nothing);
    cr_expect_gt(points, 20u, "%u", points);
}

static int read_dump(struct ring *ring, const struct profiles *profiles, const char *name, unsigned wanted, struct fault *fault)
{
    struct dump *dump;
    struct dump_record record;
    unsigned count = 0;
    int there;
    if (dump_open(&dump, ring, name, profiles, fault))
        return -1;
    while ((there = dump_next(dump, &record, fault)) > 0)
        count += record.reason == REASON_NONE;
    cr_assert(there < 0 || count == wanted, "%s: %u", name, count);
    dump_close(dump);
    return there;
}

static int read_profiled(struct fault *fault)
{
    struct profiles *profiles = NULL;
    struct ring *ring = NULL;
    int failed = profiles_open(&profiles, "dumps.ini", span_of(INI), fault) || profiles_prepare(profiles, 2, fault) || open_plain(&ring, fault) ||
                 read_dump(ring, profiles, paths[UTF16], 2, fault) || read_dump(ring, profiles, paths[LOG], 2, fault);
    ring_close(ring);
    profiles_close(profiles);
    return failed ? -1 : 0;
}

Test(failing_io, profiled_dumps)
{
    unsigned points = sweep(read_profiled, nothing);
    cr_expect_gt(points, 15u, "%u", points);
}

/* ---- rows in memory ---- */

static int make_row(struct fault *fault)
{
    struct buffer row = {0};
    char longer[700];
    memset(longer, '"', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    for (unsigned i = 0; i < 10; i++) { /* as whoever makes rows does: the fault is asked at the end */
        (void)(buffer_format(&row, fault, "%u %s", i, longer) || buffer_csv(&row, span_of(longer), ',', fault));
        (void)(buffer_json(&row, span_of(longer), fault) || buffer_json_or_null(&row, SPAN(""), fault) || buffer_add(&row, "", 0, fault));
        (void)(buffer_json_name(&row, SPAN("a\xff\n"), fault) || buffer_time(&row, 1769915045000, fault) || buffer_phone(&row, 701234567, fault));
        (void)(buffer_add_text(&row, longer, fault));
    }
    buffer_free(&row);
    return fault->code == FAULT_NONE ? 0 : -1;
}

Test(failing_io, rows)
{
    unsigned points = sweep(make_row, nothing);
    cr_expect_gt(points, 5u, "%u", points);
}
