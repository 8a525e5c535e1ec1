import { expect } from 'chai';
import { isSojournError } from '../src/types/errors.js';
import type { CounterEngine } from './support/counter-engine.js';
import { codeOf, counter, epochs, journal, total } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

describe('a session', () => {
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

  describe('whose engine dies', () => {
    it('answers kernel_died, rebuilds itself and says why', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 4');
      expect(await codeOf(session.execute('die'))).to.equal('kernel_died');
      const result = await session.execute('total');
      expect([result.output, result.epoch]).to.deep.equal(['4\n', 2]);
      expect((await epochs(session))[0]).to.include({ cause: 'kernel_died' });
      expect((await epochs(session))[0]).to.have.nested.property('details.signal', 'SIGKILL');
    });

    it('says where in the journal the input stands that it died of', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const { epoch } = await session.execute('add 4');
      const error: unknown = await session.execute('die').catch((caught: unknown) => caught);
      const { seq } = (await journal(session)).filter(({ type }) => type === 'input')[1] ?? {};
      expect(isSojournError(error, 'kernel_died') && error.fields).to.include({ seq, epoch });
    });

    it('comes back by itself when it dies while idle', async () => {
      const made: CounterEngine[] = [];
      const { client } = await open({ hooks: { made: (engine) => void made.push(engine) } });
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 4');
      made[0]?.killed();
      for await (const event of session.events()) if (event.type === 'epoch') break;
      expect((await session.info()).status).to.equal('idle');
      expect(await total(session)).to.equal(4);
    });

    it('refuses a caller that demands the former epoch', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const { epoch } = await session.execute('add 4');
      await codeOf(session.execute('die'));
      expect(await codeOf(session.execute('add 1', { ifEpoch: epoch }))).to.equal('epoch_mismatch');
      expect(await total(session)).to.equal(4);
    });
  });

  describe('and its writes', () => {
    it('journals input, output and result around each run', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('say hello');
      const events = await journal(session);
      expect(events.map(({ type }) => type)).to.deep.equal(['created', 'input', 'stdout', 'result']);
      expect(events.map(({ seq }) => seq)).to.deep.equal([0, 1, 2, 3]);
      expect(events[1]).to.deep.include({
        operation: 'execute',
        params: { code: 'say hello' },
        principal: 'local',
      });
      expect(events[3]).to.deep.include({ input_seq: 1, status: 'ok' });
    });

    it('keeps if_seq valid when only the live state was rebuilt in between', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const { durableSeq } = await session.execute('add 1');
      await session.hibernate();
      await session.execute('add 1', { ifSeq: durableSeq });
      expect(await codeOf(session.execute('add 1', { ifSeq: durableSeq }))).to.equal('conflict');
      expect(await total(session)).to.equal(2);
    });

    it('gives a waiting write its place in the journal when its caller stops waiting', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const hanging = session.execute('hang');
      for await (const event of session.events()) if (event.type === 'stdout') break;
      const early = await session.execute('add 5', { waitS: 0.01 });
      expect(early.status).to.equal('running');
      await session.interrupt();
      await hanging;
      for await (const event of session.events({ sinceSeq: early.seq })) {
        if (event.type === 'result' && event.input_seq === early.seq) break;
      }
      expect((await session.execution(early.seq)).output).to.equal('5\n');
    });

    it('refuses one key for two calls, also while the first still runs', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const hanging = session.execute('hang', { idempotencyKey: 'k' });
      expect(await codeOf(session.execute('add 5', { idempotencyKey: 'k' }))).to.equal('conflict');
      for await (const event of session.events()) if (event.type === 'stdout') break;
      await session.interrupt();
      await hanging;
      expect(await total(session)).to.equal(0);
      await client.createSession({ ...counter, sessionId: 'b', idempotencyKey: 'c' });
      const other = client.createSession({ ...counter, sessionId: 'c', idempotencyKey: 'c' });
      expect(await codeOf(other)).to.equal('conflict');
    });

    it('can be restarted and deleted at the same moment while it is busy', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const hanging = codeOf(session.execute('hang'));
      for await (const event of session.events()) if (event.type === 'stdout') break;
      const restarting = codeOf(session.restart());
      await session.delete();
      expect(['none', 'session_not_found']).to.include(await restarting);
      await hanging;
      expect(await codeOf(session.info())).to.equal('session_not_found');
    });

    it('says nothing of the inside of an engine that throws', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const error: unknown = await session.execute('throw').catch((caught: unknown) => caught);
      expect(isSojournError(error)).to.equal(false);
      expect(await total(session)).to.equal(0);
      expect(JSON.stringify(await journal(session))).not.to.include('secret');
    });

    it('times a run out by the clock and keeps the state', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      await session.execute('add 1');
      expect((await session.execute('hang', { timeoutS: 0.01 })).status).to.equal('timeout');
      expect(await total(session)).to.equal(1);
    });
  });

  describe('in the pool', () => {
    it('goes to sleep when the pool is full, and wakes with its state', async () => {
      const { client, sessions } = await open({ config: { pool: { max_live_sessions: 3 } } });
      const all = [];
      for (let index = 0; index < 8; index += 1) {
        const session = await client.createSession({ ...counter, sessionId: `s${index}` });
        await session.execute(`add ${index}`);
        all.push(session);
      }
      for (const [index, session] of all.entries()) expect(await total(session)).to.equal(index);
      expect(sessions.counts().live).to.be.at.most(4);
    });

    it('wakes once, however many ask at the same time', async () => {
      const made: unknown[] = [];
      const world = await open();
      await (await world.client.createSession({ ...counter, sessionId: 'a' })).execute('add 2');
      await world.crash();
      const hooks = { made: (engine: unknown) => void made.push(engine) };
      const { client } = await open({ store: world.store, dataDir: world.dataDir, hooks });
      const session = client.session('a');
      const results = await Promise.all(Array.from({ length: 20 }, () => session.execute('total')));
      expect(new Set(results.map(({ output }) => output))).to.deep.equal(new Set(['2\n']));
      expect(made).to.have.length(1);
    });

    it('is not disturbed by being put to sleep while it is used', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a' });
      const work: Promise<unknown>[] = [];
      for (let index = 0; index < 30; index += 1) {
        work.push(session.execute('add 1'));
        if (index % 5 === 0) work.push(session.hibernate());
        if (index % 7 === 0) work.push(session.call('get_total'));
      }
      await Promise.all(work);
      expect(await total(session)).to.equal(30);
      const events = await journal(session);
      expect(events.map(({ seq }) => seq)).to.deep.equal(events.map((_event, index) => index));
    });

    it('counts executions and writes as activity, and reading as none', async () => {
      const { client } = await open();
      const session = await client.createSession({ ...counter, sessionId: 'a', timeoutS: 100 });
      const { lastActivity } = await session.execute('add 1').then(() => session.info());
      await session.call('get_total');
      await session.history();
      expect((await session.info()).lastActivity).to.equal(lastActivity);
      expect((await session.info()).sleepsAt).to.equal(
        new Date(Date.parse(lastActivity) + 100_000).toISOString(),
      );
    });
  });

  describe('and its owners', () => {
    it('does not exist for others, whatever they ask', async () => {
      const world = await open();
      const mine = await world.as('me').createSession({ ...counter, sessionId: 'private' });
      const theirs = world.as('them');
      for (const operation of world.catalogue.list().filter(({ scope }) => scope === 'session')) {
        const params = {
          attach: { mode: 'readonly' },
          delete_file: { path: 'x' },
          download_file: { path: 'x' },
          execute: { code: 'total' },
          get_execution: { seq: 1 },
          goto: { seq: 1 },
          annotate: { seq: 1, label: 'mine' },
          remove_annotation: { seq: 1 },
          import_annotations: { annotations: [] },
          diff: { from: 0 },
          read_file: { path: 'x' },
          revoke_share: { share_id: 'x' },
          save_script: { name: 'x', content: '' },
          get_output: { seq: 1 },
          share: { mode: 'readonly' },
          reply_input: { value: 'x' },
          update_session: { name: 'x' },
          upload_file: { path: 'x' },
          write_file: { path: 'x', content: '' },
        }[operation.name];
        expect(await codeOf(theirs.session('private').call(operation.name, params)), operation.name).to.equal(
          'session_not_found',
        );
      }
      expect((await theirs.listSessions()).totalSessions).to.equal(0);
      expect(
        await codeOf(theirs.createSession({ ...counter, sessionId: 'private', ifExists: 'return' })),
      ).to.equal('session_exists');
      expect((await mine.info()).owner).to.equal('me');
    });
  });

  describe('past a limit', () => {
    it('names the limit and the setting', async () => {
      const { client } = await open({ config: { limits: { sessions: 1 } } });
      await client.createSession({ ...counter });
      const error: unknown = await client.createSession({ ...counter }).catch((caught: unknown) => caught);
      expect(isSojournError(error, 'limit_exceeded') && error.fields).to.include({
        setting: 'limits.sessions',
        value: 1,
      });
    });
  });
});
