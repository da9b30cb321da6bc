/* gzip: whole, in members, cut off, damaged, and too large. */
#include "frame/gunzip.h"

#include "reading.h"

static const char table[] = "name,value\nfirst,1\nsecond,2\nthird,3\nfirst,4\n";

static void a_compressed_table_is_the_table(void **state)
{
    (void)state;
    struct reading plain, zipped;
    size_t n;
    unsigned char *bytes = reading_gzip(table, strlen(table), &n);
    reading_init(&plain);
    reading_init(&zipped);
    assert_int_equal(reading_csv(&plain, table, SIZE_MAX), MER_OK);
    assert_int_equal(reading_csv(&zipped, bytes, n), MER_OK);
    assert_true(zipped.report.was_gzip);
    assert_false(plain.report.was_gzip);
    assert_int_equal(plain.frame.n_image, zipped.frame.n_image);
    assert_memory_equal(plain.frame.image, zipped.frame.image, plain.frame.n_image);
    free(bytes);
    reading_end(&plain);
    reading_end(&zipped);
}

static void members_follow_each_other(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    unsigned char *out;
    size_t n_first, n_second, n_empty, n_out;
    mer_alloc_init(&alloc, SIZE_MAX);
    unsigned char *first = reading_gzip(table, 20, &n_first);
    unsigned char *empty = reading_gzip("", 0, &n_empty);
    unsigned char *second = reading_gzip(table + 20, strlen(table) - 20, &n_second);
    unsigned char *all = malloc(n_first + n_empty + n_second + 1);
    memcpy(all, first, n_first);
    memcpy(all + n_first, empty, n_empty);
    memcpy(all + n_first + n_empty, second, n_second);
    const size_t n = n_first + n_empty + n_second;
    assert_int_equal(mer_gunzip(&ctx, all, n, &out, &n_out, NULL).code, MER_OK);
    assert_int_equal(n_out, strlen(table));
    assert_memory_equal(out, table, n_out);
    mer_free(&alloc, out);

    mer_err err;
    all[n] = 'x';
    assert_int_equal(mer_gunzip(&ctx, all, n + 1, &out, &n_out, &err).code, MER_ERR_DATA);
    assert_string_equal(err.message, "something else follows the gzip data");
    assert_int_equal(atomic_load(&alloc.used), 0);
    free(first);
    free(empty);
    free(second);
    free(all);
}

static void every_truncation_is_told(void **state)
{
    (void)state;
    size_t n;
    unsigned char *bytes = reading_gzip(table, strlen(table), &n);
    for (size_t cut = 2; cut < n; cut++) {
        struct reading reading;
        reading_init(&reading);
        unsigned char *piece = malloc(cut);
        memcpy(piece, bytes, cut);
        assert_int_equal(reading_csv(&reading, piece, cut), MER_ERR_DATA);
        assert_string_equal(reading.err.message, "the gzip data end too early");
        free(piece);
        reading_end(&reading);
    }
    free(bytes);
}

static void no_damage_changes_the_table(void **state)
{
    (void)state;
    size_t n;
    unsigned char *bytes = reading_gzip(table, strlen(table), &n);
    struct reading plain;
    reading_init(&plain);
    assert_int_equal(reading_csv(&plain, table, SIZE_MAX), MER_OK);
    size_t n_refused = 0;
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct reading reading;
        reading_init(&reading);
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << (bit % 8));
        /* Bits of the header (time, system) mean nothing; without the magic it is no text. */
        if (reading_csv(&reading, bytes, n) == MER_OK)
            assert_memory_equal(reading.frame.image, plain.frame.image, plain.frame.n_image);
        else
            n_refused++;
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << (bit % 8));
        reading_end(&reading);
    }
    assert_true(n_refused >= (n - 10) * 8);
    free(bytes);
    reading_end(&plain);
}

static void the_budget_bounds_what_grows(void **state)
{
    (void)state;
    enum { BIG = 32 << 20, BUDGET = 8 << 20 };
    char *zeros = calloc(1, BIG);
    size_t n;
    struct reading reading;
    unsigned char *bytes = reading_gzip(zeros, BIG, &n);
    free(zeros);
    assert_true(n < 64 << 10);
    reading_init(&reading);
    reading.alloc.budget = BUDGET;
    assert_int_equal(reading_csv(&reading, bytes, n), MER_ERR_MEMORY);
    assert_true(atomic_load(&reading.alloc.peak) <= BUDGET);
    /* A few bytes that promise much do not get it. */
    reading_end(&reading);
    reading_init(&reading);
    memset(bytes + 100, 0xff, 60);
    assert_int_equal(reading_csv(&reading, bytes, 160), MER_ERR_DATA);
    assert_true(atomic_load(&reading.alloc.peak) <= 1 << 20);
    free(bytes);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compressed_table_is_the_table),
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(every_truncation_is_told),
        cmocka_unit_test(no_damage_changes_the_table),
        cmocka_unit_test(the_budget_bounds_what_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
