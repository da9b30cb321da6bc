/* Rows of a table that do not fit: kept in a file for their owner alone, and told of by number,
 * column and reason. Their bytes are a stranger's and go into that file and nowhere else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "guard/seal_store.h"
#include "os/file.h"

enum { REASONS_SHOWN = 6, ROWS_SHOWN = 8 };

mer_status mer_on_bad_row_parse(const char *name, enum mer_on_bad_row *ret_mode, mer_err *err)
{
    static const char *const names[] = {"fail", "skip", "quarantine"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!name || strcmp(name, names[i]) == 0) {
            *ret_mode = (enum mer_on_bad_row)i;
            return mer_ok();
        }
    }
    return mer_fail(err, MER_ERR_USAGE, "a bad row cannot be treated by %s: fail, skip, quarantine",
                    mer_quote(name).text);
}

uint64_t mer_table_bad_rows(const struct mer_table *table)
{
    return table->bad.n_rows;
}

const char *mer_table_quarantine_file(const struct mer_table *table)
{
    return table->quarantine;
}

bool mer_table_bad_reason(const struct mer_table *table, size_t i, const char **ret_column,
                          const char **ret_reason, uint64_t *ret_rows)
{
    if (i >= table->bad.n_reasons)
        return false;
    *ret_column = table->bad.reasons[i].column;
    *ret_reason = mer_value_fault_name(table->bad.reasons[i].fault);
    *ret_rows = table->bad.reasons[i].n_rows;
    return true;
}

/* "column 'age': not_integer (12), column 'job': not_category (3)" */
static void show_reasons(const struct mer_bad_rows *bad, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bad->n_reasons && n < size; i++) {
        const struct mer_bad_reason *const reason = &bad->reasons[i];
        const char *const separator = i ? ", " : "";
        if (i == REASONS_SHOWN) {
            (void)snprintf(text + n, size - n, ", and %zu more", bad->n_reasons - i);
            break;
        }
        const char *const name = mer_value_fault_name(reason->fault);
        /* A name may be as long as it likes; here it is shown as far as there is room. */
        struct mer_quoted quoted = {""};
        if (reason->column)
            quoted = mer_quote_n(reason->column, reason->n_column < 24 ? reason->n_column : 24);
        const int length = reason->column
                               ? snprintf(text + n, size - n, "%s%s %s (%llu)", separator,
                                          quoted.text, name, (unsigned long long)reason->n_rows)
                               : snprintf(text + n, size - n, "%s%s (%llu)", separator, name,
                                          (unsigned long long)reason->n_rows);
        n += length > 0 ? (size_t)length : 0;
    }
}

static void show_rows(const struct mer_bad_rows *bad, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bad->n_kept && i < ROWS_SHOWN && n < size; i++) {
        const int length = snprintf(text + n, size - n, "%s%llu", i ? ", " : "",
                                    (unsigned long long)bad->rows[i].row);
        n += length > 0 ? (size_t)length : 0;
    }
    if (bad->n_rows > ROWS_SHOWN && n < size)
        (void)snprintf(text + n, size - n, ", ...");
}

/* The reader looks at how rows are cut before it looks at their cells, so it may have stopped
 * behind the first row that does not fit. */
static mer_status tell_first(const struct mer_bad_rows *bad, mer_status status, mer_err *err)
{
    char where[80];
    const struct mer_bad_row *const row = &bad->rows[0];
    const struct mer_bad_reason *const reason = &bad->reasons[row->reason];
    const int n = snprintf(where, sizeof where, "row %llu", (unsigned long long)row->row);
    if (!err || n < 0 ||
        (strncmp(err->message, where, (size_t)n) == 0 && strchr(" ,:", err->message[n])))
        return status;
    /* Formats without lines have the row's number in the line's place. */
    (void)snprintf(where, sizeof where, row->line != row->row ? "row %llu (line %llu)" : "row %llu",
                   (unsigned long long)row->row, (unsigned long long)row->line);
    if (!reason->column)
        return mer_fail(err, MER_ERR_DATA, "%s: %s", where, mer_value_fault_text(reason->fault));
    return mer_fail(err, MER_ERR_DATA, "%s, column %s: %s", where,
                    mer_quote_n(reason->column, reason->n_column).text,
                    mer_value_fault_text(reason->fault));
}

mer_status mer_bad_rows_explain(const struct mer_table *table, mer_status status, mer_err *err)
{
    char reasons[300], rows[200];
    if (status.code != MER_ERR_DATA || table->bad.n_rows == 0 || table->bad.n_kept == 0)
        return status;
    status = tell_first(&table->bad, status, err);
    if (table->bad.n_rows == 1 && err && err->hint[0])
        return status;
    show_reasons(&table->bad, reasons, sizeof reasons);
    show_rows(&table->bad, rows, sizeof rows);
    return mer_hint(err, status,
                    "%llu row%s: %s; rows %s; --on-bad-row skip or quarantine goes on without them",
                    (unsigned long long)table->bad.n_rows,
                    table->bad.n_rows == 1 ? " does not fit" : "s do not fit", reasons, rows);
}

/* NAME.quarantine.csv in the working folder; with .age behind it when sealed. */
static mer_status default_path(const char *table_path, bool is_sealed, char **ret_path,
                               mer_err *err)
{
    const char *name = table_path && strcmp(table_path, "-") != 0 ? table_path : "stdin";
    const char *const slash = strrchr(name, '/');
    if (slash)
        name = slash + 1;
    if (asprintf(ret_path, "%s.quarantine.csv%s", name, is_sealed ? ".age" : "") < 0)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    return mer_ok();
}

static mer_status put(const struct mer_seal_sink *sink, const char *bytes, size_t n, mer_err *err)
{
    return sink->write(sink->self, bytes, n, err);
}

static mer_status write_quoted(const struct mer_seal_sink *sink, const char *bytes, size_t n,
                               mer_err *err)
{
    MER_GUARD(put(sink, "\"", 1, err));
    while (n > 0) {
        const char *const quote = memchr(bytes, '"', n);
        const size_t length = quote ? (size_t)(quote - bytes) + 1 : n;
        MER_GUARD(put(sink, bytes, length, err));
        if (quote)
            MER_GUARD(put(sink, "\"", 1, err));
        bytes += length;
        n -= length;
    }
    return put(sink, "\"", 1, err);
}

static mer_status write_row(const struct mer_seal_sink *sink, const struct mer_bad_rows *bad,
                            const struct mer_bad_row *row, mer_err *err)
{
    char text[80];
    const struct mer_bad_reason *const reason = &bad->reasons[row->reason];
    int n = snprintf(text, sizeof text, "%llu,%llu,", (unsigned long long)row->row,
                     (unsigned long long)row->line);
    MER_GUARD(put(sink, text, (size_t)n, err));
    if (reason->column)
        MER_GUARD(write_quoted(sink, reason->column, reason->n_column, err));
    n = snprintf(text, sizeof text, ",%s,", mer_value_fault_name(reason->fault));
    MER_GUARD(put(sink, text, (size_t)n, err));
    MER_GUARD(write_quoted(sink, row->bytes, row->n_bytes, err));
    return put(sink, "\n", 1, err);
}

static mer_status write_rows(const struct mer_seal_sink *sink, const struct mer_bad_rows *bad,
                             mer_err *err)
{
    static const char header[] = "row,line,column,reason,record\n";
    MER_GUARD(put(sink, header, sizeof header - 1, err));
    for (size_t i = 0; i < bad->n_kept; i++)
        MER_GUARD(write_row(sink, bad, &bad->rows[i], err));
    return mer_ok();
}

static mer_status into_output(void *self, const void *bytes, size_t n, mer_err *err)
{
    return mer_output_write(self, bytes, n, err);
}

static mer_status into_sealer(void *self, const void *bytes, size_t n, mer_err *err)
{
    return mer_sealer_write(self, bytes, n, err);
}

/* The rows reach the disk for those alone who have the recipient's identity. */
static mer_status write_sealed(struct mer_table *table, struct mer_output *output,
                               const char *recipient, mer_err *err)
{
    struct mer_alloc *const alloc = &table->context->alloc;
    struct mer_recipients recipients = {.n = 0};
    struct mer_sealer sealer;
    char *folder = NULL;
    MER_GUARD(mer_key_store_folder(NULL, &folder, err));
    mer_status status = mer_seal_store_recipients(alloc, folder, recipient, &recipients, err);
    free(folder);
    MER_GUARD(status);
    const struct mer_seal_to to = {.recipients = recipients.items, .n_recipients = recipients.n};
    status = mer_sealer_init(&sealer, alloc, &to, (struct mer_seal_sink){into_output, output}, err);
    if (mer_is_ok(status))
        status = write_rows(&(struct mer_seal_sink){into_sealer, &sealer}, &table->bad, err);
    if (mer_is_ok(status))
        status = mer_sealer_end(&sealer, err);
    mer_sealer_release(&sealer);
    return status;
}

static mer_status write_quarantine(struct mer_table *table, const char *path, const char *recipient,
                                   mer_err *err)
{
    struct mer_output output;
    MER_GUARD(mer_output_open(&output, path, false, 0600, err));
    mer_status status =
        recipient ? write_sealed(table, &output, recipient, err)
                  : write_rows(&(struct mer_seal_sink){into_output, &output}, &table->bad, err);
    if (mer_is_ok(status))
        status = mer_output_publish(&output, err);
    mer_output_release(&output);
    return status;
}

static mer_status quarantine(struct mer_table *table, const struct mer_table_options *options,
                             mer_err *err)
{
    const char *const path = options->quarantine_file;
    const char *const recipient = options->quarantine_recipient;
    char *name;
    if (path)
        name = strdup(path);
    else
        MER_GUARD(default_path(table->path, recipient != NULL, &name, err));
    if (!name)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    const mer_status status = write_quarantine(table, name, recipient, err);
    if (!mer_is_ok(status)) {
        free(name);
        return status.code == MER_ERR_EXISTS
                   ? mer_hint(err, status,
                              "rows in quarantine are never replaced: give another "
                              "name with --quarantine, or take the old ones away")
                   : status;
    }
    table->quarantine = name;
    return status;
}

/* Which bytes were bad is known to the file alone from here on. */
static void forget_bytes(struct mer_bad_rows *bad)
{
    for (size_t i = 0; i < bad->n_kept; i++) {
        bad->rows[i].bytes = NULL;
        bad->rows[i].n_bytes = 0;
    }
}

mer_status mer_bad_rows_keep(struct mer_table *table, const struct mer_table_options *options,
                             mer_err *err)
{
    char reasons[400];
    struct mer_bad_rows *const bad = &table->bad;
    if (bad->n_rows == 0)
        return mer_ok();
    if (bad->mode == MER_ON_BAD_ROW_QUARANTINE)
        MER_GUARD(quarantine(table, options, err));
    forget_bytes(bad);
    show_reasons(bad, reasons, sizeof reasons);
    mer_log_warning(&table->context->ctx, "api", "%s: %llu of %llu rows left out%s%s: %s",
                    table->path ? mer_quote(table->path).text : "the table",
                    (unsigned long long)bad->n_rows,
                    (unsigned long long)(bad->n_rows + table->frame.n_rows),
                    table->quarantine ? " and kept in " : "",
                    table->quarantine ? mer_quote(table->quarantine).text : "", reasons);
    return mer_ok();
}

static void put_unsigned(struct mer_json_writer *writer, const char *key, uint64_t value)
{
    mer_json_key(writer, key);
    mer_json_put_unsigned(writer, value);
}

void mer_bad_rows_put(const struct mer_bad_rows *bad, const char *quarantine_file,
                      struct mer_json_writer *writer)
{
    mer_json_key(writer, "bad_rows");
    mer_json_begin_object(writer);
    put_unsigned(writer, "rows", bad->n_rows);
    if (quarantine_file) {
        mer_json_key(writer, "quarantine");
        mer_json_put_string(writer, quarantine_file);
    }
    mer_json_key(writer, "reasons");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < bad->n_reasons; i++) {
        mer_json_begin_object(writer);
        if (bad->reasons[i].column) {
            mer_json_key(writer, "column");
            mer_json_put_string(writer, bad->reasons[i].column);
        }
        mer_json_key(writer, "reason");
        mer_json_put_string(writer, mer_value_fault_name(bad->reasons[i].fault));
        put_unsigned(writer, "rows", bad->reasons[i].n_rows);
        mer_json_end_object(writer);
    }
    mer_json_end_array(writer);
    mer_json_key(writer, "first_rows");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < bad->n_kept && i < MER_BAD_ROWS_TOLD; i++)
        mer_json_put_unsigned(writer, bad->rows[i].row);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}
