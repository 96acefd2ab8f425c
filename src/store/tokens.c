#include "store/registry.h"

#include "store/rows.h"

#include <sodium.h>

enum { SECRET_BYTES = 32, TOKEN_NAME_MAX = 100 };
static const char secret_prefix[] = "rp_";

/* ---- scopes ---- */

#define BIT(s) (1u << (s))

static const struct {
    const char *name;
    unsigned allows;
} scopes[] = {
    [RP_SCOPE_NONE] = {"none", 0},
    [RP_SCOPE_READ] = {"read", BIT(RP_SCOPE_READ)},
    [RP_SCOPE_ENQUEUE] = {"enqueue", BIT(RP_SCOPE_ENQUEUE)},
    [RP_SCOPE_WORK] = {"work", BIT(RP_SCOPE_WORK)},
    [RP_SCOPE_OPERATE] = {"operate",
                          BIT(RP_SCOPE_READ) | BIT(RP_SCOPE_ENQUEUE) | BIT(RP_SCOPE_OPERATE)},
    [RP_SCOPE_ADMIN] = {"admin", ~0u},
    [RP_SCOPE_PURGE] = {"purge", BIT(RP_SCOPE_READ) | BIT(RP_SCOPE_PURGE)},
};
enum { SCOPES_N = sizeof scopes / sizeof *scopes };

const char *rp_scope_name(enum rp_scope s)
{
    return scopes[s].name;
}

bool rp_scope_of_name(struct rp_str name, enum rp_scope *out)
{
    for (unsigned i = RP_SCOPE_NONE + 1; i < SCOPES_N; i++)
        if (rp_str_is(name, scopes[i].name)) {
            *out = (enum rp_scope)i;
            return true;
        }
    return false;
}

bool rp_scope_allows(enum rp_scope have, enum rp_scope need)
{
    return need == RP_SCOPE_NONE || (scopes[have].allows & BIT(need)) != 0;
}

/* ---- secrets ---- */

static struct rp_str hash_of(struct rp_str secret, unsigned char hash[crypto_hash_sha256_BYTES])
{
    (void)crypto_hash_sha256(hash, (const unsigned char *)secret.p, secret.n);
    return (struct rp_str){(const char *)hash, crypto_hash_sha256_BYTES};
}

static bool make_secret(char secret[64], struct rp_err *err)
{
    unsigned char random[SECRET_BYTES];
    if (sodium_init() < 0)
        return rp_fail(err, RP_E_INTERNAL, "libsodium cannot be initialised");
    randombytes_buf(random, sizeof random);
    memcpy(secret, secret_prefix, sizeof secret_prefix - 1);
    (void)sodium_bin2base64(secret + sizeof secret_prefix - 1, 64 - (sizeof secret_prefix - 1),
                            random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(random, sizeof random);
    return true;
}

/* ---- rows ---- */

#define TOKEN_COLUMNS "id, name, scope, created_at, expires_at, last_used_at, revoked_at"

static void read_token(struct rp_stmt *s, struct rp_arena *a, struct rp_token *t)
{
    t->id = rp_col_i64(s, 0);
    t->name = rp_col_str(s, 1, a);
    t->scope = (enum rp_scope)rp_col_i64(s, 2);
    t->created_us = rp_col_i64(s, 3);
    t->expires_us = rp_col_i64(s, 4);
    t->last_used_us = rp_col_i64(s, 5);
    t->revoked_us = rp_col_i64(s, 6);
}

/* scope NULL: of one that is revoked, for good. */
static bool audit(struct rp_db *db, struct rp_str actor, const char *action, int64_t id,
                  struct rp_str name, const char *scope, int64_t now_us, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_str object = rp_str_fmt(&a, "token %lld %.*s", (long long)id, RP_FMT(name));
    bool ok = rp_audit(db, actor, action, object, scope != NULL ? "REVERSIBLE" : "IRREVERSIBLE",
                       scope != NULL ? rp_str_fmt(&a, "{\"scope\":\"%s\"}", scope) : RP_NONE,
                       now_us, err);
    rp_arena_free(&a);
    return ok;
}

static bool insert(struct rp_db *db, struct rp_token *t, struct rp_str hash, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "insert into token(name, hash, scope, created_at, expires_at)"
                                   " values(?1, ?2, ?3, ?4, ?5)");
    rp_bind_text(s, 1, t->name);
    rp_bind_blob(s, 2, hash);
    rp_bind_i64(s, 3, t->scope);
    rp_bind_i64(s, 4, t->created_us);
    rp_bind_id(s, 5, t->expires_us);
    if (!rp_run(s, err))
        return false;
    t->id = rp_last_id(db);
    return true;
}

bool rp_token_create(struct rp_db *db, struct rp_str name, enum rp_scope scope, int64_t expires_us,
                     struct rp_str actor, int64_t now_us, char secret[64], struct rp_token *out,
                     struct rp_err *err)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    if (name.n == 0 || name.n > TOKEN_NAME_MAX)
        return rp_fail(err, RP_E_BAD_FIELD, "a token's name has 1 to %d bytes", TOKEN_NAME_MAX);
    if (scope <= RP_SCOPE_NONE || scope > RP_SCOPE_PURGE) {
        (void)rp_fail(err, RP_E_BAD_FIELD, "a token needs a scope");
        return rp_hint(err, "use read, enqueue, work, operate, purge or admin");
    }
    if (expires_us != 0 && expires_us <= now_us)
        return rp_fail(err, RP_E_BAD_FIELD, "a token that has expired already is of no use");
    *out = (struct rp_token){
        .name = name, .scope = scope, .created_us = now_us, .expires_us = expires_us};
    return make_secret(secret, err) && insert(db, out, hash_of(rp_str_of(secret), hash), err) &&
           audit(db, actor, "token.create", out->id, name, rp_scope_name(scope), now_us, err);
}

/* A token that is revoked already stays so: nothing to record. */
bool rp_token_revoke(struct rp_db *db, int64_t id, struct rp_str actor, int64_t now_us,
                     struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select revoked_at from token where id = ?1");
    rp_bind_i64(s, 1, id);
    int64_t revoked;
    if (!rp_get_i64(s, -1, &revoked, err))
        return false;
    s = rp_sql(db, "update token set revoked_at = ?2 where id = ?1 and revoked_at is null");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, now_us);
    if (!rp_run(s, err))
        return false;
    if (rp_changes(db) > 0)
        return audit(db, actor, "token.revoke", id, RP_NONE, NULL, now_us, err);
    return revoked > 0 || rp_absent_id(err, "token ", id, "reprise token list");
}

bool rp_tokens_list(struct rp_db *db, struct rp_arena *a, struct rp_token **out, size_t *n,
                    struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "select " TOKEN_COLUMNS " from token order by id limit 10000");
    enum rp_step step;
    *out = NULL;
    for (*n = 0; (step = rp_step(s, err)) == RP_STEP_ROW; ++*n) {
        *out = rp_rows_grow(a, *out, *n, sizeof **out);
        read_token(s, a, &(*out)[*n]);
    }
    return step == RP_STEP_DONE;
}

/* The look-up is by the hash, so the time that it takes tells nothing about the secret. */
bool rp_token_check(struct rp_db *db, struct rp_str secret, int64_t now_us, struct rp_arena *a,
                    struct rp_token *out, struct rp_err *err)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    struct rp_stmt *s = rp_sql(db, "select " TOKEN_COLUMNS " from token where hash = ?1");
    rp_bind_blob(s, 1, hash_of(secret, hash));
    enum rp_step step = rp_step(s, err);
    if (step == RP_STEP_ERROR)
        return false;
    if (step == RP_STEP_ROW) {
        read_token(s, a, out);
        if (out->revoked_us == 0 && (out->expires_us == 0 || now_us < out->expires_us))
            return true;
    }
    (void)rp_fail(err, RP_E_UNAUTHORIZED, "no valid token");
    return rp_hint(err, "send Authorization: Bearer with a token from `reprise token create`");
}

bool rp_token_used(struct rp_db *db, int64_t id, int64_t now_us, struct rp_err *err)
{
    struct rp_stmt *s = rp_sql(db, "update token set last_used_at = ?2 where id = ?1");
    rp_bind_i64(s, 1, id);
    rp_bind_i64(s, 2, now_us);
    return rp_run(s, err);
}
