#include "analyze/unwrap.h"

#include "analyze/formats/fields.h"

/* The pieces of one wrapped line; absent ones are empty. */
struct piece {
    struct rp_str time, host, program, pid, text;
    struct rp_str trace; /* what a JSON object has besides its message */
    bool more;           /* the runtime cut a long line: the next one goes on */
};

/* ---- sources ---- */

static bool source_byte(char c)
{
    return is_alnum(c) || one_of(c, "-_.");
}

static bool skip_compose(struct rp_str *s)
{
    size_t n = 0, blanks;
    while (n < s->n && n < 80 && source_byte(s->p[n]))
        n++;
    for (blanks = n; blanks < s->n && s->p[blanks] == ' ';)
        blanks++;
    if (n == 0 || blanks == n || blanks == s->n || s->p[blanks] != '|')
        return false;
    *s = str_from(*s, blanks + 1);
    (void)rp_skip(s, " ");
    return true;
}

static bool skip_pod(struct rp_str *s)
{
    size_t close = rp_find_byte(str_head(*s, 600), ']');
    if (!rp_str_starts(*s, "[pod/") || close == SIZE_MAX)
        return false;
    *s = str_from(*s, close + 1);
    (void)rp_skip(s, " ");
    return true;
}

static bool skip_source(enum rp_wrap_source source, struct rp_str *s)
{
    return source == RP_SOURCE_NONE      ? true
           : source == RP_SOURCE_COMPOSE ? skip_compose(s)
                                         : skip_pod(s);
}

/* ---- shells ---- */

/* A whole word that is an RFC 3339 time with its zone. */
static bool take_rfc3339(struct rp_str *s, struct rp_str *time)
{
    struct rp_str rest = *s;
    if (s->n < 20 || !is_digit(s->p[0]) || s->p[4] != '-' || s->p[10] != 'T')
        return false;
    *time = rp_take_tag(&rest);
    char last = time->p[time->n - 1];
    if (time->n < 20 || time->n > 40 || (last != 'Z' && (!is_digit(last) || time->n < 25)))
        return false;
    *s = rest;
    return true;
}

static bool read_cri(struct rp_str s, struct piece *p)
{
    if (!take_rfc3339(&s, &p->time) || (!rp_skip(&s, "stdout ") && !rp_skip(&s, "stderr ")))
        return false;
    struct rp_str flags = rp_take_tag(&s);
    p->more = rp_str_starts(flags, "P");
    p->text = s;
    return p->more || rp_str_starts(flags, "F");
}

/* "[id@1 a=\"b\"]" or "-" */
static bool skip_structured(struct rp_str *s)
{
    if (rp_skip(s, "- ") || rp_str_is(*s, "-"))
        return true;
    while (rp_str_starts(*s, "[")) {
        size_t close = rp_str_find(*s, RP_STR("]"));
        while (close != SIZE_MAX && s->p[close - 1] == '\\') {
            size_t next = rp_find_byte(str_from(*s, close + 1), ']');
            close = next != SIZE_MAX ? close + 1 + next : SIZE_MAX;
        }
        if (close == SIZE_MAX)
            return false;
        *s = str_from(*s, close + 1);
        if (rp_skip(s, " ") || s->n == 0)
            return true;
    }
    return false;
}

/* RFC 5424 behind the time: HOST APP PROCID MSGID SD MSG */
static bool read_5424(struct rp_str s, struct piece *p)
{
    p->host = rp_take_tag(&s);
    p->program = rp_take_tag(&s);
    p->pid = rp_take_tag(&s);
    struct rp_str msgid = rp_take_tag(&s);
    if (p->program.n == 0 || rp_str_ends(p->program, ":") || rp_str_ends(p->pid, ":") ||
        msgid.n == 0 || !skip_structured(&s))
        return false;
    if (s.n > 1 && s.p[0] == ' ' && s.p[1] != ' ')
        s = str_from(s, 1); /* RFC 3164's blank, which rsyslog keeps */
    (void)rp_skip(&s, "\xEF\xBB\xBF");
    p->text = s;
    return true;
}

/* "cron.info": busybox's syslogd and others */
static bool is_severity(struct rp_str word)
{
    static const char *const names[] = {"emerg",   "alert",  "crit", "err",   "error", "warn",
                                        "warning", "notice", "info", "debug", NULL};
    size_t dot = rp_find_byte(word, '.');
    return dot != SIZE_MAX && dot > 0 && rp_str_in(str_from(word, dot + 1), names);
}

/* RFC 3164 behind the time: [HOST] [facility.severity] TAG[PID]: MSG */
static bool read_3164(struct rp_str s, struct piece *p)
{
    struct rp_str word = rp_take_tag(&s);
    if (!rp_str_ends(word, ":")) {
        p->host = word;
        word = rp_take_tag(&s);
    }
    if (is_severity(word))
        word = rp_take_tag(&s);
    if (!rp_str_ends(word, ":") || word.n < 2)
        return false;
    rp_split_tag(word, &p->program, &p->pid);
    p->text = s;
    return true;
}

static bool read_syslog(struct rp_str s, struct piece *p)
{
    struct rp_stamp st = {.year = 2000};
    int64_t us;
    bool syslog, pri = false, version = false;
    size_t close = rp_find_byte(str_head(s, 6), '>');
    if (rp_str_starts(s, "<") && close != SIZE_MAX && close > 1) {
        pri = true;
        s = str_from(s, close + 1);
        version = rp_skip(&s, "1 ");
    }
    struct rp_str before = s;
    if (!rp_stamp_take(&st, &s, &us, &syslog) || !rp_skip(&s, " "))
        return false;
    p->time = rp_strip(str_head(before, before.n - s.n), " ", " ");
    if (!pri && !syslog && (p->time.n < 20 || p->time.p[10] != 'T'))
        return false; /* a logger's own time, and its name */
    return (version || !pri) && !syslog ? read_5424(s, p) || (!version && read_3164(s, p))
                                        : read_3164(s, p);
}

static struct rp_str text_among(const struct rp_fields *f, const char *const *names)
{
    const struct rp_field *hit = rp_field_of(f, names);
    bool text = hit != NULL && (hit->kind == RP_JSON_STRING || hit->kind == RP_JSON_NUMBER);
    return text ? hit->value : RP_STR("");
}

static bool read_json(struct rp_fields *f, struct rp_str s, struct piece *p)
{
    static const char *const texts[] = {"log",  "message",       "msg",   "MESSAGE", "@message",
                                        "text", "short_message", "event", NULL};
    static const char *const times[] = {"time",    "timestamp", "@timestamp", "ts",
                                        "asctime", "datetime",  NULL};
    static const char *const hosts[] = {"host", "hostname", NULL};
    static const char *const programs[] = {"program", "programname",       "appname",
                                           "ident",   "syslog_identifier", "SYSLOG_IDENTIFIER",
                                           NULL};
    static const char *const pids[] = {"procid", "pid", "PID", NULL};
    static const char *const traces[] = {"exc_info",    "exc_text",   "exception", "traceback",
                                         "stack_trace", "stacktrace", "stack",     NULL};
    if (!rp_fields_read(f, s))
        return false;
    p->text = text_among(f, texts);
    p->time = text_among(f, times);
    p->host = text_among(f, hosts);
    p->program = text_among(f, programs);
    p->pid = text_among(f, pids);
    p->trace = text_among(f, traces);
    p->more = rp_field_text(f, "log").n > 0 && rp_field_text(f, "stream").n > 0 &&
              !rp_str_ends(p->text, "\n");
    p->text = rp_strip(p->text, "", "\r\n");
    if (p->program.n > 0)
        (void)rp_skip(&p->text, " "); /* RFC 3164's blank behind the tag */
    return rp_field_of(f, texts) != NULL;
}

static bool read_piece(enum rp_wrap_shell shell, struct rp_fields *f, struct rp_str s,
                       struct piece *p)
{
    struct rp_str none = RP_STR("");
    *p = (struct piece){none, none, none, none, none, none, false};
    switch (shell) {
    case RP_SHELL_TIME:
        p->text = s;
        return take_rfc3339(&p->text, &p->time);
    case RP_SHELL_CRI:
        return read_cri(s, p);
    case RP_SHELL_SYSLOG:
        return read_syslog(s, p);
    case RP_SHELL_JSON:
        return read_json(f, s, p);
    default:
        p->text = s;
        return true;
    }
}

/* ---- one line ---- */

static void put_front(struct rp_buf *b, enum rp_wrap_keep keep, const struct piece *p)
{
    if (keep == RP_KEEP_TEXT || p->time.n == 0)
        return;
    rp_buf_fmt(b, "%.*s ", RP_FMT(p->time));
    if (keep != RP_KEEP_HEAD || p->program.n == 0)
        return;
    rp_buf_fmt(b, "%.*s %.*s", RP_FMT(p->host.n > 0 ? p->host : RP_STR("-")), RP_FMT(p->program));
    if (p->pid.n > 0 && !rp_str_is(p->pid, "-"))
        rp_buf_fmt(b, "[%.*s]", RP_FMT(p->pid));
    rp_buf_add(b, ": ", 2);
}

static void put(struct rp_buf *b, struct rp_str s)
{
    rp_buf_str(b, str_head(s, RP_LOG_LINE_MAX - (b->n < RP_LOG_LINE_MAX ? b->n : RP_LOG_LINE_MAX)));
}

/* False: a long line's part that goes on. */
static bool unwrap(struct rp_unwrapper *u, struct rp_str line, struct rp_str *out)
{
    struct rp_fields f = {0};
    struct piece p;
    bool fits = skip_source(u->how.source, &line) && read_piece(u->how.shell, &f, line, &p);
    u->out.n = 0;
    if (!fits) {
        put(&u->out, line);
    } else {
        if (u->part.n == 0)
            put_front(&u->part, u->how.keep, &p);
        put(&u->part, p.text);
        if (p.trace.n > 0 && rp_str_find(p.text, p.trace) == SIZE_MAX) {
            rp_buf_c(&u->part, '\n');
            put(&u->part, p.trace);
        }
        if (!p.more) {
            rp_buf_str(&u->out, rp_buf_view(&u->part));
            u->part.n = 0;
        }
    }
    rp_fields_free(&f);
    *out = rp_buf_view(&u->out);
    (void)rp_skip(out, "\xEF\xBB\xBF");
    return !fits || !p.more;
}

bool rp_unwrap(struct rp_unwrapper *u, struct rp_str line, struct rp_str *out)
{
    u->records.kind = u->how.records;
    if (!rp_record_take(&u->records, &line))
        return false;
    if (u->how.source == RP_SOURCE_NONE && u->how.shell == RP_SHELL_NONE) {
        *out = line;
        return true;
    }
    return unwrap(u, line, out);
}

bool rp_unwrap_rest(struct rp_unwrapper *u, struct rp_str *out)
{
    if (rp_record_rest(&u->records, out))
        return true;
    u->out.n = 0;
    rp_buf_str(&u->out, rp_buf_view(&u->part));
    u->part.n = 0;
    *out = rp_buf_view(&u->out);
    return out->n > 0;
}

void rp_unwrapper_free(struct rp_unwrapper *u)
{
    rp_records_free(&u->records);
    rp_buf_free(&u->part);
    rp_buf_free(&u->out);
}

/* ---- the first lines ---- */

/* "2026-11-23 22:28:42 …", "[2026-11-23 22:28:42,228: INFO/…", "22:28:42 …" */
static bool begins_with_time(struct rp_str s)
{
    struct rp_stamp st = {.year = 2000};
    int64_t us;
    bool syslog;
    s = rp_strip(s, "[(", "");
    return rp_stamp_take(&st, &s, &us, &syslog) || rp_stamp_take_clock(&st, &s, &us);
}

bool rp_wrap_fits(struct rp_wrap how, struct rp_str lines, bool *timed)
{
    size_t fit = 0, others = 0, times = 0;
    struct rp_records r = {.kind = how.records};
    for (struct rp_str line; rp_str_split(&lines, '\n', &line);) {
        struct rp_fields f = {0};
        struct piece p;
        if (!rp_record_take(&r, &line) || rp_str_trim(line).n == 0)
            continue;
        bool fits = skip_source(how.source, &line) && read_piece(how.shell, &f, line, &p);
        fit += fits;
        others += !fits;
        times += fits && begins_with_time(p.text);
        rp_fields_free(&f);
        if (others > 10 && others * 3 > fit)
            break;
    }
    rp_records_free(&r);
    *timed = times * 4 >= fit; /* the rest are stack traces and other output */
    return fit > 0 && others * 3 <= fit;
}
