/* Connections: their time for headers, their address; and the slowing of those who guess tokens. */
#include "api/internal.h"

#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { FREE_GUESSES = 5, WAYS = 4 };

/* ---- connections ---- */

static void set_address(struct peer *p, const struct sockaddr *sa)
{
    if (sa != NULL && sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        p->address[10] = p->address[11] = 0xff;
        memcpy(p->address + 12, &in->sin_addr, 4);
    } else if (sa != NULL && sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        memcpy(p->address, &in6->sin6_addr, 8);
    } else {
        p->local = true;
    }
}

static void *peer_new(struct rp_api *api, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *from =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct peer *p = rp_xcalloc(1, sizeof *p);
    p->fd = fd != NULL ? fd->connect_fd : -1;
    set_address(p, from != NULL ? from->client_addr : NULL);
    p->headers_by_mono_us = rp_mono(rp_engine_clock(api->engine)) + api->o.headers_us;
    (void)pthread_mutex_lock(&api->peers.lock);
    p->next = api->peers.first;
    p->link = &api->peers.first;
    if (p->next != NULL)
        p->next->link = &p->next;
    api->peers.first = p;
    (void)pthread_mutex_unlock(&api->peers.lock);
    return p;
}

static void peer_free(struct rp_api *api, struct peer *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&api->peers.lock);
    *p->link = p->next;
    if (p->next != NULL)
        p->next->link = p->link;
    (void)pthread_mutex_unlock(&api->peers.lock);
    free(p);
}

void peer_connection(void *api, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = peer_new(api, connection);
    } else {
        peer_free(api, *context);
        *context = NULL;
    }
}

struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info->socket_context;
}

void peers_cut_late(struct rp_api *api, int64_t now_mono_us)
{
    (void)pthread_mutex_lock(&api->peers.lock);
    for (struct peer *p = api->peers.first; p != NULL; p = p->next)
        if (p->headers_by_mono_us <= now_mono_us) {
            (void)shutdown(p->fd, SHUT_RDWR); /* its thread sees the end and closes it */
            p->headers_by_mono_us = INT64_MAX;
        }
    (void)pthread_mutex_unlock(&api->peers.lock);
}

struct rp_str peer_actor(struct peer *p)
{
    struct ucred cred;
    struct passwd pw, *found = NULL;
    socklen_t n = sizeof cred;
    char buf[2048];
    if (p->actor[0] != '\0')
        return rp_str_of(p->actor);
    if (getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
        (void)snprintf(p->actor, sizeof p->actor, "uid:?");
    else if (getpwuid_r(cred.uid, &pw, buf, sizeof buf, &found) == 0 && found != NULL)
        (void)snprintf(p->actor, sizeof p->actor, "uid:%s", found->pw_name);
    else
        (void)snprintf(p->actor, sizeof p->actor, "uid:%u", cred.uid);
    return rp_str_of(p->actor);
}

bool peer_gone(const struct peer *p)
{
    struct pollfd look = {.fd = p->fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* ---- guesses ---- */

static int64_t delay_of(unsigned n)
{
    if (n <= FREE_GUESSES)
        return 0;
    unsigned doublings = n - FREE_GUESSES - 1;
    return doublings >= 4 ? 4 * RP_US_S : (RP_US_S / 4) << doublings;
}

int64_t guess_delay(struct guesses *g, const unsigned char address[ADDRESS_BYTES],
                    int64_t now_mono_us)
{
    size_t set = (size_t)rp_hash64((struct rp_str){(const char *)address, ADDRESS_BYTES}) %
                 (GUESSERS / WAYS) * WAYS,
           at = set;
    (void)pthread_mutex_lock(&g->lock);
    for (size_t i = set; i < set + WAYS; i++) {
        if (g->slot[i].until_mono_us <= now_mono_us)
            g->slot[i].n = 0;
        if (g->slot[i].n > 0 && memcmp(g->slot[i].address, address, ADDRESS_BYTES) == 0) {
            at = i;
            break;
        }
        if (g->slot[i].n < g->slot[at].n) /* else the mildest one makes room */
            at = i;
    }
    if (memcmp(g->slot[at].address, address, ADDRESS_BYTES) != 0)
        g->slot[at].n = 0;
    memcpy(g->slot[at].address, address, ADDRESS_BYTES);
    g->slot[at].until_mono_us = now_mono_us + RP_US_MIN;
    int64_t delay = delay_of(++g->slot[at].n);
    (void)pthread_mutex_unlock(&g->lock);
    return delay;
}
