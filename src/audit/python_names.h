/* What a pickle may import without being reported: constructors of plain data, each with what has
 * to be true of its arguments. Everything else is reported; the list of dangerous modules only
 * chooses the words.
 *
 * Names are compared byte by byte: a loader that normalises, follows dots or maps old module names
 * to new ones can only make something else out of what is not on the list.
 */
#ifndef MER_AUDIT_PYTHON_NAMES_H
#define MER_AUDIT_PYTHON_NAMES_H

#include "core/status.h"

enum mer_python_use {
    MER_PYTHON_REFERENCE,     /* may be named, not called: a class that an argument is */
    MER_PYTHON_ANY,           /* may be called with data */
    MER_PYTHON_SIZED,         /* bytes(n): a number is a size */
    MER_PYTHON_ENCODE,        /* _codecs.encode: latin1 only */
    MER_PYTHON_RECONSTRUCTOR, /* copyreg._reconstructor(class, object, None) */
    MER_PYTHON_NUMPY_ARRAY,   /* _reconstruct(ndarray, (0,), b'b') */
    MER_PYTHON_NUMPY_DTYPE,   /* dtype('f8', False, True) */
    MER_PYTHON_NUMPY_SCALAR,  /* scalar(dtype, bytes) */
    MER_PYTHON_NUMPY_BUFFER,  /* _frombuffer(bytes, dtype, shape, order) */
    MER_PYTHON_JOBLIB_ARRAY,  /* an array's bytes follow the instruction that sets its state */
    MER_PYTHON_TORCH_TENSOR,  /* _rebuild_tensor_v2(storage, offset, size, stride, ...) */
    MER_PYTHON_TORCH_PARAMETER,
    MER_PYTHON_TORCH_STORAGE, /* a class; only in a persistent id */
};

struct mer_python_name {
    const char *module;
    const char *name;
    enum mer_python_use use;
    unsigned item_bytes; /* TORCH_STORAGE: of an element */
};

/* NULL: not on the list. */
const struct mer_python_name *mer_python_known(const char *module, size_t n_module,
                                               const char *name, size_t n_name);
/* The module, or one it lies in, is what attacks that were published are made of. */
bool mer_python_is_dangerous(const char *module, size_t n_module);

#endif
