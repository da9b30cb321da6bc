/* merlon audit: what a stranger's model file holds and could do, found out in a cell. */
#include <string.h>

#include "api/audit_handles.h"
#include "cli/session.h"
#include "os/file.h"

struct audit_arguments {
    const char *path;
};

static void print_finding(struct mer_cli *cli, const struct mer_audited_finding *finding)
{
    mer_cli_print(cli, "  %-6s%-24s", strcmp(finding->level, "note") == 0 ? "" : finding->level,
                  finding->kind);
    mer_cli_print(cli, " %s", finding->detail[0] ? finding->detail : finding->what);
    if (finding->where[0])
        mer_cli_print(cli, ", in %s", finding->where);
    if (finding->offset > 0)
        mer_cli_print(cli, ", at byte %llu", (unsigned long long)finding->offset);
    if (finding->count > 1)
        mer_cli_print(cli, ", %u times", finding->count);
    mer_cli_print(cli, "\n");
    if (strcmp(finding->level, "note") != 0 && finding->detail[0])
        mer_cli_print(cli, "        (%s)\n", finding->what);
}

static const char *result_text(enum mer_audit_result result)
{
    switch (result) {
    case MER_AUDIT_RESULT_CLEAN:
        return "clean: well formed, and its usual loader only makes data of it";
    case MER_AUDIT_RESULT_FOUND:
        return "found: loading it could do harm, or it is not well formed";
    case MER_AUDIT_RESULT_UNSURE:
        break;
    }
    return "could not tell";
}

/* The worst first. */
static void print_findings(struct mer_cli *cli, const struct mer_audited *audited, size_t i)
{
    static const char *const levels[] = {"harm", "doubt", "note"};
    struct mer_audited_finding finding;
    for (size_t level = 0; level < MER_CLI_COUNT_OF(levels); level++)
        for (size_t k = 0; mer_audited_get_finding(audited, i, k, &finding); k++)
            if (strcmp(finding.level, levels[level]) == 0)
                print_finding(cli, &finding);
}

static void print_file(struct mer_cli *cli, const struct mer_audited *audited, size_t i)
{
    struct mer_audited_file file;
    if (!mer_audited_get_file(audited, i, &file))
        return;
    mer_cli_print_bold(cli, "%s\n", mer_quote(file.path).text);
    mer_cli_print(cli, "  %-30s%s\n", "result", result_text(file.result));
    mer_cli_print(cli, "  %-30s%s, %s\n", "format", file.title,
                  mer_cli_show_bytes(file.n_bytes).text);
    if (file.digest[0])
        mer_cli_print(cli, "  %-30s%s\n", "sha256", file.digest);
    if (strcmp(file.loader, "unknown") != 0)
        mer_cli_print(cli, "  %-30s%s\n", "its usual loader", file.loader);
    print_findings(cli, audited, i);
    if (file.n_left_out > 0)
        mer_cli_print(cli, "  and %llu more findings\n", (unsigned long long)file.n_left_out);
}

static mer_status emit_json(struct mer_cli *cli, const struct audit_arguments *arguments,
                            const struct mer_audited *audited, mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "path", arguments->path);
    mer_audit_put(audited, &document.writer);
    mer_cli_put_unsigned(&document, "exit_code", (uint64_t)cli->exit_code);
    return mer_cli_document_end(cli, &document, err);
}

static mer_status run_audit(struct mer_cli *cli, const void *words, mer_err *err)
{
    const struct audit_arguments *const arguments = words;
    struct mer_audited *audited;
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    MER_GUARD(mer_audit(cli->context, arguments->path, &audited, err));
    cli->exit_code = (int)mer_audited_result(audited);
    mer_status status = mer_ok();
    if (cli->common.json)
        status = emit_json(cli, arguments, audited, err);
    for (size_t i = 0; !cli->common.json && i < mer_audited_files(audited); i++)
        print_file(cli, audited, i);
    if (!cli->common.json && mer_audited_files(audited) == 0)
        mer_cli_print(cli, "There is no file in %s.\n", mer_quote(arguments->path).text);
    mer_audited_free(audited);
    return status;
}

static const struct mer_cli_option POSITIONALS[] = {
    {.name = "PATH",
     .type = MER_CLI_FILE,
     .at = offsetof(struct audit_arguments, path),
     .help = "a file, - for standard input, or a folder: each regular file in it",
     .required = true},
};

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon audit model.pkl", "what unpickling it would import and call"},
    {"merlon audit --json downloads/", "every file in a folder, as data"},
};

static const struct mer_cli_exit EXITS[] = {
    {MER_AUDIT_RESULT_FOUND, "something was found that could do harm, or is not well formed"},
    {MER_AUDIT_RESULT_UNSURE, "could not tell: an unknown format, or one that is not looked into"},
};

const struct mer_cli_command MER_CLI_AUDIT = {
    .name = "audit",
    .summary = "tell what a stranger's model file holds and could do",
    .description =
        "Says of a file what it is, what it holds, what its usual loader would do with it and "
        "whether it is well formed. Nothing of it is run: it is taken apart in a process that can "
        "reach nothing, in bounded time and memory. Its name is not believed.\n\n"
        "Looked into are safetensors; Python pickles, bare and in joblib's, PyTorch's and NumPy's "
        "files; ZIP and tar archives; ONNX models; MXNet's symbols and parameters; XGBoost models "
        "as JSON; LightGBM models as text.\n\n"
        "Of a pickle, every import and call is found that unpickling would make, and all but "
        "constructors of plain data are reported. One of a scikit-learn model is reported, because "
        "loading it imports code.\n\n"
        "Other formats are recognised, not looked into, and end with 2. Of a folder, the worst "
        "result counts; symbolic links in it are not followed.",
    .positionals = POSITIONALS,
    .n_positionals = MER_CLI_COUNT_OF(POSITIONALS),
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .exits = EXITS,
    .n_exits = MER_CLI_COUNT_OF(EXITS),
    .failures = MER_CLI_ALWAYS_POSSIBLE | MER_CLI_CAN_FAIL(MER_ERR_NO_INPUT) |
                MER_CLI_CAN_FAIL(MER_ERR_DATA),
    .arguments_size = sizeof(struct audit_arguments),
    .run = run_audit,
};
