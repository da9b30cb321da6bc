#include "cell/cell_session.h"

#include <string.h>

#include "cell/confine.h"
#include "core/team.h"
#include "core/utf8.h"
#include "os/channel.h"
#include "os/clock.h"
#include "os/memory_file.h"

enum {
    POLL_MS = 50,               /* how soon a cancelled caller notices */
    END_MS = 2000,              /* a cell that has answered ends at once */
    SECONDS_MIN = 600,          /* the readers are linear; this is for those that went wild */
    BYTES_A_SECOND = 1000000,   /* the slowest that a reader may be beyond that */
    ADDRESS_SLACK = 64 << 20,   /* the program itself, its stack, the allocator's reserves */
    ADDRESS_THREAD = 144 << 20, /* a stack and what the allocator reserves for a thread */
    DATA_SLACK = 8 << 20,       /* of a worker: the program's own data, the allocator's reserves */
    DATA_THREAD = 9 << 20,      /* a stack */
    SERVES_TIMES = 10           /* a cell that serves may last the time of so many requests */
};

static uint64_t now_ns(void)
{
    return MER_CLOCK_MONOTONIC.now_ns(MER_CLOCK_MONOTONIC.self);
}

/* How a cell ended that should not have. */
static mer_status tell_end(const struct mer_cell_session *session, struct mer_ended ended,
                           mer_err *err)
{
    if (ended.timed_out)
        return mer_fail(err, MER_ERR_DATA, "%s fell silent and had to be ended", session->who);
    if (!ended.signalled && ended.code == MER_ENDED_UNSTARTED)
        return mer_fail(err, MER_ERR_ABSENT, "the cell could not be started");
    if (!ended.signalled)
        return mer_fail(err, MER_ERR_DATA, "%s ended with code %d and without an answer",
                        session->who, ended.code);
    switch (ended.code) {
    case MER_ENDED_BY_FILTER:
        return mer_fail(err, MER_ERR_DATA, "%s tried something forbidden and was ended",
                        session->who);
    case MER_ENDED_BY_TIME:
        return mer_fail(err, MER_ERR_DATA, "%s used up its processor time", session->who);
    case MER_ENDED_BY_SIZE:
    case MER_ENDED_BY_BUS:
        return mer_fail(err, MER_ERR_MEMORY, "%s needs more memory than it may have", session->who);
    case MER_ENDED_BY_KILL:
        return mer_hint(err, mer_fail(err, MER_ERR_MEMORY, "%s was killed", session->who),
                        "mostly that is the kernel, short of memory");
    default:
        return mer_fail(err, MER_ERR_DATA, "%s was ended by signal %d", session->who, ended.code);
    }
}

static mer_status lost(struct mer_cell_session *session, mer_err *err)
{
    const struct mer_ended ended = mer_child_wait(&session->child, END_MS);
    MER_GUARD(mer_ctx_check_cancel(session->ctx, err));
    return tell_end(session, ended, err);
}

/* Waits until the cell has said something, while looking after cancelling and the time. */
static mer_status await(struct mer_cell_session *session, mer_err *err)
{
    for (;;) {
        MER_GUARD(mer_ctx_check_cancel(session->ctx, err));
        if (now_ns() - session->asked_ns > session->asked_seconds * (uint64_t)1000000000)
            return mer_fail(err, MER_ERR_DATA, "%s took more than %u seconds", session->who,
                            session->asked_seconds);
        switch (mer_channel_await(session->socket, POLL_MS)) {
        case MER_CHANNEL_READY:
            return mer_ok();
        case MER_CHANNEL_BROKEN:
            return mer_fail(err, MER_ERR_IO, "waiting for a cell failed");
        case MER_CHANNEL_SILENT:
            break;
        }
    }
}

mer_status mer_cell_session_receive(struct mer_cell_session *session, void *bytes, size_t n,
                                    mer_err *err)
{
    for (size_t done = 0; done < n;) {
        MER_GUARD(await(session, err));
        size_t got;
        if (!mer_channel_receive(session->socket, (char *)bytes + done, n - done, &got))
            return mer_fail(err, MER_ERR_IO, "hearing from a cell failed");
        if (got == 0)
            return lost(session, err);
        done += got;
    }
    return mer_ok();
}

/* A text out of a cell: zero-terminated, valid, one line; whatever is not becomes a question mark.
 */
static void clean_text(char *text, size_t size)
{
    text[size - 1] = '\0';
    const size_t n = strlen(text);
    for (size_t i = 0; i < n;) {
        const size_t length = mer_utf8_length((const unsigned char *)text + i, n - i);
        if (length == 0 || !mer_utf8_printable((const unsigned char *)text + i, length))
            text[i++] = '?';
        else
            i += length;
    }
}

/* A failure as the cell tells it. It may not claim what is the parent's to say: trust, cancelling.
 */
mer_status mer_cell_session_pass_on(const struct mer_cell_session *session,
                                    struct mer_cell_answer *answer, mer_err *err)
{
    enum mer_code code = MER_ERR_DATA;
    if (answer->code == MER_ERR_USAGE || answer->code == MER_ERR_MEMORY ||
        answer->code == MER_ERR_IO || answer->code == MER_ERR_ABSENT ||
        answer->code == MER_ERR_INTERNAL)
        code = (enum mer_code)answer->code;
    clean_text(answer->message, sizeof answer->message);
    clean_text(answer->hint, sizeof answer->hint);
    const mer_status status = answer->message[0] ? mer_fail(err, code, "%s", answer->message)
                                                 : mer_fail(err, code, "%s failed", session->who);
    return answer->hint[0] ? mer_hint(err, status, "%s", answer->hint) : status;
}

static mer_status check_answer(const struct mer_cell_session *session,
                               const struct mer_cell_answer *answer, mer_err *err)
{
    if (answer->magic != MER_CELL_MAGIC || answer->kind > MER_CELL_RESULT)
        return mer_fail(err, MER_ERR_DATA, "%s gave an answer that is none", session->who);
    return mer_ok();
}

static mer_status receive_answer(struct mer_cell_session *session,
                                 struct mer_cell_answer *ret_answer, mer_err *err)
{
    MER_GUARD(mer_cell_session_receive(session, ret_answer, sizeof *ret_answer, err));
    return check_answer(session, ret_answer, err);
}

static mer_status check_level(bool require_full, unsigned level, mer_err *err)
{
    if (!require_full || level == MER_CELL_HAS_ALL)
        return mer_ok();
    const mer_status status =
        mer_fail(err, MER_ERR_ABSENT, "this machine does not give a full cell: %s%s%s missing",
                 level & MER_CELL_HAS_LANDLOCK ? "" : "Landlock",
                 level & (MER_CELL_HAS_LANDLOCK | MER_CELL_HAS_NAMESPACES) ? "" : " and ",
                 level & MER_CELL_HAS_NAMESPACES ? "" : "namespaces");
    return mer_hint(
        err, status,
        "merlon doctor tells more; without --require-cell full Merlon makes do with seccomp");
}

/* What is said before the child is there waits for it in the socket. */
static mer_status say_start(const struct mer_cell_session *session, mer_err *err)
{
    const struct mer_cell_start start = {.magic = MER_CELL_MAGIC,
                                         .n_threads = (uint32_t)session->n_threads,
                                         .serves = session->serves};
    if (!mer_channel_send(session->socket, &start, sizeof start))
        return mer_fail(err, MER_ERR_IO, "speaking to a cell failed");
    return mer_ok();
}

/* Of a worker, private memory is capped closely: what it may allocate, and what threads and
 * allocator take beside that. 0: as it is. */
static size_t data_bytes(const struct mer_cell_start_options *options)
{
    size_t n;
    return options->works && mer_size_mul(options->n_threads, DATA_THREAD, &n) &&
                   mer_size_add(n, DATA_SLACK, &n) && mer_size_add(n, options->max_memory_bytes, &n)
               ? n
               : 0;
}

static mer_status spawn(struct mer_cell_session *session,
                        const struct mer_cell_start_options *options, size_t max_address_bytes,
                        mer_err *err)
{
    static const char *const arguments[] = {"merlon-cell", NULL};
    int pair[2];

    MER_GUARD(mer_channel_pair(pair, err));
    session->socket = pair[0];
    const struct mer_spawn spawn = {
        .program = options->settings->program,
        .arguments = arguments,
        .fds = {pair[1], options->input.fd, session->output, options->side.fd},
        .n_fds = MER_CELL_N_FDS,
        .namespaces = !options->settings->without_namespaces,
        .max_address_bytes = max_address_bytes,
        .max_data_bytes = data_bytes(options),
        .max_cpu_seconds = session->max_cpu_seconds,
        .max_file_bytes = options->works ? options->max_output_bytes : options->max_memory_bytes,
    };
    mer_status status = say_start(session, err);
    if (mer_is_ok(status))
        status = mer_spawn_start(&spawn, &session->child, err);
    mer_descriptor_close(pair[1]);
    return status;
}

static mer_status await_ready(struct mer_cell_session *session, bool require_full, mer_err *err)
{
    enum { OWN_BITS = MER_CELL_HAS_SECCOMP | MER_CELL_HAS_LANDLOCK };
    struct mer_cell_answer answer;
    MER_GUARD(receive_answer(session, &answer, err));
    if (answer.kind == MER_CELL_RESULT && answer.code != MER_OK)
        return mer_cell_session_pass_on(session, &answer, err);
    if (answer.kind != MER_CELL_READY || !(answer.level & MER_CELL_HAS_SECCOMP))
        return mer_fail(err, MER_ERR_ABSENT, "the cell is not confined");
    session->level =
        (answer.level & OWN_BITS) | (session->child.namespaces ? MER_CELL_HAS_NAMESPACES : 0);
    return check_level(require_full, session->level, err);
}

/* Address space: what it may use, what it is given, itself, and for each thread a stack and a share
 * of the allocator's. */
static bool address_bytes(const struct mer_cell_start_options *options, size_t n_threads,
                          size_t *ret_bytes)
{
    size_t n, more;
    return mer_size_mul(n_threads, ADDRESS_THREAD, &more) &&
           mer_size_add(options->max_memory_bytes, more, &n) &&
           mer_size_add(n, ADDRESS_SLACK, &n) && mer_size_add(n, options->input.n, &n) &&
           mer_size_add(n, options->side.n, &n) &&
           mer_size_add(n, options->works ? options->max_output_bytes : 0, &n) &&
           mer_size_add(n, options->serves ? options->max_memory_bytes : 0, ret_bytes);
}

static size_t team_of(const struct mer_ctx *ctx, bool with_team)
{
    const size_t n = with_team ? mer_team_size(ctx->team) : 1;
    return n < MER_CELL_THREADS_MAX ? n : MER_CELL_THREADS_MAX;
}

mer_status mer_cell_session_start(struct mer_cell_session *session, const struct mer_ctx *ctx,
                                  const struct mer_cell_start_options *options, mer_err *err)
{
    size_t n_address;
    *session = (struct mer_cell_session){
        .ctx = ctx,
        .socket = -1,
        .output = -1,
        .who = options->works    ? "the worker"
               : options->serves ? "the cell that holds the model"
                                 : "the cell that read the input",
        .n_threads = options->works ? options->n_threads : team_of(ctx, options->with_team),
        .serves = options->serves,
    };
    session->start_ns = session->asked_ns = now_ns();
    session->max_seconds = options->settings->max_seconds;
    if (session->max_seconds == 0)
        session->max_seconds = SECONDS_MIN + (unsigned)(options->input.n / BYTES_A_SECOND);
    session->asked_seconds = session->max_seconds;
    session->grows = options->settings->max_seconds == 0;
    /* The clock comes first; a cell that serves is given up before its time is used up. */
    session->max_cpu_seconds =
        ((uint64_t)session->max_seconds * (options->serves ? SERVES_TIMES + 1 : 1) + 1) *
        session->n_threads;
    if (options->works)
        session->max_cpu_seconds = options->max_cpu_seconds;
    /* A cell that serves has a thread more, which goes ahead. */
    if (!address_bytes(options, session->n_threads + options->serves, &n_address))
        return mer_fail(err, MER_ERR_MEMORY, "an input of %zu bytes is too large",
                        options->input.n);
    MER_GUARD(mer_memory_file_new("merlon-result", &session->output, err));
    MER_GUARD(spawn(session, options, n_address, err));
    return await_ready(session, options->settings->require_full, err);
}

mer_status mer_cell_session_listen(struct mer_cell_session *session, bool *ret_is_whole,
                                   mer_err *err)
{
    size_t got;
    *ret_is_whole = false;
    switch (mer_channel_await(session->socket, 0)) {
    case MER_CHANNEL_SILENT:
        return mer_ok();
    case MER_CHANNEL_BROKEN:
        return mer_fail(err, MER_ERR_IO, "waiting for a cell failed");
    case MER_CHANNEL_READY:
        break;
    }
    if (session->n_heard == sizeof session->heard)
        session->n_heard = 0;
    if (!mer_channel_receive(session->socket, (char *)&session->heard + session->n_heard,
                             sizeof session->heard - session->n_heard, &got))
        return mer_fail(err, MER_ERR_IO, "hearing from a cell failed");
    if (got == 0)
        return lost(session, err);
    session->n_heard += got;
    *ret_is_whole = session->n_heard == sizeof session->heard;
    return *ret_is_whole ? check_answer(session, &session->heard, err) : mer_ok();
}

static mer_status hear_result(struct mer_cell_session *session, struct mer_cell_answer *ret_answer,
                              mer_err *err)
{
    for (;;) {
        MER_GUARD(receive_answer(session, ret_answer, err));
        if (ret_answer->kind == MER_CELL_READY)
            return mer_fail(err, MER_ERR_DATA, "%s contradicts itself", session->who);
        if (ret_answer->kind == MER_CELL_RESULT)
            break;
        clean_text(ret_answer->phase, sizeof ret_answer->phase);
        if (ret_answer->done > ret_answer->total)
            ret_answer->done = ret_answer->total;
        mer_ctx_progress(session->ctx, ret_answer->phase, ret_answer->done, ret_answer->total);
        if (session->follower.hear)
            MER_GUARD(session->follower.hear(session->follower.self, ret_answer->done,
                                             ret_answer->total, err));
    }
    session->has_answered = true;
    return ret_answer->code == MER_OK ? mer_ok()
                                      : mer_cell_session_pass_on(session, ret_answer, err);
}

mer_status mer_cell_session_ask(struct mer_cell_session *session,
                                const struct mer_cell_request *request, const char *inline_bytes,
                                struct mer_cell_answer *ret_answer, mer_err *err)
{
    if (!mer_channel_send(session->socket, request, sizeof *request) ||
        !mer_channel_send(session->socket, inline_bytes, request->n_inline))
        return lost(session, err);
    return hear_result(session, ret_answer, err);
}

mer_status mer_cell_session_ask_again(struct mer_cell_session *session,
                                      const struct mer_cell_request *request, int fd_passed,
                                      struct mer_cell_follower follower,
                                      struct mer_cell_answer *ret_answer, mer_err *err)
{
    session->follower = follower;
    session->asked_ns = now_ns();
    session->asked_seconds =
        session->max_seconds + (session->grows ? (unsigned)(request->n_side / BYTES_A_SECOND) : 0);
    session->has_answered = false;
    if (!mer_channel_send_with(session->socket, request, sizeof *request, fd_passed))
        return lost(session, err);
    return hear_result(session, ret_answer, err);
}

bool mer_cell_session_is_usable(const struct mer_cell_session *session)
{
    return session->socket >= 0 && session->child.pid > 0 && session->has_answered &&
           mer_channel_is_quiet(session->socket) &&
           (now_ns() - session->start_ns) / 1000000000 <
               (uint64_t)session->max_seconds * SERVES_TIMES;
}

mer_status mer_cell_session_await_end(struct mer_cell_session *session, mer_err *err)
{
    const struct mer_ended ended = mer_child_wait(&session->child, END_MS);
    if (ended.timed_out || ended.signalled || ended.code != 0)
        return mer_fail(err, MER_ERR_DATA, "%s did not end as it should", session->who);
    return mer_ok();
}

void mer_cell_session_end(struct mer_cell_session *session)
{
    mer_descriptor_close(session->socket);
    mer_descriptor_close(session->output);
    session->socket = session->output = -1;
    if (session->child.pid > 0) {
        mer_child_kill(&session->child);
        (void)mer_child_wait(&session->child, END_MS);
    }
}
