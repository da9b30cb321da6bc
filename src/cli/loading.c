#include "cli/loading.h"

#include <stdio.h>
#include <string.h>

#include "cell/confine.h"
#include "os/clock.h"

static mer_status load_trusted(struct mer_cli *cli, const struct mer_cli_model *which,
                               struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_trust *trust;
    MER_GUARD(mer_cli_open_trust(&which->whom, &trust, err));
    const mer_status status = mer_model_load(cli->context, which->path, trust, ret_model, err);
    mer_trust_free(trust);
    return status;
}

static mer_status load_sealed(struct mer_cli *cli, const struct mer_cli_model *which,
                              struct mer_fitted **ret_model, mer_err *err)
{
    struct mer_cli_passphrase source = {.file = which->passphrase_file, .what = ""};
    struct mer_trust *trust;
    MER_GUARD(mer_cli_passphrase_check(&source, err));
    MER_GUARD(mer_cli_open_trust(&which->whom, &trust, err));
    const struct mer_unseal_options options = {
        .size = sizeof options,
        .identities = which->identities.items,
        .n_identities = which->identities.n,
        .ask = mer_cli_ask_passphrase,
        .self = &source,
        .trust = trust,
        .is_unsigned = which->is_unsigned,
    };
    const mer_status status =
        mer_model_load_sealed(cli->context, which->path, &options, ret_model, err);
    mer_trust_free(trust);
    return status;
}

mer_status mer_cli_load_model(struct mer_cli *cli, const struct mer_cli_model *which,
                              struct mer_cli_loaded *loaded, mer_err *err)
{
    *loaded = (struct mer_cli_loaded){NULL, NULL, NULL};
    if (which->is_unsigned && (which->whom.key || which->whom.ca || which->whom.policy))
        return mer_fail(err, MER_ERR_USAGE, "--unsigned and --%s exclude each other",
                        which->whom.key  ? "key"
                        : which->whom.ca ? "ca"
                                         : "policy");
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    if (which->identities.n > 0 || which->passphrase_file)
        return load_sealed(cli, which, &loaded->model, err);
    /* Standard input has no signature beside it, and can be read once. */
    if (!which->is_unsigned || strcmp(which->path, "-") != 0) {
        const mer_status status = load_trusted(cli, which, &loaded->model, err);
        if (status.code != MER_ERR_TRUST || !which->is_unsigned)
            return status;
    }
    return mer_model_load_unsigned(cli->context, which->path, NULL, &loaded->model, err);
}

mer_status mer_cli_name_model(struct mer_cli_loaded *loaded, const char *project, mer_err *err)
{
    if (!mer_model_is_pseudonymous(loaded->model))
        return project ? mer_fail(err, MER_ERR_USAGE,
                                  "the model has names, not pseudonyms: --project has no meaning")
                       : mer_ok();
    MER_GUARD(
        mer_pseudonyms_open(NULL, mer_cli_project(project), false, &loaded->pseudonyms, NULL, err));
    return mer_model_set_pseudonyms(loaded->model, loaded->pseudonyms, err);
}

mer_status mer_cli_load_table(const char *path, const struct mer_cli_reading *reading,
                              struct mer_cli_loaded *loaded, mer_err *err)
{
    struct mer_table_options options;
    MER_GUARD(mer_cli_reading_options(reading, &options, err));
    options.without_digest = true; /* nobody asks for it */
    return mer_model_read_table(loaded->model, path, &options, &loaded->table, err);
}

void mer_cli_loaded_release(struct mer_cli_loaded *loaded)
{
    mer_table_free(loaded->table);
    mer_fitted_free(loaded->model);
    mer_pseudonyms_free(loaded->pseudonyms);
}

void mer_cli_put_signer(struct mer_cli_document *document, const struct mer_fitted *model)
{
    mer_cli_put_string(document, "digest", model->digest);
    mer_cli_put_boolean(document, "unsigned", mer_model_is_unsigned(model));
    if (!mer_model_is_unsigned(model)) {
        mer_cli_put_verified(document, "signer", &model->verified);
        return;
    }
    const unsigned level = mer_cell_pool_level(model->cells);
    mer_json_key(&document->writer, "signer");
    mer_json_put_null(&document->writer);
    mer_json_key(&document->writer, "cell");
    mer_json_begin_object(&document->writer);
    mer_cli_put_boolean(document, "seccomp", level & MER_CELL_HAS_SECCOMP);
    mer_cli_put_boolean(document, "landlock", level & MER_CELL_HAS_LANDLOCK);
    mer_cli_put_boolean(document, "namespaces", level & MER_CELL_HAS_NAMESPACES);
    mer_json_end_object(&document->writer);
}

struct mer_quoted mer_cli_show_signer(const struct mer_fitted *model)
{
    struct mer_quoted shown;
    if (!mer_model_is_unsigned(model))
        return mer_quote(model->verified.signer_name);
    (void)snprintf(shown.text, sizeof shown.text, "nobody that is trusted: it runs in a cell");
    return shown;
}

void mer_cli_put_loaded(struct mer_cli *cli, struct mer_cli_document *document,
                        const struct mer_cli_loaded *loaded, double predict_seconds)
{
    const struct mer_fitted *const model = loaded->model;
    const struct mer_table *const table = loaded->table;
    double load_seconds = model->verify_seconds + model->parse_seconds;
    if (table)
        load_seconds += table->read_seconds + table->check_seconds + table->parse_seconds;
    mer_cli_put_signer(document, model);
    mer_cli_put_unsigned(document, "seed", model->facts->seed);
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
