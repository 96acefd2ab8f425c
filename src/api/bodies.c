/* How much of what clients send is held and worked on at once. What is small is always taken, so
 * that nobody's large bodies are in the way of others; of the rest so much that memory stays in
 * bounds (G18) and what was let in is answered soon (G21). A slow sender holds no more than what
 * has arrived. */
#include "api/internal.h"

enum { SMALL_BYTES = 64 << 10, HELD_MAX = 64 << 20, WORKED_MAX = 24 << 20 };

/* A limit never keeps out a single body of the size that the configuration allows. */
static size_t at_least_one(const struct request *q, size_t max)
{
    size_t one = (size_t)q->api->o.body_bytes;
    return one > max ? one : max;
}

static void refuse(struct request *q, size_t bytes, const char *what)
{
    struct rp_err err;
    (void)rp_fail(&err, RP_E_OVERLOAD, "%zu MB of requests are %s already", bytes >> 20, what);
    (void)rp_hint(&err, "try again in a second, or send less at once");
    rp_buf_free(&q->body);
    body_end(q);
    answer_problem(q, &err);
}

bool body_heavy(const struct request *q)
{
    return q->body.n > SMALL_BYTES;
}

void body_add(struct request *q, const char *p, size_t n)
{
    size_t before = atomic_fetch_add(&q->api->held_bytes, n), max = at_least_one(q, HELD_MAX);
    q->held_bytes += n;
    if (q->held_bytes > SMALL_BYTES && before + n > max)
        refuse(q, before, "arriving");
    else
        rp_buf_add(&q->body, p, n);
}

bool body_work(struct request *q)
{
    if (!body_heavy(q))
        return true;
    q->worked_bytes = q->body.n;
    size_t before = atomic_fetch_add(&q->api->worked_bytes, q->worked_bytes);
    if (before == 0 || before + q->worked_bytes <= at_least_one(q, WORKED_MAX))
        return true;
    refuse(q, before, "worked on");
    return false;
}

void body_end(struct request *q)
{
    atomic_fetch_sub(&q->api->held_bytes, q->held_bytes);
    atomic_fetch_sub(&q->api->worked_bytes, q->worked_bytes);
    q->held_bytes = q->worked_bytes = 0;
}
