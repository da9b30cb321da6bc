#include "frame/csv_missing.h"

mer_status mer_missing_init(struct mer_missing *missing, const char *const *texts, size_t n,
                            mer_err *err)
{
    if (n > MER_MISSING_MAX)
        return mer_fail(err, MER_ERR_DATA, "%zu texts that mean missing; at most %d are supported",
                        n, MER_MISSING_MAX);
    *missing = (struct mer_missing){.texts = texts, .n = n, .empty = -1};
    for (size_t i = 0; i < n; i++) {
        missing->lengths[i] = strlen(texts[i]);
        if (missing->lengths[i] == 0)
            missing->empty = (int)i;
        else
            missing->first[(unsigned char)texts[i][0]] = true;
    }
    return mer_ok();
}
