/** How many sessions there may be, in all and of one owner. */
import type { IConfig } from '../types/config.js';
import { errors } from '../types/errors.js';
import type { Principal } from '../types/operation.js';
import type { ISessionStore } from '../types/store.js';

/** @throws limit_exceeded when one more would be too many */
export async function checkSessionLimits(
  store: ISessionStore,
  { limits }: Pick<IConfig, 'limits'>,
  principal: Principal,
): Promise<void> {
  const all = await store.listSessions({ limit: 0 });
  if (all.total >= limits.sessions) {
    throw errors.limitExceeded('The number of sessions', 'limits.sessions', limits.sessions);
  }
  // Within the limit for all, a limit for each that is no lower cannot be passed.
  if (limits.sessions_per_owner >= limits.sessions) return;
  const own = await store.listSessions({ limit: 0, owner: principal.id });
  if (own.total < limits.sessions_per_owner) return;
  const setting = 'limits.sessions_per_owner';
  throw errors.limitExceeded('The number of sessions of one owner', setting, limits.sessions_per_owner);
}
