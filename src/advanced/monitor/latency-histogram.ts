/**
 * Latencies in buckets whose width grows with their value, as HdrHistogram has them: 16 of equal width for each power
 * of two from 1/1024 ms (about 1 µs) to 2^27 ms (37 hours); what lies outside is counted in the first or the last. A
 * bucket is the top 16 bits of the IEEE 754 double (sign, exponent, four bits of the fraction), so that finding it
 * takes no logarithm. Told is the middle of a bucket: at most 1/32 (3.2 %) beside the true value.
 */

const scratch = new DataView(new ArrayBuffer(8));

function topBits(value: number): number {
  scratch.setFloat64(0, value);
  return scratch.getUint16(0);
}

export const lowestMs = 2 ** -10;
export const highestMs = 2 ** 27;
const firstBits = topBits(lowestMs);
export const bucketCount = topBits(highestMs) - firstBits;

/** The bucket of a latency, from 0 to `bucketCount` - 1. */
export function bucketOf(ms: number): number {
  // Also false for what is no number.
  if (!(ms > lowestMs)) return 0;
  return ms >= highestMs ? bucketCount - 1 : topBits(ms) - firstBits;
}

/** The least value of a bucket, and so the bound of the one below. */
export function lowerBoundMs(bucket: number): number {
  scratch.setFloat64(0, 0);
  scratch.setUint16(0, bucket + firstBits);
  return scratch.getFloat64(0);
}

export class LatencyHistogram {
  /** Counts of the buckets from `start` on: only the span that was met takes memory. */
  private counts: number[] = [];
  private start = 0;
  private total = 0;
  private sum = 0;
  private least = Infinity;
  private most = 0;

  get count(): number {
    return this.total;
  }

  get sumMs(): number {
    return this.sum;
  }

  get maxMs(): number {
    return this.most;
  }

  record(ms: number): void {
    const bucket = bucketOf(ms);
    this.reach(bucket);
    const at = bucket - this.start;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    this.total += 1;
    this.sum += ms;
    if (ms > this.most) this.most = ms;
    if (ms < this.least) this.least = ms;
  }

  merge(other: LatencyHistogram): void {
    if (other.total === 0) return;
    const { start, counts } = other;
    this.reach(start);
    this.reach(start + counts.length - 1);
    const offset = start - this.start;
    for (let at = 0; at < counts.length; at += 1)
      this.counts[offset + at] = (this.counts[offset + at] ?? 0) + (counts[at] ?? 0);
    this.total += other.total;
    this.sum += other.sum;
    this.most = Math.max(this.most, other.most);
    this.least = Math.min(this.least, other.least);
  }

  /** The value that the share `q` of all reaches at most: that of rank ceil(q × count). Null without any. */
  quantile(q: number): number | null {
    if (this.total === 0) return null;
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (const [at, count] of this.counts.entries()) {
      seen += count;
      if (seen >= rank) return this.within(this.start + at);
    }
    return this.most;
  }

  /** How many are below a value, exactly where it is the bound of a bucket, as every power of two is. */
  countBelow(ms: number): number {
    const end = Math.max(0, bucketOf(ms) - this.start);
    return this.counts.slice(0, end).reduce((sum, count) => sum + count, 0);
  }

  private within(bucket: number): number {
    const middle = (lowerBoundMs(bucket) + lowerBoundMs(bucket + 1)) / 2;
    return Math.min(Math.max(middle, this.least), this.most);
  }

  /** Widens the span to a bucket. */
  private reach(bucket: number): void {
    if (this.counts.length === 0) this.start = bucket;
    for (; bucket < this.start; this.start -= 1) this.counts.unshift(0);
    while (bucket >= this.start + this.counts.length) this.counts.push(0);
  }
}
