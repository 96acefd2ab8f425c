/* Plans as people read them. */
#include "cli/replay.h"

enum { LABEL = 13 };

/* ---- plan ---- */

/* Why the daemon's rules leave jobs out, and what takes them along all the same. */
static const struct {
    const char *reason, *words;
} reasons[] = {
    {"outside", "run by exec or imported; run it again where it came from"},
    {"type-removed", "its type is not configured any more"},
    {"payload-purged", "a purge took its payload; reprise restore its backup"},
    {"running", "it runs"},
    {"waiting", "it is to run still; --include-waiting --reason WHY takes it along"},
    {"unresolved", "nobody has resolved it; --include-unresolved --reason WHY takes it along"},
    {"in-replay", "a replay that goes on has it"},
    {"held", "it waits for a dependency"},
    {"in-another-replay", "another replay has it: reprise replay list; its end or abort frees it"},
    {"poison", "it alone fails, or ends its worker, again and again; --job ID takes it along"},
    {"superseded", "a later run has done its work"},
    {"unknown-outcome", "nobody knows whether it worked; --include-unknown takes it along"},
    {"fix-first", "fails the same way until it is fixed; then reprise deploy mark TYPE"},
    {"sequence", "an earlier job of its sequence stays behind"},
    {"no-compensation", "its type has no compensate: nothing takes it back"},
    {"still-running", "it runs; ask again when it has ended"},
    {"compensated", "it has been taken back"},
    {"ran-again", "it ran once more since, outside of that replay"},
    {"not-idempotent", "may have had its effect; --include-unsafe --reason WHY takes it along"},
};

static const char *reason_words(struct rp_str reason)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (rp_str_is(reason, reasons[i].reason))
            return reasons[i].words;
    return "";
}

/* One line a reason. Returns whether there was any. */
bool replay_left_out_lines(struct cli *cli, struct rp_str plan, const char *field)
{
    struct line l;
    struct items i;
    int64_t n;
    bool any = false;
    for (items_open(&i, plan, field); items_member(&i);) {
        if (!rp_str_i64(i.value, &n) || n <= 0)
            continue;
        const char *words = reason_words(i.key);
        line_begin(&l, cli, any ? "" : "left out", LABEL);
        line_part(&l, "%s %s%s%s", show_count(cli, n), show_text(cli, i.key),
                  words[0] != '\0' ? ": " : "", words);
        line_end(&l);
        any = true;
    }
    items_close(&i);
    return any;
}

/* What is gone past, in plans and replays alike. */
void replay_forced_line(struct cli *cli, struct rp_str doc)
{
    struct line l;
    struct items i;
    int64_t n;
    if (!doc_has(doc, "forced"))
        return;
    line_begin(&l, cli, "gone past", LABEL);
    for (items_open(&i, doc, "forced"); items_member(&i);) {
        bool jobs = rp_str_i64(i.value, &n) && n > 0;
        line_part(&l, "%s",
                  painted(cli, YELLOW,
                          jobs ? show_fmt(cli, "%s: %s", show_text(cli, i.key),
                                          show_plural(cli, n, "job", "jobs"))
                               : show_text(cli, i.key)));
    }
    items_close(&i);
    line_end(&l);
}

enum { KINDS_SHOWN = 8 };

/* A line for each type and pattern. */
static void kind_lines(struct cli *cli, struct rp_str plan)
{
    struct line l;
    struct items i;
    size_t n = 0, all = items_count(plan, "kinds");
    for (items_open(&i, plan, "kinds"); items_next(&i) && n < KINDS_SHOWN; n++) {
        int64_t goes = doc_i64(i.value, "to_replay", 0), matched = doc_i64(i.value, "matched", 0);
        line_begin(&l, cli, n == 0 ? "of" : "", LABEL);
        line_part(&l, "%s%s of %s", show_count(cli, goes),
                  goes < matched ? show_fmt(cli, " of %s", show_count(cli, matched)) : "",
                  doc_show(cli, i.value, "type"));
        line_part(&l, "%s %s",
                  doc_has(i.value, "pattern") ? doc_show(cli, i.value, "pattern") : "no pattern",
                  doc_show(cli, i.value, "class"));
        line_end(&l);
    }
    items_close(&i);
    int64_t more = (int64_t)(all - n) + doc_i64(plan, "kinds_left", 0);
    if (more > 0)
        say(cli, LABEL, "and %s more of types and patterns: --json",
            show_plural(cli, more, "kind", "kinds"));
}

static void preflight_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    struct items i;
    line_begin(&l, cli, "preflight", LABEL);
    for (items_open(&i, plan, "preflight"); items_next(&i);) {
        struct rp_str state = doc_str(cli, i.value, "state"), says = doc_str(cli, i.value, "says");
        const char *mark =
            rp_str_is(state, "holds") ? "✓" : (rp_str_is(state, "fails") ? "✗" : "?");
        line_part(&l, "%s %s%s%s", painted(cli, state_paint(state), mark),
                  doc_show(cli, i.value, "check"), says.n > 0 ? ": " : "", show_text(cli, says));
    }
    items_close(&i);
    line_end(&l);
}

static void waves_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    struct items i;
    size_t n = items_count(plan, "waves"), k = 0;
    line_begin(&l, cli, "plan", LABEL);
    int64_t canary = doc_i64(plan, "canary", 0);
    if (canary > 0 || n == 0)
        line_part(&l, "canary %s", show_count(cli, canary));
    else
        line_part(&l, "all at once, without a canary");
    struct rp_buf sizes = {0};
    for (items_open(&i, plan, "waves"); items_next(&i); k++)
        if (k > 0 && (k < 6 || k + 1 == n))
            rp_buf_fmt(&sizes, "%s%.*s",
                       k == 1 ? "" : (k == 6 || (k + 1 == n && k > 6) ? ", …, " : ", "),
                       RP_FMT(i.value));
    items_close(&i);
    if (n > 1)
        line_part(&l, "then waves of %.*s", (int)sizes.n, sizes.p);
    rp_buf_free(&sizes);
    double rate = doc_f64(plan, "rate", 0);
    if (rate > 0)
        line_part(&l, "at most %.4g/s", rate);
    int64_t retries = doc_i64(plan, "retries", 0);
    if (retries > 0)
        line_part(&l, "up to %s after its first", show_plural(cli, retries, "try", "tries"));
    line_part(&l, "live traffic first");
    line_end(&l);
}

static void rate_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    if (!doc_has(plan, "rate_basis"))
        return;
    line_begin(&l, cli, "rate", LABEL);
    if (doc_f64(plan, "rate", 0) > 0)
        line_part(&l, "%.4g/s", doc_f64(plan, "rate", 0));
    line_part(&l, "%s", doc_show(cli, plan, "rate_basis"));
    line_end(&l);
}

static void risk_line(struct cli *cli, struct rp_str plan)
{
    static const char *const risks[][2] = {{"none", "never started"},
                                           {"safe", "idempotent"},
                                           {"unknown", "may have had their effect"},
                                           {"partial", "had part of their effect"}};
    struct line l;
    if (!doc_has(plan, "risk") || !doc_has(plan, "undo")) /* compensations repeat nothing */
        return;
    line_begin(&l, cli, "repeating", LABEL);
    for (size_t i = 0; i < 4; i++) {
        int64_t n = doc_i64(doc_get(plan, "risk"), risks[i][0], 0);
        if (n > 0)
            line_part(&l, "%s",
                      painted(cli, i < 2 ? PLAIN : YELLOW,
                              show_fmt(cli, "%s %s", show_count(cli, n), risks[i][1])));
    }
    if (l.parts > 0)
        line_end(&l);
    else
        rp_buf_free(&l.out);
}

/* What its types say that they do to others. */
static void effects_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    struct items i;
    if (!doc_has(plan, "side_effects"))
        return;
    line_begin(&l, cli, "side effects", LABEL);
    for (items_open(&i, plan, "side_effects"); items_member(&i);)
        line_part(&l, "%s: %s", show_text(cli, i.key), show_text(cli, items_str(cli, &i)));
    items_close(&i);
    line_end(&l);
}

static void estimate_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    double low = doc_f64(plan, "estimate_s.low", -1), mid = doc_f64(plan, "estimate_s.mid", -1),
           high = doc_f64(plan, "estimate_s.high", -1);
    if (mid < 0 && !doc_has(plan, "estimate_basis"))
        return;
    line_begin(&l, cli, "estimate", LABEL);
    if (mid >= 0)
        line_part(&l, "%s", show_span(cli, (int64_t)(mid * 1e6)));
    if (low >= 0 && high > low)
        line_part(&l, "between %s and %s", show_span(cli, (int64_t)(low * 1e6)),
                  show_span(cli, (int64_t)(high * 1e6)));
    if (doc_has(plan, "estimate_basis"))
        line_part(&l, "%s", doc_show(cli, plan, "estimate_basis"));
    line_end(&l);
}

static void halt_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    if (doc_f64(plan, "halt.p0", 0) <= 0)
        return;
    line_begin(&l, cli, "halts when", LABEL);
    line_part(&l, "more fail than %s", show_percent(cli, doc_f64(plan, "halt.p0", 0)));
    line_part(&l, "baseline %s", show_percent(cli, doc_f64(plan, "halt.baseline", 0)));
    if (doc_has(plan, "halt.decision_after"))
        line_part(&l, "decided after %s failures where %s of them fail",
                  show_count(cli, doc_i64(plan, "halt.decision_after", 0)),
                  show_percent(cli, doc_f64(plan, "halt.decision_rate", 0)));
    line_end(&l);
}

/* What undo will be able to take back. */
static void undo_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    if (!doc_has(plan, "undo"))
        return;
    line_begin(&l, cli, "undo", LABEL);
    line_part(&l, "what has not run goes back exactly");
    line_part(&l, "what ran stays");
    replay_undo_types(cli, &l, doc_get(plan, "undo"));
    line_end(&l);
}

/* A parked one is neither refused nor begun: all this is looked at again once its time has come. */
static void parked_line(struct cli *cli, struct rp_str plan)
{
    struct line l;
    line_begin(&l, cli, "parked", LABEL);
    line_part(&l, "would wait, then be planned, checked and started by itself");
    if (doc_has(plan, "refused"))
        line_part(&l, "now it would be refused: %s", doc_show(cli, plan, "refused.says"));
    line_end(&l);
    say_next(cli, "the same command without --dry-run");
}

static void verdict_line(struct cli *cli, struct rp_str plan, bool left_out)
{
    struct line l;
    bool refused = doc_has(plan, "refused");
    const char *hash = doc_show(cli, plan, "plan");
    if (hash[0] != '\0') {
        line_begin(&l, cli, "plan hash", LABEL);
        line_part(&l, "%s", hash);
        line_end(&l);
    }
    if (replay_parks(cli)) {
        parked_line(cli, plan);
    } else if (refused) {
        struct rp_str hint = doc_str(cli, plan, "refused.hint");
        line_begin(&l, cli, "refused now", LABEL);
        line_part(&l, "%s", painted(cli, RED, doc_show(cli, plan, "refused.says")));
        if (hint.n > 0)
            line_part(&l, "→ %s", show_text(cli, hint));
        else
            line_part(&l, "Mend it, then run the same command without --dry-run.");
        line_part(&l, "(exit 4)");
        line_end(&l);
    } else if (doc_i64(plan, "to_replay", 0) == 0) {
        say_next(cli, left_out ? "mend what left them out, or take them along as said above"
                               : "nothing to do; reprise jobs --state failed");
    } else {
        say_next(cli, "reprise replay --plan %s, within the hour", hash);
    }
}

bool replay_plan_parts(struct cli *cli, struct rp_str plan)
{
    bool left_out = replay_left_out_lines(cli, plan, "left_out");
    replay_forced_line(cli, plan);
    kind_lines(cli, plan);
    preflight_line(cli, plan);
    if (doc_i64(plan, "to_replay", 0) > 0) {
        waves_line(cli, plan);
        rate_line(cli, plan);
        replay_set_lines(cli, plan, LABEL);
        risk_line(cli, plan);
        effects_line(cli, plan);
        estimate_line(cli, plan);
        plan_outlook_line(cli, plan, LABEL);
        halt_line(cli, plan);
        undo_line(cli, plan);
    }
    return left_out;
}

void replay_plan_show(struct cli *cli, struct rp_str plan)
{
    say(cli, 0, "would replay %s of %s",
        painted(cli, BOLD, show_count(cli, doc_i64(plan, "to_replay", 0))),
        show_plural(cli, doc_i64(plan, "matched", 0), "matching job", "matching jobs"));
    bool left_out = replay_plan_parts(cli, plan);
    verdict_line(cli, plan, left_out);
}

bool replay_in_state(struct cli *cli, struct rp_str r, const char *state)
{
    return rp_str_is(doc_str(cli, r, "state"), state);
}
