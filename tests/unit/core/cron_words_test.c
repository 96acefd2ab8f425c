/* The English of schedules, judged by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/cron.h"

static const struct {
    const char *expression, *words;
} cases[] = {
    {"* * * * *", "every minute"},
    {"*/5 * * * *", "every 5 minutes"},
    {"*/7 * * * *", "every 7 minutes from minute 0 through 56 of every hour"},
    {"0 * * * *", "every hour"},
    {"5 * * * *", "every hour at minute 5"},
    {"5,35 * * * *", "at minutes 5 and 35 of every hour"},
    {"0 */2 * * *", "every 2 hours"},
    {"30 */2 * * *", "every 2 hours at minute 30"},
    {"15 1-23/2 * * *", "every 2 hours from 01:15 through 23:15 every day"},
    {"30 2 * * *", "at 02:30 every day"},
    {"0 9,12,15 * * *", "at 09:00, 12:00 and 15:00 every day"},
    {"0 9-17 * * MON-FRI", "every hour from 09:00 through 17:00 on Monday to Friday"},
    {"*/15 9-17 * * MON-FRI", "every 15 minutes from 09:00 through 17:45 on Monday to Friday"},
    {"*/20 2 * * *", "every 20 minutes from 02:00 through 02:40 every day"},
    {"* 2 * * *", "every minute from 02:00 through 02:59 every day"},
    {"0-29 * * * *", "every minute from minute 0 through 29 of every hour"},
    {"10-20/5 3,7 * * *", "every 5 minutes from minute 10 through 20 of hours 03 and 07 every day"},
    {"*/10 */6 * * *", "every 10 minutes of hours 00, 06, 12 and 18"},
    {"0,30 0-20 * * *", "at minutes 0 and 30 of hours 00 to 20 every day"},
    {"5,17 8-20 * * 1,3,5",
     "at minutes 5 and 17 of hours 08 to 20 on Monday, Wednesday and Friday"},
    {"30 8-14 * * *", "every hour from 08:30 through 14:30 every day"},
    {"45 0,3,4,5,8,9,10 * * *", "at minute 45 of hours 00, 03, 04, 05, 08, 09 and 10 every day"},
    {"* * * * * *", "every second"},
    {"*/10 * * * * *", "every 10 seconds"},
    {"15 * * * * *", "at second 15 of every minute"},
    {"5,20 * * * * *", "at seconds 5 and 20 of every minute"},
    {"*/10 30 2 * * *",
     "at 02:30:00, 02:30:10, 02:30:20, 02:30:30, 02:30:40 and 02:30:50 every day"},
    {"15,45 30 2 * * *", "at 02:30:15 and 02:30:45 every day"},
    {"0 */5 * * * *", "every 5 minutes"},
    {"30 */5 * * * *", "at second 30 of the minute, every 5 minutes"},
    {"* */15 9-17 * * *",
     "every second of the minute, every 15 minutes from 09:00 through 17:45 every day"},
    {"0 0 1 * *", "at 00:00 on the 1st of the month"},
    {"0 0 1,15 * *", "at 00:00 on the 1st and the 15th of the month"},
    {"0 0 L * *", "at 00:00 on the last day of the month"},
    {"0 0 LW * *", "at 00:00 on the last weekday of the month"},
    {"0 0 15W * *", "at 00:00 on the weekday nearest the 15th of the month"},
    {"0 0 L,15 * *", "at 00:00 on the 15th and the last day of the month"},
    {"0 0 * * 5L", "at 00:00 on the last Friday of the month"},
    {"0 0 * * MON#2", "at 00:00 on the second Monday of the month"},
    {"0 0 * * FRI-MON", "at 00:00 on Friday to Monday"},
    {"0 0 13 * 5", "at 00:00 on the 13th of the month or on Friday"},
    {"0 0 */2 * MON",
     "at 00:00 on every 2nd day from the 1st through the 31st of the month, if it is Monday"},
    {"0 0 1-7 * */7", "at 00:00 on the 1st to the 7th of the month, if it is Sunday"},
    {"0 0 29 2 *", "at 00:00 on the 29th of February"},
    {"0 0 1 JAN,JUL *", "at 00:00 on the 1st of January and July"},
    {"0 0 * NOV-FEB *", "at 00:00 every day in November to February"},
    {"0 0 * * MON#1,5L", "at 00:00 on the first Monday and the last Friday of the month"},
    {"0 0 13 6 5", "at 00:00 on the 13th of June or on Friday in June"},
    {"0 0 8-14 * *", "at 00:00 on the 8th to the 14th of the month"},
    {"*/5 * * 3 *", "every 5 minutes in March"},
    {"@daily", "at 00:00 every day"},
    {"@hourly", "every hour"},
    {"@yearly", "at 00:00 on the 1st of January"},
    {"@reboot", "once when the daemon starts"},
    {"@every 90s", "every 1m30s, counted from the last planned instant"},
    {"CRON_TZ=Europe/Berlin 0 3 * * *", "at 03:00 every day, Europe/Berlin time"},
    {"0 0 1-31 * 1", "at 00:00 every day"},
    {"0 0 29 2 */7", "at 00:00 on the 29th of February, if it is Sunday"},
    {"*/30 9-17 * * *", "at minutes 0 and 30 of hours 09 to 17 every day"},
    {"0 0,12 * * *", "at 00:00 and 12:00 every day"},
    {"0 18 * 6 5L", "at 18:00 on the last Friday in June"},
    {"0 4 ? * *", "at 04:00 every day"},
    {"5 4 3,13,21,22,23 * *",
     "at 04:05 on the 3rd, the 13th, the 21st, the 22nd and the 23rd of the month"},
    {"0 0 1W,LW * *", "at 00:00 on the weekday nearest the 1st and the last weekday of the month"},
    {"TZ=Asia/Tokyo @daily", "at 00:00 every day, Asia/Tokyo time"},
    {"H H * * *", "at 06:32 every day"},
};

static void every_form_reads_as_english(void **state)
{
    (void)state;
    struct rp_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rp_cron c;
        struct rp_err err = {0};
        if (!rp_cron_parse(rp_str_of(cases[i].expression), RP_STR("nightly"), &c, &err))
            fail_msg("\"%s\": %s", cases[i].expression, err.message);
        struct rp_str words = rp_cron_words(&arena, &c);
        if (!rp_str_is(words, cases[i].words))
            fail_msg("\"%s\": expected \"%s\", came \"%.*s\"", cases[i].expression, cases[i].words,
                     RP_FMT(words));
    }
    rp_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_reads_as_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
