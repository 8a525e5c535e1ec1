/** What the sqlite store makes of damaged files: real ones, damaged by hand. It never crashes and never serves wrong data. */
import { expect } from 'chai';
import { copyFile, mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { addSession, append, at, checkpoint, input, putNamed, text } from '../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import { isSojournError } from '../src/types/errors.js';
import type { CheckpointRecord, ISessionStore, OpenReport } from '../src/types/store.js';
import { temporaryFolder } from './support/temporary-folder.js';

const sessionCount = 30;
const eventCount = 40;

describe('sqlite store with damaged files', () => {
  let dataDir = '';
  let file = '';
  let store: ISessionStore | undefined;

  const create = (): ISessionStore =>
    sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });

  async function reopen(): Promise<{ store: ISessionStore; report: OpenReport }> {
    await store?.dispose();
    const opened = create();
    store = opened;
    return { store: opened, report: await opened.open() };
  }

  const idOf = (index: number) => `session-${String(index).padStart(2, '0')}`;

  /** Sessions with journals of many pages, each with a checkpoint of an own and a shared part. */
  async function fill(): Promise<void> {
    const filled = create();
    await filled.open();
    const shared = await putNamed(filled, 'shared', 'the same for all');
    for (let index = 0; index < sessionCount; index += 1) {
      const id = idOf(index);
      await addSession(filled, id, { uid: `uid${String(index).padStart(8, '0')}`, tags: ['t'] });
      const events = Array.from({ length: eventCount }, (_, at0) =>
        text(id, at0 + 2, `${id} says `.repeat(20)),
      );
      await append(filled, id, [input(id, 1, `key of ${id}`), ...events]);
      const own = await putNamed(filled, 'own', `only in ${id}`);
      await filled.addCheckpoint(id, checkpoint('c1', [own, shared], { seq: eventCount }), {
        variable_count: index,
      });
    }
    await filled.putAnswer('ada', 'k', { request: 'r', answer: 42, created_at: at(1) });
    await filled.dispose();
  }

  beforeEach(async () => {
    dataDir = await temporaryFolder('corruption');
    file = join(dataDir, 'sojourn.db');
    store = undefined;
    await fill();
  });
  afterEach(async () => {
    await store?.dispose();
  });

  /** Reads everything; each session is either told as damaged or exactly what was stored. */
  async function expectNothingWrong(opened: ISessionStore): Promise<{ whole: string[]; damaged: string[] }> {
    const whole: string[] = [];
    const damaged: string[] = [];
    for (let index = 0; index < sessionCount; index += 1) {
      const id = idOf(index);
      try {
        const record = await opened.getSession(id);
        if (record === null || record.failure) {
          damaged.push(id);
          continue;
        }
        const events = await opened.readJournal(id, 0, 1000);
        expect(events.map((event) => event.seq)).to.deep.equal(events.map((_, seq) => seq));
        expect(events).to.have.length(eventCount + 2);
        expect(events.at(-1)).to.deep.equal(text(id, eventCount + 1, `${id} says `.repeat(20)));
        expect(record.variable_count).to.equal(index);
        const [kept] = await opened.listCheckpoints(id);
        const own = await opened.getPart(kept?.parts[0]?.hash ?? '');
        expect(Buffer.from(own).toString()).to.equal(`only in ${id}`);
        whole.push(id);
      } catch (error) {
        if (!isSojournError(error, 'storage_error')) throw error;
        damaged.push(id);
      }
    }
    return { whole, damaged };
  }

  async function overwrite(path: string, position: number, bytes: Uint8Array): Promise<void> {
    const handle = await open(path, 'r+');
    await handle.write(bytes, 0, bytes.length, position);
    await handle.close();
  }

  const partPath = (hash: string) => join(dataDir, 'parts', hash.slice(0, 2), hash);
  const headOf = async (id: string): Promise<CheckpointRecord> => {
    const { store: opened } = await reopen();
    const found = await opened.getCheckpoint(id, 'c1');
    await opened.dispose();
    if (!found) throw new Error('no checkpoint');
    return found;
  };

  /** Runs SQL behind the store's back. */
  function tamper(sql: string): void {
    const db = new Database(file);
    db.exec(sql);
    db.close();
  }

  const keyed = (id: string) => `(SELECT session_key FROM sessions WHERE session_id='${id}')`;

  it('opens sound files without a finding', async () => {
    const { store: opened, report } = await reopen();
    expect(report).to.deep.equal({ sessions: sessionCount, damaged: [], set_aside: [], lost: [] });
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });

  const rowDamage: [string, string][] = [
    [
      'an event with changed text',
      "UPDATE journal SET body=replace(body,'says','sais') WHERE seq=5 AND session_key=KEY",
    ],
    ['an event with a wrong checksum', 'UPDATE journal SET crc=crc+1 WHERE seq=5 AND session_key=KEY'],
    [
      'an event with another time',
      "UPDATE journal SET at='2020-01-01T00:00:00.000Z' WHERE seq=5 AND session_key=KEY",
    ],
    ['a lost event', 'DELETE FROM journal WHERE seq=5 AND session_key=KEY'],
    ['a lost end of the journal', 'DELETE FROM journal WHERE seq>30 AND session_key=KEY'],
    ['a head that went back', 'UPDATE heads SET head_seq=7 WHERE session_key=KEY'],
    ['a changed epoch', 'UPDATE heads SET epoch=70 WHERE session_key=KEY'],
    ['a lost head', 'DELETE FROM heads WHERE session_key=KEY'],
    ['a changed record', "UPDATE sessions SET cold=replace(cold,'replay','replax') WHERE session_key=KEY"],
    ['a changed owner', `UPDATE sessions SET owner='"eve"' WHERE session_key=KEY`],
    [
      'an event of another session',
      `UPDATE journal SET body=(SELECT body FROM journal j WHERE j.seq=5 AND
      j.session_key<>KEY LIMIT 1),crc=(SELECT crc FROM journal j WHERE j.seq=5 AND j.session_key<>KEY LIMIT 1)
      WHERE seq=5 AND session_key=KEY`,
    ],
    ['a changed checkpoint', "UPDATE checkpoints SET body=replace(body,'own','oxn') WHERE session_key=KEY"],
    ['a lost checkpoint', 'DELETE FROM checkpoints WHERE session_key=KEY'],
  ];
  for (const [what, sql] of rowDamage) {
    it(`gives up one session for ${what} and serves the others`, async () => {
      tamper(sql.replaceAll('KEY', keyed(idOf(3))));
      const { store: opened } = await reopen();
      const { damaged, whole } = await expectNothingWrong(opened);
      expect(damaged).to.deep.equal([idOf(3)]);
      expect(whole).to.have.length(sessionCount - 1);
      const again = await reopen();
      expect(again.report.damaged.map((one) => one.session_id)).to.deep.equal([idOf(3)]);
      const listed = await again.store.listSessions({ limit: 100 });
      for (const record of listed.sessions)
        expect(record.failure !== null).to.equal(record.session_id === idOf(3));
      expect(await again.store.deleteSession(idOf(3))).to.equal(true);
      expect((await again.store.listSessions({ limit: 100 })).total).to.equal(sessionCount - 1);
    });
  }

  it('tells at open which session lacks events and keeps its rows', async () => {
    tamper(`DELETE FROM journal WHERE seq=5 AND session_key=${keyed(idOf(3))}`);
    const { store: opened, report } = await reopen();
    expect(report.damaged).to.deep.equal([
      { session_id: idOf(3), detail: '1 of the events 0 to 41 are missing.' },
    ]);
    expect((await opened.getSession(idOf(3)))?.failure?.code).to.equal('storage_error');
    expect(await opened.readJournal(idOf(3), 6, 100)).to.have.length(eventCount - 4);
  });

  it('finds a part that is cut off, missing or changed', async () => {
    const hashes = await Promise.all([1, 2, 3].map(() => ''));
    for (const index of [1, 2, 3]) hashes[index - 1] = (await headOf(idOf(index))).parts[0]?.hash ?? '';
    const [cut = '', gone = '', changed = ''] = hashes;
    await truncate(partPath(cut), 3);
    await rm(partPath(gone));
    await overwrite(partPath(changed), 0, Buffer.from('O'));
    const { store: opened, report } = await reopen();
    expect(report.damaged.map((one) => one.session_id)).to.have.members([idOf(1), idOf(2)]);
    expect((await expectNothingWrong(opened)).damaged).to.have.members([idOf(1), idOf(2), idOf(3)]);
    expect(opened.hasPart(cut)).to.equal(false);
    await opened.putPart(Buffer.from(`only in ${idOf(1)}`));
    expect(Buffer.from(await opened.getPart(cut)).toString()).to.equal(`only in ${idOf(1)}`);
  });

  it('recovers every session when the header is garbage', async () => {
    await overwrite(file, 0, Buffer.alloc(100, 0xa5));
    const { store: opened, report } = await reopen();
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
    expect(report.lost).to.deep.equal([]);
    expect(report.set_aside).to.have.length(1);
    expect((await stat(report.set_aside[0] ?? '')).size).to.be.greaterThan(10_000);
    expect((await opened.getAnswer('ada', 'k'))?.answer).to.equal(42);
    expect((await reopen()).report).to.deep.equal({
      sessions: sessionCount,
      damaged: [],
      set_aside: [],
      lost: [],
    });
  });

  it('recovers every session when the whole first page is garbage', async () => {
    await overwrite(file, 0, Buffer.alloc(2048, 0x11));
    const { store: opened, report } = await reopen();
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
    expect(report.lost).to.deep.equal([]);
  });

  it('recovers from the log when the database is empty', async () => {
    const { store: opened } = await reopen();
    await append(opened, idOf(0), [text(idOf(0), eventCount + 2)]);
    await copyFile(`${file}-wal`, join(dataDir, 'wal'));
    await opened.dispose();
    await truncate(file, 0);
    await copyFile(join(dataDir, 'wal'), `${file}-wal`);
    const { report } = await reopen();
    expect(report.set_aside.length).to.be.greaterThan(0);
    expect(report.lost.length).to.be.greaterThan(0);
  });

  for (const share of [0.2, 0.5, 0.9, 0.99]) {
    it(`saves what is left of a database that is cut off at ${share * 100} %`, async () => {
      const { size } = await stat(file);
      await truncate(file, Math.floor(size * share));
      const { store: opened, report } = await reopen();
      const { whole, damaged } = await expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      expect(report.set_aside).to.include(join(report.set_aside[0] ?? '', '..', 'sojourn.db'));
      if (share >= 0.9) expect(whole.length).to.be.greaterThan(0);
      await addSession(opened, 'after');
      expect((await reopen()).report.set_aside).to.deep.equal([]);
    });
  }

  for (const content of ['', 'not a database', 'SQLite format 3\0']) {
    it(`starts anew beside a database that holds ${JSON.stringify(content)}`, async () => {
      await writeFile(file, content);
      const { store: opened, report } = await reopen();
      expect(report.sessions).to.equal(0);
      expect(report.lost.join()).to.match(/No session could be read/);
      expect(report.set_aside).to.have.length(1);
      expect(await readFile(report.set_aside[0] ?? '', 'utf8')).to.equal(content);
      await addSession(opened, 'new');
      const parts = await readdir(join(dataDir, 'parts'));
      expect(parts.length, 'parts are kept while files are set aside').to.be.greaterThan(sessionCount / 2);
    });
  }

  it('goes on from the last copied state when the log is deleted', async () => {
    const { store: opened } = await reopen();
    await append(opened, idOf(0), [text(idOf(0), eventCount + 2)]);
    await copyFile(file, join(dataDir, 'copy.db'));
    await opened.dispose();
    await copyFile(join(dataDir, 'copy.db'), file);
    const { store: again, report } = await reopen();
    expect(report.damaged).to.deep.equal([]);
    expect((await expectNothingWrong(again)).whole).to.have.length(sessionCount);
  });

  it('does not trust a log that is garbage', async () => {
    await writeFile(`${file}-wal`, Buffer.alloc(50_000, 0x5a));
    const { store: opened } = await reopen();
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });

  it('damages only the sessions on a page that is garbage', async () => {
    const { size } = await stat(file);
    const pages = Math.floor(size / 2048);
    const sound = join(dataDir, 'sound.db');
    await copyFile(file, sound);
    let mostDamaged = 0;
    for (let page = 1; page < pages; page += Math.max(1, Math.floor(pages / 40))) {
      await copyFile(sound, file);
      await rm(`${file}-wal`, { force: true });
      await overwrite(file, page * 2048, Buffer.alloc(2048, 0xc3));
      const { store: opened } = await reopen();
      const { whole, damaged } = await expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      mostDamaged = Math.max(mostDamaged, damaged.length);
      await opened.dispose();
    }
    // An inner page of the journal's tree stands for many sessions; most pages stand for one or two.
    expect(mostDamaged).to.be.at.most(sessionCount);
  }).timeout(60_000);

  it('never crashes and never serves wrong data whatever byte is flipped', async () => {
    const sound = await readFile(file);
    let random = 12345;
    const next = (below: number) => {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      return random % below;
    };
    for (let round = 0; round < 60; round += 1) {
      const bytes = Buffer.from(sound);
      for (let flips = 0; flips < 20; flips += 1) {
        const position = next(bytes.length);
        bytes[position] = (bytes[position] ?? 0) ^ (1 << next(8));
      }
      await writeFile(file, bytes);
      await rm(`${file}-wal`, { force: true });
      await rm(join(dataDir, 'set-aside'), { recursive: true, force: true });
      const { store: opened } = await reopen();
      const { whole, damaged } = await expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      await opened.dispose();
    }
  }).timeout(60_000);

  it('finishes a repair that was cut off', async () => {
    await overwrite(file, 0, Buffer.alloc(2048, 0x11));
    await (await reopen()).store.dispose();
    // As after a crash between the last two steps: the damaged files are set aside, the new one not yet in place.
    await copyFile(file, `${file}-repaired`);
    await rm(file);
    const { store: opened } = await reopen();
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });

  it('refuses a database of a newer version in plain words', async () => {
    tamper('PRAGMA user_version=2');
    const opened = create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(/newer version \(format 2/);
    await opened.dispose();
  });

  it('refuses a database of another program and leaves it alone', async () => {
    await rm(file);
    tamper('CREATE TABLE notes(a)');
    const opened = create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(/another program/);
    await opened.dispose();
  });

  it('names the place and the remedy when the database cannot be opened', async () => {
    await rm(file);
    await mkdir(file);
    const opened = create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(
      /sojourn\.db: It cannot be opened; check/,
    );
    await opened.dispose();
  });

  it('sweeps temporary and orphaned files after opening, and no others', async () => {
    const orphan = 'ab'.repeat(32);
    await mkdir(join(dataDir, 'parts', 'ab'), { recursive: true });
    await writeFile(partPath(orphan), 'orphan');
    await writeFile(join(dataDir, 'parts', 'tmp', 'left'), 'half');
    await writeFile(join(dataDir, 'parts', 'ab', 'readme'), 'not ours');
    const { store: opened } = await reopen();
    await opened.putPart(Buffer.from('just written'));
    for (let turn = 0; turn < 5000 && opened.hasPart(orphan); turn += 1) await new Promise(setImmediate);
    expect(opened.hasPart(orphan)).to.equal(false);
    expect(await readdir(join(dataDir, 'parts', 'tmp'))).to.deep.equal([]);
    expect(await readdir(join(dataDir, 'parts', 'ab'))).to.include('readme');
    expect((await expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });
});
