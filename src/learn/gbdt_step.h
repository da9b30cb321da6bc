/* What boosting's rounds (gbdt_boost.c) share with their two halves: from scores to gradients and
 * codes (gbdt_gradients.c), and from a grown tree to its leaves' values and new scores
 * (gbdt_leaves.c).
 */
#ifndef MER_LEARN_GBDT_STEP_H
#define MER_LEARN_GBDT_STEP_H

#include "core/team.h"
#include "learn/gbdt_boost.h"

/* Rows of one task, and what the kernels do at once, of which it is a multiple. */
enum { MER_BOOST_BLOCK = 1 << 12, MER_BOOST_ROW_STEP = 32 };

/* What growing the tree of one class takes; as many as trees grow at the same time. */
struct mer_boost_work {
    struct mer_grower *grower;
    float *gh;       /* [n_padded][2] */
    uint32_t *codes; /* [n_padded] */
    uint8_t *active; /* [n_features of the store] */
    uint32_t *feature_order;
    int64_t (*sums)[2]; /* [nodes] of gradients and Hessians, fixed point */
    uint8_t *sides;     /* [nodes][256] of inner nodes, for rows that were not grown from */
    double *residuals;  /* [n_rows] for quantiles in leaves */
    double *weights;
};

/* A tree as it goes into the ensemble. */
struct mer_boost_grown {
    struct mer_ensemble_node *nodes;
    double *values;
    uint8_t *sets;
    size_t n_nodes;
    mer_status status;
    mer_err err;
};

struct mer_boost_state {
    const struct mer_ctx *ctx;
    const struct mer_boosting *what;
    const struct mer_boost_options *options;
    const struct mer_boost_target *target;
    const struct mer_gbdt_kernels *kernels;
    size_t n_padded;
    size_t n_outputs;
    size_t n_nodes_max;
    size_t n_set_bytes; /* of the widest group */
    size_t round;

    double *scores;     /* [n_outputs][n_padded] */
    double *log_sums;   /* [n_padded], multinomial */
    uint32_t *learning; /* rows learned from, ascending */
    size_t n_learning;
    uint32_t *drawn; /* this round's rows */
    size_t n_drawn;
    uint32_t *others; /* rows that are not drawn, but whose scores are wanted */
    size_t n_others;
    uint32_t *held_out; /* for early stopping */
    size_t n_held_out;

    struct mer_boost_work *works;
    size_t n_works;
    struct mer_boost_grown *grown; /* [n_outputs] */
};

/* The tree of one class in one round. */
struct mer_boost_step {
    struct mer_boost_state *boost;
    struct mer_boost_work *work;
    size_t output;
    double g_unit;
    double h_unit;
    size_t n_stripes;
    float (*maxima)[2]; /* [n_stripes] */
    double fixed;       /* fixed-point numbers in 1 of gradients */
    const struct mer_gbdt_node *nodes;
    size_t n_nodes;
    const double *values; /* [n_nodes] of leaves */
};

/* Rows are dealt out to the threads in stripes: what a thread writes to a row it reads next time.
 */
static inline size_t mer_boost_stripes(const struct mer_boost_state *boost,
                                       const struct mer_team *team)
{
    const size_t n_threads = mer_team_size(team);
    const size_t n_blocks = boost->target->n_rows / MER_BOOST_BLOCK + 1;
    return n_threads < n_blocks ? n_threads : n_blocks;
}

static inline size_t mer_boost_stripe_begin(const struct mer_boost_step *step, size_t stripe)
{
    const size_t n_rows = step->boost->target->n_rows;
    return stripe == step->n_stripes
               ? n_rows
               : n_rows * stripe / step->n_stripes / MER_BOOST_ROW_STEP * MER_BOOST_ROW_STEP;
}

static inline size_t mer_boost_blocks(size_t n)
{
    return (n + MER_BOOST_BLOCK - 1) / MER_BOOST_BLOCK;
}

static inline size_t mer_boost_block_end(size_t task, size_t n)
{
    return (task + 1) * MER_BOOST_BLOCK < n ? (task + 1) * MER_BOOST_BLOCK : n;
}

/* log(sum(exp(scores))) of all rows, for several classes. */
void mer_boost_log_sums(struct mer_boost_state *boost);
/* Gradients, their units, and codes. Gradients that are not finite end the fit. */
MER_MUST_CHECK mer_status mer_boost_make_codes(struct mer_boost_step *step, struct mer_team *team,
                                               mer_err *err);
/* values[n_nodes] of the grown tree's leaves, and what they do to the scores of the rows that it
 * was grown from; then to those of the others. */
MER_MUST_CHECK mer_status mer_boost_value_leaves(struct mer_boost_step *step, struct mer_team *team,
                                                 double *values, mer_err *err);
void mer_boost_update_others(struct mer_boost_step *step, struct mer_team *team);

#endif
