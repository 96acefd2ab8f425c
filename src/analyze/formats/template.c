/* Logs of the user's own layout (log_formats in the configuration): a line is matched from its
 * front, each field up to the text behind it. Lines that do not fit are a stack trace behind a
 * failure, or of nobody. */
#include "analyze/formats/format.h"

struct match {
    struct rp_str of[RP_FIELDS_N];
    int64_t at_us;
};

/* Literal text; a blank of it stands for any number of blanks. Bytes of s that it takes; SIZE_MAX.
 */
static size_t literal_at(struct rp_str s, struct rp_str want)
{
    size_t i = 0;
    for (size_t k = 0; k < want.n; k++) {
        if (!is_blank(want.p[k])) {
            if (i == s.n || s.p[i++] != want.p[k])
                return SIZE_MAX;
            continue;
        }
        if (k > 0 && is_blank(want.p[k - 1]))
            continue;
        if (i == s.n || !is_blank(s.p[i]))
            return SIZE_MAX;
        while (i < s.n && is_blank(s.p[i]))
            i++;
    }
    return i;
}

/* Where a field ends: at the first place that the literal fits. */
static size_t field_len(struct rp_str s, struct rp_str next, bool last)
{
    if (next.n == 0)
        return last ? s.n : 0;
    for (size_t i = 0; i < s.n; i++)
        if (literal_at(str_from(s, i), next) != SIZE_MAX)
            return i;
    return last && rp_str_trim(next).n == 0 ? s.n : SIZE_MAX;
}

static bool take_time(struct rp_stamp *st, struct rp_str *s, struct match *m)
{
    bool syslog;
    struct rp_str was = *s;
    if (!rp_stamp_take(st, s, &m->at_us, &syslog) && !rp_stamp_take_clock(st, s, &m->at_us))
        return false;
    m->of[RP_FIELD_TIME] = str_head(was, was.n - s->n);
    return true;
}

static bool match(struct rp_stamp *st, const struct rp_log_template *t, struct rp_str s,
                  struct match *m)
{
    *m = (struct match){.at_us = RP_NO_TIME};
    for (size_t i = 0; i < t->n_parts; i++) {
        size_t skip = literal_at(s, t->parts[i].before);
        bool last = i + 1 == t->n_parts;
        if (skip == SIZE_MAX)
            return false;
        s = str_from(s, skip);
        if (t->parts[i].field == RP_FIELD_TIME && take_time(st, &s, m))
            continue;
        size_t n = field_len(s, last ? t->rest : t->parts[i + 1].before, last);
        if (n == SIZE_MAX || t->parts[i].field == RP_FIELD_TIME)
            return false;
        m->of[t->parts[i].field] = rp_str_trim(str_head(s, n));
        s = str_from(s, n);
    }
    return m->of[RP_FIELD_EVENT].n > 0 && (m->of[RP_FIELD_TYPE].n > 0 || m->of[RP_FIELD_ID].n > 0);
}

/* ---- words ---- */

static bool begins_with(struct rp_str s, struct rp_str word)
{
    if (word.n == 0 || s.n < word.n)
        return false;
    for (size_t i = 0; i < word.n; i++)
        if (to_lower(s.p[i]) != to_lower(word.p[i]))
            return false;
    return s.n == word.n || !is_alnum(s.p[word.n]) || !is_alnum(word.p[word.n - 1]);
}

/* The longest of the words that the event begins with: "timed out" before "timed". */
static enum rp_verb verb_of(const struct rp_log_template *t, struct rp_str event)
{
    const struct {
        const struct rp_log_words *words;
        enum rp_verb verb;
    } lists[] = {{&t->start, RP_VERB_START},
                 {&t->succeeded, RP_VERB_DONE},
                 {&t->failed, RP_VERB_FAILED},
                 {&t->timeout, RP_VERB_TIMEOUT},
                 {&t->cancelled, RP_VERB_CANCELLED}};
    enum rp_verb verb = RP_VERB_NONE;
    size_t words = 0, longest = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        words += lists[i].words->n;
        for (size_t k = 0; k < lists[i].words->n; k++)
            if (lists[i].words->v[k].n > longest && begins_with(event, lists[i].words->v[k])) {
                longest = lists[i].words->v[k].n;
                verb = lists[i].verb;
            }
    }
    if (words == 0)
        (void)rp_verb_at(event, &verb);
    return verb;
}

int rp_template_score(const struct rp_log_template *t, struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct match m;
    return match(&st, t, line, &m) && verb_of(t, m.of[RP_FIELD_EVENT]) != RP_VERB_NONE ? 20 : 0;
}

/* ---- runs ---- */

static int64_t attempt_of(const struct match *m)
{
    struct rp_str s = m->of[RP_FIELD_ATTEMPT];
    int64_t n;
    return rp_take_number(&s, &n) ? n : 0;
}

static void on_end(struct rp_joblog *l, const struct match *m, struct rp_open_run *r,
                   enum rp_verb verb)
{
    l->saw_ends = true;
    if (r == NULL) /* began before the log */
        r = rp_log_open(l, m->of[RP_FIELD_TYPE], m->of[RP_FIELD_ID], RP_NO_TIME);
    if (r->attempt == 0)
        r->attempt = attempt_of(m);
    if (verb == RP_VERB_DONE || verb == RP_VERB_CANCELLED) {
        rp_log_close(l, r, verb == RP_VERB_DONE ? RP_RUN_SUCCEEDED : RP_RUN_CANCELLED, m->at_us);
        return;
    }
    rp_tail_add(&r->error, m->of[RP_FIELD_EVENT]);
    if (m->of[RP_FIELD_ERROR].n > 0)
        rp_tail_add(&r->error, m->of[RP_FIELD_ERROR]);
    rp_log_settle(l, r, verb == RP_VERB_TIMEOUT ? RP_RUN_TIMEOUT : RP_RUN_FAILED, m->at_us);
}

static bool on_event(struct rp_joblog *l, struct match *m)
{
    static const char *const bad[] = {"error", "err", "fatal", "crit", "critical", NULL};
    enum rp_verb verb = verb_of(l->template, m->of[RP_FIELD_EVENT]);
    if (m->of[RP_FIELD_TYPE].n == 0)
        m->of[RP_FIELD_TYPE] = RP_STR("job");
    struct rp_open_run *r = rp_log_find(l, m->of[RP_FIELD_TYPE], m->of[RP_FIELD_ID]);
    if (verb == RP_VERB_START) {
        if (r != NULL)
            rp_log_close_open(l, r);
        r = rp_log_open(l, m->of[RP_FIELD_TYPE], m->of[RP_FIELD_ID], m->at_us);
        r->attempt = attempt_of(m);
    } else if (verb != RP_VERB_NONE) {
        on_end(l, m, r, verb);
    } else if (r != NULL && rp_str_in(m->of[RP_FIELD_LEVEL], bad)) {
        rp_tail_add(&r->error, m->of[RP_FIELD_EVENT]);
    }
    return verb != RP_VERB_NONE || r != NULL;
}

/* A line of the log all the same, if the format begins with a time and so does the line. */
static bool has_time(struct rp_joblog *l, struct rp_str line)
{
    struct match m;
    size_t skip = literal_at(line, l->template->parts[0].before);
    if (skip == SIZE_MAX || l->template->parts[0].field != RP_FIELD_TIME)
        return false;
    line = str_from(line, skip);
    return take_time(&l->o.stamp, &line, &m);
}

static void template_line(struct rp_joblog *l, struct rp_str line)
{
    struct match m;
    bool fits = match(&l->o.stamp, l->template, line, &m);
    if (!fits && !has_time(l, line)) {
        rp_log_unprefixed(l, line);
        return;
    }
    rp_log_settled(l);
    rp_log_count(l, fits && on_event(l, &m));
}

static int no_score(struct rp_str line)
{
    (void)line;
    return 0;
}

static void template_finish(struct rp_joblog *l)
{
    rp_log_settled(l);
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_template = {"log_formats", no_score, template_line,
                                                 template_finish, RP_RUN_UNFINISHED};
