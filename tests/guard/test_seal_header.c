/* Headers of sealed files and armor: one spelling is read, every other is refused and says where.
 */
#include "guard/seal_header.h"

#include "guard/armor.h"
#include "guard/guard_test.h"

#define VERSION "age-encryption.org/v1\n"
#define BODY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define MAC "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
#define LINE48 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"

static mer_status parse(const char *text, struct mer_seal_header *header, mer_err *err)
{
    return mer_seal_header_parse(&alloc, (const unsigned char *)text, strlen(text), header, err);
}

static void a_header_is_read_with_all_its_recipients(void **state)
{
    static const char text[] =
        VERSION "-> X25519 c2hhcmU\n" BODY "-> odd a b c d\n" LINE48 "\n" MAC "payload";
    struct mer_seal_header header;
    unsigned char bytes[5];
    mer_err err;
    (void)state;
    assert_ok(parse(text, &header, &err), &err);
    assert_int_equal(header.n_stanzas, 2);
    assert_true(mer_stanza_is(&header.stanzas[0], "X25519"));
    assert_false(mer_stanza_is(&header.stanzas[0], "X2551"));
    assert_int_equal(header.stanzas[0].n_body, 32);
    assert_true(mer_stanza_argument_bytes(&header.stanzas[0], 1, bytes, 5));
    assert_memory_equal(bytes, "share", 5);
    assert_false(mer_stanza_argument_bytes(&header.stanzas[0], 1, bytes, 4));
    assert_false(mer_stanza_argument_bytes(&header.stanzas[0], 2, bytes, 5));
    assert_int_equal(header.stanzas[1].n_arguments, 5);
    assert_int_equal(header.stanzas[1].n_body, 48);
    assert_string_equal(text + header.n_bytes, "payload");
    assert_memory_equal(text + header.n_authenticated - 3, "--- ", 4);
    mer_seal_header_release(&header);
}

static void every_other_spelling_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "line 1"},
        {"age-encryption.org/v2\n" MAC, "version"},
        {"age-encryption.org/v1\r\n" MAC, "version"},
        {"something else\n", "not a sealed file"},
        {VERSION, "line 2 of the header is missing"},
        {VERSION MAC, "no recipient"},
        {VERSION "-> \n" BODY MAC, "no kind"},
        {VERSION "->x\n" BODY MAC, "line 2"},
        {VERSION "-> a  b\n" BODY MAC, "empty argument"},
        {VERSION "-> a \n" BODY MAC, "empty argument"},
        {VERSION "-> a\tb\n" BODY MAC, "may not be there"},
        {VERSION "-> \303\244\n" BODY MAC, "may not be there"},
        {VERSION "-> a\n" MAC, "line 3"},
        {VERSION "-> a\n" LINE48 MAC, "line 4"},
        {VERSION "-> a\n" BODY "\n" MAC, "line 4"},
        {VERSION "-> a\nAA==\n" MAC, "line 3"},
        {VERSION "-> a\nAB\n" MAC, "line 3"},
        {VERSION "-> a\nA-\n" MAC, "line 3"},
        {VERSION "-> a\nA\n" MAC, "line 3"},
        {VERSION "-> a\nAA\r\n" MAC, "line 3"},
        {VERSION "-> a\nA" LINE48 "\n" MAC, "line 3"},
        {VERSION "-> a\n" BODY "---\n", "authentication code"},
        {VERSION "-> a\n" BODY "--- \n", "authentication code"},
        {VERSION "-> a\n" BODY "---AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
         "authentication"},
        {VERSION "-> a\n" BODY "---  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
         "authentication"},
        {VERSION "-> a\n" BODY "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n",
         "authentication"},
        {VERSION "-> a\n" BODY "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \n",
         "authentication"},
        {VERSION "-> a\n" BODY "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "line 4"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_seal_header header;
        mer_err err;
        assert_refused(parse(cases[i].text, &header, &err), MER_ERR_DATA, &err, cases[i].words);
        assert_int_equal(alloc.used, 0);
    }
}

static void too_many_recipients_and_too_long_headers_are_refused(void **state)
{
    struct mer_seal_header header;
    struct mer_buf text;
    mer_err err;
    (void)state;
    mer_buf_init(&text, &alloc, SIZE_MAX);
    assert_ok(mer_buf_text(&text, VERSION, &err), &err);
    for (size_t i = 0; i <= MER_SEAL_STANZAS_MAX; i++)
        assert_ok(mer_buf_text(&text, "-> a\n\n", &err), &err);
    assert_ok(mer_buf_text(&text, MAC, &err), &err);
    assert_refused(mer_seal_header_parse(&alloc, text.bytes, text.n, &header, &err), MER_ERR_DATA,
                   &err, "over 1024");
    mer_buf_clear(&text);
    assert_ok(mer_buf_text(&text, VERSION "-> a\n", &err), &err);
    while (text.n < MER_SEAL_HEADER_MAX)
        assert_ok(mer_buf_text(&text, LINE48, &err), &err);
    assert_ok(mer_buf_text(&text, "\n" MAC, &err), &err);
    assert_refused(mer_seal_header_parse(&alloc, text.bytes, text.n, &header, &err), MER_ERR_DATA,
                   &err, "does not end");
    mer_buf_release(&text);
}

#define FIRST "-----BEGIN AGE ENCRYPTED FILE-----\n"
#define LAST "-----END AGE ENCRYPTED FILE-----\n"

static void armor_is_read_strictly(void **state)
{
    static const struct {
        const char *text;
        const char *words; /* NULL: it is fine */
    } cases[] = {
        {FIRST "AAAA\n" LAST, NULL},
        {FIRST LINE48 LAST, NULL},
        {"\r\n \t\n" FIRST "AAAA\r\n" LAST "\n \n", NULL},
        {FIRST "AA==\n-----END AGE ENCRYPTED FILE-----", NULL},
        {"", "line 1"},
        {"x" FIRST "AAAA\n" LAST, "line 1"},
        {FIRST, "does not end"},
        {FIRST "AAAA\n", "does not end"},
        {FIRST "AAAA\nAAAA\n" LAST, "is short"},
        {FIRST "\n" LAST, "line 2"},
        {FIRST "AAAA\n\n" LAST, "is short"},
        {FIRST "A\n" LAST, "line 2"},
        {FIRST "AAA\n" LAST, "line 2"},
        {FIRST "AB==\n" LAST, "not base64"},
        {FIRST "AA=A\n" LAST, "not base64"},
        {FIRST "A-A_\n" LAST, "line 2"},
        {FIRST " AAA\n" LAST, "not base64"},
        {FIRST "AAAA" LINE48 LAST, "line 2"},
        {FIRST "AAAA\n" LAST "x", "behind the armor"},
        {FIRST "AAAA\n-----END AGE ENCRYPTED FILE----- \n", "is short"},
        {"-----BEGIN AGE ENCRYPTED FILE-----x\nAAAA\n" LAST, "line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mer_buf plain;
        mer_err err;
        mer_buf_init(&plain, &alloc, SIZE_MAX);
        const mer_status status =
            mer_armor_decode(&plain, cases[i].text, strlen(cases[i].text), &err);
        if (cases[i].words)
            assert_refused(status, MER_ERR_DATA, &err, cases[i].words);
        else
            assert_ok(status, &err);
        mer_buf_release(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_header_is_read_with_all_its_recipients),
        TEST(every_other_spelling_is_refused),
        TEST(too_many_recipients_and_too_long_headers_are_refused),
        TEST(armor_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
