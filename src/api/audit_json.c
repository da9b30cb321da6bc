/* Audits as JSON: docs/audit.md lists the members. */
#include <string.h>

#include "api/audit_handles.h"
#include "core/utf8.h"

const char *mer_audit_result_name(enum mer_audit_result result)
{
    switch (result) {
    case MER_AUDIT_RESULT_CLEAN:
        return "clean";
    case MER_AUDIT_RESULT_FOUND:
        return "found";
    case MER_AUDIT_RESULT_UNSURE:
        break;
    }
    return "unsure";
}

static void put_text(struct mer_json_writer *writer, const char *key, const char *text)
{
    mer_json_key(writer, key);
    mer_json_put_string(writer, text);
}

static void put_count(struct mer_json_writer *writer, const char *key, uint64_t count)
{
    mer_json_key(writer, key);
    mer_json_put_unsigned(writer, count);
}

static void put_finding(const struct mer_audited_finding *finding, struct mer_json_writer *writer)
{
    mer_json_begin_object(writer);
    put_text(writer, "kind", finding->kind);
    put_text(writer, "level", finding->level);
    put_text(writer, "what", finding->what);
    put_text(writer, "detail", finding->detail);
    put_text(writer, "where", finding->where);
    put_count(writer, "offset", finding->offset);
    put_count(writer, "count", finding->count);
    mer_json_end_object(writer);
}

static void put_file(const struct mer_audited *audited, size_t i, struct mer_json_writer *writer)
{
    struct mer_audited_file file;
    struct mer_audited_finding finding;
    if (!mer_audited_get_file(audited, i, &file))
        return;
    mer_json_begin_object(writer);
    /* A path may hold any bytes. */
    put_text(writer, "path",
             mer_utf8_valid(file.path, strlen(file.path)) ? file.path : mer_quote(file.path).text);
    put_text(writer, "result", mer_audit_result_name(file.result));
    put_text(writer, "format", file.format);
    put_text(writer, "title", file.title);
    put_text(writer, "loader", file.loader);
    put_text(writer, "digest", file.digest);
    put_count(writer, "bytes", file.n_bytes);
    put_count(writer, "left_out", file.n_left_out);
    mer_json_key(writer, "findings");
    mer_json_begin_array(writer);
    for (size_t k = 0; mer_audited_get_finding(audited, i, k, &finding); k++)
        put_finding(&finding, writer);
    mer_json_end_array(writer);
    mer_json_end_object(writer);
}

void mer_audit_put(const struct mer_audited *audited, struct mer_json_writer *writer)
{
    put_text(writer, "result", mer_audit_result_name(mer_audited_result(audited)));
    put_count(writer, "n_files", mer_audited_files(audited));
    mer_json_key(writer, "files");
    mer_json_begin_array(writer);
    for (size_t i = 0; i < mer_audited_files(audited); i++)
        put_file(audited, i, writer);
    mer_json_end_array(writer);
}

mer_status mer_audited_json(const struct mer_audited *audited, char **ret_json, mer_err *err)
{
    struct mer_buf buf;
    struct mer_json_writer writer;
    mer_buf_init(&buf, &audited->context->alloc, SIZE_MAX);
    mer_json_writer_init(&writer, &buf, 2, err);
    mer_json_begin_object(&writer);
    mer_audit_put(audited, &writer);
    mer_json_end_object(&writer);
    mer_status status = mer_json_writer_end(&writer);
    if (mer_is_ok(status))
        status = mer_text_of_buf(&buf, ret_json, err);
    mer_buf_release(&buf);
    return status;
}
