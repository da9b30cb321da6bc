/* Audits as C programs ask for them: files, folders, what stands in them, and what cannot be read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "merlon/merlon.h"
#include "os/temporary_folder.h"

static const char EVIL[] = "cos\nsystem\n(S'echo'\ntR.";
static const char PLAIN[] = "\x80\x02K\x01.";

static struct mer_context *context;
static mer_err err;
static size_t used_before;

static int open_context(void **state)
{
    const struct mer_context_options options = {.size = sizeof options,
                                                .cell_program = MER_BINARY_DIR "/merlon-cell"};
    if (make_temporary_folder(state) != 0 ||
        mer_context_new(&options, &context, &err).code != MER_OK)
        return -1;
    used_before = mer_context_used_bytes(context);
    return 0;
}

static int close_context(void **state)
{
    const size_t used = mer_context_used_bytes(context);
    mer_context_free(context);
    return remove_temporary_folder(state) == 0 && used == used_before ? 0 : -1;
}

static void put(const char *path, const char *bytes, size_t n)
{
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static struct mer_audited *audit(const char *path)
{
    struct mer_audited *audited;
    if (mer_audit(context, path, &audited, &err).code != MER_OK)
        fail_msg("%s", err.message);
    return audited;
}

static bool has(const struct mer_audited *audited, size_t file, const char *kind)
{
    struct mer_audited_finding finding;
    for (size_t i = 0; mer_audited_get_finding(audited, file, i, &finding); i++)
        if (strcmp(finding.kind, kind) == 0)
            return true;
    return false;
}

static void a_file_tells_what_it_would_do(void **state)
{
    struct mer_audited_file file;
    const char *const path = path_in(*state, "evil.pkl");
    put(path, EVIL, sizeof EVIL - 1);
    struct mer_audited *const audited = audit(path);
    assert_int_equal(mer_audited_result(audited), MER_AUDIT_RESULT_FOUND);
    assert_int_equal(mer_audited_files(audited), 1);
    assert_true(mer_audited_get_file(audited, 0, &file));
    assert_string_equal(file.format, "pickle");
    assert_int_equal(strlen(file.digest), 64);
    assert_int_equal(file.n_bytes, sizeof EVIL - 1);
    assert_true(has(audited, 0, "pickle-call"));
    assert_false(mer_audited_get_file(audited, 1, &file));
    mer_audited_free(audited);
}

static void a_name_that_promises_something_else_is_found(void **state)
{
    const char *const path = path_in(*state, "Weights.SafeTensors");
    put(path, PLAIN, sizeof PLAIN - 1);
    struct mer_audited *const audited = audit(path);
    assert_true(has(audited, 0, "wrong-name"));
    mer_audited_free(audited);
}

static void a_folder_is_as_bad_as_its_worst_file(void **state)
{
    struct mer_audited *audited;
    put(path_in(*state, "a.pkl"), PLAIN, sizeof PLAIN - 1);
    assert_int_equal(mkdir(path_in(*state, "inner"), 0700), 0);
    assert_int_equal(symlink("/", path_in(*state, "inner/root")), 0);
    const struct temporary_folder *const folder = *state;
    audited = audit(folder->path);
    assert_int_equal(mer_audited_result(audited), MER_AUDIT_RESULT_CLEAN);
    assert_int_equal(mer_audited_files(audited), 2);
    assert_true(has(audited, 1, "link"));
    mer_audited_free(audited);

    put(path_in(*state, "inner/b.bin"), "gibberish", 9);
    audited = audit(folder->path);
    assert_int_equal(mer_audited_result(audited), MER_AUDIT_RESULT_UNSURE);
    mer_audited_free(audited);

    assert_int_equal(mkfifo(path_in(*state, "pipe"), 0600), 0);
    put(path_in(*state, "inner/c.pkl"), EVIL, sizeof EVIL - 1);
    audited = audit(folder->path);
    assert_int_equal(mer_audited_result(audited), MER_AUDIT_RESULT_FOUND);
    assert_true(has(audited, 4, "unreadable"));
    mer_audited_free(audited);
}

/* Some 100 MB of nothing: mapped, not copied. */
static void a_large_file_is_read_where_it_lies(void **state)
{
    struct mer_audited_file file;
    const char *const path = path_in(*state, "large.pkl");
    put(path, EVIL, sizeof EVIL - 1);
    assert_int_equal(truncate(path, 100 << 20), 0);
    struct mer_audited *const audited = audit(path);
    assert_true(mer_audited_get_file(audited, 0, &file));
    assert_int_equal(file.n_bytes, 100 << 20);
    assert_true(has(audited, 0, "pickle-call") && has(audited, 0, "trailing-data"));
    mer_audited_free(audited);
}

static void the_json_is_json_whatever_the_names(void **state)
{
    struct mer_alloc alloc;
    struct mer_json_document *document;
    char *json;
    put(path_in(*state, "a\xff\n\"b.pkl"), EVIL, sizeof EVIL - 1);
    const struct temporary_folder *const folder = *state;
    struct mer_audited *const audited = audit(folder->path);
    assert_int_equal(mer_audited_json(audited, &json, &err).code, MER_OK);
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_json_parse(&alloc, json, strlen(json), &MER_JSON_DEFAULT_LIMITS, "audit",
                                    &document, &err)
                         .code,
                     MER_OK);
    const struct mer_json *const root = mer_json_root(document);
    assert_string_equal(mer_json_string(mer_json_get(root, "result"), NULL), "found");
    assert_int_equal(mer_json_size(mer_json_get(root, "files")), 1);
    mer_json_free(document);
    mer_text_free(json);
    mer_audited_free(audited);
}

static void what_is_not_there_is_an_error(void **state)
{
    struct mer_audited *audited;
    assert_int_equal(mer_audit(context, path_in(*state, "nothing"), &audited, &err).code,
                     MER_ERR_NO_INPUT);
    mer_audited_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_context, close_context)
    const struct CMUnitTest tests[] = {
        TEST(a_file_tells_what_it_would_do),
        TEST(a_name_that_promises_something_else_is_found),
        TEST(a_folder_is_as_bad_as_its_worst_file),
        TEST(a_large_file_is_read_where_it_lies),
        TEST(the_json_is_json_whatever_the_names),
        TEST(what_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
