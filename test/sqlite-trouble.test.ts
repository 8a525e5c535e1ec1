/** A full and a read-only disk under the sqlite store: it says what is wrong, undoes the write and goes on afterwards. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { addSession, append, recordOf, text } from '../src/contracts/store-rules.js';
import { silentLog, systemClock, systemFiles } from '../src/core/system.js';
import { sqliteStore } from '../src/storage/sqlite/definition.js';
import { storageError } from '../src/storage/store-errors.js';
import { isSojournError } from '../src/types/errors.js';
import type { ISessionStore } from '../src/types/store.js';
import { needs, skip } from './support/needs.js';
import { temporaryFolder } from './support/temporary-folder.js';

const run = promisify(execFile);

const at = (dataDir: string): ISessionStore =>
  sqliteStore.create({ dataDir, clock: systemClock, log: silentLog, files: systemFiles });

async function failureOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isSojournError(error, 'storage_error') ? error.detail : `not a storage_error: ${String(error)}`;
}

describe('sqlite store on a small disk', () => {
  let folder = '';
  let dataDir = '';

  before(async function () {
    needs.linux(this);
    needs.root(this);
    folder = await temporaryFolder('disk');
    const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]).then(
      () => true,
      () => false,
    );
    if (!mounted) skip(this, 'may not mount a file system');
  });
  beforeEach(() => {
    dataDir = join(folder, 'data');
  });
  afterEach(async () => {
    await run('mount', ['-o', 'remount,rw', folder]);
    await rm(dataDir, { recursive: true, force: true });
    await rm(join(folder, 'filler'), { force: true });
  });
  after(async () => {
    await run('umount', [folder]).catch(() => undefined);
  });

  it('refuses writes while the disk is full, keeps what it had and goes on when there is room', async () => {
    const store = at(dataDir);
    await store.open();
    await addSession(store, 'one');
    await append(store, 'one', [text('one', 1)]);
    const before = await recordOf(store, 'one');
    await writeFile(join(folder, 'filler'), Buffer.alloc(3_000_000));
    const long = text('one', 2, 'x'.repeat(2_000_000));
    expect(await failureOf(append(store, 'one', [long], { patch: { name: 'x' } }))).to.match(
      /sojourn\.db: .*(full; free some space|check the disk and its free space)/,
    );
    expect(await failureOf(store.putPart(Buffer.alloc(2_000_000, 1)))).to.match(
      /parts: The disk is full; free/,
    );
    expect(await recordOf(store, 'one')).to.deep.equal(before);
    await rm(join(folder, 'filler'));
    await append(store, 'one', [text('one', 2)]);
    expect((await store.readJournal('one', 0, 10)).length).to.equal(3);
    expect((await recordOf(store, 'one')).failure).to.equal(null);
    const { hash } = await store.putPart(Buffer.from('fits'));
    expect((await store.getPart(hash)).length).to.equal(4);
    await store.dispose();
  });

  it('says so when the disk is read-only and opens when it can be written again', async () => {
    const filled = at(dataDir);
    await filled.open();
    await addSession(filled, 'one');
    await filled.dispose();
    await run('mount', ['-o', 'remount,ro', folder]);
    const store = at(dataDir);
    expect(await failureOf(store.open())).to.match(/writable|written/);
    await store.dispose();
    await run('mount', ['-o', 'remount,rw', folder]);
    const again = at(dataDir);
    expect((await again.open()).sessions).to.equal(1);
    await again.dispose();
  });
});

describe('sqlite store beside another writer', () => {
  it('says so and goes on when the other is done', async () => {
    const dataDir = await temporaryFolder('busy');
    const store = at(dataDir);
    await store.open();
    await addSession(store, 'one');
    const other = new Database(join(dataDir, 'sojourn.db'));
    other.exec('BEGIN IMMEDIATE');
    expect(await failureOf(append(store, 'one', [text('one', 1)]))).to.match(/Another process is writing/);
    other.exec('ROLLBACK');
    other.close();
    await append(store, 'one', [text('one', 1)]);
    expect((await recordOf(store, 'one')).head_seq).to.equal(1);
    await store.dispose();
  });
});

describe('what a store says of the machine', () => {
  const remedies: [string, RegExp][] = [
    ['ENOSPC', /\/data: The disk is full; free some space/],
    ['SQLITE_FULL', /\/data: The disk is full/],
    ['EROFS', /\/data: It is read-only; make it writable/],
    ['SQLITE_READONLY_DIRECTORY', /read-only/],
    ['EACCES', /\/data: Permission was denied/],
    ['EMFILE', /raise the limit/],
    ['SQLITE_IOERR_WRITE', /check the disk/],
    ['SQLITE_WEIRD', /the store failed \(SQLITE_WEIRD\)/],
  ];
  for (const [code, sentence] of remedies) {
    it(`names the place and the remedy for ${code}`, () => {
      const told = storageError('/data', Object.assign(new Error('raw'), { code }));
      expect([told.code, told.detail]).to.satisfy(
        ([name, detail]: string[]) => name === 'storage_error' && sentence.test(detail ?? ''),
      );
    });
  }

  it('tells a mistake in the program from trouble with the medium', () => {
    expect(storageError('/data', new TypeError('x')).code).to.equal('internal');
  });
});
