/* job logs: the output of an attempt, also while it grows. */
#include "cli/internal.h"

#include <unistd.h>

enum { POLL_US = 400000 };

int run_logs(struct cli *cli);

static void put(struct cli *cli, struct rp_str bytes)
{
    if (opt_flag(cli, "raw"))
        (void)fwrite(bytes.p, 1, bytes.n, stdout);
    else
        (void)fputs(show_lines(cli, bytes), stdout);
}

static bool logs_path(struct cli *cli, const char **path, struct rp_err *err)
{
    struct rp_str id;
    int64_t n = 0;
    const char *stream = opt_text(cli, "stream"), *query = "";
    if (!id_given(cli, cli->args[0], "", &id, err) || !opt_i64(cli, "attempt", 1, 1000000, &n, err))
        return false;
    if (stream != NULL && strcmp(stream, "out") == 0)
        query = "?stream=1";
    else if (stream != NULL && strcmp(stream, "err") == 0)
        query = "?stream=2";
    else if (stream != NULL)
        return rp_fail(err, RP_E_USAGE, "--stream is out or err, not \"%s\"", stream);
    const char *attempt = n > 0 ? show_fmt(cli, "%lld", (long long)n) : "latest";
    *path = show_fmt(cli, "/v1/jobs/%.*s/attempts/%s/output%s", RP_FMT(id), attempt, query);
    return true;
}

/* Prints what is new since `printed` bytes of the whole output; how many there are now. What was
 * dropped meanwhile cannot be shown any more; a character that came in half is left for the next
 * time. */
static int64_t put_new(struct cli *cli, const struct reply *r, int64_t printed)
{
    int64_t end = (int64_t)r->body.n + r->dropped_bytes, fresh = end > printed ? end - printed : 0;
    size_t n = fresh < (int64_t)r->body.n ? (size_t)fresh : r->body.n;
    struct rp_str part = {r->body.p + r->body.n - n, n};
    if (r->live)
        part.n = rp_utf8_whole(part.p, n);
    put(cli, part);
    (void)fflush(stdout);
    return end - (int64_t)(n - part.n);
}

/* Nothing was printed: by an attempt, or because there was none yet. */
static void nothing_printed(struct cli *cli, bool live)
{
    struct reply job;
    struct rp_err err;
    struct rp_str id;
    bool known = id_given(cli, cli->args[0], "", &id, &err) &&
                 client_get(cli, show_fmt(cli, "/v1/jobs/%.*s", RP_FMT(id)), &job, &err);
    if (!known || doc_i64(job.body, "attempts", 1) > 0) {
        note(cli, "the attempt printed nothing%s", live ? " so far (--follow waits)" : "");
        return;
    }
    const char *held = doc_show(cli, job.body, "held");
    note(cli, "job %.*s is %s and has not run yet%s%s", RP_FMT(id),
         doc_show(cli, job.body, "state"), held[0] != '\0' ? ": held, " : "", held);
}

static int follow(struct cli *cli, const char *path)
{
    struct reply r = {.live = true};
    struct rp_err err;
    int64_t printed = 0;
    while (r.live) {
        struct rp_arena kept = scratch_begin(cli);
        bool ok = client_get(cli, path, &r, &err);
        if (ok)
            printed = put_new(cli, &r, printed);
        scratch_end(cli, kept);
        if (!ok)
            return say_err(cli, &err);
        if (r.live)
            now_sleep_us(POLL_US);
    }
    if (printed == 0)
        nothing_printed(cli, false);
    return 0;
}

int run_logs(struct cli *cli)
{
    const char *path = NULL;
    struct reply reply;
    struct rp_err err;
    if (!logs_path(cli, &path, &err))
        return say_err(cli, &err);
    if (opt_flag(cli, "follow"))
        return follow(cli, path);
    if (!client_get(cli, path, &reply, &err))
        return say_err(cli, &err);
    put(cli, reply.body);
    if (reply.body.n > 0 && !rp_str_ends(reply.body, "\n") && cli->tty)
        (void)fputc('\n', stdout);
    if (reply.body.n == 0)
        nothing_printed(cli, reply.live);
    if (reply.dropped_bytes > 0)
        note(cli, "%s in the middle were not kept", show_bytes(cli, reply.dropped_bytes));
    return 0;
}
