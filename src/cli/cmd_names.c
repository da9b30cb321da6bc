/* merlon names: what pseudonyms stand for. */
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"
#include "os/file.h"

enum { FILE_MAX_BYTES = 1 << 30 };

struct names_arguments {
    const char *file;
    const char *project;
    const char *out;
    bool force;
};

/* The text to its reader: a file for its owner alone, or standard output. */
static mer_status emit(struct mer_cli *cli, const struct names_arguments *arguments,
                       const char *text, mer_err *err)
{
    struct mer_output output;
    const size_t n = strlen(text);
    if (!arguments->out) {
        mer_cli_emit(cli, text, n);
        return mer_ok();
    }
    MER_GUARD(mer_output_open(&output, arguments->out, arguments->force, 0600, err));
    mer_status status = mer_output_write(&output, text, n, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status turn_back(struct mer_cli *cli, const struct names_arguments *arguments,
                            const struct mer_pseudonyms *pseudonyms, mer_err *err)
{
    struct mer_file_bytes file;
    char *text = NULL;
    size_t n_known = 0, n_unknown = 0;
    MER_GUARD(mer_file_read(&cli->context->alloc, arguments->file, FILE_MAX_BYTES, &file, err));
    mer_status status = mer_ok();
    if (memchr(file.bytes, 0, file.n))
        status = mer_hint(
            err, mer_fail(err, MER_ERR_DATA, "%s is not a text", mer_quote(arguments->file).text),
            "models keep their pseudonyms: reports, predictions and JSON are turned "
            "back");
    if (mer_is_ok(status))
        status = mer_pseudonyms_turn_back(pseudonyms, NULL, (const char *)file.bytes, file.n, &text,
                                          &n_known, &n_unknown, err);
    mer_file_release(&file);
    if (mer_is_ok(status))
        status = emit(cli, arguments, text, err);
    mer_text_free(text);
    MER_GUARD(status);
    if (n_unknown > 0)
        mer_cli_note(cli, "%zu tokens are not of this project and stay", n_unknown);
    if (arguments->out)
        mer_cli_remark(cli, "%zu tokens were turned back in %s.\n", n_known,
                       mer_quote(arguments->out).text);
    return mer_ok();
}

static mer_status run_names(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct names_arguments *const arguments = words;
    struct mer_pseudonyms *pseudonyms;
    if (cli->common.json && !arguments->out)
        return mer_fail(err, MER_ERR_USAGE, "with --json the text goes to a file (--out)");
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    MER_GUARD(mer_pseudonyms_open(NULL, mer_cli_project(arguments->project), false, &pseudonyms,
                                  NULL, err));
    const mer_status status = turn_back(cli, arguments, pseudonyms, err);
    mer_pseudonyms_free(pseudonyms);
    MER_GUARD(status);
    if (!cli->common.json)
        return mer_ok();
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "out", arguments->out);
    mer_cli_put_number(&document, "total_seconds", mer_cli_seconds(cli));
    return mer_cli_document_end(cli, &document, err);
}

#define AT(member) offsetof(struct names_arguments, member)

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "FILE",
     .type = MER_CLI_FILE,
     .at = AT(file),
     .help = "a text that holds pseudonyms: CSV, JSON, HTML, a log; - is standard input",
     .required = true},
};

static const struct mer_cli_option OPTIONS[] = {
    MER_CLI_PROJECT_OPTION(struct names_arguments, project),
    {.name = "out",
     .type = MER_CLI_FILE,
     .at = AT(out),
     .metavar = "FILE",
     .help = "write to a file for you alone instead of standard output"},
    {.name = "force", .type = MER_CLI_FLAG, .at = AT(force), .help = "replace an existing output"},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon names report.html --project study --out plain.html",
     "a report as it reads with names"},
    {"merlon leaderboard m.safetensors | merlon names - --project study", "and any output"},
};

const struct mer_cli_command MER_CLI_NAMES = {
    .name = "names",
    .summary = "turn the pseudonyms in a text back into names",
    .description = "Replaces every token that fit --pseudonymize has made in a project by the name "
                   "that it stands for, quoted as CSV, JSON or HTML want it, and leaves everything "
                   "else as it is. It takes the project's key and names, which lie in the folder "
                   "for keys.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .options = OPTIONS,
    .n_options = MER_CLI_COUNT_OF(OPTIONS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_DATA) |
                MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) | MER_CLI_CAN_FAIL(MER_ERR_EXISTS),
    .arguments_size = sizeof(struct names_arguments),
    .run = run_names,
};
