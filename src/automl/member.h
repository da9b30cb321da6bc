/* The models of a pipeline: one, or several whose predictions are averaged.
 */
#ifndef MER_AUTOML_MEMBER_H
#define MER_AUTOML_MEMBER_H

#include "learn/family.h"

struct mer_member {
    const struct mer_family *family;
    struct mer_params params;
    struct mer_model *model;
    uint32_t weight; /* its share is this over the sum of all; at least 1 */
};

/* More no model file may have. */
enum { MER_MEMBERS_MAX = 32, MER_WEIGHT_MAX = 1000 };

/* Writes [n_rows][n_outputs] predictions for a design of the shape that was fitted: the models'
 * mean by weight, summed in the order of the members. */
MER_MUST_CHECK mer_status mer_members_predict(const struct mer_ctx *ctx,
                                              const struct mer_member *members, size_t n_members,
                                              const struct mer_design *design, size_t n_outputs,
                                              double *predictions, mer_err *err);
/* Frees the models, not the array. */
void mer_members_release(const struct mer_ctx *ctx, struct mer_member *members, size_t n_members);

#endif
