/* What stands behind struct mer_description. */
#ifndef MER_API_REPORT_HANDLES_H
#define MER_API_REPORT_HANDLES_H

#include "api/handles.h"
#include "explain/profile_page.h"

/* Over a table that outlives it. */
struct mer_description {
    const struct mer_table *table;
    struct mer_profile profile;
};

#endif
