/* What cells cost: the time from a cell's start until it is confined and ready, and a table read
 * through a cell beside the same table read in the process itself. Prints medians and ratios.
 *
 *   bench_cell [MEGABYTES [TIMES]]
 */
#include <string.h>

#include "bench_times.h"
#include "cell/client.h"
#include "os/memory_file.h"
#include "os/privilege.h"

enum { STARTS = 300, TIMES_MAX = 64, ROW_MAX = 128 };

static const char *const PROGRAM = MER_BINARY_DIR "/merlon-cell";

static void measure_start(const struct mer_ctx *ctx, bool without_namespaces)
{
    const struct mer_cell_settings settings = {.program = PROGRAM,
                                               .without_namespaces = without_namespaces};
    static double times[STARTS];
    mer_err err;
    for (size_t i = 0; i < STARTS; i++) {
        unsigned level;
        uint64_t ready_ns;
        check(mer_cell_ping(ctx, &settings, &level, &ready_ns, &err), &err);
        times[i] = (double)ready_ns * 1e-6;
    }
    const double middle = median(times, STARTS); /* sorts */
    printf("start to ready, %s namespaces: median of %d: %.2f ms (fastest %.2f)\n",
           without_namespaces ? "without" : "with", STARTS, middle, times[0]);
}

/* A table of numbers, whole numbers, dates, categories and texts. */
static char *make_table(size_t n_bytes, size_t *ret_n)
{
    static const char *const colours[] = {"red", "green", "blue", "", "yellow"};
    char *const text = malloc(n_bytes + ROW_MAX);
    if (!text)
        exit(75);
    size_t n = (size_t)snprintf(text, ROW_MAX, "id,x,y,day,colour,note\n");
    for (unsigned i = 0; n < n_bytes; i++) {
        const unsigned r = i * 2654435761u;
        n += (size_t)snprintf(
            text + n, ROW_MAX, "%u,%u.%06u,%d,2024-%02u-%02u,%s,note %u of many\n", i, r >> 20,
            r & 0xfffff, (int)(r >> 8), r % 12 + 1, r % 28 + 1, colours[r % 5], r % 100000);
    }
    *ret_n = n;
    return text;
}

static struct times read_here(const struct mer_ctx *ctx, struct mer_cell_input input)
{
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    const unsigned char *bytes;
    struct mer_frame frame;
    mer_err err;
    const struct times start = times_now();
    check(mer_memory_file_map(input.fd, input.n, &bytes, &err), &err);
    check(mer_csv_read(ctx, bytes, input.n, &options, &frame, NULL, &err), &err);
    const struct times taken = times_since(start);
    mer_frame_release(&frame);
    mer_memory_file_unmap(bytes, input.n);
    return taken;
}

static struct times read_in_cell(const struct mer_ctx *ctx, struct mer_cell_input input)
{
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    const struct mer_cell_csv what = {.table = input, .schema = {.fd = -1}, .options = &options};
    const struct mer_cell_settings settings = {.program = PROGRAM};
    struct mer_frame frame;
    struct mer_csv_report report;
    bool schema_failed;
    mer_err err;
    const struct times start = times_now();
    check(mer_cell_read_csv(ctx, &settings, &what, &frame, &report, NULL, &schema_failed, &err),
          &err);
    const struct times taken = times_since(start);
    mer_frame_release(&frame);
    return taken;
}

static void measure_reading(const struct mer_ctx *ctx, size_t n_bytes, size_t n_times)
{
    struct times here[TIMES_MAX], cell[TIMES_MAX];
    struct mer_cell_input input;
    mer_err err;
    char name[64];
    char *const text = make_table(n_bytes, &input.n);
    check(mer_memory_file_of("bench", text, input.n, &input.fd, &err), &err);
    free(text);
    for (size_t i = 0; i < n_times; i++) { /* in turns, so that a busy machine slows both */
        here[i] = read_here(ctx, input);
        cell[i] = read_in_cell(ctx, input);
    }
    (void)snprintf(name, sizeof name, "a table of %.0f MB", (double)input.n * 1e-6);
    print_comparison(name, here, cell, n_times);
}

int main(int argc, char **argv)
{
    const long megabytes = argc > 1 ? strtol(argv[1], NULL, 10) : 250;
    const long times = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    struct mer_alloc alloc;
    mer_err err;
    if (megabytes < 1 || times < 1 || times > TIMES_MAX) {
        fprintf(stderr, "usage: bench_cell [MEGABYTES [TIMES]]\n");
        return 64;
    }
    mer_alloc_init(&alloc, SIZE_MAX);
    check(mer_privilege_gain_none(&err), &err); /* as merlon does where root runs it */
    const struct mer_ctx ctx = {.alloc = &alloc, .cpu = mer_cpu_detect()};
    measure_start(&ctx, true);
    measure_start(&ctx, false);
    measure_reading(&ctx, (size_t)megabytes * 1000000, (size_t)times);
    return 0;
}
