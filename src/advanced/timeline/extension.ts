/** The timeline navigator as an extension of the server. */
import type { IConfig } from '../../types/config.js';
import type { IEngines } from '../../types/engine.js';
import type { Extension } from '../../types/extension.js';
import type { ISessionManager } from '../../types/managers.js';
import type { IClock, ILog } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { ISessionStore } from '../../types/store.js';
import { Retention } from './retention-keeper.js';
import { TimelineNavigator } from './timeline-navigator.js';
import { timelineOperations } from './timeline-operations.js';

export interface TimelineExtensionServices {
  readonly sessions: ISessionManager;
  readonly pool: ISessionPool;
  readonly store: ISessionStore;
  readonly engines: IEngines;
  readonly config: Pick<IConfig, 'timeline'>;
  readonly clock: IClock;
  readonly log: ILog;
}

export function timelineExtension(services: TimelineExtensionServices): Extension {
  const navigator = new TimelineNavigator(services);
  const log = services.log.child({ component: 'timeline' });
  const retention = new Retention(navigator, {
    ...services,
    log,
    keepLast: services.config.timeline.keep_last_count,
  });
  const watching = services.sessions.watch(({ type, session_id }) => {
    if (type === 'hibernated' || type === 'deleted') retention.gone(session_id);
    if (type === 'deleted') navigator.forget(session_id);
  });
  return {
    name: 'timeline',
    operations: timelineOperations(navigator, retention, services),
    start: () => {
      retention.start();
      return Promise.resolve();
    },
    dispose: async () => {
      await watching.dispose();
      await retention.stop();
    },
  };
}
