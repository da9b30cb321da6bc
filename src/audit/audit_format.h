/* The names of the formats that an audit knows, for whoever shows a report and for those who
 * cannot read any of them: the readers are in audit.h.
 */
#ifndef MER_AUDIT_AUDIT_FORMAT_H
#define MER_AUDIT_AUDIT_FORMAT_H

#include "core/status.h"

/* constant, name, title, what its usual loader does. */
#define MER_AUDIT_FORMATS(X)                                                                       \
    X(SAFETENSORS, "safetensors", "safetensors", "maps tensors; nothing in it is executed")        \
    X(NUMPY, "npy", "NumPy array",                                                                 \
      "numpy.load reads the array; with allow_pickle it unpickles an array of objects, which "     \
      "executes what they import")                                                                 \
    X(TORCH, "pytorch", "PyTorch checkpoint (ZIP)",                                                \
      "torch.load unpickles data.pkl, which executes what it imports, unless weights_only")        \
    X(NPZ, "npz", "NumPy archive", "numpy.load reads each array as it is asked for")               \
    X(ZIP, "zip", "ZIP archive", "depends on what is in it")                                       \
    X(TORCH_TAR, "pytorch-tar", "PyTorch checkpoint (tar)",                                        \
      "torch.load unpickles its members, which executes what they import")                         \
    X(TORCH_LEGACY, "pytorch-legacy", "PyTorch checkpoint (pickles)",                              \
      "torch.load unpickles it, which executes what it imports, unless weights_only")              \
    X(JOBLIB, "joblib", "joblib dump", "joblib.load unpickles it, which executes what it imports") \
    X(PICKLE, "pickle", "Python pickle", "pickle.load executes what it imports and calls")         \
    X(ONNX, "onnx", "ONNX model",                                                                  \
      "a runtime builds the graph, reads the files it names and needs a library for each domain "  \
      "of its own")                                                                                \
    X(MXNET_SYMBOL, "mxnet-symbol", "MXNet symbol",                                                \
      "MXNet builds the graph; some operators call function pointers or Python out of the file")   \
    X(MXNET_PARAMS, "mxnet-params", "MXNet parameters",                                            \
      "MXNet copies arrays into memory, and believes the sizes that the file states")              \
    X(XGBOOST, "xgboost-json", "XGBoost model (JSON)",                                             \
      "XGBoost builds trees, and follows the indices that the file states")                        \
    X(LIGHTGBM, "lightgbm", "LightGBM model (text)",                                               \
      "LightGBM builds trees, and follows the indices that the file states")                       \
    X(COMPRESSED, "compressed", "compressed file", "depends on what is in it")                     \
    X(GGUF, "gguf", "GGUF", "maps tensors; readers have had errors with sizes and templates")      \
    X(HDF5, "hdf5", "HDF5 (Keras)", "Keras builds layers; Lambda layers execute bytecode")         \
    X(TORCHSCRIPT, "torchscript", "TorchScript archive", "torch.jit.load compiles and runs code")  \
    X(UBJSON, "ubjson", "UBJSON (XGBoost)", "XGBoost builds trees")                                \
    X(SEVEN_ZIP, "7z", "7-Zip archive", "depends on what is in it")                                \
    X(RAR, "rar", "RAR archive", "depends on what is in it")                                       \
    X(TAR, "tar", "tar archive", "depends on what is in it")                                       \
    X(TFLITE, "tflite", "TensorFlow Lite", "an interpreter runs its graph")                        \
    X(XML, "xml", "XML (PMML)", "depends on the reader")                                           \
    X(SEALED, "age", "sealed file (age)", "it has to be opened first")                             \
    X(R_DATA, "r-data", "R data", "readRDS builds objects; promises in it are code")               \
    X(JSON, "json", "JSON", "depends on the reader")                                               \
    X(EXECUTABLE, "program", "program", "it runs")                                                 \
    X(EMPTY, "empty", "empty file", "nothing")

enum mer_audit_format {
#define MER_AUDIT_NAME_FORMAT(constant, name, title, loader) MER_AUDIT_FORMAT_##constant,
    MER_AUDIT_FORMATS(MER_AUDIT_NAME_FORMAT)
#undef MER_AUDIT_NAME_FORMAT
        MER_AUDIT_N_FORMATS
};

/* Of MER_AUDIT_N_FORMATS and beyond: "unknown". */
const char *mer_audit_format_name(unsigned format);
const char *mer_audit_format_title(unsigned format);
const char *mer_audit_format_loader(unsigned format);

#endif
