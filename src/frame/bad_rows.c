#include "frame/bad_rows.h"

#include <assert.h>
#include <string.h>

#include "core/utf8.h"

#define MAGIC UINT64_C(0x31574f5244414224)

/* The block: a header, the reasons, the rows, the names of the reasons' columns, each with a final
 * zero, then the rows' bytes one behind another. */
struct block_header {
    uint64_t magic;
    uint64_t n_rows;
    uint64_t n_reasons;
    uint64_t n_kept;
    uint64_t n_names;
    uint64_t n_bytes;
};

struct block_reason {
    uint64_t n_rows;
    uint64_t n_column; /* UINT64_MAX: no column */
    uint32_t fault;
    uint32_t padding;
};

struct block_row {
    uint64_t row;
    uint64_t line;
    uint64_t n_bytes;
    uint64_t reason;
};

static_assert(sizeof(struct block_header) == 48, "no byte without a name travels");
static_assert(sizeof(struct block_reason) == 24, "no byte without a name travels");
static_assert(sizeof(struct block_row) == 32, "no byte without a name travels");

void mer_bad_rows_init(struct mer_bad_rows *bad, struct mer_alloc *alloc, enum mer_on_bad_row mode)
{
    *bad = (struct mer_bad_rows){.alloc = alloc, .mode = mode};
}

void mer_bad_rows_release(struct mer_bad_rows *bad)
{
    if (!bad->alloc)
        return;
    mer_free(bad->alloc, bad->reasons);
    mer_free(bad->alloc, bad->rows);
    mer_free(bad->alloc, bad->block);
    mer_bad_rows_init(bad, bad->alloc, bad->mode);
}

/* Names are those of one table: the same name is the same pointer. */
static mer_status find_reason(struct mer_bad_rows *bad, const char *column,
                              enum mer_value_fault fault, size_t *ret_index, mer_err *err)
{
    size_t i = 0;
    /* Too many to tell apart: the last places are for rows as a whole. */
    if (bad->n_reasons >= MER_BAD_REASONS_MAX - MER_VALUE_FAULT_COUNT)
        for (i = 0; i < bad->n_reasons; i++)
            if (bad->reasons[i].column == column && bad->reasons[i].fault == fault)
                break;
    if (i == bad->n_reasons && i > 0)
        column = NULL;
    for (i = 0; i < bad->n_reasons; i++)
        if (bad->reasons[i].column == column && bad->reasons[i].fault == fault)
            break;
    if (i == bad->n_reasons) {
        MER_GUARD(mer_alloc_resize(bad->alloc, (i + 1) * sizeof *bad->reasons, &bad->reasons, err));
        bad->reasons[i] = (struct mer_bad_reason){
            .column = column, .n_column = column ? strlen(column) : 0, .fault = fault};
        bad->n_reasons++;
    }
    *ret_index = i;
    return mer_ok();
}

mer_status mer_bad_rows_add(struct mer_bad_rows *bad, const char *column,
                            enum mer_value_fault fault, const struct mer_bad_row *row, mer_err *err)
{
    size_t reason;
    const bool keeps = bad->mode == MER_ON_BAD_ROW_QUARANTINE;
    MER_GUARD(find_reason(bad, column, fault, &reason, err));
    if (keeps || bad->n_kept < MER_BAD_ROWS_TOLD) {
        if (bad->n_kept == bad->capacity) {
            const size_t capacity = bad->capacity ? bad->capacity * 2 : MER_BAD_ROWS_TOLD;
            MER_GUARD(mer_alloc_resize(bad->alloc, capacity * sizeof *bad->rows, &bad->rows, err));
            bad->capacity = capacity;
        }
        struct mer_bad_row *const kept = &bad->rows[bad->n_kept++];
        *kept = *row;
        kept->reason = reason;
        if (!keeps)
            kept->n_bytes = 0;
    }
    bad->reasons[reason].n_rows++;
    bad->n_rows++;
    return mer_ok();
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(at, bytes, n);
    return at + n;
}

static void fill(const struct mer_bad_rows *bad, const struct block_header *header,
                 unsigned char *at)
{
    at = put(at, header, sizeof *header);
    for (size_t i = 0; i < bad->n_reasons; i++) {
        const struct mer_bad_reason *const from = &bad->reasons[i];
        const struct block_reason reason = {.n_rows = from->n_rows,
                                            .n_column = from->column ? from->n_column : UINT64_MAX,
                                            .fault = (uint32_t)from->fault};
        at = put(at, &reason, sizeof reason);
    }
    for (size_t i = 0; i < bad->n_kept; i++) {
        const struct block_row row = {bad->rows[i].row, bad->rows[i].line, bad->rows[i].n_bytes,
                                      bad->rows[i].reason};
        at = put(at, &row, sizeof row);
    }
    for (size_t i = 0; i < bad->n_reasons; i++)
        at = put(at, bad->reasons[i].column,
                 bad->reasons[i].column ? bad->reasons[i].n_column + 1 : 0);
    for (size_t i = 0; i < bad->n_kept; i++)
        at = put(at, bad->rows[i].bytes, bad->rows[i].n_bytes);
}

static struct block_header header_of(const struct mer_bad_rows *bad, size_t *ret_n)
{
    struct block_header header = {
        .magic = MAGIC, .n_rows = bad->n_rows, .n_reasons = bad->n_reasons, .n_kept = bad->n_kept};
    for (size_t i = 0; i < bad->n_reasons; i++)
        header.n_names += bad->reasons[i].column ? bad->reasons[i].n_column + 1 : 0;
    for (size_t i = 0; i < bad->n_kept; i++) /* parts of one text: no overflow */
        header.n_bytes += bad->rows[i].n_bytes;
    *ret_n = sizeof header + bad->n_reasons * sizeof(struct block_reason) +
             bad->n_kept * sizeof(struct block_row) + header.n_names + header.n_bytes;
    return header;
}

mer_status mer_bad_rows_write(const struct mer_bad_rows *bad, struct mer_region *region,
                              size_t *ret_n, mer_err *err)
{
    size_t n, offset;
    const struct block_header header = header_of(bad, &n);
    MER_GUARD(mer_region_extend(region, n, &offset, err));
    fill(bad, &header, region->base + offset);
    *ret_n = n;
    return mer_ok();
}

mer_status mer_bad_rows_copy(const struct mer_bad_rows *bad, struct mer_bad_rows *ret_copy,
                             mer_err *err)
{
    size_t n;
    unsigned char *block;
    struct mer_bad_rows copy;
    const struct block_header header = header_of(bad, &n);
    mer_bad_rows_init(&copy, bad->alloc, bad->mode);
    MER_GUARD(mer_alloc_bytes(bad->alloc, n, &block, err));
    fill(bad, &header, block);
    const mer_status status = mer_bad_rows_read(&copy, block, n, err);
    if (mer_is_ok(status))
        *ret_copy = copy;
    else
        mer_free(bad->alloc, block);
    return status;
}

mer_status mer_bad_rows_own(struct mer_bad_rows *bad, mer_err *err)
{
    struct mer_bad_rows own;
    MER_GUARD(mer_bad_rows_copy(bad, &own, err));
    mer_bad_rows_release(bad);
    *bad = own;
    return mer_ok();
}

struct reader {
    const unsigned char *at;
    size_t left;
};

static const void *take(struct reader *reader, uint64_t n, size_t size)
{
    size_t n_bytes;
    const void *const bytes = reader->at;
    if (n > SIZE_MAX || !mer_size_mul((size_t)n, size, &n_bytes) || n_bytes > reader->left)
        return NULL;
    reader->at += n_bytes;
    reader->left -= n_bytes;
    return bytes;
}

/* The reasons' own numbers have to add up to that of the rows. */
static bool read_reasons(struct mer_bad_rows *bad, const struct block_header *header,
                         const unsigned char *reasons, struct reader names)
{
    uint64_t total = 0;
    for (size_t i = 0; i < header->n_reasons; i++) {
        struct block_reason reason;
        memcpy(&reason, reasons + i * sizeof reason, sizeof reason);
        if (reason.fault == MER_VALUE_FINE || reason.fault >= MER_VALUE_FAULT_COUNT ||
            reason.padding || reason.n_rows > header->n_rows - total)
            return false;
        total += reason.n_rows;
        bad->reasons[i] = (struct mer_bad_reason){.fault = (enum mer_value_fault)reason.fault,
                                                  .n_rows = reason.n_rows};
        if (reason.n_column == UINT64_MAX)
            continue;
        const char *const name = take(&names, reason.n_column + 1, 1);
        if (!name || strnlen(name, (size_t)reason.n_column + 1) != reason.n_column ||
            !mer_utf8_valid(name, (size_t)reason.n_column))
            return false;
        bad->reasons[i].column = name;
        bad->reasons[i].n_column = (size_t)reason.n_column;
    }
    return total == header->n_rows && names.left == 0;
}

/* In order, and each of a reason that is there. */
static bool read_rows(struct mer_bad_rows *bad, const struct block_header *header,
                      const unsigned char *rows, struct reader bytes)
{
    uint64_t last = 0;
    for (size_t i = 0; i < header->n_kept; i++) {
        struct block_row row;
        memcpy(&row, rows + i * sizeof row, sizeof row);
        const char *const text = take(&bytes, row.n_bytes, 1);
        if (!text || row.row <= last || row.reason >= header->n_reasons)
            return false;
        last = row.row;
        bad->rows[i] = (struct mer_bad_row){.row = row.row,
                                            .line = row.line,
                                            .reason = (size_t)row.reason,
                                            .bytes = text,
                                            .n_bytes = (size_t)row.n_bytes};
    }
    return bytes.left == 0;
}

mer_status mer_bad_rows_read(struct mer_bad_rows *bad, unsigned char *block, size_t n, mer_err *err)
{
    struct reader reader = {block, n};
    struct block_header header;
    const unsigned char *const first = take(&reader, 1, sizeof header);
    if (first)
        memcpy(&header, first, sizeof header);
    if (!first || header.magic != MAGIC || header.n_reasons > MER_BAD_REASONS_MAX ||
        header.n_kept > header.n_rows)
        return mer_fail(err, MER_ERR_DATA, "the rows set aside are told in no known form");
    const unsigned char *const reasons =
        take(&reader, header.n_reasons, sizeof(struct block_reason));
    const unsigned char *const rows =
        reasons ? take(&reader, header.n_kept, sizeof(struct block_row)) : NULL;
    const unsigned char *const names = rows ? take(&reader, header.n_names, 1) : NULL;
    if (!names || reader.left != header.n_bytes)
        return mer_fail(err, MER_ERR_DATA, "the rows set aside are told in no known form");

    struct mer_bad_rows found = *bad;
    found.n_rows = header.n_rows;
    found.n_reasons = (size_t)header.n_reasons;
    found.n_kept = found.capacity = (size_t)header.n_kept;
    found.reasons = NULL;
    found.rows = NULL;
    MER_GUARD(
        mer_alloc_array(bad->alloc, found.n_reasons, sizeof *found.reasons, &found.reasons, err));
    mer_status status =
        mer_alloc_array(bad->alloc, found.n_kept, sizeof *found.rows, &found.rows, err);
    if (mer_is_ok(status) &&
        !(read_reasons(&found, &header, reasons, (struct reader){names, (size_t)header.n_names}) &&
          read_rows(&found, &header, rows, reader)))
        status = mer_fail(err, MER_ERR_DATA, "the rows set aside contradict each other");
    if (!mer_is_ok(status)) {
        mer_free(bad->alloc, found.reasons);
        mer_free(bad->alloc, found.rows);
        return status;
    }
    found.block = block;
    *bad = found;
    return status;
}
