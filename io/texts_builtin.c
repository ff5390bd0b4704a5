/* texts_builtin.c - the built-in texts, row by row as in texts.csv (see texts.h for the placeholders).
 * The terms are those of the instruction that citizens are given. A line whose placeholder is empty is left
 * out. Short on purpose: a part holds 67 characters, every part costs, and a list must have room beside. */
#include "io/texts_rows.h"

#define ROW(kind, step, lang, text) {SPAN_INIT(kind), SPAN_INIT(step), SPAN_INIT(lang), SPAN_INIT(text)}
#define SPAN_INIT(literal) {(literal), sizeof(literal) - 1}

const struct ref_text TEXTS_BUILTIN[] = {
    /* prompts */
    ROW("prompt", "language", "kk",
        "Сәбиіңіз құтты болсын! «Баланың туылуы» қызметінің тілін таңдаңыз. Жауап ағылшын R әрпінен "
        "басталсын, әр цифр алдында бос орын:\n"
        "R {slot} 1 - Қазақша\n"
        "R {slot} 2 - Русский"),
    ROW("prompt", "language", "ru",
        "Поздравляем с рождением ребенка! Выберите язык услуги «Рождение ребенка». Ответ начните с "
        "английской R, перед каждой цифрой пробел:\n"
        "R {slot} 1 - Қазақша\n"
        "R {slot} 2 - Русский"),
    ROW("prompt", "name", "kk",
        "{head} деп бастап, баланың тегін, атын, әкесінің атын (бар болса) жазыңыз. Мысалы:\n"
        "{head} Ахметова Айша"),
    ROW("prompt", "name", "ru",
        "Напишите {head} и фамилию, имя, отчество (при наличии) ребенка. Пример:\n"
        "{head} Ахметова Айша"),
    ROW("prompt", "education", "kk", "Білім деңгейіңіз: {head} 2 және цифрлар:\n{list}"),
    ROW("prompt", "education", "ru", "Ваш уровень образования: {head} 2 и цифры:\n{list}"),
    ROW("prompt", "income", "kk", "Кіріс көзіңіз: {head} 3 және цифрлар:\n{list}"),
    ROW("prompt", "income", "ru", "Ваш источник дохода: {head} 3 и цифры:\n{list}"),
    ROW("prompt", "office", "kk", "Тіркеу органы: {head} 4 және цифрлар:\n{list}"),
    ROW("prompt", "office", "ru", "Регистрирующий орган: {head} 4 и цифры:\n{list}"),
    ROW("prompt", "privilege", "kk", "Балабақшаға жеңілдік санаты: {head} 5 және цифрлар:\n{list}"),
    ROW("prompt", "privilege", "ru", "Льготная категория для детсада: {head} 5 и цифры:\n{list}"),
    ROW("prompt", "locality", "kk", "Балабақша үшін елді мекен: {head} 6 және цифрлар:\n{list}"),
    ROW("prompt", "locality", "ru", "Населенный пункт для детсада: {head} 6 и цифры:\n{list}"),
    ROW("prompt", "order", "kk",
        "Баланың туылу тәртібі: {order}-бала. Жәрдемақы мөлшері осыған байланысты.\n"
        "{head} 7 1 - дұрыс\n"
        "{head} 7 2 - дұрыс емес"),
    ROW("prompt", "order", "ru",
        "Очередность рождения ребенка: {order}. От нее зависит размер пособия.\n"
        "{head} 7 1 - верно\n"
        "{head} 7 2 - неверно"),
    ROW("prompt", "account", "kk",
        "Жәрдемақы төленетін банк шоты:\n"
        "{head} 8 1 - *{account} шоты\n"
        "{head} 8 2 KZ… - KZ әріптерінен басталатын шот нөмірі"),
    ROW("prompt", "account", "ru",
        "Банковский счет для пособия:\n"
        "{head} 8 1 - счет *{account}\n"
        "{head} 8 2 KZ… - номер счета, начиная с KZ"),

    /* infos */
    ROW("info", "filed", "kk",
        "Туу туралы тіркеу өтінімі жіберілді:\n"
        "{office}, {address}\n"
        "Нәтижесін SMS арқылы хабарлаймыз."),
    ROW("info", "filed", "ru",
        "Заявка на регистрацию рождения направлена:\n"
        "{office}, {address}\n"
        "О результате сообщим по SMS."),
    ROW("info", "registered", "kk",
        "Баланың тууы тіркелді. Куәлікті алу орны:\n"
        "{place}\n"
        "Өзіңізбен бірге туу туралы медициналық анықтаманы алып келіңіз."),
    ROW("info", "registered", "ru",
        "Рождение ребенка зарегистрировано. Место получения свидетельства:\n"
        "{place}\n"
        "Возьмите с собой медицинскую справку о рождении."),
    ROW("info", "registration_refused", "kk",
        "Баланың тууын тіркеуден бас тартылды.\n"
        "Себебі: {reason}\n"
        "Тіркеу органына жүгініңіз.\n"
        "{office}, {address}\n"
        "Белсенді қызмет аяқталды."),
    ROW("info", "registration_refused", "ru",
        "В регистрации рождения ребенка отказано.\n"
        "Причина: {reason}\n"
        "Обратитесь в регистрирующий орган.\n"
        "{office}, {address}\n"
        "Проактивная услуга завершена."),
    ROW("info", "privileged", "kk",
        "Балабақшаға жеңілдік кезегіне қою үшін әкімдікке жүгініңіз. Жәрдемақы тағайындау жалғасады."),
    ROW("info", "privileged", "ru",
        "Для постановки в льготную очередь в детский сад обратитесь в акимат. Назначение пособия "
        "продолжается."),
    ROW("info", "queued", "kk",
        "Балаңыз балабақша кезегіне қойылды.\n"
        "Кезек нөмірі: {queue}\n"
        "{place}"),
    ROW("info", "queued", "ru",
        "Ваш ребенок поставлен в очередь в детский сад.\n"
        "Номер очереди: {queue}\n"
        "{place}"),
    ROW("info", "queue_refused", "kk",
        "Балабақша кезегіне қоюдан бас тартылды.\n"
        "Себебі: {reason}\n"
        "Әкімдікке жүгініңіз. Жәрдемақы тағайындау жалғасады."),
    ROW("info", "queue_refused", "ru",
        "В постановке в очередь в детский сад отказано.\n"
        "Причина: {reason}\n"
        "Обратитесь в акимат. Назначение пособия продолжается."),
    ROW("info", "order_disputed", "kk",
        "Баланың туылу тәртібі расталмады. Жәрдемақы үшін ХҚКО-ға немесе egov.kz порталына жүгініңіз. "
        "Белсенді қызмет аяқталды."),
    ROW("info", "order_disputed", "ru",
        "Очередность рождения ребенка не подтверждена. За пособием обратитесь в ЦОН или на egov.kz. "
        "Проактивная услуга завершена."),
    ROW("info", "assigned", "kk",
        "Сізге жәрдемақы тағайындалды.\n"
        "Мөлшері: {amount}\n"
        "Белсенді қызмет аяқталды. Мемлекеттік көрсетілетін қызметтерді пайдаланғаныңыз үшін рахмет!"),
    ROW("info", "assigned", "ru",
        "Вам назначено пособие.\n"
        "Размер: {amount}\n"
        "Проактивная услуга завершена. Благодарим за пользование государственными услугами!"),
    ROW("info", "benefit_refused", "kk",
        "Жәрдемақы тағайындаудан бас тартылды.\n"
        "Себебі: {reason}\n"
        "ХҚКО-ға немесе egov.kz порталына жүгініңіз. Белсенді қызмет аяқталды."),
    ROW("info", "benefit_refused", "ru",
        "В назначении пособия отказано.\n"
        "Причина: {reason}\n"
        "Обратитесь в ЦОН или на egov.kz. Проактивная услуга завершена."),
    ROW("info", "registration_manual", "kk",
        "Баланың тууын SMS арқылы тіркеу мүмкін болмады. Тіркеу органына, ХҚКО-ға немесе egov.kz "
        "порталына жүгініңіз. Белсенді қызмет аяқталды."),
    ROW("info", "registration_manual", "ru",
        "Зарегистрировать рождение ребенка по SMS не удалось. Обратитесь в регистрирующий орган, ЦОН или "
        "на egov.kz. Проактивная услуга завершена."),
    ROW("info", "kindergarten_manual", "kk",
        "Балабақша кезегіне SMS арқылы қою мүмкін болмады. Әкімдікке немесе egov.kz порталына жүгініңіз. "
        "Жәрдемақы тағайындау жалғасады."),
    ROW("info", "kindergarten_manual", "ru",
        "Поставить ребенка в очередь в детский сад по SMS не удалось. Обратитесь в акимат или на "
        "egov.kz. Назначение пособия продолжается."),
    ROW("info", "benefit_manual", "kk",
        "Жәрдемақыны SMS арқылы тағайындау мүмкін болмады. ХҚКО-ға немесе egov.kz порталына жүгініңіз. "
        "Белсенді қызмет аяқталды."),
    ROW("info", "benefit_manual", "ru",
        "Назначить пособие по SMS не удалось. Обратитесь в ЦОН или на egov.kz. Проактивная услуга "
        "завершена."),

    /* corrections, by reason */
    ROW("correction", "bad_form", "kk", "Пішімі қате: ағылшын R, әр цифр алдында бос орын.\n{prompt}"),
    ROW("correction", "bad_form", "ru", "Не по форме: английская R, цифры через пробел.\n{prompt}"),
    ROW("correction", "bad_form_alphabet", "kk", "Р кириллицамен жазылған: ағылшын R керек.\n{prompt}"),
    ROW("correction", "bad_form_alphabet", "ru", "Буква Р русская: нужна английская R.\n{prompt}"),
    ROW("correction", "bad_form_case", "kk", "Кіші r жазылған: бас R керек.\n{prompt}"),
    ROW("correction", "bad_form_case", "ru", "Буква r строчная: нужна заглавная R.\n{prompt}"),
    ROW("correction", "bad_form_no_space", "kk", "Бос орын жетпейді: ол әр цифр мен сөз алдында керек.\n{prompt}"),
    ROW("correction", "bad_form_no_space", "ru", "Не хватает пробела: он нужен перед каждой цифрой и словом.\n{prompt}"),
    ROW("correction", "bad_form_spaces", "kk", "Бос орын артық: R алдында болмайды, цифр алдында біреу.\n{prompt}"),
    ROW("correction", "bad_form_spaces", "ru", "Лишний пробел: перед R его нет, перед цифрой один.\n{prompt}"),
    ROW("correction", "bad_slot", "kk", "Жауаптың бірінші цифры қате.\n{prompt}"),
    ROW("correction", "bad_slot", "ru", "Первая цифра ответа неверна.\n{prompt}"),
    ROW("correction", "bad_answer", "kk", "Ондай жауап нұсқасы жоқ.\n{prompt}"),
    ROW("correction", "bad_answer", "ru", "Такого варианта нет.\n{prompt}"),
    ROW("correction", "bad_language", "kk", "Жауаптың екінші цифры қате.\n{prompt}"),
    ROW("correction", "bad_language", "ru", "Вторая цифра ответа неверна.\n{prompt}"),
    ROW("correction", "not_asked", "kk", "Бұл сұрақ әлі қойылмаған.\n{prompt}"),
    ROW("correction", "not_asked", "ru", "Этот вопрос еще не задан.\n{prompt}"),
    ROW("correction", "bad_name", "kk", "Есім қабылданбады: 2-4 сөз, тек әріптер.\n{prompt}"),
    ROW("correction", "bad_name", "ru", "Имя не принято: 2-4 слова, только буквы.\n{prompt}"),
    ROW("correction", "bad_account", "kk", "Шот қабылданбады: KZ және 18 таңба керек.\n{prompt}"),
    ROW("correction", "bad_account", "ru", "Счет не принят: нужны KZ и 18 знаков.\n{prompt}"),

    /* reminder, of any step */
    ROW("reminder", "", "kk", "Жауапты {date} дейін күтеміз.\n{prompt}"),
    ROW("reminder", "", "ru", "Ждем ответ до {date}.\n{prompt}"),

    /* behind a list that was cut */
    ROW("list", "more", "kk", "Бәрі ({range}): egov.kz, 1414"),
    ROW("list", "more", "ru", "Все ({range}): egov.kz, 1414"),
};

const unsigned TEXTS_BUILTIN_COUNT = sizeof TEXTS_BUILTIN / sizeof *TEXTS_BUILTIN;
