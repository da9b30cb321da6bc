/* Memory that runs out: what could not be looked at is never clean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"

static void no_file_is_clean_when_an_allocation_failed(void **state)
{
    /* The readers of MXNet allocate nothing. */
    static const char *const formats[] = {"archives", "lightgbm",    "onnx",
                                          "pickle",   "safetensors", "xgboost"};
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        failed_allocations_are_doubts(formats[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file_is_clean_when_an_allocation_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
