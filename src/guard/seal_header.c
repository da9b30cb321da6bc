#include "guard/seal_header.h"

#include <string.h>

#include "guard/base64.h"

static const char VERSION_LINE[] = "age-encryption.org/v1";

enum { COLUMNS = 64, LINE_BYTES = 48 };

/* ---- Base64 ---- */

/* Decodes up to LINE_BYTES bytes; false when it is not base64 as headers have it. */
static bool decode_line(const char *text, size_t n_text, unsigned char ret_bytes[LINE_BYTES],
                        size_t *ret_n)
{
    return n_text <= COLUMNS && mer_base64_decode_bare(text, n_text, ret_bytes, ret_n);
}

bool mer_seal_unbase64(const char *text, size_t n_text, unsigned char *ret_bytes, size_t n)
{
    unsigned char bytes[LINE_BYTES];
    size_t n_bytes = 0;
    if (!decode_line(text, n_text, bytes, &n_bytes) || n_bytes != n)
        return false;
    memcpy(ret_bytes, bytes, n);
    return true;
}

mer_status mer_seal_base64(struct mer_buf *buf, const void *bytes, size_t n, mer_err *err)
{
    MER_GUARD(mer_base64_encode(buf, bytes, n, err));
    while (n % 3 != 0 && buf->bytes[buf->n - 1] == '=')
        buf->n--;
    return mer_ok();
}

/* ---- Reading ---- */

struct reader {
    const char *at;
    const char *end;
    size_t n_line; /* of the line read last, counted from 1 */
};

struct line {
    const char *text;
    size_t n;
};

static mer_status fail_line(const struct reader *reader, const char *what, mer_err *err)
{
    return mer_fail(err, MER_ERR_DATA, "line %zu of the header %s", reader->n_line, what);
}

static mer_status next_line(struct reader *reader, struct line *ret_line, mer_err *err)
{
    const size_t n = (size_t)(reader->end - reader->at);
    const char *const stop = n > 0 ? memchr(reader->at, '\n', n) : NULL;
    reader->n_line++;
    if (!stop)
        return fail_line(reader, "is missing or does not end", err);
    *ret_line = (struct line){reader->at, (size_t)(stop - reader->at)};
    reader->at = stop + 1;
    return mer_ok();
}

/* "-> TYPE ARGUMENT...": printable ASCII, one space between, nothing empty. */
static mer_status read_arguments(const struct reader *reader, struct line line,
                                 struct mer_stanza *stanza, mer_err *err)
{
    size_t begin = 3;
    if (line.n < 4)
        return fail_line(reader, "names no kind of recipient", err);
    for (size_t i = begin; i <= line.n; i++) {
        if (i < line.n && line.text[i] != ' ') {
            if (line.text[i] < 33 || line.text[i] > 126)
                return fail_line(reader, "holds a character that may not be there", err);
            continue;
        }
        if (i == begin)
            return fail_line(reader, "has an empty argument", err);
        if (stanza->n_arguments < MER_STANZA_ARGUMENTS_KEPT) {
            stanza->arguments[stanza->n_arguments].text = line.text + begin;
            stanza->arguments[stanza->n_arguments].n = i - begin;
        }
        stanza->n_arguments++;
        begin = i + 1;
    }
    return mer_ok();
}

static mer_status read_body(struct reader *reader, struct mer_stanza *stanza, mer_err *err)
{
    struct line line;
    do {
        unsigned char bytes[LINE_BYTES];
        size_t n = 0;
        MER_GUARD(next_line(reader, &line, err));
        if (!decode_line(line.text, line.n, bytes, &n))
            return fail_line(reader, "is not the base64 that must be there", err);
        if (stanza->n_body == 0)
            memcpy(stanza->body, bytes, n);
        stanza->n_body += n;
    } while (line.n == COLUMNS);
    return mer_ok();
}

static mer_status add_stanza(struct mer_seal_header *header, struct reader *reader,
                             struct line line, mer_err *err)
{
    struct mer_stanza stanza = {.n_arguments = 0};
    if (header->n_stanzas == MER_SEAL_STANZAS_MAX)
        return mer_fail(err, MER_ERR_DATA, "the header has over %d recipients",
                        MER_SEAL_STANZAS_MAX);
    MER_GUARD(read_arguments(reader, line, &stanza, err));
    MER_GUARD(read_body(reader, &stanza, err));
    if ((header->n_stanzas & (header->n_stanzas - 1)) == 0) /* full: 0, 1, 2, 4, 8 ... */
        MER_GUARD(mer_alloc_resize(header->alloc,
                                   (header->n_stanzas ? 2 * header->n_stanzas : 1) * sizeof stanza,
                                   &header->stanzas, err));
    header->stanzas[header->n_stanzas++] = stanza;
    return mer_ok();
}

static bool begins_with(struct line line, const char *prefix)
{
    const size_t n = strlen(prefix);
    return line.n >= n && memcmp(line.text, prefix, n) == 0;
}

static mer_status read_header(struct mer_seal_header *header, struct reader *reader, mer_err *err)
{
    const char *const begin = reader->at;
    struct line line;
    MER_GUARD(next_line(reader, &line, err));
    if (!begins_with(line, VERSION_LINE) || line.n != strlen(VERSION_LINE))
        return begins_with(line, "age-encryption.org/")
                   ? mer_fail(err, MER_ERR_DATA, "it is sealed in a version that is not supported")
                   : mer_fail(err, MER_ERR_DATA, "it is not a sealed file");
    for (;;) {
        MER_GUARD(next_line(reader, &line, err));
        if (begins_with(line, "---"))
            break;
        if (!begins_with(line, "-> "))
            return fail_line(reader, "begins neither a recipient nor the end", err);
        MER_GUARD(add_stanza(header, reader, line, err));
    }
    if (header->n_stanzas == 0)
        return mer_fail(err, MER_ERR_DATA, "the header names no recipient");
    if (line.n < 4 || line.text[3] != ' ' ||
        !mer_seal_unbase64(line.text + 4, line.n - 4, header->mac, sizeof header->mac))
        return fail_line(reader, "has no authentication code", err);
    header->n_authenticated = (size_t)(line.text + 3 - begin);
    header->n_bytes = (size_t)(reader->at - begin);
    return mer_ok();
}

bool mer_seal_header_is_whole(const unsigned char *bytes, size_t n, size_t *n_searched)
{
    static const char mac[] = "\n--- ";
    if (n < *n_searched + sizeof mac)
        return n >= MER_SEAL_HEADER_MAX;
    const unsigned char *const line =
        memmem(bytes + *n_searched, n - *n_searched, mac, sizeof mac - 1);
    *n_searched = line ? (size_t)(line - bytes) : n - sizeof mac;
    return n >= MER_SEAL_HEADER_MAX || (line && memchr(line + 1, '\n', n - *n_searched - 1));
}

mer_status mer_seal_header_parse(struct mer_alloc *alloc, const unsigned char *bytes, size_t n,
                                 struct mer_seal_header *ret_header, mer_err *err)
{
    const char *const text = (const char *)bytes;
    struct mer_seal_header header = {.alloc = alloc};
    struct reader reader = {.at = text};
    reader.end = n > 0 ? text + (n < MER_SEAL_HEADER_MAX ? n : MER_SEAL_HEADER_MAX) : text;
    const mer_status status = read_header(&header, &reader, err);
    if (mer_is_ok(status))
        *ret_header = header;
    else
        mer_seal_header_release(&header);
    return status;
}

void mer_seal_header_release(struct mer_seal_header *header)
{
    mer_free(header->alloc, header->stanzas);
    header->stanzas = NULL;
    header->n_stanzas = 0;
}

bool mer_stanza_is(const struct mer_stanza *stanza, const char *type)
{
    return stanza->arguments[0].n == strlen(type) &&
           memcmp(stanza->arguments[0].text, type, stanza->arguments[0].n) == 0;
}

bool mer_stanza_argument_bytes(const struct mer_stanza *stanza, size_t i, unsigned char *ret_bytes,
                               size_t n)
{
    return i < stanza->n_arguments && i < MER_STANZA_ARGUMENTS_KEPT &&
           mer_seal_unbase64(stanza->arguments[i].text, stanza->arguments[i].n, ret_bytes, n);
}

/* ---- Writing ---- */

mer_status mer_seal_header_begin(struct mer_buf *buf, mer_err *err)
{
    return mer_buf_printf(buf, err, "%s\n", VERSION_LINE);
}

mer_status mer_seal_header_stanza(struct mer_buf *buf, const char *arguments, const void *body,
                                  size_t n_body, mer_err *err)
{
    const unsigned char *at = body;
    MER_GUARD(mer_buf_printf(buf, err, "-> %s\n", arguments));
    for (;;) { /* the last line is shorter than a full one, if need be empty */
        const size_t n = n_body < LINE_BYTES ? n_body : LINE_BYTES;
        MER_GUARD(mer_seal_base64(buf, at, n, err));
        MER_GUARD(mer_buf_text(buf, "\n", err));
        if (n < LINE_BYTES)
            return mer_ok();
        at += n;
        n_body -= n;
    }
}

mer_status mer_seal_header_end(struct mer_buf *buf, mer_err *err)
{
    return mer_buf_text(buf, "---", err);
}

mer_status mer_seal_header_mac(struct mer_buf *buf, const unsigned char mac[MER_SEAL_MAC_BYTES],
                               mer_err *err)
{
    MER_GUARD(mer_buf_text(buf, " ", err));
    MER_GUARD(mer_seal_base64(buf, mac, MER_SEAL_MAC_BYTES, err));
    return mer_buf_text(buf, "\n", err);
}
