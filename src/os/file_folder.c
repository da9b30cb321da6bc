/* Folders: made, and listed in an order that does not depend on the file system. */
#include "os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sort.h"
#include "os/system_error.h"

static mer_status make_one(const char *path, mer_err *err)
{
    struct stat status;
    if (mkdir(path, 0700) == 0)
        return mer_ok();
    const int error = errno;
    if (error == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return mer_ok();
    if (error == EEXIST)
        return mer_fail(err, MER_ERR_EXISTS, "%s exists and is not a folder", mer_quote(path).text);
    return mer_fail_system(err, MER_ERR_EXISTS, error, "the folder %s cannot be made",
                           mer_quote(path).text);
}

mer_status mer_folder_make(const char *path, mer_err *err)
{
    char *part = strdup(path);
    mer_status status = mer_ok();
    if (!part)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    /* Each prefix that ends in front of a slash, then the whole. */
    for (char *slash = strchr(part + (part[0] == '/'), '/'); slash && mer_is_ok(status);
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_one(part, err);
        *slash = '/';
    }
    if (mer_is_ok(status))
        status = make_one(part, err);
    free(part);
    return status;
}

mer_status mer_folder_lock(const char *path, int *ret_lock, mer_err *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return mer_fail_system(err, MER_ERR_IO, errno, "the folder %s cannot be opened",
                               mer_quote(path).text);
    int locked;
    do
        locked = flock(fd, LOCK_EX);
    while (locked != 0 && errno == EINTR);
    if (locked != 0) {
        const int error = errno;
        (void)close(fd);
        return mer_fail_system(err, MER_ERR_IO, error, "the folder %s cannot be locked",
                               mer_quote(path).text);
    }
    *ret_lock = fd;
    return mer_ok();
}

void mer_folder_unlock(int lock)
{
    (void)close(lock);
}

static enum mer_entry_kind kind_of(int folder_fd, const struct dirent *entry)
{
    struct stat status;
    if (entry->d_type == DT_REG)
        return MER_ENTRY_FILE;
    if (entry->d_type == DT_DIR)
        return MER_ENTRY_FOLDER;
    if (entry->d_type == DT_LNK)
        return MER_ENTRY_LINK;
    if (entry->d_type != DT_UNKNOWN ||
        fstatat(folder_fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return MER_ENTRY_OTHER;
    if (S_ISREG(status.st_mode))
        return MER_ENTRY_FILE;
    if (S_ISDIR(status.st_mode))
        return MER_ENTRY_FOLDER;
    return S_ISLNK(status.st_mode) ? MER_ENTRY_LINK : MER_ENTRY_OTHER;
}

static mer_status add_entry(struct mer_folder_list *list, size_t *capacity, int folder_fd,
                            const struct dirent *entry, mer_err *err)
{
    if (list->n == *capacity) {
        const size_t larger = *capacity ? *capacity * 2 : 64;
        struct mer_folder_entry *entries =
            reallocarray(list->entries, larger, sizeof *list->entries);
        if (!entries)
            return mer_fail(err, MER_ERR_MEMORY, "out of memory for the entries of a folder");
        list->entries = entries;
        *capacity = larger;
    }
    char *name = strdup(entry->d_name);
    if (!name)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for the entries of a folder");
    struct mer_folder_entry *added = &list->entries[list->n++];
    added->name = name;
    added->kind = kind_of(folder_fd, entry);
    return mer_ok();
}

static mer_status read_entries(DIR *folder, const char *path, struct mer_folder_list *list,
                               mer_err *err)
{
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno != 0)
            return mer_fail_system(err, MER_ERR_IO, errno, "the folder %s cannot be read",
                                   mer_quote(path).text);
        if (!entry)
            return mer_ok();
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        MER_GUARD(add_entry(list, &capacity, dirfd(folder), entry, err));
    }
}

static int compare_entries(const void *a, const void *b)
{
    const struct mer_folder_entry *left = a;
    const struct mer_folder_entry *right = b;
    return strcmp(left->name, right->name);
}

mer_status mer_folder_read(const char *path, struct mer_folder_list *ret, mer_err *err)
{
    struct mer_folder_list list = {0};
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOTDIR && mer_file_exists(path))
        return mer_fail(err, MER_ERR_NO_INPUT, "%s is not a folder", mer_quote(path).text);
    if (fd < 0)
        return mer_fail_input(err, errno, path);
    DIR *folder = fdopendir(fd);
    if (!folder) {
        (void)close(fd);
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for the entries of a folder");
    }
    const mer_status status = read_entries(folder, path, &list, err);
    (void)closedir(folder);
    if (!mer_is_ok(status)) {
        mer_folder_release(&list);
        return status;
    }
    if (list.n > 0)
        mer_sort(list.entries, list.n, sizeof *list.entries, compare_entries);
    *ret = list;
    return mer_ok();
}

void mer_folder_release(struct mer_folder_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((char *)(uintptr_t)list->entries[i].name);
    free(list->entries);
    *list = (struct mer_folder_list){0};
}

mer_status mer_path_resolve(const char *path, char **ret_path, mer_err *err)
{
    const char *const slash = strrchr(path, '/'), *const name = slash ? slash + 1 : path;
    char *const part = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    char *const folder = part ? realpath(part, NULL) : NULL;
    char *resolved = NULL;
    if (folder && asprintf(&resolved, "%s%s%s", folder, folder[1] ? "/" : "", name) < 0)
        resolved = NULL;
    if (!folder)
        resolved = strdup(path);
    free(folder);
    free(part);
    if (!resolved)
        return mer_fail(err, MER_ERR_MEMORY, "out of memory for a path");
    *ret_path = resolved;
    return mer_ok();
}
