/* Command attempts of this node: a lease becomes a process, its end becomes a report. */
#include "engine/internal.h"

#include <stdlib.h>
#include <unistd.h>

struct run *run_new(struct rp_engine *e, const struct rp_lease *lease, const struct rp_type *type)
{
    struct run *r = rp_xcalloc(1, sizeof *r);
    struct rp_job *j = &r->lease.job;
    r->lease = *lease;
    j->type = rp_str_dup(&r->arena, lease->job.type);
    j->payload = rp_str_dup(&r->arena, lease->job.payload);
    j->key = rp_str_dup(&r->arena, lease->job.key);
    j->schedule = rp_str_dup(&r->arena, lease->job.schedule);
    j->compensates.key = rp_str_dup(&r->arena, lease->job.compensates.key);
    r->type = type;
    (void)pthread_mutex_lock(&e->runs.lock);
    r->next = e->runs.running;
    e->runs.running = r;
    e->runs.n++;
    (void)pthread_mutex_unlock(&e->runs.lock);
    return r;
}

void run_free(struct run *r)
{
    rp_output_free(&r->result.output);
    free((void *)(uintptr_t)r->report.output.p);
    rp_arena_free(&r->arena);
    free(r);
}

void runs_free(struct runs *runs)
{
    while (runs->ended != NULL) {
        struct run *r = runs->ended;
        runs->ended = r->next;
        run_free(r);
    }
}

static struct rp_str zone_of(struct rp_engine *e, const struct run *r)
{
    const struct rp_schedule *s =
        rp_config_schedule(atomic_load(&e->config), r->lease.job.schedule);
    return s != NULL ? s->zone : RP_NONE;
}

static void watch_contract(struct rp_arena *a, const struct rp_contract *c, struct rp_strs *watch)
{
    watch->v = RP_NEW_N(a, struct rp_str, 2);
    if (c->output.n > 0)
        watch->v[watch->n++] = c->output;
    if (c->not_output.n > 0)
        watch->v[watch->n++] = c->not_output;
}

void run_start(struct rp_engine *e, struct run *r)
{
    const struct rp_type *t = r->type;
    int64_t now = rp_wall(e->clock);
    r->memory_bytes = r->lease.memory_bytes > 0 ? r->lease.memory_bytes : t->limits.memory_bytes;
    struct rp_job_env in = {
        .job_id = r->lease.job.id,
        .attempt = r->lease.attempt,
        .deadline_us = t->timeout_us > 0 ? now + t->timeout_us : 0,
        .replay_id = r->lease.job.replay_id,
        .type = r->lease.job.type,
        .key = r->lease.job.key,
        .compensates = r->lease.job.compensates,
        .zone = zone_of(e, r),
        .store_id = rp_store_id(e->store),
        .settings = t,
        .memory_bytes = r->memory_bytes,
    };
    struct rp_exec_spec spec = {
        .argv = t->run,
        .cwd = t->cwd,
        .user = t->user,
        .input = t->stdin_text.p != NULL ? t->stdin_text : r->lease.job.payload,
        .timeout_us = t->timeout_us,
        .grace_us = t->grace_us,
        .umask = t->umask,
        .limits = t->limits,
        .open_files_soft = e->open_files,
        .keep_bytes = t->output_bytes,
    };
    spec.limits.memory_bytes = r->memory_bytes;
    spec.env = rp_job_environment(&r->arena, &in, &spec.n_env);
    watch_contract(&r->arena, &t->expect, &spec.watch);
    rp_exec_start(e->exec, (uint64_t)r->lease.id, &spec);
}

/* Exec thread. Takes the result's buffers; the engine thread does the rest. */
void runs_done(void *ctx, uint64_t id, struct rp_exec_result *result)
{
    struct rp_engine *e = ctx;
    (void)pthread_mutex_lock(&e->runs.lock);
    struct run **at = &e->runs.running;
    while (*at != NULL && (uint64_t)(*at)->lease.id != id)
        at = &(*at)->next;
    struct run *r = *at;
    if (r != NULL) {
        *at = r->next;
        r->next = e->runs.ended;
        e->runs.ended = r;
        r->result = *result;
        result->output = (struct rp_output){0};
    }
    (void)pthread_mutex_unlock(&e->runs.lock);
    (void)pthread_mutex_lock(&e->lock);
    e->woken = true;
    (void)pthread_cond_signal(&e->wake);
    (void)pthread_mutex_unlock(&e->lock);
}

static bool executable(const char *dir, size_t n, struct rp_str name)
{
    char path[4096];
    if (n + 1 + name.n + 1 > sizeof path)
        return false;
    memcpy(path, dir, n);
    path[n] = '/';
    memcpy(path + n + 1, name.p, name.n);
    path[n + 1 + name.n] = '\0';
    return access(n > 0 ? path : path + 1, X_OK) == 0;
}

static struct rp_str path_of(const struct rp_type *t)
{
    for (size_t i = 0; i < t->n_env; i++)
        if (rp_str_is(t->env[i].name, "PATH"))
            return t->env[i].value;
    return RP_STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

/* Is the program of a command type there? A relative path with a slash depends on the working
 * directory. */
bool command_found(const struct rp_type *t)
{
    struct rp_str name = t->run.v[0], path, dir;
    if (memchr(name.p, '/', name.n) != NULL) {
        bool relative = name.p[0] != '/';
        return executable(relative && t->cwd.n > 0 ? t->cwd.p : "", relative ? t->cwd.n : 0,
                          relative ? name : (struct rp_str){name.p, name.n});
    }
    for (path = path_of(t); rp_str_split(&path, ':', &dir);)
        if (executable(dir.p, dir.n, name))
            return true;
    return false;
}

/* A success contract that compares with the usual size asks the store for it. */
static int64_t usual_bytes(struct rp_engine *e, const struct rp_type *t)
{
    struct rp_usual usual = {0};
    if (t->expect.min_bytes_of_usual > 0)
        (void)rp_type_usual(e->reader, t->name, &usual, NULL);
    return usual.contract_bytes;
}

void run_judge(struct rp_engine *e, struct run *r)
{
    struct rp_report *p = &r->report;
    struct rp_err err;
    rp_judge(&r->arena, r->type, &r->result, usual_bytes(e, r->type), p);
    p->lease = r->lease.id;
    p->token = r->lease.token;
    p->facts.memory_limit = r->memory_bytes;
    r->command_missing = r->result.ended_by == RP_END_NOT_STARTED && r->result.exit_code == 127;
    if (r->command_missing) /* held, not retried: burns no attempt (U29) */
        p->outcome = RP_OUT_INTERRUPTED;
    if (p->outcome != RP_OUT_SUCCEEDED && p->outcome != RP_OUT_INTERRUPTED &&
        e->hooks.explain != NULL)
        e->hooks.explain(e->hooks.explain_ctx, &r->arena, &r->result, p);
    struct rp_buf packed = {0};
    if (r->result.output.total[0] > 0 && rp_output_pack(&r->result.output, &packed, &err))
        p->output = rp_buf_view(&packed);
    rp_output_free(&r->result.output);
    r->result.output = (struct rp_output){0};
    r->reported = true;
}
