/* Stands in for confine.c in the twins: a cell that is not one. Proves that it is the confinement
 * that stops the probes. */
#include "cell/confine.h"

mer_status mer_cell_enter_load(struct mer_team *team, struct mer_ahead *ahead, unsigned *ret_level,
                               mer_err *err)
{
    (void)team;
    (void)ahead;
    (void)err;
    *ret_level = MER_CELL_HAS_SECCOMP;
    return mer_ok();
}

mer_status mer_cell_enter_compute(bool serves, mer_err *err)
{
    (void)serves;
    (void)err;
    return mer_ok();
}
