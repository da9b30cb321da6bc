/* The provenance record: how a model came to be, as an in-toto statement with the predicate SLSA
 * Provenance v1. Everything that must not be in the model, whose bytes depend on data, seed,
 * settings and units alone, is here: times, threads, paths, the machine's level. No record's value
 * is in it. docs/provenance.md tells what each member means. */
#include <math.h>
#include <string.h>

#include "api/api_provenance.h"
#include "api/card_text.h"
#include "api/replay.h"
#include "guard/provenance.h"
#include "os/clock.h"

static const char BUILD_TYPE[] = "urn:merlon:fit:1";
static const char BUILDER[] = "urn:merlon:program";

static void begin(struct mer_json_writer *writer, const char *key)
{
    if (key)
        mer_json_key(writer, key);
    mer_json_begin_object(writer);
}

static void put_text(struct mer_json_writer *writer, const char *key, const char *text)
{
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_unsigned(struct mer_json_writer *writer, const char *key, uint64_t value)
{
    mer_json_key(writer, key);
    mer_json_put_unsigned(writer, value);
}

static void put_boolean(struct mer_json_writer *writer, const char *key, bool value)
{
    mer_json_key(writer, key);
    mer_json_put_boolean(writer, value);
}

static void put_number(struct mer_json_writer *writer, const char *key, double value)
{
    mer_json_key(writer, key);
    if (isfinite(value))
        mer_json_put_number(writer, value);
    else
        mer_json_put_null(writer);
}

static void put_time(struct mer_json_writer *writer, const char *key, uint64_t wall_ns)
{
    char text[24];
    mer_clock_format_utc(wall_ns, text);
    put_text(writer, key, text);
}

static void put_digest(struct mer_json_writer *writer, const char *digest)
{
    begin(writer, "digest");
    put_text(writer, "sha256", digest);
    mer_json_end_object(writer);
}

/* The last part of a path. */
static const char *base_name(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void put_subject(struct mer_json_writer *writer, const struct mer_recorded *recorded)
{
    mer_json_key(writer, "subject");
    mer_json_begin_array(writer);
    begin(writer, NULL);
    put_text(writer, "name", base_name(recorded->path));
    put_digest(writer, recorded->digest);
    begin(writer, "annotations");
    put_unsigned(writer, "bytes", recorded->n_bytes);
    if (recorded->serial > 0)
        put_unsigned(writer, "merlon.serial", recorded->serial);
    mer_json_end_object(writer);
    mer_json_end_object(writer);
    mer_json_end_array(writer);
}

/* What was asked for, and what repeats it: the units that were reached, not the seconds that were
 * given. */
static void put_external(struct mer_json_writer *writer, const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    const struct mer_making *const making = &model->making;
    begin(writer, "externalParameters");
    put_text(writer, "target", facts->target);
    put_text(writer, "task", mer_task_name(facts->task));
    put_text(writer, "metric", facts->metric);
    put_unsigned(writer, "seed", facts->seed);
    put_unsigned(writer, "units", facts->units);
    put_unsigned(writer, "folds", facts->validation.n_folds);
    put_unsigned(writer, "repeats", facts->validation.n_repeats);
    put_text(writer, "validation", mer_fold_kind_name(facts->validation.kind));
    put_boolean(writer, "seed_given", making->seed_given);
    put_boolean(writer, "family_given", making->family_given);
    put_boolean(writer, "task_given", making->task_given);
    put_boolean(writer, "classes_balanced", making->classes_balanced);
    put_boolean(writer, "leaks_left_out", making->leaks_left_out);
    if (making->monotone)
        put_text(writer, "monotone", making->monotone);
    if (making->budget_seconds > 0)
        put_number(writer, "budget_seconds", making->budget_seconds);
    if (making->units)
        put_unsigned(writer, "units_limit", making->units);
    if (making->max_trials)
        put_unsigned(writer, "trials_limit", making->max_trials);
    mer_replay_put(making->asked, writer);
    mer_json_end_object(writer);
}

/* What was found. */
static void put_internal(struct mer_json_writer *writer, const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    begin(writer, "internalParameters");
    put_text(writer, "family", mer_facts_family(facts));
    mer_describe_members(facts, writer);
    put_unsigned(writer, "trials", facts->n_trials);
    put_boolean(writer, "pseudonyms", mer_model_is_pseudonymous(model));
    put_unsigned(writer, "threads", model->making.n_threads);
    put_text(writer, "cpu", mer_cpu_level_name(model->making.cpu));
    put_unsigned(writer, "processors", mer_processors_available());
    mer_json_end_object(writer);
}

/* A table of rows; `bad`: what was left out of it. */
static void put_table(struct mer_json_writer *writer, const char *name, const char *path,
                      const struct mer_origin *origin, size_t n_rows, size_t n_columns,
                      const struct mer_bad_rows *bad)
{
    begin(writer, NULL);
    put_text(writer, "name", name);
    if (origin->digest[0])
        put_digest(writer, origin->digest);
    begin(writer, "annotations");
    if (path)
        put_text(writer, "path", path);
    put_unsigned(writer, "bytes", origin->n_bytes);
    put_unsigned(writer, "rows", n_rows);
    if (n_columns > 0)
        put_unsigned(writer, "columns", n_columns);
    if (origin->is_signed) {
        begin(writer, "signer");
        put_text(writer, "name", origin->signature.signer_name);
        put_text(writer, "id", origin->signature.signer_id);
        mer_json_end_object(writer);
    }
    if (bad && bad->n_rows > 0)
        mer_bad_rows_put(bad, NULL, writer);
    mer_json_end_object(writer);
    mer_json_end_object(writer);
}

static void put_dependencies(struct mer_json_writer *writer, const struct mer_making *making)
{
    mer_json_key(writer, "resolvedDependencies");
    mer_json_begin_array(writer);
    put_table(writer, "data", making->path, &making->data, making->n_rows, making->n_columns,
              &making->bad);
    if (making->schema_given && making->schema_digest[0]) {
        begin(writer, NULL);
        put_text(writer, "name", "schema");
        put_digest(writer, making->schema_digest);
        mer_json_end_object(writer);
    }
    /* Behind the schema, which readers of records know where to find. */
    if (making->has_valid)
        put_table(writer, "validation", making->valid_path, &making->valid, making->n_valid_rows, 0,
                  NULL);
    mer_json_end_array(writer);
}

static void put_run(struct mer_json_writer *writer, const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    begin(writer, "runDetails");
    begin(writer, "builder");
    put_text(writer, "id", BUILDER);
    begin(writer, "version");
    put_text(writer, "merlon", mer_version());
    mer_json_end_object(writer);
    mer_json_end_object(writer);
    begin(writer, "metadata");
    put_time(writer, "startedOn", model->making.started_ns);
    put_time(writer, "finishedOn", model->making.ended_ns);
    mer_json_end_object(writer);
    mer_json_key(writer, "byproducts");
    mer_json_begin_array(writer);
    if (isfinite(facts->score)) {
        begin(writer, NULL);
        put_text(writer, "name", "cross-validation");
        begin(writer, "annotations");
        put_text(writer, "metric", facts->metric);
        put_number(writer, "score", facts->score);
        put_number(writer, "deviation", mer_card_deviation(facts));
        mer_json_end_object(writer);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

mer_status mer_provenance_write(const struct mer_fitted *model, const struct mer_recorded *recorded,
                                struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 0, err);
    begin(&writer, NULL);
    put_text(&writer, "_type", MER_STATEMENT_TYPE);
    put_subject(&writer, recorded);
    put_text(&writer, "predicateType", MER_PROVENANCE_TYPE);
    begin(&writer, "predicate");
    begin(&writer, "buildDefinition");
    put_text(&writer, "buildType", BUILD_TYPE);
    put_external(&writer, model);
    put_internal(&writer, model);
    put_dependencies(&writer, &model->making);
    mer_json_end_object(&writer);
    put_run(&writer, model);
    mer_json_end_object(&writer);
    mer_json_end_object(&writer);
    return mer_json_writer_end(&writer);
}
