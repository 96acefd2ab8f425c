/* Where most fails, in words: a line each of types, queues and nodes, and since when a type fails.
 */
#include "cli/analyze.h"

enum { TOPS_SHOWN = 3, TYPES_SHOWN = 5, LABEL = 8 };

/* "invoice 160 of 453 (35.3 %)"; a single one says nothing that the head does not. */
static void show_top(struct cli *cli, struct rp_str a, const char *key, const char *name)
{
    struct items i;
    struct line l;
    size_t n = items_count(a, key), shown = 0;
    if (n < 2)
        return;
    line_begin(&l, cli, key, LABEL);
    for (items_open(&i, a, key); items_next(&i) && shown < TOPS_SHOWN; shown++) {
        int64_t failed = doc_i64(i.value, "rate.failures", 0),
                runs = doc_i64(i.value, "rate.runs", 0);
        line_part(&l, "%s %s of %s (%s)", doc_show(cli, i.value, name), show_count(cli, failed),
                  show_count(cli, runs), show_percent(cli, doc_f64(i.value, "rate.rate", 0)));
    }
    items_close(&i);
    line_end(&l);
}

void show_tops(struct cli *cli, struct rp_str a)
{
    show_top(cli, a, "types", "type");
    show_top(cli, a, "queues", "queue");
    show_top(cli, a, "nodes", "node");
    if (items_count(a, "types") >= 2)
        show_type_onsets(cli, a, LABEL);
}

void show_type_onsets(struct cli *cli, struct rp_str a, int indent)
{
    struct items i;
    size_t shown = 0;
    if (items_count(a, "type_onsets") == 0)
        return;
    say(cli, 0, "by type:");
    for (items_open(&i, a, "type_onsets"); items_next(&i) && shown < TYPES_SHOWN; shown++) {
        say(cli, indent, "%s", doc_show(cli, i.value, "type"));
        show_onset(cli, i.value, indent);
    }
    items_close(&i);
}
