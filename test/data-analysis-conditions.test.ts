/** The condition language: every operator on every kind of column, nulls, and what cannot be compared. */
import { expect } from 'chai';
import { conditionSchema } from '../src/engines/data/analysis/conditions.js';
import { isSojournError } from '../src/types/errors.js';
import type { SojournError } from '../src/types/errors.js';
import { openTable, people } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';

const kinds = `SELECT * FROM (VALUES
  ('a', 1::TINYINT, 9007199254740993::BIGINT, 1.5::DOUBLE, 0.1::FLOAT, 1.25::DECIMAL(9,2), 'alpha', true,
   DATE '2024-02-28', TIMESTAMP '2024-02-28 10:00:00', '"x"'::JSON, TIME '10:00:00', [1, 2],
   '00000000-0000-0000-0000-000000000001'::UUID),
  ('b', 2::TINYINT, 9007199254740992::BIGINT, 'inf'::DOUBLE, 2::FLOAT, 2.50::DECIMAL(9,2), 'be''ta', false,
   DATE '2024-02-29', TIMESTAMP '2024-02-29 00:00:00', '5'::JSON, TIME '11:00:00', [3],
   '00000000-0000-0000-0000-000000000002'::UUID),
  ('c', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
  t(id, tiny, big, dbl, flt, amount, txt, flag, day, moment, mixed, clock, items, key)`;

describe('Conditions on the rows of a table', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(kinds, { index: 'id' });
  });
  after(() => table.close());

  const rows = async (where: unknown): Promise<string> => {
    const { indices } = await table.call('head', { where });
    return (indices as string[]).join('');
  };
  const failure = async (where: unknown): Promise<SojournError> => {
    try {
      await rows(where);
    } catch (error) {
      if (isSojournError(error)) return error;
      throw error;
    }
    throw new Error(`${JSON.stringify(where)} was answered`);
  };

  const answers: [column: string, operator: string | undefined, value: unknown, matches: string][] = [
    ['tiny', undefined, 1, 'a'],
    ['tiny', '==', 1, 'a'],
    ['tiny', '=', 1, 'a'],
    ['tiny', '==', '1', 'a'],
    ['tiny', '==', 1000, ''],
    ['tiny', '!=', 1, 'bc'],
    ['tiny', '<>', 1, 'bc'],
    ['tiny', '>', 1, 'b'],
    ['tiny', '>', 1.5, 'b'],
    ['tiny', '>=', 1, 'ab'],
    ['tiny', '<', 2, 'a'],
    ['tiny', '<=', 2, 'ab'],
    ['tiny', 'in', [1, 7], 'a'],
    ['tiny', 'in', [], ''],
    ['tiny', 'not in', [1], 'bc'],
    ['tiny', 'not_in', [], 'abc'],
    ['tiny', 'between', [1, 2], 'ab'],
    ['tiny', 'between', [2, 1], ''],
    ['tiny', 'is null', undefined, 'c'],
    ['tiny', 'is_null', undefined, 'c'],
    ['tiny', 'is not null', undefined, 'ab'],
    ['tiny', 'is_not_null', undefined, 'ab'],
    ['tiny', 'not_null', undefined, 'ab'],
    ['big', '==', '9007199254740993', 'a'],
    ['big', '>', '9007199254740992', 'a'],
    ['big', '>', 9007199254740991, 'ab'],
    ['big', 'in', ['9007199254740992'], 'b'],
    ['dbl', '==', 1.5, 'a'],
    ['dbl', '==', 'Infinity', 'b'],
    ['dbl', '<', 1e300, 'a'],
    ['dbl', '>', '-Infinity', 'ab'],
    ['flt', '==', 0.1, 'a'],
    ['amount', '==', 1.25, 'a'],
    ['amount', '>', '1.25', 'b'],
    ['amount', '>', 1e-7, 'ab'],
    ['txt', '==', "be'ta", 'b'],
    ['txt', '>', 'alpha', 'b'],
    ['txt', '!=', 'alpha', 'bc'],
    ['txt', 'contains', "'t", 'b'],
    ['txt', 'contains', 'A', ''],
    ['txt', 'not contains', 'alp', 'bc'],
    ['txt', 'not_contains', 'alp', 'bc'],
    ['txt', 'startswith', 'al', 'a'],
    ['txt', 'startswith', '%', ''],
    ['txt', 'endswith', 'a', 'ab'],
    ['txt', 'regex', '^a.*a$', 'a'],
    ['txt', 'matches', 'l', 'a'],
    ['txt', 'in', ['alpha', 'x'], 'a'],
    ['txt', '==', 'al\0pha', ''],
    ['flag', '==', true, 'a'],
    ['flag', '!=', true, 'bc'],
    ['flag', 'in', [false], 'b'],
    ['day', '==', '2024-02-29', 'b'],
    ['day', '<', '2024-02-29', 'a'],
    ['day', '<', '2024-02-28T12:00:00', 'a'],
    ['day', 'between', ['2024-02-28', '2024-02-29'], 'ab'],
    ['moment', '>', '2024-02-28', 'ab'],
    ['moment', '==', '2024-02-28T10:00:00', 'a'],
    ['moment', '==', '2024-02-28T12:00:00+02:00', 'a'],
    ['moment', '==', '2024-02-28 10:00:00Z', 'a'],
    ['mixed', '==', 'x', 'a'],
    ['mixed', '==', 5, 'b'],
    ['mixed', '>', 4, 'b'],
    ['mixed', '!=', 5, 'ac'],
    ['mixed', 'in', ['x', 5, true], 'ab'],
    ['mixed', 'contains', 'x', 'a'],
    ['clock', '>', '10:30:00', 'b'],
    ['items', 'is null', undefined, 'c'],
    ['key', '==', '00000000-0000-0000-0000-000000000002', 'b'],
    ['key', 'endswith', '1', 'a'],
    ['id', '>', 'a', 'bc'],
    ['index', '==', 'c', 'c'],
  ];
  for (const [column, operator, value, matches] of answers)
    it(`${column} ${operator ?? 'without operator'} ${JSON.stringify(value)} matches '${matches}'`, async () => {
      expect(await rows({ column, operator, value })).to.equal(matches);
    });

  it('turns a condition on nulls around as it does with others', async () => {
    expect(await rows({ not: { column: 'tiny', value: 1 } })).to.equal('bc');
    expect(await rows({ not: { column: 'tiny', operator: '!=', value: 1 } })).to.equal('a');
    expect(await rows({ not: { not: { column: 'tiny', operator: '>', value: 1 } } })).to.equal('b');
    expect(await rows({ not: { column: 'tiny', operator: 'between', value: [1, 1] } })).to.equal('bc');
    expect(await rows({ not: { column: 'mixed', operator: 'in', value: ['x', 5] } })).to.equal('c');
  });

  it('puts conditions together with and, or', async () => {
    const a = { column: 'tiny', value: 1 };
    const b = { column: 'txt', operator: 'contains', value: 'be' };
    expect(await rows({ or: [a, b] })).to.equal('ab');
    expect(await rows({ and: [a, b] })).to.equal('');
    expect(await rows({ and: [{ or: [a, b] }, { not: a }] })).to.equal('b');
  });

  const refused: [column: string, operator: string, value: unknown, words: RegExp][] = [
    ['tiny', '>', 'x', /Column 'tiny' is Int8 and cannot be compared with the text 'x'/],
    ['tiny', '==', true, /cannot be compared with true/],
    ['tiny', '==', null, /'is null'/],
    ['tiny', 'in', [1, null], /'is null'/],
    ['tiny', 'in', 1, /takes a list/],
    ['tiny', '==', [1], /one value/],
    ['tiny', '==', undefined, /needs a value/],
    ['tiny', 'between', [1], /two values/],
    ['tiny', 'contains', '1', /needs a column of texts/],
    ['tiny', 'regex', '1', /needs a column of texts/],
    ['big', '==', 9007199254740994, /give column 'big' a text/],
    ['dbl', '==', '1.5', /float64 .* the text '1.5'/],
    ['dbl', '==', '1; DROP TABLE s1', /the text/],
    ['txt', '==', 5, /object .* the number 5/],
    ['txt', 'contains', 5, /the number 5/],
    ['txt', 'regex', '(', /missing \)/],
    ['flag', '==', 'true', /bool.* the text 'true'/],
    ['flag', '==', 1, /true or false/],
    ['day', '==', 'yesterday', /date .* the text 'yesterday'/],
    ['day', '==', '2024-02-30', /2024-02-30/],
    ['day', '==', '2024-02-29T25:00', /T25/],
    ['moment', '>', 20240101, /the number/],
    ['items', '==', 'x', /is null or is not null/],
  ];
  for (const [column, operator, value, words] of refused)
    it(`refuses ${column} ${operator} ${JSON.stringify(value)}`, async () => {
      const error = await failure({ column, operator, value });
      expect(error.code).to.equal('data_error');
      expect(error.detail).to.match(words);
    });

  it('names the nearest column when one is not there', async () => {
    const error = await failure({ column: 'amout', value: 1 });
    expect(error.code).to.equal('column_not_found');
    expect(error.fields).to.deep.include({ nearest: 'amount' });
  });

  it('refuses conditions that are nested too deeply, too many, or none', () => {
    let deep: unknown = { column: 'a', value: 1 };
    for (let depth = 0; depth < 50_000; depth += 1) deep = { not: deep };
    const many = { or: Array.from({ length: 300 }, () => ({ column: 'a', value: 1 })) };
    const said = (given: unknown) => conditionSchema.safeParse(given).error?.issues[0]?.message;
    expect(said(deep)).to.contain('8 deep');
    expect(said(many)).to.contain('200');
    expect(said({ column: 'a', operator: '~', value: 1 })).to.contain("no operator '~'");
    expect(said([])).to.contain('a condition is an object');
    expect(said({})).to.be.a('string');
    expect(said({ and: [] })).to.be.a('string');
    expect(said({ column: 'a', value: 1, or: [] })).to.be.a('string');
  });

  it('reads only what a view shows, also of an earlier version', async () => {
    const known = await openTable(people, { index: 'name' });
    try {
      const where = { column: 'age', operator: '>', value: 40 };
      const view = { version: 0, where };
      const narrow = { column: 'city', value: 'New York' };
      expect((await known.call('head', { view })).indices).to.deep.equal(['Alan', 'Grace', 'Edsger']);
      expect((await known.call('head', { view, where: narrow })).indices).to.deep.equal(['Grace']);
      expect((await known.call('get_stats', { view, column: 'age' })).count).to.equal(3);
      const missing = await known.call('head', { version: 7 }).catch((error: unknown) => error);
      expect(isSojournError(missing, 'checkpoint_not_found')).to.equal(true);
    } finally {
      await known.close();
    }
  });
});
