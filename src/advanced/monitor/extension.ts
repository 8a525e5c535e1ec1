/** The monitor as a feature above the managers: it hears of every call and every session, and answers with counts. */
import type { IConfig } from '../../types/config.js';
import type { IEngines } from '../../types/engine.js';
import type { Extension } from '../../types/extension.js';
import type { ISessionManager } from '../../types/managers.js';
import type { Disposable, IClock, ILog } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { ISessionStore } from '../../types/store.js';
import { CallWatcher } from './call-watcher.js';
import { metricsOperations } from './metrics-operations.js';
import { Sampler } from './sampler.js';
import { SessionMonitor } from './session-monitor.js';

export interface MonitorServices {
  readonly sessions: ISessionManager;
  readonly pool: ISessionPool;
  readonly store: Pick<ISessionStore, 'getSession'>;
  readonly engines: IEngines;
  readonly config: Pick<IConfig, 'monitor'>;
  readonly clock: IClock;
  readonly log: ILog;
}

export function monitorExtension(services: MonitorServices): Extension {
  const { sessions, pool, clock, config } = services;
  const monitor = new SessionMonitor(clock);
  const log = services.log.child({ component: 'monitor' });
  const sampler = new Sampler({ ...services, monitor, log });
  const slowMs = config.monitor.slow_operation_ms;
  const { around } = new CallWatcher({ monitor, pool, clock, log, slowMs });
  let watching: Disposable | undefined;
  return {
    name: 'monitor',
    operations: metricsOperations({ ...services, monitor, sampler }),
    around,
    start() {
      watching = sessions.watch((change) => monitor.hear(change));
      sampler.start();
      return Promise.resolve();
    },
    async dispose() {
      await watching?.dispose();
      await sampler.dispose();
    },
  };
}
