/* Maps with names of the user's own, and kinds of addresses: store, listen, dependencies, queues,
 * notify. */
#include "config/internal.h"

#include <stdio.h>

/* Values here may hold passwords, so no mistake shows them. */
static bool read_store(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    static const char *const schemes[] = {"sqlite://", "postgresql://", "postgres://"};
    if (!rp_scalar_want(l, row, v, "a URL"))
        return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (rp_str_starts(v->text, schemes[i]) && v->text.n > strlen(schemes[i]))
            return rp_kind_string.read(l, row, v, o);
    return rp_mistake(l, v->from, "store: expected sqlite:///path or postgresql://…");
}
const struct kind rp_kind_store = {"URL", read_store};

/* host:port, [v6]:port or :port. */
static bool address_valid(struct rp_str s, bool host_needed)
{
    const char *colon = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
    if (colon == NULL)
        return false;
    struct rp_str host = {s.p, (size_t)(colon - s.p)};
    uint64_t port;
    if (!rp_str_u64((struct rp_str){colon + 1, s.n - host.n - 1}, &port) || port > 65535)
        return false;
    bool bracket = rp_str_starts(host, "[") && rp_str_ends(host, "]");
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] <= ' ' || host.p[i] == '/' || host.p[i] == '@' ||
            (host.p[i] == ':' && !bracket))
            return false;
    return host.n > 0 || !host_needed;
}

static bool read_listen(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "an address such as 127.0.0.1:7420"))
        return false;
    if (v->text.n > 0 && !address_valid(v->text, false))
        return rp_mistake(l, v->from,
                          "listen: found %s, expected an address such as 127.0.0.1:7420",
                          rp_shown(v));
    return rp_kind_string.read(l, row, v, o);
}
const struct kind rp_kind_listen = {"host:port", read_listen};

static bool dep_target(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o, enum rp_dep_kind kind)
{
    ((struct rp_dep *)o->of[OF_DEP])->kind = kind;
    return rp_kind_string.read(l, row, v, o);
}

static bool read_postgres(struct load *l, const struct row *row, const struct node *v,
                          const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "a connection string"))
        return false;
    bool url = rp_str_starts(v->text, "postgresql://") || rp_str_starts(v->text, "postgres://");
    if (!url && rp_str_find(v->text, RP_STR("=")) == SIZE_MAX)
        return rp_mistake(
            l, v->from,
            "postgres: expected postgresql://… or a string such as \"host=db user=app\"");
    return dep_target(l, row, v, o, RP_DEP_POSTGRES);
}
const struct kind rp_kind_postgres = {"URL or connection string", read_postgres};

static bool http_url(struct rp_str s)
{
    size_t skip = rp_str_starts(s, "https://") ? 8 : rp_str_starts(s, "http://") ? 7 : 0;
    if (skip == 0 || s.n == skip || s.p[skip] == '/')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ')
            return false;
    return true;
}

static bool read_http(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "a URL"))
        return false;
    if (!http_url(v->text))
        return rp_mistake(l, v->from, "http: expected a URL that begins with http:// or https://");
    return dep_target(l, row, v, o, RP_DEP_HTTP);
}
const struct kind rp_kind_http = {"URL", read_http};

static bool read_tcp(struct load *l, const struct row *row, const struct node *v,
                     const struct owners *o)
{
    if (!rp_scalar_want(l, row, v, "host:port"))
        return false;
    if (!address_valid(v->text, true))
        return rp_mistake(l, v->from, "tcp: found %s, expected host:port", rp_shown(v));
    return dep_target(l, row, v, o, RP_DEP_TCP);
}
const struct kind rp_kind_tcp = {"host:port", read_tcp};

static bool command_list(struct load *l, const struct row *row, const struct node *v,
                         struct rp_strs *out)
{
    if (!rp_list_want(l, row, v, out))
        return false;
    return out->n > 0 || rp_mistake(l, v->from, "command: the list is empty");
}

static bool read_command(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    ((struct rp_dep *)o->of[OF_DEP])->kind = RP_DEP_COMMAND;
    return command_list(l, row, v, rp_row_field(row, o));
}
const struct kind rp_kind_command = {"list", read_command};

/* How many of the first `n` keys of a section the map has: a map that says what it is by one of its
 * keys. */
static size_t kinds_given(const struct node *map, enum section in, size_t n)
{
    size_t given = 0;
    for (size_t i = 0; i < rp_rows_n && n > 0; i++)
        if (rp_rows[i].in == in) {
            given += rp_node_find(map, rp_rows[i].key) != NULL;
            n--;
        }
    return given;
}

static bool one_dep(struct load *l, const struct child *c, struct rp_dep *d)
{
    struct owners o = {.of[OF_DEP] = d};
    const struct node *v = c->value;
    if (!rp_name_want(l, c->key, "dependency") || !rp_map_want(l, c->key->text.p, v))
        return false;
    d->name = (struct rp_str){rp_cstr(l->keep, c->key->text), c->key->text.n};
    rp_section_defaults(l, IN_DEP, &o);
    bool ok = rp_section_read(l, IN_DEP, v, &o, false);
    size_t given = kinds_given(v, IN_DEP, 4);
    if (given != 1)
        ok = rp_mistake(l, c->key->from,
                        "dependency %s: found %zu of postgres, http, tcp and "
                        "command, expected one",
                        rp_shown(c->key), given);
    const struct child *expect = rp_node_find(v, "expect");
    if (expect != NULL && d->kind != RP_DEP_HTTP)
        ok = rp_mistake(l, expect->key->from, "expect has no meaning without http");
    return ok;
}

static bool read_deps(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    struct rp_config *c = o->of[OF_CONFIG];
    bool ok = rp_map_want(l, row->key, v);
    c->deps = RP_NEW_N(l->keep, struct rp_dep, v->n);
    for (const struct child *each = ok ? v->first : NULL; each != NULL; each = each->next)
        ok = one_dep(l, each, &c->deps[c->n_deps++]) && ok;
    rp_config_sort(c);
    return ok;
}
const struct kind rp_kind_deps = {"map of maps", read_deps};

static bool one_queue(struct load *l, const struct child *c, struct rp_queue_conf *q)
{
    struct owners o = {.of[OF_QUEUE] = q};
    if (!rp_name_want(l, c->key, "queue") || !rp_map_want(l, c->key->text.p, c->value))
        return false;
    q->name = rp_str_dup(l->keep, c->key->text);
    rp_section_defaults(l, IN_QUEUE, &o);
    return rp_section_read(l, IN_QUEUE, c->value, &o, false);
}

static bool read_queues(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    struct rp_config *c = o->of[OF_CONFIG];
    bool ok = rp_map_want(l, row->key, v);
    c->queues = RP_NEW_N(l->keep, struct rp_queue_conf, v->n);
    for (const struct child *each = ok ? v->first : NULL; each != NULL; each = each->next)
        ok = one_queue(l, each, &c->queues[c->n_queues++]) && ok;
    return ok;
}
const struct kind rp_kind_queues = {"map of maps", read_queues};

static bool read_route(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    bool mail = row->min == RP_NOTIFY_EMAIL;
    if (!rp_scalar_want(l, row, v, mail ? "an address" : "a URL"))
        return false;
    ((struct rp_notify *)o->of[OF_NOTIFY])->kind = (enum rp_notify_kind)row->min;
    if (mail &&
        (v->text.n == 0 || v->text.p[0] == '-' || strcspn(v->text.p, " \t\r\n") < v->text.n))
        return rp_mistake(l, v->from, "email: found %s, expected an address or a user",
                          rp_shown(v));
    if (!mail && !http_url(v->text))
        return rp_mistake(l, v->from, "%s: expected a URL that begins with http:// or https://",
                          row->key);
    return rp_kind_string.read(l, row, v, o);
}
const struct kind rp_kind_route = {"URL or address", read_route};

static bool read_route_command(struct load *l, const struct row *row, const struct node *v,
                               const struct owners *o)
{
    ((struct rp_notify *)o->of[OF_NOTIFY])->kind = (enum rp_notify_kind)row->min;
    return command_list(l, row, v, rp_row_field(row, o));
}
const struct kind rp_kind_route_command = {"list", read_route_command};

static bool read_job_names(struct load *l, const struct row *row, const struct node *v,
                           const struct owners *o)
{
    bool ok = rp_list_want(l, row, v, rp_row_field(row, o));
    for (const struct child *c = ok ? v->first : NULL; c != NULL; c = c->next)
        if (rp_config_type(l->config, c->value->text) == NULL)
            ok = rp_mistake(l, c->value->from, "%s: no job %s", row->key, rp_shown(c->value));
    return ok;
}
const struct kind rp_kind_job_names = {"list of names", read_job_names};

static bool one_notify(struct load *l, const struct node *v, struct rp_notify *n)
{
    struct owners o = {.of[OF_NOTIFY] = n};
    if (v->kind != NODE_MAP)
        return rp_mistake(l, v->from, "notify: found %s, expected a map such as { email: ops }",
                          rp_shown(v));
    bool ok = rp_section_read(l, IN_NOTIFY, v, &o, false);
    size_t given = kinds_given(v, IN_NOTIFY, 6);
    if (given != 1)
        return rp_mistake(l, v->from,
                          "notify: found %zu routes, expected one of webhook, "
                          "alertmanager, slack, pagerduty, email, command",
                          given);
    bool secret = n->kind == RP_NOTIFY_WEBHOOK || n->kind == RP_NOTIFY_PAGERDUTY;
    if (secret && rp_node_find(v, "secret_file") == NULL)
        return rp_mistake(l, v->from, "notify: this route needs secret_file");
    return ok;
}

static bool read_notify(struct load *l, const struct row *row, const struct node *v,
                        const struct owners *o)
{
    enum { NOTIFY_MAX = 10000 };
    struct rp_config *c = o->of[OF_CONFIG];
    if ((v->kind != NODE_LIST && !rp_node_is_null(v)) || v->n > NOTIFY_MAX)
        return rp_mistake(l, v->from, "%s: found %s, expected a list of maps", row->key,
                          rp_shown(v));
    bool ok = true;
    c->notify = RP_NEW_N(l->keep, struct rp_notify, v->n);
    for (const struct child *each = v->first; each != NULL; each = each->next)
        ok = one_notify(l, each->value, &c->notify[c->n_notify++]) && ok;
    return ok;
}
const struct kind rp_kind_notify = {"list of maps", read_notify};
