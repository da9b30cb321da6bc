/* Pseudonyms: what a token is, who can make it, what is kept and how texts are turned back. */
#include "guard/guard_test.h"

#include "guard/pseudonyms.h"
#include "os/file.h"

static void open_book(struct mer_book *book, const char *project)
{
    mer_err err;
    assert_ok(mer_book_open(&alloc, folder, project, true, book, NULL, &err), &err);
}

static struct mer_token token_of(const struct mer_book *book, const char *column, const char *level)
{
    struct mer_token token;
    mer_err err;
    assert_ok(mer_book_token(book, column, strlen(column), level, level ? strlen(level) : 0, &token,
                             &err),
              &err);
    return token;
}

static void learn(struct mer_book *book, const char *column, const char *level)
{
    const struct mer_token token = token_of(book, column, level);
    const char *const text = level ? level : column;
    mer_err err;
    assert_ok(mer_book_learn(book, &token, text, strlen(text), &err), &err);
}

static void a_token_has_its_form_and_stays_the_same(void **state)
{
    struct mer_book book, again;
    (void)state;
    open_book(&book, "study");
    open_book(&again, "study");
    const struct mer_token token = token_of(&book, "age", NULL),
                           same = token_of(&again, "age", NULL);
    assert_string_equal(token.text, same.text);
    assert_int_equal(strlen(token.text), MER_TOKEN_CHARS);
    assert_true(mer_token_is(token.text, MER_TOKEN_CHARS));
    assert_false(mer_token_is(token.text, MER_TOKEN_CHARS - 1));
    assert_false(mer_token_is("mer_ABCDEFGHIJKLMNOPQRSTUVWXYZ", MER_TOKEN_CHARS));
    assert_false(mer_token_is("mar_abcdefghijklmnopqrstuvwxyz", MER_TOKEN_CHARS));
    mer_book_release(&again);
    mer_book_release(&book);
}

static void the_token_is_hmac_sha256_of_the_key_as_documented(void **state)
{
    /* Computed with Python: base64.b32encode(hmac.digest(bytes(range(32)),
     * b"merlon pseudonym 1 level 3 agehigh", "sha256")[:16]) */
    static const char key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
    struct mer_book book;
    mer_err err;
    (void)state;
    make_folder("names");
    write_text("names/known.key", key);
    assert_int_equal(chmod(in_folder("names/known.key"), 0600), 0);
    assert_ok(mer_book_open(&alloc, folder, "known", false, &book, NULL, &err), &err);
    assert_string_equal(token_of(&book, "age", "high").text, "mer_nifrtci5tmgz2a3q7nd7mskzui");
    assert_string_equal(token_of(&book, "age", NULL).text, "mer_azuo4m7zxz2lsep2flo3snj3se");
    mer_book_release(&book);
}

static void names_that_differ_in_anything_have_other_tokens(void **state)
{
    static const char *const names[][2] = {
        {"age", NULL}, {"age", ""},     {"age", "age"}, {"ag", "eage"}, {"agea", "ge"},
        {"Age", NULL}, {"age ", NULL},  {"", "age"},    {"", NULL},     {"1 x", "y"},
        {"1", " x y"}, {"age", "high"}, {"sex", "high"}};
    enum { N = sizeof names / sizeof *names };
    struct mer_book one, other;
    (void)state;
    open_book(&one, "one");
    open_book(&other, "other");
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            const struct mer_token a = token_of(&one, names[i][0], names[i][1]);
            if (i != j)
                assert_string_not_equal(a.text, token_of(&one, names[j][0], names[j][1]).text);
            /* Under another key nothing is the same. */
            assert_string_not_equal(a.text, token_of(&other, names[j][0], names[j][1]).text);
        }
    mer_book_release(&one);
    mer_book_release(&other);
}

static void names_are_kept_for_their_owner_and_for_all_who_write(void **state)
{
    struct mer_book first, second, third;
    struct stat info;
    mer_err err;
    (void)state;
    open_book(&first, "study");
    open_book(&second, "study");
    learn(&first, "age", NULL);
    learn(&first, "age", "\"hi\", \xc3\xa4");
    learn(&second, "sex", NULL);
    assert_ok(mer_book_save(&first, &err), &err);
    assert_ok(mer_book_save(&second, &err), &err); /* which has not read what the first wrote */
    open_book(&third, "study");
    assert_int_equal(third.n, 3);
    size_t n = 0;
    assert_string_equal(mer_book_find(&third, token_of(&third, "age", "\"hi\", \xc3\xa4").text,
                                      MER_TOKEN_CHARS, &n),
                        "\"hi\", \xc3\xa4");
    assert_int_equal(n, 8);
    assert_string_equal(
        mer_book_find(&third, token_of(&third, "sex", NULL).text, MER_TOKEN_CHARS, NULL), "sex");
    assert_null(mer_book_find(&third, token_of(&third, "sex", "f").text, MER_TOKEN_CHARS, NULL));
    static const char *const files[] = {"names/study.key", "names/study.json"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(stat(in_folder(files[i]), &info), 0);
        assert_int_equal(info.st_mode & 07777, 0600);
    }
    mer_book_release(&first);
    mer_book_release(&second);
    mer_book_release(&third);
}

static void what_others_can_read_is_refused(void **state)
{
    static const char *const files[] = {"names/study.key", "names/study.json"};
    struct mer_book book;
    mer_err err;
    (void)state;
    open_book(&book, "study");
    learn(&book, "age", NULL);
    assert_ok(mer_book_save(&book, &err), &err);
    mer_book_release(&book);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(in_folder(files[i]), 0640), 0);
        assert_refused(mer_book_open(&alloc, folder, "study", false, &book, NULL, &err),
                       MER_ERR_TRUST, &err, "others can reach");
        assert_int_equal(chmod(in_folder(files[i]), 0600), 0);
    }
    assert_refused(mer_book_open(&alloc, folder, "none", false, &book, NULL, &err),
                   MER_ERR_NO_INPUT, &err, "there is no project 'none'");
    assert_refused(mer_book_open(&alloc, folder, "../study", true, &book, NULL, &err),
                   MER_ERR_USAGE, &err, "no name for");
    static const char *const broken[] = {"{", "{}", "{\"format\":1,\"names\":[\"a\"]}",
                                         "{\"format\":1,\"names\":[\"a\",\"b\"]}",
                                         "{\"format\":2,\"names\":[]}"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        write_text("names/study.json", broken[i]);
        assert_refused(mer_book_open(&alloc, folder, "study", false, &book, NULL, &err),
                       MER_ERR_DATA, &err, "the project's names");
    }
    write_text("names/study.json", "{\"format\":1,\"names\":[]}");
    write_text("names/study.key", "0102");
    assert_refused(mer_book_open(&alloc, folder, "study", false, &book, NULL, &err), MER_ERR_DATA,
                   &err, "does not hold a key");
}

static void turns_back(const struct mer_book *book, enum mer_names_text kind, const char *before,
                       const char *column, const char *after, const char *wanted)
{
    char text[200];
    size_t n_known = 0, n_unknown = 0;
    struct mer_buf buf;
    mer_err err;
    snprintf(text, sizeof text, "%s%s%s", before, token_of(book, column, NULL).text, after);
    mer_buf_init(&buf, &alloc, 1000);
    assert_ok(mer_book_turn_back(book, kind, text, strlen(text), &buf, &n_known, &n_unknown, &err),
              &err);
    assert_int_equal(n_known, 1);
    assert_int_equal(n_unknown, 0);
    assert_int_equal(buf.n, strlen(wanted));
    assert_memory_equal(buf.bytes, wanted, buf.n);
    mer_buf_release(&buf);
}

static void names_are_quoted_as_the_text_around_them_wants(void **state)
{
    static const char odd[] = "a\"<b>&'\\,\n";
    struct mer_book book;
    mer_err err;
    (void)state;
    open_book(&book, "study");
    learn(&book, "plain", NULL);
    learn(&book, odd, NULL);
    assert_ok(mer_book_save(&book, &err), &err);
    turns_back(&book, MER_NAMES_CSV, "x,", "plain", ",1\n", "x,plain,1\n");
    turns_back(&book, MER_NAMES_CSV, "", odd, "", "\"a\"\"<b>&'\\,\n\"");
    turns_back(&book, MER_NAMES_CSV, "1;", odd, "\r\n", "1;\"a\"\"<b>&'\\,\n\"\r\n");
    turns_back(&book, MER_NAMES_CSV, "1,\"", odd, "\"\n", "1,\"a\"\"<b>&'\\,\n\"\n");
    turns_back(&book, MER_NAMES_CSV, "the column ", odd, " x", "the column a\"<b>&'\\,\n x");
    turns_back(&book, MER_NAMES_JSON, "{\"", odd, "\":1}", "{\"a\\\"<b>&'\\\\,\\u000a\":1}");
    turns_back(&book, MER_NAMES_HTML, "<b>", odd, "</b>", "<b>a&quot;&lt;b&gt;&amp;&#39;\\,\n</b>");
    turns_back(&book, MER_NAMES_PLAIN, "mer_mer_x ", odd, "mer_", "mer_mer_x a\"<b>&'\\,\nmer_");
    mer_book_release(&book);
}

static void tokens_of_others_stay(void **state)
{
    struct mer_book book;
    struct mer_buf buf;
    size_t n_known, n_unknown;
    mer_err err;
    (void)state;
    open_book(&book, "study");
    const struct mer_token token = token_of(&book, "unknown", NULL);
    mer_buf_init(&buf, &alloc, 1000);
    assert_ok(mer_book_turn_back(&book, MER_NAMES_CSV, token.text, MER_TOKEN_CHARS, &buf, &n_known,
                                 &n_unknown, &err),
              &err);
    assert_int_equal(n_known, 0);
    assert_int_equal(n_unknown, 1);
    assert_memory_equal(buf.bytes, token.text, MER_TOKEN_CHARS);
    mer_buf_release(&buf);
    mer_book_release(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_token_has_its_form_and_stays_the_same),
        TEST(the_token_is_hmac_sha256_of_the_key_as_documented),
        TEST(names_that_differ_in_anything_have_other_tokens),
        TEST(names_are_kept_for_their_owner_and_for_all_who_write),
        TEST(what_others_can_read_is_refused),
        TEST(names_are_quoted_as_the_text_around_them_wants),
        TEST(tokens_of_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
