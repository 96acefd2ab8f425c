#include "analyze/pretty.h"

#include "analyze/formats/format.h"

/* The parts of a first line; absent ones are empty. */
struct head {
    struct rp_str time, name, text;
    int level;   /* 10 to 60, 0: none */
    bool bunyan; /* its extra fields are in brackets behind the message */
};

static int level_of(struct rp_str word)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    for (int i = 0; i < 6; i++)
        if (rp_str_eq(word, rp_str_of(names[i])))
            return (i + 1) * 10;
    return 0;
}

/* "name/pid on host: ", "name: " */
static bool take_origin(struct head *h, bool brief)
{
    struct rp_str rest = h->text, word = rp_take_word(&rest);
    if (brief) {
        if (!rp_str_ends(word, ":") || word.n < 2)
            return false;
        h->name = str_head(word, word.n - 1);
        h->text = rest;
        return true;
    }
    h->name = str_head(word, rp_find_byte(word, '/'));
    if (h->name.n == word.n || !rp_skip(&rest, "on ") || !rp_str_ends(rp_take_word(&rest), ":"))
        return false;
    h->text = rest;
    return true;
}

/* "[TIME]", "[CLOCK]"; without brackets a clock only, with a "Z" where it is UTC's. */
static bool take_pretty_time(struct rp_str *s, struct rp_str *time)
{
    struct rp_stamp st = {.year = 2000};
    int64_t us;
    bool syslog, open = rp_skip(s, "[");
    size_t z = rp_find_byte(str_head(*s, 16), 'Z');
    struct rp_str before = *s, clock = str_head(*s, open ? SIZE_MAX : z);
    if (open && rp_stamp_take(&st, s, &us, &syslog))
        clock = *s;
    else if (!rp_stamp_take_clock(&st, &clock, &us))
        return false;
    *time = str_head(before, (size_t)(clock.p - before.p));
    *s = str_from(before, time->n);
    return open ? rp_skip(s, "]") : rp_skip(s, "Z ") || rp_skip(s, " ");
}

static bool take_level(struct rp_str *s, struct head *h)
{
    size_t n = 0;
    while (n < s->n && is_upper(s->p[n]))
        n++;
    h->level = level_of(str_head(*s, n));
    *s = str_from(*s, n);
    return h->level > 0;
}

static bool read_head(struct rp_str line, struct head *h)
{
    struct rp_str s = line;
    *h = (struct head){RP_STR(""), RP_STR(""), RP_STR(""), 0, false};
    bool first = s.n > 14 && is_upper(s.p[0]); /* pino-pretty -l: the level is in front */
    if (first && (!take_level(&s, h) || !rp_skip(&s, " [")))
        return false;
    if (first)
        s = (struct rp_str){s.p - 1, s.n + 1};
    bool brackets = rp_str_starts(s, "[");
    if (s.n < 14 || (!brackets && !is_digit(s.p[0])) || !take_pretty_time(&s, &h->time))
        return false;
    s = first ? s : rp_strip(s, " ", "");
    if (!first && !take_level(&s, h))
        return false;
    h->text = s;
    if (!brackets) { /* bunyan -o short */
        h->text = rp_strip(h->text, " ", "");
        return h->bunyan = take_origin(h, true);
    }
    if (rp_skip(&h->text, " (")) {
        h->name = rp_take_until(&h->text, ')');
        h->name = str_head(h->name, rp_find_byte(h->name, '/'));
    }
    if (!rp_skip(&h->text, ":"))
        return false;
    h->text = rp_strip(h->text, " ", "");
    h->bunyan = h->name.n == 0 && take_origin(h, false);
    return true;
}

bool rp_pretty_begins(struct rp_str line)
{
    struct head h;
    return read_head(line, &h);
}

/* " (k=v, k=v)" off the end of bunyan's message. */
static struct rp_str take_extra(struct rp_str *text)
{
    size_t open = text->n;
    if (!rp_str_ends(*text, ")"))
        return RP_STR("");
    while (open > 0 && text->p[open - 1] != '(')
        open--;
    struct rp_str in = {text->p + open, text->n - open - 1};
    if (open < 2 || rp_find_byte(in, '=') == SIZE_MAX)
        return RP_STR("");
    text->n = open - 1;
    *text = rp_strip(*text, "", " ");
    return in;
}

/* The members that pino-pretty -S puts behind the message, in braces. */
static struct rp_str take_single(struct rp_str *text)
{
    size_t open = rp_str_find(*text, RP_STR("{\""));
    struct rp_str in = open != SIZE_MAX ? str_from(*text, open) : RP_STR("");
    if (!rp_str_ends(in, "}") || !rp_json_valid(in, NULL))
        return RP_STR("");
    *text = rp_strip(str_head(*text, open), "", " ");
    return (struct rp_str){in.p + 1, in.n - 2};
}

static void put_value(struct rp_jw *w, struct rp_str key, struct rp_str value)
{
    rp_jw_key_str(w, key);
    if (value.n > 0 && !is_alpha(value.p[0]) && rp_json_valid(value, NULL))
        rp_jw_raw(w, value);
    else
        rp_jw_str(w, value);
}

void rp_pretty_first(struct rp_jw *w, struct rp_str line)
{
    struct head h;
    struct rp_str pair, key;
    (void)read_head(line, &h);
    rp_jw_m_i64(w, "level", h.level);
    rp_jw_m_str(w, "time", h.time);
    rp_jw_m_str(w, "name", h.name);
    if (h.bunyan)
        rp_jw_m_i64(w, "v", 0);
    struct rp_str extra = h.bunyan ? take_extra(&h.text) : RP_STR("");
    struct rp_str single = h.bunyan ? RP_STR("") : take_single(&h.text);
    if (h.text.n > 0 || h.bunyan)
        rp_jw_m_str(w, "msg", h.text);
    while (rp_str_split(&extra, ',', &pair)) {
        pair = rp_strip(pair, " ", "");
        if (rp_str_split(&pair, '=', &key) && key.n > 0)
            put_value(w, key, rp_strip(pair, "\"", "\""));
    }
    if (single.n > 0) {
        rp_buf_c(w->out, ',');
        rp_buf_str(w->out, single);
    }
}

bool rp_pretty_member(struct rp_jw *w, struct rp_str line)
{
    struct rp_str s = rp_strip(line, " \t", " \t,"), rest = s;
    struct rp_str key = rp_strip(rp_take_until(&rest, ':'), "\"", "\"");
    for (size_t i = 0; i < key.n; i++)
        if (!is_alnum(key.p[i]) && !one_of(key.p[i], "_-."))
            return false;
    rest = rp_strip(rest, " ", "");
    if (key.n == 0 || rest.n == 0 || is_alpha(rest.p[0]) || !rp_json_valid(rest, NULL))
        return false;
    rp_jw_key_str(w, key);
    rp_jw_raw(w, rest);
    return true;
}

void rp_pretty_error_value(struct rp_jw *w, struct rp_str text)
{
    struct rp_str first = str_head(text, rp_find_byte(text, '\n'));
    size_t colon = rp_str_find(first, RP_STR(": "));
    rp_jw_object(w);
    if (colon != SIZE_MAX) {
        rp_jw_m_str(w, "type", str_head(first, colon));
        first = str_from(first, colon + 2);
    }
    rp_jw_m_str(w, "message", first);
    rp_jw_m_str(w, "stack", text);
    rp_jw_object_end(w);
}

void rp_pretty_error(struct rp_jw *w, struct rp_str text)
{
    if (text.n == 0 || text.p[0] == '\n')
        return;
    rp_jw_key(w, "err");
    rp_pretty_error_value(w, text);
}
