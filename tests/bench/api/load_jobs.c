/* Jobs at full speed: enqueue, and the whole way through workers. */
#include "load.h"

#include <stdio.h>

enum { PAYLOAD_MIN = 8, FETCH_MAX = 1000 };

/* {"k":"xxx…"} of exactly that many bytes */
static void payload_add(struct rp_buf *out, int64_t bytes)
{
    rp_buf_fmt(out, "{\"k\":\"");
    for (int64_t i = PAYLOAD_MIN; i < bytes; i++)
        rp_buf_c(out, (char)('a' + i % 26));
    rp_buf_fmt(out, "\"}");
}

void load_jobs_body(const struct load *l, int64_t batch, struct rp_buf *out)
{
    out->n = 0;
    if (batch > 1)
        rp_buf_c(out, '[');
    for (int64_t i = 0; i < batch; i++) {
        rp_buf_fmt(out, "%s{\"type\":\"%s\",\"payload\":", i > 0 ? "," : "", l->type);
        payload_add(out, l->payload);
        rp_buf_c(out, '}');
    }
    if (batch > 1)
        rp_buf_c(out, ']');
}

static void jobs_request(const struct load *l, int64_t batch, struct rp_buf *out)
{
    struct rp_buf body = {0};
    load_jobs_body(l, batch, &body);
    http_request(&l->http, "/v1/jobs", rp_buf_view(&body), out);
    rp_buf_free(&body);
}

/* ---- enqueue ---- */

struct enqueue {
    struct rp_buf request;
    int64_t from_us, until_us, answers;
    struct times times;
};

static void enqueue_answer(void *ctx, struct http *h, struct http_conn *c)
{
    struct enqueue *e = ctx;
    int64_t now = bench_now();
    if (now >= e->from_us && now < e->until_us && c->status < 400) {
        e->answers++;
        times_add(&e->times, c->took_us);
    }
    if (now < e->until_us)
        http_send(h, c, rp_buf_view(&e->request));
}

static bool any_busy(const struct http *h)
{
    for (int i = 0; i < h->n; i++)
        if (h->conn[i].busy)
            return true;
    return false;
}

void load_enqueue(struct load *l)
{
    struct enqueue e = {.answers = 0};
    jobs_request(l, l->batch, &e.request);
    http_open(&l->http, l->connections);
    e.from_us = bench_now() + (int64_t)(l->warm * 1e6);
    e.until_us = e.from_us + (int64_t)(l->seconds * 1e6);
    for (int i = 0; i < l->http.n; i++)
        http_send(&l->http, &l->http.conn[i], rp_buf_view(&e.request));
    while (any_busy(&l->http))
        http_wait(&l->http, -1, enqueue_answer, &e);
    (void)printf("{\"per_s\":%.0f,\"errors\":%lld,\"all\":%lld,",
                 (double)(e.answers * l->batch) / l->seconds, (long long)l->http.errors,
                 (long long)((l->http.answers - l->http.errors) * l->batch));
    times_print(&e.times, "");
    (void)printf("}\n");
    times_free(&e.times);
    rp_buf_free(&e.request);
    http_close(&l->http);
}

/* ---- fill ---- */

struct fill {
    const struct load *l;
    struct rp_buf request;
    int64_t sent;
};

static void fill_more(void *ctx, struct http *h, struct http_conn *c)
{
    struct fill *f = ctx;
    if (f->sent >= f->l->n)
        return;
    f->sent += f->l->batch;
    http_send(h, c, rp_buf_view(&f->request));
}

void load_fill(struct load *l)
{
    struct fill f = {.l = l};
    jobs_request(l, l->batch, &f.request);
    http_open(&l->http, l->connections);
    int64_t from = bench_now();
    for (int i = 0; i < l->http.n; i++)
        fill_more(&f, &l->http, &l->http.conn[i]);
    while (any_busy(&l->http))
        http_wait(&l->http, -1, fill_more, &f);
    double s = (double)(bench_now() - from) / 1e6;
    (void)printf("{\"per_s\":%.0f,\"jobs\":%lld,\"errors\":%lld}\n", (double)f.sent / s,
                 (long long)f.sent, (long long)l->http.errors);
    rp_buf_free(&f.request);
    http_close(&l->http);
}

/* ---- enqueue, claim, report ---- */

enum role { PRODUCER, FETCHES, REPORTS };

struct work {
    const struct load *l;
    struct rp_buf jobs, fetch;
    int64_t sent, reported, refused;
    struct http_conn *waves; /* who enqueues them; NULL: no waves */
};

/* The value of the next "name":"…" from *at on; moves *at behind it. */
static bool next_value(struct rp_str in, size_t *at, struct rp_str name, struct rp_str *out)
{
    struct rp_str rest = {in.p + *at, in.n - *at};
    size_t found = rp_str_find(rest, name);
    if (found == SIZE_MAX)
        return false;
    out->p = rest.p + found + name.n;
    const char *end = memchr(out->p, '"', (size_t)(rest.p + rest.n - out->p));
    if (end == NULL)
        return false;
    out->n = (size_t)(end - out->p);
    *at = (size_t)(end - in.p);
    return true;
}

/* The reports of all leases in an answer; returns how many. */
static int64_t reports_of(struct rp_str answer, struct rp_buf *out)
{
    struct rp_str lease, token;
    size_t at = 0;
    int64_t n = 0;
    out->n = 0;
    while (next_value(answer, &at, RP_STR("\"lease\":\""), &lease) &&
           next_value(answer, &at, RP_STR("\"token\":\""), &token))
        rp_buf_fmt(out, "%s{\"lease\":\"%.*s\",\"token\":\"%.*s\",\"outcome\":\"succeeded\"}",
                   n++ == 0 ? "[" : ",", RP_FMT(lease), RP_FMT(token));
    rp_buf_c(out, ']');
    return n;
}

static void produce(struct work *w, struct http *h, struct http_conn *c)
{
    int64_t wave = w->l->wave, out = w->sent - w->reported;
    if (w->sent >= w->l->n || (wave > 0 && (c->busy || out * 10 > wave)))
        return;
    w->sent += wave > 0 ? wave : w->l->batch;
    http_send(h, c, rp_buf_view(&w->jobs));
}

static void fetch(struct work *w, struct http *h, struct http_conn *c)
{
    c->role = FETCHES;
    if (w->reported < w->l->n)
        http_send(h, c, rp_buf_view(&w->fetch));
}

static void report(struct work *w, struct http *h, struct http_conn *c)
{
    struct rp_buf body = {0};
    if (reports_of(c->body, &body) == 0) {
        rp_buf_free(&body);
        fetch(w, h, c);
        return;
    }
    http_request(h, "/v1/work/report", rp_buf_view(&body), &c->mine);
    rp_buf_free(&body);
    c->role = REPORTS;
    http_send(h, c, rp_buf_view(&c->mine));
}

static int64_t count_of(struct rp_str in, struct rp_str what)
{
    int64_t n = 0;
    for (size_t at; (at = rp_str_find(in, what)) != SIZE_MAX; n++)
        in = (struct rp_str){in.p + at + what.n, in.n - at - what.n};
    return n;
}

static void work_answer(void *ctx, struct http *h, struct http_conn *c)
{
    struct work *w = ctx;
    if (c->status >= 400)
        bench_die("the daemon refused");
    switch ((enum role)c->role) {
    case PRODUCER:
        produce(w, h, c);
        return;
    case FETCHES:
        report(w, h, c);
        return;
    case REPORTS:
        w->reported += count_of(c->body, RP_STR("\"state\":\"succeeded\""));
        w->refused += count_of(c->body, RP_STR("\"problem\""));
        if (w->waves != NULL)
            produce(w, h, w->waves);
        fetch(w, h, c);
    }
}

static void fetch_request(const struct load *l, int64_t max, struct rp_buf *out)
{
    struct rp_buf body = {0};
    rp_buf_fmt(&body, "{\"worker\":\"bench\",\"max\":%lld,\"wait_ms\":200",
               (long long)(max < FETCH_MAX ? max : FETCH_MAX));
    if (*l->type != '\0')
        rp_buf_fmt(&body, ",\"types\":[\"%s\"]", l->type);
    rp_buf_c(&body, '}');
    http_request(&l->http, "/v1/work/fetch", rp_buf_view(&body), out);
    rp_buf_free(&body);
}

/* Without producers the jobs are in the queue already. */
void load_work(struct load *l)
{
    struct work w = {.l = l, .sent = l->connections > 0 ? 0 : l->n};
    jobs_request(l, l->wave > 0 ? l->wave : l->batch, &w.jobs);
    fetch_request(l, l->batch, &w.fetch);
    http_open(&l->http, l->connections + l->workers);
    w.waves = l->wave > 0 ? &l->http.conn[0] : NULL;
    int64_t from = bench_now();
    for (int i = 0; i < l->http.n; i++) {
        struct http_conn *c = &l->http.conn[i];
        c->role = i < l->connections ? PRODUCER : FETCHES;
        if (c->role == PRODUCER)
            produce(&w, &l->http, c);
        else
            fetch(&w, &l->http, c);
    }
    while (w.reported + w.refused < l->n)
        http_wait(&l->http, -1, work_answer, &w);
    double s = (double)(bench_now() - from) / 1e6;
    (void)printf("{\"per_s\":%.0f,\"jobs\":%lld,\"errors\":%lld}\n", (double)w.reported / s,
                 (long long)w.reported, (long long)(l->http.errors + w.refused));
    rp_buf_free(&w.jobs);
    rp_buf_free(&w.fetch);
    http_close(&l->http);
}
