#include "exec/internal.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

enum { GROUPS_MAX = 65536 };

bool rp_spawn_refused(struct rp_spawn *s, const char *why, struct rp_str what, const char *hint)
{
    s->code = RP_NOT_RUNNABLE;
    (void)rp_fail(s->err, RP_E_SPAWN, "cannot start \"%.*s\": %s \"%.*s\"",
                  RP_FMT(s->spec->argv.v[0]), why, RP_FMT(what));
    return rp_hint(s->err, "%s", hint);
}

/* ---- argv, environment, path ---- */

static struct rp_str env_get(const struct rp_exec_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->n_env; i++)
        if (rp_str_is(spec->env[i].name, name))
            return spec->env[i].value;
    return RP_NONE;
}

static void plan_argv(struct rp_spawn *s)
{
    struct rp_strs argv = s->spec->argv;
    s->plan.argv = RP_NEW_N(&s->arena, char *, argv.n + 1);
    for (size_t i = 0; i < argv.n; i++)
        s->plan.argv[i] = rp_cstr(&s->arena, argv.v[i]);
}

static void plan_env(struct rp_spawn *s)
{
    size_t n = 0;
    s->plan.env = RP_NEW_N(&s->arena, char *, s->spec->n_env + 2);
    for (size_t i = 0; i < s->spec->n_env; i++) {
        struct rp_env *e = &s->spec->env[i];
        if (rp_str_is(e->name, "REPRISE_ATTEMPT_MARK"))
            continue; /* of a run that we are inside of ourselves */
        struct rp_str line = rp_str_fmt(&s->arena, "%.*s=%.*s", RP_FMT(e->name), RP_FMT(e->value));
        s->plan.env[n++] = rp_cstr(&s->arena, line);
    }
    struct rp_str mark = rp_str_fmt(&s->arena, "REPRISE_ATTEMPT_MARK=%s", s->tree->mark);
    s->plan.env[n] = rp_cstr(&s->arena, mark);
}

/* Which files execve is to try, as execvp would: all of PATH, an empty part being the working
 * directory. */
static void plan_paths(struct rp_spawn *s)
{
    struct rp_str program = s->spec->argv.v[0], dir, path = env_get(s->spec, "PATH");
    size_t n = 0;
    if (path.p == NULL)
        path = RP_STR(DEFAULT_PATH);
    s->plan.paths = RP_NEW_N(&s->arena, const char *, path.n + 2);
    if (rp_str_find(program, RP_STR("/")) != SIZE_MAX) {
        s->plan.paths[0] = rp_cstr(&s->arena, program);
        return;
    }
    while (rp_str_split(&path, ':', &dir)) {
        struct rp_str one = rp_str_fmt(&s->arena, "%.*s%s%.*s", RP_FMT(dir), dir.n > 0 ? "/" : "./",
                                       RP_FMT(program));
        s->plan.paths[n++] = rp_cstr(&s->arena, one);
    }
}

static bool has_nul(struct rp_str s)
{
    return s.p != NULL && memchr(s.p, '\0', s.n) != NULL;
}

/* execve would silently cut a text at its NUL. */
static bool check_texts(struct rp_spawn *s)
{
    const struct rp_exec_spec *spec = s->spec;
    bool nul = has_nul(spec->cwd) || has_nul(spec->user);
    for (size_t i = 0; i < spec->argv.n; i++)
        nul |= has_nul(spec->argv.v[i]);
    for (size_t i = 0; i < spec->n_env; i++)
        nul |= has_nul(spec->env[i].name) || has_nul(spec->env[i].value);
    return !nul || rp_spawn_refused(s, "a zero byte in an argument or variable of", spec->argv.v[0],
                                    "take the byte out; pass binary data on standard input");
}

static bool check_argv(struct rp_spawn *s)
{
    if (s->spec->argv.n > 0 && s->spec->argv.v[0].n > 0)
        return true;
    s->code = RP_NOT_FOUND;
    (void)rp_fail(s->err, RP_E_SPAWN, "the command is empty");
    return rp_hint(s->err, "give the job type a command: run: [program, argument, ...]");
}

/* ---- user ---- */

static bool plan_groups(struct rp_spawn *s, const char *name)
{
    int n = 64;
    do {
        s->plan.groups = RP_NEW_N(&s->arena, gid_t, (size_t)n);
        s->plan.n_groups = (size_t)n;
        if (getgrouplist(name, s->plan.gid, s->plan.groups, &n) >= 0) {
            s->plan.n_groups = (size_t)n;
            return true;
        }
    } while (n <= GROUPS_MAX && (size_t)n > s->plan.n_groups);
    return rp_spawn_refused(s, "cannot read the groups of user", s->spec->user, "run: id USER");
}

static bool plan_user(struct rp_spawn *s)
{
    enum { LEN = 64 << 10 };
    struct passwd pw, *hit = NULL;
    char *name = rp_cstr(&s->arena, s->spec->user);
    if (s->spec->user.p == NULL)
        return true;
    if (getpwnam_r(name, &pw, rp_alloc(&s->arena, LEN), LEN, &hit) != 0 || hit == NULL)
        return rp_spawn_refused(s, "there is no user", s->spec->user,
                                "create the user, or correct user:");
    s->plan.uid = pw.pw_uid;
    s->plan.gid = pw.pw_gid;
    s->plan.change_user = geteuid() != pw.pw_uid || geteuid() == 0;
    return !s->plan.change_user || plan_groups(s, name);
}

/* ---- limits ---- */

static void limit(struct rp_spawn *s, int resource, int64_t soft, int64_t hard)
{
    if (soft > 0)
        s->plan.limits[s->plan.n_limits++] =
            (struct rp_child_limit){resource, (uint64_t)soft, (uint64_t)hard};
}

/* The hard limit stays: whoever needs more may raise it. */
static void plan_open_files(struct rp_spawn *s)
{
    struct rlimit ours;
    if (s->spec->limits.open_files == 0 && getrlimit(RLIMIT_NOFILE, &ours) == 0 &&
        ours.rlim_max <= INT64_MAX)
        limit(s, RLIMIT_NOFILE, s->spec->open_files_soft, (int64_t)ours.rlim_max);
    limit(s, RLIMIT_NOFILE, s->spec->limits.open_files, s->spec->limits.open_files);
}

static void plan_limits(struct rp_spawn *s)
{
    const struct rp_limits *l = &s->spec->limits;
    int64_t cpu_grace_s = (s->spec->grace_us + RP_US_S - 1) / RP_US_S;
    /* SIGXCPU at the limit, SIGKILL when the grace is used up in CPU time. */
    limit(s, RLIMIT_CPU, l->cpu_s, l->cpu_s + (cpu_grace_s > 0 ? cpu_grace_s : 1));
    plan_open_files(s);
    limit(s, RLIMIT_FSIZE, l->file_bytes, l->file_bytes);
    limit(s, RLIMIT_CORE, l->core_bytes, l->core_bytes);
    if ((s->controls & RP_CONTROL_MEMORY) == 0)
        limit(s, RLIMIT_DATA, l->memory_bytes, l->memory_bytes);
    if ((s->controls & RP_CONTROL_PIDS) == 0 && s->plan.change_user)
        limit(s, RLIMIT_NPROC, l->processes, l->processes);
}

bool rp_spawn_plan(struct rp_spawn *s)
{
    s->plan.cgroup_procs = -1;
    s->plan.umask = s->spec->umask < 0 ? 077 : (mode_t)(s->spec->umask & 07777);
    s->plan.attached = s->spec->attach.output != NULL;
    s->plan.ignored = s->spec->attach.ignored;
    s->plan.keep_fd = s->spec->attach.keep_fd;
    if (s->spec->cwd.p != NULL)
        s->plan.cwd = rp_cstr(&s->arena, s->spec->cwd);
    if (!check_argv(s) || !check_texts(s) || !plan_user(s))
        return false;
    plan_argv(s);
    plan_env(s);
    plan_paths(s);
    plan_limits(s);
    return true;
}
