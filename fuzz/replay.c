/* Runs a fuzz target over stored inputs: the ordinary test beside the fuzzer. Arguments are
 * folders, whose files are taken, or files. Fails when there is none. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
/* Of targets that need to be set up. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* In memory of exactly the input's size, so that a sanitizer sees reading too far. */
static int replay_file(const char *path, size_t n)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(n ? n : 1);
    int failed = !file || !bytes || fread(bytes, 1, n, file) != n;
    if (failed)
        (void)fprintf(stderr, "cannot read %s\n", path);
    else
        (void)LLVMFuzzerTestOneInput(bytes, n);
    free(bytes);
    if (file)
        (void)fclose(file);
    return failed;
}

/* The number of inputs under a path; a negative one when something could not be read. */
static long replay(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        (void)fprintf(stderr, "cannot find %s\n", path);
        return -1;
    }
    if (S_ISREG(status.st_mode))
        return replay_file(path, (size_t)status.st_size) ? -1 : 1;
    DIR *folder = opendir(path);
    if (!folder)
        return -1;
    long count = 0;
    const struct dirent *entry;
    while (count >= 0 && (entry = readdir(folder))) {
        char inner[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        const long added = replay(inner);
        count = added < 0 ? -1 : count + added;
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    long count = 0;
    if (LLVMFuzzerInitialize)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        const long added = replay(argv[i]);
        if (added < 0)
            return 1;
        count += added;
    }
    (void)printf("%ld inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
