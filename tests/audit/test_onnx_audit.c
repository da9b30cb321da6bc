/* ONNX models: what a runtime would read beside the file or needs foreign code for is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"

static void every_hostile_model_is_found(void **state)
{
    (void)state;
    hostile_files_are_found("onnx");
}

static void models_of_standard_operators_are_clean(void **state)
{
    static const char *const names[] = {"onnx", NULL};
    (void)state;
    real_files_are_clean("onnx", names);
}

static void models_may_end_anywhere(void **state)
{
    (void)state;
    cut_files_are_read("onnx", 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_model_is_found),
        cmocka_unit_test(models_of_standard_operators_are_clean),
        cmocka_unit_test(models_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
