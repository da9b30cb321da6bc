/* merlon sign and verify: any file or folder, by OpenSSF Model Signing v1.0. */
#include "cli/session.h"

/* sign */

struct sign_arguments {
    const char *path;
    const char *key;
    const char *certificate;
    const char *signature;
    uint64_t serial;
    uint64_t passphrase_fd;
    bool force;
};

static mer_status run_sign(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct sign_arguments *const arguments = words;
    const char *const key = arguments->key ? arguments->key : "default";
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    struct mer_signer *signer;
    MER_GUARD(mer_signer_open(NULL, key, mer_cli_ask_passphrase, &source, &signer, err));
    mer_status status = mer_cli_set_signer(signer, arguments->certificate, arguments->serial, err);
    if (mer_is_ok(status))
        status = mer_sign(signer, arguments->path, arguments->signature, arguments->force, err);
    mer_signer_free(signer);
    MER_GUARD(status);
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "path", arguments->path);
        mer_cli_put_string(&document, "key", key);
        mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_remark(cli, "Signed %s with the key %s.\n", mer_quote(arguments->path).text,
                   mer_quote(key).text);
    return mer_ok();
}

static const struct mer_cli_option SIGN_POSITIONALS[] = {
    {.name = "PATH",
     .type = MER_CLI_FILE,
     .at = offsetof(struct sign_arguments, path),
     .help = "a file or a folder",
     .required = true},
};

static const struct mer_cli_option SIGN_OPTIONS[] = {
    {.name = "key",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct sign_arguments, key),
     .metavar = "NAME",
     .help = "the key that signs; default when left out"},
    MER_CLI_CERTIFICATE_OPTION(struct sign_arguments),
    MER_CLI_SERIAL_OPTION(struct sign_arguments),
    {.name = "signature",
     .type = MER_CLI_FILE,
     .at = offsetof(struct sign_arguments, signature),
     .metavar = "FILE",
     .help = "where the signature goes; PATH.sig otherwise, for a folder PATH/model.sig"},
    MER_CLI_PASSPHRASE_OPTION(struct sign_arguments),
    {.name = "force",
     .type = MER_CLI_FLAG,
     .at = offsetof(struct sign_arguments, force),
     .help = "replace an existing signature"},
};

static const struct mer_cli_example SIGN_EXAMPLES[] = {
    {"merlon sign sales.csv", "signs a table, so that fit can tell whose data it learned from"},
    {"merlon sign models --key release", "signs a folder with the key release"},
    {"merlon sign models --key release --certificate release.pem",
     "and tells by certificates whose key it is"},
};

const struct mer_cli_command MER_CLI_SIGN = {
    .name = "sign",
    .summary = "sign a file or folder",
    .description = "Signs a file, or a folder with everything in it, and writes the signature "
                   "beside it: a bundle by OpenSSF Model Signing v1.0, which the reference tool "
                   "accepts too. Models are signed by fit already.",
    .positionals = SIGN_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(SIGN_POSITIONALS),
    .options = SIGN_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(SIGN_OPTIONS),
    .examples = SIGN_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(SIGN_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_EXISTS) | MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct sign_arguments),
    .run = run_sign,
};

/* verify */

struct verify_arguments {
    const char *path;
    const char *signature;
    struct mer_cli_whom whom;
    struct mer_cli_paths ignored;
};

/* The provenance record, where there is one. */
static mer_status verify_record(const struct mer_trust *trust, const char *path,
                                const struct mer_verified *verified, bool *ret_has_record,
                                mer_err *err)
{
    const mer_status status = mer_provenance_verify(trust, path, verified->digest, NULL, NULL, err);
    *ret_has_record = mer_is_ok(status);
    if (status.code != MER_ERR_NO_INPUT)
        return status;
    mer_err_clear(err);
    return mer_ok();
}

static mer_status run_verify(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct verify_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_trust *trust;
    MER_GUARD(mer_cli_open_trust(&arguments->whom, &trust, err));
    struct mer_verified verified;
    bool has_record = false;
    mer_status status =
        mer_verify_ignoring(trust, arguments->path, arguments->signature, arguments->ignored.items,
                            arguments->ignored.n, &verified, err);
    if (mer_is_ok(status))
        status = verify_record(trust, arguments->path, &verified, &has_record, err);
    mer_trust_free(trust);
    MER_GUARD(status);
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "path", arguments->path);
        mer_cli_put_boolean(&document, "verified", true);
        mer_cli_put_verified(&document, "signer", &verified);
        mer_cli_put_string(&document, "digest", verified.digest);
        mer_cli_put_unsigned(&document, "files", verified.n_files);
        mer_cli_put_boolean(&document, "provenance", has_record);
        mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%s is as %s signed it.\n", mer_quote(arguments->path).text,
                  mer_quote(verified.signer_name).text);
    if (verified.subject[0])
        mer_cli_print(cli, "  subject %s\n", mer_quote(verified.subject).text);
    mer_cli_print(cli, "  key id  %s\n  sha256  %s\n", verified.signer_id, verified.digest);
    if (verified.serial)
        mer_cli_print(cli, "  serial  %llu\n", (unsigned long long)verified.serial);
    if (has_record)
        mer_cli_print(cli,
                      "  its provenance record is one of this file, and signed (merlon inspect "
                      "--format provenance)\n");
    if (verified.n_files > 1)
        mer_cli_print(cli, "  files   %zu\n", verified.n_files);
    return mer_ok();
}

static const struct mer_cli_option VERIFY_POSITIONALS[] = {
    {.name = "PATH",
     .type = MER_CLI_FILE,
     .at = offsetof(struct verify_arguments, path),
     .help = "a file or a folder",
     .required = true},
};

static const struct mer_cli_option VERIFY_OPTIONS[] = {
    {.name = "signature",
     .type = MER_CLI_FILE,
     .at = offsetof(struct verify_arguments, signature),
     .metavar = "FILE",
     .help = "where the signature is; PATH.sig otherwise, for a folder PATH/model.sig"},
    MER_CLI_WHOM_OPTIONS(struct verify_arguments, whom),
    {.name = "ignore",
     .type = MER_CLI_PATHS,
     .at = offsetof(struct verify_arguments, ignored),
     .metavar = "PATH",
     .help = "a file or folder inside the folder that may be there unsigned; may be repeated"},
};

static const struct mer_cli_example VERIFY_EXAMPLES[] = {
    {"merlon verify model.safetensors", "tells who signed the model"},
    {"merlon verify bundle --key alice.pub", "accepts Alice's signature only"},
    {"merlon verify bundle --ca company.pem", "accepts whomever that authority certifies"},
};

const struct mer_cli_command MER_CLI_VERIFY = {
    .name = "verify",
    .summary = "check the signature of a file or folder",
    .description = "Verifies that a file or folder is, byte for byte, what a trusted key has "
                   "signed, or a key whose certificates lead to the authority that --ca names and "
                   "are valid now. A missing or broken signature and an unknown signer end with "
                   "exit code 77, and so does what the trust policy (policy.json in the key store, "
                   "or --policy) does not allow. predict, score and inspect verify on their own.",
    .positionals = VERIFY_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(VERIFY_POSITIONALS),
    .options = VERIFY_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(VERIFY_OPTIONS),
    .examples = VERIFY_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(VERIFY_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct verify_arguments),
    .run = run_verify,
};
