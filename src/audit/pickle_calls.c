/* What the imports, calls and states of a pickle mean: constructors of plain data are let by, with
 * sane arguments; everything else is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/pickle_machine.h"
#include "core/sort.h"
#include "core/utf8.h"

/* "module.name", as text for people. */
static struct mer_quoted show_name(const struct mer_pickle_global *global)
{
    char text[160];
    const size_t n_module = global->n_module < 100 ? global->n_module : 100;
    const size_t n_name = global->n_name < 56 ? global->n_name : 56;
    memcpy(text, global->module, n_module);
    text[n_module] = '.';
    memcpy(text + n_module + 1, global->name, n_name);
    return mer_quote_n(text, n_module + 1 + n_name);
}

/* In a TorchScript archive: classes that its own code declares, and what TorchScript marks its
 * lists with. */
static const struct mer_python_name *known_to_script(const struct mer_pickle_global *global)
{
    static const struct mer_python_name own = {"__torch__", "", MER_PYTHON_ANY, 0};
    static const char code[] = "__torch__", marks[] = "torch.jit._pickle";
    const bool is_code =
        global->n_module >= sizeof code - 1 && memcmp(global->module, code, sizeof code - 1) == 0 &&
        (global->n_module == sizeof code - 1 || global->module[sizeof code - 1] == '.');
    const bool is_mark = global->n_module == sizeof marks - 1 &&
                         memcmp(global->module, marks, sizeof marks - 1) == 0;
    return is_code || is_mark ? &own : NULL;
}

mer_status mer_pickle_import(struct mer_pickle *pickle, uint64_t at, const unsigned char *module,
                             size_t n_module, const unsigned char *name, size_t n_name,
                             struct mer_pickle_value *ret, mer_err *err)
{
    struct mer_pickle_global *global;
    MER_GUARD(mer_arena_zero(&pickle->arena, 1, sizeof *global, &global, err));
    *global = (struct mer_pickle_global){(const char *)module, (const char *)name, n_module, n_name,
                                         NULL};
    global->known = mer_python_known(global->module, n_module, global->name, n_name);
    if (!global->known && pickle->audit->in_script)
        global->known = known_to_script(global);
    *ret = (struct mer_pickle_value){.kind = MER_PICKLE_GLOBAL, .as.global = global};
    enum mer_audit_kind kind = MER_AUDIT_DATA_IMPORT;
    if (!global->known) {
        mer_pickle_harm(pickle);
        kind = mer_python_is_dangerous(global->module, n_module) ? MER_AUDIT_DANGEROUS
                                                                 : MER_AUDIT_IMPORT;
    }
    mer_pickle_tell(pickle, kind, at, show_name(global).text);
    return mer_ok();
}

/* "'os.system' with 'echo ...'": the first text or bytes that it is called with, cut short. */
static void tell_call(struct mer_pickle *pickle, uint64_t at,
                      const struct mer_pickle_global *callee, struct mer_pickle_value arguments)
{
    enum { SHOWN = 48 };
    char text[MER_AUDIT_DETAIL_MAX];
    struct mer_pickle_value shown = {.kind = MER_PICKLE_UNKNOWN};
    for (size_t i = 0; i < 4 && shown.kind == MER_PICKLE_UNKNOWN; i++) {
        const struct mer_pickle_value item = mer_pickle_item(arguments, i);
        if (item.kind == MER_PICKLE_TEXT)
            shown = item;
    }
    const struct mer_quoted name = show_name(callee);
    if (shown.kind == MER_PICKLE_TEXT)
        (void)snprintf(
            text, sizeof text, "%.120s with %s%s", name.text,
            mer_quote_n((const char *)shown.as.bytes, shown.n < SHOWN ? shown.n : SHOWN).text,
            shown.n > SHOWN ? "..." : "");
    else
        (void)snprintf(text, sizeof text, "%s", name.text);
    mer_pickle_tell(pickle, MER_AUDIT_CALL, at, text);
}

/* Whatever is called may be what takes pickles apart. */
static mer_status probe_arguments(struct mer_pickle *pickle, uint64_t at,
                                  struct mer_pickle_value arguments, mer_err *err)
{
    for (size_t i = 0; i < 4; i++)
        MER_GUARD(mer_pickle_probe(pickle, at, mer_pickle_item(arguments, i), true, err));
    return mer_ok();
}

/* latin1, as protocol 2 stores bytes. */
static mer_status encode(struct mer_pickle *pickle, uint64_t at, struct mer_pickle_value text,
                         struct mer_pickle_value *ret, mer_err *err)
{
    unsigned char *bytes;
    uint32_t n = 0;
    if (text.kind != MER_PICKLE_TEXT)
        return mer_ok();
    MER_GUARD(mer_arena_zero(&pickle->arena, (size_t)text.n + 1, 1, &bytes, err));
    for (size_t i = 0; i < text.n; n++) {
        const size_t length = mer_utf8_length(text.as.bytes + i, text.n - i);
        if (length == 2)
            bytes[n] = (unsigned char)((text.as.bytes[i] & 3) << 6 | (text.as.bytes[i + 1] & 0x3f));
        else
            bytes[n] = text.as.bytes[i];
        i += length ? length : 1;
    }
    *ret = (struct mer_pickle_value){.kind = MER_PICKLE_BYTES, .n = n, .as.bytes = bytes};
    return mer_pickle_probe(pickle, at, *ret, false, err);
}

mer_status mer_pickle_call(struct mer_pickle *pickle, uint64_t at, struct mer_pickle_value callee,
                           struct mer_pickle_value arguments, struct mer_pickle_value *ret,
                           mer_err *err)
{
    MER_GUARD(mer_pickle_new_box(pickle, MER_PICKLE_MADE, ret, err));
    const struct mer_pickle_value parts[] = {callee, arguments};
    MER_GUARD(mer_pickle_put_in(pickle, *ret, parts, 2, err));
    if (callee.kind != MER_PICKLE_GLOBAL) {
        if (callee.kind != MER_PICKLE_UNKNOWN)
            mer_pickle_harm(pickle);
        mer_pickle_tell(pickle, MER_AUDIT_CALL, at,
                        callee.kind == MER_PICKLE_MADE ? "what another call has given"
                                                       : "something that is not clear");
        return probe_arguments(pickle, at, arguments, err);
    }
    const struct mer_pickle_global *const global = callee.as.global;
    if (!global->known) {
        tell_call(pickle, at, global, arguments);
        return probe_arguments(pickle, at, arguments, err);
    }
    mer_pickle_check_call(pickle, at, global, arguments);
    if (global->known->use == MER_PYTHON_ENCODE)
        return encode(pickle, at, mer_pickle_item(arguments, 0), ret, err);
    if (global->known->use == MER_PYTHON_NUMPY_ARRAY ||
        global->known->use == MER_PYTHON_NUMPY_BUFFER)
        pickle->n_arrays++;
    return mer_ok();
}

/* ---- States ---- */

/* A state that is (for the dictionary, for the attributes) reaches what only classes have. */
static bool names_special(struct mer_pickle_value dict)
{
    for (size_t i = 0; dict.kind == MER_PICKLE_DICT && i + 1 < dict.as.box->n_kept; i += 2) {
        const struct mer_pickle_value key = dict.as.box->items[i];
        if (key.kind == MER_PICKLE_TEXT && key.n >= 2 && memcmp(key.as.bytes, "__", 2) == 0)
            return true;
    }
    return dict.kind == MER_PICKLE_DICT && dict.as.box->n > dict.as.box->n_kept;
}

static void check_attributes(struct mer_pickle *pickle, uint64_t at,
                             const struct mer_pickle_global *maker, struct mer_pickle_value state)
{
    const bool is_pair = state.kind == MER_PICKLE_TUPLE && state.as.box->n == 2;
    const enum mer_python_use use = maker->known->use;
    /* These have a method of their own for it, which takes numbers, types and bytes. */
    if (use == MER_PYTHON_NUMPY_ARRAY || use == MER_PYTHON_NUMPY_DTYPE)
        return;
    if (names_special(state) || (is_pair && names_special(mer_pickle_item(state, 1))))
        mer_pickle_tell(pickle, MER_AUDIT_SETS, at, show_name(maker).text);
}

mer_status mer_pickle_set_state(struct mer_pickle *pickle, uint64_t at,
                                struct mer_pickle_value object, struct mer_pickle_value state,
                                mer_err *err)
{
    const struct mer_pickle_value maker = mer_pickle_item(object, 0);
    if (object.kind == MER_PICKLE_GLOBAL) {
        mer_pickle_harm(pickle);
        mer_pickle_tell(pickle, MER_AUDIT_SETS, at, show_name(object.as.global).text);
        return mer_ok();
    }
    if (object.kind != MER_PICKLE_MADE || maker.kind != MER_PICKLE_GLOBAL) {
        mer_pickle_tell(pickle, MER_AUDIT_SETS, at, "something that is not clear");
        return mer_ok();
    }
    MER_GUARD(mer_pickle_put_in(pickle, object, &state, 1, err));
    if (!maker.as.global->known) {
        mer_pickle_tell(pickle, MER_AUDIT_CALL, at, "the setter of a state, of what was imported");
        return probe_arguments(pickle, at, state, err);
    }
    check_attributes(pickle, at, maker.as.global, state);
    if (maker.as.global->known->use == MER_PYTHON_JOBLIB_ARRAY)
        return mer_pickle_skip_array(pickle, state, err);
    return mer_ok();
}

/* ---- Persistent ids ---- */

static mer_status add_storage(struct mer_pickle *pickle, struct mer_pickle_value id, mer_err *err)
{
    const struct mer_pickle_value key = mer_pickle_item(id, 2);
    const struct mer_pickle_value n = mer_pickle_item(id, 4);
    if (pickle->n_storages == pickle->storage_capacity) {
        const size_t capacity = pickle->storage_capacity ? 2 * pickle->storage_capacity : 64;
        MER_GUARD(mer_alloc_resize(pickle->audit->ctx->alloc, capacity * sizeof *pickle->storages,
                                   &pickle->storages, err));
        pickle->storage_capacity = capacity;
    }
    pickle->storages[pickle->n_storages++] = (struct mer_pickle_storage){
        .key = key.as.bytes,
        .n_key = key.n,
        .n_items = (uint64_t)n.as.integer,
        .item_bytes = mer_pickle_item(id, 1).as.global->known->item_bytes};
    return mer_ok();
}

/* ('storage', torch.FloatStorage, '0', 'cpu', 12) */
static bool is_storage(struct mer_pickle_value id)
{
    const struct mer_pickle_value type = mer_pickle_item(id, 1);
    const struct mer_pickle_value n = mer_pickle_item(id, 4);
    return id.kind == MER_PICKLE_TUPLE && mer_pickle_is_text(mer_pickle_item(id, 0), "storage") &&
           type.kind == MER_PICKLE_GLOBAL && type.as.global->known &&
           type.as.global->known->use == MER_PYTHON_TORCH_STORAGE &&
           mer_pickle_item(id, 2).kind == MER_PICKLE_TEXT &&
           mer_pickle_item(id, 3).kind == MER_PICKLE_TEXT && n.kind == MER_PICKLE_INT &&
           n.as.integer >= 0 && n.as.integer < INT64_MAX;
}

mer_status mer_pickle_persistent(struct mer_pickle *pickle, uint64_t at, struct mer_pickle_value id,
                                 struct mer_pickle_value *ret, mer_err *err)
{
    MER_GUARD(mer_pickle_new_box(pickle, MER_PICKLE_PERSISTENT, ret, err));
    MER_GUARD(mer_pickle_put_in(pickle, *ret, &id, 1, err));
    if (!pickle->is_torch && !pickle->audit->in_script)
        mer_pickle_tell(pickle, MER_AUDIT_PERSISTENT, at, "outside of a PyTorch checkpoint");
    else if (!is_storage(id))
        mer_pickle_tell(pickle, MER_AUDIT_PERSISTENT, at, "which is no tensor's memory");
    else
        return add_storage(pickle, id, err);
    return mer_ok();
}

static int by_key(const void *a, const void *b)
{
    const struct mer_pickle_storage *x = a, *y = b;
    const size_t n = x->n_key < y->n_key ? x->n_key : y->n_key;
    const int order = n ? memcmp(x->key, y->key, n) : 0;
    return order ? order : x->n_key < y->n_key ? -1 : x->n_key > y->n_key;
}

void mer_pickle_settle_storages(struct mer_pickle *pickle)
{
    struct mer_pickle_storage *const storages = pickle->storages;
    size_t n = 0;
    if (pickle->n_storages > 1)
        mer_sort(storages, pickle->n_storages, sizeof *storages, by_key);
    for (size_t i = 0; i < pickle->n_storages; i++) {
        if (n > 0 && by_key(&storages[n - 1], &storages[i]) == 0) {
            if (storages[n - 1].n_items != storages[i].n_items ||
                storages[n - 1].item_bytes != storages[i].item_bytes)
                mer_pickle_tell(pickle, MER_AUDIT_ARGUMENTS, 0,
                                "a tensor's memory is told in two ways");
            continue;
        }
        storages[n++] = storages[i];
    }
    pickle->n_storages = n;
}

struct mer_pickle_storage *mer_pickle_find_storage(const struct mer_pickle *pickle, const char *key,
                                                   size_t n_key)
{
    const struct mer_pickle_storage wanted = {.key = (const unsigned char *)key, .n_key = n_key};
    return pickle->n_storages
               ? bsearch(&wanted, pickle->storages, pickle->n_storages, sizeof wanted, by_key)
               : NULL;
}

/* ---- Pickles in pickles ---- */

static mer_status look_into(struct mer_pickle *outer, struct mer_pickle_value bytes, bool probing,
                            bool *ret_harm, mer_err *err)
{
    struct mer_pickle inner;
    mer_pickle_init(&inner, outer->audit, bytes.as.bytes, bytes.n, 0);
    inner.probing = probing;
    const mer_status status = mer_pickle_follow(&inner, err);
    *ret_harm = inner.tells_harm;
    mer_pickle_release(&inner);
    return status;
}

mer_status mer_pickle_probe(struct mer_pickle *pickle, uint64_t at, struct mer_pickle_value bytes,
                            bool any_protocol, mer_err *err)
{
    static const char NAME[] = "a pickle inside";
    struct mer_audit *const audit = pickle->audit;
    size_t before;
    bool harm;
    if ((bytes.kind != MER_PICKLE_BYTES && bytes.kind != MER_PICKLE_TEXT) || bytes.n < 4)
        return mer_ok();
    const bool has_protocol =
        bytes.as.bytes[0] == 0x80 && bytes.as.bytes[1] >= 1 && bytes.as.bytes[1] <= 5;
    if ((!has_protocol && !any_protocol) || audit->depth >= MER_AUDIT_DEPTH_MAX)
        return mer_ok();
    audit->depth++;
    mer_status status = look_into(pickle, bytes, true, &harm, err);
    audit->depth--;
    MER_GUARD(status);
    if (!harm)
        return mer_ok();
    mer_pickle_harm(pickle);
    if (pickle->probing)
        return mer_ok();
    mer_pickle_tell(pickle, MER_AUDIT_NESTED, at, "in a constant");
    if (!mer_audit_enter(audit, NAME, sizeof NAME - 1, &before))
        return mer_ok();
    status = look_into(pickle, bytes, false, &harm, err);
    mer_audit_leave(audit, before);
    return status;
}
