/* A program in merlon-cell's place that opens a table and runs trials, and lies about those whose
 * number names a lie. The work is real, so that one thing at a time is a lie. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cell/confine.h"
#include "cell/jobs.h"
#include "os/channel.h"
#include "worker_lies.h"

static struct mer_alloc alloc;
static struct mer_cell_bench bench;
static struct mer_ctx ctx = {.alloc = &alloc};

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
            exit(0);
}

static void open_table(const struct mer_cell_request *request)
{
    const struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_RESULT};
    struct mer_cell_inputs inputs;
    if (!mer_is_ok(mer_cell_load(NULL, request, "", &inputs, NULL)) ||
        !mer_is_ok(mer_cell_open_table(&ctx, request, &inputs, &bench, NULL)))
        exit(65);
    say(&answer, sizeof answer);
}

static void lie_in_output(uint64_t lie)
{
    struct mer_cell_trial_result *const head =
        (struct mer_cell_trial_result *)(void *)bench.output.region.base;
    double *const first = (double *)(void *)(head + 1);
    if (lie == LIE_SCORE_INFINITE)
        head->scores[1] = (double)INFINITY;
    if (lie == LIE_ANOTHER_TRIAL)
        head->id++;
    if (lie == LIE_FEWER_SCORES)
        head->n_scores--;
    if (lie == LIE_MORE_ROWS)
        head->n_held_out++;
    if (lie == LIE_PREDICTION_NAN)
        first[3] = (double)NAN;
    if (lie == LIE_PREDICTION_NEGATIVE)
        first[0] = -0.25, first[1] = 1.25;
    if (lie == LIE_CUTS_OUTPUT && ftruncate(MER_CELL_OUTPUT, 8) != 0)
        exit(74);
}

static void lie_in_answer(uint64_t lie, struct mer_cell_answer *answer)
{
    if (lie == LIE_FEWER_BYTES)
        answer->n_output -= sizeof(double);
    if (lie == LIE_ANOTHER_MAGIC)
        answer->magic++;
    if (lie == LIE_READY_AGAIN)
        answer->kind = MER_CELL_READY;
    if (lie == LIE_SAYS_MORE)
        answer->n_inline = 5;
    if (lie == LIE_TRUSTED)
        answer->code = MER_ERR_TRUST;
}

static void run(const struct mer_cell_trial *trial)
{
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_RESULT};
    if (trial->id == LIE_DIES)
        exit(3);
    if (trial->id == LIE_CRASHES)
        abort();
    for (volatile unsigned spin = 0; trial->id == LIE_SPINS; spin++)
        ;
    if (!mer_is_ok(mer_cell_run_trial(&ctx, trial, &bench, &answer, NULL)))
        exit(65);
    lie_in_output(trial->id);
    lie_in_answer(trial->id, &answer);
    say(&answer, trial->id == LIE_HALF_AN_ANSWER ? sizeof answer / 2 : sizeof answer);
    if (trial->id == LIE_HALF_AN_ANSWER)
        exit(0);
}

int main(void)
{
    struct mer_cell_start start;
    struct mer_cell_request request;
    struct mer_cell_trial trial;
    const struct mer_cell_answer ready = {.magic = MER_CELL_MAGIC,
                                          .kind = MER_CELL_READY,
                                          .level = MER_CELL_HAS_SECCOMP | MER_CELL_HAS_LANDLOCK};
    mer_alloc_init(&alloc, (size_t)1 << 28);
    hear(&start, sizeof start);
    say(&ready, sizeof ready);
    hear(&request, sizeof request);
    open_table(&request);
    for (;;) {
        hear(&request, sizeof request);
        hear(&trial, sizeof trial);
        run(&trial);
    }
}
