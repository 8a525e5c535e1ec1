/**
 * How much a workspace holds, against its limits. Counting goes through the whole folder, so a count is kept for a
 * moment; nothing is refused on the word of an old one, for the session's own code may have made room meanwhile.
 */
import type { IConfig } from '../types/config.js';
import { errors } from '../types/errors.js';
import type { HeldDirectory, IClock, IFiles } from '../types/ports.js';
import { treeOf } from './file-tree.js';
import { workspaceDepthMax } from './workspace-manifest.js';

type Limits = Pick<IConfig['limits'], 'workspace_bytes' | 'workspace_entries' | 'file_bytes'>;

interface Count {
  bytes: number;
  entries: number;
  readonly at: number;
}

/** How long a count is believed, in milliseconds. */
const believedMs = 5000;

export class FileUsage {
  private last: Count | null = null;

  constructor(
    private readonly limits: Limits,
    private readonly files: IFiles,
    private readonly clock: Pick<IClock, 'monotonic'>,
  ) {}

  /**
   * How many bytes a file may have that takes the place of one with `replaced` bytes, null when it is a new one.
   * @throws limit_exceeded when `wanted` are too many, or there are too many files already
   */
  async room(folder: HeldDirectory, replaced: number | null, wanted: number): Promise<number> {
    const { file_bytes, workspace_bytes, workspace_entries } = this.limits;
    if (wanted > file_bytes) throw this.tooLarge();
    const fits = ({ bytes, entries }: Count) =>
      bytes - (replaced ?? 0) + wanted <= workspace_bytes &&
      (replaced !== null || entries < workspace_entries);
    let count = await this.count(folder, believedMs);
    if (!fits(count)) count = await this.count(folder, 0);
    if (!fits(count)) {
      if (replaced === null && count.entries >= workspace_entries)
        throw errors.limitExceeded('The number of files', 'limits.workspace_entries', workspace_entries);
      throw this.tooFull();
    }
    return Math.min(file_bytes, workspace_bytes - count.bytes + (replaced ?? 0));
  }

  /** The error for a body that turned out to be larger than `room` said. */
  overflow(room: number): Error {
    return room >= this.limits.file_bytes ? this.tooLarge() : this.tooFull();
  }

  /** What was written just now. */
  add(bytes: number, entries: number): void {
    if (!this.last) return;
    this.last.bytes += bytes;
    this.last.entries += entries;
  }

  /** To be called when something was removed. */
  forget(): void {
    this.last = null;
  }

  private tooLarge(): Error {
    const { file_bytes } = this.limits;
    return errors.limitExceeded('The size of a file in bytes', 'limits.file_bytes', file_bytes);
  }

  private tooFull(): Error {
    const { workspace_bytes } = this.limits;
    return errors.limitExceeded(
      'The size of the workspace in bytes',
      'limits.workspace_bytes',
      workspace_bytes,
    );
  }

  private async count(folder: HeldDirectory, maxAgeMs: number): Promise<Count> {
    const now = this.clock.monotonic();
    if (this.last && now - this.last.at < maxAgeMs) return this.last;
    const count: Count = { bytes: 0, entries: 0, at: now };
    const options = {
      files: this.files,
      depthMax: workspaceDepthMax,
      entriesMax: this.limits.workspace_entries,
    };
    for await (const { stat } of treeOf(folder, '', options)) {
      count.entries += 1;
      if (stat.type === 'file') count.bytes += stat.size;
    }
    this.last = count;
    return count;
  }
}
