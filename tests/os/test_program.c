/* Helper programs are found beside the running one or where they were installed, and only when
 * nobody else can have put them there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "os/program.h"
#include "temporary_folder.h"

static const char *put_program(void **state, const char *name, mode_t mode)
{
    const char *path = path_in(*state, name);
    put_file(path, "#!/bin/true\n");
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static mer_status find(void **state, const char *name, char **ret_path, mer_err *err)
{
    const struct temporary_folder *const folder = *state;
    return mer_program_find(name, "nowhere", folder->path, ret_path, err);
}

static void it_is_found_beside_the_running_program_first(void **state)
{
    char *path;
    put_program(state, "test_os_program", 0755);
    assert_int_equal(find(state, "test_os_program", &path, NULL).code, MER_OK);
    assert_string_equal(path, MER_BINARY_DIR "/tests/os/test_os_program");
    free(path);
    assert_int_equal(mer_program_find("test_os_program", "../os", "/nowhere", &path, NULL).code,
                     MER_OK);
    free(path);
}

static void else_it_is_where_it_was_installed(void **state)
{
    char *path;
    const char *const there = put_program(state, "helper", 0755);
    assert_int_equal(find(state, "helper", &path, NULL).code, MER_OK);
    assert_string_equal(path, there);
    free(path);
}

static void one_that_others_can_change_is_refused(void **state)
{
    char *path = NULL;
    mer_err err;
    put_program(state, "helper", 0757);
    assert_int_equal(find(state, "helper", &path, &err).code, MER_ERR_TRUST);
    if (geteuid() != 0) {
        print_message("skipped: the rest needs root\n");
        skip();
    }
    const char *const there = put_program(state, "owned", 0755);
    assert_int_equal(chown(there, 65534, 65534), 0);
    assert_int_equal(find(state, "owned", &path, &err).code, MER_ERR_TRUST);
    assert_int_equal(chown(there, 0, 65534), 0);
    assert_int_equal(chmod(there, 0775), 0);
    assert_int_equal(find(state, "owned", &path, &err).code, MER_ERR_TRUST);
    assert_null(path);
}

static void what_is_no_program_is_not_there(void **state)
{
    char *path = NULL;
    mer_err err;
    assert_int_equal(find(state, "helper", &path, &err).code, MER_ERR_ABSENT);
    assert_non_null(strstr(err.message, "helper"));
    assert_int_equal(mkdir(path_in(*state, "folder"), 0755), 0);
    assert_int_equal(find(state, "folder", &path, &err).code, MER_ERR_ABSENT);
    put_program(state, "plain", 0644);
    assert_int_equal(find(state, "plain", &path, &err).code, MER_ERR_ABSENT);
    assert_null(path);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(name, make_temporary_folder, remove_temporary_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_found_beside_the_running_program_first),
        TEST(else_it_is_where_it_was_installed),
        TEST(one_that_others_can_change_is_refused),
        TEST(what_is_no_program_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
