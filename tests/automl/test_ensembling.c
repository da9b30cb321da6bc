/* Which trials are averaged: greedy selection on held-out predictions. */
#include "automl_tables.h"

#include <math.h>

#include "automl/ensembling.h"

enum { N = 400 };

static double values[N];

/* Predictions that miss by noise of their own, and by `bias`. */
static void noisy(uint64_t seed, double deviation, double bias, double *ret)
{
    mer_rng rng;
    mer_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < N; i++)
        ret[i] = values[i] + bias + deviation * mer_rng_normal(&rng);
}

static double rmse_of(const double *predictions)
{
    double score;
    const struct mer_scored scored = {.n = N, .truth_values = values, .predictions = predictions};
    assert_ok(mer_metric_find("rmse")->score(&ctx, &scored, &score, &err));
    return score;
}

static void add(struct mer_keep *keep, size_t id, const char *family, const double *predictions,
                uint64_t cost)
{
    const struct mer_kept kept = {
        .id = id, .family = mer_family_find(family), .score = rmse_of(predictions), .cost = cost};
    assert_ok(mer_keep_add(&ctx, keep, &kept, predictions, &err));
}

static struct mer_selection selection_of(uint64_t max_cost)
{
    return (struct mer_selection){.metric = mer_metric_find("rmse"),
                                  .n_rows = N,
                                  .n_outputs = 1,
                                  .values = values,
                                  .max_members = 10,
                                  .max_cost = max_cost};
}

static void set_values(void)
{
    for (size_t i = 0; i < N; i++)
        values[i] = (double)(i * 37 % 101) / 10;
}

static void independent_errors_are_averaged_and_bad_predictions_left_out(void **state)
{
    (void)state;
    struct mer_keep keep = {.n_values = N, .max = MER_KEPT_MAX};
    uint32_t weights[MER_KEPT_MAX];
    double predictions[N];
    set_values();
    for (size_t i = 0; i < 4; i++) {
        noisy(i + 1, 1, 0, predictions);
        add(&keep, i, "tree", predictions, 1);
    }
    noisy(9, 1, 5, predictions);
    add(&keep, 4, "tree", predictions, 1);
    const struct mer_selection selection = selection_of(100);
    assert_ok(mer_ensemble_select(&ctx, &keep, &selection, weights, &err));
    for (size_t i = 0; i < 4; i++)
        assert_true(weights[i] > 0);
    assert_int_equal(weights[4], 0);
    mer_keep_release(&ctx, &keep);
}

static void what_is_best_alone_stays_alone(void **state)
{
    (void)state;
    struct mer_keep keep = {.n_values = N, .max = MER_KEPT_MAX};
    uint32_t weights[MER_KEPT_MAX];
    double predictions[N];
    set_values();
    noisy(1, 3, 0, predictions);
    add(&keep, 0, "tree", predictions, 1);
    noisy(2, 0, 0, predictions);
    add(&keep, 1, "tree", predictions, 1);
    const struct mer_selection selection = selection_of(100);
    assert_ok(mer_ensemble_select(&ctx, &keep, &selection, weights, &err));
    assert_int_equal(weights[0], 0);
    assert_true(weights[1] > 0);
    mer_keep_release(&ctx, &keep);
}

static void members_cost_no_more_than_they_may(void **state)
{
    (void)state;
    struct mer_keep keep = {.n_values = N, .max = MER_KEPT_MAX};
    uint32_t weights[MER_KEPT_MAX];
    double predictions[N];
    set_values();
    for (size_t i = 0; i < 6; i++) {
        noisy(i + 1, 1, 0, predictions);
        add(&keep, i, "tree", predictions, 10);
    }
    for (uint64_t limit = 5; limit <= 45; limit += 10) {
        uint64_t cost = 0;
        const struct mer_selection selection = selection_of(limit);
        assert_ok(mer_ensemble_select(&ctx, &keep, &selection, weights, &err));
        for (size_t i = 0; i < keep.n; i++)
            cost += weights[i] > 0 ? 10 : 0;
        /* One there always is. */
        assert_true(cost >= 10 && (cost <= limit || cost == 10));
    }
    mer_keep_release(&ctx, &keep);
}

static void threads_change_no_weight(void **state)
{
    (void)state;
    struct mer_keep keep = {.n_values = N, .max = MER_KEPT_MAX};
    uint32_t weights[MER_KEPT_MAX], others[MER_KEPT_MAX];
    double predictions[N];
    set_values();
    for (size_t i = 0; i < 20; i++) {
        noisy(i + 1, 1 + 0.1 * (double)i, 0.1 * (double)(i % 3), predictions);
        add(&keep, i, "tree", predictions, 1);
    }
    const struct mer_selection selection = selection_of(100);
    assert_ok(mer_ensemble_select(&ctx, &keep, &selection, weights, &err));
    assert_ok(mer_team_new(&alloc, 3, &ctx.team, &err));
    assert_ok(mer_ensemble_select(&ctx, &keep, &selection, others, &err));
    assert_memory_equal(weights, others, keep.n * sizeof(*weights));
    mer_keep_release(&ctx, &keep);
}

static void where_room_is_short_the_worst_go_but_for_the_best_of_a_family(void **state)
{
    (void)state;
    struct mer_keep keep = {.n_values = N, .max = 3};
    double predictions[N];
    set_values();
    noisy(1, 9, 0, predictions);
    add(&keep, 0, "linear", predictions, 1);
    for (size_t i = 1; i <= 5; i++) {
        noisy(i + 1, 6 - (double)i, 0, predictions);
        add(&keep, i, "tree", predictions, 1);
    }
    assert_int_equal(keep.n, 3);
    assert_int_equal(keep.items[0].id, 0);
    assert_int_equal(keep.items[1].id, 4);
    assert_int_equal(keep.items[2].id, 5);
    noisy(7, 8, 0, predictions);
    add(&keep, 6, "tree", predictions, 1);
    assert_int_equal(keep.items[2].id, 5);
    mer_keep_release(&ctx, &keep);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(independent_errors_are_averaged_and_bad_predictions_left_out),
        TEST(what_is_best_alone_stays_alone),
        TEST(members_cost_no_more_than_they_may),
        TEST(threads_change_no_weight),
        TEST(where_room_is_short_the_worst_go_but_for_the_best_of_a_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
