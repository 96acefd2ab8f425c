/* A replay that is watched: a line that is drawn anew until its end. */
#include "cli/replay.h"

#include <math.h>
#include <signal.h>

enum { POLL_US = 400000, WINDOW_US = 15000000 };

static int64_t ended_of(struct rp_str r)
{
    static const char *const fields[] = {"succeeded", "failed_same", "failed_new", "skipped",
                                         "unknown"};
    int64_t n = 0;
    for (size_t i = 0; i < 5; i++)
        n += doc_i64(doc_get(r, "fates"), fields[i], 0);
    return n;
}

static bool over(struct cli *cli, struct rp_str r)
{
    return !replay_in_state(cli, r, "running") && !replay_in_state(cli, r, "planned");
}

/* ---- how fast, how long still ---- */

/* Since a look that is between one and two windows old, so that a stop long ago does not count for
 * ever. */
struct speed {
    int64_t from_us, from, kept_us, kept;
};

static void speed_note(struct speed *s, int64_t now_us, int64_t ended)
{
    if (s->from_us == 0)
        *s = (struct speed){now_us, ended, now_us, ended};
    if (now_us - s->kept_us < WINDOW_US)
        return;
    s->from_us = s->kept_us;
    s->from = s->kept;
    s->kept_us = now_us;
    s->kept = ended;
}

/* Items a second; 0: not known yet. */
static double speed_now(const struct speed *s, int64_t now_us, int64_t ended)
{
    int64_t took = now_us - s->from_us;
    return took >= RP_US_S ? (double)(ended - s->from) * RP_US_S / (double)took : 0;
}

/* ---- the line ---- */

/* One more part, if the line has room for it. */
static void add(struct cli *cli, const char **text, int room, const char *part)
{
    const char *longer = **text == '\0' ? part : show_fmt(cli, "%s   %s", *text, part);
    if (text_width(longer) <= room)
        *text = longer;
}

static const char *left_words(struct cli *cli, double s)
{
    return s < 60 ? show_fmt(cli, "%.0f s left", s + 0.5)
                  : show_fmt(cli, "%s left", show_span(cli, (int64_t)(fmin(s, 1e9) * 1e6)));
}

static void progress(struct cli *cli, struct bar *b, struct speed *speed, struct rp_str r)
{
    int64_t again = doc_i64(r, "fates.failed_same", 0) + doc_i64(r, "fates.failed_new", 0),
            all = doc_i64(r, "to_replay", 0), ended = ended_of(r), now = rp_mono(&rp_clock_system);
    int room = bar_room(b, all);
    const char *text = "";
    speed_note(speed, now, ended);
    double per_s = speed_now(speed, now, ended);
    add(cli, &text, room,
        show_fmt(cli, "%s succeeded", show_count(cli, doc_i64(r, "fates.succeeded", 0))));
    add(cli, &text, room, show_fmt(cli, "%s failed", show_count(cli, again)));
    int left = room - text_width(text) - 3;
    if (doc_has(r, "says") && left > 5) /* what it waits for, however little room there is */
        add(cli, &text, room, show_cut(cli, doc_str(cli, r, "says"), left));
    if (per_s > 0 && ended < all) {
        add(cli, &text, room, left_words(cli, (double)(all - ended) / per_s));
        add(cli, &text, room, show_fmt(cli, per_s < 10 ? "%.1f/s" : "%.0f/s", per_s));
    }
    add(cli, &text, room, show_fmt(cli, "wave %lld", (long long)doc_i64(r, "wave", 0)));
    bar_draw(b, ended, all, text);
}

static int ended(struct cli *cli, struct rp_str r)
{
    int64_t good = doc_i64(r, "fates.succeeded", 0), all = doc_i64(r, "to_replay", 0);
    if (cli->json) {
        (void)print_json(r);
    } else {
        cli->now_us = rp_wall(&rp_clock_system);
        replay_show(cli, r);
    }
    if (replay_in_state(cli, r, "done") && good == all)
        return 0;
    return 3;
}

/* Waits for the next look; true if Ctrl-C came, which is blocked meanwhile. */
static bool interrupted_within(const sigset_t *set, int64_t us)
{
    struct timespec ts = {us / RP_US_S, us % RP_US_S * 1000};
    return sigtimedwait(set, NULL, &ts) == SIGINT;
}

static int left_running(struct cli *cli, const char *id)
{
    note(cli,
         "replay %s goes on without you. reprise replay show %s --follow watches it again; "
         "pause, abort and undo take it back.",
         id, id);
    return 0;
}

int replay_watch(struct cli *cli, const char *id)
{
    struct reply reply;
    struct rp_err err;
    struct bar b;
    struct speed speed = {0};
    sigset_t set, before;
    bool interrupted = false;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    bar_begin(&b, cli);
    for (;;) {
        struct rp_arena kept = scratch_begin(cli);
        bool ok = client_get(cli, show_fmt(cli, "/v1/replays/%s", id), &reply, &err);
        bool end = ok && over(cli, reply.body);
        if (ok)
            progress(cli, &b, &speed, reply.body);
        if (end)
            reply.body = rp_str_dup(&kept, reply.body);
        scratch_end(cli, kept);
        if (!ok || end)
            break;
        interrupted = interrupted_within(&set, POLL_US);
        if (interrupted)
            break;
    }
    bar_end(&b);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (interrupted)
        return left_running(cli, id);
    if (reply.status == 200)
        return ended(cli, reply.body);
    int code = say_err(cli, &err);
    if (err.code == RP_E_UNREACHABLE)
        note(cli,
             "replay %s goes on by itself where it was once the daemon is back: reprise replay "
             "show %s --follow",
             id, id);
    return code;
}
