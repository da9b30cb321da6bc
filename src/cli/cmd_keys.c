/* merlon keys new | list | show | trust | revoke: who signs here, and whose signatures count. */
#include <string.h>
#include <unistd.h>

#include "cli/seal_keys.h"
#include "os/terminal.h"

static const char DEFAULT_KEY[] = "default";

struct find {
    const char *name;
    struct mer_key_info info;
    bool found;
};

static void find_key(void *self, const struct mer_key_info *key)
{
    struct find *const find = self;
    if (strcmp(key->name, find->name) == 0) {
        find->info = *key;
        find->found = true;
    }
}

/* What the store knows of a key that must be there. */
static mer_status look_up(const char *name, struct mer_key_info *ret_info, mer_err *err)
{
    struct find find = {.name = name};
    MER_GUARD(mer_keys_list(NULL, find_key, &find, err));
    if (!find.found)
        return mer_hint(err,
                        mer_fail(err, MER_ERR_NO_INPUT, "there is no key %s", mer_quote(name).text),
                        "merlon keys list shows the keys");
    *ret_info = find.info;
    return mer_ok();
}

static const char *state(const struct mer_key_info *key)
{
    if (key->revoked)
        return "revoked";
    return key->trusted ? "trusted" : "not trusted";
}

static void put_key(struct mer_cli_document *document, const struct mer_key_info *key)
{
    mer_cli_put_string(document, "name", key->name);
    mer_cli_put_string(document, "id", key->id);
    mer_cli_put_string(document, "curve", key->curve);
    mer_cli_put_boolean(document, "trusted", key->trusted);
    mer_cli_put_boolean(document, "revoked", key->revoked);
    mer_cli_put_boolean(document, "has_private", key->has_private);
}

static mer_status show_one(struct mer_cli *cli, const struct mer_key_info *key, mer_err *err)
{
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        put_key(&document, key);
        return mer_cli_document_end(cli, &document, err);
    }
    mer_cli_print(cli, "%s  %s  %s  %s\n", key->name, key->curve, state(key), key->id);
    return mer_ok();
}

/* keys new */

struct new_arguments {
    const char *name;
    const char *use; /* "sign" or "seal" */
    uint64_t passphrase_fd;
    bool no_passphrase;
};

static mer_status run_new(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct new_arguments *const arguments = words;
    const char *const name = arguments->name ? arguments->name : DEFAULT_KEY;
    if (arguments->no_passphrase && arguments->passphrase_fd)
        return mer_fail(err, MER_ERR_USAGE,
                        "--no-passphrase and --passphrase-fd exclude each other");
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    struct mer_cli_passphrase source = mer_cli_passphrase_from(arguments->passphrase_fd);
    /* A passphrase where a person is there to give one. */
    const bool ask = !arguments->no_passphrase && (source.has_fd || mer_terminal_is(STDIN_FILENO));
    if (arguments->use && strcmp(arguments->use, "seal") == 0)
        return mer_cli_new_seal_key(cli, name, ask ? mer_cli_ask_passphrase : NULL, &source, err);
    MER_GUARD(mer_keys_new(NULL, name, ask ? mer_cli_ask_passphrase : NULL, &source, err));
    struct mer_key_info key;
    MER_GUARD(look_up(name, &key, err));
    MER_GUARD(show_one(cli, &key, err));
    mer_cli_remark(cli,
                   "Others who should accept what it signs need its public half:\n"
                   "  merlon keys show %s > %s.pub\n",
                   name, name);
    return mer_ok();
}

static const struct mer_cli_option NEW_POSITIONALS[] = {
    {.name = "NAME",
     .type = MER_CLI_TEXT,
     .at = offsetof(struct new_arguments, name),
     .help = "what to call the key; default when left out"},
};

static const struct mer_cli_option NEW_OPTIONS[] = {
    {.name = "for",
     .type = MER_CLI_CHOICE,
     .at = offsetof(struct new_arguments, use),
     .metavar = "USE",
     .choices = mer_cli_choice_key_use,
     .help = "sign, or seal: for merlon seal and open; sign when left out"},
    MER_CLI_PASSPHRASE_OPTION(struct new_arguments),
    {.name = "no-passphrase",
     .type = MER_CLI_FLAG,
     .at = offsetof(struct new_arguments, no_passphrase),
     .help = "do not ask for a passphrase; the file's mode 0600 is the only guard"},
};

static const struct mer_cli_example NEW_EXAMPLES[] = {
    {"merlon keys new release", "makes release.key and release.pub, asking for a passphrase"},
    {"merlon keys new --for seal", "makes a key that opens sealed files, prints its recipient"},
};

const struct mer_cli_command MER_CLI_KEYS_NEW = {
    .name = "keys new",
    .summary = "make a key that signs, or one for sealed files",
    .description =
        "Makes an ECDSA key on P-256 in the key store: NAME.key, the private half as PKCS#8 PEM "
        "with mode 0600, and NAME.pub. The key is trusted here from then on. On a terminal a "
        "passphrase is asked for; an empty one leaves the file unencrypted.\n\n"
        "With --for seal it makes an X25519 key for sealed files instead, as age has them: "
        "seal/NAME.identity, which opens, mode 0600, and seal/NAME.recipient, which is printed and "
        "given to whoever seals.",
    .positionals = NEW_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(NEW_POSITIONALS),
    .options = NEW_OPTIONS,
    .n_options = MER_CLI_COUNT_OF(NEW_OPTIONS),
    .examples = NEW_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(NEW_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_EXISTS) |
                MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct new_arguments),
    .run = run_new,
};

/* keys list */

struct listing {
    struct mer_cli *cli;
    struct mer_cli_document *document; /* NULL: as text */
    size_t n;
};

static void list_key(void *self, const struct mer_key_info *key)
{
    struct listing *const listing = self;
    listing->n++;
    if (listing->document) {
        mer_json_begin_object(&listing->document->writer);
        put_key(listing->document, key);
        mer_json_end_object(&listing->document->writer);
        return;
    }
    mer_cli_print(listing->cli, "%-20s  %-6s  %-11s  %-10s  %s\n", key->name, key->curve,
                  state(key), key->has_private ? "can sign" : "public", key->id);
}

static mer_status run_list(struct mer_cli *cli, const void *words, mer_err *err)
{
    (void)words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    struct mer_cli_document document;
    struct listing listing = {.cli = cli};
    if (cli->common.json) {
        mer_cli_document_begin(&document, err);
        listing.document = &document;
        mer_json_key(&document.writer, "keys");
        mer_json_begin_array(&document.writer);
    }
    size_t n_seal = 0;
    mer_status status = mer_keys_list(NULL, list_key, &listing, err);
    if (listing.document)
        mer_json_end_array(&document.writer);
    if (mer_is_ok(status))
        status = mer_cli_list_seal_keys(cli, listing.document, &n_seal, err);
    if (listing.document) {
        if (!mer_is_ok(status)) {
            mer_buf_release(&document.buf);
            return status;
        }
        return mer_cli_document_end(cli, &document, err);
    }
    if (mer_is_ok(status) && listing.n + n_seal == 0)
        mer_cli_print(cli,
                      "There are no keys yet: merlon keys new makes one, and so does the first "
                      "merlon fit.\n");
    return status;
}

static const struct mer_cli_example LIST_EXAMPLES[] = {
    {"merlon keys list", "shows each key's name, curve, state and id"},
};

const struct mer_cli_command MER_CLI_KEYS_LIST = {
    .name = "keys list",
    .summary = "list the keys in the store",
    .description = "Lists every key that is known here: those that can sign and those whose "
                   "signatures are accepted, with their ids, the SHA-256 digests of their public "
                   "halves; and those for sealed files, with their recipients.",
    .examples = LIST_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(LIST_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .run = run_list,
};

/* keys show */

struct name_arguments {
    const char *name;
    const char *file;
};

static mer_status run_show(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct name_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    struct mer_key_info key;
    const mer_status found = look_up(arguments->name, &key, err);
    if (found.code == MER_ERR_NO_INPUT) {
        bool seals = false;
        mer_err other;
        MER_GUARD(mer_cli_show_seal_key(cli, arguments->name, &seals, &other));
        return seals ? mer_ok() : found;
    }
    MER_GUARD(found);
    char *pem;
    MER_GUARD(mer_keys_public(NULL, arguments->name, &pem, err));
    mer_status status = mer_ok();
    if (cli->common.json) {
        struct mer_cli_document document;
        mer_cli_document_begin(&document, err);
        put_key(&document, &key);
        mer_cli_put_string(&document, "public_key", pem);
        status = mer_cli_document_end(cli, &document, err);
    } else {
        mer_cli_emit(cli, pem, strlen(pem));
        mer_cli_note(cli, "%s, %s, %s, id %s", key.name, key.curve, state(&key), key.id);
    }
    mer_text_free(pem);
    return status;
}

static const struct mer_cli_option NAME_POSITIONALS[] = {
    MER_CLI_KEY_POSITIONAL(struct name_arguments, "a key in the store"),
};

static const struct mer_cli_example SHOW_EXAMPLES[] = {
    {"merlon keys show default > default.pub", "writes the public half for others to trust"},
};

const struct mer_cli_command MER_CLI_KEYS_SHOW = {
    .name = "keys show",
    .summary = "print the public half of a key",
    .description =
        "Prints the public half of a key as PEM, for those who should trust it: they "
        "run merlon keys trust. Compare the id over another channel. Of a key for sealed "
        "files it prints the recipient.",
    .positionals = NAME_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(NAME_POSITIONALS),
    .examples = SHOW_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(SHOW_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct name_arguments),
    .run = run_show,
};

/* keys trust */

static mer_status run_trust(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct name_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    MER_GUARD(mer_keys_trust(NULL, arguments->name, arguments->file, err));
    struct mer_key_info key;
    MER_GUARD(look_up(arguments->name, &key, err));
    return show_one(cli, &key, err);
}

static const struct mer_cli_option TRUST_POSITIONALS[] = {
    MER_CLI_KEY_POSITIONAL(struct name_arguments, "what to call the key here"),
    {.name = "FILE",
     .type = MER_CLI_FILE,
     .at = offsetof(struct name_arguments, file),
     .help = "its public half, PEM",
     .required = true},
};

static const struct mer_cli_example TRUST_EXAMPLES[] = {
    {"merlon keys trust alice alice.pub", "accepts from now on what Alice's key has signed"},
};

const struct mer_cli_command MER_CLI_KEYS_TRUST = {
    .name = "keys trust",
    .summary = "accept what somebody else's key has signed",
    .description = "Adds a public key (ECDSA on P-256, P-384 or P-521) to the store under a name. "
                   "Its signatures are accepted from then on. Compare the id that is printed with "
                   "the owner's, over another channel than the file came by.",
    .positionals = TRUST_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(TRUST_POSITIONALS),
    .examples = TRUST_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(TRUST_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS) |
                MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct name_arguments),
    .run = run_trust,
};

/* keys revoke */

static mer_status run_revoke(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct name_arguments *const arguments = words;
    MER_GUARD(mer_cli_open(cli, 0, 1, err));
    struct mer_key_info key;
    MER_GUARD(look_up(arguments->name, &key, err));
    MER_GUARD(mer_keys_revoke(NULL, arguments->name, err));
    MER_GUARD(look_up(arguments->name, &key, err));
    return show_one(cli, &key, err);
}

static const struct mer_cli_example REVOKE_EXAMPLES[] = {
    {"merlon keys revoke alice", "refuses from now on what Alice's key has signed"},
};

const struct mer_cli_command MER_CLI_KEYS_REVOKE = {
    .name = "keys revoke",
    .summary = "refuse a key for good",
    .description = "Takes a key's trust away for good: everything it ever signed is refused, and "
                   "the same key cannot be trusted again under another name.",
    .positionals = NAME_POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(NAME_POSITIONALS),
    .examples = REVOKE_EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(REVOKE_EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_TRUST),
    .arguments_size = sizeof(struct name_arguments),
    .run = run_revoke,
};
