/* What an import found: counts in words and as JSON. */
#include "cli/import.h"

#include <stdlib.h>

enum { TYPES_SHOWN = 30 };

/* ---- JSON (INTERFACES: import log) ---- */

static void json_counts(struct rp_jw *w, uint64_t runs, const uint64_t *by, bool all)
{
    rp_jw_m_i64(w, "runs", (int64_t)runs);
    for (int o = RP_RUN_SUCCEEDED; o <= RP_RUN_UNFINISHED; o++)
        rp_jw_m_i64(w, rp_run_outcome_name((enum rp_run_outcome)o), (int64_t)by[o]);
    if (all || by[RP_RUN_UNKNOWN] > 0)
        rp_jw_m_i64(w, "outcome_unknown", (int64_t)by[RP_RUN_UNKNOWN]);
    if (by[RP_RUN_CANCELLED] > 0)
        rp_jw_m_i64(w, "cancelled", (int64_t)by[RP_RUN_CANCELLED]);
}

static void json_attempts(struct rp_jw *w, const struct rp_tally *t)
{
    char n[24];
    if (!t->attempts_said)
        return;
    rp_jw_key(w, "attempts");
    rp_jw_object(w);
    for (int i = 1; i <= RP_TALLY_ATTEMPTS; i++) {
        (void)snprintf(n, sizeof n, "%d", i);
        if (t->attempts[i] > 0)
            rp_jw_m_i64(w, n, (int64_t)t->attempts[i]);
    }
    rp_jw_object_end(w);
}

static void json_time(struct rp_jw *w, const char *key, int64_t us)
{
    char at[RP_TIME_LEN];
    if (us != RP_NO_TIME)
        rp_jw_m_cstr(w, key, rp_time_format(us, at));
}

static void json_types(struct rp_jw *w, const struct rp_tally *t)
{
    rp_jw_key(w, "types");
    rp_jw_object(w);
    for (size_t i = 0; i < t->n_types; i++) {
        rp_jw_key_str(w, t->types[i].type);
        rp_jw_object(w);
        json_counts(w, t->types[i].runs, t->types[i].by, false);
        rp_jw_object_end(w);
    }
    rp_jw_object_end(w);
}

static int64_t not_stored(const struct import *i)
{
    return (int64_t)(i->tally->by[RP_RUN_UNKNOWN] + i->never_started + i->skipped);
}

void import_json_counts(const struct import *i, struct rp_jw *w)
{
    rp_jw_m_cstr(w, "format", i->format);
    rp_jw_m_i64(w, "lines", (int64_t)i->lines);
    json_counts(w, i->tally->runs, i->tally->by, true);
    json_attempts(w, i->tally);
    rp_jw_m_i64(w, "unassigned_lines", (int64_t)i->unassigned_lines);
    if (i->never_started + i->skipped > 0) {
        rp_jw_m_i64(w, "never_started", (int64_t)i->never_started);
        rp_jw_m_i64(w, "skipped", (int64_t)i->skipped);
    }
    json_time(w, "first_start", i->tally->first_start);
    json_time(w, "last_end", i->tally->last_end);
    json_types(w, i->tally);
}

static void show_json(const struct import *i)
{
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    rp_jw_object(&w);
    import_json_counts(i, &w);
    if (i->store) {
        rp_jw_key(&w, "stored");
        rp_jw_object(&w);
        rp_jw_m_i64(&w, "added", i->records.added);
        rp_jw_m_i64(&w, "known", i->records.known);
        rp_jw_m_i64(&w, "not_stored", not_stored(i));
        rp_jw_object_end(&w);
    }
    rp_jw_object_end(&w);
    (void)print_json(rp_buf_view(&out));
    rp_buf_free(&out);
}

/* ---- words ---- */

static uint64_t bad(const struct rp_tally_type *t)
{
    return t->by[RP_RUN_FAILED] + t->by[RP_RUN_TIMEOUT];
}

static int worst_first(const void *a, const void *b)
{
    const struct rp_tally_type *x = a, *y = b;
    if (bad(x) != bad(y))
        return bad(x) < bad(y) ? 1 : -1;
    if (x->runs != y->runs)
        return x->runs < y->runs ? 1 : -1;
    return rp_str_cmp(x->type, y->type);
}

static const char *cell(struct cli *cli, uint64_t n)
{
    return n > 0 ? show_count(cli, (int64_t)n) : "·";
}

/* A copy of the types in another order: the tally finds its own by place. */
void import_types(struct import *i)
{
    static const struct column columns[] = {
        {"TYPE", COLUMN_CUT},      {"RUNS", COLUMN_RIGHT},     {"SUCCEEDED", COLUMN_RIGHT},
        {"FAILED", COLUMN_RIGHT},  {"TIMEOUT", COLUMN_RIGHT},  {"UNFINISHED", COLUMN_RIGHT},
        {"UNKNOWN", COLUMN_RIGHT}, {"CANCELLED", COLUMN_RIGHT}};
    static const int order[] = {RP_RUN_SUCCEEDED,  RP_RUN_FAILED,  RP_RUN_TIMEOUT,
                                RP_RUN_UNFINISHED, RP_RUN_UNKNOWN, RP_RUN_CANCELLED};
    const struct rp_tally *t = i->tally;
    size_t used = t->by[RP_RUN_CANCELLED] > 0 ? 6 : t->by[RP_RUN_UNKNOWN] > 0 ? 5 : 4;
    struct rp_tally_type *types = RP_NEW_N(&i->cli->arena, struct rp_tally_type, t->n_types);
    memcpy(types, t->types, t->n_types * sizeof *types);
    qsort(types, t->n_types, sizeof *types, worst_first);
    struct table *table = table_new(i->cli, columns, 2 + used);
    for (size_t k = 0; k < t->n_types && k < TYPES_SHOWN; k++) {
        table_row(table);
        table_cell(table, show_text(i->cli, types[k].type));
        table_cell(table, show_count(i->cli, (int64_t)types[k].runs));
        for (size_t o = 0; o < used; o++)
            table_paint(table, o == 1 || o == 2 ? RED : PLAIN, cell(i->cli, types[k].by[order[o]]));
    }
    table_print(table);
    if (t->n_types > TYPES_SHOWN)
        say(i->cli, 0, "and %s; --json lists all",
            show_plural(i->cli, (int64_t)t->n_types - TYPES_SHOWN, "more type", "more types"));
}

void import_headline(struct import *i)
{
    struct cli *cli = i->cli;
    const struct rp_tally *t = i->tally;
    bool log = strcmp(i->format, "csv") != 0;
    struct line l;
    line_begin(&l, cli, show_text(cli, rp_str_of(input_name(i->path))), 2);
    line_part(&l, "format %s", i->format);
    line_part(&l, "%s",
              log ? show_plural(cli, (int64_t)i->lines, "line", "lines")
                  : show_plural(cli, (int64_t)i->lines, "row", "rows"));
    line_part(&l, "%s", show_plural(cli, (int64_t)t->runs, "run", "runs"));
    if (i->unassigned_lines > 0)
        line_part(&l, "%s to no run",
                  show_plural(cli, (int64_t)i->unassigned_lines, "line belongs", "lines belong"));
    if (t->first_start != RP_NO_TIME && t->last_end != RP_NO_TIME)
        line_part(&l, "%s UTC", show_period(cli, t->first_start, t->last_end));
    else if (t->first_start != RP_NO_TIME)
        line_part(&l, "from %s UTC", show_clock(cli, t->first_start));
    else if (t->last_end != RP_NO_TIME)
        line_part(&l, "to %s UTC", show_clock(cli, t->last_end));
    line_end(&l);
    if (t->backwards > 0)
        say(cli, 2, "%s before %s began: the clock was set back meanwhile",
            show_plural(cli, (int64_t)t->backwards, "run ends", "runs end"),
            t->backwards == 1 ? "it" : "they");
}

static void what_is_left_out(struct import *i)
{
    struct cli *cli = i->cli;
    int64_t unknown = (int64_t)i->tally->by[RP_RUN_UNKNOWN];
    if (unknown > 0)
        say(cli, 0, "%s not told by this log: %s counted and not stored",
            show_plural(cli, unknown, "outcome is", "outcomes are"),
            unknown == 1 ? "it is" : "they are");
    if (i->never_started > 0)
        say(cli, 0, "%s never started: counted and not stored",
            show_plural(cli, (int64_t)i->never_started, "job", "jobs"));
    if (i->skipped > 0)
        say(cli, 0, "%s skipped: counted and not stored",
            show_plural(cli, (int64_t)i->skipped, "run was", "runs were"));
}

static void what_was_stored(struct import *i)
{
    struct cli *cli = i->cli;
    int64_t unfinished = (int64_t)i->tally->by[RP_RUN_UNFINISHED];
    if (!i->store) {
        say(cli, 0, "nothing was stored (--dry-run)");
        return;
    }
    say(cli, 0, "%s stored%s", show_plural(cli, i->records.added, "run", "runs"),
        i->records.known > 0 ? show_fmt(cli, ", %s there before", show_count(cli, i->records.known))
                             : "");
    if (unfinished > 0 && i->records.added > 0)
        say(cli, 0, "%s without an end: state unknown, until a person settles it with job resolve",
            show_plural(cli, unfinished, "run is", "runs are"));
    if (i->tally->by[RP_RUN_FAILED] + i->tally->by[RP_RUN_TIMEOUT] > 0)
        say_next(cli, "reprise jobs --state failed");
}

void import_show(struct import *i)
{
    if (i->cli->json) {
        show_json(i);
        return;
    }
    import_headline(i);
    if (i->tally->runs > 0) {
        (void)printf("\n");
        import_types(i);
    }
    (void)printf("\n");
    what_is_left_out(i);
    what_was_stored(i);
}
