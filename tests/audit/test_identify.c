/* Real files of formats that are recognised and not looked into: GGUF, HDF5 as Keras and others
 * write it, TorchScript, UBJSON. Nobody is told that they are clean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit_folder.h"

static void what_is_not_looked_into_is_recognised_and_doubted(void **state)
{
    (void)state;
    recognised_files_are_doubted();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_looked_into_is_recognised_and_doubted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
