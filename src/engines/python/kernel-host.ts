/**
 * What all Python sessions of a server share: the zygote and the socket, started with the first session, and anew
 * when the zygote died. Makes kernels.
 */
import { dirname, join } from 'node:path';
import type { EngineContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { Disposable, ExitStatus } from '../../types/ports.js';
import type { Isolation } from '../../types/session.js';
import { kernelEnvironment } from './environment.js';
import type { FrameChannel } from './frame-channel.js';
import { KernelDoor } from './kernel-door.js';
import type { Expected } from './kernel-door.js';
import { Lease, UidPool } from './lease.js';
import { OutOfMemoryWatch } from './memory.js';
import type { PythonEngineOptions } from './options.js';
import { kernelReadySchema } from './protocol.js';
import { assertGiven, isolationGiven, temporaryRoot } from './sandbox.js';
import type { SandboxFacts, SandboxProfile } from './sandbox.js';
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
  /** Gets a connection ready for a copy; the kernel finds it by the ticket. @throws internal */
  connectCopy(): Promise<{ expected: Expected; ticket: string }>;
  /** Null: the server's. */
  readonly uid: number | null;
  /** Makes a folder and all in it the kernel's own. @throws internal */
  give(folder: string): Promise<void>;
  readonly lease: Lease;
}

/** What a kernel is to be made for. */
export type KernelPlace = Pick<EngineContext, 'workspace' | 'uid'>;

interface Shared {
  readonly door: KernelDoor;
  readonly zygote: ZygoteProcess;
  readonly facts: SandboxFacts;
  /** Null: kernels run under the server's own uid. */
  readonly uids: UidPool | null;
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

  /** What this machine gives to sessions of a profile. @throws engine_unavailable when there is no Python */
  async isolation(profile: SandboxProfile): Promise<Isolation> {
    return isolationGiven(profile, (await this.get()).facts);
  }

  /** Forks a kernel and waits until it is locked in. @throws engine_unavailable · closed */
  async startKernel(place: KernelPlace, profile: SandboxProfile): Promise<KernelProcess> {
    const { ids, sandbox, runDir, searchPath } = this.options;
    const shared = await this.get();
    assertGiven(profile, sandbox, shared.facts);
    const { door, zygote } = shared;
    const kernel = `k${ids.uid()}`;
    const secret = ids.secret();
    const isLocked = profile !== 'off';
    const uid = isLocked ? (shared.uids?.take() ?? null) : null;
    const temporary = isLocked ? join(temporaryRoot(runDir), kernel) : null;
    const lease = this.lease(shared, uid, temporary, place.workspace);
    const expected = door.expect(secret);
    void this.memoryWatch.refresh();
    try {
      const { pid, exited } = await zygote.fork({
        kernel,
        socket: door.path,
        secret,
        workspace: place.workspace,
        seed: place.uid,
        environment: kernelEnvironment(searchPath, place.workspace, kernel, temporary),
        sandbox: temporary === null ? null : { profile, uid, temporary, tolerant: sandbox.mode === 'auto' },
      });
      void exited.then(() => lease.end());
      const channel = await this.firstOf(expected, exited, () => zygote.kill(pid));
      return {
        pid,
        channel,
        exited,
        signal: (request, signal, group) => zygote.signal(pid, request, signal, group),
        kill: (spare) => zygote.kill(pid, spare),
        killCopy: (copy) => zygote.killCopy(pid, copy),
        connectCopy: () => this.connectCopy(shared, pid),
        uid,
        give: (folder) => zygote.give(folder, uid),
        lease,
      };
    } catch (error) {
      lease.end();
      throw error;
    } finally {
      expected.cancel();
    }
  }

  private async connectCopy({ door, zygote }: Shared, pid: number) {
    const { ids } = this.options;
    const secret = ids.secret();
    const ticket = ids.secret();
    const expected = door.expect(secret);
    try {
      await zygote.connect(pid, door.path, secret, ticket);
      return { expected, ticket };
    } catch (error) {
      expected.cancel();
      throw error;
    }
  }

  private lease({ zygote, uids }: Shared, uid: number | null, temporary: string | null, workspace: string) {
    const { files, log } = this.options;
    return new Lease({
      sweep: (spare) => {
        if (uid !== null) zygote.sweep(uid, spare);
      },
      release: async () => {
        try {
          // A uid under which something still runs is never handed out again by this zygote.
          if (uid !== null && (await zygote.release(uid, workspace))) uids?.giveBack(uid);
          if (temporary !== null) await files.remove(temporary);
        } catch (error) {
          log.warn({ err: error }, 'the temporary folder of a kernel could not be removed');
        }
      },
    });
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
      return { door, zygote, facts, uids: facts.uids && new UidPool(facts.uids) };
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
      void expected.channel
        .then(lockedIn)
        .then(resolve, reject)
        .finally(() => timer.cancel());
      void exited.then(({ code, signal }) => {
        timer.cancel();
        reject(unavailable(`a kernel ended before it was ready (${signal ?? `exit code ${code}`})`));
      });
    });
  }
}

/** Waits for the kernel's word that its sandbox is closed. @throws engine_unavailable */
async function lockedIn(channel: FrameChannel): Promise<FrameChannel> {
  const word = kernelReadySchema.safeParse((await channel.next())?.message);
  if (word.success && word.data.failed === null) return channel;
  const reason = word.success ? word.data.failed : 'it ended before it was';
  channel.dispose();
  throw new SojournError('engine_unavailable', `A kernel could not be locked in: ${reason}.`);
}
