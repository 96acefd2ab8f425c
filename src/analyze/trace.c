/* Stack traces as Python, Java, Node, .NET, Ruby and Go print them. */
#include "analyze/internal.h"

enum kind { NO_FRAME, PYTHON, AT, RUBY, GO };
enum { FRAMES_MAX = 3, LOOK_BACK = 10 };

static bool has_number_after(struct rp_str s, const char *needle)
{
    size_t at = rp_str_find(s, rp_str_of(needle)), n = strlen(needle);
    return at != SIZE_MAX && at + n < s.n && is_digit(s.p[at + n]);
}

/* "at pkg.Class.method(File.java:12)", "at f (/app/x.js:1:2)", "at async /app/x.js:1:2",
 * "at A.B.C(String s) in /src/C.cs:line 3", "at <anonymous>". */
static bool at_frame(struct rp_str s)
{
    if (!rp_str_starts(s, "at ") || s.n < 6)
        return false;
    return str_has(s, "(") || str_has(s, "<anonymous>") || str_has(s, ":line ") ||
           (is_digit(s.p[s.n - 1]) && str_has(s, ":"));
}

/* Where ":in `" stands, behind a line number; SIZE_MAX: nowhere. Ruby 3.4 writes :in '. */
static size_t ruby_in(struct rp_str s)
{
    size_t in = rp_str_find(s, RP_STR(":in `"));
    if (in == SIZE_MAX)
        in = rp_str_find(s, RP_STR(":in '"));
    return in != SIZE_MAX && in > 0 && is_digit(s.p[in - 1]) ? in : SIZE_MAX;
}

/* "<tab>/src/main.go:12 +0x1d": the lines of `go test` are indented too, but name no path. */
static bool go_frame(struct rp_str raw, struct rp_str s)
{
    return raw.n > s.n && (s.p[0] == '/' || str_has(s, " +0x")) && has_number_after(s, ".go:");
}

static enum kind kind_of(struct rp_str raw)
{
    struct rp_str s = rp_trace_inside(raw);
    if (rp_str_starts(s, "File \"") && has_number_after(s, "\", line "))
        return PYTHON;
    if (at_frame(s))
        return AT;
    if (ruby_in(s) != SIZE_MAX)
        return RUBY;
    return go_frame(raw, s) ? GO : NO_FRAME;
}

bool rp_line_is_frame(struct rp_str line)
{
    return kind_of(line) != NO_FRAME;
}

/* Lines that stand between the frames of one trace. */
static bool between_frames(struct rp_str raw)
{
    struct rp_str s = rp_trace_inside(raw);
    return rp_str_starts(s, "... ") || rp_str_starts(s, "--- End of");
}

/* ---- own frames ---- */

/* Where runtimes and installed libraries live: what is not there is the user's own. */
static const char *const foreign[] = {"site-packages/",
                                      "dist-packages/",
                                      "/lib/python",
                                      "<frozen",
                                      "node:",
                                      "node_modules/",
                                      "(internal/",
                                      "at java.",
                                      "at javax.",
                                      "at jdk.",
                                      "at sun.",
                                      "at com.sun.",
                                      "at java.base/",
                                      "at jakarta.",
                                      "at kotlin.",
                                      "at scala.",
                                      "at org.springframework.",
                                      "at org.apache.",
                                      "at org.hibernate.",
                                      "at org.junit.",
                                      "at io.netty.",
                                      "at System.",
                                      "at Microsoft.",
                                      "/gems/",
                                      "/lib/ruby/",
                                      "<internal:",
                                      "/usr/local/go/src/",
                                      "/go/src/runtime/",
                                      "/pkg/mod/",
                                      "/vendor/",
                                      "<anonymous>",
                                      NULL};

static bool own(struct rp_str frame)
{
    for (const char *const *f = foreign; *f != NULL; f++)
        if (str_has(frame, *f))
            return false;
    return true;
}

static struct rp_str base_name(struct rp_str path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/' || path.p[i - 1] == '\\')
            return str_from(path, i);
    return path;
}

/* Up to (not including) the first of the bytes. */
static struct rp_str until(struct rp_str s, const char *stops)
{
    size_t i = 0;
    while (i < s.n && !one_of(s.p[i], stops))
        i++;
    return str_head(s, i);
}

static struct rp_str after(struct rp_str s, const char *needle)
{
    size_t at = rp_str_find(s, rp_str_of(needle));
    return at == SIZE_MAX ? RP_STR("") : str_from(s, at + strlen(needle));
}

struct frame {
    struct rp_str file, function;
};

static struct frame python_frame(struct rp_str s)
{
    return (struct frame){base_name(until(after(s, "File \""), "\"")),
                          until(after(s, ", in "), " \t")};
}

/* "[WARN: ][from ]/srv/app/job.rb:12:in `run'" */
static struct frame ruby_frame_parts(struct rp_str s)
{
    size_t in = ruby_in(s), end = in;
    while (end > 0 && (is_digit(s.p[end - 1]) || s.p[end - 1] == ':'))
        end--;
    size_t from = end;
    while (from > 0 && !is_blank(s.p[from - 1]))
        from--;
    return (struct frame){base_name((struct rp_str){s.p + from, end - from}),
                          until(str_from(s, in + 5), "'")};
}

/* Java and .NET write the place after the function, Node's place is a path with line:column. */
static struct frame at_frame_parts(struct rp_str s)
{
    s = str_from(s, 3);
    if (rp_str_starts(s, "async "))
        s = str_from(s, 6);
    struct rp_str place = after(s, ") in "), function = rp_str_trim(until(s, "("));
    if (place.n == 0)
        place = after(s, "(");
    if (place.n == 0) { /* Node's anonymous function: only a place */
        place = s;
        function = RP_STR("");
    }
    return (struct frame){until(base_name(place), ":)"), function};
}

/* The function stands on the line before its place, with its arguments. */
static struct frame go_frame_parts(struct rp_str place, struct rp_str call)
{
    size_t open = call.n;
    while (open > 0 && call.p[open - 1] != '(')
        open--;
    return (struct frame){until(base_name(until(place, " ")), ":"),
                          base_name(str_head(call, open > 0 ? open - 1 : call.n))};
}

static struct frame frame_at(const struct rp_lines *l, size_t i, enum kind kind)
{
    struct rp_str s = rp_trace_inside(l->v[i]);
    switch (kind) {
    case PYTHON:
        return python_frame(s);
    case RUBY:
        return ruby_frame_parts(s);
    case GO:
        return go_frame_parts(s, i > 0 ? rp_trace_inside(l->v[i - 1]) : RP_STR(""));
    default:
        return at_frame_parts(s);
    }
}

static size_t add_frames(struct rp_buf *b, const struct rp_lines *l, size_t from, size_t to,
                         enum kind kind, bool any)
{
    size_t found = 0;
    for (size_t k = 0; k < to - from && found < FRAMES_MAX; k++) {
        size_t i = kind == PYTHON ? to - 1 - k : from + k; /* Python: nearest to the throw last */
        if (kind_of(l->v[i]) != kind || (!any && !own(rp_trace_inside(l->v[i]))))
            continue;
        struct frame f = frame_at(l, i, kind);
        rp_buf_fmt(b, "%s%.*s:%.*s", found > 0 ? " < " : "", RP_FMT(str_head(f.file, 100)),
                   RP_FMT(str_head(f.function, 100)));
        found++;
    }
    return found;
}

static struct rp_str frames_of(struct rp_arena *a, const struct rp_lines *l, size_t from, size_t to,
                               enum kind kind)
{
    struct rp_buf b = {.limit = 1000};
    /* A cause deep in a library has none: those of what it caused say where it was called. */
    if (add_frames(&b, l, from, to, kind, false) == 0 && add_frames(&b, l, 0, to, kind, false) == 0)
        add_frames(&b, l, from, to, kind, true);
    struct rp_str s = rp_str_dup(a, rp_buf_view(&b));
    rp_buf_free(&b);
    return s;
}

/* ---- the exception's line ---- */

/* Length of a type name such as java.lang.Foo, Foo::Bar, foo.BarError that ends in ':' or stands
 * alone; 0 if the line does not begin with one. Only names that look like types count. */
static size_t type_name(struct rp_str s)
{
    static const char *const ends[] = {"Error",   "Exception", "Warning", "Interrupt", "Exit",
                                       "Failure", "Fault",     "Timeout", "Errno",     NULL};
    size_t n = 0;
    while (n < s.n && (is_alnum(s.p[n]) || one_of(s.p[n], "._$:")))
        n++;
    while (n > 0 && s.p[n - 1] == ':')
        n--;
    if (n == 0 || !is_alpha(s.p[0]) || (n < s.n && !one_of(s.p[n], ": ([")))
        return 0;
    for (const char *const *e = ends; *e != NULL; e++)
        if (rp_str_ends(str_head(s, n), *e))
            return n;
    return 0;
}

static bool skip(struct rp_str *s, const char *prefix)
{
    bool hit = rp_str_starts(*s, prefix);
    if (hit)
        *s = rp_trace_inside(str_from(*s, strlen(prefix)));
    return hit;
}

static struct rp_str last_part(struct rp_str s, const char *sep)
{
    for (struct rp_str rest = after(s, sep); rest.n > 0; rest = after(s, sep))
        s = rest;
    return s;
}

/* Takes away what runtimes put before the exception. */
static struct rp_str bare(struct rp_str s)
{
    static const char *const prefixes[] = {"Caused by: ",
                                           "Uncaught ",
                                           "Unhandled exception. ",
                                           "Unhandled Exception: ",
                                           "[cause]: ",
                                           "cause: ",
                                           "---> ",
                                           NULL};
    s = rp_trace_inside(s);
    if (rp_str_starts(s, "Exception in thread \"")) {
        struct rp_str rest = after(str_from(s, 21), "\" ");
        s = rest.n > 0 ? rest : s;
    }
    for (const char *const *p = prefixes; *p != NULL; p++)
        (void)skip(&s, *p);
    struct rp_str node = after(s, "UnhandledPromiseRejectionWarning: ");
    if (node.n > 0)
        s = node;
    return rp_str_trim(last_part(s, " ---> "));
}

bool rp_line_starts_trace(struct rp_str line)
{
    return str_has(line, "Traceback (most recent call last)") || type_name(bare(line)) > 0 ||
           rp_str_starts(line, "Caused by: ") || rp_str_starts(line, "panic: ") ||
           rp_str_starts(line, "The above exception was") ||
           rp_str_starts(line, "During handling of the above") || rp_line_is_frame(line);
}

/* The nearest line above that begins with a type, else the one right above the frames. */
static struct rp_str header_above(const struct rp_lines *l, size_t frame)
{
    for (size_t k = 1; k <= LOOK_BACK && k <= frame; k++) {
        struct rp_str s = bare(l->v[frame - k]);
        if (rp_line_is_frame(l->v[frame - k]))
            break;
        if (type_name(s) > 0)
            return s;
    }
    return bare(l->v[frame - 1]);
}

static bool read_at(struct rp_arena *a, const struct rp_lines *l, size_t last, struct rp_key *out)
{
    size_t first = last;
    while (first > 0 && (kind_of(l->v[first - 1]) == AT || between_frames(l->v[first - 1])))
        first--;
    if (first == 0)
        return false;
    out->line = header_above(l, first);
    out->frames = frames_of(a, l, first, last + 1, AT);
    return true;
}

/* The exception is the first line after the frames that is indented less than they are. */
static bool read_python(struct rp_arena *a, const struct rp_lines *l, size_t last,
                        struct rp_key *out)
{
    size_t depth = rp_trace_depth(l->v[last]), i = last + 1;
    while (i < l->n && rp_trace_depth(l->v[i]) >= depth)
        i++;
    if (i == l->n)
        return false;
    size_t first = last;
    while (first > 0 && rp_trace_depth(l->v[first - 1]) >= depth)
        first--;
    out->line = rp_trace_inside(l->v[i]);
    out->frames = frames_of(a, l, first, last + 1, PYTHON);
    return true;
}

/* "x.rb:1:in `f': message (Class)" becomes "Class: message". */
static bool ruby_head(struct rp_arena *a, struct rp_str s, struct rp_str *out)
{
    size_t at = rp_str_find(s, RP_STR("': "));
    if (at == SIZE_MAX)
        return false;
    struct rp_str message = str_from(s, at + 3);
    size_t open = message.n;
    while (open > 0 && message.p[open - 1] != '(')
        open--;
    *out = message;
    if (open < 2 || !rp_str_ends(message, ")"))
        return true;
    *out = rp_str_fmt(a, "%.*s: %.*s", (int)(message.n - open - 1), message.p + open,
                      (int)(open - 2), message.p);
    return true;
}

static bool read_ruby(struct rp_arena *a, const struct rp_lines *l, size_t last, struct rp_key *out)
{
    size_t first = last;
    while (first > 0 && kind_of(l->v[first - 1]) == RUBY)
        first--;
    out->frames = frames_of(a, l, first, last + 1, RUBY);
    if (ruby_head(a, l->v[first], &out->line))
        return true;
    for (size_t k = 1; k <= LOOK_BACK && k <= first; k++) /* a message of several lines */
        if (kind_of(l->v[first - k]) == RUBY && ruby_head(a, l->v[first - k], &out->line))
            return true;
    if (first == 0)
        return false;
    out->line = header_above(l, first);
    return true;
}

static bool read_go(struct rp_arena *a, const struct rp_lines *l, size_t last, struct rp_key *out)
{
    size_t head = SIZE_MAX, first = 0;
    for (size_t i = 0; i <= last; i++) {
        struct rp_str s = rp_trace_inside(l->v[i]);
        if (rp_str_starts(s, "panic: ") || rp_str_starts(s, "fatal error: "))
            head = i;
        if (head != SIZE_MAX && rp_str_starts(s, "goroutine ") && first <= head)
            first = i; /* the first goroutine after the panic is the one that panicked */
    }
    if (head == SIZE_MAX)
        return false;
    size_t to = first + 1;
    while (to <= last && !rp_str_starts(l->v[to], "goroutine "))
        to++;
    out->line = rp_trace_inside(l->v[head]);
    for (size_t at; rp_str_ends(out->line, "]") && /* "[recovered, repanicked]" since Go 1.23 */
                    (at = rp_str_find(out->line, RP_STR(" [recovered"))) != SIZE_MAX;)
        out->line.n = at;
    out->frames = frames_of(a, l, first, to, GO);
    return true;
}

static size_t last_frame(const struct rp_lines *l)
{
    size_t n = l->n;
    while (n > 0 && kind_of(l->v[n - 1]) == NO_FRAME)
        n--;
    return n;
}

bool rp_trace_read(struct rp_arena *a, const struct rp_lines *lines, struct rp_key *out)
{
    if (last_frame(lines) == 0)
        return false;
    struct rp_lines own_lines = rp_trace_own_lines(a, lines);
    const struct rp_lines *l = &own_lines;
    size_t last = last_frame(l);
    if (last == 0) {
        l = lines;
        last = last_frame(l);
    }
    switch (kind_of(l->v[last - 1])) {
    case PYTHON:
        return read_python(a, l, last - 1, out);
    case RUBY:
        return read_ruby(a, l, last - 1, out);
    case GO:
        return read_go(a, l, last - 1, out);
    default:
        return read_at(a, l, last - 1, out);
    }
}
