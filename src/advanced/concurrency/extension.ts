/** Clients of one session side by side: leases, and the guard that holds other clients' writes up. */
import { DisposableStack } from '../../core/lifecycle.js';
import type { IConfig } from '../../types/config.js';
import type { Extension } from '../../types/extension.js';
import type { ISessionManager } from '../../types/managers.js';
import type { IClock } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { IAuthenticator } from '../../types/sharing.js';
import type { ISessionStore } from '../../types/store.js';
import { Access } from './access.js';
import { ConcurrencyManager } from './concurrency-manager.js';
import { concurrencyOperations } from './operations.js';
import { WriteGuard } from './write-guard.js';

export interface ConcurrencyExtensionServices {
  readonly sessions: Pick<ISessionManager, 'getMetadata' | 'watch'>;
  readonly pool: ISessionPool;
  readonly store: ISessionStore;
  readonly config: Pick<IConfig, 'concurrency' | 'limits'>;
  readonly clock: IClock;
  /** Who tells of principals that may do nothing any more. */
  readonly authenticator?: Pick<IAuthenticator, 'onEnded'> | undefined;
}

export function concurrencyExtension(services: ConcurrencyExtensionServices): Extension {
  const { sessions, clock, config } = services;
  const leases = new ConcurrencyManager(clock, { ...config.concurrency, ...config.limits });
  const guard = new WriteGuard(leases, services);
  const access = new Access(leases, guard, services);
  const watching = new DisposableStack();
  return {
    name: 'concurrency',
    operations: concurrencyOperations({ sessions, leases, access }),
    around: guard.around,
    clientGone: (client) => leases.releaseClient(client),
    start: () => {
      const deleted = sessions.watch(({ type, session_id }) => {
        if (type === 'deleted') leases.releaseSession(session_id);
      });
      watching.use(deleted);
      const ended = services.authenticator?.onEnded(({ principal }) => leases.releasePrincipal(principal));
      if (ended) watching.use(ended);
      return Promise.resolve();
    },
    dispose: () => {
      leases.dispose();
      return watching.dispose();
    },
  };
}
