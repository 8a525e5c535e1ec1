/**
 * Random lives of sessions of every kind, with all that goes through time: written, undone, redone, gone to, forked,
 * put to sleep, crashed and restarted, and compared with a plain model after each step. TEST_RUNS asks for more,
 * TEST_SEED for the same again.
 */
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { createEngines } from '../src/built-in.js';
import { loadConfig } from '../src/core/config.js';
import { silentLog, systemClock, systemIds, systemSpawner } from '../src/core/system.js';
import type { CreateSessionOptions, ISession } from '../src/types/client.js';
import type { EngineDefinition } from '../src/types/engine.js';
import { needs, pythonExecutable } from './support/needs.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { TimeModel } from './support/time-model.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

interface Kind {
  readonly name: string;
  readonly runs: number;
  readonly create: CreateSessionOptions;
  /** What is there at the beginning. */
  readonly first: number;
  write(session: ISession, value: number): Promise<unknown>;
  read(session: ISession): Promise<number>;
  /** What a write of `value` makes of a state. */
  after(state: number, value: number): number;
  /** A restart without state is a step of it. */
  readonly restartsEmpty: boolean;
}

const counter: Kind = {
  name: 'counter',
  runs: 370,
  create: { kind: 'counter' },
  first: 0,
  write: (session, value) => session.execute(`add ${value}`),
  read: async (session) => ((await session.call('get_total')) as { total: number }).total,
  after: (state, value) => state + value,
  restartsEmpty: true,
};
const data: Kind = {
  name: 'data',
  runs: 100,
  create: { data: { n: [0] } },
  first: 0,
  write: (session, value) => session.call('set_values', { values: [{ index: 0, column: 'n', value }] }),
  read: async (session) => Number(await session.getValue(0, 'n')),
  after: (_state, value) => value,
  restartsEmpty: false,
};
const python: Kind = {
  name: 'python',
  runs: 40,
  create: { kind: 'python' },
  first: 0,
  write: (session, value) =>
    session.execute(`x = globals().get('x', 0) + ${value}; print(x, file=open('x.txt', 'w'))`),
  // The file goes with the variable. Before the first checkpoint files are not touched.
  read: async (session) => {
    const x = (await session.variables()).find(({ name }) => name === 'x');
    if (!x) return 0;
    const { text } = (await session.call('read_file', { path: 'x.txt' })) as { text: string };
    return text.trim() === x.preview ? Number(x.preview) : NaN;
  },
  after: (state, value) => state + value,
  restartsEmpty: true,
};

type Verb =
  'write' | 'undo' | 'redo' | 'goto' | 'fork' | 'fork at' | 'hibernate' | 'restart' | 'empty' | 'crash';
interface Step {
  readonly verb: Verb;
  readonly pick: number;
  readonly value: number;
}
const stepOf = (verb: Verb, weight: number) => ({
  weight,
  arbitrary: fc.record({
    verb: fc.constant(verb),
    pick: fc.nat(1000),
    value: fc.integer({ min: 1, max: 99 }),
  }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  stepOf('write', 8),
  stepOf('undo', 4),
  stepOf('redo', 3),
  stepOf('goto', 3),
  stepOf('fork', 2),
  stepOf('fork at', 2),
  stepOf('hibernate', 1),
  stepOf('restart', 1),
  stepOf('empty', 1),
  stepOf('crash', 1),
);

interface Life {
  readonly id: string;
  readonly model: TimeModel;
}

class Run {
  private readonly lives: Life[] = [];

  constructor(
    private world: World,
    private readonly kind: Kind,
    private readonly open: (world?: World) => Promise<World>,
  ) {}

  async begin(): Promise<void> {
    const session = await this.world.client.createSession(this.kind.create);
    const life = { id: session.id, model: new TimeModel([this.kind.first]) };
    this.lives.push(life);
    await this.note(life);
  }

  async take({ verb, pick, value }: Step): Promise<void> {
    const life = this.lives[pick % this.lives.length];
    if (!life) throw new Error('there is no session');
    const { model } = life;
    const session = this.session(life);
    const steps = 1 + (value % 3);
    switch (verb) {
      case 'write':
        await this.kind.write(session, value);
        model.write(this.kind.after(model.state, value));
        break;
      case 'undo':
        expect(await session.undo(steps)).to.include({ steps: model.undo(steps), exact: true });
        break;
      case 'redo':
        expect(await session.redo(steps)).to.include({ steps: model.redo(steps), exact: true });
        break;
      case 'goto': {
        const seq = model.seen[pick % model.seen.length] ?? 0;
        expect(await session.goto(seq)).to.include({ exact: true });
        model.goto(model.momentAt(seq));
        break;
      }
      default:
        await this.takeWhole(verb, life, pick);
    }
    await this.note(life);
    await this.check(life);
  }

  /** What concerns the session as a whole. */
  private async takeWhole(verb: Verb, life: Life, pick: number): Promise<void> {
    const { model } = life;
    const session = this.session(life);
    if (verb === 'fork') await this.join((await session.fork()).id, model.fork());
    else if (verb === 'fork at') {
      const atSeq = model.seen[pick % model.seen.length] ?? 0;
      const made = await session.fork(undefined, { atSeq });
      expect(made.exact).to.equal(true);
      await this.join(made.id, model.forkAt(atSeq));
    } else if (verb === 'hibernate') await session.hibernate();
    else if (verb === 'restart') await session.restart({ keepState: true });
    else if (verb === 'empty' && this.kind.restartsEmpty) {
      await session.restart();
      model.write(0);
    } else if (verb === 'crash') {
      await this.world.crash();
      this.world = await this.open(this.world);
    }
  }

  /** Every session is what its model says. */
  async end(): Promise<void> {
    for (const life of this.lives) await this.check(life);
    await this.world.close();
  }

  private async join(id: string, model: TimeModel): Promise<void> {
    const life = { id, model };
    this.lives.push(life);
    await this.check(life);
    await this.note(life);
  }

  private session({ id }: Life): ISession {
    return this.world.client.session(id);
  }

  private async note(life: Life): Promise<void> {
    life.model.at((await this.session(life).info()).headSeq);
  }

  private async check(life: Life): Promise<void> {
    expect(await this.kind.read(this.session(life)), `the state of ${life.id}`).to.equal(life.model.state);
  }
}

describe('going through time', () => {
  let dataDir: string;
  let engines: readonly EngineDefinition[];

  before(async function () {
    await needs.python(this);
    dataDir = join(await temporaryFolder('time'), 'data');
    const settings = { data_dir: dataDir, python: { executable: pythonExecutable, preload: [] } };
    const config = loadConfig({ given: settings, file: null, env: {} });
    const made = createEngines(
      config,
      { engines: [], stores: [] },
      systemSpawner,
      systemClock,
      systemIds,
      silentLog,
    );
    engines = [...made.values()];
  });
  after(async () => {
    for (const engine of engines) await engine.dispose?.();
  });

  const open = (world?: World) =>
    openWorld({
      dataDir,
      engines,
      config: { checkpoint: { every_writes: 1, warm_count: 0 } },
      ...(world ? { store: world.store } : {}),
    });

  for (const kind of [counter, data, python])
    it(`is as a plain model says, for sessions of the kind ${kind.name}`, async function () {
      this.timeout(600_000);
      const { TEST_SEED: seed, TEST_RUNS: runs } = process.env;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), async (steps) => {
          const run = new Run(await open(), kind, open);
          await run.begin();
          for (const one of steps) await run.take(one);
          await run.end();
        }),
        {
          numRuns: runs === undefined ? kind.runs : Number(runs),
          endOnFailure: true,
          ...(seed === undefined ? {} : { seed: Number(seed) }),
        },
      );
    });
});
