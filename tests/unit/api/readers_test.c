/* What may read all of history is not in the way of what reads a page (G19, G20). */
#include "api_world.h"

#include <stdatomic.h>

/* A read that holds its reader until it is let go. */
struct hold {
    struct rp_read read;
    atomic_bool runs, ended;
};

static atomic_bool let_go;

static void stay(struct rp_db *db, void *arg)
{
    struct hold *h = arg;
    (void)db;
    atomic_store(&h->runs, true);
    while (!atomic_load(&let_go))
        (void)usleep(1000);
    atomic_store(&h->ended, true);
}

static void until(atomic_bool *b)
{
    for (int i = 0; i < DEADLINE_S * 1000 && !atomic_load(b); i++)
        (void)usleep(1000);
    assert_true(atomic_load(b));
}

typedef bool submit(struct rp_engine *e, struct rp_read *r, struct rp_err *err);

static void hold(struct world *w, submit *by, struct hold *h, size_t n)
{
    struct rp_err err;
    atomic_store(&let_go, false);
    for (size_t i = 0; i < n; i++) {
        h[i].read = (struct rp_read){.run = stay, .arg = &h[i]};
        assert_true(by(w->engine, &h[i].read, &err));
        until(&h[i].runs);
    }
}

static void release(struct hold *h, size_t n)
{
    atomic_store(&let_go, true);
    for (size_t i = 0; i < n; i++)
        until(&h[i].ended);
}

static void G20_lists_by_what_no_index_leads_to_take_no_reader_of_pages(void **state)
{
    struct world *w = *state;
    static struct hold h[2];
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\",\"labels\":{\"tenant\":\"acme\"}}", 201, NULL);
    hold(w, rp_engine_read, h, 2);
    want(w, "GET", "/v1/jobs?where=tenant=acme", NULL, 200, "\"tenant\":\"acme\"");
    want(w, "GET", "/v1/jobs?class=timeout", NULL, 200, "{\"items\":[]");
    want(w, "GET", "/v1/jobs?queue=default&state=succeeded", NULL, 200, "{\"items\":[]");
    release(h, 2);
    want(w, "GET", "/v1/jobs?type=mail", NULL, 200, "\"tenant\":\"acme\"");
}

static void G20_pages_wait_for_no_list_that_reads_history(void **state)
{
    struct world *w = *state;
    static struct hold h[1];
    want(w, "POST", "/v1/jobs", "{\"type\":\"mail\"}", 201, NULL);
    hold(w, rp_engine_read_slow, h, 1);
    want(w, "GET", "/v1/jobs?type=mail&state=queued", NULL, 200, "\"type\":\"mail\"");
    want(w, "GET", "/v1/jobs", NULL, 200, "\"type\":\"mail\"");
    release(h, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(G20_lists_by_what_no_index_leads_to_take_no_reader_of_pages),
        T(G20_pages_wait_for_no_list_that_reads_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
