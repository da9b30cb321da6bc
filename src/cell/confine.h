/* What a cell may still do, phase by phase. Policy: the tables stand in confine.c, the mechanisms
 * in os/.
 *
 *   set up    everything is still open; nothing but the program itself has been read
 *   load      hears its parent and maps what it was given
 *   compute   parses and computes: memory, its output, words to its parent
 *   serve     in place of compute, where a model stays open: hears its parent too, and lets go of
 * the tables that come with what it hears
 *
 * Each phase takes away from the one before, for good.
 */
#ifndef MER_CELL_CONFINE_H
#define MER_CELL_CONFINE_H

#include "core/team.h"
#include "os/ahead.h"

/* The descriptors of a cell. */
enum mer_cell_fd {
    MER_CELL_CONTROL = 0, /* a stream socket to the parent */
    MER_CELL_INPUT = 1,   /* untrusted bytes in a sealed memory file */
    MER_CELL_OUTPUT = 2,  /* a memory file for the result */
    MER_CELL_SIDE = 3,    /* a second input, where the job has one */
    MER_CELL_TABLE = 3,   /* where there is none: the table that came last */
    MER_CELL_N_FDS = 4
};

/* What holds a cell, as bits; told by doctor. */
enum {
    MER_CELL_HAS_SECCOMP = 1 << 0, /* without it a cell does nothing */
    MER_CELL_HAS_LANDLOCK = 1 << 1,
    MER_CELL_HAS_NAMESPACES = 1 << 2, /* known to the parent, who made them */
    MER_CELL_HAS_ALL = 7
};

/* Gives up privileges, core files, new processes and the file system, starts the threads of the
 * team and the one that goes ahead (NULL: none), then enters the load phase. */
MER_MUST_CHECK mer_status mer_cell_enter_load(struct mer_team *team, struct mer_ahead *ahead,
                                              unsigned *ret_level, mer_err *err);
/* Enters the compute phase, or, with `serves`, the phase that takes its place. */
MER_MUST_CHECK mer_status mer_cell_enter_compute(bool serves, mer_err *err);

#endif
