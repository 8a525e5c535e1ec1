/**
 * Tables and parameters that mean no good: each is refused with the code that the API names and words that let the
 * user mend it, or is taken as it is; the server goes on, and other sessions have what they had.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { Answered, DataDoors } from './support/data-doors.js';
import { refusedAs, witnessed } from './support/refusals.js';
import type { Witness } from './support/refusals.js';

describe('hostile tables', () => {
  let doors: DataDoors;
  let witness: Witness;

  before(async () => {
    doors = await openDataDoors({ limits: { json_values: 1_000_000 } });
    witness = await witnessed(doors);
  });
  after(() => doors.close());
  afterEach(() => witness.unharmed());

  const make = (body: object) => doors.native('POST', '/sessions', { kind: 'data', ...body });
  const load = async (name: string, content: string | Uint8Array, keys: object = {}): Promise<Answered> => {
    await writeFile(join(doors.root, name), content);
    const type = name.slice(name.lastIndexOf('.') + 1);
    return make({ data_source: { type, filename: name, ...keys } });
  };
  const made = (answer: Answered): string => {
    expect(answer.status, JSON.stringify(answer.body).slice(0, 500)).to.equal(201);
    return String(answer.body.session_id);
  };
  const table = async (data: unknown, more: object = {}) => made(await make({ data, ...more }));
  const asked = (id: string, operation: string, params: object = {}) =>
    doors.native('POST', `/sessions/${id}/${operation}`, params);

  describe('files', () => {
    it('that are missing or empty are told by their path', async () => {
      refusedAs(
        await make({ data_source: { type: 'csv', filename: 'nowhere.csv' } }),
        422,
        'interface_invalid',
        'nowhere.csv',
      );
      refusedAs(await make({ interface_file: 'nowhere.yml' }), 404, 'file_not_found', 'nowhere.yml');
      for (const name of ['empty.csv', 'empty.tsv', 'empty.json', 'empty.jsonl'])
        refusedAs(await load(name, ''), 422, 'data_error', name, 'empty');
      refusedAs(await load('empty.parquet', ''), 422, 'data_error', 'empty.parquet');
      refusedAs(await load('empty.xlsx', '', { type: 'excel' }), 422, 'data_error', 'empty.xlsx');
    });

    it('with rows that are too long are told by the line', async () => {
      refusedAs(await load('ragged.csv', 'a,b\n1,2\n3,4,5\n'), 422, 'data_error', 'ragged.csv', '3');
    });

    it('that are no table of their kind are refused', async () => {
      const junk = Buffer.from([0xff, 0xfe, 0, 0x80, 0x0a, 0xc3, 0x28]);
      for (const name of ['junk.csv', 'junk.json', 'junk.parquet', 'junk.jsonl'])
        refusedAs(await load(name, junk), 422, 'data_error');
      refusedAs(await load('junk.xlsx', junk, { type: 'excel' }), 422, 'data_error');
    });

    it('with names twice, without names and with names of ours have names to ask by', async () => {
      const id = made(await load('names.csv', 'a,a,,A,__sojourn_row\n1,2,3,4,5\n'));
      const { columns } = (await doors.ask(id, 'get_columns')) as { columns: string[] };
      expect(new Set(columns).size).to.equal(5);
      for (const [place, column] of columns.entries())
        expect((await doors.ask(id, 'get_column', { column })).values).to.deep.equal([place + 1]);
    });
  });

  it('2,000 columns are sliced, filtered and described in answers of bounded size', async () => {
    const names = Array.from({ length: 2000 }, (_, at) => `c${at}`);
    const rows = Array.from({ length: 300 }, (_, row) => names.map((_name, at) => row * at).join(','));
    const id = made(await load('wide.csv', [names.join(','), ...rows].join('\n')));
    const { body, bytes } = await doors.native('GET', `/sessions/${id}`);
    expect(body.shape).to.deep.equal([300, 2000]);
    expect(bytes).to.be.below(50_000);
    const slice = await doors.ask(id, 'get_slice', { start: 299 });
    expect((slice.records as Record<string, number>[])[0]!.c1999).to.equal(299 * 1999);
    const whole = await asked(id, 'get_slice');
    expect(whole.body).to.include({ truncated: true, next_start: 100 });
    expect(whole.bytes).to.be.below(8 * 1024 ** 2);
    const found = await doors.ask(id, 'filter', {
      column: 'c1',
      operator: '<',
      value: 2,
      columns: ['c1999'],
    });
    expect(found.records).to.deep.equal([{ c1999: 0 }, { c1999: 1999 }]);
    const described = await asked(id, 'describe');
    expect(described.body).to.include({ truncated: true, next_start: 500 });
    expect(described.bytes).to.be.below(1024 ** 2);
    const wrong = refusedAs(
      await asked(id, 'get_column', { column: 'c20000' }),
      404,
      'column_not_found',
      "'c2000",
    );
    expect(wrong.length).to.be.below(1000);
  });

  describe('names', () => {
    const names = [
      'a"b; drop table x',
      "it's",
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      'row',
      'label',
      'c0',
      'rowid',
      ' ',
      'a\nb\tc',
      '\u0001\u001f',
      '\\',
      '%s',
      '日本',
      'n'.repeat(900),
    ];

    it('of columns are only names, whatever they say', async () => {
      const head = Object.fromEntries(names.map((name, at) => [name, [at, at + 100, null]]));
      const record = (value: Record<string, unknown>) => ({ ...value });
      Object.defineProperty(head, '__proto__', { value: [2, 102, null], enumerable: true });
      const id = await table(record(JSON.parse(JSON.stringify(head)) as Record<string, unknown>));
      for (const [at, column] of names.entries()) {
        if (column === '__proto__') continue;
        expect((await doors.ask(id, 'get_value', { index: 1, column })).value, column).to.equal(at + 100);
        const { indices } = await doors.ask(id, 'filter', { column, operator: '>', value: 99 });
        expect(indices, column).to.deep.equal([1]);
        expect((await doors.ask(id, 'get_stats', { column })).sum, column).to.equal(2 * at + 100);
        expect((await doors.ask(id, 'get_unique', { column })).values).to.deep.equal([at, at + 100]);
        await doors.ask(id, 'group_by', { by: column });
        await doors.ask(id, 'find_duplicates', { column });
        await doors.ask(id, 'set_values', { values: [{ index: 2, column, value: 5 }] });
        await doors.ask(id, 'sort', { column, ascending: false });
        expect((await doors.ask(id, 'get_column', { column })).values).to.deep.equal([
          at + 100,
          ...[at, 5].sort((a, b) => b - a),
        ]);
        await doors.ask(id, 'undo', { steps: 2 });
      }
      const csv = await doors.ask(id, 'sql', { query: 'SELECT count(*) AS n FROM data' });
      expect(csv.records).to.deep.equal([{ n: 3 }]);
    });

    it('__proto__ is a column like others', async () => {
      const id = made(await load('proto.csv', '__proto__,constructor\n1,2\n3,4\n'));
      const { status, body } = await asked(id, 'get_column', { column: '__proto__' });
      expect([status, body.values]).to.deep.equal([200, [1, 3]]);
      const slice = await doors.ask(id, 'get_slice');
      expect(JSON.stringify(slice.records)).to.equal(
        '[{"__proto__":1,"constructor":2},{"__proto__":3,"constructor":4}]',
      );
      await doors.ask(id, 'set_values', { values: [{ index: 0, column: '__proto__', value: 9 }] });
      expect((await doors.ask(id, 'get_value', { index: 0, column: '__proto__' })).value).to.equal(9);
      expect((await doors.ask(id, 'get_stats', { column: '__proto__' })).sum).to.equal(12);
    });

    it('that are ours, empty, or too long cannot be given', async () => {
      const id = await table([{ a: 1 }]);
      refusedAs(
        await asked(id, 'add_column', { column: '__sojourn_x', value: 1 }),
        400,
        'invalid_params',
        '__sojourn_',
      );
      refusedAs(
        await asked(id, 'rename_columns', { columns: { a: '__sojourn_x' } }),
        400,
        'invalid_params',
        '__sojourn_',
      );
      for (const name of ['', 'n'.repeat(10_000)]) {
        refusedAs(await asked(id, 'add_column', { column: name, value: 1 }), 400, 'invalid_params', 'column');
        refusedAs(await asked(id, 'rename_columns', { columns: { a: name } }), 400, 'invalid_params');
      }
      refusedAs(await asked(id, 'add_column', { column: 'a', value: 1 }), 400, 'invalid_params', "'a'");
    });

    it('that are not there are answered with the nearest ones', async () => {
      const id = await table([{ revenue: 1, region: 'x' }]);
      for (const [operation, params] of [
        ['get_column', { column: 'revenu' }],
        ['get_value', { index: 0, column: 'revenu' }],
        ['get_slice', { columns: ['revenu'] }],
        ['filter', { column: 'revenu', value: 1 }],
        ['sort', { column: 'revenu' }],
        ['get_stats', { column: 'revenu' }],
        ['get_unique', { column: 'revenu' }],
        ['count_nulls', { column: 'revenu' }],
        ['group_by', { by: 'revenu' }],
        ['drop_columns', { columns: ['revenu'] }],
        ['rename_columns', { columns: { revenu: 'x' } }],
        ['set_values', { values: [{ index: 0, column: 'revenu', value: 1 }] }],
        ['append_rows', { rows: [{ revenu: 1 }] }],
        ['search', { text: 'x', columns: ['revenu'] }],
      ] as const)
        refusedAs(await asked(id, operation, params), 404, 'column_not_found', "'revenu'", "'revenue'");
      const far = await asked(id, 'get_column', { column: 'z'.repeat(1000) });
      refusedAs(far, 404, 'column_not_found', "Columns are 'revenue', 'region'.");
    });
  });

  describe('cells', () => {
    it('that are no numbers are null, and infinities are texts, also in mixed columns', async () => {
      const id = made(await load('endless.csv', 'x,y\nNaN,1\ninf,2\n-inf,3\n1.5,4\n'));
      const values = [null, 'Infinity', '-Infinity', 1.5];
      expect((await doors.ask(id, 'get_column', { column: 'x' })).values).to.deep.equal(values);
      const found = await doors.ask(id, 'filter', { column: 'x', value: 'Infinity' });
      expect(found.records).to.deep.equal([{ x: 'Infinity', y: 2 }]);
      expect((await asked(id, 'get_stats', { column: 'x' })).status).to.equal(200);
      await doors.ask(id, 'set_values', { values: [{ index: 0, column: 'x', value: 'text' }] });
      const mixed = (await doors.ask(id, 'get_column', { column: 'x' })).values;
      expect(mixed).to.deep.equal(['text', ...values.slice(1)]);
      expect((await doors.ask(id, 'get_unique', { column: 'x' })).values).to.deep.equal(mixed);
    });

    it('beyond 2^53 are exact texts wherever they are read, compared and set', async () => {
      const [one, two, three] = ['9007199254740993', '9223372036854775807', '-9007199254740995'];
      const id = made(await load('large.csv', `id,x\n${one},${two}\n${two},${one}\n7,1\n`, { index: 'id' }));
      expect((await doors.ask(id, 'get_value', { index: one, column: 'x' })).value).to.equal(two);
      const { records, indices } = await doors.ask(id, 'get_slice');
      expect([records, indices]).to.deep.equal([
        [{ x: two }, { x: one }, { x: 1 }],
        [one, two, 7],
      ]);
      expect((await doors.ask(id, 'filter', { column: 'x', value: one })).indices).to.deep.equal([two]);
      expect((await doors.ask(id, 'filter', { column: 'id', value: two })).indices).to.deep.equal([two]);
      refusedAs(await asked(id, 'filter', { column: 'x', value: Number(one) }), 422, 'data_error', 'text');
      await doors.ask(id, 'set_values', { values: [{ index: one, column: 'x', value: three }] });
      expect((await doors.ask(id, 'get_value', { index: one, column: 'x' })).value).to.equal(three);
      await doors.ask(id, 'append_rows', { rows: [{ id: '9007199254740997', x: one }] });
      expect((await doors.ask(id, 'get_value', { index: '9007199254740997', column: 'x' })).value).to.equal(
        one,
      );
      expect((await doors.ask(id, 'get_slice')).dtypes).to.deep.equal({ x: 'int64' });
      const stats = await doors.ask(id, 'get_stats', { column: 'x' });
      expect([stats.min, stats.max]).to.deep.equal([three, one]);
      await doors.ask(id, 'sort', { column: 'x' });
      expect((await doors.ask(id, 'get_column', { column: 'x' })).values).to.deep.equal([three, 1, one, one]);
    });

    it('of any other kind come back as they were', async () => {
      const cells = [
        [1, [2, { a: null }]],
        { a: { b: [] } },
        'x'.repeat(1024 ** 2),
        '2024-02-30',
        'a\0b',
        '\u0007\u202e',
        '😀',
        '',
        ' ',
      ];
      const id = await table(cells.map((x) => ({ x })));
      expect((await doors.ask(id, 'get_column', { column: 'x' })).values).to.deep.equal(cells);
      for (const [index, cell] of cells.entries()) {
        const values = [{ index: (index + 1) % cells.length, column: 'x', value: cell }];
        await doors.ask(id, 'set_values', { values });
      }
      await doors.ask(id, 'sort', { column: 'x' });
      await doors.ask(id, 'add_column', { column: 'y', values: cells });
      expect((await doors.ask(id, 'get_column', { column: 'y' })).values).to.deep.equal(cells);
      await doors.native('POST', `/sessions/${id}/hibernate`);
      expect((await doors.ask(id, 'get_column', { column: 'y' })).values).to.deep.equal(cells);
    });

    it('of texts alone come back as they were', async () => {
      const texts = [
        'x'.repeat(1024 ** 2),
        '2024-02-30',
        'a\0b',
        '\u0007\u202e',
        '😀',
        '',
        "'",
        'NULL',
        'null',
      ];
      const id = await table(texts.map((x) => ({ x })));
      expect((await doors.ask(id, 'get_column', { column: 'x' })).values).to.deep.equal(texts);
      for (const text of texts.slice(1)) {
        const { matched } = await doors.ask(id, 'filter', { column: 'x', value: text });
        expect(matched, JSON.stringify(text)).to.equal(1);
      }
      await doors.ask(id, 'append_rows', { rows: [{ x: 'c\0d' }] });
      await doors.ask(id, 'set_values', { values: [{ index: 0, column: 'x', value: 'e\0f' }] });
      await doors.ask(id, 'add_column', { column: 'y', value: 'g\0h' });
      await doors.ask(id, 'sort', { column: 'y' });
      const { records } = (await doors.ask(id, 'get_slice')) as { records: object[] };
      expect(records[0]).to.deep.equal({ x: 'e\0f', y: 'g\0h' });
      expect(records.at(-1)).to.deep.equal({ x: 'c\0d', y: 'g\0h' });
    });

    it('with half of a pair of surrogates do no harm', async () => {
      const id = await table([{ x: 'plain' }]);
      for (const text of ['\ud800', 'a\udc00b']) {
        const set = await asked(id, 'set_values', { values: [{ index: 0, column: 'x', value: text }] });
        expect(set.status).to.be.oneOf([200, 400, 422]);
        const added = await asked(id, 'append_rows', { rows: [{ x: text }] });
        expect(added.status).to.be.oneOf([200, 400, 422]);
        expect((await asked(id, 'filter', { column: 'x', value: text })).status).to.be.oneOf([200, 400, 422]);
        expect((await asked(id, 'get_slice')).status).to.equal(200);
      }
      expect((await make({ data: [{ x: '\ud800' }] })).status).to.be.oneOf([201, 400, 422]);
    });

    it('of dates are compared as dates, and refused as anything else', async () => {
      const id = await table([{ d: '2024-01-02' }, { d: '2023-05-06' }, { d: null }]);
      await doors.ask(id, 'cast_columns', { types: { d: 'date' } });
      const { indices } = await doors.ask(id, 'filter', { column: 'd', operator: '>', value: '2024-01-01' });
      expect(indices).to.deep.equal([0]);
      refusedAs(
        await asked(id, 'filter', { column: 'd', operator: '>', value: 5 }),
        422,
        'data_error',
        "'d'",
        'date',
      );
      refusedAs(await asked(id, 'filter', { column: 'd', value: '2024-02-30' }), 422, 'data_error', "'d'");
      refusedAs(await asked(id, 'cast_columns', { types: { d: 'int64' } }), 422, 'data_error');
    });
  });
});
