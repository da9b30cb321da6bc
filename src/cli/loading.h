/* A model and a table for it: what predict and score begin with. */
#ifndef MER_CLI_LOADING_H
#define MER_CLI_LOADING_H

#include "cli/reading.h"
#include "cli/session.h"

struct mer_cli_loaded {
    struct mer_fitted *model;
    struct mer_table *table;
};

/* Opens the session, verifies and loads the model; release with mer_cli_loaded_release, also after
 * a failure. key_file: accept this public key alone; NULL: the store's. */
MER_MUST_CHECK mer_status mer_cli_load_model(struct mer_cli *cli, const char *path,
                                             const char *key_file, struct mer_cli_loaded *loaded,
                                             mer_err *err);
/* Reads the table by the model's schema. */
MER_MUST_CHECK mer_status mer_cli_load_table(const char *path,
                                             const struct mer_cli_reading *reading,
                                             struct mer_cli_loaded *loaded, mer_err *err);
void mer_cli_loaded_release(struct mer_cli_loaded *loaded);

/* "digest", "signer", "seed", "seconds": {"load": ..., "verify": ..., "predict": ...} and
 * "peak_rss_bytes" as members of the document. predict_seconds < 0: nothing was predicted. */
void mer_cli_put_loaded(struct mer_cli *cli, struct mer_cli_document *document,
                        const struct mer_cli_loaded *loaded, double predict_seconds);

#define MER_CLI_MODEL_POSITIONAL(arguments)                                                        \
    {                                                                                              \
        .name = "MODEL", .type = MER_CLI_FILE, .at = offsetof(arguments, model),                   \
        .help = "a model that merlon fit wrote; its signature is verified first", .required = true \
    }
#define MER_CLI_TABLE_POSITIONAL(arguments)                                                        \
    {                                                                                              \
        .name = "DATA", .type = MER_CLI_FILE, .at = offsetof(arguments, data),                     \
        .help = "a CSV file with the columns the model was fitted on, gzip allowed; - is "         \
                "standard input",                                                                  \
        .required = true                                                                           \
    }
#define MER_CLI_KEY_FILE_OPTION(arguments)                                                         \
    {                                                                                              \
        .name = "key", .type = MER_CLI_FILE, .at = offsetof(arguments, key), .metavar = "PEM",     \
        .help = "accept this public key and no other, instead of the store's trusted keys"         \
    }
/* What using a model can end with, besides what always can. */
#define MER_CLI_LOADING_FAILURES                                                                   \
    (MER_CLI_CAN_FAIL(MER_ERR_DATA) | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |                         \
     MER_CLI_CAN_FAIL(MER_ERR_TRUST))

#endif
