/**
 * The server as a process in the background: started once, found by what it left in its data folder, and stopped
 * only when it is certainly ours.
 */
import { join } from 'node:path';
import { SojournError } from '../types/errors.js';
import type { IProcessManager, RuntimeInfo } from '../types/managers.js';
import type { ChildProcess, IClock, IFiles, ISpawner } from '../types/ports.js';
import { readRuntime } from './runtime-info.js';

export interface ProcessManagerOptions {
  readonly dataDir: string;
  /** Program and arguments that serve this folder in the foreground. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the server. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: IClock;
  /** Waits and keeps the program alive meanwhile, which the clock's own timers never do. */
  readonly pause: (ms: number) => Promise<unknown>;
  readonly files: IFiles;
  readonly spawner: ISpawner;
  readonly fetch?: typeof fetch;
}

const pollMs = 50;
const healthTimeoutMs = 2000;
const stopTimeoutMs = 15_000;
const killTimeoutMs = 5000;
/** How long another server, which took the folder just before, may need until it answers. */
const rivalTimeoutMs = 10_000;

/** What is known of the server that left word in the folder. */
interface Found {
  readonly runtime: RuntimeInfo;
  /** False when the process is there and certainly ours, but says nothing. */
  readonly answers: boolean;
}

export class ProcessManager implements IProcessManager {
  constructor(private readonly options: ProcessManagerOptions) {}

  /** @throws engine_unavailable with the server's own last words when it does not come up */
  async startServer(options: { timeoutMs?: number } = {}): Promise<number | undefined> {
    const running = await this.find();
    if (running) return running.pid;
    const { dataDir, files, spawner, command, env, clock } = this.options;
    await files.makeDirectory(dataDir, 0o700).catch((cause: unknown) => {
      throw new SojournError(
        'storage_error',
        `The data folder ${dataDir} cannot be made; give another --data-dir.`,
        {},
        { cause },
      );
    });
    const { logFile } = this;
    const logged = (await files.stat(logFile))?.size ?? 0;
    const [program, ...args] = command;
    const child = spawner.spawn(program, args, { env, detached: true, logFile });
    child.unref();
    const deadline = clock.monotonic() + (options.timeoutMs ?? 30_000);
    const up = await this.untilUp(child, deadline, logged);
    if (up) return up.pid;
    const words = await this.lastWords(logged);
    const detail = words ?? `The server did not answer in time; ${logFile} may say why.`;
    throw new SojournError('engine_unavailable', detail, { log: logFile });
  }

  /** @throws internal when not even SIGKILL ends the process */
  async stopServer(): Promise<boolean> {
    const found = await this.look();
    if (!found) return false;
    const { pid } = found.runtime;
    this.options.spawner.signal(pid, 'SIGTERM');
    if (await this.untilGone(pid, stopTimeoutMs)) return true;
    // A server that hangs is ended the hard way: its journal has everything.
    this.options.spawner.signal(pid, 'SIGKILL');
    if (await this.untilGone(pid, killTimeoutMs)) return true;
    throw new SojournError('internal', `The server with pid ${pid} cannot be ended, not even by SIGKILL.`, {
      pid,
    });
  }

  private get logFile(): string {
    return join(this.options.dataDir, 'server.log');
  }

  async isServerRunning(): Promise<boolean> {
    return (await this.find()) !== null;
  }

  async getServerPid(): Promise<number | null> {
    return (await this.find())?.pid ?? null;
  }

  /**
   * The running server; what a dead one left is ignored.
   * @throws engine_unavailable when it is there and does not answer
   */
  async find(): Promise<RuntimeInfo | null> {
    const found = await this.look();
    if (!found || found.answers) return found?.runtime ?? null;
    const { pid, url } = found.runtime;
    const detail = `The server with pid ${pid} at ${url} does not answer; \`sojourn stop\` ends it, its sessions are kept.`;
    throw new SojournError('engine_unavailable', detail, { pid, url });
  }

  /** A pid alone proves nothing: it may be another process by now. So the server, or the system, must confirm it. */
  private async look(): Promise<Found | null> {
    const runtime = await readRuntime(this.options.dataDir, this.options.files);
    if (!runtime || !this.isAlive(runtime.pid)) return null;
    const health = await this.health(runtime.url);
    if (health === runtime.pid) return { runtime, answers: true };
    const silent = health === 'no answer' && (await this.isOurs(runtime.pid));
    return silent ? { runtime, answers: false } : null;
  }

  private isAlive(pid: number): boolean {
    try {
      return this.options.spawner.signal(pid, 0);
    } catch {
      // It may not be signalled, so it belongs to somebody else, and so the pid has been given away since.
      return false;
    }
  }

  private async untilGone(pid: number, timeoutMs: number): Promise<boolean> {
    const { clock, pause } = this.options;
    const deadline = clock.monotonic() + timeoutMs;
    while (this.isAlive(pid)) {
      if (clock.monotonic() > deadline) return false;
      await pause(pollMs);
    }
    return true;
  }

  /** The pid that answers there. */
  private async health(url: string): Promise<number | 'no answer' | 'a stranger'> {
    try {
      const ask = this.options.fetch ?? fetch;
      const response = await ask(`${url}/api/health`, { signal: AbortSignal.timeout(healthTimeoutMs) });
      const body: unknown = await response.json();
      const pid = typeof body === 'object' && body !== null && 'pid' in body ? body.pid : undefined;
      return typeof pid === 'number' ? pid : 'a stranger';
    } catch {
      return 'no answer';
    }
  }

  /** True when the process runs our program, as far as the system tells. */
  private async isOurs(pid: number): Promise<boolean> {
    const commandLine = await this.options.files.read(`/proc/${pid}/cmdline`).catch(() => new Uint8Array());
    const words = new TextDecoder().decode(commandLine).split('\0');
    const programs = ['main.js', 'sojourn', 'scripts/start.mjs', ...this.options.command.slice(1, 2)];
    return words.some((word) => programs.some((program) => word.endsWith(program)));
  }

  /** The server, this child or one that was faster, once it answers; null when there will be none. */
  private async untilUp(child: ChildProcess, deadline: number, logged: number): Promise<RuntimeInfo | null> {
    const { clock, pause } = this.options;
    const state = { ended: false };
    const note = () => {
      state.ended = true;
    };
    child.exited.then(note, note);
    let until = deadline;
    for (;;) {
      const lost = state.ended;
      // A server that does not answer yet may do so the next time.
      const up = await this.find().catch(() => null);
      if (up) {
        if (up.pid !== child.pid) await this.withdraw(child, state.ended);
        return up;
      }
      if (lost && until === deadline) {
        if (!(await this.lastWords(logged))?.includes(' is in use by ')) return null;
        until = Math.min(deadline, clock.monotonic() + rivalTimeoutMs);
      }
      if (clock.monotonic() > until) {
        if (!state.ended) child.kill('SIGKILL');
        return null;
      }
      await pause(pollMs);
    }
  }

  /** Ends a child that came second: left alone it would serve the folder as soon as the first one is stopped. */
  private async withdraw(child: ChildProcess, ended: boolean): Promise<void> {
    if (ended) return;
    child.kill('SIGKILL');
    await child.exited;
  }

  /** The last line that the server logged or complained with since it was started. */
  private async lastWords(from: number): Promise<string | null> {
    const bytes = await this.options.files.read(this.logFile).catch(() => new Uint8Array());
    const lines = new TextDecoder().decode(bytes.subarray(from)).trim().split('\n');
    const last = lines.findLast((line) => line.startsWith('sojourn: ')) ?? lines.at(-1);
    return last === undefined || last === '' ? null : last.replace(/^sojourn: /, '');
  }
}
