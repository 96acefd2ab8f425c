/* The one table of configuration keys. A new key is a row here; loader and reference read the same
 * rows. */
#include "config/internal.h"

#include "base/near.h"
#include "base/places.h"
#include "base/time.h"

#define CONFIG(field)   OF_CONFIG, offsetof(struct rp_config, field)
#define TYPE(field)     OF_TYPE, offsetof(struct rp_type, field)
#define SCHEDULE(field) OF_SCHEDULE, offsetof(struct rp_schedule, field)
#define DEP(field)      OF_DEP, offsetof(struct rp_dep, field)
#define QUEUE(field)    OF_QUEUE, offsetof(struct rp_queue_conf, field)
#define NOTIFY(field)   OF_NOTIFY, offsetof(struct rp_notify, field)
#define LOG(field)      OF_LOG_FORMAT, offsetof(struct rp_log_template, field)

#define YEAR   (366 * RP_US_DAY)
#define COUNT  1000000000
#define NO_MAX INT64_MAX

/* clang-format off */
const struct row rp_rows[] = {
    /* in, key, kind, fallback, min, max, owner and offset, in_defaults, below, choices, doc */
    {IN_ROOT, "store", &rp_kind_store, RP_SYSTEM_STORE, 0, 0, CONFIG(store), false, 0, NULL,
     "Where everything is kept: `sqlite:///path` on one machine, `postgresql://…` for several nodes. A user who may not write there gets `~/.local/state/reprise`."},
    {IN_ROOT, "listen", &rp_kind_listen, "127.0.0.1:7420", 0, 0, CONFIG(listen), false, 0, NULL,
     "Address and port of API and dashboard. `\"\"`: none, the Unix socket only."},
    {IN_ROOT, "socket", &rp_kind_path, RP_SYSTEM_SOCKET, 0, 0, CONFIG(socket), false, 0, NULL,
     "The Unix socket; always there. A user who may not write there gets `$XDG_RUNTIME_DIR` or `~/.local/state/reprise`."},
    {IN_ROOT, "node", &rp_kind_name, NULL, 0, 0, CONFIG(node), false, 0, NULL,
     "Name of this node, shown with each attempt. Default: the host name."},
    {IN_ROOT, "hosts", &rp_kind_list, NULL, 0, 0, CONFIG(hosts), false, 0, NULL,
     "Host names that requests may ask for, beside the loopback names (against DNS rebinding)."},
    {IN_ROOT, "insecure", &rp_kind_bool, "false", 0, 0, CONFIG(insecure), false, 0, NULL,
     "Allows to listen beyond loopback without TLS. Tokens are needed all the same."},
    {IN_ROOT, "max_running", &rp_kind_number, NULL, 1, 100000, CONFIG(max_running), false, 0, NULL,
     "Command jobs at once on this node. Default: twice the number of processors."},
    {IN_ROOT, "shutdown_grace", &rp_kind_duration, "30s", 0, RP_US_DAY, CONFIG(shutdown_grace_us), false, 0, NULL,
     "How long a stop waits for running jobs before it hands them back."},
    {IN_ROOT, "lease", &rp_kind_duration, "30s", RP_US_S, RP_US_DAY, CONFIG(lease_us), false, 0, NULL,
     "How long a worker may be silent before its job counts as lost."},
    {IN_ROOT, "body_limit", &rp_kind_bytes, "8MB", 1024, (int64_t)1 << 30, CONFIG(body_bytes), false, 0, NULL,
     "Largest body of a request."},
    {IN_ROOT, "defaults", &rp_kind_defaults, NULL, 0, 0, CONFIG(types), false, IN_JOB, NULL,
     "Values for every job that does not give its own. Takes the keys of a job that are marked with •."},
    {IN_ROOT, "dependencies", &rp_kind_deps, NULL, 0, 0, CONFIG(deps), false, IN_DEP, NULL,
     "What jobs need from outside, by name, each with a check."},
    {IN_ROOT, "queues", &rp_kind_queues, NULL, 0, 0, CONFIG(queues), false, IN_QUEUE, NULL,
     "Limits of queues by name. A queue that is not listed exists all the same."},
    {IN_ROOT, "jobs", &rp_kind_jobs, NULL, 0, 0, CONFIG(types), false, IN_JOB, NULL,
     "The job types by name."},
    {IN_ROOT, "alerts", &rp_kind_section, NULL, 0, 0, CONFIG(arena), false, IN_ALERTS, NULL,
     "When to raise an alert. Every rule is on with its defaults, also where it is not listed."},
    {IN_ROOT, "escalation", &rp_kind_section, NULL, 0, 0, CONFIG(escalation), false, IN_ESCALATION, NULL,
     "When an incident goes to the next level."},
    {IN_ROOT, "replay", &rp_kind_section, NULL, 0, 0, CONFIG(settle_us), false, IN_REPLAY, NULL,
     "Guards of every replay."},
    {IN_ROOT, "retention", &rp_kind_section, NULL, 0, 0, CONFIG(retention), false, IN_RETENTION, NULL,
     "How long what is no job stays: the ledger of schedules, counts by minute, changes of dependencies."},
    {IN_ROOT, "notify", &rp_kind_notify, NULL, 0, 0, CONFIG(notify), false, IN_NOTIFY, NULL,
     "A list of those who are told of incidents, each with one route."},
    {IN_ROOT, "log_formats", &rp_kind_log_formats, NULL, 0, 0, CONFIG(log_formats), false, IN_LOG_FORMAT, NULL,
     "How lines of job logs look that Reprise does not know by itself, by name, for `import log` and `analyze --log`; docs/logs.md shows one."},

    {IN_DEP, "postgres", &rp_kind_postgres, NULL, 0, 0, DEP(target), false, 0, NULL,
     "A PostgreSQL server: URL or connection string; up when it answers a query."},
    {IN_DEP, "http", &rp_kind_http, NULL, 0, 0, DEP(target), false, 0, NULL,
     "An http or https URL; up when a GET answers with `expect`."},
    {IN_DEP, "tcp", &rp_kind_tcp, NULL, 0, 0, DEP(target), false, 0, NULL,
     "`host:port`; up when a connection opens."},
    {IN_DEP, "command", &rp_kind_command, NULL, 0, 0, DEP(command), false, 0, NULL,
     "A command as a list; up when it ends with 0."},
    {IN_DEP, "expect", &rp_kind_number, "200", 100, 599, DEP(expect), false, 0, NULL,
     "The HTTP status that means up."},
    {IN_DEP, "timeout", &rp_kind_duration, "5s", 1000, RP_US_H, DEP(timeout_us), false, 0, NULL,
     "A check that takes longer means down."},
    {IN_DEP, "every", &rp_kind_duration, "10s", RP_US_S, RP_US_DAY, DEP(every_us), false, 0, NULL,
     "Time between two checks."},
    {IN_DEP, "rate", &rp_kind_rate, "none", 0, 0, DEP(rate), false, 0, NULL,
     "How many jobs that need it may start in a time, all types together, such as 20/s, 100/m or 5000/h; see docs/outages.md. Its checks come on top."},

    {IN_QUEUE, "max_running", &rp_kind_number, "0", 0, COUNT, QUEUE(max_running), false, 0, NULL,
     "Jobs of the queue at once, on all nodes. 0: not limited."},
    {IN_QUEUE, "weight", &rp_kind_number, "1", 1, 1000, QUEUE(weight), false, 0, NULL,
     "Share among the queues that have work."},

    {IN_JOB, "description", &rp_kind_string, NULL, 0, 0, TYPE(description), false, 0, NULL,
     "What it is for, in the words of its owner."},
    {IN_JOB, "run", &rp_kind_run, NULL, 0, 0, TYPE(run), false, 0, NULL,
     "The command as a list: program, then arguments. Without `run` and `shell` workers fetch the jobs."},
    {IN_JOB, "shell", &rp_kind_shell, NULL, 0, 0, TYPE(run), false, 0, NULL,
     "A line for `/bin/sh -c`, instead of `run`."},
    {IN_JOB, "compensate", &rp_kind_run, NULL, 0, 0, TYPE(compensate), false, 0, NULL,
     "A command, as a list, that takes back what a run did: `replay undo --compensate` runs it as a job of the type `NAME.compensate`, with the run's payload."},
    {IN_JOB, "side_effects", &rp_kind_string, NULL, 0, 0, TYPE(side_effects), false, 0, NULL,
     "What a run does outside of this machine's control, in the words of its owner (`charges the customer's card`). The dry run of a replay shows it."},
    {IN_JOB, "queue", &rp_kind_name, "default", 0, 0, TYPE(queue), true, 0, NULL, "Its queue."},
    {IN_JOB, "priority", &rp_kind_number, "0", -1000, 1000, TYPE(priority), true, 0, NULL,
     "Higher goes first within a queue."},
    {IN_JOB, "timeout", &rp_kind_duration, "0", 0, YEAR, TYPE(timeout_us), true, 0, NULL,
     "Time limit of an attempt; then TERM, `grace`, KILL to all its processes. 0: none."},
    {IN_JOB, "soft_timeout", &rp_kind_duration, "0", 0, YEAR, TYPE(soft_timeout_us), true, 0, NULL,
     "After so long an attempt is said to be slow, but goes on. 0: never."},
    {IN_JOB, "grace", &rp_kind_duration, "10s", 0, RP_US_H, TYPE(grace_us), true, 0, NULL,
     "Time between TERM and KILL."},
    {IN_JOB, "retries", &rp_kind_number, "0", 0, 1000, TYPE(retry.retries), true, 0, NULL,
     "Tries after the first. With more than 0 the job should be able to run twice."},
    {IN_JOB, "backoff", &rp_kind_backoff, "exponential", 0, 0, TYPE(retry), true, IN_BACKOFF, NULL,
     "Delay before a retry: `exponential`, `fixed`, a list of durations (the last one repeats), or a map."},
    {IN_JOB, "idempotent", &rp_kind_bool, "false", 0, 0, TYPE(idempotent), true, 0, NULL,
     "Running twice does no harm. If not, a lost attempt waits for a person to decide."},
    {IN_JOB, "critical", &rp_kind_bool, "false", 0, 0, TYPE(critical), true, 0, NULL,
     "A single final failure raises an alert."},
    {IN_JOB, "needs", &rp_kind_needs, NULL, 0, 0, TYPE(needs), true, 0, NULL,
     "Names of `dependencies` that must be up."},
    {IN_JOB, "hold_max", &rp_kind_duration, "7d", 0, YEAR, TYPE(hold_max_us), true, 0, NULL,
     "How long a job whose failure was the fault of a dependency in `needs` is held, without burning an attempt, before it fails. 0: such failures count like others."},
    {IN_JOB, "max_running", &rp_kind_number, "0", 0, COUNT, TYPE(max_running), true, 0, NULL,
     "Jobs of this type at once, on all nodes. 0: not limited."},
    {IN_JOB, "paused", &rp_kind_bool, "false", 0, 0, TYPE(paused), true, 0, NULL,
     "Starts no more jobs; what runs goes on. Mostly for a time: `type set T paused=true --revert-after 2h --reason …`."},
    {IN_JOB, "rate", &rp_kind_rate, "none", 0, 0, TYPE(rate), true, 0, NULL,
     "How many jobs of this type may start in a time, live ones, retries and replays together, such as 20/s, 100/m or 5000/h."},
    {IN_JOB, "env", &rp_kind_env, NULL, 0, 0, TYPE(env), true, 0, NULL,
     "Environment variables of the command. Nothing is inherited from the daemon. Added to those of `defaults`."},
    {IN_JOB, "cwd", &rp_kind_path, NULL, 0, 0, TYPE(cwd), true, 0, NULL, "Working folder of the command."},
    {IN_JOB, "user", &rp_kind_string, NULL, 0, 0, TYPE(user), true, 0, NULL,
     "The user that the command runs as; needs a daemon that was started as root."},
    {IN_JOB, "umask", &rp_kind_umask, "077", 0, 0777, TYPE(umask), true, 0, NULL,
     "File mode mask of the command, octal."},
    {IN_JOB, "limits", &rp_kind_section, NULL, 0, 0, TYPE(limits), true, IN_LIMITS, NULL,
     "What the command may use."},
    {IN_JOB, "on_oom", &rp_kind_section, NULL, 0, 0, TYPE(oom_factor), true, IN_OOM, NULL,
     "What ran out of memory runs again with more: `{ memory: x2, max: 8G }`. Such a try needs no `retries`."},
    {IN_JOB, "output_limit", &rp_kind_bytes, "256kB", 0, (int64_t)64 << 20, TYPE(output_bytes), true, 0, NULL,
     "How much of the first and of the last output is kept, each."},
    {IN_JOB, "expect", &rp_kind_section, NULL, 0, 0, TYPE(expect), false, IN_EXPECT, NULL,
     "Success contract: what must hold beside exit code 0. A breach is a failure of class `contract`."},
    {IN_JOB, "expect_every", &rp_kind_duration, NULL, RP_US_S, YEAR, TYPE(expect_every_us), false, 0, NULL,
     "For jobs that something else starts: a run must begin so often, or an alert is raised."},
    {IN_JOB, "expect_within", &rp_kind_duration, NULL, RP_US_S, YEAR, TYPE(expect_within_us), false, 0, NULL,
     "How late a run may be, or how long it may take, before that alert."},
    {IN_JOB, "poison_after", &rp_kind_number, "3", 1, 100, TYPE(poison_after), true, 0, NULL,
     "A job that has ended its worker so often is set aside."},
    {IN_JOB, "replay_key", &rp_kind_choice, "own", 0, 0, TYPE(replay_key), true, 0, "own|new",
     "`REPRISE_KEY` of a replayed attempt: the job's own as ever, or a new one for each replay."},
    {IN_JOB, "stdin", &rp_kind_string, NULL, 0, 0, TYPE(stdin_text), false, 0, NULL,
     "Standard input of the command, instead of the payload."},
    {IN_JOB, "schedule", &rp_kind_string, NULL, 0, 0, SCHEDULE(expr), false, 0, NULL,
     "A cron expression of five or six fields, `@daily` and the like, or `@every 90s`."},
    {IN_JOB, "payload", &rp_kind_payload, NULL, 0, 0, SCHEDULE(payload), false, 0, NULL,
     "The payload of scheduled jobs: any YAML, stored as JSON."},
    {IN_JOB, "timezone", &rp_kind_zone, "UTC", 0, 0, SCHEDULE(zone), true, 0, NULL,
     "The schedule's zone, an IANA name such as `Europe/Berlin`."},
    {IN_JOB, "overlap", &rp_kind_choice, "skip", 0, 0, SCHEDULE(overlap), true, 0, "skip|queue|replace|allow",
     "When an instant comes while the job still runs."},
    {IN_JOB, "missed", &rp_kind_choice, "run-once", 0, 0, SCHEDULE(missed), true, 0, "run-once|run-all|skip",
     "What to do with instants that passed while the daemon was down or the schedule paused."},
    {IN_JOB, "missed_max", &rp_kind_number, "100", 1, 100000, SCHEDULE(missed_max), true, 0, NULL,
     "With `run-all`: at most so many, the rest is recorded as skipped."},
    {IN_JOB, "start_within", &rp_kind_duration, "0", 0, YEAR, SCHEDULE(start_within_us), true, 0, NULL,
     "What could not start so soon after its instant is skipped. 0: any time later is fine."},
    {IN_JOB, "jitter", &rp_kind_duration, "0", 0, RP_US_DAY, SCHEDULE(jitter_us), true, 0, NULL,
     "A delay up to this much, the same for one instant each time."},

    {IN_BACKOFF, "kind", &rp_kind_choice, "exponential", 0, 0, TYPE(retry.kind), false, 0, "exponential|fixed",
     "`exponential`: uniform between 0 and `base` doubled with each try. `fixed`: `base` each time."},
    {IN_BACKOFF, "base", &rp_kind_duration, "1s", 0, 30 * RP_US_DAY, TYPE(retry.base_us), false, 0, NULL,
     "The first delay."},
    {IN_BACKOFF, "max", &rp_kind_duration, "1h", 0, 30 * RP_US_DAY, TYPE(retry.max_us), false, 0, NULL,
     "The longest delay (exponential)."},

    {IN_LIMITS, "memory", &rp_kind_bytes, "0", 0, NO_MAX, TYPE(limits.memory_bytes), false, 0, NULL,
     "Memory of all its processes. 0 here and below: not limited."},
    {IN_LIMITS, "cpu_time", &rp_kind_seconds, "0", 0, YEAR, TYPE(limits.cpu_s), false, 0, NULL,
     "Processor time of one process, in whole seconds."},
    {IN_LIMITS, "cpus", &rp_kind_decimal, "0", 0, 4096, TYPE(limits.cpus), false, 0, NULL,
     "Processors at once, such as 1.5; needs cgroup v2."},
    {IN_LIMITS, "open_files", &rp_kind_number, "0", 0, COUNT, TYPE(limits.open_files), false, 0, NULL,
     "Open files of one process."},
    {IN_LIMITS, "processes", &rp_kind_number, "0", 0, COUNT, TYPE(limits.processes), false, 0, NULL,
     "Processes and threads."},
    {IN_LIMITS, "file_size", &rp_kind_bytes, "0", 0, NO_MAX, TYPE(limits.file_bytes), false, 0, NULL,
     "Largest file that it may write."},

    {IN_OOM, "memory", &rp_kind_factor, NULL, 0, 100, TYPE(oom_factor), false, 0, NULL,
     "How many times the memory of the attempt before."},
    {IN_OOM, "max", &rp_kind_bytes, NULL, 0, NO_MAX, TYPE(oom_max_bytes), false, 0, NULL,
     "At most so much; what runs out of that has failed."},

    {IN_EXPECT, "output", &rp_kind_string, NULL, 0, 0, TYPE(expect.output), false, 0, NULL,
     "A text that the output must hold."},
    {IN_EXPECT, "not_output", &rp_kind_string, NULL, 0, 0, TYPE(expect.not_output), false, 0, NULL,
     "A text that the output must not hold."},
    {IN_EXPECT, "file", &rp_kind_path, NULL, 0, 0, TYPE(expect.file), false, 0, NULL,
     "A file that must be there after the run."},
    {IN_EXPECT, "newer_than", &rp_kind_duration, NULL, RP_US_S, YEAR, TYPE(expect.newer_than_us), false, 0, NULL,
     "… changed at most so long ago."},
    {IN_EXPECT, "min_bytes", &rp_kind_min_bytes, NULL, 0, NO_MAX, TYPE(expect.min_bytes), false, 0, NULL,
     "… at least so large: a size, or `50% of usual` (of the median of its last runs)."},
    {IN_EXPECT, "min_duration", &rp_kind_duration, NULL, 0, YEAR, TYPE(expect.min_duration_us), false, 0, NULL,
     "A run that ends sooner did not do its work."},
    {IN_EXPECT, "max_duration", &rp_kind_duration, NULL, 1, YEAR, TYPE(expect.max_duration_us), false, 0, NULL,
     "A run that takes longer counts as failed, though it is not stopped."},
    {IN_EXPECT, "result", &rp_kind_result, NULL, 0, 0, TYPE(expect.result), false, 0, NULL,
     "JSON pointers into the result, each with a condition: `{ /rows: \">0\" }`; `= != < <= > >=`, at most 8."},

    {IN_ALERTS, "job_failure_rate", &rp_kind_section, NULL, 0, 0, CONFIG(failure_rate_above), false, IN_FAILURE_RATE, NULL,
     "Too many attempts fail."},
    {IN_ALERTS, "queue_backlog_age", &rp_kind_section, NULL, 0, 0, CONFIG(backlog_age_above_us), false, IN_BACKLOG_AGE, NULL,
     "The oldest job that is due waits too long."},
    {IN_ALERTS, "job_timeout_rate", &rp_kind_section, NULL, 0, 0, CONFIG(timeout_rate_above), false, IN_TIMEOUT_RATE, NULL,
     "Too many attempts reach their time limit."},
    {IN_ALERTS, "schedule_missed", &rp_kind_section, NULL, 0, 0, CONFIG(types), false, IN_MISSED, NULL,
     "An instant passed without its run. Has no settings."},

    {IN_FAILURE_RATE, "above", &rp_kind_share, "10%", 0, 100, CONFIG(failure_rate_above), false, 0, NULL,
     "The share of ended attempts, in percent."},
    {IN_FAILURE_RATE, "window", &rp_kind_duration, "15m", RP_US_MIN, 30 * RP_US_DAY, CONFIG(failure_rate_window_us), false, 0, NULL,
     "Over so long."},
    {IN_FAILURE_RATE, "min_runs", &rp_kind_number, "20", 1, COUNT, CONFIG(failure_rate_min_runs), false, 0, NULL,
     "Not with fewer attempts than that."},

    {IN_BACKLOG_AGE, "above", &rp_kind_duration, "10m", RP_US_S, YEAR, CONFIG(backlog_age_above_us), false, 0, NULL,
     "Its age."},

    {IN_TIMEOUT_RATE, "above", &rp_kind_share, "5%", 0, 100, CONFIG(timeout_rate_above), false, 0, NULL,
     "The share of ended attempts, in percent."},
    {IN_TIMEOUT_RATE, "window", &rp_kind_duration, "15m", RP_US_MIN, 30 * RP_US_DAY, CONFIG(timeout_rate_window_us), false, 0, NULL,
     "Over so long."},
    {IN_TIMEOUT_RATE, "min_runs", &rp_kind_number, "20", 1, COUNT, CONFIG(timeout_rate_min_runs), false, 0, NULL,
     "Not with fewer attempts than that."},

    {IN_ESCALATION, "failed_jobs", &rp_kind_number, "1000", 1, COUNT, CONFIG(escalation.failed_jobs), false, 0, NULL,
     "More failed jobs than that."},
    {IN_ESCALATION, "unresolved_for", &rp_kind_duration, "1h", RP_US_MIN, YEAR, CONFIG(escalation.unresolved_for_us), false, 0, NULL,
     "Not resolved so long after its first alert."},
    {IN_ESCALATION, "critical", &rp_kind_bool, "true", 0, 0, CONFIG(escalation.critical), false, 0, NULL,
     "A critical job type is part of it."},

    {IN_REPLAY, "settle", &rp_kind_duration, "60s", 0, RP_US_DAY, CONFIG(settle_us), false, 0, NULL,
     "Dependencies must have been up for so long."},
    {IN_REPLAY, "wave_max", &rp_kind_number, "200", 1, 1000000, CONFIG(wave_max), false, 0, NULL,
     "Jobs of the largest wave."},
    {IN_REPLAY, "max_running", &rp_kind_number, "2", 1, 1000, CONFIG(replay_max_running), false, 0, NULL,
     "Replays at once."},
    {IN_REPLAY, "items_max", &rp_kind_number, "2000000", 1, 100000000, CONFIG(replay_items_max), false, 0, NULL,
     "Jobs that a replay may select. A plan needs 60 bytes of memory for each while it is made."},
    {IN_REPLAY, "halt_alpha", &rp_kind_share, "1%", 0, 50, CONFIG(halt_alpha), false, 0, NULL,
     "Chance that a replay is halted though all is well."},

    {IN_RETENTION, "verdicts", &rp_kind_duration, "400d", RP_US_DAY, 100 * YEAR, CONFIG(retention.verdicts_us), false, 0, NULL,
     "What became of each instant of a schedule (`schedule explain`). Those whose jobs are not resolved stay."},
    {IN_RETENTION, "minutes", &rp_kind_duration, "400d", 31 * RP_US_DAY, 100 * YEAR, CONFIG(retention.minutes_us), false, 0, NULL,
     "Counts of outcomes by minute, type and pattern, which rates, baselines and `analyze` of old times read."},
    {IN_RETENTION, "checks", &rp_kind_duration, "400d", RP_US_DAY, 100 * YEAR, CONFIG(retention.checks_us), false, 0, NULL,
     "When dependencies went down and came up."},
    {IN_RETENTION, "spooled", &rp_kind_duration, "400d", 31 * RP_US_DAY, 100 * YEAR, CONFIG(retention.spooled_us), false, 0, NULL,
     "Which records of `reprise exec` that were spooled have arrived: one that comes again after that time would count twice."},

    {IN_NOTIFY, "webhook", &rp_kind_route, NULL, RP_NOTIFY_WEBHOOK, 0, NOTIFY(target), false, 0, NULL,
     "POST to this URL, signed in the Standard Webhooks form; needs `secret_file`."},
    {IN_NOTIFY, "alertmanager", &rp_kind_route, NULL, RP_NOTIFY_ALERTMANAGER, 0, NOTIFY(target), false, 0, NULL,
     "Alertmanager's address (API v2)."},
    {IN_NOTIFY, "slack", &rp_kind_route, NULL, RP_NOTIFY_SLACK, 0, NOTIFY(target), false, 0, NULL,
     "URL of a Slack-compatible incoming webhook."},
    {IN_NOTIFY, "pagerduty", &rp_kind_route, NULL, RP_NOTIFY_PAGERDUTY, 0, NOTIFY(target), false, 0, NULL,
     "URL of the Events API v2; the routing key is in `secret_file`."},
    {IN_NOTIFY, "email", &rp_kind_route, NULL, RP_NOTIFY_EMAIL, 0, NOTIFY(target), false, 0, NULL,
     "Address or local user, by sendmail."},
    {IN_NOTIFY, "command", &rp_kind_route_command, NULL, RP_NOTIFY_COMMAND, 0, NOTIFY(command), false, 0, NULL,
     "A command as a list; gets the message as JSON on standard input."},
    {IN_NOTIFY, "secret_file", &rp_kind_path, NULL, 0, 0, NOTIFY(secret_file), false, 0, NULL,
     "The file with the key."},
    {IN_NOTIFY, "jobs", &rp_kind_job_names, NULL, 0, 0, NOTIFY(jobs), false, 0, NULL,
     "Only for incidents of these job types. Default: all."},

    {IN_LOG_FORMAT, "line", &rp_kind_log_line, NULL, 0, 0, LOG(name), false, 0, NULL,
     "A line as text with fields: `{time}` `{level}` `{type}` `{id}` `{event}` `{attempt}` `{error}`, `{*}` for anything. A blank stands for any number of them; a field ends where the text behind it begins. `{event}` and `{type}` or `{id}` are needed."},
    {IN_LOG_FORMAT, "start", &rp_kind_log_words, NULL, 0, 0, LOG(start), false, 0, NULL,
     "Words that `{event}` begins with when a run starts. Without any words here and below, the common ones are read (started, finished, failed, timed out, …)."},
    {IN_LOG_FORMAT, "succeeded", &rp_kind_log_words, NULL, 0, 0, LOG(succeeded), false, 0, NULL,
     "… when it ended well."},
    {IN_LOG_FORMAT, "failed", &rp_kind_log_words, NULL, 0, 0, LOG(failed), false, 0, NULL,
     "… when it failed. The text of the event, `{error}` and a stack trace on the lines behind it are its error."},
    {IN_LOG_FORMAT, "timeout", &rp_kind_log_words, NULL, 0, 0, LOG(timeout), false, 0, NULL,
     "… when its time limit ended it."},
    {IN_LOG_FORMAT, "cancelled", &rp_kind_log_words, NULL, 0, 0, LOG(cancelled), false, 0, NULL,
     "… when it was cancelled."},
};
/* clang-format on */

const size_t rp_rows_n = sizeof rp_rows / sizeof *rp_rows;

void *rp_row_field(const struct row *row, const struct owners *o)
{
    return (char *)o->of[row->owner] + row->offset;
}

void rp_section_defaults(struct load *l, enum section in, const struct owners *o)
{
    for (size_t i = 0; i < rp_rows_n; i++) {
        const struct row *row = &rp_rows[i];
        if (row->in != in)
            continue;
        if (row->kind == &rp_kind_section || row->kind == &rp_kind_backoff)
            rp_section_defaults(l, row->below, o);
        if (row->fallback == NULL)
            continue;
        struct rp_str text = rp_str_of(row->fallback);
        struct node value = {.kind = NODE_SCALAR, .plain = true, .raw = text, .text = text};
        (void)row->kind->read(l, row, &value, o);
    }
}

struct among {
    enum section in;
    bool only_defaults;
};

static const char *key_of(const void *ctx, size_t i)
{
    const struct among *a = ctx;
    bool fits = rp_rows[i].in == a->in && (!a->only_defaults || rp_rows[i].in_defaults);
    return fits ? rp_rows[i].key : NULL;
}

/* Where no key is near the one written, the keys there are; the long lists are in the reference. */
static void hint_keys(struct load *l, const struct among *a)
{
    enum { FEW = 12 };
    struct rp_buf all = {0};
    size_t n = 0;
    for (size_t i = 0; i < rp_rows_n; i++)
        if (key_of(a, i) != NULL)
            rp_buf_fmt(&all, "%s%s", n++ > 0 ? " " : "", rp_rows[i].key);
    if (n > 0 && n <= FEW)
        (void)rp_mistake_hint(l, "keys here: %.*s", RP_FMT(rp_buf_view(&all)));
    else
        (void)rp_mistake_hint(l, "docs/configuration.md lists the keys");
    rp_buf_free(&all);
}

static bool unknown_key(struct load *l, struct among a, const struct node *key)
{
    for (size_t i = 0; i < rp_rows_n; i++) {
        struct among all = {.in = a.in};
        const char *name = key_of(&all, i);
        if (name == NULL || !rp_str_is(key->text, name))
            continue;
        if (key_of(&a, i) != NULL)
            return true;
        return rp_mistake(l, key->from, "%s cannot have a default: give it in each job", name);
    }
    const char *near = rp_near(key->text, key_of, &a, rp_rows_n);
    (void)rp_mistake(l, key->from, "unknown key %s", rp_shown(key));
    if (near != NULL)
        (void)rp_mistake_hint(l, "did you mean %s?", near);
    else
        hint_keys(l, &a);
    return false;
}

bool rp_section_read(struct load *l, enum section in, const struct node *map,
                     const struct owners *o, bool only_defaults)
{
    struct among a = {.in = in, .only_defaults = only_defaults};
    bool ok = true;
    for (size_t i = 0; i < rp_rows_n; i++) {
        const struct child *c = key_of(&a, i) != NULL ? rp_node_find(map, rp_rows[i].key) : NULL;
        if (c != NULL && c->value->unread) /* which has been said */
            ok = false;
        else if (c != NULL)
            ok = rp_rows[i].kind->read(l, &rp_rows[i], c->value, o) && ok;
    }
    for (const struct child *c = map->first; c != NULL; c = c->next)
        ok = unknown_key(l, a, c->key) && ok;
    return ok;
}
