/* Tokens, scopes, kept answers (S2, S3, G13). */
#include "world.h"

static void S2_a_token_is_shown_once_and_ends_by_time_or_revocation(void **state)
{
    struct world *w = *state;
    char secret[64], other[64];
    struct rp_token t, got, *v;
    size_t n;
    OK(rp_token_create(w->db, RP_STR("ci"), RP_SCOPE_ENQUEUE, w->now + RP_US_DAY, RP_STR("ada"),
                       w->now, secret, &t, err));
    OK(rp_token_create(w->db, RP_STR("op"), RP_SCOPE_OPERATE, 0, RP_STR("ada"), w->now, other, &got,
                       err));
    assert_int_equal(strlen(secret), 3 + 43);
    assert_string_not_equal(secret, other);
    OK(rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    assert_int_equal(got.id, t.id);
    assert_int_equal(got.scope, RP_SCOPE_ENQUEUE);
    assert_int_equal(query(w, "select count(*) from token where hash = ?1", 0, 0), 0);
    assert_int_equal(query(w, "select min(length(hash)) from token", 0, 0), 32);
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now + RP_US_DAY, &w->arena, &got, err));
    secret[10] ^= 1;
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    secret[10] ^= 1;
    OK(rp_token_used(w->db, t.id, w->now + 7, err));
    OK(rp_token_revoke(w->db, t.id, RP_STR("ada"), w->now, err));
    FAILS(RP_E_UNAUTHORIZED,
          rp_token_check(w->db, rp_str_of(secret), w->now, &w->arena, &got, err));
    OK(rp_tokens_list(w->db, &w->arena, &v, &n, err));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].last_used_us, w->now + 7);
    assert_int_equal(v[0].revoked_us, w->now);
    FAILS(RP_E_NOT_FOUND, rp_token_revoke(w->db, 99, RP_STR("ada"), w->now, err));
    assert_int_equal(query(w, "select count(*) from audit", 0, 0), 3);
    assert_int_equal(query(w,
                           "select count(*) from audit where safety = 'IRREVERSIBLE' and action = "
                           "'token.revoke'",
                           0, 0),
                     1);
    assert_int_equal(query(w,
                           "select count(*) from audit where detail like '%rp_%' escape '\\'"
                           " and detail like '%rp\\_%' escape '\\'",
                           0, 0),
                     0);
}

static void S3_scopes_allow_what_they_say(void **state)
{
    (void)state;
    static const char *const table[] = {"none:",
                                        "read:read",
                                        "enqueue:enqueue",
                                        "work:work",
                                        "operate:read enqueue operate",
                                        "admin:read enqueue work operate admin purge",
                                        "purge:read purge"};
    for (unsigned have = 0; have <= RP_SCOPE_PURGE; have++)
        for (unsigned need = 1; need <= RP_SCOPE_PURGE; need++) {
            const char *allowed = strchr(table[have], ':') + 1;
            assert_int_equal(rp_scope_allows((enum rp_scope)have, (enum rp_scope)need),
                             strstr(allowed, rp_scope_name((enum rp_scope)need)) != NULL);
            enum rp_scope back;
            assert_true(rp_scope_of_name(rp_str_of(rp_scope_name((enum rp_scope)need)), &back));
            assert_int_equal(back, need);
        }
}

static void G13_a_kept_answer_is_given_again_and_another_request_is_a_conflict(void **state)
{
    struct world *w = *state;
    bool found;
    int64_t status;
    struct rp_str body;
    OK(rp_idempotency_find(w->db, RP_STR("k"), 5, &w->arena, &found, &status, &body, err));
    assert_false(found);
    OK(rp_idempotency_keep(w->db, RP_STR("k"), 5, 201, RP_STR("{\"id\":\"1\"}"), w->now, err));
    OK(rp_idempotency_find(w->db, RP_STR("k"), 5, &w->arena, &found, &status, &body, err));
    assert_true(found);
    assert_int_equal(status, 201);
    assert_true(rp_str_is(body, "{\"id\":\"1\"}"));
    FAILS(RP_E_CONFLICT,
          rp_idempotency_find(w->db, RP_STR("k"), 6, &w->arena, &found, &status, &body, err));
    FAILS(RP_E_CONFLICT, rp_idempotency_keep(w->db, RP_STR("k"), 5, 201, RP_STR(""), w->now, err));
    OK(rp_idempotency_keep(w->db, RP_STR("l"), 5, 201, RP_STR(""), w->now + RP_US_DAY + 1, err));
    OK(rp_idempotency_find(w->db, RP_STR("k"), 6, &w->arena, &found, &status, &body, err));
    assert_false(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(S2_a_token_is_shown_once_and_ends_by_time_or_revocation),
        TEST(G13_a_kept_answer_is_given_again_and_another_request_is_a_conflict),
        cmocka_unit_test(S3_scopes_allow_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
