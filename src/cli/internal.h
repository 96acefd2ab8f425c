/* What the files of cli/ share: the running command, its options, the client, reading of answers,
 * rendering. */
#ifndef RP_CLI_INTERNAL_H
#define RP_CLI_INTERNAL_H

#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"

#include <stdio.h>

struct client;

struct given {
    const struct rp_option *option;
    const char *value; /* NULL for a flag */
};

struct cli {
    const struct rp_command_group *groups; /* all there are */
    size_t n_groups;
    const struct rp_command *command;
    struct given given[RP_ARGUMENTS_MAX];
    size_t n_given;
    char **args; /* positional, as in argv */
    int n_args;
    bool json, quiet, color, tty; /* tty: standard output is a terminal */
    int width;                    /* of a line, 80 unless the terminal is wider */
    int64_t now_us;
    struct rp_arena arena;
    struct client *client; /* made by the first call */
    struct rp_buf problem; /* what the last call was answered with, if that was a problem */
    const char *socket;    /* where the daemon is if nothing else is said; NULL: the usual places */
};

/* ---- options.c ---- */

/* Splits argv by the command's tables. The common options stand anywhere, also before the command.
 */
bool options_parse(struct cli *cli, int argc, char **argv, struct rp_err *err);
extern const struct rp_option common_options[];
/* Of commands that take nothing but the reason. */
extern const struct rp_option reason_options[];

const char *opt_text(struct cli *cli, const char *name); /* the last one given, or NULL */
bool opt_flag(struct cli *cli, const char *name);
/* The values of an option that repeats; n is 0 if it was not given. */
size_t opt_all(struct cli *cli, const char *name, const char *out[RP_ARGUMENTS_MAX]);
/* These keep *out when the option was not given, and end in RP_E_USAGE when its value cannot be
 * used. */
bool opt_i64(struct cli *cli, const char *name, int64_t least, int64_t most, int64_t *out,
             struct rp_err *err);
bool opt_duration(struct cli *cli, const char *name, int64_t *us, struct rp_err *err);
bool opt_time(struct cli *cli, const char *name, int64_t *us, struct rp_err *err);
/* A time as users give it: RFC 3339, now, -24h, `+10m`, or wall time and zone:
 * "2026-11-24 02:00 Europe/Berlin". */
bool time_given(struct cli *cli, struct rp_str text, int64_t *us, struct rp_err *err);
/* The nearest of `names` to a word that is not among them, or one that begins with it; NULL if none
 * is near. */
const char *close_match(struct rp_str word, const char *const names[], size_t n);

/* ---- commands.c ---- */

const struct rp_command *command_find(const struct cli *cli, char **words, int n, int *used);
void command_usage(struct cli *cli, const struct rp_command *c, FILE *to);
extern const struct rp_command_group command_groups[];
extern const size_t command_groups_n;
/* help.c, manual.c, completion.c: made from the rows. */
int help_overview(struct cli *cli, FILE *to);
int help_first_words(struct cli *cli); /* `reprise` alone: where to begin; exit code 2 */
int manual_roff(struct cli *cli);
int manual_markdown(struct cli *cli);
const char *option_usage(struct rp_arena *a, const struct rp_option *o);
const char *safety_name(enum rp_safety s);

/* ---- client.c ---- */

struct reply {
    long status;
    struct rp_str body;    /* in the arena of the call */
    int64_t dropped_bytes; /* header Reprise-Output-Dropped */
    bool live;             /* header Reprise-Output-Live */
};

struct query { /* path and parameters; each is percent-encoded */
    struct rp_buf text;
    bool any;
};

/* `format` holds one %s for the part. */
void query_path(struct query *q, const char *format, struct rp_str part);
void query_add(struct query *q, const char *key, const char *value); /* NULL: nothing */
void query_add_time(struct query *q, const char *key, int64_t us);   /* 0: nothing */

/* One request. False when the daemon did not answer (RP_E_UNREACHABLE) or answered with a problem:
 * err is then the problem's title, detail and hint with the code of its slug; reply->body is still
 * its text. body NULL: none. */
bool client_call(struct cli *cli, const char *method, const char *path, const struct rp_buf *body,
                 struct reply *reply, struct rp_err *err);
bool client_get(struct cli *cli, const char *path, struct reply *reply, struct rp_err *err);
bool client_get_query(struct cli *cli, struct query *q, struct reply *reply, struct rp_err *err);
/* A client of its own, for another thread or with its own limit of time. */
struct client *client_new(struct cli *cli, int64_t timeout_us, struct rp_err *err);
bool client_send(struct client *client, struct rp_arena *a, const char *method, const char *path,
                 const struct rp_buf *body, struct reply *reply, struct rp_err *err);
void client_free(struct client *client);

/* ---- doc.c: reading an answer without a tree ---- */

/* The value at a path of members ("failures.rate") as JSON text; absent: RP_NONE. */
struct rp_str doc_get(struct rp_str json, const char *path);
bool doc_has(struct rp_str json, const char *path);
struct rp_str doc_str(struct cli *cli, struct rp_str json, const char *path); /* decoded */
const char *doc_show(struct cli *cli, struct rp_str json, const char *path);  /* "" if absent */
int64_t doc_i64(struct rp_str json, const char *path, int64_t otherwise);
double doc_f64(struct rp_str json, const char *path, double otherwise);
bool doc_bool(struct rp_str json, const char *path);
int64_t doc_time(struct cli *cli, struct rp_str json, const char *path); /* 0: absent */

struct items { /* of an array, or members of an object */
    struct rp_json r;
    struct rp_arena arena;
    struct rp_str key, value;
};
void items_open(struct items *i, struct rp_str json, const char *path);
bool items_next(struct items *i);                                /* array: value */
bool items_member(struct items *i);                              /* object: key, value */
struct rp_str items_str(struct cli *cli, const struct items *i); /* the value, decoded */
void items_close(struct items *i);
size_t items_count(struct rp_str json, const char *path);

/* ---- render.c, layout.c, table.c: the only places that format for people ---- */

enum paint { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN };

/* Control characters and bidi overrides of foreign text are escaped (S15); line feeds too unless
 * `lines`. Into the arena. */
const char *show_text(struct cli *cli, struct rp_str foreign);
const char *show_lines(struct cli *cli, struct rp_str foreign);
const char *show_cut(struct cli *cli, struct rp_str foreign, int columns); /* one line, with … */
const char *show_time(struct cli *cli, int64_t us);  /* 02:14 UTC, 7 min ago */
const char *show_clock(struct cli *cli, int64_t us); /* 02:14:07, or with the date */
const char *show_period(struct cli *cli, int64_t from_us, int64_t to_us);
const char *show_age(struct cli *cli, int64_t since_us);
const char *show_span(struct cli *cli, int64_t us); /* 3.1 s, 84 ms, 6 min 10 s */
const char *show_count(struct cli *cli, int64_t n); /* 1,204 */
const char *show_bytes(struct cli *cli, int64_t n);
const char *show_percent(struct cli *cli, double share); /* 23.1 % */
const char *show_plural(struct cli *cli, int64_t n, const char *one, const char *many);
const char *show_fmt(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *painted(struct cli *cli, enum paint p, const char *text);
enum paint state_paint(struct rp_str state);
int text_width(const char *text);               /* columns, without colour sequences */
size_t text_fit(const char *text, int columns); /* bytes of it that take at most so many columns */

/* A labelled line: `label      first   second …`, broken between parts where it must be. */
struct line {
    struct cli *cli;
    struct rp_buf out;
    int indent, column, parts;
    FILE *to;         /* standard output unless set after line_begin */
    bool whole_words; /* a word that is wider than a line stays whole: it may have to be copied */
};
void line_begin(struct line *l, struct cli *cli, const char *label, int indent);
void line_part(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void line_end(struct line *l);
/* One paragraph, wrapped, each line indented. */
void say(struct cli *cli, int indent, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void say_to(struct cli *cli, FILE *to, int indent, const char *text);
void say_next(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* On standard error: `reprise: message`, `  → hint`. Returns the exit code. */
int say_err(struct cli *cli, const struct rp_err *err);
void note(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* NAME: cut when the line is too narrow, after CUT and WRAP have given. */
enum { COLUMN_RIGHT = 1, COLUMN_CUT = 2, COLUMN_WRAP = 4, COLUMN_NAME = 8 };
struct column {
    const char *title;
    unsigned flags;
};
struct table;
struct table *table_new(struct cli *cli, const struct column *columns, size_t n);
void table_row(struct table *t);
void table_cell(struct table *t, const char *text);
void table_paint(struct table *t, enum paint p, const char *text);
void table_print(struct table *t); /* and frees it */

struct bar {
    struct cli *cli;
    bool live;    /* standard error is a terminal: redrawn in place */
    bool drawn;   /* something stands there */
    int64_t said; /* tenths, without a terminal */
};
void bar_begin(struct bar *b, struct cli *cli);
/* Columns for the text that stands after the bar and its counts: what is wider would go on in the
 * terminal's next line and stay there. */
int bar_room(const struct bar *b, int64_t total);
void bar_draw(struct bar *b, int64_t done, int64_t total, const char *text);
void bar_say(struct bar *b, const char *text); /* in its place, on a terminal only */
void bar_end(struct bar *b);

/* ---- what commands have in common (common.c) ---- */

/* GET, then either the answer as it is (--json) or `show`. */
int get_and_show(struct cli *cli, struct query *q, int (*show)(struct cli *, struct rp_str));
int print_json(struct rp_str body);
/* "R12" or "12" with the prefix R → "R12"; RP_E_USAGE otherwise. "" as prefix: digits only. */
bool id_given(struct cli *cli, const char *text, const char *prefix, struct rp_str *out,
              struct rp_err *err);
/* Filters of jobs from --state, --type, … into a query. */
bool filter_query(struct cli *cli, struct query *q, struct rp_err *err);
/* Asks on a terminal; without one only --yes lets it pass. */
bool confirm(struct cli *cli, const char *what, struct rp_err *err);
/* POST {reason?: …} to a path, shows nothing. */
bool post_reason(struct cli *cli, const char *path, struct reply *reply, struct rp_err *err);
/* Reads a file ("-": standard input) of at most `max` bytes. */
bool read_file(struct cli *cli, const char *path, size_t max, struct rp_str *out,
               struct rp_err *err);
void now_sleep_us(int64_t us);
/* Memory of one round of a loop that may last: taken up to scratch_end. */
struct rp_arena scratch_begin(struct cli *cli);
void scratch_end(struct cli *cli, struct rp_arena kept);
/* A day in its zone: [from, to) of "2026-11-17", today, yesterday. */
bool day_given(struct cli *cli, struct rp_str day, struct rp_str zone, int64_t *from, int64_t *to,
               struct rp_err *err);

#endif
