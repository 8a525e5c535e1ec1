/**
 * A socket that carries frames, with back-pressure both ways: frames go to a listener as they come, or wait in a
 * bounded queue until somebody asks for the next one.
 */
import type { Socket } from 'node:net';
import type { Disposable } from '../../types/ports.js';
import { encodeFrameHead, FrameError, FrameReader } from './frame-reader.js';
import type { Frame } from './frame-reader.js';

const queuedBytesMax = 16 * 1024 ** 2;

export class FrameChannel implements Disposable {
  private readonly reader = new FrameReader();
  private queue: Frame[] = [];
  private queuedBytes = 0;
  private waiting: ((frame: Frame | null) => void) | null = null;
  private listener: ((frames: readonly Frame[]) => void) | null = null;
  private ended = false;
  /** Why the channel was closed by this side, if the other one broke the rules. */
  fault: string | null = null;
  private resolveClosed: () => void = () => undefined;
  readonly closed = new Promise<void>((resolve) => {
    this.resolveClosed = resolve;
  });

  constructor(private readonly socket: Socket) {}

  open(): this {
    this.socket.on('data', (chunk: Buffer) => this.receive(chunk));
    // A reset says no more than the close that follows it.
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => this.end());
    return this;
  }

  /** From now on every batch of frames goes to `listener`, those that waited first. */
  listen(listener: (frames: readonly Frame[]) => void): void {
    this.listener = listener;
    const waited = this.queue;
    this.queue = [];
    this.queuedBytes = 0;
    this.socket.resume();
    this.guarded(() => this.deliver(waited));
  }

  /** The next frame; null when the other side has closed. */
  next(): Promise<Frame | null> {
    const frame = this.queue.shift();
    if (frame) {
      this.queuedBytes -= frame.tail.length;
      if (this.queuedBytes < queuedBytesMax) this.socket.resume();
      return Promise.resolve(frame);
    }
    if (this.ended) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /** Takes nothing in until then; what the other side sends meanwhile makes it wait. */
  pauseUntil(ready: Promise<void>): void {
    this.socket.pause();
    void ready.then(() => this.socket.resume());
  }

  send(message: Readonly<Record<string, unknown>>, tail?: Uint8Array): void {
    if (this.ended) return;
    const head = encodeFrameHead(message, tail?.length ?? 0);
    if (!tail) {
      this.socket.write(head);
      return;
    }
    this.socket.cork();
    this.socket.write(head);
    this.socket.write(tail);
    this.socket.uncork();
  }

  /** Closes because the other side broke the rules; nobody has to tell it. */
  fail(reason: string): void {
    this.fault ??= reason;
    this.dispose();
  }

  dispose(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    if (this.fault !== null) return;
    this.guarded(() => {
      const frames = this.reader.push(chunk);
      if (this.listener) this.deliver(frames);
      else frames.forEach((frame) => this.enqueue(frame));
    });
  }

  /** Whatever the other side's bytes bring about is the end of this connection, and of nothing else. */
  private guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      const name = error instanceof Error ? error.name : 'error';
      this.fail(error instanceof FrameError ? error.message : `${name} while a frame was taken in`);
    }
  }

  private deliver(frames: readonly Frame[]): void {
    if (frames.length > 0) this.listener?.(frames);
  }

  private enqueue(frame: Frame): void {
    if (this.waiting) {
      const resolve = this.waiting;
      this.waiting = null;
      resolve(frame);
      return;
    }
    this.queue.push(frame);
    this.queuedBytes += frame.tail.length;
    if (this.queuedBytes >= queuedBytesMax || this.queue.length > 10_000) this.socket.pause();
  }

  private end(): void {
    this.ended = true;
    this.resolveClosed();
    this.waiting?.(null);
    this.waiting = null;
  }
}
