/** Separated values: what becomes of cells, headers and files that are not as they should be. */
import { expect } from 'chai';
import { failure, loadWorld } from './support/data-load-world.js';
import type { LoadWorld } from './support/data-load-world.js';

describe('csv', () => {
  let world: LoadWorld;
  before(async () => void (world = await loadWorld()));
  after(() => world.close());

  it('gives numbers, booleans and texts, and leaves dates texts', async () => {
    const { cells, types } = await world.csv('n,x,b,t,d\n1,1.5,true,a,2024-01-02\n2,2,False,b,2024-02-03\n');
    expect(types).to.deep.equal({ n: 'BIGINT', x: 'DOUBLE', b: 'BOOLEAN', t: 'VARCHAR', d: 'VARCHAR' });
    expect(cells['b']).to.deep.equal([true, false]);
    expect(cells['d']).to.deep.equal(['2024-01-02', '2024-02-03']);
  });

  it('takes what pandas takes for null', async () => {
    const { cells } = await world.csv('a,b\nNA,x\n,N/A\nnan,"null"\n3,""\n');
    expect(cells).to.deep.equal({ a: [null, null, null, 3], b: ['x', null, null, null] });
  });

  it('does not take yes, t and 1 for booleans', async () => {
    const { types } = await world.csv('a,b,c\nyes,t,1\nno,f,0\n');
    expect(types).to.deep.equal({ a: 'VARCHAR', b: 'VARCHAR', c: 'BIGINT' });
  });

  it('keeps whole numbers exact, however large', async () => {
    const { cells, types } = await world.csv(
      `a,b,c\n9007199254740993,18446744073709551617,${'9'.repeat(50)}\n1,2,3\n`,
    );
    expect(cells['a']).to.deep.equal(['9007199254740993', 1]);
    expect(types).to.deep.equal({ a: 'BIGINT', b: 'HUGEINT', c: 'VARCHAR' });
    expect(cells['c']?.[0]).to.equal('9'.repeat(50));
  });

  it('looks at all rows when a late one is of another type', async () => {
    const rows = Array.from({ length: 20_000 }, (_, at) => `${at},${at},true,${at}`);
    const { cells, types } = await world.csv(
      `a,b,c,d\n${rows.join('\n')}\n1.5,late,1,99999999999999999999\n`,
    );
    expect(types).to.deep.equal({ a: 'DOUBLE', b: 'VARCHAR', c: 'VARCHAR', d: 'HUGEINT' });
    expect(cells['a']?.[20_000]).to.equal(1.5);
    expect(cells['d']?.[20_000]).to.equal('99999999999999999999');
  });

  it('reads spaces, signs and zeros around whole numbers as pandas does', async () => {
    expect((await world.csv('a\n007\n +5\n-3 \n')).cells).to.deep.equal({ a: [7, 5, -3] });
  });

  it('gives names to columns that have none or the same', async () => {
    const { columns } = await world.csv('x,x,,x.1,,x\n1,2,3,4,5,6\n');
    expect(columns).to.deep.equal(['x', 'x.2', 'Unnamed: 2', 'x.1', 'Unnamed: 4', 'x.3']);
  });

  it('tells columns apart whose names differ in case only', async () => {
    expect((await world.csv('a,A\n1,2\n')).cells).to.deep.equal({ a: [1], A: [2] });
  });

  it('takes any text for a name', async () => {
    const name = 'a"b; drop table x';
    const { cells } = await world.csv(`"a""b; drop table x","two\nlines",'\n1,2,3\n`);
    expect(cells).to.deep.equal({ [name]: [1], 'two\nlines': [2], "'": [3] });
  });

  it('fills short rows with nulls, beside line breaks in quotes too', async () => {
    const { cells } = await world.csv('a,b,c\n1\n"q\nr",5\nx,y,z\n');
    expect(cells).to.deep.equal({ a: ['1', 'q\nr', 'x'], b: [null, '5', 'y'], c: [null, null, 'z'] });
  });

  it('names the line of a row with too many fields', async () => {
    const error = await failure(world.csv('a,b\n1,2\n1,2,3\n'), 'data_error');
    expect(error.detail).to.match(/^Line 3 of '.*table\.csv' has 3 fields where the header has 2\.$/);
    expect(error.fields).to.include({ line: 3 });
  });

  it('says when there is nothing in a file', async () => {
    for (const empty of ['', '\n\n', '  \n']) {
      const error = await failure(world.csv(empty), 'data_error');
      expect(error.detail).to.contain('No columns to parse from file');
    }
  });

  it('reads a header without rows', async () => {
    const { shape, columns } = await world.csv('a,b\n');
    expect(shape).to.deep.equal([0, 2]);
    expect(columns).to.deep.equal(['a', 'b']);
  });

  it('leaves out empty lines, also where there is one column', async () => {
    expect((await world.csv('\n\na\n1\n\n3\n')).cells).to.deep.equal({ a: [1, 3] });
  });

  it('says when a file is no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1,'), Buffer.from([0xff, 0xfe]), Buffer.from('\n')]);
    expect((await failure(world.csv(bytes), 'data_error')).detail).to.contain('UTF-8');
    const wide = Buffer.from('\ufeffa,b\n1,2\n', 'utf16le');
    expect((await failure(world.csv(wide), 'data_error')).detail).to.contain('UTF-16');
  });

  it('leaves out a byte order mark', async () => {
    expect((await world.csv('\ufeffa,b\r\n1,2\r\n')).columns).to.deep.equal(['a', 'b']);
  });

  it('refuses a quote that is not closed', async () => {
    expect((await failure(world.csv('a,b\n1,"x\n2,3\n'), 'data_error')).detail).to.match(/quote/);
  });

  it('takes header, delimiter, quotechar and dtypes', async () => {
    const keys = {
      header: 1,
      delimiter: ';',
      quotechar: "'",
      dtypes: [
        { field: 'a', type: 'str_type' },
        { field: 'b', type: 'float_type' },
      ],
    };
    const { cells, types } = await world.csv("made by hand\na;b\n'0;1';2\n", keys);
    expect(types).to.deep.equal({ a: 'VARCHAR', b: 'DOUBLE' });
    expect(cells).to.deep.equal({ a: ['0;1'], b: [2] });
  });

  it('numbers the columns where no row has names', async () => {
    expect((await world.csv('1,x\n2,y\n', { header: null })).cells).to.deep.equal({
      0: [1, 2],
      1: ['x', 'y'],
    });
  });

  it('refuses a dtype that a column cannot have', async () => {
    const dtypes = [{ field: 'a', type: 'int_type' }];
    expect((await failure(world.csv('a\n1\nx\n', { dtypes }), 'data_error')).detail).to.contain('"a"');
  });

  it('reads 2,000 columns', async () => {
    const names = Array.from({ length: 2000 }, (_, at) => `column ${at}`);
    const row = names.map((_name, at) => String(at)).join(',');
    const { shape, cells } = await world.csv(`${names.join(',')}\n${row}\n${row}\n`);
    expect(shape).to.deep.equal([2, 2000]);
    expect(cells['column 1999']).to.deep.equal([1999, 1999]);
  });

  it('reads tabs as tsv', async () => {
    await world.write('t.tsv', 'a\tb\n1\tx,y\n');
    const loaded = await world.load({ data_source: { type: 'tsv', filename: 't.tsv' } });
    expect((await world.show(loaded)).cells).to.deep.equal({ a: [1], b: ['x,y'] });
  });

  it('makes null of not a number and keeps infinities', async () => {
    expect((await world.csv('a\n1.5\nnan\ninf\n-Infinity\n')).cells).to.deep.equal({
      a: [1.5, null, 'Infinity', '-Infinity'],
    });
  });

  it('leaves no table behind but the one that it gives', async () => {
    const earlier = await world.tables();
    const { loaded } = await world.csv('a,b\n1,2\n', { ignore_columns: ['b'] });
    await failure(world.csv('a,b\n1,2,3\n'), 'data_error');
    expect(await world.tables()).to.have.members([...earlier, loaded.store.table]);
  });
});
