/**
 * The session kind `data`: a table that is loaded once and asked many times. Every change makes a new version; what
 * reads a version is not disturbed by what is written meanwhile.
 */
import type {
  CheckpointSource,
  EngineContext,
  ICapture,
  IEngine,
  RestoreReport,
  RunContext,
} from '../../types/engine.js';
import { errors, SojournError } from '../../types/errors.js';
import type { NotKept } from '../../types/events.js';
import type { Database } from './database.js';
import type { DataServices } from './services.js';
import type { TableState } from './table-state.js';
import type { Version } from './version.js';

export class DataEngine implements IEngine {
  constructor(
    readonly database: Database,
    readonly services: DataServices,
    readonly context: EngineContext,
    private state: TableState,
  ) {}

  /** The table as it is now. */
  get version(): Version {
    return this.state.head;
  }

  /** @throws checkpoint_not_found when no write with that seq made a version */
  versionAt(seq: number): Version {
    const found = this.state.versions.get(seq);
    if (found) return found;
    throw new SojournError('checkpoint_not_found', `There is no version ${seq}.`, { version: seq });
  }

  /** Makes a version from the present one; the next reads see it. */
  async change(
    operation: string,
    context: RunContext,
    make: (version: Version) => Promise<VersionChange>,
  ): Promise<Version> {
    const from = this.state.head;
    const changed = await make(from);
    const made = { ...from, ...changed, seq: context.inputSeq, parent: from.seq, operation };
    this.state = this.state.with(made);
    return made;
  }

  capture(): Promise<ICapture> {
    return Promise.reject(errors.closed('The data session'));
  }
  restore(_source: CheckpointSource): Promise<RestoreReport> {
    return Promise.reject(errors.closed('The data session'));
  }
  fork(_context: EngineContext): Promise<{ engine: IEngine; not_kept: NotKept[] }> {
    return Promise.reject(errors.closed('The data session'));
  }
  async dispose(): Promise<void> {
    await this.database.dispose();
  }
}

/** What a change gives instead of what was there. */
export type VersionChange = Partial<Omit<Version, 'seq' | 'parent' | 'operation'>>;
