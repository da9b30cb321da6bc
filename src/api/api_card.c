/* Cards of models: a bill of materials by CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/) and
 * a model card in Markdown. Both tell what the model's facts and its provenance record say; what
 * only its maker can know is left open, and marked so.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/card_text.h"
#include "core/json.h"
#include "core/number.h"

static void begin(struct mer_json_writer *writer, const char *key)
{
    if (key)
        mer_json_key(writer, key);
    mer_json_begin_object(writer);
}

static void begin_list(struct mer_json_writer *writer, const char *key)
{
    mer_json_key(writer, key);
    mer_json_begin_array(writer);
}

static void put(struct mer_json_writer *writer, const char *key, const char *text)
{
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_property(struct mer_json_writer *writer, const char *name, const char *value)
{
    if (!value)
        return;
    begin(writer, NULL);
    put(writer, "name", name);
    put(writer, "value", value);
    mer_json_end_object(writer);
}

static void put_count(struct mer_json_writer *writer, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    put_property(writer, name, text);
}

static void put_hash(struct mer_json_writer *writer, const char *digest)
{
    if (!digest)
        return;
    begin_list(writer, "hashes");
    begin(writer, NULL);
    put(writer, "alg", "SHA-256");
    put(writer, "content", digest);
    mer_json_end_object(writer);
    mer_json_end_array(writer);
}

/* ---- The model's card in it ---- */

/* CycloneDX wants texts: "'age' (number)". */
static void put_format(struct mer_json_writer *writer, const char *name, const char *type)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s (%s)", mer_quote(name).text, type);
    begin(writer, NULL);
    put(writer, "format", text);
    mer_json_end_object(writer);
}

static void put_parameters(struct mer_json_writer *writer, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    begin(writer, "modelParameters");
    begin(writer, "approach");
    put(writer, "type", "supervised");
    mer_json_end_object(writer);
    put(writer, "task", facts->task == MER_TASK_REGRESSION ? "regression" : "classification");
    put(writer, "architectureFamily", mer_facts_family(facts));
    put(writer, "modelArchitecture", mer_facts_title(facts));
    begin_list(writer, "datasets");
    begin(writer, NULL);
    put(writer, "ref", "data");
    mer_json_end_object(writer);
    mer_json_end_array(writer);
    begin_list(writer, "inputs");
    for (size_t i = 0; i + 1 < facts->n_fields; i++)
        if (facts->columns[i].left_out == MER_LEFT_OUT_NOT)
            put_format(writer, facts->columns[i].name, mer_type_name(facts->columns[i].type));
    mer_json_end_array(writer);
    begin_list(writer, "outputs");
    put_format(writer, mer_model_target(card->model),
               facts->task == MER_TASK_REGRESSION ? "number" : "probability of each class");
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

static void put_metric(struct mer_json_writer *writer, const char *metric, double value,
                       const char *slice, double margin)
{
    char text[MER_NUMBER_TEXT_MAX];
    if (!isfinite(value))
        return;
    begin(writer, NULL);
    put(writer, "type", metric);
    (void)mer_number_format_digits(value, MER_CARD_DIGITS, text);
    put(writer, "value", text);
    put(writer, "slice", slice);
    if (isfinite(margin)) {
        begin(writer, "confidenceInterval");
        (void)mer_number_format_digits(value - margin, MER_CARD_DIGITS, text);
        put(writer, "lowerBound", text);
        (void)mer_number_format_digits(value + margin, MER_CARD_DIGITS, text);
        put(writer, "upperBound", text);
        mer_json_end_object(writer);
    }
    mer_json_end_object(writer);
}

static void put_performance(struct mer_json_writer *writer, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    char slice[200];
    begin(writer, "quantitativeAnalysis");
    begin_list(writer, "performanceMetrics");
    if (isfinite(facts->score)) {
        mer_validation_describe(&facts->validation, slice, sizeof slice);
        put_metric(writer, facts->metric, facts->score, slice, mer_card_margin(facts));
    }
    for (size_t i = 0; i < card->options.n_scores; i++) {
        const struct mer_card_score *const score = &card->options.scores[i];
        if (score->group)
            (void)snprintf(
                slice, sizeof slice, "%s = %s, %zu rows",
                mer_quote(card->options.group_column ? card->options.group_column : "group").text,
                mer_quote(score->group).text, score->n_rows);
        else
            (void)snprintf(slice, sizeof slice, "%zu rows of other data", score->n_rows);
        put_metric(writer, score->metric, score->value, slice, NAN);
    }
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

static void put_model_card(struct mer_json_writer *writer, const struct mer_card *card)
{
    begin(writer, "modelCard");
    put_parameters(writer, card);
    put_performance(writer, card);
    begin(writer, "considerations");
    begin_list(writer, "technicalLimitations");
    for (size_t i = 0; i < MER_CARD_LIMITS_MAX; i++) {
        const char *const limit = mer_card_limit(card, i);
        if (limit)
            mer_json_put_string(writer, limit);
    }
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    mer_json_end_object(writer);
}

/* ---- Components ---- */

static void put_model(struct mer_json_writer *writer, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    char serial[24];
    begin(writer, NULL);
    put(writer, "type", "machine-learning-model");
    put(writer, "bom-ref", "model");
    put(writer, "name", card->options.name);
    if (card->model->verified.serial > 0) {
        (void)snprintf(serial, sizeof serial, "%llu",
                       (unsigned long long)card->model->verified.serial);
        put(writer, "version", serial);
    }
    put_hash(writer, card->model->digest);
    put_model_card(writer, card);
    begin_list(writer, "properties");
    put_property(writer, "merlon:metric", facts->metric);
    put_count(writer, "merlon:seed", facts->seed);
    put_count(writer, "merlon:units", facts->units);
    put_count(writer, "merlon:folds", facts->validation.n_folds);
    put_count(writer, "merlon:train_rows", facts->n_train_rows);
    if (card->model->verified.signer_id[0])
        put_property(writer, "merlon:signer", card->model->verified.signer_id);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

static void put_data(struct mer_json_writer *writer, const struct mer_card *card)
{
    begin(writer, NULL);
    put(writer, "type", "data");
    put(writer, "bom-ref", "data");
    put(writer, "name", card->data_name ? card->data_name : "training data");
    put_hash(writer, card->data_digest);
    begin_list(writer, "data");
    begin(writer, NULL);
    put(writer, "type", "dataset");
    mer_json_end_object(writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    if (!card->schema_digest)
        return;
    begin(writer, NULL);
    put(writer, "type", "data");
    put(writer, "bom-ref", "schema");
    put(writer, "name", "schema of the training data");
    put_hash(writer, card->schema_digest);
    begin_list(writer, "data");
    begin(writer, NULL);
    put(writer, "type", "definition");
    mer_json_end_object(writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

static void put_metadata(struct mer_json_writer *writer, const struct mer_card *card)
{
    begin(writer, "metadata");
    if (card->finished)
        put(writer, "timestamp", card->finished);
    begin(writer, "tools");
    begin_list(writer, "components");
    begin(writer, NULL);
    put(writer, "type", "application");
    put(writer, "name", "merlon");
    put(writer, "version", card->version ? card->version : mer_version());
    mer_json_end_object(writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
    mer_json_end_object(writer);
}

/* A number for the document that is the same for the same model: a UUID of version 8 (RFC 9562) out
 * of the model's digest. */
static void put_serial_number(struct mer_json_writer *writer, const char *digest)
{
    char text[64];
    (void)snprintf(text, sizeof text, "urn:uuid:%.8s-%.4s-8%.3s-a%.3s-%.12s", digest, digest + 8,
                   digest + 13, digest + 17, digest + 20);
    put(writer, "serialNumber", text);
}

mer_status mer_card_cyclonedx(const struct mer_card *card, struct mer_buf *buf, mer_err *err)
{
    struct mer_json_writer writer;
    mer_json_writer_init(&writer, buf, 2, err);
    begin(&writer, NULL);
    put(&writer, "bomFormat", "CycloneDX");
    put(&writer, "specVersion", "1.6");
    put_serial_number(&writer, card->model->digest);
    mer_json_key(&writer, "version");
    mer_json_put_integer(&writer, 1);
    put_metadata(&writer, card);
    begin_list(&writer, "components");
    put_model(&writer, card);
    put_data(&writer, card);
    mer_json_end_array(&writer);
    begin_list(&writer, "dependencies");
    begin(&writer, NULL);
    put(&writer, "ref", "model");
    begin_list(&writer, "dependsOn");
    mer_json_put_string(&writer, "data");
    if (card->schema_digest)
        mer_json_put_string(&writer, "schema");
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    mer_json_end_array(&writer);
    mer_json_end_object(&writer);
    MER_GUARD(mer_json_writer_end(&writer));
    return mer_buf_text(buf, "\n", err);
}
