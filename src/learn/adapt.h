/* What may stand between a design and a family that is not at home with every distribution: dense
 * columns are made more even, products of two of them are added, and the logarithm of the target is
 * learned instead of the target. Each is a parameter of the family, so that a search tries it in
 * the folds like any other; what was learned from the training rows is saved with the model.
 *
 *   robust    the median becomes 0 and the distance of the quartiles 1.35, as of a normal column
 *   power     after that, Yeo and Johnson's power ("A new family of power transformations to
 *             improve normality or symmetry", Biometrika 87, 2000) with the likeliest exponent,
 *             standardised
 *   normal    by quantiles to a normal column
 *   uniform   by quantiles to a uniform one
 *
 * Columns of two values, and those that condense texts, stay as they are. Outside of what training
 * saw, the last two are constant, and the power is not followed further than TRANSFORMED_MOST.
 */
#ifndef MER_LEARN_ADAPT_H
#define MER_LEARN_ADAPT_H

#include "core/bundle.h"
#include "learn/design.h"
#include "learn/param.h"

/* The order is that of the parameters' choices. */
enum mer_transform {
    MER_TRANSFORM_NONE,
    MER_TRANSFORM_ROBUST,
    MER_TRANSFORM_POWER,
    MER_TRANSFORM_NORMAL,
    MER_TRANSFORM_UNIFORM,
    MER_TRANSFORM_COUNT
};
/* Predicted is the mean (by Duan's smearing: "Smearing estimate: a nonparametric retransformation
 * method", 1983) or the median of what the logarithm's errors leave open. */
enum mer_log_target { MER_LOG_TARGET_NONE, MER_LOG_TARGET_MEAN, MER_LOG_TARGET_MEDIAN };

enum {
    MER_REFERENCES_MAX = 1000, /* quantiles of a column */
    MER_PRODUCTS_MAX = 64
};

struct mer_adapt_options {
    enum mer_transform transform;
    size_t n_products;
    enum mer_log_target log_target;
};

/* The rows of a family's table of parameters, and what they are set to. */
extern const char *const MER_TRANSFORM_NAMES[];
extern const char *const MER_LOG_TARGET_NAMES[];
#define MER_PARAM_TRANSFORM                                                                        \
    {                                                                                              \
        .name = "transform", .type = MER_PARAM_CHOICE, .maximum = MER_TRANSFORM_COUNT - 1,         \
        .choices = MER_TRANSFORM_NAMES,                                                            \
        .help = "How columns of numbers are made more even before they are used."                  \
    }
#define MER_PARAM_PRODUCTS                                                                         \
    {                                                                                              \
        .name = "products", .type = MER_PARAM_INTEGER, .maximum = MER_PRODUCTS_MAX,                \
        .help =                                                                                    \
            "Products of two columns of numbers, or squares, that are added as columns: those "    \
            "that say most of what the columns alone leave open."                                  \
    }
#define MER_PARAM_LOG_TARGET                                                                       \
    {                                                                                              \
        .name = "log_target", .type = MER_PARAM_CHOICE, .maximum = MER_LOG_TARGET_MEDIAN,          \
        .choices = MER_LOG_TARGET_NAMES,                                                           \
        .help = "Learns the logarithm of a target that is never below zero, and predicts its "     \
                "mean or its median."                                                              \
    }

/* How one dense column is changed. */
struct mer_column_transform {
    bool is_used;
    double centre; /* (x - centre) / width, then the power, then (y - mean) / deviation */
    double width;  /* > 0 */
    double power;
    double mean;
    double deviation;         /* > 0 */
    const double *references; /* [n_references] of the adapter, rising */
};

struct mer_adapter {
    enum mer_transform transform;
    size_t n_dense; /* of the design that it takes */
    size_t n_condensed;
    struct mer_column_transform *columns; /* [n_dense - n_condensed]; NULL: no transform */
    size_t n_references;
    double *references;     /* [n_dense - n_condensed][n_references] */
    size_t n_products;      /* columns more, before the condensed ones */
    uint32_t *factors;      /* [n_products][2] */
    double *product_scales; /* [n_products][2]: mean and deviation */
    enum mer_log_target log_target;
    /* The logarithm of value / scale + shift lies in low .. high in training. */
    double target_scale;
    double target_shift;
    double target_low;
    double target_high;
    double smear; /* by which exponentials are too small on average */
};

/* Targets that span more than so many powers of e up or down have no logarithms here. */
#define MER_LOGARITHM_MOST 300

/* A design that was changed; `dense` is what it owns. */
struct mer_adapted {
    struct mer_design design;
    double *dense;
};

/* Learns from the training rows. MER_ERR_DATA: a target below zero has no logarithm, and one that
 * spans hundreds of orders none that could be followed. Release in any
 * case. */
MER_MUST_CHECK mer_status mer_adapter_learn(const struct mer_ctx *ctx,
                                            const struct mer_adapt_options *options,
                                            const struct mer_design *design,
                                            const struct mer_target *target,
                                            struct mer_adapter *ret_adapter, mer_err *err);
void mer_adapter_release(const struct mer_ctx *ctx, struct mer_adapter *adapter);

/* The shape that the family sees instead. */
struct mer_design mer_adapter_shape(const struct mer_adapter *adapter,
                                    const struct mer_design *shape);
/* The changed design, which borrows all else of the one given. */
MER_MUST_CHECK mer_status mer_adapter_apply(const struct mer_ctx *ctx,
                                            const struct mer_adapter *adapter,
                                            const struct mer_design *design,
                                            struct mer_adapted *ret_adapted, mer_err *err);
void mer_adapted_release(const struct mer_ctx *ctx, struct mer_adapted *adapted);

/* The logarithms of a target's values, [n_rows], from ctx->alloc; only with a log_target. */
MER_MUST_CHECK mer_status mer_adapter_logarithms(const struct mer_ctx *ctx,
                                                 const struct mer_adapter *adapter,
                                                 const double *values, size_t n_rows,
                                                 double **ret_logarithms, mer_err *err);
/* Learns the smearing from what the model says of the training rows, in logarithms. */
void mer_adapter_smear(struct mer_adapter *adapter, const double *predicted,
                       const double *logarithms, const double *weights, size_t n_rows);
/* Predicted logarithms become values, in place; without a log_target nothing happens. */
void mer_adapter_restore(const struct mer_adapter *adapter, double *predictions, size_t n_rows);

/* Arrays under `prefix`, none where nothing is changed; and the reverse, which checks all as
 * hostile. Release what was loaded in any case. */
MER_MUST_CHECK mer_status mer_adapter_save(const struct mer_adapter *adapter, const char *prefix,
                                           struct mer_bundle *bundle, mer_err *err);
MER_MUST_CHECK mer_status mer_adapter_load(const struct mer_ctx *ctx,
                                           const struct mer_bundle *bundle, const char *prefix,
                                           const struct mer_design *shape, enum mer_task task,
                                           struct mer_adapter *ret_adapter, mer_err *err);

/* For adapt*.c: learns, and applies, the transform of one column. `values` [n], in any order, is
 * reordered; `references` [n_references] is filled where quantiles are wanted. */
MER_MUST_CHECK mer_status mer_column_transform_learn(
    const struct mer_ctx *ctx, enum mer_transform transform, double *values, size_t n,
    double *references, size_t n_references, struct mer_column_transform *ret, mer_err *err);
double mer_column_transform_apply(enum mer_transform transform,
                                  const struct mer_column_transform *column, size_t n_references,
                                  double x);
/* For adapt*.c: the products to add; fills n_products, factors and product_scales. `dense` holds
 * transformed columns, the first n_usable of `stride`. */
MER_MUST_CHECK mer_status mer_adapter_find_products(
    const struct mer_ctx *ctx, const struct mer_design *design, const double *dense,
    const struct mer_target *target, size_t n_wanted, struct mer_adapter *adapter, mer_err *err);

#endif
