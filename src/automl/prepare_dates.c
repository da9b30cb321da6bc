/* Dates and times of day to numbers that a model can use: what returns every year, week or day goes
 * on a circle, so that December stands beside January.
 */
#include "automl/prepare_internal.h"

#include "core/math.h"

#define MICROSECONDS_A_DAY INT64_C(86400000000)
#define TWO_PI 6.283185307179586
/* Days are clipped to this, some 2.7 million years: the calendar below then cannot overflow. */
#define DAYS_MAX INT64_C(1000000000)

bool mer_part_fits(enum mer_part part, enum mer_type type)
{
    switch (part) {
    case MER_PART_VALUE:
        return mer_type_is_number(type);
    case MER_PART_MISSING:
        return mer_type_is_number(type) || mer_type_is_time(type) || type == MER_TYPE_TEXT;
    case MER_PART_TEXT_LENGTH:
    case MER_PART_TEXT_WORDS:
    case MER_PART_TEXT_UPPER:
    case MER_PART_TEXT_DIGITS:
    case MER_PART_TEXT_SIGNS:
        return type == MER_TYPE_TEXT;
    case MER_PART_ELAPSED:
        return mer_type_is_time(type);
    case MER_PART_DAYTIME_SIN:
    case MER_PART_DAYTIME_COS:
    case MER_PART_HOUR:
        return type == MER_TYPE_TIME || type == MER_TYPE_DATETIME;
    case MER_PART_YEAR:
    case MER_PART_MONTH_SIN:
    case MER_PART_MONTH_COS:
    case MER_PART_MONTHDAY_SIN:
    case MER_PART_MONTHDAY_COS:
    case MER_PART_WEEKDAY_SIN:
    case MER_PART_WEEKDAY_COS:
    case MER_PART_YEARDAY_SIN:
    case MER_PART_YEARDAY_COS:
    case MER_PART_WEEKEND:
    case MER_PART_MONTH:
    case MER_PART_WEEKDAY:
        return type == MER_TYPE_DATE || type == MER_TYPE_DATETIME;
    default: /* encoded, since another date, or none */
        return mer_part_is_since(part) && (type == MER_TYPE_DATE || type == MER_TYPE_DATETIME);
    }
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    const int64_t quotient = value / by;
    return quotient - (value % by < 0);
}

static void put_on_circle(double fraction, double *ret_sin, double *ret_cos)
{
    *ret_sin = mer_sin(TWO_PI * fraction);
    *ret_cos = mer_cos(TWO_PI * fraction);
}

/* The proleptic Gregorian calendar, by eras of 400 years that begin in March (H. Hinnant,
 * "chrono-compatible low-level date algorithms"). */
static void put_calendar(int64_t days, double parts[MER_PART_COUNT])
{
    if (days > DAYS_MAX)
        days = DAYS_MAX;
    if (days < -DAYS_MAX)
        days = -DAYS_MAX;
    const int64_t since_march_0000 = days + 719468;
    const int64_t era = floor_divide(since_march_0000, 146097);
    const int64_t day_of_era = since_march_0000 - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * month_from_march + 2) / 5; /* from 0 */
    const int64_t month = month_from_march < 10 ? month_from_march + 2  /* from 0 */
                                                : month_from_march - 10;
    const int64_t weekday = days + 3 - 7 * floor_divide(days + 3, 7); /* Monday is 0 */

    parts[MER_PART_YEAR] = (double)(year_of_era + era * 400 + (month <= 1));
    put_on_circle((double)month / 12, &parts[MER_PART_MONTH_SIN], &parts[MER_PART_MONTH_COS]);
    put_on_circle((double)day / 31, &parts[MER_PART_MONTHDAY_SIN], &parts[MER_PART_MONTHDAY_COS]);
    parts[MER_PART_WEEKEND] = weekday >= 5;
    parts[MER_PART_WEEKDAY] = (double)weekday;
    parts[MER_PART_MONTH] = (double)(month + 1);
    /* The year begins in March here; on the circle that is a turn. */
    put_on_circle((double)day_of_year / 366, &parts[MER_PART_YEARDAY_SIN],
                  &parts[MER_PART_YEARDAY_COS]);
    put_on_circle((double)weekday / 7, &parts[MER_PART_WEEKDAY_SIN], &parts[MER_PART_WEEKDAY_COS]);
}

void mer_date_parts(enum mer_type type, int64_t value, int64_t median,
                    double ret_parts[MER_PART_COUNT])
{
    const double since = (double)value - (double)median;

    for (size_t i = 0; i < MER_PART_COUNT; i++)
        ret_parts[i] = 0;
    if (type == MER_TYPE_DATE) {
        ret_parts[MER_PART_ELAPSED] = since;
        put_calendar(value, ret_parts);
        return;
    }
    ret_parts[MER_PART_ELAPSED] = since / (double)MICROSECONDS_A_DAY;
    const int64_t days = floor_divide(value, MICROSECONDS_A_DAY);
    /* Not value - days * a day: the days may begin where no int64 reaches. */
    const int64_t rest = value % MICROSECONDS_A_DAY;
    const double daytime =
        (double)(rest < 0 ? rest + MICROSECONDS_A_DAY : rest) / (double)MICROSECONDS_A_DAY;
    ret_parts[MER_PART_HOUR] = 24 * daytime;
    put_on_circle(daytime, &ret_parts[MER_PART_DAYTIME_SIN], &ret_parts[MER_PART_DAYTIME_COS]);
    if (type == MER_TYPE_DATETIME)
        put_calendar(days, ret_parts);
}
