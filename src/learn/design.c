#include "learn/design.h"

const char *mer_task_name(enum mer_task task)
{
    static const char *const names[] = {
        [MER_TASK_REGRESSION] = "regression",
        [MER_TASK_BINARY] = "binary",
        [MER_TASK_MULTICLASS] = "multiclass",
    };
    return (unsigned)task < sizeof names / sizeof names[0] ? names[task] : "unknown";
}
