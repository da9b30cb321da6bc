#include "core/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/math.h"

/* The known answers of Random123, kat_vectors, "philox4x32 10". */
static void philox_gives_the_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4];
        uint32_t key[2];
        uint32_t block[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t block[4];
        mer_philox4x32(cases[i].counter, cases[i].key, block);
        assert_memory_equal(block, cases[i].block, sizeof block);
    }
}

static void a_stream_is_the_blocks_of_its_counters(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 0x0123456789abcdefu, 0xfedcba9876543210u);
    for (uint32_t i = 0; i < 10; i++) {
        const uint32_t counter[4] = {i, 0, 0x76543210, 0xfedcba98};
        const uint32_t key[2] = {0x89abcdef, 0x01234567};
        uint32_t block[4];
        mer_philox4x32(counter, key, block);
        for (int k = 0; k < 4; k++)
            assert_int_equal(mer_rng_u32(&rng), block[k]);
    }
    /* The low word carries into the high one. */
    rng.counter[0] = 0xffffffff;
    (void)mer_rng_u32(&rng);
    assert_int_equal(rng.counter[0], 0);
    assert_int_equal(rng.counter[1], 1);
}

static void a_normal_takes_a_block_and_any_can_be_gone_to(void **state)
{
    (void)state;
    mer_rng one, other;
    double expected = 0;
    mer_rng_init(&one, 4, 9);
    mer_rng_init(&other, 4, 9);
    for (int i = 0; i < 5; i++)
        expected = mer_rng_normal(&one);
    (void)mer_rng_u32(&other);
    mer_rng_seek(&other, 4);
    assert_true(mer_rng_normal(&other) == expected);
    mer_rng_seek(&other, UINT64_C(0x500000002));
    assert_int_equal(other.counter[0], 2);
    assert_int_equal(other.counter[1], 5);
}

static void streams_and_seeds_differ(void **state)
{
    (void)state;
    mer_rng a;
    mer_rng b;
    mer_rng c;
    mer_rng_init(&a, 1, 0);
    mer_rng_init(&b, 1, 1);
    mer_rng_init(&c, 2, 0);
    const uint64_t first = mer_rng_u64(&a);
    assert_true(first != mer_rng_u64(&b));
    assert_true(first != mer_rng_u64(&c));
    assert_true(mer_rng_stream("fold", 0) != mer_rng_stream("fold", 1));
    assert_true(mer_rng_stream("fold", 0) != mer_rng_stream("tree", 0));
    assert_true(mer_rng_stream("fold", 3) == mer_rng_stream("fold", 3));
}

static void numbers_below_a_bound_are_uniform(void **state)
{
    (void)state;
    enum { BOUND = 7, N = 700000 };
    unsigned counts[BOUND] = {0};
    mer_rng rng;
    mer_rng_init(&rng, 3, 0);
    for (int i = 0; i < N; i++)
        counts[mer_rng_below(&rng, BOUND)]++;
    double chi_square = 0.0;
    for (int i = 0; i < BOUND; i++)
        chi_square += (counts[i] - N / 7.0) * (counts[i] - N / 7.0) / (N / 7.0);
    assert_true(chi_square < 22.5); /* 6 degrees of freedom: one in a thousand */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(mer_rng_below(&rng, 1), 0);
        assert_true(mer_rng_below(&rng, ((uint64_t)1 << 63) + 1) <= (uint64_t)1 << 63);
    }
}

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    enum { N = 1000000 };
    mer_rng rng;
    double sum = 0.0;
    double normal_sum = 0.0;
    double normal_squares = 0.0;
    double normal_fourths = 0.0;
    mer_rng_init(&rng, 4, 0);
    for (int i = 0; i < N; i++) {
        const double u = mer_rng_uniform(&rng);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
        const double z = mer_rng_normal(&rng);
        normal_sum += z;
        normal_squares += z * z;
        normal_fourths += z * z * z * z;
    }
    assert_true(fabs(sum / N - 0.5) < 0.0015);
    assert_true(fabs(normal_sum / N) < 0.005);
    assert_true(fabs(normal_squares / N - 1.0) < 0.007);
    assert_true(fabs(normal_fourths / N - 3.0) < 0.05);
}

/* Golden values: a change of them changes every seeded result that anybody has recorded. */
static void the_sequence_is_the_same_for_ever(void **state)
{
    (void)state;
    mer_rng rng;
    mer_rng_init(&rng, 42, mer_rng_stream("golden", 7));
    assert_true(mer_rng_stream("golden", 7) == 0x856590dbfda6fbddu);
    assert_true(mer_rng_u64(&rng) == 0x8c87749064d11452u);
    assert_true(mer_rng_uniform(&rng) == 0x1.d90fc27c93362p-1);
    assert_true(mer_rng_normal(&rng) == 0x1.9e6fa3e5a5167p-1);
    assert_int_equal(mer_rng_below(&rng, 1000000), 233851);
}

static void a_shuffle_is_a_permutation_that_favours_nobody(void **state)
{
    (void)state;
    enum { N = 5, ROUNDS = 100000 };
    unsigned counts[N][N] = {{0}};
    mer_rng rng;
    mer_rng_init(&rng, 5, 0);
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t rows[N] = {0, 1, 2, 3, 4};
        unsigned seen = 0;
        mer_rng_shuffle(&rng, rows, N);
        for (size_t i = 0; i < N; i++) {
            seen |= 1u << rows[i];
            counts[i][rows[i]]++;
        }
        assert_int_equal(seen, 31);
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_true(fabs(counts[i][k] - ROUNDS / 5.0) < 5.0 * sqrt(ROUNDS * 0.16));
    mer_rng_shuffle(&rng, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(a_stream_is_the_blocks_of_its_counters),
        cmocka_unit_test(a_normal_takes_a_block_and_any_can_be_gone_to),
        cmocka_unit_test(streams_and_seeds_differ),
        cmocka_unit_test(numbers_below_a_bound_are_uniform),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(the_sequence_is_the_same_for_ever),
        cmocka_unit_test(a_shuffle_is_a_permutation_that_favours_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
