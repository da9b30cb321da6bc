/* Real files of formats that are recognised and not looked into: GGUF, HDF5 as Keras and others
 * write it, TorchScript, UBJSON. Nobody is told that they are clean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "audit/audit_format.h"
#include "audit_folder.h"

static void what_is_not_looked_into_is_recognised_and_doubted(void **state)
{
    (void)state;
    recognised_files_are_doubted();
}

static void every_format_has_words_and_any_other_number_is_unknown(void **state)
{
    (void)state;
    for (unsigned format = 0; format < MER_AUDIT_N_FORMATS; format++) {
        assert_true(mer_audit_format_title(format)[0] && mer_audit_format_loader(format)[0]);
        assert_string_not_equal(mer_audit_format_name(format), "unknown");
    }
    assert_string_equal(mer_audit_format_name(UINT32_MAX), "unknown");
    assert_string_equal(mer_audit_format_loader(MER_AUDIT_N_FORMATS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_looked_into_is_recognised_and_doubted),
        cmocka_unit_test(every_format_has_words_and_any_other_number_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
