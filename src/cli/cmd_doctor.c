/* merlon doctor: what this machine offers, and whether the keys are in order. */
#include <stdio.h>
#include <stdlib.h>

#include "cell/confine.h"
#include "cli/machine.h"
#include "cli/session.h"
#include "core/team.h"
#include "guard/key_store.h"
#include "guard/library.h"
#include "os/clock.h"
#include "os/landlock.h"

struct keys {
    char folder[256]; /* quoted */
    size_t n_keys;
    size_t n_signing;
    size_t n_trusted;
    size_t n_revoked;
    bool in_order;
    mer_err problem; /* when not in order */
};

/* What a cell on this machine is held by; see cell/confine.h. */
struct cell {
    bool works;
    unsigned level;
    int landlock_abi;
    double ready_seconds; /* from its start until it is confined */
    mer_err problem;      /* when it does not work */
};

/* A cell that does not work is a finding, unless more was required than it gives. */
static mer_status look_at_cell(struct mer_cli *cli, struct cell *cell, mer_err *err)
{
    struct mer_cell_settings settings;
    uint64_t ready_ns = 0;
    mer_status status = mer_context_cell_settings(cli->context, &settings, &cell->problem);
    if (mer_is_ok(status))
        status =
            mer_cell_ping(&cli->context->ctx, &settings, &cell->level, &ready_ns, &cell->problem);
    cell->works = mer_is_ok(status);
    cell->landlock_abi = mer_landlock_abi();
    cell->ready_seconds = (double)ready_ns * 1e-9;
    if (cell->works || !cli->common.require_cell)
        return mer_ok();
    *err = cell->problem;
    return status;
}

static void count_key(void *self, const struct mer_key_info *key)
{
    struct keys *const keys = self;
    keys->n_keys++;
    keys->n_signing += key->has_private;
    keys->n_trusted += key->trusted;
    keys->n_revoked += key->revoked;
}

/* A store that others could change or read is a finding, not a failure of doctor. */
static mer_status look_at_keys(struct keys *keys, mer_err *err)
{
    char *folder;
    MER_GUARD(mer_key_store_folder(NULL, &folder, err));
    (void)snprintf(keys->folder, sizeof keys->folder, "%s", mer_quote(folder).text);
    free(folder);
    struct mer_trust *trust;
    mer_status status = mer_keys_list(NULL, count_key, keys, &keys->problem);
    if (mer_is_ok(status)) {
        status = mer_trust_open(NULL, &trust, &keys->problem);
        if (mer_is_ok(status))
            mer_trust_free(trust);
    }
    keys->in_order = mer_is_ok(status);
    return mer_ok();
}

static void print_line(struct mer_cli *cli, const char *what, const char *value)
{
    mer_cli_print(cli, "  %-20s%s\n", what, value[0] ? value : "unknown");
}

static void print_cell(struct mer_cli *cli, const struct cell *cell)
{
    char text[200], landlock[40];
    if (!cell->works) {
        print_line(cli, "cells", cell->problem.message);
        print_line(cli, "", cell->problem.hint);
        return;
    }
    (void)snprintf(landlock, sizeof landlock, ", Landlock (version %d)", cell->landlock_abi);
    (void)snprintf(text, sizeof text, "seccomp%s%s; ready in %.1f ms",
                   cell->level & MER_CELL_HAS_LANDLOCK ? landlock : "",
                   cell->level & MER_CELL_HAS_NAMESPACES ? ", namespaces" : "",
                   cell->ready_seconds * 1e3);
    print_line(cli, "cells", text);
}

static void print_machine(struct mer_cli *cli, const struct mer_cli_machine *machine,
                          const struct cell *cell)
{
    char text[200];
    mer_cli_print_bold(cli, "Machine\n");
    print_line(cli, "processor", machine->processor);
    (void)snprintf(text, sizeof text, "%s in use, %s at best",
                   mer_cpu_level_name(cli->context->ctx.cpu), mer_cpu_level_name(mer_cpu_detect()));
    print_line(cli, "instructions", text);
    (void)snprintf(text, sizeof text, "%zu", mer_team_size(cli->context->ctx.team));
    print_line(cli, "threads", text);
    (void)snprintf(text, sizeof text, "%s, %s available",
                   mer_cli_show_bytes(machine->memory_bytes).text,
                   mer_cli_show_bytes(machine->available_bytes).text);
    print_line(cli, "memory", machine->memory_bytes ? text : "");
    print_line(cli, "kernel", machine->kernel);
    mer_cli_print_bold(cli, "\nProtection\n");
    print_line(cli, "sealed memory",
               machine->seals ? "yes: what is verified is what is read"
                              : "no: models cannot be loaded here");
    print_line(cli, "seccomp filters", machine->has_seccomp ? "yes" : "no");
    print_line(cli, "Landlock", machine->has_landlock ? "yes" : "no");
    print_cell(cli, cell);
    print_line(cli, "cryptography", mer_guard_library_version());
    (void)snprintf(text, sizeof text, "%s: %s", machine->scratch_folder,
                   machine->scratch_is_unnamed ? "files without names"
                                               : "no files without names; memory is used instead");
    print_line(cli, "scratch folder", text);
}

static void print_keys(struct mer_cli *cli, const struct keys *keys)
{
    char text[200];
    mer_cli_print_bold(cli, "\nKeys\n");
    print_line(cli, "folder", keys->folder);
    if (!keys->in_order) {
        print_line(cli, "state", keys->problem.message);
        if (keys->problem.hint[0])
            print_line(cli, "", keys->problem.hint);
        return;
    }
    (void)snprintf(text, sizeof text, "%zu, of which %zu sign, %zu are trusted, %zu revoked",
                   keys->n_keys, keys->n_signing, keys->n_trusted, keys->n_revoked);
    print_line(cli, "keys", text);
    print_line(cli, "state", "in order");
}

static void put_cell(struct mer_cli_document *document, const struct cell *cell)
{
    mer_json_key(&document->writer, "cell");
    mer_json_begin_object(&document->writer);
    mer_cli_put_boolean(document, "works", cell->works);
    if (cell->works) {
        mer_cli_put_boolean(document, "seccomp", true);
        mer_cli_put_boolean(document, "landlock", cell->level & MER_CELL_HAS_LANDLOCK);
        mer_cli_put_unsigned(document, "landlock_abi", (uint64_t)cell->landlock_abi);
        mer_cli_put_boolean(document, "namespaces", cell->level & MER_CELL_HAS_NAMESPACES);
        mer_cli_put_boolean(document, "full", cell->level == MER_CELL_HAS_ALL);
        mer_cli_put_number(document, "ready_seconds", cell->ready_seconds);
    } else {
        mer_cli_put_string(document, "problem", cell->problem.message);
    }
    mer_json_end_object(&document->writer);
}

static mer_status emit_json(struct mer_cli *cli, const struct mer_cli_machine *machine,
                            const struct cell *cell, const struct keys *keys, mer_err *err)
{
    struct mer_cli_document document;
    mer_cli_document_begin(&document, err);
    mer_cli_put_string(&document, "version", mer_version());
    mer_cli_put_string(&document, "processor", machine->processor);
    mer_cli_put_string(&document, "cpu", mer_cpu_level_name(cli->context->ctx.cpu));
    mer_cli_put_string(&document, "cpu_best", mer_cpu_level_name(mer_cpu_detect()));
    mer_cli_put_unsigned(&document, "threads", mer_team_size(cli->context->ctx.team));
    mer_cli_put_unsigned(&document, "memory_bytes", machine->memory_bytes);
    mer_cli_put_unsigned(&document, "available_bytes", machine->available_bytes);
    mer_cli_put_string(&document, "kernel", machine->kernel);
    mer_cli_put_boolean(&document, "sealed_memory", machine->seals);
    mer_cli_put_boolean(&document, "seccomp", machine->has_seccomp);
    mer_cli_put_boolean(&document, "landlock", machine->has_landlock);
    put_cell(&document, cell);
    mer_cli_put_string(&document, "cryptography", mer_guard_library_version());
    mer_cli_put_boolean(&document, "scratch_unnamed", machine->scratch_is_unnamed);
    mer_json_key(&document.writer, "keys");
    mer_json_begin_object(&document.writer);
    mer_cli_put_boolean(&document, "in_order", keys->in_order);
    if (!keys->in_order)
        mer_cli_put_string(&document, "problem", keys->problem.message);
    mer_cli_put_unsigned(&document, "count", keys->n_keys);
    mer_cli_put_unsigned(&document, "signing", keys->n_signing);
    mer_cli_put_unsigned(&document, "trusted", keys->n_trusted);
    mer_cli_put_unsigned(&document, "revoked", keys->n_revoked);
    mer_json_end_object(&document.writer);
    mer_cli_put_unsigned(&document, "peak_rss_bytes", mer_peak_rss_bytes());
    return mer_cli_document_end(cli, &document, err);
}

static mer_status run_doctor(struct mer_cli *cli, const void *words, mer_err *err)
{
    (void)words;
    MER_GUARD(mer_cli_open(cli, 0, 0, err));
    struct mer_cli_machine machine;
    mer_cli_machine_look(cli->common.scratch, &machine);
    struct keys keys = {.n_keys = 0};
    struct cell cell = {.works = false};
    MER_GUARD(look_at_keys(&keys, err));
    MER_GUARD(look_at_cell(cli, &cell, err));
    if (cli->common.json)
        return emit_json(cli, &machine, &cell, &keys, err);
    print_machine(cli, &machine, &cell);
    print_keys(cli, &keys);
    return mer_ok();
}

static const struct mer_cli_example EXAMPLES[] = {
    {"merlon doctor", "for people"},
    {"merlon doctor --json", "for machines"},
};

const struct mer_cli_command MER_CLI_DOCTOR = {
    .name = "doctor",
    .summary = "show what this machine offers",
    .description = "Shows the processor and the instructions in use, threads, memory, what the "
                   "kernel offers for protection, and whether the key store is in order. It "
                   "changes nothing.",
    .examples = EXAMPLES,
    .n_examples = MER_CLI_COUNT_OF(EXAMPLES),
    .failures = MER_CLI_ALWAYS_POSSIBLE,
    .run = run_doctor,
};
