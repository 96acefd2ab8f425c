/* `reprise exec` and the API: register, beats, finish, records of the spool. */
#include "cli/exec_internal.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

enum { TOKEN_LEN = 16, PATH_LEN = 96 };

#define REGISTER_US   (10 * RP_US_S)
#define FINISH_US     (30 * RP_US_S)
#define PERIOD_MIN_US (RP_US_S / 10)
#define PERIOD_MAX_US (10 * RP_US_MIN)
#define PERIOD_US     (10 * RP_US_S) /* a third of the usual lease */

/* One request with a client of its own limit of time. */
static bool post(struct exec *e, int64_t timeout_us, const char *path, const struct rp_buf *body,
                 struct reply *reply, struct rp_err *err)
{
    struct client *client = client_new(e->cli, timeout_us, err);
    bool ok = client != NULL && client_send(client, &e->cli->arena, "POST", path, body, reply, err);
    if (client != NULL)
        client_free(client);
    return ok;
}

/* ---- register ---- */

/* By the daemon's own clock: ours may be another. */
static int64_t beat_period(struct cli *cli, struct rp_str answer)
{
    int64_t from = doc_time(cli, answer, "job.started_at"), to = doc_time(cli, answer, "deadline");
    int64_t third = from != 0 && to > from ? (to - from) / 3 : PERIOD_US;
    return third < PERIOD_MIN_US ? PERIOD_MIN_US : third > PERIOD_MAX_US ? PERIOD_MAX_US : third;
}

static bool read_lease(struct cli *cli, struct rp_str answer, struct exec_lease *out,
                       struct rp_err *err)
{
    *out = (struct exec_lease){
        .token = doc_str(cli, answer, "token"),
        .key = doc_str(cli, answer, "job.key"),
        .attempt = doc_i64(answer, "attempt", 1),
        .fence = doc_i64(answer, "fence", 0),
        .period_us = beat_period(cli, answer),
    };
    if (rp_str_i64(doc_str(cli, answer, "lease"), &out->id) && out->id > 0 &&
        rp_str_i64(doc_str(cli, answer, "job.id"), &out->job) && out->token.n == TOKEN_LEN)
        return true;
    *out = (struct exec_lease){0};
    return rp_fail(err, RP_E_INTERNAL, "the daemon's answer to a new run is not understood");
}

bool daemon_register(struct exec *e, struct exec_lease *out, struct rp_err *err)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct reply reply;
    *out = (struct exec_lease){0};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "type", e->type);
    rp_jw_m_str(&w, "key", e->key);
    rp_jw_m_str(&w, "lock", e->lock);
    if (e->timeout_us > 0)
        rp_jw_m_f64(&w, "timeout_s", (double)e->timeout_us / 1e6);
    rp_jw_m_str(&w, "worker", e->worker);
    rp_jw_object_end(&w);
    bool ok = post(e, REGISTER_US, "/v1/runs", &body, &reply, err) &&
              read_lease(e->cli, reply.body, out, err);
    rp_buf_free(&body);
    return ok;
}

/* ---- beats ---- */

struct beats {
    struct exec *exec;
    struct exec_lease lease;
    struct rp_buf body;
    pthread_t thread;
    pthread_mutex_t lock; /* protects stopping */
    pthread_cond_t cond;
    bool stopping;
};

/* Who has lost its lease has lost its lock: it must not go on beside its successor (G15). Without a
 * lock there is nobody to spare, and the record will tell what became of it. */
static void heed(const struct beats *b, struct rp_str answer)
{
    struct items all = {0};
    rp_json_open(&all.r, answer, &all.arena);
    for (rp_json_array(&all.r); items_next(&all);) {
        struct rp_str ok = doc_get(all.value, "ok");
        if (doc_bool(all.value, "cancel"))
            child_stop(b->exec->child, RP_END_OPERATOR);
        else if (rp_str_is(ok, "false") && b->lease.fence > 0)
            child_stop(b->exec->child, RP_END_LOCK);
    }
    items_close(&all);
}

static void beat(struct beats *b)
{
    struct rp_arena a = {0};
    struct reply reply;
    struct rp_err ignored; /* the next one will tell; the command goes on without a daemon */
    int64_t most_us = b->lease.period_us < 5 * RP_US_S ? 5 * RP_US_S : b->lease.period_us;
    struct client *client = client_new(b->exec->cli, most_us, &ignored);
    if (client != NULL &&
        client_send(client, &a, "POST", "/v1/work/beat", &b->body, &reply, &ignored))
        heed(b, reply.body);
    if (client != NULL)
        client_free(client);
    rp_arena_free(&a);
}

static bool sleep_until_next(struct beats *b)
{
    struct timespec until = rp_deadline(b->lease.period_us);
    (void)pthread_mutex_lock(&b->lock);
    while (!b->stopping && pthread_cond_timedwait(&b->cond, &b->lock, &until) == 0)
        ;
    bool go_on = !b->stopping;
    (void)pthread_mutex_unlock(&b->lock);
    return go_on;
}

static void *beats_thread(void *arg)
{
    struct beats *b = arg;
    while (sleep_until_next(b))
        beat(b);
    return NULL;
}

static void write_beat(struct beats *b)
{
    struct rp_jw w = {.out = &b->body};
    rp_jw_object(&w);
    rp_jw_m_str(&w, "worker", b->exec->worker);
    rp_jw_key(&w, "leases");
    rp_jw_array(&w);
    rp_jw_object(&w);
    rp_jw_m_id(&w, "lease", b->lease.id);
    rp_jw_m_str(&w, "token", b->lease.token);
    rp_jw_object_end(&w);
    rp_jw_array_end(&w);
    rp_jw_object_end(&w);
}

static void beats_free(struct beats *b)
{
    (void)pthread_cond_destroy(&b->cond);
    (void)pthread_mutex_destroy(&b->lock);
    rp_buf_free(&b->body);
    free(b);
}

struct beats *beats_start(struct exec *e, const struct exec_lease *lease)
{
    struct beats *b = rp_xcalloc(1, sizeof *b);
    *b = (struct beats){.exec = e, .lease = *lease};
    (void)pthread_mutex_init(&b->lock, NULL);
    rp_cond_init(&b->cond);
    write_beat(b);
    if (pthread_create(&b->thread, NULL, beats_thread, b) == 0)
        return b;
    beats_free(b);
    return NULL;
}

void beats_stop(struct beats *b)
{
    if (b == NULL)
        return;
    (void)pthread_mutex_lock(&b->lock);
    b->stopping = true;
    (void)pthread_cond_signal(&b->cond);
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_join(b->thread, NULL);
    beats_free(b);
}

/* ---- a run that is over ---- */

static void write_exit(struct rp_jw *w, const struct exec_ended *r)
{
    const struct rp_attempt *f = &r->report->facts;
    if (!f->has_exit)
        return;
    rp_jw_key(w, "exit");
    rp_jw_object(w);
    if (f->signal != 0)
        rp_jw_m_cstr(w, "signal", rp_signal_name((int)f->signal));
    else
        rp_jw_m_i64(w, "code", f->exit_code);
    if (r->oom)
        rp_jw_m_bool(w, "oom", true);
    rp_jw_object_end(w);
}

static void write_error(struct rp_jw *w, const struct rp_report *p)
{
    if (p->facts.error.p == NULL)
        return;
    rp_jw_key(w, "error");
    rp_jw_object(w);
    rp_jw_m_str(w, "message", p->facts.error);
    if (p->permanent)
        rp_jw_m_bool(w, "retryable", false);
    rp_jw_object_end(w);
}

static void write_output(struct rp_jw *w, struct rp_str packed)
{
    size_t most = sodium_base64_ENCODED_LEN(packed.n, sodium_base64_VARIANT_ORIGINAL);
    if (packed.p == NULL)
        return;
    char *text = rp_xmalloc(most);
    (void)sodium_bin2base64(text, most, (const unsigned char *)packed.p, packed.n,
                            sodium_base64_VARIANT_ORIGINAL);
    rp_jw_m_cstr(w, "output", text);
    free(text);
}

static void write_ended(struct rp_jw *w, const struct exec_ended *r, bool with_output)
{
    const struct rp_attempt *f = &r->report->facts;
    rp_jw_m_cstr(w, "outcome", rp_outcome_name(r->report->outcome));
    write_exit(w, r);
    write_error(w, r->report);
    rp_jw_m_raw(w, "result", r->report->result);
    rp_jw_m_time(w, "started_at", f->started_us);
    rp_jw_m_time(w, "ended_at", f->ended_us);
    rp_jw_m_i64(w, "duration_us", f->duration_us);
    rp_jw_m_str(w, "ended_by", f->ended_by);
    rp_jw_m_i64(w, "cpu_us", f->cpu_us);
    if (f->memory_peak > 0)
        rp_jw_m_i64(w, "memory_peak", f->memory_peak);
    rp_jw_m_str(w, "survivors", f->survivors);
    rp_jw_m_i64(w, "output_bytes", f->output_bytes);
    rp_jw_m_i64(w, "output_dropped", with_output ? f->output_dropped : f->output_bytes);
    if (with_output)
        write_output(w, r->output);
}

bool daemon_finish(struct exec *e, const struct exec_ended *r, struct rp_err *err)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    struct reply reply;
    char path[PATH_LEN];
    (void)snprintf(path, sizeof path, "/v1/runs/%lld/finish", (long long)r->lease->id);
    rp_jw_object(&w);
    rp_jw_m_str(&w, "token", r->lease->token);
    write_ended(&w, r, true);
    rp_jw_object_end(&w);
    bool ok = post(e, FINISH_US, path, &body, &reply, err);
    rp_buf_free(&body);
    return ok;
}

void record_write(const struct exec *e, const struct exec_ended *r, const char *id,
                  bool with_output, struct rp_buf *out)
{
    struct rp_jw w = {.out = out};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "spool_id", id);
    rp_jw_m_str(&w, "type", e->type);
    rp_jw_m_str(&w, "key", e->key);
    if (r->lease->id != 0) { /* known to the daemon as a run that has begun */
        rp_jw_m_id(&w, "lease", r->lease->id);
        rp_jw_m_str(&w, "token", r->lease->token);
        rp_jw_m_id(&w, "job", r->lease->job);
        rp_jw_m_i64(&w, "attempt", r->lease->attempt);
    } else if (e->series[0] != '\0') {
        rp_jw_m_cstr(&w, "external_id", e->series);
        rp_jw_m_i64(&w, "attempt", r->n);
    }
    write_ended(&w, r, with_output);
    rp_jw_object_end(&w);
}

/* ---- the spool ---- */

struct way {
    struct exec *exec;
    struct client *client;
};

static bool send_records(void *ctx, const struct rp_buf *body, struct rp_err *err)
{
    struct way *way = ctx;
    struct rp_arena a = {0};
    struct reply reply;
    bool ok = client_send(way->client, &a, "POST", "/v1/runs/records", body, &reply, err);
    rp_arena_free(&a);
    return ok;
}

static void say_aside(void *ctx, const char *name, const char *why)
{
    struct way *way = ctx;
    exec_say(way->exec->cli, "a record was set aside as %s in the spool: %s", name, why);
}

bool daemon_deliver(struct exec *e, int folder, int64_t most, int64_t budget_us, int64_t request_us,
                    int64_t *delivered, struct rp_err *err)
{
    struct way way = {e, client_new(e->cli, request_us, err)};
    struct delivery d = {
        .send = send_records,
        .aside = say_aside,
        .ctx = &way,
        .most = most,
        .until_us = budget_us > 0 ? rp_mono(&rp_clock_system) + budget_us : 0,
    };
    *delivered = 0;
    bool ok = way.client != NULL && spool_deliver(folder, &d, delivered, err);
    if (way.client != NULL)
        client_free(way.client);
    return ok;
}
