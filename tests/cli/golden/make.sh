#!/bin/sh
# Makes the golden models of a format version: signed models of every family and task, and what they predict. Run once
# for a new version of the format; models of earlier versions stay as they are, and must load for ever.
#
#   tests/cli/golden/make.sh MERLON VERSION
set -eu
merlon=$(realpath "${1:?usage: make.sh MERLON VERSION}")
version=${2:?usage: make.sh MERLON VERSION}
here=$(cd "$(dirname "$0")" && pwd)
data=$here/../../../data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CONFIG_HOME="$work"
"$merlon" keys new golden --quiet
"$merlon" keys show golden > "$here/v$version.pub"

# NAME TABLE TARGET FAMILY [FIT'S OPTIONS]
make() {
    name=$1 table=$2 target=$3 family=$4
    shift 4
    case $family in ensemble) ;; *) set -- --model "$family" "$@" ;; esac
    "$merlon" fit "$data/$table/train.csv" --target "$target" --seed 7 --key golden --quiet \
        --out "$work/$name.safetensors" "$@"
    set -- "$name" "$table"
    cp "$work/$1.safetensors" "$here/v$version.$1.safetensors"
    cp "$work/$1.safetensors.sig" "$here/v$version.$1.safetensors.sig"
    "$merlon" predict "$work/$1.safetensors" "$data/$2/test.csv" $(proba "$1") --digits 17 --quiet \
        --out "$here/v$version.$1.csv" --force
}
proba() {
    case $1 in *regression) ;; *) echo --proba ;; esac
}
case $version in
1)
    make loans.linear.binary loans defaulted linear
    make loans.tree.binary loans defaulted tree
    make wine.linear.multiclass wine cultivar linear
    make iris.tree.multiclass iris species tree
    make diabetes.linear.regression diabetes progression linear
    make diabetes.tree.regression diabetes progression tree
    make iris.baseline.multiclass iris species baseline
    ;;
2) # ensembles of trees
    make loans.gbdt.binary loans defaulted gbdt --param n_estimators=12
    make wine.gbdt.multiclass wine cultivar gbdt --param n_estimators=8
    make diabetes.gbdt.regression diabetes progression gbdt --param n_estimators=20
    make iris.random_forest.multiclass iris species random_forest --param n_estimators=10
    make diabetes.extra_trees.regression diabetes progression extra_trees --param n_estimators=5 \
        --param min_samples_leaf=5
    ;;
3) # texts, encoded columns, roles
    notes=$work/notes
    mkdir -p "$notes"
    awk 'BEGIN {
        split("ship sea mast wave deck oven bread warm grain flour", word, " ")
        print "note,shop,when,y,kind"
        for (i = 0; i < 400; i++) {
            kind = i * 7 % 11 < 5
            printf "%s %d %s %s,s%d,2024-%02d-%02d,%.2f,%s\n", word[1 + i % 5 + 5 * kind], i, word[1 + i * 3 % 10],
                word[1 + i * 7 % 5 + 5 * kind], i * 37 % 301, 1 + i % 12, 1 + i % 28, (i * 37 % 301) / 10 + i % 7,
                kind ? "bakery" : "harbour"
        }
    }' > "$here/notes.table.csv"
    data=$notes
    mkdir "$notes/notes"
    cp "$here/notes.table.csv" "$notes/notes/train.csv"
    cp "$here/notes.table.csv" "$notes/notes/test.csv"
    make notes.linear.binary notes kind linear
    make notes.gbdt.binary notes kind gbdt --param n_estimators=8
    make notes.tree.regression notes y tree
    ;;
4) # averages of several models
    make loans.ensemble.binary loans defaulted ensemble --trials 7
    make wine.ensemble.multiclass wine cultivar ensemble --trials 7
    make diabetes.ensemble.regression diabetes progression ensemble --trials 6
    ;;
5) # two layers
    make loans.ensemble.binary loans defaulted ensemble --layers 2 --trials 8 --include tree,naive_bayes,gbdt
    ;;
6) # ensembles of trees in which nothing stands twice
    make loans.gbdt.binary loans defaulted gbdt --param n_estimators=12
    make wine.gbdt.multiclass wine cultivar gbdt --param n_estimators=8
    make iris.random_forest.multiclass iris species random_forest --param n_estimators=10
    make diabetes.extra_trees.regression diabetes progression extra_trees --param n_estimators=5 \
        --param min_samples_leaf=5
    ;;
*)
    echo "make.sh: there is no version $version yet" >&2
    exit 64
    ;;
esac
