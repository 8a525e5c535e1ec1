/**
 * The server as a process in the background: started once, found by what it left in its data folder, and stopped
 * only when it is certainly ours.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SojournError } from '../types/errors.js';
import type { IProcessManager, RuntimeInfo } from '../types/managers.js';
import type { ChildProcess, IClock, IFiles, ISpawner } from '../types/ports.js';
import { readRuntime } from './data-directory.js';

export interface ProcessManagerOptions {
  readonly dataDir: string;
  /** Program and arguments that serve this folder in the foreground. */
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the server. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock: IClock;
  readonly files: IFiles;
  readonly spawner: ISpawner;
  readonly fetch?: typeof fetch;
}

const pollMs = 50;
const healthTimeoutMs = 2000;
const stopTimeoutMs = 20_000;

export class ProcessManager implements IProcessManager {
  constructor(private readonly options: ProcessManagerOptions) {}

  /** @throws engine_unavailable with the server's own last words when it does not come up */
  async startServer(options: { timeoutMs?: number } = {}): Promise<number | undefined> {
    const running = await this.find();
    if (running) return running.pid;
    const { dataDir, files, spawner, command, env, clock } = this.options;
    await files.makeDirectory(dataDir, 0o700).catch((cause: unknown) => {
      throw new SojournError('storage_error', `The data folder ${dataDir} cannot be made; give another --data-dir.`, {}, { cause });
    });
    const logFile = join(dataDir, 'server.log');
    const logged = (await files.stat(logFile))?.size ?? 0;
    const [program, ...args] = command;
    const child = spawner.spawn(program, args, { env, detached: true, logFile });
    child.unref();
    const deadline = clock.monotonic() + (options.timeoutMs ?? 30_000);
    const up = await this.untilUp(child, deadline);
    if (up) return up.pid;
    const words = await this.lastWords(logFile, logged);
    const detail = words ?? `The server did not answer in time; ${logFile} may say why.`;
    throw new SojournError('engine_unavailable', detail, { log: logFile });
  }

  async stopServer(): Promise<boolean> {
    const running = await this.find();
    if (!running) return false;
    const { spawner, clock } = this.options;
    spawner.signal(running.pid, 'SIGTERM');
    const deadline = clock.monotonic() + stopTimeoutMs;
    while (spawner.signal(running.pid, 0)) {
      // A server that hangs is ended the hard way: its journal has everything.
      if (clock.monotonic() > deadline) spawner.signal(running.pid, 'SIGKILL');
      await delay(pollMs);
    }
    return true;
  }

  async isServerRunning(): Promise<boolean> {
    return (await this.find()) !== null;
  }

  async getServerPid(): Promise<number | null> {
    return (await this.find())?.pid ?? null;
  }

  /** The running server; what a dead one left is ignored. A pid alone proves nothing: it may be another process by now. */
  async find(): Promise<RuntimeInfo | null> {
    const { dataDir, files, spawner } = this.options;
    const runtime = await readRuntime(dataDir, files);
    if (!runtime || !spawner.signal(runtime.pid, 0)) return null;
    const health = await this.health(runtime.url);
    if (health === runtime.pid) return runtime;
    if (health === 'no answer' && (await this.isOurs(runtime.pid))) {
      const detail = `The server with pid ${runtime.pid} at ${runtime.url} does not answer; \`kill ${runtime.pid}\` ends it, its sessions are kept.`;
      throw new SojournError('engine_unavailable', detail, { pid: runtime.pid, url: runtime.url });
    }
    return null;
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

  /** True when the process runs our program on this folder, as far as the system tells. */
  private async isOurs(pid: number): Promise<boolean> {
    const commandLine = await this.options.files.read(`/proc/${pid}/cmdline`).catch(() => new Uint8Array());
    const words = new TextDecoder().decode(commandLine).split('\0');
    return words.includes('serve') && words.some((word) => word.endsWith('main.js') || word.endsWith('sojourn'));
  }

  private async untilUp(child: ChildProcess, deadline: number): Promise<RuntimeInfo | null> {
    let ended = false;
    const note = () => {
      ended = true;
    };
    child.exited.then(note, note);
    for (;;) {
      const up = await this.find().catch(() => null);
      if (up) return up;
      if (ended) return this.find();
      if (this.options.clock.monotonic() > deadline) {
        child.kill('SIGKILL');
        return null;
      }
      await delay(pollMs);
    }
  }

  /** The last line that the server logged or complained with since it was started. */
  private async lastWords(logFile: string, from: number): Promise<string | null> {
    const bytes = await this.options.files.read(logFile).catch(() => new Uint8Array());
    const lines = new TextDecoder().decode(bytes.subarray(from)).trim().split('\n');
    const last = lines.findLast((line) => line.startsWith('sojourn: ')) ?? lines.at(-1);
    return last === undefined || last === '' ? null : last.replace(/^sojourn: /, '');
  }
}
