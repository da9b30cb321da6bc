/* The model families, in the order in which a search tries them. A new family is one line here. */
#include <string.h>

#include "learn/family.h"

extern const struct mer_family MER_FAMILY_BASELINE;
extern const struct mer_family MER_FAMILY_EXTRA_TREES;
extern const struct mer_family MER_FAMILY_GBDT;
extern const struct mer_family MER_FAMILY_KERNEL;
extern const struct mer_family MER_FAMILY_KNN;
extern const struct mer_family MER_FAMILY_LINEAR;
extern const struct mer_family MER_FAMILY_LINEAR_SVM;
extern const struct mer_family MER_FAMILY_NAIVE_BAYES;
extern const struct mer_family MER_FAMILY_RANDOM_FOREST;
extern const struct mer_family MER_FAMILY_TREE;

const struct mer_family *const MER_FAMILIES[] = {
    &MER_FAMILY_BASELINE,      &MER_FAMILY_LINEAR,      &MER_FAMILY_TREE,   &MER_FAMILY_GBDT,
    &MER_FAMILY_RANDOM_FOREST, &MER_FAMILY_EXTRA_TREES, &MER_FAMILY_KERNEL, &MER_FAMILY_NAIVE_BAYES,
    &MER_FAMILY_KNN,           &MER_FAMILY_LINEAR_SVM,
};
const size_t MER_N_FAMILIES = sizeof MER_FAMILIES / sizeof MER_FAMILIES[0];

bool mer_family_can(const struct mer_family *family, enum mer_task task)
{
    static const unsigned wanted[] = {[MER_TASK_REGRESSION] = MER_CAN_REGRESSION,
                                      [MER_TASK_BINARY] = MER_CAN_BINARY,
                                      [MER_TASK_MULTICLASS] = MER_CAN_MULTICLASS};
    return (family->capabilities & wanted[task]) != 0;
}

const struct mer_family *mer_family_find(const char *name)
{
    for (size_t i = 0; i < MER_N_FAMILIES; i++)
        if (strcmp(MER_FAMILIES[i]->name, name) == 0)
            return MER_FAMILIES[i];
    return NULL;
}
