/* A TCP connection that opens is up. */
#include "deps/internal.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

bool dep_host_port(struct rp_str s, char host[256], char port[16])
{
    size_t colon = s.n;
    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2 || s.n - colon == 0 || s.n - colon > 15)
        return false;
    struct rp_str h = {s.p, colon - 1};
    if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
        h = (struct rp_str){h.p + 1, h.n - 2};
    if (h.n > 255)
        return false;
    (void)snprintf(host, 256, "%.*s", RP_FMT(h));
    (void)snprintf(port, 16, "%.*s", (int)(s.n - colon), s.p + colon);
    return true;
}

/* 0, or the errno of why it did not connect in time. */
static int connect_within(const struct addrinfo *ai, int64_t until_us)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), why = 0;
    socklen_t n = sizeof why;
    if (fd < 0)
        return errno;
    if (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0)
        why = errno;
    if (why == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int64_t left = until_us - rp_mono(&rp_clock_system);
        int ready = poll(&p, 1, left > 0 ? (int)(left / 1000) + 1 : 0);
        if (ready == 0)
            why = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) != 0)
            why = errno;
    }
    (void)close(fd);
    return why;
}

/* A host with several addresses is up by any: none of them may use up the others' time. */
static int connect_any(const struct addrinfo *found, int64_t until_us)
{
    int why = EHOSTUNREACH, left = 0;
    for (const struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next)
        left++;
    for (const struct addrinfo *ai = found; ai != NULL && why != 0; ai = ai->ai_next) {
        int64_t now = rp_mono(&rp_clock_system);
        why = connect_within(ai, now + (until_us - now) / left--);
    }
    return why;
}

void check_tcp(const struct rp_dep *dep, int64_t timeout_us, const atomic_bool *quit,
               struct rp_dep_result *out)
{
    (void)quit;
    char host[256], port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int64_t until = rp_mono(&rp_clock_system) + timeout_us;
    if (!dep_host_port(dep->target, host, port)) {
        dep_down(out, "%.*s is not host:port", RP_FMT(dep->target));
        return;
    }
    int rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        dep_down(out, "%s does not resolve: %s", host, gai_strerror(rc));
        return;
    }
    int why = connect_any(found, until);
    freeaddrinfo(found);
    if (why == 0) {
        out->up = true;
        (void)snprintf(out->says, sizeof out->says, "connected");
    } else {
        char text[80];
        dep_down(out, "%s (%.*s)", strerror_r(why, text, sizeof text), RP_FMT(dep->target));
    }
}
