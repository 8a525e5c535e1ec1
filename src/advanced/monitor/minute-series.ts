/**
 * The last hour, a minute at a time: what ended in the minute, and the most that was seen of what goes up and down. A
 * ring of fixed size: about 5 kB, however much happens.
 */
import type { WireBytes } from '../../types/operation.js';
import type { MetricsPoint } from '../../types/monitor.js';

const minuteMs = 60_000;
export const seriesMinutes = 60;

/** Places of one minute's numbers in the ring. */
const field = {
  calls: 0,
  errors: 1,
  timed: 2,
  sumMs: 3,
  maxMs: 4,
  received: 5,
  sent: 6,
  memory: 7,
  queue: 8,
};
const fieldCount = Object.keys(field).length;

export class MinuteSeries {
  private readonly numbers = new Float64Array(seriesMinutes * fieldCount);
  /** The minute since 1970 that each place of the ring holds. */
  private readonly minutes = new Float64Array(seriesMinutes).fill(-1);

  /** @param ms null for an operation that waits on purpose: its time tells nothing */
  addCall(at: number, ms: number | null, failed: boolean): void {
    const place = this.placeOf(at);
    this.add(place + field.calls, 1);
    if (failed) this.add(place + field.errors, 1);
    if (ms === null) return;
    this.add(place + field.timed, 1);
    this.add(place + field.sumMs, ms);
    this.raise(place + field.maxMs, ms);
  }

  addBytes(at: number, { received, sent }: WireBytes): void {
    const place = this.placeOf(at);
    this.add(place + field.received, received);
    this.add(place + field.sent, sent);
  }

  addSample(at: number, memoryBytes: number, queueLength: number): void {
    const place = this.placeOf(at);
    this.raise(place + field.memory, memoryBytes);
    this.raise(place + field.queue, queueLength);
  }

  /** Minutes of the hour before `now` in which anything was told, oldest first. */
  points(now: number): MetricsPoint[] {
    const last = Math.floor(now / minuteMs);
    const points: MetricsPoint[] = [];
    for (let minute = Math.max(0, last - seriesMinutes + 1); minute <= last; minute += 1) {
      const slot = minute % seriesMinutes;
      if (this.minutes[slot] === minute) points.push(this.point(minute, slot * fieldCount));
    }
    return points;
  }

  /** Adds those of several sessions up, minute by minute. */
  static sum(all: Iterable<MinuteSeries>): MinuteSeries {
    const sum = new MinuteSeries();
    for (const one of all) {
      for (const [slot, minute] of one.minutes.entries()) if (minute >= 0) sum.addMinute(one, slot, minute);
    }
    return sum;
  }

  private addMinute(other: MinuteSeries, slot: number, minute: number): void {
    const place = this.placeOf(minute * minuteMs);
    // A ring that went on further has given this minute up.
    if (this.minutes[slot] !== minute) return;
    for (let at = 0; at < fieldCount; at += 1) {
      const value = other.numbers[slot * fieldCount + at] ?? 0;
      if (at === field.maxMs) this.raise(place + at, value);
      else this.add(place + at, value);
    }
  }

  private point(minute: number, place: number): MetricsPoint {
    const number = (at: number) => this.numbers[place + at] ?? 0;
    const timed = number(field.timed);
    return {
      at: new Date(minute * minuteMs).toISOString(),
      call_count: number(field.calls),
      error_count: number(field.errors),
      received_bytes: number(field.received),
      sent_bytes: number(field.sent),
      average_ms: timed === 0 ? null : number(field.sumMs) / timed,
      max_ms: timed === 0 ? null : number(field.maxMs),
      memory_bytes: number(field.memory),
      queue_length: number(field.queue),
    };
  }

  /** Where the numbers of the minute stand. What a clock that was set back has passed already is added to. */
  private placeOf(at: number): number {
    const minute = Math.floor(at / minuteMs);
    const slot = minute % seriesMinutes;
    const held = this.minutes[slot] ?? -1;
    if (held < minute) {
      this.minutes[slot] = minute;
      this.numbers.fill(0, slot * fieldCount, (slot + 1) * fieldCount);
    }
    return slot * fieldCount;
  }

  private add(at: number, value: number): void {
    this.numbers[at] = (this.numbers[at] ?? 0) + value;
  }

  private raise(at: number, value: number): void {
    if (value > (this.numbers[at] ?? 0)) this.numbers[at] = value;
  }
}
