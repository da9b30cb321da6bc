/* merlon predict: a column of predictions, or of each class's probability, as CSV. */
#include <string.h>

#include "cli/loading.h"
#include "core/number.h"
#include "os/file.h"

/* Enough to rank and to threshold; more digits help those who copy the model by asking it. */
enum { PROBABILITY_DIGITS = 6, CHUNK_BYTES = 1 << 16 };

struct predict_arguments {
    struct mer_cli_model model;
    const char *data;
    const char *out;
    const char *project;
    bool proba;
    const char *interval;
    uint64_t digits;
    struct mer_cli_reading reading;
    bool force;
};

/* What is predicted, and where it goes: to an output file, to standard output, or into a document.
 */
struct predicting {
    struct mer_cli *cli;
    const struct predict_arguments *arguments;
    struct mer_cli_loaded loaded;
    double *predictions; /* [n_rows][n_outputs] */
    double *quantiles;   /* [n_rows][n_quantiles]; NULL: the model knows none */
    double *bounds;      /* of mer_predict_interval; NULL: not asked for */
    size_t n_rows;
    size_t n_outputs;
    double predict_seconds;
    struct mer_alloc alloc;
    struct mer_buf buf; /* of CSV that is not written yet */
    struct mer_buf set; /* the labels of one row */
    struct mer_output output;
};

static void format(const struct predicting *predicting, double value,
                   char ret_text[MER_NUMBER_TEXT_MAX])
{
    const int digits = (int)predicting->arguments->digits;
    if (digits)
        (void)mer_number_format_digits(value, digits, ret_text);
    else if (predicting->arguments->proba)
        (void)mer_number_format_digits(value, PROBABILITY_DIGITS, ret_text);
    else
        (void)mer_number_format(value, ret_text);
}

/* A cell by RFC 4180. An empty text is quoted, so that a line with one cell is never empty. */
static mer_status put_cell(struct mer_buf *buf, const char *text, mer_err *err)
{
    if (text[0] && text[strcspn(text, ",\"\r\n")] == '\0')
        return mer_buf_text(buf, text, err);
    MER_GUARD(mer_buf_text(buf, "\"", err));
    for (; *text; text++) {
        if (*text == '"')
            MER_GUARD(mer_buf_text(buf, "\"", err));
        MER_GUARD(mer_buf_append(buf, text, 1, err));
    }
    return mer_buf_text(buf, "\"", err);
}

static mer_status flush(struct predicting *predicting, size_t when_more_than, mer_err *err)
{
    struct mer_buf *const buf = &predicting->buf;
    if (buf->n <= when_more_than)
        return mer_ok();
    if (predicting->arguments->out)
        MER_GUARD(mer_output_write(&predicting->output, buf->bytes, buf->n, err));
    else
        mer_cli_emit(predicting->cli, buf->bytes, buf->n);
    mer_buf_clear(buf);
    return mer_ok();
}

/* The columns of quantiles: "q0.1". */
static mer_status put_quantiles_header(struct predicting *predicting, mer_err *err)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    for (size_t q = 0; q < mer_model_n_quantiles(model); q++)
        MER_GUARD(mer_buf_printf(&predicting->buf, err, ",q%g", mer_model_quantile(model, q)));
    return mer_ok();
}

static mer_status put_quantiles(struct predicting *predicting, size_t row, mer_err *err)
{
    const size_t n = mer_model_n_quantiles(predicting->loaded.model);
    char number[MER_NUMBER_TEXT_MAX];
    for (size_t q = 0; q < n; q++) {
        format(predicting, predicting->quantiles[row * n + q], number);
        MER_GUARD(mer_buf_printf(&predicting->buf, err, ",%s", number));
    }
    return mer_ok();
}

/* The columns that --interval adds. */
static mer_status put_bounds_header(struct predicting *predicting, mer_err *err)
{
    if (!predicting->bounds)
        return mer_ok();
    return mer_buf_text(&predicting->buf,
                        mer_model_classes(predicting->loaded.model) > 0 ? ",set" : ",lower,upper",
                        err);
}

/* The labels of the set, in the order of the classes. */
static mer_status put_set(struct predicting *predicting, const double *set, mer_err *err)
{
    struct mer_buf *const joined = &predicting->set;
    const char *text;
    mer_buf_clear(joined);
    for (size_t k = 0; k < predicting->n_outputs; k++) {
        if (set[k] == 0)
            continue;
        if (joined->n > 0)
            MER_GUARD(mer_buf_text(joined, "|", err));
        MER_GUARD(mer_buf_text(joined, mer_model_label(predicting->loaded.model, k), err));
    }
    MER_GUARD(mer_buf_cstr(joined, &text, err));
    return put_cell(&predicting->buf, text, err);
}

static mer_status put_bounds(struct predicting *predicting, size_t row, mer_err *err)
{
    char number[MER_NUMBER_TEXT_MAX];
    if (!predicting->bounds)
        return mer_ok();
    if (mer_model_classes(predicting->loaded.model) > 0) {
        MER_GUARD(mer_buf_text(&predicting->buf, ",", err));
        return put_set(predicting, predicting->bounds + row * predicting->n_outputs, err);
    }
    for (size_t k = 0; k < 2; k++) {
        format(predicting, predicting->bounds[2 * row + k], number);
        MER_GUARD(mer_buf_text(&predicting->buf, ",", err));
        MER_GUARD(mer_buf_text(&predicting->buf, number, err));
    }
    return mer_ok();
}

static mer_status put_header(struct predicting *predicting, mer_err *err)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    struct mer_buf *const buf = &predicting->buf;
    if (!predicting->arguments->proba) {
        return put_cell(buf, mer_model_target(model), err);
    }
    for (size_t k = 0; k < predicting->n_outputs; k++) {
        if (k)
            MER_GUARD(mer_buf_text(buf, ",", err));
        MER_GUARD(put_cell(buf, mer_model_label(model, k), err));
    }
    return mer_ok();
}

static mer_status put_row(struct predicting *predicting, const double *row, mer_err *err)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    struct mer_buf *const buf = &predicting->buf;
    char number[MER_NUMBER_TEXT_MAX];
    if (mer_model_classes(model) > 0 && !predicting->arguments->proba) {
        return put_cell(buf, mer_model_label(model, mer_model_class_of(model, row)), err);
    }
    for (size_t k = 0; k < predicting->n_outputs; k++) {
        format(predicting, row[k], number);
        if (k)
            MER_GUARD(mer_buf_text(buf, ",", err));
        MER_GUARD(mer_buf_text(buf, number, err));
    }
    return mer_ok();
}

static mer_status write_csv(struct predicting *predicting, mer_err *err)
{
    MER_GUARD(put_header(predicting, err));
    MER_GUARD(put_quantiles_header(predicting, err));
    MER_GUARD(put_bounds_header(predicting, err));
    MER_GUARD(mer_buf_text(&predicting->buf, "\n", err));
    for (size_t i = 0; i < predicting->n_rows; i++) {
        MER_GUARD(put_row(predicting, predicting->predictions + i * predicting->n_outputs, err));
        MER_GUARD(put_quantiles(predicting, i, err));
        MER_GUARD(put_bounds(predicting, i, err));
        MER_GUARD(mer_buf_text(&predicting->buf, "\n", err));
        MER_GUARD(flush(predicting, CHUNK_BYTES, err));
    }
    return flush(predicting, 0, err);
}

/* The value as the CSV would show it. */
static void put_number(struct mer_json_writer *writer, const struct predicting *predicting,
                       double value)
{
    char text[MER_NUMBER_TEXT_MAX];
    format(predicting, value, text);
    double shown;
    if (mer_number_parse(text, strlen(text), false, &shown))
        mer_json_put_number(writer, shown);
    else
        mer_json_put_null(writer); /* JSON has no infinities */
}

/* "predictions": labels or values, or with --proba an object of label to probability for each row.
 */
static void put_predictions(struct mer_json_writer *writer, const struct predicting *predicting)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    mer_json_key(writer, "predictions");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < predicting->n_rows; i++) {
        const double *const row = predicting->predictions + i * predicting->n_outputs;
        if (predicting->arguments->proba) {
            mer_json_begin_object(writer);
            for (size_t k = 0; k < predicting->n_outputs; k++) {
                mer_json_key(writer, mer_model_label(model, k));
                put_number(writer, predicting, row[k]);
            }
            mer_json_end_object(writer);
        } else if (mer_model_classes(model) > 0) {
            mer_json_put_string(writer, mer_model_label(model, mer_model_class_of(model, row)));
        } else {
            put_number(writer, predicting, row[0]);
        }
    }
    mer_json_end_array(writer);
}

/* "quantiles": an object of level to value for each row. */
static void put_json_quantiles(struct mer_json_writer *writer, const struct predicting *predicting)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    const size_t n = mer_model_n_quantiles(model);
    if (n == 0)
        return;
    mer_json_key(writer, "quantiles");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < predicting->n_rows; i++) {
        mer_json_begin_object(writer);
        for (size_t q = 0; q < n; q++) {
            char level[MER_NUMBER_TEXT_MAX];
            (void)mer_number_format(mer_model_quantile(model, q), level);
            mer_json_key(writer, level);
            put_number(writer, predicting, predicting->quantiles[i * n + q]);
        }
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
}

/* "intervals": the two ends for each row; or "sets": the labels that are possible. */
static void put_json_bounds(struct mer_json_writer *writer, const struct predicting *predicting)
{
    const struct mer_fitted *const model = predicting->loaded.model;
    const bool is_set = mer_model_classes(model) > 0;
    if (!predicting->bounds)
        return;
    mer_json_key(writer, is_set ? "sets" : "intervals");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < predicting->n_rows; i++) {
        mer_json_begin_array(writer);
        for (size_t k = 0; is_set && k < predicting->n_outputs; k++)
            if (predicting->bounds[i * predicting->n_outputs + k] != 0)
                mer_json_put_string(writer, mer_model_label(model, k));
        for (size_t k = 0; !is_set && k < 2; k++)
            put_number(writer, predicting, predicting->bounds[2 * i + k]);
        mer_json_end_array(writer);
    }
    mer_json_end_array(writer);
}

static mer_status emit_json(struct predicting *predicting, mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "model", predicting->arguments->model.path);
    mer_cli_put_string(&document, "target", mer_model_target(predicting->loaded.model));
    mer_cli_put_unsigned(&document, "rows", predicting->n_rows);
    if (predicting->arguments->out) {
        mer_cli_put_string(&document, "out", predicting->arguments->out);
    } else {
        put_predictions(&document.writer, predicting);
        put_json_quantiles(&document.writer, predicting);
        put_json_bounds(&document.writer, predicting);
    }
    mer_cli_put_loaded(predicting->cli, &document, &predicting->loaded,
                       predicting->predict_seconds);
    return mer_cli_document_end(predicting->cli, &document, err);
}

/* The number behind --interval. */
static mer_status read_coverage(const char *text, double *ret_coverage, mer_err *err)
{
    if (!mer_number_parse(text, strlen(text), false, ret_coverage) ||
        !(*ret_coverage > 0 && *ret_coverage < 1))
        return mer_fail(err, MER_ERR_USAGE,
                        "--interval wants a number between 0 and 1, such as 0.9, and not %s",
                        mer_quote(text).text);
    return mer_ok();
}

static mer_status predict(struct predicting *predicting, mer_err *err)
{
    const struct predict_arguments *const arguments = predicting->arguments;
    struct mer_cli_loaded *const loaded = &predicting->loaded;
    double coverage = 0;
    if (arguments->interval)
        MER_GUARD(read_coverage(arguments->interval, &coverage, err));
    MER_GUARD(mer_cli_load_model(predicting->cli, &arguments->model, loaded, err));
    MER_GUARD(mer_cli_name_model(loaded, arguments->project, err));
    if (arguments->proba && mer_model_classes(loaded->model) == 0)
        return mer_fail(err, MER_ERR_USAGE,
                        "--proba wants a classification model; this one predicts numbers");
    /* Whether the model can tell is asked before the table is read. */
    if (arguments->interval) {
        MER_GUARD(mer_predict_interval(loaded->model, NULL, 0, coverage, &predicting->bounds, err));
        mer_numbers_free(predicting->bounds);
        predicting->bounds = NULL;
    }
    MER_GUARD(mer_cli_load_table(arguments->data, &arguments->reading, loaded, err));
    const double start = mer_cli_seconds(predicting->cli);
    predicting->n_outputs = 1;
    if (mer_model_n_quantiles(loaded->model) > 0)
        MER_GUARD(mer_predict_quantiles(loaded->model, loaded->table, &predicting->predictions,
                                        &predicting->quantiles, err));
    else
        MER_GUARD(mer_predict(loaded->model, loaded->table, &predicting->predictions,
                              &predicting->n_outputs, err));
    predicting->predict_seconds = mer_cli_seconds(predicting->cli) - start;
    predicting->n_rows = mer_table_rows(loaded->table);
    if (arguments->interval)
        return mer_predict_interval(loaded->model, predicting->predictions, predicting->n_rows,
                                    coverage, &predicting->bounds, err);
    return mer_ok();
}

static mer_status steps(struct predicting *predicting, mer_err *err)
{
    const struct predict_arguments *const arguments = predicting->arguments;
    if (arguments->out) {
        MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->data, err));
        MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->model.path, err));
        MER_GUARD(
            mer_output_open(&predicting->output, arguments->out, arguments->force, 0644, err));
    }
    MER_GUARD(predict(predicting, err));
    if (arguments->out || !predicting->cli->common.json)
        MER_GUARD(write_csv(predicting, err));
    if (arguments->out) {
        MER_GUARD(mer_ctx_check_cancel(&predicting->cli->context->ctx, err));
        MER_GUARD(mer_output_publish(&predicting->output, err));
        mer_cli_remark(predicting->cli, "%zu predictions are in %s.\n", predicting->n_rows,
                       mer_quote(arguments->out).text);
    }
    return predicting->cli->common.json ? emit_json(predicting, err) : mer_ok();
}

static mer_status run_predict(struct mer_cli *cli, const void *words, mer_err *err)
{
    struct predict_arguments arguments = *(const struct predict_arguments *)words;
    if (arguments.out && strcmp(arguments.out, "-") == 0)
        arguments.out = NULL; /* standard output */
    struct predicting predicting = {.cli = cli, .arguments = &arguments};
    predicting.output.fd = predicting.output.folder_fd = -1;
    mer_alloc_init(&predicting.alloc, SIZE_MAX);
    mer_buf_init(&predicting.buf, &predicting.alloc, SIZE_MAX);
    mer_buf_init(&predicting.set, &predicting.alloc, SIZE_MAX);
    const mer_status status = steps(&predicting, err);
    mer_output_release(&predicting.output);
    mer_buf_release(&predicting.buf);
    mer_buf_release(&predicting.set);
    mer_numbers_free(predicting.bounds);
    mer_numbers_free(predicting.quantiles);
    mer_numbers_free(predicting.predictions);
    mer_cli_loaded_release(&predicting.loaded);
    return status;
}

#define AT(member) offsetof(struct predict_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    MER_CLI_MODEL_POSITIONAL(struct predict_arguments),
    MER_CLI_TABLE_POSITIONAL(struct predict_arguments),
};

static const struct mer_cli_option OPTIONS[] = {
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "FILE",
     .help = "write to a file, which appears whole or not at all, instead of standard output"},
    {.name = "proba",
     .type = MER_CLI_FLAG,
     .at = AT(proba),
     .help = "one column of probabilities for each class, named after it"},
    {.name = "interval",
     .type = MER_CLI_TEXT,
     .at = AT(interval),
     .metavar = "P",
     .help =
         "add columns lower and upper, or a column set with the possible classes, that hold the "
         "truth in the part P of all rows, such as 0.9"},
    {.name = "digits",
     .type = MER_CLI_INTEGER,
     .at = AT(digits),
     .metavar = "N",
     .minimum = 1,
     .maximum = 17,
     .help = "significant digits; probabilities have 6 otherwise, values all they need"},
    MER_CLI_PROJECT_OPTION(struct predict_arguments, project),
    MER_CLI_MODEL_OPTIONS(struct predict_arguments),
    MER_CLI_READING_OPTIONS(struct predict_arguments),
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing output"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon predict houses.safetensors new.csv > prices.csv", "one prediction a row, in order"},
    {"merlon predict houses.safetensors new.csv --interval 0.9",
     "and where nine of ten prices lie"},
    {"merlon predict churn.safetensors new.csv --proba --digits 2", "rounded probabilities"},
};

const struct mer_cli_command MER_CLI_PREDICT = {
    .name = "predict",
    .summary = "predict the target of new rows",
    .description =
        "Verifies the model, reads the table by the model's schema and writes CSV: one line for "
        "each row, in the order of the input, under the target's name. A classification model "
        "gives the most probable class, or with --proba a column for each class. The target "
        "column may be absent; columns that the model does not know are skipped.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures =
        MER_CLI_ALWAYS_POSSIBLE | MER_CLI_LOADING_FAILURES | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct predict_arguments),
    .run = run_predict,
};
