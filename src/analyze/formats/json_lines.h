/* Runs out of loggers that write one JSON object a line. Which fields they use for time, level and
 * message is the logger's affair; how people call job, id and attempt is the same under all. */
#ifndef RP_ANALYZE_FORMATS_JSON_LINES_H
#define RP_ANALYZE_FORMATS_JSON_LINES_H

#include "analyze/formats/fields.h"

/* Does the line look like one of this logger? */
typedef bool rp_json_shape(const struct rp_fields *f);

/* Do the fields name a job, and say what happened to it? */
bool rp_json_lines_tell(struct rp_stamp *st, const struct rp_fields *f);
int rp_json_lines_score(struct rp_str line, rp_json_shape *shape);
void rp_json_lines_fields(struct rp_joblog *l, struct rp_fields *f);
void rp_json_lines_line(struct rp_joblog *l, struct rp_str line);
void rp_json_lines_finish(struct rp_joblog *l);

#endif
