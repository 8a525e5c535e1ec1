/** What a live session needs from the rest of the program, handed in as one object. */
import type { IConfig } from '../types/config.js';
import type { EngineDefinition, RunContext } from '../types/engine.js';
import type { SessionEvent } from '../types/events.js';
import type { IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type { ISessionStore } from '../types/store.js';
import type { FileChanges } from './file-changes.js';
import type { SessionFiles } from './session-files.js';
import type { WorkspaceGuard } from './workspace-guard.js';
import type { WarmShelf } from './warm-states.js';

export interface SessionServices {
  readonly store: ISessionStore;
  readonly clock: IClock;
  readonly files: IFiles;
  readonly ids: IIds;
  readonly log: ILog;
  readonly definition: EngineDefinition;
  readonly config: Pick<IConfig, 'limits' | 'execution' | 'checkpoint' | 'session'>;
  /** Where all sessions have the states that they keep warm. */
  readonly warmShelf: WarmShelf;
  /** The session's own folder. */
  readonly workspace: string;
  /** What clients do in it. */
  readonly sessionFiles: SessionFiles;
  /** What its code does in it. */
  readonly fileChanges: FileChanges;
  /** Watches how much its code writes. */
  readonly guard: WorkspaceGuard;
  /** Where the files of the workspace are while a replay makes them anew. */
  readonly aside: string;
  /** The folder for output that is too much for the journal. */
  readonly outputs: string;
  /** A read of another session of the same owner. */
  readonly ask: NonNullable<RunContext['ask']>;
  /** An event was journaled. */
  readonly publish: (event: SessionEvent) => void;
  /** Recovery would take too long by now: a checkpoint is due. */
  readonly saveIsDue: () => void;
  /** The instance cannot go on: it is to be let go, and woken anew from the store. */
  readonly broken: () => void;
}
