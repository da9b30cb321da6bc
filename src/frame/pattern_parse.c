/* Reads the regular expressions of XML Schema, Appendix F. */
#include "frame/pattern_parse.h"

#include <string.h>

#include "core/utf8.h"
#include "frame/pattern.h"
#include "frame/unicode_category.h"

enum { MAX_DEPTH = 100, MAX_REPEAT = 1000, MAX_RANGES = 1 << 16 };

struct parser {
    struct mer_code_budget budget;
    const char *begin;
    const char *at;
    const char *end;
    unsigned depth;
    mer_err *err;
};

static mer_status refuse(const struct parser *parser, const char *what)
{
    return mer_fail(parser->err, MER_ERR_DATA, "%s, at byte %zu", what,
                    (size_t)(parser->at - parser->begin) + 1);
}

static bool sees(const struct parser *parser, char c)
{
    return parser->at < parser->end && *parser->at == c;
}

static bool take(struct parser *parser, char c)
{
    if (!sees(parser, c))
        return false;
    parser->at++;
    return true;
}

uint32_t mer_pattern_decode(const char *s, size_t *ret_length)
{
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] < 0x80) {
        *ret_length = 1;
        return u[0];
    }
    if (u[0] < 0xe0) {
        *ret_length = 2;
        return (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
    }
    if (u[0] < 0xf0) {
        *ret_length = 3;
        return (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
    }
    *ret_length = 4;
    return (u[0] & 0x07u) << 18 | (u[1] & 0x3fu) << 12 | (u[2] & 0x3fu) << 6 | (u[3] & 0x3fu);
}

static uint32_t take_code(struct parser *parser)
{
    size_t length;
    const uint32_t code = mer_pattern_decode(parser->at, &length);
    parser->at += length;
    return code;
}

static mer_status new_node(struct parser *parser, enum mer_pattern_node_kind kind,
                           struct mer_pattern_node **ret_node)
{
    MER_GUARD(mer_arena_zero(parser->budget.arena, 1, sizeof **ret_node, ret_node, parser->err));
    (*ret_node)->kind = kind;
    return mer_ok();
}

/* \p{Lu} and \P{Lu}, behind the p. */
static mer_status read_property(struct parser *parser, bool negated, struct mer_code_set *set)
{
    struct mer_code_set found = {0};
    bool known;
    if (!take(parser, '{'))
        return refuse(parser, "a { is expected");
    const char *name = parser->at;
    const char *close = memchr(name, '}', (size_t)(parser->end - name));
    if (!close)
        return refuse(parser, "a } is missing");
    if (close - name > 2 && name[0] == 'I' && name[1] == 's')
        return refuse(parser, "blocks (\\p{Is...}) are not supported");
    MER_GUARD(mer_code_set_add_category(&parser->budget, &found, name, (size_t)(close - name),
                                        &known, parser->err));
    if (!known)
        return refuse(parser, "no such category of characters");
    mer_code_set_settle(&found);
    if (negated)
        MER_GUARD(mer_code_set_negate(&parser->budget, &found, parser->err));
    parser->at = close + 1;
    return mer_code_set_add_set(&parser->budget, set, &found, parser->err);
}

/* What follows a backslash: a single character (*ret_code), or a class (UINT32_MAX). */
static mer_status read_escape(struct parser *parser, struct mer_code_set *set, uint32_t *ret_code)
{
    static const char as_they_are[] = "\\|.?*+(){}-[]^$";
    if (parser->at == parser->end)
        return refuse(parser, "nothing follows the backslash");
    const char c = *parser->at;
    *ret_code = UINT32_MAX;
    if (c != '\0' && strchr("sSiIcCdDwW", c)) {
        parser->at++;
        return mer_code_set_add_escape(&parser->budget, set, c, parser->err);
    }
    if (c == 'p' || c == 'P') {
        parser->at++;
        return read_property(parser, c == 'P', set);
    }
    if (c == 'n' || c == 'r' || c == 't')
        *ret_code = c == 'n' ? '\n' : c == 'r' ? '\r' : '\t';
    else if (c != '\0' && strchr(as_they_are, c))
        *ret_code = (unsigned char)c;
    else
        return refuse(parser, "an escape that XML Schema does not know");
    parser->at++;
    return mer_code_set_add(&parser->budget, set, *ret_code, *ret_code + 1, parser->err);
}

/* One end of a range in brackets. */
static mer_status read_range_end(struct parser *parser, uint32_t *ret_code)
{
    struct mer_code_set unused = {0};
    if (parser->at == parser->end)
        return refuse(parser, "a ] is missing");
    if (*parser->at == '[')
        return refuse(parser, "a [ inside brackets has to be escaped");
    if (!take(parser, '\\')) {
        *ret_code = take_code(parser);
        return mer_ok();
    }
    MER_GUARD(read_escape(parser, &unused, ret_code));
    return *ret_code == UINT32_MAX ? refuse(parser, "a class cannot end a range") : mer_ok();
}

/* One item of a group in brackets: a class, a character or a range. */
static mer_status read_item(struct parser *parser, struct mer_code_set *set)
{
    uint32_t first, last;
    if (parser->end - parser->at >= 2 && parser->at[0] == '\\' &&
        strchr("sSiIcCdDwWpP", parser->at[1]) && parser->at[1] != '\0') {
        parser->at++;
        return read_escape(parser, set, &first);
    }
    MER_GUARD(read_range_end(parser, &first));
    last = first;
    const bool is_range = sees(parser, '-') && parser->end - parser->at >= 2 &&
                          parser->at[1] != ']' && parser->at[1] != '[';
    if (is_range) {
        parser->at++;
        MER_GUARD(read_range_end(parser, &last));
    }
    if (last < first)
        return refuse(parser, "a range runs backwards");
    return mer_code_set_add(&parser->budget, set, first, last + 1, parser->err);
}

/* [abc], [^a-z], [a-z-[aeiou]], behind the first bracket. */
static mer_status read_group(struct parser *parser, struct mer_code_set *set)
{
    struct mer_code_set minus = {0};
    if (++parser->depth > MAX_DEPTH)
        return refuse(parser, "the pattern is nested too deeply");
    const bool negated = take(parser, '^');
    const char *first = parser->at;
    bool subtracts = false;
    while (!sees(parser, ']') || parser->at == first) {
        if (parser->at == parser->end)
            return refuse(parser, "a ] is missing");
        if (sees(parser, ']'))
            return refuse(parser, "the brackets are empty");
        subtracts = parser->at != first && parser->end - parser->at >= 2 && parser->at[0] == '-' &&
                    parser->at[1] == '[';
        if (subtracts) {
            parser->at += 2;
            MER_GUARD(read_group(parser, &minus));
            break;
        }
        MER_GUARD(read_item(parser, set));
    }
    if (!take(parser, ']'))
        return refuse(parser, "a ] is missing");
    parser->depth--;
    mer_code_set_settle(set);
    if (negated)
        MER_GUARD(mer_code_set_negate(&parser->budget, set, parser->err));
    return subtracts ? mer_code_set_subtract(&parser->budget, set, &minus, parser->err) : mer_ok();
}

static mer_status read_choice(struct parser *parser, struct mer_pattern_node **ret_node);

static mer_status read_set(struct parser *parser, struct mer_code_set *set)
{
    uint32_t code;
    const char c = *parser->at;
    if (c != '\0' && strchr("?*+{}]", c))
        return refuse(parser, "there is nothing to repeat, or the character has to be escaped");
    if (take(parser, '['))
        return read_group(parser, set);
    if (take(parser, '\\'))
        return read_escape(parser, set, &code);
    if (take(parser, '.')) { /* everything but line ends */
        MER_GUARD(mer_code_set_add(&parser->budget, set, '\n', '\n' + 1, parser->err));
        MER_GUARD(mer_code_set_add(&parser->budget, set, '\r', '\r' + 1, parser->err));
        return mer_code_set_negate(&parser->budget, set, parser->err);
    }
    code = take_code(parser);
    return mer_code_set_add(&parser->budget, set, code, code + 1, parser->err);
}

static mer_status read_atom(struct parser *parser, struct mer_pattern_node **ret_node)
{
    if (take(parser, '(')) {
        if (++parser->depth > MAX_DEPTH)
            return refuse(parser, "the pattern is nested too deeply");
        MER_GUARD(read_choice(parser, ret_node));
        if (!take(parser, ')'))
            return refuse(parser, "a ) is missing");
        parser->depth--;
        return mer_ok();
    }
    MER_GUARD(new_node(parser, MER_NODE_SET, ret_node));
    MER_GUARD(read_set(parser, &(*ret_node)->set));
    mer_code_set_settle(&(*ret_node)->set);
    return mer_ok();
}

static bool take_count(struct parser *parser, uint32_t *ret)
{
    uint32_t count = 0;
    const char *first = parser->at;
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
        count = count * 10 + (uint32_t)(*parser->at++ - '0');
        if (count > MAX_REPEAT)
            return false;
    }
    *ret = count;
    return parser->at > first;
}

/* {3}, {3,} and {3,5}, behind the brace. */
static mer_status read_counts(struct parser *parser, uint32_t *ret_least, uint32_t *ret_most)
{
    if (!take_count(parser, ret_least))
        return refuse(parser, "a count of at most 1000 is expected");
    *ret_most = *ret_least;
    if (take(parser, ',')) {
        *ret_most = MER_REPEAT_FOREVER;
        if (!sees(parser, '}') && !take_count(parser, ret_most))
            return refuse(parser, "a count of at most 1000 is expected");
    }
    if (!take(parser, '}'))
        return refuse(parser, "a } is missing");
    return *ret_most < *ret_least ? refuse(parser, "the counts run backwards") : mer_ok();
}

static mer_status read_piece(struct parser *parser, struct mer_pattern_node **ret_node)
{
    struct mer_pattern_node *atom, *repeat;
    uint32_t least = 0, most = 0;
    MER_GUARD(read_atom(parser, &atom));
    *ret_node = atom;
    if (take(parser, '?')) {
        least = 0;
        most = 1;
    } else if (take(parser, '*')) {
        least = 0;
        most = MER_REPEAT_FOREVER;
    } else if (take(parser, '+')) {
        least = 1;
        most = MER_REPEAT_FOREVER;
    } else if (take(parser, '{')) {
        MER_GUARD(read_counts(parser, &least, &most));
    } else {
        return mer_ok();
    }
    MER_GUARD(new_node(parser, MER_NODE_REPEAT, &repeat));
    repeat->first = atom;
    repeat->least = least;
    repeat->most = most;
    *ret_node = repeat;
    return mer_ok();
}

static mer_status read_list(struct parser *parser, struct mer_pattern_node **ret_node)
{
    MER_GUARD(new_node(parser, MER_NODE_LIST, ret_node));
    struct mer_pattern_node **tail = &(*ret_node)->first;
    while (parser->at < parser->end && !sees(parser, '|') && !sees(parser, ')')) {
        MER_GUARD(read_piece(parser, tail));
        tail = &(*tail)->next;
    }
    return mer_ok();
}

static mer_status read_choice(struct parser *parser, struct mer_pattern_node **ret_node)
{
    MER_GUARD(new_node(parser, MER_NODE_CHOICE, ret_node));
    struct mer_pattern_node **tail = &(*ret_node)->first;
    do {
        MER_GUARD(read_list(parser, tail));
        tail = &(*tail)->next;
    } while (take(parser, '|'));
    return mer_ok();
}

/* Is the last byte a $ that no backslash makes an ordinary one? */
static bool ends_in_anchor(const char *bytes, size_t n)
{
    size_t n_backslashes = 0;
    if (n == 0 || bytes[n - 1] != '$')
        return false;
    while (n_backslashes < n - 1 && bytes[n - 2 - n_backslashes] == '\\')
        n_backslashes++;
    return n_backslashes % 2 == 0;
}

mer_status mer_pattern_parse(struct mer_arena *arena, const char *bytes, size_t n,
                             struct mer_pattern_node **ret_root, mer_err *err)
{
    struct parser parser = {.budget = {.arena = arena, .n_left = MAX_RANGES},
                            .begin = bytes,
                            .at = bytes,
                            .end = bytes + n,
                            .err = err};
    if (n > MER_PATTERN_MAX_BYTES)
        return mer_fail(err, MER_ERR_DATA, "it is longer than %d bytes", MER_PATTERN_MAX_BYTES);
    if (!mer_utf8_valid(bytes, n))
        return mer_fail(err, MER_ERR_DATA, "it is not valid UTF-8");
    if (n > 0 && bytes[0] == '^')
        parser.at++;
    if (ends_in_anchor(parser.at, (size_t)(parser.end - parser.at)))
        parser.end--;
    MER_GUARD(read_choice(&parser, ret_root));
    return parser.at == parser.end ? mer_ok() : refuse(&parser, "a ) has no beginning");
}
