/* Fits the preprocessing: learns every column on its own, then numbers the dense columns and groups
 * that come of them.
 */
#include "automl/prepare.h"

#include <string.h>

#include "automl/prepare_internal.h"
#include "core/team.h"

enum { LEARN_TASKS_MAX = 64 };

const char *mer_left_out_reason(enum mer_left_out left_out)
{
    static const char *const reasons[MER_LEFT_OUT_COUNT] = {
        [MER_LEFT_OUT_NOT] = "in use",
        [MER_LEFT_OUT_CONSTANT] = "constant",
        [MER_LEFT_OUT_NO_VALUE] = "no value present",
        [MER_LEFT_OUT_IDENTIFIER] = "identifies rows",
        [MER_LEFT_OUT_TEXT] = "free text",
        [MER_LEFT_OUT_LEAK] = "it alone nearly tells the target",
        [MER_LEFT_OUT_DUPLICATE] = "a copy of another column",
    };
    return reasons[left_out];
}

const char *mer_column_role_name(enum mer_column_role role)
{
    static const char *const names[MER_COLUMN_ROLES] = {
        [MER_COLUMN_NUMBER] = "number",         [MER_COLUMN_CATEGORY] = "category",
        [MER_COLUMN_ORDINAL] = "ordinal",       [MER_COLUMN_BOOLEAN] = "boolean",
        [MER_COLUMN_TIME] = "date or time",     [MER_COLUMN_TEXT] = "text",
        [MER_COLUMN_IDENTIFIER] = "identifier", [MER_COLUMN_CONSTANT] = "constant",
        [MER_COLUMN_DUPLICATE] = "duplicate",
    };
    return names[role];
}

const char *mer_column_reason_text(enum mer_column_reason reason)
{
    static const char *const texts[MER_BECAUSE_COUNT] = {
        [MER_BECAUSE_UNKNOWN] = "the model does not say why",
        [MER_BECAUSE_NUMBERS] = "its values are numbers",
        [MER_BECAUSE_TRUTH] = "its values are true and false",
        [MER_BECAUSE_TIMES] = "its values are dates or times",
        [MER_BECAUSE_LEVELS] = "its texts repeat",
        [MER_BECAUSE_ORDERED] = "the schema orders its categories",
        [MER_BECAUSE_WORDS] = "its texts have several words",
        [MER_BECAUSE_SCHEMA_TEXT] = "the schema says that it is text",
        [MER_BECAUSE_SCHEMA_FEATURE] = "the schema says that it is a feature",
        [MER_BECAUSE_OWN_VALUE] = "nearly every row has a value of its own",
        [MER_BECAUSE_NUMBERS_ROWS] = "it numbers the rows",
        [MER_BECAUSE_NO_LEVEL] = "none of its texts occurs often enough to learn from",
        [MER_BECAUSE_ONE_VALUE] = "it has one value in all rows",
        [MER_BECAUSE_NO_VALUE] = "it has no value in any row",
        [MER_BECAUSE_MANY_LEVELS] = "its texts repeat, and there are many of them",
        [MER_BECAUSE_LEAK] = "it alone nearly tells the target",
        [MER_BECAUSE_COPY] = "another column says the same in every row",
    };
    return texts[reason];
}

mer_status mer_prepare_new(struct mer_alloc *alloc, struct mer_prepare **ret_prepare, mer_err *err)
{
    struct mer_prepare *prepare;

    MER_GUARD(mer_alloc_zero(alloc, 1, sizeof(*prepare), &prepare, err));
    prepare->alloc = alloc;
    mer_arena_init(&prepare->arena, alloc);
    *ret_prepare = prepare;
    return mer_ok();
}

void mer_prepare_free(const struct mer_ctx *ctx, struct mer_prepare *prepare)
{
    (void)ctx;
    if (!prepare)
        return;
    struct mer_alloc *alloc = prepare->alloc;
    mer_prepare_forget(prepare);
    mer_arena_release(&prepare->arena);
    mer_free(alloc, prepare);
}

/* For every dense column the one, made of the same column, that tells where it was imputed. */
static mer_status find_indicators(struct mer_prepare *prepare, mer_err *err)
{
    const size_t stride = mer_prepare_stride(prepare);
    MER_GUARD(mer_arena_zero(&prepare->arena, stride, sizeof(*prepare->indicators),
                             &prepare->indicators, err));
    for (size_t d = prepare->n_dense; d < stride; d++)
        prepare->indicators[d] = MER_NO_INDICATOR;
    for (size_t first = 0, next; first < prepare->n_dense; first = next) {
        uint32_t indicator = MER_NO_INDICATOR;
        for (next = first;
             next < prepare->n_dense && prepare->dense[next].column == prepare->dense[first].column;
             next++)
            if (prepare->dense[next].part == MER_PART_MISSING)
                indicator = (uint32_t)next;
        for (size_t d = first; d < next; d++)
            prepare->indicators[d] = d == indicator ? MER_NO_INDICATOR : indicator;
    }
    return mer_ok();
}

static mer_status number_groups(struct mer_prepare *prepare, mer_err *err)
{
    size_t n_groups = 0;

    for (size_t i = 0; i < prepare->n_columns; i++)
        n_groups += prepare->columns[i].type == MER_TYPE_CATEGORICAL &&
                    prepare->columns[i].left_out == MER_LEFT_OUT_NOT;
    MER_GUARD(mer_arena_zero(&prepare->arena, n_groups, sizeof(*prepare->group_column),
                             &prepare->group_column, err));
    MER_GUARD(mer_arena_zero(&prepare->arena, n_groups + 1, sizeof(*prepare->group_start),
                             &prepare->group_start, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        const struct mer_learned_column *column = &prepare->columns[i];
        if (column->type != MER_TYPE_CATEGORICAL || column->left_out != MER_LEFT_OUT_NOT)
            continue;
        const size_t g = prepare->n_groups++;
        const uint32_t width = mer_learned_width(column);
        if (width > UINT32_MAX - prepare->group_start[g])
            return mer_fail(err, MER_ERR_DATA,
                            "the categorical columns together have more than 2^32 levels");
        prepare->group_column[g] = (uint32_t)i;
        prepare->group_start[g + 1] = prepare->group_start[g] + width;
    }
    return mer_ok();
}

/* Where the features of each text are among those of all. */
static mer_status place_texts(struct mer_prepare *prepare, mer_err *err)
{
    prepare->n_terms = 0;
    prepare->n_components = 0;
    for (size_t i = 0; i < prepare->n_texts; i++) {
        struct mer_text_features *text = &prepare->texts[i];
        text->first_term = prepare->n_terms;
        text->first_component = prepare->n_components;
        prepare->n_terms += text->n_terms;
        prepare->n_components += text->n_components;
    }
    if (prepare->n_terms > UINT32_MAX)
        return mer_fail(err, MER_ERR_DATA, "the text columns have more than 2^32 terms");
    return mer_ok();
}

mer_status mer_prepare_number_features(struct mer_prepare *prepare, mer_err *err)
{
    MER_GUARD(place_texts(prepare, err));
    MER_GUARD(find_indicators(prepare, err));
    return number_groups(prepare, err);
}

/* Columns are learned in parallel, in a number of tasks that depends on their number alone. */
struct learn_job {
    const struct mer_ctx *ctx;
    const struct mer_frame *frame;
    const struct mer_prepare_options *options;
    const uint32_t *rows;
    size_t n_rows;
    const uint32_t *sources; /* [n_columns]: the frame's column of each feature column */
    size_t n_columns;
    size_t n_tasks;
    struct mer_learning *learned; /* [n_columns] */
    struct learn_result {
        mer_status status;
        mer_err err;
    } results[LEARN_TASKS_MAX];
};

mer_status mer_prepare_hints(struct mer_alloc *alloc, const struct mer_frame *frame,
                             const struct mer_schema *schema, uint8_t **ret_hints, mer_err *err)
{
    uint8_t *hints;

    MER_GUARD(mer_alloc_zero(alloc, frame->n_columns, 1, &hints, err));
    for (size_t i = 0; i < frame->n_columns; i++) {
        unsigned part;
        const struct mer_field *field =
            mer_schema_field_of_column(schema, frame->columns[i].name, i, &part);
        if (!field)
            continue;
        hints[i] = (uint8_t)((field->role == MER_ROLE_FEATURE ? MER_HINT_FEATURE : 0) |
                             (field->flags & MER_FIELD_TEXT ? MER_HINT_TEXT : 0) |
                             (field->categories_ordered ? MER_HINT_ORDERED : 0));
    }
    *ret_hints = hints;
    return mer_ok();
}

static unsigned hints_of(const struct learn_job *job, size_t source)
{
    return job->options->hints ? job->options->hints[source] : 0;
}

static mer_status learn_columns(struct learn_job *job, size_t first, size_t end, mer_err *err)
{
    double *scratch;
    mer_status status;

    MER_GUARD(mer_alloc_array(job->ctx->alloc, job->n_rows, sizeof(*scratch), &scratch, err));
    for (size_t i = first; i < end; i++) {
        MER_GUARD_GOTO(mer_ctx_check_cancel(job->ctx, err), out);
        MER_GUARD_GOTO(mer_learn_column(job->ctx->alloc, &job->frame->columns[job->sources[i]],
                                        hints_of(job, job->sources[i]), job->rows, job->n_rows,
                                        scratch, &job->learned[i], err),
                       out);
    }
    status = mer_ok();
out:
    mer_free(job->ctx->alloc, scratch);
    return status;
}

static void learn_task(void *argument, size_t task, size_t worker)
{
    struct learn_job *job = argument;
    struct learn_result *result = &job->results[task];

    (void)worker;
    mer_err_clear(&result->err);
    result->status = learn_columns(job, task * job->n_columns / job->n_tasks,
                                   (task + 1) * job->n_columns / job->n_tasks, &result->err);
}

static mer_status run_learning(struct learn_job *job, mer_err *err)
{
    job->n_tasks = job->n_columns < LEARN_TASKS_MAX ? job->n_columns : LEARN_TASKS_MAX;
    mer_team_run(job->ctx->team, learn_task, job, job->n_tasks);
    for (size_t i = 0; i < job->n_tasks; i++) {
        if (!mer_is_ok(job->results[i].status)) {
            if (err)
                *err = job->results[i].err;
            return job->results[i].status;
        }
    }
    return mer_ok();
}

/* Whether what was learned of two columns could come of the same cells. */
static bool learned_alike(const struct mer_learning *a, const struct mer_learning *b)
{
    const struct mer_learned_column *x = &a->column, *y = &b->column;
    if (x->type != y->type || x->left_out != MER_LEFT_OUT_NOT || y->left_out != MER_LEFT_OUT_NOT ||
        a->n_parts != b->n_parts || x->n_levels != y->n_levels || x->low != y->low ||
        x->high != y->high || x->fill != y->fill || x->fill_time != y->fill_time)
        return false;
    for (size_t p = 0; p < a->n_parts; p++)
        if (a->parts[p].part != b->parts[p].part || a->parts[p].mean != b->parts[p].mean ||
            a->parts[p].scale != b->parts[p].scale)
            return false;
    return true;
}

static uint64_t print_of(const struct learn_job *job, size_t i, uint64_t *prints)
{
    if (prints[i] == 0)
        prints[i] = mer_column_print(&job->frame->columns[job->sources[i]], job->rows, job->n_rows);
    return prints[i];
}

/* Whether column i says the same in every row as a column before it. */
static bool is_copy(const struct learn_job *job, size_t i, uint64_t *prints)
{
    const struct mer_column *columns = job->frame->columns;
    for (size_t k = 0; k < i; k++)
        if (learned_alike(&job->learned[i], &job->learned[k]) &&
            print_of(job, i, prints) == print_of(job, k, prints) &&
            mer_columns_equal(&columns[job->sources[i]], &columns[job->sources[k]], job->rows,
                              job->n_rows))
            return true;
    return false;
}

/* Of columns that say the same in every row the first stays. */
static mer_status leave_out_copies(struct learn_job *job, mer_err *err)
{
    mer_status status = mer_ok();
    uint64_t *prints;

    MER_GUARD(mer_alloc_zero(job->ctx->alloc, job->n_columns, sizeof(*prints), &prints, err));
    for (size_t i = 1; i < job->n_columns && mer_is_ok(status); i++) {
        status = mer_ctx_check_cancel(job->ctx, err);
        if (!job->learned[i].is_said_feature && is_copy(job, i, prints))
            mer_learning_leave_out(&job->learned[i], MER_LEFT_OUT_DUPLICATE, MER_COLUMN_DUPLICATE,
                                   MER_BECAUSE_COPY);
    }
    mer_free(job->ctx->alloc, prints);
    return status;
}

static mer_status copy_levels(struct mer_prepare *prepare, const struct mer_column *source,
                              const struct mer_learning *learning,
                              struct mer_learned_column *column, mer_err *err)
{
    column->first_level = prepare->n_levels;
    for (size_t k = 0; k < column->n_levels; k++) {
        const struct mer_cell level = mer_column_level(source, (size_t)learning->levels[k]);
        struct mer_level *copy = &prepare->levels[prepare->n_levels++];
        MER_GUARD(mer_arena_text(&prepare->arena, level.bytes, level.n, &copy->text, err));
        copy->n = level.n;
    }
    return mer_ok();
}

static mer_status learn_texts(const struct learn_job *job, struct mer_prepare *prepare,
                              mer_err *err)
{
    const enum mer_components wanted = job->options->without_condensed ? MER_COMPONENTS_NONE
                                       : job->options->shape_only      ? MER_COMPONENTS_ZERO
                                                                       : MER_COMPONENTS_LEARNED;
    size_t n_entries = 0, n = 0;

    for (size_t i = 0; i < prepare->n_columns; i++)
        n += mer_is_text_in_use(&prepare->columns[i]);
    MER_GUARD(mer_arena_zero(&prepare->arena, n, sizeof(*prepare->texts), &prepare->texts, err));
    for (size_t i = 0; i < prepare->n_columns; i++) {
        struct mer_text_features *text = &prepare->texts[prepare->n_texts];
        if (!mer_is_text_in_use(&prepare->columns[i]))
            continue;
        MER_GUARD(mer_text_learn(job->ctx, &prepare->arena, &job->frame->columns[job->sources[i]],
                                 job->rows, job->n_rows, job->options->seed + i, wanted, text,
                                 err));
        text->column = (uint32_t)i;
        n_entries += text->terms_a_row;
        prepare->n_texts++;
    }
    prepare->terms_a_row = n_entries;
    return mer_ok();
}

/* Puts what was learned, column by column, into one preprocessing. */
static mer_status assemble(const struct learn_job *job, struct mer_prepare *prepare, mer_err *err)
{
    struct mer_arena *arena = &prepare->arena;
    size_t n_dense = 0, n_levels = 0;

    for (size_t i = 0; i < job->n_columns; i++) {
        n_dense += job->learned[i].n_parts;
        n_levels += job->learned[i].column.n_levels;
    }
    MER_GUARD(
        mer_arena_zero(arena, job->n_columns, sizeof(*prepare->columns), &prepare->columns, err));
    MER_GUARD(mer_arena_zero(arena, n_dense, sizeof(*prepare->dense), &prepare->dense, err));
    MER_GUARD(mer_arena_zero(arena, n_levels, sizeof(*prepare->levels), &prepare->levels, err));
    for (size_t i = 0; i < job->n_columns; i++) {
        const struct mer_learning *learning = &job->learned[i];
        const struct mer_column *source = &job->frame->columns[job->sources[i]];
        struct mer_learned_column *column = &prepare->columns[prepare->n_columns++];
        *column = learning->column;
        column->n_name = source->n_name;
        column->n_dense = learning->n_parts;
        MER_GUARD(mer_arena_text(arena, source->name, source->n_name, &column->name, err));
        MER_GUARD(copy_levels(prepare, source, learning, column, err));
        for (size_t p = 0; p < learning->n_parts; p++)
            prepare->dense[prepare->n_dense++] =
                (struct mer_dense_column){.column = (uint32_t)i,
                                          .part = learning->parts[p].part,
                                          .mean = learning->parts[p].mean,
                                          .scale = learning->parts[p].scale};
    }
    MER_GUARD(learn_texts(job, prepare, err));
    return mer_prepare_number_features(prepare, err);
}

static void release_job(struct learn_job *job)
{
    struct mer_alloc *alloc = job->ctx->alloc;

    for (size_t i = 0; job->learned && i < job->n_columns; i++)
        mer_free(alloc, job->learned[i].levels);
    mer_free(alloc, job->learned);
    mer_free(alloc, (void *)job->sources);
}

static mer_status fit_columns(struct learn_job *job, size_t target,
                              struct mer_prepare **ret_prepare, mer_err *err)
{
    struct mer_alloc *alloc = job->ctx->alloc;
    struct mer_prepare *prepare;
    uint32_t *sources;

    MER_GUARD(mer_alloc_array(alloc, job->frame->n_columns, sizeof(*sources), &sources, err));
    job->sources = sources;
    for (size_t i = 0; i < job->frame->n_columns; i++)
        if (i != target)
            sources[job->n_columns++] = (uint32_t)i;
    MER_GUARD(mer_alloc_zero(alloc, job->n_columns, sizeof(*job->learned), &job->learned, err));
    MER_GUARD(run_learning(job, err));
    MER_GUARD(leave_out_copies(job, err));
    mer_since_learn(job->frame, job->sources, job->n_columns, job->rows, job->n_rows, job->learned);
    MER_GUARD(mer_prepare_new(alloc, &prepare, err));
    mer_status status =
        mer_encodings_learn(job->ctx, prepare, job->frame, job->sources, job->n_columns, job->rows,
                            job->n_rows, job->options, job->learned, err);
    if (mer_is_ok(status))
        status = assemble(job, prepare, err);
    if (!mer_is_ok(status)) {
        mer_prepare_free(job->ctx, prepare);
        return status;
    }
    *ret_prepare = prepare;
    return mer_ok();
}

mer_status mer_prepare_fit(const struct mer_ctx *ctx, const struct mer_frame *frame, size_t target,
                           const uint32_t *rows, size_t n_rows,
                           const struct mer_prepare_options *options,
                           struct mer_prepare **ret_prepare, mer_err *err)
{
    static const struct mer_prepare_options none = {.hints = NULL};
    struct learn_job *job;

    if (!rows)
        n_rows = frame->n_rows;
    if (n_rows == 0)
        return mer_fail(err, MER_ERR_DATA, "the table has no rows to learn from");
    MER_GUARD(mer_alloc_zero(ctx->alloc, 1, sizeof(*job), &job, err));
    job->ctx = ctx;
    job->frame = frame;
    job->options = options ? options : &none;
    job->rows = rows;
    job->n_rows = n_rows;
    const mer_status status = fit_columns(job, target, ret_prepare, err);
    release_job(job);
    mer_free(ctx->alloc, job);
    return status;
}

void mer_prepare_shape(const struct mer_prepare *prepare, struct mer_design *ret_shape)
{
    *ret_shape = (struct mer_design){.n_dense = mer_prepare_stride(prepare),
                                     .n_condensed = prepare->n_components,
                                     .n_sparse = prepare->n_terms,
                                     .sparse_row = prepare->terms_a_row,
                                     .indicators = prepare->indicators,
                                     .n_groups = prepare->n_groups,
                                     .group_start = prepare->group_start};
}

/* The column of that name; NULL: there is none. */
static const struct mer_learned_column *find_column(const struct mer_prepare *prepare,
                                                    const char *name)
{
    for (size_t i = 0; i < prepare->n_columns; i++)
        if (strcmp(prepare->columns[i].name, name) == 0)
            return &prepare->columns[i];
    return NULL;
}

static mer_status set_direction(const struct mer_prepare *prepare,
                                const struct mer_direction *direction, int8_t *monotone,
                                mer_err *err)
{
    const struct mer_learned_column *column = find_column(prepare, direction->column);
    if (!column)
        return mer_fail(err, MER_ERR_USAGE, "there is no column %s that predictions could follow",
                        mer_quote(direction->column).text);
    if (!mer_type_is_number(column->type))
        return mer_fail(
            err, MER_ERR_USAGE,
            "predictions can rise or fall with numbers only, and column %s is of type %s",
            mer_quote(direction->column).text, mer_type_name(column->type));
    for (size_t d = 0; d < prepare->n_dense; d++)
        if (prepare->dense[d].part == MER_PART_VALUE &&
            &prepare->columns[prepare->dense[d].column] == column)
            monotone[d] = (int8_t)direction->direction;
    return mer_ok();
}

mer_status mer_prepare_directions(const struct mer_ctx *ctx, const struct mer_prepare *prepare,
                                  const struct mer_direction *directions, size_t n_directions,
                                  int8_t **ret_monotone, mer_err *err)
{
    int8_t *monotone = NULL;
    mer_status status = mer_ok();
    if (n_directions > 0)
        status = mer_alloc_zero(ctx->alloc, mer_prepare_stride(prepare), 1, &monotone, err);
    for (size_t i = 0; mer_is_ok(status) && i < n_directions; i++)
        status = set_direction(prepare, &directions[i], monotone, err);
    if (!mer_is_ok(status)) {
        mer_free(ctx->alloc, monotone);
        return status;
    }
    *ret_monotone = monotone;
    return mer_ok();
}

size_t mer_prepare_n_columns(const struct mer_prepare *prepare)
{
    return prepare->n_columns;
}

static const struct mer_text_features *text_of(const struct mer_prepare *prepare, size_t column)
{
    for (size_t i = 0; i < prepare->n_texts; i++)
        if (prepare->texts[i].column == column)
            return &prepare->texts[i];
    return NULL;
}

void mer_prepare_describe(const struct mer_prepare *prepare, size_t column,
                          struct mer_prepare_column *ret)
{
    const struct mer_learned_column *learned = &prepare->columns[column];
    const struct mer_text_features *text = text_of(prepare, column);

    *ret =
        (struct mer_prepare_column){.name = learned->name,
                                    .type = learned->type,
                                    .left_out = learned->left_out,
                                    .role = learned->role,
                                    .reason = learned->reason,
                                    .is_leak = learned->is_leak,
                                    .n_dense = learned->n_dense + (text ? text->n_components : 0),
                                    .n_levels = learned->n_levels,
                                    .n_terms = text ? text->n_terms : 0};
}

struct mer_prepare_place mer_prepare_place(const struct mer_prepare *prepare, size_t column)
{
    const struct mer_text_features *text = text_of(prepare, column);
    struct mer_prepare_place place = {.n_dense = prepare->columns[column].n_dense,
                                      .group = SIZE_MAX};

    for (size_t i = 0; i < column; i++)
        place.first_dense += prepare->columns[i].n_dense;
    for (size_t g = 0; g < prepare->n_groups; g++)
        if (prepare->group_column[g] == column)
            place.group = g;
    if (text) {
        place.first_condensed = prepare->n_dense + text->first_component;
        place.n_condensed = text->n_components;
        place.first_sparse = text->first_term;
        place.n_sparse = text->n_terms;
    }
    return place;
}
