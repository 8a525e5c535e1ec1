/** Clients of one session side by side: who is there, who alone may write, and how that ends. */
import { expect } from 'chai';
import { isSojournError } from '../src/types/errors.js';
import type { ISession } from '../src/types/client.js';
import { DrivenClock } from './support/driven-clock.js';
import { codeOf, counter, journal, total, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('clients of one session', () => {
  let clock: DrivenClock;
  let world: World;
  let ada: ISession;
  let bob: ISession;

  const open = async (options: WorldOptions = {}) => {
    clock = new DrivenClock();
    world = await openWorld({ clock, ...options });
    await world.as('me').createSession({ ...counter, sessionId: 'a' });
    ada = world.as('me', 'ada').session('a');
    bob = world.as('me', 'bob').session('a');
  };
  beforeEach(() => open());
  afterEach(() => world.close());

  const begun = async (session: ISession) => {
    const since = (await session.info()).headSeq + 1;
    const running = session.execute('hang');
    for await (const event of session.events({ sinceSeq: since })) if (event.type === 'stdout') break;
    return { running };
  };

  it('have to have a name to attach', async () => {
    const error = await errorOf(world.as('me').session('a').attach({ mode: 'readonly' }));
    expect(isSojournError(error, 'invalid_params') && error.detail).to.include('Sojourn-Client');
    expect(await codeOf(world.as('me').session('a').detach())).to.equal('invalid_params');
  });

  it('write as they come while nobody is attached', async () => {
    await Promise.all([ada.execute('add 1'), bob.execute('add 2'), ada.execute('add 3')]);
    expect(await total(bob)).to.equal(6);
  });

  it('see who is there, since when and until when', async () => {
    const attached = await ada.attach({ mode: 'readwrite', ttlS: 100 });
    clock.advance(1000);
    await bob.attach({ mode: 'readonly' });
    expect(attached).to.deep.equal({
      clientId: 'ada',
      principal: 'me',
      mode: 'readwrite',
      acquiredAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T00:01:40.000Z',
    });
    expect((await bob.clients()).map(({ clientId, mode }) => [clientId, mode])).to.deep.equal([
      ['ada', 'readwrite'],
      ['bob', 'readonly'],
    ]);
    const answer = await bob.call('list_clients');
    expect(answer).to.have.nested.property('write_lock.client_id', 'ada');
  });

  it('are refused their writes while another one alone may write, and told who and until when', async () => {
    const { expiresAt } = await ada.attach({ mode: 'readwrite' });
    const error = await errorOf(bob.execute('add 1'));
    expect(isSojournError(error, 'session_locked') && error.fields).to.deep.equal({
      session_id: 'a',
      holder: 'ada',
      expires_at: expiresAt,
    });
    await ada.execute('add 5');
    expect((await bob.info()).totalExecutions).to.equal(1);
    expect((await journal(bob)).filter(({ type }) => type === 'input')).to.have.length(1);
    expect(await bob.call('get_total')).to.deep.equal({ total: 5 });
  });

  it('are refused whatever writes, without a name too, and may read', async () => {
    await ada.attach({ mode: 'readwrite' });
    const params: Record<string, object> = {
      delete_file: { path: 'x' },
      download_file: { path: 'x' },
      execute: { code: 'add 1' },
      get_execution: { seq: 1 },
      get_output: { seq: 1 },
      goto: { seq: 1 },
      read_file: { path: 'x' },
      reply_input: { value: 'x' },
      revoke_share: { share_id: 'x' },
      save_script: { name: 'x', content: '' },
      share: { mode: 'readonly' },
      update_session: { name: 'x' },
      upload_file: { path: 'x' },
      write_file: { path: 'x', content: '' },
    };
    for (const session of [bob, world.as('me').session('a'), world.client.session('a')])
      for (const { name, scope, access } of world.catalogue.list()) {
        // Health looks twice, with time in between.
        if (scope !== 'session' || ['attach', 'detach', 'health'].includes(name)) continue;
        const code = await codeOf(session.call(name, { ...params[name] }));
        const isHeldUp = access !== 'read' && !['share', 'revoke_share', 'keep_alive'].includes(name);
        expect(code === 'session_locked', name).to.equal(isHeldUp);
      }
    expect(await codeOf(ada.execute('add 1'))).to.equal('none');
  });

  it('tell nobody else that there is a lock, or a client', async () => {
    await ada.attach({ mode: 'readwrite' });
    const stranger = world.as('them', 'ada').session('a');
    const asked = [
      stranger.execute('add 1'),
      stranger.attach({ mode: 'readwrite' }),
      stranger.detach(),
      stranger.detach({ clientId: 'ada' }),
      stranger.clients(),
      stranger.delete(),
    ];
    for (const work of asked) expect(await codeOf(work)).to.equal('session_not_found');
    expect(await codeOf(stranger.call('execute', {}))).to.equal('session_not_found');
  });

  it('of one name are two where they are of two principals', async () => {
    await ada.attach({ mode: 'readwrite' });
    const other = world.asPrincipal({ id: 'local', access: 'admin' }, 'ada').session('a');
    expect(await codeOf(other.execute('add 1'))).to.equal('session_locked');
    await other.attach({ mode: 'readonly' });
    expect(await other.clients()).to.have.length(2);
    await other.detach();
    expect((await ada.clients()).map(({ principal }) => principal)).to.deep.equal(['me']);
  });

  it('may write again when the one that may is detached, and that one as everybody', async () => {
    await ada.attach({ mode: 'readwrite' });
    expect(await ada.detach()).to.deep.equal([{ clientId: 'ada', principal: 'me' }]);
    expect(await ada.detach()).to.deep.equal([]);
    await bob.attach({ mode: 'readwrite' });
    expect(await codeOf(ada.execute('add 1'))).to.equal('session_locked');
  });

  it('that read go up when nobody writes, and down at any time', async () => {
    await ada.attach({ mode: 'readwrite' });
    await bob.attach({ mode: 'readonly' });
    expect(await codeOf(bob.attach({ mode: 'readwrite' }))).to.equal('session_locked');
    expect((await bob.clients())[1]?.mode).to.equal('readonly');
    await ada.attach({ mode: 'readonly' });
    expect(await ada.clients()).to.have.length(2);
    const error = await errorOf(ada.execute('add 1'));
    expect(isSojournError(error, 'forbidden') && error.detail).to.include('readwrite');
    await bob.attach({ mode: 'readwrite' });
    expect(await codeOf(bob.execute('add 1'))).to.equal('none');
    expect(await codeOf(ada.attach({ mode: 'readwrite' }))).to.equal('session_locked');
  });

  it('are gone when they have not called for their time', async () => {
    await ada.attach({ mode: 'readwrite' });
    clock.advance(59_000);
    await ada.info();
    clock.advance(59_999);
    expect(await codeOf(bob.execute('add 1'))).to.equal('session_locked');
    clock.advance(1);
    expect(await codeOf(bob.execute('add 1'))).to.equal('none');
    expect(await bob.clients()).to.deep.equal([]);
  });

  it('choose their time, and the configuration that of the others', async () => {
    await world.close();
    await open({ config: { concurrency: { lease_ttl_s: 5 } } });
    expect((await ada.attach({ mode: 'readonly' })).expiresAt).to.equal('2026-01-01T00:00:05.000Z');
    expect((await ada.attach({ mode: 'readonly', ttlS: 7 })).expiresAt).to.equal('2026-01-01T00:00:07.000Z');
    for (const ttlS of [0, 86_401, -1])
      expect(await codeOf(ada.attach({ mode: 'readonly', ttlS }))).to.equal('invalid_params');
  });

  it('stay as long as a call of theirs goes on', async () => {
    await ada.attach({ mode: 'readwrite' });
    const { running } = await begun(ada);
    clock.advance(3_600_000);
    expect(await codeOf(bob.execute('add 1'))).to.equal('session_locked');
    await ada.interrupt();
    await running;
    clock.advance(60_000);
    expect(await codeOf(bob.execute('add 1'))).to.equal('none');
  });

  it('are forgotten with their session, and not there in one of the same name', async () => {
    await ada.attach({ mode: 'readwrite' });
    await ada.delete();
    await world.as('them').createSession({ ...counter, sessionId: 'a' });
    expect(await codeOf(world.as('them', 'x').session('a').execute('add 1'))).to.equal('none');
  });

  it('keep what they hold while the session sleeps', async () => {
    await ada.attach({ mode: 'readwrite' });
    await ada.hibernate();
    expect(await codeOf(bob.execute('add 1'))).to.equal('session_locked');
    expect(await codeOf(ada.execute('add 1'))).to.equal('none');
  });

  it('are let go everywhere when their connection is gone', async () => {
    await world.as('me').createSession({ ...counter, sessionId: 'b' });
    const second = world.as('me', 'ada').session('b');
    await Promise.all([ada.attach({ mode: 'readwrite' }), second.attach({ mode: 'readwrite' })]);
    for (const { clientGone } of world.extensions) clientGone?.({ principal: 'me', clientId: 'ada' });
    expect([await ada.clients(), await second.clients()]).to.deep.equal([[], []]);
  });

  it('are no more than limits.client_count', async () => {
    await world.close();
    await open({ config: { limits: { client_count: 2 } } });
    await ada.attach({ mode: 'readonly' });
    await bob.attach({ mode: 'readonly' });
    const third = world.as('me', 'eve').session('a');
    const error = await errorOf(third.attach({ mode: 'readonly' }));
    expect(isSojournError(error, 'limit_exceeded') && error.fields.setting).to.equal('limits.client_count');
    expect(await codeOf(ada.attach({ mode: 'readonly' }))).to.equal('none');
    clock.advance(60_000);
    expect(await codeOf(third.attach({ mode: 'readonly' }))).to.equal('none');
  });

  describe('that write already', () => {
    it('are waited for: who attaches to write has the session alone from then on', async () => {
      const { running } = await begun(bob);
      const queued = bob.execute('add 1');
      const attaching = ada.attach({ mode: 'readwrite' });
      await until(async () => (await bob.clients()).length > 0);
      expect(await codeOf(bob.execute('add 10'))).to.equal('session_locked');
      // What runs may still be stopped by whose it is.
      await bob.interrupt();
      await Promise.all([running, queued, attaching]);
      expect(await codeOf(bob.interrupt())).to.equal('session_locked');
      const types = (await journal(ada)).filter(({ type }) => type === 'input' || type === 'result');
      expect(types).to.have.length(4);
      expect(await total(ada)).to.equal(1);
    });

    it('are waited for where nobody waits for their answer any more', async () => {
      const { running } = await begun(bob);
      const early = bob.execute('add 1', { waitS: 0.01 });
      await until(() => Promise.resolve(world.sessions.counts().busy === 1));
      clock.advance(10);
      expect((await early).status).to.equal('running');
      let attached = false;
      const attaching = ada.attach({ mode: 'readwrite' }).then(() => (attached = true));
      await until(async () => (await bob.clients()).length > 0);
      expect(attached).to.equal(false);
      await bob.interrupt();
      await Promise.all([running, attaching]);
      expect(await ada.call('get_total')).to.deep.equal({ total: 1 });
    });

    it('are not waited for longer than wait_s: then the lock is given back', async () => {
      const { running } = await begun(bob);
      const attaching = codeOf(ada.attach({ mode: 'readwrite', waitS: 5 }));
      await until(async () => (await bob.clients()).length > 0);
      clock.advance(5000);
      expect(await attaching).to.equal('session_busy');
      expect(await bob.clients()).to.deep.equal([]);
      await bob.interrupt();
      await running;
      expect(await codeOf(bob.execute('add 1'))).to.equal('none');
    });

    it('leave one that only read where it was when it cannot go up in time', async () => {
      const { running } = await begun(bob);
      await ada.attach({ mode: 'readonly' });
      const attaching = codeOf(ada.attach({ mode: 'readwrite', waitS: 0 }));
      await until(async () => (await ada.clients())[0]?.mode === 'readwrite');
      clock.advance(0);
      expect(await attaching).to.equal('session_busy');
      expect((await ada.clients()).map(({ mode }) => mode)).to.deep.equal(['readonly']);
      await bob.interrupt();
      await running;
    });

    it('go before the next one that takes the lock, when their own is taken from them', async () => {
      await ada.attach({ mode: 'readwrite' });
      const { running } = await begun(ada);
      const queued = ada.execute('add 1');
      await world.as('me').session('a').detach({ clientId: 'ada' });
      const attaching = bob.attach({ mode: 'readwrite' });
      await until(async () => (await bob.clients()).length > 0);
      await ada.interrupt();
      await Promise.all([running, queued, attaching]);
      await bob.execute('add 10');
      const inputs = (await journal(bob)).flatMap((event) => (event.type === 'input' ? event.client_id : []));
      expect(inputs).to.deep.equal(['ada', 'ada', 'bob']);
    });
  });

  describe('and who may send them away', () => {
    it('is the owner, an admin, and the principal whose they are', async () => {
      const admin = world.client.session('a');
      for (const session of [bob, admin]) {
        await ada.attach({ mode: 'readwrite' });
        expect(await session.detach({ clientId: 'ada' })).to.have.length(1);
      }
      expect(await admin.detach({ clientId: 'nobody' })).to.deep.equal([]);
    });

    it('may name whose client it is', async () => {
      const other = world.asPrincipal({ id: 'local', access: 'admin' }, 'ada').session('a');
      await ada.attach({ mode: 'readwrite' });
      await other.attach({ mode: 'readonly' });
      await world.client.session('a').detach({ clientId: 'ada', principal: 'me' });
      expect((await other.clients()).map(({ principal }) => principal)).to.deep.equal(['local']);
    });
  });

  it('get the answer of a write that they repeat, whoever may write now', async () => {
    const first = await bob.execute('add 3', { idempotencyKey: 'k' });
    const renamed = await bob.call('update_session', { name: 'new' }, { idempotencyKey: 'r' });
    await ada.attach({ mode: 'readwrite' });
    const again = await bob.execute('add 3', { idempotencyKey: 'k' });
    expect([again.seq, again.output]).to.deep.equal([first.seq, first.output]);
    expect(await bob.call('update_session', { name: 'new' }, { idempotencyKey: 'r' })).to.deep.equal(renamed);
    expect(await codeOf(bob.execute('add 3', { idempotencyKey: 'other' }))).to.equal('session_locked');
    expect(await codeOf(ada.execute('add 4', { idempotencyKey: 'k' }))).to.equal('conflict');
    clock.advance(24 * 3600 * 1000);
    await ada.attach({ mode: 'readwrite' });
    expect(await codeOf(bob.execute('add 3', { idempotencyKey: 'k' }))).to.equal('session_locked');
    expect(await total(ada)).to.equal(3);
  });

  it('are not attached any more after a restart', async () => {
    const { store } = world;
    await ada.attach({ mode: 'readwrite' });
    await world.crash();
    const next = await openWorld({ clock, store, dataDir: world.dataDir });
    expect(await next.as('me', 'bob').session('a').clients()).to.deep.equal([]);
    world = next;
  });
});
