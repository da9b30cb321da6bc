/* Keys for sealed files: made, listed, shown by the other keys commands; and merlon keys destroy.
 */
#include <string.h>

#include "cli/seal_keys.h"

static const char *state(const struct mer_seal_key_info *key)
{
    if (key->destroyed)
        return "destroyed";
    return key->has_identity ? "can open" : "public";
}

static void put_key(struct mer_cli_document *document, const struct mer_seal_key_info *key)
{
    mer_cli_put_string(document, "name", key->name);
    mer_cli_put_string(document, "recipient", key->recipient);
    mer_cli_put_boolean(document, "has_identity", key->has_identity);
    mer_cli_put_boolean(document, "destroyed", key->destroyed);
}

struct finding {
    const char *name;
    struct mer_seal_key_info key;
    bool found;
};

static void find_key(void *self, const struct mer_seal_key_info *key)
{
    struct finding *const finding = self;
    if (strcmp(key->name, finding->name) != 0)
        return;
    finding->key = *key;
    finding->found = true;
}

static mer_status show_key(struct mer_cli *cli, const struct mer_seal_key_info *key, mer_err *err)
{
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        put_key(&document, key);
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%s\n", key->recipient);
    return mer_ok();
}

mer_status mer_cli_new_seal_key(struct mer_cli *cli, const char *name, mer_passphrase_fn *ask,
                                void *self, mer_err *err)
{
    struct mer_seal_key_info key = {.has_identity = true};
    MER_GUARD(mer_seal_key_new(NULL, name, ask, self, key.recipient, err));
    memcpy(key.name, name, strlen(name) + 1); /* a name that was accepted fits */
    MER_GUARD(show_key(cli, &key, err));
    if (!cli->common.quiet)
        mer_cli_note(cli,
                     "this is its recipient, which may be known to all who seal for %s; the "
                     "identity that opens stays in the key store",
                     mer_quote(name).text);
    return mer_ok();
}

struct listing {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
    size_t n;
};

static void list_key(void *self, const struct mer_seal_key_info *key)
{
    struct listing *const listing = self;
    listing->n++;
    if (listing->document) {
        mer_json_begin_object(&listing->document->writer);
        put_key(listing->document, key);
        mer_json_end_object(&listing->document->writer);
        return;
    }
    mer_cli_print(listing->cli, "%-20s  %-6s  %-11s  %-10s  %s\n", key->name, "X25519", "seals",
                  state(key), key->recipient);
}

mer_status mer_cli_list_seal_keys(struct mer_cli *cli, struct mer_cli_document *document,
                                  size_t *ret_n, mer_err *err)
{
    struct listing listing = {.cli = cli, .document = document};
    if (document) {
        mer_json_key(&document->writer, "seal_keys");
        mer_json_begin_array(&document->writer);
    }
    const mer_status status = mer_seal_keys_list(NULL, list_key, &listing, err);
    if (document)
        mer_json_end_array(&document->writer);
    *ret_n = listing.n;
    return status;
}

mer_status mer_cli_show_seal_key(struct mer_cli *cli, const char *name, bool *ret_found,
                                 mer_err *err)
{
    struct finding finding = {.name = name};
    MER_GUARD(mer_seal_keys_list(NULL, find_key, &finding, err));
    *ret_found = finding.found;
    return finding.found ? show_key(cli, &finding.key, err) : mer_ok();
}

/* keys destroy */

struct destroy_arguments {
    const char *name;
    bool yes;
};

static mer_status run_destroy(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct destroy_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    if (!arguments->yes)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_USAGE,
                                 "what was sealed to %s alone would stay closed for ever",
                                 mer_quote(arguments->name).text),
                        "if that is what you want, say --yes");
    MER_GUARD(mer_seal_key_destroy(NULL, arguments->name, err));
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        mer_cli_put_string(&document, "name", arguments->name);
        mer_cli_put_boolean(&document, "destroyed", true);
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_remark(cli,
                   "The identity %s is destroyed. Copies of it elsewhere (backups, snapshots, the "
                   "spare cells of a disk) are not.\n",
                   mer_quote(arguments->name).text);
    return mer_ok();
}

static const struct mer_cli_option DESTROY_POSITIONALS[] = {
    MER_CLI_KEY_POSITIONAL(struct destroy_arguments, "a key for sealing in the store"),
};

static const struct mer_cli_option DESTROY_OPTIONS[] = {
    {.name = "yes",
     .type = MER_CLI_FLAG,
     .at = offsetof(struct destroy_arguments, yes),
     .help = "it cannot be taken back, and is meant"},
};

static const struct mer_cli_example DESTROY_EXAMPLES[] = {
    {"merlon keys destroy trial-7 --yes", "deletes everything that was sealed to trial-7 alone"},
};

const struct mer_cli_command MER_CLI_KEYS_DESTROY = {
    .name = "keys destroy",
    .summary = "destroy a key for sealing, and with it what it opens",
    .description =
        "Overwrites and removes the identity of a key that merlon keys new --for seal made. What "
        "was sealed to it alone stays closed for ever, wherever copies of it are: that is how "
        "sealed files are deleted, because overwriting large files does not reach what disks and "
        "backups keep. Use one key for what shall be deleted together. The name is not used again.",
    .positionals = DESTROY_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(DESTROY_POSITIONALS),
    .options = DESTROY_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(DESTROY_OPTIONS),
    .examples = DESTROY_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(DESTROY_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT),
    .arguments_size = sizeof(struct destroy_arguments),
    .run = run_destroy,
};
