/* crontab import: what becomes of each habit, that the result loads, and that our instants are
 * cron's. */
#include "config/config.h"
#include "config/crontab.h"
#include "config/crontab_internal.h"

#include "base/time.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rp_mistakes mistakes;
static struct rp_crontab crontab;
static struct rp_config *config;

static void import_zone(const char *text, bool system_form, const char *zone)
{
    struct rp_crontab_options o = {
        .system_form = system_form, .name = RP_STR("crontab"), .zone = rp_str_of(zone)};
    assert_true(rp_crontab_import(rp_str_of(text), &o, &crontab, NULL));
    config = rp_config_parse(crontab.yaml, RP_STR("out.yaml"), NULL, &mistakes);
    if (config == NULL) {
        struct rp_buf out = {0};
        rp_mistakes_print(&mistakes, RP_STR("out.yaml"), &out);
        fail_msg("the result does not load:\n%.*s\n%s", RP_FMT(crontab.yaml), out.p);
    }
}

static void import(const char *text, bool system_form)
{
    import_zone(text, system_form, "UTC");
}

static void done(void)
{
    rp_config_free(config);
    rp_crontab_free(&crontab);
}

static void assert_text(struct rp_str s, const char *want)
{
    if (!rp_str_is(s, want))
        fail_msg("found \"%.*s\", expected \"%s\"", RP_FMT(s), want);
}

static const struct rp_type *type(const char *name)
{
    const struct rp_type *t = rp_config_type(config, rp_str_of(name));
    if (t == NULL)
        fail_msg("no job %s in\n%.*s", name, RP_FMT(crontab.yaml));
    return t;
}

static bool noted(int line, const char *says)
{
    for (size_t i = 0; i < crontab.n_notes; i++)
        if (crontab.notes[i].line == line &&
            rp_str_find(crontab.notes[i].text, rp_str_of(says)) != SIZE_MAX)
            return true;
    return false;
}

/* Lines as Debian's packages install them. */
static void system_crontabs_of_debian_become_readable_jobs(void **state)
{
    (void)state;
    import("# /etc/crontab: system-wide crontab\n"
           "SHELL=/bin/sh\n"
           "PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin\n"
           "\n"
           "# Example of job definition:\n"
           "# .---------------- minute (0 - 59)\n"
           "# *  *  *  *  * user-name command to be executed\n"
           "17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n"
           "25 6\t* * *\troot\ttest -x /usr/sbin/anacron || { cd / && run-parts --report "
           "/etc/cron.daily; }\n"
           "# Renew certificates\n"
           "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e "
           "'sleep int(rand(43200))' && certbot -q renew --no-random-sleep-on-renew\n"
           "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 "
           "/usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n"
           "10 3 * * * root test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r\n"
           "09,39 *     * * *     root   [ -x /usr/lib/php/sessionclean ] && if [ ! -d "
           "/run/systemd/system ]; then /usr/lib/php/sessionclean; fi\n"
           "57 0 * * 0 root if [ -x /usr/share/mdadm/checkarray ] && [ $(date +\\%d) -le 7 ]; then "
           "/usr/share/mdadm/checkarray --cron --all --idle --quiet; fi\n"
           "5-55/10 * * * * root command -v debian-sa1 > /dev/null && debian-sa1 1 1\n"
           "59 23 * * * root command -v debian-sa1 > /dev/null && debian-sa1 60 2\n",
           true);
    assert_int_equal(config->n_types, 9);
    assert_text(type("cron.hourly")->user, "root");
    assert_text(type("cron.hourly")->run.v[2], "cd / && run-parts --report /etc/cron.hourly");
    assert_true(type("cron.hourly")->description.n == 0);
    assert_text(type("cron.daily")->env[0].value, "/usr/local/sbin:/usr/local/bin:/sbin:/bin");
    assert_text(type("certbot")->description, "Renew certificates");
    assert_non_null(type("e2scrub_all_cron"));
    assert_non_null(type("e2scrub_all"));
    assert_non_null(type("sessionclean"));
    assert_non_null(type("debian-sa1"));
    assert_non_null(type("debian-sa1-2"));
    assert_true(rp_str_find(type("checkarray")->run.v[2], RP_STR("date +%d)")) != SIZE_MAX);
    assert_int_equal(type("certbot")->umask, 022);
    assert_int_equal(config->schedules[0].overlap, RP_OVERLAP_ALLOW);
    assert_int_equal(config->schedules[0].missed, RP_MISSED_SKIP);
    assert_true(rp_str_find(crontab.yaml, RP_STR("# .---------------- minute")) != SIZE_MAX);
    done();
}

static void names_come_from_the_program_that_does_the_work(void **state)
{
    (void)state;
    static const struct {
        const char *command, *name;
    } cases[] = {
        {"/usr/bin/python3 /srv/app/manage.py cleanup", "manage"},
        {"cd /var/www/html && php artisan schedule:run >> /dev/null 2>&1", "artisan"},
        {"/usr/bin/flock -n /tmp/x.lock /opt/backup/backup.sh --full", "backup"},
        {"nice -n 19 ionice -c 3 rsync -a /a /b", "rsync"},
        {"sleep $((RANDOM \\% 60)) ; /usr/bin/curl -s https://example.com/ping", "curl"},
        {"FOO=bar BAZ=1 /usr/local/bin/report", "report"},
        {"timeout 30m pg_dump mydb | gzip > /b/db.gz", "pg_dump"},
        {"bash -lc 'bin/rake stats'", "rake"},
        {"[ -x /a ]", "job"},
        {"java -jar /opt/app/sync.jar", "sync"},
        {"\"/opt/My Program/run it\"", "My"},
        {"ä", "job"},
        {"@#$", "job"},
        {"node /srv/größe.js", "gr-e"},
        {"sudo -u postgres vacuumdb --all", "vacuumdb"},
        {"su - app -c '/srv/app/tidy.sh now'", "tidy"},
    };
    struct rp_arena a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_str name = rp_crontab_name(&a, rp_str_of(cases[i].command));
        assert_true(rp_config_name_valid(name));
        if (!rp_str_is(name, cases[i].name))
            fail_msg("%s: %.*s, expected %s", cases[i].command, RP_FMT(name), cases[i].name);
    }
    rp_arena_free(&a);
}

static void percent_signs_become_standard_input_as_in_cron(void **state)
{
    (void)state;
    import("0 1 * * * mail -s 100\\% joe%Joe,%%Where are you?%\n"
           "0 2 * * * cat%\n"
           "0 3 * * * date +\\%F \\x\n",
           false);
    assert_text(type("mail")->run.v[2], "mail -s 100% joe");
    assert_text(type("mail")->stdin_text, "Joe,\n\nWhere are you?\n");
    assert_true(type("cat")->stdin_text.p != NULL);
    assert_int_equal(type("cat")->stdin_text.n, 0);
    assert_true(rp_str_find(crontab.yaml, RP_STR("date +%F \\\\x")) != SIZE_MAX);
    done();
}

static void variables_hold_from_their_line_on(void **state)
{
    (void)state;
    import("MAILTO=\"ops@example.com\"\n"
           "A = 'one two'  \n"
           "\"B\"=\"x=y\"\n"
           "0 1 * * * first ${A}\n"
           "A=three # four\n"
           "SHELL=/bin/bash\n"
           "CRON_TZ=Europe/Berlin\n"
           "RANDOM_DELAY=30\n"
           "MAILTO=dev\n"
           "0 2 * * * second\n"
           "MAILTO=\"\"\n"
           "TZ=Asia/Tokyo\n"
           "HOME=/srv\n"
           "0 3 * * * third\n",
           false);
    assert_text(type("first")->env[0].value, "one two");
    assert_text(type("first")->env[1].value, "x=y");
    assert_text(type("first")->run.v[2], "first ${A}");
    assert_text(type("second")->run.v[0], "/bin/bash");
    assert_text(type("second")->env[0].value, "three # four");
    assert_text(rp_config_schedule(config, RP_STR("first"))->zone, "UTC");
    assert_text(rp_config_schedule(config, RP_STR("second"))->zone, "Europe/Berlin");
    assert_int_equal(rp_config_schedule(config, RP_STR("second"))->jitter_us, 30 * RP_US_MIN);
    assert_text(type("third")->env[2].value, "Asia/Tokyo");
    assert_text(type("third")->cwd, "/srv");
    assert_true(type("second")->cwd.p == NULL);
    assert_int_equal(config->n_notify, 2);
    assert_text(config->notify[0].target, "ops@example.com");
    assert_text(config->notify[0].jobs.v[0], "first");
    assert_text(config->notify[1].jobs.v[0], "second");
    assert_true(noted(1, "MAILTO") && noted(5, "comment") && noted(8, "RANDOM_DELAY") &&
                noted(12, "TZ"));
    done();
}

static void what_has_no_equal_is_noted_with_its_line_and_kept_as_a_comment(void **state)
{
    (void)state;
    import("# about nothing\n"
           "\n"
           "MAILFROM=cron@example.com\n"
           "0 0 31 2 * never\n"
           "61 * * * * wrong\n"
           "* * * *\n"
           "0~30 3 * * * random\n"
           "-*/5 * * * * quiet\n"
           "@every_minute minutely\n"
           "@600 freebsd\n"
           "0 0 * * * -n unnoisy\n"
           "1X=2\n"
           "0 5 * * * dos\r\n"
           "0 6 * * * bytes \xff\n"
           "0 7 * * * last",
           false);
    assert_true(noted(3, "MAILFROM"));
    assert_true(noted(4, "not imported"));
    assert_true(noted(5, "not imported"));
    assert_true(noted(6, "not imported"));
    assert_true(noted(7, "~"));
    assert_true(noted(8, "hyphen"));
    assert_true(noted(10, "FreeBSD"));
    assert_true(noted(11, "-n"));
    assert_true(noted(12, "1X"));
    assert_true(noted(13, "carriage return"));
    assert_true(noted(14, "UTF-8"));
    assert_true(noted(15, "last line"));
    assert_int_equal(config->n_types, 8);
    assert_text(rp_config_schedule(config, RP_STR("random"))->expr, "H(0-30) 3 * * *");
    assert_text(rp_config_schedule(config, RP_STR("freebsd"))->expr, "@every 600s");
    assert_true(rp_str_find(crontab.yaml, RP_STR("# about nothing")) != SIZE_MAX);
    assert_true(rp_str_find(crontab.yaml, RP_STR("# not imported: 0 0 31 2 * never")) != SIZE_MAX);
    done();
}

static void an_empty_crontab_and_words_of_cron_load(void **state)
{
    (void)state;
    import("", true);
    assert_int_equal(config->n_types, 0);
    done();
    import("@reboot a\n@daily b\n@Weekly c\n0 0 * jan-mar,DEC mon-FRI d\n", false);
    assert_true(config->n_types >= 3);
    assert_true(rp_config_schedule(config, RP_STR("a"))->cron.reboot);
    done();
}

static void many_lines_of_one_program_get_numbers_in_order(void **state)
{
    (void)state;
    struct rp_buf text = {0};
    rp_buf_str(&text, RP_STR("0 0 * * * x-3\n"));
    for (int i = 0; i < 3000; i++)
        rp_buf_fmt(&text, "%d 1 * * * x %d\n", i % 60, i);
    import(text.p, false);
    assert_int_equal(config->n_types, 3001);
    assert_true(rp_str_ends(type("x")->run.v[2], "x 0"));
    assert_true(rp_str_ends(type("x-2")->run.v[2], "x 1"));
    assert_true(rp_str_ends(type("x-4")->run.v[2], "x 2"));
    done();
    rp_buf_free(&text);
}

static int64_t instant(const char *text)
{
    int64_t us;
    assert_true(rp_time_parse(rp_str_of(text), &us));
    return us;
}

/* Expected instants by hand, from crontab(5) and the notes on daylight saving in cron(8). */
static void the_walk_over_minutes_reads_as_cron_does(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *zone, *after, *next[3];
    } cases[] = {
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"}},
        {"30 2 * * *",
         "Europe/Berlin",
         "2026-10-24T12:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z", "2026-10-27T01:30:00Z"}},
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-10-25T00:00:00Z",
         {"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}},
        {"*/30 2 * * *",
         "Europe/Berlin",
         "2026-03-28T12:00:00Z",
         {"2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:00:00Z"}},
        {"0 0 13 * fri",
         "UTC",
         "2026-02-01T00:00:00Z",
         {"2026-02-06T00:00:00Z", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z"}},
        {"0 0 */2 * 7",
         "UTC",
         "2026-01-01T00:00:00Z",
         {"2026-01-11T00:00:00Z", "2026-01-25T00:00:00Z", "2026-02-01T00:00:00Z"}},
        {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", {"2028-02-29T00:00:00Z", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_vixie v;
        int64_t next[3];
        const struct rp_zone *z = rp_zone_load(rp_str_of(cases[i].zone), NULL);
        assert_true(rp_vixie_parse(rp_str_of(cases[i].fields), &v));
        size_t n = rp_vixie_next(&v, z, instant(cases[i].after), next, 3);
        for (size_t k = 0; k < 3 && cases[i].next[k] != NULL; k++) {
            char text[RP_TIME_LEN] = "none";
            if (k < n)
                (void)rp_time_format(next[k], text);
            if (k >= n || next[k] != instant(cases[i].next[k]))
                fail_msg("%s, %zu: %s, expected %s", cases[i].fields, k, text, cases[i].next[k]);
        }
    }
}

/* Two implementations that share nothing: fields at random, several zones, around clock changes. */
static void our_instants_are_those_of_cron(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe", "Asia/Kathmandu"};
    static const char *const froms[] = {"2026-03-07T00:00:00Z", "2026-03-28T20:00:00Z",
                                        "2026-10-24T20:00:00Z", "2026-04-04T00:00:00Z",
                                        "2026-12-30T00:00:00Z"};
    static const char *const lists[5][8] = {
        {"0", "*/7", "15,45", "*", "59", "10-50/20", "30", "1,2,3"},
        {"2", "*", "*/5", "1-3", "0", "23", "0,12", "2"},
        {"*", "*", "*/2", "13", "1-7", "*", "31", "29"},
        {"*", "*", "3,10", "jan-jun", "*/3", "*", "*", "12"},
        {"*", "*", "0", "7", "mon-fri", "*/2", "5-7", "sun"},
    };
    unsigned seed = 20261124;
    struct rp_buf said = {0};
    size_t compared = 0;
    for (int i = 0; i < 400; i++) {
        char fields[100];
        const char *f[5];
        for (int k = 0; k < 5; k++)
            f[k] = lists[k][(unsigned)rand_r(&seed) % 8];
        (void)snprintf(fields, sizeof fields, "%s %s %s %s %s", f[0], f[1], f[2], f[3], f[4]);
        struct rp_crontab_job job = {
            .name = RP_STR("x"), .fields = rp_str_of(fields), .schedule = rp_str_of(fields)};
        struct rp_crontab_diff d;
        const char *zone = zones[i % 5], *from = froms[(unsigned)rand_r(&seed) % 5];
        if (rp_crontab_differs(&job, rp_str_of(zone), instant(from), &d)) {
            rp_buf_fmt(&said, "%s in %s from %s:", fields, zone, from);
            for (size_t k = 0; k < d.n_crons; k++) {
                char a[RP_TIME_LEN] = "-", b[RP_TIME_LEN];
                if (k < d.n_ours)
                    (void)rp_time_format(d.ours[k], a);
                if (k >= d.n_ours || d.ours[k] != d.crons[k]) {
                    rp_buf_fmt(&said, " ours %.16s cron %.16s\n", a, rp_time_format(d.crons[k], b));
                    break;
                }
            }
        }
        compared += d.n_crons;
    }
    assert_true(compared > 3000);
    if (said.n > 0)
        fail_msg("%s", said.p);
}

static void the_crontabs_of_this_machine_import_without_difference(void **state)
{
    (void)state;
    const char *const fixed[] = {"/etc/crontab", NULL};
    struct rp_buf text = {0};
    size_t files = 0;
    DIR *dir = opendir("/etc/cron.d");
    for (struct dirent *e = NULL; (dir != NULL && (e = readdir(dir)) != NULL) || files == 0;) {
        char path[400];
        (void)snprintf(path, sizeof path, "%s%s", e != NULL ? "/etc/cron.d/" : fixed[0],
                       e != NULL ? e->d_name : "");
        files++;
        FILE *f = fopen(path, "r");
        char part[4096];
        text.n = 0;
        for (size_t n; f != NULL && (n = fread(part, 1, sizeof part, f)) > 0;)
            rp_buf_add(&text, part, n);
        if (f != NULL)
            (void)fclose(f);
        if (text.n == 0)
            continue;
        struct rp_buf out = {0};
        import_zone(text.p, true, "America/New_York");
        assert_int_equal(rp_crontab_diff_print(&crontab, instant("2026-03-01T00:00:00Z"), &out), 0);
        done();
        rp_buf_free(&out);
    }
    if (dir != NULL)
        (void)closedir(dir);
    rp_buf_free(&text);
}

static void a_difference_is_printed_with_its_line(void **state)
{
    (void)state;
    /* cron makes up for each skipped minute on its own; here both readings agree, so one is bent.
     */
    import("\n0 4 * * * x\n", false);
    crontab.jobs[0].schedule = RP_STR("0 5 * * *");
    struct rp_buf out = {0};
    assert_int_equal(rp_crontab_diff_print(&crontab, instant("2026-01-01T00:00:00Z"), &out), 1);
    assert_non_null(strstr(out.p, "line 2, x: 0 4 * * *"));
    assert_non_null(strstr(out.p, "Reprise 2026-01-01T05:00Z   cron 2026-01-01T04:00Z"));
    rp_buf_free(&out);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_crontabs_of_debian_become_readable_jobs),
        cmocka_unit_test(names_come_from_the_program_that_does_the_work),
        cmocka_unit_test(percent_signs_become_standard_input_as_in_cron),
        cmocka_unit_test(variables_hold_from_their_line_on),
        cmocka_unit_test(what_has_no_equal_is_noted_with_its_line_and_kept_as_a_comment),
        cmocka_unit_test(an_empty_crontab_and_words_of_cron_load),
        cmocka_unit_test(many_lines_of_one_program_get_numbers_in_order),
        cmocka_unit_test(the_walk_over_minutes_reads_as_cron_does),
        cmocka_unit_test(our_instants_are_those_of_cron),
        cmocka_unit_test(the_crontabs_of_this_machine_import_without_difference),
        cmocka_unit_test(a_difference_is_printed_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
