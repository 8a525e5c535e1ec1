/**
 * Removes part files that nothing refers to: after a session was deleted, when a pin is released, and once after
 * opening, when a crash may have left some. A pinned part is
 * never removed, and the sweep spares what was written since the store was opened.
 */
import type { IFiles, ILog } from '../../types/ports.js';
import type { PartPin } from '../../types/store.js';
import { PartPins } from '../part-pins.js';
import { nextTurn } from '../turns.js';
import type { HeldParts } from './held-parts.js';
import type { PartFiles } from './parts.js';

const lookedAtOnce = 100;

export class PartCollector {
  private readonly pins = new PartPins((hashes) => this.released(hashes));
  private readonly pending = new Set<Promise<void>>();

  constructor(
    private readonly parts: PartFiles,
    private readonly held: HeldParts,
    private readonly files: IFiles,
    private readonly log: ILog,
  ) {}

  createPin(): PartPin {
    return this.pins.create();
  }

  /** Removes those of these parts that nothing refers to. Never rejects: what stays is swept at the next open. */
  async collect(hashes: readonly string[], spareRecent = false): Promise<void> {
    for (const hash of hashes) {
      try {
        const spared = spareRecent && this.parts.isRecent(hash);
        if (!spared && this.isFree(hash)) await this.parts.remove(hash);
      } catch (error) {
        this.log.warn({ hash, err: error }, 'an unused part could not be removed');
      }
    }
  }

  /** Removes what a crash left, a little at a time. */
  async sweep(temporary: readonly string[], signal: AbortSignal): Promise<void> {
    for (const path of temporary) {
      if (signal.aborted) return;
      await this.files.remove(path);
    }
    for await (const hashes of this.parts.listAll()) {
      for (let start = 0; start < hashes.length; start += lookedAtOnce) {
        if (signal.aborted) return;
        await this.collect(hashes.slice(start, start + lookedAtOnce), true);
        await nextTurn();
      }
    }
  }

  /** Resolves when no removal is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
  }

  private isFree(hash: string): boolean {
    return !this.pins.isHeld(hash) && this.held.heldSize(hash) === undefined;
  }

  private released(hashes: string[]): void {
    const removal = this.collect(hashes).finally(() => this.pending.delete(removal));
    this.pending.add(removal);
  }
}
