/* What kind of failure it is: facts beat text, then the rules of rules.c, then what weak facts say.
 */
#include "analyze/internal.h"

enum { OTHER_LINES_MAX = 40 }; /* of the lines beside the key line */
/* How heavy a name must be to decide over a code, and over the words of the line. */
enum { CODE_WEIGHT = 160, SURE_WEIGHT = 600 };
/* How many e-folds of odds a ruling is worth, by the table that it comes from. */
static const double NAME_TRUST = 4, RULE_TRUST = 2.6, SHAPE_TRUST = .5, LATE_TRUST = 1.3,
                    FACT_TRUST = 1000;

const struct rp_class_info rp_classes[RP_CLASSES_N] = {
#define X(sym, name, group, action) [sym] = {name, group, action},
    RP_CLASSES(X)
#undef X
};

bool rp_class_of_name(struct rp_str name, enum rp_class *out)
{
    for (int i = 0; i < RP_CLASSES_N; i++)
        if (rp_str_is(name, rp_classes[i].name)) {
            *out = (enum rp_class)i;
            return true;
        }
    return false;
}

bool rp_class_is_transient(enum rp_class class)
{
    return strcmp(rp_classes[class].group, "transient") == 0;
}

bool rp_class_needs_fix(enum rp_class class)
{
    return class == RP_CLASS_CODE_BUG || class == RP_CLASS_CRASH || class == RP_CLASS_BAD_PAYLOAD ||
           class == RP_CLASS_UNIQUE || class == RP_CLASS_AUTH;
}

/* ---- facts ---- */

static enum rp_class of_http(int status)
{
    switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
        return RP_CLASS_BAD_PAYLOAD;
    case 401:
    case 403:
    case 407:
        return RP_CLASS_AUTH;
    case 404:
    case 410:
        return RP_CLASS_MISSING_FILE;
    case 408:
        return RP_CLASS_NET_TIMEOUT;
    case 423:
        return RP_CLASS_BUSY;
    case 429:
        return RP_CLASS_RATE_LIMIT;
    default:
        return status >= 500 && status <= 599 ? RP_CLASS_HTTP_5XX : RP_CLASS_UNKNOWN;
    }
}

enum {
    HUP = 1,
    INT = 2,
    ILL = 4,
    TRAP = 5,
    ABRT = 6,
    BUS = 7,
    FPE = 8,
    KILL = 9,
    SEGV = 11,
    TERM = 15,
    XCPU = 24,
    SYS = 31
};

static int signal_of(const struct rp_failure_facts *f)
{
    return f->signal > 0                              ? f->signal
           : f->exit_code > 128 && f->exit_code < 160 ? f->exit_code - 128
                                                      : 0;
}

static bool crash_signal(int n)
{
    return n == ILL || n == TRAP || n == ABRT || n == BUS || n == FPE || n == SEGV || n == SYS;
}

static struct rp_ruling says(enum rp_class class, const char *rule)
{
    return (struct rp_ruling){class, rule, false};
}

/* SIGABRT is how programs end themselves after they said why: node out of heap, bad_alloc. */
static struct rp_ruling crashed(int n, struct rp_str key_line)
{
    struct rp_ruling v = n == ABRT ? rp_rules_match(key_line) : says(RP_CLASS_CRASH, "");
    return v.class == RP_CLASS_OOM ? v : says(RP_CLASS_CRASH, "signal of a crash");
}

static struct rp_ruling by_facts(const struct rp_failure_facts *f, struct rp_str key_line)
{
    if (f->contract.n > 0)
        return says(RP_CLASS_CONTRACT, "success contract");
    if (f->timed_out)
        return says(RP_CLASS_TIMEOUT, "own time limit");
    if (f->oom)
        return says(RP_CLASS_OOM, "memory limit of the cgroup");
    if (f->exit_code == 126 || f->exit_code == 127)
        return says(RP_CLASS_MISSING_COMMAND, "exit code 126 or 127");
    if (crash_signal(signal_of(f)))
        return crashed(signal_of(f), key_line);
    if (signal_of(f) == XCPU)
        return says(RP_CLASS_TIMEOUT, "CPU time limit");
    enum rp_class c = rp_class_of_sqlstate(f->sqlstate);
    if (c != RP_CLASS_UNKNOWN)
        return says(c, "SQLSTATE");
    c = of_http(f->http_status);
    if (c != RP_CLASS_UNKNOWN)
        return says(c, "HTTP status");
    if (f->worker_lost)
        return says(RP_CLASS_WORKER_LOST, "worker lost");
    if (f->exit_code == 124)
        return says(RP_CLASS_TIMEOUT, "exit code 124");
    return says(RP_CLASS_UNKNOWN, "none");
}

/* What is said only when no text says more: sysexits.h, and signals that anybody may have sent. */
static struct rp_ruling by_weak_facts(const struct rp_failure_facts *f)
{
    static const struct {
        int code;
        enum rp_class class;
        const char *rule;
    } exits[] = {
        {65, RP_CLASS_BAD_PAYLOAD, "exit code 65"}, {66, RP_CLASS_MISSING_FILE, "exit code 66"},
        {67, RP_CLASS_AUTH, "exit code 67"},        {68, RP_CLASS_DNS, "exit code 68"},
        {69, RP_CLASS_CONNECTION, "exit code 69"},  {70, RP_CLASS_CODE_BUG, "exit code 70"},
        {75, RP_CLASS_BUSY, "exit code 75"},        {77, RP_CLASS_PERMISSION, "exit code 77"},
        {78, RP_CLASS_CONFIG, "exit code 78"},
    };
    int n = signal_of(f);
    if (n == KILL || n == TERM || n == INT || n == HUP)
        return says(RP_CLASS_KILLED, "signal from outside");
    for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
        if (f->exit_code == exits[i].code)
            return says(exits[i].class, exits[i].rule);
    return says(RP_CLASS_UNKNOWN, "none");
}

/* ---- text ---- */

/* Words know nothing of a number that a phrase has. */
static bool words_know(const char *rule)
{
    return strpbrk(rule, "0123456789#") == NULL;
}

/* What programs print around the error that they got: "called `Result::unwrap()` on an `Err` value:
 * …", "Job failed (system failure): …". */
static struct rp_str unwrapped(struct rp_str line)
{
    static const char *const marks[] = {"` on an `Err` value", "(system failure)",
                                        "raised unexpected"};
    for (size_t at = 1; at + 2 < line.n; at++)
        for (size_t i = 0; line.p[at] == ':' && i < sizeof marks / sizeof *marks; i++)
            if (rp_str_ends(str_head(line, at), marks[i]))
                return rp_str_trim(str_from(line, at + 1));
    return RP_NONE;
}

/* What a line says: codes and the heaviest names decide; a phrase of another tier is worth as many
 * e-folds of odds against what the words of the line speak for as leaving out one list of messages
 * after the other says (tests/train/cross.c). */
static struct rp_ruling by_tiers(struct rp_str line)
{
    static const struct {
        struct rp_ruling (*match)(struct rp_str line);
        double trust;
    } tiers[] = {{rp_rules_match, RULE_TRUST},
                 {rp_ending_match, FACT_TRUST},
                 {rp_exception_rules_match, SHAPE_TRUST},
                 {rp_shape_rules_match, SHAPE_TRUST},
                 {rp_late_rules_match, LATE_TRUST}};
    unsigned weight = 0;
    struct rp_ruling v = rp_name_rules_match(line, &weight), frame = says(RP_CLASS_UNKNOWN, "none");
    if (v.weak)
        frame = v, v = says(RP_CLASS_UNKNOWN, "none");
    struct rp_ruling code =
        weight < CODE_WEIGHT ? rp_codes_match(line) : says(RP_CLASS_UNKNOWN, "none");
    if (code.class != RP_CLASS_UNKNOWN || weight >= SURE_WEIGHT)
        return code.class != RP_CLASS_UNKNOWN ? code : v;
    double trust = NAME_TRUST;
    if (frame.class != RP_CLASS_UNKNOWN && (v = rp_ending_match(line)).class != RP_CLASS_UNKNOWN)
        return v;
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers && v.class == RP_CLASS_UNKNOWN; i++) {
        v = tiers[i].match(line);
        trust = tiers[i].trust;
    }
    if (v.class != RP_CLASS_UNKNOWN && words_know(v.rule))
        v = rp_learned(line, v, trust);
    /* That it ended is known where it was cut short. */
    bool why = v.class != RP_CLASS_UNKNOWN && v.class != RP_CLASS_KILLED;
    return why || frame.class == RP_CLASS_UNKNOWN ? v : frame;
}

static struct rp_ruling by_text(struct rp_str line)
{
    struct rp_str inner = unwrapped(line);
    struct rp_ruling v = says(RP_CLASS_UNKNOWN, "none");
    if (inner.p != NULL)
        v = by_tiers(inner);
    return v.class != RP_CLASS_UNKNOWN ? v : by_tiers(line);
}

/* The quoted name at the end of a line; absent if there is none. */
static struct rp_str quoted_last(struct rp_str line)
{
    line = rp_str_trim(line);
    char quote = line.n < 3 ? '\0' : line.p[line.n - 1];
    if (!one_of(quote, "'\""))
        return RP_NONE;
    size_t from = line.n - 1;
    while (from > 0 && line.p[from - 1] != quote)
        from--;
    return from > 0 ? (struct rp_str){line.p + from, line.n - 1 - from} : RP_NONE;
}

static bool made_of(struct rp_str s, bool (*of)(char))
{
    for (size_t i = 0; i < s.n; i++)
        if (!of(s.p[i]))
            return false;
    return s.n > 0;
}

static bool in_command(char c)
{
    return is_alnum(c) || c == '-' || c == '_';
}

static bool in_variable(char c)
{
    return is_upper(c) || is_digit(c) || c == '_';
}

/* The word before the first `mark` of a line; absent without it. */
static struct rp_str word_before(struct rp_str line, const char *mark)
{
    size_t end = rp_str_find(line, rp_str_of(mark)), from = end;
    while (end != SIZE_MAX && from > 0 && !is_blank(line.p[from - 1]))
        from--;
    return end == SIZE_MAX ? RP_NONE : (struct rp_str){line.p + from, end - from};
}

/* What a program that runs others was to run: "nice: ‘gzip’: No such file"; absent: none. */
static struct rp_str to_run(struct rp_str line)
{
    static const char *const runners[] = {"make: ",   "xargs: ", "nice: ",   "nohup: ", "timeout: ",
                                          "setsid: ", "time: ",  "ionice: ", "chroot: "};
    struct rp_str name = word_before(line, ": No such file");
    for (size_t i = 0; i < sizeof runners / sizeof *runners; i++)
        if (rp_str_starts(line, runners[i])) {
            while (name.n > 0 && !is_alnum(name.p[0])) /* quotes, as the locale has them */
                name = str_from(name, 1);
            while (name.n > 0 && !is_alnum(name.p[name.n - 1]))
                name.n--;
            return name;
        }
    return RP_NONE;
}

/* "wget: not found" of a shell, "No such file or directory - convert" of Ruby: the name; absent. */
static struct rp_str bare_name(struct rp_str line)
{
    static const char ruby[] = "No such file or directory - ";
    size_t at = rp_str_find(line, rp_str_of(ruby));
    if (at != SIZE_MAX)
        return str_from(line, at + strlen(ruby));
    return rp_str_ends(line, ": not found") ? str_head(line, line.n - strlen(": not found"))
                                            : RP_NONE;
}

/* No such file: a bare name was to be run, files have a dot or a slash. */
static struct rp_ruling no_such_file(struct rp_ruling v, struct rp_str line, struct rp_str quoted)
{
    if (strcmp(v.rule, "env * no such file") == 0)
        return str_has(line, "env: ") && !str_has(line, ".env: ")
                   ? v
                   : says(RP_CLASS_MISSING_FILE, "text: no such file");
    if (v.class == RP_CLASS_MISSING_FILE &&
        (made_of(bare_name(rp_str_trim(line)), in_command) ||
         ((strncmp(v.rule, "no such file", 12) == 0 ||
           strncmp(v.rule, "file not found", 14) == 0) &&
          (made_of(quoted, in_command) || made_of(to_run(line), in_command)))))
        return says(RP_CLASS_MISSING_COMMAND, "text: no such file, of a bare name");
    return v;
}

/* "Error: null": a program printed a reason that it did not have. */
static bool says_nothing(struct rp_str line)
{
    static const char *const nothing[] = {"null", "undefined", "none", "nil", NULL};
    size_t colon = line.n;
    while (colon > 0 && line.p[colon - 1] != ':')
        colon--;
    struct rp_str head = str_head(line, colon);
    return rp_str_in(rp_str_trim(str_from(line, colon)), nothing) &&
           (colon == 0 || rp_str_is(head, "Error:") || rp_str_is(head, "Caused by:"));
}

/* What a name tells: a key or a variable that is missing and all in capitals is a variable of the
 * environment. */
static struct rp_ruling by_name(struct rp_ruling v, struct rp_str line)
{
    struct rp_str name = quoted_last(line);
    struct rp_str unbound = word_before(line, ": unbound variable");
    if (rp_str_is(rp_str_trim(line), "Terminated")) /* what a shell says of SIGTERM */
        return says(RP_CLASS_KILLED, "text: terminated");
    if (says_nothing(rp_str_trim(line)))
        return says(RP_CLASS_UNKNOWN, "none");
    bool key = rp_str_find(rp_str_of(v.rule), RP_STR("key")) == 0 && name.n > 3;
    if (v.class == RP_CLASS_CODE_BUG &&
        ((key && made_of(name, in_variable)) || (unbound.n > 3 && made_of(unbound, in_variable))))
        return says(RP_CLASS_CONFIG, "text: a key all in capitals");
    if (!rp_class_is_transient(v.class) && v.class != RP_CLASS_CONFIG &&
        rp_line_lacks_variable(line))
        return says(RP_CLASS_CONFIG, "text: a variable in capitals");
    return no_such_file(v, line, name);
}

/* The first of the other lines that says this class; RP_CLASSES_N: any. */
static struct rp_ruling other_line(struct rp_arena *a, struct rp_str text, enum rp_class class)
{
    struct rp_lines l = rp_text_lines(a, text);
    size_t from = l.n > OTHER_LINES_MAX ? l.n - OTHER_LINES_MAX : 0;
    for (size_t i = from; i < l.n && l.n > 1; i++) {
        struct rp_ruling v = says(RP_CLASS_UNKNOWN, "none");
        if (!rp_line_is_frame(l.v[i]))
            v = by_name(by_text(str_head(l.v[i], RP_KEY_LINE_MAX)), l.v[i]);
        if (v.class == class || (class == RP_CLASSES_N && v.class != RP_CLASS_UNKNOWN && !v.weak))
            return v;
    }
    return says(RP_CLASS_UNKNOWN, "none");
}

/* "Killed" says less than "out of memory" beside it, a failed assertion less than the abort that
 * it ended in, and what was cut short less than anything. */
static struct rp_ruling refined(struct rp_arena *a, struct rp_ruling v, struct rp_str text)
{
    struct rp_ruling better = says(RP_CLASS_UNKNOWN, "none");
    if (v.weak)
        better = other_line(a, text, RP_CLASSES_N);
    else if (v.class == RP_CLASS_KILLED || v.class == RP_CLASS_CRASH)
        better = other_line(a, text, RP_CLASS_OOM);
    else if (v.class == RP_CLASS_CODE_BUG && rp_str_find(rp_str_of(v.rule), RP_STR("assert")) == 0)
        better = other_line(a, text, RP_CLASS_CRASH);
    return better.class != RP_CLASS_UNKNOWN ? better : v;
}

struct rp_ruling rp_classify(struct rp_arena *a, const struct rp_failure_facts *f,
                             struct rp_str key_line)
{
    struct rp_ruling v = by_facts(f, key_line);
    bool facts = v.class != RP_CLASS_UNKNOWN,
         lines = memchr(f->message.p != NULL ? f->message.p : "", '\n', f->message.n) != NULL;
    if (!facts)
        v = by_name(by_text(key_line), key_line);
    if (!facts && lines)
        v = v.class == RP_CLASS_UNKNOWN ? other_line(a, f->message, RP_CLASSES_N)
                                        : refined(a, v, f->message);
    if (v.class == RP_CLASS_UNKNOWN)
        v = by_weak_facts(f);
    bool silent = rp_str_is(key_line, "no message") || says_nothing(rp_str_trim(key_line));
    if (v.class == RP_CLASS_UNKNOWN && !silent) {
        v = rp_general_rules_match(key_line);
        v = rp_learned(key_line, v, v.class == RP_CLASS_UNKNOWN ? 0 : LATE_TRUST);
    }
    return v;
}

void rp_fingerprint(struct rp_arena *a, const struct rp_failure_facts *f,
                    struct rp_fingerprint *out)
{
    struct rp_key key = rp_key_line(a, f->message);
    struct rp_ruling v = rp_classify(a, f, key.line);
    const struct rp_class_info *info = &rp_classes[v.class];
    *out = (struct rp_fingerprint){.key = key,
                                   .template = rp_mask(a, key.line),
                                   .class = v.class,
                                   .class_name = info->name,
                                   .group = info->group,
                                   .action = info->action,
                                   .rule = v.rule};
    out->hash = rp_hash64(out->template);
    out->frames_hash = key.frames.p != NULL ? rp_hash64(key.frames) : 0;
}
