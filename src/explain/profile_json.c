/* A profile as JSON: the same as the page shows, with every digit. */
#include "core/math.h"
#include "explain/profile_page.h"

static void put_number(struct mer_json_writer *writer, const char *key, double value)
{
    mer_json_key(writer, key);
    if (isfinite(value))
        mer_json_put_number(writer, value);
    else
        mer_json_put_null(writer);
}

static void put_unsigned(struct mer_json_writer *writer, const char *key, uint64_t value)
{
    mer_json_key(writer, key);
    mer_json_put_unsigned(writer, value);
}

static void put_true(struct mer_json_writer *writer, const char *key, bool value)
{
    if (!value)
        return;
    mer_json_key(writer, key);
    mer_json_put_boolean(writer, true);
}

static void put_numbers(struct mer_json_writer *writer, const struct mer_number_profile *numbers)
{
    const struct mer_histogram *const histogram = &numbers->histogram;
    put_number(writer, "minimum", numbers->minimum);
    put_number(writer, "q1", numbers->quartiles[0]);
    put_number(writer, "median", numbers->quartiles[1]);
    put_number(writer, "q3", numbers->quartiles[2]);
    put_number(writer, "maximum", numbers->maximum);
    put_number(writer, "mean", numbers->mean);
    put_number(writer, "deviation", numbers->deviation);
    put_unsigned(writer, "zeros", numbers->n_zero);
    put_unsigned(writer, "infinite", numbers->n_infinite);
    mer_json_key(writer, "outliers");
    mer_json_begin_object(writer);
    put_number(writer, "low_fence", numbers->low_fence);
    put_unsigned(writer, "below", numbers->n_low);
    put_number(writer, "high_fence", numbers->high_fence);
    put_unsigned(writer, "above", numbers->n_high);
    mer_json_end_object(writer);
    mer_json_key(writer, "histogram");
    mer_json_begin_object(writer);
    put_number(writer, "low", histogram->low);
    put_number(writer, "width", histogram->width);
    put_unsigned(writer, "below", histogram->n_below);
    mer_json_key(writer, "counts");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < histogram->n_bins; i++)
        mer_json_put_unsigned(writer, histogram->counts[i]);
    mer_json_end_array(writer);
    put_unsigned(writer, "above", histogram->n_above);
    mer_json_end_object(writer);
}

static void put_levels(struct mer_json_writer *writer, const struct mer_profile *profile,
                       size_t index)
{
    const struct mer_column *const column = &profile->frame->columns[index];
    const struct mer_level_profile *const levels = &profile->columns[index].levels;
    const bool is_boolean = column->type == MER_TYPE_BOOLEAN;
    size_t n_named_rows = 0;
    mer_json_key(writer, "levels");
    mer_json_begin_array(writer);
    for (size_t k = 0; k < levels->n_levels; k++) {
        const struct mer_level_count *const level = &levels->levels[k];
        if (level->n < profile->min_rows && !is_boolean)
            break;
        mer_json_begin_object(writer);
        mer_json_key(writer, "level");
        if (is_boolean) {
            mer_json_put_boolean(writer, level->level != 0);
        } else {
            const struct mer_cell text = mer_column_level(column, level->level);
            mer_json_put_string_n(writer, text.bytes, text.n);
        }
        put_unsigned(writer, "rows", level->n);
        n_named_rows += level->n;
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
    put_unsigned(writer, "other_rows",
                 profile->frame->n_rows - profile->columns[index].n_missing - n_named_rows);
}

static void put_column(struct mer_json_writer *writer, const struct mer_profile *profile, size_t i)
{
    const struct mer_column_profile *const column = &profile->columns[i];
    mer_json_begin_object(writer);
    mer_json_key(writer, "name");
    mer_json_put_string_n(writer, column->name, column->n_name);
    mer_json_key(writer, "type");
    mer_json_put_string(writer, mer_type_name(column->type));
    put_unsigned(writer, "missing", column->n_missing);
    put_unsigned(writer, "distinct", column->n_distinct);
    put_true(writer, "constant", column->constant);
    put_true(writer, "identifier", column->identifier);
    put_true(writer, "sensitive", column->sensitive);
    if (column->same_as != SIZE_MAX)
        put_unsigned(writer, "same_as", column->same_as);
    if (mer_profile_shows(column)) {
        if (column->type == MER_TYPE_CATEGORICAL || column->type == MER_TYPE_BOOLEAN)
            put_levels(writer, profile, i);
        else if (column->numbers.n > 0 && column->type != MER_TYPE_TEXT)
            put_numbers(writer, &column->numbers);
    }
    mer_json_end_object(writer);
}

static void put_pair(struct mer_json_writer *writer, const struct mer_association *pair)
{
    static const char *const measures[] = {
        [MER_ASSOCIATION_CATEGORIES] = "cramers_v", [MER_ASSOCIATION_MIXED] = "correlation_ratio"};
    mer_json_begin_object(writer);
    put_unsigned(writer, "a", pair->a);
    put_unsigned(writer, "b", pair->b);
    if (pair->kind == MER_ASSOCIATION_NUMBERS) {
        put_number(writer, "pearson", pair->first);
        put_number(writer, "spearman", pair->second);
    } else {
        put_number(writer, measures[pair->kind], pair->first);
    }
    mer_json_end_object(writer);
}

void mer_profile_write(const struct mer_profile *profile, struct mer_json_writer *writer)
{
    const struct mer_associations *const found = &profile->associations;
    put_unsigned(writer, "rows", profile->frame->n_rows);
    put_unsigned(writer, "missing_cells", profile->gaps.n_cells);
    put_unsigned(writer, "rows_with_missing", profile->gaps.n_rows);
    put_unsigned(writer, "duplicate_rows", profile->n_copies);
    put_unsigned(writer, "min_rows", profile->min_rows);
    mer_json_key(writer, "columns");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < profile->frame->n_columns; i++)
        put_column(writer, profile, i);
    mer_json_end_array(writer);
    mer_json_key(writer, "correlations"); /* a and b number the columns, from 0 */
    mer_json_begin_object(writer);
    put_unsigned(writer, "rows", found->n_rows);
    put_unsigned(writer, "columns", found->n_columns);
    mer_json_key(writer, "strongest");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < found->n_top; i++)
        put_pair(writer, &found->top[i]);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}
