/* Private to api/: a request and its way through the threads.
 *
 *   API thread      route → limits → body → prepare (parse, validate)                   server.c
 *   reader thread   authenticate → run_read, which also writes the answer
 *   writer thread   authenticate → run_write inside the op's savepoint                   dispatch.c
 *   API thread      render (after the commit) → answer
 *
 * A struct request belongs to one thread at a time, the one named above; it is freed when the
 * connection has been answered. */
#ifndef RP_API_INTERNAL_H
#define RP_API_INTERNAL_H

#include "api/api.h"
#include "base/json.h"
#include "store/registry.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

struct request;

enum route_kind {
    ROUTE_NOW,   /* answered on the API thread by run_now: nothing that blocks */
    ROUTE_READ,  /* run_read on a snapshot */
    ROUTE_SLOW,  /* the same, for what reads history: those wait for each other only */
    ROUTE_WHOLE, /* the same, for what reads the whole store */
    ROUTE_WRITE, /* prepare, run_write, render */
    ROUTE_ASYNC, /* run_async takes the request and calls request_finish by itself */
};

struct route {
    const char *method, *path; /* "/v1/jobs/{id}/cancel": captures go to request.capture in order */
    enum rp_scope scope;       /* RP_SCOPE_NONE: open to all */
    enum route_kind kind;
    bool (*prepare)(struct request *q, struct rp_err *err); /* API thread; may be NULL */
    bool (*run)(struct request *q, struct rp_db *db, struct rp_err *err);
    void (*render)(struct request *q); /* ROUTE_WRITE: API thread, after the commit; may be NULL */
    size_t body_max;                   /* 0: the configured limit */
};
extern const struct route routes[]; /* routes.c; the one table (S3) */
extern const size_t routes_n;

enum { CAPTURES_MAX = 3, ANSWERED_LISTS = 32 };

/* Requests whose answer is there, the newest first, until their API thread has noticed. */
struct answered {
    struct request *_Atomic first;
};

/* Headers that a request is asked for. */
enum heard {
    HEARD_LENGTH,
    HEARD_ENCODING,
    HEARD_HOST,
    HEARD_SITE,
    HEARD_AUTHORIZATION,
    HEARD_IDEMPOTENCY_KEY,
    HEARD_N
};

struct request {
    struct rp_api *api;
    struct MHD_Connection *connection;
    const struct route *route;
    struct rp_arena arena;
    struct rp_str capture[CAPTURES_MAX]; /* percent-decoded */
    struct rp_buf body;
    struct peer *peer;            /* the connection's, peers.c */
    struct rp_str heard[HEARD_N]; /* the first of each, in the connection's buffer as well */
    struct rp_str uri;   /* its place in the connection's buffer; absent: not fit for one */
    bool local;          /* over the Unix socket */
    struct rp_str actor; /* "uid:root", "token:ci": for audit */
    struct rp_str bearer, idempotency_key;
    enum rp_scope scope; /* of who asks, once authenticated */
    void *in;            /* what prepare made for run, in the arena */
    bool slow;           /* set by prepare: ROUTE_READ that reads as much as ROUTE_SLOW */
    /* Set by prepare, or NULL: see struct rp_op. It authenticates each; not used with an
     * Idempotency-Key. */
    bool (*run_all)(struct rp_db *db, struct rp_op *const *ops, size_t n, struct rp_err *err);

    int status;               /* 0: not answered yet */
    const char *content_type; /* default application/json */
    struct rp_buf out;
    struct {
        const char *name;
        struct rp_str value;
    } header[4];
    int n_headers;
    struct rp_jw w; /* writes to out */

    struct rp_op op;
    struct rp_read read;
    bool (*write)(struct request *q, struct rp_db *db, struct rp_err *err); /* what op does */
    atomic_bool finished;
    /* Writes the answer of a write that failed, where a plain problem does not do; may be NULL. */
    void (*failed)(struct request *q, const struct rp_err *err);
    struct request *next;      /* lists of waiting requests (long poll) */
    struct answered *answered; /* the list of the API thread that serves it … */
    struct request *next_answered;
    bool calls_others;         /* it was the first in it */
    struct request *next_part; /* api->in_parts */
    bool in_parts;
    uint64_t tried; /* api->ready_changes when it last looked for work */
    int64_t deadline_mono_us;
    size_t held_bytes, worked_bytes; /* bodies.c: what it counts for */
    bool late;  /* waits only for its deadline: the answer is there, but held back (S2) */
    bool seen;  /* the server's: first call done */
    bool away;  /* the server's: counted in api->suspended */
    bool close; /* the connection ends with this answer */
};

/* ---- listen.c: a descriptor that listens, -1 and err if it cannot or may not be had ---- */

int listen_unix(const char *path, struct rp_err *err); /* 0660; a stale file is replaced */
int listen_tcp(const struct rp_api_options *o, struct rp_err *err);
int listen_port(int fd);

/* ---- peers.c: who is connected ---- */

enum { ADDRESS_BYTES = 16, GUESSERS = 256, TOKENS_USED = 64 };

/* A connection; made and freed by the server's callbacks. */
struct peer {
    struct peer *next, **link;
    int fd;
    bool local;
    unsigned char address[ADDRESS_BYTES]; /* IPv4 mapped into IPv6; of IPv6 the /64 */
    _Atomic int64_t
        headers_by_mono_us; /* when the headers of the next request must be there (S6) */
    char actor[64];         /* "uid:NAME" once asked for; of its API thread */
};

struct peers {
    pthread_mutex_t lock; /* protects the list; a leaf */
    struct peer *first;
};

/* Addresses that sent wrong tokens (S2): a small table, so that it cannot be filled. */
struct guesses {
    pthread_mutex_t lock; /* a leaf */
    struct {
        unsigned char address[ADDRESS_BYTES];
        int64_t until_mono_us; /* forgotten then */
        unsigned n;
    } slot[GUESSERS];
};

struct rp_api {
    struct rp_engine *engine;
    struct rp_deps *deps;
    struct rp_purger *purger;
    struct rp_api_options o;
    bool lenient_library; /* see wire.c */
    struct MHD_Daemon *local, *tcp;
    struct peers peers;
    struct guesses guesses;
    /* By token id modulo: when its use was last written down, so that a busy token costs one write
     * a minute (and a crowd of them one a second and slot). */
    _Atomic int64_t token_used_us[TOKENS_USED];
    struct answered answered[ANSWERED_LISTS];
    char socket_path[108];
    int port;
    struct rp_listener listener;
    pthread_t timer;
    pthread_mutex_t lock;                    /* protects what follows */
    pthread_cond_t wake;                     /* CLOCK_MONOTONIC */
    struct request *waiting, **waiting_tail; /* long polls without work yet, oldest first */
    uint64_t ready_changes;                  /* how often work may have come */
    int64_t wake_next_us;                    /* no fetch is woken before (monotonic) */
    bool stopping;
    atomic_size_t under_way; /* requests that began and were not answered yet */
    atomic_size_t suspended; /* those of them that another thread has */
    atomic_size_t
        resuming;       /* threads that give one back: it may be answered before they are done */
    atomic_bool ending; /* no more of those */
    /* The writer thread's own: requests with an Idempotency-Key that take several transactions and
     * are not done yet. */
    struct request *in_parts;
    atomic_size_t held_bytes, worked_bytes; /* of bodies: arrived; whole and worked on */
};

void peer_connection(void *api, struct MHD_Connection *connection, void **context,
                     enum MHD_ConnectionNotificationCode code);
struct peer *peer_of(struct MHD_Connection *connection);
/* Shuts connections whose headers did not come in time. */
void peers_cut_late(struct rp_api *api, int64_t now_mono_us);
/* Who is at the other end of a Unix socket, by the kernel's word. Looked up once a connection:
 * names of users come from files or the network. API thread; lives as long as the connection. */
struct rp_str peer_actor(struct peer *p);
/* The other side is gone already: what it waited for need not be done. */
bool peer_gone(const struct peer *p);
/* A wrong token came from there: how long its answer is held back. */
int64_t guess_delay(struct guesses *g, const unsigned char address[ADDRESS_BYTES],
                    int64_t now_mono_us);

/* ---- wire.c ---- */

/* Whether method, request line and headers came in the one way in which every program on the way
 * reads them alike (S6); else RP_E_BAD_REQUEST. To be asked when the headers are there; fills
 * heard. */
bool wire_uri_sound(const char *uri);
bool wire_lenient_library(void); /* this libmicrohttpd leaves the reading of line ends to us */
bool wire_sound(struct request *q, const char *method, const char *version, struct rp_err *err);

/* ---- bodies.c: how much is taken at once; refusals are answers ---- */

void body_add(struct request *q, const char *p, size_t n); /* a part that arrived */
bool body_work(struct request *q);                         /* it is whole; false: not now */
bool body_heavy(const struct request *q); /* others go first: its writes take long */
void body_end(struct request *q);         /* once, with the request */

/* ---- resume.c ---- */

struct answered *answered_here(struct rp_api *api); /* of the calling API thread */
/* Any thread, once a suspension: the connection goes on; the request is its API thread's. */
void request_resume(struct request *q);
/* API thread, when a resumed request comes back: by its callback, or by its end. */
void request_back(struct request *q);

/* ---- dispatch.c ---- */
void request_dispatch(struct request *q); /* the connection is suspended (but for ROUTE_NOW) */
/* For ROUTE_ASYNC: the request goes on as ROUTE_WRITE does, with this function. It may set
 * q->op.again. */
bool request_write(struct request *q,
                   bool (*write)(struct request *q, struct rp_db *db, struct rp_err *err),
                   struct rp_err *err);
/* Its answer is this error, and its end. */
void request_refuse(struct request *q, const struct rp_err *err);
/* Who asks, and may they: on the thread that has a connection to the store. */
bool request_authenticate(struct request *q, struct rp_db *db, struct rp_err *err);
/* The same; `before` (may be NULL) was let in by the same transaction. */
bool request_authenticate_as(struct request *q, const struct request *before, struct rp_db *db,
                             struct rp_err *err);
/* Ends a request from any thread: its connection goes on. */
void request_finish(struct request *q);
/* Before a fetch looks for work, in its transaction: what comes after that wakes it, also what
 * comes in the same transaction. */
void request_looks(struct request *q);
/* Parks a fetch that found nothing until work may be there or its deadline comes; then `again` runs
 * as an op once more. */
bool request_park(struct request *q); /* false when the API is stopping: answer now */
bool polls_start(struct rp_api *api, struct rp_err *err);
void polls_stop(struct rp_api *api); /* from then on nothing is parked any more */

/* ---- request.c: reading and answering ---- */
/* Percent-decoding; false for a bad escape, %00, or nothing. */
bool url_decode(struct rp_arena *a, struct rp_str s, struct rp_str *out);
/* problem+json (RFC 9457) with type urn:reprise:problem:<slug>. */
void answer_problem(struct request *q, const struct rp_err *err);
/* Begins a problem answer with another status (0: the code's) and leaves its object open. */
void problem_begin(struct request *q, const struct rp_err *err, int status);
void problem_object(struct request *q,
                    const struct rp_err *err); /* the object alone, as a value inside an answer */
void answer_begin(struct request *q, int status); /* then write to &q->w */
void answer_text(struct request *q, int status, struct rp_str text);
void answer_header(struct request *q, const char *name, struct rp_str value);

struct rp_str query(struct request *q, const char *name); /* absent if not given */
bool query_i64(struct request *q, const char *name, int64_t lo, int64_t hi, int64_t fallback,
               int64_t *out, struct rp_err *err);
bool query_time(struct request *q, const char *name, int64_t *us,
                struct rp_err *err); /* RFC 3339 or an age; 0 if absent */
bool query_bool(struct request *q, const char *name, bool *out, struct rp_err *err);
/* Refuses query parameters that are not in the NULL-terminated list, have no value, cannot be
 * decoded, or come twice (but for `where`) (U2). */
bool query_known(struct request *q, const char *const *names, struct rp_err *err);
bool no_query(struct request *q, struct rp_err *err); /* this path takes none */
/* Every value of a repeated parameter, in order. */
void query_each(struct request *q, const char *name, void (*take)(void *ctx, struct rp_str value),
                void *ctx);
bool capture_id(struct request *q, int i, const char *prefix, int64_t *id,
                struct rp_err *err);          /* "R12" with prefix "R" */
struct rp_json *body_json(struct request *q); /* opened over the body; in the arena */
int64_t request_now(struct request *q);

#endif
