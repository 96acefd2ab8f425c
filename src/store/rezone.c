/* The rules of a schedule's zone have changed (tzdata was updated): its next instant is computed
 * anew, from the last one that was decided. So an instant that the new rules put before now has
 * been missed, as any other (rule 14), and none is left out without a word. */
#include "base/time.h"
#include "store/registry.h"
#include "store/rows.h"
#include "store/schedules_internal.h"

/* Of two instants of a clock that was set back, the earlier. */
static int64_t decided_until(const struct due *d)
{
    int64_t last = d->last_us < d->now_us ? d->last_us : d->now_us;
    return last > d->anchor_us ? last : d->anchor_us;
}

static int64_t next_of(const struct due *d, int64_t after_us)
{
    return rp_cron_next(&d->conf->cron, d->conf->tz, after_us, d->anchor_us);
}

/* Earlier moves of what is still to come: the newest rules alone count. */
static bool forget_moves(const struct due *d, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(d->db, "delete from occurrence where schedule_id = ?1"
                                      " and instant > ?2 and verdict = 9");
    rp_bind_i64(s, 1, d->id);
    rp_bind_i64(s, 2, d->now_us);
    return rp_run(s, err);
}

/* The instant that was expected is none any more, and the ledger says where it went. */
static bool write_move(const struct due *d, int64_t was_us, struct rp_err *err)
{
    char to[RP_STAMP_LEN];
    bool decided;
    struct decision v = {
        .verdict = RP_VERDICT_MOVED,
        .why = d->next_us == INT64_MAX
                   ? rp_str_fmt(d->arena, "the rules of %s have changed: it does not come any more",
                                rp_zone_name(d->conf->tz))
                   : rp_str_fmt(d->arena, "the rules of %s have changed: it comes at %s instead",
                                rp_zone_name(d->conf->tz), rp_stamp(d->next_us, to)),
    };
    if (was_us == INT64_MAX || next_of(d, was_us - 1) == was_us)
        return true;
    return rp_verdict_exists(d, was_us, &decided, err) &&
           (decided || rp_verdict_write(d, was_us, &v, err));
}

static struct rp_str time_or_never(struct rp_arena *a, int64_t us)
{
    char text[RP_TIME_LEN];
    return us == INT64_MAX ? RP_STR("never") : rp_str_dup(a, rp_str_of(rp_time_format(us, text)));
}

static bool audit_move(const struct due *d, int64_t was_us, struct rp_err *err)
{
    struct rp_str from = time_or_never(d->arena, was_us), to = time_or_never(d->arena, d->next_us);
    return rp_audit(d->db, RP_STR("engine"), "schedule.rezone",
                    rp_str_fmt(d->arena, "schedule %.*s", RP_FMT(d->name)), "SAFE",
                    rp_str_fmt(d->arena, "{\"zone\":\"%s\",\"from\":\"%.*s\",\"to\":\"%.*s\"}",
                               rp_zone_name(d->conf->tz), RP_FMT(from), RP_FMT(to)),
                    d->now_us, err);
}

/* Read by the firing, which opens a gap for what is late. */
static struct rp_str why_missed(const struct due *d)
{
    char at[RP_STAMP_LEN];
    return rp_str_fmt(d->arena, "by rules of %s that changed it had passed when they were read, %s",
                      rp_zone_name(d->conf->tz), rp_stamp(d->now_us, at));
}

bool rp_due_rezone(struct due *d, struct rp_err *err)
{
    int64_t was = d->next_us;
    if (d->gap.to_us != 0) /* being worked off, one instant after another */
        return true;
    if (!forget_moves(d, err))
        return false;
    d->next_us = next_of(d, decided_until(d));
    if (d->next_us == was)
        return true;
    if (d->next_us <= d->now_us)
        d->gap.why = why_missed(d);
    return write_move(d, was, err) && audit_move(d, was, err) && rp_due_write(d, err);
}
