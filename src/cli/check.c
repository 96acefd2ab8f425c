/* check: is the configuration right, what will it do, and would anything that waits be stranded. */
#include "cli/groups.h"
#include "cli/internal.h"

#include "config/config.h"

#include <stdlib.h>
#include <unistd.h>

enum { INSTANTS = 3 };

int run_check(struct cli *cli);

static const char *config_path(struct cli *cli)
{
    const char *given = opt_text(cli, "config"), *env = getenv("REPRISE_CONFIG");
    if (given == NULL && cli->n_args > 0)
        given = cli->args[0];
    if (given != NULL)
        return given;
    if (env != NULL && env[0] != '\0')
        return env;
    return access("reprise.yaml", F_OK) == 0 ? "reprise.yaml" : "/etc/reprise/reprise.yaml";
}

/* ---- what it says ---- */

static const char *local_time(struct cli *cli, int64_t us, const struct rp_zone *z)
{
    char text[RP_TIME_LEN];
    const char *abbreviation;
    int64_t offset = rp_zone_offset(z, us / RP_US_S, &abbreviation);
    (void)rp_time_format(us + offset * RP_US_S, text);
    return show_fmt(cli, "%.10s %.5s", text, text + 11);
}

static void schedule_lines(struct cli *cli, const struct rp_schedule *s)
{
    struct line l;
    const char *zone = rp_zone_name(s->tz);
    line_begin(&l, cli, show_fmt(cli, "  %s", show_text(cli, s->name)), 24);
    line_part(&l, "%s", show_text(cli, s->expr));
    line_part(&l, "%s", zone);
    line_part(&l, "%s", show_text(cli, rp_cron_words(&cli->arena, &s->cron)));
    line_end(&l);
    line_begin(&l, cli, "", 24);
    int64_t us = cli->now_us;
    for (int i = 0; i < INSTANTS && (us = rp_cron_next(&s->cron, s->tz, us, 0)) != INT64_MAX; i++)
        line_part(&l, "%s%s", i == 0 ? "next " : "", local_time(cli, us, s->tz));
    if (l.parts > 0)
        line_end(&l);
    else
        rp_buf_free(&l.out);
}

static void summary(struct cli *cli, const struct rp_config *c, const char *path)
{
    bool any_utc = false;
    for (size_t i = 0; i < c->n_schedules; i++)
        any_utc |= strcmp(rp_zone_name(c->schedules[i].tz), "UTC") == 0;
    say(cli, 0, "%s %s: %s, %s, %s", painted(cli, GREEN, "✓"), path,
        show_plural(cli, (int64_t)c->n_types, "job type", "job types"),
        show_plural(cli, (int64_t)c->n_schedules, "schedule", "schedules"),
        show_plural(cli, (int64_t)c->n_deps, "dependency", "dependencies"));
    for (size_t i = 0; i < c->n_schedules; i++)
        schedule_lines(cli, &c->schedules[i]);
    if (any_utc)
        note(cli, "Schedules without `timezone:` are read in UTC.");
}

static void json_schedule(struct cli *cli, struct rp_jw *w, const struct rp_schedule *s)
{
    char at[RP_TIME_LEN];
    int64_t us = cli->now_us;
    rp_jw_object(w);
    rp_jw_m_str(w, "name", s->name);
    rp_jw_m_str(w, "type", s->type);
    rp_jw_m_str(w, "expression", s->expr);
    rp_jw_m_cstr(w, "timezone", rp_zone_name(s->tz));
    rp_jw_m_str(w, "words", rp_cron_words(&cli->arena, &s->cron));
    rp_jw_key(w, "next");
    rp_jw_array(w);
    for (int i = 0; i < INSTANTS && (us = rp_cron_next(&s->cron, s->tz, us, 0)) != INT64_MAX; i++)
        rp_jw_str(w, rp_str_of(rp_time_format(us, at)));
    rp_jw_array_end(w);
    rp_jw_object_end(w);
}

static void json_mistakes(struct rp_jw *w, const char *key, const struct rp_mistake *m, size_t n)
{
    rp_jw_key(w, key);
    rp_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        rp_jw_object(w);
        if (m[i].line > 0) {
            rp_jw_m_i64(w, "line", m[i].line);
            rp_jw_m_i64(w, "column", m[i].column);
        }
        rp_jw_m_cstr(w, "message", m[i].err.message);
        rp_jw_m_cstr(w, "hint", m[i].err.hint[0] != '\0' ? m[i].err.hint : NULL);
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

/* ---- jobs that wait and that it could not run (U29) ---- */

static bool ask_waiting(struct cli *cli, const struct rp_config *c, struct reply *reply)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct rp_err err;
    struct client *client = client_new(cli, 5 * RP_US_S, &err);
    rp_jw_object(&w);
    rp_jw_key(&w, "types");
    rp_jw_array(&w);
    for (size_t i = 0; i < c->n_types; i++)
        rp_jw_str(&w, c->types[i].name);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
    bool ok = client != NULL &&
              client_send(client, &cli->arena, "POST", "/v1/check/waiting", &body, reply, &err);
    client_free(client);
    rp_buf_free(&body);
    return ok;
}

static int waiting_lines(struct cli *cli, struct rp_str body)
{
    struct items i;
    int n = 0;
    for (items_open(&i, body, "items"); items_next(&i); n++)
        say(cli, 0, "%s %s %s would be held: %s", painted(cli, YELLOW, "!"),
            show_plural(cli, doc_i64(i.value, "waiting", 0), "waiting job of", "waiting jobs of"),
            doc_show(cli, i.value, "type"), doc_show(cli, i.value, "why"));
    items_close(&i);
    if (n > 0)
        say_next(cli,
                 "keep the type until its jobs are done, or cancel them: reprise jobs --type T");
    return n;
}

/* ---- the command ---- */

static void print_mistakes(const struct rp_mistakes *m, const char *path, FILE *to)
{
    struct rp_buf text = {0};
    rp_mistakes_print(m, rp_str_of(path), &text);
    (void)fwrite(text.p, 1, text.n, to);
    rp_buf_free(&text);
}

static void json_answer(struct cli *cli, const struct rp_config *c, const struct rp_mistakes *m,
                        const char *path, const struct reply *waiting)
{
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "path", path);
    rp_jw_m_bool(&w, "valid", c != NULL);
    json_mistakes(&w, "mistakes", m->error, m->errors);
    json_mistakes(&w, "warnings", m->warning, m->warnings);
    rp_jw_key(&w, "schedules");
    rp_jw_array(&w);
    for (size_t i = 0; c != NULL && i < c->n_schedules; i++)
        json_schedule(cli, &w, &c->schedules[i]);
    rp_jw_array_end(&w);
    if (waiting != NULL)
        rp_jw_m_raw(&w, "waiting", doc_get(waiting->body, "items"));
    rp_jw_object_end(&w);
    (void)print_json(rp_buf_view(&out));
    rp_buf_free(&out);
}

int run_check(struct cli *cli)
{
    const char *path = config_path(cli);
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_config_world world = {.now_us = cli->now_us};
    struct reply waiting;
    struct rp_config *c = rp_config_load(path, &world, m);
    bool asked = c != NULL && ask_waiting(cli, c, &waiting);
    if (cli->json) {
        json_answer(cli, c, m, path, asked ? &waiting : NULL);
    } else {
        print_mistakes(m, path, stderr);
        if (c != NULL)
            summary(cli, c, path);
        if (asked)
            (void)waiting_lines(cli, waiting.body);
    }
    if (c == NULL)
        note(cli, "\n%s cannot be used: %s. A running daemon keeps what it has.", path,
             show_plural(cli, (int64_t)(m->errors + m->errors_more), "mistake", "mistakes"));
    int code = c != NULL ? 0 : rp_code_exit(RP_E_CONFIG);
    rp_config_free(c);
    free(m);
    return code;
}
