/** The operation sql: names, values, limits, and that the session outlives what a statement does. */
import { expect } from 'chai';
import { isSojournError } from '../src/types/errors.js';
import type { SojournError } from '../src/types/errors.js';
import { openTable, people } from './support/data-tables.js';
import type { DataTable, TableOptions } from './support/data-tables.js';

describe('SQL on the table of a session', () => {
  const open: DataTable[] = [];
  const opened = async (sql: string, options?: TableOptions): Promise<DataTable> => {
    const table = await openTable(sql, options);
    open.push(table);
    return table;
  };
  afterEach(async () => {
    for (const table of open.splice(0)) await table.close();
  });
  const failure = async (work: Promise<unknown>): Promise<SojournError> => {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    if (isSojournError(error)) return error;
    throw new Error(`answered: ${JSON.stringify(error)}`);
  };

  it('answers with the types of its columns, the index first', async () => {
    const table = await opened(people, { index: 'name' });
    expect(await table.call('sql', { query: 'SELECT * FROM data WHERE age < 40' })).to.deep.equal({
      columns: ['name', 'age', 'city', 'email', 'active'],
      types: { name: 'VARCHAR', age: 'INTEGER', city: 'VARCHAR', email: 'VARCHAR', active: 'BOOLEAN' },
      dtypes: { name: 'object', age: 'int32', city: 'object', email: 'object', active: 'bool' },
      records: [{ name: 'Ada', age: 36, city: 'London', email: 'ada@example.org', active: true }],
      shape: [1, 5],
    });
    const counted = await opened('SELECT 5 AS x');
    expect((await counted.call('sql', { query: 'SELECT * FROM data' })).records).to.deep.equal([
      { index: 0, x: 5 },
    ]);
  });

  it('takes values by place and by name, never as text of the statement', async () => {
    const table = await opened(people, { index: 'name' });
    const names = async (query: string, params: unknown) =>
      ((await table.call('sql', { query, params })).records as { name: string }[]).map(({ name }) => name);
    expect(await names('SELECT name FROM data WHERE age > ? AND active = ?', [50, true])).to.deep.equal([
      'Grace',
      'Edsger',
    ]);
    expect(await names('SELECT name FROM data WHERE city = $city', { city: 'London' })).to.deep.equal([
      'Ada',
    ]);
    expect(await names('SELECT name FROM data WHERE city = ?', ["' OR 1=1 --"])).to.deep.equal([]);
    expect((await failure(names('SELECT name FROM data WHERE age > ?', []))).code).to.equal('data_error');
    expect((await failure(names('SELECT name FROM data WHERE age > ?', [1, 2]))).code).to.equal('data_error');
  });

  it('gives columns of one name suffixes, and stops at a page', async () => {
    const table = await opened('SELECT range AS n FROM range(100)', { services: { pageRows: 20 } });
    const answer = await table.call('sql', { query: 'SELECT n, n, n AS "n.1" FROM data' });
    expect(answer.columns).to.deep.equal(['n', 'n.2', 'n.1']);
    expect(answer).to.deep.include({ shape: [20, 3], truncated: true });
    const few = await table.call('sql', { query: 'SELECT n FROM data', limit: 3 });
    expect(few).to.deep.include({ records: [{ n: 0 }, { n: 1 }, { n: 2 }], truncated: true });
    const all = await table.call('sql', { query: 'SELECT n FROM data LIMIT 20' });
    expect(all).not.to.have.property('truncated');
  });

  it('calls the second of two columns that differ only in case by another name, and says so', async () => {
    const names = ['a', 'A', 'a"b; drop table x', 'index'];
    const table = await opened('SELECT 1 AS c, 2 AS d, 3 AS e, 4 AS f', { names });
    const answer = await table.call('sql', {
      query: 'SELECT a, A_1, "a""b; drop table x", index, index_1 FROM data',
    });
    expect(answer.records).to.deep.equal([{ a: 1, A_1: 2, 'a"b; drop table x': 3, index: 4, index_1: 0 }]);
    expect(answer.renamed).to.deep.equal({ A_1: 'A', index_1: 'index' });
  });

  it('reads only the rows of a condition', async () => {
    const table = await opened(people, { index: 'name' });
    const where = { column: 'age', operator: '>', value: 50 };
    const answer = await table.call('sql', { query: 'SELECT count(*) AS n FROM data', where });
    expect(answer.records).to.deep.equal([{ n: 2 }]);
  });

  it('explains what DuckDB cannot do', async () => {
    const table = await opened(people, { index: 'name' });
    const error = await failure(table.call('sql', { query: 'SELECT agee FROM data' }));
    expect(error.code).to.equal('data_error');
    expect(error.detail).to.match(/agee.*not found/);
    expect((await failure(table.call('sql', { query: "SELECT error('x')" }))).detail).to.contain('x');
  });

  it('ends a statement whose time is over, and goes on', async () => {
    const table = await opened(people, { services: { sqlTimeoutMs: 50 } });
    const query = 'SELECT count(*) FROM range(10000000) a, range(10000000) b';
    const error = await failure(table.call('sql', { query }));
    expect(error.code).to.equal('timeout');
    expect(error.fields).to.deep.include({ timeout_ms: 50 });
    const stop = new AbortController();
    const stopped = failure(table.call('sql', { query }, stop.signal));
    stop.abort('interrupted');
    expect((await stopped).code).to.equal('timeout');
    expect((await table.call('head', { n: 1 })).shape).to.deep.equal([1, 5]);
  });

  it('ends a statement that takes all memory, and goes on', async () => {
    const table = await opened(people, { memoryBytes: 64 << 20 });
    const query = "SELECT length(string_agg(a::VARCHAR, '')) FROM range(1000000000) t(a)";
    expect((await failure(table.call('sql', { query }))).code).to.equal('limit_exceeded');
    expect((await table.call('sql', { query: 'SELECT count(*) AS n FROM data' })).records).to.deep.equal([
      { n: 4 },
    ]);
  });

  it('reads a table without rows and one of two thousand columns', async () => {
    const empty = await opened('SELECT 1 AS n WHERE false');
    expect(await empty.call('sql', { query: 'SELECT * FROM data' })).to.deep.include({
      shape: [0, 2],
      records: [],
    });
    const columns = Array.from({ length: 2000 }, (_, at) => `${at} AS c${at}`).join(', ');
    const wide = await opened(`SELECT ${columns}`);
    expect((await wide.call('sql', { query: 'SELECT c1999, c0 FROM data' })).records).to.deep.equal([
      { c1999: 1999, c0: 0 },
    ]);
  });
});
