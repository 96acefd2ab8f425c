/* Exit 0 is up. Runs through exec/, so that its whole tree is gone when the check is over. */
#include "deps/internal.h"
#include "exec/exec.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool ended;
    struct rp_dep_result *out;
};

/* The first line of what it said, standard error first. */
static struct rp_str first_line(const struct rp_output *o, struct rp_buf *text)
{
    for (int stream = 2; stream > 0 && text->n == 0; stream--)
        rp_output_text(o, stream, text);
    struct rp_str line = rp_str_trim(rp_buf_view(text));
    size_t end = rp_str_find(line, RP_STR("\n"));
    if (end != SIZE_MAX)
        line.n = end;
    return line;
}

static void ended(void *ctx, uint64_t id, struct rp_exec_result *x)
{
    (void)id;
    struct waiter *w = ctx;
    struct rp_buf text = {0};
    struct rp_str line = first_line(&x->output, &text);
    if (x->ended_by == RP_END_ITSELF && x->exit_code == 0) {
        w->out->up = true;
        (void)snprintf(w->out->says, sizeof w->out->says, "exit 0%s%.*s", line.n > 0 ? ": " : "",
                       RP_FMT(line));
    } else if (x->ended_by == RP_END_NOT_STARTED)
        dep_down(w->out, "%s", x->err.message);
    else if (x->ended_by == RP_END_TIMEOUT)
        dep_down(w->out, "no answer within the time limit");
    else if (x->signal != 0)
        dep_down(w->out, "ended by %s", rp_signal_name(x->signal));
    else
        dep_down(w->out, "exit %d%s%.*s", x->exit_code, line.n > 0 ? ": " : "", RP_FMT(line));
    rp_buf_free(&text);
    (void)pthread_mutex_lock(&w->lock);
    w->ended = true;
    (void)pthread_cond_signal(&w->cond);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Waits for its end; ends it as soon as nobody waits any more. */
static void wait_end(struct rp_exec *x, struct waiter *w, const atomic_bool *quit)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->ended) {
        struct timespec slice = rp_deadline(DEP_SLICE_US);
        (void)pthread_cond_timedwait(&w->cond, &w->lock, &slice);
        if (atomic_load(quit))
            rp_exec_kill(x, 1, RP_END_STOP, 0);
    }
    (void)pthread_mutex_unlock(&w->lock);
}

void check_command(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
                   struct rp_dep_result *out)
{
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .out = out};
    struct rp_exec_options o = {.clock = &rp_clock_system, .done = ended, .ctx = &w};
    struct rp_env env[] = {
        {RP_STR("PATH"), RP_STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")},
        {RP_STR("LANG"), RP_STR("C.UTF-8")}};
    struct rp_exec_spec spec = {.argv = dep->command,
                                .env = env,
                                .n_env = sizeof env / sizeof *env,
                                .timeout_us = timeout_us,
                                .grace_us = 0,
                                .umask = 077,
                                .open_files_soft = 1024, /* as usual; ours is raised */
                                .keep_bytes = 4096};
    struct rp_err err;
    rp_cond_init(&w.cond);
    struct rp_exec *x = rp_exec_new(&o, &err);
    if (x == NULL) {
        dep_down(out, "%s", err.message);
        return;
    }
    rp_exec_start(x, 1, &spec);
    wait_end(x, &w, quit);
    rp_exec_free(x);
    (void)pthread_cond_destroy(&w.cond);
}
