/* How replays of a case begin: asked for, planned, made in parts, parked. */
#ifndef RP_TESTS_PROPERTY_PLANS_H
#define RP_TESTS_PROPERTY_PLANS_H

#include "property_promises.h"

static void remember(struct prop *p, int64_t id, const struct rp_plan *plan)
{
    struct promise *of = promise_of(p, id);
    if (of == NULL) {
        assert_true(p->n_promises < REPLAYS);
        of = &p->promise[p->n_promises++];
    }
    assert_true(plan->n <= ITEMS);
    *of = (struct promise){.id = id, .n = (size_t)plan->n};
    for (size_t i = 0; i < of->n; i++) {
        of->job[i] = plan->items[i].job_id;
        if (state_of(p->w, of->job[i]) == (enum rp_state)plan->items[i].state)
            of->row[i] = job_row(p->w, of->job[i]); /* else another replay has let it out since */
    }
}

static struct pending *free_pending(struct prop *p)
{
    for (size_t i = 0; i < PENDING; i++)
        if (!p->pending[i].used)
            return &p->pending[i];
    return NULL;
}

static struct rp_replay_ask any_ask(struct prop *p)
{
    static struct rp_str past[] = {RP_STR("workers"),  RP_STR("class"),
                                   RP_STR("replays"),  RP_STR("fix-first"),
                                   RP_STR("sequence"), RP_STR("in-another-replay")};
    static struct rp_str types[] = {RP_STR("a"), RP_STR("b"), RP_STR("c")};
    struct rp_replay_ask ask = {.actor = RP_STR("ada"), .reason = RP_STR("checked")};
    ask.override = (struct rp_strs){past, 3 + dice(p, 4)};
    ask.include_unsafe = dice(p, 2);
    ask.include_unknown = dice(p, 2);
    ask.at_once = dice(p, 4) == 0;
    ask.canary = ask.at_once ? 0 : (int64_t)dice(p, 4);
    ask.all = dice(p, 2);
    ask.has_filter = !ask.all;
    if (!ask.all)
        ask.filter.type = types[dice(p, 3)];
    if (dice(p, 4) == 0)
        ask.filter.since_us = p->w->now - (int64_t)dice(p, 300) * RP_US_S;
    return ask;
}

static void plan_one(struct prop *p)
{
    struct pending *next = free_pending(p);
    struct rp_err err;
    if (next == NULL)
        return;
    *next = (struct pending){.ask = any_ask(p), .m = {.part = 1 + (int64_t)dice(p, 5)}};
    next->used = rp_replay_plan(p->w->db, conf_of(p->w), &next->ask, p->w->now, &p->w->arena,
                                &next->m.plan, &err);
    if (next->used)
        SAY(p, "planned %" PRId64 " jobs\n", next->m.plan.n);
}

static void make_plain(struct prop *p, struct pending *x)
{
    struct rp_err err = {0};
    bool again = false, begins = x->m.id == 0;
    dependency(p->w, "db", p->up);
    if (!rp_replay_make(p->w->db, conf_of(p->w), &x->ask, p->w->now, &p->w->arena, &x->m, &again,
                        &err)) {
        SAY(p, "refused: %s\n", err.message);
        x->used = false;
        return;
    }
    SAY(p, "made %" PRId64 " of replay %" PRId64 "\n", x->m.made, x->m.id);
    if (begins)
        remember(p, x->m.id, &x->m.plan);
    x->used = again;
}

static void make_parked_part(struct prop *p, struct pending *x)
{
    bool again = true;
    while (!x->planned && again)
        OK(rp_replay_park_clear(p->w->db, x->p.id, &again, err));
    if (!x->planned) {
        OK(rp_replay_parked_plan(p->w->db, conf_of(p->w), p->w->now, &p->w->arena, &x->p, err));
        remember(p, x->p.id, &x->p.plan);
    }
    x->planned = true;
    OK(rp_replay_parked_make(p->w->db, p->w->now, &p->w->arena, &x->p, &again, err));
    SAY(p, "made %" PRId64 " of parked replay %" PRId64 "\n", x->p.made, x->p.id);
    x->used = again;
}

static void make_part(struct prop *p, uint64_t parts)
{
    size_t from = dice(p, PENDING);
    for (size_t i = 0; i < PENDING; i++) {
        struct pending *x = &p->pending[(from + i) % PENDING];
        for (; x->used && parts > 0; parts--)
            if (x->parked)
                make_parked_part(p, x);
            else
                make_plain(p, x);
    }
}

static void park_one(struct prop *p)
{
    struct rp_replay_ask ask = {.all = true, .actor = RP_STR("ada")};
    int64_t id;
    if (dice(p, 2))
        ask.park = (struct rp_replay_park){RP_PARK_DEPENDENCY, RP_STR("db"), 0, 0};
    else
        ask.park.at_us = p->w->now + 1 + (int64_t)dice(p, 60) * RP_US_S;
    OK(rp_replay_park(p->w->db, conf_of(p->w), &ask,
                      RP_STR("{\"select\":{\"type\":\"a\"},\"guard\":{}}"), p->w->now, &id, err));
    SAY(p, "parked replay %" PRId64 "\n", id);
}

#endif
