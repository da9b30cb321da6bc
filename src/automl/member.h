/* The models of a pipeline: one, or several whose predictions are averaged, in one layer or in two
 * (stack.h): those of the first layer stand before those of the second.
 */
#ifndef MER_AUTOML_MEMBER_H
#define MER_AUTOML_MEMBER_H

#include "automl/stack.h"
#include "learn/family.h"

struct mer_member {
    const struct mer_family *family;
    struct mer_params params;
    struct mer_model *model;
    /* Its share is this over the sum of all; at least 1, but for those of a first layer, which may
     * be there for the second alone. */
    uint32_t weight;
    bool is_second; /* it learns from what all of the first layer say, and from the design */
    struct mer_stack_scale scale; /* of one of the first, where there is a second */
};

/* More no model file may have. */
enum { MER_MEMBERS_MAX = 32, MER_WEIGHT_MAX = 1000 };

/* How many are of the first of two layers; 0: there is one layer. */
size_t mer_members_bases(const struct mer_member *members, size_t n_members);

/* Writes [n_rows][n_outputs] predictions for a design of the shape that the first layer was fitted
 * to: the models' mean by weight, summed in the order of the members. */
MER_MUST_CHECK mer_status mer_members_predict(const struct mer_ctx *ctx,
                                              const struct mer_member *members, size_t n_members,
                                              const struct mer_design *design, size_t n_outputs,
                                              double *predictions, mer_err *err);
/* Frees the models, not the array. */
void mer_members_release(const struct mer_ctx *ctx, struct mer_member *members, size_t n_members);

#endif
