/* gen_rows.c - see gen_rows.h: who is called what, and how it looks in a dump. */
#include "tools/gen_rows.h"

#define SHORT_CODE "1414"
#define TAILED_PPM 15000u  /* replies that end in white space, as phones leave it */
#define TWICE_PPM 12000u   /* rows given twice in one file, as retries leave them */
#define OVERLAP_PPM 20000u /* rows given again with the next day's */
#define ODD_PHONE_PPM 120000u

char *put_phone(char *out, uint32_t phone, uint64_t hash)
{
    char digits[11];
    value_phone_write(phone, digits);
    if (!gen_chance(hash, 0, ODD_PHONE_PPM))
        return put_bytes(out, digits, 11);
    switch (hash >> 62) {
    case 0:
        *out++ = '+';
        return put_bytes(out, digits, 11);
    case 1:
        *out++ = '8';
        return put_bytes(out, digits + 1, 10);
    default:
        out = PUT(out, "+7 (");
        out = put_bytes(out, digits + 1, 3);
        out = PUT(out, ") ");
        out = put_bytes(out, digits + 4, 3);
        *out++ = '-';
        out = put_bytes(out, digits + 7, 2);
        *out++ = '-';
        return put_bytes(out, digits + 9, 2);
    }
}

char *put_notice_id(char *out, uint32_t number)
{
    return put_digits(PUT(out, "N26-"), number, 9);
}

bool read_notice_id(struct span id, uint32_t *ret_number)
{
    uint64_t number;
    if (id.size != 13 || memcmp(id.data, "N26-", 4) != 0 ||
        !value_number((struct span){id.data + 4, 9}, GEN_CASES_MAX, &number))
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

char *put_message_id(char *out, unsigned style, uint64_t hash)
{
    uint64_t more = gen_mix(hash);
    switch (style) {
    case 0:
        return put_hex(out, hash, 16);
    case 1: /* a UUID */
        out = put_hex(out, hash >> 32, 8);
        *out++ = '-';
        out = put_hex(out, hash >> 16, 4);
        *out++ = '-';
        out = put_hex(out, hash, 4);
        *out++ = '-';
        out = put_hex(out, more >> 48, 4);
        *out++ = '-';
        return put_hex(out, more, 12);
    case 2:
        return put_digits(out, hash, 18);
    default:
        return put_hex(PUT(put_hex(out, hash >> 32, 6), "-"), hash, 10);
    }
}

char *put_iin(char *out, uint64_t hash, bool good)
{
    static const unsigned char FIRST[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, SECOND[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2};
    for (;; hash = gen_mix(hash)) {
        put_two(out, 75 + gen_below(hash, 0, 25));
        put_two(out + 2, 1 + gen_below(hash, 8, 12));
        put_two(out + 4, 1 + gen_below(hash, 16, 28));
        out[6] = '4';
        put_digits(out + 7, gen_below(hash, 32, 10000), 4);
        unsigned first = 0, second = 0;
        for (unsigned i = 0; i < 11; i++) {
            first += (unsigned)(out[i] - '0') * FIRST[i];
            second += (unsigned)(out[i] - '0') * SECOND[i];
        }
        unsigned check = first % 11 == 10 ? second % 11 : first % 11;
        if (check == 10)
            continue;
        out[11] = (char)('0' + (good ? check : (check + 1) % 10));
        return out + 12;
    }
}

char *put_account(char *out, uint64_t hash, bool good)
{
    static const char *const BANKS[] = {"125", "601", "722", "998", "826", "914"};
    /* KZ is 20 35: what the rest comes to, and then those, makes the check digits */
    memcpy(out, "KZ00", 4);
    memcpy(out + 4, BANKS[gen_below(hash, 0, 6)], 3);
    memcpy(out + 7, "KZT", 3);
    put_digits(out + 10, hash >> 16, 10);
    unsigned rest = 0;
    for (unsigned i = 4; i < 20; i++)
        rest = out[i] <= '9' ? (rest * 10 + (unsigned)(out[i] - '0')) % 97 : (rest * 100 + (unsigned)(out[i] - 'A') + 10) % 97;
    rest = (rest * 10000 + 2035) % 97;
    rest = (rest * 100) % 97;
    put_two(out + 2, 98 - rest);
    if (!good)
        out[19] = (char)('0' + (out[19] - '0' + 1) % 10);
    return out + 20;
}

/* ---- names: the country's usual ones ---- */

#define NAME(text)                                                                                                             \
    {                                                                                                                          \
        text, sizeof(text) - 1                                                                                                 \
    }
static const struct span SURNAMES[] = {
    NAME("Ахметова"),      NAME("Омарова"),        NAME("Оспанова"),   NAME("Қасымова"),    NAME("Ибраева"),
    NAME("Сейтқали"),      NAME("Нұрмағанбетова"), NAME("Әлімбекова"), NAME("Жұмабаева"),   NAME("Бөкейханова"),
    NAME("Сүлейменова"),   NAME("Төлегенова"),     NAME("Мұратова"),   NAME("Есенова"),     NAME("Байжанова"),
    NAME("Қалиева"),       NAME("Иванова"),        NAME("Ким"),        NAME("Пак"),         NAME("Петренко"),
    NAME("Шмидт"),         NAME("Смирнова"),       NAME("Кузнецова"),  NAME("Оспанова-Ли"), NAME("О’Коннор"),
    NAME("Тілеубердіұлы"), NAME("Абдуллаева"),     NAME("Юсупова"),    NAME("Рахимова"),    NAME("Ташенова"),
    NAME("Дүйсенбаева"),   NAME("Әубәкірова"),
};
static const struct span GIVEN[] = {
    NAME("Айша"),   NAME("Алихан"), NAME("Әмина"),   NAME("Мұхаммед"), NAME("Айзере"),      NAME("Нұрислам"), NAME("Медина"),
    NAME("Айлин"),  NAME("Ерасыл"), NAME("Томирис"), NAME("Инжу"),     NAME("Дінмұхаммед"), NAME("Хадиша"),   NAME("Жан-Әли"),
    NAME("Раяна"),  NAME("Әлинұр"), NAME("София"),   NAME("Артём"),    NAME("Мария"),       NAME("Марк"),     NAME("Ясмин"),
    NAME("Кәусар"), NAME("Үміт"),   NAME("Әділет"),  NAME("Іңкәр"),    NAME("Айсұлтан"),    NAME("Фатима"),   NAME("Имран"),
    NAME("Адия"),   NAME("Санжар"), NAME("Ералы"),   NAME("Нұрай"),
};
static const struct span PATRONYMICS[] = {
    NAME(""),          NAME(""),           NAME(" Сериковна"), NAME(" Ерланқызы"), NAME(" Бақытжанұлы"), NAME(" Нұржанқызы"),
    NAME(" Иванович"), NAME(" Тимуровна"),
};

char *put_name(char *out, const struct gen *gen, const struct gen_plan *plan)
{
    uint64_t family = gen_hash(gen, GEN_NAMES, plan->family), child = gen_hash(gen, GEN_NAMES, (1ull << 40) + plan->number);
    out = put_span(out, SURNAMES[family >> 59]);
    *out++ = ' ';
    out = put_span(out, GIVEN[child >> 59]);
    return put_span(out, PATRONYMICS[family >> 40 & 7]);
}

/* ---- messages ---- */

static char *put_text(char *out, struct span text, uint64_t hash, bool always_quoted)
{
    static const struct span TAILS[] = {NAME(" "), NAME("\n"), NAME("  \r\n"), NAME("\xc2\xa0")};
    struct span tail = gen_chance(hash, 40, TAILED_PPM) ? TAILS[hash >> 62] : (struct span){NULL, 0};
    bool quoted = always_quoted || (tail.size && tail.data[tail.size - 1] == '\n');
    for (size_t i = 0; i < text.size && !quoted; i++)
        quoted = text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\n';
    if (!quoted)
        return tail.size ? put_span(put_span(out, text), tail) : put_span(out, text);
    *out++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"')
            *out++ = '"';
        *out++ = text.data[i];
    }
    if (tail.size)
        out = put_span(out, tail);
    *out++ = '"';
    return out;
}

char *put_message(char *out, const struct gen *gen, unsigned style, const struct gen_message *m)
{
    struct span operator = gen->ref->operators[m->operator].code;
    struct span code = m->short_code ? span_of(m->short_code) : SPAN(SHORT_CODE);
    uint64_t form = gen_mix(m->hash ^ 0x666f726d);
    switch (style) {
    case 1:
        out = put_time(out, gen, m->received_ms, TIME_UTC);
        *out++ = ',';
        out = put_phone(out, m->phone, form);
        *out++ = ',';
        out = put_text(out, m->text, form, false);
        *out++ = ',';
        out = put_span(out, operator);
        *out++ = ',';
        out = put_message_id(out, style, m->hash);
        *out++ = ',';
        out = put_span(out, code);
        return PUT(out, ",smsc-2\r\n");
    case 2:
        out = put_message_id(out, style, m->hash);
        *out++ = ',';
        out = put_span(out, operator);
        *out++ = ',';
        out = put_phone(out, m->phone, form);
        *out++ = ',';
        out = put_time(out, gen, m->received_ms, TIME_PLAIN);
        *out++ = ',';
        out = put_text(out, m->text, form, false);
        *out++ = ',';
        out = put_span(out, code);
        return PUT(out, "\n");
    default:
        out = put_span(out, operator);
        *out++ = ',';
        out = put_message_id(out, style, m->hash);
        *out++ = ',';
        out = put_time(out, gen, m->received_ms, TIME_MS);
        *out++ = ',';
        out = put_phone(out, m->phone, form);
        *out++ = ',';
        out = put_span(out, code);
        *out++ = ',';
        out = put_text(out, m->text, form, style == 3);
        return PUT(out, "\n");
    }
}

static const struct span CHATTER[] = {
    NAME("Спасибо!"),
    NAME("Рахмет сізге"),
    NAME("STOP"),
    NAME("не понял, что писать"),
    NAME("Что значит \"R\"?\nЖду ответа"),
    NAME("???"),
    NAME("Сәлеметсіз бе, қалай жазамын?"),
    NAME("ok"),
};

char *put_error(char *out, const struct gen_plan *plan, enum step step, bool in_form, uint64_t hash)
{
    if (!in_form && hash >> 63)
        return put_span(out, CHATTER[hash >> 32 & 7]);
    if (!in_form) { /* r 1 2, R12, Р 1 2 (Cyrillic), a space in front */
        static const struct span STARTS[] = {NAME("r "), NAME("R"), NAME("Р "), NAME(" R ")};
        out = put_number(put_span(out, STARTS[hash >> 32 & 3]), plan->slot);
        return put_typed(out, plan->lang);
    }
    out = put_typed(PUT(out, "R"), plan->slot);
    if (step == STEP_LANGUAGE) /* no such language */
        return put_typed(out, 3 + (hash & 3));
    if (step == STEP_NAME) /* one word */
        return put_span(PUT(put_typed(out, plan->lang), " "), GIVEN[hash >> 32 & 31]);
    if (hash >> 62 == 0) /* the other one: bad_language */
        return put_typed(put_typed(put_typed(out, LANG_KK + LANG_RU - plan->lang), STEP_REPLY_CODES[step]), 1);
    out = put_typed(out, plan->lang);
    if (hash >> 62 == 1 && step < STEP_ORDER) /* a question that comes later: not_asked */
        return put_typed(put_typed(out, 7), 1);
    out = put_typed(out, STEP_REPLY_CODES[step]);
    if (step != STEP_ACCOUNT)
        return put_typed(out, 0);
    return put_account(PUT(out, " 2 "), hash, false);
}

/* What cannot be used behind a good one; now and then the very message again with another text. */
static int spoil_behind(struct gen_files *files, uint32_t day, const struct gen_message *message, uint64_t hash)
{
    if (hash >> 60)
        return gen_spoil(files, KIND_MESSAGES, message->operator, day, hash, (struct span){NULL, 0});
    struct gen_message other = *message;
    other.text = CHATTER[hash & 7];
    other.received_ms += SECOND_MS; /* later, so that the good one is heard first */
    struct gen_file *file = gen_files_row(files, KIND_MESSAGES, message->operator, day);
    if (!file)
        return -1;
    file->size = (size_t)(put_message(file->data + file->size, files->gen, file->style, &other) - file->data);
    file->records++;
    return 0;
}

int gen_send(struct gen_files *files, uint32_t day, const struct gen_message *message)
{
    struct gen_file *file = gen_files_row(files, KIND_MESSAGES, message->operator, day);
    if (!file)
        return -1;
    char *row = file->data + file->size, *end = put_message(row, files->gen, file->style, message);
    size_t size = (size_t)(end - row);
    file->size += size;
    file->records++;
    uint64_t fate = gen_mix(message->hash ^ 0x72657065);
    if (gen_chance(fate, 0, TWICE_PPM)) { /* the same row again */
        memcpy(end, row, size);
        file->size += size;
        file->records++;
    }
    if (gen_chance(fate, 20, files->gen->errors) && spoil_behind(files, day, message, gen_mix(fate)))
        return -1;
    if (!gen_chance(fate, 40, OVERLAP_PPM) || day >= GEN_DAYS_MAX)
        return 0;
    struct gen_file *next = gen_files_row(files, KIND_MESSAGES, message->operator, day + 1);
    if (!next)
        return -1;
    end = put_message(next->data + next->size, files->gen, next->style, message);
    next->size = (size_t)(end - next->data);
    next->records++;
    return 0;
}
