/* Columns as Arrow arrays, through the Arrow C data interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html): bitmaps, numbers, codes, levels and
 * texts are handed over where they lie in the image, without a copy. Dates are converted, and
 * codes copied where some are missing.
 *
 *   boolean      "b"        integer   "l"      number    "g"      text  "U" (large_utf8)
 *   categorical  "i" with a dictionary of "U"
 *   date         "tdD" (int32 days, a copy)    time  "ttu"        datetime  "tsu:UTC"
 */
#ifndef MER_FRAME_ARROW_H
#define MER_FRAME_ARROW_H

#include "frame/frame.h"
#include "merlon/arrow_abi.h"

/* Who has to stay as long as what was exported: held once by each structure that the receiver
 * releases by itself. */
struct mer_arrow_owner {
    void (*retain)(void *self);
    void (*release)(void *self);
    void *self;
};

/* Fills both structs for column c; the receiver releases each through its callback. Without an
 * owner the frame must outlive them, with one that is the owner's care; its alloc must in any case.
 */
MER_MUST_CHECK mer_status mer_arrow_export(const struct mer_frame *frame, size_t c,
                                           const struct mer_arrow_owner *owner,
                                           struct ArrowSchema *ret_schema,
                                           struct ArrowArray *ret_array, mer_err *err);

/* The whole table: a struct with a child for each column. */
MER_MUST_CHECK mer_status mer_arrow_export_table(const struct mer_frame *frame,
                                                 const struct mer_arrow_owner *owner,
                                                 struct ArrowSchema *ret_schema,
                                                 struct ArrowArray *ret_array, mer_err *err);

#endif
