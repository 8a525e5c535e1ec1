/** Groups, pivots and correlations, with the numbers that pandas gives. */
import { expect } from 'chai';
import { openTable } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';
import { codeOf } from './support/session-words.js';

const sales = `SELECT * FROM (VALUES
  ('north', 2023, 10, 1.5::DOUBLE, true), ('south', 2023, 20, 2.5, false), ('north', 2024, 30, NULL, true),
  ('south', 2024, NULL, 4.5, true), (NULL, 2024, 50, 5.5, false), ('north', 2024, 60, 6.5, NULL))
  t(region, year, units, price, paid)`;

describe('Groups of rows', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(sales);
  });
  after(() => table.close());
  const group = (params: Record<string, unknown>) => table.call('group_by', params);

  it('aggregates by a key, in its order, nulls of the key left out', async () => {
    const aggregates = [
      { function: 'size' },
      { column: 'units', function: 'count' },
      { column: 'units', function: 'sum' },
      { column: 'units', function: 'mean' },
      { column: 'units', function: 'max', name: 'most' },
      { column: 'price', function: 'first' },
      { column: 'price', function: 'last' },
      { column: 'year', function: 'nunique' },
      { column: 'paid', function: 'sum' },
    ];
    expect(await group({ by: 'region', aggregates })).to.deep.equal({
      columns: [
        'region',
        'size',
        'units_count',
        'units_sum',
        'units_mean',
        'most',
        'price_first',
        'price_last',
        'year_nunique',
        'paid_sum',
      ],
      records: [
        {
          region: 'north',
          size: 3,
          units_count: 3,
          units_sum: 100,
          units_mean: 100 / 3,
          most: 60,
          price_first: 1.5,
          price_last: 6.5,
          year_nunique: 2,
          paid_sum: 2,
        },
        {
          region: 'south',
          size: 2,
          units_count: 1,
          units_sum: 20,
          units_mean: 20,
          most: 20,
          price_first: 2.5,
          price_last: 4.5,
          year_nunique: 2,
          paid_sum: 1,
        },
      ],
      shape: [2, 10],
      dtypes: {
        region: 'object',
        size: 'int64',
        units_count: 'int64',
        units_sum: 'int64',
        units_mean: 'float64',
        most: 'Int32',
        price_first: 'float64',
        price_last: 'float64',
        year_nunique: 'int64',
        paid_sum: 'int64',
      },
    });
  });

  it('computes spreads with n - 1 and quantiles between neighbours', async () => {
    const { records } = await group({
      by: ['region'],
      aggregates: [
        { column: 'units', function: 'std' },
        { column: 'units', function: 'var' },
        { column: 'units', function: 'median' },
        { column: 'units', function: 'quantile', q: 0.25 },
      ],
    });
    const [north, south] = records as Record<string, number | null>[];
    expect(north?.units_std).to.be.closeTo(25.1661, 0.0001);
    expect(north?.units_var).to.be.closeTo(633.3333, 0.0001);
    expect(north).to.include({ units_median: 30, units_quantile: 20 });
    expect(south).to.include({ units_std: null, units_var: null, units_median: 20 });
  });

  it('keeps null keys and the order of the rows when asked to', async () => {
    const kept = await group({ by: 'region', dropna: false });
    expect((kept.records as { region: string | null }[]).map(({ region }) => region)).to.deep.equal([
      'north',
      'south',
      null,
    ]);
    const where = { column: 'units', operator: '>=', value: 20 };
    const unsorted = await group({ by: ['year', 'region'], sort: false, dropna: false, where });
    expect(unsorted.records).to.deep.equal([
      { year: 2023, region: 'south', size: 1 },
      { year: 2024, region: 'north', size: 2 },
      { year: 2024, region: null, size: 1 },
    ]);
    const page = await group({ by: ['year'], limit: 1 });
    expect(page).to.deep.include({ shape: [1, 2], truncated: true, next_start: 1 });
  });

  it('refuses what a column cannot be aggregated by, and equal names', async () => {
    const aggregated = (given: Record<string, unknown>) => codeOf(group({ by: 'year', aggregates: [given] }));
    expect(await aggregated({ column: 'region', function: 'mean' })).to.equal('data_error');
    expect(await aggregated({ column: 'regio', function: 'count' })).to.equal('column_not_found');
    expect(await aggregated({ function: 'sum' })).to.equal('invalid_params');
    expect(await aggregated({ column: 'units', function: 'sum', name: 'year' })).to.equal('invalid_params');
  });

  it('pivots two keys, with null where a pair does not come', async () => {
    expect(await table.call('pivot', { index: 'region', columns: 'year', values: 'units' })).to.deep.equal({
      columns: ['region', '2023', '2024'],
      records: [
        { region: 'north', 2023: 10, 2024: 45 },
        { region: 'south', 2023: 20, 2024: null },
      ],
      shape: [2, 3],
      dtypes: { region: 'object', 2023: 'float64', 2024: 'float64' },
    });
    const summed = { index: ['year'], columns: 'region', values: 'units', aggregate: 'sum', start: 1 };
    expect((await table.call('pivot', summed)).records).to.deep.equal([{ year: 2024, north: 90, south: 0 }]);
  });

  it('refuses a pivot of more than a thousand columns', async () => {
    const many = await openTable('SELECT range AS k, range AS v FROM range(1001)');
    try {
      const params = { index: 'k', columns: 'k', values: 'v' };
      expect(await codeOf(many.call('pivot', params))).to.equal('limit_exceeded');
      const where = { column: 'k', operator: '<', value: 1000 };
      expect((await many.call('pivot', { ...params, where, limit: 2 })).shape).to.deep.equal([2, 1001]);
    } finally {
      await many.close();
    }
  });
});

describe('Correlations', () => {
  it('compares each two columns over the rows that have both', async () => {
    const table = await openTable(`SELECT * FROM (VALUES
      (1.0, 2.0, 5, 'a'), (2.0, 4.0, 5, 'b'), (3.0, 5.0, 5, 'c'), (4.0, NULL, 5, 'd'), (5.0, 1.0, 5, 'e')) t(a, b, c, d)`);
    try {
      const { columns, matrix } = await table.call('correlation');
      expect(columns).to.deep.equal(['a', 'b', 'c']);
      const [[aa, ab, ac], [ba], [, , cc]] = matrix as [number[], number[], number[]];
      expect([aa, ac, cc]).to.deep.equal([1, null, null]);
      expect(ab).to.be.closeTo(-0.3207135, 1e-6);
      expect(ba).to.equal(ab);
      expect(await codeOf(table.call('correlation', { columns: ['d'] }))).to.equal('data_error');
    } finally {
      await table.close();
    }
  });

  it('compares ranks, equal numbers sharing theirs', async () => {
    const table = await openTable(
      'SELECT * FROM (VALUES (1, 1), (2, 8), (2, 9), (4, 1000), (NULL, 3)) t(a, b)',
    );
    try {
      const { matrix } = await table.call('correlation', { method: 'spearman' });
      expect((matrix as number[][])[0]?.[1]).to.be.closeTo(0.9486833, 1e-6);
    } finally {
      await table.close();
    }
  });

  it('has none of a table without rows or without numbers', async () => {
    const empty = await openTable('SELECT 1 AS a, 2 AS b WHERE false');
    const texts = await openTable("SELECT 'x' AS a");
    try {
      expect((await empty.call('correlation')).matrix).to.deep.equal([
        [null, null],
        [null, null],
      ]);
      expect((await texts.call('correlation')).matrix).to.deep.equal([]);
    } finally {
      await empty.close();
      await texts.close();
    }
  });
});
