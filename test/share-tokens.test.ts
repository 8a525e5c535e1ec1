/** How shares end, where they go with their session and where not, and that no other token is one. */
import { expect } from 'chai';
import { isSojournError } from '../src/types/errors.js';
import { codeOf, counter } from './support/session-words.js';
import { ShareWorld } from './support/share-world.js';

describe('a share and its token', () => {
  let shared: ShareWorld;
  beforeEach(async () => {
    shared = await ShareWorld.open();
  });
  afterEach(() => shared.world.close());

  it('ends when it is revoked, for who holds it and who is connected', async () => {
    const { token, shareId, client } = await shared.share('readwrite');
    const ended: unknown[] = [];
    shared.door.onEnded((one) => ended.push(one));
    await client.session('a').info();
    expect(await shared.mine.revokeShare(shareId)).to.equal(true);
    expect(await shared.principalOf(token)).to.equal(null);
    expect(await codeOf(client.session('a').info())).to.equal('unauthorized');
    expect(ended).to.deep.equal([{ principal: `share:${shareId}`, session_id: 'a' }]);
    expect([await shared.mine.revokeShare(shareId), await shared.mine.shares()]).to.deep.equal([false, []]);
  });

  it('ends when its time is over, for who holds it and who is connected', async () => {
    const { token, client } = await shared.share('readonly', 3600 * 24 * 40);
    const kept = await shared.share('readonly');
    const ended: unknown[] = [];
    shared.door.onEnded(({ session_id }) => ended.push(session_id));
    for (let day = 0; day < 39; day += 1) shared.clock.advanceDays(1);
    shared.clock.advance(24 * 3600 * 1000 - 1);
    expect(await shared.principalOf(token)).not.to.equal(null);
    expect(ended).to.deep.equal([]);
    shared.clock.advance(1);
    expect(await shared.principalOf(token)).to.equal(null);
    expect(await codeOf(client.session('a').info())).to.equal('unauthorized');
    expect(ended).to.deep.equal(['a']);
    expect((await shared.mine.shares()).map(({ shareId }) => shareId)).to.deep.equal([kept.shareId]);
  });

  it('goes with its session, and does not open another one of the same name', async () => {
    const { token } = await shared.share('readwrite');
    const ended: unknown[] = [];
    shared.door.onEnded(({ session_id }) => ended.push(session_id));
    await shared.mine.delete();
    expect([await shared.principalOf(token), ended]).to.deep.equal([null, ['a']]);
    await shared.world.as('them').createSession({ ...counter, sessionId: 'a' });
    expect(await shared.principalOf(token)).to.equal(null);
  });

  it('is not inherited by forks, of now or of the past', async () => {
    await shared.share('readwrite');
    await shared.mine.save();
    for (const options of [{}, { live: false }, { atSeq: 2 }]) {
      const fork = await shared.mine.fork(undefined, options);
      expect(await fork.shares()).to.deep.equal([]);
      expect((await shared.store.getSession(fork.id))?.shares).to.equal(undefined);
    }
  });

  it('is there after a restart, and after a kill right behind its answer', async () => {
    const first = await shared.mine.share({ mode: 'readonly' });
    await shared.restart();
    const holder = await shared.holderOf(first.token);
    expect((await holder.session('a').history()).length).to.equal(1);
    await shared.mine.hibernate();
    const second = await shared.mine.share({ mode: 'readwrite' });
    expect(await (await shared.holderOf(second.token)).session('a').call('get_total')).to.deep.equal({
      total: 4,
    });
    await shared.mine.revokeShare(first.shareId);
    await shared.restart();
    expect([await shared.principalOf(first.token), (await shared.mine.shares()).length]).to.deep.equal([
      null,
      1,
    ]);
  });

  it('made twice with one key is one share, with a new token in place of the lost one', async () => {
    const make = (params: object = { mode: 'readonly' }) =>
      shared.mine.call('share', { ...params, idempotency_key: 'k' }) as Promise<{
        share_id: string;
        token: string;
      }>;
    const lost = await make();
    const again = await make();
    expect(again.share_id).to.equal(lost.share_id);
    expect(await shared.principalOf(lost.token)).to.equal(null);
    expect(await shared.principalOf(again.token)).to.have.property('session_id', 'a');
    expect(await codeOf(make({ mode: 'readwrite' }))).to.equal('conflict');
    expect(await codeOf(make({ mode: 'readonly', ttl_s: 5 }))).to.equal('conflict');
    expect(await shared.mine.shares()).to.have.length(1);
    shared.clock.advanceDays(1);
    expect((await make()).share_id).not.to.equal(lost.share_id);
    expect(JSON.stringify(await shared.store.getAnswer('me', 'k'))).to.equal('null');
  });

  it('made with many others at once is lost to none of them', async () => {
    const made = await Promise.all(Array.from({ length: 30 }, () => shared.mine.share({ mode: 'readonly' })));
    expect((await shared.mine.shares()).map(({ shareId }) => shareId)).to.have.members(
      made.map(({ shareId }) => shareId),
    );
    await Promise.all(made.slice(0, 20).map(({ shareId }) => shared.mine.revokeShare(shareId)));
    for (const [index, { token }] of made.entries())
      expect((await shared.principalOf(token)) === null).to.equal(index < 20);
  });

  it('is one of limits.share_count at most, expired ones aside', async () => {
    await shared.world.close();
    shared = await ShareWorld.open({ config: { limits: { share_count: 2 } } });
    await shared.mine.share({ mode: 'readonly', ttlS: 10 });
    await shared.mine.share({ mode: 'readonly' });
    const error: unknown = await shared.mine.share({ mode: 'readonly' }).catch((caught: unknown) => caught);
    expect(isSojournError(error, 'limit_exceeded') && error.fields.setting).to.equal('limits.share_count');
    shared.clock.advance(10_000);
    expect(await codeOf(shared.mine.share({ mode: 'readonly' }))).to.equal('none');
    expect((await shared.store.getSession('a'))?.shares).to.have.length(2);
  });

  it('of a session that was set aside can be revoked all the same', async () => {
    const { token, shareId } = await shared.share();
    await shared.mine.hibernate();
    await shared.store.updateSession('a', { failure: { code: 'storage_error', detail: 'Broken.', at: '' } });
    expect(await shared.mine.revokeShare(shareId)).to.equal(true);
    expect(await shared.principalOf(token)).to.equal(null);
  });

  it('is opened by no token but its own, however much of it is right', async () => {
    const { token } = await shared.share('readwrite');
    const other = (await shared.mine.share({ mode: 'readonly' })).token;
    const [session = '', id = '', secret = ''] = token.split('.');
    const wrong = [
      '',
      'sjs_',
      token.slice(0, -1),
      `${token}A`,
      ` ${token}`,
      token.toUpperCase(),
      `${session}.${id}.${other.split('.')[2] ?? ''}`,
      `${session}.${other.split('.')[1] ?? ''}.${secret}`,
      `sjs_${Buffer.from('other').toString('base64url')}.${id}.${secret}`,
      `sjs_${Buffer.from('../../a').toString('base64url')}.${id}.${secret}`,
      `${session}=.${id}.${secret}`,
      // The same bytes, spelled another way.
      `sjs_YR.${id}.${secret}`,
      `${session}.__proto__.${secret}`,
      `${session}.${id}.${secret}.${secret}`,
    ];
    for (const one of wrong) expect(await shared.principalOf(one), one).to.equal(null);
    for (let index = 0; index < secret.length; index += 1) {
      const changed = secret[index] === 'A' ? 'B' : 'A';
      const tampered = secret.slice(0, index) + changed + secret.slice(index + 1);
      expect(await shared.principalOf(`${session}.${id}.${tampered}`)).to.equal(null);
    }
    expect(await shared.principalOf(token)).not.to.equal(null);
  });

  it('is opened by none of 10,000 wrong tokens, which change nothing', async () => {
    const { token, shareId } = await shared.share();
    const before = await shared.store.getSession('a');
    const [session = ''] = token.split('.');
    for (let index = 0; index < 10_000; index += 1) {
      const secret = Buffer.from(`${index}`.padStart(32, 'x')).toString('base64url');
      const id = index % 2 === 0 ? shareId : `x${index}`.padEnd(20, '0');
      expect(await shared.principalOf(`${session}.${id}.${secret}`)).to.equal(null);
    }
    expect(await shared.store.getSession('a')).to.deep.equal(before);
    expect(await shared.principalOf(token)).not.to.equal(null);
  });
});
