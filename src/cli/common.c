/* What commands have in common: showing an answer, ids, filters, confirmation, files, days. */
#include "cli/internal.h"

#include "core/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int print_json(struct rp_str body)
{
    (void)fwrite(body.p, 1, body.n, stdout);
    if (!rp_str_ends(body, "\n"))
        (void)fputc('\n', stdout);
    return 0;
}

int get_and_show(struct cli *cli, struct query *q, int (*show)(struct cli *, struct rp_str))
{
    struct reply reply;
    struct rp_err err;
    if (!client_get_query(cli, q, &reply, &err))
        return say_err(cli, &err);
    if (!cli->json)
        return show(cli, reply.body);
    return print_json(reply.body);
}

bool id_given(struct cli *cli, const char *text, const char *prefix, struct rp_str *out,
              struct rp_err *err)
{
    struct rp_str digits = rp_str_of(text);
    int64_t id;
    if (prefix[0] != '\0' && digits.n > 1 && (digits.p[0] | 32) == (prefix[0] | 32))
        digits.p++, digits.n--;
    if (rp_str_i64(digits, &id) && id > 0) {
        *out = rp_str_fmt(&cli->arena, "%s%lld", prefix, (long long)id);
        return true;
    }
    (void)rp_fail(err, RP_E_USAGE, "\"%s\" is not the id of a %s", text,
                  prefix[0] == 'R' ? "replay" : (prefix[0] == 'P' ? "pattern" : "job"));
    return rp_hint(err, "ids look like %s12; %s lists them", prefix,
                   prefix[0] == 'R'   ? "reprise replay list"
                   : prefix[0] == 'P' ? "reprise patterns"
                                      : "reprise jobs");
}

/* The same mistake is told here at once, and not by the daemon after a way through the network. */
static bool check_where(struct cli *cli, struct rp_err *err)
{
    const char *all[RP_ARGUMENTS_MAX];
    size_t n = opt_all(cli, "where", all);
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(all[i], '=');
        if (equals == NULL || equals == all[i]) {
            (void)rp_fail(err, RP_E_USAGE, "--where: \"%s\" is not KEY=VALUE", all[i]);
            return rp_hint(err, "a label and its value: --where region=eu");
        }
    }
    return true;
}

static bool add_filters(struct cli *cli, struct query *q, struct rp_err *err)
{
    static const char *const same[] = {"state", "type", "queue", "schedule",
                                       "class", "key",  "limit", "cursor"};
    int64_t since = 0, until = 0;
    const char *where[RP_ARGUMENTS_MAX];
    if (!opt_time(cli, "since", &since, err) || !opt_time(cli, "until", &until, err) ||
        !check_where(cli, err))
        return false;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        query_add(q, same[i], opt_text(cli, same[i]));
    static const char *const ids[][2] = {{"pattern", "P"}, {"replay", "R"}};
    for (size_t i = 0; i < 2; i++) {
        struct rp_str id;
        if (opt_text(cli, ids[i][0]) == NULL)
            continue;
        if (!id_given(cli, opt_text(cli, ids[i][0]), ids[i][1], &id, err))
            return false;
        query_add(q, ids[i][0], rp_cstr(&cli->arena, id));
    }
    query_add_time(q, "since", since);
    query_add_time(q, "until", until);
    for (size_t i = 0, n = opt_all(cli, "where", where); i < n; i++)
        query_add(q, "where", where[i]);
    return true;
}

bool filter_query(struct cli *cli, struct query *q, struct rp_err *err)
{
    if (add_filters(cli, q, err))
        return true;
    rp_buf_free(&q->text);
    return false;
}

bool confirm(struct cli *cli, const char *what, struct rp_err *err)
{
    if (opt_flag(cli, "yes"))
        return true;
    if (isatty(STDIN_FILENO) != 1) {
        (void)rp_fail(err, RP_E_REFUSED, "%s cannot be taken back, and nobody is there to ask",
                      what);
        return rp_hint(err, "add --yes to do it");
    }
    say_to(cli, stderr, 0, show_fmt(cli, "%s cannot be taken back.", what));
    (void)fputs("Go on? [y/N] ", stderr);
    (void)fflush(stderr);
    int c = getchar();
    if (c == 'y' || c == 'Y')
        return true;
    return rp_fail(err, RP_E_REFUSED, "nothing was done");
}

bool post_reason(struct cli *cli, const char *path, struct reply *reply, struct rp_err *err)
{
    struct rp_buf body = {0};
    struct rp_jw w = {.out = &body};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "reason", opt_text(cli, "reason"));
    rp_jw_object_end(&w);
    bool ok = client_call(cli, "POST", path, &body, reply, err);
    rp_buf_free(&body);
    return ok;
}

bool read_file(struct cli *cli, const char *path, size_t max, struct rp_str *out,
               struct rp_err *err)
{
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct rp_buf b = {.limit = max};
    char chunk[1 << 16];
    ssize_t n = -1;
    while (fd >= 0 && !b.overflow && (n = read(fd, chunk, sizeof chunk)) > 0)
        rp_buf_add(&b, chunk, (size_t)n);
    int saved = errno;
    if (fd >= 0 && !input)
        (void)close(fd);
    *out = rp_str_dup(&cli->arena, rp_buf_view(&b));
    rp_buf_free(&b);
    if (b.overflow)
        return rp_fail(err, RP_E_TOO_LARGE, "%s is larger than %s", path,
                       show_bytes(cli, (int64_t)max));
    if (n < 0)
        return rp_fail(err, RP_E_IO, "cannot read %s: %s", path, strerror(saved));
    return true;
}

void now_sleep_us(int64_t us)
{
    struct timespec ts = {us / RP_US_S, us % RP_US_S * 1000};
    (void)nanosleep(&ts, NULL);
}

struct rp_arena scratch_begin(struct cli *cli)
{
    struct rp_arena kept = cli->arena;
    cli->arena = (struct rp_arena){0};
    return kept;
}

void scratch_end(struct cli *cli, struct rp_arena kept)
{
    rp_arena_free(&cli->arena);
    cli->arena = kept;
}

/* The first instant of a day in its zone. */
static int64_t day_start(const struct rp_zone *z, int64_t days)
{
    int64_t at[2];
    for (int64_t wall = days * 86400; wall < (days + 1) * 86400; wall += 900)
        if (rp_zone_instants(z, wall, at) > 0)
            return at[0] * RP_US_S;
    return days * RP_US_DAY; /* a whole day that the zone left out */
}

bool day_given(struct cli *cli, struct rp_str day, struct rp_str zone, int64_t *from, int64_t *to,
               struct rp_err *err)
{
    const struct rp_zone *z = rp_zone_load(zone.n > 0 ? zone : RP_STR("UTC"), err);
    int64_t us;
    if (z == NULL)
        return false;
    int64_t now_s = cli->now_us / RP_US_S;
    int64_t days = (now_s + rp_zone_offset(z, now_s, NULL)) / 86400;
    const char *midnight =
        rp_cstr(&cli->arena, rp_str_fmt(&cli->arena, "%.*sT00:00:00Z", RP_FMT(day)));
    if (rp_str_is(day, "yesterday"))
        days--;
    else if (day.n == 10 && rp_time_parse(rp_str_of(midnight), &us))
        days = us / RP_US_DAY;
    else if (!rp_str_is(day, "today")) {
        (void)rp_fail(err, RP_E_USAGE, "\"%.*s\" is not a day", RP_FMT(day));
        return rp_hint(err, "use today, yesterday or a date such as 2026-11-17");
    }
    *from = day_start(z, days);
    *to = day_start(z, days + 1);
    return true;
}
