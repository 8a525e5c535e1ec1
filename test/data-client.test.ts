/** Tables as a program holds them: the same through the embedded library's caller and over REST. */
import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { HttpCaller } from '../src/client/http-caller.js';
import { Sojourn } from '../src/client/sojourn.js';
import type { RunningServer } from '../src/server.js';
import type { ISession } from '../src/types/client.js';
import { isSojournError } from '../src/types/errors.js';
import type { ErrorCode } from '../src/types/errors.js';
import { openServer } from './support/open-server.js';
import { doors } from './support/server-doors.js';
import { temporaryFolder } from './support/temporary-folder.js';

const people = `name,age,city,email,active
Ada,36,London,ada@example.org,true
Alan,41,Manchester,,true
Grace,85,New York,grace@example.org,false
Edsger,72,Nuenen,edsger@example.org,true
`;
const interfaceFile = 'input: {type: csv, filename: people.csv, directory: ".", index: name}\n';

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function failureOf(work: PromiseLike<unknown>, code: ErrorCode): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isSojournError(error, code)) return error.detail;
    throw error;
  }
  throw new Error('it did not fail');
}

for (const door of doors) {
  describe(`a table ${door.name}`, () => {
    let server: RunningServer;
    let client: Sojourn;
    let roots = '';
    let data: ISession;

    before(async () => {
      roots = join(await temporaryFolder(), 'roots');
      await mkdir(roots);
      await writeFile(join(roots, 'people.csv'), people);
      await writeFile(join(roots, 'people.yml'), interfaceFile);
      server = await openServer({ store: 'memory', data: { roots: [roots] } });
      client = new Sojourn(door.open(server));
    });
    after(async () => {
      await client.close();
      await server.dispose();
    });
    beforeEach(async () => {
      data = await client.createSession({ interfaceFile: 'people.yml', timeout: 60, sessionName: 'mine' });
    });
    afterEach(() => data.delete());

    it('comes from an interface file, and says what it is', async () => {
      const info = await data.info();
      expect(info).to.deep.include({
        kind: 'data',
        name: 'mine',
        timeoutS: 60,
        shape: [4, 4],
        columns: ['age', 'city', 'email', 'active'],
        index: 'name',
        interfaceFile: 'people.yml',
      });
      expect(info.dtypes).to.include({ age: 'int64', active: 'bool' });
    });

    it('comes from a source, and from a file that is sent at once or as it is read', async () => {
      const source = { type: 'csv', filename: 'people.csv', directory: roots };
      await client.createSession({ sessionId: 'source', dataSource: source, index: 'name' });
      const file = { fileName: 'people.csv', index: 'name' };
      await client.createSession({ sessionId: 'whole', file: Buffer.from(people), ...file });
      const stream = createReadStream(join(roots, 'people.csv'));
      await client.createSession({ sessionId: 'stream', file: stream, ...file });
      for (const id of ['source', 'whole', 'stream']) {
        expect(await client.session(id).getValue('Alan', 'age'), id).to.equal(41);
        expect(await client.session(id).getValue('Ada', 'city'), id).to.equal('London');
        await client.deleteSession(id);
      }
    });

    it('comes from rows, one by one or column by column', async () => {
      const records = [
        { name: 'Ada', age: 36, home_town: 'London' },
        { name: 'Alan', age: 41, home_town: null },
      ];
      const columns = { name: ['Ada', 'Alan'], age: [36, 41], home_town: ['London', null] };
      for (const rows of [records, columns]) {
        const made = await client.createSession({ data: rows, index: 'name' });
        expect((await made.getSlice()).records).to.deep.equal([
          { age: 36, home_town: 'London' },
          { age: 41, home_town: null },
        ]);
        await made.delete();
      }
    });

    it('is read by label, by position and by column (D-07, D-08, D-09)', async () => {
      expect(await data.getValue('Ada', 'age')).to.equal(36);
      expect(await data.getValueAt('Grace', 'city')).to.equal('New York');
      const slice = await data.getSlice(1, 3, ['age']);
      expect(slice).to.deep.include({
        columns: ['age'],
        indices: ['Alan', 'Grace'],
        records: [{ age: 41 }, { age: 85 }],
        shape: [2, 1],
      });
      expect((await data.getSlice(3, 99)).indices).to.deep.equal(['Edsger']);
      expect((await data.head(2)).indices).to.deep.equal(['Ada', 'Alan']);
      expect((await data.tail(1)).indices).to.deep.equal(['Edsger']);
      expect(await data.getColumn('age')).to.deep.include({ column: 'age', values: [36, 41, 85, 72] });
      expect((await data.getColumnData('city', { start: 3 })).values).to.deep.equal(['Nuenen']);
      expect((await data.getRowData('Alan')).row).to.deep.include({ age: 41, email: null });
      expect(await data.getShape()).to.deep.equal([4, 4]);
      expect(await data.getColumns()).to.deep.equal(['age', 'city', 'email', 'active']);
      expect(await data.getIndices()).to.deep.equal(['Ada', 'Alan', 'Grace', 'Edsger']);
      expect(await data.getInputColumns()).to.have.length(4);
      expect(await data.getOutputColumns()).to.deep.equal([]);
      expect(await data.getSeriesColumns()).to.deep.equal([]);
      expect(await data.getColumnType('age')).to.equal('input');
    });

    it('says what is not there', async () => {
      expect(await failureOf(data.getValue('Ada', 'aeg'), 'column_not_found')).to.include('age');
      await failureOf(data.getValue('Nobody', 'age'), 'index_not_found');
      await failureOf(data.filter('age', '>', 'x'), 'data_error');
      await failureOf(data.filter('aeg', '>', 1).getSlice(0, 1), 'column_not_found');
      await failureOf(client.createSession({ interfaceFile: 'none.yml' }), 'file_not_found');
    });

    it('gives the rows that match, and the session keeps all (D-10, D-11)', async () => {
      const old = data.filter('age', '>', 50);
      expect(await old).to.deep.include({ matched: 2, indices: ['Grace', 'Edsger'] });
      expect(await old.count()).to.equal(2);
      expect((await data.filter('city', 'London')).indices).to.deep.equal(['Ada']);
      expect((await old.filter('active', true)).indices).to.deep.equal(['Edsger']);
      const either = {
        or: [{ column: 'city', value: 'London' }, { not: { column: 'active', value: true } }],
      };
      expect((await data.filter(either)).indices).to.deep.equal(['Ada', 'Grace']);
      expect((await data.filter('email', 'is null')).indices).to.deep.equal(['Alan']);
      expect((await all(old.rows(['age']))).map(({ age }) => age)).to.deep.equal([85, 72]);
      expect(await data.getShape()).to.deep.equal([4, 4]);
    });

    it('is described, counted and searched, whole or where a condition holds (D-15, D-16, D-17)', async () => {
      expect(await data.getStats('age')).to.deep.include({
        column: 'age',
        count: 4,
        nullCount: 0,
        mean: 58.5,
        min: 36,
        '50%': 56.5,
        max: 85,
        sum: 234,
      });
      const old = data.filter('age', '>', 50);
      expect((await old.getStats('age', { quantiles: [0.5] })).count).to.equal(2);
      expect((await old.describe({ columns: ['age', 'city'] })).stats.age).to.include({
        nullCount: 0,
        max: 85,
      });
      expect((await data.getUnique('active', { withCounts: true })).counts).to.deep.equal([3, 1]);
      expect(await old.getUnique('city')).to.deep.include({ values: ['New York', 'Nuenen'], hasNull: false });
      expect(await data.countNulls('email')).to.include({ nullCount: 1, total: 4 });
      expect((await data.countNulls()).nullCounts).to.include({ email: 1, age: 0 });
      expect(await data.findDuplicates('active')).to.deep.include({ column: 'active', totalRows: 4 });
      expect((await data.findDuplicates(['active', 'city'])).duplicates).to.deep.equal([]);
      expect((await data.getOutliers('age', { stdDevs: 1 })).indices).to.deep.equal(['Grace']);
      const groups = await data.groupBy('active', [{ function: 'mean', column: 'age', name: 'mean_age' }]);
      expect(groups.records).to.deep.include({ active: false, mean_age: 85 });
      expect((await old.groupBy(['active'])).records).to.have.length(2);
      expect((await data.search('example')).indices).to.deep.equal(['Ada', 'Grace', 'Edsger']);
      expect((await data.sample(2, { seed: 7 })).seed).to.equal(7);
      expect((await data.sample(2, { seed: 7 })).indices).to.deep.equal(
        (await data.sample(2, { seed: 7 })).indices,
      );
      expect((await data.correlation()).columns).to.include('age');
      const pivoted = await data.pivot({ index: 'city', columns: 'active', values: 'age' });
      expect(pivoted.columns).to.deep.equal(['city', 'false', 'true']);
    });

    it('is read whole in chunks, each row once (D-18)', async () => {
      for (const size of [1, 2, 3, 4, 9]) {
        const chunks = await all(data.chunks(size));
        expect(chunks.flatMap(({ indices }) => indices)).to.deep.equal(['Ada', 'Alan', 'Grace', 'Edsger']);
      }
      expect((await all(data.rows(['age']))).map(({ age }) => age)).to.deep.equal([36, 41, 85, 72]);
    });

    it('is read in chunks as it was, while it is changed', async () => {
      const found: unknown[] = [];
      for await (const { indices } of data.chunks(1)) {
        found.push(...indices);
        if (found.length === 1) await data.sort('age', { ascending: false });
      }
      expect(found).to.deep.equal(['Ada', 'Alan', 'Grace', 'Edsger']);
    });

    it('is sorted in place, undone, redone and gone back to (D-14)', async () => {
      const { seq } = await data.sort('age', { ascending: false });
      expect((await data.getSlice(0, 4)).indices).to.deep.equal(['Grace', 'Edsger', 'Alan', 'Ada']);
      expect(await data.sort(['active', 'age'], { ascending: [false, true] })).to.deep.include({
        shape: [4, 4],
      });
      expect(await data.getIndices()).to.deep.equal(['Ada', 'Alan', 'Edsger', 'Grace']);
      expect(await data.undo(2)).to.include({ steps: 2, exact: true });
      expect(await data.getIndices()).to.deep.equal(['Ada', 'Alan', 'Grace', 'Edsger']);
      expect(await data.redo()).to.include({ reachedSeq: seq });
      await data.goto(0);
      expect(await data.getIndices()).to.deep.equal(['Ada', 'Alan', 'Grace', 'Edsger']);
    });

    it('has a focus (D-19)', async () => {
      expect([await data.getIndex(), await data.getColumnFocus()]).to.deep.equal(['Ada', 'age']);
      await data.setIndex('Grace');
      await data.setColumn('city');
      expect(await data.getValue()).to.equal('New York');
      await failureOf(data.setIndex('Nobody'), 'index_not_found');
      expect(await data.getIndex()).to.equal('Grace');
      expect(await data.getSelector()).to.equal(null);
      expect(await data.getSubindex()).to.equal(null);
      expect(await data.getSubseries()).to.deep.equal({ records: [], shape: [0, 0] });
    });

    it('is joined with another table of the same owner', async () => {
      const papers = 'name,title\nAda,Notes\nGrace,Compilers\n';
      const other = await client.createSession({
        file: Buffer.from(papers),
        fileName: 'p.csv',
        index: 'name',
      });
      expect((await data.join(other)).columns).to.include('title');
      expect((await data.getColumn('title')).values).to.deep.equal(['Notes', null, 'Compilers', null]);
      await data.undo();
      expect((await data.join(other.id, { how: 'inner' })).shape).to.deep.equal([2, 5]);
      await other.delete();
    });

    it('is changed where it lies', async () => {
      const free = await client.createSession({
        file: Buffer.from(people),
        fileName: 'p.csv',
        index: 'name',
      });
      await free.addColumn('score', { values: [1, 2, 3, null] });
      await free.addColumn('group', { value: 'all' });
      await free.fillNulls(0, { columns: ['score'] });
      expect((await free.getColumn('score')).values).to.deep.equal([1, 2, 3, 0]);
      await free.renameColumns({ score: 'my_score' });
      await free.castColumns({ my_score: 'float64' });
      expect((await free.getColumn('my_score')).dtype).to.equal('float64');
      await free.setValues([{ index: 'Ada', column: 'email', value: null }]);
      expect((await free.dropNulls({ columns: ['email'] })).shape).to.deep.equal([2, 6]);
      expect((await free.dropColumns('group')).shape).to.deep.equal([2, 5]);
      await free.appendRows([{ name: 'Barbara', age: 84 }]);
      expect(await free.getValue('Barbara', 'age')).to.equal(84);
      expect(await free.getIndices()).to.deep.equal(['Grace', 'Edsger', 'Barbara']);
      await free.setIndex('Barbara');
      await free.setColumn('city');
      await free.setValue('Boston');
      expect(await free.getValue('Barbara', 'city')).to.equal('Boston');
      const copy = await free.fork();
      await copy.setValue('Cambridge');
      expect([await free.getValue(), await copy.getValue()]).to.deep.equal(['Boston', 'Cambridge']);
      await copy.delete();
      await free.delete();
    });
  });
}

describe('what a client sends for a table', () => {
  it('is one request for rows that are filtered and sliced (D-13)', async () => {
    const server = await openServer({ store: 'memory' });
    const requests: string[] = [];
    const counted: typeof fetch = (address, init) => {
      requests.push(String(address instanceof Request ? address.url : address));
      return fetch(address, init);
    };
    const client = new Sojourn(
      new HttpCaller({ url: server.url, token: server.token, retries: 0, fetch: counted }),
    );
    try {
      await client.createSession({
        sessionId: 'a',
        file: Buffer.from(people),
        fileName: 'p.csv',
        index: 'name',
      });
      requests.length = 0;
      const rows = client.session('a').filter('age', '>', 30);
      expect((await rows.getSlice(0, 2)).indices).to.deep.equal(['Ada', 'Alan']);
      expect((await rows.getSlice(2, 4)).indices).to.deep.equal(['Grace', 'Edsger']);
      expect(requests).to.deep.equal([`${server.url}/api/sessions/a/filter`]);
    } finally {
      await client.close();
      await server.dispose();
    }
  });
});
