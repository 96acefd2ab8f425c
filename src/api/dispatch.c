/* The way of a request through the threads, and those that wait. */
#include "api/internal.h"

#include <stdlib.h>
#include <time.h>

/* Fetches are woken in parts, oldest first, so that a crowd does not fill the writer's queue; the
 * work may be for the last of them, so the next part follows soon. */
enum { WAKE_AT_ONCE = 64, WAKE_AGAIN_US = 10000 };

static const struct rp_clock *clock_of(const struct request *q)
{
    return rp_engine_clock(q->api->engine);
}

/* The answer to a wrong token is held back the longer the more of them came from that address (S2);
 * right tokens are answered at once. */
static bool hold_back(struct request *q)
{
    if (q->status != 401 || q->late || q->local || q->bearer.n == 0)
        return false;
    int64_t now = rp_mono(clock_of(q));
    int64_t delay = guess_delay(&q->api->guesses, q->peer->address, now);
    q->late = true;
    q->deadline_mono_us = now + delay;
    return delay > 0 && request_park(q);
}

void request_finish(struct request *q)
{
    if (hold_back(q))
        return;
    atomic_store(&q->finished, true);
    request_resume(q);
}

/* ---- who asks ---- */

struct used {
    struct rp_op op;
    int64_t id, now_us;
};

static bool used_run(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct used *u = arg;
    return rp_token_used(db, u->id, u->now_us, err);
}

static void used_done(struct rp_op *op)
{
    free(op->arg);
}

/* Its last use, at most once a minute. What goes wrong with it is no concern of the request's. */
static void note_use(struct request *q, const struct rp_token *t)
{
    int64_t now = request_now(q);
    _Atomic int64_t *slot = &q->api->token_used_us[t->id % TOKENS_USED];
    int64_t before = atomic_load(slot);
    if (now - t->last_used_us < RP_US_MIN || (before <= now && now - before < RP_US_S) ||
        !atomic_compare_exchange_strong(slot, &before, now))
        return;
    struct used *u = rp_xcalloc(1, sizeof *u);
    *u = (struct used){
        .op = {.run = used_run, .arg = u, .done = used_done}, .id = t->id, .now_us = now};
    if (!rp_engine_submit(q->api->engine, &u->op, NULL))
        free(u);
}

/* The answer to a token that is unknown, expired or revoked is one and the same. */
bool request_authenticate(struct request *q, struct rp_db *db, struct rp_err *err)
{
    struct rp_token token;
    enum rp_scope need = q->route->scope;
    if (!q->local && q->scope == RP_SCOPE_NONE && need != RP_SCOPE_NONE) {
        if (!rp_token_check(db, q->bearer, request_now(q), &q->arena, &token, err))
            return false;
        q->scope = token.scope;
        q->actor = rp_str_fmt(&q->arena, "token:%.*s", RP_FMT(token.name));
        note_use(q, &token);
    }
    if (need == RP_SCOPE_NONE || rp_scope_allows(q->scope, need))
        return true;
    (void)rp_fail(err, RP_E_FORBIDDEN, "this token may not do that");
    return rp_hint(err, "use a token with scope %s (reprise token create --scope %s --name …)",
                   rp_scope_name(need), rp_scope_name(need));
}

/* Those of one transaction mostly come with the same token. */
bool request_authenticate_as(struct request *q, const struct request *before, struct rp_db *db,
                             struct rp_err *err)
{
    if (before == NULL || q->local || before->local || !rp_str_eq(q->bearer, before->bearer))
        return request_authenticate(q, db, err);
    q->scope = before->scope;
    q->actor = rp_str_dup(&q->arena, before->actor);
    return true;
}

/* ---- reads ---- */

static void run_read(struct rp_db *db, void *arg)
{
    struct request *q = arg;
    struct rp_err err;
    bool for_nobody = q->route->kind == ROUTE_WHOLE && peer_gone(q->peer);
    if (!for_nobody && (!request_authenticate(q, db, &err) || !q->route->run(q, db, &err)))
        answer_problem(q, &err);
    request_finish(q);
}

/* ---- writes ---- */

/* The same POST again (Idempotency-Key) gets the first one's answer. */
static uint64_t request_hash(struct request *q)
{
    struct rp_str what =
        rp_str_fmt(&q->arena, "%s %s %.*s %.*s %.*s ", q->route->method, q->route->path,
                   RP_FMT(q->capture[0]), RP_FMT(q->capture[1]), RP_FMT(q->actor));
    return rp_hash64(what) * 31 + rp_hash64(rp_buf_view(&q->body));
}

static void part_begun(struct request *q)
{
    if (q->in_parts)
        return;
    q->in_parts = true;
    q->next_part = q->api->in_parts;
    q->api->in_parts = q;
}

static void parts_done(struct request *q)
{
    struct request **at = &q->api->in_parts;
    while (q->in_parts && *at != q)
        at = &(*at)->next_part;
    if (q->in_parts)
        *at = q->next_part;
    q->in_parts = false;
}

/* The first one with the key is still being written: this one waits for its answer. */
static bool waits_for_the_first(const struct request *q)
{
    for (const struct request *o = q->api->in_parts; o != NULL && !q->in_parts; o = o->next_part)
        if (rp_str_eq(o->idempotency_key, q->idempotency_key))
            return true;
    return false;
}

static bool run_once(struct request *q, struct rp_db *db, struct rp_err *err)
{
    bool found;
    int64_t status;
    struct rp_str body;
    uint64_t hash = request_hash(q);
    if (!rp_idempotency_find(db, q->idempotency_key, hash, &q->arena, &found, &status, &body, err))
        return false;
    if (found) {
        answer_begin(q, (int)status);
        rp_buf_str(&q->out, body);
        answer_header(q, "Idempotency-Replayed", RP_STR("true"));
        return true;
    }
    if (waits_for_the_first(q)) {
        q->op.again = true;
        return true;
    }
    if (!q->write(q, db, err))
        return false;
    if (q->op.again) {
        part_begun(q);
        return true;
    }
    if (q->status == 0)
        q->route->render(q);
    return rp_idempotency_keep(db, q->idempotency_key, hash, q->status, rp_buf_view(&q->out),
                               request_now(q), err);
}

static bool run_write(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct request *q = arg;
    if (!request_authenticate(q, db, err))
        return false;
    return q->idempotency_key.n > 0 ? run_once(q, db, err) : q->write(q, db, err);
}

static void answer_error(struct request *q, const struct rp_err *err)
{
    if (q->failed != NULL)
        q->failed(q, err);
    else
        answer_problem(q, err);
}

static void write_done(struct rp_op *op)
{
    struct request *q = op->arg;
    parts_done(q);
    if (!op->ok)
        answer_error(q, &op->err);
    request_finish(q);
}

bool request_write(struct request *q,
                   bool (*write)(struct request *q, struct rp_db *db, struct rp_err *err),
                   struct rp_err *err)
{
    q->write = write;
    q->op = (struct rp_op){.run = run_write, .arg = q, .done = write_done, .heavy = body_heavy(q)};
    if (q->idempotency_key.n == 0)
        q->op.run_all = q->run_all;
    return rp_engine_submit(q->api->engine, &q->op, err);
}

void request_refuse(struct request *q, const struct rp_err *err)
{
    answer_error(q, err);
    request_finish(q);
}

static bool read_on(struct rp_engine *e, enum route_kind kind, struct rp_read *r,
                    struct rp_err *err)
{
    return kind == ROUTE_SLOW    ? rp_engine_read_slow(e, r, err)
           : kind == ROUTE_WHOLE ? rp_engine_read_whole(e, r, err)
                                 : rp_engine_read(e, r, err);
}

void request_dispatch(struct request *q)
{
    struct rp_err err;
    struct rp_engine *e = q->api->engine;
    bool ok = true;
    switch (q->route->kind) {
    case ROUTE_NOW:
        ok = q->route->run(q, NULL, &err);
        break;
    case ROUTE_READ:
    case ROUTE_SLOW:
    case ROUTE_WHOLE:
        q->read = (struct rp_read){.run = run_read, .arg = q};
        ok = read_on(e, q->slow ? ROUTE_SLOW : q->route->kind, &q->read, &err);
        break;
    case ROUTE_WRITE:
        ok = request_write(q, q->route->run, &err);
        break;
    case ROUTE_ASYNC:
        ok = q->route->run(q, NULL, &err);
        break;
    }
    if (ok)
        return;
    answer_error(q, &err);
    if (q->route->kind != ROUTE_NOW)
        request_finish(q);
}

/* ---- those that wait: fetches for work, answers that are held back ---- */

static void go_on(struct request *q)
{
    struct rp_err err;
    if (q->late || peer_gone(q->peer)) { /* a lease for nobody would be lost */
        request_finish(q);
        return;
    }
    q->op = (struct rp_op){.run = q->op.run, .arg = q, .done = q->op.done};
    if (rp_engine_submit(q->api->engine, &q->op, &err))
        return;
    answer_problem(q, &err);
    request_finish(q);
}

void request_looks(struct request *q)
{
    (void)pthread_mutex_lock(&q->api->lock);
    q->tried = q->api->ready_changes;
    (void)pthread_mutex_unlock(&q->api->lock);
}

bool request_park(struct request *q)
{
    struct rp_api *api = q->api;
    q->next = NULL;
    (void)pthread_mutex_lock(&api->lock);
    bool parked = !api->stopping;
    if (parked) {
        *api->waiting_tail = q;
        api->waiting_tail = &q->next;
        (void)pthread_cond_signal(&api->wake); /* its deadline may be the earliest */
    }
    (void)pthread_mutex_unlock(&api->lock);
    return parked;
}

/* Who has waited longest; off the list. */
static struct request *take_first(struct rp_api *api)
{
    struct request *q = NULL, **at = &api->waiting;
    while (*at != NULL && ((*at)->late || peer_gone((*at)->peer)))
        at = &(*at)->next;
    if (*at != NULL) {
        q = *at;
        *at = q->next;
        if (*at == NULL)
            api->waiting_tail = at;
    }
    return q;
}

static struct rp_op *joins(void *ctx, unsigned bits)
{
    struct rp_api *api = ctx;
    if ((bits & RP_CHANGED_READY) == 0)
        return NULL;
    (void)pthread_mutex_lock(&api->lock);
    struct request *q = api->stopping ? NULL : take_first(api);
    (void)pthread_mutex_unlock(&api->lock);
    if (q == NULL)
        return NULL;
    q->op = (struct rp_op){.run = q->op.run, .arg = q, .done = q->op.done};
    return &q->op;
}

static void on_changed(void *ctx, unsigned bits)
{
    struct rp_api *api = ctx;
    if ((bits & RP_CHANGED_READY) == 0)
        return;
    (void)pthread_mutex_lock(&api->lock);
    api->ready_changes++;
    if (api->waiting != NULL)
        (void)pthread_cond_signal(&api->wake);
    (void)pthread_mutex_unlock(&api->lock);
}

/* Takes those that are to go on off the list (oldest first): past their deadline, or some when
 * work may be there. */
static struct request *take_due(struct rp_api *api, int64_t now, int64_t *next)
{
    struct request *due = NULL, **tail = &due, **at = &api->waiting;
    int woken = 0;
    bool more = false;
    *next = INT64_MAX;
    while (*at != NULL) {
        struct request *q = *at;
        bool hopes = !q->late && q->tried != api->ready_changes;
        bool wake = hopes && now >= api->wake_next_us && woken < WAKE_AT_ONCE;
        if (api->stopping || q->deadline_mono_us <= now || wake) {
            woken += wake;
            *at = q->next;
            *tail = q;
            tail = &q->next;
        } else {
            *next = q->deadline_mono_us < *next ? q->deadline_mono_us : *next;
            more |= hopes;
            at = &q->next;
        }
    }
    if (woken == WAKE_AT_ONCE)
        api->wake_next_us = now + WAKE_AGAIN_US;
    if (more && api->wake_next_us < *next)
        *next = api->wake_next_us;
    *tail = NULL;
    api->waiting_tail = at;
    return due;
}

static void wait_until(struct rp_api *api, int64_t mono_us, int64_t now)
{
    int64_t most = api->o.headers_us / 2; /* late headers are looked for as often */
    int64_t us = mono_us - now < most ? mono_us - now : most;
    struct timespec ts = rp_deadline(us);
    (void)pthread_cond_timedwait(&api->wake, &api->lock, &ts);
}

static void *timer_thread(void *arg)
{
    struct rp_api *api = arg;
    const struct rp_clock *clock = rp_engine_clock(api->engine);
    int64_t cut_next_us = 0; /* it looks at all connections, and the writer may wait for the lock */
    (void)pthread_mutex_lock(&api->lock);
    while (!api->stopping || api->waiting != NULL) {
        int64_t next, now = rp_mono(clock);
        if (now >= cut_next_us) {
            peers_cut_late(api, now);
            cut_next_us = now + api->o.headers_us / 2;
        }
        struct request *due = take_due(api, now, &next);
        if (due == NULL && !api->stopping) {
            wait_until(api, next, now);
            continue;
        }
        (void)pthread_mutex_unlock(&api->lock);
        while (due != NULL) {
            struct request *q = due;
            due = q->next;
            go_on(q);
        }
        (void)pthread_mutex_lock(&api->lock);
    }
    (void)pthread_mutex_unlock(&api->lock);
    return NULL;
}

bool polls_start(struct rp_api *api, struct rp_err *err)
{
    rp_cond_init(&api->wake);
    (void)pthread_mutex_init(&api->lock, NULL);
    api->waiting_tail = &api->waiting;
    api->listener = (struct rp_listener){.changed = on_changed, .joins = joins, .ctx = api};
    if (pthread_create(&api->timer, NULL, timer_thread, api) != 0)
        return rp_fail(err, RP_E_INTERNAL, "no thread for long polls");
    rp_engine_listen(api->engine, &api->listener);
    return true;
}

void polls_stop(struct rp_api *api)
{
    rp_engine_unlisten(api->engine, &api->listener);
    (void)pthread_mutex_lock(&api->lock);
    api->stopping = true;
    (void)pthread_cond_signal(&api->wake);
    (void)pthread_mutex_unlock(&api->lock);
    (void)pthread_join(api->timer, NULL);
}
