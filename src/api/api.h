/* The HTTP API of INTERFACES.md over a Unix socket (trusted by file permission) and TCP (bearer
 * tokens).
 *
 * A request is parsed and validated on an API thread, which never waits: it suspends the connection
 * and hands an op to the writer or a read to the readers; the answer resumes it. So a few threads
 * carry thousands of requests and long polls, and group commit fills itself. */
#ifndef RP_API_API_H
#define RP_API_API_H

#include "engine/engine.h"

struct rp_api;
struct rp_deps;
struct rp_purger;
struct rp_mining;

struct rp_api_options {
    struct rp_engine *engine;
    struct rp_deps *deps;     /* for fresh checks */
    struct rp_purger *purger; /* does what POST /v1/purges and /v1/restores begin */
    struct rp_mining *mining; /* for the patterns of failures that are reported; may be NULL */
    const char
        *socket_path; /* made 0660; a stale file of a dead daemon is replaced, a live one refused */
    struct rp_str listen; /* host:port, "" for none; port 0 picks one. Not loopback: refused unless
                             tokens exist and `insecure` (S1) */
    bool insecure;
    struct rp_strs hosts; /* accepted Host names beside loopback ones (S4) */
    int64_t body_bytes;
    int threads;        /* of each listener; default 16, see server.c */
    int64_t headers_us; /* how long a client may take for its headers, default 10 s (S6) */
};
struct rp_api *rp_api_start(const struct rp_api_options *o, struct rp_err *err);
/* The TCP port in use, 0 if none. */
int rp_api_port(const struct rp_api *api);
/* No new connections; long polls are answered empty; requests under way end. The engine must still
 * run. */
void rp_api_stop(struct rp_api *api);

#endif
