#include "intake/loose_text.h"

#include <string.h>

#include "core/number.h"
#include "frame/image.h"

enum { SECOND = 1000000 };

/* Doubles up to 2^53 are the integers that they look like. */
static const double WHOLE_MAX = 9007199254740992.0;

mer_status mer_loose_put_text(struct mer_buf *buf, const char *bytes, size_t n, mer_err *err)
{
    MER_GUARD(mer_buf_append(buf, "\"", 1, err));
    for (const char *quote; (quote = n ? memchr(bytes, '"', n) : NULL) != NULL;) {
        const size_t before = (size_t)(quote - bytes) + 1;
        MER_GUARD(mer_buf_append(buf, bytes, before, err));
        MER_GUARD(mer_buf_append(buf, "\"", 1, err));
        bytes += before;
        n -= before;
    }
    MER_GUARD(mer_buf_append(buf, bytes, n, err));
    return mer_buf_append(buf, "\"", 1, err);
}

/* Hinnant, "chrono-compatible low-level date algorithms", the inverse of the one in datetime.c. */
static mer_status put_date(struct mer_buf *buf, int64_t days, mer_err *err)
{
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const int64_t day_of_era = shifted - era * 146097;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t shifted_month = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    return mer_buf_printf(buf, err, "%04d-%02d-%02d", (int)(year_of_era + era * 400 + (month <= 2)),
                          (int)month, (int)day);
}

static mer_status put_time(struct mer_buf *buf, int64_t microseconds, mer_err *err)
{
    const int64_t seconds = microseconds / SECOND;
    const int64_t fraction = microseconds % SECOND;
    MER_GUARD(mer_buf_printf(buf, err, "%02d:%02d:%02d", (int)(seconds / 3600),
                             (int)(seconds / 60 % 60), (int)(seconds % 60)));
    return fraction ? mer_buf_printf(buf, err, ".%06d", (int)fraction) : mer_ok();
}

static mer_status put_datetime(struct mer_buf *buf, int64_t microseconds, bool date_only,
                               mer_err *err)
{
    int64_t days = microseconds / MER_DAY_MICROSECONDS;
    int64_t rest = microseconds % MER_DAY_MICROSECONDS;
    if (rest < 0) {
        days--;
        rest += MER_DAY_MICROSECONDS;
    }
    MER_GUARD(put_date(buf, days, err));
    if (date_only && rest == 0)
        return mer_ok();
    MER_GUARD(mer_buf_append(buf, "T", 1, err));
    return put_time(buf, rest, err);
}

/* 3.0, 1e3: as the integer that it is, if it is one; what is not is told by who reads it. */
static mer_status put_whole(struct mer_buf *buf, const struct mer_loose_cell *cell, mer_err *err)
{
    double value;
    if (!mer_number_parse(cell->bytes, cell->n, true, &value) || !(value >= -WHOLE_MAX) ||
        !(value <= WHOLE_MAX) || (double)(int64_t)value != value)
        return mer_buf_append(buf, cell->bytes, cell->n, err);
    return mer_buf_printf(buf, err, "%lld", (long long)value);
}

mer_status mer_loose_plain(struct mer_buf *buf, const struct mer_loose_cell *cell,
                           enum mer_type type, mer_err *err)
{
    switch (cell->kind) {
    case MER_LOOSE_BOOLEAN:
        return mer_buf_text(buf, cell->value ? "true" : "false", err);
    case MER_LOOSE_DATE:
        MER_GUARD(put_date(buf, cell->value, err));
        return type == MER_TYPE_DATETIME ? mer_buf_text(buf, "T00:00:00", err) : mer_ok();
    case MER_LOOSE_TIME:
        return put_time(buf, cell->value, err);
    case MER_LOOSE_DATETIME:
        return put_datetime(buf, cell->value, type == MER_TYPE_DATE, err);
    case MER_LOOSE_NUMBER:
        return type == MER_TYPE_INTEGER ? put_whole(buf, cell, err)
                                        : mer_buf_append(buf, cell->bytes, cell->n, err);
    case MER_LOOSE_INTEGER:
    case MER_LOOSE_TEXT:
    case MER_LOOSE_BROKEN:
        return mer_buf_append(buf, cell->bytes, cell->n, err);
    case MER_LOOSE_MISSING:
        break;
    }
    return mer_ok();
}

mer_status mer_loose_put(struct mer_buf *buf, const struct mer_loose_cell *cell, enum mer_type type,
                         mer_err *err)
{
    const bool is_quoted = cell->kind == MER_LOOSE_TEXT || cell->kind == MER_LOOSE_BROKEN;
    return is_quoted ? mer_loose_put_text(buf, cell->bytes, cell->n, err)
                     : mer_loose_plain(buf, cell, type, err);
}
