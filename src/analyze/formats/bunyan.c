/* bunyan: {"name":"jobs","hostname":"web-1","pid":1,"level":30,…,"msg":"start","time":"…Z","v":0}
 */
#include "analyze/formats/json_lines.h"

static bool shape(const struct rp_fields *f)
{
    return rp_field_has(f, "v", RP_JSON_NUMBER) && rp_field_has(f, "level", RP_JSON_NUMBER) &&
           rp_field_has(f, "time", RP_JSON_STRING) && rp_field_has(f, "msg", RP_JSON_STRING);
}

static int bunyan_score(struct rp_str line)
{
    return rp_json_lines_score(line, shape);
}

const struct rp_log_format rp_format_bunyan = {"bunyan", bunyan_score, rp_json_lines_line,
                                               rp_json_lines_finish, RP_RUN_UNFINISHED};
