/* The schedule of a job: expression and zone, and the warnings of instants that a clock change
 * moves (U19). */
#include "config/internal.h"

#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

static bool read_zone(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    struct rp_err err = {0};
    if (!rp_scalar_want(l, row, v, "an IANA zone such as Europe/Berlin"))
        return false;
    if (rp_zone_load(v->text, &err) == NULL) {
        (void)rp_mistake(l, v->from, "%s: %s", row->key, err.message);
        return rp_mistake_hint(l, "%s", err.hint);
    }
    *(struct rp_str *)rp_row_field(row, o) = rp_str_dup(l->keep, v->text);
    return true;
}
const struct kind rp_kind_zone = {"zone", read_zone};

/* The place in the file that an error of the expression names: its "(column N)", where the value
 * stands there as it is. */
static size_t place_in(struct load *l, const struct node *v, const char *message)
{
    const char *hit = strstr(message, "(column ");
    long column = hit != NULL ? strtol(hit + strlen("(column "), NULL, 10) : 0;
    bool as_written = rp_str_eq(v->raw, v->text) && v->raw.n <= l->text.n - v->from &&
                      memcmp(l->text.p + v->from, v->raw.p, v->raw.n) == 0;
    if (!as_written || column < 1 || (size_t)column > v->raw.n + 1)
        return v->from;
    return v->from + (size_t)column - 1;
}

static bool choose_zone(struct load *l, const struct node *job, struct rp_schedule *s)
{
    const struct child *own = rp_node_find(job, "timezone");
    struct rp_err err = {0};
    struct rp_str in_text = rp_str_of(s->cron.zone);
    if (in_text.n > 0 && own != NULL && !rp_str_eq(in_text, s->zone))
        return rp_mistake(l, own->value->from,
                          "timezone %.*s contradicts the schedule's own zone %s", RP_FMT(s->zone),
                          s->cron.zone);
    if (in_text.n > 0)
        s->zone = rp_str_dup(l->keep, in_text);
    s->tz = rp_zone_load(s->zone, &err);
    if (s->tz != NULL)
        return true;
    (void)rp_mistake(l, rp_node_find(job, "schedule")->value->from, "schedule: %s", err.message);
    return rp_mistake_hint(l, "%s", err.hint);
}

static void warn_one(struct load *l, size_t pos, const struct rp_schedule *s,
                     enum rp_cron_shift shift, int64_t at)
{
    char wall[RP_TIME_LEN], utc[RP_TIME_LEN];
    int64_t offset = rp_zone_offset(s->tz, at / RP_US_S, NULL);
    (void)rp_time_format(at + offset * RP_US_S, wall);
    (void)rp_time_format(at, utc);
    wall[10] = ' ';
    if (shift == RP_SHIFT_GAP)
        rp_warning(l, pos,
                   "schedule: a time does not exist on %.10s, when clocks in %.*s go forward; it "
                   "runs at %.16s (%.19sZ)",
                   wall, RP_FMT(s->zone), wall, utc);
    else
        rp_warning(l, pos,
                   "schedule: a time comes twice on %.10s, when clocks in %.*s go back; it runs "
                   "once, at the first (%.19sZ)",
                   wall, RP_FMT(s->zone), utc);
}

static void warn_of_shifts(struct load *l, size_t pos, const struct rp_schedule *s)
{
    enum { WARNINGS = 4 };
    int64_t from = l->world != NULL ? l->world->now_us : 0, at = 0;
    int64_t to = from + 366 * RP_US_DAY;
    for (int i = 0; from > 0 && i < WARNINGS; i++, from = at) {
        enum rp_cron_shift shift = rp_cron_shift_within(&s->cron, s->tz, from, to, &at);
        if (shift == RP_SHIFT_NONE)
            return;
        warn_one(l, pos, s, shift, at);
    }
}

bool rp_schedule_finish(struct load *l, const struct node *job, struct rp_schedule *s)
{
    struct rp_err err = {0};
    const struct node *v = rp_node_find(job, "schedule")->value;
    if (v->kind != NODE_SCALAR || s->expr.p == NULL)
        return false; /* said when it was read */
    if (!rp_cron_parse(s->expr, s->name, &s->cron, &err)) {
        (void)rp_mistake(l, place_in(l, v, err.message), "schedule: %s", err.message);
        return rp_mistake_hint(l, "%s", err.hint);
    }
    if (!choose_zone(l, job, s))
        return false;
    warn_of_shifts(l, v->from, s);
    return true;
}
