/** When sessions become inactive and when they are deleted, with a clock that the test moves. */
import { expect } from 'chai';
import type { CounterHooks } from './support/counter-engine.js';
import { DrivenClock } from './support/driven-clock.js';
import { codeOf, counter, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

const hour = 3600;

describe('sessions that nobody uses', () => {
  let clock: DrivenClock;
  let world: World;
  const made: string[] = [];
  const hooks: CounterHooks = { made: (_engine, { sessionId }) => void made.push(sessionId) };

  const open = (session: Record<string, number> = {}) => openWorld({ clock, hooks, config: { session } });
  const isGone = async (id: string) => (await world.store.getSession(id)) === null;

  beforeEach(async () => {
    made.length = 0;
    clock = new DrivenClock();
    world = await open();
  });
  afterEach(() => world.close());

  /**
   * All that the clock has set off has happened: one who was made to expire now is gone, and so is one whose turn
   * came only after everybody had been looked at.
   */
  async function settled(): Promise<void> {
    for (const sessionId of ['witness', 'second']) {
      await world.client.createSession({ ...counter, sessionId, expireAfterS: 1 });
      await until(() => {
        clock.advance(1000);
        return isGone(sessionId);
      });
    }
  }

  it('are deleted when their time is up and not before', async () => {
    const session = await world.client.createSession({ ...counter, sessionId: 'a', expireAfterS: hour });
    const { expiresAt } = await session.info();
    expect(expiresAt).to.equal(new Date(clock.now() + hour * 1000).toISOString());
    clock.advance(0.5 * hour * 1000);
    await settled();
    expect(await isGone('a')).to.equal(false);
    clock.advance(0.5 * hour * 1000);
    await until(() => isGone('a'));
    expect(await codeOf(session.execute('add 1'))).to.equal('session_not_found');
    expect((await world.client.listSessions({ includeInactive: true })).totalSessions).to.equal(0);
  });

  it('are kept where nothing says how long', async () => {
    await world.client.createSession({ ...counter, sessionId: 'a' });
    clock.advanceDays(1000);
    await settled();
    expect(await isGone('a')).to.equal(false);
  });

  it('are deleted in their sleep without being woken', async () => {
    const session = await world.client.createSession({ ...counter, sessionId: 'a', expireAfterS: hour });
    await session.execute('add 1');
    await session.hibernate();
    clock.advance(2 * hour * 1000);
    await until(() => isGone('a'));
    expect(made).to.deep.equal(['a']);
  });

  it('are not those that run, however long it takes', async () => {
    const session = await world.client.createSession({
      ...counter,
      sessionId: 'a',
      expireAfterS: hour,
      timeoutS: 0,
    });
    const running = session.execute('hang');
    await until(async () => (await session.info()).status === 'busy');
    clock.advance(10 * hour * 1000);
    await settled();
    expect(await isGone('a')).to.equal(false);
    await session.interrupt();
    expect((await running).status).to.equal('interrupted');
    clock.advance(hour * 1000);
    await until(() => isGone('a'));
  });

  it('are not those that were kept alive, used or changed', async () => {
    const ids = ['kept', 'used', 'changed', 'left'];
    for (const sessionId of ids)
      await world.client.createSession({ ...counter, sessionId, expireAfterS: hour });
    clock.advance(0.9 * hour * 1000);
    await world.client.session('kept').call('keep_alive');
    await world.client.session('used').execute('add 1');
    await world.client.session('changed').update({ description: 'mine' });
    for (const id of ids) await world.client.session(id).hibernate();
    clock.advance(0.5 * hour * 1000);
    await until(() => isGone('left'));
    for (const id of ids.slice(0, 3)) expect(await isGone(id), id).to.equal(false);
  });

  it('are not those that were kept alive before the server was killed', async () => {
    await world.client.createSession({ ...counter, sessionId: 'kept', expireAfterS: hour });
    await world.client.createSession({ ...counter, sessionId: 'left', expireAfterS: hour });
    clock.advance(0.9 * hour * 1000);
    await world.client.session('kept').call('keep_alive');
    await world.crash();
    clock.advance(0.5 * hour * 1000);
    const { store, dataDir } = world;
    world = await openWorld({ clock, hooks, store, dataDir });
    await until(() => isGone('left'));
    expect(await isGone('kept')).to.equal(false);
  });

  it('go sooner when they are told so later, and stay when they are told so', async () => {
    const sooner = await world.client.createSession({ ...counter, sessionId: 'sooner' });
    const never = await world.client.createSession({ ...counter, sessionId: 'never', expireAfterS: hour });
    await sooner.update({ expireAfterS: hour });
    await never.update({ expireAfterS: 0 });
    clock.advance(hour * 1000);
    await until(() => isGone('sooner'));
    expect(await isGone('never')).to.equal(false);
  });

  it('stay when they were set aside to be mended', async () => {
    await world.client.createSession({ ...counter, sessionId: 'a', expireAfterS: hour });
    await world.client.session('a').hibernate();
    const failure = { code: 'storage_error', detail: 'x', at: new Date(clock.now()).toISOString() };
    await world.store.updateSession('a', { failure });
    clock.advance(10 * hour * 1000);
    await settled();
    expect(await isGone('a')).to.equal(false);
  });

  it('are in lists only when asked for, and active again with their next use', async () => {
    await world.close();
    world = await open({ inactive_after_s: hour });
    const idle = await world.client.createSession({ ...counter, sessionId: 'idle' });
    const busy = await world.client.createSession({ ...counter, sessionId: 'busy', timeoutS: 0 });
    const running = busy.execute('hang');
    await until(async () => (await busy.info()).status === 'busy');
    clock.advance(2 * hour * 1000);
    const listed = async (query = {}) => {
      const { sessions, totalSessions } = await world.client.listSessions(query);
      expect(totalSessions).to.equal(sessions.length);
      return sessions.map(({ sessionId, inactive }) => [sessionId, inactive]);
    };
    expect(await listed()).to.deep.equal([['busy', false]]);
    expect(await listed({ includeInactive: true })).to.deep.equal([
      ['busy', false],
      ['idle', true],
    ]);
    expect((await idle.info()).inactive).to.equal(true);
    expect(await world.client.call('status')).to.have.nested.property('sessions.total', 2);
    await idle.execute('add 1');
    expect(await listed()).to.deep.equal([
      ['busy', false],
      ['idle', false],
    ]);
    await busy.interrupt();
    await running;
  });
});
