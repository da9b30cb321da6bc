/* What a selection is, applied, saved and loaded; select_learn.c finds it. */
#include "learn/select.h"

#include <string.h>

#include "core/team.h"
#include "learn/saved.h"
#include "learn/select_internal.h"

enum { TASK_ROWS = 1024 };

void mer_selection_release(const struct mer_ctx *ctx, struct mer_selection *selection)
{
    mer_free(ctx->alloc, selection->kept);
    mer_free(ctx->alloc, selection->group_start);
    mer_free(ctx->alloc, selection->indicators);
    *selection = (struct mer_selection){0};
}

void mer_selected_release(const struct mer_ctx *ctx, struct mer_selected *selected)
{
    mer_free(ctx->alloc, selected->dense);
    mer_free(ctx->alloc, selected->codes);
    *selected = (struct mer_selected){0};
}

/* Which dense column of what is kept says where each one was imputed. */
static mer_status make_indicators(const struct mer_ctx *ctx, const struct mer_design *shape,
                                  struct mer_selection *selection, mer_err *err)
{
    uint32_t *place = NULL;
    uint32_t n = 0;
    if (!shape->indicators)
        return mer_ok();
    MER_GUARD(mer_alloc_array(ctx->alloc, selection->n_kept_dense, sizeof *selection->indicators,
                              &selection->indicators, err));
    MER_GUARD(mer_alloc_array(ctx->alloc, shape->n_dense, sizeof *place, &place, err));
    for (size_t j = 0; j < shape->n_dense; j++)
        place[j] = selection->kept[j] ? n++ : MER_NO_INDICATOR;
    for (size_t j = 0; j < shape->n_dense; j++)
        if (selection->kept[j])
            selection->indicators[place[j]] = shape->indicators[j] == MER_NO_INDICATOR
                                                  ? MER_NO_INDICATOR
                                                  : place[shape->indicators[j]];
    mer_free(ctx->alloc, place);
    return mer_ok();
}

mer_status mer_selection_settle(const struct mer_ctx *ctx, const struct mer_design *shape,
                                struct mer_selection *selection, mer_err *err)
{
    const uint8_t *const groups = selection->kept + shape->n_dense;
    uint32_t begin = 0;
    size_t n = 0;
    selection->n_dense = shape->n_dense;
    selection->n_groups = shape->n_groups;
    for (size_t j = 0; j < shape->n_dense; j++)
        selection->n_kept_dense += selection->kept[j];
    for (size_t g = 0; g < shape->n_groups; g++)
        selection->n_kept_groups += groups[g];
    MER_GUARD(mer_alloc_array(ctx->alloc, selection->n_kept_groups + 1,
                              sizeof *selection->group_start, &selection->group_start, err));
    for (size_t g = 0; g < shape->n_groups; g++) {
        if (!groups[g])
            continue;
        selection->group_start[n++] = begin;
        begin += shape->group_start[g + 1] - shape->group_start[g];
    }
    selection->group_start[n] = begin;
    return make_indicators(ctx, shape, selection, err);
}

mer_status mer_selection_copy(const struct mer_ctx *ctx, const struct mer_selection *from,
                              const struct mer_design *shape, struct mer_selection *ret_selection,
                              mer_err *err)
{
    const size_t n = from->n_dense + from->n_groups;
    if (!from->kept)
        return mer_ok();
    if (from->n_dense != shape->n_dense || from->n_groups != shape->n_groups)
        return mer_fail(err, MER_ERR_DATA, "the model to go on from was fitted for other features");
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n, &ret_selection->kept, err));
    memcpy(ret_selection->kept, from->kept, n);
    return mer_selection_settle(ctx, shape, ret_selection, err);
}

struct mer_design mer_selection_shape(const struct mer_selection *selection,
                                      const struct mer_design *shape)
{
    struct mer_design selected = *shape;
    if (!selection->kept)
        return selected;
    selected.n_dense = selection->n_kept_dense;
    selected.n_groups = selection->n_kept_groups;
    selected.group_start = selection->group_start;
    selected.indicators = selection->indicators;
    return selected;
}

struct application {
    const struct mer_selection *selection;
    const struct mer_design *design;
    struct mer_selected *selected;
};

static void apply_row(const struct application *application, size_t row)
{
    const struct mer_selection *selection = application->selection;
    const struct mer_design *design = application->design;
    double *dense = application->selected->dense + row * selection->n_kept_dense;
    int32_t *codes = application->selected->codes + row * selection->n_kept_groups;
    for (size_t j = 0; j < design->n_dense; j++)
        if (selection->kept[j])
            *dense++ = design->dense[row * design->n_dense + j];
    for (size_t g = 0; g < design->n_groups; g++)
        if (selection->kept[design->n_dense + g])
            *codes++ = design->codes[row * design->n_groups + g];
}

static void apply_rows(void *argument, size_t task, size_t worker)
{
    const struct application *application = argument;
    const size_t n_rows = application->design->n_rows, first = task * TASK_ROWS;
    const size_t end = n_rows - first < TASK_ROWS ? n_rows : first + TASK_ROWS;
    (void)worker;
    for (size_t row = first; row < end; row++)
        apply_row(application, row);
}

mer_status mer_selection_apply(const struct mer_ctx *ctx, const struct mer_selection *selection,
                               const struct mer_design *design, struct mer_selected *ret_selected,
                               mer_err *err)
{
    struct mer_selected selected = {.design = mer_selection_shape(selection, design)};
    if (selection->kept) {
        MER_GUARD(mer_alloc_array(ctx->alloc, design->n_rows,
                                  selection->n_kept_dense * sizeof(double), &selected.dense, err));
        const mer_status status =
            mer_alloc_array(ctx->alloc, design->n_rows, selection->n_kept_groups * sizeof(int32_t),
                            &selected.codes, err);
        if (!mer_is_ok(status)) {
            mer_selected_release(ctx, &selected);
            return status;
        }
        struct application application = {selection, design, &selected};
        mer_team_run(ctx->team, apply_rows, &application,
                     (design->n_rows + TASK_ROWS - 1) / TASK_ROWS);
        selected.design.dense = selected.dense;
        selected.design.codes = selected.codes;
    }
    *ret_selected = selected;
    return mer_ok();
}

/* ---- saving and loading ---- */

mer_status mer_selection_save(const struct mer_selection *selection, const char *prefix,
                              struct mer_bundle *bundle, mer_err *err)
{
    if (!selection->kept)
        return mer_ok();
    return mer_bundle_add_vector(bundle, mer_array_name(prefix, "selected").text, MER_DTYPE_U8,
                                 selection->n_dense + selection->n_groups, selection->kept, err);
}

static mer_status refuse(mer_err *err, const char *what)
{
    return mer_fail(err, MER_ERR_DATA, "which features the model uses is not valid: %s", what);
}

static mer_status check(const uint8_t *kept, const struct mer_design *shape, mer_err *err)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < shape->n_dense + shape->n_groups; i++) {
        if (kept[i] > 1)
            return refuse(err, "it is neither yes nor no");
        n_kept += kept[i];
    }
    if (n_kept == 0)
        return refuse(err, "there is none");
    for (size_t j = mer_design_uncondensed(shape); j < shape->n_dense; j++)
        if (!kept[j])
            return refuse(err, "a part of its texts is missing");
    for (size_t j = 0; shape->indicators && j < shape->n_dense; j++)
        if (kept[j] && shape->indicators[j] != MER_NO_INDICATOR && !kept[shape->indicators[j]])
            return refuse(err, "a column is told apart from where it was missing");
    return mer_ok();
}

mer_status mer_selection_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                              const char *prefix, const struct mer_design *shape,
                              struct mer_selection *ret_selection, mer_err *err)
{
    const struct mer_array_name name = mer_array_name(prefix, "selected");
    const size_t n = shape->n_dense + shape->n_groups;
    const void *kept = NULL;
    *ret_selection = (struct mer_selection){0};
    if (!mer_bundle_find(bundle, name.text))
        return mer_ok();
    MER_GUARD(mer_bundle_get_vector(bundle, name.text, MER_DTYPE_U8, n, &kept, err));
    MER_GUARD(check(kept, shape, err));
    MER_GUARD(mer_alloc_bytes(ctx->alloc, n, &ret_selection->kept, err));
    memcpy(ret_selection->kept, kept, n);
    return mer_selection_settle(ctx, shape, ret_selection, err);
}
