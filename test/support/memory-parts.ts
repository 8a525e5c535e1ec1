/** Where a checkpoint's parts go in tests: a map from hash to bytes. */
import { createHash } from 'node:crypto';
import type { PartSink } from '../../src/types/engine.js';

/** Parts in memory, as a checkpoint collects them. */
export class MemoryParts implements PartSink {
  readonly bytes = new Map<string, Uint8Array>();
  names: string[] = [];
  puts = 0;

  has(hash: string): boolean {
    return this.bytes.has(hash);
  }
  async put(name: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    if (!(content instanceof Uint8Array)) throw new Error('expected bytes');
    const hash = createHash('sha256').update(content).digest('hex');
    this.bytes.set(hash, Uint8Array.from(content));
    this.names.push(name);
    this.puts += 1;
    return hash;
  }
  reuse(name: string): void {
    this.names.push(name);
  }
  read = async (hash: string): Promise<Uint8Array> => {
    const found = this.bytes.get(hash);
    if (!found) throw new Error(`no part ${hash}`);
    return found;
  };
}
