/** Operations on values and rows: what is different, missing, repeated, far away, at the ends, by chance, or searched. */
import { expect } from 'chai';
import { openTable, people } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';
import { codeOf } from './support/session-words.js';

const visits = `SELECT * FROM (VALUES
  ('v1', 'b', 1, 1.0::DOUBLE), ('v2', 'a', 1, 2.0), ('v3', 'b', 1, 3.0), ('v4', NULL, 2, 2.5), ('v5', 'a', 2, 2.0),
  ('v6', NULL, 1, 100.0), ('v7', 'c', NULL, NULL)) t(id, city, n, x)`;

describe('Values and rows of a table', () => {
  let table: DataTable;
  let known: DataTable;
  before(async () => {
    table = await openTable(visits, { index: 'id' });
    known = await openTable(people, { index: 'name' });
  });
  after(async () => {
    await table.close();
    await known.close();
  });

  it('answers different values in the order in which they come', async () => {
    expect(await table.call('get_unique', { column: 'city' })).to.deep.equal({
      column: 'city',
      values: ['b', 'a', 'c'],
      count: 3,
      has_null: true,
    });
    const counted = await table.call('get_unique', { column: 'city', with_counts: true, limit: 2 });
    expect(counted).to.deep.include({ values: ['b', 'a'], counts: [2, 2], truncated: true, next_start: 2 });
    expect((await known.call('get_unique', { column: 'active' })).values).to.deep.equal([true, false]);
  });

  it('counts nulls of one column and of all', async () => {
    expect(await known.call('count_nulls', { column: 'email' })).to.deep.equal({
      column: 'email',
      null_count: 1,
      total: 4,
    });
    expect(await table.call('count_nulls')).to.deep.equal({ null_counts: { city: 2, n: 1, x: 1 }, total: 7 });
    expect(await codeOf(table.call('count_nulls', { column: 'z' }))).to.equal('column_not_found');
  });

  it('finds values that come more than once, with their labels, nulls left out', async () => {
    expect(await table.call('find_duplicates', { column: 'city' })).to.deep.equal({
      column: 'city',
      duplicates: [
        { value: 'b', count: 2, indices: ['v1', 'v3'] },
        { value: 'a', count: 2, indices: ['v2', 'v5'] },
      ],
      total_rows: 7,
    });
    expect(await table.call('find_duplicates', { columns: ['city', 'n'] })).to.deep.equal({
      columns: ['city', 'n'],
      duplicates: [{ value: { city: 'b', n: 1 }, count: 2, indices: ['v1', 'v3'] }],
      total_rows: 7,
    });
    const page = await table.call('find_duplicates', { column: 'city', start: 1, limit: 1 });
    expect((page.duplicates as { value: unknown }[]).map(({ value }) => value)).to.deep.equal(['a']);
    expect(page).not.to.have.property('truncated');
    expect(await codeOf(table.call('find_duplicates'))).to.equal('invalid_params');
  });

  it('finds outliers by standard deviations', async () => {
    const found = await known.call('get_outliers', { column: 'age', std_devs: 1 });
    expect(found.indices).to.deep.equal(['Grace']);
    expect(found.mean).to.equal(58.5);
    expect(found.upper).to.be.closeTo(82.2838, 0.0001);
    expect(found.lower).to.be.closeTo(34.7162, 0.0001);
    expect((await known.call('get_outliers', { column: 'age' })).shape).to.deep.equal([0, 4]);
  });

  it('finds outliers by quartiles', async () => {
    const found = await table.call('get_outliers', { column: 'x', method: 'iqr', columns: ['x'] });
    expect(found).to.deep.include({ indices: ['v6'], records: [{ x: 100 }], lower: 0.6875, upper: 4.1875 });
    expect(await codeOf(table.call('get_outliers', { column: 'city' }))).to.equal('data_error');
  });

  it('has no outliers where nothing varies or nothing is', async () => {
    const alone = { column: 'age', where: { column: 'city', value: 'London' } };
    expect(await known.call('get_outliers', alone)).to.deep.include({ indices: [], std: null, lower: null });
  });

  it('answers the ends of a table, or of the rows that match', async () => {
    const head = await known.call('head', { n: 1 });
    expect(head).to.deep.equal({
      columns: ['age', 'city', 'email', 'active'],
      indices: ['Ada'],
      records: [{ age: 36, city: 'London', email: 'ada@example.org', active: true }],
      shape: [1, 4],
      dtypes: { age: 'int32', city: 'object', email: 'object', active: 'bool' },
    });
    const where = { column: 'active', value: true };
    expect((await known.call('head', { n: 2, where })).indices).to.deep.equal(['Ada', 'Grace']);
    expect((await known.call('tail', { n: 2 })).indices).to.deep.equal(['Grace', 'Edsger']);
    expect((await known.call('tail', { n: 2, where })).indices).to.deep.equal(['Grace', 'Edsger']);
    expect((await known.call('tail', { n: 99, columns: ['age'] })).shape).to.deep.equal([4, 1]);
    expect((await known.call('head', { n: 0 })).shape).to.deep.equal([0, 4]);
  });

  it('takes the same sample for the same seed, and tells the seed that it chose', async () => {
    const numbers = await openTable('SELECT range AS n FROM range(1000)');
    try {
      const once = await numbers.call('sample', { n: 50, seed: 7 });
      expect(await numbers.call('sample', { n: 50, seed: 7 })).to.deep.equal(once);
      expect(new Set(once.indices as number[])).to.have.length(50);
      expect(once.indices).not.to.deep.equal([...(once.indices as number[])].sort((a, b) => a - b));
      expect((await numbers.call('sample', { n: 50, seed: 8 })).indices).not.to.deep.equal(once.indices);
      const chosen = await numbers.call('sample', { fraction: 0.01 });
      expect(chosen.shape).to.deep.equal([10, 1]);
      const again = await numbers.call('sample', { fraction: 0.01, seed: chosen.seed });
      expect(again.indices).to.deep.equal(chosen.indices);
      const page = await numbers.call('sample', { n: 50, seed: 7, start: 40, limit: 20 });
      expect(page.indices).to.deep.equal((once.indices as number[]).slice(40));
      expect(await codeOf(numbers.call('sample', { n: 1, fraction: 1 }))).to.equal('invalid_params');
    } finally {
      await numbers.close();
    }
  });

  it('searches the columns of texts, or those that are named', async () => {
    expect((await known.call('search', { text: 'EX' })).indices).to.deep.equal(['Ada', 'Grace', 'Edsger']);
    expect((await known.call('search', { text: 'EX', case_sensitive: true })).indices).to.deep.equal([]);
    expect((await known.call('search', { text: '%' })).indices).to.deep.equal([]);
    const cities = await known.call('search', { text: 'n', columns: ['city'], limit: 1 });
    expect(cities).to.deep.include({ indices: ['Ada'], truncated: true, next_start: 1 });
    expect(await codeOf(known.call('search', { text: '3', columns: ['age'] }))).to.equal('data_error');
  });

  it('cuts an answer at a page, and at a number of cells', async () => {
    const small = await openTable('SELECT range AS n FROM range(30)', { services: { pageRows: 10 } });
    try {
      const page = await small.call('head', { n: 25, start: 10 });
      expect(page).to.deep.include({ shape: [10, 1], truncated: true, next_start: 20 });
      expect(await small.call('head', { n: 25, start: 20 })).not.to.have.property('truncated');
    } finally {
      await small.close();
    }
    const columns = Array.from({ length: 1000 }, (_, at) => `${at} AS c${at}`).join(', ');
    const wide = await openTable(`SELECT ${columns} FROM range(300)`);
    try {
      expect((await wide.call('head', { n: 300 })).shape).to.deep.equal([200, 1000]);
    } finally {
      await wide.close();
    }
  });

  it('knows columns of any name apart', async () => {
    const names = ['a', 'A', 'a"b; drop table x', '__proto__', ''];
    const odd = await openTable('SELECT 1 AS c, 2 AS d, 3 AS e, 4 AS f, 5 AS g', { names });
    try {
      const { records, columns } = await odd.call('head');
      expect(columns).to.deep.equal(names);
      expect(names.map((name): unknown => Reflect.get((records as object[])[0]!, name))).to.deep.equal([
        1, 2, 3, 4, 5,
      ]);
      expect(await odd.call('get_stats', { column: names[2] })).to.include({ mean: 3 });
      expect((await odd.call('head', { where: { column: 'A', value: 1 } })).shape).to.deep.equal([0, 5]);
    } finally {
      await odd.close();
    }
  });
});
