/* The image: opened anywhere, the same for the same table, and refused when anything is wrong. */
#include "frame/image.h"

#include "reading.h"

/* Every type, each with and without missing values, on a number of rows that fills no byte. */
static const char all_types[] =
    "b,b2,i,n,c,c2,t,d,z,w\n"
    "true,true,1,1.5,x,p,lorem,2020-01-01,12:30,2020-01-01T00:00:00\n"
    "false,,,,y,,,,,\n"
    "true,false,-3,inf,x,q,ipsum é,1969-01-01,00:00:01,1969-01-01 10:00\n";

/* The column t as text, which inference would make categorical. */
static const char schema_text[] =
    "{\"fields\":[{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"b2\",\"type\":\"boolean\"},"
    "{\"name\":\"i\",\"type\":\"integer\"},{\"name\":\"n\",\"type\":\"number\"},"
    "{\"name\":\"c\",\"type\":\"string\",\"categories\":[\"x\",\"y\",\"unused\"]},"
    "{\"name\":\"c2\",\"type\":\"string\",\"merlon:categorical\":true},"
    "{\"name\":\"t\",\"type\":\"string\"},{\"name\":\"d\",\"type\":\"date\"},"
    "{\"name\":\"z\",\"type\":\"time\"},{\"name\":\"w\",\"type\":\"datetime\"}]}";

static void read_all_types(struct reading *reading)
{
    struct mer_schema schema;
    reading_init(reading);
    assert_int_equal(
        mer_schema_parse(&reading->ctx, schema_text, strlen(schema_text), &schema, &reading->err)
            .code,
        MER_OK);
    reading->options.schema = &schema;
    assert_int_equal(reading_csv(reading, all_types, SIZE_MAX), MER_OK);
    reading->options.schema = NULL;
    mer_schema_release(&schema);
}

static unsigned char *copy_of(const struct mer_frame *frame)
{
    unsigned char *copy = aligned_alloc(MER_ALIGNMENT, frame->n_image);
    assert_non_null(copy);
    memcpy(copy, frame->image, frame->n_image);
    return copy;
}

static void the_image_may_lie_anywhere(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_frame moved;
    read_all_types(&reading);
    unsigned char *copy = copy_of(&reading.frame);
    assert_int_equal(mer_frame_open(&reading.ctx, copy, reading.frame.n_image, &moved, NULL).code,
                     MER_OK);
    char *expected = reading_show(&reading.frame);
    char *shown = reading_show(&moved);
    assert_string_equal(shown, expected);
    assert_string_equal(shown, "b boolean: true|false|true\n"
                               "b2 boolean: true|.|false\n"
                               "i integer: 1|.|-3\n"
                               "n number: 1.5|.|INF\n"
                               "c categorical{x,y,unused}: 0|1|0\n"
                               "c2 categorical{p,q}: 0|.|1\n"
                               "t text: lorem|.|ipsum é\n"
                               "d date: 18262|.|-365\n"
                               "z time: 45000000000|.|1000000\n"
                               "w datetime: 1577836800000000|.|-31500000000000\n");
    free(shown);
    free(expected);
    mer_frame_release(&moved);
    free(copy);
    reading_end(&reading);
}

static void the_same_table_has_the_same_bytes(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "a,b,c\n1,2.5,x y\n,3,\"q\"\"q\"\n",
        "\357\273\277a;b;c\r\n1;2.50;x y\r\n\"\";+3e0;\"q\"\"q\"\r\n\r\n",
        "\"a\"\t\"b\"\tc\n+1\t25e-1\t\"x y\"\nNA\t3.0\t\"q\"\"q\"",
    };
    struct reading first, other;
    reading_init(&first);
    assert_int_equal(reading_csv(&first, spellings[0], SIZE_MAX), MER_OK);
    for (size_t i = 1; i < 3; i++) {
        reading_init(&other);
        assert_int_equal(reading_csv(&other, spellings[i], SIZE_MAX), MER_OK);
        assert_int_equal(other.frame.n_image, first.frame.n_image);
        assert_memory_equal(other.frame.image, first.frame.image, first.frame.n_image);
        reading_end(&other);
    }
    reading_end(&first);
}

/* Reads everything that a view can reach, so that a sanitizer sees what is wrong. */
static uint64_t touch(const struct mer_frame *frame)
{
    uint64_t sum = 0;
    char *shown = reading_show(frame);
    for (const char *p = shown; *p; p++)
        sum = sum * 31 + (unsigned char)*p;
    free(shown);
    return sum;
}

static void every_flipped_bit_is_refused_or_harmless(void **state)
{
    (void)state;
    struct reading reading;
    read_all_types(&reading);
    unsigned char *copy = copy_of(&reading.frame);
    const size_t n = reading.frame.n_image;
    const uint64_t before = touch(&reading.frame);
    size_t n_opened = 0;
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct mer_frame frame;
        copy[bit / 8] = (unsigned char)(copy[bit / 8] ^ 1u << (bit % 8));
        const enum mer_code code = mer_frame_open(&reading.ctx, copy, n, &frame, &reading.err).code;
        if (code == MER_OK) {
            /* What is opened is another table, not the same one with loose bits. */
            assert_true(touch(&frame) != before);
            mer_frame_release(&frame);
            n_opened++;
        } else {
            assert_int_equal(code, MER_ERR_DATA);
        }
        copy[bit / 8] = (unsigned char)(copy[bit / 8] ^ 1u << (bit % 8));
    }
    /* Values, and letters of names, levels and texts, may be others. */
    assert_true(n_opened > 100 && n_opened < n * 2);
    free(copy);
    reading_end(&reading);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct reading reading;
    read_all_types(&reading);
    for (size_t n = 0; n < reading.frame.n_image; n++) {
        struct mer_frame frame;
        /* No longer than n, so that a sanitizer sees a read behind it. */
        unsigned char *copy = aligned_alloc(MER_ALIGNMENT, (n + 63) / 64 * 64 + 64);
        unsigned char *end = copy + (n + 63) / 64 * 64;
        memcpy(copy, reading.frame.image, n);
        memset(copy + n, 0xff, (size_t)(end - copy) - n);
        assert_int_equal(mer_frame_open(&reading.ctx, copy, n, &frame, NULL).code, MER_ERR_DATA);
        free(copy);
    }
    reading_end(&reading);
}

static struct mer_image_column *record(unsigned char *image, size_t c)
{
    return (struct mer_image_column *)(void *)(image + sizeof(struct mer_image_header)) + c;
}

static int64_t *words(unsigned char *image, uint64_t offset)
{
    return (int64_t *)(void *)(image + offset);
}

enum { B, B2, I, N, C, C2, T, D, Z, W };

static void tamper(unsigned char *image, size_t which)
{
    struct mer_image_header *header = (void *)image;
    switch (which) {
    case 0: /* sizes that overflow when added */
        record(image, T)->n_bytes = UINT64_MAX - 8;
        break;
    case 1:
        record(image, C)->n_levels = UINT64_MAX;
        break;
    case 2:
        header->n_columns = UINT64_MAX / 64;
        break;
    case 3:
        header->n_rows = (uint64_t)1 << 61;
        break;
    case 4: /* a section inside another */
        record(image, I)->data = record(image, N)->data;
        break;
    case 5:
        record(image, T)->bytes += 1;
        break;
    case 6: /* the same name twice */
        image[record(image, C)->name] = 'b';
        break;
    case 7:
        image[record(image, C)->name] = '\0';
        break;
    case 8: /* the same level twice */
        image[record(image, C)->level_bytes] = 'y';
        break;
    case 9: /* a text that begins inside a character: "ipsum é" cut before its last byte */
        words(image, record(image, T)->data)[2] += 7;
        break;
    case 10: /* offsets that fall */
        words(image, record(image, T)->data)[1] = 9;
        words(image, record(image, T)->data)[2] = 8;
        break;
    case 11:
        ((int32_t *)(void *)(image + record(image, C)->data))[0] = 3;
        break;
    case 12:
        ((int32_t *)(void *)(image + record(image, C2)->data))[1] = 0;
        break;
    case 13:
        words(image, record(image, N)->data)[0] = INT64_C(0x7ff8000000000000);
        break;
    case 14:
        words(image, record(image, I)->data)[1] = 5;
        break;
    case 15:
        words(image, record(image, Z)->data)[0] = MER_DAY_MICROSECONDS;
        break;
    case 16:
        words(image, record(image, D)->data)[0] = MER_DATE_MAX + 1;
        break;
    case 17: /* a missing value more than counted */
        image[record(image, W)->validity] = 1;
        break;
    case 18:
        image[record(image, B)->data] |= 0x80;
        break;
    case 19:
        image[record(image, B2)->data] |= 2;
        break;
    case 20:
        header->version = 1;
        break;
    case 21:
        record(image, I)->n_missing = 4;
        break;
    default:
        fail();
    }
}

static void what_was_tampered_with_is_named(void **state)
{
    (void)state;
    static const char *const messages[] = {
        "the table image is damaged: its sizes do not add up",
        "the table image is damaged: column 5 has too many levels",
        "the table image is damaged: its number of columns is out of range",
        "the table image is damaged: its number of rows is out of range",
        "the table image is damaged: column 3 has sections where they do not belong",
        "the table image is damaged: column 7 has sections where they do not belong",
        "the table image is damaged: column 5 has the name of another column",
        "the table image is damaged: column 5 has a name that is not UTF-8 or holds a NUL",
        "the table image is damaged: column 5 has a level twice",
        "the table image is damaged: column 7 has a text that begins inside a character",
        "the table image is damaged: column 7 has texts whose offsets do not fit",
        "the table image is damaged: column 5 has a code without a level",
        "the table image is damaged: column 6 has codes and missing values that disagree",
        "the table image is damaged: column 4 has a number that is NaN",
        "the table image is damaged: column 3 has a value where one is missing",
        "the table image is damaged: column 9 has a date or time out of range",
        "the table image is damaged: column 8 has a date or time out of range",
        "the table image is damaged: column 10 does not have as many missing values as it says",
        "the table image is damaged: column 1 has bits behind its last row",
        "the table image is damaged: column 2 has a value where one is missing",
        "a table image of version 1; this program reads 2",
        "the table image is damaged: column 3 has more missing values than rows",
    };
    struct reading reading;
    read_all_types(&reading);
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct mer_frame frame;
        unsigned char *copy = copy_of(&reading.frame);
        tamper(copy, i);
        assert_int_equal(
            mer_frame_open(&reading.ctx, copy, reading.frame.n_image, &frame, &reading.err).code,
            MER_ERR_DATA);
        assert_string_equal(reading.err.message, messages[i]);
        free(copy);
    }
    reading_end(&reading);
}

static void an_image_must_be_aligned(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_frame frame;
    read_all_types(&reading);
    const size_t n = reading.frame.n_image;
    unsigned char *copy = aligned_alloc(MER_ALIGNMENT, n + MER_ALIGNMENT);
    memcpy(copy + 8, reading.frame.image, n);
    assert_int_equal(mer_frame_open(&reading.ctx, copy + 8, n, &frame, NULL).code,
                     MER_ERR_INTERNAL);
    free(copy);
    reading_end(&reading);
}

static void a_refused_region_stays_with_its_owner(void **state)
{
    (void)state;
    struct reading reading;
    struct mer_region region;
    size_t offset;
    reading_init(&reading);
    mer_region_init_memory(&region, &reading.alloc, SIZE_MAX / 2);
    assert_int_equal(mer_region_extend(&region, 256, &offset, NULL).code, MER_OK);
    assert_int_equal(mer_frame_adopt(&reading.ctx, &region, &reading.frame, &reading.err).code,
                     MER_ERR_DATA);
    assert_string_equal(reading.err.message, "not a table image");
    assert_non_null(region.base);
    mer_region_release(&region);
    reading_end(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_may_lie_anywhere),
        cmocka_unit_test(the_same_table_has_the_same_bytes),
        cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(what_was_tampered_with_is_named),
        cmocka_unit_test(an_image_must_be_aligned),
        cmocka_unit_test(a_refused_region_stays_with_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
