/* Table Schema (Frictionless, https://datapackage.org/standard/table-schema/): the types of a
 * table's columns, as JSON next to the data. This file holds the subset that the reader enforces; a
 * constraint or type outside it is an error, never ignored.
 */
#ifndef MER_FRAME_SCHEMA_H
#define MER_FRAME_SCHEMA_H

#include "core/arena.h"
#include "core/json.h"
#include "frame/frame.h"

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
    const char *const
        *missing_values; /* texts that mean missing; at least "" unless the file says else */
    size_t n_missing_values;
};

void mer_schema_init(struct mer_schema *schema, struct mer_alloc *alloc);
void mer_schema_release(struct mer_schema *schema);

/* Reads a schema file. The string type is categorical when it has `categories`, else text. */
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
