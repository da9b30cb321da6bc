/* What the files of the selection share. */
#ifndef MER_LEARN_SELECT_INTERNAL_H
#define MER_LEARN_SELECT_INTERNAL_H

#include "learn/select.h"

/* Fills all but `kept` of a selection whose `kept` is for designs of the shape. */
MER_MUST_CHECK mer_status mer_selection_settle(const struct mer_ctx *ctx,
                                               const struct mer_design *shape,
                                               struct mer_selection *selection, mer_err *err);

#endif
