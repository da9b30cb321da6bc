#include "cli/reading.h"

#include <string.h>

#include "os/file_stream.h"

mer_status mer_cli_reading_options(const struct mer_cli_reading *reading,
                                   struct mer_table_options *ret_options, mer_err *err)
{
    if (reading->header && reading->no_header)
        return mer_fail(err, MER_ERR_USAGE, "--header and --no-header exclude each other");
    *ret_options = (struct mer_table_options){.size = sizeof *ret_options, .has_header = -1};
    ret_options->delimiter = reading->delimiter;
    ret_options->format = reading->format;
    ret_options->part = reading->table;
    ret_options->query = reading->query;
    ret_options->ignore_schema_beside = reading->no_schema;
    ret_options->on_bad_row = reading->on_bad_row;
    ret_options->schema_file = reading->schema;
    ret_options->quarantine_file = reading->quarantine;
    ret_options->quarantine_recipient = reading->quarantine_recipient;
    if ((reading->quarantine || reading->quarantine_recipient) &&
        (!reading->on_bad_row || strcmp(reading->on_bad_row, "quarantine") != 0))
        return mer_hint(err, mer_fail(err, MER_ERR_USAGE, "--quarantine keeps bad rows"),
                        "it goes with --on-bad-row quarantine");
    if (reading->header)
        ret_options->has_header = 1;
    else if (reading->no_header)
        ret_options->has_header = 0;
    return mer_ok();
}

mer_status mer_cli_check_not_input(const char *out, const char *input, mer_err *err)
{
    if (!input || !mer_path_same(out, input))
        return mer_ok();
    return mer_hint(err,
                    mer_fail(err, MER_ERR_USAGE, "the output %s is an input of this command",
                             mer_quote(out).text),
                    "give --out another name");
}
