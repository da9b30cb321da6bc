/* Table Schema 2.0 (Frictionless, https://datapackage.org/standard/table-schema/): the types of a
 * table's columns, as JSON next to the data. This is the subset that the CSV reader enforces; a
 * constraint, type or format outside it is an error, never ignored:
 *
 *   schema  fields, missingValues (texts or {value, label}), fieldsMatch "exact" or "equal"
 * (columns are found by name and their order is free); the "schema" part of what pandas writes with
 *           orient="table" may stand for the whole
 *   field   name, type, format "default", categories (texts or {value, label}),
 *           constraints.required, constraints.enum of a string (the same as categories)
 *   type    boolean, integer, number, date, time, datetime, string; a string with categories, or
 *           with the property "merlon:categorical": true, is categorical, any other is text. "any"
 *           with an enum of texts, as pandas writes it, is such a string
 *
 * Titles, descriptions and properties that Table Schema does not know are allowed and not kept.
 * Categories are record values: whoever writes a schema publishes them.
 */
#ifndef MER_FRAME_SCHEMA_H
#define MER_FRAME_SCHEMA_H

#include "core/arena.h"
#include "core/json.h"
#include "frame/frame.h"

/* Of a categorical field without categories. */
#define MER_SCHEMA_CATEGORICAL_KEY "merlon:categorical"

/* The schema of a table lists the levels of a categorical column when they are at most so many. */
enum { MER_SCHEMA_LISTED_LEVELS = 100 };

struct mer_field {
    const char *name;
    size_t n_name;
    enum mer_type type;
    bool required;
    /* Categorical: the allowed levels in order, or none (n_categories = 0) for any. */
    const char *const *categories;
    size_t n_categories;
};

struct mer_schema {
    struct mer_arena arena; /* owns everything below */
    struct mer_field *fields;
    size_t n_fields;
    const char *const *missing_values; /* texts that mean missing; "" unless the file says else */
    size_t n_missing_values;
};

void mer_schema_init(struct mer_schema *schema, struct mer_alloc *alloc);
void mer_schema_release(struct mer_schema *schema);

/* Reads a schema file; MER_ERR_DATA names the field and what is wrong. */
MER_MUST_CHECK mer_status mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                           struct mer_schema *ret_schema, mer_err *err);
/* The schema of a table that was read; missing values as given to the reader. */
MER_MUST_CHECK mer_status mer_schema_of_frame(const struct mer_ctx *ctx,
                                              const struct mer_frame *frame,
                                              const char *const *missing_values,
                                              size_t n_missing_values,
                                              struct mer_schema *ret_schema, mer_err *err);
/* Writes it as JSON for people (two-space indent). */
MER_MUST_CHECK mer_status mer_schema_write(const struct mer_schema *schema, struct mer_buf *buf,
                                           mer_err *err);

#endif
