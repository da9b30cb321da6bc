/* The parent believes nothing that a cell says: every lie ends in an error or in a table that is
 * safe to use, in time, and leaves no descriptor, no child and no byte behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cell/client.h"
#include "cell/confine.h"
#include "lies.h"
#include "os/memory_file.h"

static const char *const LIAR = MER_BINARY_DIR "/tests/cell/lying_cell";
static const char SCHEMA[] = "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"}]}";

/* One reading: what is given, and what came of it. */
struct reading {
    const char *program;
    const void *bytes;
    size_t n;
    const char *schema;   /* or NULL */
    size_t budget;        /* 0: plenty */
    unsigned max_seconds; /* 0: plenty */
    bool without_namespaces;
    struct mer_cancel *cancel;
    struct mer_csv_options options;
    /* Out */
    mer_status status;
    mer_err err;
    double seconds;
    double ended_at;
    size_t n_cells; /* of the table, when there is one; each was looked at */
    struct mer_csv_report report;
    bool schema_failed;
    bool required; /* the schema's first field */
};

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    DIR *const folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        n++;
    (void)closedir(folder);
    return n;
}

/* Touches every value that a frame offers, as its users would: sanitizers watch. */
static size_t look_at_all(const struct mer_frame *frame)
{
    size_t n = 0, sum = 0;
    for (size_t c = 0; c < frame->n_columns; c++) {
        const struct mer_column *const column = &frame->columns[c];
        sum += strlen(column->name);
        for (size_t row = 0; row < frame->n_rows; row++, n++) {
            if (!mer_column_has(column, row))
                continue;
            if (column->type == MER_TYPE_TEXT || column->type == MER_TYPE_CATEGORICAL) {
                const struct mer_cell cell =
                    column->type == MER_TYPE_TEXT
                        ? mer_column_text(column, row)
                        : mer_column_level(column, (size_t)column->data.codes[row]);
                for (size_t i = 0; i < cell.n; i++)
                    sum += (unsigned char)cell.bytes[i];
            } else if (column->type == MER_TYPE_BOOLEAN) {
                sum += column->data.bits[row / 8];
            } else {
                sum += (size_t)column->data.integers[row];
            }
        }
    }
    return sum == SIZE_MAX ? 0 : n;
}

static void check_nothing_left(const struct mer_alloc *alloc, unsigned n_descriptors)
{
    assert_int_equal(alloc->used, 0);
    assert_int_equal(count_descriptors(), n_descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void read_through(struct reading *reading)
{
    const unsigned n_descriptors = count_descriptors();
    struct mer_alloc alloc;
    struct mer_frame frame;
    struct mer_schema schema;
    mer_alloc_init(&alloc, reading->budget ? reading->budget : (size_t)1 << 30);
    const struct mer_ctx ctx = {.alloc = &alloc, .cancel = reading->cancel};
    const struct mer_cell_settings settings = {.program = reading->program,
                                               .without_namespaces = reading->without_namespaces,
                                               .max_seconds = reading->max_seconds};
    struct mer_cell_csv what = {
        .table = {-1, reading->n}, .schema = {.fd = -1}, .options = &reading->options};
    assert_int_equal(
        mer_memory_file_of("test", reading->bytes, reading->n, &what.table.fd, NULL).code, MER_OK);
    if (reading->schema) {
        what.schema.n = strlen(reading->schema);
        assert_int_equal(
            mer_memory_file_of("test", reading->schema, what.schema.n, &what.schema.fd, NULL).code,
            MER_OK);
    }
    const double start = now();
    reading->status =
        mer_cell_read_csv(&ctx, &settings, &what, &frame, &reading->report,
                          reading->schema ? &schema : NULL, &reading->schema_failed, &reading->err);
    reading->ended_at = now();
    reading->seconds = reading->ended_at - start;
    if (mer_is_ok(reading->status)) {
        reading->n_cells = look_at_all(&frame);
        if (reading->schema) {
            reading->required = schema.fields[0].required;
            mer_schema_release(&schema);
        }
        mer_frame_release(&frame);
    }
    (void)close(what.table.fd);
    if (what.schema.fd >= 0)
        (void)close(what.schema.fd);
    check_nothing_left(&alloc, n_descriptors);
}

/* Some signals do not end the first process of a namespace; they are tried without one. */
static bool without_namespaces;

/* Plenty, but where running out of it is what is tried. */
static unsigned max_seconds = 30;

static struct reading hear_lie(const char *name, uint64_t number, const char *schema)
{
    struct lie lie = {.number = number};
    (void)snprintf(lie.name, sizeof lie.name, "%s", name);
    struct reading reading = {.program = LIAR,
                              .bytes = &lie,
                              .n = sizeof lie,
                              .schema = schema,
                              .max_seconds = max_seconds,
                              .without_namespaces = without_namespaces};
    read_through(&reading);
    return reading;
}

static void refused(const char *name, uint64_t number, const char *schema, enum mer_code code,
                    const char *word)
{
    const struct reading reading = hear_lie(name, number, schema);
    if (reading.status.code != code || !strstr(reading.err.message, word))
        fail_msg("%s %llx: code %d, %s", name, (unsigned long long)number, reading.status.code,
                 mer_is_ok(reading.status) ? "believed" : reading.err.message);
    assert_true(reading.seconds < 10);
}

static void the_truth_is_believed(void **state)
{
    (void)state;
    const struct reading reading = hear_lie("no lie", 0, NULL);
    assert_int_equal(reading.status.code, MER_OK);
    assert_int_equal(reading.n_cells, LIES_ROWS * LIES_COLUMNS);
    assert_int_equal(hear_lie("notes as they should be", 0, SCHEMA).status.code, MER_OK);
}

static void a_cell_that_breaks_the_protocol_is_refused(void **state)
{
    (void)state;
    refused("ends at once", 0, NULL, MER_ERR_DATA, "without an answer");
    refused("another magic", 0, NULL, MER_ERR_DATA, "answer that is none");
    refused("another kind", 0, NULL, MER_ERR_DATA, "answer that is none");
    refused("result before ready", 0, NULL, MER_ERR_ABSENT, "not confined");
    refused("is not confined", 0, NULL, MER_ERR_ABSENT, "not confined");
    refused("half a ready", 0, NULL, MER_ERR_DATA, "without an answer");
    refused("half a result", 0, NULL, MER_ERR_DATA, "without an answer");
    refused("dies after a while", 0, NULL, MER_ERR_DATA, "code 3");
    refused("ends badly", 9, NULL, MER_ERR_DATA, "did not end as it should");
    refused("does not end", 0, NULL, MER_ERR_DATA, "did not end as it should");
}

/* Whether cells are first processes of namespaces here; a container or a chroot may forbid it. */
static bool cells_have_namespaces(void)
{
    const struct mer_cell_settings settings = {.program = MER_BINARY_DIR "/merlon-cell"};
    struct mer_alloc alloc;
    unsigned level;
    uint64_t ready_ns;
    mer_err err;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    assert_int_equal(mer_cell_ping(&ctx, &settings, &level, &ready_ns, &err).code, MER_OK);
    return level & MER_CELL_HAS_NAMESPACES;
}

static void a_cell_that_takes_too_much_is_ended(void **state)
{
    (void)state;
    max_seconds = 1;
    refused("says nothing", 0, NULL, MER_ERR_DATA, "more than 1 seconds");
    refused("never answers", 0, NULL, MER_ERR_DATA, "more than 1 seconds");
    refused("endless progress", 0, NULL, MER_ERR_DATA, "more than 1 seconds");
    refused("spins", 0, NULL, MER_ERR_DATA, "more than 1 seconds");
    max_seconds = 30;
    if (cells_have_namespaces()) /* else its signal ends it: see how_a_cell_died_is_told */
        refused("writes too much", 0, NULL, MER_ERR_DATA, "code 74");
    refused("takes too much memory", 0, NULL, MER_ERR_DATA, "code 75");
}

static void how_a_cell_died_is_told(void **state)
{
    (void)state;
    refused("runs wild", 0, NULL, MER_ERR_DATA, "signal 11");
    without_namespaces = true;
    refused("runs wild", 0, NULL, MER_ERR_DATA, "signal 11");
    refused("writes too much", 0, NULL, MER_ERR_MEMORY, "more memory than it may have");
    refused("is ended by a signal", SIGABRT, NULL, MER_ERR_DATA, "signal 6");
    refused("is ended by a signal", SIGSYS, NULL, MER_ERR_DATA, "something forbidden");
    refused("is ended by a signal", SIGXCPU, NULL, MER_ERR_DATA, "processor time");
    refused("is ended by a signal", SIGBUS, NULL, MER_ERR_MEMORY, "memory");
    refused("is ended by a signal", SIGKILL, NULL, MER_ERR_MEMORY, "was killed");
    without_namespaces = false;
}

static void a_cell_may_not_decide_about_trust(void **state)
{
    (void)state;
    static const uint64_t not_its_own[] = {MER_ERR_TRUST, MER_ERR_CANCELLED, MER_ERR_EXISTS,
                                           MER_ERR_CANCELLED + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof not_its_own / sizeof not_its_own[0]; i++)
        refused("fails with code", not_its_own[i], NULL, MER_ERR_DATA, "reason");
    refused("fails with code", MER_ERR_MEMORY, NULL, MER_ERR_MEMORY, "reason");
    refused("fails without a word", 0, NULL, MER_ERR_DATA, "failed");
}

static void texts_out_of_a_cell_are_cleaned(void **state)
{
    (void)state;
    const struct reading reading = hear_lie("fails with filth", 0, NULL);
    assert_int_equal(reading.status.code, MER_ERR_DATA);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(reading.err.message[i], '?');
        assert_int_equal(reading.err.hint[i], '?');
    }
    assert_true(strlen(reading.err.message) < MER_ERR_TEXT_MAX);
}

static void an_image_of_another_size_is_refused(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 64, 1 << 20, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        refused("other size", sizes[i], NULL, MER_ERR_DATA, "bytes");
    refused("cuts the image", 0, NULL, MER_ERR_DATA, "bytes");
    refused("cuts the image", 1, NULL, MER_ERR_DATA, "image");
    refused("cuts the image", 640, NULL, MER_ERR_DATA, "image");
}

static void a_report_that_contradicts_the_image_is_refused(void **state)
{
    (void)state;
    refused("other rows", LIES_ROWS + 1, NULL, MER_ERR_DATA, "contradicts");
    refused("fewer columns", 0, NULL, MER_ERR_DATA, "contradicts");
    refused("more columns than memory", 0, NULL, MER_ERR_DATA, "contradicts");
    refused("other delimiter", 0, NULL, MER_ERR_DATA, "contradicts");
    refused("other delimiter", 0xff, NULL, MER_ERR_DATA, "contradicts");
    refused("says more than asked", 5, NULL, MER_ERR_DATA, "too much");
    const struct reading reading = hear_lie("booleans that are none", 0, NULL);
    assert_int_equal(reading.status.code, MER_OK);
    assert_true(reading.report.has_header && reading.report.had_bom && reading.report.was_gzip);
}

static void notes_that_are_nonsense_are_refused(void **state)
{
    (void)state;
    static const uint64_t counts[] = {0, 2, 17, UINT32_MAX};
    static const uint64_t lengths[] = {0, 1, 3, 100, UINT32_MAX};
    static const uint64_t sizes[] = {0, 3, 4, 9, 10 + LIES_COLUMNS - 1, 10 + LIES_COLUMNS + 1};
    for (size_t i = 0; i < 4; i++)
        refused("notes count", counts[i], SCHEMA, MER_ERR_DATA, "nonsense");
    for (size_t i = 0; i < 5; i++)
        refused("notes length", lengths[i], SCHEMA, MER_ERR_DATA, "nonsense");
    for (size_t i = 0; i < 6; i++)
        refused("notes size", sizes[i], SCHEMA, MER_ERR_DATA, "nonsense");
    refused("notes text", 0xffff, SCHEMA, MER_ERR_DATA, "nonsense");
    refused("notes text", 0x0041, SCHEMA, MER_ERR_DATA, "nonsense");
    refused("notes flags", 4, SCHEMA, MER_ERR_DATA, "nonsense");
    refused("notes flags", 0x81, SCHEMA, MER_ERR_DATA, "nonsense");
    refused("announces too much", MER_CELL_NOTES_MAX + 1, SCHEMA, MER_ERR_DATA, "too much");
    assert_true(hear_lie("notes flags", 1, SCHEMA).required);
}

/* A damaged image is refused, or it is another table: either way all of it can be looked at. */
static void every_damaged_image_is_refused_or_safe(void **state)
{
    (void)state;
    enum { BITS = 64 * 8 + 1500 * 8, STEP = 61 };
    size_t n_refused = 0, n_safe = 0;
    for (uint64_t bit = 0; bit < BITS; bit += STEP) {
        const struct reading reading = hear_lie("flips a bit", bit, NULL);
        n_refused += reading.status.code == MER_ERR_DATA;
        n_safe += mer_is_ok(reading.status);
        assert_true(mer_is_ok(reading.status) || reading.status.code == MER_ERR_DATA);
    }
    print_message("%zu images refused, %zu safe\n", n_refused, n_safe);
    assert_true(n_refused > 50);
}

static void a_result_that_somebody_can_still_change_is_refused(void **state)
{
    (void)state;
    refused("a writer stays", 0, NULL, MER_ERR_IO, "seal");
}

static double cancelled_at;

static void *cancel_soon(void *argument)
{
    struct mer_cancel *const cancel = argument;
    (void)usleep(300000);
    cancelled_at = now();
    atomic_store(&cancel->signal, SIGTERM);
    return NULL;
}

static void cancelling_ends_a_busy_cell_at_once(void **state)
{
    (void)state;
    static const char *const busy[] = {"never answers", "endless progress", "spins",
                                       "says nothing"};
    for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++) {
        struct mer_cancel cancel = {0};
        struct lie lie = {.number = 0};
        pthread_t thread;
        (void)snprintf(lie.name, sizeof lie.name, "%s", busy[i]);
        struct reading reading = {
            .program = LIAR, .bytes = &lie, .n = sizeof lie, .cancel = &cancel, .max_seconds = 60};
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
        read_through(&reading);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(reading.status.code, MER_ERR_CANCELLED);
        assert_true(reading.ended_at - cancelled_at < 0.2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_is_believed),
        cmocka_unit_test(a_cell_that_breaks_the_protocol_is_refused),
        cmocka_unit_test(a_cell_that_takes_too_much_is_ended),
        cmocka_unit_test(how_a_cell_died_is_told),
        cmocka_unit_test(a_cell_may_not_decide_about_trust),
        cmocka_unit_test(texts_out_of_a_cell_are_cleaned),
        cmocka_unit_test(an_image_of_another_size_is_refused),
        cmocka_unit_test(a_report_that_contradicts_the_image_is_refused),
        cmocka_unit_test(notes_that_are_nonsense_are_refused),
        cmocka_unit_test(every_damaged_image_is_refused_or_safe),
        cmocka_unit_test(a_result_that_somebody_can_still_change_is_refused),
        cmocka_unit_test(cancelling_ends_a_busy_cell_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
