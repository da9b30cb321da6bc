/* A table: one relocatable image (offsets, no pointers), and views on it in Arrow's columnar
 * layout.
 *
 * The image (docs/frame-format.md) is written into a region by a reader (csv.h) and opened with
 * mer_frame_open, which validates every offset, bitmap, code and text without trusting the writer;
 * after that, the views may be used without checks. The image is little-endian, 64-byte aligned,
 * and has no padding that is not zero: the same table always has the same bytes.
 */
#ifndef MER_FRAME_FRAME_H
#define MER_FRAME_FRAME_H

#include "core/ctx.h"
#include "core/log.h"
#include "core/region.h"

/* Column types. Missing is a clear validity bit in any of them. */
enum mer_type {
    MER_TYPE_BOOLEAN,     /* bitmap, bit i of byte i / 8 */
    MER_TYPE_INTEGER,     /* int64 */
    MER_TYPE_NUMBER,      /* double */
    MER_TYPE_CATEGORICAL, /* int32 codes into a dictionary of texts; -1 where missing */
    MER_TYPE_TEXT,        /* int64 offsets and UTF-8 bytes */
    MER_TYPE_DATE,        /* int64 days since 1970-01-01 */
    MER_TYPE_TIME,        /* int64 microseconds since midnight */
    MER_TYPE_DATETIME,    /* int64 microseconds since 1970-01-01T00:00:00Z */
    MER_TYPE_COUNT
};

/* "boolean", "integer", "number", "categorical", ... */
const char *mer_type_name(enum mer_type type);

struct mer_column {
    const char *name; /* n_name bytes of UTF-8, zero-terminated in the image */
    size_t n_name;
    enum mer_type type;
    size_t n_missing;
    const uint8_t *validity; /* bitmap, 1 = present; NULL when nothing is missing */
    union {
        const uint8_t *bits;     /* boolean */
        const int64_t *integers; /* integer, date, time, datetime; 0 where missing */
        const double *numbers;   /* number; 0 where missing, finite or infinite otherwise */
        const int32_t *codes;    /* categorical */
        const int64_t *offsets;  /* text: n_rows + 1, from 0 */
    } data;
    const char *bytes; /* text: the bytes that offsets point into */
    /* Categorical: level k is level_bytes[level_offsets[k] .. level_offsets[k + 1]); levels are
     * distinct and in order of first appearance (a schema's own levels come first). */
    size_t n_levels;
    const int64_t *level_offsets;
    const char *level_bytes;
};

struct mer_frame {
    const unsigned char *image;
    size_t n_image;
    size_t n_rows;
    size_t n_columns;
    struct mer_column *columns; /* owned: from alloc */
    struct mer_alloc *alloc;
    struct mer_region region; /* the image's memory when the frame owns it; else zero */
};

static inline bool mer_column_has(const struct mer_column *column, size_t row)
{
    return !column->validity || ((column->validity[row / 8] >> (row % 8)) & 1);
}

/* A text cell or a categorical level, as the type that the log redacts. */
static inline struct mer_cell mer_column_text(const struct mer_column *column, size_t row)
{
    return (struct mer_cell){column->bytes + column->data.offsets[row],
                             (size_t)(column->data.offsets[row + 1] - column->data.offsets[row])};
}
static inline struct mer_cell mer_column_level(const struct mer_column *column, size_t level)
{
    return (struct mer_cell){
        column->level_bytes + column->level_offsets[level],
        (size_t)(column->level_offsets[level + 1] - column->level_offsets[level])};
}

/* Opens an image for reading. The bytes are borrowed and must be 64-byte aligned and unchanging.
 * MER_ERR_DATA when anything in it is not as the format says. Release with mer_frame_release. */
MER_MUST_CHECK mer_status mer_frame_open(const struct mer_ctx *ctx, const void *image, size_t n,
                                         struct mer_frame *ret_frame, mer_err *err);
/* The same for an image that mer_frame_open has accepted before, and that nobody could change
 * since: a cell is given what its parent checked. */
MER_MUST_CHECK mer_status mer_frame_open_checked(const struct mer_ctx *ctx, const void *image,
                                                 size_t n, struct mer_frame *ret_frame,
                                                 mer_err *err);
/* The same for an image in a region, which the frame then owns (on success). */
MER_MUST_CHECK mer_status mer_frame_adopt(const struct mer_ctx *ctx, struct mer_region *region,
                                          struct mer_frame *ret_frame, mer_err *err);
void mer_frame_release(struct mer_frame *frame);

/* The index of the column of that name, or SIZE_MAX. */
size_t mer_frame_find(const struct mer_frame *frame, const char *name);
/* Like mer_frame_find, but an absent name is MER_ERR_DATA with the nearest name as the hint. */
MER_MUST_CHECK mer_status mer_frame_want(const struct mer_frame *frame, const char *name,
                                         size_t *ret_index, mer_err *err);

#endif
