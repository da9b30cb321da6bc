/* Scoring rows with the layout of ensemble_compact.h: blocks of rows over threads, or one row. */
#include "learn/ensemble_predict.h"

#include <math.h>
#include <string.h>

#include "core/team.h"
#include "learn/ensemble_compact.h"

enum {
    TASK_BLOCKS = 8, /* blocks of rows in a task of the team */
    FEW_ROWS = 24,   /* up to so many rows are faster one by one */
    FIRST_STEPS = 6, /* of a single row's walks before it is asked which have ended */
    NEXT_STEPS = 4
};

/* ---- one row ---- */

/* What a row needs: its bytes, and the walks that are under way. */
struct walks {
    uint8_t *bytes;
    uint32_t *at;   /* nodes of the whole ensemble */
    uint32_t *tree; /* of each walk */
    uint32_t *leaf; /* [n_trees]: where the walks have ended */
};

/* Arrays of walks have room for a last group that is not full. */
static size_t padded_walks(const struct mer_ensemble_compact *compact)
{
    return (compact->ensemble->n_trees + MER_WALK_TREES - 1) / MER_WALK_TREES * MER_WALK_TREES;
}

static size_t row_columns(const struct mer_ensemble_compact *compact)
{
    return 2 * compact->n_features + compact->n_groups + 1;
}

size_t mer_ensemble_row_scratch(const struct mer_ensemble_compact *compact)
{
    return 3 * padded_walks(compact) * sizeof(uint32_t) + row_columns(compact);
}

static struct walks walks_in(const struct mer_ensemble_compact *compact, void *scratch)
{
    const size_t n = padded_walks(compact);
    uint32_t *numbers = scratch;
    return (struct walks){.at = numbers,
                          .tree = numbers + n,
                          .leaf = numbers + 2 * n,
                          .bytes = (uint8_t *)(numbers + 3 * n)};
}

/* The numbers of thresholds below x; 0 for NaN. */
static inline size_t rank_f32(const float *thresholds, size_t n_padded, float x)
{
    size_t below = 0;
    for (size_t half = n_padded / 2; half > 0; half /= 2)
        below += thresholds[below + half - 1] < x ? half : 0;
    return below;
}

static inline size_t rank_f64(const double *thresholds, size_t n_padded, double x)
{
    size_t below = 0;
    for (size_t half = n_padded / 2; half > 0; half /= 2)
        below += thresholds[below + half - 1] < x ? half : 0;
    return below;
}

static void row_bytes(const struct mer_ensemble_compact *compact,
                      const struct mer_ensemble_rows *rows, size_t row, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < compact->n_features; i++) {
        const struct mer_compact_feature *feature = &compact->features[i];
        const size_t at = row * rows->row_stride + feature->feature * rows->column_stride;
        const double x = rows->is_float32 ? (double)((const float *)rows->dense)[at]
                                          : ((const double *)rows->dense)[at];
        const size_t r =
            rows->is_float32
                ? rank_f32(compact->thresholds_f32 + feature->table, feature->n_padded, (float)x)
                : rank_f64(compact->thresholds_f64 + feature->table, feature->n_padded, x);
        ret_bytes[2 * i] = (uint8_t)r;
        ret_bytes[2 * i + 1] = isnan(x) ? 255 : (uint8_t)r;
    }
    for (size_t i = 0; i < compact->n_groups; i++) {
        const struct mer_compact_group *group = &compact->groups[i];
        const int32_t code =
            rows->codes[row * rows->code_row_stride + group->group * rows->code_column_stride];
        ret_bytes[2 * compact->n_features + i] =
            mer_compact_class(group, compact->ensemble->widths[group->group], code);
    }
    ret_bytes[2 * compact->n_features + compact->n_groups] = 255;
}

static inline uint32_t step_rank(const uint32_t *nodes, const uint8_t *bytes, uint32_t at)
{
    const uint32_t node = nodes[at];
    const uint32_t right = bytes[node & MER_NODE_COLUMN] > (node >> MER_NODE_K & 255);
    return at + (node >> MER_NODE_LEFT) + right;
}

/* A step in a tree that may split groups. */
static uint32_t step_any(const struct mer_ensemble_compact *compact, const uint8_t *bytes,
                         uint32_t tree, uint32_t at)
{
    const uint32_t node = compact->nodes[at];
    const uint32_t column = node & MER_NODE_COLUMN;
    const size_t first_group = 2 * compact->n_features;
    if (column < first_group || column == first_group + compact->n_groups)
        return step_rank(compact->nodes, bytes, at);
    const uint8_t *set = compact->sets + compact->trees[tree].sets +
                         (size_t)(node >> MER_NODE_K & 255) * 2 * MER_COMPACT_SET_BYTES;
    const uint32_t right = !(set[bytes[column] / 8] >> (bytes[column] % 8) & 1);
    return at + (node >> MER_NODE_LEFT) + right;
}

/* The same number of steps in a group of walks, which stay in registers. */
static void take_steps(const struct mer_ensemble_compact *compact, const struct walks *walks,
                       size_t first, size_t n_steps)
{
    const uint32_t *nodes = compact->nodes;
    const uint8_t *bytes = walks->bytes;
    uint32_t at[MER_WALK_TREES];
    memcpy(at, walks->at + first, sizeof at);
    for (size_t s = 0; s < n_steps; s++)
        for (size_t i = 0; i < MER_WALK_TREES; i++)
            at[i] = step_rank(nodes, bytes, at[i]);
    memcpy(walks->at + first, at, sizeof at);
}

static void take_any_steps(const struct mer_ensemble_compact *compact, const struct walks *walks,
                           size_t first, size_t n_steps)
{
    for (size_t s = 0; s < n_steps; s++)
        for (size_t i = first; i < first + MER_WALK_TREES; i++)
            walks->at[i] = step_any(compact, walks->bytes, walks->tree[i], walks->at[i]);
}

/* Finds the leaves of all trees. Most paths are short and a few are long: those that have not ended
 * go on together. */
static void walk_bytes(const struct mer_ensemble_compact *compact, const struct walks *walks)
{
    size_t n = compact->ensemble->n_trees;
    for (size_t t = 0; t < n; t++) {
        walks->at[t] = (uint32_t)compact->ensemble->tree_starts[t];
        walks->tree[t] = (uint32_t)t;
    }
    for (size_t n_steps = FIRST_STEPS; n > 0; n_steps = NEXT_STEPS) {
        for (size_t i = n; i % MER_WALK_TREES != 0; i++) {
            walks->at[i] = walks->at[n - 1];
            walks->tree[i] = walks->tree[n - 1];
        }
        for (size_t first = 0; first < n; first += MER_WALK_TREES)
            (compact->has_groups ? take_any_steps : take_steps)(compact, walks, first, n_steps);
        size_t n_left = 0;
        for (size_t i = 0; i < n; i++) {
            const uint32_t at = walks->at[i];
            const uint32_t tree = walks->tree[i];
            walks->leaf[tree] = at;
            walks->at[n_left] = at;
            walks->tree[n_left] = tree;
            n_left += compact->nodes[at] >> MER_NODE_LEFT != 0;
        }
        n = n_left;
    }
}

/* The same without ranks. */
static void walk_numbers(const struct mer_ensemble_compact *compact,
                         const struct mer_ensemble_rows *rows, size_t row,
                         const struct walks *walks)
{
    const size_t n_trees = compact->ensemble->n_trees;
    for (size_t first = 0; first < n_trees; first += MER_WALK_TREES)
        mer_walk_trees(compact, rows, row, first,
                       n_trees - first < MER_WALK_TREES ? n_trees - first : MER_WALK_TREES,
                       walks->leaf + first);
}

static void finish_score(const struct mer_ensemble *e, double *scores, size_t stride)
{
    for (size_t k = 0; k < e->n_outputs; k++) {
        if (e->averaged && e->n_trees > 0)
            scores[k * stride] /= (double)e->n_trees;
        scores[k * stride] += e->base[k];
    }
}

/* Without a layout: one row as rows of its own. */
static void score_plain(const struct mer_ensemble *e, const struct mer_ensemble_rows *rows,
                        size_t row, double *ret_scores)
{
    struct mer_ensemble_rows one = *rows;
    const size_t size = rows->is_float32 ? sizeof(float) : sizeof(double);
    one.n_rows = 1;
    one.dense = rows->dense ? (const char *)rows->dense + row * rows->row_stride * size : NULL;
    one.codes = rows->codes ? rows->codes + row * rows->code_row_stride : NULL;
    mer_ensemble_predict_plain(e, &one, ret_scores);
}

void mer_ensemble_score_row(const struct mer_ensemble_compact *compact,
                            const struct mer_ensemble_rows *rows, size_t row, void *scratch,
                            double *ret_scores)
{
    const struct mer_ensemble *e = compact->ensemble;
    if (!compact->walk) {
        score_plain(e, rows, row, ret_scores);
        return;
    }
    const struct walks walks = walks_in(compact, scratch);
    if (compact->n_bytes_trees == e->n_trees) {
        row_bytes(compact, rows, row, walks.bytes);
        walk_bytes(compact, &walks);
    } else {
        walk_numbers(compact, rows, row, &walks);
    }
    memset(ret_scores, 0, e->n_outputs * sizeof *ret_scores);
    for (size_t t = 0; t < e->n_trees; t++) {
        const double *values = e->values + walks.leaf[t] * e->n_values;
        for (size_t k = 0; k < e->n_values; k++)
            ret_scores[(size_t)e->tree_output[t] + k] += values[k];
    }
    finish_score(e, ret_scores, 1);
}

/* ---- a block of rows ---- */

struct job {
    const struct mer_ctx *ctx;
    const struct mer_ensemble_compact *compact;
    const struct mer_ensemble_kernels *kernels; /* NULL: no trees by bytes */
    const struct mer_ensemble_rows *rows;
    double *scores;
    unsigned char *scratch;
    size_t scratch_stride; /* of a worker */
    size_t sums;           /* where the parts of a worker's scratch begin */
    size_t numbers;
    size_t leaves;
    size_t nodes;
    size_t row;
};

static void make_planes(const struct job *job, size_t first, size_t n, uint8_t *planes,
                        void *numbers)
{
    const struct mer_ensemble_compact *compact = job->compact;
    const struct mer_ensemble_rows *rows = job->rows;
    const size_t stride = rows->row_stride;
    for (size_t i = 0; i < compact->n_features; i++) {
        const struct mer_compact_feature *feature = &compact->features[i];
        const size_t at = first * stride + feature->feature * rows->column_stride;
        if (rows->is_float32) {
            const float *from = (const float *)rows->dense + at;
            float *x = numbers;
            for (size_t r = 0; r < n; r++)
                x[r] = from[r * stride];
            job->kernels->rank_f32(compact, feature, x, planes);
        } else {
            const double *from = (const double *)rows->dense + at;
            double *x = numbers;
            for (size_t r = 0; r < n; r++)
                x[r] = from[r * stride];
            job->kernels->rank_f64(compact, feature, x, planes);
        }
    }
    for (size_t i = 0; i < compact->n_groups; i++) {
        const struct mer_compact_group *group = &compact->groups[i];
        const uint32_t width = compact->ensemble->widths[group->group];
        const int32_t *codes =
            rows->codes + first * rows->code_row_stride + group->group * rows->code_column_stride;
        uint8_t *plane = planes + (size_t)group->column * MER_COMPACT_ROWS;
        for (size_t r = 0; r < n; r++)
            plane[r] = mer_compact_class(group, width, codes[r * rows->code_row_stride]);
    }
}

/* sums[n_outputs][MER_COMPACT_ROWS] of the rows first .. first + n - 1. Rows of the block behind
 * those have whatever an earlier block left; nobody looks at what they give. */
static void sum_block(const struct job *job, size_t first, size_t n, unsigned char *scratch,
                      double *sums)
{
    const struct mer_ensemble_compact *compact = job->compact;
    const struct mer_ensemble *e = compact->ensemble;
    uint8_t *leaves = scratch + job->leaves;
    uint32_t *nodes = (uint32_t *)(scratch + job->nodes);
    memset(sums, 0, e->n_outputs * MER_COMPACT_ROWS * sizeof *sums);
    make_planes(job, first, n, scratch, scratch + job->numbers);
    for (size_t t = 0; t < e->n_trees; t++) {
        const struct mer_compact_tree *tree = &compact->trees[t];
        double *to = sums + (size_t)e->tree_output[t] * MER_COMPACT_ROWS;
        if (tree->is_bytes) {
            job->kernels->evaluate(scratch, compact->ops + tree->ops, tree->n_ops,
                                   compact->sets + tree->sets, leaves);
            for (size_t k = 0; k < e->n_values; k++)
                job->kernels->add(leaves, compact->values + tree->values + k * tree->values_stride,
                                  tree->n_leaves, to + k * MER_COMPACT_ROWS);
            continue;
        }
        mer_walk_rows(compact, job->rows, first, n, t, nodes);
        for (size_t r = 0; r < n; r++)
            for (size_t k = 0; k < e->n_values; k++)
                to[k * MER_COMPACT_ROWS + r] += e->values[nodes[r] * e->n_values + k];
    }
}

static void score_block(const struct job *job, size_t first, size_t n, unsigned char *scratch)
{
    const size_t n_outputs = job->compact->ensemble->n_outputs;
    double *scores = job->scores + first * n_outputs;
    double *sums = (double *)(scratch + job->sums);
    if (n <= FEW_ROWS || !job->kernels) {
        for (size_t r = 0; r < n; r++)
            mer_ensemble_score_row(job->compact, job->rows, first + r, scratch + job->row,
                                   scores + r * n_outputs);
        return;
    }
    sum_block(job, first, n, scratch, sums);
    for (size_t r = 0; r < n; r++) {
        finish_score(job->compact->ensemble, sums + r, MER_COMPACT_ROWS);
        for (size_t k = 0; k < n_outputs; k++)
            scores[r * n_outputs + k] = sums[k * MER_COMPACT_ROWS + r];
    }
}

/* All rows of a task through one walked tree after the other: large trees, of which a forest has
 * more than any cache holds, are then fetched once a task and not once a block. The sums are the
 * scores. */
static void walk_task(const struct job *job, size_t first, size_t n, unsigned char *scratch)
{
    const struct mer_ensemble *e = job->compact->ensemble;
    uint32_t *nodes = (uint32_t *)(scratch + job->nodes);
    double *scores = job->scores + first * e->n_outputs;
    memset(scores, 0, n * e->n_outputs * sizeof *scores);
    for (size_t t = 0; t < e->n_trees; t++)
        for (size_t begin = 0; begin < n; begin += MER_COMPACT_ROWS) {
            const size_t n_block = n - begin < MER_COMPACT_ROWS ? n - begin : MER_COMPACT_ROWS;
            double *to = scores + begin * e->n_outputs + (size_t)e->tree_output[t];
            mer_walk_rows(job->compact, job->rows, first + begin, n_block, t, nodes);
            for (size_t r = 0; r < n_block; r++)
                for (size_t k = 0; k < e->n_values; k++)
                    to[r * e->n_outputs + k] += e->values[nodes[r] * e->n_values + k];
        }
    for (size_t r = 0; r < n; r++)
        finish_score(e, scores + r * e->n_outputs, 1);
}

/* Task: TASK_BLOCKS blocks of rows. */
static void score_task(void *argument, size_t task, size_t worker)
{
    const struct job *job = argument;
    unsigned char *scratch = job->scratch + worker * job->scratch_stride;
    const size_t begin = task * TASK_BLOCKS * MER_COMPACT_ROWS;
    const size_t n_left = job->rows->n_rows - begin;
    const size_t n =
        n_left < TASK_BLOCKS * MER_COMPACT_ROWS ? n_left : TASK_BLOCKS * MER_COMPACT_ROWS;
    if (!mer_is_ok(mer_ctx_check_cancel(job->ctx, NULL)))
        return;
    if (!job->kernels && job->compact->walk && n > FEW_ROWS) {
        walk_task(job, begin, n, scratch);
        return;
    }
    for (size_t first = 0; first < n; first += MER_COMPACT_ROWS)
        score_block(job, begin + first, n - first < MER_COMPACT_ROWS ? n - first : MER_COMPACT_ROWS,
                    scratch);
}

static size_t take(size_t *end, size_t n_bytes)
{
    const size_t begin = *end;
    *end = (begin + n_bytes + MER_ALIGNMENT - 1) / MER_ALIGNMENT * MER_ALIGNMENT;
    return begin;
}

/* Planes come first. None of the sizes can overflow: the header caps what they are made of. */
static void lay_out_scratch(struct job *job)
{
    const struct mer_ensemble_compact *compact = job->compact;
    const size_t n_outputs = compact->walk ? compact->ensemble->n_outputs : 0;
    size_t end = 0;
    (void)take(&end, compact->n_columns * MER_COMPACT_ROWS);
    job->sums = take(&end, n_outputs * MER_COMPACT_ROWS * sizeof(double));
    job->numbers = take(&end, MER_COMPACT_ROWS * sizeof(double));
    job->leaves = take(&end, MER_COMPACT_ROWS);
    job->nodes = take(&end, MER_COMPACT_ROWS * sizeof(uint32_t));
    job->row = take(&end, mer_ensemble_row_scratch(compact));
    job->scratch_stride = end;
}

static const struct mer_ensemble_kernels *pick_kernels(const struct mer_ensemble_compact *compact,
                                                       enum mer_cpu_level level)
{
    if (compact->n_bytes_trees == 0)
        return NULL;
    if (level >= MER_CPU_AVX512)
        return &MER_ENSEMBLE_KERNELS_AVX512;
    if (level >= MER_CPU_AVX2)
        return &MER_ENSEMBLE_KERNELS_AVX2;
    return NULL;
}

mer_status mer_ensemble_scores(const struct mer_ctx *ctx,
                               const struct mer_ensemble_compact *compact,
                               const struct mer_ensemble_rows *rows, double *ret_scores,
                               mer_err *err)
{
    struct job job = {.ctx = ctx,
                      .compact = compact,
                      .kernels = pick_kernels(compact, ctx->cpu),
                      .rows = rows,
                      .scores = ret_scores};
    const size_t task_rows = (size_t)TASK_BLOCKS * MER_COMPACT_ROWS;
    const size_t n_tasks = rows->n_rows / task_rows + (rows->n_rows % task_rows != 0);
    lay_out_scratch(&job);
    MER_GUARD(mer_alloc_zero(ctx->alloc, mer_team_size(ctx->team), job.scratch_stride, &job.scratch,
                             err));
    mer_team_run(ctx->team, score_task, &job, n_tasks);
    mer_free(ctx->alloc, job.scratch);
    return mer_ctx_check_cancel(ctx, err);
}
