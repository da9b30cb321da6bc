/* Keys for sealed files, as the keys commands show them. */
#ifndef MER_CLI_SEAL_KEYS_H
#define MER_CLI_SEAL_KEYS_H

#include "cli/session.h"

/* The row for a command's NAME, a key that it must be told. */
#define MER_CLI_KEY_POSITIONAL(arguments, text)                                                    \
    {                                                                                              \
        .name = "NAME", .type = MER_CLI_TEXT, .at = offsetof(arguments, name), .help = text,       \
        .required = true                                                                           \
    }

/* merlon keys new --for seal: makes one and prints its recipient. */
MER_MUST_CHECK mer_status mer_cli_new_seal_key(struct mer_cli *cli, const char *name,
                                               mer_passphrase_fn *ask, void *self, mer_err *err);
/* Lists them: lines of text, or an array "seal_keys" of the document; *ret_n: how many. */
MER_MUST_CHECK mer_status mer_cli_list_seal_keys(struct mer_cli *cli,
                                                 struct mer_cli_document *document, size_t *ret_n,
                                                 mer_err *err);
/* Shows the one of that name; *ret_found false: there is none. */
MER_MUST_CHECK mer_status mer_cli_show_seal_key(struct mer_cli *cli, const char *name,
                                                bool *ret_found, mer_err *err);

#endif
