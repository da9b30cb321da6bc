/* A program in merlon-cell's place that lies about what it found in a file. Its input names the
 * lie.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "audit/audit_format.h"
#include "audit/audit_report.h"
#include "cell/confine.h"
#include "cell/protocol.h"
#include "lies.h"
#include "os/channel.h"

static struct lie lie;
static struct mer_audit_report report = {.format = 2, .n_findings = 2};

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

static void lie_in_report(void)
{
    struct mer_audit_finding *const finding = &report.findings[1];
    if (is("format"))
        report.format = MER_AUDIT_N_FORMATS + 1;
    if (is("kind"))
        finding->kind = MER_AUDIT_KIND_COUNT;
    if (is("no count"))
        finding->count = 0;
    if (is("text without end"))
        memset(finding->detail, 'x', sizeof finding->detail);
    if (is("place without end"))
        memset(finding->where, 'x', sizeof finding->where);
    if (is("escape in text"))
        memcpy(finding->detail, "\x1b[2J", 5);
    if (is("newline in text"))
        memcpy(finding->detail, "a\nclean", 8);
    if (is("direction in text"))
        memcpy(finding->where,
               "\xe2\x80\xae"
               "x",
               5);
    if (is("no utf-8"))
        memcpy(finding->detail, "\xff\xfe", 3);
    if (is("more findings than sent"))
        report.n_findings = 3;
    if (is("findings without end"))
        report.n_findings = UINT32_MAX;
}

int main(void)
{
    struct mer_cell_start start;
    struct mer_cell_request request;
    struct mer_cell_answer answer = {.magic = MER_CELL_MAGIC,
                                     .kind = MER_CELL_READY,
                                     .level = MER_CELL_HAS_SECCOMP | MER_CELL_HAS_LANDLOCK};
    hear(&start, sizeof start);
    say(&answer, sizeof answer);
    hear(&request, sizeof request);
    if (pread(MER_CELL_INPUT, &lie, sizeof lie, 0) != (ssize_t)sizeof lie)
        return 1;
    for (size_t i = 0; i < 2; i++)
        report.findings[i] =
            (struct mer_audit_finding){.kind = MER_AUDIT_CONTENTS, .count = 1, .detail = "fine"};
    const size_t n = mer_audit_report_size(&report);
    lie_in_report();
    if (is("dies"))
        abort();
    answer.kind = MER_CELL_RESULT;
    answer.n_inline = is("too long") ? (uint64_t)1 << 40 : is("short") ? n - 1 : n;
    if (is("output too"))
        answer.n_output = 1;
    if (is("failure"))
        answer.code = MER_ERR_DATA;
    if (is("trust"))
        answer.code = MER_ERR_TRUST;
    say(&answer, sizeof answer);
    say(&report, answer.n_inline < n ? answer.n_inline : n);
    if (is("does not end"))
        for (;;)
            (void)pause();
    return is("bad end") ? 3 : 0;
}
