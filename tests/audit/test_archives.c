/* Archives and what is compressed: what two readers could see differently is told, and what lies
 * inside is looked into.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit_folder.h"

static void every_hostile_archive_is_found(void **state)
{
    (void)state;
    hostile_files_are_found("archives");
}

static void archives_of_plain_data_are_clean(void **state)
{
    static const char *const names[] = {"npy",        "npz", "pytorch",     "zip",
                                        "compressed", "tar", "pytorch-tar", NULL};
    (void)state;
    real_files_are_clean("archives", names);
}

static void archives_may_end_anywhere(void **state)
{
    (void)state;
    cut_files_are_read("archives", 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hostile_archive_is_found),
        cmocka_unit_test(archives_of_plain_data_are_clean),
        cmocka_unit_test(archives_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
