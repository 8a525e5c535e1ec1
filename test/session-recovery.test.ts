import { expect } from 'chai';
import { SojournError } from '../src/types/errors.js';
import type { CounterEngine } from './support/counter-engine.js';
import { counter, epochs, journal, total } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

describe('a session after a crash', () => {
  let worlds: World[] = [];
  const open = async (options?: WorldOptions) => {
    const world = await openWorld(options);
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds) await world.close();
    worlds = [];
  });

  it('has every acknowledged command and its effect', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    for (const step of ['add 1', 'add 2', 'add 3']) await session.execute(step);
    await world.crash();
    const after = (await open({ store: world.store, dataDir: world.dataDir })).client.session('a');
    expect(await total(after)).to.equal(6);
    const [rebuilt] = await epochs(after);
    expect(rebuilt).to.include({ epoch: 2, cause: 'server_restarted', restored_seq: null });
    expect(rebuilt).to.have.deep.property('replayed', [1, 4, 7]);
  });

  it('starts from the newest checkpoint and runs only what came after it', async () => {
    const ran: string[] = [];
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 1');
    await session.save();
    await session.execute('add 10');
    await world.crash();
    const hooks = { ran: (_id: string, code: string) => void ran.push(code) };
    const after = await open({ store: world.store, dataDir: world.dataDir, hooks });
    expect(await total(after.client.session('a'))).to.equal(11);
    expect(ran).to.deep.equal(['add 10', 'total']);
  });

  it('closes an input that had no answer as interrupted and never runs it again', async () => {
    const ran: string[] = [];
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 5');
    const hanging = session.execute('hang', { idempotencyKey: 'h' }).catch(() => undefined);
    for await (const event of session.events()) if (event.type === 'stdout') break;
    await world.crash();
    await hanging;
    const hooks = { ran: (_id: string, code: string) => void ran.push(code) };
    const after = (await open({ store: world.store, dataDir: world.dataDir, hooks })).client.session('a');
    expect(await total(after)).to.equal(5);
    expect(ran).to.deep.equal(['add 5', 'total']);
    const history = await after.history();
    expect(history.map(({ status }) => status)).to.deep.equal(['ok', 'interrupted', 'ok']);
    const repeated = await after.execute('hang', { idempotencyKey: 'h' });
    expect(repeated.status).to.equal('interrupted');
  });

  it('answers a repeated key with the first answer', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    const first = await session.execute('add 7', { idempotencyKey: 'k' });
    await world.crash();
    const after = (await open({ store: world.store, dataDir: world.dataDir })).client.session('a');
    const again = await after.execute('add 7', { idempotencyKey: 'k' });
    expect(again.output).to.equal(first.output);
    expect(again.seq).to.equal(first.seq);
    expect(await total(after)).to.equal(7);
  });

  it('gives a repeated creation its session', async () => {
    const world = await open();
    const one = await world.client.createSession({ ...counter, idempotencyKey: 'c' });
    await world.crash();
    const after = await open({ store: world.store, dataDir: world.dataDir });
    expect((await after.client.createSession({ ...counter, idempotencyKey: 'c' })).id).to.equal(one.id);
    expect((await after.client.listSessions()).totalSessions).to.equal(1);
  });

  it('counts an input whose effect is in a checkpoint as kept', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 3', { replay: false });
    await session.execute('hang', { timeoutS: 0.01 });
    await world.crash();
    const after = (await open({ store: world.store, dataDir: world.dataDir })).client.session('a');
    expect(await total(after)).to.equal(3);
    expect((await epochs(after))[0]).to.have.deep.property('lost', []);
  });

  it('never takes a write of its own for one that a former process left open', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    for (let index = 0; index < 50; index += 1) await session.execute('add 1');
    await world.crash();
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const second = await open({ store: world.store, dataDir: world.dataDir, hooks: { made: () => gate } });
    // It is journaled before its turn, while the session still wakes.
    const early = await second.client.session('a').execute('add 100', { waitS: 0 });
    goOn();
    expect(early).to.include({ status: 'running', durable: false });
    expect(await total(second.client.session('a'))).to.equal(150);
    await second.crash();
    const third = (await open({ store: world.store, dataDir: world.dataDir })).client.session('a');
    expect(await total(third)).to.equal(150);
    const results = (await journal(third)).filter(
      (event) => event.type === 'result' && event.input_seq === early.seq,
    );
    expect(results).to.have.length(1);
  });

  it('passes over a checkpoint that kills whatever restores it', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 1');
    await session.save();
    await session.execute('add 10');
    await session.save();
    await session.execute('add 100');
    await world.crash();
    let restores = 0;
    const hooks = {
      restored: () => {
        restores += 1;
        if (restores === 1) throw new SojournError('kernel_died', 'It died of its own state.');
      },
    };
    const after = (await open({ store: world.store, dataDir: world.dataDir, hooks })).client.session('a');
    expect(await total(after)).to.equal(111);
    expect((await epochs(after))[0])
      .to.have.nested.property('details.unusable_checkpoints')
      .with.length(1);
  });

  it('runs nothing again when it recovers by checkpoint only, and names what is lost', async () => {
    const world = await open();
    const session = await world.client.createSession({
      ...counter,
      sessionId: 'a',
      recovery: 'checkpoint',
    });
    await session.execute('add 1');
    await session.save();
    const { seq } = await session.execute('add 10');
    await world.crash();
    const after = (await open({ store: world.store, dataDir: world.dataDir })).client.session('a');
    expect(await total(after)).to.equal(1);
    expect((await epochs(after))[0]).to.have.deep.property('lost', [seq]);
  });

  it('keeps the effect of an input that must not be repeated by a checkpoint before its answer', async () => {
    const ran: string[] = [];
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 3', { replay: false });
    await world.crash();
    const hooks = { ran: (_id: string, code: string) => void ran.push(code) };
    const after = await open({ store: world.store, dataDir: world.dataDir, hooks });
    expect(await total(after.client.session('a'))).to.equal(3);
    expect(ran).to.deep.equal(['total']);
  });

  it('leaves out an input that kills the engine when it is run again', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 1');
    const { seq } = await session.execute('add 100');
    await session.execute('add 2');
    await world.crash();
    const made: CounterEngine[] = [];
    const hooks = {
      made: (engine: CounterEngine) => void made.push(engine),
      // It dies without a word in the middle of the run, as by a segfault.
      ran: (_id: string, code: string) => {
        if (code === 'add 100') made.at(-1)?.killed();
      },
    };
    const after = (await open({ store: world.store, dataDir: world.dataDir, hooks })).client.session('a');
    expect(await total(after)).to.equal(3);
    expect((await epochs(after))[0]).to.have.deep.property('lost', [seq]);
  });
});
