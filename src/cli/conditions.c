/* Conditions in words: where runs fail and where they do not, each with its counts. */
#include "cli/analyze.h"

#include <math.h>

enum { SHADOWS_SHOWN = 3 };

const char *condition_where(struct cli *cli, struct rp_str condition)
{
    struct items i;
    struct rp_buf out = {0};
    for (items_open(&i, condition, "where"); items_member(&i);) {
        const char *value = show_text(cli, items_str(cli, &i));
        rp_buf_fmt(&out, "%s%s=%s", out.n > 0 ? " and " : "", show_text(cli, i.key),
                   value[0] != '\0' ? value : "(empty)");
    }
    items_close(&i);
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

const char *condition_counts(struct cli *cli, struct rp_str c, const char *path)
{
    int64_t failed = doc_i64(c, show_fmt(cli, "%s.failed", path), 0),
            runs = doc_i64(c, show_fmt(cli, "%s.runs", path), 0);
    return show_fmt(cli, "%s of %s (%s)", show_count(cli, failed), show_count(cli, runs),
                    show_percent(cli, runs > 0 ? (double)failed / (double)runs : 0));
}

const char *condition_odds(struct cli *cli, struct rp_str c)
{
    double q = doc_f64(c, "q", 1);
    if (q >= 1e-4)
        return show_fmt(cli, "q = %.2g", q);
    return show_fmt(cli, "q < 1e%d", (int)ceil(log10(q)) < -300 ? -300 : (int)ceil(log10(q)));
}

static void show_shadows(struct cli *cli, struct rp_str c, int indent)
{
    struct items i;
    struct line l;
    int64_t more = doc_i64(c, "more_shadows", 0);
    int n = 0;
    if (items_count(c, "shadows") == 0)
        return;
    line_begin(&l, cli, "", indent);
    line_part(&l, "goes with it:");
    for (items_open(&i, c, "shadows"); items_next(&i); n++)
        if (n < SHADOWS_SHOWN)
            line_part(&l, "%s", condition_where(cli, i.value));
    items_close(&i);
    more += n > SHADOWS_SHOWN ? n - SHADOWS_SHOWN : 0;
    if (more > 0)
        line_part(&l, "and %s more", show_count(cli, more));
    line_end(&l);
}

const char *condition_shadows(struct cli *cli, struct rp_str c)
{
    struct items i;
    struct rp_buf out = {0};
    int64_t more = doc_i64(c, "more_shadows", 0);
    for (items_open(&i, c, "shadows"); items_next(&i);)
        rp_buf_fmt(&out, "%s%s", out.n > 0 ? ", " : "", condition_where(cli, i.value));
    items_close(&i);
    if (more > 0)
        rp_buf_fmt(&out, " and %s more", show_count(cli, more));
    const char *text = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

static void show_condition(struct cli *cli, struct rp_str c, int indent)
{
    struct line l;
    say(cli, indent, "%s", painted(cli, BOLD, condition_where(cli, c)));
    line_begin(&l, cli, "", indent + 4);
    line_part(&l, "%s failed", condition_counts(cli, c, "inside"));
    line_part(&l, "elsewhere %s", condition_counts(cli, c, "outside"));
    line_end(&l);
    line_begin(&l, cli, "", indent + 4);
    line_part(&l, "lift %.3g", doc_f64(c, "lift", 0));
    line_part(&l, "%s", condition_odds(cli, c));
    line_part(&l, "holds %s of the failures", show_percent(cli, doc_f64(c, "coverage", 0)));
    line_end(&l);
    show_shadows(cli, c, indent + 4);
}

void show_conditions(struct cli *cli, struct rp_str answer, int indent)
{
    struct items i;
    for (items_open(&i, answer, "conditions"); items_next(&i);)
        show_condition(cli, i.value, indent);
    items_close(&i);
}
