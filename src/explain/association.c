/* All pairs of a table's columns: a sample of its rows, one task for each column and those behind
 * it, the strongest pairs. */
#include "explain/association.h"

#include <string.h>

#include "core/math.h"
#include "core/rng.h"
#include "core/team.h"
#include "explain/association_variable.h"
#include "explain/profile.h"

enum { ROWS_MIN = 1000 };

/* Rows times pairs: some seconds of one core. */
static const double WORK_MAX = 1e9;
static const uint64_t SAMPLE_SEED = 20260101;

struct finding {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    size_t n_rows;
    uint32_t *rows; /* [n_rows], rising */
    size_t n;
    struct mer_variable *variables;   /* [n] */
    struct mer_order_item **items;    /* [workers][2 * n_rows] */
    struct mer_pair_scratch *scratch; /* [workers] */
    struct mer_association *pairs;    /* of variable i with those behind it, from pair_at(i) on */
    mer_status *statuses;             /* [n] */
    mer_err *errors;                  /* [n] */
    size_t first_task;
};

static size_t pair_at(size_t n, size_t i)
{
    return i * (2 * n - i - 1) / 2;
}

/* Which rows are looked at: all, or as many as the number of pairs allows, each with the same
 * chance (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S). */
static void choose_rows(struct finding *finding)
{
    const size_t n_all = finding->frame->n_rows;
    mer_rng rng;
    size_t chosen = 0;

    mer_rng_init(&rng, SAMPLE_SEED, mer_rng_stream("association rows", 0));
    for (size_t row = 0; row < n_all && chosen < finding->n_rows; row++)
        if (finding->n_rows == n_all || mer_rng_below(&rng, n_all - row) < finding->n_rows - chosen)
            finding->rows[chosen++] = (uint32_t)row;
}

static size_t sample_size(size_t n_rows, size_t n_variables)
{
    const double n_pairs = fmax(1, (double)n_variables * ((double)n_variables - 1) / 2);
    const double by_work = fmax(ROWS_MIN, WORK_MAX / n_pairs);
    const size_t most = by_work < MER_ASSOCIATION_ROWS ? (size_t)by_work : MER_ASSOCIATION_ROWS;
    return n_rows < most ? n_rows : most;
}

static mer_status ready_number(struct finding *finding, struct mer_variable *variable,
                               struct mer_order_item *items, double *present, mer_err *err)
{
    struct mer_alloc *const alloc = finding->ctx->alloc;
    const struct mer_column *const column = &finding->frame->columns[variable->column];
    const size_t n_rows = finding->n_rows;

    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(*variable->values), &variable->values, err));
    MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(*variable->order), &variable->order, err));
    for (size_t i = 0; i < n_rows; i++) {
        const size_t row = finding->rows[i];
        double value = mer_column_has(column, row) ? mer_profile_value(column, row) : (double)NAN;
        if (!isfinite(value))
            value = (double)NAN;
        else
            present[variable->n_present++] = value;
        variable->values[i] = value;
    }
    variable->has_missing = variable->n_present < n_rows;
    variable->is_flat = true;
    for (size_t i = 1; i < variable->n_present; i++)
        variable->is_flat = variable->is_flat && present[i] == present[0];
    mer_order_doubles(present, variable->n_present, items, variable->order);
    if (!variable->has_missing) {
        MER_GUARD(
            mer_alloc_array(alloc, n_rows, sizeof(*variable->scores), &variable->scores, err));
        MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(*variable->ranks), &variable->ranks, err));
        memcpy(variable->scores, variable->values, n_rows * sizeof(*variable->scores));
        mer_normalise(variable->scores, n_rows);
        mer_ranks(variable->values, variable->order, n_rows, variable->ranks);
        mer_normalise(variable->ranks, n_rows);
        return mer_ok();
    }
    /* From numbers of present values to rows. */
    size_t n = 0;
    uint32_t *row_of = (uint32_t *)items;
    for (size_t i = 0; i < n_rows; i++)
        if (!isnan(variable->values[i]))
            row_of[n++] = (uint32_t)i;
    for (size_t i = 0; i < variable->n_present; i++)
        variable->order[i] = row_of[variable->order[i]];
    return mer_ok();
}

/* Codes of the most frequent levels; all others share the last. */
static mer_status ready_category(struct finding *finding, struct mer_variable *variable,
                                 struct mer_order_item *items, double *counts, mer_err *err)
{
    struct mer_alloc *const alloc = finding->ctx->alloc;
    const struct mer_column *const column = &finding->frame->columns[variable->column];
    const bool is_boolean = column->type == MER_TYPE_BOOLEAN;
    const size_t n_levels = is_boolean ? 2 : column->n_levels;
    int16_t *code_of;
    uint32_t *seen, *order;

    MER_GUARD(
        mer_alloc_array(alloc, finding->n_rows, sizeof(*variable->codes), &variable->codes, err));
    MER_GUARD(mer_alloc_array(alloc, n_levels, sizeof(*code_of) + 2 * sizeof(*seen), &seen, err));
    order = seen + n_levels;
    code_of = (int16_t *)(order + n_levels);
    memset(seen, 0, n_levels * sizeof(*seen));
    for (size_t i = 0; i < finding->n_rows; i++) {
        const size_t row = finding->rows[i];
        if (mer_column_has(column, row))
            seen[is_boolean ? (size_t)mer_profile_value(column, row)
                            : (size_t)column->data.codes[row]]++;
    }
    /* Levels that the sample has; there are no more of them than rows. */
    size_t n_seen = 0;
    for (size_t k = 0; k < n_levels; k++)
        if (seen[k] > 0)
            counts[n_seen++] = -(double)seen[k];
    mer_order_doubles(counts, n_seen, items, order);
    for (size_t k = 0; k < n_seen; k++) /* seen becomes the rank of the k-th seen level */
        ((uint32_t *)items)[order[k]] = (uint32_t)k;
    n_seen = 0;
    for (size_t k = 0; k < n_levels; k++) {
        const uint32_t rank = seen[k] > 0 ? ((uint32_t *)items)[n_seen++] : 0;
        code_of[k] = (int16_t)(rank < MER_ASSOCIATION_LEVELS ? rank : MER_ASSOCIATION_LEVELS);
    }
    variable->n_codes = n_seen <= MER_ASSOCIATION_LEVELS ? n_seen : MER_ASSOCIATION_LEVELS + 1;
    for (size_t i = 0; i < finding->n_rows; i++) {
        const size_t row = finding->rows[i];
        variable->codes[i] = (int16_t)-1;
        if (mer_column_has(column, row))
            variable->codes[i] = code_of[is_boolean ? (size_t)mer_profile_value(column, row)
                                                    : (size_t)column->data.codes[row]];
        else
            variable->has_missing = true;
    }
    mer_free(alloc, seen);
    return mer_ok();
}

static void ready_task(void *argument, size_t task, size_t worker)
{
    struct finding *const finding = argument;
    struct mer_variable *const variable = &finding->variables[task];
    mer_err *const err = &finding->errors[task];

    mer_err_clear(err);
    finding->statuses[task] = variable->is_number
                                  ? ready_number(finding, variable, finding->items[worker],
                                                 finding->scratch[worker].x, err)
                                  : ready_category(finding, variable, finding->items[worker],
                                                   finding->scratch[worker].x, err);
}

static void pair_task(void *argument, size_t task, size_t worker)
{
    struct finding *const finding = argument;
    const size_t i = finding->first_task + task;
    struct mer_association *pair = finding->pairs + pair_at(finding->n, i);

    for (size_t k = i + 1; k < finding->n; k++)
        mer_variables_compare(&finding->variables[i], &finding->variables[k], finding->n_rows,
                              &finding->scratch[worker], pair++);
}

static mer_status first_failure(const struct finding *finding, mer_err *err)
{
    for (size_t i = 0; i < finding->n; i++) {
        if (mer_is_ok(finding->statuses[i]))
            continue;
        if (err)
            *err = finding->errors[i];
        return finding->statuses[i];
    }
    return mer_ok();
}

static mer_status allocate_scratch(struct finding *finding, mer_err *err)
{
    enum { LEVELS = MER_ASSOCIATION_LEVELS + 1 };
    struct mer_alloc *const alloc = finding->ctx->alloc;
    const size_t n_workers = mer_team_size(finding->ctx->team), n_rows = finding->n_rows;

    MER_GUARD(mer_alloc_zero(alloc, n_workers, sizeof(*finding->items), &finding->items, err));
    MER_GUARD(mer_alloc_zero(alloc, n_workers, sizeof(*finding->scratch), &finding->scratch, err));
    for (size_t w = 0; w < n_workers; w++) {
        struct mer_pair_scratch *const scratch = &finding->scratch[w];
        MER_GUARD(
            mer_alloc_array(alloc, n_rows, 2 * sizeof(**finding->items), &finding->items[w], err));
        MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(double), &scratch->x, err));
        MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(double), &scratch->y, err));
        MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(double), &scratch->by_row, err));
        MER_GUARD(mer_alloc_array(alloc, n_rows, sizeof(uint32_t), &scratch->order, err));
        MER_GUARD(mer_alloc_array(alloc, LEVELS, sizeof(double), &scratch->sums, err));
        MER_GUARD(mer_alloc_array(alloc, (size_t)LEVELS * LEVELS, sizeof(uint32_t),
                                  &scratch->counts, err));
    }
    return mer_ok();
}

static mer_status allocate(struct finding *finding, mer_err *err)
{
    struct mer_alloc *const alloc = finding->ctx->alloc;

    MER_GUARD(mer_alloc_array(alloc, finding->n_rows, sizeof(*finding->rows), &finding->rows, err));
    MER_GUARD(
        mer_alloc_array(alloc, finding->n, sizeof(*finding->statuses), &finding->statuses, err));
    MER_GUARD(mer_alloc_array(alloc, finding->n, sizeof(*finding->errors), &finding->errors, err));
    MER_GUARD(mer_alloc_array(alloc, pair_at(finding->n, finding->n) + 1, sizeof(*finding->pairs),
                              &finding->pairs, err));
    return allocate_scratch(finding, err);
}

static void release(struct finding *finding)
{
    struct mer_alloc *const alloc = finding->ctx->alloc;
    const size_t n_workers = mer_team_size(finding->ctx->team);

    for (size_t i = 0; finding->variables && i < finding->n; i++) {
        struct mer_variable *const variable = &finding->variables[i];
        mer_free(alloc, variable->values);
        mer_free(alloc, variable->order);
        mer_free(alloc, variable->scores);
        mer_free(alloc, variable->ranks);
        mer_free(alloc, variable->codes);
    }
    for (size_t w = 0; finding->items && w < n_workers; w++)
        mer_free(alloc, finding->items[w]);
    for (size_t w = 0; finding->scratch && w < n_workers; w++) {
        mer_free(alloc, finding->scratch[w].x);
        mer_free(alloc, finding->scratch[w].y);
        mer_free(alloc, finding->scratch[w].by_row);
        mer_free(alloc, finding->scratch[w].order);
        mer_free(alloc, finding->scratch[w].sums);
        mer_free(alloc, finding->scratch[w].counts);
    }
    mer_free(alloc, finding->variables);
    mer_free(alloc, finding->items);
    mer_free(alloc, finding->scratch);
    mer_free(alloc, finding->rows);
    mer_free(alloc, finding->statuses);
    mer_free(alloc, finding->errors);
    mer_free(alloc, finding->pairs);
}

static void keep_strongest(struct mer_associations *found, const struct mer_association *pair)
{
    const double strength = mer_association_strength(pair);
    size_t at = found->n_top;
    if (isnan(strength) ||
        (at == MER_ASSOCIATION_TOP && mer_association_strength(&found->top[at - 1]) >= strength))
        return;
    at = at < MER_ASSOCIATION_TOP ? found->n_top++ : at - 1;
    for (; at > 0 && mer_association_strength(&found->top[at - 1]) < strength; at--)
        found->top[at] = found->top[at - 1];
    found->top[at] = *pair;
}

/* The variables with the strongest pairs, in table order, into ret_chosen[n_shown]. */
static mer_status choose_shown(const struct finding *finding, struct mer_associations *found,
                               uint32_t *ret_chosen, mer_err *err)
{
    double *strongest;
    const size_t n = finding->n;

    MER_GUARD(mer_alloc_zero(finding->ctx->alloc, n, sizeof(*strongest), &strongest, err));
    const struct mer_association *pair = finding->pairs;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++, pair++) {
            const double strength = mer_association_strength(pair);
            if (isnan(strength))
                continue;
            strongest[i] = fmax(strongest[i], strength);
            strongest[k] = fmax(strongest[k], strength);
        }
    for (size_t i = 0; i < n; i++) {
        size_t n_stronger = 0;
        for (size_t k = 0; k < n; k++)
            n_stronger += strongest[k] > strongest[i] || (strongest[k] == strongest[i] && k < i);
        if (n_stronger < MER_ASSOCIATION_SHOWN)
            ret_chosen[found->n_shown++] = (uint32_t)i;
    }
    mer_free(finding->ctx->alloc, strongest);
    return mer_ok();
}

static mer_status collect(const struct finding *finding, struct mer_associations *found,
                          mer_err *err)
{
    const size_t n = finding->n, n_pairs = pair_at(n, n);
    uint32_t chosen[MER_ASSOCIATION_SHOWN];

    for (size_t i = 0; i < n_pairs; i++)
        keep_strongest(found, &finding->pairs[i]);
    MER_GUARD(choose_shown(finding, found, chosen, err));
    MER_GUARD(mer_alloc_zero(finding->ctx->alloc, found->n_shown * found->n_shown,
                             sizeof(*found->cells), &found->cells, err));
    for (size_t i = 0; i < found->n_shown; i++) {
        found->shown[i] = finding->variables[chosen[i]].column;
        for (size_t k = i + 1; k < found->n_shown; k++)
            found->cells[i * found->n_shown + k] =
                finding->pairs[pair_at(n, chosen[i]) + chosen[k] - chosen[i] - 1];
    }
    return mer_ok();
}

static mer_status compare_all(struct finding *finding, mer_err *err)
{
    enum { BATCH = 16 }; /* tasks between two looks at the progress */
    const struct mer_ctx *const ctx = finding->ctx;

    for (size_t i = 0; i < finding->n; i += BATCH) {
        mer_ctx_progress(ctx, "correlating", i, finding->n);
        MER_GUARD(mer_ctx_check_cancel(ctx, err));
        finding->first_task = i;
        mer_team_run(ctx->team, pair_task, finding,
                     finding->n - i < BATCH ? finding->n - i : BATCH);
    }
    mer_ctx_progress(ctx, "correlating", finding->n, finding->n);
    return mer_ok();
}

static mer_status find(struct finding *finding, const bool *takes_part,
                       struct mer_associations *found, mer_err *err)
{
    const struct mer_frame *const frame = finding->frame;

    MER_GUARD(mer_alloc_zero(finding->ctx->alloc, MER_ASSOCIATION_COLUMNS,
                             sizeof(*finding->variables), &finding->variables, err));
    for (size_t i = 0; i < frame->n_columns; i++) {
        const enum mer_type type = frame->columns[i].type;
        if (!takes_part[i] || type == MER_TYPE_TEXT)
            continue;
        if (finding->n == MER_ASSOCIATION_COLUMNS) {
            found->columns_left = true;
            break;
        }
        finding->variables[finding->n++] = (struct mer_variable){
            .column = (uint32_t)i, .is_number = mer_profile_is_measured(type)};
    }
    found->n_columns = finding->n;
    if (finding->n < 2)
        return mer_ok();
    found->n_rows = finding->n_rows = sample_size(frame->n_rows, finding->n);
    MER_GUARD(allocate(finding, err));
    choose_rows(finding);
    mer_team_run(finding->ctx->team, ready_task, finding, finding->n);
    MER_GUARD(first_failure(finding, err));
    MER_GUARD(compare_all(finding, err));
    return collect(finding, found, err);
}

mer_status mer_associations_find(const struct mer_ctx *ctx, const struct mer_frame *frame,
                                 const bool *takes_part, struct mer_associations *ret, mer_err *err)
{
    struct finding finding = {.ctx = ctx, .frame = frame};
    const mer_status status = find(&finding, takes_part, ret, err);
    release(&finding);
    return status;
}

void mer_associations_release(struct mer_alloc *alloc, struct mer_associations *associations)
{
    mer_free(alloc, associations->cells);
    associations->cells = NULL;
}
