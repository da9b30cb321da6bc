/* Made by make_xgboost_losses.py with XGBoost 1.7.4: training losses after 40 rounds. */
#ifndef TESTS_LEARN_XGBOOST_LOSSES_H
#define TESTS_LEARN_XGBOOST_LOSSES_H

static const struct {
    const char *objective;
    double loss;
} XGBOOST_LOSSES[] = {
    {"squared", 0.0677018743}, {"absolute", 0.179476316}, {"poisson", 0.432304864},
    {"gamma", 1.46272813},     {"tweedie", 5.29048592},   {"logistic", 0.147469688},
};

#endif
