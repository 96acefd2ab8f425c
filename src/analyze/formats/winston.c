/* winston: its JSON format, {"level":"info","message":"job started",…}, with "timestamp" where
 * format.timestamp() is on (without, runs have no times), and its simple format, which puts level
 * and message in front of the rest: info: job started {"job":"etl",…}. */
#include "analyze/formats/json_lines.h"

static bool shape(const struct rp_fields *f)
{
    return rp_field_has(f, "level", RP_JSON_STRING) && rp_field_has(f, "message", RP_JSON_STRING);
}

/* Fields of "level: message {…}"; the JSON may hold braces, the message should not. */
static bool read_simple(struct rp_str line, struct rp_fields *f)
{
    static const char *const levels[] = {"error",   "warn",  "info",  "http",
                                         "verbose", "debug", "silly", NULL};
    struct rp_str rest = line, level = rp_take_until(&rest, ':');
    size_t brace = rp_str_find(rest, RP_STR(" {\""));
    *f = (struct rp_fields){.n = 0};
    if (level.n > 8 || !rp_str_in(level, levels) || brace == SIZE_MAX ||
        !rp_fields_read(f, str_from(rest, brace + 1)))
        return false;
    rp_fields_add(f, "level", level);
    rp_fields_add(f, "message", rp_str_trim(str_head(rest, brace)));
    return true;
}

static void winston_line(struct rp_joblog *l, struct rp_str line)
{
    struct rp_fields f;
    if (line.n > 0 && is_lower(line.p[0]) && read_simple(line, &f)) {
        rp_json_lines_fields(l, &f);
        rp_fields_free(&f);
    } else {
        rp_json_lines_line(l, line);
    }
}

static int winston_score(struct rp_str line)
{
    struct rp_fields f = {.n = 0};
    int points = line.n > 0 && is_lower(line.p[0]) && read_simple(line, &f) ? 5 : 0;
    rp_fields_free(&f);
    return points > 0 ? points : rp_json_lines_score(line, shape);
}

const struct rp_log_format rp_format_winston = {"winston", winston_score, winston_line,
                                                rp_json_lines_finish, RP_RUN_UNFINISHED};
