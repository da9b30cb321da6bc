/* What a fitted preprocessing holds; for the prepare_*.c files only.
 */
#ifndef MER_AUTOML_PREPARE_INTERNAL_H
#define MER_AUTOML_PREPARE_INTERNAL_H

#include "automl/prepare.h"
#include "automl/prepare_encode.h"
#include "automl/prepare_text.h"

/* Dates of a table whose differences are features: the first so many. */
enum { MER_DATES_MAX = 5 };

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
    MER_PART_TEXT_LENGTH, /* text: ln(1 + characters) */
    MER_PART_TEXT_WORDS,  /* ln(1 + words) */
    MER_PART_TEXT_UPPER,  /* the share of letters that are capitals, of characters that are digits,
                           */
    MER_PART_TEXT_DIGITS, /* and of characters that are neither letters nor digits nor spaces */
    MER_PART_TEXT_SIGNS,
    MER_PART_YEARDAY_SIN,
    MER_PART_YEARDAY_COS,
    MER_PART_WEEKEND,
    MER_PART_HOUR,
    MER_PART_FREQUENCY, /* ln(1 + training rows with the level) */
    MER_PART_TARGET,    /* the target's mean over them, as so many parts as it is encoded by */
    MER_PART_TARGET_LAST = MER_PART_TARGET + MER_ENCODED_TARGETS_MAX - 1,
    MER_PART_MONTH,   /* from 1; a tree asks for a span of them sooner than for one on a circle */
    MER_PART_WEEKDAY, /* Monday is 0 */
    MER_PART_SINCE,   /* days since the first date of the table, the second, ... before this one */
    MER_PART_SINCE_LAST = MER_PART_SINCE + MER_DATES_MAX - 2,
    MER_PART_COUNT
};

enum {
    MER_LEVELS_MAX = 254, /* kept levels of a group; with rare and missing, 256 codes */
    MER_RARE_MIN = 2,
    MER_RARE_MAX = 10,
    MER_IDENTIFIER_ROWS_MIN = 20,
    MER_IDENTIFIER_INTEGER_ROWS_MIN = 50
};

/* A column with more levels than this share of its present cells identifies rows. */
#define MER_IDENTIFIER_SHARE 0.9
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
    enum mer_column_role role;
    enum mer_column_reason reason;
    bool is_leak;
    size_t n_dense; /* dense columns made from it, without condensed ones */
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
    struct mer_text_features *texts; /* by column */
    size_t n_texts;
    struct mer_encoding *encodings; /* by column */
    size_t n_encodings;
    size_t n_training_rows;   /* that the encodings know what to tell */
    size_t n_terms;           /* of all texts */
    size_t n_components;      /* of all texts: the condensed columns, behind `dense` */
    size_t terms_a_row;       /* entries of a sparse row, on average of the training rows */
    uint32_t *indicators;     /* [n_dense + n_components], as in a design */
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

/* Columns of a design: its stride. */
static inline size_t mer_prepare_stride(const struct mer_prepare *prepare)
{
    return prepare->n_dense + prepare->n_components;
}

static inline bool mer_type_is_time(enum mer_type type)
{
    return type == MER_TYPE_DATE || type == MER_TYPE_TIME || type == MER_TYPE_DATETIME;
}

static inline bool mer_is_text_in_use(const struct mer_learned_column *column)
{
    return column->type == MER_TYPE_TEXT && column->left_out == MER_LEFT_OUT_NOT &&
           column->role == MER_COLUMN_TEXT;
}

static inline bool mer_part_is_encoded(enum mer_part part)
{
    return part >= MER_PART_FREQUENCY && part <= MER_PART_TARGET_LAST;
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

static inline bool mer_part_is_since(enum mer_part part)
{
    return part >= MER_PART_SINCE && part <= MER_PART_SINCE_LAST;
}

/* Differences of dates, prepare_since.c. The k-th column that is a date or a datetime in use;
 * SIZE_MAX: there are fewer. */
size_t mer_date_column(const struct mer_prepare *prepare, size_t k);
/* Days from one date to another, each with the type and the median that stands for a missing one.
 */
double mer_days_between(const struct mer_learned_column *from, const struct mer_column *from_cells,
                        const struct mer_learned_column *to, const struct mer_column *to_cells,
                        size_t row);

/* The looks of a text, in parts[MER_PART_TEXT_LENGTH] and behind. */
void mer_text_parts(struct mer_cell cell, double parts[MER_PART_COUNT]);

struct mer_learning;
/* Encodings of all columns that have many levels; adds their parts to what was learned of them,
 * [n_columns]. sources[i] is the frame's column. prepare_encodings.c. */
MER_MUST_CHECK mer_status mer_encodings_learn(
    const struct mer_ctx *ctx, struct mer_prepare *prepare, const struct mer_frame *frame,
    const uint32_t *sources, size_t n_columns, const uint32_t *rows, size_t n_rows,
    const struct mer_prepare_options *options, struct mer_learning *learned, mer_err *err);
/* Their arrays. Loading needs the columns, and checks all as hostile. */
MER_MUST_CHECK mer_status mer_prepare_save_encodings(const struct mer_prepare *prepare,
                                                     const char *prefix, struct mer_bundle *bundle,
                                                     mer_err *err);
MER_MUST_CHECK mer_status mer_prepare_load_encodings(struct mer_prepare *prepare,
                                                     const struct mer_bundle *bundle,
                                                     const char *prefix, size_t n_encodings,
                                                     mer_err *err);
/* The encoding of a column; NULL: none. */
const struct mer_encoding *mer_encoding_of(const struct mer_prepare *prepare, size_t column);

/* Adds the parts of differences to what was learned of the later date, [n_columns]. */
void mer_since_learn(const struct mer_frame *frame, const uint32_t *sources, size_t n_columns,
                     const uint32_t *rows, size_t n_rows, struct mer_learning *learned);

/* Arrays of the texts, prepare_save_text.c. Loading needs the columns, and checks all as hostile.
 */
MER_MUST_CHECK mer_status mer_prepare_save_texts(const struct mer_prepare *prepare,
                                                 const char *prefix, struct mer_bundle *bundle,
                                                 mer_err *err);
MER_MUST_CHECK mer_status mer_prepare_load_texts(struct mer_prepare *prepare,
                                                 const struct mer_bundle *bundle,
                                                 const char *prefix, mer_err *err);

/* Numbers the features: places of texts, indicators, group_column and group_start, from the columns
 * and texts, which are complete. */
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
    bool is_said_feature;             /* by the schema: no guess makes it an identifier */
    bool has_many_levels;             /* a category to be encoded */
    struct mer_part_scale parts[MER_PART_COUNT];
    size_t n_parts;
    int32_t *levels; /* categorical: the frame's codes of the levels kept; from alloc */
};
/* scratch: n_rows doubles. rows as in mer_prepare_fit, or NULL for 0 .. n_rows - 1. `hints`: what a
 * schema says of the column. */
MER_MUST_CHECK mer_status mer_learn_column(struct mer_alloc *alloc, const struct mer_column *column,
                                           unsigned hints, const uint32_t *rows, size_t n_rows,
                                           double *scratch, struct mer_learning *ret, mer_err *err);
/* Makes the column no feature; nothing of what was learned of it stays, but its levels. */
void mer_learning_leave_out(struct mer_learning *learning, enum mer_left_out left_out,
                            enum mer_column_role role, enum mer_column_reason reason);
/* The same for text, prepare_learn_text.c. */
void mer_learn_text(const struct mer_column *column, bool is_said, const uint32_t *rows,
                    size_t n_rows, double *scratch, struct mer_learning *ret);
/* A number that columns which say the same have in common; never 0. */
uint64_t mer_column_print(const struct mer_column *column, const uint32_t *rows, size_t n_rows);
/* Whether two columns say the same in every one of the rows. */
bool mer_columns_equal(const struct mer_column *a, const struct mer_column *b, const uint32_t *rows,
                       size_t n_rows);

#endif
