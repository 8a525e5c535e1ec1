/**
 * The features above the managers that come along. Each stands by itself: without its line here the rest works. The
 * first stands outermost around calls.
 */
import { timelineExtension } from './advanced/timeline/extension.js';
import { monitorExtension } from './advanced/monitor/extension.js';
import { concurrencyExtension } from './advanced/concurrency/extension.js';
import { sharingExtension } from './advanced/sharing/extension.js';
import type { IConfig } from './types/config.js';
import type { IEngines } from './types/engine.js';
import type { Extension } from './types/extension.js';
import type { ISessionManager } from './types/managers.js';
import type { IClock, IFiles, IIds, ILog } from './types/ports.js';
import type { ISessionPool } from './types/session.js';
import type { ISessionStore } from './types/store.js';

export interface ExtensionServices {
  readonly sessions: ISessionManager;
  readonly pool: ISessionPool;
  readonly store: ISessionStore;
  readonly engines: IEngines;
  readonly config: IConfig;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

export function createExtensions(services: ExtensionServices): readonly Extension[] {
  const sharing = sharingExtension(services);
  const { authenticator } = sharing;
  return [
    monitorExtension(services),
    sharing,
    concurrencyExtension({ ...services, authenticator }),
    timelineExtension(services),
  ];
}
