/**
 * Makes few events of many small outputs: text that comes within a few milliseconds goes on as one piece. The first
 * text after a pause goes on at once, and whatever is no text waits for nothing and overtakes nothing.
 */
import type { OutputEventBody } from '../types/events.js';
import type { IClock, Timer } from '../types/ports.js';
import type { TextStream } from './output-spill.js';

/** How long text may wait for more. */
const joinMs = 5;
const heldCharactersMax = 65_536;

interface Held {
  readonly stream: TextStream;
  text: string;
}

export class OutputJoiner {
  private held: Held[] = [];
  private heldCharacters = 0;
  private timer: Timer | null = null;
  private passedAt = -Infinity;

  constructor(
    private readonly clock: IClock,
    private readonly pass: (output: OutputEventBody) => void,
  ) {}

  add(output: OutputEventBody): void {
    if (output.type === 'stdout' || output.type === 'stderr') {
      this.addText(output.type, output.text);
      return;
    }
    this.flush();
    this.pass(output);
  }

  /** Passes on what is held. */
  flush(): void {
    this.timer?.cancel();
    this.timer = null;
    const held = this.held;
    if (held.length === 0) return;
    this.held = [];
    this.heldCharacters = 0;
    this.passedAt = this.clock.monotonic();
    for (const { stream, text } of held) this.pass({ type: stream, text });
  }

  private addText(stream: TextStream, text: string): void {
    const last = this.held.at(-1);
    if (last?.stream === stream) last.text += text;
    else this.held.push({ stream, text });
    this.heldCharacters += text.length;
    const isDue = last === undefined && this.clock.monotonic() - this.passedAt >= joinMs;
    if (isDue || this.heldCharacters >= heldCharactersMax) this.flush();
    else this.timer ??= this.clock.setTimer(joinMs, () => this.flush());
  }
}
