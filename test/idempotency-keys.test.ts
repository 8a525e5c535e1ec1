/** How long a repeated write gets its first answer, whose key is whose, and that no restart changes it. */
import { expect } from 'chai';
import { memoryStore } from '../src/storage/memory.js';
import { silentLog, systemFiles } from '../src/core/system.js';
import type { ISession } from '../src/types/client.js';
import type { Principal } from '../src/types/operation.js';
import type { ISessionStore } from '../src/types/store.js';
import { DrivenClock } from './support/driven-clock.js';
import { codeOf, counter, total } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const dayMs = 24 * 3600 * 1000;
const me: Principal = { id: 'me', access: 'write' };
const admin: Principal = { id: 'local', access: 'admin' };

describe('an idempotency key', () => {
  let clock: DrivenClock;
  let store: ISessionStore;
  let world: World;
  let session: ISession;

  const openOn = async (dataDir?: string) => {
    world = await openWorld({ clock, store, ...(dataDir === undefined ? {} : { dataDir }) });
    session = world.asPrincipal(me).session('a');
  };
  beforeEach(async () => {
    clock = new DrivenClock();
    store = memoryStore.create({ dataDir: '', clock, log: silentLog, files: systemFiles });
    await store.open();
    await openOn();
    await world.asPrincipal(me).createSession({ ...counter, sessionId: 'a' });
  });
  afterEach(() => world.close());

  /** As after the death of the process. */
  const restart = async () => {
    await world.crash();
    await openOn(world.dataDir);
  };
  const add = (one: ISession = session) => one.execute('add 1', { idempotencyKey: 'k' });
  const rename = () => session.call('update_session', { name: 'x' }, { idempotencyKey: 'n' });
  const create = () => world.asPrincipal(me).createSession({ ...counter, name: 'made', idempotencyKey: 'c' });

  for (const restarts of [false, true]) {
    const when = restarts ? 'after a restart' : 'in one process';

    it(`gets a journaled write its first answer for a day, ${when}`, async () => {
      const { seq, output } = await add();
      clock.advance(dayMs - 1);
      if (restarts) await restart();
      const again = await add();
      expect([again.seq, again.output]).to.deep.equal([seq, output]);
      expect(await total(session)).to.equal(1);
    });

    it(`is a new one for a journaled write after a day, ${when}`, async () => {
      const { seq } = await add();
      clock.advance(dayMs);
      if (restarts) await restart();
      const again = await add();
      expect(again.seq).to.be.greaterThan(seq);
      expect((await add()).seq).to.equal(again.seq);
      expect(await total(session)).to.equal(2);
    });

    it(`gets every other write its first answer for a day, ${when}`, async () => {
      const first = await rename();
      await session.update({ name: 'y' });
      clock.advance(dayMs - 1);
      if (restarts) await restart();
      expect(await rename()).to.deep.equal(first);
      expect((await session.info()).name).to.equal('y');
      clock.advance(1);
      await rename();
      expect((await session.info()).name).to.equal('x');
    });

    it(`finds the session that it made for a day, ${when}`, async () => {
      const { id } = await create();
      clock.advance(dayMs - 1);
      if (restarts) await restart();
      expect((await create()).id).to.equal(id);
      clock.advance(1);
      expect((await create()).id).not.to.equal(id);
    });
  }

  it('of one principal never answers the call of another one', async () => {
    const other = world.asPrincipal(admin).session('a');
    const mine = await add();
    const theirs = await add(other);
    expect(theirs.seq).to.be.greaterThan(mine.seq);
    await restart();
    const again = world.asPrincipal(admin).session('a');
    expect([(await add()).seq, (await add(again)).seq]).to.deep.equal([mine.seq, theirs.seq]);
    expect(await total(session)).to.equal(2);
  });

  it('that is spelled like the one of another principal is refused at most', async () => {
    const other = world.asPrincipal(admin).session('a');
    await add(other);
    const spelled = JSON.stringify(['local', 'k']);
    expect(await codeOf(session.execute('add 1', { idempotencyKey: spelled }))).to.equal('conflict');
    expect(await total(session)).to.equal(1);
  });

  it('serves one call of each principal while both are under way', async () => {
    const other = world.asPrincipal(admin).session('a');
    const [mine, theirs, again] = await Promise.all([add(), add(other), add()]);
    expect(again.seq).to.equal(mine.seq);
    expect(theirs.seq).not.to.equal(mine.seq);
    expect(await total(session)).to.equal(2);
  });
});
