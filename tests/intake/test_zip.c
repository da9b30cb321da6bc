/* ZIP archives: what is read, and everything that is not. */
#include "intake/zip.h"

#include "taking.h"

/* An archive of two entries, "a" stored and "b" deflated. */
static void make(struct archive *archive)
{
    *archive = (struct archive){0};
    archive_add(archive, "a", "first", 5, false);
    archive_text(archive, "b", "second second second second");
    archive_end(archive);
}

struct collected {
    char bytes[64];
    size_t n;
};

static mer_status collect(void *self, const unsigned char *bytes, size_t n, mer_err *err)
{
    struct collected *collected = self;
    (void)err;
    assert_true(n <= sizeof collected->bytes - collected->n);
    memcpy(collected->bytes + collected->n, bytes, n);
    collected->n += n;
    return mer_ok();
}

/* The contents of both entries, one behind the other, or an error. */
static enum mer_code read_both(const void *bytes, size_t n, struct collected *collected,
                               mer_err *err)
{
    struct mer_alloc alloc;
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct mer_zip zip;
    mer_alloc_init(&alloc, SIZE_MAX);
    *collected = (struct collected){.n = 0};
    mer_err_clear(err);
    mer_status status = mer_zip_open(&ctx, bytes, n, &zip, err);
    if (mer_is_ok(status)) {
        for (size_t i = 0; i < zip.n_entries && mer_is_ok(status); i++)
            status = mer_zip_read(&zip, &zip.entries[i], collect, collected, err);
        mer_zip_release(&zip);
    }
    assert_int_equal(atomic_load(&alloc.used), 0);
    return status.code;
}

static void refuse(const struct archive *archive, const char *message)
{
    struct collected collected;
    mer_err err;
    assert_int_equal(read_both(archive->bytes, archive->n, &collected, &err), MER_ERR_DATA);
    if (!strstr(err.message, message))
        print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, message));
}

static void entries_are_found_by_name_and_read(void **state)
{
    (void)state;
    struct mer_alloc alloc;
    const struct mer_ctx ctx = {.alloc = &alloc};
    struct archive archive;
    struct mer_zip zip;
    struct collected collected = {.n = 0};
    mer_alloc_init(&alloc, SIZE_MAX);
    make(&archive);
    assert_true(mer_zip_applies(archive.bytes, archive.n));
    assert_int_equal(mer_zip_open(&ctx, archive.bytes, archive.n, &zip, NULL).code, MER_OK);
    assert_null(mer_zip_find(&zip, "c"));
    assert_null(mer_zip_find(&zip, ""));
    const struct mer_zip_entry *b = mer_zip_find(&zip, "b");
    assert_non_null(b);
    assert_int_equal(mer_zip_read(&zip, b, collect, &collected, NULL).code, MER_OK);
    assert_int_equal(collected.n, 27);
    assert_memory_equal(collected.bytes, "second second second second", 27);
    mer_zip_release(&zip);
    archive_release(&archive);
}

/* Writes the same into a header and into the directory's record of it. */
static void put_both(struct archive *archive, size_t i, size_t at, unsigned value)
{
    archive_put_word(archive, archive->local_at[i] + at, value);
    archive_put_word(archive, archive->central_at[i] + at + 2, value);
}

static void kinds_that_are_not_read_are_named(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive);
    put_both(&archive, 1, 6, 1);
    refuse(&archive, "is encrypted");
    put_both(&archive, 1, 6, 0);
    put_both(&archive, 1, 8, 12);
    refuse(&archive, "compressed by method 12");
    put_both(&archive, 1, 8, 8);
    archive_put_wide(&archive, archive.central_at[1] + 24, 0xffffffff);
    refuse(&archive, "a ZIP64 one");
    archive_release(&archive);
    make(&archive);
    archive_put_word(&archive, archive.end_at + 4, 1);
    refuse(&archive, "one of several disks");
    archive_put_word(&archive, archive.end_at + 4, 0);
    archive_put_word(&archive, archive.central_at[0] + 34, 1);
    refuse(&archive, "one of several disks");
    archive_put_wide(&archive, archive.end_at + 16, 0xffffffff);
    refuse(&archive, "a ZIP64 one");
    archive_release(&archive);
}

static void bombs_are_refused(void **state)
{
    (void)state;
    const size_t n = 32 << 20;
    struct archive archive = {0};
    char *zeros = calloc(n, 1);
    assert_non_null(zeros);
    archive_add(&archive, "zeros", zeros, n, true);
    archive_end(&archive);
    refuse(&archive, "would grow by more than 200 times");
    /* And one that lies about what it grows to. */
    archive_put_wide(&archive, archive.local_at[0] + 22, 60);
    archive_put_wide(&archive, archive.central_at[0] + 24, 60);
    refuse(&archive, "longer than stated");
    free(zeros);
    archive_release(&archive);
}

static void entries_that_overlap_are_refused(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive);
    /* Both records of the directory lead to one entry: one body, many names. */
    archive_put_wide(&archive, archive.central_at[1] + 42, archive.local_at[0]);
    refuse(&archive, "contradicts the directory");
    archive_release(&archive);
    archive = (struct archive){0};
    archive_add(&archive, "a", "first", 5, false);
    archive_add(&archive, "a", "first", 5, false);
    archive_end(&archive);
    refuse(&archive, "two entries have one name");
    archive_put_wide(&archive, archive.central_at[1] + 42, archive.local_at[0]);
    refuse(&archive, "entries overlap");
    archive_release(&archive);
    /* The second header lies within the first one's data. */
    archive = (struct archive){0};
    archive_add(&archive, "b",
                "PK\3\4\24\0\0\0\0\0\0\0\0\0\254\264\231\310\1\0\0\0\1\0\0\0\1\0\0\0cZ", 32, false);
    archive_add(&archive, "c", "Z", 1, false);
    archive_end(&archive);
    memcpy(archive.bytes + archive.local_at[0] + 31 + 14, archive.bytes + archive.local_at[1] + 14,
           4);
    archive_put_wide(&archive, archive.central_at[1] + 42, archive.local_at[0] + 31);
    refuse(&archive, "entries overlap");
    archive_release(&archive);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"", "/a", "../a", "a/../b", "a/..", "a\\b", "\xff"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct archive archive = {0};
        archive_text(&archive, names[i], "x");
        archive_end(&archive);
        refuse(&archive, "a name that is none");
        archive_release(&archive);
    }
}

static void headers_must_agree_with_the_directory(void **state)
{
    (void)state;
    static const size_t at[] = {6, 8, 14, 18, 22, 26, 30};
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        struct archive archive;
        make(&archive);
        archive.bytes[archive.local_at[0] + at[i]] ^= 2;
        refuse(&archive, "contradicts the directory");
        archive_release(&archive);
    }
}

static void sizes_behind_the_data_are_fine(void **state)
{
    (void)state;
    struct archive archive;
    struct collected collected;
    mer_err err;
    make(&archive);
    put_both(&archive, 0, 6, 1 << 3);
    for (size_t at = 14; at < 26; at += 4)
        archive_put_wide(&archive, archive.local_at[0] + at, 0);
    assert_int_equal(read_both(archive.bytes, archive.n, &collected, &err), MER_OK);
    assert_memory_equal(collected.bytes, "first", 5);
    archive_release(&archive);
}

static void contents_must_be_as_stated(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive);
    archive.bytes[archive.local_at[0] + 31] ^= 1;
    refuse(&archive, "checksum is wrong");
    archive_release(&archive);
    make(&archive);
    archive_put_wide(&archive, archive.local_at[1] + 22, 28);
    archive_put_wide(&archive, archive.central_at[1] + 24, 28);
    refuse(&archive, "shorter than stated");
    archive_release(&archive);
    make(&archive);
    archive_put_wide(&archive, archive.local_at[0] + 22, 4);
    archive_put_wide(&archive, archive.central_at[0] + 24, 4);
    refuse(&archive, "a stored entry has two sizes");
    archive_release(&archive);
}

static void what_lies_around_the_archive_is_refused(void **state)
{
    (void)state;
    struct archive archive;
    make(&archive);
    archive.n++;
    archive.bytes[archive.n - 1] = 'x';
    refuse(&archive, "its end is missing");
    archive.n--;
    archive_put_wide(&archive, archive.end_at + 16, archive.central_at[0] - 1);
    refuse(&archive, "its directory is not where its end says");
    archive_put_wide(&archive, archive.end_at + 16, archive.central_at[0]);
    archive_put_word(&archive, archive.end_at + 8, 1);
    archive_put_word(&archive, archive.end_at + 10, 1);
    refuse(&archive, "holds more than its end says");
    archive_put_word(&archive, archive.end_at + 8, 3);
    archive_put_word(&archive, archive.end_at + 10, 3);
    refuse(&archive, "its directory is cut off");
    archive_put_word(&archive, archive.end_at + 8, 5000);
    archive_put_word(&archive, archive.end_at + 10, 5000);
    refuse(&archive, "has 5000 entries");
    archive_release(&archive);
}

static void no_truncation_and_no_flipped_bit_changes_contents(void **state)
{
    (void)state;
    struct archive archive;
    struct collected good, other;
    mer_err err;
    make(&archive);
    assert_int_equal(read_both(archive.bytes, archive.n, &good, &err), MER_OK);
    for (size_t n = 0; n < archive.n; n++) {
        unsigned char *piece = malloc(n + 1);
        assert_non_null(piece);
        memcpy(piece, archive.bytes, n);
        assert_int_equal(read_both(piece, n, &other, &err), MER_ERR_DATA);
        free(piece);
    }
    for (size_t bit = 0; bit < archive.n * 8; bit++) {
        archive.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (read_both(archive.bytes, archive.n, &other, &err) == MER_OK) {
            assert_int_equal(other.n, good.n);
            assert_memory_equal(other.bytes, good.bytes, good.n);
        }
        archive.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    archive_release(&archive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_by_name_and_read),
        cmocka_unit_test(kinds_that_are_not_read_are_named),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(entries_that_overlap_are_refused),
        cmocka_unit_test(names_that_lead_elsewhere_are_refused),
        cmocka_unit_test(headers_must_agree_with_the_directory),
        cmocka_unit_test(sizes_behind_the_data_are_fine),
        cmocka_unit_test(contents_must_be_as_stated),
        cmocka_unit_test(what_lies_around_the_archive_is_refused),
        cmocka_unit_test(no_truncation_and_no_flipped_bit_changes_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
