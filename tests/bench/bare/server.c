/* The bare program that enqueueing is measured against: libmicrohttpd with suspended connections
 * (one thread) and one writer thread that takes all bodies that wait, writes a row of each in one
 * transaction, commits, and resumes their connections. No routes, no JSON, no rights, no states.
 *
 *     bench_bare_server FOLDER socket PATH|port N      prints a line when it listens; ends by TERM
 */
#include "rows.h"

#include "base/str.h"
#include "base/time.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

struct post {
    struct rp_buf body;
    struct MHD_Connection *connection;
    int64_t id;
    struct post *next;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct post *head, **tail;
    struct rows rows;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/* ---- the writer ---- */

static struct post *take(void)
{
    (void)pthread_mutex_lock(&all.lock);
    while (all.head == NULL)
        (void)pthread_cond_wait(&all.more, &all.lock);
    struct post *first = all.head;
    all.head = NULL;
    all.tail = &all.head;
    (void)pthread_mutex_unlock(&all.lock);
    return first;
}

static struct rp_str payload_of(const struct post *p)
{
    struct rp_str body = rp_buf_view(&p->body);
    size_t at = rp_str_find(body, RP_STR("\"payload\":"));
    if (at == SIZE_MAX)
        return body;
    return (struct rp_str){body.p + at + 10, body.n - at - 11}; /* without the last } */
}

static void *writer(void *arg)
{
    (void)arg;
    for (;;) {
        struct post *batch = take();
        rows_sql(&all.rows, "begin immediate");
        for (struct post *p = batch; p != NULL; p = p->next) {
            struct rp_str payload = payload_of(p);
            p->id = rows_insert(&all.rows, payload.p, payload.n, rp_wall(&rp_clock_system));
        }
        rows_sql(&all.rows, "commit");
        for (struct post *p = batch, *next; p != NULL; p = next) {
            next = p->next;
            MHD_resume_connection(p->connection);
        }
    }
    return NULL;
}

/* ---- the server ---- */

static void submit(struct post *p)
{
    p->next = NULL;
    (void)pthread_mutex_lock(&all.lock);
    *all.tail = p;
    all.tail = &p->next;
    (void)pthread_cond_signal(&all.more);
    (void)pthread_mutex_unlock(&all.lock);
}

static enum MHD_Result answer(const struct post *p)
{
    char text[80];
    int n = snprintf(text, sizeof text, "{\"id\":\"%lld\",\"state\":\"queued\"}", (long long)p->id);
    struct MHD_Response *r =
        MHD_create_response_from_buffer((size_t)n, text, MHD_RESPMEM_MUST_COPY);
    (void)MHD_add_response_header(r, "Content-Type", "application/json");
    enum MHD_Result ok = MHD_queue_response(p->connection, 201, r);
    MHD_destroy_response(r);
    return ok;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **context)
{
    (void)cls;
    (void)url;
    (void)method;
    (void)version;
    struct post *p = *context;
    if (p == NULL) {
        *context = p = rp_xcalloc(1, sizeof *p);
        p->connection = connection;
        return MHD_YES;
    }
    if (*n > 0) {
        rp_buf_add(&p->body, data, *n);
        *n = 0;
        return MHD_YES;
    }
    if (p->id != 0)
        return answer(p);
    (void)MHD_suspend_connection(connection);
    submit(p);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    struct post *p = *context;
    if (p == NULL)
        return;
    rp_buf_free(&p->body);
    free(p);
    *context = NULL;
}

static int listen_at(const char *kind, const char *where)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_in in;
    } sa = {0};
    bool un = strcmp(kind, "socket") == 0;
    int fd = socket(un ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (un) {
        sa.un.sun_family = AF_UNIX;
        (void)snprintf(sa.un.sun_path, sizeof sa.un.sun_path, "%s", where);
    } else {
        sa.in = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)atoi(where)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    }
    socklen_t n = un ? sizeof sa.un : sizeof sa.in;
    return fd >= 0 && bind(fd, &sa.any, n) == 0 && listen(fd, 1024) == 0 ? fd : -1;
}

int main(int argc, char **argv)
{
    char path[400];
    pthread_t thread;
    sigset_t stop;
    int fd = argc == 4 ? listen_at(argv[2], argv[3]) : -1, sig;
    if (fd < 0)
        return 2;
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    (void)snprintf(path, sizeof path, "%s/bare-server.db", argv[1]);
    rows_open(&all.rows, path);
    all.tail = &all.head;
    if (pthread_create(&thread, NULL, writer, NULL) != 0)
        return 1;
    if (MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0,
                         NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, 2000U, MHD_OPTION_NOTIFY_COMPLETED,
                         on_completed, NULL, MHD_OPTION_END) == NULL)
        return 1;
    (void)puts("ready");
    (void)fflush(stdout);
    return sigwait(&stop, &sig); /* what is under way ends with the process */
}
