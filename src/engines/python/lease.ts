/**
 * What a kernel holds while any process of it may live: a uid that no other session has, and a temporary folder. Given
 * back when the kernel and the last copy of it are gone.
 */
import { SojournError } from '../../types/errors.js';

/** Hands out uids of a block, the one that was free longest first. */
export class UidPool {
  private readonly free: number[];

  constructor([first, last]: readonly [number, number]) {
    this.free = Array.from({ length: last - first + 1 }, (_, place) => first + place);
  }

  /** @throws engine_unavailable when every uid is taken */
  take(): number {
    const uid = this.free.shift();
    if (uid !== undefined) return uid;
    throw new SojournError(
      'engine_unavailable',
      'Every uid for Python sessions is taken; let sessions hibernate, or widen python.uid_range.',
    );
  }

  giveBack(uid: number): void {
    this.free.push(uid);
  }
}

export interface LeaseEnd {
  /** Ends what the kernel left behind, except these processes. */
  sweep(spare: readonly number[]): void;
  /** Ends everything and gives back uid and folder; never rejects. */
  release(): Promise<void>;
}

export class Lease {
  private readonly copies = new Set<number>();
  private kernelEnded = false;
  private resolveReleased: () => void = () => undefined;
  readonly released = new Promise<void>((resolve) => {
    this.resolveReleased = resolve;
  });

  constructor(private readonly after: LeaseEnd) {}

  /** Keeps the uid for a copy that outlives its kernel; returns what lets go of it. */
  hold(copy: number): () => void {
    this.copies.add(copy);
    return () => {
      if (this.copies.delete(copy)) this.settle();
    };
  }

  /** To be called once, when the kernel is gone. */
  end(): void {
    this.kernelEnded = true;
    this.settle();
  }

  private settle(): void {
    if (!this.kernelEnded) return;
    if (this.copies.size > 0) this.after.sweep([...this.copies]);
    else void this.after.release().then(this.resolveReleased);
  }
}
