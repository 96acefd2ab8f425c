/* Requests to the daemon: where it is, what is sent along, what its answer means. */
#include "cli/client_ways.h"

#include "base/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKEN_MAX = 512 };

struct client {
    const char *socket;  /* NULL: a URL … */
    const char *base;    /* … this */
    struct url_way *url; /* over which requests go there */
    int64_t timeout_us;  /* of one request */
    char token[TOKEN_MAX + 24];
    struct rp_arena arena;
};

/* ---- paths and parameters ---- */

static void encode(struct rp_buf *b, struct rp_str s)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\0' && strchr(plain, s.p[i]) != NULL)
            rp_buf_c(b, s.p[i]);
        else
            rp_buf_fmt(b, "%%%02X", (unsigned char)s.p[i]);
}

/* `format` holds one %s for the part, which is encoded. */
void query_path(struct query *q, const char *format, struct rp_str part)
{
    const char *hole = strstr(format, "%s");
    size_t before = hole != NULL ? (size_t)(hole - format) : strlen(format);
    rp_buf_add(&q->text, format, before);
    if (hole != NULL) {
        encode(&q->text, part);
        rp_buf_str(&q->text, rp_str_of(hole + 2));
    }
}

void query_add(struct query *q, const char *key, const char *value)
{
    if (value == NULL)
        return;
    rp_buf_c(&q->text, q->any ? '&' : '?');
    q->any = true;
    encode(&q->text, rp_str_of(key));
    rp_buf_c(&q->text, '=');
    encode(&q->text, rp_str_of(value));
}

void query_add_time(struct query *q, const char *key, int64_t us)
{
    char text[RP_TIME_LEN];
    if (us != 0)
        query_add(q, key, rp_time_format(us, text));
}

/* ---- where the daemon is ---- */

static bool is_there(const char *path)
{
    struct stat st;
    return path != NULL && stat(path, &st) == 0;
}

static const char *socket_path(struct cli *cli, struct rp_arena *a)
{
    const char *given = opt_text(cli, "socket"), *env = getenv("REPRISE_SOCKET");
    if (given != NULL || (env != NULL && env[0] != '\0'))
        return given != NULL ? given : env;
    if (is_there(cli->socket))
        return cli->socket;
    const char *own = rp_place_own_socket(a);
    bool theirs = access(RP_SYSTEM_SOCKET, W_OK) == 0; /* a system's daemon that we may ask */
    return own != NULL && !theirs && (is_there(own) || !is_there(RP_SYSTEM_SOCKET))
               ? own
               : RP_SYSTEM_SOCKET;
}

static bool read_token(struct client *c, const char *path, struct rp_err *err)
{
    char text[TOKEN_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    int saved = errno;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0) {
        (void)rp_fail(err, RP_E_IO, "cannot read the token file %s: %s", path, strerror(saved));
        return rp_hint(err, "write the token that `reprise token create` showed into it");
    }
    struct rp_str token = rp_str_trim((struct rp_str){text, (size_t)n});
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] >= 0x7f)
            token.n = 0;
    if (token.n == 0 || token.n == sizeof text)
        return rp_fail(err, RP_E_IO, "the token file %s does not hold one token", path);
    (void)snprintf(c->token, sizeof c->token, "Authorization: Bearer %.*s", RP_FMT(token));
    return true;
}

static bool find_daemon(struct cli *cli, struct client *c, struct rp_err *err)
{
    const char *url = opt_text(cli, "url"), *env = getenv("REPRISE_URL"),
               *file = opt_text(cli, "token-file");
    if (url == NULL && opt_text(cli, "socket") == NULL && env != NULL && env[0] != '\0')
        url = env;
    if (url != NULL && opt_text(cli, "socket") != NULL)
        return rp_fail(err, RP_E_USAGE, "--url and --socket name two daemons");
    if (url == NULL) {
        c->socket = socket_path(cli, &c->arena);
        return true;
    }
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        (void)rp_fail(err, RP_E_USAGE, "\"%s\" is not a URL of a daemon", url);
        return rp_hint(err, "use http://HOST:PORT or https://HOST:PORT");
    }
    struct rp_str base = rp_str_of(url);
    while (rp_str_ends(base, "/"))
        base.n--;
    c->base = rp_cstr(&c->arena, base);
    file = file != NULL ? file : getenv("REPRISE_TOKEN_FILE");
    return file == NULL || file[0] == '\0' || read_token(c, file, err);
}

/* ---- requests ---- */

void reply_header(struct reply *r, struct rp_str line)
{
    struct rp_str name;
    if (!rp_str_split(&line, ':', &name) || line.p == NULL)
        return;
    line = rp_str_trim(line);
    if (name.n == 22 && strncasecmp(name.p, "Reprise-Output-Dropped", 22) == 0)
        (void)rp_str_i64(line, &r->dropped_bytes);
    if (name.n == 19 && strncasecmp(name.p, "Reprise-Output-Live", 19) == 0)
        r->live = rp_str_is(line, "1");
}

static bool unreachable(const struct client *c, enum http_end end, const char *why,
                        struct rp_err *err)
{
    const char *where = c->socket != NULL ? c->socket : c->base;
    if (end == HTTP_LATE) {
        (void)rp_fail(err, RP_E_UNREACHABLE, "the daemon at %s does not answer in time", where);
        return rp_hint(err, "look at its log, or try again: reprise status");
    }
    if (end == HTTP_CUT_OFF) {
        (void)rp_fail(err, RP_E_UNREACHABLE, "the daemon at %s gave no whole answer: %s", where,
                      why);
        return rp_hint(err, "look at its log, or try again: reprise status");
    }
    if (end == HTTP_TOO_LARGE)
        return rp_fail(err, RP_E_TOO_LARGE, "the daemon's answer is too large");
    (void)rp_fail(err, RP_E_UNREACHABLE, "no daemon answers at %s%s%s", where,
                  why[0] != '\0' ? ": " : "", why);
    if (c->socket == NULL)
        return rp_hint(err, "check the URL, or start it there: reprise serve --listen HOST:PORT");
    if (access(c->socket, W_OK) != 0 && errno == EACCES) /* it, or its folder */
        return rp_hint(err, "you may not open the socket: join the group reprise, or use sudo");
    return rp_hint(err,
                   "start it: reprise serve --config reprise.yaml (or systemctl start reprise)");
}

struct client *client_new(struct cli *cli, int64_t timeout_us, struct rp_err *err)
{
    struct client *c = rp_xcalloc(1, sizeof *c);
    c->timeout_us = timeout_us;
    bool found = find_daemon(cli, c, err);
    if (found && c->socket != NULL && !is_there(c->socket)) /* nobody can answer */
        found = unreachable(c, HTTP_UNREACHABLE, "", err);
    if (found && (c->socket != NULL || (c->url = url_way_new(c->base, err)) != NULL))
        return c;
    client_free(c);
    return NULL;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    url_way_free(c->url);
    rp_arena_free(&c->arena);
    free(c);
}

/* Where in the request a mistake stands means nothing to who wrote a command line. */
static struct rp_str without_place(struct rp_str detail)
{
    static const char place[] = " (line ";
    for (size_t i = 0; rp_str_ends(detail, ")") && i + sizeof place < detail.n; i++)
        if (memcmp(detail.p + i, place, sizeof place - 1) == 0)
            return (struct rp_str){detail.p, i};
    return detail;
}

/* A problem document becomes an error: what happened and what to do. */
static bool problem(struct rp_arena *a, const struct reply *r, struct rp_err *err)
{
    struct cli reader = {.arena = {0}};
    struct rp_str type = doc_str(&reader, r->body, "type"),
                  title = doc_str(&reader, r->body, "title"),
                  detail = without_place(doc_str(&reader, r->body, "detail")),
                  hint = doc_str(&reader, r->body, "hint");
    struct rp_str slug = type;
    for (size_t i = 0; i < type.n; i++)
        if (type.p[i] == ':' || type.p[i] == '/')
            slug = (struct rp_str){type.p + i + 1, type.n - i - 1};
    enum rp_code code = rp_code_of_slug(rp_cstr(a, slug));
    if (type.p == NULL)
        code = r->status == 401 ? RP_E_UNAUTHORIZED : RP_E_INTERNAL;
    if (detail.n > 0 || title.n > 0)
        (void)rp_fail(err, code, "%.*s", RP_FMT(detail.n > 0 ? detail : title));
    else
        (void)rp_fail(err, code, "what answers is not a Reprise daemon: HTTP status %ld",
                      r->status);
    if (hint.n > 0)
        (void)rp_hint(err, "%.*s", RP_FMT(hint));
    else if (code == RP_E_UNAUTHORIZED)
        (void)rp_hint(err, "give a token: --token-file F or $REPRISE_TOKEN_FILE");
    rp_arena_free(&reader.arena);
    return false;
}

/* A token is shown once, so its answer is not kept for a repetition of the request. */
static bool repeatable(const char *path)
{
    return strcmp(path, "/v1/tokens") != 0;
}

static void set_headers(const struct client *c, bool post, bool key_it, struct rp_arena *a,
                        struct http_request *q)
{
    size_t n = 0;
    uint64_t key[2];
    q->headers[n++] = "Accept: application/json";
    if (c->token[0] != '\0')
        q->headers[n++] = c->token;
    if (post)
        q->headers[n++] = "Content-Type: application/json";
    if (!post || !key_it)
        return;
    arc4random_buf(key, sizeof key);
    q->headers[n] = rp_cstr(a, rp_str_fmt(a, "Idempotency-Key: %016llx%016llx",
                                          (unsigned long long)key[0], (unsigned long long)key[1]));
}

bool client_send(struct client *c, struct rp_arena *a, const char *method, const char *path,
                 const struct rp_buf *body, struct reply *reply, struct rp_err *err)
{
    struct rp_buf in = {.limit = CLIENT_REPLY_MAX};
    bool post = strcmp(method, "POST") == 0;
    const char *why = "";
    struct http_request q = {.method = method, .path = path, .timeout_us = c->timeout_us};
    if (post && body != NULL)
        q.body = body->n > 0 ? rp_buf_view(body) : RP_STR("");
    else if (post)
        q.body = RP_STR("{}");
    set_headers(c, post, repeatable(path), a, &q);
    *reply = (struct reply){0};
    enum http_end end = c->socket != NULL ? http_socket(c->socket, &q, reply, &in, &why)
                                          : http_url(c->url, &q, reply, &in, &why);
    reply->body = rp_str_dup(a, rp_buf_view(&in));
    rp_buf_free(&in);
    if (end != HTTP_ANSWERED)
        return unreachable(c, end, why, err);
    return reply->status < 400 ? true : problem(a, reply, err);
}

bool client_call(struct cli *cli, const char *method, const char *path, const struct rp_buf *body,
                 struct reply *reply, struct rp_err *err)
{
    if (cli->client == NULL)
        cli->client = client_new(cli, 120 * RP_US_S, err);
    if (cli->client == NULL)
        return false;
    rp_buf_free(&cli->problem);
    if (client_send(cli->client, &cli->arena, method, path, body, reply, err))
        return true;
    if (err->code != RP_E_UNREACHABLE && rp_str_starts(reply->body, "{"))
        rp_buf_str(&cli->problem, reply->body);
    return false;
}

bool client_get(struct cli *cli, const char *path, struct reply *reply, struct rp_err *err)
{
    return client_call(cli, "GET", path, NULL, reply, err);
}

bool client_get_query(struct cli *cli, struct query *q, struct reply *reply, struct rp_err *err)
{
    const char *path = rp_cstr(&cli->arena, rp_buf_view(&q->text));
    rp_buf_free(&q->text);
    return client_get(cli, path, reply, err);
}
