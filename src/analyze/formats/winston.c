/* winston: its JSON format, {"level":"info","message":"job started",…}, with "timestamp" where
 * format.timestamp() is on (without, runs have no times), and its simple format, which puts level
 * and message in front of the rest: info: job started {"job":"etl",…}. Its cli format, and simple
 * without fields, have level and message only: info:    job etl (17) started. */
#include "analyze/formats/json_lines.h"

static bool shape(const struct rp_fields *f)
{
    bool usual =
        rp_field_has(f, "level", RP_JSON_STRING) && rp_field_has(f, "message", RP_JSON_STRING);
    return usual || (rp_field_has(f, "@message", RP_JSON_STRING) &&
                     rp_field_has(f, "@fields", RP_JSON_OBJECT)); /* format.logstash() */
}

enum { MESSAGE_MAX = 4096 };

/* A message of several lines, so far. */
struct own {
    char level[16], text[MESSAGE_MAX];
    size_t n, text_n;
    uint64_t lines;
};

static void put(struct own *o, struct rp_str s)
{
    if (o->lines++ > 0 && o->text_n < MESSAGE_MAX)
        o->text[o->text_n++] = '\n';
    s = str_head(s, MESSAGE_MAX - o->text_n);
    if (s.n > 0)
        memcpy(o->text + o->text_n, s.p, s.n);
    o->text_n += s.n;
}

static void tell(struct rp_joblog *l, struct rp_fields *f, const struct own *o)
{
    rp_fields_add(f, "level", (struct rp_str){o->level, o->n});
    rp_fields_add(f, "message", rp_str_trim((struct rp_str){o->text, o->text_n}));
    rp_json_lines_fields(l, f);
}

/* Nothing came behind the message: it says all, perhaps with a stack trace below. */
static void end_message(struct rp_joblog *l, struct own *o)
{
    struct rp_fields f = {.n = 0};
    struct rp_str text = {o->text, o->text_n}, first;
    if (o->lines > 1 && rp_str_split(&text, '\n', &first)) {
        rp_fields_add(&f, "stack", text);
        o->text_n = first.n;
    }
    if (o->lines > 0)
        tell(l, &f, o);
    l->stats.unassigned_lines += o->lines > 1 && !l->mine ? o->lines - 1 : 0;
    o->lines = o->text_n = 0;
    rp_fields_free(&f);
}

static struct rp_str level_of(struct rp_str line, struct rp_str *rest)
{
    static const char *const levels[] = {"error",   "warn",  "info",  "http",
                                         "verbose", "debug", "silly", NULL};
    *rest = line;
    struct rp_str level = rp_take_until(rest, ':');
    return level.n > 0 && level.n <= 8 && is_lower(level.p[0]) && rp_str_in(level, levels)
               ? level
               : RP_NONE;
}

/* Fields of "message {…}"; the JSON may hold braces, the message should not. */
static bool read_simple(struct rp_str rest, struct rp_fields *f, struct rp_str *message)
{
    size_t brace = rp_str_find(rest, RP_STR(" {\""));
    *f = (struct rp_fields){.n = 0};
    if (brace == SIZE_MAX || !rp_fields_read(f, str_from(rest, brace + 1)))
        return false;
    *message = rp_str_trim(str_head(rest, brace));
    return true;
}

/* "error: first line", "last line {…}" */
static bool simple_line(struct rp_joblog *l, struct own *o, struct rp_str line)
{
    struct rp_fields f;
    struct rp_str rest, message, level = level_of(line, &rest);
    if (level.p != NULL) {
        end_message(l, o);
        o->n = level.n;
        memcpy(o->level, level.p, level.n);
    } else if (o->lines == 0) {
        return false;
    }
    bool ends = read_simple(rest = level.p != NULL ? rest : line, &f, &message);
    put(o, ends ? message : rest);
    if (ends) {
        tell(l, &f, o);
        o->lines = o->text_n = 0;
    }
    rp_fields_free(&f);
    return true;
}

static void winston_line(struct rp_joblog *l, struct rp_str line)
{
    struct own *o = rp_log_own(l, sizeof *o);
    if (rp_str_starts(line, "{") || !simple_line(l, o, line))
        rp_json_lines_line(l, line);
}

static void winston_finish(struct rp_joblog *l)
{
    struct own *o = rp_log_own(l, sizeof *o);
    end_message(l, o);
    rp_json_lines_finish(l);
}

static int winston_score(struct rp_str line)
{
    struct rp_fields f = {.n = 0};
    struct rp_str rest, message;
    bool level = level_of(line, &rest).p != NULL;
    int points = level && read_simple(rest, &f, &message)     ? 5
                 : level && rp_plain_tells(rp_str_trim(rest)) ? 3
                                                              : 0;
    rp_fields_free(&f);
    return points > 0 ? points : rp_json_lines_score(line, shape);
}

const struct rp_log_format rp_format_winston = {"winston", winston_score, winston_line,
                                                winston_finish, RP_RUN_UNFINISHED};
