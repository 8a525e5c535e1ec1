/**
 * The zygote as a child of the server: started once, asked for forks and signals, heard when kernels end.
 * It dies with the server, and when it dies by itself all its kernels are reported dead.
 */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SojournError } from '../../types/errors.js';
import type { ChildProcess, Disposable, ExitStatus, Timer } from '../../types/ports.js';
import { zygoteEnvironment } from './environment.js';
import type { PythonEngineOptions } from './options.js';
import { zygoteReportSchema } from './protocol.js';
import type { ZygoteReport } from './protocol.js';
import { sandboxSetup } from './sandbox.js';
import type { SandboxProfile } from './sandbox.js';

type Ready = Extract<ZygoteReport, { event: 'ready' }>;
type Answer = Extract<
  ZygoteReport,
  { event: 'forked' | 'refused' | 'signalled' | 'connected' | 'found' | 'released' | 'given' }
>;

const defaultAnswerLimitMs = 5000;
/** A folder of a hundred thousand files changes hands within it. */
const giveLimitMs = 60_000;
/** How long the zygote may take to end its kernels when the server goes. */
const endLimitMs = 2000;

export interface ForkOrder {
  /** Marks every process of the kernel. */
  readonly kernel: string;
  readonly socket: string;
  readonly secret: string;
  readonly workspace: string;
  /** Null: none is closed around the kernel. */
  readonly sandbox: {
    readonly profile: SandboxProfile;
    readonly uid: number | null;
    readonly temporary: string;
    /** Goes on with what this machine gives. */
    readonly tolerant: boolean;
  } | null;
}

/** How a copy will find the server, and how it says who it is. */
export interface CopyOrder {
  readonly socket: string;
  readonly secret: string;
  readonly ticket: string;
}

export const pythonFile = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

export class ZygoteProcess implements Disposable {
  private child: ChildProcess | null = null;
  private readonly answers = new Map<number, (answer: Answer | null) => void>();
  private readonly exits = new Map<number, (status: ExitStatus) => void>();
  /** Of kernels whose fork was told and not yet taken note of: one that dies at once is told in the same breath. */
  private readonly newborn = new Map<number, Promise<ExitStatus>>();
  private lastId = 0;
  /** When it last said anything, on the monotonic clock. */
  private heardAt = 0;
  private errorText = '';
  private gone: Promise<void> = Promise.resolve();
  private ready: Ready | null = null;
  isAlive = false;

  constructor(private readonly options: PythonEngineOptions) {}

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  /**
   * Resolves when the preload list is imported.
   * @param door the folder of the socket that kernels connect to. @throws engine_unavailable
   */
  async start(lockPath: string, door: string): Promise<Ready> {
    const { executable, preload, spawner, searchPath, runDir, sandbox } = this.options;
    const setup = JSON.stringify({ preload, lock: lockPath, door, sandbox: sandboxSetup(sandbox, runDir) });
    const child = spawner.spawn(executable, ['-u', pythonFile('zygote.py'), setup], {
      env: zygoteEnvironment(searchPath),
      cwd: '/',
      detached: true,
    });
    this.child = child;
    this.isAlive = true;
    return new Promise<Ready>((resolve, reject) => {
      this.gone = child.exited.then(
        (status) => this.end(status, reject),
        (error: unknown) => this.end(error, reject),
      );
      this.listen(child, (report) => {
        if (report.event === 'ready') resolve((this.ready = report));
        if (report.event === 'unfit') reject(unavailable(`${executable}: ${report.detail}`));
      });
    });
  }

  /** The new kernel's pid, and its end. @throws engine_unavailable */
  async fork(order: ForkOrder): Promise<{ pid: number; exited: Promise<ExitStatus> }> {
    return this.born(await this.ask({ op: 'fork', ...order }), 'no kernel could be forked');
  }

  /** Hands a kernel what a frozen copy of it needs, the `heir`. @throws internal */
  async bear(pid: number, order: CopyOrder & { heir: string }): Promise<void> {
    assertDone(await this.ask({ op: 'bear', pid, ...order }), 'A frozen copy could not be arranged');
  }

  /** The process of a frozen copy; null when there is none. */
  async find(heir: string): Promise<number | null> {
    const answer = await this.ask({ op: 'find', heir });
    return answer?.event === 'found' ? answer.pid : null;
  }

  /** Takes a frozen copy, whose kernel is gone, for a kernel. @throws engine_unavailable when it is not as it was */
  async wake(heir: string, workspace: string): Promise<{ pid: number; exited: Promise<ExitStatus> }> {
    return this.born(await this.ask({ op: 'wake', heir, workspace }), 'a frozen copy could not be woken');
  }

  /** Ends a frozen copy. Resolves when it is on its way out. */
  async drop(heir: string): Promise<void> {
    await this.ask({ op: 'drop', heir });
  }

  /** Resolves when the signal, which is meant for one request of the kernel, has been sent or could not be. */
  async signal(pid: number, request: number, signal: NodeJS.Signals, group: boolean): Promise<boolean> {
    const answer = await this.ask({ op: 'signal', pid, request, signal, group });
    return answer?.event === 'signalled' && answer.sent;
  }

  /** Hands a kernel a connection for a copy that will say `secret`. @throws internal when it cannot be made */
  async connect(pid: number, order: CopyOrder): Promise<void> {
    assertDone(
      await this.ask({ op: 'connect', pid, ...order }),
      'A copy of the kernel could not be connected',
    );
  }

  /** Hands a kernel what its live fork needs. @throws internal */
  async arrange(pid: number, order: Readonly<Record<string, unknown>>): Promise<void> {
    assertDone(await this.ask({ op: 'arrange', pid, ...order }), 'A live fork could not be arranged');
  }

  /** Takes a live fork, by the name under which it was arranged, for a kernel. @throws engine_unavailable */
  async adopt(kernel: string, pid: number): Promise<{ exited: Promise<ExitStatus> }> {
    return this.born(await this.ask({ op: 'adopt', kernel, pid }), 'a live fork could not be adopted');
  }

  /** Sees to it that a live fork is under its own uid, and ends it otherwise. @throws internal */
  async confirm(pid: number): Promise<void> {
    assertDone(await this.ask({ op: 'confirm', pid }), 'A live fork was ended');
  }

  /** Forgets a live fork that was arranged. */
  cancel(kernel: string): void {
    this.write({ op: 'cancel', kernel });
  }

  /** Ends what runs under a uid, except `spare`. */
  sweep(uid: number, spare: readonly number[]): void {
    this.write({ op: 'sweep', uid, spare });
  }

  /** Ends all that runs under a uid and closes the workspace to it; false when something would not end. */
  async release(uid: number, workspace: string): Promise<boolean> {
    return (await this.ask({ op: 'release', uid, workspace }))?.event === 'released';
  }

  /** Makes a folder and all in it the own of a uid, or of the server. @throws internal */
  async give(folder: string, uid: number | null): Promise<void> {
    const answer = await this.ask({ op: 'give', folder, uid }, giveLimitMs);
    if (answer?.event === 'given') return;
    const detail = answer?.event === 'refused' ? answer.detail : 'the zygote died';
    throw new SojournError('internal', `A folder could not be handed to the session: ${detail}.`);
  }

  /** Ends a kernel with everything that descends from it, except copies that still write a checkpoint. */
  kill(pid: number, spare: readonly number[] = []): void {
    // Asked, not only told: a zygote that no longer acts is noticed here too.
    void this.ask({ op: 'kill', pid, spare });
  }

  killCopy(kernelPid: number, copyPid: number): void {
    this.write({ op: 'kill_copy', kernel: kernelPid, pid: copyPid });
  }

  /** The end of its input tells the zygote to kill all kernels and to go. */
  async dispose(): Promise<void> {
    if (!this.isAlive) return;
    this.child?.stdin?.end();
    const timer = this.options.clock.setTimer(endLimitMs, () => this.child?.kill('SIGKILL'));
    await this.gone;
    timer.cancel();
  }

  private listen(child: ChildProcess, onStart: (report: ZygoteReport) => void): void {
    const { log } = this.options;
    // Broken pipes are told by the exit that follows.
    child.stdin?.on('error', () => undefined);
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const report = zygoteReportSchema.safeParse(parseLine(line));
        if (!report.success) {
          log.warn({ bytes: line.length }, 'the zygote said something unknown');
          return;
        }
        onStart(report.data);
        this.hear(report.data);
      });
    }
    child.stderr?.on('data', (chunk: Buffer) => {
      this.errorText = (this.errorText + chunk.toString()).slice(-4000);
      if (this.ready) log.warn({ text: chunk.toString().slice(0, 2000) }, 'the zygote complained');
    });
  }

  private hear(report: ZygoteReport): void {
    this.heardAt = this.options.clock.monotonic();
    if (report.event === 'exit') {
      const resolve = this.exits.get(report.pid);
      this.exits.delete(report.pid);
      resolve?.({ code: report.code, signal: report.signal });
    } else if ('id' in report) {
      if (report.event === 'forked') this.expectExit(report.pid);
      const resolve = this.answers.get(report.id);
      this.answers.delete(report.id);
      resolve?.(report);
    }
  }

  private born(answer: Answer | null, failure: string): { pid: number; exited: Promise<ExitStatus> } {
    if (answer?.event !== 'forked')
      throw unavailable(answer?.event === 'refused' ? `${failure}: ${answer.detail}` : 'the zygote died');
    const { pid } = answer;
    const exited = this.newborn.get(pid);
    this.newborn.delete(pid);
    if (!exited) throw unavailable('the zygote told of a fork twice');
    return { pid, exited };
  }

  private expectExit(pid: number): void {
    this.newborn.set(pid, new Promise((resolve) => this.exits.set(pid, resolve)));
  }

  private ask(order: Record<string, unknown>, ownLimitMs?: number): Promise<Answer | null> {
    if (!this.isAlive) return Promise.resolve(null);
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve) => {
      const watch = this.watchAnswer(String(order.op), this.options.clock.monotonic(), ownLimitMs);
      this.answers.set(id, (answer) => {
        watch.cancel();
        resolve(answer);
      });
      this.write({ ...order, id });
    });
  }

  /**
   * It does nothing slow, so one that says nothing at all for so long is frozen: its end is reported as that of any
   * other, and the next one starts. One that has many orders says something all the time.
   */
  private watchAnswer(op: string, askedAt: number, ownLimitMs?: number): Timer {
    const { clock, log, zygoteLimitMs } = this.options;
    const limitMs = ownLimitMs ?? zygoteLimitMs ?? defaultAnswerLimitMs;
    const look = (): Timer => {
      const silentMs = clock.monotonic() - Math.max(askedAt, this.heardAt);
      return clock.setTimer(Math.max(0, limitMs - silentMs), () => {
        if (clock.monotonic() - Math.max(askedAt, this.heardAt) < limitMs) timer = look();
        else {
          log.error({ op }, 'the zygote does not answer and is killed');
          this.child?.kill('SIGKILL');
        }
      });
    };
    let timer = look();
    return { cancel: () => timer.cancel() };
  }

  private write(order: Record<string, unknown>): void {
    if (this.isAlive) this.child?.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  private end(result: unknown, reject: (error: SojournError) => void): void {
    this.isAlive = false;
    if (!this.ready) reject(this.startFailure(result));
    this.answers.forEach((resolve) => resolve(null));
    this.answers.clear();
    // The machine kills kernels when their zygote dies, unless one has asked it not to.
    this.exits.forEach((resolve, pid) => {
      this.killGroup(pid);
      resolve({ code: null, signal: 'SIGKILL' });
    });
    this.exits.clear();
  }

  private killGroup(pid: number): void {
    try {
      this.options.spawner.signal(-pid, 'SIGKILL');
    } catch (error) {
      this.options.log.warn({ err: error, pid }, 'a kernel whose zygote died could not be killed');
    }
  }

  private startFailure(result: unknown): SojournError {
    const { executable } = this.options;
    if (result instanceof Error) {
      const missing = 'code' in result && result.code === 'ENOENT';
      const detail = missing ? 'it was not found' : result.message;
      return unavailable(`Python '${executable}' cannot be started: ${detail}`, result);
    }
    const lastLine = this.errorText.trim().split('\n').at(-1) ?? '';
    return unavailable(`Python '${executable}' ended before it was ready. ${lastLine}`.trim());
  }
}

function assertDone(answer: Answer | null, what: string): void {
  if (answer?.event === 'connected') return;
  const detail = answer?.event === 'refused' ? answer.detail : 'the zygote died';
  throw new SojournError('internal', `${what}: ${detail}.`);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not a report: the caller logs that.
    return undefined;
  }
}

export const unavailable = (detail: string, cause?: unknown): SojournError =>
  new SojournError(
    'engine_unavailable',
    `${detail.replace(/[.\s]+$/, '')}. Install Python 3.9 or newer, or set python.executable to one.`,
    {},
    { cause },
  );
