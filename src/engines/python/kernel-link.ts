/**
 * One kernel as its engine talks to it: a request at a time, output as it comes, and one end, told once, after
 * everything that the kernel sent before it died.
 */
import { SojournError } from '../../types/errors.js';
import type { OutputEventBody } from '../../types/events.js';
import type { ExitStatus, IClock, Timer } from '../../types/ports.js';
import type { Frame } from './frame-reader.js';
import type { KernelProcess } from './kernel-host.js';
import { kernelMessageSchema } from './protocol.js';
import type { KernelMessage } from './protocol.js';

/** How long a dead process may keep its socket, or a closed socket its process. */
const lingerMs = 1000;
/** Of one piece of output, and of what is joined from several: what the kernel's 65536 characters may take. */
const pieceBytesMax = 256 * 1024;

export interface KernelEnd extends ExitStatus {
  /** The rule that the kernel broke, if that is why it was ended. */
  readonly fault: string | null;
}

interface Pending {
  readonly id: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class KernelLink {
  private pending: Pending | null = null;
  private ping: Pending | null = null;
  /** The newest request; a ping may have a newer id only while nothing is asked. */
  private lastId = 0;
  private over: Error | null = null;
  /** Where output goes now. */
  onOutput: (output: OutputEventBody) => void = () => undefined;

  constructor(
    readonly process: KernelProcess,
    private readonly clock: IClock,
  ) {}

  /** Begins to listen. Resolves when the kernel is gone, whoever ended it. */
  async run(): Promise<KernelEnd> {
    const { channel, exited } = this.process;
    channel.listen((frames) => this.receive(frames));
    const timers: Timer[] = [];
    const later = (delayMs: number, act: () => void) => void timers.push(this.clock.setTimer(delayMs, act));
    void channel.closed.then(() =>
      later(channel.fault ? 0 : lingerMs, () => {
        channel.fault ??= 'it closed its connection';
        this.process.kill();
      }),
    );
    void exited.then(() => later(lingerMs, () => channel.dispose()));
    const [status] = await Promise.all([exited, channel.closed]);
    timers.forEach((timer) => timer.cancel());
    return { ...status, fault: channel.fault };
  }

  /** Sends a signal that is meant for the present request; it never meets another one. */
  signal(signal: NodeJS.Signals, group: boolean): Promise<boolean> {
    return this.process.signal(this.lastId, signal, group);
  }

  kill(): void {
    this.process.kill();
  }

  /**
   * Asks for a sign of life while nothing else is asked. What is asked next need not wait for it: the kernel answers
   * in order.
   */
  signOfLife(): Promise<void> {
    if (this.over) return Promise.reject(this.over);
    if (this.pending || this.ping)
      throw new Error('a kernel is pinged once at a time, and not during a request');
    this.lastId += 1;
    const id = this.lastId;
    return new Promise<void>((resolve, reject) => {
      this.ping = { id, resolve: () => resolve(), reject };
      this.process.channel.send({ op: 'ping', id });
    });
  }

  /** One request at a time: the caller waits for the answer before it asks again. */
  request(op: string, params: Readonly<Record<string, unknown>> = {}, tail?: Uint8Array): Promise<unknown> {
    if (this.over) return Promise.reject(this.over);
    if (this.pending) throw new Error('a kernel is asked one thing at a time');
    this.lastId += 1;
    const id = this.lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.pending = { id, resolve, reject };
      this.process.channel.send({ ...params, op, id }, tail);
    });
  }

  /** The end of all questions: rejects what still waits for an answer, and whatever is asked from now on. */
  abandon(error: Error): void {
    this.over ??= error;
    const waiting = [this.ping, this.pending];
    this.ping = this.pending = null;
    for (const one of waiting) one?.reject(error);
  }

  private receive(frames: readonly Frame[]): void {
    const merged = new OutputMerger((output) => this.onOutput(output));
    for (const frame of frames) {
      const parsed = kernelMessageSchema.safeParse(frame.message);
      if (!parsed.success) {
        merged.flush();
        this.process.channel.fail('a message has the wrong shape');
        return;
      }
      const message = parsed.data;
      if (message.t === 'stdout' || message.t === 'stderr') {
        if (frame.tail.length > pieceBytesMax) {
          this.process.channel.fail('a piece of output is too large');
          return;
        }
        merged.text(message.t, frame.tail);
      } else {
        merged.flush();
        this.dispatch(message);
      }
    }
    merged.flush();
  }

  private dispatch(message: Exclude<KernelMessage, { t: 'stdout' | 'stderr' }>): void {
    if (message.t === 'display') this.onOutput({ type: 'display', data: message.data });
    else if (message.t === 'result') this.onOutput({ type: 'execute_result', data: message.data });
    else this.settle(message);
  }

  private settle(message: Extract<KernelMessage, { t: 'reply' | 'failed' }>): void {
    const answered = [this.ping, this.pending].find((one) => one?.id === message.id);
    if (!answered) {
      this.process.channel.fail('an answer to no question');
      return;
    }
    if (answered === this.ping) this.ping = null;
    else this.pending = null;
    if (message.t === 'reply') answered.resolve(message.value);
    else answered.reject(errorOf(message));
  }
}

/** Neighbouring pieces of one stream become one event. */
class OutputMerger {
  private stream: 'stdout' | 'stderr' = 'stdout';
  private pieces: Uint8Array[] = [];
  private size = 0;

  constructor(private readonly emit: (output: OutputEventBody) => void) {}

  text(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    if (stream !== this.stream || this.size + bytes.length > pieceBytesMax) this.flush();
    this.stream = stream;
    this.pieces.push(bytes);
    this.size += bytes.length;
  }

  flush(): void {
    if (this.pieces.length === 0) return;
    // Each piece ends with a whole character, so they may be joined before they are decoded.
    const text = Buffer.concat(this.pieces).toString();
    this.pieces = [];
    this.size = 0;
    this.emit({ type: this.stream, text });
  }
}

/** The kernel runs anybody's code: of its codes and fields only those count that it can have a reason for. */
function errorOf({ code, detail, fields }: Extract<KernelMessage, { t: 'failed' }>): SojournError {
  const { name, message, traceback } = fields;
  if (code === 'variable_not_found' || code === 'invalid_params') {
    return new SojournError(code, detail, name === undefined ? {} : { name });
  }
  const known = Object.entries({ name, message, traceback }).filter(([, text]) => text !== undefined);
  return new SojournError('internal', detail, Object.fromEntries(known));
}
