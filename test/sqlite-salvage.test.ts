/** What the sqlite store makes of a database that cannot be opened: it saves what it can and never serves wrong data. */
import { expect } from 'chai';
import { copyFile, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addSession, append, text } from '../src/contracts/store-rules.js';
import { eventCount, idOf, overwrite, sessionCount, StoreOnDisk } from './support/store-on-disk.js';
import { temporaryFolder } from './support/temporary-folder.js';

describe('sqlite store with a damaged database', () => {
  let disk = new StoreOnDisk('');

  beforeEach(async () => {
    disk = new StoreOnDisk(await temporaryFolder('corruption'));
    await disk.fill();
  });
  afterEach(() => disk.dispose());

  it('recovers every session when the header is garbage', async () => {
    await overwrite(disk.file, 0, Buffer.alloc(100, 0xa5));
    const { store: opened, report } = await disk.reopen();
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
    expect(report.lost).to.deep.equal([]);
    expect(report.set_aside).to.have.length(1);
    expect((await stat(report.set_aside[0] ?? '')).size).to.be.greaterThan(10_000);
    expect((await opened.getAnswer('ada', 'k'))?.answer).to.equal(42);
    expect((await disk.reopen()).report).to.deep.equal({
      sessions: sessionCount,
      damaged: [],
      set_aside: [],
      lost: [],
    });
  });

  it('recovers every session when the whole first page is garbage', async () => {
    await overwrite(disk.file, 0, Buffer.alloc(2048, 0x11));
    const { store: opened, report } = await disk.reopen();
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
    expect(report.lost).to.deep.equal([]);
  });

  it('recovers from the log when the database is empty', async () => {
    const { store: opened } = await disk.reopen();
    await append(opened, idOf(0), [text(idOf(0), eventCount + 2)]);
    await copyFile(`${disk.file}-wal`, join(disk.dataDir, 'wal'));
    await opened.dispose();
    await truncate(disk.file, 0);
    await copyFile(join(disk.dataDir, 'wal'), `${disk.file}-wal`);
    const { report } = await disk.reopen();
    expect(report.set_aside.length).to.be.greaterThan(0);
    expect(report.lost.length).to.be.greaterThan(0);
  });

  for (const share of [0.2, 0.5, 0.9, 0.99]) {
    it(`saves what is left of a database that is cut off at ${share * 100} %`, async () => {
      const { size } = await stat(disk.file);
      await truncate(disk.file, Math.floor(size * share));
      const { store: opened, report } = await disk.reopen();
      const { whole, damaged } = await disk.expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      expect(report.set_aside).to.include(join(report.set_aside[0] ?? '', '..', 'sojourn.db'));
      if (share >= 0.9) expect(whole.length).to.be.greaterThan(0);
      await addSession(opened, 'after');
      expect((await disk.reopen()).report.set_aside).to.deep.equal([]);
    });
  }

  for (const content of ['', 'not a database', 'SQLite format 3\0']) {
    it(`starts anew beside a database that holds ${JSON.stringify(content)}`, async () => {
      await writeFile(disk.file, content);
      const { store: opened, report } = await disk.reopen();
      expect(report.sessions).to.equal(0);
      expect(report.lost.join()).to.match(/No session could be read/);
      expect(report.set_aside).to.have.length(1);
      expect(await readFile(report.set_aside[0] ?? '', 'utf8')).to.equal(content);
      await addSession(opened, 'new');
      const parts = await readdir(join(disk.dataDir, 'parts'));
      expect(parts.length, 'parts are kept while files are set aside').to.be.greaterThan(sessionCount / 2);
    });
  }

  it('goes on from the last copied state when the log is deleted', async () => {
    const { store: opened } = await disk.reopen();
    await append(opened, idOf(0), [text(idOf(0), eventCount + 2)]);
    await copyFile(disk.file, join(disk.dataDir, 'copy.db'));
    await opened.dispose();
    await copyFile(join(disk.dataDir, 'copy.db'), disk.file);
    const { store: again, report } = await disk.reopen();
    expect(report.damaged).to.deep.equal([]);
    expect((await disk.expectNothingWrong(again)).whole).to.have.length(sessionCount);
  });

  it('does not trust a log that is garbage', async () => {
    await writeFile(`${disk.file}-wal`, Buffer.alloc(50_000, 0x5a));
    const { store: opened } = await disk.reopen();
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });

  it('never crashes and never serves wrong data whatever byte is flipped', async () => {
    const sound = await readFile(disk.file);
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
      await writeFile(disk.file, bytes);
      await rm(`${disk.file}-wal`, { force: true });
      await rm(join(disk.dataDir, 'set-aside'), { recursive: true, force: true });
      const { store: opened } = await disk.reopen();
      const { whole, damaged } = await disk.expectNothingWrong(opened);
      expect(whole.length + damaged.length).to.equal(sessionCount);
      await opened.dispose();
    }
  }).timeout(60_000);

  it('finishes a repair that was cut off', async () => {
    await overwrite(disk.file, 0, Buffer.alloc(2048, 0x11));
    await (await disk.reopen()).store.dispose();
    // As after a crash between the last two steps: the damaged files are set aside, the new one not yet in place.
    await copyFile(disk.file, `${disk.file}-repaired`);
    await rm(disk.file);
    const { store: opened } = await disk.reopen();
    expect((await disk.expectNothingWrong(opened)).whole).to.have.length(sessionCount);
  });
});
