#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "audit_folder.h"
#include "os/file.h"

enum { LEAST = 20 };

static struct mer_audit_report report;

/* Memory in which a sanitizer sees reading too far, and an allocator that must be empty again. */
const struct mer_audit_report *audit_bytes(const void *bytes, size_t n)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)1 << 30);
    const struct mer_ctx ctx = {.alloc = &alloc};
    unsigned char *const copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n)
        memcpy(copy, bytes, n);
    mer_audit_run(&ctx, copy, n, &report);
    free(copy);
    assert_int_equal(alloc.used, 0);
    assert_true(mer_audit_report_is_sound(&report, mer_audit_report_size(&report)));
    return &report;
}

bool has_finding(const struct mer_audit_report *found, const char *kind, const char *detail)
{
    for (size_t i = 0; i < found->n_findings; i++)
        if (strcmp(mer_audit_kind_name((enum mer_audit_kind)found->findings[i].kind), kind) == 0 &&
            strstr(found->findings[i].detail, detail))
            return true;
    return false;
}

static void print_report(const char *name)
{
    print_error("%s: %s\n", name, mer_audit_format_name(report.format));
    for (size_t i = 0; i < report.n_findings; i++)
        print_error("    %s: %s\n",
                    mer_audit_kind_name((enum mer_audit_kind)report.findings[i].kind),
                    report.findings[i].detail);
}

static void audit_file(const char *path)
{
    struct mer_alloc alloc;
    struct mer_file_bytes file;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_true(mer_is_ok(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL)));
    (void)audit_bytes(file.bytes, file.n);
    mer_file_release(&file);
}

static void path_of(char *path, size_t size, const char *kind, const char *format, const char *rest)
{
    (void)snprintf(path, size, "%s/tests/audit/%s/%s%s", MER_SOURCE_DIR, kind, format, rest);
}

/* One line of a table: name, kind, part of the detail, parted by tabs. */
static bool check_line(const char *format, char *line)
{
    char rest[300], path[1000];
    char *save = line;
    line[strcspn(line, "\n")] = '\0';
    const char *const name = strsep(&save, "\t");
    const char *const kind = strsep(&save, "\t");
    assert_non_null(save);
    (void)snprintf(rest, sizeof rest, "/%s", name);
    path_of(path, sizeof path, "hostile", format, rest);
    audit_file(path);
    if (has_finding(&report, kind, save) && mer_audit_worst(&report) == MER_AUDIT_HARM)
        return true;
    print_error("missing: %s %s in\n", kind, save);
    print_report(name);
    return false;
}

void hostile_files_are_found(const char *format)
{
    char path[1000], line[512];
    struct mer_folder_list list;
    size_t n = 0, n_missed = 0;
    path_of(path, sizeof path, "hostile", format, ".tsv");
    FILE *const table = fopen(path, "r");
    assert_non_null(table);
    for (; fgets(line, sizeof line, table); n++)
        n_missed += !check_line(format, line);
    (void)fclose(table);
    path_of(path, sizeof path, "hostile", format, "");
    assert_true(mer_is_ok(mer_folder_read(path, &list, NULL)));
    assert_int_equal(list.n, n);
    assert_true(n >= LEAST);
    mer_folder_release(&list);
    assert_int_equal(n_missed, 0);
}

void recognised_files_are_doubted(void)
{
    char path[1000], rest[300], name[128], format[32];
    size_t n = 0, n_wrong = 0;
    (void)snprintf(path, sizeof path, "%s/tests/audit/other.tsv", MER_SOURCE_DIR);
    FILE *const table = fopen(path, "r");
    assert_non_null(table);
    for (; fscanf(table, "%127s %31s", name, format) == 2; n++) {
        (void)snprintf(rest, sizeof rest, "/%s", name);
        path_of(path, sizeof path, "other", "", rest);
        audit_file(path);
        if (strcmp(mer_audit_format_name(report.format), format) == 0 &&
            mer_audit_worst(&report) == MER_AUDIT_DOUBT)
            continue;
        print_report(name);
        n_wrong++;
    }
    (void)fclose(table);
    assert_true(n >= 10);
    assert_int_equal(n_wrong, 0);
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

void real_files_are_clean(const char *format, const char *const *names)
{
    char path[1000], rest[300];
    struct mer_folder_list list;
    size_t n_accused = 0;
    path_of(path, sizeof path, "clean", format, "");
    assert_true(mer_is_ok(mer_folder_read(path, &list, NULL)));
    assert_true(list.n >= LEAST);
    for (size_t i = 0; i < list.n; i++) {
        (void)snprintf(rest, sizeof rest, "/%s", list.entries[i].name);
        path_of(path, sizeof path, "clean", format, rest);
        audit_file(path);
        if (mer_audit_worst(&report) == MER_AUDIT_NOTE &&
            is_one_of(mer_audit_format_name(report.format), names))
            continue;
        print_report(list.entries[i].name);
        n_accused++;
    }
    mer_folder_release(&list);
    assert_int_equal(n_accused, 0);
}

static void cut_file(const char *path, size_t most)
{
    struct mer_alloc alloc;
    struct mer_file_bytes file;
    mer_alloc_init(&alloc, SIZE_MAX);
    assert_true(mer_is_ok(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL)));
    for (size_t n = 0; n < file.n && n < most; n += n < 100 ? 1 : 13)
        (void)audit_bytes(file.bytes, n);
    mer_file_release(&file);
}

void cut_files_are_read(const char *format, size_t most)
{
    static const char *const folders[] = {"clean", "hostile"};
    for (size_t k = 0; k < 2; k++) {
        char folder[1000], path[1400];
        struct mer_folder_list list;
        path_of(folder, sizeof folder, folders[k], format, "");
        assert_true(mer_is_ok(mer_folder_read(folder, &list, NULL)));
        for (size_t i = 0; i < list.n; i++) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, list.entries[i].name);
            cut_file(path, most);
        }
        mer_folder_release(&list);
    }
}

/* True when the n-th allocation was reached, and failed. */
static bool audit_without_memory(const struct mer_file_bytes *file, uint64_t n)
{
    struct mer_alloc alloc;
    mer_alloc_init(&alloc, (size_t)1 << 30);
    alloc.fail_at = n;
    const struct mer_ctx ctx = {.alloc = &alloc};
    mer_audit_run(&ctx, file->bytes, file->n, &report);
    assert_int_equal(alloc.used, 0);
    assert_true(mer_audit_report_is_sound(&report, mer_audit_report_size(&report)));
    return alloc.requests >= n;
}

void failed_allocations_are_doubts(const char *format)
{
    char folder[1000], path[1400];
    struct mer_folder_list list;
    size_t n_failed = 0;
    path_of(folder, sizeof folder, "clean", format, "");
    assert_true(mer_is_ok(mer_folder_read(folder, &list, NULL)));
    for (size_t i = 0; i < list.n; i++) {
        struct mer_alloc alloc;
        struct mer_file_bytes file;
        (void)snprintf(path, sizeof path, "%s/%s", folder, list.entries[i].name);
        mer_alloc_init(&alloc, SIZE_MAX);
        assert_true(mer_is_ok(mer_file_read(&alloc, path, SIZE_MAX, &file, NULL)));
        for (uint64_t n = 1; audit_without_memory(&file, n); n++, n_failed++)
            if (mer_audit_worst(&report) == MER_AUDIT_NOTE)
                fail_msg("%s: clean, although allocation %u failed", path, (unsigned)n);
        mer_file_release(&file);
    }
    mer_folder_release(&list);
    print_message("%s: %zu allocations failed\n", format, n_failed);
    assert_true(n_failed > 0);
}
