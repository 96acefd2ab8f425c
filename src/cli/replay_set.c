/* Values that a replay puts into payloads: as they are asked for, and as they are shown. */
#include "cli/replay.h"

#include "base/json_pointer.h"

/* PATH=VALUE, the value JSON: what is meant as a text must say so. */
bool replay_set_member(struct cli *cli, struct rp_jw *w, struct rp_err *err)
{
    const char *all[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "set", all);
    if (n == 0)
        return true;
    rp_jw_key(w, "set");
    rp_jw_object(w);
    for (size_t i = 0; i < n; i++) {
        struct rp_str value = rp_str_of(all[i]), path;
        (void)rp_str_split(&value, '=', &path);
        if (value.p == NULL || !rp_pointer_valid(path)) {
            (void)rp_fail(err, RP_E_USAGE, "--set: \"%s\" is not PATH=VALUE", all[i]);
            return rp_hint(err, "write a JSON pointer and a JSON value: /customer/id=17");
        }
        if (!rp_json_valid(value, NULL)) {
            (void)rp_fail(err, RP_E_USAGE, "--set: %.*s is not JSON", RP_FMT(value));
            return rp_hint(err, "a text has quotes of its own: --set '%.*s=\"%.*s\"'", RP_FMT(path),
                           RP_FMT(value));
        }
        rp_jw_key_str(w, path);
        rp_jw_raw(w, value);
    }
    rp_jw_object_end(w);
    return true;
}

/* ---- shown ---- */

static const char *value(struct cli *cli, struct rp_str json)
{
    return json.p != NULL ? show_cut(cli, json, 60) : "(none)";
}

/* doc_get takes null for nothing. */
static const char *at(struct cli *cli, struct rp_str change, const char *pointer)
{
    struct rp_str json;
    bool there = rp_pointer_get(&cli->arena, change, rp_str_of(pointer), &json);
    return value(cli, there ? json : RP_NONE);
}

void replay_changes(struct cli *cli, struct line *l, struct rp_str doc)
{
    struct items i;
    for (items_open(&i, doc, "changed"); items_next(&i);)
        line_part(l, "%s %s → %s", doc_show(cli, i.value, "path"), at(cli, i.value, "/before"),
                  at(cli, i.value, "/after"));
    items_close(&i);
}

void replay_set_lines(struct cli *cli, struct rp_str doc, int label)
{
    struct items i;
    struct line l;
    if (!doc_has(doc, "set"))
        return;
    line_begin(&l, cli, "payload", label);
    for (items_open(&i, doc, "set"); items_member(&i);)
        line_part(&l, "%s = %s", show_text(cli, i.key), value(cli, i.value));
    items_close(&i);
    line_part(&l, "in copies for this replay: the jobs keep theirs");
    line_end(&l);
    for (items_open(&i, doc, "changed"); items_next(&i);) {
        line_begin(&l, cli, "", label);
        line_part(&l, "job %s", doc_show(cli, i.value, "job"));
        replay_changes(cli, &l, i.value);
        line_end(&l);
    }
    items_close(&i);
}
