/* Channels: bytes arrive whole and in order, an end that is gone is told and raises no signal. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "in_child.h"
#include "os/channel.h"

enum { LARGE = 1 << 22 };

static void both_ends_close_on_exec(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(mer_channel_pair(pair, NULL).code, MER_OK);
    assert_true(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(pair[1], F_GETFD) & FD_CLOEXEC);
    mer_descriptor_close(pair[0]);
    mer_descriptor_close(pair[1]);
    mer_descriptor_close(-1);
}

static void more_than_a_buffer_arrives_whole(void **state)
{
    (void)state;
    int pair[2];
    unsigned char *const bytes = malloc(LARGE);
    unsigned char *const got = malloc(LARGE);
    assert_non_null(bytes);
    assert_non_null(got);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (unsigned char)(i * 31 >> 7);
    assert_int_equal(mer_channel_pair(pair, NULL).code, MER_OK);
    const pid_t child = fork();
    if (child == 0) {
        const bool sent = mer_channel_send(pair[1], bytes, LARGE / 2) &&
                          mer_descriptor_write(pair[1], bytes + LARGE / 2, LARGE / 2);
        _exit(sent ? 0 : 1);
    }
    mer_descriptor_close(pair[1]);
    size_t n = 0, more = 1;
    while (n < LARGE && more > 0) {
        assert_true(mer_channel_receive(pair[0], got + n, LARGE - n, &more));
        n += more;
    }
    assert_int_equal(n, LARGE);
    assert_memory_equal(bytes, got, LARGE);
    assert_true(mer_channel_receive(pair[0], got, 1, &more));
    assert_int_equal(more, 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(ended_well(status));
    mer_descriptor_close(pair[0]);
    free(bytes);
    free(got);
}

static void waiting_tells_silence_from_words_and_from_the_end(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(mer_channel_pair(pair, NULL).code, MER_OK);
    assert_int_equal(mer_channel_await(pair[0], 10), MER_CHANNEL_SILENT);
    assert_true(mer_channel_send(pair[1], "x", 1));
    assert_int_equal(mer_channel_await(pair[0], 1000), MER_CHANNEL_READY);
    char byte;
    size_t n;
    assert_true(mer_channel_receive(pair[0], &byte, 1, &n));
    assert_int_equal(mer_channel_await(pair[0], 10), MER_CHANNEL_SILENT);
    mer_descriptor_close(pair[1]);
    assert_int_equal(mer_channel_await(pair[0], 1000), MER_CHANNEL_READY);
    assert_true(mer_channel_receive(pair[0], &byte, 1, &n));
    assert_int_equal(n, 0);
    mer_descriptor_close(pair[0]);
}

static void nobody_listens_and_no_signal_comes(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(mer_channel_pair(pair, NULL).code, MER_OK);
    mer_descriptor_close(pair[1]);
    assert_false(mer_channel_send(pair[0], "x", 1)); /* SIGPIPE would end the test */
    mer_descriptor_close(pair[0]);
    char byte;
    size_t n;
    assert_false(mer_channel_receive(-1, &byte, 1, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_close_on_exec),
        cmocka_unit_test(more_than_a_buffer_arrives_whole),
        cmocka_unit_test(waiting_tells_silence_from_words_and_from_the_end),
        cmocka_unit_test(nobody_listens_and_no_signal_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
