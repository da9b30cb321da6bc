/* merlon seal and open: any file, by the age v1 format, with a signature over what is sealed. */
#include <stdlib.h>
#include <string.h>

#include "cli/reading.h"
#include "cli/session.h"
#include "guard/key_store.h"

static const char DEFAULT_KEY[] = "default";

/* seal */

struct seal_arguments {
    const char *file;
    struct mer_cli_paths recipients;
    bool passphrase;
    const char *passphrase_file;
    bool armor;
    const char *out;
    const char *key;
    const char *certificate;
    uint64_t serial;
    uint64_t passphrase_fd;
    bool no_sign;
    bool force;
};

/* A key that cannot be read is not one that is missing: nobody is to get an unsigned file for it.
 */
static mer_status there_is_no_key(const char *name, bool *ret_none, mer_err *err)
{
    char *folder;
    MER_GUARD(mer_key_store_folder(NULL, &folder, err));
    *ret_none = !mer_key_store_has_private(folder, name);
    free(folder);
    return mer_ok();
}

/* The key that signs, as for fit, where there is one. */
static mer_status open_signer(const struct seal_arguments *arguments,
                              struct mer_signer **ret_signer, mer_err *err)
{
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    const char *const name = arguments->key ? arguments->key : DEFAULT_KEY;
    if (arguments->no_sign)
        return mer_ok();
    bool none;
    MER_GUARD(there_is_no_key(name, &none, err));
    if (none && !arguments->key && !arguments->certificate)
        return mer_ok();
    MER_GUARD(mer_signer_open(NULL, name, mer_cli_ask_passphrase, &source, ret_signer, err));
    return mer_cli_set_signer(*ret_signer, arguments->certificate, arguments->serial, err);
}

static mer_status check_seal(const struct seal_arguments *arguments, mer_err *err)
{
    const bool with_passphrase = arguments->passphrase || arguments->passphrase_file;
    if (with_passphrase == (arguments->recipients.n > 0))
        return mer_hint(
            err,
            mer_fail(err, MER_ERR_USAGE, "a file is sealed to recipients or with a passphrase"),
            "give --recipient, or --passphrase");
    if (arguments->no_sign && arguments->key)
        return mer_fail(err, MER_ERR_USAGE, "--no-sign and --key exclude each other");
    return mer_cli_check_not_input(arguments->out, arguments->file, err);
}

static mer_status show_sealed(struct mer_cli *cli, const struct seal_arguments *arguments,
                              const struct mer_signer *signer, const struct mer_saved *saved,
                              mer_err *err)
{
    const char *const key = arguments->key ? arguments->key : DEFAULT_KEY;
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "file", arguments->file);
        mer_cli_put_string(&document, "sealed", arguments->out);
        mer_cli_put_unsigned(&document, "bytes", saved->n_bytes);
        mer_json_key(&document.writer, "digest");
        if (signer)
            mer_json_put_string(&document.writer, saved->digest);
        else
            mer_json_put_null(&document.writer);
        mer_json_key(&document.writer, "key");
        if (signer)
            mer_json_put_string(&document.writer, key);
        else
            mer_json_put_null(&document.writer);
        mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_remark(cli, "Sealed %s into %s, %s", mer_quote(arguments->file).text,
                   mer_quote(arguments->out).text, mer_cli_show_bytes(saved->n_bytes).text);
    if (signer)
        mer_cli_remark(cli, ", signed by the key %s.\n", mer_quote(key).text);
    else
        mer_cli_remark(cli, ", not signed: who opens it has to say --unsigned.\n");
    return mer_ok();
}

static mer_status run_seal(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct seal_arguments *const arguments = words;
    struct mer_cli_passphrase source = {.file = arguments->passphrase_file, .what = "the file"};
    const struct mer_cli_whom nobody_in_particular = {.key = NULL};
    struct mer_signer *signer = NULL;
    struct mer_trust *trust = NULL;
    struct mer_saved saved;
    MER_GUARD(check_seal(arguments, err));
    MER_GUARD(mer_cli_passphrase_check(&source, err));
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    MER_GUARD(mer_cli_open_trust(&nobody_in_particular, &trust, err));
    mer_status status = open_signer(arguments, &signer, err);
    const struct mer_seal_options options = {
        .size = sizeof options,
        .recipients = arguments->recipients.items,
        .n_recipients = arguments->recipients.n,
        .ask = arguments->recipients.n > 0 ? NULL : mer_cli_ask_passphrase,
        .self = &source,
        .armored = arguments->armor,
        .replace = arguments->force,
        .signer = signer,
        .trust = trust,
    };
    if (mer_is_ok(status))
        status = mer_seal(cli->context, arguments->file, arguments->out, &options, &saved, err);
    if (mer_is_ok(status))
        status = show_sealed(cli, arguments, signer, &saved, err);
    mer_signer_free(signer);
    mer_trust_free(trust);
    return status;
}

static const struct mer_cli_option SEAL_POSITIONALS[] = {
    {.name = "FILE",
     .type = MER_CLI_FILE,
     .at = offsetof(struct seal_arguments, file),
     .help = "what is sealed: a model, a table, any file; - is standard input",
     .required = true},
};

#define AT(member) offsetof(struct seal_arguments, member)
static const struct mer_cli_option SEAL_OPTIONS[] = {
    {.name = "recipient",
     .type = MER_CLI_PATHS,
     .at = AT(recipients),
     .metavar = "R",
     .help = "who can open it: age1..., a key in the store, or a file with one a line; may be "
             "repeated"},
    {.name = "passphrase",
     .type = MER_CLI_FLAG,
     .at = AT(passphrase),
     .help = "seal it with a passphrase instead, which is asked for on the terminal"},
    {.name = "passphrase-file",
     .type = MER_CLI_FILE,
     .at = AT(passphrase_file),
     .metavar = "FILE",
     .help = "read that passphrase from the first line of a file that is yours alone"},
    {.name = "armor",
     .type = MER_CLI_FLAG,
     .at = AT(armor),
     .help = "write text instead of bytes, for mail and clipboards"},
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "F",
     .help = "where the sealed file goes; its signature goes beside it",
     .required = true},
    {.name = "key",
     .type = MER_CLI_TEXT,
     .at = AT(key),
     .metavar = "NAME",
     .help = "the key that signs the sealed file; default otherwise, where there is one"},
    MER_CLI_CERTIFICATE_OPTION(struct seal_arguments),
    MER_CLI_SERIAL_OPTION(struct seal_arguments),
    MER_CLI_PASSPHRASE_OPTION(struct seal_arguments),
    {.name = "no-sign", .type = MER_CLI_FLAG, .at = AT(no_sign), .help = "do not sign it"},
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing file"},
};
#undef AT

static const struct mer_cli_example SEAL_EXAMPLES[] = {
    {"merlon seal houses.safetensors --recipient age1... --out houses.age",
     "only whoever has that recipient's identity opens it"},
    {"merlon seal houses.safetensors --passphrase --out houses.age", "asks for a passphrase"},
};

const struct mer_cli_command MER_CLI_SEAL = {
    .name = "seal",
    .summary = "encrypt a file to those who may open it",
    .description =
        "Seals a file by the age v1 format: who has an identity of one of the recipients opens it, "
        "with merlon open or with age, and nobody else; every change, cut or swap is found. Where "
        "there is a key that signs, the sealed file is signed, so that merlon open can tell who "
        "sealed it before it touches an identity. A file that has a signature is verified first. "
        "predict, score, inspect and leaderboard use sealed models directly (--identity).",
    .positionals = SEAL_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(SEAL_POSITIONALS),
    .options = SEAL_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(SEAL_OPTIONS),
    .examples = SEAL_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(SEAL_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_DATA) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct seal_arguments),
    .run = run_seal,
};

/* open */

struct open_arguments {
    const char *file;
    struct mer_cli_paths identities;
    const char *passphrase_file;
    uint64_t passphrase_fd;
    const char *out;
    struct mer_cli_whom whom;
    bool is_unsigned;
    uint64_t memory;
    bool force;
};

static mer_status show_opened(struct mer_cli *cli, const struct open_arguments *arguments,
                              const struct mer_verified *verified, mer_err *err)
{
    const bool is_verified = verified->signer_id[0] != '\0';
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "sealed", arguments->file);
        mer_cli_put_string(&document, "file", arguments->out);
        mer_cli_put_boolean(&document, "unsigned", !is_verified);
        if (is_verified)
            mer_cli_put_verified(&document, "signer", verified);
        mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
        return mer_cli_document_end(cli, &document, err);
    }
    if (is_verified)
        mer_cli_remark(cli, "%s, as %s signed it, was opened into %s.\n",
                       mer_quote(arguments->file).text, mer_quote(verified->signer_name).text,
                       mer_quote(arguments->out).text);
    else
        mer_cli_remark(cli, "%s was opened into %s; nobody tells who sealed it.\n",
                       mer_quote(arguments->file).text, mer_quote(arguments->out).text);
    return mer_ok();
}

static mer_status run_open(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct open_arguments *const arguments = words;
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    struct mer_trust *trust = NULL;
    struct mer_verified verified = {.n_files = 0};
    source.file = arguments->passphrase_file;
    source.what = "";
    MER_GUARD(mer_cli_check_not_input(arguments->out, arguments->file, err));
    if (arguments->is_unsigned && (arguments->whom.key || arguments->whom.ca))
        return mer_fail(err, MER_ERR_USAGE, "--unsigned and --%s exclude each other",
                        arguments->whom.key ? "key" : "ca");
    MER_GUARD(mer_cli_passphrase_check(&source, err));
    MER_GUARD(mer_cli_open(cli, arguments->memory, 0, err));
    MER_GUARD(mer_cli_open_trust(&arguments->whom, &trust, err));
    const struct mer_unseal_options options = {
        .size = sizeof options,
        .identities = arguments->identities.items,
        .n_identities = arguments->identities.n,
        .ask = mer_cli_ask_passphrase,
        .self = &source,
        .trust = trust,
        .is_unsigned = arguments->is_unsigned,
        .replace = arguments->force,
    };
    mer_status status =
        mer_unseal(cli->context, arguments->file, arguments->out, &options, &verified, err);
    mer_trust_free(trust);
    MER_GUARD(status);
    return show_opened(cli, arguments, &verified, err);
}

static const struct mer_cli_option OPEN_POSITIONALS[] = {
    {.name = "F",
     .type = MER_CLI_FILE,
     .at = offsetof(struct open_arguments, file),
     .help = "a sealed file; its signature is verified first; - is standard input",
     .required = true},
};

#define AT(member) offsetof(struct open_arguments, member)
static const struct mer_cli_option OPEN_OPTIONS[] = {
    {.name = "identity",
     .type = MER_CLI_PATHS,
     .at = AT(identities),
     .metavar = "I",
     .help = "what opens it: a key in the store or an identity file; may be repeated"},
    {.name = "passphrase-file",
     .type = MER_CLI_FILE,
     .at = AT(passphrase_file),
     .metavar = "FILE",
     .help = "read its passphrase from the first line of a file that is yours alone"},
    {.name = "passphrase-fd",
     .type = MER_CLI_INTEGER,
     .at = AT(passphrase_fd),
     .metavar = "N",
     .minimum = 3,
     .maximum = 1023,
     .help = "read its passphrase from this open descriptor, one line"},
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "FILE",
     .help = "where what is in it goes, mode 0600",
     .required = true},
    MER_CLI_WHOM_OPTIONS(struct open_arguments, whom),
    {.name = "unsigned",
     .type = MER_CLI_FLAG,
     .at = AT(is_unsigned),
     .help = "open it even if nobody trusted has signed it: who sealed it is then unknown, and "
             "anybody who knows the recipient can have done it"},
    {.name = "memory",
     .type = MER_CLI_BYTES,
     .at = AT(memory),
     .metavar = "SIZE",
     .help = "allocate at most this much: 512M, 4G"},
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing file"},
};
#undef AT

static const struct mer_cli_example OPEN_EXAMPLES[] = {
    {"merlon open houses.age --identity default --out houses.safetensors",
     "opens it with the key that merlon keys new --for seal made"},
    {"merlon open letter.age --identity key.txt --unsigned --out letter.txt",
     "opens what somebody sealed with age"},
};

const struct mer_cli_command MER_CLI_OPEN = {
    .name = "open",
    .summary = "open a sealed file",
    .description =
        "Opens a file that merlon seal or age has sealed. The signature beside it is verified "
        "before an identity is read, so it is read twice; a change in between is found. The output "
        "appears only when the whole file was found as it was sealed; of a changed one or one that "
        "was cut nothing is left. Files of any size take the same few hundred kilobytes of memory.",
    .positionals = OPEN_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(OPEN_POSITIONALS),
    .options = OPEN_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPEN_OPTIONS),
    .examples = OPEN_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(OPEN_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_DATA) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct open_arguments),
    .run = run_open,
};
