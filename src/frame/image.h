/* The layout of a table image (docs/frame-format.md), shared by those who write images and the one
 * who checks them: where every section lies follows from the sizes alone, and only from here.
 */
#ifndef MER_FRAME_IMAGE_H
#define MER_FRAME_IMAGE_H

#include "frame/frame.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "table images are little-endian and are read in place"
#endif

#define MER_IMAGE_MAGIC "MERFRAME"

enum { MER_IMAGE_VERSION = 2 };

/* Rows are numbered by uint32_t elsewhere; a categorical code is an int32_t. */
#define MER_IMAGE_MAX_ROWS ((size_t)UINT32_MAX - 1)
#define MER_IMAGE_MAX_COLUMNS ((size_t)1 << 20)
#define MER_IMAGE_MAX_LEVELS ((size_t)INT32_MAX)

/* What date, time and datetime columns may hold: years 1 to 9999. */
#define MER_DATE_MIN INT64_C(-719162)
#define MER_DATE_MAX INT64_C(2932896)
#define MER_DAY_MICROSECONDS INT64_C(86400000000)
#define MER_DATETIME_MIN (MER_DATE_MIN * MER_DAY_MICROSECONDS)
#define MER_DATETIME_MAX ((MER_DATE_MAX + 1) * MER_DAY_MICROSECONDS - 1)

struct mer_image_header {
    char magic[8];
    uint32_t version;
    uint32_t reserved0;
    uint64_t n_image; /* bytes of the whole image */
    uint64_t n_rows;
    uint64_t n_columns;
    uint64_t reserved[3];
};

/* One row of the column table. Offsets count from the start of the image; 0: no such section. */
struct mer_image_column {
    uint64_t name;
    uint64_t n_name; /* bytes, without the final zero */
    uint32_t type;
    uint32_t reserved0;
    uint64_t n_missing;
    uint64_t validity;
    uint64_t data;
    uint64_t bytes; /* text */
    uint64_t n_bytes;
    uint64_t n_levels; /* categorical */
    uint64_t level_offsets;
    uint64_t level_bytes;
    uint64_t n_level_bytes;
    uint64_t reserved[4];
};

static inline size_t mer_bitmap_bytes(size_t n)
{
    return n / 8 + (n % 8 != 0);
}

/* Bytes of a column's data section (without validity, texts and levels); false on overflow. */
bool mer_image_data_bytes(const struct mer_image_column *column, size_t n_rows, size_t *ret);

/* Fills in every offset from the sizes (n_name, type, n_missing, n_bytes, n_levels, n_level_bytes)
 * and tells the size of the image; false when it would pass SIZE_MAX. `type` must be known. */
bool mer_image_layout(struct mer_image_column *columns, size_t n_columns, size_t n_rows,
                      size_t *ret_n_image);

/* Checks an image without trusting its writer; MER_ERR_DATA says what is wrong with which column.
 * Called by mer_frame_open. */
MER_MUST_CHECK mer_status mer_image_check(const struct mer_ctx *ctx, const unsigned char *image,
                                          size_t n, mer_err *err);

#endif
