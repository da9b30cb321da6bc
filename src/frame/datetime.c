#include "frame/datetime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "frame/image.h"

enum {
    DATE_LENGTH = 10,
    YEARMONTH_LENGTH = 7,
    MINUTE_LENGTH = 5,
    SECOND_LENGTH = 8,
    OFFSET_LENGTH = 6,
    YEAR_DIGITS = 9
};

/* Reads n decimal digits. */
static bool digits(const char *s, size_t n, int *ret)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        value = value * 10 + (s[i] - '0');
    }
    *ret = value;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

/* Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms": the year starts in
 * March, so that the leap day is its last; 400 years are 146097 days). */
int64_t mer_days_from_civil(int year, int month, int day)
{
    const int shifted_year = year - (month <= 2);
    const int era = shifted_year / 400;
    const int year_of_era = shifted_year - era * 400;
    const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

bool mer_date_valid(int year, int month, int day)
{
    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_in_month(year, month);
}

bool mer_date_parse(const char *bytes, size_t n, int64_t *ret_days)
{
    int year, month, day;
    if (n != DATE_LENGTH || bytes[4] != '-' || bytes[7] != '-' || !digits(bytes, 4, &year) ||
        !digits(bytes + 5, 2, &month) || !digits(bytes + 8, 2, &day))
        return false;
    if (!mer_date_valid(year, month, day))
        return false;
    *ret_days = mer_days_from_civil(year, month, day);
    return true;
}

/* ".f" of a second in microseconds. */
static bool fraction(const char *s, size_t n, int64_t *ret)
{
    int64_t value = 0;
    if (n < 2 || s[0] != '.')
        return false;
    for (size_t i = 1; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || (i > 6 && s[i] != '0'))
            return false;
        if (i <= 6)
            value = value * 10 + (s[i] - '0');
    }
    for (size_t i = n; i <= 6; i++)
        value *= 10;
    *ret = value;
    return true;
}

static bool hours_and_minutes(const char *s, int *ret_minutes)
{
    int hour, minute;
    if (s[2] != ':' || !digits(s, 2, &hour) || !digits(s + 3, 2, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *ret_minutes = hour * 60 + minute;
    return true;
}

bool mer_time_parse(const char *bytes, size_t n, int64_t *ret_microseconds)
{
    int minutes;
    int second = 0;
    int64_t microseconds = 0;
    if (n < MINUTE_LENGTH || !hours_and_minutes(bytes, &minutes))
        return false;
    if (n > MINUTE_LENGTH) {
        if (n < SECOND_LENGTH || bytes[5] != ':' || !digits(bytes + 6, 2, &second) || second > 59)
            return false;
        if (n > SECOND_LENGTH && !fraction(bytes + SECOND_LENGTH, n - SECOND_LENGTH, &microseconds))
            return false;
    }
    *ret_microseconds = ((int64_t)minutes * 60 + second) * 1000000 + microseconds;
    return true;
}

/* Takes "Z", "+hh:mm" or "-hh:mm" off the end of a time, if one is there. */
static bool take_offset(const char *bytes, size_t *n, int64_t *ret_microseconds)
{
    int minutes;
    *ret_microseconds = 0;
    if (*n > MINUTE_LENGTH && bytes[*n - 1] == 'Z') {
        *n -= 1;
        return true;
    }
    if (*n < MINUTE_LENGTH + OFFSET_LENGTH)
        return true;
    const char *offset = bytes + *n - OFFSET_LENGTH;
    if (*offset != '+' && *offset != '-')
        return true;
    if (!hours_and_minutes(offset + 1, &minutes))
        return false;
    *n -= OFFSET_LENGTH;
    *ret_microseconds = (int64_t)(*offset == '-' ? -minutes : minutes) * 60 * 1000000;
    return true;
}

bool mer_datetime_parse(const char *bytes, size_t n, int64_t *ret_microseconds)
{
    int64_t days, time, offset;
    if (n < DATE_LENGTH + 1 + MINUTE_LENGTH ||
        (bytes[DATE_LENGTH] != 'T' && bytes[DATE_LENGTH] != ' '))
        return false;
    size_t n_time = n - DATE_LENGTH - 1;
    const char *time_bytes = bytes + DATE_LENGTH + 1;
    if (!mer_date_parse(bytes, DATE_LENGTH, &days) || !take_offset(time_bytes, &n_time, &offset) ||
        !mer_time_parse(time_bytes, n_time, &time))
        return false;
    const int64_t result = days * MER_DAY_MICROSECONDS + time - offset;
    if (result < MER_DATETIME_MIN || result > MER_DATETIME_MAX)
        return false;
    *ret_microseconds = result;
    return true;
}

/* The inverse of days_from_civil, by the same source. */
static int format_date(int64_t days, char *text, size_t size)
{
    const int shifted = (int)days + 719468; /* from year 1 on: never negative */
    const int era = shifted / 146097;
    const int day_of_era = shifted - era * 146097;
    const int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int shifted_month = (5 * day_of_year + 2) / 153;
    const int day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const int month = shifted_month + (shifted_month < 10 ? 3 : -9);
    return snprintf(text, size, "%04d-%02d-%02d", year_of_era + era * 400 + (month <= 2), month,
                    day);
}

static int format_time(int64_t microseconds, char *text, size_t size)
{
    const int seconds = (int)(microseconds / 1000000);
    int fraction_part = (int)(microseconds % 1000000);
    int n_digits = fraction_part ? 6 : 0;
    while (n_digits > 0 && fraction_part % 10 == 0) {
        fraction_part /= 10;
        n_digits--;
    }
    const int n =
        snprintf(text, size, "%02d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (n_digits == 0)
        return n;
    return n + snprintf(text + n, size - (size_t)n, ".%0*d", n_digits, fraction_part);
}

size_t mer_when_format(enum mer_type type, int64_t value, char ret_text[MER_WHEN_TEXT_MAX])
{
    const size_t size = MER_WHEN_TEXT_MAX;
    int n;
    if (type == MER_TYPE_DATE) {
        n = format_date(value, ret_text, size);
    } else if (type == MER_TYPE_TIME) {
        n = format_time(value, ret_text, size);
    } else if (type == MER_TYPE_DATETIME) {
        int64_t days = value / MER_DAY_MICROSECONDS;
        days -= value % MER_DAY_MICROSECONDS < 0;
        n = format_date(days, ret_text, size);
        ret_text[n++] = 'T';
        n += format_time(value - days * MER_DAY_MICROSECONDS, ret_text + n, size - (size_t)n);
        ret_text[n++] = 'Z';
        ret_text[n] = '\0';
    } else {
        n = snprintf(ret_text, size, "%" PRId64, value);
    }
    return (size_t)n;
}

bool mer_yearmonth_parse(const char *bytes, size_t n, int64_t *ret_days)
{
    int year, month;
    if (n != YEARMONTH_LENGTH || bytes[4] != '-' || !digits(bytes, 4, &year) ||
        !digits(bytes + 5, 2, &month) || !mer_date_valid(year, month, 1))
        return false;
    *ret_days = mer_days_from_civil(year, month, 1);
    return true;
}

bool mer_year_parse(const char *bytes, size_t n, int64_t *ret_year)
{
    int year;
    const size_t sign = n > 0 && bytes[0] == '-';
    const size_t n_digits = n - sign;
    if (n_digits < 4 || n_digits > YEAR_DIGITS || (n_digits > 4 && bytes[sign] == '0') ||
        !digits(bytes + sign, n_digits, &year) || year == 0)
        return false;
    *ret_year = sign ? -year : year;
    return true;
}
