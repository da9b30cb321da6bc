/* Reading through a cell is reading: the same table, the same report, the same words where the
 * input is not what it should be; and within its bounds. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cell/cell_session.h"
#include "cell/confine.h"
#include "core/team.h"
#include "os/file.h"
#include "os/memory_file.h"

static const char *const PROGRAM = MER_BINARY_DIR "/merlon-cell";

struct given {
    const char *table;
    const char *schema; /* or NULL */
    struct mer_csv_options options;
};

/* Tables that are good, odd, and bad, with and without a schema. */
static const struct given givens[] = {
    {"a,b\n1,x\n2,y\n", NULL, {.header = MER_CSV_HEADER_DETECT}},
    {"a;b\n1;x\n2;\n", NULL, {.delimiter = ';', .header = MER_CSV_HEADER_YES}},
    {"\xef\xbb\xbf"
     "a\tb\r\n1\tx\r\n",
     NULL,
     {.header = MER_CSV_HEADER_YES}},
    {"1,2\n3,4\n", NULL, {.header = MER_CSV_HEADER_NO}},
    {"a,b\n1,NA\n?,2\n", NULL, {.header = MER_CSV_HEADER_YES}},
    {"", NULL, {.header = MER_CSV_HEADER_YES}},
    {"a,b\n1\n", NULL, {.header = MER_CSV_HEADER_YES}},
    {"a,b\n1,\"x\n", NULL, {.header = MER_CSV_HEADER_YES}},
    {"a,a\n1,2\n", NULL, {.header = MER_CSV_HEADER_YES}},
    {"a,b\n1,\xff\n", NULL, {.header = MER_CSV_HEADER_YES}},
    {"a,b,c\n1,red,-\n2,blue,2024-01-31\n",
     "{\"fields\":[{\"name\":\"c\",\"type\":\"date\"},"
     "{\"name\":\"b\",\"type\":\"string\",\"categories\":[\"blue\",\"red\",\"green\"]},"
     "{\"name\":\"a\",\"type\":\"integer\",\"constraints\":{\"required\":true}}],"
     "\"missingValues\":[\"-\",\"\"]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a,b\n1,red\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"}]}",
     {.header = MER_CSV_HEADER_YES, .allow_extra = true}},
    {"a,b\n1,red\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"}]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a\n1\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"},{\"name\":\"b\",\"type\":\"string\"}]}",
     {.header = MER_CSV_HEADER_YES, .optional_field = "b"}},
    {"a\n1\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"},{\"name\":\"b\",\"type\":\"string\"}]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a\nx\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"integer\"}]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a\nnew\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"string\",\"categories\":[\"old\"]}]}",
     {.header = MER_CSV_HEADER_YES, .allow_new_levels = true}},
    {"a\nnew\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"string\",\"merlon:categorical\":true}]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a\n1\n",
     "{\"fields\":[{\"name\":\"a\",\"type\":\"nonsense\"}]}",
     {.header = MER_CSV_HEADER_YES}},
    {"a\n1\n", "not JSON", {.header = MER_CSV_HEADER_YES}},
    {"a\n1\n", "", {.header = MER_CSV_HEADER_YES}},
};

struct result {
    mer_status status;
    mer_err err;
    struct mer_frame frame;
    struct mer_csv_report report;
    struct mer_schema schema;
    bool has_schema;
};

static void read_here(const struct mer_ctx *ctx, const struct given *given, struct result *result)
{
    struct mer_csv_options options = given->options;
    result->status = mer_ok();
    if (given->schema) {
        result->status = mer_schema_parse(ctx, given->schema, strlen(given->schema),
                                          &result->schema, &result->err);
        result->has_schema = mer_is_ok(result->status);
        options.schema = &result->schema;
    }
    if (mer_is_ok(result->status))
        result->status = mer_csv_read(ctx, given->table, strlen(given->table), &options,
                                      &result->frame, &result->report, &result->err);
}

static void read_in_cell(const struct mer_ctx *ctx, const struct given *given,
                         const struct mer_cell_settings *settings, struct result *result,
                         bool *ret_schema_failed)
{
    struct mer_cell_csv what = {
        .table = {-1, strlen(given->table)}, .schema = {.fd = -1}, .options = &given->options};
    assert_int_equal(
        mer_memory_file_of("test", given->table, what.table.n, &what.table.fd, NULL).code, MER_OK);
    if (given->schema) {
        what.schema.n = strlen(given->schema);
        assert_int_equal(
            mer_memory_file_of("test", given->schema, what.schema.n, &what.schema.fd, NULL).code,
            MER_OK);
    }
    result->status =
        mer_cell_read_csv(ctx, settings, &what, &result->frame, &result->report,
                          given->schema ? &result->schema : NULL, ret_schema_failed, &result->err);
    result->has_schema = mer_is_ok(result->status) && given->schema;
    (void)close(what.table.fd);
    if (what.schema.fd >= 0)
        (void)close(what.schema.fd);
}

static void release(struct result *result)
{
    if (mer_is_ok(result->status))
        mer_frame_release(&result->frame);
    if (result->has_schema)
        mer_schema_release(&result->schema);
}

/* What the cell's notes bring over of a schema. */
static void check_schema(const struct mer_schema *here, const struct result *cell)
{
    const struct mer_schema *const there = &cell->schema;
    assert_int_equal(here->n_missing_values, there->n_missing_values);
    for (size_t i = 0; i < here->n_missing_values; i++)
        assert_string_equal(here->missing_values[i], there->missing_values[i]);
    assert_int_equal(there->n_fields, cell->frame.n_columns);
    for (size_t i = 0; i < there->n_fields; i++)
        for (size_t k = 0; k < here->n_fields; k++) {
            const struct mer_field *const a = &here->fields[k], *const b = &there->fields[i];
            if (strcmp(a->name, b->name) != 0)
                continue;
            assert_int_equal(a->type, b->type);
            assert_int_equal(a->required, b->required);
            assert_int_equal(a->n_categories == 0, b->n_categories == 0);
            for (size_t c = 0; c < a->n_categories; c++)
                assert_string_equal(a->categories[c], b->categories[c]);
        }
}

static void check(const struct given *given, const struct mer_cell_settings *settings)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)1 << 28);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct result here = {.has_schema = false}, cell = {.has_schema = false};
    bool schema_failed;
    read_here(&ctx, given, &here);
    read_in_cell(&ctx, given, settings, &cell, &schema_failed);
    if (here.status.code != cell.status.code)
        fail_msg("'%s': %d here, %d in a cell: %s", given->table, here.status.code,
                 cell.status.code, cell.err.message);
    if (mer_is_ok(here.status)) {
        assert_int_equal(here.frame.n_image, cell.frame.n_image);
        assert_memory_equal(here.frame.image, cell.frame.image, here.frame.n_image);
        assert_int_equal(here.report.delimiter, cell.report.delimiter);
        assert_int_equal(here.report.has_header, cell.report.has_header);
        assert_int_equal(here.report.had_bom, cell.report.had_bom);
        assert_int_equal(here.report.n_columns, cell.report.n_columns);
        assert_memory_equal(here.report.missing_counts, cell.report.missing_counts,
                            sizeof here.report.missing_counts);
        if (given->schema)
            check_schema(&here.schema, &cell);
    } else {
        assert_string_equal(here.err.message, cell.err.message);
        assert_string_equal(here.err.hint, cell.err.hint);
        assert_int_equal(schema_failed, given->schema && !here.has_schema);
    }
    release(&here);
    release(&cell);
    assert_int_equal(alloc.used, 0);
}

static void a_cell_reads_as_the_process_itself_would(void **state)
{
    (void)state;
    struct mer_cell_settings settings = {.program = PROGRAM};
    for (size_t i = 0; i < sizeof givens / sizeof givens[0]; i++)
        check(&givens[i], &settings);
    settings.without_namespaces = true;
    for (size_t i = 0; i < sizeof givens / sizeof givens[0]; i++)
        check(&givens[i], &settings);
}

/* 1 MB of rows, zero-terminated; free with free. */
static char *many_rows(void)
{
    enum { SIZE = 1 << 20 };
    char *const text = malloc(SIZE);
    assert_non_null(text);
    size_t n = (size_t)snprintf(text, SIZE, "a,b\n");
    for (unsigned i = 0; n < SIZE - 40; i++)
        n += (size_t)snprintf(text + n, SIZE - n, "%u,text number %u\n", i, i);
    return text;
}

static void too_little_memory_is_an_error_at_every_size(void **state)
{
    (void)state;
    char *const text = many_rows();
    const struct given given = {text, NULL, {.header = MER_CSV_HEADER_YES}};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    bool schema_failed, fitted = false;
    for (size_t budget = 1 << 10; budget < (size_t)1 << 27 && !fitted; budget *= 2) {
        struct mer_alloc alloc;
        mer_alloc_init(&alloc, budget);
        const struct mer_ctx ctx = {.alloc = &alloc};
        struct result result = {.has_schema = false};
        read_in_cell(&ctx, &given, &settings, &result, &schema_failed);
        fitted = mer_is_ok(result.status);
        if (!fitted)
            assert_int_equal(result.status.code, MER_ERR_MEMORY);
        release(&result);
        assert_int_equal(alloc.used, 0);
        assert_true(alloc.peak <= budget);
    }
    assert_true(fitted);
    free(text);
}

static void note_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    assert_string_equal(phase, "reading");
    assert_true(done <= total);
    ++*(unsigned *)self;
}

static void progress_comes_through(void **state)
{
    (void)state;
    unsigned n = 0;
    char *const text = many_rows();
    const struct given given = {text, NULL, {.header = MER_CSV_HEADER_YES}};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    const struct mer_progress progress = {note_progress, &n};
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc, .progress = &progress};
    struct result result = {.has_schema = false};
    bool schema_failed;
    read_in_cell(&ctx, &given, &settings, &result, &schema_failed);
    assert_int_equal(result.status.code, MER_OK);
    assert_true(n > 0);
    release(&result);
    free(text);
}

static void a_ping_tells_what_holds_a_cell(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, SIZE_MAX);
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_cell_settings settings = {.program = PROGRAM};
    unsigned level = 0, level_without = 0;
    uint64_t ready_ns = 0;
    mer_err err;
    assert_int_equal(mer_cell_ping(&ctx, &settings, &level, &ready_ns, &err).code, MER_OK);
    assert_true(level & MER_CELL_HAS_SECCOMP);
    assert_true(ready_ns > 0);
    settings.without_namespaces = true;
    assert_int_equal(mer_cell_ping(&ctx, &settings, &level_without, &ready_ns, &err).code, MER_OK);
    assert_int_equal(level_without, level & ~(unsigned)MER_CELL_HAS_NAMESPACES);
    settings.require_full = true;
    assert_int_equal(mer_cell_ping(&ctx, &settings, &level, &ready_ns, &err).code, MER_ERR_ABSENT);
    assert_non_null(strstr(err.message, "namespaces"));
    settings = (struct mer_cell_settings){.program = "/nowhere/merlon-cell"};
    assert_int_equal(mer_cell_ping(&ctx, &settings, &level, &ready_ns, &err).code, MER_ERR_ABSENT);
}

/* /proc/PID/NAME, zero-terminated. */
static void read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[512];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static unsigned count_descriptors_of(pid_t pid)
{
    char path[64];
    unsigned n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *const folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    (void)closedir(folder);
    return n;
}

static void check_namespaces(pid_t pid)
{
    static const char *const names[] = {"user", "net", "pid", "mnt", "ipc", "uts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        struct stat here, there;
        (void)snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
        assert_int_equal(stat(path, &here), 0);
        (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, names[i]);
        assert_int_equal(stat(path, &there), 0);
        if (here.st_ino == there.st_ino)
            fail_msg("the cell shares its parent's %s namespace", names[i]);
    }
}

enum { N_THREADS = 3 };

/* Every thread of the cell, for some of what confines a process confines a thread. */
static void check_threads(pid_t pid, const char *const *lines, size_t n_lines)
{
    char path[64], text[8192];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *const folder = opendir(path);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char name[300];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "task/%s/status", entry->d_name);
        read_proc(pid, name, text, sizeof text);
        for (size_t i = 0; i < n_lines; i++)
            if (!strstr(text, lines[i]))
                fail_msg("lacks '%s':\n%s", lines[i], text);
        n++;
    }
    (void)closedir(folder);
    assert_int_equal(n, N_THREADS);
}

/* What the kernel says of a cell that waits for its request. */
static void a_ready_cell_holds_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "\nSeccomp:\t2\n",
        "\nNoNewPrivs:\t1\n",
        "\nCapInh:\t0000000000000000\n",
        "\nCapPrm:\t0000000000000000\n",
        "\nCapEff:\t0000000000000000\n",
        "\nCapAmb:\t0000000000000000\n",
    };
    char text[8192];
    struct mer_alloc alloc;
    struct mer_team *team;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_int_equal(mer_team_new(&alloc, N_THREADS, &team, NULL).code, MER_OK);
    const struct mer_ctx ctx = {.alloc = &alloc, .team = team};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    const struct mer_cell_start_options options = {.settings = &settings,
                                                   .input = {.fd = -1},
                                                   .side = {.fd = -1},
                                                   .max_memory_bytes = 1 << 20,
                                                   .with_team = true};
    struct mer_cell_session session;
    assert_int_equal(mer_cell_session_start(&session, &ctx, &options, NULL).code, MER_OK);
    check_threads(session.child.pid, lines, sizeof lines / sizeof lines[0]);
    if (geteuid() == 0) { /* nobody else may look further into a process that is not dumpable */
        assert_int_equal(count_descriptors_of(session.child.pid), 2);
        read_proc(session.child.pid, "environ", text, sizeof text);
        assert_string_equal(text, "");
        if (session.child.namespaces)
            check_namespaces(session.child.pid);
    } else {
        print_message("not looked at, for that needs root: descriptors, environment, network\n");
    }
    mer_cell_session_end(&session);
    mer_team_free(team);
}

/* A file that is not sealed: the cell copies it, by both threads, before it looks at it. */
static void a_file_is_read_by_the_cell_itself(void **state)
{
    enum { ROWS = 700000, ROW_BYTES = 16 };
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    struct mer_cell_csv what = {.schema = {.fd = -1}, .options = &options, .is_file = true};
    struct mer_alloc alloc;
    struct mer_csv_report report;
    struct mer_frame here, there;
    bool schema_failed;
    mer_err err;
    (void)state;
    char *const text = malloc((size_t)ROWS * ROW_BYTES);
    assert_non_null(text);
    size_t n = (size_t)sprintf(text, "a,b\n");
    for (int i = 0; i < ROWS; i++)
        n += (size_t)sprintf(text + n, "%d,%d.5\n", i, i % 1000);
    mer_alloc_init(&alloc, (size_t)1 << 30);
    struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    assert_int_equal(mer_team_new(&alloc, 2, &ctx.team, NULL).code, MER_OK);
    assert_int_equal(mer_memory_file_new("file", &what.table.fd, NULL).code, MER_OK);
    assert_int_equal(mer_fd_write(what.table.fd, text, n, "file", NULL).code, MER_OK);
    what.table.n = n;
    assert_int_equal(mer_csv_read(&ctx, text, n, &options, &here, NULL, &err).code, MER_OK);
    const mer_status status =
        mer_cell_read_csv(&ctx, &settings, &what, &there, &report, NULL, &schema_failed, &err);
    if (!mer_is_ok(status))
        fail_msg("%s", err.message);
    assert_int_equal(there.n_rows, ROWS);
    assert_int_equal(here.n_image, there.n_image);
    assert_memory_equal(here.image, there.image, here.n_image);
    mer_frame_release(&here);
    mer_frame_release(&there);
    /* One that became shorter since somebody looked at its size. */
    assert_int_equal(ftruncate(what.table.fd, (off_t)n - 1), 0);
    assert_int_equal(
        mer_cell_read_csv(&ctx, &settings, &what, &there, &report, NULL, &schema_failed, &err).code,
        MER_ERR_IO);
    assert_non_null(strstr(err.message, "became shorter"));
    (void)close(what.table.fd);
    mer_team_free(ctx.team);
    assert_int_equal(alloc.used, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_reads_as_the_process_itself_would),
        cmocka_unit_test(a_file_is_read_by_the_cell_itself),
        cmocka_unit_test(too_little_memory_is_an_error_at_every_size),
        cmocka_unit_test(progress_comes_through),
        cmocka_unit_test(a_ping_tells_what_holds_a_cell),
        cmocka_unit_test(a_ready_cell_holds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
