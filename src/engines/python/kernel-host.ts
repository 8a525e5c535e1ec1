/**
 * What all Python sessions of a server share: the zygote and the socket, started with the first session, and anew
 * when the zygote died. Makes kernels.
 */
import { join } from 'node:path';
import type { EngineContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { Disposable, ExitStatus } from '../../types/ports.js';
import { kernelEnvironment } from './environment.js';
import type { FrameChannel } from './frame-channel.js';
import { KernelDoor } from './kernel-door.js';
import type { Expected } from './kernel-door.js';
import { OutOfMemoryWatch } from './memory.js';
import type { PythonEngineOptions } from './options.js';
import { unavailable, ZygoteProcess } from './zygote-process.js';

/** A kernel that has said hello. */
export interface KernelProcess {
  readonly pid: number;
  readonly channel: FrameChannel;
  /** Resolves when the process is gone. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal that is meant for one request. */
  signal(request: number, signal: NodeJS.Signals, group: boolean): Promise<boolean>;
  /** Ends it and all that descends from it, except copies that still write a checkpoint. */
  kill(spare?: readonly number[]): void;
  killCopy(pid: number): void;
}

interface Shared {
  readonly door: KernelDoor;
  readonly zygote: ZygoteProcess;
}

export class KernelHost implements Disposable {
  private shared: Promise<Shared> | null = null;
  private newest: ZygoteProcess | null = null;
  private closed = false;
  readonly memoryWatch: OutOfMemoryWatch;

  constructor(private readonly options: PythonEngineOptions) {
    this.memoryWatch = new OutOfMemoryWatch(options.files);
  }

  async warmUp(): Promise<void> {
    await this.get();
  }

  /** Forks a kernel and waits for its hello. @throws engine_unavailable · closed */
  async startKernel(context: EngineContext): Promise<KernelProcess> {
    const { ids, searchPath } = this.options;
    const { door, zygote } = await this.get();
    const kernel = `k${ids.uid()}`;
    const secret = ids.secret();
    const expected = door.expect(secret);
    void this.memoryWatch.refresh();
    try {
      const { pid, exited } = await zygote.fork({
        kernel,
        socket: door.path,
        secret,
        workspace: context.workspace,
        seed: context.uid,
        environment: kernelEnvironment(searchPath, context.workspace, kernel),
      });
      const channel = await this.firstOf(expected, exited, () => zygote.kill(pid));
      return {
        pid,
        channel,
        exited,
        signal: (request, signal, group) => zygote.signal(pid, request, signal, group),
        kill: (spare) => zygote.kill(pid, spare),
        killCopy: (copy) => zygote.killCopy(pid, copy),
      };
    } finally {
      expected.cancel();
    }
  }

  /** Lets in a copy of a kernel. */
  async expectCopy(secret: string): Promise<Expected> {
    const { door } = await this.get();
    return door.expect(secret);
  }

  async dispose(): Promise<void> {
    this.closed = true;
    // Also one that is still starting, and may wait for something.
    await this.newest?.dispose();
    const shared = await this.shared?.catch(() => null);
    await shared?.zygote.dispose();
    await shared?.door.dispose();
  }

  private async get(): Promise<Shared> {
    if (this.closed) throw new SojournError('closed', 'The Python engine is closed.');
    const shared = this.shared;
    if (shared) {
      const found = await shared;
      if (found.zygote.isAlive) return found;
      if (this.shared === shared) this.shared = null;
      await found.door.dispose();
    }
    this.shared ??= this.start();
    const starting = this.shared;
    try {
      return await starting;
    } catch (error) {
      if (this.shared === starting) this.shared = null;
      throw error;
    }
  }

  private async start(): Promise<Shared> {
    const { log, runDir, clock, startTimeoutMs } = this.options;
    const door = new KernelDoor(runDir, this.options);
    const zygote = new ZygoteProcess(this.options);
    this.newest = zygote;
    const started = clock.monotonic();
    try {
      await door.open();
      const ready = await this.bounded(zygote.start(join(runDir, 'zygote.lock')));
      const fields = { python: ready.python, preloaded: ready.preloaded, missing: ready.missing };
      log.info({ ...fields, duration_ms: Math.round(clock.monotonic() - started) }, 'the zygote is ready');
      if (ready.lock) await door.removeStale();
      else log.error({ waited_ms: startTimeoutMs }, 'kernels of an earlier server are still alive');
      return { door, zygote };
    } catch (error) {
      await zygote.dispose();
      await door.dispose();
      throw error;
    }
  }

  private bounded<T>(work: Promise<T>): Promise<T> {
    const { clock, startTimeoutMs } = this.options;
    return new Promise<T>((resolve, reject) => {
      // Waiting for kernels of an earlier server has its own limit in the zygote.
      const limitMs = startTimeoutMs + 10_000;
      const timer = clock.setTimer(limitMs, () =>
        reject(unavailable(`Python was not ready after ${limitMs} ms`)),
      );
      void work.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  private firstOf(expected: Expected, exited: Promise<ExitStatus>, kill: () => void): Promise<FrameChannel> {
    const { clock, startTimeoutMs } = this.options;
    return new Promise<FrameChannel>((resolve, reject) => {
      const timer = clock.setTimer(startTimeoutMs, () => {
        kill();
        reject(unavailable(`a kernel did not answer within ${startTimeoutMs} ms`));
      });
      void expected.channel.then(resolve).finally(() => timer.cancel());
      void exited.then(({ code, signal }) => {
        timer.cancel();
        reject(unavailable(`a kernel ended before it was ready (${signal ?? `exit code ${code}`})`));
      });
    });
  }
}
