/* Scratch files of the public API. */
#include <stdlib.h>
#include <string.h>

#include "api/handles.h"
#include "os/scratch.h"

mer_status mer_scratch_open(struct mer_context *context, const char *directory, mer_err *err)
{
    char *const copy = strdup(mer_scratch_folder(directory));
    if (!copy)
        return mer_fail(err, MER_ERR_MEMORY, "no memory for a path");
    free(context->scratch_folder);
    context->scratch_folder = copy;
    return mer_ok();
}

mer_status mer_scratch_file(struct mer_context *context, int *ret_fd, mer_err *err)
{
    if (!context->scratch_folder)
        MER_GUARD(mer_scratch_open(context, NULL, err));
    return mer_scratch_unnamed(context->scratch_folder, ret_fd, err);
}
