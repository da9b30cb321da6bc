/* Columns seen through the Arrow C data interface. */
#include "frame/arrow.h"

#include "reading.h"

static const char table[] = "b,i,n,c,d,t,w\n"
                            "true,1,1.5,x,1970-01-03,00:00:01,1970-01-01T00:00:02\n"
                            ",,,,,,\n"
                            "false,3,2.5,y,1969-12-31,00:00:03,1970-01-01T00:00:04\n";

static void every_column_is_exported_in_place(void **state)
{
    (void)state;
    static const char *const formats[] = {"b", "l", "g", "i", "tdD", "ttu", "tsu:UTC"};
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    for (size_t c = 0; c < 7; c++) {
        const struct mer_column *column = &reading.frame.columns[c];
        struct ArrowSchema schema;
        struct ArrowArray array;
        assert_int_equal(mer_arrow_export(&reading.frame, c, NULL, &schema, &array, NULL).code,
                         MER_OK);
        assert_string_equal(schema.format, formats[c]);
        assert_string_equal(schema.name, column->name);
        assert_int_equal(schema.flags, ARROW_FLAG_NULLABLE);
        assert_int_equal(schema.n_children, 0);
        assert_int_equal(array.length, 3);
        assert_int_equal(array.null_count, 1);
        assert_int_equal(array.offset, 0);
        assert_int_equal(array.n_buffers, 2);
        assert_ptr_equal(array.buffers[0], column->validity);
        assert_int_equal(column->validity[0], 5);
        if (column->type == MER_TYPE_CATEGORICAL)
            assert_int_equal(((const int32_t *)array.buffers[1])[1], 0);
        else if (column->type != MER_TYPE_DATE)
            assert_ptr_equal(array.buffers[1], column->data.bits);
        schema.release(&schema);
        array.release(&array);
        assert_null(schema.release);
        assert_null(array.release);
    }
    reading_end(&reading);
}

static void dates_become_32_bit_days(void **state)
{
    (void)state;
    struct reading reading;
    struct ArrowSchema schema;
    struct ArrowArray array;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    assert_int_equal(mer_arrow_export(&reading.frame, 4, NULL, &schema, &array, NULL).code, MER_OK);
    const int32_t *days = array.buffers[1];
    assert_int_equal(days[0], 2);
    assert_int_equal(days[2], -1);
    schema.release(&schema);
    array.release(&array);
    reading_end(&reading);
}

static void texts_and_full_columns(void **state)
{
    (void)state;
    struct reading reading;
    struct ArrowSchema schema;
    struct ArrowArray array;
    char text[4096] = "t,i\n";
    reading_init(&reading);
    for (size_t i = 0; i < 60; i++)
        sprintf(text + strlen(text), "text %zu,%zu\n", i, i);
    assert_int_equal(reading_csv(&reading, text, SIZE_MAX), MER_OK);
    assert_int_equal(reading.frame.columns[0].type, MER_TYPE_TEXT);
    assert_int_equal(mer_arrow_export(&reading.frame, 0, NULL, &schema, &array, NULL).code, MER_OK);
    assert_string_equal(schema.format, "U");
    assert_int_equal(array.n_buffers, 3);
    assert_int_equal(array.null_count, 0);
    assert_null(array.buffers[0]);
    const int64_t *offsets = array.buffers[1];
    const char *bytes = array.buffers[2];
    assert_int_equal(offsets[60] - offsets[59], 7);
    assert_memory_equal(bytes + offsets[59], "text 59", 7);
    schema.release(&schema);
    array.release(&array);
    assert_int_equal(mer_arrow_export(&reading.frame, 2, NULL, &schema, &array, NULL).code,
                     MER_ERR_INTERNAL);
    reading_end(&reading);
}

/* The interface lets a receiver move a dictionary out and release its parent first. */
static void a_dictionary_may_outlive_its_parent(void **state)
{
    (void)state;
    struct reading reading;
    struct ArrowSchema schema;
    struct ArrowArray array;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    assert_int_equal(mer_arrow_export(&reading.frame, 3, NULL, &schema, &array, NULL).code, MER_OK);
    const int32_t *codes = array.buffers[1];
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[2], 1);
    assert_string_equal(schema.dictionary->format, "U");

    struct ArrowArray levels = *array.dictionary;
    array.dictionary->release = NULL;
    struct ArrowSchema level_schema = *schema.dictionary;
    schema.dictionary->release = NULL;
    schema.release(&schema);
    array.release(&array);

    assert_int_equal(levels.length, 2);
    const int64_t *offsets = levels.buffers[1];
    assert_memory_equal((const char *)levels.buffers[2] + offsets[1], "y", 1);
    assert_int_equal(offsets[2], 2);
    levels.release(&levels);
    level_schema.release(&level_schema);
    reading_end(&reading);
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    struct reading reading;
    reading_init(&reading);
    assert_int_equal(reading_csv(&reading, table, SIZE_MAX), MER_OK);
    for (size_t c = 0; c < 7; c++) {
        size_t n_failures = 0;
        for (;; n_failures++) {
            struct ArrowSchema schema;
            struct ArrowArray array;
            const size_t used = atomic_load(&reading.alloc.used);
            reading.alloc.fail_at = atomic_load(&reading.alloc.requests) + n_failures + 1;
            const enum mer_code code =
                mer_arrow_export(&reading.frame, c, NULL, &schema, &array, NULL).code;
            if (code == MER_OK) {
                schema.release(&schema);
                array.release(&array);
            }
            assert_int_equal(atomic_load(&reading.alloc.used), used);
            if (code == MER_OK)
                break;
            assert_int_equal(code, MER_ERR_MEMORY);
        }
        assert_true(n_failures >= 2);
    }
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_exported_in_place),
        cmocka_unit_test(dates_become_32_bit_days),
        cmocka_unit_test(texts_and_full_columns),
        cmocka_unit_test(a_dictionary_may_outlive_its_parent),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
