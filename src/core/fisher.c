#include "core/fisher.h"

#include <math.h>
#include <stdbool.h>

/* Tables whose probability differs by rounding only are equally likely. */
static const double equal_log = 1e-9;

/* Sums over tables of the same margins, relative to the probability of the given one: all; those
 * that are no likelier; those with as many failures or more in the first group. All but `rare` are
 * scaled by `most`, the largest exponent so far. */
struct tails {
    double all, rare, more, most;
};

static void tail_add(struct tails *t, double log_weight, bool more)
{
    if (log_weight > t->most) {
        double scale = exp(t->most - log_weight);
        t->all *= scale;
        t->more *= scale;
        t->most = log_weight;
    }
    double weight = exp(log_weight - t->most);
    t->all += weight;
    if (more)
        t->more += weight;
    if (log_weight <= equal_log)
        t->rare += exp(log_weight);
}

/* What comes after it changes no sum: the weights fall from here on. */
static bool negligible(const struct tails *t, double log_weight)
{
    return log_weight < fmin(0, t->most) - 45;
}

/* The table itself, then those with more failures in the first group, then those with fewer. */
static struct tails walk(struct rp_counts in, struct rp_counts out)
{
    uint64_t all = in.failed + out.failed, low = all > out.runs ? all - out.runs : 0,
             high = in.runs < all ? in.runs : all;
    double runs = (double)in.runs, failed = (double)all, rest = (double)out.runs - failed,
           log_weight = 0;
    struct tails t = {.all = 1, .rare = 1, .more = 1, .most = 0};
    for (uint64_t i = in.failed; i < high && !negligible(&t, log_weight); i++) {
        double x = (double)i;
        log_weight += log((runs - x) * (failed - x)) - log((x + 1) * (rest + x + 1));
        tail_add(&t, log_weight, true);
    }
    log_weight = 0;
    for (uint64_t i = in.failed; i > low && !negligible(&t, log_weight); i--) {
        double x = (double)i;
        log_weight += log(x * (rest + x)) - log((runs - x + 1) * (failed - x + 1));
        tail_add(&t, log_weight, false);
    }
    return t;
}

double rp_fisher_more(struct rp_counts a, struct rp_counts b)
{
    if (a.runs == 0 || b.runs == 0 || a.failed > a.runs || b.failed > b.runs)
        return 1;
    struct tails t = walk(a, b);
    return fmin(1, t.more / t.all);
}

double rp_fisher_log_p(struct rp_counts in, struct rp_counts out)
{
    struct tails t = walk(in, out);
    return fmin(0, log(t.rare) - log(t.all) - t.most);
}
