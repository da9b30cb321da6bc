/* Files that are pickles: one or several one behind the other, joblib's, and PyTorch's before it
 * took to ZIP archives.
 */
#include <stdio.h>
#include <string.h>

#include "audit/pickle_file.h"
#include "audit/pickle_machine.h"

/* Nothing is told: would these bytes do as a pickle? */
static mer_status looks_like_pickle(struct mer_audit *audit, const unsigned char *bytes, size_t n,
                                    bool *ret, bool *ret_harm, mer_err *err)
{
    struct mer_pickle pickle;
    mer_pickle_init(&pickle, audit, bytes, n, 0);
    pickle.probing = true;
    const mer_status status = mer_pickle_follow(&pickle, err);
    *ret = (pickle.ended && !pickle.told_broken && pickle.n_ops > 1) || pickle.tells_harm;
    *ret_harm = *ret && pickle.tells_harm;
    mer_pickle_release(&pickle);
    return status;
}

bool mer_audit_is_pickle(struct mer_audit *audit, struct mer_audit_bytes file, bool *ret_harm)
{
    bool is_one = false, harm = false;
    const mer_status status = looks_like_pickle(audit, file.bytes, file.n, &is_one, &harm, NULL);
    if (ret_harm)
        *ret_harm = harm;
    return mer_audit_went_well(audit, status) && is_one;
}

/* What follows a pickle: more of them, or what does not belong there. */
static mer_status follow_rest(struct mer_audit *audit, struct mer_audit_bytes file, size_t at,
                              size_t *ret_n_pickles, mer_err *err)
{
    while (at < file.n && !audit->out_of_steps) {
        struct mer_pickle pickle;
        bool is_one, harm;
        MER_GUARD(looks_like_pickle(audit, file.bytes + at, file.n - at, &is_one, &harm, err));
        if (!is_one) {
            mer_audit_add(audit, MER_AUDIT_TRAILING, at, "%s behind the pickle",
                          mer_audit_show_size(file.n - at).text);
            return mer_ok();
        }
        mer_pickle_init(&pickle, audit, file.bytes + at, file.n - at, at);
        const mer_status status = mer_pickle_follow(&pickle, err);
        at += pickle.at;
        const bool ended = pickle.ended;
        mer_pickle_release(&pickle);
        MER_GUARD(status);
        (*ret_n_pickles)++;
        if (!ended)
            return mer_ok();
    }
    return mer_ok();
}

static mer_status read_pickles(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    struct mer_pickle pickle;
    size_t n_pickles = 1;
    mer_pickle_init(&pickle, audit, file.bytes, file.n, 0);
    mer_status status = mer_pickle_follow(&pickle, err);
    if (mer_is_ok(status) && pickle.ended)
        status = follow_rest(audit, file, pickle.at, &n_pickles, err);
    if (n_pickles == 1)
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0,
                      "protocol %u, %llu instructions, %llu NumPy arrays", pickle.protocol,
                      (unsigned long long)pickle.n_ops, (unsigned long long)pickle.n_arrays);
    else
        mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%zu pickles, one behind the other", n_pickles);
    mer_pickle_release(&pickle);
    if (file.n < file.n_total)
        mer_audit_add(audit, MER_AUDIT_NOT_ALL, file.n, "too large to be decompressed");
    return status;
}

mer_status mer_audit_pickle(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_pickles(audit, file, err);
}

mer_status mer_audit_joblib(struct mer_audit *audit, struct mer_audit_bytes file, mer_err *err)
{
    return read_pickles(audit, file, err);
}

mer_status mer_audit_torch_pickle(struct mer_audit *audit, struct mer_audit_bytes file,
                                  struct mer_pickle *ret_pickle, mer_err *err)
{
    mer_pickle_init(ret_pickle, audit, file.bytes, file.n, 0);
    ret_pickle->is_torch = true;
    MER_GUARD(mer_pickle_follow(ret_pickle, err));
    if (ret_pickle->ended && ret_pickle->at < file.n)
        mer_audit_add(audit, MER_AUDIT_TRAILING, ret_pickle->at, "%s behind the pickle",
                      mer_audit_show_size(file.n - ret_pickle->at).text);
    mer_pickle_settle_storages(ret_pickle);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu tensors in %zu storages",
                  (unsigned long long)ret_pickle->n_tensors, ret_pickle->n_storages);
    return mer_ok();
}

/* ---- Before ZIP ---- */

/* The tensors' memory behind the pickles: in the order of the last pickle's keys, which is not
 * followed; so only the sum is checked. */
static void check_storages(struct mer_audit *audit, struct mer_pickle *pickle,
                           struct mer_audit_bytes file)
{
    uint64_t expected = 0;
    const uint64_t left = file.n_total - pickle->at;
    mer_pickle_settle_storages(pickle);
    for (size_t i = 0; i < pickle->n_storages; i++) {
        uint64_t n_bytes;
        if (__builtin_mul_overflow(pickle->storages[i].n_items,
                                   (uint64_t)pickle->storages[i].item_bytes, &n_bytes) ||
            __builtin_add_overflow(expected, n_bytes, &expected) ||
            __builtin_add_overflow(expected, (uint64_t)8, &expected))
            expected = UINT64_MAX - 8;
    }
    if (expected > left)
        mer_audit_add(audit, MER_AUDIT_BOMB, pickle->at,
                      "tensors of %s are announced, %s are there",
                      mer_audit_show_size(expected).text, mer_audit_show_size(left).text);
    else if (expected < left)
        mer_audit_add(audit, MER_AUDIT_TRAILING, pickle->at + expected, "%s behind the tensors",
                      mer_audit_show_size(left - expected).text);
    mer_audit_add(audit, MER_AUDIT_CONTENTS, 0, "%llu tensors in %zu storages",
                  (unsigned long long)pickle->n_tensors, pickle->n_storages);
}

/* Magic, protocol, system, the object, the keys of its storages: five pickles. */
mer_status mer_audit_torch_legacy(struct mer_audit *audit, struct mer_audit_bytes file,
                                  mer_err *err)
{
    enum { N_PICKLES = 5 };
    struct mer_pickle pickle;
    mer_pickle_init(&pickle, audit, file.bytes, file.n, 0);
    pickle.is_torch = true;
    mer_status status = mer_ok();
    for (size_t i = 0; i < N_PICKLES && mer_is_ok(status); i++) {
        pickle.n_stack = pickle.n_memo = pickle.memo_capacity = 0;
        pickle.n_ops = 0;
        mer_free(audit->ctx->alloc, pickle.memo);
        pickle.memo = NULL;
        status = mer_pickle_follow(&pickle, err);
        if (!pickle.ended)
            break;
    }
    if (mer_is_ok(status) && pickle.ended)
        check_storages(audit, &pickle, file);
    mer_pickle_release(&pickle);
    return status;
}
