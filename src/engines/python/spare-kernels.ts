/**
 * Kernels that wait for a session, made while nobody waits for one. A spare has never run a line of anybody's code, and
 * goes to one session only.
 */
import { dirname } from 'node:path';
import type { EngineContext } from '../../types/engine.js';
import type { Disposable, IClock, IFiles, ILog, Timer } from '../../types/ports.js';
import type { Born, KernelMaker } from './kernel-maker.js';
import type { KernelProcess } from './kernel-process.js';
import type { SandboxProfile } from './sandbox.js';

/** Long enough that the run for which a session was made comes first. */
const refillDelayMs = 4;

export interface SparePorts {
  readonly clock: IClock;
  readonly files: IFiles;
  readonly log: ILog;
}

export class SpareKernels implements Disposable {
  private readonly waiting: Born[] = [];
  private starting = 0;
  private timer: Timer | null = null;
  private closed = false;
  private filling: Promise<void> = Promise.resolve();

  constructor(
    private readonly maker: KernelMaker,
    private readonly profile: SandboxProfile,
    private readonly count: number,
    private readonly ports: SparePorts,
  ) {}

  /** A spare for this session, or one that is made for it. @throws engine_unavailable */
  async start(context: EngineContext, profile: SandboxProfile): Promise<KernelProcess> {
    this.starting += 1;
    try {
      const isNew = context.family === context.uid;
      const spare = isNew && profile === this.profile ? this.waiting.shift() : undefined;
      if (spare) {
        if (await this.given(spare, context)) return spare.process;
        this.waiting.push(spare);
      }
      return await this.maker.start(context, profile);
    } finally {
      this.starting -= 1;
      this.refillSoon();
    }
  }

  /** Begins to make spares, unless kernels are made for sessions that wait. */
  refillSoon(): void {
    if (this.timer || this.closed || this.waiting.length >= this.count) return;
    this.timer = this.ports.clock.setTimer(refillDelayMs, () => {
      this.timer = null;
      if (this.starting === 0) this.filling = this.filling.then(() => this.addOne());
    });
  }

  async dispose(): Promise<void> {
    this.closed = true;
    this.timer?.cancel();
    await this.filling;
    for (const spare of this.waiting.splice(0)) {
      spare.process.kill();
      spare.process.channel.dispose();
      await this.remove(spare);
    }
  }

  /** A spare whose folders could not be moved, or not all, is of no use to anybody. */
  private async given(spare: Born, context: EngineContext): Promise<boolean> {
    try {
      return await this.maker.give(spare, context);
    } catch (error) {
      spare.process.kill();
      throw error;
    }
  }

  /** A question of its own, because what was seen before an await need not hold after it. */
  private isClosed(): boolean {
    return this.closed;
  }

  private async addOne(): Promise<void> {
    if (this.closed || this.waiting.length >= this.count) return;
    try {
      const spare = await this.maker.startAhead(this.profile);
      this.waiting.push(spare);
      void spare.process.exited.then(() => {
        const place = this.waiting.indexOf(spare);
        if (place < 0) return;
        this.waiting.splice(place, 1);
        void this.remove(spare);
      });
      this.refillSoon();
    } catch (error) {
      if (!this.isClosed()) this.ports.log.warn({ err: error }, 'a kernel could not be made ahead');
    }
  }

  private async remove(spare: Born): Promise<void> {
    await spare.process.exited;
    await spare.process.lease.released;
    await this.ports.files.remove(dirname(spare.place.workspace)).catch((error: unknown) => {
      this.ports.log.warn({ err: error }, 'the folder of a spare kernel could not be removed');
    });
  }
}
