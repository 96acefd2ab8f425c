/* pino: {"level":30,"time":1795474179358,"pid":1,"hostname":"web-1",…,"msg":"job active"}; time may
 * be ISO 8601 (stdTimeFunctions.isoTime), level a word (formatters.level). */
#include "analyze/formats/json_lines.h"

/* formatters and keys of one's own: what pino says of the process is there all the same. */
static bool has_base(const struct rp_fields *f)
{
    return rp_field_has(f, "pid", RP_JSON_NUMBER) && rp_field_has(f, "hostname", RP_JSON_STRING) &&
           !rp_field_has(f, "v", RP_JSON_NUMBER);
}

static bool shape(const struct rp_fields *f)
{
    bool number = rp_field_has(f, "level", RP_JSON_NUMBER);
    bool time = rp_field_has(f, "time", RP_JSON_NUMBER);
    bool word = rp_field_has(f, "level", RP_JSON_STRING) && rp_field_has(f, "msg", RP_JSON_STRING);
    bool level = number || rp_field_has(f, "level", RP_JSON_STRING);
    return (number && time) || (level && has_base(f)) ||
           ((word || number) && (time || rp_field_has(f, "time", RP_JSON_STRING)) &&
            !rp_field_has(f, "v", RP_JSON_NUMBER));
}

static int pino_score(struct rp_str line)
{
    return rp_json_lines_score(line, shape);
}

const struct rp_log_format rp_format_pino = {"pino", pino_score, rp_json_lines_line,
                                             rp_json_lines_finish, RP_RUN_UNFINISHED};
