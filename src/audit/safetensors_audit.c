/* safetensors (https://github.com/huggingface/safetensors), every rule of the format checked for
 * itself, so that a report tells all of them that are broken. A model of Merlon's is loaded as
 * well, as hostile as any, to tell whether it is one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/json_walk.h"
#include "automl/facts.h"
#include "core/sort.h"
#include "core/utf8.h"
#include "formats/safetensors.h"

enum { LENGTH_BYTES = 8, DIMS_MAX = 64, METADATA_SHOWN = 16, TENSORS_MAX = 1 << 20 };

/* Element types by their names, in bits. */
static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    {"BOOL", 8},        {"U8", 8},          {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8},
    {"F8_E8M0", 8},     {"I16", 16},        {"U16", 16}, {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},        {"F32", 32}, {"I64", 64},    {"U64", 64},
    {"F64", 64},        {"C64", 64},        {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

struct tensor {
    const char *name; /* between its quotes, escapes and all */
    size_t n_name;
    uint64_t begin;
    uint64_t end;
};

struct header {
    struct mer_audit *audit;
    struct mer_json_walk walk;
    struct tensor *tensors;
    size_t n_tensors;
    size_t capacity;
    bool has_metadata;
    bool is_merlon;
    bool is_broken;
};

static void broken(struct header *header, const char *name, size_t n_name, const char *what)
{
    const struct mer_json_walk_text plain = mer_json_walk_unescape(name, n_name);
    header->is_broken = true;
    mer_audit_add(header->audit, MER_AUDIT_BROKEN, LENGTH_BYTES + header->walk.at, "%s: %s",
                  mer_quote_n(plain.bytes, plain.n).text, what);
}

bool mer_audit_is_safetensors(struct mer_audit_bytes file)
{
    return file.n > LENGTH_BYTES && file.bytes[LENGTH_BYTES] == '{' && !file.bytes[5] &&
           !file.bytes[6] && !file.bytes[7];
}

bool mer_audit_names_tensors(struct mer_audit_bytes file)
{
    static const char member[] = "\"data_offsets\"";
    enum { LOOKED_AT = 1 << 16 };
    return file.n > LENGTH_BYTES && file.bytes[0] != '{' &&
           memmem(file.bytes, file.n < LOOKED_AT ? file.n : LOOKED_AT, member, sizeof member - 1);
}

/* ---- The header ---- */

static void read_metadata(struct header *header)
{
    struct mer_json_walk *const walk = &header->walk;
    size_t n = 0;
    if (header->has_metadata)
        broken(header, "__metadata__", 12, "it is there twice");
    header->has_metadata = true;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        broken(header, "__metadata__", 12, "it is no object");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        const struct mer_json_walk_text key = mer_json_walk_unescape(walk->text, walk->n_text);
        const bool is_merlon = mer_json_walk_is(walk, "merlon");
        if (header->is_merlon && is_merlon)
            broken(header, "merlon", 6, "it is there twice");
        header->is_merlon |= is_merlon;
        if (mer_json_walk_next(walk) != MER_JSON_TOKEN_STRING) {
            broken(header, "__metadata__", 12, "it holds something that is no text");
            mer_json_walk_skip(walk);
        } else if (n++ < METADATA_SHOWN) {
            mer_audit_add(header->audit, MER_AUDIT_CONTENTS, LENGTH_BYTES + walk->at,
                          "metadata %s, %zu bytes", mer_quote_n(key.bytes, key.n).text,
                          walk->n_text);
        }
    }
}

static unsigned read_dtype(struct mer_json_walk *walk)
{
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_STRING) {
        mer_json_walk_skip(walk);
        return 0;
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (mer_json_walk_is(walk, dtypes[i].name))
            return dtypes[i].bits;
    return 0;
}

/* Whole numbers from 0 on, at most `most`; *ret_n is how many. */
static bool read_sizes(struct mer_json_walk *walk, uint64_t *ret, size_t most, size_t *ret_n)
{
    bool good = true;
    size_t n = 0;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        mer_json_walk_skip(walk);
        return false;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD) {
        int64_t size;
        if (n < most && walk->token == MER_JSON_TOKEN_NUMBER &&
            mer_json_walk_integer(walk, &size) && size >= 0)
            ret[n++] = (uint64_t)size;
        else
            good = false;
        mer_json_walk_skip(walk);
    }
    *ret_n = n;
    return good;
}

struct stated {
    uint64_t shape[DIMS_MAX];
    uint64_t offsets[2];
    size_t n_dims;
    unsigned bits;
    unsigned n_dtypes, n_shapes, n_offsets, n_others;
    bool shape_is_good;
    bool offsets_are_good;
};

static void read_members(struct mer_json_walk *walk, struct stated *stated)
{
    size_t n_offsets = 0;
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        if (mer_json_walk_is(walk, "dtype")) {
            stated->n_dtypes++;
            stated->bits = read_dtype(walk);
        } else if (mer_json_walk_is(walk, "shape")) {
            stated->n_shapes++;
            stated->shape_is_good = read_sizes(walk, stated->shape, DIMS_MAX, &stated->n_dims);
        } else if (mer_json_walk_is(walk, "data_offsets")) {
            stated->n_offsets++;
            stated->offsets_are_good =
                read_sizes(walk, stated->offsets, 2, &n_offsets) && n_offsets == 2;
        } else {
            stated->n_others++;
            mer_json_walk_skip(walk);
        }
    }
}

/* What is wrong with a tensor's members; NULL: nothing. */
static const char *check_tensor(const struct stated *stated)
{
    uint64_t bits = stated->bits;
    if (stated->n_dtypes != 1 || stated->n_shapes != 1 || stated->n_offsets != 1 ||
        stated->n_others > 0)
        return "not exactly one each of dtype, shape and data_offsets";
    if (stated->bits == 0)
        return "no element type of the format";
    if (!stated->shape_is_good)
        return "its shape is none";
    if (!stated->offsets_are_good || stated->offsets[0] > stated->offsets[1])
        return "its offsets are none";
    for (size_t i = 0; i < stated->n_dims; i++)
        if (__builtin_mul_overflow(bits, stated->shape[i], &bits))
            return "the product of its shape overflows";
    if (bits % 8 != 0 || bits / 8 != stated->offsets[1] - stated->offsets[0])
        return "its shape and its offsets contradict each other";
    return NULL;
}

static mer_status add_tensor(struct header *header, const struct tensor *tensor, mer_err *err)
{
    if (header->n_tensors == header->capacity) {
        const size_t capacity = header->capacity ? 2 * header->capacity : 256;
        MER_GUARD(mer_alloc_resize(header->audit->ctx->alloc, capacity * sizeof *tensor,
                                   &header->tensors, err));
        header->capacity = capacity;
    }
    header->tensors[header->n_tensors++] = *tensor;
    return mer_ok();
}

static mer_status read_tensor(struct header *header, mer_err *err)
{
    struct mer_json_walk *const walk = &header->walk;
    struct stated stated = {.bits = 0};
    struct tensor tensor = {.name = walk->text, .n_name = walk->n_text};
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        broken(header, tensor.name, tensor.n_name, "it is no object");
        mer_json_walk_skip(walk);
        return mer_ok();
    }
    read_members(walk, &stated);
    const char *const problem = walk->problem ? NULL : check_tensor(&stated);
    if (problem)
        broken(header, tensor.name, tensor.n_name, problem);
    tensor.begin = stated.offsets[0];
    tensor.end = stated.offsets[1];
    return add_tensor(header, &tensor, err);
}

static mer_status read_header(struct header *header, mer_err *err)
{
    struct mer_json_walk *const walk = &header->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT)
        broken(header, "header", 6, "it is no object");
    while (!walk->problem && mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        if (!mer_audit_step(header->audit, 100))
            return mer_ok();
        if (mer_json_walk_is(walk, "__metadata__"))
            read_metadata(header);
        else if (header->n_tensors < TENSORS_MAX)
            MER_GUARD(read_tensor(header, err));
        else
            mer_json_walk_skip(walk);
    }
    if (!walk->problem && walk->token == MER_JSON_TOKEN_END_OBJECT) {
        for (size_t i = walk->at; i < walk->n; i++)
            if (walk->bytes[i] != ' ' && !walk->problem)
                walk->problem = "something else than spaces follows it";
    }
    if (walk->problem)
        broken(header, "header", 6, walk->problem);
    return mer_ok();
}

/* ---- The tensors among each other ---- */

static int by_name(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    const struct mer_json_walk_text s = mer_json_walk_unescape(x->name, x->n_name);
    const struct mer_json_walk_text t = mer_json_walk_unescape(y->name, y->n_name);
    const int order = memcmp(s.bytes, t.bytes, s.n < t.n ? s.n : t.n);
    return order ? order : s.n < t.n ? -1 : s.n > t.n;
}

static int by_place(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static void check_names(struct header *header)
{
    mer_sort(header->tensors, header->n_tensors, sizeof *header->tensors, by_name);
    for (size_t i = 1; i < header->n_tensors; i++)
        if (header->tensors[i].n_name < MER_JSON_WALK_TEXT_MAX / 2 &&
            by_name(&header->tensors[i - 1], &header->tensors[i]) == 0)
            broken(header, header->tensors[i].name, header->tensors[i].n_name,
                   "two tensors have this name");
}

static void check_places(struct header *header, uint64_t n_data)
{
    uint64_t at = 0;
    if (header->n_tensors > 0)
        mer_sort(header->tensors, header->n_tensors, sizeof *header->tensors, by_place);
    for (size_t i = 0; i < header->n_tensors; i++) {
        const struct tensor *const tensor = &header->tensors[i];
        if (tensor->begin < at)
            broken(header, tensor->name, tensor->n_name, "it overlaps another tensor");
        else if (tensor->begin > at)
            broken(header, tensor->name, tensor->n_name, "there is a hole in front of it");
        at = tensor->end > at ? tensor->end : at;
    }
    if (at > n_data)
        broken(header, "data", 4, "the file ends before the tensors do");
    else if (at < n_data && !header->is_broken)
        mer_audit_add(header->audit, MER_AUDIT_TRAILING, LENGTH_BYTES + header->walk.n + at,
                      "%s behind the tensors", mer_audit_show_size(n_data - at).text);
}

/* ---- Merlon's own models ---- */

static void tell_facts(struct mer_audit *audit, const struct mer_facts *facts)
{
    mer_audit_add(audit, MER_AUDIT_MODEL, 0, "%s for %s, %s, from %zu columns and %zu rows",
                  mer_facts_family(facts), mer_quote(facts->target).text,
                  mer_task_name(facts->task), facts->n_fields - 1, facts->n_train_rows);
}

static mer_status read_model(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct mer_bundle bundle;
    struct mer_pipeline *pipeline = NULL;
    struct mer_facts facts;
    mer_err problem = {.code = MER_OK};
    mer_status status = mer_safetensors_read(audit->ctx, file.bytes, file.n, &bundle, &problem);
    if (mer_is_ok(status)) {
        status = mer_pipeline_load(audit->ctx, &bundle, &pipeline, &problem);
        if (mer_is_ok(status))
            status = mer_facts_of_pipeline(audit->ctx, pipeline, &facts, &problem);
        if (mer_is_ok(status)) {
            tell_facts(audit, &facts);
            mer_facts_release(&facts);
        }
        mer_pipeline_free(audit->ctx, pipeline);
        mer_bundle_release(&bundle);
    }
    if (status.code == MER_ERR_MEMORY)
        return mer_fail(err, MER_ERR_MEMORY, "%s", problem.message);
    if (!mer_is_ok(status))
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "as a model of Merlon's: %.160s",
                      problem.message);
    return mer_ok();
}

/* ---- The file ---- */

/* The header's length without the spaces behind it; 0 where there is none. */
static size_t find_header(struct mer_audit *audit, struct mer_audit_bytes file)
{
    uint64_t length;
    memcpy(&length, file.bytes, sizeof length);
    if (length > MER_SAFETENSORS_HEADER_MAX)
        mer_audit_add(audit, MER_AUDIT_BOMB, 0, "a header of %s is over the format's limit",
                      mer_audit_show_size(length).text);
    else if (length > file.n - LENGTH_BYTES)
        mer_audit_add(audit, MER_AUDIT_BROKEN, 0, "the header is longer than the file");
    else if (length < 2 || file.bytes[LENGTH_BYTES] != '{')
        mer_audit_add(audit, MER_AUDIT_BROKEN, LENGTH_BYTES, "the header does not start with {");
    else
        return (size_t)length;
    return 0;
}

mer_status mer_audit_safetensors(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct header header = {.audit = audit};
    size_t n = find_header(audit, file);
    if (n == 0)
        return mer_ok();
    const uint64_t n_data = file.n_total - LENGTH_BYTES - n;
    mer_json_walk_init(&header.walk, file.bytes + LENGTH_BYTES, n);
    mer_status status = read_header(&header, err);
    if (mer_is_ok(status) && header.n_tensors > 0)
        check_names(&header);
    if (mer_is_ok(status))
        check_places(&header, n_data);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%zu tensors, %s", header.n_tensors,
                  mer_audit_show_size(n_data).text);
    mer_free(audit->ctx->alloc, header.tensors);
    if (mer_is_ok(status) && header.is_merlon && !header.is_broken && file.n == file.n_total)
        status = read_model(audit, file, err);
    return status;
}
