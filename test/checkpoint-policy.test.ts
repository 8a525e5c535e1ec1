/** When checkpoints are taken unasked: what undo reaches exactly depends on it. */
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { needs } from './support/needs.js';
import { nextEvent, openPythonClient } from './support/python-client.js';
import type { PythonClient } from './support/python-client.js';
import { until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const total = async (session: ISession) => (await session.call('get_total')) as { total: number };

describe('the checkpoint policy', () => {
  const worlds: World[] = [];
  const open = async (...args: Parameters<typeof openWorld>) => {
    const world = await openWorld(...args);
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.close();
  });
  const seqs = async ({ store }: World, session: ISession) =>
    (await store.listCheckpoints(session.id)).map(({ seq }) => seq);
  const reasons = async ({ store }: World, session: ISession) =>
    (await store.listCheckpoints(session.id)).map(({ reason }) => reason);

  it('takes one after so many writes, before they are answered', async () => {
    const world = await open({ config: { checkpoint: { every_writes: 3 } } });
    const session = await world.client.createSession({ kind: 'counter' });
    const ends: number[] = [];
    for (let write = 1; write <= 7; write += 1) {
      const { durableSeq } = await session.execute('add 1');
      if (write % 3 === 0) ends.push(durableSeq);
      expect((await session.info()).checkpointCount).to.equal(Math.floor(write / 3));
    }
    expect(await seqs(world, session)).to.deep.equal(ends);
  });

  it('takes one after each write, so that every single one can be undone', async () => {
    const world = await open({ config: { checkpoint: { every_writes: 1 } } });
    const session = await world.client.createSession({ kind: 'counter' });
    for (let write = 0; write < 5; write += 1) await session.execute('add 1');
    for (const left of [4, 3, 2]) {
      expect(await session.undo()).to.include({ exact: true, steps: 1 });
      expect(await total(session)).to.deep.equal({ total: left });
    }
  });

  it('is what the session was made with, else what is said of its kind, else of all', async () => {
    const world = await open({
      config: { checkpoint: { every_writes: 5, kinds: { counter: { every_writes: 2 } } } },
    });
    const usual = await world.client.createSession({ kind: 'counter' });
    const own = await world.client.createSession({ kind: 'counter', checkpoint: { everyWrites: 1 } });
    for (const session of [usual, own])
      for (let write = 0; write < 4; write += 1) await session.execute('add 1');
    expect(await seqs(world, usual)).to.have.length(2);
    expect(await seqs(world, own)).to.have.length(4);
    const fork = await own.fork();
    await fork.execute('add 1');
    expect(await seqs(world, fork)).to.have.length(5);
  });

  it('takes one before what is never run again, where that is asked for; after it always', async () => {
    const world = await open({ config: { checkpoint: { before_effects: true } } });
    const session = await world.client.createSession({ kind: 'counter' });
    await session.execute('add 1');
    await session.execute('add 10', { replay: false });
    expect(await reasons(world, session)).to.deep.equal(['before effect', 'not repeatable']);
    expect(await session.undo()).to.include({ exact: true });
    expect(await total(session)).to.deep.equal({ total: 1 });
  });

  it('auto: after each write before the next one runs, and then rests for nine times as long as that took', async () => {
    let now = 1000;
    const clock = { monotonic: () => now };
    const { CheckpointPace } = await import('../src/core/checkpoint-pace.js');
    const pace = new CheckpointPace(clock, () => ({ every_writes: 'auto', before_effects: false }));
    expect(pace.after(1)).to.equal('soon');
    pace.took(10);
    now += 89;
    expect(pace.after(1)).to.equal(null);
    now += 1;
    expect(pace.after(1)).to.equal('soon');
  });

  it('auto: writes that come at once are not held up, and the last state of the first is there', async () => {
    const world = await open({ config: { checkpoint: { every_writes: 'auto' } } });
    const session = await world.client.createSession({ kind: 'counter' });
    const [first] = await Promise.all([session.execute('add 1'), session.execute('add 1')]);
    await until(async () => (await seqs(world, session)).length > 0);
    // The second one stood in line already, and its turn came after the state was fixed.
    expect((await seqs(world, session))[0]).to.be.within(first.durableSeq, first.durableSeq + 1);
  });
});

describe('the checkpoint policy of Python sessions', () => {
  let server: PythonClient;
  before(async function () {
    await needs.python(this);
    server = await openPythonClient({ checkpoint: { every_writes: 'auto', interval_ms: 1e9 } });
  });
  after(() => server.close());

  it('lets a cell be undone that nobody saved before', async () => {
    const session = await server.client.createSession();
    await session.execute('x = [1]');
    await until(async () => (await session.info()).checkpointCount === 1);
    await session.execute('x.append(2)');
    expect(await session.undo()).to.include({ exact: true, steps: 1 });
    expect((await session.execute('x')).result).to.deep.equal({ 'text/plain': '[1]' });
    await nextEvent(session, 'epoch');
  });
});
