#include "frame/datetime_format.h"

#include <string.h>

#include "frame/datetime.h"
#include "frame/image.h"

/* What was read so far; -1 where nothing was. */
struct moment {
    int year;
    int month;
    int day;
    int day_of_year;
    int weekday; /* 0: Monday */
    int hour;
    int hour12;
    int afternoon; /* 0 or 1 */
    int minute;
    int second;
    int microsecond;
    int offset_minutes;
    bool has_offset;
};

static const struct moment NOTHING = {.year = -1,
                                      .month = -1,
                                      .day = -1,
                                      .day_of_year = -1,
                                      .weekday = -1,
                                      .hour = -1,
                                      .hour12 = -1,
                                      .afternoon = -1,
                                      .minute = -1,
                                      .second = -1,
                                      .microsecond = -1};

struct cursor {
    const char *at;
    const char *end;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* One to n digits, or exactly n; returns their number, 0 when there are too few. */
static size_t take_digits(struct cursor *cursor, size_t n, bool exactly, int *ret)
{
    int value = 0;
    size_t i = 0;
    while (i < n && cursor->at + i < cursor->end && is_digit(cursor->at[i]))
        value = value * 10 + (cursor->at[i++] - '0');
    if (i == 0 || (exactly && i < n))
        return 0;
    cursor->at += i;
    *ret = value;
    return i;
}

static bool take_word(struct cursor *cursor, const char *word, size_t n)
{
    if ((size_t)(cursor->end - cursor->at) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(cursor->at[i]) != lower(word[i]))
            return false;
    cursor->at += n;
    return true;
}

/* A name in full or its first three letters. */
static bool take_name(struct cursor *cursor, const char *const *names, int n, int *ret)
{
    for (int i = 0; i < n; i++) {
        if (take_word(cursor, names[i], strlen(names[i])) || take_word(cursor, names[i], 3)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static const char *const MONTHS[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const WEEKDAYS[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/* Z, +hh:mm or +hhmm */
static bool take_offset(struct cursor *cursor, struct moment *moment)
{
    int hours, minutes;
    moment->has_offset = true;
    if (take_word(cursor, "Z", 1))
        return true;
    if (cursor->at == cursor->end || (*cursor->at != '+' && *cursor->at != '-'))
        return false;
    const bool negative = *cursor->at++ == '-';
    if (!take_digits(cursor, 2, true, &hours))
        return false;
    if (cursor->at < cursor->end && *cursor->at == ':')
        cursor->at++;
    if (!take_digits(cursor, 2, true, &minutes) || hours > 23 || minutes > 59)
        return false;
    moment->offset_minutes = (negative ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool take_fraction(struct cursor *cursor, int *ret)
{
    size_t n = take_digits(cursor, 6, false, ret);
    if (n == 0)
        return false;
    for (; n < 6; n++)
        *ret *= 10;
    return true;
}

static bool take_spaces(struct cursor *cursor)
{
    const char *const first = cursor->at;
    while (cursor->at < cursor->end && is_space(*cursor->at))
        cursor->at++;
    return cursor->at > first;
}

static const char *compound(char directive)
{
    switch (directive) {
    case 'F':
        return "%Y-%m-%d";
    case 'T':
        return "%H:%M:%S";
    case 'R':
        return "%H:%M";
    case 'D':
        return "%m/%d/%y";
    default:
        return NULL;
    }
}

/* Words and zones. */
static bool take_other(char directive, struct cursor *cursor, struct moment *moment)
{
    switch (directive) {
    case 'b':
    case 'B':
    case 'h':
        if (!take_name(cursor, MONTHS, 12, &moment->month))
            return false;
        moment->month++;
        return true;
    case 'a':
    case 'A':
        return take_name(cursor, WEEKDAYS, 7, &moment->weekday);
    case 'p':
        moment->afternoon = take_word(cursor, "PM", 2);
        return moment->afternoon || take_word(cursor, "AM", 2);
    case 'z':
        return take_offset(cursor, moment);
    case 'Z':
        moment->has_offset = true;
        return take_word(cursor, "UTC", 3) || take_word(cursor, "GMT", 3) ||
               take_word(cursor, "Z", 1);
    case 'n':
    case 't':
        return take_spaces(cursor);
    case '%':
        return take_word(cursor, "%", 1);
    default:
        return false;
    }
}

/* `tight`: another number follows at once, so that this one has to be complete. */
static bool take_directive(char directive, bool tight, struct cursor *cursor, struct moment *moment)
{
    switch (directive) {
    case 'Y':
        return take_digits(cursor, 4, true, &moment->year);
    case 'y':
        if (!take_digits(cursor, 2, true, &moment->year))
            return false;
        moment->year += moment->year < 69 ? 2000 : 1900;
        return true;
    case 'm':
        return take_digits(cursor, 2, tight, &moment->month);
    case 'e':
        (void)take_spaces(cursor);
        return take_digits(cursor, 2, tight, &moment->day);
    case 'd':
        return take_digits(cursor, 2, tight, &moment->day);
    case 'j':
        return take_digits(cursor, 3, tight, &moment->day_of_year);
    case 'H':
        return take_digits(cursor, 2, tight, &moment->hour);
    case 'I':
        return take_digits(cursor, 2, tight, &moment->hour12);
    case 'M':
        return take_digits(cursor, 2, tight, &moment->minute);
    case 'S':
        return take_digits(cursor, 2, tight, &moment->second);
    case 'f':
        return take_fraction(cursor, &moment->microsecond);
    default:
        return take_other(directive, cursor, moment);
    }
}

static bool begins_with_number(const char *pattern)
{
    return is_digit(pattern[0]) ||
           (pattern[0] == '%' && pattern[1] != '\0' && strchr("YymdejHIMSfFTRD", pattern[1]));
}

/* As deep as compounds are: once. */
static bool match(const char *pattern, bool tight_behind, struct cursor *cursor,
                  struct moment *moment)
{
    while (*pattern) {
        if (is_space(*pattern)) {
            while (is_space(*pattern))
                pattern++;
            if (!take_spaces(cursor))
                return false;
            continue;
        }
        if (*pattern != '%') {
            if (cursor->at == cursor->end || *cursor->at != *pattern)
                return false;
            cursor->at++;
            pattern++;
            continue;
        }
        const char directive = pattern[1];
        if (directive == '\0')
            return false;
        pattern += 2;
        const bool tight = *pattern ? begins_with_number(pattern) : tight_behind;
        const char *const inner = compound(directive);
        if (inner ? !match(inner, tight, cursor, moment)
                  : !take_directive(directive, tight, cursor, moment))
            return false;
    }
    return true;
}

/* The date that was read, in days. */
static bool date_of(const struct moment *moment, int64_t *ret_days)
{
    if (moment->year < 1)
        return false;
    int64_t days;
    if (moment->day_of_year >= 0) {
        days = mer_days_from_civil(moment->year, 1, 1) + moment->day_of_year - 1;
        if (moment->day_of_year < 1 || days > mer_days_from_civil(moment->year, 12, 31))
            return false;
    } else {
        if (!mer_date_valid(moment->year, moment->month, moment->day))
            return false;
        days = mer_days_from_civil(moment->year, moment->month, moment->day);
    }
    /* 1970-01-01 was a Thursday. */
    if (moment->weekday >= 0 && ((days + 3) % 7 + 7) % 7 != moment->weekday)
        return false;
    *ret_days = days;
    return true;
}

static bool time_of(const struct moment *moment, int64_t *ret_microseconds)
{
    int hour = moment->hour;
    if (moment->hour12 >= 0) {
        if (moment->hour12 < 1 || moment->hour12 > 12)
            return false;
        hour = moment->hour12 % 12 + (moment->afternoon == 1 ? 12 : 0);
    }
    const int minute = moment->minute < 0 ? 0 : moment->minute;
    const int second = moment->second < 0 ? 0 : moment->second;
    if (hour < 0)
        hour = 0;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *ret_microseconds = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 +
                        (moment->microsecond < 0 ? 0 : moment->microsecond);
    return true;
}

static bool value_of(const struct moment *moment, enum mer_type type, int64_t *ret)
{
    int64_t days = 0, time = 0;
    if (type != MER_TYPE_TIME && !date_of(moment, &days))
        return false;
    if (type != MER_TYPE_DATE && !time_of(moment, &time))
        return false;
    if (type == MER_TYPE_DATE) {
        *ret = days;
        return true;
    }
    const int64_t result =
        days * MER_DAY_MICROSECONDS + time - (int64_t)moment->offset_minutes * 60 * 1000000;
    if (type == MER_TYPE_DATETIME && (result < MER_DATETIME_MIN || result > MER_DATETIME_MAX))
        return false;
    *ret = result;
    return true;
}

bool mer_datetime_format_parse(const char *pattern, enum mer_type type, const char *bytes, size_t n,
                               int64_t *ret)
{
    struct moment moment = NOTHING;
    struct cursor cursor = {bytes, bytes + n};
    return match(pattern, false, &cursor, &moment) && cursor.at == cursor.end &&
           value_of(&moment, type, ret);
}

/* Which directives a pattern has, a bit for each letter. */
static mer_status collect(const char *pattern, uint64_t *ret_seen, mer_err *err)
{
    for (; *pattern; pattern++) {
        if (*pattern != '%')
            continue;
        const char directive = *++pattern;
        if (directive == '\0' || !strchr("YymbBhdejaAHIpMSfzZ%FTRDnt", directive))
            return mer_fail(err, MER_ERR_DATA, "the directive %s is not supported",
                            mer_quote_n(pattern - 1, directive ? 2 : 1).text);
        const char *const inner = compound(directive);
        if (inner) {
            MER_GUARD(collect(inner, ret_seen, err));
            continue;
        }
        if (strchr("%nt", directive))
            continue;
        const uint64_t bit = UINT64_C(1) << (directive - 'A');
        if (*ret_seen & bit)
            return mer_fail(err, MER_ERR_DATA, "the directive %%%c stands twice", directive);
        *ret_seen |= bit;
    }
    return mer_ok();
}

static bool sees(uint64_t seen, const char *directives)
{
    for (; *directives; directives++)
        if (seen >> (*directives - 'A') & 1)
            return true;
    return false;
}

static bool sees_two(uint64_t seen, const char *directives)
{
    int n = 0;
    for (; *directives; directives++)
        n += (int)(seen >> (*directives - 'A') & 1);
    return n > 1;
}

mer_status mer_datetime_format_check(const char *pattern, enum mer_type type, mer_err *err)
{
    uint64_t seen = 0;
    MER_GUARD(collect(pattern, &seen, err));
    const bool has_day = sees(seen, "j") || (sees(seen, "mbBh") && sees(seen, "de"));
    const bool has_hour = sees(seen, "H") || (sees(seen, "I") && sees(seen, "p"));
    if (sees_two(seen, "Yy") || sees_two(seen, "mbBh") || sees_two(seen, "de") ||
        sees_two(seen, "HI") || sees_two(seen, "aA") || sees_two(seen, "zZ") ||
        (sees(seen, "j") && sees(seen, "mbBhde")))
        return mer_fail(err, MER_ERR_DATA, "it reads the same thing twice");
    if (type != MER_TYPE_TIME && !(sees(seen, "Yy") && has_day))
        return mer_fail(err, MER_ERR_DATA, "it does not read year, month and day");
    if (type == MER_TYPE_TIME && sees(seen, "YymbBhdejaA"))
        return mer_fail(err, MER_ERR_DATA, "it reads a date, which a time does not keep");
    if (type == MER_TYPE_TIME && sees(seen, "zZ"))
        return mer_fail(err, MER_ERR_DATA, "it reads a zone, which a time does not keep");
    if (type == MER_TYPE_DATE && sees(seen, "HIpMSfzZ"))
        return mer_fail(err, MER_ERR_DATA, "it reads a time, which a date does not keep");
    if ((type == MER_TYPE_TIME || sees(seen, "IpMSf")) && !has_hour)
        return mer_fail(err, MER_ERR_DATA, "it does not read the hour (%%H, or %%I with %%p)");
    if ((sees(seen, "S") && !sees(seen, "M")) || (sees(seen, "f") && !sees(seen, "S")) ||
        (sees(seen, "p") && !sees(seen, "I")))
        return mer_fail(err, MER_ERR_DATA, "it reads a part of the time without the one before it");
    return mer_ok();
}

static const char *const ANY_DATES[] = {"%Y-%m-%d", "%Y/%m/%d",     "%Y.%m.%d",    "%Y%m%d",
                                        "%d %b %Y", "%d-%b-%Y",     "%d. %b %Y",   "%b %d, %Y",
                                        "%b %d %Y", "%a, %d %b %Y", "%a %d %b %Y", "%a, %b %d, %Y"};
static const char *const ANY_TIMES[] = {"%H:%M:%S.%f", "%H:%M:%S", "%I:%M:%S %p", "%I:%M:%S%p",
                                        "%I:%M %p",    "%I:%M%p",  "%H:%M"};
static const char *const ANY_ZONES[] = {"", "%z", " %z", " %Z"};

enum {
    N_DATES = sizeof ANY_DATES / sizeof ANY_DATES[0],
    N_TIMES = sizeof ANY_TIMES / sizeof ANY_TIMES[0],
    N_ZONES = sizeof ANY_ZONES / sizeof ANY_ZONES[0]
};

static bool any_time(struct cursor cursor, struct moment moment, enum mer_type type, int64_t *ret)
{
    for (size_t t = 0; t < N_TIMES; t++) {
        for (size_t z = 0; z < (type == MER_TYPE_TIME ? 1 : N_ZONES); z++) {
            struct moment found = moment;
            struct cursor rest = cursor;
            if (match(ANY_TIMES[t], false, &rest, &found) &&
                match(ANY_ZONES[z], false, &rest, &found) && rest.at == rest.end)
                return value_of(&found, type, ret);
        }
    }
    return false;
}

bool mer_datetime_any_parse(enum mer_type type, const char *bytes, size_t n, int64_t *ret)
{
    static const char *const between[] = {"T", " ", ", "};
    if (type == MER_TYPE_TIME)
        return mer_time_parse(bytes, n, ret) ||
               any_time((struct cursor){bytes, bytes + n}, NOTHING, type, ret);
    if (type == MER_TYPE_DATETIME && mer_datetime_parse(bytes, n, ret))
        return true;
    for (size_t d = 0; d < N_DATES; d++) {
        struct moment moment = NOTHING;
        struct cursor cursor = {bytes, bytes + n};
        if (!match(ANY_DATES[d], false, &cursor, &moment))
            continue;
        if (cursor.at == cursor.end && value_of(&moment, type, ret))
            return true;
        for (size_t b = 0; type == MER_TYPE_DATETIME && b < 3; b++) {
            struct cursor rest = cursor;
            if (match(between[b], false, &rest, &moment) && any_time(rest, moment, type, ret))
                return true;
        }
    }
    return false;
}
