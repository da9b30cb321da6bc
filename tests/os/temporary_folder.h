/* A folder for one test, removed with all that is in it. */
#ifndef MER_TESTS_OS_TEMPORARY_FOLDER_H
#define MER_TESTS_OS_TEMPORARY_FOLDER_H

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct temporary_folder {
    char path[64];
};

/* A path in it; valid until the fourth call after this one. */
static inline const char *path_in(const struct temporary_folder *folder, const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, PATH_MAX, "%s/%s", folder->path, name);
    return path;
}

static inline int make_temporary_folder(void **state)
{
    static struct temporary_folder folder;
    (void)snprintf(folder.path, sizeof folder.path, "/tmp/merlon-test-XXXXXX");
    *state = &folder;
    return mkdtemp(folder.path) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind,
                               struct FTW *place)
{
    (void)status;
    (void)place;
    (void)kind;
    return remove(path);
}

static inline int remove_temporary_folder(void **state)
{
    const struct temporary_folder *folder = *state;
    return nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void put_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, strlen(text), file) != strlen(text) || fclose(file) != 0)
        abort();
}

#endif
