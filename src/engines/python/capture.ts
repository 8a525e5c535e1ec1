/**
 * A fixed state of a session: a forked copy of its kernel that serialises while the session goes on. The copy offers
 * parts by hash; what the store has is not sent again.
 */
import type { CheckpointContent, ICapture, IWarmState, PartSink } from '../../types/engine.js';
import { isSojournError, SojournError } from '../../types/errors.js';
import type { Disposable, IClock } from '../../types/ports.js';
import type { FrameChannel } from './frame-channel.js';
import type { Expected } from './kernel-door.js';
import type { Heir } from './kernel-process.js';
import { copyMessageSchema } from './protocol.js';
import type { CopyMessage } from './protocol.js';

const limitMs = 60_000;
const partsMax = 100_000;
/** From the end of the writing copy to the word of the frozen one. */
const freezeLimitMs = 10_000;

type Offer = Extract<CopyMessage, { t: 'part' }>;

export interface CaptureOptions {
  readonly expected: Expected;
  readonly clock: IClock;
  readonly killCopy: () => void;
  /** Bytes of all parts that a copy may send. */
  readonly bytesMax: number;
  /** Told once when the copy is no longer needed. */
  readonly onDisposed: (capture: Disposable) => void;
  /** Where a second copy stays frozen: what makes a state of it, which is null when that copy is gone already. */
  readonly frozen: {
    readonly heir: Heir;
    keep(channel: FrameChannel, closed: number): Promise<IWarmState | null>;
  } | null;
}

export class PythonCapture implements ICapture {
  private channel: FrameChannel | null = null;
  private disposed = false;
  private written = false;
  private kept = false;
  private abort: (error: SojournError) => void = () => undefined;

  constructor(private readonly options: CaptureOptions) {}

  /** @throws timeout after a minute · closed when it is disposed meanwhile · internal when the copy failed */
  async write(sink: PartSink): Promise<CheckpointContent> {
    if (this.disposed) throw closed();
    const { clock } = this.options;
    const aborted = new Promise<never>((_, reject) => {
      this.abort = reject;
    });
    const timer = clock.setTimer(limitMs, () => {
      this.abort(new SojournError('timeout', `The state could not be written within ${limitMs / 1000} s.`));
      this.dispose();
    });
    try {
      const content = await Promise.race([this.receive(sink), aborted]);
      this.written = true;
      return content;
    } finally {
      timer.cancel();
    }
  }

  /** Null also where a frozen copy was not asked for, or has ended. To be called once, when all is written. */
  async freeze(): Promise<IWarmState | null> {
    const { channel, options } = this;
    if (!channel || !options.frozen || !this.written || this.kept) return null;
    const timer = options.clock.setTimer(freezeLimitMs, () => this.dispose());
    try {
      const { message } = await this.next(channel);
      if (message.t !== 'frozen') throw broken('more than a checkpoint');
      const state = await options.frozen.keep(channel, message.closed);
      // Disposed meanwhile: the copy is on its way out.
      if (state && this.isDisposed()) await state.dispose();
      else this.kept = state !== null;
      return this.kept ? state : null;
    } catch (error) {
      if (!isSojournError(error, 'internal')) throw error;
      return null;
    } finally {
      timer.cancel();
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    const { expected, frozen, killCopy, onDisposed } = this.options;
    expected.cancel();
    if (!this.kept) {
      killCopy();
      this.channel?.dispose();
      void frozen?.heir.drop();
      // A copy that knocks only now finds nobody.
      void expected.channel.then((channel) => channel.dispose());
    }
    this.abort(closed());
    onDisposed(this);
  }

  /** A question of its own, because what was seen before an await need not hold after it. */
  private isDisposed(): boolean {
    return this.disposed;
  }

  private async receive(sink: PartSink): Promise<CheckpointContent> {
    const channel = await this.options.expected.channel;
    this.channel = channel;
    const names = new Set<string>();
    let bytes = 0;
    for (;;) {
      const { message } = await this.next(channel);
      if (message.t === 'manifest') {
        return {
          manifest: message.manifest,
          not_kept: message.not_kept,
          variable_count: message.variable_count,
        };
      }
      if (message.t === 'broken') throw new SojournError('internal', `The copy failed: ${message.detail}`);
      if (message.t !== 'part') throw broken('bytes that nobody asked for');
      bytes += message.size;
      if (names.has(message.name) || names.size >= partsMax) throw broken('part names');
      if (bytes > this.options.bytesMax) throw broken('more bytes than allowed');
      names.add(message.name);
      await this.receivePart(channel, message, sink);
    }
  }

  private async receivePart(channel: FrameChannel, offer: Offer, sink: PartSink): Promise<void> {
    if (sink.has(offer.hash)) {
      sink.reuse(offer.name, offer.hash);
      channel.send({ op: 'have' });
      return;
    }
    channel.send({ op: 'need' });
    const hash = await sink.put(offer.name, this.chunks(channel, offer.size));
    if (hash !== offer.hash) throw broken('a part that does not match its hash');
  }

  private async *chunks(channel: FrameChannel, size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      const { message, tail } = await this.next(channel);
      if (message.t !== 'bytes' || tail.length === 0 || tail.length > left) throw broken('bytes of a part');
      left -= tail.length;
      yield tail;
    }
  }

  private async next(channel: FrameChannel): Promise<{ message: CopyMessage; tail: Uint8Array }> {
    const frame = await channel.next();
    if (!frame) throw broken('an end before the manifest');
    const parsed = copyMessageSchema.safeParse(frame.message);
    if (!parsed.success) throw broken('a message of the wrong shape');
    return { message: parsed.data, tail: frame.tail };
  }
}

const closed = () => new SojournError('closed', 'The capture was disposed before it was written.');
const broken = (what: string) => new SojournError('internal', `The copy of the kernel sent ${what}.`);
