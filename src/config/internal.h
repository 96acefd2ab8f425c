/* Private to config/: the parsed tree, the schema's rows, and what one load carries around. */
#ifndef RP_CONFIG_INTERNAL_H
#define RP_CONFIG_INTERNAL_H

#include "config/config.h"

/* ---- tree.c: YAML as nodes with byte positions ---- */

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool plain;         /* scalar without quotes: may be a number, true, null */
    bool unread;        /* its variable is not set: what it would be is not known */
    struct rp_str raw;  /* scalar as written; safe to show: ${NAME} is not yet replaced */
    struct rp_str text; /* scalar with ${NAME} replaced */
    size_t from, to;    /* bytes of the file, without quotes */
    size_t weight;      /* nodes below and including this one, aliases counted each time */
    struct child *first, *last;
    size_t n;
};

struct child {
    struct node *key; /* NULL in a list */
    struct node *value;
    struct child *next;
};

struct load {
    struct rp_arena *tmp;  /* nodes; goes when loading is done */
    struct rp_arena *keep; /* the configuration's */
    struct rp_str text;
    struct rp_config *config;
    const struct rp_config_world *world;
    struct rp_mistakes *mistakes;
    struct rp_type type_proto; /* defaults, then `defaults:` */
    struct rp_schedule schedule_proto;
};

/* The root node, or NULL after a mistake. An empty document is an empty map. */
struct node *rp_tree_read(struct load *l);
struct child *rp_node_find(const struct node *map, const char *key);
bool rp_node_is_null(const struct node *n);

/* ---- quoted.c ---- the text of what stands between quotes in the file; its escapes are known to
 * be right */
struct rp_str rp_quoted_text(struct rp_arena *a, struct rp_str source, bool twice);

/* ---- mistakes.c ---- both return false */

bool rp_mistake(struct load *l, size_t pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool rp_mistake_hint(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rp_warning(struct load *l, size_t pos, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void rp_mistakes_sort(struct rp_mistakes *m);
/* A value as a mistake may show it: quoted, escaped, cut. Lives for the next three calls. */
const char *rp_shown(const struct node *n);

/* ---- expand.c ---- */

bool rp_expand(struct load *l, struct node *scalar);

/* ---- schema.c ---- */

enum section {
    IN_ROOT,
    IN_DEP,
    IN_QUEUE,
    IN_JOB,
    IN_BACKOFF,
    IN_LIMITS,
    IN_OOM,
    IN_EXPECT,
    IN_ALERTS,
    IN_FAILURE_RATE,
    IN_BACKLOG_AGE,
    IN_TIMEOUT_RATE,
    IN_MISSED,
    IN_ESCALATION,
    IN_REPLAY,
    IN_RETENTION,
    IN_NOTIFY,
    IN_LOG_FORMAT,
    SECTIONS_N
};

/* The structs that rows point into. A job's map fills two of them. */
enum owner {
    OF_CONFIG,
    OF_TYPE,
    OF_SCHEDULE,
    OF_DEP,
    OF_QUEUE,
    OF_NOTIFY,
    OF_LOG_FORMAT,
    OWNERS_N
};
struct owners {
    void *of[OWNERS_N];
};

struct row;
typedef bool read_fn(struct load *l, const struct row *row, const struct node *value,
                     const struct owners *o);

/* A kind of value: how the reference calls it, and its reader. */
struct kind {
    const char *name;
    read_fn *read;
};

struct row {
    enum section in;
    const char *key;
    const struct kind *kind;
    const char *fallback; /* read by `kind` where the key is absent; NULL: stays zero */
    int64_t min, max;     /* in the unit of the field; equal: any */
    enum owner owner;
    size_t offset;
    bool in_defaults;    /* may stand in `defaults:` too */
    enum section below;  /* kinds that are maps */
    const char *choices; /* "a|b|c", in the order of the enum's numbers */
    const char *doc;
};

extern const struct row rp_rows[];
extern const size_t rp_rows_n;

void *rp_row_field(const struct row *row, const struct owners *o);
void rp_section_defaults(struct load *l, enum section in, const struct owners *o);
/* Reads the keys of a map; unknown ones are mistakes. only_defaults: the map is `defaults:`. */
bool rp_section_read(struct load *l, enum section in, const struct node *map,
                     const struct owners *o, bool only_defaults);

/* ---- values.c, jobs.c, parts.c, alerts.c: kinds ---- */

extern const struct kind rp_kind_string, rp_kind_name, rp_kind_duration, rp_kind_seconds,
    rp_kind_number, rp_kind_decimal, rp_kind_share, rp_kind_bytes, rp_kind_bool, rp_kind_choice,
    rp_kind_rate, rp_kind_factor, rp_kind_list, rp_kind_path, rp_kind_section;
extern const struct kind rp_kind_defaults, rp_kind_jobs, rp_kind_deps, rp_kind_queues,
    rp_kind_notify;
extern const struct kind rp_kind_run, rp_kind_shell, rp_kind_backoff, rp_kind_needs, rp_kind_env,
    rp_kind_umask, rp_kind_zone, rp_kind_payload, rp_kind_result, rp_kind_min_bytes,
    rp_kind_job_names;
extern const struct kind rp_kind_store, rp_kind_listen, rp_kind_postgres, rp_kind_http, rp_kind_tcp,
    rp_kind_command, rp_kind_route, rp_kind_route_command;
extern const struct kind rp_kind_log_formats, rp_kind_log_line, rp_kind_log_words;

bool rp_scalar_want(struct load *l, const struct row *row, const struct node *v, const char *what);
bool rp_map_want(struct load *l, const char *key, const struct node *v);
bool rp_name_want(struct load *l, const struct node *v, const char *what);
bool rp_bytes_parse(struct rp_str s, int64_t *out);
bool rp_number_parse(struct rp_str s, double *out);
/* A list of scalars into keep. */
bool rp_list_want(struct load *l, const struct row *row, const struct node *v, struct rp_strs *out);
/* Schedule of a job: expression, zone, warnings. */
bool rp_schedule_finish(struct load *l, const struct node *job, struct rp_schedule *s);
/* What single keys cannot see: keys that need or exclude each other. */
bool rp_job_finish(struct load *l, const struct node *job, const struct rp_type *t);
void rp_config_sort(struct rp_config *c);

/* ---- source.c, payload.c, secret.c ---- */

struct rp_str rp_job_source(struct load *l, const struct child *job);
struct rp_str rp_payload_json(struct load *l, const struct node *v);
/* Whether a variable or parameter of this name holds a secret by custom. */
bool rp_secret_name(struct rp_str name);
/* Whether a text holds a URL with a password. */
bool rp_secret_url(struct rp_str text);

#endif
