/* The plan of a search, a state machine: ask hands out settings to try, tell takes their scores.
 * Pure and deterministic: what is asked next depends on the scores told before, and on nothing
 * else.
 *
 * Round 0 tries settings of every family; round 1 the rest of the portfolio, but for families that
 * round 0 showed to be far behind; later rounds in turns neighbours of the best setting so far,
 * nearer ones after a round that found nothing better, then those of the best of the other
 * families, and points of the search space that a tree-structured Parzen estimator (tpe.h) proposes
 * from all scores so far. Inside a round the cheapest setting comes first. A round begins when all
 * scores of the one before have been told.
 *
 * Where the table is large enough for rungs (trial.h), settings are tried on the smallest share of
 * the rows first, and the best third of them on four times as many, one after another as soon as
 * they are known (asynchronous successive halving: Li, Jamieson, Rostamizadeh, Gonina, Hardt,
 * Recht, Talwalkar, "A system for massively parallel hyperparameter tuning", MLSys 2020). What the
 * n-th trial is depends on the scores of trials before n - MER_PLAN_LAG alone, however many run at
 * a time; scores are told in the order of the trials.
 */
#ifndef MER_AUTOML_PLAN_H
#define MER_AUTOML_PLAN_H

#include "automl/fold.h"
#include "automl/space.h"
#include "learn/family.h"

enum {
    MER_PLAN_MAX = 512,
    MER_PLAN_LEVELS = 3,
    MER_PLAN_ROUNDS_MAX = 64,
    MER_PLAN_LAG = 2,
    MER_PLAN_QUEUE_MAX = 64
};

struct mer_candidate {
    const struct mer_family *family;
    struct mer_params params;
    unsigned patience;   /* see struct mer_trial_request */
    unsigned rung;       /* see struct mer_trial_request */
    size_t origin;       /* the same setting on the next smaller rung; SIZE_MAX: none was tried */
    bool promoted;       /* it is tried on a larger rung */
    bool was_surpassed;  /* and has a score there */
    uint64_t cost;       /* work units over all folds */
    unsigned preference; /* among equals of a family the lowest is chosen: the plainest setting */
    double scores[MER_FOLDS_MAX]; /* by fold; NaN where the metric is not defined */
    size_t n_scores;
    double score; /* their mean; NaN until it is told, or when it failed */
    double deviation;
    uint64_t refit_cost; /* of fitting it on all rows; told by the search, for settings on rungs */
    uint32_t
        n_rounds; /* of boosting, by the held-out rows, for a fit on all rows; 0: as in params */
    bool told;
    size_t trial; /* the search's: its place among the trials that have a result */
};

struct mer_plan_options {
    enum mer_task task;
    bool greater_is_better;
    size_t n_rows;         /* of the table */
    double target_scale;   /* the standard deviation of a regression's target, 1 for classes */
    bool target_is_skewed; /* a regression's, with a long tail upwards and nothing below zero */
    /* The work units of a setting over all folds, a function of shapes and parameters. */
    uint64_t (*cost)(void *self, const struct mer_family *family, const struct mer_params *params,
                     unsigned rung);
    void *self;
    uint64_t families; /* to try, by their place in the registry; 0: all but MER_BY_NAME */
    unsigned n_rungs;  /* the smallest share of the rows; 0: all trials have all rows */
    uint64_t seed;     /* of what is drawn */
    /* What the user wants to be searched, and nothing else; NULL: the program's own space. */
    const struct mer_space *space;
    /* Changes a setting to what it comes to on the table, so that two that come to the same model
     * are not both tried; NULL: all are what they are. */
    void (*settle)(void *self, const struct mer_family *family, struct mer_params *params);
    bool by_chance; /* to compare with: points of the space are drawn blindly, and no neighbours */
};

/* A setting that waits for its turn. */
struct mer_plan_queued {
    const struct mer_family *family;
    struct mer_params params;
    unsigned preference;
    bool is_taken;
};

struct mer_plan {
    struct mer_plan_options options;
    /* A setting that was tried on a share of the rows alone can be chosen when fitting it on all of
     * them costs at most this. */
    uint64_t refit_limit;
    struct mer_candidate candidates[MER_PLAN_MAX];
    size_t n_candidates;
    size_t n_asked;
    size_t n_told;
    unsigned round;
    unsigned level;                     /* how near the neighbours are; 0 is the widest step */
    const struct mer_candidate *centre; /* of the last refining round */
    uint64_t
        refined; /* families whose best has no neighbour left, by their place in the registry */
    bool is_one; /* the setting that the caller wants, and no other */
    /* Units of the trials that were told, and what they may come to. */
    uint64_t units;
    uint64_t limit;
    struct mer_space space;
    struct mer_point points[MER_PLAN_MAX]; /* of a batch: what was tried */
    uint64_t n_batches;                    /* of points */
    bool neighbours_were_last;
    uint64_t passed_cost; /* of the last trial that was passed over, */
    unsigned n_passed;    /* and of how many since the last that was tried */
    /* With rungs: what follows, the first n_first of it whatever comes out. */
    struct mer_plan_queued queue[MER_PLAN_QUEUE_MAX];
    size_t n_queued;
    size_t n_first;
};

enum mer_ask {
    MER_ASK_TRIAL, /* try candidate *ret_id */
    MER_ASK_WAIT,  /* nothing to hand out before more scores are told */
    MER_ASK_DONE
};

/* A plan for the families that can do the task, or for one setting alone. */
void mer_plan_init(struct mer_plan *plan, const struct mer_plan_options *options);
void mer_plan_init_one(struct mer_plan *plan, const struct mer_plan_options *options,
                       const struct mer_family *family, const struct mer_params *params);

/* Rounds of boosting without progress after which a fold stops: the smaller the steps, the more. 0:
 * the family does not stop. */
unsigned mer_plan_patience(const struct mer_family *family, const struct mer_params *params);

enum mer_ask mer_plan_ask(struct mer_plan *plan, size_t *ret_id);
/* The scores by fold of a candidate that was handed out; n_scores = 0: it failed. n_rounds as in
 * struct mer_candidate. A second telling is ignored. */
void mer_plan_tell(struct mer_plan *plan, size_t id, const double *scores, size_t n_scores,
                   uint32_t n_rounds);
/* A candidate that was handed out was not tried: what follows may not come to its cost, so that a
 * sum of units tells which trials were. */
void mer_plan_pass(struct mer_plan *plan, size_t id);
/* The setting to fit on all rows: the candidate's, with the rounds that its folds wanted. */
struct mer_params mer_candidate_final(const struct mer_candidate *candidate);
/* The candidate with the best mean score so far, the earlier of equals; NULL: none has a score. */
const struct mer_candidate *mer_plan_best(const struct mer_plan *plan);
/* The candidate to keep; NULL: there is none. Of those of the best's family that are not worse than
 * it by more than two standard errors of the difference over the folds, the plainest, then the
 * best. (Breiman et al., "Classification and Regression Trees", 1984, 3.4.3, with paired
 * differences.) On little data the best of many noisy scores is mostly the luckiest; on much data
 * the error is small, and this is the best. */
const struct mer_candidate *mer_plan_choice(const struct mer_plan *plan);
/* Whether score a is better than b; NaN is worse than anything. */
bool mer_plan_better(const struct mer_plan *plan, double a, double b);

#endif
