/** Code that an engine looks at before it may run: refused without a trace, and stopped before it began. */
import { expect } from 'chai';
import type { EngineDefinition } from '../src/types/engine.js';
import { SojournError } from '../src/types/errors.js';
import { counterEngine } from './support/counter-engine.js';
import { codeOf, journal, total } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const guarded = { kind: 'guarded' };

describe('admission', () => {
  let world: World;
  /** Called with what is looked at; the answer waits for it. */
  let look: (code: string) => Promise<void>;

  function guardedEngine(): EngineDefinition {
    const { name: _name, operations: _operations, ...definition } = counterEngine();
    return {
      ...definition,
      name: 'guarded',
      isolation: 'none',
      create: async (options, context) => {
        const engine = await definition.create({ ...(options as object) }, context);
        return Object.assign(engine, { admit: (code: string) => look(code) });
      },
    };
  }

  /** From now on looking waits until it is let go on, or refused. */
  function holdUp() {
    let begin = (): void => undefined;
    let end = (_error?: SojournError): void => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    look = () =>
      new Promise<void>((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve());
        begin();
      });
    return { begun, goOn: () => end(), refuse: () => end(new SojournError('code_rejected', 'No.')) };
  }

  beforeEach(async () => {
    look = (code) =>
      code.includes('bad') ? Promise.reject(new SojournError('code_rejected', 'No.')) : Promise.resolve();
    world = await openWorld({ engines: [guardedEngine()] });
  });
  afterEach(() => world.close());

  it('keeps refused code out of the journal, also when it would have cleared first', async () => {
    const session = await world.client.createSession(guarded);
    await session.execute('add 2');
    const before = await journal(session);
    for (const options of [{}, { clearFirst: true }, { waitS: 60 }, { idempotencyKey: 'k' }])
      expect(await codeOf(session.execute('bad', options))).to.equal('code_rejected');
    expect(await journal(session)).to.deep.equal(before);
    expect(await total(session)).to.equal(2);
  });

  it('is not asked again by recovery', async () => {
    const session = await world.client.createSession({ ...guarded, sessionId: 'a' });
    await session.execute('add 2');
    await world.crash();
    const { store, dataDir } = world;
    look = () => Promise.reject(new SojournError('code_rejected', 'No.'));
    world = await openWorld({ store, dataDir, engines: [guardedEngine()] });
    const again = world.client.session('a');
    expect(await codeOf(again.execute('add 1'))).to.equal('code_rejected');
    look = () => Promise.resolve();
    expect(await total(again)).to.equal(2);
  });

  it('can be interrupted: the code does not begin to run', async () => {
    const session = await world.client.createSession(guarded);
    const { begun, goOn } = holdUp();
    const answer = session.execute('hang');
    await begun;
    expect(await session.interrupt()).to.equal(true);
    goOn();
    expect((await answer).status).to.equal('interrupted');
  });

  it('closes in the journal what was promised an answer meanwhile', async () => {
    const session = await world.client.createSession(guarded);
    const { begun, refuse } = holdUp();
    const answer = session.execute('add 1', { waitS: 0 });
    await begun;
    const { seq, status } = await answer;
    expect(status).to.equal('running');
    refuse();
    look = () => Promise.resolve();
    expect(await total(session)).to.equal(0);
    expect(await codeOf(session.execution(seq))).to.equal('code_rejected');
    expect((await session.info()).totalExecutions).to.equal(1);
  });

  it('comes before the variables are removed, and running again removes them again', async () => {
    const session = await world.client.createSession({ ...guarded, sessionId: 'a' });
    await session.execute('add 2');
    expect((await session.execute('add 3', { clearFirst: true })).output).to.equal('3\n');
    await world.crash();
    const { store, dataDir } = world;
    world = await openWorld({ store, dataDir, engines: [guardedEngine()] });
    expect(await total(world.client.session('a'))).to.equal(3);
  });
});
