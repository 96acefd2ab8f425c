#include "analyze/poison.h"

#include "store/analysis.h"

static bool seen_before(const struct rp_failed_try *tries, size_t from, size_t i)
{
    for (size_t k = from; k < i; k++)
        if (tries[k].pattern_id == tries[i].pattern_id && rp_str_eq(tries[k].node, tries[i].node))
            return true;
    return false;
}

/* The tries [from, to) of one job that failed with one pattern, added up. */
static struct rp_suspect add_up(const struct rp_failed_try *tries, size_t from, size_t to,
                                int64_t pattern_id)
{
    struct rp_suspect s = {.job_id = tries[from].job_id,
                           .pattern_id = pattern_id,
                           .from_us = INT64_MAX,
                           .to_us = INT64_MIN};
    for (size_t i = from; i < to; i++) {
        if (tries[i].pattern_id != pattern_id)
            continue;
        s.first = s.failures++ == 0 ? i : s.first;
        s.nodes += tries[i].node.n > 0 && !seen_before(tries, from, i);
        s.from_us = tries[i].ended_us < s.from_us ? tries[i].ended_us : s.from_us;
        s.to_us = tries[i].ended_us > s.to_us ? tries[i].ended_us : s.to_us;
    }
    return s;
}

static bool pattern_before(const struct rp_failed_try *tries, size_t from, size_t i)
{
    for (size_t k = from; k < i; k++)
        if (tries[k].pattern_id == tries[i].pattern_id)
            return true;
    return false;
}

/* Of a job with very many tries the first ones say as much. */
enum { TRIES_MOST = 200 };

void rp_poison_suspects(const struct rp_failed_try *tries, size_t n, struct rp_arena *a,
                        struct rp_suspect **out, size_t *n_out)
{
    *out = RP_NEW_N(a, struct rp_suspect, n / RP_POISON_FAILURES + 1);
    *n_out = 0;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && tries[to].job_id == tries[from].job_id;)
            to++;
        size_t end = to - from > TRIES_MOST ? from + TRIES_MOST : to;
        for (size_t i = from; i + RP_POISON_FAILURES <= end; i++) {
            if (pattern_before(tries, from, i))
                continue;
            struct rp_suspect s = add_up(tries, from, end, tries[i].pattern_id);
            if (s.failures >= RP_POISON_FAILURES && s.nodes >= RP_POISON_NODES)
                (*out)[(*n_out)++] = s;
        }
    }
}

/* ---- of a store ---- */

enum { JOBS_MOST = 5000 };

static struct rp_failed_try *tries_of(const struct rp_failing *v, size_t n, struct rp_arena *a)
{
    struct rp_failed_try *tries = RP_NEW_N(a, struct rp_failed_try, n + 1);
    for (size_t i = 0; i < n; i++)
        tries[i] = (struct rp_failed_try){v[i].job_id, v[i].pattern_id, v[i].ended_us, v[i].node};
    return tries;
}

bool rp_poison_find(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                    struct rp_arena *a, struct rp_poison **out, size_t *n, struct rp_err *err)
{
    struct rp_failing *failing;
    struct rp_suspect *suspects;
    size_t n_failing, n_suspects;
    *n = 0;
    if (!rp_failing_again(db, since_us, until_us, type_id, JOBS_MOST, a, &failing, &n_failing, err))
        return false;
    rp_poison_suspects(tries_of(failing, n_failing, a), n_failing, a, &suspects, &n_suspects);
    *out = RP_NEW_N(a, struct rp_poison, n_suspects + 1);
    for (size_t i = 0; i < n_suspects; i++) {
        const struct rp_suspect *s = &suspects[i];
        const struct rp_failing *f = &failing[s->first];
        int64_t successes;
        if (!rp_successes_between(db, f->type_id, s->from_us, s->to_us, &successes, err))
            return false;
        if (successes >= RP_POISON_SUCCESSES)
            (*out)[(*n)++] = (struct rp_poison){s->job_id,         f->type_id, s->pattern_id,
                                                s->from_us,        s->to_us,   (int64_t)s->failures,
                                                (int64_t)s->nodes, successes,  f->type};
    }
    return true;
}
