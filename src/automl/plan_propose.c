/* What a plan proposes: the portfolio, neighbours of what did best, and points of the search space.
 */
#include <string.h>

#include "automl/plan_internal.h"
#include "automl/portfolio.h"
#include "automl/tpe.h"
#include "core/math.h"

/* A family is dominated, and not tried further, when the best of its first settings falls short of
 * the best of all by more than this part of what that gains over the baseline. */
#define DOMINATED 0.3

/* Values that differ by no more than this part of them, after steps up and down, are the same. */
#define SAME 1e-6

/* Rounds of boosting without progress after which a fold stops: the smaller the steps, the more. */
enum { PATIENCE_MIN = 15, PATIENCE_MAX = 100 };
#define PATIENCE_STEPS 3.0

/* A forest of more nodes makes a model file of hundreds of megabytes. */
#define FOREST_NODES_MAX 2e6

/* Points of the space that are proposed at a time, so many are drawn before it is given up, and
 * from so many scores on. */
enum { BATCH = 4, DRAWS_MAX = 48, POINTS_MIN = 8 };
/* A point may cost so many times what the costliest trial so far did. */
enum { POINT_GROWTH = 2 };

/* What a refining round changes in the best setting: one parameter at a time, up and down. From
 * level to level the step is halved (of a factor: its square root taken). */
static const struct refinement {
    const char *family;
    const char *param;
    bool by_factor;
    double step;
} refinements[] = {
    {"linear", "alpha", true, 3.1622776601683795},
    {"tree", "min_samples_leaf", true, 2},
    {"tree", "smoothing", true, 4},
    {"tree", "max_depth", false, 2},
    {"tree", "ccp_alpha", true, 3},
    {"random_forest", "min_samples_leaf", true, 2},
    {"random_forest", "max_features", true, 1.5},
    {"extra_trees", "min_samples_leaf", true, 2},
    {"extra_trees", "max_features", true, 1.5},
    {"naive_bayes", "var_smoothing", true, 4},
    {"kernel", "gamma", true, 2},
    {"kernel", "n_components", true, 2},
    {"gbdt", "n_estimators", true, 2},
    {"gbdt", "max_leaves", true, 2},
    {"gbdt", "learning_rate", true, 2},
    {"gbdt", "min_child_samples", true, 3},
    {"gbdt", "reg_lambda", true, 8},
    {"gbdt", "colsample_bytree", true, 1.5},
    {"gbdt", "subsample", true, 1.4},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static size_t find_param(const struct mer_family *family, const char *name)
{
    for (size_t i = 0; i < family->n_params; i++)
        if (strcmp(family->params[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

void mer_plan_set_param(const struct mer_family *family, const char *name, double value,
                        struct mer_params *params)
{
    const size_t i = find_param(family, name);
    if (i == SIZE_MAX)
        return;
    const struct mer_param_spec *spec = &family->params[i];
    if (spec->type == MER_PARAM_INTEGER)
        value = floor(value + 0.5);
    params->values[i] = value < spec->minimum   ? spec->minimum
                        : value > spec->maximum ? spec->maximum
                                                : value;
}

static bool same_setting(const struct mer_candidate *candidate, const struct mer_family *family,
                         const struct mer_params *params)
{
    if (candidate->family != family)
        return false;
    for (size_t i = 0; i < family->n_params; i++)
        if (fabs(candidate->params.values[i] - params->values[i]) > SAME * fabs(params->values[i]))
            return false;
    return true;
}

/* Whether a forest of the setting would be too large a model: about so many nodes for a row of a
 * leaf. */
static bool is_too_large(const struct mer_plan *plan, const struct mer_family *family,
                         const struct mer_params *params)
{
    if (strcmp(family->name, "random_forest") != 0 && strcmp(family->name, "extra_trees") != 0)
        return false;
    const double n_trees = mer_params_get(family->params, family->n_params, params, "n_estimators");
    const double leaf =
        mer_params_get(family->params, family->n_params, params, "min_samples_leaf");
    return n_trees * 1.3 * (double)plan->options.n_rows / leaf > FOREST_NODES_MAX;
}

unsigned mer_plan_patience(const struct mer_family *family, const struct mer_params *params)
{
    if (!(family->capabilities & MER_CAN_WATCH))
        return 0;
    const double rate = mer_params_get(family->params, family->n_params, params, "learning_rate");
    const double rounds = PATIENCE_STEPS / rate;
    return rounds < PATIENCE_MIN   ? PATIENCE_MIN
           : rounds > PATIENCE_MAX ? PATIENCE_MAX
                                   : (unsigned)rounds;
}

static size_t family_bit(const struct mer_family *family)
{
    size_t i = 0;
    while (i + 1 < MER_N_FAMILIES && MER_FAMILIES[i] != family)
        i++;
    return i;
}

static bool is_wanted(const struct mer_plan *plan, const struct mer_family *family)
{
    if (plan->options.space && !mer_space_find(plan->options.space, family))
        return false;
    return plan->options.families ? (plan->options.families >> family_bit(family)) & 1
                                  : !(family->capabilities & MER_BY_NAME);
}

/* Logarithms are for targets that have a long tail upwards. */
static bool suits_target(const struct mer_plan *plan, const struct mer_family *family,
                         const struct mer_params *params)
{
    const size_t i = find_param(family, "log_target");
    return i == SIZE_MAX || params->values[i] == 0 || plan->options.target_is_skewed;
}

/* Where the user says what is searched, a setting is moved into that. */
static void move_inside(const struct mer_plan *plan, const struct mer_family *family,
                        struct mer_params *params)
{
    double x[MER_SPACE_DIMS_MAX];
    const struct mer_space_family *own = mer_space_find(&plan->space, family);

    if (!plan->options.space || !own)
        return;
    mer_space_locate(own, params, x);
    *params = mer_space_params(own, x);
}

void mer_plan_add(struct mer_plan *plan, const struct mer_family *family,
                  const struct mer_params *wanted, unsigned preference)
{
    struct mer_params setting = *wanted;
    const struct mer_params *params = &setting;

    move_inside(plan, family, &setting);
    if (plan->options.settle)
        plan->options.settle(plan->options.self, family, &setting);
    if (plan->n_candidates == MER_PLAN_MAX || !is_wanted(plan, family) ||
        !mer_family_can(family, plan->options.task) || is_too_large(plan, family, params) ||
        !suits_target(plan, family, params))
        return;
    if (family->check && family->check(params, plan->options.task, NULL).code != MER_OK)
        return;
    for (size_t i = 0; i < plan->n_candidates; i++)
        if (same_setting(&plan->candidates[i], family, params))
            return;
    const uint64_t cost =
        plan->options.cost(plan->options.self, family, params, plan->options.n_rungs);
    if (cost > mer_plan_room(plan))
        return;
    plan->candidates[plan->n_candidates++] =
        (struct mer_candidate){.family = family,
                               .params = *params,
                               .patience = mer_plan_patience(family, params),
                               .rung = plan->options.n_rungs,
                               .origin = SIZE_MAX,
                               .cost = cost,
                               .preference = preference,
                               .score = (double)NAN,
                               .deviation = (double)NAN};
}

const struct mer_candidate *mer_plan_best_of(const struct mer_plan *plan,
                                             const struct mer_family *family)
{
    const struct mer_candidate *best = NULL;

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if ((!family || candidate->family == family) && candidate->told &&
            !isnan(candidate->score) &&
            (!best || mer_plan_better(plan, candidate->score, best->score)))
            best = candidate;
    }
    return best;
}

bool mer_plan_is_dominated(const struct mer_plan *plan, const struct mer_family *family)
{
    const struct mer_candidate *best = mer_plan_best_of(plan, NULL),
                               *own = mer_plan_best_of(plan, family);
    const struct mer_candidate *baseline = mer_plan_best_of(plan, mer_family_find("baseline"));

    return own && baseline && mer_plan_better(plan, best->score, baseline->score) &&
           fabs(best->score - own->score) > DOMINATED * fabs(best->score - baseline->score);
}

void mer_plan_add_portfolio(struct mer_plan *plan, unsigned round)
{
    for (size_t i = 0; i < MER_PORTFOLIO_N; i++) {
        const struct mer_portfolio_row *row = &MER_PORTFOLIO[i];
        const struct mer_family *family = mer_family_find(row->family);
        struct mer_params params;
        if (!family || row->round != round || mer_plan_is_dominated(plan, family))
            continue;
        mer_params_default(family->params, family->n_params, &params);
        for (size_t p = 0; p < COUNT(row->params) && row->params[p].name; p++)
            mer_plan_set_param(family, row->params[p].name,
                               row->params[p].value *
                                   (p == 0 && row->scales ? plan->options.target_scale : 1),
                               &params);
        mer_plan_add(plan, family, &params, row->preference);
    }
}

/* A family that was asked for, and of which the portfolio has nothing, is tried as it is. */
void mer_plan_add_missing(struct mer_plan *plan)
{
    for (size_t f = 0; f < MER_N_FAMILIES; f++) {
        bool is_there = false;
        struct mer_params params;
        for (size_t i = 0; i < plan->n_candidates; i++)
            is_there = is_there || plan->candidates[i].family == MER_FAMILIES[f];
        if (is_there || !is_wanted(plan, MER_FAMILIES[f]))
            continue;
        mer_params_default(MER_FAMILIES[f]->params, MER_FAMILIES[f]->n_params, &params);
        mer_plan_add(plan, MER_FAMILIES[f], &params, MER_PREFERENCE_SCORE);
    }
}

/* Whether another value of the parameter is worth a trial: more rounds are not where folds stopped
 * before the last, and fewer never are where they may stop. */
static bool is_worth(const struct mer_candidate *centre, const char *param, int direction)
{
    if (centre->patience == 0 || strcmp(param, "n_estimators") != 0)
        return true;
    const double cap = mer_params_get(centre->family->params, centre->family->n_params,
                                      &centre->params, "n_estimators");
    return direction > 0 && centre->n_rounds >= 0.9 * cap;
}

/* Within what is searched: what lies beyond it is too little regularised to be trusted where it
 * scores well, as some always does when many are tried on few rows. */
static double searched(const struct mer_plan *plan, const struct mer_family *family,
                       const char *param, double value)
{
    const struct mer_space_family *own = mer_space_find(&plan->space, family);
    const size_t at = find_param(family, param);

    for (size_t i = 0; own && i < own->n_dims; i++)
        if (own->dims[i].param == at && own->dims[i].n_choices == 0)
            return fmin(fmax(value, own->dims[i].low), own->dims[i].high);
    return value;
}

static void add_neighbours(struct mer_plan *plan, const struct mer_candidate *best, unsigned level)
{
    const struct mer_family *family = best->family;
    const struct mer_params *centre = &best->params;

    for (size_t i = 0; i < COUNT(refinements); i++) {
        const struct refinement *refinement = &refinements[i];
        if (strcmp(refinement->family, family->name) != 0)
            continue;
        const double value =
            mer_params_get(family->params, family->n_params, centre, refinement->param);
        double step = refinement->step;
        for (unsigned l = 0; l < level; l++)
            step = refinement->by_factor ? sqrt(step) : step / 2;
        for (int direction = -1; direction <= 1; direction += 2) {
            struct mer_params params = *centre;
            if (!is_worth(best, refinement->param, direction))
                continue;
            const double next = !refinement->by_factor ? value + direction * step
                                : direction > 0        ? value * step
                                                       : value / step;
            mer_plan_set_param(family, refinement->param,
                               searched(plan, family, refinement->param, next), &params);
            mer_plan_add(plan, family, &params, MER_PREFERENCE_SCORE);
        }
    }
}

/* An insertion sort, because equal costs keep the order of the tables. */
void mer_plan_sort_by_cost(struct mer_candidate *candidates, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct mer_candidate moved = candidates[i];
        size_t j = i;
        for (; j > 0 && candidates[j - 1].cost > moved.cost; j--)
            candidates[j] = candidates[j - 1];
        candidates[j] = moved;
    }
}

/* The best setting of a family that is not far behind and whose neighbours were not all tried. */
static const struct mer_candidate *next_centre(const struct mer_plan *plan)
{
    const struct mer_candidate *best = NULL;

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (candidate->told && !isnan(candidate->score) &&
            !((plan->refined >> family_bit(candidate->family)) & 1) &&
            !mer_plan_is_dominated(plan, candidate->family) &&
            (!best || mer_plan_better(plan, candidate->score, best->score)))
            best = candidate;
    }
    return best;
}

/* Adds neighbours of the best, nearer ones when those before were no better; once they are as near
 * as is worth a trial, those of the best of another family, for the ensemble. False when there are
 * none left. */
static bool refine(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;

    while (plan->n_candidates == first) {
        const struct mer_candidate *centre = next_centre(plan);
        if (!centre || ++plan->round >= MER_PLAN_ROUNDS_MAX)
            return false;
        if (!plan->centre || plan->centre->family != centre->family)
            plan->level = 0;
        else if (same_setting(plan->centre, centre->family, &centre->params))
            plan->level++;
        plan->centre = centre;
        if (plan->level < MER_PLAN_LEVELS)
            add_neighbours(plan, centre, plan->level);
        else
            plan->refined |= (uint64_t)1 << family_bit(centre->family);
    }
    mer_plan_sort_by_cost(plan->candidates + first, plan->n_candidates - first);
    return true;
}

/* Whether what was tried first comes before the other: on more rows, then by score. */
static bool comes_before(const struct mer_plan *plan, const struct mer_candidate *a,
                         const struct mer_candidate *b)
{
    return a->rung != b->rung ? a->rung < b->rung : mer_plan_better(plan, a->score, b->score);
}

/* What was tried of the families that may be, best first, each setting where it had most rows. */
static size_t collect_points(struct mer_plan *plan)
{
    const struct mer_candidate *sorted[MER_PLAN_MAX];
    size_t n = 0;

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (!candidate->told || isnan(candidate->score) || candidate->was_surpassed ||
            !mer_space_find(&plan->space, candidate->family))
            continue;
        size_t at = n++;
        for (; at > 0 && comes_before(plan, candidate, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = candidate;
    }
    for (size_t i = 0; i < n; i++) {
        const struct mer_space_family *own = mer_space_find(&plan->space, sorted[i]->family);
        plan->points[i].family = (size_t)(own - plan->space.families);
        mer_space_locate(own, &sorted[i]->params, plan->points[i].x);
    }
    return n;
}

static uint64_t usable_families(const struct mer_plan *plan)
{
    uint64_t usable = 0;

    for (size_t i = 0; i < plan->space.n_families; i++) {
        const struct mer_family *family = plan->space.families[i].family;
        if (plan->space.families[i].n_dims > 0 && is_wanted(plan, family) &&
            mer_family_can(family, plan->options.task) && !mer_plan_is_dominated(plan, family))
            usable |= (uint64_t)1 << i;
    }
    return usable;
}

/* What a point may cost: half as much with every trial that was passed over. */
static uint64_t point_cost_max(const struct mer_plan *plan)
{
    uint64_t most = MER_PLAN_COST_FREE;

    if (plan->n_passed > 0)
        return plan->passed_cost >> (plan->n_passed < 63 ? plan->n_passed : 63);

    for (size_t i = 0; i < plan->n_candidates; i++) {
        const struct mer_candidate *candidate = &plan->candidates[i];
        if (candidate->told && !isnan(candidate->score) && candidate->cost > most / POINT_GROWTH)
            most = POINT_GROWTH * candidate->cost;
    }
    return most;
}

static void suggest(struct mer_plan *plan, bool by_chance, mer_rng *rng,
                    struct mer_point *ret_point)
{
    struct mer_tpe tpe = {.space = &plan->space,
                          .usable = usable_families(plan),
                          .points = plan->points,
                          .n_points = by_chance ? 0 : collect_points(plan)};

    if (tpe.n_points < POINTS_MIN)
        mer_space_draw(&plan->space, tpe.usable, rng, ret_point);
    else
        mer_tpe_suggest(&tpe, rng, ret_point);
}

/* Draws points that cost at most so much. */
static void draw_points(struct mer_plan *plan, uint64_t most, bool by_chance, mer_rng *rng)
{
    const size_t first = plan->n_candidates;

    for (size_t i = 0; i < DRAWS_MAX && plan->n_candidates - first < BATCH; i++) {
        struct mer_point point;
        suggest(plan, by_chance, rng, &point);
        const struct mer_space_family *own = &plan->space.families[point.family];
        struct mer_params params = mer_space_params(own, point.x);
        if (!suits_target(plan, own->family, &params))
            mer_plan_set_param(own->family, "log_target", 0, &params);
        if (plan->options.cost(plan->options.self, own->family, &params, plan->options.n_rungs) <=
            most)
            mer_plan_add(plan, own->family, &params, MER_PREFERENCE_SCORE);
    }
}

bool mer_plan_add_points(struct mer_plan *plan)
{
    const size_t first = plan->n_candidates;
    mer_rng rng;

    if (usable_families(plan) == 0)
        return false;
    mer_rng_init(&rng, plan->options.seed, mer_rng_stream("points", plan->n_batches++));
    draw_points(plan, point_cost_max(plan), plan->options.by_chance, &rng);
    /* Where there is little room, what did best may be too costly altogether. */
    if (plan->n_candidates == first && plan->limit < UINT64_MAX)
        draw_points(plan, mer_plan_room(plan), true, &rng);
    return plan->n_candidates > first;
}

bool mer_plan_add_round(struct mer_plan *plan)
{
    const bool wants_neighbours = !plan->neighbours_were_last && !plan->options.by_chance;

    plan->neighbours_were_last = wants_neighbours && refine(plan);
    if (plan->neighbours_were_last || mer_plan_add_points(plan))
        return true;
    return !plan->options.by_chance && refine(plan);
}
