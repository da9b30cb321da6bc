/* A module that an OPENSSL_CONF can name: it says on standard output that its code was run. */
#include <stdio.h>

static __attribute__((constructor)) void speak(void)
{
    puts("the module's code was run");
    fflush(stdout);
}
