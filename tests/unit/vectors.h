/* vectors.h - the shared vectors in tests/vectors: CSV read the plain way, by nothing that is under test. */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

#include <stdio.h>

enum { COLUMNS_MAX = 4, CELL_MAX = 8192 };

/* Reads one record of a vector file (CSV as RFC 4180); returns the number of its fields, 0 at the end. */
static int vector_read(FILE *file, char cells[COLUMNS_MAX][CELL_MAX])
{
    int count = 0, size = 0, quoted = 0, next = getc(file);
    if (next == EOF)
        return 0;
    for (;; next = getc(file)) {
        if (next == '"' && (quoted || size == 0)) {
            int behind = quoted ? getc(file) : '"';
            if (behind == '"' && quoted) {
                cells[count][size++] = '"';
            } else {
                quoted = !quoted;
                if (!quoted)
                    ungetc(behind, file);
            }
        } else if (next == EOF || (!quoted && (next == ',' || next == '\n'))) {
            cells[count++][size] = '\0';
            size = 0;
            if (next != ',')
                return count;
        } else if (quoted || next != '\r') {
            cells[count][size++] = (char)next;
        }
    }
}

#endif
