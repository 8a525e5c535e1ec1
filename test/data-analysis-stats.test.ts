/** Statistics: the numbers that pandas gives, for every family of columns. */
import { expect } from 'chai';
import { openTable, people } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';
import { codeOf } from './support/session-words.js';

describe('Statistics of columns', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(people, { index: 'name' });
  });
  after(() => table.close());

  it('describes numbers with n - 1 and linear quantiles, under both names', async () => {
    const stats = await table.call('get_stats', { column: 'age' });
    const { std, ...rest } = stats;
    expect(rest).to.deep.equal({
      column: 'age',
      dtype: 'int32',
      count: 4,
      null_count: 0,
      unique: 4,
      mean: 58.5,
      min: 36,
      '25%': 39.75,
      '50%': 56.5,
      '75%': 75.25,
      max: 85,
      sum: 234,
    });
    expect(std).to.be.closeTo(23.7838, 0.0001);
    expect(await table.call('stats', { column: 'age' })).to.deep.equal(stats);
  });

  it('describes texts by what is most frequent and by their lengths', async () => {
    expect(await table.call('get_stats', { column: 'email' })).to.deep.equal({
      column: 'email',
      dtype: 'object',
      count: 3,
      null_count: 1,
      unique: 3,
      top: 'ada@example.org',
      freq: 1,
      min_length: 15,
      max_length: 17,
    });
  });

  it('describes booleans', async () => {
    expect(await table.call('get_stats', { column: 'active' })).to.deep.equal({
      column: 'active',
      dtype: 'bool',
      count: 4,
      null_count: 0,
      unique: 2,
      top: true,
      freq: 3,
      true_count: 3,
      false_count: 1,
    });
  });

  it('describes the labels by the name of the index', async () => {
    const stats = await table.call('get_stats', { column: 'name' });
    expect(stats).to.include({ column: 'name', count: 4, unique: 4, top: 'Ada' });
  });

  it('adds quantiles and a histogram when they are asked for', async () => {
    const stats = await table.call('get_stats', { column: 'age', quantiles: [0.1, 1], histogram: 2 });
    expect(stats.quantiles).to.deep.equal({ 0.1: 37.5, 1: 85 });
    expect(stats.histogram).to.deep.equal({ edges: [36, 60.5, 85], counts: [2, 2] });
    expect(await codeOf(table.call('get_stats', { column: 'city', histogram: 2 }))).to.equal('data_error');
    expect(await codeOf(table.call('get_stats', { column: 'citty' }))).to.equal('column_not_found');
  });

  it('counts only the rows of a condition', async () => {
    const where = { column: 'age', operator: '>', value: 50 };
    const stats = await table.call('get_stats', { column: 'age', where });
    expect(stats).to.include({ count: 2, mean: 78.5, min: 72, sum: 157 });
  });

  it('describes all columns at once as it does each alone', async () => {
    const described = await table.call('describe');
    expect(described.columns).to.deep.equal(['age', 'city', 'email', 'active']);
    expect(described.shape).to.deep.equal([4, 4]);
    const stats = described.stats as Record<string, unknown>;
    for (const column of described.columns as string[])
      expect(stats[column]).to.deep.equal(await table.call('get_stats', { column }));
    const page = await table.call('describe', { start: 1, limit: 2 });
    expect(page).to.deep.include({ columns: ['city', 'email'], truncated: true, next_start: 3 });
  });
});

describe('Statistics of unusual columns', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(`SELECT * FROM (VALUES
      (9007199254740993::BIGINT, 'nan'::DOUBLE, 1e308, NULL::INTEGER, NULL::VARCHAR, DATE '2024-01-01', 1.10::DECIMAL(9,2), '[1]'::JSON),
      (9007199254740993::BIGINT, 'inf'::DOUBLE, -1e308, NULL, NULL, DATE '2024-03-01', 2.20, '"a"'::JSON),
      (NULL, 1.0, 1.0, NULL, NULL, NULL, NULL, '"a"'::JSON)) t(big, odd, huge, nothing, silence, day, amount, mixed)`);
  });
  after(() => table.close());

  it('keeps whole numbers beyond 2^53 exact as texts', async () => {
    const stats = await table.call('get_stats', { column: 'big' });
    expect(stats).to.include({
      min: '9007199254740993',
      sum: '18014398509481986',
      dtype: 'Int64',
      unique: 1,
    });
  });

  it('counts NaN as null, has no spread where a number is infinite or its square is', async () => {
    const odd = await table.call('get_stats', { column: 'odd' });
    expect(odd).to.include({ count: 2, null_count: 1, mean: 'Infinity', std: null, max: 'Infinity', min: 1 });
    const huge = await table.call('get_stats', { column: 'huge' });
    expect(huge).to.include({ count: 3, std: null, max: 1e308 });
    expect(await codeOf(table.call('get_stats', { column: 'huge', histogram: 4 }))).to.equal('data_error');
  });

  it('has no values of columns without any', async () => {
    expect(await table.call('get_stats', { column: 'nothing' })).to.deep.include({
      count: 0,
      null_count: 3,
      unique: 0,
      mean: null,
      std: null,
      min: null,
      '50%': null,
      sum: 0,
    });
    expect(await table.call('get_stats', { column: 'silence' })).to.deep.include({
      count: 0,
      null_count: 3,
      unique: 0,
      top: null,
      freq: 0,
      min_length: null,
    });
    expect((await table.call('get_stats', { column: 'nothing', histogram: 2 })).histogram).to.deep.equal({
      edges: [0, 0.5, 1],
      counts: [0, 0],
    });
  });

  it('describes dates by their ends, decimals exactly, mixed cells by the most frequent', async () => {
    expect(await table.call('get_stats', { column: 'day' })).to.deep.equal({
      column: 'day',
      dtype: 'date',
      count: 2,
      null_count: 1,
      unique: 2,
      min: '2024-01-01',
      max: '2024-03-01',
    });
    const amount = await table.call('get_stats', { column: 'amount' });
    expect(amount).to.include({ min: '1.10', max: '2.20', sum: '3.30' });
    expect(amount.mean).to.be.closeTo(1.65, 1e-12);
    expect(await table.call('get_stats', { column: 'mixed' })).to.include({ unique: 2, top: 'a', freq: 2 });
  });

  it('has one bin of width 1 around a single value, and puts values at edges as numpy does', async () => {
    const one = await table.call('get_stats', { column: 'odd', histogram: 2 });
    expect(one.histogram).to.deep.equal({ edges: [0.5, 1, 1.5], counts: [0, 1] });
    const tenths = await openTable('SELECT range / 10 AS x FROM range(11)');
    try {
      const { histogram } = await tenths.call('get_stats', { column: 'x', histogram: 10 });
      expect((histogram as { counts: number[] }).counts).to.deep.equal([1, 1, 2, 0, 1, 2, 1, 0, 1, 2]);
    } finally {
      await tenths.close();
    }
  });

  it('describes a table without rows', async () => {
    const empty = await openTable(
      'SELECT 1 AS n, $$x$$ AS s, true AS b, DATE $$2024-01-01$$ AS d WHERE false',
    );
    try {
      const { stats, shape } = await empty.call('describe');
      expect(shape).to.deep.equal([0, 4]);
      expect(Object.keys(stats as object)).to.deep.equal(['n', 's', 'b', 'd']);
      expect(await empty.call('get_stats', { column: 'd' })).to.include({ count: 0, unique: 0, min: null });
    } finally {
      await empty.close();
    }
  });

  it('describes two thousand columns, 500 at a time', async () => {
    const names = Array.from({ length: 2000 }, (_, at) => `${at} AS "c${at}"`);
    const wide = await openTable(`SELECT ${names.join(', ')} FROM range(3)`);
    try {
      const page = await wide.call('describe', { start: 1500 });
      expect(page.columns).to.have.length(500);
      expect((page.stats as Record<string, { mean: number }>).c1999?.mean).to.equal(1999);
      const { columns, records } = await wide.call('head', { n: 2 });
      expect(columns).to.have.length(2000);
      expect((records as Record<string, number>[])[1]?.c1234).to.equal(1234);
    } finally {
      await wide.close();
    }
  });
});
