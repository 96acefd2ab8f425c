/* Private to api/: what a request asks to replay. */
#ifndef RP_API_REPLAY_ASK_H
#define RP_API_REPLAY_ASK_H

#include "api/handlers.h"

/* What prepare read; and of a refused start the check that refused. */
struct replay_in {
    struct rp_replay_ask ask;
    bool dry_run;
    struct rp_str select, guard; /* as they came; absent: not given */
    struct rp_str check, says;
    struct rp_replay_making making;
    struct rp_str record;                      /* of a dry run, and of what is parked */
    void (*look)(struct rp_db *db, void *arg); /* once dependencies were checked */
};

/* For ROUTE_ASYNC: has dependencies checked anew, then runs `then` with the request on a reader. */
bool replay_after_checks(struct request *q, void (*then)(struct rp_db *db, void *arg),
                         struct rp_err *err);
/* As q->failed: a refused start says which check refused, beside the sentence. */
void replay_refused(struct request *q, const struct rp_err *err);

/* What a guard of something that begins at once cannot mean must not be passed over (U2). */
bool replay_ask_now(const struct rp_replay_ask *ask, struct rp_err *err);
/* Reads {"select": …, "guard": …, "dry_run": …} into *in. */
bool replay_ask_read(struct request *q, struct replay_in *in, struct rp_err *err);
/* A plan that is named by its hash alone: selects and guards as its dry run did, and as is said now
 * on top of that. RP_E_REFUSED if nobody made it in the last hour. */
bool replay_ask_recall(struct request *q, struct rp_db *db, struct replay_in *in,
                       struct rp_err *err);
/* The record of a dry run, from which it can be recalled. */
struct rp_str replay_ask_record(struct request *q, const struct replay_in *in);

#endif
