/* Numbered places that threads take and leave: whoever finds none free waits for one. The place
 * that was left last is the first to be taken, so that few are in use where few are needed.
 */
#ifndef MER_OS_PLACES_H
#define MER_OS_PLACES_H

#include "core/alloc.h"

struct mer_places;

MER_MUST_CHECK mer_status mer_places_new(struct mer_alloc *alloc, size_t n,
                                         struct mer_places **ret_places, mer_err *err);
/* Nobody may hold or want one any more; NULL is nothing. */
void mer_places_free(struct mer_places *places);

/* False when none became free in time. */
MER_MUST_CHECK bool mer_places_take(struct mer_places *places, unsigned wait_ms, size_t *ret_place);
void mer_places_leave(struct mer_places *places, size_t place);

#endif
