/* A family around a plain one, with a selection of features and an adapter between the design and
 * it. The parameters of the plain family may have "select" (select.h), "crossings" (crossings.h),
 * and "transform", "products" and "log_target" (adapt.h); without them, or where they say none, the
 * plain family does what it would do alone, to the byte. A fit that goes on from another keeps the
 * other's selection.
 */
#ifndef MER_LEARN_ADAPT_FAMILY_H
#define MER_LEARN_ADAPT_FAMILY_H

#include "learn/adapt.h"
#include "learn/crossings.h"
#include "learn/family.h"
#include "learn/select.h"

mer_status mer_adapted_check(const struct mer_family *plain, const struct mer_params *params,
                             enum mer_task task, mer_err *err);
void mer_adapted_settle(const struct mer_family *plain, struct mer_params *params,
                        const struct mer_design *shape);
uint64_t mer_adapted_cost(const struct mer_family *plain, const struct mer_params *params,
                          const struct mer_design *design, const struct mer_target *target);
mer_status mer_adapted_fit(const struct mer_family *plain, const struct mer_ctx *ctx,
                           const struct mer_params *params, const struct mer_fit_data *data,
                           struct mer_model **ret_model, mer_err *err);
mer_status mer_adapted_predict(const struct mer_family *plain, const struct mer_ctx *ctx,
                               const struct mer_model *model, const struct mer_design *design,
                               double *ret_predictions, mer_err *err);
size_t mer_adapted_n_rounds(const struct mer_family *plain, const struct mer_model *model);
mer_status mer_adapted_stages(const struct mer_family *plain, const struct mer_ctx *ctx,
                              const struct mer_model *model, const struct mer_design *design,
                              size_t n_stages, const uint32_t *rounds, double *ret_predictions,
                              mer_err *err);
const uint8_t *mer_adapted_kept(const struct mer_model *model);
mer_status mer_adapted_save(const struct mer_family *plain, const struct mer_model *model,
                            const char *prefix, struct mer_bundle *bundle,
                            struct mer_json_writer *writer, mer_err *err);
mer_status mer_adapted_load(const struct mer_family *plain, const struct mer_ctx *ctx,
                            const struct mer_bundle *bundle, const char *prefix,
                            const struct mer_json *object, enum mer_task task, size_t n_classes,
                            const struct mer_design *shape, struct mer_model **ret_model,
                            mer_err *err);
void mer_adapted_free(const struct mer_family *plain, const struct mer_ctx *ctx,
                      struct mer_model *model);

/* The functions of the table of a family around `plain`, a constant struct mer_family. */
#define MER_ADAPTED_FUNCTIONS(plain)                                                               \
    static mer_status adapted_check(const struct mer_params *params, enum mer_task task,           \
                                    mer_err *err)                                                  \
    {                                                                                              \
        return mer_adapted_check(&(plain), params, task, err);                                     \
    }                                                                                              \
    static void adapted_settle(struct mer_params *params, const struct mer_design *shape)          \
    {                                                                                              \
        mer_adapted_settle(&(plain), params, shape);                                               \
    }                                                                                              \
    static uint64_t adapted_cost(const struct mer_params *params, const struct mer_design *design, \
                                 const struct mer_target *target)                                  \
    {                                                                                              \
        return mer_adapted_cost(&(plain), params, design, target);                                 \
    }                                                                                              \
    static mer_status adapted_fit(const struct mer_ctx *ctx, const struct mer_params *params,      \
                                  const struct mer_fit_data *data, struct mer_model **ret_model,   \
                                  mer_err *err)                                                    \
    {                                                                                              \
        return mer_adapted_fit(&(plain), ctx, params, data, ret_model, err);                       \
    }                                                                                              \
    static mer_status adapted_predict(const struct mer_ctx *ctx, const struct mer_model *model,    \
                                      const struct mer_design *design, double *ret_predictions,    \
                                      mer_err *err)                                                \
    {                                                                                              \
        return mer_adapted_predict(&(plain), ctx, model, design, ret_predictions, err);            \
    }                                                                                              \
    static mer_status adapted_save(const struct mer_model *model, const char *prefix,              \
                                   struct mer_bundle *bundle, struct mer_json_writer *writer,      \
                                   mer_err *err)                                                   \
    {                                                                                              \
        return mer_adapted_save(&(plain), model, prefix, bundle, writer, err);                     \
    }                                                                                              \
    static mer_status adapted_load(                                                                \
        const struct mer_ctx *ctx, const struct mer_bundle *bundle, const char *prefix,            \
        const struct mer_json *object, enum mer_task task, size_t n_classes,                       \
        const struct mer_design *shape, struct mer_model **ret_model, mer_err *err)                \
    {                                                                                              \
        return mer_adapted_load(&(plain), ctx, bundle, prefix, object, task, n_classes, shape,     \
                                ret_model, err);                                                   \
    }                                                                                              \
    static void adapted_free(const struct mer_ctx *ctx, struct mer_model *model)                   \
    {                                                                                              \
        mer_adapted_free(&(plain), ctx, model);                                                    \
    }

/* The rest of the table. */
#define MER_ADAPTED_MEMBERS_BUT_FIT                                                                \
    .check = adapted_check, .settle = adapted_settle, .cost = adapted_cost,                        \
    .predict = adapted_predict, .save = adapted_save, .load = adapted_load, .free = adapted_free,  \
    .kept = mer_adapted_kept
#define MER_ADAPTED_MEMBERS .fit = adapted_fit, MER_ADAPTED_MEMBERS_BUT_FIT

#endif
