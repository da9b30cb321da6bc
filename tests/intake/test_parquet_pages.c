/* Pages made by hand, in encodings and types that no golden file has. */
#include "intake_table.h"

#include "intake/parquet_encoding.h"
#include "intake/parquet_pages.h"
#include "intake/thrift_write.h"

/* A chunk's bytes, and the column that they are read into. */
struct paging {
    struct intake intake;
    struct mer_buf bytes;
    struct mer_buf page;
    struct mer_table_builder builder;
    struct mer_built_column *column;
};

static void begin(struct paging *p)
{
    intake_init(&p->intake);
    mer_buf_init(&p->bytes, &p->intake.alloc, SIZE_MAX / 2);
    mer_buf_init(&p->page, &p->intake.alloc, SIZE_MAX / 2);
}

static void put(struct paging *p, const void *bytes, size_t n)
{
    assert_int_equal(mer_buf_append(&p->page, bytes, n, NULL).code, MER_OK);
}

static void put_varint(struct paging *p, uint64_t value)
{
    struct mer_thrift_out out = {.buf = &p->page};
    mer_thrift_out_varint(&out, value);
}

/* DELTA_BINARY_PACKED of at most 129 values whose deltas are at least -64 and below 64. */
static void put_deltas(struct paging *p, const int64_t *values, size_t n)
{
    enum { BLOCK = 128, MINIBLOCKS = 4, LOWEST = -64 };
    unsigned char packed[BLOCK] = {0};
    static const unsigned char widths[MINIBLOCKS] = {8, 8, 8, 8};
    put_varint(p, BLOCK);
    put_varint(p, MINIBLOCKS);
    put_varint(p, n);
    put_varint(p, (uint64_t)values[0] << 1 ^ (uint64_t)(values[0] >> 63));
    if (n == 1)
        return;
    for (size_t i = 1; i < n; i++)
        packed[i - 1] = (unsigned char)(values[i] - values[i - 1] - LOWEST);
    put_varint(p, -LOWEST * 2 - 1);
    put(p, widths, sizeof widths);
    put(p, packed, (n - 1 + 31) / 32 * 32); /* miniblocks that are not needed are not there */
}

/* Ends the page in hand: V1 (type 0), a dictionary (2) or V2 (3). */
static void end_page(struct paging *p, int64_t type, int64_t n_values, int64_t encoding,
                     int64_t n_levels)
{
    struct mer_thrift_out out = {.buf = &p->bytes};
    static const int32_t parts[] = {5, 0, 7, 8};
    mer_thrift_out_i32(&out, 1, type);
    mer_thrift_out_i32(&out, 2, (int64_t)p->page.n);
    mer_thrift_out_i32(&out, 3, (int64_t)p->page.n);
    const int32_t outer = mer_thrift_out_begin(&out, parts[type]);
    mer_thrift_out_i32(&out, 1, n_values);
    if (type == 3) {
        mer_thrift_out_i32(&out, 4, encoding);
        mer_thrift_out_i32(&out, 5, n_levels);
        mer_thrift_out_i32(&out, 6, 0);
        mer_thrift_out_boolean(&out, 7, false);
    } else {
        mer_thrift_out_i32(&out, 2, encoding);
    }
    mer_thrift_out_end(&out, outer);
    mer_thrift_out_end(&out, 0);
    assert_int_equal(mer_buf_append(&p->bytes, p->page.bytes, p->page.n, NULL).code, MER_OK);
    mer_buf_clear(&p->page);
}

/* Reads the pages as a column "a" of the leaf. */
static enum mer_code read_pages(struct paging *p, struct mer_parquet_leaf leaf, size_t n_rows)
{
    struct intake *const intake = &p->intake;
    const struct mer_parquet_chunk chunk = {
        .bytes = p->bytes.bytes, .n_bytes = p->bytes.n, .n_values = n_rows};
    struct mer_region region;
    mer_region_init_memory(&region, &intake->alloc, SIZE_MAX / 2);
    leaf.name = "a";
    leaf.n_name = 1;
    mer_status status =
        mer_table_builder_init(&p->builder, &intake->ctx, &intake->reading.csv, &intake->err);
    if (mer_is_ok(status))
        status = mer_table_builder_add(&p->builder, "a", 1, mer_parquet_type(&leaf), &p->column,
                                       &intake->err);
    if (mer_is_ok(status))
        status = mer_parquet_read_chunk(&intake->ctx, &leaf, &chunk, p->column, &intake->err);
    if (mer_is_ok(status))
        status = mer_table_builder_write(&p->builder, &region, &intake->report, &intake->err);
    if (mer_is_ok(status))
        status = mer_frame_adopt(&intake->ctx, &region, &intake->frame, &intake->err);
    if (!mer_is_ok(status))
        mer_region_release(&region);
    mer_table_builder_release(&p->builder);
    return status.code;
}

static const struct mer_column *column_of(struct paging *p, struct mer_parquet_leaf leaf,
                                          size_t n_rows)
{
    if (read_pages(p, leaf, n_rows) != MER_OK)
        fail_msg("%s", p->intake.err.message);
    return &p->intake.frame.columns[0];
}

static void end(struct paging *p)
{
    mer_buf_release(&p->bytes);
    mer_buf_release(&p->page);
    intake_end(&p->intake);
}

static void refused(struct paging *p, struct mer_parquet_leaf leaf, size_t n_rows, const char *what)
{
    assert_int_equal(read_pages(p, leaf, n_rows), MER_ERR_DATA);
    if (!strstr(p->intake.err.message, what))
        fail_msg("%s, not %s", p->intake.err.message, what);
    end(p);
}

static const struct mer_parquet_leaf TEXT = {.physical = MER_PARQUET_BYTE_ARRAY,
                                             .meaning = MER_PARQUET_TEXT};
static const struct mer_parquet_leaf WORD = {.physical = MER_PARQUET_INT32,
                                             .meaning = MER_PARQUET_SIGNED};

static void texts_that_begin_like_the_one_before(void **state)
{
    (void)state;
    static const int64_t prefixes[] = {0, 3, 2, 5}, suffixes[] = {3, 2, 3, 0};
    struct paging p;
    begin(&p);
    put_deltas(&p, prefixes, 4);
    put_deltas(&p, suffixes, 4);
    put(&p, "redlyd a", 8);
    end_page(&p, 0, 4, 7, 0);
    const struct mer_column *const column = column_of(&p, TEXT, 4);
    assert_int_equal(column->n_levels, 2 + 1);
    assert_memory_equal(column->level_bytes, "redredlyred a", 13);
    end(&p);

    begin(&p);
    put_deltas(&p, (const int64_t[]){1, 0}, 2);
    put_deltas(&p, suffixes, 2);
    put(&p, "redly", 5);
    end_page(&p, 0, 2, 7, 0);
    refused(&p, TEXT, 2, "more than the one before it has");
}

static void fixed_values_that_begin_like_the_one_before(void **state)
{
    (void)state;
    const struct mer_parquet_leaf decimal = {
        .physical = MER_PARQUET_FIXED, .meaning = MER_PARQUET_DECIMAL, .width = 3, .scale = 1};
    struct paging p;
    begin(&p);
    put_deltas(&p, (const int64_t[]){0, 2}, 2);
    put_deltas(&p, (const int64_t[]){3, 1}, 2);
    put(&p, "\xff\xff\xfe\x05", 4);
    end_page(&p, 0, 2, 7, 0);
    const struct mer_column *const column = column_of(&p, decimal, 2);
    assert_true(column->data.numbers[0] == -0.2 && column->data.numbers[1] == -25.1);
    end(&p);

    begin(&p);
    put_deltas(&p, (const int64_t[]){0, 2}, 2);
    put_deltas(&p, (const int64_t[]){3, 2}, 2);
    put(&p, "\xff\xff\xfe\x05\x06", 5);
    end_page(&p, 0, 2, 7, 0);
    refused(&p, decimal, 2, "another width");
}

static void lengths_come_first_and_then_the_texts(void **state)
{
    (void)state;
    struct paging p;
    begin(&p);
    put_deltas(&p, (const int64_t[]){1, 0, 2}, 3);
    put(&p, "abc", 3);
    end_page(&p, 0, 3, 6, 0);
    assert_int_equal(column_of(&p, TEXT, 3)->n_missing, 1); /* the empty one */
    end(&p);

    begin(&p);
    put_deltas(&p, (const int64_t[]){1, -1}, 2);
    put(&p, "abc", 3);
    end_page(&p, 0, 2, 6, 0);
    refused(&p, TEXT, 2, "reaches beyond its page");
}

static void bytes_of_numbers_stand_apart(void **state)
{
    (void)state;
    static const double numbers[] = {0.1, -2e300, 3};
    unsigned char split[sizeof numbers];
    struct paging p;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 8; k++)
            split[k * 3 + i] = ((const unsigned char *)numbers)[i * 8 + k];
    begin(&p);
    put(&p, split, sizeof split);
    end_page(&p, 0, 3, 9, 0);
    const struct mer_parquet_leaf leaf = {.physical = MER_PARQUET_DOUBLE,
                                          .meaning = MER_PARQUET_REAL};
    assert_memory_equal(column_of(&p, leaf, 3)->data.numbers, numbers, sizeof numbers);
    end(&p);
    begin(&p);
    put(&p, split, sizeof split - 1);
    end_page(&p, 0, 3, 9, 0);
    refused(&p, leaf, 3, "fewer values than it says");
}

static void booleans_in_runs_and_levels_in_front(void **state)
{
    (void)state;
    static const struct mer_parquet_leaf leaf = {
        .physical = MER_PARQUET_BOOLEAN, .meaning = MER_PARQUET_TRUTH, .optional = true};
    struct paging p;
    begin(&p);
    put(&p, "\x03\x0b", 2);                 /* levels: bits 1, 1, 0, 1 */
    put(&p, "\x02\x00\x00\x00\x06\x01", 6); /* three times true */
    end_page(&p, 3, 4, 3, 2);
    const struct mer_column *const column = column_of(&p, leaf, 4);
    assert_int_equal(column->n_missing, 1);
    assert_int_equal(column->validity[0], 0x0b);
    assert_int_equal(column->data.bits[0], 0x0b);
    end(&p);
}

static void integers_as_deltas_and_in_several_pages(void **state)
{
    (void)state;
    struct paging p;
    begin(&p);
    put_deltas(&p, (const int64_t[]){-5, 7, 0}, 3);
    end_page(&p, 0, 3, 5, 0);
    put(&p, "\x2a\0\0\0\xff\xff\xff\xff", 8);
    end_page(&p, 0, 2, 0, 0);
    const struct mer_column *const column = column_of(&p, WORD, 5);
    static const int64_t expected[] = {-5, 7, 0, 42, -1};
    assert_memory_equal(column->data.integers, expected, sizeof expected);
    end(&p);
}

static void a_dictionary_comes_first_and_once(void **state)
{
    (void)state;
    struct paging p;
    begin(&p);
    put(&p, "\x07\0\0\0\x09\0\0\0", 8);
    end_page(&p, 2, 2, 0, 0);
    put(&p, "\x01\x03\x02", 3); /* one bit: 0, 1 */
    end_page(&p, 0, 2, 8, 0);
    assert_int_equal(column_of(&p, WORD, 2)->data.integers[1], 9);
    end(&p);

    begin(&p);
    put(&p, "\x01\x03\x02", 3);
    end_page(&p, 0, 2, 8, 0);
    refused(&p, WORD, 2, "there is none");

    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 2, 1, 0, 0);
    put(&p, "\x01\x03\x02", 3);
    end_page(&p, 0, 2, 8, 0);
    refused(&p, WORD, 2, "beyond the dictionary's end");

    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 2, 1, 0, 0);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 2, 1, 0, 0);
    refused(&p, WORD, 2, "a dictionary where none may be");
}

static void pages_that_lie_are_refused(void **state)
{
    (void)state;
    struct paging p;
    begin(&p);
    refused(&p, WORD, 1, "without a header");
    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 0, 2, 0, 0);
    refused(&p, WORD, 2, "fewer values than it says");
    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 0, 2, 0, 0);
    refused(&p, WORD, 1, "more values than the column has");
    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 0, 1, 7, 0);
    refused(&p, WORD, 1, "an encoding that the column cannot have");
    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 0, 1, 5, 0);
    refused(&p, WORD, 1, "damaged deltas");
    begin(&p);
    put(&p, "\x07\0\0\0", 4);
    end_page(&p, 3, 1, 0, 9);
    refused(&p, WORD, 1, "levels that cannot be");
    begin(&p);
    put(&p, "\xff\0\0\0xyz", 7);
    end_page(&p, 0, 1, 0, 0);
    refused(&p, TEXT, 1, "reaches beyond its page");
}

/* One PLAIN value of a leaf, as an integer; what: why it is refused. */
static void value(struct mer_parquet_leaf leaf, const void *bytes, size_t n, int64_t expected,
                  const char *what)
{
    struct paging p;
    begin(&p);
    put(&p, bytes, n);
    end_page(&p, 0, 1, 0, 0);
    if (what) {
        refused(&p, leaf, 1, what);
        return;
    }
    assert_int_equal(column_of(&p, leaf, 1)->data.integers[0], expected);
    end(&p);
}

static void values_mean_what_their_types_say(void **state)
{
    (void)state;
    const struct mer_parquet_leaf julian = {.physical = MER_PARQUET_INT96,
                                            .meaning = MER_PARQUET_JULIAN};
    value(julian, "\xe8\x03\0\0\0\0\0\0\x8d\x3d\x25\0", 12, 86400000001, NULL);
    value(julian, "\xe9\x03\0\0\0\0\0\0\x8d\x3d\x25\0", 12, 0, "finer than a microsecond");
    value(julian, "\xff\xff\xff\xff\xff\xff\xff\xff\x8d\x3d\x25\0", 12, 0, "none of a day");
    value(julian, "\0\0\0\0\0\0\0\0\xff\xff\xff\x7f", 12, 0, "years 1 to 9999");
    const struct mer_parquet_leaf natural = {.physical = MER_PARQUET_INT64,
                                             .meaning = MER_PARQUET_UNSIGNED};
    value(natural, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, INT64_MAX, NULL);
    value(natural, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, 0, "above 9223372036854775807");
    const struct mer_parquet_leaf natural_32 = {.physical = MER_PARQUET_INT32,
                                                .meaning = MER_PARQUET_UNSIGNED};
    value(natural_32, "\xff\xff\xff\xff", 4, UINT32_MAX, NULL);
    const struct mer_parquet_leaf seconds = {
        .physical = MER_PARQUET_INT64, .meaning = MER_PARQUET_TIMESTAMP, .per_second = 1000};
    value(seconds, "\x02\0\0\0\0\0\0\0", 8, 2000, NULL);
    value(seconds, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, 0, "years 1 to 9999");
    const struct mer_parquet_leaf decimal = {.physical = MER_PARQUET_BYTE_ARRAY,
                                             .meaning = MER_PARQUET_DECIMAL};
    value(decimal, "\x02\0\0\0\xff\x00", 6, -256, NULL);
    value(decimal, "\x09\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x00", 13, -256, NULL);
    value(decimal, "\x09\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\x00", 13, 0, "more digits");
    value(decimal, "\x09\0\0\0\x00\xff\xff\xff\xff\xff\xff\xff\x00", 13, 0, "more digits");
    value(decimal, "\0\0\0\0", 4, 0, "a decimal that is none");
    const struct mer_parquet_leaf nothing = {.physical = MER_PARQUET_INT32,
                                             .meaning = MER_PARQUET_NULL};
    value(nothing, "\0\0\0\0", 4, 0, "a column that has none");
}

static void halves_and_identifiers(void **state)
{
    (void)state;
    struct paging p;
    begin(&p);
    put(&p, "\x00\x3c\x01\x80", 4);
    end_page(&p, 0, 2, 0, 0);
    const struct mer_parquet_leaf half = {
        .physical = MER_PARQUET_FIXED, .meaning = MER_PARQUET_HALF, .width = 2};
    const struct mer_column *column = column_of(&p, half, 2);
    assert_true(column->data.numbers[0] == 1 && column->data.numbers[1] == -0x1p-24);
    end(&p);
    begin(&p);
    put(&p, "\x12\x34\x56\x78\x9a\xbc\xde\xf0\x12\x34\x56\x78\x9a\xbc\xde\xff", 16);
    end_page(&p, 0, 1, 0, 0);
    const struct mer_parquet_leaf uuid = {
        .physical = MER_PARQUET_FIXED, .meaning = MER_PARQUET_UUID, .width = 16};
    column = column_of(&p, uuid, 1);
    assert_memory_equal(column->level_bytes, "12345678-9abc-def0-1234-56789abcdeff", 36);
    end(&p);
}

static void runs_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        unsigned width;
    } bad[] = {
        {"", 0, 1},                                          /* nothing */
        {"\x00\x01", 2, 1},                                  /* a run of nothing */
        {"\x01", 1, 1},                                      /* no group */
        {"\x10\x02", 2, 1},                                  /* a value that has too many bits */
        {"\x03", 1, 8},                                      /* a group without its bytes */
        {"\x10\x01", 2, 33},                                 /* no such width */
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10, 1}, /* more than 64 bits */
    };
    uint32_t values[8];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct mer_byte_reader reader = mer_byte_reader_of(bad[i].bytes, bad[i].n);
        assert_false(mer_parquet_runs(&reader, bad[i].width, values, 8));
    }
    struct mer_byte_reader reader = mer_byte_reader_of("\x03", 1);
    values[0] = 7;
    assert_true(mer_parquet_runs(&reader, 0, values, 8));
    assert_int_equal(values[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_begin_like_the_one_before),
        cmocka_unit_test(fixed_values_that_begin_like_the_one_before),
        cmocka_unit_test(lengths_come_first_and_then_the_texts),
        cmocka_unit_test(bytes_of_numbers_stand_apart),
        cmocka_unit_test(booleans_in_runs_and_levels_in_front),
        cmocka_unit_test(integers_as_deltas_and_in_several_pages),
        cmocka_unit_test(a_dictionary_comes_first_and_once),
        cmocka_unit_test(pages_that_lie_are_refused),
        cmocka_unit_test(values_mean_what_their_types_say),
        cmocka_unit_test(halves_and_identifiers),
        cmocka_unit_test(runs_that_lie_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
