/** Shares: what their holder can do, what they learn, and what the journal knows of it. */
import { expect } from 'chai';
import type { SessionEvent } from '../src/types/events.js';
import type { Principal } from '../src/types/operation.js';
import { codeOf, journal, total } from './support/session-words.js';
import { ShareWorld } from './support/share-world.js';

const sharesIn = (events: readonly SessionEvent[]) =>
  events.flatMap((event) => (event.type === 'share' ? [[event.action, event.principal]] : []));

describe('a share', () => {
  let shared: ShareWorld;
  beforeEach(async () => {
    shared = await ShareWorld.open();
  });
  afterEach(() => shared.world.close());

  it('is a token that is told once, and kept as a hash', async () => {
    const { token, shareId, expiresAt } = await shared.share('readonly', 3600);
    expect(token).to.match(/^sjs_[A-Za-z0-9_-]+\.[a-z0-9]+\.[A-Za-z0-9_-]{43}$/);
    expect(expiresAt).to.equal('2026-01-01T01:00:00.000Z');
    const [, , secret = ''] = token.split('.');
    const stored = JSON.stringify([await shared.store.getSession('a'), await journal(shared.mine)]);
    expect(stored).to.include(shareId).and.not.include(secret);
    const told = JSON.stringify([
      await shared.mine.info(),
      await shared.mine.shares(),
      await shared.world.client.listSessions(),
    ]);
    expect(told)
      .not.to.include(secret)
      .and.not.include('hash')
      .and.not.match(/[0-9a-f]{64}/);
  });

  it('is listed with who made it, until when it holds and when it was used', async () => {
    const { shareId, client } = await shared.share('readwrite');
    await client.session('a').info();
    expect(await shared.mine.shares()).to.deep.equal([
      {
        shareId,
        mode: 'readwrite',
        createdAt: '2026-01-01T00:00:00.000Z',
        createdBy: 'me',
        expiresAt: null,
        lastUsedAt: '2026-01-01T00:00:00.000Z',
      },
    ]);
  });

  it('lets its holder read, and with readwrite write, the one session', async () => {
    const reader = (await shared.share('readonly')).client;
    expect((await reader.session('a').history()).map(({ code }) => code)).to.deep.equal(['add 4']);
    expect(await codeOf(reader.session('a').execute('add 1'))).to.equal('forbidden');
    const writer = (await shared.share('readwrite')).client;
    await writer.session('a').execute('add 1');
    expect(await total(shared.mine)).to.equal(5);
    for (const client of [reader, writer]) {
      expect(await codeOf(client.session('other').info())).to.equal('session_not_found');
      expect(await codeOf(client.session('nothing').info())).to.equal('session_not_found');
    }
  });

  it('shows its holder no other session in lists and counts', async () => {
    const { client } = await shared.share('readwrite');
    const { sessions, totalSessions } = await client.listSessions();
    expect([sessions.map(({ sessionId }) => sessionId), totalSessions]).to.deep.equal([['a'], 1]);
    expect((await client.listSessions({ kind: 'python' })).totalSessions).to.equal(0);
  });

  for (const mode of ['readonly', 'readwrite'] as const)
    it(`that is ${mode} opens of the whole catalogue what it should and no more`, async () => {
      const { client } = await shared.share(mode);
      await shared.mine.call('write_file', { path: 'x', content: '' });
      const own = [
        ...['share', 'list_shares', 'revoke_share', 'fork', 'delete_session', 'update_session'],
        'prune_checkpoints',
      ];
      const params: Record<string, object> = {
        attach: { mode: 'readonly' },
        delete_file: { path: 'x' },
        download_file: { path: 'missing' },
        execute: { code: 'total' },
        get_execution: { seq: 1 },
        get_output: { seq: 1 },
        goto: { seq: 0 },
        read_file: { path: 'x' },
        reply_input: { value: 'x' },
        revoke_share: { share_id: 'x' },
        save_script: { name: 'x', content: '' },
        share: { mode },
        update_session: { name: 'x' },
        upload_file: { path: 'x' },
        write_file: { path: 'x', content: '' },
      };
      for (const { name, scope, access } of shared.world.catalogue.list()) {
        if (name === 'health') continue;
        const call = (id: string) => codeOf(client.session(id).call(name, { ...params[name] }));
        const isOpen =
          scope === 'session'
            ? !own.includes(name) && access !== 'admin' && (access === 'read' || mode === 'readwrite')
            : ['ping', 'list_sessions'].includes(name);
        const code = scope === 'session' ? await call('a') : await codeOf(client.call(name, {}));
        expect(code === 'forbidden', `${name}: ${code}`).to.equal(!isOpen);
        expect(code, name).not.to.equal('session_not_found');
        if (scope !== 'session') continue;
        const foreign = await call('other');
        expect(foreign, name).to.equal(isOpen ? 'session_not_found' : 'forbidden');
      }
      expect((await shared.mine.info()).name).to.equal('a');
      expect(await shared.mine.shares()).to.have.length(1);
    });

  it('leaves its mark in the journal with its principal: made, used, revoked, and every write', async () => {
    const { shareId, client } = await shared.share('readwrite');
    await client.session('a').execute('add 1');
    await client.session('a').info();
    await shared.mine.revokeShare(shareId);
    const events = await journal(shared.mine);
    expect(sharesIn(events)).to.deep.equal([
      ['created', 'me'],
      ['used', `share:${shareId}`],
      ['revoked', 'me'],
    ]);
    const inputs = events.flatMap((event) => (event.type === 'input' ? event.principal : []));
    expect(inputs).to.deep.equal(['me', `share:${shareId}`]);
    expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_, index) => index));
  });

  it('is told of in the journal again when it is used after an hour', async () => {
    const { client } = await shared.share();
    for (const ms of [0, 1000, 3_598_999, 1]) {
      shared.clock.advance(ms);
      await client.session('a').info();
    }
    expect(sharesIn(await journal(shared.mine)).map(([action]) => action)).to.deep.equal([
      'created',
      'used',
      'used',
    ]);
  });

  it('is no write: what was seen before still holds, and recovery runs all there is', async () => {
    const { headSeq } = await shared.mine.info();
    await shared.share();
    expect(await codeOf(shared.mine.execute('add 1', { ifSeq: headSeq }))).to.equal('none');
    await shared.share();
    await shared.restart();
    const { headSeq: head } = await shared.mine.info();
    await shared.share();
    expect(await codeOf(shared.mine.update({ name: 'x' }))).to.equal('none');
    expect(await codeOf(shared.mine.call('update_session', { name: 'y', if_seq: head }))).to.equal('none');
    expect(await total(shared.mine)).to.equal(5);
  });

  it('can be revoked while its holder alone may write, who then does not any more', async () => {
    const { shareId, token } = await shared.share('readwrite');
    const principal = (await shared.principalOf(token)) as Principal;
    await shared.world.asPrincipal(principal, 'guest').session('a').attach({ mode: 'readwrite' });
    expect(await codeOf(shared.mine.execute('add 1'))).to.equal('session_locked');
    expect(await shared.mine.revokeShare(shareId)).to.equal(true);
    expect(await shared.mine.clients()).to.deep.equal([]);
    expect(await codeOf(shared.mine.execute('add 1'))).to.equal('none');
  });

  it('lets its holder attach as far as its mode goes, and send nobody else away', async () => {
    const reader = await shared.share('readonly');
    const principal = (await shared.principalOf(reader.token)) as Principal;
    const guest = shared.world.asPrincipal(principal, 'guest').session('a');
    await guest.attach({ mode: 'readonly' });
    expect(await codeOf(guest.attach({ mode: 'readwrite' }))).to.equal('forbidden');
    await shared.world.as('me', 'ada').session('a').attach({ mode: 'readwrite' });
    expect(await codeOf(guest.detach({ clientId: 'ada' }))).to.equal('forbidden');
    expect(await guest.detach()).to.have.length(1);
  });
});
