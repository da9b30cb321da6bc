/* A pipeline to a bundle and back; the form is in pipeline.h. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "automl/pipeline.h"
#include "automl/target.h"
#include "core/number.h"
#include "frame/schema_wire.h"
#include "metric/metric.h"

/* The second has ensembles, the third ensembles of two layers. */
enum {
    FORMAT = 3,
    FORMAT_OF_ENSEMBLES = 2,
    FORMAT_OF_ONE_MODEL = 1,
    JSON_BYTES_MAX = 1 << 20,
    JSON_DEPTH_MAX = 16
};

static const char what[] = "the model's description";

/* What a schema file says of the fields beyond their types (frame/schema_wire.h); absent when it
 * says nothing, as without a schema file. */
static mer_status save_fields(const struct mer_schema *schema, struct mer_bundle *bundle,
                              mer_err *err)
{
    bool has_more = false;
    uint8_t *bytes;
    for (size_t i = 0; i < schema->n_fields; i++)
        has_more |= mer_wire_has_more(&schema->fields[i]);
    if (!has_more)
        return mer_ok();
    MER_CLEANUP(mer_buf_release) struct mer_buf buf;
    mer_buf_init(&buf, bundle->arena.alloc, SIZE_MAX);
    for (size_t i = 0; i < schema->n_fields; i++)
        MER_GUARD(mer_wire_put_field(&buf, &schema->fields[i], err));
    MER_GUARD(mer_arena_zero(&bundle->arena, buf.n, 1, &bytes, err));
    memcpy(bytes, buf.bytes, buf.n);
    return mer_bundle_add(bundle, "schema/fields", MER_DTYPE_U8, 1, &buf.n, bytes, false, err);
}

static mer_status save_schema(const struct mer_schema *schema, struct mer_bundle *bundle,
                              mer_err *err)
{
    struct mer_arena *arena = &bundle->arena;
    const char **names;
    size_t *lengths;
    uint8_t *types, *required;

    MER_GUARD(mer_arena_zero(arena, schema->n_fields, sizeof(*names), &names, err));
    MER_GUARD(mer_arena_zero(arena, schema->n_fields, sizeof(*lengths), &lengths, err));
    MER_GUARD(mer_arena_zero(arena, schema->n_fields, 1, &types, err));
    MER_GUARD(mer_arena_zero(arena, schema->n_fields, 1, &required, err));
    for (size_t i = 0; i < schema->n_fields; i++) {
        names[i] = schema->fields[i].name;
        lengths[i] = schema->fields[i].n_name;
        types[i] = (uint8_t)schema->fields[i].type;
        required[i] = schema->fields[i].required;
    }
    MER_GUARD(mer_bundle_add_texts(bundle, "schema/names", schema->n_fields, names, lengths, err));
    MER_GUARD(mer_bundle_add(bundle, "schema/types", MER_DTYPE_U8, 1, &schema->n_fields, types,
                             false, err));
    MER_GUARD(mer_bundle_add(bundle, "schema/required", MER_DTYPE_U8, 1, &schema->n_fields,
                             required, false, err));
    MER_GUARD(save_fields(schema, bundle, err));
    return mer_bundle_add_texts(bundle, "schema/missing_values", schema->n_missing_values,
                                schema->missing_values, NULL, err);
}

/* The first field of the target's name. */
static size_t target_field(const struct mer_pipeline *pipeline)
{
    size_t i = 0;
    while (i < pipeline->schema.n_fields &&
           strcmp(pipeline->schema.fields[i].name, pipeline->target) != 0)
        i++;
    return i;
}

static void write_family(struct mer_json_writer *writer, const struct mer_family *family,
                         const struct mer_params *params)
{
    mer_json_key(writer, "family");
    mer_json_put_string(writer, family->name);
    mer_json_key(writer, "params");
    mer_params_write(family->params, family->n_params, params, writer);
}

/* Numbers of which some may be unknown. */
static void write_scores(struct mer_json_writer *writer, const double *scores, size_t n)
{
    mer_json_begin_array(writer);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(scores[i]))
            mer_json_put_number(writer, scores[i]);
        else
            mer_json_put_null(writer);
    }
    mer_json_end_array(writer);
}

/* What was measured beside the metric that decided; nothing where nothing was. */
static void write_reported(struct mer_json_writer *writer, const struct mer_reported *reported)
{
    if (reported->n == 0)
        return;
    mer_json_key(writer, "reported");
    mer_json_begin_object(writer);
    mer_json_key(writer, "metrics");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < reported->n; i++)
        mer_json_put_string(writer, reported->metrics[i]->name);
    mer_json_end_array(writer);
    mer_json_key(writer, "scores");
    write_scores(writer, reported->scores, reported->n);
    mer_json_end_object(writer);
}

/* Not there where rows were shuffled once, so that such models are what they always were. */
static void write_validation(struct mer_json_writer *writer,
                             const struct mer_validation *validation)
{
    if (validation->kind == MER_FOLDS_SHUFFLED && validation->n_repeats == 1)
        return;
    mer_json_key(writer, "validation");
    mer_json_begin_object(writer);
    mer_json_key(writer, "kind");
    mer_json_put_string(writer, mer_fold_kind_name(validation->kind));
    mer_json_key(writer, "repeats");
    mer_json_put_unsigned(writer, validation->n_repeats);
    mer_json_end_object(writer);
}

static int format_of(const struct mer_pipeline *pipeline)
{
    if (mer_members_bases(pipeline->members, pipeline->n_members) > 0)
        return FORMAT;
    return pipeline->n_members == 1 ? FORMAT_OF_ONE_MODEL : FORMAT_OF_ENSEMBLES;
}

static void write_search(struct mer_json_writer *writer, const struct mer_pipeline *pipeline)
{
    char seed[24];
    size_t n = sizeof(seed);
    uint64_t rest = pipeline->seed;

    seed[--n] = 0;
    do
        seed[--n] = (char)('0' + rest % 10);
    while (rest /= 10);

    mer_json_begin_object(writer);
    mer_json_key(writer, "metric");
    mer_json_put_string(writer, pipeline->metric);
    mer_json_key(writer, "seed");
    mer_json_put_string(writer, seed + n);
    mer_json_key(writer, "units");
    mer_json_put_unsigned(writer, pipeline->units);
    mer_json_key(writer, "folds");
    mer_json_put_unsigned(writer, pipeline->validation.n_folds);
    mer_json_key(writer, "trials");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < pipeline->n_trials; i++) {
        const struct mer_trial *trial = &pipeline->trials[i];
        mer_json_begin_object(writer);
        write_family(writer, trial->family, &trial->params);
        mer_json_put_finite(writer, "score", trial->score);
        mer_json_put_finite(writer, "deviation", trial->deviation);
        mer_json_key(writer, "units");
        mer_json_put_unsigned(writer, trial->units);
        if (pipeline->reported.n > 0) {
            mer_json_key(writer, "reported");
            write_scores(writer, trial->reported, pipeline->reported.n);
        }
        if (format_of(pipeline) == FORMAT) {
            mer_json_key(writer, "layer");
            mer_json_put_unsigned(writer, trial->is_second ? 2 : 1);
        }
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
    write_validation(writer, &pipeline->validation);
    write_reported(writer, &pipeline->reported);
    mer_json_end_object(writer);
}

/* Where member i's arrays are; all of a pipeline with one model are directly in "model/". */
struct prefix {
    char text[24];
};

static struct prefix member_prefix(size_t i, size_t n_members)
{
    struct prefix prefix;
    if (n_members == 1)
        (void)snprintf(prefix.text, sizeof(prefix.text), "model/");
    else
        (void)snprintf(prefix.text, sizeof(prefix.text), "model/%zu/", i);
    return prefix;
}

/* Numbers that a first layer says are scaled; classes are not. */
static bool has_scale(const struct mer_pipeline *pipeline, const struct mer_member *member)
{
    return !member->is_second && pipeline->task == MER_TASK_REGRESSION;
}

static void write_layer(struct mer_json_writer *writer, const struct mer_pipeline *pipeline,
                        const struct mer_member *member)
{
    mer_json_key(writer, "layer");
    mer_json_put_unsigned(writer, member->is_second ? 2 : 1);
    if (!has_scale(pipeline, member))
        return;
    mer_json_put_finite(writer, "centre", member->scale.centre);
    mer_json_put_finite(writer, "spread", member->scale.spread);
}

static mer_status write_member(const struct mer_pipeline *pipeline, size_t i,
                               struct mer_bundle *bundle, struct mer_json_writer *writer,
                               mer_err *err)
{
    const struct mer_member *member = &pipeline->members[i];

    mer_json_begin_object(writer);
    write_family(writer, member->family, &member->params);
    if (pipeline->n_members > 1) {
        mer_json_key(writer, "weight");
        mer_json_put_unsigned(writer, member->weight);
    }
    if (format_of(pipeline) == FORMAT)
        write_layer(writer, pipeline, member);
    mer_json_key(writer, "state");
    mer_json_begin_object(writer);
    MER_GUARD(member->family->save(member->model, member_prefix(i, pipeline->n_members).text,
                                   bundle, writer, err));
    mer_json_end_object(writer);
    mer_json_end_object(writer);
    return mer_ok();
}

static mer_status write_models(const struct mer_pipeline *pipeline, struct mer_bundle *bundle,
                               struct mer_json_writer *writer, mer_err *err)
{
    if (pipeline->n_members == 1) {
        mer_json_key(writer, "model");
        return write_member(pipeline, 0, bundle, writer, err);
    }
    mer_json_key(writer, "ensemble");
    mer_json_begin_object(writer);
    mer_json_put_finite(writer, "score", pipeline->score);
    mer_json_key(writer, "models");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < pipeline->n_members; i++)
        MER_GUARD(write_member(pipeline, i, bundle, writer, err));
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    return mer_ok();
}

static mer_status write_json(const struct mer_pipeline *pipeline, struct mer_bundle *bundle,
                             struct mer_json_writer *writer, mer_err *err)
{
    mer_json_begin_object(writer);
    mer_json_key(writer, "format");
    mer_json_put_integer(writer, format_of(pipeline));
    mer_json_key(writer, "producer");
    mer_json_put_string(writer, "merlon");
    mer_json_key(writer, "task");
    mer_json_put_string(writer, mer_task_name(pipeline->task));
    mer_json_key(writer, "target");
    mer_json_put_unsigned(writer, target_field(pipeline));
    mer_json_key(writer, "classes");
    mer_json_put_unsigned(writer, pipeline->n_classes);
    mer_json_key(writer, "train_rows");
    mer_json_put_unsigned(writer, pipeline->n_train_rows);

    mer_json_key(writer, "prepare");
    mer_json_begin_object(writer);
    MER_GUARD(mer_prepare_save(pipeline->prepare, "prepare/", bundle, writer, err));
    mer_json_end_object(writer);

    MER_GUARD(write_models(pipeline, bundle, writer, err));
    mer_json_key(writer, "search");
    write_search(writer, pipeline);
    MER_GUARD(mer_recalibration_save(&pipeline->recalibration, bundle, writer, err));
    mer_threshold_save(&pipeline->threshold, writer);
    MER_GUARD(mer_quantiles_save(pipeline->quantiles, pipeline->n_quantiles, bundle, writer, err));
    if (pipeline->conformal.n_rows > 0) {
        mer_json_key(writer, "conformal_rows");
        mer_json_put_unsigned(writer, pipeline->conformal.n_rows);
    }
    mer_json_end_object(writer);
    return mer_json_writer_end(writer);
}

mer_status mer_pipeline_save(const struct mer_ctx *ctx, const struct mer_pipeline *pipeline,
                             struct mer_bundle *bundle, mer_err *err)
{
    struct mer_json_writer writer;
    struct mer_buf buf;
    const char *json;
    mer_status status;

    mer_buf_init(&buf, ctx->alloc, JSON_BYTES_MAX);
    mer_json_writer_init(&writer, &buf, 0, err);
    MER_GUARD_GOTO(save_schema(&pipeline->schema, bundle, err), out);
    if (pipeline->n_classes > 0)
        MER_GUARD_GOTO(mer_bundle_add_texts(bundle, "labels", pipeline->n_classes, pipeline->labels,
                                            NULL, err),
                       out);
    MER_GUARD_GOTO(mer_conformal_save(&pipeline->conformal, bundle, err), out);
    MER_GUARD_GOTO(write_json(pipeline, bundle, &writer, err), out);
    MER_GUARD_GOTO(mer_arena_text(&bundle->arena, (const char *)buf.bytes, buf.n, &json, err), out);
    bundle->json = json;
    bundle->n_json = buf.n;
out:
    mer_buf_release(&buf);
    return status;
}

static mer_status refuse(mer_err *err, const char *problem)
{
    return mer_fail(err, MER_ERR_DATA, "%s is not valid: %s", what, problem);
}

/* Members are known ones only: what this version does not know it cannot honour. */
static mer_status check_size(const struct mer_json *object, size_t n, const char *name,
                             mer_err *err)
{
    if (mer_json_size(object) != n)
        return mer_fail(err, MER_ERR_DATA, "%s is not valid: %s has %zu members instead of %zu",
                        what, name, mer_json_size(object), n);
    return mer_ok();
}

/* Text i of a texts array as a zero-terminated copy; a NUL inside would cut it, and is refused. */
static mer_status copy_text(struct mer_arena *arena, const char *bytes, const int64_t *offsets,
                            size_t i, const char **ret_text, size_t *ret_n, mer_err *err)
{
    const size_t n = (size_t)(offsets[i + 1] - offsets[i]);

    if (n > 0 && memchr(bytes + offsets[i], 0, n))
        return refuse(err, "a NUL byte in a text");
    MER_GUARD(mer_arena_text(arena, bytes + offsets[i], n, ret_text, err));
    if (ret_n)
        *ret_n = n;
    return mer_ok();
}

static mer_status load_texts(struct mer_arena *arena, const struct mer_bundle *bundle,
                             const char *name, size_t n_expected, const char ***ret_texts,
                             size_t *ret_n, mer_err *err)
{
    const char *bytes, **texts;
    const int64_t *offsets;
    size_t n;

    MER_GUARD(mer_bundle_get_texts(bundle, name, n_expected, &bytes, &offsets, &n, err));
    MER_GUARD(mer_arena_zero(arena, n, sizeof(*texts), &texts, err));
    for (size_t i = 0; i < n; i++)
        MER_GUARD(copy_text(arena, bytes, offsets, i, &texts[i], NULL, err));
    *ret_texts = texts;
    *ret_n = n;
    return mer_ok();
}

static mer_status load_fields(const struct mer_bundle *bundle, struct mer_schema *schema,
                              mer_err *err)
{
    const struct mer_array *array;
    bool good = true;
    if (!mer_bundle_find(bundle, "schema/fields"))
        return mer_ok();
    MER_GUARD(mer_bundle_get(bundle, "schema/fields", MER_DTYPE_U8, 1, &array, err));
    struct mer_wire_cursor cursor = {array->data, array->n_bytes};
    for (size_t i = 0; i < schema->n_fields && good; i++)
        MER_GUARD(mer_wire_take_field(&cursor, &schema->arena, &schema->fields[i], &good, err));
    return good && cursor.left == 0 ? mer_ok() : refuse(err, "the fields of its schema");
}

static mer_status load_schema(const struct mer_bundle *bundle, struct mer_schema *schema,
                              mer_err *err)
{
    const char *bytes, **missing_values;
    const int64_t *offsets;
    const uint8_t *types, *required;
    struct mer_field *fields;
    size_t n;

    MER_GUARD(mer_bundle_get_texts(bundle, "schema/names", SIZE_MAX, &bytes, &offsets, &n, err));
    MER_GUARD(
        mer_bundle_get_vector(bundle, "schema/types", MER_DTYPE_U8, n, (const void **)&types, err));
    MER_GUARD(mer_bundle_get_vector(bundle, "schema/required", MER_DTYPE_U8, n,
                                    (const void **)&required, err));
    MER_GUARD(mer_arena_zero(&schema->arena, n, sizeof(*fields), &fields, err));
    for (size_t i = 0; i < n; i++) {
        if (types[i] >= MER_TYPE_COUNT || required[i] > 1)
            return refuse(err, "a field of the schema");
        fields[i].type = (enum mer_type)types[i];
        fields[i].required = required[i];
        MER_GUARD(
            copy_text(&schema->arena, bytes, offsets, i, &fields[i].name, &fields[i].n_name, err));
    }
    MER_GUARD(load_texts(&schema->arena, bundle, "schema/missing_values", SIZE_MAX, &missing_values,
                         &schema->n_missing_values, err));
    schema->fields = fields;
    schema->n_fields = n;
    schema->missing_values = missing_values;
    return load_fields(bundle, schema, err);
}

static mer_status read_task(const char *name, enum mer_task *ret_task, mer_err *err)
{
    for (enum mer_task task = MER_TASK_REGRESSION; task <= MER_TASK_MULTICLASS; task++) {
        if (strcmp(mer_task_name(task), name) == 0) {
            *ret_task = task;
            return mer_ok();
        }
    }
    return refuse(err, "its task is unknown");
}

static mer_status load_target(const struct mer_json *root, const struct mer_bundle *bundle,
                              struct mer_pipeline *pipeline, mer_err *err)
{
    const char *name, **labels;
    int64_t target, n_classes, n_rows;

    MER_GUARD(mer_json_want_string(root, "task", what, &name, err));
    MER_GUARD(read_task(name, &pipeline->task, err));
    if (pipeline->schema.n_fields == 0)
        return refuse(err, "its schema has no fields");
    MER_GUARD(mer_json_want_integer(root, "target", 0, (int64_t)pipeline->schema.n_fields - 1, what,
                                    &target, err));
    pipeline->target = pipeline->schema.fields[target].name;
    if (target_field(pipeline) != (size_t)target)
        return refuse(err, "two fields of its schema have the target's name");
    const int64_t least = pipeline->task == MER_TASK_REGRESSION ? 0
                          : pipeline->task == MER_TASK_BINARY   ? 2
                                                                : 3;
    const int64_t most = pipeline->task == MER_TASK_MULTICLASS ? MER_CLASSES_MAX : least;
    MER_GUARD(mer_json_want_integer(root, "classes", least, most, what, &n_classes, err));
    MER_GUARD(mer_json_want_integer(root, "train_rows", 0, UINT32_MAX, what, &n_rows, err));
    pipeline->n_train_rows = (size_t)n_rows;
    if (n_classes == 0)
        return mer_ok();
    MER_GUARD(load_texts(&pipeline->arena, bundle, "labels", (size_t)n_classes, &labels,
                         &pipeline->n_classes, err));
    pipeline->labels = labels;
    return mer_ok();
}

static mer_status load_family(const struct mer_json *object, enum mer_task task,
                              const struct mer_family **ret_family, struct mer_params *ret_params,
                              mer_err *err)
{
    const struct mer_json *params;
    const char *name;

    MER_GUARD(mer_json_want_string(object, "family", what, &name, err));
    const struct mer_family *family = mer_family_find(name);
    if (!family)
        return mer_fail(err, MER_ERR_DATA, "the model is of a family that is not known here: %s",
                        mer_quote(name).text);
    if (!mer_family_can(family, task))
        return refuse(err, "its family cannot do its task");
    MER_GUARD(mer_json_want_object(object, "params", what, &params, err));
    MER_GUARD(mer_params_read(family->params, family->n_params, params, ret_params, err));
    *ret_family = family;
    return mer_ok();
}

/* The preprocessing describes the schema's fields but the target, in their order. */
static mer_status check_columns(const struct mer_pipeline *pipeline, mer_err *err)
{
    const size_t n = mer_prepare_n_columns(pipeline->prepare), target = target_field(pipeline);
    struct mer_prepare_column column;

    if (n + 1 != pipeline->schema.n_fields)
        return refuse(err, "its preprocessing is for another number of columns");
    for (size_t i = 0; i < n; i++) {
        const struct mer_field *field = &pipeline->schema.fields[i < target ? i : i + 1];
        mer_prepare_describe(pipeline->prepare, i, &column);
        if (strcmp(column.name, field->name) != 0 || column.type != field->type)
            return refuse(err, "its preprocessing is for other columns");
    }
    return mer_ok();
}

/* Which layer a model is of, and how its predictions are scaled for the next. */
static mer_status load_layer(const struct mer_json *object, const struct mer_pipeline *pipeline,
                             struct mer_member *member, mer_err *err)
{
    int64_t layer;

    MER_GUARD(mer_json_want_integer(object, "layer", 1, 2, what, &layer, err));
    member->is_second = layer == 2;
    if (member->is_second && member->weight == 0)
        return refuse(err, "a model of its second layer weighs nothing");
    member->scale = (struct mer_stack_scale){0, 1};
    if (!has_scale(pipeline, member))
        return mer_ok();
    MER_GUARD(mer_json_want_finite(object, "centre", what, &member->scale.centre, err));
    MER_GUARD(mer_json_want_finite(object, "spread", what, &member->scale.spread, err));
    return isfinite(member->scale.centre) && isfinite(member->scale.spread) &&
                   member->scale.spread > 0
               ? mer_ok()
               : refuse(err, "the scale of a model's predictions");
}

/* What the form of the file has of a model beside its own state. */
static mer_status load_place(const struct mer_json *object, int64_t format,
                             const struct mer_pipeline *pipeline, struct mer_member *member,
                             mer_err *err)
{
    int64_t weight = 1;

    if (mer_json_type(object) != MER_JSON_OBJECT)
        return refuse(err, "a model is no object");
    MER_GUARD(load_family(object, pipeline->task, &member->family, &member->params, err));
    if (pipeline->n_members > 1)
        MER_GUARD(mer_json_want_integer(object, "weight", format == FORMAT ? 0 : 1, MER_WEIGHT_MAX,
                                        what, &weight, err));
    member->weight = (uint32_t)weight;
    if (format != FORMAT)
        return check_size(object, pipeline->n_members == 1 ? 3 : 4, "a model", err);
    MER_GUARD(load_layer(object, pipeline, member, err));
    return check_size(object, has_scale(pipeline, member) ? 7 : 5, "a model", err);
}

/* Of two layers: models of the first, then models of the second. */
static mer_status check_layers(const struct mer_pipeline *pipeline, size_t n_outputs, mer_err *err)
{
    const size_t n_bases = mer_members_bases(pipeline->members, pipeline->n_members);

    for (size_t i = n_bases; i < pipeline->n_members; i++)
        if (!pipeline->members[i].is_second)
            return refuse(err, "the order of its layers");
    if (n_bases == 0 || n_bases > MER_STACK_BASES_MAX ||
        n_bases * mer_stack_width(n_outputs) > MER_STACK_COLUMNS_MAX)
        return refuse(err, "the number of models in its first layer");
    return mer_ok();
}

static mer_status load_states(const struct mer_ctx *ctx, const struct mer_json *object,
                              const struct mer_json *models, const struct mer_bundle *bundle,
                              struct mer_pipeline *pipeline, mer_err *err)
{
    const size_t n_outputs = mer_target_outputs(pipeline->task, pipeline->n_classes);
    const size_t n_bases = mer_members_bases(pipeline->members, pipeline->n_members);
    struct mer_stacked stacked;
    struct mer_design shape;
    mer_status status;

    mer_prepare_shape(pipeline->prepare, &shape);
    MER_GUARD_GOTO(
        mer_stack_extend(ctx, &shape, NULL, n_bases * mer_stack_width(n_outputs), &stacked, err),
        out);
    for (size_t i = 0; i < pipeline->n_members; i++) {
        struct mer_member *member = &pipeline->members[i];
        const struct mer_json *state;
        MER_GUARD_GOTO(mer_json_want_object(models ? mer_json_at(models, i) : object, "state", what,
                                            &state, err),
                       out);
        MER_GUARD_GOTO(member->family->load(ctx, bundle, member_prefix(i, pipeline->n_members).text,
                                            state, pipeline->task, pipeline->n_classes,
                                            member->is_second ? &stacked.design : &shape,
                                            &member->model, err),
                       out);
    }
out:
    mer_stack_release(ctx, &stacked);
    return status;
}

static mer_status load_members(const struct mer_ctx *ctx, const struct mer_json *root,
                               int64_t format, const struct mer_bundle *bundle,
                               struct mer_pipeline *pipeline, mer_err *err)
{
    const struct mer_json *object, *models = NULL;
    size_t n = 1;

    if (format == FORMAT_OF_ONE_MODEL) {
        MER_GUARD(mer_json_want_object(root, "model", what, &object, err));
    } else {
        MER_GUARD(mer_json_want_object(root, "ensemble", what, &object, err));
        MER_GUARD(check_size(object, 2, "ensemble", err));
        MER_GUARD(mer_json_want_finite(object, "score", what, &pipeline->score, err));
        MER_GUARD(mer_json_want_array(object, "models", what, &models, err));
        n = mer_json_size(models);
        if (n < 2 || n > MER_MEMBERS_MAX)
            return refuse(err, "the number of models in its ensemble");
    }
    MER_GUARD(
        mer_arena_zero(&pipeline->arena, n, sizeof(*pipeline->members), &pipeline->members, err));
    pipeline->n_members = n;
    for (size_t i = 0; i < n; i++)
        MER_GUARD(load_place(models ? mer_json_at(models, i) : object, format, pipeline,
                             &pipeline->members[i], err));
    if (format == FORMAT)
        MER_GUARD(
            check_layers(pipeline, mer_target_outputs(pipeline->task, pipeline->n_classes), err));
    return load_states(ctx, object, models, bundle, pipeline, err);
}

static mer_status load_model(const struct mer_ctx *ctx, const struct mer_json *root, int64_t format,
                             const struct mer_bundle *bundle, struct mer_pipeline *pipeline,
                             mer_err *err)
{
    const struct mer_json *object;
    struct mer_design shape;

    MER_GUARD(mer_json_want_object(root, "prepare", what, &object, err));
    MER_GUARD(mer_prepare_load(ctx, bundle, "prepare/", object, &pipeline->prepare, err));
    MER_GUARD(check_columns(pipeline, err));
    MER_GUARD(load_members(ctx, root, format, bundle, pipeline, err));
    mer_prepare_shape(pipeline->prepare, &shape);
    return mer_quantiles_load(ctx, bundle, root, pipeline->task, &shape, &pipeline->arena,
                              &pipeline->quantiles, &pipeline->n_quantiles, err);
}

/* [n] finite numbers, or null. */
static mer_status load_scores(const struct mer_json *object, const char *key, size_t n,
                              double *ret_scores, mer_err *err)
{
    const struct mer_json *scores;

    MER_GUARD(mer_json_want_array(object, key, what, &scores, err));
    if (mer_json_size(scores) != n)
        return refuse(err, "it has scores of other metrics than it names");
    for (size_t i = 0; i < n; i++) {
        const struct mer_json *const score = mer_json_at(scores, i);
        ret_scores[i] = (double)NAN;
        if (mer_json_type(score) != MER_JSON_NULL &&
            (!mer_json_number(score, &ret_scores[i]) || !isfinite(ret_scores[i])))
            return refuse(err, "a score is no number");
    }
    return mer_ok();
}

static mer_status load_reported(const struct mer_json *search, enum mer_task task,
                                struct mer_reported *reported, mer_err *err)
{
    const struct mer_json *object, *names;

    if (!mer_json_get(search, "reported"))
        return mer_ok();
    MER_GUARD(mer_json_want_object(search, "reported", what, &object, err));
    MER_GUARD(check_size(object, 2, "reported", err));
    MER_GUARD(mer_json_want_array(object, "metrics", what, &names, err));
    const size_t n = mer_json_size(names);
    if (n == 0 || n > MER_REPORTED_MAX)
        return refuse(err, "it reports too many metrics, or none");
    for (size_t i = 0; i < n; i++) {
        const char *const name = mer_json_string(mer_json_at(names, i), NULL);
        reported->metrics[i] = name ? mer_metric_find(name) : NULL;
        if (!reported->metrics[i] || !mer_metric_fits(reported->metrics[i], task))
            return refuse(err, "a metric is unknown, or of another task");
    }
    reported->n = n;
    return load_scores(object, "scores", n, reported->scores, err);
}

static mer_status load_trial(const struct mer_json *object, int64_t format, enum mer_task task,
                             size_t n_reported, struct mer_trial *trial, mer_err *err)
{
    int64_t units, layer = 1;

    if (mer_json_type(object) != MER_JSON_OBJECT)
        return refuse(err, "a trial is no object");
    MER_GUARD(check_size(object, 5U + (n_reported > 0) + (format == FORMAT), "a trial", err));
    if (n_reported > 0)
        MER_GUARD(load_scores(object, "reported", n_reported, trial->reported, err));
    if (format == FORMAT)
        MER_GUARD(mer_json_want_integer(object, "layer", 1, 2, what, &layer, err));
    trial->is_second = layer == 2;
    MER_GUARD(load_family(object, task, &trial->family, &trial->params, err));
    MER_GUARD(mer_json_want_finite(object, "score", what, &trial->score, err));
    MER_GUARD(mer_json_want_finite(object, "deviation", what, &trial->deviation, err));
    MER_GUARD(mer_json_want_integer(object, "units", 0, INT64_MAX, what, &units, err));
    trial->units = (uint64_t)units;
    return mer_ok();
}

/* A decimal number of 64 bits without leading zeros. */
static bool read_seed(const char *text, uint64_t *ret)
{
    uint64_t seed = 0;

    if (!*text || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(seed, 10, &seed) ||
            __builtin_add_overflow(seed, (uint64_t)(*text - '0'), &seed))
            return false;
    }
    *ret = seed;
    return true;
}

static mer_status load_validation(const struct mer_json *search, struct mer_validation *validation,
                                  mer_err *err)
{
    const struct mer_json *object;
    const char *kind;
    int64_t n_repeats;

    validation->n_repeats = 1;
    if (!mer_json_get(search, "validation"))
        return mer_ok();
    MER_GUARD(mer_json_want_object(search, "validation", what, &object, err));
    MER_GUARD(check_size(object, 2, "validation", err));
    MER_GUARD(mer_json_want_string(object, "kind", what, &kind, err));
    MER_GUARD(mer_json_want_integer(object, "repeats", 1, MER_FOLDS_MAX, what, &n_repeats, err));
    validation->n_repeats = (size_t)n_repeats;
    for (int i = 0; i < MER_FOLD_KINDS; i++) {
        validation->kind = (enum mer_fold_kind)i;
        if (strcmp(mer_fold_kind_name(validation->kind), kind) == 0)
            return mer_ok();
    }
    return refuse(err, "how it was validated is unknown");
}

static mer_status load_search(const struct mer_json *root, int64_t format,
                              struct mer_pipeline *pipeline, mer_err *err)
{
    const struct mer_json *object, *trials;
    const char *metric_name, *seed;
    int64_t units, n_folds;

    MER_GUARD(mer_json_want_object(root, "search", what, &object, err));
    size_t n_more = mer_json_get(object, "validation") ? 1 : 0;

    n_more += mer_json_get(object, "reported") ? 1 : 0;
    MER_GUARD(check_size(object, 5 + n_more, "search", err));
    MER_GUARD(load_reported(object, pipeline->task, &pipeline->reported, err));
    MER_GUARD(load_validation(object, &pipeline->validation, err));
    MER_GUARD(mer_json_want_string(object, "metric", what, &metric_name, err));
    const struct mer_metric *metric = mer_metric_find(metric_name);
    if (!metric)
        return refuse(err, "its metric is unknown");
    pipeline->metric = metric->name;
    MER_GUARD(mer_json_want_string(object, "seed", what, &seed, err));
    if (!read_seed(seed, &pipeline->seed))
        return refuse(err, "its seed is no number of 64 bits");
    MER_GUARD(mer_json_want_integer(object, "units", 0, INT64_MAX, what, &units, err));
    pipeline->units = (uint64_t)units;
    MER_GUARD(mer_json_want_integer(object, "folds", 0, UINT32_MAX, what, &n_folds, err));
    pipeline->validation.n_folds = (size_t)n_folds;
    MER_GUARD(mer_json_want_array(object, "trials", what, &trials, err));
    const size_t n_trials = mer_json_size(trials);
    if (n_trials > MER_TRIALS_MAX)
        return refuse(err, "it has too many trials");
    MER_GUARD(mer_arena_zero(&pipeline->arena, n_trials, sizeof(*pipeline->trials),
                             &pipeline->trials, err));
    pipeline->n_trials = n_trials;
    for (size_t i = 0; i < n_trials; i++)
        MER_GUARD(load_trial(mer_json_at(trials, i), format, pipeline->task, pipeline->reported.n,
                             &pipeline->trials[i], err));
    return mer_ok();
}

/* What the held-out rows told of the predictions; each member of the root may be missing. */
static mer_status load_findings(const struct mer_json *root, const struct mer_bundle *bundle,
                                struct mer_pipeline *pipeline, mer_err *err)
{
    int64_t n_rows = 0;

    if (mer_json_get(root, "conformal_rows"))
        MER_GUARD(mer_json_want_integer(root, "conformal_rows", MER_CONFORMAL_ROWS_MIN, UINT32_MAX,
                                        what, &n_rows, err));
    MER_GUARD(
        mer_recalibration_load(bundle, root, pipeline->n_classes, &pipeline->recalibration, err));
    MER_GUARD(mer_threshold_load(root, pipeline->n_classes, &pipeline->threshold, err));
    const size_t n_members = 9U + (n_rows > 0) + (mer_json_get(root, "calibration") != NULL) +
                             (mer_json_get(root, "threshold") != NULL) +
                             (mer_json_get(root, "quantiles") != NULL);
    MER_GUARD(check_size(root, n_members, "it", err));
    return mer_conformal_load(bundle, (size_t)n_rows, pipeline->task, &pipeline->conformal, err);
}

static mer_status load_root(const struct mer_ctx *ctx, const struct mer_json *root,
                            const struct mer_bundle *bundle, struct mer_pipeline *pipeline,
                            mer_err *err)
{
    const char *producer;
    int64_t format;

    if (mer_json_type(root) != MER_JSON_OBJECT)
        return refuse(err, "it is no JSON object");
    MER_GUARD(mer_json_want_integer(root, "format", 1, INT64_MAX, what, &format, err));
    if (format > FORMAT)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_DATA,
                                 "the model has format %lld, and this version reads up to %d",
                                 (long long)format, FORMAT),
                        "use a newer version of Merlon");
    MER_GUARD(mer_json_want_string(root, "producer", what, &producer, err));
    MER_GUARD(load_schema(bundle, &pipeline->schema, err));
    MER_GUARD(load_target(root, bundle, pipeline, err));
    MER_GUARD(load_search(root, format, pipeline, err));
    MER_GUARD(load_findings(root, bundle, pipeline, err));
    return load_model(ctx, root, format, bundle, pipeline, err);
}

mer_status mer_pipeline_load(const struct mer_ctx *ctx, const struct mer_bundle *bundle,
                             struct mer_pipeline **ret_pipeline, mer_err *err)
{
    static const struct mer_json_limits limits = {JSON_BYTES_MAX, JSON_DEPTH_MAX};
    struct mer_json_document *document = NULL;
    struct mer_pipeline *pipeline = NULL;
    mer_status status;

    if (!bundle->json)
        return mer_hint(err, mer_fail(err, MER_ERR_DATA, "the file holds no Merlon model"),
                        "only files that `merlon fit` wrote can be loaded as models");
    MER_GUARD_GOTO(
        mer_json_parse(ctx->alloc, bundle->json, bundle->n_json, &limits, what, &document, err),
        out);
    MER_GUARD_GOTO(mer_pipeline_new(ctx->alloc, &pipeline, err), out);
    MER_GUARD_GOTO(load_root(ctx, mer_json_root(document), bundle, pipeline, err), out);
    *ret_pipeline = pipeline;
    pipeline = NULL;
out:
    mer_pipeline_free(ctx, pipeline);
    mer_json_free(document);
    return status;
}
