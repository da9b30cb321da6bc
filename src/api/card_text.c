/* A model card in Markdown, and what both kinds of cards draw on. Names are text from outside: what
 * means something in Markdown or HTML is escaped. */
#include "api/card_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/number.h"
#include "learn/family.h"

double mer_card_deviation(const struct mer_facts *facts)
{
    return facts->n_members == 1 && facts->n_trials > 0 ? facts->trials[0].deviation : NAN;
}

double mer_card_margin(const struct mer_facts *facts)
{
    return facts->validation.n_folds > 1
               ? 1.96 * mer_card_deviation(facts) / sqrt((double)facts->validation.n_folds)
               : NAN;
}

const char *mer_card_limit(const struct mer_card *card, size_t i)
{
    const struct mer_facts *const facts = card->model->facts;
    switch (i) {
    case 0:
        return "It knows the columns and levels of its training data alone: rows that are unlike "
               "them "
               "get an answer all the same.";
    case 1:
        return "The cross-validated score was looked at while settings were chosen, so it is "
               "somewhat too good; scores on data that nobody looked at before are not.";
    case 2:
        return facts->task == MER_TASK_REGRESSION
                   ? "A prediction is a single number, without an interval."
                   : "Probabilities are as good as their calibration, which was not measured here.";
    case 3:
        return facts->n_train_rows < 1000 ? "It was trained on fewer than 1,000 rows: scores vary "
                                            "with the rows that were drawn."
                                          : NULL;
    case 4:
        return mer_facts_row_keeper(facts)
                   ? "It holds its training rows: whoever has the model has them."
                   : NULL;
    case 5:
        return mer_model_is_unsigned(card->model) ? "Nobody who is trusted has signed it: all that "
                                                    "is said here is its maker's word."
                                                  : NULL;
    default:
        return NULL;
    }
}

/* ---- Markdown ---- */

enum { METRICS_SHOWN = 6 };

struct text {
    struct mer_buf *buf;
    mer_err *err;
    mer_status status;
};

static void say(struct text *text, const char *format, ...) MER_PRINTF(2, 3);
static void say(struct text *text, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (mer_is_ok(text->status))
        text->status = mer_buf_text(text->buf, line, text->err);
}

/* A name, so that it is read as letters and nothing else. */
struct escaped {
    char text[400];
};
static struct escaped escape(const char *name)
{
    static const char special[] = "\\`*_{}[]()<>#+-!|&~";
    const struct mer_quoted quoted = mer_quote(name);
    const size_t n_quoted = strlen(quoted.text);
    struct escaped escaped;
    size_t n = 0;
    /* Without the quotes around it: the table's cells tell where it ends. */
    const bool has_quotes = n_quoted > 1 && quoted.text[0] == '\'';
    const char *const end = quoted.text + n_quoted - has_quotes;
    for (const char *at = quoted.text + has_quotes; at < end && n + 3 < sizeof escaped.text; at++) {
        if (strchr(special, *at))
            escaped.text[n++] = '\\';
        escaped.text[n++] = *at;
    }
    escaped.text[n] = '\0';
    return escaped;
}

static void say_number(struct text *text, double value)
{
    char number[MER_NUMBER_TEXT_MAX] = "-";
    if (isfinite(value))
        (void)mer_number_format_digits(value, MER_CARD_DIGITS, number);
    say(text, "%s", number);
}

static void say_what(struct text *text, const struct mer_card *card)
{
    const struct mer_fitted *const model = card->model;
    const struct mer_facts *const facts = model->facts;
    say(text, "# Model card: %s\n\n", escape(card->options.name).text);
    say(text, "| | |\n|---|---|\n");
    say(text, "| predicts | %s |\n", escape(mer_model_target(model)).text);
    say(text, "| task | %s", mer_task_name(facts->task));
    if (facts->n_classes > 0)
        say(text, ", %zu classes", facts->n_classes);
    say(text, " |\n| family | `%s`: %s |\n", mer_facts_family(facts), mer_facts_title(facts));
    say(text, "| SHA-256 | `%s` |\n", model->digest);
    if (model->verified.signer_id[0])
        say(text, "| signed by | %s, key `%s` |\n", escape(model->verified.signer_name).text,
            model->verified.signer_id);
    else
        say(text, "| signed by | nobody who is trusted |\n");
    if (model->verified.serial)
        say(text, "| serial number | %llu |\n", (unsigned long long)model->verified.serial);
    if (card->finished)
        say(text, "| made | %s, by merlon %s |\n", escape(card->finished).text,
            escape(card->version ? card->version : "").text);
    if (mer_model_is_pseudonymous(model))
        say(text,
            "| names | pseudonyms: `merlon names` turns them back with the project's key |\n");
}

static void say_data(struct text *text, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    say(text, "\n## Data\n\nTrained on %zu rows", facts->n_train_rows);
    if (card->data_name)
        say(text, " of %s", escape(card->data_name).text);
    say(text, ".\n\n");
    if (card->data_digest)
        say(text, "- SHA-256 of the table: `%s`\n", card->data_digest);
    else
        say(text, "- There is no provenance record, so the table is not known.\n");
    if (card->schema_digest)
        say(text, "- SHA-256 of its schema: `%s`\n", card->schema_digest);
    say(text, "\n| column | type | used |\n|---|---|---|\n");
    for (size_t i = 0; i + 1 < facts->n_fields; i++) {
        const struct mer_prepare_column *const column = &facts->columns[i];
        const bool used = column->left_out == MER_LEFT_OUT_NOT;
        say(text, "| %s | %s | %s%s |\n", escape(column->name).text, mer_type_name(column->type),
            used ? "yes" : "no: ", used ? "" : mer_left_out_reason(column->left_out));
    }
}

/* The first metrics of a list of scores, which come group after group. */
static size_t first_metrics(const struct mer_card_options *options,
                            const char *ret_metrics[METRICS_SHOWN])
{
    size_t n = 0;
    while (n < METRICS_SHOWN && n < options->n_scores &&
           (n == 0 || strcmp(options->scores[n].metric, options->scores[0].metric) != 0)) {
        ret_metrics[n] = options->scores[n].metric;
        n++;
    }
    return n;
}

/* A line for all rows and for each group. */
static void say_table(struct text *text, const struct mer_card_options *options)
{
    const char *metrics[METRICS_SHOWN];
    const size_t n = first_metrics(options, metrics);
    say(text, "| rows | number |");
    for (size_t k = 0; k < n; k++)
        say(text, " `%s` |", metrics[k]);
    say(text, "\n|---|---|");
    for (size_t k = 0; k < n; k++)
        say(text, "---|");
    for (size_t i = 0; i < options->n_scores; i++) {
        const struct mer_card_score *const score = &options->scores[i];
        if (strcmp(score->metric, metrics[0]) == 0) {
            if (score->group)
                say(text, "\n| %s = %s |",
                    escape(options->group_column ? options->group_column : "group").text,
                    escape(score->group).text);
            else
                say(text, "\n| all |");
            say(text, " %zu |", score->n_rows);
        }
        for (size_t k = 0; k < n; k++) {
            if (strcmp(score->metric, metrics[k]) != 0)
                continue;
            say(text, " ");
            say_number(text, score->value);
            say(text, " |");
        }
    }
    say(text, "\n");
}

static void say_scores(struct text *text, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    const struct mer_card_options *const options = &card->options;
    char folds[80];
    mer_validation_describe(&facts->validation, folds, sizeof folds);
    say(text, "\n## How well it does\n\n");
    if (isfinite(facts->score)) {
        say(text,
            "| metric | on | value | deviation over the folds | 95 %% interval of the mean |\n"
            "|---|---|---|---|---|\n| `%s` | %s | ",
            facts->metric, folds);
        say_number(text, facts->score);
        say(text, " | ");
        say_number(text, mer_card_deviation(facts));
        say(text, " | ");
        say_number(text, facts->score - mer_card_margin(facts));
        say(text, " to ");
        say_number(text, facts->score + mer_card_margin(facts));
        say(text, " |\n");
    }
    if (options->n_scores == 0) {
        say(text, "\nIt was not scored on other data (`inspect --format card --data TABLE --by "
                  "COLUMN` does that, by groups too).\n");
        return;
    }
    say(text, "\nOn data that it was not trained on:\n\n");
    say_table(text, options);
}

static void say_use(struct text *text, const struct mer_card *card)
{
    static const char *const questions[] = {
        "**To be filled in:** what it is for, who uses it, and what decisions follow from it.",
        "**To be filled in:** what it must not be used for.",
        "**To be filled in:** where the data comes from, and whether its use for this is allowed.",
        "**To be filled in:** who could be harmed, and what was done about it.",
        "**To be filled in:** who answers for it, and when it is looked at again."};
    say(text, "\n## Intended use\n\n");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        say(text, "- %s\n", questions[i]);
    say(text, "\n## Limits\n\n");
    for (size_t i = 0; i < MER_CARD_LIMITS_MAX; i++) {
        const char *const limit = mer_card_limit(card, i);
        if (limit)
            say(text, "- %s\n", limit);
    }
}

static void say_replay(struct text *text, const struct mer_card *card)
{
    const struct mer_facts *const facts = card->model->facts;
    say(text,
        "\n## How to make it again\n\nThe same table, settings, seed and work units give the "
        "same bytes, on any number of threads%s:\n\n    merlon fit TABLE --target TARGET --metric "
        "%s --seed %llu --units %llu --folds %zu --out AGAIN.safetensors",
        card->version ? " with the same version" : "", facts->metric,
        (unsigned long long)facts->seed, (unsigned long long)facts->units,
        facts->validation.n_folds);
    if (card->task_given)
        say(text, " --task %s",
            facts->task == MER_TASK_REGRESSION ? "regression" : "classification");
    if (card->classes_balanced)
        say(text, " --class-weight balanced");
    if (card->leaks_left_out)
        say(text, " --leave-out-leaks");
    if (card->family_given && facts->n_members == 1) {
        const struct mer_member *const member = &facts->members[0];
        char value[MER_NUMBER_TEXT_MAX];
        say(text, " --model %s", member->family->name);
        for (size_t i = 0; i < member->family->n_params; i++) {
            const struct mer_param_spec *const spec = &member->family->params[i];
            const double set = member->params.values[i];
            if (set == spec->preset)
                continue;
            (void)mer_number_format(set, value);
            say(text, " --param %s=%s", spec->name,
                spec->type == MER_PARAM_CHOICE    ? spec->choices[(size_t)set]
                : spec->type == MER_PARAM_BOOLEAN ? (set != 0 ? "true" : "false")
                                                  : value);
        }
    }
    if (card->monotone)
        say(text, "\n\nwith `--monotone` for each of: %s", escape(card->monotone).text);
    say(text, "\n\nTABLE is the one with the digest above, TARGET the column that it predicts. "
              "`sha256sum` of both files tells whether it is the same model.\n");
}

mer_status mer_card_markdown(const struct mer_card *card, struct mer_buf *buf, mer_err *err)
{
    struct text text = {buf, err, mer_ok()};
    say_what(&text, card);
    say_data(&text, card);
    say_scores(&text, card);
    say_use(&text, card);
    say_replay(&text, card);
    return text.status;
}

/* ---- The record ---- */

static const char *text_at(const struct mer_json *object, const char *key)
{
    return mer_json_string(mer_json_get(object, key), NULL);
}

/* What the record says of a dependency by that name. */
static const struct mer_json *dependency(const struct mer_json *list, const char *name)
{
    for (size_t i = 0; i < mer_json_size(list) && mer_json_type(list) == MER_JSON_ARRAY; i++) {
        const char *const text = text_at(mer_json_at(list, i), "name");
        if (text && strcmp(text, name) == 0)
            return mer_json_at(list, i);
    }
    return NULL;
}

static void take_record(struct mer_card *card, const struct mer_json *root)
{
    const struct mer_json *const predicate = mer_json_get(root, "predicate");
    const struct mer_json *const build = mer_json_get(predicate, "buildDefinition");
    const struct mer_json *const run = mer_json_get(predicate, "runDetails");
    const struct mer_json *const metadata = mer_json_get(run, "metadata");
    const struct mer_json *const list = mer_json_get(build, "resolvedDependencies");
    const struct mer_json *const data = dependency(list, "data");
    const char *const path = text_at(mer_json_get(data, "annotations"), "path");
    const char *const slash = path ? strrchr(path, '/') : NULL;
    card->data_name = slash ? slash + 1 : path;
    card->data_digest = text_at(mer_json_get(data, "digest"), "sha256");
    card->schema_digest = text_at(mer_json_get(dependency(list, "schema"), "digest"), "sha256");
    card->started = text_at(metadata, "startedOn");
    card->finished = text_at(metadata, "finishedOn");
    card->version = text_at(mer_json_get(mer_json_get(run, "builder"), "version"), "merlon");
    const struct mer_json *const asked = mer_json_get(build, "externalParameters");
    (void)mer_json_boolean(mer_json_get(asked, "family_given"), &card->family_given);
    (void)mer_json_boolean(mer_json_get(asked, "task_given"), &card->task_given);
    (void)mer_json_boolean(mer_json_get(asked, "classes_balanced"), &card->classes_balanced);
    (void)mer_json_boolean(mer_json_get(asked, "leaks_left_out"), &card->leaks_left_out);
    card->monotone = text_at(asked, "monotone");
}

static mer_status write_card(struct mer_card *card, const char *format, struct mer_buf *buf,
                             mer_err *err)
{
    if (strcmp(format, "cyclonedx") == 0)
        return mer_card_cyclonedx(card, buf, err);
    if (strcmp(format, "card") == 0)
        return mer_card_markdown(card, buf, err);
    return mer_fail(err, MER_ERR_USAGE, "there is no card %s: cyclonedx, card",
                    mer_quote(format).text);
}

mer_status mer_model_card(const struct mer_fitted *model, const char *format,
                          const struct mer_card_options *options, char **ret_text, mer_err *err)
{
    struct mer_alloc *const alloc = &model->context->alloc;
    struct mer_card card = {.model = model, .options = {.size = sizeof card.options}};
    struct mer_json_document *document = NULL;
    if (options)
        MER_GUARD(
            mer_options_copy(options, sizeof card.options, "mer_card_options", &card.options, err));
    if (!card.options.name)
        card.options.name = "model";
    if (model->is_new)
        return mer_fail(err, MER_ERR_USAGE, "a model has a card once it was saved and loaded");
    MER_CLEANUP(mer_buf_release) struct mer_buf buf;
    mer_buf_init(&buf, alloc, SIZE_MAX);
    if (card.options.provenance) {
        MER_GUARD(mer_json_parse(alloc, card.options.provenance, strlen(card.options.provenance),
                                 &MER_JSON_DEFAULT_LIMITS, "the provenance record", &document,
                                 err));
        take_record(&card, mer_json_root(document));
    }
    mer_status status = write_card(&card, format, &buf, err);
    mer_json_free(document);
    return mer_is_ok(status) ? mer_text_of_buf(&buf, ret_text, err) : status;
}
