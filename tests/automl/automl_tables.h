/* Small tables and a context for the tests of src/automl. */
#ifndef AUTOML_TABLES_H
#define AUTOML_TABLES_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "automl/search.h"
#include "core/buf.h"
#include "core/rng.h"
#include "core/team.h"
#include "frame/csv.h"

static struct mer_alloc alloc;
static struct mer_ctx ctx;
static mer_err err;

static inline void assert_ok(mer_status status)
{
    if (!mer_is_ok(status))
        fail_msg("%s (%s)", err.message, err.hint);
}

static inline void assert_code(mer_status status, enum mer_code code)
{
    if (status.code != code)
        fail_msg("got %s instead of %s: %s", mer_code_name(status.code), mer_code_name(code),
                 mer_is_ok(status) ? "" : err.message);
    assert_true(err.message[0] != '\0');
}

static inline void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * (1 + fabs(expected))))
        fail_msg("got %.17g instead of %.17g", value, expected);
}

/* Before each test: a fresh context. */
static inline int begin(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    ctx = (struct mer_ctx){.alloc = &alloc, .cpu = mer_cpu_detect()};
    err = (mer_err){0};
    return 0;
}

/* After each test: nothing may be left. */
static inline int end(void **state)
{
    (void)state;
    mer_team_free(ctx.team);
    return atomic_load(&alloc.used) == 0 ? 0 : -1;
}

static inline struct mer_frame read_table(const char *text)
{
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES, .delimiter = ','};
    struct mer_csv_report report;
    struct mer_frame frame;

    assert_ok(mer_csv_read(&ctx, text, strlen(text), &options, &frame, &report, &err));
    return frame;
}

/* A made table with all kinds of columns: numbers with missing values, an integer, a boolean, two
 * categorical columns, a date, and a target `y` that depends on them. `task` is 'b' (two classes),
 * 'm' (three) or 'r' (a number). */
/* The last cell of a row: a number, or the name of a class. */
static inline void add_target(struct mer_buf *buf, char task, double y, unsigned class)
{
    static const char *const classes[] = {"low", "middle", "high"};
    if (task == 'r')
        assert_ok(mer_buf_printf(buf, &err, "%.6f\n", y));
    else
        assert_ok(mer_buf_printf(buf, &err, "%s\n", classes[class]));
}

static inline struct mer_frame read_made(struct mer_buf *buf)
{
    const char *text;
    assert_ok(mer_buf_cstr(buf, &text, &err));
    struct mer_frame frame = read_table(text);
    mer_buf_release(buf);
    return frame;
}

static inline struct mer_frame make_table(size_t n_rows, char task, uint64_t seed)
{
    static const char *const colours[] = {"red", "green", "blue", "white"};
    struct mer_buf buf;
    mer_rng rng;

    mer_rng_init(&rng, seed, 0);
    mer_buf_init(&buf, &alloc, (size_t)64 << 20);
    assert_ok(mer_buf_text(&buf, "height,weight,age,member,colour,place,joined,note,y\n", &err));
    for (size_t i = 0; i < n_rows; i++) {
        const double height = mer_rng_normal(&rng), weight = 70 + 10 * mer_rng_normal(&rng);
        const unsigned age = 18 + (unsigned)mer_rng_below(&rng, 60);
        const unsigned colour = (unsigned)mer_rng_below(&rng, 4);
        const unsigned place = (unsigned)mer_rng_below(&rng, 12);
        const bool member = mer_rng_u32(&rng) & 1;
        const double noise = mer_rng_normal(&rng);
        const double y = height + 0.05 * age + (colour == 2) + (member ? 0.5 : 0) + 0.5 * noise;
        const unsigned class = task == 'b' ? y > 2.8 : y > 3.5 ? 2 : y > 2.3;
        char number[40];
        if (mer_rng_below(&rng, 10) == 0)
            number[0] = '\0';
        else
            (void)snprintf(number, sizeof(number), "%.6f", weight);
        assert_ok(mer_buf_printf(&buf, &err, "%.6f,%s,%u,%s,%s,p%u,20%02u-%02u-%02u,n%zu %.3f,",
                                 height, number, age, member ? "true" : "false", colours[colour],
                                 place, 10 + age % 10, 1 + colour * 3, 1 + place, i, noise));
        add_target(&buf, task, y, class);
    }
    return read_made(&buf);
}

static inline struct mer_schema schema_of(const struct mer_frame *frame)
{
    struct mer_schema schema;
    mer_schema_init(&schema, &alloc);
    assert_ok(mer_schema_of_frame(&ctx, frame, MER_CSV_MISSING, MER_CSV_N_MISSING, &schema, &err));
    return schema;
}

/* Fits column `y`. */
static inline mer_status try_fit(const struct mer_frame *frame,
                                 const struct mer_search_options *options,
                                 struct mer_pipeline **ret_pipeline)
{
    struct mer_search_options complete = *options;
    struct mer_schema schema = schema_of(frame);
    if (!complete.target)
        complete.target = "y";
    const mer_status status = mer_search_fit(&ctx, frame, &schema, &complete, ret_pipeline, &err);
    mer_schema_release(&schema);
    return status;
}

static inline struct mer_pipeline *fit(const struct mer_frame *frame,
                                       const struct mer_search_options *options)
{
    struct mer_pipeline *pipeline = NULL;
    assert_ok(try_fit(frame, options, &pipeline));
    return pipeline;
}

static inline struct mer_bundle save(const struct mer_pipeline *pipeline)
{
    struct mer_bundle bundle;
    mer_bundle_init(&bundle, &alloc);
    assert_ok(mer_pipeline_save(&ctx, pipeline, &bundle, &err));
    return bundle;
}

#endif
