/* What a fitted preprocessing holds; for the prepare_*.c files only.
 */
#ifndef MER_AUTOML_PREPARE_INTERNAL_H
#define MER_AUTOML_PREPARE_INTERNAL_H

#include "automl/prepare.h"

/* What a dense column holds of the column that it was made from. The numbers are part of the saved
 * form: append only. */
enum mer_part {
    MER_PART_VALUE,   /* number, integer, boolean */
    MER_PART_MISSING, /* 1 where the value was missing */
    MER_PART_ELAPSED, /* days since the median */
    MER_PART_YEAR,
    MER_PART_MONTH_SIN,
    MER_PART_MONTH_COS,
    MER_PART_MONTHDAY_SIN,
    MER_PART_MONTHDAY_COS,
    MER_PART_WEEKDAY_SIN,
    MER_PART_WEEKDAY_COS,
    MER_PART_DAYTIME_SIN,
    MER_PART_DAYTIME_COS,
    MER_PART_COUNT
};

enum {
    MER_LEVELS_MAX = 254, /* kept levels of a group; with rare and missing, 256 codes */
    MER_RARE_MIN = 2,
    MER_RARE_MAX = 10,
    MER_IDENTIFIER_ROWS_MIN = 20,
    MER_IDENTIFIER_INTEGER_ROWS_MIN = 50
};

/* Numbers beyond this are clipped like infinities: their squares could not be summed. */
#define MER_LARGEST 1e100
/* Standardised values are clipped to this. */
#define MER_LARGEST_STANDARDISED 1e6

struct mer_dense_column {
    uint32_t column; /* index into columns */
    enum mer_part part;
    double mean;
    double scale; /* > 0 */
};

struct mer_learned_column {
    const char *name;
    size_t n_name;
    enum mer_type type;
    enum mer_left_out left_out;
    size_t n_dense; /* dense columns made from it */
    double low;     /* number, integer, boolean: finite values seen lie in low .. high */
    double high;
    double fill;        /* their median */
    int64_t fill_time;  /* date, time, datetime: the median */
    size_t first_level; /* categorical: its levels are levels[first_level .. + n_levels) */
    size_t n_levels;
    bool has_rare;    /* code n_levels stands for rare levels */
    bool has_missing; /* the last code stands for missing */
};

struct mer_level {
    const char *text;
    size_t n;
};

struct mer_prepare {
    struct mer_alloc *alloc;
    struct mer_arena arena; /* owns everything below */
    struct mer_learned_column *columns;
    size_t n_columns;
    struct mer_dense_column *dense; /* by column, then part */
    size_t n_dense;
    uint32_t *indicators;     /* [n_dense], as in a design */
    struct mer_level *levels; /* of all groups, in column order */
    size_t n_levels;
    uint32_t *group_column; /* [n_groups] */
    uint32_t *group_start;  /* [n_groups + 1] */
    size_t n_groups;
};

static inline bool mer_type_is_number(enum mer_type type)
{
    return type == MER_TYPE_NUMBER || type == MER_TYPE_INTEGER || type == MER_TYPE_BOOLEAN;
}

static inline bool mer_type_is_time(enum mer_type type)
{
    return type == MER_TYPE_DATE || type == MER_TYPE_TIME || type == MER_TYPE_DATETIME;
}

/* The codes of a categorical column. */
static inline uint32_t mer_learned_width(const struct mer_learned_column *column)
{
    return (uint32_t)column->n_levels + column->has_rare + column->has_missing;
}
static inline int32_t mer_code_unknown(const struct mer_learned_column *column)
{
    return column->has_rare ? (int32_t)column->n_levels : -1;
}
static inline int32_t mer_code_missing(const struct mer_learned_column *column)
{
    return column->has_missing ? (int32_t)column->n_levels + column->has_rare
                               : mer_code_unknown(column);
}

/* A present cell of a number, integer or boolean column. */
double mer_cell_number(const struct mer_column *column, size_t row);

/* Whether a column of the type can have the part. */
bool mer_part_fits(enum mer_part part, enum mer_type type);
/* All parts of a date, time or datetime but MISSING; `median` is what ELAPSED counts from. */
void mer_date_parts(enum mer_type type, int64_t value, int64_t median,
                    double ret_parts[MER_PART_COUNT]);

/* indicators, group_column and group_start from the columns, which are complete. */
MER_MUST_CHECK mer_status mer_prepare_number_features(struct mer_prepare *prepare, mer_err *err);
MER_MUST_CHECK mer_status mer_prepare_new(struct mer_alloc *alloc, struct mer_prepare **ret_prepare,
                                          mer_err *err);

/* Learning one column, prepare_learn.c. */
struct mer_part_scale {
    enum mer_part part;
    double mean;
    double scale;
};
struct mer_learning {
    struct mer_learned_column column; /* name not set */
    struct mer_part_scale parts[MER_PART_COUNT];
    size_t n_parts;
    int32_t *levels; /* categorical: the frame's codes of the levels kept; from alloc */
};
/* scratch: n_rows doubles. rows as in mer_prepare_fit, or NULL for 0 .. n_rows - 1. */
MER_MUST_CHECK mer_status mer_learn_column(struct mer_alloc *alloc, const struct mer_column *column,
                                           const uint32_t *rows, size_t n_rows, double *scratch,
                                           struct mer_learning *ret, mer_err *err);

#endif
