#include "audit/python_names.h"

#include <string.h>

/* numpy moved its core in version 2. */
#define NUMPY_CORE(module, name, use)                                                              \
    {"numpy.core." module, name, use, 0},                                                          \
    {                                                                                              \
        "numpy._core." module, name, use, 0                                                        \
    }
/* Python 2's names for its built-in module. */
#define BUILTIN(name, use)                                                                         \
    {"builtins", name, use, 0},                                                                    \
    {                                                                                              \
        "__builtin__", name, use, 0                                                                \
    }
#define STORAGE(name, bytes)                                                                       \
    {                                                                                              \
        "torch", name, MER_PYTHON_TORCH_STORAGE, bytes                                             \
    }

static const struct mer_python_name names[] = {
    BUILTIN("set", MER_PYTHON_ANY),
    BUILTIN("frozenset", MER_PYTHON_ANY),
    BUILTIN("complex", MER_PYTHON_ANY),
    BUILTIN("list", MER_PYTHON_ANY),
    BUILTIN("dict", MER_PYTHON_ANY),
    BUILTIN("tuple", MER_PYTHON_ANY),
    BUILTIN("slice", MER_PYTHON_ANY),
    BUILTIN("int", MER_PYTHON_REFERENCE),
    BUILTIN("float", MER_PYTHON_REFERENCE),
    BUILTIN("bool", MER_PYTHON_REFERENCE),
    BUILTIN("str", MER_PYTHON_REFERENCE),
    BUILTIN("bytes", MER_PYTHON_SIZED),
    BUILTIN("bytearray", MER_PYTHON_SIZED),
    BUILTIN("object", MER_PYTHON_REFERENCE),
    {"collections", "OrderedDict", MER_PYTHON_ANY, 0},
    {"collections", "Counter", MER_PYTHON_ANY, 0},
    {"collections", "deque", MER_PYTHON_ANY, 0},
    {"collections", "defaultdict", MER_PYTHON_ANY, 0},
    {"datetime", "datetime", MER_PYTHON_ANY, 0},
    {"datetime", "date", MER_PYTHON_ANY, 0},
    {"datetime", "time", MER_PYTHON_ANY, 0},
    {"datetime", "timedelta", MER_PYTHON_ANY, 0},
    {"datetime", "timezone", MER_PYTHON_ANY, 0},
    {"decimal", "Decimal", MER_PYTHON_ANY, 0},
    {"fractions", "Fraction", MER_PYTHON_ANY, 0},
    {"uuid", "UUID", MER_PYTHON_ANY, 0},
    {"_codecs", "encode", MER_PYTHON_ENCODE, 0},
    {"copyreg", "_reconstructor", MER_PYTHON_RECONSTRUCTOR, 0},
    {"copy_reg", "_reconstructor", MER_PYTHON_RECONSTRUCTOR, 0},
    {"numpy", "ndarray", MER_PYTHON_REFERENCE, 0},
    {"numpy", "dtype", MER_PYTHON_NUMPY_DTYPE, 0},
    NUMPY_CORE("multiarray", "_reconstruct", MER_PYTHON_NUMPY_ARRAY),
    NUMPY_CORE("multiarray", "scalar", MER_PYTHON_NUMPY_SCALAR),
    NUMPY_CORE("numeric", "_frombuffer", MER_PYTHON_NUMPY_BUFFER),
    {"numpy", "bool_", MER_PYTHON_REFERENCE, 0},
    {"numpy", "float64", MER_PYTHON_REFERENCE, 0},
    {"numpy", "float32", MER_PYTHON_REFERENCE, 0},
    {"numpy", "int64", MER_PYTHON_REFERENCE, 0},
    {"numpy", "int32", MER_PYTHON_REFERENCE, 0},
    {"joblib.numpy_pickle", "NumpyArrayWrapper", MER_PYTHON_JOBLIB_ARRAY, 0},
    {"torch._utils", "_rebuild_tensor_v2", MER_PYTHON_TORCH_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", MER_PYTHON_TORCH_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", MER_PYTHON_TORCH_PARAMETER, 0},
    {"torch", "Size", MER_PYTHON_ANY, 0},
    {"torch", "device", MER_PYTHON_ANY, 0},
    {"torch", "float64", MER_PYTHON_REFERENCE, 0},
    {"torch", "float32", MER_PYTHON_REFERENCE, 0},
    {"torch", "float16", MER_PYTHON_REFERENCE, 0},
    {"torch", "bfloat16", MER_PYTHON_REFERENCE, 0},
    {"torch", "int64", MER_PYTHON_REFERENCE, 0},
    {"torch", "int32", MER_PYTHON_REFERENCE, 0},
    STORAGE("DoubleStorage", 8),
    STORAGE("FloatStorage", 4),
    STORAGE("HalfStorage", 2),
    STORAGE("BFloat16Storage", 2),
    STORAGE("LongStorage", 8),
    STORAGE("IntStorage", 4),
    STORAGE("ShortStorage", 2),
    STORAGE("CharStorage", 1),
    STORAGE("ByteStorage", 1),
    STORAGE("BoolStorage", 1),
    STORAGE("ComplexFloatStorage", 8),
    STORAGE("ComplexDoubleStorage", 16),
    {"torch.storage", "UntypedStorage", MER_PYTHON_TORCH_STORAGE, 1},
};

static bool is(const char *text, const char *bytes, size_t n)
{
    return strlen(text) == n && memcmp(text, bytes, n) == 0;
}

const struct mer_python_name *mer_python_known(const char *module, size_t n_module,
                                               const char *name, size_t n_name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is(names[i].name, name, n_name) && is(names[i].module, module, n_module))
            return &names[i];
    return NULL;
}

/* A space behind each. */
static const char dangerous[] =
    "__builtin__ __main__ _io _pickle _posixsubprocess aiohttp ast asyncio bdb "
    "builtins cProfile cloudpickle code codecs commands copyreg copy_reg ctypes "
    "dill distutils doctest ensurepip fileinput ftplib functools getpass http "
    "httplib idlelib imaplib importlib inspect io itertools joblib lib2to3 "
    "linecache logging marshal mmap multiprocessing nt operator os pathlib pdb "
    "pickle pip pkgutil platform popen2 poplib posix posixpath profile pty "
    "py_compile pydoc requests runpy setuptools shelve shutil signal site smtplib "
    "socket ssl sqlite3 subprocess sys tarfile telnetlib tempfile test threading "
    "timeit trace types urllib urllib2 uuid venv webbrowser xmlrpc zipfile "
    "zipimport _codecs _ctypes _thread ";

bool mer_python_is_dangerous(const char *module, size_t n_module)
{
    const char *const dot = memchr(module, '.', n_module);
    const size_t n = dot ? (size_t)(dot - module) : n_module;
    for (const char *at = dangerous; *at; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == n && memcmp(at, module, n) == 0)
            return true;
    return false;
}
