/* Where the server listens: the Unix socket and the TCP address, and whether it may. */
#include "api/internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool socket_alive(const struct sockaddr_un *sa)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* EAGAIN: so many wait for it to accept them that it has no room for one more. */
    bool alive =
        fd >= 0 && (connect(fd, (const struct sockaddr *)sa, sizeof *sa) == 0 || errno == EAGAIN);
    if (fd >= 0)
        (void)close(fd);
    return alive;
}

static bool make_parent(const char *path)
{
    char dir[108];
    (void)snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL || slash == dir)
        return true;
    *slash = '\0';
    return mkdir(dir, 0750) == 0 || errno == EEXIST;
}

/* What an earlier daemon left; never a file that is something else. */
static bool remove_stale(const char *path, struct rp_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0 || (S_ISSOCK(st.st_mode) && unlink(path) == 0))
        return true;
    (void)rp_fail(err, RP_E_CONFIG, "%s is there and cannot be replaced by a socket", path);
    return rp_hint(err, "choose another place with `socket:`");
}

int listen_unix(const char *path, struct rp_err *err)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof sa.sun_path) {
        (void)rp_fail(err, RP_E_CONFIG, "the socket path %.60s… is longer than %zu bytes", path,
                      sizeof sa.sun_path - 1);
        (void)rp_hint(err, "choose a shorter one with `socket:`");
        return -1;
    }
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
    if (socket_alive(&sa)) {
        (void)rp_fail(err, RP_E_STORE_IN_USE, "another daemon listens on %s", path);
        (void)rp_hint(err, "stop it first, or give this one another `socket:`");
        return -1;
    }
    if (!remove_stale(path, err))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody may connect before the mode is set: the file is made closed (bind takes the mode of
     * the open socket), then opened to the group. Not by umask, which is every thread's. */
    bool ok = fd >= 0 && make_parent(path) && fchmod(fd, 0600) == 0 &&
              bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0;
    if (ok && chmod(path, 0660) == 0 && listen(fd, 1024) == 0)
        return fd;
    (void)rp_fail(err, RP_E_IO, "cannot listen on %s: %s", path, strerror(errno));
    (void)rp_hint(err, "choose a place you may write to with `socket:`, or run as a user that may");
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool is_loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24) ==
               127;
    return sa->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

static bool split_listen(struct rp_str listen, char host[256], char port[16])
{
    size_t colon = listen.n;
    while (colon > 0 && listen.p[colon - 1] != ':')
        colon--;
    struct rp_str h = {listen.p, colon > 0 ? colon - 1 : 0};
    if (h.n > 1 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = (struct rp_str){h.p + 1, h.n - 2};
    if (colon == 0 || h.n == 0 || h.n > 255 || listen.n - colon == 0 || listen.n - colon > 15)
        return false;
    (void)snprintf(host, 256, "%.*s", RP_FMT(h));
    (void)snprintf(port, 16, "%.*s", (int)(listen.n - colon), listen.p + colon);
    return true;
}

int listen_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } sa = {0};
    socklen_t n = sizeof sa;
    if (getsockname(fd, &sa.any, &n) != 0)
        return 0;
    return ntohs(sa.any.sa_family == AF_INET ? sa.v4.sin_port : sa.v6.sin6_port);
}

/* Whether anybody but the machine's own users could get in: a token that is valid now. */
static bool tokens_exist(const struct rp_api_options *o)
{
    struct rp_arena a = {0};
    struct rp_token *tokens;
    size_t n;
    int64_t now = rp_wall(rp_engine_clock(o->engine));
    bool found = false;
    struct rp_db *db = rp_store_reader(rp_engine_store(o->engine), NULL);
    if (db == NULL)
        return false;
    if (rp_tokens_list(db, &a, &tokens, &n, NULL))
        for (size_t i = 0; i < n && !found; i++)
            found = tokens[i].revoked_us == 0 &&
                    (tokens[i].expires_us == 0 || tokens[i].expires_us > now);
    rp_db_close(db);
    rp_arena_free(&a);
    return found;
}

/* S1: beyond loopback only with tokens, and only where somebody said that the network is trusted.
 */
static bool may_listen(const struct rp_api_options *o, const struct addrinfo *ai,
                       struct rp_err *err)
{
    if (is_loopback(ai->ai_addr))
        return true;
    if (!o->insecure) {
        (void)rp_fail(err, RP_E_REFUSED,
                      "%.*s is not a loopback address, and this version speaks no TLS",
                      RP_FMT(o->listen));
        return rp_hint(err, "listen on 127.0.0.1 behind a TLS proxy, or say `insecure: true` in a "
                            "network you trust");
    }
    if (tokens_exist(o))
        return true;
    (void)rp_fail(err, RP_E_REFUSED, "%.*s is not a loopback address, and there is no token",
                  RP_FMT(o->listen));
    return rp_hint(err,
                   "make one over the socket first: reprise token create --scope read --name N");
}

/* A peer whose machine or network is gone sends no end. Who is silent is asked after PROBE_IDLE_S,
 * and is gone if nothing comes back: so a long poll ends before a job is given to nobody. What is
 * connected here later takes this over. TCP_USER_TIMEOUT is not set: it would also cut a live peer
 * that pauses in the middle of an answer, which has IDLE_S (server.c). */
static void ask_the_silent(int fd)
{
    enum { PROBE_IDLE_S = 15, PROBE_EVERY_S = 5, PROBES = 3 };
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, PROBE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, PROBES},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
}

/* -1 and errno if it cannot. */
static int bind_address(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 1024) == 0) {
        ask_the_silent(fd);
        return fd;
    }
    int e = errno;
    (void)close(fd);
    errno = e;
    return -1;
}

/* A name may have addresses of a kind that this machine has not; then the next one is meant. */
static int bind_one(const struct rp_api_options *o, const struct addrinfo *ai, struct rp_err *err)
{
    for (; may_listen(o, ai, err); ai = ai->ai_next) {
        int fd = bind_address(ai);
        if (fd >= 0)
            return fd;
        if (ai->ai_next != NULL && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
            continue;
        (void)rp_fail(err, RP_E_IO, "cannot listen on %.*s: %s", RP_FMT(o->listen),
                      strerror(errno));
        (void)rp_hint(
            err, "choose another address with `listen:` or --listen (port 0 picks a free one)");
        return -1;
    }
    return -1;
}

int listen_tcp(const struct rp_api_options *o, struct rp_err *err)
{
    char host[256], port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE},
                    *found = NULL;
    if (!split_listen(o->listen, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        (void)rp_fail(err, RP_E_CONFIG, "\"%.*s\" is not an address to listen on",
                      RP_FMT(o->listen));
        (void)rp_hint(err, "use host:port, for instance 127.0.0.1:7420");
        return -1;
    }
    int fd = bind_one(o, found, err);
    freeaddrinfo(found);
    return fd;
}
