/* Writes a CSV table of normally distributed numbers to standard output, the same for a seed.
 *
 *   make_numbers ROWS COLUMNS DIGITS SEED      DIGITS as in printf's %.DIGITSg
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/rng.h"

enum { N_ARGUMENTS = 5, BUFFER_BYTES = 1 << 20 };

static void write_row(mer_rng *rng, long n_columns, int digits)
{
    for (long c = 0; c < n_columns; c++)
        printf("%s%.*g", c ? "," : "", digits, mer_rng_normal(rng));
    putchar('\n');
}

int main(int argc, char **argv)
{
    static char buffer[BUFFER_BYTES];
    mer_rng rng;
    if (argc != N_ARGUMENTS) {
        fprintf(stderr, "usage: make_numbers ROWS COLUMNS DIGITS SEED\n");
        return 64;
    }
    const long n_rows = strtol(argv[1], NULL, 10);
    const long n_columns = strtol(argv[2], NULL, 10);
    const int digits = (int)strtol(argv[3], NULL, 10);
    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    mer_rng_init(&rng, strtoull(argv[4], NULL, 10), 0);
    for (long c = 0; c < n_columns; c++)
        printf("%sx%ld", c ? "," : "", c + 1);
    putchar('\n');
    for (long row = 0; row < n_rows; row++)
        write_row(&rng, n_columns, digits);
    return fflush(stdout) == 0 ? 0 : 74;
}
