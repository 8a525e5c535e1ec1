/** Real Python sessions for tests: one zygote a suite, fresh kernels and workspaces a test. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { silentLog, systemClock, systemFiles, systemIds, systemSpawner } from '../../src/core/system.js';
import { pythonEngine } from '../../src/engines/python/definition.js';
import type { PythonEngineOptions, SandboxOptions } from '../../src/engines/python/definition.js';
import { PythonEngine } from '../../src/engines/python/python-engine.js';
import type {
  CheckpointContent,
  CheckpointSource,
  EngineContext,
  EngineDeath,
  ExecuteOutcome,
  IWarmState,
  PartSink,
  RestoreReport,
} from '../../src/types/engine.js';
import type { NotKept, OutputEventBody } from '../../src/types/events.js';
import { needs, pythonExecutable } from './needs.js';
import { temporaryFolder } from './temporary-folder.js';

/** A sink that keeps everything in memory, like a store would on disk. */
export class MemorySink implements PartSink {
  readonly parts: { name: string; hash: string; bytes: Buffer }[] = [];
  readonly reused: string[] = [];

  constructor(private readonly known = new Map<string, Buffer>()) {}

  has(hash: string): boolean {
    return this.known.has(hash);
  }

  async put(name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<string> {
    const chunks: Uint8Array[] = [];
    if (bytes instanceof Uint8Array) chunks.push(bytes);
    else for await (const chunk of bytes) chunks.push(chunk);
    const all = Buffer.concat(chunks);
    const hash = createHash('sha256').update(all).digest('hex');
    this.parts.push({ name, hash, bytes: all });
    this.known.set(hash, all);
    return hash;
  }

  reuse(name: string, hash: string): void {
    const bytes = this.known.get(hash);
    if (!bytes) throw new Error('reused what is not there');
    this.reused.push(name);
    this.parts.push({ name, hash, bytes });
  }

  hashes(): Record<string, string> {
    return Object.fromEntries(this.parts.map(({ name, hash }) => [name, hash]));
  }
}

export interface Saved {
  content: CheckpointContent;
  sink: MemorySink;
}

/** What a store would hand to `restore`: the manifest has been through JSON. */
export function sourceOf({ content, sink }: Saved): CheckpointSource {
  return {
    manifest: JSON.parse(JSON.stringify(content.manifest)) as Record<string, unknown>,
    parts: sink.parts.map(({ name, hash, bytes }) => ({ name, hash, size: bytes.length })),
    read: (name) => {
      const part = sink.parts.find((candidate) => candidate.name === name);
      return part ? Promise.resolve(part.bytes) : Promise.reject(new Error(`no part ${name}`));
    },
  };
}

/** One session with everything it said. */
export class PythonSession {
  readonly outputs: OutputEventBody[] = [];
  readonly idleOutputs: OutputEventBody[] = [];
  readonly deaths: EngineDeath[] = [];
  /** Disposed when the sessions are ended. */
  readonly states: IWarmState[] = [];
  /** Of a state that was woken. */
  readonly notKept: NotKept[] = [];
  private seq = 0;

  constructor(
    readonly engine: PythonEngine,
    readonly workspace: string,
    readonly family: string,
    idle: OutputEventBody[],
    deaths: EngineDeath[],
  ) {
    this.idleOutputs = idle;
    this.deaths = deaths;
  }

  async run(code: string, options: { signal?: AbortSignal; silent?: boolean } = {}): Promise<RunReport> {
    const outputs: OutputEventBody[] = [];
    this.seq += 1;
    const outcome = await this.engine.execute(
      { code, silent: options.silent ?? false },
      {
        signal: options.signal ?? new AbortController().signal,
        inputSeq: this.seq,
        emit: (output) => {
          outputs.push(output);
          this.outputs.push(output);
          this.onOutput(output);
        },
      },
    );
    return new RunReport(outcome, outputs);
  }

  /** Told of every output of every run. */
  onOutput: (output: OutputEventBody) => void = () => undefined;

  /** The state of now, frozen beside what is written of it; null when it cannot be had. */
  async freeze(): Promise<IWarmState | null> {
    const capture = await this.engine.capture({ freezable: true });
    try {
      await capture.write(new MemorySink());
      const state = (await capture.freeze?.()) ?? null;
      if (state) this.states.push(state);
      return state;
    } finally {
      await capture.dispose();
    }
  }

  /** The text of the last expression. @throws when the run fails */
  async value(code: string): Promise<string> {
    const report = await this.run(code);
    if (report.outcome.status !== 'ok') throw new Error(report.outcome.error?.traceback);
    return report.result;
  }

  async save(known?: Map<string, Buffer>): Promise<Saved> {
    const capture = await this.engine.capture();
    try {
      const sink = new MemorySink(known);
      return { content: await capture.write(sink), sink };
    } finally {
      await capture.dispose();
    }
  }

  /** Places go on after those of the stored session, as a journal's do. */
  restore(saved: Saved): Promise<RestoreReport> {
    this.seq += 1000;
    return this.engine.restore(sourceOf(saved));
  }
}

export class RunReport {
  constructor(
    readonly outcome: ExecuteOutcome,
    readonly outputs: OutputEventBody[],
  ) {}

  text(stream: 'stdout' | 'stderr'): string {
    return this.outputs.map((output) => (output.type === stream ? output.text : '')).join('');
  }

  get result(): string {
    const shown = this.outputs.find((output) => output.type === 'execute_result');
    return shown?.type === 'execute_result' ? String(shown.data['text/plain']) : '';
  }
}

/** The sandbox of a world in `folder`, as the configuration's defaults would set it. */
export const testSandbox = (folder: string, changes: Partial<SandboxOptions> = {}): SandboxOptions => ({
  mode: 'auto',
  allowed: ['strict'],
  uidRange: [200_000, 265_535],
  readOnlyRoots: [],
  memoryBytes: 4 * 2 ** 30,
  fileBytes: 2 ** 30,
  cpuS: 0,
  processCount: 256,
  workspaces: join(folder, 'workspaces'),
  ...changes,
});

/** A zygote and the sessions made with it. */
export class PythonWorld {
  private static readonly opened: PythonWorld[] = [];
  private readonly sessions: PythonSession[] = [];

  private constructor(
    readonly definition: ReturnType<typeof pythonEngine>,
    readonly folder: string,
  ) {}

  static async open(options: Partial<PythonEngineOptions> = {}, given?: string): Promise<PythonWorld> {
    const folder = given ?? (await temporaryFolder('python'));
    const definition = pythonEngine({
      // Another interpreter can be put through the same tests.
      executable: process.env.SOJOURN_TEST_PYTHON ?? pythonExecutable,
      preload: [],
      startTimeoutMs: 30_000,
      interruptGraceMs: 2000,
      variableBytes: 10 * 2 ** 20,
      sessionBytes: 100 * 2 ** 20,
      runDir: join(folder, 'run'),
      // Most suites look at their kernel from inside, through /proc and with programs.
      sandbox: testSandbox(folder, { mode: 'off' }),
      spawner: systemSpawner,
      clock: systemClock,
      ids: systemIds,
      files: systemFiles,
      log: silentLog,
      ...options,
    });
    const world = new PythonWorld(definition, folder);
    PythonWorld.opened.push(world);
    return world;
  }

  /** For hooks that run even where a suite was skipped before it had opened anything. */
  static async closeAll(): Promise<void> {
    for (const world of PythonWorld.opened.splice(0)) await world.close();
  }

  async session(
    uid = systemIds.uid(),
    options: { sandbox?: 'strict' | 'workspace' | 'off' } = {},
  ): Promise<PythonSession> {
    const parsed = this.definition.options.parse(options);
    return this.keep(uid, uid, (context) => this.definition.create(parsed, context));
  }

  /** A live fork of a session. */
  fork(source: PythonSession): Promise<PythonSession> {
    return this.keep(
      systemIds.uid(),
      source.family,
      async (context) => (await source.engine.fork(context)).engine,
    );
  }

  /** Ends the session and wakes a state that was frozen of it; what is missing is in `notKept`. */
  async wake(state: IWarmState | null, session: PythonSession): Promise<PythonSession> {
    if (!state) throw new Error('nothing was frozen');
    await session.engine.dispose();
    let notKept: NotKept[] = [];
    const woken = await this.keep(basename(session.workspace), session.family, async (context) => {
      const { engine, not_kept } = await state.wake(context);
      notKept = not_kept;
      if (!(engine instanceof PythonEngine)) throw new Error('an engine of another kind was woken');
      return engine;
    });
    woken.notKept.push(...notKept);
    return woken;
  }

  private async keep(
    uid: string,
    family: string,
    make: (context: EngineContext) => Promise<PythonEngine>,
  ): Promise<PythonSession> {
    const workspace = join(this.folder, 'workspaces', family, uid);
    await mkdir(workspace, { recursive: true, mode: 0o700 });
    const idle: OutputEventBody[] = [];
    const deaths: EngineDeath[] = [];
    const engine = await make({
      sessionId: uid,
      uid,
      family,
      epoch: 0,
      workspace,
      log: silentLog,
      emit: (output) => idle.push(output),
      died: (death) => deaths.push(death),
    });
    const session = new PythonSession(engine, workspace, family, idle, deaths);
    this.sessions.push(session);
    return session;
  }

  /** Ends the sessions of one test. */
  async endSessions(): Promise<void> {
    const ended = this.sessions.splice(0);
    for (const { engine } of ended) await engine.dispose();
    for (const state of ended.flatMap(({ states }) => states)) await state.dispose();
  }

  async close(): Promise<void> {
    await this.endSessions();
    await this.definition.dispose?.();
  }
}

/**
 * Registers the hooks of a suite whose tests share a zygote; what they made ends with each of them.
 * @param modules without which the suite is skipped
 */
export function pythonSuite(
  options: Partial<PythonEngineOptions> = {},
  modules: readonly string[] = [],
): { readonly world: PythonWorld } {
  let world: PythonWorld | undefined;
  before(async function () {
    await needs.python(this);
    for (const name of modules) await needs.pythonModule(this, name);
    world = await PythonWorld.open(options);
  });
  afterEach(() => world?.endSessions());
  after(() => PythonWorld.closeAll());
  return {
    get world() {
      if (!world) throw new Error('the suite has not begun');
      return world;
    },
  };
}
