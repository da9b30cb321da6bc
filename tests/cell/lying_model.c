/* A program in merlon-cell's place that holds a model and lies about it. Its input names the lie;
 * the model's file follows at LIES_MODEL_AT. The work is real, so that one thing at a time is a
 * lie. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cell/confine.h"
#include "cell/facts_notes.h"
#include "cell/jobs.h"
#include "lies.h"
#include "os/channel.h"

static struct lie lie;
static struct mer_alloc alloc;
static struct mer_cell_model model;
static const struct mer_ctx ctx = {.alloc = &alloc};

static bool is(const char *name)
{
    return strcmp(lie.name, name) == 0;
}

static void say(const void *bytes, size_t n)
{
    if (!mer_descriptor_write(MER_CELL_CONTROL, bytes, n))
        exit(74);
}

static void hear(void *bytes, size_t n)
{
    for (size_t done = 0, got; done < n; done += got)
        if (!mer_channel_receive(MER_CELL_CONTROL, (char *)bytes + done, n - done, &got) ||
            got == 0)
            exit(64);
}

/* Facts that every cell tells differently. */
static void tell_another_story(struct mer_buf *notes)
{
    struct timespec time;
    struct mer_facts facts;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    if (!mer_is_ok(mer_facts_of_pipeline(&ctx, model.pipeline, &facts, NULL)))
        exit(65);
    facts.seed = (uint64_t)time.tv_nsec + 1000000000 * (uint64_t)time.tv_sec;
    mer_buf_clear(notes);
    if (!mer_is_ok(mer_facts_notes_write(&facts, notes, NULL)))
        exit(65);
}

static void open_model(struct mer_cell_request *request)
{
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_RESULT};
    struct mer_cell_inputs inputs;
    struct mer_cell_outputs outputs;
    if (!mer_is_ok(mer_memory_file_map(MER_CELL_INPUT, request->n_input, &inputs.input, NULL)))
        exit(65);
    inputs.input += LIES_MODEL_AT;
    request->n_input -= LIES_MODEL_AT;
    mer_buf_init(&outputs.notes, &alloc, MER_CELL_FACTS_MAX);
    if (!mer_is_ok(mer_cell_open_model(&ctx, request, &inputs, &outputs, &model, NULL)))
        exit(65);
    if (is("another story"))
        tell_another_story(&outputs.notes);
    answer.n_inline = is("too long a story") ? (uint64_t)MER_CELL_FACTS_MAX + 1 : outputs.notes.n;
    if (is("no story"))
        answer.n_inline = 0;
    say(&answer, sizeof answer);
    say(outputs.notes.bytes, is("half a story") ? answer.n_inline / 2 : answer.n_inline);
    if (is("half a story"))
        exit(0);
}

static void lie_about_predictions(struct mer_cell_answer *answer)
{
    double *const first = (double *)(void *)model.output.region.base;
    if (is("not a number"))
        first[lie.number] = (double)NAN;
    if (is("infinite"))
        first[lie.number] = (double)INFINITY;
    if (is("negative"))
        first[lie.number] = -0.25, first[lie.number + 1] = 1.25;
    if (is("other sum"))
        first[lie.number] = 0.5, first[lie.number + 1] = 0.5 + 1e-3;
    if (is("fewer"))
        answer->n_output -= sizeof(double);
    if (is("more"))
        answer->n_output += sizeof(double);
    if (is("says more"))
        answer->n_inline = 5;
    if (is("cuts the output") && ftruncate(MER_CELL_OUTPUT, 8) != 0)
        exit(74);
    if (is("another magic"))
        answer->magic++;
    if (is("is ready again"))
        answer->kind = MER_CELL_READY;
    if (is("fails with code"))
        answer->code = (uint32_t)lie.number;
}

static void tell_of_rows(uint64_t done, uint64_t total)
{
    const struct mer_cell_answer progress = {.magic = MER_CELL_MAGIC,
                                             .kind = MER_CELL_PROGRESS,
                                             .done = done,
                                             .total = total,
                                             .phase = "predicting"};
    say(&progress, sizeof progress);
}

/* Of lie.number rows. What is told is true again when the result is told. */
static void lie_about_progress(const struct mer_cell_answer *answer)
{
    enum { LONG_US = 300000 };
    double *const first = (double *)(void *)model.output.region.base;
    const double value = first[0];
    if (is("tells of rows, then changes")) {
        tell_of_rows(lie.number, lie.number);
        (void)usleep(LONG_US);
        for (size_t i = 0; i < answer->n_output / sizeof *first; i++)
            first[i] = (double)NAN;
    }
    if (is("tells of rows, none")) {
        first[0] = (double)NAN;
        tell_of_rows(1, lie.number);
        (void)usleep(LONG_US);
        first[0] = value;
    }
    if (is("tells of rows not there")) {
        if (ftruncate(MER_CELL_OUTPUT, 8) != 0)
            exit(74);
        tell_of_rows(lie.number, lie.number);
    }
    if (is("tells of other rows"))
        tell_of_rows(UINT64_MAX - 1, UINT64_MAX);
    if (is("takes rows back"))
        for (uint64_t row = lie.number; row > 0; row--)
            tell_of_rows(row, lie.number);
}

static void predict(const struct mer_cell_request *request, int table)
{
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_RESULT};
    if (is("dies"))
        exit(3);
    for (volatile unsigned spin = 0; is("spins"); spin++)
        ;
    if (!mer_is_ok(mer_cell_predict(&ctx, request, table, &model, &answer, NULL)))
        exit(65);
    lie_about_progress(&answer);
    lie_about_predictions(&answer);
    say(&answer, sizeof answer);
    if (is("speaks unasked"))
        say(&answer, sizeof answer);
    if (is("ends once it has answered"))
        exit(0);
}

int main(void)
{
    struct mer_cell_start start;
    struct mer_cell_request request;
    const struct mer_cell_answer ready = {.magic = MER_CELL_MAGIC,
                                          .kind = MER_CELL_READY,
                                          .level = MER_CELL_HAS_SECCOMP | MER_CELL_HAS_LANDLOCK};
    int table;
    mer_alloc_init(&alloc, (size_t)1 << 28);
    if (pread(MER_CELL_INPUT, &lie, sizeof lie, 0) != sizeof lie)
        return 66;
    hear(&start, sizeof start);
    say(&ready, sizeof ready);
    hear(&request, sizeof request);
    open_model(&request);
    while (mer_channel_receive_with(MER_CELL_CONTROL, &request, sizeof request, &table))
        predict(&request, table);
    return 0;
}
