/**
 * How much a workspace holds, against its limits. Counting goes through the whole folder, so a count is kept for a
 * moment; nothing is refused on the word of an old one, for the session's own code may have made room meanwhile.
 */
import type { IConfig } from '../types/config.js';
import { errors } from '../types/errors.js';
import type { HeldDirectory, IClock, IFiles } from '../types/ports.js';
import { treeOf } from './file-tree.js';
import { isFileError } from './workspace-files.js';

type Limits = Pick<IConfig['limits'], 'workspace_bytes' | 'workspace_entries' | 'file_bytes'>;

export interface Usage {
  bytes: number;
  entries: number;
}

interface Count extends Usage {
  readonly at: number;
}

/** Folders are held open on the way down. */
const countedDepthMax = 500;
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
    const usage = await countHeld(folder, this.files, this.limits.workspace_entries);
    this.last = { ...usage, at: now };
    return this.last;
  }
}

/** What a folder holds, as far as `entriesMax`; nothing when it is not there. */
export async function countFiles(folder: string, files: IFiles, entriesMax: number): Promise<Usage> {
  const held = await files.holdDirectory(folder).catch((error: unknown) => {
    // Its own code may have removed the folder.
    if (isFileError(error)) return null;
    throw error;
  });
  if (!held) return { bytes: 0, entries: 0 };
  try {
    return await countHeld(held, files, entriesMax);
  } finally {
    await held.dispose();
  }
}

async function countHeld(held: HeldDirectory, files: IFiles, entriesMax: number): Promise<Usage> {
  const usage: Usage = { bytes: 0, entries: 0 };
  for await (const { stat, depth } of treeOf(held, '', { files, depthMax: countedDepthMax, entriesMax })) {
    usage.entries += 1;
    // What lies deeper is not seen: it must not be a place to hide in.
    if (depth >= countedDepthMax && stat.type === 'directory')
      usage.entries = Math.max(usage.entries, entriesMax);
    if (stat.type === 'file') usage.bytes += stat.size;
  }
  return usage;
}
