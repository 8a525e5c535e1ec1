/** Undo, redo and goto of kinds that keep no versions themselves: by checkpoints, and exact replay where there is one. */
import { expect } from 'chai';
import type { ISession } from '../src/types/client.js';
import { defineEngine } from '../src/types/engine.js';
import { counterEngine } from './support/counter-engine.js';
import { codeOf, counter } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

interface Moved {
  reached_seq: number;
  exact: boolean;
  steps: number;
  reason?: string;
  seq: number;
}

const counterThat = (exact_replay: boolean) => {
  const definition = counterEngine();
  return defineEngine({ ...definition, capabilities: { ...definition.capabilities, exact_replay } });
};

const move = async (session: ISession, name: 'undo' | 'redo' | 'goto', params = {}) =>
  (await session.call(name, params)) as Moved;
const add = async (session: ISession, ...numbers: readonly number[]) => {
  const seqs: number[] = [];
  for (const number of numbers) seqs.push((await session.execute(`add ${number}`)).seq);
  return seqs;
};
/** The place of the result. */
const endOf = async (session: ISession, seq: number | undefined) => {
  for await (const event of session.events({ sinceSeq: 0 }))
    if (event.type === 'result' && event.input_seq === seq) return event.seq;
  return -1;
};
const total = async (session: ISession) => ((await session.call('get_total', {})) as { total: number }).total;

describe('going back and forward in a session', () => {
  let world: World;
  let session: ISession;
  let isExact: boolean;

  const open = async (before?: World) => {
    const rest = before ? { store: before.store, dataDir: before.dataDir } : {};
    world = await openWorld({ engines: [counterThat(isExact)], ...rest });
  };
  const begin = async (exact: boolean) => {
    isExact = exact;
    await open();
    session = await world.client.createSession(counter);
  };
  afterEach(() => world.close());
  const restarted = async (id: string) => {
    await world.crash();
    await open(world);
    session = world.client.session(id);
  };

  describe('whose runs repeat themselves exactly', () => {
    beforeEach(() => begin(true));

    it('undoes and redoes any number of writes, as far as there are any', async () => {
      await add(session, 1, 10, 100);
      expect(await move(session, 'undo')).to.include({ exact: true, steps: 1 });
      expect(await total(session)).to.equal(11);
      expect(await move(session, 'undo', { steps: 2 })).to.include({ exact: true, steps: 2, reached_seq: 0 });
      expect(await total(session)).to.equal(0);
      expect(await move(session, 'undo')).to.include({ exact: true, steps: 0 });
      expect(await move(session, 'redo')).to.include({ exact: true, steps: 1 });
      expect(await total(session)).to.equal(1);
      expect(await move(session, 'redo', { steps: 9 })).to.include({ exact: true, steps: 2 });
      expect(await total(session)).to.equal(111);
      expect(await move(session, 'redo')).to.include({ exact: true, steps: 0 });
    });

    it('goes to any place of the journal, also on a branch that was left', async () => {
      const [first, second] = await add(session, 1, 10);
      await move(session, 'undo');
      const [third] = await add(session, 500);
      expect((await session.info()).branch).to.equal('branch-2');
      for (const [seq, expected] of [
        [second, 11],
        [third, 501],
        [first, 1],
      ] as const) {
        const end = await endOf(session, seq);
        expect(await move(session, 'goto', { seq: end })).to.include({ exact: true, reached_seq: end });
        expect(await total(session)).to.equal(expected);
      }
      expect(await codeOf(session.call('goto', { seq: 9999 }))).to.equal('checkpoint_not_found');
    });

    it('is forked at any place, awake or asleep, and stays as it is itself', async () => {
      const [first, second] = await add(session, 1, 10);
      await session.save();
      await move(session, 'undo');
      await add(session, 500);
      await session.hibernate();
      for (const [id, seq, expected] of [
        ['one', first, 1],
        ['two', second, 11],
      ] as const) {
        const made = await session.fork(id, { atSeq: await endOf(session, seq) });
        expect([made.exact, made.live]).to.deep.equal([true, false]);
        expect(await total(made)).to.equal(expected);
        await add(made, 5);
      }
      await restarted(session.id);
      expect(await total(session)).to.equal(501);
      expect(await total(world.client.session('one'))).to.equal(6);
      expect(await move(world.client.session('two'), 'undo', { steps: 2 })).to.include({ steps: 2 });
      expect(await total(world.client.session('two'))).to.equal(1);
      expect(await codeOf(session.fork('three', { atSeq: 9999 }))).to.equal('checkpoint_not_found');
    });

    it('forgets what was undone with the next write, which can be undone itself', async () => {
      await add(session, 1, 10);
      await move(session, 'undo');
      await add(session, 100);
      expect(await move(session, 'redo')).to.include({ steps: 0 });
      expect(await move(session, 'undo')).to.include({ steps: 1 });
      expect(await total(session)).to.equal(1);
      expect(await move(session, 'undo')).to.include({ steps: 1 });
      expect(await total(session)).to.equal(0);
    });

    it('is where it was after a crash, and what was undone can still be redone', async () => {
      await add(session, 1, 10, 100);
      await session.save();
      await add(session, 1000);
      await move(session, 'undo', { steps: 3 });
      await restarted(session.id);
      expect(await total(session)).to.equal(1);
      await add(session, 2);
      await restarted(session.id);
      expect(await total(session)).to.equal(3);
      await move(session, 'undo');
      await restarted(session.id);
      expect(await total(session)).to.equal(1);
      await move(session, 'redo');
      await restarted(session.id);
      expect(await total(session)).to.equal(3);
    });

    it('goes back before a restart that forgot everything', async () => {
      await add(session, 7);
      await session.restart();
      expect(await total(session)).to.equal(0);
      expect(await move(session, 'undo')).to.include({ exact: true, steps: 1 });
      expect(await total(session)).to.equal(7);
    });
  });

  describe('whose runs may not', () => {
    beforeEach(() => begin(false));

    it('comes back to a place behind an undo that saved what it left', async () => {
      await add(session, 1);
      await session.save();
      await add(session, 10);
      await move(session, 'undo');
      const { headSeq } = await session.info();
      await add(session, 100);
      await session.save();
      expect(await session.goto(headSeq)).to.include({ exact: true });
      expect(await total(session)).to.equal(1);
    });

    it('goes to checkpoints, and says which place was reached and why', async () => {
      await add(session, 1);
      await session.save();
      await add(session, 10, 100);
      const moved = await move(session, 'undo');
      expect(moved).to.include({ exact: false, steps: 2 });
      expect(moved.reason).to.match(/^No checkpoint was taken at \d+; the checkpoint at \d+ is the nearest/);
      expect(await total(session)).to.equal(1);
    });

    it('comes back to what was left, passing over what has no checkpoint', async () => {
      await add(session, 1);
      await session.save();
      await add(session, 10, 100);
      await move(session, 'undo');
      const redone = await move(session, 'redo');
      expect(redone).to.include({ exact: false, steps: 2 });
      expect(redone.reason).to.match(/^No checkpoint was taken there/);
      expect(await total(session)).to.equal(111);
    });

    it('is forked at the nearest checkpoint, and has no history beyond it', async () => {
      await add(session, 1);
      await session.save();
      const [later] = await add(session, 10, 100);
      const place = { atSeq: await endOf(session, later), idempotencyKey: 'once' };
      const made = await session.fork('early', place);
      expect(made).to.include({ exact: false });
      const { reachedSeq } = made;
      expect(await session.fork('early', place)).to.include({ exact: false, reachedSeq });
      expect(made.reason).to.match(/is the nearest before it/);
      expect(await total(made)).to.equal(1);
      expect((await made.history()).map(({ code }) => code)).to.deep.equal(['add 1']);
    });

    it('undoes exactly what has a checkpoint before it', async () => {
      await add(session, 1);
      await session.save();
      await add(session, 10);
      expect(await move(session, 'undo')).to.include({ exact: true, steps: 1 });
      expect(await total(session)).to.equal(1);
      await restarted(session.id);
      expect(await total(session)).to.equal(1);
    });
  });
});
