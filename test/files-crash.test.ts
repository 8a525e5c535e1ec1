/** Acknowledged is kept: files that were written, uploaded and deleted before the server died. */
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { ISession, ISessionFolder } from '../src/types/client.js';
import { isSojournError, SojournError } from '../src/types/errors.js';
import type { ISessionStore } from '../src/types/store.js';
import { needs } from './support/needs.js';
import { startServerProcess } from './support/server-process.js';
import type { ServerProcess } from './support/server-process.js';
import { codeOf, counter, epochs, journal } from './support/session-words.js';
import { temporaryFolder } from './support/temporary-folder.js';
import { openWorld } from './support/world.js';
import type { World, WorldOptions } from './support/world.js';

const large = (fill: number) => new Uint8Array(600_000).fill(fill);
const names = async (session: ISession) => (await session.files.list()).files.map(({ path }) => path);

/** Null when it is not there. */
async function contentOf(files: ISessionFolder, path: string): Promise<Buffer | null> {
  const all: Uint8Array[] = [];
  try {
    for await (const piece of (await files.download(path)).bytes) all.push(piece);
    return Buffer.concat(all);
  } catch (error) {
    if (isSojournError(error, 'file_not_found')) return null;
    throw error;
  }
}

const sizeOf = async (session: ISession, path: string) =>
  (await session.files.read(path, { maxBytes: 1 })).size;

describe('K-23: files after a crash', () => {
  let worlds: World[] = [];
  const open = async (options?: WorldOptions) => {
    const world = await openWorld(options);
    worlds.push(world);
    return world;
  };
  const reopen = async ({ store, dataDir }: World) => (await open({ store, dataDir })).client.session('a');
  afterEach(async () => {
    for (const world of worlds) await world.close();
    worlds = [];
  });

  for (const recovery of ['replay', 'checkpoint'] as const) {
    it(`are what was acknowledged, with recovery ${recovery}`, async () => {
      const world = await open();
      const session = await world.client.createSession({ ...counter, sessionId: 'a', recovery });
      await session.files.write('small', 'one');
      await session.files.write('gone', 'x');
      await session.save();
      await session.files.write('small', 'two');
      await session.files.upload('dir/large', large(1));
      await session.files.upload('dir/large', large(2));
      await session.files.delete('gone');
      await session.files.write('last', new Uint8Array([255]));
      await world.crash();
      const after = await reopen(world);
      expect(await names(after)).to.deep.equal(['dir', 'last', 'small']);
      expect((await after.files.read('small')).text).to.equal('two');
      expect((await after.files.read('last')).base64).to.equal('/w==');
      const { base64, text = '' } = await after.files.read('dir/large');
      expect(base64).to.equal(undefined);
      expect(text).to.equal('\u0002'.repeat(600_000));
      const [rebuilt] = await epochs(after);
      expect(rebuilt).to.have.deep.property('lost', []);
    });
  }

  it('are put back to the checkpoint first, and written again in their order', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    const { workspace } = await session.files.list();
    await session.execute('add 1');
    await session.save();
    await session.files.write('f', 'acknowledged');
    await writeFile(join(workspace, 'f'), 'by code that was never acknowledged');
    await writeFile(join(workspace, 'g'), 'likewise');
    await world.crash();
    const after = await reopen(world);
    expect(await names(after)).to.deep.equal(['f']);
    expect((await after.files.read('f')).text).to.equal('acknowledged');
  });

  it('survive a second crash, and one without any checkpoint', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.files.write('f', 'kept');
    await world.crash();
    const again = await open({ store: world.store, dataDir: world.dataDir });
    expect((await again.client.session('a').files.read('f')).text).to.equal('kept');
    await again.crash();
    expect((await (await reopen(world)).files.read('f')).text).to.equal('kept');
  });

  it('are written when a call that was cut off is repeated with its key', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    await session.execute('add 1');
    await world.crash();
    const dying = await open({ store: diesAfterCheckpoint(world.store), dataDir: world.dataDir });
    const upload = (target: ISession) => target.files.upload('f', large(3), { idempotencyKey: 'k' });
    expect(await upload(dying.client.session('a')).catch(() => 'dead')).to.equal('dead');
    await dying.crash();
    const after = await reopen(world);
    expect(await upload(after)).to.include({ path: 'f', size: 600_000 });
    expect(await sizeOf(after, 'f')).to.equal(600_000);
    const results = (await journal(after)).flatMap((event) =>
      event.type === 'result' ? [event.status] : [],
    );
    expect(results).to.deep.equal(['ok', 'interrupted', 'ok']);
    const first = await upload(after);
    expect(await upload(after)).to.deep.equal(first);
  });

  it('are never claimed to be there when the checkpoint that keeps them failed', async () => {
    const world = await open();
    const before = await world.client.createSession({ ...counter, sessionId: 'a' });
    await before.execute('add 1');
    await before.save();
    await world.crash();
    const failing = await open({ store: cannotCheckpoint(world.store), dataDir: world.dataDir });
    const session = failing.client.session('a');
    expect(await codeOf(session.files.upload('f', large(1)))).to.equal('storage_error');
    await session.files.write('g', 'x');
    await failing.crash();
    expect(await names(await reopen(world))).to.deep.equal(['g']);
  });

  it('leave nothing of what was on its way', async () => {
    const world = await open();
    const session = await world.client.createSession({ ...counter, sessionId: 'a' });
    const { workspace } = await session.files.list();
    const incoming = join(dirname(dirname(workspace)), '.incoming');
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    async function* endless() {
      yield large(1);
      await waiting;
      throw new Error('the process is dead');
    }
    const upload = session.files.upload('f', endless()).catch(() => undefined);
    while ((await readdir(incoming).catch(() => [])).length === 0) await delay(2);
    await world.crash();
    const after = await reopen(world);
    expect(await names(after)).to.deep.equal([]);
    expect(await readdir(incoming).catch(() => [])).to.deep.equal([]);
    go();
    await upload;
  });
});

/** A store with some of its methods replaced. */
function changed(kept: ISessionStore, replaced: Partial<ISessionStore>): ISessionStore {
  return new Proxy(kept, {
    get(target, name) {
      const member: unknown = Reflect.get(name in replaced ? replaced : target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]): unknown => Reflect.apply(member, target, args) as unknown;
    },
  });
}

/** Stores a checkpoint, and then nothing any more: the process that uses it died in between. */
function diesAfterCheckpoint(kept: ISessionStore): ISessionStore {
  let dead = false;
  return changed(kept, {
    append: (append) => (dead ? Promise.reject(new Error('the process is dead')) : kept.append(append)),
    addCheckpoint: async (...checkpoint) => {
      await kept.addCheckpoint(...checkpoint);
      dead = true;
    },
  });
}

const cannotCheckpoint = (kept: ISessionStore): ISessionStore =>
  changed(kept, {
    addCheckpoint: () => Promise.reject(new SojournError('storage_error', 'The disk is full.')),
  });

describe('K-27: files of a server that is killed', () => {
  before(function () {
    return needs.python(this);
  });

  const connect = ({ url, token }: ServerProcess) => new Sojourn(new HttpCaller({ url, token, retries: 0 }));

  it('are all there that were acknowledged, over kills at random moments', async function () {
    this.timeout(180_000);
    const dataDir = join(await temporaryFolder(), 'data');
    const env = { SOJOURN_CHECKPOINT_INTERVAL_MS: '100' };
    let server = await startServerProcess(dataDir, env);
    await connect(server).createSession({ sessionId: 'a' });
    const acknowledged = new Map<string, Buffer | null>();
    let count = 0;
    /** One write after another until the server is gone; only the last one may be half done. */
    const write = async (session: ISession, note: () => void): Promise<string> => {
      for (;;) {
        count += 1;
        const path = `dir-${count % 3}/f${count % 7}`;
        const content = randomBytes(count % 4 === 0 ? 700_000 : 50);
        try {
          if (count % 5 === 0 && acknowledged.get(path)) {
            await session.files.delete(path);
            acknowledged.set(path, null);
          } else {
            await session.files.upload(path, content);
            acknowledged.set(path, content);
          }
          if (count % 6 === 0) await session.execute(`open('own-${count}', 'w').write('x')`);
          note();
        } catch {
          return path;
        }
      }
    };
    for (let kill = 0; kill < 15; kill += 1) {
      const client = connect(server);
      let answers = 0;
      let note = (): void => undefined;
      const some = new Promise<void>((resolve) => {
        note = () => {
          answers += 1;
          if (answers === 3) resolve();
        };
      });
      const writing = write(client.session('a'), note);
      if (kill % 2 === 0) await Promise.race([some, writing]);
      await delay(Math.random() * 150);
      await server.kill();
      const unsure = await writing;
      await client.close();
      server = await startServerProcess(dataDir, env);
      const files = connect(server).session('a').files;
      acknowledged.delete(unsure);
      for (const [path, content] of acknowledged)
        expect(await contentOf(files, path), `${path} after kill ${kill}`).to.deep.equal(content);
    }
    expect(acknowledged.size).to.be.greaterThan(5);
    expect(await server.stop()).to.equal(0);
  });

  it('are met again by code that is run again', async function () {
    this.timeout(60_000);
    const dataDir = join(await temporaryFolder(), 'data');
    let server = await startServerProcess(dataDir);
    const session = await connect(server).createSession({ sessionId: 'a' });
    await session.files.write('in.txt', '1');
    await session.execute("x = open('in.txt').read()");
    await session.files.upload('in.bin', large(7));
    await session.execute("y = len(open('in.bin').read())");
    await session.files.write('in.txt', '2');
    await session.files.delete('in.bin');
    await session.execute("z = open('in.txt').read()");
    await server.kill();
    server = await startServerProcess(dataDir);
    const after = connect(server).session('a');
    expect((await after.execute('x, y, z')).output).to.equal("('1', 600000, '2')\n");
    expect(await names(after)).to.deep.equal(['in.txt']);
    await server.stop();
  });
});
