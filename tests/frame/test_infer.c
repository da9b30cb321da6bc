/* Which types cells leave possible, and where categorical ends and text begins. */
#include "frame/infer.h"

#include "core/number.h"
#include "reading.h"

static unsigned candidates_of(const char *text)
{
    return mer_infer_narrow(MER_MAY_ANY, text, strlen(text));
}

static void cells_leave_their_types(void **state)
{
    (void)state;
    const unsigned integer = MER_MAY(MER_TYPE_INTEGER) | MER_MAY(MER_TYPE_NUMBER);
    const unsigned number = MER_MAY(MER_TYPE_NUMBER);
    static const char *const integers[] = {
        "0", "-0", "+7", "10", "9223372036854775807", "-9223372036854775808"};
    static const char *const numbers[] = {"0.0",
                                          "-.5",
                                          "5.",
                                          "1e5",
                                          "1E+05",
                                          "1.5e-300",
                                          "inf",
                                          "INF",
                                          "-Inf",
                                          "+infinity",
                                          "9223372036854775808",
                                          "123456789012345678901234567890",
                                          "1e999"};
    static const char *const texts[] = {
        "",      "-",    "+",  ".",    "e5",   "1e",  "1e+",   "1.2.3", "00",        "01",
        "-01",   "0x1",  "1 ", " 1",   "1,5",  "nan", "NaN",   "infi",  "in",        "--1",
        "1_000", "1e5x", "١",  "0.5.", "tRue", "yes", "-00.5", "1-1",   "infinity1", "12e3.4"};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        assert_int_equal(candidates_of(integers[i]), integer);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        assert_int_equal(candidates_of(numbers[i]), number);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (candidates_of(texts[i]) != 0)
            fail_msg("'%s' is no text", texts[i]);
    assert_int_equal(candidates_of("TRUE"), MER_MAY(MER_TYPE_BOOLEAN));
    assert_int_equal(candidates_of("2020-01-01"), MER_MAY(MER_TYPE_DATE));
    assert_int_equal(candidates_of("20:01"), MER_MAY(MER_TYPE_TIME));
    assert_int_equal(candidates_of("2020-01-01T20:01"), MER_MAY(MER_TYPE_DATETIME));
}

/* Whatever is taken for a number can be converted. */
static void what_looks_like_a_number_can_be_read_as_one(void **state)
{
    (void)state;
    static const char alphabet[] = "0123.eE+-iInNfFaA";
    size_t n_numbers = 0;
    for (unsigned i = 0; i < 2000000; i++) {
        const size_t n = i % 9;
        char *text = malloc(n + (n == 0));
        unsigned x = i * 2654435761u;
        for (size_t k = 0; k < n; k++, x = x * 1664525u + 1013904223u)
            text[k] = alphabet[(x >> 16) % (sizeof alphabet - 1)];
        const unsigned found = mer_infer_narrow(MER_MAY_ANY, text, n);
        double number;
        int64_t integer;
        if (found & MER_MAY(MER_TYPE_NUMBER)) {
            assert_true(mer_number_parse(text, n, true, &number));
            assert_true(number == number);
            n_numbers++;
        }
        if (found & MER_MAY(MER_TYPE_INTEGER))
            assert_true(mer_integer_parse(text, n, &integer));
        free(text);
    }
    assert_true(n_numbers > 20000);
}

/* A table of one column of texts and one of numbers: n rows, n_levels levels of some length. */
static enum mer_type type_of(size_t n_rows, size_t n_levels, size_t length)
{
    struct reading reading;
    reading_init(&reading);
    char *text = malloc(32 + n_rows * (length + 16));
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (size_t i = 0; i < n_rows; i++)
        n += (size_t)sprintf(text + n, "v%0*zu,1\n", (int)length - 1, i % n_levels);
    assert_int_equal(reading_csv(&reading, text, n), MER_OK);
    free(text);
    const enum mer_type type = reading.frame.columns[0].type;
    if (type == MER_TYPE_CATEGORICAL)
        assert_int_equal(reading.frame.columns[0].n_levels, n_levels);
    reading_end(&reading);
    return type;
}

static void many_distinct_texts_are_text(void **state)
{
    (void)state;
    assert_int_equal(type_of(50, 50, 8), MER_TYPE_CATEGORICAL);
    assert_int_equal(type_of(51, 51, 8), MER_TYPE_TEXT);
    assert_int_equal(type_of(102, 51, 8), MER_TYPE_CATEGORICAL);
    assert_int_equal(type_of(101, 51, 8), MER_TYPE_TEXT);
    assert_int_equal(type_of(1000, 51, 63), MER_TYPE_CATEGORICAL);
    assert_int_equal(type_of(1000, 51, 64), MER_TYPE_TEXT);
    assert_int_equal(type_of(1000, 50, 64), MER_TYPE_CATEGORICAL);
    assert_int_equal(type_of(300000, MER_INFER_MAX_LEVELS, 8), MER_TYPE_CATEGORICAL);
    assert_int_equal(type_of(300003, MER_INFER_MAX_LEVELS + 1, 8), MER_TYPE_TEXT);
}

static void a_million_categories_end_as_text(void **state)
{
    (void)state;
    assert_int_equal(type_of(1000000, 1000000, 8), MER_TYPE_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_leave_their_types),
        cmocka_unit_test(what_looks_like_a_number_can_be_read_as_one),
        cmocka_unit_test(many_distinct_texts_are_text),
        cmocka_unit_test(a_million_categories_end_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
