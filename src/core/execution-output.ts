/**
 * Puts the answer to an execution together from its events: live while it runs, and again from the journal
 * whenever somebody asks later. Long output keeps its head and its tail; the journal has all of it.
 */
import type { MimeBundle, SessionEventBody } from '../types/events.js';
import type { ExecuteResult } from '../types/session.js';

/** Text of bounded length: the first and the last half of `limit` characters. */
class BoundedText {
  private head = '';
  private tail = '';
  private dropped = 0;

  constructor(private readonly limit: number) {}

  add(text: string): void {
    const half = Math.floor(this.limit / 2);
    const room = half - this.head.length;
    if (room > 0) this.head += text.slice(0, room);
    const rest = room > 0 ? text.slice(room) : text;
    if (!rest) return;
    this.tail += rest;
    // Cut now and then, not at every piece: cutting copies.
    if (this.tail.length > 2 * half) this.cut(half);
  }

  get truncated(): boolean {
    return this.dropped > 0 || this.tail.length > Math.floor(this.limit / 2);
  }

  toString(): string {
    this.cut(Math.floor(this.limit / 2));
    if (this.dropped === 0) return this.head + this.tail;
    return `${this.head}\n… ${this.dropped} characters left out …\n${this.tail}`;
  }

  private cut(half: number): void {
    const over = this.tail.length - half;
    if (over <= 0) return;
    this.tail = this.tail.slice(over);
    this.dropped += over;
  }
}

type Output = Pick<ExecuteResult, 'output' | 'stdout' | 'stderr' | 'result' | 'displays' | 'truncated'>;

export class ExecutionOutput {
  private readonly stdout: BoundedText;
  private readonly stderr: BoundedText;
  private readonly output: BoundedText;
  private readonly displays: MimeBundle[] = [];
  /** Places of those that can be updated. */
  private readonly named = new Map<string, number>();
  private displayBytes = 0;
  private result: MimeBundle | null = null;
  private gap = false;

  /** @param limit characters of each stream, and of all displays as JSON. */
  constructor(private readonly limit: number) {
    this.stdout = new BoundedText(limit);
    this.stderr = new BoundedText(limit);
    this.output = new BoundedText(limit);
  }

  add(event: SessionEventBody): void {
    switch (event.type) {
      case 'stdout':
      case 'stderr':
        this[event.type].add(event.text);
        this.output.add(event.text);
        break;
      case 'display':
        if (event.update === true) this.updateDisplay(event.data, event.display_id);
        else this.addDisplay(event.data, event.display_id);
        break;
      case 'execute_result':
        this.result = event.data;
        this.addLine(textOf(event.data));
        break;
      case 'truncated':
        this.gap = true;
        break;
      case 'result':
        if (event.error) this.addLine(event.error.traceback || `${event.error.name}: ${event.error.message}`);
        break;
      default:
        break;
    }
  }

  toResult(): Output {
    return {
      output: this.output.toString(),
      stdout: this.stdout.toString(),
      stderr: this.stderr.toString(),
      result: this.result,
      displays: this.displays,
      truncated: this.gap || this.output.truncated,
    };
  }

  /** What was shown by an earlier run is not part of this answer, and so is no update of it. */
  private updateDisplay(data: MimeBundle, id: string | undefined): void {
    const place = this.named.get(id ?? '');
    const former = place === undefined ? undefined : this.displays[place];
    if (place === undefined || former === undefined) return;
    const size = bundleSize(data) - bundleSize(former);
    if (this.displays.length > 1 && this.displayBytes + size > this.limit) {
      this.gap = true;
      return;
    }
    this.displayBytes += size;
    this.displays[place] = data;
  }

  private addDisplay(data: MimeBundle, id: string | undefined): void {
    const size = bundleSize(data);
    // The first one is always shown: an answer without its only figure helps nobody.
    if (this.displays.length > 0 && this.displayBytes + size > this.limit) {
      this.gap = true;
      return;
    }
    this.displayBytes += size;
    this.displays.push(data);
    if (id !== undefined) this.named.set(id, this.displays.length - 1);
    this.addLine(textOf(data));
  }

  private addLine(text: string): void {
    if (text) this.output.add(text.endsWith('\n') ? text : `${text}\n`);
  }
}

const bundleSize = (data: MimeBundle) =>
  Object.values(data).reduce<number>((sum, value) => sum + sizeOf(value), 0);

const sizeOf = (value: unknown) => (typeof value === 'string' ? value.length : JSON.stringify(value).length);

function textOf(data: MimeBundle): string {
  const text = data['text/plain'];
  return typeof text === 'string' ? text : '';
}
