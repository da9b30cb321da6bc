/* The Arrow C data interface: a producer made by hand, structures that lie, and tables that go out
 * and come back. */
#include "intake_table.h"

#include <math.h>

#include "intake/arrow_import.h"

/* One column of a producer: the test fills the structures in and the table is made of them. */
struct producer {
    struct ArrowSchema schema, child, dictionary_schema;
    struct ArrowSchema *schema_children[1];
    struct ArrowArray array, values, dictionary;
    struct ArrowArray *array_children[1];
    const void *table_buffers[1];
    const void *buffers[8];
    const void *dictionary_buffers[4];
    size_t n_released;
};

static void note_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void note_array(struct ArrowArray *array)
{
    struct producer *const producer = array->private_data;
    producer->n_released++;
    array->release = NULL;
}

/* A column "a" of n values of the format: validity, values and bytes. */
static void produce(struct producer *p, const char *format, size_t n, const void *validity,
                    const void *values, const void *bytes)
{
    const bool is_null = strcmp(format, "n") == 0;
    memset(p, 0, sizeof *p);
    p->child =
        (struct ArrowSchema){.format = format, .name = "a", .flags = 2, .release = note_schema};
    p->schema_children[0] = &p->child;
    p->schema = (struct ArrowSchema){
        .format = "+s", .n_children = 1, .children = p->schema_children, .release = note_schema};
    p->buffers[0] = validity;
    p->buffers[1] = values;
    p->buffers[2] = bytes;
    p->values = (struct ArrowArray){.length = (int64_t)n,
                                    .null_count = -1,
                                    .n_buffers = is_null ? 0
                                                 : bytes ? 3
                                                         : 2,
                                    .buffers = p->buffers,
                                    .release = note_array,
                                    .private_data = p};
    p->array_children[0] = &p->values;
    p->array = (struct ArrowArray){.length = (int64_t)n,
                                   .n_buffers = 1,
                                   .n_children = 1,
                                   .buffers = p->table_buffers,
                                   .children = p->array_children,
                                   .release = note_array,
                                   .private_data = p};
}

/* Gives the column a dictionary of large_utf8. */
static void produce_dictionary(struct producer *p, size_t n, const int64_t *offsets,
                               const char *bytes)
{
    p->dictionary_schema = (struct ArrowSchema){.format = "U", .release = note_schema};
    p->child.dictionary = &p->dictionary_schema;
    p->dictionary_buffers[1] = offsets;
    p->dictionary_buffers[2] = bytes;
    p->dictionary = (struct ArrowArray){.length = (int64_t)n,
                                        .n_buffers = 3,
                                        .buffers = p->dictionary_buffers,
                                        .release = note_array,
                                        .private_data = p};
    p->values.dictionary = &p->dictionary;
}

static mer_status import_into(struct intake *intake, const struct ArrowSchema *schema,
                              const struct ArrowArray *array, struct mer_region *region)
{
    struct mer_arrow_import import;
    mer_status status =
        mer_arrow_import_begin(&import, &intake->ctx, &intake->reading.csv, schema, &intake->err);
    if (mer_is_ok(status))
        status = mer_arrow_import_add(&import, array, &intake->err);
    if (mer_is_ok(status))
        status = mer_table_builder_write(&import.builder, region, &intake->report, &intake->err);
    mer_arrow_import_release(&import);
    return status;
}

static enum mer_code import(struct intake *intake, const struct ArrowSchema *schema,
                            const struct ArrowArray *array)
{
    struct mer_region region;
    mer_region_init_memory(&region, &intake->alloc, SIZE_MAX / 2);
    mer_status status = import_into(intake, schema, array, &region);
    if (mer_is_ok(status))
        status = mer_frame_adopt(&intake->ctx, &region, &intake->frame, &intake->err);
    if (!mer_is_ok(status))
        mer_region_release(&region);
    return status.code;
}

/* The one column of the table that was imported. */
static const struct mer_column *taken(struct intake *intake, struct producer *p)
{
    intake_init(intake);
    if (import(intake, &p->schema, &p->array) != MER_OK)
        fail_msg("%s", intake->err.message);
    return &intake->frame.columns[0];
}

static void refused(struct producer *p, const char *what)
{
    struct intake intake;
    intake_init(&intake);
    assert_int_equal(import(&intake, &p->schema, &p->array), MER_ERR_DATA);
    if (!strstr(intake.err.message, what))
        fail_msg("%s, not %s", intake.err.message, what);
    intake_end(&intake);
}

/* Two values of a format that become integers of a type (or are counted as such). */
static void takes_words(const char *format, const void *values, enum mer_type type, int64_t first,
                        int64_t second)
{
    struct producer p;
    struct intake intake;
    produce(&p, format, 2, NULL, values, NULL);
    const struct mer_column *const column = taken(&intake, &p);
    assert_int_equal(column->type, type);
    assert_int_equal(column->data.integers[0], first);
    assert_int_equal(column->data.integers[1], second);
    intake_end(&intake);
}

static void integers_of_every_width_are_taken(void **state)
{
    (void)state;
    takes_words("c", (const int8_t[]){-128, 127}, MER_TYPE_INTEGER, -128, 127);
    takes_words("C", (const uint8_t[]){0, 255}, MER_TYPE_INTEGER, 0, 255);
    takes_words("s", (const int16_t[]){-32768, 1}, MER_TYPE_INTEGER, -32768, 1);
    takes_words("S", (const uint16_t[]){0, 65535}, MER_TYPE_INTEGER, 0, 65535);
    takes_words("i", (const int32_t[]){INT32_MIN, 1}, MER_TYPE_INTEGER, INT32_MIN, 1);
    takes_words("I", (const uint32_t[]){0, UINT32_MAX}, MER_TYPE_INTEGER, 0, UINT32_MAX);
    takes_words("l", (const int64_t[]){INT64_MIN, INT64_MAX}, MER_TYPE_INTEGER, INT64_MIN,
                INT64_MAX);
    takes_words("L", (const uint64_t[]){0, INT64_MAX}, MER_TYPE_INTEGER, 0, INT64_MAX);
}

static void dates_and_times_of_every_unit_are_taken(void **state)
{
    (void)state;
    takes_words("tdD", (const int32_t[]){-1, 19782}, MER_TYPE_DATE, -1, 19782);
    takes_words("tdm", (const int64_t[]){-86400000, 0}, MER_TYPE_DATE, -1, 0);
    takes_words("tts", (const int32_t[]){0, 86399}, MER_TYPE_TIME, 0, 86399000000);
    takes_words("ttm", (const int32_t[]){0, 1}, MER_TYPE_TIME, 0, 1000);
    takes_words("ttu", (const int64_t[]){0, 1}, MER_TYPE_TIME, 0, 1);
    takes_words("ttn", (const int64_t[]){0, 2000}, MER_TYPE_TIME, 0, 2);
    takes_words("tss:", (const int64_t[]){-1, 1}, MER_TYPE_DATETIME, -1000000, 1000000);
    takes_words("tsm:UTC", (const int64_t[]){-1, 1}, MER_TYPE_DATETIME, -1000, 1000);
    takes_words("tsu:Europe/Vienna", (const int64_t[]){-1, 1}, MER_TYPE_DATETIME, -1, 1);
    takes_words("tsn:", (const int64_t[]){-1000, 5000}, MER_TYPE_DATETIME, -1, 5);
    takes_words("d:9,0", (const int64_t[]){-7, -1, 8, 0}, MER_TYPE_INTEGER, -7, 8);
}

static void takes_numbers(const char *format, const void *values, double first, double second)
{
    struct producer p;
    struct intake intake;
    produce(&p, format, 2, NULL, values, NULL);
    const struct mer_column *const column = taken(&intake, &p);
    assert_int_equal(column->type, MER_TYPE_NUMBER);
    assert_true(column->data.numbers[0] == first && column->data.numbers[1] == second);
    intake_end(&intake);
}

static void numbers_of_every_width_are_taken(void **state)
{
    (void)state;
    takes_numbers("e", (const uint16_t[]){0x3c00, 0xfbff}, 1, -65504);
    takes_numbers("e", (const uint16_t[]){0x0001, 0x7c00}, 0x1p-24, (double)INFINITY);
    takes_numbers("f", (const float[]){0.5F, -2.0F}, 0.5, -2);
    takes_numbers("g", (const double[]){0.1, 1e300}, 0.1, 1e300);
    takes_numbers("d:9,2", (const int64_t[]){-725, -1, 10, 0}, -7.25, 0.1);
    takes_numbers("d:9,2,64", (const int64_t[]){-725, 10}, -7.25, 0.1);
}

static void nulls_and_nan_are_missing(void **state)
{
    (void)state;
    static const double values[] = {1, 2, NAN, 4};
    static const uint8_t validity[] = {0x0d};
    struct producer p;
    struct intake intake;
    produce(&p, "g", 4, validity, values, NULL);
    p.values.null_count = 1;
    const struct mer_column *column = taken(&intake, &p);
    assert_int_equal(column->n_missing, 2);
    assert_int_equal(column->validity[0], 0x09);
    intake_end(&intake);

    produce(&p, "n", 4, NULL, NULL, NULL);
    p.values.null_count = 4;
    column = taken(&intake, &p);
    assert_int_equal(column->n_missing, 4);
    intake_end(&intake);
}

static void offsets_of_the_table_and_of_a_column_add_up(void **state)
{
    (void)state;
    static const int64_t values[] = {0, 1, 2, 3, 4, 5};
    static const uint8_t bits[] = {0x12};
    struct producer p;
    struct intake intake;
    produce(&p, "l", 5, NULL, values, NULL);
    p.values.offset = 1;
    p.array.offset = 2;
    p.array.length = 3;
    const struct mer_column *column = taken(&intake, &p);
    assert_int_equal(intake.frame.n_rows, 3);
    assert_int_equal(column->data.integers[0], 3);
    assert_int_equal(column->data.integers[2], 5);
    intake_end(&intake);

    produce(&p, "b", 5, NULL, bits, NULL);
    p.array.offset = 1;
    p.array.length = 4;
    column = taken(&intake, &p);
    assert_int_equal(column->data.bits[0], 0x09);
    intake_end(&intake);
}

static void texts_and_dictionaries_are_taken(void **state)
{
    (void)state;
    static const int32_t offsets[] = {0, 1, 1, 4};
    static const int64_t level_offsets[] = {0, 3, 7};
    static const int8_t indices[] = {1, 0, 1};
    static const uint8_t validity[] = {0x05};
    struct producer p;
    struct intake intake;
    produce(&p, "u", 3, NULL, offsets, "axyz");
    const struct mer_column *column = taken(&intake, &p);
    assert_int_equal(column->type, MER_TYPE_CATEGORICAL);
    assert_int_equal(column->n_levels, 2);
    assert_int_equal(column->n_missing, 1); /* the empty text */
    intake_end(&intake);

    produce(&p, "c", 3, validity, indices, NULL);
    produce_dictionary(&p, 2, level_offsets, "redblue");
    column = taken(&intake, &p);
    assert_int_equal(column->type, MER_TYPE_CATEGORICAL);
    assert_int_equal(column->n_levels, 2);
    assert_memory_equal(mer_column_level(column, 1).bytes, "blue", 4);
    assert_int_equal(column->data.codes[0], 1);
    assert_int_equal(column->data.codes[1], -1);
    intake_end(&intake);
}

static void texts_by_views_are_taken(void **state)
{
    (void)state;
    static const char piece[] = "..a text of more than twelve bytes";
    static const int64_t sizes[] = {sizeof piece - 1};
    int32_t views[2][4] = {{5}, {32, 0, 0, 2}};
    memcpy(&views[0][1], "short", 5);
    struct producer p;
    struct intake intake;
    produce(&p, "vu", 2, NULL, views, piece);
    p.buffers[3] = sizes;
    p.values.n_buffers = 4;
    const struct mer_column *const column = taken(&intake, &p);
    assert_int_equal(column->n_levels, 2);
    assert_memory_equal(mer_column_level(column, 0).bytes, "short", 5);
    assert_memory_equal(mer_column_level(column, 1).bytes, piece + 2, 32);
    intake_end(&intake);

    views[1][3] = 3;
    refused(&p, "reach beyond their bytes");
    views[1][3] = -1;
    refused(&p, "reach beyond their bytes");
    views[1][2] = 1;
    refused(&p, "reach beyond their bytes");
    views[0][0] = -1;
    refused(&p, "reach beyond their bytes");
    p.buffers[3] = NULL;
    refused(&p, "without the sizes");
}

static void structures_that_lie_are_refused(void **state)
{
    (void)state;
    static const int64_t words[] = {1, 2, 3, 4};
    static const uint8_t validity[] = {0x0f};
    struct producer p;
#define LIE(change, what)                                                                          \
    produce(&p, "l", 4, NULL, words, NULL);                                                        \
    change;                                                                                        \
    refused(&p, what)
    LIE(p.schema.format = "l", "array of structs");
    LIE(p.schema.n_children = 0, "no columns");
    LIE(p.schema.n_children = INT64_MAX, "or too many");
    LIE(p.schema.children = NULL, "no columns");
    LIE(p.schema_children[0] = NULL, "without its columns");
    LIE(p.schema.release = NULL, "array of structs");
    LIE(p.child.release = NULL, "was released");
    LIE(p.child.format = NULL, "has no format");
    LIE(p.child.format = "+l", "nested");
    LIE(p.child.n_children = 1, "nested");
    LIE(p.child.format = "z", "no table column has");
    LIE(p.child.format = "tiM", "no table column has");
    LIE(p.child.format = "tsx:", "no table column has");
    LIE(p.child.format = "d:5", "no table column has");
    LIE(p.child.format = "d:5,99999", "no table column has");
    LIE(p.child.name = NULL, "has no name");
    LIE(p.child.name = "\xff", "not valid UTF-8");
    LIE(p.array.release = NULL, "contradicts");
    LIE(p.array.n_children = 2, "contradicts");
    LIE(p.array.length = -1, "contradicts");
    LIE(p.array.offset = -1, "contradicts");
    LIE(p.array.offset = INT64_MAX, "longer than memory");
    LIE(p.array.null_count = 1, "rows may be null");
    LIE(p.array.length = 5, "fewer values");
    LIE(p.array_children[0] = NULL, "not there");
    LIE(p.values.release = NULL, "was released");
    LIE(p.values.n_buffers = 3, "contradicts");
    LIE(p.values.buffers = NULL, "contradicts");
    LIE(p.values.length = -1, "contradicts");
    LIE(p.values.offset = INT64_MAX, "longer than memory");
    LIE(p.buffers[1] = NULL, "without values");
    LIE(p.values.null_count = 1, "nulls without a validity bitmap");
    LIE(p.values.null_count = -2, "nulls without a validity bitmap");
    LIE(p.buffers[0] = validity; p.values.null_count = 3, "its bitmap contradicts");
    LIE(p.array.length = p.values.length = 0, "no rows");
#undef LIE
}

static void texts_and_indices_that_lie_are_refused(void **state)
{
    (void)state;
    static const int32_t negative[] = {-1, 1}, backwards[] = {2, 1}, bad_text[] = {0, 1};
    static const int64_t level_offsets[] = {0, 3};
    static const int32_t indices[] = {1}, below[] = {-1};
    static const uint64_t large[] = {UINT64_MAX};
    static const int64_t nanoseconds[] = {1}, wide[] = {2000000000000000, 0};
    struct producer p;
    produce(&p, "u", 1, NULL, negative, "ab");
    refused(&p, "begin before");
    produce(&p, "u", 1, NULL, backwards, "ab");
    refused(&p, "end before");
    produce(&p, "u", 1, NULL, bad_text, "\xff");
    refused(&p, "not valid UTF-8");
    produce(&p, "u", 1, NULL, bad_text, "x");
    p.buffers[2] = NULL;
    refused(&p, "without bytes");
    produce(&p, "i", 1, NULL, indices, NULL);
    produce_dictionary(&p, 1, level_offsets, "red");
    refused(&p, "beyond the dictionary");
    produce(&p, "i", 1, NULL, below, NULL);
    produce_dictionary(&p, 1, level_offsets, "red");
    refused(&p, "beyond the dictionary");
    p.values.dictionary = NULL;
    refused(&p, "not there");
    produce_dictionary(&p, 1, level_offsets, "red");
    p.child.format = "g";
    refused(&p, "no table column has");
    produce(&p, "L", 1, NULL, large, NULL);
    refused(&p, "above 9223372036854775807");
    produce(&p, "tsn:", 1, NULL, nanoseconds, NULL);
    refused(&p, "finer than a microsecond");
    produce(&p, "tdm", 1, NULL, nanoseconds, NULL);
    refused(&p, "time of the day");
    produce(&p, "d:20,2", 1, NULL, wide, NULL);
    refused(&p, "more digits than a number holds");
}

/* Counts those who hold a table. */
static void retain(void *self)
{
    ++*(size_t *)self;
}

static void release(void *self)
{
    --*(size_t *)self;
}

static void a_table_that_goes_out_comes_back_the_same(void **state)
{
    (void)state;
    struct intake intake, again;
    struct ArrowSchema schema;
    struct ArrowArray array;
    size_t n_holders = 0;
    const struct mer_arrow_owner owner = {retain, release, &n_holders};
    intake_init(&intake);
    intake_read_file(&intake, GOLDEN "duckdb.snappy.parquet");
    assert_int_equal(
        mer_arrow_export_table(&intake.frame, &owner, &schema, &array, &intake.err).code, MER_OK);
    assert_true(n_holders >= 2 * intake.frame.n_columns);
    intake_init(&again);
    assert_int_equal(import(&again, &schema, &array), MER_OK);
    assert_same_table(&intake.frame, &again.frame);
    /* A column that was moved out outlives the rest. */
    struct ArrowArray moved = *array.children[8];
    array.children[8]->release = NULL;
    array.release(&array);
    schema.release(&schema);
    assert_int_equal(n_holders, 2); /* the column and its dictionary */
    moved.release(&moved);
    assert_int_equal(n_holders, 0);
    intake_end(&again);
    intake_end(&intake);
}

static void every_failing_allocation_of_an_export_is_survived(void **state)
{
    (void)state;
    struct intake intake;
    struct ArrowSchema schema;
    struct ArrowArray array;
    size_t n_holders = 0;
    const struct mer_arrow_owner owner = {retain, release, &n_holders};
    intake_init(&intake);
    intake_read_file(&intake, GOLDEN "duckdb.snappy.parquet");
    const size_t used = atomic_load(&intake.alloc.used);
    for (uint64_t k = 1;; k++) {
        intake.alloc.fail_at = atomic_load(&intake.alloc.requests) + k;
        const mer_status status =
            mer_arrow_export_table(&intake.frame, &owner, &schema, &array, &intake.err);
        intake.alloc.fail_at = 0;
        if (mer_is_ok(status))
            break;
        assert_int_equal(status.code, MER_ERR_MEMORY);
        assert_int_equal(n_holders, 0);
        assert_int_equal(atomic_load(&intake.alloc.used), used);
    }
    schema.release(&schema);
    array.release(&array);
    intake_end(&intake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_every_width_are_taken),
        cmocka_unit_test(dates_and_times_of_every_unit_are_taken),
        cmocka_unit_test(numbers_of_every_width_are_taken),
        cmocka_unit_test(nulls_and_nan_are_missing),
        cmocka_unit_test(offsets_of_the_table_and_of_a_column_add_up),
        cmocka_unit_test(texts_and_dictionaries_are_taken),
        cmocka_unit_test(texts_by_views_are_taken),
        cmocka_unit_test(structures_that_lie_are_refused),
        cmocka_unit_test(texts_and_indices_that_lie_are_refused),
        cmocka_unit_test(a_table_that_goes_out_comes_back_the_same),
        cmocka_unit_test(every_failing_allocation_of_an_export_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
