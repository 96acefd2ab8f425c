/* What stands in the way of a schedule's next job, and how that job is made (rules 13, 15, 17). */
#include "store/rows.h"
#include "store/schedules_internal.h"

/* Live jobs of one schedule that are looked at: more than these exist only with overlap: allow. */
enum { LIVE_MAX = 100 };

struct live {
    int64_t job[LIVE_MAX];
    enum rp_state state[LIVE_MAX];
    size_t n;
    int64_t running, waiting; /* one of each, 0: none */
};

/* ---- what is in the way ---- */

static bool find_live(const struct due *d, struct live *l, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(d->db, "select id, state from job where schedule_id = ?1"
                                      " and state < 5 order by id limit ?2");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, LIVE_MAX);
    enum rp_step step;
    *l = (struct live){0};
    for (; (step = rp_step(s, err)) == RP_STEP_ROW; l->n++) {
        int64_t id = l->job[l->n] = rp_col_i64(s, 0);
        l->state[l->n] = (enum rp_state)rp_col_i64(s, 1);
        *(l->state[l->n] == RP_RUNNING ? &l->running : &l->waiting) = id;
    }
    return step == RP_STEP_DONE;
}

/* The running one gets the signal and is cancelled when it has ended; one that has not started is
 * cancelled at once. */
static bool replace(const struct due *d, const struct live *l, struct rp_err *err)
{
    struct rp_move m = {.now_us = d->now_us};
    for (size_t i = 0; i < l->n; i++)
        if (l->state[i] == RP_RUNNING ? !rp_lease_kill(d->db, l->job[i], 2, err)
                                      : !rp_job_move(d->db, l->job[i], RP_EV_CANCEL, &m, NULL, err))
            return false;
    return true;
}

static struct rp_str in_the_way(const struct due *d, int64_t job, const char *how)
{
    return rp_str_fmt(d->arena, "job %lld %s", (long long)job, how);
}

static void skip(const struct due *d, const struct live *l, struct decision *out)
{
    out->verdict = RP_VERDICT_OVERLAP;
    out->job = l->running != 0 ? l->running : l->waiting;
    out->why = in_the_way(d, out->job, l->running != 0 ? "is still running" : "is still waiting");
}

bool rp_overlap_settle(const struct due *d, struct decision *out, struct rp_err *err)
{
    struct live l;
    *out = (struct decision){.verdict = RP_VERDICT_FIRED};
    if (d->conf->overlap == RP_OVERLAP_ALLOW)
        return true;
    if (!find_live(d, &l, err))
        return false;
    if (d->conf->overlap == RP_OVERLAP_REPLACE)
        return replace(d, &l, err);
    if (d->conf->overlap == RP_OVERLAP_SKIP && l.n > 0) {
        skip(d, &l, out);
    } else if (l.waiting != 0) {
        *out = (struct decision){.verdict = RP_VERDICT_MERGED,
                                 .job = l.waiting,
                                 .why = in_the_way(d, l.waiting, "waits already")};
    }
    return true;
}

/* ---- the job ---- */

/* FNV-1a leaves the high bits poorly mixed for short input: finished as MurmurHash3 does
 * (Appleby). */
static uint64_t mix(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

int64_t rp_schedule_jitter(const struct rp_schedule *conf, int64_t instant_us)
{
    if (conf->jitter_us <= 0)
        return 0;
    uint64_t h = mix(rp_hash64(conf->name) ^ mix((uint64_t)instant_us));
    return (int64_t)(h % ((uint64_t)conf->jitter_us + 1));
}

/* {"reprise.missed": "12"}: how many instants the job stands for. */
static struct rp_str labels(struct due *d, const struct firing *f)
{
    if (f->stands_for == 0)
        return RP_NONE;
    return rp_str_fmt(d->arena, "{\"reprise.missed\":\"%lld%s\"}", (long long)f->stands_for,
                      f->counted_all ? "" : "+");
}

static bool set_alone(struct rp_db *db, int64_t job, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update job set alone = 1 where id = ?1");
    rp_bind_i64(s, 1, job);
    return rp_run(s, err);
}

bool rp_schedule_make_job(struct due *d, const struct firing *f, int64_t *job, struct rp_err *err)
{
    struct rp_enqueue in = {
        .type = d->conf->type,
        .payload = d->conf->payload,
        .labels = labels(d, f),
        .priority = INT64_MIN,
        .due_us = f->due_us,
        .schedule_id = d->id,
        .instant_us = f->instant_us,
        .manual = f->manual,
    };
    struct rp_enqueued made;
    if (!rp_jobs_enqueue(d->db, &in, 1, d->now_us, &made, err))
        return false;
    *job = made.id;
    d->fired++;
    return f->beside || d->conf->overlap == RP_OVERLAP_ALLOW || set_alone(d->db, made.id, err);
}
