/* Who a line of a plain log is about: the job's name and id, as people write them. */
#ifndef RP_ANALYZE_FORMATS_SUBJECT_H
#define RP_ANALYZE_FORMATS_SUBJECT_H

#include "analyze/formats/format.h"

struct rp_subject {
    struct rp_str name, id;
    int rank;       /* of the name: 0 none, 1 a plain word, 2 in brackets, 3 name[id], "job name" */
    bool after_job; /* the word before was "job" */
    bool logger;    /* the plain word ended with a colon: the logger's name */
};

bool rp_is_level(struct rp_str word);        /* "INFO", "critical" */
struct rp_str rp_token(struct rp_str *rest); /* the next word */
/* False: the text is prose, and names no job. */
bool rp_subject_read(struct rp_str text, struct rp_subject *s);
/* "Execution of job x started, executionId=7": the id, where it stands behind the verb. */
void rp_subject_find_id(struct rp_str after, struct rp_subject *s);

#endif
