/* A model family: one file with one constant struct of functions, and one line in registry.c.
 *
 * Everything is pure and deterministic: the same design, target, parameters and seed give the same
 * model, bit for bit, for any team size and instruction set.
 */
#ifndef MER_LEARN_FAMILY_H
#define MER_LEARN_FAMILY_H

#include "core/bundle.h"
#include "core/rng.h"
#include "learn/design.h"
#include "learn/param.h"

/* A fitted model; each family has its own struct behind it. */
struct mer_model;

enum {
    MER_CAN_REGRESSION = 1 << 0,
    MER_CAN_BINARY = 1 << 1,
    MER_CAN_MULTICLASS = 1 << 2,
    MER_CAN_WEIGHTS = 1 << 3,
    MER_WANTS_SCALED = 1 << 4, /* dense columns standardised by the preprocessing */
    MER_CAN_CONTINUE = 1 << 5,
    MER_CAN_MONOTONE = 1 << 6,
    MER_BY_NAME = 1 << 7,    /* fitted when asked for; a search does not try it by itself */
    MER_KEEPS_ROWS = 1 << 8, /* the model holds its training rows: whoever has it has them */
    MER_CAN_SPARSE = 1 << 9, /* takes the sparse block of a design, and no condensed columns */
    MER_CAN_WATCH = 1 << 10, /* stops adding trees when rows that it does not learn from say so */
    MER_SLOW_ROWS = 1 << 11, /* many deep trees: a row alone takes some hundred microseconds */
};

struct mer_fit_data {
    const struct mer_design *design;
    const struct mer_target *target;
    uint64_t seed;
    /* A model of the same family for a design of the same shape, to go on from. NULL: none; only
     * for families that say MER_CAN_CONTINUE. */
    const struct mer_model *start;
    /* [n_dense]: 1 or -1 where predictions may only rise or only fall with the feature, 0
     * elsewhere. NULL: no constraint; only for families that say MER_CAN_MONOTONE. */
    const int8_t *monotone;
    /* The last n_watched rows of design and target are not learned from: trees are added until
     * `patience` rounds have not lowered their loss, and those after the best are dropped.
     * *ret_n_rounds: how many stayed. 0: no such rows; only for families that say MER_CAN_WATCH. */
    size_t n_watched;
    size_t patience;
    /* When the deadline comes, trees that fill so many rounds are a model all the same, of as many
     * rounds as there are; without so many the fit has failed. 0: it has failed in any case; only
     * for families that say MER_CAN_WATCH. */
    size_t least_rounds;
    uint32_t *ret_n_rounds;
};

struct mer_family {
    const char *name;  /* "linear" */
    const char *title; /* "Linear, logistic and multinomial regression" */
    unsigned capabilities;
    const struct mer_param_spec *params;
    size_t n_params;

    /* Refuses impossible combinations with MER_ERR_USAGE; NULL: none are impossible. */
    mer_status (*check)(const struct mer_params *params, enum mer_task task, mer_err *err);

    /* Changes parameters to what they come to for a design of the shape: settings that are then the
     * same give the same model. NULL: they are what they are. */
    void (*settle)(struct mer_params *params, const struct mer_design *shape);

    /* The cost of a fit in work units before it runs: about a microsecond of one core each, a
     * function of shapes and parameters alone. */
    uint64_t (*cost)(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target);

    /* Fits. Polls ctx for cancelling at least every 100 ms. Classification needs every class
     * present. */
    mer_status (*fit)(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err);

    /* Writes [n_rows][outputs] predictions: values, or probabilities that sum to one. The design
     * must have the shape that was fitted. */
    mer_status (*predict)(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err);

    /* Adds the model's arrays under `prefix` ("model/") and its scalars as members of the JSON
     * object that the writer is in. */
    mer_status (*save)(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err);

    /* The reverse; validates everything as hostile: after success predict cannot go out of bounds
     * for a design of the given shape. */
    mer_status (*load)(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err);

    void (*free)(const struct mer_ctx *ctx, struct mer_model *model);

    /* Of families that add up rounds; else NULL. How many a model has, and its predictions after at
     * most rounds[s] of them, [n_stages][n_rows][outputs]; the rounds rise. */
    size_t (*n_rounds)(const struct mer_model *model);
    mer_status (*stages)(const struct mer_ctx *ctx, const struct mer_model *model,
                         const struct mer_design *design, size_t n_stages, const uint32_t *rounds,
                         double *ret_predictions, mer_err *err);

    /* [n_dense + n_groups] of the design: 1 for features that the model uses, 0 for those that its
     * fit left out. NULL, or it returns NULL: all are used. */
    const uint8_t *(*kept)(const struct mer_model *model);
};

/* All families in the order in which they are tried. */
extern const struct mer_family *const MER_FAMILIES[];
extern const size_t MER_N_FAMILIES;

bool mer_family_can(const struct mer_family *family, enum mer_task task);
/* NULL when there is none of that name. */
const struct mer_family *mer_family_find(const char *name);

#endif
