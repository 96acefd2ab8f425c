/* systemd's units in the journal, as journalctl prints it: the short forms, with-unit, json in its
 * forms; export and verbose come as JSON (records.c).
 *
 *     Nov 23 22:37:20 web-1 systemd[1]: Starting reconcile.service - Reconcile the ledger...
 *     Nov 23 22:37:36 web-1 reconcile.py[20502]: ConnectionRefusedError: …
 *     Nov 23 22:37:36 web-1 systemd[1]: reconcile.service: Failed with result 'exit-code'.
 *
 * A run is one activation of a service. "Starting" and "Started" are two lines of one; "Finished",
 * "Deactivated successfully", "Failed with result", "Failed to start" say how it ended, what comes
 * first counts. Before systemd 250, and where StatusUnitFormat=description, lines name no unit but
 * its description: then that is the type, and what only ever starts is left out as no job.
 *
 * What a program prints is its unit's: by the unit field in JSON; in the short formats by the
 * program's name and process, or, for an interpreter, by the unit that has just begun. */
#include "analyze/formats/fields.h"

#define JUST_BEGUN_US INT64_C(2000000)
enum { SAID_START = 1, DESCRIBED = 2 }; /* bits of a run's number; the process is above them */

struct entry {
    int64_t at_us;
    struct rp_str tag, pid, text;
    struct rp_str unit, invocation; /* JSON only */
};

enum { COUNTERS = 1024, NAMES = 512, STRANGERS = 8, BEHIND = 4 };

/* A unit that was said to have failed, of which no run was known. */
struct stranger {
    uint64_t unit; /* 0: none */
    enum rp_run_outcome outcome;
    int64_t at_us;
    uint64_t line;
    bool restarts;
};

struct own {
    uint64_t restarts[COUNTERS]; /* "restart counter is at N", by unit */
    /* Where runs are known by descriptions: what their units are called, as far as was learnt. */
    struct {
        uint64_t unit, description;
    } names[NAMES];
    struct stranger failed[STRANGERS]; /* the newest last */
    uint64_t interpreted[NAMES];       /* units whose program an interpreter runs, with its name */
};

static struct own *own_of(struct rp_joblog *l)
{
    return rp_log_own(l, sizeof(struct own));
}

/* ---- the forms of a line ---- */

static bool is_unit(struct rp_str s)
{
    static const char *const kinds[] = {".service", ".timer", ".socket",    ".target",
                                        ".mount",   ".slice", ".automount", ".path",
                                        ".scope",   ".swap",  ".device",    NULL};
    if (s.n == 0 || rp_find_byte(s, ' ') != SIZE_MAX)
        return false;
    for (const char *const *k = kinds; *k != NULL; k++)
        if (rp_str_ends(s, *k))
            return true;
    return false;
}

/* "[46579.119981] ", "[46579.119981 <    0.000014 >] ": since the machine began, which is when? */
static bool skip_monotonic(struct rp_str *s)
{
    struct rp_str r = *s;
    size_t close = rp_find_byte(str_head(r, 48), ']');
    if (close == SIZE_MAX || !rp_skip(&r, "["))
        return false;
    r = rp_strip(r, " ", "");
    int64_t us = rp_seconds_us(r);
    *s = str_from(*s, close + 1);
    return us >= 0 && str_has(str_head(r, 20), ".");
}

static bool read_short(struct rp_stamp *st, struct rp_str s, struct entry *e)
{
    bool syslog;
    e->at_us = RP_NO_TIME;
    if ((!rp_stamp_take(st, &s, &e->at_us, &syslog) && !skip_monotonic(&s)) || !rp_skip(&s, " "))
        return false;
    struct rp_str word = rp_take_tag(&s);
    if (!rp_str_ends(word, ":")) { /* the host, unless --no-hostname */
        s = rp_strip(s, " ", "");
        word = rp_take_tag(&s);
    }
    rp_split_tag(word, &e->tag, &e->pid);
    e->invocation = RP_STR("");
    e->unit = is_unit(e->tag) ? e->tag : RP_STR(""); /* -o with-unit */
    e->text = s;
    return rp_str_ends(word, ":") && e->tag.n > 0;
}

/* -o cat: nothing but the message; only the manager's are told from a program's. */
static bool read_cat(struct rp_str s, struct entry *e)
{
    static const char *const sentences[] = {"Starting ", "Started ",         "Finished ",
                                            "Stopped ",  "Failed to start ", NULL};
    static const char *const says[] = {"Deactivated successfully",
                                       "Succeeded.",
                                       "Failed with result '",
                                       "Scheduled restart job",
                                       "Skipped due to",
                                       "Main process exited",
                                       NULL};
    struct rp_str rest = s, unit = rp_take_word(&rest);
    *e = (struct entry){RP_NO_TIME, RP_STR("systemd"), RP_STR("1"), s, RP_STR(""), RP_STR("")};
    for (const char *const *f = says; *f != NULL && rp_str_ends(unit, ".service:"); f++)
        if (rp_str_starts(rest, *f))
            return true;
    for (const char *const *f = sentences; *f != NULL; f++) {
        rest = s;
        if (rp_skip(&rest, *f))
            return is_unit(rp_strip(rp_take_word(&rest), "", "."));
    }
    return false;
}

/* Bytes that are not UTF-8 come as an array of numbers. */
static struct rp_str message_of(struct rp_fields *f)
{
    struct rp_str text = rp_field_text(f, "MESSAGE");
    if (text.p != NULL || !rp_field_has(f, "MESSAGE", RP_JSON_ARRAY))
        return text;
    static const char *const names[] = {"MESSAGE", NULL};
    struct rp_json r;
    struct rp_buf b = {.limit = RP_LOG_LINE_MAX};
    int64_t byte;
    rp_json_open(&r, rp_field_of(f, names)->value, NULL);
    r.max_items = RP_LOG_LINE_MAX;
    rp_json_array(&r);
    while (rp_json_item(&r) && rp_json_i64(&r, &byte))
        rp_buf_c(&b, (char)(byte & 0xff));
    text = rp_str_dup(&f->arena, rp_buf_view(&b));
    rp_buf_free(&b);
    return text;
}

static struct rp_str first_of(const struct rp_fields *f, const char *a, const char *b)
{
    struct rp_str s = rp_field_text(f, a);
    return s.n > 0 ? s : rp_field_text(f, b);
}

static bool read_json(struct rp_stamp *st, struct rp_fields *f, struct entry *e)
{
    static const char *const times[] = {"__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", NULL};
    e->text = message_of(f);
    e->at_us = rp_field_time(st, rp_field_of(f, times));
    if (e->text.p == NULL || (e->at_us == RP_NO_TIME && rp_field_text(f, "__CURSOR").n == 0))
        return false;
    e->tag = first_of(f, "SYSLOG_IDENTIFIER", "_COMM");
    e->pid = first_of(f, "_PID", "SYSLOG_PID");
    /* what the manager says of a unit, and what the unit's own processes say */
    e->unit = first_of(f, "UNIT", "USER_UNIT");
    if (e->unit.n == 0)
        e->unit = first_of(f, "_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT");
    e->invocation = first_of(f, "INVOCATION_ID", "_SYSTEMD_INVOCATION_ID");
    if (e->invocation.n == 0)
        e->invocation = rp_field_text(f, "USER_INVOCATION_ID");
    return true;
}

/* ---- units ---- */

static bool is_service(struct rp_str unit)
{
    return rp_str_ends(unit, ".service");
}

struct subject {
    struct rp_str name;
    bool described; /* by its description: the unit is not known */
};

/* "x.service - What it does", "x.service", "What it does" */
static struct subject subject_of(struct rp_str s, const struct entry *e)
{
    s = rp_strip(s, " ", "");
    while (rp_str_ends(s, "...") || rp_str_ends(s, "."))
        s.n--;
    size_t dash = rp_str_find(s, RP_STR(" - "));
    struct rp_str name = str_head(s, dash);
    if (is_unit(name))
        return (struct subject){name, false};
    if (is_unit(e->unit) && !rp_str_is(e->unit, "init.scope"))
        return (struct subject){e->unit, false};
    return (struct subject){s, true};
}

static struct rp_open_run *find_unit(struct rp_joblog *l, struct rp_str unit)
{
    for (size_t i = l->n_open; i > 0; i--)
        if (rp_str_eq(l->open[i - 1]->type, unit))
            return l->open[i - 1];
    return NULL;
}

/* Does a word of the unit's name stand in the description? "apt-daily" in "Daily apt activities" */
static bool words_shared(struct rp_str unit, struct rp_str text)
{
    struct rp_str rest = str_head(unit, unit.n - strlen(".service"));
    while (rest.n > 0) {
        size_t n = 0;
        while (n < rest.n && is_alnum(rest.p[n]))
            n++;
        for (size_t i = 0; n > 2 && i + n <= text.n; i++) {
            size_t k = 0;
            while (k < n && to_lower(text.p[i + k]) == to_lower(rest.p[k]))
                k++;
            if (k == n)
                return true;
        }
        rest = str_from(rest, n < rest.n ? n + 1 : n);
    }
    return false;
}

static struct rp_open_run *find_described(struct rp_joblog *l, uint64_t unit)
{
    const struct own *o = own_of(l);
    if (o->names[unit % NAMES].unit != unit)
        return NULL;
    for (size_t i = l->n_open; i > 0; i--)
        if (rp_hash64(l->open[i - 1]->type) == o->names[unit % NAMES].description)
            return l->open[i - 1];
    return NULL;
}

/* The run of a unit; where lines only describe, the one that fits, or the only one there is. */
static struct rp_open_run *run_of_unit(struct rp_joblog *l, struct rp_str unit)
{
    struct rp_open_run *r = find_unit(l, unit), *only = NULL;
    size_t described = 0;
    if (r == NULL)
        r = find_described(l, rp_hash64(unit));
    for (size_t i = l->n_open; r == NULL && i > 0; i--) {
        struct rp_open_run *o = l->open[i - 1];
        if (!(o->number & DESCRIBED))
            continue;
        if (words_shared(unit, o->type))
            return o;
        only = o;
        described++;
    }
    return r != NULL ? r : described == 1 ? only : NULL;
}

/* ---- what the manager says ---- */

static void on_begin(struct rp_joblog *l, const struct entry *e, struct subject s, bool starting)
{
    struct rp_open_run *r = find_unit(l, s.name);
    if (r != NULL && !starting && (r->number & SAID_START)) {
        r->number &= ~(uint64_t)SAID_START; /* "Started" after "Starting" */
        return;
    }
    if (r != NULL) /* the end of the one before was not logged */
        rp_log_close_open(l, r);
    r = rp_log_open(l, s.name, e->invocation, e->at_us);
    r->number = (starting ? SAID_START : 0) | (s.described ? DESCRIBED : 0);
    /* "restart counter is at 2" said that this is the third attempt */
    int64_t restarts = 0;
    uint64_t *slot = &own_of(l)->restarts[rp_hash64(s.name) % COUNTERS];
    if (*slot >> 16 == rp_hash64(s.name) >> 16)
        restarts = (int64_t)(*slot & 0xffff);
    *slot = 0;
    r->attempt = restarts + 1;
}

static void on_restart(struct rp_joblog *l, struct rp_str unit, int64_t counter)
{
    uint64_t *slots = own_of(l)->restarts;
    for (size_t i = 0; i < STRANGERS; i++)
        if (own_of(l)->failed[i].unit == rp_hash64(unit))
            own_of(l)->failed[i].restarts = true;
    if (counter > 0 && counter < 0xffff)
        slots[rp_hash64(unit) % COUNTERS] = (rp_hash64(unit) >> 16 << 16) | (uint64_t)counter;
}

static void on_end(struct rp_joblog *l, const struct entry *e, struct rp_open_run *r,
                   enum rp_run_outcome outcome, bool says_why)
{
    l->saw_ends = true;
    rp_log_mark_ended(l, rp_hash64(r->type));
    if (outcome != RP_RUN_SUCCEEDED && says_why)
        rp_tail_add(&r->error, e->text);
    rp_log_close(l, r, outcome, e->at_us);
}

static enum rp_run_outcome result_of(struct rp_str says)
{
    bool timeout = str_has(says, "'timeout'") || str_has(says, "'watchdog'");
    return timeout ? RP_RUN_TIMEOUT : RP_RUN_FAILED;
}

/* "x.service: …" of a run that is known by a description only, which one is not clear yet. */
static void on_stranger(struct rp_joblog *l, const struct entry *e, struct rp_str unit,
                        struct rp_str says)
{
    struct stranger *v = own_of(l)->failed;
    if (rp_str_starts(says, "Failed with result '")) {
        memmove(v, v + 1, (STRANGERS - 1) * sizeof *v);
        v[STRANGERS - 1] =
            (struct stranger){rp_hash64(unit), result_of(says), e->at_us, l->line, false};
    }
}

/* "Failed to start X." or "Stopped X." right behind it: X is that unit, and ended as it did. */
static bool on_known(struct rp_joblog *l, const struct entry *e, struct rp_open_run *r, bool failed)
{
    struct own *o = own_of(l);
    size_t i = STRANGERS;
    while (i > 0 && (o->failed[i - 1].unit == 0 || o->failed[i - 1].restarts == failed))
        i--;
    if (i == 0 || !(r->number & DESCRIBED) || (failed && l->line - o->failed[i - 1].line > BEHIND))
        return false;
    struct stranger *of = &o->failed[i - 1];
    o->names[of->unit % NAMES].unit = of->unit;
    o->names[of->unit % NAMES].description = rp_hash64(r->type);
    of->unit = 0;
    rp_tail_add(&r->error, e->text);
    l->saw_ends = true;
    rp_log_mark_ended(l, rp_hash64(r->type));
    rp_log_close(l, r, of->outcome, of->at_us);
    return true;
}

/* "Starting …", "Started …", "Finished …", "Failed to start …", "Stopped …" */
static bool on_sentence(struct rp_joblog *l, const struct entry *e)
{
    static const struct {
        const char *words;
        enum { STARTING, STARTED, FINISHED, FAILED, STOPPED } what;
    } sentences[] = {{"Starting ", STARTING},
                     {"Started ", STARTED},
                     {"Finished ", FINISHED},
                     {"Stopped ", STOPPED},
                     {"Failed to start ", FAILED}};
    struct rp_str s = e->text;
    size_t i = 0;
    while (i < sizeof sentences / sizeof *sentences && !rp_skip(&s, sentences[i].words))
        i++;
    if (i == sizeof sentences / sizeof *sentences)
        return false;
    struct subject of = subject_of(s, e);
    if (!of.described && !is_service(of.name))
        return false;
    if (sentences[i].what == STARTING || sentences[i].what == STARTED) {
        on_begin(l, e, of, sentences[i].what == STARTING);
        return true;
    }
    struct rp_open_run *r = find_unit(l, of.name);
    if (r == NULL)
        return rp_log_was_ended(l, rp_hash64(of.name));
    if (r->verdict != RP_RUN_UNKNOWN)
        on_end(l, e, r, r->verdict, false);
    else if (sentences[i].what == FINISHED || !on_known(l, e, r, sentences[i].what == FAILED))
        on_end(l, e, r,
               sentences[i].what == FINISHED ? RP_RUN_SUCCEEDED
               : sentences[i].what == FAILED ? RP_RUN_FAILED
                                             : RP_RUN_CANCELLED,
               true);
    return true;
}

/* "x.service: …" */
static bool on_unit(struct rp_joblog *l, const struct entry *e)
{
    size_t colon = rp_str_find(str_head(e->text, 300), RP_STR(".service: "));
    if (colon == SIZE_MAX || rp_find_byte(str_head(e->text, colon), ' ') != SIZE_MAX)
        return false;
    struct rp_str unit = str_head(e->text, colon + 8), says = str_from(e->text, colon + 10);
    struct rp_open_run *r = run_of_unit(l, unit);
    if (rp_str_starts(says, "Scheduled restart job"))
        on_restart(l, unit, rp_number_after(says, "restart counter is at "));
    if (r == NULL) {
        on_stranger(l, e, unit, says);
        return rp_log_was_ended(l, rp_hash64(unit));
    }
    if (rp_str_starts(says, "Deactivated successfully") || rp_str_is(says, "Succeeded.")) {
        on_end(l, e, r, RP_RUN_SUCCEEDED, false);
    } else if (rp_str_starts(says, "Failed with result '")) {
        rp_log_mark_ended(l, rp_hash64(unit));
        on_end(l, e, r, result_of(says), true);
    } else if (rp_str_starts(says, "Skipped due to")) {
        rp_log_drop(l, r); /* by its condition: it never ran */
    } else if (!rp_str_starts(says, "Consumed ") && !str_has(says, "ignoring")) {
        rp_tail_add(&r->error, e->text);
    }
    return true;
}

/* ---- what programs print ---- */

/* The program's name is the unit's, with or without an extension, cut to 15 characters or whole. */
static bool is_program_of(struct rp_str tag, struct rp_str unit)
{
    size_t at = rp_find_byte(unit, '@'), dot = 0;
    struct rp_str name = str_head(unit, at != SIZE_MAX ? at : unit.n - strlen(".service"));
    tag = rp_last_segment(rp_strip(tag, "(", ")"));
    for (size_t i = tag.n; i > 1 && dot == 0; i--)
        if (tag.p[i - 1] == '.')
            dot = i - 1;
    struct rp_str bare = str_head(tag, dot > 0 ? dot : tag.n);
    return bare.n > 0 && (rp_str_eq(bare, name) || rp_str_eq(tag, name) ||
                          (bare.n >= 14 && rp_str_eq(bare, str_head(name, bare.n))));
}

static bool is_interpreter(struct rp_str tag)
{
    static const char *const names[] = {"python", "node", "ruby", "java", "bash", "sh",  "dash",
                                        "perl",   "php",  "env",  "deno", "bun",  "npm", NULL};
    size_t n = tag.n;
    while (n > 0 && (is_digit(tag.p[n - 1]) || tag.p[n - 1] == '.'))
        n--;
    return rp_str_in(str_head(tag, n), names);
}

static uint64_t process_bits(struct rp_str pid)
{
    uint64_t n;
    return rp_str_u64(pid, &n) ? n << 2 : 0;
}

static uint64_t interpreted_key(const struct rp_open_run *r, struct rp_str tag)
{
    return rp_hash64(r->type) * 31 + rp_hash64(tag);
}

static bool just_begun(const struct entry *e, const struct rp_open_run *r)
{
    return r->number >> 2 == 0 && e->at_us != RP_NO_TIME && r->start_us != RP_NO_TIME &&
           e->at_us - r->start_us <= JUST_BEGUN_US;
}

/* An interpreter's line is of the unit that has just begun; of several, of the one that was alone
 * when the same interpreter spoke before. */
static struct rp_open_run *interpreted(struct rp_joblog *l, const struct entry *e)
{
    struct own *o = own_of(l);
    struct rp_open_run *fresh = NULL, *learnt = NULL;
    size_t n = 0;
    for (size_t i = l->n_open; i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if (!just_begun(e, r))
            continue;
        uint64_t key = interpreted_key(r, e->tag);
        learnt = learnt == NULL && o->interpreted[key % NAMES] == key ? r : learnt;
        fresh = fresh == NULL ? r : fresh;
        n++;
    }
    if (n == 1)
        o->interpreted[interpreted_key(fresh, e->tag) % NAMES] = interpreted_key(fresh, e->tag);
    return learnt != NULL ? learnt : n == 1 ? fresh : NULL;
}

static struct rp_open_run *owner_of(struct rp_joblog *l, const struct entry *e)
{
    uint64_t process = process_bits(e->pid);
    struct rp_open_run *named = NULL;
    if (is_service(e->unit))
        return find_unit(l, e->unit);
    for (size_t i = l->n_open; i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if (process != 0 && (r->number & ~(uint64_t)3) == process)
            return r;
        if (!(r->number & DESCRIBED) && is_program_of(e->tag, r->type) &&
            (r->number >> 2 == 0 || named == NULL))
            named = r;
    }
    return named != NULL ? named : is_interpreter(e->tag) ? interpreted(l, e) : NULL;
}

static bool on_program(struct rp_joblog *l, const struct entry *e)
{
    struct rp_open_run *r = owner_of(l, e);
    if (r == NULL)
        return is_service(e->unit) && rp_log_was_ended(l, rp_hash64(e->unit));
    if (r->number >> 2 == 0)
        r->number |= process_bits(e->pid);
    rp_tail_text(&r->error, e->text);
    return true;
}

/* ---- lines ---- */

/* init.scope: the manager's own unit, in the place of its name */
static bool is_manager(struct rp_str tag)
{
    return rp_str_is(tag, "systemd") || rp_str_is(tag, "init.scope") || rp_str_starts(tag, "(");
}

static bool on_entry(struct rp_joblog *l, const struct entry *e)
{
    bool manager = is_manager(e->tag);
    if (on_unit(l, e))
        return true;
    return manager ? on_sentence(l, e) : on_program(l, e);
}

static void journald_line(struct rp_joblog *l, struct rp_str line)
{
    struct entry e;
    struct rp_fields f = {0};
    if (rp_str_trim(line).n == 0)
        return;
    (void)rp_skip(&line, "data: "); /* -o json-sse */
    bool hit = line.n > 0 && line.p[0] == '{'
                   ? rp_fields_read(&f, line) && read_json(&l->o.stamp, &f, &e)
                   : read_short(&l->o.stamp, line, &e) || read_cat(line, &e);
    rp_log_count(l, hit && on_entry(l, &e));
    rp_fields_free(&f);
}

static int journald_score(struct rp_str line)
{
    struct rp_stamp st = {.year = 2000};
    struct entry e;
    struct rp_fields f = {0};
    int points = 0;
    (void)rp_skip(&line, "data: ");
    if (line.n > 0 && line.p[0] == '{') {
        points = rp_fields_read(&f, line) && read_json(&st, &f, &e) ? 6 : 0;
    } else if (read_short(&st, line, &e) &&
               (rp_str_is(e.tag, "systemd") || rp_str_is(e.tag, "init.scope"))) {
        points = str_has(e.text, ".service: ") || rp_str_starts(e.text, "Finished ") ? 10 : 3;
    } else if (read_cat(line, &e)) {
        points = 5;
    }
    rp_fields_free(&f);
    return points;
}

/* What was only described, and never ended, is no job: sockets, targets, servers. */
static void journald_finish(struct rp_joblog *l)
{
    for (size_t i = l->n_open; i > 0; i--) {
        struct rp_open_run *r = l->open[i - 1];
        if ((r->number & DESCRIBED) && !rp_log_was_ended(l, rp_hash64(r->type))) {
            l->stats.unassigned_lines++;
            rp_log_drop(l, r);
        }
    }
    rp_log_close_all(l);
}

const struct rp_log_format rp_format_journald = {"journald", journald_score, journald_line,
                                                 journald_finish, RP_RUN_UNFINISHED};
