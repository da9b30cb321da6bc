/* What trials in a cell are scored on: everything about an evaluation (automl/evaluation.h) that is
 * not in the table itself, in the fixed layout of cell/notes.h. Written by the parent, read in the
 * cell, which holds it to the table.
 */
#ifndef MER_CELL_TRIAL_NOTES_H
#define MER_CELL_TRIAL_NOTES_H

#include "automl/evaluation.h"
#include "core/arena.h"
#include "core/buf.h"

/* `weights` and the names of columns are copied. */
MER_MUST_CHECK mer_status mer_evaluation_notes_write(const struct mer_evaluation_data *data,
                                                     struct mer_buf *buf, mer_err *err);

/* An evaluation's data, read again. */
struct mer_evaluation_notes {
    struct mer_arena arena;
    struct mer_frame table; /* all columns */
    struct mer_frame view;  /* those that are learned from, and the target */
    struct mer_learned_target target;
    double *weights; /* NULL: all ones */
    double *stack;   /* what a first layer says, by fold; NULL: there is none */
    const double *stack_columns[MER_FOLDS_MAX];
    struct mer_folds folds;
    struct mer_evaluation_data data;
};
/* `table`: the frame that the image holds; the notes take it over on success. MER_ERR_DATA for
 * notes that are none, or of another table. */
MER_MUST_CHECK mer_status mer_evaluation_notes_read(const struct mer_ctx *ctx,
                                                    struct mer_frame *table, const void *bytes,
                                                    size_t n,
                                                    struct mer_evaluation_notes *ret_notes,
                                                    mer_err *err);
void mer_evaluation_notes_release(const struct mer_ctx *ctx, struct mer_evaluation_notes *notes);

#endif
