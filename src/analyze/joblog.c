/* Lines out of bytes, the format out of lines, runs out of formats. */
#include "analyze/joblog.h"

#include "analyze/formats/format.h"

#include <stdlib.h>

enum { DETECT_LINES = 1000, DETECT_BYTES = 262144, ERROR_LINE_MAX = 2048, NAME_MAX_BYTES = 1024 };

static const struct rp_log_format *const formats[] = {&rp_format_cron, &rp_format_plain};
enum { FORMATS_N = sizeof formats / sizeof *formats };

const char *rp_joblog_format(size_t i)
{
    return i < FORMATS_N ? formats[i]->name : NULL;
}

/* ---- bounded text ---- */

static void make_room(struct rp_tail *t, size_t need)
{
    size_t from = RP_LOG_ERROR_MAX / 4, to = from + need;
    const char *hit = to < t->n ? memchr(t->p + to, '\n', t->n - to) : NULL;
    to = hit != NULL ? (size_t)(hit - t->p) : t->n;
    memmove(t->p + from, t->p + to, t->n - to);
    t->n -= to - from;
    t->cut = true;
}

void rp_tail_add(struct rp_tail *t, struct rp_str line)
{
    line = str_head(line, ERROR_LINE_MAX);
    if (t->p == NULL)
        t->p = rp_xmalloc(RP_LOG_ERROR_MAX);
    if (t->n + line.n + 1 > RP_LOG_ERROR_MAX)
        make_room(t, t->n + line.n + 1 - RP_LOG_ERROR_MAX);
    if (t->n > 0)
        t->p[t->n++] = '\n';
    if (line.n > 0)
        memcpy(t->p + t->n, line.p, line.n);
    t->n += line.n;
    t->lines++;
}

void rp_tail_clear(struct rp_tail *t)
{
    free(t->p);
    *t = (struct rp_tail){0};
}

/* ---- open runs ---- */

static uint64_t key_hash(struct rp_str type, struct rp_str id)
{
    return rp_hash64(type) * 31 + rp_hash64(id);
}

static struct rp_str keep(struct rp_str s)
{
    s = str_head(s, NAME_MAX_BYTES);
    char *p = rp_xmalloc(s.n);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return (struct rp_str){p, s.n};
}

enum rp_run_outcome rp_log_left_open(const struct rp_joblog *l)
{
    return l->saw_ends ? RP_RUN_UNFINISHED : l->format->left_open;
}

struct rp_open_run *rp_log_open(struct rp_joblog *l, struct rp_str type, struct rp_str id,
                                int64_t start_us)
{
    if (l->n_open == RP_LOG_OPEN_MAX) {
        l->stats.given_up++;
        rp_log_close(l, l->open[0], rp_log_left_open(l), RP_NO_TIME);
    }
    struct rp_open_run *r = rp_xcalloc(1, sizeof *r);
    r->type = keep(type);
    r->id = keep(id);
    r->hash = key_hash(r->type, r->id);
    r->start_us = start_us;
    r->line = l->line;
    return l->open[l->n_open++] = r;
}

struct rp_open_run *rp_log_find(struct rp_joblog *l, struct rp_str type, struct rp_str id)
{
    uint64_t hash = key_hash(str_head(type, NAME_MAX_BYTES), str_head(id, NAME_MAX_BYTES));
    for (size_t i = l->n_open; i > 0; i--)
        if (l->open[i - 1]->hash == hash)
            return l->open[i - 1];
    return NULL;
}

static void run_free(struct rp_open_run *r)
{
    if (r == NULL)
        return;
    rp_tail_clear(&r->error);
    free((char *)r->type.p);
    free((char *)r->id.p);
    free(r);
}

void rp_log_drop(struct rp_joblog *l, struct rp_open_run *r)
{
    size_t i = 0;
    while (l->open[i] != r)
        i++;
    memmove(l->open + i, l->open + i + 1, (l->n_open - i - 1) * sizeof *l->open);
    l->n_open--;
    if (l->pending == r)
        l->pending = NULL;
    run_free(r);
}

void rp_log_close(struct rp_joblog *l, struct rp_open_run *r, enum rp_run_outcome outcome,
                  int64_t end_us)
{
    bool bad = outcome == RP_RUN_FAILED || outcome == RP_RUN_TIMEOUT;
    struct rp_run run = {.type = r->type,
                         .id = r->id.n > 0 ? r->id : RP_NONE,
                         .error = bad && r->error.n > 0 ? (struct rp_str){r->error.p, r->error.n}
                                                        : RP_NONE,
                         .start_us = r->start_us,
                         .end_us = end_us,
                         .attempt = r->attempt,
                         .outcome = outcome,
                         .line = r->line};
    l->stats.error_cuts += bad && r->error.cut;
    l->o.sink.take(l->o.sink.ctx, &run);
    rp_log_drop(l, r);
}

/* ---- lines ---- */

static void one_line(struct rp_joblog *l, struct rp_str line)
{
    l->line++;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    l->format->line(l, line);
}

/* The format with the most points over the held lines; the first of the table among equals. */
static const struct rp_log_format *detect(const struct rp_joblog *l)
{
    int points[FORMATS_N] = {0};
    struct rp_str rest = rp_buf_view(&l->held), line;
    while (rp_str_split(&rest, '\n', &line))
        for (size_t i = 0; i < FORMATS_N; i++)
            points[i] += formats[i]->score(line);
    size_t best = 0;
    for (size_t i = 1; i < FORMATS_N; i++)
        if (points[i] > points[best])
            best = i;
    return points[best] > 0 ? formats[best] : NULL;
}

/* Decides with what is held. Lines of no known format are counted and let go. */
static void decide(struct rp_joblog *l)
{
    l->format = detect(l);
    if (l->format == NULL) {
        l->line += l->held_lines;
        l->stats.unassigned_lines += l->held_lines;
    } else {
        struct rp_str rest = rp_buf_view(&l->held), line;
        for (uint64_t i = 0; i < l->held_lines && rp_str_split(&rest, '\n', &line); i++)
            one_line(l, line);
    }
    l->held.n = 0;
    l->held_lines = 0;
}

static void take_line(struct rp_joblog *l, struct rp_str line)
{
    l->stats.lines++;
    if (l->format != NULL) {
        one_line(l, line);
        return;
    }
    rp_buf_str(&l->held, line);
    rp_buf_c(&l->held, '\n');
    l->held_lines++;
    if (l->held_lines >= DETECT_LINES || l->held.n >= DETECT_BYTES)
        decide(l);
}

static void flush_partial(struct rp_joblog *l)
{
    take_line(l, rp_buf_view(&l->partial));
    l->partial.n = 0;
}

/* Adds to the line that is not yet ended; what is over the limit is left out. */
static void extend(struct rp_joblog *l, struct rp_str part)
{
    size_t room = RP_LOG_LINE_MAX - l->partial.n;
    if (part.n > room && !l->skipping) {
        l->skipping = true;
        l->stats.cut_lines++;
    }
    rp_buf_str(&l->partial, str_head(part, room));
}

void rp_joblog_feed(struct rp_joblog *l, struct rp_str bytes)
{
    while (bytes.n > 0) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        struct rp_str part = {bytes.p, end != NULL ? (size_t)(end - bytes.p) : bytes.n};
        if (end != NULL && l->partial.n == 0 && part.n <= RP_LOG_LINE_MAX) {
            take_line(l, part); /* the usual case, without a copy */
        } else {
            extend(l, part);
            if (end != NULL)
                flush_partial(l);
        }
        if (end != NULL)
            l->skipping = false;
        bytes = str_from(bytes, part.n + (end != NULL ? 1 : 0));
    }
}

/* ---- life ---- */

struct rp_joblog *rp_joblog_new(const struct rp_joblog_options *o, struct rp_err *err)
{
    const struct rp_log_format *format = NULL;
    struct rp_buf names = {0};
    for (size_t i = 0; i < FORMATS_N; i++) {
        if (rp_str_is(o->format, formats[i]->name))
            format = formats[i];
        rp_buf_fmt(&names, "%s%s", i > 0 ? ", " : "", formats[i]->name);
    }
    if (format == NULL && o->format.p != NULL && !rp_str_is(o->format, "auto")) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is no known log format", RP_FMT(o->format));
        (void)rp_hint(err, "use auto or one of %s", names.p);
        rp_buf_free(&names);
        return NULL;
    }
    rp_buf_free(&names);
    struct rp_joblog *l = rp_xcalloc(1, sizeof *l);
    l->o = *o;
    l->format = format;
    return l;
}

bool rp_joblog_finish(struct rp_joblog *l, struct rp_joblog_stats *out, struct rp_err *err)
{
    if (l->partial.n > 0)
        flush_partial(l);
    if (l->format == NULL && l->held_lines > 0)
        decide(l);
    if (l->format != NULL)
        l->format->finish(l);
    l->stats.format = l->format != NULL ? l->format->name : NULL;
    *out = l->stats;
    if (l->format != NULL)
        return true;
    (void)rp_fail(err, RP_E_BAD_FIELD, "no line of the log is of a known format");
    return rp_hint(err, "name the format with --format if you know it");
}

void rp_joblog_free(struct rp_joblog *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n_open; i++)
        run_free(l->open[i]);
    rp_tail_clear(&l->loose);
    rp_buf_free(&l->partial);
    rp_buf_free(&l->held);
    free(l);
}
