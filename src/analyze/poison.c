#include "analyze/poison.h"

#include "store/analysis.h"

static bool seen_before(const struct rp_failed_try *tries, size_t from, size_t i)
{
    for (size_t k = from; k < i; k++)
        if (tries[k].pattern_id == tries[i].pattern_id && rp_str_eq(tries[k].node, tries[i].node))
            return true;
    return false;
}

static bool together(const struct rp_failed_try *a, const struct rp_failed_try *b)
{
    return a->what == b->what && (a->what != 0 || a->job_id == b->job_id);
}

/* The tries [from, to) of one job or payload that failed with one pattern, added up. */
static struct rp_suspect add_up(const struct rp_failed_try *tries, size_t from, size_t to,
                                int64_t pattern_id)
{
    struct rp_suspect s = {.job_id = tries[from].job_id,
                           .pattern_id = pattern_id,
                           .from_us = INT64_MAX,
                           .to_us = INT64_MIN};
    int64_t last = 0;
    for (size_t i = from; i < to; i++) {
        if (tries[i].pattern_id != pattern_id)
            continue;
        s.first = s.failures++ == 0 ? i : s.first;
        s.jobs += tries[i].job_id != last;
        last = tries[i].job_id;
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
        for (to = from; to < n && together(&tries[to], &tries[from]);)
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

/* The tries; each job by itself, or those of one payload together. */
static struct rp_failed_try *tries_of(const struct rp_failing *v, size_t n, bool by_payload,
                                      struct rp_arena *a)
{
    struct rp_failed_try *tries = RP_NEW_N(a, struct rp_failed_try, n + 1);
    for (size_t i = 0; i < n; i++)
        tries[i] = (struct rp_failed_try){v[i].job_id, v[i].pattern_id, v[i].ended_us, v[i].node,
                                          by_payload ? v[i].what : 0};
    return tries;
}

static void list_jobs(struct rp_poison *p, const struct rp_failing *v, size_t n,
                      const struct rp_suspect *s, struct rp_arena *a)
{
    int64_t *jobs = RP_NEW_N(a, int64_t, s->jobs + 1);
    uint64_t what = v[s->first].what;
    p->n_jobs = 0;
    for (size_t i = s->first; i < n && p->n_jobs < s->jobs; i++)
        if (v[i].pattern_id == s->pattern_id && (s->jobs == 1 || v[i].what == what) &&
            (p->n_jobs == 0 || jobs[p->n_jobs - 1] != v[i].job_id))
            jobs[p->n_jobs++] = v[i].job_id;
    p->jobs = jobs;
}

static bool is_listed(const struct rp_poison *v, size_t n, const struct rp_suspect *s)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < v[i].n_jobs; k++)
            if (v[i].jobs[k] == s->job_id && v[i].pattern_id == s->pattern_id)
                return true;
    return false;
}

/* A suspect is poison if enough others went well meanwhile, and none with its payload. */
static bool convict(struct rp_db *db, const struct rp_failing *f, const struct rp_suspect *s,
                    int64_t *successes, struct rp_err *err)
{
    bool did = false;
    if (!rp_successes_between(db, f->type_id, s->from_us, s->to_us, successes, err) ||
        (s->jobs > 1 && *successes >= RP_POISON_SUCCESSES &&
         !rp_payload_succeeded(db, f->type_id, f->what, s->from_us, s->to_us, &did, err)))
        return false;
    *successes = did ? 0 : *successes;
    return true;
}

struct found {
    struct rp_poison *v;
    size_t n;
};

static bool find(struct rp_db *db, const struct rp_failing *f, size_t n, bool by_payload,
                 struct rp_arena *a, struct found *out, struct rp_err *err)
{
    struct rp_suspect *suspects;
    size_t n_suspects;
    rp_poison_suspects(tries_of(f, n, by_payload, a), n, a, &suspects, &n_suspects);
    for (size_t i = 0; i < n_suspects; i++) {
        const struct rp_suspect *s = &suspects[i];
        const struct rp_failing *first = &f[s->first];
        int64_t successes;
        if ((s->jobs > 1) != by_payload || is_listed(out->v, out->n, s))
            continue;
        if (!convict(db, first, s, &successes, err))
            return false;
        if (successes < RP_POISON_SUCCESSES)
            continue;
        struct rp_poison *p = &out->v[out->n++];
        *p = (struct rp_poison){.job_id = s->job_id,
                                .type_id = first->type_id,
                                .pattern_id = s->pattern_id,
                                .from_us = s->from_us,
                                .to_us = s->to_us,
                                .failures = (int64_t)s->failures,
                                .nodes = (int64_t)s->nodes,
                                .successes = successes,
                                .type = first->type};
        list_jobs(p, f, n, s, a);
    }
    return true;
}

bool rp_poison_find(struct rp_db *db, int64_t since_us, int64_t until_us, int64_t type_id,
                    struct rp_arena *a, struct rp_poison **out, size_t *n, struct rp_err *err)
{
    struct rp_failing *failing;
    size_t n_failing;
    struct found found = {0};
    *n = 0;
    if (!rp_failing_again(db, &(struct rp_window){since_us, until_us, type_id}, JOBS_MOST, a,
                          &failing, &n_failing, err))
        return false;
    found.v = RP_NEW_N(a, struct rp_poison, n_failing + 1);
    if (!find(db, failing, n_failing, true, a, &found, err) ||
        !find(db, failing, n_failing, false, a, &found, err))
        return false;
    *out = found.v;
    *n = found.n;
    return true;
}
