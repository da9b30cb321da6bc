/* What a model tells about itself: never a record's value, so no levels of categorical columns and
 * no class labels but through mer_model_label. */
#include <math.h>

#include "api/api_pseudonyms.h"

const char *mer_model_task(const struct mer_fitted *model)
{
    return mer_task_name(model->facts->task);
}

const char *mer_model_target(const struct mer_fitted *model)
{
    return mer_model_name(model, model->facts->target);
}

const char *mer_model_family(const struct mer_fitted *model)
{
    return mer_facts_family(model->facts);
}

size_t mer_model_classes(const struct mer_fitted *model)
{
    return model->facts->n_classes;
}

const char *mer_model_label(const struct mer_fitted *model, size_t i)
{
    return i < mer_model_classes(model) ? mer_model_name(model, model->facts->labels[i]) : NULL;
}

size_t mer_model_class_of(const struct mer_fitted *model, const double *probabilities)
{
    return mer_threshold_class(model->facts->threshold.value, probabilities,
                               model->facts->n_classes);
}

double mer_model_threshold(const struct mer_fitted *model)
{
    return model->facts->threshold.value;
}

size_t mer_model_n_quantiles(const struct mer_fitted *model)
{
    return model->facts->n_quantiles;
}

double mer_model_quantile(const struct mer_fitted *model, size_t i)
{
    return i < model->facts->n_quantiles ? model->facts->quantiles[i].level : (double)NAN;
}

uint64_t mer_model_seed(const struct mer_fitted *model)
{
    return model->facts->seed;
}

uint64_t mer_model_units(const struct mer_fitted *model)
{
    return model->facts->units;
}

/* What became of a column; NULL: it is the target. */
static void put_role(struct mer_json_writer *writer, const struct mer_prepare_column *column)
{
    mer_json_key(writer, "role");
    mer_json_put_string(writer, column ? mer_column_role_name(column->role) : "target");
    if (!column)
        return;
    mer_json_key(writer, "reason");
    mer_json_put_string(writer, mer_column_reason_text(column->reason));
    mer_json_key(writer, "left_out");
    mer_json_put_boolean(writer, column->left_out != MER_LEFT_OUT_NOT);
    mer_json_key(writer, "leak");
    mer_json_put_boolean(writer, column->is_leak);
    mer_json_key(writer, "features");
    mer_json_put_unsigned(writer, column->n_dense);
    mer_json_key(writer, "levels");
    mer_json_put_unsigned(writer, column->n_levels);
    mer_json_key(writer, "terms");
    mer_json_put_unsigned(writer, column->n_terms);
    if (column->n_unused > 0) {
        mer_json_key(writer, "unused_by_models");
        mer_json_put_unsigned(writer, column->n_unused);
    }
}

/* Names and types only: the levels of categorical columns are record values. */
static void put_columns(struct mer_json_writer *writer, const struct mer_facts *facts)
{
    size_t column = 0;
    mer_json_key(writer, "columns");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < facts->n_fields; i++) {
        mer_json_begin_object(writer);
        mer_json_key(writer, "name");
        mer_json_put_string_n(writer, facts->fields[i].name, facts->fields[i].n_name);
        mer_json_key(writer, "type");
        mer_json_put_string(writer, mer_type_name(facts->fields[i].type));
        put_role(writer, facts->fields[i].name == facts->target ? NULL : &facts->columns[column++]);
        const char *flag;
        for (size_t k = 0; (flag = mer_field_flag_name(facts->fields[i].flags, k)) != NULL; k++) {
            mer_json_key(writer, flag);
            mer_json_put_boolean(writer, true);
        }
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

void mer_describe_reported(const struct mer_facts *facts, const double *scores,
                           struct mer_json_writer *writer)
{
    mer_json_key(writer, "reported");
    mer_json_begin_object(writer);
    for (size_t i = 0; i < facts->reported.n; i++)
        mer_json_put_finite(writer, facts->reported.metrics[i]->name, scores[i]);
    mer_json_end_object(writer);
}

static void put_leaderboard(struct mer_json_writer *writer, const struct mer_facts *facts)
{
    mer_json_key(writer, "leaderboard");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < facts->n_trials; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        mer_json_begin_object(writer);
        mer_json_key(writer, "rank");
        mer_json_put_unsigned(writer, i + 1);
        mer_json_key(writer, "family");
        mer_json_put_string(writer, trial->family->name);
        if (trial->is_second) {
            mer_json_key(writer, "layer");
            mer_json_put_unsigned(writer, 2);
        }
        mer_json_put_finite(writer, "score", trial->score);
        mer_json_put_finite(writer, "deviation", trial->deviation);
        mer_describe_reported(facts, trial->reported, writer);
        mer_json_key(writer, "units");
        mer_json_put_unsigned(writer, trial->units);
        mer_json_key(writer, "params");
        mer_params_write(trial->family->params, trial->family->n_params, &trial->params, writer);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

static void put_params(struct mer_json_writer *writer, const struct mer_member *member)
{
    mer_json_key(writer, "params");
    mer_params_write(member->family->params, member->family->n_params, &member->params, writer);
}

void mer_describe_members(const struct mer_facts *facts, struct mer_json_writer *writer)
{
    uint64_t total = 0;
    if (facts->n_members == 1) {
        put_params(writer, &facts->members[0]);
        return;
    }
    for (size_t i = 0; i < facts->n_members; i++)
        total += facts->members[i].weight;
    mer_json_key(writer, "members");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < facts->n_members; i++) {
        const struct mer_member *const member = &facts->members[i];
        mer_json_begin_object(writer);
        mer_json_key(writer, "family");
        mer_json_put_string(writer, member->family->name);
        mer_json_key(writer, "weight");
        mer_json_put_number(writer, (double)member->weight / (double)total);
        if (mer_members_bases(facts->members, facts->n_members) > 0) {
            mer_json_key(writer, "layer");
            mer_json_put_unsigned(writer, member->is_second ? 2 : 1);
        }
        put_params(writer, member);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

/* What was learned from held-out rows beside the models; "none" and null where nothing was. */
static void put_findings(struct mer_json_writer *writer, const struct mer_facts *facts)
{
    const struct mer_recalibration *const calibration = &facts->recalibration;
    const struct mer_threshold *const threshold = &facts->threshold;
    if (facts->n_classes == 0)
        return;
    mer_json_key(writer, "calibration");
    mer_json_begin_object(writer);
    mer_json_key(writer, "method");
    mer_json_put_string(writer, mer_recalibration_name(calibration->method));
    if (calibration->method != MER_RECALIBRATION_NONE) {
        mer_json_put_finite(writer, "loss_before", calibration->loss_before);
        mer_json_put_finite(writer, "loss_after", calibration->loss_after);
    }
    if (calibration->method == MER_RECALIBRATION_TEMPERATURE)
        mer_json_put_finite(writer, "temperature", calibration->temperature);
    mer_json_end_object(writer);
    if (threshold->value > 0)
        mer_threshold_save(threshold, writer);
}

static void put_quantiles(struct mer_json_writer *writer, const struct mer_facts *facts)
{
    if (facts->n_quantiles == 0)
        return;
    mer_json_key(writer, "quantiles");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < facts->n_quantiles; i++) {
        mer_json_begin_object(writer);
        mer_json_put_finite(writer, "level", facts->quantiles[i].level);
        mer_json_put_finite(writer, "pinball_loss", facts->quantiles[i].loss);
        mer_json_put_finite(writer, "below", facts->quantiles[i].below);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

void mer_describe_into(const struct mer_fitted *model, struct mer_json_writer *writer)
{
    const struct mer_facts *const facts = model->facts;
    mer_json_key(writer, "task");
    mer_json_put_string(writer, mer_model_task(model));
    mer_json_key(writer, "target");
    mer_json_put_string(writer, facts->target);
    mer_json_key(writer, "n_classes");
    mer_json_put_unsigned(writer, mer_model_classes(model));
    mer_json_key(writer, "family");
    mer_json_put_string(writer, mer_facts_family(facts));
    mer_describe_members(facts, writer);
    mer_json_put_finite(writer, "score", facts->score);
    mer_describe_reported(facts, facts->reported.scores, writer);
    mer_json_key(writer, "metric");
    mer_json_put_string(writer, facts->metric);
    mer_json_key(writer, "seed");
    mer_json_put_unsigned(writer, facts->seed);
    mer_json_key(writer, "units");
    mer_json_put_unsigned(writer, facts->units);
    mer_json_key(writer, "folds");
    mer_json_put_unsigned(writer, facts->validation.n_folds);
    mer_json_key(writer, "repeats");
    mer_json_put_unsigned(writer, facts->validation.n_repeats);
    mer_json_key(writer, "validation");
    mer_json_put_string(writer, mer_fold_kind_name(facts->validation.kind));
    mer_json_key(writer, "train_rows");
    mer_json_put_unsigned(writer, facts->n_train_rows);
    /* Held-out rows that intervals and sets of classes were learned from. */
    mer_json_key(writer, "interval_rows");
    mer_json_put_unsigned(writer, facts->conformal.n_rows);
    put_findings(writer, facts);
    put_quantiles(writer, facts);
    put_columns(writer, facts);
    put_leaderboard(writer, facts);
}

mer_status mer_model_describe(const struct mer_fitted *model, char **ret_json, mer_err *err)
{
    struct mer_buf buf;
    mer_buf_init(&buf, &model->context->alloc, SIZE_MAX);
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, &buf, 2, err);
    mer_json_begin_object(&writer);
    mer_describe_into(model, &writer);
    mer_json_end_object(&writer);
    mer_status status = mer_json_writer_end(&writer);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_json, err);
    mer_buf_release(&buf);
    return status;
}
