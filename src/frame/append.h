/* The rows of one table behind those of another, as one image. Pure.
 */
#ifndef MER_FRAME_APPEND_H
#define MER_FRAME_APPEND_H

#include "frame/frame.h"

/* Writes the image of `first` with the rows of `second` behind its own into an empty region. The
 * columns are those of the first, found in the second by name; it may have others, which are left
 * out. Levels keep the numbers that the first gives them, and those that only the second has come
 * behind. MER_ERR_DATA for a column that the second lacks, or has with another type. */
MER_MUST_CHECK mer_status mer_frame_append(const struct mer_ctx *ctx, const struct mer_frame *first,
                                           const struct mer_frame *second,
                                           struct mer_region *region, mer_err *err);

#endif
