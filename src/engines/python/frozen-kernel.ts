/**
 * A frozen copy of a kernel, kept beside the checkpoint that was written from it. Waking it takes a few milliseconds
 * and gives back what no checkpoint can keep: generators, open files, locks, whatever cannot be pickled.
 */
import type { EngineContext, IEngine, IWarmState } from '../../types/engine.js';
import { errors } from '../../types/errors.js';
import type { NotKept } from '../../types/events.js';
import type { FrameChannel } from './frame-channel.js';
import type { Heir, KernelProcess } from './kernel-process.js';
import { connectionsClosed, threadLeftBehind } from './run-outcome.js';

export interface FrozenParts {
  readonly channel: FrameChannel;
  readonly heir: Heir;
  /** Of the session's code, which a copy does not have. */
  readonly threads: readonly string[];
  /** How many pipes and sockets it had to let go. */
  readonly closed: number;
  /** Gives back what it holds of the session's. */
  readonly letGo: () => Promise<void>;
  /** Puts an engine around the kernel that it has become. */
  readonly adopt: (process: KernelProcess, context: EngineContext) => Promise<IEngine>;
}

export class FrozenKernel implements IWarmState {
  private used = false;
  readonly gone: Promise<void>;

  constructor(private readonly parts: FrozenParts) {
    this.gone = parts.channel.closed;
  }

  /** @throws engine_unavailable when it is gone or not as it was · closed when it was woken or disposed before */
  async wake(context: EngineContext): Promise<{ engine: IEngine; not_kept: NotKept[] }> {
    if (this.used) throw errors.closed('The frozen kernel');
    this.used = true;
    const { heir, channel, threads, closed, letGo, adopt } = this.parts;
    try {
      const process = await heir.wake(channel);
      await letGo();
      const engine = await adopt(process, context);
      return { engine, not_kept: [...threads.map(threadLeftBehind), ...connectionsClosed(closed)] };
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /** Resolves when the process is ended and what nobody else needs is given back. */
  async dispose(): Promise<void> {
    if (this.used) return;
    this.used = true;
    await this.end();
  }

  private async end(): Promise<void> {
    const { heir, channel, letGo } = this.parts;
    await heir.drop();
    channel.dispose();
    await letGo();
  }
}
