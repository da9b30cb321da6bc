/* The portfolio of a search: settings that differ in what they can represent, tried before any
 * result is known. A table, so that other rows can replace it.
 */
#ifndef MER_AUTOML_PORTFOLIO_H
#define MER_AUTOML_PORTFOLIO_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /* The preference of settings between which only the score decides. */
    MER_PREFERENCE_SCORE = 3
};

struct mer_portfolio_row {
    unsigned round;      /* 0: tried whatever comes out; 1: unless its family is far behind */
    unsigned preference; /* among equals of a family the lowest is chosen: the plainest setting */
    const char *family;
    /* The first parameter is given for a target of deviation 1, and grows with it: the pull of an
     * absolute value does not depend on the target, that of squared residuals does. */
    bool scales;
    struct {
        const char *name;
        double value;
    } params[6]; /* the others have their defaults */
};

extern const struct mer_portfolio_row MER_PORTFOLIO[];
extern const size_t MER_PORTFOLIO_N;

#endif
