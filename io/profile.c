/* profile.c - dumps.ini to profiles; see profile.h. The text is read in a copy of its own, whose lines become the strings. */
#include "io/profile.h"

#include "engine/sys/sys.h"
#include "engine/values.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define FAULTS_MAX 20

struct profiles {
    struct profile *list;
    uint32_t count;
    struct profile_word *words;
    uint32_t word_count;
    pthread_mutex_t lock;
    char *text;
};

struct parse {
    struct profiles *all;
    struct profile *profile; /* the section that is open, NULL before the first */
    const char *file;
    struct fault *fault;
    uint32_t line;
    unsigned wrong;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct parse *parse, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (parse->wrong++ < FAULTS_MAX)
        fault_add(parse->fault, FAULT_INPUT, "%s:%u: %s", parse->file, parse->line, text);
}

/* ---- values of lines ---- */

static int word_of(const char *text, const char *const *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    return -1;
}

static void take_kind(struct parse *parse, const char *value)
{
    int kind = word_of(value, KIND_WORDS, KIND_COUNT);
    if (kind < 0) {
        refuse(parse, "kind is none of notices, withdrawals, messages, responses, receipts, totals");
        return;
    }
    parse->profile->kind = (enum kind)kind;
    parse->profile->has_kind = true;
}

static void take_delimiter(struct parse *parse, const char *value)
{
    if (strcmp(value, "tab") == 0)
        parse->profile->delimiter = '\t';
    else if (strlen(value) == 1 && strchr(",;|", *value))
        parse->profile->delimiter = *value;
    else
        refuse(parse, "delimiter is none of , ; | tab");
}

static void take_encoding(struct parse *parse, const char *value)
{
    if (strcasecmp(value, "UTF-8") == 0 || strcasecmp(value, "UTF8") == 0)
        return;
    iconv_t converter = strchr(value, '/') ? (iconv_t)-1 : sys.iconv_open("UTF-8", value);
    if (converter == (iconv_t)-1) {
        if (errno == EINVAL || strchr(value, '/'))
            refuse(parse, "encoding '%s' is none that iconv knows", value);
        else
            fault_errno(parse->fault, errno, "open a converter from %s", value);
        return;
    }
    iconv_close(converter);
    parse->profile->encoding = value;
}

static void take_header(struct parse *parse, const char *value)
{
    bool yes = strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0)
        refuse(parse, "header is neither yes nor no");
    parse->profile->headless = !yes;
}

static void take_text_form(struct parse *parse, const char *value)
{
    static const char *const FORMS[] = {"plain", "hex-ucs2", "url", "python"};
    int form = word_of(value, FORMS, 4);
    if (form < 0)
        refuse(parse, "text_form is none of plain, hex-ucs2, url, python");
    else
        parse->profile->text_form = (enum profile_text)form;
}

static void take_time(struct parse *parse, const char *value)
{
    struct profile *profile = parse->profile;
    const char *wrong = profile_time_fault(value);
    if (profile->time_count == PROFILE_TIMES_MAX) {
        refuse(parse, "time is given more than %d times", PROFILE_TIMES_MAX);
        return;
    }
    profile->times[profile->time_count++] = value;
    if (wrong)
        refuse(parse, "time %s", wrong);
}

static void take_zone(struct parse *parse, const char *value)
{
    parse->profile->zone_name = value;
    if (zone_open(&parse->profile->zone, value, parse->fault) > 0)
        refuse(parse, "zone '%s' is neither a zone of this machine's tzdata, as Asia/Almaty, nor an offset, as +05:00", value);
}

static void take_line(struct parse *parse, const char *value)
{
    struct profile_line *form = sys.alloc(sizeof *form);
    if (!form) {
        fault_memory(parse->fault);
        return;
    }
    parse->profile->form = form;
    const char *wrong = profile_line_read(form, span_of(value));
    if (wrong)
        refuse(parse, "line %s", wrong);
}

static void take_source(struct parse *parse, struct profile_source *source, char *value)
{
    size_t size = strlen(value);
    if (source->from != PROFILE_NOWHERE) {
        refuse(parse, "the same column is given twice");
    } else if (value[0] == '"') {
        if (size < 2 || value[size - 1] != '"') {
            refuse(parse, "a constant that its quote does not close");
            return;
        }
        *source = (struct profile_source){PROFILE_CONSTANT, {value + 1, size - 2}, 0, parse->line};
        if (size - 2 > 4096 || !value_text(source->text))
            refuse(parse, "a constant over 4096 bytes, or no UTF-8");
    } else if (size == 0) {
        refuse(parse, "a column without a name");
    } else if (strcmp(value, "*") == 0) {
        *source = (struct profile_source){PROFILE_HASH, {value, size}, 0, parse->line};
    } else {
        *source = (struct profile_source){PROFILE_COLUMN, {value, size}, 0, parse->line};
    }
}

/* status.WORD, operator.WORD */
static void take_word(struct parse *parse, struct span column, const char *word, const char *value)
{
    struct profile *profile = parse->profile;
    if (!*word || !*value) {
        refuse(parse, "%.*s.WORD = MEANING: a word lacks", (int)column.size, column.data);
        return;
    }
    for (uint32_t i = 0; i < profile->word_count; i++)
        if (span_equal(profile->words[i].column, column) && profile->words[i].word.size == strlen(word) &&
            strncasecmp(profile->words[i].word.data, word, strlen(word)) == 0)
            refuse(parse, "%.*s.%s is given twice", (int)column.size, column.data, word);
    parse->all->words[parse->all->word_count++] = (struct profile_word){column, span_of(word), span_of(value), parse->line};
    profile->word_count++;
}

/* take = TEXT, or take.COLUMN = VALUE */
static void take_taken(struct parse *parse, char *column, char *value)
{
    struct profile *profile = parse->profile;
    if (profile->take)
        refuse(parse, "take is given twice");
    profile->take = value;
    if (column)
        take_source(parse, &profile->sources[PROFILE_TAKEN], column);
}

/* ---- lines ---- */

typedef void take_function(struct parse *parse, const char *value);

static const struct {
    const char *key;
    take_function *take;
} KEYS[] = {
    {"kind", take_kind},     {"delimiter", take_delimiter}, {"encoding", take_encoding}, {"header", take_header},
    {"time", take_time},     {"zone", take_zone},           {"line", take_line},         {"text_form", take_text_form},
};
#define KEY_COUNT (sizeof KEYS / sizeof *KEYS)

static const struct {
    const char *key;
    unsigned source;
} SPECIAL[] = {
    {"part_reference", PROFILE_REFERENCE}, {"parts", PROFILE_PARTS},   {"part", PROFILE_PART},
    {"udh", PROFILE_UDH},                  {"coding", PROFILE_CODING},
};

static bool given_before(struct parse *parse, const char *key)
{
    const struct profile *profile = parse->profile;
    bool before = (strcmp(key, "kind") == 0 && profile->has_kind) || (strcmp(key, "encoding") == 0 && profile->encoding) ||
                  (strcmp(key, "zone") == 0 && profile->zone_name) || (strcmp(key, "line") == 0 && profile->form) ||
                  (strcmp(key, "match") == 0 && profile->match);
    if (before)
        refuse(parse, "%s is given twice", key);
    return before;
}

/* A column of section 3, whatever the kind: the kind may stand further down, so its place is settled at the section's end. */
static bool take_column(struct parse *parse, const char *key, char *value)
{
    struct profile *profile = parse->profile;
    if (!profile->has_kind) {
        refuse(parse, "'%s' stands before the section's kind", key);
        return true;
    }
    if (strncmp(key, "column.", 7) == 0) /* a column that is called as a key is: `kind` of totals */
        key += 7;
    for (unsigned c = 0; c < record_columns(profile->kind); c++) {
        if (strcmp(record_column(profile->kind, c), key) == 0) {
            take_source(parse, &profile->sources[c], value);
            return true;
        }
    }
    return false;
}

static void take_pair(struct parse *parse, char *key, char *value)
{
    struct profile *profile = parse->profile;
    if (!profile) {
        refuse(parse, "stands before the first [profile]");
        return;
    }
    if (given_before(parse, key))
        return;
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(key, KEYS[i].key) == 0) {
            KEYS[i].take(parse, value);
            return;
        }
    }
    for (size_t i = 0; i < sizeof SPECIAL / sizeof *SPECIAL; i++) {
        if (strcmp(key, SPECIAL[i].key) == 0) {
            take_source(parse, &profile->sources[SPECIAL[i].source], value);
            return;
        }
    }
    if (strcmp(key, "match") == 0)
        profile->match = value;
    else if (strcmp(key, "take") == 0 || strncmp(key, "take.", 5) == 0)
        take_taken(parse, key[4] ? key + 5 : NULL, value);
    else if (strncmp(key, "status.", 7) == 0)
        take_word(parse, SPAN("status"), key + 7, value);
    else if (strncmp(key, "operator.", 9) == 0)
        take_word(parse, SPAN("operator"), key + 9, value);
    else if (!take_column(parse, key, value))
        refuse(parse, "'%s' is neither a key of a profile nor a column of %s", key, KIND_WORDS[profile->kind]);
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t size = strlen(text);
    while (size && (text[size - 1] == ' ' || text[size - 1] == '\t' || text[size - 1] == '\r'))
        size--;
    text[size] = 0;
    return text;
}

/* ---- sections ---- */

static bool uses(const struct profile *profile, unsigned source)
{
    return profile->sources[source].from == PROFILE_COLUMN;
}

static bool has_column(const struct profile *profile, struct span name)
{
    for (unsigned c = 0; c < record_columns(profile->kind); c++)
        if (span_equal(span_of(record_column(profile->kind, c)), name))
            return true;
    return false;
}

static void settle_numbers(struct parse *parse)
{
    struct profile *profile = parse->profile;
    for (unsigned i = 0; i < PROFILE_SOURCES; i++) {
        struct profile_source *source = &profile->sources[i];
        uint64_t number;
        if (source->from != PROFILE_COLUMN)
            continue;
        if (profile->form) {
            int32_t name = profile_line_find(profile->form, source->text);
            if (name < 0)
                refuse(parse, "line has no field {%.*s}", (int)source->text.size, source->text.data);
            source->number = (uint32_t)name;
        } else if (profile->headless) {
            if (!value_number(source->text, CSV_FIELDS_MAX, &number) || number == 0)
                refuse(parse, "with header = no a column is a number from 1, not '%.*s'", (int)source->text.size, source->text.data);
            else
                source->number = (uint32_t)number - 1;
        }
    }
}

/* Whether times need a zone: not where the form itself tells the offset, or is of seconds since 1970. */
static bool wants_zone(const struct profile *profile)
{
    bool wants = false;
    for (unsigned i = 0; i < profile->time_count; i++)
        wants |= !strstr(profile->times[i], "%z") && strcmp(profile->times[i], "%s") != 0;
    return wants;
}

static bool is_id(const struct profile *profile, unsigned source)
{
    if (source >= record_columns(profile->kind))
        return false;
    const char *column = record_column(profile->kind, source);
    return strcmp(column, "message_id") == 0 || (profile->kind == KIND_NOTICES && strcmp(column, "notice_id") == 0);
}

/* A value that can be no record's. */
static void check_meaning(void *context, uint32_t line, struct span column, struct span value)
{
    struct parse *parse = context;
    enum kind kind = parse->profile->kind;
    parse->line = line;
    if (!has_column(parse->profile, column))
        return;
    if (span_equal(column, SPAN("status")) && !record_has_status(kind, value))
        refuse(parse, "'%.*s' is no status of %s", (int)value.size, value.data, KIND_WORDS[kind]);
    if (span_equal(column, SPAN("operator")) && kind == KIND_MESSAGES && (!value_operator(value) || span_equal(value, SPAN("other"))))
        refuse(parse, "'%.*s' is no code of an operator, as kcell", (int)value.size, value.data);
}

static void end_section(struct parse *parse)
{
    struct profile *profile = parse->profile;
    if (!profile)
        return;
    parse->line = profile->line;
    if (!profile->has_kind) {
        refuse(parse, "[%s] has no kind", profile->name);
        return;
    }
    for (unsigned c = 0; c < record_required(profile->kind); c++)
        if (profile->sources[c].from == PROFILE_NOWHERE)
            refuse(parse, "[%s] does not say where %s is had from", profile->name, record_column(profile->kind, c));
    if (profile->form)
        profile->headless = true;
    if (profile->headless && !profile->match)
        refuse(parse, "[%s] has no header to be known by: it needs match", profile->name);
    if (profile->take && !profile->form && !uses(profile, PROFILE_TAKEN))
        refuse(parse, "[%s] has take, but no line: of CSV it is take.COLUMN", profile->name);
    for (unsigned i = 0; i < PROFILE_SOURCES; i++)
        if (profile->sources[i].from == PROFILE_HASH && !is_id(profile, i))
            refuse(parse, "[%s]: only message_id and notice_id can be *", profile->name);
    if (wants_zone(profile) && !profile->zone_name)
        refuse(parse, "[%s] has time, but no zone", profile->name);
    if (profile->zone_name && !profile->time_count)
        refuse(parse, "[%s] has zone, but no time", profile->name);
    bool parted = uses(profile, PROFILE_PART), extras = uses(profile, PROFILE_CODING) || uses(profile, PROFILE_UDH);
    if (parted != uses(profile, PROFILE_PARTS) || parted != uses(profile, PROFILE_REFERENCE))
        refuse(parse, "[%s]: part_reference, parts and part go together", profile->name);
    for (unsigned i = PROFILE_REFERENCE; i < PROFILE_SOURCES; i++)
        if (profile->sources[i].from == PROFILE_CONSTANT)
            refuse(parse, "[%s]: part_reference, parts, part, udh, coding and take are columns, no constants", profile->name);
    if (parted && uses(profile, PROFILE_UDH))
        refuse(parse, "[%s]: parts are told by columns or by udh, not by both", profile->name);
    if ((parted || extras || profile->text_form) && profile->kind != KIND_MESSAGES)
        refuse(parse, "[%s]: text_form, coding, udh and parts are of messages", profile->name);
    for (uint32_t i = 0; i < profile->word_count; i++)
        if (!has_column(profile, profile->words[i].column))
            refuse(parse, "[%s]: %s have no %.*s", profile->name, KIND_WORDS[profile->kind], (int)profile->words[i].column.size,
                   profile->words[i].column.data);
    settle_numbers(parse);
    profile_meanings(profile, check_meaning, parse);
}

static void begin_section(struct parse *parse, char *name)
{
    struct profiles *all = parse->all;
    uint32_t line = parse->line;
    end_section(parse);
    parse->line = line;
    char *close = strchr(name, ']');
    if (!close || close == name || *trim(close + 1))
        refuse(parse, "a section is [NAME]");
    if (close)
        *close = 0;
    for (uint32_t i = 0; i < all->count; i++)
        if (strcmp(all->list[i].name, name) == 0)
            refuse(parse, "[%s] stands twice", name);
    parse->profile = &all->list[all->count++];
    *parse->profile = (struct profile){.name = name, .line = line, .delimiter = ',', .lock = &all->lock,
                                       .words = all->words + all->word_count};
}

static void take_text_line(struct parse *parse, char *text)
{
    text = trim(text);
    if (!*text || *text == '#' || *text == ';')
        return;
    if (*text == '[') {
        begin_section(parse, text + 1);
        return;
    }
    char *equals = strchr(text, '=');
    if (!equals) {
        refuse(parse, "neither [NAME] nor KEY = VALUE");
        return;
    }
    *equals = 0;
    take_pair(parse, trim(text), trim(equals + 1));
}

static int make_room(struct profiles *all, struct span text, struct fault *fault)
{
    size_t lines = (size_t)csv_count_lines(text.data, text.size) + 2;
    all->text = sys.alloc(text.size + 1);
    all->list = sys.alloc(lines * sizeof *all->list);
    all->words = sys.alloc(lines * sizeof *all->words);
    if (!all->text || !all->list || !all->words)
        return fault_memory(fault);
    if (text.size)
        memcpy(all->text, text.data, text.size);
    all->text[text.size] = 0;
    return 0;
}

int profiles_open(struct profiles **ret_profiles, const char *name, struct span text, struct fault *fault)
{
    struct profiles *all = sys.alloc(sizeof *all);
    if (!all)
        return fault_memory(fault);
    *all = (struct profiles){0};
    pthread_mutex_init(&all->lock, NULL);
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = (struct span){text.data + 3, text.size - 3};
    struct parse parse = {.all = all, .file = name, .fault = fault, .line = 1};
    if (!value_text(text))
        refuse(&parse, "not UTF-8, or a NUL in it");
    else if (make_room(all, text, fault) == 0)
        for (char *at = all->text, *next; at && fault->code != FAULT_FAILED; at = next, parse.line++) {
            next = strchr(at, '\n');
            if (next)
                *next++ = 0;
            take_text_line(&parse, at);
        }
    end_section(&parse);
    if (parse.wrong > FAULTS_MAX)
        fault_add(fault, FAULT_INPUT, "and %u more", parse.wrong - FAULTS_MAX);
    if (fault->code != FAULT_NONE) {
        profiles_close(all);
        return -1;
    }
    *ret_profiles = all;
    return 0;
}

void profiles_close(struct profiles *profiles)
{
    if (!profiles)
        return;
    for (uint32_t i = 0; i < profiles->count; i++) {
        struct profile *profile = &profiles->list[i];
        while (profile->converter_count)
            iconv_close(profile->converters[--profile->converter_count]);
        zone_close(profile->zone);
        sys.free(profile->form);
        sys.free(profile->converters);
    }
    pthread_mutex_destroy(&profiles->lock);
    sys.free(profiles->text);
    sys.free(profiles->list);
    sys.free(profiles->words);
    sys.free(profiles);
}

const struct profile *profiles_at(const struct profiles *profiles, uint32_t index)
{
    return profiles && index < profiles->count ? &profiles->list[index] : NULL;
}

bool profiles_join(const struct profiles *profiles)
{
    for (uint32_t i = 0; profiles && i < profiles->count; i++)
        if (uses(&profiles->list[i], PROFILE_PARTS) || uses(&profiles->list[i], PROFILE_UDH))
            return true;
    return false;
}

/* ---- converters ---- */

int profiles_prepare(struct profiles *profiles, unsigned count, struct fault *fault)
{
    for (uint32_t i = 0; i < profiles->count; i++) {
        struct profile *profile = &profiles->list[i];
        if (!profile->encoding)
            continue;
        profile->converters = sys.alloc(count * sizeof *profile->converters);
        if (!profile->converters)
            return fault_memory(fault);
        while (profile->converter_count < count) {
            iconv_t converter = sys.iconv_open("UTF-8", profile->encoding);
            if (converter == (iconv_t)-1)
                return fault_errno(fault, errno, "open a converter from %s", profile->encoding);
            profile->converters[profile->converter_count++] = converter;
        }
    }
    return 0;
}

bool profile_take_converter(const struct profile *profile, iconv_t *ret_converter)
{
    struct profile *own = (struct profile *)profile; /* what is idle changes, the profile does not */
    pthread_mutex_lock(own->lock);
    bool there = own->converter_count > 0;
    if (there)
        *ret_converter = own->converters[--own->converter_count];
    pthread_mutex_unlock(own->lock);
    if (there)
        iconv(*ret_converter, NULL, NULL, NULL, NULL);
    return there;
}

void profile_give_converter(const struct profile *profile, iconv_t converter)
{
    struct profile *own = (struct profile *)profile;
    pthread_mutex_lock(own->lock);
    own->converters[own->converter_count++] = converter;
    pthread_mutex_unlock(own->lock);
}
