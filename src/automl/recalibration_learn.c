/* Learning a recalibration, and whether it is worth having: rows are dealt into five parts, each is
 * judged by what the others gave. */
#include <string.h>

#include "automl/recalibration.h"
#include "core/math.h"
#include "core/rng.h"
#include "core/sort.h"

/* Of more predictions every so many rows are learned from; rows that a bin of a curve has at least.
 */
enum { CELLS_MAX = 1 << 18, BIN_ROWS = 20, N_PARTS = 5, STEPS_MAX = 40 };

#define LEAST_PROBABILITY 1e-15

/* So many rows more, of which each class has the same share, go into the temperature: where every
 * held-out row is right there is else no end to how sure one may be. (Krichevsky and Trofimov, "The
 * performance of universal encoding", 1981, take half a row for each class; with many that is more
 * than rows that are few can bear.) */
#define DOUBTED_ROWS 0.5

struct learning {
    const struct mer_ctx *ctx;
    const struct mer_recalibrating *from;
    const double *probabilities; /* as they came */
    uint32_t *rows;              /* the rows that are looked at, dealt by chance */
    size_t n_rows;               /* of them */
    size_t stride;
};

/* The rows to learn from: all but those of a part; N_PARTS: all. */
static bool is_learned_from(const struct learning *learning, size_t i, size_t part)
{
    return i % N_PARTS != part && learning->rows[i] % learning->stride == 0;
}

static double weight_of(const struct learning *learning, size_t row)
{
    return learning->from->weights ? learning->from->weights[row] : 1;
}

/* ---- Temperature ---- */

/* First and second derivative of the log loss by 1 / T, with the doubt. */
static void derive(const struct learning *learning, size_t part, double slope, double *ret_first,
                   double *ret_second)
{
    const size_t n_classes = learning->from->n_classes;
    const double doubt = DOUBTED_ROWS / (double)learning->n_rows;
    double first = 0, second = 0;

    for (size_t i = 0; i < learning->n_rows; i++) {
        if (!is_learned_from(learning, i, part))
            continue;
        const size_t row = learning->rows[i];
        const double *const p = learning->probabilities + row * n_classes;
        const size_t truth = (size_t)learning->from->classes[row];
        double z[MER_ISOTONIC_CLASSES_MAX], largest = -INFINITY, total = 0, mean = 0, square = 0;
        double all = 0;
        /* Of more classes the first are kept in mind, the others' logarithms are taken twice. */
        for (size_t k = 0; k < n_classes; k++) {
            const double logarithm = mer_ln(fmax(p[k], LEAST_PROBABILITY));
            if (k < MER_ISOTONIC_CLASSES_MAX)
                z[k] = logarithm;
            largest = fmax(largest, logarithm);
            all += logarithm;
        }
        for (size_t k = 0; k < n_classes; k++) {
            const double logarithm =
                k < MER_ISOTONIC_CLASSES_MAX ? z[k] : mer_ln(fmax(p[k], LEAST_PROBABILITY));
            const double e = mer_exp(slope * (logarithm - largest));
            total += e;
            mean += e * logarithm;
            square += e * logarithm * logarithm;
        }
        mean /= total;
        const double weight = weight_of(learning, row);
        first += weight * (mean - (1 - doubt) * mer_ln(fmax(p[truth], LEAST_PROBABILITY)) -
                           doubt * all / (double)n_classes);
        second += weight * fmax(0, square / total - mean * mean);
    }
    *ret_first = first;
    *ret_second = second;
}

/* Newton's method on the first derivative, which rises; bisection where a step leaves what is known
 * to hold the root. */
static double learn_temperature(const struct learning *learning, size_t part)
{
    double low = 1 / MER_TEMPERATURE_MOST, high = 1 / MER_TEMPERATURE_LEAST, slope = 1;

    for (size_t i = 0; i < STEPS_MAX; i++) {
        double first, second;
        derive(learning, part, slope, &first, &second);
        if (first > 0)
            high = slope;
        else
            low = slope;
        const double step = second > 0 ? slope - first / second : -1;
        const double next = step > low && step < high ? step : (low + high) / 2;
        const bool is_there = fabs(next - slope) <= 1e-9 * slope;
        slope = next;
        if (is_there)
            break;
    }
    return 1 / fmin(fmax(slope, 1 / MER_TEMPERATURE_MOST), 1 / MER_TEMPERATURE_LEAST);
}

/* ---- Curves ---- */

struct point {
    double p;
    double weight;
    double hits; /* the weight of those that are of the class */
};

static int compare_points(const void *a, const void *b)
{
    const struct point *const left = a, *const right = b;
    if (left->p != right->p)
        return left->p > right->p ? 1 : -1;
    if (left->hits != right->hits)
        return left->hits > right->hits ? 1 : -1;
    return (left->weight > right->weight) - (left->weight < right->weight);
}

static void join(struct point *into, const struct point *other)
{
    const double weight = into->weight + other->weight;
    if (weight > 0)
        into->p += (other->p - into->p) * (other->weight / weight);
    into->weight = weight;
    into->hits += other->hits;
}

/* Sorted points become bins of BIN_ROWS rows or more, of different probabilities; returns how many.
 */
static size_t make_bins(struct point *points, size_t n)
{
    const size_t least = n / MER_ISOTONIC_KNOTS_MAX + 1;
    const size_t width = least > BIN_ROWS ? least : BIN_ROWS;
    size_t n_bins = 0;

    for (size_t begin = 0; begin < n;) {
        size_t end = begin + width < n ? begin + width : n;
        if (n - end < width)
            end = n;
        while (end < n && points[end].p == points[end - 1].p)
            end++;
        struct point bin = points[begin];
        for (size_t i = begin + 1; i < end; i++)
            join(&bin, &points[i]);
        if (bin.weight > 0)
            points[n_bins++] = bin;
        begin = end;
    }
    return n_bins;
}

/* Neighbours whose share of the class falls become one. */
static size_t pool_violators(struct point *bins, size_t n)
{
    size_t n_pools = 0;

    for (size_t i = 0; i < n; i++) {
        struct point pool = bins[i];
        while (n_pools > 0 &&
               (bins[n_pools - 1].hits * pool.weight >= pool.hits * bins[n_pools - 1].weight ||
                !(bins[n_pools - 1].p < pool.p))) {
            struct point joined = bins[--n_pools];
            join(&joined, &pool);
            pool = joined;
        }
        bins[n_pools++] = pool;
    }
    return n_pools;
}

/* A curve for class k from the rows; its knots go behind those that are there. */
static void learn_curve(const struct learning *learning, size_t part, size_t k,
                        struct point *points, double *knots, double *values, int64_t *offset)
{
    const struct mer_recalibrating *const from = learning->from;
    size_t n = 0;
    double weight = 0, hits = 0;

    for (size_t i = 0; i < learning->n_rows; i++) {
        if (!is_learned_from(learning, i, part))
            continue;
        const size_t row = learning->rows[i];
        const double w = weight_of(learning, row);
        points[n] = (struct point){learning->probabilities[row * from->n_classes + k], w,
                                   (size_t)from->classes[row] == k ? w : 0};
        weight += w;
        hits += points[n++].hits;
    }
    mer_sort(points, n, sizeof(*points), compare_points);
    n = make_bins(points, n);
    /* Each bin gets one row more, of the classes in their shares: no probability is 0 or 1. */
    const double row_weight = weight / (double)learning->n_rows;
    const double share = weight > 0 ? (hits + row_weight) / (weight + 2 * row_weight) : 0.5;
    for (size_t i = 0; i < n; i++) {
        points[i].weight += row_weight;
        points[i].hits += row_weight * share;
    }
    n = pool_violators(points, n);
    for (size_t i = 0; i < n; i++) {
        knots[*offset + (int64_t)i] = fmin(fmax(points[i].p, 0), 1);
        values[*offset + (int64_t)i] =
            fmin(fmax(points[i].hits / points[i].weight, 1e-9), 1 - 1e-9);
    }
    *offset += (int64_t)n;
}

static mer_status learn_curves(const struct learning *learning, size_t part,
                               struct mer_arena *arena, struct mer_recalibration *ret, mer_err *err)
{
    const size_t n_classes = learning->from->n_classes;
    const size_t n_curves = n_classes == 2 ? 1 : n_classes;
    double *knots, *values;
    struct point *points;
    int64_t *offsets;

    MER_GUARD(mer_arena_zero(arena, n_curves + 1, sizeof(*offsets), &offsets, err));
    MER_GUARD(
        mer_arena_zero(arena, n_curves * MER_ISOTONIC_KNOTS_MAX, sizeof(*knots), &knots, err));
    MER_GUARD(
        mer_arena_zero(arena, n_curves * MER_ISOTONIC_KNOTS_MAX, sizeof(*values), &values, err));
    MER_GUARD(
        mer_alloc_array(learning->ctx->alloc, learning->n_rows, sizeof(*points), &points, err));
    for (size_t c = 0; c < n_curves; c++) {
        offsets[c + 1] = offsets[c];
        learn_curve(learning, part, n_classes == 2 ? 1 : c, points, knots, values, &offsets[c + 1]);
    }
    mer_free(learning->ctx->alloc, points);
    *ret = (struct mer_recalibration){.method = MER_RECALIBRATION_ISOTONIC,
                                      .offsets = offsets,
                                      .knots = knots,
                                      .values = values,
                                      .n_curves = n_curves};
    return mer_ok();
}

static mer_status learn_method(const struct learning *learning,
                               enum mer_recalibration_method method, size_t part,
                               struct mer_arena *arena, struct mer_recalibration *ret, mer_err *err)
{
    if (method == MER_RECALIBRATION_ISOTONIC)
        return learn_curves(learning, part, arena, ret, err);
    *ret = (struct mer_recalibration){.method = MER_RECALIBRATION_TEMPERATURE,
                                      .temperature = learn_temperature(learning, part)};
    return mer_ok();
}

/* ---- What it is worth ---- */

static double row_loss(const struct mer_recalibrating *from, const double *probabilities,
                       size_t row)
{
    const double p = probabilities[row * from->n_classes + (size_t)from->classes[row]];
    return -mer_ln(fmax(p, LEAST_PROBABILITY));
}

/* A method, judged. */
struct judged {
    struct mer_recalibration recalibration;
    double *crossed; /* the probabilities that it gives rows which it was not learned from */
    double gain;     /* of log loss, on average */
    double error;    /* the standard error of that */
};

static void judge(const struct learning *learning, struct judged *judged)
{
    const struct mer_recalibrating *const from = learning->from;
    double total = 0, before = 0, after = 0, squares = 0;

    for (size_t row = 0; row < from->n_rows; row++) {
        const double w = weight_of(learning, row);
        total += w;
        before += w * row_loss(from, learning->probabilities, row);
        after += w * row_loss(from, judged->crossed, row);
    }
    total = total > 0 ? total : 1;
    before /= total;
    after /= total;
    judged->gain = before - after;
    for (size_t row = 0; row < from->n_rows; row++) {
        const double w = weight_of(learning, row) / total;
        const double off = row_loss(from, learning->probabilities, row) -
                           row_loss(from, judged->crossed, row) - judged->gain;
        squares += w * w * off * off;
    }
    judged->error = sqrt(squares);
    judged->recalibration.loss_before = before;
    judged->recalibration.loss_after = after;
}

/* The rows of a part get what the others' recalibration makes of them. */
static void cross(const struct learning *learning, const struct mer_recalibration *recalibration,
                  size_t part, double *crossed)
{
    const size_t n_classes = learning->from->n_classes;

    for (size_t i = part; i < learning->n_rows; i += N_PARTS)
        mer_recalibrate(&(struct mer_ctx){.alloc = learning->ctx->alloc}, recalibration, 1,
                        n_classes, crossed + learning->rows[i] * n_classes);
}

static mer_status try_method(const struct learning *learning, enum mer_recalibration_method method,
                             struct mer_arena *arena, struct judged *ret, mer_err *err)
{
    const size_t n_values = learning->from->n_rows * learning->from->n_classes;
    struct mer_arena of_parts;
    mer_status status = mer_ok();

    MER_GUARD(mer_alloc_array(learning->ctx->alloc, n_values, sizeof(double), &ret->crossed, err));
    memcpy(ret->crossed, learning->probabilities, n_values * sizeof(double));
    mer_arena_init(&of_parts, learning->ctx->alloc);
    for (size_t part = 0; part < N_PARTS && mer_is_ok(status); part++) {
        struct mer_recalibration of_others;
        status = mer_ctx_check_cancel(learning->ctx, err);
        if (mer_is_ok(status))
            status = learn_method(learning, method, part, &of_parts, &of_others, err);
        if (mer_is_ok(status))
            cross(learning, &of_others, part, ret->crossed);
    }
    mer_arena_release(&of_parts);
    MER_GUARD(status);
    MER_GUARD(learn_method(learning, method, N_PARTS, arena, &ret->recalibration, err));
    judge(learning, ret);
    return mer_ok();
}

static mer_status deal_rows(struct learning *learning, mer_err *err)
{
    const struct mer_recalibrating *const from = learning->from;
    mer_rng rng;

    learning->stride = 1;
    while (from->n_rows / learning->stride * from->n_classes > CELLS_MAX)
        learning->stride++;
    learning->n_rows = from->n_rows;
    MER_GUARD(mer_alloc_array(learning->ctx->alloc, from->n_rows, sizeof(*learning->rows),
                              &learning->rows, err));
    for (size_t i = 0; i < from->n_rows; i++)
        learning->rows[i] = (uint32_t)i;
    mer_rng_init(&rng, from->seed, mer_rng_stream("calibration", 0));
    mer_rng_shuffle(&rng, learning->rows, from->n_rows);
    return mer_ok();
}

/* Which methods come into question, in the order of their plainness. */
static size_t list_methods(const struct mer_recalibrating *from,
                           enum mer_recalibration_method methods[2])
{
    size_t n = 0;
    const bool has_rows = from->n_rows >= MER_ISOTONIC_ROWS_MIN &&
                          from->n_classes <= MER_ISOTONIC_CLASSES_MAX && !from->only_order_kept;
    if (from->choice == MER_RECALIBRATION_AUTO || from->choice == MER_RECALIBRATION_TEMPERATURE)
        methods[n++] = MER_RECALIBRATION_TEMPERATURE;
    if (from->choice == MER_RECALIBRATION_ISOTONIC ||
        (from->choice == MER_RECALIBRATION_AUTO && has_rows))
        methods[n++] = MER_RECALIBRATION_ISOTONIC;
    return n;
}

/* The best of what was judged; NULL: nothing is worth having. A later method must be better than
 * those before it by more than its error. */
static const struct judged *choose(const struct judged *judged, size_t n,
                                   enum mer_recalibration_method choice)
{
    const struct judged *best = NULL;

    if (choice != MER_RECALIBRATION_AUTO)
        return n > 0 ? &judged[0] : NULL;
    for (size_t i = 0; i < n; i++)
        if (judged[i].gain > (best ? best->gain : 0) + judged[i].error)
            best = &judged[i];
    return best;
}

mer_status mer_recalibration_check(enum mer_recalibration_method choice, size_t n_rows,
                                   size_t n_classes, mer_err *err)
{
    if (n_classes == 0 && choice != MER_RECALIBRATION_AUTO && choice != MER_RECALIBRATION_NONE)
        return mer_fail(err, MER_ERR_USAGE,
                        "there are no probabilities to calibrate: the target is a number");
    if (choice == MER_RECALIBRATION_ISOTONIC &&
        (n_rows < MER_ISOTONIC_ROWS_MIN || n_classes > MER_ISOTONIC_CLASSES_MAX))
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "calibration by isotonic curves wants %d held-out rows and at "
                                 "most %d classes; here are %zu of %zu",
                                 MER_ISOTONIC_ROWS_MIN, MER_ISOTONIC_CLASSES_MAX, n_rows,
                                 n_classes),
                        "temperature does with fewer rows; auto takes what fits");
    return mer_ok();
}

mer_status mer_recalibration_learn(const struct mer_ctx *ctx, const struct mer_recalibrating *from,
                                   double *probabilities, struct mer_arena *arena,
                                   struct mer_recalibration *ret, mer_err *err)
{
    struct learning learning = {.ctx = ctx, .from = from, .probabilities = probabilities};
    enum mer_recalibration_method methods[2];
    struct judged judged[2] = {{.crossed = NULL}};
    mer_status status = mer_ok();

    *ret = (struct mer_recalibration){.loss_before = (double)NAN, .loss_after = (double)NAN};
    MER_GUARD(mer_recalibration_check(from->choice, from->n_rows, from->n_classes, err));
    if (from->n_rows < N_PARTS)
        return mer_ok();
    const size_t n = list_methods(from, methods);
    if (n == 0)
        return mer_ok();
    MER_GUARD_GOTO(deal_rows(&learning, err), out);
    for (size_t i = 0; i < n; i++)
        MER_GUARD_GOTO(try_method(&learning, methods[i], arena, &judged[i], err), out);
    const struct judged *const best = choose(judged, n, from->choice);
    ret->loss_before = ret->loss_after = judged[0].recalibration.loss_before;
    if (best) {
        *ret = best->recalibration;
        memcpy(probabilities, best->crossed, from->n_rows * from->n_classes * sizeof(double));
    }
out:
    for (size_t i = 0; i < 2; i++)
        mer_free(ctx->alloc, judged[i].crossed);
    mer_free(ctx->alloc, learning.rows);
    return status;
}
