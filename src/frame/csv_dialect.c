#include "frame/csv_dialect.h"

#include <string.h>

#include "frame/csv_tokens.h"
#include "frame/infer.h"

enum { SAMPLE_RECORDS = 100, SAMPLE_BYTES = 64 << 10, HEADER_RECORDS = 20 };

static const char candidates[] = {',', ';', '\t', '|'};

/* How one delimiter cuts the sample. */
struct cut {
    size_t n_first; /* cells of the first record; 0: it is faulty */
    bool even;      /* the others have as many */
};

/* A record without anything in it is no evidence. */
static bool is_blank(const struct mer_csv_record *record)
{
    return record->n_cells == 1 && (*record->begin == '\n' || *record->begin == '\r');
}

static struct cut try_delimiter(const char *text, size_t n, char delimiter)
{
    struct cut cut = {.even = true};
    struct mer_csv_scan scan;
    const size_t n_sample = n < SAMPLE_BYTES ? n : SAMPLE_BYTES;
    mer_csv_scan_init(&scan, text, n_sample, delimiter);
    for (size_t i = 0; i < SAMPLE_RECORDS && scan.next < scan.end; i++) {
        struct mer_csv_record record;
        mer_csv_scan_record(&scan, text, NULL, 0, &record);
        /* What the end of the sample cut off is no evidence either. */
        if (n_sample < n && (scan.next == scan.end || record.fault == MER_CSV_UNTERMINATED) &&
            i > 0)
            break;
        if (record.fault != MER_CSV_FINE) {
            cut.even = false;
            break;
        }
        if (is_blank(&record))
            continue;
        if (cut.n_first == 0)
            cut.n_first = record.n_cells;
        else if (record.n_cells != cut.n_first)
            cut.even = false;
    }
    return cut;
}

static char detect_delimiter(const char *text, size_t n)
{
    char best = ',';
    struct cut best_cut = {.n_first = 1, .even = false};
    for (size_t i = 0; i < sizeof candidates; i++) {
        const struct cut cut = try_delimiter(text, n, candidates[i]);
        if (cut.n_first < 2)
            continue;
        if (cut.even != best_cut.even ? cut.even : cut.n_first > best_cut.n_first) {
            best = candidates[i];
            best_cut = cut;
        }
    }
    return best;
}

static bool is_value(const char *base, struct mer_csv_token token)
{
    return !(token.n & MER_CSV_ESCAPED) && mer_infer_narrow(MER_MAY_ANY, base + token.at, token.n);
}

static bool is_missing(const struct mer_missing *missing, const char *base,
                       struct mer_csv_token token)
{
    return !(token.n & MER_CSV_ESCAPED) && mer_missing_find(missing, base + token.at, token.n) >= 0;
}

/* Per column: do all the sampled cells below the first record look like values, and are there any?
 */
static void look_below(struct mer_csv_scan *scan, const char *base, struct mer_csv_token *tokens,
                       size_t n_columns, const struct mer_missing *missing, bool *other,
                       bool *value)
{
    for (size_t i = 0; i < HEADER_RECORDS && scan->next < scan->end; i++) {
        struct mer_csv_record record;
        mer_csv_scan_record(scan, base, tokens, n_columns, &record);
        if (record.fault != MER_CSV_FINE || record.n_cells != n_columns)
            return;
        for (size_t c = 0; c < n_columns; c++) {
            if (is_missing(missing, base, tokens[c]))
                continue;
            if (is_value(base, tokens[c]))
                value[c] = true;
            else
                other[c] = true;
        }
    }
}

/* The vote that csv_dialect.h describes, over the cells of the first record. */
static bool vote(const char *base, const struct mer_csv_token *first, size_t n_columns,
                 const struct mer_missing *missing, const bool *other, const bool *value)
{
    bool against = false;
    for (size_t c = 0; c < n_columns; c++) {
        if (is_missing(missing, base, first[c]) || other[c])
            continue;
        if (is_value(base, first[c]))
            against = true;
        else if (value[c])
            return true;
    }
    return !against;
}

static mer_status detect_header(const struct mer_ctx *ctx, const struct mer_csv_dialect *dialect,
                                const struct mer_missing *missing, bool *ret_has_header,
                                mer_err *err)
{
    struct mer_csv_scan scan;
    struct mer_csv_record record;
    mer_csv_scan_init(&scan, dialect->text, dialect->n_text, dialect->delimiter);
    struct mer_csv_scan counting = scan;
    mer_csv_scan_record(&counting, dialect->text, NULL, 0, &record);
    const size_t n = record.n_cells;
    *ret_has_header = true;
    if (record.fault != MER_CSV_FINE)
        return mer_ok(); /* the reader will say so */

    struct mer_csv_token *tokens; /* of the first record and of another one */
    MER_GUARD(mer_alloc_array(ctx->alloc, n, 2 * sizeof *tokens, &tokens, err));
    bool *seen; /* columns with other cells, columns with values */
    mer_status status = mer_alloc_zero(ctx->alloc, n, 2 * sizeof *seen, &seen, err);
    if (mer_is_ok(status)) {
        mer_csv_scan_record(&scan, dialect->text, tokens, n, &record);
        look_below(&scan, dialect->text, tokens + n, n, missing, seen, seen + n);
        *ret_has_header = vote(dialect->text, tokens, n, missing, seen, seen + n);
        mer_free(ctx->alloc, seen);
    }
    mer_free(ctx->alloc, tokens);
    return status;
}

static mer_status skip_mark(const char *bytes, size_t n, struct mer_csv_dialect *dialect,
                            mer_err *err)
{
    if (n >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        mer_status status = mer_fail(err, MER_ERR_DATA, "the table is UTF-16, not UTF-8");
        return mer_hint(err, status, "convert it with: iconv -f UTF-16 -t UTF-8");
    }
    dialect->had_bom = n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    dialect->text = bytes + (dialect->had_bom ? 3 : 0);
    dialect->n_text = n - (dialect->had_bom ? 3 : 0);
    if (dialect->n_text == 0)
        return mer_fail(err, MER_ERR_DATA, "the table is empty");
    if (memchr(dialect->text, '\0', dialect->n_text < 4096 ? dialect->n_text : 4096) == NULL)
        return mer_ok();
    mer_status status = mer_fail(err, MER_ERR_DATA, "the table holds NUL bytes: it is not text");
    return mer_hint(err, status,
                    "tables are CSV in UTF-8; UTF-16 is converted with: iconv -f UTF-16 -t UTF-8");
}

mer_status mer_csv_detect(const struct mer_ctx *ctx, const char *bytes, size_t n,
                          const struct mer_csv_options *options, const struct mer_missing *missing,
                          struct mer_csv_dialect *ret_dialect, mer_err *err)
{
    struct mer_csv_dialect dialect = {.delimiter = options->delimiter};
    const char d = options->delimiter;
    if (d == '"' || d == '\n' || d == '\r' || (unsigned char)d >= 0x80)
        return mer_fail(err, MER_ERR_USAGE,
                        "a delimiter is one ASCII character, not a quote or a line break");
    MER_GUARD(skip_mark(bytes, n, &dialect, err));
    if (!dialect.delimiter)
        dialect.delimiter = detect_delimiter(dialect.text, dialect.n_text);
    /* A schema's fields are found by name. */
    dialect.has_header = options->header == MER_CSV_HEADER_YES || options->schema;
    if (options->header == MER_CSV_HEADER_NO)
        dialect.has_header = false;
    else if (!dialect.has_header)
        MER_GUARD(detect_header(ctx, &dialect, missing, &dialect.has_header, err));
    *ret_dialect = dialect;
    return mer_ok();
}
