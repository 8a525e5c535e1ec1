/**
 * One kernel as its engine talks to it: a request at a time, output as it comes, and one end, told once, after
 * everything that the kernel sent before it died.
 */
import type { z } from 'zod';
import { SojournError } from '../../types/errors.js';
import type { OutputEventBody } from '../../types/events.js';
import type { ExitStatus, IClock, Timer } from '../../types/ports.js';
import type { Frame } from './frame-reader.js';
import type { KernelProcess } from './kernel-process.js';
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

export const nobody = () => Promise.resolve(null);

interface Pending {
  readonly id: number;
  /** Ends with the answer: what a thread prints behind it belongs to nobody. */
  readonly onOutput: ((output: OutputEventBody) => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class KernelLink {
  private pending: Pending | null = null;
  private ping: Pending | null = null;
  /** The newest request; a ping may have a newer id only while nothing is asked. */
  private lastId = 0;
  private over: Error | null = null;
  /** Where output goes that belongs to no request. */
  onOutput: (output: OutputEventBody) => void = () => undefined;
  /** Who is asked for input; null is the end of input. */
  onInput: (prompt: string, password: boolean) => Promise<string | null> = nobody;
  /** Not null while nothing more should be read from the kernel. */
  backlog: () => Promise<void> | null = () => null;
  private question = 0;

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
      this.ping = { id, onOutput: undefined, resolve: () => resolve(), reject };
      this.process.channel.send({ op: 'ping', id });
    });
  }

  /** One request at a time: the caller waits for the answer before it asks again. */
  request(
    op: string,
    params: Readonly<Record<string, unknown>> = {},
    { tail, onOutput }: { tail?: Uint8Array; onOutput?: (output: OutputEventBody) => void } = {},
  ): Promise<unknown> {
    if (this.over) return Promise.reject(this.over);
    if (this.pending) throw new Error('a kernel is asked one thing at a time');
    this.lastId += 1;
    const id = this.lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.pending = { id, onOutput, resolve, reject };
      this.process.channel.send({ ...params, op, id }, tail);
    });
  }

  /** What a kernel answers is checked; one that answers nonsense is ended. @throws kernel_died */
  read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    this.process.channel.fail('an answer has the wrong shape');
    throw new SojournError('kernel_died', 'The kernel gave an answer of the wrong shape and was ended.');
  }

  /** The end of all questions: rejects what still waits for an answer, and whatever is asked from now on. */
  abandon(error: Error): void {
    this.over ??= error;
    const waiting = [this.ping, this.pending];
    this.ping = this.pending = null;
    for (const one of waiting) one?.reject(error);
  }

  private receive(frames: readonly Frame[]): void {
    const merged = new OutputMerger((output) => this.emit(output));
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
    const backlog = this.backlog();
    if (backlog) this.process.channel.pauseUntil(backlog);
  }

  private dispatch(message: Exclude<KernelMessage, { t: 'stdout' | 'stderr' }>): void {
    if (message.t === 'reply' || message.t === 'failed') {
      this.settle(message);
      return;
    }
    if (message.t === 'input_request') {
      void this.ask(message);
      return;
    }
    if (message.t === 'clear_output') {
      this.emit({ type: message.t, wait: message.wait });
      return;
    }
    const { t, ...shown } = message;
    this.emit({ type: t === 'result' ? 'execute_result' : 'display', ...shown });
  }

  private emit(output: OutputEventBody): void {
    (this.pending?.onOutput ?? this.onOutput)(output);
  }

  private async ask({ id, prompt, password }: Extract<KernelMessage, { t: 'input_request' }>): Promise<void> {
    const request = this.pending?.id;
    if (request === undefined) return;
    this.question = id;
    const value = await this.onInput(prompt, password);
    // The run may have ended meanwhile, or given up and asked anew.
    if (this.pending?.id !== request || this.question !== id) return;
    this.process.channel.send({ op: 'input_reply', id, value });
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

/** What a kernel can have to say of a request for a variable. */
const ownCodes = [
  'variable_not_found',
  'file_not_found',
  'invalid_params',
  'not_supported',
  'payload_too_large',
  'code_rejected',
] as const;

/** The kernel runs anybody's code: of its codes and fields only those count that it can have a reason for. */
function errorOf({ code, detail, fields }: Extract<KernelMessage, { t: 'failed' }>): SojournError {
  const { name, message, traceback } = fields;
  const own = ownCodes.find((candidate) => candidate === code);
  if (own !== undefined) return new SojournError(own, detail, name === undefined ? {} : { name });
  const known = Object.entries({ name, message, traceback }).filter(([, text]) => text !== undefined);
  return new SojournError('internal', detail, Object.fromEntries(known));
}
