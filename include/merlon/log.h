/* Logging: to the console by default, duplicated to a file on request. Record values are shown as
 * ‹redacted› unless `show_data`, which the log then records in its first line. */
#ifndef MERLON_LOG_H
#define MERLON_LOG_H

#include "merlon/context.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mer_log_severity {
    MER_SEVERITY_ERROR,
    MER_SEVERITY_WARNING,
    MER_SEVERITY_INFO,
    MER_SEVERITY_DEBUG,
    MER_SEVERITY_TRACE
};

struct mer_log_config {
    size_t size;                   /* sizeof(struct mer_log_config) */
    enum mer_log_severity console; /* this and more severe ones go to `write` */
    /* Receives whole lines; NULL: standard error. */
    void (*write)(void *self, const char *line, size_t n);
    void *self;
    bool json; /* JSON lines instead of text */
    /* Duplicates the console here, info and more severe at least; NULL: no file. Created
     * exclusively, no symbolic link followed, mode 0600 while open, 0400 from mer_log_close or
     * mer_context_free on. */
    const char *file;
    bool show_data;
};

/* Sets the context's logger. MER_ERR_EXISTS when the file exists. */
MER_API MER_MUST_CHECK mer_status mer_log_open(struct mer_context *context,
                                               const struct mer_log_config *config, mer_err *err);
/* Ends logging and seals the file to 0400. */
MER_API void mer_log_close(struct mer_context *context);
/* Only seals the file; async-signal-safe, for a handler that ends the process. */
MER_API void mer_log_seal(struct mer_context *context);
/* One line from the caller; `text` is escaped. */
MER_API void mer_log_line(struct mer_context *context, enum mer_log_severity severity,
                          const char *text);

#ifdef __cplusplus
}
#endif
#endif
