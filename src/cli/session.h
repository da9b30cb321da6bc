/* A run of one command: the context, the log, the terminal, and where output goes.
 *
 * Standard output carries the result and nothing else: text for people, CSV from predict, or with
 * --json one JSON document (a failure is the document {"error": {...}}). Standard error carries the
 * log, progress, notes and the sentence that says what failed.
 */
#ifndef MER_CLI_SESSION_H
#define MER_CLI_SESSION_H

#include "api/handles.h"
#include "cli/command.h"
#include "cli/progress.h"

struct mer_cli {
    const struct mer_cli_command *command;
    struct mer_cli_common common;
    struct mer_context *context; /* NULL until mer_cli_open */
    struct mer_cli_progress progress;
    bool console_log_is_silent; /* while a failure is reported, which has its own line */
    int output_errno;           /* why standard output failed first; 0: it did not */
    uint64_t start_ns;
    int exit_code; /* of a command that did its work: one of command->exits, or 0 */
};

/* Opens context, log, scratch folder and signals. memory_bytes and n_threads: 0 for the defaults.
 */
MER_MUST_CHECK mer_status mer_cli_open(struct mer_cli *cli, uint64_t memory_bytes,
                                       uint64_t n_threads, mer_err *err);
void mer_cli_close(struct mer_cli *cli);

/* Says on standard error (and with --json on standard output, and in the log) what failed; returns
 * the exit code. */
int mer_cli_report(struct mer_cli *cli, mer_status status, const mer_err *err);

/* The result as text for people, on standard output; nothing with --json. */
void mer_cli_print(struct mer_cli *cli, const char *format, ...) MER_PRINTF(2, 3);
/* The same in bold where colours are on. */
void mer_cli_print_bold(struct mer_cli *cli, const char *format, ...) MER_PRINTF(2, 3);
/* Text beside the result, on standard output too; nothing with --json or --quiet. */
void mer_cli_remark(struct mer_cli *cli, const char *format, ...) MER_PRINTF(2, 3);
/* A remark on standard error; nothing with --quiet. */
void mer_cli_note(struct mer_cli *cli, const char *format, ...) MER_PRINTF(2, 3);
/* The result itself: always written. Failures show in mer_cli_flush. */
void mer_cli_emit(struct mer_cli *cli, const void *bytes, size_t n);
/* What was printed so far reaches its reader now, before a long step. */
void mer_cli_show_now(struct mer_cli *cli);
/* Everything printed has reached standard output, or MER_ERR_IO. */
MER_MUST_CHECK mer_status mer_cli_flush(struct mer_cli *cli, mer_err *err);

/* Standard output is a pipe that nobody reads any more (head): not worth a sentence. */
bool mer_cli_reader_is_gone(const struct mer_cli *cli);

/* Whom verification accepts: one key file, the authorities of one file, or else the key store; and
 * the policy that all of them must obey. */
struct mer_cli_whom {
    const char *key;
    const char *ca;
    const char *policy; /* NULL: the store's, if there is one */
};
/* Rows for a command's options; its arguments struct has a struct mer_cli_whom as `member`. */
#define MER_CLI_WHOM_OPTIONS(arguments, member)                                                    \
    {.name = "key",                                                                                \
     .type = MER_CLI_FILE,                                                                         \
     .at = offsetof(arguments, member.key),                                                        \
     .metavar = "PEM",                                                                             \
     .help = "accept this public key and no other, instead of the store's trusted keys"},          \
        {.name = "ca",                                                                             \
         .type = MER_CLI_FILE,                                                                     \
         .at = offsetof(arguments, member.ca),                                                     \
         .metavar = "PEM",                                                                         \
         .help = "accept signers whose certificates lead to one of this file, and no others"},     \
    {                                                                                              \
        .name = "policy", .type = MER_CLI_FILE, .at = offsetof(arguments, member.policy),          \
        .metavar = "FILE",                                                                         \
        .help = "obey this trust policy instead of policy.json in the key store"                   \
    }
/* Free with mer_trust_free. */
MER_MUST_CHECK mer_status mer_cli_open_trust(const struct mer_cli_whom *whom,
                                             struct mer_trust **ret_trust, mer_err *err);

#define MER_CLI_CERTIFICATE_OPTION(arguments)                                                      \
    {                                                                                              \
        .name = "certificate", .type = MER_CLI_FILE, .at = offsetof(arguments, certificate),       \
        .metavar = "PEM",                                                                          \
        .help = "sign with this certificate of the key, and those that lead to its authority"      \
    }
#define MER_CLI_SERIAL_OPTION(arguments)                                                           \
    {                                                                                              \
        .name = "serial", .type = MER_CLI_INTEGER, .at = offsetof(arguments, serial),              \
        .metavar = "N", .minimum = 1, .maximum = (uint64_t)1 << 53,                                \
        .help = "sign this serial number too, which a trust policy can ask for; give every "       \
                "release a higher one"                                                             \
    }
/* What --certificate and --serial ask of a signer; NULL and 0 for neither. */
MER_MUST_CHECK mer_status mer_cli_set_signer(struct mer_signer *signer, const char *certificate,
                                             uint64_t serial, mer_err *err);

enum { MER_CLI_PASSPHRASE_MAX = 1024 };
/* Where a passphrase comes from: a descriptor (--passphrase-fd), a file (--passphrase-file), else
 * the terminal. */
struct mer_cli_passphrase {
    bool has_fd;
    int fd;
    const char *file; /* NULL: none */
    const char *what; /* what it opens, before its name: NULL is "the key" */
};
/* The source that --passphrase-fd names; 0, which is standard input's, when it was not given. */
struct mer_cli_passphrase mer_cli_passphrase_from(uint64_t passphrase_fd);
/* Why its file cannot be read, where it has one: who is asked later can only say that there was no
 * passphrase. */
MER_MUST_CHECK mer_status mer_cli_passphrase_check(const struct mer_cli_passphrase *source,
                                                   mer_err *err);
#define MER_CLI_PASSPHRASE_OPTION(arguments)                                                       \
    {                                                                                              \
        .name = "passphrase-fd", .type = MER_CLI_INTEGER,                                          \
        .at = offsetof(arguments, passphrase_fd), .metavar = "N", .minimum = 3, .maximum = 1023,   \
        .help = "read the key's passphrase from this open descriptor, one line"                    \
    }
/* A mer_passphrase_fn over a struct mer_cli_passphrase. */
int mer_cli_ask_passphrase(void *self, const char *key_name, bool confirm, char *ret_bytes,
                           size_t max);

/* The project that --project names, or the usual one. */
const char *mer_cli_project(const char *name);
#define MER_CLI_PROJECT_OPTION(arguments, member)                                                  \
    {                                                                                              \
        .name = "project", .type = MER_CLI_TEXT, .at = offsetof(arguments, member),                \
        .metavar = "NAME",                                                                         \
        .help = "whose key makes pseudonyms and turns them back; default "                         \
                "when left out"                                                                    \
    }

/* Seconds since the command began. */
double mer_cli_seconds(const struct mer_cli *cli);

/* A JSON document for standard output: begin, write members, end (which emits it). */
struct mer_cli_document {
    struct mer_alloc alloc;
    struct mer_buf buf;
    struct mer_json_writer writer;
};
void mer_cli_document_begin(struct mer_cli_document *document, mer_err *err);
MER_MUST_CHECK mer_status mer_cli_document_end(struct mer_cli *cli,
                                               struct mer_cli_document *document, mer_err *err);
/* Members; a number that is not finite is null. */
void mer_cli_put_string(struct mer_cli_document *document, const char *key, const char *text);
void mer_cli_put_unsigned(struct mer_cli_document *document, const char *key, uint64_t value);
void mer_cli_put_number(struct mer_cli_document *document, const char *key, double value);
void mer_cli_put_boolean(struct mer_cli_document *document, const char *key, bool value);
void mer_cli_put_verified(struct mer_cli_document *document, const char *key,
                          const struct mer_verified *verified);

/* A path as it can be typed into a shell again, quoted where it has to be. */
struct mer_quoted mer_cli_show_word(const char *path);

/* "12.3 MB", "1.24 s", for people. */
struct mer_cli_shown {
    char text[96];
};
struct mer_cli_shown mer_cli_show_bytes(uint64_t n);
struct mer_cli_shown mer_cli_show_seconds(double seconds);
struct mer_cli_shown mer_cli_show_score(double score);
/* "in 5-fold cross-validation", "on held-out rows" */
struct mer_cli_shown mer_cli_show_validation(const struct mer_validation *validation);

#endif
