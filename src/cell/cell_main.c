/* merlon-cell: reads a stranger's bytes where they can do no harm. Started by Merlon alone, with
 * four descriptors, no arguments, no environment. Serves one request and ends. Has no keys, no
 * network and no code for either.
 */
#include <string.h>

#include "cell/confine.h"
#include "cell/jobs.h"
#include "os/channel.h"

/* Exactly n bytes of the parent's; false when it is gone. */
static bool receive(void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        size_t got;
        if (!mer_channel_receive(MER_CELL_CONTROL, (char *)bytes + done, n - done, &got) ||
            got == 0)
            return false;
        done += got;
    }
    return true;
}

static bool send_answer(const struct mer_cell_answer *answer)
{
    return mer_descriptor_write(MER_CELL_CONTROL, answer, sizeof *answer);
}

static void report_progress(void *self, const char *phase, uint64_t done, uint64_t total)
{
    (void)self;
    struct mer_cell_answer answer = {
        .magic = MER_CELL_MAGIC, .kind = MER_CELL_PROGRESS, .done = done, .total = total};
    (void)strncpy(answer.phase, phase, sizeof answer.phase - 1);
    /* A parent that is gone takes the cell with it; nothing to do about it here. */
    (void)send_answer(&answer);
}

static bool send_result(struct mer_cell_answer *answer, mer_status status, const mer_err *err,
                        const struct mer_cell_outputs *outputs)
{
    answer->magic = MER_CELL_MAGIC;
    answer->kind = MER_CELL_RESULT;
    answer->code = status.code;
    answer->n_inline = mer_is_ok(status) ? outputs->notes.n : 0;
    if (!mer_is_ok(status)) {
        memcpy(answer->message, err->message, sizeof answer->message);
        memcpy(answer->hint, err->hint, sizeof answer->hint);
    }
    return send_answer(answer) &&
           mer_descriptor_write(MER_CELL_CONTROL, outputs->notes.bytes, answer->n_inline);
}

static mer_status serve(const struct mer_cell_request *request, const char *inline_bytes,
                        struct mer_cell_answer *answer, struct mer_cell_outputs *outputs,
                        mer_err *err)
{
    static struct mer_alloc alloc; /* what it gave out is sent after this returns */
    static const struct mer_progress progress = {.report = report_progress};
    mer_alloc_init(&alloc, request->max_memory_bytes);
    const struct mer_ctx ctx = {
        .alloc = &alloc, .progress = &progress, .cpu = (enum mer_cpu_level)request->cpu};
    struct mer_cell_inputs inputs;

    mer_buf_init(&outputs->notes, &alloc, MER_CELL_NOTES_MAX);
    MER_GUARD(mer_cell_load(request, inline_bytes, &inputs, err));
    MER_GUARD(mer_cell_enter_compute(err));
    return mer_cell_compute(&ctx, request, &inputs, answer, outputs, err);
}

/* The first use of the heap, and of a JSON object, asks the kernel for randomness, which no later
 * phase may do. */
static bool use_heap_and_json_once(void)
{
    struct mer_alloc alloc;
    struct mer_json_document *document;
    mer_alloc_init(&alloc, SIZE_MAX);
    if (!mer_is_ok(mer_json_parse(&alloc, "{\"a\":1}", 7, &MER_JSON_DEFAULT_LIMITS, "nothing",
                                  &document, NULL)))
        return false;
    mer_json_free(document);
    return true;
}

int main(void)
{
    enum { NO_REQUEST = 64, NOT_CONFINED = 69, NO_PARENT = 74 };
    static char inline_bytes[MER_CELL_INLINE_MAX + 1];
    struct mer_cell_request request;
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_READY};
    struct mer_cell_outputs outputs = {0};
    mer_err err = {0};

    if (!use_heap_and_json_once())
        return NOT_CONFINED;
    mer_status status = mer_cell_enter_load(&answer.level, &err);
    if (!mer_is_ok(status)) {
        (void)send_result(&answer, status, &err, &outputs);
        return NOT_CONFINED;
    }
    if (!send_answer(&answer))
        return NO_PARENT;
    if (!receive(&request, sizeof request) || request.magic != MER_CELL_MAGIC ||
        request.n_inline > MER_CELL_INLINE_MAX || !receive(inline_bytes, request.n_inline))
        return NO_REQUEST;
    status = serve(&request, inline_bytes, &answer, &outputs, &err);
    return send_result(&answer, status, &err, &outputs) ? 0 : NO_PARENT;
}
