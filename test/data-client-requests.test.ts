/** What a handle asks of the server for a table, and how often: names on the wire, conditions, pages. */
import { expect } from 'chai';
import { Sojourn } from '../src/client/sojourn.js';
import type { ByteSource, ICaller, UploadOptions } from '../src/types/client.js';
import { isSojournError } from '../src/types/errors.js';

interface Asked {
  readonly operation: string;
  readonly params: Record<string, unknown>;
}

/** Ten rows, of which one answer holds `pageRows`. */
class TableCaller implements ICaller {
  readonly asked: Asked[] = [];
  readonly sent: { params: object; source: ByteSource; options: UploadOptions | undefined }[] = [];
  pageRows = 4;
  broken = false;

  call(operation: string, params: Record<string, unknown>): Promise<unknown> {
    this.asked.push({ operation, params });
    if (this.broken) return Promise.reject(new Error('no answer'));
    const { start = 0, end = 10, limit = 10 } = params as { start?: number; end?: number; limit?: number };
    if (operation === 'create_session') return Promise.resolve({ session_id: 'made' });
    if (operation === 'get_session') return Promise.resolve({ shape: [10, 2], version: 7 });
    if (operation === 'get_slice') return Promise.resolve(this.page(start, Math.min(end, 10)));
    if (operation === 'filter')
      return Promise.resolve({
        ...this.page(start, Math.min(10, start + limit)),
        matched: 10,
        version: 7,
      });
    if (operation === 'get_indices') {
      const { indices, next_start } = this.page(start, 10);
      return Promise.resolve({ indices, next_start });
    }
    return Promise.resolve({ value: 1, null_count: 2, null_counts: { my_column: 3 } });
  }

  private page(start: number, end: number) {
    const until = Math.min(end, start + this.pageRows);
    const rows = Array.from({ length: Math.max(0, until - start) }, (_, at) => start + at);
    return {
      columns: ['my_name', 'age'],
      indices: rows.map((row) => `r${row}`),
      records: rows.map((row) => ({ my_name: `n${row}`, age: row })),
      shape: [rows.length, 2],
      dtypes: { my_name: 'object', age: 'int64' },
      ...(until < end ? { truncated: true, next_start: until } : {}),
    };
  }

  upload(operation: string, params: object, source: ByteSource, options?: UploadOptions): Promise<unknown> {
    this.sent.push({ params: { operation, ...params }, source, options });
    return Promise.resolve({ session_id: 'made' });
  }

  media(operation: string, params: Record<string, unknown>, type: string) {
    this.asked.push({ operation, params: { ...params, type } });
    return Promise.resolve(
      (async function* () {
        yield Uint8Array.of(1, 2);
        yield Uint8Array.of(3);
      })(),
    );
  }

  download = () => Promise.reject(new Error('nothing is downloaded here'));
  events = () => {
    throw new Error('no events here');
  };
  dispose = () => undefined;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('a handle of a table', () => {
  let caller: TableCaller;
  let client: Sojourn;
  beforeEach(() => {
    caller = new TableCaller();
    client = new Sojourn(caller);
  });
  const data = () => client.session('s');
  const where = { column: 'age', operator: '>', value: 30 };
  const session_id = 's';

  it('is made from what it is told, and a file is sent', async () => {
    const made = await client.createSession({
      interfaceFile: 'sales.yml',
      directory: 'd',
      interfaceField: 'main',
      sessionName: 'mine',
      timeout: 3600,
    });
    expect(made.id).to.equal('made');
    await client.createSession({ dataSource: { type: 'csv', filename: 'a.csv' }, kind: 'data' });
    await client.createSession({ data: [{ myColumn: 1, other_column: 2 }] });
    expect(caller.asked.map(({ params }) => params)).to.deep.equal([
      {
        interface_file: 'sales.yml',
        directory: 'd',
        interface_field: 'main',
        session_name: 'mine',
        timeout: 3600,
      },
      { data_source: { type: 'csv', filename: 'a.csv' }, kind: 'data' },
      { data: [{ myColumn: 1, other_column: 2 }] },
    ]);
    const bytes = Buffer.from('a\n1\n');
    await client.createSession({ file: bytes, fileName: 'a.csv', sessionId: 'x', idempotencyKey: 'k' });
    expect(caller.sent).to.deep.equal([
      {
        params: { operation: 'create_session', session_id: 'x' },
        source: bytes,
        options: { fileName: 'a.csv', idempotencyKey: 'k' },
      },
    ]);
  });

  it('reads a cell by label and column, or where the focus is', async () => {
    expect(await data().getValue(100, 'name')).to.equal(1);
    await data().getValue();
    expect(caller.asked).to.deep.equal([
      { operation: 'get_value', params: { index: 100, column: 'name', session_id } },
      { operation: 'get_value', params: { session_id } },
    ]);
  });

  it('leaves the names of columns as they are', async () => {
    const table = await data().getSlice(0, 2, ['my_name']);
    expect(table.records[1]).to.deep.equal({ my_name: 'n1', age: 1 });
    expect(table.dtypes).to.have.property('my_name');
    const nulls = await data().countNulls();
    expect(nulls.nullCounts).to.deep.equal({ my_column: 3 });
  });

  it('asks once for what is filtered and then sliced (D-13)', async () => {
    caller.pageRows = 100;
    const rows = data().filter('age', '>', 30);
    expect(caller.asked).to.deep.equal([]);
    expect((await rows.getSlice(0, 2)).indices).to.deep.equal(['r0', 'r1']);
    expect((await rows.getSlice(-2)).records).to.deep.equal([
      { my_name: 'n8', age: 8 },
      { my_name: 'n9', age: 9 },
    ]);
    expect(await rows.getSlice(8, 99, ['age'])).to.deep.equal({
      columns: ['age'],
      indices: ['r8', 'r9'],
      records: [{ age: 8 }, { age: 9 }],
      shape: [2, 1],
      dtypes: { age: 'int64' },
      matched: 10,
      version: 7,
    });
    expect((await rows.getSlice(5, 2)).records).to.deep.equal([]);
    expect(await rows.count()).to.equal(10);
    expect((await rows).records).to.have.length(10);
    expect((await rows.tail(1)).indices).to.deep.equal(['r9']);
    expect(await all(rows.rows(['age']))).to.have.length(10);
    expect(caller.asked).to.deep.equal([{ operation: 'filter', params: { where, session_id } }]);
  });

  it('names the columns there are when a slice of filtered rows asks for another', async () => {
    const failure: unknown = await data()
      .filter(where as never)
      .getSlice(0, 1, ['nope'])
      .catch((error: unknown) => error);
    expect(isSojournError(failure, 'column_not_found')).to.equal(true);
    expect(failure).to.have.property('detail').that.includes('my_name');
  });

  it('asks for the rows behind the first answer when they are wanted', async () => {
    const rows = data().filter('age', '>', 30);
    const behind = await rows.getSlice(3, 6);
    expect(behind.indices).to.deep.equal(['r3', 'r4', 'r5']);
    expect(behind).not.to.have.property('truncated');
    expect(await rows.getSlice(2, 10)).to.include({ truncated: true, nextStart: 6 });
    expect(await rows).to.include({ truncated: true, nextStart: 4, matched: 10 });
    expect((await all(rows.rows())).map(({ age }) => age)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(caller.asked.map(({ params }) => params)).to.deep.equal([
      { where, session_id },
      { where, session_id, start: 3, limit: 3, version: 7 },
      { where, session_id, start: 2, limit: 8, version: 7 },
      { where, session_id, start: 4, version: 7 },
      { where, session_id, start: 8, version: 7 },
    ]);
  });

  it('asks again after a failure', async () => {
    const rows = data().filter('age', '>', 30);
    caller.broken = true;
    expect(await rows.count().catch((error: unknown) => String(error))).to.equal('Error: no answer');
    caller.broken = false;
    expect(await rows.count()).to.equal(10);
  });

  it('takes conditions in three forms, and both of what is filtered twice', async () => {
    const london = { column: 'city', operator: '==', value: 'London' };
    const rows = data().filter('city', 'London');
    expect(rows.condition).to.deep.equal(london);
    expect(data().filter('city', 'is null').condition).to.deep.equal({ column: 'city', operator: 'is null' });
    expect(data().filter('city', 'not null', undefined).condition).to.deep.equal({
      column: 'city',
      operator: 'not null',
    });
    expect(data().filter('city', '==', 'is null').condition).to.include({ value: 'is null' });
    expect(data().filter('city', null).condition).to.include({ operator: '==', value: null });
    const either = { or: [{ column: 'a', value: 1 }, { not: { column: 'b', value: 2 } }] };
    expect(data().filter(either).condition).to.deep.equal(either);
    const both = rows.filter('age', '>', 30);
    expect(both.condition).to.deep.equal({ and: [london, where] });
    await both.getStats('age');
    await both.getUnique('age');
    await both.countNulls('age');
    await both.toArrow(['age']);
    expect(caller.asked).to.have.length(4);
    for (const { params } of caller.asked) expect(params.where).to.deep.equal(both.condition);
  });

  it('reads every row once, in chunks of any size', async () => {
    for (const size of [1, 3, 4, 7, 10, 100]) {
      const chunks = await all(data().chunks(size, ['age']));
      expect(chunks.flatMap(({ indices }) => indices)).to.deep.equal(
        Array.from({ length: 10 }, (_, row) => `r${row}`),
      );
    }
    const slices = caller.asked.filter(({ operation }) => operation === 'get_slice');
    expect(new Set(slices.map(({ params }) => params.version))).to.deep.equal(new Set([7]));
    expect((await all(data().rows())).map(({ age }) => age)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await data().getIndices()).to.have.length(10);
  });

  it('joins the bytes of an Arrow stream', async () => {
    expect([...(await data().toArrow())]).to.deep.equal([1, 2, 3]);
    expect(caller.asked).to.deep.equal([
      { operation: 'get_slice', params: { session_id, type: 'application/vnd.apache.arrow.stream' } },
    ]);
  });
});
