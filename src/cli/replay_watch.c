/* A replay that is watched: a line that is drawn anew until its end. */
#include "cli/replay.h"

#include <signal.h>

enum { POLL_US = 400000 };

static bool over(struct cli *cli, struct rp_str r)
{
    return !replay_in_state(cli, r, "running") && !replay_in_state(cli, r, "planned");
}

/* ---- the line ---- */

/* One more part, if the line has room for it. */
static void add(struct cli *cli, const char **text, int room, const char *part)
{
    const char *longer = **text == '\0' ? part : show_fmt(cli, "%s   %s", *text, part);
    if (text_width(longer) <= room)
        *text = longer;
}

static const char *left_words(struct cli *cli, int64_t s)
{
    return s < 60 ? show_fmt(cli, "%lld s left", (long long)s)
                  : show_fmt(cli, "%s left", show_span(cli, s * RP_US_S));
}

static void progress(struct cli *cli, struct bar *b, struct rp_str r)
{
    int64_t all = doc_i64(r, "to_replay", 0), ended = doc_i64(r, "progress.ended", 0),
            left = doc_i64(r, "progress.left_s", -1);
    double per_s = doc_f64(r, "progress.rate", 0);
    int room = bar_room(b, all);
    const char *text = "";
    add(cli, &text, room,
        show_fmt(cli, "%s succeeded", show_count(cli, doc_i64(r, "fates.succeeded", 0))));
    add(cli, &text, room,
        show_fmt(cli, "%s failed", show_count(cli, doc_i64(r, "progress.failed", 0))));
    int space = room - text_width(text) - 3;
    if (replay_in_state(cli, r, "running") && doc_has(r, "says") && space > 5) /* it waits */
        add(cli, &text, room, show_cut(cli, doc_str(cli, r, "says"), space));
    if (left >= 0 && ended < all) {
        add(cli, &text, room, left_words(cli, left));
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
            progress(cli, &b, reply.body);
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
