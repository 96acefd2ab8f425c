#include "engine/engine.h"

#include <pwd.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENV_OWN = 16 };

struct list {
    struct rp_arena *arena;
    struct rp_env *v;
    size_t n;
};

static void put(struct list *l, const char *name, struct rp_str value)
{
    l->v[l->n++] = (struct rp_env){rp_str_of(name), value};
}

/* A configured variable replaces ours of the same name, but for the contract's own REPRISE_ names.
 */
static void put_configured(struct list *l, const struct rp_env *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (rp_str_eq(l->v[i].name, e->name)) {
            if (!rp_str_starts(e->name, "REPRISE_"))
                l->v[i].value = e->value;
            return;
        }
    l->v[l->n++] = *e;
}

static struct rp_str home_of(struct rp_arena *a, struct rp_str user)
{
    char buf[4096];
    struct passwd pw, *found = NULL;
    int rc = user.n > 0 ? getpwnam_r(rp_cstr(a, user), &pw, buf, sizeof buf, &found)
                        : getpwuid_r(getuid(), &pw, buf, sizeof buf, &found);
    return rc == 0 && found != NULL ? rp_str_dup(a, rp_str_of(found->pw_dir)) : RP_STR("/");
}

/* W3C Trace Context: one trace a job (so attempts and replays are found together), one span an
 * attempt. */
static struct rp_str traceparent(struct rp_arena *a, const struct rp_job_env *in)
{
    struct rp_str seed = rp_str_fmt(a, "%.*s/%lld", RP_FMT(in->store_id), (long long)in->job_id);
    unsigned char trace[16];
    (void)crypto_generichash(trace, sizeof trace, (const unsigned char *)seed.p, seed.n, NULL, 0);
    char hex[33], span_hex[17];
    unsigned char span[8];
    randombytes_buf(span, sizeof span);
    span[0] |= 1; /* all zero is not allowed */
    (void)sodium_bin2hex(hex, sizeof hex, trace, sizeof trace);
    (void)sodium_bin2hex(span_hex, sizeof span_hex, span, sizeof span);
    return rp_str_fmt(a, "00-%s-%s-01", hex, span_hex);
}

/* Without a key of its own a job gets one that is the same on every attempt and replay and on no
 * other job. */
static struct rp_str key_of(struct rp_arena *a, const struct rp_job_env *in)
{
    if (in->key.n > 0)
        return in->key;
    struct rp_str id = in->store_id;
    return rp_str_fmt(a, "%.*s-%lld", (int)(id.n < 12 ? id.n : 12), id.p != NULL ? id.p : "",
                      (long long)in->job_id);
}

/* Which run it is that a compensation takes back. */
static void put_compensates(struct list *l, const struct rp_compensates *of)
{
    if (of->job_id == 0)
        return;
    put(l, "REPRISE_COMPENSATES", rp_str_fmt(l->arena, "%lld", (long long)of->job_id));
    put(l, "REPRISE_COMPENSATES_ATTEMPT", rp_str_fmt(l->arena, "%lld", (long long)of->attempt));
    if (of->key.n > 0)
        put(l, "REPRISE_COMPENSATES_KEY", of->key);
}

struct rp_env *rp_job_environment(struct rp_arena *a, const struct rp_job_env *in, size_t *n_out)
{
    const struct rp_type *t = in->settings;
    size_t configured = t != NULL ? t->n_env : 0;
    struct list l = {a, RP_NEW_N(a, struct rp_env, ENV_OWN + configured), 0};
    char time[RP_TIME_LEN];
    put(&l, "PATH", RP_STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    put(&l, "HOME", home_of(a, t != NULL ? t->user : RP_NONE));
    put(&l, "LANG", RP_STR("C.UTF-8"));
    put(&l, "TZ", in->zone.n > 0 ? in->zone : RP_STR("UTC"));
    put(&l, "REPRISE_JOB_ID", rp_str_fmt(a, "%lld", (long long)in->job_id));
    put(&l, "REPRISE_JOB_TYPE", in->type);
    put(&l, "REPRISE_ATTEMPT", rp_str_fmt(a, "%lld", (long long)in->attempt));
    put(&l, "REPRISE_KEY", key_of(a, in));
    put(&l, "REPRISE_STORE_ID", in->store_id);
    put(&l, "TRACEPARENT", traceparent(a, in));
    if (in->deadline_us != 0)
        put(&l, "REPRISE_DEADLINE",
            rp_str_dup(a, rp_str_of(rp_time_format(in->deadline_us, time))));
    if (in->memory_bytes != 0)
        put(&l, "REPRISE_MEMORY_LIMIT", rp_str_fmt(a, "%lld", (long long)in->memory_bytes));
    if (in->replay_id != 0)
        put(&l, "REPRISE_REPLAY_ID", rp_str_fmt(a, "R%lld", (long long)in->replay_id));
    put_compensates(&l, &in->compensates);
    for (size_t i = 0; i < configured; i++)
        put_configured(&l, &t->env[i]);
    *n_out = l.n;
    return l.v;
}
