/* safetensors: every rule that a file breaks is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"

static void every_broken_rule_is_found(void **state)
{
    (void)state;
    hostile_files_are_found("safetensors");
}

static void files_that_keep_the_rules_are_clean(void **state)
{
    static const char *const names[] = {"safetensors", NULL};
    (void)state;
    real_files_are_clean("safetensors", names);
}

static void files_may_end_anywhere(void **state)
{
    (void)state;
    cut_files_are_read("safetensors", 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_broken_rule_is_found),
        cmocka_unit_test(files_that_keep_the_rules_are_clean),
        cmocka_unit_test(files_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
