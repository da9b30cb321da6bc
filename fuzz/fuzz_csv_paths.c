/* CSV, every way it can be read: the plain reader, and the fast one with each instruction set that
 * this processor has, one to three threads, and texts cut into small and large blocks. All must say
 * the same, byte for byte. The first byte chooses options, the rest is the file. */
#include <stdlib.h>
#include <string.h>

#include "core/team.h"
#include "frame/csv.h"

enum { MEMORY = 512 << 20, TEAMS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct mer_team *teams[TEAMS];

static void free_teams(void)
{
    for (size_t i = 0; i < TEAMS; i++)
        mer_team_free(teams[i]);
}

/* Once: threads are dear. */
static void begin_teams(void)
{
    static struct mer_alloc alloc;
    if (teams[0])
        return;
    mer_alloc_init(&alloc, MEMORY);
    for (size_t i = 0; i < TEAMS; i++)
        must(mer_is_ok(mer_team_new(&alloc, i + 1, &teams[i], NULL)));
    must(atexit(free_teams) == 0);
}

struct result {
    mer_status status;
    mer_err err;
    struct mer_frame frame;
    struct mer_csv_report report;
};

static struct result read_so(const struct mer_ctx *ctx, const struct mer_csv_options *options,
                             const uint8_t *bytes, size_t n)
{
    struct result result = {.status = {MER_OK}};
    result.status =
        mer_csv_read(ctx, bytes, n, options, &result.frame, &result.report, &result.err);
    return result;
}

static void must_agree(const struct result *plain, const struct result *fast)
{
    must(plain->status.code == fast->status.code);
    if (plain->status.code != MER_OK) {
        must(strcmp(plain->err.message, fast->err.message) == 0);
        return;
    }
    must(plain->frame.n_image == fast->frame.n_image);
    must(memcmp(plain->frame.image, fast->frame.image, plain->frame.n_image) == 0);
    must(memcmp(plain->report.missing_counts, fast->report.missing_counts,
                sizeof plain->report.missing_counts) == 0);
}

/* With a schema of its own, which makes other demands on cells than inference does. */
static void read_all_ways(struct mer_ctx *ctx, struct mer_csv_options options, const uint8_t *bytes,
                          size_t n)
{
    static const size_t blocks[] = {64, 192, 0};
    ctx->team = NULL;
    ctx->cpu = MER_CPU_PLAIN;
    options.plainly = true;
    struct result plain = read_so(ctx, &options, bytes, n);
    options.plainly = false;
    for (int cpu = MER_CPU_PLAIN; cpu <= (int)mer_cpu_detect(); cpu++) {
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
            ctx->cpu = (enum mer_cpu_level)cpu;
            ctx->team = teams[((size_t)cpu + i) % TEAMS];
            options.block_bytes = blocks[i];
            struct result fast = read_so(ctx, &options, bytes, n);
            must_agree(&plain, &fast);
            if (mer_is_ok(fast.status))
                mer_frame_release(&fast.frame);
        }
    }
    struct mer_schema schema;
    if (!options.schema && mer_is_ok(plain.status)) {
        must(mer_is_ok(mer_schema_of_frame(ctx, &plain.frame, MER_CSV_MISSING, MER_CSV_N_MISSING,
                                           &schema, NULL)));
        options.schema = &schema;
        options.header = plain.report.has_header ? MER_CSV_HEADER_YES : MER_CSV_HEADER_NO;
        read_all_ways(ctx, options, bytes, n);
        mer_schema_release(&schema);
    }
    if (mer_is_ok(plain.status))
        mer_frame_release(&plain.frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char delimiters[] = {0, ',', ';', '\t', '|', 'x', ' ', 0};
    static const char *const odd_missing[] = {"0", "-", "", "1.5"};
    struct mer_alloc alloc;
    struct mer_ctx ctx = {.alloc = &alloc};
    begin_teams();
    if (n == 0)
        return 0;
    struct mer_csv_options options = {.delimiter = delimiters[bytes[0] & 7],
                                      .header = (enum mer_csv_header)((bytes[0] >> 3 & 3) % 3)};
    if (bytes[0] & 0x80) {
        options.missing_values = odd_missing;
        options.n_missing_values = sizeof odd_missing / sizeof odd_missing[0];
    }
    mer_alloc_init(&alloc, MEMORY);
    read_all_ways(&ctx, options, bytes + 1, n - 1);
    must(atomic_load(&alloc.used) == 0);
    return 0;
}
