/* How a run begins, takes its steps in transactions, and ends. */
#include "steps_internal.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void run_wrong(struct run *r, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(r->why, sizeof r->why, format, ap);
    va_end(ap);
    longjmp(r->wrong, 1);
}

void run_say(struct run *r, const char *format, ...)
{
    va_list ap;
    if (!r->trace)
        return;
    va_start(ap, format);
    (void)vprintf(format, ap);
    va_end(ap);
}

/* ---- transactions, restarts ---- */

static void commit(struct run *r)
{
    if (r->in_tx)
        MUST(r, rp_tx_commit(r->db, err));
    r->in_tx = false;
}

static void begin(struct run *r)
{
    if (r->in_tx)
        return;
    MUST(r, rp_tx_begin(r->db, err));
    r->at_begin = r->m;
    r->in_tx = true;
}

/* The model's clock goes on whatever is rolled back. */
static void back_to(struct run *r, const struct model *before)
{
    int64_t now = r->m.now;
    r->m = *before;
    r->m.now = now;
}

static void apply_config(struct run *r)
{
    int64_t held;
    MUST(r, rp_tx_begin(r->db, err));
    MUST(r, rp_config_apply(r->db, r->config, r->m.now, &held, err));
    run_same(r, "held jobs", held, 0);
}

/* A daemon that begins on the store ends the commands of the one before. */
static void reopen(struct run *r)
{
    int64_t orphans, running = 0;
    rp_store_close(r->store);
    r->store = NULL;
    MUST(r, rp_store_open(r->path, &r->store, err));
    r->db = rp_store_writer(r->store);
    MUST(r, rp_script(r->db, "pragma synchronous = off", err));
    apply_config(r);
    for (int64_t i = 1; i <= r->m.n; i++)
        running += r->m.job[i].state == RP_RUNNING && r->m.job[i].lease.command;
    MUST(r, rp_leases_orphaned(r->db, NODE, r->m.now, &orphans, err));
    MUST(r, rp_leases_spare(r->db, r->m.now + M_LEASE, err));
    MUST(r, rp_tx_commit(r->db, err));
    run_same(r, "G27: commands of the daemon before", orphans, running);
    m_restart(&r->m, true);
    run_say(r, "%lld lost", (LL)orphans);
}

bool do_commit(struct run *r, const struct step *s)
{
    (void)s;
    commit(r);
    return true;
}

bool do_rollback(struct run *r, const struct step *s)
{
    (void)s;
    if (!r->in_tx)
        return true;
    rp_tx_rollback(r->db);
    back_to(r, &r->at_begin);
    r->in_tx = false;
    return true;
}

bool do_crash(struct run *r, const struct step *s)
{
    (void)do_rollback(r, s);
    reopen(r);
    return true;
}

bool do_restart(struct run *r, const struct step *s)
{
    (void)s;
    commit(r);
    reopen(r);
    return true;
}

/* ---- one step ---- */

static bool (*const doing[STEP_KINDS])(struct run *, const struct step *) = {
#define X(name, often) [STEP_##name] = do_##name,
    STEPS(X)
#undef X
};

const char *step_name(enum step_kind k)
{
    static const char *const names[STEP_KINDS] = {
#define X(name, often) [STEP_##name] = #name,
        STEPS(X)
#undef X
    };
    return names[k];
}

/* In a savepoint, as the writer does it: what is refused, or fails after its work, is undone alone.
 */
static void in_savepoint(struct run *r, const struct step *s)
{
    begin(r);
    r->before = r->m;
    MUST(r, rp_savepoint(r->db, err));
    bool ok = doing[s->kind](r, s);
    if (ok && !s->fails) {
        MUST(r, rp_savepoint_release(r->db, err));
        return;
    }
    if (ok)
        run_say(r, " — and fails");
    rp_savepoint_rollback(r->db);
    back_to(r, &r->before);
}

void run_step(struct run *r, const struct step *s)
{
    bool ends = s->kind == STEP_commit || s->kind == STEP_rollback || s->kind == STEP_crash ||
                s->kind == STEP_restart;
    run_say(r, "  %s: ", step_name(s->kind));
    if (ends)
        (void)doing[s->kind](r, s);
    else
        in_savepoint(r, s);
    run_say(r, "\n");
    if (ends)
        run_agree(r);
    rp_arena_free(&r->a);
    r->a = (struct rp_arena){0};
}

void run_end(struct run *r)
{
    commit(r);
    run_agree(r);
    run_check(r);
}

void run_open(struct run *r)
{
    static struct rp_mistakes mistakes;
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    (void)snprintf(r->dir, sizeof r->dir, "%s/reprise-model-XXXXXX", tmp);
    if (mkdtemp(r->dir) == NULL)
        run_wrong(r, "no folder for a store");
    (void)snprintf(r->path, sizeof r->path, "%s/s.db", r->dir);
    r->config = rp_config_parse(rp_str_of(m_config), RP_STR("model.yaml"), NULL, &mistakes);
    if (r->config == NULL)
        run_wrong(r, "configuration: %s", mistakes.error[0].err.message);
    MUST(r, rp_store_open(r->path, &r->store, err));
    r->db = rp_store_writer(r->store);
    MUST(r, rp_script(r->db, "pragma synchronous = off", err));
    m_init(&r->m, INT64_C(1767225600) * RP_US_S);
    apply_config(r);
    MUST(r, rp_tx_commit(r->db, err));
}

void run_close(struct run *r)
{
    char path[128];
    if (r->store != NULL)
        rp_store_close(r->store);
    rp_config_free(r->config);
    rp_arena_free(&r->a);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s%s", r->path,
                       ((const char *const[]){"", "-wal", "-shm", ".lock"})[i]);
        (void)unlink(path);
    }
    (void)rmdir(r->dir);
}
