/* The lists of names that options choose from; those of families and metrics come from their
 * registries. */
#include "cli/command.h"
#include "core/cpu.h"
#include "intake/table_writer.h"
#include "learn/family.h"
#include "metric/metric.h"

static const char *from_list(const char *const *names, size_t n, size_t i)
{
    return i < n ? names[i] : NULL;
}

const char *mer_cli_choice_family(size_t i)
{
    return i < MER_N_FAMILIES ? MER_FAMILIES[i]->name : NULL;
}

const char *mer_cli_choice_metric(size_t i)
{
    return i < MER_N_METRICS ? MER_METRICS[i].name : NULL;
}

const char *mer_cli_choice_task(size_t i)
{
    static const char *const names[] = {"classification", "regression"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_deploy(size_t i)
{
    static const char *const names[] = {"best", "fast"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_calibration(size_t i)
{
    static const char *const names[] = {"auto", "temperature", "isotonic", "none"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_progress(size_t i)
{
    static const char *const names[] = {"auto", "lines"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_bad_row(size_t i)
{
    static const char *const names[] = {"fail", "skip", "quarantine"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_class_weight(size_t i)
{
    static const char *const names[] = {"balanced"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_written_format(size_t i)
{
    for (size_t format = 0; format < MER_N_TABLE_FORMATS; format++)
        if (mer_table_can_write(format) && i-- == 0)
            return MER_TABLE_FORMATS[format].name;
    return NULL;
}

const char *mer_cli_choice_card(size_t i)
{
    static const char *const names[] = {"text", "provenance", "cyclonedx", "card"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_key_use(size_t i)
{
    static const char *const names[] = {"sign", "seal"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_cpu(size_t i)
{
    return i < MER_CPU_LEVEL_COUNT ? mer_cpu_level_name((enum mer_cpu_level)i) : NULL;
}

const char *mer_cli_choice_cell(size_t i)
{
    static const char *const names[] = {"full"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_log_format(size_t i)
{
    static const char *const names[] = {"text", "json"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}

const char *mer_cli_choice_shell(size_t i)
{
    static const char *const names[] = {"bash"};
    return from_list(names, MER_CLI_COUNT_OF(names), i);
}
