/* Crontabs of Vixie cron, cronie and Debian's cron to a configuration (schedules specification,
 * rule 25).
 *
 * Nothing is dropped: every line becomes a job, a part of one, a comment, or a note that names its
 * line. The YAML is accepted by rp_config_parse. Pure: reads the text and nothing else; the caller
 * says the machine's zone. */
#ifndef RP_CONFIG_CRONTAB_H
#define RP_CONFIG_CRONTAB_H

#include "base/err.h"
#include "base/str.h"
#include "core/cron.h"
#include "core/settings.h"

enum { RP_CRONTAB_BYTES_MAX = 1 << 20, RP_CRONTAB_JOBS_MAX = 5000, RP_CRONTAB_NEXT = 10 };

struct rp_crontab_note {
    int line; /* 0: the file as a whole */
    struct rp_str text;
};

struct rp_crontab_job {
    int line;
    struct rp_str name, fields; /* the time as the crontab writes it: five fields or an @word */
    struct rp_str schedule;     /* as the configuration writes it */
    struct rp_str zone;         /* absent: that of the machine */
    struct rp_str user, command, stdin_text, shell, mailto, description;
    struct rp_env *env; /* in force at the line */
    size_t n_env;
    int64_t jitter_us;
};

struct rp_crontab {
    struct rp_arena arena; /* everything below */
    struct rp_str name;    /* where the text comes from, for comments */
    struct rp_str zone;    /* of the machine */
    struct rp_crontab_job *jobs;
    size_t n_jobs;
    struct rp_crontab_note *notes;
    size_t n_notes;
    struct rp_crontab_note *comments; /* those that are no job's description, and lines left out */
    size_t n_comments;
    struct rp_str yaml;
};

struct rp_crontab_options {
    bool system_form;   /* a user column stands before the command: /etc/crontab, /etc/cron.d */
    struct rp_str name; /* path, for comments and notes */
    struct rp_str zone; /* the machine's; absent: UTC */
};

/* False only if the text is too large or has too many jobs. Free with rp_crontab_free in any case.
 */
bool rp_crontab_import(struct rp_str text, const struct rp_crontab_options *o,
                       struct rp_crontab *out, struct rp_err *err);
void rp_crontab_free(struct rp_crontab *c);

/* A line whose next instants differ between our schedule and cron's own reading. */
struct rp_crontab_diff {
    int64_t ours[RP_CRONTAB_NEXT], crons[RP_CRONTAB_NEXT];
    size_t n_ours, n_crons;
};
/* The next instants after from_us of one job both ways; true if they differ. Cron's own are found
 * by walking the minutes as cron does, at most 5 years. Words that cron does not plan (@reboot,
 * @every) never differ. */
bool rp_crontab_differs(const struct rp_crontab_job *job, struct rp_str machine_zone,
                        int64_t from_us, struct rp_crontab_diff *out);
/* All differing lines in words; how many they are. */
size_t rp_crontab_diff_print(const struct rp_crontab *c, int64_t from_us, struct rp_buf *out);

/* The zone of this machine as cron sees it: $TZ, the target of /etc/localtime, else UTC. Into the
 * arena. */
struct rp_str rp_crontab_machine_zone(struct rp_arena *a);

#endif
