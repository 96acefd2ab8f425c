/* Kinds that only jobs have, and what binds a job's keys together. */
#include "config/internal.h"

#include "base/near.h"

#include "base/time.h"

#include <stdio.h>

static bool read_run(struct load *l, const struct row *row, const struct node *v,
                     const struct owners *o)
{
    struct rp_strs *argv = rp_row_field(row, o);
    if (v->kind == NODE_SCALAR) {
        (void)rp_mistake(l, v->from, "%s: found %s, expected a list [program, argument, …]",
                         row->key, rp_shown(v));
        return rp_mistake_hint(l, "for a line that a shell reads use shell:");
    }
    if (!rp_list_want(l, row, v, argv))
        return false;
    if (argv->n == 0 || argv->v[0].n == 0)
        return rp_mistake(l, v->from, "%s: the list does not begin with a program", row->key);
    return true;
}
const struct kind rp_kind_run = {"list", read_run};

static bool read_shell(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    struct rp_strs *argv = rp_row_field(row, o);
    if (!rp_scalar_want(l, row, v, "a line for the shell"))
        return false;
    *argv = (struct rp_strs){RP_NEW_N(l->keep, struct rp_str, 3), 3};
    argv->v[0] = RP_STR("/bin/sh");
    argv->v[1] = RP_STR("-c");
    argv->v[2] = rp_str_dup(l->keep, v->text);
    return true;
}
const struct kind rp_kind_shell = {"text", read_shell};

/* A row of the backoff map, for its range and its words in mistakes. */
static const struct row *backoff_row(const char *key)
{
    for (size_t i = 0; i < rp_rows_n; i++)
        if (rp_rows[i].in == IN_BACKOFF && strcmp(rp_rows[i].key, key) == 0)
            return &rp_rows[i];
    return NULL;
}

static bool backoff_list(struct load *l, const struct node *v, struct rp_retry *retry)
{
    struct rp_retry one = {0};
    struct owners o = {0};
    struct row row = *backoff_row("base");
    row.key = "backoff";
    row.offset = offsetof(struct rp_retry, base_us);
    o.of[row.owner] = &one;
    retry->kind = RP_BACKOFF_LIST;
    retry->n_delays = 0;
    if (v->n == 0 || v->n > RP_RETRY_LIST_MAX)
        return rp_mistake(l, v->from, "backoff: %zu durations, expected 1 to %d", v->n,
                          RP_RETRY_LIST_MAX);
    int64_t *delays = RP_NEW_N(l->keep, int64_t, v->n);
    retry->delays_us = delays;
    for (const struct child *c = v->first; c != NULL; c = c->next) {
        if (!row.kind->read(l, &row, c->value, &o))
            return false;
        delays[retry->n_delays++] = one.base_us;
    }
    return true;
}

static bool read_backoff(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    struct rp_retry *retry = rp_row_field(row, o);
    if (v->kind == NODE_LIST)
        return backoff_list(l, v, retry);
    retry->n_delays = 0;
    if (v->kind == NODE_MAP) {
        if (retry->kind == RP_BACKOFF_LIST)
            retry->kind = RP_BACKOFF_EXPONENTIAL;
        return rp_section_read(l, IN_BACKOFF, v, o, false);
    }
    struct row kind = *backoff_row("kind");
    kind.key = "backoff";
    return kind.kind->read(l, &kind, v, o);
}
const struct kind rp_kind_backoff = {"`exponential`, `fixed`, list or map", read_backoff};

static const char *dep_name(const void *ctx, size_t i)
{
    return ((const struct rp_config *)ctx)->deps[i].name.p; /* made by rp_cstr */
}

static bool need_known(struct load *l, const struct node *v)
{
    if (rp_config_dep(l->config, v->text) != NULL)
        return true;
    const char *near = rp_near(v->text, dep_name, l->config, l->config->n_deps);
    (void)rp_mistake(l, v->from, "needs: no dependency %s", rp_shown(v));
    return near != NULL ? rp_mistake_hint(l, "did you mean %s?", near)
                        : rp_mistake_hint(l, "add it under dependencies:");
}

static bool read_needs(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    struct rp_strs *needs = rp_row_field(row, o);
    bool ok = rp_list_want(l, row, v, needs);
    if (!ok)
        return false;
    size_t i = 0;
    for (const struct child *c = v->first; c != NULL; c = c->next, i++) {
        ok = need_known(l, c->value) && ok;
        for (size_t j = 0; j < i; j++)
            if (rp_str_eq(needs->v[j], needs->v[i]))
                ok = rp_mistake(l, c->value->from, "needs: %s is given twice", rp_shown(c->value));
    }
    return ok;
}
const struct kind rp_kind_needs = {"list of names", read_needs};

static bool env_name(struct load *l, const struct node *key)
{
    struct rp_str s = key->text;
    if (rp_str_starts(s, "REPRISE_"))
        return rp_mistake(l, key->from, "env: names that begin with REPRISE_ are set by Reprise");
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9'))
            return rp_mistake(l, key->from, "env: %s is not the name of a variable", rp_shown(key));
    }
    return s.n > 0 || rp_mistake(l, key->from, "env: a name is empty");
}

static void env_set(struct rp_type *t, struct rp_str name, struct rp_str value)
{
    size_t i = 0;
    while (i < t->n_env && !rp_str_eq(t->env[i].name, name))
        i++;
    t->env[i] = (struct rp_env){name, value};
    t->n_env += i == t->n_env;
}

static bool read_env(struct load *l, const struct row *row, const struct node *v,
                     const struct owners *o)
{
    struct rp_type *t = o->of[OF_TYPE];
    enum { ENV_MAX = 500 };
    bool ok = rp_map_want(l, row->key, v);
    if (!ok || v->n > ENV_MAX)
        return ok ? rp_mistake(l, v->from, "env: more than %d variables", ENV_MAX) : false;
    struct rp_env *all = RP_NEW_N(l->keep, struct rp_env, t->n_env + v->n);
    if (t->n_env > 0)
        memcpy(all, t->env, t->n_env * sizeof *all);
    t->env = all;
    for (const struct child *c = v->first; c != NULL; c = c->next) {
        bool empty = c->value->kind == NODE_SCALAR && c->value->raw.n == 0; /* A: (nothing) */
        if (!env_name(l, c->key) || (!empty && !rp_scalar_want(l, row, c->value, "a text")))
            ok = false;
        else
            env_set(t, rp_str_dup(l->keep, c->key->text), rp_str_dup(l->keep, c->value->text));
    }
    return ok;
}
const struct kind rp_kind_env = {"map of texts", read_env};

static bool read_umask(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    int64_t mask = 0;
    if (!rp_scalar_want(l, row, v, "an octal mask such as 077"))
        return false;
    bool ok = v->text.n >= 1 && v->text.n <= 4;
    for (size_t i = 0; ok && i < v->text.n; i++) {
        ok = v->text.p[i] >= '0' && v->text.p[i] <= '7';
        mask = mask * 8 + (v->text.p[i] - '0');
    }
    if (!ok || mask > row->max)
        return rp_mistake(l, v->from, "umask: found %s, expected an octal mask such as 077",
                          rp_shown(v));
    *(int64_t *)rp_row_field(row, o) = mask;
    return true;
}
const struct kind rp_kind_umask = {"octal number", read_umask};

static bool read_payload(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    struct rp_str json = rp_payload_json(l, v);
    *(struct rp_str *)rp_row_field(row, o) = json;
    return json.p != NULL;
}
const struct kind rp_kind_payload = {"any value", read_payload};

static bool only_with(struct load *l, const struct node *map, const char *key, const char *other)
{
    const struct child *c = rp_node_find(map, key);
    if (c == NULL || rp_node_find(map, other) != NULL)
        return true;
    return rp_mistake(l, c->key->from, "%s has no meaning without %s", key, other);
}

static bool contract_finish(struct load *l, const struct node *job, const struct rp_type *t)
{
    const struct child *c = rp_node_find(job, "expect");
    const struct rp_contract *e = &t->expect;
    if (c == NULL)
        return true;
    bool ok = only_with(l, c->value, "newer_than", "file");
    ok = only_with(l, c->value, "min_bytes", "file") && ok;
    if (e->max_duration_us > 0 && e->max_duration_us < e->min_duration_us)
        ok = rp_mistake(l, c->value->from, "expect: max_duration is less than min_duration");
    return ok;
}

static bool oom_finish(struct load *l, const struct node *job, const struct rp_type *t)
{
    const struct child *c = rp_node_find(job, "on_oom");
    bool any = t->oom_factor > 0 || t->oom_max_bytes > 0;
    if (c == NULL || !any)
        return true;
    if (t->oom_factor == 0 || t->oom_max_bytes == 0)
        return rp_mistake(l, c->key->from, "on_oom: memory and max are both needed");
    if (t->limits.memory_bytes == 0)
        return rp_mistake(l, c->key->from, "on_oom needs limits: memory, which it raises");
    if (t->run.n == 0)
        return rp_mistake(l, c->key->from, "on_oom needs run or shell: workers limit themselves");
    return t->oom_max_bytes > t->limits.memory_bytes ||
           rp_mistake(l, c->key->from, "on_oom: max is not above limits: memory");
}

bool rp_job_finish(struct load *l, const struct node *job, const struct rp_type *t)
{
    static const char *const of_schedule[] = {"timezone",     "missed", "missed_max",
                                              "start_within", "jitter", "payload"};
    const struct child *shell = rp_node_find(job, "shell");
    const struct child *soft = rp_node_find(job, "soft_timeout");
    bool ok = contract_finish(l, job, t);
    ok = oom_finish(l, job, t) && ok;
    if (shell != NULL && rp_node_find(job, "run") != NULL)
        ok = rp_mistake(l, shell->key->from, "run and shell exclude each other");
    ok = only_with(l, job, "expect_within", "expect_every") && ok;
    for (size_t i = 0; i < sizeof of_schedule / sizeof *of_schedule; i++) {
        const struct child *c = rp_node_find(job, of_schedule[i]);
        if (c != NULL && rp_node_find(job, "schedule") == NULL)
            rp_warning(l, c->key->from, "%s does nothing without schedule", of_schedule[i]);
    }
    if (soft != NULL && t->timeout_us > 0 && t->soft_timeout_us >= t->timeout_us)
        rp_warning(l, soft->value->from, "soft_timeout does nothing: timeout comes first");
    return ok;
}
