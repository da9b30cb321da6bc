/* Pickles (Lib/pickletools.py of CPython describes the instructions), followed instruction by
 * instruction over values of which only that is known what the file says. Where the pickle is not
 * well formed that is told and the rest followed with unknown values, because a loader has done by
 * then what came before, and loaders differ in what they bear.
 */
#include <string.h>

#include "audit/pickle_machine.h"

enum {
    HIGHEST_PROTOCOL = 5,
    LONG_BYTES_MAX = 1 << 16, /* of a whole number; nobody keeps larger ones */
    LONG_DIGITS_MAX = 4300,   /* Python's own limit */
};

enum argument {
    ARG_NOT_AN_OP,
    ARG_NONE,
    ARG_1, /* n bytes, little-endian */
    ARG_2,
    ARG_4,
    ARG_8,
    ARG_LINE,    /* up to a newline */
    ARG_LINES,   /* two of them */
    ARG_BYTES_1, /* a length of so many bytes, and what it counts */
    ARG_BYTES_4,
    ARG_BYTES_8
};

/* The instructions by their codes. */
static const uint8_t ops[256] = {
    ['('] = ARG_NONE,     ['.'] = ARG_NONE,     ['0'] = ARG_NONE,    ['1'] = ARG_NONE,
    ['2'] = ARG_NONE,     ['F'] = ARG_LINE,     ['I'] = ARG_LINE,    ['J'] = ARG_4,
    ['K'] = ARG_1,        ['L'] = ARG_LINE,     ['M'] = ARG_2,       ['N'] = ARG_NONE,
    ['P'] = ARG_LINE,     ['Q'] = ARG_NONE,     ['R'] = ARG_NONE,    ['S'] = ARG_LINE,
    ['T'] = ARG_BYTES_4,  ['U'] = ARG_BYTES_1,  ['V'] = ARG_LINE,    ['X'] = ARG_BYTES_4,
    ['a'] = ARG_NONE,     ['b'] = ARG_NONE,     ['c'] = ARG_LINES,   ['d'] = ARG_NONE,
    ['}'] = ARG_NONE,     ['e'] = ARG_NONE,     ['g'] = ARG_LINE,    ['h'] = ARG_1,
    ['i'] = ARG_LINES,    ['j'] = ARG_4,        ['l'] = ARG_NONE,    [']'] = ARG_NONE,
    ['o'] = ARG_NONE,     ['p'] = ARG_LINE,     ['q'] = ARG_1,       ['r'] = ARG_4,
    ['s'] = ARG_NONE,     ['t'] = ARG_NONE,     [')'] = ARG_NONE,    ['u'] = ARG_NONE,
    ['G'] = ARG_8,        [0x80] = ARG_1,       [0x81] = ARG_NONE,   [0x82] = ARG_1,
    [0x83] = ARG_2,       [0x84] = ARG_4,       [0x85] = ARG_NONE,   [0x86] = ARG_NONE,
    [0x87] = ARG_NONE,    [0x88] = ARG_NONE,    [0x89] = ARG_NONE,   [0x8a] = ARG_BYTES_1,
    [0x8b] = ARG_BYTES_4, ['B'] = ARG_BYTES_4,  ['C'] = ARG_BYTES_1, [0x8c] = ARG_BYTES_1,
    [0x8d] = ARG_BYTES_8, [0x8e] = ARG_BYTES_8, [0x8f] = ARG_NONE,   [0x90] = ARG_NONE,
    [0x91] = ARG_NONE,    [0x92] = ARG_NONE,    [0x93] = ARG_NONE,   [0x94] = ARG_NONE,
    [0x95] = ARG_8,       [0x96] = ARG_BYTES_8, [0x97] = ARG_NONE,   [0x98] = ARG_NONE,
};

static bool take_number(struct mer_pickle *pickle, size_t n, uint64_t *ret)
{
    uint64_t number = 0;
    if (n > pickle->n - pickle->at)
        return false;
    for (size_t i = 0; i < n; i++)
        number |= (uint64_t)pickle->bytes[pickle->at + i] << 8 * i;
    pickle->at += n;
    *ret = number;
    return true;
}

static bool take_bytes(struct mer_pickle *pickle, uint64_t n, struct mer_pickle_op *op)
{
    if (n > pickle->n - pickle->at)
        return false;
    op->bytes = pickle->bytes + pickle->at;
    op->n = (size_t)n;
    pickle->at += (size_t)n;
    return true;
}

static bool take_line(struct mer_pickle *pickle, const unsigned char **ret, size_t *ret_n)
{
    const unsigned char *const from = pickle->bytes + pickle->at;
    const unsigned char *const end = memchr(from, '\n', pickle->n - pickle->at);
    if (!end)
        return false;
    *ret = from;
    *ret_n = (size_t)(end - from);
    pickle->at += *ret_n + 1;
    (void)mer_audit_step(pickle->audit, *ret_n / 16);
    return true;
}

/* The next instruction; false where there is none. */
static bool take_op(struct mer_pickle *pickle, struct mer_pickle_op *op)
{
    uint64_t n;
    *op = (struct mer_pickle_op){.at = pickle->at};
    if (pickle->at == pickle->n)
        return false;
    op->code = pickle->bytes[pickle->at++];
    switch ((enum argument)ops[op->code]) {
    case ARG_NOT_AN_OP:
        return false;
    case ARG_NONE:
        return true;
    case ARG_1:
        return take_number(pickle, 1, &op->number);
    case ARG_2:
        return take_number(pickle, 2, &op->number);
    case ARG_4:
        return take_number(pickle, 4, &op->number);
    case ARG_8:
        return take_number(pickle, 8, &op->number);
    case ARG_LINE:
        return take_line(pickle, &op->bytes, &op->n);
    case ARG_LINES:
        return take_line(pickle, &op->bytes, &op->n) &&
               take_line(pickle, &op->second, &op->n_second);
    case ARG_BYTES_1:
        return take_number(pickle, 1, &n) && take_bytes(pickle, n, op);
    case ARG_BYTES_4:
        return take_number(pickle, 4, &n) && take_bytes(pickle, n, op);
    case ARG_BYTES_8:
        return take_number(pickle, 8, &n) && take_bytes(pickle, n, op);
    }
    return false;
}

/* ---- Constants ---- */

static uint32_t length32(size_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static struct mer_pickle_value number_value(int64_t number)
{
    return (struct mer_pickle_value){.kind = MER_PICKLE_INT, .as.integer = number};
}

/* A decimal line; of one that is none or too large: INT64_MAX. */
static int64_t line_number(struct mer_pickle *pickle, const unsigned char *line, size_t n)
{
    int64_t number = 0;
    const bool negative = n > 0 && line[0] == '-';
    size_t i = negative;
    if (n > 0 && line[n - 1] == 'L')
        n--;
    if (n > LONG_DIGITS_MAX)
        mer_pickle_tell(pickle, MER_AUDIT_BOMB, pickle->at, "a number of over 4300 digits");
    if (i == n)
        mer_pickle_odd(pickle, "a number is none");
    for (; i < n; i++) {
        if (line[i] < '0' || line[i] > '9') {
            mer_pickle_odd(pickle, "a number is none");
            return INT64_MAX;
        }
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, line[i] - '0', &number))
            return INT64_MAX;
    }
    return negative ? -number : number;
}

static int64_t long_number(struct mer_pickle *pickle, const struct mer_pickle_op *op)
{
    uint64_t number = 0;
    if (op->n > LONG_BYTES_MAX)
        mer_pickle_tell(pickle, MER_AUDIT_BOMB, op->at, "a number of over 65,536 bytes");
    if (op->n > 8)
        return INT64_MAX;
    for (size_t i = 0; i < op->n; i++)
        number |= (uint64_t)op->bytes[i] << 8 * i;
    if (op->n > 0 && op->n < 8 && op->bytes[op->n - 1] & 0x80)
        number |= UINT64_MAX << 8 * op->n;
    return (int64_t)number;
}

static unsigned hex_digit(unsigned char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)c - '0'
           : c >= 'a' && c <= 'f' ? (unsigned)c - 'a' + 10
           : c >= 'A' && c <= 'F' ? (unsigned)c - 'A' + 10
                                  : 16;
}

/* One \x41, \u0041, \101 or \n of a text with escapes; only what is ASCII afterwards matters. */
static size_t unescape(const unsigned char *bytes, size_t n, unsigned char *ret)
{
    const size_t n_digits = bytes[1] == 'x' ? 2 : bytes[1] == 'u' ? 4 : bytes[1] == 'U' ? 8 : 0;
    unsigned value = 0;
    if (n_digits > 0 && n >= 2 + n_digits) {
        for (size_t i = 0; i < n_digits; i++)
            value = value << 4 | (hex_digit(bytes[2 + i]) & 15);
        *ret = value < 0x80 ? (unsigned char)value : '?';
        return 2 + n_digits;
    }
    if (n >= 4 && bytes[1] >= '0' && bytes[1] <= '7') {
        value = (unsigned)(bytes[1] - '0') << 6 | (bytes[2] & 7U) << 3 | (bytes[3] & 7U);
        *ret = value < 0x80 ? (unsigned char)value : '?';
        return 4;
    }
    *ret = bytes[1] == 'n' ? '\n' : bytes[1] == 't' ? '\t' : bytes[1];
    return 2;
}

/* A text of a line, in which a name may hide behind escapes. */
static mer_status line_text(struct mer_pickle *pickle, const unsigned char *bytes, size_t n,
                            struct mer_pickle_value *ret, mer_err *err)
{
    *ret = (struct mer_pickle_value){.kind = MER_PICKLE_TEXT, .n = length32(n), .as.bytes = bytes};
    if (!memchr(bytes, '\\', n))
        return mer_ok();
    unsigned char *text;
    size_t n_text = 0;
    MER_GUARD(mer_arena_zero(&pickle->arena, n + 1, 1, &text, err));
    for (size_t i = 0; i < n; n_text++) {
        if (bytes[i] == '\\' && i + 1 < n)
            i += unescape(bytes + i, n - i, &text[n_text]);
        else
            text[n_text] = bytes[i++];
    }
    ret->as.bytes = text;
    ret->n = length32(n_text);
    return mer_ok();
}

/* A quoted line of protocol 0. */
static mer_status quoted_text(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                              struct mer_pickle_value *ret, mer_err *err)
{
    size_t n = op->n;
    if (n < 2 || (op->bytes[0] != '\'' && op->bytes[0] != '"') ||
        op->bytes[n - 1] != op->bytes[0]) {
        mer_pickle_broken(pickle, "a text is not quoted");
        return line_text(pickle, op->bytes, n, ret, err);
    }
    return line_text(pickle, op->bytes + 1, n - 2, ret, err);
}

static mer_status push_bytes(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                             enum mer_pickle_kind kind, mer_err *err)
{
    const struct mer_pickle_value value = {
        .kind = kind, .n = length32(op->n), .as.bytes = op->bytes};
    MER_GUARD(mer_pickle_push(pickle, value, err));
    return mer_pickle_probe(pickle, op->at, value, false, err);
}

static mer_status push_kind(struct mer_pickle *pickle, enum mer_pickle_kind kind, mer_err *err)
{
    return mer_pickle_push(pickle, (struct mer_pickle_value){.kind = kind}, err);
}

/* True where it was one of them. */
static mer_status do_constant(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                              bool *ret_done, mer_err *err)
{
    struct mer_pickle_value value = {.kind = MER_PICKLE_UNKNOWN};
    *ret_done = true;
    switch (op->code) {
    case 'N':
        return push_kind(pickle, MER_PICKLE_NONE, err);
    case 0x88:
    case 0x89:
        value = number_value(op->code == 0x88);
        value.kind = MER_PICKLE_BOOL;
        return mer_pickle_push(pickle, value, err);
    case 'I':
    case 'L':
        value = number_value(line_number(pickle, op->bytes, op->n));
        return mer_pickle_push(pickle, value, err);
    case 'J':
        return mer_pickle_push(pickle, number_value((int32_t)(uint32_t)op->number), err);
    case 'K':
    case 'M':
        return mer_pickle_push(pickle, number_value((int64_t)op->number), err);
    case 0x8a:
    case 0x8b:
        return mer_pickle_push(pickle, number_value(long_number(pickle, op)), err);
    case 'F':
    case 'G':
        return push_kind(pickle, MER_PICKLE_FLOAT, err);
    case 'S':
        MER_GUARD(quoted_text(pickle, op, &value, err));
        return mer_pickle_push(pickle, value, err);
    case 'V':
        MER_GUARD(line_text(pickle, op->bytes, op->n, &value, err));
        return mer_pickle_push(pickle, value, err);
    case 'T':
    case 'U':
    case 'X':
    case 0x8c:
    case 0x8d:
        return push_bytes(pickle, op, MER_PICKLE_TEXT, err);
    case 'B':
    case 'C':
    case 0x8e:
    case 0x96:
        return push_bytes(pickle, op, MER_PICKLE_BYTES, err);
    default:
        *ret_done = false;
        return mer_ok();
    }
}

/* ---- Containers ---- */

/* The values from there on; where there never was one, nothing may be added to the pointer. */
static const struct mer_pickle_value *values_from(const struct mer_pickle *pickle, size_t from)
{
    return pickle->stack ? pickle->stack + from : NULL;
}

/* Takes what lies above the topmost mark, and the mark, into a new container or the one below. */
static mer_status collect(struct mer_pickle *pickle, uint32_t kind, mer_err *err)
{
    struct mer_pickle_value box;
    const size_t from = mer_pickle_find_mark(pickle);
    MER_GUARD(mer_pickle_new_box(pickle, kind, &box, err));
    MER_GUARD(
        mer_pickle_put_in(pickle, box, values_from(pickle, from), pickle->n_stack - from, err));
    pickle->n_stack = from > 0 ? from - 1 : 0;
    return mer_pickle_push(pickle, box, err);
}

static mer_status extend(struct mer_pickle *pickle, mer_err *err)
{
    const size_t from = mer_pickle_find_mark(pickle);
    const size_t n = pickle->n_stack - from;
    const struct mer_pickle_value *const items = values_from(pickle, from);
    pickle->n_stack = from > 0 ? from - 1 : 0;
    const struct mer_pickle_value *const box = mer_pickle_top(pickle);
    return box ? mer_pickle_put_in(pickle, *box, items, n, err) : mer_ok();
}

static mer_status collect_top(struct mer_pickle *pickle, size_t n, mer_err *err)
{
    struct mer_pickle_value items[3];
    struct mer_pickle_value box;
    for (size_t i = n; i > 0; i--)
        items[i - 1] = mer_pickle_pop(pickle);
    MER_GUARD(mer_pickle_new_box(pickle, MER_PICKLE_TUPLE, &box, err));
    MER_GUARD(mer_pickle_put_in(pickle, box, items, n, err));
    return mer_pickle_push(pickle, box, err);
}

static mer_status append(struct mer_pickle *pickle, size_t n, mer_err *err)
{
    struct mer_pickle_value items[2];
    for (size_t i = n; i > 0; i--)
        items[i - 1] = mer_pickle_pop(pickle);
    const struct mer_pickle_value *const box = mer_pickle_top(pickle);
    return box ? mer_pickle_put_in(pickle, *box, items, n, err) : mer_ok();
}

static mer_status push_box(struct mer_pickle *pickle, uint32_t kind, mer_err *err)
{
    struct mer_pickle_value box;
    MER_GUARD(mer_pickle_new_box(pickle, kind, &box, err));
    return mer_pickle_push(pickle, box, err);
}

static mer_status do_container(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                               bool *ret_done, mer_err *err)
{
    *ret_done = true;
    switch (op->code) {
    case ']':
        return push_box(pickle, MER_PICKLE_LIST, err);
    case '}':
        return push_box(pickle, MER_PICKLE_DICT, err);
    case ')':
        return push_box(pickle, MER_PICKLE_TUPLE, err);
    case 0x8f:
        return push_box(pickle, MER_PICKLE_SET, err);
    case 't':
        return collect(pickle, MER_PICKLE_TUPLE, err);
    case 'l':
        return collect(pickle, MER_PICKLE_LIST, err);
    case 'd':
        return collect(pickle, MER_PICKLE_DICT, err);
    case 0x91:
        return collect(pickle, MER_PICKLE_SET, err);
    case 'e':
    case 'u':
    case 0x90:
        return extend(pickle, err);
    case 'a':
        return append(pickle, 1, err);
    case 's':
        return append(pickle, 2, err);
    case 0x85:
    case 0x86:
    case 0x87:
        return collect_top(pickle, (size_t)op->code - 0x84, err);
    default:
        *ret_done = false;
        return mer_ok();
    }
}

/* ---- The stack and the memo ---- */

static void pop_any(struct mer_pickle *pickle)
{
    if (pickle->n_stack > 0)
        pickle->n_stack--;
    else
        mer_pickle_broken(pickle, "an instruction takes more than there is");
}

static mer_status remember_top(struct mer_pickle *pickle, uint64_t key, mer_err *err)
{
    const struct mer_pickle_value *const top = mer_pickle_top(pickle);
    return top ? mer_pickle_remember(pickle, key, *top, err) : mer_ok();
}

static mer_status do_stack(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                           bool *ret_done, mer_err *err)
{
    const struct mer_pickle_value *top;
    uint64_t key = op->number;
    *ret_done = true;
    if (op->code == 'g' || op->code == 'p')
        key = (uint64_t)line_number(pickle, op->bytes, op->n) & INT64_MAX;
    switch (op->code) {
    case '(':
        return push_kind(pickle, MER_PICKLE_MARK, err);
    case '0':
        pop_any(pickle);
        return mer_ok();
    case '1':
        pickle->n_stack = mer_pickle_find_mark(pickle);
        pickle->n_stack -= pickle->n_stack > 0;
        return mer_ok();
    case '2':
        top = mer_pickle_top(pickle);
        return top ? mer_pickle_push(pickle, *top, err) : mer_ok();
    case 'p':
    case 'q':
    case 'r':
        return remember_top(pickle, key, err);
    case 0x94:
        return remember_top(pickle, pickle->n_memo, err);
    case 'g':
    case 'h':
    case 'j':
        return mer_pickle_push(pickle, mer_pickle_recall(pickle, key), err);
    default:
        *ret_done = false;
        return mer_ok();
    }
}

/* ---- Imports and calls ---- */

static mer_status push_import(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                              mer_err *err)
{
    struct mer_pickle_value value;
    MER_GUARD(
        mer_pickle_import(pickle, op->at, op->bytes, op->n, op->second, op->n_second, &value, err));
    return mer_pickle_push(pickle, value, err);
}

static mer_status stack_import(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                               mer_err *err)
{
    const struct mer_pickle_value name = mer_pickle_pop(pickle);
    const struct mer_pickle_value module = mer_pickle_pop(pickle);
    struct mer_pickle_value value = {.kind = MER_PICKLE_UNKNOWN};
    if (name.kind == MER_PICKLE_TEXT && module.kind == MER_PICKLE_TEXT) {
        MER_GUARD(mer_pickle_import(pickle, op->at, module.as.bytes, module.n, name.as.bytes,
                                    name.n, &value, err));
    } else {
        mer_pickle_harm(pickle);
        mer_pickle_tell(pickle, MER_AUDIT_HIDDEN, op->at,
                        "module and name of an import are no texts of the file");
    }
    return mer_pickle_push(pickle, value, err);
}

static mer_status call_and_push(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                                struct mer_pickle_value callee, struct mer_pickle_value arguments,
                                mer_err *err)
{
    struct mer_pickle_value made;
    MER_GUARD(mer_pickle_call(pickle, op->at, callee, arguments, &made, err));
    return mer_pickle_push(pickle, made, err);
}

/* INST and OBJ: the arguments lie above the mark, behind the class for OBJ. */
static mer_status call_marked(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                              mer_err *err)
{
    struct mer_pickle_value callee = {.kind = MER_PICKLE_UNKNOWN};
    struct mer_pickle_value arguments;
    /* Python's own loader (joblib's too) imports before it looks for the mark, C's afterwards. */
    if (op->code == 'i')
        MER_GUARD(mer_pickle_import(pickle, op->at, op->bytes, op->n, op->second, op->n_second,
                                    &callee, err));
    const size_t mark = mer_pickle_find_mark(pickle);
    size_t from = mark;
    if (op->code == 'o' && from < pickle->n_stack)
        callee = pickle->stack[from++];
    else if (op->code == 'o')
        mer_pickle_broken(pickle, "an object without a class");
    MER_GUARD(mer_pickle_new_box(pickle, MER_PICKLE_TUPLE, &arguments, err));
    MER_GUARD(mer_pickle_put_in(pickle, arguments, values_from(pickle, from),
                                pickle->n_stack - from, err));
    pickle->n_stack = mark > 0 ? mark - 1 : 0;
    return call_and_push(pickle, op, callee, arguments, err);
}

static mer_status call_with_names(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                                  mer_err *err)
{
    const struct mer_pickle_value named = mer_pickle_pop(pickle);
    const struct mer_pickle_value arguments = mer_pickle_pop(pickle);
    const struct mer_pickle_value callee = mer_pickle_pop(pickle);
    if (named.kind != MER_PICKLE_DICT || named.as.box->n > 0)
        mer_pickle_tell(pickle, MER_AUDIT_ARGUMENTS, op->at,
                        "an object is made with named arguments");
    return call_and_push(pickle, op, callee, arguments, err);
}

static mer_status push_persistent(struct mer_pickle *pickle, const struct mer_pickle_op *op,
                                  struct mer_pickle_value id, mer_err *err)
{
    struct mer_pickle_value value;
    MER_GUARD(mer_pickle_persistent(pickle, op->at, id, &value, err));
    return mer_pickle_push(pickle, value, err);
}

static mer_status do_call(struct mer_pickle *pickle, const struct mer_pickle_op *op, bool *ret_done,
                          mer_err *err)
{
    struct mer_pickle_value value = {.kind = MER_PICKLE_UNKNOWN};
    *ret_done = true;
    switch (op->code) {
    case 'c':
        return push_import(pickle, op, err);
    case 0x93:
        return stack_import(pickle, op, err);
    case 'R':
    case 0x81:
        value = mer_pickle_pop(pickle);
        return call_and_push(pickle, op, mer_pickle_pop(pickle), value, err);
    case 0x92:
        return call_with_names(pickle, op, err);
    case 'i':
    case 'o':
        return call_marked(pickle, op, err);
    case 'b': {
        value = mer_pickle_pop(pickle);
        const struct mer_pickle_value *const object = mer_pickle_top(pickle);
        return object ? mer_pickle_set_state(pickle, op->at, *object, value, err) : mer_ok();
    }
    case 'P':
        return push_persistent(
            pickle, op,
            (struct mer_pickle_value){MER_PICKLE_TEXT, length32(op->n), {.bytes = op->bytes}}, err);
    case 'Q':
        return push_persistent(pickle, op, mer_pickle_pop(pickle), err);
    case 0x82:
    case 0x83:
    case 0x84:
        mer_pickle_harm(pickle);
        mer_pickle_tell(pickle, MER_AUDIT_EXTENSION, op->at,
                        "what it is depends on the program that loads it");
        return push_kind(pickle, MER_PICKLE_UNKNOWN, err);
    default:
        *ret_done = false;
        return mer_ok();
    }
}

static mer_status do_rest(struct mer_pickle *pickle, const struct mer_pickle_op *op, mer_err *err)
{
    switch (op->code) {
    case 0x80:
        pickle->protocol = (unsigned)op->number;
        if (op->number > HIGHEST_PROTOCOL)
            mer_pickle_broken(pickle, "a protocol that does not exist");
        if (pickle->n_ops > 1)
            mer_pickle_odd(pickle, "the protocol is told again, in the middle");
        return mer_ok();
    case 0x95:
        if (op->number > pickle->n - pickle->at)
            mer_pickle_broken(pickle, "a frame is longer than the file");
        return mer_ok();
    case 0x97:
        mer_pickle_tell(pickle, MER_AUDIT_UNCLEAR, op->at, "it needs buffers from outside");
        return push_kind(pickle, MER_PICKLE_UNKNOWN, err);
    case '.':
        pickle->ended = true;
        pickle->result = mer_pickle_pop(pickle);
        if (pickle->n_stack > 0)
            mer_pickle_odd(pickle, "it ends with more than one object");
        return mer_ok();
    default: /* READONLY_BUFFER */
        return mer_ok();
    }
}

static mer_status do_op(struct mer_pickle *pickle, const struct mer_pickle_op *op, mer_err *err)
{
    bool done;
    MER_GUARD(do_constant(pickle, op, &done, err));
    if (!done)
        MER_GUARD(do_container(pickle, op, &done, err));
    if (!done)
        MER_GUARD(do_stack(pickle, op, &done, err));
    if (!done)
        MER_GUARD(do_call(pickle, op, &done, err));
    return done ? mer_ok() : do_rest(pickle, op, err);
}

mer_status mer_pickle_follow(struct mer_pickle *pickle, mer_err *err)
{
    struct mer_pickle_op op;
    pickle->ended = false;
    while (!pickle->ended) {
        if (!mer_audit_step(pickle->audit, 1))
            return mer_ok();
        if (!take_op(pickle, &op)) {
            mer_pickle_broken(pickle, pickle->at >= pickle->n ? "it ends in the middle"
                                                              : "an instruction is none, or cut");
            return mer_ok();
        }
        pickle->n_ops++;
        MER_GUARD(do_op(pickle, &op, err));
        if (pickle->probing && (pickle->told_broken || pickle->tells_harm))
            return mer_ok();
    }
    return mer_ok();
}
