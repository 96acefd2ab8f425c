/* winston's JSON format: {"level":"info","message":"job started",…}, with "timestamp" where
 * format.timestamp() is on; without, runs have no times. */
#include "analyze/formats/json_lines.h"

static bool shape(const struct rp_fields *f)
{
    return rp_field_has(f, "level", RP_JSON_STRING) && rp_field_has(f, "message", RP_JSON_STRING);
}

static int winston_score(struct rp_str line)
{
    return rp_json_lines_score(line, shape);
}

const struct rp_log_format rp_format_winston = {"winston", winston_score, rp_json_lines_line,
                                                rp_json_lines_finish, RP_RUN_UNFINISHED};
