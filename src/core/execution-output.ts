/**
 * Puts the answer to an execution together from its events: live while it runs, and again from the journal
 * whenever somebody asks later. Long output keeps its head and its tail, with a mark that says how to read the rest.
 * What the run cleared away is not in it; `get_output` has that too.
 */
import type { MimeBundle, SessionEventBody } from '../types/events.js';
import type { ExecuteResult, OutputStream } from '../types/session.js';
import { BoundedText } from './bounded-text.js';
import type { Gap } from './bounded-text.js';
import { RunScreen } from './run-screen.js';

type Text = Pick<ExecuteResult, 'output' | 'stdout' | 'stderr' | 'truncated' | 'total_bytes'>;
type Output = Text & Pick<ExecuteResult, 'result' | 'displays'>;

export class ExecutionOutput {
  private readonly stdout: BoundedText;
  private readonly stderr: BoundedText;
  private readonly output: BoundedText;
  private readonly screen = new RunScreen();
  private readonly displays: MimeBundle[] = [];
  /** Places of those that can be updated. */
  private readonly named = new Map<string, number>();
  private displayBytes = 0;
  private result: MimeBundle | null = null;
  private gap = false;
  /** The next output takes the place of what is there. */
  private clearing = false;

  /**
   * @param limit characters of each stream, and of all displays as JSON.
   * @param seq the place of the input, for the mark where something is left out
   */
  constructor(
    private readonly limit: number,
    private readonly seq: number,
  ) {
    this.stdout = new BoundedText(limit);
    this.stderr = new BoundedText(limit);
    this.output = new BoundedText(limit);
  }

  add(event: SessionEventBody): void {
    if (this.clearing && replaces(event)) this.clear();
    if (event.type === 'stdout' || event.type === 'stderr') this[event.type].add(event.text);
    else if (event.type === 'execute_result') this.result = event.data;
    else if (event.type === 'truncated' && event.spill_end === undefined) this.gap = true;
    else if (event.type === 'display') {
      if (event.update === true) this.updateDisplay(event.data, event.display_id);
      else this.addDisplay(event.data, event.display_id);
    }
    this.output.add(this.screen.add(event));
    if (event.type !== 'clear_output') return;
    if (event.wait) this.clearing = true;
    else this.clear();
  }

  toResult(): Output {
    return { ...this.toText(), result: this.result, displays: this.displays };
  }

  /** The texts alone. */
  toText(): Text {
    const { stdout, stderr } = this;
    this.output.add(this.screen.end());
    const truncated = this.gap || [this.output, stdout, stderr].some((text) => text.isCut);
    const total_bytes = {
      output: this.output.totalBytes,
      stdout: stdout.totalBytes,
      stderr: stderr.totalBytes,
    };
    return {
      output: this.output.toString((gap) => this.mark('output', gap)),
      stdout: stdout.toString((gap) => this.mark('stdout', gap)),
      stderr: stderr.toString((gap) => this.mark('stderr', gap)),
      truncated,
      ...(truncated ? { total_bytes } : {}),
    };
  }

  private clear(): void {
    this.clearing = false;
    this.output.add(this.screen.end());
    for (const text of [this.output, this.stdout, this.stderr]) text.clear();
    this.displays.splice(0);
    this.displayBytes = 0;
    this.named.clear();
  }

  private mark(stream: OutputStream, { bytes, offset }: Gap): string {
    const how = `get_output ${JSON.stringify({ seq: this.seq, stream, offset })}`;
    return `\n… ${bytes} bytes left out; ${how} reads them …\n`;
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
  }
}

/** True of what is shown anew, as an updated display is not. */
const replaces = (event: SessionEventBody): boolean =>
  event.type === 'stdout' ||
  event.type === 'stderr' ||
  event.type === 'execute_result' ||
  (event.type === 'display' && event.update !== true) ||
  (event.type === 'result' && Boolean(event.error));

const bundleSize = (data: MimeBundle) =>
  Object.values(data).reduce<number>((sum, value) => sum + sizeOf(value), 0);

const sizeOf = (value: unknown) => (typeof value === 'string' ? value.length : JSON.stringify(value).length);
