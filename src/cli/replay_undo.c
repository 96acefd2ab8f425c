/* replay undo: what it can and cannot take back is said before it is done. */
#include "cli/replay.h"

enum { LABEL = 13 };

static bool body_of(struct cli *cli, struct rp_buf *body, bool dry, struct rp_err *err)
{
    struct rp_jw w = {.out = body};
    bool compensate = opt_flag(cli, "compensate");
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_m_bool(&w, "compensate", compensate);
    rp_jw_m_bool(&w, "dry_run", dry);
    if (compensate && !replay_guard_member(cli, &w, err))
        return false;
    rp_jw_object_end(&w);
    return true;
}

static bool post(struct cli *cli, const char *id, bool dry, struct reply *reply, struct rp_err *err)
{
    struct rp_buf body = {0};
    bool ok = body_of(cli, &body, dry, err) &&
              client_call(cli, "POST", show_fmt(cli, "/v1/replays/%s/undo", id), &body, reply, err);
    rp_buf_free(&body);
    return ok;
}

/* ---- before ---- */

static void types_part(struct cli *cli, struct line *l, struct rp_str undo, const char *field,
                       const char *words)
{
    struct items i;
    for (items_open(&i, undo, field); items_member(&i);) {
        int64_t n = 0;
        if (rp_str_i64(i.value, &n))
            line_part(l, "%s of %s %s", show_count(cli, n), show_text(cli, i.key), words);
    }
    items_close(&i);
}

void replay_undo_types(struct cli *cli, struct line *l, struct rp_str undo)
{
    types_part(cli, l, undo, "can_compensate", "can be compensated");
    types_part(cli, l, undo, "cannot_compensate", "cannot be compensated");
}

static void compensation(struct cli *cli, struct rp_str plan)
{
    struct line l;
    line_begin(&l, cli, "compensates", LABEL);
    line_part(&l, "%s, newest first",
              show_plural(cli, doc_i64(plan, "to_replay", 0), "job", "jobs"));
    line_end(&l);
    (void)replay_plan_parts(cli, plan);
    if (!doc_has(plan, "refused"))
        return;
    line_begin(&l, cli, "refused now", LABEL);
    line_part(&l, "%s", painted(cli, RED, doc_show(cli, plan, "refused.says")));
    line_end(&l);
}

static void said_before(struct cli *cli, struct rp_str undo)
{
    struct line l;
    int64_t ran = doc_i64(undo, "ran", 0);
    line_begin(&l, cli, "not run", LABEL);
    line_part(&l, "%s: back exactly as before", show_count(cli, doc_i64(undo, "not_run", 0)));
    line_end(&l);
    line_begin(&l, cli, "ran", LABEL);
    line_part(&l, "%s: %s", show_count(cli, ran), ran > 0 ? "stays as it is" : "nothing");
    replay_undo_types(cli, &l, undo);
    line_end(&l);
    if (doc_has(undo, "compensation"))
        compensation(cli, doc_get(undo, "compensation"));
}

/* ---- done ---- */

static int done(struct cli *cli, const char *id, struct rp_str r)
{
    if (cli->json)
        return print_json(r);
    say(cli, 0, "replay %s is %s", id, doc_show(cli, r, "state"));
    if (!opt_flag(cli, "compensate")) {
        say_next(cli, "reprise replay show %s", id);
        return 0;
    }
    const char *by = rp_cstr(&cli->arena, doc_str(cli, r, "compensated_by"));
    say(cli, 0, "replay %s takes back what it did", by);
    if (!opt_flag(cli, "detach"))
        return replay_watch(cli, by);
    say_next(cli, "reprise replay show %s", by);
    return 0;
}

int replay_undo(struct cli *cli, const char *id)
{
    struct reply before = {0}, reply = {0};
    struct rp_err err;
    bool compensate = opt_flag(cli, "compensate"), dry = opt_flag(cli, "dry-run");
    if (!post(cli, id, true, &before, &err))
        return say_err(cli, &err);
    if (dry && cli->json)
        (void)print_json(before.body);
    else if (!cli->json)
        said_before(cli, before.body);
    if (dry)
        return doc_has(before.body, "compensation.refused") ? rp_code_exit(RP_E_REFUSED) : 0;
    if ((compensate && !confirm(cli, "running what takes the effects of jobs back", &err)) ||
        !post(cli, id, false, &reply, &err))
        return say_err(cli, &err);
    return done(cli, id, reply.body);
}
