#include "learn/crossings.h"

#include <math.h>
#include <string.h>

#include "core/sort.h"
#include "learn/ranked_pair.h"
#include "learn/saved.h"

enum {
    GROUPS_MAX = 24, /* the first so many that can be crossed */
    PAIRS_MAX = GROUPS_MAX * (GROUPS_MAX - 1) / 2,
    TARGETS_MAX = 4, /* classes that are looked at, the first */
    ROWS_MAX = 20000,
    FITS = 3, /* turns in which both categories' own shares are taken off */
    ROW_NS = 60
};

/* Means of cells are drawn to zero as if so many rows more had it. */
static const double SMOOTHING = 10;
/* Deviations of what noise would explain that a pair has to explain more. */
static const double DEVIATIONS_MIN = 4;

void mer_crossings_release(const struct mer_ctx *ctx, struct mer_crossings *crossings)
{
    mer_free(ctx->alloc, crossings->pairs);
    mer_free(ctx->alloc, crossings->group_start);
    *crossings = (struct mer_crossings){0};
}

void mer_crossed_release(const struct mer_ctx *ctx, struct mer_crossed *crossed)
{
    mer_free(ctx->alloc, crossed->codes);
    *crossed = (struct mer_crossed){0};
}

static uint32_t width_of(const struct mer_design *design, size_t g)
{
    return design->group_start[g + 1] - design->group_start[g];
}

static bool can_cross(const struct mer_design *design, size_t a, size_t b)
{
    return (uint64_t)width_of(design, a) * width_of(design, b) <= MER_CROSSING_LEVELS_MAX;
}

uint64_t mer_crossings_cost(const struct mer_design *design)
{
    const double n_groups = fmin((double)design->n_groups, GROUPS_MAX);
    const double n_rows = fmin((double)design->n_rows, ROWS_MAX);
    return (uint64_t)(n_groups * (n_groups - 1) / 2 * n_rows * ROW_NS / 1000);
}

/* Where each crossing begins, behind the groups. */
static mer_status start_groups(const struct mer_ctx *ctx, const struct mer_design *shape,
                               struct mer_crossings *crossings, mer_err *err)
{
    crossings->n_groups = shape->n_groups;
    MER_GUARD(mer_alloc_array(ctx->alloc, shape->n_groups + crossings->n + 1, sizeof(uint32_t),
                              &crossings->group_start, err));
    memcpy(crossings->group_start, shape->group_start,
           (shape->n_groups + 1) * sizeof *crossings->group_start);
    for (size_t i = 0; i < crossings->n; i++)
        crossings->group_start[shape->n_groups + i + 1] =
            crossings->group_start[shape->n_groups + i] +
            width_of(shape, crossings->pairs[2 * i]) * width_of(shape, crossings->pairs[2 * i + 1]);
    return mer_ok();
}

/* ---- learning ---- */

struct cell {
    double sum;
    double n;
};

struct learning {
    const struct mer_design *design;
    const struct mer_target *target;
    size_t step; /* every step-th row */
    size_t n_rows;
    double *rest; /* [n_rows]: of one target, what is left to explain */
    int32_t *a;   /* [n_rows]: codes */
    int32_t *b;
    struct cell cells[MER_CROSSING_LEVELS_MAX];
};

static void set_rest(struct learning *learning, size_t t)
{
    const struct mer_target *target = learning->target;
    const int32_t class = target->task == MER_TASK_BINARY ? 1 : (int32_t)t;
    double sum = 0;
    for (size_t i = 0; i < learning->n_rows; i++) {
        const size_t row = i * learning->step;
        learning->rest[i] = target->task == MER_TASK_REGRESSION ? target->values[row]
                                                                : target->classes[row] == class;
        sum += learning->rest[i];
    }
    for (size_t i = 0; i < learning->n_rows; i++)
        learning->rest[i] -= sum / (double)learning->n_rows;
}

/* Takes off what the levels of one category explain. */
static void take_off(struct learning *learning, const int32_t *codes, size_t width)
{
    memset(learning->cells, 0, width * sizeof *learning->cells);
    for (size_t i = 0; i < learning->n_rows; i++) {
        if (codes[i] < 0)
            continue;
        learning->cells[codes[i]].sum += learning->rest[i];
        learning->cells[codes[i]].n++;
    }
    for (size_t i = 0; i < learning->n_rows; i++)
        if (codes[i] >= 0)
            learning->rest[i] -= learning->cells[codes[i]].sum / learning->cells[codes[i]].n;
}

/* By how many deviations of noise the cells of a pair explain more of the rest than noise would. */
static double gain_of(struct learning *learning, size_t width_a, size_t width_b)
{
    double squares = 0, explained = 0, expected = 0;
    for (size_t turn = 0; turn < FITS; turn++) {
        take_off(learning, learning->a, width_a);
        take_off(learning, learning->b, width_b);
    }
    memset(learning->cells, 0, width_a * width_b * sizeof *learning->cells);
    for (size_t i = 0; i < learning->n_rows; i++) {
        squares += learning->rest[i] * learning->rest[i];
        if (learning->a[i] < 0 || learning->b[i] < 0)
            continue;
        struct cell *cell =
            &learning->cells[(size_t)learning->a[i] * width_b + (size_t)learning->b[i]];
        cell->sum += learning->rest[i];
        cell->n++;
    }
    if (!(squares > 0))
        return 0;
    for (size_t c = 0; c < width_a * width_b; c++) {
        explained +=
            learning->cells[c].sum * learning->cells[c].sum / (learning->cells[c].n + SMOOTHING);
        expected += learning->cells[c].n / (learning->cells[c].n + SMOOTHING);
    }
    explained *= (double)learning->n_rows / squares;
    return (explained - expected) / sqrt(2 * fmax(expected, 1));
}

static double gain_of_pair(struct learning *learning, size_t a, size_t b)
{
    const struct mer_design *design = learning->design;
    const size_t n_classes = learning->target->n_classes;
    const size_t n_targets = learning->target->task != MER_TASK_MULTICLASS ? 1
                             : n_classes < TARGETS_MAX                     ? n_classes
                                                                           : TARGETS_MAX;
    double best = 0;
    for (size_t i = 0; i < learning->n_rows; i++) {
        const int32_t *codes = design->codes + i * learning->step * design->n_groups;
        learning->a[i] = codes[a];
        learning->b[i] = codes[b];
    }
    for (size_t t = 0; t < n_targets; t++) {
        set_rest(learning, t);
        best = fmax(best, gain_of(learning, width_of(design, a), width_of(design, b)));
    }
    return best;
}

static mer_status rank_pairs(const struct mer_ctx *ctx, struct learning *learning,
                             struct mer_ranked_pair ranked[PAIRS_MAX], size_t *ret_n, mer_err *err)
{
    const struct mer_design *design = learning->design;
    const size_t n_groups = design->n_groups < GROUPS_MAX ? design->n_groups : GROUPS_MAX;
    size_t n = 0;
    for (uint32_t a = 0; a < n_groups; a++) {
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        for (uint32_t b = a + 1; b < n_groups; b++)
            if (can_cross(design, a, b))
                ranked[n++] =
                    (struct mer_ranked_pair){.gain = gain_of_pair(learning, a, b), .a = a, .b = b};
    }
    mer_sort(ranked, n, sizeof *ranked, mer_compare_pairs);
    *ret_n = n;
    return mer_ok();
}

static mer_status find_pairs(const struct mer_ctx *ctx, struct learning *learning, size_t n_wanted,
                             struct mer_crossings *crossings, mer_err *err)
{
    struct mer_ranked_pair ranked[PAIRS_MAX];
    size_t n = 0, n_kept = 0;
    MER_GUARD(rank_pairs(ctx, learning, ranked, &n, err));
    while (n_kept < n && n_kept < n_wanted && ranked[n_kept].gain >= DEVIATIONS_MIN)
        n_kept++;
    if (n_kept == 0)
        return mer_ok();
    MER_GUARD(
        mer_alloc_array(ctx->alloc, 2 * n_kept, sizeof *crossings->pairs, &crossings->pairs, err));
    for (size_t i = 0; i < n_kept; i++) {
        crossings->pairs[2 * i] = ranked[i].a;
        crossings->pairs[2 * i + 1] = ranked[i].b;
    }
    crossings->n = n_kept;
    return start_groups(ctx, learning->design, crossings, err);
}

mer_status mer_crossings_learn(const struct mer_ctx *ctx, const struct mer_design *design,
                               const struct mer_target *target, size_t n_rows, size_t n_wanted,
                               struct mer_crossings *ret_crossings, mer_err *err)
{
    struct learning *learning = NULL;
    mer_status status;
    *ret_crossings = (struct mer_crossings){0};
    if (n_rows == 0 || design->n_groups < 2)
        return mer_ok();
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof *learning, &learning, err));
    learning->design = design;
    learning->target = target;
    learning->step = (n_rows + ROWS_MAX - 1) / ROWS_MAX;
    learning->n_rows = (n_rows + learning->step - 1) / learning->step;
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, learning->n_rows, sizeof(double), &learning->rest, err), done);
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, learning->n_rows, sizeof(int32_t), &learning->a, err), done);
    MER_GUARD_GOTO(
        mer_alloc_array(ctx->alloc, learning->n_rows, sizeof(int32_t), &learning->b, err), done);
    status = find_pairs(ctx, learning, n_wanted, ret_crossings, err);
    if (!mer_is_ok(status))
        mer_crossings_release(ctx, ret_crossings);
done:
    mer_free(ctx->alloc, learning->rest);
    mer_free(ctx->alloc, learning->a);
    mer_free(ctx->alloc, learning->b);
    mer_free(ctx->alloc, learning);
    return status;
}

mer_status mer_crossings_copy(const struct mer_ctx *ctx, const struct mer_crossings *from,
                              const struct mer_design *shape, struct mer_crossings *ret_crossings,
                              mer_err *err)
{
    *ret_crossings = (struct mer_crossings){0};
    if (!from->pairs)
        return mer_ok();
    if (from->n_groups != shape->n_groups)
        return mer_fail(err, MER_ERR_DATA, "the model to go on from was fitted for other features");
    MER_GUARD(
        mer_alloc_array(ctx->alloc, 2 * from->n, sizeof *from->pairs, &ret_crossings->pairs, err));
    memcpy(ret_crossings->pairs, from->pairs, 2 * from->n * sizeof *from->pairs);
    ret_crossings->n = from->n;
    return start_groups(ctx, shape, ret_crossings, err);
}

/* ---- designs ---- */

struct mer_design mer_crossings_shape(const struct mer_crossings *crossings,
                                      const struct mer_design *shape)
{
    struct mer_design crossed = *shape;
    if (!crossings->pairs)
        return crossed;
    crossed.n_groups = crossings->n_groups + crossings->n;
    crossed.group_start = crossings->group_start;
    return crossed;
}

mer_status mer_crossings_apply(const struct mer_ctx *ctx, const struct mer_crossings *crossings,
                               const struct mer_design *design, struct mer_crossed *ret_crossed,
                               mer_err *err)
{
    const size_t n_groups = design->n_groups, stride = n_groups + crossings->n;
    struct mer_crossed crossed = {.design = mer_crossings_shape(crossings, design)};
    if (crossings->pairs) {
        MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows, stride * sizeof(int32_t),
                                  &crossed.codes, err));
        for (size_t i = 0; i < design->n_rows; i++) {
            const int32_t *from = design->codes + i * n_groups;
            int32_t *to = crossed.codes + i * stride;
            memcpy(to, from, n_groups * sizeof *to);
            for (size_t c = 0; c < crossings->n; c++) {
                const int32_t a = from[crossings->pairs[2 * c]];
                const int32_t b = from[crossings->pairs[2 * c + 1]];
                const int32_t width = (int32_t)width_of(design, crossings->pairs[2 * c + 1]);
                to[n_groups + c] = a < 0 || b < 0 ? -1 : a * width + b;
            }
        }
        crossed.design.codes = crossed.codes;
    }
    *ret_crossed = crossed;
    return mer_ok();
}

/* ---- saving and loading ---- */

mer_status mer_crossings_save(const struct mer_crossings *crossings, const char *prefix,
                              struct mer_bundle *bundle, mer_err *err)
{
    const size_t shape[] = {crossings->n, 2};
    if (!crossings->pairs)
        return mer_ok();
    return mer_bundle_add(bundle, mer_array_name(prefix, "crossings").text, MER_DTYPE_U32, 2, shape,
                          crossings->pairs, true, err);
}

mer_status mer_crossings_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                              const char *prefix, const struct mer_design *shape,
                              struct mer_crossings *ret_crossings, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "crossings");
    const struct mer_array *array = NULL;
    struct mer_crossings *crossings = ret_crossings;
    *crossings = (struct mer_crossings){0};
    if (!mer_bundle_find(bundle, name.text))
        return mer_ok();
    MER_GUARD(mer_bundle_get(bundle, name.text, MER_DTYPE_U32, 2, &array, err));
    if (array->shape[0] == 0 || array->shape[0] > MER_CROSSINGS_MAX || array->shape[1] != 2)
        return mer_fail(err, MER_ERR_DATA, "%s: the number of crossings is not valid", name.text);
    MER_GUARD(mer_alloc_bytes(ctx->alloc, array->n_bytes, &crossings->pairs, err));
    memcpy(crossings->pairs, array->data, array->n_bytes);
    for (size_t i = 0; i < array->shape[0]; i++) {
        const size_t a = crossings->pairs[2 * i], b = crossings->pairs[2 * i + 1];
        if (a >= b || b >= shape->n_groups || !can_cross(shape, a, b))
            return mer_fail(err, MER_ERR_DATA, "%s: crossing %zu is of no two categories",
                            name.text, i);
    }
    crossings->n = array->shape[0];
    return start_groups(ctx, shape, crossings, err);
}
