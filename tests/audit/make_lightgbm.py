"""LightGBM models, as its writer writes them: see make_files.py."""
from make_shared import Folder


def lightgbm_tree(leaves=3, **changes):
    inner = leaves - 1
    lists = {"num_leaves": leaves, "num_cat": 0,
             "split_feature": [i % 3 for i in range(inner)], "split_gain": [1.5] * inner,
             "threshold": [0.25] * inner, "decision_type": [2] * inner,
             "left_child": [i + 1 if i + 1 < inner else ~0 for i in range(inner)],
             "right_child": [~(i + 1) for i in range(inner)],
             "leaf_value": [0.5] * leaves, "leaf_weight": [3] * leaves, "leaf_count": [3] * leaves,
             "internal_value": [0] * inner, "internal_weight": [0] * inner, "internal_count": [9] * inner,
             "is_linear": 0, "shrinkage": 0.1}
    lists.update(changes)
    lines = [f"{k}={' '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in lists.items() if v is not None]
    return "\n".join(lines) + "\n\n"


def lightgbm(trees, sizes=None, features=2, classes=1, version="v4", tail=True):
    texts = [f"Tree={i}\n{tree}\n" for i, tree in enumerate(trees)]
    sizes = [len(t) for t in texts] if sizes is None else sizes
    head = (f"tree\nversion={version}\nnum_class={classes}\nnum_tree_per_iteration={classes}\nlabel_index=0\n"
            f"max_feature_idx={features}\nobjective=binary sigmoid:1\nfeature_names=a b c\n"
            f"feature_infos=[0:1] [0:1] [0:1]\ntree_sizes={' '.join(map(str, sizes))}\n\n")
    end = "end of trees\n\nfeature_importances:\na=2\n\nparameters:\n[boosting: gbdt]\nend of parameters\n\npandas_categorical:null\n"
    return (head + "".join(texts) + (end if tail else "")).encode()


def make_lightgbm():
    folder = Folder("lightgbm")
    for leaves in (1, 2, 3, 4, 5, 8, 16, 31):
        folder.clean(f"leaves_{leaves}.txt", lightgbm([lightgbm_tree(leaves)]))
    for trees in (0, 2, 3, 10):
        folder.clean(f"trees_{trees}.txt", lightgbm([lightgbm_tree()] * trees))
    folder.clean("version_3.txt", lightgbm([lightgbm_tree()], version="v3"))
    folder.clean("version_2.txt", lightgbm([lightgbm_tree()], version="v2"))
    folder.clean("classes.txt", lightgbm([lightgbm_tree()] * 3, classes=3))
    categorical = lightgbm_tree(3, num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    folder.clean("categories.txt", lightgbm([categorical]))
    two = lightgbm_tree(3, num_cat=2, decision_type=[1, 1], threshold=[0, 1], cat_boundaries=[0, 1, 3], cat_threshold=[6, 0, 8])
    folder.clean("two_categories.txt", lightgbm([two]))
    folder.clean("nan.txt", lightgbm([lightgbm_tree(3, threshold=["nan", "1e-35"])]))
    folder.clean("returns.txt", lightgbm([]).replace(b"\n", b"\r\n"))
    folder.clean("balanced.txt", lightgbm([lightgbm_tree(4, left_child=[1, ~0, ~2], right_child=[2, ~1, ~3])]))
    folder.clean("infinite.txt", lightgbm([lightgbm_tree(2, threshold=["inf"])]))

    add = folder.hostile

    def tree(name, kind, detail="", leaves=3, **changes):
        add(name + ".txt", lightgbm([lightgbm_tree(leaves, **changes)]), kind, detail)

    tree("child_outside", "out-of-range", "child", left_child=[1, 900])
    tree("leaf_outside", "out-of-range", "child", right_child=[-2, -900])
    tree("child_self", "recursion", "", left_child=[0, ~0])
    tree("child_back", "recursion", "", left_child=[1, 1])
    tree("leaf_twice", "recursion", "twice", right_child=[~0, ~2])
    tree("feature_outside", "out-of-range", "feature", split_feature=[0, 50000])
    tree("feature_negative", "out-of-range", "feature", split_feature=[0, -3])
    tree("short_children", "out-of-range", "one number", left_child=[1])
    tree("long_children", "out-of-range", "one number", left_child=[1, ~0, ~0])
    tree("short_values", "out-of-range", "one number", leaf_value=[1])
    tree("short_thresholds", "out-of-range", "one number", threshold=[1])
    tree("no_features", "out-of-range", "one number", split_feature=None)
    tree("leaves_bomb", "size-bomb", "leaves", num_leaves=2000000000)
    tree("leaves_negative", "broken", "count", num_leaves=-5)
    tree("leaves_zero", "broken", "leaves", num_leaves=0)
    tree("no_leaves", "broken", "leaves", num_leaves=None)
    tree("text_for_number", "broken", "no number", threshold=["x", 1])
    tree("kind", "broken", "decision", decision_type=[99, 2])
    tree("category_outside", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[7, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    tree("boundary_outside", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 5000], cat_threshold=[6])
    tree("boundary_back", "out-of-range", "categories", num_cat=1, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[1, 0], cat_threshold=[6])
    tree("boundaries_short", "out-of-range", "categories", num_cat=3, decision_type=[1, 2], threshold=[0, 0.5], cat_boundaries=[0, 1], cat_threshold=[6])
    one = lightgbm_tree()
    add("sizes_far.txt", lightgbm([one, one], [900000000, 1]), "out-of-range", "no tree begins")
    add("sizes_shifted.txt", lightgbm([one, one], [11, 400]), "out-of-range", "no tree begins")
    add("sizes_many.txt", lightgbm([one], [len(one) + 8, 5]), "out-of-range")
    add("sizes_negative.txt", lightgbm([one], [-5]), "out-of-range")
    add("classes_bomb.txt", lightgbm([one], classes=2147483647), "size-bomb", "classes")
    add("features_bomb.txt", lightgbm([one], features=2147483647), "size-bomb", "highest feature")
    add("features_negative.txt", lightgbm([one], features=-1), "broken")
    add("no_end.txt", lightgbm([one], tail=False), "broken", "end of the trees")
    add("cut.txt", lightgbm([one, one])[:-600], "broken", "end of the trees")
    add("list_twice.txt", lightgbm([one.replace("num_cat=0", "left_child=5 6\nnum_cat=0")]), "broken", "twice")
    add("leaves_twice.txt", lightgbm([one.replace("num_cat=0", "num_leaves=1\nnum_cat=0")]), "broken", "leaves")
    add("zero_byte.txt", lightgbm([one]) + b"\0", "broken", "zero byte")
    folder.close()
