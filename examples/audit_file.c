/* Looks into a pickle that somebody sent, without loading it.
 *
 *     audit_file FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    /* Unpickling this would call os.system. */
    static const char pickle[] = "cos\nsystem\n(S'echo'\ntR.";
    const char *const folder = argc > 1 ? argv[1] : ".";
    struct mer_context *context;
    struct mer_audited *audited;
    struct mer_audited_file file;
    struct mer_audited_finding finding;
    char path[4096];
    mer_err err;

    FILE *const stream = fopen(path_in(folder, "audit_file.pkl", path), "w");
    if (!stream || fputs(pickle, stream) < 0 || fclose(stream) != 0)
        return 74;
    check(mer_context_new(NULL, &context, &err), &err);
    check(mer_audit(context, path, &audited, &err), &err);
    for (size_t i = 0; mer_audited_get_file(audited, i, &file); i++) {
        printf("%s: %s\n", file.path, file.title);
        for (size_t k = 0; mer_audited_get_finding(audited, i, k, &finding); k++)
            printf("  %s: %s (%s)\n", finding.level, finding.detail, finding.what);
    }
    const enum mer_audit_result result = mer_audited_result(audited);
    mer_audited_free(audited);
    mer_context_free(context);
    return result == MER_AUDIT_RESULT_FOUND ? 0 : 1;
}
