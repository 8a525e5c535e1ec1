/** How many sessions there may be, in all and of one owner. */
import type { IConfig } from '../types/config.js';
import type { Principal } from '../types/operation.js';
import type { EngineDefinition } from '../types/engine.js';
import { errors, SojournError } from '../types/errors.js';
import type { ILog } from '../types/ports.js';
import type { ISessionPool } from '../types/session.js';
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

/** Of a limit: from here on the log says that it is near. */
const nearShare = 0.8;

/** What one kind allows. @throws limit_exceeded when one more would be too many, or would find no memory */
export async function checkKindLimits(
  { name, limits }: EngineDefinition,
  { store, pool, log }: { store: ISessionStore; pool: ISessionPool; log: ILog },
): Promise<void> {
  if (!limits) return;
  const { sessions, memoryBytes } = limits;
  const { total } = await store.listSessions({ limit: 0, kind: name });
  if (total >= sessions.max)
    throw errors.limitExceeded(`The number of ${name} sessions`, sessions.setting, sessions.max);
  const taken = pool
    .getAllMetadata()
    .reduce((sum, session) => sum + (session.kind === name ? session.memory_bytes : 0), 0);
  const { max, setting } = memoryBytes;
  if (taken >= max) {
    const detail = `The live ${name} sessions take ${taken} of ${max} bytes; delete some, or raise ${setting}.`;
    throw new SojournError('limit_exceeded', detail, {
      limit: 'memory',
      setting,
      value: max,
      current: taken,
    });
  }
  if (total + 1 >= sessions.max * nearShare)
    log.warn({ setting: sessions.setting, value: total + 1, max: sessions.max }, 'a limit is near');
  if (taken >= max * nearShare) log.warn({ setting, value: taken, max }, 'a limit is near');
}
