/* Table Schema 2.0 and 1.0 (Frictionless, https://datapackage.org/standard/table-schema/): the
 * types of a table's columns, as JSON next to the data. docs/schema.md tells all that is supported;
 * a constraint, type or format outside it is an error, never ignored.
 *
 * A schema is read in steps: schema_parse.c takes the JSON of the whole, schema_field.c that of a
 * field, schema_compile.c checks what the texts of a field mean (bounds, patterns, formats) and
 * prepares it for the cells, which field_value.h then reads. schema_wire.h carries a schema between
 * processes and into models.
 *
 * Titles, descriptions, labels and properties that Table Schema does not know are allowed and not
 * kept. Categories are record values: whoever writes a schema publishes them.
 */
#ifndef MER_FRAME_SCHEMA_H
#define MER_FRAME_SCHEMA_H

#include "core/arena.h"
#include "core/json.h"
#include "frame/frame.h"
#include "frame/pattern.h"

/* Of a categorical field without categories. */
#define MER_SCHEMA_CATEGORICAL_KEY "merlon:categorical"
/* Of one of the two columns of a geopoint. */
#define MER_SCHEMA_PART_KEY "merlon:part"

enum {
    /* The schema of a table lists the levels of a categorical column when they are at most so many.
     */
    MER_SCHEMA_LISTED_LEVELS = 100,
    MER_SCHEMA_MAX_KEYS = 64
};

/* The types of Table Schema. What each is stored as follows from mer_field_storage. */
enum mer_kind {
    MER_KIND_UNSTATED, /* that of the stored type */
    MER_KIND_STRING,
    MER_KIND_NUMBER,
    MER_KIND_INTEGER,
    MER_KIND_BOOLEAN,
    MER_KIND_DATE,
    MER_KIND_TIME,
    MER_KIND_DATETIME,
    MER_KIND_YEAR,      /* integer */
    MER_KIND_YEARMONTH, /* date: the first of the month */
    MER_KIND_DURATION,  /* number: seconds (datetime.h) */
    MER_KIND_LIST,      /* this and the following: text */
    MER_KIND_OBJECT,
    MER_KIND_ARRAY,
    MER_KIND_GEOJSON,
    MER_KIND_GEOPOINT, /* text, split into two numbers when the table is there (geopoint.h) */
    MER_KIND_ANY,
    MER_KIND_COUNT
};

enum mer_format {
    MER_FORMAT_DEFAULT,
    MER_FORMAT_ANY,     /* of dates and times: every form that can mean one thing only */
    MER_FORMAT_PATTERN, /* of dates and times: field->format_text */
    MER_FORMAT_EMAIL,
    MER_FORMAT_URI,
    MER_FORMAT_BINARY,
    MER_FORMAT_UUID,
    MER_FORMAT_ARRAY, /* of a geopoint */
    MER_FORMAT_OBJECT,
    MER_FORMAT_TOPOJSON,
    MER_FORMAT_COUNT
};

enum mer_role {
    MER_ROLE_NONE,
    MER_ROLE_FEATURE,
    MER_ROLE_TARGET,
    MER_ROLE_IDENTIFIER,
    MER_ROLE_IGNORE,
    MER_ROLE_COUNT
};

/* What Merlon's own properties say of a field, as bits. */
enum {
    MER_FIELD_WEIGHT = 1,
    MER_FIELD_GROUP = 2,
    MER_FIELD_TIME = 4,
    MER_FIELD_TEXT = 8,
    MER_FIELD_SENSITIVE = 16,
    MER_FIELD_FLAGS = 31
};

/* How the fields of a schema and the columns of a table have to agree. */
enum mer_fields_match {
    MER_MATCH_UNSTATED, /* as equal */
    MER_MATCH_EXACT,    /* the same names in the same order */
    MER_MATCH_EQUAL,    /* the same names */
    MER_MATCH_SUBSET,   /* the table may have more columns, whose types are inferred */
    MER_MATCH_SUPERSET, /* the table may have fewer */
    MER_MATCH_PARTIAL,  /* both, and at least one in common */
    MER_MATCH_COUNT
};

/* The two columns that a geopoint becomes. */
#define MER_LONGITUDE_SUFFIX ".longitude"
#define MER_LATITUDE_SUFFIX ".latitude"
enum { MER_PART_LONGITUDE = 1, MER_PART_LATITUDE = 2, MER_PART_BOTH = 3 };

struct mer_texts {
    const char *const *texts;
    size_t n;
};

/* A value as its column stores it (frame.h), or a geographic point. */
union mer_value {
    bool truth;
    int64_t integer; /* integer, date, time, datetime */
    double number;
    double point[2]; /* longitude, latitude */
};

enum mer_bound_kind {
    MER_BOUND_MINIMUM,
    MER_BOUND_MAXIMUM,
    MER_BOUND_EXCLUSIVE_MINIMUM,
    MER_BOUND_EXCLUSIVE_MAXIMUM,
    MER_BOUND_COUNT
};

struct mer_bound {
    const char *text; /* as a cell would have it in the default format; NULL: no such bound */
    union mer_value value;
};

struct mer_field {
    const char *name;
    size_t n_name;
    enum mer_type type;
    bool required;
    /* Categorical: the allowed levels in order, or none (n_categories = 0) for any. */
    const char *const *categories;
    size_t n_categories;
    bool categories_ordered;

    enum mer_kind kind;
    enum mer_format format;
    const char *format_text;
    const char *decimal_char;     /* NULL: a point */
    const char *group_char;       /* NULL: none */
    bool decorated;               /* bareNumber false */
    struct mer_texts true_values; /* none: the default */
    struct mer_texts false_values;
    const char *delimiter;   /* of a list; NULL: a comma */
    enum mer_kind item;      /* of a list */
    bool has_missing_values; /* of its own, instead of the schema's */
    struct mer_texts missing_values;

    bool unique;
    uint64_t min_length;
    bool has_max_length;
    uint64_t max_length;
    struct mer_bound bounds[MER_BOUND_COUNT];
    const char *pattern;      /* or NULL */
    struct mer_texts allowed; /* enum; of a string without categories it becomes its categories */

    enum mer_role role;
    unsigned flags;
    unsigned parts; /* of a geopoint: the columns wanted */

    /* Made by mer_schema_compile. */
    bool plain; /* default format, no constraint but required, unique and categories */
    const struct mer_pattern *program;
    const union mer_value *allowed_values;
};

struct mer_key {
    const size_t *fields; /* indices */
    size_t n_fields;
    bool is_primary;
};

struct mer_schema {
    struct mer_arena arena; /* owns everything below */
    struct mer_field *fields;
    size_t n_fields;
    const char *const *missing_values; /* texts that mean missing; "" unless the file says else */
    size_t n_missing_values;
    enum mer_fields_match match;
    struct mer_key *keys; /* primary and unique; without the fields' constraint `unique` */
    size_t n_keys;
};

void mer_schema_init(struct mer_schema *schema, struct mer_alloc *alloc);
void mer_schema_release(struct mer_schema *schema);

/* "string", "yearmonth"; "feature", ... */
const char *mer_kind_name(enum mer_kind kind);
const char *mer_role_name(enum mer_role role);
/* The i-th of what a field's flags say ("weight", ...); NULL behind the last. */
const char *mer_field_flag_name(unsigned flags, size_t i);
const char *mer_bound_name(enum mer_bound_kind kind);
const char *mer_fields_match_name(enum mer_fields_match match);
/* The name of a format that has one; NULL for the default and patterns. */
const char *mer_format_name(enum mer_format format);

/* The kind of a field, unstated ones told by what they are stored as. */
enum mer_kind mer_field_kind(const struct mer_field *field);
/* The stored type that follows from the kind and the categories. */
enum mer_type mer_field_storage(const struct mer_field *field, bool is_categorical);

/* Reads a schema file; MER_ERR_DATA names the field and what is wrong. */
MER_MUST_CHECK mer_status mer_schema_parse(const struct mer_ctx *ctx, const char *bytes, size_t n,
                                           struct mer_schema *ret_schema, mer_err *err);
/* Checks and prepares the fields (mer_schema_parse does so); for schemas made otherwise. */
MER_MUST_CHECK mer_status mer_schema_compile(struct mer_schema *schema, mer_err *err);
MER_MUST_CHECK mer_status mer_field_compile(struct mer_arena *arena, struct mer_field *field,
                                            mer_err *err);
/* The schema of a table that was read; missing values as given to the reader. */
MER_MUST_CHECK mer_status mer_schema_of_frame(const struct mer_ctx *ctx,
                                              const struct mer_frame *frame,
                                              const char *const *missing_values,
                                              size_t n_missing_values,
                                              struct mer_schema *ret_schema, mer_err *err);
/* Copies a field (its texts, not what was compiled) into an arena. */
MER_MUST_CHECK mer_status mer_field_copy(struct mer_arena *arena, const struct mer_field *field,
                                         struct mer_field *ret_field, mer_err *err);
/* The field that a column of the table came from: of its name, or the geopoint that it is a part
 * of (*ret_part). NULL: none. */
const struct mer_field *mer_schema_field_of_column(const struct mer_schema *schema,
                                                   const char *name, size_t hint,
                                                   unsigned *ret_part);
/* What a part's column has behind the name of its geopoint; "" for no part. */
const char *mer_part_suffix(unsigned part);
/* The part that a name says by its end, 0: none. */
unsigned mer_part_of_name(const char *name, size_t n_name);
/* What fieldsMatch allows: a table without this field (its optional one may always be absent), and
 * one with columns that have none, whose types are inferred. */
bool mer_schema_may_lack(const struct mer_schema *schema, const struct mer_field *field,
                         const char *optional_field);
bool mer_schema_infers_others(const struct mer_schema *schema);
/* Writes it as JSON for people (two-space indent). */
MER_MUST_CHECK mer_status mer_schema_write(const struct mer_schema *schema, struct mer_buf *buf,
                                           mer_err *err);

#endif
