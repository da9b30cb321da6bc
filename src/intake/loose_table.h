/* From rows of loosely typed cells (a spreadsheet's, a database's) to a table image, by the rules
 * of CSV: the cells are written as CSV text and read by that reader. So there is one set of rules
 * for types, schemas, categories and missing values, and one writer of images.
 *
 * What CSV cannot tell is settled here, before a cell becomes text. A column's cells are of one
 * kind: integers and numbers may mix, anything else is an error that is located. A text is never a
 * number or a truth value, however much it looks like one; it may be a date or a time (ISO 8601),
 * as databases keep them. Under a schema a value has to be of its field's type or be it exactly in
 * another form: 3.0 is an integer, 1 and 0 are truth values, midnight is a date, an integer is the
 * text of its digits, and a text is read as a cell of CSV is, in the field's format. A value that
 * is no text needs no format; both in one column is an error.
 *
 * Texts that mean missing are missing, as in CSV; a cell without a value always is.
 */
#ifndef MER_INTAKE_LOOSE_TABLE_H
#define MER_INTAKE_LOOSE_TABLE_H

#include "frame/bad_rows.h"
#include "frame/csv.h"
#include "frame/csv_missing.h"
#include "frame/dictionary.h"

enum mer_loose_kind {
    MER_LOOSE_MISSING,
    MER_LOOSE_BOOLEAN,
    MER_LOOSE_INTEGER, /* an int64 */
    MER_LOOSE_NUMBER,  /* any other number */
    MER_LOOSE_TEXT,
    MER_LOOSE_DATE,
    MER_LOOSE_TIME,
    MER_LOOSE_DATETIME,
    MER_LOOSE_BROKEN /* no value; `bytes` is what stands there. For rows that are set aside */
};

struct mer_loose_cell {
    enum mer_loose_kind kind;
    /* boolean: 0 or 1; date: days, time and datetime: microseconds, as in frame.h */
    int64_t value;
    /* integer, number: decimal, as core/number.h reads it, without leading zeros; text: UTF-8,
     * which is checked */
    const char *bytes;
    size_t n;
};

struct mer_loose_column {
    const char *name;
    struct mer_field *field; /* of the table's own copy of the schema, or NULL */
    bool skipped;
    bool numbers_only; /* stated by where it comes from: a text without a field is an error */
    enum mer_loose_kind kind; /* so far; MISSING: no value yet */
    unsigned candidates;      /* texts without a field: MER_MAY bits that are left */
    size_t n_present;
    uint64_t n_bytes;
    struct mer_dictionary levels; /* texts without a field, while they may be categorical */
    bool many_levels;
    const char *absent; /* what a cell without a value is written as */
    /* Of a field whose format says how texts are written, "1.234,5" or "31/12/24": such texts were
     * seen, or values that are no texts. */
    bool has_written;
    bool has_values;
};

struct mer_loose_table {
    const struct mer_ctx *ctx;
    const struct mer_csv_options *options;
    struct mer_bad_rows *bad;       /* borrowed; NULL: the first fault ends the reading */
    bool is_typed;                  /* every column has one kind of value, and any is a text's */
    struct mer_known_fault *faults; /* owned */
    size_t n_faults;
    size_t faults_capacity;
    const char *place_word; /* what a row is called where it came from, "sheet row"; or NULL */
    struct mer_arena arena;
    struct mer_missing missing;
    /* The caller's with fields of its own; in the arena. "" is missing where nothing is listed, and
     * columns that it leaves to inference become fields in the end. */
    struct mer_schema schema;
    struct mer_loose_column *columns; /* [n_columns], owned */
    size_t n_columns;                 /* 0: not known yet */
    bool has_header;
    size_t n_rows;
    size_t place;                  /* of the row that is being added */
    size_t first_place;            /* of the first row below the header */
    struct mer_buf text;           /* the CSV */
    struct mer_loose_row *waiting; /* until names are known; in the arena */
    size_t n_waiting;
};

/* The options' delimiter does not matter; they are borrowed, and so is place_word. */
MER_MUST_CHECK mer_status mer_loose_init(struct mer_loose_table *table, const struct mer_ctx *ctx,
                                         const struct mer_csv_options *options,
                                         const char *place_word, mer_err *err);
void mer_loose_release(struct mer_loose_table *table);

/* Before the first row: rows that do not fit are told of in `bad` (empty) and left out of the
 * image, unless its mode is to fail. What only a whole column can get wrong still ends the reading.
 */
void mer_loose_set_aside(struct mer_loose_table *table, struct mer_bad_rows *bad);

/* Names the columns; every row is then one of values. Without this, the first rows are looked at to
 * tell whether the first one holds the names, as options->header says. */
MER_MUST_CHECK mer_status mer_loose_set_names(struct mer_loose_table *table,
                                              const char *const *names, size_t n, mer_err *err);

/* Adds the next row, which is borrowed. Cells behind the n-th are missing; place: its number where
 * it came from, one more than that of the row before. */
MER_MUST_CHECK mer_status mer_loose_add_row(struct mer_loose_table *table,
                                            const struct mer_loose_cell *cells, size_t n,
                                            size_t place, mer_err *err);

/* Raises MER_ERR_DATA for a cell of the row that is next: "row 17 (sheet row 19), column 'age':
 * WHAT". */
MER_MUST_CHECK mer_status mer_loose_fail(const struct mer_loose_table *table, size_t column,
                                         mer_err *err, const char *what);

/* Writes the image, once all rows were added; as mer_csv_write_image. Where rows are set aside, it
 * is MER_ERR_DATA that there are none, and that `bad` is not to go on without them. */
MER_MUST_CHECK mer_status mer_loose_write_image(struct mer_loose_table *table,
                                                struct mer_region *region,
                                                struct mer_csv_report *ret_report, mer_err *err);

#endif
