/* What the tests of store/ share: a store in a folder of its own, checks of calls, dice; and a
 * fixture with types made by hand, in which each step is committed by itself (world.h is the other
 * one: a configuration as users write it, a test one transaction). Time is f->now: tests move it.
 */
#ifndef TESTS_STORE_HELP_H
#define TESTS_STORE_HELP_H

#include "base/time.h"
#include "store/internal.h"
#include "store/jobs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { HELP_TYPES = 8 };
#define HELP_LEASE (30 * RP_US_S)

struct fixture {
    char dir[64], path[96];
    struct rp_store *store;
    struct rp_db *db;
    struct rp_config config;
    struct rp_type type[HELP_TYPES], *types[HELP_TYPES];
    struct rp_arena a;
    int64_t now;
};

#define HELPER __attribute__((unused)) static

/* A call that must succeed, its error (`err` in the call) shown if it does not; one that must fail
 * with a code. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct rp_err err_ = {0};                                                                  \
        struct rp_err *err = &err_;                                                                \
        if (!(call))                                                                               \
            fail_msg("%s: %s", #call, err->message);                                               \
    } while (0)
#define FAILS(expected, call)                                                                      \
    do {                                                                                           \
        struct rp_err err_ = {0};                                                                  \
        struct rp_err *err = &err_;                                                                \
        if (call)                                                                                  \
            fail_msg("%s: was not refused", #call);                                                \
        if (err->code != (expected))                                                               \
            fail_msg("%s: refused as %s: %s", #call, rp_code_slug(err->code), err->message);       \
    } while (0)

HELPER struct rp_store *help_open(const char *path)
{
    struct rp_store *s = NULL;
    OK(rp_store_open(path, &s, err));
    return s;
}

/* A folder of the test's own and a new store in it; NULL if there is none to be had. */
HELPER struct rp_store *help_new(char dir[64], char path[96])
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(dir, 64, "%.30s/reprise-store-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        return NULL;
    (void)snprintf(path, 96, "%s/s.db", dir);
    return help_open(path);
}

HELPER void help_remove(const char *dir)
{
    char cmd[200];
    (void)snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd) != 0)
        (void)fprintf(stderr, "could not remove %s\n", dir);
}

HELPER int help_setup(void **state)
{
    struct fixture *f = rp_xcalloc(1, sizeof *f);
    f->store = help_new(f->dir, f->path);
    if (f->store == NULL)
        return -1;
    f->db = rp_store_writer(f->store);
    f->now = INT64_C(1767225600) * RP_US_S;
    *state = f;
    return 0;
}

HELPER int help_teardown(void **state)
{
    struct fixture *f = *state;
    rp_store_close(f->store);
    rp_arena_free(&f->a);
    help_remove(f->dir);
    free(f);
    return 0;
}

HELPER void help_sql(struct fixture *f, const char *sql)
{
    OK(rp_script(f->db, sql, err));
}

HELPER int64_t help_int(struct fixture *f, const char *sql)
{
    int64_t v;
    OK(rp_get_i64(rp_sql(f->db, sql), -1, &v, err));
    return v;
}

#define help_tx(call)                                                                              \
    do {                                                                                           \
        OK(rp_tx_begin(f->db, err));                                                               \
        OK(call);                                                                                  \
        OK(rp_tx_commit(f->db, err));                                                              \
    } while (0)
#define help_tx_refused(code, call)                                                                \
    do {                                                                                           \
        OK(rp_tx_begin(f->db, err));                                                               \
        FAILS(code, call);                                                                         \
        rp_tx_rollback(f->db);                                                                     \
    } while (0)

/* ---- configuration, as rp_config_apply would leave it ---- */

HELPER bool help_apply(struct rp_db *db, const struct rp_config *c, struct rp_err *err)
{
    if (!rp_run(rp_sql(db, "update job_type set configured = 0"), err))
        return false;
    for (size_t i = 0; i < c->n_types; i++) {
        struct rp_stmt *s = rp_sql(
            db, "insert into job_type(name, configured, command, max_running, seen_at) values (?1, "
                "1, ?2, ?3, 0) "
                "on conflict(name) do update set configured = 1, command = ?2, max_running = ?3");
        rp_bind_text(s, 1, c->types[i]->name);
        rp_bind_i64(s, 2, c->types[i]->run.n > 0);
        rp_bind_i64(s, 3, c->types[i]->max_running);
        if (!rp_run(s, err))
            return false;
    }
    rp_db_set_config(db, c);
    return true;
}

/* Types, in order of their names, with 3 retries one second apart, idempotent, fetched by workers;
 * change f->type[i] before and call help_reload after. */
HELPER void help_reload(struct fixture *f)
{
    help_tx(help_apply(f->db, &f->config, err));
}

HELPER void help_types(struct fixture *f, const char *name, ...)
{
    va_list ap;
    va_start(ap, name);
    f->config = (struct rp_config){.types = f->types};
    for (; name != NULL; name = va_arg(ap, const char *)) {
        f->types[f->config.n_types] = &f->type[f->config.n_types];
        f->type[f->config.n_types++] = (struct rp_type){.name = rp_str_of(name),
                                                        .queue = RP_STR("default"),
                                                        .retry = {.kind = RP_BACKOFF_FIXED,
                                                                  .retries = 3,
                                                                  .base_us = RP_US_S,
                                                                  .max_us = RP_US_H},
                                                        .idempotent = true,
                                                        .poison_after = 3};
    }
    va_end(ap);
    help_reload(f);
}

/* ---- the usual steps, each in its own transaction ---- */

HELPER struct rp_enqueue help_job(const char *type)
{
    return (struct rp_enqueue){.type = rp_str_of(type), .priority = INT64_MIN};
}

HELPER int64_t help_add(struct fixture *f, const struct rp_enqueue *in)
{
    struct rp_enqueued out;
    help_tx(rp_jobs_enqueue(f->db, in, 1, f->now, &out, err));
    return out.id;
}

HELPER int64_t help_enqueue(struct fixture *f, const char *type)
{
    struct rp_enqueue in = help_job(type);
    return help_add(f, &in);
}

HELPER size_t help_claim(struct fixture *f, int64_t max, struct rp_lease **out)
{
    size_t n;
    struct rp_claim c = {
        .node = RP_STR("n1"), .worker = RP_STR("w1"), .max = max, .lease_us = HELP_LEASE};
    help_tx(rp_jobs_claim(f->db, &c, f->now, &f->a, out, &n, err));
    return n;
}

HELPER struct rp_lease help_claim_one(struct fixture *f)
{
    struct rp_lease *l;
    assert_int_equal(help_claim(f, 1, &l), 1);
    return l[0];
}

HELPER struct rp_report help_outcome(const struct rp_lease *l, enum rp_outcome o)
{
    struct rp_report r = {.lease = l->id, .token = l->token, .outcome = o};
    if (o == RP_OUT_FAILED || o == RP_OUT_TIMEOUT) {
        r.facts.error = RP_STR("connect ECONNREFUSED 10.0.0.7:5432");
        r.facts.error_class = RP_STR("connection");
        r.template = RP_STR("connect ECONNREFUSED <*>");
        r.pattern_hash = 77;
    }
    return r;
}

HELPER enum rp_state help_report(struct fixture *f, const struct rp_lease *l, enum rp_outcome o)
{
    enum rp_state state;
    struct rp_report r = help_outcome(l, o);
    help_tx(rp_job_report(f->db, &r, f->now, &state, err));
    return state;
}

HELPER struct rp_job help_get(struct fixture *f, int64_t id)
{
    struct rp_job j;
    OK(rp_job_get(f->db, id, &f->a, &j, err));
    return j;
}

HELPER int64_t help_expire(struct fixture *f)
{
    int64_t n, next;
    help_tx(rp_leases_expire(f->db, f->now, 1000, &n, &next, err));
    return n;
}

HELPER int64_t help_promote(struct fixture *f)
{
    int64_t n, next;
    help_tx(rp_jobs_promote(f->db, f->now, 1000, &n, &next, err));
    return n;
}

HELPER void help_check(struct fixture *f)
{
    struct rp_buf findings = {0};
    struct rp_err err;
    if (!rp_store_check(f->db, &findings, &err))
        fail_msg("%s\n%.*s", err.message, RP_FMT(rp_buf_view(&findings)));
    rp_buf_free(&findings);
}

/* ---- randomness that can be had again: RP_SEED makes other choices ---- */

enum { HELP_SEED = 20261126 };

struct dice {
    uint64_t x;
};

HELPER struct dice help_dice(const char *what)
{
    const char *s = getenv("RP_SEED");
    struct dice d = {s != NULL ? strtoull(s, NULL, 10) : HELP_SEED};
    print_message("%s: RP_SEED=%llu\n", what, (unsigned long long)d.x);
    d.x = d.x * 2 + 1;
    return d;
}

/* splitmix64 (Steele, Lea, Flood, 2014) */
HELPER int64_t help_roll(struct dice *d, int64_t sides)
{
    uint64_t z = (d->x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (int64_t)((z ^ (z >> 31)) % (uint64_t)sides);
}

#endif
