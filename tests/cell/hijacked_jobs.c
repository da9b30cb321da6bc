/* Stands in for jobs.c in a cell whose parser was taken over: the input says which system call to
 * make. Everything else of the cell is the real thing. That the call came back is told in an error,
 * with its result. */
#include <string.h>

#include "cell/confine.h"
#include "cell/jobs.h"
#include "os/memory_file.h"
#include "probes.h"

mer_status mer_cell_load(const struct mer_cell_request *request, const char *inline_bytes,
                         struct mer_cell_inputs *ret_inputs, mer_err *err)
{
    struct mer_cell_inputs inputs = {.optional_field = NULL};
    (void)inline_bytes;
    if (request->n_input != sizeof(struct probe))
        return mer_fail(err, MER_ERR_IO, "no probe");
    MER_GUARD(mer_memory_file_map(MER_CELL_INPUT, request->n_input, &inputs.input, err));
    *ret_inputs = inputs;
    return mer_ok();
}

static long call_64(long number, const int64_t *a)
{
    long result;
    register long a4 __asm__("r10") = a[3];
    register long a5 __asm__("r8") = a[4];
    register long a6 __asm__("r9") = a[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(a4), "r"(a5), "r"(a6)
                     : "rcx", "r11", "memory");
    return result;
}

/* Pushes rbx by hand: it holds the first argument here and is the compiler's otherwise. */
static long call_32(int number, const int64_t *a)
{
    int result;
    __asm__ volatile("push %%rbx\n\t"
                     "mov %2, %%ebx\n\t"
                     "int $0x80\n\t"
                     "pop %%rbx"
                     : "=a"(result)
                     : "0"(number), "r"((int)a[0]), "c"((int)a[1]), "d"((int)a[2]), "S"((int)a[3]),
                       "D"((int)a[4])
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

mer_status mer_cell_compute(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            const struct mer_cell_inputs *inputs, struct mer_cell_answer *answer,
                            struct mer_cell_outputs *outputs, struct mer_cell_model *model,
                            mer_err *err)
{
    enum { X32_BIT = 0x40000000 };
    struct probe probe;
    (void)ctx;
    (void)request;
    (void)answer;
    (void)outputs;
    (void)model;
    memcpy(&probe, inputs->input, sizeof probe);
    long result = 0;
    switch (probe.way) {
    case PROBE_SYSCALL:
        result = call_64(probe.number, probe.arguments);
        break;
    case PROBE_INT80:
        result = call_32(probe.number, probe.arguments);
        break;
    default:
        result = call_64(probe.number | X32_BIT, probe.arguments);
        break;
    }
    return mer_fail(err, MER_ERR_DATA, "came back with %ld", result);
}

void mer_cell_forget_table(struct mer_cell_model *model)
{
    (void)model;
}

mer_status mer_cell_predict(const struct mer_ctx *ctx, const struct mer_cell_request *request,
                            int table, struct mer_cell_model *model, struct mer_cell_answer *answer,
                            mer_err *err)
{
    (void)ctx;
    (void)request;
    (void)table;
    (void)model;
    (void)answer;
    return mer_fail(err, MER_ERR_INTERNAL, "a probe is no model");
}
