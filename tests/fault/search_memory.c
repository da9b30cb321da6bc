/* Counts texts in the memory of another process.
 *
 *     search_memory PID TEXT...      prints a count and the text for each, one a line
 *
 * Exit code 77 where this process may not read that one's memory, 1 where there is none to read.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 1 << 20, TEXTS_MAX = 16, TEXT_MAX = 64 };

struct search {
    int memory;
    char **texts;
    size_t n_texts;
    size_t counts[TEXTS_MAX];
    uint64_t n_bytes;
};

static size_t count(const char *bytes, size_t n, const char *text)
{
    const size_t n_text = strlen(text);
    const char *const end = bytes + n;
    size_t n_found = 0;
    for (const char *at = bytes; (at = memmem(at, (size_t)(end - at), text, n_text)); at++)
        n_found++;
    return n_found;
}

/* In pieces that overlap by less than a text, so that none is missed; one may be counted twice. */
static void search_region(struct search *search, uint64_t begin, uint64_t end)
{
    static char piece[PIECE];
    for (uint64_t at = begin; at < end; at += PIECE - TEXT_MAX) {
        const size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;
        const ssize_t got = pread(search->memory, piece, n, (off_t)at);
        if (got <= 0)
            return; /* not there, or none of this process's business, such as [vvar] */
        search->n_bytes += (uint64_t)got;
        for (size_t i = 0; i < search->n_texts; i++)
            search->counts[i] += count(piece, (size_t)got, search->texts[i]);
        if ((size_t)got < n || n < PIECE)
            return;
    }
}

static FILE *open_of(const char *pid, const char *what, int *ret_fd)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%.20s/%.20s", pid, what);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == EACCES || errno == EPERM))
        exit(77);
    if (ret_fd)
        *ret_fd = fd;
    return fd < 0 || ret_fd ? NULL : fdopen(fd, "r");
}

int main(int argc, char **argv)
{
    struct search search = {.texts = argv + 2, .n_texts = argc > 2 ? (size_t)argc - 2 : 0};
    char line[1024];
    if (search.n_texts == 0 || search.n_texts > TEXTS_MAX)
        return 64;
    for (size_t i = 0; i < search.n_texts; i++)
        if (strlen(search.texts[i]) == 0 || strlen(search.texts[i]) >= TEXT_MAX)
            return 64;
    FILE *const maps = open_of(argv[1], "maps", NULL);
    (void)open_of(argv[1], "mem", &search.memory);
    if (!maps || search.memory < 0)
        return 1;
    while (fgets(line, sizeof line, maps)) {
        uint64_t begin, end;
        char access[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, access) == 3 &&
            access[0] == 'r')
            search_region(&search, begin, end);
    }
    (void)fclose(maps);
    if (search.n_bytes == 0)
        return 1;
    for (size_t i = 0; i < search.n_texts; i++)
        printf("%zu %s\n", search.counts[i], search.texts[i]);
    return 0;
}
