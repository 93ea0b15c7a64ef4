#include "care/account_change.h"

#include "care/source.h"
#include "sql.h"

#include <string.h>

enum err
account_admin_spare(struct tx *tx, const struct uuid *account, const char *role)
{
	struct user_admins_lock_row *admins;
	size_t n, i, others = 0;
	enum err r;

	if (strcmp(role, "admin") != 0)
		return ERR_OK;
	if ((r = sql_user_admins_lock(tx, &admins, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++)
		others += !uuid_equal(&admins[i].id, account);
	return others > 0 ? ERR_OK : ERR_WRONG_STATUS;
}

/*= AZ-05, SE-06 */
enum err
account_sessions_end(struct tx *tx, const struct uuid *account, int64_t now)
{
	struct session_end_all_in in = { .account_id = *account, .now = now };

	return sql_session_end_all(tx, &in);
}

enum err
account_role_set(struct tx *tx, const struct uuid *account, const char *was,
    const char *role, int64_t now)
{
	struct user_role_set_in set = { *account, role };
	struct approval_drop_in drop = { *account, now };
	int64_t n;
	enum err r;

	if ((r = account_admin_spare(tx, account, was)) != ERR_OK ||
	    (r = sql_user_role_set(tx, &set, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_WRONG_STATUS;
	if ((r = sql_approval_drop(tx, &drop)) != ERR_OK)
		return r;
	return account_sessions_end(tx, account, now);
}

/*= IA-19, IA-20 */
enum err
account_reset(struct tx *tx, const struct uuid *account, bool totp, int64_t now)
{
	struct user_reset_in in = { *account, totp };
	struct attempt_reset_in codes = { *account, NULL };
	enum err r;

	if ((r = sql_user_reset(tx, &in, NULL)) != ERR_OK ||
	    (r = source_forget(tx, account)) != ERR_OK ||
	    (totp && (r = sql_attempt_reset(tx, &codes)) != ERR_OK))
		return r;
	return account_sessions_end(tx, account, now);
}
