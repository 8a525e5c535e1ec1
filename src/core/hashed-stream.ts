/** Bytes on their way to somewhere, counted and hashed as they pass. */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';

export class HashedStream implements AsyncIterable<Uint8Array> {
  private readonly digest: Hash = createHash('sha256');
  private passed = 0;

  constructor(private readonly pieces: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.pieces) {
      this.digest.update(piece);
      this.passed += piece.length;
      yield piece;
    }
  }

  /** Of all that has passed: SHA-256 as hex digits, and bytes. To be asked once, at the end. */
  total(): { hash: string; size: number } {
    return { hash: this.digest.digest('hex'), size: this.passed };
  }
}
