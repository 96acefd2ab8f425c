/* The load that the benchmarks put on a daemon's API: one function a kind of load, each prints one
 * JSON object. */
#ifndef RP_BENCH_LOAD_H
#define RP_BENCH_LOAD_H

#include "http.h"

struct load {
    struct http http;
    const char *type;    /* of the jobs */
    int connections;     /* of those who enqueue */
    int workers;         /* connections of those who fetch and report */
    int64_t batch;       /* jobs a request; 1: an object, no array */
    int64_t payload;     /* bytes */
    int64_t n;           /* jobs in all, or samples */
    int64_t wave;        /* of load_work: so many are sent at once, see there; 0: as many as go */
    double seconds;      /* measured, after … */
    double warm;         /* … so long */
    const char *program; /* of the loads that start processes, */
    const char *stamp;   /* its argument, if it is stamp.c */
};

/* As many POSTs as go, for a time: jobs a second, how long an answer takes. */
void load_enqueue(struct load *l);
/* n jobs, as fast as they go. */
void load_fill(struct load *l);
/* n jobs through enqueue, claim and report; without connections that enqueue: those in the queue.
 * With waves one connection enqueues, and the next wave once nine tenths of the last have ended, as
 * a replay lets its items out. */
void load_work(struct load *l);
/* From before the POST of a job to the answer of a fetch that waits for it. */
void load_fetch(struct load *l);
/* From before the POST of a job to its process' first line, and the same from a posix_spawn. */
void load_start(struct load *l);
/* Processes a second of a plain posix_spawn and waitpid loop. */
void load_spawn(struct load *l);

/* The body of a request that enqueues `batch` jobs with payloads of that many bytes. */
void load_jobs_body(const struct load *l, int64_t batch, struct rp_buf *out);

/* Times, all of them kept: percentiles are exact. */
struct times {
    int64_t *v;
    size_t n, cap;
};
void times_add(struct times *t, int64_t us);
int64_t times_at(struct times *t, double share); /* sorts */
/* `"p50_us":1,"p99_us":2,"n":3` */
void times_print(struct times *t, const char *prefix);
void times_free(struct times *t);

#endif
