/**
 * What all Python sessions of a server share: the zygote, its socket and the kernels made ahead, started with the first
 * session, and anew when the zygote died.
 */
import { dirname, join } from 'node:path';
import type { EngineContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { Disposable } from '../../types/ports.js';
import type { Isolation } from '../../types/session.js';
import { KernelDoor } from './kernel-door.js';
import { installPrefix, KernelMaker, sparePrefix } from './kernel-maker.js';
import type { KernelPlace } from './kernel-maker.js';
import type { KernelProcess } from './kernel-process.js';
import { MemoryProbe, OutOfMemoryWatch } from './memory.js';
import type { PythonEngineOptions } from './options.js';
import { defaultProfile, isolationGiven, temporaryRoot } from './sandbox.js';
import type { SandboxProfile } from './sandbox.js';
import { SpareKernels } from './spare-kernels.js';
import { unavailable, ZygoteProcess } from './zygote-process.js';

interface Shared {
  readonly maker: KernelMaker;
  readonly spares: SpareKernels;
}

export class KernelHost implements Disposable {
  private shared: Promise<Shared> | null = null;
  private newest: ZygoteProcess | null = null;
  private closed = false;
  readonly memoryWatch: OutOfMemoryWatch;
  readonly memoryProbe: MemoryProbe;

  constructor(private readonly options: PythonEngineOptions) {
    this.memoryWatch = new OutOfMemoryWatch(options.files);
    this.memoryProbe = new MemoryProbe(options.files, options.clock, () => this.newest?.pid ?? null);
  }

  async warmUp(): Promise<void> {
    await this.get();
  }

  /** What this machine gives to sessions of a profile. @throws engine_unavailable when there is no Python */
  async isolation(profile: SandboxProfile): Promise<Isolation> {
    return isolationGiven(profile, (await this.get()).maker.facts);
  }

  /** A kernel for this session, locked in. @throws engine_unavailable · closed */
  async startKernel(context: EngineContext, profile: SandboxProfile): Promise<KernelProcess> {
    const { spares } = await this.get();
    void this.memoryWatch.refresh();
    return spares.start(context, profile);
  }

  /** A kernel of no session, to do some work for one. @throws engine_unavailable · closed */
  async startHelper(place: KernelPlace, profile: SandboxProfile): Promise<KernelProcess> {
    return (await this.get()).maker.start(place, profile);
  }

  /** A fork of a living kernel for another session; see KernelMaker. @throws engine_unavailable · closed */
  async forkKernel(
    parent: KernelProcess,
    context: EngineContext,
    ask: (params: Readonly<Record<string, unknown>>) => Promise<number>,
  ): Promise<KernelProcess> {
    return (await this.get()).maker.fork(parent, context, ask);
  }

  async dispose(): Promise<void> {
    this.closed = true;
    // Also one that is still starting, and may wait for something.
    await this.newest?.dispose();
    const shared = await this.shared?.catch(() => null);
    await shared?.maker.zygote.dispose();
    await shared?.spares.dispose();
    await shared?.maker.door.dispose();
  }

  private async get(): Promise<Shared> {
    if (this.closed) throw new SojournError('closed', 'The Python engine is closed.');
    const shared = this.shared;
    if (shared) {
      const found = await shared;
      if (found.maker.zygote.isAlive) return found;
      if (this.shared === shared) this.shared = null;
      await found.spares.dispose();
      await found.maker.door.dispose();
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
    const { files, log, runDir, clock, sandbox, startTimeoutMs } = this.options;
    const door = new KernelDoor(runDir, this.options);
    const zygote = new ZygoteProcess(this.options);
    this.newest = zygote;
    const started = clock.monotonic();
    try {
      await door.open();
      await files.makeDirectory(sandbox.workspaces, 0o700);
      await files.makeDirectory(temporaryRoot(runDir), 0o700);
      const ready = await this.bounded(zygote.start(join(runDir, 'zygote.lock'), dirname(door.path)));
      const { preloaded, missing, sandbox: facts } = ready;
      const fields = { python: ready.python, preloaded, missing, sandbox: facts };
      log.info({ ...fields, duration_ms: Math.round(clock.monotonic() - started) }, 'the zygote is ready');
      if (ready.lock) await this.removeStale(door);
      else log.error({ waited_ms: startTimeoutMs }, 'kernels of an earlier server are still alive');
      const maker = new KernelMaker(this.options, door, zygote, facts);
      const spares = new SpareKernels(
        maker,
        defaultProfile(sandbox),
        this.options.spareKernels ?? 0,
        this.options,
      );
      spares.refillSoon();
      return { maker, spares };
    } catch (error) {
      await zygote.dispose();
      await door.dispose();
      throw error;
    }
  }

  /** What servers that are gone left in the folder. */
  private async removeStale(door: KernelDoor): Promise<void> {
    const { files, runDir } = this.options;
    await door.removeStale();
    const folder = temporaryRoot(runDir);
    for (const { name } of await files.list(folder)) await files.remove(join(folder, name));
    const { workspaces } = this.options.sandbox;
    for (const { name } of await files.list(workspaces))
      if (name.startsWith(sparePrefix) || name.startsWith(installPrefix))
        await files.remove(join(workspaces, name));
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
}
