/* ref_table.c - see ref_table.h. */
#include "io/ref_table.h"

#include "engine/sys/sys.h"
#include "engine/values.h"
#include "io/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define FILE_SIZE_MAX ((size_t)256 << 20)
#define HEADER_MAX 256

int ref_refuse(struct ref_reader *reader, const char *file, uint32_t line, const char *format, ...)
{
    if (reader->fault_count++ >= REF_FAULTS_MAX)
        return 0;
    char reason[512], place[16] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    if (line)
        snprintf(place, sizeof place, ":%u", line);
    fault_add(reader->fault, FAULT_INPUT, "%s/%s%s: %s", reader->dir, file, place, reason);
    return 0;
}

/* Reads an open file to *ret_data (sys.free); NULL where it was refused. */
static int read_open(struct ref_reader *reader, const char *file, int fd, char **ret_data, size_t *ret_size)
{
    struct stat stat;
    *ret_data = NULL;
    if (sys.fstat(fd, &stat) < 0)
        return fault_errno(reader->fault, errno, "%s/%s", reader->dir, file);
    if (!S_ISREG(stat.st_mode))
        return ref_refuse(reader, file, 0, "not a file");
    if ((size_t)stat.st_size > FILE_SIZE_MAX)
        return ref_refuse(reader, file, 0, "larger than %zu MiB", FILE_SIZE_MAX >> 20);
    char *data = sys.alloc((size_t)stat.st_size + 1);
    if (!data)
        return fault_memory(reader->fault);
    ssize_t size = sys_read_all(fd, data, (size_t)stat.st_size, 0);
    if (size < 0) {
        fault_errno(reader->fault, errno, "%s/%s", reader->dir, file);
        sys.free(data);
        return -1;
    }
    *ret_data = data;
    *ret_size = (size_t)size;
    return 0;
}

int ref_file_read(struct ref_reader *reader, const char *file, bool optional, char **ret_data, size_t *ret_size)
{
    char path[4096];
    *ret_data = NULL;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", reader->dir, file) >= sizeof path)
        return ref_refuse(reader, file, 0, "path too long");
    int fd = sys.open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 && errno == ENOENT)
        return optional ? 0 : ref_refuse(reader, file, 0, "missing");
    if (fd < 0 && !fault_of_path(errno))
        return fault_errno(reader->fault, errno, "%s", path);
    if (fd < 0)
        return ref_refuse(reader, file, 0, "%s", strerror(errno));
    int result = read_open(reader, file, fd, ret_data, ret_size);
    sys.close(fd);
    return result;
}

/* Finds the table's columns in the header. False: refused. */
static bool read_header(struct ref_reader *reader, const struct ref_table *table,
                        const struct csv_field *fields, uint32_t count, uint32_t *ret_at)
{
    unsigned faults = reader->fault_count;
    if (count > HEADER_MAX) {
        ref_refuse(reader, table->file, 1, "more than %d columns", HEADER_MAX);
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (csv_same(&fields[i], &fields[j])) {
                ref_refuse(reader, table->file, 1, "columns %u and %u have the same name", j + 1, i + 1);
                break;
            }
    for (unsigned c = 0; table->columns[c]; c++) {
        ret_at[c] = 0;
        while (ret_at[c] < count && !span_equal((struct span){fields[ret_at[c]].data, fields[ret_at[c]].size},
                                                span_of(table->columns[c])))
            ret_at[c]++;
        if (ret_at[c] == count)
            ref_refuse(reader, table->file, 1, "no column '%s'", table->columns[c]);
    }
    return reader->fault_count == faults;
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f ||
            (byte == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0))
            return true;
    }
    return false;
}

static int read_row(struct ref_reader *reader, const struct ref_table *table, const struct csv_field *fields,
                    const uint32_t *at, uint32_t line)
{
    struct span values[REF_COLUMNS_MAX];
    unsigned faults = reader->fault_count;
    for (unsigned c = 0; table->columns[c]; c++) {
        const struct csv_field *field = &fields[at[c]];
        char *copy = ref_set_alloc(reader->set, field->size, reader->fault);
        if (!copy)
            return -1;
        values[c] = (struct span){copy, csv_unescape(field, copy)};
        bool is_text = strcmp(table->columns[c], "text") == 0; /* the one column that may have lines */
        if (values[c].size > REF_FIELD_MAX)
            ref_refuse(reader, table->file, line, "'%s' is longer than %d bytes", table->columns[c],
                       REF_FIELD_MAX);
        else if (!value_text(values[c]))
            ref_refuse(reader, table->file, line, "'%s' is not UTF-8", table->columns[c]);
        else if (!is_text && has_control(values[c]))
            ref_refuse(reader, table->file, line, "'%s' has a control character in it", table->columns[c]);
    }
    return reader->fault_count > faults ? 0 : table->row(reader, values, line);
}

static int read_records(struct ref_reader *reader, const struct ref_table *table, const char *data,
                        size_t size)
{
    struct csv_field fields[HEADER_MAX];
    uint32_t at[REF_COLUMNS_MAX], column_count = 0, line = 1, count;
    bool headed = false;
    struct csv_seen seen = {0};
    size_t position = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0, next;
    for (;; position = next) {
        enum csv_result result = csv_next_seen(data, size, position, true, fields, HEADER_MAX, &count, &next, &seen);
        if (result == CSV_END)
            break;
        if (result == CSV_BAD || result == CSV_BAD_CUT) {
            ref_refuse(reader, table->file, line, "not a CSV record: quotes unclosed or text after them");
            if (result == CSV_BAD_CUT || !headed)
                return 0;
        } else if (result == CSV_RECORD && !headed) {
            if (!read_header(reader, table, fields, count, at))
                return 0;
            headed = true;
            column_count = count;
        } else if (result == CSV_RECORD && count != column_count) {
            ref_refuse(reader, table->file, line, "%u fields, the header has %u", count, column_count);
        } else if (result == CSV_RECORD && read_row(reader, table, fields, at, line) < 0) {
            return -1;
        }
        line += (uint32_t)csv_count_lines(data + position, next - position);
    }
    return headed ? 0 : ref_refuse(reader, table->file, 1, "no header");
}

int ref_table_read(struct ref_reader *reader, const struct ref_table *table)
{
    char *data;
    size_t size = 0;
    if (ref_file_read(reader, table->file, table->optional, &data, &size) < 0)
        return -1;
    if (!data)
        return 0;
    int result = read_records(reader, table, data, size);
    sys.free(data);
    return result;
}
