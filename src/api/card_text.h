/* What cards of a model say, whatever form they have. */
#ifndef MER_API_CARD_TEXT_H
#define MER_API_CARD_TEXT_H

#include "api/handles.h"

enum { MER_CARD_DIGITS = 6, MER_CARD_LIMITS_MAX = 8 };

/* A card in the making. The texts of the record are borrowed from its document; NULL: not known. */
struct mer_card {
    const struct mer_fitted *model;
    struct mer_card_options options;
    const char *data_name;
    const char *data_digest;
    const char *schema_digest;
    const char *started, *finished;
    const char *version; /* of the program that made the model */
    int64_t data_rows;   /* -1: not known */
    bool family_given, task_given, classes_balanced, leaks_left_out;
    const char *monotone; /* "age=increasing ..." */
};

/* Of the score over the folds; NaN where it is not known, as of an ensemble. */
double mer_card_deviation(const struct mer_facts *facts);
/* Half the width of a 95 % interval of the mean score over the folds; NaN without folds. */
double mer_card_margin(const struct mer_facts *facts);
/* The i-th limit that is known, NULL for one that does not hold for this model. */
const char *mer_card_limit(const struct mer_card *card, size_t i);

/* Append the card. */
MER_MUST_CHECK mer_status mer_card_cyclonedx(const struct mer_card *card, struct mer_buf *buf,
                                             mer_err *err);
MER_MUST_CHECK mer_status mer_card_markdown(const struct mer_card *card, struct mer_buf *buf,
                                            mer_err *err);

#endif
