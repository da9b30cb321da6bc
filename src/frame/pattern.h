/* Regular expressions as the constraint `pattern` of Table Schema has them: those of XML Schema
 * (https://www.w3.org/TR/xmlschema-2/#regexs), which match a whole text or not at all.
 *
 * A pattern becomes a small program, a nondeterministic automaton whose states are all followed at
 * once (Thompson, "Regular expression search algorithm", CACM 11, 1968; Pike's form of it). So a
 * match takes time in the length of the text times that of the program, whatever the pattern, and
 * nothing is allocated. Counted repetitions are written out, up to MER_PATTERN_MAX_PROGRAM
 * instructions.
 *
 * Beyond XML Schema's syntax, one `^` at the very beginning and one `$` at the very end are allowed
 * and change nothing, as in the example that Table Schema itself gives. Refused: \p{Is...}
 * (blocks).
 */
#ifndef MER_FRAME_PATTERN_H
#define MER_FRAME_PATTERN_H

#include "core/arena.h"

enum { MER_PATTERN_MAX_BYTES = 4096, MER_PATTERN_MAX_PROGRAM = 2048 };

struct mer_pattern; /* lives in the arena it was compiled into; immutable, for any number of threads
                     */

/* MER_ERR_DATA says what is wrong with the pattern, and at which byte. */
MER_MUST_CHECK mer_status mer_pattern_compile(struct mer_arena *arena, const char *bytes, size_t n,
                                              const struct mer_pattern **ret_pattern, mer_err *err);

/* Does the pattern match all of the text (valid UTF-8)? */
bool mer_pattern_matches(const struct mer_pattern *pattern, const char *bytes, size_t n);

#endif
