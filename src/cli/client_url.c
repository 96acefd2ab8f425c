/* Requests to a daemon that is named by URL, with libcurl. */
#include "cli/client_ways.h"

#include "base/libcurl.h"

#include <stdlib.h>

struct url_way {
    const struct rp_curl *lib;
    CURL *curl;
    const char *base;
};

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct rp_buf *b = ctx;
    rp_buf_add(b, p, size * n);
    return b->overflow ? 0 : size * n;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    reply_header(ctx, rp_str_trim((struct rp_str){p, size * n}));
    return size * n;
}

struct url_way *url_way_new(const char *base, struct rp_err *err)
{
    const struct rp_curl *lib = rp_curl(err);
    CURL *c = lib != NULL ? lib->easy_init() : NULL;
    if (c == NULL) {
        if (lib != NULL)
            (void)rp_fail(err, RP_E_INTERNAL, "libcurl does not start");
        return NULL;
    }
    struct url_way *w = rp_xcalloc(1, sizeof *w);
    *w = (struct url_way){lib, c, base};
    lib->easy_setopt(c, CURLOPT_PROXY, ""); /* the daemon is named by URL, not found by proxy */
    lib->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    lib->easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
    lib->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    lib->easy_setopt(c, CURLOPT_USERAGENT, "reprise/" RP_VERSION);
    lib->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    lib->easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    return w;
}

void url_way_free(struct url_way *w)
{
    if (w == NULL)
        return;
    w->lib->easy_cleanup(w->curl);
    free(w);
}

static struct curl_slist *headers_of(const struct url_way *w, const struct http_request *q)
{
    struct curl_slist *h = w->lib->slist_append(NULL, "Expect:");
    for (size_t i = 0; i < CLIENT_HEADERS && q->headers[i] != NULL; i++)
        h = w->lib->slist_append(h, q->headers[i]);
    return h;
}

static void set_method(const struct url_way *w, const struct http_request *q)
{
    if (q->body.p == NULL) {
        w->lib->easy_setopt(w->curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    w->lib->easy_setopt(w->curl, CURLOPT_POST, 1L);
    w->lib->easy_setopt(w->curl, CURLOPT_POSTFIELDS, q->body.p);
    w->lib->easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
}

static enum http_end end_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_LATE;
    case CURLE_WRITE_ERROR:
        return HTTP_TOO_LARGE;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
        return HTTP_CUT_OFF;
    default:
        return HTTP_UNREACHABLE;
    }
}

enum http_end http_url(struct url_way *w, const struct http_request *q, struct reply *r,
                       struct rp_buf *body, const char **why)
{
    struct rp_buf url = {0};
    struct curl_slist *headers = headers_of(w, q);
    rp_buf_fmt(&url, "%s%s", w->base, q->path);
    rp_buf_c(&url, '\0');
    w->lib->easy_setopt(w->curl, CURLOPT_URL, url.p);
    w->lib->easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers);
    w->lib->easy_setopt(w->curl, CURLOPT_TIMEOUT_MS, (long)(q->timeout_us / 1000));
    w->lib->easy_setopt(w->curl, CURLOPT_WRITEDATA, body);
    w->lib->easy_setopt(w->curl, CURLOPT_HEADERDATA, r);
    set_method(w, q);
    CURLcode code = w->lib->easy_perform(w->curl);
    (void)w->lib->easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &r->status);
    w->lib->slist_free_all(headers);
    rp_buf_free(&url);
    *why = w->lib->easy_strerror(code);
    return end_of(code);
}
