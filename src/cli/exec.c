/* `reprise exec`: the order of things. */
#include "cli/exec_internal.h"
#include "cli/groups.h"

#include "engine/engine.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EXIT_TIMEOUT = 124, /* as timeout(1) */
    EXIT_SIGNAL = 128,  /* as shells: 128 and the signal */
    KEEP_BYTES = 256 << 10,
    BEFORE_RECORDS = 100,
    RETRIES_MAX = 1000,
    EXIT_MAX = 255,
};

#define GRACE_US       (10 * RP_US_S)
#define BEFORE_US      (RP_US_S / 5) /* for the spool, before the command starts */
#define AFTER_US       (30 * RP_US_S)
#define REQUEST_US     (30 * RP_US_S)
#define BACKOFF_US     RP_US_S
#define BACKOFF_MAX_US RP_US_H

static const struct rp_option options[] = {
    {"type", "T", "job type that the run is recorded under", 0, 0},
    {"timeout", "D", "time limit: TERM to the whole process tree, --grace, KILL; exit code 124", 0,
     0},
    {"grace", "D", "from TERM to KILL (default: 10s)", 0, 0},
    {"lock", "NAME", "never two at once; the name is the type unless one is given", RP_OPT_MAYBE,
     0},
    {"lock-exit", "N", "exit code when the lock is held (default: 75)", 0, 0},
    {"key", "K", "idempotency key: at most one live run has it", 0, 0},
    {"retries", "N", "runs again after a failure, but not after exit code 65 (default: 0)", 0, 0},
    {"require-daemon", NULL, "do not run without the daemon: exit code 5", 0, 0},
    {"flush", NULL, "deliver all records that wait for the daemon, also without a command", 0, 0},
    {0},
};

const struct rp_command exec_rows[EXEC_ROWS] = {
    {"exec", "[-- CMD…]", 0, -1, options, "run a command safely under any scheduler",
     "Runs CMD as if it stood there alone: standard input, output and error, signals and exit code "
     "(128 and the signal's number when one ended it) are its own. The run is recorded with its "
     "output; what outlives the command is ended. Without the daemon it runs all the same: the "
     "lock "
     "then holds on this machine, and the record waits in the state folder ($REPRISE_STATE, "
     "/var/lib/reprise, ~/.local/state/reprise) for the next run that finds the daemon. "
     "CMD gets REPRISE_JOB_TYPE, REPRISE_ATTEMPT and, where known, REPRISE_JOB_ID, REPRISE_KEY, "
     "REPRISE_DEADLINE and REPRISE_FENCE, which rises with each holder of the lock.",
     RP_IRREVERSIBLE, true, exec_run},
};

void exec_say(struct cli *cli, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!cli->quiet)
        (void)fprintf(stderr, "reprise: %s\n", show_text(cli, rp_str_of(text)));
}

/* ---- the command line ---- */

static struct rp_str worker_name(struct cli *cli)
{
    char host[256] = "";
    (void)gethostname(host, sizeof host - 1);
    return rp_str_fmt(&cli->arena, "exec@%s:%d", host, getpid());
}

static bool need_name(struct rp_str s, const char *option, struct rp_err *err)
{
    return s.p == NULL || (s.n > 0 && s.n <= RP_NAME_MAX) ||
           rp_fail(err, RP_E_USAGE, "--%s: 1 to %d bytes are wanted", option, RP_NAME_MAX);
}

static bool read_options(struct exec *e, struct rp_err *err)
{
    struct cli *cli = e->cli;
    int64_t lock_exit = rp_code_exit(RP_E_LOCK_HELD);
    const char *lock = opt_text(cli, "lock");
    e->type = rp_str_of(opt_text(cli, "type"));
    e->key = rp_str_of(opt_text(cli, "key"));
    e->grace_us = GRACE_US;
    e->require_daemon = opt_flag(cli, "require-daemon");
    if (opt_flag(cli, "lock"))
        e->lock = lock != NULL ? rp_str_of(lock) : e->type;
    if (!opt_duration(cli, "timeout", &e->timeout_us, err) ||
        !opt_duration(cli, "grace", &e->grace_us, err) ||
        !opt_i64(cli, "lock-exit", 0, EXIT_MAX, &lock_exit, err) ||
        !opt_i64(cli, "retries", 0, RETRIES_MAX, &e->retries, err) ||
        !need_name(e->type, "type", err) || !need_name(e->lock, "lock", err))
        return false;
    e->lock_exit = (int)lock_exit;
    if (e->retries > 0)
        (void)spool_id(cli->now_us, e->series);
    if (cli->n_args > 0 ? e->type.p != NULL : opt_flag(cli, "flush"))
        return true;
    (void)rp_fail(err, RP_E_USAGE, "exec needs %s", cli->n_args > 0 ? "--type T" : "a command");
    return rp_hint(err, "reprise exec --type backup --timeout 2h -- pg_dump billing");
}

/* A file that we open must not become the command's standard output. */
static void fill_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", O_RDWR);
}

/* ---- the environment ---- */

static bool is_ours(const char *variable)
{
    static const char *const names[] = {
        "REPRISE_JOB_TYPE=", "REPRISE_JOB_ID=", "REPRISE_ATTEMPT=",
        "REPRISE_KEY=",      "REPRISE_FENCE=",  "REPRISE_DEADLINE="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void put(struct rp_exec_spec *spec, const char *name, struct rp_str value)
{
    if (value.p != NULL)
        spec->env[spec->n_env++] = (struct rp_env){rp_str_of(name), value};
}

static struct rp_str number(struct rp_arena *a, int64_t v)
{
    return v > 0 ? rp_str_fmt(a, "%lld", (long long)v) : RP_NONE;
}

static struct rp_str deadline(struct exec *e)
{
    char text[RP_TIME_LEN];
    if (e->timeout_us == 0)
        return RP_NONE;
    (void)rp_time_format(rp_wall(&rp_clock_system) + e->timeout_us, text);
    return rp_str_dup(&e->cli->arena, rp_str_of(text));
}

/* The caller's, and what is known of the run. */
static void set_environment(struct exec *e, const struct exec_lease *lease, int64_t n,
                            struct rp_exec_spec *spec)
{
    enum { OURS = 8 };
    struct rp_arena *a = &e->cli->arena;
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    spec->env = RP_NEW_N(a, struct rp_env, count + OURS);
    for (size_t i = 0; i < count; i++) {
        struct rp_str rest = rp_str_of(environ[i]), name;
        if (is_ours(environ[i]) || !rp_str_split(&rest, '=', &name) || rest.p == NULL)
            continue;
        spec->env[spec->n_env++] = (struct rp_env){name, rest};
    }
    put(spec, "REPRISE_JOB_TYPE", e->type);
    put(spec, "REPRISE_JOB_ID", number(a, lease->job));
    put(spec, "REPRISE_ATTEMPT", number(a, n));
    put(spec, "REPRISE_KEY", lease->key.p != NULL ? lease->key : e->key);
    put(spec, "REPRISE_FENCE", number(a, lease->fence));
    put(spec, "REPRISE_DEADLINE", deadline(e));
}

static void set_command(struct exec *e, struct rp_exec_spec *spec)
{
    struct cli *cli = e->cli;
    mode_t mask = umask(0);
    (void)umask(mask);
    spec->umask = mask;
    spec->timeout_us = e->timeout_us;
    spec->grace_us = e->grace_us;
    spec->keep_bytes = KEEP_BYTES;
    spec->attach.keep_fd = e->lock_fd;
    spec->argv.n = (size_t)cli->n_args;
    spec->argv.v = RP_NEW_N(&cli->arena, struct rp_str, spec->argv.n);
    for (size_t i = 0; i < spec->argv.n; i++)
        spec->argv.v[i] = rp_str_of(cli->args[i]);
}

/* ---- the record ---- */

static bool keep_record(struct exec *e, int spool, const struct exec_ended *r, struct rp_err *err)
{
    char id[SPOOL_ID_LEN];
    struct rp_buf text = {0};
    int64_t at_us = r->report->facts.ended_us;
    (void)spool_id(at_us, id);
    record_write(e, r, id, true, &text);
    bool ok = spool_put(spool, id, at_us, rp_buf_view(&text), err);
    if (!ok && err->code == RP_E_STORE_FULL && r->output.p != NULL) {
        text.n = 0; /* how it went matters more than what it said */
        record_write(e, r, id, false, &text);
        ok = spool_put(spool, id, at_us, rp_buf_view(&text), err);
    }
    rp_buf_free(&text);
    return ok;
}

/* To the daemon, or to the spool. */
static void report(struct exec *e, const struct exec_ended *r)
{
    struct rp_err err = {0};
    if (r->lease->id != 0 && daemon_finish(e, r, &err))
        return;
    if (err.code == RP_E_UNREACHABLE)
        e->daemon = false;
    int spool = state_folder("spool", &err);
    bool ok = spool >= 0 && keep_record(e, spool, r, &err);
    if (spool >= 0)
        (void)close(spool);
    if (!ok)
        (void)say_err(e->cli, &err);
}

/* ---- one try ---- */

struct attempt {
    int64_t n;
    struct exec_lease lease;
    struct rp_exec_result result;
    struct rp_report report;
    bool drained;
};

static int exit_code(const struct rp_exec_result *r)
{
    if (r->ended_by == RP_END_TIMEOUT)
        return EXIT_TIMEOUT;
    if (r->exit_code >= 0)
        return r->exit_code;
    return r->signal != 0 ? EXIT_SIGNAL + r->signal : rp_code_exit(RP_E_SPAWN);
}

static void speak(struct exec *e, const struct attempt *t)
{
    const struct rp_exec_result *r = &t->result;
    char limit[RP_DURATION_LEN];
    if (!t->drained) /* whoever reads our standard error may not read this either */
        return;
    if (r->ended_by == RP_END_NOT_STARTED)
        (void)say_err(e->cli, &r->err);
    else if (r->ended_by == RP_END_TIMEOUT)
        exec_say(e->cli, "ended by its time limit of %s", rp_duration_format(e->timeout_us, limit));
    else if (r->ended_by == RP_END_OPERATOR || r->ended_by == RP_END_LOCK)
        exec_say(e->cli, "ended by %s", rp_ended_by_words(r->ended_by));
    if (r->survivors_killed > 0)
        exec_say(e->cli, "ended what outlived the command: %s", r->survivor_names);
}

static void judge(struct exec *e, struct attempt *t)
{
    struct rp_type settings = {.timeout_us = e->timeout_us};
    struct rp_buf packed = {0};
    struct exec_ended ended = {
        .lease = &t->lease, .report = &t->report, .oom = t->result.oom, .n = t->n};
    rp_judge(&e->cli->arena, &settings, &t->result, 0, &t->report);
    if (t->result.output.total[0] > 0 && rp_output_pack(&t->result.output, &packed, NULL))
        ended.output = rp_buf_view(&packed);
    report(e, &ended);
    rp_buf_free(&packed);
    rp_output_free(&t->result.output);
}

static void run_attempt(struct exec *e, struct attempt *t)
{
    struct rp_exec_spec spec = {0};
    struct beats *beats = t->lease.id != 0 ? beats_start(e, &t->lease) : NULL;
    set_environment(e, &t->lease, t->n, &spec);
    set_command(e, &spec);
    child_run(e->child, &spec, &t->result);
    beats_stop(beats);
    judge(e, t);
    bool killed = t->result.ended_by == RP_END_TIMEOUT || t->result.ended_by == RP_END_OPERATOR ||
                  t->result.ended_by == RP_END_LOCK;
    t->drained = child_drain(e->child, killed, e->grace_us);
    speak(e, t);
}

/* What the daemon says about this run, and not about itself. */
static bool refuses_the_run(enum rp_code code)
{
    return code == RP_E_LOCK_HELD || code == RP_E_CONFLICT || code == RP_E_BAD_FIELD ||
           code == RP_E_UNKNOWN_FIELD || code == RP_E_UNKNOWN_TYPE || code == RP_E_USAGE;
}

static int refused(struct exec *e, const struct rp_err *err)
{
    if (err->code != RP_E_LOCK_HELD)
        return say_err(e->cli, err);
    if (!e->cli->quiet)
        (void)say_err(e->cli, err);
    return e->lock_exit;
}

/* False: *code says why it may not run. */
static bool may_run(struct exec *e, struct attempt *t, const struct rp_err *unlocked, int *code)
{
    struct rp_err err;
    e->daemon = daemon_register(e, &t->lease, &err);
    if (e->daemon)
        return true;
    if (refuses_the_run(err.code)) {
        e->daemon = true;
        *code = refused(e, &err);
        return false;
    }
    if (e->require_daemon) {
        (void)say_err(e->cli, &err);
        *code = rp_code_exit(RP_E_UNREACHABLE);
        return false;
    }
    if (e->lock.p != NULL && e->lock_fd == 0) {
        *code = say_err(e->cli, unlocked);
        return false;
    }
    if (err.code != RP_E_UNREACHABLE)
        exec_say(e->cli, "the daemon does not take this run, which is recorded for later: %s",
                 err.message);
    return true;
}

static bool worth_another(struct exec *e, const struct attempt *t)
{
    bool failed = t->report.outcome == RP_OUT_FAILED || t->report.outcome == RP_OUT_TIMEOUT;
    bool never = t->result.ended_by == RP_END_NOT_STARTED && t->result.exit_code > 0;
    return failed && !t->report.permanent && !never && t->result.ended_by != RP_END_LOCK &&
           child_told_to_end(e->child) == 0 && t->n <= e->retries;
}

static void back_off(struct exec *e, int64_t n)
{
    struct rp_retry policy = {
        .kind = RP_BACKOFF_EXPONENTIAL, .base_us = BACKOFF_US, .max_us = BACKOFF_MAX_US};
    uint64_t random = 0;
    arc4random_buf(&random, sizeof random);
    child_sleep(e->child, rp_retry_delay_us(&policy, n, random));
}

static int run_all(struct exec *e, const struct rp_err *unlocked)
{
    int code = 0, kept = 0;
    for (int64_t n = 1;; n++) {
        struct attempt t = {.n = n};
        if (!may_run(e, &t, unlocked, &code))
            return n == 1 ? code : kept; /* another has taken the lock between two tries */
        run_attempt(e, &t);
        kept = exit_code(&t.result);
        if (!worth_another(e, &t))
            return kept;
        back_off(e, n);
        if (child_told_to_end(e->child) != 0)
            return EXIT_SIGNAL + child_told_to_end(e->child);
    }
}

/* ---- before and after ---- */

static bool deliver(struct exec *e, int64_t most, int64_t budget_us, int64_t request_us,
                    int64_t *delivered, struct rp_err *err)
{
    int spool = state_folder("spool", err);
    *delivered = 0;
    if (spool < 0)
        return false;
    bool ok =
        spool_empty(spool) || daemon_deliver(e, spool, most, budget_us, request_us, delivered, err);
    (void)close(spool);
    return ok;
}

static int flush(struct exec *e)
{
    struct rp_err err;
    int64_t delivered;
    bool ok = deliver(e, 0, 0, REQUEST_US, &delivered, &err);
    if (delivered > 0)
        exec_say(e->cli, "%lld records delivered", (long long)delivered);
    return ok ? 0 : say_err(e->cli, &err);
}

/* The machine's lock first: it costs nothing, and holds also against runs without the daemon. */
static int run_locked(struct exec *e)
{
    struct rp_err err = {0}, ignored;
    int64_t delivered;
    int fd = e->lock.p != NULL ? state_lock(e->lock, rp_wall(&rp_clock_system), &err) : 0;
    if (fd < 0 && err.code == RP_E_LOCK_HELD)
        return refused(e, &err);
    e->lock_fd = fd > 0 ? fd : 0;
    if (!opt_flag(e->cli, "flush"))
        (void)deliver(e, BEFORE_RECORDS, BEFORE_US, BEFORE_US, &delivered, &ignored);
    int code = run_all(e, &err);
    if (e->daemon)
        (void)deliver(e, 0, AFTER_US, REQUEST_US, &delivered, &ignored);
    if (e->lock_fd > 0)
        (void)close(e->lock_fd);
    return code;
}

int exec_run(struct cli *cli)
{
    struct exec e = {.cli = cli, .worker = worker_name(cli)};
    struct rp_err err;
    fill_standard_files();
    if (!read_options(&e, &err))
        return say_err(cli, &err);
    int flushed = opt_flag(cli, "flush") ? flush(&e) : 0;
    if (cli->n_args == 0)
        return flushed;
    e.child = child_new(&err);
    if (e.child == NULL)
        return say_err(cli, &err);
    int code = run_locked(&e);
    child_free(e.child);
    return code;
}
