/* MXNet symbols and parameters: operators that call what the file names, and sizes that are lies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"
#include "os/file.h"

#define VECTORS MER_SOURCE_DIR "/../shared/vectors/mxnet/"

static void every_hostile_file_is_found(void **state)
{
    (void)state;
    hostile_files_are_found("mxnet");
}

static void symbols_that_only_compute_and_sound_arrays_are_clean(void **state)
{
    static const char *const names[] = {"mxnet-symbol", "mxnet-params", NULL};
    (void)state;
    real_files_are_clean("mxnet", names);
}

static void files_may_end_anywhere(void **state)
{
    (void)state;
    cut_files_are_read("mxnet", 700);
}

/* Files out of MXNet's own tests, where they are at hand. */
static void files_that_mxnet_wrote_are_clean(void **state)
{
    static const char *const files[] = {
        VECTORS "det1-0001.params", VECTORS "det1-symbol.json", VECTORS "legacy_ndarray.v0",
        VECTORS "model_1.2.0.json", VECTORS "save_000800.json",
    };
    (void)state;
    if (!mer_file_exists(files[0])) {
        print_message("skipped: there is no folder " VECTORS "\n");
        skip();
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct mer_alloc alloc;
        struct mer_file_bytes file;
        mer_alloc_init(&alloc, SIZE_MAX);
        assert_true(mer_is_ok(mer_file_read(&alloc, files[i], SIZE_MAX, &file, NULL)));
        assert_int_equal(mer_audit_worst(audit_bytes(file.bytes, file.n)), MER_AUDIT_NOTE);
        mer_file_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_file_is_found),
        cmocka_unit_test(symbols_that_only_compute_and_sound_arrays_are_clean),
        cmocka_unit_test(files_may_end_anywhere),
        cmocka_unit_test(files_that_mxnet_wrote_are_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
