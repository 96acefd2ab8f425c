/* Lines out of bytes, the format out of lines. */
#include "analyze/joblog.h"

#include "analyze/formats/fields.h"

#include <stdlib.h>

enum { DETECT_LINES = 1000, DETECT_BYTES = 262144, TEMPLATES_MAX = 64 };

/* Of equal points the first wins: the ones that are more than lines with a time come before plain.
 */
static const struct rp_log_format *const formats[] = {
    &rp_format_cron,   &rp_format_journald,    &rp_format_pm2,     &rp_format_sidekiq,
    &rp_format_celery, &rp_format_pino,        &rp_format_winston, &rp_format_bunyan,
    &rp_format_rq,     &rp_format_apscheduler, &rp_format_airflow, &rp_format_github,
    &rp_format_plain};
enum { FORMATS_N = sizeof formats / sizeof *formats };

const char *rp_joblog_format(size_t i)
{
    return i < FORMATS_N ? formats[i]->name : NULL;
}

/* ---- lines ---- */

/* Takes colours and other control sequences (ECMA-48 CSI) out. */
static struct rp_str without_colours(struct rp_joblog *l, struct rp_str s)
{
    l->clean.n = 0;
    for (size_t esc; (esc = rp_find_byte(s, '\033')) != SIZE_MAX;) {
        rp_buf_add(&l->clean, s.p, esc);
        size_t n = esc + 1;
        if (n < s.n && s.p[n] == '[')
            for (n++; n < s.n && !(s.p[n] >= 0x40 && s.p[n] <= 0x7e);)
                n++;
        s = str_from(s, n < s.n ? n + (n > esc + 1 ? 1 : 0) : s.n);
    }
    rp_buf_str(&l->clean, s);
    return rp_buf_view(&l->clean);
}

static struct rp_str clean(struct rp_joblog *l, struct rp_str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    (void)rp_skip(&line, "\x1e");          /* RFC 7464's record separator */
    while (rp_skip(&line, "\xEF\xBB\xBF")) /* files that were joined have one at each seam */
        ;
    return rp_find_byte(line, '\033') != SIZE_MAX ? without_colours(l, line) : line;
}

/* What stands around the line is taken off; what is left may be several lines. */
static void one_line(struct rp_joblog *l, struct rp_str line)
{
    struct rp_str part;
    l->line++;
    if (!rp_unwrap(&l->unwrap, line, &line))
        return;
    if (rp_wrap_is_none(l->unwrap.how))
        l->format->line(l, line);
    else
        while (rp_str_split(&line, '\n', &part))
            l->format->line(l, part);
}

struct points {
    int known[FORMATS_N], own[TEMPLATES_MAX];
};

static void add_points(const struct rp_joblog *l, struct rp_str line, struct points *p)
{
    bool any = l->fixed == NULL;
    for (size_t i = 0; i < FORMATS_N; i++)
        if (any || l->fixed == formats[i])
            p->known[i] += formats[i]->score(line);
    for (size_t i = 0; i < l->o.n_templates && i < TEMPLATES_MAX; i++)
        if (any || (l->fixed == &rp_format_template && l->template == &l->o.templates[i]))
            p->own[i] += rp_template_score(&l->o.templates[i], line);
}

/* Takes what is around them off the held lines, and counts. */
static void count_points(const struct rp_joblog *l, struct rp_wrap how, struct points *p)
{
    struct rp_unwrapper u = {.how = how};
    struct rp_str rest = rp_buf_view(&l->held), line, part;
    *p = (struct points){0};
    while (rp_str_split(&rest, '\n', &line))
        if (rp_unwrap(&u, line, &line))
            while (rp_str_split(&line, '\n', &part))
                add_points(l, part, p);
    rp_unwrapper_free(&u);
}

static size_t most(const int *v, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

/* The format with the most points; of equals the first of the table, but before it one of the
 * user's own, who knows these lines best. */
static int choose_by_points(struct rp_joblog *l, struct rp_wrap how, int least)
{
    struct points p;
    count_points(l, how, &p);
    size_t best = most(p.known, FORMATS_N), own = most(p.own, TEMPLATES_MAX);
    bool mine = p.own[own] > 0 && p.own[own] >= p.known[best];
    int points = mine ? p.own[own] : p.known[best];
    if (points <= least)
        return least;
    l->unwrap.how = how;
    l->format = mine ? &rp_format_template : formats[best];
    if (mine)
        l->template = &l->o.templates[own];
    return points;
}

/* The time around a text that has none is its time; where it has one, equal points will do, since
 * of two times in a line the inner one is the program's. */
static int without_wrap(struct rp_joblog *l, struct rp_wrap how, int points)
{
    static const enum rp_wrap_keep keeps[] = {RP_KEEP_TIME, RP_KEEP_TEXT, RP_KEEP_HEAD};
    bool timed;
    if (!rp_wrap_fits(how, rp_buf_view(&l->held), &timed))
        return points;
    for (size_t i = 0; i < RP_KEEPS_N; i++) {
        int least = points - (timed && points > 0);
        how.keep = keeps[i];
        if (how.keep != RP_KEEP_TEXT && (timed || how.shell == RP_SHELL_NONE))
            continue;
        int got = choose_by_points(l, how, least);
        points = got > least ? got : points;
    }
    return points;
}

/* As the lines are, then without what may be around them; that must tell more to be believed. */
static void detect(struct rp_joblog *l)
{
    enum rp_record_kind records[] = {RP_RECORD_NONE, rp_record_kind_of(rp_buf_view(&l->held))};
    int points = choose_by_points(l, (struct rp_wrap){0}, 0);
    for (int r = 0; r < (records[1] != RP_RECORD_NONE ? 2 : 1); r++)
        for (int source = 0; source < RP_SOURCES_N; source++)
            for (int shell = 0; shell < RP_SHELLS_N; shell++) {
                struct rp_wrap how = {records[r], (enum rp_wrap_source)source,
                                      (enum rp_wrap_shell)shell, RP_KEEP_TEXT};
                if (!rp_wrap_is_none(how))
                    points = without_wrap(l, how, points);
            }
    if (l->format == NULL)
        l->format = l->fixed; /* whoever named it knows better */
}

/* The time of a line, or of the entry that it is a part of. */
static bool line_time(struct rp_stamp *st, struct rp_str line, int64_t *us)
{
    static const char mark[] = "__REALTIME_TIMESTAMP";
    static const char *const names[] = {"time", "timestamp", "@timestamp", "ts", NULL};
    size_t at = rp_str_find(line, rp_str_of(mark));
    bool syslog;
    if (at != SIZE_MAX) {
        struct rp_str s = rp_strip(str_from(line, at + sizeof mark - 1), "\" :=", "");
        return rp_take_number(&s, us);
    }
    if (!rp_str_starts(line, "{"))
        return rp_stamp_take(st, &line, us, &syslog);
    struct rp_fields f;
    bool read = rp_fields_read(&f, line);
    *us = read ? rp_field_time(st, rp_field_of(&f, names)) : RP_NO_TIME;
    rp_fields_free(&f);
    return *us != RP_NO_TIME;
}

bool rp_joblog_newest_first(struct rp_str head)
{
    enum { LEAST = 8 };
    struct rp_stamp st = {.year = 2000};
    int64_t us, last = RP_NO_TIME;
    size_t up = 0, down = 0;
    for (struct rp_str line; rp_str_split(&head, '\n', &line);) {
        if (!line_time(&st, line, &us))
            continue;
        up += last != RP_NO_TIME && us > last;
        down += last != RP_NO_TIME && us < last;
        last = us;
    }
    return down >= LEAST && down > up * 10;
}

/* Files of other kinds, by their first bytes: whatever in them looks like a log is none. */
static const struct {
    const char *magic, *what, *hint;
} kinds[] = {
    {"\xFD"
     "7zX",
     "this is packed by xz, which is not read", "unpack it: xz -dc F | reprise … -"},
    {"BZh", "this is packed by bzip2, which is not read", "unpack it: bzip2 -dc F | reprise … -"},
    {"PK\3\4", "this is a zip archive, which is not read", "unpack it: unzip -p F | reprise … -"},
    {"\x04\"M\x18", "this is packed by lz4, which is not read",
     "unpack it: lz4 -dc F | reprise … -"},
    {"LPKS", "this is a file of the journal, not a log",
     "journalctl --file F -o json | reprise … -"},
    {"\177ELF", "this is a program, not a log", "name the file that it writes its log into"},
    {"SQLi", "this is a database of SQLite, not a log",
     "a store of Reprise: reprise analyze without --log"},
};
enum { KINDS_N = sizeof kinds / sizeof *kinds };

static size_t other_kind(const struct rp_joblog *l)
{
    size_t i = 0;
    struct rp_str head = {(const char *)l->head, l->head_n};
    while (i < KINDS_N && !rp_str_starts(head, kinds[i].magic))
        i++;
    return i;
}

/* Decides with what is held. Lines of no known format are counted and let go. */
static void decide(struct rp_joblog *l)
{
    if (l->fixed != NULL || other_kind(l) == KINDS_N)
        detect(l);
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

static void count_nuls(struct rp_joblog *l, struct rp_str raw)
{
    for (size_t i = 0; i < raw.n; i++)
        l->nuls += raw.p[i] == '\0';
}

static void take_line(struct rp_joblog *l, struct rp_str raw)
{
    struct rp_str line = clean(l, raw);
    l->stats.lines++;
    if (l->format != NULL) {
        one_line(l, line);
        return;
    }
    count_nuls(l, raw);
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
        if (l->format == NULL)
            count_nuls(l, rp_buf_view(&l->partial));
    }
    rp_buf_str(&l->partial, str_head(part, room));
}

void rp_joblog_feed(struct rp_joblog *l, struct rp_str bytes)
{
    for (size_t i = 0; l->head_n < sizeof l->head && i < bytes.n; i++)
        l->head[l->head_n++] = (unsigned char)bytes.p[i];
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

bool rp_joblog_hopeless(const struct rp_joblog *l, uint64_t bytes)
{
    return l->format == NULL && (other_kind(l) < KINDS_N || l->nuls * 1000 > bytes);
}

/* ---- life ---- */

/* NULL with err, if a name was given that is not known. */
static bool choose(struct rp_joblog *l, struct rp_str name, struct rp_err *err)
{
    struct rp_buf names = {0};
    if (name.p == NULL || rp_str_is(name, "auto"))
        return true;
    for (size_t i = 0; i < FORMATS_N; i++) {
        if (rp_str_is(name, formats[i]->name))
            l->fixed = formats[i];
        rp_buf_fmt(&names, "%s%s", i > 0 ? ", " : "", formats[i]->name);
    }
    for (size_t i = 0; i < l->o.n_templates && i < TEMPLATES_MAX; i++) {
        if (rp_str_eq(name, l->o.templates[i].name)) {
            l->fixed = &rp_format_template;
            l->template = &l->o.templates[i];
        }
        rp_buf_fmt(&names, ", %.*s", RP_FMT(l->o.templates[i].name));
    }
    if (l->fixed == NULL) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is no known log format", RP_FMT(name));
        (void)rp_hint(err, "use auto or one of %s", names.p);
    }
    rp_buf_free(&names);
    return l->fixed != NULL;
}

struct rp_joblog *rp_joblog_new(const struct rp_joblog_options *o, struct rp_err *err)
{
    struct rp_joblog *l = rp_xcalloc(1, sizeof *l);
    l->o = *o;
    if (choose(l, o->format, err))
        return l;
    free(l);
    return NULL;
}

/* Why nothing was recognised. */
static bool nothing(const struct rp_joblog *l, struct rp_err *err)
{
    const unsigned char *h = l->head;
    if (l->stats.lines == 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "the log is empty");
        return rp_hint(err, "was it rotated? Name the file that has its lines");
    }
    if (l->head_n >= 2 && ((h[0] == 0xff && h[1] == 0xfe) || (h[0] == 0xfe && h[1] == 0xff))) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "the log is UTF-16, which is not read");
        return rp_hint(err, "convert it: iconv -f UTF-16 -t UTF-8 F | reprise … -");
    }
    size_t kind = other_kind(l);
    if (kind < KINDS_N) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "%s", kinds[kind].what);
        return rp_hint(err, "%s", kinds[kind].hint);
    }
    if (l->nuls > 0) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "this is a binary file, not a log");
        return rp_hint(err,
                       "logs are text, also packed by gzip or zstd; a journal: journalctl -o json");
    }
    (void)rp_fail(err, RP_E_BAD_FIELD, "no line of the log is of a known format");
    return rp_hint(
        err, "name the format with --format, or describe it as log_formats in the configuration");
}

static const char *format_name(struct rp_joblog *l)
{
    if (l->format != &rp_format_template)
        return l->format != NULL ? l->format->name : NULL;
    return l->template->cname;
}

bool rp_joblog_finish(struct rp_joblog *l, struct rp_joblog_stats *out, struct rp_err *err)
{
    struct rp_str rest;
    if (l->partial.n > 0)
        flush_partial(l);
    if (l->format == NULL && l->held_lines > 0)
        decide(l);
    if (l->format == NULL)
        l->format = l->fixed;
    while (l->format != NULL && rp_unwrap_rest(&l->unwrap, &rest))
        for (struct rp_str part; rp_str_split(&rest, '\n', &part);)
            l->format->line(l, part);
    if (l->format != NULL)
        l->format->finish(l);
    if (l->stats.unassigned_lines > l->stats.lines)
        l->stats.unassigned_lines = l->stats.lines; /* one line may have been several */
    l->stats.format = format_name(l);
    *out = l->stats;
    return l->format != NULL && l->stats.lines > 0 ? true : nothing(l, err);
}

void rp_joblog_free(struct rp_joblog *l)
{
    if (l == NULL)
        return;
    while (l->n_open > 0)
        rp_log_drop(l, l->open[0]);
    rp_tail_clear(&l->loose);
    rp_buf_free(&l->partial);
    rp_buf_free(&l->held);
    rp_buf_free(&l->clean);
    rp_unwrapper_free(&l->unwrap);
    free(l->own);
    free(l->nth);
    free(l->alone);
    free(l);
}
