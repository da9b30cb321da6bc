/* The provenance record: how a model came to be. Everything that must not be in the model, whose
 * bytes depend on data, seed, settings and units alone, is here: times, threads, paths, the
 * machine's level. No record's value is in it. */
#include <math.h>

#include "api/handles.h"
#include "os/clock.h"

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

static void put_time(struct mer_json_writer *writer, const char *key, uint64_t wall_ns)
{
    char text[24];
    mer_clock_format_utc(wall_ns, text);
    put_text(writer, key, text);
}

static void put_model(struct mer_json_writer *writer, const struct mer_fitted *model,
                      const char *digest, size_t n_bytes)
{
    const struct mer_facts *const facts = model->facts;
    mer_json_key(writer, "model");
    mer_json_begin_object(writer);
    put_text(writer, "sha256", digest);
    put_unsigned(writer, "bytes", n_bytes);
    put_text(writer, "task", mer_task_name(facts->task));
    put_text(writer, "target", facts->target);
    put_text(writer, "family", mer_facts_family(facts));
    mer_describe_members(facts, writer);
    put_text(writer, "metric", facts->metric);
    if (isfinite(facts->score)) {
        mer_json_key(writer, "cross_validation_score");
        mer_json_put_number(writer, facts->score);
    }
    mer_json_end_object(writer);
}

static void put_data(struct mer_json_writer *writer, const struct mer_making *making)
{
    mer_json_key(writer, "data");
    mer_json_begin_object(writer);
    if (making->path)
        put_text(writer, "path", making->path);
    put_text(writer, "sha256", making->data.digest);
    put_unsigned(writer, "bytes", making->data.n_bytes);
    put_unsigned(writer, "rows", making->n_rows);
    put_unsigned(writer, "columns", making->n_columns);
    if (making->data.is_signed) {
        mer_json_key(writer, "signer");
        mer_json_begin_object(writer);
        put_text(writer, "name", making->data.signature.signer_name);
        put_text(writer, "id", making->data.signature.signer_id);
        mer_json_end_object(writer);
    }
    if (making->schema_given)
        put_text(writer, "schema_sha256", making->schema_digest);
    if (making->bad.n_rows > 0)
        mer_bad_rows_put(&making->bad, NULL, writer);
    mer_json_end_object(writer);
}

/* What it takes to repeat the run: the units that were reached, not the seconds that were given. */
static void put_settings(struct mer_json_writer *writer, const struct mer_fitted *model)
{
    const struct mer_facts *const facts = model->facts;
    const struct mer_making *const making = &model->making;
    mer_json_key(writer, "settings");
    mer_json_begin_object(writer);
    put_unsigned(writer, "seed", facts->seed);
    mer_json_key(writer, "seed_given");
    mer_json_put_boolean(writer, making->seed_given);
    put_unsigned(writer, "units", facts->units);
    mer_json_key(writer, "family_given");
    mer_json_put_boolean(writer, making->family_given);
    put_unsigned(writer, "folds", facts->n_folds);
    put_unsigned(writer, "trials", facts->n_trials);
    if (making->budget_seconds > 0) {
        mer_json_key(writer, "budget_seconds");
        mer_json_put_number(writer, making->budget_seconds);
    }
    if (making->units)
        put_unsigned(writer, "units_limit", making->units);
    if (making->max_trials)
        put_unsigned(writer, "trials_limit", making->max_trials);
    mer_json_end_object(writer);
}

static void put_run(struct mer_json_writer *writer, const struct mer_making *making)
{
    mer_json_key(writer, "run");
    mer_json_begin_object(writer);
    put_text(writer, "program", "merlon");
    put_text(writer, "version", mer_version());
    put_time(writer, "started", making->started_ns);
    put_time(writer, "ended", making->ended_ns);
    put_unsigned(writer, "threads", making->n_threads);
    put_text(writer, "cpu", mer_cpu_level_name(making->cpu));
    put_unsigned(writer, "processors", mer_processors_available());
    mer_json_end_object(writer);
}

mer_status mer_provenance_write(const struct mer_fitted *model, const char *model_digest,
                                size_t n_model_bytes, struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 2, err);
    mer_json_begin_object(&writer);
    put_unsigned(&writer, "format", 1);
    put_model(&writer, model, model_digest, n_model_bytes);
    put_data(&writer, &model->making);
    put_settings(&writer, model);
    put_run(&writer, &model->making);
    mer_json_end_object(&writer);
    MER_GUARD(mer_json_writer_end(&writer));
    return mer_buf_text(buf, "\n", err);
}
