/* Inside the schema reader: one field's JSON. */
#ifndef MER_FRAME_SCHEMA_FIELD_H
#define MER_FRAME_SCHEMA_FIELD_H

#include "frame/schema.h"

struct mer_schema_parser {
    const struct mer_ctx *ctx;
    struct mer_arena *arena;
    struct mer_quoted field; /* the name of the field in hand, for messages */
    mer_err *err;
};

/* Raises "schema, field NAME: WHAT". */
MER_MUST_CHECK mer_status mer_schema_refuse(const struct mer_schema_parser *parser,
                                            const char *what);
/* An array of distinct texts or of {"value": ..., "label": ...}; `what` says so otherwise. */
MER_MUST_CHECK mer_status mer_schema_read_texts(const struct mer_schema_parser *parser,
                                                const struct mer_json *array, const char *what,
                                                struct mer_texts *ret_texts);
/* A field, without its name, which is there already. */
MER_MUST_CHECK mer_status mer_schema_read_field(const struct mer_schema_parser *parser,
                                                const struct mer_json *object,
                                                struct mer_field *field);
/* The constraints (schema_constraints.c). */
MER_MUST_CHECK mer_status mer_schema_read_constraints(const struct mer_schema_parser *parser,
                                                      const struct mer_json *constraints,
                                                      struct mer_field *field);
/* Distinct values as texts in the default format: what enum and the categories of integers hold. */
MER_MUST_CHECK mer_status mer_schema_read_values(const struct mer_schema_parser *parser,
                                                 const struct mer_json *array, const char *what,
                                                 const struct mer_field *field,
                                                 struct mer_texts *ret_texts);

/* Sets of kinds, as bits. */
#define MER_KIND_BIT(kind) (1u << (kind))
#define MER_KINDS_ORDERED                                                                          \
    (MER_KIND_BIT(MER_KIND_NUMBER) | MER_KIND_BIT(MER_KIND_INTEGER) |                              \
     MER_KIND_BIT(MER_KIND_DATE) | MER_KIND_BIT(MER_KIND_TIME) | MER_KIND_BIT(MER_KIND_DATETIME) | \
     MER_KIND_BIT(MER_KIND_YEAR) | MER_KIND_BIT(MER_KIND_YEARMONTH) |                              \
     MER_KIND_BIT(MER_KIND_DURATION))

#endif
