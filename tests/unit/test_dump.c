/* test_dump.c - dumps in section 3's form and in others, record by record: which line, taken or why not; what is no dump at all. */
#include "io/dump.h"

#include "engine/sys/sys.h"
#include "engine/words.h"
#include "packed.h"

#include <errno.h>
#include <unistd.h>

#define OURS "message_id,operator,received_at,msisdn,short_code,text\n"
#define ROW "1,kcell,2026-02-01T03:04:05+05:00,77011234567,1414,"
#define MESSAGES "[m]\nkind = messages\nmessage_id = id\noperator = \"kcell\"\nreceived_at = at\nmsisdn = \"77011234567\"\nshort_code = \"1414\"\ntext = text\n"
#define LOG "[l]\nkind = receipts\nline = {id} {stat} {at}\nmatch = dump*\nsms_id = id\nstatus = stat\nat = at\n"

static char path[] = "/tmp/dump-XXXXXX";
static char told[4096]; /* of the dump read last: "line:outcome" of each record, then what was wrong */

static void begin(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

static void end(void)
{
    unlink(path);
}

TestSuite(dump, .init = begin, .fini = end);

static void put(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

static void tell(const char *format, unsigned long long line, const char *word)
{
    size_t size = strlen(told);
    snprintf(told + size, sizeof told - size, format, line, word);
}

/* `ini` NULL: no profiles. */
static const char *read_dump(const char *ini, const char *bytes, size_t size)
{
    static struct fault fault;
    struct profiles *profiles = NULL;
    struct ring *ring;
    struct dump *dump;
    struct dump_record record;
    int there;
    told[0] = 0;
    fault = (struct fault){0};
    put(bytes, size);
    cr_assert_eq(ring_open(&ring, true), 0);
    if (ini)
        cr_assert_eq(profiles_open(&profiles, "x", span_of(ini), &fault) || profiles_prepare(profiles, 1, &fault), 0, "%s", fault.text);
    if (dump_open(&dump, ring, path, profiles, &fault) == 0) {
        while ((there = dump_next(dump, &record, &fault)) > 0)
            tell("%llu:%s ", record.line, record.reason ? REASON_WORDS[record.reason] : record.parts ? "part" : "ok");
        cr_expect_eq(there, 0, "%s", fault.text);
        cr_expect_eq(source_bytes(dump_source(dump)), size);
        if (!dump_layout(dump))
            tell("%.0llu%s", 0, "none ");
        dump_close(dump);
    }
    if (fault.code != FAULT_NONE) {
        cr_expect_eq(fault.code, FAULT_INPUT, "%s", fault.text);
        tell("%.0llu%s", 0, fault.text + strlen(path) + 1);
    }
    profiles_close(profiles);
    ring_close(ring);
    return told;
}

Test(dump, forms)
{
    static const struct {
        const char *ini, *text, *told;
    } ROWS[] = {
        {NULL, "", "none "},
        {MESSAGES, "", "none "},
        {NULL, "\n\n", "none "},
        {NULL, OURS, ""},
        {NULL, "\xef\xbb\xbf" OURS ROW "x", "2:ok "},
        {NULL, "\n" OURS "\n" ROW "x\r\n" ROW "\"a\nb\"\n" ROW "\"a\"b\n" ROW "\n1,2\n", "4:ok 5:ok 7:bad_csv 8:ok 9:bad_fields "},
        {NULL, OURS ROW "\"never closed\n" ROW "x\n", "2:bad_csv 3:ok "},
        {NULL, "a,b\n1,2\n", "1: the header has none of a kind's columns"},
        {NULL, "\"a\"b\n", "1: its header is no CSV record"},
        /* other names, another delimiter, and the comma */
        {MESSAGES "delimiter = ;\n", "id;at;text\n1;2026-02-01T03:04:05+05:00;a,b\n1;2\n", "2:ok 3:bad_fields "},
        {MESSAGES "delimiter = tab\n", "id\tat\ttext\n1\t2\t3\n", "2:ok "},
        {MESSAGES "match = other*\n[n]\nkind = withdrawals\nnotice_id = n\nwithdrawn_at = w\ncause = c\n", "n,w,c\n1,2,3\n", "2:ok "},
        /* no header */
        {"[w]\nkind = withdrawals\nheader = no\nmatch = *\nnotice_id = 3\nwithdrawn_at = 1\ncause = \"death\"\n", "1,2,3\n1,2\n\n1,2,3,4\n1,2,3\n",
         "1:ok 2:bad_fields 4:bad_fields 5:ok "},
        /* the first record that has the columns tells how many there are: not a title, nor what is no record of the profile */
        {"[w]\nkind = withdrawals\nheader = no\nmatch = *\nnotice_id = 2\nwithdrawn_at = 1\ncause = \"death\"\n", "\xef\xbb\xbfWithdrawn\n\"a\"b\n1,2,3\n1,2\n1,2,3\n",
         "1:bad_fields 2:bad_csv 3:ok 4:bad_fields 5:ok "},
        {"[w]\nkind = withdrawals\nheader = no\nmatch = *\nnotice_id = 2\nwithdrawn_at = 1\ncause = \"death\"\ntake.3 = in\n", "1,2,out,4\n1,2,in\n1,2,in,4\n1,2,out,4\n1,2\n",
         "2:ok 3:bad_fields 5:bad_fields "},
        /* parts told by columns */
        {MESSAGES "parts = n\npart = i\npart_reference = r\n",
         "id,at,text,n,i,r\n1,2,3,2,1,x\n1,2,3,,,\n1,2,3,1,,\n1,2,3,x,1,x\n1,2,3,2,x,x\n1,2,3,2,0,x\n1,2,3,2,3,x\n1,2,3,256,1,x\n"
         "1,2,3,2,1,xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
         "2:part 3:ok 4:ok 5:bad_fields 6:bad_fields 7:bad_fields 8:bad_fields 9:bad_fields 10:bad_fields "},
        /* and by a header of user data */
        {MESSAGES "udh = u\ncoding = c\ntext_form = hex-ucs2\n",
         "id,at,text,u,c\n1,2,0052,050003CC0201,8\n1,2,0052,,2\n1,2,x,,0\n1,2,x,0500,0\n", "2:part 3:ok 4:ok 5:bad_fields "},
        {MESSAGES "text_form = hex-ucs2\n", "id,at,text\n1,2,0052\n", "2:ok "},
        /* only some records are any */
        {MESSAGES "take.dir = in\n", "id,at,text,dir\n1,2,3,in\n1,2,3,out\n1,2,\"a\nb\",out\n1,2,3,in\n", "2:ok 6:ok "},
        {MESSAGES "text_form = url\n", "id,at,text\n1,2,%20\n", "2:ok "},
        {LOG, "1 2 3\nx\n\n4 5 6", "1:ok 2:bad_fields 4:ok "},
        {LOG "take = DLR\n", "1 DLR 3\n1 2 3\n4 DLR\n", "1:ok 3:bad_fields "},
        {LOG "take.stat = in\n", "1 in 3\n1 out 3\n4 in 5\n", "1:ok 3:ok "},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const char *got = read_dump(ROWS[i].ini, ROWS[i].text, strlen(ROWS[i].text));
        if (strncmp(ROWS[i].told, "1: ", 3) == 0)
            cr_expect(strncmp(got, "1: ", 3) == 0 && got[3], "row %zu: %s", i, got);
        else
            cr_expect_str_eq(got, ROWS[i].told, "row %zu: %s", i, got);
    }
}

Test(dump, fits_nothing)
{
    static const char *const INIS[] = {NULL, MESSAGES, MESSAGES "encoding = UTF-16LE\n", LOG "[x]\nkind = withdrawals\nnotice_id = n\nwithdrawn_at = w\ncause = c\n"};
    static const char TEXT[] = "n,w,c,n\n1,2,3,4\n";
    for (size_t i = 0; i < 3; i++) {
        const char *got = read_dump(INIS[i], TEXT, sizeof TEXT - 1);
        cr_expect(strncmp(got, "1: ", 3) == 0 && (strstr(got, "no profile") != NULL) == (INIS[i] != NULL), "%zu: %s", i, got);
    }
    cr_expect_str_eq(read_dump(INIS[3], TEXT, sizeof TEXT - 1), "1:bad_fields 2:bad_fields ", "a log takes any file of its name");
}

static struct bytes repeated(const char *head, char byte, size_t count, const char *tail)
{
    struct bytes bytes = {0};
    add(&bytes, head, strlen(head));
    for (size_t i = 0; i < count; i++)
        add(&bytes, &byte, 1);
    add(&bytes, tail, strlen(tail));
    return bytes;
}

static void expect_long(const char *ini, const char *head, char byte, size_t count, const char *tail, const char *wanted)
{
    struct bytes bytes = repeated(head, byte, count, tail);
    cr_expect_str_eq(read_dump(ini, (const char *)bytes.data, bytes.size), wanted, "%zu of %c behind %.20s", count, byte, head);
    free(bytes.data);
}

/* Records longer than any that is taken, and than what is held of a file. */
Test(dump, records_that_are_too_long)
{
    static const size_t COUNTS[] = {66000, 100000, 163000, 400000};
    expect_long(NULL, OURS ROW, 'x', 4096, "\n" ROW "y\n", "2:ok 3:ok ");
    expect_long(NULL, OURS ROW, 'x', 4097, "\n" ROW "y\n", "2:too_long 3:ok ");
    expect_long(LOG, "1 ", 'x', 4097, " 3\n4 5 6\n", "1:too_long 2:ok ");
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        expect_long(NULL, OURS ROW, 'x', COUNTS[i], "\n" ROW "y\n", "2:bad_csv 3:ok ");
        expect_long(NULL, OURS ROW, 'x', COUNTS[i], "", "2:bad_csv ");
        expect_long(LOG, "1 ", 'x', COUNTS[i], " 3\n4 5 6\n", "1:bad_csv 2:ok ");
        expect_long(LOG, "1 ", 'x', COUNTS[i], "", "1:bad_csv ");
    }
}

/* In UTF-16, where a pair may lie across what is read at a time, half a character end the file, and a unit be none. */
Test(dump, characters_that_are_cut)
{
    static const char HEAD[] = "id,at,text\n1,2,\"";
    for (size_t before = 24400; before < 24600; before += before > 24550 && before < 24580 ? 1 : 19) {
        struct bytes bytes = {0};
        for (const char *at = HEAD; *at; at++)
            add(&bytes, (char[2]){*at, 0}, 2);
        for (size_t i = 0; i < before; i++)
            add(&bytes, i % 3000 == 2999 ? "\"\0\n\0001\0,\0002\0,\0\"\0" : "x\0", i % 3000 == 2999 ? 14 : 2);
        add(&bytes, "\x3d\xd8\x00\xde\"\0\n\0", 8);                /* a pair */
        add(&bytes, "1\0,\0002\0,\0x\0\x3d\xd8y\0\n\0", 16);      /* half of one */
        add(&bytes, "1\0,\0002\0,\0x\0y", 11);                      /* half a unit */
        const char *got = read_dump(MESSAGES "encoding = UTF-16LE\n", (const char *)bytes.data, bytes.size);
        cr_expect_eq(strncmp(got, "2:ok 3:ok 4:ok 5:ok 6:ok 7:ok 8:ok ", 35), 0, "%zu: %s", before, got);
        cr_expect(strstr(got, "11:ok 12:ok ") && !strstr(got, "bad"), "%zu: %s", before, got);
        free(bytes.data);
    }
}

/* ---- a disk that fails while it is read ---- */

static unsigned reads_left;
static ssize_t failing_pread(int fd, void *to, size_t size, off_t offset)
{
    errno = EIO;
    return reads_left-- == 0 ? -1 : pread(fd, to, size, offset);
}

/* Each read of a file of several pieces: whatever is being done with it (a head, a record, one that is too long, half a character). */
static void fail_each_read(const char *ini, const struct bytes *bytes, unsigned at_least)
{
    unsigned failed = 0;
    put((const char *)bytes->data, bytes->size);
    for (unsigned n = 0;; n++, failed++) {
        static struct fault fault;
        struct profiles *profiles = NULL;
        struct ring *ring;
        struct dump *dump;
        struct dump_record record;
        fault = (struct fault){0};
        cr_assert_eq(ring_open(&ring, true), 0);
        cr_assert_eq(profiles_open(&profiles, "x", span_of(ini), &fault) || profiles_prepare(profiles, 1, &fault), 0, "%s", fault.text);
        reads_left = n;
        sys.pread = failing_pread;
        int there = dump_open(&dump, ring, path, profiles, &fault);
        if (!there) {
            while ((there = dump_next(dump, &record, &fault)) > 0)
                ;
            dump_close(dump);
        }
        sys.pread = pread;
        profiles_close(profiles);
        ring_close(ring);
        if (!there)
            break;
        cr_assert_eq(fault.code, FAULT_FAILED, "read %u: %s", n, fault.text);
        cr_assert_lt(n, 100);
    }
    cr_expect_geq(failed, at_least, "%u", failed);
}

Test(dump, reads_that_fail)
{
    struct bytes utf16 = {0}, longer = repeated("1 ", 'x', 700000, " 3\n4 5 6\n"), field = repeated(OURS ROW, 'x', 700000, "\n" ROW "y\n"),
                 rows_of_ours = repeated(OURS, '\n', 700000, ROW "y\n");
    add(&utf16, "i\0d\0,\0a\0t\0,\0t\0e\0x\0t\0\n\0", 22);
    for (unsigned i = 0; i < 300000; i++)
        add(&utf16, i % 40 == 39 ? "\n\0001\0,\0002\0,\0" : i % 2 ? "\x3d\xd8\x00\xde" : "x\0", i % 40 == 39 ? 10 : i % 2 ? 4 : 2);
    fail_each_read(MESSAGES "encoding = UTF-16LE\n", &utf16, 3);
    fail_each_read(LOG, &longer, 3);
    fail_each_read(MESSAGES, &field, 3);
    fail_each_read(MESSAGES, &rows_of_ours, 3);
    free(utf16.data);
    free(longer.data);
    free(field.data);
    free(rows_of_ours.data);
}
