/* Cron through syslog: Debian's cron (levels 1 start, 2 end, 4 failure, 8 pid), cronie (CROND, CMD,
 * CMDEND, anacron), Vixie's old name (/USR/SBIN/CRON), busybox crond, dcron.
 *
 * What a log's level does not show is not guessed: without END lines every outcome is unknown;
 * cronie's CMDEND says when, not how. An END without a failure line is a success only where the
 * level shows failures: pids are logged (level 8 is the last one people add), or one was seen. */
#include "analyze/formats/format.h"

enum { NEAR = 64 }; /* open runs among which the owner of a program's own line is sought */

struct entry {
    struct rp_str tag, pid, text; /* text: what follows "tag[pid]: " */
    int64_t at_us;
};

static bool read_entry(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    if (s.n > 0 && s.p[0] == '<') { /* <86>: facility and severity */
        size_t end = rp_find_byte(str_head(s, 6), '>');
        s = end != SIZE_MAX ? str_from(s, end + 1) : s;
    }
    if (rp_str_starts(s, "Job `")) { /* anacron -d, to a terminal */
        *e = (struct entry){RP_STR("anacron"), RP_STR(""), s, RP_NO_TIME};
        return true;
    }
    bool timed = rp_stamp_take(st, &s, &e->at_us, &syslog);
    while (s.n > 0 && is_blank(s.p[0]))
        s = str_from(s, 1);
    if (!timed)
        e->at_us = RP_NO_TIME;
    struct rp_str first = rp_take_tag(&s); /* the host, unless the program's name comes at once */
    rp_split_tag(rp_str_ends(first, ":") ? first : rp_take_tag(&s), &e->tag, &e->pid);
    e->tag = rp_last_segment(e->tag);
    e->text = s;
    return e->tag.n > 0;
}

static bool is_cron(struct rp_str tag)
{
    static const char *const names[] = {"cron", "crond", "anacron", "run-parts", "dcron", NULL};
    return rp_str_in(str_head(tag, rp_find_byte(tag, '(')), names);
}

/* ---- "(user) VERB (text)" ---- */

struct action {
    struct rp_str user, verb, text, pid; /* pid: of "[pid] " before the command */
};

static bool read_action(struct rp_str s, struct action *a)
{
    size_t close = rp_find_byte(s, ')');
    if (s.n == 0 || s.p[0] != '(' || close == SIZE_MAX)
        return false;
    a->user = (struct rp_str){s.p + 1, close - 1};
    s = str_from(s, close + 1);
    while (s.n > 0 && is_blank(s.p[0]))
        s = str_from(s, 1);
    a->verb = rp_take_word(&s);
    if (s.n < 2 || s.p[0] != '(')
        return false;
    s = rp_str_trim(s);
    a->text = (struct rp_str){s.p + 1, s.n - 1 - (s.p[s.n - 1] == ')' ? 1u : 0u)};
    a->pid = RP_STR("");
    size_t end = rp_find_byte(str_head(a->text, 16), ']');
    if (a->text.n > 0 && a->text.p[0] == '[' && end != SIZE_MAX && end > 1 &&
        is_digit(a->text.p[1])) {
        a->pid = (struct rp_str){a->text.p + 1, end - 1};
        a->text = rp_str_trim(str_from(a->text, end + 1));
    }
    return true;
}

static struct rp_open_run *find_id(struct rp_joblog *l, struct rp_str id)
{
    for (size_t i = l->n_open; i > 0; i--)
        if (rp_str_eq(l->open[i - 1]->id, id))
            return l->open[i - 1];
    return NULL;
}

static uint64_t pid_number(struct rp_str pid)
{
    uint64_t n = 0;
    return rp_str_u64(pid, &n) ? n : 0;
}

/* Without pids in the line: the run whose failure the same process reported, else the oldest of
 * that command that is not known to have failed. */
static struct rp_open_run *find_end(struct rp_joblog *l, struct rp_str type, uint64_t process)
{
    struct rp_open_run *oldest = NULL;
    for (size_t i = 0; i < l->n_open; i++) {
        struct rp_open_run *r = l->open[i];
        if (!rp_str_eq(r->type, str_head(type, r->type.n)))
            continue;
        if (process > 0 && r->number == process)
            return r;
        if (oldest == NULL && r->number == 0)
            oldest = r;
    }
    return oldest;
}

static void on_start(struct rp_joblog *l, const struct entry *e, struct rp_str type,
                     struct rp_str pid)
{
    struct rp_open_run *same = pid.n > 0 ? rp_log_find(l, type, pid) : NULL;
    if (same != NULL) /* the pid came round again: that run's end was not logged */
        rp_log_close(l, same, rp_log_left_open(l), RP_NO_TIME);
    (void)rp_log_open(l, type, pid, e->at_us);
}

static void on_end(struct rp_joblog *l, const struct entry *e, const struct action *a,
                   bool says_how)
{
    l->saw_ends = true;
    struct rp_open_run *r =
        a->pid.n > 0 ? rp_log_find(l, a->text, a->pid) : find_end(l, a->text, pid_number(e->pid));
    if (r == NULL)
        r = rp_log_open(l, a->text, a->pid, RP_NO_TIME); /* began before the log */
    bool sure = says_how && (a->pid.n > 0 || l->saw_failures);
    rp_log_close(l, r,
                 r->verdict != RP_RUN_UNKNOWN ? r->verdict
                 : sure                       ? RP_RUN_SUCCEEDED
                                              : RP_RUN_UNKNOWN,
                 e->at_us);
}

/* timeout(1) reports its time limit as 124. */
static bool by_timeout(const struct rp_open_run *r, int64_t status)
{
    return status == 124 && str_has(r->type, "timeout ");
}

/* "(CRON) error (grandchild #48226 failed with exit status 1)" */
static bool on_error(struct rp_joblog *l, const struct entry *e, const struct action *a)
{
    int64_t pid = rp_number_after(a->text, "child #");
    if (pid < 0)
        return false;
    l->saw_failures = true;
    char digits[24];
    size_t at = rp_str_find(a->text, RP_STR("#")), n = 0;
    for (at++; at < a->text.n && is_digit(a->text.p[at]) && n < sizeof digits; at++)
        digits[n++] = a->text.p[at];
    struct rp_open_run *r = find_id(l, (struct rp_str){digits, n});
    if (r == NULL)
        return false;
    r->verdict =
        by_timeout(r, rp_number_after(a->text, "exit status ")) ? RP_RUN_TIMEOUT : RP_RUN_FAILED;
    r->number = pid_number(e->pid);
    rp_tail_add(&r->error, rp_str_trim(str_from(a->text, at)));
    return true;
}

static bool on_action(struct rp_joblog *l, const struct entry *e)
{
    struct action a;
    if (!read_action(e->text, &a))
        return false;
    if (rp_str_is(a.verb, "CMD"))
        on_start(l, e, a.text, a.pid.n > 0 ? a.pid : e->pid);
    else if (rp_str_is(a.verb, "END"))
        on_end(l, e, &a, true);
    else if (rp_str_is(a.verb, "CMDEND"))
        on_end(l, e, &a, false);
    else
        return rp_str_is_word(a.verb, "error") && on_error(l, e, &a);
    return true;
}

/* ---- other crons ---- */

/* busybox: "USER root pid  34 cmd COMMAND"; dcron: "FILE … USER root PID 12 COMMAND" */
static bool on_busybox(struct rp_joblog *l, const struct entry *e)
{
    struct rp_str s = e->text;
    size_t user = rp_str_starts(s, "FILE ") ? rp_str_find(s, RP_STR(" USER ")) : 0;
    if (user == SIZE_MAX)
        return false;
    s = str_from(s, user > 0 ? user + 1 : 0);
    if (!rp_str_is(rp_take_word(&s), "USER") || rp_take_word(&s).n == 0)
        return false;
    static const char *const pid_words[] = {"pid", NULL};
    if (!rp_str_in(rp_take_word(&s), pid_words))
        return false;
    struct rp_str pid = rp_take_word(&s);
    if (rp_str_starts(s, "cmd "))
        s = str_from(s, 4);
    if (pid_number(pid) == 0 || s.n == 0)
        return false;
    on_start(l, e, s, pid);
    return true;
}

/* anacron: "Job `cron.daily' started", "… terminated (exit status: 1) (mailing output)", "…
 * terminated due to signal 9" */
static bool on_anacron(struct rp_joblog *l, const struct entry *e)
{
    size_t end = rp_str_find(e->text, RP_STR("' "));
    if (!rp_str_starts(e->text, "Job `") || end == SIZE_MAX)
        return false;
    struct rp_str name = {e->text.p + 5, end - 5}, rest = str_from(e->text, end + 2);
    if (rp_str_starts(rest, "started")) {
        on_start(l, e, name, e->pid);
        return true;
    }
    if (!rp_str_starts(rest, "terminated"))
        return false;
    l->saw_ends = true;
    struct rp_open_run *r = rp_log_find(l, name, e->pid);
    if (r == NULL)
        r = rp_log_open(l, name, e->pid, RP_NO_TIME);
    bool failed =
        rp_number_after(rest, "exit status: ") > 0 || str_has(rest, "terminated due to signal ");
    if (failed)
        rp_tail_add(&r->error, rest);
    rp_log_close(l, r, failed ? RP_RUN_FAILED : RP_RUN_SUCCEEDED, e->at_us);
    return true;
}

/* run-parts says which script of the folder it runs: part of the run that called it. */
static bool on_run_parts(const struct entry *e)
{
    return rp_str_starts(e->tag, "run-parts") &&
           (str_has(e->text, "starting ") || str_has(e->text, "finished "));
}

/* ---- lines that jobs send to syslog themselves ---- */

/* Is the program's name a word of the command, as its last path segment without extension? */
static bool runs_program(struct rp_str command, struct rp_str name)
{
    for (size_t from = 0; from < command.n;) {
        struct rp_str rest = str_from(command, from);
        size_t at = rp_str_find(rest, name);
        if (at == SIZE_MAX)
            return false;
        char before = from + at > 0 ? command.p[from + at - 1] : ' ';
        char after = at + name.n < rest.n ? rest.p[at + name.n] : ' ';
        if (one_of(before, "/ (;&|") && one_of(after, " .;&|)"))
            return true;
        from += at + 1;
    }
    return false;
}

static bool on_program(struct rp_joblog *l, const struct entry *e)
{
    if (e->tag.n < 3)
        return false;
    for (size_t k = 1; k <= NEAR && k <= l->n_open; k++) {
        struct rp_open_run *r = l->open[l->n_open - k];
        if (!runs_program(str_head(r->type, 512), e->tag))
            continue;
        rp_tail_add(&r->error, e->text);
        return true;
    }
    return false;
}

static void cron_line(struct rp_joblog *l, struct rp_str line)
{
    struct entry e;
    bool taken = read_entry(&l->o.stamp, line, &e);
    if (taken && is_cron(e.tag))
        taken = on_action(l, &e) || on_busybox(l, &e) || on_anacron(l, &e) || on_run_parts(&e);
    else if (taken)
        taken = on_program(l, &e);
    l->stats.unassigned_lines += !taken;
}

static int cron_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e;
    struct action a;
    if (!read_entry(&st, line, &e) || !is_cron(e.tag))
        return 0;
    if (read_action(e.text, &a))
        return rp_str_is(a.verb, "CMD") || rp_str_is(a.verb, "END") || rp_str_is(a.verb, "CMDEND")
                   ? 10
                   : 1;
    return rp_str_starts(e.text, "USER ") || rp_str_starts(e.text, "FILE ") ||
                   rp_str_starts(e.text, "Job `")
               ? 10
               : 1;
}

const struct rp_log_format rp_format_cron = {"cron", cron_score, cron_line, rp_log_close_all,
                                             RP_RUN_UNKNOWN};
