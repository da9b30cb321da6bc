/* The lies of lying_worker, named by a trial's number. */
#ifndef TEST_WORKER_LIES_H
#define TEST_WORKER_LIES_H

enum worker_lie {
    LIE_NONE,
    LIE_DIES,
    LIE_CRASHES,
    LIE_SCORE_INFINITE,
    LIE_ANOTHER_TRIAL,
    LIE_FEWER_SCORES,
    LIE_MORE_ROWS,
    LIE_FEWER_BYTES,
    LIE_PREDICTION_NAN,
    LIE_PREDICTION_NEGATIVE,
    LIE_CUTS_OUTPUT,
    LIE_ANOTHER_MAGIC,
    LIE_READY_AGAIN,
    LIE_SAYS_MORE,
    LIE_HALF_AN_ANSWER,
    LIE_COUNT,
    LIE_SPINS,   /* has a time limit of its own */
    LIE_TRUSTED, /* claims that a signature is broken, which is not a worker's to say */
};

#endif
