/* Bytes that were walked through are there before anybody touches them; nothing is touched any more
 * once a walk was stopped. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/ahead.h"
#include "os/memory_file.h"

enum { N_BYTES = 8 << 20, STEP = 1 << 16, PAGE = 4096 };

static struct mer_alloc alloc;
static int file;

static int make_file(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    char *const bytes = calloc(1, N_BYTES);
    assert_non_null(bytes);
    assert_int_equal(mer_memory_file_of("test", bytes, N_BYTES, &file, NULL).code, MER_OK);
    free(bytes);
    return 0;
}

static int close_file(void **state)
{
    (void)state;
    return close(file) == 0 && alloc.used == 0 ? 0 : -1;
}

/* Whether the page is in this process's page table; by the top bit of its entry in pagemap. */
static bool is_mapped(const unsigned char *byte)
{
    uint64_t entry = 0;
    const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true(pagemap >= 0);
    const off_t at = (off_t)((uintptr_t)byte / PAGE * sizeof entry);
    assert_int_equal(pread(pagemap, &entry, sizeof entry, at), sizeof entry);
    assert_int_equal(close(pagemap), 0);
    return entry >> 63;
}

static const unsigned char *map_anew(void)
{
    const unsigned char *bytes;
    assert_int_equal(mer_memory_file_map_lazily(file, N_BYTES, &bytes, NULL).code, MER_OK);
    assert_false(is_mapped(bytes));
    assert_false(is_mapped(bytes + N_BYTES - 1));
    return bytes;
}

static void bytes_that_are_walked_through_are_there_soon(void **state)
{
    static const struct timespec pause = {.tv_nsec = 1000000};
    struct mer_ahead *ahead;
    (void)state;
    assert_int_equal(mer_ahead_new(&alloc, &ahead, NULL).code, MER_OK);
    mer_ahead_start(ahead);
    for (int again = 0; again < 3; again++) {
        const unsigned char *const bytes = map_anew();
        const unsigned char *const last =
            (const unsigned char *)(((uintptr_t)bytes + N_BYTES - 1) / STEP * STEP);
        mer_ahead_walk(ahead, bytes, N_BYTES);
        for (int i = 0; i < 20000 && !is_mapped(last); i++)
            (void)nanosleep(&pause, NULL);
        assert_true(is_mapped(last));
        assert_true(is_mapped(bytes));
        mer_ahead_stop(ahead);
        mer_memory_file_unmap(bytes, N_BYTES);
    }
    mer_ahead_free(ahead);
}

/* Were it still under way, it would touch what is not mapped any more. */
static void after_a_stop_nothing_is_touched(void **state)
{
    struct mer_ahead *ahead;
    (void)state;
    assert_int_equal(mer_ahead_new(&alloc, &ahead, NULL).code, MER_OK);
    mer_ahead_start(ahead);
    mer_ahead_start(ahead);
    mer_ahead_stop(ahead);
    for (int again = 0; again < 300; again++) {
        const unsigned char *const bytes = map_anew();
        mer_ahead_walk(ahead, bytes, N_BYTES);
        mer_ahead_stop(ahead);
        mer_memory_file_unmap(bytes, N_BYTES);
    }
    mer_ahead_free(ahead);
}

static void without_a_thread_nothing_happens(void **state)
{
    struct mer_ahead *ahead;
    (void)state;
    const unsigned char *const bytes = map_anew();
    mer_ahead_walk(NULL, bytes, N_BYTES);
    mer_ahead_stop(NULL);
    mer_ahead_start(NULL);
    mer_ahead_free(NULL);
    assert_int_equal(mer_ahead_new(&alloc, &ahead, NULL).code, MER_OK);
    mer_ahead_walk(ahead, bytes, N_BYTES);
    mer_ahead_stop(ahead);
    mer_ahead_free(ahead);
    assert_false(is_mapped(bytes));
    mer_memory_file_unmap(bytes, N_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_that_are_walked_through_are_there_soon),
        cmocka_unit_test(after_a_stop_nothing_is_touched),
        cmocka_unit_test(without_a_thread_nothing_happens),
    };
    return cmocka_run_group_tests(tests, make_file, close_file);
}
