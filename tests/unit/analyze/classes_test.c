/* Classes of failures: the shared labelled messages, a set of our own (failures.tsv), facts. */
#include "analyze/internal.h"
#include "names.h"
#include "train/labelled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static enum rp_class classify(const char *message)
{
    return labelled_classify(message);
}

static void one(void *ctx, const struct labelled *l)
{
    enum rp_class got = labelled_classify(l->message);
    labelled_count(ctx, l->class, got);
    if (got != l->class)
        print_message("  %s, not %s: %s\n", rp_classes[got].name, rp_classes[l->class].name,
                      l->message);
}

/* unsafe: how many that must be fixed first may be taken for what is replayed as it is. */
static void scores(const char *path, double accuracy, double recall, size_t unsafe)
{
    struct labelled_score s = {0};
    if (access(path, R_OK) != 0) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_true(labelled_read(path, one, &s));
    print_message("%zu of %zu right (%.3f), macro recall %.3f, unsafe %zu\n", s.right, s.n,
                  labelled_accuracy(&s), labelled_macro_recall(&s), s.unsafe);
    assert_true(labelled_accuracy(&s) >= accuracy);
    assert_true(labelled_macro_recall(&s) >= recall);
    assert_true(s.unsafe <= unsafe);
}

static void scores_are(const char *path, double accuracy, double recall)
{
    scores(path, accuracy, recall, 0);
}

static void the_shared_labelled_messages_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_SHARED "/data/failures/messages.tsv", .97, .95);
}

static void messages_of_well_known_software_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures.tsv", .97, .95);
}

/* Taken from the sources that the last column names (documentation, source, threads), labelled
 * before the rules were tried on them: then .879 right (products a job commonly uses) and .775
 * (others). Now that the rules know them, they say only that nothing gets lost. */
static void messages_from_the_sources_of_many_products_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_sources.tsv", .97, .95);
}

/* What programs of Debian print when they are made to fail, and threads on GitHub. When first
 * tried, .849 of the first 146 were right; of the other 165, written after the rules knew those,
 * .855. */
static void messages_as_programs_print_them_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_printed.tsv", .96, .94);
}

/* Messages of catalogue after catalogue, labelled before the rules were tried on them. What was
 * right at first try, in the file's order: .63 .78 .89 .79 .66 .81 .78 .78 .78 .63 .90 .86 .77 .79
 * .76 .81 .90 .80 .96 .70 .97 (the rules of before them: .63 .79 .90 .79 .63 .77 .74 .74 .68 .92
 * .85 .77 .64 .70 .69 .65 .91 .70 .97 .58 .94). */
static void messages_of_catalogue_after_catalogue_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_catalogues.tsv", .97, .95);
}

/* What products say, written down by knowledge of them: when first tried, .92 of what languages and
 * their libraries raise were right, .81 of what schedulers, clouds, clusters and databases say, .80
 * of what tools, services and data platforms do; .70 of phrases for classes that were weak then,
 * .88 of a last round. Hardly a rule was made for one of these: words learned from them. */
static void messages_of_products_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_products.tsv", .91, .92);
}

/* From threads and sources, each labelled twice: when first tried .81 were right, of the classifier
 * of before this list and that of products .76. */
static void messages_of_threads_and_sources_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_threads.tsv", .9, .9);
}

/* Strings of the source of programs, filled in, and threads: in the words of people who write an
 * application. Labelled before the rules were tried on them: .81 were right at first. What general
 * rules one half led to made .85 of the other right, which nobody had looked at by then. */
static void messages_in_the_words_of_applications_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_strings.tsv", .9, .89);
}

/* Threads, questions, documentation and strings of source, held out from the rules of before them,
 * of which .924, .909 and .890 were right at first try; and what many kinds of programs print, in
 * rounds by knowledge of them: .956 of what is most common, .874 of a mixture as jobs log it, .784
 * of what data platforms, clusters, CI, backups and business software say, .913 of a last mixture.
 */
static void messages_from_the_field_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_field.tsv", .93, .93);
}

/* What jobs said in some 1,600 threads on GitHub: of operations, of applications, of anything else
 * that runs in the background, each labelled by one of three readers. Nothing is learned from these
 * and no rule was made for one of them; what shares three fifths of its runs of three words with a
 * message of the other lists was left out. They tell how well messages are classified that nobody
 * here has seen: .876, .900 and .878 at first try. */
static void messages_of_threads_that_nothing_was_learned_from_get_their_classes(void **state)
{
    (void)state;
    scores(RP_TESTS "/unit/analyze/unlearned_operations.tsv", .865, .875, 2);
    scores(RP_TESTS "/unit/analyze/unlearned_applications.tsv", .89, .895, 2);
    scores(RP_TESTS "/unit/analyze/unlearned_background.tsv", .865, .9, 2);
}

/* Written and labelled after the rules, which are not to be changed for the sake of one of these:
 * when they are, write new ones. */
static void messages_that_the_rules_were_not_made_with_get_their_classes(void **state)
{
    (void)state;
    scores_are(RP_TESTS "/unit/analyze/failures_held.tsv", .92, .9);
}

static void codes_of_databases_and_grpc_are_read_where_the_line_says_whose_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum rp_class class;
    } cases[] = {
        {"ERROR 1213 (40001): x", RP_CLASS_DB_CONFLICT},
        {"(1062, 'x')", RP_CLASS_UNIQUE},
        {"SQLSTATE[HY000] [2002] x", RP_CLASS_CONNECTION},
        {"SQLSTATE[23000]: x: 1062 y", RP_CLASS_UNIQUE},
        {"x (SQLSTATE 40001)", RP_CLASS_DB_CONFLICT},
        {"SQLState: 08006", RP_CLASS_CONNECTION},
        {"ORA-00060: x", RP_CLASS_DB_CONFLICT},
        {"ORA-01653: x", RP_CLASS_DISK_FULL},
        {"rpc error: code = AlreadyExists desc = x", RP_CLASS_UNIQUE},
        {"StatusCode.PERMISSION_DENIED", RP_CLASS_AUTH},
        {"5 NOT_FOUND: x", RP_CLASS_MISSING_FILE},
        {"order 1213 is odd", RP_CLASS_UNKNOWN},
        {"(1062, 7)", RP_CLASS_UNKNOWN},
        {"ORA-0006", RP_CLASS_UNKNOWN},
        {"ORA-", RP_CLASS_UNKNOWN},
        {"SQLSTATE[", RP_CLASS_UNKNOWN},
        {"SQLSTATE", RP_CLASS_UNKNOWN},
        {"code = ", RP_CLASS_UNKNOWN},
        {"HTTP/1.1 503", RP_CLASS_HTTP_5XX},
        {"status code: 429", RP_CLASS_RATE_LIMIT},
        {"returned 403 x", RP_CLASS_AUTH},
        {"row 503 and 401 more", RP_CLASS_UNKNOWN},
        {"code, 503", RP_CLASS_UNKNOWN},
        {"550 5.1.1 x", RP_CLASS_BAD_PAYLOAD},
        {"(535, b'5.7.8 x", RP_CLASS_AUTH},
        {"421-4.7.0 x", RP_CLASS_RATE_LIMIT},
        {"version 5.1.1", RP_CLASS_UNKNOWN},
        {"550 5.", RP_CLASS_UNKNOWN},
        {"status 5", RP_CLASS_UNKNOWN},
        {"5 NO", RP_CLASS_UNKNOWN},
        {"12 ", RP_CLASS_UNKNOWN},
        {"SQLSTATE[23000]: x: 19 columns a, b are not unique", RP_CLASS_UNIQUE},
        {"SQLSTATE[HY000] [2002] getaddrinfo failed", RP_CLASS_UNKNOWN},
        {"API error. - (401)", RP_CLASS_AUTH},
        {"rows read (401 of 503)", RP_CLASS_UNKNOWN},
        {"429 Request rate is large", RP_CLASS_RATE_LIMIT},
        {"(401)", RP_CLASS_UNKNOWN},
        {"The requested URL returned error: 403", RP_CLASS_AUTH},
        {"error: 403", RP_CLASS_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rp_codes_match(rp_str_of(cases[i].line)).class != cases[i].class)
            fail_msg("%s", cases[i].line);
}

static void a_name_tells_a_command_from_a_file_and_a_variable_from_a_key(void **state)
{
    (void)state;
    assert_int_equal(classify("FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'"),
                     RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("FileNotFoundError: [Errno 2] No such file or directory: 'in.csv'"),
                     RP_CLASS_MISSING_FILE);
    assert_int_equal(classify("KeyError: 'DATABASE_URL'"), RP_CLASS_CONFIG);
    assert_int_equal(classify("KeyError: 'events'"), RP_CLASS_CODE_BUG);
    assert_int_equal(classify("KeyError: key not found: \"DATABASE_URL\""), RP_CLASS_CONFIG);
    assert_int_equal(classify("run.sh: line 3: S3_BUCKET: unbound variable"), RP_CLASS_CONFIG);
    assert_int_equal(classify("run.sh: line 3: total: unbound variable"), RP_CLASS_CODE_BUG);
    assert_int_equal(classify("make: gcc: No such file or directory"), RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("make: x/Makefile: No such file or directory"),
                     RP_CLASS_MISSING_FILE);
    assert_int_equal(classify("env: node: No such file or directory"), RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("wget: not found"), RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("in.csv: not found"), RP_CLASS_MISSING_FILE);
    assert_int_equal(classify("Errno::ENOENT: No such file or directory - convert"),
                     RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("raise child_exception_type(errno_num)\nFileNotFoundError: [Errno 2] "
                              "No such file or directory: 'ffmpeg'"),
                     RP_CLASS_MISSING_COMMAND);
    assert_int_equal(classify("app/.env: No such file or directory"), RP_CLASS_MISSING_FILE);
    assert_int_equal(classify("Terminated"), RP_CLASS_KILLED);
}

static void a_variable_that_is_missing_is_a_setting_whatever_its_name(void **state)
{
    (void)state;
    static const char *const variables[] = {
        "ANTHROPIC_API_KEY is required for this operation but is not set",
        "AUTH_TOKEN must be set",
        "Error: 'CLIENT_CERT_FILE' environment variable cannot be null",
        "missing required environment variables: DB_PASSWORD, SMTP_HOST",
        "Env var required but not provided: env var 'DBT_PASSWORD'",
        "Please set TLS_CERT_PATH",
    };
    static const char *const others[] = {
        "Column 'ORDER_ID' cannot be null",
        "PERMISSION_DENIED: caller",
        "NOT_FOUND",
        "A_",
        "_",
        "",
        "invalid value of field AUTH_TOKEN is required",
    };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        if (!rp_line_lacks_variable(rp_str_of(variables[i])))
            fail_msg("%s", variables[i]);
        assert_int_equal(classify(variables[i]), RP_CLASS_CONFIG);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (rp_line_lacks_variable(rp_str_of(others[i])))
            fail_msg("%s", others[i]);
}

static void what_another_line_says_better_is_taken(void **state)
{
    (void)state;
    assert_int_equal(classify("Killed process 3142 (java)\nOut of memory: score 912"),
                     RP_CLASS_OOM);
    assert_int_equal(classify("a.cc:61: void Foo(): Assertion `x' failed.\nAborted (core dumped)"),
                     RP_CLASS_CRASH);
    assert_int_equal(classify("Error: it went wrong\nconnect ECONNREFUSED 10.0.0.1:5432"),
                     RP_CLASS_CONNECTION);
}

static void expect(struct rp_failure_facts f, enum rp_class want)
{
    struct rp_arena a = {0};
    struct rp_fingerprint out;
    rp_fingerprint(&a, &f, &out);
    assert_string_equal(out.class_name, rp_classes[want].name);
    assert_string_equal(out.action, rp_classes[want].action);
    assert_true(strlen(out.rule) > 0);
    rp_arena_free(&a);
}

static void facts_beat_text(void **state)
{
    (void)state;
    const struct rp_str refused = RP_STR("connect ECONNREFUSED 10.0.0.1:5432");
    expect((struct rp_failure_facts){.message = refused}, RP_CLASS_CONNECTION);
    expect((struct rp_failure_facts){.message = refused, .timed_out = true}, RP_CLASS_TIMEOUT);
    expect((struct rp_failure_facts){.message = refused, .oom = true, .exit_code = 137},
           RP_CLASS_OOM);
    expect((struct rp_failure_facts){.message = refused, .exit_code = 127},
           RP_CLASS_MISSING_COMMAND);
    expect((struct rp_failure_facts){.message = refused, .exit_code = 139}, RP_CLASS_CRASH);
    expect((struct rp_failure_facts){.message = refused, .signal = 11}, RP_CLASS_CRASH);
    expect((struct rp_failure_facts){.message = refused, .http_status = 429}, RP_CLASS_RATE_LIMIT);
    expect((struct rp_failure_facts){.message = refused, .sqlstate = RP_STR("40P01")},
           RP_CLASS_DB_CONFLICT);
    expect((struct rp_failure_facts){.message = refused, .sqlstate = RP_STR("23505")},
           RP_CLASS_UNIQUE);
    expect((struct rp_failure_facts){.message = refused, .worker_lost = true},
           RP_CLASS_WORKER_LOST);
    expect((struct rp_failure_facts){.contract = RP_STR("expected output, saw none")},
           RP_CLASS_CONTRACT);
}

static void weak_facts_speak_only_when_the_text_does_not(void **state)
{
    (void)state;
    expect((struct rp_failure_facts){.signal = 9}, RP_CLASS_KILLED);
    expect((struct rp_failure_facts){.exit_code = 143}, RP_CLASS_KILLED);
    expect((struct rp_failure_facts){.message = RP_STR("JavaScript heap out of memory"),
                                     .exit_code = 137},
           RP_CLASS_OOM);
    expect((struct rp_failure_facts){.exit_code = 78}, RP_CLASS_CONFIG);
    expect((struct rp_failure_facts){.exit_code = 1}, RP_CLASS_UNKNOWN);
    expect((struct rp_failure_facts){0}, RP_CLASS_UNKNOWN);
}

static void an_abort_after_heap_exhaustion_is_out_of_memory(void **state)
{
    (void)state;
    struct rp_str heap = RP_STR("FATAL ERROR: Reached heap limit Allocation failed - JavaScript "
                                "heap out of memory");
    expect((struct rp_failure_facts){.message = heap, .exit_code = 134}, RP_CLASS_OOM);
    expect((struct rp_failure_facts){.message = RP_STR("aborting"), .exit_code = 134},
           RP_CLASS_CRASH);
}

static void other_lines_speak_when_the_key_line_does_not(void **state)
{
    (void)state;
    assert_int_equal(classify("Task failed\nsee below\nconnect ECONNREFUSED 10.0.0.1:5432"),
                     RP_CLASS_CONNECTION);
}

static void words_are_anchored(void **state)
{
    (void)state;
    assert_int_equal(classify("ModuleNotFoundError: x"), RP_CLASS_MISSING_MODULE);
    assert_int_equal(classify("unkilledness was reached"), RP_CLASS_UNKNOWN);
    assert_int_equal(classify("wrote 503 rows and 401 files"), RP_CLASS_UNKNOWN);
}

/* The phrase as text: gaps and digits filled in. */
static struct rp_str instance(const char *phrase, char out[200])
{
    size_t n = 0;
    for (; *phrase != '\0'; phrase++)
        if (*phrase == '*')
            n += (size_t)snprintf(out + n, 200 - n, " 7 ");
        else if (*phrase == '~' && n > 0 && out[n - 1] == ' ')
            out[n++] = 'x';
        else if (*phrase != '~')
            out[n++] = *phrase == '#' ? '5' : *phrase;
    return (struct rp_str){out, n};
}

static struct rp_ruling name_rules_match(struct rp_str line)
{
    unsigned weight = 0;
    return rp_name_rules_match(line, &weight);
}

struct tier {
    struct rp_ruling (*match)(struct rp_str line);
    size_t phrases;
};

static void phrase_is_found(void *ctx, const char *phrase)
{
    struct tier *tier = ctx;
    char text[200];
    phrase += *phrase == '!' || *phrase == '?';
    bool ok = is_alnum(phrase[0]) && (is_alnum(phrase[1]) || one_of(phrase[1], " #")) &&
              strchr(phrase, '<') == NULL &&
              tier->match(instance(phrase, text)).class != RP_CLASS_UNKNOWN;
    for (const char *c = phrase; *c != '\0'; c++)
        ok = ok && !is_upper(*c);
    if (!ok)
        fail_msg("%s", phrase);
    tier->phrases++;
}

static size_t phrases_are_found(const struct rp_rule *rules,
                                struct rp_ruling (*match)(struct rp_str))
{
    struct tier tier = {match, 0};
    for (; rules->any != NULL; rules++)
        for (const char *const *p = rules->any; *p != NULL; p++) {
            size_t before = tier.phrases;
            rp_phrase_expand(*p, phrase_is_found, &tier);
            if (tier.phrases == before)
                fail_msg("no such group of words: %s", *p);
        }
    return tier.phrases;
}

static void every_phrase_is_well_formed_and_found(void **state)
{
    (void)state;
    size_t names = 0;
    for (size_t i = 0; rp_name_tables[i] != NULL; i++)
        names += phrases_are_found(rp_name_tables[i], name_rules_match);
    print_message("%zu names, %zu phrases, %zu shapes, %zu late ones, %zu general ones\n", names,
                  phrases_are_found(rp_rules, rp_rules_match),
                  phrases_are_found(rp_shape_rules, rp_shape_rules_match),
                  phrases_are_found(rp_late_rules, rp_late_rules_match),
                  phrases_are_found(rp_general_rules, rp_general_rules_match));
}

/* Of a line that no rule knows only its words speak, and none where they say nothing. */
static void words_speak_where_rules_do_not(void **state)
{
    (void)state;
    const struct rp_ruling none = {RP_CLASS_UNKNOWN, "none", false},
                           weak = {RP_CLASS_CODE_BUG, "unexpected", false};
    assert_int_equal(rp_learned(RP_STR("refused: refused by host"), none, 0).class,
                     RP_CLASS_CONNECTION);
    assert_int_equal(rp_learned(RP_STR("xyzzy plugh"), none, 0).class, RP_CLASS_UNKNOWN);
    assert_int_equal(rp_learned(RP_STR(""), weak, 1).class, RP_CLASS_CODE_BUG);
    assert_int_equal(rp_learned(RP_STR("refused: refused by host"), weak, 1).class,
                     RP_CLASS_CONNECTION);
    assert_int_equal(rp_learned(RP_STR("refused: refused by host"), weak, 1000).class,
                     RP_CLASS_CODE_BUG);
}

/* As learned.tsv writes it. */
static bool has_feature(const char *line, const char *text)
{
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    uint64_t hash = rp_feature_hash(rp_str_of(text));
    rp_words(&w, rp_str_of(line));
    for (size_t i = rp_features(&w, f); i > 0; i--)
        if (f[i - 1].hash == hash)
            return true;
    return false;
}

/* Words, their beginnings, pairs of them, and numbers that a word says to be codes; versions, ids
 * and other numbers are none. */
static void a_line_is_known_by_its_words_pairs_and_codes(void **state)
{
    (void)state;
    const char *line = "NotFoundError: exit code 137, x509 of job 17 in a7f3c and v1.22";
    static const char *const there[] = {"*",        "not",  "found", "not found", "exit code",
                                        "code 137", "x509", "job",   "and"};
    static const char *const absent[] = {"17", "137", "a7f3c", "job 17", "job in",
                                         "v1", "22",  "v1 22", "and v1", "137 x509"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!has_feature(line, there[i]))
            fail_msg("%s", there[i]);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        if (has_feature(line, absent[i]))
            fail_msg("%s", absent[i]);
    assert_true(has_feature("a connection was refused", "conne~"));
    assert_true(has_feature("a connection was refused", "refus~"));
    assert_false(has_feature("a reset came", "reset~"));
    assert_false(has_feature("error1042 came", "error~"));
    assert_true(has_feature("--retries must be positive", "--"));
    assert_false(has_feature("a -- b, c--d, ---e", "--"));
    assert_true(has_feature("error in /etc/jobs.conf: x", ".conf"));
    assert_true(has_feature("app.yaml", ".conf"));
    assert_false(has_feature("in.csv. conf is . yaml", ".conf"));
}

/* More words than there is room for: those that come first. */
static void a_line_of_many_words_is_known_by_the_first(void **state)
{
    (void)state;
    char line[RP_KEY_LINE_MAX] = "", *end = line;
    for (char c = 'a'; end + 5 < line + sizeof line; c = c == 'z' ? 'a' : (char)(c + 1))
        end += snprintf(end, 6, "%c%c ", c, 'a' + (int)(end - line) % 26);
    struct rp_words w;
    struct rp_feature f[RP_FEATURES_MAX];
    rp_words(&w, rp_str_of(line));
    assert_true(rp_features(&w, f) <= RP_FEATURES_MAX);
    assert_true(has_feature(line, "aa"));
}

static void what_says_the_same_is_one_to_the_rules(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Couldn't open it", "cannot open it"},
        {"FailedToOpen: it doesn't exist", "cannotopen: it does not exist"},
        {"was unable to open", "was cannot open"},
        {"could not be found", "not found"},
        {"unauthorised", "unauthorized"},
        {"cannot be", "cannot be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_words w;
        rp_words(&w, rp_str_of(cases[i][0]));
        assert_string_equal(w.low, cases[i][1]);
    }
    char longest[RP_KEY_LINE_MAX + 1] = "", *end = longest;
    while (end + 6 < longest + RP_KEY_LINE_MAX) /* each grows by one: cut, not overrun */
        end = stpcpy(end, "can't ");
    struct rp_words w;
    rp_words(&w, rp_str_of(longest));
    assert_int_equal(w.n, RP_KEY_LINE_MAX);
}

/* Whom, where or what a message is about does not say what kind of failure it is: names of
 * companies, customers, hosts, people and places as systems have them, in sentences of which words
 * alone decide, some of them barely. */
static enum rp_class classify_named(const char *sentence, const char *name, char line[200])
{
    const char *hole = strstr(sentence, "{}");
    assert_non_null(hole);
    (void)snprintf(line, 200, "%.*s%s%s", (int)(hole - sentence), sentence, name, hole + 2);
    return classify(line);
}

static void a_name_in_a_sentence_does_not_change_its_class(void **state)
{
    (void)state;
    for (size_t s = 0; named_sentences[s] != NULL; s++) {
        char line[200];
        enum rp_class of_nobody = classify_named(named_sentences[s], "qzxv", line);
        for (size_t i = 0; some_names[i] != NULL; i++) {
            enum rp_class got = classify_named(named_sentences[s], some_names[i], line);
            if (got != of_nobody)
                fail_msg("%s, not %s: %s", rp_classes[got].name, rp_classes[of_nobody].name, line);
        }
    }
}

/* Nor does which row, job or page it is, as long as nothing says that the number is a code. */
static void a_number_in_a_sentence_does_not_change_its_class(void **state)
{
    (void)state;
    for (size_t s = 0; named_sentences[s] != NULL; s++) {
        char line[200], number[12];
        enum rp_class of_nobody = classify_named(named_sentences[s], "4711", line);
        for (int n = 0; n < 400; n++) {
            (void)snprintf(number, sizeof number, "%d", n);
            if (classify_named(named_sentences[s], number, line) != of_nobody)
                fail_msg("not %s: %s", rp_classes[of_nobody].name, line);
        }
    }
}

static void no_class_that_needs_a_fix_says_replay_now(void **state)
{
    (void)state;
    for (int c = 0; c < RP_CLASSES_N; c++) {
        const struct rp_class_info *i = &rp_classes[c];
        bool now = strncmp(i->action, "replay", 6) == 0 || strncmp(i->action, "retry", 5) == 0;
        assert_int_equal(now, rp_class_is_transient((enum rp_class)c));
        if (rp_class_needs_fix((enum rp_class)c))
            assert_false(now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shared_labelled_messages_get_their_classes),
        cmocka_unit_test(messages_of_well_known_software_get_their_classes),
        cmocka_unit_test(messages_from_the_sources_of_many_products_get_their_classes),
        cmocka_unit_test(messages_as_programs_print_them_get_their_classes),
        cmocka_unit_test(messages_of_catalogue_after_catalogue_get_their_classes),
        cmocka_unit_test(messages_of_products_get_their_classes),
        cmocka_unit_test(messages_of_threads_and_sources_get_their_classes),
        cmocka_unit_test(messages_in_the_words_of_applications_get_their_classes),
        cmocka_unit_test(messages_from_the_field_get_their_classes),
        cmocka_unit_test(messages_of_threads_that_nothing_was_learned_from_get_their_classes),
        cmocka_unit_test(messages_that_the_rules_were_not_made_with_get_their_classes),
        cmocka_unit_test(codes_of_databases_and_grpc_are_read_where_the_line_says_whose_they_are),
        cmocka_unit_test(a_name_tells_a_command_from_a_file_and_a_variable_from_a_key),
        cmocka_unit_test(a_variable_that_is_missing_is_a_setting_whatever_its_name),
        cmocka_unit_test(what_another_line_says_better_is_taken),
        cmocka_unit_test(facts_beat_text),
        cmocka_unit_test(weak_facts_speak_only_when_the_text_does_not),
        cmocka_unit_test(an_abort_after_heap_exhaustion_is_out_of_memory),
        cmocka_unit_test(other_lines_speak_when_the_key_line_does_not),
        cmocka_unit_test(words_are_anchored),
        cmocka_unit_test(every_phrase_is_well_formed_and_found),
        cmocka_unit_test(words_speak_where_rules_do_not),
        cmocka_unit_test(a_line_is_known_by_its_words_pairs_and_codes),
        cmocka_unit_test(a_line_of_many_words_is_known_by_the_first),
        cmocka_unit_test(a_name_in_a_sentence_does_not_change_its_class),
        cmocka_unit_test(a_number_in_a_sentence_does_not_change_its_class),
        cmocka_unit_test(what_says_the_same_is_one_to_the_rules),
        cmocka_unit_test(no_class_that_needs_a_fix_says_replay_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
