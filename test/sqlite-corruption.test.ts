/** What the sqlite store makes of damaged rows, pages and parts: real ones, damaged by hand. */
import { expect } from 'chai';
import { copyFile, mkdir, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSojournError } from '../src/types/errors.js';
import { eventCount, idOf, overwrite, sessionCount, StoreOnDisk } from './support/store-on-disk.js';
import { temporaryFolder } from './support/temporary-folder.js';

const keyed = (id: string) => `(SELECT session_key FROM sessions WHERE session_id='${id}')`;

describe('sqlite store with damaged rows and parts', () => {
  let disk = new StoreOnDisk('');

  beforeEach(async () => {
    disk = new StoreOnDisk(await temporaryFolder('corruption'));
    await disk.fill();
  });
  afterEach(() => disk.dispose());

  it('opens sound files without a finding', async () => {
    const { store: opened, report } = await disk.reopen();
    expect(report).to.deep.equal({ sessions: sessionCount, damaged: [], set_aside: [], lost: [] });
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
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
    ['a changed checkpoint', "UPDATE bodies SET body=replace(body,'own','oxn') WHERE session_key=KEY"],
    ['a changed node', "UPDATE checkpoints SET node=replace(node,'main','mein') WHERE session_key=KEY"],
    ['a checkpoint without its contents', 'DELETE FROM bodies WHERE session_key=KEY'],
    ['a lost checkpoint', 'DELETE FROM checkpoints WHERE session_key=KEY'],
  ];
  for (const [what, sql] of rowDamage) {
    it(`gives up one session for ${what} and serves the others`, async () => {
      disk.tamper(sql.replaceAll('KEY', keyed(idOf(3))));
      const { store: opened } = await disk.reopen();
      const { damaged, whole } = await disk.expectNothingWrong(opened);
      expect(damaged).to.deep.equal([idOf(3)]);
      expect(whole).to.have.length(sessionCount - 1);
      const again = await disk.reopen();
      expect(again.report.damaged.map((one) => one.session_id)).to.deep.equal([idOf(3)]);
      const listed = await again.store.listSessions({ limit: 100 });
      for (const record of listed.sessions)
        expect(record.failure !== null).to.equal(record.session_id === idOf(3));
      expect(await again.store.deleteSession(idOf(3))).to.equal(true);
      expect((await again.store.listSessions({ limit: 100 })).total).to.equal(sessionCount - 1);
    });
  }

  it('tells at open which session lacks events and keeps its rows', async () => {
    disk.tamper(`DELETE FROM journal WHERE seq=5 AND session_key=${keyed(idOf(3))}`);
    const { store: opened, report } = await disk.reopen();
    expect(report.damaged).to.deep.equal([
      { session_id: idOf(3), detail: '1 of the events 0 to 41 are missing.' },
    ]);
    expect((await opened.getSession(idOf(3)))?.failure?.code).to.equal('storage_error');
    expect(await opened.readJournal(idOf(3), 6, 100)).to.have.length(eventCount - 4);
  });

  it('finds a part that is cut off, missing or changed', async () => {
    const hashes: string[] = [];
    for (const index of [1, 2, 3]) hashes.push((await disk.checkpointOf(idOf(index))).parts[0]?.hash ?? '');
    const [cut = '', gone = '', changed = ''] = hashes;
    await truncate(disk.partPath(cut), 3);
    await rm(disk.partPath(gone));
    await overwrite(disk.partPath(changed), 0, Buffer.from('O'));
    const { store: opened, report } = await disk.reopen();
    expect(report.damaged.map((one) => one.session_id)).to.have.members([idOf(1), idOf(2)]);
    expect((await disk.expectNothingWrong(opened)).damaged).to.have.members([idOf(1), idOf(2), idOf(3)]);
    expect(opened.hasPart(cut)).to.equal(false);
    await opened.putPart(Buffer.from(`only in ${idOf(1)}`));
    expect(Buffer.from(await opened.getPart(cut)).toString()).to.equal(`only in ${idOf(1)}`);
  });

  it('damages only the sessions on a page that is garbage', async () => {
    const { size } = await stat(disk.file);
    const pages = Math.floor(size / 2048);
    const sound = join(disk.dataDir, 'sound.db');
    await copyFile(disk.file, sound);
    let mostDamaged = 0;
    for (let page = 1; page < pages; page += Math.max(1, Math.floor(pages / 40))) {
      await copyFile(sound, disk.file);
      await rm(`${disk.file}-wal`, { force: true });
      await overwrite(disk.file, page * 2048, Buffer.alloc(2048, 0xc3));
      const { store: opened } = await disk.reopen();
      const { whole, damaged } = await disk.expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      mostDamaged = Math.max(mostDamaged, damaged.length);
      await opened.dispose();
    }
    // An inner page of the journal's tree stands for many sessions; most pages stand for one or two.
    expect(mostDamaged).to.be.at.most(sessionCount);
  }).timeout(60_000);

  it('refuses a database of a newer version in plain words', async () => {
    disk.tamper('PRAGMA user_version=2');
    const opened = disk.create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(/newer version \(format 2/);
    await opened.dispose();
  });

  it('refuses a database of another program and leaves it alone', async () => {
    await rm(disk.file);
    disk.tamper('CREATE TABLE notes(a)');
    const opened = disk.create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(/another program/);
    await opened.dispose();
  });

  it('names the place and the remedy when the database cannot be opened', async () => {
    await rm(disk.file);
    await mkdir(disk.file);
    const opened = disk.create();
    const error: unknown = await opened.open().catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'storage_error') && error.detail).to.match(
      /sojourn\.db: It cannot be opened; check/,
    );
    await opened.dispose();
  });

  it('sweeps temporary and orphaned files after opening, and no others', async () => {
    const orphan = 'ab'.repeat(32);
    await mkdir(join(disk.dataDir, 'parts', 'ab'), { recursive: true });
    await writeFile(disk.partPath(orphan), 'orphan');
    await writeFile(join(disk.dataDir, 'parts', 'tmp', 'left'), 'half');
    await writeFile(join(disk.dataDir, 'parts', 'ab', 'readme'), 'not ours');
    const { store: opened } = await disk.reopen();
    await opened.putPart(Buffer.from('just written'));
    for (let turn = 0; turn < 5000 && opened.hasPart(orphan); turn += 1) await new Promise(setImmediate);
    expect(opened.hasPart(orphan)).to.equal(false);
    expect(await readdir(join(disk.dataDir, 'parts', 'tmp'))).to.deep.equal([]);
    expect(await readdir(join(disk.dataDir, 'parts', 'ab'))).to.include('readme');
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });
});
