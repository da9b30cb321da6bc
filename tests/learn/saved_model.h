/* A model saved into a bundle and its JSON object, ready to be loaded again or tampered with. */
#ifndef TESTS_LEARN_SAVED_MODEL_H
#define TESTS_LEARN_SAVED_MODEL_H

#include "learn/family.h"

static const char PREFIX[] = "model/";

struct saved_model {
    struct mer_bundle bundle;
    struct mer_json_document *document;
};

static inline void saved_model_release(struct saved_model *saved)
{
    mer_bundle_release(&saved->bundle);
    mer_json_free(saved->document);
}

/* Init it with nothing saved; release in any case. */
static inline mer_status saved_model_fill(const struct mer_ctx *ctx,
                                          const struct mer_family *family,
                                          const struct mer_model *model, struct saved_model *saved,
                                          mer_err *err)
{
    struct mer_buf text;
    struct mer_json_writer writer;
    mer_bundle_init(&saved->bundle, ctx->alloc);
    saved->document = NULL;
    mer_buf_init(&text, ctx->alloc, 1 << 20);
    mer_json_writer_init(&writer, &text, 0, err);
    mer_json_begin_object(&writer);
    mer_status status = family->save(model, PREFIX, &saved->bundle, &writer, err);
    mer_json_end_object(&writer);
    if (mer_is_ok(status))
        status = mer_json_writer_end(&writer);
    if (mer_is_ok(status))
        status = mer_json_parse(ctx->alloc, (const char *)text.bytes, text.n,
                                &MER_JSON_DEFAULT_LIMITS, "model", &saved->document, err);
    mer_buf_release(&text);
    return status;
}

static inline mer_status saved_model_load(const struct mer_ctx *ctx,
                                          const struct mer_family *family,
                                          const struct saved_model *saved, enum mer_task task,
                                          size_t n_classes, const struct mer_design *shape,
                                          struct mer_model **ret_model, mer_err *err)
{
    return family->load(ctx, &saved->bundle, PREFIX, mer_json_root(saved->document), task,
                        n_classes, shape, ret_model, err);
}

#endif
