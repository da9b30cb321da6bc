/* Checks a table image without trusting its writer: after this, views may be used without checks.
 *
 * Where the sections have to lie follows from the sizes (image.c), so the stored offsets are
 * compared with computed ones and nothing can overlap or reach outside. The contents are then
 * checked a column at a time, in loops that run at the speed of memory.
 */
#include <string.h>

#include "core/team.h"
#include "frame/dictionary.h"
#include "frame/image.h"
#include "frame/text_check.h"

struct check {
    const struct mer_ctx *ctx;
    const unsigned char *image;
    size_t n_rows;
    size_t index; /* of the column in hand */
    mer_err *err;
};

static mer_status damaged(const struct check *check, const char *what)
{
    return mer_fail(check->err, MER_ERR_DATA, "the table image is damaged: column %zu %s",
                    check->index + 1, what);
}

static bool all_zero(const unsigned char *bytes, size_t n)
{
    unsigned char seen = 0;
    for (size_t i = 0; i < n; i++)
        seen |= bytes[i];
    return seen == 0;
}

/* What follows n bytes at the offset, up to the next multiple of 64, is zero. */
static bool padded(const struct check *check, uint64_t offset, size_t n)
{
    const size_t end = (size_t)offset + n;
    return all_zero(check->image + end, (size_t)(-end % MER_ALIGNMENT));
}

static bool tail_is_zero(const uint8_t *bits, size_t n)
{
    return n % 8 == 0 || bits[n / 8] >> (n % 8) == 0;
}

static size_t count_bits(const uint8_t *bits, size_t n_bytes)
{
    size_t count = 0;
    size_t i = 0;
    for (; i + 8 <= n_bytes; i += 8) {
        uint64_t word;
        memcpy(&word, bits + i, sizeof word);
        count += (size_t)__builtin_popcountll(word);
    }
    for (; i < n_bytes; i++)
        count += (size_t)__builtin_popcount(bits[i]);
    return count;
}

/* The next row at or after `row` whose validity bit is clear; n_rows when there is none. */
static size_t next_missing(const uint8_t *validity, size_t row, size_t n_rows)
{
    while (row < n_rows) {
        const unsigned clear = (unsigned)(uint8_t)~validity[row / 8] >> (row % 8);
        if (clear) {
            row += (size_t)__builtin_ctz(clear);
            return row < n_rows ? row : n_rows;
        }
        row = (row | 7) + 1;
    }
    return n_rows;
}

static mer_status check_validity(const struct check *check, const struct mer_image_column *column)
{
    if (column->n_missing > check->n_rows)
        return damaged(check, "has more missing values than rows");
    if (column->n_missing == 0)
        return mer_ok();
    const uint8_t *validity = check->image + column->validity;
    const size_t n_bytes = mer_bitmap_bytes(check->n_rows);
    if (!tail_is_zero(validity, check->n_rows) || !padded(check, column->validity, n_bytes))
        return damaged(check, "has bits behind its last row");
    if (count_bits(validity, n_bytes) != check->n_rows - column->n_missing)
        return damaged(check, "does not have as many missing values as it says");
    return mer_ok();
}

static mer_status check_bits(const struct check *check, const struct mer_image_column *column)
{
    const uint8_t *bits = check->image + column->data;
    if (!tail_is_zero(bits, check->n_rows))
        return damaged(check, "has bits behind its last row");
    if (column->n_missing == 0)
        return mer_ok();
    const uint8_t *validity = check->image + column->validity;
    unsigned stray = 0;
    for (size_t i = 0; i < mer_bitmap_bytes(check->n_rows); i++)
        stray |= bits[i] & (unsigned)(uint8_t)~validity[i];
    return stray ? damaged(check, "has a value where one is missing") : mer_ok();
}

/* Eight-byte cells are all zero bits where they are missing. */
static mer_status check_missing_words(const struct check *check,
                                      const struct mer_image_column *column)
{
    if (column->n_missing == 0)
        return mer_ok();
    const uint8_t *validity = check->image + column->validity;
    const uint64_t *words = (const uint64_t *)(const void *)(check->image + column->data);
    uint64_t stray = 0;
    for (size_t row = next_missing(validity, 0, check->n_rows); row < check->n_rows;
         row = next_missing(validity, row + 1, check->n_rows))
        stray |= words[row];
    return stray ? damaged(check, "has a value where one is missing") : mer_ok();
}

static mer_status check_range(const struct check *check, const struct mer_image_column *column,
                              int64_t minimum, int64_t maximum)
{
    const int64_t *values = (const int64_t *)(const void *)(check->image + column->data);
    unsigned bad = 0;
    for (size_t row = 0; row < check->n_rows; row++)
        bad |= (unsigned)(values[row] < minimum) | (unsigned)(values[row] > maximum);
    return bad ? damaged(check, "has a date or time out of range") : mer_ok();
}

static mer_status check_numbers(const struct check *check, const struct mer_image_column *column)
{
    const double *values = (const double *)(const void *)(check->image + column->data);
    unsigned bad = 0;
    for (size_t row = 0; row < check->n_rows; row++)
        bad |= (unsigned)(values[row] != values[row]);
    return bad ? damaged(check, "has a number that is NaN") : mer_ok();
}

static mer_status check_codes(const struct check *check, const struct mer_image_column *column)
{
    const int32_t *codes = (const int32_t *)(const void *)(check->image + column->data);
    size_t n_missing = 0;
    unsigned bad = 0;
    for (size_t row = 0; row < check->n_rows; row++) {
        bad |= (unsigned)(codes[row] < -1) | (unsigned)(codes[row] >= (int64_t)column->n_levels);
        n_missing += codes[row] == -1;
    }
    if (bad)
        return damaged(check, "has a code without a level");
    if (n_missing != column->n_missing)
        return damaged(check, "has codes and missing values that disagree");
    if (n_missing == 0)
        return mer_ok();
    const uint8_t *validity = check->image + column->validity;
    for (size_t row = next_missing(validity, 0, check->n_rows); row < check->n_rows;
         row = next_missing(validity, row + 1, check->n_rows))
        if (codes[row] != -1)
            return damaged(check, "has codes and missing values that disagree");
    return mer_ok();
}

/* n texts: offsets[0 .. n] rise from 0 to n_bytes and no text begins inside a character. */
static mer_status check_texts(const struct check *check, uint64_t offsets_at, size_t n,
                              uint64_t bytes_at, size_t n_bytes)
{
    const int64_t *offsets = (const int64_t *)(const void *)(check->image + offsets_at);
    const char *bytes = (const char *)check->image + bytes_at;
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (unsigned)(offsets[i] > offsets[i + 1]);
    if (bad || offsets[0] != 0 || offsets[n] != (int64_t)n_bytes)
        return damaged(check, "has texts whose offsets do not fit");
    if (!padded(check, offsets_at, (n + 1) * sizeof *offsets) || !padded(check, bytes_at, n_bytes))
        return damaged(check, "has bytes between its sections");
    if (mer_text_check(bytes, n_bytes) != n_bytes)
        return damaged(check, "has a text that is not UTF-8 or holds a NUL");
    for (size_t i = 1; i < n; i++)
        if ((size_t)offsets[i] < n_bytes && ((unsigned char)bytes[offsets[i]] & 0xc0) == 0x80)
            return damaged(check, "has a text that begins inside a character");
    return mer_ok();
}

static mer_status check_text_column(const struct check *check,
                                    const struct mer_image_column *column)
{
    MER_GUARD(check_texts(check, column->data, check->n_rows, column->bytes, column->n_bytes));
    if (column->n_missing == 0)
        return mer_ok();
    const uint8_t *validity = check->image + column->validity;
    const int64_t *offsets = (const int64_t *)(const void *)(check->image + column->data);
    for (size_t row = next_missing(validity, 0, check->n_rows); row < check->n_rows;
         row = next_missing(validity, row + 1, check->n_rows))
        if (offsets[row] != offsets[row + 1])
            return damaged(check, "has a value where one is missing");
    return mer_ok();
}

static mer_status check_levels(const struct check *check, const struct mer_image_column *column)
{
    const size_t n = column->n_levels;
    MER_GUARD(
        check_texts(check, column->level_offsets, n, column->level_bytes, column->n_level_bytes));
    const int64_t *offsets = (const int64_t *)(const void *)(check->image + column->level_offsets);
    const char *bytes = (const char *)check->image + column->level_bytes;
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary levels;
    mer_dictionary_init(&levels, check->ctx->alloc);
    for (size_t k = 0; k < n; k++) {
        int32_t code;
        MER_GUARD(mer_dictionary_add(&levels, bytes + offsets[k],
                                     (size_t)(offsets[k + 1] - offsets[k]), &code, check->err));
        if ((size_t)code != k)
            return damaged(check, "has a level twice");
    }
    return mer_ok();
}

static mer_status check_column(const struct check *check, const struct mer_image_column *column)
{
    size_t n_bytes;
    MER_GUARD(check_validity(check, column));
    if (!mer_image_data_bytes(column, check->n_rows, &n_bytes) ||
        !padded(check, column->data, n_bytes))
        return damaged(check, "has bytes between its sections");
    switch ((enum mer_type)column->type) {
    case MER_TYPE_BOOLEAN:
        return check_bits(check, column);
    case MER_TYPE_NUMBER:
        MER_GUARD(check_numbers(check, column));
        return check_missing_words(check, column);
    case MER_TYPE_CATEGORICAL:
        MER_GUARD(check_codes(check, column));
        return check_levels(check, column);
    case MER_TYPE_TEXT:
        return check_text_column(check, column);
    case MER_TYPE_DATE:
        MER_GUARD(check_range(check, column, MER_DATE_MIN, MER_DATE_MAX));
        return check_missing_words(check, column);
    case MER_TYPE_TIME:
        MER_GUARD(check_range(check, column, 0, MER_DAY_MICROSECONDS - 1));
        return check_missing_words(check, column);
    case MER_TYPE_DATETIME:
        MER_GUARD(check_range(check, column, MER_DATETIME_MIN, MER_DATETIME_MAX));
        return check_missing_words(check, column);
    case MER_TYPE_INTEGER:
    case MER_TYPE_COUNT:
        break;
    }
    return check_missing_words(check, column);
}

static mer_status check_header(const unsigned char *image, size_t n, mer_err *err)
{
    const struct mer_image_header *header = (const void *)image;
    if ((uintptr_t)image % MER_ALIGNMENT != 0)
        return mer_fail(err, MER_ERR_INTERNAL, "a table image must be aligned to 64 bytes");
    if (n < sizeof *header || memcmp(header->magic, MER_IMAGE_MAGIC, sizeof header->magic) != 0)
        return mer_fail(err, MER_ERR_DATA, "not a table image");
    if (header->version != MER_IMAGE_VERSION)
        return mer_fail(err, MER_ERR_DATA, "a table image of version %u; this program reads %d",
                        header->version, MER_IMAGE_VERSION);
    if (header->reserved0 != 0 ||
        !all_zero((const unsigned char *)header->reserved, sizeof header->reserved))
        return mer_fail(err, MER_ERR_DATA, "the table image is damaged: its header is");
    if (header->n_image != n)
        return mer_fail(err, MER_ERR_DATA,
                        "the table image is damaged: it has %zu bytes and says otherwise", n);
    if (header->n_rows == 0 || header->n_rows > MER_IMAGE_MAX_ROWS)
        return mer_fail(err, MER_ERR_DATA,
                        "the table image is damaged: its number of rows is out of range");
    if (header->n_columns == 0 || header->n_columns > MER_IMAGE_MAX_COLUMNS ||
        header->n_columns > (n - sizeof *header) / sizeof(struct mer_image_column))
        return mer_fail(err, MER_ERR_DATA,
                        "the table image is damaged: its number of columns is out of range");
    return mer_ok();
}

/* The column table says what the sizes in it demand. */
static mer_status check_table(struct check *check, const struct mer_image_column *columns,
                              size_t n_columns, size_t n_image)
{
    struct mer_image_column *expected;
    MER_GUARD(
        mer_alloc_array(check->ctx->alloc, n_columns, sizeof *expected, &expected, check->err));
    mer_status status = mer_ok();
    for (size_t c = 0; c < n_columns && mer_is_ok(status); c++) {
        const struct mer_image_column *column = &columns[c];
        check->index = c;
        if (column->type >= MER_TYPE_COUNT)
            status = damaged(check, "has an unknown type");
        else if (column->type != MER_TYPE_TEXT && column->n_bytes != 0)
            status = damaged(check, "has text bytes but is no text");
        else if (column->type != MER_TYPE_CATEGORICAL &&
                 (column->n_levels != 0 || column->n_level_bytes != 0))
            status = damaged(check, "has levels but is not categorical");
        else if (column->n_levels > MER_IMAGE_MAX_LEVELS)
            status = damaged(check, "has too many levels");
        else
            expected[c] = (struct mer_image_column){.n_name = column->n_name,
                                                    .type = column->type,
                                                    .n_missing = column->n_missing,
                                                    .n_bytes = column->n_bytes,
                                                    .n_levels = column->n_levels,
                                                    .n_level_bytes = column->n_level_bytes};
    }
    size_t n;
    if (mer_is_ok(status) &&
        (!mer_image_layout(expected, n_columns, check->n_rows, &n) || n != n_image))
        status = mer_fail(check->err, MER_ERR_DATA,
                          "the table image is damaged: its sizes do not add up");
    for (size_t c = 0; c < n_columns && mer_is_ok(status); c++) {
        check->index = c;
        if (memcmp(&expected[c], &columns[c], sizeof *columns) != 0)
            status = damaged(check, "has sections where they do not belong");
    }
    mer_free(check->ctx->alloc, expected);
    return status;
}

static mer_status check_names(struct check *check, const struct mer_image_column *columns,
                              size_t n_columns)
{
    MER_CLEANUP(mer_dictionary_release) struct mer_dictionary names;
    mer_dictionary_init(&names, check->ctx->alloc);
    for (size_t c = 0; c < n_columns; c++) {
        const char *name = (const char *)check->image + columns[c].name;
        const size_t n = columns[c].n_name;
        int32_t code;
        check->index = c;
        if (n == 0)
            return damaged(check, "has no name");
        if (name[n] != '\0' || mer_text_check(name, n) != n)
            return damaged(check, "has a name that is not UTF-8 or holds a NUL");
        MER_GUARD(mer_dictionary_add(&names, name, n, &code, check->err));
        if ((size_t)code != c)
            return damaged(check, "has the name of another column");
    }
    const struct mer_image_column *last = &columns[n_columns - 1];
    if (!padded(check, last->name, last->n_name + 1))
        return damaged(check, "has bytes behind its name");
    return mer_ok();
}

/* What is checked a column at a time, by several threads where it is much. */
struct columns_check {
    struct check check;
    const struct mer_image_column *columns;
    mer_status *statuses; /* [n_columns] */
    mer_err *errs;
};

static void check_task(void *argument, size_t c, size_t worker)
{
    const struct columns_check *all = argument;
    struct check check = all->check;
    (void)worker;
    check.index = c;
    check.err = &all->errs[c];
    all->statuses[c] = check_column(&check, &all->columns[c]);
}

static mer_status check_columns(struct columns_check *all, size_t n_columns)
{
    mer_team_run(all->check.ctx->team, check_task, all, n_columns);
    for (size_t c = 0; c < n_columns; c++) {
        if (mer_is_ok(all->statuses[c]))
            continue;
        if (all->check.err)
            *all->check.err = all->errs[c];
        return all->statuses[c];
    }
    return mer_ok();
}

static mer_status check_in_parallel(const struct check *check,
                                    const struct mer_image_column *columns, size_t n_columns)
{
    struct mer_alloc *alloc = check->ctx->alloc;
    struct columns_check all = {.check = *check, .columns = columns};
    MER_GUARD(mer_alloc_zero(alloc, n_columns, sizeof *all.statuses, &all.statuses, check->err));
    mer_status status = mer_alloc_zero(alloc, n_columns, sizeof *all.errs, &all.errs, check->err);
    if (mer_is_ok(status))
        status = check_columns(&all, n_columns);
    mer_free(alloc, all.errs);
    mer_free(alloc, all.statuses);
    return status;
}

mer_status mer_image_check(const struct mer_ctx *ctx, const unsigned char *image, size_t n,
                           mer_err *err)
{
    enum { MUCH = 4 << 20, COLUMNS_MAX = 1 << 14 };
    MER_GUARD(check_header(image, n, err));
    const struct mer_image_header *header = (const void *)image;
    const struct mer_image_column *columns = (const void *)(image + sizeof *header);
    const size_t n_columns = header->n_columns;
    struct check check = {.ctx = ctx, .image = image, .n_rows = header->n_rows, .err = err};
    MER_GUARD(check_table(&check, columns, n_columns, n));
    MER_GUARD(check_names(&check, columns, n_columns));
    if (n >= MUCH && n_columns <= COLUMNS_MAX && mer_team_size(ctx->team) > 1)
        return check_in_parallel(&check, columns, n_columns);
    for (size_t c = 0; c < n_columns; c++) {
        check.index = c;
        MER_GUARD(check_column(&check, &columns[c]));
    }
    return mer_ok();
}
