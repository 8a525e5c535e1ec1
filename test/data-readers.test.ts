/** Readers of all kinds but separated values. */
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import writeExcel from 'write-excel-file/node';
import type { Cell } from '../src/engines/data/cells.js';
import { failure, loadWorld } from './support/data-load-world.js';
import type { LoadWorld, Shown } from './support/data-load-world.js';

describe('readers of data', () => {
  let world: LoadWorld;
  before(async () => void (world = await loadWorld()));
  after(() => world.close());

  const read = async (source: Record<string, Cell>): Promise<Shown> =>
    world.show(await world.load({ data_source: source }));
  const file = async (type: string, name: string, content: string | Uint8Array, more = {}) => {
    await world.write(name, content);
    return read({ type, filename: name, ...more });
  };

  describe('json', () => {
    it('reads a list of records; late keys, nested content and dates as they are', async () => {
      const records = [
        { a: 1, d: '2024-01-02', n: { x: [1, 2] }, m: 1 },
        { a: 2, b: true, l: ['x', 'y'], m: 'two', z: null },
      ];
      const { cells, types } = await file('json', 'r.json', JSON.stringify(records));
      expect(types).to.deep.equal({
        ...{ a: 'BIGINT', d: 'VARCHAR', n: 'JSON', m: 'JSON' },
        ...{ b: 'BOOLEAN', l: 'VARCHAR[]', z: 'JSON' },
      });
      expect(cells).to.deep.equal({
        ...{ a: [1, 2], d: ['2024-01-02', null], n: [{ x: [1, 2] }, null], m: [1, 'two'] },
        ...{ b: [null, true], l: [null, ['x', 'y']], z: [null, null] },
      });
    });

    it('keeps whole numbers exact', async () => {
      const text = '[{"a":9007199254740993,"b":18446744073709551617},{"a":1,"b":2}]';
      const { cells, types } = await file('json', 'big.json', text);
      expect(types).to.deep.equal({ a: 'BIGINT', b: 'HUGEINT' });
      expect(cells).to.deep.equal({ a: ['9007199254740993', 1], b: ['18446744073709551617', 2] });
    });

    it('tells keys apart whose case or quotes differ', async () => {
      const text = '[{"a":1,"A":2,"a\\"b":3},{"A_1":4}]';
      const { cells } = await file('json', 'case.json', text);
      expect(cells).to.deep.equal({ a: [1, null], A: [2, null], 'a"b': [3, null], A_1: [null, 4] });
    });

    it('reads lists by column, and one record', async () => {
      const { cells } = await file('json', 'c.json', '{"b":[1,2],"a":["x",null]}');
      expect(cells).to.deep.equal({ b: [1, 2], a: ['x', null] });
      expect((await file('json', 'o.json', '{"a":1,"b":[1,2]}')).cells).to.deep.equal({
        a: [1],
        b: [[1, 2]],
      });
    });

    it('refuses what is no table', async () => {
      for (const text of ['', '12', '[1,2]', '{"a":[1],"b":[1,2]}', '[{"a":1},', 'nonsense'])
        await failure(file('json', 'bad.json', text), 'data_error');
      expect((await file('json', 'none.json', '[]')).shape).to.deep.equal([0, 0]);
    });

    it('reads a record a line', async () => {
      const { cells } = await file('jsonl', 'r.jsonl', '{"a":1}\n{"a":2,"b":"x"}\n');
      expect(cells).to.deep.equal({ a: [1, 2], b: [null, 'x'] });
    });
  });

  it('parquet keeps its types', async () => {
    const path = join(world.root, 't.parquet');
    await world.context.database.run(
      `COPY (SELECT 1::INTEGER AS a, DATE '2024-01-02' AS "b c", {'x': 1} AS s, 'nan'::DOUBLE AS d) TO '${path}'`,
    );
    const { cells, types } = await read({ type: 'parquet', filename: 't.parquet' });
    expect(types).to.deep.equal({ a: 'INTEGER', 'b c': 'DATE', s: 'STRUCT(x INTEGER)', d: 'DOUBLE' });
    expect(cells).to.deep.equal({ a: [1], 'b c': ['2024-01-02'], s: [{ x: 1 }], d: [null] });
    await failure(file('parquet', 'bad.parquet', 'no parquet'), 'data_error');
  });

  it('yaml is read by the rules of YAML 1.1', async () => {
    const text =
      '- {a: 1:30, b: 012, c: yes, d: 2024-1-2, y: n, f: 1.5}\n- {a: 1, b: 2, c: off, d: x, y: y, f: .inf}\n';
    const { cells } = await file('yaml', 'r.yml', text);
    expect(cells).to.deep.equal({
      ...{ a: [90, 1], b: [10, 2], c: [true, false], d: ['2024-01-02', 'x'], y: ['n', 'y'] },
      f: [1.5, 'Infinity'],
    });
    const { cells: byColumn, types } = await file(
      'yaml',
      'c.yml',
      'a: [1, x]\nb: [12345678901234567890, 2]\n',
    );
    expect(byColumn).to.deep.equal({ a: [1, 'x'], b: ['12345678901234567890', 2] });
    expect(types).to.deep.equal({ a: 'JSON', b: 'HUGEINT' });
    expect((await file('yaml', 'o.yml', 'a: 1\nb: x\n')).cells).to.deep.equal({ a: [1], b: ['x'] });
  });

  it('markdown gives its front matter and its content', async () => {
    const { cells } = await file(
      'markdown',
      'm.md',
      '---\ntitle: T\ntags: [a, b]\n---\n\n# Body\n\n---\nmore\n',
    );
    expect(cells).to.deep.equal({ title: ['T'], tags: [['a', 'b']], content: ['# Body\n\n---\nmore'] });
    expect((await file('markdown', 'n.md', 'Only text\n')).cells).to.deep.equal({ content: ['Only text'] });
  });

  it('bibtex gives a row an entry, by author, year and title', async () => {
    const text = `@string{acm = "ACM"}
% mail me@example.org about @nothing
@article{b1, title = {The {TeX} book}, author = "Knuth, D.", year = 1984, journal = acm # " Press", zeta={1}}
@Book(a1, AUTHOR = {Ada}, Title = {Notes
  on}, isbn = 5)
`;
    const { cells, columns } = await file('bibtex', 'r.bib', text);
    expect(columns).to.deep.equal(['ENTRYTYPE', 'ID', 'title', 'author', 'year', 'journal', 'isbn', 'zeta']);
    expect(cells['ID']).to.deep.equal(['a1', 'b1']);
    expect(cells['title']).to.deep.equal(['Notes on', 'The {TeX} book']);
    expect(cells['journal']).to.deep.equal([null, 'ACM Press']);
    const error = await failure(file('bibtex', 'bad.bib', '@article{x,\n title = {open'), 'data_error');
    expect(error.detail).to.match(/line 2/);
  });

  it('excel reads a sheet below its row of names', async () => {
    const day = new Date(Date.UTC(2024, 0, 2));
    const rows = [
      [{ value: 'n' }, { value: 'd' }, { value: 'n' }],
      [{ value: 1.5 }, { value: day, type: Date, format: 'yyyy-mm-dd' }, { value: 'x' }],
      [{ value: 2 }, null, { value: 'y' }],
    ];
    const bytes = await writeExcel(rows, { sheet: 'Sheet1' }).toBuffer();
    const { cells } = await file('excel', 'b.xlsx', bytes);
    expect(cells).to.deep.equal({ n: [1.5, 2], d: ['2024-01-02', null], 'n.1': ['x', 'y'] });
    const error = await failure(
      read({ type: 'excel', filename: 'b.xlsx', sheet: 'Nope' }),
      'interface_invalid',
    );
    expect(error.detail).to.match(/^Worksheet named 'Nope' not found/);
    await failure(file('excel', 'bad.xlsx', 'no workbook'), 'data_error');
  });

  it('auto goes by the end of the name, and says what it does not know', async () => {
    expect((await file('auto', 'x.csv', 'a\n1\n')).cells).to.deep.equal({ a: [1] });
    expect((await file('auto', 'x.txt', 'words\n')).cells).to.deep.equal({ content: ['words\n'] });
    const error = await failure(file('auto', 'x.dat', ''), 'interface_invalid');
    expect(error.detail).to.equal(`Unrecognised type of file in "${world.root}/x.dat"`);
  });

  it('refuses by name what is out of reach', async () => {
    const sources: Record<string, Cell>[] = [
      { type: 'gsheet' },
      { type: 'docx', filename: 'a.docx' },
      { type: 'auto', filename: 'a.xls' },
      { type: 'docx_directory' },
    ];
    for (const source of sources) await failure(read(source), 'not_supported');
  });

  it('fake makes the same rows of the same seed', async () => {
    const generators =
      'givenName familyName prefix suffix name city state address email date birthdate age phone';
    const source = { type: 'fake', nrows: 20, cols: generators.split(' '), seed: 7 };
    const first = await read(source);
    expect(first.shape).to.deep.equal([20, 13]);
    expect((await read(source)).cells).to.deep.equal(first.cells);
    expect((await read({ ...source, seed: 8 })).cells).not.to.deep.equal(first.cells);
    expect(first.types['age']).to.equal('BIGINT');
    const named = await read({ type: 'fake', nrows: 0, cols: { who: 'name' } });
    expect([named.shape, named.columns]).to.deep.equal([[0, 1], ['who']]);
  });

  it('fake says what is missing', async () => {
    const words = {
      '"fake" specified in config but missing "nrows" key.': { cols: ['name'] },
      '"fake" specified in config but missing "cols" key.': { nrows: 1 },
      '"nrows" must be a non-negative integer.': { nrows: -1, cols: ['name'] },
      '"fake" specified as the type and columns are provided as a list, but the following columns are not attributes of lynguine.util.fake.Generate: "planet"':
        { nrows: 2, cols: ['planet'] },
    };
    for (const [detail, keys] of Object.entries(words)) {
      const error = await failure(read({ type: 'fake', ...keys }), 'interface_invalid');
      expect(error.detail).to.equal(detail);
    }
  });

  describe('directories', () => {
    before(async () => {
      await world.write('d/b.yml', 'x: 2\nn: {k: 1}\n');
      await world.write('d/a.yml', 'x: 1\n');
      await world.write('d/c.txt', 'text');
      await world.write('d/c.txt.yml', 'kind: words\n');
    });

    it('give a row a file in the order of names, nested fields with dots', async () => {
      const { cells, columns } = await read({
        type: 'yaml_directory',
        source: { directory: 'd', glob: '[ab].yml' },
      });
      expect(columns).to.deep.equal(['x', 'sourceRoot', 'sourceDirectory', 'sourceFilename', 'n.k']);
      expect(cells['x']).to.deep.equal([1, 2]);
      expect(cells['n.k']).to.deep.equal([null, 1]);
      expect(cells['sourceFilename']).to.deep.equal(['a.yml', 'b.yml']);
    });

    it('match regular expressions from the start of names', async () => {
      const { cells } = await read({
        type: 'directory',
        source: [{ directory: 'd', regexp: 'c' }],
        store_fields: { filename: 'file' },
      });
      expect(cells['file']).to.deep.equal(['c.txt', 'c.txt.yml']);
    });

    it('read what is said beside each file', async () => {
      const { cells } = await read({ type: 'meta_directory', source: { directory: 'd', glob: 'c*' } });
      expect(cells['kind']).to.deep.equal(['words']);
      expect(cells['sourceFilename']).to.deep.equal(['c.txt']);
    });

    it('refuse a field of the name of a column of theirs', async () => {
      await world.write('e/a.yml', 'sourceRoot: x\n');
      await failure(read({ type: 'yaml_directory', source: { directory: 'e' } }), 'data_error');
    });

    it('are ended when a regular expression does not come to an end', async () => {
      await world.write(`f/${'a'.repeat(60)}!`, '');
      const source = { type: 'directory', source: { directory: 'f', regexp: '(a+)+$' } };
      expect((await failure(read(source), 'timeout')).detail).to.contain('names');
    });

    it('read nothing through a link that leads out of the roots', async () => {
      await world.write('g/a.yml', 'x: 1\n');
      await symlink('/etc/hostname', join(world.root, 'g/b.yml'));
      const error = await failure(
        read({ type: 'yaml_directory', source: { directory: 'g' } }),
        'invalid_params',
      );
      expect(error.fields).to.include({ reason: 'path_escape' });
    });

    it('read lists of files by their extensions', async () => {
      await world.write('h/one.csv', 'a,b\n1,x\n');
      await world.write('h/two.json', '[{"a":2.5,"c":true}]');
      const { cells } = await read({ type: 'list', filename: ['h/one.csv', 'h/two.json'] });
      expect(cells).to.deep.include({ a: [1, 2.5], b: ['x', null], c: [null, true] });
      expect(cells['sourceFile']).to.deep.equal(['one.csv', 'two.json']);
    });
  });

  it('leaves no file open and no table behind', async () => {
    const tables = await world.tables();
    await failure(file('yaml', 'x.yml', '- 1\n'), 'data_error');
    expect(await world.tables()).to.deep.equal(tables);
    expect(await readFile(join(world.root, 'x.yml'), 'utf8')).to.equal('- 1\n');
  });
});
