/* A program in merlon-cell's place that lies. Its input, which it reads as it likes, names the lie;
 * the protocol is spoken by hand. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cell/confine.h"
#include "cell/protocol.h"
#include "frame/image.h"
#include "lies.h"
#include "os/channel.h"
#include "os/memory_file.h"

static struct lie lie;
static struct mer_alloc alloc;
static struct mer_file_region output;
static char notes[64];

static void say(const void *bytes, size_t n)
{
    if (!mer_descriptor_write(MER_CELL_CONTROL, bytes, n))
        exit(74);
}

static bool is(const char *name)
{
    return strcmp(lie.name, name) == 0;
}

static void wait_for_ever(void)
{
    for (;;)
        (void)pause();
}

static void say_ready(void)
{
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC,
                                     .kind = MER_CELL_READY,
                                     .level = MER_CELL_HAS_SECCOMP | MER_CELL_HAS_LANDLOCK};
    if (is("ends at once"))
        exit(0);
    if (is("says nothing"))
        wait_for_ever();
    if (is("another magic"))
        answer.magic++;
    if (is("another kind"))
        answer.kind = 99;
    if (is("result before ready"))
        answer.kind = MER_CELL_RESULT;
    if (is("is not confined"))
        answer.level = 0;
    if (is("half a ready"))
        say(&answer, sizeof answer / 2), exit(0);
    say(&answer, sizeof answer);
}

static void hear(void *bytes, size_t n)
{
    for (size_t done = 0, got; done < n; done += got)
        if (!mer_channel_receive(MER_CELL_CONTROL, (char *)bytes + done, n - done, &got) ||
            got == 0)
            exit(64);
}

/* Ends, or does not, in place of an answer. */
static void misbehave(void)
{
    if (is("dies after a while"))
        (void)usleep(200000), exit(3);
    if (is("never answers"))
        wait_for_ever();
    if (is("spins"))
        for (volatile unsigned spin = 0;; spin++)
            ;
    if (is("runs wild"))
        *(volatile char *)lie.number = 1;
    if (is("is ended by a signal"))
        (void)raise((int)lie.number);
    if (is("writes too much"))
        exit(ftruncate(MER_CELL_OUTPUT, (off_t)1 << 40) == 0 ? 0 : 74);
    if (is("takes too much memory")) {
        void *taken = mmap(NULL, (size_t)1 << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        exit(taken == MAP_FAILED ? 75 : 0);
    }
}

static void report_progress_for_ever(void)
{
    struct mer_cell_answer answer = {
        .magic = MER_CELL_MAGIC, .kind = MER_CELL_PROGRESS, .done = UINT64_MAX, .total = 1};
    memset(answer.phase, '\033', sizeof answer.phase);
    for (;;)
        say(&answer, sizeof answer);
}

/* A true result for the fixed table, to lie about. */
static struct mer_cell_answer work(void)
{
    const struct mer_ctx ctx = {.alloc = &alloc};
    const struct mer_csv_options options = {.header = MER_CSV_HEADER_YES};
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC, .kind = MER_CELL_RESULT};
    struct mer_csv_report report;
    mer_alloc_init(&alloc, (size_t)1 << 26);
    mer_region_init_memory_file(&output, &alloc, MER_CELL_OUTPUT, (size_t)1 << 26);
    if (!mer_is_ok(mer_csv_write_image(&ctx, LIES_TABLE, strlen(LIES_TABLE), &options,
                                       &output.region, &report, NULL)))
        exit(65);
    answer.n_output = output.region.n;
    answer.report.n_rows = report.n_rows;
    answer.report.n_columns = report.n_columns;
    answer.report.delimiter = (uint8_t)report.delimiter;
    return answer;
}

static void lie_about_result(struct mer_cell_answer *answer)
{
    unsigned char *const image = output.region.base;
    if (is("flips a bit"))
        image[lie.number / 8 % output.region.n] ^= (unsigned char)(1 << lie.number % 8);
    if (is("sets a byte"))
        image[lie.number % output.region.n] = (unsigned char)(lie.number >> 32);
    if (is("other size"))
        answer->n_output = lie.number;
    if (is("cuts the image")) {
        answer->n_output = lie.number;
        if (ftruncate(MER_CELL_OUTPUT, (off_t)lie.number) != 0)
            exit(74);
    }
    if (is("other rows"))
        answer->report.n_rows = lie.number;
    if (is("fewer columns"))
        answer->report.n_columns = 1;
    if (is("more columns than memory"))
        answer->report.n_columns = UINT64_MAX;
    if (is("other delimiter"))
        answer->report.delimiter = (uint8_t)lie.number;
    if (is("booleans that are none"))
        answer->report.has_header = answer->report.had_bom = answer->report.was_gzip = 0xfe;
    if (is("fails with code")) {
        answer->code = (uint32_t)lie.number;
        memcpy(answer->message, "reason", sizeof "reason");
    }
    if (is("fails without a word"))
        answer->code = MER_ERR_DATA;
    if (is("fails with filth")) {
        answer->code = MER_ERR_DATA;
        memset(answer->message, '\033', sizeof answer->message);
        memset(answer->hint, 0xff, sizeof answer->hint);
    }
    if (is("says more than asked") || is("announces too much"))
        answer->n_inline = lie.number;
}

/* Notes on a schema of the fixed table: as they should be, but for the lie. */
static size_t make_notes(void)
{
    const uint32_t n_missing = is("notes count") ? (uint32_t)lie.number : 1;
    const uint32_t n_text = is("notes length") ? (uint32_t)lie.number : 2;
    memcpy(notes, &n_missing, 4);
    memcpy(notes + 4, &n_text, 4);
    memcpy(notes + 8, "NA", 2);
    if (is("notes text"))
        memcpy(notes + 8, &lie.number, 2);
    memset(notes + 10, is("notes flags") ? (int)lie.number : 0, LIES_COLUMNS);
    return is("notes size") ? lie.number : 10 + LIES_COLUMNS;
}

int main(void)
{
    if (pread(MER_CELL_INPUT, &lie, sizeof lie, 0) != sizeof lie)
        return 66;
    struct mer_cell_start start;
    struct mer_cell_request request;
    hear(&start, sizeof start);
    say_ready();
    hear(&request, sizeof request);
    if (is("endless progress"))
        report_progress_for_ever();
    misbehave();
    struct mer_cell_answer answer = work();
    lie_about_result(&answer);
    if (strncmp(lie.name, "notes", 5) == 0)
        answer.n_inline = make_notes();
    if (!is("a writer stays"))
        mer_region_release(&output.region);
    say(&answer, is("half a result") ? sizeof answer - 1 : sizeof answer);
    if (answer.n_inline <= sizeof notes)
        say(notes, answer.n_inline);
    if (is("two results"))
        say(&answer, sizeof answer);
    if (is("does not end") || is("a writer stays")) /* its end would be the mapping's */
        wait_for_ever();
    return is("ends badly") ? (int)lie.number : 0;
}
