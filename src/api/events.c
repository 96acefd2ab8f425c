/* Server-Sent Events: how far replays are. A stream is a row of short answers: each holds what is
 * new and ends, and who listens asks again after `retry:` with the id of what it had last, as every
 * EventSource does by itself. So a listener holds nothing here between two answers: no connection,
 * no buffer, no thread (G18, G20). 204 ends the row, by the standard's own rule. */
#include "api/handlers.h"
#include "api/shapes.h"

enum { AGAIN_MS = 1000, LISTED_MOST = 50 };

/* What it says of itself changes with one of these. */
static struct rp_str id_of(struct request *q, const struct rp_replay *r)
{
    struct rp_replay_speed v = rp_replay_speed(r, request_now(q));
    return rp_str_fmt(&q->arena, "R%lld-%s-%lld-%lld-%lld-%llx", (long long)r->id,
                      rp_replay_state_name(r->state), (long long)r->wave, (long long)v.ended,
                      (long long)v.failed, (unsigned long long)rp_hash64(r->says));
}

static void event(struct request *q, const struct rp_replay *r)
{
    struct rp_replay_speed v = rp_replay_speed(r, request_now(q));
    rp_buf_fmt(&q->out, "id: %.*s\nevent: replay\ndata: ", RP_FMT(id_of(q, r)));
    q->w = (struct rp_jw){.out = &q->out};
    rp_jw_object(&q->w);
    shape_prefixed_id(&q->w, "id", "R", r->id);
    rp_jw_m_cstr(&q->w, "state", rp_replay_state_name(r->state));
    rp_jw_m_str(&q->w, "says", r->says);
    rp_jw_m_i64(&q->w, "wave", r->wave);
    rp_jw_m_i64(&q->w, "to_replay", r->n[0]);
    rp_jw_m_i64(&q->w, "ended", v.ended);
    rp_jw_m_i64(&q->w, "succeeded", r->n[RP_FATE_SUCCEEDED]);
    rp_jw_m_i64(&q->w, "failed", v.failed);
    shape_speed(&q->w, &v);
    rp_jw_object_end(&q->w);
    rp_buf_fmt(&q->out, "\n\n");
}

static void begin(struct request *q)
{
    answer_begin(q, 200);
    q->content_type = "text/event-stream";
    rp_buf_fmt(&q->out, "retry: %d\n\n", AGAIN_MS);
}

/* One replay, until it is over and that has been heard. */
static bool one(struct request *q, struct rp_db *db, struct rp_str id, struct rp_err *err)
{
    struct rp_replay r;
    const char *heard =
        MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID");
    q->capture[0] = id;
    int64_t number;
    if (!capture_id(q, 0, "R", &number, err) || !rp_replay_get(db, number, &q->arena, &r, err))
        return false;
    bool known = heard != NULL && rp_str_is(id_of(q, &r), heard);
    if (known && rp_replay_over(r.state)) {
        answer_text(q, 204, RP_STR(""));
        return true;
    }
    begin(q);
    if (!known)
        event(q, &r);
    return true;
}

bool r_events(struct request *q, struct rp_db *db, struct rp_err *err)
{
    static const char *const known[] = {"replay", NULL};
    struct rp_str id = query(q, "replay");
    struct rp_replay *v;
    size_t n;
    if (!query_known(q, known, err))
        return false;
    if (id.p != NULL)
        return one(q, db, id, err);
    if (!rp_replays_list(db, true, LISTED_MOST, &q->arena, &v, &n, err))
        return false;
    begin(q);
    for (size_t i = n; i > 0; i--) /* they come newest first */
        event(q, &v[i - 1]);
    return true;
}
