/* k nearest neighbours, exact: the distance of a row to all rows that were learned from, a block
 * against a block.
 *
 * The squared distance is that of the standardised numbers, clipped, plus one for every category
 * that differs. A model of this family holds the rows themselves, so a search never tries it by
 * itself (MER_KEEPS_ROWS).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/sort.h"
#include "core/team.h"
#include "learn/family.h"
#include "learn/linear_kernels.h"
#include "learn/saved.h"

enum { QUERY_ROWS = 32, LEARNED_ROWS = 64, NEIGHBOURS_MAX = 1000 };

#define CLIP 8.0

struct mer_model {
    enum mer_task task;
    size_t n_classes;
    size_t n_rows;
    size_t n_dense;
    size_t n_padded; /* n_dense in whole lanes */
    size_t n_groups;
    size_t n_neighbours; /* at most n_rows */
    bool by_distance;
    double *dense;    /* [n_rows][n_padded] */
    double *norms;    /* [n_rows] squared lengths of these */
    int32_t *codes;   /* [n_rows][n_groups] */
    double *values;   /* regression: [n_rows] */
    int32_t *classes; /* classification: [n_rows] */
    double *weights;  /* [n_rows] */
    double *prior;    /* [n_outputs] the shares of the classes, or the mean */
};

enum { PARAM_N_NEIGHBORS, PARAM_WEIGHTS, N_PARAMS };
enum { WEIGHTS_UNIFORM, WEIGHTS_DISTANCE };

static const char *const WEIGHTS[] = {"uniform", "distance", NULL};
static const char *const N_NEIGHBORS_ALIASES[] = {"k", "n_neighbours", NULL};

static const struct mer_param_spec PARAMS[N_PARAMS] = {
    [PARAM_N_NEIGHBORS] = {.name = "n_neighbors",
                           .type = MER_PARAM_INTEGER,
                           .minimum = 1,
                           .maximum = NEIGHBOURS_MAX,
                           .preset = 15,
                           .log_scale = true,
                           .help = "Rows whose targets are averaged.",
                           .aliases = N_NEIGHBORS_ALIASES},
    [PARAM_WEIGHTS] = {.name = "weights",
                       .type = MER_PARAM_CHOICE,
                       .minimum = WEIGHTS_UNIFORM,
                       .maximum = WEIGHTS_DISTANCE,
                       .preset = WEIGHTS_DISTANCE,
                       .choices = WEIGHTS,
                       .help = "All neighbours count alike, or by one over their distance."},
};

/* Nearly all of it is what predicting costs, for a quarter as many rows as were learned from. */
static uint64_t cost(const struct mer_params *params, const struct mer_design *design,
                     const struct mer_target *target)
{
    static const double KERNEL_NS = 0.1, GROUP_NS = 0.7, PAIR_NS = 2;
    const double rows = (double)design->n_rows;
    (void)params;
    (void)target;
    return 1 + (uint64_t)(rows * rows / 4 *
                          ((double)mer_lanes_pad(design->n_dense) * KERNEL_NS +
                           (double)design->n_groups * GROUP_NS + PAIR_NS) /
                          1000);
}

static void free_model(const struct mer_ctx *ctx, struct mer_model *model)
{
    if (!model)
        return;
    mer_free(ctx->alloc, model->dense);
    mer_free(ctx->alloc, model->norms);
    mer_free(ctx->alloc, model->codes);
    mer_free(ctx->alloc, model->values);
    mer_free(ctx->alloc, model->classes);
    mer_free(ctx->alloc, model->weights);
    mer_free(ctx->alloc, model->prior);
    mer_free(ctx->alloc, model);
}

static size_t n_outputs_of(const struct mer_model *model)
{
    return mer_target_outputs(model->task, model->n_classes);
}

/* Room for a model of its shape. */
static mer_status allocate(const struct mer_ctx *ctx, struct mer_model *model, mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    const size_t n = model->n_rows;
    const bool is_number = model->task == MER_TASK_REGRESSION;
    size_t n_numbers, n_codes;
    model->n_padded = mer_lanes_pad(model->n_dense);
    if (!mer_size_mul(n, model->n_padded, &n_numbers) ||
        !mer_size_mul(n, model->n_groups, &n_codes))
        return mer_fail(err, MER_ERR_DATA, "the table is too large for nearest neighbours");
    MER_GUARD(mer_alloc_array(alloc, n_numbers, sizeof(double), &model->dense, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &model->norms, err));
    MER_GUARD(mer_alloc_array(alloc, n_codes, sizeof(int32_t), &model->codes, err));
    MER_GUARD(mer_alloc_array(alloc, is_number ? n : 0, sizeof(double), &model->values, err));
    MER_GUARD(mer_alloc_array(alloc, is_number ? 0 : n, sizeof(int32_t), &model->classes, err));
    MER_GUARD(mer_alloc_array(alloc, n, sizeof(double), &model->weights, err));
    return mer_alloc_zero(alloc, n_outputs_of(model), sizeof(double), &model->prior, err);
}

/* A row's numbers, clipped, and the square of their length. */
static double take_dense(const double *from, size_t n, size_t n_padded, double *to)
{
    double squares = 0;
    for (size_t j = 0; j < n; j++) {
        to[j] = from[j] > CLIP ? CLIP : from[j] < -CLIP ? -CLIP : from[j];
        squares += to[j] * to[j];
    }
    for (size_t j = n; j < n_padded; j++)
        to[j] = 0;
    return squares;
}

static mer_status learn_prior(struct mer_model *model, mer_err *err)
{
    double total = 0;
    for (size_t row = 0; row < model->n_rows; row++) {
        total += model->weights[row];
        if (model->task == MER_TASK_REGRESSION)
            model->prior[0] += model->weights[row] * model->values[row];
        else
            model->prior[model->classes[row]] += model->weights[row];
    }
    if (!(total > 0 && isfinite(total)))
        return mer_fail(err, MER_ERR_DATA,
                        "the weights of the rows have no finite sum above zero to learn from");
    for (size_t k = 0; k < n_outputs_of(model); k++)
        model->prior[k] /= total;
    return mer_ok();
}

static mer_status learn(const struct mer_ctx *ctx, const struct mer_fit_data *data,
                        struct mer_model *model, mer_err *err)
{
    const struct mer_design *design = data->design;
    const struct mer_target *target = data->target;
    MER_GUARD(allocate(ctx, model, err));
    for (size_t row = 0; row < model->n_rows; row++) {
        model->norms[row] = take_dense(design->dense + row * design->n_dense, design->n_dense,
                                       model->n_padded, model->dense + row * model->n_padded);
        model->weights[row] = target->weights ? target->weights[row] : 1.0;
        if (model->task == MER_TASK_REGRESSION)
            model->values[row] = target->values[row];
        else
            model->classes[row] = target->classes[row];
    }
    if (model->n_groups > 0)
        memcpy(model->codes, design->codes, model->n_rows * model->n_groups * sizeof(int32_t));
    return learn_prior(model, err);
}

static mer_status fit(const struct mer_ctx *ctx, const struct mer_params *params,
                      const struct mer_fit_data *data, struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    const size_t n_rows = data->design->n_rows;
    const size_t n_wanted = (size_t)params->values[PARAM_N_NEIGHBORS];
    if (n_rows == 0 || n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu rows cannot be neighbours", n_rows);
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    *model = (struct mer_model){.task = data->target->task,
                                .n_classes = data->target->n_classes,
                                .n_rows = n_rows,
                                .n_dense = data->design->n_dense,
                                .n_groups = data->design->n_groups,
                                .n_neighbours = n_wanted < n_rows ? n_wanted : n_rows,
                                .by_distance = params->values[PARAM_WEIGHTS] == WEIGHTS_DISTANCE};
    const mer_status status = learn(ctx, data, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

/* ---- predicting ---- */

struct neighbour {
    double distance; /* squared */
    uint32_t row;
};

static bool is_farther(struct neighbour a, struct neighbour b)
{
    return a.distance > b.distance || (a.distance == b.distance && a.row > b.row);
}

/* Replaces the farthest of a heap, whose root it is, by a nearer one. */
static void replace_farthest(struct neighbour *heap, size_t n, struct neighbour nearer)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && is_farther(heap[child + 1], heap[child]))
            child++;
        if (!is_farther(heap[child], nearer))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = nearer;
}

struct prediction {
    const struct mer_linear_kernels *kernels;
    const struct mer_model *model;
    const struct mer_design *design;
    double *dense;           /* [team][QUERY_ROWS][n_padded] */
    struct neighbour *heaps; /* [team][QUERY_ROWS][n_neighbours] */
    double *outputs;
};

static size_t count_different(const int32_t *a, const int32_t *b, size_t n)
{
    size_t n_different = 0;
    for (size_t g = 0; g < n; g++)
        n_different += a[g] != b[g];
    return n_different;
}

/* Offers a block of learned rows to all queries of a block. */
static void offer_block(const struct prediction *prediction, const double *dense,
                        const double *norms, size_t first_query, size_t n_queries, size_t first,
                        struct neighbour *heaps)
{
    const struct mer_model *model = prediction->model;
    const size_t left = model->n_rows - first, n_groups = model->n_groups;
    const size_t n_rows = left < LEARNED_ROWS ? left : LEARNED_ROWS;
    double products[QUERY_ROWS * LEARNED_ROWS];
    prediction->kernels->dot(dense, model->n_padded, n_queries,
                             model->dense + first * model->n_padded, model->n_padded, n_rows,
                             model->n_padded, products, LEARNED_ROWS);
    for (size_t q = 0; q < n_queries; q++) {
        struct neighbour *const heap = heaps + q * model->n_neighbours;
        for (size_t r = 0; r < n_rows; r++) {
            const size_t row = first + r;
            double distance = norms[q] + model->norms[row] - 2 * products[q * LEARNED_ROWS + r];
            distance = distance > 0 ? distance : 0;
            if (distance > heap[0].distance)
                continue;
            if (n_groups > 0)
                distance += (double)count_different(prediction->design->codes +
                                                        (first_query + q) * n_groups,
                                                    model->codes + row * n_groups, n_groups);
            const struct neighbour offered = {distance, (uint32_t)row};
            if (is_farther(heap[0], offered))
                replace_farthest(heap, model->n_neighbours, offered);
        }
    }
}

static int by_distance(const void *a, const void *b)
{
    const struct neighbour *const x = a, *const y = b;
    return is_farther(*x, *y) ? 1 : is_farther(*y, *x) ? -1 : 0;
}

/* What the neighbours say, nearest first; the prior counts for one of them to classes. */
static void average(const struct mer_model *model, struct neighbour *heap, double *outputs)
{
    const size_t n_outputs = n_outputs_of(model), n = model->n_neighbours;
    const bool is_number = model->task == MER_TASK_REGRESSION;
    double total = 0, mean_weight = 1;
    mer_sort(heap, n, sizeof *heap, by_distance);
    memset(outputs, 0, n_outputs * sizeof *outputs);
    for (size_t i = 0; i < n; i++) {
        const size_t row = heap[i].row;
        const double nearness = model->by_distance ? 1 / (sqrt(heap[i].distance) + 1e-3) : 1;
        const double weight = nearness * model->weights[row];
        total += weight;
        outputs[is_number ? 0 : (size_t)model->classes[row]] +=
            weight * (is_number ? model->values[row] : 1);
    }
    if (!(total > 0)) { /* weights of zero alone */
        memcpy(outputs, model->prior, n_outputs * sizeof *outputs);
        return;
    }
    mean_weight = is_number ? 0 : total / (double)n;
    for (size_t k = 0; k < n_outputs; k++)
        outputs[k] = (outputs[k] + mean_weight * model->prior[k]) / (total + mean_weight);
}

static void predict_block(void *argument, size_t task, size_t worker)
{
    const struct prediction *prediction = argument;
    const struct mer_model *model = prediction->model;
    const struct mer_design *design = prediction->design;
    const size_t first = task * QUERY_ROWS, left = design->n_rows - first;
    const size_t n_queries = left < QUERY_ROWS ? left : QUERY_ROWS;
    double *const dense = prediction->dense + worker * QUERY_ROWS * model->n_padded;
    struct neighbour *const heaps = prediction->heaps + worker * QUERY_ROWS * model->n_neighbours;
    double norms[QUERY_ROWS];

    for (size_t q = 0; q < n_queries; q++)
        norms[q] = take_dense(design->dense + (first + q) * model->n_dense, model->n_dense,
                              model->n_padded, dense + q * model->n_padded);
    for (size_t i = 0; i < n_queries * model->n_neighbours; i++)
        heaps[i] = (struct neighbour){INFINITY, UINT32_MAX};
    for (size_t row = 0; row < model->n_rows; row += LEARNED_ROWS)
        offer_block(prediction, dense, norms, first, n_queries, row, heaps);
    for (size_t q = 0; q < n_queries; q++)
        average(model, heaps + q * model->n_neighbours,
                prediction->outputs + (first + q) * n_outputs_of(model));
}

static mer_status predict(const struct mer_ctx *ctx, const struct mer_model *model,
                          const struct mer_design *design, double *ret_predictions, mer_err *err)
{
    enum { BLOCKS_A_TURN = 64 }; /* between looks at the clock */
    const size_t n_team = mer_team_size(ctx->team);
    struct prediction prediction = {
        .kernels = mer_linear_kernels(ctx->cpu), .model = model, .outputs = ret_predictions};
    struct mer_design part = *design;
    mer_status status;
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_team,
                                   QUERY_ROWS * model->n_padded * sizeof(double), &prediction.dense,
                                   err),
                   done);
    MER_GUARD_GOTO(mer_alloc_array(ctx->alloc, n_team,
                                   QUERY_ROWS * model->n_neighbours * sizeof(struct neighbour),
                                   &prediction.heaps, err),
                   done);
    prediction.design = &part;
    for (size_t first = 0; first < design->n_rows; first += part.n_rows) {
        const size_t left = design->n_rows - first;
        part.n_rows = left < QUERY_ROWS * BLOCKS_A_TURN ? left : QUERY_ROWS * BLOCKS_A_TURN;
        part.dense = design->n_dense ? design->dense + first * design->n_dense : NULL;
        part.codes = design->n_groups ? design->codes + first * design->n_groups : NULL;
        prediction.outputs = ret_predictions + first * n_outputs_of(model);
        MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), done);
        mer_team_run(ctx->team, predict_block, &prediction,
                     (part.n_rows + QUERY_ROWS - 1) / QUERY_ROWS);
    }
done:
    mer_free(ctx->alloc, prediction.dense);
    mer_free(ctx->alloc, prediction.heaps);
    return status;
}

/* ---- saving and loading ---- */

static mer_status save(const struct mer_model *model, const char *prefix, struct mer_bundle *bundle,
                       struct mer_json_writer *writer, mer_err *err)
{
    const size_t dense_shape[] = {model->n_rows, model->n_padded};
    const size_t codes_shape[] = {model->n_rows, model->n_groups};
    mer_json_key(writer, "neighbours");
    mer_json_put_unsigned(writer, model->n_neighbours);
    mer_json_key(writer, "by_distance");
    mer_json_put_boolean(writer, model->by_distance);
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "dense").text, MER_DTYPE_F64, 2,
                             dense_shape, model->dense, true, err));
    MER_GUARD(mer_bundle_add(bundle, mer_array_name(prefix, "codes").text, MER_DTYPE_I32, 2,
                             codes_shape, model->codes, true, err));
    MER_GUARD(mer_bundle_add_vector(bundle, mer_array_name(prefix, "weights").text, MER_DTYPE_F64,
                                    model->n_rows, model->weights, err));
    if (model->task == MER_TASK_REGRESSION)
        return mer_bundle_add_vector(bundle, mer_array_name(prefix, "values").text, MER_DTYPE_F64,
                                     model->n_rows, model->values, err);
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "classes").text, MER_DTYPE_I32,
                                 model->n_rows, model->classes, err);
}

/* Copies a matrix of the saved form. */
static mer_status load_array(const struct mer_bundle *bundle, const char *prefix, const char *name,
                             enum mer_dtype dtype, size_t n_dims, size_t n_rows, size_t n_columns,
                             void *to, mer_err *err)
{
    const struct mer_array_name full = mer_array_name(prefix, name);
    const struct mer_array *array = NULL;
    MER_GUARD(mer_bundle_get(bundle, full.text, dtype, n_dims, &array, err));
    if (array->shape[0] != n_rows || (n_dims == 2 && array->shape[1] != n_columns))
        return mer_fail(err, MER_ERR_DATA, "array %s has not the shape of the others", full.text);
    if (array->n_bytes > 0)
        memcpy(to, array->data, array->n_bytes);
    return mer_ok();
}

/* What was loaded, looked at as a stranger's. */
static mer_status check_loaded(struct mer_model *model, mer_err *err)
{
    for (size_t row = 0; row < model->n_rows; row++) {
        double *const dense = model->dense + row * model->n_padded;
        bool fits = model->weights[row] >= 0 && isfinite(model->weights[row]);
        for (size_t j = 0; j < model->n_padded; j++)
            fits &= fabs(dense[j]) <= (j < model->n_dense ? CLIP : 0);
        if (model->task == MER_TASK_REGRESSION)
            fits &= isfinite(model->values[row]) != 0;
        else
            fits &= model->classes[row] >= 0 && (size_t)model->classes[row] < model->n_classes;
        if (!fits)
            return mer_fail(err, MER_ERR_DATA, "row %zu of the nearest neighbours is broken",
                            row + 1);
        model->norms[row] = take_dense(dense, model->n_dense, model->n_padded, dense);
    }
    return learn_prior(model, err);
}

static mer_status load_into(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                            const char *prefix, const struct mer_json *object,
                            struct mer_model *model, mer_err *err)
{
    const struct mer_array *weights = NULL;
    int64_t n_neighbours;
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "weights").text, MER_DTYPE_F64, 1,
                             &weights, err));
    model->n_rows = weights->shape[0];
    if (model->n_rows == 0 || model->n_rows > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "the model has no neighbours, or too many");
    const size_t n_most = model->n_rows < NEIGHBOURS_MAX ? model->n_rows : NEIGHBOURS_MAX;
    MER_GUARD(mer_json_want_integer(object, "neighbours", 1, (int64_t)n_most, "the model",
                                    &n_neighbours, err));
    model->n_neighbours = (size_t)n_neighbours;
    if (!mer_json_boolean(mer_json_get(object, "by_distance"), &model->by_distance))
        return mer_fail(err, MER_ERR_DATA, "the model does not say how its neighbours count");
    /* Nothing is allocated that the file does not hold. */
    const struct mer_array *dense = NULL, *codes = NULL;
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "dense").text, MER_DTYPE_F64, 2, &dense,
                             err));
    MER_GUARD(mer_bundle_get(bundle, mer_array_name(prefix, "codes").text, MER_DTYPE_I32, 2, &codes,
                             err));
    if (dense->shape[1] != mer_lanes_pad(model->n_dense) || codes->shape[1] != model->n_groups)
        return mer_fail(err, MER_ERR_DATA, "the nearest neighbours have not the table's columns");
    MER_GUARD(allocate(ctx, model, err));
    const size_t n = model->n_rows;
    MER_GUARD(load_array(bundle, prefix, "dense", MER_DTYPE_F64, 2, n, model->n_padded,
                         model->dense, err));
    MER_GUARD(load_array(bundle, prefix, "codes", MER_DTYPE_I32, 2, n, model->n_groups,
                         model->codes, err));
    MER_GUARD(load_array(bundle, prefix, "weights", MER_DTYPE_F64, 1, n, 0, model->weights, err));
    if (model->task == MER_TASK_REGRESSION)
        MER_GUARD(load_array(bundle, prefix, "values", MER_DTYPE_F64, 1, n, 0, model->values, err));
    else
        MER_GUARD(
            load_array(bundle, prefix, "classes", MER_DTYPE_I32, 1, n, 0, model->classes, err));
    return check_loaded(model, err);
}

static mer_status load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                       const char *prefix, const struct mer_json *object, enum mer_task task,
                       size_t n_classes, const struct mer_design *shape,
                       struct mer_model **ret_model, mer_err *err)
{
    struct mer_model *model = NULL;
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *model, &model, err));
    *model = (struct mer_model){.task = task,
                                .n_classes = task == MER_TASK_REGRESSION ? 0 : n_classes,
                                .n_dense = shape->n_dense,
                                .n_groups = shape->n_groups};
    const mer_status status = load_into(ctx, bundle, prefix, object, model, err);
    if (!mer_is_ok(status)) {
        free_model(ctx, model);
        return status;
    }
    *ret_model = model;
    return mer_ok();
}

const struct mer_family MER_FAMILY_KNN = {
    .name = "knn",
    .title = "k nearest neighbours",
    .capabilities = MER_CAN_REGRESSION | MER_CAN_BINARY | MER_CAN_MULTICLASS | MER_CAN_WEIGHTS |
                    MER_WANTS_SCALED | MER_BY_NAME | MER_KEEPS_ROWS,
    .params = PARAMS,
    .n_params = N_PARAMS,
    .cost = cost,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free = free_model,
};
