/* Shared by the tests of tables: reads CSV text and prints a table as text that can be compared. */
#ifndef TESTS_FRAME_READING_H
#define TESTS_FRAME_READING_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame/csv.h"

/* A context with an allocator of its own, and what a read left. */
struct reading {
    struct mer_alloc alloc;
    struct mer_ctx ctx;
    struct mer_csv_options options;
    struct mer_frame frame;
    struct mer_csv_report report;
    mer_err err;
};

void reading_init(struct reading *reading);
/* Checks that everything was given back. */
void reading_end(struct reading *reading);
/* Reads n bytes, or a text (n = SIZE_MAX), with reading->options. */
enum mer_code reading_csv(struct reading *reading, const void *bytes, size_t n);

/* The table as text, one line per column, for example
 *     age integer: 39|.|50
 *     job categorical{clerk,cook}: 0|1|.
 * with a point where a value is missing. Free with free(). */
char *reading_show(const struct mer_frame *frame);

/* A whole file; NULL when it is absent. Free with free(). */
char *reading_file(const char *path, size_t *ret_n);

/* gzip of n bytes. Free with free(). */
unsigned char *reading_gzip(const void *bytes, size_t n, size_t *ret_n);

#endif
