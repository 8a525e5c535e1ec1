/**
 * Keeps a workspace's files out of sight while recovery makes them anew, by running everything since the beginning
 * again: code that appends to a file is to meet it as it met it the first time. No file is lost by that: what the
 * replay did not make is put back behind it, also when the server dies in between.
 */
import { dirname } from 'node:path';
import type { FileOwner, FileStat, HeldDirectory, IFiles, ILog } from '../types/ports.js';
import { isFileError } from './workspace-files.js';
import { workspaceDepthMax } from './workspace-manifest.js';

/** The clock of a file system runs behind that of the journal by up to a tick, of 10 ms at most. */
const behindMs = 50;

export class WorkspaceAside {
  /** @param aside a folder on the same disk, which no code of a session reaches; it is there only meanwhile */
  constructor(
    private readonly workspace: string,
    private readonly aside: string,
    private readonly files: IFiles,
    private readonly log: ILog,
  ) {}

  /** Puts back what was taken by a recovery that did not come to its end, in the place of what that one has made. */
  async mend(): Promise<void> {
    if ((await this.files.stat(this.aside)) === null) return;
    await this.take(0);
    await this.giveBack();
  }

  /**
   * Takes all files but those that have not changed since `sinceMs`, in milliseconds since 1970: they were there
   * before anything ran. May be repeated: what was taken first is what counts.
   */
  async take(sinceMs: number): Promise<void> {
    await this.files.makeDirectory(this.aside, 0o700);
    await this.move(this.workspace, this.aside, { stays: (stat) => stat.ctimeMs < sinceMs - behindMs });
  }

  /** Puts back what is not there by now. */
  async giveBack(): Promise<void> {
    // A kernel may run under another uid than the one before. Only root can give files away, and has them meanwhile.
    const owner = (await this.files.stat(this.workspace))?.owner;
    const given = process.getuid?.() === 0 && owner?.uid !== 0 ? owner : undefined;
    await this.move(this.aside, this.workspace, { stays: () => false, owner: given });
    await this.files.removeOne(this.aside).catch(unlessFull);
    // Not empty while another fork of the session is being recovered.
    await this.files.removeOne(dirname(this.aside)).catch(() => undefined);
  }

  private async move(from: string, to: string, how: How): Promise<void> {
    const source = await this.files.holdDirectory(from);
    try {
      const target = await this.files.holdDirectory(to);
      try {
        await this.entries(source, target, how, 1);
      } finally {
        await target.dispose();
      }
    } finally {
      await source.dispose();
    }
  }

  /** What stands in the target already is dropped from the source. */
  private async entries(
    source: HeldDirectory,
    target: HeldDirectory,
    how: How,
    depth: number,
  ): Promise<void> {
    for (const { name } of await this.files.list(source.path)) {
      await this.entry({ source, target, name }, how, depth).catch((error: unknown) => {
        if (!isFileError(error)) throw error;
        // Better where it is than nowhere.
        this.log.warn({ err: error }, 'a file could not be moved for a recovery');
      });
    }
  }

  private async entry({ source, target, name }: Inner, how: How, depth: number): Promise<void> {
    const { files } = this;
    const [from, to] = [`${source.path}/${name}`, `${target.path}/${name}`];
    const stat = await files.stat(from);
    if (stat === null) return;
    const taken = await files.stat(to);
    const isFolder = stat.type === 'directory' && depth < workspaceDepthMax;
    if (isFolder && (taken === null || taken.type === 'directory'))
      await this.folder([from, stat], [to, taken], how, depth);
    else if (how.stays(stat)) return;
    else if (taken !== null) await files.remove(from);
    else {
      await files.rename(from, to);
      // A file with several names may have one outside.
      if (how.owner && (stat.type !== 'file' || stat.links === 1)) await files.setOwner(to, how.owner);
    }
  }

  private async folder(
    [from, stat]: [string, FileStat],
    [to, found]: [string, FileStat | null],
    how: How,
    depth: number,
  ): Promise<void> {
    const { files } = this;
    if (found === null) await files.makeDirectory(to, 0o700);
    const inner = await files.holdDirectory(from);
    try {
      const other = await files.holdDirectory(to);
      try {
        await unlocked(inner, stat, () =>
          unlocked(other, found, () => this.entries(inner, other, how, depth + 1)),
        );
        if (found === null) await other.setAttributes(attributesOf(stat, how.owner));
      } finally {
        await other.dispose();
      }
    } finally {
      await inner.dispose();
    }
    if (!how.stays(stat)) await files.removeOne(from).catch(unlessFull);
  }
}

interface How {
  readonly stays: (stat: FileStat) => boolean;
  /** Whose files they will be; as before when left out. */
  readonly owner?: FileOwner | undefined;
}

interface Inner {
  readonly source: HeldDirectory;
  readonly target: HeldDirectory;
  readonly name: string;
}

/** The session's own code may have locked the folder; one that is not locked keeps its time of change. */
async function unlocked(
  held: HeldDirectory,
  stat: FileStat | null,
  work: () => Promise<void>,
): Promise<void> {
  const isLocked = stat !== null && (stat.mode & 0o700) !== 0o700;
  if (isLocked) await held.setAttributes({ mode: 0o700 });
  await work();
  if (isLocked) await held.setAttributes(attributesOf(stat));
}

const attributesOf = ({ mode, owner }: FileStat, given = owner) => ({
  mode: mode & 0o777,
  ...(process.getuid?.() === 0 ? { owner: given } : {}),
});

/** Something in it stays, or has a name that is no text. */
function unlessFull(error: unknown): void {
  if (!isFileError(error) || error.code !== 'ENOTEMPTY') throw error;
}
