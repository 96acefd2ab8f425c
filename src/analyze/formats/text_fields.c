/* Fields in lines of text: logfmt, "time=… level=info msg=\"job started\" job=x id=7", and a JSON
 * object behind the message, as Monolog, zap and many loggers of one's own print their context:
 * "[TIME] jobs.INFO: Job started {"job":"x"} []"; or pairs there, as Rust's tracing has it. */
#include "analyze/formats/fields.h"

enum { PAIRS_LEAST = 3 };

/* ---- logfmt ---- */

static size_t key_len(struct rp_str s)
{
    size_t n = 0;
    while (n < s.n && n < 64 && (is_alnum(s.p[n]) || one_of(s.p[n], "_-.@")))
        n++;
    return n;
}

/* Up to the closing quote, or the end of a line that was cut; with \" and \n taken out. */
static struct rp_str quoted(struct rp_fields *f, struct rp_str *s)
{
    struct rp_buf b = {0};
    size_t i = 1;
    for (; i < s->n && s->p[i] != '"'; i++) {
        bool escaped = s->p[i] == '\\' && i + 1 < s->n;
        i += escaped;
        rp_buf_c(&b, escaped && s->p[i] == 'n' ? '\n' : s->p[i]);
    }
    struct rp_str value = rp_str_dup(&f->arena, rp_buf_view(&b));
    rp_buf_free(&b);
    *s = rp_strip(str_from(*s, i < s->n ? i + 1 : i), " \t", "");
    return value;
}

/* A word; of an error's text, which some loggers do not quote, the words up to the next pair. */
static struct rp_str unquoted(struct rp_str key, struct rp_str *s)
{
    static const char *const texts[] = {"err",     "error", "exception", "reason",
                                        "message", "msg",   NULL};
    const char *begin = s->p;
    struct rp_str word = rp_take_word(s);
    if (!rp_str_in(key, texts))
        return word;
    for (size_t n = key_len(*s); s->n > 0 && (n == 0 || n >= s->n || s->p[n] != '=');
         n = key_len(*s))
        word = rp_take_word(s);
    return (struct rp_str){begin, (size_t)(word.p + word.n - begin)};
}

static bool add_pair(struct rp_fields *f, struct rp_str *s)
{
    size_t n = key_len(*s);
    if (n == 0 || n >= s->n || s->p[n] != '=' || f->n == RP_FIELDS_MAX)
        return false;
    struct rp_field *field = &f->v[f->n];
    *field = (struct rp_field){RP_NONE, str_head(*s, n), RP_NONE, RP_JSON_STRING};
    *s = str_from(*s, n + 1);
    field->value = s->n > 0 && s->p[0] == '"' ? quoted(f, s) : unquoted(field->key, s);
    f->n++;
    return true;
}

static bool read_logfmt(struct rp_str line, struct rp_fields *f)
{
    struct rp_str s = line;
    size_t n = key_len(s);
    if (n == 0 || n >= s.n || s.p[n] != '=')
        return false;
    while (s.n > 0)
        if (!add_pair(f, &s))
            (void)rp_take_word(&s); /* a word by itself */
    return f->n >= PAIRS_LEAST;
}

/* ---- a JSON object behind the message ---- */

/* "jobs.INFO:", "INFO", "[error]" */
static struct rp_str level_of(struct rp_str word)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warn",  "warning", "error",
                                         "fatal", "critical", "alert",  "emerg", NULL};
    word = rp_strip(word, "[(<", "])>:|,");
    for (size_t dot; (dot = rp_find_byte(word, '.')) != SIZE_MAX;)
        word = str_from(word, dot + 1);
    return rp_str_in(word, levels) ? word : RP_NONE;
}

/* The level is among the first words; the message begins behind it. */
static struct rp_str take_level(struct rp_str *s)
{
    enum { WORDS = 4 };
    struct rp_str rest = *s, level = RP_NONE;
    for (int i = 0; i < WORDS && level.p == NULL && rest.n > 0; i++)
        level = level_of(rp_take_word(&rest));
    if (level.p != NULL)
        *s = rp_strip(rest, " \t-|:", "");
    return level;
}

/* The text of the object, without the "[]" that Monolog puts behind it. */
static struct rp_str object_of(struct rp_str s)
{
    s = rp_strip(s, "", " ");
    if (rp_str_ends(s, "} []") || rp_str_ends(s, "} {}"))
        s.n -= 3;
    return s;
}

/* zap puts the caller into a column of its own before the message. */
static struct rp_str last_column(struct rp_str s)
{
    for (size_t tab; (tab = rp_find_byte(s, '\t')) != SIZE_MAX;)
        s = str_from(s, tab + 1);
    return s;
}

static bool read_tail(struct rp_stamp *st, struct rp_str line, struct rp_fields *f)
{
    bool syslog;
    int64_t us;
    struct rp_str s = line;
    size_t brace = rp_str_find(line, RP_STR("{\""));
    if (brace == SIZE_MAX || brace == 0 || !is_blank(line.p[brace - 1]) ||
        !rp_stamp_take(st, &s, &us, &syslog))
        return false;
    struct rp_str time = rp_strip(str_head(line, line.n - s.n), "[( ", ")] ");
    s = rp_strip(s, " \t-|:", "");
    if (s.p >= line.p + brace || !rp_fields_read(f, object_of(str_from(line, brace))))
        return false;
    struct rp_str message = {s.p, (size_t)(line.p + brace - s.p)}, level = take_level(&message);
    message = last_column(rp_str_trim(message));
    rp_fields_add(f, "time", time);
    rp_fields_add(f, "level", level.p != NULL ? level : RP_STR("info"));
    rp_fields_add(f, "message", rp_str_trim(message));
    return true;
}

/* ---- pairs behind the message ---- */

/* "runner::exec: " */
static struct rp_str skip_target(struct rp_str s)
{
    struct rp_str rest = s, word = rp_take_word(&rest);
    return rp_str_ends(word, ":") && (str_has(word, "::") || str_has(word, ".")) ? rest : s;
}

/* "TIME LEVEL target: job started job=x id=7" */
static bool read_pairs(struct rp_stamp *st, struct rp_str line, struct rp_fields *f)
{
    bool syslog;
    int64_t us;
    struct rp_str s = line, all, level;
    if (rp_find_byte(line, '=') == SIZE_MAX || !rp_stamp_take(st, &s, &us, &syslog))
        return false;
    struct rp_str time = rp_strip(str_head(line, line.n - s.n), "[( ", ")] ");
    s = rp_strip(s, " \t-|:", "");
    level = take_level(&s);
    all = s = skip_target(s);
    while (s.n > 0 && (key_len(s) == 0 || key_len(s) >= s.n || s.p[key_len(s)] != '='))
        (void)rp_take_word(&s);
    struct rp_str message = rp_str_trim(str_head(all, all.n - s.n));
    if (level.p == NULL || message.n == 0)
        return false;
    while (s.n > 0)
        if (!add_pair(f, &s))
            (void)rp_take_word(&s);
    rp_fields_add(f, "time", time);
    rp_fields_add(f, "level", level);
    rp_fields_add(f, "message", message);
    return f->n >= PAIRS_LEAST + 1;
}

bool rp_text_fields(struct rp_stamp *st, struct rp_fields *f, struct rp_str line)
{
    f->n = 0;
    f->arena = (struct rp_arena){0};
    if (rp_find_byte(line, '=') == SIZE_MAX && rp_find_byte(line, '{') == SIZE_MAX)
        return false; /* most lines */
    if (read_logfmt(line, f) || read_tail(st, line, f))
        return true;
    f->n = 0;
    return read_pairs(st, line, f);
}
