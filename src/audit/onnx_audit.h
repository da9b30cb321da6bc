/* Inside the reader of ONNX models. */
#ifndef MER_AUDIT_ONNX_AUDIT_H
#define MER_AUDIT_ONNX_AUDIT_H

#include "audit/audit.h"
#include "audit/protobuf_walk.h"

struct mer_onnx_text {
    const char *bytes;
    size_t n;
};

struct mer_onnx_function {
    struct mer_onnx_text domain;
    struct mer_onnx_text name;
    size_t n_callers_left; /* while it is found out whether functions reach themselves */
    bool is_done;
};

struct mer_onnx_call { /* one function uses another */
    size_t from;
    size_t to;
};

struct mer_onnx {
    struct mer_audit *audit;
    const unsigned char *base; /* of the file: places are told from here */
    struct mer_onnx_function *functions;
    size_t n_functions;
    size_t function_capacity;
    struct mer_onnx_call *calls;
    size_t n_calls;
    size_t call_capacity;
    size_t in_function; /* SIZE_MAX: in none */
    unsigned depth;
    uint64_t n_nodes;
    uint64_t n_tensors;
    bool is_broken;
};

/* A tensor (TensorProto): its shape against its data, and what lies in other files. */
void mer_onnx_tensor(struct mer_onnx *onnx, const struct mer_proto_field *field);
void mer_onnx_broken(struct mer_onnx *onnx, const unsigned char *at, const char *what);
void mer_onnx_tell(struct mer_onnx *onnx, enum mer_audit_kind kind, const unsigned char *at,
                   struct mer_onnx_text name, const char *what);
bool mer_onnx_text_is(struct mer_onnx_text text, const char *wanted);
/* The field as a text; told where it is not UTF-8. */
struct mer_onnx_text mer_onnx_text_of(struct mer_onnx *onnx, const struct mer_proto_field *field);

/* An operator of the standard, "ai.onnx" or "ai.onnx.ml". */
bool mer_onnx_is_standard(bool of_ml, struct mer_onnx_text name);

#endif
