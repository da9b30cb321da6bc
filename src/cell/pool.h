/* A stranger's model held open in cells, for callers who predict again and again: the parent knows
 * its facts and gets predictions, and believes neither before it has checked them.
 *
 * Cells are started when they are needed, at most n_cells of them, and stay. One that has died,
 * lied, or lived long is ended, and the next call starts another; the call during which it happened
 * reports it. All cells are given the same bytes: one whose model has other facts than the first
 * one's is a liar. Predictions do not depend on which cell makes them.
 *
 * Thread-safe: as many threads as there are cells predict at the same time, others wait. A cell
 * ends with the thread that started it; the next call then starts another.
 */
#ifndef MER_CELL_POOL_H
#define MER_CELL_POOL_H

#include "automl/facts.h"
#include "cell/client.h"

struct mer_cell_pool;

enum { MER_CELL_POOL_MAX = 64 };

/* Opens the model in a first cell. `model` is a sealed memory file that stays open until the pool
 * is freed, as does what `settings` and `ctx` point to. MER_ERR_DATA: it is no model, or no cell
 * can tell. */
MER_MUST_CHECK mer_status mer_cell_pool_new(const struct mer_ctx *ctx,
                                            const struct mer_cell_settings *settings,
                                            struct mer_cell_input model, size_t n_cells,
                                            struct mer_cell_pool **ret_pool, mer_err *err);
void mer_cell_pool_free(struct mer_cell_pool *pool);

/* Live as long as the pool. */
const struct mer_facts *mer_cell_pool_facts(const struct mer_cell_pool *pool);
/* What holds the first cell (bits of cell/confine.h). */
unsigned mer_cell_pool_level(const struct mer_cell_pool *pool);
/* How many cells were started so far. */
size_t mer_cell_pool_n_started(const struct mer_cell_pool *pool);

/* Writes [n_rows][outputs] predictions for a table, whose image is a sealed memory file that
 * mer_frame_open has accepted: finite values, or probabilities that sum to one. */
MER_MUST_CHECK mer_status mer_cell_pool_predict(struct mer_cell_pool *pool,
                                                struct mer_cell_input image, size_t n_rows,
                                                double *ret_predictions, mer_err *err);

#endif
