/* The keys of sealed files on disk: made, found by name, by file and by themselves, destroyed,
 * listed; and files that others left there. */
#include "seal_test.h"

#include "guard/seal_store.h"

static mer_err err;

static struct mer_recipient make(const char *name)
{
    struct mer_recipient recipient;
    assert_ok(mer_seal_store_make(&alloc, folder, name, NULL, NULL, &recipient, &err), &err);
    return recipient;
}

static mer_status recipients_of(const char *which, struct mer_recipients *ret)
{
    ret->n = 0;
    return mer_seal_store_recipients(&alloc, folder, which, ret, &err);
}

static mer_status identities_of(const char *which, mer_passphrase_fn *ask, const char *words,
                                size_t *ret_n)
{
    struct mer_identities identities;
    assert_ok(mer_identities_init(&identities, &err), &err);
    const mer_status status = mer_seal_store_identities(
        &alloc, folder, which, ask, (void *)(uintptr_t)words, &identities, &err);
    *ret_n = identities.n;
    mer_identities_release(&identities);
    return status;
}

static void a_key_is_found_by_its_name_its_file_and_its_recipient(void **state)
{
    const struct mer_recipient made = make("mine");
    struct mer_recipients recipients;
    char text[MER_RECIPIENT_TEXT_MAX];
    size_t n;
    (void)state;
    mer_recipient_text(&made, text);
    const char *const ways[] = {"mine", text, in_folder("seal/mine.recipient")};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(recipients_of(ways[i], &recipients), &err);
        assert_int_equal(recipients.n, 1);
        assert_memory_equal(&recipients.items[0], &made, sizeof made);
    }
    assert_ok(identities_of("mine", NULL, NULL, &n), &err);
    assert_int_equal(n, 1);
    assert_ok(identities_of(in_folder("seal/mine.identity"), NULL, NULL, &n), &err);
    assert_int_equal(n, 1);
    assert_refused(mer_seal_store_make(&alloc, folder, "mine", NULL, NULL, NULL, &err),
                   MER_ERR_EXISTS, &err, "there is a key");
    assert_refused(mer_seal_store_make(&alloc, folder, "no/name", NULL, NULL, NULL, &err),
                   MER_ERR_USAGE, &err, "no/name");
}

static void an_identity_with_a_passphrase_opens_with_that_alone(void **state)
{
    struct mer_recipient recipient;
    char words[] = "correct horse", wrong[] = "correct horsf";
    size_t n;
    (void)state;
    assert_ok(mer_seal_store_make(&alloc, folder, "guarded", answer, words, &recipient, &err),
              &err);
    assert_ok(identities_of("guarded", answer, words, &n), &err);
    assert_int_equal(n, 1);
    assert_refused(identities_of("guarded", answer, wrong, &n), MER_ERR_TRUST, &err,
                   "that passphrase");
    assert_refused(identities_of("guarded", NULL, NULL, &n), MER_ERR_TRUST, &err, "none was given");
    assert_int_equal(n, 0);
}

static void a_destroyed_key_is_gone_and_its_name_is_not_used_again(void **state)
{
    struct mer_recipients recipients;
    size_t n;
    (void)state;
    (void)make("mine");
    assert_ok(mer_seal_store_destroy(folder, "mine", &err), &err);
    assert_int_not_equal(access(in_folder("seal/mine.identity"), F_OK), 0);
    assert_int_not_equal(access(in_folder("seal/mine.recipient"), F_OK), 0);
    assert_refused(recipients_of("mine", &recipients), MER_ERR_TRUST, &err, "was destroyed");
    assert_refused(identities_of("mine", NULL, NULL, &n), MER_ERR_TRUST, &err, "was destroyed");
    assert_refused(mer_seal_store_make(&alloc, folder, "mine", NULL, NULL, NULL, &err),
                   MER_ERR_EXISTS, &err, "which was destroyed");
    /* Again is nothing new, and somebody else's recipient has no identity to destroy. */
    assert_ok(mer_seal_store_destroy(folder, "mine", &err), &err);
    assert_refused(mer_seal_store_destroy(folder, "nobody", &err), MER_ERR_NO_INPUT, &err,
                   "no key for sealing");
}

static void what_nobody_has_is_told(void **state)
{
    struct mer_recipients recipients;
    size_t n;
    (void)state;
    assert_refused(recipients_of("nobody", &recipients), MER_ERR_NO_INPUT, &err, "neither");
    assert_refused(recipients_of("/no/where", &recipients), MER_ERR_NO_INPUT, &err, "neither");
    assert_refused(identities_of("nobody", NULL, NULL, &n), MER_ERR_NO_INPUT, &err, "neither");
    assert_refused(recipients_of("age1xyz", &recipients), MER_ERR_DATA, &err, "age1");
    assert_refused(recipients_of("AGE-SECRET-KEY-1QQQ", &recipients), MER_ERR_DATA, &err, "secret");
    assert_refused(recipients_of(folder, &recipients), MER_ERR_NO_INPUT, &err, "is a folder");
}

static void files_of_recipients_are_read_line_by_line(void **state)
{
    struct mer_recipients recipients;
    char text[64 + 66 * (MER_RECIPIENT_TEXT_MAX + 2)];
    char line[MER_RECIPIENT_TEXT_MAX];
    const struct mer_recipient one = make("one");
    (void)state;
    mer_recipient_text(&one, line);
    (void)snprintf(text, sizeof text, "# people\n%s \t\r\n\n%s", line, line);
    write_text("people", text);
    assert_ok(recipients_of(in_folder("people"), &recipients), &err);
    assert_int_equal(recipients.n, 2);
    write_text("people", "# nobody\n\n");
    assert_refused(recipients_of(in_folder("people"), &recipients), MER_ERR_DATA, &err,
                   "holds no recipient");
    write_text("people", "");
    assert_refused(recipients_of(in_folder("people"), &recipients), MER_ERR_DATA, &err,
                   "holds no recipient");
    write_text("people", "somebody\n");
    assert_refused(recipients_of(in_folder("people"), &recipients), MER_ERR_DATA, &err,
                   "is not a recipient");
    size_t n = 0;
    for (size_t i = 0; i < MER_RECIPIENTS_MAX + 1; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", line);
    write_text("people", text);
    assert_refused(recipients_of(in_folder("people"), &recipients), MER_ERR_USAGE, &err,
                   "there are over");
}

static void identities_that_others_can_read_are_refused(void **state)
{
    size_t n;
    (void)state;
    (void)make("mine");
    assert_int_equal(chmod(in_folder("seal/mine.identity"), 0644), 0);
    assert_refused(identities_of("mine", NULL, NULL, &n), MER_ERR_TRUST, &err, "others can reach");
    assert_refused(identities_of(folder, NULL, NULL, &n), MER_ERR_TRUST, &err, "is a folder");
    write_text("broken", "AGE-SECRET-KEY-1QQQQ\n");
    assert_int_equal(chmod(in_folder("broken"), 0600), 0);
    assert_refused(identities_of(in_folder("broken"), NULL, NULL, &n), MER_ERR_DATA, &err,
                   "broken");
    assert_int_equal(chmod(in_folder("seal"), 0777), 0);
    assert_refused(identities_of("mine", NULL, NULL, &n), MER_ERR_TRUST, &err, "write");
}

struct listed {
    size_t n;
    struct mer_seal_key_info keys[8];
};

static void put(void *self, const struct mer_seal_key_info *key)
{
    struct listed *const listed = self;
    assert_true(listed->n < 8);
    listed->keys[listed->n++] = *key;
}

static void keys_are_listed_and_other_files_are_passed_over(void **state)
{
    struct listed listed = {.n = 0};
    (void)state;
    assert_ok(mer_seal_store_list(folder, put, &listed, &err), &err);
    assert_int_equal(listed.n, 0);
    (void)make("b");
    (void)make("a");
    (void)make("gone");
    assert_ok(mer_seal_store_destroy(folder, "gone", &err), &err);
    write_text("seal/.recipient", "x");
    write_text("seal/notes", "x");
    write_text("seal/empty.recipient", "");
    write_text("seal/No Name.recipient", "x");
    assert_int_equal(remove(in_folder("seal/b.identity")), 0);
    assert_ok(mer_seal_store_list(folder, put, &listed, &err), &err);
    assert_int_equal(listed.n, 3);
    assert_string_equal(listed.keys[0].name, "a");
    assert_true(listed.keys[0].has_identity && !listed.keys[0].destroyed);
    assert_string_equal(listed.keys[1].name, "b");
    assert_false(listed.keys[1].has_identity);
    assert_string_equal(listed.keys[2].name, "gone");
    assert_true(listed.keys[2].destroyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_found_by_its_name_its_file_and_its_recipient),
        TEST(an_identity_with_a_passphrase_opens_with_that_alone),
        TEST(a_destroyed_key_is_gone_and_its_name_is_not_used_again),
        TEST(what_nobody_has_is_told),
        TEST(files_of_recipients_are_read_line_by_line),
        TEST(identities_that_others_can_read_are_refused),
        TEST(keys_are_listed_and_other_files_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
