#include "automl/facts.h"

#include <math.h>
#include <string.h>

#include "automl/target.h"

/* What a model file tells as well: nothing of what was tried and not kept, and no curves. */
static struct mer_recalibration calibration_told(const struct mer_recalibration *calibration)
{
    const bool is_kept = calibration->method != MER_RECALIBRATION_NONE;
    return (struct mer_recalibration){
        .method = calibration->method,
        .temperature = calibration->temperature,
        .loss_before = is_kept ? calibration->loss_before : (double)NAN,
        .loss_after = is_kept ? calibration->loss_after : (double)NAN};
}

static struct mer_threshold threshold_told(const struct mer_threshold *threshold)
{
    if (threshold->value > 0)
        return *threshold;
    return (struct mer_threshold){.score_before = (double)NAN, .score_after = (double)NAN};
}

static bool has_kept(const uint8_t *kept, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++)
        if (kept[i])
            return true;
    return false;
}

/* Whether a member makes use of anything that a column became. */
static bool is_used(const struct mer_member *member, const struct mer_prepare_place *place,
                    size_t n_dense)
{
    const uint8_t *const kept = member->family->kept ? member->family->kept(member->model) : NULL;
    return !kept || place->n_condensed + place->n_sparse > 0 ||
           has_kept(kept, place->first_dense, place->n_dense) ||
           (place->group != SIZE_MAX && kept[n_dense + place->group]);
}

static void count_unused(const struct mer_pipeline *pipeline, size_t i,
                         struct mer_prepare_column *column)
{
    const struct mer_prepare_place place = mer_prepare_place(pipeline->prepare, i);
    struct mer_design shape;
    if (column->left_out != MER_LEFT_OUT_NOT)
        return;
    mer_prepare_shape(pipeline->prepare, &shape);
    for (size_t m = 0; m < pipeline->n_members; m++)
        column->n_unused += !is_used(&pipeline->members[m], &place, shape.n_dense);
}

mer_status mer_facts_of_pipeline(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                                 struct mer_facts *ret_facts, mer_err *err)
{
    const size_t n_columns = mer_prepare_n_columns(pipeline->prepare);
    struct mer_prepare_column *columns;
    struct mer_facts facts = {
        .fields = pipeline->schema.fields,
        .n_fields = pipeline->schema.n_fields,
        .missing_values = pipeline->schema.missing_values,
        .n_missing_values = pipeline->schema.n_missing_values,
        .target = pipeline->target,
        .task = pipeline->task,
        .n_classes = pipeline->task == MER_TASK_REGRESSION ? 0 : pipeline->n_classes,
        .labels = pipeline->labels,
        .members = pipeline->members,
        .n_members = pipeline->n_members,
        .score = pipeline->n_members > 1   ? pipeline->score
                 : pipeline->n_trials == 0 ? NAN
                                           : pipeline->trials[0].score,
        .metric = pipeline->metric,
        .reported = pipeline->reported,
        .seed = pipeline->seed,
        .units = pipeline->units,
        .n_layers = pipeline->n_layers,
        .validation = pipeline->validation,
        .n_train_rows = pipeline->n_train_rows,
        .trials = pipeline->trials,
        .n_trials = pipeline->n_trials,
        .quantiles = pipeline->quantiles,
        .n_quantiles = pipeline->n_quantiles,
        .conformal = pipeline->conformal,
    };

    facts.recalibration = calibration_told(&pipeline->recalibration);
    facts.threshold = threshold_told(&pipeline->threshold);
    mer_arena_init(&facts.arena, ctx->alloc);
    const mer_status status =
        mer_arena_zero(&facts.arena, n_columns, sizeof(*columns), &columns, err);
    if (!mer_is_ok(status)) {
        mer_arena_release(&facts.arena);
        return status;
    }
    for (size_t i = 0; i < facts.n_fields; i++)
        if (strcmp(facts.fields[i].name, pipeline->target) == 0) {
            facts.target = facts.fields[i].name;
            break;
        }
    for (size_t i = 0; i < n_columns; i++) {
        mer_prepare_describe(pipeline->prepare, i, &columns[i]);
        count_unused(pipeline, i, &columns[i]);
    }
    facts.columns = columns;
    *ret_facts = facts;
    return mer_ok();
}

const char *mer_facts_family(const struct mer_facts *facts)
{
    return facts->n_members > 1 ? "ensemble" : facts->members[0].family->name;
}

const char *mer_facts_title(const struct mer_facts *facts)
{
    return facts->n_members > 1 ? "Weighted mean of several models"
                                : facts->members[0].family->title;
}

const struct mer_family *mer_facts_row_keeper(const struct mer_facts *facts)
{
    for (size_t i = 0; i < facts->n_members; i++)
        if (facts->members[i].family->capabilities & MER_KEEPS_ROWS)
            return facts->members[i].family;
    return NULL;
}

void mer_facts_release(struct mer_facts *facts)
{
    if (facts->arena.alloc)
        mer_arena_release(&facts->arena);
    *facts = (struct mer_facts){.fields = NULL};
}

mer_status mer_facts_truth(const struct mer_ctx *ctx, const struct mer_facts *facts,
                           const struct mer_frame *frame, double **ret_values,
                           int32_t **ret_classes, mer_err *err)
{
    double *values = NULL;
    int32_t *classes = NULL;
    size_t column;

    MER_GUARD(mer_frame_want(frame, facts->target, &column, err));
    if (facts->task == MER_TASK_REGRESSION)
        MER_GUARD(mer_target_read_values(ctx, frame, column, &values, err));
    else
        MER_GUARD(mer_target_read_classes(ctx, frame, column, facts->labels, facts->n_classes,
                                          &classes, err));
    *ret_values = values;
    *ret_classes = classes;
    return mer_ok();
}
