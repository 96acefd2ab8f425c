/* The route table: who may call what (S3), and that docs/openapi.yaml is its description: the same
 * routes, the same scopes, and answers of the running server that are what it says. */
#include "analyze/analyze.h"
#include "api_world.h"

#include <libfyaml.h>

/* ---- scopes ---- */

/* Bodies that get past the reading, so that it is the scope that decides. */
static const struct {
    const char *path, *body;
} bodies[] = {
    {"/v1/jobs", "{\"type\":\"mail\"}"},
    {"/v1/jobs/{id}/resolve", "{\"outcome\":\"failed\",\"reason\":\"r\"}"},
    {"/v1/work/fetch", "{\"worker\":\"w\",\"types\":[\"bill\"]}"},
    {"/v1/work/report", "[]"},
    {"/v1/work/beat", "{\"worker\":\"w\",\"leases\":[]}"},
    {"/v1/runs", "{\"type\":\"ext\",\"worker\":\"w\"}"},
    {"/v1/runs/records", "{\"records\":[]}"},
    {"/v1/runs/{lease}/finish", "{\"token\":\"0000000000000000\",\"outcome\":\"succeeded\"}"},
    {"/v1/check/waiting", "{\"types\":[]}"},
    {"/v1/patterns/{p}", "{\"name\":\"n\"}"},
    {"/v1/patterns/{p}/merge", "{\"with\":\"P2\"}"},
    {"/v1/replays", "{\"select\":{\"all\":true},\"dry_run\":true}"},
    {"/v1/types/{t}/changes", "{\"set\":{\"timeout\":\"1m\"},\"reason\":\"r\"}"},
    {"/v1/deploys", "{\"types\":[\"mail\"]}"},
    {"/v1/purges", "{\"select\":{\"all\":true},\"dry_run\":true}"},
    {"/v1/restores", "{\"file\":\"none\"}"},
    {"/v1/tokens", "{\"name\":\"n\",\"scope\":\"read\"}"},
};

static const char *body_of(const char *path)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (strcmp(bodies[i].path, path) == 0)
            return bodies[i].body;
    return NULL;
}

/* The rule of INTERFACES.md in words of its own. */
static const char *scope_by_rule(const char *method, const char *path)
{
    bool post = strcmp(method, "POST") == 0;
    if (strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0)
        return "none";
    if (strncmp(path, "/v1/tokens", 10) == 0 || strcmp(path, "/v1/doctor") == 0)
        return "admin";
    if (strncmp(path, "/v1/work/", 9) == 0 || strncmp(path, "/v1/runs", 8) == 0)
        return "work";
    if (strcmp(path, "/v1/jobs") == 0 && post)
        return "enqueue";
    if (post && (strcmp(path, "/v1/purges") == 0 || strcmp(path, "/v1/restores") == 0))
        return "purge";
    bool asks = strcmp(path, "/v1/analyses") == 0 || strcmp(path, "/v1/check/waiting") == 0;
    return post && !asks ? "operate" : "read";
}

static bool allowed_by_rule(const char *have, const char *need)
{
    if (strcmp(need, "none") == 0 || strcmp(have, "admin") == 0 || strcmp(have, need) == 0)
        return true;
    if (strcmp(have, "purge") == 0)
        return strcmp(need, "read") == 0;
    return strcmp(have, "operate") == 0 &&
           (strcmp(need, "read") == 0 || strcmp(need, "enqueue") == 0);
}

/* The path with 1 (or R1, P1, a name) for each capture. */
static void fill(const char *path, char out[128])
{
    size_t n = 0;
    for (const char *p = path; *p != '\0'; p++)
        if (*p != '{') {
            out[n++] = *p;
        } else {
            const char *value = p[1] == 'r' ? "R1" : p[1] == 'p' ? "P1" : p[1] == 'c' ? "C1" : "1";
            n += (size_t)sprintf(out + n, "%s", value);
            p = strchr(p, '}');
        }
    out[n] = '\0';
}

static void S3_each_route_is_open_to_the_scopes_of_the_table_only(void **state)
{
    static const char *const scopes[] = {"read", "enqueue", "work", "operate", "purge", "admin"};
    struct world *w = *state;
    char token[6][128], path[128];
    for (size_t s = 0; s < 6; s++)
        (void)make_token(w, scopes[s], token[s]);
    for (size_t i = 0; i < routes_n; i++) {
        const struct route *r = &routes[i];
        const char *need = scope_by_rule(r->method, r->path);
        assert_string_equal(rp_scope_name(r->scope), need);
        fill(r->path, path);
        struct ask q = {.method = r->method,
                        .path = path,
                        .body = strcmp(r->method, "POST") == 0 ? body_of(r->path) : NULL,
                        .token = ""};
        struct answer a = ask(w, &q);
        if ((a.status == 401) != (strcmp(need, "none") != 0))
            fail_msg("%s %s without a token: %ld", r->method, path, a.status);
        answer_free(&a);
        for (size_t s = 0; s < 6; s++) {
            q.token = token[s];
            a = ask(w, &q);
            bool refused = a.status == 401 || a.status == 403;
            if (refused == allowed_by_rule(scopes[s], need) || a.status >= 500)
                fail_msg("%s %s with scope %s: %ld %s", r->method, path, scopes[s], a.status,
                         a.body.p);
            answer_free(&a);
        }
    }
}

static bool reads_only(enum route_kind kind)
{
    return kind == ROUTE_NOW || kind == ROUTE_READ || kind == ROUTE_SLOW || kind == ROUTE_WHOLE;
}

static void U28_no_get_changes_a_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_n; i++)
        if (strcmp(routes[i].method, "GET") == 0 && strcmp(routes[i].path, "/readyz") != 0)
            assert_true(reads_only(routes[i].kind));
}

/* ---- the description ---- */

static struct fy_document *description(void)
{
    struct fy_document *doc = fy_document_build_from_file(NULL, RP_TESTS "/../docs/openapi.yaml");
    if (doc == NULL || fy_document_resolve(doc) != 0)
        fail_msg("docs/openapi.yaml cannot be read");
    return doc;
}

static void lower(const char *s, char out[16])
{
    size_t n = 0;
    for (; s[n] != '\0' && n < 15; n++)
        out[n] = (char)(s[n] | 32);
    out[n] = '\0';
}

static struct fy_node *member(struct fy_node *map, const char *key)
{
    return map != NULL ? fy_node_mapping_lookup_by_string(map, key, FY_NT) : NULL;
}

static struct fy_node *operation(struct fy_document *doc, const struct route *r)
{
    char method[16];
    lower(r->method, method);
    return member(member(member(fy_document_root(doc), "paths"), r->path), method);
}

static void the_description_lists_exactly_the_routes_and_their_scopes(void **state)
{
    (void)state;
    struct fy_document *doc = description();
    struct fy_node_pair *path, *method;
    void *paths = NULL, *methods;
    size_t listed = 0;
    struct fy_node *all = member(fy_document_root(doc), "paths");
    while ((path = fy_node_mapping_iterate(all, &paths)) != NULL) {
        methods = NULL;
        while ((method = fy_node_mapping_iterate(fy_node_pair_value(path), &methods)) != NULL)
            listed += strcmp(fy_node_get_scalar0(fy_node_pair_key(method)), "parameters") != 0;
    }
    for (size_t i = 0; i < routes_n; i++) {
        struct fy_node *op = operation(doc, &routes[i]);
        if (op == NULL)
            fail_msg("docs/openapi.yaml has no %s %s", routes[i].method, routes[i].path);
        assert_string_equal(fy_node_get_scalar0(member(op, "x-scope")),
                            rp_scope_name(routes[i].scope));
        if (body_of(routes[i].path) != NULL && strcmp(routes[i].method, "POST") == 0)
            assert_non_null(member(op, "requestBody"));
    }
    assert_int_equal(listed, routes_n);
    fy_document_destroy(doc);
}

static void the_description_lists_exactly_the_failure_classes(void **state)
{
    (void)state;
    struct fy_document *doc = description();
    struct fy_node *root = fy_document_root(doc), *name;
    struct fy_node *list =
        member(member(member(member(root, "components"), "schemas"), "FailureClass"), "enum");
    void *it = NULL;
    size_t n = 0;
    for (; (name = fy_node_sequence_iterate(list, &it)) != NULL; n++)
        assert_string_equal(fy_node_get_scalar0(name), rp_classes[n].name);
    assert_int_equal(n, RP_CLASSES_N);
    fy_document_destroy(doc);
}

/* ---- answers are what the description says ---- a reading of JSON Schema as far as it is used */

struct check {
    struct fy_document *doc;
    const char *what; /* the request, for messages */
};

static struct fy_node *resolved(const struct check *c, struct fy_node *schema)
{
    struct fy_node *ref;
    while ((ref = member(schema, "$ref")) != NULL) {
        const char *path = fy_node_get_scalar0(ref);
        schema = fy_node_by_path(fy_document_root(c->doc), path + 1, FY_NT, FYNWF_DONT_FOLLOW);
        if (schema == NULL)
            fail_msg("%s does not lead anywhere", path);
    }
    return schema;
}

static bool fits(const struct check *c, struct fy_node *schema, struct fy_node *value, bool loud);

static bool scalar_of(struct fy_node *value, const char *type)
{
    const char *text = fy_node_get_scalar0(value);
    bool plain = fy_node_get_style(value) == FYNS_PLAIN;
    if (text == NULL)
        return false;
    if (strcmp(type, "string") == 0)
        return !plain;
    if (strcmp(type, "boolean") == 0)
        return plain && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
    char *end;
    (void)strtod(text, &end);
    bool number = plain && *text != '\0' && *end == '\0';
    return number && (strcmp(type, "number") == 0 || strpbrk(text, ".eE") == NULL);
}

static bool object_fits(const struct check *c, struct fy_node *schema, struct fy_node *value,
                        bool loud)
{
    struct fy_node *properties = member(schema, "properties"),
                   *required = member(schema, "required"),
                   *more = member(schema, "additionalProperties"), *name;
    struct fy_node_pair *pair;
    void *it = NULL;
    if (!fy_node_is_mapping(value))
        return false;
    while (required != NULL && (name = fy_node_sequence_iterate(required, &it)) != NULL)
        if (member(value, fy_node_get_scalar0(name)) == NULL) {
            if (loud)
                print_error("%s: %s is missing\n", c->what, fy_node_get_scalar0(name));
            return false;
        }
    it = NULL;
    while ((pair = fy_node_mapping_iterate(value, &it)) != NULL) {
        const char *key = fy_node_get_scalar0(fy_node_pair_key(pair));
        struct fy_node *s = member(properties, key);
        s = s != NULL ? s : more;
        if (s == NULL || !fits(c, s, fy_node_pair_value(pair), loud)) {
            if (loud)
                print_error("%s: %s is %s\n", c->what, key,
                            s == NULL ? "not described" : "not as described");
            return false;
        }
    }
    return true;
}

static bool array_fits(const struct check *c, struct fy_node *schema, struct fy_node *value,
                       bool loud)
{
    struct fy_node *item;
    void *it = NULL;
    if (!fy_node_is_sequence(value))
        return false;
    while ((item = fy_node_sequence_iterate(value, &it)) != NULL)
        if (!fits(c, member(schema, "items"), item, loud))
            return false;
    return true;
}

static bool one_of(const struct check *c, struct fy_node *list, struct fy_node *value)
{
    struct fy_node *s;
    void *it = NULL;
    while ((s = fy_node_sequence_iterate(list, &it)) != NULL)
        if (fits(c, s, value, false))
            return true;
    return false;
}

static bool is_in(struct fy_node *list, struct fy_node *value)
{
    const char *text = fy_node_get_scalar0(value);
    struct fy_node *e;
    void *it = NULL;
    while (text != NULL && (e = fy_node_sequence_iterate(list, &it)) != NULL)
        if (strcmp(fy_node_get_scalar0(e), text) == 0)
            return true;
    return false;
}

static bool fits(const struct check *c, struct fy_node *schema, struct fy_node *value, bool loud)
{
    schema = resolved(c, schema);
    struct fy_node *type = member(schema, "type"), *list;
    if ((list = member(schema, "oneOf")) != NULL)
        return one_of(c, list, value);
    if ((list = member(schema, "enum")) != NULL)
        return is_in(list, value);
    if ((list = member(schema, "const")) != NULL)
        return fy_node_is_scalar(value) &&
               strcmp(fy_node_get_scalar0(list), fy_node_get_scalar0(value)) == 0;
    if (type == NULL)
        return true;
    const char *t = fy_node_get_scalar0(type);
    return strcmp(t, "object") == 0  ? object_fits(c, schema, value, loud)
           : strcmp(t, "array") == 0 ? array_fits(c, schema, value, loud)
                                     : scalar_of(value, t);
}

/* The schema of a status' JSON content, through references; NULL if it is not described. */
static struct fy_node *schema_of(const struct check *c, struct fy_node *op, long status)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%ld", status);
    struct fy_node *answers = member(op, "responses"), *a = member(answers, text);
    a = resolved(c, a != NULL ? a : member(answers, "default"));
    struct fy_node *content = member(a, "content"), *json = member(content, "application/json");
    return member(json != NULL ? json : member(content, "application/problem+json"), "schema");
}

static const struct route *route_of(const char *method, const char *path)
{
    for (size_t i = 0; i < routes_n; i++)
        if (strcmp(routes[i].method, method) == 0 && strcmp(routes[i].path, path) == 0)
            return &routes[i];
    fail_msg("no route %s %s", method, path);
    return NULL;
}

static void holds(struct world *w, struct fy_document *doc, const char *method, const char *route,
                  const char *path, const char *body, long status)
{
    struct answer a = ask(w, &(struct ask){.method = method, .path = path, .body = body});
    struct check c = {doc, path};
    want_status(&a, status);
    struct fy_node *schema = schema_of(&c, operation(doc, route_of(method, route)), status);
    struct fy_document *json = fy_document_build_from_string(NULL, a.body.p, a.body.n);
    if (schema == NULL || json == NULL || !fits(&c, schema, fy_document_root(json), true))
        fail_msg("%s %s is not as docs/openapi.yaml says: %s", method, path, a.body.p);
    fy_document_destroy(json);
    answer_free(&a);
}

static void busy(struct world *w)
{
    want(w, "POST", "/v1/jobs",
         "[{\"type\":\"mail\",\"key\":\"k\",\"labels\":{\"a\":\"b\"},\"payload\":[1,{\"x\":null}]},"
         "{\"type\":\"mail\"},{\"type\":\"bill\"},{\"type\":\"mail\",\"delay_s\":60}]",
         201, NULL);
    fail_one(w, "mail", "connect ECONNREFUSED 10.0.0.1:5432");
    fail_one(w, "mail", "out of cheese 42");
    want(w, "POST", "/v1/schedules/nightly/pause", "{\"reason\":\"r\"}", 200, NULL);
    want(w, "POST", "/v1/schedules/nightly/resume", NULL, 200, NULL);
    want(w, "POST", "/v1/schedules/nightly/run", NULL, 201, NULL);
    want(w, "POST", "/v1/dependencies/check", NULL, 200, NULL);
    wait_text(w, "/v1/jobs?schedule=nightly", "\"succeeded\"");
}

static void answers_are_as_described(void **state)
{
    struct world *w = *state;
    struct fy_document *d = description();
    busy(w);
    static const struct {
        const char *method, *route, *path, *body;
        long status;
    } cases[] = {
        {"GET", "/readyz", "/readyz", NULL, 200},
        {"GET", "/v1/status", "/v1/status", NULL, 200},
        {"GET", "/v1/doctor", "/v1/doctor", NULL, 200},
        {"POST", "/v1/jobs", "/v1/jobs", "{\"type\":\"mail\",\"key\":\"z\"}", 201},
        {"POST", "/v1/jobs", "/v1/jobs", "[{\"type\":\"mail\",\"key\":\"z\"}]", 201},
        {"POST", "/v1/jobs", "/v1/jobs", "{", 400},
        {"GET", "/v1/jobs", "/v1/jobs?limit=2", NULL, 200},
        {"GET", "/v1/jobs", "/v1/jobs", NULL, 200},
        {"GET", "/v1/jobs/count", "/v1/jobs/count", NULL, 200},
        {"GET", "/v1/jobs/failures", "/v1/jobs/failures", NULL, 200},
        {"GET", "/v1/jobs/{id}", "/v1/jobs/1", NULL, 200},
        {"GET", "/v1/jobs/{id}", "/v1/jobs/99", NULL, 404},
        {"GET", "/v1/jobs/{id}/attempts", "/v1/jobs/1/attempts", NULL, 200},
        {"GET", "/v1/jobs/{id}/attempts", "/v1/jobs/5/attempts", NULL, 200},
        {"GET", "/v1/attempts", "/v1/attempts", NULL, 200},
        {"GET", "/v1/attempts", "/v1/attempts?limit=1&type=mail&since=1h", NULL, 200},
        {"POST", "/v1/jobs/{id}/cancel", "/v1/jobs/4/cancel", "{\"reason\":\"r\"}", 200},
        {"POST", "/v1/jobs/{id}/retry", "/v1/jobs/4/retry", NULL, 200},
        {"POST", "/v1/work/fetch", "/v1/work/fetch", "{\"worker\":\"w\",\"types\":[\"mail\"]}",
         200},
        {"POST", "/v1/work/report", "/v1/work/report",
         "[{\"lease\":\"99\",\"token\":\"0000000000000000\",\"outcome\":\"failed\"}]", 200},
        {"POST", "/v1/work/beat", "/v1/work/beat",
         "{\"leases\":[{\"lease\":\"99\",\"token\":\"0000000000000000\"}]}", 200},
        {"POST", "/v1/runs", "/v1/runs", "{\"type\":\"x\",\"worker\":\"w\",\"lock\":\"l\"}", 201},
        {"POST", "/v1/runs/records", "/v1/runs/records", "{\"records\":[]}", 200},
        {"POST", "/v1/queues/{q}/pause", "/v1/queues/default/pause", NULL, 200},
        {"GET", "/v1/queues", "/v1/queues", NULL, 200},
        {"POST", "/v1/queues/{q}/resume", "/v1/queues/default/resume", NULL, 200},
        {"GET", "/v1/types", "/v1/types", NULL, 200},
        {"GET", "/v1/types/{t}", "/v1/types/nightly", NULL, 200},
        {"POST", "/v1/check/waiting", "/v1/check/waiting", "{\"types\":[\"mail\"]}", 200},
        {"GET", "/v1/schedules", "/v1/schedules", NULL, 200},
        {"GET", "/v1/schedules/{s}", "/v1/schedules/nightly", NULL, 200},
        {"GET", "/v1/schedules/{s}/next", "/v1/schedules/nightly/next", NULL, 200},
        {"GET", "/v1/schedules/{s}/occurrences",
         "/v1/schedules/nightly/occurrences?to=2100-01-01T00:00:00Z&limit=5", NULL, 200},
        {"GET", "/v1/dependencies", "/v1/dependencies", NULL, 200},
        {"GET", "/v1/patterns", "/v1/patterns", NULL, 200},
        {"POST", "/v1/patterns/{p}", "/v1/patterns/P1", "{\"name\":\"n\"}", 200},
        {"POST", "/v1/analyses", "/v1/analyses", NULL, 200},
        {"POST", "/v1/replays", "/v1/replays", "{\"select\":{\"type\":\"mail\"},\"dry_run\":true}",
         200},
        {"POST", "/v1/replays", "/v1/replays", "{\"select\":{\"pattern\":\"P1\"}}", 201},
        {"GET", "/v1/replays", "/v1/replays", NULL, 200},
        {"GET", "/v1/replays/{r}", "/v1/replays/R1", NULL, 200},
        {"GET", "/v1/replays/{r}/items", "/v1/replays/R1/items", NULL, 200},
        {"GET", "/v1/status", "/v1/status", NULL, 200},
        {"POST", "/v1/replays/{r}/abort", "/v1/replays/R1/abort", NULL, 200},
        {"POST", "/v1/purges", "/v1/purges", "{\"select\":{\"all\":true},\"dry_run\":true}", 200},
        {"POST", "/v1/purges", "/v1/purges",
         "{\"select\":{\"state\":\"succeeded\",\"all\":true},\"backup\":\"b\"}", 201},
        {"GET", "/v1/purges", "/v1/purges", NULL, 200},
        {"GET", "/v1/purges/{id}", "/v1/purges/1", NULL, 200},
        {"POST", "/v1/restores", "/v1/restores", "{\"file\":\"none\"}", 404},
        {"GET", "/v1/restores", "/v1/restores", NULL, 200},
        {"GET", "/v1/restores/{id}", "/v1/restores/1", NULL, 404},
        {"POST", "/v1/tokens", "/v1/tokens", "{\"name\":\"t\",\"scope\":\"read\",\"expires_s\":60}",
         201},
        {"GET", "/v1/tokens", "/v1/tokens", NULL, 200},
        {"POST", "/v1/tokens/{id}/revoke", "/v1/tokens/1/revoke", NULL, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        holds(w, d, cases[i].method, cases[i].route, cases[i].path, cases[i].body, cases[i].status);
    fy_document_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)
        T(S3_each_route_is_open_to_the_scopes_of_the_table_only),
        cmocka_unit_test(U28_no_get_changes_a_state),
        cmocka_unit_test(the_description_lists_exactly_the_routes_and_their_scopes),
        cmocka_unit_test(the_description_lists_exactly_the_failure_classes),
        T(answers_are_as_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
