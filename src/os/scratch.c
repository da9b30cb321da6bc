#include "os/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "os/system_error.h"

const char *mer_scratch_folder(const char *directory)
{
    static const char *const variables[] = {"TMPDIR", "TEMP", "TMP"};
    if (directory && directory[0])
        return directory;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = secure_getenv(variables[i]);
        if (value && value[0])
            return value;
    }
    return "/tmp";
}

mer_status mer_scratch_unnamed(const char *folder, int *ret_fd, mer_err *err)
{
    /* O_EXCL: nobody can give the file a name later. */
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        fd = memfd_create("merlon-scratch", MFD_CLOEXEC);
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_EXISTS, errno, "no scratch file can be made in %s",
                               mer_quote(folder).text);
    *ret_fd = fd;
    return mer_ok();
}
