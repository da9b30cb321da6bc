/* zstd: whole, in frames, cut off, damaged, and too large. */
#include <zstd.h>

#include "frame/unzstd.h"
#include "reading.h"

static const char table[] = "name,value\nfirst,1\nsecond,2\nthird,3\nfirst,4\n";

/* zstd of n bytes, with a checksum. Free with free(). */
static unsigned char *pack(const void *bytes, size_t n, size_t *ret_n)
{
    const size_t capacity = ZSTD_compressBound(n);
    unsigned char *packed = malloc(capacity);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    *ret_n = ZSTD_compress2(context, packed, capacity, bytes, n);
    assert_false(ZSTD_isError(*ret_n));
    ZSTD_freeCCtx(context);
    return packed;
}

static void a_compressed_table_is_the_table(void **state)
{
    (void)state;
    struct reading plain, packed;
    size_t n;
    unsigned char *bytes = pack(table, strlen(table), &n);
    reading_init(&plain);
    reading_init(&packed);
    assert_int_equal(reading_csv(&plain, table, SIZE_MAX), MER_OK);
    assert_int_equal(reading_csv(&packed, bytes, n), MER_OK);
    assert_int_equal(plain.frame.n_image, packed.frame.n_image);
    assert_memory_equal(plain.frame.image, packed.frame.image, plain.frame.n_image);
    free(bytes);
    reading_end(&plain);
    reading_end(&packed);
}

static void frames_follow_each_other_and_skippable_ones_are_skipped(void **state)
{
    (void)state;
    static const unsigned char skippable[] = {0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    unsigned char *out;
    size_t n_first, n_second, n_out;
    mer_alloc_init(&alloc, SIZE_MAX);
    unsigned char *first = pack(table, 20, &n_first);
    unsigned char *second = pack(table + 20, strlen(table) - 20, &n_second);
    const size_t n = sizeof skippable + n_first + n_second;
    unsigned char *all = malloc(n + 1);
    memcpy(all, skippable, sizeof skippable);
    memcpy(all + sizeof skippable, first, n_first);
    memcpy(all + sizeof skippable + n_first, second, n_second);
    assert_int_equal(mer_unzstd(&ctx, all, n, &out, &n_out, NULL).code, MER_OK);
    assert_int_equal(n_out, strlen(table));
    assert_memory_equal(out, table, n_out);
    mer_free(&alloc, out);
    mer_err err;
    all[n] = 'x';
    assert_int_equal(mer_unzstd(&ctx, all, n + 1, &out, &n_out, &err).code, MER_ERR_DATA);
    assert_string_equal(err.message, "something else follows the zstd data");
    assert_int_equal(atomic_load(&alloc.used), 0);
    free(first);
    free(second);
    free(all);
}

static void every_truncation_is_told(void **state)
{
    (void)state;
    size_t n;
    unsigned char *bytes = pack(table, strlen(table), &n);
    for (size_t cut = 4; cut < n; cut++) {
        struct reading reading;
        reading_init(&reading);
        unsigned char *piece = malloc(cut);
        memcpy(piece, bytes, cut);
        assert_int_equal(reading_csv(&reading, piece, cut), MER_ERR_DATA);
        assert_string_equal(reading.err.message, "the zstd data end too early");
        free(piece);
        reading_end(&reading);
    }
    free(bytes);
}

static void no_damage_changes_the_table(void **state)
{
    (void)state;
    size_t n;
    unsigned char *bytes = pack(table, strlen(table), &n);
    struct reading plain;
    reading_init(&plain);
    assert_int_equal(reading_csv(&plain, table, SIZE_MAX), MER_OK);
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct reading reading;
        reading_init(&reading);
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << (bit % 8));
        if (reading_csv(&reading, bytes, n) == MER_OK)
            assert_memory_equal(reading.frame.image, plain.frame.image, plain.frame.n_image);
        bytes[bit / 8] = (unsigned char)(bytes[bit / 8] ^ 1u << (bit % 8));
        reading_end(&reading);
    }
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
    unsigned char *bytes = pack(zeros, BIG, &n);
    free(zeros);
    assert_true(n < 64 << 10);
    reading_init(&reading);
    reading.alloc.budget = BUDGET;
    assert_int_equal(reading_csv(&reading, bytes, n), MER_ERR_MEMORY);
    assert_true(atomic_load(&reading.alloc.peak) <= BUDGET);
    free(bytes);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compressed_table_is_the_table),
        cmocka_unit_test(frames_follow_each_other_and_skippable_ones_are_skipped),
        cmocka_unit_test(every_truncation_is_told),
        cmocka_unit_test(no_damage_changes_the_table),
        cmocka_unit_test(the_budget_bounds_what_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
