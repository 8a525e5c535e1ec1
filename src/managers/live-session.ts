/** Puts a live session together: its instance, its files, and the operations on them beside those of its engine. */
import { FileChanges } from '../core/file-changes.js';
import { withFileOperations } from '../core/file-operations.js';
import type { FileStaging } from '../core/file-staging.js';
import { SessionFiles } from '../core/session-files.js';
import type { Absence } from '../core/incarnation.js';
import { WorkspaceGuard } from '../core/workspace-guard.js';
import { SessionInstance } from '../core/session-instance.js';
import type { WarmShelf } from '../core/warm-states.js';
import type { IConfig } from '../types/config.js';
import type { EngineDefinition, RunContext } from '../types/engine.js';
import type { SessionEvent } from '../types/events.js';
import type { IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type { SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { sessionFolders } from './session-folders.js';

export interface LiveSessionServices {
  readonly store: ISessionStore;
  readonly config: IConfig;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

/** What the instance tells its manager. */
export interface LiveSessionOwner {
  readonly staging: FileStaging;
  readonly warmShelf: WarmShelf;
  ask: NonNullable<RunContext['ask']>;
  publish(event: SessionEvent): void;
  saveIsDue(instance: SessionInstance): void;
  broken(instance: SessionInstance): void;
}

/** @param absence null for a session that was made just now; else why it has no live state. */
export function liveSession(
  record: SessionRecord,
  definition: EngineDefinition,
  services: LiveSessionServices,
  owner: LiveSessionOwner,
  absence: Absence | null,
): SessionInstance {
  const { store, clock, files, ids, config } = services;
  const { staging, warmShelf } = owner;
  const { workspace, aside, outputs } = sessionFolders(record, config);
  const session = new SessionFiles({ folder: workspace, staging, files, clock, limits: config.limits });
  const log = services.log.child({ session_id: record.session_id });
  const guard = new WorkspaceGuard({ workspace, files, clock, limits: config.limits, log }, absence === null);
  const keep = (inputSeq: number) => instance.keep(inputSeq);
  const instance: SessionInstance = new SessionInstance(
    record,
    {
      store,
      clock,
      files,
      ids,
      definition: withFileOperations(definition, { session, staging, files, keep }),
      config,
      log,
      warmShelf,
      workspace,
      guard,
      aside,
      outputs,
      sessionFiles: session,
      fileChanges: new FileChanges(workspace, staging, files),
      ask: owner.ask,
      publish: (event) => owner.publish(event),
      saveIsDue: () => owner.saveIsDue(instance),
      broken: () => owner.broken(instance),
    },
    absence,
  );
  return instance;
}
