/* JSON documents and numbers for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/session.h"

void mer_cli_document_begin(struct mer_cli_document *document, mer_err *err)
{
    mer_alloc_init(&document->alloc, SIZE_MAX);
    mer_buf_init(&document->buf, &document->alloc, SIZE_MAX);
    mer_json_writer_init(&document->writer, &document->buf, 2, err);
    mer_json_begin_object(&document->writer);
}

mer_status mer_cli_document_end(struct mer_cli *cli, struct mer_cli_document *document,
                                mer_err *err)
{
    mer_json_end_object(&document->writer);
    mer_status status = mer_json_writer_end(&document->writer);
    if (mer_is_ok(status))
        status = mer_buf_text(&document->buf, "\n", err);
    if (mer_is_ok(status))
        mer_cli_emit(cli, document->buf.bytes, document->buf.n);
    mer_buf_release(&document->buf);
    return status;
}

void mer_cli_put_string(struct mer_cli_document *document, const char *key, const char *text)
{
    mer_json_key(&document->writer, key);
    mer_json_put_string(&document->writer, text);
}

void mer_cli_put_unsigned(struct mer_cli_document *document, const char *key, uint64_t value)
{
    mer_json_key(&document->writer, key);
    mer_json_put_unsigned(&document->writer, value);
}

void mer_cli_put_number(struct mer_cli_document *document, const char *key, double value)
{
    mer_json_key(&document->writer, key);
    if (isfinite(value))
        mer_json_put_number(&document->writer, value);
    else
        mer_json_put_null(&document->writer);
}

void mer_cli_put_boolean(struct mer_cli_document *document, const char *key, bool value)
{
    mer_json_key(&document->writer, key);
    mer_json_put_boolean(&document->writer, value);
}

void mer_cli_put_verified(struct mer_cli_document *document, const char *key,
                          const struct mer_verified *verified)
{
    mer_json_key(&document->writer, key);
    mer_json_begin_object(&document->writer);
    mer_cli_put_string(document, "name", verified->signer_name);
    mer_cli_put_string(document, "id", verified->signer_id);
    if (verified->serial)
        mer_cli_put_unsigned(document, "serial", verified->serial);
    if (verified->subject[0])
        mer_cli_put_string(document, "subject", verified->subject);
    mer_json_end_object(&document->writer);
}

struct mer_quoted mer_cli_show_word(const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./+:@%,=";
    struct mer_quoted shown;
    if (path[strspn(path, plain)] == '\0' && strlen(path) < sizeof shown.text)
        (void)snprintf(shown.text, sizeof shown.text, "%s", path);
    else
        shown = mer_quote(path);
    return shown;
}

struct mer_cli_shown mer_cli_show_bytes(uint64_t n)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    struct mer_cli_shown shown;
    double value = (double)n;
    size_t i = 0;
    for (; value >= 1000 && i + 1 < MER_CLI_COUNT_OF(units); i++)
        value /= 1000;
    (void)snprintf(shown.text, sizeof shown.text, i == 0 ? "%.0f %s" : "%.1f %s", value, units[i]);
    return shown;
}

struct mer_cli_shown mer_cli_show_seconds(double seconds)
{
    struct mer_cli_shown shown;
    if (seconds < 0.0995)
        (void)snprintf(shown.text, sizeof shown.text, "%.1f ms", seconds * 1e3);
    else
        (void)snprintf(shown.text, sizeof shown.text, "%.2f s", seconds);
    return shown;
}

struct mer_cli_shown mer_cli_show_score(double score)
{
    struct mer_cli_shown shown;
    (void)snprintf(shown.text, sizeof shown.text, isfinite(score) ? "%.5g" : "undefined", score);
    return shown;
}

struct mer_cli_shown mer_cli_show_validation(const struct mer_validation *validation)
{
    struct mer_cli_shown shown;
    char text[sizeof shown.text - 4];
    mer_validation_describe(validation, text, sizeof text);
    (void)snprintf(shown.text, sizeof shown.text, "%s %s", validation->n_folds > 1 ? "in" : "on",
                   text);
    return shown;
}
