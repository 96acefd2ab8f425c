/* HTTP to the daemon over its Unix socket or a URL, with libcurl. */
#include "cli/internal.h"

#include "base/places.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPLY_MAX = 256 << 20, TOKEN_MAX = 512 };

struct client {
    CURL *curl;
    const char *base;   /* "http://localhost" over a socket */
    const char *socket; /* NULL: a URL */
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
        c->base = "http://localhost";
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

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct rp_buf *b = ctx;
    rp_buf_add(b, p, size * n);
    return b->overflow ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct reply *r = ctx;
    struct rp_str line = rp_str_trim((struct rp_str){p, size * n}), name;
    if (rp_str_split(&line, ':', &name) && line.p != NULL) {
        line = rp_str_trim(line);
        if (name.n == 22 && strncasecmp(name.p, "Reprise-Output-Dropped", 22) == 0)
            (void)rp_str_i64(line, &r->dropped_bytes);
        if (name.n == 19 && strncasecmp(name.p, "Reprise-Output-Live", 19) == 0)
            r->live = rp_str_is(line, "1");
    }
    return size * n;
}

static bool unreachable(const struct client *c, CURLcode code, struct rp_err *err)
{
    const char *where = c->socket != NULL ? c->socket : c->base;
    if (code == CURLE_OPERATION_TIMEDOUT) {
        (void)rp_fail(err, RP_E_UNREACHABLE, "the daemon at %s does not answer in time", where);
        return rp_hint(err, "look at its log, or try again: reprise status");
    }
    if (code == CURLE_WRITE_ERROR)
        return rp_fail(err, RP_E_TOO_LARGE, "the daemon's answer is too large");
    (void)rp_fail(err, RP_E_UNREACHABLE, "no daemon answers at %s%s%s", where,
                  c->socket != NULL ? "" : ": ", c->socket != NULL ? "" : curl_easy_strerror(code));
    if (c->socket == NULL)
        return rp_hint(err, "check the URL, or start it there: reprise serve --listen HOST:PORT");
    if (access(c->socket, F_OK) == 0 && access(c->socket, W_OK) != 0)
        return rp_hint(err, "you may not open the socket: join the group reprise, or use sudo");
    return rp_hint(err,
                   "start it: reprise serve --config reprise.yaml (or systemctl start reprise)");
}

struct client *client_new(struct cli *cli, int64_t timeout_us, struct rp_err *err)
{
    struct client *c = rp_xcalloc(1, sizeof *c);
    if (!find_daemon(cli, c, err)) {
        client_free(c);
        return NULL;
    }
    /* Nobody can answer: a run under cron without a daemon is spared libcurl's setting up. */
    if (c->socket != NULL && !is_there(c->socket)) {
        (void)unreachable(c, CURLE_COULDNT_CONNECT, err);
        client_free(c);
        return NULL;
    }
    /* TLS is set up by libcurl itself when a https URL is used; leaving it out here saves
     * milliseconds at each start over the socket. */
    (void)curl_global_init(strncmp(c->base, "https", 5) == 0 ? CURL_GLOBAL_DEFAULT
                                                             : CURL_GLOBAL_NOTHING);
    c->curl = curl_easy_init();
    if (c->socket != NULL)
        curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
    curl_easy_setopt(c->curl, CURLOPT_PROXY,
                     ""); /* the daemon is named by URL, not found by proxy */
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)(timeout_us / 1000));
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "reprise/" RP_VERSION);
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    if (c->curl != NULL)
        curl_easy_cleanup(c->curl);
    rp_arena_free(&c->arena);
    free(c);
}

/* A problem document becomes an error: what happened and what to do. */
static bool problem(struct rp_arena *a, const struct reply *r, struct rp_err *err)
{
    struct cli reader = {.arena = {0}};
    struct rp_str type = doc_str(&reader, r->body, "type"),
                  title = doc_str(&reader, r->body, "title"),
                  detail = doc_str(&reader, r->body, "detail"),
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

static struct curl_slist *headers_of(const struct client *c, bool post, bool key_it)
{
    struct curl_slist *h = curl_slist_append(NULL, "Accept: application/json");
    if (c->token[0] != '\0')
        h = curl_slist_append(h, c->token);
    if (!post)
        return h;
    h = curl_slist_append(h, "Expect:");
    h = curl_slist_append(h, "Content-Type: application/json");
    if (!key_it)
        return h;
    uint64_t key[2];
    char line[64];
    arc4random_buf(key, sizeof key);
    (void)snprintf(line, sizeof line, "Idempotency-Key: %016llx%016llx", (unsigned long long)key[0],
                   (unsigned long long)key[1]);
    return curl_slist_append(h, line);
}

bool client_send(struct client *c, struct rp_arena *a, const char *method, const char *path,
                 const struct rp_buf *body, struct reply *reply, struct rp_err *err)
{
    struct rp_buf in = {.limit = REPLY_MAX};
    bool post = strcmp(method, "POST") == 0;
    struct curl_slist *headers = headers_of(c, post, repeatable(path));
    const char *url = rp_cstr(a, rp_str_fmt(a, "%s%s", c->base, path));
    struct rp_str text = body != NULL ? rp_buf_view(body) : RP_STR("{}");
    *reply = (struct reply){0};
    curl_easy_setopt(c->curl, CURLOPT_URL, url);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &in);
    curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, reply);
    if (post) {
        curl_easy_setopt(c->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text.p);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)text.n);
    } else {
        curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    }
    CURLcode code = curl_easy_perform(c->curl);
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    curl_slist_free_all(headers);
    reply->body = rp_str_dup(a, rp_buf_view(&in));
    rp_buf_free(&in);
    if (code != CURLE_OK)
        return unreachable(c, code, err);
    return reply->status < 400 ? true : problem(a, reply, err);
}

bool client_call(struct cli *cli, const char *method, const char *path, const struct rp_buf *body,
                 struct reply *reply, struct rp_err *err)
{
    if (cli->client == NULL)
        cli->client = client_new(cli, 120 * RP_US_S, err);
    if (cli->client == NULL)
        return false;
    return client_send(cli->client, &cli->arena, method, path, body, reply, err);
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
