/* Audits of files and folders: opened and digested here, looked into in a cell each. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/audit_handles.h"
#include "audit/audit_format.h"
#include "cell/audit_client.h"
#include "guard/hash.h"
#include "os/file.h"
#include "os/input.h"

enum {
    COPIED_MAX = 64 << 20, /* larger files are mapped as they are: see cell/audit_client.h */
    PIECE_BYTES = 1 << 20,
    FOLDERS_MAX = 32, /* deep */
    FILES_MAX = 100000
};

/* ---- What was found ---- */

static enum mer_audit_result result_of(const struct mer_audit_report *report)
{
    switch (mer_audit_worst(report)) {
    case MER_AUDIT_NOTE:
        return MER_AUDIT_RESULT_CLEAN;
    case MER_AUDIT_DOUBT:
        return MER_AUDIT_RESULT_UNSURE;
    case MER_AUDIT_HARM:
        break;
    }
    return MER_AUDIT_RESULT_FOUND;
}

static void add(struct mer_audit_report *report, enum mer_audit_kind kind, const char *format, ...)
    MER_PRINTF(3, 4);
static void add(struct mer_audit_report *report, enum mer_audit_kind kind, const char *format, ...)
{
    if (report->n_findings == MER_AUDIT_FINDINGS_MAX) {
        report->n_left_out[mer_audit_kind_level(kind)]++;
        return;
    }
    struct mer_audit_finding *const finding = &report->findings[report->n_findings++];
    *finding = (struct mer_audit_finding){.kind = kind, .count = 1};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->detail, sizeof finding->detail, format, arguments);
    va_end(arguments);
    mer_audit_clean_text(finding->detail);
}

/* The formats that a name's end promises; MER_AUDIT_N_FORMATS ends a row. */
static const struct {
    const char *end;
    uint64_t formats; /* a bit each */
} endings[] = {
#define BIT(format) ((uint64_t)1 << MER_AUDIT_FORMAT_##format)
    {".safetensors", BIT(SAFETENSORS)},
    {".npy", BIT(NUMPY)},
    {".npz", BIT(NPZ) | BIT(ZIP)},
    {".pkl", BIT(PICKLE) | BIT(JOBLIB) | BIT(COMPRESSED)},
    {".pickle", BIT(PICKLE) | BIT(JOBLIB) | BIT(COMPRESSED)},
    {".joblib", BIT(PICKLE) | BIT(JOBLIB) | BIT(COMPRESSED)},
    {".pt", BIT(TORCH) | BIT(TORCH_TAR) | BIT(TORCH_LEGACY) | BIT(TORCHSCRIPT)},
    {".pth", BIT(TORCH) | BIT(TORCH_TAR) | BIT(TORCH_LEGACY) | BIT(TORCHSCRIPT)},
    {".onnx", BIT(ONNX)},
    {".params", BIT(MXNET_PARAMS)},
    {".json", BIT(XGBOOST) | BIT(MXNET_SYMBOL) | BIT(JSON)},
    {".gguf", BIT(GGUF)},
    {".h5", BIT(HDF5)},
    {".ubj", BIT(UBJSON)},
#undef BIT
};
static_assert(MER_AUDIT_N_FORMATS <= 64, "a format is a bit");

/* Letters of ASCII compare alike, large and small. */
static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), n_end = strlen(end);
    if (n < n_end)
        return false;
    for (size_t i = 0; i < n_end; i++) {
        const char c = text[n - n_end + i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != end[i])
            return false;
    }
    return true;
}

static void check_name(const char *path, struct mer_audit_report *report)
{
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (!ends_with(path, endings[i].end))
            continue;
        if (report->format < MER_AUDIT_FORMAT_EMPTY && !(endings[i].formats >> report->format & 1))
            add(report, MER_AUDIT_NAME, "its name ends with %s, it is: %s", endings[i].end,
                mer_audit_format_title(report->format));
        return;
    }
}

/* ---- One file ---- */

static mer_status digest_input(const struct mer_input *input, char ret_hex[65], mer_err *err)
{
    struct mer_hash hash;
    struct mer_digest digest;
    static const size_t n_piece = PIECE_BYTES;
    unsigned char *const piece = malloc(n_piece);
    if (!piece)
        return mer_fail(err, MER_ERR_MEMORY, "no memory to read a file");
    size_t n_before = 0, n = 0;
    mer_status status = mer_hash_init(&hash, MER_HASH_SHA256, err);
    while (mer_is_ok(status)) {
        status = mer_input_read(input, n_before, piece, n_piece, &n, err);
        if (!mer_is_ok(status) || n == 0)
            break;
        n_before += n;
        status = mer_hash_update(&hash, piece, n, err);
    }
    free(piece);
    if (mer_is_ok(status))
        status = mer_hash_final(&hash, &digest, err);
    else
        mer_hash_release(&hash);
    MER_GUARD(status);
    mer_hash_hex(digest.bytes, MER_SHA256_BYTES, ret_hex);
    return mer_ok();
}

/* A file's bytes for a cell: its own descriptor, or a copy that nobody can change. */
static mer_status look_into(struct mer_context *context, const struct mer_input *input,
                            struct mer_audit_entry *entry, struct mer_audit_report *report,
                            mer_err *err)
{
    struct mer_cell_settings settings;
    struct mer_sealed sealed = {.fd = -1};
    struct mer_cell_input bytes = {input->fd, input->size_hint};
    MER_GUARD(mer_context_cell_settings(context, &settings, err));
    mer_status status;
    if (input->size_hint > COPIED_MAX) {
        status = digest_input(input, entry->digest, err);
    } else {
        status = mer_sealed_read_input(input, &sealed, err);
        bytes = (struct mer_cell_input){sealed.fd, sealed.n};
        if (mer_is_ok(status))
            status = mer_digest_hex(sealed.bytes, sealed.n, entry->digest, err);
    }
    if (mer_is_ok(status))
        status = mer_cell_audit_file(&context->ctx, &settings, bytes, report, err);
    entry->n_bytes = bytes.n;
    mer_sealed_release(&sealed);
    return status;
}

/* Keeps of the report what there is. */
static mer_status keep(struct mer_audited *audited, const char *path, struct mer_audit_entry *entry,
                       const struct mer_audit_report *report, mer_err *err)
{
    if (audited->n_entries == audited->capacity) {
        const size_t capacity = audited->capacity ? 2 * audited->capacity : 16;
        struct mer_audit_entry *const entries =
            reallocarray(audited->entries, capacity, sizeof *entries);
        if (!entries)
            return mer_fail(err, MER_ERR_MEMORY, "no memory for the files of a folder");
        audited->entries = entries;
        audited->capacity = capacity;
    }
    const size_t n = mer_audit_report_size(report);
    entry->report = malloc(n);
    entry->path = strdup(path);
    if (!entry->report || !entry->path) {
        free(entry->report);
        free(entry->path);
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a report");
    }
    memcpy(entry->report, report, n);
    audited->entries[audited->n_entries++] = *entry;
    return mer_ok();
}

static mer_status audit_input(struct mer_audited *audited, const char *path,
                              const struct mer_input *input, struct mer_audit_report *report,
                              mer_err *err)
{
    struct mer_audit_entry entry = {.n_bytes = 0};
    MER_GUARD(look_into(audited->context, input, &entry, report, err));
    check_name(path, report);
    return keep(audited, path, &entry, report, err);
}

/* An entry of a folder that is no file to be looked into. */
static mer_status keep_remark(struct mer_audited *audited, const char *path,
                              struct mer_audit_report *report, enum mer_audit_kind kind,
                              const char *detail, mer_err *err)
{
    struct mer_audit_entry entry = {.n_bytes = 0};
    *report = (struct mer_audit_report){.format = MER_AUDIT_N_FORMATS};
    add(report, kind, "%s", detail);
    return keep(audited, path, &entry, report, err);
}

/* ---- Folders ---- */

static mer_status audit_folder(struct mer_audited *audited, const char *path, unsigned depth,
                               struct mer_audit_report *report, mer_err *err);

static mer_status audit_file_entry(struct mer_audited *audited, const char *path,
                                   struct mer_audit_report *report, mer_err *err)
{
    struct mer_input input;
    mer_err problem = {.code = MER_OK};
    mer_status status = mer_input_open_entry(&input, path, SIZE_MAX - 1, &problem);
    if (!mer_is_ok(status))
        return keep_remark(audited, path, report, MER_AUDIT_UNREADABLE, problem.message, err);
    status = audit_input(audited, path, &input, report, &problem);
    mer_input_close(&input);
    if (status.code == MER_ERR_IO)
        return keep_remark(audited, path, report, MER_AUDIT_UNREADABLE, problem.message, err);
    if (!mer_is_ok(status) && err)
        *err = problem;
    return status;
}

static mer_status audit_entry(struct mer_audited *audited, const char *path,
                              enum mer_entry_kind kind, unsigned depth,
                              struct mer_audit_report *report, mer_err *err)
{
    MER_GUARD(mer_ctx_check_cancel(&audited->context->ctx, err));
    if (audited->n_entries >= FILES_MAX)
        return mer_fail(err, MER_ERR_DATA, "the folder holds more than %d files", FILES_MAX);
    switch (kind) {
    case MER_ENTRY_FILE:
        return audit_file_entry(audited, path, report, err);
    case MER_ENTRY_LINK:
        return keep_remark(audited, path, report, MER_AUDIT_LINK, "", err);
    case MER_ENTRY_FOLDER:
        if (depth < FOLDERS_MAX)
            return audit_folder(audited, path, depth + 1, report, err);
        return keep_remark(audited, path, report, MER_AUDIT_NOT_ALL, "a folder that lies too deep",
                           err);
    case MER_ENTRY_OTHER:
        break;
    }
    return keep_remark(audited, path, report, MER_AUDIT_UNREADABLE, "it is not a regular file",
                       err);
}

static mer_status audit_folder(struct mer_audited *audited, const char *path, unsigned depth,
                               struct mer_audit_report *report, mer_err *err)
{
    struct mer_folder_list list;
    mer_status status = mer_folder_read(path, &list, err);
    if (!mer_is_ok(status) && depth > 0)
        return keep_remark(audited, path, report, MER_AUDIT_UNREADABLE, "a folder", err);
    MER_GUARD(status);
    for (size_t i = 0; i < list.n && mer_is_ok(status); i++) {
        struct mer_buf inner;
        const char *text;
        mer_buf_init(&inner, &audited->context->alloc, SIZE_MAX);
        status = mer_buf_printf(&inner, err, "%s/%s", path, list.entries[i].name);
        if (mer_is_ok(status))
            status = mer_buf_cstr(&inner, &text, err);
        if (mer_is_ok(status))
            status = audit_entry(audited, text, list.entries[i].kind, depth, report, err);
        mer_buf_release(&inner);
    }
    mer_folder_release(&list);
    return status;
}

static mer_status audit_path(struct mer_audited *audited, const char *path, mer_err *err)
{
    struct mer_audit_report *report;
    struct mer_input input;
    MER_GUARD(mer_alloc_zero(&audited->context->alloc, 1, sizeof *report, &report, err));
    mer_status status;
    if (mer_folder_is(path)) {
        audited->is_folder = true;
        status = audit_folder(audited, path, 0, report, err);
    } else {
        status = mer_input_open(&input, path, SIZE_MAX - 1, err);
        if (mer_is_ok(status)) {
            status = audit_input(audited, path, &input, report, err);
            mer_input_close(&input);
        }
    }
    mer_free(&audited->context->alloc, report);
    return status;
}

mer_status mer_audit(struct mer_context *context, const char *path,
                     struct mer_audited **ret_audited, mer_err *err)
{
    struct mer_audited *const audited = calloc(1, sizeof *audited);
    if (!audited)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a report");
    audited->context = context;
    audited->path = strdup(path);
    const mer_status status = audited->path
                                  ? audit_path(audited, path, err)
                                  : mer_fail(err, MER_ERR_MEMORY, "no memory for a report");
    if (!mer_is_ok(status)) {
        mer_audited_free(audited);
        return status;
    }
    *ret_audited = audited;
    return mer_ok();
}

void mer_audited_free(struct mer_audited *audited)
{
    if (!audited)
        return;
    for (size_t i = 0; i < audited->n_entries; i++) {
        free(audited->entries[i].path);
        free(audited->entries[i].report);
    }
    free(audited->entries);
    free(audited->path);
    free(audited);
}

/* ---- What is told of it ---- */

enum mer_audit_result mer_audited_result(const struct mer_audited *audited)
{
    enum mer_audit_result worst = MER_AUDIT_RESULT_CLEAN;
    for (size_t i = 0; i < audited->n_entries; i++) {
        const enum mer_audit_result result = result_of(audited->entries[i].report);
        if (result == MER_AUDIT_RESULT_FOUND)
            return result;
        if (result == MER_AUDIT_RESULT_UNSURE)
            worst = result;
    }
    return worst;
}

size_t mer_audited_files(const struct mer_audited *audited)
{
    return audited->n_entries;
}

bool mer_audited_get_file(const struct mer_audited *audited, size_t i,
                          struct mer_audited_file *ret_file)
{
    if (i >= audited->n_entries)
        return false;
    const struct mer_audit_entry *const entry = &audited->entries[i];
    const struct mer_audit_report *const report = entry->report;
    *ret_file = (struct mer_audited_file){
        .path = entry->path,
        .format = mer_audit_format_name(report->format),
        .title = mer_audit_format_title(report->format),
        .loader = mer_audit_format_loader(report->format),
        .n_bytes = entry->n_bytes,
        .result = result_of(report),
        .n_findings = report->n_findings,
        .n_left_out = report->n_left_out[0] + report->n_left_out[1] + report->n_left_out[2],
    };
    memcpy(ret_file->digest, entry->digest, sizeof ret_file->digest);
    return true;
}

bool mer_audited_get_finding(const struct mer_audited *audited, size_t file, size_t i,
                             struct mer_audited_finding *ret_finding)
{
    static const char *const levels[] = {"note", "doubt", "harm"};
    if (file >= audited->n_entries || i >= audited->entries[file].report->n_findings)
        return false;
    const struct mer_audit_finding *const finding = &audited->entries[file].report->findings[i];
    const enum mer_audit_kind kind = (enum mer_audit_kind)finding->kind;
    *ret_finding = (struct mer_audited_finding){
        .kind = mer_audit_kind_name(kind),
        .level = levels[mer_audit_kind_level(kind)],
        .what = mer_audit_kind_what(kind),
        .detail = finding->detail,
        .where = finding->where,
        .offset = finding->offset,
        .count = finding->count,
    };
    return true;
}
