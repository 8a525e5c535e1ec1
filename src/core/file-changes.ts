/**
 * Tells which files of a workspace are new or changed since a moment. It goes by the time of the last change of a file
 * that the disk itself keeps: no program can set that back, and nothing has to be remembered of the time before.
 */
import type { IFiles } from '../types/ports.js';
import type { FileStaging } from './file-staging.js';
import { collect } from './file-tree.js';
import { isFileError } from './workspace-files.js';
import { workspaceDepthMax, workspaceEntriesMax } from './workspace-manifest.js';

/** A point of time on the disk's own clock, in milliseconds; it may lag behind ours. */
export interface FileMoment {
  readonly since: number;
}

export interface ChangedFiles {
  /** Paths from the workspace on, sorted. */
  readonly files: string[];
  /** False when the workspace has more entries, or more of them changed, than are looked at. */
  readonly complete: boolean;
}

const namedMax = 20_000;
/** The disk's clock ticks every few milliseconds, or with every look at it; this is far more than one tick. */
const looksMax = 10_000;

export class FileChanges {
  constructor(
    private readonly folder: string,
    private readonly staging: FileStaging,
    private readonly files: IFiles,
  ) {}

  /** Now: what was written before this was called is earlier, what is written after it has resolved is not. */
  async moment(): Promise<FileMoment> {
    const before = await this.stamp();
    let since = await this.stamp();
    for (let looks = 0; since <= before && looks < looksMax; looks += 1) since = await this.stamp();
    return { since };
  }

  /** At most 20,000 paths, after a look at 100,000 entries at most. */
  async since({ since }: FileMoment): Promise<ChangedFiles> {
    const { files } = this;
    const held = await files.holdDirectory(this.folder).catch((error: unknown) => {
      // Its own code may have removed the folder.
      if (isFileError(error)) return null;
      throw error;
    });
    if (!held) return { files: [], complete: true };
    const changed: string[] = [];
    const options = { files, depthMax: workspaceDepthMax, entriesMax: workspaceEntriesMax };
    const complete = await collect(held, '', options, ({ path, stat }) => {
      if (stat.type === 'file' && stat.ctimeMs >= since) changed.push(path);
    }).finally(() => held.dispose());
    changed.sort();
    return { files: changed.slice(0, namedMax), complete: complete && changed.length <= namedMax };
  }

  /** What the disk's clock shows. */
  private async stamp(): Promise<number> {
    const path = await this.staging.write(nothing(), undefined);
    const stat = await this.files.stat(path);
    await this.files.remove(path);
    return stat?.ctimeMs ?? 0;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* await Promise.resolve([]);
}
