/* Columns that alone tell the target, or nearly: what was only known once the target was. A
 * warning, not a verdict: only who knows the table can say whether the column will be there when
 * predictions are made. */
#ifndef MER_AUTOML_LEAKS_H
#define MER_AUTOML_LEAKS_H

#include "frame/frame.h"
#include "learn/design.h"

/* Sets MER_HINT_LEAK for each column that gives away nearly all of the target: of classes 98 % of
 * their entropy, of numbers 99.5 % of their variance, with at most 64 values of the column (numbers
 * are cut into so many ranges), less what chance alone would give. Looks at 20,000 rows at most,
 * spread over the table. `hints`: [columns of the frame]. */
MER_MUST_CHECK mer_status mer_leaks_mark(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                         size_t target_column, const struct mer_target *target,
                                         uint8_t *hints, mer_err *err);

#endif
