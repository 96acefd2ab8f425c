/* What a purge takes, and what it must leave (U26). */
#include "replay/purge.h"

#include "base/places.h"
#include "replay/internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

enum { JOBS_MAX = 5000000, NAME_LEN_MAX = 200 };

struct planning {
    const struct rp_purge_ask *ask;
    struct rp_purge_plan *plan;
    crypto_generichash_state hash;
    struct rp_arena *arena;
    size_t cap;
};

static bool waits(enum rp_state s)
{
    return s == RP_SCHEDULED || s == RP_QUEUED || s == RP_RETRYING;
}

/* Why it stays; NULL: it goes. Without its payload a job that waits could not run. */
static const char *pinned(const struct rp_purge_ask *ask, const struct rp_purge_candidate *c)
{
    if (c->state == RP_RUNNING)
        return "running";
    if (c->in_replay)
        return "in-replay";
    if (c->held)
        return "held";
    if (waits(c->state) && (!ask->include_waiting || ask->payloads))
        return "waiting";
    if ((c->state == RP_FAILED || c->state == RP_UNKNOWN) && !ask->include_unresolved)
        return "unresolved";
    return ask->payloads && c->freed ? "payload-purged" : NULL;
}

static void left_out(struct rp_purge_plan *p, const char *reason)
{
    size_t i = 0;
    while (i < p->n_left_out && strcmp(p->left_out[i].reason, reason) != 0)
        i++;
    if (i == p->n_left_out)
        p->left_out[p->n_left_out++] = (struct rp_left_out){reason, 0};
    p->left_out[i].n++;
}

static void add(struct planning *g, const struct rp_purge_candidate *c)
{
    struct rp_purge_plan *p = g->plan;
    int64_t frozen[4] = {c->job_id, c->state, c->last_n, c->ended_us};
    if ((size_t)p->n == g->cap) {
        g->cap = g->cap > 0 ? 2 * g->cap : 1024;
        struct rp_purge_pick *more = RP_NEW_N(g->arena, struct rp_purge_pick, g->cap);
        if (p->n > 0)
            memcpy(more, p->picks, (size_t)p->n * sizeof *more);
        p->picks = more;
    }
    p->picks[p->n++] = (struct rp_purge_pick){c->job_id, c->last_n, c->state};
    (void)crypto_generichash_update(&g->hash, (const unsigned char *)frozen, sizeof frozen);
    p->attempts += c->attempts;
    p->outputs += c->outputs;
    p->of_state[c->state]++;
    p->first_us = p->first_us == 0 || c->ended_us < p->first_us ? c->ended_us : p->first_us;
    p->last_us = c->ended_us > p->last_us ? c->ended_us : p->last_us;
}

static bool take(void *ctx, const struct rp_purge_candidate *c, struct rp_err *err)
{
    struct planning *g = ctx;
    const char *reason = pinned(g->ask, c);
    g->plan->matched++;
    if (reason != NULL) {
        left_out(g->plan, reason);
        return true;
    }
    if (g->plan->n == JOBS_MAX)
        return rp_fail(err, RP_E_TOO_LARGE, "more than %d jobs", JOBS_MAX) ||
               rp_hint(err, "purge them in parts: --type, --since, --until");
    add(g, c);
    return true;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Rising, each once: as the file needs them. */
static int64_t *sorted_ids(const struct rp_replay_ask *ask, struct rp_arena *a, size_t *n)
{
    int64_t *ids = RP_NEW_N(a, int64_t, ask->n_ids + 1);
    *n = 0;
    if (ask->n_ids > 0)
        memcpy(ids, ask->ids, ask->n_ids * sizeof *ids);
    qsort(ids, ask->n_ids, sizeof *ids, by_id);
    for (size_t i = 0; i < ask->n_ids; i++)
        if (*n == 0 || ids[*n - 1] != ids[i])
            ids[(*n)++] = ids[i];
    return ids;
}

static bool selected(const struct rp_replay_ask *ask, struct rp_err *err)
{
    return ask_selects(
        ask, "name --older-than, --type or ids beside the state; --all means every job", err);
}

static bool reason_given(const struct rp_purge_ask *ask, struct rp_err *err)
{
    if ((!ask->include_unresolved && !ask->include_waiting) || ask->reason.n > 0)
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "a purge of what is unresolved or waits needs a reason");
    return rp_hint(err, "say why it may go: --reason \"…\"; the audit trail keeps it");
}

static struct rp_str hash_text(struct planning *g, struct rp_arena *a)
{
    unsigned char digest[crypto_generichash_BYTES_MIN];
    char hex[2 * sizeof digest + 1];
    (void)crypto_generichash_update(&g->hash, (const unsigned char *)&g->ask->payloads, 1);
    (void)crypto_generichash_final(&g->hash, digest, sizeof digest);
    (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return rp_str_dup(a, (struct rp_str){hex, 16});
}

bool rp_purge_plan(struct rp_db *db, const struct rp_purge_ask *ask, struct rp_arena *a,
                   struct rp_purge_plan *out, struct rp_err *err)
{
    struct planning g = {.ask = ask, .plan = out, .arena = a};
    size_t n;
    *out = (struct rp_purge_plan){0};
    if (!selected(&ask->select, err) || !reason_given(ask, err))
        return false;
    int64_t *ids = sorted_ids(&ask->select, a, &n);
    (void)crypto_generichash_init(&g.hash, NULL, 0, crypto_generichash_BYTES_MIN);
    if (!rp_purge_each(db, &ask->select.filter, ids, n, take, &g, err))
        return false;
    out->hash = hash_text(&g, a);
    return true;
}

/* ---- where its file is ---- */

static bool plain_name(struct rp_str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '/' || (unsigned char)name.p[i] < 32 || name.p[i] == 127)
            return false;
    return name.n > 0 && name.n <= NAME_LEN_MAX && name.p[0] != '.';
}

static bool in_backups(const char *store_path, struct rp_str name, struct rp_arena *a,
                       struct rp_str *file, struct rp_err *err)
{
    const char *slash = strrchr(store_path, '/');
    struct rp_str around = {store_path, slash != NULL ? (size_t)(slash - store_path) : 0};
    struct rp_str folder = rp_str_fmt(a, "%.*s/backups", RP_FMT(around));
    if (!rp_place_make(folder.p))
        return rp_fail(err, RP_E_IO, "%s cannot be made: %s", folder.p, strerror(errno));
    *file = rp_str_fmt(a, "%.*s/%.*s", RP_FMT(folder), RP_FMT(name));
    return true;
}

bool rp_purge_file(const char *store_path, struct rp_str name, bool local, struct rp_arena *a,
                   struct rp_str *file, struct rp_err *err)
{
    if (plain_name(name))
        return in_backups(store_path, name, a, file, err);
    bool path = name.n > 1 && name.n < 4000 && name.p[0] == '/' && rp_utf8_valid(name) &&
                memchr(name.p, '\0', name.n) == NULL && !rp_str_ends(name, "/");
    if (path && local) {
        *file = rp_str_of(rp_cstr(a, name));
        return true;
    }
    (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" cannot be the name of a backup", RP_FMT(name));
    return rp_hint(err, path ? "over the network a plain name is wanted: it goes to the folder "
                               "backups beside the store"
                             : "write a plain name, or an absolute path");
}
