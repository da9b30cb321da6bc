/* What the files of the plan share: plan.c has the interface, plan_propose.c what is tried,
 * plan_rungs.c in which order where settings are tried on shares of the rows.
 */
#ifndef MER_AUTOML_PLAN_INTERNAL_H
#define MER_AUTOML_PLAN_INTERNAL_H

#include "automl/plan.h"

/* Some seconds are no risk: so much a trial may cost whatever came before. */
#define MER_PLAN_COST_FREE ((uint64_t)8000000)

/* Sets a parameter, clipped to its range and rounded where it is an integer. */
void mer_plan_set_param(const struct mer_family *family, const char *name, double value,
                        struct mer_params *params);
/* What the next trial may cost, behind those that are known: as much as may follow a trial that was
 * passed over. UINT64_MAX: as much as it likes. */
uint64_t mer_plan_room(const struct mer_plan *plan);

/* Adds a setting to the candidates, unless it is there already, impossible, too costly, or one too
 * many. */
void mer_plan_add(struct mer_plan *plan, const struct mer_family *family,
                  const struct mer_params *wanted, unsigned preference);
void mer_plan_add_portfolio(struct mer_plan *plan, unsigned round);
void mer_plan_add_missing(struct mer_plan *plan);
/* Neighbours of the best and points of the space, in turns; false when there are none left. */
bool mer_plan_add_round(struct mer_plan *plan);
/* Some points of the space alone. */
bool mer_plan_add_points(struct mer_plan *plan);
/* Cheapest first. */
void mer_plan_sort_by_cost(struct mer_candidate *candidates, size_t n);

/* The best of one family told so far, NULL: of all; NULL: none has a score. */
const struct mer_candidate *mer_plan_best_of(const struct mer_plan *plan,
                                             const struct mer_family *family);
bool mer_plan_is_dominated(const struct mer_plan *plan, const struct mer_family *family);

/* Moves what was added to the candidates from `first` on into the queue. */
void mer_plan_queue_from(struct mer_plan *plan, size_t first);
/* Adds trials until as many are known as may run before the next score. */
void mer_plan_extend(struct mer_plan *plan);

#endif
