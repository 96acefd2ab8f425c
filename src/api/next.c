/* What to do first: commands, the most urgent first, from nothing but the facts of a status.
 *
 * The order is the runbook's: can the daemon write, is what jobs need there, what waits for a
 * person, what failed. A replay is not suggested while what the type needs is down: it would fail
 * again. */
#include "api/handlers.h"

enum { STEPS_MAX = 8, OF_A_KIND = 3 };

struct steps {
    struct rp_jw *w;
    struct rp_arena arena;
    int n;
};

static void step(struct steps *s, struct rp_str text)
{
    if (s->n++ < STEPS_MAX)
        rp_jw_str(s->w, text);
}

/* A name as a shell takes it. */
static struct rp_str quoted(struct steps *s, struct rp_str name)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:@%+=-";
    bool as_is = name.n > 0 && name.p[0] != '-';
    for (size_t i = 0; i < name.n && as_is; i++)
        as_is = name.p[i] != '\0' && strchr(plain, name.p[i]) != NULL;
    if (as_is)
        return name;
    struct rp_buf out = {0};
    rp_buf_c(&out, '\'');
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '\'')
            rp_buf_str(&out, RP_STR("'\\''"));
        else
            rp_buf_c(&out, name.p[i]);
    rp_buf_c(&out, '\'');
    struct rp_str text = rp_str_dup(&s->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return text;
}

static bool is_down(const struct facts *f, struct rp_str dependency)
{
    for (size_t i = 0; i < f->n_deps; i++)
        if (rp_str_eq(f->deps[i].name, dependency))
            return f->deps[i].state == RP_DEP_DOWN;
    return false;
}

static bool any_down(const struct facts *f)
{
    for (size_t i = 0; i < f->n_deps; i++)
        if (f->deps[i].state == RP_DEP_DOWN)
            return true;
    return false;
}

/* Runs of `exec` and imports have no configured type: nobody here could run them again. */
static bool may_replay(const struct facts *f, struct rp_str type)
{
    const struct rp_type *t = rp_config_type(f->config, type);
    for (size_t i = 0; t != NULL && i < t->needs.n; i++)
        if (is_down(f, t->needs.v[i]))
            return false;
    return t != NULL;
}

static void held(struct steps *s, const struct facts *f, bool down)
{
    int said = 0;
    bool other = false;
    for (size_t i = 0; i < f->n_queues; i++) {
        const struct rp_queue_row *q = &f->queues[i];
        if (q->paused_us != 0 && q->waiting > 0 && said++ < OF_A_KIND)
            step(s, rp_str_fmt(&s->arena, "reprise queue resume %.*s", RP_FMT(quoted(s, q->name))));
        other = other || q->held > 0;
    }
    if (other && !down) /* a missing command, a type that is gone */
        step(s, RP_STR("reprise types"));
}

static void replays(struct steps *s, const struct facts *f)
{
    for (size_t i = 0, said = 0; i < f->n_replays && said < OF_A_KIND; i++)
        if (f->replays[i].state == RP_REPLAY_HALTED || f->replays[i].state == RP_REPLAY_PAUSED) {
            said++;
            step(s,
                 rp_str_fmt(&s->arena, "reprise replay show R%lld", (long long)f->replays[i].id));
        }
}

static void failures(struct steps *s, const struct facts *f)
{
    if (f->failed > 0)
        step(s, RP_STR("reprise jobs --state failed"));
    if (f->failed > 0)
        step(s, RP_STR("reprise analyze"));
    if (f->unknown > 0)
        step(s, RP_STR("reprise jobs --state unknown"));
    for (size_t i = 0, said = 0; i < f->n_impact && said < OF_A_KIND; i++)
        if (f->impact[i].failed > 0 && may_replay(f, f->impact[i].type)) {
            said++;
            step(s, rp_str_fmt(&s->arena, "reprise replay --type %.*s --since 24h --dry-run",
                               RP_FMT(quoted(s, f->impact[i].type))));
        }
}

static void schedules(struct steps *s, const struct facts *f)
{
    for (size_t i = 0, said = 0; i < f->n_schedules && said < OF_A_KIND; i++)
        if (f->schedules[i].missed_24h > 0) {
            said++;
            step(s, rp_str_fmt(&s->arena, "reprise schedule explain %.*s",
                               RP_FMT(quoted(s, f->schedules[i].name))));
        }
}

void next_steps(struct rp_jw *w, const struct facts *f)
{
    struct steps s = {.w = w};
    bool down = any_down(f);
    rp_jw_array(w);
    if (f->engine->write_fails)
        step(&s, RP_STR("reprise doctor"));
    if (down)
        step(&s, RP_STR("reprise deps"));
    held(&s, f, down);
    replays(&s, f);
    failures(&s, f);
    schedules(&s, f);
    rp_jw_array_end(w);
    rp_arena_free(&s.arena);
}
