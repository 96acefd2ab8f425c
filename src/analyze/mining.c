#include "analyze/mining_internal.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

static const int64_t settle_us = 200000;      /* what comes together is mined together */
static const int64_t again_us = 10 * RP_US_S; /* after a round that failed */
enum { SHARE = 20 };                          /* of the time at most 1/20 is spent on it */

/* ---- forms ---- */

uint64_t rp_mining_hash(uint64_t form, struct rp_str class)
{
    uint64_t h = (form ^ rp_hash64(class)) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 32;
    return h != 0 ? h : 1;
}

static struct rp_scan *take_scan(struct rp_mining *m)
{
    struct rp_scan *s = NULL;
    if (m != NULL) {
        (void)pthread_mutex_lock(&m->lock);
        s = m->n_idle > 0 ? m->idle[--m->n_idle] : NULL;
        (void)pthread_mutex_unlock(&m->lock);
    }
    return s != NULL ? s : rp_scan_new();
}

/* The templates are asked once for each form, not for each failure. */
static struct known find_like(struct rp_mining *m, uint64_t hash, struct rp_str class,
                              const struct rp_scan *s, struct rp_str text)
{
    struct known *k = &m->known[hash % KNOWN];
    if (k->hash == hash)
        return *k;
    struct rp_str inner = RP_NONE;
    *k = (struct known){.hash = hash, .like = rp_matcher_find(&m->matchers, class, s)};
    if (k->like == 0)
        k->outer = rp_matcher_outer(&m->matchers, text, &inner);
    k->inner_at = k->outer != 0 ? (uint32_t)(inner.p - text.p) : 0;
    k->inner_n = (uint32_t)inner.n;
    return *k;
}

/* Gives the scan back. */
static struct known like_and_leave(struct rp_mining *m, uint64_t hash, struct rp_str class,
                                   struct rp_scan *s, struct rp_str text)
{
    struct known k = {0};
    if (m != NULL) {
        (void)pthread_mutex_lock(&m->lock);
        k = find_like(m, hash, class, s, text);
        if (m->n_idle < SCANS_IDLE) {
            m->idle[m->n_idle++] = s;
            s = NULL;
        }
        (void)pthread_mutex_unlock(&m->lock);
    }
    rp_scan_free(s);
    return k;
}

void rp_mining_form(struct rp_mining *m, struct rp_arena *a, struct rp_str line,
                    struct rp_report *r)
{
    struct rp_scan *s = take_scan(m);
    r->pattern_hash = rp_mining_hash(rp_kept_scan(s, line), r->facts.error_class);
    r->template = rp_kept_text(s, a);
    r->form = rp_kept_pack(s, a);
    r->form_rules = RP_MINER_RULES;
    struct known k = like_and_leave(m, r->pattern_hash, r->facts.error_class, s, r->template);
    r->pattern_like = k.like;
    r->pattern_outer = k.outer;
    if (k.outer != 0)
        r->inner = (struct rp_str){r->template.p + k.inner_at, k.inner_n};
}

/* ---- life ---- */

struct rp_mining *rp_mining_new(struct rp_store *store, struct rp_err *err)
{
    struct rp_mining *m = rp_xcalloc(1, sizeof *m);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&m->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&m->lock, NULL);
    m->db = rp_store_reader(store, err);
    if (m->db == NULL || !rp_mining_reload(m, err)) {
        rp_mining_free(m);
        return NULL;
    }
    return m;
}

bool rp_mining_reload(struct rp_mining *m, struct rp_err *err)
{
    struct matchers fresh;
    if (!rp_matchers_read(m->db, &fresh, err)) {
        rp_matchers_free(&fresh);
        return false;
    }
    (void)pthread_mutex_lock(&m->lock);
    struct matchers old = m->matchers;
    m->matchers = fresh;
    memset(m->known, 0, sizeof m->known);
    (void)pthread_mutex_unlock(&m->lock);
    rp_matchers_free(&old);
    return true;
}

/* On the writer, after a commit. */
static void changed(void *ctx, unsigned bits)
{
    struct rp_mining *m = ctx;
    if ((bits & RP_CHANGED_FORMS) == 0)
        return;
    (void)pthread_mutex_lock(&m->lock);
    m->fresh = true;
    (void)pthread_cond_signal(&m->wake);
    (void)pthread_mutex_unlock(&m->lock);
}

/* False: it is time to stop. */
static bool wait_for_fresh(struct rp_mining *m)
{
    (void)pthread_mutex_lock(&m->lock);
    while (!m->fresh && !m->stopping)
        (void)pthread_cond_wait(&m->wake, &m->lock);
    bool go = !m->stopping;
    (void)pthread_mutex_unlock(&m->lock);
    return go;
}

static void nap(struct rp_mining *m, int64_t us)
{
    struct timespec until = rp_deadline(us);
    (void)pthread_mutex_lock(&m->lock);
    while (!m->stopping && pthread_cond_timedwait(&m->wake, &m->lock, &until) != ETIMEDOUT)
        continue;
    (void)pthread_mutex_unlock(&m->lock);
}

static void set_fresh(struct rp_mining *m, bool fresh)
{
    (void)pthread_mutex_lock(&m->lock);
    m->fresh = fresh;
    (void)pthread_mutex_unlock(&m->lock);
}

static void *mining_thread(void *arg)
{
    struct rp_mining *m = arg;
    const struct rp_clock *clock = rp_engine_clock(m->engine);
    struct rp_err err;
    while (wait_for_fresh(m)) {
        nap(m, settle_us);
        set_fresh(m, false);
        int64_t began = rp_mono(clock);
        bool ok = rp_mining_round(m, &err);
        if (!ok) {
            if (err.code != RP_E_STOPPING)
                rp_log_err(RP_WARN, "failures could not be mined; it is tried again", &err);
            set_fresh(m, true);
        }
        nap(m, ok ? (rp_mono(clock) - began) * SHARE : again_us);
    }
    return NULL;
}

bool rp_mining_start(struct rp_mining *m, struct rp_engine *e, struct rp_err *err)
{
    m->engine = e;
    rp_db_cut(m->db, rp_engine_cut(e));
    m->fresh = true; /* what was not mined before the last end */
    if (!rp_mining_rules(m, err))
        return false;
    if (pthread_create(&m->thread, NULL, mining_thread, m) != 0)
        return rp_fail(err, RP_E_INTERNAL, "no thread for mining");
    m->started = true;
    m->listener = (struct rp_listener){.changed = changed, .ctx = m};
    rp_engine_listen(e, &m->listener);
    return true;
}

void rp_mining_stop(struct rp_mining *m)
{
    if (!m->started)
        return;
    rp_engine_unlisten(m->engine, &m->listener);
    (void)pthread_mutex_lock(&m->lock);
    m->stopping = true;
    (void)pthread_cond_signal(&m->wake);
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_join(m->thread, NULL);
    m->started = false;
    rp_db_cut(m->db, NULL); /* the engine may be gone before m is */
}

void rp_mining_free(struct rp_mining *m)
{
    if (m == NULL)
        return;
    if (m->db != NULL)
        rp_db_close(m->db);
    rp_matchers_free(&m->matchers);
    for (size_t i = 0; i < m->n_idle; i++)
        rp_scan_free(m->idle[i]);
    (void)pthread_mutex_destroy(&m->lock);
    (void)pthread_cond_destroy(&m->wake);
    free(m);
}
