/* test_buffer.c - what buffers write (CSV and JSON as contract section 9 has them), and what each says where there is no memory. */
#include "io/buffer_fields.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct buffer buffer;
static struct fault fault;

static void expect(const char *want, size_t size)
{
    cr_expect(buffer.size == size && memcmp(buffer.data, want, size) == 0, "'%.*s', not '%.*s'", (int)buffer.size, buffer.data, (int)size, want);
    cr_expect_eq(fault.code, FAULT_NONE);
    buffer_clear(&buffer);
}

Test(buffer, csv)
{
    static const struct {
        const char *given, *written;
    } ROWS[] = {
        {"", ","},           {"a b", "a b,"},       {"a,b", "\"a,b\","},     {"a\"b", "\"a\"\"b\","}, {"\"", "\"\"\"\","},
        {"a\nb", "\"a\nb\","}, {"a\rb", "\"a\rb\","}, {"a;b'\tb", "a;b'\tb,"}, {"Қ", "Қ,"},            {" a ", " a ,"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        cr_assert_eq(buffer_csv(&buffer, span_of(ROWS[i].given), ',', &fault), 0);
        expect(ROWS[i].written, strlen(ROWS[i].written));
    }
    buffer_free(&buffer);
}

/* Unescaped save quotes, backslashes and controls; absent is null. */
Test(buffer, json)
{
    static const struct {
        struct span given;
        const char *written;
    } ROWS[] = {
        {{"", 0}, "\"\""},
        {{"a/b'", 4}, "\"a/b'\""},
        {{"\"\\", 2}, "\"\\\"\\\\\""},
        {{"\n\r\t", 3}, "\"\\n\\r\\t\""},
        {{"\0\x01\x0b\x1f", 4}, "\"\\u0000\\u0001\\u000b\\u001f\""},
        {{"\x7f", 1}, "\"\x7f\""},
        {{"Қ👶", 6}, "\"Қ👶\""},
        {{"twelve bytes, then a\tb \"c\" and eight", 36}, "\"twelve bytes, then a\\tb \\\"c\\\" and eight\""},
        {{"Нұрмағанбетова\\Айша", 37}, "\"Нұрмағанбетова\\\\Айша\""},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        cr_assert_eq(buffer_json(&buffer, ROWS[i].given, &fault), 0);
        expect(ROWS[i].written, strlen(ROWS[i].written));
    }
    /* an escape at each place of a word, and what must not be taken for one */
    for (unsigned at = 0; at < 19; at++) {
        for (unsigned c = 1; c < 256; c++) {
            char given[19], wanted[32];
            memset(given, 'a', sizeof given);
            given[at] = (char)c;
            const char *escaped = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;
            int size = escaped   ? snprintf(wanted, sizeof wanted, "\"%.*s%s%.*s\"", (int)at, given, escaped, 18 - (int)at, given + at + 1)
                       : c < ' ' ? snprintf(wanted, sizeof wanted, "\"%.*s\\u%04x%.*s\"", (int)at, given, c, 18 - (int)at, given + at + 1)
                                 : snprintf(wanted, sizeof wanted, "\"%.19s\"", given);
            cr_assert_eq(buffer_json(&buffer, (struct span){given, sizeof given}, &fault), 0);
            expect(wanted, (size_t)size);
        }
    }
    buffer_json_name(&buffer, (struct span){"a\xff\xd0\n\"", 5}, &fault); /* what is no UTF-8 becomes U+FFFD */
    expect("\"a\xef\xbf\xbd\xef\xbf\xbd\\n\\\"\"", 13);
    buffer_json_name(&buffer, SPAN("Қ.csv"), &fault);
    expect("\"Қ.csv\"", strlen("\"Қ.csv\""));
    buffer_json_or_null(&buffer, SPAN(""), &fault);
    expect("null", 4);
    buffer_json_or_null(&buffer, SPAN("x"), &fault);
    expect("\"x\"", 3);
    buffer_free(&buffer);
}

Test(buffer, format)
{
    static char text[2000];
    for (size_t size = 500; size < 530; size++) { /* whatever room it works in, long lines are whole */
        memset(text, 'x', size);
        text[size] = 0;
        cr_assert_eq(buffer_format(&buffer, &fault, "%s", text), 0);
        expect(text, size);
    }
    buffer_time(&buffer, 1795400130123, &fault);
    expect("2026-11-23T07:15:30.123+05:00", 29);
    buffer_phone(&buffer, 11234567, &fault);
    expect("77011234567", 11);
    buffer_free(&buffer);
}

static void *no_memory(void *block, size_t size)
{
    (void)block, (void)size;
    return NULL;
}

Test(buffer, no_memory)
{
    static char text[1000];
    memset(text, 'x', sizeof text - 1);
    sys.realloc = no_memory;
    for (int what = 0; what < 9; what++) {
        fault = (struct fault){0};
        int failed = what == 0   ? buffer_add(&buffer, "x", 1, &fault)
                     : what == 1 ? buffer_add_text(&buffer, "x", &fault)
                     : what == 2 ? buffer_format(&buffer, &fault, "%s", "short")
                     : what == 3 ? buffer_format(&buffer, &fault, "%s", text)
                     : what == 4 ? buffer_csv(&buffer, SPAN("x"), ',', &fault)
                     : what == 5 ? buffer_json(&buffer, SPAN("x"), &fault) | buffer_json_name(&buffer, SPAN("\xff"), &fault)
                     : what == 6 ? buffer_json_or_null(&buffer, SPAN(""), &fault)
                     : what == 7 ? buffer_time(&buffer, 0, &fault)
                                 : buffer_phone(&buffer, 1, &fault);
        cr_expect_eq(failed, -1, "%d", what);
        cr_expect_eq(fault.code, FAULT_FAILED);
        cr_expect_not_null(strstr(fault.text, "memory"), "%s", fault.text);
        cr_expect_eq(buffer.size, 0u);
    }
}
