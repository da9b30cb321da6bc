#include "frame/json_scan.h"

#include <string.h>

struct scanner {
    const char *at;
    const char *end;
    unsigned depth;
};

static void skip_space(struct scanner *scanner)
{
    while (scanner->at < scanner->end && (*scanner->at == ' ' || *scanner->at == '\t' ||
                                          *scanner->at == '\n' || *scanner->at == '\r'))
        scanner->at++;
}

static bool sees(const struct scanner *scanner, char c)
{
    return scanner->at < scanner->end && *scanner->at == c;
}

static bool take(struct scanner *scanner, char c)
{
    if (!sees(scanner, c))
        return false;
    scanner->at++;
    return true;
}

static bool take_digits(struct scanner *scanner)
{
    const char *const first = scanner->at;
    while (scanner->at < scanner->end && *scanner->at >= '0' && *scanner->at <= '9')
        scanner->at++;
    return scanner->at > first;
}

static bool take_number(struct scanner *scanner)
{
    (void)take(scanner, '-');
    if (sees(scanner, '0'))
        scanner->at++;
    else if (!take_digits(scanner))
        return false;
    if (take(scanner, '.') && !take_digits(scanner))
        return false;
    if (take(scanner, 'e') || take(scanner, 'E')) {
        if (!take(scanner, '+'))
            (void)take(scanner, '-');
        return take_digits(scanner);
    }
    return true;
}

static bool take_hex(struct scanner *scanner, unsigned *ret)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *const digit =
            scanner->at < scanner->end && *scanner->at ? strchr(digits, *scanner->at) : NULL;
        if (!digit || *scanner->at == '\0')
            return false;
        value = value * 16 + (unsigned)(digit - digits) % 16;
        scanner->at++;
    }
    *ret = value;
    return true;
}

/* What follows a backslash. A high surrogate has to be followed by a low one. */
static bool take_escape(struct scanner *scanner)
{
    unsigned code;
    if (scanner->at == scanner->end)
        return false;
    const char c = *scanner->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    if (!take_hex(scanner, &code) || (code >= 0xdc00 && code < 0xe000))
        return false;
    if (code < 0xd800 || code >= 0xdc00)
        return true;
    return take(scanner, '\\') && take(scanner, 'u') && take_hex(scanner, &code) &&
           code >= 0xdc00 && code < 0xe000;
}

static bool take_string(struct scanner *scanner)
{
    if (!take(scanner, '"'))
        return false;
    while (scanner->at < scanner->end) {
        const unsigned char c = (unsigned char)*scanner->at++;
        if (c == '"')
            return true;
        if (c < 0x20 || (c == '\\' && !take_escape(scanner)))
            return false;
    }
    return false;
}

static bool take_word(struct scanner *scanner, const char *word)
{
    const size_t n = strlen(word);
    if ((size_t)(scanner->end - scanner->at) < n || memcmp(scanner->at, word, n) != 0)
        return false;
    scanner->at += n;
    return true;
}

static bool take_value(struct scanner *scanner);

/* The items of an object or array up to its end; `ret` is filled in for the outermost one. */
static bool take_items(struct scanner *scanner, bool is_object, struct mer_json_scan *ret)
{
    const char close = is_object ? '}' : ']';
    if (++scanner->depth > MER_JSON_SCAN_MAX_DEPTH)
        return false;
    skip_space(scanner);
    if (take(scanner, close)) {
        scanner->depth--;
        return true;
    }
    do {
        const char *key = NULL;
        size_t n_key = 0;
        skip_space(scanner);
        if (is_object) {
            key = scanner->at + 1;
            if (!take_string(scanner))
                return false;
            n_key = (size_t)(scanner->at - key) - 1;
            skip_space(scanner);
            if (!take(scanner, ':'))
                return false;
            skip_space(scanner);
        }
        const char *const value = scanner->at;
        if (!take_value(scanner))
            return false;
        const size_t n_value = (size_t)(scanner->at - value);
        if (ret && ret->n < MER_JSON_SCAN_KEPT) {
            ret->items[ret->n].key = key;
            ret->items[ret->n].n_key = n_key;
            ret->items[ret->n].value = value;
            ret->items[ret->n].n_value = n_value;
        }
        if (ret && n_key == 4 && memcmp(key, "type", 4) == 0 && *value == '"') {
            ret->type = value + 1;
            ret->n_type = n_value - 2;
        }
        if (ret)
            ret->n++;
        skip_space(scanner);
    } while (take(scanner, ','));
    scanner->depth--;
    return take(scanner, close);
}

static bool take_value(struct scanner *scanner)
{
    if (take(scanner, '{'))
        return take_items(scanner, true, NULL);
    if (take(scanner, '['))
        return take_items(scanner, false, NULL);
    if (sees(scanner, '"'))
        return take_string(scanner);
    return take_word(scanner, "true") || take_word(scanner, "false") ||
           take_word(scanner, "null") || take_number(scanner);
}

bool mer_json_scan(const char *bytes, size_t n, struct mer_json_scan *ret)
{
    struct scanner scanner = {.at = bytes, .end = bytes + n};
    struct mer_json_scan found = {.kind = MER_SCANNED_OTHER};
    bool good;
    skip_space(&scanner);
    if (take(&scanner, '{')) {
        found.kind = MER_SCANNED_OBJECT;
        good = take_items(&scanner, true, &found);
    } else if (take(&scanner, '[')) {
        found.kind = MER_SCANNED_ARRAY;
        good = take_items(&scanner, false, &found);
    } else {
        if (sees(&scanner, '"'))
            found.kind = MER_SCANNED_STRING;
        good = take_value(&scanner);
    }
    skip_space(&scanner);
    if (!good || scanner.at != scanner.end)
        return false;
    *ret = found;
    return true;
}
