/* Key lines: what each runtime prints, and what stands around it. */
#include "analyze/analyze.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_arena arena;

static void expect(const char *text, const char *line, const char *frames)
{
    struct rp_key k = rp_key_line(&arena, rp_str_of(text));
    assert_string_equal(rp_cstr(&arena, k.line), line);
    if (frames == NULL)
        assert_null(k.frames.p);
    else
        assert_string_equal(rp_cstr(&arena, k.frames), frames);
}

static void python_gives_the_last_exception_and_own_frames(void **state)
{
    (void)state;
    expect("2026-11-23 ERROR job failed\n"
           "Traceback (most recent call last):\n"
           "  File \"/srv/app/rates.py\", line 33, in load\n"
           "    json.loads(text)\n"
           "  File \"/usr/lib/python3.11/json/__init__.py\", line 346, in loads\n"
           "    return _default_decoder.decode(s)\n"
           "           ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
           "json.decoder.JSONDecodeError: Expecting value: line 1 column 17 (char 16)\n"
           "\n"
           "The above exception was the direct cause of the following exception:\n"
           "\n"
           "Traceback (most recent call last):\n"
           "  File \"/srv/app/jobs.py\", line 15, in run\n"
           "    tariffs(no)\n"
           "  File \"/srv/app/jobs.py\", line 35, in tariffs\n"
           "    raise KeyError(no) from e\n"
           "KeyError: 'rates for day 6001'\n",
           "KeyError: 'rates for day 6001'", "jobs.py:tariffs < jobs.py:run");
}

static void java_gives_the_root_cause(void **state)
{
    (void)state;
    expect("2026-11-23 02:00:00 ERROR [main] c.a.Runner - job failed\n"
           "org.quartz.SchedulerException: Job threw an unhandled exception.\n"
           "\tat org.quartz.core.JobRunShell.run(JobRunShell.java:213)\n"
           "Caused by: java.lang.OutOfMemoryError: Java heap space\n"
           "\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n"
           "\tat com.acme.billing.Export.rows(Export.java:88)\n"
           "\tat com.acme.billing.Export.run(Export.java:41)\n"
           "\t... 12 more\n",
           "java.lang.OutOfMemoryError: Java heap space",
           "Export.java:com.acme.billing.Export.rows < Export.java:com.acme.billing.Export.run");
}

static void node_gives_type_and_message(void **state)
{
    (void)state;
    expect("/srv/app/pdf.js:12\n"
           "  inv.customer.address.toUpperCase();\n"
           "               ^\n"
           "\n"
           "TypeError: Cannot read properties of undefined (reading 'address')\n"
           "    at render (/srv/app/pdf.js:12:16)\n"
           "    at async /srv/app/run.mjs:3:1\n"
           "    at process.processTimers (node:internal/timers:519:7)\n"
           "\n"
           "Node.js v20.20.2\n",
           "TypeError: Cannot read properties of undefined (reading 'address')",
           "pdf.js:render < run.mjs:");
}

static void dotnet_gives_the_inner_exception(void **state)
{
    (void)state;
    expect("Unhandled exception. System.AggregateException: One or more errors occurred. ---> "
           "System.Net.Http.HttpRequestException: Connection refused\n"
           "   at System.Net.Http.ConnectHelper.ConnectAsync(String host)\n"
           "   --- End of inner exception stack trace ---\n"
           "   at Acme.Billing.Export.Run(String[] args) in /src/Billing/Export.cs:line 41\n",
           "System.Net.Http.HttpRequestException: Connection refused",
           "Export.cs:Acme.Billing.Export.Run");
}

/* What was suppressed while the exception was on its way is not why. */
static void suppressed_exceptions_are_not_the_cause(void **state)
{
    (void)state;
    expect("java.io.IOException: write failed\n"
           "\tat com.acme.W.write(W.java:10)\n"
           "\tSuppressed: java.lang.IllegalStateException: close failed\n"
           "\t\tat com.acme.W.close(W.java:20)\n"
           "\t\t... 1 more\n"
           "\tCaused by: java.lang.RuntimeException: within\n"
           "\t\tat com.acme.W.flush(W.java:30)\n",
           "java.io.IOException: write failed", "W.java:com.acme.W.write");
    expect("com.acme.JobFailed: outer\n"
           "\tat com.acme.A.a(A.java:1)\n"
           "\tSuppressed: java.lang.IllegalStateException: close failed\n"
           "\t\tat com.acme.W.close(W.java:20)\n"
           "Caused by: java.net.ConnectException: Connection refused\n"
           "\tat com.acme.B.b(B.java:2)\n",
           "java.net.ConnectException: Connection refused", "B.java:com.acme.B.b");
}

static void of_several_exceptions_the_first_is_the_key(void **state)
{
    (void)state;
    expect("  + Exception Group Traceback (most recent call last):\n"
           "  |   File \"/srv/app/g.py\", line 5, in main\n"
           "  |     raise ExceptionGroup(\"several\", errs)\n"
           "  | ExceptionGroup: several (2 sub-exceptions)\n"
           "  +-+---------------- 1 ----------------\n"
           "    | Traceback (most recent call last):\n"
           "    |   File \"/srv/app/g.py\", line 2, in one\n"
           "    | ValueError: a\n"
           "    +---------------- 2 ----------------\n"
           "    | Traceback (most recent call last):\n"
           "    |   File \"/srv/app/g.py\", line 3, in two\n"
           "    | TypeError: b\n"
           "    +------------------------------------\n",
           "ValueError: a", "g.py:one");
    expect("AggregateError: All promises were rejected\n"
           "    at main (/app/m.js:3:9) {\n"
           "  [errors]: [\n"
           "    Error: one\n"
           "        at a (/app/m.js:1:9),\n"
           "    Error: two\n"
           "        at b (/app/m.js:2:9)\n"
           "  ]\n"
           "}\n",
           "Error: one", "m.js:a");
    expect("System.AggregateException: One or more errors occurred. (late) (odd)\n"
           " ---> Acme.TimeoutException: late\n"
           "   at Acme.Db.Open() in /src/Db.cs:line 9\n"
           "   --- End of inner exception stack trace ---\n"
           "   at Acme.Program.Main() in /src/Program.cs:line 3\n"
           "---> (Inner Exception #1) System.ArgumentException: odd\n"
           "   at Acme.Web.Get() in /src/Web.cs:line 4<---\n",
           "Acme.TimeoutException: late", "Db.cs:Acme.Db.Open < Program.cs:Acme.Program.Main");
}

static void a_cause_inside_a_library_has_the_frames_of_what_called_it(void **state)
{
    (void)state;
    expect("TypeError: fetch failed\n"
           "    at Object.fetch (node:internal/deps/undici/undici:11731:11)\n"
           "    at async run (file:///app/run.mjs:4:1) {\n"
           "  cause: Error: getaddrinfo ENOTFOUND api\n"
           "      at GetAddrInfoReqWrap.onlookup [as oncomplete] (node:dns:108:26) {\n"
           "    errno: -3008\n"
           "  }\n"
           "}\n",
           "Error: getaddrinfo ENOTFOUND api", "run.mjs:run");
}

static void ruby_puts_the_class_first(void **state)
{
    (void)state;
    expect("/srv/app/job.rb:12:in `total': undefined method `sum' for nil (NoMethodError)\n"
           "\tfrom /srv/app/job.rb:4:in `perform'\n"
           "\tfrom /usr/lib/ruby/gems/3.1.0/gems/sidekiq-6.4.1/lib/sidekiq.rb:1:in `run'\n",
           "NoMethodError: undefined method `sum' for nil", "job.rb:total < job.rb:perform");
    expect("WARN: NoMethodError: undefined method `sum' for nil\n"
           "WARN: /srv/app/job.rb:12:in `total'\n"
           "WARN: /srv/app/job.rb:4:in `perform'\n",
           "WARN: NoMethodError: undefined method `sum' for nil", "job.rb:total < job.rb:perform");
}

static void go_gives_the_panic_and_the_panicking_goroutine(void **state)
{
    (void)state;
    expect("starting\n"
           "panic: runtime error: invalid memory address or nil pointer dereference\n"
           "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f]\n"
           "\n"
           "goroutine 1 [running]:\n"
           "main.(*worker).run(0x0, {0x4, 0x5})\n"
           "\t/srv/app/worker.go:31 +0x1d\n"
           "main.main()\n"
           "\t/srv/app/main.go:9 +0x25\n"
           "exit status 2\n",
           "panic: runtime error: invalid memory address or nil pointer dereference",
           "worker.go:main.(*worker).run < main.go:main.main");
}

static void without_a_trace_the_first_line_that_states_an_error_is_the_key(void **state)
{
    (void)state;
    expect("compared 1482 rows\n0 errors so far\nINFO retrying after error 3\n"
           "cat: /srv/in.csv: No such file or directory\nfailed\n",
           "cat: /srv/in.csv: No such file or directory", NULL);
    expect("step one\nstep two\n", "step two", NULL);
    expect("ERROR: deadlock detected\nDETAIL: Process 1 waits", "ERROR: deadlock detected", NULL);
}

static void a_trace_without_a_message_leaves_the_word_to_other_lines(void **state)
{
    (void)state;
    expect("Error: boom\n/srv/a.rb:1:in `f': \n", "Error: boom", "a.rb:f");
}

static void empty_texts_are_their_own_key(void **state)
{
    (void)state;
    expect("", "no message", NULL);
    expect(" \n\t\r\n\x1b[0m\n", "no message", NULL);
    struct rp_key k = rp_key_line(&arena, RP_NONE);
    assert_true(rp_str_is(k.line, "no message"));
}

static void terminal_escapes_and_control_bytes_are_no_text(void **state)
{
    (void)state;
    expect("\x1b[1;31mError:\x1b[0m \x1b]8;;http://x\x1b\\disk\x1b]8;;\x07 full\x01",
           "Error: disk full", NULL);
    expect("10%\r50%\rError: boom\r", "Error: boom", NULL);
}

static void key_lines_are_valid_utf8_and_short(void **state)
{
    (void)state;
    expect("Error: caf\xe9", "Error: caf\xEF\xBF\xBD", NULL);
    char *big = malloc(200001);
    memset(big, 0xC3, 200000);
    big[200000] = '\0';
    struct rp_key k = rp_key_line(&arena, rp_str_of(big));
    assert_true(k.line.n <= RP_KEY_LINE_MAX && k.line.n > RP_KEY_LINE_MAX - 4);
    assert_true(rp_utf8_valid(k.line));
    free(big);
}

static int done(void **state)
{
    (void)state;
    rp_arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_gives_the_last_exception_and_own_frames),
        cmocka_unit_test(java_gives_the_root_cause),
        cmocka_unit_test(suppressed_exceptions_are_not_the_cause),
        cmocka_unit_test(of_several_exceptions_the_first_is_the_key),
        cmocka_unit_test(a_cause_inside_a_library_has_the_frames_of_what_called_it),
        cmocka_unit_test(node_gives_type_and_message),
        cmocka_unit_test(dotnet_gives_the_inner_exception),
        cmocka_unit_test(ruby_puts_the_class_first),
        cmocka_unit_test(go_gives_the_panic_and_the_panicking_goroutine),
        cmocka_unit_test(without_a_trace_the_first_line_that_states_an_error_is_the_key),
        cmocka_unit_test(a_trace_without_a_message_leaves_the_word_to_other_lines),
        cmocka_unit_test(empty_texts_are_their_own_key),
        cmocka_unit_test(terminal_escapes_and_control_bytes_are_no_text),
        cmocka_unit_test(key_lines_are_valid_utf8_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, done);
}
