#include "core/json.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "every_failure.h"

static struct mer_alloc alloc = {.budget = SIZE_MAX};

static mer_status parse_n(const char *text, size_t n, const struct mer_json_limits *limits,
                          struct mer_json_document **ret, mer_err *err)
{
    /* In memory of exactly that size, so that a sanitizer sees reading too far. */
    char *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, text, n);
    const mer_status status = mer_json_parse(&alloc, exact, n, limits, "test file", ret, err);
    free(exact);
    return status;
}

static struct mer_json_document *parse(const char *text)
{
    struct mer_json_document *document = NULL;
    mer_err err = {0};
    if (!mer_is_ok(parse_n(text, strlen(text), &MER_JSON_DEFAULT_LIMITS, &document, &err)))
        fail_msg("%s", err.message);
    return document;
}

static mer_err parse_fails(const char *text, size_t n)
{
    struct mer_json_document *document = NULL;
    mer_err err = {0};
    assert_int_equal(parse_n(text, n, &MER_JSON_DEFAULT_LIMITS, &document, &err).code,
                     MER_ERR_DATA);
    assert_null(document);
    assert_int_equal(alloc.used, 0);
    return err;
}

static void values_come_back_with_their_types(void **state)
{
    (void)state;
    struct mer_json_document *document = parse(
        " {\"s\":\"a\\u00fc\\n\", \"i\":-17, \"d\":2.5, \"b\":true, \"n\":null,\"a\":[1,[],{}]}");
    const struct mer_json *root = mer_json_root(document);
    size_t n = 0;
    int64_t integer = 0;
    double number = 0.0;
    bool boolean = false;
    assert_int_equal(mer_json_type(root), MER_JSON_OBJECT);
    assert_int_equal(mer_json_size(root), 6);
    assert_string_equal(mer_json_string(mer_json_get(root, "s"), &n), "a\xc3\xbc\n");
    assert_int_equal(n, 4);
    assert_true(mer_json_integer(mer_json_get(root, "i"), &integer) && integer == -17);
    assert_true(mer_json_number(mer_json_get(root, "i"), &number) && number == -17.0);
    assert_false(mer_json_integer(mer_json_get(root, "d"), &integer));
    assert_true(mer_json_number(mer_json_get(root, "d"), &number) && number == 2.5);
    assert_true(mer_json_boolean(mer_json_get(root, "b"), &boolean) && boolean);
    assert_int_equal(mer_json_type(mer_json_get(root, "n")), MER_JSON_NULL);
    const struct mer_json *array = mer_json_get(root, "a");
    assert_int_equal(mer_json_size(array), 3);
    assert_int_equal(mer_json_type(mer_json_at(array, 1)), MER_JSON_ARRAY);
    assert_int_equal(mer_json_type(mer_json_at(array, 2)), MER_JSON_OBJECT);
    assert_null(mer_json_at(array, 3));
    assert_null(mer_json_at(root, 0));
    assert_null(mer_json_get(array, "s"));
    assert_null(mer_json_get(root, "absent"));
    mer_json_free(document);
    assert_int_equal(alloc.used, 0);
}

static void what_is_absent_is_null_everywhere(void **state)
{
    (void)state;
    const char *key = "untouched";
    const struct mer_json *value = NULL;
    int64_t integer = 5;
    double number = 5;
    bool boolean = true;
    assert_int_equal(mer_json_type(NULL), MER_JSON_NULL);
    assert_int_equal(mer_json_size(NULL), 0);
    assert_null(mer_json_get(NULL, "x"));
    assert_null(mer_json_at(NULL, 0));
    assert_null(mer_json_string(NULL, NULL));
    assert_null(mer_json_root(NULL));
    assert_false(mer_json_member(NULL, 0, &key, &value));
    assert_false(mer_json_integer(NULL, &integer));
    assert_false(mer_json_number(NULL, &number));
    assert_false(mer_json_boolean(NULL, &boolean));
    assert_string_equal(key, "untouched");
    mer_json_free(NULL);
}

static void members_keep_the_order_of_the_document(void **state)
{
    (void)state;
    enum { N = 1000 };
    char *text = malloc(N * 32);
    size_t n = 0;
    n += (size_t)sprintf(text, "{");
    for (unsigned i = 0; i < N; i++)
        n += (size_t)sprintf(text + n, "%s\"k%u\":%u", i ? "," : "", i * 7919 % N, i);
    memcpy(text + n, "}", 2);
    struct mer_json_document *document = parse(text);
    const struct mer_json *root = mer_json_root(document);
    char expected[16];
    const char *key = NULL;
    const struct mer_json *value = NULL;
    for (unsigned i = 0; i < N; i++) {
        int64_t number = -1;
        assert_true(mer_json_member(root, i, &key, &value));
        (void)snprintf(expected, sizeof expected, "k%u", i * 7919 % N);
        assert_string_equal(key, expected);
        assert_true(mer_json_integer(value, &number) && number == i);
        assert_ptr_equal(mer_json_get(root, expected), value);
    }
    assert_false(mer_json_member(root, N, &key, &value));
    assert_null(mer_json_get(root, "k"));
    mer_json_free(document);
    free(text);
}

static double number_in(const char *text, enum mer_json_type type)
{
    struct mer_json_document *document = parse(text);
    double value = 0.0;
    assert_int_equal(mer_json_type(mer_json_root(document)), type);
    assert_true(mer_json_number(mer_json_root(document), &value));
    mer_json_free(document);
    return value;
}

static void numbers_are_exact(void **state)
{
    (void)state;
    struct mer_json_document *document = parse("[9223372036854775807,-9223372036854775808]");
    int64_t largest = 0;
    int64_t smallest = 0;
    assert_true(mer_json_integer(mer_json_at(mer_json_root(document), 0), &largest));
    assert_true(mer_json_integer(mer_json_at(mer_json_root(document), 1), &smallest));
    assert_true(largest == INT64_MAX && smallest == INT64_MIN);
    mer_json_free(document);
    assert_true(number_in("0.1", MER_JSON_NUMBER) == 0.1);
    assert_true(number_in("1e2", MER_JSON_NUMBER) == 100.0);
    assert_true(number_in("9007199254740993.0", MER_JSON_NUMBER) == 9007199254740992.0);
    assert_true(number_in("1e-400", MER_JSON_NUMBER) == 0.0);
}

static void integers_beyond_int64_become_numbers(void **state)
{
    (void)state;
    assert_true(number_in("9223372036854775808", MER_JSON_NUMBER) == 0x1p63);
    assert_true(number_in("-9223372036854775809", MER_JSON_NUMBER) == -0x1p63);
    assert_true(number_in("100000000000000000000", MER_JSON_NUMBER) == 1e20);
    /* What stands beside it stays what it was: other integers, strings that look like numbers. */
    struct mer_json_document *document =
        parse("[9223372036854775807,18446744073709551615,\"99999999999999999999\\\"\",7]");
    const struct mer_json *root = mer_json_root(document);
    int64_t integer = 0;
    assert_true(mer_json_integer(mer_json_at(root, 0), &integer) && integer == INT64_MAX);
    assert_int_equal(mer_json_type(mer_json_at(root, 1)), MER_JSON_NUMBER);
    assert_string_equal(mer_json_string(mer_json_at(root, 2), NULL), "99999999999999999999\"");
    assert_true(mer_json_integer(mer_json_at(root, 3), &integer) && integer == 7);
    mer_json_free(document);
    (void)parse_fails("012345678901234567890", 21);
    (void)parse_fails("99999999999999999999999 9", 25);
    (void)parse_fails("1e999", 5);
}

static void errors_say_where_and_never_quote_the_document(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "ends too early"},
        {"{\"canary\":1,\n\"canary\":2}", "a key is repeated (line 2"},
        {"[\"canary\",\n canary]", "the syntax is wrong (line 2"},
        {"[\"canary\"", "ends too early"},
        {"[1] canary", "something follows after its end (line 1"},
        {"[\"canary\\u0000\"]", "NUL"},
        {"{\"canary\\u0000\":1}", "NUL"},
        {"[\"canary\xff\"]", "UTF-8"},
        {"[1e999]", "too large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const mer_err err = parse_fails(cases[i].text, strlen(cases[i].text));
        if (!strstr(err.message, cases[i].reason))
            fail_msg("case %zu: %s", i, err.message);
        assert_non_null(strstr(err.message, "test file"));
        assert_null(strstr(err.message, "canary"));
    }
    (void)parse_fails("[\"a\0b\"]", 7);
    (void)parse_fails("\0", 1);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct mer_json_document *document = NULL;
    const struct mer_json_limits tight = {.max_bytes = 10, .max_depth = 3};
    const struct mer_json_limits deep = {.max_bytes = 1000000, .max_depth = SIZE_MAX};
    assert_int_equal(parse_n("[[[1,2]]] ", 10, &tight, &document, NULL).code, MER_OK);
    mer_json_free(document);
    document = NULL;
    assert_int_equal(parse_n("[[[1,2]]]  ", 11, &tight, &document, NULL).code, MER_ERR_DATA);
    assert_int_equal(parse_n("[[[[]]]]", 8, &tight, &document, NULL).code, MER_ERR_DATA);
    assert_int_equal(parse_n("\"[[[[\\\"\"", 8, &tight, &document, NULL).code, MER_OK);
    mer_json_free(document);
    document = NULL;

    char *nested = malloc(400000);
    for (size_t depth = 999; depth <= 1001; depth++) {
        memset(nested, '[', depth);
        memset(nested + depth, ']', depth);
        const mer_status status = parse_n(nested, 2 * depth, &deep, &document, NULL);
        assert_int_equal(status.code, depth <= 1000 ? MER_OK : MER_ERR_DATA);
        if (mer_is_ok(status))
            mer_json_free(document);
    }
    memset(nested, '[', 400000);
    document = NULL;
    assert_int_equal(parse_n(nested, 400000, &deep, &document, NULL).code, MER_ERR_DATA);
    assert_null(document);
    free(nested);
}

static void a_small_budget_refuses_what_would_need_much_memory(void **state)
{
    (void)state;
    struct mer_alloc small;
    struct mer_json_document *document = NULL;
    enum { N = 300000 };
    char *text = malloc(N);
    mer_alloc_init(&small, 4 << 20);
    for (size_t i = 0; i + 3 <= N; i += 3)
        memcpy(text + i, "{},", 3);
    text[0] = '[';
    text[1] = '1';
    text[N - 1] = ']';
    assert_int_equal(
        mer_json_parse(&small, text, N, &MER_JSON_DEFAULT_LIMITS, "x", &document, NULL).code,
        MER_ERR_MEMORY);
    assert_int_equal(small.used, 0);
    small.budget = SIZE_MAX;
    assert_int_equal(
        mer_json_parse(&small, text, N, &MER_JSON_DEFAULT_LIMITS, "x", &document, NULL).code,
        MER_OK);
    assert_int_equal(mer_json_size(mer_json_root(document)), N / 3);
    mer_json_free(document);
    free(text);
}

static void wanted_members_are_checked(void **state)
{
    (void)state;
    struct mer_json_document *document = parse("{\"s\":\"x\",\"i\":5,\"d\":1.5,\"a\":[],\"o\":{}}");
    const struct mer_json *root = mer_json_root(document);
    const struct mer_json *value = NULL;
    const char *text = NULL;
    int64_t integer = 0;
    double number = 0.0;
    mer_err err;
    assert_int_equal(mer_json_want_string(root, "s", "file", &text, NULL).code, MER_OK);
    assert_string_equal(text, "x");
    assert_int_equal(mer_json_want_integer(root, "i", 0, 5, "file", &integer, NULL).code, MER_OK);
    assert_int_equal(integer, 5);
    assert_int_equal(mer_json_want_number(root, "i", "file", &number, NULL).code, MER_OK);
    assert_int_equal(mer_json_want_number(root, "d", "file", &number, NULL).code, MER_OK);
    assert_true(number == 1.5);
    assert_int_equal(mer_json_want_array(root, "a", "file", &value, NULL).code, MER_OK);
    assert_int_equal(mer_json_want_object(root, "o", "file", &value, NULL).code, MER_OK);

    assert_int_equal(mer_json_want_string(root, "i", "file", &text, &err).code, MER_ERR_DATA);
    assert_string_equal(err.message, "in the file \"i\" must be a string");
    assert_int_equal(mer_json_want_string(root, "z", "file", &text, &err).code, MER_ERR_DATA);
    assert_string_equal(err.message, "the file has no \"z\"");
    assert_int_equal(mer_json_want_integer(root, "i", 6, 9, "file", &integer, NULL).code,
                     MER_ERR_DATA);
    assert_int_equal(mer_json_want_integer(root, "d", 0, 9, "file", &integer, NULL).code,
                     MER_ERR_DATA);
    assert_int_equal(mer_json_want_number(root, "s", "file", &number, NULL).code, MER_ERR_DATA);
    assert_int_equal(mer_json_want_array(root, "o", "file", &value, NULL).code, MER_ERR_DATA);
    assert_int_equal(mer_json_want_object(root, "a", "file", &value, NULL).code, MER_ERR_DATA);
    assert_int_equal(mer_json_want_object(NULL, "a", "file", &value, NULL).code, MER_ERR_DATA);
    mer_json_free(document);
}

static mer_status parse_something(struct mer_alloc *test_alloc, mer_err *err)
{
    static const char text[] =
        "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":99999999999999999999,\"e\":{\"0\":0,"
        "\"1\":1,\"2\":2,\"3\":3,\"4\":4,\"5\":5,\"6\":6,\"7\":7,\"8\":8}}";
    struct mer_json_document *document;
    const mer_status status = mer_json_parse(test_alloc, text, sizeof text - 1,
                                             &MER_JSON_DEFAULT_LIMITS, "test", &document, err);
    if (mer_is_ok(status))
        mer_json_free(document);
    return status;
}

static void every_failing_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    mer_test_every_failure(parse_something);
}

static size_t read_vector(const char *folder, const char *name, char *bytes, size_t max)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, max, file);
    assert_true(n < max);
    (void)fclose(file);
    return n;
}

/* y_ documents that are refused on purpose. */
static bool is_refused_on_purpose(const char *name)
{
    static const char *const names[] = {
        "y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json",
        "y_object_escaped_null_in_key.json", "y_string_null_escape.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void the_json_test_suite_is_judged_as_it_should_be(void **state)
{
    (void)state;
    static const char folder[] = MER_SOURCE_DIR "/../shared/vectors/json";
    enum { MAX = 1 << 20 };
    DIR *entries = opendir(folder);
    if (!entries) {
        print_message("skipped: the test vectors are not on this machine\n");
        skip();
        return;
    }
    char *bytes = malloc(MAX);
    unsigned counts[3] = {0};
    const struct dirent *entry;
    while ((entry = readdir(entries))) {
        const char *name = entry->d_name;
        if (!strstr(name, ".json"))
            continue;
        struct mer_json_document *document = NULL;
        const size_t n = read_vector(folder, name, bytes, MAX);
        const mer_status status = parse_n(bytes, n, &MER_JSON_DEFAULT_LIMITS, &document, NULL);
        const bool accepted = mer_is_ok(status);
        if (accepted)
            mer_json_free(document);
        if ((name[0] == 'n' && accepted) ||
            (name[0] == 'y' && accepted == is_refused_on_purpose(name)))
            fail_msg("%s was %s", name, accepted ? "accepted" : "refused");
        counts[name[0] == 'y' ? 0 : name[0] == 'n' ? 1 : 2]++;
    }
    (void)closedir(entries);
    free(bytes);
    print_message("%u to accept, %u to refuse, %u free\n", counts[0], counts[1], counts[2]);
    assert_true(counts[0] > 90 && counts[1] > 180);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_with_their_types),
        cmocka_unit_test(what_is_absent_is_null_everywhere),
        cmocka_unit_test(members_keep_the_order_of_the_document),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(integers_beyond_int64_become_numbers),
        cmocka_unit_test(errors_say_where_and_never_quote_the_document),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_small_budget_refuses_what_would_need_much_memory),
        cmocka_unit_test(wanted_members_are_checked),
        cmocka_unit_test(every_failing_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(the_json_test_suite_is_judged_as_it_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
