/* Facts about the machine that `merlon doctor` shows. Texts are empty and numbers 0 where a fact
 * cannot be found out. */
#ifndef MER_CLI_MACHINE_H
#define MER_CLI_MACHINE_H

#include "core/status.h"

struct mer_cli_machine {
    char processor[128];
    char kernel[64];
    uint64_t memory_bytes;
    uint64_t available_bytes;
    bool has_seccomp; /* filters that end a process (SECCOMP_RET_KILL_PROCESS) */
    bool has_landlock;
    bool seals;               /* a memfd can be sealed: models are verified and read in one */
    bool scratch_is_unnamed;  /* the scratch folder has O_TMPFILE; else memory is used */
    char scratch_folder[256]; /* quoted */
};

void mer_cli_machine_look(const char *scratch_folder, struct mer_cli_machine *ret_machine);

#endif
