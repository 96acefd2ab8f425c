/* The runs that are open while a log is read, and the text that belongs to them. */
#include "analyze/formats/format.h"

#include <stdlib.h>

enum { ERROR_LINE_MAX = 2048, NAME_BYTES = 1024 };

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

void rp_tail_text(struct rp_tail *t, struct rp_str text)
{
    for (struct rp_str line; rp_str_split(&text, '\n', &line);)
        if (rp_str_trim(line).n > 0)
            rp_tail_add(t, line);
}

void rp_tail_clear(struct rp_tail *t)
{
    free(t->p);
    *t = (struct rp_tail){0};
}

/* ---- open and close ---- */

void *rp_log_own(struct rp_joblog *l, size_t n)
{
    if (l->own == NULL)
        l->own = rp_xcalloc(1, n);
    return l->own;
}

static uint64_t key_hash(struct rp_str type, struct rp_str id)
{
    return rp_hash64(type) * 31 + rp_hash64(id);
}

static struct rp_str cut_name(struct rp_str s)
{
    if (s.n > NAME_BYTES)
        s.n = rp_utf8_whole(s.p, NAME_BYTES);
    return s;
}

static struct rp_str keep(struct rp_str s)
{
    s = cut_name(s);
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
        l->stats.given_up += l->open[0]->verdict == RP_RUN_UNKNOWN;
        rp_log_close_open(l, l->open[0]);
    }
    struct rp_open_run *r = rp_xcalloc(1, sizeof *r);
    r->type = keep(type);
    r->id = keep(id);
    r->hash = key_hash(r->type, r->id);
    r->start_us = start_us;
    r->end_us = RP_NO_TIME;
    r->line = l->line;
    l->open_hash[l->n_open] = r->hash;
    return l->open[l->n_open++] = r;
}

static uint64_t cut_hash(struct rp_str type, struct rp_str id)
{
    return key_hash(cut_name(type), cut_name(id));
}

struct rp_open_run *rp_log_find(struct rp_joblog *l, struct rp_str type, struct rp_str id)
{
    uint64_t hash = cut_hash(type, id);
    for (size_t i = l->n_open; i > 0; i--)
        if (l->open_hash[i - 1] == hash)
            return l->open[i - 1];
    return NULL;
}

struct rp_open_run *rp_log_find_oldest(struct rp_joblog *l, struct rp_str type, struct rp_str id)
{
    uint64_t hash = cut_hash(type, id);
    for (size_t i = 0; i < l->n_open; i++)
        if (l->open_hash[i] == hash)
            return l->open[i];
    return NULL;
}

static size_t place_of(const struct rp_joblog *l, const struct rp_open_run *r)
{
    size_t i = 0;
    while (l->open[i] != r)
        i++;
    return i;
}

void rp_log_rename(struct rp_joblog *l, struct rp_open_run *r, struct rp_str type, struct rp_str id)
{
    struct rp_str was_type = r->type, was_id = r->id;
    r->type = keep(type);
    r->id = keep(id);
    r->hash = key_hash(r->type, r->id);
    l->open_hash[place_of(l, r)] = r->hash;
    free((char *)was_type.p);
    free((char *)was_id.p);
}

static void run_free(struct rp_open_run *r)
{
    rp_tail_clear(&r->error);
    free((char *)r->type.p);
    free((char *)r->id.p);
    free(r);
}

void rp_log_drop(struct rp_joblog *l, struct rp_open_run *r)
{
    size_t i = place_of(l, r), after = l->n_open - i - 1;
    memmove(l->open + i, l->open + i + 1, after * sizeof *l->open);
    memmove(l->open_hash + i, l->open_hash + i + 1, after * sizeof *l->open_hash);
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

void rp_log_close_open(struct rp_joblog *l, struct rp_open_run *r)
{
    if (r->verdict != RP_RUN_UNKNOWN)
        rp_log_close(l, r, r->verdict, r->end_us);
    else
        rp_log_close(l, r, rp_log_left_open(l), RP_NO_TIME);
}

void rp_log_close_all(struct rp_joblog *l)
{
    while (l->n_open > 0)
        rp_log_close_open(l, l->open[0]);
}

/* ---- stack traces behind a failure ---- */

void rp_log_settle(struct rp_joblog *l, struct rp_open_run *r, enum rp_run_outcome outcome,
                   int64_t end_us)
{
    rp_log_settled(l);
    r->verdict = outcome;
    r->end_us = end_us;
    l->pending = r;
    l->trace = TRACE_NONE;
}

/* Does one of the last lines begin with the name of a time limit's exception? */
static bool names_limit(struct rp_str text)
{
    bool hit = false;
    for (struct rp_str line; rp_str_split(&text, '\n', &line);)
        if (line.n > 0 && is_alpha(line.p[0]))
            hit = rp_is_run_limit(str_head(line, rp_find_byte(line, ':')), RP_STR(""));
    return hit;
}

void rp_log_settled(struct rp_joblog *l)
{
    struct rp_open_run *r = l->pending;
    if (r == NULL)
        return;
    if (l->trace_tells_limit && r->verdict == RP_RUN_FAILED && l->trace >= TRACE_NAMED &&
        names_limit((struct rp_str){r->error.p, r->error.n}))
        r->verdict = RP_RUN_TIMEOUT;
    rp_log_close(l, r, r->verdict, r->end_us);
}

/* Lines that databases and their drivers put behind the exception's own. */
static bool goes_on(struct rp_str s)
{
    static const char *const fronts[] = {
        "DETAIL:", "HINT:",  "CONTEXT:", "LINE ", "QUERY:", "[SQL", "(Backgr",
        "[param",  "\"\"\"", "'''",      "}",     "]",      NULL};
    for (const char *const *f = fronts; *f != NULL; f++)
        if (rp_str_starts(s, *f))
            return true;
    return false;
}

static bool is_warning(struct rp_str s)
{
    size_t colon = rp_find_byte(s, ':');
    return colon != SIZE_MAX && rp_str_ends(str_head(s, colon), "Warning");
}

bool rp_log_follow(struct rp_joblog *l, struct rp_str line)
{
    struct rp_str s = rp_str_trim(line);
    if (l->pending == NULL)
        return false;
    if (s.n == 0) {
        l->trace = l->trace == TRACE_NAMED ? TRACE_ENDED : l->trace;
        return true;
    }
    bool message = l->trace == TRACE_NAMED && l->trace_to_blank;
    bool indented = is_blank(line.p[0]), starts = rp_line_starts_trace(line) && !is_warning(s);
    if (!indented && !starts && !message && !goes_on(s) && l->trace != TRACE_FRAMES)
        return false;
    if (rp_str_starts(s, "File \"") || str_has(s, "Traceback ("))
        l->trace = TRACE_FRAMES; /* Python's: the exception comes last */
    else if (!indented)
        l->trace = TRACE_NAMED;
    rp_tail_add(&l->pending->error, line);
    return true;
}

void rp_log_count(struct rp_joblog *l, bool mine)
{
    l->mine = mine;
    l->stats.unassigned_lines += !mine;
}

void rp_log_unprefixed(struct rp_joblog *l, struct rp_str line)
{
    if (rp_log_follow(l, line) || rp_str_trim(line).n == 0)
        return;
    if (l->pending != NULL)
        l->mine = false; /* the stack trace is complete: this is of somebody else */
    rp_log_settled(l);
    l->stats.unassigned_lines += !l->mine;
}

/* ---- ends that were seen ---- */

uint64_t rp_log_key(struct rp_str type, struct rp_str id, int64_t attempt)
{
    return cut_hash(type, id) * 31 + (uint64_t)attempt + 1;
}

enum { NTH_SLOTS = 16384 };
struct rp_log_nth {
    uint64_t key;
    int64_t n;
};

int64_t rp_log_nth(struct rp_joblog *l, uint64_t key)
{
    if (l->nth == NULL)
        l->nth = rp_xcalloc(NTH_SLOTS, sizeof *l->nth);
    struct rp_log_nth *slot = &l->nth[key % NTH_SLOTS];
    if (slot->key != key)
        *slot = (struct rp_log_nth){key, 0};
    return ++slot->n;
}

void rp_log_mark_ended(struct rp_joblog *l, uint64_t key)
{
    l->ended[key % RP_LOG_ENDED] = key;
}

bool rp_log_was_ended(const struct rp_joblog *l, uint64_t key)
{
    return l->ended[key % RP_LOG_ENDED] == key;
}

enum { ALONE_SLOTS = 4096 };
struct rp_log_alone {
    uint64_t key;
    int64_t end_us;
};

void rp_log_end_alone(struct rp_joblog *l, uint64_t key, int64_t end_us)
{
    if (l->alone == NULL)
        l->alone = rp_xcalloc(ALONE_SLOTS, sizeof *l->alone);
    l->alone[key % ALONE_SLOTS] = (struct rp_log_alone){key, end_us};
}

bool rp_log_is_late_start(struct rp_joblog *l, uint64_t key, int64_t start_us)
{
    struct rp_log_alone *slot = l->alone != NULL ? &l->alone[key % ALONE_SLOTS] : NULL;
    if (slot == NULL || slot->key != key || start_us == RP_NO_TIME || slot->end_us == RP_NO_TIME ||
        start_us > slot->end_us)
        return false;
    slot->key = 0;
    return true;
}
