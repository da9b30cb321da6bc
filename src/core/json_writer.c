/* Writing JSON: canonical, or indented for people. */
#include "core/json.h"

#include <math.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

enum { DEPTH_MAX = 120 };

void mer_json_writer_init(struct mer_json_writer *writer, struct mer_buf *buf, unsigned indent,
                          mer_err *err)
{
    *writer = (struct mer_json_writer){.buf = buf, .err = err, .indent = indent};
}

static bool bit_at(const uint64_t bits[2], unsigned level)
{
    return (bits[level / 64] >> (level % 64) & 1) != 0;
}

static void set_bit_at(uint64_t bits[2], unsigned level, bool value)
{
    const uint64_t mask = (uint64_t)1 << (level % 64);
    bits[level / 64] = value ? bits[level / 64] | mask : bits[level / 64] & ~mask;
}

static bool is_fine(const struct mer_json_writer *writer)
{
    return mer_is_ok(writer->status);
}

static void misuse(struct mer_json_writer *writer, const char *reason)
{
    if (is_fine(writer))
        writer->status = mer_fail(writer->err, MER_ERR_INTERNAL, "writing JSON: %s", reason);
}

static void put(struct mer_json_writer *writer, const char *bytes, size_t n)
{
    if (is_fine(writer))
        writer->status = mer_buf_append(writer->buf, bytes, n, writer->err);
}

static void break_line(struct mer_json_writer *writer)
{
    if (writer->indent == 0)
        return;
    put(writer, "\n", 1);
    for (unsigned i = 0; i < writer->indent * writer->depth; i++)
        put(writer, " ", 1);
}

/* The comma and line break in front of a key or an element. */
static void begin_item(struct mer_json_writer *writer)
{
    if (bit_at(writer->has_items, writer->depth))
        put(writer, ",", 1);
    if (writer->depth > 0)
        break_line(writer);
    set_bit_at(writer->has_items, writer->depth, true);
}

/* What comes in front of any value. Level 0 holds one value, objects hold keys first. */
static void begin_value(struct mer_json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->depth == 0 && bit_at(writer->has_items, 0))
        misuse(writer, "a second document");
    else if (writer->depth > 0 && bit_at(writer->is_object, writer->depth))
        misuse(writer, "a member without a key");
    else
        begin_item(writer);
}

static void begin_container(struct mer_json_writer *writer, bool is_object)
{
    begin_value(writer);
    if (writer->depth == DEPTH_MAX) {
        misuse(writer, "too many levels");
        return;
    }
    put(writer, is_object ? "{" : "[", 1);
    writer->depth++;
    set_bit_at(writer->has_items, writer->depth, false);
    set_bit_at(writer->is_object, writer->depth, is_object);
}

static void end_container(struct mer_json_writer *writer, bool is_object)
{
    if (writer->depth == 0 || writer->after_key ||
        bit_at(writer->is_object, writer->depth) != is_object) {
        misuse(writer, "an end without its beginning");
        return;
    }
    const bool had_items = bit_at(writer->has_items, writer->depth);
    writer->depth--;
    if (had_items)
        break_line(writer);
    put(writer, is_object ? "}" : "]", 1);
}

void mer_json_begin_object(struct mer_json_writer *writer)
{
    begin_container(writer, true);
}

void mer_json_end_object(struct mer_json_writer *writer)
{
    end_container(writer, true);
}

void mer_json_begin_array(struct mer_json_writer *writer)
{
    begin_container(writer, false);
}

void mer_json_end_array(struct mer_json_writer *writer)
{
    end_container(writer, false);
}

/* The escape of a character that may not stand in a string as it is; returns its length, else 0. */
static size_t escape(unsigned char c, char ret_text[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char short_names[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    for (const char *pair = short_names; *pair; pair += 2) {
        if ((unsigned char)pair[1] == c) {
            ret_text[0] = '\\';
            ret_text[1] = pair[0];
            return 2;
        }
    }
    if (c >= 0x20)
        return 0;
    memcpy(ret_text, "\\u00", 4);
    ret_text[4] = hex[c >> 4];
    ret_text[5] = hex[c & 15];
    return 6;
}

static void put_quoted(struct mer_json_writer *writer, const char *bytes, size_t n)
{
    char escaped[6];
    if (is_fine(writer) && !mer_utf8_valid(bytes, n)) {
        writer->status = mer_fail(writer->err, MER_ERR_DATA, "a text for JSON is not valid UTF-8");
        return;
    }
    put(writer, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t length = escape((unsigned char)bytes[i], escaped);
        if (length == 0)
            continue;
        put(writer, bytes + from, i - from);
        put(writer, escaped, length);
        from = i + 1;
    }
    put(writer, bytes + from, n - from);
    put(writer, "\"", 1);
}

void mer_json_key(struct mer_json_writer *writer, const char *key)
{
    if (writer->depth == 0 || writer->after_key || !bit_at(writer->is_object, writer->depth)) {
        misuse(writer, "a key outside an object");
        return;
    }
    begin_item(writer);
    put_quoted(writer, key, strlen(key));
    put(writer, ": ", writer->indent > 0 ? 2 : 1);
    writer->after_key = true;
}

void mer_json_put_string(struct mer_json_writer *writer, const char *text)
{
    mer_json_put_string_n(writer, text, strlen(text));
}

void mer_json_put_string_n(struct mer_json_writer *writer, const char *bytes, size_t n)
{
    begin_value(writer);
    put_quoted(writer, bytes, n);
}

void mer_json_put_integer(struct mer_json_writer *writer, int64_t value)
{
    begin_value(writer);
    if (is_fine(writer))
        writer->status = mer_buf_printf(writer->buf, writer->err, "%lld", (long long)value);
}

void mer_json_put_unsigned(struct mer_json_writer *writer, uint64_t value)
{
    begin_value(writer);
    if (is_fine(writer))
        writer->status =
            mer_buf_printf(writer->buf, writer->err, "%llu", (unsigned long long)value);
}

void mer_json_put_number(struct mer_json_writer *writer, double value)
{
    char text[MER_NUMBER_TEXT_MAX];
    if (!isfinite(value)) {
        misuse(writer, "JSON has no NaN and no infinity");
        return;
    }
    begin_value(writer);
    put(writer, text, mer_number_format(value, text));
}

void mer_json_put_finite(struct mer_json_writer *writer, const char *key, double value)
{
    mer_json_key(writer, key);
    if (isfinite(value))
        mer_json_put_number(writer, value);
    else
        mer_json_put_null(writer);
}

void mer_json_put_boolean(struct mer_json_writer *writer, bool value)
{
    begin_value(writer);
    put(writer, value ? "true" : "false", value ? 4 : 5);
}

void mer_json_put_null(struct mer_json_writer *writer)
{
    begin_value(writer);
    put(writer, "null", 4);
}

mer_status mer_json_writer_end(struct mer_json_writer *writer)
{
    if (writer->depth != 0 || !bit_at(writer->has_items, 0))
        misuse(writer, "the document is not complete");
    return writer->status;
}
