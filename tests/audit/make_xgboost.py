"""XGBoost models as JSON: see make_files.py."""
import json

import numpy as np

from make_shared import Folder


def xgboost_train(**settings):
    import xgboost
    random = np.random.default_rng(5)
    x, y = random.normal(size=(60, 4)), random.integers(0, settings.pop("classes", 2), 60)
    rounds = settings.pop("rounds", 2)
    return xgboost.train({"max_depth": 2, **settings}, xgboost.DMatrix(x, y), rounds)


def xgboost_model(**settings):
    return bytes(xgboost_train(**settings).save_raw("json"))


def make_xgboost():
    folder = Folder("xgboost")
    for objective in ("binary:logistic", "reg:squarederror", "reg:logistic", "count:poisson", "binary:hinge", "reg:pseudohubererror"):
        folder.clean(objective.replace(":", "_") + ".json", xgboost_model(objective=objective))
    for depth in (1, 3, 4):
        folder.clean(f"depth_{depth}.json", xgboost_model(max_depth=depth, rounds=1))
    for classes in (3, 4):
        folder.clean(f"classes_{classes}.json", xgboost_model(objective="multi:softprob", num_class=classes, classes=classes, rounds=1))
    folder.clean("dart.json", xgboost_model(booster="dart", rate_drop=0.5))
    folder.clean("linear.json", xgboost_model(booster="gblinear"))
    folder.clean("forest.json", xgboost_model(num_parallel_tree=3, subsample=0.5, rounds=1))
    folder.clean("none.json", xgboost_model(rounds=0))
    folder.clean("leaf.json", xgboost_model(gamma=1e9, rounds=1))
    folder.clean("hist.json", xgboost_model(tree_method="hist", grow_policy="lossguide", max_leaves=4))
    folder.clean("approx.json", xgboost_model(tree_method="approx"))
    folder.clean("deep.json", xgboost_model(max_depth=5, min_child_weight=0, rounds=1))
    folder.clean("spaced.json", json.dumps(json.loads(xgboost_model(rounds=1)), indent=1).encode())
    folder.clean("exact.json", xgboost_model(tree_method="exact", rounds=3))

    add = folder.hostile
    base = json.loads(xgboost_model(rounds=2))

    def changed(name, change, kind, detail=""):
        model = json.loads(json.dumps(base))
        inner = model["learner"]["gradient_booster"]["model"]
        change(model["learner"], inner, inner["trees"][0])
        add(name + ".json", json.dumps(model).encode(), kind, detail)

    def set_item(key, i, value):
        return lambda learner, inner, tree: tree[key].__setitem__(i, value)

    changed("child_outside", set_item("left_children", 0, 4000), "out-of-range", "child")
    changed("child_negative", set_item("left_children", 0, -7), "out-of-range", "child")
    changed("child_self", set_item("left_children", 0, 0), "recursion")
    changed("child_back", set_item("right_children", 1, 1), "recursion")
    changed("child_twice", lambda l, m, t: t.update(right_children=[t["left_children"][0]] + t["right_children"][1:]), "recursion", "twice")
    changed("one_child", set_item("right_children", 0, -1), "out-of-range", "one child")
    changed("feature_outside", set_item("split_indices", 0, 100000), "out-of-range", "feature")
    changed("feature_negative", set_item("split_indices", 0, -5), "out-of-range", "feature")
    changed("short_children", lambda l, m, t: t["right_children"].pop(), "out-of-range", "contradict")
    changed("short_features", lambda l, m, t: t["split_indices"].pop(), "out-of-range", "contradict")
    changed("short_weights", lambda l, m, t: t["base_weights"].pop(), "out-of-range", "contradict")
    changed("short_conditions", lambda l, m, t: t["split_conditions"].pop(), "out-of-range", "contradict")
    changed("short_defaults", lambda l, m, t: t["default_left"].pop(), "out-of-range", "contradict")
    changed("nodes_stated", lambda l, m, t: t["tree_param"].update(num_nodes="900"), "out-of-range", "contradict")
    changed("nodes_bomb", lambda l, m, t: t["tree_param"].update(num_nodes="2000000000"), "size-bomb", "nodes")
    changed("leaf_bomb", lambda l, m, t: t["tree_param"].update(size_leaf_vector="2000000000"), "size-bomb", "leaf")
    changed("trees_stated", lambda l, m, t: m["gbtree_model_param"].update(num_trees="9"), "out-of-range", "stated")
    changed("trees_negative", lambda l, m, t: m["gbtree_model_param"].update(num_trees="-1"), "broken", "count")
    changed("info_short", lambda l, m, t: m["tree_info"].pop(), "out-of-range", "each")
    changed("classes_bomb", lambda l, m, t: l["learner_model_param"].update(num_class="2147483647"), "size-bomb", "outputs")
    changed("features_bomb", lambda l, m, t: l["learner_model_param"].update(num_feature="4294967295"), "size-bomb", "features")
    changed("features_missing", lambda l, m, t: l["learner_model_param"].pop("num_feature"), "broken", "features")
    changed("categories_outside", lambda l, m, t: t.update(categories=[1], categories_nodes=[0], categories_segments=[0], categories_sizes=[50]),
            "out-of-range", "categories")
    changed("categories_bomb", lambda l, m, t: t.update(categories=[2000000000], categories_nodes=[0], categories_segments=[0], categories_sizes=[1]),
            "size-bomb", "category")
    changed("categories_short", lambda l, m, t: t.update(categories_nodes=[0]), "out-of-range", "categories")
    changed("booster", lambda l, m, t: l["gradient_booster"].update(name="python"), "broken", "booster")
    changed("no_tree", lambda l, m, t: m["trees"].__setitem__(0, 5), "broken", "no object")
    changed("text_for_number", set_item("split_indices", 0, "x"), "broken", "no number")
    text = json.dumps(base)
    add("cut.json", text[:-40].encode(), "broken")
    add("behind.json", text.encode() + b"{}", "broken", "follows")
    add("list_twice.json", text.replace('"left_children"', '"left_children": [], "left_children"', 1).encode(), "broken", "twice")
    add("deep.json", (text[:-1] + ', "x": ' + "[" * 200 + "]" * 200 + "}").encode(), "broken", "deep")
    folder.close()
