/* A table whose columns and levels have other names: the same values under texts that somebody else
 * chooses. Pure.
 */
#ifndef MER_FRAME_RENAME_H
#define MER_FRAME_RENAME_H

#include "frame/frame.h"

/* The level that stands for the column's own name. */
#define MER_RENAME_COLUMN SIZE_MAX

struct mer_renaming {
    size_t n_text; /* bytes of every level's new text */
    /* Bytes of the column's own new text. */
    size_t (*n_name)(void *self, const struct mer_column *column);
    /* Writes the new text of a column's level, or of the column (MER_RENAME_COLUMN), without a
     * final zero. */
    mer_status (*text)(void *self, const struct mer_column *column, size_t level, char *ret_text,
                       mer_err *err);
    void *self;
};

/* Writes the image of the table with its columns [keep[c]] under new texts into an empty region.
 * Text columns, whose cells are texts of their own, must not be kept (MER_ERR_INTERNAL). */
MER_MUST_CHECK mer_status mer_frame_rename(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                           const bool *keep, const struct mer_renaming *renaming,
                                           struct mer_region *region, mer_err *err);

#endif
