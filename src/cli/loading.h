/* A model and a table for it: what predict and score begin with. */
#ifndef MER_CLI_LOADING_H
#define MER_CLI_LOADING_H

#include "cli/reading.h"
#include "cli/session.h"

struct mer_cli_loaded {
    struct mer_fitted *model;
    struct mer_table *table;
    struct mer_pseudonyms *pseudonyms; /* NULL: the model has names */
};

/* Which model, and whom to believe about it. */
struct mer_cli_model {
    const char *path;
    struct mer_cli_whom whom;
    bool is_unsigned; /* without a trusted signature it runs in a cell */
    /* Of a sealed model: what opens it. */
    struct mer_cli_paths identities;
    const char *passphrase_file;
};

/* Opens the session, verifies and loads the model; release with mer_cli_loaded_release, also after
 * a failure. */
MER_MUST_CHECK mer_status mer_cli_load_model(struct mer_cli *cli, const struct mer_cli_model *which,
                                             struct mer_cli_loaded *loaded, mer_err *err);
/* Opens the project of a model whose names are pseudonyms, and nothing for another; `project` NULL:
 * the usual one. */
MER_MUST_CHECK mer_status mer_cli_name_model(struct mer_cli_loaded *loaded, const char *project,
                                             mer_err *err);
/* Reads the table by the model's schema. */
MER_MUST_CHECK mer_status mer_cli_load_table(const char *path,
                                             const struct mer_cli_reading *reading,
                                             struct mer_cli_loaded *loaded, mer_err *err);
void mer_cli_loaded_release(struct mer_cli_loaded *loaded);

/* "digest", "unsigned", "signer" (null for a model that nobody trusted has signed, which has
 * "cell": what holds it) as members of the document; the signer for people. */
void mer_cli_put_signer(struct mer_cli_document *document, const struct mer_fitted *model);
struct mer_quoted mer_cli_show_signer(const struct mer_fitted *model);

/* What mer_cli_put_signer puts, "seed", "seconds": {"load": ..., "verify": ..., "predict": ...} and
 * "peak_rss_bytes" as members of the document. predict_seconds < 0: nothing was predicted. */
void mer_cli_put_loaded(struct mer_cli *cli, struct mer_cli_document *document,
                        const struct mer_cli_loaded *loaded, double predict_seconds);

/* A command's arguments struct has a member `model` of struct mer_cli_model. */
#define MER_CLI_MODEL_POSITIONAL(arguments)                                                        \
    {                                                                                              \
        .name = "MODEL", .type = MER_CLI_FILE, .at = offsetof(arguments, model.path),              \
        .help = "a model that merlon fit wrote; its signature is verified first", .required = true \
    }
#define MER_CLI_TABLE_POSITIONAL(arguments)                                                        \
    {                                                                                              \
        .name = "DATA", .type = MER_CLI_FILE, .at = offsetof(arguments, data),                     \
        .help = "a table with the columns the model was fitted on, in any format of --format; - "  \
                "is standard input",                                                               \
        .required = true                                                                           \
    }
#define MER_CLI_MODEL_OPTIONS(arguments)                                                           \
    MER_CLI_WHOM_OPTIONS(arguments, model.whom),                                                   \
        {.name = "identity",                                                                       \
         .type = MER_CLI_PATHS,                                                                    \
         .at = offsetof(arguments, model.identities),                                              \
         .metavar = "I",                                                                           \
         .help =                                                                                   \
             "open a sealed model with this key of the store or identity file, in memory alone; "  \
             "may be repeated"},                                                                   \
        {.name = "passphrase-file",                                                                \
         .type = MER_CLI_FILE,                                                                     \
         .at = offsetof(arguments, model.passphrase_file),                                         \
         .metavar = "FILE",                                                                        \
         .help = "read the passphrase of a sealed model, or of its identity, from the first line " \
                 "of a "                                                                           \
                 "file that is yours alone"},                                                      \
    {                                                                                              \
        .name = "unsigned", .type = MER_CLI_FLAG, .at = offsetof(arguments, model.is_unsigned),    \
        .help =                                                                                    \
            "use the model even if nobody trusted has signed it: it is then loaded and run in "    \
            "a cell, where it can do no harm but predict what its maker wants"                     \
    }
/* What using a model can end with, besides what always can. */
#define MER_CLI_LOADING_FAILURES                                                                   \
    (MER_CLI_CAN_FAIL(MER_ERR_DATA) | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |                         \
     MER_CLI_CAN_FAIL(MER_ERR_TRUST))

#endif
