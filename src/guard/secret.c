#include "guard/secret.h"

#include "os/secret_memory.h"

mer_status mer_secret_init(struct mer_secret *secret, size_t capacity, mer_err *err)
{
    void *bytes = NULL;
    MER_GUARD(mer_secret_memory_map(capacity, &bytes, err));
    *secret = (struct mer_secret){.bytes = bytes, .capacity = capacity};
    return mer_ok();
}

void mer_secret_release(struct mer_secret *secret)
{
    mer_secret_memory_unmap(secret->bytes, secret->capacity);
    *secret = (struct mer_secret){0};
}
