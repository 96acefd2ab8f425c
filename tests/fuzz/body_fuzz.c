/* Any bytes as the body of any command: refused as the client's mistake, or run (and rolled back)
 * with an answer that is JSON. A body never makes the daemon say that it is at fault. The first
 * byte picks the route. */
#include "api/handlers.h"
#include "config/config.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rp_api api;

static void must(bool ok, const struct rp_err *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "%s: %s\n", rp_code_slug(err->code), err->message);
    abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static const char yaml[] = "jobs:\n  a: { retries: 1, schedule: '0 2 * * *' }\n  b: {}\n";
    static struct rp_mistakes mistakes;
    static char dir[] = "/tmp/reprise-fuzz-XXXXXX", url[64];
    struct rp_store *store;
    struct rp_err err;
    if (sodium_init() < 0 || mkdtemp(dir) == NULL)
        abort();
    (void)snprintf(url, sizeof url, "sqlite://%s/t.db", dir);
    struct rp_config *config = rp_config_parse(rp_str_of(yaml), RP_STR(""), NULL, &mistakes);
    must(config != NULL, &mistakes.error[0].err);
    must(rp_store_open(url, &store, &err), &err);
    struct rp_engine_options o = {.store = store, .config = config, .clock = &rp_clock_system};
    api.engine = rp_engine_start(&o, &err);
    must(api.engine != NULL, &err);
    return 0;
}

static bool run_and_forget(struct rp_db *db, void *arg, struct rp_err *err)
{
    struct request *q = arg;
    bool ok = q->route->run(q, db, err);
    if (!ok && rp_code_http(err->code) >= 500)
        must(false, err);
    if (ok && q->status == 0)
        q->route->render(q);
    if (ok && !rp_json_valid(rp_buf_view(&q->out), err))
        must(false, err);
    return rp_fail(err, RP_E_REFUSED, "only tried");
}

static const struct route *pick(uint8_t byte)
{
    size_t n = 0, k;
    for (size_t i = 0; i < routes_n; i++)
        n += strcmp(routes[i].method, "POST") == 0;
    k = byte % n;
    for (size_t i = 0;; i++)
        if (strcmp(routes[i].method, "POST") == 0 && k-- == 0)
            return &routes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct request *q = rp_xcalloc(1, sizeof *q);
    struct rp_err err;
    q->api = &api;
    q->local = true;
    q->scope = RP_SCOPE_ADMIN;
    q->actor = RP_STR("uid:fuzz");
    q->route = pick(data[0]);
    q->capture[0] = strstr(q->route->path, "{r}") != NULL   ? RP_STR("R1")
                    : strstr(q->route->path, "{p}") != NULL ? RP_STR("P1")
                    : strstr(q->route->path, "{s}") != NULL ? RP_STR("a")
                    : strstr(q->route->path, "{q}") != NULL ? RP_STR("default")
                                                            : RP_STR("1");
    rp_buf_add(&q->body, data + 1, size - 1);
    bool ok = q->route->prepare == NULL || q->route->prepare(q, &err);
    if (!ok && rp_code_http(err.code) >= 500)
        must(false, &err);
    if (ok && q->route->kind != ROUTE_ASYNC)
        (void)rp_engine_write(api.engine, run_and_forget, q, NULL);
    rp_buf_free(&q->body);
    rp_buf_free(&q->out);
    rp_arena_free(&q->arena);
    free(q);
    return 0;
}
