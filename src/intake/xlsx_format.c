#include "intake/xlsx_format.h"

#include <string.h>

#include "frame/image.h"

enum {
    DAY_MILLISECONDS = 86400000,
    DAYS_TO_1900 = -25568, /* the day before day 1 of the 1900 system, 1899-12-31 */
    DAYS_TO_1904 = -24107,
    DAY_THAT_NEVER_WAS = 60
};

enum mer_xlsx_format mer_xlsx_format_builtin(unsigned id)
{
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
        return MER_XLSX_DATE;
    if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47)
        return MER_XLSX_TIME;
    return id == 22 ? MER_XLSX_DATETIME : MER_XLSX_NUMBER;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* What a code asks for, in its order: 'y', 'd', 'm', 'h', 's', or 'e' for an elapsed time. */
struct letters {
    char found[64];
    size_t n;
};

static void note(struct letters *letters, char letter)
{
    const bool repeated = letters->n > 0 && letters->found[letters->n - 1] == letter;
    if (!repeated && letters->n < sizeof letters->found)
        letters->found[letters->n++] = letter;
}

/* Behind "[...]"; notes [h], [mm], [ss]. */
static const char *skip_bracket(const char *at, struct letters *letters)
{
    const char *end = strchr(at, ']');
    if (!end)
        return at + strlen(at);
    const char first = lower(at[1]);
    size_t n_same = 0;
    while (at + 1 + n_same < end && lower(at[1 + n_same]) == first)
        n_same++;
    if ((first == 'h' || first == 'm' || first == 's') && at + 1 + n_same == end)
        note(letters, 'e');
    return end + 1;
}

/* Behind what stands at `at`. */
static const char *read_token(const char *at, struct letters *letters)
{
    const char c = lower(*at);
    if (c == '"') {
        const char *end = strchr(at + 1, '"');
        return end ? end + 1 : at + strlen(at);
    }
    if (c == '\\' || c == '_' || c == '*')
        return at[1] ? at + 2 : at + 1;
    if (c == '[')
        return skip_bracket(at, letters);
    if (c == 'a' && at[1] && at[2] == '/') /* AM/PM */
        return at[3] && at[4] ? at + 5 : at + strlen(at);
    if (c == 'a' && at[1] == '/') /* A/P */
        return at[2] ? at + 3 : at + 2;
    if (c == 'y' || c == 'd' || c == 'm' || c == 'h' || c == 's')
        note(letters, c);
    return at + 1;
}

enum mer_xlsx_format mer_xlsx_format_of_code(const char *code)
{
    struct letters letters = {.n = 0};
    bool date = false, time = false;
    for (const char *at = code; *at && *at != ';';)
        at = read_token(at, &letters);
    for (size_t i = 0; i < letters.n; i++) {
        const char before = i > 0 ? letters.found[i - 1] : '\0';
        const char behind = i + 1 < letters.n ? letters.found[i + 1] : '\0';
        switch (letters.found[i]) {
        case 'e':
            return MER_XLSX_NUMBER;
        case 'm': /* minutes beside hours or seconds, months otherwise */
            if (before == 'h' || behind == 's')
                time = true;
            else
                date = true;
            break;
        case 'h':
        case 's':
            time = true;
            break;
        default:
            date = true;
        }
    }
    if (date && time)
        return MER_XLSX_DATETIME;
    return date ? MER_XLSX_DATE : time ? MER_XLSX_TIME : MER_XLSX_NUMBER;
}

/* A serial number that is not negative, as whole milliseconds. */
static int64_t milliseconds_of(double serial)
{
    const double whole = (double)(int64_t)serial;
    return (int64_t)whole * DAY_MILLISECONDS + (int64_t)((serial - whole) * DAY_MILLISECONDS + 0.5);
}

bool mer_xlsx_serial_to_date(double serial, bool is_1904, int64_t *ret_days,
                             int64_t *ret_milliseconds)
{
    /* Above what any date needs, and small enough for the arithmetic. */
    if (!(serial >= 0 && serial < 4e6))
        return false;
    const int64_t milliseconds = milliseconds_of(serial);
    const int64_t day = milliseconds / DAY_MILLISECONDS;
    int64_t days = day + DAYS_TO_1904;
    if (!is_1904) {
        if (day < 1 || day == DAY_THAT_NEVER_WAS)
            return false;
        days = day + DAYS_TO_1900 - (day > DAY_THAT_NEVER_WAS);
    }
    if (days > MER_DATE_MAX)
        return false;
    *ret_days = days;
    *ret_milliseconds = milliseconds % DAY_MILLISECONDS;
    return true;
}

bool mer_xlsx_serial_to_time(double serial, int64_t *ret_milliseconds)
{
    if (!(serial >= 0 && serial < 1))
        return false;
    const int64_t milliseconds = milliseconds_of(serial);
    if (milliseconds == DAY_MILLISECONDS)
        return false;
    *ret_milliseconds = milliseconds;
    return true;
}
