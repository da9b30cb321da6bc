/* What the examples share: a check that ends the program, and a small table to work with. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdio.h>
#include <stdlib.h>

#include <merlon/merlon.h>

/* Every function of Merlon that can fail returns a status and fills an error with one sentence and,
 * where there is one, a hint. */
static inline void check(mer_status status, const mer_err *err)
{
    if (status.code == MER_OK)
        return;
    fprintf(stderr, "%s\n%s\n", err->message, err->hint);
    exit(mer_code_exit(status.code));
}

/* FOLDER/NAME in a buffer of the caller. */
static inline const char *path_in(const char *folder, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", folder, name);
    return path;
}

/* A table of flats: size, rooms, district, and what they cost. */
static inline void write_flats(const char *path)
{
    static const char *const districts[] = {"harbour", "old town", "hill"};
    FILE *const file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(74);
    }
    fprintf(file, "size,rooms,district,price\n");
    for (int i = 0; i < 200; i++) {
        const int size = 30 + i * 37 % 120;
        const int district = i * 7 % 3;
        fprintf(file, "%d,%d,%s,%d\n", size, 1 + size / 30, districts[district],
                size * (2000 + 700 * district) + i * 53 % 5000);
    }
    if (fclose(file) != 0) {
        perror(path);
        exit(74);
    }
}

#endif
