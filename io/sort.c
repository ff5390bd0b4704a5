/* sort.c - see sort.h. Radix by bytes of the key, low to high, leaving out bytes that all share; then merge sort of ties. */
#include "io/sort.h"

#include <string.h>

static void merge_sort(struct sort_entry *entries, struct sort_entry *spare, size_t count, sort_compare *compare,
                       const void *context)
{
    if (count <= 12) {
        for (size_t i = 1; i < count; i++) {
            struct sort_entry entry = entries[i];
            size_t hole = i;
            while (hole && compare(entry.item, entries[hole - 1].item, context) < 0) {
                entries[hole] = entries[hole - 1];
                hole--;
            }
            entries[hole] = entry;
        }
        return;
    }
    size_t half = count / 2;
    merge_sort(entries, spare, half, compare, context);
    merge_sort(entries + half, spare, count - half, compare, context);
    memcpy(spare, entries, half * sizeof *entries);
    size_t left = 0, right = half, out = 0;
    while (left < half && right < count)
        entries[out++] =
            compare(entries[right].item, spare[left].item, context) < 0 ? entries[right++] : spare[left++];
    memcpy(entries + out, spare + left, (half - left) * sizeof *entries);
}

void sort_entries(struct sort_entry *entries, struct sort_entry *spare, size_t count, sort_compare *compare,
                  const void *context)
{
    uint64_t any = 0, all = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        any |= entries[i].key;
        all &= entries[i].key;
    }
    uint64_t differs = any & ~all;
    struct sort_entry *from = entries, *to = spare;
    for (unsigned shift = 0; shift < 64 && count > 64; shift += 8) {
        if (!(differs >> shift & 255))
            continue;
        size_t places[256] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++)
            places[from[i].key >> shift & 255]++;
        for (unsigned digit = 0; digit < 256; digit++) {
            size_t here = places[digit];
            places[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[places[from[i].key >> shift & 255]++] = from[i];
        struct sort_entry *other = from;
        from = to;
        to = other;
    }
    if (from != entries)
        memcpy(entries, from, count * sizeof *entries);
    if (count <= 64) { /* few: insertion by key, stable */
        for (size_t i = 1; i < count; i++) {
            struct sort_entry entry = entries[i];
            size_t hole = i;
            while (hole && entry.key < entries[hole - 1].key) {
                entries[hole] = entries[hole - 1];
                hole--;
            }
            entries[hole] = entry;
        }
    }
    for (size_t begin = 0; compare && begin < count;) {
        size_t end = begin + 1;
        while (end < count && entries[end].key == entries[begin].key)
            end++;
        if (end - begin > 1)
            merge_sort(entries + begin, spare, end - begin, compare, context);
        begin = end;
    }
}
