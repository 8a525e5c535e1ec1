/** Forked sessions in the sqlite store: damage on either side, repairs, and what a fork that was cut off leaves. */
import { expect } from 'chai';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  append,
  checkpoint,
  eventually,
  fails,
  forkTo,
  recordOf,
  text,
} from '../src/contracts/store-rules.js';
import { isSojournError } from '../src/types/errors.js';
import type { ISessionStore } from '../src/types/store.js';
import { eventCount, idOf, overwrite, sessionCount, StoreOnDisk } from './support/store-on-disk.js';
import { temporaryFolder } from './support/temporary-folder.js';

const source = idOf(3);
const keyOf = (id: string) => `(SELECT session_key FROM sessions WHERE session_id='${id}')`;

describe('sqlite store with forked sessions', () => {
  let disk = new StoreOnDisk('');

  beforeEach(async () => {
    disk = new StoreOnDisk(await temporaryFolder('fork'));
    await disk.fill();
  });
  afterEach(() => disk.dispose());

  const reopened = async () => (await disk.reopen()).store;

  /** Rows of a table, counted on a connection of its own. */
  function count(table: string, where = '1'): number {
    const db = new Database(join(disk.dataDir, 'sojourn.db'), { readonly: true });
    try {
      return db.prepare<[], number>(`SELECT count(*) FROM ${table} WHERE ${where}`).pluck().get() ?? 0;
    } finally {
      db.close();
    }
  }

  async function expectFork(store: ISessionStore, id: string): Promise<void> {
    const theirs = await store.readJournal(source, 0, 100_000);
    const events = await store.readJournal(id, 0, 100_000);
    expect(events.slice(0, -1)).to.deep.equal(theirs.map((event) => ({ ...event, session_id: id })));
    expect(await store.listCheckpoints(id)).to.deep.equal(await store.listCheckpoints(source));
    const { head_checkpoint, failure } = await recordOf(store, id);
    expect([head_checkpoint, failure]).to.deep.equal(['c1', null]);
  }

  it('finds nothing wrong with a fork when it is opened again', async () => {
    await forkTo(await reopened(), source, 'fork', eventCount + 1);
    const { store, report } = await disk.reopen();
    expect(report).to.deep.equal({ sessions: sessionCount + 1, damaged: [], set_aside: [], lost: [] });
    await expectFork(store, 'fork');
  });

  it('stores no part again and holds those of the fork', async () => {
    const store = await reopened();
    const before = count('session_parts');
    await forkTo(store, source, 'fork', eventCount);
    expect(count('session_parts')).to.equal(before + 2);
    const holds = `session_key=${keyOf('fork')} AND (hash,size) IN
      (SELECT hash,size FROM session_parts WHERE session_key=${keyOf(source)})`;
    expect(count('session_parts', holds)).to.equal(2);
  });

  const damage: [string, string][] = [
    [
      'an event with changed text',
      "UPDATE journal SET body=replace(body,'says','sais') WHERE seq=5 AND session_key=KEY",
    ],
    ['an event with a wrong checksum', 'UPDATE journal SET crc=crc+1 WHERE seq=5 AND session_key=KEY'],
    [
      'an event of another session',
      `UPDATE journal SET (body,crc)=(SELECT body,crc FROM journal j WHERE j.seq=5 AND j.session_key<>KEY LIMIT 1)
       WHERE seq=5 AND session_key=KEY`,
    ],
    ['a lost event', 'DELETE FROM journal WHERE seq=5 AND session_key=KEY'],
    ['a lost beginning', 'DELETE FROM journal WHERE seq<5 AND session_key=KEY'],
    ['a lost end', 'DELETE FROM journal WHERE seq>30 AND session_key=KEY'],
    ['a changed checkpoint', "UPDATE bodies SET body=replace(body,'own','oxn') WHERE session_key=KEY"],
    ['a changed node', "UPDATE checkpoints SET node=replace(node,'main','mein') WHERE session_key=KEY"],
    ['a checkpoint without its contents', 'DELETE FROM bodies WHERE session_key=KEY'],
    ['a lost checkpoint', 'DELETE FROM checkpoints WHERE session_key=KEY'],
    ['a changed head', 'UPDATE heads SET epoch=70 WHERE session_key=KEY'],
  ];
  for (const [what, sql] of damage) {
    it(`copies no damage: ${what} fails the source and leaves no fork`, async () => {
      const store = await reopened();
      disk.tamper(sql.replaceAll('KEY', keyOf(source)));
      const error: unknown = await forkTo(store, source, 'fork', eventCount).catch(
        (thrown: unknown) => thrown,
      );
      expect(isSojournError(error, 'storage_error') && error.fields['damaged']).to.equal(true);
      expect(await store.getSession('fork')).to.equal(null);
      const { store: again, report } = await disk.reopen();
      expect(report.damaged.map((one) => one.session_id)).to.deep.equal([source]);
      expect((await disk.expectNothingWrong(again)).whole).to.have.length(sessionCount - 1);
      expect([
        count('doomed'),
        count('journal', 'session_key NOT IN (SELECT session_key FROM sessions)'),
      ]).to.deep.equal([0, 0]);
    });
  }

  it('forks what comes before the damage', async () => {
    const store = await reopened();
    disk.tamper(`UPDATE journal SET crc=crc+1 WHERE seq=20 AND session_key=${keyOf(source)}`);
    await forkTo(store, source, 'fork', 19);
    expect(await store.readJournal('fork', 0, 100)).to.have.length(21);
    await fails(forkTo(store, source, 'other', 20), 'storage_error');
  });

  const oneSided: [string, string][] = [
    ['changed text', "UPDATE journal SET body=replace(body,'says','sais') WHERE seq=5 AND session_key=KEY"],
    [
      'a row of the other one',
      `UPDATE journal SET crc=(SELECT crc FROM journal j WHERE j.seq=5 AND j.session_key=OTHER)
       WHERE seq=5 AND session_key=KEY`,
    ],
    ['a lost event', 'DELETE FROM journal WHERE seq=5 AND session_key=KEY'],
    [
      'a checkpoint of the other one',
      `UPDATE checkpoints SET crc=(SELECT crc FROM checkpoints j WHERE j.session_key=OTHER) WHERE session_key=KEY`,
    ],
  ];
  for (const [what, sql] of oneSided) {
    for (const [hurt, sound] of [
      ['fork', source],
      [source, 'fork'],
    ] as const) {
      it(`fails only the ${hurt === 'fork' ? 'fork' : 'source'} for ${what} in it`, async () => {
        await forkTo(await reopened(), source, 'fork', eventCount + 1);
        disk.tamper(sql.replaceAll('KEY', keyOf(hurt)).replaceAll('OTHER', keyOf(sound)));
        const store = await reopened();
        const read = async (id: string) => [
          await store.readJournal(id, 0, 100),
          await store.listCheckpoints(id),
        ];
        await fails(read(hurt), 'storage_error');
        expect(await read(sound)).to.have.length(2);
        expect((await recordOf(store, sound)).failure).to.equal(null);
      });
    }
  }

  it('gives a fork back whole after a repair, and no key that it did not have', async () => {
    const opened = await reopened();
    await forkTo(opened, source, 'fork', eventCount + 1);
    await append(opened, 'fork', [
      {
        ...text('fork', eventCount + 3),
        type: 'input',
        operation: 'execute',
        params: {},
        principal: 'ada',
        idempotency_key: 'own',
      },
    ]);
    await opened.dispose();
    await overwrite(disk.file, 0, Buffer.alloc(2048, 0x11));
    const { store, report } = await disk.reopen();
    expect([report.lost, report.set_aside.length]).to.deep.equal([[], 1]);
    expect((await store.readJournal('fork', 0, 100)).length).to.equal(eventCount + 4);
    expect((await recordOf(store, 'fork')).failure).to.equal(null);
    expect(await store.findInput('fork', `key of ${source}`)).to.equal(null);
    expect((await store.findInput(source, `key of ${source}`))?.seq).to.equal(1);
    expect((await store.findInput('fork', 'own'))?.seq).to.equal(eventCount + 3);
  });

  it('lets others have their turn while a long journal is forked', async () => {
    const store = await reopened();
    await append(
      store,
      source,
      Array.from({ length: 10_000 }, (_, index) => text(source, eventCount + 2 + index)),
    );
    let turns = 0;
    let isForking = true;
    const counting = (async () => {
      for (; isForking; turns += 1) await new Promise(setImmediate);
    })();
    await forkTo(store, source, 'fork', eventCount + 10_001);
    isForking = false;
    await counting;
    expect(turns).to.be.at.least(10);
    await expectFork(store, 'fork');
  });

  it('forks events that are larger than what is copied in one go', async () => {
    const store = await reopened();
    const large = [0, 1, 2].map((index) => text(source, eventCount + 2 + index, 'ä'.repeat(2 ** 20)));
    await append(store, source, large);
    await forkTo(store, source, 'fork', eventCount + 4);
    await expectFork(store, 'fork');
  });

  it('forks many checkpoints', async () => {
    const store = await reopened();
    const manifest = { text: 'm'.repeat(50_000) };
    for (let index = 0; index < 60; index += 1)
      await store.addCheckpoint(source, checkpoint(`d${index}`, [], { seq: 3, manifest, parent: 'c1' }), {});
    await store.updateSession(source, { head_checkpoint: 'c1' });
    await forkTo(store, source, 'fork', eventCount + 1);
    await expectFork(store, 'fork');
    expect((await recordOf(store, 'fork')).checkpoint_count).to.equal(61);
  });

  it('removes at the next start what a fork left that was cut off', async () => {
    const store = await reopened();
    await append(
      store,
      source,
      Array.from({ length: 20_000 }, (_, index) => text(source, eventCount + 2 + index)),
    );
    const forking = forkTo(store, source, 'fork', eventCount + 20_001);
    const failing = fails(forking, 'closed');
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    await store.dispose();
    await failing;
    const leftOver = 'session_key NOT IN (SELECT session_key FROM sessions)';
    expect([count('doomed'), count('journal', leftOver) > 0]).to.deep.equal([1, true]);
    const { store: again, report } = await disk.reopen();
    expect(report).to.deep.equal({ sessions: sessionCount, damaged: [], set_aside: [], lost: [] });
    await eventually(() => count('doomed') === 0);
    expect(count('journal', leftOver)).to.equal(0);
    await forkTo(again, source, 'fork', 5);
  });

  it('drops in a repair what a fork left that was cut off', async () => {
    const store = await reopened();
    await append(
      store,
      source,
      Array.from({ length: 5000 }, (_, index) => text(source, eventCount + 2 + index)),
    );
    const failing = fails(forkTo(store, source, 'fork', eventCount + 5001), 'closed');
    for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
    await store.dispose();
    await failing;
    await overwrite(disk.file, 0, Buffer.alloc(2048, 0x11));
    const { store: again, report } = await disk.reopen();
    expect([report.sessions, report.lost]).to.deep.equal([sessionCount, []]);
    expect(await again.getSession('fork')).to.equal(null);
    expect(count('journal', 'session_key NOT IN (SELECT session_key FROM sessions)')).to.equal(0);
  });
});
