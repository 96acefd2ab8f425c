/* The two ways of a request to the daemon: its Unix socket, which all commands take on its own
 * machine, and a URL. */
#ifndef RP_CLI_CLIENT_WAYS_H
#define RP_CLI_CLIENT_WAYS_H

#include "cli/internal.h"

enum { CLIENT_HEADERS = 4, CLIENT_REPLY_MAX = 256 << 20 };

struct http_request {
    const char *method, *path;
    struct rp_str body;                  /* absent: none */
    const char *headers[CLIENT_HEADERS]; /* lines without their end, NULL behind the last */
    int64_t timeout_us;
};

/* HTTP_CUT_OFF: somebody is there, but what came is no whole answer. */
enum http_end { HTTP_ANSWERED, HTTP_UNREACHABLE, HTTP_CUT_OFF, HTTP_LATE, HTTP_TOO_LARGE };

/* What a header of the answer says goes into it. */
void reply_header(struct reply *r, struct rp_str line);

/* The answer's body is added to `body`, whose limit holds; status and headers go into the reply.
 * *why: of HTTP_UNREACHABLE and HTTP_CUT_OFF. */
enum http_end http_socket(const char *socket, const struct http_request *q, struct reply *r,
                          struct rp_buf *body, const char **why);

/* ---- client_url.c: with libcurl ---- */

struct url_way; /* keeps its connection */
struct url_way *url_way_new(const char *base, struct rp_err *err);
void url_way_free(struct url_way *w);
/* As http_socket. */
enum http_end http_url(struct url_way *w, const struct http_request *q, struct reply *r,
                       struct rp_buf *body, const char **why);

#endif
