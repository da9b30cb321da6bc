/* The facts of a model (automl/facts.h) as a cell tells them that loaded it: in the layout of
 * notes.h, in the order in which facts_notes.c writes and reads them.
 */
#ifndef MER_CELL_FACTS_NOTES_H
#define MER_CELL_FACTS_NOTES_H

#include "automl/facts.h"

/* In the cell. */
MER_MUST_CHECK mer_status mer_facts_notes_write(const struct mer_facts *facts, struct mer_buf *buf,
                                                mer_err *err);
/* In the parent: notes that nobody vouches for. Families and metrics are found by their names,
 * settings are in their ranges, texts are texts: after success the facts can be used like those of
 * a pipeline, though they may be lies. Release with mer_facts_release. */
MER_MUST_CHECK mer_status mer_facts_notes_read(const struct mer_ctx *ctx, const void *bytes,
                                               size_t n, struct mer_facts *ret_facts, mer_err *err);

#endif
