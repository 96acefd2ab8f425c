/* PM2: the daemon's pm2.log, and what apps print with --time; also as `pm2 logs` shows both
 * ("0|name | …") and as JSON (log_type: json).
 *
 *     2026-11-23T22:58:01: PM2 log: App [mail-worker:2] starting in -fork mode-
 *     2026-11-23T22:58:02: PM2 log: App [mail-worker:2] exited with code [1] via signal [SIGINT]
 *     2026-11-23T22:58:02: job bounce-scan#41 failed after 151ms: TypeError: …
 *
 * In the daemon's log a run is one process. PM2 writes SIGINT where there was no signal, so that
 * code 0 is a success only with it. In an app's log the app's own words tell of runs, as in plain
 * logs; what stands between them is kept out, since a crash of the app ends no run in so many
 * words. */
#include "analyze/formats/fields.h"

enum { ONLINE = 1 };

/* "2026-11-23T22:58:01: ": PM2's own layout of --time, and those of log_date_format. */
static bool take_time(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    bool syslog;
    return rp_stamp_take(st, s, us, &syslog) && (rp_skip(s, ": ") || rp_str_is(*s, ":"));
}

/* "0|name     | ", "PM2      | " */
static struct rp_str skip_source(struct rp_str s)
{
    struct rp_str front = rp_take_until(&s, '|'), name = rp_strip(front, "", " ");
    if (name.n > 0 && is_digit(name.p[0]) && name.n < 6)
        (void)rp_take_until(&s, '|');
    return rp_strip(s, " ", "");
}

static struct rp_str without_source(struct rp_str line)
{
    size_t bar = rp_find_byte(str_head(line, 80), '|');
    if (bar == SIZE_MAX || bar == 0)
        return line;
    struct rp_str name = rp_strip(str_head(line, bar), "", " ");
    uint64_t id;
    return rp_str_is(name, "PM2") || (rp_str_u64(name, &id) && name.n < 6) ? skip_source(line)
                                                                           : line;
}

/* ---- the daemon ---- */

struct app {
    struct rp_str name, id, does;
};

/* "App [name:id] …"; "App name:x id:0 …" and "App [x] with id [0] and pid [7], …" of PM2 2. */
static bool read_app(struct rp_str s, struct app *a)
{
    if (!rp_skip(&s, "App "))
        return false;
    if (rp_skip(&s, "name:")) {
        a->name = rp_take_word(&s);
        a->id = rp_skip(&s, "id:") ? rp_take_word(&s) : RP_STR("");
        a->does = s;
        return true;
    }
    if (!rp_skip(&s, "["))
        return false;
    size_t close = rp_str_find(s, RP_STR("] "));
    if (close == SIZE_MAX)
        return false;
    a->name = str_head(s, close);
    a->id = RP_STR("");
    a->does = str_from(s, close + 2);
    if (rp_str_starts(a->does, "with id ")) {
        a->id = rp_between(a->does, "with id [", "]");
        a->does = str_from(a->does, rp_str_find(a->does, RP_STR(", ")) != SIZE_MAX
                                        ? rp_str_find(a->does, RP_STR(", ")) + 2
                                        : 0);
        return true;
    }
    for (size_t i = a->name.n; i > 0; i--)
        if (a->name.p[i - 1] == ':') {
            a->id = str_from(a->name, i);
            a->name = str_head(a->name, i - 1);
            break;
        }
    return true;
}

/* After a reload the process that goes is called _old_N. */
static struct rp_open_run *process_of(struct rp_joblog *l, struct app *a)
{
    if (rp_skip(&a->id, "_old_"))
        return rp_log_find_oldest(l, a->name, a->id);
    return rp_log_find(l, a->name, a->id);
}

static void on_exit(struct rp_joblog *l, struct app *a, int64_t at_us)
{
    struct rp_open_run *r = process_of(l, a);
    if (r == NULL)
        r = rp_log_open(l, a->name, a->id, RP_NO_TIME);
    struct rp_str signal = rp_between(a->does, "via signal [", "]");
    bool good = rp_number_after(a->does, "exited with code [") == 0 &&
                (signal.n == 0 || rp_str_is(signal, "SIGINT"));
    l->saw_ends = true;
    rp_tail_add(&r->error, a->does);
    rp_log_close(l, r, good ? RP_RUN_SUCCEEDED : RP_RUN_FAILED, at_us);
}

static bool on_app(struct rp_joblog *l, struct rp_str text, int64_t at_us)
{
    struct app a;
    if (!read_app(text, &a))
        return false;
    if (rp_str_starts(a.does, "exited with code [")) {
        on_exit(l, &a, at_us);
        return true;
    }
    bool online = rp_str_starts(a.does, "online");
    struct rp_open_run *r = process_of(l, &a);
    if (!online && !rp_str_starts(a.does, "starting in"))
        return r != NULL; /* disconnected, will restart in … */
    if (!online || r == NULL || r->number == ONLINE)
        r = rp_log_open(l, a.name, a.id, at_us);
    r->number = online ? ONLINE : 0;
    return true;
}

static bool on_daemon(struct rp_joblog *l, struct rp_str text, int64_t at_us)
{
    if (rp_str_starts(text, "--- New PM2 Daemon started"))
        rp_log_close_all(l); /* what ran under the one before is not known */
    return on_app(l, text, at_us);
}

/* ---- lines ---- */

static bool on_text(struct rp_joblog *l, struct rp_str s, int64_t at_us)
{
    if (rp_skip(&s, "PM2 log: ") || rp_skip(&s, "PM2 error: ") || rp_str_starts(s, "App ["))
        return on_daemon(l, s, at_us);
    if (rp_plain_event(l, at_us, s, false) || rp_log_follow(l, s))
        return true;
    rp_log_settled(l);
    return false;
}

static bool on_json(struct rp_joblog *l, struct rp_str line)
{
    static const char *const times[] = {"timestamp", NULL};
    struct rp_fields f;
    bool mine = false;
    if (rp_fields_read(&f, line)) {
        struct rp_str text = rp_strip(rp_field_text(&f, "message"), "", "\r\n");
        int64_t at_us = rp_field_time(&l->o.stamp, rp_field_of(&f, times));
        for (struct rp_str one; rp_str_split(&text, '\n', &one);)
            mine = on_text(l, one, at_us) || mine;
    }
    rp_fields_free(&f);
    return mine;
}

static void pm2_line(struct rp_joblog *l, struct rp_str line)
{
    struct rp_str s = without_source(line);
    int64_t at_us = RP_NO_TIME;
    if (rp_str_trim(s).n == 0)
        return;
    bool timed = take_time(&l->o.stamp, &s, &at_us);
    if (!timed && rp_str_starts(s, "{"))
        rp_log_count(l, on_json(l, s));
    else
        rp_log_count(l, on_text(l, s, at_us) || rp_str_trim(s).n == 0);
}

static int pm2_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct rp_str s = without_source(line);
    int64_t us;
    size_t n = s.n;
    bool sourced = n < line.n, timed = take_time(&st, &s, &us);
    if (rp_str_starts(s, "PM2 log: ") || rp_str_starts(s, "PM2 error: "))
        return 10;
    if (rp_str_starts(s, "{\"") && str_has(str_head(s, 4096), "\"process_id\":") &&
        str_has(str_head(s, 4096), "\"app_name\":"))
        return 5;
    bool layout = timed && n - s.n == 21 && n > 10 && (line.p[line.n - n + 10] == 'T');
    return sourced && timed ? 5 : layout ? 4 : 0;
}

static void pm2_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    rp_plain_finish(l);
}

const struct rp_log_format rp_format_pm2 = {"pm2", pm2_score, pm2_line, pm2_finish,
                                            RP_RUN_UNFINISHED};
