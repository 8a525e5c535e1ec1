/** Tables as files and as Arrow streams, read back by others than wrote them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { tableFromIPC } from 'apache-arrow';
import { arrowStream } from '../src/engines/data/analysis/arrow.js';
import { exportTable } from '../src/engines/data/analysis/export.js';
import { relationOf } from '../src/engines/data/relation.js';
import { isSojournError } from '../src/types/errors.js';
import { openTable, people } from './support/data-tables.js';
import type { DataTable } from './support/data-tables.js';

const kinds = `SELECT * FROM (VALUES
  ('a', 1::TINYINT, 9007199254740993::BIGINT, 1.5::DOUBLE, true, 'ä', DATE '1969-12-31',
   TIMESTAMP '2024-02-29 10:00:00.123456', -12.34::DECIMAL(20,2), '{"x": [1]}'::JSON, [1, 2], 18446744073709551615::UBIGINT,
   170141183460469231731687303715884105727::HUGEINT, TIMESTAMPTZ '2024-01-01 00:00:00+00', 'q'::BLOB),
  ('b', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
  t(id, tiny, big, dbl, flag, txt, day, moment, amount, mixed, items, ubig, huge, zoned, bytes)`;

async function collected(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

describe('Tables as Arrow streams', () => {
  let table: DataTable;
  before(async () => {
    table = await openTable(kinds, { index: 'id' });
  });
  after(() => table.close());

  it('keep the types and values of their columns, the index first', async () => {
    const read = tableFromIPC(await collected(arrowStream(table.engine, relationOf(table.version))));
    expect(read.schema.metadata.get('index')).to.equal('id');
    const types = Object.fromEntries(read.schema.fields.map(({ name, type }) => [name, String(type)]));
    expect(types).to.deep.equal({
      id: 'Utf8',
      tiny: 'Int8',
      big: 'Int64',
      dbl: 'Float64',
      flag: 'Bool',
      txt: 'Utf8',
      day: 'Date32<DAY>',
      moment: 'Timestamp<MICROSECOND>',
      amount: 'Decimal[20e+2]',
      mixed: 'Utf8',
      items: 'Utf8',
      ubig: 'Uint64',
      huge: 'Utf8',
      zoned: 'Timestamp<MICROSECOND, UTC>',
      bytes: 'Utf8',
    });
    const row = read.get(0)!.toJSON() as Record<string, unknown>;
    expect(row).to.include({
      id: 'a',
      tiny: 1,
      big: 9007199254740993n,
      dbl: 1.5,
      flag: true,
      txt: 'ä',
      mixed: '{"x": [1]}',
      items: '[1,2]',
      ubig: 18446744073709551615n,
      huge: '170141183460469231731687303715884105727',
      bytes: Buffer.from('q').toString('base64'),
    });
    expect(Number(row.day)).to.equal(-86_400_000);
    expect(Math.floor(Number(row.moment))).to.equal(Date.UTC(2024, 1, 29, 10, 0, 0, 123));
    expect(Number(row.zoned)).to.equal(Date.UTC(2024, 0, 1));
    expect(BigInt.asIntN(64, new BigUint64Array((row.amount as Uint32Array).slice().buffer)[0]!)).to.equal(
      -1234n,
    );
    const nulls = read.get(1)!.toJSON() as Record<string, unknown>;
    for (const [name, cell] of Object.entries(nulls)) if (name !== 'id') expect(cell, name).to.equal(null);
  });

  it('come in batches, the schema first, also when there are no rows', async () => {
    const long = await openTable('SELECT range AS n FROM range(5000)');
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of arrowStream(long.engine, relationOf(long.version))) pieces.push(piece);
      expect(pieces).to.have.length(4);
      expect(tableFromIPC(pieces[0]).schema.fields.map(({ name }) => name)).to.deep.equal(['n']);
      const read = tableFromIPC(Buffer.concat(pieces));
      expect(read.numRows).to.equal(5000);
      expect(read.getChild('n')!.get(4999)).to.equal(4999n);
      const none = relationOf(long.version, undefined, 'false');
      const empty = tableFromIPC(await collected(arrowStream(long.engine, none)));
      expect([empty.numRows, empty.numCols]).to.deep.equal([0, 1]);
    } finally {
      await long.close();
    }
  });

  it('are cut off with their signal', async () => {
    const stop = new AbortController();
    stop.abort('interrupted');
    const error: unknown = await collected(
      arrowStream(table.engine, relationOf(table.version), { signal: stop.signal }),
    ).catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'timeout')).to.equal(true);
  });
});

describe('Tables as files', () => {
  let table: DataTable;
  let path: (name: string) => string;
  before(async () => {
    table = await openTable(people, { index: 'name' });
    path = (name) => join(table.engine.database.folder, name);
  });
  after(() => table.close());
  const written = async (format: Parameters<typeof exportTable>[2], name: string) => {
    const done = await exportTable(table.engine, relationOf(table.version), format, path(name));
    expect(done).to.deep.equal({ rows: 4, columns: ['name', 'age', 'city', 'email', 'active'] });
    return readFile(path(name));
  };

  it('are written as csv and tsv', async () => {
    expect((await written('csv', 'a.csv')).toString().split('\n').slice(0, 3)).to.deep.equal([
      'name,age,city,email,active',
      'Ada,36,London,ada@example.org,true',
      'Alan,41,Manchester,,false',
    ]);
    expect((await written('tsv', 'a.tsv')).toString().split('\n')[1]).to.equal(
      'Ada\t36\tLondon\tada@example.org\ttrue',
    );
  });

  it('are written as json and as lines of json', async () => {
    const alan = { name: 'Alan', age: 41, city: 'Manchester', email: null, active: false };
    const records = JSON.parse((await written('json', 'a.json')).toString()) as unknown[];
    expect(records).to.have.length(4);
    expect(records[1]).to.deep.equal(alan);
    expect(JSON.parse((await written('jsonl', 'a.jsonl')).toString().split('\n')[1]!)).to.deep.equal(alan);
  });

  it('are written as parquet and as arrow', async () => {
    await written('parquet', 'a.parquet');
    const { columns } = await table.engine.database.read(
      `SELECT name, age FROM read_parquet('${path('a.parquet')}')`,
    );
    expect(columns).to.deep.equal([
      ['Ada', 'Alan', 'Grace', 'Edsger'],
      [36, 41, 85, 72],
    ]);
    expect(
      tableFromIPC(await written('arrow', 'a.arrow'))
        .getChild('age')!
        .toJSON(),
    ).to.deep.equal([36, 41, 85, 72]);
  });

  it('are written as workbooks', async () => {
    await written('excel', 'a.xlsx');
    const { default: readExcel } = await import('read-excel-file/node');
    const [sheet] = await readExcel(path('a.xlsx'));
    expect(sheet!.data.slice(0, 3)).to.deep.equal([
      ['name', 'age', 'city', 'email', 'active'],
      ['Ada', 36, 'London', 'ada@example.org', true],
      ['Alan', 41, 'Manchester', null, false],
    ]);
  });

  it('are not written as workbooks when they are too large', async () => {
    const large = await openTable('SELECT range AS n FROM range(1048576)');
    try {
      const error: unknown = await exportTable(
        large.engine,
        relationOf(large.version),
        'excel',
        join(large.engine.database.folder, 'b.xlsx'),
      ).catch((thrown: unknown) => thrown);
      expect(isSojournError(error, 'limit_exceeded')).to.equal(true);
    } finally {
      await large.close();
    }
  });

  it('tell of two columns that differ only in case by another name', async () => {
    const odd = await openTable('SELECT 1 AS c, 2 AS d', { names: ['a', 'A'] });
    try {
      const file = join(odd.engine.database.folder, 'a.json');
      const done = await exportTable(odd.engine, relationOf(odd.version), 'json', file);
      expect(done.columns).to.deep.equal(['a', 'A_1']);
      expect(JSON.parse((await readFile(file)).toString())).to.deep.equal([{ a: 1, A_1: 2 }]);
    } finally {
      await odd.close();
    }
  });

  it('are not written outside of what the database may reach', async () => {
    const error: unknown = await exportTable(
      table.engine,
      relationOf(table.version),
      'csv',
      '/etc/sojourn.csv',
    ).catch((thrown: unknown) => thrown);
    expect(isSojournError(error, 'data_error')).to.equal(true);
  });
});
