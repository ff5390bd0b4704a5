/* profile_line.c - see profile_line.h. */
#include "io/profile_line.h"

/* ---- templates ---- */

static const char *add_piece(struct profile_line *line, struct profile_piece piece)
{
    bool first = line->piece_count == 0;
    if (line->piece_count == 2 * PROFILE_NAMES_MAX)
        return "has too many fields";
    if (!first && piece.label.size == 0)
        return "has two fields with nothing between them";
    line->pieces[line->piece_count++] = piece;
    return NULL;
}

static const char *name_field(struct profile_line *line, struct span name, int32_t *ret_name)
{
    *ret_name = -1;
    if (name.size == 0)
        return NULL;
    if (profile_line_find(line, name) >= 0)
        return "has a field twice";
    if (line->name_count == PROFILE_NAMES_MAX)
        return "has too many fields";
    *ret_name = (int32_t)line->name_count;
    line->names[line->name_count++] = name;
    return NULL;
}

static const char *add_field(struct profile_line *line, struct span before, struct span inside)
{
    struct profile_piece piece = {.label = before, .has_value = true};
    const char *question = inside.size ? memchr(inside.data, '?', inside.size) : NULL;
    const char *wrong = NULL;
    if (question) {
        if (before.size && (wrong = add_piece(line, (struct profile_piece){.label = before, .name = -1})) != NULL)
            return wrong;
        piece.label = (struct span){question + 1, (size_t)(inside.data + inside.size - question - 1)};
        piece.optional = true;
        inside.size = (size_t)(question - inside.data);
        if (piece.label.size == 0)
            return "has a field that may lack, and no label for it";
    } else if (inside.size && inside.data[inside.size - 1] == '+') {
        piece.greedy = true;
        inside.size--;
    }
    wrong = name_field(line, inside, &piece.name);
    return wrong ? wrong : add_piece(line, piece);
}

const char *profile_line_read(struct profile_line *line, struct span text)
{
    *line = (struct profile_line){0};
    const char *at = text.data, *end = at + text.size;
    for (;;) {
        const char *open = memchr(at, '{', (size_t)(end - at));
        if (!open)
            break;
        const char *close = memchr(open, '}', (size_t)(end - open));
        if (!close)
            return "has a { that nothing closes";
        const char *wrong = add_field(line, (struct span){at, (size_t)(open - at)}, (struct span){open + 1, (size_t)(close - open - 1)});
        if (wrong)
            return wrong;
        at = close + 1;
    }
    line->tail = (struct span){at, (size_t)(end - at)};
    return line->name_count ? NULL : "names no field";
}

int32_t profile_line_find(const struct profile_line *line, struct span name)
{
    for (uint32_t i = 0; i < line->name_count; i++)
        if (span_equal(line->names[i], name))
            return (int32_t)i;
    return -1;
}

/* ---- lines ---- */

static const char *find(const char *at, const char *end, struct span label, bool last)
{
    const char *found = memmem(at, (size_t)(end - at), label.data, label.size);
    while (found && last) {
        const char *next = memmem(found + 1, (size_t)(end - found - 1), label.data, label.size);
        if (!next)
            break;
        found = next;
    }
    return found;
}

/* Where the first label from piece `i` on stands that may not lack; the end where there is none. */
static const char *next_certain(const struct profile_line *line, uint32_t i, const char *at, const char *end)
{
    for (; i < line->piece_count; i++) {
        if (line->pieces[i].optional)
            continue;
        const char *found = find(at, end, line->pieces[i].label, false);
        return found ? found : end;
    }
    return end;
}

bool profile_line_match(const struct profile_line *line, struct span text, struct span values[PROFILE_NAMES_MAX])
{
    const char *at = text.data, *end = at + text.size, *value = NULL;
    const struct profile_piece *open = NULL; /* whose value is being read, from `value` on */
    for (uint32_t i = 0; i < line->name_count; i++)
        values[i] = (struct span){"", 0};
    for (uint32_t i = 0; i < line->piece_count; i++) {
        const struct profile_piece *piece = &line->pieces[i];
        size_t size = piece->label.size;
        const char *found = open ? find(at, end, piece->label, open->greedy)
                            : (size_t)(end - at) >= size && memcmp(at, piece->label.data, size) == 0 ? at : NULL;
        if (piece->optional && (!found || found > next_certain(line, i + 1, at, end)))
            continue;
        if (!found)
            return false;
        if (open && open->name >= 0)
            values[open->name] = (struct span){value, (size_t)(found - value)};
        at = found + size;
        open = piece->has_value ? piece : NULL;
        value = at;
    }
    size_t tail = line->tail.size;
    if ((size_t)(end - at) < tail || (tail && memcmp(end - tail, line->tail.data, tail) != 0))
        return false;
    if (!open)
        return (size_t)(end - at) == tail;
    if (open->name >= 0)
        values[open->name] = (struct span){value, (size_t)(end - tail - value)};
    return true;
}
