#include "automl/leaks.h"

#include <string.h>

#include "automl/prepare_internal.h"
#include "core/math.h"
#include "core/order.h"

enum { SAMPLE_ROWS = 20000, BINS = 64, ROWS_MIN = 50 };

static const double ENTROPY_SHARE = 0.98, VARIANCE_SHARE = 0.995;

struct looking {
    const struct mer_target *target;
    uint32_t *rows; /* [n] */
    size_t n;
    double *values; /* [n]: the column's, then [n] of the target where it is a number */
    uint32_t *order;
    struct mer_order_item *items; /* [2n] */
    uint32_t *bins;               /* [n] */
    double *counts;               /* [BINS + 1][1 + classes] */
};

/* Ranges of about equally many rows, which never part equal values; a missing value has a range of
 * its own. The number of ranges. */
static size_t cut_numbers(struct looking *looking, const struct mer_column *column)
{
    size_t n = 0, n_bins = 0, filled = 0;

    for (size_t i = 0; i < looking->n; i++) {
        const size_t row = looking->rows[i];
        looking->bins[i] = BINS;
        if (!mer_column_has(column, row))
            continue;
        const double value = mer_type_is_number(column->type) ? mer_cell_number(column, row)
                                                              : (double)column->data.integers[row];
        looking->bins[n] = (uint32_t)i; /* for now: where the value is; n <= i */
        looking->values[n++] = value;
    }
    mer_order_doubles(looking->values, n, looking->items, looking->order);
    uint32_t *const at = looking->order + looking->n;
    memcpy(at, looking->bins, n * sizeof *at);
    for (size_t i = 0; i < looking->n; i++)
        looking->bins[i] = BINS;
    for (size_t i = 0; i < n; i++) {
        const double value = looking->values[looking->order[i]];
        const bool is_new = i > 0 && value != looking->values[looking->order[i - 1]];
        if (is_new && filled * BINS >= n && n_bins + 1 < BINS) {
            n_bins++;
            filled = 0;
        }
        filled++;
        looking->bins[at[looking->order[i]]] = (uint32_t)n_bins;
    }
    return n > 0 ? n_bins + 1 : 0;
}

/* At most BINS distinct values are told apart one by one. 0: there are more. */
static size_t cut_few(struct looking *looking, const struct mer_column *column)
{
    double distinct[BINS];
    size_t n = 0;

    for (size_t i = 0; i < looking->n; i++) {
        const size_t row = looking->rows[i];
        looking->bins[i] = BINS;
        if (!mer_column_has(column, row))
            continue;
        const double value = column->type == MER_TYPE_CATEGORICAL ? (double)column->data.codes[row]
                             : mer_type_is_number(column->type)
                                 ? mer_cell_number(column, row)
                                 : (double)column->data.integers[row];
        size_t k = 0;
        while (k < n && distinct[k] != value)
            k++;
        if (k == BINS)
            return 0;
        if (k == n)
            distinct[n++] = value;
        looking->bins[i] = (uint32_t)k;
    }
    return n;
}

static double entropy_term(double n, double all)
{
    return n > 0 ? -n / all * mer_ln(n / all) : 0;
}

/* The share of the classes' entropy that the bins take away, less what chance takes (Miller,
 * "Note on the bias of information estimates", 1955). */
static double entropy_share(struct looking *looking)
{
    const size_t n_classes = looking->target->n_classes, width = 1 + n_classes;
    const double n = (double)looking->n;
    double of_classes = 0, inside = 0, n_bins = 0, n_seen = 0;

    memset(looking->counts, 0, (BINS + 2) * width * sizeof *looking->counts);
    double *const all = looking->counts + (BINS + 1) * width;
    for (size_t i = 0; i < looking->n; i++) {
        const size_t class = (size_t)looking->target->classes[looking->rows[i]];
        double *const bin = looking->counts + looking->bins[i] * width;
        bin[0]++;
        bin[1 + class]++;
        all[1 + class]++;
    }
    for (size_t k = 0; k < n_classes; k++) {
        of_classes += entropy_term(all[1 + k], n);
        n_seen += all[1 + k] > 0;
    }
    for (size_t b = 0; b <= BINS; b++) {
        const double *const bin = looking->counts + b * width;
        n_bins += bin[0] > 0;
        for (size_t k = 0; k < n_classes; k++) {
            inside += bin[0] > 0 ? bin[0] / n * entropy_term(bin[1 + k], bin[0]) : 0;
        }
    }
    const double chance = (n_bins - 1) * (n_seen - 1) / (2 * n);
    return of_classes > 0 ? (of_classes - inside - chance) / of_classes : 0;
}

/* The share of the target's variance between the bins, adjusted for their number. */
static double variance_share(struct looking *looking)
{
    const double *const values = looking->target->values;
    double mean = 0, all = 0, inside = 0, n_bins = 0;

    memset(looking->counts, 0, (BINS + 1) * 2 * sizeof *looking->counts);
    for (size_t i = 0; i < looking->n; i++) {
        double *const bin = looking->counts + looking->bins[i] * 2;
        mean += values[looking->rows[i]] / (double)looking->n;
        bin[1] += (values[looking->rows[i]] - bin[1]) / ++bin[0]; /* the running mean */
    }
    for (size_t b = 0; b <= BINS; b++)
        n_bins += looking->counts[b * 2] > 0;
    for (size_t i = 0; i < looking->n; i++) {
        const double value = values[looking->rows[i]];
        const double from_bin = value - looking->counts[looking->bins[i] * 2 + 1];
        all += (value - mean) * (value - mean);
        inside += from_bin * from_bin;
    }
    const double n = (double)looking->n;
    return all > 0 && n > n_bins ? 1 - inside / all * (n - 1) / (n - n_bins) : 0;
}

static bool tells_the_target(struct looking *looking, const struct mer_column *column)
{
    if (column->type == MER_TYPE_TEXT)
        return false;
    size_t n_bins = cut_few(looking, column);
    if (n_bins == 0 && column->type != MER_TYPE_CATEGORICAL)
        n_bins = cut_numbers(looking, column);
    if (n_bins < 2)
        return false;
    return looking->target->task == MER_TASK_REGRESSION ? variance_share(looking) >= VARIANCE_SHARE
                                                        : entropy_share(looking) >= ENTROPY_SHARE;
}

mer_status mer_leaks_mark(const struct mer_ctx *ctx, const struct mer_frame *frame,
                          size_t target_column, const struct mer_target *target, uint8_t *hints,
                          mer_err *err)
{
    struct mer_alloc *alloc = ctx->alloc;
    struct looking looking = {.target = target};
    const size_t n = frame->n_rows < SAMPLE_ROWS ? frame->n_rows : SAMPLE_ROWS;
    mer_status status;

    if (n < ROWS_MIN)
        return mer_ok();
    looking.n = n;
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof *looking.rows, &looking.rows, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof *looking.values, &looking.values, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, 2 * n, sizeof *looking.order, &looking.order, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, 2 * n, sizeof *looking.items, &looking.items, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc, n, sizeof *looking.bins, &looking.bins, err), done);
    MER_GUARD_GOTO(mer_alloc_array(alloc,
                                   (BINS + 2) * (1 + (target->n_classes ? target->n_classes : 1)),
                                   sizeof *looking.counts, &looking.counts, err),
                   done);
    for (size_t i = 0; i < n; i++)
        looking.rows[i] = (uint32_t)((double)i * (double)frame->n_rows / (double)n);
    for (size_t c = 0; c < frame->n_columns; c++) {
        MER_GUARD_GOTO(mer_ctx_check_cancel(ctx, err), done);
        if (c != target_column && tells_the_target(&looking, &frame->columns[c]))
            hints[c] |= MER_HINT_LEAK;
    }
    status = mer_ok();
done:
    mer_free(alloc, looking.rows);
    mer_free(alloc, looking.values);
    mer_free(alloc, looking.order);
    mer_free(alloc, looking.items);
    mer_free(alloc, looking.bins);
    mer_free(alloc, looking.counts);
    return status;
}
