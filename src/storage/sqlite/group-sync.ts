/**
 * Waits for the disk on behalf of many: at most one sync is under way, and everybody who asks meanwhile shares the
 * next.
 *
 * Syncing the write-ahead log alone is enough. A commit is complete in the log, and SQLite only ever takes frames
 * out of the log after it synced the log, copied them into the database and synced that too. So whatever a commit
 * wrote is, at the moment we sync, either in the log file or already safe in the database. The sync goes through a
 * descriptor of its own on the thread pool: the kernel writes back the file's pages whoever wrote them.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Disposable } from '../../types/ports.js';

export class GroupSync implements Disposable {
  private running: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private handle: Promise<FileHandle> | undefined;
  /** How often the disk was waited for. */
  syncs = 0;

  constructor(private readonly walFile: string) {}

  /** Resolves when everything that was committed before the call is on the disk. Errors are Node's own. */
  wait(): Promise<void> {
    if (!this.running) return (this.running = this.run());
    // What runs now may have begun before the caller's commit: only the one after it is sure to cover it.
    return (this.next ??= this.running.then(
      () => this.startNext(),
      () => this.startNext(),
    ));
  }

  async dispose(): Promise<void> {
    await Promise.allSettled([this.running, this.next]);
    const handle = this.handle;
    this.handle = undefined;
    if (handle) await (await handle).close();
  }

  private startNext(): Promise<void> {
    this.next = undefined;
    return (this.running = this.run());
  }

  private async run(): Promise<void> {
    try {
      // Opened for writing as well: some systems refuse to sync what was opened for reading.
      this.handle ??= open(this.walFile, 'r+');
      const handle = await this.handle.catch((error: unknown) => {
        this.handle = undefined;
        throw error;
      });
      this.syncs += 1;
      await handle.datasync();
    } finally {
      if (!this.next) this.running = undefined;
    }
  }
}
