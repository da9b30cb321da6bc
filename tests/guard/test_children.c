/* Children never repeat secret bytes: not what their parent drew, not what another child draws, and
 * not the hidden number inside a signature, which would give the key away. The twin is a generator
 * with a state, which all children of one parent repeat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/rng.h"
#include "guard/signing_key.h"
#include "os/channel.h"
#include "os/secret_random.h"
#include "os/spawn.h"

enum {
    DRAW = 16,
#ifdef MER_UNDER_VALGRIND /* a fork takes a while there */
    N_FORKED = 100,
#else
    N_FORKED = 10000,
#endif
    N_SPAWNED = 100,
    N_SIGNERS = N_FORKED < 300 ? N_FORKED : 300,
    SLOT = MER_SIGNATURE_DER_MAX
};

static void assert_ok(mer_status status)
{
    assert_int_equal(status.code, MER_OK);
}

/* Memory that children share with the test: slot i is child i's. */
static unsigned char *slots_new(size_t n)
{
    void *const slots = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(slots != MAP_FAILED);
    return slots;
}

static int compare_draws(const void *a, const void *b)
{
    return memcmp(a, b, DRAW);
}

/* Sorts them. */
static size_t count_equal(unsigned char *draws, size_t n)
{
    size_t n_equal = 0;
    qsort(draws, n, DRAW, compare_draws);
    for (size_t i = 1; i < n; i++)
        n_equal += memcmp(draws + (i - 1) * DRAW, draws + i * DRAW, DRAW) == 0;
    return n_equal;
}

/* Runs draw(slot of child i) in n children. */
static void fork_children(size_t n, size_t slot_bytes, unsigned char *slots,
                          bool (*draw)(unsigned char *slot))
{
    for (size_t i = 0; i < n; i++) {
        int status = -1;
        const pid_t child = fork();
        if (child == 0)
            _exit(draw(slots + i * slot_bytes) ? 0 : 1);
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

static bool draw_secret(unsigned char *slot)
{
    return mer_is_ok(mer_secret_random(slot, DRAW, NULL));
}

static void forked_children_draw_different_secrets(void **state)
{
    enum { N_OWN = 100 };
    (void)state;
    unsigned char *const slots = slots_new((N_FORKED + N_OWN) * DRAW);
    /* The parent's own, before and after. */
    for (size_t i = 0; i < N_OWN; i++)
        if (i < N_OWN / 2)
            assert_true(draw_secret(slots + (N_FORKED + i) * DRAW));
    fork_children(N_FORKED, DRAW, slots, draw_secret);
    for (size_t i = N_OWN / 2; i < N_OWN; i++)
        assert_true(draw_secret(slots + (N_FORKED + i) * DRAW));
    assert_int_equal(count_equal(slots, N_FORKED + N_OWN), 0);
    (void)munmap(slots, (N_FORKED + N_OWN) * DRAW);
}

static struct mer_rng seeded;

static bool draw_seeded(unsigned char *slot)
{
    for (size_t i = 0; i < DRAW; i += 8) {
        const uint64_t bits = mer_rng_u64(&seeded);
        memcpy(slot + i, &bits, 8);
    }
    return true;
}

static void a_generator_with_a_state_repeats_itself_in_children(void **state)
{
    enum { N = 20 };
    (void)state;
    unsigned char *const slots = slots_new(N * DRAW);
    mer_rng_init(&seeded, 1, 0);
    fork_children(N, DRAW, slots, draw_seeded);
    assert_int_equal(count_equal(slots, N), N - 1);
    (void)munmap(slots, N * DRAW);
}

/* This program itself, which tells what it draws when it is told so. */
static void spawned_children_draw_different_secrets(void **state)
{
    static const char *const words[] = {"test_guard_children", "draw", NULL};
    (void)state;
    unsigned char draws[N_SPAWNED * DRAW];
    for (size_t i = 0; i < N_SPAWNED; i++) {
        int pair[2];
        size_t got = 0;
        struct mer_child child;
        assert_ok(mer_channel_pair(pair, NULL));
        const struct mer_spawn spawn = {.program =
                                            MER_BINARY_DIR "/tests/guard/test_guard_children",
                                        .arguments = words,
                                        .fds = {-1, pair[1]},
                                        .n_fds = 2,
                                        .max_file_bytes = UINT64_MAX};
        assert_ok(mer_spawn_start(&spawn, &child, NULL));
        (void)close(pair[1]);
        assert_true(mer_channel_receive(pair[0], draws + i * DRAW, DRAW, &got));
        assert_int_equal(got, DRAW);
        (void)close(pair[0]);
        const struct mer_ended ended = mer_child_wait(&child, 10000);
        assert_false(ended.signalled || ended.timed_out || ended.code != 0);
    }
    assert_int_equal(count_equal(draws, N_SPAWNED), 0);
}

static struct mer_signing_key key;

/* A signature begins with the hidden number's point: two that share it give the key away. */
static bool sign(unsigned char *slot)
{
    static const char message[] = "the same message";
    const struct mer_message_part part = {message, sizeof message};
    unsigned char signature[SLOT];
    size_t n = 0;
    if (!mer_is_ok(mer_signing_key_sign(&key, &part, 1, signature, &n, NULL)))
        return false;
    /* DER: a sequence, then an integer: the point's first coordinate. */
    memcpy(slot, signature + 5, DRAW);
    return true;
}

static void forked_children_sign_with_different_hidden_numbers(void **state)
{
    (void)state;
    unsigned char *const slots = slots_new((N_SIGNERS + 1) * DRAW);
    assert_ok(mer_signing_key_generate(&key, NULL));
    assert_true(sign(slots + N_SIGNERS * DRAW)); /* the generator has been used before the forks */
    fork_children(N_SIGNERS, DRAW, slots, sign);
    assert_int_equal(count_equal(slots, N_SIGNERS + 1), 0);
    mer_signing_key_release(&key);
    (void)munmap(slots, (N_SIGNERS + 1) * DRAW);
}

static bool make_key(unsigned char *slot)
{
    struct mer_signing_key own;
    if (!mer_is_ok(mer_signing_key_generate(&own, NULL)))
        return false;
    memcpy(slot, own.public_key.id, DRAW);
    mer_signing_key_release(&own);
    return true;
}

static void forked_children_make_different_keys(void **state)
{
    (void)state;
    unsigned char *const slots = slots_new((N_SIGNERS + 1) * DRAW);
    assert_true(make_key(slots + N_SIGNERS * DRAW));
    fork_children(N_SIGNERS, DRAW, slots, make_key);
    assert_int_equal(count_equal(slots, N_SIGNERS + 1), 0);
    (void)munmap(slots, (N_SIGNERS + 1) * DRAW);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forked_children_draw_different_secrets),
        cmocka_unit_test(a_generator_with_a_state_repeats_itself_in_children),
        cmocka_unit_test(spawned_children_draw_different_secrets),
        cmocka_unit_test(forked_children_sign_with_different_hidden_numbers),
        cmocka_unit_test(forked_children_make_different_keys),
    };
    if (argc == 2 && strcmp(argv[1], "draw") == 0) {
        unsigned char draw[DRAW];
        return draw_secret(draw) && mer_descriptor_write(1, draw, DRAW) ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
