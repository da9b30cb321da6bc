/* ONNX models (onnx.proto of ONNX 1.16): what a runtime would read beside the file, and which
 * operators it would need that are none of the standard's.
 */
#include "audit/onnx_audit.h"

#include <string.h>

#include "core/utf8.h"

enum { DEPTH_MAX = 32, FUNCTIONS_MAX = 4096, CALLS_MAX = 1 << 16, IR_VERSION_MAX = 20 };

enum model_field {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_METADATA = 14,
    MODEL_TRAINING = 20,
    MODEL_FUNCTION = 25,
    MODEL_CONFIGURATION = 26
};

void mer_onnx_tell(struct mer_onnx *onnx, enum mer_audit_kind kind, const unsigned char *at,
                   struct mer_onnx_text name, const char *what)
{
    mer_audit_add(onnx->audit, kind, at ? (uint64_t)(at - onnx->base) : 0, "%s: %s",
                  mer_quote_n(name.bytes, name.n).text, what);
}

void mer_onnx_broken(struct mer_onnx *onnx, const unsigned char *at, const char *what)
{
    onnx->is_broken = true;
    mer_audit_add(onnx->audit, MER_AUDIT_BROKEN, at ? (uint64_t)(at - onnx->base) : 0, "%s", what);
}

bool mer_onnx_text_is(struct mer_onnx_text text, const char *wanted)
{
    return strlen(wanted) == text.n && memcmp(text.bytes, wanted, text.n) == 0;
}

struct mer_onnx_text mer_onnx_text_of(struct mer_onnx *onnx, const struct mer_proto_field *field)
{
    if (field->wire != MER_PROTO_BYTES || field->n == 0)
        return (struct mer_onnx_text){"", 0};
    if (!mer_utf8_valid((const char *)field->bytes, field->n))
        mer_onnx_broken(onnx, field->bytes, "a name is not UTF-8");
    return (struct mer_onnx_text){(const char *)field->bytes, field->n};
}

static bool same(struct mer_onnx_text a, struct mer_onnx_text b)
{
    return a.n == b.n && memcmp(a.bytes, b.bytes, a.n) == 0;
}

/* ---- Operators ---- */

static size_t find_function(const struct mer_onnx *onnx, struct mer_onnx_text domain,
                            struct mer_onnx_text name)
{
    for (size_t i = 0; i < onnx->n_functions; i++)
        if (same(onnx->functions[i].name, name) && same(onnx->functions[i].domain, domain))
            return i;
    return SIZE_MAX;
}

static mer_status add_call(struct mer_onnx *onnx, size_t to, mer_err *err)
{
    if (onnx->in_function == SIZE_MAX || onnx->n_calls == CALLS_MAX)
        return mer_ok();
    if (onnx->n_calls == onnx->call_capacity) {
        const size_t capacity = onnx->call_capacity ? 2 * onnx->call_capacity : 64;
        MER_GUARD(mer_alloc_resize(onnx->audit->ctx->alloc, capacity * sizeof *onnx->calls,
                                   &onnx->calls, err));
        onnx->call_capacity = capacity;
    }
    onnx->calls[onnx->n_calls++] = (struct mer_onnx_call){onnx->in_function, to};
    onnx->functions[to].n_callers_left++;
    return mer_ok();
}

static bool is_standard_domain(struct mer_onnx_text domain)
{
    return domain.n == 0 || mer_onnx_text_is(domain, "ai.onnx") ||
           mer_onnx_text_is(domain, "ai.onnx.training") ||
           mer_onnx_text_is(domain, "ai.onnx.preview.training");
}

static mer_status check_operator(struct mer_onnx *onnx, const unsigned char *at,
                                 struct mer_onnx_text domain, struct mer_onnx_text name,
                                 mer_err *err)
{
    const bool of_ml = mer_onnx_text_is(domain, "ai.onnx.ml");
    const size_t function = find_function(onnx, domain, name);
    char text[160];
    (void)mer_audit_step(onnx->audit, 20 + onnx->n_functions);
    if (name.n == 0)
        mer_onnx_broken(onnx, at, "a node without an operator");
    else if (function != SIZE_MAX)
        return add_call(onnx, function, err);
    else if (is_standard_domain(domain) || of_ml) {
        if (mer_onnx_text_is(name, "ATen"))
            mer_onnx_tell(onnx, MER_AUDIT_CUSTOM_OPERATOR, at, name, "PyTorch's own operators");
        else if (!mer_onnx_is_standard(of_ml, name))
            mer_onnx_tell(onnx, MER_AUDIT_OPERATOR_UNKNOWN, at, name,
                          "not an operator of the standard");
    } else {
        const size_t n_domain = domain.n < 80 ? domain.n : 80, n_name = name.n < 60 ? name.n : 60;
        memcpy(text, domain.bytes, n_domain);
        text[n_domain] = '.';
        memcpy(text + n_domain + 1, name.bytes, n_name);
        const struct mer_onnx_text whole = {text, n_domain + 1 + n_name};
        const bool of_runtime = domain.n >= 13 && memcmp(domain.bytes, "com.microsoft", 13) == 0 &&
                                (domain.n == 13 || domain.bytes[13] == '.');
        mer_onnx_tell(onnx, of_runtime ? MER_AUDIT_OPERATOR_UNKNOWN : MER_AUDIT_CUSTOM_OPERATOR, at,
                      whole,
                      of_runtime ? "an operator of ONNX Runtime's own"
                                 : "it needs a library that provides it");
    }
    return mer_ok();
}

/* ---- Graphs ---- */

static mer_status read_graph(struct mer_onnx *onnx, const struct mer_proto_field *field,
                             mer_err *err);

/* A sparse tensor: its values and indices are tensors. */
static void read_sparse(struct mer_onnx *onnx, const struct mer_proto_field *field)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    while (mer_proto_next(&proto, &part))
        if (part.wire == MER_PROTO_BYTES && (part.number == 1 || part.number == 2))
            mer_onnx_tensor(onnx, &part);
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "a sparse tensor is none");
}

static mer_status read_attribute(struct mer_onnx *onnx, const struct mer_proto_field *field,
                                 mer_err *err)
{
    enum { NAME = 1, TENSOR = 5, GRAPH = 6, TENSORS = 10, GRAPHS = 11, SPARSE = 22, SPARSES = 23 };
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    while (mer_proto_next(&proto, &part) && mer_audit_step(onnx->audit, 1)) {
        if (part.wire != MER_PROTO_BYTES)
            continue;
        if (part.number == NAME)
            (void)mer_onnx_text_of(onnx, &part);
        else if (part.number == TENSOR || part.number == TENSORS)
            mer_onnx_tensor(onnx, &part);
        else if (part.number == GRAPH || part.number == GRAPHS)
            MER_GUARD(read_graph(onnx, &part, err));
        else if (part.number == SPARSE || part.number == SPARSES)
            read_sparse(onnx, &part);
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "an attribute is none");
    return mer_ok();
}

static mer_status read_node(struct mer_onnx *onnx, const struct mer_proto_field *field,
                            mer_err *err)
{
    enum { OPERATOR = 4, ATTRIBUTE = 5, DOMAIN = 7 };
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    struct mer_onnx_text name = {"", 0}, domain = {"", 0};
    unsigned n_names = 0, n_domains = 0;
    onnx->n_nodes++;
    while (mer_proto_next(&proto, &part) && mer_audit_step(onnx->audit, 1)) {
        if (part.number == OPERATOR) {
            name = mer_onnx_text_of(onnx, &part);
            n_names++;
        } else if (part.number == DOMAIN) {
            domain = mer_onnx_text_of(onnx, &part);
            n_domains++;
        } else if (part.number == ATTRIBUTE && part.wire == MER_PROTO_BYTES) {
            MER_GUARD(read_attribute(onnx, &part, err));
        }
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "a node is none");
    if (n_names > 1 || n_domains > 1)
        mer_onnx_broken(onnx, field->bytes, "a node's operator is told twice");
    return check_operator(onnx, field->bytes, domain, name, err);
}

static mer_status read_graph_parts(struct mer_onnx *onnx, const struct mer_proto_field *field,
                                   mer_err *err)
{
    enum { NODE = 1, INITIALIZER = 5, SPARSE = 15 };
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    while (mer_proto_next(&proto, &part) && mer_audit_step(onnx->audit, 1)) {
        if (part.wire != MER_PROTO_BYTES)
            continue;
        if (part.number == NODE)
            MER_GUARD(read_node(onnx, &part, err));
        else if (part.number == INITIALIZER)
            mer_onnx_tensor(onnx, &part);
        else if (part.number == SPARSE)
            read_sparse(onnx, &part);
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "a graph is none");
    return mer_ok();
}

static mer_status read_graph(struct mer_onnx *onnx, const struct mer_proto_field *field,
                             mer_err *err)
{
    if (onnx->depth >= DEPTH_MAX) {
        mer_audit_add(onnx->audit, MER_AUDIT_DEPTH, (uint64_t)(field->bytes - onnx->base),
                      "graphs in graphs over %d deep", DEPTH_MAX);
        return mer_ok();
    }
    onnx->depth++;
    const mer_status status = read_graph_parts(onnx, field, err);
    onnx->depth--;
    return status;
}

/* ---- Functions ---- */

enum { FUNCTION_NAME = 1, FUNCTION_NODE = 7, FUNCTION_DOMAIN = 10 };

static mer_status add_function(struct mer_onnx *onnx, const struct mer_proto_field *field,
                               mer_err *err)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    struct mer_onnx_function function = {.domain = {"", 0}, .name = {"", 0}};
    while (mer_proto_next(&proto, &part)) {
        if (part.number == FUNCTION_NAME)
            function.name = mer_onnx_text_of(onnx, &part);
        else if (part.number == FUNCTION_DOMAIN)
            function.domain = mer_onnx_text_of(onnx, &part);
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "a function is none");
    if (find_function(onnx, function.domain, function.name) != SIZE_MAX)
        mer_onnx_broken(onnx, field->bytes, "a function is there twice");
    if (is_standard_domain(function.domain) || mer_onnx_text_is(function.domain, "ai.onnx.ml"))
        mer_onnx_tell(onnx, MER_AUDIT_CUSTOM_OPERATOR, field->bytes, function.name,
                      "a function in the place of an operator of the standard");
    if (onnx->n_functions == FUNCTIONS_MAX)
        return mer_ok();
    if (onnx->n_functions == onnx->function_capacity) {
        const size_t capacity = onnx->function_capacity ? 2 * onnx->function_capacity : 16;
        MER_GUARD(mer_alloc_resize(onnx->audit->ctx->alloc, capacity * sizeof function,
                                   &onnx->functions, err));
        onnx->function_capacity = capacity;
    }
    onnx->functions[onnx->n_functions++] = function;
    return mer_ok();
}

static mer_status read_function(struct mer_onnx *onnx, const struct mer_proto_field *field,
                                mer_err *err)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    while (mer_proto_next(&proto, &part) && mer_audit_step(onnx->audit, 1))
        if (part.number == FUNCTION_NODE && part.wire == MER_PROTO_BYTES)
            MER_GUARD(read_node(onnx, &part, err));
    return mer_ok();
}

/* Functions that nobody calls any more are taken out, until none is left that could be: what then
 * stays reaches itself. */
static void check_recursion(struct mer_onnx *onnx)
{
    for (bool again = true; again && mer_audit_step(onnx->audit, onnx->n_calls + 1);) {
        again = false;
        for (size_t i = 0; i < onnx->n_functions; i++) {
            if (onnx->functions[i].is_done || onnx->functions[i].n_callers_left > 0)
                continue;
            onnx->functions[i].is_done = again = true;
            for (size_t k = 0; k < onnx->n_calls; k++)
                if (onnx->calls[k].from == i)
                    onnx->functions[onnx->calls[k].to].n_callers_left--;
            if (!mer_audit_step(onnx->audit, onnx->n_calls))
                return;
        }
    }
    for (size_t i = 0; i < onnx->n_functions; i++)
        if (!onnx->functions[i].is_done)
            mer_onnx_tell(onnx, MER_AUDIT_RECURSION, NULL, onnx->functions[i].name,
                          "a function that reaches itself, or is called by one");
}

/* ---- The model ---- */

struct seen {
    unsigned n_graphs, n_versions, n_opsets;
    uint64_t ir_version;
};

static void read_opset(struct mer_onnx *onnx, const struct mer_proto_field *field)
{
    enum { DOMAIN = 1, VERSION = 2, VERSION_MAX = 1000 };
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    uint64_t version = 0;
    while (mer_proto_next(&proto, &part)) {
        if (part.number == DOMAIN)
            (void)mer_onnx_text_of(onnx, &part);
        else if (part.number == VERSION)
            version = part.value;
    }
    if (proto.failed || version == 0 || version > VERSION_MAX)
        mer_onnx_broken(onnx, field->bytes, "a set of operators without a version that exists");
}

/* Functions come first, for nodes name them. */
static mer_status find_functions(struct mer_onnx *onnx, struct mer_audit_bytes file, mer_err *err)
{
    struct mer_proto proto = mer_proto_of(file.bytes, file.n);
    struct mer_proto_field field;
    while (mer_proto_next(&proto, &field) && mer_audit_step(onnx->audit, 1))
        if (field.number == MODEL_FUNCTION && field.wire == MER_PROTO_BYTES)
            MER_GUARD(add_function(onnx, &field, err));
    return mer_ok();
}

static mer_status read_training(struct mer_onnx *onnx, const struct mer_proto_field *field,
                                mer_err *err)
{
    struct mer_proto proto = mer_proto_of(field->bytes, field->n);
    struct mer_proto_field part;
    while (mer_proto_next(&proto, &part))
        if ((part.number == 1 || part.number == 2) && part.wire == MER_PROTO_BYTES)
            MER_GUARD(read_graph(onnx, &part, err));
    return mer_ok();
}

static mer_status read_model(struct mer_onnx *onnx, struct mer_audit_bytes file, struct seen *seen,
                             mer_err *err)
{
    struct mer_proto proto = mer_proto_of(file.bytes, file.n);
    struct mer_proto_field field;
    size_t n_functions = 0;
    while (mer_proto_next(&proto, &field) && mer_audit_step(onnx->audit, 1)) {
        if (field.number == MODEL_IR_VERSION && field.wire == MER_PROTO_VARINT) {
            seen->n_versions++;
            seen->ir_version = field.value;
        }
        if (field.wire != MER_PROTO_BYTES)
            continue;
        if (field.number == MODEL_GRAPH) {
            seen->n_graphs++;
            MER_GUARD(read_graph(onnx, &field, err));
        } else if (field.number == MODEL_OPSET) {
            seen->n_opsets++;
            read_opset(onnx, &field);
        } else if (field.number == MODEL_TRAINING) {
            MER_GUARD(read_training(onnx, &field, err));
        } else if (field.number == MODEL_FUNCTION && n_functions < onnx->n_functions) {
            onnx->in_function = n_functions++;
            MER_GUARD(read_function(onnx, &field, err));
            onnx->in_function = SIZE_MAX;
        } else if (field.number > MODEL_CONFIGURATION) {
            mer_onnx_broken(onnx, field.bytes, "a part that models do not have");
        }
    }
    if (proto.failed)
        mer_onnx_broken(onnx, proto.at, "the file ends in the middle, or is none");
    return mer_ok();
}

static void check_model(struct mer_onnx *onnx, const struct seen *seen)
{
    if (seen->n_graphs != 1)
        mer_onnx_broken(onnx, NULL, "not exactly one graph: readers may take different ones");
    if (seen->n_versions != 1 || seen->ir_version == 0 || seen->ir_version > IR_VERSION_MAX)
        mer_onnx_broken(onnx, NULL, "no version of the format that exists");
    if (seen->n_opsets == 0)
        mer_onnx_broken(onnx, NULL, "no set of operators is named");
}

mer_status mer_audit_onnx(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct mer_onnx onnx = {.audit = audit, .base = file.bytes, .in_function = SIZE_MAX};
    struct seen seen = {.n_graphs = 0};
    mer_status status = find_functions(&onnx, file, err);
    if (mer_is_ok(status))
        status = read_model(&onnx, file, &seen, err);
    if (mer_is_ok(status)) {
        check_recursion(&onnx);
        check_model(&onnx, &seen);
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0,
                      "%llu nodes, %llu tensors, %zu functions, format version %llu",
                      (unsigned long long)onnx.n_nodes, (unsigned long long)onnx.n_tensors,
                      onnx.n_functions, (unsigned long long)seen.ir_version);
    }
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    mer_free(audit->ctx->alloc, onnx.functions);
    mer_free(audit->ctx->alloc, onnx.calls);
    return status;
}

bool mer_audit_is_onnx(struct mer_audit_bytes file)
{
    /* A version, and then one of the fields that models have: also where the rest is broken. */
    static const unsigned char next[] = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
    enum { LOOKED_AT = 1000 };
    struct mer_proto proto = mer_proto_of(file.bytes, file.n);
    struct mer_proto_field field;
    bool has_graph = false, has_version = false;
    if (file.n > 4 && file.bytes[0] == 0x08 && file.bytes[1] > 0 &&
        file.bytes[1] <= IR_VERSION_MAX && memchr(next, file.bytes[2], sizeof next))
        return true;
    for (size_t i = 0; i < LOOKED_AT && mer_proto_next(&proto, &field); i++) {
        if (field.number > MODEL_CONFIGURATION ||
            (field.number == MODEL_GRAPH && field.wire != MER_PROTO_BYTES))
            return false;
        has_graph |= field.number == MODEL_GRAPH && field.n > 0;
        has_version |= field.number == MODEL_IR_VERSION && field.wire == MER_PROTO_VARINT &&
                       field.value <= IR_VERSION_MAX;
    }
    return !proto.failed && has_graph && has_version;
}
