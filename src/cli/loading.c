#include "cli/loading.h"

#include "os/clock.h"

mer_status mer_cli_load_model(struct mer_cli *cli, const char *path, const char *key_file,
                              struct mer_cli_loaded *loaded, mer_err *err)
{
    *loaded = (struct mer_cli_loaded){NULL, NULL};
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_trust *trust;
    MER_GUARD(mer_cli_open_trust(key_file, &trust, err));
    const mer_status status = mer_model_load(cli->context, path, trust, &loaded->model, err);
    mer_trust_free(trust);
    return status;
}

mer_status mer_cli_load_table(const char *path, const struct mer_cli_reading *reading,
                              struct mer_cli_loaded *loaded, mer_err *err)
{
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(reading, &options, err));
    return mer_model_read_table(loaded->model, path, &options, &loaded->table, err);
}

void mer_cli_loaded_release(struct mer_cli_loaded *loaded)
{
    mer_table_free(loaded->table);
    mer_fitted_free(loaded->model);
}

void mer_cli_put_loaded(struct mer_cli *cli, struct mer_cli_document *document,
                        const struct mer_cli_loaded *loaded, double predict_seconds)
{
    const struct mer_fitted *const model = loaded->model;
    const struct mer_table *const table = loaded->table;
    double load_seconds = model->verify_seconds + model->parse_seconds;
    if (table)
        load_seconds += table->read_seconds + table->check_seconds + table->parse_seconds;
    mer_cli_put_string(document, "digest", model->verified.digest);
    mer_cli_put_verified(document, "signer", &model->verified);
    mer_cli_put_unsigned(document, "seed", model->pipeline->seed);
    mer_json_key(&document->writer, "seconds");
    mer_json_begin_object(&document->writer);
    mer_cli_put_number(document, "load", load_seconds);
    mer_cli_put_number(document, "verify", model->verify_seconds);
    if (predict_seconds >= 0)
        mer_cli_put_number(document, "predict", predict_seconds);
    mer_cli_put_number(document, "total", mer_cli_seconds(cli));
    mer_json_end_object(&document->writer);
    mer_cli_put_unsigned(document, "peak_rss_bytes", mer_peak_rss_bytes());
}
