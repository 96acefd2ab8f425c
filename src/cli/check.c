/* check: is the configuration right, what will it do, and would anything that waits be stranded. */
#include "cli/groups.h"
#include "cli/import.h"
#include "cli/internal.h"

#include "config/config.h"

#include <stdlib.h>
#include <unistd.h>

enum { INSTANTS = 3, LABEL = 20, ASK_LIMIT_S = 5 };

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

/* ---- jobs that wait and that it could not run (U29) ---- */

struct waiting {
    bool asked;
    struct rp_str body; /* of the answer */
    size_t n;           /* its items */
    struct rp_err err;  /* why it could not be asked */
};

static void type_names(const struct rp_config *c, struct rp_buf *out)
{
    struct rp_jw w = {.out = out};
    rp_jw_object(&w);
    rp_jw_key(&w, "types");
    rp_jw_array(&w);
    for (size_t i = 0; i < c->n_types; i++)
        rp_jw_str(&w, c->types[i]->name);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
}

/* Without another word the daemon that is meant is the one of this configuration. */
static void ask_waiting(struct cli *cli, const struct rp_config *c, struct waiting *out)
{
    struct rp_buf body = {0};
    struct reply reply;
    cli->socket = rp_cstr(&cli->arena, c->socket);
    struct client *client = client_new(cli, ASK_LIMIT_S * RP_US_S, &out->err);
    if (client == NULL)
        return;
    type_names(c, &body);
    out->asked =
        client_send(client, &cli->arena, "POST", "/v1/check/waiting", &body, &reply, &out->err);
    if (out->asked) {
        out->body = reply.body;
        out->n = items_count(reply.body, "items");
    }
    rp_buf_free(&body);
    client_free(client);
}

static void waiting_lines(struct cli *cli, const struct waiting *waiting)
{
    struct items i;
    if (!waiting->asked) {
        note(cli, "Whether jobs wait that it could not run is not known: %s.",
             waiting->err.message);
        return;
    }
    if (waiting->n == 0)
        say(cli, 0, "%s every job that waits now has its type here", painted(cli, GREEN, "✓"));
    for (items_open(&i, waiting->body, "items"); items_next(&i);)
        say(cli, 0, "%s %s %s would be held: %s", painted(cli, YELLOW, "!"),
            show_plural(cli, doc_i64(i.value, "waiting", 0), "waiting job of", "waiting jobs of"),
            doc_show(cli, i.value, "type"), doc_show(cli, i.value, "why"));
    items_close(&i);
    if (waiting->n > 0)
        say_next(cli,
                 "keep the type until its jobs are done, or cancel them: reprise jobs --type T");
}

/* ---- for people ---- */

static const char *instant(struct cli *cli, int64_t us, const struct rp_zone *z)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    char local[RP_TIME_LEN], utc[RP_TIME_LEN];
    const char *abbreviation;
    int64_t wall = us + rp_zone_offset(z, us / RP_US_S, &abbreviation) * RP_US_S;
    (void)rp_time_format(wall, local);
    (void)rp_time_format(us, utc);
    const char *seconds = us % RP_US_MIN != 0 ? show_fmt(cli, "%.3s", local + 16) : "";
    const char *here = show_fmt(cli, "%s %.10s %.5s%s %s", days[wall / RP_US_DAY % 7], local,
                                local + 11, seconds, abbreviation);
    if (wall == us)
        return here;
    return show_fmt(cli, "%s   %.10s %.5s%s UTC", here, utc, utc + 11,
                    us % RP_US_MIN != 0 ? show_fmt(cli, "%.3s", utc + 16) : "");
}

static void schedule_lines(struct cli *cli, const struct rp_schedule *s)
{
    struct line l;
    const char *zone = rp_zone_name(s->tz);
    int64_t us = cli->now_us;
    (void)printf("\n");
    line_begin(&l, cli, show_text(cli, s->name), LABEL);
    line_part(&l, "%s", show_text(cli, rp_cron_words(&cli->arena, &s->cron)));
    line_end(&l);
    line_begin(&l, cli, "", LABEL);
    line_part(&l, "%s", show_text(cli, s->expr));
    line_part(&l, "%s", strcmp(zone, "UTC") == 0 ? "UTC (the default zone)" : zone);
    line_end(&l);
    for (int i = 0; i < INSTANTS && (us = rp_cron_next(&s->cron, s->tz, us, 0)) != INT64_MAX; i++)
        say(cli, LABEL, "%s   %s", i == 0 ? "next" : "    ", instant(cli, us, s->tz));
}

static void dependency_lines(struct cli *cli, const struct rp_config *c)
{
    struct line l;
    if (c->n_deps == 0)
        return;
    (void)printf("\n");
    line_begin(&l, cli, "dependencies", LABEL);
    for (size_t i = 0; i < c->n_deps; i++)
        line_part(&l, "%s: %s %s", show_text(cli, c->deps[i].name),
                  rp_dep_kind_name(c->deps[i].kind),
                  show_text(cli, rp_dep_public(&cli->arena, &c->deps[i])));
    line_end(&l);
}

static void print_mistakes(const struct rp_mistakes *m, const char *path)
{
    struct rp_buf text = {0};
    rp_mistakes_print(m, rp_str_of(path), &text);
    if (text.n > 0)
        (void)fwrite(text.p, 1, text.n, stderr); /* where compilers tell of theirs */
    rp_buf_free(&text);
}

static void answer_people(struct cli *cli, const struct rp_config *c, const struct rp_mistakes *m,
                          const char *path, const struct waiting *waiting)
{
    print_mistakes(m, path);
    if (c == NULL) {
        note(cli, "\n%s cannot be used: %s. A running daemon keeps what it has.", path,
             show_plural(cli, (int64_t)(m->errors + m->errors_more), "mistake", "mistakes"));
        return;
    }
    say(cli, 0, "%s %s: %s, %s, %s", painted(cli, GREEN, "✓"), path,
        show_plural(cli, (int64_t)c->n_types, "job type", "job types"),
        show_plural(cli, (int64_t)c->n_schedules, "schedule", "schedules"),
        show_plural(cli, (int64_t)c->n_deps, "dependency", "dependencies"));
    for (size_t i = 0; i < c->n_schedules; i++)
        schedule_lines(cli, &c->schedules[i]);
    dependency_lines(cli, c);
    (void)printf("\n");
    waiting_lines(cli, waiting);
}

/* ---- for programs ---- */

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

static void json_config(struct cli *cli, struct rp_jw *w, const struct rp_config *c)
{
    rp_jw_key(w, "types");
    rp_jw_array(w);
    for (size_t i = 0; i < c->n_types; i++)
        rp_jw_str(w, c->types[i]->name);
    rp_jw_array_end(w);
    rp_jw_key(w, "schedules");
    rp_jw_array(w);
    for (size_t i = 0; i < c->n_schedules; i++)
        json_schedule(cli, w, &c->schedules[i]);
    rp_jw_array_end(w);
    rp_jw_key(w, "dependencies");
    rp_jw_array(w);
    for (size_t i = 0; i < c->n_deps; i++) {
        rp_jw_object(w);
        rp_jw_m_str(w, "name", c->deps[i].name);
        rp_jw_m_cstr(w, "kind", rp_dep_kind_name(c->deps[i].kind));
        rp_jw_m_str(w, "target", rp_dep_public(&cli->arena, &c->deps[i]));
        rp_jw_object_end(w);
    }
    rp_jw_array_end(w);
}

static void answer_json(struct cli *cli, const struct rp_config *c, const struct rp_mistakes *m,
                        const char *path, const struct waiting *waiting)
{
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "path", path);
    rp_jw_m_bool(&w, "valid", c != NULL);
    json_mistakes(&w, "mistakes", m->error, m->errors);
    if (m->errors_more > 0)
        rp_jw_m_i64(&w, "mistakes_more", (int64_t)m->errors_more);
    json_mistakes(&w, "warnings", m->warning, m->warnings);
    if (c != NULL)
        json_config(cli, &w, c);
    if (waiting->asked)
        rp_jw_m_raw(&w, "waiting", doc_get(waiting->body, "items"));
    else if (c != NULL)
        rp_jw_m_cstr(&w, "waiting_not_known", waiting->err.message);
    rp_jw_object_end(&w);
    (void)print_json(rp_buf_view(&out));
    rp_buf_free(&out);
}

/* ---- the command ---- */

static int reference(void)
{
    struct rp_buf out = {0};
    rp_config_reference(&out);
    (void)fwrite(out.p, 1, out.n, stdout);
    rp_buf_free(&out);
    return 0;
}

int run_check(struct cli *cli)
{
    if (opt_flag(cli, "reference"))
        return reference();
    const char *path = config_path(cli);
    struct rp_mistakes *m = rp_xcalloc(1, sizeof *m);
    struct rp_config_world world = {.now_us = cli->now_us};
    struct waiting waiting = {0};
    struct rp_config *c = rp_config_load(path, &world, m);
    if (c != NULL)
        ask_waiting(cli, c, &waiting);
    if (cli->json)
        answer_json(cli, c, m, path, &waiting);
    else
        answer_people(cli, c, m, path, &waiting);
    bool good = c != NULL && waiting.n == 0;
    rp_config_free(c);
    free(m);
    return good ? 0 : rp_code_exit(RP_E_CONFIG);
}
