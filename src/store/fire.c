/* Firing: every instant that has come gets its verdict, and its job if it is to have one, in the
 * transaction that moves the schedule's next instant (rules 11 to 15, G14). */
#include "base/time.h"
#include "store/rows.h"
#include "store/schedules_internal.h"

/* An instant that comes up later than this was missed, even if the daemon was up: the machine
 * slept, the clock was set, the store did not take writes. */
static const int64_t late_us = RP_US_MIN;
static const int64_t stagger_us = RP_US_S; /* between runs that make up for missed ones (U17) */
enum { STAGGERED = 300, COUNT_MAX = 10000, CLOCK_ROWS = 10000 };

/* ---- finding a gap ---- */

static int64_t next_of(const struct due *d, int64_t after_us)
{
    return rp_cron_next(&d->conf->cron, d->conf->tz, after_us, d->anchor_us);
}

/* The last instant in [first, end]: first is one. By halves, because years may lie between. */
static int64_t last_instant(const struct due *d, int64_t first_us, int64_t end_us)
{
    int64_t low = first_us, high = end_us; /* an instant in [low, high]: low is at or before it */
    while (low < high) {
        int64_t middle = low + (high - low) / 2, next = next_of(d, middle);
        if (next <= end_us)
            low = next;
        else
            high = middle;
    }
    return low;
}

static int64_t count_instants(const struct due *d, int64_t first_us, int64_t last_us)
{
    int64_t n = 1;
    for (int64_t i = first_us; i < last_us && n < COUNT_MAX; n++)
        i = next_of(d, i);
    return n;
}

static struct rp_str down_words(const struct due *d, const struct rp_fire *f)
{
    char from[RP_STAMP_LEN], to[RP_STAMP_LEN];
    if (f->down_from_us > 0 && f->down_from_us < f->up_since_us)
        return rp_str_fmt(d->arena, "the %s from %s to %s",
                          f->clock_set ? "clock was set forward" : "daemon was down",
                          rp_stamp(f->down_from_us, from), rp_stamp(f->up_since_us, to));
    return rp_str_fmt(d->arena, "the daemon was not up before %s", rp_stamp(f->up_since_us, to));
}

static bool too_late(const struct due *d, int64_t instant_us, int64_t at_us)
{
    return d->conf->start_within_us > 0 && at_us - instant_us > d->conf->start_within_us;
}

static bool paused_at(const struct due *d, int64_t instant_us)
{
    return d->paused_us > 0 && d->paused_us <= instant_us;
}

/* ---- making up for it ---- */

static int64_t catch_up_due(struct due *d, int64_t instant_us)
{
    int64_t at = d->now_us + stagger_us * (d->catch_ups < STAGGERED ? d->catch_ups : STAGGERED);
    d->catch_ups++;
    return at + rp_schedule_jitter(d->conf, instant_us);
}

/* The job of a decision to fire. One that cannot be made is a missed instant with the reason, so
 * that it does not stop the schedules behind it; only the store's own trouble does. */
static bool make(struct due *d, const struct firing *f, struct decision *v, struct rp_err *err)
{
    struct rp_err why;
    if (v->verdict != RP_VERDICT_FIRED || rp_schedule_make_job(d, f, &v->job, &why))
        return true;
    if (why.code == RP_E_UNKNOWN_TYPE || why.code == RP_E_BAD_FIELD || why.code == RP_E_TOO_LARGE) {
        *v = (struct decision){.verdict = RP_VERDICT_MISSED,
                               .why = rp_str_dup(d->arena, rp_str_of(why.message))};
        return true;
    }
    if (err != NULL)
        *err = why;
    return false;
}

static bool catch_up(struct due *d, int64_t instant_us, int64_t stands_for, struct decision *v,
                     struct rp_err *err)
{
    struct firing f = {.instant_us = instant_us,
                       .due_us = catch_up_due(d, instant_us),
                       .stands_for = stands_for,
                       .counted_all = stands_for < COUNT_MAX};
    return make(d, &f, v, err);
}

/* missed: run-once. The newest instant that is not too late stands for all of them; its verdict is
 * written before its turn, so that the others can name its job. */
static bool stand_for_all(struct due *d, struct rp_err *err)
{
    int64_t first = d->next_us, end = d->gap.to_us;
    if (d->paused_us > 0 && d->paused_us <= end)
        end = d->paused_us - 1;
    if (end < first)
        return true;
    int64_t newest = last_instant(d, first, end);
    if (d->conf->start_within_us > 0) {
        int64_t soonest = next_of(d, d->gap.at_us - d->conf->start_within_us - 1);
        first = soonest > first ? soonest : first;
    }
    bool decided;
    struct decision v;
    if (!rp_verdict_exists(d, newest, &decided, err))
        return false;
    if (decided || newest < first)
        return true;
    if (!rp_overlap_settle(d, &v, err))
        return false;
    if (v.verdict == RP_VERDICT_FIRED) {
        int64_t n = count_instants(d, first, newest);
        v.why = rp_str_fmt(d->arena, "stands for %lld%s missed: %.*s", (long long)n,
                           n < COUNT_MAX ? "" : " or more", RP_FMT(d->gap.why));
        if (!catch_up(d, newest, n, &v, err))
            return false;
    }
    if (v.verdict != RP_VERDICT_OVERLAP)
        d->gap.job = v.job;
    return rp_verdict_write(d, newest, &v, err);
}

static bool open_gap(struct due *d, const struct rp_fire *f, struct rp_err *err)
{
    bool down = d->next_us < f->up_since_us;
    char to[RP_STAMP_LEN];
    struct rp_str known = d->gap.to_us == 0 ? d->gap.why : RP_NONE; /* rezone.c */
    d->gap = (struct gap){
        .to_us = down ? f->up_since_us - 1 : d->now_us,
        .at_us = d->now_us,
        .verdict = RP_VERDICT_MISSED,
        .why = known.n > 0 ? known
               : down      ? down_words(d, f)
                           : rp_str_fmt(d->arena,
                                        "nothing could fire until %s: the clock was set, the "
                                             "machine slept or the store was stuck",
                                        rp_stamp(d->now_us, to)),
    };
    return d->conf->missed != RP_MISSED_RUN_ONCE || stand_for_all(d, err);
}

/* ---- the verdict of one instant ---- */

static void decide_paused(const struct due *d, struct decision *v)
{
    char since[RP_STAMP_LEN];
    v->verdict = RP_VERDICT_PAUSED;
    v->why = rp_str_fmt(d->arena, "paused by %.*s since %s%s%.*s", RP_FMT(d->paused_by),
                        rp_stamp(d->paused_us, since), d->paused_why.n > 0 ? ": " : "",
                        RP_FMT(d->paused_why));
}

static void decide_late(const struct due *d, struct decision *v)
{
    char within[RP_DURATION_LEN];
    v->verdict = RP_VERDICT_LATE;
    v->why = rp_str_fmt(d->arena, "later than start_within %s%s%.*s",
                        rp_duration_format(d->conf->start_within_us, within),
                        d->gap.to_us != 0 ? ": " : "", RP_FMT(d->gap.why));
}

static bool decide_run_all(struct due *d, int64_t instant_us, struct decision *v,
                           struct rp_err *err)
{
    if (d->gap.n >= d->conf->missed_max) {
        v->verdict = RP_VERDICT_LIMIT;
        v->why = rp_str_fmt(d->arena, "over missed_max %lld: %.*s", (long long)d->conf->missed_max,
                            RP_FMT(d->gap.why));
        return true;
    }
    d->gap.n++;
    v->verdict = RP_VERDICT_FIRED;
    v->why = rp_str_fmt(d->arena, "made up: %.*s", RP_FMT(d->gap.why));
    return catch_up(d, instant_us, 0, v, err);
}

static bool decide_in_gap(struct due *d, int64_t instant_us, struct decision *v, struct rp_err *err)
{
    *v = (struct decision){.verdict = d->gap.verdict, .why = d->gap.why};
    if (d->gap.verdict != RP_VERDICT_MISSED) {
        d->gap.n++;
    } else if (too_late(d, instant_us, d->gap.at_us)) {
        decide_late(d, v);
    } else if (d->conf->missed == RP_MISSED_RUN_ALL) {
        return decide_run_all(d, instant_us, v, err);
    } else if (d->gap.job != 0) {
        v->verdict = RP_VERDICT_MERGED;
        v->job = d->gap.job;
    }
    return true;
}

static bool decide_on_time(struct due *d, int64_t instant_us, struct decision *v,
                           struct rp_err *err)
{
    if (too_late(d, instant_us, d->now_us)) {
        decide_late(d, v);
        return true;
    }
    struct firing f = {.instant_us = instant_us,
                       .due_us = instant_us + rp_schedule_jitter(d->conf, instant_us)};
    return rp_overlap_settle(d, v, err) && make(d, &f, v, err);
}

static bool decide(struct due *d, int64_t instant_us, struct decision *v, struct rp_err *err)
{
    *v = (struct decision){0};
    if (instant_us <= d->gap.to_us && d->gap.verdict != RP_VERDICT_MISSED)
        return decide_in_gap(d, instant_us, v, err);
    if (paused_at(d, instant_us)) {
        decide_paused(d, v);
        return true;
    }
    return instant_us <= d->gap.to_us ? decide_in_gap(d, instant_us, v, err)
                                      : decide_on_time(d, instant_us, v, err);
}

/* ---- one schedule ---- */

static bool was_missed(const struct due *d, const struct rp_fire *f)
{
    return d->next_us < f->up_since_us || d->now_us - d->next_us > late_us;
}

static void count(struct due *d, const struct decision *v)
{
    d->missed += v->verdict == RP_VERDICT_MISSED || v->verdict == RP_VERDICT_LATE ||
                 v->verdict == RP_VERDICT_LIMIT;
}

static bool fire_next(struct due *d, const struct rp_fire *f, struct rp_err *err)
{
    int64_t instant = d->next_us;
    bool decided;
    struct decision v;
    if (instant > d->gap.to_us) {
        if (!was_missed(d, f))
            d->gap = (struct gap){0};
        else if (!open_gap(d, f, err))
            return false;
    }
    if (!rp_verdict_exists(d, instant, &decided, err))
        return false;
    if (!decided) {
        if (!decide(d, instant, &v, err) || !rp_verdict_write(d, instant, &v, err))
            return false;
        count(d, &v);
    }
    d->last_us = instant > d->last_us ? instant : d->last_us;
    d->next_us = next_of(d, instant);
    /* A clock that was wrong by years would fill the ledger with instants that never were. */
    if (d->gap.verdict == RP_VERDICT_CLOCK && d->gap.n >= CLOCK_ROWS && d->next_us <= d->gap.to_us)
        d->next_us = next_of(d, d->gap.to_us);
    return true;
}

static bool fire_schedule(struct due *d, struct rp_fire *f, int64_t quota, struct rp_err *err)
{
    d->now_us = f->now_us;
    for (; d->next_us <= d->now_us && quota > 0; quota--)
        if (!fire_next(d, f, err))
            return false;
    if (d->next_us > d->gap.to_us)
        d->gap = (struct gap){0};
    f->fired += d->fired;
    f->missed += d->missed;
    return rp_due_write(d, err);
}

bool rp_schedules_fire(struct rp_db *db, struct rp_fire *f, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_fire at = *f;
    struct due *due;
    size_t n;
    f->fired = f->missed = 0;
    at.fired = at.missed = 0;
    if (at.up_since_us > at.now_us) /* the clock was set back after the start */
        at.up_since_us = 0;
    int64_t max = f->max > 0 ? f->max : 1;
    bool ok = rp_due_list(db, f->now_us, max, &a, &due, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        int64_t share = max / (int64_t)n;
        due[i].catch_ups = i > 0 ? due[i - 1].catch_ups : 0;
        ok = fire_schedule(&due[i], &at, share > 0 ? share : 1, err);
    }
    rp_arena_free(&a);
    f->fired = at.fired;
    f->missed = at.missed;
    return ok && rp_get_i64(rp_sql(db, "select min(next_at) from schedule where active = 1"),
                            INT64_MAX, &f->next_us, err);
}
