/* Durations as XML Schema and ISO 8601 write them. */
#include "core/number.h"
#include "frame/datetime.h"

enum { COUNT_DIGITS = 9, MONTH_SECONDS = 2629746 };

/* A part of a duration: digits and the letter of their unit. */
struct duration_part {
    int count;
    const char *fraction; /* ".5", or nothing */
    size_t n_fraction;
    char unit;
};

static bool take_part(const char **at, const char *end, struct duration_part *part)
{
    const char *const first = *at;
    const char *s = first;
    while (s < end && *s >= '0' && *s <= '9')
        s++;
    const size_t n = (size_t)(s - first);
    if (n == 0 || n > COUNT_DIGITS)
        return false;
    part->count = 0;
    for (size_t i = 0; i < n; i++)
        part->count = part->count * 10 + (first[i] - '0');
    part->fraction = s;
    if (s < end && *s == '.')
        for (s++; s < end && *s >= '0' && *s <= '9';)
            s++;
    part->n_fraction = (size_t)(s - part->fraction);
    if (s == end || part->n_fraction == 1 || (part->n_fraction > 0 && *s != 'S'))
        return false;
    part->unit = *s;
    *at = s + 1;
    return true;
}

/* The units on one side of the T, in order; each may be left out. */
static bool take_parts(const char **at, const char *end, const char *units, const int *seconds,
                       int64_t *total, double *fraction, size_t *ret_n)
{
    size_t next = 0;
    *ret_n = 0;
    while (*at < end && **at != 'T') {
        struct duration_part part;
        if (!take_part(at, end, &part))
            return false;
        while (units[next] != '\0' && units[next] != part.unit)
            next++;
        if (units[next] == '\0')
            return false;
        if (part.n_fraction > 0 &&
            !mer_number_parse(part.fraction, part.n_fraction, false, fraction))
            return false;
        *total += (int64_t)part.count * seconds[next++];
        (*ret_n)++;
    }
    return true;
}

bool mer_duration_parse(const char *bytes, size_t n, double *ret_seconds)
{
    static const int date_seconds[] = {12 * MONTH_SECONDS, MONTH_SECONDS, 86400};
    static const int time_seconds[] = {3600, 60, 1};
    const char *at = bytes;
    const char *const end = bytes + n;
    const bool negative = n > 0 && *at == '-';
    size_t n_date, n_time = 0;
    int64_t total = 0;
    double fraction = 0;
    at += negative;
    if (at == end || *at++ != 'P' ||
        !take_parts(&at, end, "YMD", date_seconds, &total, &fraction, &n_date))
        return false;
    if (at < end) {
        at++;
        if (!take_parts(&at, end, "HMS", time_seconds, &total, &fraction, &n_time) || at < end ||
            n_time == 0)
            return false;
    }
    if (n_date + n_time == 0)
        return false;
    const double value = (double)total + fraction;
    *ret_seconds = negative ? -value : value;
    return true;
}
