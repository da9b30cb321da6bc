/* MXNet's symbols (nnvm's graph JSON, from 0.8 to 2.0): a symbol file is not passive data, for some
 * operators call function pointers or Python that the file names. References are checked as well,
 * for the loader follows some of them without looking.
 */
#include <string.h>

#include "audit/audit.h"
#include "audit/json_walk.h"

enum { DEPTH_MAX = 8, OUTPUTS_MAX = 10000, NAME_MAX_BYTES = 100 };

/* Operators that call what the file names: function pointers, Python classes, code. */
static const char calling[] = "_Native _NDArray Custom _CustomFunction _TVMOp _FusedOp "
                              "_CrossDeviceCopy _CachedOp _CachedOpThreadSafe ";

/* Operators that only compute. A space behind each. */
static const char computing[] =
    "null Activation BatchNorm BatchNorm_v1 BilinearSampler BlockGrad CTCLoss Cast ChannelShift "
    "Concat Convolution Convolution_v1 Correlation Crop CuDNNBatchNorm Deconvolution Dropout "
    "ElementWiseSum Embedding Flatten FullyConnected GridGenerator GroupNorm "
    "IdentityAttachKLSparseReg InstanceNorm L2Normalization LRN LayerNorm LeakyReLU "
    "LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput MakeLoss Pad Pooling "
    "Pooling_v1 RNN ROIPooling Reshape SVMOutput SequenceLast SequenceMask SequenceReverse "
    "SliceChannel Softmax SoftmaxActivation SoftmaxOutput SpatialTransformer SwapAxis UpSampling "
    "abs add_n all_finite amp_cast amp_multicast arccos arccosh arcsin arcsinh arctan arctanh "
    "argmax argmax_channel argmin argsort batch_dot batch_take broadcast_add broadcast_axes "
    "broadcast_axis broadcast_div broadcast_equal broadcast_greater broadcast_greater_equal "
    "broadcast_hypot broadcast_lesser broadcast_lesser_equal broadcast_like broadcast_logical_and "
    "broadcast_logical_or broadcast_logical_xor broadcast_maximum broadcast_minimum "
    "broadcast_minus broadcast_mod broadcast_mul broadcast_not_equal broadcast_plus "
    "broadcast_power broadcast_sub broadcast_to cast cast_storage cbrt ceil clip concat cos cosh "
    "ctc_loss degrees depth_to_space diag dot elemwise_add elemwise_div elemwise_mul elemwise_sub "
    "erf erfinv exp expand_dims expm1 fix flatten flip floor gamma gammaln gather_nd hard_sigmoid "
    "identity log log10 log1p log2 log_softmax logical_not make_loss max max_axis mean min "
    "min_axis moments nanprod nansum negative norm normal one_hot ones_like pad pick prod radians "
    "rcbrt reciprocal relu repeat reshape reshape_like reverse rint round rsqrt scatter_nd sgn "
    "shape_array shuffle sigmoid sign sin sinh size_array slice slice_axis slice_like smooth_l1 "
    "softmax softmax_cross_entropy softmin softsign sort space_to_depth split split_v2 sqrt square "
    "squeeze stack stop_gradient sum sum_axis swapaxes take tan tanh tile topk transpose trunc "
    "uniform unravel_index where zeros_like _arange _copy _div_scalar _eye _equal_scalar _full "
    "_greater_equal_scalar _greater_scalar _grad_add _identity_with_attr_like_rhs _lesser_scalar "
    "_lesser_equal_scalar _linspace _maximum _maximum_scalar _minimum _minimum_scalar _minus "
    "_minus_scalar _mod_scalar _mul _mul_scalar _not_equal_scalar _ones _plus _plus_scalar "
    "_power_scalar _rdiv_scalar _rminus_scalar _rnn_param_concat _rpower_scalar _sub _zeros "
    "_zeros_without_dtype _Plus _Minus _Mul _Div _PlusScalar _MinusScalar _MulScalar _DivScalar "
    "_foreach _while_loop _cond _linalg_gemm _linalg_gemm2 _linalg_potrf _linalg_syrk "
    "_linalg_trmm _linalg_trsm _contrib_AdaptiveAvgPooling2D _contrib_BilinearResize2D "
    "_contrib_MultiBoxDetection _contrib_MultiBoxPrior _contrib_MultiBoxTarget "
    "_contrib_Proposal _contrib_ROIAlign _contrib_SyncBatchNorm _contrib_arange_like "
    "_contrib_bipartite_matching _contrib_box_iou _contrib_box_nms _contrib_box_non_maximum_"
    "suppression _contrib_boolean_mask _contrib_div_sqrt_dim _contrib_index_copy "
    "_contrib_interleaved_matmul_selfatt_qk _contrib_interleaved_matmul_selfatt_valatt "
    "_contrib_quadratic _npi_add _npi_multiply _npi_subtract _npi_true_divide _npx_relu "
    "_npx_sigmoid _npx_softmax _npx_reshape _random_normal _random_uniform ";

static bool is_in(const char *words, const char *name, size_t n)
{
    if (memchr(name, ' ', n))
        return false;
    for (const char *at = words; *at; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == n && memcmp(at, name, n) == 0)
            return true;
    return false;
}

struct graph {
    struct mer_audit *audit;
    struct mer_json_walk *walk;
    unsigned depth;
    uint64_t n_nodes;
    uint64_t n_operators;
    int64_t highest; /* node that heads and arguments name */
    bool has_nodes;
    bool has_heads;
};

static void tell(struct graph *graph, enum mer_audit_kind kind, const char *what)
{
    mer_audit_add(graph->audit, kind, graph->walk->at, "node %llu: %s",
                  (unsigned long long)graph->n_nodes, what);
}

static void check_operator(struct graph *graph, bool *ret_is_null)
{
    const struct mer_json_walk *const walk = graph->walk;
    const struct mer_json_walk_text name = mer_json_walk_unescape(walk->text, walk->n_text);
    const struct mer_quoted shown = mer_quote_n(name.bytes, name.n);
    bool is_plain = name.n > 0 && name.n <= NAME_MAX_BYTES && !name.is_cut;
    for (size_t i = 0; i < name.n && is_plain; i++) {
        const char c = name.bytes[i];
        is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '.';
    }
    *ret_is_null = name.n == 4 && memcmp(name.bytes, "null", 4) == 0;
    graph->n_operators += !*ret_is_null;
    if (walk->token != MER_JSON_TOKEN_STRING || !is_plain)
        mer_audit_add(graph->audit, MER_AUDIT_BROKEN, walk->at, "an operator's name is none: %s",
                      shown.text);
    else if (is_in(calling, name.bytes, name.n))
        mer_audit_add(graph->audit, MER_AUDIT_CODE_OPERATOR, walk->at, "%s", shown.text);
    else if (!is_in(computing, name.bytes, name.n))
        mer_audit_add(graph->audit, MER_AUDIT_OPERATOR_UNKNOWN, walk->at, "%s", shown.text);
    (void)mer_audit_step(graph->audit, 300);
}

/* [node, output, version]: the node comes before this one. */
static size_t read_input(struct graph *graph, int64_t *ret_node)
{
    struct mer_json_walk *const walk = graph->walk;
    size_t n = 0;
    if (walk->token != MER_JSON_TOKEN_BEGIN_ARRAY) {
        tell(graph, MER_AUDIT_BROKEN, "a reference is none");
        mer_json_walk_skip(walk);
        return 0;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD) {
        int64_t number;
        if (walk->token != MER_JSON_TOKEN_NUMBER || !mer_json_walk_integer(walk, &number))
            tell(graph, MER_AUDIT_BROKEN, "a reference is none");
        else if (n == 0)
            *ret_node = number;
        else if (number < 0 || number > OUTPUTS_MAX)
            tell(graph, MER_AUDIT_RANGE, "it takes an output that does not exist");
        mer_json_walk_skip(walk);
        n++;
    }
    if (n < 2 || n > 3)
        tell(graph, MER_AUDIT_BROKEN, "a reference is none");
    return n;
}

static void read_inputs(struct graph *graph, bool is_null)
{
    struct mer_json_walk *const walk = graph->walk;
    size_t n = 0;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        tell(graph, MER_AUDIT_BROKEN, "its inputs are no list");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD && mer_audit_step(graph->audit, 10)) {
        int64_t node = 0;
        if (read_input(graph, &node) == 0)
            continue;
        n++;
        if (node < 0)
            tell(graph, MER_AUDIT_RANGE, "it takes a node that does not exist");
        else if ((uint64_t)node >= graph->n_nodes)
            tell(graph, MER_AUDIT_RECURSION, "it takes itself or one that comes later");
    }
    if (is_null && n > 0)
        tell(graph, MER_AUDIT_BROKEN, "a variable has inputs");
}

/* Names and values, which are all texts. */
static void read_attributes(struct graph *graph)
{
    struct mer_json_walk *const walk = graph->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_OBJECT) {
        tell(graph, MER_AUDIT_BROKEN, "its attributes are none");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY) {
        if (mer_json_walk_next(walk) != MER_JSON_TOKEN_STRING) {
            tell(graph, MER_AUDIT_BROKEN, "an attribute is no text");
            mer_json_walk_skip(walk);
        }
    }
}

static void read_graph(struct mer_audit *audit, struct mer_json_walk *walk, unsigned depth);

static void read_subgraphs(struct graph *graph)
{
    struct mer_json_walk *const walk = graph->walk;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        tell(graph, MER_AUDIT_BROKEN, "its graphs are no list");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD) {
        if (graph->depth >= DEPTH_MAX) {
            mer_audit_add(graph->audit, MER_AUDIT_DEPTH, walk->at, "graphs in graphs over %d deep",
                          DEPTH_MAX);
            mer_json_walk_skip(walk);
        } else {
            read_graph(graph->audit, walk, graph->depth + 1);
        }
    }
}

static void read_node(struct graph *graph)
{
    struct mer_json_walk *const walk = graph->walk;
    unsigned n_operators = 0;
    bool is_null = false;
    if (walk->token != MER_JSON_TOKEN_BEGIN_OBJECT) {
        tell(graph, MER_AUDIT_BROKEN, "it is no object");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(graph->audit, 10)) {
        if (mer_json_walk_is(walk, "op")) {
            (void)mer_json_walk_next(walk);
            check_operator(graph, &is_null);
            n_operators++;
            mer_json_walk_skip(walk);
        } else if (mer_json_walk_is(walk, "inputs") || mer_json_walk_is(walk, "control_deps")) {
            read_inputs(graph, is_null);
        } else if (mer_json_walk_is(walk, "param") || mer_json_walk_is(walk, "attr") ||
                   mer_json_walk_is(walk, "attrs")) {
            read_attributes(graph);
        } else if (mer_json_walk_is(walk, "subgraphs")) {
            read_subgraphs(graph);
        } else {
            const bool is_known =
                mer_json_walk_is(walk, "name") || mer_json_walk_is(walk, "backward_source_id");
            if (!is_known)
                tell(graph, MER_AUDIT_BROKEN, "a member that nodes do not have");
            mer_json_walk_skip(walk);
        }
    }
    if (n_operators != 1 && !walk->problem)
        tell(graph, MER_AUDIT_BROKEN, "not exactly one operator");
    graph->n_nodes++;
}

static void read_nodes(struct graph *graph)
{
    struct mer_json_walk *const walk = graph->walk;
    if (graph->has_nodes)
        mer_audit_add(graph->audit, MER_AUDIT_BROKEN, walk->at, "the nodes are there twice");
    graph->has_nodes = true;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        mer_audit_add(graph->audit, MER_AUDIT_BROKEN, walk->at, "the nodes are no list");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD && mer_audit_step(graph->audit, 10))
        read_node(graph);
}

/* Numbers of nodes, bare or in references. */
static void read_references(struct graph *graph)
{
    struct mer_json_walk *const walk = graph->walk;
    int64_t node = 0;
    if (mer_json_walk_next(walk) != MER_JSON_TOKEN_BEGIN_ARRAY) {
        mer_audit_add(graph->audit, MER_AUDIT_BROKEN, walk->at, "references are no list");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) != MER_JSON_TOKEN_END_ARRAY &&
           walk->token != MER_JSON_TOKEN_BAD) {
        if (walk->token == MER_JSON_TOKEN_NUMBER) {
            if (!mer_json_walk_integer(walk, &node))
                node = -1;
        } else {
            (void)read_input(graph, &node);
        }
        if (node < 0)
            mer_audit_add(graph->audit, MER_AUDIT_RANGE, walk->at, "a node that does not exist");
        graph->highest = node > graph->highest ? node : graph->highest;
    }
}

static void read_graph(struct mer_audit *audit, struct mer_json_walk *walk, unsigned depth)
{
    struct graph graph = {.audit = audit, .walk = walk, .depth = depth, .highest = -1};
    if (walk->token != MER_JSON_TOKEN_BEGIN_OBJECT) {
        mer_audit_add(audit, MER_AUDIT_BROKEN, walk->at, "a graph is no object");
        mer_json_walk_skip(walk);
        return;
    }
    while (mer_json_walk_next(walk) == MER_JSON_TOKEN_KEY && mer_audit_step(audit, 10)) {
        if (mer_json_walk_is(walk, "nodes")) {
            read_nodes(&graph);
        } else if (mer_json_walk_is(walk, "heads") || mer_json_walk_is(walk, "arg_nodes")) {
            graph.has_heads |= mer_json_walk_is(walk, "heads");
            read_references(&graph);
        } else {
            mer_json_walk_skip(walk);
        }
    }
    if (walk->problem || audit->out_of_steps)
        return;
    if (!graph.has_nodes || !graph.has_heads)
        mer_audit_add(audit, MER_AUDIT_BROKEN, walk->at, "a graph without nodes or heads");
    if (graph.highest >= 0 && (uint64_t)graph.highest >= graph.n_nodes)
        mer_audit_add(audit, MER_AUDIT_RANGE, walk->at, "a head or argument that does not exist");
    if (depth == 0)
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu nodes, %llu of them operators",
                      (unsigned long long)graph.n_nodes, (unsigned long long)graph.n_operators);
}

mer_status mer_audit_mxnet_symbol(struct mer_audit *audit, struct mer_audit_bytes file,
                                  mer_err *err)
{
    struct mer_json_walk walk;
    (void)err;
    mer_json_walk_init(&walk, file.bytes, file.n);
    (void)mer_json_walk_next(&walk);
    read_graph(audit, &walk, 0);
    if (!walk.problem && !audit->out_of_steps)
        (void)mer_json_walk_next(&walk);
    if (walk.problem)
        mer_audit_add(audit, MER_AUDIT_BROKEN, walk.at, "%s", walk.problem);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    return mer_ok();
}
