#include "cell/facts_notes.h"

#include <math.h>
#include <string.h>

#include "automl/target.h"
#include "cell/notes.h"
#include "frame/schema_wire.h"
#include "metric/metric.h"

/* The least that an entry of a list takes. */
enum {
    TEXT_LEAST = 4,
    FIELD_LEAST = 13,
    COLUMN_LEAST = 40,
    MEMBER_LEAST = 4 + 4,
    TRIAL_LEAST = 4 + 4 + 24,
    SECOND_LAYER = 1 << 16 /* beside a member's weight */
};
#define TRIAL_OF_SECOND_LAYER ((uint64_t)1 << 63) /* beside its units */

static mer_status put_name(struct mer_buf *buf, const char *name, mer_err *err)
{
    return mer_notes_put_text(buf, name, strlen(name), err);
}

static mer_status put_texts(struct mer_buf *buf, const char *const *texts, size_t n, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, n, err));
    for (size_t i = 0; i < n; i++)
        MER_GUARD(put_name(buf, texts[i], err));
    return mer_ok();
}

static mer_status put_family(struct mer_buf *buf, const struct mer_family *family,
                             const struct mer_params *params, mer_err *err)
{
    MER_GUARD(put_name(buf, family->name, err));
    for (size_t i = 0; i < family->n_params; i++)
        MER_GUARD(mer_notes_put_f64(buf, params->values[i], err));
    return mer_ok();
}

/* What the schema says of a field beyond its stored type (frame/schema_wire.h). */
static mer_status put_field(struct mer_buf *buf, const struct mer_field *field, mer_err *err)
{
    MER_CLEANUP(mer_buf_release) struct mer_buf wire;
    mer_buf_init(&wire, buf->alloc, SIZE_MAX);
    MER_GUARD(mer_wire_put_field(&wire, field, err));
    MER_GUARD(mer_notes_put_u32(buf, wire.n, err));
    return mer_buf_append(buf, wire.bytes, wire.n, err);
}

static mer_status put_columns(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    size_t target = 0;
    MER_GUARD(mer_notes_put_u32(buf, facts->n_fields, err));
    for (size_t i = 0; i < facts->n_fields; i++) {
        const struct mer_field *const field = &facts->fields[i];
        MER_GUARD(mer_notes_put_text(buf, field->name, field->n_name, err));
        MER_GUARD(mer_notes_put_u32(buf, field->type, err));
        MER_GUARD(put_field(buf, field, err));
        if (field->name == facts->target)
            target = i;
    }
    MER_GUARD(mer_notes_put_u32(buf, target, err));
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        const struct mer_prepare_column *const column = &facts->columns[i];
        MER_GUARD(mer_notes_put_u32(buf, column->left_out, err));
        MER_GUARD(mer_notes_put_u32(buf, column->role, err));
        MER_GUARD(mer_notes_put_u32(buf, column->reason, err));
        MER_GUARD(mer_notes_put_u32(buf, column->is_leak + 2 * column->n_unused, err));
        MER_GUARD(mer_notes_put_u64(buf, column->n_dense, err));
        MER_GUARD(mer_notes_put_u64(buf, column->n_levels, err));
        MER_GUARD(mer_notes_put_u64(buf, column->n_terms, err));
    }
    return put_texts(buf, facts->missing_values, facts->n_missing_values, err);
}

static mer_status put_trials(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, facts->n_trials, err));
    for (size_t i = 0; i < facts->n_trials; i++) {
        const struct mer_trial *const trial = &facts->trials[i];
        MER_GUARD(put_family(buf, trial->family, &trial->params, err));
        MER_GUARD(mer_notes_put_f64(buf, trial->score, err));
        MER_GUARD(mer_notes_put_f64(buf, trial->deviation, err));
        MER_GUARD(mer_notes_put_u64(
            buf, trial->units | (trial->is_second ? TRIAL_OF_SECOND_LAYER : 0), err));
    }
    return mer_ok();
}

static mer_status put_members(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, facts->n_members, err));
    for (size_t i = 0; i < facts->n_members; i++) {
        const struct mer_member *const member = &facts->members[i];
        MER_GUARD(put_family(buf, member->family, &member->params, err));
        MER_GUARD(
            mer_notes_put_u32(buf, member->weight | (member->is_second ? SECOND_LAYER : 0), err));
    }
    return mer_notes_put_f64(buf, facts->score, err);
}

static mer_status put_numbers(struct mer_buf *buf, const double *numbers, size_t n, mer_err *err)
{
    for (size_t i = 0; i < n; i++)
        MER_GUARD(mer_notes_put_f64(buf, numbers[i], err));
    return mer_ok();
}

/* What is told of a calibration is not its curves, which the cell applies. */
static mer_status put_findings(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    const struct mer_recalibration *const calibration = &facts->recalibration;
    const struct mer_threshold *const threshold = &facts->threshold;
    MER_GUARD(mer_notes_put_u32(buf, calibration->method, err));
    MER_GUARD(mer_notes_put_f64(buf, calibration->temperature, err));
    MER_GUARD(mer_notes_put_f64(buf, calibration->loss_before, err));
    MER_GUARD(mer_notes_put_f64(buf, calibration->loss_after, err));
    MER_GUARD(mer_notes_put_f64(buf, threshold->value, err));
    MER_GUARD(put_name(buf, threshold->metric ? threshold->metric : "", err));
    MER_GUARD(mer_notes_put_f64(buf, threshold->score_before, err));
    return mer_notes_put_f64(buf, threshold->score_after, err);
}

static mer_status put_quantiles(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, facts->n_quantiles, err));
    for (size_t i = 0; i < facts->n_quantiles; i++) {
        MER_GUARD(mer_notes_put_f64(buf, facts->quantiles[i].level, err));
        MER_GUARD(mer_notes_put_f64(buf, facts->quantiles[i].loss, err));
        MER_GUARD(mer_notes_put_f64(buf, facts->quantiles[i].below, err));
    }
    return mer_ok();
}

static mer_status put_conformal(struct mer_buf *buf, const struct mer_conformal *conformal,
                                mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, conformal->n_rows, err));
    if (conformal->n_rows == 0)
        return mer_ok();
    MER_GUARD(
        put_numbers(buf, conformal->quantiles, mer_conformal_n_quantiles(conformal->n_rows), err));
    MER_GUARD(mer_notes_put_u32(buf, conformal->n_centres, err));
    MER_GUARD(put_numbers(buf, conformal->centres, conformal->n_centres, err));
    return put_numbers(buf, conformal->scales, conformal->n_centres, err);
}

/* What was measured beside the metric that decided: of what predicts, and of each trial. */
static mer_status put_reported(struct mer_buf *buf, const struct mer_facts *facts, mer_err *err)
{
    const struct mer_reported *const reported = &facts->reported;
    MER_GUARD(mer_notes_put_u32(buf, reported->n, err));
    for (size_t i = 0; i < reported->n; i++)
        MER_GUARD(put_name(buf, reported->metrics[i]->name, err));
    MER_GUARD(put_numbers(buf, reported->scores, reported->n, err));
    for (size_t i = 0; i < facts->n_trials; i++)
        MER_GUARD(put_numbers(buf, facts->trials[i].reported, reported->n, err));
    return mer_ok();
}

mer_status mer_facts_notes_write(const struct mer_facts *facts, struct mer_buf *buf, mer_err *err)
{
    MER_GUARD(mer_notes_put_u32(buf, facts->task, err));
    MER_GUARD(put_texts(buf, facts->labels, facts->n_classes, err));
    MER_GUARD(put_columns(buf, facts, err));
    MER_GUARD(put_members(buf, facts, err));
    MER_GUARD(put_name(buf, facts->metric, err));
    MER_GUARD(mer_notes_put_u64(buf, facts->seed, err));
    MER_GUARD(mer_notes_put_u64(buf, facts->units, err));
    MER_GUARD(mer_notes_put_u32(buf, facts->validation.kind, err));
    MER_GUARD(mer_notes_put_u32(buf, facts->validation.n_folds, err));
    MER_GUARD(mer_notes_put_u32(buf, facts->validation.n_repeats, err));
    MER_GUARD(mer_notes_put_u32(buf, facts->n_train_rows, err));
    MER_GUARD(put_trials(buf, facts, err));
    MER_GUARD(put_findings(buf, facts, err));
    MER_GUARD(put_quantiles(buf, facts, err));
    MER_GUARD(put_conformal(buf, &facts->conformal, err));
    return put_reported(buf, facts, err);
}

static const char *const *read_texts(struct mer_notes_reader *notes, size_t n)
{
    const char **const texts = mer_notes_list(notes, n, sizeof *texts, TEXT_LEAST);
    for (size_t i = 0; texts && i < n; i++)
        texts[i] = mer_notes_text(notes, NULL);
    return texts;
}

static void read_labels(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    facts->task = (enum mer_task)mer_notes_u32_upto(notes, MER_TASK_MULTICLASS);
    facts->n_classes = mer_notes_u32_upto(notes, MER_CLASSES_MAX);
    const bool fits = facts->task == MER_TASK_REGRESSION ? facts->n_classes == 0
                      : facts->task == MER_TASK_BINARY   ? facts->n_classes == 2
                                                         : facts->n_classes >= 3;
    if (!fits)
        mer_notes_refuse(notes);
    facts->labels = read_texts(notes, facts->n_classes);
}

static void read_field(struct mer_notes_reader *notes, struct mer_field *field)
{
    bool good;
    const size_t n = mer_notes_u32(notes);
    const unsigned char *const bytes = mer_notes_bytes(notes, n);
    if (!bytes)
        return;
    struct mer_wire_cursor cursor = {(const char *)bytes, n};
    const mer_status status = mer_wire_take_field(&cursor, notes->arena, field, &good, notes->err);
    if (!mer_is_ok(status) || !good || cursor.left > 0)
        mer_notes_refuse(notes);
    if (!mer_is_ok(status))
        notes->status = status;
}

static void read_fields(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    const size_t n = mer_notes_u32(notes);
    struct mer_field *const fields = mer_notes_list(notes, n, sizeof *fields, FIELD_LEAST);
    if (!fields || n == 0) {
        mer_notes_refuse(notes);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fields[i].name = mer_notes_text(notes, &fields[i].n_name);
        fields[i].type = (enum mer_type)mer_notes_u32_upto(notes, MER_TYPE_COUNT - 1);
        read_field(notes, &fields[i]);
    }
    facts->fields = fields;
    facts->n_fields = n;
}

static void read_columns(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    read_fields(notes, facts);
    if (facts->n_fields == 0)
        return;
    const size_t n = facts->n_fields - 1, target = mer_notes_u32_upto(notes, n);
    struct mer_prepare_column *const columns =
        mer_notes_list(notes, n, sizeof *columns, COLUMN_LEAST);
    for (size_t i = 0; columns && i < n; i++) {
        const struct mer_field *const field = &facts->fields[i < target ? i : i + 1];
        columns[i].name = field->name;
        columns[i].type = field->type;
        columns[i].left_out = (enum mer_left_out)mer_notes_u32_upto(notes, MER_LEFT_OUT_COUNT - 1);
        columns[i].role = (enum mer_column_role)mer_notes_u32_upto(notes, MER_COLUMN_ROLES - 1);
        columns[i].reason =
            (enum mer_column_reason)mer_notes_u32_upto(notes, MER_BECAUSE_COUNT - 1);
        const size_t flags = mer_notes_u32_upto(notes, 1 + 2 * MER_MEMBERS_MAX);
        columns[i].is_leak = flags % 2;
        columns[i].n_unused = flags / 2;
        columns[i].n_dense = mer_notes_u64(notes);
        columns[i].n_levels = mer_notes_u64(notes);
        columns[i].n_terms = mer_notes_u64(notes);
    }
    facts->target = facts->fields[target].name;
    facts->columns = columns;
    facts->n_missing_values = mer_notes_u32(notes);
    facts->missing_values = read_texts(notes, facts->n_missing_values);
}

static void read_family(struct mer_notes_reader *notes, enum mer_task task,
                        const struct mer_family **ret_family, struct mer_params *params)
{
    const struct mer_family *const family = mer_family_find(mer_notes_text(notes, NULL));
    if (!family || !mer_family_can(family, task)) {
        mer_notes_refuse(notes);
        return;
    }
    for (size_t i = 0; i < family->n_params; i++)
        params->values[i] = mer_notes_f64(notes);
    if (!mer_params_valid(family->params, family->n_params, params))
        mer_notes_refuse(notes);
    *ret_family = family;
}

/* A score is a number, or NaN where there is none. */
static double read_score(struct mer_notes_reader *notes)
{
    const double score = mer_notes_f64(notes);
    if (isinf(score))
        mer_notes_refuse(notes);
    return score;
}

static void read_members(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    const size_t n = mer_notes_u32_upto(notes, MER_MEMBERS_MAX);
    struct mer_member *const members = mer_notes_list(notes, n, sizeof *members, MEMBER_LEAST);
    if (n == 0 || !members) {
        mer_notes_refuse(notes);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        read_family(notes, facts->task, &members[i].family, &members[i].params);
        const uint32_t weight = mer_notes_u32_upto(notes, SECOND_LAYER | MER_WEIGHT_MAX);
        members[i].is_second = weight & SECOND_LAYER;
        members[i].weight = weight & ~(uint32_t)SECOND_LAYER;
        if (members[i].weight > MER_WEIGHT_MAX)
            mer_notes_refuse(notes);
    }
    const size_t n_bases = mer_members_bases(members, n);
    for (size_t i = 0; i < n; i++)
        if (i < n_bases ? members[i].is_second
                        : members[i].weight == 0 || members[i].is_second != (n_bases > 0))
            mer_notes_refuse(notes);
    facts->members = members;
    facts->n_members = n;
    facts->score = read_score(notes);
}

static void read_search(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    const struct mer_metric *const metric = mer_metric_find(mer_notes_text(notes, NULL));
    if (!metric) {
        mer_notes_refuse(notes);
        return;
    }
    facts->metric = metric->name;
    facts->seed = mer_notes_u64(notes);
    facts->units = mer_notes_u64(notes);
    facts->validation.kind = (enum mer_fold_kind)mer_notes_u32_upto(notes, MER_FOLD_KINDS - 1);
    facts->validation.n_folds = mer_notes_u32(notes);
    facts->validation.n_repeats = mer_notes_u32(notes);
    facts->n_train_rows = mer_notes_u32(notes);
    const size_t n = mer_notes_u32_upto(notes, MER_TRIALS_MAX);
    struct mer_trial *const trials = mer_notes_list(notes, n, sizeof *trials, TRIAL_LEAST);
    for (size_t i = 0; trials && i < n; i++) {
        read_family(notes, facts->task, &trials[i].family, &trials[i].params);
        trials[i].score = read_score(notes);
        trials[i].deviation = read_score(notes);
        const uint64_t units = mer_notes_u64(notes);
        trials[i].is_second = (units & TRIAL_OF_SECOND_LAYER) != 0;
        trials[i].units = units & ~TRIAL_OF_SECOND_LAYER;
    }
    facts->trials = trials;
    facts->n_trials = n;
}

static const double *read_numbers(struct mer_notes_reader *notes, size_t n)
{
    double *const numbers = mer_notes_list(notes, n, sizeof *numbers, sizeof *numbers);
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = mer_notes_f64(notes);
    return numbers;
}

static void read_findings(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    struct mer_recalibration *const calibration = &facts->recalibration;
    struct mer_threshold *const threshold = &facts->threshold;
    calibration->method =
        (enum mer_recalibration_method)mer_notes_u32_upto(notes, MER_RECALIBRATION_ISOTONIC);
    calibration->temperature = mer_notes_f64(notes);
    calibration->loss_before = mer_notes_f64(notes);
    calibration->loss_after = mer_notes_f64(notes);
    threshold->value = mer_notes_f64(notes);
    const char *const name = mer_notes_text(notes, NULL);
    const struct mer_metric *const metric = name && name[0] ? mer_metric_find(name) : NULL;
    threshold->metric = metric ? metric->name : NULL;
    threshold->score_before = mer_notes_f64(notes);
    threshold->score_after = mer_notes_f64(notes);
    const bool is_temperature = calibration->method == MER_RECALIBRATION_TEMPERATURE;
    if ((name && name[0] && !metric) ||
        (is_temperature && !mer_recalibration_is_sound(calibration, facts->n_classes)) ||
        (calibration->method != MER_RECALIBRATION_NONE && facts->n_classes < 2) ||
        !mer_threshold_is_sound(threshold, facts->n_classes))
        mer_notes_refuse(notes);
}

static void read_quantiles(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    enum { QUANTILE_LEAST = 24 };
    const size_t n = mer_notes_u32_upto(notes, MER_QUANTILES_MAX);
    if (n == 0)
        return;
    struct mer_quantile *const quantiles =
        mer_notes_list(notes, n, sizeof *quantiles, QUANTILE_LEAST);
    double levels[MER_QUANTILES_MAX];
    for (size_t i = 0; quantiles && i < n; i++) {
        levels[i] = quantiles[i].level = mer_notes_f64(notes);
        quantiles[i].loss = mer_notes_f64(notes);
        quantiles[i].below = mer_notes_f64(notes);
    }
    if (!quantiles || notes->failed || !mer_quantile_levels_are_sound(levels, n) ||
        facts->task != MER_TASK_REGRESSION) {
        mer_notes_refuse(notes);
        return;
    }
    facts->quantiles = quantiles;
    facts->n_quantiles = n;
}

static void read_conformal(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    struct mer_conformal conformal = {.n_rows = mer_notes_u32(notes)};
    if (conformal.n_rows == 0)
        return;
    conformal.quantiles = read_numbers(notes, mer_conformal_n_quantiles(conformal.n_rows));
    conformal.n_centres = mer_notes_u32_upto(notes, MER_CONFORMAL_BINS_MAX);
    conformal.centres = read_numbers(notes, conformal.n_centres);
    conformal.scales = read_numbers(notes, conformal.n_centres);
    if (notes->failed || !mer_conformal_is_sound(&conformal, facts->task))
        mer_notes_refuse(notes);
    else
        facts->conformal = conformal;
}

static void read_reported(struct mer_notes_reader *notes, struct mer_facts *facts)
{
    struct mer_reported reported = {.n = mer_notes_u32_upto(notes, MER_REPORTED_MAX)};
    /* Nobody else has them yet: they lie in the facts' own arena. */
    struct mer_trial *const trials = (struct mer_trial *)(uintptr_t)facts->trials;
    for (size_t i = 0; i < reported.n; i++) {
        reported.metrics[i] = mer_metric_find(mer_notes_text(notes, NULL));
        if (!reported.metrics[i] || !mer_metric_fits(reported.metrics[i], facts->task)) {
            mer_notes_refuse(notes);
            return;
        }
    }
    for (size_t i = 0; i < reported.n; i++)
        reported.scores[i] = read_score(notes);
    for (size_t i = 0; trials && i < facts->n_trials; i++)
        for (size_t k = 0; k < reported.n; k++)
            trials[i].reported[k] = read_score(notes);
    facts->reported = reported;
}

mer_status mer_facts_notes_read(const struct mer_ctx *ctx, const void *bytes, size_t n,
                                struct mer_facts *ret_facts, mer_err *err)
{
    struct mer_facts facts = {.fields = NULL};
    struct mer_notes_reader notes;
    mer_arena_init(&facts.arena, ctx->alloc);
    mer_notes_read(&notes, bytes, n, &facts.arena, err);
    read_labels(&notes, &facts);
    read_columns(&notes, &facts);
    read_members(&notes, &facts);
    read_search(&notes, &facts);
    read_findings(&notes, &facts);
    read_quantiles(&notes, &facts);
    read_conformal(&notes, &facts);
    read_reported(&notes, &facts);
    const mer_status status =
        mer_notes_end(&notes, "the cell that loaded the model tells nonsense about it");
    if (!mer_is_ok(status)) {
        mer_facts_release(&facts);
        return status;
    }
    *ret_facts = facts;
    return mer_ok();
}
