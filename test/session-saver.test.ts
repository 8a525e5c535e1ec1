/** Checkpoints of one session: however often they are asked for, one is written at a time and none for nothing. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'chai';
import { Sojourn } from '../src/client/sojourn.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { memoryStore } from '../src/storage/memory.js';
import type { ISessionStore } from '../src/types/store.js';
import { needs } from './support/needs.js';
import type { RunningServer } from '../src/server.js';
import { openServer } from './support/open-server.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { codeOf, counter, until } from './support/session-words.js';
import { openWorld } from './support/world.js';
import type { WorldOptions } from './support/world.js';
import { DrivenClock } from './support/driven-clock.js';
import { keptLog } from './support/kept-log.js';

async function openStore(): Promise<{ kept: ISessionStore; dataDir: string }> {
  const dataDir = await temporaryFolder();
  const kept = memoryStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });
  await kept.open();
  return { kept, dataDir };
}

/** A store that holds back checkpoints until it is opened, and counts them. */
function gated(store: ISessionStore) {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const counts = { now: 0, most: 0, all: 0 };
  const addCheckpoint: ISessionStore['addCheckpoint'] = async (...args) => {
    counts.now += 1;
    counts.all += 1;
    counts.most = Math.max(counts.most, counts.now);
    await gate;
    counts.now -= 1;
    return store.addCheckpoint(...args);
  };
  const proxy = new Proxy(store, {
    get(target, name) {
      if (name === 'addCheckpoint') return addCheckpoint;
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  return { store: proxy, counts, open };
}

/** A session with a change whose checkpoints are held back, and a log of what goes wrong. */
async function openHeldBack() {
  const { kept, dataDir } = await openStore();
  const { store, counts, open } = gated(kept);
  const log = keptLog();
  const world = await openWorld({ store, dataDir, log });
  const session = await world.client.createSession(counter);
  await session.execute('add 1');
  return { kept, counts, open, log, world, session };
}

describe('the checkpoints of a session', () => {
  it('are written one at a time, and no more of them than needed, when every input makes one due', async () => {
    const { kept, dataDir } = await openStore();
    const { store, counts, open } = gated(kept);
    const config = { checkpoint: { interval_ms: 1e9, replay_inputs: 1 } };
    const world = await openWorld({ store, dataDir, config });
    const session = await world.client.createSession(counter);
    for (let index = 0; index < 50; index += 1) await session.execute('add 1');
    const saves = Promise.all(Array.from({ length: 50 }, () => session.save()));
    open();
    await saves;
    expect(counts).to.deep.equal({ now: 0, most: 1, all: 2 });
    expect((await session.info()).checkpointCount).to.equal(2);
    await world.close();
  });

  describe('when they fail', () => {
    const minute = 60_000;

    /** A world whose checkpoints fail as long as `broken.is`, with the number of those that were tried. */
    async function openBroken(options: WorldOptions = {}) {
      const { kept, dataDir } = await openStore();
      const broken = { is: true, tried: 0 };
      const addCheckpoint: ISessionStore['addCheckpoint'] = (...args) => {
        broken.tried += 1;
        return broken.is ? Promise.reject(new Error('the disk is full')) : kept.addCheckpoint(...args);
      };
      const store = new Proxy(kept, {
        get(target, name) {
          if (name === 'addCheckpoint') return addCheckpoint;
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
      const world = await openWorld({ ...options, store, dataDir });
      return { world, broken, session: await world.client.createSession(counter) };
    }

    it('are tried again after pauses that grow up to ten minutes, until one succeeds', async () => {
      const clock = new DrivenClock();
      const log = keptLog();
      const config = { checkpoint: { interval_ms: minute } };
      const { world, broken, session } = await openBroken({ clock, log, config });
      await session.execute('add 1');
      const triedAt: number[] = [];
      for (let at = 0; at < 40; at += 1) {
        const { tried } = broken;
        await world.sessions.saveDirtySessions();
        if (broken.tried > tried) triedAt.push(at);
        clock.advance(minute);
      }
      expect(triedAt).to.deep.equal([0, 2, 6, 14, 24, 34]);
      expect(log.complaints).to.have.length(6);
      // A round that was under way already is joined, so it may take two.
      const saveUntil = (tried: number) =>
        until(async () => {
          await world.sessions.saveDirtySessions();
          return broken.tried === tried;
        });
      broken.is = false;
      clock.advance(10 * minute);
      await saveUntil(7);
      broken.is = true;
      await session.execute('add 1');
      await saveUntil(8);
      clock.advance(2 * minute);
      await saveUntil(9);
      expect((await session.info()).checkpointCount).to.equal(1);
      await world.close();
    });

    it('are not tried at every input, nor to put the session to sleep, but whenever somebody asks', async () => {
      const clock = new DrivenClock();
      const config = { checkpoint: { interval_ms: minute, replay_inputs: 1 }, session: { timeout_s: 1 } };
      const { world, broken, session } = await openBroken({ clock, config });
      await session.execute('add 1');
      await until(() => Promise.resolve(broken.tried === 1));
      for (let index = 0; index < 10; index += 1) await session.execute('add 1');
      clock.advance(minute);
      expect(broken.tried).to.equal(1);
      expect((await session.info()).status).to.equal('idle');
      await session.save().then(
        () => expect.fail('it was saved'),
        () => undefined,
      );
      expect(broken.tried).to.equal(2);
      await world.close();
    });
  });

  it('are waited for at the end when they are still being written', async () => {
    const { kept, counts, open, log, world, session } = await openHeldBack();
    const saved = session.save();
    await until(() => Promise.resolve(counts.now === 1));
    let isOver = false;
    const ended = world.sessions.shutdown().then(() => (isOver = true));
    for (let turns = 0; turns < 100; turns += 1) await turn();
    expect(isOver).to.equal(false);
    open();
    await Promise.all([saved, ended]);
    expect(await kept.listCheckpoints(session.id)).to.have.length(1);
    expect(log.complaints).to.deep.equal([]);
    await world.close();
  });

  it('are no failure when the session is deleted meanwhile: whoever asked is told that', async () => {
    const { counts, open, log, world, session } = await openHeldBack();
    const asked = codeOf(session.save());
    const periodic = world.sessions.saveDirtySessions();
    await until(() => Promise.resolve(counts.now === 1));
    await session.delete();
    open();
    await periodic;
    expect(await asked).to.equal('session_not_found');
    expect(log.complaints).to.deep.equal([]);
    await world.close();
  });
});

describe('the checkpoints of a Python session', () => {
  let server: RunningServer;
  const log = keptLog();

  before(async function () {
    await needs.python(this);
    server = await openServer({}, log);
  });
  after(() => server.dispose());

  it('are no failure when the session is deleted while its copy writes', async () => {
    const client = new Sojourn(server.app.caller(() => Promise.resolve()));
    for (let index = 0; index < 5; index += 1) {
      const session = await client.createSession();
      await session.execute(
        'parts = {f"x{i}": bytes([i]) * 2000000 for i in range(20)}; globals().update(parts)',
      );
      const asked = codeOf(session.save());
      // It had its turn after the state was fixed, which is being written now.
      await session.execute('1');
      await session.delete();
      expect(await asked).to.be.oneOf(['none', 'session_not_found']);
    }
    expect(log.complaints).to.deep.equal([]);
  });
});
