/**
 * What waits for its turn, in a line for each client: they are served in rotation, so that whoever has much waiting
 * keeps nobody from their turn. Within one line the order is that of coming.
 */
interface Waiting<T> {
  readonly item: T;
  /** Counts up over all lines. */
  readonly arrival: number;
}

export class FairQueue<T> {
  /** The line that is served next comes first. None is empty. */
  private readonly lines = new Map<string, Waiting<T>[]>();
  private count = 0;

  get length(): number {
    return this.count;
  }

  lengthOf(line: string): number {
    return this.lines.get(line)?.length ?? 0;
  }

  /** When the one that has waited longest came; Infinity when nobody waits. */
  get oldest(): number {
    let oldest = Infinity;
    for (const [first] of this.lines.values()) oldest = Math.min(oldest, first?.arrival ?? Infinity);
    return oldest;
  }

  push(line: string, item: T, arrival: number): void {
    const waiting = this.lines.get(line);
    if (waiting) waiting.push({ item, arrival });
    else this.lines.set(line, [{ item, arrival }]);
    this.count += 1;
  }

  /** The next one; its line goes to the end. */
  shift(): T | undefined {
    const [next] = this.lines;
    if (!next) return undefined;
    const [line, waiting] = next;
    this.lines.delete(line);
    const first = waiting.shift();
    if (waiting.length > 0) this.lines.set(line, waiting);
    this.count -= 1;
    return first?.item;
  }

  /** Takes all away. */
  clear(): T[] {
    const all = [...this.lines.values()].flat().map(({ item }) => item);
    this.lines.clear();
    this.count = 0;
    return all;
  }
}
