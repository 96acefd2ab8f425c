/* What a replay can expect, in words: of a pattern, of a plan. */
#include "cli/analyze.h"
#include "cli/replay.h"

static const char *interval(struct cli *cli, struct rp_str expected)
{
    return show_fmt(cli, "%s of them (95 %% interval %s – %s)",
                    show_percent(cli, doc_f64(expected, "rate", 0)),
                    show_percent(cli, doc_f64(expected, "low", 0)),
                    show_percent(cli, doc_f64(expected, "high", 1)));
}

const char *outlook_words(struct cli *cli, struct rp_str p)
{
    struct rp_str expected = doc_get(p, "outlook.expected");
    int64_t n = doc_i64(p, "outlook.retries.runs", 0) + doc_i64(p, "outlook.replays.runs", 0),
            well = doc_i64(p, "outlook.retries.succeeded", 0) +
                   doc_i64(p, "outlook.replays.succeeded", 0);
    if (expected.n > 0)
        return show_fmt(
            cli, "%s of %s went well, %s", show_count(cli, doc_i64(expected, "succeeded", 0)),
            show_fmt(cli, "%s earlier %s", show_count(cli, doc_i64(expected, "runs", 0)),
                     doc_show(cli, expected, "from")),
            interval(cli, expected));
    if (n == 0)
        return "not known: none was tried again yet";
    return show_fmt(cli, "not known: %s of only %s went well", show_count(cli, well),
                    show_plural(cli, n, "earlier try", "earlier tries"));
}

void plan_outlook_line(struct cli *cli, struct rp_str plan, int label)
{
    struct line l;
    int64_t known = doc_i64(plan, "outlook.known", 0), left = doc_i64(plan, "outlook.not_known", 0);
    if (!doc_has(plan, "outlook") || known + left == 0)
        return;
    line_begin(&l, cli, "outlook", label);
    if (known > 0)
        line_part(&l, "about %.0f of %s do well (%.0f – %.0f), as earlier tries did",
                  doc_f64(plan, "outlook.succeed", 0), show_count(cli, known),
                  doc_f64(plan, "outlook.low", 0), doc_f64(plan, "outlook.high", 0));
    if (left > 0)
        line_part(&l, "%s not known: too few of %s were tried again", show_count(cli, left),
                  left == 1 ? "its pattern" : "their patterns");
    line_end(&l);
}
