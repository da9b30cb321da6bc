#include "frame/csv_tokens.h"

#include <stdio.h>
#include <string.h>

#include "frame/image.h"
#include "frame/text_check.h"

/* A chunk ends at the first multiple of eight rows with at least so many bytes. */
enum { CHUNK_BYTES = 128 << 10, CHUNK_ROW_MULTIPLE = 8 };

void mer_csv_scan_init(struct mer_csv_scan *scan, const char *bytes, size_t n, char delimiter)
{
    *scan = (struct mer_csv_scan){.next = bytes, .end = bytes + n, .delimiter = delimiter};
    scan->stops[(unsigned char)delimiter] = true;
    scan->stops['\n'] = scan->stops['\r'] = scan->stops['"'] = true;
}

/* A cell that begins with a quote, at p. Returns what follows its closing quote; NULL: faulty. */
static const char *scan_quoted(const struct mer_csv_scan *scan, const char *p,
                               struct mer_csv_record *record, size_t *ret_n, bool *ret_escaped)
{
    const char *begin = p + 1;
    const char *q = begin;
    *ret_escaped = false;
    for (;;) {
        q = memchr(q, '"', (size_t)(scan->end - q));
        if (!q) {
            record->fault = MER_CSV_UNTERMINATED;
            record->fault_at = p;
            return NULL;
        }
        if (q + 1 == scan->end || q[1] != '"')
            break;
        *ret_escaped = true;
        q += 2;
    }
    *ret_n = (size_t)(q - begin);
    if (*ret_escaped && *ret_n > record->n_escaped_max)
        record->n_escaped_max = *ret_n;
    q++;
    if (q < scan->end && *q != scan->delimiter && *q != '\n' && *q != '\r') {
        record->fault = MER_CSV_BEHIND_QUOTE;
        record->fault_at = q;
        return NULL;
    }
    return q;
}

/* One cell at p. Returns the byte that ended it, or the end of the text; NULL: faulty. */
static inline const char *scan_cell(const struct mer_csv_scan *scan, const char *base,
                                    const char *p, struct mer_csv_token *ret_token,
                                    struct mer_csv_record *record)
{
    const char *begin = p;
    size_t n;
    bool escaped = false;
    if (p < scan->end && *p == '"') {
        begin = p + 1;
        p = scan_quoted(scan, p, record, &n, &escaped);
        if (!p)
            return NULL;
    } else {
        while (p < scan->end && !scan->stops[(unsigned char)*p])
            p++;
        n = (size_t)(p - begin);
        if (p < scan->end && *p == '"') {
            record->fault = MER_CSV_QUOTE_INSIDE;
            record->fault_at = p;
            return NULL;
        }
    }
    if (n > MER_CSV_CELL_MAX || begin - base > UINT32_MAX) {
        record->fault = MER_CSV_TOO_LONG;
        record->fault_at = begin;
        return NULL;
    }
    *ret_token = (struct mer_csv_token){(uint32_t)(begin - base),
                                        (uint32_t)n | (escaped ? MER_CSV_ESCAPED : 0)};
    return p;
}

void mer_csv_scan_record(struct mer_csv_scan *scan, const char *base, struct mer_csv_token *tokens,
                         size_t capacity, struct mer_csv_record *ret_record)
{
    struct mer_csv_record record = {.begin = scan->next};
    const char *p = scan->next;
    for (;;) {
        struct mer_csv_token token;
        p = scan_cell(scan, base, p, &token, &record);
        if (!p)
            break;
        if (record.n_cells < capacity)
            tokens[record.n_cells] = token;
        record.n_cells++;
        if (p == scan->end) {
            scan->next = p;
            break;
        }
        if (*p == scan->delimiter) {
            p++;
            continue;
        }
        if (*p == '\r' && (p + 1 == scan->end || p[1] != '\n')) {
            record.n_cells--;
            record.fault = MER_CSV_LONE_RETURN;
            record.fault_at = p;
            break;
        }
        scan->next = p + (*p == '\r' ? 2 : 1);
        break;
    }
    *ret_record = record;
}

size_t mer_csv_unescape(const char *bytes, size_t n, char *ret_bytes)
{
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
        ret_bytes[written++] = bytes[i];
        if (bytes[i] == '"')
            i++; /* its double */
    }
    return written;
}

static size_t line_of(const struct mer_csv_source *source, const char *at)
{
    size_t line = 1;
    const char *p = source->text;
    while ((p = memchr(p, '\n', (size_t)(at - p)))) {
        line++;
        p++;
    }
    return line;
}

mer_status mer_csv_fail(const struct mer_csv_source *source, size_t row, ptrdiff_t column,
                        const char *at, mer_err *err, const char *what)
{
    char where[80];
    if (row == SIZE_MAX)
        (void)snprintf(where, sizeof where, "the header (line %zu)", line_of(source, at));
    else
        (void)snprintf(where, sizeof where, "row %zu (line %zu)", row + 1, line_of(source, at));
    if (column == MER_CSV_WHOLE_ROW)
        return mer_fail(err, MER_ERR_DATA, "%s: %s", where, what);
    if (!source->names || (size_t)column >= source->n_columns)
        return mer_fail(err, MER_ERR_DATA, "%s, column %td: %s", where, column + 1, what);
    return mer_fail(err, MER_ERR_DATA, "%s, column %s: %s", where,
                    mer_quote(source->names[column]).text, what);
}

mer_status mer_csv_fail_fault(const struct mer_csv_source *source, size_t row,
                              const struct mer_csv_record *record, mer_err *err)
{
    static const struct {
        const char *what;
        const char *hint;
    } table[] = {
        [MER_CSV_UNTERMINATED] = {"a quoted cell begins and never ends",
                                  "close the quote; a quote inside a quoted cell is doubled"},
        [MER_CSV_QUOTE_INSIDE] = {"a quote stands inside a cell that does not begin with one",
                                  "quote the whole cell and double the quotes in it"},
        [MER_CSV_BEHIND_QUOTE] = {"something follows a closing quote",
                                  "double the quotes inside a quoted cell, or state the delimiter"},
        [MER_CSV_LONE_RETURN] = {"a carriage return without a line feed",
                                 "end lines in LF or CR LF, and quote cells that hold line breaks"},
        [MER_CSV_TOO_LONG] = {"a cell or row is too long", "cells are limited to 2 GB"},
    };
    mer_status status = mer_csv_fail(source, row, (ptrdiff_t)record->n_cells, record->fault_at, err,
                                     table[record->fault].what);
    return mer_hint(err, status, "%s", table[record->fault].hint);
}

mer_status mer_csv_fail_byte(const struct mer_csv_source *source, size_t row, ptrdiff_t column,
                             const char *at, mer_err *err)
{
    if (*at == '\0')
        return mer_hint(err, mer_csv_fail(source, row, column, at, err, "a NUL byte"),
                        "the file is binary or UTF-16; tables are UTF-8 text");
    return mer_hint(err, mer_csv_fail(source, row, column, at, err, "not valid UTF-8"),
                    "convert the file, for example with: iconv -f LATIN1 -t UTF-8");
}

void mer_csv_tokenizer_init(struct mer_csv_tokenizer *tokenizer, struct mer_alloc *alloc,
                            const struct mer_csv_source *source, const struct mer_csv_scan *scan)
{
    *tokenizer = (struct mer_csv_tokenizer){.alloc = alloc, .source = source, .scan = *scan};
}

void mer_csv_tokenizer_release(struct mer_csv_tokenizer *tokenizer)
{
    if (!tokenizer->alloc)
        return;
    mer_free(tokenizer->alloc, tokenizer->scratch);
    tokenizer->scratch = NULL;
    tokenizer->n_scratch = 0;
}

/* Room for one more row. */
static mer_status reserve_row(struct mer_csv_tokenizer *tokenizer, size_t n_used, mer_err *err)
{
    const size_t n_columns = tokenizer->source->n_columns;
    if (tokenizer->n_scratch - n_used >= n_columns)
        return mer_ok();
    size_t n;
    if (!mer_size_add(n_used, n_columns, &n) ||
        !mer_size_mul(n, 2 * sizeof *tokenizer->scratch, &n))
        return mer_fail(err, MER_ERR_MEMORY, "rows of %zu cells are too long", n_columns);
    MER_GUARD(mer_alloc_resize(tokenizer->alloc, n, &tokenizer->scratch, err));
    tokenizer->n_scratch = n / sizeof *tokenizer->scratch;
    return mer_ok();
}

/* Only empty lines are left: they end a table of several columns. */
static bool only_blank_lines(const struct mer_csv_scan *scan)
{
    const char *p = scan->next;
    while (p < scan->end && (*p == '\n' || (*p == '\r' && p + 1 < scan->end && p[1] == '\n')))
        p += *p == '\r' ? 2 : 1;
    return p == scan->end;
}

static mer_status fail_ragged(const struct mer_csv_tokenizer *tokenizer,
                              const struct mer_csv_record *record, mer_err *err)
{
    char what[120];
    (void)snprintf(what, sizeof what, "has %zu cell%s where %zu are expected", record->n_cells,
                   record->n_cells == 1 ? "" : "s", tokenizer->source->n_columns);
    return mer_hint(err,
                    mer_csv_fail(tokenizer->source, tokenizer->n_rows, MER_CSV_WHOLE_ROW,
                                 record->begin, err, what),
                    "quote cells that hold the delimiter, or state the delimiter");
}

/* Reads rows into the scratch tokens until the chunk is large enough. */
static mer_status read_rows(struct mer_csv_tokenizer *tokenizer, struct mer_csv_chunk *chunk,
                            mer_err *err)
{
    struct mer_csv_scan *scan = &tokenizer->scan;
    const size_t n_columns = tokenizer->source->n_columns;
    while (scan->next < scan->end) {
        struct mer_csv_record record;
        const size_t n_used = chunk->n_rows * n_columns;
        if ((size_t)(scan->next - chunk->base) >= CHUNK_BYTES &&
            chunk->n_rows % CHUNK_ROW_MULTIPLE == 0)
            break;
        if (n_columns > 1 && (*scan->next == '\n' || *scan->next == '\r') &&
            only_blank_lines(scan)) {
            scan->next = scan->end;
            break;
        }
        MER_GUARD(reserve_row(tokenizer, n_used, err));
        mer_csv_scan_record(scan, chunk->base, tokenizer->scratch + n_used, n_columns, &record);
        if (record.fault != MER_CSV_FINE)
            return mer_csv_fail_fault(tokenizer->source, tokenizer->n_rows, &record, err);
        if (record.n_cells != n_columns)
            return fail_ragged(tokenizer, &record, err);
        if (record.n_escaped_max > tokenizer->n_escaped_max)
            tokenizer->n_escaped_max = record.n_escaped_max;
        if (tokenizer->n_rows == MER_IMAGE_MAX_ROWS)
            return mer_fail(err, MER_ERR_DATA, "a table has at most %zu rows", MER_IMAGE_MAX_ROWS);
        tokenizer->n_rows++;
        chunk->n_rows++;
    }
    chunk->n_bytes = (size_t)(scan->next - chunk->base);
    return mer_ok();
}

/* Finds the cell that holds the byte at `bad`, to name it: the last one that begins at or before
 * it. */
static mer_status fail_text(const struct mer_csv_tokenizer *tokenizer,
                            const struct mer_csv_chunk *chunk, size_t bad, mer_err *err)
{
    const size_t n_columns = tokenizer->source->n_columns;
    size_t cell = 0;
    while (cell + 1 < chunk->n_rows * n_columns && tokenizer->scratch[cell + 1].at <= bad)
        cell++;
    return mer_csv_fail_byte(tokenizer->source, chunk->first_row + cell / n_columns,
                             (ptrdiff_t)(cell % n_columns), chunk->base + bad, err);
}

mer_status mer_csv_next_chunk(struct mer_csv_tokenizer *tokenizer, struct mer_csv_chunk *ret_chunk,
                              mer_err *err)
{
    struct mer_csv_chunk chunk = {.base = tokenizer->scan.next, .first_row = tokenizer->n_rows};
    MER_GUARD(read_rows(tokenizer, &chunk, err));
    const size_t bad = mer_text_check(chunk.base, chunk.n_bytes);
    if (chunk.n_rows > 0 && bad != chunk.n_bytes)
        return fail_text(tokenizer, &chunk, bad, err);
    if (chunk.n_rows > 0) {
        const size_t n = chunk.n_rows * tokenizer->source->n_columns;
        MER_GUARD(mer_alloc_array(tokenizer->alloc, n, sizeof *chunk.tokens, &chunk.tokens, err));
        memcpy(chunk.tokens, tokenizer->scratch, n * sizeof *chunk.tokens);
    }
    *ret_chunk = chunk;
    return mer_ok();
}
