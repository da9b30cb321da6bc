/* Arrow arrays (https://arrow.apache.org/docs/format/Columnar.html) put into columns of a table:
 * shared by the file format, whose buffers have sizes, and the C data interface, whose buffers have
 * none.
 */
#ifndef MER_INTAKE_ARROW_DECODE_H
#define MER_INTAKE_ARROW_DECODE_H

#include "frame/table_builder.h"

enum mer_arrow_kind {
    MER_ARROW_NULL,
    MER_ARROW_BOOLEAN,
    MER_ARROW_INTEGER,
    MER_ARROW_FLOAT, /* width 2, 4 or 8 */
    MER_ARROW_TEXT,  /* offsets of `width` 4 or 8 bytes */
    MER_ARROW_DATE,  /* 4: days, 8: milliseconds */
    MER_ARROW_TIME,
    MER_ARROW_TIMESTAMP,
    MER_ARROW_DECIMAL /* little-endian, `width` bytes */
};

struct mer_arrow_type {
    enum mer_arrow_kind kind;
    unsigned width; /* bytes of a value; 0 for MER_ARROW_NULL, and MER_ARROW_BOOLEAN's bits */
    bool is_unsigned;
    bool is_view; /* texts: a value of 16 bytes holds it, or tells where it lies */
    int64_t per_second;
    unsigned scale;
    /* Values are numbers of a dictionary's, which are of the type above. */
    bool has_dictionary;
    unsigned index_width;
    bool index_unsigned;
};

/* A buffer of unknown size has n = SIZE_MAX. */
struct mer_arrow_buffer {
    const unsigned char *bytes;
    size_t n;
};

struct mer_arrow_array {
    size_t length;
    size_t offset;      /* of the first value in the buffers */
    int64_t null_count; /* -1: unknown */
    struct mer_arrow_buffer validity;
    struct mer_arrow_buffer values;        /* or the offsets of texts */
    struct mer_arrow_buffer bytes;         /* texts */
    const struct mer_arrow_buffer *pieces; /* texts by views: where the longer ones lie */
    size_t n_pieces;
};

/* The type of a table's column of such values. */
enum mer_type mer_arrow_column_type(const struct mer_arrow_type *type);

/* Checks an array of the type (without its dictionary) against its buffers, and puts all of it.
 * `dictionary` NULL: the type has none; else the values that indices mean, checked too.
 * MER_ERR_DATA says what is wrong with which column. */
MER_MUST_CHECK mer_status mer_arrow_put(struct mer_built_column *column,
                                        const struct mer_arrow_type *type,
                                        const struct mer_arrow_array *array,
                                        const struct mer_arrow_array *dictionary, mer_err *err);

/* One of seconds, milliseconds, microseconds, nanoseconds (0 to 3), as units a second; 0 otherwise.
 */
int64_t mer_arrow_per_second(int64_t unit);

#endif
