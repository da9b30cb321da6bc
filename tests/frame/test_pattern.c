/* Patterns: the syntax of XML Schema's regular expressions, what they match, and that no pattern
 * and no text takes long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "frame/pattern.h"

struct compiled {
    struct mer_alloc alloc;
    struct mer_arena arena;
    const struct mer_pattern *pattern;
    mer_err err;
};

static enum mer_code compile(struct compiled *compiled, const char *text)
{
    *compiled = (struct compiled){0};
    mer_alloc_init(&compiled->alloc, 64 << 20);
    mer_arena_init(&compiled->arena, &compiled->alloc);
    return mer_pattern_compile(&compiled->arena, text, strlen(text), &compiled->pattern,
                               &compiled->err)
        .code;
}

static void release(struct compiled *compiled)
{
    mer_arena_release(&compiled->arena);
    assert_int_equal(atomic_load(&compiled->alloc.used), 0);
}

static void a_pattern_matches_the_whole_text_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *matching; /* separated by bars; texts hold none */
        const char *other;
    } cases[] = {
        {"", "", "a"},
        {"abc", "abc", "ab|abcd|xabc|"},
        {"^abc$", "abc", "^abc$|ab"},
        {"^a.*$", "a|apple", "orange|"},
        {"\\^a\\$", "^a$", "a"},
        {"a^b$c", "a^b$c", "abc"},
        {"a|bc|", "|a|bc", "b|ac"},
        {"(a|b)*c", "c|abac", "ab|abacx"},
        {"a?b+c*", "b|abbb|bcc", "a|ac|aabc"},
        {"[a-c]{2}", "ab|cc", "a|abc|ad"},
        {"x{2,}", "xx|xxxxx", "x|"},
        {"x{0,2}y", "y|xy|xxy", "xxxy"},
        {"(ab){0}", "", "ab"},
        {"(a*)*", "|aaa", "b"},
        {"(a|a|aa)+", "aaaaa", "|ab"},
        {"\\d{4}-\\d{2}", "2024-02|\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4-12", "24-02|2024-2"},
        {"[^0-9]+", "abc|-", "a1|"},
        {"[a-z-[aeiou]]+", "bcd", "bad|"},
        {"[\\w-[\\d]]+", "abc|\xc3\xa9t\xc3\xa9", "a1|a b"},
        {"[-a]+", "-a-", "b"},
        {"[a-]+", "-a-", "b"},
        {"[\\-\\]\\\\]+", "-]\\", "a"},
        {".", "a|\xc3\xa9|\xf0\x9f\x98\x80", "\n|ab|"},
        {"\\s\\S", " a|\tb", "aa|  "},
        {"\\i\\c*",
         "name|_x-1.2|\xc3\x89"
         "a",
         "1a|-"},
        {"\\p{Lu}\\p{Ll}+", "Abc|\xc3\x89t\xc3\xa9", "abc|A"},
        {"\\P{L}+", "123| -", "1a"},
        {"\\p{L}", "a|\xe4\xb8\xad", "1"},
        {"\\p{Sc}\\d+",
         "$5|\xe2\x82\xac"
         "12",
         "5"},
        {"\\W", " |.", "a|1"},
        {"\\D\\I\\C", "a- ", "1- "},
        {"\\n\\r\\t", "\n\r\t", "nrt"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct compiled compiled;
        if (compile(&compiled, cases[i].pattern) != MER_OK)
            fail_msg("%s: %s", cases[i].pattern, compiled.err.message);
        for (int expected = 0; expected < 2; expected++) {
            const char *text = expected ? cases[i].matching : cases[i].other;
            for (;;) {
                const size_t n = strcspn(text, "|");
                if (mer_pattern_matches(compiled.pattern, text, n) != expected)
                    fail_msg("%s should %smatch %.*s", cases[i].pattern, expected ? "" : "not ",
                             (int)n, text);
                if (text[n] == '\0')
                    break;
                text += n + 1;
            }
        }
        release(&compiled);
    }
}

static void a_broken_pattern_is_refused_at_its_byte(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *message;
    } cases[] = {
        {"a)", "a ) has no beginning, at byte 2"},
        {"(a", "a ) is missing, at byte 3"},
        {"*a", "there is nothing to repeat, or the character has to be escaped, at byte 1"},
        {"a**", "there is nothing to repeat, or the character has to be escaped, at byte 3"},
        {"(?:a)", "there is nothing to repeat, or the character has to be escaped, at byte 2"},
        {"[a", "a ] is missing, at byte 3"},
        {"[]", "the brackets are empty, at byte 2"},
        {"[z-a]", "a range runs backwards, at byte 5"},
        {"[a-\\d]", "a class cannot end a range, at byte 6"},
        {"[[a]]", "a [ inside brackets has to be escaped, at byte 2"},
        {"a{2", "a } is missing, at byte 4"},
        {"a{x}", "a count of at most 1000 is expected, at byte 3"},
        {"a{2,1}", "the counts run backwards, at byte 7"},
        {"a{1001}", "a count of at most 1000 is expected, at byte 7"},
        {"a\\", "nothing follows the backslash, at byte 3"},
        {"\\b", "an escape that XML Schema does not know, at byte 2"},
        {"\\p{Xx}", "no such category of characters, at byte 4"},
        {"\\p{IsGreek}", "blocks (\\p{Is...}) are not supported, at byte 4"},
        {"\\pL", "a { is expected, at byte 3"},
        {"\xff", "it is not valid UTF-8"},
        {"((a{100}){100}){100}", "it is too large: its repetitions, written out, take more than "
                                 "2048 steps"},
        {"(((a?){1000}){1000}){1000}",
         "it is too large: its repetitions, written out, take more than 2048 steps"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct compiled compiled;
        if (compile(&compiled, cases[i].pattern) != MER_ERR_DATA)
            fail_msg("%s is accepted", cases[i].pattern);
        assert_string_equal(compiled.err.message, cases[i].message);
        release(&compiled);
    }
}

static void nesting_and_length_are_bounded(void **state)
{
    (void)state;
    char text[MER_PATTERN_MAX_BYTES + 2];
    struct compiled compiled;
    memset(text, '(', sizeof text);
    text[200] = '\0';
    assert_int_equal(compile(&compiled, text), MER_ERR_DATA);
    release(&compiled);
    memset(text, '[', sizeof text);
    text[200] = '\0';
    assert_int_equal(compile(&compiled, text), MER_ERR_DATA);
    release(&compiled);
    memset(text, 'a', sizeof text);
    text[MER_PATTERN_MAX_BYTES + 1] = '\0';
    assert_int_equal(compile(&compiled, text), MER_ERR_DATA);
    release(&compiled);
}

/* Patterns on which backtracking takes time exponential in the text: 100,000 bytes each, and all of
 * them together in seconds at worst. */
static void hostile_patterns_take_no_time(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)(.*)(.*)(.*)b", "(a?){100}a{100}", "((a*)*)*b"};
    enum { N = 100000 };
    static char text[N];
    memset(text, 'a', N);
    const clock_t start = clock();
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct compiled compiled;
        assert_int_equal(compile(&compiled, patterns[i]), MER_OK);
        assert_false(mer_pattern_matches(compiled.pattern, text, N));
        release(&compiled);
    }
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_matches_the_whole_text_or_not_at_all),
        cmocka_unit_test(a_broken_pattern_is_refused_at_its_byte),
        cmocka_unit_test(nesting_and_length_are_bounded),
        cmocka_unit_test(hostile_patterns_take_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
