/* What is worth telling about a table before anything else. */
#include "core/math.h"
#include "explain/profile_page.h"

static const double MANY_MISSING = 0.2;
static const double FEW_OUTLIERS = 0.01;
static const double NEARLY_THE_SAME = 0.95;
enum { MANY_LEVELS = 100 };

struct teller {
    const struct mer_profile *profile;
    void (*each)(void *self, const struct mer_found *found);
    void *self;
};

static void tell(const struct teller *teller, enum mer_finding what, size_t column, size_t other,
                 size_t n, double value)
{
    const struct mer_found found = {what, column, other, n, value};
    teller->each(teller->self, &found);
}

/* What a column is in the first place, and so worth no second line. */
static bool tell_kind(const struct teller *teller, size_t i)
{
    const struct mer_column_profile *const column = &teller->profile->columns[i];
    if (column->n_missing == teller->profile->frame->n_rows)
        tell(teller, MER_FINDING_NO_VALUE, i, SIZE_MAX, column->n_missing, 1);
    else if (column->constant)
        tell(teller, MER_FINDING_CONSTANT, i, SIZE_MAX, 0, 0);
    else if (column->same_as != SIZE_MAX)
        tell(teller, MER_FINDING_SAME_COLUMN, i, column->same_as, 0, 0);
    else if (column->identifier)
        tell(teller, MER_FINDING_IDENTIFIER, i, SIZE_MAX, column->n_distinct, 0);
    else
        return false;
    return true;
}

static void tell_column(const struct teller *teller, size_t i)
{
    const struct mer_column_profile *const column = &teller->profile->columns[i];
    const size_t n_rows = teller->profile->frame->n_rows;
    const size_t n_outliers = column->numbers.n_low + column->numbers.n_high;
    const double missing = (double)column->n_missing / (double)n_rows;
    if (tell_kind(teller, i))
        return;
    if (missing >= MANY_MISSING)
        tell(teller, MER_FINDING_MISSING, i, SIZE_MAX, column->n_missing, missing);
    if (column->numbers.n_infinite > 0)
        tell(teller, MER_FINDING_INFINITE, i, SIZE_MAX, column->numbers.n_infinite, 0);
    if (column->type == MER_TYPE_CATEGORICAL && column->n_distinct > MANY_LEVELS)
        tell(teller, MER_FINDING_MANY_LEVELS, i, SIZE_MAX, column->n_distinct, 0);
    /* Where many lie far out, or most are one value, it is the shape of the column and no mishap.
     */
    if (n_outliers > 0 && column->numbers.quartiles[0] < column->numbers.quartiles[2] &&
        mer_profile_is_measured(column->type) && !column->sensitive &&
        (double)n_outliers <= FEW_OUTLIERS * (double)n_rows)
        tell(teller, MER_FINDING_OUTLIERS, i, SIZE_MAX, n_outliers,
             (double)n_outliers / (double)n_rows);
}

void mer_findings_each(const struct mer_profile *profile,
                       void (*each)(void *self, const struct mer_found *found), void *self)
{
    const struct teller teller = {profile, each, self};
    const size_t n_rows = profile->frame->n_rows;
    if (n_rows == 0) {
        tell(&teller, MER_FINDING_NO_ROWS, SIZE_MAX, SIZE_MAX, 0, 0);
        return;
    }
    if (profile->n_copies > 0)
        tell(&teller, MER_FINDING_COPIES, SIZE_MAX, SIZE_MAX, profile->n_copies,
             (double)profile->n_copies / (double)n_rows);
    for (size_t i = 0; i < profile->frame->n_columns; i++)
        tell_column(&teller, i);
    for (size_t i = 0; i < profile->associations.n_top; i++) {
        const struct mer_association *const pair = &profile->associations.top[i];
        const double strength = mer_association_strength(pair);
        if (strength >= NEARLY_THE_SAME && profile->columns[pair->b].same_as != pair->a)
            tell(&teller, MER_FINDING_CORRELATED, pair->a, pair->b, 0, strength);
    }
}
