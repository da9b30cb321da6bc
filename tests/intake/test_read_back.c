/* Workbooks and databases that other programs wrote are what those programs read back: every file
 * of a folder beside which a NAME.txt says what it holds. The folder is the argument, else the
 * golden files, which make_read_back.py wrote. */
#include <dirent.h>

#include "intake_table.h"

#include "frame/reading.h"

static const char *folder = GOLDEN;

static void compare(const char *name)
{
    struct intake intake;
    char path[4096];
    size_t n;
    (void)snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    char *expected = reading_file(path, &n);
    if (!expected)
        return;
    expected[n] = '\0';
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    intake_init(&intake);
    intake_read_file(&intake, path);
    char *shown = reading_show(&intake.frame);
    size_t at = 0;
    while (shown[at] && shown[at] == expected[at])
        at++;
    if (shown[at] != expected[at])
        fail_msg("%s: %.60s, not %.60s", name, shown + (at < 20 ? 0 : at - 20),
                 expected + (at < 20 ? 0 : at - 20));
    free(shown);
    free(expected);
    intake_end(&intake);
}

static void files_are_what_other_programs_read_in_them(void **state)
{
    (void)state;
    size_t n = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (strstr(entry->d_name, ".xlsx.txt") || strstr(entry->d_name, ".sqlite.txt")) {
            entry->d_name[strlen(entry->d_name) - 4] = '\0';
            compare(entry->d_name);
            n++;
        }
    }
    (void)closedir(listing);
    assert_int_equal(n, 6);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_what_other_programs_read_in_them),
    };
    if (argc > 1)
        folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
