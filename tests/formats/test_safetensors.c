/* safetensors: what is written is read, by the reader and by an independent few lines; every rule
 * of the format has a file that breaks it; damaged files never do harm. */
#include "formats/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats/safetensors_cases.h"

enum { FILE_MAX = 1 << 20, SMALL_BUDGET = 1 << 20 };

static struct mer_alloc alloc;
static struct mer_ctx ctx = {.alloc = &alloc};

static int set_up(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SIZE_MAX);
    return 0;
}

static int nothing_leaked(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&alloc.used), 0);
    return 0;
}

static void assert_ok(mer_status status, const mer_err *err)
{
    if (status.code != MER_OK)
        fail_msg("%s: %s", mer_code_name(status.code), err->message);
}

/* ---- A small bundle ---- */

static const double WEIGHTS[2][3] = {{0.5, -1.25, 3e-300}, {1.0 / 3, 0.0, -0.0}};
static const int32_t CODES[3] = {-1, 0, 2147483647};
static const uint8_t BYTES[5] = {0, 1, 2, 254, 255};
static const char JSON[] = "{\"family\":\"linear\",\"text\":\"\\u00e9 \\\"quoted\\\"\"}";

static void make_bundle(struct mer_bundle *bundle)
{
    mer_err err;
    const size_t shape[2] = {2, 3};
    const char *const texts[2] = {"caf\xc3\xa9", ""};
    mer_bundle_init(bundle, &alloc);
    assert_ok(mer_bundle_add_vector(bundle, "z.bytes", MER_DTYPE_U8, 5, BYTES, &err), &err);
    assert_ok(mer_bundle_add_vector(bundle, "codes", MER_DTYPE_I32, 3, CODES, &err), &err);
    assert_ok(mer_bundle_add(bundle, "weights", MER_DTYPE_F64, 2, shape, WEIGHTS, true, &err),
              &err);
    assert_ok(mer_bundle_add_vector(bundle, "empty", MER_DTYPE_F32, 0, BYTES, &err), &err);
    assert_ok(mer_bundle_add_texts(bundle, "levels", 2, texts, NULL, &err), &err);
    bundle->json = JSON;
    bundle->n_json = sizeof JSON - 1;
}

static void write_bundle(const struct mer_bundle *bundle, struct mer_buf *buf)
{
    mer_err err;
    mer_buf_init(buf, &alloc, FILE_MAX);
    assert_ok(mer_safetensors_write(bundle, buf, &err), &err);
}

static void make_file(struct mer_buf *buf)
{
    struct mer_bundle bundle;
    make_bundle(&bundle);
    write_bundle(&bundle, buf);
    mer_bundle_release(&bundle);
}

static void assert_bundle_is_ours(const struct mer_bundle *bundle)
{
    mer_err err;
    const struct mer_array *array = NULL;
    const void *data = NULL;
    const char *bytes = NULL;
    const int64_t *offsets = NULL;
    size_t n_texts;
    assert_int_equal(bundle->n_arrays, 6);
    assert_ok(mer_bundle_get(bundle, "weights", MER_DTYPE_F64, 2, &array, &err), &err);
    assert_int_equal(array->shape[0], 2);
    assert_int_equal(array->shape[1], 3);
    assert_memory_equal(array->data, WEIGHTS, sizeof WEIGHTS);
    assert_ok(mer_bundle_get_vector(bundle, "codes", MER_DTYPE_I32, 3, &data, &err), &err);
    assert_memory_equal(data, CODES, sizeof CODES);
    assert_ok(mer_bundle_get_vector(bundle, "z.bytes", MER_DTYPE_U8, 5, &data, &err), &err);
    assert_memory_equal(data, BYTES, sizeof BYTES);
    assert_ok(mer_bundle_get_vector(bundle, "empty", MER_DTYPE_F32, 0, &data, &err), &err);
    assert_ok(mer_bundle_get_texts(bundle, "levels", 2, &bytes, &offsets, &n_texts, &err), &err);
    assert_memory_equal(bytes, "caf\xc3\xa9", 5);
    assert_int_equal(bundle->n_json, sizeof JSON - 1);
    assert_string_equal(bundle->json, JSON);
}

/* ---- Writing and reading ---- */

static void what_was_written_is_read(void **state)
{
    struct mer_bundle read;
    struct mer_buf buf;
    mer_err err;
    (void)state;
    make_file(&buf);
    assert_ok(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err), &err);
    assert_bundle_is_ours(&read);
    for (size_t i = 0; i < read.n_arrays; i++)
        assert_true((const unsigned char *)read.arrays[i].data >= buf.bytes &&
                    (const unsigned char *)read.arrays[i].data <= buf.bytes + buf.n);
    mer_bundle_release(&read);
    mer_buf_release(&buf);
}

static void unaligned_bytes_are_read_too(void **state)
{
    struct mer_bundle read;
    struct mer_buf buf;
    mer_err err;
    (void)state;
    make_file(&buf);
    unsigned char *shifted = malloc(buf.n + 1);
    assert_non_null(shifted);
    memcpy(shifted + 1, buf.bytes, buf.n);
    assert_ok(mer_safetensors_read(&ctx, shifted + 1, buf.n, &read, &err), &err);
    assert_bundle_is_ours(&read);
    for (size_t i = 0; i < read.n_arrays; i++)
        assert_int_equal((uintptr_t)read.arrays[i].data % mer_dtype_size(read.arrays[i].dtype), 0);
    mer_bundle_release(&read);
    free(shifted);
    mer_buf_release(&buf);
}

static void data_start_at_64_bytes_and_elements_are_aligned(void **state)
{
    struct mer_bundle read;
    struct mer_buf buf;
    mer_err err;
    uint64_t header;
    (void)state;
    make_file(&buf);
    memcpy(&header, buf.bytes, sizeof header);
    assert_int_equal((8 + header) % 64, 0);
    assert_ok(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err), &err);
    for (size_t i = 0; i < read.n_arrays; i++) {
        const size_t at = (size_t)((const unsigned char *)read.arrays[i].data - buf.bytes);
        assert_int_equal(at % mer_dtype_size(read.arrays[i].dtype), 0);
    }
    mer_bundle_release(&read);
    mer_buf_release(&buf);
}

static void the_order_of_adding_does_not_change_the_file(void **state)
{
    struct mer_bundle one, other;
    struct mer_buf buf_one, buf_other;
    mer_err err;
    const float x[2] = {1, 2};
    (void)state;
    mer_bundle_init(&one, &alloc);
    mer_bundle_init(&other, &alloc);
    assert_ok(mer_bundle_add_vector(&one, "a", MER_DTYPE_F32, 2, x, &err), &err);
    assert_ok(mer_bundle_add_vector(&one, "b", MER_DTYPE_U8, 2, BYTES, &err), &err);
    assert_ok(mer_bundle_add_vector(&one, "c", MER_DTYPE_F32, 1, x, &err), &err);
    assert_ok(mer_bundle_add_vector(&other, "c", MER_DTYPE_F32, 1, x, &err), &err);
    assert_ok(mer_bundle_add_vector(&other, "b", MER_DTYPE_U8, 2, BYTES, &err), &err);
    assert_ok(mer_bundle_add_vector(&other, "a", MER_DTYPE_F32, 2, x, &err), &err);
    write_bundle(&one, &buf_one);
    write_bundle(&other, &buf_other);
    assert_int_equal(buf_one.n, buf_other.n);
    assert_memory_equal(buf_one.bytes, buf_other.bytes, buf_one.n);
    mer_buf_release(&buf_one);
    mer_buf_release(&buf_other);
    mer_bundle_release(&one);
    mer_bundle_release(&other);
}

static void a_failed_write_leaves_the_buffer_as_it_was(void **state)
{
    struct mer_bundle bundle;
    struct mer_buf buf;
    mer_err err;
    (void)state;
    make_bundle(&bundle);
    mer_buf_init(&buf, &alloc, 600); /* less than the file */
    assert_ok(mer_buf_append(&buf, "before", 6, &err), &err);
    assert_int_equal(mer_safetensors_write(&bundle, &buf, &err).code, MER_ERR_MEMORY);
    assert_int_equal(buf.n, 6);
    mer_buf_release(&buf);
    mer_bundle_release(&bundle);
}

/* A reader of a few lines that shares nothing with the one under test: finds the text
 * "NAME":{...,"data_offsets":[BEGIN,END]} and gives the bytes. */
static const unsigned char *find_by_hand(const struct mer_buf *file, const char *name,
                                         size_t *ret_n)
{
    char wanted[64];
    size_t header = 0;
    unsigned long begin, end;
    for (int i = 7; i >= 0; i--)
        header = header << 8 | file->bytes[i];
    char *text = strndup((const char *)file->bytes + 8, header);
    assert_non_null(text);
    snprintf(wanted, sizeof wanted, "\"%s\":{", name);
    const char *at = strstr(text, wanted);
    assert_non_null(at);
    at = strstr(at, "\"data_offsets\":[");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"data_offsets\":[%lu,%lu]", &begin, &end), 2);
    free(text);
    *ret_n = end - begin;
    return file->bytes + 8 + header + begin;
}

static void an_independent_reader_finds_the_tensors(void **state)
{
    struct mer_buf buf;
    size_t n;
    (void)state;
    make_file(&buf);
    const unsigned char *found = find_by_hand(&buf, "weights", &n);
    assert_int_equal(n, sizeof WEIGHTS);
    assert_memory_equal(found, WEIGHTS, n);
    found = find_by_hand(&buf, "codes", &n);
    assert_int_equal(n, sizeof CODES);
    assert_memory_equal(found, CODES, n);
    found = find_by_hand(&buf, "z.bytes", &n);
    assert_int_equal(n, sizeof BYTES);
    assert_memory_equal(found, BYTES, n);
    mer_buf_release(&buf);
}

/* The file of the first version: whoever has one must be able to read it for ever. Made by
 * make_file(); the bytes may only change together with a new golden file beside this one. */
static void the_golden_file_is_read_and_made_again(void **state)
{
    static const char path[] = MER_SOURCE_DIR "/tests/formats/golden/bundle_v1.safetensors";
    unsigned char *golden = aligned_alloc(64, FILE_MAX);
    struct mer_bundle read;
    struct mer_buf buf;
    mer_err err;
    (void)state;
    assert_non_null(golden);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n = fread(golden, 1, FILE_MAX, file);
    fclose(file);
    assert_ok(mer_safetensors_read(&ctx, golden, n, &read, &err), &err);
    assert_bundle_is_ours(&read);
    mer_bundle_release(&read);
    make_file(&buf);
    assert_int_equal(buf.n, n);
    assert_memory_equal(buf.bytes, golden, n);
    mer_buf_release(&buf);
    free(golden);
}

/* ---- Files of other programs ---- */

/* A file from a header text and n_data bytes of data. */
static void make_raw(const char *header, size_t n_header, size_t n_data, struct mer_buf *buf)
{
    mer_err err;
    const uint64_t length = n_header;
    mer_buf_init(buf, &alloc, SIZE_MAX);
    assert_ok(mer_buf_append(buf, &length, sizeof length, &err), &err);
    assert_ok(mer_buf_append(buf, header, n_header, &err), &err);
    for (size_t i = 0; i < n_data; i++)
        assert_ok(mer_buf_append(buf, "\x01", 1, &err), &err);
}

struct case_good {
    const char *header;
    size_t n_data;
    size_t n_arrays;
};

static void files_of_other_programs_are_read(void **state)
{
    static const struct case_good cases[] = {
        {"{}", 0, 0},
        {"{}      ", 0, 0},
        {"{\"__metadata__\":{}}", 0, 0},
        {"{\"__metadata__\":{\"format\":\"pt\"}," TENSOR("Model.Layer 0", "F32", "[2]", "0",
                                                         "8") "}",
         8, 1},
        {"{ \"a\" : { \"shape\" : [ 1 , 2 ] , \"data_offsets\" : [ 0 , 2 ] , \"dtype\" : \"U8\" } "
         "}\n"
         "                 ",
         0, SIZE_MAX}, /* a line break behind the object */
        {"{\n\"a\" : { \"shape\" : [ 1 , 2 ] ,\t\"data_offsets\" : [ 0 , 2 ] , \"dtype\" : \"U8\" "
         "}}",
         2, 1},
        {"{" TENSOR("scalar", "I64", "[]", "0", "8") "}", 8, 1},
        {"{" TENSOR("b", "U8", "[1]", "0", "1") "," TENSOR("a", "F64", "[1]", "1", "9") "}", 9, 2},
        {"{" TENSOR("a", "U8", "[1]", "1", "2") "," TENSOR("b", "U8", "[1]", "0", "1") "}", 2, 2},
        {"{" TENSOR("e", "U8", "[0]", "0", "0") "," TENSOR("f", "F32", "[7,0]", "0", "0") "}", 0,
         2},
        {"{" TENSOR("e", "U8", "[0]", "1", "1") "," TENSOR("f", "U8", "[1]", "0", "1") "}", 1, 2},
        {"{" TENSOR("four", "I16", "[1,2,1,2]", "0", "8") "}", 8, 1},
        {"{" TENSOR("\\u00e9", "I8", "[1]", "0", "1") "}", 1, 1},
        {"{" TENSOR("0", "U16", "[1]", "0", "2") "," TENSOR("1", "U32", "[1]", "2", "6") "," TENSOR(
             "2", "U64", "[1]", "6", "14") "," TENSOR("3", "I32", "[1]", "14", "18") "}",
         18, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_bundle read;
        struct mer_buf buf;
        mer_err err;
        make_raw(cases[i].header, strlen(cases[i].header), cases[i].n_data, &buf);
        const mer_status status = mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err);
        if (cases[i].n_arrays == SIZE_MAX) {
            assert_int_equal(status.code, MER_ERR_DATA);
        } else {
            assert_ok(status, &err);
            assert_int_equal(read.n_arrays, cases[i].n_arrays);
            assert_null(read.json);
            for (size_t k = 0; k < read.n_arrays; k++)
                assert_ptr_equal(mer_bundle_find(&read, read.arrays[k].name), &read.arrays[k]);
            mer_bundle_release(&read);
        }
        mer_buf_release(&buf);
    }
}

/* ---- Files that break a rule ---- */

static void every_rule_that_is_broken_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct mer_bundle read;
        struct mer_buf buf;
        mer_err err = {0};
        make_raw(BAD[i].header, strlen(BAD[i].header), BAD[i].n_data, &buf);
        const mer_status status = mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err);
        if (status.code != MER_ERR_DATA || !strstr(err.message, BAD[i].rule))
            fail_msg("%s: %s, not \"%s\"", BAD[i].header,
                     status.code == MER_OK ? "accepted" : err.message, BAD[i].rule);
        mer_buf_release(&buf);
    }
}

static void header_lengths_that_lie_are_refused(void **state)
{
    static const struct {
        uint64_t length;
        const char *rule;
    } cases[] = {
        {3, "cover 0 bytes, the file has 61"}, {1, "does not end with }"},
        {0, "does not start with {"},          {65, "the file ends after 64"},
        {100000000, "the file ends after 64"}, {100000001, "over the limit of 100000000"},
        {1ull << 63, "over the limit"},        {UINT64_MAX, "over the limit"},
        {UINT64_MAX - 7, "over the limit"},
    };
    unsigned char file[8 + 64];
    (void)state;
    memset(file, ' ', sizeof file);
    memcpy(file + 8, "{}", 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_bundle read;
        mer_err err;
        memcpy(file, &cases[i].length, 8);
        const mer_status status = mer_safetensors_read(&ctx, file, sizeof file, &read, &err);
        assert_int_equal(status.code, MER_ERR_DATA);
        if (!strstr(err.message, cases[i].rule))
            fail_msg("%llu: %s", (unsigned long long)cases[i].length, err.message);
    }
    for (size_t n = 0; n < 8; n++) {
        struct mer_bundle read;
        assert_int_equal(mer_safetensors_read(&ctx, file, n, &read, NULL).code, MER_ERR_DATA);
    }
}

static void the_json_of_a_model_is_at_most_one_megabyte(void **state)
{
    struct mer_bundle bundle, read;
    struct mer_buf buf;
    mer_err err;
    char *text = malloc(MER_SAFETENSORS_JSON_MAX + 2);
    (void)state;
    assert_non_null(text);
    memset(text, '7', MER_SAFETENSORS_JSON_MAX + 1);
    text[MER_SAFETENSORS_JSON_MAX + 1] = '\0';
    mer_bundle_init(&bundle, &alloc);
    bundle.json = text;
    bundle.n_json = MER_SAFETENSORS_JSON_MAX + 1;
    mer_buf_init(&buf, &alloc, 2 * FILE_MAX);
    assert_int_equal(mer_safetensors_write(&bundle, &buf, &err).code, MER_ERR_DATA);
    assert_int_equal(buf.n, 0);
    bundle.n_json = MER_SAFETENSORS_JSON_MAX;
    assert_ok(mer_safetensors_write(&bundle, &buf, &err), &err);
    assert_ok(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err), &err);
    assert_int_equal(read.n_json, MER_SAFETENSORS_JSON_MAX);
    mer_bundle_release(&read);
    mer_bundle_release(&bundle);
    mer_buf_release(&buf);

    static const char begin[] = "{\"__metadata__\":{\"merlon\":\"";
    mer_buf_init(&buf, &alloc, 2 * FILE_MAX);
    const uint64_t length = sizeof begin - 1 + MER_SAFETENSORS_JSON_MAX + 1 + 3;
    assert_ok(mer_buf_append(&buf, &length, 8, &err), &err);
    assert_ok(mer_buf_text(&buf, begin, &err), &err);
    assert_ok(mer_buf_text(&buf, text, &err), &err);
    assert_ok(mer_buf_text(&buf, "\"}}", &err), &err);
    assert_int_equal(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err).code, MER_ERR_DATA);
    assert_non_null(strstr(err.message, "over 1048576"));
    mer_buf_release(&buf);
    free(text);
}

static void a_file_of_too_many_tensors_is_refused(void **state)
{
    struct mer_bundle read;
    struct mer_buf buf, header;
    mer_err err;
    (void)state;
    for (size_t n = MER_BUNDLE_MAX_ARRAYS; n <= MER_BUNDLE_MAX_ARRAYS + 1; n++) {
        mer_buf_init(&header, &alloc, SIZE_MAX);
        for (size_t i = 0; i < n; i++)
            assert_ok(mer_buf_printf(&header, &err,
                                     "%c\"%zu\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":"
                                     "[0,0]}",
                                     i ? ',' : '{', i),
                      &err);
        assert_ok(mer_buf_text(&header, "}", &err), &err);
        make_raw((const char *)header.bytes, header.n, 0, &buf);
        const mer_status status = mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err);
        assert_int_equal(status.code, n > MER_BUNDLE_MAX_ARRAYS ? MER_ERR_DATA : MER_OK);
        if (status.code == MER_OK)
            mer_bundle_release(&read);
        else
            assert_non_null(strstr(err.message, "over the limit of 65536"));
        mer_buf_release(&buf);
        mer_buf_release(&header);
    }
}

/* ---- Damage ---- */

/* Every byte of whatever was accepted is there to be read. */
static void touch(const struct mer_bundle *bundle)
{
    unsigned sum = 0;
    for (size_t i = 0; i < bundle->n_arrays; i++)
        for (size_t k = 0; k < bundle->arrays[i].n_bytes; k++)
            sum += ((const unsigned char *)bundle->arrays[i].data)[k];
    assert_true(sum < UINT32_MAX);
}

static void every_truncation_is_refused(void **state)
{
    struct mer_buf buf;
    (void)state;
    make_file(&buf);
    for (size_t n = 0; n < buf.n; n++) {
        struct mer_bundle read;
        unsigned char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, buf.bytes, n);
        assert_int_equal(mer_safetensors_read(&ctx, exact, n, &read, NULL).code, MER_ERR_DATA);
        free(exact);
    }
    mer_buf_release(&buf);
}

static void an_extra_byte_at_the_end_is_refused(void **state)
{
    struct mer_bundle read;
    struct mer_buf buf;
    mer_err err;
    (void)state;
    make_file(&buf);
    assert_ok(mer_buf_append(&buf, "", 1, &err), &err);
    assert_int_equal(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err).code, MER_ERR_DATA);
    mer_buf_release(&buf);
}

static void no_flipped_bit_does_harm(void **state)
{
    struct mer_buf buf;
    size_t n_read = 0;
    (void)state;
    make_file(&buf);
    unsigned char *exact = malloc(buf.n);
    assert_non_null(exact);
    for (size_t bit = 0; bit < 8 * buf.n; bit++) {
        struct mer_bundle read;
        memcpy(exact, buf.bytes, buf.n);
        exact[bit / 8] ^= (unsigned char)(1 << (bit % 8));
        const mer_status status = mer_safetensors_read(&ctx, exact, buf.n, &read, NULL);
        if (status.code == MER_OK) {
            touch(&read);
            mer_bundle_release(&read);
            n_read++;
        } else {
            assert_int_equal(status.code, MER_ERR_DATA);
        }
    }
    /* Flips in data, names and texts give other valid files; most flips in the header do not. */
    assert_true(n_read > 0 && n_read < 8 * buf.n);
    free(exact);
    mer_buf_release(&buf);
}

static void a_small_file_never_needs_much_memory(void **state)
{
    (void)state;
    mer_alloc_init(&alloc, SMALL_BUDGET);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct mer_bundle read;
        struct mer_buf buf;
        if (BAD[i].n_data > 160)
            continue;
        make_raw(BAD[i].header, strlen(BAD[i].header), BAD[i].n_data, &buf);
        assert_int_equal(mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, NULL).code,
                         MER_ERR_DATA);
        mer_buf_release(&buf);
    }
    assert_true(atomic_load(&alloc.peak) <= SMALL_BUDGET);
}

static void every_failed_allocation_is_survived(void **state)
{
    struct mer_buf buf;
    mer_err err;
    (void)state;
    make_file(&buf);
    for (uint64_t fail_at = 1;; fail_at++) {
        struct mer_bundle read;
        alloc.fail_at = atomic_load(&alloc.requests) + fail_at;
        const mer_status status = mer_safetensors_read(&ctx, buf.bytes, buf.n, &read, &err);
        alloc.fail_at = 0;
        if (status.code == MER_OK) {
            assert_bundle_is_ours(&read);
            mer_bundle_release(&read);
            assert_true(fail_at > 3);
            break;
        }
        assert_int_equal(status.code, MER_ERR_MEMORY);
    }
    mer_buf_release(&buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, nothing_leaked)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),
        TEST(unaligned_bytes_are_read_too),
        TEST(data_start_at_64_bytes_and_elements_are_aligned),
        TEST(the_order_of_adding_does_not_change_the_file),
        TEST(a_failed_write_leaves_the_buffer_as_it_was),
        TEST(an_independent_reader_finds_the_tensors),
        TEST(the_golden_file_is_read_and_made_again),
        TEST(files_of_other_programs_are_read),
        TEST(every_rule_that_is_broken_is_named),
        TEST(header_lengths_that_lie_are_refused),
        TEST(the_json_of_a_model_is_at_most_one_megabyte),
        TEST(a_file_of_too_many_tensors_is_refused),
        TEST(every_truncation_is_refused),
        TEST(an_extra_byte_at_the_end_is_refused),
        TEST(no_flipped_bit_does_harm),
        TEST(a_small_file_never_needs_much_memory),
        TEST(every_failed_allocation_is_survived),
    };
    if (argc == 2) { /* make the golden file anew: test_formats_safetensors FILE */
        struct mer_buf buf;
        set_up(NULL);
        make_file(&buf);
        FILE *file = fopen(argv[1], "wb");
        const bool done = file && fwrite(buf.bytes, 1, buf.n, file) == buf.n;
        return file && fclose(file) == 0 && done ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
