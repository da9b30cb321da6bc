/* What test_layers.c and the program that it starts agree on. */
#ifndef TESTS_CELL_LAYERS_H
#define TESTS_CELL_LAYERS_H

/* Exit codes: the probe did what it wanted, or could not; something else is wrong. */
enum { LAYERS_WORKED = 10, LAYERS_REFUSED = 11, LAYERS_BROKEN = 12 };

/* What a parent has open, and has in its environment, that no child is given. */
enum { LAYERS_INPUT_FD = 1, LAYERS_SECRET_FD = 77 };
#define LAYERS_SECRET "what nobody may read"
#define LAYERS_VARIABLE "MERLON_TEST_SECRET"

#endif
