/* The reference, from the rows. */
#include "config/internal.h"

#include "base/time.h"

static const struct {
    enum section in;
    const char *title, *intro;
} sections[] = {
    {IN_ROOT, "The whole file", "Unknown keys are mistakes."},
    {IN_DEP, "`dependencies: NAME:`", "One of the first four keys says what it is."},
    {IN_QUEUE, "`queues: NAME:`", ""},
    {IN_JOB, "`jobs: NAME:`", "Keys marked with • may stand in `defaults:` too."},
    {IN_BACKOFF, "`jobs: NAME: backoff:`", ""},
    {IN_LIMITS, "`jobs: NAME: limits:`", ""},
    {IN_OOM, "`jobs: NAME: on_oom:`", "Both are needed, and `limits: memory`."},
    {IN_EXPECT, "`jobs: NAME: expect:`", ""},
    {IN_ALERTS, "`alerts:`", ""},
    {IN_FAILURE_RATE, "`alerts: job_failure_rate:`", ""},
    {IN_BACKLOG_AGE, "`alerts: queue_backlog_age:`", ""},
    {IN_TIMEOUT_RATE, "`alerts: job_timeout_rate:`", ""},
    {IN_ESCALATION, "`escalation:`", ""},
    {IN_REPLAY, "`replay:`", ""},
    {IN_RETENTION, "`retention:`",
     "Jobs, their attempts and outputs stay until somebody deletes them (docs/deletion.md); "
     "replays and the audit stay. What is "
     "old goes in small steps, from ten minutes after the start or a correction of the clock on."},
    {IN_NOTIFY, "`notify: [ … ]`", "One of the first six keys is the route."},
    {IN_LOG_FORMAT, "`log_formats: { NAME: … }`", "docs/logs.md says how they are read."},
};

/* `|` would end a cell of the table. */
static void cell(struct rp_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            rp_buf_c(out, '\\');
        rp_buf_c(out, *text);
    }
}

static void range(struct rp_buf *out, const struct row *row)
{
    char low[RP_DURATION_LEN], high[RP_DURATION_LEN];
    bool time = row->kind == &rp_kind_duration || row->kind == &rp_kind_seconds;
    bool number = row->kind == &rp_kind_number || row->kind == &rp_kind_decimal;
    if (row->min == row->max)
        return;
    if (time)
        rp_buf_fmt(out, ", %s to %s", rp_duration_format(row->min, low),
                   rp_duration_format(row->max, high));
    else if (number)
        rp_buf_fmt(out, ", %lld to %lld", (long long)row->min, (long long)row->max);
}

static void print_row(struct rp_buf *out, const struct row *row)
{
    rp_buf_fmt(out, "| `%s`%s | ", row->key, row->in_defaults ? " •" : "");
    cell(out, row->kind->name);
    if (row->choices != NULL) {
        rp_buf_c(out, ' ');
        cell(out, row->choices);
    }
    range(out, row);
    if (row->fallback != NULL)
        rp_buf_fmt(out, " | `%s` | ", row->fallback);
    else
        rp_buf_fmt(out, " | | ");
    cell(out, row->doc);
    rp_buf_fmt(out, " |\n");
}

void rp_config_reference(struct rp_buf *out)
{
    rp_buf_fmt(
        out,
        "# Configuration\n\n"
        "<!-- Made from the table in src/config/schema.c; do not edit. -->\n\n"
        "`reprise.yaml` is YAML 1.2. `reprise check` shows every mistake as file:line:column, and "
        "`reprise serve` reloads on\nSIGHUP, all or nothing: a file with a mistake changes "
        "nothing.\n\n"
        "- Durations: `90s 5m 2h 1d`, sums like `1h30m`. Sizes: `kB MB GB` are powers of 1000, "
        "`K M G` and `KiB MiB GiB` of 1024.\n"
        "- `${NAME}` in a value is replaced from the environment of the daemon; a variable that is "
        "not set is a mistake. `$${` stands\n  for `${`. In `shell:` lines `$NAME` without braces "
        "is "
        "left to the shell.\n"
        "- Names of jobs, queues and dependencies: a letter or digit, then up to 119 of letters, "
        "digits and `. _ : / -`.\n"
        "- Limits: 4 MB, 32 levels, 500,000 values (aliases count each time they are used). "
        "Anchors "
        "and aliases work; tags do not.\n");
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        rp_buf_fmt(out, "\n## %s\n\n", sections[s].title);
        if (sections[s].intro[0] != '\0')
            rp_buf_fmt(out, "%s\n\n", sections[s].intro);
        rp_buf_fmt(out, "| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for (size_t i = 0; i < rp_rows_n; i++)
            if (rp_rows[i].in == sections[s].in)
                print_row(out, &rp_rows[i]);
    }
}
