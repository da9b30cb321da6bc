/* One cell's life as its parent sees it: started, ready, asked, heard, ended. Every call checks
 * cancelling and the time limit; every failure leaves the cell to mer_cell_session_end.
 */
#ifndef MER_CELL_CELL_SESSION_H
#define MER_CELL_CELL_SESSION_H

#include "cell/client.h"
#include "os/spawn.h"

/* Hears of every progress, which nobody vouches for, while the cell goes on; a failure ends the
 * waiting. */
struct mer_cell_follower {
    mer_status (*hear)(void *self, uint64_t done, uint64_t total, mer_err *err); /* NULL: nobody */
    void *self;
};

struct mer_cell_session {
    const struct mer_ctx *ctx;
    struct mer_child child; /* pid 0 or -1: none */
    int socket;             /* -1: none */
    int output;             /* the result's memory file; -1: none */
    const char *who;        /* in messages */
    size_t n_threads;
    unsigned max_seconds;   /* for each request, on the clock */
    unsigned asked_seconds; /* for this one: more where its table is large */
    bool serves;            /* asked again and again */
    bool grows;             /* nobody has said how much it may be */
    uint64_t max_cpu_seconds;
    uint64_t start_ns;
    uint64_t asked_ns;
    bool has_answered;
    struct mer_cell_answer heard; /* as far as it has come: n_heard bytes */
    size_t n_heard;
    struct mer_cell_follower follower;
    unsigned level; /* what holds the cell, as far as it told before it saw any input */
};

struct mer_cell_start_options {
    const struct mer_cell_settings *settings;
    struct mer_cell_input input;
    struct mer_cell_input side;
    size_t max_memory_bytes; /* beside what it is given */
    bool with_team;          /* as many threads as the context's team has */
    bool serves;             /* asked again and again */
    /* Of a worker, whose numbers are its engine's to choose: */
    bool works;
    size_t n_threads;
    size_t max_output_bytes;
    uint64_t max_cpu_seconds; /* of all its life */
};
/* Starts a cell and waits until it is ready. */
MER_MUST_CHECK mer_status mer_cell_session_start(struct mer_cell_session *session,
                                                 const struct mer_ctx *ctx,
                                                 const struct mer_cell_start_options *options,
                                                 mer_err *err);
/* Asks, passes progress on and waits for the result; a failure that the cell tells is a failure. */
MER_MUST_CHECK mer_status mer_cell_session_ask(struct mer_cell_session *session,
                                               const struct mer_cell_request *request,
                                               const char *inline_bytes,
                                               struct mer_cell_answer *ret_answer, mer_err *err);
/* Asks a cell that has answered and did not end, with a descriptor beside the request. */
MER_MUST_CHECK mer_status mer_cell_session_ask_again(
    struct mer_cell_session *session, const struct mer_cell_request *request, int fd_passed,
    struct mer_cell_follower follower, struct mer_cell_answer *ret_answer, mer_err *err);
/* Takes what the cell has said, without waiting for more: *ret_is_whole once there is an answer,
 * in session->heard. For an engine that listens to several cells at a time. */
MER_MUST_CHECK mer_status mer_cell_session_listen(struct mer_cell_session *session,
                                                  bool *ret_is_whole, mer_err *err);
/* A failure that the answer tells, as one of ours. */
MER_MUST_CHECK mer_status mer_cell_session_pass_on(const struct mer_cell_session *session,
                                                   struct mer_cell_answer *answer, mer_err *err);
/* It is there, said nothing that it was not asked, and has time left: it can be asked again. */
bool mer_cell_session_is_usable(const struct mer_cell_session *session);
/* Bytes behind the result. */
MER_MUST_CHECK mer_status mer_cell_session_receive(struct mer_cell_session *session, void *bytes,
                                                   size_t n, mer_err *err);
/* Waits for the end of a cell that has answered. */
MER_MUST_CHECK mer_status mer_cell_session_await_end(struct mer_cell_session *session,
                                                     mer_err *err);
/* Ends the cell in whatever state it is. Always safe after mer_cell_session_start. */
void mer_cell_session_end(struct mer_cell_session *session);

#endif
