/* "Did you mean ...?" */
#include "core/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static size_t distance(const char *a, const char *b)
{
    return mer_edit_distance(a, strlen(a), b, strlen(b));
}

static void an_edit_inserts_deletes_replaces_or_swaps(void **state)
{
    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("abc", ""), 3);
    assert_int_equal(distance("abc", "abc"), 0);
    assert_int_equal(distance("abc", "abd"), 1);
    assert_int_equal(distance("abc", "abcd"), 1);
    assert_int_equal(distance("abcd", "abd"), 1);
    assert_int_equal(distance("abcd", "acbd"), 1); /* a swap is one edit */
    assert_int_equal(distance("kitten", "sitting"), 3);
    assert_int_equal(distance("ca", "abc"), 3); /* no edit between swapped ones */
    assert_int_equal(distance("Target", "tARGET"), 0);
}

static void long_names_are_compared_by_their_beginning(void **state)
{
    (void)state;
    char a[300], b[300];
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    b[250] = 'y';
    assert_int_equal(mer_edit_distance(a, sizeof a, b, sizeof b), 0);
    b[50] = 'y';
    assert_int_equal(mer_edit_distance(a, sizeof a, b, sizeof b), 1);
}

static const char *nearest_of(const char *wanted, const char *const *names, size_t n)
{
    struct mer_nearest nearest;
    mer_nearest_init(&nearest, wanted, strlen(wanted));
    for (size_t i = 0; i < n; i++)
        mer_nearest_offer(&nearest, names[i], strlen(names[i]));
    return nearest.name;
}

static void the_nearest_name_wins_and_the_first_of_equals(void **state)
{
    (void)state;
    static const char *const names[] = {"predict", "score", "inspect", "sign"};
    assert_string_equal(nearest_of("inspct", names, 4), "inspect");
    assert_string_equal(nearest_of("predcit", names, 4), "predict");
    assert_string_equal(nearest_of("sigh", names, 4), "sign");
    static const char *const equals[] = {"cat", "car"};
    assert_string_equal(nearest_of("cap", equals, 2), "cat");
}

static void what_is_far_from_all_names_gets_none(void **state)
{
    (void)state;
    static const char *const names[] = {"predict", "score", "inspect", "sign"};
    assert_null(nearest_of("banana", names, 4));
    assert_null(nearest_of("x", names, 4));
    assert_null(nearest_of("", names, 4));
    assert_null(nearest_of("predict", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_inserts_deletes_replaces_or_swaps),
        cmocka_unit_test(long_names_are_compared_by_their_beginning),
        cmocka_unit_test(the_nearest_name_wins_and_the_first_of_equals),
        cmocka_unit_test(what_is_far_from_all_names_gets_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
