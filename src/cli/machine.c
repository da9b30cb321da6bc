#include "cli/machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/number.h"
#include "os/file.h"
#include "os/landlock.h"
#include "os/scratch.h"
#include "os/sealed.h"

enum { PROC_FILE_MAX = 1 << 20 };

/* The first line of a file that begins with `key`, or its first line for "", without what stands
 * before the value; empty when there is none. */
static void read_value(const char *path, const char *key, char *ret_text, size_t size)
{
    struct mer_alloc alloc;
    struct mer_file_bytes file;
    mer_alloc_init(&alloc, SIZE_MAX);
    ret_text[0] = '\0';
    if (!mer_is_ok(mer_file_read(&alloc, path, PROC_FILE_MAX, &file, NULL)))
        return;
    const char *line = (const char *)file.bytes;
    const char *const end = line + file.n;
    while (line < end) {
        const char *const newline = memchr(line, '\n', (size_t)(end - line));
        const size_t n_line = (size_t)((newline ? newline : end) - line);
        if (n_line >= strlen(key) && memcmp(line, key, strlen(key)) == 0) {
            size_t skip = strlen(key);
            while (skip < n_line && strchr(" \t:", line[skip]))
                skip++;
            (void)snprintf(ret_text, size, "%.*s", (int)(n_line - skip), line + skip);
            break;
        }
        line += n_line + 1;
    }
    mer_file_release(&file);
}

static bool file_holds_word(const char *path, const char *word)
{
    char text[1000];
    read_value(path, "", text, sizeof text);
    return strstr(text, word) != NULL;
}

/* "MemTotal:       16303428 kB" */
static uint64_t read_kilobytes(const char *key)
{
    char text[64];
    int64_t value;
    read_value("/proc/meminfo", key, text, sizeof text);
    return mer_integer_parse(text, strcspn(text, " "), &value) && value > 0 ? (uint64_t)value * 1024
                                                                            : 0;
}

/* Where a descriptor leads tells a file of the scratch folder from a memfd. */
static bool scratch_is_unnamed_file(const char *folder)
{
    int fd;
    if (!mer_is_ok(mer_scratch_unnamed(folder, &fd, NULL)))
        return false;
    char link[64], target[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, target, sizeof target - 1);
    (void)close(fd);
    return n > 0 && !(n >= 7 && memcmp(target, "/memfd:", 7) == 0);
}

static bool memfd_can_be_sealed(void)
{
    struct mer_sealed sealed;
    if (!mer_is_ok(mer_sealed_read("/proc/self/stat", PROC_FILE_MAX, &sealed, NULL)))
        return false;
    mer_sealed_release(&sealed);
    return true;
}

void mer_cli_machine_look(const char *scratch_folder, struct mer_cli_machine *ret_machine)
{
    struct mer_cli_machine *const machine = ret_machine;
    memset(machine, 0, sizeof *machine);
    read_value("/proc/cpuinfo", "model name", machine->processor, sizeof machine->processor);
    read_value("/proc/sys/kernel/osrelease", "", machine->kernel, sizeof machine->kernel);
    machine->memory_bytes = read_kilobytes("MemTotal");
    machine->available_bytes = read_kilobytes("MemAvailable");
    machine->has_seccomp =
        file_holds_word("/proc/sys/kernel/seccomp/actions_avail", "kill_process");
    machine->has_landlock = mer_landlock_abi() > 0;
    machine->seals = memfd_can_be_sealed();
    const char *const folder = mer_scratch_folder(scratch_folder);
    machine->scratch_is_unnamed = scratch_is_unnamed_file(folder);
    (void)snprintf(machine->scratch_folder, sizeof machine->scratch_folder, "%s",
                   mer_quote(folder).text);
}
