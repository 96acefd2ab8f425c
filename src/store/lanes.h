/* Private to store/: the lanes that claims choose from, kept between claims.
 *
 * The ready jobs of one queue and type are a lane: in the index job_ready they lie together,
 * highest priority first, then the longest due. To find all lanes in the index, and to ask for each
 * whether its type and queue may run, cost microseconds a lane, and with 10,000 of them every claim
 * held the writer longer than a turn may take (G19). So the writer's connection keeps them, with
 * the place of each one's first job, and is told of what changes: a job that becomes ready or is so
 * no more (rp_lanes_moved), what decides whether a lane may run (rp_lanes_ruled), a transaction or
 * savepoint that is rolled back (rp_lanes_back). What it was told of is read again at the next
 * claim that wants it; the rest is not.
 *
 * A kept place is a bound, not the truth: no ready job of the lane lies before it. What keeps a
 * single job from starting is asked only when its lane's turn has come. */
#ifndef RP_STORE_LANES_H
#define RP_STORE_LANES_H

#include "base/heap.h"
#include "store/internal.h"

/* Of a job among those of its lane, least first. */
struct rp_place {
    int64_t priority, due_us, id;
};
static inline bool rp_place_before(const struct rp_place *a, const struct rp_place *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->id < b->id;
}

/* A type or a queue: what its lanes share. */
struct rp_lane_side {
    int64_t id, max, running; /* max 0: no limit, and running is not counted */
    uint64_t ruled, touched;  /* ruled: by which rules; touched: when `running` was read or moved */
    double stride, pass;      /* queues: whose turn it is, see claim.c */
    bool open;                /* not paused, not held, … */
    bool commands;            /* types: run here, not by workers */
    bool counted;

    uint64_t asked_by; /* the newest claim that asked for it by name */

    /* The claim's own; `claim` says of which. */
    struct rp_heap heap; /* queues */
    uint64_t claim;
    int64_t left;
    struct rp_paces *paces; /* types, valid if paced_in is `claim`; NULL: no rate */
    uint64_t paced_in;
    struct rp_heap *lanes; /* of a queue */
};

struct rp_lane {
    struct rp_lane_side *queue, *type;
    struct rp_place first;
    uint64_t touched; /* when `first` was read */
    bool stale;       /* it may lie before `first`, or there may be none */
    bool empty;

    /* The claim's own. */
    struct rp_heap heap;
    struct rp_place now; /* no job of it that it may still give lies before */
    struct rp_lane_head *head;
    struct rp_lane *next_met;
    size_t n, at;  /* heads looked up, taken */
    int64_t seen;  /* looked up in all */
    bool met, all; /* all: there are no more than these */
};

struct rp_lane_sides {
    struct rp_lane_side **v; /* by id */
    size_t n;
};
struct rp_lanes {
    struct rp_lane **v, **slot; /* slot: by queue and type, open addressing, a power of two */
    size_t n, cap;
    struct rp_lane_sides types, queues;
    uint64_t clock;  /* rises with each thing that a rollback takes back */
    uint64_t rules;  /* rises with what decides whether a lane may run */
    uint64_t found;  /* when all lanes were looked for, 0: not yet */
    uint64_t claims; /* so many began */
};

/* All lanes are known from here on, and another claim begins. */
bool rp_lanes_find(struct rp_db *db, struct rp_lanes **out, struct rp_err *err);
struct rp_lane_side *rp_lane_type(struct rp_lanes *m, int64_t id);
struct rp_lane_side *rp_lane_queue(struct rp_lanes *m, int64_t id);
/* A side's rules and, if it has a limit, how many run, as of now. */
bool rp_lane_type_now(struct rp_db *db, struct rp_lane_side *t, struct rp_err *err);
bool rp_lane_queue_now(struct rp_db *db, struct rp_lane_side *q, struct rp_err *err);
/* `first` and `empty` as of now. */
bool rp_lane_now(struct rp_db *db, struct rp_lane *l, struct rp_err *err);

#endif
