/* Shared by the tests of formats: reads a table of any of them, whole files, and compares tables.
 */
#ifndef TESTS_INTAKE_TABLE_H
#define TESTS_INTAKE_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "intake/table_reader.h"

#define GOLDEN MER_SOURCE_DIR "/tests/intake/golden/"

/* One table and what it was read with. */
struct intake {
    struct mer_alloc alloc;
    struct mer_ctx ctx;
    struct mer_table_reading reading;
    struct mer_frame frame;
    struct mer_csv_report report;
    mer_err err;
};

static inline void intake_init(struct intake *intake)
{
    *intake = (struct intake){.ctx = {.alloc = &intake->alloc}};
    mer_alloc_init(&intake->alloc, SIZE_MAX);
}

/* Checks that everything was given back. */
static inline void intake_end(struct intake *intake)
{
    mer_frame_release(&intake->frame);
    assert_int_equal(atomic_load(&intake->alloc.used), 0);
}

static inline enum mer_code intake_read(struct intake *intake, const void *bytes, size_t n)
{
    struct mer_region region;
    mer_frame_release(&intake->frame);
    mer_err_clear(&intake->err);
    mer_region_init_memory(&region, &intake->alloc, SIZE_MAX / 2);
    mer_status status = mer_table_write_image(&intake->ctx, SIZE_MAX, bytes, n, &intake->reading,
                                              &region, &intake->report, &intake->err);
    if (mer_is_ok(status))
        status = mer_frame_adopt(&intake->ctx, &region, &intake->frame, &intake->err);
    if (!mer_is_ok(status))
        mer_region_release(&region);
    return status.code;
}

/* A whole file; free with free(). */
static inline unsigned char *intake_file(const char *path, size_t *ret_n)
{
    FILE *const file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const long n = ftell(file);
    assert_true(n >= 0);
    rewind(file);
    unsigned char *const bytes = malloc((size_t)n + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)n, file), n);
    (void)fclose(file);
    *ret_n = (size_t)n;
    return bytes;
}

static inline void intake_read_file(struct intake *intake, const char *path)
{
    size_t n;
    unsigned char *const bytes = intake_file(path, &n);
    if (intake_read(intake, bytes, n) != MER_OK)
        fail_msg("%s: %s", path, intake->err.message);
    free(bytes);
}

static inline void assert_same_table(const struct mer_frame *a, const struct mer_frame *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_columns, b->n_columns);
    for (size_t c = 0; c < a->n_columns; c++) {
        if (a->columns[c].type != b->columns[c].type ||
            a->columns[c].n_missing != b->columns[c].n_missing)
            fail_msg("column %s: %s with %zu missing, %s with %zu missing", a->columns[c].name,
                     mer_type_name(a->columns[c].type), a->columns[c].n_missing,
                     mer_type_name(b->columns[c].type), b->columns[c].n_missing);
        const size_t words = a->n_rows * sizeof(int64_t);
        if (a->columns[c].type == MER_TYPE_NUMBER &&
            memcmp(a->columns[c].data.numbers, b->columns[c].data.numbers, words) != 0)
            fail_msg("column %s has other numbers", a->columns[c].name);
    }
    assert_int_equal(a->n_image, b->n_image);
    assert_memory_equal(a->image, b->image, a->n_image);
}

/* The table of a file must be that of the CSV file, whose types it is read by. */
static inline void same_as_csv(const char *format, const char *csv_path, const char *path)
{
    struct intake csv, other;
    struct mer_schema schema;
    intake_init(&csv);
    csv.reading.csv.header = MER_CSV_HEADER_YES;
    intake_read_file(&csv, csv_path);
    assert_int_equal(
        mer_schema_of_frame(&csv.ctx, &csv.frame, MER_CSV_MISSING, MER_CSV_N_MISSING, &schema, NULL)
            .code,
        MER_OK);
    intake_init(&other);
    other.reading.csv.schema = &schema;
    intake_read_file(&other, path);
    assert_string_equal(MER_TABLE_FORMATS[other.report.format].name, format);
    assert_same_table(&csv.frame, &other.frame);
    mer_schema_release(&schema);
    intake_end(&csv);
    intake_end(&other);
}

/* A copy of exactly n bytes, so that a sanitizer sees every byte too many. */
static inline enum mer_code read_copy(struct intake *intake, const unsigned char *bytes, size_t n)
{
    unsigned char *const copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    const enum mer_code code = intake_read(intake, copy, n);
    free(copy);
    return code;
}

/* Cut off anywhere behind the first bytes, by which it is recognised. */
static inline void refuse_cut(const char *path, size_t first)
{
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(path, &n);
    intake_init(&intake);
    for (size_t k = first; k < n; k += k < 100 ? 1 : 997) {
        assert_int_equal(read_copy(&intake, bytes, k), MER_ERR_DATA);
        assert_int_equal(atomic_load(&intake.alloc.used), 0);
    }
    free(bytes);
    intake_end(&intake);
}

/* Every few bytes one is changed, near the end, where the metadata are, more of them: an error or
 * another table, never more. */
static inline void survive_changes(const char *path)
{
    struct intake intake;
    size_t n;
    unsigned char *const bytes = intake_file(path, &n);
    intake_init(&intake);
    intake.alloc.budget = 64 << 20;
    for (size_t i = 0; i < n; i += i + 4096 < n ? 211 : 3) {
        const unsigned char old = bytes[i];
        bytes[i] = (unsigned char)(old ^ (1U << (i % 8)));
        (void)intake_read(&intake, bytes, n);
        bytes[i] = old;
        intake_end(&intake);
    }
    free(bytes);
}

#endif
