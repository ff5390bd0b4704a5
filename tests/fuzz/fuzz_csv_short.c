/* fuzz_csv_short.c - fuzz_csv.c with records of 61 bytes at most (CMakeLists.txt), so that short texts meet the limit again and
 * again. */
#include "fuzz_csv.c"
